"""The logs do not come from this script.

The bytes per token of the logs cannot come from the script's table and loop.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Confidence, Finding, Severity


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "log-code-mismatch")
    sizes: dict[int, str] = {}
    for log in evidence.by_seed().values():
        if log.metrics.code_bytes is not None:
            sizes.setdefault(log.metrics.code_bytes, log.path)
    if len(sizes) > 1:
        said = ", ".join(f"{size:,} ({path})" for size, path in list(sizes.items())[:4])
        message = f"the seeds' logs print different code sizes: {said}; not all come from one script"
        yield Finding("log-code-mismatch", Severity.WARNING, Confidence.PROVED, message)


LOG_CODE_MISMATCH = Check("log-code-mismatch", "The logs do not come from this script", inspect)
