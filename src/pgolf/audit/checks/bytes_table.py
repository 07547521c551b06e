"""The byte table deviates in another way. Every deviation of a table that no family of its own stands for."""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-table")


BYTES_TABLE = Check("bytes-table", "The byte table deviates in another way", inspect)
