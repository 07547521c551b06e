"""Walking syntax trees quickly: which fields of each node kind hold nodes is looked up once, not for every node.

Contexts (`Load`, `Store`) and operators are left out: they are told from their parents' fields.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
# Fields that hold identifiers, plain values, contexts or operators.
_LEAF_FIELDS = frozenset(
    {
        "ctx", "op", "ops", "id", "attr", "arg", "name", "asname", "names", "module", "level", "n", "s", "kind", "conversion",
        "type_comment", "simple", "is_async", "kwd_attrs", "rest", "tag", "type_ignores",
    }
)  # fmt: skip
_KEPT: dict[str, frozenset[str]] = {
    "Import": frozenset({"names"}), "ImportFrom": frozenset({"names"}), "TypeAlias": frozenset({"name"}),
}  # fmt: skip
_MAY_HOLD_NONE = frozenset({"keys", "kw_defaults"})


def _child_fields(kind: type) -> tuple[str, ...]:
    if kind in (ast.Constant, ast.MatchSingleton):
        return ()  # `value` is no node there
    fields: tuple[str, ...] = getattr(kind, "_fields", ())
    kept = _KEPT.get(kind.__name__, frozenset())
    return tuple(name for name in fields if name not in _LEAF_FIELDS or name in kept)


class _Fields(dict[type, tuple[str, ...]]):
    def __missing__(self, kind: type) -> tuple[str, ...]:
        found = self[kind] = _child_fields(kind)
        return found


_FIELDS = _Fields()


def walk(root: ast.AST) -> list[Any]:
    """All nodes below and including `root`, breadth first as in `ast.walk`."""
    return walk_all([root])


def walk_all(roots: list[Any]) -> list[Any]:
    """All nodes below and including each of `roots`."""
    found = list(roots)
    fields = _FIELDS
    for node in found:  # grows while it is walked
        for name in fields[type(node)]:
            value = getattr(node, name, None)
            if value is None:
                continue
            if type(value) is list:
                found += value if name not in _MAY_HOLD_NONE else filter(None, value)
            else:
                found.append(value)
    return found


def own_nodes(body: list[Any]) -> list[Any]:
    """Nodes of a function body; of nested functions and classes only the node itself."""
    return nodes_outside(_SCOPES, body)


def nodes_outside(kinds: tuple[type, ...], roots: list[Any]) -> list[Any]:
    """All nodes below and including `roots`; of nodes of these kinds only the node itself."""
    found = list(roots)
    fields = _FIELDS
    for node in found:
        kind = type(node)
        if kind in kinds:
            continue
        for name in fields[kind]:
            value = getattr(node, name, None)
            if value is None:
                continue
            if type(value) is list:
                found += value if name not in _MAY_HOLD_NONE else filter(None, value)
            else:
                found.append(value)
    return found


def parameters(node: Any) -> list[ast.arg]:
    """All parameters of a function or lambda, in order; none of any other node."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return []
    a = node.args
    return [*a.posonlyargs, *a.args, *a.kwonlyargs, *(x for x in (a.vararg, a.kwarg) if x is not None)]


def child_nodes(node: Any) -> list[Any]:
    """The nodes right below one."""
    found: list[Any] = []
    for name in _FIELDS[type(node)]:
        value = getattr(node, name, None)
        if type(value) is list:
            found += filter(None, value)
        elif value is not None:
            found.append(value)
    return found


def names_bound(roots: Sequence[ast.AST]) -> set[str]:
    """Names that code below `roots` may bind, functions inside it included."""
    found: set[str | None] = set()
    for node in walk_all(list(roots)):
        kind = type(node)
        if kind in (ast.MatchAs, ast.MatchStar):
            found.add(node.name)
        elif kind is ast.MatchMapping:
            found.add(node.rest)
        elif kind is ast.Name:
            if type(node.ctx) is ast.Store:
                found.add(node.id)
        elif kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler):
            found.add(node.name)
        elif kind is ast.alias:
            found.add(node.asname or node.name.partition(".")[0])
    return {name for name in found if name is not None}
