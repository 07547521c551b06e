"""A record claims fewer distinct seeds than the contest asks for, or one log stands for several seeds."""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.checks.time_cap import is_timed
from pgolf.audit.evidence import LogRole, SubmissionEvidence
from pgolf.core.finding import Confidence, Finding, Severity


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    by_content: dict[str, list[str]] = {}
    for log in evidence.logs:
        if log.role is LogRole.CLAIMED:
            by_content.setdefault(log.metrics.sha256, []).append(log.path)
    seeds = {log.seed for log in evidence.logs if log.role is LogRole.CLAIMED and log.seed is not None}
    wanted = evidence.profile.limits.minimum_seeds
    if evidence.stated is not None:
        seeds |= {s.seed for s in evidence.stated.per_seed} | set(evidence.stated.listed_seeds)
    if is_timed(evidence) and evidence.reported_bpb is not None and 0 < len(seeds) < wanted:
        said = ", ".join(map(str, sorted(seeds)[:8]))
        message = f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''} ({said}); a record needs {wanted}"
        yield Finding("significance", Severity.NOTE, Confidence.PROVED, message)
    runs = [log for log in evidence.by_seed().values() if log.seed is not None and log.reading is not None]
    exact = {
        log.reading.val_bpb.value
        for log in runs
        if log.reading is not None and log.reading.val_bpb.decimals >= 6
    }
    if len(runs) > 1 and len(exact) == 1 and len({log.metrics.sha256 for log in runs}) == len(runs):
        message = f"{len(runs)} seeds print the same value, {next(iter(exact))}"
        yield Finding("significance", Severity.WARNING, Confidence.PROVED, message)


SIGNIFICANCE = Check("significance", "Too few distinct seeds", inspect)
