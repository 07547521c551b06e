"""The script does not reach for the network."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult
from pgolf.lab.submit.checks.findings import check_absent

NAME = "no-network"


def check(candidate: Candidate) -> CheckResult:
    """As the audit's `network-calls` reads it."""
    fix = "take the downloading code out of the script (fetch data before the run), and run the seeds again"
    return check_absent(candidate, NAME, ("network-calls",), "network calls", fix)
