"""Markdown (GitHub's dialect): a table of rows with sections, one script, one submission. Everything from outside is
escaped, so that a hostile title is text: no HTML, no link, no image, no mention, no heading, no broken table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from pgolf.core.finding import Finding
from pgolf.core.row import ResultRow
from pgolf.core.script_report import Correction, ScriptReport
from pgolf.core.submission_report import SubmissionReport
from pgolf.core.verdict import Verdict
from pgolf.report import numbers
from pgolf.report.json_document import verdict_counts
from pgolf.report.visible import visible

_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]()<>#+\-.!|~$:@&=\"'/^]")
_WORD: Final = re.compile(r"[A-Za-z0-9]")
LONGEST_CELL: Final = 300
_VERDICT_ORDER: Final = (Verdict.FLAGGED, Verdict.UNVERIFIED, Verdict.VERIFIED)


def escape(text: object, limit: int = LONGEST_CELL) -> str:
    """`text` as inert Markdown on one line.

    Every ASCII punctuation character that any Markdown construct can start with becomes a numeric character
    reference (`&#124;` for a pipe): unlike a backslash, that also holds inside tables, autolinks and mentions.
    Plain dots, colons, slashes and dashes stay readable where no construct can start.
    """
    return _SPECIAL.sub(_reference, visible(text, limit))


def code(text: object, limit: int = LONGEST_CELL) -> str:
    """`text` in monospace. As `<code>` with references: a code span cannot escape back-quotes or a table's pipes."""
    return f"<code>{escape(text, limit)}</code>"


def _reference(match: re.Match[str]) -> str:
    character = match.group()
    if character in ".-/:=_" and not _dangerous(match):
        return character
    return f"&#{ord(character)};"


