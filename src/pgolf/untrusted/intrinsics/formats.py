"""Texts and bytes with a form: JSON, regular expressions, `struct`, `array`."""

from __future__ import annotations

import json
import re
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Call, Kwargs, NativeMethod, first_unknown, items_of, scalar
from pgolf.untrusted.intrinsics.files import shard_slice, write_file
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import NativeObject, Opaque, Value
from pgolf.untrusted.written import dollar_fields, of_fields


def _report_fields(interp: Interp, value: Value, line: int, depth: int = 0) -> None:
    """Report each value of a dictionary under its key, dictionaries inside it included."""
    held = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    if isinstance(value, dict):
        for key, shown in value.items():
            if isinstance(key, str):
                interp.observer.formatted(interp, shown, key, line)
    if depth < 8:
        for inner in held:
            if isinstance(inner, (dict, list, tuple)):
                _report_fields(interp, inner, line, depth + 1)


def json_dump(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`json.dump` and `dumps`: each value of a dictionary is reported under its key."""
    first = args[0] if args else None
    _report_fields(interp, first, line)
    target = args[1] if len(args) > 1 else kwargs.get("fp")
    text = _json_text(interp, first, {k: v for k, v in kwargs.items() if k != "fp"}, line)
    if target is None:
        return text
    if isinstance(target, NativeObject) and target.kind == "output file":
        write_file(interp, target.state, text, line, append=True)
    return None


def json_loads(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if kwargs:
        return Opaque("JSON with options", line)
    text = args[0]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if scaled.grows(text):
        return scaled.hidden("JSON that holds a number that grows with the run", line)
    if isinstance(text, str):
        if text.count("[") + text.count("{") > 200_000:
            return Opaque("deep JSON", line)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise raise_in_script("ValueError", "not JSON", line) from None
        interp.cells(len(text) >> 2)
        return value
    return text if isinstance(text, Opaque) else Opaque("JSON", line)


def json_load(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], NativeObject) and args[0].kind == "input file":
        return json_loads(interp, [args[0].state[0]], {}, line)
    return args[0] if isinstance(args[0], Opaque) else Opaque("JSON", line)


def re_call(name: str) -> Call:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        return _regex(interp, name, args, kwargs, line)

    return run


_SIMPLE_PATTERN = re.compile(
    r"(?:\\[dwsDWS.\-_/|<>\[\]()]|[\w\s<>=:,\-/#%@!\"'&;~`]|\[[^\[\]\\]{1,40}\]|\.|\^|\$|\(\?:|\(|\)|\||[+*?]|\{\d{1,2}(?:,\d{0,2})?\})*\Z"
)


def _regex(interp: Interp, name: str, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`re.match`, `search`, `fullmatch`, `sub` with a pattern simple enough to be harmless on short text."""
    pattern = args[0]
    text = args[-1] if name != "sub" else args[2] if len(args) > 2 else None
    if isinstance(pattern, NativeObject) and pattern.kind == "pattern":
        pattern = pattern.state
    if kwargs:
        return Opaque("regular expression with options", line)
    if not isinstance(pattern, str) or not isinstance(text, str) or len(text) > 300 or len(pattern) > 60:
        return first_unknown(args) or Opaque("regular expression", line)
    if (
        pattern.count("+") + pattern.count("*") > 3
        or not _SIMPLE_PATTERN.match(pattern)
        or ")+" in pattern
        or ")*" in pattern
    ):
        return Opaque("regular expression that is not plainly linear", line)
    interp.step(len(text))
    try:
        if name == "sub":
            if len(args) > 3:
                return Opaque("re.sub() with a count", line)
            return (
                re.sub(pattern, args[1], text)
                if isinstance(args[1], str) and len(args[1]) < 100
                else Opaque("re.sub()", line)
            )
        found = getattr(re, name)(pattern, text)
    except (re.error, TypeError, RecursionError):
        raise raise_in_script("Exception", "bad pattern", line) from None
    if found is None or name in ("findall", "split"):
        return found
    return NativeObject("match", MATCH_METHODS, [found.group(0), *found.groups()])


def compiled(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) == 1 and not kwargs and isinstance(args[0], str):
        return NativeObject("pattern", PATTERN_METHODS, args[0])
    return Opaque("pattern", line)


def _group(target: NativeObject, args: Args, line: int) -> Value:
    """One group of a match, or several as a tuple."""
    if not all(type(a) is int for a in args):
        return first_unknown(args) or Opaque("a group by its name", line)
    if not all(0 <= a < len(target.state) for a in args):
        raise raise_in_script("IndexError", "no such group", line)
    found = [target.state[a] for a in args or [0]]
    return found[0] if len(found) == 1 else tuple(found)


MATCH_METHODS: dict[str, NativeMethod] = {
    "group": lambda i, t, a, k, ln: _group(t, a, ln),
    "groups": lambda i, t, a, k, ln: tuple(t.state[1:]),
}

PATTERN_METHODS: dict[str, NativeMethod] = {
    name: (lambda n: lambda i, t, a, k, ln: _regex(i, n, [t, *a], k, ln))(name)
    for name in ("match", "search", "fullmatch", "sub", "findall")
}


def struct_unpack(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import struct

    form, data = args[0], args[1]
    if isinstance(form, str) and len(form) < 40 and not re.search(r"\d{5,}", form):
        if isinstance(data, bytes):
            try:
                return tuple(struct.unpack(form, data))
            except struct.error:
                raise raise_in_script("Exception", "unpack()", line) from None
        if isinstance(data, NativeObject) and data.kind == "shard bytes" and isinstance(data.state, tuple):
            text, at, n = data.state
            header = shard_slice(interp, text, "int32", at, n // 4, line)
            if isinstance(header, Tensor) and re.fullmatch(r"[<=]?\d*[iI]", form):
                return tuple(header.data)
    return Opaque("struct.unpack()", line)


def struct_pack(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import struct

    form, values = args[0], [scalar(v) for v in args[1:]]
    if any(map(scaled.grows, values)):
        return scaled.hidden("pack() of a number that grows with the run", line)
    if (
        isinstance(form, str)
        and len(form) < 40
        and not re.search(r"\d{5,}", form)
        and all(isinstance(v, (int, float, bytes)) for v in values)
    ):
        try:
            return struct.pack(form, *[int(v) if isinstance(v, bool) else v for v in values])
        except (struct.error, OverflowError):
            raise raise_in_script("Exception", "pack()", line) from None
    return first_unknown(values) or Opaque("struct.pack()", line)


def struct_iterate(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import struct

    form, data = args[0], args[1] if len(args) > 1 else None
    if (
        isinstance(form, str)
        and len(form) < 40
        and isinstance(data, bytes)
        and not re.search(r"\d{5,}", form)
    ):
        interp.cells(len(data))
        try:
            return interp.made([tuple(row) for row in struct.iter_unpack(form, data)])
        except struct.error:
            raise raise_in_script("Exception", "iter_unpack()", line) from None
    return Opaque("struct.iter_unpack()", line)


_ARRAY_RANGES = {"b": 8, "B": 8, "h": 16, "H": 16, "i": 32, "I": 32, "l": 64, "L": 64, "q": 64, "Q": 64}


def array_object(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`array.array("h", values)` as a list of numbers; one that is given bytes, or values out of its range, is unknown."""
    code = args[0] if args else None
    if not isinstance(code, str) or code not in _ARRAY_RANGES:
        return Opaque("array.array() of another kind", line)
    bits = _ARRAY_RANGES[code]
    numbers = range(2**bits) if code.isupper() else range(-(2 ** (bits - 1)), 2 ** (bits - 1))
    if len(args) < 2:
        return _numbers(interp, [], numbers)
    if isinstance(args[1], (bytes, bytearray, str)):
        return Opaque("array.array() of bytes", line)
    values = [scalar(v) for v in items_of(interp, args[1], line)]
    if any(not isinstance(v, int) or v not in numbers for v in values):
        return first_unknown(values) or Opaque("array.array() of other values", line)
    return _numbers(interp, [int(v) for v in values], numbers)


def _numbers(interp: Interp, values: list[Value], numbers: range) -> Value:
    made = interp.made(values)
    interp.number_arrays[id(made)] = (made, numbers)
    return made


def _plain_json(value: Value, depth: int = 0) -> int:
    """How many nodes a value of plain JSON has, or a huge number for any other."""
    if value is None or isinstance(value, (bool, float, str)) or type(value) is int:
        return 1
    if depth > 12:
        return 1 << 40
    if isinstance(value, (list, tuple)):
        return 1 + sum(_plain_json(v, depth + 1) for v in value)
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return 1 + sum(_plain_json(v, depth + 1) for v in value.values())
    return 1 << 40


_JSON_OPTIONS = frozenset({"indent", "sort_keys", "ensure_ascii"})


def _holds_grown(value: Value) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_grown, value.values())) or any(map(scaled.grows, value))
    return any(map(_holds_grown, value)) if isinstance(value, (list, tuple)) else scaled.grows(value)


def _json_text(interp: Interp, value: Value, kwargs: Kwargs, line: int) -> Value:
    """The text of plain JSON; any other value, and options that could change the text unseen, give something unknown."""
    nodes = _plain_json(value)
    if nodes > 200_000 or not kwargs.keys() <= _JSON_OPTIONS:
        return Opaque("JSON text", line, "text")
    options: dict[str, Any] = {k: v for k, v in kwargs.items() if v is None or isinstance(v, (int, bool))}
    if len(options) < len(kwargs) or (options.get("indent") or 0) > 16:
        return Opaque("JSON text", line, "text")
    interp.cells(nodes)
    interp.step(nodes)
    text = json.dumps(value, **options)
    if _holds_grown(value):
        text = scaled.grown_text(text)
    if len(text) > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars, "JSON text")
    return text


def struct_size(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import struct

    try:
        return (
            struct.calcsize(args[0])
            if isinstance(args[0], str) and len(args[0]) < 40
            else Opaque("calcsize()", line)
        )
    except struct.error:
        return Opaque("calcsize()", line)


def normalize(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    import unicodedata

    form, text = args
    if form in ("NFC", "NFD", "NFKC", "NFKD") and isinstance(text, str) and len(text) < 10_000:
        return unicodedata.normalize(form, text)
    return first_unknown(args) or Opaque("normalize()", line)


def make_template(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`string.Template(text)`."""
    text = args[0] if args else kwargs.get("template")
    if type(text) is not str or len(text) > 10_000:
        return Opaque("a template of texts", line)
    return NativeObject("template", _TEMPLATE_METHODS, text)


def _substitute(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and not isinstance(args[0], dict):
        return Opaque("a template filled in with something unknown", line, "text")
    given = {**(args[0] if args else {}), **kwargs}
    made = of_fields(interp, *dollar_fields(target.state, given), line)
    return "".join(made.parts) if all(isinstance(p, str) for p in made.parts) else made


_TEMPLATE_METHODS: dict[str, NativeMethod] = {"substitute": _substitute, "safe_substitute": _substitute}
