"""The registered rule, applied to the seeds: mechanically, and with the sentence that decided.

Promise: the verdict follows from the frozen rule and the recorded seeds alone.

    SCREENED_OUT  the first recorded seed lies above the seed-1 threshold
    PENDING       fewer seeds than registered (and seed 1 passed): run the next
    GREEN         the mean beats the reference by more than the publish margin at p < alpha
    YELLOW        not GREEN, but by more than the internal margin at p < alpha
    RED           neither is shown
    UNDECIDED     the numbers cannot answer (no spread, no unit conversion); the sentence says why

The test is one-sided: Welch's where the reference is two or more seeds, the one-sample test where it is one
number (its own noise is unknown then; the sentence says so). Only the first N seeds count, N as registered, in
the order they were first recorded: going on until it fits is not a way to GREEN. An amendment made after the
first seed can only make the verdict worse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pgolf.core.margin_test import MarginTest, one_sample_test, seeds_needed, welch_test
from pgolf.core.profile import Profile
from pgolf.errors import Refused
from pgolf.lab.experiments import ExperimentRecord, file_sha256, get_experiment
from pgolf.lab.preregistration import Rule, frozen_rule, margin_in_bpb, rule_from_dict
from pgolf.lab.settings import Workspace
from pgolf.lab.store import decisions, events, experiments
from pgolf.lab.store.database import write
from pgolf.lab.store.seeds import Seed

# From best to worst: an amendment after the first seed may move a verdict to the right only.
VERDICTS = ("GREEN", "YELLOW", "PENDING", "UNDECIDED", "RED", "SCREENED_OUT")
FINAL = frozenset({"GREEN", "YELLOW", "RED"})


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with all numbers behind it; margins, effect and interval in bpb and, where known, in nats.

    `power` is that of the deciding test if the true improvement is the observed one; `seeds_for_80_percent`
    the candidate seeds at which that would be 0.8 (None: not reachable). `notes` are sentences beside the
    verdict (ignored seeds, replaced seeds, amendments, changed files).
    """

    experiment: str
    verdict: str
    sentence: str
    rule_version: int
    rule_sha256: str
    seeds_used: tuple[int, ...]
    seeds_bpb: tuple[float, ...]
    seeds_registered: int
    publish_margin: float
    internal_margin: float
    unit: str
    publish_margin_bpb: float | None = None
    internal_margin_bpb: float | None = None
    bytes_per_token: float | None = None
    improvement_bpb: float | None = None
    improvement_nats: float | None = None
    publish_test: MarginTest | None = None
    internal_test: MarginTest | None = None
    parent_test: MarginTest | None = None
    power: float | None = None
    seeds_for_80_percent: int | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        data = asdict(self)
        for name in ("publish_test", "internal_test", "parent_test"):
            test: MarginTest | None = getattr(self, name)
            data[name] = None if test is None else test.as_dict()
        for name in ("seeds_used", "seeds_bpb", "notes"):
            data[name] = list(data[name])
        return data


def decide(workspace: Workspace, experiment_id: str) -> Decision:
    """Decide, record the verdict (once per change) and set the experiment's status.

    Raises Refused when no rule is registered, the experiment failed, or no seed is recorded.
    """
    record = get_experiment(workspace, experiment_id)
    decision = evaluate(record, workspace.profile)
    decision = replace(decision, notes=decision.notes + _changed_files(workspace, record))
    _record(workspace, record, decision)
    return decision


def evaluate(record: ExperimentRecord, profile: Profile) -> Decision:
    """The decision, without recording it. Raises Refused as `decide` does."""
    experiment = record.experiment
    if experiment.status == "failed":
        raise Refused(f"{experiment.id} is failed ({experiment.reason}): there is nothing to decide")
    if not record.registrations:
        raise Refused(
            f"{experiment.id} has no registered rule: `pgolf register-thresholds {experiment.id} …` comes before "
            "the first seed"
        )
    if not record.seeds:
        raise Refused(f"{experiment.id} has no seed yet: run or record seed 1 first")
    first_seed_event = record.seeds[0].first_event_seq
    before = [row for row in record.registrations if row.event_seq < first_seed_event]
    after = [row for row in record.registrations if row.event_seq > first_seed_event]
    if not before:
        raise Refused(f"{experiment.id} was registered after its first seed, so its rule decides nothing")
    chosen = before[-1]
    decision = _apply(experiment.id, frozen_rule(chosen), record.seeds, profile)
    decision = replace(decision, rule_version=chosen.version, rule_sha256=chosen.rule_sha256)
    if after:
        latest = after[-1]
        amended = _apply(experiment.id, frozen_rule(latest), record.seeds, profile)
        amended = replace(amended, rule_version=latest.version, rule_sha256=latest.rule_sha256)
        note = (
            f"amendment {latest.version} was made after the first seed ({latest.reason}); under it the verdict is "
            f"{amended.verdict}, under the rule registered before it {decision.verdict}; the worse one counts"
        )
        worse = max((decision, amended), key=lambda one: VERDICTS.index(one.verdict))
        decision = replace(worse, notes=(*worse.notes, note))
    return decision


