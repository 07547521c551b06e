"""The mean beats the frontier by the contest's margin, at the contest's level; said in nats and in bpb."""

from __future__ import annotations

import math

from pgolf.core.margin_test import MarginTest, one_sample_test, welch_test
from pgolf.errors import UsageError
from pgolf.lab.preregistration import margin_in_bpb
from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, cannot_tell, fails, passes

NAME = "frontier-margin"


def bytes_per_token(candidate: Candidate) -> float | None:
    """As the rule registered it, else implied by the seeds' own loss and bpb; None when a seed has no loss."""
    if candidate.rule is not None and candidate.rule.bytes_per_token is not None:
        return candidate.rule.bytes_per_token
    implied = [seed.bytes_per_token for seed in candidate.seeds]
    known = [value for value in implied if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(implied) else None


def margin_test(candidate: Candidate) -> MarginTest | None:
    """The test in bpb: Welch's against the frontier's seeds, one-sample against one number; None without seeds."""
    limits = candidate.profile.limits
    margin = margin_in_bpb(limits.record_margin_nats, "nats", bytes_per_token(candidate))
    if margin is None or not candidate.seeds:
        return None
    frontier, alpha = candidate.frontier, limits.record_alpha
    if len(frontier.seeds_bpb) >= 2:
        return welch_test(candidate.values_bpb, frontier.seeds_bpb, margin=margin, alpha=alpha)
    return one_sample_test(candidate.values_bpb, frontier.bpb, margin=margin, alpha=alpha)


def _age(candidate: Candidate) -> str:
    """What to know about the frontier's age; empty when it is fresh."""
    age, stale = candidate.frontier.age_days, candidate.frontier.stale_after_days
    if age is None:
        return "; no leaderboard was fetched: `pgolf leaderboard fetch`"
    return f"; {age:.0f} days old: `pgolf leaderboard fetch`" if age > stale else ""


def check(candidate: Candidate) -> CheckResult:
    """One-sided test that the improvement exceeds the margin."""
    limits = candidate.profile.limits
    try:
        test = margin_test(candidate)
    except UsageError as error:
        return cannot_tell(NAME, str(error), "mend the record of the seed (`track result … --replace`)")
    if test is None:
        return cannot_tell(
            NAME,
            "no seed is recorded, or a seed has no loss, so nats and bpb cannot be converted",
            "record every seed with its loss in nats per token (--loss)",
        )
    rate = bytes_per_token(candidate)
    assert rate is not None  # noqa: S101 - without it there is no test
    to_nats = math.log(2) * rate
    exact = "" if test.method == "welch" else " (one number, taken as exact)"
    found = (
        f"mean {test.candidate_mean:.6f} bpb against {test.reference_mean:.6f}{exact}: better by "
        f"{test.improvement:.6f} bpb = {test.improvement * to_nats:.6f} nats; needed {test.margin:.6f} bpb = "
        f"{limits.record_margin_nats:g} nats at p < {limits.record_alpha:g}"
    )
    if test.undecidable is not None:
        return cannot_tell(NAME, f"{found}; {test.undecidable}", "run more seeds, each a run of its own")
    how = test.method.replace("_", "-")
    found += f"; p = {test.p_margin:.4g} ({how}; frontier: {candidate.frontier.source}{_age(candidate)})"
    if not test.significant:
        larger = test.improvement > test.margin
        fix = (
            "the margin is met, the evidence is not: register more seeds in a new experiment"
            if larger
            else "improve the model: this result does not beat the frontier by the margin"
        )
        return fails(NAME, found, fix)
    return passes(NAME, found)
