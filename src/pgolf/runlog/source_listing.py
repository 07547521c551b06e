"""Find the source listings that training scripts print into their own logs, so that code is not read as results.

About a third of the contest's logs begin with the script that made them. A listing is a run of anchors (lines that start
like Python statements at the left margin) without a training line or a separator between them, plus the body of the last
function. Only the listing is cut: what stands below it is read, and `readings` looks at each single line once more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

# One pass; the single literal in front lets the expression jump from line to line.
_ANCHOR = re.compile(rb"\n(?:import|from|def|class) ")
_BREAK = re.compile(rb"\n(?:={20}|step:[0-9])")
_SHORTEST_BREAK = 12
"""Bytes between two anchors below which no break is looked for."""
_INSIDE = (
    b"\n    def ",
    b"\n    if ",
    b"\n    for ",
    b"\n    return ",
    b"\n        if ",
    b"\n    log0(",
    b"\n    print",
    b'\n        f"',
)
"""Lines of a function body; only looked for where a listing has been found by its anchors."""
_END = b"\nif __name__ == "
_SEPARATOR = b"\n===================="
_MINIMUM_ANCHORS = 8
_MAXIMUM_GAP = 65_536
_BODY_GAP = 4_096
_MAXIMUM_ANCHORS = 400_000


@dataclass(frozen=True, slots=True)
class Listings:
    """A log without its listings; `cuts` are (offset in `data`, lines cut there), `lines` is how many lines were listing."""

    data: bytes
    lines: int
    cuts: tuple[tuple[int, int], ...] = ()


def cut_listings(data: bytes) -> Listings:
    """Cut out every source listing but its last line break; `cuts` says how to number the lines that stay."""
    if b"import " not in data:
        return Listings(data, 0)
    anchors: list[int] = [0] if data.startswith((b"import ", b"from ", b'"""', b"#!")) else []
    anchors += [match.start() + 1 for match in islice(_ANCHOR.finditer(data), _MAXIMUM_ANCHORS)]
    if len(anchors) < _MINIMUM_ANCHORS:
        return Listings(data, 0)
    runs = _runs(data, anchors)
    kept: list[bytes] = []
    cuts: list[tuple[int, int]] = []
    end_of_last = kept_bytes = listed = 0
    for index, (first, last) in enumerate(runs):
        start = _preface(data, first, end_of_last)
        limit = runs[index + 1][0] if index + 1 < len(runs) else len(data)
        end = _end_of_body(data, last, limit)
        newlines = data.count(b"\n", start, end)
        kept.append(data[end_of_last:start])
        kept_bytes += start - end_of_last
        cuts.append((kept_bytes, newlines))
        listed += newlines + 1
        end_of_last = end
    kept.append(data[end_of_last:])
    return Listings(b"".join(kept), listed, tuple(cuts))


def _runs(data: bytes, anchors: list[int]) -> list[tuple[int, int]]:
    """(first, last) anchor of every listing."""
    runs: list[tuple[int, int]] = []
    first = previous = anchors[0]
    count = 1
    last = anchors[-1]
    start_of_break = end_of_break = -1  # of the first one that does not begin before `previous`
    for at in anchors[1:]:
        if start_of_break < previous and at - previous >= _SHORTEST_BREAK:
            match = _BREAK.search(data, previous, last)
            start_of_break, end_of_break = match.span() if match else (len(data), len(data) + 1)
        if at - previous > _MAXIMUM_GAP or (start_of_break >= previous and end_of_break <= at):
            if count >= _MINIMUM_ANCHORS:
                runs.append((first, previous))
            first, count = at, 0
        previous = at
        count += 1
    if count >= _MINIMUM_ANCHORS:
        runs.append((first, previous))
    return runs


def _end_of_body(data: bytes, last: int, limit: int) -> int:
    """End of the line where the listing ends: the main guard's body, or the last line that looks like a body."""
    window = min(limit, last + _MAXIMUM_GAP)
    for stop in (_SEPARATOR, b"\nstep:", b"\nwarmup_step"):
        at = data.find(stop, last, window)
        if at >= 0:
            window = at
    end = data.rfind(_END, last, window)
    at = end if end >= 0 else last
    while True:
        near = max(
            (data.rfind(inside, at + 1, min(window, at + _BODY_GAP)) for inside in _INSIDE), default=-1
        )
        if near < 0:
            break
        at = near
    first = at + 1 if data[at : at + 1] == b"\n" else at
    stop_line = data.find(b"\n", first)
    if end >= 0 and at == end and stop_line >= 0:
        stop_line = data.find(b"\n", stop_line + 1)
    return len(data) if stop_line < 0 else stop_line


def _broken(data: bytes, start: int, end: int) -> bool:
    """Whether something between two anchors is no code: a separator or a training line."""
    return end - start >= _SHORTEST_BREAK and _BREAK.search(data, start, end) is not None


def _preface(data: bytes, first: int, floor: int) -> int:
    """Start of the docstring or comment block right above a listing, else the listing's start."""
    separator = data.rfind(_SEPARATOR, floor, first)
    above = floor
    if separator >= 0:
        newline = data.find(b"\n", separator + 1, first)
        above = newline + 1 if newline >= 0 else first
    near = first - above <= _BODY_GAP and not _broken(data, above, first)
    if near and data[above:first].lstrip().startswith((b'"""', b"'''", b"#")):
        return above
    return first
