"""What code that is not followed may change: names, arrays within values, and all that a function can reach."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import operators
from pgolf.untrusted.interp import Frame, held_by, names_bound_by
from pgolf.untrusted.syntax import walk
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    BoundMethod,
    Cursor,
    DictView,
    Instance,
    Intrinsic,
    ScriptRaise,
    Stuck,
    Value,
)


def attributes_of(node: ast.AST, name: str) -> frozenset[str]:
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
            if held.serial in interp.tables.arrays:
                interp.tables.note_patch(held.serial, line)
            continue
        if kind is Instance:
            held = [held.attributes.get(attribute) for attribute in attributes_of(node, name)]
        elif kind not in _HOLDERS:
            continue
        elif len(held) > 4:
            # Loops over counts of contexts come by here for each byte, with all their counts in hand.
            interp.tables.left_out += 1
            if interp.tables.left_out > 256 and interp.tables.left_out % 16:
                continue
        for array in arrays_within(held):
            if array.serial in interp.tables.arrays:
                interp.tables.note_patch(array.serial, line)


_HOLDERS = frozenset({Tensor, list, tuple, dict})
_WRITERS = frozenset(
    {"setattr", "exec", "eval", "delattr", "globals", "vars", "copyto", "put", "setitem", "iadd"}
)


def may_change(node: ast.AST) -> bool:
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
            roots.add(root_name(sub))
        elif isinstance(sub, ast.AugAssign) and isinstance(sub.target, ast.Name):
            roots.add(sub.target.id)
        elif isinstance(sub, (ast.Global, ast.Nonlocal)):
            roots.update(sub.names)
        elif isinstance(sub, ast.Attribute) and sub.attr.endswith("_") and not sub.attr.startswith("__"):
            roots.add(root_name(sub))
        elif isinstance(sub, ast.Call):
            f = sub.func
            name = f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""
            if name in _WRITERS:
                roots.update(root_name(a) for a in sub.args)
                roots.add(root_name(f))
    roots.discard("")
    return frozenset(roots)


_METHODS_THAT_CHANGE = frozenset(
    {
        "append", "appendleft", "extend", "insert", "pop", "popleft", "popitem", "remove", "clear", "update", "setdefault", "add", "discard",
        "sort", "reverse", "write",
    }
)  # fmt: skip


def acts_outside(node: ast.AST) -> bool:
    """Whether a function changes anything but what it makes itself, so that it matters how often it runs."""
    own = {n.id for n in walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own -= {n.arg for n in walk(node) if isinstance(n, ast.arg)}
    own -= {name for n in walk(node) if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}
    return bool(change_roots(node) - own) or any(
        isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and n.func.attr in _METHODS_THAT_CHANGE
        and root_name(n.func) not in own
        for n in walk(node)
    )


def root_name(node: ast.expr) -> str:
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
