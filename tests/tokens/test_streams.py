"""Shards, streams, windows and counts, against sums done the long way and against known answers."""

from __future__ import annotations

import itertools
import json
import math
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.core.luts import LookupTables, canonical_tables, pair_bytes
from pgolf.errors import DataError, UsageError
from pgolf.tokens import statistics as statistics_module
from pgolf.tokens import stream as stream_module
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.tokens.shard import HEADER_BYTES, find_shards, read_header, shard_bytes
from pgolf.tokens.statistics import StreamStatistics, count_tokens, predecessor_groups
from pgolf.tokens.stream import TokenStream, open_stream
from pgolf.tokens.windows import ScoredSpan, ScoringMode, Windows, scored_span


def write_shard(path: Path, tokens: Sequence[int]) -> Path:
    path.write_bytes(shard_bytes(tokens))
    return path


def scored_pairs(tokens: Sequence[int], seq_len: int, stride: int) -> list[tuple[int, int]]:
    """(predecessor, target) of every scored token, by walking the windows as the reference loop does."""
    total = len(tokens) - 1
    pairs = []
    for start in range(0, total, stride):
        if start + seq_len - stride >= total:
            continue
        end = min(start + seq_len, total)
        first = 0 if start == 0 else seq_len - stride
        pairs += [(tokens[start + i], tokens[start + i + 1]) for i in range(first, end - start)]
    return pairs


# --- shards ---------------------------------------------------------------------------------------------------------


