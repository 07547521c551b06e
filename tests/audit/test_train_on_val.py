"""When steps on validation tokens before their score are an error, and when only a warning."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pgolf.audit.submission import audit_submission
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.verdict import Verdict

SAMPLE = Path(__file__).resolve().parent.parent / "checks" / "train-on-val" / "flagged_and_its_logs_show_it"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "sample"))


def change(folder: Path, pattern: str, old: str, new: str) -> None:
    for path in folder.glob(pattern):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


def found(folder: Path) -> tuple[Verdict, list[Finding]]:
    row = audit_submission(folder).row
    return row.verdict, [finding for finding in row.reasons if finding.rule == "train-on-val"]


def test_steps_that_the_logs_show_too_are_an_error(folder: Path) -> None:
    verdict, findings = found(folder)
    assert verdict is Verdict.FLAGGED
    assert [(f.severity, f.confidence) for f in findings] == [(Severity.ERROR, Confidence.PROVED)]
    assert "128 of 128 targets" in findings[0].message
    assert "the claimed logs hold what this code prints" in findings[0].message
    lines = (folder / "train_gpt.py").read_text(encoding="utf-8").splitlines()
    assert "optimizer.step()" in lines[findings[0].line - 1]


@pytest.mark.parametrize("one_log_only", [True, False])
def test_logs_that_do_not_show_the_steps_leave_a_warning(folder: Path, one_log_only: bool) -> None:
    change(folder, "train_seed42.log" if one_log_only else "*.log", "tuned_epoch", "other")
    verdict, findings = found(folder)
    assert verdict is Verdict.UNVERIFIED
    assert [(f.severity, f.confidence) for f in findings] == [(Severity.WARNING, Confidence.LIKELY)]


def test_a_setting_that_the_logs_print_as_off_decides(folder: Path) -> None:
    change(folder, "*.log", "seed:", "ttt_enabled: False\nseed:")
    assert found(folder)[1] == []


def test_a_setting_that_only_a_command_gives_leaves_a_warning(folder: Path) -> None:
    change(folder, "train_gpt.py", '"TTT_ENABLED", "1"', '"TTT_ENABLED", "0"')
    assert found(folder)[1] == []
    (folder / "README.md").write_text("Run: `TTT_ENABLED=1 torchrun train_gpt.py`\n", encoding="utf-8")
    verdict, findings = found(folder)
    assert verdict is Verdict.UNVERIFIED
    assert "with the settings of the command in README.md" in findings[0].message
    assert findings[0].severity is Severity.WARNING


def test_a_setting_that_the_logs_print_as_on_is_as_good_as_a_default(folder: Path) -> None:
    change(folder, "train_gpt.py", '"TTT_ENABLED", "1"', '"TTT_ENABLED", "0"')
    change(folder, "*.log", "seed:", "ttt_enabled: True\nseed:")
    assert found(folder)[0] is Verdict.FLAGGED


def test_a_claim_that_another_result_follows_leaves_a_warning(folder: Path) -> None:
    for path in folder.glob("*.log"):
        with path.open("a", encoding="utf-8") as log:
            log.write("final_tuned_exact val_loss:1.68872500 val_bpb:1.00000000\n")
    findings = found(folder)[1]
    assert [f.severity for f in findings] == [Severity.WARNING]


def test_a_training_set_named_after_the_validation_split_is_a_warning(folder: Path) -> None:
    change(folder, "train_gpt.py", '"TTT_ENABLED", "1"', '"TTT_ENABLED", "0"')
    change(
        folder,
        "*.log",
        "train_loader:dataset:fineweb10B_sp1024",
        "train_loader:dataset:fineweb10B_sp1024_valonly",
    )
    findings = found(folder)[1]
    assert [(f.severity, f.confidence) for f in findings] == [(Severity.WARNING, Confidence.LIKELY)]
    assert "named after the validation split" in findings[0].message
