"""Bounds on what is read of one command; past one, whatever could be a launch is refused."""

from __future__ import annotations

MAX_STEPS = 20_000
MAX_SECONDS = 2.0
MAX_ITERATIONS = 64
MAX_DEPTH = 24
MAX_OUTPUT = 1_000_000
MAX_WORDS = 100_000


class TooMuch(Exception):
    """The step, time or depth budget is used up."""
