"""Python's exceptions: which is a kind of which, and what their classes make."""

from __future__ import annotations

import builtins
from typing import Any

from pgolf.untrusted.values import ExceptionValue, NativeClass, Value

_CLASSES = {
    name: cls
    for name, cls in vars(builtins).items()
    if isinstance(cls, type) and issubclass(cls, BaseException) and not issubclass(cls, BaseExceptionGroup)
}
EXCEPTION_PARENTS: dict[str, str | None] = {
    name: cls.__base__.__name__ if cls is not BaseException and cls.__base__ is not None else None
    for name, cls in _CLASSES.items()
    if name == cls.__name__
}
"""The class above each of Python's exceptions."""
EXCEPTION_ALIASES = {name: cls.__name__ for name, cls in _CLASSES.items() if name != cls.__name__}
"""Second names of the same classes: `IOError`."""


def is_kind_of(name: str, wanted: str) -> bool:
    """Whether Python's exception `name` is caught by `except wanted`."""
    seen: str | None = name
    while seen is not None:
        if seen == wanted:
            return True
        seen = EXCEPTION_PARENTS.get(seen)
    return False


def exception_class(name: str) -> NativeClass:
    """The class of that name; `OSError(2, …)` is a `FileNotFoundError`."""

    def make(interp: Any, args: list[Value], kwargs: dict[str, Value], line: int) -> Value:
        kind = name
        if name == "OSError" and len(args) > 1 and type(args[0]) is int:
            kind = type(OSError(args[0], "")).__name__
        return ExceptionValue(kind, tuple(args))

    return NativeClass(name, make)
