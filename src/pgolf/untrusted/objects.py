"""Attributes, items, methods, classes and instances of the evaluated program.

No host attribute is ever looked up by a name the script chose: every access goes through the tables of
`intrinsics` (by the exact kind of the value) or through the evaluator's own dictionaries.
"""

from __future__ import annotations

import re
from typing import Any

from pgolf.untrusted import scaled, written
from pgolf.untrusted.exceptions import is_kind_of
from pgolf.untrusted.interp import Frame, Interp
from pgolf.untrusted.operators import has_own_equality, raise_in_script, spoil
from pgolf.untrusted.probe import SIDECAR_BASE
from pgolf.untrusted.tensor import Tensor, caster, detached, get, plain_index, put
from pgolf.untrusted.values import (
    MISSING,
    BoundMethod,
    ClassValue,
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
    Opaque,
    ScriptRaise,
    Stuck,
    TextOf,
    Tok,
    Value,
    unsure,
)

_PLAIN = (str, bytes, int, float, list, tuple, dict, set, frozenset, range, bytearray, type(None))


_MODULE_ITSELF = frozenset(
    {"to", "cuda", "cpu", "float", "half", "bfloat16", "double", "eval", "train", "requires_grad_"}
)
"""Methods that a network inherits and that return the network itself."""


_REGISTERS = frozenset({"register_buffer", "register_parameter"})
"""Methods by which a network makes an array its own, under a name."""


HANDS_OUT = frozenset({
    "buffers", "named_buffers", "parameters", "named_parameters", "state_dict", "load_state_dict", "apply", "get_buffer",
    "get_parameter",
})  # fmt: skip
"""Methods of models that hand out, or change, the arrays they hold."""


def spoil_registered(interp: Interp, name: str, line: int) -> None:
    """A model hands out its arrays, and so the byte tables among them."""
    for array in interp.tables.registered:
        spoil(array, f"{name}() hands out the arrays of a model", line)


def _register(
    interp: Interp, module: Instance, args: list[Value], kwargs: dict[str, Value], line: int
) -> Value:
    """`module.register_buffer(name, array)`: a byte table stays followed under its new name."""
    name = args[0] if args else kwargs.get("name")
    value = args[1] if len(args) > 1 else kwargs.get("tensor", kwargs.get("param"))
    if type(value) is Tensor and interp.tables.holds(value):
        if not isinstance(name, str):
            spoil(value, "becomes an attribute of an unknown name", line)
        else:
            set_attribute(interp, module, name, value, line)
            interp.tables.registered.append(value)
    return None


class Property:
    """A property of a class of the script; `cached` is `functools.cached_property`, which an attribute replaces."""

    __slots__ = ("cached", "getter", "setter")

    def __init__(self, getter: Value, setter: Value = None, cached: bool = False) -> None:
        self.getter = getter
        self.setter = setter
        self.cached = cached

    def with_part(self, name: str, function: Value) -> Property:
        """`x.setter(function)` and the like: a property with another part. What deletes is not followed."""
        if name == "getter":
            return Property(function, self.setter, self.cached)
        return Property(self.getter, function if name == "setter" else self.setter, self.cached)


class StaticMethod:
    """A static method (`bound` False) or class method (`bound` True)."""

    __slots__ = ("bound", "function")

    def __init__(self, function: Value, bound: bool) -> None:
        self.function = function
        self.bound = bound


def bound_to_class(found: StaticMethod, cls: ClassValue) -> Value:
    """What `cls.method` is for a static or class method."""
    if not found.bound:
        return found.function
    if type(found.function) is not Function:
        return Opaque("a class method that is no plain function")
    return BoundMethod(found.function, cls)


# ---------------------------------------------------------------------------------------------------------
# Attributes

_OF_VIEWS = frozenset(dir(memoryview))


