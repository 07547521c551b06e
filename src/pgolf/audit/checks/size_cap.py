"""Code and compressed model together are larger than the contest allows.

The file in the folder decides where it lies there; else what the claimed log prints as its total. Logs often add the
uncompressed script, so a printed total above the limit is only a warning when the parts known from files fit.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Confidence, Finding, Severity


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    limit = evidence.profile.limits.artifact_bytes
    if evidence.script is not None:
        for path, model_bytes in evidence.models:
            together = len(evidence.script.data) + model_bytes
            if together > limit:
                message = f"script and this file together have {together:,} bytes, the limit is {limit:,}"
                yield Finding("size-cap", Severity.WARNING, Confidence.PROVED, message, path)
    for log in evidence.claimed:
        total = log.metrics.total_bytes
        if total is not None and total > limit:
            message = f"the log prints {total:,} bytes of code and model, the limit is {limit:,}"
            yield Finding("size-cap", Severity.WARNING, Confidence.LIKELY, message, log.path)
    stated = evidence.stated
    if stated is not None and stated.artifact_bytes is not None and stated.artifact_bytes > limit:
        message = f"{stated.artifact_bytes:,} bytes are stated, the limit is {limit:,}"
        yield Finding("size-cap", Severity.WARNING, Confidence.PROVED, message, "submission.json")


SIZE_CAP = Check("size-cap", "The artifact is larger than the limit", inspect)
