"""The evaluator's own values. No host object is ever reachable through them.

Plain immutable Python values (None, bool, int, float, str, bytes), and the containers list, tuple, dict, set, bytearray
and range stand for themselves: the interpreter reaches their methods only through explicit tables, never by
`getattr`. Everything else a script can hold is one of the classes here.

`Opaque` is "we could not tell": it carries the reason and the line, spreads through every operation, and is how
the rest of a script (models, optimisers, devices) flows past the few things that are evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from pgolf.errors import PgolfError

Value = Any
"""Any value of the interpreted language: a plain Python value of the kinds above, or a class of this package."""


class Stuck(PgolfError):
    """Evaluation cannot go on: outside the language. Carries the reason and the 1-based line."""

    def __init__(self, reason: str, line: int = 0) -> None:
        self.reason = reason
        self.line = line
        super().__init__(f"line {line}: {reason}" if line else reason)


class ScriptRaise(Exception):
    """An exception raised by the interpreted program, on its way to a handler."""

    def __init__(self, value: Value, line: int = 0) -> None:
        self.value = value
        self.line = line
        super().__init__(str(value))


class Opaque:
    """An unknown value, with the first reason why it is unknown.

    `origin` says what kind of thing it is: "external" (a library we do not model), "model" (parameters, logits),
    "unset" (a name nobody bound), "config" (settings of the machine: device, rank, clock).
    """

    __slots__ = ("line", "origin", "reason")

    def __init__(self, reason: str, line: int = 0, origin: str = "external") -> None:
        self.reason = reason
        self.line = line
        self.origin = origin

    def __repr__(self) -> str:
        return f"<unknown: {self.reason}>"


STARTED = "a started program"
"""The reason of what another process gives."""


class TextOf(Opaque):
    """A text with unknown parts (`written.py`): literal texts and the values between them, in order."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Value, ...], line: int, reason: str = "text of a loss") -> None:
        super().__init__(reason, line, "text")
        self.parts = parts


class ModelClass(Opaque):
    """A class of the script that looks like a network and has nothing to do with bytes: not made, but calls of it are seen."""

    __slots__ = ()


class KnownTruth(Opaque):
    """An unknown value that is known to be true (or false): `unknown or 5` is one of the two, and true."""

    __slots__ = ("truth",)

    def __init__(self, unknown: Opaque, truth: bool) -> None:
        super().__init__(unknown.reason, unknown.line, unknown.origin)
        self.truth = truth


def unsure(unknown: Opaque) -> Opaque:
    """What an operation on an unknown value gives: nothing is known of it, not even the truth of its operand."""
    if type(unknown) is KnownTruth:
        return Opaque(unknown.reason, unknown.line, unknown.origin)
    return unknown


Process = Callable[[int, int], Any]
"""What something is on the process of a rank, in a run of so many processes."""


class OnProcess(Opaque):
    """A truth that depends on which of a run's processes it is, or on whether there are several."""

    __slots__ = ("holds",)

    def __init__(self, reason: str, line: int, holds: Process) -> None:
        super().__init__(reason, line, "config")
        self.holds = holds


class Tok(int):
    """A token id that remembers its position in the probe stream; arithmetic on it gives a plain int."""

    pos: int

    @staticmethod
    def at(token_id: int, pos: int) -> Tok:
        """The token `token_id` at stream position `pos`."""
        tok = Tok(token_id)
        tok.pos = pos
        return tok


class Scaled(int):
    """An integer of the evaluation with the closed range [low, high] of what it is in a real run (`scaled.py`)."""

    low: float
    high: float
    chosen: bool = False
    """Whether a comparison of settings chose it, so that a real run has another number for another reason than size."""
    part: bool = False
    """Whether it is a literal part of what grows with the stream: where it ends, something is left out."""
    longer: float | None = None
    """What it would be on a stream `scaled.TIMES` as long, where it was added up over the stream."""
    on: Process | None = None
    """What it is on each process of a run, where that differs; here there is one process."""
    other: int | None = None
    """Of a setting that is scaled down for the evaluation: the size that it has where everything is evaluated at other sizes."""

    @staticmethod
    def of(value: int, low: float, high: float) -> Scaled:
        """`value` here, between `low` and `high` in a real run."""
        made = Scaled(value)
        made.low, made.high = low, high
        return made


class ScaledFloat(float):
    """The same for a float."""

    low: float
    high: float
    chosen: bool = False
    part: bool = False
    longer: float | None = None
    on: Process | None = None

    @staticmethod
    def of(value: float, low: float, high: float) -> ScaledFloat:
        """`value` here, between `low` and `high` in a real run."""
        made = ScaledFloat(value)
        made.low, made.high = low, high
        return made


class ScaledText(str):
    """A scaled number written out, as an environment variable's default or by `str()`."""

    low: float
    high: float
    on: Process | None = None
    other: int | None = None

    @staticmethod
    def of(value: str, low: float, high: float) -> ScaledText:
        """`value` here, a number between `low` and `high` in a real run."""
        made = ScaledText(value)
        made.low, made.high = low, high
        return made


