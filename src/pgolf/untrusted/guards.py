"""`with` and `try`: what is entered and left, raised and caught."""

from __future__ import annotations

import ast

from pgolf.untrusted import operators
from pgolf.untrusted.assignments import assigner
from pgolf.untrusted.blocks import BUILDERS, builds, leaves_by, unless_left
from pgolf.untrusted.changes import may_change, spoil_reachable
from pgolf.untrusted.conditions import (
    WAYS_OUT,
    forget_stores,
    install,
    merge_into,
    note_way_out,
    run_under_unknown,
)
from pgolf.untrusted.expressions import merge_watched
from pgolf.untrusted.interp import (
    MAYBE,
    NORMAL,
    RETURN,
    Frame,
    Interp,
    Stmt,
    assigned_names,
    compile_block,
    compile_expr,
    names_bound_by,
    store_name,
)
from pgolf.untrusted.objects import exception_matches, get_attribute
from pgolf.untrusted.syntax import walk, walk_all
from pgolf.untrusted.tensor import SERIALS, Tensor
from pgolf.untrusted.values import (
    MISSING,
    Function,
    Instance,
    NativeObject,
    Opaque,
    ScriptRaise,
    Stuck,
    Value,
)


@builds(ast.With)
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


BUILDERS[ast.AsyncWith] = _with


_RAISING = frozenset({ast.Call, ast.Subscript, ast.Import, ast.ImportFrom})


def _may_skip(fr: Frame, node: ast.Try, kinds: list[int], code: int) -> int:
    """A handler that leaves the round may run, from anywhere in the body of its `try`."""
    why = Opaque("a handler that may skip a round", node.lineno + fr.offset)
    held = dict(fr.vars)
    for name in assigned_names([*node.body, *(n for h in node.handlers for n in h.body)]):
        held[name] = why
    returned = fr.returned
    for kind in kinds:
        note_way_out(fr, kind, held, why)
    fr.returned = returned
    return code or MAYBE


@builds(ast.Try)
def _try(node: ast.Try) -> Stmt:
    body = compile_block(node.body)
    handlers = [
        (compile_expr(h.type) if h.type is not None else None, h.name, compile_block(h.body))
        for h in node.handlers
    ]
    orelse = compile_block(node.orelse) if node.orelse else None
    final = compile_block(node.finalbody) if node.finalbody else None
    unseen_handlers: list[ast.ExceptHandler] | None = None
    skips = sorted({kind for h in node.handlers for n in h.body for kind in leaves_by(n)} - {RETURN})
    bound_finally = assigned_names(node.finalbody)

    def unseen_changes(surprised: bool) -> list[ast.ExceptHandler]:
        nonlocal unseen_handlers
        if surprised:
            return [h for h in node.handlers if may_change(h)]
        if unseen_handlers is None:
            unseen_handlers = [h for h in node.handlers if may_change(h)]
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
            left = run_under_unknown(fr, handler) if handler is not None else NORMAL
            fr.vars.pop("%handled", None)
            if "%handled" in failed:
                fr.vars["%handled"] = failed["%handled"]
            unsure = unsure or left in (MAYBE, RETURN)
            if left in (NORMAL, MAYBE):
                results.append(dict(fr.vars))
            elif left == RETURN:
                note_way_out(fr, RETURN, dict(fr.vars), why)
    finally:
        interp.handlers -= 1
    fr.returned = returned
    fr.vars.clear()
    fr.vars.update(after)
    if results and attempt.caught:
        _forget_attempt(attempt, why)
    if orelse is not None and code in (NORMAL, MAYBE):
        code = orelse(fr) if code == NORMAL else unless_left(fr, orelse)
    if code in WAYS_OUT and results:
        note_way_out(fr, code, dict(fr.vars), why)
        install(fr, results.pop())
        code = MAYBE
    for result in results:
        merge_into(fr, dict(fr.vars), result, why)
    return MAYBE if unsure and code == NORMAL else code


def _forget_attempt(attempt: _Attempt, why: Opaque) -> None:
    """What a body that may have been left in the middle has stored into is unknown."""
    interp = attempt.fr.interp
    interp.loops.append(attempt.stores)
    try:
        forget_stores(interp, why)
    finally:
        interp.loops.pop()
    for holder in attempt.stores.values():
        if type(holder) is Tensor and holder.serial < attempt.serial:
            operators.spoil(holder, why.reason, why.line)


if hasattr(ast, "TryStar"):
    BUILDERS[ast.TryStar] = _try
