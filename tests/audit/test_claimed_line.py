"""A claim is VERIFIED for the loop that printed it: the evaluation has to come to that line with the settings of the run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pgolf.audit.submission import audit_submission
from pgolf.core.verdict import Verdict

SAMPLE = Path(__file__).resolve().parent.parent / "checks" / "train-on-val" / "clean_scores_first"
PRINTS = '    print(f"final_int8_zlib_roundtrip_exact val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(SAMPLE, tmp_path / "sample"))
    script = copy / "train_gpt.py"
    text = script.read_text(encoding="utf-8")
    assert PRINTS in text
    other = PRINTS.replace("final_int8_zlib_roundtrip_exact", "pre_quant")
    branch = '    if os.environ.get("ADAPT_EVAL", "0") == "1":\n    ' + PRINTS
    script.write_text(text.replace(PRINTS, other + branch), encoding="utf-8")
    return copy


def test_a_line_that_is_not_come_to_keeps_its_claim_from_being_verified(folder: Path) -> None:
    row = audit_submission(folder).row
    assert row.verdict is Verdict.UNVERIFIED
    assert any("final_int8_zlib_roundtrip_exact" in reason for reason in row.to_json()["missing"])


def test_the_setting_that_the_logs_print_leads_to_it(folder: Path) -> None:
    for log in folder.glob("*.log"):
        log.write_text("adapt_eval: 1\n" + log.read_text(encoding="utf-8"), encoding="utf-8")
    assert audit_submission(folder).row.verdict is Verdict.VERIFIED


def test_the_setting_that_a_command_gives_leads_to_it(folder: Path) -> None:
    (folder / "README.md").write_text("ADAPT_EVAL=1 torchrun train_gpt.py\n", encoding="utf-8")
    assert audit_submission(folder).row.verdict is Verdict.VERIFIED


def test_the_loop_of_the_settings_decides(folder: Path) -> None:
    script = folder / "train_gpt.py"
    text = script.read_text(encoding="utf-8")
    call = "    val_loss, val_bpb = eval_val(model, val_tokens, EVAL_SEQ_LEN, luts)\n"
    assert call in text
    half = call.replace("val_tokens", "val_tokens[:64]")
    branch = '    if os.environ.get("ADAPT_EVAL", "0") == "1":\n    ' + half + "    else:\n    " + call
    script.write_text(text.replace(call, branch), encoding="utf-8")
    for log in folder.glob("*.log"):
        log.write_text("adapt_eval: 1\n" + log.read_text(encoding="utf-8"), encoding="utf-8")
    row = audit_submission(folder).row
    assert row.verdict is Verdict.UNVERIFIED
    assert row.eval_status.value == "UNKNOWN"


def test_a_result_that_the_script_goes_on_to_print_and_no_log_holds_keeps_it_from_being_verified(
    folder: Path,
) -> None:
    script = folder / "train_gpt.py"
    text = script.read_text(encoding="utf-8").replace('"ADAPT_EVAL", "0"', '"ADAPT_EVAL", "1"')
    script.write_text(text, encoding="utf-8")
    assert audit_submission(folder).row.verdict is Verdict.VERIFIED
    more = PRINTS.replace("final_int8_zlib_roundtrip_exact", "final_ttt_exact")
    script.write_text(text.replace("\n\nif __name__", more.rstrip() + "\n\n\nif __name__"), encoding="utf-8")
    assert "final_ttt_exact" in script.read_text(encoding="utf-8")
    row = audit_submission(folder).row
    assert row.verdict is Verdict.UNVERIFIED
    assert any("goes on to print final_ttt" in reason for reason in row.to_json()["missing"])