SCALED = frozenset({Scaled, ScaledFloat})


class Loss:
    """A linear form over per-token losses (nats): `sum(weights[pos] * nll(pos))`.

    The evaluator's way of following `val_loss` and `val_bpb` without a model: after an eval function has run,
    the weights say which targets were scored, how often, and by what the sum was divided. `late` holds the
    positions whose loss was computed after an optimiser step that had used them, with how that was known.
    """

    __slots__ = ("late", "weights")

    def __init__(self, weights: dict[int, float], late: dict[int, int] | None = None) -> None:
        self.weights = weights
        self.late = late

    def scaled(self, factor: float) -> Loss:
        return Loss({pos: w * factor for pos, w in self.weights.items()}, self.late)

    def plus(self, other: Loss) -> Loss:
        if len(other.weights) > len(self.weights):
            self, other = other, self
        out = dict(self.weights)
        for pos, w in other.weights.items():
            out[pos] = out.get(pos, 0.0) + w
        return Loss(out, both_late(self.late, other.late))


def token_loss(pos: int, weight: float, late: dict[int, int] | None) -> Loss:
    """The loss of one target; `late` is what was late among the targets of the same call."""
    return Loss({pos: weight}, {pos: late[pos]} if late and pos in late else None)


def both_late(a: dict[int, int] | None, b: dict[int, int] | None) -> dict[int, int] | None:
    """Late positions of two losses together."""
    if not a or not b:
        return a or b
    if len(b) > len(a):
        a, b = b, a
    out = dict(a)
    for pos, bits in b.items():
        out[pos] = out.get(pos, 0) | bits
    return out


class OfLosses(Opaque):
    """An unknown function of the losses of these stream positions; unless `sure`, each may or may not matter to it."""

    __slots__ = ("positions", "sure")

    def __init__(self, reason: str, line: int, positions: frozenset[int], sure: bool = False) -> None:
        super().__init__(reason, line, "model")
        self.positions = positions
        self.sure = sure


class ModelOutput(Opaque):
    """What a model returned for (inputs, targets): a mean loss, a loss per token or logits; its use decides."""

    __slots__ = ("late", "per_token", "targets")

    def __init__(
        self, targets: Value, line: int = 0, per_token: bool = False, late: dict[int, int] | None = None
    ) -> None:
        super().__init__("output of the model", line, "model")
        self.targets = targets
        self.per_token = per_token
        self.late = late


class UnknownItems(Stuck):
    """What an iterator gives next is not known: who asks for all of it has an unknown value."""

    def __init__(self, value: Opaque, line: int = 0) -> None:
        super().__init__(value.reason, value.line or line)
        self.value = value


MOST_SEEN = 50_000


class Cursor:
    """An iterator of the script. Its items are made when they are asked for, once."""

    __slots__ = ("lost", "rest")

    def __init__(self, rest: Iterable[Value]) -> None:
        self.rest: Iterator[Value] = iter(rest)
        self.lost: Opaque | None = None
        """Why it is not known any more what it gives."""

    def __iter__(self) -> Iterator[Value]:
        while True:
            if self.lost is not None:
                raise UnknownItems(self.lost)
            try:
                item = next(self.rest)
            except StopIteration:
                return
            except Exception as error:
                self.lost = Opaque(f"an iterator that was left by an exception: {error}"[:160])
                raise
            yield item

    def seen(self) -> list[Value]:
        """What is left (the first `MOST_SEEN` of it), which stays there."""
        items = list(islice(self, MOST_SEEN))
        self.rest = chain(items, self.rest)
        return items


class DictView:
    """`d.keys()`, `d.values()` or `d.items()`: shows the dictionary as it is when it is looked at."""

    __slots__ = ("kind", "source")

    def __init__(self, kind: str, source: dict[Value, Value]) -> None:
        self.kind = kind
        self.source = source

    def keys(self) -> list[Value]:
        """The keys now; names of the evaluator's own are left out."""
        return [k for k in self.source if not (isinstance(k, str) and k.startswith("%"))]

    def __iter__(self) -> Iterator[Value]:
        for key in self.keys():
            if key in self.source:
                value = self.source[key]
                yield key if self.kind == "keys" else value if self.kind == "values" else (key, value)


class Function:
    """A function of the script: its compiled body and the frame it closes over."""

    __slots__ = ("attributes", "code", "defaults", "frame", "kw_defaults", "name", "owner")

    def __init__(
        self, name: str, code: Any, frame: Any, defaults: list[Value], kw_defaults: dict[str, Value]
    ) -> None:
        self.name = name
        self.code = code
        self.frame = frame
        self.defaults = defaults
        self.kw_defaults = kw_defaults
        self.attributes: dict[str, Value] = {}
        self.owner: ClassValue | None = None


class BoundMethod:
    """A function of the script with its receiver."""

    __slots__ = ("function", "receiver")

    def __init__(self, function: Function, receiver: Value) -> None:
        self.function = function
        self.receiver = receiver