def header(magic: int = 20240520, version: int = 1, tokens: int = 2) -> bytes:
    return struct.pack("<3i", magic, version, tokens).ljust(HEADER_BYTES, b"\0")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "offset 0: the header has 0 bytes, expected 1024"),
        (b"x" * 1023, "offset 1023: the header has 1023 bytes, expected 1024"),
        (header(magic=20240801) + b"\0" * 4, "offset 0: magic number 20240801, expected 20240520"),
        (header(version=2) + b"\0" * 4, "offset 4: version 2, expected 1"),
        (header(tokens=-1) + b"\0" * 4, "offset 8: token count -1"),
        (
            header(tokens=3) + b"\0" * 4,
            "offset 1028: the file is short: 1028 bytes, expected 1030 for the 3 tokens",
        ),
        (header(tokens=2_000_000_000) + b"\0" * 4, "expected 4000001024"),
        (
            header(tokens=1) + b"\0" * 4,
            "offset 1026: the file has bytes after its tokens: 1028 bytes, expected 1026",
        ),
    ],
)
def test_a_broken_shard_names_file_offset_and_both_numbers(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_header(path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_header(tmp_path / "absent.bin")
    with pytest.raises(DataError, match="is a folder"):
        read_header(tmp_path)
    with pytest.raises(DataError, match="not a regular file"):
        read_header(Path("/dev/zero"))


def test_an_id_outside_the_tables_names_file_offset_and_both_numbers(tmp_path: Path) -> None:
    first = write_shard(tmp_path / "a_000.bin", [0, 1, 2])
    second = write_shard(tmp_path / "a_001.bin", [2, 1, 9, 0])
    tables = LookupTables((0, 1, 2), (False,) * 3, (True, False, False))
    with pytest.raises(DataError, match="offset 1028: token id 9, the tables have 3 entries") as caught:
        count_tokens(open_stream(str(tmp_path)), tables, mode=ScoringMode.ALL_TOKENS)
    assert str(second) in str(caught.value)
    assert str(first) not in str(caught.value)


def test_a_shard_that_shrinks_meanwhile_is_an_error_and_no_total(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "a.bin", [1] * 100)
    stream = open_stream(str(path))
    path.write_bytes(path.read_bytes()[:1100])
    with pytest.raises(DataError, match="offset 1100: the file ends here, its header states 100 tokens"):
        list(stream.chunks())
    path.unlink()
    with pytest.raises(DataError, match="No such file"):
        list(stream.chunks())


def test_a_file_a_folder_and_a_glob_name_the_same_shards(tmp_path: Path) -> None:
    shards = [write_shard(tmp_path / f"fineweb_val_{i:06}.bin", [i]) for i in (1, 0, 2)]
    write_shard(tmp_path / "fineweb_train_000000.bin", [7])
    expected = tuple(sorted(shards))
    assert find_shards(str(tmp_path)) == expected
    assert find_shards(str(tmp_path / "fineweb_val_*.bin")) == expected
    assert find_shards(str(expected[1])) == (expected[1],)
    for shard in shards:
        shard.unlink()
    assert [path.name for path in find_shards(str(tmp_path))] == ["fineweb_train_000000.bin"]


@pytest.mark.parametrize("pattern", ["", "absent", "absent/*.bin", "a\0b", "[", "x" * 5000])
def test_a_path_that_matches_nothing_is_one_sentence(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        find_shards(str(tmp_path / "empty" / pattern))


def test_shard_bytes_refuses_what_is_no_id() -> None:
    with pytest.raises(ValueError, match="65535"):
        shard_bytes([65536])


# --- windows --------------------------------------------------------------------------------------------------------


def test_the_full_sp8192_split_has_its_known_windows() -> None:
    span = scored_span(40_540_803, Windows(2048, 64), ScoringMode.SLIDING_WINDOW)
    assert span == ScoredSpan(40_540_802, 633_420)


@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 40))
def test_windows_tile_the_targets(stored: int, seq_len: int, stride: int) -> None:
    if stride > seq_len:
        with pytest.raises(UsageError, match="never be scored"):
            Windows(seq_len, stride)
        return
    total = max(0, stored - 1)
    starts = [s for s in range(0, total, stride) if s + seq_len - stride < total]
    span = scored_span(stored, Windows(seq_len, stride), ScoringMode.SLIDING_WINDOW)
    assert span.num_windows == len(starts)
    assert span.scored_tokens == (min(starts[-1] + seq_len, total) if starts else 0)
    positions = scored_pairs(list(range(stored)), seq_len, stride)
    assert positions == [(i, i + 1) for i in range(span.scored_tokens)]


# --- counts ---------------------------------------------------------------------------------------------------------

HAND = LookupTables((0, 3, 1, 2, 0), (False, True, False, True, False), (True, False, False, False, True))


@pytest.mark.parametrize(
    ("mode", "expected"),
    # targets 1 1 2 4 3 1 after 0 1 1 2 4 3: bases 3+3+1+0+2+3, spaces of 1 1 3 1 of which two follow 0 and 4
    [(ScoringMode.SLIDING_WINDOW, 14), (ScoringMode.ALL_TOKENS, 14), (ScoringMode.ALL_TOKENS_NO_MASK, 16)],
)
def test_a_sum_done_by_hand(tmp_path: Path, mode: ScoringMode, expected: int) -> None:
    write_shard(tmp_path / "a.bin", [0, 1, 1, 2, 4, 3, 1])
    found = count_tokens(open_stream(str(tmp_path)), HAND, windows=Windows(4, 2), mode=mode)
    assert found.total_bytes(HAND) == expected
    assert found.space_targets(HAND) == 4
    assert found.masked_space_targets(HAND) == 2
    assert (found.scored_tokens, found.stored_tokens) == (6, 7)
    assert found.num_windows == (2 if mode is ScoringMode.SLIDING_WINDOW else 0)


def random_tables(draw: st.DrawFn, size: int) -> LookupTables:
    def column(of: st.SearchStrategy[object]) -> tuple[object, ...]:
        return tuple(draw(st.lists(of, min_size=size, max_size=size)))

    return LookupTables(column(st.integers(0, 9)), column(st.booleans()), column(st.booleans()))  # type: ignore[arg-type]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[list[int]], LookupTables, list[LookupTables]]:
    size = draw(st.integers(1, 12))
    shards = draw(st.lists(st.lists(st.integers(0, size - 1), max_size=60), min_size=1, max_size=4))
    return (
        shards,
        random_tables(draw, size),
        [random_tables(draw, size) for _ in range(draw(st.integers(0, 3)))],
    )


@settings(max_examples=150, deadline=None)
@given(
    streams(),
    st.sampled_from(list(ScoringMode)),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 7),
    st.data(),
)
def test_counts_give_the_bytes_of_any_tables_as_the_loop_would(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[list[list[int]], LookupTables, list[LookupTables]],
    mode: ScoringMode,
    seq_len: int,
    stride: int,
    chunk: int,
    data: st.DataObject,
) -> None:
    shards, canonical, candidates = case
    folder = tmp_path_factory.mktemp("s")
    for index, tokens in enumerate(shards):
        write_shard(folder / f"{index:03}.bin", tokens)
    limit = data.draw(st.none() | st.integers(1, 80))
    flat = [token for tokens in shards for token in tokens][:limit]
    windows = Windows(max(seq_len, stride), stride)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_module, "CHUNK_TOKENS", chunk)
        found = count_tokens(
            open_stream(str(folder), limit), canonical, candidates, windows=windows, mode=mode
        )
    pairs = list(itertools.pairwise(flat))
    if mode is ScoringMode.SLIDING_WINDOW:
        pairs = scored_pairs(flat, windows.seq_len, windows.stride)
    assert found.scored_tokens == len(pairs)
    assert found.truncated == (limit is not None and limit < sum(map(len, shards)))
    for tables in (canonical, *candidates):
        assert found.covers(tables)
        if mode.masked:
            expected = sum(pair_bytes(tables, x, y) for x, y in pairs)
        else:
            expected = sum(tables.base_bytes[y] + tables.has_leading_space[y] for _, y in pairs)
        assert found.total_bytes(tables) == expected
        assert found.space_targets(tables) == sum(tables.has_leading_space[y] for _, y in pairs)


