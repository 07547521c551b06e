"""Values as the audit makes them: a clean record, a flagged one, an undecided one, and one where every string attacks."""

from __future__ import annotations

from typing import Any

from pgolf.core.deviation import Deviation, DeviationName
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.row import ResultRow
from pgolf.core.script_report import CodeLocation, Correction, ScriptReport, SourceLayer
from pgolf.core.submission_report import Claim, LogEvidence, SubmissionReport
from pgolf.core.verdict import ByteSource, EvalStatus, FingerprintStatus, LutStatus, Verdict

HOSTILE = (
    "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> | `code` [x](javascript:alert(3)) "
    "@someone #1 \u2028line\u2029para \u202egnp.exe\u202c \x1b[31mred\x1b[0m \x00nul \udc80 {{7*7}} ${7*7} "
    "\"'&amp;\n## heading\n"
)


def make_row(**changes: Any) -> ResultRow:
    """A verified record; any field can be changed."""
    fields: dict[str, Any] = {
        "pr": 1727,
        "folder": "records/track_10min_16mb/2026-04-18_SP8192_Example",
        "script": "train_gpt.py",
        "script_sha256": "5f" * 32,
        "lut_status": LutStatus.CORRECT,
        "lut_bug_detections": (),
        "byte_source": ByteSource.TABLE,
        "eval_status": EvalStatus.CANONICAL,
        "packed_layers": (),
        "evidence": "exhaustive, 8192 tokens",
        "tokenizer": "sp8192",
        "reported_bpb": 1.07217,
        "log_bpb": 1.07216813,
        "bytes_per_token": 3.72664,
        "fingerprint_status": FingerprintStatus.MATCHES,
        "inflation_ratio": 1.0,
        "corrected_bpb": 1.07217,
        "verdict": Verdict.VERIFIED,
        "reasons": (),
        "extra": {"date": "2026-04-18"},
    }
    return ResultRow(**{**fields, **changes})


VERIFIED_ROW = make_row()

FLAGGED_ROW = make_row(
    pr=1734,
    folder="records/track_10min_16mb/2026-04-19_SP8192_Flagged",
    script_sha256="ab" * 32,
    lut_status=LutStatus.BUGGY,
    lut_bug_detections=("leading_space_plus_one", "byte_token_wrong_size", "boundary_bytes_counted"),
    packed_layers=("lzma", "b85"),
    reported_bpb=1.0108,
    log_bpb=1.0108,
    bytes_per_token=4.3864,
    fingerprint_status=FingerprintStatus.DEVIATES,
    inflation_ratio=1.1770439,
    corrected_bpb=1.1897560,
    verdict=Verdict.FLAGGED,
    reasons=(
        Finding(
            "bytes-space-twice",
            Severity.ERROR,
            Confidence.PROVED,
            "the table counts the leading space and the eval loop counts it again",
            "records/track_10min_16mb/2026-04-19_SP8192_Flagged/train_gpt.py",
            213,
        ),
        Finding(
            "fingerprint",
            Severity.ERROR,
            Confidence.PROVED,
            "4.3864 bytes per token where sp8192 has 3.7266 (x1.1770)",
            "records/track_10min_16mb/2026-04-19_SP8192_Flagged/train_seed42.log",
            1204,
        ),
    ),
    extra={"date": "2026-04-19"},
)

UNVERIFIED_ROW = make_row(
    pr=None,
    folder="records/track_non_record_16mb/2026-03-20_NoLogs",
    script=None,
    script_sha256=None,
    lut_status=LutStatus.UNKNOWN,
    byte_source=ByteSource.UNKNOWN,
    eval_status=EvalStatus.UNKNOWN,
    evidence="",
    tokenizer=None,
    reported_bpb=None,
    log_bpb=None,
    bytes_per_token=None,
    fingerprint_status=FingerprintStatus.UNKNOWN,
    inflation_ratio=None,
    corrected_bpb=None,
    verdict=Verdict.UNVERIFIED,
    reasons=(
        Finding(
            "missing-evidence", Severity.WARNING, Confidence.PROVED, "no script and no log in the folder"
        ),
    ),
    extra={},
)

HOSTILE_ROW = make_row(
    pr=666,
    folder=HOSTILE,
    script=HOSTILE,
    tokenizer=HOSTILE,
    evidence=HOSTILE,
    reported_bpb=float("nan"),
    log_bpb=float("inf"),
    verdict=Verdict.FLAGGED,
    lut_bug_detections=(HOSTILE,),
    packed_layers=(HOSTILE,),
    reasons=(Finding(HOSTILE, Severity.ERROR, Confidence.LIKELY, HOSTILE, HOSTILE, 7),),
    extra={"title": HOSTILE, "date": HOSTILE, HOSTILE: {"nested": [HOSTILE, 10**400]}},
)

ROWS = (FLAGGED_ROW, VERIFIED_ROW, UNVERIFIED_ROW)

LAYER_TEXT = "import torch\n\n\ndef build_sentencepiece_luts(sp, vocab_size, device):\n    ...\n"

