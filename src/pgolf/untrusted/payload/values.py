"""What a wrapper's names can hold while it is followed: known constants, names of the outside world, or `Unknown`.

All of them are plain data of ours; no host object, module or function is ever reachable through them.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False, slots=True)
class Unknown:
    """A value we could not tell, why, and at which line; `text` keeps the literal parts of a string with holes."""

    reason: str
    line: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A module, class or function of the outside world, by its full name. It is a name only; nothing is imported."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Bound:
    owner: Any
    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Function:
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    defaults: tuple[Any, ...] = ()
    keyword_defaults: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Partial:
    function: Any
    args: tuple[Any, ...]
    options: dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class ClassValue:
    name: str
    names: dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Instance:
    kind: ClassValue
    names: dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Code:
    """The result of `compile`: still only text."""

    source: Any
    filename: str
    mode: str


@dataclass(frozen=True, eq=False, slots=True)
class Module:
    name: str
    names: dict[str, Any]
    path: str = ""


@dataclass(frozen=True, slots=True)
class PathValue:
    text: str


@dataclass(frozen=True, slots=True)
class PathParents:
    text: str


@dataclass(eq=False, slots=True)
class File:
    """An open file, or a stream in memory when `path` is empty."""

    path: str
    data: Any
    text: bool
    writable: bool
    position: int = 0
    codec: str = ""
    sought: bool = False
    """Whether a place in it was sought, so that what is written next may not come at its end."""


@dataclass(frozen=True, eq=False, slots=True)
class Decompressor:
    function: str
    options: dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Archive:
    data: bytes
    origin: str


@dataclass(frozen=True, eq=False, slots=True)
class Spec:
    name: str
    path: Any


@dataclass(frozen=True, eq=False, slots=True)
class Cycle:
    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Hash:
    digest: bytes


@dataclass(eq=False, slots=True)
class Scope:
    """One namespace. `names` is the very dict that `globals()` hands out."""

    names: dict[str, Any]
    parent: Scope | None = None
    top: Scope | None = None
    outer_names: set[str] = field(default_factory=set)
    global_names: set[str] = field(default_factory=set)
    is_class: bool = False

    @property
    def module(self) -> Scope:
        return self.top or self


# ----------------------------------------------------------------------------------------------- what is executed


@dataclass(frozen=True, slots=True)
class Step:
    """One decoder applied on the way to a payload."""

    codec: str
    input_bytes: int
    output_bytes: int
    sibling: str | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """Something that is executed: the source as text or bytes, and the circumstances.

    `namespace`: "same" (the script's own globals), "main" (a fresh `__main__`), or "own" (another dict or module);
    `name`: the module's name for "own"; `names`: that namespace's dict; `certain`: False when only one of several
    unknown paths leads here; `how`: the call; `filename`: what the code believes to be its file; `call`: its node.
    """

    source: bytes | str
    how: str
    line: int
    namespace: str
    name: str
    names: dict[str, Any]
    certain: bool
    steps: tuple[Step, ...]
    filename: str
    call: ast.AST
    depth: int
    in_function: bool
    statement: ast.stmt | None


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Something is executed and we cannot tell what. `rule` is a short slug, `text` the literal parts we do know."""

    rule: str
    reason: str
    line: int
    text: str = ""
    confined: bool = False
    certain: bool = True


# ------------------------------------------------------------------------------------------- leaving a statement


class Break(Exception):
    pass


class Continue(Exception):
    pass


class Stop(Exception):
    """The program ends here (`sys.exit`, `raise`)."""


class Return(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


class Uncertain(Exception):
    """A `return`, `break` or `continue` on only some of the unknown paths."""

    def __init__(self, leaves: Sequence[BaseException]) -> None:
        self.leaves = leaves


# ------------------------------------------------------------------------------------------------ asking a value


MISSING: Any = object()


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def is_native(value: Any) -> bool:
    return value is None or isinstance(
        value, (bool, int, float, str, bytes, bytearray, list, tuple, dict, set, range, slice)
    )


def first_unknown(value: Any, depth: int = 0) -> Unknown | None:
    """The first Unknown inside a container, or None when everything in it is known."""
    if isinstance(value, Unknown):
        return value
    if depth > 6:
        return Unknown("a container nested too deep")
    if isinstance(value, (list, tuple, set)):
        for each in value:
            if not isinstance(each, (str, bytes, int)) and (found := first_unknown(each, depth + 1)):
                return found
    elif isinstance(value, dict):
        for key, each in value.items():
            if found := first_unknown(key, depth + 1) or first_unknown(each, depth + 1):
                return found
    return None


def same(left: Any, right: Any) -> bool:
    if left is right:
        return True
    plain = (bool, int, float, str, bytes, type(None), Host, PathValue)
    return type(left) is type(right) and isinstance(left, plain) and left == right


def is_identical(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether two namespaces hold the same objects under the same names in the same order, without comparing values."""
    return (
        len(left) == len(right)
        and all(map(operator.is_, left.values(), right.values()))
        and all(map(operator.eq, left, right))
    )
