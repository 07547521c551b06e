"""`pgolf audit …`: one lazily loaded module per kind of evidence; a new kind is one line here."""

from __future__ import annotations

import importlib

import click

AUDITS: dict[str, tuple[str, str]] = {
    # name: ("module:attribute", one-line help)
    "script": ("pgolf.cli.audit_script:script", "One training script: its byte tables and evaluation loop."),
    "log": ("pgolf.cli.audit_log:log", "One training log: score, sizes, times, implied bytes per token."),
    "tokenizer": ("pgolf.cli.audit_tokenizer:tokenizer", "A tokenizer against the bytes of real text."),
    "submission": (
        "pgolf.cli.audit_submission:submission",
        "A submission's folder: all its evidence together.",
    ),
    "repo": ("pgolf.cli.audit_repo:repo", "Every record folder or pull request of a repository."),
}


class _LazyAudits(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(AUDITS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in AUDITS:
            return None
        module, _, attribute = AUDITS[cmd_name][0].partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            return None
        assert isinstance(command, click.Command)  # noqa: S101 - a programming error, not user input
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in AUDITS.items()])


@click.group(cls=_LazyAudits, context_settings={"help_option_names": ["-h", "--help"]})
def audit() -> None:
    """Is a reported val_bpb measured by the canonical rule?

    Exit codes: 0 verified, 1 flagged, 2 unusable input, 3 unverified.
    """
