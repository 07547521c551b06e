"""Golden files: `python -m tests.report.golden` rewrites them; read the diff before it is committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pgolf.report import render_rows, render_script, render_submission
from pgolf.report.terminal import Page
from tests.report import samples

FOLDER = Path(__file__).with_name("golden")
NARROW = Page(width=80, color=False)
PIPE = Page()


def renderings() -> dict[str, Callable[[], str]]:
    """File name to the call that makes its content."""
    return {
        "rows.jsonl": lambda: render_rows(samples.ROWS, "jsonl"),
        "rows.json": lambda: render_rows(samples.ROWS, "json"),
        "rows.md": lambda: render_rows(samples.ROWS, "markdown"),
        "rows_80_columns.txt": lambda: render_rows(samples.ROWS, page=NARROW),
        "rows_pipe.txt": lambda: render_rows(samples.ROWS, page=PIPE),
        "script_buggy.json": lambda: render_script(samples.BUGGY_SCRIPT, "json"),
        "script_buggy.md": lambda: render_script(samples.BUGGY_SCRIPT, "markdown"),
        "script_buggy_80_columns.txt": lambda: render_script(samples.BUGGY_SCRIPT, page=NARROW),
        "script_unknown_80_columns.txt": lambda: render_script(samples.UNKNOWN_SCRIPT, page=NARROW),
        "submission.json": lambda: render_submission(samples.SUBMISSION, "json"),
        "submission.md": lambda: render_submission(samples.SUBMISSION, "markdown"),
        "submission_80_columns.txt": lambda: render_submission(samples.SUBMISSION, page=NARROW),
        "rows.sarif": lambda: render_rows(samples.ROWS, "sarif"),
        "script_buggy.sarif": lambda: render_script(samples.BUGGY_SCRIPT, "sarif"),
        "hostile_script.md": lambda: render_script(samples.HOSTILE_SCRIPT, "markdown"),
        "hostile_rows_80_columns.txt": lambda: render_rows([samples.HOSTILE_ROW], page=NARROW),
    }


def main() -> None:
    """Write every golden file."""
    FOLDER.mkdir(exist_ok=True)
    for name, render in renderings().items():
        (FOLDER / name).write_text(render(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
