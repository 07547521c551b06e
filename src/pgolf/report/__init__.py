"""Audit values to JSON, JSON lines, SARIF, HTML, Markdown and terminal text. Renders; never judges."""

from pgolf.report.render import (
    ReportFormat,
    exit_code,
    render_rows,
    render_script,
    render_submission,
    terminal_page,
)

__all__ = ["ReportFormat", "exit_code", "render_rows", "render_script", "render_submission", "terminal_page"]