def get_attribute(interp: Interp, value: Value, name: str, line: int, missing_ok: bool = False) -> Value:
    """`value.name`. With `missing_ok`, MISSING instead of an AttributeError of the script."""
    kind = type(value)
    found: Value = MISSING
    if kind is Instance:
        try:
            found = _instance_attribute(interp, value, name, line)
        except ScriptRaise as raised:
            if not missing_ok or getattr(raised.value, "kind", "") != "AttributeError":
                raise
        if found is MISSING and value.cls.opaque_base and not missing_ok:
            if name in _MODULE_ITSELF:
                return Intrinsic(name, lambda it, args, kwargs, ln: value)
            if interp.tables.registered and name in HANDS_OUT:
                spoil_registered(interp, name, line)
            if name in _REGISTERS:
                return Intrinsic(name, lambda it, args, kwargs, ln: _register(it, value, args, kwargs, ln))
            return Opaque(
                f"attribute {name} of an object of {value.cls.name} ({value.cls.opaque_base})", line, "model"
            )
    elif kind is Module:
        found = value.attributes.get(name, MISSING)
        if found is MISSING and name == "__dict__":
            return value.attributes
        if found is MISSING:
            if value.resolve is not None:
                found = value.resolve(name)
                if found is not MISSING:
                    value.attributes[name] = found
            if found is MISSING:
                return Opaque(f"{value.name}.{name} is not modelled", line)
    elif kind is ClassValue:
        found = value.lookup(name)
        if isinstance(found, StaticMethod):
            found = bound_to_class(found, value)
        elif found is MISSING:
            if name == "__name__":
                found = value.name
            elif name == "__dict__":
                found = value.attributes
            elif value.opaque_base:
                return Opaque(f"attribute {name} of class {value.name}", line, "model")
    elif isinstance(value, Opaque):
        interp.may_raise += 1
        return Opaque(value.reason, value.line, value.origin) if not isinstance(value, ModelOutput) else value
    elif kind is NativeObject:
        found = _native_attribute(interp, value, name)
    elif kind is NativeClass:
        found = value.attributes.get(name, MISSING)
        if found is MISSING:
            from pgolf.untrusted.intrinsics import class_attribute

            found = class_attribute(value, name)
            if found is MISSING:
                return Opaque(f"{value.name}.{name} is not modelled", line)
    elif kind is Property and name in ("setter", "getter", "deleter"):
        return Intrinsic(f"property.{name}", lambda it, args, kwargs, ln: value.with_part(name, args[0]))
    elif kind is Function:
        found = value.attributes.get(name, MISSING)
        if found is MISSING and name in ("__name__", "__qualname__"):
            found = value.name
        elif found is MISSING and name in (
            "__code__",
            "__defaults__",
            "__kwdefaults__",
            "__closure__",
            "__globals__",
        ):
            return Opaque(f"{name} of a function", line)
    else:
        from pgolf.untrusted.intrinsics import value_attribute

        found = value_attribute(interp, value, name, line)
        of_view = (
            isinstance(value, (bytes, bytearray)) and name in _OF_VIEWS
        )  # a view is the bytes themselves here
        if found is MISSING and (not isinstance(value, _PLAIN) or name in dir(type(value)) or of_view):
            return Opaque(f"attribute {name} of a {type(value).__name__} is not modelled", line)
    if found is MISSING:
        if missing_ok:
            return MISSING
        record = value.cls if kind is Instance else value
        if name in _OF_RECORDS and isinstance(record, ClassValue) and record.lookup("%tuple") is not MISSING:
            return Opaque(f"{name} of a named tuple", line)
        if name in _OF_EVERY_OBJECT.get(kind, ()):
            return Opaque(f"{name} of {'a class' if kind is ClassValue else 'an object'}", line)
        raise raise_in_script("AttributeError", f"no attribute {name}", line)
    return found


def _sample() -> None: ...


_OF_EVERY_OBJECT: dict[type, frozenset[str]] = {
    Instance: frozenset(dir(object)) | {"__module__", "__weakref__"},
    ClassValue: frozenset(dir(type)),
    Function: frozenset(dir(_sample)),
}
"""Attributes that Python gives every object of a kind; they are there, and are not modelled."""


_OF_RECORDS = frozenset({*dir(tuple), "_asdict", "_fields", "_field_defaults", "_make", "_replace"})


def has_every_object(value: Value, name: str) -> bool:
    """Whether Python gives every object of a value's kind an attribute of that name."""
    return name in _OF_EVERY_OBJECT.get(type(value), ())


def _instance_attribute(interp: Interp, value: Instance, name: str, line: int) -> Value:
    found = value.attributes.get(name, MISSING)
    if found is not MISSING:
        return found
    found = value.cls.lookup(name)
    kind = type(found)
    if kind is Function:
        return BoundMethod(found, value)
    if kind is Property:
        made = interp.call(found.getter, [value], {}, line)
        if found.cached and interp.changing(value, line):
            value.attributes[name] = made
        return made
    if kind is StaticMethod:
        return bound_to_class(found, value.cls)
    if found is MISSING:
        native = value.attributes.get("%native")
        if native is not None:
            return _native_attribute(interp, native, name)
        if name == "__dict__":
            return value.attributes
        if name == "__class__":
            return value.cls
        fallback = value.cls.lookup("__getattr__")
        if type(fallback) is Function and not name.startswith("__"):
            return interp.call(fallback, [value, name], {}, line)
    return found


def _native_attribute(interp: Interp, value: NativeObject, name: str) -> Value:
    found = value.attributes.get(name, MISSING)
    if found is not MISSING:
        return found
    if value.native_class is not None:
        patched = value.native_class.attributes.get(name, MISSING)
        if patched is not MISSING:
            return BoundMethod(patched, value) if type(patched) is Function else patched
    method = value.methods.get(name)
    if method is not None:
        return Intrinsic(
            f"{value.kind}.{name}", lambda it, args, kwargs, ln: method(it, value, args, kwargs, ln)
        )
    from pgolf.untrusted.intrinsics import native_property

    return native_property(interp, value, name)


_LIBRARY = re.compile(r"(torch|numpy|mlx|jax)\b[\w.]{0,80}$")
"""How an unknown value says that it is an attribute of a library."""


_HARMLESS_NAMES = frozenset(
    {"__name__", "__qualname__", "__doc__", "__module__", "__wrapped__", "__annotations__"}
)


def _kept_by_unknown(interp: Interp, value: Value, why: str, line: int) -> None:
    """Something unknown keeps a value, and may change the tables in it."""
    from pgolf.untrusted.changes import arrays_within

    for array in arrays_within(value) if interp.tables.arrays else ():
        if interp.tables.holds(array):
            spoil(array, why, line)


