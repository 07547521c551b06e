"""Bytes of a log -> UTF-8 bytes with the same lines: byte order marks, UTF-16, colour codes, lone CRs."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Colour and cursor codes; window titles. Both bounded, so a lone ESC costs nothing.
_ANSI = re.compile(rb"\x1b(?:\[[0-9;?]{0,24}[A-Za-z]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)|[()][A-Za-z0-9])")
_UTF16_SAMPLE = 512


@dataclass(frozen=True, slots=True)
class LogText:
    """UTF-8 bytes of a log, as far as it is UTF-8 at all, and how it was encoded."""

    data: bytes
    encoding: str


def normalise(data: bytes) -> LogText:
    """Undo encodings a shell or a terminal leaves in logs; line numbers (LF) stay what an editor shows."""
    encoding = "utf-8"
    if data.startswith(b"\xef\xbb\xbf"):
        data, encoding = data[3:], "utf-8 with byte order mark"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    elif _looks_utf16(data):
        order = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        encoding = f"{order} without byte order mark"
        data = data.decode(order, "replace").encode("utf-8", "replace")
    if b"\x1b" in data:
        data = _ANSI.sub(b"", data)
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return LogText(data, encoding)


def _looks_utf16(data: bytes) -> bool:
    sample = data[:_UTF16_SAMPLE]
    even, odd = sample[0::2], sample[1::2]
    if len(sample) < 16:
        return False
    zeros = even.count(0), odd.count(0)
    return max(zeros) > 0.8 * len(odd) and min(zeros) == 0
