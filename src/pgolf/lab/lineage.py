"""The lineage of experiments as a tree of text lines: who builds on whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pgolf.lab.store.experiments import LineageRow


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One experiment in the tree: the branch drawn before its id, and how many of its descendants are left out."""

    branch: str
    id: str
    hidden_children: int


def select(rows: Iterable[LineageRow], most: int) -> set[str]:
    """At most `most` ids worth a screen: running and registered first, then the latest changed, with ancestors.

    An experiment is chosen only when its whole line of ancestors fits too.
    """
    listed = list(rows)
    parents = {row.id: row.parent for row in listed}
    order = sorted(listed, key=lambda row: row.updated_at, reverse=True)
    order.sort(key=lambda row: {"running": 0, "registered": 1}.get(row.status, 2))
    chosen: set[str] = set()
    for row in order[: most * 20]:
        line = [name for name in ancestry(row.id, parents) if name not in chosen]
        if len(chosen) + len(line) <= most:
            chosen.update(line)
        if len(chosen) == most:
            break
    return chosen


def ancestry(experiment_id: str, parents: Mapping[str, str | None]) -> list[str]:
    """The experiment and its ancestors; a parent is older, so this ends, and a damaged loop is cut."""
    line: list[str] = []
    seen: set[str] = set()
    name: str | None = experiment_id
    while name is not None and name in parents and name not in seen:
        seen.add(name)
        line.append(name)
        name = parents[name]
    return line


def draw(rows: Iterable[LineageRow], shown: Collection[str] | None = None) -> Iterator[TreeLine]:
    """The forest, roots first, oldest child first; only ids in `shown` (None: all). Not recursive: depth is free."""
    listed = list(rows)
    known = {row.id for row in listed}
    children: dict[str | None, list[str]] = {}
    for row in listed:
        children.setdefault(row.parent if row.parent in known else None, []).append(row.id)
    visible = known if shown is None else set(shown)
    pending = [(name, "", "") for name in reversed(children.get(None, ())) if name in visible]
    while pending:
        name, branch, indent = pending.pop()
        below = children.get(name, ())
        inside = [child for child in below if child in visible]
        yield TreeLine(branch, name, len(below) - len(inside))
        for index, child in reversed(list(enumerate(inside))):
            last = index == len(inside) - 1
            pending.append((child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))
