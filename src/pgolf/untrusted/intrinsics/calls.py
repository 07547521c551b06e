"""How a modelled function or method is called, and the questions that all of them ask about their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Intrinsic, Module, NativeObject, Opaque, Stuck, UnknownItems, Value, unsure

Args = list[Value]
Kwargs = dict[str, Value]
Method = Callable[[Interp, Any, Args, Kwargs, int], Value]


def first_unknown(values: list[Value]) -> Opaque | None:
    for v in values:
        if isinstance(v, Opaque):
            return unsure(v)
    return None


def scalar(value: Value) -> Value:
    """The element of a one-element array, or the value itself."""
    if isinstance(value, Tensor) and len(value.data) == 1:
        return value.data[0]
    return value


def text_room(interp: Interp, n: int) -> None:
    if n > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars)
    interp.cells(n >> 3)


def items_of(interp: Interp, value: Value, line: int) -> list[Value]:
    """All items of an iterable. Raises Stuck for an unknown one."""
    source = interp.iterate(value, line)
    if isinstance(source, Opaque):
        raise Stuck(f"iteration over something unknown: {source.reason}", source.line or line)
    out: list[Value] = []
    for x in source:
        interp.cells(1)
        interp.step()
        out.append(x)
    return out


def of_items(
    function: Call,
) -> Call:
    """A function that goes through all of an iterator: unknown items make an unknown value."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        try:
            return function(interp, args, kwargs, line)
        except UnknownItems as unknown:
            return unknown.value

    return run


def array_room(interp: Interp, n: int) -> None:
    interp.cells(n)
    if n > interp.limits.interpreter_cells:
        raise LimitTripped("interpreter_cells", interp.limits.interpreter_cells)


Call = Callable[[Interp, Args, Kwargs, int], Value]

NativeMethod = Callable[[Interp, NativeObject, Args, Kwargs, int], Value]


def none(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    return None


def unknown(reason: str, origin: str = "config") -> Call:
    return lambda interp, args, kwargs, line: Opaque(reason, line, origin)


def functions(module: Module, table: dict[str, Call]) -> Module:
    module.attributes.update({name: Intrinsic(f"{module.name}.{name}", f) for name, f in table.items()})
    return module
