"""From evidence and findings to the verdict, the published row and the report.

VERIFIED needs everything to agree: tables proved canonical (or a byte source that needs none), a canonical loop, every
claimed line with canonical bytes per token, and every stated value on a line of a log. FLAGGED needs one error that
was proved. All else is UNVERIFIED, with what is missing. A verdict speaks of the byte count of the claim and of its
consistency; it is no opinion on techniques, and no statement that the run itself took place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pgolf.audit.byte_defects import claim_status, explain_log, main_print, subset_tokens
from pgolf.audit.checks.missing_evidence import missing
from pgolf.audit.checks.registry import run_checks
from pgolf.audit.evidence import LogRead, LogRole, SubmissionEvidence
from pgolf.audit.inflation import is_corrected
from pgolf.audit.script_facts import ScriptFacts
from pgolf.audit.source_lines import unprinted_result, unreached_claim
from pgolf.audit.tokenizer_audit import structure_findings
from pgolf.core.deviation import DeviationName
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.row import ResultRow
from pgolf.core.script_report import CodeLocation, ScriptReport
from pgolf.core.submission_report import Claim, LogEvidence, SubmissionReport
from pgolf.core.verdict import ByteSource, EvalStatus, FingerprintStatus, LutStatus, Verdict
from pgolf.runlog.metrics import Ending

IMPLAUSIBLE_BELOW = 0.95
"""A value this far below the frontier of merged records needs a reviewer, whatever its bytes."""
_DECIMAL = re.compile(r"(?<![\d.])\d{1,2}\.\d{3,10}(?![\d.])")
_ANOTHER_SAMPLE = ("val-subset", "val-other-set", "log-stages-disagree")
"""Defects that no ratio mends: the value may be right for what was scored, or its loss is not its own."""
_SETTLED_SOURCES = (ByteSource.TABLE, ByteSource.NPZ, ByteSource.SIDECAR, ByteSource.BYTE_LEVEL)


def judge(evidence: SubmissionEvidence) -> SubmissionReport:
    """The report on one submission. Pure: the same evidence gives the same report."""
    findings = (*run_checks(evidence), *_findings_of_script(evidence), *_findings_of_tokenizers(evidence))
    shortfalls = (*undecided(evidence), *_objections(findings))
    if any(finding.flags for finding in findings):
        verdict = Verdict.FLAGGED
    elif not shortfalls and not any(f.severity is Severity.ERROR for f in findings):
        verdict = Verdict.VERIFIED
    else:
        verdict = Verdict.UNVERIFIED
    return SubmissionReport(
        row=_row(evidence, findings, verdict, shortfalls),
        script=_script_report(evidence),
        logs=tuple(_log_evidence(log) for log in evidence.logs),
        claims=(*_claims(evidence), *_claims_of_files(evidence)),
        missing=shortfalls,
        notes=tuple(_notes(evidence)),
    )


def undecided(evidence: SubmissionEvidence) -> Iterable[str]:
    """What keeps a submission without a defect from being VERIFIED, one sentence each."""
    yield from missing(evidence)
    audit = evidence.audit
    if evidence.script is not None:
        if audit is None:
            yield "the script was not audited"
        else:
            if audit.lut_status in (LutStatus.UNKNOWN, LutStatus.OBFUSCATED):
                if audit.byte_source not in (ByteSource.SIDECAR, ByteSource.BYTE_LEVEL):
                    yield f"the script's byte tables are {audit.lut_status.value}: {audit.reason or 'no reason given'}"
            elif audit.lut_status is LutStatus.BUGGY:
                yield "the script's byte tables deviate in structure"
            if audit.byte_source not in _SETTLED_SOURCES:
                yield f"the source of the script's bytes is {audit.byte_source.value}"
            needed = _needed_source(evidence)
            if needed is ByteSource.SIDECAR and audit.byte_source is not ByteSource.SIDECAR:
                yield f"this tokenizer's bytes come from a sidecar file, the script's from {audit.byte_source.value}"
            if needed is ByteSource.TABLE and audit.byte_source is ByteSource.BYTE_LEVEL:
                yield "this tokenizer's bytes come from a table; with its default settings the script scores bytes"
            if audit.eval_status is not EvalStatus.CANONICAL:
                why = f": {audit.eval_reason}" if audit.eval_reason else ""
                yield f"the script's evaluation loop is {audit.eval_status.value}{why}"
    frontier = evidence.profile.validation.merged_sota_bpb
    reported = evidence.reported_bpb
    if reported is not None and reported < IMPLAUSIBLE_BELOW * frontier:
        yield (
            f"{reported:g} is far below the merged frontier ({frontier:g}): what the probabilities are made of "
            "is not audited here, and matters then"
        )
    label = unreached_claim(evidence)
    if label:
        yield f"the evaluation with the settings of the run does not come to the line that prints {label}"
    after = unprinted_result(evidence)
    if after:
        yield f"the script goes on to print {after}, which no claimed log holds: other settings or other code made them"
    status = claim_status(evidence)
    if status is not FingerprintStatus.MATCHES and evidence.claimed:
        if all(log.print.status is FingerprintStatus.MATCHES for log in evidence.claimed):
            yield "the lines that carry the claim print no loss: their bytes per token cannot be computed"
        elif status is FingerprintStatus.UNKNOWN:
            reason = next(
                (p.reason for log in evidence.claimed if (p := log.print).reason), "no pair to compare"
            )
            yield f"bytes per token of the logs are not decided: {reason}"


def _needed_source(evidence: SubmissionEvidence) -> ByteSource | None:
    """Where the bytes of the submission's tokenizer must come from, None for an unknown tokenizer."""
    name = _tokenizer(evidence)
    for known in evidence.profile.validation.tokenizers:
        if known.key == name:
            return ByteSource(known.byte_source)
    return None


