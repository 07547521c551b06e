"""Hostile text made visible: control, invisible and direction-changing characters become `\\u{…}` escapes.

A title such as "safe\\u202Egpj.exe", or a path that holds an escape sequence, must show what it is in a terminal, a
table and a web page alike. Ordinary letters of any script pass unchanged.
"""

from __future__ import annotations

import re
from typing import Final

# C0, DEL and C1; soft hyphen; Arabic letter mark; Hangul and Khmer fillers; zero width; line and paragraph separators
# and bidi embeddings; word joiner to bidi isolates; variation selectors; BOM; interlinear marks and the replacement's
# neighbours; surrogates; musical, tag and further invisible characters. The report page's script has the same list.
INVISIBLE_RANGES: Final = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)

_INVISIBLE: Final = re.compile("[" + "".join(f"\\U{lo:08x}-\\U{hi:08x}" for lo, hi in INVISIBLE_RANGES) + "]")
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
LONGEST_TEXT: Final = 2_000


def visible(text: object, limit: int = LONGEST_TEXT) -> str:
    """`text` on one line with nothing hidden in it, cut after `limit` characters (the cut is said)."""
    raw = str(text)
    cut = "" if len(raw) <= limit else f"… ({len(raw) - limit:,} more characters)"
    return _INVISIBLE.sub(_escape, raw[:limit]) + cut


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _NAMED.get(character, f"\\u{{{ord(character):04x}}}")
