"""A made-up contest of any size with the shape of the real one: dates, tokenizers, families, packed code, missing logs."""

from __future__ import annotations

import random
from datetime import date, timedelta

from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.row import ResultRow
from pgolf.core.verdict import ByteSource, EvalStatus, FingerprintStatus, LutStatus, Verdict
from tests.report.samples import make_row

TOKENIZERS = {"sp1024": 2.4359, "sp4096": 3.3197, "sp8192": 3.726638, "sp8192_caseops": 3.1572, "bytes": 1.0}
TECHNIQUES = (
    "ParallelResid",
    "QK5",
    "Int6",
    "MuonWD",
    "EMA",
    "SWA",
    "LegalTTT",
    "DepthRecur",
    "GPTQ",
    "BigramHash",
    "XSA",
    "RoPE",
)
START = date(2026, 3, 18)


def contest(size: int, seed: int = 7) -> list[ResultRow]:
    """`size` rows, the same for the same seed."""
    dice = random.Random(seed)
    return [_row(dice, index, size) for index in range(size)]


def proved(rule: str, message: str, path: str, line: int) -> Finding:
    """A finding that flags."""
    return Finding(rule, Severity.ERROR, Confidence.PROVED, message, path, line)


def _row(dice: random.Random, index: int, size: int) -> ResultRow:
    progress = index / size
    when = START + timedelta(days=int(44 * progress))
    tokenizer = dice.choices(
        list(TOKENIZERS),
        [max(0.05, 0.7 - progress), 0.08, 0.1 + 0.6 * progress, 0.25 if progress > 0.7 else 0.01, 0.01],
    )[0]
    true = 1.06 + 0.16 * (1 - progress) ** 2 + abs(dice.gauss(0, 0.05))
    name = "_".join(dice.sample(TECHNIQUES, dice.randint(2, 4)))
    track = dice.choice(["track_10min_16mb", "track_10min_16mb", "track_non_record_16mb"])
    folder = f"records/{track}/{when}_{tokenizer.upper()}_{name}"
    common = {
        "pr": 20 + index if dice.random() < 0.97 else None,
        "folder": folder,
        "script_sha256": f"{dice.getrandbits(256):064x}",
        "tokenizer": tokenizer,
        "extra": {"date": str(when), "title": f"{name.replace('_', ' + ')} ({true:.4f})"},
    }
    constant = TOKENIZERS[tokenizer]
    kind = dice.random()
    if kind < 0.06:
        ratio = dice.choice([1.1671413, 1.177044, 1.3343, 1.0089])
        return make_row(
            **common,
            lut_status=LutStatus.BUGGY,
            lut_bug_detections=("leading_space_plus_one",),
            reported_bpb=true / ratio,
            log_bpb=true / ratio,
            bytes_per_token=constant * ratio,
            fingerprint_status=FingerprintStatus.DEVIATES,
            inflation_ratio=ratio,
            corrected_bpb=true,
            verdict=Verdict.FLAGGED,
            packed_layers=("lzma", "b85") if dice.random() < 0.4 else (),
            reasons=(
                proved(
                    "bytes-space-twice", "the space counts in table and loop", f"{folder}/train_gpt.py", 213
                ),
                proved(
                    "fingerprint",
                    f"{constant * ratio:.4f} bytes per token",
                    f"{folder}/train_seed42.log",
                    1204,
                ),
            ),
        )
    if kind < 0.09:
        return make_row(
            **common,
            reported_bpb=true - 0.08,
            log_bpb=true - 0.08,
            bytes_per_token=constant * (1 + dice.choice([0.0628, -0.012, 0.03])),
            fingerprint_status=FingerprintStatus.DEVIATES,
            eval_status=EvalStatus.DEVIATES,
            inflation_ratio=None,
            corrected_bpb=None,
            verdict=Verdict.FLAGGED,
            reasons=(
                proved("val-subset", "VAL_MAX_TOKENS=500000 reaches the loop", f"{folder}/train_gpt.py", 77),
            ),
        )
    if kind < 0.4:
        partial = dice.random() < 0.6
        return make_row(
            **common,
            lut_status=LutStatus.UNKNOWN,
            byte_source=ByteSource.UNKNOWN,
            eval_status=EvalStatus.UNKNOWN,
            evidence="",
            reported_bpb=true if dice.random() < 0.8 else None,
            log_bpb=None,
            bytes_per_token=constant * dice.gauss(1, 0.0005) if partial else None,
            fingerprint_status=FingerprintStatus.MATCHES if partial else FingerprintStatus.UNKNOWN,
            inflation_ratio=None,
            corrected_bpb=None,
            verdict=Verdict.UNVERIFIED,
            reasons=(
                Finding(
                    "missing-evidence", Severity.WARNING, Confidence.PROVED, "no log of seed 314", folder, 0
                ),
            ),
        )
    return make_row(
        **common,
        reported_bpb=true,
        log_bpb=true,
        corrected_bpb=true,
        bytes_per_token=constant * dice.gauss(1, 0.0002),
    )