def _apply(experiment_id: str, rule: Rule, seeds: Sequence[Seed], profile: Profile) -> Decision:
    used = list(seeds[: rule.seeds])
    values = tuple(seed.bpb for seed in used)
    bytes_per_token, conversion_notes = _bytes_per_token(rule, used, profile)
    base = Decision(
        experiment=experiment_id,
        verdict="PENDING",
        sentence="",
        rule_version=0,
        rule_sha256="",
        seeds_used=tuple(seed.seed for seed in used),
        seeds_bpb=values,
        seeds_registered=rule.seeds,
        publish_margin=rule.publish_margin,
        internal_margin=rule.internal_margin,
        unit=rule.unit,
        publish_margin_bpb=margin_in_bpb(rule.publish_margin, rule.unit, bytes_per_token),
        internal_margin_bpb=margin_in_bpb(rule.internal_margin, rule.unit, bytes_per_token),
        bytes_per_token=bytes_per_token,
        notes=(*conversion_notes, *_seed_notes(rule, seeds)),
    )
    first = used[0]
    if first.bpb > rule.seed1_continue_bpb:
        return replace(
            base,
            verdict="SCREENED_OUT",
            sentence=f"seed 1 (seed {first.seed}) reached {first.bpb:.6f} bpb, above the registered "
            f"threshold {rule.seed1_continue_bpb:.6f}: stop here",
        )
    if len(used) < rule.seeds:
        return replace(
            base,
            sentence=f"{len(used)} of {rule.seeds} registered seeds are recorded, and seed 1 "
            f"({first.bpb:.6f} bpb) is not above its threshold {rule.seed1_continue_bpb:.6f}: run the next seed",
        )
    return _tested(base, rule)


def _tested(base: Decision, rule: Rule) -> Decision:
    if base.publish_margin_bpb is None or base.internal_margin_bpb is None:
        return replace(
            base,
            verdict="UNDECIDED",
            sentence=f"the margin is registered in nats, and a seed without a loss leaves the bytes per token "
            f"unknown: record the loss of every seed (--replace), or amend the rule of {base.experiment} with "
            "--bytes-per-token",
        )
    publish = _test(base.seeds_bpb, rule, base.publish_margin_bpb)
    internal = _test(base.seeds_bpb, rule, base.internal_margin_bpb)
    parent = None
    if len(rule.parent_bpb) >= 2:
        parent = welch_test(base.seeds_bpb, rule.parent_bpb, alpha=rule.alpha)
    verdict = "GREEN" if publish.significant else "YELLOW" if internal.significant else "RED"
    if publish.undecidable is not None:
        verdict = "UNDECIDED"
    in_nats = base.bytes_per_token and publish.improvement * math.log(2) * base.bytes_per_token
    decided = replace(
        base,
        verdict=verdict,
        improvement_bpb=publish.improvement,
        improvement_nats=in_nats,
        publish_test=publish,
        internal_test=internal,
        parent_test=parent,
        power=publish.power,
        seeds_for_80_percent=seeds_needed(publish),
    )
    return replace(decided, sentence=_sentence(decided, rule))


def _test(values: Sequence[float], rule: Rule, margin_bpb: float) -> MarginTest:
    if rule.reference.kind == "seeds":
        return welch_test(values, rule.reference.values_bpb, margin=margin_bpb, alpha=rule.alpha)
    return one_sample_test(values, rule.reference.values_bpb[0], margin=margin_bpb, alpha=rule.alpha)


