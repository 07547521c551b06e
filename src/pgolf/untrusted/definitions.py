"""Functions, classes, their decorators, and imports."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import NoneType
from typing import Any

from pgolf.untrusted.blocks import BUILDERS, builds
from pgolf.untrusted.changes import acts_outside, may_change
from pgolf.untrusted.exceptions import EXCEPTION_PARENTS
from pgolf.untrusted.expressions import function_maker
from pgolf.untrusted.interp import NORMAL, Frame, Stmt, compile_block, compile_expr, store_name
from pgolf.untrusted.objects import (
    OWN_HOOKS,
    Property,
    StaticMethod,
    get_attribute,
    has_hooks,
    make_dataclass,
)
from pgolf.untrusted.values import (
    MISSING,
    MOST_BASES,
    BoundMethod,
    ClassValue,
    Function,
    Instance,
    Intrinsic,
    Module,
    NativeClass,
    Opaque,
    Stuck,
    Value,
)

# ---------------------------------------------------------------------------------------------------------
# Definitions and imports


def _decorated(node: Any, make: Callable[[Frame], Value]) -> Stmt:
    decorators = [(compile_expr(d), _decorator_name(d)) for d in node.decorator_list]
    decorators.reverse()
    name, line = node.name, node.lineno

    def run(fr: Frame) -> int:
        value = make(fr)
        for decorator, label in decorators:
            value = _decorate(fr, decorator, label, value, line + fr.offset)
        store_name(fr, name, value)
        return NORMAL

    return run


_TRANSPARENT = frozenset(
    {
        "no_grad", "inference_mode", "compile", "jit", "script", "disable", "enable_grad", "lru_cache", "cache", "wraps",
        "njit", "record", "custom_op", "autocast", "abstractmethod", "override", "cached_property",
        "total_ordering", "torch_compile", "compiler_disable", "profile", "typechecked",
    }
)  # fmt: skip
"""Decorators that leave a function's result as it is."""


def _decorator_name(node: ast.expr) -> str:
    while isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _decorate(fr: Frame, decorator: Callable[[Frame], Value], label: str, value: Value, line: int) -> Value:
    found = decorator(fr)
    if isinstance(found, (Function, BoundMethod, Intrinsic, Instance, ClassValue)) and not (
        isinstance(found, Intrinsic) and label in _TRANSPARENT
    ):
        return fr.interp.call(found, [value], {}, line)
    if label == "property" or label == "cached_property":
        return Property(value, cached=label == "cached_property")
    if label in ("staticmethod", "classmethod"):
        return StaticMethod(value, label == "classmethod")
    if label == "dataclass" and isinstance(value, ClassValue):
        return make_dataclass(value)
    if label in ("lru_cache", "cache") and isinstance(value, Function) and acts_outside(value.code.node):
        fr.interp.doubt("a function that changes things is called once for equal arguments", line)
    if label in _TRANSPARENT and not (isinstance(found, Opaque) and found.origin == "external"):
        return value
    if label in ("setter", "getter", "deleter"):
        return value
    if isinstance(value, Function):
        # A decorator of an unmodelled library: the function may have become anything.
        fr.interp.hand_on(value, line)
        return Opaque(f"decorated by {label or 'something unknown'}", line)
    return value


@builds(ast.FunctionDef)
def _functiondef(node: ast.FunctionDef) -> Stmt:
    make = function_maker(node)
    if not node.decorator_list:
        name = node.name

        def run(fr: Frame) -> int:
            store_name(fr, name, make(fr))
            return NORMAL

        return run
    return _decorated(node, make)


BUILDERS[ast.AsyncFunctionDef] = _functiondef


_LIBRARY_HOOKS = frozenset(
    {"__torch_function__", "__torch_dispatch__", "__array_ufunc__", "__array_function__"}
)
"""Hooks by which a class changes what a library's functions do to everything."""


_OWN_RULES = frozenset(
    {
        "__getattribute__", "__setattr__", "__delattr__", "__new__", "__init_subclass__", "__class_getitem__", "__get__", "__set__",
        "__set_name__", "__missing__", "__delitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__",
        "__imod__", "__ior__", "__iand__", "__ixor__", "__ilshift__", "__irshift__", "__ipow__", "__neg__", "__pos__",
        "__invert__", "__abs__", "__delete__", "__subclasscheck__", "__subclasshook__",
        "__instancecheck__", "__prepare__", "__mro_entries__", "__torch_function__", "__torch_dispatch__",
        "__array_ufunc__", "__array_function__",
    }
)  # fmt: skip
"""Hooks by which a class changes what plain syntax means and that are not modelled: such a class is unknown."""


