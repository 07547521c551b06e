"""Functions of arrays that work element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

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
from pgolf.untrusted.intrinsics.indexing import nonzero
from pgolf.untrusted.tensor import (
    Tensor,
    agreed,
    broadcast_shape,
    cast_to,
    caster,
    elementwise,
    expand_to,
    from_nested,
    promote,
    size_of,
)
from pgolf.untrusted.values import Loss, ModelOutput, Opaque, Tok, Value


def where(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) == 1:
        return nonzero(interp, args[0], [], {"as_tuple": True}, line)
    condition, a, b = args
    unknown = first_unknown([condition, a, b])
    if unknown is not None and not isinstance(unknown, ModelOutput):
        return unknown
    shape: tuple[int, ...] = ()
    for x in (condition, a, b):
        shape = broadcast_shape(shape, x.shape if isinstance(x, Tensor) else ())
    array_room(interp, size_of(shape))
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


def select(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`np.select(conditions, choices, default=0)`: where() from the last condition to the first."""
    given = dict(zip(("condlist", "choicelist", "default"), args, strict=False)) | kwargs
    unknown = Opaque("select() in another form", line)
    if len(args) > 3 or not {"condlist", "choicelist"} <= given.keys() <= {
        "condlist",
        "choicelist",
        "default",
    }:
        return unknown
    conditions, choices = (items_of(interp, given[k], line) for k in ("condlist", "choicelist"))
    masks = all(isinstance(c, Tensor) and c.dtype == "bool" for c in conditions)
    result = given.get("default", 0)
    arrays = {x.dtype for x in (*choices, result) if isinstance(x, Tensor)}
    if not masks or len(conditions) != len(choices) or not conditions or len(arrays) != 1:
        return unknown
    if not isinstance(result, Tensor) and not isinstance(choices[-1], Tensor):
        return unknown  # their common type is that of an array before them
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = where(interp, [condition, choice, result], {}, line)
    return result


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


def binary(op: str) -> Call:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        result = operators.binary(interp, op, args[0], args[1], line)
        _spoil_outputs(args, 2, line)
        return result

    return run


def comparison(op: str) -> Call:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        result = operators.compare(interp, op, args[0], args[1], line)
        _spoil_outputs(args, 2, line)
        return result

    return run


def logical(name: str) -> Call:
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


def logical_not(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t = args[0]
    if isinstance(t, Tensor):
        return Tensor([x if isinstance(x, Opaque) else not x for x in t.data], t.shape, "bool")
    return t if isinstance(t, Opaque) else not t


def is_nan(x: Value) -> bool:
    """Whether an element is no number, which numpy and torch hand on where Python compares."""
    return type(x) is float and x != x


def _pick(better: Callable[[Any, Any], bool]) -> Callable[[Value, Value], Value]:
    def run(x: Value, y: Value) -> Value:
        for v in (x, y):
            if isinstance(v, (Opaque, Loss)):
                return v if isinstance(v, Opaque) else Opaque("minimum or maximum of losses", 0, "model")
        if scaled.sums(x) or scaled.sums(y):
            return scaled.extreme("Lt" if better(0, 1) else "Gt", [x, y], 0)
        if is_nan(x) or is_nan(y):
            return math.nan
        return x if better(x, y) else y

    return run


def elementwise_pick(name: str) -> Call:
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
        and not (
            any(isinstance(x, Tok) for x in t.data)
            and scalar(high) in (interp.probe.vocab_size - 1, interp.probe.vocab_size)
        )
    ):
        # Sums, sizes and token ids of a real run are larger than those of the probe stream.
        interp.at_scale(f"cuts values at {scalar(high)!r}", line, interp.is_of_stream(t))
    for bound, name in ((low, "maximum"), (high, "minimum")):
        if bound is not None:
            out = elementwise_pick(name)(interp, [out, bound], {}, line)
    _spoil_outputs(args, 2, line)
    return out


def _float_of(t: Tensor) -> str:
    """The floating type that a function of numbers gives for an array."""
    if "float" in t.dtype:
        return t.dtype
    if t.library == "torch":
        return "float32"
    return promote(t.dtype, "float16", "numpy") if t.library == "numpy" else "float64"


def same_type(function: Callable[[float], Any]) -> Call:
    """A function that keeps the element type: whole numbers stay what they are where they are rounded."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        t = args[0]
        if isinstance(t, Tensor) and "float" not in t.dtype and function is not abs:
            return cast_to(t, t.dtype)
        if isinstance(t, int) and function is not abs:
            return Opaque("floor or ceiling of a whole number, whose type depends on the version", line)
        return unary(function, t.dtype if isinstance(t, Tensor) else None)(interp, args, kwargs, line)

    return run


def down(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) else x


def up(x: float) -> float:
    return math.copysign(float(math.ceil(x)), x) if math.isfinite(x) else x


def _rounded(x: float) -> float:
    return x if not math.isfinite(x) else math.copysign(float(round(x)), x) if isinstance(x, float) else x


def unary(function: Callable[[float], Any], dtype: str | None) -> Call:
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


def array_equal(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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


def isin(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    t, options = args[0], args[1]
    if isinstance(t, Tensor):
        if not isinstance(options, (Tensor, list, tuple, range)):
            return Opaque("isin() of something that is no sequence", line)
        values = options.data if isinstance(options, Tensor) else items_of(interp, options, line)
        if first_unknown(values) is None and first_unknown(t.data) is None:
            known = set(values)
            interp.cells(len(t.data))
            found: list[Value] = [x in known for x in t.data]
            if not any(found) and any(type(x) is int and x > operators.SPECIAL_IDS for x in values):
                interp.at_scale("asks for ids that the probe does not have", line)
            return Tensor(found, t.shape, "bool")
    return Opaque("isin()", line)


ELEMENTWISE_METHODS: dict[str, Method] = {
    "clamp": _clip, "clip": _clip, "clamp_min": lambda i, t, a, k, ln: _clip(i, t, [a[0], None], {}, ln),
    "clamp_max": lambda i, t, a, k, ln: _clip(i, t, [None, a[0]], {}, ln), "add": _method_binary("Add"),
    "sub": _method_binary("Sub"), "mul": _method_binary("Mult"), "div": _method_binary("Div"),
    "logical_and": lambda i, t, a, k, ln: logical("and")(i, [t, a[0]], {}, ln),
    "logical_or": lambda i, t, a, k, ln: logical("or")(i, [t, a[0]], {}, ln),
    "logical_not": lambda i, t, a, k, ln: logical_not(i, [t], {}, ln), "bitwise_and": _method_binary("BitAnd"),
    "bitwise_or": _method_binary("BitOr"), "eq": _method_compare("Eq"), "ne": _method_compare("NotEq"),
    "lt": _method_compare("Lt"), "le": _method_compare("LtE"), "gt": _method_compare("Gt"), "ge": _method_compare("GtE"),
    "add_": _inplace("Add"), "sub_": _inplace("Sub"), "mul_": _inplace("Mult"), "div_": _inplace("Div"),
    "abs": lambda i, t, a, k, ln: unary(abs, t.dtype)(i, [t], {}, ln),
    "round": lambda i, t, a, k, ln: Opaque("round()", ln) if a or k or t.dtype == "bool" else unary(_rounded, t.dtype)(i, [t], {}, ln),
    "exp": lambda i, t, a, k, ln: unary(math.exp, None)(i, [t], {}, ln),
    "log": lambda i, t, a, k, ln: unary(math.log, None)(i, [t], {}, ln),
}  # fmt: skip