def set_attribute(interp: Interp, target: Value, name: str, value: Value, line: int) -> None:
    """`target.name = value`."""
    if type(value) in (Function, BoundMethod) and not isinstance(target, Instance):
        interp.hand_on(value, line)
    if interp.loops and isinstance(target, (Instance, Module, ClassValue, Function)):
        interp.stored(target.attributes, name, line)
    if isinstance(target, Instance):
        if not interp.changing(target, line):
            old = target.attributes.get(name, MISSING)
            if old is not value:
                target.attributes[name] = (
                    value
                    if old is MISSING or isinstance(value, Opaque)
                    else Opaque(f"attribute {name} set under an unknown condition", line)
                )
            return
        found = target.cls.lookup(name)
        if isinstance(found, Property) and not found.cached:
            if found.setter is None:
                raise raise_in_script("AttributeError", f"property {name} has no setter", line)
            interp.call(found.setter, [target, value], {}, line)
            return
        if has_hooks(found):
            value = Opaque(found.reason, line)  # it may be stored in any way
        if name == "__class__" and isinstance(value, ClassValue):
            target.cls = value
            return
        marks = ("%tuple", "%frozen", "%members") if name in ("name", "value") else ("%tuple", "%frozen")
        if any(target.cls.lookup(m) is not MISSING for m in marks) or not _has_room_for(target.cls, name):
            raise raise_in_script("AttributeError", f"cannot set attribute {name}", line)
        if name.startswith("__") and name.endswith("__") and name not in _HARMLESS_NAMES:
            interp.doubt(f"{name} of an object is replaced", line)
        target.attributes[name] = value
    elif isinstance(target, (Module, NativeClass, NativeObject, ClassValue, Function)):
        if isinstance(target, Function) and name.startswith("__") and name not in _HARMLESS_NAMES:
            interp.doubt(f"{target.name}.{name} is replaced", line)
        if interp.fresh:
            interp.renames(target, target.attributes, name, target.attributes.get(name, MISSING))
        if isinstance(target, Module):
            target.patched.add(name)
            own_file = "__file__" in target.attributes
            if interp.probe.token_reads and type(value) in (Function, BoundMethod) and not own_file:
                interp.doubt(f"{target.name}.{name} is replaced after an evaluation", line)
            if target.unknown:
                _kept_by_unknown(interp, value, f"becomes attribute {name} of something unknown", line)
            if target.name == "sys" and name == "stdout":
                interp.redirected = value
            if target.name == "builtins":
                interp.doubt(f"builtins.{name} is replaced", line)
        if isinstance(target, ClassValue) and target.lookup("%members") is not MISSING:
            interp.doubt(f"{target.name}.{name} is replaced", line)
        if isinstance(target, NativeClass) and target.name in ("Tensor", "ndarray"):
            interp.doubt(f"{target.name}.{name} is replaced", line)
        target.attributes[name] = value
    elif isinstance(target, Tensor):
        if name == "shape" or name == "data":
            spoil(target, f"attribute {name} of an array assigned", line)
    elif isinstance(target, Opaque):
        _kept_by_unknown(interp, value, f"becomes attribute {name} of something unknown", line)
        interp.observer.hinted(interp, target, value, line)
        if isinstance(value, (Function, Intrinsic, BoundMethod)) and (
            _LIBRARY.match(target.reason)
            or target.reason in ("type()", "attribute __class__ of a Tensor is not modelled")
        ):
            interp.doubt(f"{target.reason[:40]}.{name} is replaced by a function", line)
        return
    else:
        raise raise_in_script("AttributeError", f"cannot set attribute {name}", line)


OWN_HOOKS = ", which defines "
"""Part of the reason why a class with hooks of its own, and what it makes, is unknown."""


def has_hooks(value: Value) -> bool:
    """Whether an unknown value is, or is made by, a class of the script with hooks of its own."""
    return isinstance(value, Opaque) and value.reason.startswith("class ") and OWN_HOOKS in value.reason


def _has_room_for(cls: ClassValue, name: str) -> bool:
    """Whether objects of a class take an attribute of that name: `__slots__` in every class of the order leaves out others."""
    names: set[Value] = set()
    for held in cls.order():
        slots = held.attributes.get("__slots__", MISSING)
        if isinstance(slots, str):
            slots = (slots,)
        if not isinstance(slots, (tuple, list)):
            return True
        names.update(x for x in slots if isinstance(x, str))
    return bool(cls.opaque_base) or not names.isdisjoint({name, "__dict__"})


def delete_attribute(interp: Interp, target: Value, name: str, line: int) -> None:
    """`del target.name`."""
    if isinstance(target, Opaque):
        return
    if not isinstance(target, (Instance, ClassValue, Module, Function, NativeClass, NativeObject)):
        spoil(target, f"attribute {name} of it was deleted", line)
        return
    if not interp.changing(target, line) or isinstance(target, (NativeClass, NativeObject)):
        target.attributes[name] = Opaque(f"attribute {name} deleted under an unknown condition", line)
        return
    if isinstance(target, Instance) and isinstance(target.cls.lookup(name), (Property, Opaque)):
        interp.doubt(f"attribute {name} is deleted through its class", line)
    if isinstance(target, Module):
        target.patched.add(name)
    if target.attributes.pop(name, MISSING) is MISSING and not (
        isinstance(target, (Instance, ClassValue)) and _opaque_base(target)
    ):
        raise raise_in_script("AttributeError", f"no attribute {name}", line)


def _opaque_base(target: Instance | ClassValue) -> str:
    return (target.cls if isinstance(target, Instance) else target).opaque_base


# ---------------------------------------------------------------------------------------------------------
# Methods


