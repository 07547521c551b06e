"""Code of a script that something not followed may call: methods of its classes, and functions that it gives away.

A library calls `forward`, `run`, `write` or `__getitem__` of an object it was given, and a callback when it likes. What such code was not
seen to do while the script was evaluated, it may still do: where it stores into a byte table through a name that is not its own,
the table of the real run is not known.
"""

from __future__ import annotations

import ast
from typing import Any

from pgolf.untrusted.changes import arrays_within, change_roots
from pgolf.untrusted.interp import Frame, Interp, assigned_names, held_by
from pgolf.untrusted.program import Program
from pgolf.untrusted.source import chunk_nodes, chunk_words
from pgolf.untrusted.syntax import own_nodes, parameters, walk
from pgolf.untrusted.values import MISSING, Function, Intrinsic, Opaque

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MOST_CALLS = 200


def may_change_tables(program: Program, entered: set[int]) -> str:
    """Why code that was handed on might change a table that a builder returned, or ''.

    `entered`: identities of the code of functions that were evaluated; what they change was seen.
    """
    interp = program.interp
    if not interp.tables.arrays:
        return ""
    seen: set[int] = set()
    for function in interp.handed.values():
        if id(function.code) not in entered:
            name = _changed(interp, function.frame, function.code.node, seen, 0)
            if name:
                line = function.code.line + function.frame.offset
                return (
                    f"line {line}: {function.name} may be called by what is not followed, and changes {name}"
                )
    return _in_unread_code(program)


def _in_unread_code(program: Program) -> str:
    """The same for classes and functions that mention nothing of bytes and scores and were never needed."""
    for source, module in program.evaluated:
        held = {
            name
            for name, value in list(module.vars.items())
            if any(program.interp.tables.holds(array) for array in arrays_within(value))
        }
        if not held:
            continue
        for chunk in source.chunks:
            bound = module.vars.get(chunk.name, MISSING)
            if (
                not chunk.kind
                or not isinstance(bound, (Opaque, Intrinsic))
                or held.isdisjoint(chunk_words(chunk))
            ):
                continue
            for node in chunk_nodes(chunk) or ():
                for inner in walk(node):
                    if isinstance(inner, _DEFINITIONS) and not held.isdisjoint(_outside(inner)[0]):
                        line = chunk.first_line
                        return f"line {line}: {chunk.name} may be called by what is not followed, and changes a table"
    return ""


def _changed(interp: Interp, frame: Frame, node: ast.AST, seen: set[int], depth: int) -> str:
    """The name through which a function, or one that it calls by name, would change a table that a builder returned."""
    if id(node) in seen:
        return ""
    seen.add(id(node))
    changed, called = _outside(node)
    for name in changed:
        if any(interp.tables.holds(array) for array in arrays_within(held_by(frame, name))):
            return name
    if len(seen) > _MOST_CALLS or depth > 20:
        return ""
    for name in called:
        value = held_by(frame, name)
        if type(value) is Function:
            found = _changed(interp, value.frame, value.code.node, seen, depth + 1)
            if found:
                return found
    return ""


def _outside(node: Any) -> tuple[frozenset[str], frozenset[str]]:
    """Names from outside a function that it changes something through, and those that it calls; kept on the node."""
    found: tuple[frozenset[str], frozenset[str]] | None = node.__dict__.get("_pgolf_outside")
    if found is None:
        body = node.body if isinstance(node.body, list) else [node.body]
        own = {a.arg for a in parameters(node)} | assigned_names(body)
        for n in own_nodes(body):
            if isinstance(n, (ast.Global, ast.Nonlocal)):
                own.difference_update(n.names)
        changed = frozenset(name for part in body for name in change_roots(part)) - own
        called = frozenset(
            n.func.id
            for part in body
            for n in walk(part)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        )
        found = node.__dict__["_pgolf_outside"] = (changed, called - own)
    return found
