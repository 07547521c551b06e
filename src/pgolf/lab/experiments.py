"""Experiments and their seeds: made, recorded, failed. Every change is one transaction with its event.

Every function takes a `Workspace`, validates, and either records everything or raises one sentence
(UsageError: the input; Refused: a rule says no). Concurrent writers queue; ids are never given twice.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgolf.errors import Refused, UsageError
from pgolf.lab.knowledge import Conflict, find_conflicts, normalise_technique
from pgolf.lab.settings import Workspace
from pgolf.lab.store import decisions, events, experiments, registrations, seeds
from pgolf.lab.store.database import Transaction, current_user, now, read, write
from pgolf.lab.store.decisions import RecordedDecision
from pgolf.lab.store.experiments import STATUSES, Experiment
from pgolf.lab.store.registrations import Registration
from pgolf.lab.store.seeds import Seed
from pgolf.report.visible import visible

CONFIG_FILE = "config.json"
_ID = re.compile(r"(?:exp[_-]?)?(\d{1,9})", re.IGNORECASE)
_LONGEST_TEXT = 20_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One experiment with everything the store knows of it."""

    experiment: Experiment
    seeds: tuple[Seed, ...]
    registrations: tuple[Registration, ...]
    decision: RecordedDecision | None


def normalise_id(text: str) -> str:
    """`exp_001` for `exp_001`, `exp_1`, `1`. Raises UsageError on anything else."""
    match = _ID.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise UsageError(f"{text[:80]!r} is no experiment id: they look like exp_001")
    return f"exp_{int(match[1]):03d}"


def experiment_dir(workspace: Workspace, experiment_id: str) -> Path:
    """`experiments/exp_NNN` of the workspace."""
    return workspace.experiments_dir / normalise_id(experiment_id)


def create_experiment(
    workspace: Workspace,
    hypothesis: str,
    techniques: Iterable[str],
    *,
    parent: str | None = None,
    force: bool = False,
) -> Experiment:
    """A new planned experiment with the next id, its folder and its `config.json`.

    Raises UsageError for an empty hypothesis, no technique, an unknown parent; Refused when
    `knowledge/lessons_learned.md` calls a combination bad and `force` is not given. A forced conflict is
    kept with the experiment and in the event log.
    """
    hypothesis = checked_text("hypothesis", hypothesis) or ""
    if not hypothesis.strip():
        raise UsageError("--hypothesis is empty: say in one sentence what you expect and why")
    names = _technique_names(techniques)
    conflicts = find_conflicts(workspace, names)
    if conflicts and not force:
        raise Refused(*(_conflict_sentence(conflict) for conflict in conflicts))
    parent_id = None if parent is None else normalise_id(parent)
    folder: Path | None = None
    try:
        with write(workspace) as transaction:
            if parent_id is not None:
                _existing(transaction, parent_id)
            number = 1 + max(experiments.highest_number(transaction), _highest_folder(workspace))
            moment = now()
            experiment = Experiment(
                id=f"exp_{number:03d}",
                number=number,
                hypothesis=hypothesis.strip(),
                techniques=names,
                parent=parent_id,
                status="planned",
                reason=None,
                forced=tuple(str(conflict) for conflict in conflicts),
                created_at=moment,
                updated_at=moment,
                who=current_user(),
            )
            folder = _make_folder(workspace, experiment)
            experiments.insert(transaction, experiment)
            events.append(transaction, "experiment created", experiment.id, experiment.as_dict())
    except BaseException:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return experiment


