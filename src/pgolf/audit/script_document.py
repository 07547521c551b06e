"""The audit of one script as a report: facts from the confined child, the exact correction on a given stream."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pgolf.audit.script_facts import ScriptFacts, audit_script
from pgolf.core.script_report import CodeLocation, Correction, ScriptReport
from pgolf.core.tokenizer import Vocabulary
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus, Verdict
from pgolf.errors import UsageError
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.script import read_script


def report_script(
    path: Path,
    tokenizer: Path | None = None,
    val_data: str | None = None,
    reported_bpb: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> ScriptReport:
    """Audit the script at `path`; with a tokenizer on every token of it, with shards the exact correction too.

    Raises UsageError or DataError for input of the user's own that cannot be used.
    """
    if val_data is not None and tokenizer is None:
        raise UsageError("--val-data needs --tokenizer: the bytes of token ids are the tokenizer's")
    if reported_bpb is not None and val_data is None:
        raise UsageError("--reported-bpb needs --val-data: the correction is measured on a token stream")
    script = read_script(path, limits)
    vocabulary = None
    if tokenizer is not None:
        from pgolf.tokens.sentencepiece_model import read_model_file

        vocabulary = read_model_file(tokenizer)
    facts = audit_script(script, limits, vocabulary)
    correction = None
    if val_data is not None and tokenizer is not None and vocabulary is not None:
        correction = _correction(path, tokenizer, val_data, reported_bpb, facts, vocabulary)
    return ScriptReport(
        script=script.path,
        script_sha256=script.sha256,
        verdict=verdict_of(facts, correction),
        lut_status=facts.lut_status,
        deviations=facts.deviations,
        byte_source=facts.byte_source,
        eval_status=facts.eval_status,
        packed_layers=facts.packed_layers,
        evidence=facts.evidence,
        findings=facts.findings,
        notes=(*facts.notes, *((f"evaluation loop: {facts.eval_reason}",) if facts.eval_reason else ())),
        reason=facts.reason or (facts.eval_reason if facts.eval_status is not EvalStatus.CANONICAL else ""),
        undecided_by=_undecided(facts),
        tokenizer=str(tokenizer) if tokenizer is not None else None,
        locations=(CodeLocation("table builder", script.path, facts.line),) if facts.line else (),
        layers=facts.layers,
        correction=correction,
    )


def gate_row(report: ScriptReport) -> dict[str, Any]:
    """What a workspace keeps of a script's audit: enough for the gate that refuses FLAGGED scripts, and its reason."""
    deviations = [f"the table deviates ({d.name.value}): {d.example}" for d in report.deviations]
    message = report.reason or "; ".join(deviations) or report.verdict.value
    return {
        "script": report.script,
        "script_sha256": report.script_sha256,
        "verdict": report.verdict.value,
        "lut_status": report.lut_status.value,
        "eval_status": report.eval_status.value,
        "reasons": [{"rule": "script", "message": message}],
    }


def verdict_of(facts: ScriptFacts, correction: Correction | None = None) -> Verdict:
    """One script's verdict: FLAGGED only for a deviation that can change bytes of some token this tokenizer has."""
    effective = [d for d in facts.deviations if not d.effect.startswith("none")]
    if facts.eval_status is EvalStatus.DEVIATES or (facts.lut_status is LutStatus.BUGGY and effective):
        if (
            correction is not None
            and correction.ratio == 1.0
            and facts.eval_status is not EvalStatus.DEVIATES
        ):
            return Verdict.UNVERIFIED
        return Verdict.FLAGGED
    proved = facts.lut_status is LutStatus.CORRECT or facts.byte_source in (
        ByteSource.BYTE_LEVEL,
        ByteSource.SIDECAR,
    )
    if proved and facts.eval_status is EvalStatus.CANONICAL:
        return Verdict.VERIFIED
    return Verdict.UNVERIFIED


def _undecided(facts: ScriptFacts) -> str:
    """What would decide an undecided script, where that is known: a file that it imports, reads or starts."""
    missing = facts.lut_status is LutStatus.UNKNOWN and re.search(
        r"(not|neither) beside the script", facts.reason
    )
    return "the missing file, placed beside the script" if missing else ""


def _correction(
    path: Path,
    tokenizer: Path,
    val_data: str,
    reported_bpb: float | None,
    facts: ScriptFacts,
    vocabulary: Vocabulary,
) -> Correction | None:
    from pgolf.audit.rescore import Request, rescore
    from pgolf.core.profile import load_profile
    from pgolf.tokens.windows import Windows

    validation = load_profile().validation
    request = Request(
        path, tokenizer, val_data, Windows(validation.seq_len, validation.stride), reported_bpb=reported_bpb
    )
    result = rescore(request, facts, vocabulary)
    ratio = result["exact_inflation_ratio"]
    if ratio is None:
        return None
    return Correction(
        ratio=ratio,
        reported_bpb=reported_bpb,
        corrected_bpb=result["exact_inferred_canonical_bpb"],
        candidate_bytes=result["candidate_byte_count"],
        canonical_bytes=result["canonical_byte_count"],
        scored_tokens=result["scored_token_count"],
        stream=val_data,
        includes=str(result["exact_includes"] or ""),
    )
