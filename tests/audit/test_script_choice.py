"""Which script is the submission, and which files are its logs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.audit.folder import FileEntry
from pgolf.audit.script_choice import MAX_LOGS, choose_script, is_aside, launched_scripts, log_candidates


def entries(*paths: str) -> list[FileEntry]:
    return [FileEntry(path, "0", 1) for path in paths]


def test_the_contests_name_wins_then_a_launch_line_then_a_mention_then_the_name() -> None:
    several = entries("train_gpt.py", "train_gdn_7k.py", "configs.py")
    assert choose_script(several, {"run.sh": "torchrun train_gdn_7k.py"}).path == "train_gpt.py"
    several = entries("train_a.py", "train_b.py", "prepare_caseops_data.py", "lossless_caps.py")
    launch = "pip install x\npython prepare_caseops_data.py\ntorchrun --nproc_per_node=8 \\\n  train_b.py --seed 1\n"
    assert choose_script(several, {"run.sh": launch}).path == "train_b.py"
    assert choose_script(several, {"submission.json": '{"script": "train_b.py"}'}).path == "train_b.py"
    assert choose_script(several, {}).path == "train_a.py"
    assert choose_script(entries("lossless_caps.py", "model_final.py"), {}).path == "model_final.py"
    assert choose_script(entries("odd_name.py"), {}).path == "odd_name.py"
    assert choose_script(entries("README.md"), {}).path is None


def test_a_script_that_cannot_be_read_is_no_candidate() -> None:
    link = FileEntry("train_gpt.py", "", None, "symbolic link, not followed")
    assert choose_script([link, *entries("other.py")], {}).path == "other.py"


def test_launch_lines() -> None:
    assert launched_scripts("# see train_x.py\npython3 -u a/train_y.py; torchrun train_z.py") == [
        "train_y.py",
        "train_z.py",
    ]
    assert launched_scripts("") == []


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read(text: str) -> None:
    assert all(name.endswith(".py") for name in launched_scripts(text))


def test_logs_are_told_from_other_text_and_the_likeliest_come_first() -> None:
    found = log_candidates(
        entries(
            "requirements.txt",
            "README.txt",
            "ablation_logs/a.log",
            "logs/run.log",
            "train_seed42.log",
            "x.log",
            "v.vocab",
        )
    )
    assert [entry.path for entry in found] == [
        "train_seed42.log",
        "x.log",
        "logs/run.log",
        "ablation_logs/a.log",
    ]
    assert len(log_candidates(entries(*(f"l{n}.log" for n in range(MAX_LOGS + 9))))) == MAX_LOGS + 9
    assert is_aside("logs/smoke_run.log")
    assert not is_aside("train_seed42.log")