def record_seed(
    workspace: Workspace,
    experiment_id: str,
    *,
    seed: int,
    bpb: float,
    loss_nats: float | None = None,
    artifact_bytes: int | None = None,
    code_bytes: int | None = None,
    model_bytes: int | None = None,
    train_seconds: float | None = None,
    steps: int | None = None,
    gpu: str | None = None,
    gpu_model: str | None = None,
    torch_version: str | None = None,
    pg_commit: str | None = None,
    cost_usd: float | None = None,
    notes: str | None = None,
    log_path: str | None = None,
    log_sha256: str | None = None,
    script_sha256: str | None = None,
    manifest: Mapping[str, Any] | None = None,
    source: str = "manual",
    replace: bool = False,
) -> Seed:
    """Record one measured seed; the experiment is `running` from the first one on.

    Raises UsageError for a number that is nan, negative or absurd; Refused when this seed is recorded
    already and `replace` is not given, or when the experiment failed. A replaced row stays in the table and
    in the event log.
    """
    experiment_id = normalise_id(experiment_id)
    # What a person types is refused when it hides something; what a run read from its log is made visible, since
    # refusing it would lose a seed that was paid for.
    text = checked_text if source == "manual" else _visible_text
    values: dict[str, Any] = {
        "seed": checked_integer("seed", seed, 0, 2**63 - 1),
        "bpb": checked_number("bpb", bpb, 0.01, 32.0, "bits per byte"),
        "loss_nats": checked_number("loss", loss_nats, 0.001, 64.0, "nats per token"),
        "artifact_bytes": checked_integer("size", artifact_bytes, 1, 10**13),
        "code_bytes": checked_integer("code-size", code_bytes, 1, 10**12),
        "model_bytes": checked_integer("model-size", model_bytes, 1, 10**13),
        "train_seconds": checked_number("time", train_seconds, 0.001, 1e8, "seconds"),
        "steps": checked_integer("steps", steps, 0, 10**12),
        "cost_usd": checked_number("cost", cost_usd, 0.0, 1e7, "USD"),
        "gpu": text("gpu", gpu),
        "gpu_model": text("gpu-model", gpu_model),
        "torch_version": text("torch-version", torch_version),
        "pg_commit": text("pg-commit", pg_commit),
        "notes": text("notes", notes),
        "log_path": text("log path", log_path),
        "log_sha256": text("log hash", log_sha256),
        "script_sha256": text("script hash", script_sha256),
        "manifest": None if manifest is None else json.loads(_json_text("manifest", dict(manifest))),
        "source": source,
    }
    if values["seed"] is None or values["bpb"] is None:
        raise UsageError("a result needs at least --seed and --bpb")
    _check_together(values)
    with write(workspace) as transaction:
        experiment = _existing(transaction, experiment_id)
        if experiment.status == "failed":
            raise Refused(
                f"{experiment_id} is failed ({experiment.reason}): a failed experiment takes no seeds"
            )
        old = seeds.current(transaction, experiment_id, values["seed"])
        if old is not None and not replace:
            raise Refused(
                f"{experiment_id} has seed {seed} already (bpb {old.bpb:.6g}, {old.recorded_at}): "
                "repeat with --replace to keep both in the event log and count the new one"
            )
        what = "seed recorded" if old is None else "seed replaced"
        moment, who = now(), current_user()
        payload = {**values, "replaces_event": None if old is None else old.event_seq}
        event = events.append(transaction, what, experiment_id, payload)
        if old is not None:
            seeds.supersede(transaction, experiment_id, old.seed, event)
        row = Seed(
            experiment=experiment_id,
            recorded_at=moment,
            who=who,
            event_seq=event,
            first_event_seq=event if old is None else old.first_event_seq,
            **values,
        )
        seeds.insert(transaction, row)
        if experiment.status in ("planned", "registered"):
            experiments.set_status(transaction, experiment_id, "running", None)
    return row


def fail_experiment(workspace: Workspace, experiment_id: str, reason: str) -> Experiment:
    """Mark an experiment failed and keep why. Raises UsageError without a reason or experiment."""
    reason = (checked_text("reason", reason) or "").strip()
    if not reason:
        raise UsageError("--reason is empty: a failure without its reason teaches nobody")
    return set_status(workspace, experiment_id, "failed", reason)


