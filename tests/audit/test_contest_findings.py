"""The findings that were checked by hand: the document shows what the script prints, and the rows say what the findings say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CONTEST = ROOT / "audit" / "contest"


def entries(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CONTEST / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("section", ["checked", "sample"])
def test_the_document_shows_what_the_script_prints(section: str) -> None:
    command = [sys.executable, str(CONTEST / "findings.py"), "--section", section]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip()
    assert printed in (ROOT / "audit" / "findings.md").read_text(encoding="utf-8")


def test_the_rows_say_what_the_findings_say() -> None:
    said: dict[int, set[str]] = {}
    with (CONTEST / "rows.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            rules = {reason["rule"] for reason in row["reasons"]} | (
                {"missing-evidence"} if row["missing"] else set()
            )
            said.setdefault(row["pr"], set()).update(rules)
    for entry in entries("findings.json"):
        assert entry["result"] in ("wrong, mended", "not seen") or entry["rule"] in said[entry["pr"]], entry[
            "pr"
        ]
        assert entry["result"] in ("right", "unclear", "not seen", "wrong", "wrong, mended")
    found = entries("findings.json")
    assert len(found) >= 20
    assert (
        sum(entry["reported"].startswith("no") and entry["reported"] != "not looked up" for entry in found)
        >= 5
    )


def test_the_sample_is_25_rows_of_each_verdict() -> None:
    verdicts = [entry["verdict"] for entry in entries("sample.json")]
    assert verdicts == ["FLAGGED"] * 25 + ["VERIFIED"] * 25
    assert len({(entry["pr"], entry["folder"]) for entry in entries("sample.json")}) == 50


def test_rows_that_cannot_be_read_are_said_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("{}\n[]\n", encoding="utf-8")
    command = [sys.executable, str(CONTEST / "findings.py"), "--draw", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_write_up_states_the_precision_of_the_sample() -> None:
    command = [sys.executable, str(CONTEST / "findings.py"), "--section", "sample"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    text = (ROOT / "audit" / "writeup.md").read_text(encoding="utf-8")
    stated = [line for line in printed if line.startswith(("FLAGGED", "VERIFIED"))]
    assert len(stated) == 2
    assert all(f"`{line}`" in text for line in stated)
