"""Statements in order. One that gets stuck makes what it would have bound unknown, and the block goes on; budgets and the
script's own exceptions pass through.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import operators
from pgolf.untrusted.changes import arrays_within, change_roots, root_name, spoil_reachable
from pgolf.untrusted.conditions import RAISED, WAYS_OUT, may_run, note_way_out, run_under_unknown
from pgolf.untrusted.interp import (
    BREAK,
    CONTINUE,
    MAYBE,
    NORMAL,
    RETURN,
    Frame,
    Stmt,
    compile_expr,
    compile_stmt,
    load_name,
    names_bound_by,
    store_name,
)
from pgolf.untrusted.syntax import own_nodes, walk
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    Function,
    Instance,
    Intrinsic,
    NativeClass,
    Opaque,
    ScriptRaise,
    Stuck,
    Value,
)

BUILDERS: dict[type, Callable[[Any], Stmt]] = {}


MISFITS = (IndexError, KeyError, TypeError, ValueError, AttributeError, ArithmeticError)


def builds(kind: type) -> Callable[[Callable[[Any], Stmt]], Callable[[Any], Stmt]]:
    def register(builder: Callable[[Any], Stmt]) -> Callable[[Any], Stmt]:
        BUILDERS[kind] = builder
        return builder

    return register


def block(body: list[ast.stmt]) -> Stmt:
    """Statements in order; see the module's promise about stuck ones."""
    nodes = [n for n in body if not isinstance(n, (ast.Pass, ast.Global, ast.Nonlocal))]
    parts: list[tuple[Stmt, ast.stmt]] | None = None

    def run(fr: Frame) -> int:
        nonlocal parts
        if parts is None:  # compiled when it is first reached: most branches of a script never are
            parts = [(compile_stmt(n), n) for n in nodes]
        return _in_order(fr, parts)

    return run


def _in_order(fr: Frame, parts: list[tuple[Stmt, ast.stmt]]) -> int:
    interp = fr.interp
    for part, node in parts:
        interp.steps_left -= 1
        if interp.steps_left < 0:
            raise LimitTripped("interpreter_steps", interp.limits.interpreter_steps)
        try:
            code = part(fr)
        except Stuck as stuck:
            code = make_unknown(fr, node, stuck)
        except ScriptRaise as thrown:
            if interp.handlers:
                raise
            # Nothing catches it, so the run that is audited cannot have got here: our model is at fault.
            code = make_unknown(fr, node, Stuck(f"it would raise {thrown.value!r}"[:160], thrown.line))
        except RecursionError:
            code = make_unknown(fr, node, Stuck("nested too deeply", node.lineno + fr.offset))
        except MISFITS as error:
            # A modelled function was given what it does not take, most often too few arguments.
            reason = f"arguments that the evaluator does not expect ({type(error).__name__})"
            code = make_unknown(fr, node, Stuck(reason, node.lineno + fr.offset))
        if code:
            if code == MAYBE:
                at = next(i for i, (_, n) in enumerate(parts, 1) if n is node)
                if at < len(parts):
                    return unless_left(fr, partial(_in_order, parts=parts[at:]))
            return code
    return NORMAL


def unless_left(fr: Frame, rest: Stmt) -> int:
    """What follows a way out that may have been taken: it runs under an unknown condition."""
    code = run_under_unknown(fr, rest)
    if code == RAISED:
        fr.ambiguous = fr.ambiguous or fr.ways_out[-1].why
    return code if code in WAYS_OUT else MAYBE


def make_unknown(fr: Frame, node: ast.stmt, stuck: Stuck) -> int:
    """The statement could not be evaluated: what it binds or changes is unknown from here on, and whether it is left there."""
    line = stuck.line or node.lineno + fr.offset
    fr.interp.note_stuck(stuck.reason, line)
    fr.interp.observer.skipped(node, line)
    unknown = Opaque(stuck.reason, line)
    for name in names_bound_by(node):
        store_name(fr, name, unknown)
    for target in changed_values(fr, node):
        operators.spoil(target, stuck.reason, line)
    if fr.interp.tables.arrays:
        for name in change_roots(node):
            for array in arrays_within(fr.vars.get(name)):
                if array.serial in fr.interp.tables.arrays:
                    operators.spoil(array, stuck.reason, line)
    _calls_not_made(fr, node, stuck.reason, line)
    for kind in leaves_by(node):
        fr.returned = unknown
        note_way_out(fr, kind, fr.vars, unknown)
    return MAYBE if leaves_by(node) else NORMAL


