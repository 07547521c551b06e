"""The whole story, command by command: create, register, three seeds run, decide, compare, submit-check, report.

Played on the real logs of two accepted records (candidate 2026-04-27 against 2026-04-09) where they are, and on logs of
our own everywhere. The trainer replays a log, so no GPU is needed; everything else is the real thing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pgolf.cli.main import main
from pgolf.core.profile import load_profile
from pgolf.lab.doctor import examine
from pgolf.lab.settings import load_workspace
from pgolf.lab.store.database import read
from pgolf.lab.store.events import events_of, verify_chain
from tests.lab.conftest import BYTES_PER_TOKEN, LOG

CANDIDATE = "2026-04-27_SP8192_LQER_SparseGate_BOSSmearFix_9HpStack_1.0611"
REFERENCE = "2026-04-09_SP8192_3LayerRecur_ParResid_QK525_LegalTTT"
SEEDS = (42, 0, 1234)

# The published logs had their machine listing cut off; a training script prints it first.
TRAINER = """
import os
from pathlib import Path
print("Running PyTorch 2.9.1+cu128")
print("| 0  NVIDIA H100 80GB HBM3          On  |   00000000:0F:00.0 Off |")
print(Path({folder!r}, f"train_seed{{os.environ['SEED']}}.log").read_text())
"""

Say = Callable[..., str]


def write_own_logs(folder: Path, base: float, seeds: tuple[int, ...]) -> Path:
    """Logs of our own, one a seed, a little apart."""
    folder.mkdir()
    for number, seed in enumerate(seeds):
        bpb = base + number * 2e-4
        loss = bpb * BYTES_PER_TOKEN * 0.6931471805599453
        text = LOG.format(seed=seed, bpb=bpb, loss=loss)
        text = "\n".join(line for line in text.splitlines() if "PyTorch" not in line and "NVIDIA" not in line)
        (folder / f"train_seed{seed}.log").write_text(text + "\n")
    return folder


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Say:
    """Runs one command in the workspace and returns its stdout; the exit code must be the one named."""
    for name in ("PGOLF_BUDGET", "PGOLF_RESERVE", "PGOLF_FORCE", "PGOLF_NO_WALLCLOCK", "PGOLF_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        got = main(list(arguments))
        captured = capfd.readouterr()
        assert got == code, captured.out + captured.err
        return captured.out + captured.err

    return run


def play(
    say: Say, root: Path, candidate: Path, reference: Path, tokenizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = load_profile().limits.record_gpu
    say("init", "sprint")
    monkeypatch.chdir(root / "sprint")
    Path("train_gpt.py").write_text(TRAINER.format(folder=str(candidate)))
    for command in (["init", "-q"], ["add", "train_gpt.py"], ["commit", "-q", "-m", "the script"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *command], check=True)

    say(
        "track",
        "create",
        "--hypothesis",
        "a sparse gate beats deep recurrence",
        "--techniques",
        "lqer,sparse gate",
    )
    run = ("run", "exp_001", "--gpu", gpu, "--quiet", "--seed")
    trainer = ("--", sys.executable, "train_gpt.py")
    assert "register" in say(*run, "42", *trainer, code=1), "an unregistered experiment is not launched"

    reference_bpb = [
        json.loads(say("parse", str(path)))["score"]["val_bpb"] for path in sorted(reference.glob("*.log"))
    ]
    terms = ("--seed1-continue", "--publish", "0.005", "--internal", "0.003", "--tokenizer", tokenizer)
    seeds = ",".join(f"{value:.8f}" for value in reference_bpb)
    frozen = say(
        "register-thresholds", "exp_001", *terms, "--reference-seeds", seeds, "--script", "train_gpt.py"
    )
    assert "rule version 1 frozen" in frozen

    assert "CONFIRM" in say(*run, "42", *trainer, code=1), "the large machine needs a confirmation"
    monkeypatch.setenv("PGOLF_CONFIRM_8XH100", "1")
    monkeypatch.setenv("MAX_WALLCLOCK_SECONDS", "600")
    for number, seed in enumerate(SEEDS):
        assert f"exp_001 seed {seed} recorded" in say(*run, str(seed), *trainer)
        if number == 0:
            assert say("decide", "exp_001").startswith("PENDING")
    again = say(*run, "42", *trainer, code=1)
    assert "--replace" in again
    assert "--amend" in say("register-thresholds", "exp_001", *terms, code=1)

    decision = json.loads(say("decide", "exp_001", "--json"))["decision"]
    assert decision["verdict"] == "GREEN"
    assert decision["seeds_used"] == list(SEEDS)
    compared = say("parse", "--compare", "experiments/exp_001", str(reference), "--threshold", "0.002")
    assert "Shown to be better by the threshold at alpha 0.01: yes" in compared

    checked = say("submit-check", "exp_001", "--prepare", "record")
    assert "FLAGGED" not in checked
    assert {path.name for path in Path("record").iterdir()} >= {
        "README.md",
        "submission.json",
        "train_gpt.py",
    }

    say("report")
    report = Path("REPORT.md").read_text(encoding="utf-8")
    assert "**GREEN**" in report
    assert "a sparse gate beats deep recurrence" in report
    say("blog", "exp_001")
    say("checkpoint", "-m", "after the verdict")
    assert "exp_001  GREEN" in say("status")

    workspace = load_workspace(environ={})
    issues = [finding for finding in examine(workspace) if finding.level == "issue"]
    assert issues == []
    with read(workspace) as reader:
        what = [event.what for event in events_of(reader, "exp_001")]
        assert verify_chain(reader).problems == ()
    assert what.index("thresholds registered") < what.index("seed recorded") < what.index("decided")
    assert what.count("seed recorded") == 3


@pytest.mark.shared_data
def test_the_story_on_the_logs_of_two_real_records(
    say: Say, tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = shared_data / "records" / "track_10min_16mb"
    play(say, tmp_path, records / CANDIDATE, records / REFERENCE, "sp8192_caseops", monkeypatch)


def test_the_story_on_logs_of_our_own(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = write_own_logs(tmp_path / "candidate", 1.0550, SEEDS)
    reference = write_own_logs(tmp_path / "reference", 1.0710, (7, 8, 9))
    play(say, tmp_path, candidate, reference, "sp8192", monkeypatch)
