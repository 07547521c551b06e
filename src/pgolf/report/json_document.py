"""JSON: one versioned document, or one object a line. Pure ASCII, strict (no NaN), the same bytes for the same values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from pgolf import __version__
from pgolf.core.row import ResultRow
from pgolf.core.script_report import ScriptReport
from pgolf.core.submission_report import SubmissionReport

DOCUMENT_VERSION: Final = 1
DEEPEST: Final = 40


def finite(value: Any, depth: int = 0) -> Any:
    """`value` with every number that JSON cannot say (NaN, infinities) as null, and nothing deeper than 40 levels.

    Keys become strings; values of unknown types become their text.
    """
    kind = type(value)
    if value is None or kind is bool or (kind is str and value.isascii()):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and value.bit_length() > 64:
        return f"(an integer of {value.bit_length()} bits)"
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        # A lone surrogate (an undecodable path) is no text: readers of strict JSON refuse it.
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if depth >= DEEPEST:
        return f"(deeper than {DEEPEST} levels)"
    if isinstance(value, dict):
        return {
            key if type(key) is str and key.isascii() else finite(str(key)): finite(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [finite(item, depth + 1) for item in value]
    return str(value)


def compact(value: Any) -> str:
    """One line of strict ASCII JSON."""
    return json.dumps(finite(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def indented(value: Any) -> str:
    """Strict ASCII JSON for people, with a final newline."""
    pieces: list[str] = []
    _write(value, "\n", pieces)
    pieces.append("\n")
    return "".join(pieces)


def _write(value: Any, line: str, out: list[str]) -> None:
    """What `json.dumps(finite(value), indent=2)` writes, in one pass: a document of a contest has a million values.

    `line` is a line end and the indentation of the level.
    """
    kind = type(value)
    if kind is str and value.isascii():
        out.append(encode_basestring_ascii(value))
    elif value is None or kind is bool:
        out.append(_WORDS[value])
    elif kind is int and -_SAFE < value < _SAFE:
        out.append(int.__repr__(value))
    elif kind is float:
        out.append(float.__repr__(value) if math.isfinite(value) else "null")
    elif len(line) > 2 * DEEPEST or not isinstance(value, dict | list | tuple | set | frozenset):
        out.append(json.dumps(finite(value, len(line) // 2), ensure_ascii=True, allow_nan=False))
    elif not value:
        out.append("{}" if isinstance(value, dict) else "[]")
    elif isinstance(value, dict):
        inner = line + "  "
        lead = "{" + inner
        if not all(map(_is_plain, value)):
            value = {finite(str(key)): item for key, item in value.items()}
        for key, item in value.items():
            if type(item) is str and item.isascii():
                out.append(f"{lead}{encode_basestring_ascii(key)}: {encode_basestring_ascii(item)}")
            else:
                out.append(f"{lead}{encode_basestring_ascii(key)}: ")
                _write(item, inner, out)
            lead = "," + inner
        out.append(line + "}")
    else:
        inner = line + "  "
        lead = "[" + inner
        for item in value:
            out.append(lead)
            _write(item, inner, out)
            lead = "," + inner
        out.append(line + "]")


_SAFE: Final = 1 << 64
_WORDS: Final = {None: "null", True: "true", False: "false"}


def _is_plain(key: object) -> bool:
    return type(key) is str and key.isascii()


def rows_document(rows: Iterable[ResultRow], title: str = "") -> str:
    """All rows in one object: `version`, `kind`, `tool`, `title`, `counts` by verdict, `rows`."""
    listed = list(rows)
    return indented(
        {
            "version": DOCUMENT_VERSION,
            "kind": "rows",
            "tool": {"name": "pgolf", "version": __version__},
            "title": title,
            "counts": verdict_counts(listed),
            "rows": [row.to_json() for row in listed],
        }
    )


def rows_lines(rows: Iterable[ResultRow]) -> str:
    """JSON lines: one row an object, in the order given (SPEC 4)."""
    return "".join(compact(row.to_json()) + "\n" for row in rows)


def script_document(report: ScriptReport) -> str:
    """The audit of one script as one object."""
    return indented(report.to_json())


def submission_document(report: SubmissionReport) -> str:
    """The audit of one submission as one object."""
    return indented(report.to_json())


def verdict_counts(rows: Iterable[ResultRow]) -> dict[str, int]:
    """How many rows have each verdict; every verdict is named, also with 0."""
    from pgolf.core.verdict import Verdict

    counts = {verdict.value: 0 for verdict in Verdict}
    for row in rows:
        counts[row.verdict.value] += 1
    return counts
