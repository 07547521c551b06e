"""One file per agent: how it tells of a tool call, and how it wants to be answered.

An agent's module has `read(payload) -> Call | None` (None: not a shell command), `refuse(reason)` and `may_ask(payload)`;
`ask(reason)` where asking is safe. Answers are `(stdout, stderr, exit code)`.
"""

from __future__ import annotations

AGENTS = ("claude", "codex", "gemini", "cursor")


class Call:
    """One shell command that an agent wants to run, or has run."""

    __slots__ = ("background", "command", "cwd", "failed", "key", "seconds", "status")

    def __init__(self, command: str, cwd: str, key: str) -> None:
        self.command = command
        self.cwd = cwd
        self.key = key
        self.background = False
        self.failed = False
        """Interrupted or timed out: what it started may still run."""
        self.seconds: float | None = None
        self.status: int | None = None


def text_of(value: object) -> str:
    """A payload's field as text, '' when it is none."""
    return value if isinstance(value, str) else ""


def fields_of(value: object) -> dict[str, object]:
    """A payload's field as an object, empty when it is none."""
    return value if isinstance(value, dict) else {}


def number_of(value: object) -> float | None:
    """A payload's field as a number of at least 0, or None."""
    return (
        float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
        else None
    )