class Intrinsic:
    """A modelled callable of the standard library or a known package.

    `call(interp, args, kwargs, line) -> Value`. `pure` says that it cannot change its arguments.
    """

    __slots__ = ("call", "name", "receiver")

    def __init__(
        self,
        name: str,
        call: Callable[[Any, list[Value], dict[str, Value], int], Value],
        receiver: Value = None,
    ) -> None:
        self.name = name
        self.call = call
        self.receiver = receiver
        """What a bound method is bound to, for when it is handed to something unknown."""

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Module:
    """A module as the script sees it: a modelled package, or a sibling file. Assigning attributes is allowed
    and stays inside the evaluation (that is how a patched tokenizer class is noticed)."""

    __slots__ = ("attributes", "name", "patched", "resolve", "unknown")

    def __init__(
        self, name: str, resolve: Callable[[str], Value] | None = None, unknown: bool = False
    ) -> None:
        self.name = name
        self.unknown = unknown
        """Whether nothing is known of its code."""
        self.attributes: dict[str, Value] = {}
        self.resolve = resolve
        self.patched: set[str] = set()

    def __repr__(self) -> str:
        return f"<module {self.name}>"


class ClassValue:
    """A class of the script. `opaque_base` is set where a base class is not modelled."""

    __slots__ = ("_order", "attributes", "bases", "line", "name", "opaque_base")

    def __init__(
        self, name: str, bases: list[ClassValue], attributes: dict[str, Value], opaque_base: str, line: int
    ) -> None:
        self._order: list[ClassValue] | None = None
        self.name = name
        self.bases = bases
        self.attributes = attributes
        self.opaque_base = opaque_base
        self.line = line

    def lookup(self, name: str) -> Value:
        """The attribute in this class or its bases, in the order in which Python asks them, or MISSING."""
        if name in self.attributes:
            return self.attributes[name]
        for cls in self.order()[1:] if self.bases else ():
            if name in cls.attributes:
                return cls.attributes[name]
        return MISSING

    def order(self) -> list[ClassValue]:
        """The class and its bases as Python orders them (C3), kept; depth first where there is no such order, which
        `class` itself refuses."""
        if self._order is None:
            inherited = [list(base.order()) for base in self.bases]
            self._order = [self, *_merged_orders([*inherited, list(self.bases)])]
        return self._order


MOST_BASES = 64
"""Classes that a class of a script may have above it; `class` refuses more."""


def _merged_orders(orders: list[list[ClassValue]]) -> list[ClassValue]:
    out: list[ClassValue] = []
    while orders := [o for o in orders if o]:
        first = next((o[0] for o in orders if not any(o[0] in other[1:] for other in orders)), orders[0][0])
        out.append(first)
        orders = [[c for c in o if c is not first] for o in orders]
    return out


class Instance:
    """An object of a class of the script."""

    __slots__ = ("attributes", "cls")

    def __init__(self, cls: ClassValue) -> None:
        self.cls = cls
        self.attributes: dict[str, Value] = {}


class NativeClass:
    """A modelled class (SentencePieceProcessor, Path, dtype names): callable, can be patched, can be subclassed."""

    __slots__ = ("attributes", "construct", "name")

    def __init__(
        self, name: str, construct: Callable[[Any, list[Value], dict[str, Value], int], Value]
    ) -> None:
        self.name = name
        self.construct = construct
        self.attributes: dict[str, Value] = {}

    def __repr__(self) -> str:
        return f"<class {self.name}>"


class NativeObject:
    """An object of a modelled class: `methods` by name; `state` is private to the model."""

    __slots__ = ("attributes", "kind", "methods", "native_class", "state")

    def __init__(
        self,
        kind: str,
        methods: dict[str, Callable[[Any, Any, list[Value], dict[str, Value], int], Value]],
        state: Any = None,
        native_class: NativeClass | None = None,
    ) -> None:
        self.kind = kind
        self.methods = methods
        self.state = state
        self.native_class = native_class
        self.attributes: dict[str, Value] = {}

    def __repr__(self) -> str:
        return f"<{self.kind}>"

    def __eq__(self, other: object) -> bool:
        paths = self.kind == "Path" and isinstance(other, NativeObject) and other.kind == "Path"
        return paths and self.state == other.state if paths else self is other  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.state) if self.kind == "Path" else id(self)


class DType:
    """A numpy, torch or mlx element type, by its plain name (`int16`, `bool`, `float64`)."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class RaisedText(Opaque):
    """The text of an exception that Python itself raises: its words are not followed, ours are in the reason."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(self.reason)


class ExceptionValue:
    """An exception object of the interpreted program."""

    __slots__ = ("args", "kind")

    def __init__(self, kind: str, args: tuple[Value, ...] = ()) -> None:
        self.kind = kind
        self.args = args

    def __repr__(self) -> str:
        return f"{self.kind}({', '.join(map(repr, self.args))})"


class _Missing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "<missing>"


MISSING: Any = _Missing()
"""No such name or attribute; never visible to the interpreted program."""
