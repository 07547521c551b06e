"""The demo's table is the one on file, and nothing of the example scripts ran to make it."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from pgolf.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "examples" / "scripts"
GOLDEN = Path(__file__).with_name("golden") / "demo.txt"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The demo's JSON, made in an empty folder in which a script that ran would leave its mark."""
    import contextlib
    import io
    import os

    folder = tmp_path_factory.mktemp("demo")
    before, out = Path.cwd(), io.StringIO()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out):
            assert main(["demo", "--json"]) == 0
    finally:
        os.chdir(before)
    assert list(folder.iterdir()) == [], "a script that has a side effect was run"
    return [json.loads(line) for line in out.getvalue().splitlines()]


def line_of(row: dict[str, object]) -> str:
    ratio = "-" if row["ratio"] is None else f"{row['ratio']:.6f}"
    found = ",".join(row["deviations"]) or "-"  # type: ignore[arg-type]
    through = ",".join(row["packed_layers"]) or "-"  # type: ignore[arg-type]
    return " ".join(
        [row["script"], row["lut_status"], row["eval_status"], row["byte_source"], ratio, found, through]
    )  # type: ignore[list-item]


def test_the_table_is_the_golden_one(rows: list[dict[str, object]]) -> None:
    assert [line_of(row) for row in rows] == GOLDEN.read_text("utf-8").splitlines()


def test_every_example_script_is_in_the_table(rows: list[dict[str, object]]) -> None:
    assert {row["script"] for row in rows} == {path.name for path in SCRIPTS.glob("*.py")}


def test_each_lone_deviation_is_the_one_its_file_is_named_after(rows: list[dict[str, object]]) -> None:
    alone = {
        str(row["script"])[6:-3]: row["deviations"] for row in rows if str(row["script"]).startswith("table_")
    }
    assert len(alone) == 10
    assert all(found == [name] for name, found in alone.items()), alone


def test_what_was_found_is_said_for_every_script(rows: list[dict[str, object]]) -> None:
    meanings = {row["script"]: str(row["meaning"]) for row in rows}
    assert all(meanings.values())
    assert meanings["canonical.py"] == "measured as the contest defines it"
    assert "looks too good" in meanings["like_1734.py"]
    assert "no effect" in meanings["table_missing_is_unused.py"]
    assert "twice" in meanings["loop_space_twice.py"]
    assert "limit" in meanings["hostile_infinite_loop.py"]


def test_the_table_is_readable_in_a_pipe(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    examples = tmp_path / "examples"
    (examples / "scripts").mkdir(parents=True)
    for name in ("tokenizer.model", "val"):
        (examples / name).symlink_to(ROOT / "examples" / name)
    (examples / "scripts" / "canonical.py").write_bytes((SCRIPTS / "canonical.py").read_bytes())
    assert main(["demo", "--examples", str(examples)]) == 0
    out = capsys.readouterr().out
    assert "canonical   CORRECT   CANONICAL   1.0000    1.0800   measured as the contest defines it" in out


def test_a_folder_without_examples_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["demo", "--examples", str(tmp_path)]) == 2
    assert "--examples" in capsys.readouterr().err


def test_the_shipped_scripts_are_what_the_script_builds() -> None:
    build = runpy.run_path(str(ROOT / "examples" / "build_scripts.py"))["build"]
    for name, text in build((SCRIPTS / "canonical.py").read_text("utf-8")).items():
        if name.startswith("packed"):  # compressors differ between versions; the table shows what is inside
            continue
        assert (SCRIPTS / name).read_text("utf-8") == text, name
