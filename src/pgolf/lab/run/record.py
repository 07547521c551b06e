"""One seed from request to record: gates, hold, process, settlement, parse, record. Nothing is recorded twice."""

from __future__ import annotations

import datetime
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from io import RawIOBase
from pathlib import Path
from typing import Any

from pgolf.errors import PgolfError, Refused, UsageError
from pgolf.lab.experiments import append_event, experiment_dir, get_experiment, record_seed
from pgolf.lab.gates import FORCED, Request, ask, budget
from pgolf.lab.ledger import Hold, Ledger
from pgolf.lab.run.manifest import (
    commit_of,
    describe_inputs,
    describe_machine,
    gpu_in_log,
    hash_file,
    torch_in_log,
)
from pgolf.lab.run.pricing import PricedRun
from pgolf.lab.run.process import Ending, execute, find_marked
from pgolf.lab.settings import Workspace
from pgolf.lab.store.seeds import Seed
from pgolf.runlog.limits import DEFAULT_LIMITS
from pgolf.runlog.metrics import Ending as LogEnding
from pgolf.runlog.metrics import RunMetrics
from pgolf.runlog.parse import parse_log

EXPIRY_GRACE_SECONDS = 3600.0
PURPOSE = "run"
BATCH = "batch"


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What became of a run. `seed` is the recorded row, or None with the reason in `not_recorded`."""

    experiment: str
    ending: Ending
    cost_microusd: int | None
    log_path: Path
    log_sha256: str
    metrics: RunMetrics
    seed: Seed | None
    not_recorded: str


def check_run(
    workspace: Workspace, run: PricedRun, paid: bool = False
) -> tuple[Request, list[tuple[str, str, str]]]:
    """Ask every gate; returns the request and (gate, verdict, reason) of each.

    `paid`: the money is held already, so the budget's gate is not asked.

    Raises Refused with the reasons of all gates that refuse; of an experiment that failed; of a seed that is
    recorded already (without `replace`).
    """
    wanted = run.request
    record = get_experiment(workspace, wanted.experiment)
    if record.experiment.status == "failed":
        raise Refused(f"{record.experiment.id} is failed ({record.experiment.reason}): it takes no seeds")
    if not wanted.replace and any(seed.seed == wanted.seed for seed in record.seeds):
        raise Refused(
            f"{record.experiment.id} has seed {wanted.seed} already; --replace keeps both on record"
        )
    if not record.registrations:
        raise Refused(
            f"registration: {record.experiment.id} has no registered rule: "
            f"`pgolf register-thresholds {record.experiment.id} …` comes before the first seed"
        )
    if not paid:
        for hold in Ledger(workspace.ledger_path).summarise().open_holds.values():
            if (hold.experiment, hold.seed) == (record.experiment.id, wanted.seed) and is_running(hold):
                raise Refused(
                    f"{record.experiment.id} seed {wanted.seed} is running already (hold {hold.id})"
                )
    request = Request(command=run.command, plan=run.plan, workspace=workspace, environ=run.environ)
    answers = ask(request) if run.plan.is_launch else ()
    if paid:
        answers = tuple(answer for answer in answers if answer.gate != budget.NAME)
    refused = [f"{answer.gate}: {answer.reason}" for answer in answers if not answer.lets_through]
    if refused:
        raise Refused(*refused)
    return request, [(answer.gate, answer.verdict, answer.reason) for answer in answers]


def run_seed(
    workspace: Workspace,
    run: PricedRun,
    *,
    sink: Callable[[bytes], None],
    tick: Callable[[float], None],
    adopt: str | None = None,
) -> RunOutcome:
    """Gate, hold, start, settle, parse, record.

    `adopt` is an open hold to use instead of a new one (a batch system's job was paid for when it was
    submitted). Raises Refused or UsageError before anything is started; afterwards every failure is in the
    outcome, and the money is settled or its hold stays open.
    """
    request, answers = check_run(workspace, run, paid=adopt is not None)
    wanted = run.request
    folder = experiment_dir(workspace, wanted.experiment)
    inputs = describe_inputs(run.environ, wanted.folder, run.script, folder / "config.json")
    machine = describe_machine()
    commit = commit_of(run.script or wanted.folder)
    ledger = Ledger(workspace.ledger_path)
    run_id = make_run_id()
    log, log_path = _open_log(folder, wanted.seed)
    with log:
        try:
            if adopt is not None:
                hold = _adopted(ledger, adopt, run)
            else:
                hold = _hold(workspace, ledger, run, request, answers, run_id)
        except BaseException:
            log.close()
            log_path.unlink(missing_ok=True)  # nothing was started, so nothing was logged
            raise
        started_at = _now()
        try:
            ending = execute(
                run.start_argv or wanted.argv,
                environ=run.environ,
                folder=wanted.folder,
                log=log,
                cap_seconds=run.cap_seconds,
                run_id=run_id,
                sink=sink,
                tick=tick,
            )
        except UsageError:
            ledger.release(hold.id, "the command could not be started")
            log.close()
            log_path.unlink(missing_ok=True)
            raise
        trouble: list[str] = []
        try:
            os.fsync(log.fileno())
        except OSError as error:
            trouble.append(f"{log_path.name} may not survive a power cut: {error.strerror}")
    cost = _settle(ledger, hold, run, ending, trouble)
    log_sha256, log_bytes = hash_file(log_path) or "", log_path.stat().st_size
    with log_path.open("rb") as handle:
        data = handle.read(DEFAULT_LIMITS.log_bytes + 1)
    metrics = parse_log(data, log_path.name)
    shown_log = os.path.relpath(log_path, workspace.root)
    manifest = {
        "version": 1,
        "run_id": run_id,
        "experiment": wanted.experiment,
        "seed": wanted.seed,
        "argv": list(wanted.argv),
        "folder": os.path.relpath(wanted.folder, workspace.root),
        "started_at": started_at,
        "ended_at": _now(),
        "ending": asdict(ending),
        "cap_seconds": run.cap_seconds,
        "train_cap_seconds": run.environ["MAX_WALLCLOCK_SECONDS"],
        "gpu": run.gpu or None,
        "hold": hold.id,
        "cost_usd": None if cost is None else cost / 1e6,
        "gates": [{"gate": g, "verdict": v, "reason": r} for g, v, r in answers],
        "inputs": inputs,
        "machine": machine,
        "commit": commit,
        "log": {"path": shown_log, "bytes": log_bytes, "sha256": log_sha256},
    }
    _write_manifest(log_path, manifest, trouble)
    why_not = why_not_recorded(ending, metrics, wanted.seed)
    seed: Seed | None = None
    if not why_not:
        try:
            seed = _record(workspace, run, metrics, manifest, data, cost, machine, commit, shown_log)
        except PgolfError as error:
            why_not = str(error)
    if why_not:
        payload = {"seed": wanted.seed, "reason": why_not, "manifest": manifest}
        try:
            append_event(workspace, "run not recorded", wanted.experiment, payload)
        except PgolfError as error:
            trouble.append(str(error))
    reason = "; ".join([why_not, *trouble] if why_not else trouble)
    return RunOutcome(wanted.experiment, ending, cost, log_path, log_sha256, metrics, seed, reason)


def why_not_recorded(ending: Ending, metrics: RunMetrics, seed: int) -> str:
    """Why this run is no result, or an empty text. A run that was cut short is none, whatever it printed."""
    if ending.reason == "cap":
        return f"the wall-clock cap ended it after {ending.seconds:.0f} s"
    if ending.reason == "interrupted":
        return f"interrupted after {ending.seconds:.0f} s"
    if ending.log_trouble:
        return ending.log_trouble
    if ending.exit_status != 0:
        return f"the command ended with status {ending.exit_status}"
    if metrics.score is None:
        return f"the log holds no score: {metrics.no_score or metrics.ending_reason}"
    if metrics.ending is not LogEnding.COMPLETE:
        return f"the log is {metrics.ending.value}: {metrics.ending_reason}"
    printed = metrics.run.seed if metrics.run.seed_source == "log" else None
    if printed is not None and printed != seed:
        return f"the log says seed {printed}, this run was for seed {seed}: does the script read SEED?"
    return ""


def recover(workspace: Workspace, *, kill: Callable[[int], None]) -> list[tuple[Hold, int]]:
    """Settle at the cap every hold of a run whose pgolf is gone, and end what it left running.

    Returns the holds and how many processes each had left. Runs of other hosts are settled once expired.
    """
    ledger = Ledger(workspace.ledger_path)
    settled: list[tuple[Hold, int]] = []
    for hold in list(ledger.summarise().open_holds.values()):
        if hold.purpose != PURPOSE:
            continue
        here = was_abandoned(hold)
        expired = hold.expires_at is not None and hold.expires_at <= time.time()
        if is_running(hold) or not (here or expired):
            continue
        left = find_marked(hold.key) if here else set()
        for process in left:
            kill(process)
        ledger.settle(hold.id, reason="pgolf was killed; charged in full")
        settled.append((hold, len(left)))
        payload = {"seed": hold.seed, "hold": hold.id, "usd": hold.amount_usd}
        if hold.experiment:
            append_event(workspace, "run recovered", hold.experiment, payload)
    return settled


def make_run_id() -> str:
    """`host/pid/start-time`: tells later whether the pgolf that holds the money still lives."""
    pid = os.getpid()
    return f"{_host()}/{pid}/{_start_ticks(pid)}/{os.urandom(4).hex()}"


def parse_run_id(key: str) -> tuple[str, int, str]:
    """Host, pid and start time of `make_run_id`; nonsense gives a process that is not alive."""
    host, pid, start, *_ = [*key.split("/"), "", "", ""]
    return host, int(pid) if pid.isdigit() and len(pid) < 10 else -1, start or "?"


def _host() -> str:
    return socket.gethostname().replace("/", "-")


def _start_ticks(pid: int) -> str:
    """When a process started, as the kernel counts; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as handle:
            return handle.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def _hold(
    workspace: Workspace,
    ledger: Ledger,
    run: PricedRun,
    request: Request,
    answers: list[tuple[str, str, str]],
    run_id: str,
    purpose: str = PURPOSE,
    grace_seconds: float = EXPIRY_GRACE_SECONDS,
) -> Hold:
    for gate, verdict, reason in answers:
        if verdict == FORCED and gate != budget.NAME:
            ledger.record_override(gate, reason, run.command, run.request.experiment)
    return ledger.hold(
        run.usd,
        spendable_usd=workspace.spendable_usd,
        experiment=run.request.experiment,
        seed=run.request.seed,
        gpu=run.gpu,
        purpose=purpose,
        command=run.command,
        cap_seconds=run.cap_seconds,
        expires_at=time.time() + run.cap_seconds + grace_seconds,
        key=run_id,
        force=budget.is_forced(request),
    )