def _sentence(decision: Decision, rule: Rule) -> str:
    """Which number decided, against what, by which test."""
    publish, internal = decision.publish_test, decision.internal_test
    assert publish is not None  # noqa: S101 - called with both tests done
    assert internal is not None  # noqa: S101
    if rule.reference.kind == "seeds":
        count = len(rule.reference.values_bpb)
        against = f"the reference {publish.reference_mean:.6f} ({count} seeds; {rule.reference.source})"
        test = "Welch one-sided"
    else:
        against = f"the reference {publish.reference_mean:.6f} (one number, taken as exact; {rule.reference.source})"
        test = "one-sample one-sided"
    gain = f"{abs(publish.improvement):.6f} bpb"
    if decision.improvement_nats is not None:
        gain += f" ({abs(decision.improvement_nats):.6f} nats)"
    head = (
        f"the mean {publish.candidate_mean:.6f} of {publish.candidate_n} seeds is {gain} "
        f"{'below' if publish.improvement >= 0 else 'above'} {against}"
    )
    if publish.undecidable is not None:
        return f"{head}; no test is possible: {publish.undecidable}"

    def outcome(name: str, margin: float, result: MarginTest) -> str:
        stated = f"{margin:g} {rule.unit}" + ("" if rule.unit == "bpb" else f" = {result.margin:.6f} bpb")
        sign = "<" if result.significant else ">="
        return f"{test} p = {result.p_margin:.3g} {sign} {rule.alpha:g} for the {name} margin {stated}"

    text = f"{head}; {outcome('publish', rule.publish_margin, publish)}"
    if decision.verdict != "GREEN":
        text += f"; {outcome('internal', rule.internal_margin, internal)}"
    return text


def _bytes_per_token(rule: Rule, used: Sequence[Seed], profile: Profile) -> tuple[float | None, list[str]]:
    """Bytes per token for nats <-> bpb: registered, else the mean implied by the seeds; with notes."""
    implied = [value for seed in used if (value := seed.bytes_per_token) is not None]
    slack = profile.validation.warn_fraction
    notes = []
    if implied and max(implied) > min(implied) * (1 + slack):
        notes.append(
            f"the seeds' loss and bpb imply between {min(implied):.5f} and {max(implied):.5f} bytes per token: "
            "one tokenizer has one value, so check the logs"
        )
    if rule.bytes_per_token is not None:
        off = [value for value in implied if abs(value / rule.bytes_per_token - 1) > slack]
        if off:
            notes.append(
                f"registered are {rule.bytes_per_token:.5f} bytes per token ({rule.bytes_per_token_source}), a seed's "
                f"loss and bpb imply {off[0]:.5f}"
            )
        return rule.bytes_per_token, notes
    if len(implied) < len(used):
        return None, notes
    return math.fsum(implied) / len(implied), notes


def _seed_notes(rule: Rule, seeds: Sequence[Seed]) -> list[str]:
    notes = [
        f"seed {seed.seed} was replaced; both records are in the event log" for seed in seeds if seed.replaced
    ]
    used = seeds[: rule.seeds]
    if len({seed.bpb for seed in used}) < len(used):
        notes.append("seeds share the same bpb to the last digit: are these really separate runs?")
    logs = [seed.log_sha256 for seed in used if seed.log_sha256 is not None]
    if len(set(logs)) < len(logs):
        notes.append("seeds were recorded from logs with the same SHA-256: these are not separate runs")
    extra = [str(seed.seed) for seed in seeds[rule.seeds :]]
    if extra:
        notes.append(f"not counted, being beyond the {rule.seeds} registered: seed {', '.join(extra)}")
    return notes


def _changed_files(workspace: Workspace, record: ExperimentRecord) -> tuple[str, ...]:
    rule = rule_from_dict(record.registrations[-1].rule)
    config = workspace.experiments_dir / record.experiment.id / "config.json"
    notes = []
    for name, path, registered in (
        ("script", workspace.root / rule.script if rule.script else None, rule.script_sha256),
        ("config.json", config, rule.config_sha256),
    ):
        if path is None or registered is None:
            continue
        if not path.is_file():
            notes.append(f"the registered {name} is gone")
        elif file_sha256(path) != registered:
            notes.append(f"the {name} is another one than was registered (SHA-256 differs)")
    return tuple(notes)


def _record(workspace: Workspace, record: ExperimentRecord, decision: Decision) -> None:
    status = "completed" if decision.verdict in FINAL else None
    if decision.verdict == "SCREENED_OUT":
        status = "screened_out"
    known = record.decision
    same = known is not None and (known.verdict, known.sentence) == (decision.verdict, decision.sentence)
    if same and status in (None, record.experiment.status):
        return
    with write(workspace) as transaction:
        if not same:
            decisions.record(
                transaction, decision.experiment, decision.verdict, decision.sentence, decision.as_dict()
            )
        if status is not None and status != record.experiment.status:
            change = {"from": record.experiment.status, "to": status, "reason": decision.verdict}
            events.append(transaction, "status changed", decision.experiment, change)
            experiments.set_status(transaction, decision.experiment, status, None)
