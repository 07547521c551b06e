"""`pgolf status`: one screen of where the work stands, and the next step.

Reads only: the store, the ledger's fold and the cached leaderboard. No SQLAlchemy, numpy, scipy or rich is imported
on SQLite, so that it answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from pgolf.lab import lineage
from pgolf.lab.frontier import Frontier, show_frontier
from pgolf.lab.ledger import Ledger
from pgolf.lab.settings import Workspace
from pgolf.lab.store import decisions, experiments, registrations, seeds
from pgolf.lab.store.database import Reader, read
from pgolf.lab.store.experiments import STATUSES, LineageRow
from pgolf.lab.store.seeds import Summary

TREE_LINES = 16


@dataclass(frozen=True, slots=True)
class Money:
    """The ledger in one line, USD; `left_usd` is spendable less spent and held. `problems`: what is damaged."""

    budget_usd: float
    reserve_usd: float
    spent_usd: float
    held_usd: float
    left_usd: float
    open_holds: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One experiment of the tree."""

    branch: str
    id: str
    status: str
    verdict: str | None
    seeds: int
    mean_bpb: float | None
    hypothesis: str
    hidden_children: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything `status` shows."""

    title: str
    root: str
    deadline: str
    days_left: int | None
    counts: dict[str, int]
    total: int
    seeds: int
    best: tuple[str, float] | None
    tree: tuple[TreeEntry, ...]
    money: Money
    frontier: Frontier
    advice: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        data = asdict(self)
        data["best"] = None if self.best is None else {"experiment": self.best[0], "mean_bpb": self.best[1]}
        return data


def survey(workspace: Workspace, *, today: date | None = None, tree_lines: int = TREE_LINES) -> Overview:
    """Read the workspace. Raises UsageError when the store or the ledger cannot be opened."""
    money = read_money(workspace)
    frontier = show_frontier(workspace)
    with read(workspace) as reader:
        rows = experiments.lineage(reader)
        counts = experiments.count_by_status(reader)
        summaries = seeds.summaries(reader)
        verdicts = decisions.every_verdict(reader)
        shown = lineage.select(rows, tree_lines)
        tree = _tree(reader, rows, shown, summaries, verdicts)
        advice = _advice(reader, rows, summaries, verdicts, money, frontier)
    measured = {name: summary for name, summary in summaries.items() if summary.count >= 2} or summaries
    best = min(measured, key=lambda name: measured[name].mean_bpb, default=None)
    return Overview(
        title=workspace.profile.title,
        root=str(workspace.root),
        deadline=workspace.profile.deadline,
        days_left=days_left(workspace.profile.deadline, today),
        counts=counts,
        total=len(rows),
        seeds=sum(summary.count for summary in summaries.values()),
        best=None if best is None else (best, measured[best].mean_bpb),
        tree=tree,
        money=money,
        frontier=frontier,
        advice=advice,
    )


def read_money(workspace: Workspace) -> Money:
    """The ledger's fold as money in USD."""
    summary = Ledger(workspace.ledger_path).summarise()
    return Money(
        budget_usd=workspace.budget_usd,
        reserve_usd=workspace.reserve_usd,
        spent_usd=summary.spent_usd,
        held_usd=summary.held_usd,
        left_usd=workspace.spendable_usd - summary.balance_usd,
        open_holds=len(summary.open_holds),
        problems=tuple(str(problem) for problem in summary.problems),
    )


def days_left(deadline: str, today: date | None = None) -> int | None:
    """Days until an ISO date (negative: passed), or None when it is none."""
    try:
        end = date.fromisoformat(deadline)
    except ValueError:
        return None
    return (end - (today or datetime.now(UTC).date())).days


def _tree(
    reader: Reader,
    rows: Sequence[LineageRow],
    shown: set[str],
    summaries: Mapping[str, Summary],
    verdicts: Mapping[str, str],
) -> tuple[TreeEntry, ...]:
    entries = []
    for line in lineage.draw(rows, shown):
        experiment = experiments.get(reader, line.id)
        assert experiment is not None  # noqa: S101 - the rows come from the same snapshot
        summary = summaries.get(line.id)
        entries.append(
            TreeEntry(
                line.branch,
                line.id,
                experiment.status,
                verdicts.get(line.id),
                summary.count if summary else 0,
                summary.mean_bpb if summary else None,
                experiment.hypothesis,
                line.hidden_children,
            )
        )
    return tuple(entries)


def _advice(
    reader: Reader,
    rows: Sequence[LineageRow],
    summaries: Mapping[str, Summary],
    verdicts: Mapping[str, str],
    money: Money,
    frontier: Frontier,
) -> tuple[str, ...]:
    """At most three next steps, the most urgent first."""
    steps: list[str] = []
    if money.problems:
        steps.append("the ledger is missing or damaged and no launch is allowed: `pgolf doctor`")
    by_status: dict[str, list[str]] = {status: [] for status in STATUSES}
    for row in rows:
        by_status[row.status].append(row.id)
    without_rule: list[str] = []
    urgent = len(steps)
    for name in by_status["running"][-20:]:
        rules = registrations.of(reader, name)
        if not rules:
            without_rule.append(name)
            continue
        wanted, done = rules[-1].rule.get("seeds"), summaries[name].count if name in summaries else 0
        if not isinstance(wanted, int):
            continue  # an edited rule is for `doctor` to name
        if done >= wanted or (done >= 1 and verdicts.get(name) is None):
            steps.append(f"{name} has {done} of {wanted} seeds: `pgolf decide {name}`")
        else:
            steps.append(f"{name} has {done} of {wanted} seeds: `pgolf run {name} --seed N -- CMD…`")
    if without_rule:
        names = ", ".join(without_rule[:3]) + (" and others" if len(without_rule) > 3 else "")
        steps.insert(urgent, f"without a registered rule nothing can be decided: {names} (`pgolf doctor`)")
    if by_status["registered"]:
        name = by_status["registered"][-1]
        steps.append(f"{name} is registered: `pgolf run {name} --seed N -- CMD…` for seed 1")
    green = [name for name in by_status["completed"] if verdicts.get(name) == "GREEN"]
    if green:
        steps.append(f"{green[-1]} is GREEN: `pgolf submit-check {green[-1]}`")
    if by_status["planned"]:
        name = by_status["planned"][-1]
        steps.append(f"{name} has no rule yet: `pgolf register-thresholds {name} …` before its first seed")
    if frontier.problem:
        steps.append(frontier.problem)
    elif frontier.age_days is None:
        steps.append("no leaderboard is cached: `pgolf leaderboard fetch`")
    elif frontier.age_days > frontier.stale_after_days:
        steps.append(f"the leaderboard is {frontier.age_days:.0f} days old: `pgolf leaderboard fetch`")
    if not rows or len(steps) < 2:
        steps.append('plan the next experiment: `pgolf track create --hypothesis "…" --techniques a,b`')
    return tuple(steps[:3])
