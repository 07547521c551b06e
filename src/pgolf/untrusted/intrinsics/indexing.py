"""Elements of arrays by place or mask: read, chosen, filled and changed."""

from __future__ import annotations

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, Method, array_room, first_unknown, scalar
from pgolf.untrusted.operators import raise_in_script, scalar_op
from pgolf.untrusted.tensor import Tensor, caster, expand_to, from_nested, get, reshape, size_of, storer
from pgolf.untrusted.values import Intrinsic, Opaque, Scaled, Stuck, Value


def _item(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args:
        return (
            get(t, args[0]).data[0] if isinstance(args[0], int) else Opaque("item() of several indices", line)
        )
    if len(t.data) != 1:
        raise raise_in_script("RuntimeError", "item() of an array with several elements", line)
    return t.data[0]


def _tolist(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    array_room(interp, len(t.data))
    return _nested(interp, t, 0, 0)


def _nested(interp: Interp, t: Tensor, at: int, dim: int) -> Value:
    """The elements from `at` on as nested lists of the shape from `dim` on."""
    if dim == len(t.shape):
        return t.data[at]
    step = size_of(t.shape[dim + 1 :])
    return interp.made([_nested(interp, t, at + i * step, dim + 1) for i in range(t.shape[dim])])


def index_select(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
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
    return index_select(interp, reshape(t, [-1]), [0, index], {}, line)


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


def nonzero(interp: Interp, t: Value, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not isinstance(t, Tensor):
        return t if isinstance(t, Opaque) else Opaque("nonzero()", line)
    unknown = first_unknown(t.data)
    if unknown is not None:
        return unknown
    hits: list[Value] = [i for i, x in enumerate(t.data) if x]
    if interp.probe.stream and len(t.data) + 2 >= len(interp.probe.stream):
        hits = [Scaled.of(i, i, scaled.STREAM_TOKENS_HIGH) for i in hits]
    interp.cells(len(hits))
    as_tuple = bool(kwargs.get("as_tuple", t.library == "numpy"))
    if "as_tuple" not in kwargs and not t.library:
        return Opaque("nonzero()", line)
    if len(t.shape) == 1:
        flat = Tensor(list(hits), (len(hits),), "int64")
        return (flat,) if as_tuple else reshape(flat, [len(hits), 1])
    return Opaque("nonzero() of several dimensions", line)


def np_nonzero(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return nonzero(interp, args[0], [], {"as_tuple": True}, line)


def flatnonzero(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = nonzero(interp, args[0], [], {"as_tuple": True}, line)
    return found[0] if isinstance(found, tuple) else found


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


def at_method(function: str) -> Intrinsic:
    """`at` of numpy's function of that name, which changes its first argument at the given places."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        if len(args) == 3 and function == "numpy.add" and isinstance(args[0], Tensor):
            _add_at(interp, args[0], args[1], args[2], line)
        elif args:
            operators.spoil(args[0], f"changed by {function}.at()", line)
        return None

    return Intrinsic(f"{function}.at", run)


INDEXING_METHODS: dict[str, Method] = {
    "item": _item, "tolist": _tolist, "index_select": index_select, "take": _take, "gather": _gather,
    "masked_fill": _masked_fill(False), "masked_fill_": _masked_fill(True), "masked_select": _masked_select,
    "nonzero": nonzero, "fill_": _fill, "fill": _np_fill, "zero_": _zero, "copy_": _copy_from, "scatter_": _scatter,
    "scatter_add_": _scatter_add, "index_add_": _scatter_add, "storage": _storage,
}  # fmt: skip
