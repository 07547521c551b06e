"""A record claims fewer distinct seeds than the contest asks for, one log stands for several, or its gain is not shown.

A claim below the frontier is tested as the contest's rule says: better by its margin, one-sided, at its level. Welch's test
where the profile knows the frontier's seeds, else the more lenient one against its mean alone. Accepted records often did not
pass it, so it is a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from pgolf.audit.byte_defects import main_print
from pgolf.audit.checks.check import Check
from pgolf.audit.checks.time_cap import is_timed
from pgolf.audit.evidence import LogRole, SubmissionEvidence
from pgolf.core.bpb import LN2
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.margin_test import one_sample_test, welch_test
from pgolf.core.verdict import FingerprintStatus


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
    yield from _against_the_frontier(evidence)


def _against_the_frontier(evidence: SubmissionEvidence) -> Iterator[Finding]:
    validation, limits = evidence.profile.validation, evidence.profile.limits
    values = evidence.seed_values()
    found = main_print(evidence)
    rate = None if found is None else found.canonical_bytes_per_token
    if rate is None or found is None or found.status is not FingerprintStatus.MATCHES or len(values) < 2:
        return
    seeds = validation.merged_sota_seeds_bpb
    frontier = fmean(seeds) if seeds else validation.merged_sota_bpb
    if not is_timed(evidence) or not fmean(values) < frontier:
        return
    margin = limits.record_margin_nats / (LN2 * rate)
    if len(seeds) >= 2:
        test = welch_test(values, seeds, margin=margin, alpha=limits.record_alpha)
    else:
        test = one_sample_test(values, frontier, margin=margin, alpha=limits.record_alpha)
    if test.significant:
        return
    shown = test.undecidable or f"p = {test.p_margin:.3g}, asked is p < {limits.record_alpha:g}"
    message = (
        f"the mean of {len(values)} seeds, {test.candidate_mean:.6f}, is {test.improvement:.6f} bpb below the frontier "
        f"{test.reference_mean:g}; more than {limits.record_margin_nats:g} nats ({margin:.6f} bpb) is not shown: {shown}"
    )
    yield Finding("significance", Severity.NOTE, Confidence.PROVED, message)


SIGNIFICANCE = Check("significance", "Too few distinct seeds, or a gain that is not shown", inspect)
