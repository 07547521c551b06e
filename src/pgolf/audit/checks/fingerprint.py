"""Implied bytes per token are not the tokenizer's.

`val_loss / (ln 2 x val_bpb)` is off by more than rounding and no known cause fits.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "fingerprint")


FINGERPRINT = Check("fingerprint", "Implied bytes per token are not the tokenizer's", inspect)
