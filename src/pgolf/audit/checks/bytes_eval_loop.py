"""The loop or the formula deviates.

The per-token bytes that the evaluation adds up, or the final division, are not the canonical ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-eval-loop")


BYTES_EVAL_LOOP = Check("bytes-eval-loop", "The loop or the formula deviates", inspect)
