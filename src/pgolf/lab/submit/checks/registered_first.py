"""The decision rule was registered before the first seed was recorded."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, fails, passes

NAME = "registered-first"


def check(candidate: Candidate) -> CheckResult:
    """Compares places in the event chain, which nobody's clock can move."""
    registrations, seeds = candidate.record.registrations, candidate.record.seeds
    experiment = candidate.record.experiment.id
    if not registrations:
        return fails(
            NAME,
            "no decision rule is registered",
            "seeds without a rule before them cannot be submitted: make a new experiment "
            f"(`pgolf track create … --parent {experiment}`), register its rule, then run its seeds",
        )
    first = registrations[0]
    early = [seed for seed in seeds if seed.first_event_seq < first.event_seq]
    if early:
        numbers = ", ".join(str(seed.seed) for seed in early)
        return fails(
            NAME,
            f"seed {numbers} was recorded before the rule (event {first.event_seq})",
            "make a new experiment, register its rule first, and run new seeds",
        )
    late = sum(1 for r in registrations[1:] if seeds and r.event_seq > seeds[0].first_event_seq)
    note = f"; {late} amendments after the first seed are on record" if late else ""
    return passes(
        NAME, f"rule {first.rule_sha256[:12]} of {first.registered_at[:19]}, before every seed{note}"
    )
