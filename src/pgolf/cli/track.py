"""`pgolf track create|result|fail|list|show`: experiments and their seeds."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from pgolf.exits import Exit


def terminal_width() -> int | None:
    """Columns of the terminal, or None in a pipe."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else None


@click.group()
def track() -> None:
    """Create experiments, record their seeds, list them."""


@track.command()
@click.option("--hypothesis", required=True, help="What you expect and why, in one sentence.")
@click.option("--techniques", required=True, metavar="A,B", help="Techniques, separated by commas.")
@click.option("--parent", metavar="ID", help="The experiment this one builds on.")
@click.option(
    "--force",
    is_flag=True,
    help="Go on despite a combination that lessons learned call BAD (kept on record).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the experiment as JSON.")
def create(hypothesis: str, techniques: str, parent: str | None, force: bool, as_json: bool) -> int:
    """Make the next experiment: its id, its folder and its config.json."""
    from pgolf.lab.documents import document
    from pgolf.lab.experiments import create_experiment
    from pgolf.lab.settings import load_workspace

    workspace = load_workspace()
    experiment = create_experiment(workspace, hypothesis, techniques.split(","), parent=parent, force=force)
    if as_json:
        click.echo(document("lab_experiment", {"experiment": experiment.as_dict()}), nl=False)
        return Exit.OK
    click.echo(f"created {experiment.id}: experiments/{experiment.id}/config.json")
    for conflict in experiment.forced:
        click.echo(f"forced despite: {conflict}")
    click.echo(
        f"next: pgolf register-thresholds {experiment.id} --seed1-continue BPB --publish NATS --internal NATS"
    )
    return Exit.OK


@track.command()
@click.argument("experiment_id", metavar="ID")
@click.option("--bpb", type=float, required=True, help="Validation bits per byte.")
@click.option("--seed", type=int, required=True)
@click.option("--loss", type=float, help="Validation loss, nats per token.")
@click.option("--size", type=int, help="Artifact, bytes (code + compressed model).")
@click.option("--code-size", type=int, help="Bytes of code.")
@click.option("--model-size", type=int, help="Bytes of the compressed model.")
@click.option("--time", "train_seconds", type=float, help="Training wall time, seconds.")
@click.option("--steps", type=int, help="Training steps done.")
@click.option("--gpu", help="As priced, such as 8xH100_SXM.")
@click.option("--gpu-model", help="As the driver names it.")
@click.option("--torch-version")
@click.option("--pg-commit", help="Commit of the contest repository.")
@click.option("--cost", type=float, help="USD.")
@click.option("--notes")
@click.option(
    "--replace", is_flag=True, help="Count this instead of the recorded seed; both stay in the event log."
)
@click.option("--json", "as_json", is_flag=True, help="Print the seed as JSON.")
def result(experiment_id: str, as_json: bool, **options: Any) -> int:
    """Record a measured seed of experiment ID."""
    from pgolf.lab.documents import document
    from pgolf.lab.experiments import get_experiment, record_seed
    from pgolf.lab.settings import load_workspace

    workspace = load_workspace()
    seed = record_seed(
        workspace,
        experiment_id,
        loss_nats=options.pop("loss"),
        artifact_bytes=options.pop("size"),
        code_bytes=options.pop("code_size"),
        model_bytes=options.pop("model_size"),
        cost_usd=options.pop("cost"),
        **options,
    )
    record = get_experiment(workspace, experiment_id)
    if as_json:
        click.echo(document("lab_seed", {"seed": seed.as_dict()}), nl=False)
    else:
        click.echo(
            f"{seed.experiment} seed {seed.seed}: {seed.bpb:.6f} bpb recorded ({len(record.seeds)} seeds)"
        )
    if not record.registrations:
        click.echo(
            f"pgolf: warning: {seed.experiment} has no registered rule, so decide and submit-check will refuse it",
            err=True,
        )
    return Exit.OK


@track.command()
@click.argument("experiment_id", metavar="ID")
@click.option("--reason", required=True, help="What went wrong.")
def fail(experiment_id: str, reason: str) -> int:
    """Mark experiment ID as failed and keep the reason."""
    from pgolf.lab.experiments import fail_experiment
    from pgolf.lab.settings import load_workspace

    experiment = fail_experiment(load_workspace(), experiment_id, reason)
    click.echo(f"{experiment.id} failed: {experiment.reason}")
    return Exit.OK


