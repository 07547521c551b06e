"""A loss in another unit than nats per token: nats per byte, or the bits per byte under both names.

No error: the score may well be right, but its bytes cannot be checked from such a line.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    for log in evidence.claimed:
        yield from (f for f in log.print.findings if f.rule == "unit-mismatch")


UNIT_MISMATCH = Check("unit-mismatch", "The loss is printed in another unit", inspect)