_WRITING_METHODS = frozenset(
    {
        "put", "fill", "sort", "partition", "itemset", "setfield", "resize", "setflags", "byteswap", "data_ptr", "storage",
        "untyped_storage", "__array_interface__", "ctypes", "apply_", "share_memory_",
    }
)  # fmt: skip
"""Methods that may write into an array, or hand out its memory; names that end in `_` are torch's own sign of it."""


_ASKING = frozenset(
    {
        "__len__",
        "__contains__",
        "__getitem__",
        "__eq__",
        "__ne__",
        "__repr__",
        "__str__",
        "__sizeof__",
        "most_common",
        "elements",
        "tobytes",
        "itemsize",
        "typecode",
        "maxlen",
    }
)
"""Methods that are not modelled and change nothing."""


def call_method(
    interp: Interp, target: Value, name: str, args: list[Value], kwargs: dict[str, Value], line: int
) -> Value:
    """`target.name(*args, **kwargs)`, without making a bound object for the common kinds."""
    kind = type(target)
    table = METHOD_TABLES.get(kind)
    if table is not None:
        method = table.get(name)
        if method is not None:
            result = method(interp, target, args, kwargs, line)
            if type(result) is Opaque:
                interp.may_raise += 1
                if args or kwargs:
                    interp.may_call([*args, *kwargs.values()], line)
            return result
        if kind is not Tensor:
            found = get_attribute(interp, target, name, line)
            if isinstance(found, Opaque) and kind in (list, dict, set, bytearray) and name not in _ASKING:
                spoil(target, f"{name}() is not modelled", line)
                if kind is bytearray:
                    interp.doubt(f"bytes may be changed by {name}()", line)
            return interp.call(found, args, kwargs, line)
        if name.endswith("_") or name in _WRITING_METHODS or target.serial in interp.tables.arrays:
            spoil(target, f"{name}() of an array is not modelled", line)
    if kind is NativeObject:
        if name not in target.attributes and (
            target.native_class is None or name not in target.native_class.attributes
        ):
            native = target.methods.get(name)
            if native is not None:
                return native(interp, target, args, kwargs, line)
    elif isinstance(target, Opaque):
        interp.may_raise += 1
        return interp.observer.call_unknown(interp, _named(target, name), args, kwargs, line)
    return interp.call(get_attribute(interp, target, name, line), args, kwargs, line)


METHOD_TABLES: dict[type, dict[str, Any]] = {}
"""Modelled methods by kind of value; filled in by `intrinsics`, which is loaded with the first program."""


class MethodOf(Opaque):
    """An unknown callable that is known to be `receiver.name`."""

    __slots__ = ("name", "receiver")

    def __init__(self, receiver: Opaque, name: str) -> None:
        super().__init__(receiver.reason, receiver.line, receiver.origin)
        self.receiver = receiver
        self.name = name


def _named(target: Opaque, name: str) -> Opaque:
    return MethodOf(target, name)


# ---------------------------------------------------------------------------------------------------------
# Items


def _names_shard(value: Value) -> bool:
    """Whether a value is the path of a token shard; the probe stream has one, a real split may have many."""
    text = value.state if isinstance(value, NativeObject) and value.kind == "Path" else value
    return isinstance(text, str) and text.endswith((".bin", ".npy"))


def _names_validation(value: Value) -> bool:
    text = value.state if isinstance(value, NativeObject) else value
    return isinstance(text, str) and "val" in text.rsplit("/", 1)[-1]


def _beyond(index: slice, n: int) -> int | None:
    """A literal bound of a prefix or suffix that lies past the probe's end, where a real run has more, or None.

    With both bounds it is a batch, whose end may lie past the end of what is cut.
    """
    start, stop = index.start, index.stop
    if start is not None and stop is not None and start != 0:
        return None
    for part in (start, stop):
        if type(part) is int and abs(part) > n:
            return part
    return None


def _differs(index: Value) -> bool:
    """Whether an index is another one on other processes of the run."""
    if isinstance(index, slice):
        return any(map(scaled.differs, (index.start, index.stop, index.step)))
    return scaled.differs(index)


def _is_stream(interp: Interp, element: Value) -> bool:
    """Whether an array of this element holds the stream's tokens or the bytes of its targets: its parts are scored per process."""
    return type(element) is Tok or (type(element) is int and element in interp.probe.sidecar)


def _is_sidecar(interp: Interp, array: Tensor) -> bool:
    """Whether an array holds bytes of targets from a sidecar file."""
    element = array.data[0] if array.data else None
    return type(element) is int and element >= SIDECAR_BASE and element in interp.probe.sidecar