@track.command("list")
@click.option("--status", help="Only experiments of this status.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_(status: str | None, as_json: bool) -> int:
    """All experiments, oldest first."""
    from pgolf.lab.documents import document
    from pgolf.lab.experiments import list_experiments
    from pgolf.lab.settings import load_workspace
    from pgolf.lab.text_table import text_table
    from pgolf.report.numbers import NOTHING, bpb

    listed = list_experiments(load_workspace(), status)
    if as_json:
        click.echo(
            document("lab_experiments", {"experiments": [line.as_dict() for line in listed]}), nl=False
        )
        return Exit.OK
    if not listed:
        click.echo(
            "no experiments"
            + (f" with status {status}" if status else "; `pgolf track create` makes the first")
        )
        return Exit.OK
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
            line.experiment.hypothesis
            if line.experiment.status != "failed"
            else f"failed: {line.experiment.reason}",
        )
        for line in listed
    ]
    header = ("id", "status", "verdict", "seeds", "mean bpb", "best bpb", "usd", "parent", "hypothesis")
    for text in text_table(header, rows, frozenset({3, 4, 5, 6}), terminal_width()):
        click.echo(text)
    return Exit.OK


@track.command()
@click.argument("experiment_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(experiment_id: str, as_json: bool) -> int:
    """One experiment: seeds, registered rules, verdict."""
    from pgolf.lab.documents import document
    from pgolf.lab.experiments import get_experiment
    from pgolf.lab.settings import load_workspace
    from pgolf.lab.text_table import text_table
    from pgolf.report.numbers import NOTHING, bpb, count
    from pgolf.report.visible import visible

    record = get_experiment(load_workspace(), experiment_id)
    experiment = record.experiment
    if as_json:
        body = {
            "experiment": experiment.as_dict(),
            "seeds": [seed.as_dict() for seed in record.seeds],
            "registrations": [row.as_dict() for row in record.registrations],
            "verdict": None if record.decision is None else record.decision.verdict,
            "sentence": None if record.decision is None else record.decision.sentence,
        }
        click.echo(document("lab_record", body), nl=False)
        return Exit.OK
    click.echo(
        f"{experiment.id}  {experiment.status}"
        + (f": {visible(experiment.reason)}" if experiment.reason else "")
    )
    click.echo(f"  hypothesis  {visible(experiment.hypothesis)}")
    click.echo(f"  techniques  {visible(', '.join(experiment.techniques))}")
    click.echo(f"  parent      {experiment.parent or NOTHING}")
    for row in record.registrations:
        why = f": {visible(row.reason)}" if row.reason else ""
        click.echo(f"  rule {row.version}      {row.registered_at}  sha256 {row.rule_sha256[:16]}{why}")
    rows = [
        (
            str(seed.seed),
            bpb(seed.bpb),
            bpb(seed.loss_nats),
            count(seed.artifact_bytes),
            count(seed.train_seconds),
            seed.gpu or NOTHING,
            seed.source + (" (replaced)" if seed.replaced else ""),
            seed.recorded_at,
        )
        for seed in record.seeds
    ]
    header = ("seed", "bpb", "loss", "bytes", "seconds", "gpu", "source", "recorded")
    for text in (
        text_table(header, rows, frozenset({0, 1, 2, 3, 4}), terminal_width()) if rows else ("no seeds",)
    ):
        click.echo(f"  {text}")
    if record.decision is not None:
        click.echo(f"{record.decision.verdict}: {visible(record.decision.sentence)}")
    return Exit.OK


@track.command("events")
@click.argument("experiment_id", metavar="[ID]", required=False)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The newest so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, with payloads and hashes.")
def events_(experiment_id: str | None, limit: int, as_json: bool) -> int:
    """The event log (of one experiment): who did what when; nothing in it is ever changed."""
    from dataclasses import asdict

    from pgolf.lab.documents import document
    from pgolf.lab.experiments import get_experiment
    from pgolf.lab.settings import load_workspace
    from pgolf.lab.store.database import read
    from pgolf.lab.store.events import canonical_json, events_of
    from pgolf.lab.text_table import text_table

    workspace = load_workspace()
    subject = None if experiment_id is None else get_experiment(workspace, experiment_id).experiment.id
    with read(workspace) as reader:
        log = events_of(reader, subject, limit)
    if as_json:
        click.echo(document("lab_events", {"events": [asdict(event) for event in log]}), nl=False)
        return Exit.OK
    rows = [
        (
            str(event.seq),
            event.at[:19] + "Z",
            event.who,
            event.subject,
            event.what,
            canonical_json(event.payload)[:300],
        )
        for event in log
    ]
    for text in text_table(
        ("event", "at", "who", "of", "what", "payload"), rows, frozenset({0}), terminal_width()
    ):
        click.echo(text)
    return Exit.OK
