"""How numbers are written in every report for people: one home, so that no two formats disagree."""

from __future__ import annotations

import math
from typing import Final

NOTHING: Final = "–"
"""Shown where there is no value; never an empty cell that could be read as zero."""


def bpb(value: float | None) -> str:
    """Bits per byte, five decimals."""
    return _decimals(value, 5)


def ratio(value: float | None) -> str:
    """An inflation ratio, four decimals."""
    return _decimals(value, 4)


def bytes_per_token(value: float | None) -> str:
    """Implied bytes per token, four decimals."""
    return _decimals(value, 4)


def count(value: float | None) -> str:
    """A whole number with thousands separators; decimals only where the value has them."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _decimals(value: float | None, places: int) -> str:
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.{places}f}"
