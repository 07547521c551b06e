"""Every seed ran on the contest's record machine."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, fails, passes

NAME = "record-hardware"


def check(candidate: Candidate) -> CheckResult:
    """The machine as the seeds' records name it."""
    wanted = candidate.profile.limits.record_gpu
    other = sorted({seed.gpu or "not recorded" for seed in candidate.seeds} - {wanted})
    if other or not candidate.seeds:
        return fails(
            NAME,
            f"ran on {', '.join(other) or 'nothing yet'}",
            f"run every seed on {wanted} (`pgolf run … --gpu {wanted}`)",
        )
    return passes(NAME, f"all {len(candidate.seeds)} seeds on {wanted}")
