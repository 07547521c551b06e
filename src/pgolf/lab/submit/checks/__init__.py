"""One file a check. `ALL` is the order in which they are reported."""

from __future__ import annotations

from collections.abc import Callable

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult
from pgolf.lab.submit.checks import (
    artifact_size,
    audit_verdict,
    evaluation_time,
    frontier_margin,
    hardware,
    log_integrity,
    network_calls,
    registered_first,
    same_commit,
    same_gpu_model,
    same_script,
    same_torch,
    seed_count,
    training_time,
    validation_training,
)

ALL: tuple[tuple[str, Callable[[Candidate], CheckResult]], ...] = tuple(
    (module.NAME, module.check)
    for module in (
        registered_first,
        seed_count,
        artifact_size,
        training_time,
        evaluation_time,
        hardware,
        frontier_margin,
        same_torch,
        same_commit,
        same_gpu_model,
        same_script,
        log_integrity,
        audit_verdict,
        network_calls,
        validation_training,
    )
)


def run_checks(candidate: Candidate) -> tuple[CheckResult, ...]:
    """Every check, in order; none hides another."""
    return tuple(check(candidate) for _, check in ALL)
