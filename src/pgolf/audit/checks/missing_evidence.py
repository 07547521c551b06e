"""What a reviewer would need and the folder does not have. Never an accusation: notes."""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import LogRole, SubmissionEvidence
from pgolf.core.finding import Confidence, Finding, Severity


def missing(evidence: SubmissionEvidence) -> Iterator[str]:
    """One sentence for each piece of evidence that is absent or could not be read."""
    if evidence.script is None:
        yield f"no script that could be audited: {evidence.choice.why}"
    if evidence.stated is None:
        yield "no submission.json"
    elif not evidence.stated.readable:
        yield f"submission.json cannot be read: {'; '.join(evidence.stated.problems[:2])}"
    elif evidence.reported_bpb is None:
        yield "submission.json states no val_bpb"
    if not evidence.logs:
        yield "no training log with an evaluation"
    elif evidence.reported_bpb is not None and not any(log.role is LogRole.CLAIMED for log in evidence.logs):
        yield f"none of the {len(evidence.logs)} logs prints the stated value {evidence.reported_bpb:g}"
    if evidence.stated is not None:
        have = {log.seed for log in evidence.logs}
        absent = [s.seed for s in evidence.stated.per_seed if s.val_bpb is not None and s.seed not in have]
        if absent and any(log.seed is not None for log in evidence.logs):
            yield f"no log of the stated seed{'s' if len(absent) > 1 else ''} {', '.join(map(str, absent[:8]))}"


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    for sentence in missing(evidence):
        yield Finding("missing-evidence", Severity.NOTE, Confidence.PROVED, sentence)
    for path, reason in evidence.unread[:6]:
        yield Finding("missing-evidence", Severity.NOTE, Confidence.PROVED, f"not read: {reason}", path)


MISSING_EVIDENCE = Check("missing-evidence", "Evidence is missing", inspect)
