"""Only a part of the validation split is scored.

Token counts of the log, or bytes per token of another sample of documents.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "val-subset")


VAL_SUBSET = Check("val-subset", "Only a part of the validation split is scored", inspect)
