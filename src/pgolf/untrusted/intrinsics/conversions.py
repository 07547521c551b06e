"""Python's types as functions: numbers, text, bytes and containers made of other values."""

from __future__ import annotations

import math

from pgolf.errors import LimitTripped
from pgolf.untrusted import scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import (
    Args,
    Call,
    Kwargs,
    first_unknown,
    items_of,
    of_items,
    scalar,
    text_room,
)
from pgolf.untrusted.intrinsics.texts import decode, encode
from pgolf.untrusted.objects import written_object
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    SCALED,
    Cursor,
    DType,
    ExceptionValue,
    Instance,
    Loss,
    NativeObject,
    OfLosses,
    Opaque,
    Scaled,
    ScaledFloat,
    ScaledText,
    Stuck,
    TextOf,
    Tok,
    Value,
)


def _int(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not args:
        return 0
    value = scalar(args[0])
    if isinstance(value, Opaque):
        return value
    try:
        if type(value) is ScaledText and len(args) == 1 and not kwargs:
            number = Scaled.of(int(value), value.low, value.high)
            number.on, number.other = value.on, value.other
            return number
        if (len(args) > 1 or kwargs) and isinstance(value, (int, float)):
            raise raise_in_script("TypeError", "int() of a number with a base", line)
        if type(value) is Scaled:
            return value
        if type(value) is ScaledFloat:
            return scaled.monotone("trunc", math.trunc, value, line)
        if isinstance(value, (str, bytes)):
            if len(value) > 1200:
                raise LimitTripped("int_bits", interp.limits.int_bits)
            base = args[1] if len(args) > 1 else kwargs.get("base", 10)
            if type(value) is ScaledText:
                return scaled.hidden("int() of the text of a number that grows with the run", line)
            return int(value, base) if isinstance(base, int) else Opaque("unknown base", line)
        if isinstance(value, Tok):
            return value
        if isinstance(value, (int, float)):
            return int(value)
    except (ValueError, OverflowError) as error:
        raise raise_in_script(type(error).__name__, "invalid literal for int()", line) from None
    if isinstance(value, Instance):
        from pgolf.untrusted.objects import get_attribute

        method = get_attribute(interp, value, "__int__", line, missing_ok=True)
        return (
            interp.call(method, [], {}, line) if method is not MISSING else Opaque("int() of an object", line)
        )
    if isinstance(value, Loss):
        return OfLosses("int() of a loss", line, frozenset(value.weights))
    raise raise_in_script("TypeError", "int() argument", line)


def _float(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = scalar(args[0]) if args else 0.0
    if isinstance(value, (Opaque, Loss)):
        return value
    try:
        if type(value) in SCALED:
            return scaled.as_float(value)
        if type(value) is ScaledText:
            return ScaledFloat.of(float(value), value.low, value.high)
        if isinstance(value, (str, int, float, bytes)):
            return float(value)
    except (ValueError, OverflowError) as error:
        raise raise_in_script(type(error).__name__, "could not convert to float", line) from None
    if isinstance(value, (Instance, NativeObject)):
        return Opaque("float() of an object", line)
    raise raise_in_script("TypeError", "float() argument", line)


def _bool(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return interp.truth(args[0], line) if args else False


def _str(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not args:
        return ""
    value = scalar(args[0])
    if isinstance(value, str):
        return value
    if len(args) > 1 and isinstance(value, (int, float, type(None), list, dict)):
        raise raise_in_script("TypeError", "str() of something else than bytes with an encoding", line)
    if isinstance(value, (Loss, OfLosses)):
        return TextOf((value,), line)
    if type(value) is Instance:
        return written_object(interp, value, "", line)
    if isinstance(value, bytes) and len(args) > 1:
        return decode(interp, value, args[1:], kwargs, line)
    if isinstance(value, NativeObject):
        from pgolf.untrusted.intrinsics import native_text

        return native_text(value, line)
    if type(value) in SCALED:
        written = ScaledText.of(str(value), value.low, value.high)
        written.on, written.other = value.on, getattr(value, "other", None)
        return written
    if value is None or isinstance(value, (int, float, bytes)):
        return str(value)
    if isinstance(value, Opaque):
        return value
    if isinstance(value, ExceptionValue):
        if not value.args:
            return ""
        only = value.args[0]
        plain = len(value.args) == 1 and value.kind != "KeyError" and type(only) in (str, int)
        return str(only) if plain else Opaque("text of an exception", line, "text")
    if isinstance(value, DType):
        return Opaque("text of an element type", line, "text")
    return Opaque(f"text of a value of kind {type(value).__name__}", line, "text")


def _bytes(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not args:
        return b""
    value = args[0]
    if isinstance(value, str) != (len(args) > 1 or bool(kwargs)) and not isinstance(value, Opaque):
        raise raise_in_script("TypeError", "bytes() of text needs an encoding, and nothing else does", line)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str):
        return encode(interp, value, args[1:], kwargs, line)
    if isinstance(value, int):
        if value < 0:
            raise raise_in_script("ValueError", "negative count", line)
        text_room(interp, value)
        return bytes(value)
    if isinstance(value, (Opaque, Instance)):
        return value if isinstance(value, Opaque) else Opaque("bytes() of an object", line)
    parts = items_of(interp, value, line)
    numbers = [scalar(x) for x in parts]
    unknown = first_unknown(numbers)
    if unknown is not None:
        return unknown
    if not all(isinstance(x, int) for x in numbers):
        raise raise_in_script("TypeError", "bytes() of something else than integers", line)
    try:
        return bytes(map(int, numbers))
    except (ValueError, TypeError):
        raise raise_in_script("ValueError", "bytes must be in range(0, 256)", line) from None


def _bytearray(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = _bytes(interp, args, kwargs, line)
    if isinstance(value, bytes):
        out = bytearray(value)
        interp.register(out)
        return out
    return value


def _list(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not args:
        return interp.made([])
    if isinstance(args[0], Opaque) or (isinstance(args[0], Cursor) and args[0].lost is not None):
        return args[0] if isinstance(args[0], Opaque) else args[0].lost
    return interp.made(items_of(interp, args[0], line))


def _tuple(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and isinstance(args[0], Opaque):
        return args[0]
    return tuple(items_of(interp, args[0], line)) if args else ()


def make_set(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and isinstance(args[0], Opaque):
        return args[0]
    values = [
        scalar(x) if isinstance(x, Tensor) else x for x in (items_of(interp, args[0], line) if args else [])
    ]
    unknown = first_unknown(values)
    if unknown is not None:
        return unknown
    from pgolf.untrusted.expressions import hashable

    if any(hashable(v) is None and v is not None for v in values):
        raise raise_in_script("TypeError", "unhashable", line)
    return interp.made(set(values))


def _frozenset(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    made = make_set(interp, args, kwargs, line)
    return frozenset(made) if isinstance(made, set) else made


def make_dict(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.expressions import hashable

    out: dict[Value, Value] = {}
    if args:
        value = args[0]
        if isinstance(value, Opaque):
            return value
        if isinstance(value, dict):
            out.update(value)
        else:
            for pair in items_of(interp, value, line):
                if not isinstance(pair, (tuple, list)):
                    raise raise_in_script("TypeError", "dict() of something else than pairs", line)
                if len(pair) != 2:
                    raise raise_in_script("ValueError", "dict() of something else than pairs", line)
                if isinstance(pair[0], Opaque) or (hashable(pair[0]) is None and pair[0] is not None):
                    raise Stuck("dictionary with an unknown key", line)
                out[pair[0]] = pair[1]
    out.update(kwargs)
    return interp.made(out)


CONVERSIONS: dict[str, Call] = {
    "int": _int, "float": _float, "bool": _bool, "str": _str, "bytes": of_items(_bytes), "bytearray": of_items(_bytearray),
    "list": of_items(_list), "tuple": of_items(_tuple), "set": of_items(make_set), "frozenset": of_items(_frozenset),
    "dict": of_items(make_dict),
}  # fmt: skip
