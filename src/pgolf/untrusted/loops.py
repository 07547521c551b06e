"""`for` and `while`: rounds that are followed, and what those that are not may change."""

from __future__ import annotations

import ast

from pgolf.errors import LimitTripped
from pgolf.untrusted import operators
from pgolf.untrusted.assignments import assigner
from pgolf.untrusted.blocks import BUILDERS, builds, unless_left
from pgolf.untrusted.changes import arrays_within, attributes_of, change_roots, root_name, spoil_reachable
from pgolf.untrusted.conditions import (
    RAISED,
    WAYS_OUT,
    after_loop,
    after_round,
    either,
    forget_stores,
    install,
    may_count,
    merge_into,
    note_way_out,
    run_under_unknown,
)
from pgolf.untrusted.expressions import merge
from pgolf.untrusted.interp import (
    BREAK,
    MAYBE,
    NORMAL,
    RETURN,
    Frame,
    Interp,
    Stmt,
    compile_block,
    compile_expr,
    held_by,
    names_bound_by,
    store_name,
)
from pgolf.untrusted.syntax import own_nodes, walk
from pgolf.untrusted.values import MISSING, Function, Instance, Loss, Opaque, Tok, Value


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


_ENDLESS_ROUNDS = 16
"""Rounds of a loop that read no table and met as many unknown conditions: it is taken to go on like that."""
_TRAINING_CALLS = frozenset({"backward", "zero_grad", "zero_grad_all"})


def _is_training(node: ast.While | ast.For) -> bool:
    """Whether a loop's own body does optimiser work; its rounds do not decide any byte table.

    Work done in functions that it calls is counted while they are followed (`Interp.optimiser_calls`). Kept on the node.
    """
    found: bool | None = node.__dict__.get("_pgolf_training")
    if found is None:
        found = any(type(sub) is ast.Attribute and sub.attr in _TRAINING_CALLS for sub in walk(node))
        node.__dict__["_pgolf_training"] = found
    return found


class _Pace:
    """How long a loop has gone on without reading a table, and so whether it is followed further."""

    __slots__ = ("branches", "node", "optimised", "quiet", "reads")

    def __init__(self, interp: Interp, node: ast.While | ast.For) -> None:
        self.node = node
        self.quiet = 0
        self.reads = interp.probe.token_reads
        self.branches = interp.unknown_branches
        self.optimised = interp.optimiser_calls

    def leaves(self, fr: Frame) -> bool:
        """Before each round: whether the loop is left unfinished, after its rounds of training or where its end is unknown.

        Raises LimitTripped when the steps are used up.
        """
        interp = fr.interp
        interp.steps_left -= 1
        if interp.steps_left < 0:
            raise LimitTripped("interpreter_steps", interp.limits.interpreter_steps)
        if interp.probe.token_reads != self.reads:
            self.reads, self.quiet = interp.probe.token_reads, 0
        self.quiet += 1
        if self.quiet > _ENDLESS_ROUNDS and interp.unknown_branches - self.branches > _ENDLESS_ROUNDS:
            line = self.node.lineno + fr.offset
            fr.ambiguous = fr.ambiguous or Opaque("a loop whose end is unknown", line)
            interp.assume("a loop whose end is unknown ends", line)
            return True
        return self.quiet > interp.training_rounds and (
            interp.optimiser_calls - self.optimised >= interp.training_rounds or _is_training(self.node)
        )


@builds(ast.While)
def _while(node: ast.While) -> Stmt:
    test, body, line = compile_expr(node.test), compile_block(node.body), node.lineno
    orelse = compile_block(node.orelse) if node.orelse else None

    def rounds(fr: Frame) -> int:
        interp = fr.interp
        pace = _Pace(interp, node)
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
            if pace.leaves(fr):
                _loop_unknown(fr, node, line)
                return after_loop(fr, known)
            follows = _round(fr, body, known, follows)
            if follows in WAYS_OUT:
                return _leave_loop(fr, known, follows)
        return _end_loop(fr, known, follows, orelse)

    return _as_loop(rounds)


