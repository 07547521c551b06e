"""Small arrays of our own, for the table operations of numpy, torch and mlx that byte tables are built and read with.

A `Tensor` is a flat Python list with a shape and an element type. Integer types wrap as they do in numpy and torch,
floating types round. `library` says whose rules for element types hold (numpy and torch differ where an array meets a single
number or another type); where it is not known and they give different values, the result is unknown. Elements may also be `Loss`,
`Tok` or `Opaque`, so that losses, stream positions and unknowns survive slicing and reshaping.

Slices are copies. A copy remembers what it is a view of, and an array its views: writing through one marks the other as
unknown. An evaluation that needs real aliasing ends in a stated UNKNOWN, never in a wrong table.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import count, repeat
from typing import Any
from weakref import ref

from pgolf.untrusted import scaled
from pgolf.untrusted.values import (
    SCALED,
    Loss,
    ModelOutput,
    OfLosses,
    Opaque,
    Scaled,
    ScaledFloat,
    Stuck,
    Tok,
    Value,
)

_INT_BITS = {
    "uint8": (8, False), "int8": (8, True), "uint16": (16, False), "int16": (16, True),
    "uint32": (32, False), "int32": (32, True), "uint64": (64, False), "int64": (64, True),
}  # fmt: skip
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_ITEM_BYTES = {
    "bool": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "float16": 2, "bfloat16": 2, "uint32": 4,
    "int32": 4, "float32": 4, "uint64": 8, "int64": 8, "float64": 8, "object": 8,
}  # fmt: skip
DTYPE_NAMES = frozenset(_ITEM_BYTES)
_RANK = {
    name: rank
    for rank, name in enumerate(
        ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
         "float16", "bfloat16", "float32", "float64", "object"]
    )
}  # fmt: skip


SERIALS = count()
"""Every array gets the next number, so that one can be told to be older than a point in the evaluation."""


class Tensor:
    """`data`: flat list in row-major order; `shape`: tuple of ints; `dtype`: a name of `DTYPE_NAMES`."""

    __slots__ = (
        "__weakref__", "base", "data", "dtype", "hidden", "label", "library", "serial", "shape", "source", "views",
    )  # fmt: skip

    def __init__(
        self, data: list[Value], shape: tuple[int, ...], dtype: str, base: Tensor | None = None
    ) -> None:
        self.data = data
        self.shape = shape
        self.dtype = dtype
        self.base = base
        self.label: str = ""
        self.library: str = "" if base is None else base.library
        """ "numpy" or "torch": whose rules hold for it; "" where that is not known."""
        self.serial = next(SERIALS)
        self.views: list[ref[Tensor]] | None = None
        self.hidden = False
        """Whether all of it is unknown because a view of it was written to."""
        if base is not None:
            base.viewed_by(self)
        self.source: Tensor | None = None
        """What this is an unchanged copy of, in another memory or element type."""

    def __repr__(self) -> str:
        return f"<array {self.shape} {self.dtype}>"

    def viewed_by(self, view: Tensor) -> None:
        """Remember a view, for as long as it lives."""
        views = self.views
        if views is None:
            self.views = [ref(view)]
            return
        views.append(ref(view))
        if len(views) > 32 and not len(views) & (len(views) - 1):
            self.views = [r for r in views if r() is not None]

    def spoil_base(self, line: int) -> None:
        """Called before a write: what this is a view of would change too, and other views of that, so they become
        unknown."""
        inner, base = self, self.base
        while base is not None:
            if base.data is self.data:
                base.source = None  # one memory by two names: the change shows in both
            elif not base.hidden:
                base.data[:] = [Opaque("array changed through a view of it", line)] * len(base.data)
                base.hidden = True
            base.spoil_views(line, inner)
            inner, base = base, base.base

    def spoil_views(self, line: int, besides: Tensor | None = None) -> None:
        """Called before a write: views of this array would change too, so they become unknown."""
        for found in self.views or ():
            view = found()
            if view is not None and view is not besides:
                if view.data is not self.data:
                    view.data[:] = [Opaque("array changed that this is a view of", line)] * len(view.data)
                view.source = None if view.source is not self else view.source
                view.spoil_views(line)


def same_memory(t: Tensor, library: str) -> Tensor:
    """The memory of `t` as an array of that library (`from_numpy`, `.numpy()`, `asarray`)."""
    if t.library == library:
        return t
    other = Tensor(t.data, t.shape, t.dtype, t)
    other.serial, other.label, other.library, other.source = t.serial, t.label, library, t
    return other


def detached(t: Tensor) -> Tensor:
    """The elements of `t` as they are now."""
    return _of(Tensor(list(t.data), t.shape, t.dtype), t.library)


def _of(made: Tensor, library: str) -> Tensor:
    made.library = library
    return made


def item_bytes(dtype: str) -> int:
    """Bytes of one element."""
    return _ITEM_BYTES[dtype]


def _round_half(x: float) -> float:
    try:
        return float(struct.unpack("<e", struct.pack("<e", x))[0])
    except (OverflowError, struct.error):
        return math.inf if x > 0 else -math.inf


def _round_single(x: float) -> float:
    if -16777216.0 <= x <= 16777216.0 and x.is_integer():
        return x
    try:
        return float(struct.unpack("<f", struct.pack("<f", x))[0])
    except (OverflowError, struct.error):
        return math.inf if x > 0 else -math.inf


def _round_bfloat(x: float) -> float:
    try:
        bits = struct.unpack("<I", struct.pack("<f", x))[0]
    except (OverflowError, struct.error):
        return math.inf if x > 0 else -math.inf
    if x != x:
        return x
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return float(struct.unpack("<f", struct.pack("<I", bits & 0xFFFFFFFF))[0])


@lru_cache(maxsize=64)
def caster(dtype: str) -> Callable[[Value], Value]:
    """The function that stores a scalar as `dtype`. Opaque, Loss and (in integer types) Tok pass unchanged."""
    if dtype in _INT_BITS:
        bits, signed = _INT_BITS[dtype]
        low = -(1 << (bits - 1)) if signed else 0
        high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1
        mask = (1 << bits) - 1

        def cast_int(x: Value) -> Value:
            kind = type(x)
            if kind is int or kind is Tok or kind is Scaled:
                if low <= x <= high:
                    return x
                x = int(x)
            elif kind is bool:
                return int(x)
            elif kind is float:
                if math.isfinite(x) and low <= int(x) <= high:
                    return int(x)
                return Opaque("a float that does not fit, stored in an integer array")
            else:
                return _cast_other(x, "integer")
            x &= mask
            return x - (1 << bits) if signed and x > high else x

        return cast_int
    if dtype == "bool":

        def cast_bool(x: Value) -> Value:
            kind = type(x)
            if kind is bool:
                return x
            if kind is int or kind is float or kind is Tok:
                return x != 0
            return _cast_other(x, "bool")

        return cast_bool
    if dtype in _FLOATS:
        rounding = {"float16": _round_half, "bfloat16": _round_bfloat, "float32": _round_single}.get(dtype)

        def cast_float(x: Value) -> Value:
            kind = type(x)
            if kind is float:
                return x if rounding is None else rounding(x)
            if kind is int or kind is bool or kind is Tok:
                try:
                    y = float(x)
                except OverflowError:
                    return math.inf if x > 0 else -math.inf
                return y if rounding is None else rounding(y)
            return _cast_other(x, "float")

        return cast_float
    return lambda x: x


def cast_all(data: list[Value], dtype: str) -> list[Value]:
    """`data` stored as `dtype`, a new list; values that the type holds as they are stay without being looked at singly."""
    kinds = set(map(type, data))
    if len(kinds) == 1:
        (kind,) = kinds
        if kind is float:
            if dtype == "float64":
                return data.copy()
            if dtype == "float32":
                return list(map(_round_single, data))
        elif kind is int:
            if dtype in _INT_BITS:
                bits, signed = _INT_BITS[dtype]
                low = -(1 << (bits - 1)) if signed else 0
                if low <= min(data) and max(data) <= low + (1 << bits) - 1:
                    return data.copy()
        elif kind is bool and dtype == "bool":
            return data.copy()
    cast = caster(dtype)
    return [cast(x) for x in data]


@lru_cache(maxsize=64)
def storer(dtype: str) -> Callable[[Value], Value]:
    """`caster` for Python's own numbers: an integer that does not fit is an error or another type there, and unknown here."""
    cast = caster(dtype)
    if dtype not in _INT_BITS:
        return cast
    low, high = _int_range(dtype)

    def store(x: Value) -> Value:
        if isinstance(x, int) and not low <= x <= high:
            return Opaque("an integer that does not fit the element type")
        return cast(x)

    return store