def _objections(findings: Sequence[Finding]) -> Iterable[str]:
    """Warnings that stand against "all evidence agrees": more than a possibility, less than an error."""
    rules = [
        f.rule for f in findings if f.severity is Severity.WARNING and f.confidence is not Confidence.POSSIBLE
    ]
    if rules:
        yield f"not all evidence agrees: {', '.join(dict.fromkeys(rules))}"


def _findings_of_script(evidence: SubmissionEvidence) -> Iterable[Finding]:
    """What the script's own audit remarks beside tables and loop, which the checks have taken up already."""
    if evidence.audit is None:
        return
    for finding in evidence.audit.findings:
        if finding.severity is not Severity.ERROR and not finding.rule.startswith(
            ("lut", "table", "bytes", "eval")
        ):
            yield finding


def _findings_of_tokenizers(evidence: SubmissionEvidence) -> Iterable[Finding]:
    """What the tokenizers beside the script are; a note where no log says that the run used this file."""
    names = {log.metrics.run.tokenizer_path.replace("\\", "/").rpartition("/")[2] for log in evidence.claimed}
    for tokenizer in evidence.tokenizers:
        used = names == {tokenizer.path.rpartition("/")[2]}
        for finding in structure_findings(tokenizer):
            if finding.severity is not Severity.NOTE:
                yield finding if used else replace(finding, severity=Severity.NOTE)


def _row(
    evidence: SubmissionEvidence, findings: Sequence[Finding], verdict: Verdict, shortfalls: Sequence[str]
) -> ResultRow:
    audit = evidence.audit
    found = main_print(evidence)
    status = claim_status(evidence)
    ratio = inflation(evidence)
    reported = evidence.reported_bpb if evidence.reported_bpb is not None else evidence.log_bpb
    extra: dict[str, Any] = {
        "seeds": len(evidence.by_seed()),
        "seed_bpb": [round(v, 8) for v in evidence.seed_values()[:32]],
        "seed_std": evidence.log_std,
        "missing": list(shortfalls),
        "files": len(evidence.entries),
        "content_sha256": content_hash(evidence),
    }
    outside = (
        []
        if evidence.script is None
        else [name for name in evidence.script.siblings.names() if name.startswith("../")]
    )
    if outside:
        extra["outside"] = outside
    return ResultRow(
        pr=None,
        folder=evidence.folder,
        script=evidence.choice.path,
        script_sha256=None if evidence.script is None else evidence.script.sha256,
        lut_status=LutStatus.UNKNOWN if audit is None else audit.lut_status,
        lut_bug_detections=() if audit is None else tuple(d.name.value for d in audit.deviations),
        byte_source=ByteSource.UNKNOWN if audit is None else audit.byte_source,
        eval_status=EvalStatus.UNKNOWN if audit is None else audit.eval_status,
        packed_layers=() if audit is None else audit.packed_layers,
        evidence="" if audit is None else audit.evidence,
        tokenizer=_tokenizer(evidence),
        reported_bpb=reported,
        log_bpb=evidence.log_bpb,
        bytes_per_token=None if found is None else found.bytes_per_token,
        fingerprint_status=status,
        inflation_ratio=ratio,
        corrected_bpb=_corrected(reported, evidence.log_bpb, ratio),
        verdict=verdict,
        reasons=tuple(sorted(findings, key=_weight)),
        extra=extra,
    )


def _corrected(reported: float | None, logged: float | None, ratio: float | None) -> float | None:
    """The reported value with canonical bytes: as it is where somebody has corrected it already."""
    if ratio is None or reported is None:
        return None
    if logged is not None and is_corrected(reported, logged, ratio):
        return reported
    return reported * ratio


