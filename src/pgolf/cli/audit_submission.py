"""`pgolf audit submission DIR`."""

from __future__ import annotations

from pathlib import Path

import click

from pgolf.errors import UsageError
from pgolf.exits import Exit

FORMATS = ("text", "json", "jsonl", "sarif", "html", "markdown")


def write_report(text: str, output: Path | None) -> None:
    """To a file, or to standard output.

    Raises UsageError when the file cannot be written.
    """
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {output}: {error.strerror or error}; choose another --output"
        ) from error


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write the report there instead of standard output."
)
@click.option(
    "--profile", default="parameter_golf", show_default=True, help="Contest profile: a name or a .toml file."
)
@click.option(
    "--fail-on",
    type=click.Choice(("unverified", "flagged", "never")),
    default="unverified",
    show_default=True,
    help="Which verdicts give a code other than 0; unusable input always gives 2.",
)
def submission(
    folders: tuple[Path, ...], format_: str, output: Path | None, profile: str, fail_on: str
) -> int:
    """Audit a submission's folder: script, logs, submission.json, README and tokenizer against each other.

    A file (as pre-commit hands them over) stands for the folder it lies in. Several folders give one table of rows.
    The exit code is the worst verdict's: 1 flagged, 3 unverified, 0 verified; with --format sarif it is 0 whenever the
    report could be made.
    """
    from pgolf.audit.submission import audit_submission
    from pgolf.core.verdict import Verdict
    from pgolf.report import render_rows, render_submission

    wanted = list(dict.fromkeys(_folder_of(path) for path in folders))
    reports = [audit_submission(path, profile) for path in wanted]
    if len(reports) == 1:
        text = render_submission(reports[0], format_)
    else:
        text = render_rows([report.row for report in reports], format_)
    write_report(text, output)
    verdicts = {report.row.verdict.value for report in reports}
    if format_ == "sarif" or fail_on == "never":
        return Exit.OK
    if Verdict.FLAGGED.value in verdicts:
        return Exit.FLAGGED
    return Exit.UNVERIFIED if Verdict.UNVERIFIED.value in verdicts and fail_on == "unverified" else Exit.OK


def _folder_of(path: Path) -> Path:
    if path.is_dir():
        return path
    if not path.exists():
        raise UsageError(f"{path} does not exist; name the folder that holds the submission's files")
    # The submission's folder is the nearest one with a submission.json; logs often lie in a folder below it.
    for folder in (path.parent, *list(path.parent.parents)[:3]):
        if (folder / "submission.json").is_file():
            return folder
    return path.parent
