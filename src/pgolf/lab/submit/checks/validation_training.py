"""The model is not trained on validation tokens before they are scored."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult
from pgolf.lab.submit.checks.findings import check_absent

NAME = "no-validation-training"


def check(candidate: Candidate) -> CheckResult:
    """As the audit's `train-on-val`, `two-pass`, `paid-prefix` and `slot` read it."""
    rules = ("train-on-val", "two-pass", "paid-prefix", "slot")
    fix = "score every token before anything learns from it; take such code out, and run the seeds again"
    return check_absent(candidate, NAME, rules, "training on validation tokens before they are scored", fix)
