"""A correction is fitted on the targets it scores.

A per-window delta is optimised on the very tokens whose loss is then reported; contested, so never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.source_lines import find_code_line, live_in_logs, reach
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.token_flow import LateKind

_CODE = re.compile(
    r"\b(?:eval_val_\w{0,30}slot\w{0,20}|slot_(?:steps|lr|enabled|delta)\w{0,20}|SLOT_(?:STEPS|LR|ENABLED)\b)"
)
_SCORED = re.compile(r"(?:^|[^a-z])slot(?:[^a-z]|$)", re.IGNORECASE)
_WORDS = ("slot", "SLOT")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    facts = [f for f in evidence.flow.late if f.kind is LateKind.FITTED and f.certain]
    if facts:
        # The last one, where several evaluations fit: it is nearest to the claim.
        fact = facts[-1]
        message = (
            f"{fact.late} of {fact.targets} targets that {fact.scored_in or 'the script'} scores were fitted by optimiser "
            f"steps of the same evaluation before their loss was computed"
        )
        sure = Confidence.PROVED if fact.last and not evidence.flow.other_files else Confidence.LIKELY
        yield Finding("slot", Severity.WARNING, sure, message, evidence.choice.path or "", fact.updated_line)
        return
    line = find_code_line(evidence, _CODE, _WORDS)
    scored = live_in_logs(evidence, _SCORED)
    if scored and line:
        message = "the scored line is one of SLOT: a per-window delta fitted on the targets it then scores"
        yield Finding("slot", Severity.WARNING, Confidence.LIKELY, message, scored)
        return
    if line:
        where = reach(evidence, line)
        message = f"code that fits a per-window delta (SLOT): present, not shown to run ({where})"
        yield Finding("slot", Severity.NOTE, Confidence.POSSIBLE, message, evidence.choice.path or "", line)


SLOT = Check("slot", "A correction is fitted on the targets it scores", inspect)