def get_item(interp: Interp, container: Value, index: Value, hint: str, line: int) -> Value:
    """`container[index]`; reads by a stream token are reported to the observer."""
    kind = type(container)
    if isinstance(index, Opaque) or isinstance(container, Opaque):
        interp.may_raise += 1
        if type(container) is TextOf:
            return written.altered(interp, container, "a slice", line)
    if isinstance(index, Opaque):
        if hint:
            interp.observer.read_unknown(container, hint, line, index)
        if kind is Tensor and _is_sidecar(interp, container):
            interp.observer.read_sidecar(line)
        if kind is Tensor or isinstance(container, Opaque):
            return unsure(index)
        return Opaque(f"index is unknown: {index.reason}", index.line or line, index.origin)
    if kind is Tensor:
        plain = plain_index(index)
        if isinstance(plain, slice) and (scaled.cut(plain.start) or scaled.cut(plain.stop)):
            return scaled.hidden("slice up to a part of what grows with the run", line)
        if container.data and not _is_stream(interp, container.data[0]) and _differs(plain):
            return scaled.hidden("part of an array that depends on the process", line)
        if isinstance(plain, slice) and container.data and container.shape and type(container.data[0]) is Tok:
            cut = _beyond(plain, container.shape[0])
            stop = plain.stop
            if (
                type(stop) is int
                and 0 < stop < len(interp.probe.stream) == len(container.data)
                and not plain.start
            ):
                interp.probe.prefixes.setdefault(stop, line)
            if cut is not None:
                interp.at_scale(f"cuts the tokens at {cut}", line, of_stream=True)
        result = get(container, plain)
        if _is_sidecar(interp, container):
            interp.observer.read_sidecar(line)
        if _differs(plain):
            interp.world.parts[id(result)] = result
        interp.cells(len(result.data))
        interp.step(len(result.data) >> 3)
        if type(index) in (Tensor, Tok) or isinstance(index, (list, tuple)):
            interp.observer.indexed(interp, container, plain, result, hint, line)
        return result
    if kind in (list, tuple, str, bytes, range, bytearray):
        if isinstance(index, Tensor) and len(index.data) == 1 and not isinstance(index.data[0], Opaque):
            index = index.data[0]
        if isinstance(index, slice):
            if kind is list and interp.is_special(container):
                if interp.is_deque(container):
                    raise raise_in_script("TypeError", "a deque has no slices", line)
                return Opaque("slice of an array of numbers", line)
            if any(isinstance(part, Opaque) for part in (index.start, index.stop, index.step)):
                return next(p for p in (index.start, index.stop, index.step) if isinstance(p, Opaque))
            if scaled.cut(index.start) or scaled.cut(index.stop):
                return scaled.hidden("slice up to a part of what grows with the run", line)
            if _differs(index) and container and not scaled.counted(container):
                return scaled.hidden("slice that depends on the process", line)
            if kind in (list, range, tuple) and container and isinstance(container[0], (int, tuple)):
                cut = _beyond(index, len(container))
                if cut is not None:
                    interp.at_scale(f"cuts them at {cut}", line, type(container[0]) is Tok)
            elif kind is list and type(index.stop) is int and container and _names_shard(container[0]):
                interp.at_scale(f"keeps {index.stop} of the shards", line, _names_validation(container[0]))
            result = container[index]
            if _differs(index):
                interp.world.parts[id(result)] = result
            return interp.made(result) if kind is list else result
        if isinstance(index, int):
            if scaled.differs(index):
                return scaled.hidden("element at a place that depends on the process", line)
            try:
                found = container[index]
            except IndexError:
                raise raise_in_script("IndexError", "index out of range", line) from None
            if type(index) is Tok:
                interp.observer.indexed(interp, container, index, found, hint, line)
            return found
        if isinstance(index, Instance):
            return Opaque("a place given by an object", line)
        raise raise_in_script("TypeError", "indices must be integers or slices", line)
    if kind is dict:
        if isinstance(index, Tensor) and len(index.data) == 1:
            return Opaque("dictionary indexed by an array", line)
        try:
            if scaled.mixed_keys(container, index):
                return scaled.hidden("look-up of a number that grows with the run", line)
            if (
                type(index) is Instance
                or type(index) is NativeObject
                or (type(index) is tuple and any(isinstance(x, (Instance, NativeObject)) for x in index))
            ):
                return _by_identity(container, index, line)
            found = container.get(index, MISSING)
        except TypeError:
            raise raise_in_script("TypeError", "unhashable key", line) from None
        if found is MISSING:
            if any(isinstance(k, Opaque) for k in container):
                return Opaque("dictionary with unknown keys", line)
            default = _default_factory(interp, container, index, line)
            if default is not MISSING:
                return default
            raise raise_in_script("KeyError", "no such key", line)
        if type(index) is Tok:
            interp.observer.indexed(interp, container, index, found, hint, line)
        return found
    if isinstance(container, Opaque):
        if hint:
            interp.observer.read_unknown(container, hint, line, container)
        if isinstance(container, ModelOutput):
            from pgolf.untrusted.intrinsics import model_output_item

            return model_output_item(interp, container, index, line)
        if type(index) is Tensor or type(index) is Tok:
            interp.observer.indexed(interp, container, index, container, hint, line)
        return unsure(container)
    if kind is Instance:
        method = get_attribute(interp, container, "__getitem__", line, missing_ok=True)
        if method is MISSING:
            return Opaque(f"indexing of an object of {container.cls.name}", line)
        return interp.call(method, [index], {}, line)
    if kind in (NativeClass, ClassValue, Intrinsic, DType, Module):
        return Opaque("subscripted class", line)
    from pgolf.untrusted.intrinsics import native_item

    return native_item(interp, container, index, line)


def fitting(numbers: range, value: Value, line: int) -> Value:
    """A value as an `array.array` of numbers in that range keeps it."""
    if isinstance(value, Tensor) and len(value.data) == 1:
        value = value.data[0]
    if isinstance(value, (Opaque, Instance, NativeObject, Tensor)):
        return value if isinstance(value, Opaque) else Opaque("an element of an array of numbers", line)
    if scaled.grows(value):
        return value
    if not isinstance(value, int):
        raise raise_in_script("TypeError", "an array of whole numbers", line)
    if value not in numbers:
        raise raise_in_script("OverflowError", "a number that does not fit an array", line)
    return int(value)


