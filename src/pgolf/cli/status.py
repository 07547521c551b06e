"""`pgolf status`: one screen of where the work stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pgolf.exits import Exit

if TYPE_CHECKING:
    from pgolf.lab.overview import Overview

_COLOURS = {
    "GREEN": "green",
    "RED": "red",
    "SCREENED_OUT": "red",
    "failed": "red",
    "running": "cyan",
    "registered": "magenta",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(as_json: bool) -> int:
    """Experiments with their lineage, money, frontier and the next step, on one screen."""
    from pgolf.lab.documents import document
    from pgolf.lab.overview import survey
    from pgolf.lab.settings import load_workspace

    overview = survey(load_workspace())
    if as_json:
        click.echo(document("lab_status", {"status": overview.as_dict()}), nl=False)
    else:
        for line in status_lines(overview):
            click.echo(line)
    return Exit.OK


def status_lines(overview: Overview) -> list[str]:
    """The screen for people; colours repeat what a word says, and vanish in a pipe."""
    from pgolf.cli.track import terminal_width
    from pgolf.lab.text_table import columns, cut
    from pgolf.report.numbers import NOTHING, bpb
    from pgolf.report.visible import visible

    money, frontier = overview.money, overview.frontier
    head = click.style(visible(overview.title), bold=True)
    lines = [f"{head}  {_deadline(overview)}  {click.style(visible(overview.root), dim=True)}", ""]
    counts = ", ".join(f"{number} {name}" for name, number in overview.counts.items() if number) or "none yet"
    lines.append(f"experiments  {overview.total} ({counts}), {overview.seeds} seeds")
    best = NOTHING if overview.best is None else f"{bpb(overview.best[1])} bpb mean of {overview.best[0]}"
    lines.append(f"best         {best}")
    age = "no leaderboard cached" if frontier.age_days is None else f"{frontier.age_days:.1f} days old"
    lines.append(f"frontier     {bpb(frontier.bpb)} bpb ({visible(frontier.source)}; {age})")
    lines.append(
        f"money        {money.spent_usd:.2f} spent + {money.held_usd:.2f} held ({money.open_holds} open), "
        f"{money.left_usd:.2f} USD left of {money.budget_usd:.2f} - {money.reserve_usd:.2f} reserve"
    )
    if money.problems:
        more = f" (and {len(money.problems) - 1} more)" if len(money.problems) > 1 else ""
        lines.append(click.style(f"             ledger: {visible(money.problems[0])}{more}", fg="red"))
    if overview.tree:
        lines.append("")
    names = [entry.branch + entry.id for entry in overview.tree]
    wide = max((columns(name) for name in names), default=0)
    width = terminal_width()
    for name, entry in zip(names, overview.tree, strict=True):
        state = (
            entry.verdict if entry.verdict and entry.status in ("completed", "screened_out") else entry.status
        )
        seeds = f"{entry.seeds} seed{'s' if entry.seeds != 1 else ' '} {bpb(entry.mean_bpb):>8}"
        hidden = f"  (+{entry.hidden_children} not shown)" if entry.hidden_children else ""
        before = f"{name}{' ' * (wide - columns(name))}  "
        after = f"  {seeds}  {visible(entry.hypothesis)}{hidden}"
        if width is not None:
            after = cut(after, max(20, width - columns(before) - 12))
        lines.append(before + click.style(f"{state:<12}", fg=_COLOURS.get(state)) + after)
    if overview.total > len(overview.tree):
        lines.append(f"… {overview.total - len(overview.tree)} more: pgolf track list")
    lines.append("")
    lines += [f"next  {step}" for step in overview.advice]
    return lines


def _deadline(overview: Overview) -> str:
    days = overview.days_left
    if days is None:
        return f"deadline {overview.deadline}"
    if days < 0:
        return f"deadline {overview.deadline} ({-days} days ago)"
    return f"deadline {overview.deadline} (in {days} days)"
