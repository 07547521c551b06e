"""`pgolf audit script PATH`."""

from __future__ import annotations

from pathlib import Path

import click

from pgolf.cli.audit_submission import write_report

FORMATS = ("text", "json", "sarif", "html", "markdown")


@click.command()
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option(
    "--tokenizer",
    type=click.Path(path_type=Path),
    help="SentencePiece model: prove the tables on every token of it (else on probe vocabularies).",
)
@click.option(
    "--val-data", metavar="GLOB", help="Token shards (glob, file or folder): the exact correction on them."
)
@click.option("--reported-bpb", type=float, help="The score to correct (needs --val-data).")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write the report there instead of standard output."
)
def script(
    path: Path,
    tokenizer: Path | None,
    val_data: str | None,
    reported_bpb: float | None,
    format_: str,
    as_json: bool,
    output: Path | None,
) -> int:
    """Audit the training script PATH: its byte tables, its evaluation loop, where its bytes come from.

    The script is unpacked and evaluated in a confined child process, never run; files beside it that it imports or
    loads are read too. Exit codes: 0 proved canonical, 1 proved to deviate, 2 unusable input, 3 not decided.
    """
    from pgolf.audit.script_document import gate_row, report_script
    from pgolf.lab.audits import record_audit
    from pgolf.report import exit_code, render_script

    format_ = "json" if as_json else format_
    report = report_script(path, tokenizer, val_data, reported_bpb)
    record_audit(gate_row(report), path.resolve().parent)
    write_report(render_script(report, format_), output)
    return exit_code([report.verdict], format_)
