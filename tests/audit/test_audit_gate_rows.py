"""`pgolf audit script` in a workspace leaves what the gate `audit` reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pgolf.cli.main import main

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_flagged_script_is_refused_by_the_gate_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pgolf.toml").write_text("[pgolf]\n")
    script = tmp_path / "train_gpt.py"
    shutil.copy(ROOT / "examples" / "scripts" / "table_leading_space_plus_one.py", script)
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "script", "train_gpt.py"]) == 1
    rows = [json.loads(line) for line in (tmp_path / "state" / "audits.jsonl").read_text().splitlines()]
    assert [row["verdict"] for row in rows] == ["FLAGGED"]
    capsys.readouterr()
    main(["hook", "explain", "MAX_WALLCLOCK_SECONDS=60 torchrun --nproc_per_node=1 train_gpt.py"])
    shown = capsys.readouterr().out
    assert "its audit is FLAGGED" in shown


def test_outside_a_workspace_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "examples" / "scripts" / "canonical.py", tmp_path / "train_gpt.py")
    assert main(["audit", "script", "train_gpt.py", "--format", "json"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["train_gpt.py"]
