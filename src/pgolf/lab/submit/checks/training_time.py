"""Training stays within the contest's wall time."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, cannot_tell, fails, passes

NAME = "training-time"


def check(candidate: Candidate) -> CheckResult:
    """Recorded and logged training seconds of every seed."""
    limit = candidate.profile.limits.train_seconds
    logged = {log.seed: log.metrics.run.train_seconds for log in candidate.logs if log.metrics}
    longest = 0.0
    for seed in candidate.seeds:
        known = [t for t in (seed.train_seconds, logged.get(seed.seed)) if t is not None]
        if not known:
            return cannot_tell(
                NAME,
                f"seed {seed.seed} has no training time",
                "let the script print its training time, or record it with --time",
            )
        if max(known) > limit:
            return fails(
                NAME,
                f"seed {seed.seed} trained {max(known):.3f} s, more than {limit:g}",
                f"lower MAX_WALLCLOCK_SECONDS so that all work before evaluation fits {limit:g} s, and run it again",
            )
        longest = max(longest, *known)
    if not candidate.seeds:
        return cannot_tell(NAME, "no seed is recorded", "run the seeds first")
    return passes(NAME, f"at most {longest:.3f} of {limit:g} s")
