"""The decision rule, frozen before the first seed: thresholds, reference, number of seeds, hashes.

A rule is a frozen value; its canonical JSON and SHA-256 are stored and chained into the event log. It cannot
be registered after a seed; a change is an amendment, a new numbered record with its reason. An amendment made
after the first seed can make a verdict worse, never better (`pgolf.lab.decision`).

Units: margins are in the unit that the rule states, `nats` (per token) or `bpb`. Between them stands the
tokenizer's bytes per token: bpb = nats / (ln 2 x bytes per token). Thresholds and seed values are bpb.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pgolf.core.profile import Profile
from pgolf.errors import DataError, Refused, UsageError
from pgolf.lab.experiments import (
    CONFIG_FILE,
    checked_integer,
    checked_number,
    checked_text,
    experiment_dir,
    file_sha256,
    normalise_id,
)
from pgolf.lab.frontier import read_frontier
from pgolf.lab.settings import Workspace
from pgolf.lab.store import events, experiments, registrations, seeds
from pgolf.lab.store.database import Reader, current_user, now, read, write
from pgolf.lab.store.experiments import Experiment
from pgolf.lab.store.registrations import Registration

UNITS = ("nats", "bpb")
SCRIPT_NAMES = ("train_gpt.py", "train.py")


@dataclass(frozen=True, slots=True)
class Reference:
    """What the candidate must beat, in bpb: `seeds` (at least two values) or `value` (one number, taken as exact)."""

    kind: str
    values_bpb: tuple[float, ...]
    source: str

    @property
    def mean_bpb(self) -> float:
        """Mean of the values."""
        return math.fsum(self.values_bpb) / len(self.values_bpb)


@dataclass(frozen=True, slots=True)
class Rule:
    """The frozen decision rule of one experiment.

    `seed1_continue_bpb`: a first seed above it ends the experiment. `publish_margin` and `internal_margin` are in
    `unit`. `bytes_per_token` None means: implied by the seeds' own loss and bpb. `parent_bpb` are the parent's
    seeds at registration (for the record and a comparison, not for the verdict).
    """

    seed1_continue_bpb: float
    publish_margin: float
    internal_margin: float
    unit: str
    alpha: float
    seeds: int
    reference: Reference
    bytes_per_token: float | None
    bytes_per_token_source: str
    parent: str | None
    parent_bpb: tuple[float, ...]
    script: str | None
    script_sha256: str | None
    config_sha256: str | None
    profile: str

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        data = asdict(self)
        data["reference"]["values_bpb"] = list(self.reference.values_bpb)
        data["parent_bpb"] = list(self.parent_bpb)
        return data


def rule_from_dict(data: dict[str, Any]) -> Rule:
    """The rule that `Rule.as_dict` wrote. Raises DataError when the stored rule was damaged or edited."""
    try:
        reference = Reference(**{**data["reference"], "values_bpb": tuple(data["reference"]["values_bpb"])})
        return Rule(**{**data, "reference": reference, "parent_bpb": tuple(data["parent_bpb"])})
    except (KeyError, TypeError) as error:
        raise DataError(
            f"a stored rule is damaged ({error}): `pgolf doctor` names what was edited"
        ) from error


def frozen_rule(registration: Registration) -> Rule:
    """The rule as it was frozen. Raises DataError when it no longer has the hash it was registered with."""
    rule = rule_from_dict(registration.rule)
    if rule_sha256(rule) != registration.rule_sha256:
        raise DataError(
            f"rule {registration.version} of {registration.experiment} was edited after it was registered (SHA-256 differs): "
            "it decides nothing, see `pgolf doctor`"
        )
    return rule


def rule_sha256(rule: Rule) -> str:
    """SHA-256 of the rule's canonical JSON."""
    return hashlib.sha256(events.canonical_json(rule.as_dict()).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the user states; None is "not said": the default, or in an amendment the value in force.

    `seed1_continue_bpb` nan-free number, or None for "no worse than the reference's mean". At most one of
    `reference_seeds_bpb`, `reference_value_bpb`, `reference_experiment` is given.
    """

    seed1_continue_bpb: float | None = None
    publish_margin: float | None = None
    internal_margin: float | None = None
    unit: str | None = None
    alpha: float | None = None
    seeds: int | None = None
    reference_seeds_bpb: Sequence[float] | None = None
    reference_value_bpb: float | None = None
    reference_experiment: str | None = None
    reference_source: str | None = None
    tokenizer: str | None = None
    bytes_per_token: float | None = None
    script: Path | None = None


def register(workspace: Workspace, experiment_id: str, terms: Terms) -> Registration:
    """Freeze the rule of an experiment before its first seed.

    Where the terms name no reference it is the frontier. Raises Refused when a rule exists or a seed is
    recorded, UsageError for thresholds that are missing, not finite or absurd.
    """
    experiment_id = normalise_id(experiment_id)
    for name, value in (("--publish", terms.publish_margin), ("--internal", terms.internal_margin)):
        if value is None:
            raise UsageError(f"{name} is missing: state the margin before the first seed")
    with write(workspace) as transaction:
        experiment = _experiment(transaction, experiment_id)
        earlier = registrations.of(transaction, experiment_id)
        if earlier:
            raise Refused(
                f"{experiment_id} has been registered at {earlier[0].registered_at}; a change is an amendment, "
                "visible beside the first rule: repeat with --amend REASON"
            )
        measured = seeds.of(transaction, experiment_id)
        if measured:
            raise Refused(
                f"{experiment_id} has {len(measured)} seed(s) already, and a rule made after a look at the "
                "result decides nothing: create a new experiment and register it first"
            )
        if experiment.status == "failed":
            raise Refused(f"{experiment_id} is failed ({experiment.reason}); create a new experiment")
        rule = _first_rule(workspace, transaction, experiment, terms)
        registration = _store(transaction, experiment_id, 1, rule, None, "thresholds registered", measured=0)
        if experiment.status == "planned":
            experiments.set_status(transaction, experiment_id, "registered", None)
    return registration


def amend(workspace: Workspace, experiment_id: str, terms: Terms, reason: str) -> Registration:
    """Add a new version of the rule; what the terms do not say stays as it was.

    Raises Refused when nothing is registered, UsageError without a reason, without a change, or for absurd
    terms.
    """
    experiment_id = normalise_id(experiment_id)
    reason = (checked_text("reason", reason) or "").strip()
    if not reason:
        raise UsageError("--amend needs its reason: it stands beside the rule for every reader")
    with write(workspace) as transaction:
        experiment = _experiment(transaction, experiment_id)
        earlier = registrations.of(transaction, experiment_id)
        if not earlier:
            raise Refused(f"{experiment_id} has no registration to amend: leave out --amend")
        old = rule_from_dict(earlier[-1].rule)
        rule = _amended_rule(workspace, transaction, experiment, old, terms)
        if rule == old:
            raise UsageError(f"the amendment changes nothing in the rule of {experiment_id}")
        measured = len(seeds.of(transaction, experiment_id))
        version = earlier[-1].version + 1
        return _store(transaction, experiment_id, version, rule, reason, "registration amended", measured)


def frontier_reference(workspace: Workspace) -> Reference:
    """The frontier as a reference: its seeds where the leaderboard knows at least two, else one number."""
    frontier = read_frontier(workspace)
    if len(frontier.seeds_bpb) >= 2:
        return Reference("seeds", frontier.seeds_bpb, frontier.source)
    return Reference("value", (frontier.bpb,), frontier.source)


def margin_in_bpb(margin: float, unit: str, bytes_per_token: float | None) -> float | None:
    """A margin in bpb; None when it is in nats and the bytes per token are not known."""
    if unit == "bpb":
        return margin
    return None if bytes_per_token is None else margin / (math.log(2) * bytes_per_token)


def _first_rule(
    workspace: Workspace,
    reader: Reader,
    experiment: Experiment,
    terms: Terms,
) -> Rule:
    limits = workspace.profile.limits
    reference = _reference(reader, terms) or frontier_reference(workspace)
    bytes_per_token, source = _bytes_per_token(workspace.profile, terms) or (
        None,
        "implied by the seeds' own loss and bpb",
    )
    script, script_hash = _script(workspace, experiment, terms)
    assert terms.publish_margin is not None  # noqa: S101 - `register` asked for both
    assert terms.internal_margin is not None  # noqa: S101
    rule = Rule(
        seed1_continue_bpb=reference.mean_bpb
        if terms.seed1_continue_bpb is None
        else terms.seed1_continue_bpb,
        publish_margin=terms.publish_margin,
        internal_margin=terms.internal_margin,
        unit=terms.unit or "nats",
        alpha=limits.record_alpha if terms.alpha is None else terms.alpha,
        seeds=limits.minimum_seeds if terms.seeds is None else terms.seeds,
        reference=reference,
        bytes_per_token=bytes_per_token,
        bytes_per_token_source=source,
        parent=experiment.parent,
        parent_bpb=()
        if experiment.parent is None
        else tuple(seed.bpb for seed in seeds.of(reader, experiment.parent)),
        script=script,
        script_sha256=script_hash,
        config_sha256=_config_hash(workspace, experiment),
        profile=workspace.profile.name,
    )
    return _checked(rule)


def _amended_rule(
    workspace: Workspace, reader: Reader, experiment: Experiment, old: Rule, terms: Terms
) -> Rule:
    said: dict[str, Any] = {
        name: getattr(terms, name)
        for name in ("seed1_continue_bpb", "publish_margin", "internal_margin", "unit", "alpha", "seeds")
        if getattr(terms, name) is not None
    }
    reference = _reference(reader, terms)
    if reference is not None:
        said["reference"] = reference
    stated = _bytes_per_token(workspace.profile, terms)
    if stated is not None:
        said["bytes_per_token"], said["bytes_per_token_source"] = stated
    if terms.script is not None:
        said["script"], said["script_sha256"] = _script(workspace, experiment, terms)
    said["config_sha256"] = _config_hash(workspace, experiment)
    return _checked(replace(old, **said))


def _store(
    transaction: Any,
    experiment_id: str,
    version: int,
    rule: Rule,
    reason: str | None,
    what: str,
    measured: int,
) -> Registration:
    digest = rule_sha256(rule)
    payload = {
        "version": version,
        "rule": rule.as_dict(),
        "rule_sha256": digest,
        "reason": reason,
        "seeds_recorded": measured,
    }
    event = events.append(transaction, what, experiment_id, payload)
    registration = Registration(
        experiment_id, version, rule.as_dict(), digest, reason, now(), current_user(), event
    )
    registrations.insert(transaction, registration)
    return registration


def _checked(rule: Rule) -> Rule:
    if rule.unit not in UNITS:
        raise UsageError(f"--unit {rule.unit!r}: margins are in nats or in bpb")
    for name, value in (("publish", rule.publish_margin), ("internal", rule.internal_margin)):
        checked_number(name, value, 0.0, 1.0, f"{rule.unit} (a margin)")
    if rule.internal_margin > rule.publish_margin:
        raise UsageError(
            f"--internal {rule.internal_margin:g} is larger than --publish {rule.publish_margin:g}: "
            "YELLOW must be easier to reach than GREEN"
        )
    checked_number("alpha", rule.alpha, 1e-9, 0.2, "probability")
    checked_integer("seeds", rule.seeds, 2, 1000)
    for value in rule.reference.values_bpb:
        checked_number("reference", value, 0.01, 32.0, "bits per byte")
    threshold = checked_number("seed1-continue", rule.seed1_continue_bpb, 0.0, 64.0, "bits per byte") or 0.0
    mean = rule.reference.mean_bpb
    if not mean / 2 <= threshold <= mean * 2:
        raise UsageError(
            f"--seed1-continue {threshold:g} is no bpb near the reference {mean:.6g}: "
            "it is the highest bpb of seed 1 at which to go on, not a margin"
        )
    return rule


def _reference(reader: Reader, terms: Terms) -> Reference | None:
    given = [
        name
        for name, value in (
            ("--reference-seeds", terms.reference_seeds_bpb),
            ("--reference-value", terms.reference_value_bpb),
            ("--reference-experiment", terms.reference_experiment),
        )
        if value is not None
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other: the reference is one thing")
    source = checked_text("reference source", terms.reference_source)
    if terms.reference_seeds_bpb is not None:
        values = tuple(float(value) for value in terms.reference_seeds_bpb)
        if len(values) < 2:
            raise UsageError(
                "--reference-seeds needs at least two bpb values; one number is --reference-value"
            )
        return Reference("seeds", values, source or "seeds given by hand")
    if terms.reference_value_bpb is not None:
        return Reference("value", (float(terms.reference_value_bpb),), source or "one number given by hand")
    if terms.reference_experiment is not None:
        other = normalise_id(terms.reference_experiment)
        measured = tuple(seed.bpb for seed in seeds.of(reader, other))
        if not measured:
            raise UsageError(f"--reference-experiment {other} has no seeds")
        return Reference("seeds" if len(measured) > 1 else "value", measured, source or f"seeds of {other}")
    if source is not None:
        raise UsageError(
            "--reference-source names the source of --reference-seeds or --reference-value; give one"
        )
    return None


def _bytes_per_token(profile: Profile, terms: Terms) -> tuple[float, str] | None:
    if terms.bytes_per_token is not None:
        value = checked_number("bytes-per-token", terms.bytes_per_token, 0.5, 64.0, "bytes")
        return (value or 0.0), "given by hand"
    if terms.tokenizer is None:
        return None
    known = {facts.key: facts.bytes_per_token for facts in profile.validation.tokenizers}
    if terms.tokenizer not in known:
        raise UsageError(
            f"--tokenizer {terms.tokenizer!r} is not in the profile {profile.name}; known are "
            f"{', '.join(sorted(known))}; give --bytes-per-token for another"
        )
    return known[terms.tokenizer], f"tokenizer {terms.tokenizer} of the {profile.name} profile"


def _script(workspace: Workspace, experiment: Experiment, terms: Terms) -> tuple[str | None, str | None]:
    """The training script and its hash: the one named, else the experiment folder's, else none."""
    folder = experiment_dir(workspace, experiment.id)
    if terms.script is not None:
        path = terms.script
    else:
        found = [folder / name for name in SCRIPT_NAMES if (folder / name).is_file()]
        if not found:
            return None, None
        path = found[0]
    resolved = path.resolve()
    root = workspace.root.resolve()
    shown = str(resolved.relative_to(root)) if resolved.is_relative_to(root) else str(resolved)
    return shown, file_sha256(path)


def _config_hash(workspace: Workspace, experiment: Experiment) -> str | None:
    path = experiment_dir(workspace, experiment.id) / CONFIG_FILE
    return file_sha256(path) if path.exists() else None


def _experiment(reader: Reader, experiment_id: str) -> Experiment:
    experiment = experiments.get(reader, experiment_id)
    if experiment is None:
        raise UsageError(f"there is no experiment {experiment_id}: `pgolf track list` shows those there are")
    return experiment


def current_rule(workspace: Workspace, experiment_id: str) -> Rule | None:
    """The newest rule of an experiment, or None."""
    with read(workspace) as reader:
        found = registrations.of(reader, normalise_id(experiment_id))
    return rule_from_dict(found[-1].rule) if found else None
