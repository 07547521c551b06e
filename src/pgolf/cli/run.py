"""`pgolf run ID --seed N -- CMD…`: gate, hold, log, wall clock, settle, parse, record, in one command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgolf.exits import Exit

if TYPE_CHECKING:
    from pgolf.lab.run.pricing import PricedRun
    from pgolf.lab.run.record import RunOutcome
    from pgolf.lab.settings import Workspace


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("experiment_id", metavar="ID", required=False)
@click.option("--seed", type=click.IntRange(0), help="The seed; the command finds it in SEED.")
@click.option("--gpu", metavar="GPU", help="The machine as the profile names it (8xH100_SXM), or `none`.")
@click.option("--cap-seconds", type=float, help="Wall clock of the whole process; it is ended there.")
@click.option("--replace", is_flag=True, help="Count this run for a seed that is recorded already.")
@click.option("--on", type=click.Choice(["local", "slurm", "skypilot"]), default="local", show_default=True)
@click.option(
    "--dry-run", is_flag=True, help="Say what would be started, what it may cost, and each gate's answer."
)
@click.option("--quiet", is_flag=True, help="Do not stream the command's output.")
@click.option("--recover", is_flag=True, help="Settle runs whose pgolf was killed; takes nothing else.")
@click.option("--adopt-hold", hidden=True, help="An open hold to use (a batch job's).")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on stdout at the end; implies --quiet."
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def run(
    experiment_id: str | None,
    seed: int | None,
    gpu: str | None,
    cap_seconds: float | None,
    replace: bool,
    on: str,
    dry_run: bool,
    quiet: bool,
    recover: bool,
    adopt_hold: str | None,
    as_json: bool,
    command: tuple[str, ...],
) -> int:
    """Run one seed of experiment ID: COMMAND stands behind `--`."""
    from pgolf.lab.experiments import normalise_id
    from pgolf.lab.run.pricing import RunRequest, price_run
    from pgolf.lab.settings import load_workspace

    workspace = load_workspace()
    if recover:
        return _recover(workspace)
    if experiment_id is None or seed is None or not command:
        raise click.UsageError("an experiment, --seed and a command behind `--` are needed")
    request = RunRequest(
        experiment=normalise_id(experiment_id),
        seed=seed,
        argv=command,
        folder=Path.cwd(),
        gpu=gpu,
        cap_seconds=cap_seconds,
        replace=replace,
    )
    priced = price_run(workspace, request, os.environ)
    if dry_run:
        return _dry_run(workspace, priced, on)
    if on == "slurm":
        return _submit(workspace, priced)
    if on == "skypilot":
        return _run_in_the_cloud(workspace, priced, quiet, as_json)
    return _run_here(workspace, priced, quiet, as_json, adopt_hold)


def _run_here(
    workspace: Workspace, priced: PricedRun, quiet: bool, as_json: bool, adopt: str | None = None
) -> int:
    from pgolf.lab.run.record import run_seed

    screen = _Screen(priced, quiet or as_json)
    if not as_json:
        where = priced.gpu or "no priced GPU"
        click.echo(f"pgolf: {where}, at most {priced.cap_seconds:g} s and {priced.usd:.4g} USD", err=True)
    outcome = run_seed(workspace, priced, sink=screen.show, tick=screen.tick, adopt=adopt)
    screen.close()
    return _report(workspace, outcome, as_json)


class _Screen:
    """The command's output on stdout and, on a terminal, one progress line on stderr."""

    def __init__(self, priced: PricedRun, quiet: bool) -> None:
        from pgolf.lab.run.progress import Progress

        self.priced, self.quiet = priced, quiet
        self.progress = Progress()
        self.live = sys.stderr.isatty()
        self.at_line_start = True
        self.shown = False

    def show(self, chunk: bytes) -> None:
        """Stream a piece of output; a reader that went away does not end the run."""
        self.progress.feed(chunk)
        if self.quiet:
            return
        self._wipe()
        try:
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        except (OSError, ValueError):
            self.quiet = True
        self.at_line_start = chunk.endswith(b"\n")

    def tick(self, seconds: float) -> None:
        """Draw the progress line anew."""
        if not self.live or not self.at_line_start:
            return
        self._wipe()
        priced = self.priced
        line = self.progress.render(seconds, priced.cap_seconds, priced.usd_per_second, priced.usd)
        with suppress(OSError):
            sys.stderr.write(line)
            sys.stderr.flush()
        self.shown = True

    def close(self) -> None:
        """Remove the progress line."""
        self._wipe()

    def _wipe(self) -> None:
        if self.shown:
            with suppress(OSError):
                sys.stderr.write("\r\x1b[2K")
                sys.stderr.flush()
            self.shown = False