def _int_range(dtype: str) -> tuple[int, int]:
    bits, signed = _INT_BITS[dtype]
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def _cast_other(x: Value, what: str) -> Value:
    if isinstance(x, (Opaque, Loss)):
        return x
    if type(x) in SCALED:
        if x.chosen:
            return Opaque("a number that a comparison of settings chose, stored in an array", 0, "scale")
        if scaled.differs(x):
            return Opaque("a number that depends on the process, stored in an array", 0, "scale")
        if scaled.sums(x) and what != "bool":
            return scaled.as_float(x) if what == "float" else scaled.monotone("trunc", math.trunc, x, 0)
        return float(x) if what == "float" else x != 0 if what == "bool" else int(x)
    if x is None:
        return Opaque(f"None stored in an {what} array")
    return Opaque(f"{type(x).__name__} stored in an {what} array")


def size_of(shape: Iterable[int]) -> int:
    """Number of elements of a shape."""
    n = 1
    for dim in shape:
        n *= dim
    return n


def infer_dtype(values: list[Value], torch_like: bool) -> str:
    """Element type of an array made from Python scalars (numpy: float64 and int64; torch: float32 and int64)."""
    kinds = {type(v) for v in values}
    if float in kinds or Loss in kinds or ScaledFloat in kinds:
        return "float32" if torch_like else "float64"
    if int in kinds or Tok in kinds or Scaled in kinds:
        return "int64"
    if kinds == {bool}:
        return "bool"
    if not kinds:
        return "float32" if torch_like else "float64"
    if kinds & {str, bytes, tuple, list, dict, type(None)}:
        return "object"
    return "float32" if torch_like else "float64"


