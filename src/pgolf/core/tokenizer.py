"""A vocabulary as the byte rule sees it: pieces with a kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MARKER = "\u2581"
"""The leading-space marker of SentencePiece, U+2581 `▁`; three bytes in UTF-8."""


class PieceKind(IntEnum):
    """Kinds of SentencePiece pieces, with the numbers of `sentencepiece_model.proto`."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


BOUNDARY_KINDS = frozenset({PieceKind.UNKNOWN, PieceKind.CONTROL, PieceKind.UNUSED})
"""Boundary tokens: they carry no bytes, and a leading space after them is not counted."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One vocabulary entry. `text` is the piece as stored (with `▁`, or `<0xNN>` for a byte token)."""

    text: str
    kind: PieceKind
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces by token id, with the special ids (-1 where the model has none) and a name for reports."""

    pieces: tuple[Piece, ...]
    name: str = ""
    unk_id: int = 0
    bos_id: int = 1
    eos_id: int = 2
    pad_id: int = -1
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.pieces)
