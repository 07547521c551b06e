"""Under an unknown condition: both ways are followed, and what they leave behind is merged or unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pgolf.untrusted import operators
from pgolf.untrusted.changes import arrays_within
from pgolf.untrusted.expressions import merge, merge_watched
from pgolf.untrusted.interp import BREAK, CONTINUE, MAYBE, NORMAL, RETURN, Frame, Interp, Stmt, WayOut
from pgolf.untrusted.tensor import SERIALS, Tensor
from pgolf.untrusted.values import (
    MISSING,
    Function,
    Opaque,
    Scaled,
    ScaledFloat,
    ScriptRaise,
    Stuck,
    Tok,
    Value,
)

WAYS_OUT = frozenset({RETURN, BREAK, CONTINUE})


def note_way_out(fr: Frame, kind: int, variables: dict[str, Value], why: Opaque) -> None:
    """Remember what a frame held where it may have been left."""
    fr.interp.cells(len(variables))
    fr.ways_out.append(WayOut(kind, fr, variables, why))
    fr.returned = None


def either(fr: Frame, body: Stmt, orelse: Stmt | None, why: Opaque) -> int:
    """Follow both branches of an unknown condition and keep only what they agree on."""
    before = dict(fr.vars)
    code_a = run_under_unknown(fr, body)
    after_a, returned_a = fr.vars, fr.returned
    if orelse is None:
        after_b, code_b = before, NORMAL
    else:
        fr.vars = _reset(fr, after_a, before)
        code_b = run_under_unknown(fr, orelse)
        after_b = fr.vars
        fr.vars = after_a
    if code_a == RAISED and code_b != RAISED:
        install(fr, after_b)
        return code_b
    if code_a in WAYS_OUT:
        returned_b, fr.returned = fr.returned, returned_a
        note_way_out(fr, code_a, after_a, why)
        install(fr, after_b)
        if code_b in WAYS_OUT:
            fr.returned = returned_b
            return code_b
        return MAYBE
    if code_b in WAYS_OUT:
        note_way_out(fr, code_b, after_b, why)
        return MAYBE
    if code_b != RAISED:
        merge_into(fr, after_a, after_b, why)
    return MAYBE if MAYBE in (code_a, code_b) else NORMAL


def merge_into(fr: Frame, a: dict[str, Value], b: dict[str, Value], why: Opaque) -> None:
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
    install(fr, merged)


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
        note_way_out(fr, code, fr.vars, skipped[0].why)
        install(fr, dict(skipped.pop().vars))
    for way in skipped:
        merge_into(fr, fr.vars, way.vars, way.why)
    return MAYBE if len(fr.ways_out) > known else NORMAL


def after_loop(fr: Frame, known: int) -> int:
    """The end of a loop that may have been left before: by `break`, to what follows it, or by `return`."""
    broken = [way for way in fr.ways_out[known:] if way.kind != RETURN]
    fr.ways_out[known:] = [way for way in fr.ways_out[known:] if way.kind == RETURN]
    for way in broken:
        merge_into(fr, fr.vars, way.vars, way.why)
    return MAYBE if len(fr.ways_out) > known else NORMAL


RAISED = 9


def _reset(fr: Frame, current: dict[str, Value], before: dict[str, Value]) -> dict[str, Value]:
    if current is fr.module.vars:
        # The module's dictionary keeps its identity.
        copy = dict(current)
        current.clear()
        current.update(before)
        fr.vars = copy
        return current
    return dict(before)


def install(fr: Frame, variables: dict[str, Value]) -> None:
    if fr.vars is variables:
        return
    fr.vars.clear()
    fr.vars.update(variables)


def run_under_unknown(fr: Frame, body: Stmt) -> int:
    try:
        code: int = under_unknown(fr, body)
    except ScriptRaise:
        fr.interp.may_raise += 1
        return RAISED
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
        run_under_unknown(fr, body)
        forget_stores(
            interp, Opaque("stored by an expression that runs an unknown number of times", line + fr.offset)
        )
    except Stuck:
        followed = False
    finally:
        interp.perhaps -= 1
        interp.leave_loop()
    return followed


def forget_stores(interp: Interp, unknown: Opaque) -> None:
    """What the innermost loop stored into is unknown from here on, where a score may depend on it."""
    if not interp.forgets:
        return
    for (_, name), holder in list(interp.loops[-1].items()):
        if type(holder) is Tensor:
            if may_count(interp, holder):
                operators.spoil(holder, unknown.reason, unknown.line)
        elif isinstance(holder, dict):
            for key in [name] if name else list(holder):
                if may_count(interp, holder.get(key)):
                    holder[key] = unknown
            # A loader whose place in the tokens is lost gives other tokens than it would have given.
            interp.forgot_tokens = interp.forgot_tokens or any(map(holds_tokens, holder.values()))
        elif isinstance(holder, list):
            holder[:] = [unknown if may_count(interp, x) else x for x in holder]


def holds_tokens(value: Value) -> bool:
    return type(value) is Tensor and bool(value.data) and type(value.data[0]) is Tok


_COUNTED = frozenset({int, float, str, Scaled, ScaledFloat})


def may_count(interp: Interp, value: Value) -> bool:
    """Whether a value may decide a score: a number or text, tokens, an array as long as a table, or what holds such an array."""
    kind = type(value)
    if kind is Tensor:
        if Tok in map(type, value.data):
            interp.forgot_tokens = True
            return True
        return len(value.data) >= interp.probe.vocab_size > 0
    if kind is tuple or kind is list or kind is dict:
        return any(may_count(interp, array) for array in arrays_within(value))
    return kind in _COUNTED