def hold_for_batch(workspace: Workspace, run: PricedRun) -> Hold:
    """Ask the gates and hold the money for a job that starts later, elsewhere; it adopts the hold.

    Its purpose is `batch`, so `recover` does not take the end of this process for the end of the job; it
    expires after a week in the queue.
    """
    request, answers = check_run(workspace, run)
    ledger = Ledger(workspace.ledger_path)
    return _hold(workspace, ledger, run, request, answers, make_run_id(), BATCH, 7 * 86_400.0)


def _adopted(ledger: Ledger, hold_id: str, run: PricedRun) -> Hold:
    """The open hold that was made for this very run. Any other hold pays for something else."""
    hold = ledger.summarise().open_holds.get(hold_id)
    if hold is None:
        raise Refused(f"hold {hold_id} is not open: unknown, or settled or released before")
    wanted = (BATCH, run.request.experiment, run.request.seed, run.gpu, run.command)
    made_for = (hold.purpose, hold.experiment, hold.seed, hold.gpu, hold.command)
    if made_for != wanted or hold.amount_microusd + 1 < run.usd * 1e6:
        raise Refused(f"hold {hold_id} was not made for this run, or holds less than it may cost")
    return hold


def is_running(hold: Hold) -> bool:
    """Whether the pgolf that made a run's hold is alive on this machine."""
    host, pid, start = parse_run_id(hold.key)
    return hold.purpose == PURPOSE and host == _host() and _start_ticks(pid) == start


