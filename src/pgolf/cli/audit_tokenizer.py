"""`pgolf audit tokenizer MODEL --text FILE`."""

from __future__ import annotations

from pathlib import Path

import click

from pgolf.cli.audit_submission import write_report
from pgolf.report.tokenizer import TOKENIZER_FORMATS


@click.command()
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "--text",
    type=click.Path(path_type=Path),
    help="Real text to measure on: a UTF-8 file, or JSON lines with the text in --field.",
)
@click.option("--field", default="text", show_default=True, help="Field of a JSON line that holds the text.")
@click.option("--format", "format_", type=click.Choice(TOKENIZER_FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write the report there instead of standard output."
)
def tokenizer(
    model: Path, text: Path | None, field: str, format_: str, as_json: bool, output: Path | None
) -> int:
    """Audit the tokenizer MODEL (SentencePiece, tokenizer.json, or tiktoken ranks) against the bytes of real text.

    Counts the same text four ways: raw, decoded, by the byte rule, and token by token through decode. Exit codes: 0 the
    rule counts the text's bytes, 1 it does not, 2 unusable input, 3 no text given.
    """
    from pgolf.audit.tokenizer_audit import audit_tokenizer
    from pgolf.report.render import exit_code
    from pgolf.report.tokenizer import render_tokenizer

    format_ = "json" if as_json else format_
    report = audit_tokenizer(model, text, field)
    write_report(render_tokenizer(report, format_), output)
    return exit_code([report.verdict], format_)
