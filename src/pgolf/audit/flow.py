"""The order in which a script scores validation targets and takes optimiser steps on them.

Recorded while the script is evaluated: whenever losses of targets are computed, the recorder says which of them an
optimiser step had used before, and the losses carry that to the score (`Loss.late`). A step counts when `backward` was
called on a loss of stream targets and some `step()`, or a write into parameters, followed.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from pgolf.core.token_flow import LateKind, LateScore, TokenFlow
from pgolf.untrusted.syntax import walk
from pgolf.untrusted.values import Opaque

FIRST, FITTED, AFTER_SCORE, MAYBE = 1, 2, 4, 8
"""How a target was used before its loss was computed; bits of `Loss.late`."""
_KINDS = (
    (FIRST, LateKind.TRAINED_FIRST),
    (FITTED, LateKind.FITTED),
    (AFTER_SCORE, LateKind.RESCORED),
)
WHOLE = 0.9
"""Share of the stream from which on steps count as having gone over all of it."""
_MAX_SCORES = 200
_MAX_STEPS = 64
"""Steps whose surroundings are looked at: each looks through a whole function."""
_LATEST = 32


def own_parameters(node: ast.AST | None) -> int:
    """Whether a function makes its own tensors to fit (`requires_grad=True`): 0 none, 1 some, 2 one for a whole batch
    (their first size is the literal 1). Kept on the node."""
    if node is None:
        return 0
    found: int | None = node.__dict__.get("_pgolf_parameters")
    if found is None:
        made = [
            call
            for call in walk(node)
            if isinstance(call, ast.Call)
            and any(
                k.arg == "requires_grad" and isinstance(k.value, ast.Constant) and k.value.value is True
                for k in call.keywords
            )
        ]
        firsts = [call.args[0] for call in made if call.args]
        one = [a for a in firsts if isinstance(a, ast.Constant) and a.value == 1]
        found = 0 if not made else 2 if len(one) == len(made) else 1
        node.__dict__["_pgolf_parameters"] = found
    return found


_PRINTERS = re.compile(r"print|log|info|write", re.IGNORECASE)
_LINES_BEFORE, _LINES_AFTER = 40, 12
_MAX_TEXTS = 16


def printed_texts(node: ast.AST | None, line: int) -> tuple[str, ...]:
    """Literal texts of the calls that print near a line of a function, long enough to be told from others."""
    found: list[str] = []
    for call in walk(node) if node is not None else ():
        if not isinstance(call, ast.Call) or not -_LINES_BEFORE <= call.lineno - line <= _LINES_AFTER:
            continue
        f = call.func
        name = f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""
        if _PRINTERS.search(name) is None:
            continue
        texts = [c.value for c in walk(call) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
        found += [text.strip("\n")[:60] for text in texts if sum(ch.isalpha() for ch in text) >= 5]
    return tuple(dict.fromkeys(found))[:_MAX_TEXTS]


class ScoredAgain(Opaque):
    """The result of an evaluation that was followed once and is called again."""

    __slots__ = ()


@dataclass(slots=True)
class _Activation:
    """One call that is under way: losses computed in it (calls of a loss of which a part was differentiated left
    out), the latest such calls, and the targets that steps in it used."""

    name: str
    depth: int
    node: ast.AST | None
    before: dict[int, int]
    """What had been used when it began."""
    offset: int = 0
    models: tuple[Opaque, ...] = ()
    """What it was given that may be a model."""
    adapted: bool = False
    """Whether one of them had taken steps on scored targets when it began."""
    computed: dict[int, int] = field(default_factory=dict)
    latest: list[list[int]] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    spares: bool = False
    """Whether its steps leave out targets that are new: a fit on the context of what is scored."""
    trains: bool = False
    """Whether optimiser steps without validation tokens ran in it: it holds the training itself."""
    unseen: bool = False
    """Whether a score was computed in it that was not followed again."""


@dataclass(slots=True)
class _Scored:
    function: str
    line: int
    targets: int
    late: dict[int, int]
    adapted: bool


class FlowRecorder:
    """Follows one evaluation of one script."""

    def __init__(self, stream_length: int) -> None:
        self.targets = max(1, stream_length - 1)
        self.stack: list[_Activation] = []
        self.used: dict[int, int] = {}
        """Bits by target, replaced at each step (losses keep references to parts of it)."""
        self.steps: dict[tuple[int, int], tuple[str, int]] = {}
        """By target and bit: function and line of the first step that used it so."""
        self.pending: dict[int, int] = {}
        self.elsewhere = False
        """Whether `backward` was called on a loss of other tokens and no step followed yet."""
        self.shared = False
        """Whether what is fitted is made for a whole batch."""
        self.adapted: dict[int, Opaque] = {}
        """By identity: models that were in the hands of functions which took steps on scored targets."""
        self.scores: list[_Scored | None] = []
        """Evaluations in order; None where one was printed that could not be followed."""
        self.crowded = False
        """Whether there were more evaluations than are kept."""
        self.known: dict[int, frozenset[int]] = {}
        """By function: the targets that its first evaluation scored."""
        self.labels: dict[str, None] = {}
        """What was printed in front of losses and bits per byte, the latest last."""
        self.prints: dict[tuple[str, int], tuple[str, ...]] = {}
        """By step: what the code around it prints."""
        self.ordered: dict[tuple[str, int], bool] = {}
        """By step: whether all the targets it ever used had their score."""

    # -- calls ---------------------------------------------------------------------------------------

    def enter(
        self,
        name: str,
        depth: int,
        node: ast.AST | None = None,
        models: tuple[Opaque, ...] = (),
        offset: int = 0,
    ) -> None:
        """A function is called. `offset`: lines of the file before the piece of source that `node` belongs to."""
        self.unwind(depth)
        self.stack.append(_Activation(name, depth, node, self.used, offset, models, self._adapted(models)))

    def _adapted(self, models: tuple[Opaque, ...]) -> bool:
        return any(id(model) in self.adapted for model in models)

    def leave(self, depth: int, evaluation: bool = False) -> bool:
        """A call made at this depth has returned: what it computed, its caller computed.

        Not so for an evaluation, which has its own score: what its caller does next is no part of it. And what it
        fitted for its own windows does not outlive it; steps on targets that it had scored may. Returns whether it was
        given a model that had taken such steps.
        """
        self.unwind(depth + 1)
        if not self.stack or self.stack[-1].depth != depth:
            return False
        done = self.stack.pop()
        if self.stack:
            caller = self.stack[-1]
            caller.trains |= done.trains
            if evaluation:
                if done.used:
                    kept = dict(done.before)
                    for position in done.used:
                        if self.used.get(position, 0) & AFTER_SCORE:
                            kept[position] = kept.get(position, 0) | AFTER_SCORE
                    self.used = kept
                return done.adapted
            for position, count in done.computed.items():
                caller.computed[position] = caller.computed.get(position, 0) + count
            caller.latest = [*caller.latest, *done.latest][-_LATEST:]
        return done.adapted

    def unwind(self, depth: int) -> None:
        """Drop calls that ended without returning (exceptions, generators)."""
        while self.stack and self.stack[-1].depth >= depth:
            self.stack.pop()

    # -- losses and steps ----------------------------------------------------------------------------

    def computed(self, positions: list[int]) -> dict[int, int] | None:
        """Losses of these targets were computed: those that steps had used before, with how."""
        if self.stack:
            call = self.stack[-1]
            counts = call.computed
            for p in positions:
                counts[p] = counts.get(p, 0) + 1
            call.latest.append(positions)
            del call.latest[:-_LATEST]
        if not self.used:
            return None
        late = {p: self._bits(p) for p in positions if p in self.used}
        return late or None

    def _bits(self, position: int) -> int:
        bits = self.used[position]
        for call in reversed(self.stack):
            if position not in call.used:
                continue
            # The innermost call under way in which the target was used: its own steps, or those of what it called.
            alternates = call is self.stack[-1] and len(self.stack) > 1
            if not call.trains and bits != MAYBE and (alternates or len(call.used) < WHOLE * self.targets):
                # Of a batch of overlapping windows, one's context is another's target: that matters where one
                # parameter serves all of them.
                fitted = MAYBE if self._spares() and not self.shared else FITTED
                return fitted | call.before.get(position, 0)
            break
        return bits

    def _spares(self) -> bool:
        return any(call.spares for call in self.stack)

    def differentiated(self, positions: dict[int, bool], certain: bool) -> None:
        """`backward` was called on a loss of these targets (True: it surely depends on the target), or of other tokens."""
        self.elsewhere |= not positions
        for position, sure in positions.items():
            self.pending[position] = self.pending.get(position, 0) | (1 if sure and certain else 2)
        # What was computed in one call with a differentiated loss was computed for the step, not for a score. It may have
        # been computed in a caller of the function that differentiates it (a closure).
        rest = set(positions)
        for call in reversed(self.stack):
            for batch in call.latest[::-1] if rest else ():
                if rest.isdisjoint(batch):
                    continue
                rest.difference_update(batch)
                call.latest.remove(batch)
                for position in batch:
                    call.computed[position] -= 1
                call.spares |= any(
                    p not in positions and call.computed[p] <= 0 and p not in call.used for p in batch
                )

    def stepped(self, line: int, certain: bool) -> None:
        """An optimiser took a step."""
        if not self.pending:
            # A scheduler's step, or one after gradients were cleared, is no training.
            for call in self.stack if self.elsewhere else ():
                call.trains = True
            self.elsewhere = False
            return
        used = dict(self.used)
        where = (self.stack[-1].name if self.stack else "", line)
        if self.stack and where not in self.prints and len(self.prints) < _MAX_STEPS:
            self.prints[where] = printed_texts(self.stack[-1].node, line - self.stack[-1].offset)
        calls = [call for call in self.stack if not call.trains]
        unseen = any(call.unseen for call in calls)
        made = own_parameters(self.stack[-1].node) if self.stack else 0
        fits, self.shared = made > 0, self.shared or made == 2
        all_scored = True
        for position, state in self.pending.items():
            scored = any(call.computed.get(position, 0) > 0 for call in calls)
            if not certain or not state & 1:
                bits = MAYBE
            elif scored:
                bits = AFTER_SCORE
            else:
                bits = MAYBE if unseen else FITTED if fits else FIRST
            all_scored &= scored
            if bits == AFTER_SCORE:
                self.adapted.update((id(model), model) for call in calls for model in call.models)
            used[position] = used.get(position, 0) | bits
            self.steps.setdefault((position, bits), where)
            for call in self.stack:
                call.used.add(position)
        self.ordered[where] = self.ordered.get(where, True) and all_scored
        self.used = used

    def cleared(self) -> None:
        """Gradients were set to zero."""
        self.pending = {}

    # -- scores --------------------------------------------------------------------------------------

    def scored(
        self,
        code: int,
        function: str,
        line: int,
        positions: frozenset[int],
        late: dict[int, int] | None,
        adapted: bool = False,
    ) -> None:
        """An evaluation returned (or printed) a score of these targets; `adapted`: see `leave`."""
        if code:
            self.known[code] = self.known.get(code, frozenset()) | positions
        self._keep(_Scored(function, line, len(positions), late or {}, adapted))

    def again(self, code: int, function: str, line: int, models: tuple[Opaque, ...] = ()) -> None:
        """A function whose score is known is called again, and not followed."""
        for call in self.stack[1:] or self.stack:
            call.unseen = True
        positions = self.known.get(code, frozenset())
        late = {p: self.used[p] for p in positions if p in self.used}
        self._keep(_Scored(function, line, len(positions), late, self._adapted(models)))

    def printed(self, before: str) -> None:
        """A value is printed behind this literal text."""
        label = before.strip()[:80]
        if label in self.labels or len(self.labels) < _MAX_SCORES:
            self.labels.pop(label, None)
            self.labels[label] = None

    def unfollowed(self) -> None:
        """Something was printed as bits per byte whose value is not known."""
        self._keep(None)

    def _keep(self, scored: _Scored | None) -> None:
        if len(self.scores) < _MAX_SCORES:
            self.scores.append(scored)
        else:
            self.crowded = True

    # -- the answer ----------------------------------------------------------------------------------

    def facts(
        self, complete: bool, entered: tuple[tuple[int, int], ...], other_files: bool = False
    ) -> TokenFlow:
        """What is known at the end of the evaluation."""
        found: dict[tuple[LateKind, str, bool], LateScore] = {}
        for i, scored in enumerate(self.scores):
            if scored is None or not scored.targets:
                continue
            for bit, kind in _KINDS:
                if bit == AFTER_SCORE and not scored.adapted:
                    continue  # another model, or a copy made before the steps, for all that is known
                certain = [p for p, bits in scored.late.items() if bits & bit]
                self._add(found, kind, bit, certain, scored, i == len(self.scores) - 1)
            doubtful = [p for p, bits in scored.late.items() if bits == MAYBE]
            self._add(found, LateKind.TRAINED_FIRST, MAYBE, doubtful, scored, i == len(self.scores) - 1)
        first = tuple(where for where, ordered in self.ordered.items() if ordered)
        labels = tuple(self.labels)
        complete = complete and not self.crowded
        return TokenFlow(tuple(found.values())[:16], first[:8], entered, complete, labels, other_files)

    def _add(
        self,
        found: dict[tuple[LateKind, str, bool], LateScore],
        kind: LateKind,
        bit: int,
        late: list[int],
        scored: _Scored,
        last: bool,
    ) -> None:
        # A few targets at the seams of windows that were scaled down show nothing.
        if len(late) < 0.5 * scored.targets:
            return
        function, line = next(
            self.steps[(late[0], how)]
            for how in (bit, FIRST, AFTER_SCORE, FITTED, MAYBE)
            if (late[0], how) in self.steps
        )
        certain = bit != MAYBE
        fact = LateScore(
            kind, certain, function, line, scored.function, scored.line, scored.targets, len(late), last,
            self.prints.get((function, line), ()),
        )  # fmt: skip
        found[(kind, scored.function, certain)] = fact


__all__ = ["FlowRecorder", "ScoredAgain"]
