"""The committed rows of the contest audit: known families, the clean list, and the numbers that the write-up shows."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CONTEST = ROOT / "audit" / "contest"

FAMILIES = {
    144: "bytes-space-marker", 755: "bytes-space-shattered", 1143: "bytes-fallback-size", 1184: "bytes-fallback-size",
    1545: "bytes-space-twice", 1576: "bytes-space-twice", 1632: "bytes-space-twice", 1672: "bytes-space-twice",
    1687: "bytes-space-twice", 1698: "bytes-space-twice", 1711: "bytes-space-twice", 1712: "bytes-space-twice",
    1734: "bytes-space-twice", 1785: "log-stages-disagree", 1791: "log-code-mismatch", 1846: "bytes-wrong-tokenizer",
    1848: "bytes-wrong-tokenizer", 2071: "bytes-transformed-text", 2098: "val-other-set",
}  # fmt: skip
CLEAN = (
    39, 42, 49, 50, 60, 63, 86, 162, 180, 287, 414, 549, 640, 1019, 1060, 1104, 1204, 1218, 1285, 1394, 1412, 1413, 1477, 1493,
    1514, 1529, 1610, 1626, 1667, 1729, 1736, 1758,
)  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    with (CONTEST / "rows.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("number", FAMILIES)
def test_a_known_case_is_flagged_by_its_rule(rows: list[dict[str, Any]], number: int) -> None:
    flagged = [row for row in rows if row["pr"] == number and row["verdict"] == "FLAGGED"]
    rules = {r["rule"] for row in flagged for r in row["reasons"] if r["severity"] == "error"}
    assert FAMILIES[number] in rules


def test_no_clean_record_is_flagged(rows: list[dict[str, Any]]) -> None:
    assert [row["pr"] for row in rows if row["pr"] in CLEAN and row["verdict"] == "FLAGGED"] == []


@pytest.mark.parametrize("section", ["counts", "order", "packed", "frontier", "accepted"])
def test_the_write_up_shows_what_the_summary_prints(section: str) -> None:
    command = [sys.executable, str(CONTEST / "summarise.py"), "--section", section]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip() in (ROOT / "audit" / "writeup.md").read_text(encoding="utf-8")


def test_the_csv_has_the_same_rows(rows: list[dict[str, Any]]) -> None:
    with (CONTEST / "rows.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [(line["folder"], line["verdict"]) for line in table] == [
        (row["folder"], row["verdict"]) for row in rows
    ]


def test_unusable_rows_are_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "rows.jsonl"
    broken.write_text("{not json\n")
    done = subprocess.run(
        [sys.executable, str(CONTEST / "summarise.py"), str(broken)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
