"""Fingerprints: real records come out as accepted, the two partial validations deviate."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgolf.core.verdict import FingerprintStatus
from pgolf.runlog import parse_log
from pgolf.runlog.fingerprint import fingerprint

PARTIAL_VALIDATION = ("2026-04-05_118M_XNOR-Net", "2026-03-31_LegendreGPT")


@pytest.mark.shared_data
def test_every_merged_record_has_its_fingerprint(shared_data: Path) -> None:
    seen = 0
    for path in sorted((shared_data / "records").rglob("*")):
        if path.is_dir() or path.name == "submission.json":
            continue
        metrics = parse_log(path.read_bytes(), path.name)
        result = fingerprint(metrics)
        seen += 1
        where = str(path)
        if any(name in where for name in PARTIAL_VALIDATION):
            assert result.status == FingerprintStatus.DEVIATES, where
        elif metrics.pairs:
            assert result.status == FingerprintStatus.MATCHES, (where, result.reason)
            assert not [f for f in result.findings if f.flags], where
    assert seen > 100


def test_the_doubled_space_with_its_kin_is_named_from_the_ratio() -> None:
    log = b"Validation tokens: 40,540,160\nfinal_int6_ttt_exact val_loss:3.07478325 val_bpb:1.01130162\n"
    result = fingerprint(parse_log(log))
    assert result.status == FingerprintStatus.DEVIATES
    assert result.tokenizer == "sp8192"
    assert result.ratio == pytest.approx(1.1770, abs=5e-5)
    assert result.corrected_bpb == pytest.approx(1.0113 * 1.1770, abs=2e-4)
    assert set(result.explanations[0].deviations) == {
        "leading_space_plus_one",
        "byte_token_wrong_size",
        "boundary_bytes_counted",
    }
