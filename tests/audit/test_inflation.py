"""Exact inflation: the documented figures of the full SP8192 split, and deviations taken apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pgolf.audit.compare import Comparison
from pgolf.audit.inflation import Inflation, NotComputed, decompose, measure_inflation, plus_one
from pgolf.core.deviation import DeviationName
from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary
from pgolf.tokens.statistics import StreamStatistics
from pgolf.tokens.windows import ScoringMode, Windows

N = DeviationName
# A vocabulary of one piece per class, and how often each is a target in the full SP8192 split: 40,540,802 scored tokens,
# 25,251,857 of them with a leading space (never after a `<s>`), 269,220 byte tokens, 49,999 `<s>`; the other two
# counts are those that make 151,080,891 canonical bytes.
VOCABULARY = Vocabulary(
    (
        Piece("<s>", PieceKind.CONTROL), Piece("▁ab", PieceKind.NORMAL), Piece("<0x41>", PieceKind.BYTE),
        Piece("abcde", PieceKind.NORMAL), Piece("abcdef", PieceKind.NORMAL),
    ),
)  # fmt: skip
TARGETS = (49_999, 25_251_857, 269_220, 14_762_256, 207_470)
CANONICAL = canonical_tables(VOCABULARY)


def split(mode: ScoringMode = ScoringMode.SLIDING_WINDOW) -> StreamStatistics:
    targets = np.array(TARGETS, np.int64)
    after_start = np.array([0, 0, 0, 50_000, 0], np.int64)
    groups = np.array([1, 0, 0, 0, 0], np.intp)
    after = np.stack([targets - after_start, after_start])
    return StreamStatistics(mode, Windows(), 40_540_803, 40_540_802, 633_420, False, targets, groups, after)


def changed(**columns: dict[int, object]) -> LookupTables:
    parts = {
        name: list(getattr(CANONICAL, name)) for name in ("base_bytes", "has_leading_space", "is_boundary")
    }
    for name, entries in columns.items():
        for token, value in entries.items():
            parts[name][token] = value
    return LookupTables(**{name: tuple(values) for name, values in parts.items()})  # type: ignore[arg-type]


def test_the_documented_bytes_of_the_split() -> None:
    assert sum(TARGETS) == 40_540_802
    figures = plus_one(split(), CANONICAL)
    assert figures.canonical_bytes == 151_080_891
    assert figures.leading_space_targets == 25_251_857
    assert figures.buggy_bytes == 176_332_748
    assert figures.ratio == 1.1671413031314464
    assert 1.0108 * figures.ratio == pytest.approx(1.179746429205266, abs=1e-15)


def test_the_family_with_three_deviations_has_its_exact_ratio() -> None:
    found = measure_inflation(split(), CANONICAL, changed(base_bytes={0: 3, 1: 3, 2: 6}))
    assert isinstance(found, Inflation)
    assert found.candidate_bytes == 176_332_748 + 5 * 269_220 + 3 * 49_999
    assert round(found.ratio, 4) == 1.1770
    assert found.corrected_bpb(1.0108) == pytest.approx(1.1897, abs=1e-4)


def test_the_parts_of_that_family() -> None:
    comparison = Comparison(changed(base_bytes={0: 3, 1: 3, 2: 6}), VOCABULARY)
    shares = {share.names: share.candidate_bytes for share in decompose(split(), comparison)}
    alone = {
        N.LEADING_SPACE_PLUS_ONE: 25_251_857,
        N.BYTE_TOKEN_WRONG_SIZE: 5 * 269_220,
        N.BOUNDARY_BYTES_COUNTED: 3 * 49_999,
    }
    assert len(shares) == 3 + 3 + 1
    for size in (1, 2, 3):
        for names in itertools.combinations(alone, size):
            assert shares[names] == 151_080_891 + sum(alone[name] for name in names)
    assert decompose(split(), Comparison(CANONICAL, VOCABULARY)) == ()


def test_a_deviation_of_the_mask_is_taken_apart_too() -> None:
    comparison = Comparison(changed(is_boundary={0: False}, base_bytes={2: 6}), VOCABULARY)
    shares = {share.names: share.ratio for share in decompose(split(), comparison)}
    # No leading space follows a `<s>` in this split: structure without effect.
    assert shares[(N.BOUNDARY_MASK_WRONG,)] == 1.0
    assert shares[(N.BYTE_TOKEN_WRONG_SIZE, N.BOUNDARY_MASK_WRONG)] > 1.0


def test_without_a_mask_every_space_counts() -> None:
    found = measure_inflation(
        split(ScoringMode.ALL_TOKENS_NO_MASK), CANONICAL, changed(is_boundary={0: False})
    )
    assert found == Inflation(151_080_891, 151_080_891)


def test_another_loop_may_count_the_bytes() -> None:
    def twice(statistics: StreamStatistics, tables: LookupTables) -> int | float:
        return statistics.total_bytes(tables) + statistics.space_targets(tables)

    found = measure_inflation(split(), CANONICAL, CANONICAL, twice)
    assert found == Inflation(151_080_891, 176_332_748)


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (LookupTables((1,), (False,), (True,)), "1 entries, the stream holds id 4"),
        (changed(is_boundary={1: True}), "counted without the boundaries"),
        (changed(base_bytes={1: float("nan")}), "no byte count"),
        (changed(base_bytes={1: 10**30}), "no byte count"),
    ],
)
def test_what_cannot_be_computed_says_why(tables: LookupTables, says: str) -> None:
    found = measure_inflation(split(), CANONICAL, tables)
    assert isinstance(found, NotComputed)
    assert says in found.reason


def test_no_bytes_no_ratio() -> None:
    empty = Vocabulary((Piece("<s>", PieceKind.CONTROL),))
    tables = canonical_tables(empty)
    targets = np.array([5], np.int64)
    statistics = StreamStatistics(
        ScoringMode.ALL_TOKENS,
        Windows(),
        6,
        5,
        0,
        False,
        targets,
        np.zeros(1, np.intp),
        targets.reshape(1, 1),
    )
    assert isinstance(measure_inflation(statistics, tables, tables), NotComputed)
    assert plus_one(statistics, tables).ratio is None
    counted = Comparison(LookupTables((3,), (False,), (True,)), empty)
    assert decompose(statistics, counted) == ()


def test_tables_too_short_are_not_taken_apart() -> None:
    comparison = Comparison(LookupTables((0,), (False,), (True,)), VOCABULARY)
    assert decompose(split(), comparison) == ()
    with pytest.raises(ValueError, match="shorter than the vocabulary"):
        comparison.tables_with([])
