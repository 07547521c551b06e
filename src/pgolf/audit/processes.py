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
    Function,
    Instance,
    Loss,
    OnProcess,
    ScaledText,
    ScriptRaise,
    Stuck,
    Value,
)

PROCESSES = (8, 2)
"""How many processes are tried: those of a record, and, where the short stream has too little for so many, two."""
_MOST_HELD = 4_000


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
    interp: Interp, evaluation: Evaluation, observer: Callable[[], Observer], processes: int
) -> Together:
    """Evaluate a call as each process of a run, the first one last; each is watched by an observer of its own."""
    kept, parts = interp.observer, dict(interp.parts_of_processes)
    incoming: list[tuple[list[Value], tuple[int, ...]]] = []
    try:
        for rank in range(processes - 1, -1, -1):
            interp.process, interp.observer = (rank, processes), observer()
            interp.reduced, interp.incoming = [], list(incoming) if rank == 0 else []
            interp.steps_left = interp.limits.evaluation_steps
            interp.cells_left = max(interp.cells_left, interp.limits.interpreter_cells // 2)
            with_process = _Substitution(rank, processes, parts)
            try:
                args = [with_process.of(v) for v in evaluation.args]
                kwargs = {name: with_process.of(v) for name, v in evaluation.kwargs.items()}
                with_process.frames(evaluation.function)
                value = interp.call_function(evaluation.function, args, kwargs, evaluation.line)
            finally:
                with_process.undo()
            if rank == 0:
                if interp.incoming:
                    return Together(why="its first process takes part in fewer sums than the others")
                return Together(value, observer=interp.observer)
            if rank == processes - 1:
                incoming = interp.reduced
            elif [shape for _, shape in incoming] != [shape for _, shape in interp.reduced]:
                return Together(why="its processes take part in different sums")
            else:
                incoming = [
                    ([binary(interp, "Add", x, y, 0) for x, y in zip(a, b, strict=True)], shape)
                    for (a, shape), (b, _) in zip(incoming, interp.reduced, strict=True)
                ]
    except (Stuck, ScriptRaise, LimitTripped) as stopped:
        return Together(why=str(stopped))
    finally:
        interp.process, interp.observer = None, kept
    return Together(why="no process was evaluated")


class _Substitution:
    """Numbers and truths that depend on the process become those of one process, wherever a function may read them."""

    def __init__(self, rank: int, processes: int, parts: dict[int, Value]) -> None:
        self.parts = parts
        self.process = rank, processes
        self.undone: list[tuple[Any, Any, Value]] = []
        self.seen: set[int] = set()

    def of(self, value: Value, depth: int = 0) -> Value:
        """The value on this process; containers change in place."""
        if scaled.differs(value):
            return scaled.exactly(value.on(*self.process))
        kind = type(value)
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
        if depth < 4 and id(value) not in self.seen and len(self.seen) < _MOST_HELD:
            if kind is Instance:
                self._inside(value, value.attributes, depth)
                self._inside(value.cls, value.cls.attributes, depth)
            elif kind is dict and len(value) <= 400:
                self._inside(value, value, depth)
        return value

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


def losses_alike(a: Sequence[Loss], b: Sequence[Loss]) -> bool:
    """Whether two evaluations returned the same scores."""
    return len(a) == len(b) and all(_alike(x, y) for x, y in zip(a, b, strict=True))


def _alike(a: Loss, b: Loss) -> bool:
    return a.weights.keys() == b.weights.keys() and all(
        abs(w - b.weights[p]) <= 1e-9 * abs(w) for p, w in a.weights.items()
    )
