"""Settings of the run: what logs print, then what commands give; where files disagree, nothing is taken."""

from __future__ import annotations

import pytest

from pgolf.audit.run_settings import RunSetting, plain_value, run_settings
from pgolf.runlog.metrics import RunMetrics
from pgolf.runlog.parse import parse_log

READS = (
    ("TTT_ENABLED", "0"),
    ("SLOT_STEPS", "8"),
    ("MATRIX_LR", "0.02"),
    ("TTT_LR", "0.001"),
    ("TTT_EMPTY", ""),
)


def logs(*settings: str) -> list[tuple[str, RunMetrics]]:
    return [
        (f"{i}.log", parse_log(f"{text}\nseed:42\n".encode(), f"{i}.log")) for i, text in enumerate(settings)
    ]


@pytest.mark.parametrize(
    ("printed", "plain"),
    [
        ("True", "1"),
        ("false", "0"),
        ("'1'", "1"),
        ("2.0", "2"),
        ("1e-3", "0.001"),
        ("adamw", "adamw"),
        ("None", ""),
        ("1e400", "inf"),
    ],
)
def test_printed_values_are_read_as_an_environment_would_hold_them(printed: str, plain: str) -> None:
    assert plain_value(printed) == plain


def test_a_log_wins_over_a_command() -> None:
    found = run_settings(
        READS, logs("ttt_enabled: True"), {"README.md": "TTT_ENABLED=0 SLOT_STEPS=16 torchrun train_gpt.py"}
    )
    assert found == (
        RunSetting("TTT_ENABLED", "1", "0.log", True),
        RunSetting("SLOT_STEPS", "16", "README.md", False),
    )


def test_logs_that_disagree_give_nothing() -> None:
    assert run_settings(READS, logs("ttt_enabled: True", "ttt_enabled: False"), {}) == ()


def test_defaults_and_settings_of_the_training_are_left_out() -> None:
    text = {"run.sh": "MATRIX_LR=0.04 TTT_LR=1e-3 TTT_ENABLED=0 UNREAD_TTT=1 TTT_EMPTY= python train_gpt.py"}
    assert run_settings(READS, [], text) == ()


def test_text_that_is_no_setting_is_left_out() -> None:
    text = {
        "README.md": "`args.TTT_ENABLED=1`, $TTT_ENABLED=1, --TTT_ENABLED=1, TTT_ENABLED==1, TTT_ENABLED=1(off)"
    }
    assert run_settings(READS, [], text) == ()


def test_a_command_switches_on_and_never_off() -> None:
    reads = (("TTT_ENABLED", "1"), ("SLOT_ENABLED", "0"))
    assert run_settings(reads, [], {"README.md": "TTT_ENABLED=0 SLOT_ENABLED=1"}) == (
        RunSetting("SLOT_ENABLED", "1", "README.md", False),
    )
    assert run_settings(reads, logs("ttt_enabled: 0"), {}) == (RunSetting("TTT_ENABLED", "0", "0.log", True),)


def test_where_the_bytes_come_from_is_a_setting_that_counts() -> None:
    reads = (("CASEOPS_ENABLED", "0"), ("WARMUP_STEPS", "20"))
    found = run_settings(reads, logs("caseops_enabled: True\nwarmup_steps: 10"), {})
    assert found == (RunSetting("CASEOPS_ENABLED", "1", "0.log", True),)
