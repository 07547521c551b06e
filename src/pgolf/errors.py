"""Exceptions, drawn as a tree. The command line maps them to exit codes; nothing else catches the root.

PgolfError
├── UsageError        the user's own input is unusable: one sentence (what, where, what to do), exit 2
│   └── DataError     a shard, tokenizer, log or JSON file is broken; names file, offset and numbers
├── LimitTripped      untrusted input met a bound; becomes a stated UNKNOWN or OBFUSCATED, never a crash
└── Refused           a gate or a rule said no; carries reasons, exit 1
"""

from __future__ import annotations


class PgolfError(Exception):
    """Common base."""


class UsageError(PgolfError):
    """The user's own input cannot be used. The message says what, where and what to do about it."""


class DataError(UsageError):
    """A data file is broken. The message names the file, the offset and both numbers."""


class LimitTripped(PgolfError):
    """Untrusted input met a bound.

    `limit` is the bound's name (a field of `pgolf.untrusted.limits.Limits`), `bound` its value.
    """

    def __init__(self, limit: str, bound: float, detail: str = "") -> None:
        self.limit = limit
        self.bound = bound
        self.detail = detail
        text = f"limit {limit}={bound:g} reached"
        super().__init__(f"{text}: {detail}" if detail else text)


class Refused(PgolfError):
    """A gate, or a rule that was registered, refuses. `reasons` are sentences."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__(" ".join(reasons))
