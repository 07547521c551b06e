"""Statements: one builder for each allowed node kind. Inside a block, a statement that gets stuck makes what it would
have bound unknown, and the block goes on; budgets and the script's own exceptions pass through."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from functools import partial
from types import NoneType
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import operators
from pgolf.untrusted.exceptions import EXCEPTION_PARENTS
from pgolf.untrusted.expressions import compile_setting, function_maker, merge, merge_watched
from pgolf.untrusted.interp import (
    BREAK,
    CONTINUE,
    MAYBE,
    NORMAL,
    RETURN,
    Frame,
    Interp,
    Stmt,
    WayOut,
    assigned_names,
    compile_block,
    compile_expr,
    compile_stmt,
    held_by,
    load_name,
    names_bound_by,
    store_name,
)
from pgolf.untrusted.objects import (
    OWN_HOOKS,
    Property,
    StaticMethod,
    call_method,
    delete_attribute,
    delete_item,
    exception_matches,
    get_attribute,
    get_item,
    has_hooks,
    is_set_late,
    make_dataclass,
    set_attribute,
    set_item,
)
from pgolf.untrusted.syntax import own_nodes, walk, walk_all
from pgolf.untrusted.tensor import SERIALS, Tensor
from pgolf.untrusted.values import (
    MISSING,
    MOST_BASES,
    BoundMethod,
    ClassValue,
    Cursor,
    DictView,
    ExceptionValue,
    Function,
    Instance,
    Intrinsic,
    Loss,
    Module,
    NativeClass,
    NativeObject,
    Opaque,
    Scaled,
    ScaledFloat,
    ScriptRaise,
    Stuck,
    Tok,
    Value,
)

_BUILDERS: dict[type, Callable[[Any], Stmt]] = {}
_MISFITS = (IndexError, KeyError, TypeError, ValueError, AttributeError, ArithmeticError)
Assign = Callable[[Frame, Value], None]


def build(node: ast.stmt) -> Stmt:
    """The closure that executes `node` in a frame and returns a control code."""
    builder = _BUILDERS.get(type(node))
    if builder is None:
        kind, line = type(node).__name__, node.lineno

        def unsupported(fr: Frame) -> int:
            raise Stuck(f"{kind} is outside the evaluated language", line + fr.offset)

        return unsupported
    return builder(node)


def _for(kind: type) -> Callable[[Callable[[Any], Stmt]], Callable[[Any], Stmt]]:
    def register(builder: Callable[[Any], Stmt]) -> Callable[[Any], Stmt]:
        _BUILDERS[kind] = builder
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
        except _MISFITS as error:
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
    code = _under_unknown(fr, rest)
    if code == _RAISED:
        fr.ambiguous = fr.ambiguous or fr.ways_out[-1].why
    return code if code in _WAYS_OUT else MAYBE


def _attributes_of(node: ast.AST, name: str) -> frozenset[str]:
    """Attributes of a name that a statement mentions, or all its methods might; kept on the node."""
    known: dict[str, frozenset[str]] = node.__dict__.setdefault("_pgolf_attributes", {})
    found = known.get(name)
    if found is None:
        found = known[name] = frozenset(
            sub.attr
            for sub in walk(node)
            if isinstance(sub, ast.Attribute) and isinstance(sub.value, ast.Name) and sub.value.id == name
        )
    return found


def left_out_names(nodes: Sequence[ast.AST]) -> tuple[tuple[ast.AST, str], ...]:
    """The names that statements or expressions bind or change something through, each with its statement."""
    return tuple((n, name) for n in nodes for name in (*change_roots(n), *names_bound_by(n)))


def note_left_out(fr: Frame, names: tuple[tuple[ast.AST, str], ...], line: int) -> None:
    """Statements that a condition left out: had it been another, what a builder returned would have changed."""
    interp = fr.interp
    variables = fr.vars
    for node, name in names:
        held = variables.get(name, MISSING)
        kind = type(held)
        if kind is Tensor:
            if held.serial in interp.built:
                interp.note_patch(held.serial, line)
            continue
        if kind is Instance:
            held = [held.attributes.get(attribute) for attribute in _attributes_of(node, name)]
        elif kind not in _HOLDERS:
            continue
        elif len(held) > 4:
            # Loops over counts of contexts come by here for each byte, with all their counts in hand.
            interp.left_out += 1
            if interp.left_out > 256 and interp.left_out % 16:
                continue
        for array in arrays_within(held):
            if array.serial in interp.built:
                interp.note_patch(array.serial, line)


_HOLDERS = frozenset({Tensor, list, tuple, dict})


def make_unknown(fr: Frame, node: ast.stmt, stuck: Stuck) -> int:
    """The statement could not be evaluated: what it binds or changes is unknown from here on, and whether it is left there."""
    line = stuck.line or node.lineno + fr.offset
    fr.interp.note_stuck(stuck.reason, line)
    fr.interp.observer.skipped(node, line)
    unknown = Opaque(stuck.reason, line)
    for name in names_bound_by(node):
        store_name(fr, name, unknown)
    for target in _changed_values(fr, node):
        operators.spoil(target, stuck.reason, line)
    if fr.interp.built:
        for name in change_roots(node):
            for array in arrays_within(fr.vars.get(name)):
                if array.serial in fr.interp.built:
                    operators.spoil(array, stuck.reason, line)
    _calls_not_made(fr, node, stuck.reason, line)
    for kind in _leaves_by(node):
        fr.returned = unknown
        _note_way_out(fr, kind, fr.vars, unknown)
    return MAYBE if _leaves_by(node) else NORMAL


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
        for given in (*call.args, *(k.value for k in call.keywords)) if interp.built else ():
            root = _root(given.value if isinstance(given, ast.Starred) else given)
            for array in arrays_within(fr.vars.get(root)) if root else ():
                if interp.is_built(array):
                    operators.spoil(array, reason, line)


_LEAVING: dict[type, int] = {ast.Return: RETURN, ast.Break: BREAK, ast.Continue: CONTINUE}
_WAYS_OUT = frozenset({RETURN, BREAK, CONTINUE})
_ROUNDS = (ast.For, ast.AsyncFor, ast.While)


def _leaves_by(node: ast.stmt) -> tuple[int, ...]:
    """How a statement may leave the round or the function that it stands in; kept on the node."""
    found: tuple[int, ...] | None = node.__dict__.get("_pgolf_leaves")
    if found is None:
        kinds = {_LEAVING[type(n)] for n in own_nodes([node]) if type(n) in _LEAVING}
        inner = {BREAK, CONTINUE} & kinds
        if inner and isinstance(node, _ROUNDS):
            inner = {kind for n in node.orelse for kind in _leaves_by(n)}
        elif inner and not isinstance(node, tuple(_LEAVING)):
            inner = {kind for n in _statements_within(node) for kind in _leaves_by(n)}
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


def _note_way_out(fr: Frame, kind: int, variables: dict[str, Value], why: Opaque) -> None:
    """Remember what a frame held where it may have been left."""
    fr.interp.cells(len(variables))
    fr.ways_out.append(WayOut(kind, fr, variables, why))
    fr.returned = None


def _stores(node: ast.stmt) -> list[ast.Subscript | ast.Attribute]:
    """Item and attribute targets of a statement, kept on the node."""
    found: list[ast.Subscript | ast.Attribute] | None = node.__dict__.get("_pgolf_stores")
    if found is None:
        found = [
            n for n in walk(node) if type(n) in (ast.Subscript, ast.Attribute) and type(n.ctx) is not ast.Load
        ]
        node.__dict__["_pgolf_stores"] = found
    return found


def _changed_values(fr: Frame, node: ast.stmt) -> list[Value]:
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


@_for(ast.Assign)
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
            if again and fr.interp.token_reads:
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
            if held is not None and fr.interp.token_reads and type(v) in (int, float):
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


@_for(ast.AnnAssign)
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


@_for(ast.AugAssign)
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


@_for(ast.Delete)
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


@_for(ast.Expr)
def _expr(node: ast.Expr) -> Stmt:
    if isinstance(node.value, ast.Constant):
        return lambda fr: NORMAL
    value = compile_expr(node.value)

    def run(fr: Frame) -> int:
        value(fr)
        return NORMAL

    return run


@_for(ast.Return)
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


_BUILDERS[ast.Pass] = lambda node: lambda fr: NORMAL
_BUILDERS[ast.Global] = lambda node: lambda fr: NORMAL
_BUILDERS[ast.Nonlocal] = lambda node: lambda fr: NORMAL
_BUILDERS[ast.Break] = lambda node: lambda fr: BREAK
_BUILDERS[ast.Continue] = lambda node: lambda fr: CONTINUE


@_for(ast.Assert)
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


@_for(ast.Raise)
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
                if _holds_tokens(array) or interp.is_built(array):
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


@_for(ast.If)
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
        if interp.built and (truth is True or truth is False):
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


def either(fr: Frame, body: Stmt, orelse: Stmt | None, why: Opaque) -> int:
    """Follow both branches of an unknown condition and keep only what they agree on."""
    before = dict(fr.vars)
    code_a = _under_unknown(fr, body)
    after_a, returned_a = fr.vars, fr.returned
    if orelse is None:
        after_b, code_b = before, NORMAL
    else:
        fr.vars = _reset(fr, after_a, before)
        code_b = _under_unknown(fr, orelse)
        after_b = fr.vars
        fr.vars = after_a
    if code_a == _RAISED and code_b != _RAISED:
        _install(fr, after_b)
        return code_b
    if code_a in _WAYS_OUT:
        returned_b, fr.returned = fr.returned, returned_a
        _note_way_out(fr, code_a, after_a, why)
        _install(fr, after_b)
        if code_b in _WAYS_OUT:
            fr.returned = returned_b
            return code_b
        return MAYBE
    if code_b in _WAYS_OUT:
        _note_way_out(fr, code_b, after_b, why)
        return MAYBE
    if code_b != _RAISED:
        _merge_into(fr, after_a, after_b, why)
    return MAYBE if MAYBE in (code_a, code_b) else NORMAL


def _merge_into(fr: Frame, a: dict[str, Value], b: dict[str, Value], why: Opaque) -> None:
    """The frame holds what one or the other of two ways has left there."""
    merged: dict[str, Value] = {}
    for name in a.keys() | b.keys():
        x, y = a.get(name, MISSING), b.get(name, MISSING)
        if x is y:
            merged[name] = x
        elif x is MISSING or y is MISSING:
            merged[name] = y if x is MISSING else x
        elif name.startswith("%"):
            merged[name] = x
        else:
            merged[name] = merge_watched(fr, x, y, why)
    _install(fr, merged)


def after_round(fr: Frame, known: int, code: int) -> int:
    """The end of a round, when `known` ways out had been met before it: NORMAL where the next one follows for sure.

    What was held where the round may have been left is merged with what is held at its end. MAYBE: the next round may not
    follow; where the loop may have been left is kept among the ways out.
    """
    ways = fr.ways_out[known:]
    if not ways:
        return NORMAL if code == CONTINUE else code
    skipped = [way for way in ways if way.kind == CONTINUE]
    fr.ways_out[known:] = [way for way in ways if way.kind != CONTINUE]
    if code in (RETURN, BREAK):
        if not skipped:
            return code
        _note_way_out(fr, code, fr.vars, skipped[0].why)
        _install(fr, dict(skipped.pop().vars))
    for way in skipped:
        _merge_into(fr, fr.vars, way.vars, way.why)
    return MAYBE if len(fr.ways_out) > known else NORMAL


def after_loop(fr: Frame, known: int) -> int:
    """The end of a loop that may have been left before: by `break`, to what follows it, or by `return`."""
    broken = [way for way in fr.ways_out[known:] if way.kind != RETURN]
    fr.ways_out[known:] = [way for way in fr.ways_out[known:] if way.kind == RETURN]
    for way in broken:
        _merge_into(fr, fr.vars, way.vars, way.why)
    return MAYBE if len(fr.ways_out) > known else NORMAL


_RAISED = 9


def _reset(fr: Frame, current: dict[str, Value], before: dict[str, Value]) -> dict[str, Value]:
    if current is fr.module.vars:
        # The module's dictionary keeps its identity.
        copy = dict(current)
        current.clear()
        current.update(before)
        fr.vars = copy
        return current
    return dict(before)


def _install(fr: Frame, variables: dict[str, Value]) -> None:
    if fr.vars is variables:
        return
    fr.vars.clear()
    fr.vars.update(variables)


def _under_unknown(fr: Frame, body: Stmt) -> int:
    try:
        code: int = under_unknown(fr, body)
    except ScriptRaise:
        fr.interp.may_raise += 1
        return _RAISED
    return code


def under_unknown(fr: Frame, part: Callable[[Frame], Any]) -> Any:
    """Run a part of the script that an unknown condition lets run or not: older things that it changes become unknown."""
    interp = fr.interp
    interp.unknown_branches += 1
    interp.step(20)
    if len(interp.fresh) > 40:
        raise Stuck("unknown conditions nested too deeply", fr.offset)
    interp.fresh.append((next(SERIALS), {}))
    interp.renamed.append({})
    try:
        return part(fr)
    finally:
        interp.fresh.pop()
        for (_, name), (names, old) in interp.renamed.pop().items():
            _one_of_names(interp, names, name, old, fr.offset)


def _one_of_names(interp: Interp, names: dict[Any, Value], name: str, old: Value, line: int) -> None:
    """A name or attribute that was set under an unknown condition is what it was or what it was set to."""
    new = names.get(name, MISSING)
    if new is old or (old is MISSING and isinstance(new, Function)):
        return
    why = Opaque(f"{name} is set under an unknown condition", line)
    if old is MISSING or new is MISSING:
        names[name] = why
        return
    names[name] = merge(old, new, why)
    if names[name] is not old and names[name] is not new:
        interp.observer.lost(interp, old, new, why)


def _as_loop(rounds: Stmt) -> Stmt:
    """A statement of rounds, whose stores are kept until it ends (`Interp.stored`)."""

    def run(fr: Frame) -> int:
        fr.interp.loops.append({})
        fr.interp.loop_depths.append(fr.interp.depth)
        try:
            return rounds(fr)
        finally:
            fr.interp.loop_depths.pop()
            fr.interp.leave_loop()

    return run


@_for(ast.While)
def _while(node: ast.While) -> Stmt:
    test, body, line = compile_expr(node.test), compile_block(node.body), node.lineno
    orelse = compile_block(node.orelse) if node.orelse else None
    training: bool | None = None

    def rounds(fr: Frame) -> int:
        nonlocal training
        interp = fr.interp
        quiet, reads, branches = 0, interp.token_reads, interp.unknown_branches
        optimised = interp.optimiser_calls
        known, follows = len(fr.ways_out), NORMAL
        while True:
            truth = test(fr)
            if truth is not True and truth is not False:
                truth = interp.truth(truth, line + fr.offset)
                if isinstance(truth, Opaque):
                    after_round(fr, known, either(fr, body, None, truth))
                    _loop_unknown(fr, node, line)
                    return after_loop(fr, known)
            if not truth:
                break
            interp.steps_left -= 1
            if interp.steps_left < 0:
                raise LimitTripped("interpreter_steps", interp.limits.interpreter_steps)
            if interp.token_reads != reads:
                reads, quiet = interp.token_reads, 0
            quiet += 1
            endless = quiet > _ENDLESS_ROUNDS and interp.unknown_branches - branches > _ENDLESS_ROUNDS
            if endless:
                fr.ambiguous = fr.ambiguous or Opaque("a loop whose end is unknown", line + fr.offset)
            if quiet > interp.training_rounds and training is None:
                training = _is_training(node)
            if endless or (
                quiet > interp.training_rounds
                and (training or interp.optimiser_calls - optimised >= interp.training_rounds)
            ):
                if endless:
                    interp.assume("a loop whose end is unknown ends", line + fr.offset)
                _loop_unknown(fr, node, line)
                return after_loop(fr, known)
            follows = _round(fr, body, known, follows)
            if follows in _WAYS_OUT:
                return _leave_loop(fr, known, follows)
        return _end_loop(fr, known, follows, orelse)

    return _as_loop(rounds)


def _round(fr: Frame, body: Stmt, known: int, follows: int) -> int:
    """One round of a loop; `follows` says whether it takes place for sure."""
    if follows == NORMAL:
        return after_round(fr, known, body(fr))
    code = _under_unknown(fr, body)
    if code == _RAISED:
        fr.ambiguous = fr.ambiguous or fr.ways_out[-1].why
    return after_round(fr, known, code if code in _WAYS_OUT else MAYBE)


def _leave_loop(fr: Frame, known: int, code: int) -> int:
    """A loop is left by `break` or `return`, where it may have been left by `break` before."""
    broken = [way for way in fr.ways_out[known:] if way.kind == BREAK]
    if code == BREAK or not broken:
        return after_loop(fr, known) if code == BREAK else code
    fr.ways_out[known:] = [way for way in fr.ways_out[known:] if way.kind == RETURN]
    _note_way_out(fr, code, fr.vars, broken[0].why)
    _install(fr, dict(broken.pop().vars))
    for way in broken:
        _merge_into(fr, fr.vars, way.vars, way.why)
    return MAYBE


def _end_loop(fr: Frame, known: int, follows: int, orelse: Stmt | None) -> int:
    """A loop has no more rounds; `follows` says whether that is sure."""
    if orelse is None:
        return after_loop(fr, known)
    if follows == NORMAL:
        return orelse(fr)
    why = fr.ways_out[-1].why
    if unless_left(fr, orelse) in _WAYS_OUT:
        fr.ambiguous = fr.ambiguous or why
    return after_loop(fr, known)


def _loop_unknown(fr: Frame, node: ast.While | ast.For, line: int) -> None:
    """A loop was cut short: what its rounds bind and store may be another thing in a later one, and is unknown from here on.

    Objects keep their identity, so do flags that are the same in all rounds that were followed.
    """
    unknown = Opaque("bound in a loop that was followed for its first rounds only", line + fr.offset)
    for name in names_bound_by(node) if fr.interp.forgets else ():
        if _may_count(fr.interp, fr.vars.get(name, MISSING)):
            store_name(fr, name, unknown)
    _forget_stores(fr.interp, unknown)
    if fr.interp.forgets:
        _forget_left_out(fr, node, unknown)


_MUTATORS = frozenset(
    {
        "append",
        "extend",
        "insert",
        "pop",
        "clear",
        "remove",
        "update",
        "setdefault",
        "sort",
        "reverse",
        "add",
        "discard",
    }
)
_MOST_CALLEES = 60


def _forget_left_out(fr: Frame, node: ast.While | ast.For, unknown: Opaque) -> None:
    """What only a later round may store into: a branch that the followed rounds left out, or a function called there."""
    body = [*node.body, *node.orelse]
    for place in body:
        for name in _stored_through(place):
            _forget_tables(fr.interp, held_by(fr, name), place, name, unknown)
    _forget_called(fr, node, unknown, set())
    if fr.ambiguous is None and any(type(n) is ast.Return and n.value is not None for n in own_nodes(body)):
        fr.ambiguous = unknown


def _forget_called(fr: Frame, node: ast.AST, unknown: Opaque, seen: set[int]) -> None:
    """The same through functions of the script that are called by name, at any depth."""
    for call in _calls_by_name(node):
        assert isinstance(call.func, ast.Name)  # noqa: S101 - of those calls only
        name = call.func.id
        if len(seen) > _MOST_CALLEES:
            continue
        function = held_by(fr, name)
        if function is MISSING:
            function = fr.module.lookup(name)  # a function that no followed round needed
        if type(function) is not Function:
            continue
        code = function.code
        changed = _stored_through(code.node)
        if changed:
            given = dict(zip(code.params, call.args, strict=False))
            given.update((k.arg, k.value) for k in call.keywords if k.arg)
            for name in changed:
                held = held_by(fr, _root(given[name])) if name in given else held_by(function.frame, name)
                if name in given or name not in code.params:
                    _forget_tables(fr.interp, held, code.node, name, unknown)
        if id(code) not in seen:
            seen.add(id(code))
            _forget_called(function.frame, code.node, unknown, seen)


def _calls_by_name(node: ast.AST) -> list[ast.Call]:
    found: list[ast.Call] | None = node.__dict__.get("_pgolf_calls_by_name")
    if found is None:
        found = [n for n in walk(node) if type(n) is ast.Call and type(n.func) is ast.Name]
        node.__dict__["_pgolf_calls_by_name"] = found
    return found


def _stored_through(node: ast.AST) -> frozenset[str]:
    """`change_roots`, and the names of what methods of containers change; kept on the node."""
    found: frozenset[str] | None = node.__dict__.get("_pgolf_stored_through")
    if found is None:
        changed = {_root(n) for n in walk(node) if type(n) is ast.Attribute and n.attr in _MUTATORS}
        found = node.__dict__["_pgolf_stored_through"] = change_roots(node) | (changed - {""})
    return found


def _forget_tables(interp: Interp, held: Value, place: ast.AST, name: str, unknown: Opaque) -> None:
    """What is as long as a table, in a value or in what it holds, is unknown from here on; `place` stores through `name`."""
    if type(held) is Instance:
        held = [held.attributes.get(attribute) for attribute in _attributes_of(place, name)]
    for array in arrays_within(held):
        if len(array.data) >= interp.vocab_size > 0 and type(array.data[0]) is not Tok:
            operators.spoil(array, unknown.reason, unknown.line)
    if isinstance(held, (list, dict, set, bytearray)) and len(held) >= interp.vocab_size > 0:
        operators.spoil(held, unknown.reason, unknown.line)


def may_run(fr: Frame, act: Callable[[], Any], line: int) -> bool:
    """Part of an expression runs an unknown number of times: it is followed once, and what it stores into is unknown.

    A function that does this to itself is followed twice; further down it meets nothing but the same unknown values.
    Returns whether it could be followed to its end."""
    interp = fr.interp
    if interp.perhaps >= 2:
        return False
    interp.perhaps += 1
    interp.loops.append({})
    followed = True

    def body(_: Frame) -> int:
        nonlocal followed
        try:
            act()
        except (Stuck, RecursionError) as stuck:
            followed = False
            interp.note_stuck(str(stuck), line + fr.offset)
        return NORMAL

    try:
        _under_unknown(fr, body)
        _forget_stores(
            interp, Opaque("stored by an expression that runs an unknown number of times", line + fr.offset)
        )
    except Stuck:
        followed = False
    finally:
        interp.perhaps -= 1
        interp.leave_loop()
    return followed


def _forget_stores(interp: Interp, unknown: Opaque) -> None:
    """What the innermost loop stored into is unknown from here on, where a score may depend on it."""
    if not interp.forgets:
        return
    for (_, name), holder in list(interp.loops[-1].items()):
        if type(holder) is Tensor:
            if _may_count(interp, holder):
                operators.spoil(holder, unknown.reason, unknown.line)
        elif isinstance(holder, dict):
            for key in [name] if name else list(holder):
                if _may_count(interp, holder.get(key)):
                    holder[key] = unknown
            # A loader whose place in the tokens is lost gives other tokens than it would have given.
            interp.forgot_tokens = interp.forgot_tokens or any(map(_holds_tokens, holder.values()))
        elif isinstance(holder, list):
            holder[:] = [unknown if _may_count(interp, x) else x for x in holder]


def _holds_tokens(value: Value) -> bool:
    return type(value) is Tensor and bool(value.data) and type(value.data[0]) is Tok


_COUNTED = frozenset({int, float, str, Scaled, ScaledFloat})


def _may_count(interp: Interp, value: Value) -> bool:
    """Whether a value may decide a score: a number or text, tokens, an array as long as a table, or what holds such an array."""
    kind = type(value)
    if kind is Tensor:
        if Tok in map(type, value.data):
            interp.forgot_tokens = True
            return True
        return len(value.data) >= interp.vocab_size > 0
    if kind is tuple or kind is list or kind is dict:
        return any(_may_count(interp, array) for array in arrays_within(value))
    return kind in _COUNTED


_ENDLESS_ROUNDS = 16
"""Rounds of a loop that read no table and met as many unknown conditions: it is taken to go on like that."""

_TRAINING_CALLS = frozenset({"backward", "zero_grad", "zero_grad_all"})


def _is_training(node: ast.While | ast.For) -> bool:
    """Whether a loop's own body does optimiser work; its rounds do not decide any byte table.

    Work done in functions that it calls is counted while they are followed (`Interp.optimiser_calls`)."""
    return any(type(sub) is ast.Attribute and sub.attr in _TRAINING_CALLS for sub in walk(node))


@_for(ast.For)
def _loop(node: ast.For) -> Stmt:
    source, assign, body, line = (
        compile_expr(node.iter),
        assigner(node.target),
        compile_block(node.body),
        node.lineno,
    )
    orelse = compile_block(node.orelse) if node.orelse else None
    training: bool | None = None

    def rounds(fr: Frame) -> int:
        nonlocal training
        interp = fr.interp
        span = source(fr)
        items = interp.iterate(span, line + fr.offset)
        if isinstance(items, Opaque):
            unknown = items

            def once(inner: Frame) -> int:
                assign(inner, Opaque(unknown.reason, unknown.line, unknown.origin))
                return body(inner)

            known = len(fr.ways_out)
            after_round(fr, known, either(fr, once, None, items))
            _loop_unknown(fr, node, line)
            return after_loop(fr, known)
        known, follows = len(fr.ways_out), NORMAL
        quiet, reads, branches = 0, interp.token_reads, interp.unknown_branches
        optimised = interp.optimiser_calls
        for x in items:
            interp.steps_left -= 1
            if interp.steps_left < 0:
                raise LimitTripped("interpreter_steps", interp.limits.interpreter_steps)
            if interp.token_reads != reads:
                reads, quiet = interp.token_reads, 0
            quiet += 1
            endless = quiet > _ENDLESS_ROUNDS and interp.unknown_branches - branches > _ENDLESS_ROUNDS
            if endless:
                fr.ambiguous = fr.ambiguous or Opaque("a loop whose end is unknown", line + fr.offset)
            if quiet > interp.training_rounds and training is None:
                training = _is_training(node)
            if endless or (
                quiet > interp.training_rounds
                and (training or interp.optimiser_calls - optimised >= interp.training_rounds)
            ):
                if endless:
                    interp.assume("a loop whose end is unknown ends", line + fr.offset)
                _loop_unknown(fr, node, line)
                return after_loop(fr, known)
            assign(fr, x)
            follows = _round(fr, body, known, follows)
            if follows in _WAYS_OUT:
                return _leave_loop(fr, known, follows)
        if id(span) in interp.counts_of_processes:
            _rounds_of_process(fr, node, line)
        return _end_loop(fr, known, follows, orelse)

    return _as_loop(rounds)


def _rounds_of_process(fr: Frame, node: ast.For, line: int) -> None:
    """A loop has as many rounds as the process says: what it counts, and what it changes, is another thing elsewhere."""
    why = Opaque("changed in a loop over a range that depends on the process", line + fr.offset, "scale")
    for name in names_bound_by(node):
        value = fr.vars.get(name, MISSING)
        if isinstance(value, (Loss, int, float, str)) and not isinstance(value, bool):
            fr.vars[name] = merge(value, None, why)
    spoil_reachable(fr, node, why.reason, line + fr.offset)


_BUILDERS[ast.AsyncFor] = _loop


@_for(ast.With)
def _with(node: ast.With) -> Stmt:
    items = [
        (compile_expr(i.context_expr), assigner(i.optional_vars) if i.optional_vars is not None else None)
        for i in node.items
    ]
    body, line = compile_block(node.body), node.lineno

    def run(fr: Frame) -> int:
        interp = fr.interp
        entered: list[Value] = []
        for expression, assign in items:
            try:
                manager = expression(fr)
            except Stuck as stuck:
                manager = Opaque(stuck.reason, stuck.line)
            value = manager
            if isinstance(manager, Instance):
                enter = get_attribute(interp, manager, "__enter__", line + fr.offset, missing_ok=True)
                value = interp.call(enter, [], {}, line + fr.offset) if enter is not MISSING else manager
            elif isinstance(manager, NativeObject) and "__enter__" in manager.methods:
                value = manager.methods["__enter__"](interp, manager, [], {}, line + fr.offset)
            entered.append(manager)
            if assign is not None:
                assign(fr, value)
        catching = any(_may_suppress(m) for m in entered)
        interp.handlers += catching
        thrown: ScriptRaise | None = None
        code = NORMAL
        attempt = _Attempt(fr, True) if catching else None
        try:
            code = body(fr)
        except ScriptRaise as error:
            thrown = error
        finally:
            interp.handlers -= catching
            if attempt is not None:
                attempt.ends()
        if attempt is not None and thrown is None and attempt.may_have_failed:
            why = Opaque("whether something unknown raises an exception", line + fr.offset)
            code = _or_failed(fr, attempt, names_bound_by(node), code, None, [(None, None)], why)
        for manager in reversed(entered):
            if _leave(interp, manager, thrown, line + fr.offset):
                thrown = None
        if thrown is not None:
            raise thrown
        return code

    return run


def _may_suppress(manager: Value) -> bool:
    """Whether leaving a context may end an exception: what its `__exit__` returns decides."""
    if isinstance(manager, Instance):
        leave = manager.cls.lookup("__exit__")
        return isinstance(leave, Function) and any(
            isinstance(n, ast.Return) and n.value is not None for n in walk(leave.code.node)
        )
    return isinstance(manager, NativeObject) and manager.kind == "suppress"


def _leave(interp: Interp, manager: Value, thrown: ScriptRaise | None, line: int) -> bool:
    """Leave a context; whether that ends the exception."""
    if isinstance(manager, NativeObject):
        if manager.kind == "suppress" and thrown is not None:
            caught = exception_matches(thrown.value, manager.state)
            if caught is None:
                raise Stuck("whether an exception is suppressed is not known", line)
            return caught
        if "__exit__" in manager.methods:
            manager.methods["__exit__"](interp, manager, [], {}, line)
        return False
    if not isinstance(manager, Instance):
        return False
    leave = get_attribute(interp, manager, "__exit__", line, missing_ok=True)
    if leave is MISSING:
        return False
    given: list[Value] = [None, None, None]
    if thrown is not None:
        value = thrown.value
        kind = value.cls if isinstance(value, Instance) else interp.builtins.get(getattr(value, "kind", ""))
        given = [kind or Opaque("class of an exception", line), value, Opaque("traceback", line)]
    ended = interp.truth(interp.call(leave, given, {}, line), line)
    if thrown is not None and isinstance(ended, Opaque):
        raise Stuck("whether an exception is suppressed is not known", line)
    return thrown is not None and ended is True


_BUILDERS[ast.AsyncWith] = _with


_RAISING = frozenset({ast.Call, ast.Subscript, ast.Import, ast.ImportFrom})


def _may_skip(fr: Frame, node: ast.Try, kinds: list[int], code: int) -> int:
    """A handler that leaves the round may run, from anywhere in the body of its `try`."""
    why = Opaque("a handler that may skip a round", node.lineno + fr.offset)
    held = dict(fr.vars)
    for name in assigned_names([*node.body, *(n for h in node.handlers for n in h.body)]):
        held[name] = why
    returned = fr.returned
    for kind in kinds:
        _note_way_out(fr, kind, held, why)
    fr.returned = returned
    return code or MAYBE


@_for(ast.Try)
def _try(node: ast.Try) -> Stmt:
    body = compile_block(node.body)
    handlers = [
        (compile_expr(h.type) if h.type is not None else None, h.name, compile_block(h.body))
        for h in node.handlers
    ]
    orelse = compile_block(node.orelse) if node.orelse else None
    final = compile_block(node.finalbody) if node.finalbody else None
    unseen_handlers: list[ast.ExceptHandler] | None = None
    skips = sorted({kind for h in node.handlers for n in h.body for kind in _leaves_by(n)} - {RETURN})
    bound_finally = assigned_names(node.finalbody)

    def unseen_changes(surprised: bool) -> list[ast.ExceptHandler]:
        nonlocal unseen_handlers
        if surprised:
            return [h for h in node.handlers if _may_change(h)]
        if unseen_handlers is None:
            unseen_handlers = [h for h in node.handlers if _may_change(h)]
            if unseen_handlers and not any(type(n) in _RAISING for n in walk_all(node.body)):
                unseen_handlers = []
        return unseen_handlers

    bound = frozenset(name for statement in node.body for name in names_bound_by(statement))
    interrupts = [_ends_by_hand(h) for h in node.handlers]

    def run(fr: Frame) -> int:
        interp = fr.interp
        code = NORMAL
        surprises, known = interp.surprises, len(fr.ways_out)
        attempt = _Attempt(fr, bool(handlers))
        try:
            if handlers:
                interp.handlers += 1
            try:
                code = body(fr)
            finally:
                attempt.ends()
                if handlers:
                    interp.handlers -= 1
        except ScriptRaise as thrown:
            for kind, name, handler in handlers:
                caught = True if kind is None else exception_matches(thrown.value, kind(fr))
                if caught is None:
                    raise Stuck("an exception whose handler is unknown", thrown.line) from None
                if caught:
                    if name:
                        store_name(fr, name, thrown.value)
                    before = fr.vars.get("%handled", MISSING)
                    fr.vars["%handled"] = thrown.value
                    try:
                        code = handler(fr)
                    finally:
                        fr.vars.pop("%handled", None)
                        if before is not MISSING:
                            fr.vars["%handled"] = before
                        if name:
                            fr.vars.pop(name, None)
                    break
            else:
                if final is not None:
                    final(fr)
                raise
        else:
            if skips:
                code = _may_skip(fr, node, skips, code)
            for unseen in unseen_changes(interp.surprises != surprises):
                # Whether a call of something unknown raises is not known, so neither is whether its handler runs.
                spoil_reachable(fr, unseen, "changed in a handler that may run", unseen.lineno + fr.offset)
            if attempt.may_have_failed and (handlers or (final is not None and interp.handlers)):
                why = Opaque("whether something unknown raises an exception", node.lineno + fr.offset)
                code = _or_failed(
                    fr, attempt, bound, code, orelse,
                    [(n, h) for (_, n, h), by_hand in zip(handlers, interrupts, strict=True) if not by_hand]
                    or ([] if handlers else [(None, final)]),
                    why,
                )  # fmt: skip
            elif orelse is not None and code in (NORMAL, MAYBE):
                code = orelse(fr) if code == NORMAL else unless_left(fr, orelse)
        if final is not None:
            after = final(fr)
            for way in fr.ways_out[known:]:
                for name in bound_finally:
                    way.vars[name] = Opaque("bound in a `finally` on another way", node.lineno + fr.offset)
            if after:
                return after
        return code

    return run


def _ends_by_hand(handler: ast.ExceptHandler) -> bool:
    """Whether a handler is for somebody who stops the program by hand, and nothing else."""
    return isinstance(handler.type, ast.Name) and handler.type.id == "KeyboardInterrupt"


class _Attempt:
    """A body whose exceptions are caught, while it is followed: what there was before, and what it stores into."""

    __slots__ = ("before", "caught", "fr", "may_have_failed", "serial", "started", "stores")

    def __init__(self, fr: Frame, caught: bool) -> None:
        interp = fr.interp
        self.fr = fr
        self.before = dict(fr.vars)
        self.started = interp.may_raise
        self.may_have_failed = False
        self.stores: dict[tuple[int, str], Value] = {}
        self.caught = caught
        self.serial = next(SERIALS)
        if caught:
            interp.loops.append({})

    def ends(self) -> None:
        """The body is left, by its end or an exception."""
        interp = self.fr.interp
        self.may_have_failed = interp.may_raise != self.started
        if self.caught:
            self.stores = interp.leave_loop()


def _or_failed(
    fr: Frame,
    attempt: _Attempt,
    bound: frozenset[str],
    code: int,
    orelse: Stmt | None,
    handlers: list[tuple[str | None, Stmt | None]],
    why: Opaque,
) -> int:
    """A body came to its end here, and something unknown in it may raise in the real run: what its handlers make then
    may be what there is afterwards, with any part of the body done or not."""
    interp = fr.interp
    after, returned = dict(fr.vars), fr.returned
    failed = dict(after)
    for name in bound:
        a, b = after.get(name, MISSING), attempt.before.get(name, MISSING)
        if a is not b and a is not MISSING and b is not MISSING:
            failed[name] = merge_watched(fr, a, b, why)
    results: list[dict[str, Value]] = []
    unsure = False
    interp.handlers += 1
    try:
        for caught, handler in handlers:
            fr.vars.clear()
            fr.vars.update(failed)
            fr.vars["%handled"] = Opaque("an exception", why.line)
            if caught:
                store_name(fr, caught, fr.vars["%handled"])
            left = _under_unknown(fr, handler) if handler is not None else NORMAL
            fr.vars.pop("%handled", None)
            if "%handled" in failed:
                fr.vars["%handled"] = failed["%handled"]
            unsure = unsure or left in (MAYBE, RETURN)
            if left in (NORMAL, MAYBE):
                results.append(dict(fr.vars))
            elif left == RETURN:
                _note_way_out(fr, RETURN, dict(fr.vars), why)
    finally:
        interp.handlers -= 1
    fr.returned = returned
    fr.vars.clear()
    fr.vars.update(after)
    if results and attempt.caught:
        _forget_attempt(attempt, why)
    if orelse is not None and code in (NORMAL, MAYBE):
        code = orelse(fr) if code == NORMAL else unless_left(fr, orelse)
    if code in _WAYS_OUT and results:
        _note_way_out(fr, code, dict(fr.vars), why)
        _install(fr, results.pop())
        code = MAYBE
    for result in results:
        _merge_into(fr, dict(fr.vars), result, why)
    return MAYBE if unsure and code == NORMAL else code


def _forget_attempt(attempt: _Attempt, why: Opaque) -> None:
    """What a body that may have been left in the middle has stored into is unknown."""
    interp = attempt.fr.interp
    interp.loops.append(attempt.stores)
    try:
        _forget_stores(interp, why)
    finally:
        interp.loops.pop()
    for holder in attempt.stores.values():
        if type(holder) is Tensor and holder.serial < attempt.serial:
            operators.spoil(holder, why.reason, why.line)


if hasattr(ast, "TryStar"):
    _BUILDERS[ast.TryStar] = _try


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
    if label in ("lru_cache", "cache") and isinstance(value, Function) and _acts_outside(value.code.node):
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


@_for(ast.FunctionDef)
def _functiondef(node: ast.FunctionDef) -> Stmt:
    make = function_maker(node)
    if not node.decorator_list:
        name = node.name

        def run(fr: Frame) -> int:
            store_name(fr, name, make(fr))
            return NORMAL

        return run
    return _decorated(node, make)


_BUILDERS[ast.AsyncFunctionDef] = _functiondef


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


_WRITERS = frozenset(
    {"setattr", "exec", "eval", "delattr", "globals", "vars", "copyto", "put", "setitem", "iadd"}
)


def _may_change(node: ast.AST) -> bool:
    """Whether code stores into anything but its own names and `self`: read off the tree, names only."""
    return bool(change_roots(node) - {"self"})


def change_roots(node: ast.AST) -> frozenset[str]:
    """Names at the root of what code stores into or calls a writing method of (`x[i] = …`, `x.add_(1)`, `setattr`);
    kept on the node."""
    found: frozenset[str] | None = node.__dict__.get("_pgolf_roots")
    if found is None:
        found = node.__dict__["_pgolf_roots"] = _find_change_roots(node)
    return found


_CHANGING = frozenset({ast.Subscript, ast.Attribute, ast.AugAssign, ast.Global, ast.Nonlocal, ast.Call})


def _find_change_roots(node: ast.AST) -> frozenset[str]:
    roots: set[str] = set()
    for sub in walk(node):
        if type(sub) not in _CHANGING:
            continue
        if isinstance(sub, (ast.Subscript, ast.Attribute)) and not isinstance(sub.ctx, ast.Load):
            roots.add(_root(sub))
        elif isinstance(sub, ast.AugAssign) and isinstance(sub.target, ast.Name):
            roots.add(sub.target.id)
        elif isinstance(sub, (ast.Global, ast.Nonlocal)):
            roots.update(sub.names)
        elif isinstance(sub, ast.Attribute) and sub.attr.endswith("_") and not sub.attr.startswith("__"):
            roots.add(_root(sub))
        elif isinstance(sub, ast.Call):
            f = sub.func
            name = f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""
            if name in _WRITERS:
                roots.update(_root(a) for a in sub.args)
                roots.add(_root(f))
    roots.discard("")
    return frozenset(roots)


_METHODS_THAT_CHANGE = frozenset(
    {
        "append", "appendleft", "extend", "insert", "pop", "popleft", "popitem", "remove", "clear", "update", "setdefault", "add", "discard",
        "sort", "reverse", "write",
    }
)  # fmt: skip


def _acts_outside(node: ast.AST) -> bool:
    """Whether a function changes anything but what it makes itself, so that it matters how often it runs."""
    own = {n.id for n in walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own -= {n.arg for n in walk(node) if isinstance(n, ast.arg)}
    own -= {name for n in walk(node) if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}
    return bool(change_roots(node) - own) or any(
        isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and n.func.attr in _METHODS_THAT_CHANGE
        and _root(n.func) not in own
        for n in walk(node)
    )


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def spoil_reachable(fr: Frame, node: ast.AST, reason: str, line: int) -> None:
    """Code that may or may not run: the arrays (and lists and dicts holding some) that it stores into are unknown."""
    for name in change_roots(node):
        for array in arrays_within(held_by(fr, name)):
            operators.spoil(array, reason, line)


_HOLDING = frozenset({Tensor, list, tuple, set, dict, Instance, Intrinsic, BoundMethod, Cursor, DictView})
_MOST_HELD = 20_000


def _still_held(cursor: Cursor) -> list[Value]:
    """What an iterator has still to give, as far as that is known."""
    try:
        return cursor.seen() if cursor.lost is None else []
    except (Stuck, ScriptRaise):
        return []


def arrays_within(value: Value) -> list[Tensor]:
    """Arrays in a value and in what it holds, at any depth. Raises LimitTripped where it holds too much to look through."""
    kind = type(value)
    if kind is Tensor:
        return [value]
    if kind not in _HOLDING:
        return []
    found: list[Tensor] = []
    waiting: list[Value] = [value]
    seen: set[int] = set()
    while waiting:
        held = waiting.pop()
        kind = type(held)
        if kind is Tensor:
            found.append(held)
            continue
        if id(held) in seen:
            continue
        seen.add(id(held))
        if len(seen) > _MOST_HELD:
            raise LimitTripped("interpreter_cells", _MOST_HELD, "containers inside containers")
        inner: Any
        if kind is Instance:
            inner = held.attributes.values()
        elif kind is dict:
            inner = held.values()
        elif kind in (Intrinsic, BoundMethod):
            inner = (held.receiver,)
        elif kind is Cursor:
            inner = _still_held(held)
        elif kind is DictView:
            inner = (held.source,)
        else:
            inner = held
        if len(inner) < 16 or not _HOLDING.isdisjoint(map(type, inner)):
            waiting.extend(x for x in inner if type(x) in _HOLDING)
    return found


@_for(ast.ClassDef)
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
        if keywords and any(_may_change(n) for n in _metaclass_bodies(fr, node)):
            interp.doubt(
                f"class {node.name} has a metaclass or keywords that may change things",
                node.lineno + fr.offset,
            )
        hook = next((name for name in inner.vars if name in _OWN_RULES), "")
        if hook:
            if hook in _LIBRARY_HOOKS or any(
                _may_change(n) for n in node.body if isinstance(n, ast.FunctionDef) and n.name in _OWN_RULES
            ):
                interp.doubt(f"class {node.name} changes things in {hook}()", node.lineno + fr.offset)
            return Opaque(f"class {node.name}{OWN_HOOKS}{hook}()", node.lineno + fr.offset)
        for member in node.body:
            if isinstance(member, ast.FunctionDef) and _is_unseen(member) and _may_change(member):
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


@_for(ast.Import)
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


@_for(ast.ImportFrom)
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


# ---------------------------------------------------------------------------------------------------------
# match


@_for(ast.Match)
def _match(node: ast.Match) -> Stmt:
    subject = compile_expr(node.subject)
    cases = [
        (_pattern(c.pattern), compile_expr(c.guard) if c.guard is not None else None, compile_block(c.body))
        for c in node.cases
    ]
    line = node.lineno

    def run(fr: Frame) -> int:
        value = subject(fr)
        if fr.interp.built:
            # Which case is taken may hang on the vocabulary; what the others change is noted as left out.
            note_left_out(fr, left_out_names([s for c in node.cases for s in c.body]), line + fr.offset)
        for test, guard, body in cases:
            matched = test(fr, value)
            if isinstance(matched, Opaque):
                raise Stuck(f"match on something unknown: {matched.reason}", line + fr.offset)
            if not matched:
                continue
            if guard is not None:
                truth = fr.interp.truth(guard(fr), line + fr.offset)
                if isinstance(truth, Opaque):
                    raise Stuck(f"match guard is unknown: {truth.reason}", line + fr.offset)
                if not truth:
                    continue
            return body(fr)
        return NORMAL

    return run


Test = Callable[[Frame, Value], Value]


def _pattern(node: ast.pattern) -> Test:
    line = node.lineno if hasattr(node, "lineno") else 0
    if isinstance(node, ast.MatchValue):
        value = compile_expr(node.value)
        return lambda fr, v: operators.compare(fr.interp, "Eq", v, value(fr), line + fr.offset)
    if isinstance(node, ast.MatchSingleton):
        single = node.value
        return lambda fr, v: v if isinstance(v, Opaque) else v is single
    if isinstance(node, ast.MatchAs):
        inner = _pattern(node.pattern) if node.pattern is not None else None
        name = node.name

        def match_as(fr: Frame, v: Value) -> Value:
            matched = True if inner is None else inner(fr, v)
            if matched is True and name is not None:
                store_name(fr, name, v)
            return matched

        return match_as
    if isinstance(node, ast.MatchOr):
        options = [_pattern(p) for p in node.patterns]

        def match_or(fr: Frame, v: Value) -> Value:
            for option in options:
                matched = option(fr, v)
                if isinstance(matched, Opaque) or matched:
                    return matched
            return False

        return match_or
    if isinstance(node, ast.MatchSequence):
        return _sequence_pattern(node, line)
    if isinstance(node, ast.MatchMapping):
        return _mapping_pattern(node)
    assert isinstance(node, ast.MatchClass)  # noqa: S101 - the only kind of pattern that is left
    return _class_pattern(node)


def _all_match(fr: Frame, parts: list[tuple[Test, Value]]) -> Value:
    for part, x in parts:
        matched = part(fr, x)
        if isinstance(matched, Opaque) or not matched:
            return matched
    return True


def _sequence_pattern(node: ast.MatchSequence, line: int) -> Test:
    star = next((i for i, p in enumerate(node.patterns) if isinstance(p, ast.MatchStar)), None)
    rest = node.patterns[star].name if star is not None else None  # type: ignore[attr-defined]
    parts = [_pattern(p) for p in node.patterns if not isinstance(p, ast.MatchStar)]

    def match_sequence(fr: Frame, v: Value) -> Value:
        if isinstance(v, (Opaque, Tensor)):
            return v if isinstance(v, Opaque) else Opaque("an array matched with a sequence", line)
        if (
            not isinstance(v, (list, tuple, range))
            or len(v) < len(parts)
            or (star is None and len(v) > len(parts))
        ):
            return False
        items = list(v)
        if star is not None:
            end = len(items) - (len(parts) - star)
            middle, items = items[star:end], [*items[:star], *items[end:]]
        matched = _all_match(fr, list(zip(parts, items, strict=True)))
        if matched is True and rest is not None:
            store_name(fr, rest, fr.interp.made(middle))
        return matched

    return match_sequence


def _mapping_pattern(node: ast.MatchMapping) -> Test:
    keys, parts, rest = [compile_expr(k) for k in node.keys], [_pattern(p) for p in node.patterns], node.rest

    def match_mapping(fr: Frame, v: Value) -> Value:
        if isinstance(v, Opaque):
            return v
        if not isinstance(v, dict):
            return False
        if any(isinstance(k, Opaque) for k in v):
            return Opaque("a dictionary with unknown keys, matched", node.lineno + fr.offset)
        wanted = [key(fr) for key in keys]
        if any(k not in v for k in wanted):
            return False
        matched = _all_match(fr, [(part, v[k]) for part, k in zip(parts, wanted, strict=True)])
        if matched is True and rest is not None:
            store_name(fr, rest, fr.interp.made({k: x for k, x in v.items() if k not in wanted}))
        return matched

    return match_mapping


_WHOLE = frozenset(
    {"bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"}
)
"""Types whose one positional pattern is matched with the value itself."""


def _class_pattern(node: ast.MatchClass) -> Test:
    cls, positional = compile_expr(node.cls), [_pattern(p) for p in node.patterns]
    named = list(zip(node.kwd_attrs, (_pattern(p) for p in node.kwd_patterns), strict=True))

    def match_class(fr: Frame, v: Value) -> Value:
        from pgolf.untrusted.intrinsics.builtin import is_instance

        at = node.lineno + fr.offset
        kind = cls(fr)
        if not isinstance(kind, (ClassValue, NativeClass)):
            raise Stuck("a pattern of a class that is not known", at)
        same = is_instance(fr.interp, [v, kind], {}, at)
        if same is not True:
            return same
        parts = []
        if isinstance(kind, NativeClass) and kind.name in _WHOLE and len(positional) == 1:
            parts.append((positional[0], v))
        elif positional:
            names = kind.lookup("__match_args__") if isinstance(kind, ClassValue) else MISSING
            fields = kind.lookup("%fields") if isinstance(kind, ClassValue) else MISSING
            if names is MISSING and fields is not MISSING:
                names = tuple(name for name, default in fields if not is_set_late(default))
            if not isinstance(names, tuple) or len(names) < len(positional):
                raise operators.raise_in_script("TypeError", "too many positional patterns", at)
            parts += [
                (p, get_attribute(fr.interp, v, n, at)) for p, n in zip(positional, names, strict=False)
            ]
        for name, part in named:
            found = get_attribute(fr.interp, v, name, at, missing_ok=True)
            if found is MISSING:
                return False
            parts.append((part, found))
        return _all_match(fr, parts)

    return match_class


__all__ = ["Interp", "assigner", "block", "build", "call_method", "either", "make_unknown"]
