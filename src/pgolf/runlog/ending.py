"""How a run ended: complete, crashed or cut off, and on which line one sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pgolf.runlog.facts import Body
from pgolf.runlog.metrics import Ending, Reading, ReadingKind

# (word to search, what it means). The search is literal; the line is then looked at once.
_CRASH_WORDS: tuple[tuple[bytes, str], ...] = (
    (b"outofmemoryerror", "out of memory"),
    (b"cuda out of memory", "out of memory"),
    (b"childfailederror", "a worker process failed"),
    (b"signalexception", "stopped by a signal"),
    (b"traceback (most recent call last)", "exception"),
    (b"segmentation fault", "segmentation fault"),
    (b"nccl error", "NCCL error"),
    (b"watchdog caught collective operation timeout", "NCCL timeout"),
    (b"due to time limit", "cancelled at the time limit"),
    (b"keyboardinterrupt", "interrupted"),
    (b"\nkilled", "killed"),
    (b"out of memory:", "out of memory"),
)
_SEARCHED = 64 * 1024
_EXCEPTION = re.compile(
    r"^[^\n]{0,40}?\b((?:\w{1,40}\.){0,6}\w{0,60}(?:Error|Exception|Interrupt|Exit))\b:?[^\n]{0,200}"
)
_WARNED = re.compile(r"warning|_dynamo|\[W\d|info", re.I)


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended and why we say so (`line` 1-based, 0 for the log as a whole)."""

    ending: Ending
    reason: str
    line: int


def read_ending(
    body: Body, readings: tuple[Reading, ...], steps: int | None, starts: Mapping[int, int]
) -> RunEnd:
    """The ending of the last run in the log; `starts` are the offsets of the readings' lines."""
    finals = [r for r in readings if r.kind is ReadingKind.FINAL]
    crash = _last_crash(body, starts.get(finals[-1].line, 0) if finals else 0)
    if finals:
        reason = "a final evaluation is printed"
        return RunEnd(
            Ending.COMPLETE, f"{reason}; below it: {crash[1]}" if crash else reason, finals[-1].line
        )
    if crash is not None:
        return RunEnd(Ending.CRASHED, crash[1], body.line_number(crash[0]))
    if any(r.kind is ReadingKind.STEP for r in readings) or steps:
        return RunEnd(Ending.TRUNCATED, "training lines but no final evaluation", 0)
    if readings:
        return RunEnd(Ending.TRUNCATED, "evaluation values but none of them final", readings[-1].line)
    return RunEnd(Ending.NO_RUN, "no training line and no evaluation", 0)


def _last_crash(body: Body, after: int) -> tuple[int, str] | None:
    """(offset, reason) of the last crash below the line at offset `after`; searched in the last part of the log only."""
    low = body.low
    floor = max(0, len(low) - _SEARCHED)
    if after >= floor:
        floor = body.bounds(after)[1]
    found: tuple[int, str] | None = None
    for word, meaning in _CRASH_WORDS:
        at = low.rfind(word, floor)
        if at < 0:
            continue
        first, last = body.bounds(at + (1 if word.startswith(b"\n") else 0))
        text = body.data[first : min(last, first + 400)].decode("utf-8", "replace")
        if word.startswith(b"traceback") and _WARNED.search(text):
            continue
        if found is None or first > found[0]:
            found = first, _reason(body, word, meaning, last)
    return found


def _reason(body: Body, word: bytes, meaning: str, after: int) -> str:
    """The meaning, and for a traceback the exception line below it."""
    if not word.startswith(b"traceback"):
        return meaning
    for raw in body.data[after : after + 16_384].split(b"\n")[:120]:
        match = _EXCEPTION.match(raw[:300].decode("utf-8", "replace"))
        if match:
            return f"{meaning}: {match.group(0).strip()[:160]}"
    return meaning