def set_status(
    workspace: Workspace, experiment_id: str, status: str, reason: str | None = None
) -> Experiment:
    """New status with its event; setting the same status and reason again records nothing."""
    if status not in STATUSES:
        raise UsageError(f"{status!r} is no status: they are {', '.join(STATUSES)}")
    experiment_id = normalise_id(experiment_id)
    reason = _visible_text("reason", reason)
    with write(workspace) as transaction:
        experiment = _existing(transaction, experiment_id)
        if (experiment.status, experiment.reason) != (status, reason):
            change = {"from": experiment.status, "to": status, "reason": reason}
            events.append(transaction, "status changed", experiment_id, change)
            experiments.set_status(transaction, experiment_id, status, reason)
        return _existing(transaction, experiment_id)


def append_event(
    workspace: Workspace, what: str, subject: str = "", payload: Mapping[str, Any] | None = None
) -> int:
    """Append one event of another part of the lab (a run, a gate override); returns its number."""
    text = _json_text("event", dict(payload or {}))
    with write(workspace) as transaction:
        return events.append(transaction, what, subject, json.loads(text))


def get_experiment(workspace: Workspace, experiment_id: str) -> ExperimentRecord:
    """Everything known of one experiment. Raises UsageError when there is none of that id."""
    experiment_id = normalise_id(experiment_id)
    with read(workspace) as reader:
        experiment = experiments.get(reader, experiment_id)
        if experiment is None:
            raise _unknown(experiment_id)
        return ExperimentRecord(
            experiment,
            tuple(seeds.of(reader, experiment_id)),
            tuple(registrations.of(reader, experiment_id)),
            decisions.latest(reader, experiment_id),
        )


@dataclass(frozen=True, slots=True)
class ListedExperiment:
    """One line of `track list`."""

    experiment: Experiment
    seeds: int
    mean_bpb: float | None
    best_bpb: float | None
    cost_usd: float
    registered: bool
    verdict: str | None

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            **self.experiment.as_dict(),
            "seeds": self.seeds,
            "mean_bpb": self.mean_bpb,
            "best_bpb": self.best_bpb,
            "cost_usd": self.cost_usd,
            "registered": self.registered,
            "verdict": self.verdict,
        }


def list_experiments(workspace: Workspace, status: str | None = None) -> list[ListedExperiment]:
    """All experiments (of one status), oldest first, with a summary of their seeds."""
    if status is not None and status not in STATUSES:
        raise UsageError(f"{status!r} is no status: they are {', '.join(STATUSES)}")
    with read(workspace) as reader:
        summaries = seeds.summaries(reader)
        verdicts = decisions.every_verdict(reader)
        registered = registrations.registered_ids(reader)
        listed = []
        for experiment in experiments.every(reader, status):
            summary = summaries.get(experiment.id)
            listed.append(
                ListedExperiment(
                    experiment,
                    summary.count if summary else 0,
                    summary.mean_bpb if summary else None,
                    summary.best_bpb if summary else None,
                    summary.cost_usd if summary else 0.0,
                    experiment.id in registered,
                    verdicts.get(experiment.id),
                )
            )
    return listed


def checked_number(name: str, value: float | None, low: float, high: float, unit: str) -> float | None:
    """The value as a float, or None for None. Raises UsageError when nan, or outside low … high."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{name} must be a finite number of {unit}, got {value!r}")
    if not low <= value <= high:
        raise UsageError(
            f"{name} {value!r} is not plausible: {unit} between {low:g} and {high:g} are accepted"
        )
    return float(value)


def checked_integer(name: str, value: int | None, low: int, high: int) -> int | None:
    """The value, or None for None. Raises UsageError when no integer, or outside low … high."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{name} must be a whole number, got {value!r}")
    if not low <= value <= high:
        raise UsageError(f"{name} {value} is not plausible: {low} to {high} are accepted")
    return value


