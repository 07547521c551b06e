"""The canonical byte rule: three look-up tables, and the bytes of one (predecessor, target) pair.

Source: `build_sentencepiece_luts` and `eval_val` of the contest's reference script (`train_gpt.py`).

| token class                                            | base_bytes                             | leading space | boundary |
|--------------------------------------------------------|----------------------------------------|---------------|----------|
| control, unknown, unused; ids past the vocabulary      | 0                                      | False         | True     |
| byte-fallback token `<0xNN>`                           | 1                                      | False         | False    |
| any other piece                                        | UTF-8 length without ONE leading `▁`   | was it there  | False    |
"""

from __future__ import annotations

from dataclasses import dataclass

from pgolf.core.tokenizer import BOUNDARY_KINDS, MARKER, Piece, PieceKind, Vocabulary


@dataclass(frozen=True, slots=True)
class LookupTables:
    """Three tables of one length, indexed by token id.

    `base_bytes` holds integers for every sane builder; a hostile one may hold floats or negatives, and the
    arithmetic keeps them as they are.
    """

    base_bytes: tuple[int | float, ...]
    has_leading_space: tuple[bool, ...]
    is_boundary: tuple[bool, ...]

    def __post_init__(self) -> None:
        if not len(self.base_bytes) == len(self.has_leading_space) == len(self.is_boundary):
            raise ValueError(
                f"tables of different lengths: {len(self.base_bytes)}, "
                f"{len(self.has_leading_space)}, {len(self.is_boundary)}"
            )

    def __len__(self) -> int:
        return len(self.base_bytes)


def canonical_entry(piece: Piece) -> tuple[int, bool, bool]:
    """(base_bytes, has_leading_space, is_boundary) of one piece."""
    if piece.kind in BOUNDARY_KINDS:
        return 0, False, True
    if piece.kind is PieceKind.BYTE:
        return 1, False, False
    marked = piece.text.startswith(MARKER)
    text = piece.text[len(MARKER) :] if marked else piece.text
    return len(text.encode("utf-8", "surrogatepass")), marked, False


def canonical_tables(vocabulary: Vocabulary, table_size: int | None = None) -> LookupTables:
    """Canonical tables of length `max(len(vocabulary), table_size)`; ids past the vocabulary are boundaries."""
    size = max(len(vocabulary), table_size or 0)
    for known, known_size, tables in _made:
        if known is vocabulary and known_size == size:
            return tables
    tables = _tables_of(vocabulary, size)
    _made.append((vocabulary, size, tables))
    del _made[:-_MOST_MADE]
    return tables


_MOST_MADE = 4
_made: list[tuple[Vocabulary, int, LookupTables]] = []
"""The last ones made: one audit asks for the tables of one vocabulary many times."""


def _tables_of(vocabulary: Vocabulary, size: int) -> LookupTables:
    entries = [canonical_entry(piece) for piece in vocabulary.pieces]
    entries += [(0, False, True)] * (size - len(entries))
    return LookupTables(
        base_bytes=tuple(e[0] for e in entries),
        has_leading_space=tuple(e[1] for e in entries),
        is_boundary=tuple(e[2] for e in entries),
    )


def pair_bytes(tables: LookupTables, predecessor: int, target: int) -> int | float:
    """Bytes that scored target `target` stands for after `predecessor`, by the canonical eval loop."""
    space = tables.has_leading_space[target] and not tables.is_boundary[predecessor]
    return tables.base_bytes[target] + int(space)
