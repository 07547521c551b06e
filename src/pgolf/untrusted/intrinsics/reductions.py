"""Functions of arrays that sum up, order or count."""

from __future__ import annotations

import math
from itertools import pairwise

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, Method, array_room, first_unknown
from pgolf.untrusted.intrinsics.element_types import dtype_of
from pgolf.untrusted.intrinsics.elementwise import elementwise_pick, is_nan
from pgolf.untrusted.operators import raise_in_script, scalar_op
from pgolf.untrusted.tensor import Tensor, cast_to, caster, reduce_sum, reduce_with
from pgolf.untrusted.values import SCALED, DType, Loss, Opaque, Stuck, Tok, Value


def dim_of(args: Args, kwargs: Kwargs) -> Value:
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
    dims = dim_of(args, kwargs)
    if isinstance(dims, (tuple, list)) and len(dims) == len(t.shape):
        dims = None
    if not SCALED.isdisjoint(map(type, source.data)):
        if dims is not None:
            return scaled.hidden("sums of numbers that grow with the run", line)
        added: Value = 0
        for x in source.data:
            added = operators.binary(interp, "Add", added, x, line)
        return Tensor([added], (), source.dtype)
    summed = reduce_sum(source, _dims(dims, line), _kept(args, kwargs))
    return cast_to(summed, dtype) if dtype is not None else summed


def _nansum(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    known = Tensor([0.0 if is_nan(x) else x for x in t.data], t.shape, t.dtype)
    known.library = t.library
    return _sum(interp, known, args, kwargs, line)


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
        if any(map(is_nan, xs)):
            return math.nan
        found = choose(xs)
        return int(found) if isinstance(found, Tok) else found

    def run(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
        first = args[0] if args else None
        if isinstance(first, Tensor):
            return elementwise_pick("maximum" if name == "max" else "minimum")(interp, [t, first], {}, line)
        dim = _dims(dim_of(args, kwargs), line)
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
        return reduce_with(t, _dims(dim_of(args, kwargs), line), _kept(args, kwargs), decide, "bool")

    return run


def _count_nonzero(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    unknown = first_unknown(t.data)
    if args or kwargs:
        return unknown or Opaque("count_nonzero() along a dimension", line)
    return unknown if unknown is not None else Tensor([sum(1 for x in t.data if x)], (), "int64")


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


def _sort(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(t.shape) != 1 or not all(isinstance(x, (int, float)) for x in t.data):
        return Opaque("sort of several dimensions", line)
    if any(map(is_nan, t.data)):
        return Opaque("sort of an array with elements that are no numbers", line)
    descending = bool(kwargs.get("descending", args[1] if len(args) > 1 else False))
    if (args and args[0] not in (0, -1)) or kwargs.keys() - {"descending", "dim", "stable"}:
        return Opaque("sort() with options", line)
    order = sorted(range(len(t.data)), key=lambda i: t.data[i], reverse=descending)
    interp.step(len(order))
    ordered = [t.data[i] for i in order]
    places: list[Value] = list(order)
    if kwargs.get("stable") is not True:
        # Which of two equal elements comes first is the library's own business.
        for k, (x, y) in enumerate(pairwise(ordered)):
            if x == y:
                places[k] = places[k + 1] = Opaque("place of one of several equal elements", line)
    return Tensor(ordered, t.shape, t.dtype), Tensor(places, t.shape, "int64")


def _sort_method(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    """torch gives a sorted copy and numpy sorts in place; which of the two an array belongs to is not known."""
    if t.library == "torch":
        return _sort(interp, t, args, kwargs, line)
    operators.spoil(t, "sort() of an array", line)
    return None if t.shape and t.library == "numpy" else Opaque("sort() of an array", line)


def np_sort(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = _sort(interp, args[0], [], {}, line) if isinstance(args[0], Tensor) else Opaque("sort", line)
    return found[0] if isinstance(found, tuple) else found


def argsort(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = (
        _sort(interp, args[0], [], kwargs, line) if isinstance(args[0], Tensor) else Opaque("argsort", line)
    )
    return found[1] if isinstance(found, tuple) else found


def _unique(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if kwargs or args or not all(isinstance(x, (int, float)) and not is_nan(x) for x in t.data):
        return Opaque("unique() with options", line)
    values = sorted(set(t.data))
    return Tensor(list(values), (len(values),), t.dtype)


def _dot(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    other = args[0]
    if isinstance(other, Tensor) and t.shape == other.shape and len(t.shape) == 1:
        product = operators.binary(interp, "Mult", t, other, line)
        if not isinstance(product, Tensor):
            return product
        if product.dtype in ("float16", "bfloat16") or not (t.library and other.library):
            return Opaque("product of arrays whose precision is not followed", line)
        return cast_to(reduce_sum(product, None, False), product.dtype)
    return Opaque("matrix product", line, "model")


def bincount(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t = args[0]
    weights = kwargs.get("weights", args[1] if len(args) > 1 else None)
    if not isinstance(t, Tensor) or not all(isinstance(x, int) and 0 <= x < 1_000_000 for x in t.data):
        return Opaque("bincount()", line)
    if len(t.shape) != 1:
        raise raise_in_script("ValueError", "bincount() of several dimensions", line)
    n = max([int(kwargs.get("minlength", 0) or 0), *(int(x) + 1 for x in t.data)]) if t.data else 0
    array_room(interp, n)
    out: list[Value] = [0] * n
    for i, x in enumerate(t.data):
        w = weights.data[i] if isinstance(weights, Tensor) else 1
        out[x] = scalar_op("Add")(out[x], w)
    return Tensor(out, (n,), "int64" if weights is None else "float64")


REDUCTION_METHODS: dict[str, Method] = {
    "sum": _sum, "nansum": _nansum, "mean": _mean, "max": _extreme("max"), "min": _extreme("min"), "amax": _extreme("max", True),
    "amin": _extreme("min", True), "any": _any_all("any"), "all": _any_all("all"), "count_nonzero": _count_nonzero,
    "cumsum": _cumsum, "sort": _sort_method, "unique": _unique, "dot": _dot,
}  # fmt: skip
