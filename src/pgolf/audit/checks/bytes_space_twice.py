"""The leading space is counted twice.

One space in the table and one in the loop: either alone is right, both together add a byte to most words.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-space-twice")


BYTES_SPACE_TWICE = Check("bytes-space-twice", "The leading space is counted twice", inspect)
