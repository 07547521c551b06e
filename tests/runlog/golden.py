"""Golden files: `python -m tests.runlog.golden` rewrites them; read the diff before it is committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pgolf.core.log_report import LogsReport
from pgolf.core.profile import load_profile
from pgolf.report.json_document import finite, indented
from pgolf.report.log import render_logs
from pgolf.report.terminal import Page
from pgolf.runlog import parse_log
from pgolf.runlog.log_audit import audit_logs
from pgolf.runlog.metrics_document import metrics_document
from pgolf.runlog.submission_json import read_submission_json

FOLDER = Path(__file__).with_name("golden")
SAMPLES = Path(__file__).with_name("samples")


def report(*names: str, stated: bool = False) -> LogsReport:
    """The audit of some samples, with their submission.json if `stated`."""
    logs = [parse_log((SAMPLES / name).read_bytes(), name) for name in names]
    statement = read_submission_json((SAMPLES / "submission.json").read_bytes()) if stated else None
    return audit_logs(logs, load_profile(), statement)


def renderings() -> dict[str, Callable[[], str]]:
    """File name to the call that makes its content."""
    together = ("seed42.log", "seed314_cut.log")
    return {
        "seed42.txt": lambda: render_logs(report("seed42.log"), page=Page()),
        "space_twice_80_columns.txt": lambda: render_logs(report("space_twice.log"), page=Page(width=80)),
        "together.txt": lambda: render_logs(report(*together, stated=True), page=Page()),
        "together.md": lambda: render_logs(report(*together, stated=True), "markdown"),
        "together.json": lambda: render_logs(report(*together, stated=True), "json"),
        "space_twice.sarif": lambda: render_logs(report("space_twice.log"), "sarif"),
        "seed42_metrics.json": lambda: indented(
            finite(metrics_document(parse_log((SAMPLES / "seed42.log").read_bytes(), "seed42.log")))
        ),
    }


def main() -> None:
    """Write every golden file."""
    FOLDER.mkdir(exist_ok=True)
    for name, render in renderings().items():
        (FOLDER / name).write_text(render(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
