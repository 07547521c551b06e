"""Other documents than the contest's are scored.

Bytes per token times scored tokens are not the bytes of the split.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "val-other-set")


VAL_OTHER_SET = Check("val-other-set", "Other documents than the contest's are scored", inspect)
