"""Element types of arrays: names, codes and casts."""

from __future__ import annotations

from pgolf.untrusted import operators
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, Method, array_room
from pgolf.untrusted.tensor import DTYPE_NAMES, Tensor, cast_to
from pgolf.untrusted.values import DType, Loss, Module, NativeClass, NativeObject, OfLosses, Opaque, Value

DTYPES = {
    "int": "int64", "long": "int64", "short": "int16", "float": "float32", "double": "float64", "half": "float16",
    "bool_": "bool", "int_": "int64", "float_": "float64", "intp": "int64", "uint": "uint64", "byte": "uint8",
    "ubyte": "uint8", "ushort": "uint16", "single": "float32", "longlong": "int64", "object_": "object",
    "intc": "int32", **{n: n for n in DTYPE_NAMES},
}  # fmt: skip

_CODES = {
    "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8", "u2": "uint16", "u4": "uint32",
    "u8": "uint64", "f2": "float16", "f4": "float32", "f8": "float64", "b": "int8", "B": "uint8", "h": "int16",
    "H": "uint16", "i": "int32", "I": "uint32", "l": "int64", "q": "int64", "Q": "uint64", "?": "bool", "f": "float32",
    "d": "float64", "b1": "bool",
}  # fmt: skip


_LOW_PRECISION = frozenset({"float16", "bfloat16"})
"""Types that round a loss, or a sum of losses, at its third digit."""


def dtype_of(value: Value) -> str | None:
    """The element type that a `dtype=` argument names, or None when it is none or unknown."""
    if isinstance(value, DType):
        return value.name
    if isinstance(value, str):
        code = value.lstrip("<>=|")
        return _CODES.get(code) or DTYPES.get(code)
    if isinstance(value, NativeClass):
        return {"bool": "bool", "int": "int64", "float": "float64"}.get(value.name) or DTYPES.get(value.name)
    if isinstance(value, NativeObject) and value.kind == "dtype":
        return str(value.state)
    return None


def _narrowed(interp: Interp, t: Tensor, name: str, line: int) -> Tensor:
    """`t` as `name`. One number (a sum, as a rule) that is made narrow may not fit at full size."""
    if not t.shape and name in operators.NARROW and not isinstance(t.data[0], (Opaque, Loss)):
        interp.at_scale(f"makes one number {name}", line)
    cast = cast_to(t, name)
    if name in _LOW_PRECISION and any(type(x) is Loss for x in t.data):
        cast.data[:] = [
            OfLosses(f"a loss as {name}", line, frozenset(x.weights)) if type(x) is Loss else x
            for x in cast.data
        ]
    return cast


def _to(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    for a in [*args, kwargs.get("dtype"), kwargs.get("other")]:
        if isinstance(a, Tensor):
            a = DType(a.dtype)
        name = dtype_of(a) if a is not None and not isinstance(a, str) else None
        if isinstance(a, str) and a in DTYPES:
            name = DTYPES[a]
        if name is not None:
            array_room(interp, len(t.data) >> 2)
            return _narrowed(interp, t, name, line) if name != t.dtype or "copy" in kwargs else t
    return cast_to(t, t.dtype) if "copy" in kwargs else t


def _cast_method(name: str) -> Method:
    def run(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
        interp.cells(len(t.data) >> 2)
        return _narrowed(interp, t, name, line) if t.dtype != name else t

    return run


def _astype(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    given = args[0] if args else kwargs.get("dtype")
    name = dtype_of(given)
    if name is None or name == "object":
        return given if isinstance(given, Opaque) else Opaque("cast to an unmodelled element type", line)
    if kwargs.get("copy", True) is not True and name == t.dtype:
        return t
    interp.cells(len(t.data) >> 2)
    return _narrowed(interp, t, name, line)


def _type(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return _astype(interp, t, args[:1], {"copy": False}, line) if args else Opaque("type()", line)


def _type_as(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not isinstance(args[0], Tensor):
        return args[0] if isinstance(args[0], Opaque) else Opaque("type_as()", line)
    return t if args[0].dtype == t.dtype else _narrowed(interp, t, args[0].dtype, line)


def iinfo(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    name = dtype_of(args[0]) if args else None
    from pgolf.untrusted.tensor import _INT_BITS

    if name in _INT_BITS:
        bits, signed = _INT_BITS[name]
        module = Module("iinfo")
        module.attributes.update(
            max=(1 << (bits - signed)) - 1, min=-(1 << (bits - 1)) if signed else 0, bits=bits
        )
        return module
    return Opaque("iinfo()", line)


def dtype_object(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    name = dtype_of(args[0]) if args else None
    if name is None:
        return Opaque("dtype()", line)
    return DType(name)


CAST_METHODS: dict[str, Method] = {
    "to": _to, "type": _type, "type_as": _type_as, "astype": _astype, "long": _cast_method("int64"),
    "int": _cast_method("int32"), "short": _cast_method("int16"), "float": _cast_method("float32"),
    "double": _cast_method("float64"), "half": _cast_method("float16"), "bool": _cast_method("bool"),
    "bfloat16": _cast_method("bfloat16"), "byte": _cast_method("uint8"), "char": _cast_method("int8"),
}  # fmt: skip
