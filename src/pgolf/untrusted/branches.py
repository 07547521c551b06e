"""`if`: what is known decides; both ways are followed where nothing is."""

from __future__ import annotations

import ast

from pgolf.untrusted.blocks import builds
from pgolf.untrusted.changes import arrays_within, left_out_names, note_left_out
from pgolf.untrusted.conditions import either, holds_tokens
from pgolf.untrusted.interp import NORMAL, Frame, Stmt, compile_block, compile_expr, names_bound_by
from pgolf.untrusted.syntax import walk, walk_all
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import MISSING

# ---------------------------------------------------------------------------------------------------------
# Branches and loops


def _raises_only(body: list[ast.stmt]) -> bool:
    """A guard: the branch ends in `raise` or an exit, so a run that got past it did not take it."""
    last = body[-1]
    if isinstance(last, ast.Raise):
        return not _ends_with_the_program(last.exc)
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        f = last.value.func
        name = f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""
        return name in ("exit", "_exit", "abort", "quit") and not _ends_with_the_program(last.value)
    return False


def _ends_with_the_program(node: ast.expr | None) -> bool:
    """`sys.exit(main())`, `raise SystemExit(run(args))`: the program itself is the argument of its exit."""
    if not isinstance(node, ast.Call) or len(node.args) != 1 or not isinstance(node.args[0], ast.Call):
        return False
    f = node.func
    name = f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""
    inner = node.args[0].func
    called = (
        inner.attr if isinstance(inner, ast.Attribute) else inner.id if isinstance(inner, ast.Name) else ""
    )
    return name in ("exit", "_exit", "SystemExit", "quit") and called not in (
        "str",
        "format",
        "join",
        "dedent",
        "repr",
    )


_STEERING = frozenset({ast.Break, ast.Return, ast.Continue, ast.Assign, ast.AugAssign})


def _steers(node: ast.If) -> bool:
    """Whether a branch stores something or leaves a loop, rather than only printing; kept on the node."""
    found: bool | None = node.__dict__.get("_pgolf_steers")
    if found is None:
        found = any(type(n) in _STEERING for n in walk_all([*node.body, *node.orelse]))
        node.__dict__["_pgolf_steers"] = found
    return found


_ENDING = frozenset({ast.Break, ast.Return})


def _binds_tokens(fr: Frame, node: ast.If) -> bool:
    """Whether a branch binds a name that holds tokens of the stream or a table that a builder returned."""
    interp = fr.interp
    for name in names_bound_by(node):
        held = fr.vars.get(name, MISSING)
        if type(held) is Tensor or type(held) in (tuple, list, dict):
            for array in arrays_within(held)[:64]:
                if holds_tokens(array) or interp.tables.holds(array):
                    return True
    return False


def _leaves_at_count(node: ast.If) -> bool:
    """Whether a branch under a comparison with a literal count leaves a loop or function; kept on the node."""
    found: bool | None = node.__dict__.get("_pgolf_leaves_at_count")
    if found is None:
        found = any(
            isinstance(n, ast.Constant) and type(n.value) is int and n.value > 2 for n in walk(node.test)
        ) and any(type(n) in _ENDING for n in walk_all(node.body))
        node.__dict__["_pgolf_leaves_at_count"] = found
    return found


@builds(ast.If)
def _if(node: ast.If) -> Stmt:
    test, body = compile_expr(node.test), compile_block(node.body)
    orelse = compile_block(node.orelse) if node.orelse else None
    guard = _raises_only(node.body)
    only_raises = guard and len(node.body) == 1
    line = node.lineno
    left_out: dict[bool, tuple[tuple[ast.AST, str], ...]] = {}

    def run(fr: Frame) -> int:
        interp = fr.interp
        interp.bound_met = ""
        truth = test(fr)
        if truth is not True and truth is not False:
            truth = interp.truth(truth, line + fr.offset)
        if interp.bound_met and _steers(node):
            interp.at_scale(interp.bound_met, line + fr.offset, _binds_tokens(fr, node))
        elif truth is False and _leaves_at_count(node):
            interp.at_scale("leaves a loop at a literal count", line + fr.offset)
        if interp.tables.arrays and (truth is True or truth is False):
            names = left_out.get(truth)
            if names is None:
                names = left_out[truth] = left_out_names(node.orelse if truth else node.body)
            if names:
                note_left_out(fr, names, line + fr.offset)
        if truth is True:
            if guard and not interp.handlers:
                interp.assume("the run got past a guard that raises", line + fr.offset)
                return orelse(fr) if orelse is not None else NORMAL
            return body(fr)
        if truth is False:
            return orelse(fr) if orelse is not None else NORMAL
        if guard and (only_raises or not interp.handlers):
            interp.may_raise += 1
            return orelse(fr) if orelse is not None else NORMAL
        return either(fr, body, orelse, truth)

    return run
