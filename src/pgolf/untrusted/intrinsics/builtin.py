"""Python's own functions and the methods of its plain types, each listed by hand and bounded."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import Tensor, caster, total
from pgolf.untrusted.values import (
    MISSING,
    MOST_SEEN,
    SCALED,
    BoundMethod,
    ClassValue,
    Cursor,
    DictView,
    DType,
    ExceptionValue,
    Function,
    Instance,
    Intrinsic,
    Loss,
    ModelOutput,
    Module,
    NativeClass,
    NativeObject,
    OfLosses,
    Opaque,
    Scaled,
    ScaledFloat,
    ScaledText,
    Stuck,
    TextOf,
    Tok,
    UnknownItems,
    Value,
    unsure,
)

Args = list[Value]
Kwargs = dict[str, Value]
Method = Callable[[Interp, Any, Args, Kwargs, int], Value]

EXCEPTION_PARENTS: dict[str, str | None] = {"BaseException": None, "Exception": "BaseException"}
for _child, _parent in (
    ("ArithmeticError", "Exception"), ("ZeroDivisionError", "ArithmeticError"), ("OverflowError", "ArithmeticError"),
    ("AssertionError", "Exception"), ("AttributeError", "Exception"), ("EOFError", "Exception"),
    ("ImportError", "Exception"), ("ModuleNotFoundError", "ImportError"), ("LookupError", "Exception"),
    ("IndexError", "LookupError"), ("KeyError", "LookupError"), ("NameError", "Exception"), ("OSError", "Exception"),
    ("FileNotFoundError", "OSError"), ("PermissionError", "OSError"), ("FileExistsError", "OSError"),
    ("RuntimeError", "Exception"), ("NotImplementedError", "RuntimeError"), ("RecursionError", "RuntimeError"),
    ("StopIteration", "Exception"), ("TypeError", "Exception"), ("ValueError", "Exception"),
    ("UnicodeError", "ValueError"), ("UnicodeDecodeError", "UnicodeError"), ("UnicodeEncodeError", "UnicodeError"),
    ("TimeoutError", "OSError"), ("KeyboardInterrupt", "BaseException"), ("SystemExit", "BaseException"),
    ("Warning", "Exception"), ("UserWarning", "Warning"), ("DeprecationWarning", "Warning"),
    ("FutureWarning", "Warning"), ("MemoryError", "Exception"), ("BufferError", "Exception"),
    ("ConnectionError", "OSError"), ("SyntaxError", "Exception"), ("IOError", "Exception"),
):  # fmt: skip
    EXCEPTION_PARENTS[_child] = _parent  # noqa: PERF403


def first_unknown(values: list[Value]) -> Opaque | None:
    for v in values:
        if isinstance(v, Opaque):
            return unsure(v)
    return None


def scalar(value: Value) -> Value:
    """The element of a one-element array, or the value itself."""
    if isinstance(value, Tensor) and len(value.data) == 1:
        return value.data[0]
    return value


def text_room(interp: Interp, n: int) -> None:
    if n > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars)
    interp.cells(n >> 3)


def items_of(interp: Interp, value: Value, line: int) -> list[Value]:
    """All items of an iterable. Raises Stuck for an unknown one."""
    source = interp.iterate(value, line)
    if isinstance(source, Opaque):
        raise Stuck(f"iteration over something unknown: {source.reason}", source.line or line)
    out: list[Value] = []
    for x in source:
        interp.cells(1)
        interp.step()
        out.append(x)
    return out


# ---------------------------------------------------------------------------------------------------------
# Functions


def tensor_dimensions(interp: Interp, t: Tensor) -> tuple[int, ...]:
    """The shape of an array as a script sees it: that of token ids grows with the run."""
    if t.data and type(t.data[0]) is Tok:
        if len(t.shape) == 1 and len(t.data) == len(interp.stream):
            return (scaled.stream_length(t.shape[0]),)
        return tuple(scaled.at_least(n) if n > 1 else n for n in t.shape)
    return t.shape


_COLLECTED = 16
"""Fewer elements than this are a shape, a pair, the arguments of something; windows and documents are more."""


def _len(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    (value,) = args
    if id(value) in interp.counts_of_processes:
        return scaled.hidden("length of a range that depends on the process", line)
    if isinstance(value, (list, tuple)) and scaled.counted(value):
        return scaled.at_least(len(value))
    if type(value) is ScaledText:
        return scaled.hidden("length of the text of a number that grows with the run", line)
    if isinstance(value, (str, bytes, list, tuple, dict, set, frozenset, range, bytearray)):
        size = len(value)
        # What an evaluation has collected a real one collects more of.
        return scaled.at_least(size) if size >= _COLLECTED and interp.token_reads else size
    if isinstance(value, DictView):
        return len(value.keys())
    if isinstance(value, Tensor):
        if not value.shape:
            raise raise_in_script("TypeError", "len() of a 0-d array", line)
        return tensor_dimensions(interp, value)[0]
    if isinstance(value, Opaque):
        return value
    if isinstance(value, Instance):
        from pgolf.untrusted.objects import get_attribute

        if value.cls.lookup("%tuple") is not MISSING:
            return len(value.cls.lookup("%fields"))
        return interp.call(get_attribute(interp, value, "__len__", line), [], {}, line)
    from pgolf.untrusted.intrinsics import native_length

    n = native_length(value) if isinstance(value, NativeObject) else None
    if n is None:
        raise raise_in_script("TypeError", "object has no len()", line)
    return n


def _range(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    values = [scalar(a) for a in args]
    unknown = first_unknown(values)
    if unknown is not None:
        return unknown
    if not values or not all(isinstance(v, int) for v in values):
        raise raise_in_script("TypeError", "range() needs integers", line)
    try:
        made = range(*[int(v) for v in values])
        if any(scaled.cut(v) for v in values):
            return scaled.hidden("range over a part of what grows with the run", line)
        if any(type(v) is Scaled for v in values):
            if len(values) > 1 and not made:
                # Nothing here; a real run may have elements.
                empty = scaled.compare_any("GtE" if made.step > 0 else "LtE", values[0], values[1], line)
                if empty is not True:
                    return scaled.hidden("range() between numbers that grow with the run", line)
            interp.cells(len(made))
            interp.step(len(made))
            elements = interp.made(scaled.steps(made, values))
            if any(map(scaled.differs, values)) and all(scaled.real_range(v)[1] < math.inf for v in values):
                interp.counts_of_processes[id(elements)] = elements
            return elements
        return made
    except ValueError:
        raise raise_in_script("ValueError", "range() step is zero", line) from None


def _int(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not args:
        return 0
    value = scalar(args[0])
    if isinstance(value, Opaque):
        return value
    try:
        if type(value) is ScaledText and len(args) == 1 and not kwargs:
            number = Scaled.of(int(value), value.low, value.high)
            number.on = value.on
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

        method = get_attribute(interp, value, "__int__", line)
        return interp.call(method, [], {}, line)
    if isinstance(value, Loss):
        return Opaque("int() of a loss", line, "model")
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
    except (ValueError, OverflowError):
        raise raise_in_script("ValueError", "could not convert to float", line) from None
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
        return TextOf(value, line)
    if isinstance(value, bytes) and len(args) > 1:
        return _decode(interp, value, args[1:], kwargs, line)
    if isinstance(value, NativeObject):
        from pgolf.untrusted.intrinsics import native_text

        return native_text(value, line)
    if type(value) in SCALED:
        written = ScaledText.of(str(value), value.low, value.high)
        written.on = value.on
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
        return _encode(interp, value, args[1:], kwargs, line)
    if isinstance(value, int):
        if value < 0:
            raise raise_in_script("ValueError", "negative count", line)
        text_room(interp, value)
        return bytes(value)
    if isinstance(value, Opaque):
        return value
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


def _set(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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
    made = _set(interp, args, kwargs, line)
    return frozenset(made) if isinstance(made, set) else made


def _dict(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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


def _enumerate(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    start = args[1] if len(args) > 1 else kwargs.get("start", 0)
    source = interp.iterate(args[0], line)
    if isinstance(source, Opaque):
        return source
    if not isinstance(start, int):
        return Opaque("enumerate() from an unknown start", line)
    if id(args[0]) in interp.counts_of_processes:
        numbered = [(start + i, x) for i, x in enumerate(source)]
        interp.counts_of_processes[id(numbered)] = numbered
        return interp.made(numbered)
    held = (
        args[0].seen() if isinstance(args[0], Cursor) and args[0].lost is None and interp.stream else args[0]
    )
    if type(start) is int and isinstance(held, (list, tuple)) and scaled.counted(held):
        return interp.iterator((scaled.at_least(start + i) if i else start, x) for i, x in enumerate(source))
    return interp.iterator((start + i, x) for i, x in enumerate(source))


def _zip(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    unknown = first_unknown(args)
    if unknown is not None:
        return unknown
    if kwargs:
        return Opaque("zip() with options", line)
    if interp.stream:
        # The ends of collections that grow with the run are looked at; iterators keep what they have to give.
        columns = [a.seen() if isinstance(a, Cursor) and a.lost is None else a for a in args]
        sized = [c for c in columns if isinstance(c, (list, tuple, range)) and len(c) < MOST_SEEN]
        shortest = min((len(c) for c in sized), default=0)
        if any(map(scaled.counted, sized)) and any(
            not scaled.counted(c) and len(c) > shortest for c in sized
        ):
            interp.at_scale(f"pairs them with a collection of {max(map(len, sized))}", line)
    sources = [interp.iterate(a, line) for a in args]
    unknown = first_unknown(sources)
    return unknown if unknown is not None else interp.iterator(zip(*sources, strict=False))


def _map(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) < 2:
        raise raise_in_script("TypeError", "map() needs something to go through", line)
    sources = [interp.iterate(a, line) for a in args[1:]]
    unknown = first_unknown(sources)
    if unknown is not None:
        return unknown
    return interp.iterator(interp.call(args[0], list(row), {}, line) for row in zip(*sources, strict=False))


def _filter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    source = interp.iterate(args[1], line)
    return source if isinstance(source, Opaque) else interp.iterator(_filtered(interp, args[0], source, line))


def _filtered(interp: Interp, test: Value, source: Iterable[Value], line: int) -> Iterator[Value]:
    for x in source:
        truth = interp.truth(x if test is None else interp.call(test, [x], {}, line), line)
        if isinstance(truth, Opaque):
            raise UnknownItems(truth)
        if truth:
            yield x


def _sum(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Opaque):
        return args[0]
    acc: Value = args[1] if len(args) > 1 else kwargs.get("start", 0)
    if id(args[0]) in interp.counts_of_processes:
        return scaled.hidden("sum of a range that depends on the process", line)
    values = items_of(interp, args[0], line)
    if (
        not any(type(v) in SCALED for v in values)
        and all(isinstance(v, (int, float, Loss, Opaque)) for v in values)
        and isinstance(acc, (int, float))
    ):
        whole = total(values)
        return operators.binary(interp, "Add", acc, whole, line) if acc != 0 else whole
    for x in values:
        acc = operators.binary(interp, "Add", acc, x, line)
    return acc


def _extreme(op: str) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        values = (
            args
            if len(args) > 1
            else (items_of(interp, args[0], line) if not isinstance(args[0], Opaque) else args)
        )
        if not values:
            if "default" in kwargs:
                return kwargs["default"]
            raise raise_in_script("ValueError", "min() or max() of nothing", line)
        unknown = first_unknown(values)
        if unknown is not None:
            return unknown
        if op == "Lt" and len(args) == 2:
            sizes = sorted(x for x in args if isinstance(x, (int, float)) and not isinstance(x, bool))
            if len(sizes) == 2 and sizes[0] <= operators.SCALE < sizes[1]:
                interp.at_scale(f"takes at most {sizes[1]!r}", line)
        key = kwargs.get("key")
        if (
            key is None
            and any(type(v) in SCALED for v in values)
            and all(isinstance(v, (int, float)) for v in values)
        ):
            return scaled.extreme(op, values, line)
        losses = [v for v in values if isinstance(v, Loss)]
        if losses and len(values) > 1:
            return OfLosses(
                "the least or greatest of losses", line, frozenset(p for v in losses for p in v.weights)
            )
        best, best_key = values[0], _keyed(interp, key, values[0], line)
        for x in values[1:]:
            k = _keyed(interp, key, x, line)
            better = interp.truth(operators.compare(interp, op, k, best_key, line), line)
            if isinstance(better, Opaque):
                return better
            if better:
                best, best_key = x, k
        return best

    return run


def _keyed(interp: Interp, key: Value, x: Value, line: int) -> Value:
    return x if key is None else interp.call(key, [x], {}, line)


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
    return value if isinstance(value, Opaque) else Opaque("round()", line, "model")


def _divmod(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    a, b = args
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


def _sorted(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Opaque):
        return args[0]
    return interp.made(sort_values(interp, items_of(interp, args[0], line), kwargs, line))


def sort_values(interp: Interp, values: list[Value], kwargs: Kwargs, line: int) -> list[Value]:
    """Stable sort of plain values by an optional key. Raises Stuck when the order is unknown."""
    keys = [_keyed(interp, kwargs.get("key"), x, line) for x in values]
    if not all(_orderable(k) for k in keys):
        from pgolf.untrusted.intrinsics import native_sort_key

        keys = [native_sort_key(k) for k in keys]
        if any(k is MISSING for k in keys):
            raise Stuck("sorting of values whose order is unknown", line)
    interp.step(len(values) * max(1, len(values).bit_length()))
    reverse = interp.truth(kwargs.get("reverse", False), line)
    if isinstance(reverse, Opaque):
        raise Stuck("sorting in an unknown direction", line)
    try:
        order = sorted(range(len(values)), key=lambda i: keys[i], reverse=reverse is True)
    except TypeError:
        raise raise_in_script("TypeError", "unorderable values", line) from None
    return [values[i] for i in order]


def _orderable(key: Value) -> bool:
    if isinstance(key, (int, float, str, bytes)):
        return True
    return isinstance(key, (tuple, list)) and all(_orderable(k) for k in key)


def _reversed(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0]
    if isinstance(value, Opaque):
        return value
    if isinstance(value, list):
        return interp.iterator(_backwards(value))
    if isinstance(value, (Cursor, set, frozenset)):
        raise raise_in_script("TypeError", "the argument to reversed() must be a sequence", line)
    return interp.iterator(items_of(interp, value, line)[::-1])


def _backwards(value: list[Value]) -> Iterator[Value]:
    for i in range(len(value) - 1, -1, -1):
        if i < len(value):
            yield value[i]


def _any_all(stop: bool) -> Callable[[Interp, Args, Kwargs, int], Value]:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        source = interp.iterate(args[0], line)
        if isinstance(source, Opaque):
            return source
        unknown: Opaque | None = None
        for x in source:
            interp.step()
            truth = interp.truth(x, line)
            if isinstance(truth, Opaque):
                unknown = truth
            elif truth is stop:
                if unknown is not None and isinstance(args[0], Cursor):
                    # It may have stopped before: how much was drawn is not known.
                    args[0].lost = args[0].lost or unknown
                return stop
        return unknown if unknown is not None else not stop

    return run


_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (float,), "str": (str,), "bytes": (bytes,), "list": (list,), "tuple": (tuple,),
    "dict": (dict,), "set": (set,), "NoneType": (type(None),), "bool": (bool,), "frozenset": (frozenset,), "bytearray": (bytearray,),
}  # fmt: skip


def is_instance(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value, kinds = args
    if isinstance(value, Opaque):
        if value.origin == "model" and isinstance(kinds, (NativeClass, tuple)):
            plain = [
                k.name
                for k in (kinds if isinstance(kinds, tuple) else (kinds,))
                if isinstance(k, NativeClass)
            ]
            if plain and all(name in _KINDS or name == "type" for name in plain):
                return False
        return value
    options = list(kinds if isinstance(kinds, tuple) else (kinds,))
    unsure: Value = False
    while options:
        kind = options.pop()
        interp.step()
        if isinstance(kind, tuple):
            options.extend(kind)
            continue
        if isinstance(kind, NativeClass):
            if kind.name in _KINDS:
                if kind.name == "float" and isinstance(value, Tensor) and value.dtype == "float64":
                    if not value.shape and value.library != "torch":
                        unsure = Opaque("whether a number of numpy is a float", line)
                elif isinstance(value, _KINDS[kind.name]) and not (
                    kind.name == "list" and interp.is_deque(value)
                ):
                    return True
            elif kind.name == "object":
                return True
            elif kind.name in ("Tensor", "ndarray"):
                wanted = "torch" if kind.name == "Tensor" else "numpy"
                if isinstance(value, Tensor) and value.library in ("", wanted):
                    if not value.library or (wanted == "numpy" and not value.shape):
                        unsure = Opaque(f"whether a value is a {kind.name}", line)
                    else:
                        return True
            elif kind.name == "type":
                if isinstance(value, (ClassValue, NativeClass)):
                    return True
            elif isinstance(value, NativeObject):
                if value.native_class is kind or value.kind == kind.name:
                    return True
            elif isinstance(value, ExceptionValue):
                seen: str | None = value.kind
                while seen is not None:
                    if seen == kind.name:
                        return True
                    seen = EXCEPTION_PARENTS.get(seen)
        elif isinstance(kind, ClassValue):
            if isinstance(value, Instance) and _derives(value.cls, kind, 0):
                return True
        elif isinstance(kind, Intrinsic) and kind.name in _KINDS:
            if isinstance(value, _KINDS[kind.name]):
                return True
        elif isinstance(kind, (str, int, float, list, dict)):
            raise raise_in_script("TypeError", "isinstance() with something that is no class", line)
        elif isinstance(kind, Opaque) and kind.reason in (operators.TYPE_UNION, "type()"):
            unsure = kind
        elif isinstance(kind, Opaque) and not isinstance(
            value, (int, float, str, bytes, list, tuple, dict, set, type(None), Tensor)
        ):
            # An unmodelled class: plain values and our own arrays are certainly none of its objects.
            unsure = kind
    return unsure


def _derives(cls: ClassValue, wanted: ClassValue, depth: int) -> bool:
    return cls is wanted or (depth < 20 and any(_derives(b, wanted, depth + 1) for b in cls.bases))


def _callable(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0]
    if isinstance(value, Opaque):
        return value
    if isinstance(value, Instance):
        return value.cls.lookup("__call__") is not MISSING
    return isinstance(value, (Function, BoundMethod, Intrinsic, NativeClass, ClassValue))


def _hasattr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import get_attribute

    value, name = args
    if isinstance(value, Opaque) or not isinstance(name, str):
        return value if isinstance(value, Opaque) else Opaque("hasattr() of an unknown name", line)
    found = get_attribute(interp, value, name, line, missing_ok=True)
    if isinstance(found, Opaque) and isinstance(value, (Module, NativeClass)):
        return Opaque(f"whether {value.name} has {name}", line)
    return found is not MISSING


def _getattr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import get_attribute

    name = args[1]
    if not isinstance(name, str):
        if isinstance(args[0], Tensor):
            operators.spoil(args[0], "a method of unknown name may change it", line)
        return Opaque("getattr() with an unknown name", line)
    if len(args) > 2:
        found = get_attribute(interp, args[0], name, line, missing_ok=True)
        return args[2] if found is MISSING else found
    return get_attribute(interp, args[0], name, line)


def _setattr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import set_attribute

    target, name, value = args
    if not isinstance(name, str):
        if isinstance(target, (Module, NativeClass, NativeObject, ClassValue, Instance)):
            for key in list(target.attributes):
                target.attributes[key] = Opaque("setattr() with an unknown name", line)
            raise Stuck("setattr() with an unknown name", line)
        return None
    set_attribute(interp, target, name, value, line)
    return None


def _delattr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    target, name = args
    if isinstance(target, Instance) and isinstance(name, str):
        target.attributes.pop(name, None)
    return None


def _memoryview(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and isinstance(args[0], Tensor):
        operators.spoil(args[0], "its memory is handed out by memoryview()", line)
    return (
        args[0] if args and isinstance(args[0], (bytes, bytearray, Opaque)) else Opaque("memoryview()", line)
    )


def _vars(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not args:
        interp.doubt("vars() hands out the variables of a frame", line)
        return Opaque("vars() of the frame", line)
    value = args[0]
    if isinstance(value, (Instance, ClassValue)):
        return value.attributes
    return value if isinstance(value, Opaque) else Opaque("vars()", line)


def _dir(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and isinstance(args[0], (ClassValue, Instance)):
        names: set[str] = set()
        if isinstance(args[0], Instance):
            names.update(args[0].attributes)
        cls: Value = args[0].cls if isinstance(args[0], Instance) else args[0]
        stack = [cls]
        while stack:
            current = stack.pop()
            names.update(current.attributes)
            stack.extend(current.bases[:8])
        return interp.made(sorted(n for n in names if not n.startswith("%")))
    return Opaque("dir()", line)


def _type(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) == 3:
        name, bases, attributes = args
        if isinstance(name, str) and isinstance(attributes, dict) and isinstance(bases, tuple):
            return ClassValue(
                name, [b for b in bases if isinstance(b, ClassValue)], dict(attributes), "", line
            )
        return Opaque("type() with unknown parts", line)
    value = args[0]
    if isinstance(value, Instance):
        return value.cls
    if isinstance(value, Opaque):
        return value
    for name, kinds in _KINDS.items():
        if type(value) is kinds[0]:
            return _NONE_TYPE if name == "NoneType" else interp.builtins.get(name, BUILTINS[name])
    if isinstance(value, NativeObject) and value.native_class is not None:
        return value.native_class
    return Opaque("type()", line)


def _print(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    for i, value in enumerate(args):
        before = args[i - 1] if i and isinstance(args[i - 1], str) else ""
        interp.observer.formatted(interp, value, before, line)
        if type(value) is dict:
            for key, held in value.items():
                if isinstance(key, str):
                    interp.observer.formatted(interp, held, key, line)
    file = kwargs.get("file")
    if isinstance(file, NativeObject) and file.kind == "output file":
        from pgolf.untrusted.intrinsics.library import write_file

        write_file(interp, file.state, Opaque("printed text", line), line)
    return None


def _iter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) == 2:
        return Opaque("iter() with a sentinel", line)
    if isinstance(args[0], Cursor):
        return args[0]
    source = interp.iterate(args[0], line)
    return source if isinstance(source, Opaque) else interp.iterator(source)


def _next(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    source = args[0]
    if isinstance(source, Cursor):
        items = interp.iterate(source, line)
        if isinstance(items, Opaque):
            return items
        try:
            for item in items:
                return item
        except UnknownItems as unknown:
            return unknown.value
        if len(args) > 1:
            return args[1]
        raise raise_in_script("StopIteration", "", line)
    if isinstance(source, (str, bytes, bytearray, list, tuple, dict, set, frozenset, range, int, float)):
        raise raise_in_script("TypeError", "next() of something that is no iterator", line)
    return source if isinstance(source, Opaque) else Opaque("next()", line)


def _ord(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0]
    if isinstance(value, (str, bytes)) and len(value) == 1:
        return ord(value)
    if isinstance(value, Opaque):
        return value
    raise raise_in_script("TypeError", "ord() expected a character", line)


def _chr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = scalar(args[0])
    if isinstance(value, Opaque):
        return value
    if not isinstance(value, int):
        raise raise_in_script("TypeError", "chr() of something that is no integer", line)
    if 0 <= value < 0x110000:
        return chr(value)
    raise raise_in_script("ValueError", "chr() arg not in range", line)


def _hex(name: str) -> Callable[[Interp, Args, Kwargs, int], Value]:
    convert = {"hex": hex, "bin": bin, "oct": oct}[name]

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        value = scalar(args[0])
        if type(value) is Scaled:
            return scaled.grown_text(convert(int(value)))
        if isinstance(value, int):
            return convert(int(value))
        return value if isinstance(value, Opaque) else Opaque(f"{name}()", line)

    return run


def _repr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0]
    if scaled.grows(value):
        return scaled.grown_text(repr(value))
    if value is None or isinstance(value, (int, float, str, bytes)):
        return repr(value)
    return value if isinstance(value, Opaque) else Opaque("repr()", line, "text")


def _ascii(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    shown = _repr(interp, args, kwargs, line)
    return ascii(args[0]) if type(shown) is str else shown


def _format(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = scalar(args[0])
    if isinstance(value, (Loss, OfLosses)):
        return TextOf(value, line)
    spec = args[1] if len(args) > 1 else ""
    if isinstance(value, (int, float, str)) and isinstance(spec, str) and len(spec) < 8:
        text_room(interp, max(map(int, re.findall("[0-9]+", spec)), default=0))
        try:
            shown = format(value, spec)
            return scaled.grown_text(shown) if scaled.grows(value) else shown
        except (ValueError, TypeError):
            raise raise_in_script("ValueError", "bad format", line) from None
    return Opaque("format()", line, "text")


def _slice_value(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    unknown = first_unknown(args)
    return unknown if unknown is not None else slice(*args[:3])


def _id(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return Opaque("id()", line)


def _hash(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    known = isinstance(args[0], int) and not scaled.grows(args[0])
    return hash(int(args[0])) if known else Opaque("hash()", line)


def _nothing(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return None


def _exec(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return interp.run_text(args, kwargs, line)


def _eval(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.doubt("eval() of text is not followed", line)
    return Opaque("eval()", line)


def _compile(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return args[0] if args else Opaque("compile()", line)


def _dunder_import(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and isinstance(args[0], str) and interp.frame_of_import is not None:
        return interp.import_module(args[0].split(".")[0], interp.frame_of_import, line)
    return Opaque("__import__ of an unknown name", line)


def exception_class(name: str) -> NativeClass:
    def make(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        return ExceptionValue(name, tuple(args))

    return NativeClass(name, make)


def _of_items(
    function: Callable[[Interp, Args, Kwargs, int], Value],
) -> Callable[[Interp, Args, Kwargs, int], Value]:
    """A function that goes through all of an iterator: unknown items make an unknown value."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        try:
            return function(interp, args, kwargs, line)
        except UnknownItems as unknown:
            return unknown.value

    return run


