"""Plain text tables: columns aligned, nothing hidden in a cell, the last column cut to the terminal's width."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from pgolf.report.visible import visible


def text_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: frozenset[int] = frozenset(),
    width: int | None = None,
) -> list[str]:
    """Header and rows as lines; columns in `right` are right-aligned; `width` None (a pipe) cuts nothing."""
    cells = [[visible(cell) for cell in row] for row in (header, *rows)]
    widths = [max(columns(row[index]) for row in cells) for index in range(len(header))]
    lines = []
    for row in cells:
        parts = [
            " " * (widths[index] - columns(cell)) + cell
            if index in right
            else cell + " " * (widths[index] - columns(cell))
            for index, cell in enumerate(row)
        ]
        line = "  ".join(parts).rstrip()
        lines.append(line if width is None else cut(line, width))
    return lines


def cut(text: str, width: int) -> str:
    """`text` in at most `width` terminal columns, the cut shown by an ellipsis."""
    if columns(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += columns(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def columns(text: str) -> int:
    """Terminal columns of a text: wide East Asian characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