def from_nested(value: Value, dtype: str | None, torch_like: bool, limit: int) -> Tensor:
    """An array from nested lists, tuples, ranges, scalars or arrays. Raises Stuck for ragged input."""
    flat: list[Value] = []
    shape = _flatten(value, flat, 0, limit)
    if dtype is None:
        found = _nested_dtype(value)
        dtype = found or infer_dtype(flat, torch_like)
    whole = isinstance(value, Tensor) or dtype not in _INT_BITS or set(map(type, flat)) <= {bool, float}
    if not whole and set(map(type, flat)) == {int}:
        low, high = _int_range(dtype)
        whole = low <= min(flat) and max(flat) <= high
    made = Tensor(cast_all(flat, dtype) if whole else list(map(storer(dtype), flat)), shape, dtype)
    if isinstance(value, Tensor):
        made.source = value
        made.library = value.library
    return made


def _nested_dtype(value: Value) -> str | None:
    if isinstance(value, Tensor):
        return value.dtype
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, Tensor) for v in value):
        dtype = value[0].dtype
        for v in value[1:]:
            dtype = promote(dtype, v.dtype, v.library)
        return str(dtype)
    return None


def _flatten(value: Value, out: list[Value], depth: int, limit: int) -> tuple[int, ...]:
    if depth > 6:
        raise Stuck("array nested deeper than 6 levels")
    if isinstance(value, Tensor):
        out.extend(value.data)
        if len(out) > limit:
            raise Stuck("array larger than the memory budget")
        return value.shape
    if isinstance(value, (list, tuple, range, set, frozenset, bytes, bytearray)) and not isinstance(
        value, (bytes,)
    ):
        if len(value) > limit:
            raise Stuck("array larger than the memory budget")
        items = list(value)
        if items and not isinstance(items[0], (list, tuple, Tensor, range)):
            for x in items:
                if isinstance(x, (list, tuple, Tensor)):
                    if isinstance(x, Tensor) and not x.shape:
                        continue
                    raise Stuck("array from a ragged sequence")
            out.extend(x.data[0] if isinstance(x, Tensor) else x for x in items)
            if len(out) > limit:
                raise Stuck("array larger than the memory budget")
            return (len(items),)
        inner: tuple[int, ...] | None = None
        for x in items:
            shape = _flatten(x, out, depth + 1, limit)
            if inner is None:
                inner = shape
            elif shape != inner:
                raise Stuck("array from a ragged sequence")
        return (len(items), *(inner or ()))
    out.append(value)
    return ()


