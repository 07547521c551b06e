"""numpy, torch and mlx: the operations that byte tables are built, moved and read with.

The three libraries are modelled together; where they differ (default element types), the module that a call came
from decides. Everything that is not listed is an unknown value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.builtin import (
    Args,
    Kwargs,
    Method,
    first_unknown,
    items_of,
    scalar,
    tensor_dimensions,
)
from pgolf.untrusted.operators import mean_loss, raise_in_script, scalar_op
from pgolf.untrusted.tensor import (
    DTYPE_NAMES,
    Tensor,
    agreed,
    broadcast_shape,
    cast_all,
    cast_to,
    caster,
    elementwise,
    expand_to,
    from_nested,
    get,
    item_bytes,
    promote,
    reduce_sum,
    reduce_with,
    reshape,
    same_memory,
    size_of,
    storer,
    total,
    transpose,
)
from pgolf.untrusted.values import (
    MISSING,
    Cursor,
    DType,
    Intrinsic,
    Loss,
    ModelOutput,
    Module,
    NativeClass,
    NativeObject,
    OfLosses,
    OnProcess,
    Opaque,
    Scaled,
    Stuck,
    Tok,
    Value,
    token_loss,
)

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


LARGE_ARRAY = 400_000
"""Elements from which a new array is a weight, a cache or a buffer, and no byte table: it is not materialised."""


def _room(interp: Interp, n: int) -> None:
    interp.cells(n)
    if n > interp.limits.interpreter_cells:
        raise LimitTripped("interpreter_cells", interp.limits.interpreter_cells)


def shape_from(interp: Interp, values: Args, line: int) -> tuple[int, ...]:
    """A shape given as one tuple or list, or as several integers. Raises Stuck when a size is unknown."""
    parts: list[Value] = []
    for v in values:
        parts.extend(v if isinstance(v, (tuple, list)) else [v])
    out: list[int] = []
    for p in parts:
        p = scalar(p)
        if isinstance(p, Opaque):
            raise Stuck(f"array of unknown size: {p.reason}", p.line or line)
        if not isinstance(p, int):
            raise raise_in_script("TypeError", "array size must be an integer", line)
        out.append(int(p))
    return tuple(out)


def _records(interp: Interp, value: Value, shape: tuple[int, ...], dtype: Value) -> Value | None:
    """A one-dimensional structured array: its fields are arrays, its items are rows; None for what is none."""
    if len(shape) != 1 or not isinstance(dtype, list) or not 1 <= len(dtype) <= 16:
        return None
    columns: dict[str, Tensor] = {}
    for part in dtype:
        if not isinstance(part, tuple) or len(part) != 2 or not isinstance(part[0], str):
            return None
        name = "bool" if part[1] == "?" else dtype_of(part[1])
        if name is None:
            return None
        _room(interp, shape[0])
        columns[part[0]] = Tensor([caster(name)(value)] * shape[0], shape, name)
    made = NativeObject("records", {}, columns)
    interp.register(made)
    return made


def _filled(
    value: Value, torch_like: bool, default: str | None = None
) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        sizes = list(args)
        dtype = dtype_of(kwargs["dtype"]) if "dtype" in kwargs else None
        if "size" in kwargs or "shape" in kwargs:
            sizes = [kwargs.get("size", kwargs.get("shape"))]
        elif not torch_like and len(args) > 1:
            dtype = dtype_of(args[1])
            sizes = args[:1]
        shape = shape_from(interp, sizes, line)
        n = size_of(shape)
        if n < 0 or any(d < 0 for d in shape):
            raise raise_in_script("RuntimeError", "negative size", line)
        if n > LARGE_ARRAY:
            return Opaque("a large array", line, "model")
        _room(interp, n)
        if kwargs.get("dtype") is not None and "dtype" in kwargs and dtype is None:
            made = _records(interp, value, shape, kwargs["dtype"])
            return made if made is not None else Opaque("array of an unmodelled element type", line)
        name = dtype or default or ("float32" if torch_like else "float64")
        return Tensor([storer(name)(value)] * n, shape, name)

    return run


def _full(torch_like: bool) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        size = args[0] if args else kwargs.get("size", kwargs.get("shape"))
        value = scalar(args[1] if len(args) > 1 else kwargs.get("fill_value", 0))
        if isinstance(value, (list, tuple, Tensor, str)):
            return Opaque("an array filled with a sequence", line)
        given = args[2] if len(args) > 2 else kwargs.get("dtype")
        dtype = dtype_of(given) if given is not None else None
        if given is not None and dtype is None:
            return Opaque("array of an unmodelled element type", line)
        if dtype is None:
            dtype = (
                "bool"
                if isinstance(value, bool)
                else "int64"
                if isinstance(value, int)
                else "float32"
                if torch_like
                else "float64"
            )
        shape = shape_from(interp, [size], line)
        n = size_of(shape)
        if any(d < 0 for d in shape):
            raise raise_in_script("RuntimeError", "negative size", line)
        if n > LARGE_ARRAY:
            return Opaque("a large array", line, "model")
        _room(interp, n)
        return Tensor([storer(dtype)(value)] * n, shape, dtype)

    return run


def _like(value: Value) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        t = args[0]
        if not isinstance(t, Tensor):
            return t if isinstance(t, Opaque) else Opaque("array like something else", line)
        fill = value
        if fill is None:
            fill = scalar(args[1] if len(args) > 1 else kwargs.get("fill_value", 0))
        dtype = dtype_of(kwargs["dtype"]) if kwargs.get("dtype") is not None else t.dtype
        if dtype is None:
            return Opaque("array of an unmodelled element type", line)
        _room(interp, len(t.data))
        return Tensor([storer(dtype)(fill)] * len(t.data), t.shape, dtype)

    return run


_EMPTY = Opaque("element of an array made by empty() and never set")


def _array(torch_like: bool) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        value = args[0] if args else kwargs.get("data", kwargs.get("object"))
        if kwargs.keys() & {"ndmin", "order"}:
            return Opaque("array() with options", line)
        given = kwargs.get("dtype", args[1] if len(args) > 1 else None)
        dtype = dtype_of(given) if given is not None else None
        if given is not None and dtype is None:
            return given if isinstance(given, Opaque) else Opaque("array of an unmodelled element type", line)
        if isinstance(value, Opaque):
            return value
        if isinstance(value, Tensor):
            if kwargs.get("copy", True) is not True and (dtype is None or dtype == value.dtype):
                return value
            _room(interp, len(value.data))
            return cast_to(value, dtype or value.dtype)
        if isinstance(value, (dict, str, bytes, set, Cursor)) or value is None:
            return Opaque("array of something that is no sequence", line)
        if isinstance(value, NativeObject):
            return Opaque(f"array of a {value.kind}", line)
        out = from_nested(value, dtype, torch_like, interp.limits.interpreter_cells)
        _room(interp, len(out.data))
        return out

    return run


def _same_array(torch_like: bool) -> Callable[[Interp, Args, Kwargs, int], Value]:
    """asarray, from_numpy, as_tensor, ascontiguousarray: the same memory where the type does not change."""
    copy = _array(torch_like)

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        value = args[0] if args else kwargs.get("data")
        given = kwargs.get("dtype", args[1] if len(args) > 1 else None)
        if isinstance(value, Tensor) and (given is None or dtype_of(given) == value.dtype):
            return same_memory(value, "torch" if torch_like else "numpy")
        return copy(interp, args, kwargs, line)

    return run


def _arange(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    values = [scalar(a) for a in args]
    if kwargs.keys() & {"start", "stop", "end", "step"}:
        if args:
            return Opaque("arange() with positional and named bounds", line)
        stop = kwargs.get("stop", kwargs.get("end"))
        values = [scalar(kwargs.get("start", 0)), scalar(stop), scalar(kwargs.get("step", 1))]
    unknown = first_unknown(values)
    if unknown is not None:
        return unknown
    dtype = dtype_of(kwargs["dtype"]) if kwargs.get("dtype") is not None else None
    if all(isinstance(v, int) for v in values):
        try:
            span = range(*values[:3])
        except (ValueError, TypeError):
            raise raise_in_script("ZeroDivisionError", "arange() without a step", line) from None
        if len(span) > LARGE_ARRAY:
            return Opaque("a large array", line, "model")
        _room(interp, len(span))
        return Tensor([storer(dtype or "int64")(x) for x in span], (len(span),), dtype or "int64")
    return Opaque("arange() of floats", line)


def _cat(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    parts = args[0] if args else kwargs.get("tensors")
    dim = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else 0))
    if isinstance(parts, Opaque):
        return parts
    items = items_of(interp, parts, line)
    unknown = first_unknown(items)
    if unknown is not None or not isinstance(dim, int):
        return unknown or Opaque("cat() along an unknown dimension", line)
    arrays = [x if isinstance(x, Tensor) else from_nested(x, None, False, 4_000_000) for x in items]
    if not arrays:
        raise raise_in_script("RuntimeError", "cat() of nothing", line)
    dtype = arrays[0].dtype
    for a in arrays[1:]:
        dtype = promote(dtype, a.dtype)
    _room(interp, sum(len(a.data) for a in arrays))
    n = len(arrays[0].shape)
    if not -n <= dim < n:
        raise Stuck("cat() along a dimension that is not there", line)
    dim %= n
    if dim == 0:
        rest = arrays[0].shape[1:]
        arrays = [a for a in arrays if a.shape != (0,) or not rest]
        if any(a.shape[1:] != rest for a in arrays):
            raise Stuck("cat() of different shapes", line)
        data = cast_all([x for a in arrays for x in a.data], dtype)
        return Tensor(data, (sum(a.shape[0] for a in arrays), *rest), dtype)
    outer = size_of(arrays[0].shape[:dim])
    data = []
    for o in range(outer):
        for a in arrays:
            block = size_of(a.shape[dim:])
            data.extend(a.data[o * block : (o + 1) * block])
    shape = list(arrays[0].shape)
    shape[dim] = sum(a.shape[dim] for a in arrays)
    return Tensor(cast_all(data, dtype), tuple(shape), dtype)


def _stack(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    dim = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else 0))
    parts = args[0]
    if isinstance(parts, Opaque):
        return parts
    arrays = [
        from_nested(a, None, False, 4_000_000) if isinstance(a, (list, tuple, int, float)) else a
        for a in items_of(interp, parts, line)
    ]
    if not arrays:
        raise raise_in_script("ValueError", "stack() of nothing", line)
    if not all(isinstance(a, Tensor) for a in arrays) or not isinstance(dim, int):
        return first_unknown(arrays) or Opaque("stack()", line)
    if any(a.shape != arrays[0].shape for a in arrays):
        raise Stuck("stack() of different shapes", line)
    lifted = [_unsqueeze(interp, a, [dim], {}, line) for a in arrays]
    return _cat(interp, [lifted, dim], {}, line)


def _where(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) == 1:
        return _nonzero(interp, args[0], [], {"as_tuple": True}, line)
    condition, a, b = args
    unknown = first_unknown([condition, a, b])
    if unknown is not None and not isinstance(unknown, ModelOutput):
        return unknown
    shape: tuple[int, ...] = ()
    for x in (condition, a, b):
        shape = broadcast_shape(shape, x.shape if isinstance(x, Tensor) else ())
    _room(interp, size_of(shape))
    chosen = _choice(a, b)
    if isinstance(chosen, Opaque):
        return chosen
    if not isinstance(condition, Tensor):
        condition = from_nested(condition, None, False, 4_000_000)
    lifted = [condition, *chosen]
    for x in lifted:
        shape = broadcast_shape(shape, x.shape)
    dtype = lifted[1].dtype
    cast = caster(dtype)
    data = [
        c if isinstance(c, Opaque) else cast(x if c else y)
        for c, x, y in zip(*(expand_to(t, shape) for t in lifted), strict=True)
    ]
    return Tensor(data, shape, dtype)


def _choice(a: Value, b: Value) -> list[Tensor] | Opaque:
    """Two values that elements are chosen from, as arrays of their common type."""
    if isinstance(a, (list, tuple)):
        a = from_nested(a, None, False, 4_000_000)
    if isinstance(b, (list, tuple)):
        b = from_nested(b, None, False, 4_000_000)
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return [elementwise(_pick_side(number), a, b, None) for number in (1, 2)]
    if any(isinstance(x, (str, bytes)) for x in (a, b)):
        return Opaque("a choice between texts")
    kinds = [from_nested(x, None, False, 4_000_000) for x in (a, b)]
    if kinds[0].dtype != kinds[1].dtype:
        return Opaque("a choice between two kinds of numbers")
    return kinds


def _pick_side(number: int) -> Callable[[Value, Value], Value]:
    return (lambda x, y: x) if number == 1 else (lambda x, y: y)


def _spoil_outputs(args: Args, inputs: int, line: int) -> None:
    """numpy's functions write into an array that follows their inputs."""
    for extra in args[inputs:]:
        if isinstance(extra, Tensor):
            operators.spoil(extra, "written through a positional out", line)


