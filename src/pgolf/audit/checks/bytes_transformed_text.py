"""Bytes of a transformed text are counted.

The bytes belong to the text after a lossless transformation, not to the original.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-transformed-text")


BYTES_TRANSFORMED_TEXT = Check("bytes-transformed-text", "Bytes of a transformed text are counted", inspect)
