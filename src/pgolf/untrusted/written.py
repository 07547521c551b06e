"""Texts with parts that are not known: what stands before an unknown number says what it is called.

A score reaches a log as text, and there are many ways to write it: formatted strings, `%`, `format`, `join`, `+`, several
arguments of `print`. All of them give a `TextOf`, whose parts are literal texts and the values between them. Each value is
reported with the literal text before it, wherever the two come together.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Instance, Loss, OfLosses, Opaque, TextOf, Value

if TYPE_CHECKING:
    from pgolf.untrusted.interp import Interp

_MOST_PARTS = 400
_TAIL = 80
_FIELD = re.compile(r"%(?:\((?P<key>[^()]*)\))?[#0\- +]{0,5}\d{0,4}(?:\.\d{0,4})?[hlL]?(?P<kind>[a-zA-Z%])")


def positions_in(value: Value, depth: int = 0) -> frozenset[int]:
    """The stream positions of the losses that a value, a text or a small container is made of."""
    kind = type(value)
    if kind is Loss:
        return frozenset(value.weights)
    if kind is OfLosses:
        found: frozenset[int] = value.positions
        return found
    inner: Iterable[Value] = ()
    if kind is TextOf:
        inner = value.parts
    elif kind is Tensor and len(value.data) <= 4:
        inner = value.data
    elif (kind is list or kind is tuple) and len(value) <= 64 and depth < 3:
        inner = value
    elif kind is dict and len(value) <= 64 and depth < 3:
        inner = value.values()
    elif kind is Instance and depth < 2:
        inner = list(value.attributes.values())[:64]
    held: frozenset[int] = frozenset()
    for part in inner:
        if type(part) is not str:
            held |= positions_in(part, depth + 1)
    return held


def text_of(parts: Iterable[Value], line: int) -> TextOf:
    """The text of these parts, texts among them taken apart."""
    flat: list[Value] = []
    for part in parts:
        for piece in part.parts if type(part) is TextOf else (part,):
            if isinstance(piece, str) and flat and isinstance(flat[-1], str):
                flat[-1] = flat[-1][-10_000:] + str(piece)
            else:
                flat.append(piece)
    if len(flat) > _MOST_PARTS:
        held = frozenset().union(*map(positions_in, flat))
        flat = [OfLosses("a long text", line, held) if held else Opaque("a long text", line, "text")]
    unknown = next((p for p in flat if isinstance(p, Opaque)), None)
    return TextOf(tuple(flat), line, "text of a loss" if unknown is None else unknown.reason)


def joined(interp: Interp, pieces: Iterable[Value], line: int) -> TextOf:
    """One text after another; each value is reported with what stands before it."""
    taken = list(pieces)
    before = ""
    for piece in taken:
        if isinstance(piece, str):
            before = (before + piece)[-_TAIL:]
            continue
        interp.observer.formatted(interp, piece, before, line)
        before = ending(piece)
    return text_of(taken, line)


def ending(text: Value) -> str:
    """The literal text at the end of a text."""
    if type(text) is TextOf:
        text = text.parts[-1] if text.parts else ""
    return text[-_TAIL:] if isinstance(text, str) else ""


def altered(interp: Interp, text: TextOf, what: str, line: int) -> TextOf:
    """A text after something was done to it that may change the numbers in it."""
    interp.observer.altered(interp, text, what, line)
    parts: list[Value] = []
    for part in text.parts:
        held = positions_in(part)
        parts.append(
            part if isinstance(part, str) or not held else OfLosses(f"text after {what}", line, held)
        )
    return text_of(parts, line)


def of_fields(interp: Interp, fields: list[tuple[str, Value]], rest: str, line: int) -> TextOf:
    """A template filled in: the literal text before each field, the field's value, and the literal text at the end."""
    pieces: list[Value] = []
    for literal, value in fields:
        pieces += [literal, shown(value)]
    return joined(interp, [*pieces, rest], line)


def shown(value: Value) -> Value:
    """A value as a part of a text: known numbers and texts written out, roughly."""
    if type(value) is Tensor and len(value.data) == 1:
        value = value.data[0]
    if isinstance(value, str):
        return value
    if value is None or type(value) in (int, bool):
        return str(value)
    return value


def percent_fields(template: str, values: Value) -> tuple[list[tuple[str, Value]], str] | None:
    """The fields of `template % values` with the literal text before each, and the rest; None where they do not fit."""
    pieces = list(values) if isinstance(values, tuple) else [values]
    fields: list[tuple[str, Value]] = []
    literal, at, used = "", 0, 0
    for match in _FIELD.finditer(template):
        literal += template[at : match.start()]
        at = match.end()
        if match["kind"] == "%":
            literal += "%"
            continue
        if match["key"] is not None:
            if not isinstance(values, dict) or match["key"] not in values:
                return None
            value = values[match["key"]]
        else:
            if used >= len(pieces):
                return None
            value = pieces[used]
            used += 1
        fields.append((literal, value))
        literal = ""
    return fields, literal + template[at:]


def brace_fields(
    template: str, args: list[Value], kwargs: dict[Value, Value]
) -> tuple[list[tuple[str, Value]], str] | None:
    """The fields of `template.format(*args, **kwargs)`; None where they look into their values or do not fit."""
    fields: list[tuple[str, Value]] = []
    count, rest = 0, ""
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError:
        return None
    for literal, name, _, _ in parsed:
        rest += literal
        if name is None:
            continue
        if name == "":
            name = str(count)
            count += 1
        if name.isdigit() and len(name) < 4 and int(name) < len(args):
            value = args[int(name)]
        elif name in kwargs:
            value = kwargs[name]
        else:
            return None
        fields.append((rest, value))
        rest = ""
    return fields, rest


def dollar_fields(template: str, given: dict[Value, Value]) -> tuple[list[tuple[str, Value]], str]:
    """The fields of `string.Template(template)`; what is not given stays as it is."""
    fields: list[tuple[str, Value]] = []
    literal, at = "", 0
    for match in re.finditer(r"\$(?:(\$)|(\w{1,80})|\{(\w{1,80})\})", template):
        literal += template[at : match.start()]
        at = match.end()
        name = match[2] or match[3]
        if name is None or name not in given:
            literal += "$" if name is None else match[0]
            continue
        fields.append((literal, given[name]))
        literal = ""
    return fields, literal + template[at:]