def _by_identity(container: dict[Value, Value], index: Value, line: int) -> Value:
    """The entry under an object; where Python asks the objects which of them are equal it is not known."""
    if type(index) is Instance and not has_own_equality(index) and index in container:
        return container[index]
    return Opaque("dictionary looked up by an object", line)


def _default_factory(interp: Interp, container: dict[Value, Value], index: Value, line: int) -> Value:
    factory = interp.factories.get(id(container))
    if factory is None or factory[0] is not container:
        return MISSING
    made = interp.call(factory[1], [], {}, line)
    if not is_counter(interp, container):
        container[index] = made
    return made


def is_counter(interp: Interp, value: Value) -> bool:
    """Whether a dictionary stands for a `collections.Counter`."""
    factory = interp.factories.get(id(value))
    return factory is not None and factory[0] is value and getattr(factory[1], "name", "") == "Counter"


_NUMBERS = frozenset({int, bool, float})


def set_item(interp: Interp, container: Value, index: Value, value: Value, line: int) -> None:
    """`container[index] = value`."""
    kind = type(container)
    if kind is Tensor and type(index) is int and type(value) in _NUMBERS and interp.changing(container, line):
        interp.step(1)
        put(container, index, value, line)
        return
    if isinstance(container, Opaque):
        _kept_by_unknown(interp, value, "becomes an item of something unknown", line)
        interp.observer.hinted(interp, container, index, line)
        return
    if kind is Instance:
        method = get_attribute(interp, container, "__setitem__", line, missing_ok=True)
        if method is MISSING:
            raise Stuck(f"item assignment on an object of {container.cls.name}", line)
        interp.call(method, [index, value], {}, line)
        return
    if kind is NativeObject and container.kind in ("environ", "records"):
        # The fields of a structured array look after themselves.
        from pgolf.untrusted.intrinsics import set_native_item

        set_native_item(interp, container, index, value, line)
        return
    if isinstance(value, Tensor) and kind is Tensor:
        value = detached(value)  # it may be a part of what changes
    if isinstance(index, Opaque) or not interp.changing(container, line):
        reason = index.reason if isinstance(index, Opaque) else "changed under an unknown condition"
        if kind is dict and type(index) in (str, int) and index in container:
            # Only what stands there may be another thing: the key is known, and there in any case.
            container[index] = Opaque(f"an element was set: {reason}", line)
            return
        spoil(container, f"an element at an unknown place was set: {reason}", line)
        return
    if kind is Tensor:
        if isinstance(value, Opaque) and not isinstance(value, ModelOutput):
            put(container, plain_index(index), value, line)
            return
        interp.step(1)
        if isinstance(value, Tensor):
            interp.cells(len(value.data))
        if isinstance(value, ModelOutput):
            value = Opaque(value.reason, value.line, value.origin)
        put(container, plain_index(index), value, line)
        return
    if isinstance(index, Tensor) and len(index.data) == 1:
        index = index.data[0]
    if kind is list:
        numbers = interp.ranges_of(container)
        if numbers is not None and not isinstance(index, slice):
            value = fitting(numbers, value, line)
        if isinstance(index, slice):
            if interp.is_special(container):
                spoil(container, "a slice of a deque or an array of numbers was set", line)
                return
            items = interp.iterate(value, line)
            if isinstance(items, Opaque):
                spoil(container, items.reason, line)
                return
            new = []
            for x in items:
                interp.cells(1)
                new.append(x)
            try:
                container[index] = new
            except (ValueError, TypeError):
                raise raise_in_script("ValueError", "slice of another size", line) from None
            return
        if not isinstance(index, int):
            raise raise_in_script("TypeError", "list indices must be integers", line)
        try:
            container[index] = value
        except IndexError:
            raise raise_in_script("IndexError", "assignment index out of range", line) from None
        return
    if kind is dict:
        from pgolf.untrusted.expressions import hashable

        if hashable(index) is None and index is not None:
            raise raise_in_script("TypeError", "unhashable key", line)
        interp.cells(2)
        if type(container.get(index)) is Module and value is not container[index]:
            interp.doubt(f"{str(index)[:40]} in a table of modules is replaced", line)
        container[index] = value
        return
    if kind is bytearray:
        if (
            isinstance(index, int)
            and isinstance(value, int)
            and 0 <= value < 256
            and -len(container) <= index < len(container)
        ):
            container[index] = value
            return
        interp.doubt("bytes are changed in a way that is not followed", line)
        raise Stuck("unusual assignment into a bytearray", line)
    if kind is NativeObject:
        from pgolf.untrusted.intrinsics import set_native_item

        set_native_item(interp, container, index, value, line)
        return
    raise raise_in_script("TypeError", "item assignment is not supported", line)


def delete_item(interp: Interp, container: Value, index: Value, line: int) -> None:
    """`del container[index]`."""
    if isinstance(container, (list, dict)):
        if isinstance(index, Opaque) or not interp.changing(container, line):
            spoil(container, "an element at an unknown place was deleted", line)
            return
        if isinstance(container, dict) and is_counter(interp, container):
            container.pop(index, None)
            return
        try:
            del container[index]
        except (KeyError, IndexError, TypeError) as error:
            raise raise_in_script(type(error).__name__, "no such item", line) from None
    elif isinstance(container, NativeObject) and container.kind == "environ":
        from pgolf.untrusted.intrinsics.library import environ_set

        environ_set(interp, index, MISSING, line)


