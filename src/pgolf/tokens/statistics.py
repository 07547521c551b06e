"""One pass over a stream into counts that suffice for any number of candidate tables.

The bytes of a stream under tables (base, space, boundary) and the reference loop are

    sum over scored y of base[y]  +  sum over scored (x, y) of [space[y] and not boundary[x]]

so two counts are enough: how often each id is a target, and how often it is a target after each *group* of
predecessors, where a group is a set of ids that all tables asked about treat alike. With the canonical tables alone
each boundary id is a group of its own and all other ids are one, so that any table whose boundaries are a subset of the
canonical ones is exact. Tables that set other boundaries are handed to `count_tokens`, which splits the groups by them;
what was not covered is refused (`covers`), never approximated. The counts stay small whatever the stream's length.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pgolf.core.luts import LookupTables
from pgolf.errors import DataError
from pgolf.tokens.shard import MAX_TOKEN_ID, TOKEN_BYTES
from pgolf.tokens.stream import TokenStream
from pgolf.tokens.windows import ScoringMode, Windows, scored_span

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_GROUP_CELLS = 1 << 20
"""Groups x ids that may be counted (8 MB), or sixteen groups. Beyond it boundary ids share groups, or it is refused."""
_MAX_RANGES = 4
_EXACT = 1 << 20


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """Counts of one stream under one scoring mode.

    `targets`: int64 of shape (ids,), how often each id is a scored target. `group_of`: intp of shape (ids,), the
    predecessor group of each id. `after`: int64 of shape (groups, ids), scored targets by the group before them.
    """

    mode: ScoringMode
    windows: Windows
    stored_tokens: int
    scored_tokens: int
    num_windows: int
    truncated: bool
    targets: NDArray[np.int64]
    group_of: NDArray[np.intp]
    after: NDArray[np.int64]

    def covers(self, tables: LookupTables) -> bool:
        """Whether the bytes under `tables` are exact: long enough, and no group holds both kinds of predecessors."""
        if len(tables) < len(self.targets):
            return not self.targets[len(tables) :].any() and not self.after[:, len(tables) :].any()
        return self._group_boundaries(tables) is not None

    def _group_boundaries(self, tables: LookupTables) -> NDArray[np.bool_] | None:
        """Bool of shape (groups,), whether a group's ids are boundaries in `tables`; None when they disagree."""
        boundary = _column(tables.is_boundary, len(self.targets), True)
        groups = self.after.shape[0]
        size = np.bincount(self.group_of, minlength=groups)
        set_in = np.bincount(self.group_of, weights=boundary, minlength=groups)
        if np.any((set_in != 0) & (set_in != size)):
            return None
        return set_in > 0

    def space_targets(self, tables: LookupTables) -> int:
        """Scored targets that `tables` flag as beginning with a space, whatever stands before them."""
        return int(self.targets[_column(tables.has_leading_space, len(self.targets), False)].sum())

    def masked_space_targets(self, tables: LookupTables) -> int:
        """Scored targets that `tables` flag and whose predecessor is a boundary in `tables`.

        Raises ValueError when the groups do not cover `tables`.
        """
        boundary = self._group_boundaries(tables)
        if boundary is None:
            raise ValueError("these tables set boundaries that the counted groups do not tell apart")
        after = self.after[boundary][:, _column(tables.has_leading_space, len(self.targets), False)]
        return int(after.sum())

    def total_bytes(self, tables: LookupTables) -> int | float:
        """Bytes of the scored targets under `tables` and the reference loop, in this mode; exact for integer tables.

        Raises ValueError when the groups do not cover `tables`.
        """
        spaces = self.space_targets(tables)
        if self.mode.masked:
            spaces -= self.masked_space_targets(tables)
        return self.base_total(tables.base_bytes) + spaces

    def base_total(self, base_bytes: Sequence[int | float]) -> int | float:
        """Sum of `base_bytes[y]` over the scored targets: an exact int for integers, a float otherwise."""
        occurring = np.flatnonzero(self.targets)
        if len(occurring) and occurring[-1] >= len(base_bytes):
            raise ValueError(f"a table of {len(base_bytes)} entries, the stream holds id {occurring[-1]}")
        column = np.asarray(base_bytes)
        if (
            column.dtype.kind in "iub"
            and max(int(column.max(initial=0)), -int(column.min(initial=0))) < _EXACT
        ):
            used = min(len(column), len(self.targets))
            return int(self.targets[:used] @ column[:used].astype(np.int64))
        sizes = [base_bytes[i] for i in occurring.tolist()]
        counts: list[int] = self.targets[occurring].tolist()
        try:
            if all(isinstance(size, int) or size.is_integer() for size in sizes):
                return sum(int(size) * count for size, count in zip(sizes, counts, strict=True))
            return math.fsum(size * count for size, count in zip(sizes, counts, strict=True))
        except (OverflowError, ValueError):  # beyond a float, or infinities of both signs
            return math.nan

    def pair_total(self, values: Sequence[Sequence[int | float]]) -> int | float:
        """Sum over scored pairs of `values[group of x][y]`, for evaluation loops that are not the reference one.

        `values` has shape (groups, ids); build it with `group_of`.
        """
        total: int | float = 0
        for row, counts in zip(values, self.after.tolist(), strict=True):
            total += sum(value * count for value, count in zip(row, counts, strict=True) if count)
        return total


