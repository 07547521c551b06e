"""Evaluation stays within the contest's wall time."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, cannot_tell, fails, passes

NAME = "evaluation-time"


def check(candidate: Candidate) -> CheckResult:
    """The evaluation that gave the score, where the log prints its time; a log that does not is said."""
    limit = candidate.profile.limits.eval_seconds
    if not candidate.seeds:
        return cannot_tell(NAME, "no seed is recorded", "run the seeds first")
    times = {
        log.seed: log.metrics.eval_seconds
        for log in candidate.logs
        if log.metrics and log.metrics.eval_seconds is not None
    }
    over = {seed: seconds for seed, seconds in times.items() if seconds > limit}
    if over:
        seed, seconds = max(over.items(), key=lambda item: item[1])
        return fails(
            NAME,
            f"seed {seed} evaluated {seconds:.1f} s, more than {limit:g}",
            "make the evaluation cheaper (longer stride, fewer adaptation steps) and run it again",
        )
    if len(times) < len(candidate.seeds) or not times:
        return passes(NAME, f"{len(times)} of {len(candidate.seeds)} logs print it; none over {limit:g} s")
    return passes(NAME, f"at most {max(times.values()):.1f} of {limit:g} s")
