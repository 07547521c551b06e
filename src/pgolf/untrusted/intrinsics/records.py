"""Objects of plain fields: dataclasses, named tuples, namespaces."""

from __future__ import annotations

from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs
from pgolf.untrusted.values import MISSING, ClassValue, Function, Instance, Intrinsic, Opaque, Value


def wrapper(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`lru_cache`, `cache`, `wraps(f)`: as a decorator, the function itself."""
    if args and isinstance(args[0], (Function, Intrinsic)) and not kwargs:
        return args[0]
    return Intrinsic("decorator", lambda i, a, k, ln: a[0])


def wraps(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return Intrinsic("wraps", lambda i, a, k, ln: a[0])


def namespace(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    made = Instance(ClassValue("SimpleNamespace", [], {}, "", line))
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
    made = ClassValue(str(args[0]), [], {"%annotations": list(names), "%tuple": True}, "", line)
    return make_dataclass(made)


def dataclass_field(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import field_spec

    return field_spec(kwargs)


def asdict(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if isinstance(args[0], Instance):
        return interp.made({k: v for k, v in args[0].attributes.items() if not k.startswith("%")})
    return Opaque("asdict()", line)


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
