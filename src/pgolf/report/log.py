"""The audit of training logs as text, JSON, SARIF or Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgolf.core.log_report import LogsReport, LogSummary, StatementSummary
from pgolf.core.verdict import Verdict
from pgolf.errors import UsageError

if TYPE_CHECKING:
    from rich.text import Text

    from pgolf.report.terminal import Page

LOG_FORMATS = ("text", "json", "sarif", "markdown")
_HEADLINES = {
    Verdict.VERIFIED: "the score line implies the canonical bytes per token (leaks and the script are not looked at here)",
    Verdict.FLAGGED: "the implied bytes per token are not canonical",
    Verdict.UNVERIFIED: "undecided: what is missing or odd stands below",
}
_AGREEMENT = {
    "score": "agrees with the score line",
    "final": "agrees with another final line",
    "other": "stands only on a line that is no result",
    "none": "printed nowhere",
    "no log": "no log of this seed",
}


def render_logs(report: LogsReport, format: str = "text", *, page: Page | None = None) -> str:
    """The report in one of `LOG_FORMATS`. Raises UsageError for another."""
    if format == "text":
        from pgolf.report.render import terminal_page

        return _text(report, page or terminal_page())
    if format == "json":
        from pgolf.report.json_document import indented

        return indented(report.to_json())
    if format == "markdown":
        return _markdown(report)
    if format == "sarif":
        from pgolf.report.sarif import findings_sarif

        findings = [finding for log in report.logs for finding in log.findings]
        return findings_sarif((*findings, *report.findings), report.verdict)
    raise UsageError(f"no format {format!r:.40} for a log: choose {', '.join(LOG_FORMATS)}")


def _facts(log: LogSummary) -> list[tuple[str, str, str]]:
    facts: list[tuple[str, str, str]] = []
    if log.val_bpb is not None:
        where = f"line {log.score_line}, {log.score_label or 'no label'}: {log.why}"
        facts.append(("Score", f"{log.val_bpb:.8g} bpb", where))
    else:
        facts.append(("Score", "none", log.why))
    if log.bytes_per_token is not None:
        interval = ""
        if log.bytes_per_token_low is not None and log.bytes_per_token_high is not None:
            half = (log.bytes_per_token_high - log.bytes_per_token_low) / 2
            interval = f"± {half:.1g} by the printed decimals"
        facts.append(("Bytes/token", f"{log.bytes_per_token:.5f}", interval))
    facts.append(("Fingerprint", log.fingerprint_status.value, log.fingerprint_reason))
    if log.ratio is not None and log.corrected_bpb is not None and log.fingerprint_status.value == "DEVIATES":
        facts.append(
            ("Corrected", f"{log.corrected_bpb:.6f} bpb", f"{log.val_bpb or 0:.6f} x {log.ratio:.4f}")
        )
    facts += [("or", text, "") for text in log.explanations[1:3]]
    facts.append(("Run", log.ending, log.ending_reason))
    sizes = [(n, s) for n, s in (("model", log.model_bytes), ("code", log.code_bytes)) if s is not None]
    if log.artifact_bytes is not None or sizes:
        total = f"{log.artifact_bytes:,} bytes" if log.artifact_bytes is not None else "no total"
        facts.append(("Size", total, ", ".join(f"{name} {size:,}" for name, size in sizes)))
    times = [
        (n, s)
        for n, s in (("train", log.train_seconds), ("eval of the score", log.eval_seconds))
        if s is not None
    ]
    if times:
        steps = (
            f"{log.steps:,} of {log.max_steps:,} steps"
            if log.steps is not None and log.max_steps is not None
            else ""
        )
        average = f"{log.step_avg_ms:g} ms each" if log.step_avg_ms is not None else ""
        remark = ", ".join(part for part in (steps, average) if part)
        facts.append(("Time", ", ".join(f"{name} {seconds:,.1f} s" for name, seconds in times), remark))
    setup = [
        f"seed {log.seed}" if log.seed is not None else "",
        f"{log.world_size} GPUs" if log.world_size is not None else "",
        f"{log.val_tokens:,} validation tokens" if log.val_tokens is not None else "",
        f"{log.train_shards} train shards" if log.train_shards is not None else "",
        f"{log.peak_memory_mib:,} MiB peak" if log.peak_memory_mib is not None else "",
        f"{log.runs} runs in this log (the last one is read)" if log.runs > 1 else "",
    ]
    facts.append(("Setup", ", ".join(part for part in setup if part) or "not printed", log.tokenizer_path))
    return facts


def _statement_rows(statement: StatementSummary) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for claim in statement.claims:
        who = f"seed {claim.seed}" if claim.seed >= 0 else "headline"
        where = f"{claim.log}:{claim.line} {claim.label}" if claim.line else claim.log
        rows.append(
            (who, f"{claim.stated:.8g}", f"{_AGREEMENT[claim.agreement]}{': ' if where else ''}{where}")
        )
    if statement.mean is not None and len(statement.claims) > 1:
        said = {True: "agrees with the headline", False: f"the headline says {statement.stated_mean}"}
        rows.append(
            (
                "mean",
                f"{statement.mean:.8f}",
                said.get(bool(statement.mean_agrees), "") if statement.stated_mean else "",
            )
        )
    if statement.sample_std is not None and statement.population_std is not None:
        stated = {
            "sample": "the stated one is the sample's",
            "population": f"the stated one is the population's ({statement.population_std:.6f})",
            "both": "the stated one fits",
            "neither": f"the stated one is {statement.stated_std}",
        }
        rows.append(
            ("deviation", f"{statement.sample_std:.6f}", stated.get(statement.std_kind, "not stated"))
        )
    return rows


def _text(report: LogsReport, page: Page) -> str:
    from rich.text import Text

    from pgolf.report import terminal
    from pgolf.report.visible import visible

    lines: list[Text] = []
    for log in report.logs:
        title = Text()
        title.append(log.verdict.value, style=terminal.STYLES[log.verdict.value])
        title.append(f"  {visible(log.log)}", style="bold")
        lines += [title, *page.prose(_HEADLINES[log.verdict], 2), Text()]
        lines += terminal.facts_lines(_facts(log), page)
        lines += terminal.findings_lines("Findings", log.findings, page)
        lines += [line for note in log.notes for line in page.prose(f"Note: {note}", 2, "dim")]
        lines.append(Text())
    if report.statement is not None:
        lines += [Text("Stated values", style="bold")]
        lines += terminal.facts_lines(_statement_rows(report.statement), page)
        lines.append(Text())
    if report.findings:
        lines += terminal.findings_lines("Findings over all of them", report.findings, page)
        lines.append(Text())
    if len(report.logs) > 1:
        last = Text("Together: ")
        last.append(report.verdict.value, style=terminal.STYLES[report.verdict.value])
        lines.append(last)
    return page.render(lines)


def _markdown(report: LogsReport) -> str:
    from pgolf.report.markdown import code, escape, findings_table, table

    parts: list[str] = []
    for log in report.logs:
        facts = [(escape(n), escape(v), escape(remark)) for n, v, remark in _facts(log)]
        parts += [
            f"## {log.verdict.value}: {code(log.log)}\n",
            f"{_HEADLINES[log.verdict].capitalize()}.\n",
            table(("", "", ""), facts),
        ]
        if log.findings:
            parts.append(findings_table(log.findings))
    if report.statement is not None:
        rows = [(escape(a), escape(b), escape(c)) for a, b, c in _statement_rows(report.statement)]
        parts += ["## Stated values\n", table(("", "Stated", "Logs"), rows)]
    if report.findings:
        parts += ["## Findings over all logs\n", findings_table(report.findings)]
    if len(report.logs) > 1:
        parts.append(f"Together: **{report.verdict.value}**\n")
    return "\n".join(parts)
