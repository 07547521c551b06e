"""Watch a script being evaluated: which tables its eval loops read by stream tokens, and what score they form.

Nothing is located by name. A table is what gets indexed with tokens of the validation stream; a score is a value that
depends on the losses of scored tokens (`Loss`), when a function returns it or it is printed. From the weights of
such a value follow, exactly, which targets were counted, how often, and what the sum was divided by.
"""

from __future__ import annotations

import ast
import math
import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache

from pgolf.audit.flow import FlowRecorder, ScoredAgain
from pgolf.audit.model_losses import MOST_CONSTRUCTIONS, ModelCall
from pgolf.audit.processes import Evaluation
from pgolf.core.bpb import LN2
from pgolf.core.token_flow import TokenFlow
from pgolf.core.tokenizer import Vocabulary
from pgolf.untrusted.changes import arrays_within, spoil_reachable
from pgolf.untrusted.installed import INSTALLED_PACKAGES
from pgolf.untrusted.interp import Enough, Frame, Interp, Observer, held_by
from pgolf.untrusted.objects import HANDS_OUT, MethodOf, spoil_registered
from pgolf.untrusted.operators import mean_loss, spoil
from pgolf.untrusted.syntax import walk
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    BoundMethod,
    ClassValue,
    DType,
    Function,
    Instance,
    Loss,
    ModelClass,
    ModelOutput,
    Module,
    NativeClass,
    NativeObject,
    OfLosses,
    Opaque,
    ScaledFloat,
    ScriptRaise,
    Stuck,
    TextOf,
    Tok,
    Value,
    token_loss,
)
from pgolf.untrusted.written import ending, percent_fields, positions_in

_NO_SCORE = (
    r"^(?!.*(delta|gap|diff|improv|target|best|base|sota|prev|record|goal|expect|vs|threshold|min|max|limit))"
)
_REPORTS = re.compile(
    r"^(?!.*train_?bpb\W*$)" + _NO_SCORE + r".*(bpb|bits[ _/-]?(per[ _-])?byte)[\"\']?\s*[:=]?\s*$", re.S
)
"""The text before a number that is reported as the score."""
_REPORTED = re.compile(
    _NO_SCORE + r".*(bpb|bits[ _/-]?(per[ _-])?byte)[\"\']?\s*[:=]\s*(\d\.\d{2,12})(?![\d.])", re.S
)
"""A text that reports a number of its own as the score."""
_NUMBER = re.compile(r"\s*\d{1,2}\.\d{1,30}\s*")
_LITERAL_TAIL = 120

_HARMLESS = frozenset({
    "all_reduce", "broadcast", "barrier", "save", "synchronize", "log", "info", "write", "print", "append", "pin_memory",
    "register_buffer", "mark_dynamic", "device_put", "manual_seed", "reduce", "all_gather", "put", "asarray", "set_description",
    "debug", "warning", "add_scalar", "nvtx", "range_push",
})  # fmt: skip


_WRITES = re.compile(
    r"^(torch|numpy|mlx|jax)\.[\w.]*(_$|_foreach|copy|swap|set|fill|init|assign|update|scatter|put|vector_to|exchange|reduce|from_dlpack|strided|buffer)"
)
"""Library functions that may write into an array they are given, by name."""

_KEEPERS = re.compile(r"^torch\.(nn\.(?!functional\b)|optim|func|vmap|utils|multiprocessing|library)")
_KEEPS = frozenset({
    "register_buffer", "register_parameter", "load_state_dict", "from_pretrained", "add_param_group", "register_hook", "share_memory_",
})  # fmt: skip
"""Functions and methods, by name, that keep an array they are given, to be changed later."""
_REFLECTIVE = frozenset({
    "inspect.currentframe", "inspect.stack", "inspect.getouterframes", "gc.get_objects", "gc.get_referrers", "gc.get_referents",
    "sys._getframe", "sys._current_frames", "sys.settrace", "sys.setprofile", "threading.settrace", "ctypes.memset", "ctypes.memmove",
    "ctypes.cast", "ctypes.string_at", "ctypes.pythonapi",
})  # fmt: skip
"""Ways to values and frames that no evaluation of names can follow."""


_MOST_TABLES = 128
_CHANGES_BY_INDEX = frozenset({
    "scatter", "scatter_", "scatter_add", "scatter_add_", "scatter_reduce", "scatter_reduce_", "index_put", "index_put_", "index_add",
    "index_add_", "index_fill", "index_fill_", "put_", "masked_fill", "masked_fill_",
})  # fmt: skip
"""Methods by which logits change at the places that tokens name."""
_HOLDS_FIELDS = frozenset({dict, list, tuple, Instance, TextOf})


@dataclass(slots=True)
class ConsumedTable:
    """A table that was read by stream tokens: its content at the first read, and where."""

    values: list[Value]
    dtype: str
    hint: str
    line: int
    ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Score:
    """A value that depends on scored losses: weights by stream position, the function, the line."""

    weights: dict[int, float]
    function: str
    line: int
    is_bpb: bool = False
    """Whether it stands where bits per byte do: beside a mean loss of the same targets, or printed as `…bpb`."""
    callers: tuple[str, ...] = ()
    """The functions around it, outermost first."""

    @property
    def uniform(self) -> float | None:
        """The common weight of all counted targets, or None."""
        values = list(self.weights.values())
        if not values:
            return None
        first = values[0]
        if all(math.isclose(v, first, rel_tol=1e-9) for v in values) and first > 0:
            return first
        return None


