"""`audit_logs`: logs, and what is stated about them -> a `LogsReport`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.log_report import LogsReport, LogSummary, PairSummary
from pgolf.core.profile import Profile
from pgolf.core.verdict import FingerprintStatus, Verdict
from pgolf.runlog.fingerprint import LogFingerprint, fingerprint
from pgolf.runlog.metrics import Ending, Reading, ReadingKind, RunMetrics
from pgolf.runlog.seed_comparison import compare_seeds
from pgolf.runlog.statement_match import match_statement, problem_findings
from pgolf.runlog.submission_json import StatedResults

PAIRS_SHOWN = 200
_OF_THE_DENOMINATOR = frozenset(
    {"fingerprint", "val-subset", "val-other-set", "log-stages-disagree", "log-arithmetic", "unit-mismatch"}
)
"""Rules whose warnings leave a log undecided although its fingerprint matches."""


def audit_logs(
    logs: Sequence[RunMetrics],
    profile: Profile,
    stated: StatedResults | None = None,
    tokenizer_hint: str = "",
) -> LogsReport:
    """Judge every log by itself, the logs against each other, and against the statement if there is one.

    VERIFIED speaks of the denominator and of these files only: every score line implies the canonical bytes per token and
    nothing contradicts it. Raises nothing.
    """
    summaries = tuple(_summary(log, fingerprint(log, profile, tokenizer_hint), profile) for log in logs)
    findings = list(compare_seeds(logs, profile))
    statement = None
    if stated is not None:
        statement, more = match_statement(stated, logs)
        findings += more
        findings += problem_findings(stated)
    verdicts = {summary.verdict.value for summary in summaries}
    verdict = Verdict.VERIFIED
    if Verdict.UNVERIFIED.value in verdicts or not summaries:
        verdict = Verdict.UNVERIFIED
    if statement is not None and any(
        claim.agreement in ("none", "other", "no log") for claim in statement.claims
    ):
        verdict = Verdict.UNVERIFIED
    if any(_is_odd(finding) for finding in findings):
        verdict = Verdict.UNVERIFIED
    if Verdict.FLAGGED.value in verdicts or any(finding.flags for finding in findings):
        verdict = Verdict.FLAGGED
    return LogsReport(verdict, summaries, tuple(findings), statement)


def _is_odd(finding: Finding) -> bool:
    return finding.rule in _OF_THE_DENOMINATOR and finding.severity is not Severity.NOTE


def log_findings(log: RunMetrics, profile: Profile) -> tuple[Finding, ...]:
    """What one log says against the contest's limits, and whether its run finished."""
    limits = profile.limits
    findings: list[Finding] = []

    def warn(rule: str, confidence: Confidence, message: str, line: int = 0) -> None:
        findings.append(Finding(rule, Severity.WARNING, confidence, message, log.name, line))

    if log.ending is not Ending.COMPLETE:
        warn(
            "missing-evidence",
            Confidence.PROVED,
            f"the run did not finish: {log.ending_reason}",
            log.ending_line,
        )
    if log.nan_lines:
        warn(
            "missing-evidence",
            Confidence.PROVED,
            f"{log.nan_lines} printed bits-per-byte values are not finite numbers",
        )
    train = log.run.train_seconds
    if train is not None and train > limits.train_seconds + _CLOCK_SLACK_SECONDS:
        warn(
            "time-cap",
            Confidence.PROVED,
            f"training took {train:,.1f} s; a record may take {limits.train_seconds:g} s",
        )
    evaluation = log.eval_seconds
    if evaluation is not None and evaluation > limits.eval_seconds:
        warn(
            "time-cap",
            Confidence.PROVED,
            f"the evaluation of the score took {evaluation:,.1f} s; a record may take {limits.eval_seconds:g} s",
            log.score.reading.line if log.score else 0,
        )
    total = log.total_bytes
    if total is not None and total > limits.artifact_bytes:
        line = next((s.line for s in reversed(log.sizes) if s.size_bytes == total), 0)
        message = f"the printed artifact is {total:,} bytes; the cap is {limits.artifact_bytes:,}"
        warn(
            "size-cap",
            Confidence.LIKELY,
            f"{message} (logs may sum uncompressed code: measure the files)",
            line,
        )
    return tuple(findings)


