"""Formatted strings as Python 3.12 and later read them, found in a text without a parser.

Since 3.12 the braces of a formatted string may hold the string's own quotes, backslashes, comments and line ends, so
where such a string ends can only be told by following its braces. `scan` does that for a whole text in one pass. It
raises `Unclear` for everything that it does not read with certainty; the caller then takes a slower way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_STRING = r"(?:(?<!\w)([A-Za-z]{1,2}))?(\"\"\"|'''|\"|')"
_TOKEN = re.compile(r"#[^\n]*+|" + _STRING)
_CODE = re.compile(r"#[^\n]*+|" + _STRING + r"|[()\[\]{}:!=]")
_MARK = re.compile(r"[{}\\\n\"']")
_CONVERSION = re.compile(r"!([sra])[ \t]*(?=[:}])")
_ENDS = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*+"', re.DOTALL),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+'", re.DOTALL),
    '"""': re.compile(r'(?:[^"\\]|\\.|"(?!""))*+"""', re.DOTALL),
    "'''": re.compile(r"(?:[^'\\]|\\.|'(?!''))*+'''", re.DOTALL),
}
_FORMATTED = frozenset({"f", "rf", "fr"})
_TEMPLATES = frozenset({"t", "rt", "tr"})
_MAX_DEPTH = 12


class Unclear(Exception):
    """The text cannot be read with certainty."""


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]`, offsets in characters."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal:
    """Text between the braces, as written."""

    value: str


@dataclass(frozen=True, slots=True)
class Field:
    """`{expression!conversion:format_spec}`; the expression without the blanks around it."""

    expression: Span
    conversion: str | None
    format_spec: tuple[Literal | Field, ...] | None


@dataclass(frozen=True, slots=True)
class FormattedString:
    """One formatted string, prefix and quotes included. `newer`: Pythons before 3.12 do not read it."""

    start: int
    end: int
    prefix: str
    parts: tuple[Literal | Field, ...]
    newer: bool


def scan(text: str) -> tuple[list[FormattedString], list[Span]]:
    """(outermost formatted strings, spans of all outermost string literals) of a text, in order. Raises Unclear."""
    formatted: list[FormattedString] = []
    literals: list[Span] = []
    position = 0
    while (found := _TOKEN.search(text, position)) is not None:
        quote = found[2]
        if quote is None:
            position = found.end()
            continue
        string = _string(text, found.start(), found.end(), found[1] or "", quote, 0)
        if isinstance(string, FormattedString):
            formatted.append(string)
            position = string.end
        else:
            position = string
        literals.append(Span(found.start(), position))
    return formatted, literals


def literal_end(text: str, start: int, prefix: str, quote: str) -> int:
    """Where the string literal ends whose prefix begins at `start`. Raises Unclear."""
    string = _string(text, start, start + len(prefix) + len(quote), prefix, quote, 0)
    return string.end if isinstance(string, FormattedString) else string


def _string(text: str, start: int, body: int, prefix: str, quote: str, depth: int) -> FormattedString | int:
    """The formatted string that starts here, or the end of a plain one."""
    lower = prefix.lower()
    if lower in _TEMPLATES or depth > _MAX_DEPTH:
        raise Unclear
    if lower in _FORMATTED:
        return _formatted(text, start, body, prefix, quote, depth)
    found = _ENDS[quote].match(text, body)
    if found is None:
        raise Unclear
    return found.end()


def _formatted(text: str, start: int, body: int, prefix: str, quote: str, depth: int) -> FormattedString:
    raw = "r" in prefix.lower()
    parts: list[Literal | Field] = []
    newer = False
    literal = position = body
    while True:
        at, sign = _next_mark(text, position, quote, raw)
        if sign == quote:
            if at > literal:
                parts.append(Literal(text[literal:at]))
            return FormattedString(start, at + len(quote), prefix, tuple(parts), newer)
        if text[at + 1 : at + 2] == sign:  # a doubled brace is one of the text
            position = at + 2
            continue
        if sign == "}":
            raise Unclear
        if at > literal:
            parts.append(Literal(text[literal:at]))
        field, position, is_newer = _field(text, at, quote, raw, depth)
        parts.append(field)
        newer = newer or is_newer
        literal = position


def _next_mark(text: str, position: int, quote: str, raw: bool) -> tuple[int, str]:
    """(offset, sign) of the next brace or of the closing quote in the text part of a string."""
    while (found := _MARK.search(text, position)) is not None:
        at, sign = found.start(), found[0]
        if sign == "\\":
            if not raw and text.startswith("\\N{", at):
                position = text.find("}", at) + 1
                if not position:
                    raise Unclear
            else:
                position = at + (1 if text[at + 1 : at + 2] in ("{", "}") else 2)
        elif sign == "\n":
            if len(quote) == 1:
                raise Unclear
            position = at + 1
        elif sign in "{}":
            return at, sign
        elif text.startswith(quote, at):
            return at, quote
        else:
            position = at + 1
    raise Unclear


def _field(text: str, at: int, quote: str, raw: bool, depth: int) -> tuple[Field, int, bool]:
    """(field, offset after its closing brace, whether it needs Python 3.12) for the brace at `at`."""
    position = at + 1
    brackets = 0
    newer = False
    while True:
        found = _CODE.search(text, position)
        if found is None:
            raise Unclear
        sign = found[0]
        position = found.end()
        if found[2] is not None:
            string = _string(text, found.start(), position, found[1] or "", found[2], depth + 1)
            if isinstance(string, FormattedString):
                newer = newer or string.newer
                position = string.end
            else:
                position = string
        elif sign in "([{":
            brackets += 1
        elif sign in ")]}":
            if brackets:
                brackets -= 1
            elif sign == "}":
                break
            else:
                raise Unclear
        elif brackets or sign[0] == "#" or sign == "=":
            continue
        elif sign == ":" or text[position : position + 1] != "=":
            break
    stop = position - 1
    inside = text[at + 1 : stop]
    newer = (
        newer or "\\" in inside or "#" in inside or quote in inside or (len(quote) == 1 and "\n" in inside)
    )
    expression = Span(at + 1 + len(inside) - len(inside.lstrip()), at + 1 + len(inside.rstrip()))
    if expression.end <= expression.start:
        raise Unclear
    conversion = None
    if text[stop] == "!":
        named = _CONVERSION.match(text, stop)
        if named is None:
            raise Unclear
        conversion, stop = named[1], named.end()
    spec: list[Literal | Field] | None = None
    if text[stop] == ":":
        if depth >= _MAX_DEPTH:
            raise Unclear
        spec = []
        literal = position = stop + 1
        while True:
            stop, sign = _next_mark(text, position, quote, raw)
            if stop > literal:
                spec.append(Literal(text[literal:stop]))
            if sign == "}":
                break
            if sign != "{":
                raise Unclear
            inner, position, is_newer = _field(text, stop, quote, raw, depth + 1)
            spec.append(inner)
            newer = newer or is_newer
            literal = position
    return Field(expression, conversion, None if spec is None else tuple(spec)), stop + 1, newer