def _binary(op: str) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        result = operators.binary(interp, op, args[0], args[1], line)
        _spoil_outputs(args, 2, line)
        return result

    return run


def _comparison(op: str) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        result = operators.compare(interp, op, args[0], args[1], line)
        _spoil_outputs(args, 2, line)
        return result

    return run


def _logical(name: str) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def element(x: Value, y: Value) -> Value:
        if isinstance(x, Opaque):
            return x
        if isinstance(y, Opaque):
            return y
        if name == "and":
            return bool(x) and bool(y)
        return bool(x) or bool(y) if name == "or" else bool(x) != bool(y)

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        a, b = args[0], args[1]
        if isinstance(a, Tensor) or isinstance(b, Tensor):
            unknown = first_unknown([a, b])
            result = unknown if unknown is not None else elementwise(element, a, b, "bool")
            _spoil_outputs(args, 2, line)
            return result
        return element(a, b)

    return run


def _logical_not(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t = args[0]
    if isinstance(t, Tensor):
        return Tensor([x if isinstance(x, Opaque) else not x for x in t.data], t.shape, "bool")
    return t if isinstance(t, Opaque) else not t


def _pick(better: Callable[[Any, Any], bool]) -> Callable[[Value, Value], Value]:
    def run(x: Value, y: Value) -> Value:
        for v in (x, y):
            if isinstance(v, (Opaque, Loss)):
                return v if isinstance(v, Opaque) else Opaque("minimum or maximum of losses", 0, "model")
        if scaled.sums(x) or scaled.sums(y):
            return scaled.extreme("Lt" if better(0, 1) else "Gt", [x, y], 0)
        return x if better(x, y) else y

    return run


def _elementwise_pick(name: str) -> Callable[[Interp, Args, Kwargs, int], Value]:
    pick = _pick((lambda x, y: x <= y) if name == "minimum" else (lambda x, y: x >= y))

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        a, b = args[0], args[1]
        if isinstance(a, Tensor) or isinstance(b, Tensor):
            unknown = first_unknown([a, b])
            result = unknown if unknown is not None else elementwise(pick, a, b, None)
            _spoil_outputs(args, 2, line)
            return result
        return pick(a, b)

    return run


def _clip(interp: Interp, t: Value, args: Args, kwargs: Kwargs, line: int) -> Value:
    low = args[0] if args else kwargs.get("min", kwargs.get("a_min"))
    high = args[1] if len(args) > 1 else kwargs.get("max", kwargs.get("a_max"))
    out = t
    if (
        isinstance(t, Tensor)
        and isinstance(scalar(high), (int, float))
        and not any(isinstance(x, Tok) for x in t.data)
    ):
        # Sums and sizes of a real run are larger than those of the probe stream.
        interp.at_scale(f"cuts values at {scalar(high)!r}", line)
    for bound, name in ((low, "maximum"), (high, "minimum")):
        if bound is not None:
            out = _elementwise_pick(name)(interp, [out, bound], {}, line)
    _spoil_outputs(args, 2, line)
    return out


def _float_of(t: Tensor) -> str:
    """The floating type that a function of numbers gives for an array."""
    if "float" in t.dtype:
        return t.dtype
    if t.library == "torch":
        return "float32"
    return promote(t.dtype, "float16", "numpy") if t.library == "numpy" else "float64"


def _same_type(function: Callable[[float], Any]) -> Callable[[Interp, Args, Kwargs, int], Value]:
    """A function that keeps the element type: whole numbers stay what they are where they are rounded."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        t = args[0]
        if isinstance(t, Tensor) and "float" not in t.dtype and function is not abs:
            return cast_to(t, t.dtype)
        return _unary(function, t.dtype if isinstance(t, Tensor) else None)(interp, args, kwargs, line)

    return run


def _down(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) else x


def _up(x: float) -> float:
    return math.copysign(float(math.ceil(x)), x) if math.isfinite(x) else x


def _rounded(x: float) -> float:
    return x if not math.isfinite(x) else math.copysign(float(round(x)), x) if isinstance(x, float) else x


def _unary(
    function: Callable[[float], Any], dtype: str | None
) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def element(x: Value) -> Value:
        if isinstance(x, Opaque):
            return x
        if isinstance(x, Loss):
            return Opaque("function of a loss", 0, "model")
        if scaled.sums(x) and dtype != "bool":
            return x if function is abs and x >= 0 else scaled.monotone(function.__name__, function, x, 0)
        try:
            return function(x)
        except OverflowError:
            return math.inf
        except ValueError:
            # The logarithm of nothing; every other number that has no value has none in numpy and torch.
            pole = -1 if function is math.log1p else 0
            return -math.inf if x == pole and function is not math.sqrt else math.nan

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        t = args[0]
        if isinstance(t, Tensor):
            interp.cells(len(t.data))
            name = dtype or _float_of(t)
            cast = caster(name)
            made = Tensor([cast(element(x)) for x in t.data], t.shape, name)
            if not dtype and not t.library and name == "float64":
                made.data[:] = [agreed(cast, caster("float32"), x) for x in made.data]
            _spoil_outputs(args, 1, line)
            return made
        return element(t)

    return run


# ---------------------------------------------------------------------------------------------------------
# Methods


def _narrowed(interp: Interp, t: Tensor, name: str, line: int) -> Tensor:
    """`t` as `name`. One number (a sum, as a rule) that is made narrow may not fit at full size."""
    if not t.shape and name in operators.NARROW and not isinstance(t.data[0], (Opaque, Loss)):
        interp.at_scale(f"makes one number {name}", line)
    return cast_to(t, name)


def _to(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    for a in [*args, kwargs.get("dtype"), kwargs.get("other")]:
        if isinstance(a, Tensor):
            a = DType(a.dtype)
        name = dtype_of(a) if a is not None and not isinstance(a, str) else None
        if isinstance(a, str) and a in DTYPES:
            name = DTYPES[a]
        if name is not None:
            _room(interp, len(t.data) >> 2)
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
    return _astype(interp, t, args, kwargs, line) if args else Opaque("type()", line)


def _type_as(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return cast_to(t, args[0].dtype) if isinstance(args[0], Tensor) else args[0]


def _identity(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return t


def _clone(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    _room(interp, len(t.data))
    return cast_to(t, t.dtype)


def _numel(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return elements(interp, t)


def _shape_of(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return tensor_dimensions(interp, args[0]) if isinstance(args[0], Tensor) else Opaque("shape()", line)


def elements(interp: Interp, t: Tensor) -> int:
    """The number of elements as a script sees it."""
    n = len(t.data)
    if n > 1 and type(t.data[0]) is Tok:
        return (
            scaled.stream_length(n) if n == len(interp.stream) and len(t.shape) == 1 else scaled.at_least(n)
        )
    return n


def _size(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if t.library == "numpy":
        raise raise_in_script("TypeError", "the size of an array is no function", line)
    if args:
        dim = args[0]
        if not isinstance(dim, int) or not -len(t.shape) <= dim < len(t.shape):
            raise raise_in_script("IndexError", "dimension out of range", line)
        return tensor_dimensions(interp, t)[dim]
    return tensor_dimensions(interp, t)


def _item(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args:
        return (
            get(t, args[0]).data[0] if isinstance(args[0], int) else Opaque("item() of several indices", line)
        )
    if len(t.data) != 1:
        raise raise_in_script("RuntimeError", "item() of an array with several elements", line)
    return t.data[0]


def _tolist(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    _room(interp, len(t.data))

    def nest(at: int, dim: int) -> Value:
        if dim == len(t.shape):
            return t.data[at]
        step = size_of(t.shape[dim + 1 :])
        return interp.made([nest(at + i * step, dim + 1) for i in range(t.shape[dim])])

    return nest(0, 0)


def _dim_of(args: Args, kwargs: Kwargs) -> Value:
    return args[0] if args else kwargs.get("dim", kwargs.get("axis"))


def _dims(value: Value, line: int) -> int | None:
    if value is None or isinstance(value, int):
        return None if value is None else int(value)
    if isinstance(value, (tuple, list)) and len(value) == 1 and isinstance(value[0], int):
        return value[0]
    raise Stuck("reduction over several or unknown dimensions", line)


def _sum(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.step(len(t.data) >> 3)
    dtype = dtype_of(kwargs["dtype"]) if kwargs.get("dtype") is not None else None
    first = args[0] if args else None
    if isinstance(first, DType):
        dtype, args = first.name, []
    source = cast_to(t, dtype) if dtype is not None else t
    # Small integers are added up in 64 bits unless the call says otherwise; floats in their own type.
    narrow = operators.NARROW if dtype is not None else ("float16", "bfloat16")
    if source.dtype in narrow and len(source.data) > 1:
        interp.at_scale(f"adds up in {source.dtype}", line)
    if len(source.data) > 1 and type(source.data[0]) is Tok:
        return Opaque("sum of token ids", line, "scale")
    dims = _dim_of(args, kwargs)
    if isinstance(dims, (tuple, list)) and len(dims) == len(t.shape):
        dims = None
    summed = reduce_sum(source, _dims(dims, line), _kept(args, kwargs))
    return cast_to(summed, dtype) if dtype is not None else summed


def _mean(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if t.library == "torch" and "float" not in t.dtype and kwargs.get("dtype") is None:
        raise raise_in_script("RuntimeError", "mean() of integers", line)
    if "float" not in t.dtype and not (t.data and type(t.data[0]) is Tok):
        t = cast_to(t, "float64")
    summed = _sum(interp, t, args, kwargs, line)
    if not isinstance(summed, Tensor):
        return summed
    n = len(t.data) // max(1, len(summed.data))
    if n == 0:
        return Opaque("mean of nothing", line)
    return operators.binary(interp, "Div", summed, n, line)


def _kept(args: Args, kwargs: Kwargs) -> bool:
    """`keepdim=` or `keepdims=`."""
    return bool(kwargs.get("keepdim", kwargs.get("keepdims", False)))


def _extreme(name: str, values_only: bool = False) -> Method:
    choose = max if name == "max" else min

    def best(xs: list[Value]) -> Value:
        for x in xs:
            if isinstance(x, (Opaque, Loss)):
                return x if isinstance(x, Opaque) else Opaque("extreme of losses", 0, "model")
        if not xs:
            return Opaque("extreme of nothing")
        found = choose(xs)
        return int(found) if isinstance(found, Tok) else found

    def run(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
        first = args[0] if args else None
        if isinstance(first, Tensor):
            return _elementwise_pick("maximum" if name == "max" else "minimum")(interp, [t, first], {}, line)
        dim = _dims(_dim_of(args, kwargs), line)
        found = reduce_with(t, dim, _kept(args, kwargs), best, t.dtype)
        if dim is None or values_only or t.library == "numpy":
            return found
        if t.library == "torch":
            return (found, Opaque("indices of extremes", line))
        return Opaque("extremes along a dimension", line)

    return run


def _any_all(name: str) -> Method:
    stop = name == "any"

    def decide(xs: list[Value]) -> Value:
        unknown: Value = None
        for x in xs:
            if isinstance(x, (Opaque, Loss)):
                unknown = x if isinstance(x, Opaque) else Opaque("truth of a loss")
            elif bool(x) is stop:
                return stop
        return unknown if unknown is not None else not stop

    def run(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
        return reduce_with(t, _dims(_dim_of(args, kwargs), line), _kept(args, kwargs), decide, "bool")

    return run


def _count_nonzero(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    unknown = first_unknown(t.data)
    if args or kwargs:
        return unknown or Opaque("count_nonzero() along a dimension", line)
    return unknown if unknown is not None else Tensor([sum(1 for x in t.data if x)], (), "int64")


def _reshape(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    first = args[0] if args else kwargs.get("shape", kwargs.get("dtype"))
    if isinstance(first, (DType, str, NativeClass)):
        return _view_bytes(t, dtype_of(first), line)
    if first is None:
        return Opaque("view() or reshape() without a shape", line)
    interp.cells(len(t.data) >> 2)
    if interp.any_shape and t.data and isinstance(t.data[0], Loss):
        sizes = first if isinstance(first, (tuple, list)) else args
        if any(isinstance(scalar(size), Opaque) for size in sizes):
            return reshape(t, [-1])
    return reshape(t, list(shape_from(interp, args or [first], line)))


def _view(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if t.library == "numpy" and args and isinstance(args[0], (int, tuple, list)):
        raise raise_in_script("TypeError", "view() takes an element type", line)
    return _reshape(interp, t, args, kwargs, line)


def _view_bytes(t: Tensor, name: str | None, line: int) -> Value:
    if name == t.dtype:
        return t
    operators.spoil(t, "its bytes are read as another type", line)
    return Opaque("reinterpretation of an array's bytes", line)


def _flatten(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and isinstance(args[0], str):
        return reshape(t, [-1]) if args[0] == "C" else Opaque("another order of elements", line)
    start = args[0] if args else kwargs.get("start_dim", 0)
    end = args[1] if len(args) > 1 else kwargs.get("end_dim", -1)
    n = len(t.shape)
    if not isinstance(start, int) or not isinstance(end, int) or n < 2:
        return reshape(t, [-1])
    start, end = start % n, end % n
    return reshape(t, [*t.shape[:start], size_of(t.shape[start : end + 1]), *t.shape[end + 1 :]])


def _squeeze(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    dim = _dim_of(args, kwargs)
    if isinstance(dim, int) and t.shape:
        dim %= len(t.shape)
        shape = [d for i, d in enumerate(t.shape) if i != dim or d != 1]
    else:
        shape = [d for d in t.shape if d != 1]
    return reshape(t, shape)


def _unsqueeze(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    dim = _dim_of(args, kwargs)
    if not isinstance(dim, int):
        raise Stuck("unsqueeze() at an unknown dimension", line)
    dim %= len(t.shape) + 1
    return reshape(t, [*t.shape[:dim], 1, *t.shape[dim:]])


def _transpose(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    order = list(range(len(t.shape)))
    if not args and not kwargs:
        return transpose(t, order[::-1]) if t.library == "numpy" or len(order) <= 2 else Opaque("t()", line)
    if t.library == "numpy":
        return _permute(interp, t, args or [kwargs.get("axes")], {}, line)
    a, b = (
        ([*args, kwargs.get("dim1"), kwargs.get("dim0")])[:2]
        if args
        else (kwargs.get("dim0"), kwargs.get("dim1"))
    )
    if (
        len(args) > 2
        or not isinstance(a, int)
        or not isinstance(b, int)
        or (not t.library and len(order) > 2)
    ):
        return Opaque("transposition of unknown dimensions", line)
    a, b = a % max(1, len(order)), b % max(1, len(order))
    if order:
        order[a], order[b] = order[b], order[a]
    return transpose(t, order)


def _permute(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return transpose(t, [d % len(t.shape) for d in shape_from(interp, args, line)])


def _expand(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    shape = list(shape_from(interp, args, line))
    lead = len(shape) - len(t.shape)
    shape = [t.shape[i - lead] if d == -1 and i >= lead else d for i, d in enumerate(shape)]
    _room(interp, size_of(shape))
    return Tensor(list(expand_to(t, tuple(shape))), tuple(shape), t.dtype, t)


def _repeat(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    """torch's `repeat` tiles, numpy's repeats each element."""
    if t.library == "numpy":
        return _np_repeat(interp, [t, *args], kwargs, line)
    if t.library != "torch" or kwargs:
        return Opaque("repeat()", line)
    return _tile(interp, t, args, kwargs, line)


def _tile(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    times = shape_from(interp, args, line)
    _room(interp, len(t.data) * max(1, size_of(times)))
    if len(t.shape) == 1 and len(times) == 1:
        return Tensor(t.data * times[0], (len(t.data) * times[0],), t.dtype)
    out = t
    shape = (1,) * (len(times) - len(t.shape)) + t.shape
    out = Tensor(t.data, shape, t.dtype)
    for dim, n in enumerate(times):
        out = _cat(interp, [[out] * n, dim], {}, line) if n != 1 else out
    return out


def _index_select(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    dim, index = (
        (args[0], args[1])
        if len(args) > 1
        else (kwargs.get("dim", 0), kwargs.get("index", args[0] if args else None))
    )
    if isinstance(index, Opaque):
        return index
    if dim != 0 or not isinstance(index, Tensor):
        return Opaque("index_select() along another dimension", line)
    result = get(t, index)
    interp.observer.indexed(interp, t, index, result, "", line)
    return result


def _take(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    index = args[0] if args else kwargs.get("indices", kwargs.get("index"))
    if len(args) > 1 or kwargs.keys() - {"indices", "index"}:
        return Opaque("take() with options", line)
    if isinstance(index, (list, tuple)):
        index = from_nested(index, None, False, 4_000_000)
    return _index_select(interp, reshape(t, [-1]), [0, index], {}, line)


def _gather(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    dim = args[0] if args else kwargs.get("dim")
    index = args[1] if len(args) > 1 else kwargs.get("index")
    if isinstance(index, Opaque):
        return index
    if not isinstance(index, Tensor) or not isinstance(dim, int):
        return Opaque("gather() with unknown arguments", line)
    n = len(t.shape)
    dim %= n
    if n == 1:
        result = get(t, index)
        interp.observer.indexed(interp, t, index, result, "", line)
        return result
    if len(index.shape) != n:
        raise Stuck("gather() with an index of another rank", line)
    strides = [size_of(t.shape[i + 1 :]) for i in range(n)]
    out = []
    for flat, i in enumerate(index.data):
        rest, at = flat, 0
        for d in range(n):
            step = size_of(index.shape[d + 1 :])
            k, rest = divmod(rest, step)
            at += strides[d] * (int(i) if d == dim else k)
        if not 0 <= at < len(t.data):
            raise Stuck("gather() out of range", line)
        out.append(t.data[at])
    interp.cells(len(out))
    return Tensor(out, index.shape, t.dtype)


def _masked_fill(inplace: bool) -> Method:
    def run(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
        mask, value = args[0], scalar(args[1] if len(args) > 1 else kwargs.get("value"))
        if not isinstance(mask, Tensor):
            if inplace:
                operators.spoil(t, "masked by something unknown", line)
                return t
            return mask if isinstance(mask, Opaque) else Opaque("mask", line)
        flags = expand_to(mask, t.shape)
        cast = storer(t.dtype)
        data = [
            f if isinstance(f, Opaque) else cast(value) if f else x
            for f, x in zip(flags, t.data, strict=True)
        ]
        interp.cells(len(data))
        if not inplace:
            return Tensor(data, t.shape, t.dtype)
        return _store(interp, t, data, line)

    return run


def _store(interp: Interp, t: Tensor, data: list[Value], line: int) -> Value:
    if not interp.changing(t, line):
        operators.spoil(t, "changed under an unknown condition", line)
    else:
        t.data[:] = data
    return t


def _masked_select(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    mask = args[0]
    return get(t, mask) if isinstance(mask, Tensor) else Opaque("mask", line)


def _nonzero(interp: Interp, t: Value, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not isinstance(t, Tensor):
        return t if isinstance(t, Opaque) else Opaque("nonzero()", line)
    unknown = first_unknown(t.data)
    if unknown is not None:
        return unknown
    hits: list[Value] = [i for i, x in enumerate(t.data) if x]
    if interp.stream and len(t.data) + 2 >= len(interp.stream):
        hits = [Scaled.of(i, i, scaled.STREAM_TOKENS_HIGH) for i in hits]
    interp.cells(len(hits))
    as_tuple = bool(kwargs.get("as_tuple", t.library == "numpy"))
    if "as_tuple" not in kwargs and not t.library:
        return Opaque("nonzero()", line)
    if len(t.shape) == 1:
        flat = Tensor(list(hits), (len(hits),), "int64")
        return (flat,) if as_tuple else reshape(flat, [len(hits), 1])
    return Opaque("nonzero() of several dimensions", line)


def _np_nonzero(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return _nonzero(interp, args[0], [], {"as_tuple": True}, line)


def _flatnonzero(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = _nonzero(interp, args[0], [], {"as_tuple": True}, line)
    return found[0] if isinstance(found, tuple) else found


def _cumsum(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(t.shape) != 1 or kwargs.keys() - {"axis", "dim"}:
        return Opaque("cumulative sum over several dimensions, or of another type", line)
    acc: Value = 0
    out = []
    for x in t.data:
        acc = scalar_op("Add")(acc, x)
        out.append(int(acc) if isinstance(acc, (bool, Tok)) else acc)
    name = "int64" if "float" not in t.dtype else t.dtype
    if t.dtype[0] == "u" and t.library != "torch":
        name = "uint64"
    cast = caster(name)
    return Tensor([cast(x) for x in out], t.shape, name)


def _np_fill(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    _fill(interp, t, args, kwargs, line)
    return None if t.library == "numpy" else t


def _fill(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = scalar(args[0] if args else kwargs.get("value", 0))
    return _store(interp, t, [storer(t.dtype)(value)] * len(t.data), line)


def _zero(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return _fill(interp, t, [0], {}, line)


def _copy_from(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    source = args[0]
    if not isinstance(source, Tensor):
        operators.spoil(t, "copied from something unknown", line)
        return t
    return _store(interp, t, [caster(t.dtype)(x) for x in expand_to(source, t.shape)], line)


def _inplace(op: str) -> Method:
    def run(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
        other = args[0]
        alpha = kwargs.get("alpha")
        if alpha is not None:
            other = operators.binary(interp, "Mult", other, alpha, line)
        return operators.inplace(interp, op, t, other, line)

    return run


def _method_binary(op: str) -> Method:
    return lambda interp, t, args, kwargs, line: operators.binary(interp, op, t, args[0], line)


def _method_compare(op: str) -> Method:
    return lambda interp, t, args, kwargs, line: operators.compare(interp, op, t, args[0], line)


def _scatter(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    dim, index, source = (args + [None] * 3)[:3]
    source = kwargs.get("src", kwargs.get("value", source))
    if (
        len(t.shape) == 1
        and dim == 0
        and isinstance(index, Tensor)
        and isinstance(source, (Tensor, int, float))
    ):
        from pgolf.untrusted.tensor import put

        if interp.changing(t, line):
            put(t, index, source, line)
            return t
    operators.spoil(t, "scatter with unknown arguments", line)
    return t


def _add_at(interp: Interp, t: Tensor, index: Value, source: Value, line: int) -> Value:
    index, source = (
        from_nested(x, None, False, 4_000_000) if isinstance(x, (list, tuple)) else x for x in (index, source)
    )
    if len(t.shape) == 1 and isinstance(index, Tensor) and isinstance(source, (Tensor, int, float)):
        values = source.data if isinstance(source, Tensor) else [source] * len(index.data)
        if (
            len(values) == len(index.data)
            and interp.changing(t, line)
            and all(isinstance(i, int) for i in index.data)
        ):
            cast = caster(t.dtype)
            for i, x in zip(index.data, values, strict=True):
                if not -len(t.data) <= i < len(t.data):
                    raise Stuck("index out of range", line)
                t.data[i] = cast(scalar_op("Add")(t.data[i], x))
            return t
    operators.spoil(t, "accumulated at unknown places", line)
    return t


def _scatter_add(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    index = args[1] if len(args) > 1 else kwargs.get("index")
    source = args[2] if len(args) > 2 else kwargs.get("src", kwargs.get("source"))
    return _add_at(interp, t, index, source, line)


def _storage(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    operators.spoil(t, "its memory is handed out by storage()", line)
    return Opaque("storage", line)


def _sort(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(t.shape) != 1 or not all(isinstance(x, (int, float)) for x in t.data):
        return Opaque("sort of several dimensions", line)
    descending = bool(kwargs.get("descending", args[1] if len(args) > 1 else False))
    if (args and args[0] not in (0, -1)) or kwargs.keys() - {"descending", "dim", "stable"}:
        return Opaque("sort() with options", line)
    order = sorted(range(len(t.data)), key=lambda i: t.data[i], reverse=descending)
    interp.step(len(order))
    return (
        Tensor([t.data[i] for i in order], t.shape, t.dtype),
        Tensor(list(order), t.shape, "int64"),
    )


def _sort_method(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    """torch gives a sorted copy and numpy sorts in place; which of the two an array belongs to is not known."""
    if t.library == "torch":
        return _sort(interp, t, args, kwargs, line)
    operators.spoil(t, "sort() of an array", line)
    return None if t.shape and t.library == "numpy" else Opaque("sort() of an array", line)


def _np_sort(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = _sort(interp, args[0], [], {}, line) if isinstance(args[0], Tensor) else Opaque("sort", line)
    return found[0] if isinstance(found, tuple) else found


def _argsort(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = (
        _sort(interp, args[0], [], kwargs, line) if isinstance(args[0], Tensor) else Opaque("argsort", line)
    )
    return found[1] if isinstance(found, tuple) else found


def _unique(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if kwargs or args or not all(isinstance(x, (int, float)) for x in t.data):
        return Opaque("unique() with options", line)
    values = sorted(set(t.data))
    return Tensor(list(values), (len(values),), t.dtype)


def _tobytes(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if t.dtype == "uint8" and all(isinstance(x, int) for x in t.data):
        return bytes(t.data)
    return Opaque("bytes of an array", line)


def _element_size(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return item_bytes(t.dtype)


def _dim(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return len(t.shape)


def _new_filled(value: Value) -> Method:
    def run(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
        dtype = dtype_of(kwargs["dtype"]) if kwargs.get("dtype") is not None else t.dtype
        shape = shape_from(interp, args, line)
        _room(interp, size_of(shape))
        return Tensor([caster(dtype or t.dtype)(value)] * size_of(shape), shape, dtype or t.dtype)

    return run


def _split(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    size = args[0]
    if len(t.shape) != 1 or not isinstance(size, int) or size < 1:
        return Opaque("split() of several dimensions", line)
    if size > len(t.data) and t.data and type(t.data[0]) in (Scaled, Tok) and type(size) is int:
        interp.at_scale(f"splits into pieces of {size}", line)
    return tuple(get(t, slice(i, i + size)) for i in range(0, t.shape[0], size))


def _chunk(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    n = args[0] if args else kwargs.get("chunks")
    if len(t.shape) != 1 or type(n) is not int or n < 1:
        return Opaque("chunk() of several dimensions", line)
    return _split(interp, t, [max(1, -(-len(t.data) // n))], {}, line)


def _dot(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    other = args[0]
    if isinstance(other, Tensor) and t.shape == other.shape and len(t.shape) == 1:
        product = operators.binary(interp, "Mult", t, other, line)
        return reduce_sum(product, None, False) if isinstance(product, Tensor) else product
    return Opaque("matrix product", line, "model")


def _narrow(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    dim, start, length = args
    if dim == 0 and isinstance(start, int) and isinstance(length, int):
        return get(t, slice(start, start + length))
    return Opaque("narrow() along another dimension", line)


def _as_strided(interp: Interp, value: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`tokens.as_strided((n, length), (step, 1))`: overlapping windows. Of a view only where it is known to be one
    stretch of the stream."""
    shape = args[0] if args else kwargs.get("size", kwargs.get("shape"))
    steps = args[1] if len(args) > 1 else kwargs.get("stride", kwargs.get("strides"))
    start = scalar(args[2] if len(args) > 2 else kwargs.get("storage_offset", 0) or 0)
    whole = value.base is None or all(
        isinstance(x, Tok) and x.pos == value.data[0].pos + k for k, x in enumerate(value.data)
    )
    if not isinstance(shape, (tuple, list)) or not isinstance(steps, (tuple, list)) or not whole:
        return Opaque("as_strided() of an array whose memory is not followed", line)
    sizes, strides = [scalar(x) for x in shape], [scalar(x) for x in steps]
    if (
        len(sizes) != len(strides)
        or not 1 <= len(sizes) <= 3
        or any(not isinstance(x, int) or x < 0 for x in [*sizes, *strides, start])
    ):
        return Opaque("as_strided() with unknown sizes", line)
    places = [int(start)]
    for size, step in zip(sizes, strides, strict=True):
        _room(interp, len(places) * int(size))
        places = [at + k * int(step) for at in places for k in range(int(size))]
    if places and max(places) >= len(value.data):
        return Opaque("as_strided() past the end of the array", line)
    return Tensor([value.data[at] for at in places], tuple(int(x) for x in sizes), value.dtype, value)


def _same_rules(method: Method, name: str) -> Method:
    """What a method of an array makes follows the rules that hold for the array; a method that the library does not have
    raises."""
    not_of = "torch" if name in _NUMPY_ONLY else "" if name in _NUMPY_NAMES else "numpy"

    def run(interp: Interp, t: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        if kwargs and not _plain_call(kwargs):
            return Opaque(f"named arguments {', '.join(sorted(kwargs))[:60]}", line)
        if type(t) is Tensor and t.library and not_of == t.library:
            raise raise_in_script("AttributeError", "no such method of this library's arrays", line)
        made = method(interp, t, args, kwargs, line)
        if type(made) is Tensor:
            if not made.library and type(t) is Tensor:
                made.library = t.library
        elif type(made) is tuple and type(t) is Tensor:
            for x in made:
                if type(x) is Tensor and not x.library:
                    x.library = t.library
        return made

    return run


TENSOR_METHODS: dict[str, Method] = {
    "as_strided": _as_strided, "to": _to, "type": _type, "type_as": _type_as, "astype": _astype, "long": _cast_method("int64"),
    "int": _cast_method("int32"), "short": _cast_method("int16"), "float": _cast_method("float32"),
    "double": _cast_method("float64"), "half": _cast_method("float16"), "bool": _cast_method("bool"),
    "bfloat16": _cast_method("bfloat16"), "byte": _cast_method("uint8"), "char": _cast_method("int8"),
    **dict.fromkeys((
        "cpu", "cuda", "detach", "detach_", "contiguous", "requires_grad_", "pin_memory", "share_memory_", "resolve_conj", "block_until_ready",
        "mps", "view_as_real", "asnumpy", "wait", "data_ptr_guard"), _identity),
    "clone": _clone, "copy": _clone, "numel": _numel, "nelement": _numel, "size": _size, "dim": _dim, "ndimension": _dim,
    "item": _item, "tolist": _tolist, "sum": _sum, "nansum": _sum, "mean": _mean, "max": _extreme("max"),
    "min": _extreme("min"), "amax": _extreme("max", True), "amin": _extreme("min", True), "any": _any_all("any"),
    "all": _any_all("all"), "count_nonzero": _count_nonzero, "reshape": _reshape, "view": _view, "flatten": _flatten,
    "ravel": _flatten, "squeeze": _squeeze, "unsqueeze": _unsqueeze, "transpose": _transpose, "t": _transpose,
    "permute": _permute, "expand": _expand, "repeat": _repeat, "index_select": _index_select, "take": _take,
    "gather": _gather, "masked_fill": _masked_fill(False), "masked_fill_": _masked_fill(True),
    "masked_select": _masked_select, "nonzero": _nonzero, "cumsum": _cumsum, "fill_": _fill, "fill": _np_fill,
    "zero_": _zero, "copy_": _copy_from, "clamp": _clip, "clip": _clip, "clamp_min": lambda i, t, a, k, ln: _clip(i, t, [a[0], None], {}, ln),
    "clamp_max": lambda i, t, a, k, ln: _clip(i, t, [None, a[0]], {}, ln),
    "add": _method_binary("Add"), "sub": _method_binary("Sub"), "mul": _method_binary("Mult"), "div": _method_binary("Div"),
    "logical_and": lambda i, t, a, k, ln: _logical("and")(i, [t, a[0]], {}, ln),
    "logical_or": lambda i, t, a, k, ln: _logical("or")(i, [t, a[0]], {}, ln),
    "logical_not": lambda i, t, a, k, ln: _logical_not(i, [t], {}, ln),
    "bitwise_and": _method_binary("BitAnd"), "bitwise_or": _method_binary("BitOr"),
    "bitwise_not": lambda i, t, a, k, ln: operators.unary(i, "Invert", t, ln),
    "eq": _method_compare("Eq"), "ne": _method_compare("NotEq"), "lt": _method_compare("Lt"), "le": _method_compare("LtE"),
    "gt": _method_compare("Gt"), "ge": _method_compare("GtE"), "add_": _inplace("Add"), "sub_": _inplace("Sub"),
    "mul_": _inplace("Mult"), "div_": _inplace("Div"), "scatter_": _scatter, "scatter_add_": _scatter_add,
    "index_add_": _scatter_add, "sort": _sort_method, "unique": _unique, "tobytes": _tobytes, "element_size": _element_size,
    "new_zeros": _new_filled(0), "new_ones": _new_filled(1), "split": _split, "chunk": _chunk,
    "dot": _dot, "narrow": _narrow, "abs": lambda i, t, a, k, ln: _unary(abs, t.dtype)(i, [t], {}, ln),
    "neg": lambda i, t, a, k, ln: operators.unary(i, "USub", t, ln),
    "round": lambda i, t, a, k, ln: Opaque("round()", ln) if a or k or t.dtype == "bool" else _unary(_rounded, t.dtype)(i, [t], {}, ln),
    "argmax": lambda i, t, a, k, ln: Opaque("argmax()", ln), "exp": lambda i, t, a, k, ln: _unary(math.exp, None)(i, [t], {}, ln),
    "log": lambda i, t, a, k, ln: _unary(math.log, None)(i, [t], {}, ln), "setflags": lambda i, t, a, k, ln: None,
    "record_stream": lambda i, t, a, k, ln: None, "is_floating_point": lambda i, t, a, k, ln: "float" in t.dtype,
    "is_contiguous": lambda i, t, a, k, ln: True, "data_ptr": lambda i, t, a, k, ln: Opaque("address", ln),
    "nan_to_num": _identity, "backward": lambda i, t, a, k, ln: i.observer.differentiated(i, t, ln),
    "storage": _storage,
}  # fmt: skip
_NUMPY_NAMES = frozenset(
    {
        "all", "any", "argmax", "argmin", "argsort", "astype", "base", "byteswap", "choose", "clip", "compress", "conj", "conjugate",
        "copy", "ctypes", "cumprod", "cumsum", "data", "device", "diagonal", "dot", "dtype", "dump", "dumps", "fill", "flags",
        "flat", "flatten", "getfield", "imag", "item", "itemsize", "mT", "max", "mean", "min", "nbytes", "ndim", "nonzero",
        "partition", "prod", "put", "ravel", "real", "repeat", "reshape", "resize", "round", "searchsorted", "setfield",
        "setflags", "shape", "size", "sort", "squeeze", "std", "strides", "sum", "swapaxes", "take", "to_device", "tobytes",
        "tofile", "tolist", "trace", "transpose", "var", "view", "T",
    }
)  # fmt: skip
_NUMPY_ONLY = frozenset({"astype", "copy", "fill", "tobytes", "setflags", "flat"})
_OTHER_RESULTS = frozenset({"out", "where", "initial", "order", "casting", "subok", "like"})
"""Named arguments that change where a result goes or what it holds; none of them is followed, but for C's own order."""


def _plain_call(kwargs: Kwargs) -> bool:
    return not kwargs or all(
        name not in _OTHER_RESULTS or (name == "order" and value in ("C", None))
        for name, value in kwargs.items()
    )


_UNCHECKED = dict(TENSOR_METHODS)
"""The same without the look at which library has a method: as functions, most are in both."""
TENSOR_METHODS.update(
    {name: _same_rules(method, name) for name, method in TENSOR_METHODS.items()},
    numpy=_same_rules(lambda i, t, a, k, ln: same_memory(t, "numpy"), "numpy"),
)


def tensor_attribute(interp: Interp, t: Tensor, name: str, line: int) -> Value:
    """Properties of arrays, or MISSING."""
    if name == "shape":
        return tensor_dimensions(interp, t)
    if name == "dtype":
        return DType(t.dtype)
    if name in ("ndim",):
        return len(t.shape)
    if name == "size":
        return elements(interp, t)
    if name in ("data", "real"):
        return t
    if name == "T" or name == "mT":
        return transpose(t, list(range(len(t.shape)))[::-1])
    if name == "nbytes":
        return len(t.data) * item_bytes(t.dtype)
    if name == "itemsize":
        return item_bytes(t.dtype)
    if name == "device":
        return Opaque("device", line, "config")
    if name in ("is_cuda", "requires_grad", "is_sparse", "is_quantized"):
        return name == "is_cuda"
    if name == "grad":
        return Opaque("gradient", line, "model")
    if name == "flat":
        return reshape(t, [-1])
    if name in ("ctypes", "base", "__array_interface__", "__cuda_array_interface__"):
        operators.spoil(t, f"its memory is handed out as {name}", line)
    if (t.library == "numpy" and name not in _NUMPY_NAMES) or (t.library == "torch" and name in _NUMPY_ONLY):
        return MISSING
    method = TENSOR_METHODS.get(name)
    if method is not None:
        return Intrinsic(f"array.{name}", lambda it, args, kwargs, ln: method(it, t, args, kwargs, ln), t)
    return MISSING


# ---------------------------------------------------------------------------------------------------------
# Modules


def _as_function(name: str, torch_like: bool = False) -> Callable[[Interp, Args, Kwargs, int], Value]:
    method = _UNCHECKED[name]

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        first = args[0] if args else kwargs.pop("input", kwargs.pop("a", None))
        if isinstance(first, (list, tuple, range, int, float)) and not torch_like:
            first = from_nested(first, None, False, interp.limits.interpreter_cells)
            first.library = "numpy"
        if isinstance(first, Opaque):
            return interp.observer.call_unknown(
                interp, Opaque(first.reason, first.line, first.origin), args, kwargs, line
            )
        if not isinstance(first, Tensor):
            return Opaque(f"{name}() of something that is no array", line)
        return method(interp, first, args[1:], kwargs, line)

    return run


def _iinfo(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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


def _dtype_object(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    name = dtype_of(args[0]) if args else None
    if name is None:
        return Opaque("dtype()", line)
    return DType(name)


def _bincount(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t = args[0]
    weights = kwargs.get("weights", args[1] if len(args) > 1 else None)
    if not isinstance(t, Tensor) or not all(isinstance(x, int) and 0 <= x < 1_000_000 for x in t.data):
        return Opaque("bincount()", line)
    n = max([int(kwargs.get("minlength", 0) or 0), *(int(x) + 1 for x in t.data)]) if t.data else 0
    _room(interp, n)
    out: list[Value] = [0] * n
    for i, x in enumerate(t.data):
        w = weights.data[i] if isinstance(weights, Tensor) else 1
        out[x] = scalar_op("Add")(out[x], w)
    return Tensor(out, (n,), "int64" if weights is None else "float64")


def _frombuffer(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    data = args[0] if args else kwargs.get("buffer")
    if isinstance(data, Tensor):
        operators.spoil(data, "its memory is handed out by frombuffer()", line)
    name = dtype_of(kwargs.get("dtype", args[1] if len(args) > 1 else None)) or "float64"
    if isinstance(data, (bytes, bytearray)) and name in (
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "uint32",
        "int64",
    ):
        import array

        code = {
            "uint8": "B",
            "int8": "b",
            "uint16": "H",
            "int16": "h",
            "int32": "i",
            "uint32": "I",
            "int64": "q",
        }[name]
        size = item_bytes(name)
        count = kwargs.get("count", args[2] if len(args) > 2 else -1)
        offset = kwargs.get("offset", args[3] if len(args) > 3 else 0)
        if type(count) is not int or type(offset) is not int or offset < 0:
            return Opaque("frombuffer() with unknown bounds", line)
        body = bytes(data)[offset:]
        if count >= 0:
            body = body[: count * size]
        if not body or len(body) % size or (count >= 0 and len(body) < count * size):
            raise raise_in_script("ValueError", "frombuffer() of another size", line)
        _room(interp, len(body) // size)
        values = array.array(code)
        values.frombytes(body[: len(body) // size * size])
        return Tensor(list(values), (len(values),), name)
    from pgolf.untrusted.intrinsics.library import read_tokens

    found = read_tokens(interp, data, name, kwargs, line)
    return found if found is not MISSING else Opaque("frombuffer()", line)


def _fromfile(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.intrinsics.library import read_array_file

    return read_array_file(interp, args, kwargs, line)


def _np_load(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.intrinsics.library import load_npz

    return load_npz(interp, args, kwargs, line)


def _cross_entropy(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """Losses per token (or their mean or sum) of stream targets: linear forms over their positions."""
    targets = args[1] if len(args) > 1 else kwargs.get("target", kwargs.get("targets"))
    reduction = kwargs.get("reduction", "mean")
    if not isinstance(targets, Tensor) or not any(isinstance(x, Tok) for x in targets.data):
        return Opaque("cross-entropy of something that is no stream target", line, "model")
    interp.cells(len(targets.data))
    weight = args[2] if len(args) > 2 else kwargs.get("weight")
    smoothing = kwargs.get("label_smoothing", 0.0)
    if weight is not None or isinstance(smoothing, Opaque) or smoothing:
        return OfLosses(
            "cross-entropy with weights or label smoothing",
            line,
            frozenset(x.pos for x in targets.data if isinstance(x, Tok)),
        )
    ignored = kwargs.get("ignore_index", -100)
    if isinstance(ignored, Opaque) or (isinstance(ignored, int) and 0 <= ignored < 1 << 31):
        return OfLosses(
            "cross-entropy that leaves a token out",
            line,
            frozenset(x.pos for x in targets.data if isinstance(x, Tok)),
        )
    late = interp.observer.graded(interp, targets)
    # Padding of a batch is no stream token; its loss is unknown and must not be counted.
    nll: list[Value] = [
        token_loss(x.pos, 1.0, late)
        if isinstance(x, Tok)
        else 0.0
        if x == ignored
        else Opaque("loss of padding", line, "model")
        for x in targets.data
    ]
    if reduction == "none":
        return Tensor(nll, targets.shape, "float32")
    counted = [x for x in nll if not isinstance(x, float)]
    summed = total(counted)
    if reduction == "sum":
        return Tensor([summed], (), "float32")
    if reduction != "mean" or not isinstance(summed, Loss):
        return Opaque("cross-entropy with an unknown reduction", line, "model")
    return Tensor([summed.scaled(1.0 / len(counted))], (), "float32")


def _embedding(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    index, table = args[0], args[1] if len(args) > 1 else kwargs.get("weight")
    if isinstance(table, Tensor) and isinstance(index, Tensor):
        return (
            _index_select(interp, table, [0, index], {}, line)
            if len(table.shape) == 1
            else Opaque("embedding", line, "model")
        )
    return Opaque("embedding", line, "model")


def _functional() -> dict[str, Intrinsic]:
    return {
        "cross_entropy": Intrinsic("cross_entropy", _cross_entropy),
        "embedding": Intrinsic("embedding", _embedding),
        "one_hot": Intrinsic("one_hot", lambda i, a, k, ln: Opaque("one_hot()", ln, "model")),
    }


def _common(torch_like: bool) -> dict[str, Callable[[Interp, Args, Kwargs, int], Value]]:
    functions: dict[str, Callable[[Interp, Args, Kwargs, int], Value]] = {
        "zeros": _filled(0, torch_like), "ones": _filled(1, torch_like), "empty": _filled(_EMPTY, torch_like),
        "full": _full(torch_like), "zeros_like": _like(0), "ones_like": _like(1), "full_like": _like(None),
        "empty_like": _like(_EMPTY), "arange": _arange, "where": _where, "stack": _stack, "minimum": _elementwise_pick("minimum"),
        "maximum": _elementwise_pick("maximum"), "logical_and": _logical("and"), "logical_or": _logical("or"),
        "logical_xor": _logical("xor"), "logical_not": _logical_not, "bitwise_and": _binary("BitAnd"),
        "bitwise_or": _binary("BitOr"), "bitwise_xor": _binary("BitXor"), "add": _binary("Add"), "subtract": _binary("Sub"),
        "sub": _binary("Sub"), "mul": _binary("Mult"), "multiply": _binary("Mult"), "divide": _binary("Div"),
        "div": _binary("Div"), "true_divide": _binary("Div"), "floor_divide": _binary("FloorDiv"), "mod": _binary("Mod"),
        "remainder": _binary("Mod"), "equal": _comparison("Eq"), "eq": _comparison("Eq"), "not_equal": _comparison("NotEq"),
        "ne": _comparison("NotEq"), "greater": _comparison("Gt"), "gt": _comparison("Gt"), "less": _comparison("Lt"),
        "lt": _comparison("Lt"), "ge": _comparison("GtE"), "le": _comparison("LtE"), "greater_equal": _comparison("GtE"),
        "less_equal": _comparison("LtE"), "exp": _unary(math.exp, None), "log": _unary(math.log, None),
        "log2": _unary(math.log2, None), "sqrt": _unary(math.sqrt, None), "floor": _same_type(_down),
        "ceil": _same_type(_up), "abs": _same_type(abs), "absolute": _same_type(abs),
        "isnan": _unary(lambda x: x != x, "bool"), "isfinite": _unary(math.isfinite, "bool"), "isinf": _unary(math.isinf, "bool"),
        "iinfo": _iinfo, "bincount": _bincount, "frombuffer": _frombuffer, "dot": _as_function("dot"),
        "bitwise_not": lambda i, a, k, ln: operators.unary(i, "Invert", a[0], ln),
        "invert": lambda i, a, k, ln: operators.unary(i, "Invert", a[0], ln),
    }  # fmt: skip
    for name in ("sum", "mean", "any", "all", "reshape", "squeeze", "clip", "cumsum", "take", "gather", "count_nonzero",
                 "nonzero", "flatten", "ravel", "unsqueeze", "index_select", "masked_select", "unique", "sort", "round", "numel",
                 "clamp", "repeat", "transpose", "permute", "clone", "amax", "amin", "masked_fill", "scatter_add", "split", "narrow",
                 "max", "min", "nansum"):  # fmt: skip
        if name in TENSOR_METHODS:
            functions.setdefault(name, _as_function(name, torch_like))
    return functions


def _file_functions() -> dict[str, Callable[[Interp, Args, Kwargs, int], Value]]:
    from pgolf.untrusted.intrinsics.library import writes

    return {
        "save": writes(0, 1, ".npy"), "savez": writes(0, None, ".npz"), "savez_compressed": writes(0, None, ".npz"),
    }  # fmt: skip


def _torch_files() -> dict[str, Callable[[Interp, Args, Kwargs, int], Value]]:
    from pgolf.untrusted.intrinsics.library import saved_value, writes

    def load(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        found = saved_value(interp, args[0] if args else None, line)
        return found if found is not MISSING else Opaque("torch.load", line)

    return {"save": writes(1, 0), "load": load}


def at_method(function: str) -> Intrinsic:
    """`at` of numpy's function of that name, which changes its first argument at the given places."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        if len(args) == 3 and function == "numpy.add" and isinstance(args[0], Tensor):
            _add_at(interp, args[0], args[1], args[2], line)
        elif args:
            operators.spoil(args[0], f"changed by {function}.at()", line)
        return None

    return Intrinsic(f"{function}.at", run)


def _random_numbers(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    for value in args:
        operators.spoil(value, "may be shuffled", line)
    return Opaque("random numbers", line)


def _ndarray(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """An array over the memory of another is not followed."""
    for value in (*args, *kwargs.values()):
        operators.spoil(value, "another array is made over its memory", line)
    return Opaque("ndarray()", line)


Call = Callable[[Interp, Args, Kwargs, int], Value]


def _made_by(library: str, function: Call) -> Call:
    """What a library's function makes follows that library's rules."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        if kwargs and not _plain_call(kwargs):
            return Opaque(f"named arguments {', '.join(sorted(kwargs))[:60]}", line)
        made = function(interp, args, kwargs, line)
        for t in made if type(made) is tuple else (made,):
            if type(t) is Tensor and t.library != library and not any(t is a for a in args):
                t.library = library
        if type(made) is float and library == "numpy":
            made = Tensor([made], (), "float64")
            made.library = library
        return made

    return run


_OPEN_KIND = frozenset(
    {"array", "zeros", "ones", "full", "empty", "asarray", "asanyarray", "reshape", "squeeze"}
)
"""Functions of numpy that may give an array without dimensions, which changes in place, where others give a number."""


def _may_change_in_place(function: Call) -> Call:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        made = function(interp, args, kwargs, line)
        if type(made) is Tensor and not made.shape and not any(made is a for a in args):
            made.library = ""
        return made

    return run


def numpy_module() -> Module:
    """numpy, as far as it is modelled."""
    module = Module("numpy")
    functions = _common(False)
    functions.update(
        array=_array(False), asarray=_same_array(False), ascontiguousarray=_same_array(False), asanyarray=_same_array(False),
        concatenate=_cat, hstack=_hstack, nonzero=_np_nonzero, flatnonzero=_flatnonzero, fromfile=_fromfile, load=_np_load,
        sort=_np_sort, argsort=_argsort, expand_dims=_as_function("unsqueeze"), copy=_as_function("clone"),
        dtype=_dtype_object, repeat=_np_repeat, tile=_np_tile, append=_np_append, memmap=_fromfile,
        fromiter=_fromiter, log1p=_unary(math.log1p, None), size=_as_function("numel"), isin=_isin, power=_binary("Pow"),
        diff=lambda i, a, k, ln: Opaque("diff()", ln), shape=_shape_of,
    )  # fmt: skip
    functions.update(_file_functions(), array_equal=_array_equal)
    ruled = {name: _made_by("numpy", f) for name, f in functions.items()}
    ruled.update({name: _may_change_in_place(ruled[name]) for name in _OPEN_KIND})
    module.attributes.update({name: Intrinsic(f"numpy.{name}", f) for name, f in ruled.items()})
    for name, plain in DTYPES.items():
        if name not in ("long", "short", "float", "double", "half", "int", "bool"):
            module.attributes[name] = DType(plain)
    for name, plain in (
        ("float", "float64"),
        ("bool", "bool"),
        ("int", "int64"),
        ("double", "float64"),
        ("short", "int16"),
    ):
        module.attributes[name] = DType(plain)
    module.attributes.update(pi=math.pi, e=math.e, inf=math.inf, nan=math.nan, newaxis=None)
    module.attributes["ndarray"] = NativeClass("ndarray", _ndarray)
    module.attributes["random"] = Module(
        "numpy.random",
        lambda name: Intrinsic(f"numpy.random.{name}", _random_numbers),
    )
    return module


def _np_repeat(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t, times = args[0], args[1] if len(args) > 1 else kwargs.get("repeats")
    if isinstance(t, (int, float, list, tuple)):
        t = from_nested(t, None, False, interp.limits.interpreter_cells)
    axis = args[2] if len(args) > 2 else kwargs.get("axis")
    times = scalar(times)
    if (
        isinstance(t, Tensor)
        and isinstance(times, int)
        and (axis is None or (axis == 0 and len(t.shape) == 1))
    ):
        _room(interp, len(t.data) * max(0, times))
        data = [x for x in t.data for _ in range(times)]
        return Tensor(data, (len(data),), t.dtype)
    return Opaque("repeat()", line)


def _np_tile(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t = args[0]
    if not isinstance(t, Tensor):
        t = from_nested(t, None, False, interp.limits.interpreter_cells)
    times = shape_from(interp, args[1:2] or [kwargs.get("reps")], line)
    return _tile(interp, t, [(1,) * (len(t.shape) - len(times)) + times], {}, line)


def _array_equal(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`np.array_equal`, `torch.equal`: the same shape and elements."""
    if first_unknown(args) is not None or kwargs or len(args) != 2:
        return first_unknown(args) or Opaque("array_equal()", line)
    a, b = (x if isinstance(x, Tensor) else from_nested(x, None, False, 4_000_000) for x in args)
    if a.shape != b.shape:
        return False
    same = operators.compare(interp, "Eq", a, b, line)
    if not isinstance(same, Tensor):
        return Opaque("array_equal()", line)
    if False in same.data:
        return False
    return first_unknown(same.data) or True


def _np_append(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    unknown = first_unknown(args)
    if unknown is not None or kwargs or len(args) != 2:
        return unknown or Opaque("append() along a dimension", line)
    flat = [x if isinstance(x, Tensor) else from_nested(x, None, False, 4_000_000) for x in args]
    for x in flat:
        x.library = x.library or "numpy"
    return _cat(interp, [[reshape(x, [-1]) for x in flat]], {}, line)


def _hstack(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Opaque):
        return args[0]
    parts = items_of(interp, args[0], line)
    if any(isinstance(x, Tensor) and len(x.shape) > 1 for x in parts):
        return _cat(interp, [parts, 1], {}, line)
    return _cat(interp, [parts], {}, line)


def _fromiter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    given = kwargs.get("dtype", args[1] if len(args) > 1 else None)
    if isinstance(args[0], Opaque) or kwargs.keys() - {"dtype"} or len(args) > 2:
        return Opaque("fromiter()", line)
    return _array(False)(interp, [items_of(interp, args[0], line)], {"dtype": given}, line)


MOST_DEVICES = 8
"""Devices of the machine that a record runs on; the evaluation has one."""


def _all_reduce(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """Sums over processes: of a byte table, a multiple of it."""
    t = args[0] if args else kwargs.get("tensor")
    if (
        isinstance(t, Tensor)
        and len(t.shape) == 1
        and 1 < interp.vocab_size <= len(t.data)
        and not interp.token_reads
    ):
        operators.spoil(t, "added up over the processes", line)
    if interp.process is not None:
        _reduce_over_processes(interp, t, args, kwargs, line)
    return Opaque("a handle of a collective", line, "config")


def _reduce_over_processes(interp: Interp, t: Value, args: Args, kwargs: Kwargs, line: int) -> None:
    """A sum over the processes: what the others add is known where they were evaluated before."""
    op = args[1] if len(args) > 1 else kwargs.get("op", "SUM")
    if not isinstance(t, Tensor):
        return
    interp.reduced.append((list(t.data), t.shape))
    if not interp.incoming:
        return
    data, shape = interp.incoming.pop(0)
    if op not in ("SUM", "AVG") or shape != t.shape:
        operators.spoil(
            t, f"reduced over the processes by {op if isinstance(op, str) else 'something unknown'}", line
        )
        return
    n = interp.process[1] if interp.process and op == "AVG" else 1
    summed = [operators.binary(interp, "Add", x, y, line) for x, y in zip(t.data, data, strict=True)]
    t.data[:] = [operators.binary(interp, "Div", x, n, line) for x in summed] if n > 1 else summed


def _rank(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.many_processes = True
    if interp.process is not None:
        return scaled.exactly(interp.process[0])
    return scaled.of_process(0, 0, MOST_DEVICES - 1, lambda rank, processes: rank)


def _processes(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.many_processes = True
    if interp.process is not None:
        return scaled.exactly(interp.process[1])
    return scaled.of_process(1, 1, MOST_DEVICES, lambda rank, processes: processes)


def _initialized(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.many_processes = True
    if interp.process is not None:
        return True
    return OnProcess("whether several processes run", line, lambda rank, processes: processes > 1)


def _isin(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t, options = args[0], args[1]
    if isinstance(t, Tensor):
        values = options.data if isinstance(options, Tensor) else items_of(interp, options, line)
        if first_unknown(values) is None and first_unknown(t.data) is None:
            known = set(values)
            interp.cells(len(t.data))
            found: list[Value] = [x in known for x in t.data]
            if not any(found) and any(type(x) is int and x > operators.SPECIAL_IDS for x in values):
                interp.at_scale("asks for ids that the probe does not have", line)
            return Tensor(found, t.shape, "bool")
    return Opaque("isin()", line)


_VIEWS = (
    "unbind",
    "split",
    "chunk",
    "tensor_split",
    "select",
    "narrow",
    "swapaxes",
    "movedim",
    "diagonal",
    "unflatten",
)
"""Functions of torch that give views of an array; the arrays behind views that are not followed are unknown."""


def _unmodelled_view(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    for value in [*args, *kwargs.values()]:
        if isinstance(value, Tensor):
            operators.spoil(value, "a view of it is not followed", line)
    return Opaque("view of an array", line, "model")


def _reductions() -> Module:
    module = Module("torch.distributed.ReduceOp")
    module.attributes.update({name: name for name in ("SUM", "AVG", "MAX", "MIN", "PRODUCT")})
    return module


def _parameter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A parameter shares its memory with the array that it is made of; of other arrays than byte tables it is unknown."""
    value = args[0] if args else kwargs.get("data")
    if isinstance(value, Tensor) and interp.is_built(value):
        interp.registered.append(value)
        return value
    return Opaque("torch.nn.Parameter", line, "model")


def torch_module() -> Module:
    """torch, as far as it is modelled."""
    module = Module("torch")
    functions = _common(True)
    functions.update(
        tensor=_array(True), as_tensor=_same_array(True), asarray=_same_array(True), from_numpy=_same_array(True),
        cat=_cat, concat=_cat, concatenate=_cat, isin=_isin, argsort=_argsort, scalar_tensor=_array(True),
        IntTensor=lambda i, a, k, ln: _array(True)(i, [a[0]], {"dtype": DType("int32")}, ln),
        LongTensor=lambda i, a, k, ln: _array(True)(i, [a[0]], {"dtype": DType("int64")}, ln),
        FloatTensor=lambda i, a, k, ln: _array(True)(i, [a[0]], {"dtype": DType("float32")}, ln),
        BoolTensor=lambda i, a, k, ln: _array(True)(i, [a[0]], {"dtype": DType("bool")}, ln),
        compile=lambda i, a, k, ln: a[0] if a else Intrinsic("torch.compile", lambda i2, a2, k2, l2: a2[0]),
        is_tensor=lambda i, a, k, ln: a[0] if isinstance(a[0], Opaque) else isinstance(a[0], Tensor),
        no_grad=_context, inference_mode=_context, autocast=_context, enable_grad=_context, set_grad_enabled=_context,
        set_float32_matmul_precision=_none, manual_seed=_none, set_num_threads=_none, use_deterministic_algorithms=_none,
    )  # fmt: skip
    for name in _VIEWS:
        functions.setdefault(name, _unmodelled_view)
    functions.update(_torch_files(), equal=_array_equal)
    module.attributes.update(
        {name: Intrinsic(f"torch.{name}", _made_by("torch", f)) for name, f in functions.items()}
    )
    for name, plain in DTYPES.items():
        if not name.endswith("_") and name not in (
            "byte",
            "ubyte",
            "ushort",
            "single",
            "longlong",
            "uint",
            "intp",
            "intc",
            "object",
        ):
            module.attributes[name] = DType(plain)
    module.attributes["int"] = DType("int32")
    module.attributes["Tensor"] = NativeClass("Tensor", lambda i, a, k, ln: Opaque("Tensor()", ln))
    module.attributes.update(pi=math.pi, inf=math.inf, nan=math.nan)
    functional = Module("torch.nn.functional")
    functional.attributes.update(
        {name: Intrinsic(f.name, _made_by("torch", f.call)) for name, f in _functional().items()}
    )
    nn = Module("torch.nn", lambda name: Opaque(f"torch.nn.{name}", 0, "model"))
    nn.attributes["functional"] = functional
    for name in ("Parameter", "Buffer"):
        nn.attributes[name] = Intrinsic(f"torch.nn.{name}", _parameter)
    module.attributes["nn"] = nn
    distributed = Module("torch.distributed", lambda name: Opaque(f"torch.distributed.{name}", 0, "config"))
    distributed.attributes.update(
        is_available=Intrinsic("dist.is_available", lambda i, a, k, ln: True),
        is_initialized=Intrinsic("dist.is_initialized", _initialized), get_rank=Intrinsic("dist.get_rank", _rank),
        get_world_size=Intrinsic("dist.get_world_size", _processes), ReduceOp=_reductions(),
        all_reduce=Intrinsic("dist.all_reduce", _all_reduce), barrier=Intrinsic("dist.barrier", _none),
        broadcast=Intrinsic("dist.broadcast", _none), reduce=Intrinsic("dist.reduce", _none),
        init_process_group=Intrinsic("dist.init_process_group", _none),
        destroy_process_group=Intrinsic("dist.destroy_process_group", _none),
        broadcast_object_list=Intrinsic("dist.broadcast_object_list", _none),
    )  # fmt: skip
    module.attributes["distributed"] = distributed
    cuda = Module("torch.cuda", lambda name: Opaque(f"torch.cuda.{name}", 0, "config"))
    cuda.attributes.update(
        is_available=Intrinsic("cuda.is_available", lambda i, a, k, ln: True),
        device_count=Intrinsic("cuda.device_count", _processes),
        synchronize=Intrinsic("cuda.synchronize", _none), empty_cache=Intrinsic("cuda.empty_cache", _none),
        set_device=Intrinsic("cuda.set_device", _none), manual_seed_all=Intrinsic("cuda.manual_seed_all", _none),
        manual_seed=Intrinsic("cuda.manual_seed", _none), reset_peak_memory_stats=Intrinsic("cuda.reset", _none),
    )  # fmt: skip
    module.attributes["cuda"] = cuda
    module.resolve = lambda name: Opaque(
        f"torch.{name}", 0, "config" if name in ("backends", "device", "version", "__version__") else "model"
    )
    return module


def mlx_module() -> Module:
    """mlx.core."""
    module = Module("mlx.core")
    functions = _common(False)
    functions.update(
        array=_array(True),
        concatenate=_cat,
        eval=_none,
        synchronize=_none,
        compile=lambda i, a, k, ln: a[0] if a else Opaque("compile", ln),
    )
    module.attributes.update({name: Intrinsic(f"mlx.{name}", f) for name, f in functions.items()})
    for name in DTYPE_NAMES:
        module.attributes[name] = DType(name)
    module.attributes["bool_"] = DType("bool")
    module.resolve = lambda name: Opaque(f"mlx.core.{name}", 0, "model")
    return module


def mlx_nn_module() -> Module:
    """mlx.nn."""
    module = Module("mlx.nn", lambda name: Opaque(f"mlx.nn.{name}", 0, "model"))
    losses = Module("mlx.nn.losses")
    losses.attributes["cross_entropy"] = Intrinsic(
        "cross_entropy", lambda i, a, k, ln: _cross_entropy(i, a, {"reduction": "none", **k}, ln)
    )
    module.attributes["losses"] = losses
    return module


def _none(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return None


def _context(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A context manager or decorator that changes no value."""
    if args and not isinstance(args[0], (bool, str, Opaque)):
        return args[0]
    return Intrinsic("context", lambda i, a, k, ln: a[0] if a else None)


def model_output_method(
    interp: Interp, output: ModelOutput, name: str, args: Args, kwargs: Kwargs, line: int
) -> Value:
    """`model(x, y).name(…)`: a scalar loss stays one; anything else is the model's business."""
    if name == "backward":
        interp.observer.differentiated(interp, output, line)
        return None
    if name in (
        "detach",
        "item",
        "float",
        "double",
        "cpu",
        "to",
        "clone",
        "mean",
        "contiguous",
        "cuda",
        "numpy",
        "type",
    ):
        return output
    if name in ("reshape", "view", "flatten", "squeeze", "sum", "gather", "unsqueeze", "log_softmax"):
        targets = output.targets
        if (
            name == "gather"
            and len(args) > 1
            and isinstance(args[1], Tensor)
            and args[1].data
            and all(isinstance(x, Tok) for x in args[1].data)
        ):
            return Tensor(
                [token_loss(x.pos, -1.0, output.late) for x in args[1].data], args[1].shape, "float32"
            )
        if (
            isinstance(targets, Tensor)
            and name in ("reshape", "view", "flatten", "sum")
            and output_is_per_token(output)
        ):
            nll = Tensor(
                [token_loss(x.pos, 1.0, output.late) for x in targets.data], targets.shape, "float32"
            )
            return TENSOR_METHODS[name](interp, nll, args, kwargs, line)
    return Opaque(f"{name}() of the model's output", line, "model")


def output_is_per_token(output: ModelOutput) -> bool:
    """Whether the call asked for one loss per token (`reduction="none"`)."""
    return output.per_token and mean_loss(output) is not None