def _calls_not_made(fr: Frame, node: ast.stmt, reason: str, line: int) -> None:
    """Calls of the script's own functions in a statement that got stuck: they may have been made, or may not."""
    calls: list[tuple[ast.Call, Callable[[Frame], Value]]] | None = node.__dict__.get("_pgolf_calls")
    if calls is None:
        plain = not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        found = [n for n in walk(node) if isinstance(n, ast.Call)] if plain else []
        calls = node.__dict__["_pgolf_calls"] = [(n, compile_expr(n)) for n in found[:16]]
    interp = fr.interp
    for call, closure in calls:
        callee = load_name(call.func.id)(fr) if isinstance(call.func, ast.Name) else MISSING
        if isinstance(callee, (Intrinsic, NativeClass)) and callee.name != "setattr":
            continue
        followed = False
        if not interp.retrying:
            interp.retrying = True
            try:
                followed = may_run(fr, partial(closure, fr), line)
            finally:
                interp.retrying = False
        if followed:
            continue
        if isinstance(callee, Function):
            spoil_reachable(callee.frame, callee.code.node, reason, line)
        for given in (*call.args, *(k.value for k in call.keywords)) if interp.tables.arrays else ():
            root = root_name(given.value if isinstance(given, ast.Starred) else given)
            for array in arrays_within(fr.vars.get(root)) if root else ():
                if interp.tables.holds(array):
                    operators.spoil(array, reason, line)


_LEAVING: dict[type, int] = {ast.Return: RETURN, ast.Break: BREAK, ast.Continue: CONTINUE}


_ROUNDS = (ast.For, ast.AsyncFor, ast.While)


def leaves_by(node: ast.stmt) -> tuple[int, ...]:
    """How a statement may leave the round or the function that it stands in; kept on the node."""
    found: tuple[int, ...] | None = node.__dict__.get("_pgolf_leaves")
    if found is None:
        kinds = {_LEAVING[type(n)] for n in own_nodes([node]) if type(n) in _LEAVING}
        inner = {BREAK, CONTINUE} & kinds
        if inner and isinstance(node, _ROUNDS):
            inner = {kind for n in node.orelse for kind in leaves_by(n)}
        elif inner and not isinstance(node, tuple(_LEAVING)):
            inner = {kind for n in _statements_within(node) for kind in leaves_by(n)}
        found = node.__dict__["_pgolf_leaves"] = tuple(sorted(kinds - {BREAK, CONTINUE} | inner - {RETURN}))
    return found


def _statements_within(node: ast.AST) -> list[ast.stmt]:
    """The statements directly inside a compound one, whichever of its blocks they stand in."""
    found: list[ast.stmt] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            found.append(child)
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            found.extend(child.body)
    return found


def _stores(node: ast.stmt) -> list[ast.Subscript | ast.Attribute]:
    """Item and attribute targets of a statement, kept on the node."""
    found: list[ast.Subscript | ast.Attribute] | None = node.__dict__.get("_pgolf_stores")
    if found is None:
        found = [
            n for n in walk(node) if type(n) in (ast.Subscript, ast.Attribute) and type(n.ctx) is not ast.Load
        ]
        node.__dict__["_pgolf_stores"] = found
    return found


def changed_values(fr: Frame, node: ast.stmt) -> list[Value]:
    """Values of plain names whose items or attributes the statement may set (best effort, by name)."""
    found: list[Value] = []
    for sub in _stores(node):
        base: ast.expr = sub.value
        while isinstance(base, (ast.Subscript, ast.Attribute)):
            base = base.value
        if not isinstance(base, ast.Name):
            continue
        value = fr.vars.get(base.id, MISSING)
        if isinstance(sub, ast.Attribute) and isinstance(value, Instance):
            value.attributes[sub.attr] = Opaque(
                "its assignment could not be evaluated", sub.lineno + fr.offset
            )
        elif isinstance(value, (Tensor, list, dict)):
            found.append(value)
            if not isinstance(value, Tensor):
                found.extend(arrays_within(value))
        elif isinstance(value, (tuple, set)):
            found.extend(arrays_within(value))
        elif isinstance(value, Instance) and isinstance(sub.value, ast.Attribute):
            held = value.attributes.get(sub.value.attr)
            if isinstance(held, (Tensor, list, dict)):
                found.append(held)
    return found
