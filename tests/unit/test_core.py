"""The definition of bits per byte and the canonical byte rule."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.core.bpb import (
    bits_per_byte,
    bpb_to_nats_per_token,
    implied_bytes_per_token,
    nats_per_token_to_bpb,
)
from pgolf.core.luts import canonical_entry, canonical_tables, pair_bytes
from pgolf.core.profile import load_profile
from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary
from pgolf.core.verdict import Verdict
from pgolf.errors import UsageError


def test_one_bit_per_byte_is_ln2_nats_per_byte() -> None:
    assert bits_per_byte(math.log(2.0) * 100, 100) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, -1, float("nan")])
def test_no_bytes_no_metric(count: float) -> None:
    with pytest.raises(ValueError, match="positive byte count"):
        bits_per_byte(1.0, count)


@given(st.floats(0.1, 10), st.floats(0.1, 20))
def test_conversions_invert_each_other(bpb: float, bytes_per_token: float) -> None:
    nats = bpb_to_nats_per_token(bpb, bytes_per_token)
    assert nats_per_token_to_bpb(nats, bytes_per_token) == pytest.approx(bpb)
    assert implied_bytes_per_token(nats, bpb) == pytest.approx(bytes_per_token)


@pytest.mark.parametrize(
    ("piece", "entry"),
    [
        (Piece("<s>", PieceKind.CONTROL), (0, False, True)),
        (Piece("<unk>", PieceKind.UNKNOWN), (0, False, True)),
        (Piece("x", PieceKind.UNUSED), (0, False, True)),
        (Piece("<0x41>", PieceKind.BYTE), (1, False, False)),
        (Piece("▁the", PieceKind.NORMAL), (3, True, False)),
        (Piece("▁", PieceKind.NORMAL), (0, True, False)),
        (Piece("▁▁▁", PieceKind.NORMAL), (6, True, False)),
        (Piece("é", PieceKind.NORMAL), (2, False, False)),
        (Piece("<user>", PieceKind.USER_DEFINED), (6, False, False)),
    ],
)
def test_canonical_entry(piece: Piece, entry: tuple[int, bool, bool]) -> None:
    assert canonical_entry(piece) == entry


def test_ids_past_the_vocabulary_are_boundaries_without_bytes() -> None:
    small = Vocabulary((Piece("a", PieceKind.NORMAL),))
    assert len(canonical_tables(small).base_bytes) == 1
    tables = canonical_tables(small, table_size=3)
    assert canonical_tables(small, table_size=3) is tables
    assert tables.base_bytes == (1, 0, 0)
    assert tables.is_boundary == (False, True, True)


def test_a_leading_space_counts_once_and_not_after_a_boundary() -> None:
    vocabulary = Vocabulary((Piece("<s>", PieceKind.CONTROL), Piece("▁a", PieceKind.NORMAL)))
    tables = canonical_tables(vocabulary)
    assert pair_bytes(tables, 1, 1) == 2
    assert pair_bytes(tables, 0, 1) == 1


def test_the_profile_states_the_contest() -> None:
    profile = load_profile()
    assert profile.limits.artifact_bytes == 16_000_000
    sp8192 = next(t for t in profile.validation.tokenizers if t.key == "sp8192")
    assert sp8192.bytes_per_token == pytest.approx(151_080_891 / 40_540_802, abs=1e-8)


def test_an_unknown_profile_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="no_such"):
        load_profile("no_such")


def test_a_verdict_has_no_truth_value() -> None:
    with pytest.raises(TypeError, match="no truth value"):
        bool(Verdict.FLAGGED)
