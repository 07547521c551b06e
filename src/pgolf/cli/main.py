"""Entry point: a group whose commands load only when called, and the one mapping of errors to exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from pgolf import __version__
from pgolf.errors import PgolfError, Refused, UsageError
from pgolf.exits import Exit

COMMANDS: dict[str, tuple[str, str]] = {
    # name: ("module:attribute", one-line help). Kept here so that `--help` imports no command module.
    "demo": ("pgolf.cli.demo:demo", "Audit the shipped example scripts and print what each finding means."),
    "audit": ("pgolf.cli.audit:audit", "Is a reported val_bpb measured by the canonical rule?"),
    "run": ("pgolf.cli.run:run", "One seed: gate, hold, log, wall clock, settle, parse, record."),
    "submit-check": (
        "pgolf.cli.submit_check:submit_check",
        "May an experiment be submitted? Every check with its fix.",
    ),
    "parse": ("pgolf.cli.parse:parse", "Metrics of a training log as JSON; two sets of seeds compared."),
    "spend": ("pgolf.cli.spend:spend", "Money: spent, held, left, and how long it lasts."),
    "leaderboard": ("pgolf.cli.leaderboard:leaderboard", "What must be beaten, and where that is stated."),
    "manifest": ("pgolf.cli.manifest:manifest", "Tokens, bytes and hashes of a split."),
    "fetch-data": (
        "pgolf.cli.fetch_data:fetch_data",
        "Download the validation split and its tokenizer, checked.",
    ),
    "explain": ("pgolf.cli.explain:explain", "The page about a deviation or a check."),
    "mcp": ("pgolf.cli.mcp:mcp", "Serve the read-only tools to an agent (Model Context Protocol)."),
    "track": ("pgolf.cli.track:track", "Create experiments, record their seeds, list them."),
    "register-thresholds": (
        "pgolf.cli.decide:register_thresholds",
        "Freeze the decision rule before the first seed.",
    ),
    "hook": ("pgolf.cli.hook:hook", "The gates in front of an agent's shell: explain, install, selftest."),
    "decide": ("pgolf.cli.decide:decide", "Apply the registered rule to the seeds."),
    "status": ("pgolf.cli.status:status", "One screen: experiments, money, frontier, next step."),
    "report": ("pgolf.cli.workspace:report", "Write REPORT.md with plots."),
    "doctor": ("pgolf.cli.workspace:doctor", "Is everything whole? Exit 1 when something needs mending."),
    "blog": ("pgolf.cli.workspace:blog", "Scaffold of a post about an experiment."),
    "checkpoint": ("pgolf.cli.workspace:checkpoint", "Copy store and ledger, and pin their hashes."),
    "init": ("pgolf.cli.workspace:init", "Make a workspace anywhere."),
}


class LazyGroup(click.Group):
    """A click group that imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a programming error, not user input
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pgolf")
def cli() -> None:
    """Audit bits-per-byte claims from evidence, and keep small-model experiments disciplined."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. User errors print one sentence on stderr."""
    try:
        result: Any = cli.main(args=argv, prog_name="pgolf", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.Abort:
        print("pgolf: interrupted", file=sys.stderr)  # noqa: T201
        return 130
    except click.ClickException as error:
        error.show()
        return int(Exit.UNUSABLE)
    except UsageError as error:
        print(f"pgolf: {error}", file=sys.stderr)  # noqa: T201
        return int(Exit.UNUSABLE)
    except Refused as error:
        for reason in error.reasons:
            print(f"pgolf: refused: {reason}", file=sys.stderr)  # noqa: T201
        return int(Exit.REFUSED)
    except PgolfError as error:
        print(f"pgolf: {error}", file=sys.stderr)  # noqa: T201
        return int(Exit.UNUSABLE)
    except BrokenPipeError:
        # The reader of a pipe went away (`pgolf … | head`): not an error of ours.
        sys.stderr.close()
        return int(Exit.OK)
    except OSError as error:
        # A full disk under standard output, a folder that vanished: the user's to mend, and no traceback helps.
        where = f"{error.filename}: " if error.filename else ""
        print(f"pgolf: {where}{error.strerror or error}", file=sys.stderr)  # noqa: T201
        _drop_unwritten_output()
        return int(Exit.UNUSABLE)
    return int(result) if isinstance(result, int) else int(Exit.OK)


def _drop_unwritten_output() -> None:
    """What standard output could not take must not fail once more, with a traceback, when the interpreter ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def entry() -> None:
    """Console-script wrapper."""
    raise SystemExit(main())