def _column(flags: Sequence[bool], size: int, filler: bool) -> NDArray[np.bool_]:
    out = np.full(size, filler, dtype=bool)
    count = min(size, len(flags))
    out[:count] = flags[:count]
    return out


def predecessor_groups(
    table_size: int, boundaries: Iterable[Sequence[bool]], labels: Iterable[Sequence[Hashable]] = ()
) -> NDArray[np.intp]:
    """Group number of each id (intp, shape (table_size,)), ids of one group being alike in all `boundaries` and `labels`.

    Ids past a sequence's end count as boundaries (label None). Ids that are a boundary everywhere get a group each as
    long as that stays small. Group 0 is the largest one.
    """
    columns: list[list[Hashable]] = []
    for flags in boundaries:
        padded = [bool(flag) for flag in flags[:table_size]]
        columns.append([*padded, *[True] * (table_size - len(padded))])
    shared = len(columns)
    for label in labels:
        values = list(label[:table_size])
        columns.append([*values, *[None] * (table_size - len(values))])
    keys: list[Hashable] = list(zip(*columns, strict=True)) if columns else [()] * table_size
    if columns and shared:
        single = [i for i, key in enumerate(keys) if isinstance(key, tuple) and any(key[:shared])]
        if (len(single) + 2) * table_size <= MAX_GROUP_CELLS // 2 and len(single) <= table_size // 2:
            for i in single:
                keys[i] = (keys[i], i)
    sizes: dict[Hashable, int] = {}
    for key in keys:
        sizes[key] = sizes.get(key, 0) + 1
    number = {key: index for index, key in enumerate(sorted(sizes, key=lambda key: -sizes[key]))}
    if len(number) > 16 and len(number) * table_size > MAX_GROUP_CELLS:
        raise ValueError(
            f"{len(number)} groups of predecessors x {table_size} ids are more than {MAX_GROUP_CELLS} counts"
        )
    return np.array([number[key] for key in keys], dtype=np.intp)


def count_tokens(
    stream: TokenStream,
    canonical: LookupTables,
    candidates: Sequence[LookupTables] = (),
    *,
    windows: Windows | None = None,
    mode: ScoringMode = ScoringMode.SLIDING_WINDOW,
    labels: Iterable[Sequence[Hashable]] = (),
) -> StreamStatistics:
    """Count `stream` once, exactly enough for `canonical`, for all `candidates` and for any function of `labels`.

    `canonical` fixes the ids: one at or past its length is a DataError naming file, offset and both numbers. `labels`
    are further properties of predecessors (one value per id) that an evaluation loop looks at. Raises ValueError when
    they split the ids into more groups than `MAX_GROUP_CELLS` allows.
    """
    windows = windows or Windows()
    size = len(canonical)
    boundaries = dict.fromkeys(table.is_boundary[:size] for table in (canonical, *candidates))
    group_of = predecessor_groups(size, boundaries, labels)
    stored = stream.stored_tokens
    span = scored_span(stored, windows, mode)
    targets, after = _count(stream, size, group_of) if span.scored_tokens else _nothing(size, group_of)
    return StreamStatistics(
        mode,
        windows,
        stored,
        span.scored_tokens,
        span.num_windows,
        stream.truncated,
        targets,
        group_of,
        after,
    )


