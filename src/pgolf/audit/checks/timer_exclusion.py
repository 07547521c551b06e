"""Work is done outside the clock that the log prints.

What a claimed log itself says: a line that names work outside of the timer. Which work has to be inside is contested, so this
is a warning at most, and only where the evaluation would be over the limit with that work.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.checks.time_cap import is_timed
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Confidence, Finding, Severity


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    limit = evidence.profile.limits.eval_seconds
    for log in evidence.claimed:
        works = log.metrics.run.uncounted
        if not works:
            continue
        printed = log.metrics.eval_seconds
        outside = sum(work.seconds for work in works if work.seconds is not None)
        work = max(works, key=lambda each: each.seconds or 0.0)
        message = f"the log says of work that its time is not counted ({work.text[:120]})"
        severity, confidence = Severity.NOTE, Confidence.PROVED
        if printed is not None and outside:
            together = printed + outside
            message += f": {outside:,.1f} s beside the printed {printed:,.1f} s, {together:,.1f} s together"
            if is_timed(evidence) and printed <= limit < together:
                message += f", the limit is {limit:g} s"
                severity, confidence = Severity.WARNING, Confidence.LIKELY
        yield Finding("timer-exclusion", severity, confidence, message, log.path, work.line)


TIMER_EXCLUSION = Check("timer-exclusion", "Work is done outside the clock that the log prints", inspect)