_UNSEEN_HOOKS = frozenset(
    {
        "__del__", "__format__", "__str__", "__repr__", "__hash__", "__next__", "__int__", "__index__", "__float__", "__bytes__",
        "__round__", "__reversed__", "__dir__", "__reduce__", "__copy__", "__deepcopy__", "__array__",
        "__length_hint__", "__aenter__", "__aexit__", "__await__",
    }
)  # fmt: skip
"""Hooks that Python may call where the evaluator does not."""


def is_own_rule(name: str) -> bool:
    """Whether a class with an attribute of that name is not followed."""
    return name in _OWN_RULES


def _is_unseen(node: ast.FunctionDef) -> bool:
    """A hook, or the setter of a property: code that runs without being called by name."""
    return node.name in _UNSEEN_HOOKS or any(
        isinstance(d, ast.Attribute) and d.attr in ("setter", "deleter") for d in node.decorator_list
    )


def _metaclass_bodies(fr: Frame, node: ast.ClassDef) -> list[ast.AST]:
    """Trees of the metaclasses that a class names; the class itself where they are not known."""
    found: list[ast.AST] = []
    for keyword in node.keywords:
        name = keyword.value.id if isinstance(keyword.value, ast.Name) else ""
        held = fr.vars.get(name, MISSING)
        if held is MISSING and fr.module is not None:
            held = fr.module.lookup(name)
        if isinstance(held, ClassValue):
            found.extend(f.code.node for f in held.attributes.values() if isinstance(f, Function))
    return found


@builds(ast.ClassDef)
def _classdef(node: ast.ClassDef) -> Stmt:
    bases = [compile_expr(b) for b in node.bases]
    base_names = [_decorator_name(b) for b in node.bases]
    body = compile_block(node.body)
    keywords = [compile_expr(k.value) for k in node.keywords]

    def make(fr: Frame) -> Value:
        interp = fr.interp
        inner = Frame(interp, fr.module, fr, fr.offset)
        inner.vars["%class"] = True
        known: list[ClassValue] = []
        opaque = "a metaclass" if keywords else "more bases than are followed" if len(bases) > 8 else ""
        native: Value = MISSING
        of_its_own: Opaque | None = None
        for keyword in keywords:
            value = keyword(fr)
            if isinstance(value, ClassValue) or has_hooks(value):
                of_its_own = Opaque("a class whose metaclass is not followed", node.lineno + fr.offset)
                if isinstance(value, ClassValue):
                    interp.may_run_methods(value, of_its_own, of_its_own.line, frozenset())
        named_tuple = False
        exceptions: list[str] = []
        for base, label in zip(bases, base_names, strict=True):
            value = base(fr)
            if isinstance(value, ClassValue) and value.lookup("%members") is not MISSING:
                of_its_own = Opaque("a class below an enumeration", node.lineno + fr.offset)
            if isinstance(value, ClassValue):
                known.append(value)
                opaque = opaque or value.opaque_base
            elif label == "NamedTuple":
                named_tuple = True
            elif isinstance(value, NativeClass):
                if value.name in EXCEPTION_PARENTS:
                    exceptions.append(value.name)
                elif value.name not in ("object", "Protocol", "ABC", "Generic"):
                    native = value
            else:
                opaque = opaque or label or "an unknown base"
                if isinstance(value, Opaque) and (has_hooks(value) or value.reason.startswith("ctypes.")):
                    of_its_own = Opaque(value.reason, node.lineno + fr.offset)
        body(inner)
        if keywords and any(may_change(n) for n in _metaclass_bodies(fr, node)):
            interp.doubt(
                f"class {node.name} has a metaclass or keywords that may change things",
                node.lineno + fr.offset,
            )
        hook = next((name for name in inner.vars if name in _OWN_RULES), "")
        if hook:
            if hook in _LIBRARY_HOOKS or any(
                may_change(n) for n in node.body if isinstance(n, ast.FunctionDef) and n.name in _OWN_RULES
            ):
                interp.doubt(f"class {node.name} changes things in {hook}()", node.lineno + fr.offset)
            return Opaque(f"class {node.name}{OWN_HOOKS}{hook}()", node.lineno + fr.offset)
        for member in node.body:
            if isinstance(member, ast.FunctionDef) and _is_unseen(member) and may_change(member):
                interp.doubt(
                    f"{node.name}.{member.name}() changes things and is not followed",
                    member.lineno + fr.offset,
                )
        attributes = {k: v for k, v in inner.vars.items() if k not in ("%class",)}
        made = ClassValue(node.name, known, attributes, opaque, node.lineno + fr.offset)
        interp.cyclic.append(attributes)
        if len(made.order()) > MOST_BASES:
            raise Stuck(
                f"class {node.name} has more than {MOST_BASES} classes above it", node.lineno + fr.offset
            )
        for name in attributes:
            if (
                name.startswith("__")
                and not name.endswith("__")
                and any(name in c.attributes for c in made.order()[1:])
            ):
                interp.doubt(f"{node.name} and a base both have a private {name}", node.lineno + fr.offset)
        if native is not MISSING:
            attributes["%native"] = native
        if exceptions:
            attributes["%exceptions"] = exceptions
        if named_tuple:
            attributes["%tuple"] = True
        for held in attributes.values():
            target = (
                held.getter
                if isinstance(held, Property)
                else held.function
                if isinstance(held, StaticMethod)
                else held
            )
            if isinstance(target, Function):
                target.owner = made
                interp.hand_on(target, node.lineno + fr.offset)
        if named_tuple:
            make_dataclass(made)
        if opaque and len(bases) == 1:
            _make_members(made, bases[0](fr), node, fr.offset)
        interp.register(made)
        return made if of_its_own is None else of_its_own

    return _decorated(node, make)


