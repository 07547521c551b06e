"""The validation of the whole pipeline passes here, and fails when a step does."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "validate_workflow.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("validate_workflow", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "validate_workflow", module)
    spec.loader.exec_module(module)
    return module


def test_the_whole_pipeline_works() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--no-network"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout
    assert done.stdout.count("ok  ") >= 6


def test_one_failed_step_is_exit_1_and_the_others_still_run(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(trial: object) -> str:
        raise script.Failed("expected 0, got 2")

    def crashing(trial: object) -> str:
        return str({}["absent"])

    monkeypatch.setattr(
        script, "STEPS", (("broken", broken), ("crashing", crashing), ("files", script.files))
    )
    assert script.main(["--no-network"]) == 1
    out = capsys.readouterr().out
    assert "FAIL  broken" in out
    assert "FAIL  crashing" in out
    assert "1 ok, 0 skipped, 2 failed" in out


def test_a_command_with_another_exit_code_fails_its_step(script: ModuleType, tmp_path: Path) -> None:
    trial = script.Trial(tmp_path, False, False, {})
    with pytest.raises(script.Failed, match="exits 3, expected 0"):
        trial.run(sys.executable, "-c", "raise SystemExit(3)", cwd=tmp_path)


def test_the_temporary_folder_is_kept_when_asked(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "STEPS", ())
    assert script.main(["--keep-temp", "--verbose"]) == 0
    kept = Path(next(line for line in capsys.readouterr().out.splitlines() if line.startswith("kept "))[5:])
    assert kept.is_dir()
    kept.rmdir()
