"""Fingerprints: real records come out as accepted, the two partial validations deviate."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgolf.core.bpb import LN2
from pgolf.core.profile import load_profile
from pgolf.core.verdict import FingerprintStatus
from pgolf.runlog import parse_log
from pgolf.runlog.fingerprint import explain, fingerprint, fingerprint_stated
from pgolf.runlog.log_audit import audit_logs
from pgolf.runlog.metrics import Printed

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


def printed(loss: float, bpb: float, head: str = "", label: str = "final_exact") -> bytes:
    return f"{head}{label} val_loss:{loss:.8f} val_bpb:{bpb:.8f}\n".encode()


def of_bytes_per_token(value: float, head: str = "") -> bytes:
    return printed(value * LN2 * 1.1, 1.1, head)


SP8192 = "tokenizer_path: ./data/tokenizers/fineweb_8192_bpe.model\nvocab_size: 8192\n"
CASEOPS = "tokenizer_path: ./fineweb_8192_bpe_lossless_caps_caseops_v1_reserved.model\nval_tokens: 47851520\n"
SP1024 = (
    "val_loader:shards pattern=x tokens:62021632\ntokenizer_path=./data/tokenizers/fineweb_1024_bpe.model\n"
)

GRAVITY = "train_loader:dataset:fineweb_gravity_beta train_shards:1\nval_tokens: 144967680\n"
SCYLLA = "train_loader:dataset:fineweb10B_scylla train_shards:1\nval_tokens: 62363648\n"

KNOWN = [
    (3.72664, SP8192, "MATCHES", "sp8192", ""),
    (3.1572, SP8192, "MATCHES", "sp8192_caseops", ""),
    (3.1572, CASEOPS, "MATCHES", "sp8192_caseops", ""),
    (2.4359, SP1024, "MATCHES", "sp1024", ""),
    (3.3193, "vocab_size: 4096\nval_tokens: 45514752\n", "MATCHES", "sp4096", ""),
    (1.0, "vocab_size: 260\nval_tokens: 151077000\n", "MATCHES", "bytes", ""),
    (4.3864, SP8192, "DEVIATES", "sp8192", "counted twice"),
    (3.2502, SP1024, "DEVIATES", "sp1024", "marker"),
    (3.4397, CASEOPS, "DEVIATES", "sp8192_caseops", "transformed text"),
    (4.2313, "vocab_size: 4096\nval_tokens: 45514752\n", "DEVIATES", "sp4096", "tables of another"),
    (2.5888, "tokenizer_path: fineweb_1024_bpe.model\n", "DEVIATES", "sp1024", "first tokens"),
    (1.2846, GRAVITY, "DEVIATES", "", "`▁` piece"),
    (2.9314, SCYLLA, "DEVIATES", "", "byte tokens"),
    (3.9589, "vocab_size: 10240\nval_tokens: 49999872\n", "DEVIATES", "", "other documents"),
    (151_080_891 / 39_000_000, "vocab_size: 10240\nval_tokens: 39000000\n", "MATCHES", "", "the split's"),
    (3.9, "vocab_size: 10240\n", "UNKNOWN", "", "not known"),
    (3.72664, "", "MATCHES", "sp8192", "does not name"),
    (4.3864, "", "UNKNOWN", "", "counted twice"),
    (2.42, "vocab_size: 1024\nval_tokens: 524288\n", "DEVIATES", "sp1024", "only part"),
]


@pytest.mark.parametrize(("value", "head", "status", "tokenizer", "said"), KNOWN)
def test_the_known_values_come_out_as_known(
    value: float, head: str, status: str, tokenizer: str, said: str
) -> None:
    result = fingerprint(parse_log(of_bytes_per_token(value, head)))
    assert (result.status.value, result.tokenizer) == (status, tokenizer), result.reason
    assert said in result.reason
    assert result.bytes_per_token == pytest.approx(value, abs=1e-6)
    flagged = any(finding.flags for finding in result.findings)
    assert flagged == (status == "DEVIATES")


SLACK = [
    (0.0, "MATCHES", False),
    (0.0015, "MATCHES", False),
    (0.003, "MATCHES", True),
    (-0.003, "MATCHES", True),
    (0.006, "DEVIATES", False),
    (-0.006, "DEVIATES", False),
]


@pytest.mark.parametrize(("off", "status", "warned"), SLACK)
def test_the_slack_is_the_profiles(off: float, status: str, warned: bool) -> None:
    result = fingerprint(parse_log(of_bytes_per_token(3.726637944 * (1 + off), SP8192)))
    assert result.status.value == status
    assert any(f.severity.value == "warning" for f in result.findings) == warned


def test_few_decimals_are_not_evidence_against_a_log() -> None:
    result = fingerprint(parse_log((SP8192 + "final val_loss:2.8 val_bpb:1.1\n").encode()))
    assert result.status == FingerprintStatus.UNKNOWN
    near = fingerprint(parse_log((SP8192 + "final val_loss:2.8125 val_bpb:1.0838\n").encode()))
    assert near.status == FingerprintStatus.MATCHES


def test_combinations_of_deviations_are_computed_from_the_counts_of_the_split() -> None:
    tokens = 40_540_802
    plus_one = (151_080_891 + 25_251_857) / tokens
    first = explain(plus_one, "sp8192", load_profile())[0]
    assert first.deviations == ("leading_space_plus_one",)
    six = (151_080_891 + 25_251_857 + 5 * 269_220) / tokens
    assert explain(six, "sp8192", load_profile())[0].deviations == (
        "leading_space_plus_one",
        "byte_token_wrong_size",
    )
    assert explain(3.0, "sp8192", load_profile()) == ()


def test_loss_per_byte_and_one_number_under_two_names_are_units() -> None:
    per_byte = fingerprint(parse_log(printed(LN2 * 1.03, 1.03, SP8192)))
    assert (per_byte.status.value, per_byte.findings[0].rule) == ("UNKNOWN", "unit-mismatch")
    same = fingerprint(parse_log(printed(1.2, 1.2, SP8192)))
    assert same.findings[0].rule == "unit-mismatch"


def test_a_stage_with_other_bytes_is_told_and_a_canonical_score_stays() -> None:
    steps = b"".join(
        f"step:{i}/9 val_loss:{2.4021 * LN2 * 1.3:.4f} val_bpb:{1.3:.4f}\n".encode() for i in range(1, 5)
    )
    result = fingerprint(parse_log(SP1024.encode() + steps + of_bytes_per_token(2.4359)))
    assert result.status == FingerprintStatus.MATCHES
    assert [(f.rule, f.severity.value) for f in result.findings] == [("log-stages-disagree", "note")]
    assert "only evaluations during training differ" in result.findings[0].message
    drifting = fingerprint(parse_log(SP1024.encode() + steps + of_bytes_per_token(2.4273)))
    assert drifting.status == FingerprintStatus.DEVIATES
    assert drifting.corrected_bpb is None


def test_results_that_differ_are_a_warning_and_leave_a_log_undecided() -> None:
    other = f"final_sliding val_loss:{2.4021 * LN2 * 1.3:.6f} val_bpb:{1.3:.6f}\n".encode()
    training = other.replace(b"final_sliding", b"step:5/9")
    for stage, severity, verdict in ((other, "warning", "UNVERIFIED"), (training, "note", "VERIFIED")):
        log = parse_log(SP1024.encode() + stage + of_bytes_per_token(2.4359))
        summary = audit_logs([log], load_profile()).logs[0]
        assert [f.severity.value for f in summary.findings if f.rule == "log-stages-disagree"] == [severity]
        assert summary.verdict.value == verdict


def test_the_hint_names_the_tokenizer_where_the_log_does_not() -> None:
    metrics = parse_log(of_bytes_per_token(4.3864))
    result = fingerprint(metrics, tokenizer_hint="records/2026-04-18_SP8192_GatedDeltaNet")
    assert (result.status.value, result.tokenizer) == ("DEVIATES", "sp8192")


def test_two_stated_numbers_are_judged_without_a_log() -> None:
    wrong = fingerprint_stated(Printed(3.07478, 5), Printed(1.0113, 4), tokenizer_hint="sp8192")
    assert wrong.status == FingerprintStatus.DEVIATES
    assert wrong.ratio == pytest.approx(1.177, abs=2e-4)
    assert fingerprint_stated(Printed(0.0, 4), Printed(1.0, 4)).status == FingerprintStatus.UNKNOWN


def test_a_log_without_pairs_says_what_is_missing() -> None:
    assert "without a loss" in fingerprint(parse_log(b"Quantized BPB: 1.02\n")).reason
    assert "no bits-per-byte value" in fingerprint(parse_log(b"seed:1\n")).reason
