"""Statements: one builder for each allowed node kind; importing this module registers them all."""

from __future__ import annotations

import ast

from pgolf.untrusted import assignments, branches, definitions, guards, loops, patterns
from pgolf.untrusted.assignments import assigner
from pgolf.untrusted.blocks import BUILDERS, block, builds, make_unknown
from pgolf.untrusted.conditions import either
from pgolf.untrusted.interp import BREAK, CONTINUE, NORMAL, RETURN, Frame, Interp, Stmt, compile_expr
from pgolf.untrusted.objects import call_method
from pgolf.untrusted.values import ClassValue, ExceptionValue, NativeClass, Opaque, ScriptRaise, Stuck, Value


def build(node: ast.stmt) -> Stmt:
    """The closure that executes `node` in a frame and returns a control code."""
    builder = BUILDERS.get(type(node))
    if builder is None:
        kind, line = type(node).__name__, node.lineno

        def unsupported(fr: Frame) -> int:
            raise Stuck(f"{kind} is outside the evaluated language", line + fr.offset)

        return unsupported
    return builder(node)


@builds(ast.Expr)
def _expr(node: ast.Expr) -> Stmt:
    if isinstance(node.value, ast.Constant):
        return lambda fr: NORMAL
    value = compile_expr(node.value)

    def run(fr: Frame) -> int:
        value(fr)
        return NORMAL

    return run


@builds(ast.Return)
def _return(node: ast.Return) -> Stmt:
    value = compile_expr(node.value) if node.value is not None else None

    def run(fr: Frame) -> int:
        try:
            fr.returned = value(fr) if value is not None else None
        except Stuck as stuck:
            fr.interp.note_stuck(stuck.reason, stuck.line)
            fr.returned = Opaque(stuck.reason, stuck.line or node.lineno + fr.offset)
        return RETURN

    return run


BUILDERS[ast.Pass] = lambda node: lambda fr: NORMAL


BUILDERS[ast.Global] = lambda node: lambda fr: NORMAL


BUILDERS[ast.Nonlocal] = lambda node: lambda fr: NORMAL


BUILDERS[ast.Break] = lambda node: lambda fr: BREAK


BUILDERS[ast.Continue] = lambda node: lambda fr: CONTINUE


@builds(ast.Assert)
def _assert(node: ast.Assert) -> Stmt:
    test, line = compile_expr(node.test), node.lineno

    def run(fr: Frame) -> int:
        truth = fr.interp.truth(test(fr), line + fr.offset)
        if truth is not True:
            fr.interp.assume("an assertion holds", line + fr.offset)
            fr.interp.surprises += 1
            fr.interp.may_raise += 1
        return NORMAL

    return run


def _handled(fr: Frame) -> Value:
    """What a bare `raise` raises: the exception that is being handled, here or in a caller."""
    frame: Frame | None = fr
    while frame is not None:
        if "%handled" in frame.vars:
            return frame.vars["%handled"]
        frame = frame.parent
    if fr.function is not None:
        raise Stuck("raise without an exception in a function that a handler may have called")
    return ExceptionValue("RuntimeError")


@builds(ast.Raise)
def _raise(node: ast.Raise) -> Stmt:
    value = compile_expr(node.exc) if node.exc is not None else None
    cause = compile_expr(node.cause) if node.cause is not None else None
    line = node.lineno

    def run(fr: Frame) -> int:
        if value is None:
            raise ScriptRaise(_handled(fr), line + fr.offset)
        thrown = value(fr)
        if cause is not None:
            cause(fr)
        if isinstance(thrown, NativeClass):
            thrown = ExceptionValue(thrown.name)
        elif isinstance(thrown, ClassValue):
            thrown = fr.interp.call(thrown, [], {}, line + fr.offset)
        if thrown is None or isinstance(thrown, (int, float, str, bytes, list, tuple, dict, set)):
            thrown = ExceptionValue("TypeError")
        raise ScriptRaise(thrown, line + fr.offset)

    return run


__all__ = ["Interp", "assigner", "block", "build", "call_method", "either", "make_unknown"]


KINDS = (assignments, branches, definitions, guards, loops, patterns)
"""Where the builders of the other kinds of statements are; to import them is to register them."""
