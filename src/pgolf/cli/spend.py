"""`pgolf spend`: what the ledger says, and the few ways to write to it by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pgolf.cli.track import terminal_width
from pgolf.errors import Refused, UsageError
from pgolf.exits import Exit
from pgolf.lab.documents import document
from pgolf.lab.ledger import Ledger, format_usd, to_microusd
from pgolf.lab.settings import load_workspace
from pgolf.lab.spending import SpendReport, charge_command, report_spending
from pgolf.lab.text_table import text_table

_MOST_ROWS = 15
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@click.group()
def spend() -> None:
    """Money: what was spent, what is held, what is left, and how long it lasts."""


def _warn(report: SpendReport) -> int:
    """Damage on stderr; the exit code that says whether there was some."""
    for problem in report.summary.problems:
        click.echo(f"pgolf: ledger: {problem}", err=True)
    if report.summary.problems:
        click.echo(
            "pgolf: what is damaged is not in these sums; no launch passes until it is settled", err=True
        )
        return Exit.REFUSED
    return Exit.OK


@spend.command()
@_as_json
def status(as_json: bool) -> int:
    """Budget, spent, held, left; by GPU, day and experiment; the runway to the deadline."""
    report = report_spending(load_workspace())
    if as_json:
        click.echo(document("lab_spend", report.to_json()), nl=False)
    else:
        _print_report(report)
    return _warn(report)


@spend.command()
@click.option("--quiet", is_flag=True, help="Only the number.")
@_as_json
def total(quiet: bool, as_json: bool) -> int:
    """What has been spent and is held, in USD."""
    report = report_spending(load_workspace())
    summary = report.summary
    if as_json:
        wanted = ("spent_usd", "held_usd", "left_usd", "spendable_usd", "problems")
        body = report.to_json()
        click.echo(document("lab_spend_total", {key: body[key] for key in wanted}), nl=False)
    elif quiet:
        click.echo(format_usd(summary.committed_microusd))
    else:
        click.echo(
            f"{format_usd(summary.spent_microusd)} USD spent + {format_usd(summary.held_microusd)} held "
            f"of {format_usd(report.spendable_microusd)} spendable; {format_usd(report.left_microusd)} left"
        )
    return _warn(report)


@spend.command()
def create() -> int:
    """Start an empty ledger in this workspace (nothing happens where there is one)."""
    workspace = load_workspace()
    Ledger(workspace.ledger_path).create()
    click.echo(f"ledger at {workspace.ledger_path}")
    return Exit.OK


@spend.command()
@click.argument("amount_usd")
@click.option("--purpose", required=True, help="What the money is for.")
@click.option("--experiment", default="", help="exp_NNN it belongs to.")
@click.option("--gpu", default="", help="Which machine, as the profile names it.")
@click.option("--force", is_flag=True, help="Hold it although the budget does not allow it; leaves a record.")
@_as_json
def hold(amount_usd: str, purpose: str, experiment: str, gpu: str, force: bool, as_json: bool) -> int:
    """Reserve AMOUNT_USD; it counts as spent until it is settled or released."""
    workspace = load_workspace()
    amount = to_microusd(amount_usd) / 1e6
    held = Ledger(workspace.ledger_path).hold(
        amount,
        spendable_usd=workspace.spendable_usd,
        purpose=purpose,
        experiment=experiment,
        gpu=gpu,
        force=force,
    )
    if as_json:
        click.echo(document("lab_hold", {"hold": held.id, "usd": held.amount_usd}), nl=False)
    else:
        click.echo(
            f"{held.id} holds {format_usd(held.amount_microusd)} USD; settle it or release it by that name"
        )
    return Exit.OK


@spend.command()
@click.argument("hold_id", required=False)
@click.option("--cost", "cost_usd", help="What it cost, in USD; without it the full hold is charged.")
@click.option("--seconds", type=float, help="How long it ran; scales the hold when no cost is given.")
@click.option(
    "--expired", is_flag=True, help="Instead of one hold: settle every expired one at its full amount."
)
def settle(hold_id: str | None, cost_usd: str | None, seconds: float | None, expired: bool) -> int:
    """Charge what HOLD_ID cost and close it."""
    ledger = Ledger(load_workspace().ledger_path)
    if expired == (hold_id is not None):
        raise click.UsageError("name one hold, or say --expired")
    if hold_id is None:
        settled = ledger.settle_expired()
        for each in settled:
            click.echo(f"{each.id} settled at {format_usd(each.amount_microusd)} USD (expired)")
        click.echo(f"{len(settled)} expired holds settled")
        return Exit.OK
    _refuse_running(ledger, hold_id)
    cost = None if cost_usd is None else to_microusd(cost_usd, "cost") / 1e6
    charged = ledger.settle(hold_id, cost_usd=cost, seconds=seconds)
    click.echo(f"{hold_id} settled at {format_usd(charged)} USD")
    return Exit.OK


@spend.command()
@click.argument("hold_id")
@click.option("--reason", default="", help="Why nothing was started.")
def release(hold_id: str, reason: str) -> int:
    """Give HOLD_ID back: nothing was started."""
    ledger = Ledger(load_workspace().ledger_path)
    _refuse_running(ledger, hold_id)
    given = ledger.release(hold_id, reason)
    click.echo(f"{given.id} released, {format_usd(given.amount_microusd)} USD back")
    return Exit.OK


def _refuse_running(ledger: Ledger, hold_id: str) -> None:
    """A living `pgolf run` settles its own hold."""
    from pgolf.lab.run.record import is_running

    held = ledger.summarise().open_holds.get(hold_id)
    if held is not None and is_running(held):
        raise Refused(
            f"hold {hold_id} pays for a run that is still going; it settles itself (or end it with Ctrl-C)"
        )


@spend.command()
@click.argument("amount_usd")
@click.option("--reason", required=True, help="Where the figure comes from.")
@click.option("--experiment", default="", help="exp_NNN it belongs to.")
@click.option("--gpu", default="", help="Which machine, as the profile names it.")
@click.option("--accept-damage", is_flag=True, help="Also record that the damaged lines were looked at.")
def adjust(amount_usd: str, reason: str, experiment: str, gpu: str, accept_damage: bool) -> int:
    """Record a signed charge of AMOUNT_USD: a bill, a refund, what a damaged line was worth.

    A negative amount goes behind `--`: `pgolf spend adjust --reason refund -- -3.20`.
    """
    ledger = Ledger(load_workspace().ledger_path)
    amount = to_microusd(amount_usd)
    ledger.adjust(amount / 1e6, reason, experiment=experiment, gpu=gpu, accept_damage=accept_damage)
    click.echo(f"{format_usd(amount)} USD recorded: {reason}")
    return Exit.OK


@spend.command("log-from-bash")
@click.option(
    "--command", help="The command that ran; without it an agent's post-tool JSON is read from stdin."
)
@click.option("--seconds", type=float, help="How long it ran.")
@click.option("--exit-status", type=int, help="Its exit status.")
@click.option(
    "--agent", type=click.Choice(["claude", "codex", "gemini", "cursor"]), default="claude", show_default=True
)
def log_from_bash(command: str | None, seconds: float | None, exit_status: int | None, agent: str) -> int:
    """Charge a shell command that has run: settle its hold, or record what it cost."""
    if command is None:
        from pgolf.hooks.answer import after

        raw = sys.stdin.buffer.read(16 * 1024 * 1024)
        try:
            payload = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                "stdin holds no JSON: pipe an agent's post-tool event, or give --command"
            ) from error
        out, said, _ = after(agent, payload if isinstance(payload, dict) else None, raw)
        click.echo(out + said or "nothing was held for this call, nothing charged", nl=not (out + said))
        return Exit.OK
    if seconds is None or not 0 <= seconds < 1e8:
        raise UsageError("--seconds: how long the command ran, in seconds, is needed with --command")
    charged, how = charge_command(load_workspace(), command, seconds, exit_status, Path.cwd())
    click.echo(f"{format_usd(charged)} USD: {how}")
    return Exit.OK


def _print_report(report: SpendReport) -> None:
    summary, usd = report.summary, format_usd
    click.secho(f"{usd(report.left_microusd)} USD left", bold=True, nl=False)
    click.echo(
        f" of {usd(report.spendable_microusd)} spendable "
        f"({usd(report.budget_microusd)} budget - {usd(report.reserve_microusd)} reserve)"
    )
    click.echo(
        f"{usd(summary.spent_microusd)} spent, {usd(summary.held_microusd)} held by {len(summary.open_holds)} open "
        f"hold{'' if len(summary.open_holds) == 1 else 's'}, {summary.overrides} forced gates"
    )
    for sentence in _runway(report):
        click.echo(sentence)
    for title, rows in (
        ("GPU", summary.by_gpu),
        ("day (UTC)", summary.by_day),
        ("experiment", summary.by_experiment),
    ):
        if rows:
            click.echo()
            _print_money(title, rows)
    if summary.open_holds:
        click.echo()
        holds = list(summary.open_holds.values())[:_MOST_ROWS]
        rows_of_holds = [
            (h.id, usd(h.amount_microusd), h.at[:19], h.gpu, h.experiment or h.purpose or h.command)
            for h in holds
        ]
        header = ("open hold", "USD", "since (UTC)", "GPU", "for")
        _print_table(header, rows_of_holds, frozenset({1}), len(summary.open_holds))
    for problem in summary.accepted:
        click.echo(f"damage accepted earlier: {problem}")


def _runway(report: SpendReport) -> list[str]:
    if report.days_left is None:
        first = f"deadline {report.deadline}"
    elif report.days_left < 0:
        first = f"the deadline {report.deadline} passed {-report.days_left} days ago"
    else:
        first = f"{report.days_left} days to the deadline {report.deadline}"
    if report.allowance_usd_per_day is not None:
        first += f"; {report.allowance_usd_per_day:.2f} USD a day may be spent until then"
    sentences = [first]
    if report.burn_usd_per_day is not None and report.days_of_money is not None:
        sentences.append(
            f"at {report.burn_usd_per_day:.2f} USD a day so far the money lasts {report.days_of_money:.1f} days"
        )
    runs = ", ".join(f"{count} x {gpu}" for gpu, count in report.full_runs_left.items())
    sentences.append(f"affordable runs of {report.cap_seconds:g} s: {runs}")
    return sentences


def _print_money(title: str, rows: dict[str, list[int]]) -> None:
    newest = sorted(rows.items())[-_MOST_ROWS:]
    cells = [
        (key or "(not attributed)", format_usd(cost), f"{milliseconds / 3.6e6:.2f}", str(charges))
        for key, (cost, milliseconds, charges) in newest
    ]
    _print_table((title, "USD", "hours", "charges"), cells, frozenset({1, 2, 3}), len(rows))


def _print_table(
    header: tuple[str, ...], rows: Sequence[Sequence[str]], right: frozenset[int], count: int
) -> None:
    head, *body = text_table(header, rows, right, terminal_width())
    click.secho(head, bold=True)
    for line in body:
        click.echo(line)
    if count > len(rows):
        click.echo(f"… {count - len(rows)} more (--json lists all)")
