"""What `submission.json` states against what the logs print, seed by seed; mean and deviation recomputed.

Agreement is to four decimals, or to the coarser of the two printed precisions where that is finer. A stated value has to
stand on some line of a log of its seed; the report says on which, and whether it is the line we would name.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.log_report import SeedClaim, StatementSummary
from pgolf.runlog.facts import seeds_in_name
from pgolf.runlog.metrics import Printed, Reading, ReadingKind, RunMetrics
from pgolf.runlog.submission_json import Stated, StatedResults

FOUR_DECIMALS = 0.5e-4
_DUST = 1e-9
PATH = "submission.json"


def match_statement(
    stated: StatedResults, logs: Sequence[RunMetrics]
) -> tuple[StatementSummary, tuple[Finding, ...]]:
    """Every stated seed against the logs of that seed, and the findings that follow."""
    claims: list[SeedClaim] = []
    findings: list[Finding] = []
    for seed in stated.per_seed:
        if seed.val_bpb is None:
            continue
        claim = _claim(seed.seed, seed.val_bpb, logs)
        claims.append(claim)
        finding = _finding(claim)
        if finding is not None:
            findings.append(finding)
    if not claims and stated.val_bpb is not None and logs:
        claims.append(_claim(None, stated.val_bpb, logs))
        finding = _finding(claims[0])
        if finding is not None and len(logs) == 1:
            findings.append(finding)
    summary = _summary(stated, claims)
    findings += [finding for finding in [headline_finding(stated)] if finding is not None]
    if summary.mean_agrees is False and headline_finding(stated) is None:
        message = f"the stated mean is {summary.stated_mean}, the mean of its {len(claims)} stated seeds is {summary.mean:.8f}"
        findings.append(Finding("log-report-mismatch", Severity.WARNING, Confidence.PROVED, message, PATH))
    if summary.std_kind == "neither":
        message = (
            f"the stated deviation {summary.stated_std} is neither the sample's ({summary.sample_std:.6f})"
            f" nor the population's ({summary.population_std:.6f})"
        )
        findings.append(Finding("log-report-mismatch", Severity.NOTE, Confidence.PROVED, message, PATH))
    return summary, tuple(findings)


def agrees(stated: Printed, printed: Printed) -> bool:
    """Whether a stated and a printed value can be one number, to four decimals."""
    return abs(stated.value - printed.value) <= FOUR_DECIMALS + _DUST or (
        min(stated.decimals, printed.decimals) >= 3 and stated.states(printed)
    )


def headline_finding(stated: StatedResults) -> Finding | None:
    """The headline that is neither the mean of its stated seeds nor among them; one between them may be a median."""
    values = [seed.val_bpb.value for seed in stated.per_seed if seed.val_bpb is not None]
    headline = stated.val_bpb
    if headline is None or len(values) < 2:
        return None
    slack = max(2 * headline.number.half_unit, 4 * FOUR_DECIMALS)
    if min(values) - slack <= headline.value <= max(values) + slack:
        return None
    message = (
        f"the headline {headline.path} is {headline.value}, outside of its {len(values)} stated seeds "
        f"({min(values)} to {max(values)}, mean {statistics.fmean(values):.6f})"
    )
    return Finding("log-report-mismatch", Severity.WARNING, Confidence.PROVED, message, PATH)


def problem_findings(stated: StatedResults) -> list[Finding]:
    """What is wrong with the statement as a file."""
    return [
        Finding("log-report-mismatch", Severity.NOTE, Confidence.PROVED, f"{PATH} {problem}", PATH)
        for problem in stated.problems
    ]


def unmatched_finding(claim: SeedClaim) -> Finding:
    """A stated value that no evaluation line prints; `claim` names the log and the line that would be its score."""
    printed = (
        f"{claim.printed} at line {claim.line} ({claim.label[:60]})"
        if claim.printed is not None
        else "no score"
    )
    message = f"{claim.path} states {claim.stated} for {_who(claim)}; its log prints it nowhere, its score is {printed}"
    return Finding("log-report-mismatch", Severity.WARNING, Confidence.LIKELY, message, claim.log, claim.line)


def _who(claim: SeedClaim) -> str:
    return f"seed {claim.seed}" if claim.seed >= 0 else "the headline"


def _claim(seed: int | None, stated: Stated, logs: Sequence[RunMetrics]) -> SeedClaim:
    """The best line for one stated value: the score of a log, a final line, any line."""
    number = -1 if seed is None else seed
    # An evaluation of saved weights prints its default seed: the name counts beside what is printed.
    of_seed = [
        log
        for log in logs
        if seed is None or log.run.seed == seed or seed in log.run.seeds or seed in seeds_in_name(log.name)
    ]
    if not of_seed:
        return SeedClaim(number, stated.path, stated.value, "no log")
    for log in of_seed:
        if log.score is not None and agrees(stated.number, log.score.reading.val_bpb):
            return _found(number, stated, "score", log, log.score.reading)
    for wanted, name in ((True, "final"), (False, "other")):
        for log in of_seed:
            for reading in reversed(log.readings):
                if (reading.kind is ReadingKind.FINAL) == wanted and agrees(stated.number, reading.val_bpb):
                    return _found(number, stated, name, log, reading)
    log = of_seed[0]
    if log.score is None:
        return SeedClaim(number, stated.path, stated.value, "none", log.name)
    return _found(number, stated, "none", log, log.score.reading)


def _found(seed: int, stated: Stated, agreement: str, log: RunMetrics, reading: Reading) -> SeedClaim:
    return SeedClaim(
        seed,
        stated.path,
        stated.value,
        agreement,
        log.name,
        reading.line,
        reading.label,
        reading.val_bpb.value,
    )


def _finding(claim: SeedClaim) -> Finding | None:
    who = _who(claim)
    if claim.agreement == "no log":
        message = f"{claim.path} states {claim.stated} for {who}; no log of that seed is given"
        return Finding("missing-evidence", Severity.WARNING, Confidence.PROVED, message, PATH)
    if claim.agreement == "none":
        return unmatched_finding(claim)
    if claim.agreement == "other":
        message = (
            f"{claim.path} states {claim.stated} for {who}: that is line {claim.line} ({claim.label[:60]}),"
            " which is not a final evaluation of the artifact"
        )
        return Finding(
            "log-report-mismatch", Severity.WARNING, Confidence.LIKELY, message, claim.log, claim.line
        )
    return None


def _summary(stated: StatedResults, claims: list[SeedClaim]) -> StatementSummary:
    values = [claim.stated for claim in claims if claim.seed >= 0]
    headline = stated.val_bpb
    mean = statistics.fmean(values) if values else None
    sample = statistics.stdev(values) if len(values) > 1 else None
    population = statistics.pstdev(values) if len(values) > 1 else None
    mean_agrees: bool | None = None
    if headline is not None and mean is not None and len(values) > 1:
        rounding = max(headline.number.half_unit, FOUR_DECIMALS) + _DUST
        mean_agrees = abs(headline.value - mean) <= rounding or any(
            abs(headline.value - v) <= rounding for v in values
        )
    kind = ""
    if stated.std is not None and sample is not None and population is not None:
        rounding = max(stated.std.number.half_unit, _DUST) * 1.01
        fits = [abs(stated.std.value - s) <= rounding for s in (sample, population)]
        kind = {(True, True): "both", (True, False): "sample", (False, True): "population"}.get(
            (fits[0], fits[1]), "neither"
        )
    return StatementSummary(
        tuple(claims),
        headline.value if headline is not None else None,
        mean,
        mean_agrees,
        stated.std.value if stated.std is not None else None,
        sample,
        population,
        kind,
    )
