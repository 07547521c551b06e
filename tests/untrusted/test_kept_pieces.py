"""Pieces of text and their trees are kept from script to script: bounded, freed when forgotten, never mixed up."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.audit.script_audit import audit_script
from pgolf.core.deviation import DeviationName
from pgolf.core.verdict import LutStatus
from pgolf.untrusted import source
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.program import chunk_code
from pgolf.untrusted.script import Script
from pgolf.untrusted.source import Pieces, chunk_nodes, chunk_words, read_source
from tests.contest_script import script


@pytest.fixture(autouse=True)
def own_pieces(monkeypatch: pytest.MonkeyPatch) -> Pieces:
    kept = Pieces(50_000, 20_000)
    monkeypatch.setattr(source, "PIECES", kept)
    return kept


def test_the_same_text_is_one_piece_and_another_text_another(own_pieces: Pieces) -> None:
    first, again, other = (
        own_pieces.piece(t) for t in ("def f(): return 1\n", "def f(): return 1\n", "def f(): return 2\n")
    )
    assert first is again
    assert other is not first
    assert (first.kind, first.name) == ("def", "f")


def test_pieces_that_differ_in_one_character_keep_their_own_trees_words_and_code() -> None:
    texts = ("def f():\n    return a_1\n", "def f():\n    return a_2\n")
    chunks = [read_source(t.encode(), "s.py", DEFAULT_LIMITS).chunks[0] for t in texts]
    assert [sorted(chunk_words(c)) for c in chunks] == [
        ["a_1", "def", "f", "return"],
        ["a_2", "def", "f", "return"],
    ]
    assert chunk_nodes(chunks[0]) is not chunk_nodes(chunks[1])
    assert chunk_code(chunks[0]) is not chunk_code(chunks[1])


def test_a_piece_stands_at_another_line_in_another_script() -> None:
    body = "def f():\n    return 1\n"
    one = read_source(body.encode(), "one.py", DEFAULT_LIMITS)
    two = read_source(b"x = 1\n\n\n" + body.encode(), "two.py", DEFAULT_LIMITS)
    assert one.chunks[0].piece is two.chunks[1].piece
    assert (one.chunks[0].first_line, two.chunks[1].first_line) == (1, 4)


def test_text_and_trees_are_bounded_and_what_is_forgotten_is_parsed_again(own_pieces: Pieces) -> None:
    chunks = [
        read_source(f"def f{n}():\n    return {'x' * 900}\n".encode(), "s.py", DEFAULT_LIMITS).chunks[0]
        for n in range(200)
    ]
    for chunk in chunks:
        assert chunk_code(chunk) is not None
        assert own_pieces.chars <= own_pieces.bound
        assert own_pieces.tree_chars <= own_pieces.tree_bound
    assert not chunks[0].piece.parsed
    assert chunk_nodes(chunks[0]) is not None
    assert chunk_code(chunks[0]) is not None


def test_one_piece_beyond_the_bounds_is_still_read(own_pieces: Pieces) -> None:
    text = "x = 0\n" + "y = [" + "1, " * 30_000 + "]\n"
    assert [len(chunk_nodes(c) or ()) for c in read_source(text.encode(), "s.py", DEFAULT_LIMITS).chunks] == [
        1,
        1,
    ]


def test_forgotten_trees_and_closures_are_freed_without_the_collector(own_pieces: Pieces) -> None:
    body = (
        "    for i in range(3):\n        if i > n:\n            x = [a for a in range(i) if a]\n        while n:\n"
        "            try:\n                n -= 1\n            except ValueError:\n                pass\n"
        "    g = lambda z: z + 1\n    def inner(q=1):\n        return {q: q}\n    x[0] += 1\n    return f'{x}', g, inner\n"
    )

    def fill(start: int) -> None:
        for n in range(start, start + 150):
            text = f"def f{n}(x, n):\n{body}f{n}([1], 2)\n"
            audit_script(Script("train_gpt.py", text.encode()))

    fill(0)
    gc.collect()
    gc.freeze()
    try:
        fill(1000)
        gc.collect()
    finally:
        gc.unfreeze()
    frozen_and_new = len(gc.get_objects())
    gc.collect()
    # A cycle among kept trees would survive while it is frozen and go only now.
    assert frozen_and_new - len(gc.get_objects()) < 2_000


def test_scripts_that_share_all_but_one_constant_get_their_own_verdicts() -> None:
    right = script()
    wrong = script(DeviationName.LEADING_SPACE_PLUS_ONE)
    alone = [audit_script(Script("train_gpt.py", t.encode())) for t in (right, wrong)]
    assert alone[0].lut_status is LutStatus.CORRECT
    assert alone[1].lut_status is LutStatus.BUGGY
    for _ in range(2):
        for text, expected in zip((right, wrong), alone, strict=True):
            assert audit_script(Script("train_gpt.py", text.encode())) == expected


@given(
    st.lists(st.sampled_from(["def f(a):\n    return a\n", "x = 1\n", "y = f(2)\n", "class C:\n    pass\n"]))
)
def test_pieces_and_their_lines_give_the_text_back(parts: list[str]) -> None:
    text = "".join(parts)
    lines = text.split("\n")
    for chunk in read_source(text.encode(), "s.py", DEFAULT_LIMITS).chunks:
        first = chunk.first_line - 1
        assert lines[first : first + chunk.piece.lines] == chunk.text.split("\n")[:-1]
