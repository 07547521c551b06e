"""The leading-space marker is not recognised.

Another character than U+2581 is tested for, so the marker's three bytes stay in the table.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-space-marker")


BYTES_SPACE_MARKER = Check("bytes-space-marker", "The leading-space marker is not recognised", inspect)
