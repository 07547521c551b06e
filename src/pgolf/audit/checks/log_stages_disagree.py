"""Implied bytes per token change within a log or between seeds.

One tokenizer on one split has one number of bytes per token.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "log-stages-disagree")


LOG_STAGES_DISAGREE = Check(
    "log-stages-disagree", "Implied bytes per token change within a log or between seeds", inspect
)