@dataclass(slots=True)
class BuilderCall:
    """An outermost call during which a tokenizer was asked about its pieces, and what it returned."""

    function: Function
    args: list[Value]
    kwargs: dict[str, Value]
    arrays: list[Value]
    line: int
    name: str
    patches: int = 0
    """Changes of built arrays that were known when it returned."""
    hints: tuple[str, ...] = ()
    """For each array the name through which a loop reads it, "" for none; empty as long as no loop did."""
    returned: tuple[list[Value], ...] = ()
    """What the arrays held when it returned; they may have been changed in place since."""

    def is_unchanged(self, size: int) -> bool:
        """Whether its arrays still hold what it returned."""
        return all(
            _alike(flat_values(a, size), kept) for a, kept in zip(self.arrays, self.returned, strict=True)
        )


class Watcher(Observer):
    """Collects consumed tables, scores, builder calls and constants that cut the stream."""

    def __init__(self, vocabulary: Vocabulary, stream_length: int, enough_tables: int = 0) -> None:
        self.vocabulary = vocabulary
        self.enough_tables = enough_tables
        """With how many tables read the evaluation ends: for one that is repeated on another vocabulary; 0 for never."""
        self.size = len(vocabulary)
        self.stream_length = stream_length
        self.tables: dict[int, tuple[Value, ConsumedTable]] = {}
        self.scores: list[Score] = []
        self.builders: list[BuilderCall] = []
        self.sidecar_read = False
        self.scored: dict[int, list[list[Value]]] = {}
        """Functions that returned a score, by code, with what the arrays of that call's arguments held."""
        self.pending: list[tuple[int, int]] = []
        self.before: list[tuple[int, int, int]] = []
        """Losses computed, reads of the sidecar and scores noted before each call on the stack."""
        self.first_builder_only = True
        self.functions: list[str] = []
        self.nested: list[int] = []
        """Questions to the tokenizer in calls made by each function on the stack."""
        self.askers: dict[int, Function] = {}
        """Functions that asked a tokenizer about pieces themselves, by the identity of their code."""
        self.entered: dict[int, Function] = {}
        """Functions that were called, by the identity of their code."""
        self.unread: dict[tuple[tuple[str, ...], str], tuple[int, int]] = {}
        """Names that were, or would have been, indexed where the evaluation knew too little, by innermost functions of
        the call stack and name; the line, and the scores noted before."""
        self.unlike: list[tuple[int, str]] = []
        """Where something is printed as bits per byte that is not what the losses and tables gave; why."""
        self.unknown_indices: dict[str, tuple[int, Opaque]] = {}
        """Arrays as long as a table, by name, that were read at unknown places: the first line, and what was not known."""
        self.unknown_results: dict[str, Opaque] = {}
        """Functions that read tables and returned something unknown."""
        self.unlike_untabled: list[tuple[int, str]] = []
        """The same before any table was read: it counts where none is."""
        self.unread_arrays: dict[tuple[int, tuple[str, ...]], tuple[Tensor, int, int]] = {}
        """Arrays as long as a table that were read at unknown places, by identity and call stack: the array, and of the last
        read the line and the scores noted before."""
        self.overflow = 0
        """The line of a read at an unknown place that was one too many to keep; 0 if all are kept."""
        self.unkept_table = 0
        """The line where one table too many was read by tokens; 0 if all are kept."""
        self.constructions: dict[str, list[tuple[tuple[Value, ...], dict[str, Value]]]] = {}
        """What the first objects of each class of networks were made with."""
        self.evaluations: list[Evaluation] = []
        """Calls that read tables and returned scores of their own."""
        self.untabled: list[Evaluation] = []
        """Calls that computed losses, read no tables and returned scores: bytes of a sidecar, or one for each token."""
        self.graded_targets = 0
        """How often losses of targets were computed."""
        self.sidecar_reads: tuple[int, int] = 0, 0
        """How often the byte sidecar was read, and the line of the last time."""
        self.model_calls: dict[tuple[Value, ...], ModelCall] = {}
        """Calls whose result was taken for the losses of its targets, by what distinguishes them."""
        self.seen_tokens: list[tuple[Tensor, int]] = []
        """Tokens that something unknown was handed since losses were last computed, with the line."""
        self.peeks: list[tuple[str, int]] = []
        """Where a model was handed the targets that it predicts: the function that computes the losses, and the line."""
        self.line_written = ""
        """The line that is being written, up to its last unknown part: the next text goes on with it."""
        self.crowded = 0
        """The line of a score that was one too many to keep; 0 if all are kept."""
        self.loaders: set[str] = set()
        """Functions that returned tokens of the stream."""
        self.unknown_reads: list[tuple[str, int, str]] = []
        """Unknown values that are no part of a model and were read by stream tokens, and tables that are one of two: name,
        line, why they are unknown."""
        self.flow = FlowRecorder(stream_length)
        self.noted_untabled: set[int] = set()
        self.noted: set[int] = set()
        """Identities of the weights of scores that functions returned (`scores` keeps them alive)."""
        self.readers: dict[tuple[str, ...], tuple[int, int]] = {}
        """Where tables were read by stream tokens: the innermost functions of the call stack; the line, and the scores
        noted before."""

    def function_name(self) -> str:
        return self.functions[-1] if self.functions else ""

    # -- what is evaluated ---------------------------------------------------------------------------

    def before_call(
        self, interp: Interp, function: Function, args: list[Value], kwargs: dict[str, Value], line: int
    ) -> Value:
        if id(function.code) in self.scored:
            self._same_tables(interp, function, [*args, *kwargs.values()], line)
            self.flow.again(id(function.code), function.name, line, _models(args, kwargs))
            return ScoredAgain(f"{function.name}() was evaluated before", line, "model")
        self.pending.append((interp.probe.tokenizer_calls, interp.probe.token_reads))
        self.before.append((self.graded_targets, self.sidecar_reads[0], len(self.scores)))
        self.nested.append(0)
        self.entered.setdefault(id(function.code), function)
        self.functions.append(function.name)
        self.flow.enter(
            function.name, interp.depth, function.code.node, _models(args, kwargs), function.frame.offset
        )
        return MISSING

    def after_call(
        self,
        interp: Interp,
        function: Function,
        args: list[Value],
        kwargs: dict[str, Value],
        result: Value,
        line: int,
    ) -> None:
        asked, reads = self.pending.pop() if self.pending else (0, 0)
        graded, sidecar, scores = self.before.pop() if self.before else (0, 0, 0)
        own = interp.probe.tokenizer_calls - asked - (self.nested.pop() if self.nested else 0)
        if self.nested:
            self.nested[-1] += interp.probe.tokenizer_calls - asked
        if own > 0:
            self.askers[id(function.code)] = function
        read = interp.probe.token_reads > reads
        if self.functions:
            self.functions.pop()
        if isinstance(result, Tensor) and result.data and isinstance(result.data[0], Tok):
            self.loaders.add(function.name)
        at = function.code.line + function.frame.offset
        forms = losses_in(result)
        adapted = self.flow.leave(interp.depth, evaluation=read and bool(forms))
        if (read or self.sidecar_reads[0] > sidecar) and not forms and len(self.unknown_results) < 64:
            unknown = _unknown_in(result)
            if unknown is not None:
                self.unknown_results.setdefault(function.name, unknown)
        if (
            self.sidecar_reads[0] > sidecar
            and not forms
            and len(self.scores) == scores
            and _unknown_in(result) is not None
        ):
            # It counts bytes of the sidecar: what it makes of them has to be followed, too.
            stack = (*self.functions[-2:], function.name)
            self.readers.setdefault(stack, (self.sidecar_reads[1], scores))
        if (
            not read
            and self.graded_targets > graded
            and len(self.untabled) < 64
            and any(not is_mean(f) and id(f.weights) not in self.noted_untabled for f in forms)
        ):
            self.untabled.append(Evaluation(function, tuple(args), kwargs, tuple(forms), line))
            self.noted_untabled.update(id(f.weights) for f in forms)
        if forms and interp.probe.token_reads:
            beside_mean = read and any(is_mean(form) for form in forms)
            for form in forms:
                self.note(form, function.name, at, beside_mean and not is_mean(form))
            if read and len(self.evaluations) < 64 and any(id(f.weights) not in self.noted for f in forms):
                self.evaluations.append(Evaluation(function, tuple(args), kwargs, tuple(forms), line))
            if read:
                # An evaluation; a helper that only turns sums into a score is followed each time.
                self._flows(forms, id(function.code), function.name, at, adapted)
                if any(len(form.weights) > 1 for form in forms):
                    given = (a.data for v in [*args, *kwargs.values()] for a in arrays_within(v))
                    self.scored.setdefault(
                        id(function.code), [list(d) for d in given if self._is_like_a_table(d)][:16]
                    )
        if interp.probe.tokenizer_calls > asked:
            arrays = arrays_in(result, self.size)
            if arrays:
                for array in arrays:
                    if isinstance(array, Tensor):
                        interp.tables.keep(array, at)
                call = BuilderCall(
                    function, args, kwargs, arrays, at, function.name, len(interp.tables.patches)
                )
                call.returned = tuple(list(flat_values(array, self.size)) for array in arrays)
                self.builders.append(call)

    def left(self, function: Function) -> None:
        if self.pending:
            self.pending.pop()
            self.before.pop()
        if self.nested:
            self.nested.pop()
        if self.functions:
            self.functions.pop()

    def skipped(self, node: ast.stmt, line: int) -> None:
        if self.tables and isinstance(node, ast.Expr) and prints_score(node):
            self.unlike.append((line, "what could not be evaluated"))
        for name in subscripts(node):
            self._unread(name, line)

    def read_sidecar(self, line: int) -> None:
        self.sidecar_reads = self.sidecar_reads[0] + 1, line

    def read_unknown(self, container: Value, hint: str, line: int, why: Opaque) -> None:
        self._unread(hint, line)
        if (
            isinstance(container, Tensor)
            and len(container.shape) == 1
            and len(container.data) >= self.size
            and type(container.data[0]) is not Tok
        ):
            if len(self.unknown_indices) < 64:
                self.unknown_indices.setdefault(hint, (line, why))
            key = (id(container), tuple(self.functions[-3:]))
            if key in self.unread_arrays or len(self.unread_arrays) < 256:
                self.unread_arrays[key] = (container, line, len(self.scores))
            else:
                self.overflow = line

    def _unread(self, name: str, line: int) -> None:
        if len(self.unread) < 2000:
            self.unread.setdefault((tuple(self.functions[-3:]), name), (line, len(self.scores)))
        else:
            self.overflow = line

    def before_instance(
        self, interp: Interp, cls: ClassValue, args: list[Value], kwargs: dict[str, Value], line: int
    ) -> Value:
        if cls.opaque_base:
            self._note_construction(cls.name, args, kwargs)
        return MISSING

    def enters(self, function: Value, args: list[Value]) -> bool:
        return False

    def _same_tables(self, interp: Interp, function: Function, args: list[Value], line: int) -> None:
        """An eval function is called again: its tables must still hold what they held when they were judged."""
        known = list(self.tables.values())
        for container, table in known:
            if not _alike(flat_values(container, self.size), table.values):
                interp.doubt(f"a table changes between two calls of {function.name}()", line)
                return
        for array in (a for value in args for a in arrays_within(value)):
            if len(array.shape) != 1 or not known or not self._is_like_a_table(array.data):
                continue
            # What the first call was given and did not read is no other table either.
            before = [*(table.values for _, table in known), *self.scored[id(function.code)]]
            if not any(_alike(array.data, values) for values in before):
                interp.doubt(f"{function.name}() is called again with other tables", line)
                return

    def _is_like_a_table(self, data: list[Value]) -> bool:
        return len(data) >= self.size and all(
            issubclass(kind, (int, Opaque)) and not issubclass(kind, Tok) for kind in set(map(type, data))
        )

    # -- what is read --------------------------------------------------------------------------------

    def indexed(
        self, interp: Interp, container: Value, index: Value, result: Value, hint: str, line: int
    ) -> None:
        toks = _tokens_of(index)
        if not toks:
            return
        if isinstance(container, Opaque):
            if container.origin != "model" and len(self.unknown_reads) < 32:
                self.unknown_reads.append((hint, line, container.reason))
            return
        if isinstance(container, Tensor):
            if (
                len(container.shape) != 1
                or len(container.data) < self.size
                or isinstance(container.data[0], Tok)
            ):
                return
            if container.data is interp.probe.stream:
                return
            values: list[Value] = container.data
            dtype = container.dtype
        elif isinstance(container, (list, tuple)):
            if len(container) < self.size:
                return
            values, dtype = list(container), "list"
        elif isinstance(container, dict):
            values, dtype = [container.get(i, 0) for i in range(self.size)], "dict"
        else:
            return
        if not interp.probe.token_reads:
            interp.steps_left = min(interp.steps_left, interp.limits.evaluation_steps)
        interp.probe.token_reads += 1
        self.readers.setdefault(tuple(self.functions[-3:]), (line, len(self.scores)))
        key = id(container)
        found = self.tables.get(key)
        if found is None:
            past = values[self.size :]
            if (
                past
                and past.count(past[0]) != len(past)
                and any(type(x) in (int, float, bool) and x != past[0] for x in past)
            ):
                interp.at_scale("reads an array whose entries past the probe's vocabulary differ", line)
            if len(self.tables) >= _MOST_TABLES and not self._make_room(values, line):
                return
            table = ConsumedTable(list(values), dtype, hint, line)
            self.tables[key] = (container, table)
            if len(self.tables) == self.enough_tables:
                raise Enough
        elif hint and not found[1].hint:
            found[1].hint = hint

    def _make_room(self, values: list[Value], line: int) -> bool:
        """Keep one of each content; where there are too many of those, the next one is noted as not kept."""
        kept: dict[int, tuple[Value, ConsumedTable]] = {}
        for key, (container, table) in self.tables.items():
            if not any(_alike(table.values, old.values) for _, old in kept.values()):
                kept[key] = (container, table)
        if any(_alike(values, old.values) for _, old in kept.values()):
            return False
        if len(kept) < _MOST_TABLES:
            self.tables = kept
            return True
        if _may_be_bytes(values):
            self.unkept_table = self.unkept_table or line
        return False

    def lost(self, interp: Interp, a: Value, b: Value, why: Opaque) -> None:
        if a is None or b is None or len(self.unknown_reads) >= 32:
            return
        lengths = {len(x.data) for call in self.builders for x in call.arrays if isinstance(x, Tensor)}
        arrays = (x for v in (a, b) for x in arrays_within(v) if len(x.shape) == 1 and len(x.data) in lengths)
        if any(self._is_like_a_table(x.data) for x in arrays):
            self.unknown_reads.append(("", why.line, f"depends on an unknown condition: {why.reason}"))

    # -- what is scored ------------------------------------------------------------------------------

    def note(self, form: Loss, function: str, line: int, is_bpb: bool = False) -> None:
        if len(form.weights) <= 1:
            return
        if len(self.scores) >= 400:
            self.crowded = self.crowded or line
        else:
            self.scores.append(Score(form.weights, function, line, is_bpb, tuple(self.functions[-8:])))

    def formatted(self, interp: Interp, value: Value, before: str, line: int) -> None:
        if type(value) is TextOf:
            self._formatted_text(interp, value, before, line)
            return
        label = before[-40:].lower()
        if "loss" in label or "bpb" in label:
            self.flow.printed(before)
        if (interp.probe.token_reads or self.graded_targets) and _REPORTS.search(label):
            why = self._no_score(value)
            if why:
                (self.unlike if interp.probe.token_reads else self.unlike_untabled).append((line, why))
        forms = losses_in(value)
        fresh = [form for form in forms if id(form.weights) not in self.noted]
        if fresh and "bpb" in label and interp.probe.token_reads:
            self._flows(fresh, 0, self.functions[-1] if self.functions else "", line)
        elif "bpb" in label and isinstance(value, Opaque) and not isinstance(value, ScoredAgain):
            self.flow.unfollowed()
        for form in forms:
            self.note(
                form, self.functions[-1] if self.functions else "", line, "bpb" in label and not is_mean(form)
            )

    def _formatted_text(self, interp: Interp, text: TextOf, before: str, line: int) -> None:
        """A text with values in it comes after another text: those of its values are reported that were not when it was made."""
        own = ""
        for part in text.parts:
            if isinstance(part, str):
                own += part
                continue
            if not own or not _REPORTS.search(own[-40:].lower()):
                self.formatted(interp, part, before + own, line)
            own = before = ""

    def _no_score(self, value: Value) -> str:
        """Why a value that is reported as bits per byte is not what an evaluation gave, or ''."""
        if type(value) is Tensor and len(value.data) == 1:
            value = value.data[0]
        kind = type(value)
        if kind is Loss and len(value.weights) > 1:
            total = sum(value.weights.values())
            if math.isclose(total, 1.0, rel_tol=1e-6):
                return "nats per token"
            return ""
        if isinstance(value, OfLosses):
            return value.reason if len(value.positions) > self.stream_length // 2 else ""
        if kind is Opaque:
            return str(value.reason)
        if kind is Instance:
            return f"an object of class {value.cls.name}"
        if (kind is float or kind is ScaledFloat) and 0.3 < value < 20:
            return f"the fixed number {float(value)!r}"
        if isinstance(value, str) and _NUMBER.fullmatch(value) and 0.3 < float(value) < 20:
            return f"the fixed number {value.strip()}"
        return ""

    def altered(self, interp: Interp, text: TextOf, what: str, line: int) -> None:
        literal = "".join(p for p in text.parts if isinstance(p, str)).lower()
        held = frozenset().union(*(positions_in(p) for p in text.parts if not isinstance(p, str)))
        if interp.probe.token_reads and "bpb" in literal and len(held) > self.stream_length // 2:
            self.unlike.append((line, f"{what} of a text with a score in it"))

    def emitted(self, interp: Interp, pieces: list[Value], end: str, line: int) -> None:
        before = self.line_written
        for piece in pieces:
            if isinstance(piece, str):
                before = (before + piece)[-_LITERAL_TAIL:]
                reported = (
                    _REPORTED.search(before.lower()) if interp.probe.token_reads and "." in piece else None
                )
                if reported is not None:
                    self.unlike.append((line, f"the fixed number {reported[4]}"))
                continue
            self.formatted(interp, piece, before, line)
            self._report_fields(interp, piece, line)
            before = ending(piece)
        self.line_written = "" if end.endswith("\n") or before.endswith("\n") else before + end

    def _report_fields(self, interp: Interp, value: Value, line: int, depth: int = 0) -> None:
        """What a dictionary or object holds under a name, and what stands behind a text in a list."""
        if depth > 3:
            return
        if type(value) is TextOf:
            for part in value.parts:
                if type(part) in _HOLDS_FIELDS:
                    self._report_fields(interp, part, line, depth + 1)
        elif isinstance(value, (dict, Instance)):
            held: dict[Value, Value] = value if isinstance(value, dict) else value.attributes
            for name, inner in list(held.items())[:64]:
                if isinstance(name, str) and ("bpb" in name.lower() or isinstance(inner, (Loss, OfLosses))):
                    self.formatted(interp, inner, name, line)
                if type(inner) in _HOLDS_FIELDS:
                    self._report_fields(interp, inner, line, depth + 1)
        elif type(value) in (list, tuple) and len(value) <= 64:
            before = ""
            for inner in value:
                if isinstance(inner, str):
                    before = inner
                elif before and isinstance(inner, (Loss, OfLosses)):
                    self.formatted(interp, inner, before, line)
                elif type(inner) in _HOLDS_FIELDS:
                    self._report_fields(interp, inner, line, depth + 1)

    def _logged(self, interp: Interp, everything: list[Value], line: int) -> None:
        """What a logger, a file or a stream was given to write: texts, values, or a template and its values."""
        if len(everything) > 1 and isinstance(everything[0], str) and "%" in everything[0]:
            values = everything[1] if isinstance(everything[1], dict) else tuple(everything[1:])
            fields = percent_fields(everything[0], values)
            if fields is not None:
                flat = [x for literal, value in fields[0] for x in (literal, value)]
                self.emitted(interp, [*flat, fields[1]], "\n", line)
                return
        pieces = [x for value in everything for x in (" ", value)]
        ends = "" if isinstance(everything[-1] if everything else None, (str, TextOf)) else "\n"
        self.emitted(interp, pieces[1:], ends, line)

    # -- the order of steps and scores ---------------------------------------------------------------

    def token_flow(self, interp: Interp, complete: bool) -> TokenFlow:
        """What is known, at the end of the evaluation, of steps and scores on the same targets."""
        entered: list[tuple[int, int]] = []
        for function in self.entered.values():
            node = function.code.node
            if function.frame.module.name == "__main__" and len(entered) < 400:
                end = getattr(node, "end_lineno", None) or node.lineno
                entered.append((node.lineno + function.frame.offset, end + function.frame.offset))
        return self.flow.facts(complete, tuple(sorted(entered)), not interp.probe.shards_read <= {"val"})

    def _flows(self, forms: list[Loss], code: int, function: str, line: int, adapted: bool = False) -> None:
        for form in forms:
            if len(form.weights) > 1:
                positions = frozenset(p for p, weight in form.weights.items() if weight)
                late = {p: bits for p, bits in form.late.items() if p in positions} if form.late else None
                self.flow.scored(code, function, line, positions, late, adapted)
                self.noted.add(id(form.weights))

    def hinted(self, interp: Interp, receiver: Opaque, value: Value, line: int) -> None:
        for array in value if isinstance(value, tuple) else (value,):
            if type(array) is Tensor and Tok in map(type, array.data):
                self._see([array], line)

    def _see(self, inputs: list[Tensor], line: int) -> None:
        """A model, or what it gave, is handed tokens."""
        if len(self.seen_tokens) < 64:
            self.seen_tokens += [(t, line) for t in inputs]

    def _look(self, targets: Tensor) -> None:
        """Whether what a model was handed since the last losses holds, place by place, these targets or later tokens."""
        seen, self.seen_tokens = self.seen_tokens, []
        for tokens, line in seen:
            if len(tokens.data) != len(targets.data) or len(self.peeks) >= 100:
                continue
            pairs = [
                (x.pos, y.pos)
                for x, y in zip(tokens.data, targets.data, strict=True)
                if type(x) is Tok and type(y) is Tok
            ]
            if pairs and sum(x >= y for x, y in pairs) > len(pairs) // 2:
                self.peeks.append((self.functions[-1] if self.functions else "", line))

    def graded(self, interp: Interp, targets: Tensor) -> dict[int, int] | None:
        self.graded_targets += 1
        self._look(targets)
        self.flow.unwind(interp.depth)
        return self.flow.computed([t.pos for t in targets.data if isinstance(t, Tok)])

    def differentiated(self, interp: Interp, value: Value, line: int) -> None:
        interp.optimiser_calls += 1
        self.flow.unwind(interp.depth)
        self.flow.differentiated(_positions(value), not interp.fresh)

    def _optimises(self, interp: Interp, callee: MethodOf, args: list[Value], line: int) -> Value:
        """Calls on unknown objects that differentiate, step or clear; MISSING where a call is none of them."""
        name = callee.name
        if name == "backward":
            self.differentiated(interp, callee.receiver, line)
            return Opaque(callee.reason, line, callee.origin)
        if name == "step":
            if args and isinstance(args[0], (Function, BoundMethod)):
                # A closure that computes the loss (L-BFGS); the optimiser calls it at least once.
                try:
                    interp.call(args[0], [], {}, line)
                except (Stuck, ScriptRaise) as stopped:
                    interp.note_stuck(str(stopped), line)
            self.flow.unwind(interp.depth)
            self.flow.stepped(line, not interp.fresh)
        elif name in ("zero_grad", "zero_grad_all"):
            interp.optimiser_calls += 1
            self.flow.cleared()
        elif name == "scale" and args and (held := _positions(args[0])):
            # A gradient scaler: its product has the loss's gradient, and is no score.
            return OfLosses("a scaled loss", line, frozenset(held), all(held.values()))
        elif isinstance(callee.receiver, ScoredAgain):
            return callee.receiver
        return MISSING

    def call_unknown(
        self, interp: Interp, callee: Opaque, args: list[Value], kwargs: dict[str, Value], line: int
    ) -> Value:
        origin = callee.origin
        if type(callee) is ModelClass:
            self._note_construction(callee.reason.removeprefix("class "), args, kwargs)
        everything = [*args, *kwargs.values()]
        name = callee.name if isinstance(callee, MethodOf) else ""
        if isinstance(callee, MethodOf):
            kept = self._optimises(interp, callee, args, line)
            if kept is not MISSING:
                return kept
            if type(callee.receiver) is OfLosses:
                return OfLosses(callee.reason, line, callee.receiver.positions, callee.receiver.sure)
        called, reflective, writes = _known_by_name(callee.reason, name)
        harmless = name in _HARMLESS or callee.reason.startswith("logging")
        if called.endswith("redirect_stdout"):
            interp.redirected = next((v for v in everything if type(v) is Instance), interp.redirected)
        if not (harmless or reflective) and _INERT.issuperset(map(type, everything)):
            # Neither arrays nor functions are handed over: all there is to it is whether a model is involved.
            if any(type(v) is Opaque and v.origin == "model" for v in everything):
                origin = "model"
            return Opaque(callee.reason, callee.line or line, origin)
        tokens = [v for v in everything if type(v) is Tensor and Tok in map(type, v.data)]
        if any(isinstance(v, Opaque) and v.origin == "model" for v in everything):
            origin = "model"
        if name in _CHANGES_BY_INDEX or called.endswith("one_hot"):
            self._see(tokens, line)
        elif tokens and origin == "model" and name != "gather":
            self._see(tokens[:1], line)
        if name == "gather" and tokens and origin == "model":
            index = tokens[-1]
            late = self.graded(interp, index)
            return Tensor(
                [token_loss(t.pos, -1.0, late) if isinstance(t, Tok) else t for t in index.data],
                index.shape,
                "float32",
            )
        if reflective:
            interp.doubt(f"{called}() reaches what is not followed", line)
        why = ""
        if origin == "external" and name not in _HARMLESS:
            why = f"given to something unknown: {callee.reason}"
        elif writes:
            why = f"may be changed by {called}()"
        elif name in _KEEPS or _KEEPERS.match(called):
            kept = (a for value in everything for a in arrays_within(value) if interp.tables.holds(a))
            for v in kept:
                spoil(v, f"is kept by {name or called}(), which may change it", line)
        if interp.tables.registered and name in HANDS_OUT:
            spoil_registered(interp, name, line)
        if why:
            for v in (a for value in everything for a in arrays_within(value)):
                if v.data and type(v.data[0]) is not Tok and len(v.data) >= self.size:
                    spoil(v, why, line)
        if why and _is_of_nobody(called):
            self._in_unknown_hands(interp, everything, called, why, line)
        if harmless:
            self._logged(interp, everything, line)
        else:
            for value in everything:
                self._report_fields(interp, value, line)
        for value in everything:
            interp.hand_on(value, line)
        if origin != "config":
            for value in everything:
                function = value.function if isinstance(value, BoundMethod) else value
                if isinstance(function, Function):
                    spoil_reachable(
                        function.frame, function.code.node, "changed by a function that was handed on", line
                    )
        if len(tokens) >= 2 and name not in ("to", "copy_", "append"):
            shapes = {t.shape for t in tokens[:2]}
            if len(shapes) == 1:
                per_token = (
                    kwargs.get("reduction") == "none"
                    or "per_token" in name
                    or "none" in [a for a in args if isinstance(a, str)]
                )
                self._note_model_call(callee.reason, name, args, kwargs, tokens[1], per_token, line)
                return ModelOutput(tokens[1], line, per_token, self.graded(interp, tokens[1]))
        return Opaque(callee.reason, callee.line or line, origin)

    def _in_unknown_hands(self, interp: Interp, given: list[Value], called: str, why: str, line: int) -> None:
        """Code that nobody knows was given these: it may change whatever it can reach through them."""
        for value in given:
            kind = type(value)
            function = value.function if kind is BoundMethod else value
            reached: list[Value] = []
            if kind is Module:
                interp.doubt(
                    f"{called}() is given the module {value.name}, and may replace its functions", line
                )
            elif kind is NativeClass:
                interp.doubt(f"{called}() is given the class {value.name}, and may replace its methods", line)
            elif kind is ClassValue:
                reached = list(value.attributes.values())
            elif type(function) is Function:
                reached = [*function.defaults, *function.kw_defaults.values()]
                reached += [held_by(function.frame, name) for name in returned_names(function.code.node)]
            for array in (a for held in reached for a in arrays_within(held)):
                if interp.tables.holds(array):
                    spoil(array, why, line)
            for array in arrays_within(value):
                if array.data and len(array.data) == len(interp.probe.stream) and type(array.data[0]) is Tok:
                    spoil(array, why, line)

    def _note_construction(self, name: str, args: list[Value], kwargs: dict[str, Value]) -> None:
        made = self.constructions.setdefault(name, [])
        if len(made) <= MOST_CONSTRUCTIONS:
            made.append((tuple(args), kwargs))

    def _note_model_call(
        self,
        reason: str,
        method: str,
        args: list[Value],
        kwargs: dict[str, Value],
        targets: Tensor,
        per_token: bool,
        line: int,
    ) -> None:
        """Keep the first call of each kind whose result is taken for the losses of `targets`."""
        plain = tuple(a for a in (*args, *kwargs.values()) if a is None or isinstance(a, (bool, str)))
        key = (reason, method, len(args), tuple(kwargs), plain, per_token)
        if key in self.model_calls:
            return
        if len(self.model_calls) >= 32:
            self.crowded = self.crowded or line
            return
        self.model_calls[key] = ModelCall(reason, method, tuple(args), kwargs, targets, per_token, line)


