"""Every seed was made with one and the same commit of the code."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult
from pgolf.lab.submit.checks.agreement import check_agreement

NAME = "same-commit"


def check(candidate: Candidate) -> CheckResult:
    """The recorded values of all seeds."""
    values = {seed.seed: seed.pg_commit for seed in candidate.seeds}
    return check_agreement(NAME, "commit of the code", values, "--pg-commit")