_CLOCK_SLACK_SECONDS = 2.0
"""The wall-clock cap is checked between steps, so a run at the cap overshoots by a fraction of a step."""


def _summary(log: RunMetrics, found: LogFingerprint, profile: Profile) -> LogSummary:
    score = log.score.reading if log.score else None
    findings = (*found.findings, *log_findings(log, profile))
    if found.status == FingerprintStatus.DEVIATES or any(finding.flags for finding in findings):
        verdict = Verdict.FLAGGED
    elif any(_is_odd(finding) for finding in findings):
        verdict = Verdict.UNVERIFIED
    elif found.status == FingerprintStatus.MATCHES and log.ending is Ending.COMPLETE and score is not None:
        verdict = Verdict.VERIFIED
    else:
        verdict = Verdict.UNVERIFIED
    interval = found.interval or (None, None)
    pairs = log.pairs
    run = log.run
    return LogSummary(
        log=log.name,
        sha256=log.sha256,
        verdict=verdict,
        ending=log.ending.value,
        ending_reason=log.ending_reason,
        ending_line=log.ending_line,
        score_label=score.label if score else "",
        score_line=score.line if score else 0,
        val_loss_nats=score.val_loss.value if score and score.val_loss else None,
        val_bpb=score.val_bpb.value if score else None,
        why=log.score.why if log.score else log.no_score,
        fingerprint_status=found.status,
        fingerprint_reason=found.reason,
        bytes_per_token=found.bytes_per_token,
        bytes_per_token_low=interval[0],
        bytes_per_token_high=interval[1],
        tokenizer=found.tokenizer,
        canonical_bytes_per_token=found.canonical_bytes_per_token,
        ratio=found.ratio,
        corrected_bpb=found.corrected_bpb,
        explanations=tuple(
            f"{e.what}: {e.bytes_per_token:.4f} ({100 * e.off:+.2f} %; {e.source})"
            for e in found.explanations
        ),
        artifact_bytes=log.total_bytes,
        model_bytes=log.model_bytes,
        code_bytes=log.code_bytes,
        train_seconds=run.train_seconds,
        eval_seconds=log.eval_seconds,
        steps=run.steps,
        max_steps=run.max_steps,
        step_avg_ms=run.step_avg_ms,
        seed=run.seed,
        world_size=run.world_size,
        val_tokens=run.val_tokens,
        train_shards=run.train_shards,
        tokenizer_path=run.tokenizer_path,
        peak_memory_mib=run.peak_memory_mib,
        runs=run.runs,
        pairs=_shown(pairs),
        pairs_printed=len(pairs),
        findings=findings,
        notes=log.notes,
    )


def _shown(pairs: tuple[Reading, ...]) -> tuple[PairSummary, ...]:
    """Pairs of evaluations first, the last ones of training after them, within the bound; finite numbers only."""
    pairs = tuple(
        r for r in pairs if r.val_loss and math.isfinite(r.val_loss.value) and math.isfinite(r.val_bpb.value)
    )
    results = [r for r in pairs if r.kind in (ReadingKind.FINAL, ReadingKind.DIAGNOSTIC)]
    others = [r for r in pairs if r.kind not in (ReadingKind.FINAL, ReadingKind.DIAGNOSTIC)]
    room = PAIRS_SHOWN - len(results[-PAIRS_SHOWN:])
    chosen = [*results[-PAIRS_SHOWN:], *(others[-room:] if room else [])]
    out: list[PairSummary] = []
    for r in chosen:
        interval = r.bytes_per_token_interval or (None, None)
        loss = r.val_loss.value if r.val_loss else float("nan")
        low, high = interval
        if high == float("inf"):
            high = None
        out.append(
            PairSummary(r.line, r.label, r.kind.value, loss, r.val_bpb.value, r.bytes_per_token, low, high)
        )
    return tuple(out)
