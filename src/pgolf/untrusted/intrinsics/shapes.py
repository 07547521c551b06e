"""The shape of arrays: joined, cut, turned, repeated, looked at another way."""

from __future__ import annotations

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, Method, array_room, first_unknown, items_of, scalar
from pgolf.untrusted.intrinsics.creation import shape_from
from pgolf.untrusted.intrinsics.element_types import dtype_of
from pgolf.untrusted.intrinsics.reductions import dim_of
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import (
    Tensor,
    cast_all,
    expand_to,
    from_nested,
    get,
    promote,
    reshape,
    size_of,
    transpose,
)
from pgolf.untrusted.values import DType, Loss, NativeClass, Opaque, Scaled, Stuck, Tok, Value


def tensor_dimensions(interp: Interp, t: Tensor) -> tuple[int, ...]:
    """The shape of an array as a script sees it: that of token ids grows with the run."""
    if t.data and type(t.data[0]) is Tok:
        if len(t.shape) == 1 and len(t.data) == len(interp.probe.stream):
            return (scaled.stream_length(t.shape[0]),)
        return tuple(scaled.at_least(n) if n > 1 else n for n in t.shape)
    if interp.probe.token_reads and len(t.shape) == 1 and t.shape[0] > interp.probe.vocab_size > 0:
        return (scaled.at_least(t.shape[0]),)  # longer than a table: what an evaluation has collected
    return t.shape


