"""The shipped example data: rebuilt byte for byte, every kind of piece in it, and its bytes are the text's bytes."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

from pgolf.core.luts import canonical_tables
from pgolf.core.tokenizer import MARKER, PieceKind
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.tokens.statistics import count_tokens
from pgolf.tokens.stream import open_stream

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def documents() -> list[str]:
    lines = (EXAMPLES / "documents.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def test_the_shipped_files_are_what_the_script_builds() -> None:
    script = runpy.run_path(str(EXAMPLES / "build.py"))
    for name, content in script["build"](documents()).items():
        assert (EXAMPLES / name).read_bytes() == content, name


def test_the_example_vocabulary_has_every_kind_of_piece() -> None:
    vocabulary = read_model_file(EXAMPLES / "tokenizer.model")
    assert len(vocabulary) == 1024
    assert {piece.kind for piece in vocabulary.pieces} == set(PieceKind)
    unused = [piece.text for piece in vocabulary.pieces if piece.kind is PieceKind.UNUSED]
    assert any(text.startswith(MARKER) for text in unused)
    assert not all(text.startswith(MARKER) for text in unused)


def test_canonical_bytes_of_the_example_are_its_text_less_the_runs_of_spaces() -> None:
    vocabulary = read_model_file(EXAMPLES / "tokenizer.model")
    tables = canonical_tables(vocabulary)
    found = count_tokens(open_stream(str(EXAMPLES / "val")), tables)
    raw = sum(len(text.encode()) for text in documents())
    # Pieces of several markers are sized with three bytes for each marker but the first: two bytes more than they stand for.
    inner = sum(
        int(found.targets[i]) * (piece.text.count(MARKER) - piece.text.startswith(MARKER))
        for i, piece in enumerate(vocabulary.pieces)
    )
    assert inner > 0
    assert found.total_bytes(tables) - 2 * inner == raw
    assert found.masked_space_targets(tables) == 0


def test_the_example_is_small() -> None:
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < 1_000_000
