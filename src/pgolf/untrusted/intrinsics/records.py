"""Objects of plain fields: dataclasses, named tuples, namespaces."""

from __future__ import annotations

import keyword

from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs
from pgolf.untrusted.intrinsics.containers import copy_value
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.values import MISSING, ClassValue, Function, Instance, Intrinsic, Opaque, Value


def wrapper(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`lru_cache`, `cache`, `wraps(f)`: as a decorator, the function itself."""
    if args and isinstance(args[0], (Function, Intrinsic)) and not kwargs:
        return args[0]
    return Intrinsic("decorator", lambda i, a, k, ln: a[0])


def dataclass(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`@dataclass` and `@dataclass(frozen=True)`."""
    from pgolf.untrusted.objects import make_dataclass

    def apply(i: Interp, a: Args, k: Kwargs, ln: int) -> Value:
        return (
            make_dataclass(a[0], kwargs) if a and isinstance(a[0], ClassValue) else Opaque("dataclass()", ln)
        )

    return apply(interp, args, {}, line) if args and args[0] is not None else Intrinsic("dataclass", apply)


def wraps(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return Intrinsic("wraps", lambda i, a, k, ln: a[0])


def _unknown(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return Opaque("comparison of namespaces", line)


def namespace(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args:
        raise raise_in_script("TypeError", "SimpleNamespace() takes named values", line)
    made = Instance(
        ClassValue("SimpleNamespace", [], {"__eq__": Intrinsic("SimpleNamespace.__eq__", _unknown)}, "", line)
    )
    made.attributes.update(kwargs)
    interp.register(made)
    return made


def namedtuple(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import make_dataclass

    names = args[1] if len(args) > 1 else kwargs.get("field_names")
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
        return Opaque("namedtuple()", line)
    if len(args) > 2 or kwargs.keys() - {"typename", "field_names"} or not args:
        return Opaque("namedtuple() with options", line)
    if len(set(names)) < len(names) or not all(
        n.isidentifier() and not n.startswith("_") and not keyword.iskeyword(n) for n in names
    ):
        raise raise_in_script("ValueError", "names of the fields of a namedtuple", line)
    made = ClassValue(str(args[0]), [], {"%annotations": list(names), "%tuple": True}, "", line)
    return make_dataclass(made)


def dataclass_field(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import field_spec

    return field_spec(kwargs)


def asdict(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`asdict(object)`: its fields, dataclasses inside them included, all copied."""
    value = args[0]
    if len(args) > 1 or kwargs or not isinstance(value, Instance) or value.cls.lookup("%fields") is MISSING:
        return value if isinstance(value, Opaque) else Opaque("asdict()", line)
    return _as_plain(interp, value, line, 0)


def _as_plain(interp: Interp, value: Value, line: int, depth: int) -> Value:
    if depth > 20:
        return Opaque("asdict() of a deeply nested value", line)
    interp.step()
    if isinstance(value, Instance) and value.cls.lookup("%tuple") is not MISSING:
        return Opaque("asdict() of a named tuple", line)
    fields = value.cls.lookup("%fields") if isinstance(value, Instance) else MISSING
    if fields is not MISSING:
        held = {name: value.attributes.get(name, MISSING) for name, _ in fields}
        if MISSING in held.values():
            raise raise_in_script("AttributeError", "a field that was not set", line)
        return interp.made({k: _as_plain(interp, v, line, depth + 1) for k, v in held.items()})
    if type(value) is list:
        return interp.made([_as_plain(interp, x, line, depth + 1) for x in value])
    if type(value) is tuple:
        return tuple(_as_plain(interp, x, line, depth + 1) for x in value)
    if type(value) is dict and id(value) not in interp.factories:
        return interp.made({k: _as_plain(interp, v, line, depth + 1) for k, v in value.items()})
    return copy_value(interp, value, line)


def dataclass_replace(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    source = args[0] if args else None
    fields = source.cls.lookup("%fields") if isinstance(source, Instance) else MISSING
    if not isinstance(source, Instance) or fields is MISSING:
        return source if isinstance(source, Opaque) else Opaque("replace() of no dataclass", line)
    from pgolf.untrusted.objects import is_set_late

    known = {
        name: source.attributes[name]
        for name, default in fields
        if name in source.attributes and not is_set_late(default)
    }
    return interp.call(source.cls, [], {**known, **kwargs}, line)
