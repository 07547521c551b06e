"""Byte-fallback tokens are not sized 1.

A `<0xNN>` token stands for one byte, whatever its spelling or its decoding alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-fallback-size")


BYTES_FALLBACK_SIZE = Check("bytes-fallback-size", "Byte-fallback tokens are not sized 1", inspect)
