"""`python -m benchmarks` knows every benchmark, and says so when asked for another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks.__main__ as entry

FOLDER = Path(entry.__file__).parent


def test_every_benchmark_is_run_but_the_fuzz() -> None:
    assert set(entry.modules()) == {path.stem for path in FOLDER.glob("*.py")} - {
        "__main__",
        "__init__",
        "fuzz_hooks",
    }


def test_an_unknown_name_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert entry.main(["--help"]) == 0


def test_a_failed_benchmark_is_exit_1_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(words: list[str], cwd: Path) -> subprocess.CompletedProcess[bytes]:
        ran.append(words)
        return subprocess.CompletedProcess(words, 1 if words[-1].endswith(".lab") else 0)

    monkeypatch.setattr(subprocess, "run", run)
    assert entry.main([]) == 1
    assert len(ran) == len(entry.modules())
    assert all(words[0] == sys.executable for words in ran)
    assert "failed: lab" in capsys.readouterr().err
