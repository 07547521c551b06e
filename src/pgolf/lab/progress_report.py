"""`pgolf report`: REPORT.md of the whole workspace (lineage, seeds, rules, decisions, spend) with SVG plots beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgolf.lab import lineage
from pgolf.lab.experiments import ListedExperiment, list_experiments
from pgolf.lab.frontier import show_frontier
from pgolf.lab.leaderboard.board import replace_file
from pgolf.lab.ledger import Ledger, LedgerSummary
from pgolf.lab.overview import read_money
from pgolf.lab.plots import SeedColumn, seeds_plot, spend_plot
from pgolf.lab.preregistration import rule_from_dict
from pgolf.lab.settings import Workspace
from pgolf.lab.store import decisions, experiments, registrations, seeds
from pgolf.lab.store.database import Reader, now, read
from pgolf.lab.store.events import verify_chain
from pgolf.report.markdown import code, escape, table
from pgolf.report.numbers import NOTHING, bpb, count

REPORT_FILE = "REPORT.md"
PLOTS_DIR = "report"
_MOST_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """Files written, relative to the folder of the report."""

    folder: str
    files: tuple[str, ...]
    experiments: int
    seeds: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "folder": self.folder,
            "files": list(self.files),
            "experiments": self.experiments,
            "seeds": self.seeds,
        }


def write_report(workspace: Workspace, folder: Path | None = None) -> WrittenReport:
    """Write REPORT.md and its plots into `folder` (default: the workspace). Raises UsageError when it cannot."""
    folder = (folder or workspace.root).resolve()
    listed = list_experiments(workspace)
    summary = Ledger(workspace.ledger_path).summarise()
    plots = _plots(workspace, listed, summary)
    text = _markdown(workspace, listed, summary, tuple(plots))
    files = {**{f"{PLOTS_DIR}/{name}": svg for name, svg in plots.items()}, REPORT_FILE: text}
    for name, content in files.items():
        replace_file(folder / name, content.encode())
    return WrittenReport(str(folder), tuple(files), len(listed), sum(line.seeds for line in listed))


def _plots(
    workspace: Workspace, listed: Sequence[ListedExperiment], summary: LedgerSummary
) -> dict[str, str]:
    plots = {}
    measured = [line.experiment.id for line in listed if line.seeds][-_MOST_COLUMNS:]
    if measured:
        with read(workspace) as reader:
            columns = [
                SeedColumn(name, tuple(seed.bpb for seed in seeds.of(reader, name))) for name in measured
            ]
        title = "Seeds by experiment" + (
            f" (the last {_MOST_COLUMNS})" if len(measured) == _MOST_COLUMNS else ""
        )
        plots["seeds.svg"] = seeds_plot(columns, show_frontier(workspace).bpb, title)
    days = sorted((day, sums[0] / 1e6) for day, sums in summary.by_day.items())
    if days:
        plots["spend.svg"] = spend_plot(days, workspace.spendable_usd, "Money spent")
    return plots


def _markdown(
    workspace: Workspace, listed: Sequence[ListedExperiment], summary: LedgerSummary, plots: tuple[str, ...]
) -> str:
    money, frontier = read_money(workspace), show_frontier(workspace)
    with read(workspace) as reader:
        chain = verify_chain(reader)
        body = [
            f"# {escape(workspace.profile.title)}: report",
            f"Made {now()[:19]}Z from {len(listed)} experiments and {sum(line.seeds for line in listed)} seeds. "
            f"Frontier {bpb(frontier.bpb)} bpb ({escape(frontier.source)}).",
            _integrity(chain.problems, chain.events, chain.head, money.problems),
            "## Experiments",
            _table(listed) if listed else "None yet.",
        ]
        if "seeds.svg" in plots:
            body.append(f"![Seeds by experiment]({PLOTS_DIR}/seeds.svg)")
        if listed:
            body += ["## Lineage", _tree(reader, {line.experiment.id: line for line in listed})]
        body += ["## Money", _money(workspace, summary)]
        if "spend.svg" in plots:
            body.append(f"![Money spent]({PLOTS_DIR}/spend.svg)")
        detailed = [
            line for line in listed if line.seeds or line.registered or line.experiment.status == "failed"
        ]
        if detailed:
            body.append("## Details")
            body += [_details(reader, line) for line in detailed]
    return "\n\n".join(part.strip("\n") for part in body) + "\n"


def _integrity(chain: tuple[str, ...], events: int, head: str, ledger: tuple[str, ...]) -> str:
    problems = [*chain, *(f"ledger: {problem}" for problem in ledger)]
    if not problems:
        return f"Event log: {events} events, unbroken, last hash {code(head[:16])}. Ledger: unbroken."
    lines = "\n".join(f"- {escape(problem)}" for problem in problems)
    return f"**Damaged; do not rely on the numbers below until this is explained:**\n\n{lines}"


def _table(listed: Sequence[ListedExperiment]) -> str:
    header = ("id", "status", "verdict", "seeds", "mean bpb", "best bpb", "USD", "parent", "hypothesis")
    rows = [
        (
            line.experiment.id,
            line.experiment.status,
            line.verdict or NOTHING,
            str(line.seeds),
            bpb(line.mean_bpb),
            bpb(line.best_bpb),
            f"{line.cost_usd:.2f}",
            line.experiment.parent or NOTHING,
            escape(line.experiment.hypothesis),
        )
        for line in listed
    ]
    return table(header, rows, frozenset({3, 4, 5, 6}))


def _tree(reader: Reader, listed: dict[str, ListedExperiment]) -> str:
    lines = []
    for entry in lineage.draw(experiments.lineage(reader)):
        line = listed.get(entry.id)
        if line is None:
            continue
        state = line.verdict or line.experiment.status
        value = f" {bpb(line.mean_bpb)}" if line.mean_bpb is not None else ""
        lines.append(f"{entry.branch}{entry.id}  {state}{value}")
    return "```text\n" + "\n".join(lines) + "\n```"


def _money(workspace: Workspace, summary: LedgerSummary) -> str:
    left = workspace.spendable_usd - summary.balance_usd
    text = (
        f"{summary.spent_usd:.2f} USD spent, {summary.held_usd:.2f} held, {left:.2f} left of "
        f"{workspace.budget_usd:.2f} with {workspace.reserve_usd:.2f} in reserve."
    )
    for title, sums in (
        ("GPU", summary.by_gpu),
        ("day", summary.by_day),
        ("experiment", summary.by_experiment),
    ):
        rows = [
            (escape(name or NOTHING), f"{micro / 1e6:.2f}", f"{milliseconds / 3.6e6:.2f}", str(runs))
            for name, (micro, milliseconds, runs) in sorted(sums.items())
        ]
        if rows:
            text += "\n\n" + table((title, "USD", "hours", "runs"), rows, frozenset({1, 2, 3}))
    return text


def _details(reader: Reader, line: ListedExperiment) -> str:
    experiment = line.experiment
    parts = [f"### {experiment.id}: {escape(experiment.hypothesis)}"]
    facts = [f"Techniques: {escape(', '.join(experiment.techniques))}."]
    if experiment.parent:
        facts.append(f"Builds on {experiment.parent}.")
    if experiment.reason:
        facts.append(f"{experiment.status}: {escape(experiment.reason)}.")
    facts += [f"Forced despite {escape(conflict)}." for conflict in experiment.forced]
    parts.append(" ".join(facts))
    for registration in registrations.of(reader, experiment.id):
        rule = rule_from_dict(registration.rule)
        why = f" Amendment: {escape(registration.reason)}." if registration.reason else ""
        parts.append(
            f"Rule {registration.version}, {registration.registered_at[:19]}Z, sha256 {code(registration.rule_sha256[:16])}: "
            f"seed 1 goes on at or below {rule.seed1_continue_bpb:.6f} bpb; GREEN beyond {rule.publish_margin:g} and YELLOW "
            f"beyond {rule.internal_margin:g} {rule.unit} at p &lt; {rule.alpha:g} with {rule.seeds} seeds, against "
            f"{rule.reference.mean_bpb:.6f} bpb ({escape(rule.reference.source)}).{why}"
        )
    rows = [
        (
            str(seed.seed),
            f"{seed.bpb:.6f}",
            NOTHING if seed.loss_nats is None else f"{seed.loss_nats:.6f}",
            count(seed.artifact_bytes),
            count(seed.train_seconds),
            escape(seed.gpu or NOTHING),
            NOTHING if seed.cost_usd is None else f"{seed.cost_usd:.2f}",
            seed.source + (" (replaced)" if seed.replaced else ""),
            seed.recorded_at[:19] + "Z",
        )
        for seed in seeds.of(reader, experiment.id)
    ]
    if rows:
        header = ("seed", "bpb", "loss nats", "bytes", "seconds", "GPU", "USD", "source", "recorded")
        parts.append(table(header, rows, frozenset({0, 1, 2, 3, 4, 6})))
    decision = decisions.latest(reader, experiment.id)
    if decision is not None:
        notes = "".join(f"\n- {escape(note)}" for note in decision.payload.get("notes", ()))
        parts.append(
            f"**{decision.verdict}**: {escape(decision.sentence, 2000)}." + (f"\n{notes}" if notes else "")
        )
    return "\n\n".join(part.strip("\n") for part in parts)
