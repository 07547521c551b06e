"""Loops over a whole vocabulary store into thousands of things; only those still in reach have to be kept."""

from __future__ import annotations

import pytest

from pgolf.audit.script_audit import audit_script
from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted import interp
from pgolf.untrusted.script import NoSiblings, Script
from tests.contest_script import script


def vocabulary(size: int) -> Vocabulary:
    special = [Piece("<pad>", PieceKind.CONTROL), Piece("<unk>", PieceKind.UNKNOWN)]
    bytes_ = [Piece(f"<0x{value:02X}>", PieceKind.BYTE) for value in range(256)]
    words = [Piece(f"{'▁' if n % 3 else ''}w{n}", PieceKind.NORMAL) for n in range(size - 258)]
    return Vocabulary((*special, *bytes_, *words), name="ours", unk_id=1, bos_id=-1, eos_id=-1, pad_id=0)


@pytest.fixture(scope="module")
def pieces() -> Vocabulary:
    return vocabulary(interp.MOST_STORES + 1_000)


def audited(pieces: Vocabulary, extra: str) -> tuple[LutStatus, EvalStatus]:
    source = script()
    place = "        piece = sp.id_to_piece(token_id)\n"
    assert place in source
    text = source.replace(place, place + extra, 1)
    found = audit_script(Script("train_gpt.py", text.encode(), NoSiblings()), pieces)
    return found.lut_status, found.eval_status


def test_a_table_with_more_entries_than_places_that_are_kept_is_proved(pieces: Vocabulary) -> None:
    assert audited(pieces, "") == (LutStatus.CORRECT, EvalStatus.CANONICAL)


def test_what_each_round_makes_and_leaves_behind_is_forgotten(pieces: Vocabulary) -> None:
    rounds = "        parts = []\n        parts.append(piece)\n"
    assert audited(pieces, rounds) == (LutStatus.CORRECT, EvalStatus.CANONICAL)


def test_places_that_stay_in_reach_are_not_forgotten() -> None:
    kept: dict[tuple[int, str], interp.Value] = {(0, ""): [], (1, ""): []}
    held = kept[1, ""]
    watcher = interp.Interp.__new__(interp.Interp)
    watcher.steps_left = 10
    watcher._drop_unreachable(kept)
    assert list(kept) == [(1, "")]
    assert held == []