def test_a_subset_of_the_canonical_boundaries_needs_no_second_pass(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.bin", [0, 1, 4, 1, 0, 3, 2, 1] * 5)
    found = count_tokens(open_stream(str(tmp_path)), HAND, mode=ScoringMode.ALL_TOKENS)
    for boundary in ((True, False, False, False, False), (False,) * 5, (False, False, False, False, True)):
        assert found.covers(LookupTables(HAND.base_bytes, HAND.has_leading_space, boundary))
    other = LookupTables(HAND.base_bytes, HAND.has_leading_space, (True, True, False, False, True))
    assert not found.covers(other)
    with pytest.raises(ValueError, match="do not tell apart"):
        found.total_bytes(other)
    wide = count_tokens(open_stream(str(tmp_path)), HAND, [other], mode=ScoringMode.ALL_TOKENS)
    assert wide.covers(other)
    assert wide.covers(HAND)


def test_labels_make_another_loop_exact(tmp_path: Path) -> None:
    tokens = [0, 1, 1, 2, 4, 3, 1, 3, 3, 0, 2]
    write_shard(tmp_path / "a.bin", tokens)
    labels = [HAND.has_leading_space]
    found = count_tokens(open_stream(str(tmp_path)), HAND, mode=ScoringMode.ALL_TOKENS, labels=labels)
    # A loop with its indices swapped: the space of the predecessor, unless the target is a boundary.
    space_of_group = {int(g): HAND.has_leading_space[i] for i, g in enumerate(found.group_of)}
    values = [
        [HAND.base_bytes[y] + (space_of_group[g] and not HAND.is_boundary[y]) for y in range(5)]
        for g in range(len(found.after))
    ]
    expected = sum(
        HAND.base_bytes[y] + (HAND.has_leading_space[x] and not HAND.is_boundary[y])
        for x, y in itertools.pairwise(tokens)
    )
    assert found.pair_total(values) == expected


def test_many_scattered_boundaries_count_like_few(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    size = 500
    tokens = rng.integers(0, size, 5000).tolist()
    write_shard(tmp_path / "a.bin", tokens)
    boundary = tuple(bool(b) for b in rng.integers(0, 2, size))
    space = tuple(bool(b) for b in rng.integers(0, 2, size))
    tables = LookupTables(tuple(range(size)), space, boundary)
    found = count_tokens(open_stream(str(tmp_path)), tables, mode=ScoringMode.ALL_TOKENS)
    assert found.total_bytes(tables) == sum(pair_bytes(tables, x, y) for x, y in itertools.pairwise(tokens))


def test_too_many_groups_are_refused_and_not_approximated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics_module, "MAX_GROUP_CELLS", 50)
    with pytest.raises(ValueError, match="20 groups of predecessors x 20 ids"):
        predecessor_groups(20, [], [list(range(20))])
    assert predecessor_groups(10, [[True] * 4 + [False] * 6]).tolist() == [1] * 4 + [0] * 6


def statistics_of(targets: list[int]) -> StreamStatistics:
    size = len(targets)
    return StreamStatistics(
        ScoringMode.ALL_TOKENS, Windows(), sum(targets) + 1, sum(targets), 0, False,
        np.array(targets, np.int64), np.zeros(size, np.intp), np.array([targets], np.int64),
    )  # fmt: skip


def test_huge_fractional_and_infinite_sizes_are_summed_as_they_are() -> None:
    found = statistics_of([3, 2])
    assert found.base_total([10**30, 1]) == 3 * 10**30 + 2
    assert found.base_total([0.5, 0.25]) == 2.0
    assert found.base_total([2.0, 1.0]) == 8
    assert found.base_total([-1, 5]) == 7
    assert math.isnan(found.base_total([math.inf, -math.inf]))
    assert math.isnan(found.base_total([10**400, 0.5]))
    with pytest.raises(ValueError, match="a table of 1 entries, the stream holds id 1"):
        found.base_total([1])
    assert statistics_of([3, 0]).covers(LookupTables((1,), (False,), (False,)))
    assert not found.covers(LookupTables((1,), (False,), (False,)))


def test_a_stream_without_targets_counts_nothing(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.bin", [1])
    for mode in ScoringMode:
        found = count_tokens(open_stream(str(tmp_path)), HAND, mode=mode)
        assert (found.scored_tokens, found.num_windows, found.total_bytes(HAND)) == (0, 0, 0)


def test_a_limit_must_leave_something() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        open_stream("x", 0)


def test_chunks_carry_the_token_before_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "CHUNK_TOKENS", 2)
    write_shard(tmp_path / "a.bin", [5, 6, 7])
    write_shard(tmp_path / "b.bin", [])
    write_shard(tmp_path / "c.bin", [8])
    seen = [
        (chunk.tolist(), path.name, offset) for chunk, path, offset in open_stream(str(tmp_path)).chunks()
    ]
    assert seen == [([0, 5, 6], "a.bin", 1024), ([6, 7], "a.bin", 1028), ([7, 8], "c.bin", 1024)]
    assert TokenStream((read_header(tmp_path / "b.bin"),)).stored_tokens == 0


# --- known answers --------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
def test_known_answers_of_real_tokenizers_on_real_text(shared_data: Path, tmp_path: Path) -> None:
    known = json.loads((shared_data / "expected" / "tokenizers.json").read_text())
    lines = (shared_data / "fineweb_docs.jsonl").read_text().splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    for name, expected in known["tokenizers"].items():
        model = shared_data / "tokenizers" / name
        encoder = sentencepiece.SentencePieceProcessor(model_file=str(model))
        tokens: list[int] = []
        for ids in encoder.encode(texts, num_threads=1):
            tokens += [encoder.bos_id(), *ids]
        path = write_shard(tmp_path / f"{name}.bin", tokens)
        vocabulary = read_model_file(model)
        tables = canonical_tables(vocabulary)
        found = count_tokens(open_stream(str(path)), tables)
        assert len(vocabulary) == expected["vocab_size"]
        assert found.stored_tokens == expected["stored_tokens"]
        assert found.scored_tokens == expected["scored_tokens"]
        assert found.total_bytes(tables) == expected["canonical_bytes"]
        assert found.space_targets(tables) == expected["leading_space_targets"]
        assert found.masked_space_targets(tables) == expected["leading_space_after_boundary"]
        assert (
            sum(found.targets[i] for i, p in enumerate(vocabulary.pieces) if p.kind == 6)
            == expected["byte_targets"]
        )
        assert (
            sum(found.targets[i] for i, p in enumerate(vocabulary.pieces) if p.kind == 2)
            == expected["unknown_targets"]
        )


def test_the_known_token_count_on_a_synthetic_stream(tmp_path: Path) -> None:
    tokens = 40_540_803
    path = tmp_path / "val.bin"
    with path.open("wb") as out:
        out.write(header(tokens=tokens))
        out.truncate(HEADER_BYTES + 2 * tokens)  # ids 0, and a sparse file
    tables = LookupTables((2, 1), (True, False), (False, True))
    found = count_tokens(open_stream(str(path)), tables)
    assert (found.scored_tokens, found.num_windows) == (40_540_802, 633_420)
    assert found.total_bytes(tables) == 3 * 40_540_802