def _round(fr: Frame, body: Stmt, known: int, follows: int) -> int:
    """One round of a loop; `follows` says whether it takes place for sure."""
    if follows == NORMAL:
        return after_round(fr, known, body(fr))
    code = run_under_unknown(fr, body)
    if code == RAISED:
        fr.ambiguous = fr.ambiguous or fr.ways_out[-1].why
    return after_round(fr, known, code if code in WAYS_OUT else MAYBE)


def _leave_loop(fr: Frame, known: int, code: int) -> int:
    """A loop is left by `break` or `return`, where it may have been left by `break` before."""
    broken = [way for way in fr.ways_out[known:] if way.kind == BREAK]
    if code == BREAK or not broken:
        return after_loop(fr, known) if code == BREAK else code
    fr.ways_out[known:] = [way for way in fr.ways_out[known:] if way.kind == RETURN]
    note_way_out(fr, code, fr.vars, broken[0].why)
    install(fr, dict(broken.pop().vars))
    for way in broken:
        merge_into(fr, fr.vars, way.vars, way.why)
    return MAYBE


def _end_loop(fr: Frame, known: int, follows: int, orelse: Stmt | None) -> int:
    """A loop has no more rounds; `follows` says whether that is sure."""
    if orelse is None:
        return after_loop(fr, known)
    if follows == NORMAL:
        return orelse(fr)
    why = fr.ways_out[-1].why
    if unless_left(fr, orelse) in WAYS_OUT:
        fr.ambiguous = fr.ambiguous or why
    return after_loop(fr, known)


def _loop_unknown(fr: Frame, node: ast.While | ast.For, line: int) -> None:
    """A loop was cut short: what its rounds bind and store may be another thing in a later one, and is unknown from here on.

    Objects keep their identity, so do flags that are the same in all rounds that were followed.
    """
    unknown = Opaque("bound in a loop that was followed for its first rounds only", line + fr.offset)
    for name in names_bound_by(node) if fr.interp.forgets else ():
        if may_count(fr.interp, fr.vars.get(name, MISSING)):
            store_name(fr, name, unknown)
    forget_stores(fr.interp, unknown)
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
                held = held_by(fr, root_name(given[name])) if name in given else held_by(function.frame, name)
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
        changed = {root_name(n) for n in walk(node) if type(n) is ast.Attribute and n.attr in _MUTATORS}
        found = node.__dict__["_pgolf_stored_through"] = change_roots(node) | (changed - {""})
    return found


def _forget_tables(interp: Interp, held: Value, place: ast.AST, name: str, unknown: Opaque) -> None:
    """What is as long as a table, in a value or in what it holds, is unknown from here on; `place` stores through `name`."""
    if type(held) is Instance:
        held = [held.attributes.get(attribute) for attribute in attributes_of(place, name)]
    for array in arrays_within(held):
        if len(array.data) >= interp.probe.vocab_size > 0 and type(array.data[0]) is not Tok:
            operators.spoil(array, unknown.reason, unknown.line)
    if isinstance(held, (list, dict, set, bytearray)) and len(held) >= interp.probe.vocab_size > 0:
        operators.spoil(held, unknown.reason, unknown.line)


@builds(ast.For)
def _loop(node: ast.For) -> Stmt:
    source, assign, body, line = (
        compile_expr(node.iter),
        assigner(node.target),
        compile_block(node.body),
        node.lineno,
    )
    orelse = compile_block(node.orelse) if node.orelse else None

    def rounds(fr: Frame) -> int:
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
        pace = _Pace(interp, node)
        for x in items:
            if pace.leaves(fr):
                _loop_unknown(fr, node, line)
                return after_loop(fr, known)
            assign(fr, x)
            follows = _round(fr, body, known, follows)
            if follows in WAYS_OUT:
                return _leave_loop(fr, known, follows)
        if id(span) in interp.world.counts:
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


BUILDERS[ast.AsyncFor] = _loop
