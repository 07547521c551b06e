"""Stated values against logs, and logs of several seeds against each other."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pgolf.core.profile import load_profile
from pgolf.core.verdict import Verdict
from pgolf.runlog import RunMetrics, parse_log
from pgolf.runlog.log_audit import audit_logs
from pgolf.runlog.metrics import Printed
from pgolf.runlog.seed_comparison import compare_seeds
from pgolf.runlog.statement_match import match_statement
from pgolf.runlog.submission_json import read_submission_json

PROFILE = load_profile()


def log(seed: int, bpb: float = 1.0811, loss: float | None = None, extra: str = "") -> RunMetrics:
    loss = bpb * 3.726637944 * 0.6931471805599453 if loss is None else loss
    text = (
        f"Hyperparameters:\n  matrix_lr: 0.02\n  seed: {seed}\n{extra}val_tokens: 40540160\n"
        f"0/20000 val_loss: 9.0090 val_bpb: 3.4877\npre-quantization val_loss:2.80 val_bpb:1.0833\n"
        f"Code size: 16630 bytes\nquantized val_loss:2.84065044 val_bpb:1.09970431\n"
        f"quantized_ttt val_loss:{loss:.8f} val_bpb:{bpb:.8f} eval_time:366525ms\n"
    )
    return parse_log(text.encode(), f"seed{seed}.log")


def stated(**tree: object):  # type: ignore[no-untyped-def]
    return read_submission_json(json.dumps(tree).encode())


@pytest.mark.parametrize(
    ("value", "agreement", "rule"),
    [
        (1.0811, "score", None),
        (1.08113, "score", None),
        (1.0997, "final", None),
        (1.0833, "other", "log-report-mismatch"),
        (1.05, "none", "log-report-mismatch"),
    ],
)
def test_each_stated_value_is_found_where_it_stands(value: float, agreement: str, rule: str | None) -> None:
    summary, findings = match_statement(stated(seed_results={"42": {"val_bpb": value}}), [log(42)])
    assert summary.claims[0].agreement == agreement
    assert [f.rule for f in findings] == ([rule] if rule else [])
    assert not any(f.flags for f in findings)


def test_a_value_cut_off_after_its_decimals_is_the_printed_one() -> None:
    assert Printed(1.0802, 4).states(Printed(1.08026596, 8))
    assert not Printed(1.0803, 4).states(Printed(1.08024, 8))
    assert not Printed(1.08, 2).states(Printed(1.0892, 8))
    assert not Printed(1.0802, 4).states(Printed(1.0804, 4))


@pytest.mark.parametrize("name", ["eval_seed1337.log", "seeds42_1337.log", "runs/s1337/train.log"])
def test_a_log_whose_name_says_another_seed_than_it_prints_counts_for_both(name: str) -> None:
    renamed = replace(log(42, 1.0811), name=name)
    for seed in ("42", "1337"):
        summary, _ = match_statement(stated(seed_results={seed: {"val_bpb": 1.0811}}), [renamed])
        assert summary.claims[0].agreement == "score"


def test_a_seed_without_a_log_is_missing_evidence() -> None:
    summary, findings = match_statement(stated(seed_results={"1": {"val_bpb": 1.08}}), [log(42)])
    assert summary.claims[0].agreement == "no log"
    assert findings[0].rule == "missing-evidence"


@pytest.mark.parametrize(
    ("std", "kind"), [(0.000707, "sample"), (0.0005, "population"), (0.01, "neither"), (None, "")]
)
def test_mean_and_deviation_are_recomputed_and_the_kind_of_deviation_is_said(
    std: float | None, kind: str
) -> None:
    tree: dict[str, object] = {
        "val_bpb": 1.0815,
        "seed_results": {"1": {"val_bpb": 1.081}, "2": {"val_bpb": 1.082}},
    }
    if std is not None:
        tree["val_bpb_std"] = std
    summary, _ = match_statement(stated(**tree), [log(1, 1.081), log(2, 1.082)])
    assert summary.mean == pytest.approx(1.0815)
    assert summary.mean_agrees is True
    assert summary.std_kind == kind


def test_a_mean_that_is_none_is_said() -> None:
    tree = {"val_bpb": 1.07, "seed_results": {"1": {"val_bpb": 1.081}, "2": {"val_bpb": 1.082}}}
    summary, findings = match_statement(stated(**tree), [log(1, 1.081), log(2, 1.082)])
    assert summary.mean_agrees is False
    assert any("outside of its 2 stated seeds" in f.message for f in findings)


def test_seeds_of_one_script_have_nothing_to_say() -> None:
    assert compare_seeds([log(1, 1.081), log(2, 1.082)], PROFILE) == ()


def test_bytes_per_token_of_one_stage_that_differ_between_seeds_are_arithmetic() -> None:
    odd = log(2, 1.082, loss=1.082 * 3.7302 * 0.6931471805599453)
    findings = compare_seeds([log(1, 1.081), odd], PROFILE)
    assert [f.rule for f in findings] == ["log-arithmetic"]
    far = log(2, 1.082, loss=1.082 * 4.3864 * 0.6931471805599453)
    assert [f.rule for f in compare_seeds([log(1, 1.081), far], PROFILE)] == ["log-stages-disagree"]


def test_settings_and_code_sizes_that_differ_are_told() -> None:
    changed = log(2, 1.082, extra="  warmdown_frac: 0.6\n")
    base = log(1, 1.081, extra="  warmdown_frac: 0.72\n")
    assert [f.rule for f in compare_seeds([base, changed], PROFILE)] == ["mixed-config"]
    text = b"Code size: 1 bytes\nfinal val_loss:2.0 val_bpb:1.2\n"
    sizes = [parse_log(text, "a"), parse_log(text.replace(b"size: 1", b"size: 2"), "b")]
    assert [f.rule for f in compare_seeds(sizes, PROFILE)] == ["log-code-mismatch"]


def test_verdicts_of_logs_with_their_statement() -> None:
    good = {"seed_results": {"1": {"val_bpb": 1.081}, "2": {"val_bpb": 1.082}}}
    logs = [log(1, 1.081), log(2, 1.082)]
    assert audit_logs(logs, PROFILE, stated(**good)).verdict == Verdict.VERIFIED
    assert (
        audit_logs(logs, PROFILE, stated(seed_results={"1": {"val_bpb": 1.0}})).verdict == Verdict.UNVERIFIED
    )
    wrong = log(3, 1.0113, loss=3.07478325)
    assert audit_logs([*logs, wrong], PROFILE).verdict == Verdict.FLAGGED
    assert audit_logs([parse_log(b"Quantized BPB: 1.02\n", "x")], PROFILE).verdict == Verdict.UNVERIFIED


def test_limits_of_the_contest_are_warnings() -> None:
    text = (
        b"stopping_early: wallclock_cap train_time:700000ms step:1/2\nTotal submission size int6+zstd: 16000001 bytes\n"
        b"val_tokens: 40540160\nlegal_ttt val_loss:2.79265 val_bpb:1.08113 eval_time:700000ms\n"
    )
    report = audit_logs([parse_log(text, "x.log")], PROFILE)
    assert sorted(f.rule for f in report.logs[0].findings) == ["size-cap", "time-cap", "time-cap"]
    assert report.verdict == Verdict.VERIFIED


def test_a_match_with_other_token_counts_than_the_splits_is_undecided() -> None:
    text = b"vocab_size: 1024\nval_tokens: 63779840\nfinal_exact val_loss:2.07269931 val_bpb:1.22436570\n"
    report = audit_logs([parse_log(text, "x.log")], PROFILE)
    assert report.verdict == Verdict.UNVERIFIED
    assert sorted(f.rule for f in report.logs[0].findings) == ["fingerprint", "val-other-set"]