def _report(workspace: Workspace, outcome: RunOutcome, as_json: bool) -> int:
    from pgolf.lab.documents import document
    from pgolf.lab.ledger import format_usd

    ending, seed = outcome.ending, outcome.seed
    log = os.path.relpath(outcome.log_path, workspace.root)
    if as_json:
        body = {
            "experiment": outcome.experiment,
            "recorded": seed is not None,
            "not_recorded": outcome.not_recorded or None,
            "seed": None if seed is None else seed.as_dict(),
            "exit_status": ending.exit_status,
            "ended_by": ending.reason,
            "wall_seconds": ending.seconds,
            "stragglers": ending.stragglers,
            "cost_usd": None if outcome.cost_microusd is None else outcome.cost_microusd / 1e6,
            "log": {"path": log, "sha256": outcome.log_sha256},
        }
        click.echo(document("lab_run", body), nl=False)
    else:
        cost = "not settled" if outcome.cost_microusd is None else f"{format_usd(outcome.cost_microusd)} USD"
        click.echo(f"pgolf: {ending.reason} after {ending.seconds:.1f} s, {cost}; log {log}", err=True)
        if ending.stragglers:
            click.echo(f"pgolf: {ending.stragglers} processes outlived the command and were ended", err=True)
        if seed is not None:
            loss = "" if seed.loss_nats is None else f", {seed.loss_nats:.6f} nats/token"
            click.echo(f"{outcome.experiment} seed {seed.seed} recorded: {seed.bpb:.6f} bpb{loss}")
    if seed is None:
        click.echo(f"pgolf: {outcome.experiment}: not recorded: {outcome.not_recorded}", err=True)
        return Exit.REFUSED
    if outcome.not_recorded:
        click.echo(f"pgolf: {outcome.not_recorded}", err=True)
    return Exit.OK


def _dry_run(workspace: Workspace, priced: PricedRun, on: str) -> int:
    from pgolf.errors import Refused
    from pgolf.lab.run.record import check_run

    try:
        _, answers = check_run(workspace, priced)
        refused: tuple[str, ...] = ()
    except Refused as error:
        answers, refused = [], error.reasons
    click.echo(f"command: {priced.command}")
    click.echo(f"runs on: {priced.gpu or 'no priced GPU'}, ended after {priced.cap_seconds:g} s")
    click.echo(f"costs at most: {priced.usd:.4g} USD")
    for gate, verdict, reason in answers:
        click.echo(f"gate {gate}: {verdict}: {reason}")
    for reason in refused:
        click.echo(f"refused: {reason}")
    if on == "skypilot":
        from pgolf.lab.run.skypilot import launch_argv, render_task

        click.echo("task.yaml:\n" + render_task(priced), nl=False)
        click.echo("started by: " + " ".join(launch_argv(priced, "task.yaml")))
    elif on == "slurm":
        from pgolf.lab.run.slurm import render_job

        click.echo("batch script:\n" + render_job(priced, _job_folder(workspace, priced)), nl=False)
    return Exit.REFUSED if refused else Exit.OK


def _job_folder(workspace: Workspace, priced: PricedRun) -> Path:
    return workspace.experiments_dir / priced.request.experiment / "slurm"


def _submit(workspace: Workspace, priced: PricedRun) -> int:
    from pgolf.errors import PgolfError
    from pgolf.lab.ledger import Ledger
    from pgolf.lab.run.record import hold_for_batch
    from pgolf.lab.run.slurm import submit

    hold = hold_for_batch(workspace, priced)
    try:
        job = submit(priced, hold.id, _job_folder(workspace, priced))
    except PgolfError:
        Ledger(workspace.ledger_path).release(hold.id, "the job was not submitted")
        raise
    click.echo(f"job {job} submitted; {hold.amount_usd:.2f} USD held as {hold.id} until it has run")
    click.echo(f"if the job is cancelled before it starts: pgolf spend release {hold.id}")
    return Exit.OK


def _run_in_the_cloud(workspace: Workspace, priced: PricedRun, quiet: bool, as_json: bool) -> int:
    from pgolf.errors import UsageError
    from pgolf.lab.run.pricing import redirect
    from pgolf.lab.run.skypilot import launch_argv, render_task, teardown_argv

    if shutil.which("sky") is None:
        raise UsageError(
            '--on skypilot needs SkyPilot\'s command line: `pip install "skypilot"`, then `sky check`'
        )
    folder = workspace.experiments_dir / priced.request.experiment
    task = folder / f"train_seed{priced.request.seed}.sky.yaml"
    text = render_task(priced)
    folder.mkdir(parents=True, exist_ok=True)
    task.write_text(text, encoding="utf-8")
    try:
        return _run_here(workspace, redirect(priced, launch_argv(priced, str(task))), quiet, as_json)
    finally:
        teardown = teardown_argv(priced)
        try:
            done = subprocess.run(teardown, check=False, stdin=subprocess.DEVNULL, timeout=600)
            failed = done.returncode != 0
        except (OSError, subprocess.TimeoutExpired):
            failed = True
        if failed:
            click.echo(f"pgolf: the cluster may still run and cost: check `{' '.join(teardown)}`", err=True)


def _recover(workspace: Workspace) -> int:
    from pgolf.lab.ledger import format_usd
    from pgolf.lab.run.record import recover

    settled = recover(workspace, kill=_end_process)
    for hold, left in settled:
        note = f", {left} processes ended" if left else ""
        click.echo(
            f"{hold.experiment or '(no experiment)'} seed {hold.seed}: its pgolf is gone; "
            f"{format_usd(hold.amount_microusd)} USD charged in full{note}"
        )
    click.echo(f"{len(settled)} runs recovered")
    return Exit.OK


def _end_process(pid: int) -> None:
    """TERM, up to two seconds, KILL."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(20):
            time.sleep(0.1)
            os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)
