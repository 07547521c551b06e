"""`pgolf blog ID`: the scaffold of a post about one experiment. Numbers are filled in; the thinking is left open."""

from __future__ import annotations

from pathlib import Path

from pgolf.errors import Refused
from pgolf.lab.experiments import ExperimentRecord, get_experiment
from pgolf.lab.leaderboard.board import replace_file
from pgolf.lab.preregistration import rule_from_dict
from pgolf.lab.settings import Workspace
from pgolf.report.markdown import escape, table
from pgolf.report.numbers import NOTHING, bpb, count

POSTS_DIR = "blog"


def write_post(workspace: Workspace, experiment_id: str, *, force: bool = False) -> Path:
    """Write `blog/exp_NNN.md`. Raises Refused where one exists and `force` is not given, UsageError as usual."""
    record = get_experiment(workspace, experiment_id)
    path = workspace.root / POSTS_DIR / f"{record.experiment.id}.md"
    if path.exists() and not force:
        raise Refused(f"{path} exists and may hold your words: --force replaces it")
    replace_file(path, post(record, workspace.profile.title).encode())
    return path


def post(record: ExperimentRecord, contest: str) -> str:
    """The scaffold as Markdown."""
    experiment, decision = record.experiment, record.decision
    verdict = decision.verdict if decision else experiment.status
    parts = [
        f"# {escape(experiment.hypothesis)}",
        f"*{escape(contest)}, {experiment.id}: {verdict}*",
        "## What we expected\n\n"
        f"{escape(experiment.hypothesis)}\n\n<!-- Why? What would have proved us wrong? -->",
        "## What we changed\n\n"
        + "\n".join(f"- {escape(technique)}" for technique in experiment.techniques)
        + (f"\n\nBuilds on {experiment.parent}." if experiment.parent else "")
        + "\n\n<!-- The change in a few lines, and everything that stayed the same. -->",
        f"## What we decided beforehand\n\n{_rules(record)}",
        f"## What came out\n\n{_seeds(record).rstrip()}\n\n{_verdict(record)}",
        f"## What it cost\n\n{_cost(record)}",
        "## What we do not know\n\n<!-- Seeds not run, confounders, where the test is weak. -->",
        "## What is next\n\n<!-- One sentence. -->",
    ]
    return "\n\n".join(parts) + "\n"


def _rules(record: ExperimentRecord) -> str:
    if not record.registrations:
        return "Nothing was registered before the first seed, so the numbers below are exploratory."
    lines = []
    for registration in record.registrations:
        rule = rule_from_dict(registration.rule)
        lines.append(
            f"- {registration.registered_at[:19]}Z: stop after seed 1 above {rule.seed1_continue_bpb:.6f} bpb; publish if the "
            f"mean of {rule.seeds} seeds beats {rule.reference.mean_bpb:.6f} bpb ({escape(rule.reference.source)}) by more "
            f"than {rule.publish_margin:g} {rule.unit} at p &lt; {rule.alpha:g}"
            + (f" (amended: {escape(registration.reason)})" if registration.reason else "")
        )
    return "\n".join(lines)


def _seeds(record: ExperimentRecord) -> str:
    rows = [
        (
            str(seed.seed),
            f"{seed.bpb:.6f}",
            bpb(seed.loss_nats),
            count(seed.artifact_bytes),
            count(seed.train_seconds),
        )
        for seed in record.seeds
    ]
    if not rows:
        return "No seed was recorded."
    return table(("seed", "bpb", "loss nats", "bytes", "seconds"), rows, frozenset(range(5)))


def _verdict(record: ExperimentRecord) -> str:
    if record.decision is None:
        why = f" ({escape(record.experiment.reason)})" if record.experiment.reason else ""
        return f"Not decided; the experiment is {record.experiment.status}{why}."
    return f"**{record.decision.verdict}**: {escape(record.decision.sentence, 2000)}."


def _cost(record: ExperimentRecord) -> str:
    known = [seed.cost_usd for seed in record.seeds if seed.cost_usd is not None]
    gpus = sorted({seed.gpu for seed in record.seeds if seed.gpu})
    total = f"{sum(known):.2f} USD over {len(known)} seeds" if known else NOTHING
    return f"{total}{' on ' + escape(', '.join(gpus)) if gpus else ''}."