def was_abandoned(hold: Hold) -> bool:
    """Whether a run's hold on this machine has lost its pgolf; `recover` settles it."""
    return hold.purpose == PURPOSE and parse_run_id(hold.key)[0] == _host() and not is_running(hold)


def _settle(ledger: Ledger, hold: Hold, run: PricedRun, ending: Ending, trouble: list[str]) -> int | None:
    """Charge measured time at the run's rate; when the ledger cannot be written the hold stays and counts."""
    cost = ending.seconds * run.usd_per_second
    for attempt in range(3):
        try:
            return ledger.settle(
                hold.id,
                cost_usd=cost,
                seconds=ending.seconds,
                exit_status=ending.exit_status,
                reason=ending.reason,
            )
        except Refused as error:
            trouble.append(f"the hold {hold.id} was closed while the run went on: {error}")
            return _charge_closed(ledger, hold, run, cost, ending, trouble)
        except PgolfError as error:
            if attempt == 2:
                trouble.append(f"the hold {hold.id} was not settled and counts in full: {error}")
                break
            time.sleep(0.5)
    return None


def _charge_closed(
    ledger: Ledger, hold: Hold, run: PricedRun, cost: float, ending: Ending, trouble: list[str]
) -> int | None:
    """Somebody settled or released the hold under the run: charge what that left unpaid."""
    try:
        paid = sum(int(entry.get("cost_microusd", 0)) for entry in ledger.find_entries(hold.id))
        owed = max(round(cost * 1e6) - paid, 0)
        if owed:
            ledger.adjust(
                owed / 1e6,
                f"hold {hold.id} was closed while its run went on",
                experiment=run.request.experiment,
                gpu=run.gpu,
                seconds=ending.seconds,
            )
    except PgolfError as error:
        trouble.append(f"{cost:.6f} USD of this run are not in the ledger: {error}")
        return None
    return paid + owed