def _weight(finding: Finding) -> tuple[int, int]:
    return (
        list(Severity).index(finding.severity),
        list(Confidence).index(finding.confidence),
    )


def inflation(evidence: SubmissionEvidence) -> float | None:
    """Implied over canonical bytes where the evidence allows to say so, else None.

    1.0 where the claim's own lines are canonical. Not for a part of the split (another sample has another loss) and
    not for a stage other than the claimed one.
    """
    status = claim_status(evidence)
    if status is FingerprintStatus.MATCHES:
        return 1.0
    if status is not FingerprintStatus.DEVIATES:
        audit = evidence.audit
        if audit is None or audit.eval_status is not EvalStatus.CANONICAL:
            return None
        if audit.lut_status is LutStatus.BUGGY:
            return _ratio_of_table(evidence, audit)
        if evidence.claimed and not all(log.direct for log in evidence.claimed):
            return None
        return 1.0 if audit.lut_status is LutStatus.CORRECT else None
    found = main_print(evidence)
    if found is None or found.ratio is None or subset_tokens(found, evidence.profile) is not None:
        return None
    logs = [log for log in evidence.claimed if log.print is found]
    if logs and (not logs[0].direct or explain_log(evidence, logs[0])[0] in _ANOTHER_SAMPLE):
        return None
    return found.ratio if 0.2 < found.ratio < 5 else None


def _ratio_of_table(evidence: SubmissionEvidence, audit: ScriptFacts) -> float | None:
    """The ratio that a table with these deviations is known to give on the full split, None where it is not known."""
    names = {d.name.value for d in audit.deviations if not d.effect.startswith("none")}
    names.discard(DeviationName.MISSING_IS_UNUSED.value)  # the contest's vocabularies have no unused piece
    validation = evidence.profile.validation
    key = (_tokenizer(evidence) or evidence.hint).lower()
    sizes = [int(number) for number in re.findall(r"\d{3,6}", key)[:4]]
    for facts in validation.tokenizers:
        if facts.key != key and (facts.vocab_size not in sizes or facts.byte_source != "table"):
            continue
        for known in validation.known_deviations:
            if known.tokenizer == facts.key and set(known.deviations) == names and names:
                return known.bytes_per_token / facts.bytes_per_token
        if (
            names == {DeviationName.LEADING_SPACE_PLUS_ONE.value}
            and facts.leading_space_targets
            and facts.stored_tokens
        ):
            return 1 + facts.leading_space_targets / (facts.bytes_per_token * (facts.stored_tokens - 1))
    return None


