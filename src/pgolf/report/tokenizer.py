"""The audit of a tokenizer as text, JSON, SARIF, HTML or Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgolf.core.tokenizer_report import TextCounts, TokenizerReport, WorstToken
from pgolf.core.verdict import Verdict
from pgolf.errors import UsageError

if TYPE_CHECKING:
    from pgolf.report.terminal import Page

TOKENIZER_FORMATS = ("text", "json", "jsonl", "sarif", "html", "markdown")


def render_tokenizer(report: TokenizerReport, format: str = "text", *, page: Page | None = None) -> str:
    """The report in one of `TOKENIZER_FORMATS`. Raises UsageError for another."""
    if format == "text":
        from pgolf.report.render import terminal_page

        return _text(report, page or terminal_page())
    if format in ("json", "jsonl"):
        from pgolf.report.json_document import compact, indented

        return indented(report.to_json()) if format == "json" else compact(report.to_json()) + "\n"
    if format == "markdown":
        return _markdown(report)
    if format == "html":
        return _html(report)
    if format == "sarif":
        from pgolf.report.sarif import findings_sarif

        return findings_sarif(report.findings, report.verdict)
    raise UsageError(f"no format {format!r:.40} for a tokenizer: choose {', '.join(TOKENIZER_FORMATS)}")


def _facts(report: TokenizerReport) -> list[tuple[str, str, str]]:
    marker = "not needed" if report.byte_level else "yes" if report.has_marker_piece else "no"
    return [
        ("Format", report.format, "byte-level" if report.byte_level else ""),
        (
            "Vocabulary",
            f"{report.vocab_size:,} tokens",
            f"{report.unused_pieces:,} unused" if report.unused_pieces else "",
        ),
        ("`▁` piece", marker, ""),
        ("Byte tokens", f"{report.single_byte_tokens} of 256 values", ""),
        ("Normalises", report.normaliser or "no", ""),
        ("Dummy prefix", "yes" if report.dummy_prefix else "no", ""),
        ("SHA-256", report.tokenizer_sha256, ""),
    ]


def _rows(counts: TextCounts) -> list[tuple[str, str, str]]:
    """(what, bytes, against the raw text) of each way to count."""
    return [
        ("raw text", f"{counts.raw_bytes:,}", ""),
        *(
            (what, f"{size:,}", f"{100 * counts.share(size):+.3f} %")
            for what, size in (
                ("after normalisation", counts.normalised_bytes),
                ("decode(encode(text))", counts.decoded_bytes),
                ("the byte rule", counts.rule_bytes),
                ("decode([id]) one by one", counts.alone_bytes),
            )
        ),
    ]


def _worst(counts: TextCounts) -> list[tuple[str, tuple[WorstToken, ...]]]:
    return [
        ("Worst tokens: the rule's bytes against the text they stand for", counts.worst_by_rule),
        ("Worst tokens: decode([id]) against the table", counts.worst_alone),
    ]


def _scope(report: TokenizerReport, counts: TextCounts) -> str:
    cut = ", the beginning of it" if counts.truncated else ""
    per_token = counts.rule_bytes / max(1, counts.tokens)
    return (
        f"{report.text}{cut}: {counts.documents:,} documents, {counts.tokens:,} tokens, {per_token:.4f} bytes per token by the "
        "rule"
    )


def _text(report: TokenizerReport, page: Page) -> str:
    from rich.text import Text

    from pgolf.report import terminal
    from pgolf.report.visible import visible

    line = Text()
    line.append(report.verdict.value, style=terminal.STYLES[report.verdict.value])
    line.append(f"  {visible(report.tokenizer)}", style="bold")
    lines = [line, *page.prose(_HEADLINES[report.verdict], 2), Text()]
    lines += terminal.facts_lines(_facts(report), page)
    counts = report.counts
    if counts is not None:
        lines += [Text(), Text("Bytes of real text", style="bold"), *page.prose(_scope(report, counts), 2)]
        lines += [Text(f"  {what:<24} {size:>15}  {share:>10}") for what, size, share in _rows(counts)]
        for heading, worst in _worst(counts):
            if worst:
                lines += [Text(), Text(heading, style="bold")]
                lines.append(Text(f"  {'id':>6}  {'times':>9}  {'counted':>11}  {'stands for':>11}  token"))
                lines += [
                    Text(
                        f"  {row.token:>6}  {row.occurrences:>9,}  {row.counted_bytes:>11,}  {row.text_bytes:>11,}  "
                        f"{visible(row.text)}"
                    )
                    for row in worst
                ]
    lines += terminal.findings_lines("Findings", report.findings, page)
    return page.render(lines)


_HEADLINES = {
    Verdict.VERIFIED: "the rule counts the bytes of this text",
    Verdict.FLAGGED: "the rule and the bytes of this text part",
    Verdict.UNVERIFIED: "structure only: give --text FILE to measure it on real text",
}


def _markdown(report: TokenizerReport) -> str:
    from pgolf.report.markdown import code, escape, findings_table, table

    facts = [
        (escape(name), escape(f"{value} ({remark})" if remark else value))
        for name, value, remark in _facts(report)
    ]
    parts = [
        f"## {report.verdict.value}: {code(report.tokenizer)}\n",
        f"{_HEADLINES[report.verdict].capitalize()}.\n",
        table(("", ""), facts),
    ]
    counts = report.counts
    if counts is not None:
        parts += [
            f"### Bytes of real text\n\n{escape(_scope(report, counts))}\n",
            table(("Counted", "Bytes", "Against the text"), _rows(counts), frozenset({1, 2})),
        ]
        for heading, worst in _worst(counts):
            rows = [
                (
                    str(row.token),
                    code(row.text),
                    f"{row.occurrences:,}",
                    f"{row.counted_bytes:,}",
                    f"{row.text_bytes:,}",
                )
                for row in worst
            ]
            if rows:
                parts.append(f"### {heading}\n")
                parts.append(
                    table(("Id", "Token", "Times", "Counted", "Stands for"), rows, frozenset({0, 2, 3, 4}))
                )
    if report.findings:
        parts += ["### Findings\n", findings_table(report.findings)]
    return "\n".join(parts)


def _html(report: TokenizerReport) -> str:
    from pgolf.report.html import render_page

    counts = report.counts
    return render_page(
        "tokenizer.html.j2",
        scripts=("scheme.js",),
        title=report.tokenizer,
        verdict=report.verdict.value,
        meaning=_HEADLINES[report.verdict],
        facts=[
            (name, f"{value} ({remark})" if remark else value, "") for name, value, remark in _facts(report)
        ],
        findings=report.findings,
        scope="" if counts is None else _scope(report, counts),
        rows=[] if counts is None else _rows(counts),
        worst=[] if counts is None else _worst(counts),
    )