def promote(a: str, b: str, library: str = "") -> str:
    """Common element type of two arrays. An integer type beside a floating one: the floating one in torch, one that holds
    both in numpy."""
    if a == b:
        return a
    if {a, b} == {"float16", "bfloat16"}:
        return "float32"
    ra, rb = _RANK[a], _RANK[b]
    big, small = (a, b) if ra > rb else (b, a)
    if big in _INT_BITS and small in _INT_BITS and _INT_BITS[big][1] != _INT_BITS[small][1]:
        unsigned, signed = (big, small) if not _INT_BITS[big][1] else (small, big)
        if _INT_BITS[signed][0] <= _INT_BITS[unsigned][0]:
            return {8: "int16", 16: "int32", 32: "int64", 64: "float64"}[_INT_BITS[unsigned][0]]
        return signed
    if library != "torch" and big in _FLOATS and small in _INT_BITS:
        bits = _INT_BITS[small][0]
        needed = "float16" if bits == 8 else "float32" if bits == 16 else "float64"
        return big if _RANK[big] >= _RANK[needed] else needed
    return big


def _scalar_dtype(x: Value, other: str, library: str) -> str:
    """Type of `array op number`: the array's, unless the number is of a higher category."""
    kind = type(x)
    if kind is int or kind is Tok or kind is Scaled:
        return "int64" if other == "bool" else other
    if (kind is float or kind is ScaledFloat) and other not in _FLOATS and other != "object":
        return "float32" if library == "torch" else "float64"
    return other


def _pair_dtype(a: Tensor, b: Tensor, library: str) -> str:
    """Type of `array op array`. In torch one without dimensions counts only where its category is higher."""
    if library == "torch" and bool(a.shape) != bool(b.shape):
        whole, single = (a, b) if a.shape else (b, a)
        return single.dtype if category(single.dtype) > category(whole.dtype) else whole.dtype
    return promote(a.dtype, b.dtype, library)


