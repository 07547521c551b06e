"""Every seed was made with one and the same script (SHA-256)."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult
from pgolf.lab.submit.checks.agreement import check_agreement

NAME = "same-script"


def check(candidate: Candidate) -> CheckResult:
    """The recorded values of all seeds."""
    values = {seed.seed: seed.script_sha256 for seed in candidate.seeds}
    return check_agreement(NAME, "script (SHA-256)", values, "pgolf run")
