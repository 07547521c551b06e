"""Arrays made of numbers, sequences, bytes and files."""

from __future__ import annotations

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import (
    Args,
    Call,
    Kwargs,
    Method,
    array_room,
    first_unknown,
    items_of,
    scalar,
)
from pgolf.untrusted.intrinsics.element_types import dtype_of
from pgolf.untrusted.intrinsics.files import load_npz, read_array_file, read_tokens
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import (
    Tensor,
    cast_to,
    caster,
    from_nested,
    item_bytes,
    same_memory,
    size_of,
    storer,
)
from pgolf.untrusted.values import MISSING, Cursor, NativeObject, Opaque, Stuck, Value

LARGE_ARRAY = 400_000
"""Elements from which a new array is a weight, a cache or a buffer, and no byte table: it is not materialised."""


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
        array_room(interp, shape[0])
        columns[part[0]] = Tensor([caster(name)(value)] * shape[0], shape, name)
    made = NativeObject("records", {}, columns)
    interp.register(made)
    return made


def filled(value: Value, torch_like: bool, default: str | None = None) -> Call:
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
        array_room(interp, n)
        if kwargs.get("dtype") is not None and "dtype" in kwargs and dtype is None:
            made = _records(interp, value, shape, kwargs["dtype"])
            return made if made is not None else Opaque("array of an unmodelled element type", line)
        name = dtype or default or ("float32" if torch_like else "float64")
        return Tensor([storer(name)(value)] * n, shape, name)

    return run


def full(torch_like: bool) -> Call:
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
        array_room(interp, n)
        return Tensor([storer(dtype)(value)] * n, shape, dtype)

    return run


def like(value: Value) -> Call:
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
        array_room(interp, len(t.data))
        return Tensor([storer(dtype)(fill)] * len(t.data), t.shape, dtype)

    return run


EMPTY = Opaque("element of an array made by empty() and never set")


def array(torch_like: bool) -> Call:
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
            array_room(interp, len(value.data))
            return cast_to(value, dtype or value.dtype)
        if isinstance(value, (dict, str, bytes, set, Cursor)) or value is None:
            return Opaque("array of something that is no sequence", line)
        if isinstance(value, NativeObject):
            return Opaque(f"array of a {value.kind}", line)
        out = from_nested(value, dtype, torch_like, interp.limits.interpreter_cells)
        array_room(interp, len(out.data))
        return out

    return run


def same_array(torch_like: bool) -> Call:
    """asarray, from_numpy, as_tensor, ascontiguousarray: the same memory where the type does not change."""
    copy = array(torch_like)

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        value = args[0] if args else kwargs.get("data")
        given = kwargs.get("dtype", args[1] if len(args) > 1 else None)
        if isinstance(value, Tensor) and (given is None or dtype_of(given) == value.dtype):
            return same_memory(value, "torch" if torch_like else "numpy")
        return copy(interp, args, kwargs, line)

    return run


def arange(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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
        array_room(interp, len(span))
        if interp.probe.token_reads and any(map(scaled.grows, values)):
            return Tensor(scaled.steps(span, values[:3]), (len(span),), dtype or "int64")
        return Tensor([storer(dtype or "int64")(x) for x in span], (len(span),), dtype or "int64")
    return Opaque("arange() of floats", line)


def _new_filled(value: Value) -> Method:
    def run(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
        dtype = dtype_of(kwargs["dtype"]) if kwargs.get("dtype") is not None else t.dtype
        shape = shape_from(interp, args, line)
        array_room(interp, size_of(shape))
        return Tensor([caster(dtype or t.dtype)(value)] * size_of(shape), shape, dtype or t.dtype)

    return run


def frombuffer(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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
        array_room(interp, len(body) // size)
        values = array.array(code)
        values.frombytes(body[: len(body) // size * size])
        return Tensor(list(values), (len(values),), name)
    found = read_tokens(interp, data, name, kwargs, line)
    return found if found is not MISSING else Opaque("frombuffer()", line)


def fromfile(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return read_array_file(interp, args, kwargs, line)


def np_load(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return load_npz(interp, args, kwargs, line)


def random_numbers(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    for value in args:
        operators.spoil(value, "may be shuffled", line)
    return Opaque("random numbers", line)


def ndarray(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """An array over the memory of another is not followed."""
    for value in (*args, *kwargs.values()):
        operators.spoil(value, "another array is made over its memory", line)
    return Opaque("ndarray()", line)


def fromiter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    given = kwargs.get("dtype", args[1] if len(args) > 1 else None)
    count = kwargs.get("count", args[2] if len(args) > 2 else -1)
    if isinstance(args[0], Opaque) or kwargs.keys() - {"dtype", "count"} or not isinstance(count, int):
        return Opaque("fromiter()", line)
    items = items_of(interp, args[0], line)
    if count >= 0 and interp.probe.token_reads and count != len(items):
        return Opaque("fromiter() of a count other than its items", line)
    if count > len(items):
        raise raise_in_script("ValueError", "iterator too short", line)
    return array(False)(interp, [items[:count] if count >= 0 else items], {"dtype": given}, line)


CREATION_METHODS: dict[str, Method] = {
    "new_zeros": _new_filled(0), "new_ones": _new_filled(1),
}  # fmt: skip
