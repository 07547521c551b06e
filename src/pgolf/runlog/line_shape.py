"""The shape of a line: the line with every digit a zero.

A log is few sentences with ever other numbers in them. No expression of this package asks for a particular digit, so
what one finds in a line stands at the same places in every line of its shape; these places are found once per shape.
"""

from __future__ import annotations

_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LOWER_ZEROS = bytes(
    ord("0") if 48 <= byte <= 57 else byte + 32 if 65 <= byte <= 90 else byte for byte in range(256)
)

LONGEST_SHAPE = 320
"""Longer lines are not remembered, so that a memory of shapes has a small bound (this times its entries)."""
SHAPES = 16_384
"""Shapes remembered by each reader of lines."""


def shape_of(line: bytes) -> bytes:
    """The line with zeros for digits."""
    return line.translate(_ZEROS)


def caseless_shape_of(line: bytes) -> bytes:
    """The line with zeros for digits and small ASCII letters."""
    return line.translate(_LOWER_ZEROS)
