"""Training or evaluation takes longer than the contest allows.

A record of the timed track has to stay within both caps on its hardware. Submissions to the other track and runs on
other machines are left alone. Two per cent of slack: the clock is read between steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Confidence, Finding, Severity

SLACK = 1.02


def is_timed(evidence: SubmissionEvidence) -> bool:
    """Whether the submission is to the track with a time limit."""
    track = (evidence.stated.track if evidence.stated is not None else "").lower()
    return "non_record" not in evidence.folder and "non-record" not in track and "non_record" not in track


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    if not is_timed(evidence):
        return
    limits = evidence.profile.limits
    for log in evidence.claimed:
        run = log.metrics.run
        if run.world_size not in (None, 8):
            continue
        if run.train_seconds is not None and run.train_seconds > SLACK * limits.train_seconds:
            message = f"training took {run.train_seconds:,.0f} s, the limit is {limits.train_seconds:g} s"
            yield Finding("time-cap", Severity.WARNING, Confidence.LIKELY, message, log.path)
        seconds = log.metrics.eval_seconds
        if seconds is not None and seconds > SLACK * limits.eval_seconds:
            message = f"the evaluation that gave the score took {seconds:,.0f} s, the limit is {limits.eval_seconds:g} s"
            yield Finding("time-cap", Severity.WARNING, Confidence.LIKELY, message, log.path)


TIME_CAP = Check("time-cap", "Training or evaluation is longer than the limit", inspect)
