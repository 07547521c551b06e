"""Write SentencePiece model files by hand (an encoder of our own, for tests)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pgolf.core.tokenizer import Piece


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, wire: int, value: int | bytes) -> bytes:
    tag = varint(number << 3 | wire)
    if isinstance(value, int):
        return tag + varint(value)
    return tag + (varint(len(value)) if wire == 2 else b"") + value


def piece_message(piece: Piece) -> bytes:
    text = field(1, 2, piece.text.encode())
    return text + field(2, 5, struct.pack("<f", piece.score)) + field(3, 0, int(piece.kind))


def model_bytes(pieces: Iterable[Piece], trainer: bytes = b"", normalizer: bytes = b"") -> bytes:
    body = b"".join(field(1, 2, piece_message(piece)) for piece in pieces)
    return (
        body + (field(2, 2, trainer) if trainer else b"") + (field(3, 2, normalizer) if normalizer else b"")
    )
