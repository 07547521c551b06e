"""`val_loss` and `val_bpb` of one line, or of submission.json, do not fit together."""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "log-arithmetic")


LOG_ARITHMETIC = Check("log-arithmetic", "val_loss and val_bpb do not fit together", inspect)