def _unknown_in(value: Value) -> Opaque | None:
    """What is unknown of a returned value: itself, or one of a few values."""
    if isinstance(value, Tensor) and len(value.data) == 1:
        value = value.data[0]
    if isinstance(value, (tuple, list)):
        found = map(_unknown_in, value if len(value) <= 16 else ())
        return next((x for x in found if x is not None), None)
    return value if isinstance(value, Opaque) else None


_INERT = frozenset({Opaque, str, int, float, bool, type(None), bytes, DType})


@lru_cache(maxsize=4096)
def _known_by_name(reason: str, name: str) -> tuple[str, bool, bool]:
    """(what an unknown callable is called, whether it reaches what is not followed, whether it writes), by names only."""
    called = reason.removesuffix(" is not modelled") + (f".{name}" if name else "")
    return (
        called,
        called in _REFLECTIVE or called.startswith("unittest.mock"),
        _WRITES.search(called) is not None,
    )


def _models(args: list[Value], kwargs: dict[str, Value]) -> tuple[Opaque, ...]:
    """Arguments that may be models."""
    return tuple(v for v in (*args, *kwargs.values()) if isinstance(v, Opaque) and v.origin == "model")


def _positions(value: Value) -> dict[int, bool]:
    """Stream positions whose losses a value depends on, and whether it surely does."""
    if isinstance(value, Tensor) and len(value.data) == 1:
        value = value.data[0]
    if isinstance(value, ModelOutput):
        mean = mean_loss(value)
        return dict.fromkeys(mean.weights, True) if mean is not None else {}
    if isinstance(value, Loss):
        return {p: True for p, weight in value.weights.items() if weight}
    if isinstance(value, OfLosses):
        return dict.fromkeys(value.positions, value.sure)
    return {}


