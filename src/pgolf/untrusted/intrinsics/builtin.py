"""Python's own functions, as far as they are modelled, and the table of all built-in names."""

from __future__ import annotations

import re

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.exceptions import (
    EXCEPTION_ALIASES,
    EXCEPTION_PARENTS,
    exception_class,
    is_kind_of,
)
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.arithmetic import ARITHMETIC
from pgolf.untrusted.intrinsics.calls import Args, Call, Kwargs, first_unknown, none, scalar, text_room
from pgolf.untrusted.intrinsics.conversions import CONVERSIONS
from pgolf.untrusted.intrinsics.files import open_file, path_text, write_file
from pgolf.untrusted.intrinsics.iteration import ITERATION
from pgolf.untrusted.intrinsics.shapes import tensor_dimensions
from pgolf.untrusted.objects import (
    OWN_HOOKS,
    Property,
    StaticMethod,
    call_method,
    native_exceptions,
    written_object,
)
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    MOST_BASES,
    BoundMethod,
    ClassValue,
    DictView,
    ExceptionValue,
    Function,
    Instance,
    Intrinsic,
    Loss,
    Module,
    NativeClass,
    NativeObject,
    OfLosses,
    Opaque,
    ScaledText,
    Stuck,
    TextOf,
    Value,
)
from pgolf.untrusted.written import text_of

_COLLECTED = 16
"""Fewer elements than this are a shape, a pair, the arguments of something; windows and documents are more."""


