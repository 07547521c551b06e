"""Whether several processes together score what one process alone does.

A record is made by eight processes, each with its part of the stream, and a sum over them. The evaluation of a script has one process;
afterwards its eval functions alone are evaluated as each of the eight, and the sums over the processes get what each of
them hands in. The score of the first process must then be one that is canonical on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import scaled
from pgolf.untrusted.interp import Frame, Interp, Observer
from pgolf.untrusted.operators import binary
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    BoundMethod,
    ClassValue,
    Cursor,
    Function,
    Instance,
    Loss,
    OnProcess,
    Scaled,
    ScaledFloat,
    ScaledText,
    ScriptRaise,
    Stuck,
    Value,
)

PROCESSES = (8, 2)
"""How many processes are tried: those of a record, and, where the short stream has too little for so many, two."""
_MOST_HELD = 4_000
_HOLDERS = frozenset({Instance, dict, list})


Sums = Sequence[tuple[list[Value], tuple[int, ...]]]
"""What is handed to sums over processes, in order: elements and shape."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A call of a function that returned scores: of the losses with these weights, in order."""

    function: Function
    args: tuple[Value, ...]
    kwargs: dict[str, Value]
    scores: tuple[Loss, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Together:
    """What the first of several processes returned, or why that is not known."""

    value: Value = None
    why: str = ""
    observer: Observer | None = None


def evaluate_together(
    interp: Interp,
    evaluation: Evaluation,
    observer: Callable[[], Observer],
    processes: int,
    other_sizes: bool = False,
) -> Together:
    """Evaluate a call as each process of a run, the first one last; each is watched by an observer of its own.

    With `other_sizes` the settings that are scaled down have the other of their two sizes.
    """
    kept, parts = interp.observer, dict(interp.world.parts)
    incoming: Sums | None = None
    try:
        for rank in range(processes - 1, -1, -1):
            interp.world.process, interp.observer = (rank, processes), observer()
            interp.world.reduced, interp.world.incoming = [], list(incoming or ()) if rank == 0 else []
            interp.steps_left = interp.limits.evaluation_steps
            interp.cells_left = max(interp.cells_left, interp.limits.interpreter_cells // 2)
            interp.other_sizes = other_sizes
            with_process = _Substitution(interp, rank, processes, parts, other_sizes)
            try:
                args = [with_process.of(v) for v in evaluation.args]
                kwargs = {name: with_process.of(v) for name, v in evaluation.kwargs.items()}
                with_process.frames(evaluation.function)
                value = interp.call_function(evaluation.function, args, kwargs, evaluation.line)
            finally:
                with_process.undo()
            if rank == 0:
                if interp.world.incoming:
                    return Together(why="its first process takes part in fewer sums than the others")
                return Together(value, observer=interp.observer)
            joined = with_one_more(interp, incoming)
            if joined is None:
                return Together(why="its processes take part in different sums")
            incoming = joined
    except (Stuck, ScriptRaise, LimitTripped) as stopped:
        return Together(why=str(stopped))
    finally:
        interp.world.process, interp.observer, interp.other_sizes = None, kept, False
    return Together(why="no process was evaluated")


def with_one_more(interp: Interp, sums: Sums | None) -> Sums | None:
    """What some processes (None: no other yet) and the one just evaluated hand to their sums; None where the sums differ."""
    more = interp.world.reduced
    if sums is None:
        return list(more)
    if [shape for _, shape in sums] != [shape for _, shape in more]:
        return None
    return [
        ([binary(interp, "Add", x, y, 0) for x, y in zip(a, b, strict=True)], shape)
        for (a, shape), (b, _) in zip(sums, more, strict=True)
    ]


class _Substitution:
    """Numbers and truths that depend on the process become those of one process, wherever a function may read them."""

    def __init__(
        self, interp: Interp, rank: int, processes: int, parts: dict[int, Value], other_sizes: bool
    ) -> None:
        self.interp = interp
        self.parts = parts
        self.other_sizes = other_sizes
        self.process = rank, processes
        self.undone: list[tuple[Any, Any, Value]] = []
        self.seen: set[int] = set()

    def of(self, value: Value, depth: int = 0) -> Value:
        """The value on this process; containers change in place."""
        if scaled.differs(value):
            return scaled.exactly(value.on(*self.process))
        kind = type(value)
        if self.other_sizes and (kind is Scaled or kind is ScaledText) and value.other is not None:
            if kind is Scaled:
                return Scaled.of(value.other, value.low, value.high)
            return ScaledText.of(str(value.other), value.low, value.high)
        if self.other_sizes:
            if _made_of_sizes(self.interp, value, depth):
                raise Stuck("it is given what may be made of sizes")
            function = value.function if kind is BoundMethod else value
            if type(function) is Function and function.frame.function is not None:
                self.frames(function)
        if self.parts and (kind is Tensor or kind is list or kind is tuple):
            self._whole(value)
        if kind is OnProcess:
            return bool(value.holds(*self.process))
        if kind is ScaledText and value.on is not None:
            number = value.on(*self.process)
            return ScaledText.of(str(number), number, number)
        if kind is tuple and depth < 3 and len(value) <= 64:
            made = tuple(self.of(v, depth + 1) for v in value)
            return made if any(a is not b for a, b in zip(made, value, strict=True)) else value
        if depth < 4 and kind in _HOLDERS and id(value) not in self.seen:
            if len(self.seen) >= _MOST_HELD:
                raise Stuck("it is given more than is looked through")
            if kind is Instance:
                self._inside(value, value.attributes, depth)
                self._inside(value.cls, value.cls.attributes, depth)
            elif kind is ClassValue:
                self._inside(value, value.attributes, depth)
            elif kind is dict:
                self._inside(value, value, depth)
            else:
                self._list(value, depth)
        return value

    def _list(self, value: list[Value], depth: int) -> None:
        self.seen.add(id(value))
        if len(value) > 400:
            if any(map(scaled.differs, value)):
                raise Stuck("a long list holds numbers that depend on the process")
            return
        for i, old in enumerate(value):
            new = self.of(old, depth + 1)
            if new is not old:
                self.undone.append((value, i, old))
                value[i] = new

    def _whole(self, value: Value) -> None:
        """Tokens or windows that each process has cut out for itself, before the function that is evaluated, are not its own."""
        at = value
        for _ in range(16):
            if at is None:
                return
            if id(at) in self.parts:
                raise Stuck("it is given a part that depends on the process")
            at = (at.base or at.source) if type(at) is Tensor else None

    def frames(self, function: Function) -> None:
        """What the function reads of the functions and the module around it."""
        at: Frame | None = function.frame
        while at is not None:
            self._inside(at, at.vars, 0)
            at = at.parent
        self._inside(function.frame.module, function.frame.module.vars, 0)

    def _inside(self, holder: Any, values: dict[Any, Value], depth: int) -> None:
        if id(holder) in self.seen:
            return
        self.seen.add(id(holder))
        for name, old in list(values.items()):
            new = self.of(old, depth + 1)
            if new is not old:
                self.undone.append((values, name, old))
                values[name] = new

    def undo(self) -> None:
        """Put everything back."""
        for values, name, old in reversed(self.undone):
            values[name] = old


def _made_of_sizes(interp: Interp, value: Value, depth: int, inside: bool = False) -> bool:
    """Whether something that a function may read was made of sizes before, and does not change with them: a list of windows,
    a number that the size of a window went into, an iterator; or holds more than is looked through."""
    kind = type(value)
    if kind in _SCALED:
        return True
    if kind is Tensor:
        return bool(value.data) and type(value.data[0]) in _NUMBERS and not interp.tables.holds(value)
    if kind is dict or kind is Instance:
        return inside or depth >= _DEPTH or (kind is dict and len(value) > _MANY)
    if kind in (list, tuple, set, frozenset, range):
        kinds = set(map(type, value))
        if len(value) > _FEW and not kinds.isdisjoint(_NUMBERS):
            return True
        if kinds.isdisjoint(_SCALED | _INSIDE):
            return False
        return (
            len(value) > _MANY
            or depth >= _DEPTH
            or any(_made_of_sizes(interp, x, depth + 1, True) for x in value)
        )
    return kind is Cursor


_SCALED = frozenset({Scaled, ScaledFloat, ScaledText})
_NUMBERS = frozenset({int, Scaled, ScaledFloat})
_INSIDE = frozenset({list, tuple, set, frozenset, range, Tensor, Cursor, dict, Instance})
_DEPTH, _MANY = 4, 400
_FEW = 8
"""Numbers in a list that may be any setting: windows are more."""


def losses_alike(a: Sequence[Loss], b: Sequence[Loss]) -> bool:
    """Whether two evaluations returned the same scores."""
    return len(a) == len(b) and all(_alike(x, y) for x, y in zip(a, b, strict=True))


def _alike(a: Loss, b: Loss) -> bool:
    return a.weights.keys() == b.weights.keys() and all(
        abs(w - b.weights[p]) <= 1e-9 * abs(w) for p, w in a.weights.items()
    )