_TYPES: dict[str, Callable[[Interp, Args, Kwargs, int], Value]] = {
    "int": _int, "float": _float, "bool": _bool, "str": _str, "bytes": _of_items(_bytes), "bytearray": _of_items(_bytearray),
    "list": _of_items(_list), "tuple": _of_items(_tuple), "set": _of_items(_set), "frozenset": _of_items(_frozenset), "dict": _of_items(_dict),
    "type": _type,
    "object": lambda interp, args, kwargs, line: Instance(ClassValue("object", [], {}, "", line)),
}  # fmt: skip

_FUNCTIONS: dict[str, Callable[[Interp, Args, Kwargs, int], Value]] = {
    "len": _len, "range": _range, "enumerate": _enumerate, "zip": _zip, "map": _map, "filter": _filter, "sum": _of_items(_sum),
    "min": _of_items(_extreme("Lt")), "max": _of_items(_extreme("Gt")), "abs": _abs, "round": _round, "divmod": _divmod, "pow": _pow,
    "sorted": _of_items(_sorted), "reversed": _reversed, "any": _of_items(_any_all(True)), "all": _of_items(_any_all(False)),
    "isinstance": is_instance, "issubclass": lambda interp, args, kwargs, line: Opaque("issubclass()", line),
    "callable": _callable, "hasattr": _hasattr, "getattr": _getattr, "setattr": _setattr, "delattr": _delattr,
    "vars": _vars, "memoryview": _memoryview, "dir": _dir, "print": _print, "iter": _iter, "next": _next, "ord": _ord, "chr": _chr,
    "hex": _hex("hex"), "bin": _hex("bin"), "oct": _hex("oct"), "repr": _repr, "ascii": _ascii, "format": _format,
    "slice": _slice_value, "id": _id, "hash": _hash, "exec": _exec, "eval": _eval, "compile": _compile,
    "__import__": _dunder_import, "super": _nothing, "locals": _nothing, "globals": _nothing,
    "input": lambda interp, args, kwargs, line: Opaque("input()", line, "config"),
    "exit": _nothing, "quit": _nothing, "breakpoint": _nothing,
}  # fmt: skip

