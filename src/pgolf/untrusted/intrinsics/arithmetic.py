"""Numbers: Python's functions and methods of them, and `math`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Call, Kwargs, Method, first_unknown, items_of, scalar
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import Tensor, caster
from pgolf.untrusted.values import (
    SCALED,
    Instance,
    Intrinsic,
    Loss,
    Module,
    NativeObject,
    OfLosses,
    Opaque,
    Scaled,
    Value,
)


def _abs(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0]
    if type(value) in SCALED:
        return (
            value
            if value.low >= 0 and value >= 0
            else scaled.hidden("abs() of a number that grows with the run", line)
        )
    if isinstance(value, (int, float)):
        return abs(value)
    if isinstance(value, Tensor):
        cast = caster(value.dtype)
        made = Tensor(
            [cast(abs(x)) if isinstance(x, (int, float)) else Opaque("abs of a loss") for x in value.data],
            value.shape,
            value.dtype,
        )
        made.library = value.library
        return made
    return value if isinstance(value, Opaque) else Opaque("abs()", line)


def _round(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = scalar(args[0])
    digits = args[1] if len(args) > 1 else kwargs.get("ndigits")
    if type(value) in SCALED:
        if digits is not None and scaled.sums(value):
            return scaled.hidden("round() of a sum over the stream", line)
        return scaled.monotone("round", round, value, line) if digits is None else value
    if isinstance(value, (int, float)) and (
        digits is None or (isinstance(digits, int) and abs(digits) < 400)
    ):
        try:
            return round(value) if digits is None else round(value, digits)
        except (ValueError, OverflowError) as error:
            raise raise_in_script(type(error).__name__, "round() of nan or inf", line) from None
    if isinstance(value, Loss):
        # So many digits are shown, or fewer than that of the sum of many.
        return (
            value
            if type(digits) is int and digits >= 2
            else OfLosses("round()", line, frozenset(value.weights))
        )
    return value if isinstance(value, Opaque) else Opaque("round()", line, "model")


def _divmod(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    a, b = args
    if any(isinstance(x, (Instance, Opaque, NativeObject)) for x in args):
        return first_unknown(args) or Opaque("divmod() of an object", line)
    return (operators.binary(interp, "FloorDiv", a, b, line), operators.binary(interp, "Mod", a, b, line))


def _pow(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) == 3 and any(map(scaled.grows, args)):
        return scaled.hidden("pow() of a number that grows with the run", line)
    if len(args) == 3 or kwargs:
        if not kwargs and all(isinstance(a, int) and abs(a) < operators.BIG for a in args):
            try:
                return pow(*[int(a) for a in args])
            except ValueError:
                raise raise_in_script("ValueError", "pow() without a value", line) from None
        return first_unknown(args) or Opaque("pow() with a modulus", line)
    return operators.binary(interp, "Pow", args[0], args[1], line)


def _ord(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0]
    if isinstance(value, (str, bytes)) and len(value) == 1:
        return ord(value)
    if isinstance(value, Opaque):
        return value
    raise raise_in_script("TypeError", "ord() expected a character", line)


def _chr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = scalar(args[0])
    if isinstance(value, (Opaque, Instance)):
        return value if isinstance(value, Opaque) else Opaque("chr() of an object", line)
    if not isinstance(value, int):
        raise raise_in_script("TypeError", "chr() of something that is no integer", line)
    if 0 <= value < 0x110000:
        return chr(value)
    raise raise_in_script("ValueError", "chr() arg not in range", line)


def _hex(name: str) -> Call:
    convert = {"hex": hex, "bin": bin, "oct": oct}[name]

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        value = scalar(args[0])
        if type(value) is Scaled:
            return scaled.grown_text(convert(int(value)))
        if isinstance(value, int):
            return convert(int(value))
        return value if isinstance(value, Opaque) else Opaque(f"{name}()", line)

    return run


def _to_bytes(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    length = args[0] if args else kwargs.get("length", 1)
    order = args[1] if len(args) > 1 else kwargs.get("byteorder", "big")
    signed = kwargs.get("signed", False)
    if not isinstance(length, int) or not 0 <= length <= 4096 or order not in ("big", "little"):
        return Opaque("to_bytes() with unknown arguments", line)
    try:
        return int(value).to_bytes(length, order, signed=bool(signed))
    except OverflowError:
        raise raise_in_script("OverflowError", "int too big to convert", line) from None


def _of_number(f: Callable[[Any], Value]) -> Method:
    """A method of a number without arguments."""

    def run(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        if args or kwargs:
            raise raise_in_script("TypeError", "the method takes no arguments", line)
        return f(value)

    return run


INT_METHODS: dict[str, Method] = {
    "bit_length": _of_number(lambda v: int(v).bit_length()),
    "bit_count": _of_number(lambda v: int(v).bit_count()),
    "conjugate": _of_number(int),
    "__index__": _of_number(int),
    "to_bytes": _to_bytes,
}

FLOAT_METHODS: dict[str, Method] = {
    "is_integer": _of_number(lambda v: float(v).is_integer()),
    "conjugate": _of_number(float),
    "hex": _of_number(lambda v: float(v).hex()),
}

_MATH_UNARY = (
    "sqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "atan", "tanh", "fabs", "floor", "ceil",
    "trunc", "isnan", "isinf", "isfinite", "erf", "degrees", "radians", "sinh", "cosh",
)  # fmt: skip


def _math(name: str) -> Call:
    function = getattr(math, name)

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        if name == "fsum":
            return _fsum(interp, args, line)
        if kwargs:
            return Opaque(f"math.{name} with options", line)
        values = [scalar(a) for a in args]
        unknown = first_unknown(values)
        if unknown is not None:
            return Opaque(unknown.reason, unknown.line, unknown.origin)
        if any(isinstance(v, Loss) for v in values):
            return Opaque(f"math.{name} of a loss", line, "model")
        if not all(isinstance(v, (int, float)) for v in values):
            raise raise_in_script("TypeError", f"math.{name}()", line)
        try:
            if any(type(v) in SCALED for v in values):
                if len(values) == 1:
                    return scaled.monotone(name, function, values[0], line)
                return scaled.hidden(f"math.{name} of a number that grows with the run", line)
            result = function(*values)
        except (ValueError, OverflowError, ZeroDivisionError, TypeError) as error:
            raise raise_in_script(type(error).__name__, "math domain error", line) from None
        return result

    return run


def _fsum(interp: Interp, args: Args, line: int) -> Value:
    values = [scalar(v) for v in items_of(interp, args[0], line)]
    if all(type(v) in (int, float, bool) for v in values):
        return math.fsum(values)
    return first_unknown(values) or Opaque("math.fsum of something else than numbers", line)


def math_module() -> Module:
    module = Module("math")
    for name in (
        *_MATH_UNARY,
        "atan2",
        "fmod",
        "hypot",
        "pow",
        "isqrt",
        "comb",
        "factorial",
        "copysign",
        "gcd",
        "lcm",
        "fsum",
        "isclose",
    ):
        module.attributes[name] = Intrinsic(f"math.{name}", _math(name))
    module.attributes["prod"] = Intrinsic("math.prod", _prod)
    for name in ("pi", "e", "inf", "nan", "tau"):
        module.attributes[name] = getattr(math, name)
    return module


def _prod(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    acc: Value = kwargs.get("start", 1)
    if isinstance(args[0], Opaque):
        return args[0]
    for x in items_of(interp, args[0], line):
        acc = operators.binary(interp, "Mult", acc, x, line)
    return acc


ARITHMETIC: dict[str, Call] = {
    "abs": _abs, "round": _round, "divmod": _divmod, "pow": _pow, "ord": _ord, "chr": _chr, "hex": _hex("hex"),
    "bin": _hex("bin"), "oct": _hex("oct"),
}  # fmt: skip
