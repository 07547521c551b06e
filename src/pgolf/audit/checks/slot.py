"""A correction is fitted on the targets it scores.

A per-window delta is optimised on the very tokens whose loss is then reported; contested, so never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.source_lines import find_code_line, live_in_logs
from pgolf.core.finding import Confidence, Finding, Severity

_CODE = re.compile(
    r"\b(?:eval_val_\w{0,30}slot\w{0,20}|slot_(?:steps|lr|enabled|delta)\w{0,20}|SLOT_(?:STEPS|LR|ENABLED)\b)"
)
_SCORED = re.compile(r"(?:^|[^a-z])slot(?:[^a-z]|$)", re.IGNORECASE)
_WORDS = ("slot", "SLOT")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    line = find_code_line(evidence, _CODE, _WORDS)
    scored = live_in_logs(evidence, _SCORED)
    if scored and line:
        message = "the scored line is one of SLOT: a per-window delta fitted on the targets it then scores"
        yield Finding("slot", Severity.WARNING, Confidence.LIKELY, message, scored)
        return
    if line:
        message = "code that fits a per-window delta (SLOT): present, not shown to run"
        yield Finding("slot", Severity.NOTE, Confidence.POSSIBLE, message, evidence.choice.path or "", line)


SLOT = Check("slot", "A correction is fitted on the targets it scores", inspect)
