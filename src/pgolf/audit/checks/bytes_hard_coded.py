"""Bytes per token are a constant. A literal number of bytes per token replaces counting."""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-hard-coded")


BYTES_HARD_CODED = Check("bytes-hard-coded", "Bytes per token are a constant", inspect)
