"""Assignments: what a target does with a value."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from pgolf.untrusted import operators
from pgolf.untrusted.blocks import builds
from pgolf.untrusted.expressions import compile_setting
from pgolf.untrusted.interp import NORMAL, Frame, Stmt, compile_expr, store_name
from pgolf.untrusted.objects import (
    delete_attribute,
    delete_item,
    get_attribute,
    get_item,
    set_attribute,
    set_item,
)
from pgolf.untrusted.syntax import walk
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Opaque, Stuck, Value

Assign = Callable[[Frame, Value], None]


# ---------------------------------------------------------------------------------------------------------
# Assignment


def assigner(target: ast.expr) -> Assign:
    """The closure that binds a value to a target."""
    line = target.lineno
    if isinstance(target, ast.Name):
        name = target.id

        def assign_name(fr: Frame, v: Value) -> None:
            if fr.plain:
                fr.vars[name] = v
            else:
                store_name(fr, name, v)

        return assign_name
    if isinstance(target, ast.Attribute):
        base, attribute = compile_expr(target.value), target.attr
        return lambda fr, v: set_attribute(fr.interp, base(fr), attribute, v, line + fr.offset)
    if isinstance(target, ast.Subscript):
        base, index = compile_expr(target.value), compile_expr(target.slice)
        return lambda fr, v: set_item(fr.interp, base(fr), index(fr), v, line + fr.offset)
    if isinstance(target, ast.Starred):
        return assigner(target.value)
    if isinstance(target, (ast.Tuple, ast.List)):
        return _unpacker(target)

    def refuse(fr: Frame, v: Value) -> None:
        raise Stuck(f"assignment to {type(target).__name__}", line + fr.offset)

    return refuse


def _unpacker(target: ast.Tuple | ast.List) -> Assign:
    parts = [assigner(e) for e in target.elts]
    star = next((i for i, e in enumerate(target.elts) if isinstance(e, ast.Starred)), None)
    line = target.lineno

    def run(fr: Frame, value: Value) -> None:
        interp = fr.interp
        items = interp.iterate(value, line + fr.offset)
        if isinstance(items, Opaque):
            for part in parts:
                part(fr, items)
            return
        values: list[Value] = []
        for x in items:
            interp.cells(1)
            values.append(x)
        if star is None:
            if len(values) != len(parts):
                raise operators.raise_in_script(
                    "ValueError", "wrong number of values to unpack", line + fr.offset
                )
        else:
            after = len(parts) - star - 1
            if len(values) < len(parts) - 1:
                raise operators.raise_in_script("ValueError", "not enough values to unpack", line + fr.offset)
            end = len(values) - after
            values = [*values[:star], interp.made(values[star:end]), *values[end:]]
        for part, v in zip(parts, values, strict=True):
            part(fr, v)

    return run


@builds(ast.Assign)
def _assign(node: ast.Assign) -> Stmt:
    only_target = node.targets[0] if len(node.targets) == 1 else None
    name = only_target.id if isinstance(only_target, ast.Name) else ""
    value = compile_setting(name, node.value)
    if name:
        again = isinstance(node.value, ast.BinOp) and any(
            isinstance(n, ast.Name) and n.id == name for n in walk(node.value)
        )

        def run_name(fr: Frame) -> int:
            v = value(fr)
            if again and fr.interp.probe.token_reads:
                v = operators.changed_by_round(fr.interp, fr.vars.get(name), v)
            if fr.plain:
                fr.vars[name] = v
            else:
                store_name(fr, name, v)
            return NORMAL

        return run_name
    targets = [assigner(t) for t in node.targets]
    if len(targets) == 1:
        only = targets[0]
        held = _held_again(node)

        def run_one(fr: Frame) -> int:
            v = value(fr)
            if held is not None and fr.interp.probe.token_reads and type(v) in (int, float):
                v = operators.changed_by_round(fr.interp, held(fr), v)
            only(fr, v)
            return NORMAL

        return run_one

    def run(fr: Frame) -> int:
        v = value(fr)
        for target in targets:
            target(fr, v)
        return NORMAL

    return run


def _words(annotation: ast.expr) -> set[str]:
    """The names in an annotation, those in texts included."""
    found: set[str] = set()
    for n in ast.walk(annotation):
        if isinstance(n, ast.Attribute):
            found.add(n.attr)
        elif isinstance(n, ast.Name):
            found.add(n.id)
        elif isinstance(n, ast.Constant) and isinstance(n.value, str):
            found.update(re.findall(r"\w+", n.value[:200]))
    return found


def _held_again(node: ast.Assign) -> Callable[[Frame], Value] | None:
    """What an attribute or item holds that is assigned a number made of it: `x[0] = x[0] * 0.99`; None for any other."""
    target = node.targets[0]
    if not isinstance(node.value, ast.BinOp) or not isinstance(target, (ast.Attribute, ast.Subscript)):
        return None
    written = ast.unparse(target)
    for n in walk(node.value):
        if isinstance(n, (ast.Attribute, ast.Subscript)) and ast.unparse(n) == written:
            return compile_expr(n)
    return None


@builds(ast.AnnAssign)
def _annassign(node: ast.AnnAssign) -> Stmt:
    name = node.target.id if isinstance(node.target, ast.Name) else ""
    value = compile_setting(name, node.value) if node.value is not None else None
    target = assigner(node.target)
    words = _words(node.annotation)
    of_class, special = "ClassVar" in words, not words.isdisjoint({"InitVar", "KW_ONLY"})

    def run(fr: Frame) -> int:
        if name and "%class" in fr.vars and not of_class:
            fr.vars.setdefault("%annotations", []).append(name)
            if special:
                fr.vars["%special"] = True
        if value is not None:
            target(fr, value(fr))
        return NORMAL

    return run


@builds(ast.AugAssign)
def _augassign(node: ast.AugAssign) -> Stmt:
    op, value, line = operators.op_name(node.op), compile_expr(node.value), node.lineno
    target = node.target
    if isinstance(target, ast.Name):
        load = compile_expr(ast.Name(id=target.id, ctx=ast.Load(), lineno=line, col_offset=0))
        name = target.id

        def run_name(fr: Frame) -> int:
            store_name(fr, name, operators.inplace(fr.interp, op, load(fr), value(fr), line + fr.offset))
            return NORMAL

        return run_name
    if isinstance(target, ast.Attribute):
        base, attribute = compile_expr(target.value), target.attr

        def run_attribute(fr: Frame) -> int:
            at = line + fr.offset
            holder = base(fr)
            old = get_attribute(fr.interp, holder, attribute, at)
            set_attribute(
                fr.interp, holder, attribute, operators.inplace(fr.interp, op, old, value(fr), at), at
            )
            return NORMAL

        return run_attribute
    base, index = compile_expr(target.value), compile_expr(target.slice)

    def run_item(fr: Frame) -> int:
        at = line + fr.offset
        holder, i = base(fr), index(fr)
        old = get_item(fr.interp, holder, i, "", at)
        if isinstance(old, Tensor) and isinstance(holder, Tensor):
            old.base = None
        set_item(fr.interp, holder, i, operators.inplace(fr.interp, op, old, value(fr), at), at)
        return NORMAL

    return run_item


@builds(ast.Delete)
def _delete(node: ast.Delete) -> Stmt:
    line = node.lineno
    targets = list(node.targets)
    names: list[str] = []
    items, attributes = [], []
    while targets:
        target = targets.pop(0)
        if isinstance(target, (ast.Tuple, ast.List)):
            targets[:0] = target.elts
        elif isinstance(target, ast.Subscript):
            items.append((compile_expr(target.value), compile_expr(target.slice)))
        elif isinstance(target, ast.Attribute):
            attributes.append((compile_expr(target.value), target.attr))
        elif isinstance(target, ast.Name):
            names.append(target.id)

    def run(fr: Frame) -> int:
        for name in names:
            fr.vars.pop(name, None)
        for base, index in items:
            delete_item(fr.interp, base(fr), index(fr), line + fr.offset)
        for base, name in attributes:
            delete_attribute(fr.interp, base(fr), name, line + fr.offset)
        return NORMAL

    return run