def content_hash(evidence: SubmissionEvidence) -> str:
    """SHA-256 over the paths and content ids of all files that the report rests on."""
    digest = hashlib.sha256()
    for entry in sorted(evidence.entries, key=lambda e: e.path):
        digest.update(f"{entry.path}\0{entry.content_id}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _tokenizer(evidence: SubmissionEvidence) -> str | None:
    found = main_print(evidence)
    if found is not None and found.tokenizer:
        return found.tokenizer
    for log in evidence.logs:
        name = log.metrics.run.tokenizer_path.replace("\\", "/").rpartition("/")[2]
        if name:
            return name
    if evidence.stated is not None and evidence.stated.tokenizer:
        return evidence.stated.tokenizer
    return None


def _script_report(evidence: SubmissionEvidence) -> ScriptReport | None:
    audit, script = evidence.audit, evidence.script
    if audit is None or script is None:
        return None
    if audit.lut_status is LutStatus.BUGGY or audit.eval_status is EvalStatus.DEVIATES:
        verdict = Verdict.FLAGGED
    elif audit.lut_status is LutStatus.CORRECT and audit.eval_status is EvalStatus.CANONICAL:
        verdict = Verdict.VERIFIED
    else:
        verdict = Verdict.UNVERIFIED
    return ScriptReport(
        script=script.path,
        script_sha256=script.sha256,
        verdict=verdict,
        lut_status=audit.lut_status,
        deviations=audit.deviations,
        byte_source=audit.byte_source,
        eval_status=audit.eval_status,
        packed_layers=audit.packed_layers,
        evidence=audit.evidence,
        findings=audit.findings,
        notes=audit.notes,
        reason=audit.reason or audit.eval_reason,
        tokenizer=_tokenizer(evidence),
        locations=(CodeLocation("table builder", script.path, audit.line),) if audit.line else (),
        layers=audit.layers,
    )


def _log_evidence(log: LogRead) -> LogEvidence:
    reading, metrics = log.reading, log.metrics
    return LogEvidence(
        path=log.path,
        seed=log.seed,
        score_label=reading.label[:120] if reading is not None else metrics.no_score[:120],
        score_line=reading.line if reading is not None else 0,
        val_loss_nats=reading.val_loss.value
        if reading is not None and reading.val_loss is not None
        else None,
        val_bpb=reading.val_bpb.value if reading is not None else None,
        bytes_per_token=log.print.bytes_per_token,
        fingerprint_status=log.print.status,
        artifact_bytes=metrics.total_bytes,
        train_seconds=metrics.run.train_seconds,
        eval_seconds=metrics.eval_seconds,
        complete=metrics.ending is Ending.COMPLETE,
        sha256=metrics.sha256,
    )


def _claims(evidence: SubmissionEvidence) -> Iterable[Claim]:
    stated = evidence.stated
    if stated is None:
        return
    by_key = {log.states: log for log in evidence.logs if log.states}
    for seed in stated.per_seed:
        if seed.val_bpb is None:
            continue
        log = by_key.get(seed.val_bpb.path)
        found = (
            f"{log.reading.val_bpb.value}" if log is not None and log.reading is not None else "no such line"
        )
        has_log = any(other.seed == seed.seed for other in evidence.logs)
        agrees = True if log is not None else False if has_log else None
        where = f"{seed.val_bpb.path} and {log.path}" if log is not None else seed.val_bpb.path
        yield Claim(f"val_bpb of seed {seed.seed}", f"{seed.val_bpb.value}", found, agrees, where)
    if stated.val_bpb is not None:
        mean = evidence.log_bpb
        claimed = any(log.role is LogRole.CLAIMED for log in evidence.logs)
        values = evidence.seed_values()
        near = mean is not None and (
            abs(mean - stated.val_bpb.value) <= 2e-4
            or any(abs(v - stated.val_bpb.value) <= 2e-4 for v in values)
        )
        yield Claim(
            "val_bpb",
            f"{stated.val_bpb.value}",
            "no log states it" if mean is None or not claimed else f"{mean:.6f} (mean of {len(values)})",
            None if mean is None or not claimed else near,
            f"{stated.val_bpb.path} and the logs",
        )
    printed = [log.metrics.total_bytes for log in evidence.claimed if log.metrics.total_bytes is not None]
    if stated.artifact_bytes is not None:
        largest = max(printed) if printed else None
        yield Claim(
            "artifact bytes",
            f"{stated.artifact_bytes:,}",
            "not printed" if largest is None else f"{largest:,} at most",
            None if largest is None else stated.artifact_bytes in printed or None,
            "submission.json and the logs",
        )


def _claims_of_files(evidence: SubmissionEvidence) -> Iterable[Claim]:
    """Sizes as stated against the files themselves, and the headline against the README."""
    stated = evidence.stated
    if stated is None:
        return
    if stated.code_bytes is not None and evidence.script is not None:
        found = len(evidence.script.data)
        agrees = True if stated.code_bytes == found else None if evidence.choice.others else False
        yield Claim(
            "code bytes",
            f"{stated.code_bytes:,}",
            f"{found:,}",
            agrees,
            f"submission.json and {evidence.choice.path}",
        )
    if evidence.models and evidence.script is not None and stated.artifact_bytes is not None:
        sizes = {len(evidence.script.data) + size for _, size in evidence.models}
        found_text = ", ".join(f"{size:,}" for size in sorted(sizes)[:4])
        yield Claim(
            "artifact bytes (files)",
            f"{stated.artifact_bytes:,}",
            found_text,
            stated.artifact_bytes in sizes or None,
            f"submission.json and {evidence.models[0][0]}",
        )
    if stated.val_bpb is not None and evidence.readme:
        numbers = [float(text) for text in _DECIMAL.findall(evidence.readme)[:2000]]
        near = [n for n in numbers if abs(n - stated.val_bpb.value) <= 6e-5]
        yield Claim(
            "val_bpb in the README",
            f"{stated.val_bpb.value}",
            f"{near[0]}" if near else "no such number",
            True if near else None,
            f"{stated.val_bpb.path} and the README",
        )


def _notes(evidence: SubmissionEvidence) -> Iterable[str]:
    if evidence.choice.path is not None:
        yield f"script: {evidence.choice.path} ({evidence.choice.why})"
    if evidence.choice.others:
        yield f"other scripts in the folder: {', '.join(evidence.choice.others[:6])}"
    aside = [log.path for log in evidence.logs if log.role is LogRole.ASIDE]
    if aside:
        yield f"{len(aside)} logs are no run of the claim: {', '.join(aside[:4])}"
    for tokenizer in evidence.tokenizers:
        yield (
            f"tokenizer {tokenizer.path}: {len(tokenizer):,} ids, {'a' if tokenizer.has_marker_piece else 'no'} marker piece, "
            f"{tokenizer.single_bytes} single bytes"
        )
    std, values = evidence.log_std, evidence.seed_values()
    if std is not None:
        yield f"over {len(values)} seeds: mean {evidence.log_bpb:.6f}, standard deviation {std:.6f}"
    yield from evidence.notes