def broadcast_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Broadcast two shapes. Raises Stuck when they do not fit."""
    if a == b:
        return a
    out: list[int] = []
    for i in range(max(len(a), len(b))):
        da = a[-1 - i] if i < len(a) else 1
        db = b[-1 - i] if i < len(b) else 1
        if da != db and da != 1 and db != 1:
            raise Stuck(f"shapes {a} and {b} do not broadcast")
        out.append(db if da == 1 else da)
    return tuple(reversed(out))


def expand_to(t: Tensor, shape: tuple[int, ...]) -> list[Value]:
    """The flat data of `t` broadcast to `shape`."""
    if t.shape == shape:
        return t.data
    n = size_of(shape)
    if n > 4_000_000:
        raise Stuck("broadcast larger than the memory budget")
    if len(t.data) == 1:
        return [t.data[0]] * n
    strides: list[int] = []
    step = 1
    for dim in reversed(t.shape):
        strides.append(0 if dim == 1 else step)
        step *= dim
    strides += [0] * (len(shape) - len(strides))
    strides.reverse()
    index = [0]
    for dim, stride in zip(shape, strides, strict=True):
        index = [i + stride * k for i in index for k in range(dim)]
    data = t.data
    return [data[i] for i in index]


ScalarOp = Callable[[Value, Value], Value]


def elementwise(op: ScalarOp, a: Value, b: Value, dtype: str | None) -> Tensor:
    """`op` over two arrays or an array and a number, with broadcasting; `dtype` forces the result's type."""
    other: str | None = None
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        library = a.library if a.library == b.library else ""
        shape = broadcast_shape(a.shape, b.shape)
        result = dtype or _pair_dtype(a, b, library)
        if dtype is None and not library:
            other = _pair_dtype(a, b, "torch")
        left, right = expand_to(a, shape), expand_to(b, shape)
    elif isinstance(a, Tensor):
        library, shape = a.library, a.shape
        result = dtype or _scalar_dtype(b, a.dtype, library)
        if dtype is None:
            other = None if library else _scalar_dtype(b, a.dtype, "torch")
            b = storer(result)(b)
        if len(a.data) == 1 and other in (None, result):
            return _of(Tensor([caster(result)(op(a.data[0], b))], shape, result), library)
        left, right = a.data, [b] * len(a.data)
    else:
        library, shape = b.library, b.shape
        result = dtype or _scalar_dtype(a, b.dtype, library)
        if dtype is None:
            other = None if library else _scalar_dtype(a, b.dtype, "torch")
            a = storer(result)(a)
        left, right = [a] * len(b.data), b.data
    values = list(map(op, left, right))
    if other is None or other == result:
        data = cast_all(values, result)
    else:
        data = [agreed(caster(result), caster(other), x) for x in values]
    return _of(Tensor(data, shape, result), library)


def agreed(one: Callable[[Value], Value], other: Callable[[Value], Value], x: Value) -> Value:
    """What both libraries give, or unknown."""
    a, b = one(x), other(x)
    if isinstance(a, (Opaque, Loss)) or isinstance(b, (Opaque, Loss)) or a == b:
        return a
    return Opaque("numpy and torch give different values here")


def category(dtype: str) -> int:
    """Truth values, integers, or others."""
    if dtype == "bool":
        return 0
    return 1 if dtype in _INT_BITS else 2


def cast_to(t: Tensor, dtype: str) -> Tensor:
    """A copy of `t` as `dtype` (the same elements where nothing changes)."""
    if dtype == t.dtype:
        out = Tensor(list(t.data), t.shape, dtype)
    else:
        out = Tensor(cast_all(t.data, dtype), t.shape, dtype)
    out.label = t.label
    out.source = t
    out.library = t.library
    return out


