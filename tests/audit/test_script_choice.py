"""Which script is the submission, and which files are its logs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.audit.folder import FileEntry
from pgolf.audit.script_choice import (
    MAX_LOGS,
    Purpose,
    choose_script,
    is_aside,
    launched_scripts,
    log_candidates,
    purpose_of,
)


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


_SCORING = b"loss = F.cross_entropy(x, y)\nprint('val_bpb', loss / math.log(2.0))\nloss.backward()\n"
_TRAINING = b"loss = model(x, y)\nloss.backward()\n"
_BUILDING = b"import re\nfor line in open('a'):\n    re.compile(line); model.eval()\n"


def chosen(**texts: bytes | None) -> str | None:
    named = {f"{name}.py": text for name, text in texts.items()}
    return choose_script(entries(*named), {}, named.get).path


def test_what_a_script_does_decides_where_names_do_not() -> None:
    assert chosen(aaa=_BUILDING, zzz=_SCORING) == "zzz.py"
    assert chosen(aaa=_TRAINING, zzz=_SCORING) == "zzz.py"
    assert chosen(aaa=_BUILDING, zzz=_TRAINING) == "zzz.py"
    assert chosen(train_excerpt_of_it=_BUILDING, zzz=_SCORING) == "zzz.py"
    assert chosen(train_model=_TRAINING, zzz=_SCORING) == "train_model.py"
    assert chosen(train_model=_BUILDING) == "train_model.py"
    assert chosen(train_gpt=_BUILDING, zzz=_SCORING) == "train_gpt.py"
    assert chosen(aaa=_BUILDING, unread=None) == "unread.py"
    assert chosen(aaa=_BUILDING, zzz=b"exec(open('x').read())") == "zzz.py"


def test_a_folder_of_helpers_holds_no_submission() -> None:
    assert chosen(build_data=_BUILDING, plot=_BUILDING) is None
    assert chosen(patch_model=b"text = text.replace('a', 'loss.backward()')") is None
    choice = choose_script(entries("retokenize.py"), {}, lambda path: _BUILDING)
    assert choice.path is None
    assert choice.why == "its only script does not train or score a model: retokenize.py"
    launch = {"run.sh": "python retokenize.py"}
    assert choose_script(entries("retokenize.py", "plot.py"), launch, lambda path: _BUILDING).path is None


@given(st.text(alphabet="abtrain_gpt/.", max_size=20), st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_has_a_purpose(path: str, text: bytes) -> None:
    assert purpose_of(path, text) in Purpose


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
