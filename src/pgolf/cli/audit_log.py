"""`pgolf audit log LOG...`."""

from __future__ import annotations

from pathlib import Path

import click

from pgolf.report.log import LOG_FORMATS


@click.command()
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--stated",
    type=click.Path(path_type=Path),
    help="submission.json whose values the logs are compared with.",
)
@click.option(
    "--tokenizer", default="", help="Name of the tokenizer (a path, sp8192, ...) where the logs print none."
)
@click.option("--format", "format_", type=click.Choice(LOG_FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write the report there instead of standard output."
)
@click.option(
    "--profile", default="parameter_golf", show_default=True, help="Contest profile: a name or a .toml file."
)
def log(
    logs: tuple[Path, ...],
    stated: Path | None,
    tokenizer: str,
    format_: str,
    as_json: bool,
    output: Path | None,
    profile: str,
) -> int:
    """Audit training logs: which line is the score, and do its numbers imply the canonical bytes per token?

    Several logs are also compared with each other (seeds of one claim). Exit codes: 0 all imply canonical bytes, 1 one is
    proved not to, 2 unusable input, 3 undecided.
    """
    from pgolf.cli.audit_submission import write_report
    from pgolf.core.profile import load_profile
    from pgolf.report.log import render_logs
    from pgolf.report.render import exit_code
    from pgolf.runlog.log_audit import audit_logs
    from pgolf.runlog.log_files import read_log_file, read_statement_file

    format_ = "json" if as_json else format_
    contest = load_profile(profile)
    metrics = [read_log_file(path) for path in logs]
    report = audit_logs(metrics, contest, read_statement_file(stated) if stated else None, tokenizer)
    write_report(render_logs(report, format_), output)
    return exit_code([report.verdict], format_)