def cat(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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
    array_room(interp, sum(len(a.data) for a in arrays))
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


def stack(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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
    return cat(interp, [lifted, dim], {}, line)


def _numel(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return elements(interp, t)


def shape_of(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return tensor_dimensions(interp, args[0]) if isinstance(args[0], Tensor) else Opaque("shape()", line)


def elements(interp: Interp, t: Tensor) -> int:
    """The number of elements as a script sees it."""
    n = len(t.data)
    if n > 1 and type(t.data[0]) is Tok:
        return (
            scaled.stream_length(n)
            if n == len(interp.probe.stream) and len(t.shape) == 1
            else scaled.at_least(n)
        )
    if interp.probe.token_reads and n > interp.probe.vocab_size > 0:
        return scaled.at_least(n)
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
    dim = dim_of(args, kwargs)
    if isinstance(dim, int) and t.shape:
        if not -len(t.shape) <= dim < len(t.shape):
            raise raise_in_script("IndexError", "squeeze() of a dimension that is not there", line)
        dim %= len(t.shape)
        if t.shape[dim] != 1 and t.library != "torch":
            if not t.library:
                return Opaque("squeeze() of a dimension of several elements", line)
            raise raise_in_script("ValueError", "squeeze() of a dimension of several elements", line)
        shape = [d for i, d in enumerate(t.shape) if i != dim or d != 1]
    else:
        shape = [d for d in t.shape if d != 1]
    return reshape(t, shape)


def _unsqueeze(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    dim = dim_of(args, kwargs)
    if not isinstance(dim, int):
        raise Stuck("unsqueeze() at an unknown dimension", line)
    if not -len(t.shape) - 1 <= dim <= len(t.shape):
        raise raise_in_script("IndexError", "unsqueeze() at a dimension that is not there", line)
    dim %= len(t.shape) + 1
    return reshape(t, [*t.shape[:dim], 1, *t.shape[dim:]])


def _transpose(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    order = list(range(len(t.shape)))
    if not args and not kwargs:
        return transpose(t, order[::-1]) if t.library == "numpy" or len(order) <= 2 else Opaque("t()", line)
    if t.library == "numpy":
        axes = args or [kwargs.get("axes")]
        return transpose(t, order[::-1]) if axes == [None] else _permute(interp, t, axes, {}, line)
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
    array_room(interp, size_of(shape))
    return Tensor(list(expand_to(t, tuple(shape))), tuple(shape), t.dtype, t)


def _repeat(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    """torch's `repeat` tiles, numpy's repeats each element."""
    if t.library == "numpy":
        return np_repeat(interp, [t, *args], kwargs, line)
    if t.library != "torch" or kwargs:
        return Opaque("repeat()", line)
    return _tile(interp, t, args, kwargs, line)


def _tile(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    times = shape_from(interp, args, line)
    if any(n < 0 for n in times):
        raise raise_in_script("ValueError", "negative number of repeats", line)
    array_room(interp, len(t.data) * max(1, size_of(times)))
    if len(t.shape) == 1 and len(times) == 1:
        return Tensor(t.data * times[0], (len(t.data) * times[0],), t.dtype)
    out = t
    shape = (1,) * (len(times) - len(t.shape)) + t.shape
    out = Tensor(t.data, shape, t.dtype)
    for dim, n in enumerate(times):
        out = cat(interp, [[out] * n, dim], {}, line) if n != 1 else out
    return out


def _dim(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return len(t.shape)


def _split(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    size = args[0]
    if len(t.shape) != 1 or not isinstance(size, int) or size < 1:
        return Opaque("split() of several dimensions", line)
    if size > len(t.data) and t.data and type(t.data[0]) in (Scaled, Tok) and type(size) is int:
        interp.at_scale(f"splits into pieces of {size}", line, type(t.data[0]) is Tok)
    return tuple(get(t, slice(i, i + size)) for i in range(0, t.shape[0], size))


def _chunk(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    n = args[0] if args else kwargs.get("chunks")
    if len(t.shape) != 1 or type(n) is not int or n < 1:
        return Opaque("chunk() of several dimensions", line)
    return _split(interp, t, [max(1, -(-len(t.data) // n))], {}, line)


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
        array_room(interp, len(places) * int(size))
        places = [at + k * int(step) for at in places for k in range(int(size))]
    if places and max(places) >= len(value.data):
        return Opaque("as_strided() past the end of the array", line)
    return Tensor([value.data[at] for at in places], tuple(int(x) for x in sizes), value.dtype, value)


def np_repeat(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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
        if times < 0:
            raise raise_in_script("ValueError", "repeats may not be negative", line)
        array_room(interp, len(t.data) * max(0, times))
        data = [x for x in t.data for _ in range(times)]
        return Tensor(data, (len(data),), t.dtype)
    return Opaque("repeat()", line)


def np_tile(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t = args[0]
    if not isinstance(t, Tensor):
        t = from_nested(t, None, False, interp.limits.interpreter_cells)
    times = shape_from(interp, args[1:2] or [kwargs.get("reps")], line)
    return _tile(interp, t, [(1,) * (len(t.shape) - len(times)) + times], {}, line)


def np_append(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    unknown = first_unknown(args)
    if unknown is not None or kwargs or len(args) != 2:
        return unknown or Opaque("append() along a dimension", line)
    flat = [x if isinstance(x, Tensor) else from_nested(x, None, False, 4_000_000) for x in args]
    for x in flat:
        x.library = x.library or "numpy"
    return cat(interp, [[reshape(x, [-1]) for x in flat]], {}, line)


def hstack(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Opaque):
        return args[0]
    parts = items_of(interp, args[0], line)
    if any(isinstance(x, Tensor) and len(x.shape) > 1 for x in parts):
        return cat(interp, [parts, 1], {}, line)
    return cat(interp, [parts], {}, line)


VIEWS = (
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


def unmodelled_view(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    for value in [*args, *kwargs.values()]:
        if isinstance(value, Tensor):
            operators.spoil(value, "a view of it is not followed", line)
    return Opaque("view of an array", line, "model")


SHAPE_METHODS: dict[str, Method] = {
    "as_strided": _as_strided, "numel": _numel, "nelement": _numel, "size": _size, "dim": _dim, "ndimension": _dim,
    "reshape": _reshape, "view": _view, "flatten": _flatten, "ravel": _flatten, "squeeze": _squeeze, "unsqueeze": _unsqueeze,
    "transpose": _transpose, "t": _transpose, "permute": _permute, "expand": _expand, "repeat": _repeat, "split": _split,
    "chunk": _chunk, "narrow": _narrow,
}  # fmt: skip