def _open_log(folder: Path, seed: int) -> tuple[RawIOBase, Path]:
    """A new log; an earlier attempt's log is never overwritten (`train_seed42.2.log` is the next)."""
    for attempt in range(1, 1000):
        path = folder / (f"train_seed{seed}.log" if attempt == 1 else f"train_seed{seed}.{attempt}.log")
        try:
            return path.open("xb", buffering=0), path
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{path}: the log cannot be created: {error.strerror}") from error
    raise UsageError(f"{folder}: a thousand logs of seed {seed}; move some away")


def _write_manifest(log_path: Path, manifest: Mapping[str, Any], trouble: list[str]) -> None:
    path = log_path.with_suffix(".manifest.json")
    try:
        path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except OSError as error:
        trouble.append(f"{path.name} could not be written: {error.strerror}")


def _record(
    workspace: Workspace,
    run: PricedRun,
    metrics: RunMetrics,
    manifest: Mapping[str, Any],
    data: bytes,
    cost: int | None,
    machine: Mapping[str, Any],
    commit: str | None,
    shown_log: str,
) -> Seed:
    assert metrics.score is not None  # noqa: S101 - why_not_recorded looked
    reading = metrics.score.reading
    script = manifest["inputs"]["script"]
    gpus = sorted({str(gpu).split(",")[0] for gpu in machine.get("gpus", ())})
    return record_seed(
        workspace,
        run.request.experiment,
        seed=run.request.seed,
        bpb=reading.val_bpb.value,
        loss_nats=None if reading.val_loss is None else reading.val_loss.value,
        artifact_bytes=metrics.total_bytes,
        code_bytes=metrics.code_bytes,
        model_bytes=metrics.model_bytes,
        train_seconds=metrics.run.train_seconds,
        steps=metrics.run.steps,
        gpu=run.gpu or None,
        gpu_model=", ".join(gpus) or gpu_in_log(data),
        torch_version=torch_in_log(data) or machine["versions"].get("torch"),
        pg_commit=commit,
        cost_usd=None if cost is None else cost / 1e6,
        log_path=shown_log,
        log_sha256=manifest["log"]["sha256"],
        script_sha256=script["sha256"] if script else None,
        manifest=manifest,
        source="run",
        replace=run.request.replace,
    )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