# ---------------------------------------------------------------------------------------------------------
# Classes


def instantiate(
    interp: Interp, cls: ClassValue, args: list[Value], kwargs: dict[str, Value], line: int
) -> Value:
    """`cls(*args, **kwargs)`."""
    members = cls.attributes.get("%members")
    if members is not None:
        # An enumeration: its members are all there is.
        value = args[0] if len(args) == 1 and not kwargs else Opaque("an enumeration called otherwise", line)
        known = type(value) in (int, float, str, bool)
        found = (member for own, member in members if known and type(own) is type(value) and own == value)
        return next(found, Opaque(f"a member of {cls.name}", line))
    made = Instance(cls)
    interp.cells(8)
    interp.register(made)
    verdict = interp.observer.before_instance(interp, cls, args, kwargs, line)
    if verdict is not MISSING:
        return verdict
    fields = cls.lookup("%fields")
    native = cls.lookup("%native")
    new = cls.lookup("__new__")
    init = cls.lookup("__init__")
    raised = bool(native_exceptions(cls))
    if raised:
        made.attributes["args"] = tuple(args)
    if type(init) is Function:
        if native is not MISSING:
            made.attributes["%native_class"] = native
        given = interp.call_function(init, [made, *args], kwargs, line)
        if given is not None and not isinstance(given, Opaque):
            raise raise_in_script("TypeError", "__init__() should return None", line)
        return made
    if raised:
        if kwargs:
            raise raise_in_script("TypeError", "an exception takes no named arguments", line)
        return made
    if native is not MISSING:
        made.attributes["%native"] = interp.call(native, args, kwargs, line)
        return made
    if fields is not MISSING:
        _fill_fields(interp, made, fields, args, kwargs, line)
        post = cls.lookup("__post_init__")
        if type(post) is Function:
            interp.call_function(post, [made], {}, line)
        return made
    if type(new) is Function:
        return Opaque(f"class {cls.name} with its own __new__", line)
    if cls.opaque_base:
        return made
    if args or kwargs:
        raise raise_in_script("TypeError", f"{cls.name}() takes no arguments", line)
    return made


def _fill_fields(
    interp: Interp,
    made: Instance,
    fields: list[tuple[str, Value]],
    args: list[Value],
    kwargs: dict[str, Value],
    line: int,
) -> None:
    if args and made.cls.lookup("%kw_only") is not MISSING:
        raise Stuck("positional arguments of a dataclass with keyword-only fields", line)
    names = [name for name, default in fields if not isinstance(default, _Late)]
    if len(args) > len(names) or any(k not in names for k in kwargs):
        raise raise_in_script("TypeError", "unexpected argument", line)
    given = dict(zip(names, args, strict=False)) | kwargs
    for name, default in fields:
        if isinstance(default, _Late):
            default = default.default
            if default is MISSING:
                continue
        if name in given:
            made.attributes[name] = given[name]
        elif default is not MISSING:
            if isinstance(default, _Factory):
                made.attributes[name] = interp.call(default.function, [], {}, line)
            else:
                made.attributes[name] = default
        else:
            raise raise_in_script("TypeError", f"missing argument {name}", line)


class _Late:
    """`dataclasses.field(init=False)`: no argument of the constructor; the class sets it itself, or its default holds."""

    __slots__ = ("default",)

    def __init__(self, default: Value) -> None:
        self.default = default


def is_set_late(default: Value) -> bool:
    """Whether a dataclass field is no argument of the constructor."""
    return isinstance(default, _Late)


class _Factory:
    """`dataclasses.field(default_factory=…)`."""

    __slots__ = ("function",)

    def __init__(self, function: Value) -> None:
        self.function = function


def field_spec(kwargs: dict[str, Value]) -> Value:
    """The value that `dataclasses.field(**kwargs)` leaves in the class body."""
    if kwargs.keys() & {"compare", "kw_only"}:
        raise Stuck("a dataclass field with options that are not followed", 0)
    default: Value = kwargs.get("default", MISSING)
    if "default_factory" in kwargs:
        default = _Factory(kwargs["default_factory"])
    return _Late(default) if kwargs.get("init") is False else default


_DATACLASS_OPTIONS = frozenset(
    {"init", "repr", "eq", "order", "unsafe_hash", "frozen", "match_args", "kw_only", "slots"}
)


