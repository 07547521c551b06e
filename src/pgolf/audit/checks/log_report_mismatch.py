"""What `submission.json` states is not what its logs print.

The stated value has to stand on some evaluation line of a log of its seed; which line is the score is a question of
taste, so any evaluation line will do. Nothing is said where no finished run of that seed is in the folder
(`missing-evidence` says that).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import LogRole, SubmissionEvidence
from pgolf.core.finding import Finding
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
        claim = SeedClaim(seed.seed, value.path, value.value, "none", of_seed[0].path)
        score = of_seed[0].reading
        if score is not None:
            claim = replace(claim, line=score.line, label=score.label, printed=score.val_bpb.value)
        yield unmatched_finding(claim)
    headline = headline_finding(stated)
    if headline is not None:
        yield headline


def _prints(number: Printed, readings: tuple[Reading, ...]) -> bool:
    return any(r.kind is not ReadingKind.PROGRESS and number.states(r.val_bpb) for r in readings)


LOG_REPORT_MISMATCH = Check(
    "log-report-mismatch", "submission.json says something else than its logs", inspect
)