def _make_members(made: ClassValue, base: Value, node: ast.ClassDef, offset: int) -> None:
    """Members of an enumeration: objects of their own, equal to nothing else and true, whatever their values are.

    Those of `IntEnum`, `StrEnum` and of a type mixed in are equal to their values, and stay plain values here.
    """
    called = (
        base.reason.removesuffix(" is not modelled")
        if isinstance(base, Opaque)
        else getattr(base, "name", "")
    )
    if called not in ("enum.Enum", "enum.Flag"):
        return
    members: list[tuple[Value, Instance]] = []
    for statement in node.body:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            continue
        target, value = (
            statement.targets[0],
            made.attributes.get(getattr(statement.targets[0], "id", ""), MISSING),
        )
        if not isinstance(target, ast.Name) or target.id.startswith("_") or value is MISSING:
            continue
        if _is_auto(statement.value):
            before = [known for known, _ in members if type(known) is int]
            value = max(before, default=0) + 1
        if called == "enum.Flag" or type(value) not in (int, float, str, bool, tuple, NoneType):
            made.attributes[target.id] = Opaque("a member of an enumeration", statement.lineno + offset)
            continue
        member = next((m for known, m in members if known == value), None)
        if member is None:
            member = Instance(made)
            member.attributes.update(name=target.id, value=value, _name_=target.id, _value_=value)
            members.append((value, member))
        made.attributes[target.id] = member
    made.attributes["%members"] = members


def _is_auto(node: ast.expr) -> bool:
    f = node.func if isinstance(node, ast.Call) else None
    return (f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else "") == "auto"


@builds(ast.Import)
def _import(node: ast.Import) -> Stmt:
    names = [(a.name, a.asname) for a in node.names]

    def run(fr: Frame) -> int:
        for name, alias in names:
            module = fr.interp.import_module(name, fr, node.lineno + fr.offset)
            if alias is not None:
                store_name(fr, alias, module)
            else:
                root = name.split(".")[0]
                top = module if root == name else fr.interp.import_module(root, fr, node.lineno + fr.offset)
                store_name(fr, root, top)
        return NORMAL

    return run


@builds(ast.ImportFrom)
def _import_from(node: ast.ImportFrom) -> Stmt:
    line = node.lineno

    def run(fr: Frame) -> int:
        interp = fr.interp
        module = interp.import_module(node.module or "", fr, line + fr.offset, node.level)
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module, Module):
                    for name, value in interp.exported(module):
                        store_name(fr, name, value)
                continue
            if node.module == "__future__":
                continue
            if isinstance(module, Module):
                value = get_attribute(interp, module, alias.name, line + fr.offset)
                if isinstance(value, Opaque):
                    deeper = interp.import_module(
                        f"{node.module}.{alias.name}" if node.module else alias.name,
                        fr,
                        line + fr.offset,
                        node.level,
                    )
                    if isinstance(deeper, Module):
                        value = deeper
            else:
                value = module
            store_name(fr, alias.asname or alias.name, value)
        return NORMAL

    return run
