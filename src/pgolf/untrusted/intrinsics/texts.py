"""Methods of text and bytes, each listed by hand and bounded."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pgolf.untrusted import scaled, written
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, Method, first_unknown, items_of, scalar, text_room
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.values import Opaque, UnknownItems, Value


def encode(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    encoding = args[0] if args else kwargs.get("encoding", "utf-8")
    errors = args[1] if len(args) > 1 else kwargs.get("errors", "strict")
    if not isinstance(value, str) or not isinstance(encoding, str) or not isinstance(errors, str):
        return Opaque("encode() with unknown arguments", line)
    if _codec(encoding) is None or errors not in _ERRORS:
        return Opaque(f"encoding {encoding[:20]} with {errors[:20]}", line)
    text_room(interp, 4 * len(value))
    try:
        return value.encode(_codec(encoding) or "utf-8", errors)
    except UnicodeError:
        raise raise_in_script("UnicodeEncodeError", "cannot encode", line) from None


def decode(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    encoding = args[0] if args else kwargs.get("encoding", "utf-8")
    errors = args[1] if len(args) > 1 else kwargs.get("errors", "strict")
    if not isinstance(encoding, str) or not isinstance(errors, str):
        return Opaque("decode() with unknown arguments", line)
    if _codec(encoding) is None or errors not in _ERRORS:
        return Opaque(f"encoding {encoding[:20]} with {errors[:20]}", line)
    text_room(interp, 4 * len(value))
    try:
        return bytes(value).decode(_codec(encoding) or "utf-8", errors)
    except UnicodeError:
        raise raise_in_script("UnicodeDecodeError", "cannot decode", line) from None


_ERRORS = frozenset({"strict", "ignore", "replace", "surrogateescape", "surrogatepass", "backslashreplace"})

_CODECS = {
    "utf8": "utf-8", "utf": "utf-8", "u8": "utf-8", "ascii": "ascii", "latin1": "latin-1", "iso88591": "latin-1",
    "utf16": "utf-16", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf32": "utf-32", "utf8sig": "utf-8-sig",
    "usascii": "ascii", "l1": "latin-1", "cp1252": "cp1252", "utf32le": "utf-32-le",
}  # fmt: skip


def _codec(name: str) -> str | None:
    return _known_codec(name[:40])


@lru_cache(maxsize=256)
def _known_codec(name: str) -> str | None:
    return _CODECS.get(re.sub(r"[-_ ]", "", name.lower()[:40]))


def _plain_text_method(name: str) -> Method:
    """A method of str or bytes whose result is no larger than its input and whose arguments are plain."""

    def run(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        plain: list[Any] = []
        for a in [*args, *kwargs.values()]:
            a = scalar(a)
            if isinstance(a, Opaque):
                return a
            if scaled.grows(a):
                return scaled.hidden(f"{name}() with a number that grows with the run", line)
            if isinstance(a, tuple) and any(isinstance(x, Opaque) for x in a):
                return Opaque(f"{name}() with an unknown alternative", line)
            if not (a is None or isinstance(a, (str, bytes, int, tuple, bytearray))):
                raise raise_in_script("TypeError", f"{name}() argument", line)
            plain.append(a)
        interp.step(len(value) >> 4)
        try:
            result = getattr(value, name)(
                *plain[: len(args)], **dict(zip(kwargs, plain[len(args) :], strict=True))
            )
        except (TypeError, ValueError) as error:
            raise raise_in_script(type(error).__name__, f"{name}() failed", line) from None
        if isinstance(result, list):
            return interp.made(result)
        return result

    return run


_STR_PLAIN = (
    "startswith", "endswith", "strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "capitalize", "swapcase",
    "split", "rsplit", "splitlines", "partition", "rpartition", "find", "rfind", "index", "rindex", "count", "isdigit",
    "isalpha", "isalnum", "isspace", "isupper", "islower", "isascii", "isdecimal", "isnumeric", "isidentifier",
    "isprintable", "istitle", "removeprefix", "removesuffix",
)  # fmt: skip

_BYTES_PLAIN = tuple(
    n for n in _STR_PLAIN if n not in ("casefold", "isdecimal", "isnumeric", "isidentifier", "isprintable")
)


def _replace(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    unknown = first_unknown(args)
    if unknown is not None:
        return unknown
    kinds = (str,) if isinstance(value, str) else (bytes, bytearray)
    fits = len(args) == 2 or (len(args) == 3 and isinstance(args[2], int))
    if not fits or not all(isinstance(a, kinds) for a in args[:2]):
        raise raise_in_script("TypeError", "replace() arguments", line)
    if kwargs:
        return Opaque("replace() with named arguments, which newer versions of Python take", line)
    old, new = args[0], args[1]
    hits = value.count(old) if old else len(value) + 1
    text_room(interp, len(value) + hits * len(new))
    return value.replace(old, new, int(args[2]) if len(args) > 2 else -1)


def _join(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Opaque):
        return args[0]
    try:
        parts = items_of(interp, args[0], line)
    except UnknownItems as found:
        return found.value
    unknown = first_unknown(parts)
    if unknown is not None:
        if isinstance(value, str):
            between = [x for part in parts for x in (value, part)]
            return written.joined(interp, between[1:], line)
        return Opaque(f"text with an unknown part: {unknown.reason}", line, "text")
    kinds = (bytes, bytearray) if isinstance(value, (bytes, bytearray)) else (str,)
    if not all(isinstance(p, kinds) for p in parts):
        raise raise_in_script("TypeError", "join() of something else than text", line)
    text_room(interp, sum(map(len, parts)) + len(value) * len(parts))
    joined = value.join(parts)
    return scaled.grown_text(joined) if any(map(scaled.grows, parts)) else joined


def _pad(name: str) -> Method:
    def run(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        width = scalar(args[0])
        if isinstance(width, Opaque):
            return width
        if not isinstance(width, int):
            raise raise_in_script("TypeError", f"{name}() width", line)
        text_room(interp, max(width, 0))
        fill = args[1:2]
        try:
            return getattr(value, name)(width, *fill) if name != "zfill" else value.zfill(width)
        except TypeError:
            raise raise_in_script("TypeError", f"{name}() argument", line) from None

    return run


def _str_format(interp: Interp, value: str, args: Args, kwargs: Kwargs, line: int) -> Value:
    plain = [scalar(a) for a in args]
    named = {k: scalar(v) for k, v in kwargs.items()}
    fields = written.brace_fields(value, plain, {**named})
    if "[" in value or re.search(r"\{[^{}]*\.(?!\d)", value) or re.search(r"\d{5,}", value):
        return written.text_of([value.split("{")[0], *plain, *named.values()], line)
    if not all(v is None or isinstance(v, (str, int, float, bytes)) for v in [*plain, *named.values()]):
        if fields is None:
            return written.text_of([value, *plain, *named.values()], line)
        return written.of_fields(interp, *fields, line)
    if fields is not None:
        # Known numbers are reported, too: a constant that is called a score is none.
        written.of_fields(interp, *fields, line)
    text_room(
        interp, len(value) + sum(len(str(v)) for v in [*plain, *named.values()]) * (value.count("{") + 1)
    )
    try:
        shown = value.format(*plain, **named)
        return scaled.grown_text(shown) if any(map(scaled.grows, [*plain, *named.values()])) else shown
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise raise_in_script(type(error).__name__, "format() failed", line) from None


def _format_map(interp: Interp, value: str, args: Args, kwargs: Kwargs, line: int) -> Value:
    given = args[0]
    if isinstance(given, dict) and all(isinstance(k, str) for k in given):
        return _str_format(interp, value, [], dict(given), line)
    return Opaque("format_map() of something unknown", line, "text")


_SAME_NUMBERS = (
    "strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "capitalize", "ljust", "rjust", "center", "expandtabs",
    "encode", "decode",
)  # fmt: skip
_ANSWERS = (
    "startswith",
    "endswith",
    "isdigit",
    "isalpha",
    "isalnum",
    "isspace",
    "isupper",
    "islower",
    "isascii",
    "count",
)


def _unknown_text_method(name: str) -> Method:
    """A method of a text with unknown parts: it keeps the numbers, tells something of it, or may change them."""
    if name in _SAME_NUMBERS:
        return lambda interp, value, args, kwargs, line: value
    if name in _ANSWERS:
        return lambda interp, value, args, kwargs, line: Opaque(
            f"{name}() of a text with an unknown part", line, "text"
        )
    return lambda interp, value, args, kwargs, line: written.altered(interp, value, f"{name}()", line)


def _translate(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    table = args[0]
    if len(args) > 1 or kwargs:
        return Opaque("translate() with deletions", line)
    if isinstance(value, str) and isinstance(table, dict):
        if not all(isinstance(k, int) and (v is None or isinstance(v, (int, str))) for k, v in table.items()):
            return Opaque("translate() with unknown parts", line)
        longest = max((len(v) for v in table.values() if isinstance(v, str)), default=1)
        text_room(interp, len(value) * max(1, longest))
        return value.translate(table)
    if isinstance(value, (bytes, bytearray)) and isinstance(table, bytes) and len(table) == 256:
        return value.translate(table)
    return Opaque("translate() with unknown parts", line)


def _expandtabs(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    size = args[0] if args else 8
    if not isinstance(size, int):
        return Opaque("expandtabs()", line)
    text_room(interp, len(value) * max(1, size))
    return value.expandtabs(size)


def _bytes_hex(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    text_room(interp, 3 * len(value))
    try:
        return bytes(value).hex(*args, **kwargs)
    except (TypeError, ValueError) as error:
        raise raise_in_script(type(error).__name__, "hex() arguments", line) from None


STR_METHODS: dict[str, Method] = {name: _plain_text_method(name) for name in _STR_PLAIN}

STR_METHODS.update(
    encode=encode, replace=_replace, join=_join, format=_str_format, format_map=_format_map, translate=_translate,
    expandtabs=_expandtabs,
    **{name: _pad(name) for name in ("ljust", "rjust", "center", "zfill")},
)  # fmt: skip

UNKNOWN_TEXT_METHODS: dict[str, Method] = {
    name: _unknown_text_method(name) for name in (*STR_METHODS, "decode", "zfill")
}
"""Methods of texts with unknown parts."""

BYTES_METHODS: dict[str, Method] = {name: _plain_text_method(name) for name in _BYTES_PLAIN}

BYTES_METHODS.update(
    decode=decode, replace=_replace, join=_join, hex=_bytes_hex, translate=_translate,
    **{name: _pad(name) for name in ("ljust", "rjust", "center", "zfill")},
)  # fmt: skip