def make_dataclass(cls: ClassValue, options: dict[str, Value] | None = None) -> Value:
    """Apply `@dataclass(**options)`: fields in order of annotation, bases first."""
    given = options or {}
    followed = all(type(v) is bool for v in given.values()) and given.keys() <= _DATACLASS_OPTIONS
    if not followed or given.get("init") is False or cls.attributes.get("%special"):
        return Opaque(f"dataclass {cls.name} with options that are not followed", cls.line)
    fields: dict[str, Value] = {}
    for base in reversed(cls.order()[1:]):
        inherited = base.attributes.get("%fields", MISSING)
        if inherited is not MISSING:
            fields.update(inherited)
    own = cls.attributes.get("%annotations", [])
    for name in own:
        default = fields[name] = cls.attributes.get(name, MISSING)
        if isinstance(default, (list, dict, set, bytearray)):
            raise raise_in_script("ValueError", f"mutable default of {name}", cls.line)
    required = [isinstance(d, _Late) or d is MISSING for d in fields.values()]
    late = [isinstance(d, _Late) for d in fields.values()]
    plain = [r for r, is_late in zip(required, late, strict=True) if not is_late]
    if not given.get("kw_only") and sorted(plain, reverse=True) != plain:
        raise raise_in_script("TypeError", "a field without a default after one with a default", cls.line)
    cls.attributes["%fields"] = list(fields.items())
    if given.get("eq") is False:
        cls.attributes["%unequal"] = True
    else:
        cls.attributes["%unequal"] = False
    if given.get("frozen"):
        cls.attributes["%frozen"] = True
    if given.get("kw_only"):
        cls.attributes["%kw_only"] = True
    if given.get("slots"):
        cls.attributes["__slots__"] = tuple(own)
    return cls


def written_object(interp: Interp, value: Instance, template: Value, line: int) -> Value:
    """The text of an object: what its class makes of it, else an unknown text that holds its attributes."""
    for name, args in (("__format__", [template]), ("__str__", []), ("__repr__", [])):
        method = value.cls.lookup(name)
        if type(method) is Function:
            return interp.call_function(method, [value, *args], {}, line)
    return TextOf((value,), line, f"text of an object of class {value.cls.name}")


def super_object(fr: Frame, args: list[Value], line: int) -> Value:
    """`super()` inside a method: attribute look-ups start after the class that defines the method."""
    frame: Frame | None = fr
    while frame is not None and (frame.function is None or frame.function.owner is None):
        frame = frame.parent
    if frame is None or frame.function is None or frame.function.owner is None:
        return Opaque("super() outside a method", line)
    code: Any = frame.function.code
    receiver = frame.vars.get(code.params[0]) if code.params else None
    owner: ClassValue = frame.function.owner

    def resolve(name: str) -> Value:
        of = receiver.cls if isinstance(receiver, Instance) else receiver
        order = of.order() if isinstance(of, ClassValue) else []
        at = next((i for i, cls in enumerate(order) if cls is owner), -1)
        for base in order[at + 1 :] if at >= 0 else owner.order()[1:]:
            found = base.attributes.get(name, MISSING)
            if type(found) is Function:
                return BoundMethod(found, receiver)
            if type(found) is StaticMethod and isinstance(of, ClassValue):
                return bound_to_class(found, of)
            if type(found) is Property:
                return fr.interp.call(found.getter, [receiver], {}, line)
            if found is not MISSING:
                return found
        native = owner.lookup("%native")
        if native is not MISSING and isinstance(receiver, Instance):
            if name == "__init__":

                def init(interp: Interp, a: list[Value], k: dict[str, Value], ln: int) -> Value:
                    receiver.attributes["%native"] = interp.call(native, a, k, ln)
                    return None

                return Intrinsic("super().__init__", init)
            inner = receiver.attributes.get("%native")
            if inner is not None:
                return _native_attribute(fr.interp, inner, name)
        if name == "__init__" and isinstance(receiver, Instance) and native_exceptions(receiver.cls):

            def keep(interp: Interp, a: list[Value], k: dict[str, Value], ln: int) -> Value:
                receiver.attributes["args"] = tuple(a)
                return None

            return Intrinsic("Exception.__init__", keep)
        if name in ("__init__", "__init_subclass__", "__post_init__"):
            return Intrinsic("object.__init__", lambda interp, a, k, ln: None)
        if name == "__setattr__":

            def assign(interp: Interp, a: list[Value], k: dict[str, Value], ln: int) -> Value:
                if isinstance(receiver, Instance) and len(a) == 2 and isinstance(a[0], str):
                    receiver.attributes[a[0]] = a[1]
                return None

            return Intrinsic("object.__setattr__", assign)
        return Opaque(f"super().{name}", line, "model" if owner.opaque_base else "external")

    return Module("super", resolve)


def exception_matches(value: Value, handler: Value) -> bool | None:
    """Whether an exception of the script is caught by `except handler`; None when that is unknown."""
    if isinstance(handler, tuple):
        answers = [exception_matches(value, h) for h in handler]
        return True if True in answers else None if None in answers else False
    kind = value.kind if isinstance(value, ExceptionValue) else ""
    if isinstance(handler, NativeClass) and kind:
        return is_kind_of(kind, handler.name)
    if isinstance(handler, ClassValue):
        if isinstance(value, Instance) and value.cls.opaque_base:
            return None
        return isinstance(value, Instance) and any(cls is handler for cls in value.cls.order())
    if isinstance(value, Instance) and isinstance(handler, NativeClass):
        if any(is_kind_of(name, handler.name) for name in native_exceptions(value.cls)):
            return True
        return None if value.cls.opaque_base else False
    return None


def native_exceptions(cls: ClassValue) -> list[str]:
    """Names of Python's own exceptions among the bases of a class."""
    return [name for c in cls.order() for name in c.attributes.get("%exceptions", ())]


__all__ = [
    "Loss",
    "Property",
    "StaticMethod",
    "call_method",
    "caster",
    "delete_attribute",
    "delete_item",
    "exception_matches",
    "field_spec",
    "get_attribute",
    "get_item",
    "instantiate",
    "make_dataclass",
    "set_attribute",
    "set_item",
    "super_object",
]