BUILTINS: dict[str, Value] = {}


def _open(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.intrinsics.library import open_file, path_text

    name = args[0] if args else kwargs.get("file")
    text = path_text(name)
    if text is None:
        return (
            name
            if isinstance(name, Opaque)
            else Opaque("open() of something that is no path", line, "config")
        )
    return open_file(interp, text, args[1:], kwargs, line)


def fresh_builtins() -> dict[str, Value]:
    """The built-in names of one evaluation (classes are made anew, since scripts may patch them)."""
    made: dict[str, Value] = {name: Intrinsic(name, f) for name, f in _FUNCTIONS.items()}
    made.update({name: NativeClass(name, f) for name, f in _TYPES.items()})
    made.update({name: exception_class(name) for name in EXCEPTION_PARENTS})
    made["open"] = Intrinsic("open", _open)
    made["NotImplemented"] = Opaque("NotImplemented")
    made["Ellipsis"] = ...
    made["__debug__"] = True
    return made


BUILTINS.update(fresh_builtins())
_NONE_TYPE = NativeClass("NoneType", _nothing)


# ---------------------------------------------------------------------------------------------------------
# Methods of text and bytes


def _encode(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    encoding = args[0] if args else kwargs.get("encoding", "utf-8")
    errors = args[1] if len(args) > 1 else kwargs.get("errors", "strict")
    if not isinstance(value, str) or not isinstance(encoding, str) or not isinstance(errors, str):
        return Opaque("encode() with unknown arguments", line)
    if _codec(encoding) is None or errors not in _ERRORS:
        return Opaque(f"encoding {encoding[:20]} with {errors[:20]}", line)
    text_room(interp, 4 * len(value))
    try:
        return value.encode(_codec(encoding) or "utf-8", errors)
    except UnicodeError:
        raise raise_in_script("UnicodeEncodeError", "cannot encode", line) from None


def _decode(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    encoding = args[0] if args else kwargs.get("encoding", "utf-8")
    errors = args[1] if len(args) > 1 else kwargs.get("errors", "strict")
    if not isinstance(encoding, str) or not isinstance(errors, str):
        return Opaque("decode() with unknown arguments", line)
    if _codec(encoding) is None or errors not in _ERRORS:
        return Opaque(f"encoding {encoding[:20]} with {errors[:20]}", line)
    text_room(interp, 4 * len(value))
    try:
        return bytes(value).decode(_codec(encoding) or "utf-8", errors)
    except UnicodeError:
        raise raise_in_script("UnicodeDecodeError", "cannot decode", line) from None


_ERRORS = frozenset({"strict", "ignore", "replace", "surrogateescape", "surrogatepass", "backslashreplace"})
_CODECS = {
    "utf8": "utf-8", "utf": "utf-8", "u8": "utf-8", "ascii": "ascii", "latin1": "latin-1", "iso88591": "latin-1",
    "utf16": "utf-16", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf32": "utf-32", "utf8sig": "utf-8-sig",
    "usascii": "ascii", "l1": "latin-1", "cp1252": "cp1252", "utf32le": "utf-32-le",
}  # fmt: skip


def _codec(name: str) -> str | None:
    return _known_codec(name[:40])


@lru_cache(maxsize=256)
def _known_codec(name: str) -> str | None:
    return _CODECS.get(re.sub(r"[-_ ]", "", name.lower()[:40]))


def _plain_text_method(name: str) -> Method:
    """A method of str or bytes whose result is no larger than its input and whose arguments are plain."""

    def run(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        plain: list[Any] = []
        for a in [*args, *kwargs.values()]:
            a = scalar(a)
            if isinstance(a, Opaque):
                return a
            if scaled.grows(a):
                return scaled.hidden(f"{name}() with a number that grows with the run", line)
            if isinstance(a, tuple) and any(isinstance(x, Opaque) for x in a):
                return Opaque(f"{name}() with an unknown alternative", line)
            if not (a is None or isinstance(a, (str, bytes, int, tuple, bytearray))):
                raise raise_in_script("TypeError", f"{name}() argument", line)
            plain.append(a)
        interp.step(len(value) >> 4)
        try:
            result = getattr(value, name)(
                *plain[: len(args)], **dict(zip(kwargs, plain[len(args) :], strict=True))
            )
        except (TypeError, ValueError) as error:
            raise raise_in_script(type(error).__name__, f"{name}() failed", line) from None
        if isinstance(result, list):
            return interp.made(result)
        return result

    return run


_STR_PLAIN = (
    "startswith", "endswith", "strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "capitalize", "swapcase",
    "split", "rsplit", "splitlines", "partition", "rpartition", "find", "rfind", "index", "rindex", "count", "isdigit",
    "isalpha", "isalnum", "isspace", "isupper", "islower", "isascii", "isdecimal", "isnumeric", "isidentifier",
    "isprintable", "istitle", "removeprefix", "removesuffix",
)  # fmt: skip
_BYTES_PLAIN = tuple(
    n for n in _STR_PLAIN if n not in ("casefold", "isdecimal", "isnumeric", "isidentifier", "isprintable")
)


def _replace(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    unknown = first_unknown(args)
    if unknown is not None:
        return unknown
    kinds = (str,) if isinstance(value, str) else (bytes, bytearray)
    fits = len(args) == 2 or (len(args) == 3 and isinstance(args[2], int))
    if not fits or not all(isinstance(a, kinds) for a in args[:2]):
        raise raise_in_script("TypeError", "replace() arguments", line)
    if kwargs:
        return Opaque("replace() with named arguments, which newer versions of Python take", line)
    old, new = args[0], args[1]
    hits = value.count(old) if old else len(value) + 1
    text_room(interp, len(value) + hits * len(new))
    return value.replace(old, new, int(args[2]) if len(args) > 2 else -1)


def _join(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Opaque):
        return args[0]
    try:
        parts = items_of(interp, args[0], line)
    except UnknownItems as found:
        return found.value
    unknown = first_unknown(parts)
    if unknown is not None:
        return Opaque(f"text with an unknown part: {unknown.reason}", line, "text")
    kinds = (bytes, bytearray) if isinstance(value, (bytes, bytearray)) else (str,)
    if not all(isinstance(p, kinds) for p in parts):
        raise raise_in_script("TypeError", "join() of something else than text", line)
    text_room(interp, sum(map(len, parts)) + len(value) * len(parts))
    joined = value.join(parts)
    return scaled.grown_text(joined) if any(map(scaled.grows, parts)) else joined


def _pad(name: str) -> Method:
    def run(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        width = scalar(args[0])
        if isinstance(width, Opaque):
            return width
        if not isinstance(width, int):
            raise raise_in_script("TypeError", f"{name}() width", line)
        text_room(interp, max(width, 0))
        fill = args[1:2]
        try:
            return getattr(value, name)(width, *fill) if name != "zfill" else value.zfill(width)
        except TypeError:
            raise raise_in_script("TypeError", f"{name}() argument", line) from None

    return run


def _str_format(interp: Interp, value: str, args: Args, kwargs: Kwargs, line: int) -> Value:
    if "[" in value or re.search(r"\{[^{}]*\.(?!\d)", value) or re.search(r"\d{5,}", value):
        return Opaque("format() with attribute look-ups", line, "text")
    for i, v in enumerate(args):
        interp.observer.formatted(interp, v, value.split("{")[min(i, value.count("{"))], line)
    plain = [scalar(a) for a in args]
    named = {k: scalar(v) for k, v in kwargs.items()}
    if not all(v is None or isinstance(v, (str, int, float, bytes)) for v in [*plain, *named.values()]):
        return Opaque("format() of an unknown value", line, "text")
    text_room(
        interp, len(value) + sum(len(str(v)) for v in [*plain, *named.values()]) * (value.count("{") + 1)
    )
    try:
        shown = value.format(*plain, **named)
        return scaled.grown_text(shown) if any(map(scaled.grows, [*plain, *named.values()])) else shown
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise raise_in_script(type(error).__name__, "format() failed", line) from None


def _translate(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    table = args[0]
    if len(args) > 1 or kwargs:
        return Opaque("translate() with deletions", line)
    if isinstance(value, str) and isinstance(table, dict):
        if not all(isinstance(k, int) and (v is None or isinstance(v, (int, str))) for k, v in table.items()):
            return Opaque("translate() with unknown parts", line)
        longest = max((len(v) for v in table.values() if isinstance(v, str)), default=1)
        text_room(interp, len(value) * max(1, longest))
        return value.translate(table)
    if isinstance(value, (bytes, bytearray)) and isinstance(table, bytes) and len(table) == 256:
        return value.translate(table)
    return Opaque("translate() with unknown parts", line)


def _expandtabs(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    size = args[0] if args else 8
    if not isinstance(size, int):
        return Opaque("expandtabs()", line)
    text_room(interp, len(value) * max(1, size))
    return value.expandtabs(size)


def _bytes_hex(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    text_room(interp, 3 * len(value))
    try:
        return bytes(value).hex(*args, **kwargs)
    except (TypeError, ValueError) as error:
        raise raise_in_script(type(error).__name__, "hex() arguments", line) from None


STR_METHODS: dict[str, Method] = {name: _plain_text_method(name) for name in _STR_PLAIN}
STR_METHODS.update(
    encode=_encode, replace=_replace, join=_join, format=_str_format, translate=_translate, expandtabs=_expandtabs,
    **{name: _pad(name) for name in ("ljust", "rjust", "center", "zfill")},
)  # fmt: skip
BYTES_METHODS: dict[str, Method] = {name: _plain_text_method(name) for name in _BYTES_PLAIN}
BYTES_METHODS.update(
    decode=_decode, replace=_replace, join=_join, hex=_bytes_hex, translate=_translate,
    **{name: _pad(name) for name in ("ljust", "rjust", "center", "zfill")},
)  # fmt: skip


# ---------------------------------------------------------------------------------------------------------
# Methods of containers


def _changing(method: Method) -> Method:
    """Guard of a method that changes its receiver: under an unknown condition the receiver becomes unknown."""

    def run(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        if not interp.changing(value, line):
            operators.spoil(value, "changed under an unknown condition", line)
            if isinstance(value, (list, set)) and not value:
                unknown = Opaque("changed under an unknown condition", line)
                value.append(unknown) if isinstance(value, list) else value.add(unknown)
            return Opaque("changed under an unknown condition", line)
        return method(interp, value, args, kwargs, line)

    return run


def _append(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) != 1:
        raise raise_in_script("TypeError", "append() takes one argument", line)
    interp.cells(1)
    value.append(args[0])
    return None


def _extend(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Opaque):
        value.append(args[0])
        return None
    try:
        value.extend(items_of(interp, args[0], line))
    except UnknownItems as unknown:
        value.append(unknown.value)
    return None


def _insert(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.cells(1)
    interp.step(len(value) >> 6)
    if not isinstance(args[0], int):
        operators.spoil(value, "insert() at an unknown place", line)
        raise Stuck("insert() at an unknown place", line)
    value.insert(args[0], args[1])
    return None


def _list_pop(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    i = args[0] if args else -1
    if len(args) > 1 or kwargs:
        raise raise_in_script("TypeError", "pop() takes one argument", line)
    if not isinstance(i, int):
        operators.spoil(value, "pop() at an unknown place", line)
        raise Stuck("pop() at an unknown place", line)
    try:
        return value.pop(i)
    except IndexError:
        raise raise_in_script("IndexError", "pop from empty list", line) from None


def _list_sort(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    if args:
        raise raise_in_script("TypeError", "sort() takes no positional arguments", line)
    value[:] = sort_values(interp, list(value), kwargs, line)
    return None


def _list_reverse(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    value.reverse()
    return None


def _clear(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    value.clear()
    return None


def _copy(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    return interp.made(value.copy())


def _list_index(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    if not all(type(a) is int for a in args[1:]):
        return Opaque("index() between unknown places", line)
    for i in range(
        *slice(args[1] if len(args) > 1 else 0, args[2] if len(args) > 2 else None).indices(len(value))
    ):
        same = operators.compare(interp, "Eq", value[i], args[0], line)
        if isinstance(same, Opaque):
            return same
        if same is True:
            return i
    raise raise_in_script("ValueError", "not in list", line)


def _list_count(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
    n = 0
    for x in value:
        same = operators.compare(interp, "Eq", x, args[0], line)
        if isinstance(same, Opaque):
            return same
        n += same is True
    return n


def _list_remove(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    i = _list_index(interp, value, args, kwargs, line)
    if isinstance(i, Opaque):
        operators.spoil(value, i.reason, line)
        return None
    del value[i]
    return None


def _of_deque(method: Method) -> Method:
    """A method that `collections.deque` has and a list has not."""
    change = _changing(method)

    def run(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        if not interp.is_deque(value):
            raise raise_in_script("AttributeError", "no such method of a list", line)
        return change(interp, value, args, kwargs, line)

    return run


def _extend_left(interp: Interp, value: list[Value], args: Args, line: int) -> Value:
    value[:0] = items_of(interp, args[0], line)[::-1]
    return None


def _rotate(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    n = args[0] if args else 1
    if type(n) is not int:
        raise Stuck("rotate() by an unknown number", line)
    if value:
        n %= len(value)
        value[:] = [*value[-n:], *value[:-n]] if n else value
    return None


LIST_METHODS: dict[str, Method] = {
    "append": _changing(_append), "extend": _changing(_extend), "insert": _changing(_insert),
    "pop": _changing(_list_pop), "sort": _changing(_list_sort), "reverse": _changing(_list_reverse),
    "clear": _changing(_clear), "copy": _copy, "index": _list_index, "count": _list_count,
    "remove": _changing(_list_remove), "popleft": _of_deque(lambda i, v, a, k, ln: _list_pop(i, v, [0], k, ln)),
    "appendleft": _of_deque(lambda i, v, a, k, ln: _insert(i, v, [0, *a], k, ln)),
    "extendleft": _of_deque(lambda i, v, a, k, ln: _extend_left(i, v, a, ln)), "rotate": _of_deque(_rotate),
}  # fmt: skip
QUEUE_METHODS = frozenset({"popleft", "appendleft", "extendleft", "rotate"})
TUPLE_METHODS: dict[str, Method] = {"index": _list_index, "count": _list_count}


def _key(interp: Interp, key: Value, line: int) -> Value:
    from pgolf.untrusted.expressions import hashable

    if isinstance(key, Opaque):
        return key
    if hashable(key) is None and key is not None:
        raise raise_in_script("TypeError", "unhashable key", line)
    return key


def _dict_get(interp: Interp, value: dict[Value, Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and scaled.mixed_keys(value, args[0]):
        return scaled.hidden("look-up of a number that grows with the run", line)
    key = _key(interp, args[0], line)
    if isinstance(key, Opaque):
        return Opaque(f"dictionary looked up by something unknown: {key.reason}", line, key.origin)
    found = value.get(key, MISSING)
    if found is not MISSING:
        if type(key) is Tok:
            interp.observer.indexed(interp, value, key, found, "", line)
        return found
    return args[1] if len(args) > 1 else kwargs.get("default")


def _dict_pop(interp: Interp, value: dict[Value, Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    key = _key(interp, args[0], line)
    if isinstance(key, Opaque):
        operators.spoil(value, key.reason, line)
        return key
    found = value.pop(key, MISSING)
    if found is not MISSING:
        return found
    if len(args) > 1:
        return args[1]
    raise raise_in_script("KeyError", "no such key", line)


def _dict_setdefault(
    interp: Interp, value: dict[Value, Value], args: Args, kwargs: Kwargs, line: int
) -> Value:
    key = _key(interp, args[0], line)
    if isinstance(key, Opaque):
        return key
    interp.cells(2)
    return value.setdefault(key, args[1] if len(args) > 1 else None)


def _dict_update(interp: Interp, value: dict[Value, Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    if args:
        if isinstance(args[0], Opaque):
            operators.spoil(value, args[0].reason, line)
            return None
        made = _dict(interp, args[:1], {}, line)
        value.update(made)
    value.update(kwargs)
    return None


def _dict_view(name: str) -> Method:
    def run(interp: Interp, value: dict[Value, Value], args: Args, kwargs: Kwargs, line: int) -> Value:
        return DictView(name, value)

    return run


def _dict_popitem(interp: Interp, value: dict[Value, Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    if not value:
        raise raise_in_script("KeyError", "popitem(): dictionary is empty", line)
    return value.popitem()


DICT_METHODS: dict[str, Method] = {
    "popitem": _changing(_dict_popitem),
    "get": _dict_get, "pop": _changing(_dict_pop), "setdefault": _changing(_dict_setdefault),
    "update": _changing(_dict_update), "keys": _dict_view("keys"), "values": _dict_view("values"),
    "items": _dict_view("items"), "clear": _changing(_clear), "copy": _copy,
}  # fmt: skip


def _set_add(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    key = _key(interp, args[0], line)
    if isinstance(key, Opaque):
        value.add(key)
        return None
    interp.cells(1)
    value.add(key)
    return None


def _set_discard(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    key = _key(interp, args[0], line)
    if isinstance(key, Opaque):
        raise Stuck("removal of something unknown", line)
    value.discard(key)
    return None


def _set_remove(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    key = _key(interp, args[0], line)
    if isinstance(key, Opaque) or any(isinstance(x, Opaque) for x in value):
        raise Stuck("removal of or among something unknown", line)
    if key not in value:
        raise raise_in_script("KeyError", "no such element", line)
    value.remove(key)
    return None


def _set_update(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    if kwargs:
        raise raise_in_script("TypeError", "update() takes no named arguments", line)
    for a in args:
        made = _set(interp, [a], {}, line)
        if isinstance(made, Opaque):
            value.add(made)
        else:
            value.update(made)
    return None


def _set_change(op: str) -> Method:
    """`intersection_update` and the like, with one other collection."""

    def run(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
        other = _set(interp, args, {}, line) if len(args) == 1 else Opaque("several sets", line)
        new = other if isinstance(other, Opaque) else operators.binary(interp, op, value, other, line)
        if isinstance(new, Opaque):
            operators.spoil(value, new.reason, line)
        else:
            value.clear()
            value.update(new)
        return None

    return run


def _set_op(name: str) -> Method:
    op = {"union": "BitOr", "intersection": "BitAnd", "difference": "Sub", "symmetric_difference": "BitXor"}[
        name
    ]

    def run(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
        result: Value = value
        for a in args:
            other = _set(interp, [a], {}, line)
            if isinstance(other, Opaque):
                return other
            result = operators.binary(interp, op, result, other, line)
        return result

    return run


def _set_relation(name: str) -> Method:
    def run(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
        other = _set(interp, args[:1], {}, line)
        if isinstance(other, Opaque):
            return other
        if any(isinstance(x, Opaque) for x in (*value, *other)):
            return Opaque("relation of sets with unknown elements", line)
        return bool(getattr(value, name)(other))

    return run


SET_METHODS: dict[str, Method] = {
    "add": _changing(_set_add), "discard": _changing(_set_discard), "remove": _changing(_set_remove),
    "update": _changing(_set_update), "clear": _changing(_clear), "copy": _copy,
    "intersection_update": _changing(_set_change("BitAnd")), "difference_update": _changing(_set_change("Sub")),
    "symmetric_difference_update": _changing(_set_change("BitXor")),
    **{n: _set_op(n) for n in ("union", "intersection", "difference", "symmetric_difference")},
    **{n: _set_relation(n) for n in ("issubset", "issuperset", "isdisjoint")},
}  # fmt: skip


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


def _change_bytes(name: str) -> Method:
    """A method that changes a bytearray, with plain numbers and bytes."""

    def run(interp: Interp, value: bytearray, args: Args, kwargs: Kwargs, line: int) -> Value:
        plain = [scalar(a) for a in args]
        if not interp.changing(value, line) or not all(isinstance(a, (int, bytes, bytearray)) for a in plain):
            interp.doubt(f"bytes changed by {name}() in a way that is not followed", line)
            return Opaque(f"{name}() of bytes", line)
        text_room(interp, len(value) + sum(len(a) for a in plain if isinstance(a, (bytes, bytearray))))
        try:
            return getattr(value, name)(*plain)
        except (TypeError, ValueError, IndexError) as error:
            raise raise_in_script(type(error).__name__, f"{name}()", line) from None

    return run


BYTEARRAY_METHODS: dict[str, Method] = {
    **BYTES_METHODS, "copy": _copy,
    **{n: _change_bytes(n) for n in ("append", "extend", "pop", "insert", "remove", "reverse", "clear")},
}  # fmt: skip
_FROZEN_METHODS = {
    name: method for name, method in SET_METHODS.items() if name not in ("add", "discard", "remove", "clear") and not name.endswith("update")
}  # fmt: skip

HOST_METHODS: dict[type, dict[str, Method]] = {
    str: STR_METHODS, bytes: BYTES_METHODS, bytearray: BYTEARRAY_METHODS, list: LIST_METHODS, tuple: TUPLE_METHODS,
    dict: DICT_METHODS, set: SET_METHODS,
frozenset: _FROZEN_METHODS,
    int: INT_METHODS, bool: INT_METHODS, Tok: INT_METHODS,
    float: FLOAT_METHODS,
}  # fmt: skip

_MATH_UNARY = (
    "sqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "atan", "tanh", "fabs", "floor", "ceil",
    "trunc", "isnan", "isinf", "isfinite", "erf", "degrees", "radians", "sinh", "cosh",
)  # fmt: skip


def _math(name: str) -> Callable[[Interp, Args, Kwargs, int], Value]:
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


__all__ = [
    "BUILTINS",
    "EXCEPTION_PARENTS",
    "HOST_METHODS",
    "Cursor",
    "ModelOutput",
    "fresh_builtins",
    "math_module",
]
