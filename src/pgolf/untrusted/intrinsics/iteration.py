"""Going through things: ranges, iterators, sums and orders, and what `itertools` and `functools` add to them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import (
    Args,
    Call,
    Kwargs,
    first_unknown,
    items_of,
    of_items,
    scalar,
)
from pgolf.untrusted.operators import binary, raise_in_script
from pgolf.untrusted.tensor import total
from pgolf.untrusted.values import (
    MISSING,
    MOST_SEEN,
    SCALED,
    Cursor,
    Instance,
    Intrinsic,
    Loss,
    OfLosses,
    Opaque,
    Scaled,
    Stuck,
    Tok,
    UnknownItems,
    Value,
)


def _range(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    values = [scalar(a) for a in args]
    unknown = first_unknown(values)
    if unknown is not None:
        return unknown
    if any(isinstance(v, Instance) for v in values):
        return Opaque("range() of an object", line)
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
                interp.world.counts[id(elements)] = elements
            return elements
        return made
    except ValueError:
        raise raise_in_script("ValueError", "range() step is zero", line) from None


def _enumerate(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    start = args[1] if len(args) > 1 else kwargs.get("start", 0)
    source = interp.iterate(args[0], line)
    if isinstance(source, Opaque):
        return source
    if not isinstance(start, int):
        return Opaque("enumerate() from an unknown start", line)
    if id(args[0]) in interp.world.counts:
        numbered = [(start + i, x) for i, x in enumerate(source)]
        interp.world.counts[id(numbered)] = numbered
        return interp.made(numbered)
    held = (
        args[0].seen()
        if isinstance(args[0], Cursor) and args[0].lost is None and interp.probe.stream
        else args[0]
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
    if interp.probe.stream:
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
    if id(args[0]) in interp.world.counts:
        return scaled.hidden("sum of a range that depends on the process", line)
    values = items_of(interp, args[0], line)
    if (
        not any(type(v) in SCALED for v in values)
        and all(isinstance(v, (int, float, Loss, Opaque)) for v in values)
        and isinstance(acc, (int, float))
    ):
        whole = total(values)
        if interp.probe.token_reads and len(values) > 2:
            whole = operators.added_over_the_run(whole)
        return operators.binary(interp, "Add", acc, whole, line) if acc != 0 else whole
    for x in values:
        acc = operators.binary(interp, "Add", acc, x, line)
    return acc


def _extreme(op: str) -> Call:
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


def _any_all(stop: bool) -> Call:
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


def partial(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    target, first, named = args[0], args[1:], dict(kwargs)
    if isinstance(target, Opaque) and not (first or named):
        return target
    if target is None or isinstance(target, (int, float, str, bytes, list, tuple, dict, set)):
        raise raise_in_script("TypeError", "partial() of something that cannot be called", line)
    return Intrinsic("partial", lambda i, a, k, ln: i.call(target, [*first, *a], {**named, **k}, ln))


def reduce(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    items = items_of(interp, args[1], line)
    if len(args) > 2:
        items.insert(0, args[2])
    if not items:
        raise raise_in_script("TypeError", "reduce() of nothing", line)
    acc = items[0]
    for x in items[1:]:
        acc = interp.call(args[0], [acc, x], {}, line)
    return acc


def chain_items(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = first_unknown(args)
    return (
        found if found is not None else interp.iterator([x for a in args for x in items_of(interp, a, line)])
    )


def product(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    out: list[tuple[Value, ...]] = [()]
    times = kwargs.get("repeat", 1)
    if type(times) is not int or not 0 <= times <= 16:
        return Opaque("product() with an unknown number of repeats", line)
    for a in [items_of(interp, a, line) for a in args] * times:
        column = a
        interp.cells(len(out) * len(column))
        out = [(*row, x) for row in out for x in column]
    return interp.iterator(out)


def islice(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    bounds = args[1:]
    source = interp.iterate(args[0], line)
    unknown = first_unknown([source, *bounds])
    if unknown is not None:
        return unknown
    if not all(b is None or type(b) is int for b in bounds):
        return Opaque("islice()", line)
    try:
        part = itertools.islice(source, *bounds)
    except ValueError:
        raise raise_in_script("ValueError", "islice() bounds", line) from None
    stop = bounds[0] if len(bounds) == 1 else bounds[1]
    return interp.iterator(part if stop is None else _noting_the_end(interp, part, bounds, stop, line))


def _noting_the_end(
    interp: Interp, part: Iterable[Value], bounds: Args, stop: int, line: int
) -> Iterator[Value]:
    """Items of a stretch; one that ends before its bound would be longer in a real run."""
    start, step = (bounds[0] or 0, (bounds[2:] or [1])[0] or 1) if len(bounds) > 1 else (0, 1)
    n = 0
    of_stream = False
    for x in part:
        n += 1
        of_stream = of_stream or type(x) is Tok or interp.is_of_stream(x)
        yield x
    if n < len(range(start, stop, step)):
        interp.at_scale(f"takes the first {stop}", line, of_stream=of_stream)


def accumulate(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) > 1 or kwargs:
        return Opaque("accumulate() with options", line)
    source = interp.iterate(args[0], line)
    return source if isinstance(source, Opaque) else interp.iterator(_sums(interp, source, line))


def _sums(interp: Interp, source: Iterable[Value], line: int) -> Iterator[Value]:
    acc: Value = MISSING
    for x in source:
        acc = x if acc is MISSING else binary(interp, "Add", acc, x, line)
        yield acc


def count(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    start, step = (*args, *[0, 1][len(args) :])[:2]
    if type(start) is not int or type(step) is not int or kwargs:
        return Opaque("count()", line)
    return interp.iterator(start + step * i for i in itertools.count())


ITERATION: dict[str, Call] = {
    "range": _range, "enumerate": _enumerate, "zip": _zip, "map": _map, "filter": _filter, "sum": of_items(_sum),
    "min": of_items(_extreme("Lt")), "max": of_items(_extreme("Gt")), "sorted": of_items(_sorted), "reversed": _reversed,
    "any": of_items(_any_all(True)), "all": of_items(_any_all(False)), "iter": _iter, "next": _next,
}  # fmt: skip
