"""From audit values to text in any format: the one place that knows which formats exist."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from pgolf.core.row import ResultRow
from pgolf.core.script_report import ScriptReport
from pgolf.core.submission_report import SubmissionReport
from pgolf.core.verdict import Verdict
from pgolf.errors import UsageError
from pgolf.exits import Exit

if TYPE_CHECKING:
    from pgolf.report.terminal import Page

DEFAULT_TITLE = "Audit of bits-per-byte claims"


class ReportFormat(StrEnum):
    """The formats of every audit command."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"
    HTML = "html"
    MARKDOWN = "markdown"


def render_rows(
    rows: Iterable[ResultRow],
    format: str = "text",
    *,
    title: str = DEFAULT_TITLE,
    page: Page | None = None,
    profile: str = "parameter_golf",
) -> str:
    """Rows of a repository or a set of submissions in one of the formats.

    `page` (text only) fixes width and colour; by default they follow standard output. `profile` names the contest
    whose constants the HTML page marks. Raises UsageError for an unknown format.
    """
    chosen = _format(format)
    if chosen is ReportFormat.TEXT:
        from pgolf.report.terminal import rows_text

        return rows_text(rows, page or terminal_page(), "" if title == DEFAULT_TITLE else title)
    if chosen is ReportFormat.JSON:
        from pgolf.report.json_document import rows_document

        return rows_document(rows, title)
    if chosen is ReportFormat.JSONL:
        from pgolf.report.json_document import rows_lines

        return rows_lines(rows)
    if chosen is ReportFormat.MARKDOWN:
        from pgolf.report.markdown import rows_report

        return rows_report(rows, title)
    if chosen is ReportFormat.SARIF:
        from pgolf.report.sarif import rows_sarif

        return rows_sarif(rows)
    from pgolf.report.html import rows_page

    return rows_page(rows, title=title, profile=profile)


def render_script(report: ScriptReport, format: str = "text", *, page: Page | None = None) -> str:
    """The audit of one script in one of the formats. Raises UsageError for an unknown format."""
    chosen = _format(format)
    if chosen is ReportFormat.TEXT:
        from pgolf.report.terminal import script_text

        return script_text(report, page or terminal_page())
    if chosen is ReportFormat.JSON:
        from pgolf.report.json_document import script_document

        return script_document(report)
    if chosen is ReportFormat.JSONL:
        from pgolf.report.json_document import compact

        return compact(report.to_json()) + "\n"
    if chosen is ReportFormat.MARKDOWN:
        from pgolf.report.markdown import script_report

        return script_report(report)
    if chosen is ReportFormat.SARIF:
        from pgolf.report.sarif import script_sarif

        return script_sarif(report)
    from pgolf.report.html import script_page

    return script_page(report)


def render_submission(report: SubmissionReport, format: str = "text", *, page: Page | None = None) -> str:
    """The audit of one submission in one of the formats. JSON lines is its published row."""
    chosen = _format(format)
    if chosen is ReportFormat.TEXT:
        from pgolf.report.terminal import submission_text

        return submission_text(report, page or terminal_page())
    if chosen is ReportFormat.JSON:
        from pgolf.report.json_document import submission_document

        return submission_document(report)
    if chosen is ReportFormat.JSONL:
        from pgolf.report.json_document import rows_lines

        return rows_lines([report.row])
    if chosen is ReportFormat.MARKDOWN:
        from pgolf.report.markdown import submission_report

        return submission_report(report)
    if chosen is ReportFormat.SARIF:
        from pgolf.report.sarif import submission_sarif

        return submission_sarif(report)
    from pgolf.report.html import submission_page

    return submission_page(report)


def exit_code(verdicts: Iterable[Verdict], format: str = "text") -> Exit:
    """What an audit command returns: 1 when anything is FLAGGED, else 3 when anything is UNVERIFIED, else 0.

    Always 0 for SARIF: its readers take results, and a pipeline must not stop before it uploads them.
    """
    found = set(verdicts)
    if _format(format) is ReportFormat.SARIF:
        return Exit.OK
    if Verdict.FLAGGED in found:
        return Exit.FLAGGED
    return Exit.UNVERIFIED if Verdict.UNVERIFIED in found else Exit.OK


def terminal_page() -> Page:
    """Width and colour of standard output: a pipe gets neither; NO_COLOR and TERM=dumb are obeyed."""
    from pgolf.report.terminal import Page

    try:
        is_terminal = sys.stdout.isatty()
    except ValueError:  # closed
        is_terminal = False
    forced = bool(os.environ.get("FORCE_COLOR"))
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    width = shutil.get_terminal_size((80, 24)).columns if is_terminal else None
    return Page(width=width, color=(is_terminal or forced) and not plain)


def _format(name: str) -> ReportFormat:
    try:
        return ReportFormat(name)
    except ValueError:
        known = ", ".join(member.value for member in ReportFormat)
        raise UsageError(f"unknown report format {name!r}: choose one of {known}") from None
