"""Every seed was made with one and the same GPU model."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult
from pgolf.lab.submit.checks.agreement import check_agreement

NAME = "same-gpu-model"


def check(candidate: Candidate) -> CheckResult:
    """The recorded values of all seeds."""
    values = {seed.seed: seed.gpu_model for seed in candidate.seeds}
    return check_agreement(NAME, "GPU model", values, "--gpu-model")
