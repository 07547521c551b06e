"""The five empirical runs: equal to their committed output, right on streams summed by hand, plain about bad input."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pgolf.core.luts import canonical_tables
from pgolf.core.profile import load_profile
from pgolf.core.tokenizer import Piece, PieceKind
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.tokens.shard import shard_bytes
from tests.conftest import ROOT
from tests.tokens.model_writer import model_bytes

FOLDER = ROOT / "audit" / "empirical_validation"
RUNS = sorted(path.stem for path in FOLDER.glob("run*.py"))


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def start(load: Callable[[str], ModuleType], name: str, *arguments: str) -> int:
    module = load(name)
    shared = load("validation_run")
    return int(shared.run(name, module.TITLE, module.measure, module.summarise, list(arguments)))


def test_there_are_five_runs_each_with_its_expected_output() -> None:
    assert len(RUNS) == 5
    for name in RUNS:
        assert (FOLDER / "expected" / f"{name}.json").is_file()
        assert (FOLDER / "expected" / f"{name}.txt").is_file()


@pytest.mark.parametrize("name", RUNS)
def test_a_run_prints_and_writes_what_is_committed(
    name: str, load: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "figures.json"
    assert start(load, name, "--check", "--output", str(output)) == 0
    expected = (FOLDER / "expected" / f"{name}.txt").read_text("utf-8")
    assert capsys.readouterr().out == expected + "equals the expected output\n"
    assert output.read_text("utf-8") == (FOLDER / "expected" / f"{name}.json").read_text("utf-8")
    assert all(json.loads(output.read_text("utf-8"))["figures"]["checks"].values())
    assert start(load, name, "--json") == 0
    assert capsys.readouterr().out == output.read_text("utf-8")


def test_the_check_fails_when_a_committed_figure_is_another(
    load: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for suffix in ("json", "txt"):
        text = (FOLDER / "expected" / f"run3_builder_1734.{suffix}").read_text("utf-8")
        (tmp_path / f"run3_builder_1734.{suffix}").write_text(text, encoding="utf-8")
    monkeypatch.setattr(load("validation_run"), "EXPECTED", tmp_path)
    assert start(load, "run3_builder_1734", "--check") == 0
    path = tmp_path / "run3_builder_1734.json"
    path.write_text(path.read_text("utf-8").replace("174143", "174144"), encoding="utf-8")
    assert start(load, "run3_builder_1734", "--check") == 1
    path.unlink()
    assert start(load, "run3_builder_1734", "--check") == 1


def test_one_command_repeats_all_five() -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER)], capture_output=True, text=True, cwd=ROOT.parent, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("equals the expected output") == 5


PIECES = (
    Piece("<unk>", PieceKind.UNKNOWN),
    Piece("<s>", PieceKind.CONTROL),
    Piece("</s>", PieceKind.CONTROL),
    *(Piece(f"<0x{i:02X}>", PieceKind.BYTE) for i in range(256)),
    Piece("▁the", PieceKind.NORMAL),
    Piece("é", PieceKind.NORMAL),
    Piece("▁", PieceKind.NORMAL),
    Piece("▁never", PieceKind.UNUSED),
)
THE, E_ACUTE, SPACE, UNUSED = range(259, 263)
BYTE_A, BYTE_E2 = 3 + 0x41, 3 + 0xE2


@pytest.fixture
def by_hand(tmp_path: Path) -> tuple[str, ...]:
    """1 `<s>` ▁the é, 100 times `▁ A 0xE2`, `<s>` ▁the, `</s>` ▁: spaces after boundaries, three of them; then 2,000 é."""
    stream = [1, THE, E_ACUTE, *([SPACE, BYTE_A, BYTE_E2] * 100), 1, THE, 2, SPACE, *([E_ACUTE] * 2000)]
    (tmp_path / "tokenizer.model").write_bytes(model_bytes(PIECES))
    (tmp_path / "x_val_0.bin").write_bytes(shard_bytes(stream[:50]))
    (tmp_path / "x_val_1.bin").write_bytes(shard_bytes(stream[50:]))
    return "--tokenizer", str(tmp_path / "tokenizer.model"), "--val-data", str(tmp_path)


def figures(load: Callable[[str], ModuleType], tmp_path: Path, name: str, data: tuple[str, ...]) -> Any:
    output = tmp_path / "figures.json"
    assert start(load, name, *data, "--output", str(output)) == 0
    return json.loads(output.read_text("utf-8"))["figures"]


# Targets: 103 leading spaces, 3 of them after a boundary; ▁the twice (3 bytes), é 2,001 times (2 bytes), 200 byte tokens.
BASE = 2 * 3 + 2001 * 2 + 200
SPACES, MASKED = 2 + 101, 3


def test_run_1_counts_boundaries_and_modes_as_by_hand(
    load: Callable[[str], ModuleType], tmp_path: Path, by_hand: tuple[str, ...]
) -> None:
    found = figures(load, tmp_path, "run1_boundary_mask", by_hand)
    assert found["boundary_predecessors"] == 3
    assert found["followed_by_leading_space"] == MASKED
    modes = found["modes"]
    assert modes["sliding-window-boundary-masked"]["canonical_bytes"] == BASE + SPACES - MASKED
    assert modes["all-tokens-boundary-masked"]["canonical_bytes"] == BASE + SPACES - MASKED
    assert modes["all-tokens-no-mask"]["canonical_bytes"] == BASE + SPACES
    assert (
        modes["sliding-window-boundary-masked"]["plus_one_ratio"]
        == f"{1 + SPACES / (BASE + SPACES - MASKED):.10f}"
    )


def test_run_2_sizes_byte_tokens_as_by_hand(
    load: Callable[[str], ModuleType], tmp_path: Path, by_hand: tuple[str, ...]
) -> None:
    found = figures(load, tmp_path, "run2_byte_fallback", by_hand)
    assert found["byte_targets"] == 200
    assert found["ways"]["spelling"]["more_bytes"] == 200 * 5
    # `A` decodes to one byte, 0xE2 alone to U+FFFD, three bytes.
    assert found["ways"]["decoded_alone"]["more_bytes"] == 100 * 2


def test_run_3_counts_the_whole_builder_as_by_hand(
    load: Callable[[str], ModuleType], tmp_path: Path, by_hand: tuple[str, ...]
) -> None:
    found = figures(load, tmp_path, "run3_builder_1734", by_hand)
    canonical = BASE + SPACES - MASKED
    # "+1" for every leading space, masked or not; byte tokens 6; `<s>` 3 and `</s>` 4 once each as targets.
    assert found["candidate_bytes"] == canonical + SPACES + 200 * 5 + 3 + 4
    assert found["missed_bytes"] == 200 * 5 + 3 + 4
    assert found["lut_status"] == "BUGGY"


def test_runs_4_and_5_hold_on_a_stream_of_our_own(
    load: Callable[[str], ModuleType], tmp_path: Path, by_hand: tuple[str, ...]
) -> None:
    rows = figures(load, tmp_path, "run4_window_invariance", by_hand)["rows"]
    assert [(row["seq_len"], row["stride"]) for row in rows] == [
        (1024, 64),
        (1024, 1024),
        (2048, 64),
        (2048, 1024),
    ]
    assert {row["canonical_bytes"] for row in rows} == {BASE + SPACES - MASKED}
    found = figures(load, tmp_path, "run5_decomposition", by_hand)
    assert found["more_bytes"] == {
        "plus_one": SPACES,
        "no_byte_branch": 1000,
        "boundaries_counted": 7,
    }


def test_run_5_over_all_combinations_agrees_with_the_profile_and_with_the_logs() -> None:
    found = json.loads((FOLDER / "expected" / "run5_decomposition.json").read_text("utf-8"))["figures"]
    assert len(found["rows"]) == 8
    assert len({tuple(row["deviations"]) for row in found["rows"]}) == 8
    facts = next(t for t in load_profile().validation.tokenizers if t.key == "sp8192")
    total = load_profile().validation.bytes
    assert facts.leading_space_targets is not None
    known = (
        total + facts.leading_space_targets + 5 * (facts.byte_targets or 0) + 3 * (facts.control_targets or 0)
    )
    assert found["rows"][-1]["known_split_bytes"] == known == 177_828_848
    assert round(known / total, 4) == 1.1770 == round(4.3864 / facts.bytes_per_token, 4)
    for row in found["rows"]:
        # Over itself a table with the "+1" shows nothing, whatever else it does; over canonical bytes it does.
        assert (row["over_itself"] == "1.0000000000") == ("plus_one" in row["deviations"])
        assert (float(row["ratio"]) > 1.0) == bool(row["deviations"])


def test_no_constant_of_the_known_split_is_written_into_a_run() -> None:
    split = load_profile().validation
    numbers = {str(split.bytes)}
    for facts in split.tokenizers:
        for value in (
            facts.leading_space_targets,
            facts.byte_targets,
            facts.control_targets,
            facts.stored_tokens,
        ):
            if value:
                numbers.add(str(value))
    for path in FOLDER.glob("*.py"):
        source = path.read_text("utf-8").replace("_", "").replace(",", "")
        assert not [number for number in numbers if number in source], path


@pytest.mark.shared_data
@pytest.mark.parametrize("model", ["sp1024", "sp4096_nofallback"])
def test_our_builder_of_1734_is_what_the_audit_finds_in_the_script(
    model: str, load: Callable[[str], ModuleType], shared_data: Path
) -> None:
    from pgolf.audit.script_audit import audit_script
    from pgolf.untrusted.script import read_script

    vocabulary = read_model_file(shared_data / "tokenizers" / f"{model}.model")
    shared = load("validation_run")
    audited = audit_script(read_script(ROOT / "examples" / "scripts" / "like_1734.py"), vocabulary)
    assert audited.tables == shared.builder_of_1734(vocabulary)
    clean = shared.builder_of_1734(vocabulary, plus_one=False, no_byte_branch=False, boundaries_counted=False)
    if not any(piece.kind is PieceKind.UNUSED for piece in vocabulary.pieces):
        assert clean == canonical_tables(vocabulary)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tokenizer", "x.model"), "--tokenizer and --val-data belong together"),
        (("--tokenizer", "x.model", "--val-data", "examples/val"), "x.model"),
        (("--tokenizer", "examples/tokenizer.model", "--val-data", "nowhere/*.bin"), "nowhere/*.bin"),
        (("--tokenizer", "examples/tokenizer.model", "--val-data", "SHORT"), "too few for a window"),
        (("--tokenizer", "examples/tokenizer.model", "--val-data", "OTHER"), "token id 5000"),
        (
            ("--tokenizer", "examples/tokenizer.model", "--val-data", "examples/val", "--check"),
            "shipped data",
        ),
        (("--output", "/nowhere/at/all"), "/nowhere/at/all"),
    ],
)
@pytest.mark.parametrize("name", RUNS)
def test_unusable_input_is_one_sentence_and_exit_2(
    name: str,
    arguments: tuple[str, ...],
    said: str,
    load: Callable[[str], ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "SHORT").write_bytes(shard_bytes([1, 2, 3]))
    (tmp_path / "OTHER").write_bytes(shard_bytes([1, 5000] * 2000))
    given = [str(tmp_path / a) if a in ("SHORT", "OTHER") else a for a in arguments]
    assert start(load, name, *given) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