def reshape(t: Tensor, shape: list[int]) -> Tensor:
    """Reshape with one `-1` allowed. Raises Stuck when the sizes do not fit."""
    n = len(t.data)
    if shape.count(-1) == 1:
        rest = size_of(d for d in shape if d != -1)
        if rest <= 0 or n % rest:
            if n == 0:
                shape = [0 if d == -1 else d for d in shape]
            else:
                raise Stuck(f"cannot reshape {n} elements into {tuple(shape)}")
        else:
            shape = [n // rest if d == -1 else d for d in shape]
    if any(d < 0 for d in shape) or size_of(shape) != n:
        raise Stuck(f"cannot reshape {n} elements into {tuple(shape)}")
    out = Tensor(t.data[:], tuple(shape), t.dtype, t)
    out.label = t.label
    return out


def transpose(t: Tensor, order: list[int]) -> Tensor:
    """Permute the dimensions."""
    if sorted(order) != list(range(len(t.shape))):
        raise Stuck("bad permutation of dimensions")
    strides = [size_of(t.shape[i + 1 :]) for i in range(len(t.shape))]
    shape = tuple(t.shape[i] for i in order)
    index = [0]
    for i in order:
        index = [j + strides[i] * k for j in index for k in range(t.shape[i])]
    return Tensor([t.data[i] for i in index], shape, t.dtype, t)


Index = Any


def plain_index(value: Value) -> Index:
    """An index as a host value: int, slice, None, Ellipsis, Tensor, tuple of those. Raises Stuck otherwise."""
    if type(value) is int:
        return value
    if (
        isinstance(value, bool)
        or value is None
        or value is Ellipsis
        or isinstance(value, (int, slice, Tensor))
    ):
        return value
    if isinstance(value, tuple):
        return tuple(plain_index(v) for v in value)
    if isinstance(value, (list, range)):
        return from_nested(list(value), None, False, 4_000_000)
    if isinstance(value, Opaque):
        raise Stuck(f"index is unknown: {value.reason}", value.line)
    raise Stuck(f"index of kind {type(value).__name__}")


def selection(t: Tensor, index: Index) -> tuple[list[int], tuple[int, ...]]:
    """Flat positions that `index` selects in `t`, and the result's shape."""
    items = list(index) if isinstance(index, tuple) else [index]
    if len(items) == 1 and isinstance(items[0], Tensor):
        mask = items[0]
        if mask.dtype == "bool":
            return _mask_selection(t, mask)
    used = sum(
        (len(i.shape) if isinstance(i, Tensor) and i.dtype == "bool" else 1)
        for i in items
        if i is not None and i is not Ellipsis
    )
    if used > len(t.shape):
        raise Stuck(f"too many indices for an array of {len(t.shape)} dimensions")
    if Ellipsis in [i for i in items if i is Ellipsis]:
        at = next(k for k, i in enumerate(items) if i is Ellipsis)
        items[at : at + 1] = [slice(None)] * (len(t.shape) - used)
    else:
        items += [slice(None)] * (len(t.shape) - used)
    # Positions are built dimension by dimension; index arrays are zipped together (numpy's advanced indexing).
    strides = [size_of(t.shape[i + 1 :]) for i in range(len(t.shape))]
    arrays: list[tuple[int, Tensor]] = []
    plan: list[tuple[str, Any]] = []
    dim = 0
    for item in items:
        if item is None:
            plan.append(("new", None))
            continue
        if isinstance(item, Tensor):
            if item.dtype == "bool":
                hits = [i for i, x in enumerate(_concrete(item.data)) if x]
                if len(item.shape) != 1 or item.shape[0] != t.shape[dim]:
                    raise Stuck("boolean index of a different shape")
                item = Tensor(list(hits), (len(hits),), "int64")
            arrays.append((dim, item))
            plan.append(("array", None))
        elif isinstance(item, slice):
            plan.append(("range", (dim, range(*_slice(item, t.shape[dim])))))
        elif isinstance(item, int) and not isinstance(item, bool):
            plan.append(("at", (dim, _bounded(item, t.shape[dim]))))
        else:
            raise Stuck("index of an unmodelled kind")
        dim += 1
    advanced = [k for k, (kind, _) in enumerate(plan) if kind in ("array", "at")]
    if arrays and advanced[-1] - advanced[0] + 1 != len(advanced) and plan[0][0] != "array":
        raise Stuck("index arrays with slices between them")
    joint: list[int] = [0]
    joint_shape: tuple[int, ...] = ()
    if arrays:
        for _, a in arrays:
            joint_shape = broadcast_shape(joint_shape, a.shape)
        joint = [0] * size_of(joint_shape)
        for d, a in arrays:
            flat = expand_to(a, joint_shape)
            size, stride = t.shape[d], strides[d]
            joint = [p + stride * _bounded(x, size) for p, x in zip(joint, _concrete(flat), strict=True)]
    positions = [0]
    shape: list[int] = []
    placed = False
    for kind, detail in plan:
        if kind == "new":
            shape.append(1)
        elif kind == "at":
            d, i = detail
            positions = [p + strides[d] * i for p in positions]
        elif kind == "range":
            d, span = detail
            shape.append(len(span))
            if len(positions) * len(span) > 8_000_000:
                raise Stuck("selection larger than the memory budget")
            if len(positions) == 1 and strides[d] == 1:
                p = positions[0]
                positions = list(range(p + span.start, p + span.stop, span.step)) if p else list(span)
            else:
                positions = [p + strides[d] * i for p in positions for i in span]
        elif not placed:
            placed = True
            shape.extend(joint_shape)
            positions = [p + j for p in positions for j in joint]
    return positions, tuple(shape)


def _concrete(data: list[Value]) -> list[Any]:
    for x in data:
        if not isinstance(x, int):
            if isinstance(x, Opaque):
                raise Stuck(f"index is unknown: {x.reason}", x.line)
            if isinstance(x, float) and x.is_integer():
                continue
            raise Stuck("index array of a kind that cannot index")
    return data


def _mask_selection(t: Tensor, mask: Tensor) -> tuple[list[int], tuple[int, ...]]:
    flags = _concrete(mask.data)
    if mask.shape == t.shape:
        hits = [i for i, x in enumerate(flags) if x]
        return hits, (len(hits),)
    lead = len(mask.shape)
    if lead < len(t.shape) and mask.shape == t.shape[:lead]:
        inner = size_of(t.shape[lead:])
        rows = [i for i, x in enumerate(flags) if x]
        return [r * inner + k for r in rows for k in range(inner)], (len(rows), *t.shape[lead:])
    raise Stuck(f"boolean index of shape {mask.shape} on an array of shape {t.shape}")


def _slice(s: slice, n: int) -> tuple[int, int, int]:
    for part in (s.start, s.stop, s.step):
        if part is not None and not isinstance(part, int):
            if isinstance(part, Tensor) and len(part.data) == 1 and isinstance(part.data[0], int):
                continue
            reason = part.reason if isinstance(part, Opaque) else f"{type(part).__name__}"
            raise Stuck(f"slice bound is unknown: {reason}")
    start, stop, step = (p.data[0] if isinstance(p, Tensor) else p for p in (s.start, s.stop, s.step))
    if step == 0:
        raise Stuck("slice step is zero")
    return slice(start, stop, step).indices(n)


def _bounded(i: Any, n: int) -> int:
    i = int(i)
    place: int = i + n if i < 0 else i
    if not -n <= i < n:
        raise Stuck(f"index {i} is out of range for a dimension of {n}")
    return place


def get(t: Tensor, index: Index) -> Value:
    """`t[index]`; a scalar selection gives a 0-d array."""
    if type(index) is int or type(index) is Tok:
        if len(t.shape) == 1:
            made = Tensor(
                [t.data[_bounded(index, t.shape[0])]], (), t.dtype, None if t.library == "numpy" else t
            )
            made.library = t.library
            return made
    elif type(index) is Tensor and len(t.shape) == 1 and index.dtype != "bool":
        n = t.shape[0]
        data = t.data
        made = Tensor([data[_bounded(i, n)] for i in _concrete(index.data)], index.shape, t.dtype)
        made.library = t.library
        return made
    positions, shape = selection(t, index)
    data = t.data
    basic = not any(isinstance(i, Tensor) for i in (index if isinstance(index, tuple) else (index,)))
    if t.library == "numpy" and not shape and index != () and index is not Ellipsis:
        basic = False  # a number, no view
    out = Tensor([data[p] for p in positions], shape, t.dtype, t if basic else None)
    out.label, out.library = t.label, t.library
    return out


def put(t: Tensor, index: Index, value: Value, line: int) -> None:
    """`t[index] = value`, with broadcasting, in place."""
    cast = caster(t.dtype) if isinstance(value, Tensor) else storer(t.dtype)
    if (type(index) is int or type(index) is Tok) and len(t.shape) == 1:
        if isinstance(value, Tensor):
            if len(value.data) != 1:
                raise Stuck("setting an array element with a sequence", line)
            value = value.data[0]
        t.data[_bounded(index, t.shape[0])] = cast(value)
        return
    positions, shape = selection(t, index)
    if isinstance(value, (list, tuple, range)):
        value = from_nested(value, None, False, 4_000_000)
    if isinstance(value, Tensor):
        if len(value.data) == len(positions):
            source: Iterable[Value] = value.data
        else:
            while len(value.shape) > len(shape) and value.shape[0] == 1:
                value = Tensor(value.data, value.shape[1:], value.dtype)
            if broadcast_shape(value.shape, shape) != shape:
                raise Stuck(f"cannot store shape {value.shape} into shape {shape}", line)
            source = expand_to(value, shape)
    else:
        source = repeat(value, len(positions))
    data = t.data
    for p, x in zip(positions, source, strict=False):
        data[p] = cast(x)


def add(x: Value, y: Value) -> Value:
    """x + y of two elements; Loss adds Loss, and Opaque spreads."""
    kx, ky = type(x), type(y)
    if kx is Loss or ky is Loss:
        if kx is Loss and ky is Loss:
            return x.plus(y)
        other = y if kx is Loss else x
        if isinstance(other, ModelOutput):
            return Opaque("model output added to a loss", other.line, "model")
        if isinstance(other, (int, float)) and other == 0:
            return x if kx is Loss else y
        if not isinstance(other, Opaque):
            return Opaque("a number added to a loss")
        return OfLosses(other.reason, other.line, frozenset((x if kx is Loss else y).weights))
    if isinstance(x, Opaque):
        return x
    if isinstance(y, Opaque):
        return y
    if kx in SCALED or ky in SCALED:
        return scaled.binary("Add", x, y, 0)
    return x + y


def reduce_sum(t: Tensor, dim: int | None, keepdim: bool, torch_like: bool = True) -> Tensor:
    """Sum over everything, or over one dimension."""
    dtype = "int64" if t.dtype == "bool" or t.dtype in _INT_BITS else t.dtype
    if t.library == "numpy" and t.dtype in _INT_BITS and not _INT_BITS[t.dtype][1]:
        dtype = "uint64"
    cast = caster(dtype)
    return _reduce(t, dim, keepdim, lambda xs: cast(total(xs)), dtype)


def total(xs: list[Value]) -> Value:
    """Sum of elements, exact for ints, `Loss` merged in one pass."""
    weights: dict[int, float] | None = None
    late: dict[int, int] | None = None
    acc: Value = 0
    for x in xs:
        kind = type(x)
        if kind is Loss:
            if weights is None:
                weights = {}
            for pos, w in x.weights.items():
                weights[pos] = weights.get(pos, 0.0) + w
            if x.late:
                # A new dictionary at the first, added to afterwards: many small ones are merged in one pass.
                late = {} if late is None else late
                for pos, bits in x.late.items():
                    late[pos] = late.get(pos, 0) | bits
        elif isinstance(x, Opaque):
            return x
        else:
            acc = acc + x
    if weights is not None:
        if acc != 0:
            return Opaque("a number added to a loss")
        return Loss(weights, late)
    return int(acc) if isinstance(acc, Tok) else acc


def _reduce(
    t: Tensor, dim: int | None, keepdim: bool, f: Callable[[list[Value]], Value], dtype: str
) -> Tensor:
    if dim is None:
        return _of(Tensor([f(t.data)], (1,) * len(t.shape) if keepdim else (), dtype), t.library)
    n = len(t.shape)
    if not -n <= dim < n:
        raise Stuck(f"no dimension {dim} in an array of {n} dimensions")
    dim %= n
    outer, size, inner = size_of(t.shape[:dim]), t.shape[dim], size_of(t.shape[dim + 1 :])
    out = [
        f([t.data[(o * size + k) * inner + i] for k in range(size)])
        for o in range(outer)
        for i in range(inner)
    ]
    shape = t.shape[:dim] + ((1,) if keepdim else ()) + t.shape[dim + 1 :]
    return _of(Tensor(out, shape, dtype), t.library)


def reduce_with(
    t: Tensor, dim: int | None, keepdim: bool, f: Callable[[list[Value]], Value], dtype: str
) -> Tensor:
    """Any other reduction; `f` sees a list of elements and must accept Opaque ones."""
    return _reduce(t, dim, keepdim, f, dtype)
