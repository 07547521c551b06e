"""Enough distinct seeds, and each of them a run of its own."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, fails, passes

NAME = "seed-count"


def check(candidate: Candidate) -> CheckResult:
    """Seeds with one and the same log, or one and the same score to the last digit, are one run."""
    needed = candidate.profile.limits.minimum_seeds
    seeds = candidate.seeds
    numbers = {seed.seed for seed in seeds}
    experiment = candidate.record.experiment.id
    if len(numbers) < needed:
        have = ", ".join(str(n) for n in sorted(numbers)) or "none"
        extra = len(candidate.record.seeds) - len(seeds)
        note = f" ({extra} more are beyond the registered number and do not count)" if extra > 0 else ""
        return fails(
            NAME,
            f"{len(numbers)} of {needed} distinct seeds: {have}{note}",
            f"run {needed - len(numbers)} more: `pgolf run {experiment} --seed N -- …`",
        )
    logs = [seed.log_sha256 for seed in seeds if seed.log_sha256]
    values = [(seed.bpb, seed.loss_nats) for seed in seeds]
    if len(set(logs)) < len(logs) or len(set(values)) < len(values):
        return fails(
            NAME,
            "two seeds have the same log or exactly the same score",
            f"run each seed by itself; does the script read SEED? (`pgolf run {experiment} --seed N --replace -- …`)",
        )
    return passes(NAME, f"{len(numbers)} distinct seeds: {', '.join(str(n) for n in sorted(numbers))}")