def _len(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    (value,) = args
    if id(value) in interp.world.counts:
        return scaled.hidden("length of a range that depends on the process", line)
    if isinstance(value, (list, tuple)) and scaled.counted(value):
        return scaled.at_least(len(value))
    if type(value) is ScaledText:
        return scaled.hidden("length of the text of a number that grows with the run", line)
    if isinstance(value, (str, bytes, list, tuple, dict, set, frozenset, range, bytearray)):
        size = len(value)
        # What an evaluation has collected a real one collects more of.
        return scaled.at_least(size) if size >= _COLLECTED and interp.probe.token_reads else size
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
        size = interp.call(get_attribute(interp, value, "__len__", line), [], {}, line)
        if type(size) is int and size < 0:
            raise raise_in_script("ValueError", "__len__() should return >= 0", line)
        return size
    from pgolf.untrusted.intrinsics import native_length

    if isinstance(value, ClassValue):
        return Opaque("length of a class", line)
    n = native_length(value) if isinstance(value, NativeObject) else None
    if n is None and isinstance(value, NativeObject) and value.kind in ("environ", "parents", "records"):
        return Opaque(f"length of {value.kind}", line)
    if n is None:
        raise raise_in_script("TypeError", "object has no len()", line)
    return n


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
                elif type(value) is Instance:
                    answer = _of_native_base(value, kind.name, line)
                    if answer is True:
                        return True
                    unsure = answer if isinstance(answer, Opaque) else unsure
                elif isinstance(value, _KINDS[kind.name]) and not (
                    kind.name == "list" and interp.is_special(value)
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
            elif kind.name in EXCEPTION_PARENTS:
                if isinstance(value, (ExceptionValue, Instance)):
                    names = (
                        [value.kind] if isinstance(value, ExceptionValue) else native_exceptions(value.cls)
                    )
                    if any(is_kind_of(name, kind.name) for name in names):
                        return True
                    if isinstance(value, Instance) and value.cls.opaque_base:
                        unsure = Opaque(f"whether an object is a {kind.name}", line)
            elif isinstance(value, NativeObject):
                if value.native_class is kind or value.kind == kind.name:
                    return True
            elif kind.name not in _OF_NOTHING_PLAIN:
                unsure = Opaque(f"whether a value is a {kind.name}", line)  # `Sequence`, `Iterable`: many are
        elif isinstance(kind, ClassValue):
            if isinstance(value, Instance) and any(cls is kind for cls in value.cls.order()):
                return True
        elif isinstance(kind, Intrinsic) and kind.name in _KINDS:
            if isinstance(value, _KINDS[kind.name]):
                return True
        elif isinstance(kind, (str, int, float, list, dict)):
            raise raise_in_script("TypeError", "isinstance() with something that is no class", line)
        elif not (
            isinstance(kind, Opaque)
            and kind.origin == "model"
            and kind.reason not in (operators.TYPE_UNION, "type()")
            and isinstance(value, (int, float, str, bytes, list, tuple, dict, set, type(None), Tensor))
        ):
            # Of an unmodelled class of layers plain values and our own arrays are certainly no objects.
            unsure = (
                kind
                if isinstance(kind, Opaque)
                else Opaque("whether a value is of an unmodelled class", line)
            )
    return unsure


_OF_NOTHING_PLAIN = frozenset({"SentencePieceProcessor", "Path", "property", "staticmethod", "classmethod"})
"""Modelled classes of which no plain value, array or object of the script is one."""


def _of_native_base(value: Instance, name: str, line: int) -> Value:
    """Whether an object of a script's class is of one of Python's types: by the type that its class is made of."""
    if value.cls.lookup("%tuple") is not MISSING:
        return name == "tuple"
    native = value.cls.lookup("%native")
    if native is MISSING and ("%members" in value.cls.attributes or not value.cls.opaque_base):
        return False
    return getattr(native, "name", "") == name or Opaque(f"whether an object is a {name}", line)


def _callable(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0]
    if isinstance(value, Opaque):
        return value
    if isinstance(value, Instance):
        return value.cls.lookup("__call__") is not MISSING
    return isinstance(value, (Function, BoundMethod, Intrinsic, NativeClass, ClassValue))


def _hasattr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import get_attribute, has_every_object

    value, name = args
    if isinstance(value, Opaque) or not isinstance(name, str):
        return value if isinstance(value, Opaque) else Opaque("hasattr() of an unknown name", line)
    found = get_attribute(interp, value, name, line, missing_ok=True)
    if isinstance(found, Opaque) and isinstance(value, (Module, NativeClass)):
        return Opaque(f"whether {value.name} has {name}", line)
    if found is MISSING and (
        has_every_object(value, name) or (isinstance(value, Instance) and value.cls.opaque_base)
    ):
        return Opaque(f"whether an object has {name}", line)
    return found is not MISSING


def _getattr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.objects import get_attribute, has_every_object

    name = args[1]
    if not isinstance(name, str):
        if isinstance(args[0], Tensor):
            operators.spoil(args[0], "a method of unknown name may change it", line)
        return Opaque("getattr() with an unknown name", line)
    if len(args) > 2:
        found = get_attribute(interp, args[0], name, line, missing_ok=True)
        if found is MISSING and has_every_object(args[0], name):
            return Opaque(f"{name} of an object", line)
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
    from pgolf.untrusted.objects import delete_attribute

    target, name = args
    if not isinstance(name, str):
        raise Stuck("delattr() with an unknown name", line)
    delete_attribute(interp, target, name, line)
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
    value = args[0] if args else None
    cls = value.cls if isinstance(value, Instance) else value
    if not isinstance(cls, ClassValue) or cls.opaque_base or cls.lookup("%native") is not MISSING:
        return Opaque("dir()", line)
    if cls.lookup("__dir__") is not MISSING or native_exceptions(cls) or cls.lookup("%fields") is not MISSING:
        return Opaque("dir() of an object with names of its own", line)
    names = set(dir(_Plain))
    for held in cls.order():
        names.update(held.attributes)
    if isinstance(value, Instance):
        names.update(value.attributes)
    return interp.made(sorted(n for n in names if not n.startswith("%")))


class _Plain:
    """A class with what Python gives every class."""


def _type(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if len(args) == 3:
        name, bases, attributes = args
        if isinstance(name, str) and isinstance(attributes, dict) and isinstance(bases, tuple):
            known = all(
                isinstance(b, ClassValue) or (isinstance(b, NativeClass) and b.name == "object")
                for b in bases
            )
            if not known or len(bases) > 8 or not all(isinstance(k, str) for k in attributes):
                return Opaque("type() with bases that are not followed", line)
            from pgolf.untrusted.definitions import is_own_rule

            if any(map(is_own_rule, attributes)):
                return Opaque(f"class {name}{OWN_HOOKS}a hook by type()", line)
            bases = [b for b in bases if isinstance(b, ClassValue)]
            opaque = next((b.opaque_base for b in bases if b.opaque_base), "")
            made = ClassValue(name, bases, dict(attributes), opaque, line)
            return made if len(made.order()) <= MOST_BASES else Opaque("class of many classes", line)
        return Opaque("type() with unknown parts", line)
    value = args[0]
    if isinstance(value, Instance):
        return value.cls
    if isinstance(value, Opaque):
        return value
    if id(value) in interp.factories or interp.is_special(value):
        return Opaque("type()", line)
    for name, kinds in _KINDS.items():
        if type(value) is kinds[0]:
            return _NONE_TYPE if name == "NoneType" else interp.builtins.get(name, BUILTINS[name])
    if isinstance(value, NativeObject) and value.native_class is not None:
        return value.native_class
    return Opaque("type()", line)


def _property(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    given = dict(zip(("fget", "fset", "fdel", "doc"), args, strict=False)) | kwargs
    if given.get("fget") is None or given.get("fdel") is not None:
        return Opaque("a property without a getter, or with a deleter", line)
    return Property(given["fget"], given.get("fset"))


def _method_of_class(bound: bool) -> Call:
    return lambda interp, args, kwargs, line: StaticMethod(args[0], bound) if args else Opaque("method", line)


def _print(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    end = kwargs.get("end", "\n")
    between = kwargs.get("sep", " ")
    pieces: list[Value] = []
    for value in args:
        if type(value) is Instance:
            value = written_object(interp, value, "", line)
        pieces += [between if isinstance(between, str) else " ", value]
    interp.observer.emitted(interp, pieces[1:], end if isinstance(end, str) else "\n", line)
    file = kwargs.get("file")
    own = interp.redirected if file is None else file
    if type(own) is Instance:
        kept, interp.redirected = interp.redirected, None
        try:
            call_method(interp, own, "write", [text_of(pieces[1:], line)], {}, line)
        finally:
            interp.redirected = kept
    if isinstance(file, NativeObject) and file.kind == "output file":
        write_file(interp, file.state, Opaque("printed text", line), line)
    return None


def _repr(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = scalar(args[0])
    if isinstance(value, (Loss, OfLosses)):
        return TextOf((value,), line)
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
        return TextOf((value,), line)
    if isinstance(value, TextOf):
        return value
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


_TYPES: dict[str, Call] = {
    **CONVERSIONS,
    "type": _type, "object": lambda interp, args, kwargs, line: Instance(ClassValue("object", [], {}, "", line)),
}  # fmt: skip

_FUNCTIONS: dict[str, Call] = {
    **ITERATION,
    **ARITHMETIC,
    "len": _len, "isinstance": is_instance, "issubclass": lambda interp, args, kwargs, line: Opaque("issubclass()", line),
    "callable": _callable, "hasattr": _hasattr, "getattr": _getattr, "setattr": _setattr, "delattr": _delattr, "vars": _vars,
    "memoryview": _memoryview, "dir": _dir, "print": _print, "repr": _repr, "ascii": _ascii, "format": _format,
    "slice": _slice_value, "id": _id, "hash": _hash, "exec": _exec, "eval": _eval, "compile": _compile,
    "__import__": _dunder_import, "super": none, "locals": none, "globals": none,
    "input": lambda interp, args, kwargs, line: Opaque("input()", line, "config"), "exit": none, "quit": none,
    "breakpoint": none,
}  # fmt: skip

BUILTINS: dict[str, Value] = {}


def _open(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
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
    made.update({name: made[same] for name, same in EXCEPTION_ALIASES.items()})
    made["property"] = NativeClass("property", _property)
    for name in ("staticmethod", "classmethod"):
        made[name] = NativeClass(name, _method_of_class(name == "classmethod"))
    made["open"] = Intrinsic("open", _open)
    made["NotImplemented"] = Opaque("NotImplemented")
    made["Ellipsis"] = ...
    made["__debug__"] = True
    return made


BUILTINS.update(fresh_builtins())

_NONE_TYPE = NativeClass("NoneType", none)