BUGGY_SCRIPT = ScriptReport(
    script="train_gpt.py",
    script_sha256="ab" * 32,
    verdict=Verdict.FLAGGED,
    lut_status=LutStatus.BUGGY,
    deviations=(
        Deviation(
            DeviationName.LEADING_SPACE_PLUS_ONE, 4991, "`▁the`: table 4, canonical 3 + 1 from the loop"
        ),
        Deviation(DeviationName.BYTE_TOKEN_WRONG_SIZE, 256, "`<0x0A>`: table 6, canonical 1"),
        Deviation(
            DeviationName.MISSING_IS_UNUSED,
            1,
            "unused token: no boundary, canonical boundary",
            "none on this tokenizer",
        ),
    ),
    byte_source=ByteSource.TABLE,
    eval_status=EvalStatus.CANONICAL,
    packed_layers=("lzma", "b85"),
    evidence="exhaustive, 8192 tokens",
    tokenizer="sp8192.model",
    findings=(
        Finding(
            "bytes-space-twice",
            Severity.ERROR,
            Confidence.PROVED,
            "the table counts the leading space and the eval loop counts it again",
            "train_gpt.py::exec@3",
            4,
        ),
    ),
    notes=("ids 8192 to 8255 lie past the vocabulary and cannot occur in a stream",),
    locations=(
        CodeLocation("builder", "train_gpt.py::exec@3", 4),
        CodeLocation("eval loop", "train_gpt.py::exec@3", 5),
    ),
    layers=(SourceLayer("train_gpt.py::exec@3", "lzma, b85", LAYER_TEXT, "cd" * 32),),
    correction=Correction(
        ratio=1.177044,
        reported_bpb=1.0108,
        corrected_bpb=1.189756,
        candidate_bytes=177_828_848,
        canonical_bytes=151_080_891,
        scored_tokens=40_540_802,
        stream="sliding-window-boundary-masked, 2048/64",
        includes="every deviation of the table under the script's own eval loop",
    ),
)

UNKNOWN_SCRIPT = ScriptReport(
    script="train_gpt.py",
    script_sha256="00" * 32,
    verdict=Verdict.UNVERIFIED,
    lut_status=LutStatus.UNKNOWN,
    deviations=(),
    byte_source=ByteSource.UNKNOWN,
    eval_status=EvalStatus.UNKNOWN,
    packed_layers=(),
    evidence="",
    reason="the builder reads `meta.npz`, which is not beside the script",
    undecided_by="give the folder with meta.npz, or a log: its bytes per token decide without the table",
)

HOSTILE_SCRIPT = ScriptReport(
    script=HOSTILE,
    script_sha256=None,
    verdict=Verdict.FLAGGED,
    lut_status=LutStatus.OBFUSCATED,
    deviations=(Deviation(DeviationName.OTHER_SIZE, 1, HOSTILE, HOSTILE),),
    byte_source=ByteSource.UNKNOWN,
    eval_status=EvalStatus.UNKNOWN,
    packed_layers=(HOSTILE,),
    evidence=HOSTILE,
    findings=(Finding(HOSTILE, Severity.NOTE, Confidence.POSSIBLE, HOSTILE, HOSTILE, 3),),
    notes=(HOSTILE,),
    reason=HOSTILE,
    undecided_by=HOSTILE,
    tokenizer=HOSTILE,
    locations=(CodeLocation(HOSTILE, HOSTILE, 2),),
    layers=(SourceLayer(HOSTILE, HOSTILE, HOSTILE, "ee" * 32),),
    correction=Correction(ratio=float("nan"), includes=HOSTILE, stream=HOSTILE),
    extra={HOSTILE: HOSTILE},
)

SUBMISSION = SubmissionReport(
    row=FLAGGED_ROW,
    script=BUGGY_SCRIPT,
    logs=(
        LogEvidence(
            path="train_seed42.log",
            seed=42,
            score_label="quantized_ttt_phased",
            score_line=1204,
            val_loss_nats=3.0733,
            val_bpb=1.0108,
            bytes_per_token=4.3864,
            fingerprint_status=FingerprintStatus.DEVIATES,
            artifact_bytes=15_993_232,
            train_seconds=588.1,
            eval_seconds=412.0,
            complete=True,
            sha256="12" * 32,
        ),
        LogEvidence(path="train_seed314.log"),
    ),
    claims=(
        Claim("val_bpb, seed 42", "1.0108", "1.0108", True, "submission.json, train_seed42.log:1204"),
        Claim("bytes_total", "15,993,232", "16,012,004", False, "submission.json, files"),
        Claim("val_bpb, seed 314", "1.0112", "no score line", None, "submission.json, train_seed314.log"),
    ),
    missing=("train_seed314.log has no score line",),
    notes=("the README names no hardware",),
)

HOSTILE_SUBMISSION = SubmissionReport(
    row=HOSTILE_ROW,
    script=HOSTILE_SCRIPT,
    logs=(
        LogEvidence(
            path=HOSTILE, seed=-1, score_label=HOSTILE, score_line=3, val_bpb=float("-inf"), sha256=HOSTILE
        ),
    ),
    claims=(Claim(HOSTILE, HOSTILE, HOSTILE, None, HOSTILE),),
    missing=(HOSTILE,),
    notes=(HOSTILE,),
)
