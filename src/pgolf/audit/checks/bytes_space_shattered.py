"""A space is several byte tokens.

The vocabulary has no `▁` piece, so that the rule itself counts more bytes than the text has.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-space-shattered")


BYTES_SPACE_SHATTERED = Check("bytes-space-shattered", "A space is several byte tokens", inspect)