def _dangerous(match: re.Match[str]) -> bool:
    """Whether one of `. - / : = _` could start a list, a rule, a heading, an autolink, an emoji or emphasis here."""
    text, at, character = match.string, match.start(), match.group()
    if at == 0:
        return True
    before, after = text[at - 1], text[at + 1 : at + 2]
    if character == "_":
        # Between two letters or digits it opens and closes nothing.
        return not (_WORD.fullmatch(before) and _WORD.fullmatch(after))
    if character == ".":
        # "1. " starts a list; "www." starts an autolink.
        return (text[:at].isdigit() and not _WORD.fullmatch(after)) or text[
            max(0, at - 3) : at
        ].lower() == "www"
    if character == ":":
        # Scheme, emoji short code (":name:"), table alignment; harmless before a space.
        return after != " " or not _WORD.fullmatch(before)
    if character in "-=":
        # A setext underline or a table's delimiter row: only where nothing but the same characters stands before.
        return not text[:at].strip("-= ")
    return before == "/"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """A pipe table of cells that are escaped already; `right` holds the columns of numbers."""
    rule = ["---:" if index in right else "---" for index in range(len(header))]
    lines = [header, rule, *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def rows_report(rows: Iterable[ResultRow], title: str = "Audit of bits-per-byte claims") -> str:
    """Counts, a table of all rows, and a section with the reasons of each row that has any."""
    listed = list(rows)
    counts = verdict_counts(listed)
    out = [f"# {escape(title)}\n\n"]
    if not listed:
        return out[0] + "Nothing was audited: no submission was found.\n"
    out.append(", ".join(f"{counts[verdict]} {verdict.value}" for verdict in _VERDICT_ORDER) + ".\n\n")
    out.append(
        table(
            (
                "PR",
                "Submission",
                "Verdict",
                "Tables",
                "Reported",
                "Ratio",
                "Corrected",
                "Bytes / token",
                "Reasons",
            ),
            (_row_cells(row) for row in listed),
            right=frozenset({0, 4, 5, 6, 7}),
        )
    )
    out.extend(
        f"\n## {_row_name(row)}: {row.verdict.value}\n\n" + findings_table(row.reasons)
        for row in listed
        if row.reasons
    )
    return "".join(out)


def script_report(report: ScriptReport) -> str:
    """The audit of one script: verdict first, then what was found, where, and what it costs."""
    facts = [
        ("Verdict", report.verdict.value),
        ("Tables", f"{report.lut_status.value} ({escape(report.evidence) or 'no evidence'})"),
        ("Eval loop", report.eval_status.value),
        ("Byte source", report.byte_source.value),
        ("Packed", " → ".join(escape(layer) for layer in report.packed_layers) or "no"),
        ("Tokenizer", escape(report.tokenizer) if report.tokenizer else "none given"),
        ("SHA-256", code(report.script_sha256) if report.script_sha256 else numbers.NOTHING),
    ]
    out = [f"# {escape(report.script)}: {report.verdict.value}\n\n", table(("", ""), facts)]
    if report.reason:
        out.append(f"\n{escape(report.reason, 2000)}\n")
    if report.undecided_by:
        out.append(f"\nWhat would decide it: {escape(report.undecided_by, 2000)}\n")
    if report.deviations:
        cells = (
            (f"`{d.name.value}`", numbers.count(d.tokens), escape(d.example), escape(d.effect) or "yes")
            for d in report.deviations
        )
        out.append(
            "\n## Deviations\n\n" + table(("Deviation", "Tokens", "Example", "Effect"), cells, frozenset({1}))
        )
    if report.correction is not None:
        out.append("\n## Exact correction\n\n" + _correction(report.correction))
    if report.locations:
        out.append("\n## Where\n\n")
        out.extend(f"- {escape(x.role)}: {_place(x.path, x.line)}\n" for x in report.locations)
    if report.findings:
        out.append("\n## Findings\n\n" + findings_table(report.findings))
    if report.notes:
        out.append("\n## Notes\n\n" + "".join(f"- {escape(note, 2000)}\n" for note in report.notes))
    return "".join(out)


def submission_report(report: SubmissionReport) -> str:
    """The audit of one submission: its row, its logs, claims against evidence, what is missing, its script."""
    row = report.row
    out = [f"# {_row_name(row)}: {row.verdict.value}\n\n"]
    facts = [
        ("Reported bpb", numbers.bpb(row.reported_bpb)),
        ("Bpb in the logs", numbers.bpb(row.log_bpb)),
        (
            "Bytes per token",
            f"{numbers.bytes_per_token(row.bytes_per_token)} ({row.fingerprint_status.value})",
        ),
        ("Inflation ratio", numbers.ratio(row.inflation_ratio)),
        ("Corrected bpb", numbers.bpb(row.corrected_bpb)),
        ("Tables", f"{row.lut_status.value} ({escape(row.evidence) or 'no evidence'})"),
        ("Eval loop", row.eval_status.value),
        ("Tokenizer", escape(row.tokenizer) if row.tokenizer else numbers.NOTHING),
    ]
    out.append(table(("", ""), facts))
    if row.reasons:
        out.append("\n## Reasons\n\n" + findings_table(row.reasons))
    if report.missing:
        out.append(
            "\n## Missing evidence\n\n" + "".join(f"- {escape(item, 2000)}\n" for item in report.missing)
        )
    if report.logs:
        cells = (
            (
                code(log.path),
                numbers.count(log.seed).replace(",", ""),
                f"{escape(log.score_label)} (line {log.score_line})" if log.score_line else numbers.NOTHING,
                numbers.bpb(log.val_bpb),
                numbers.bytes_per_token(log.bytes_per_token),
                log.fingerprint_status.value,
                numbers.count(log.artifact_bytes),
            )
            for log in report.logs
        )
        header = ("Log", "Seed", "Score line", "val_bpb", "Bytes / token", "Fingerprint", "Artifact bytes")
        out.append("\n## Logs\n\n" + table(header, cells, frozenset({1, 3, 4, 6})))
    if report.claims:
        words = {True: "agrees", False: "**disagrees**", None: "no evidence"}
        claims = (
            (escape(c.name), escape(c.stated), escape(c.found), words[c.agrees], escape(c.where))
            for c in report.claims
        )
        out.append("\n## Claims\n\n" + table(("Claim", "Stated", "Found", "", "Where"), claims))
    if report.notes:
        out.append("\n## Notes\n\n" + "".join(f"- {escape(note, 2000)}\n" for note in report.notes))
    if report.script is not None:
        out.append("\n" + re.sub(r"^(#+) ", r"#\1 ", script_report(report.script), flags=re.MULTILINE))
    return "".join(out)


def _row_name(row: ResultRow) -> str:
    name = escape(row.folder or row.script or "(no folder)")
    return name if row.pr is None else f"PR {row.pr}, {name}"


def _row_cells(row: ResultRow) -> tuple[str, ...]:
    rules = dict.fromkeys(reason.rule for reason in row.reasons)
    return (
        numbers.NOTHING if row.pr is None else str(row.pr),
        escape(row.folder or row.script or "(no folder)"),
        row.verdict.value,
        row.lut_status.value,
        numbers.bpb(row.reported_bpb),
        numbers.ratio(row.inflation_ratio),
        numbers.bpb(row.corrected_bpb),
        numbers.bytes_per_token(row.bytes_per_token),
        ", ".join(escape(rule) for rule in rules) or numbers.NOTHING,
    )


def _place(path: str, line: int) -> str:
    return code(f"{path}:{line}" if line else path) if path else numbers.NOTHING


def findings_table(findings: Iterable[Finding]) -> str:
    """Findings as a table."""
    cells = (
        (
            escape(f.rule),
            f.severity.value,
            f.confidence.value,
            _place(f.path, f.line),
            escape(f.message, 2000),
        )
        for f in findings
    )
    return table(("Rule", "Severity", "Confidence", "Where", "What"), cells)


def _correction(correction: Correction) -> str:
    facts = [("Inflation ratio", numbers.ratio(correction.ratio))]
    if correction.candidate_bytes is not None:
        facts.append(("Bytes by this script", numbers.count(correction.candidate_bytes)))
    if correction.canonical_bytes is not None:
        facts.append(("Canonical bytes", numbers.count(correction.canonical_bytes)))
    if correction.scored_tokens is not None:
        facts.append(("Scored tokens", numbers.count(correction.scored_tokens)))
    facts.append(("Reported bpb", numbers.bpb(correction.reported_bpb)))
    facts.append(("Corrected bpb", numbers.bpb(correction.corrected_bpb)))
    if correction.includes:
        facts.append(("Includes", escape(correction.includes)))
    if correction.stream:
        facts.append(("Measured on", escape(correction.stream)))
    return table(("", ""), facts)