def _nothing(size: int, group_of: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.zeros(size, np.int64), np.zeros((int(group_of.max(initial=0)) + 1, size), np.int64)


def _count(
    stream: TokenStream, size: int, group_of: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(targets, targets by predecessor group) over all targets of the stream, group 0 by subtraction."""
    targets, after = _nothing(size, group_of)
    cells = after.reshape(-1)
    grouped = np.flatnonzero(group_of[: MAX_TOKEN_ID + 1])
    is_grouped = np.zeros(MAX_TOKEN_ID + 1, dtype=bool)
    is_grouped[grouped] = True
    ranges = _ranges(grouped)
    first = True
    wide = np.empty(0, dtype=np.intp)
    scratch = np.empty(0, dtype=np.uint16)
    for chunk, path, offset in stream.chunks():
        tokens = chunk[1:]
        if len(wide) < len(tokens):
            # bincount wants intp; converting into one reused buffer keeps the pass in the cache.
            wide, scratch = np.empty(len(tokens), dtype=np.intp), np.empty(len(tokens), dtype=np.uint16)
        ids = wide[: len(tokens)]
        ids[:] = tokens
        counts = np.bincount(ids, minlength=size)
        if len(counts) > size:
            _refuse_id(tokens, size, path, offset)
        targets += counts
        before, after_it = chunk[:-1], tokens
        if first:
            targets[chunk[1]] -= 1
            before, after_it = tokens[:-1], tokens[1:]
            first = False
        if not len(grouped):
            continue
        found = (
            _in_ranges(before, ranges, scratch[: len(before)])
            if len(ranges) <= _MAX_RANGES
            else is_grouped[before]
        )
        positions = _positions(found)
        keys = group_of[before[positions]] * size + after_it[positions]
        if 8 * len(keys) < len(cells):
            np.add.at(cells, keys, 1)
        else:
            cells += np.bincount(keys, minlength=len(cells))
    after[0] = targets - after[1:].sum(axis=0)
    return targets, after


def _positions(found: NDArray[np.bool_]) -> NDArray[np.intp]:
    """`np.flatnonzero(found)`, faster when few are set: eight flags are looked at as one word first."""
    whole = len(found) & ~7
    words = np.flatnonzero(found[:whole].view(np.uint64) != 0)
    if 4 * len(words) > len(found):
        return np.flatnonzero(found)
    rows, columns = np.nonzero(found[:whole].reshape(-1, 8)[words])
    return np.concatenate((words[rows] * 8 + columns, whole + np.flatnonzero(found[whole:])))


def _refuse_id(tokens: NDArray[np.uint16], size: int, path: Path, offset: int) -> None:
    index = int(np.argmax(tokens >= size))
    raise DataError(
        f"shard {path}: offset {offset + TOKEN_BYTES * index}: token id {int(tokens[index])}, "
        f"the tables have {size} entries (ids 0 to {size - 1}); is this the tokenizer of these shards?"
    )


def _ranges(ids: NDArray[np.intp]) -> list[tuple[int, int]]:
    """`ids` (sorted) as inclusive ranges."""
    if not len(ids):
        return []
    breaks = np.flatnonzero(np.diff(ids) > 1)
    starts = ids[np.concatenate(([0], breaks + 1))]
    ends = ids[np.concatenate((breaks, [len(ids) - 1]))]
    return [(int(low), int(high)) for low, high in zip(starts, ends, strict=True)]


def _in_ranges(
    tokens: NDArray[np.uint16], ranges: list[tuple[int, int]], scratch: NDArray[np.uint16]
) -> NDArray[np.bool_]:
    """Which of `tokens` lie in one of the few `ranges`; compares at the speed of memory."""
    found: NDArray[np.bool_] | None = None
    for low, high in ranges:
        if low:
            # Below `low` the difference wraps to a large number.
            np.subtract(tokens, np.uint16(low), out=scratch)
            here = scratch <= high - low
        else:
            here = tokens <= high
        found = here if found is None else found | here
    assert found is not None  # noqa: S101 - callers pass at least one range
    return found
