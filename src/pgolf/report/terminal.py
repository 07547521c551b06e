"""Text for a terminal or a pipe: verdict first, colour only where a terminal wants it, nothing hidden in hostile text.

On a terminal, prose wraps at its width and table cells are shortened; in a pipe nothing is wrapped or shortened, so that
`grep` and `cut` see whole paths and messages. Only the sixteen standard colours (never yellow or blue) and bold are
used, so both dark and light backgrounds keep their contrast; every colour repeats what a word already says.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from pgolf.core.finding import Finding
from pgolf.core.row import ResultRow
from pgolf.core.script_report import Correction, ScriptReport
from pgolf.core.submission_report import SubmissionReport
from pgolf.core.verdict import Verdict
from pgolf.report import numbers
from pgolf.report.explanations import Explanation, find_explanation
from pgolf.report.json_document import verdict_counts
from pgolf.report.visible import visible

STYLES: Final = {
    "VERIFIED": "bold green",
    "CORRECT": "green",
    "CANONICAL": "green",
    "MATCHES": "green",
    "FLAGGED": "bold red",
    "BUGGY": "red",
    "DEVIATES": "red",
    "OBFUSCATED": "magenta",
    "UNVERIFIED": "bold",
    "UNKNOWN": "bold",
    "error": "red",
    "warning": "magenta",
    "note": "dim",
}
_HEADLINES: Final = {
    Verdict.VERIFIED: "the evidence agrees with the canonical rule",
    Verdict.FLAGGED: "the evidence proves a deviation or a contradiction",
    Verdict.UNVERIFIED: "not enough evidence to decide",
}
NARROWEST: Final = 40


@dataclass(frozen=True, slots=True)
class Page:
    """How text is laid out: `width` in columns (None: a pipe, nothing is wrapped), and whether to colour."""

    width: int | None = None
    color: bool = False

    def render(self, lines: Iterable[Text]) -> str:
        """The lines as one string, with escape sequences only where `color` says so."""
        buffer = io.StringIO()
        console = Console(
            file=buffer,
            force_terminal=self.color,
            color_system="standard" if self.color else None,
            no_color=not self.color,
            width=self.width or 10_000,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )
        for line in lines:
            line.rstrip()
            console.print(line, soft_wrap=True)
        return buffer.getvalue()

    def prose(self, text: str, indent: int, style: str = "") -> list[Text]:
        """`text` under an indent; wrapped on a terminal, one line in a pipe. Long words are never broken."""
        clean = visible(text)
        if self.width is None:
            return [Text(" " * indent + clean, style=style)]
        room = max(NARROWEST, self.width) - indent
        return [Text(" " * indent + piece, style=style) for piece in _wrap(clean, room)]


def rows_text(rows: Iterable[ResultRow], page: Page, title: str = "") -> str:
    """A table of rows with the counts of verdicts below it."""
    listed = list(rows)
    lines: list[Text] = [Text(visible(title), style="bold"), Text()] if title else []
    if not listed:
        lines.append(Text("Nothing was audited: no submission was found."))
        return page.render(lines)
    header = ("PR", "Verdict", "Reported", "Ratio", "Corrected", "B/token")
    numeric = {0, 2, 3, 4, 5}
    cells = [_row_cells(row) for row in listed]
    widths = [max(cell_len(row[i]) for row in [header, *cells]) for i in range(len(header))]
    used = sum(widths) + 2 * len(widths)
    names = [visible(row.folder or row.script or "(no folder)") for row in listed]
    room = min(80, max(map(cell_len, names))) if page.width is None else max(12, page.width - used)
    lines.append(
        Text(
            "  ".join(_pad(h, w, i in numeric) for i, (h, w) in enumerate(zip(header, widths, strict=True)))
            + "  Submission",
            style="bold",
        )
    )
    for row, row_cells, name in zip(listed, cells, names, strict=True):
        line = Text()
        for index, (cell, cell_width) in enumerate(zip(row_cells, widths, strict=True)):
            line.append(_pad(cell, cell_width, index in numeric), style=STYLES.get(cell, ""))
            line.append("  ")
        rules = ", ".join(dict.fromkeys(visible(reason.rule) for reason in row.reasons))
        if page.width is None:
            line.append(_pad(name, room, False) if rules else name)
            line.append(f"  {rules}" if rules else "")
            lines.append(line)
        else:
            line.append(_shorten(name, room))
            lines.append(line)
            lines.extend(page.prose(rules, widths[0] + 2, "dim") if rules else [])
    counts = verdict_counts(listed)
    total = Text(f"\n{len(listed):,} audited: ")
    for index, verdict in enumerate((Verdict.FLAGGED, Verdict.UNVERIFIED, Verdict.VERIFIED)):
        total.append(", " if index else "")
        total.append(f"{counts[verdict]:,} {verdict.value}", style=STYLES[verdict.value])
    lines.append(total)
    return page.render(lines)


def script_text(report: ScriptReport, page: Page) -> str:
    """One script: verdict, statuses, deviations with examples, the exact correction, where, what would decide it."""
    return page.render(_script_lines(report, page))


def submission_text(report: SubmissionReport, page: Page) -> str:
    """One submission: verdict, values, reasons, logs, claims against evidence, what is missing, then its script."""
    row = report.row
    name = row.folder or row.script or "(no folder)"
    lines = _headline(row.verdict, name if row.pr is None else f"PR {row.pr}  {name}", page)
    lines += facts_lines(
        [
            ("Reported", _with_unit(row.reported_bpb), ""),
            ("In the logs", _with_unit(row.log_bpb), ""),
            (
                "Fingerprint",
                row.fingerprint_status.value,
                ""
                if row.bytes_per_token is None
                else f"{numbers.bytes_per_token(row.bytes_per_token)} bytes per token",
            ),
            ("Inflation", numbers.ratio(row.inflation_ratio), ""),
            ("Corrected", _with_unit(row.corrected_bpb), ""),
            ("Tables", row.lut_status.value, row.evidence),
            ("Eval loop", row.eval_status.value, ""),
            ("Tokenizer", row.tokenizer or "not found", ""),
        ],
        page,
    )
    lines += findings_lines("Reasons", row.reasons, page)
    if report.missing:
        lines += _heading(f"Missing evidence ({len(report.missing)})")
        for item in report.missing:
            lines += page.prose(item, 2)
    if report.logs:
        lines += _heading(f"Logs ({len(report.logs)})")
        for log in report.logs:
            where = f"{log.path}:{log.score_line}" if log.score_line else log.path
            lines.append(Text("  " + visible(where)))
            seed = "seed not stated" if log.seed is None else f"seed {log.seed}"
            value = _with_unit(log.val_bpb)
            if log.bytes_per_token is not None:
                value += f", {numbers.bytes_per_token(log.bytes_per_token)} bytes per token"
            lines += page.prose(
                f"{seed}: {value} ({log.fingerprint_status.value}); {log.score_label or 'no score line'}", 4
            )
    if report.claims:
        lines += _heading(f"Claims ({len(report.claims)})")
        words = {True: "agrees", False: "disagrees", None: "no evidence"}
        for claim in report.claims:
            style = "red" if claim.agrees is False else ""
            text = f"{claim.name}: stated {claim.stated}, found {claim.found}: {words[claim.agrees]}"
            lines += page.prose(text + (f" ({claim.where})" if claim.where else ""), 2, style)
    lines += _notes(report.notes, page)
    if report.script is not None:
        lines += [Text(), *_script_lines(report.script, page)]
    return page.render(lines)


def _script_lines(report: ScriptReport, page: Page) -> list[Text]:
    lines = _headline(report.verdict, report.script, page)
    lines += facts_lines(
        [
            ("Tables", report.lut_status.value, report.evidence),
            ("Eval loop", report.eval_status.value, ""),
            ("Byte source", report.byte_source.value, ""),
            ("Packed", " → ".join(report.packed_layers) or "no", ""),
            ("Tokenizer", report.tokenizer or "none given", ""),
            ("SHA-256", report.script_sha256 or numbers.NOTHING, ""),
        ],
        page,
    )
    if report.reason:
        lines += _heading("Why")
        lines += page.prose(report.reason, 2)
    if report.undecided_by:
        lines += _heading("What would decide it")
        lines += page.prose(report.undecided_by, 2)
    if report.deviations:
        lines += _heading(f"Deviations ({len(report.deviations)})")
        for deviation in report.deviations:
            line = Text("  ")
            line.append(deviation.name.value, style="red" if not deviation.effect.startswith("none") else "")
            line.append(f"  {deviation.tokens:,} token{'' if deviation.tokens == 1 else 's'}")
            lines.append(line)
            lines += page.prose(deviation.example, 4)
            if deviation.effect:
                lines += page.prose(f"effect: {deviation.effect}", 4)
        lines.append(Text(f"  pgolf explain {report.deviations[0].name.value}", style="dim"))
    if report.correction is not None:
        lines += _correction(report.correction, page)
    if report.locations:
        lines += _heading("Where")
        wide = max(cell_len(visible(x.role)) for x in report.locations)
        for x in report.locations:
            place = f"{x.path}:{x.line}" if x.line else x.path
            lines.append(Text(f"  {_pad(visible(x.role), wide, False)}  {visible(place)}"))
    lines += findings_lines("Findings", report.findings, page)
    lines += _notes(report.notes, page)
    return lines


def _headline(verdict: Verdict, name: str, page: Page) -> list[Text]:
    line = Text()
    line.append(verdict.value, style=STYLES[verdict.value])
    line.append(f"  {visible(name)}", style="bold")
    return [line, *page.prose(_HEADLINES[verdict], 2), Text()]


def facts_lines(facts: list[tuple[str, str, str]], page: Page) -> list[Text]:
    """(name, value, remark) as aligned lines; values that are statuses are coloured."""
    wide = max(len(name) for name, _, _ in facts)
    lines = []
    for name, value, remark in facts:
        line = Text(f"  {name:<{wide}}  ")
        line.append(visible(value), style=STYLES.get(value, ""))
        line.append(f"  ({visible(remark)})" if remark else "")
        lines.append(line)
    return lines


def _correction(correction: Correction, page: Page) -> list[Text]:
    lines = _heading("Exact correction")
    if correction.reported_bpb is not None and correction.corrected_bpb is not None:
        lines.append(
            Text(
                f"  {numbers.bpb(correction.reported_bpb)} reported x {numbers.ratio(correction.ratio)}"
                f" = {numbers.bpb(correction.corrected_bpb)} bpb"
            )
        )
    else:
        lines.append(Text(f"  ratio {numbers.ratio(correction.ratio)} (candidate bytes / canonical bytes)"))
    if correction.candidate_bytes is not None and correction.canonical_bytes is not None:
        ours, canonical = numbers.count(correction.candidate_bytes), numbers.count(correction.canonical_bytes)
        text = f"{ours} bytes by this script / {canonical} canonical"
        scored = correction.scored_tokens
        lines += page.prose(
            text + (f", {numbers.count(scored)} scored tokens" if scored is not None else ""), 2
        )
    if correction.includes:
        lines += page.prose(f"includes: {correction.includes}", 2)
    if correction.stream:
        lines += page.prose(f"measured on: {correction.stream}", 2)
    return lines


def findings_lines(heading: str, findings: Iterable[Finding], page: Page) -> list[Text]:
    """Findings under a heading with their number; nothing where there is none."""
    listed = list(findings)
    if not listed:
        return []
    lines = _heading(f"{heading} ({len(listed)})")
    for finding in listed:
        line = Text("  ")
        line.append(finding.severity.value, style=STYLES[finding.severity.value])
        line.append(f" {finding.confidence.value}  ")
        line.append(visible(finding.rule), style="bold")
        if finding.path:
            line.append("  " + visible(f"{finding.path}:{finding.line}" if finding.line else finding.path))
        lines.append(line)
        lines += page.prose(finding.message, 4)
    explained = next((f.rule for f in listed if find_explanation(f.rule)), "")
    if explained:
        lines.append(Text(f"  pgolf explain {explained}", style="dim"))
    return lines


def _notes(notes: tuple[str, ...], page: Page) -> list[Text]:
    if not notes:
        return []
    lines = _heading("Notes")
    for note in notes:
        lines += page.prose(note, 2)
    return lines


def _heading(text: str) -> list[Text]:
    return [Text(), Text(text, style="bold")]


def _row_cells(row: ResultRow) -> tuple[str, ...]:
    return (
        numbers.NOTHING if row.pr is None else str(row.pr),
        row.verdict.value,
        numbers.bpb(row.reported_bpb),
        numbers.ratio(row.inflation_ratio),
        numbers.bpb(row.corrected_bpb),
        numbers.bytes_per_token(row.bytes_per_token),
    )


def _wrap(text: str, room: int) -> list[str]:
    """Lines of at most `room` columns (wide letters take two); a word that is longer has a line of its own."""
    lines = [""]
    used = 0
    for word in text.split():
        width = cell_len(word)
        if used and used + 1 + width > room:
            lines.append("")
            used = 0
        lines[-1] += f" {word}" if used else word
        used += width + (1 if used else 0)
    return lines


def _with_unit(value_bpb: float | None) -> str:
    shown = numbers.bpb(value_bpb)
    return shown if shown == numbers.NOTHING else f"{shown} bpb"


def _pad(text: str, width: int, right: bool) -> str:
    gap = " " * max(0, width - cell_len(text))
    return gap + text if right else text + gap


def _shorten(text: str, width: int) -> str:
    """`text` in at most `width` columns: parent folders go first, then the end (records differ by their base name)."""
    if cell_len(text) <= width:
        return text
    base = text.rstrip("/").rsplit("/", 1)[-1]
    if cell_len(base) <= width:
        return base
    return set_cell_size(base, width - 1).rstrip() + "…"


def explanations_text(explanations: Iterable[Explanation], page: Page) -> str:
    """Every page's slug with its first sentence, deviations and checks apart."""
    listed = list(explanations)
    groups = (("Deviations of a table", True), ("Checks", False))
    lines: list[Text] = []
    for heading, is_deviation in groups:
        lines.append(Text(heading, style="bold"))
        for explanation in listed:
            if explanation.is_deviation is is_deviation:
                lines.append(Text(f"  {explanation.slug}"))
                lines += page.prose(explanation.summary, 6, "dim")
        lines.append(Text())
    lines.append(Text("pgolf explain NAME prints a page."))
    return page.render(lines)


def explanation_text(explanation: Explanation, page: Page) -> str:
    """One page: headings bold, code as it is, prose wrapped on a terminal."""
    lines: list[Text] = []
    paragraph: list[str] = []
    in_code = False

    def flush() -> None:
        if paragraph:
            lines.extend(page.prose(" ".join(paragraph).replace("`", ""), 0))
            paragraph.clear()

    for source in explanation.markdown.splitlines():
        if source.startswith("```"):
            flush()
            in_code = not in_code
        elif in_code:
            lines.append(Text(f"    {source}", style="cyan"))
        elif re.match(r"#+ ", source):
            flush()
            lines.append(Text(source.lstrip("# "), style="bold"))
        elif not source:
            flush()
            lines.append(Text())
        else:
            paragraph.append(source)
    flush()
    return page.render(lines)
