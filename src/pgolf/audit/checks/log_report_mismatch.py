"""What `submission.json` states is not what its logs print.

The stated value has to stand on some evaluation line of a log of its seed; which line is the score is a question of
taste, so any evaluation line will do. Nothing is said where no finished run of that seed is in the folder
(`missing-evidence` says that).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import LogRead, LogRole, SubmissionEvidence
from pgolf.audit.inflation import is_corrected
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.log_report import SeedClaim
from pgolf.runlog.metrics import Printed, Reading, ReadingKind
from pgolf.runlog.statement_match import headline_finding, problem_findings, unmatched_finding

_OF_THE_FILE = ("not valid JSON", "stands twice", "no JSON number")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    stated = evidence.stated
    if stated is None:
        return
    yield from (f for f in problem_findings(stated) if any(words in f.message for words in _OF_THE_FILE))
    logs = [log for log in evidence.logs if log.role is not LogRole.ASIDE]
    for seed in stated.per_seed:
        value = seed.val_bpb
        of_seed = [log for log in logs if log.seed == seed.seed]
        if value is None or not of_seed or any(_prints(value.number, log.metrics.readings) for log in logs):
            continue
        corrected = _corrected(value.path, value.value, of_seed)
        if corrected is not None:
            yield corrected
            continue
        claim = SeedClaim(seed.seed, value.path, value.value, "none", of_seed[0].path)
        score = of_seed[0].reading
        if score is not None:
            claim = replace(claim, line=score.line, label=score.label, printed=score.val_bpb.value)
        yield unmatched_finding(claim)
    headline = headline_finding(stated)
    if headline is not None:
        yield headline


def _corrected(key: str, stated: float, logs: list[LogRead]) -> Finding | None:
    """A note where the stated value is a log's own one with canonical bytes."""
    for log in logs:
        reading, ratio = log.reading, log.print.ratio
        if reading is not None and ratio is not None and is_corrected(stated, reading.val_bpb.value, ratio):
            message = (
                f"{key} is {stated}: the {reading.val_bpb.value} of this line times {ratio:.4f}, its bytes per token over the "
                "canonical ones; the statement is corrected, the log is not"
            )
            return Finding(
                "log-report-mismatch", Severity.NOTE, Confidence.PROVED, message, log.path, reading.line
            )
    return None


def _prints(number: Printed, readings: tuple[Reading, ...]) -> bool:
    return any(r.kind is not ReadingKind.PROGRESS and number.states(r.val_bpb) for r in readings)


LOG_REPORT_MISMATCH = Check(
    "log-report-mismatch", "submission.json says something else than its logs", inspect
)