def checked_text(name: str, value: str | None) -> str | None:
    """The text, or None. Raises UsageError when too long, or holding control or direction characters."""
    if value is None:
        return None
    if len(value) > _LONGEST_TEXT:
        raise UsageError(f"{name} is {len(value)} characters long; at most {_LONGEST_TEXT} are kept")
    found = _CONTROL.search(value)
    if found is not None:
        raise UsageError(
            f"{name} holds the control character {found[0]!r} at position {found.start()}; remove it"
        )
    return value


def _visible_text(_name: str, value: str | None) -> str | None:
    return None if value is None else visible(value, _LONGEST_TEXT)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file. Raises UsageError when it cannot be read."""
    import hashlib

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error


def _check_together(values: Mapping[str, Any]) -> None:
    bpb, loss = values["bpb"], values["loss_nats"]
    if loss is not None:
        implied = loss / (math.log(2) * bpb)
        if not 0.5 <= implied <= 64:
            raise UsageError(
                f"loss {loss:g} nats and bpb {bpb:g} imply {implied:.4g} bytes per token, which no tokenizer has: "
                "are they swapped, or in other units?"
            )
    size, code, model = values["artifact_bytes"], values["code_bytes"], values["model_bytes"]
    if size is not None and code is not None and model is not None and size != code + model:
        raise UsageError(f"size {size} is not code-size {code} + model-size {model} = {code + model}")
    for name, part in (("code-size", code), ("model-size", model)):
        if size is not None and part is not None and part > size:
            raise UsageError(f"{name} {part} is larger than the whole size {size}")


def _technique_names(techniques: Iterable[str]) -> tuple[str, ...]:
    names: dict[str, str] = {}
    for technique in techniques:
        name = (checked_text("technique", technique) or "").strip()
        key = normalise_technique(name)
        if key:
            names.setdefault(key, name)
    if not names:
        raise UsageError("--techniques is empty: name at least one, separated by commas")
    return tuple(names.values())


def _conflict_sentence(conflict: Conflict) -> str:
    return (
        f"{conflict}: leave one out, or repeat with --force and say in the hypothesis why it should work now"
    )


def _existing(transaction: Transaction, experiment_id: str) -> Experiment:
    experiment = experiments.get(transaction, experiment_id)
    if experiment is None:
        raise _unknown(experiment_id)
    return experiment


def _unknown(experiment_id: str) -> UsageError:
    return UsageError(f"there is no experiment {experiment_id}: `pgolf track list` shows those there are")


def _highest_folder(workspace: Workspace) -> int:
    """Largest number among experiment folders: an id is not given again even when the store was lost."""
    try:
        names = os.listdir(workspace.experiments_dir)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise UsageError(f"{workspace.experiments_dir}: cannot be listed ({error.strerror})") from error
    numbers = (re.fullmatch(r"exp_(\d{3,9})", name) for name in names)
    return max((int(match[1]) for match in numbers if match), default=0)


def _make_folder(workspace: Workspace, experiment: Experiment) -> Path:
    folder = workspace.experiments_dir / experiment.id
    config: dict[str, Any] = {
        "id": experiment.id,
        "hypothesis": experiment.hypothesis,
        "techniques": list(experiment.techniques),
        "parent": experiment.parent,
        "profile": workspace.profile.name,
        "forced_conflicts": list(experiment.forced),
        "created_at": experiment.created_at,
        "created_by": experiment.who,
        "settings": {},
    }
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({error.strerror}); nothing was recorded") from error
    try:
        with (folder / CONFIG_FILE).open("w", encoding="utf-8") as file:
            file.write(json.dumps(config, indent=2, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(f"{folder}: cannot be written ({error.strerror}); nothing was recorded") from error
    return folder


def _json_text(name: str, value: object) -> str:
    try:
        return events.canonical_json(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: not plain JSON ({error})") from error
