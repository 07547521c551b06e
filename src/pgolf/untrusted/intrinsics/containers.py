"""Methods of lists, dictionaries and sets, the containers of `collections`, and copies."""

from __future__ import annotations

from typing import Any

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import (
    Args,
    Kwargs,
    Method,
    first_unknown,
    items_of,
    of_items,
    scalar,
    text_room,
)
from pgolf.untrusted.intrinsics.conversions import make_dict, make_set
from pgolf.untrusted.intrinsics.iteration import sort_values
from pgolf.untrusted.intrinsics.texts import BYTES_METHODS
from pgolf.untrusted.objects import fitting, is_counter
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    DictView,
    Instance,
    Intrinsic,
    Opaque,
    Stuck,
    Tok,
    UnknownItems,
    Value,
)


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
    return _alike(interp, value, interp.made(value.copy()))


def _alike(interp: Interp, value: Value, made: Value) -> Value:
    """A copy stands for what its source stands for: a deque, an array of numbers, a dictionary with defaults."""
    if interp.is_deque(value):
        interp.deques[id(made)] = made
    numbers = interp.ranges_of(value)
    if numbers is not None:
        interp.number_arrays[id(made)] = (made, numbers)
    factory = interp.factories.get(id(value))
    if factory is not None and factory[0] is value:
        interp.factories[id(made)] = (made, factory[1])
    return made


_OF_NUMBERS = frozenset({"append", "insert", "extend", "pop", "remove", "reverse", "index", "count"})


def _of_list(name: str, method: Method) -> Method:
    """A method of a list, for the deques and arrays of numbers that lists stand for, too."""

    def run(interp: Interp, value: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        if type(value) is list and interp.is_special(value):
            numbers = interp.ranges_of(value)
            if name == "sort" or (numbers is not None and name not in _OF_NUMBERS):
                raise raise_in_script("AttributeError", f"no {name}()", line)
            if numbers is not None and name in ("append", "insert") and args:
                args = [*args[:-1], fitting(numbers, args[-1], line)]
            elif numbers is not None and name == "extend" and args and not isinstance(args[0], Opaque):
                args = [[fitting(numbers, x, line) for x in items_of(interp, args[0], line)]]
        return method(interp, value, args, kwargs, line)

    return run


def _to_list(interp: Interp, value: list[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
    """`array.array(…).tolist()`."""
    if interp.ranges_of(value) is None:
        raise raise_in_script("AttributeError", "no tolist()", line)
    interp.cells(len(value))
    return interp.made(list(value))


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

LIST_METHODS = {name: _of_list(name, method) for name, method in LIST_METHODS.items()} | {"tolist": _to_list}
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
        if is_counter(interp, value):
            more = _counted(interp, args[0], line)
            if isinstance(more, Opaque):
                operators.spoil(value, more.reason, line)
                return None
            args, kwargs = (
                [],
                {
                    **more,
                    **{
                        k: operators.binary(interp, "Add", more.get(k, 0), v, line) for k, v in kwargs.items()
                    },
                },
            )
        made = make_dict(interp, args[:1], {}, line)
        value.update(made)
    if is_counter(interp, value):
        kwargs = {k: operators.binary(interp, "Add", value.get(k, 0), v, line) for k, v in kwargs.items()}
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
        made = make_set(interp, [a], {}, line)
        if isinstance(made, Opaque):
            value.add(made)
        else:
            value.update(made)
    return None


def _set_change(op: str) -> Method:
    """`intersection_update` and the like, with one other collection."""

    def run(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
        other = make_set(interp, args, {}, line) if len(args) == 1 else Opaque("several sets", line)
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
            other = make_set(interp, [a], {}, line)
            if isinstance(other, Opaque):
                return other
            result = operators.binary(interp, op, result, other, line)
        return result

    return run


def _set_relation(name: str) -> Method:
    def run(interp: Interp, value: set[Value], args: Args, kwargs: Kwargs, line: int) -> Value:
        other = make_set(interp, args[:1], {}, line)
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

FROZEN_METHODS = {
    name: method for name, method in SET_METHODS.items() if name not in ("add", "discard", "remove", "clear") and not name.endswith("update")
}  # fmt: skip


def defaultdict(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and isinstance(args[0], (int, float, str, bytes, list, tuple, dict, set)):
        raise raise_in_script("TypeError", "the first argument must be callable or None", line)
    made = of_items(make_dict)(interp, args[1:], kwargs, line)
    if isinstance(made, dict) and args and args[0] is not None:
        interp.factories[id(made)] = (made, args[0])
    return made


def counter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    out: dict[Value, Value] = {}
    if kwargs:
        return Opaque("Counter() of counts", line)
    if args and args[0] is not None:
        if isinstance(args[0], (Opaque, dict)):
            return args[0] if isinstance(args[0], Opaque) else Opaque("Counter() of counts", line)
        counted = _counted(interp, args[0], line)
        if isinstance(counted, Opaque):
            return counted
        out.update(counted)
    interp.factories[id(out)] = (out, Intrinsic("Counter", lambda i, a, k, ln: 0))
    return interp.made(out)


def _counted(interp: Interp, source: Value, line: int) -> Any:
    """How often each item of an iterable occurs, or the counts of a dictionary; Opaque where that is not known."""
    if isinstance(source, dict):
        return dict(source)
    out: dict[Value, Value] = {}
    try:
        items = items_of(interp, source, line)
    except UnknownItems as unknown:
        return unknown.value
    for x in items:
        x = scalar(x)
        key = _key(interp, x, line)
        if isinstance(key, Opaque) or not isinstance(x, (int, str, bytes, float, tuple, type(None))):
            return key if isinstance(key, Opaque) else Opaque("a counter of objects", line)
        out[x] = out.get(x, 0) + 1
    return out


def deque(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if first_unknown(args) is not None:
        return first_unknown(args)
    if len(args) > 1 or kwargs.get("maxlen") is not None:
        return Opaque("a deque of limited length", line)
    made = interp.made(items_of(interp, args[0], line) if args else [])
    interp.deques[id(made)] = made
    return made


_COPY_HOOKS = ("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")


def copy_value(interp: Interp, value: Value, line: int, depth: int = 0) -> Value:
    if depth > 20:
        return Opaque("copy of a deeply nested value", line)
    interp.step()
    if isinstance(value, Tensor):
        interp.cells(len(value.data))
        copied = Tensor(list(value.data), value.shape, value.dtype)
        copied.source, copied.library = value, value.library
        return copied
    if isinstance(value, list):
        copied = interp.made([copy_value(interp, x, line, depth + 1) for x in value])
        return _alike(interp, value, copied)
    if isinstance(value, dict):
        copied = interp.made({k: copy_value(interp, x, line, depth + 1) for k, x in value.items()})
        return _alike(interp, value, copied)
    if isinstance(value, tuple):
        return tuple(copy_value(interp, x, line, depth + 1) for x in value)
    if isinstance(value, Instance):
        if any(value.cls.lookup(name) is not MISSING for name in _COPY_HOOKS):
            return Opaque("copy of an object with rules of its own", line)
        if "%members" in value.cls.attributes:
            return value
        made = Instance(value.cls)
        made.attributes.update(
            {k: copy_value(interp, x, line, depth + 1) for k, x in value.attributes.items()}
        )
        interp.register(made)
        return made
    if type(value) is Opaque:
        return Opaque(value.reason, value.line, value.origin)  # as unknown, and another one
    return value