def _may_be_bytes(values: list[Value]) -> bool:
    """Whether an array may hold byte lengths or flags, rather than counts that decay or probabilities."""
    return all(isinstance(v, Opaque) or (isinstance(v, (int, float)) and v == v // 1) for v in values)


def _alike(a: list[Value], b: list[Value]) -> bool:
    return a == b  # lists are compared in C: each pair by identity, then by value


def is_mean(form: Loss) -> bool:
    """Whether the weights sum to one: nats per token."""
    return math.isclose(sum(form.weights.values()), 1.0, rel_tol=1e-6)


def prints_score(node: ast.AST) -> bool:
    """Whether a statement writes something behind a text that is the name of a score; kept on the node."""
    found: bool | None = node.__dict__.get("_pgolf_prints_score")
    if found is None:
        texts = [n.value for n in walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        found = node.__dict__["_pgolf_prints_score"] = any(_REPORTS.search(t[-40:].lower()) for t in texts)
    return found


def _is_of_nobody(called: str) -> bool:
    """Whether a callable belongs to no library that is known by name."""
    root = called.partition(".")[0]
    return root.isidentifier() and root not in sys.stdlib_module_names and root not in INSTALLED_PACKAGES


def returned_names(node: ast.AST) -> frozenset[str]:
    """Names at the root of what a function returns or yields; kept on the node."""
    found: frozenset[str] | None = node.__dict__.get("_pgolf_returned_names")
    if found is None:
        given = [node.body] if isinstance(node, ast.Lambda) else []
        given += [
            n.value for n in walk(node) if isinstance(n, (ast.Return, ast.Yield)) and n.value is not None
        ]
        found = frozenset(
            n.id
            for value in given
            if not isinstance(value, ast.Call)
            for n in walk(value)
            if isinstance(n, ast.Name)
        )
        node.__dict__["_pgolf_returned_names"] = found
    return found


def subscripts(node: ast.AST) -> frozenset[str]:
    """Names that are indexed somewhere in a function, nested ones included; kept on the node."""
    found: frozenset[str] | None = node.__dict__.get("_pgolf_subscripts")
    if found is None:
        names = set()
        for sub in walk(node):
            if isinstance(sub, ast.Subscript):
                value = sub.value
                if isinstance(value, ast.Name):
                    names.add(value.id)
                elif isinstance(value, ast.Attribute):
                    names.add(value.attr)
        found = frozenset(names)
        node.__dict__["_pgolf_subscripts"] = found
    return found


def _tokens_of(index: Value) -> bool:
    if isinstance(index, Tok):
        return True
    if isinstance(index, Tensor):
        return bool(index.data) and isinstance(index.data[0], Tok)
    return False


def losses_in(value: Value, depth: int = 0) -> list[Loss]:
    """Loss forms directly in a returned or printed value."""
    if isinstance(value, Loss):
        return [value]
    if isinstance(value, Tensor):
        return [x for x in value.data if isinstance(x, Loss)] if len(value.data) <= 4 else []
    if isinstance(value, (tuple, list)) and depth < 2 and len(value) <= 64:
        return [x for v in value for x in losses_in(v, depth + 1)]
    if isinstance(value, dict) and depth < 2 and len(value) <= 64:
        return [x for v in value.values() for x in losses_in(v, depth + 1)]
    if isinstance(value, Instance) and depth < 1:
        return [x for v in list(value.attributes.values())[:64] for x in losses_in(v, depth + 1)]
    return []


def arrays_in(value: Value, size: int, depth: int = 0) -> list[Value]:
    """One-dimensional arrays and lists of at least `size` elements in a returned value, in order."""
    if isinstance(value, Tensor):
        return [value] if len(value.shape) == 1 and len(value.data) >= size else []
    if isinstance(value, list) and len(value) >= size and all(isinstance(x, (int, float)) for x in value):
        return [value]
    if isinstance(value, (tuple, list)) and depth < 2 and len(value) <= 16:
        return [x for v in value for x in arrays_in(v, size, depth + 1)]
    if isinstance(value, dict) and depth < 2:
        if len(value) >= size and all(isinstance(k, int) for k in value):
            return [value]
        if len(value) <= 32:
            return [x for v in value.values() for x in arrays_in(v, size, depth + 1)]
    if isinstance(value, Instance) and depth < 1:
        return [x for v in list(value.attributes.values())[:64] for x in arrays_in(v, size, depth + 1)]
    return []


def flat_values(value: Value, size: int) -> list[Value]:
    """The elements of an array, list or dict by token id."""
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, dict):
        return [value.get(i, 0) for i in range(size)]
    return list(value)


def bytes_from_weight(weight: float) -> float:
    """The byte count that a loss sum was divided by, from the weight of one target in bits per byte."""
    return 1.0 / (weight * LN2)


__all__ = ["BoundMethod", "BuilderCall", "ConsumedTable", "Frame", "NativeObject", "Score", "Watcher"]
