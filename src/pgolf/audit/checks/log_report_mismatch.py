"""What `submission.json` states is not what its logs print.

The stated value has to stand on some evaluation line of a log of its seed; which line is the score is a question of
taste, so any evaluation line will do. Nothing is said where no finished run of that seed is in the folder
(`missing-evidence` says that).
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import LogRole, SubmissionEvidence, agrees
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.runlog.metrics import Printed, Reading, ReadingKind


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    stated = evidence.stated
    if stated is None:
        return
    for problem in stated.problems:
        if "not valid JSON" in problem or "stands twice" in problem or "no JSON number" in problem:
            yield Finding(
                "log-report-mismatch",
                Severity.NOTE,
                Confidence.PROVED,
                f"submission.json {problem}",
                "submission.json",
            )
    logs = [log for log in evidence.logs if log.role is not LogRole.ASIDE]
    for seed in stated.per_seed:
        if seed.val_bpb is None:
            continue
        of_seed = [log for log in logs if log.seed == seed.seed]
        if not of_seed or any(_prints(seed.val_bpb.number, log.metrics.readings) for log in logs):
            continue
        score = of_seed[0].reading
        printed = (
            "no score"
            if score is None
            else f"{score.val_bpb.value} at line {score.line} ({score.label[:60]})"
        )
        message = (
            f"{seed.val_bpb.path} is {seed.val_bpb.value}, which no evaluation line of a log prints; "
            f"the log of seed {seed.seed} prints {printed}"
        )
        yield Finding(
            "log-report-mismatch",
            Severity.WARNING,
            Confidence.LIKELY,
            message,
            of_seed[0].path,
            score.line if score is not None else 0,
        )
    yield from _headline(evidence)


def _headline(evidence: SubmissionEvidence) -> Iterator[Finding]:
    """The headline against the stated seeds: their mean, their best, or one of them."""
    stated = evidence.stated
    if stated is None or stated.val_bpb is None:
        return
    values = [s.val_bpb.value for s in stated.per_seed if s.val_bpb is not None]
    if len(values) < 2:
        return
    headline = stated.val_bpb
    tolerance = max(2 * headline.number.half_unit, 2e-4)
    if abs(headline.value - fmean(values)) <= tolerance or any(
        abs(headline.value - v) <= tolerance for v in values
    ):
        return
    if min(values) - tolerance <= headline.value <= max(values) + tolerance:
        return  # a median, or a mean over some of the seeds
    message = (
        f"the headline {headline.path} is {headline.value}, outside of its {len(values)} stated seeds "
        f"({min(values)} to {max(values)}, mean {fmean(values):.6f})"
    )
    yield Finding("log-report-mismatch", Severity.WARNING, Confidence.PROVED, message, "submission.json")


def _prints(number: Printed, readings: tuple[Reading, ...]) -> bool:
    return any(r.kind is not ReadingKind.PROGRESS and agrees(number, r.val_bpb) for r in readings)


LOG_REPORT_MISMATCH = Check(
    "log-report-mismatch", "submission.json says something else than its logs", inspect
)
