"""The restricted evaluator: an allow-list interpreter of Python trees, with values of its own.

What it promises: nothing of a script is executed by Python; every node kind, operation, method and callable that is
not listed here or in `intrinsics` gives `Opaque` (a value with a reason) or `Stuck`; steps, memory, recursion and number
sizes are bounded, and a bound that is met raises `LimitTripped`.

How it treats what it cannot know: a statement that gets stuck makes the names it would have bound unknown, and goes
on. Under a condition that is unknown, both branches are followed and what differs between them becomes unknown, as does
everything older that either of them changed. A `raise` that only guards (`if bad: raise`) and has no handler is taken not
to have happened, because the run that is audited got past it; each such assumption is recorded.

Trees are compiled to Python closures, block by block as they are reached, which are kept beside the (shared, immutable) tree.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted.built_tables import BuiltTables
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.probe import Probe
from pgolf.untrusted.scaled import truth as scaled_truth
from pgolf.untrusted.surroundings import Surroundings
from pgolf.untrusted.syntax import own_nodes, walk
from pgolf.untrusted.tensor import SERIALS, Tensor
from pgolf.untrusted.values import (
    MISSING,
    SCALED,
    BoundMethod,
    ClassValue,
    Cursor,
    DictView,
    ExceptionValue,
    Function,
    Instance,
    Intrinsic,
    KnownTruth,
    Loss,
    Module,
    NativeClass,
    NativeObject,
    OfLosses,
    Opaque,
    ScriptRaise,
    Stuck,
    TextOf,
    Tok,
    Value,
)
from pgolf.untrusted.world import World

NORMAL, BREAK, CONTINUE, RETURN, MAYBE = 0, 1, 2, 3, 4
"""How a statement ends; after `MAYBE` what follows may not be reached: some way out was taken under an unknown condition."""

Expr = Callable[["Frame"], Value]
Stmt = Callable[["Frame"], int]


class Frame:
    """Variables of one call (or module, or class body). `parent` is the enclosing function's frame."""

    __slots__ = (
        "ambiguous", "declared_global", "function", "interp", "module", "offset", "parent", "plain", "returned", "vars", "ways_out",
    )  # fmt: skip

    def __init__(self, interp: Interp, module: ModuleFrame, parent: Frame | None, offset: int) -> None:
        self.vars: dict[str, Value] = {}
        self.interp = interp
        self.module = module
        self.parent = parent
        self.offset = offset
        self.returned: Value = None
        self.ambiguous: Opaque | None = None
        self.ways_out: list[WayOut] = []
        """Where this frame may have left a round or the function earlier, and what it held there."""
        self.function: Function | None = None
        self.plain = True
        """Whether assigned names are this frame's own: no `global` and no `nonlocal`."""


class WayOut:
    """A `continue`, `break` or `return` that an unknown condition may have led to."""

    __slots__ = ("kind", "returned", "vars", "why")

    def __init__(self, kind: int, fr: Frame, variables: dict[str, Value], why: Opaque) -> None:
        self.kind = kind
        self.vars = dict(variables)
        self.why = why
        self.returned = fr.returned


class ModuleFrame:
    """A module's globals. `lookup` may bind lazily; `name` is `__main__` for the script itself."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self.vars: dict[str, Value] = {}
        self.pending: dict[str, Callable[[], Value]] = {}

    def lookup(self, name: str) -> Value:
        found = self.vars.get(name, MISSING)
        if found is MISSING:
            pending = self.pending.pop(name, None)
            if pending is not None:
                found = pending()
                if name not in self.vars:
                    self.vars[name] = found
                found = self.vars[name]
        return found


class Code:
    """A compiled function: parameters and body, shared by every script that has the same text."""

    __slots__ = (
        "body", "decorated", "globals", "is_generator", "kwarg", "kwonly", "line", "name", "node", "nonlocals",
        "params", "posonly", "vararg",
    )  # fmt: skip

    def __init__(self, node: Any) -> None:
        args = node.args
        self.node = node
        self.name: str = getattr(node, "name", "<lambda>")
        self.posonly = len(args.posonlyargs)
        self.params: list[str] = [a.arg for a in args.posonlyargs + args.args]
        self.kwonly: list[str] = [a.arg for a in args.kwonlyargs]
        self.vararg: str | None = args.vararg.arg if args.vararg else None
        self.kwarg: str | None = args.kwarg.arg if args.kwarg else None
        self.line: int = node.lineno
        self.body: Stmt | None = None
        self.is_generator = False
        self.globals: frozenset[str] = frozenset()
        self.nonlocals: frozenset[str] = frozenset()

    def compiled(self) -> Stmt:
        """The body as one closure; compiled on the first call."""
        if self.body is None:
            node = self.node
            if isinstance(node, ast.Lambda):
                value = compile_expr(node.body)

                def run(fr: Frame) -> int:
                    fr.returned = value(fr)
                    return RETURN

                self.body = run
                self.is_generator = _yields(node.body)
            else:
                outer: set[str] = set()
                free: set[str] = set()
                for sub in own_nodes(node.body):
                    kind = type(sub)
                    if kind not in _SHAPING:
                        continue
                    if kind is ast.Global:
                        outer.update(sub.names)
                    elif kind is ast.Nonlocal:
                        free.update(sub.names)
                    else:
                        self.is_generator = True
                self.globals = frozenset(outer)
                self.nonlocals = frozenset(free)
                self.body = compile_block(node.body)
        return self.body


MOST_STORES = 5_000
"""Places that one loop stores into and that are kept, with what is in reach of the script."""


def _references(kept: dict[tuple[int, str], Any], place: tuple[int, str]) -> int:
    holder = kept[place]
    return sys.getrefcount(holder)


_OWN_REFERENCES = _references({(0, ""): object()}, (0, ""))
"""References to a thing that only such a mapping holds."""
_SHAPING = frozenset({ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom})
"""Nodes that say what kind of function they stand in, or whose names it binds."""


def _yields(node: ast.AST) -> bool:
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in walk(node))


_GIVEN = frozenset({Function, BoundMethod, list, tuple})
_LOSSES = frozenset({Loss, OfLosses, TextOf})
_KEEPS_TEXT = frozenset({"str", "format", "repr", "ascii", "print", "dumps", "json.dumps"})
"""Functions that leave the numbers in a text as they are."""

_NEVER_IMPLIED = frozenset(
    {"__init__", "__post_init__", "__init_subclass__", "__class_getitem__", "__set_name__"}
)
"""Special methods that are called where an object or class is made, which is followed."""


class Interp:
    """Budgets, the state of one evaluation, and what was noticed on the way."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.steps_left = limits.interpreter_steps
        self.cells_left = limits.interpreter_cells
        self.depth = 0
        self.handlers = 0
        self.may_raise = 0
        """How often something was met that may raise an exception in a real run, or not: a call of something unknown, an
        unknown guard."""
        self.surprises = 0
        """Names met that nothing bound and assertions that did not hold: a real run would raise, this one goes on."""
        """How many `try` bodies with handlers are being executed."""
        self.fresh: list[tuple[int, dict[int, Value]]] = []
        """For each unknown condition we are under: the array serial at its start, and the containers made since
        (kept alive, so that ids stay theirs)."""
        self.renamed: list[dict[tuple[int, str], tuple[dict[Any, Value], Value]]] = []
        """For each of them: globals, names of functions around and attributes of classes, functions and modules that were
        set since, with what they were before."""
        self.assumptions: list[tuple[int, str]] = []
        self.stuck: list[tuple[int, str]] = []
        self.scale: dict[tuple[str, int, str], None] = {}
        """(function, line, what) that may come out otherwise on a stream that is not scaled down."""
        self.bound_met = ""
        """The last comparison of a small number with a bound that only a real stream reaches, until it is asked for."""
        self.doubts: list[tuple[int, str]] = []
        """What the script does that is not modelled and could change tables unseen: no proof stands beside one."""
        self.observer: Observer = Observer()
        self.probe = Probe()
        self.around = Surroundings()
        self.world = World()
        self.tables = BuiltTables(self.doubt)
        self.optimiser_calls = 0
        """How often a loss was differentiated or gradients were cleared: what a loop of training does."""
        self.layers: list[str] = []
        """Decoders the script applied while it was evaluated, in order."""
        self.unknown_branches = 0
        self.number_arrays: dict[int, tuple[Value, range]] = {}
        """Lists that stand for an `array.array`, by identity, with the range of its numbers."""
        self.deques: dict[int, Value] = {}
        """Lists that stand for a `collections.deque`, by identity."""
        self.factories: dict[int, tuple[Value, Value]] = {}
        """`defaultdict` factories by identity of the dictionary."""
        self.at_exit: list[tuple[Value, list[Value], dict[str, Value], int]] = []
        """Calls that are made when the program ends."""
        self.loops: list[dict[tuple[int, str], Value]] = []
        """For each loop we are in: what its rounds stored into, by identity and name (see `stored`)."""
        self.loop_depths: list[int] = []
        """For each loop we are in: the depth of the call that it belongs to."""
        self.perhaps = 0
        """How many parts of expressions we are in that run an unknown number of times."""
        self.retrying = False
        """Whether calls of a statement that got stuck are being followed, to see what they would have changed."""
        self.training_rounds = 2
        """Rounds of a training loop that are followed: the second meets what the first has left behind."""
        self.forgets = True
        """Whether what rounds of a loop that are not followed may change becomes unknown: for proofs, it has to."""
        self.forgot_tokens = False
        """Whether tokens of the stream were among what became unknown so."""
        self.redirected: Value = None
        """What the script put in the place of its standard output."""
        self.handed: dict[int, Function] = {}
        """Functions that something not followed may call, by identity: methods of classes, and what was given away."""
        self.other_sizes = False
        """Whether settings have the other ones of their two sizes."""
        self.any_shape = False
        """Whether losses that are reshaped to unknown sizes keep their order and become flat: where only the order counts."""
        self.frame_of_import: Frame | None = None
        self.text_runner: Callable[[list[Value], dict[str, Value], int], Value] | None = None
        self.importer: Callable[[str, Frame, int, int], Value] | None = None
        self.builtins: dict[str, Value] = {}
        self.cyclic: list[Frame | dict[str, Value]] = []
        """Calls in which functions were defined, and attributes of classes: they hold what holds them."""
        self.starred: dict[str, Callable[[], list[tuple[str, Value]]]] = {}

    # -- budgets -------------------------------------------------------------------------------------

    def step(self, n: int = 1) -> None:
        self.steps_left -= n
        if self.steps_left < 0:
            raise LimitTripped("interpreter_steps", self.limits.interpreter_steps)

    def cells(self, n: int) -> None:
        self.cells_left -= n
        if n > 1:
            self.steps_left -= n >> 1
        if self.cells_left < 0:
            raise LimitTripped("interpreter_cells", self.limits.interpreter_cells)

    def made(self, container: Value) -> Value:
        """Account for a new container."""
        self.cells(len(container) + 1)
        if self.fresh:
            self.register(container)
        return container

    def is_special(self, value: Value) -> bool:
        """Whether a list stands for a `collections.deque` or an `array.array`, which are no lists."""
        return self.is_deque(value) or self.ranges_of(value) is not None

    def ranges_of(self, value: Value) -> range | None:
        """The numbers that an `array.array` which a list stands for may hold; None for any other value."""
        held = self.number_arrays.get(id(value))
        return held[1] if held is not None and held[0] is value else None

    def is_deque(self, value: Value) -> bool:
        """Whether a list stands for a `collections.deque`."""
        return self.deques.get(id(value)) is value

    def iterator(self, items: Iterable[Value]) -> Cursor:
        """An iterator that the script may draw from."""
        cursor = Cursor(items)
        self.cells(1)
        self.register(cursor)
        return cursor

    def register(self, thing: Value) -> None:
        """Remember that `thing` is younger than the unknown conditions we are under."""
        if self.fresh:
            for _, level in self.fresh:
                level[id(thing)] = thing

    # -- unknown conditions --------------------------------------------------------------------------

    def changing(self, target: Value, line: int) -> bool:
        """Called before an in-place change. False: the change must not be made precise (under an unknown
        condition, and `target` is older than it); the caller then spoils the target instead."""
        if self.loops and type(target) is not Instance:
            self.stored(target, "", line)
        if type(target) is Tensor:
            if target.base is not None:
                target.spoil_base(line)
            if target.views is not None:
                target.spoil_views(line)
            target.source, target.hidden = None, False
            if self.tables.arrays and target.serial in self.tables.arrays:
                self.tables.note_patch(target.serial, line)
            return not self.fresh or target.serial >= self.fresh[-1][0]
        return not self.fresh or id(target) in self.fresh[-1][1]

    def renames(self, owner: Value, names: dict[Any, Value], name: str, old: Value) -> None:
        """Called before a name outside the running frame is set, which was `old`: after an unknown condition it may be either."""
        for (_, made), kept in zip(self.fresh, self.renamed, strict=True):
            if id(owner) not in made:
                kept.setdefault((id(names), name), (names, old))

    def in_own_loop(self) -> bool:
        """Whether the innermost loop belongs to the function that is being evaluated."""
        return bool(self.loop_depths) and self.loop_depths[-1] == self.depth

    def stored(self, holder: Value, name: str, line: int) -> None:
        """Something outside a frame's own names is stored into, in a loop: an attribute or global by name, or a container."""
        kept = self.loops[-1]
        if len(kept) >= MOST_STORES and (id(holder), name) not in kept:
            self._drop_unreachable(kept)
        if len(kept) < MOST_STORES:
            kept[id(holder), name] = holder
        elif (id(holder), name) not in kept:
            self.doubt("a loop stores into more places than are kept", line)

    def _drop_unreachable(self, kept: dict[tuple[int, str], Value]) -> None:
        """Forget places that nothing else refers to: what a round made and left behind, one for every token."""
        self.step(len(kept))
        for place in list(kept):
            if _references(kept, place) <= _OWN_REFERENCES:
                del kept[place]

    def stored_ahead(
        self, stored: dict[tuple[int, str], Value], frame: Frame, before: int, line: int
    ) -> None:
        """A generator was run to its end at once; what it stored into tables from outside it may not have, or not yet."""
        from pgolf.untrusted.operators import spoil

        own = {id(value) for value in frame.vars.values()}
        for holder in stored.values():
            kind = type(holder)
            if kind is Tensor:
                older = holder.serial < before and len(holder.data) >= self.probe.vocab_size > 0
                if older and type(holder.data[0]) is not Tok:
                    spoil(holder, "stored into by a generator, when is not known", line)
            elif kind in (list, dict) and id(holder) not in own and len(holder) >= self.probe.vocab_size > 0:
                spoil(holder, "stored into by a generator, when is not known", line)

    def leave_loop(self) -> dict[tuple[int, str], Value]:
        """A loop ends; returns what it stored into, which the loop around it did, too."""
        done = self.loops.pop()
        if self.loops and done:
            around = self.loops[-1]
            if len(around) + len(done) > MOST_STORES:
                self._drop_unreachable(done)
                self._drop_unreachable(around)
            if len(around) + len(done) > MOST_STORES:
                self.doubt("a loop stores into more places than are kept", 0)
            else:
                around.update(done)
        return done

    def note_stuck(self, reason: str, line: int) -> None:
        self.may_raise += 1
        if len(self.stuck) < 200:
            self.stuck.append((line, reason))

    def at_scale(self, what: str, line: int, of_stream: bool = False) -> None:
        """Something that a scaled-down evaluation met with small numbers and a real run meets with large ones.

        `of_stream`: it was met with the validation stream itself, so that it counts in whatever function that was.
        """
        if len(self.scale) < 400:
            self.scale["*" if of_stream else self.observer.function_name(), line, what] = None
        else:
            self.doubt("more places depend on the size of a run than are kept", line)

    def is_of_stream(self, value: Value) -> bool:
        """Whether an array has an element for each token of the stream, or its elements are tokens."""
        if type(value) is not Tensor or not value.data or not self.probe.stream:
            return False
        return (
            type(value.data[0]) is Tok
            or len(value.data) >= len(self.probe.stream) - 16 > self.probe.vocab_size
        )

    def doubt(self, reason: str, line: int) -> None:
        if len(self.doubts) < 50:
            self.doubts.append((line, reason))

    def assume(self, what: str, line: int) -> None:
        if len(self.assumptions) < 200 and (line, what) not in self.assumptions:
            self.assumptions.append((line, what))

    # -- modules -------------------------------------------------------------------------------------

    def import_module(self, name: str, fr: Frame, line: int, level: int = 0) -> Value:
        """The module of that dotted name: modelled, a sibling file, or unknown."""
        if self.importer is None:
            return Opaque(f"module {name}", line)
        return self.importer(name, fr, line, level)

    def exported(self, module: Module) -> list[tuple[str, Value]]:
        """What `from module import *` binds."""
        if module.name in self.starred:
            return self.starred[module.name]()
        return [(k, v) for k, v in module.attributes.items() if not k.startswith("_")]

    def run_text(self, args: list[Value], kwargs: dict[str, Value], line: int) -> Value:
        """`exec(text)`: the text is evaluated like any other source, never executed."""
        if self.text_runner is None:
            return Opaque("exec()", line)
        return self.text_runner(args, kwargs, line)

    # -- calling -------------------------------------------------------------------------------------

    def call(self, callee: Value, args: list[Value], kwargs: dict[str, Value], line: int) -> Value:
        """Call any value."""
        kind = type(callee)
        if kind is Intrinsic:
            self.step()
            for value in (*args, *kwargs.values()) if kwargs else args:
                if type(value) in _GIVEN:
                    self.hand_on(value, line)
            try:
                result = callee.call(self, args, kwargs, line)
            except Stuck:
                self.may_call([*args, *kwargs.values()], line)
                raise
            if isinstance(result, Opaque):
                self.may_raise += 1
                if args or kwargs:
                    self.may_call([*args, *kwargs.values()], line)
                    if self.tables.arrays:
                        self._given_with_a_function(callee.name, [*args, *kwargs.values()], line)
                    return self._of_losses(callee.name, [*args, *kwargs.values()], result, line)
            return result
        if kind is Function:
            return self.call_function(callee, args, kwargs, line)
        if kind is BoundMethod:
            return self.call_function(callee.function, [callee.receiver, *args], kwargs, line)
        if kind is NativeClass:
            self.step()
            result = callee.construct(self, args, kwargs, line)
            if args and isinstance(result, Opaque):
                return self._of_losses(callee.name, args, result, line)
            return result
        if kind is ClassValue:
            from pgolf.untrusted.objects import instantiate

            return instantiate(self, callee, args, kwargs, line)
        if kind is Instance:
            from pgolf.untrusted.objects import get_attribute

            method = get_attribute(self, callee, "__call__", line, missing_ok=True)
            if method is MISSING and not callee.cls.opaque_base:
                if callee.cls.lookup("__getattr__") is not MISSING or "%native" in callee.attributes:
                    return Opaque(f"call of an object of class {callee.cls.name}", line)
                raise ScriptRaise(ExceptionValue("TypeError"), line)
            if isinstance(method, (Function, BoundMethod, Intrinsic)):
                return self.call(method, args, kwargs, line)
            if callee.cls.opaque_base:
                forward = get_attribute(self, callee, "forward", line)
                if isinstance(forward, (Function, BoundMethod)) and self.observer.enters(forward, args):
                    return self.call(forward, args, kwargs, line)
                if self.tables.arrays and isinstance(forward, BoundMethod):
                    from pgolf.untrusted.changes import spoil_reachable

                    code, why = forward.function.code, "changed in a method that is not followed"
                    spoil_reachable(forward.function.frame, code.node, why, line)
                self.may_raise += 1
                return self.observer.call_unknown(
                    self, Opaque(f"call of {callee.cls.name}", line, "model"), args, kwargs, line
                )
            return Opaque(f"call of an object of class {callee.cls.name}", line)
        if isinstance(callee, Opaque):
            self.may_raise += 1
            result = self.observer.call_unknown(self, callee, args, kwargs, line)
            if callee.reason.endswith("is not modelled"):
                self._may_change(args, callee.reason, line)
            return result
        if kind is Module:
            # What `from package import name` gave is taken for a module as long as nothing else is known of it.
            origin = "model" if callee.name.startswith("torch.") else "external"
            unknown = Opaque(f"{callee.name} is not modelled", line, origin)
            self.may_raise += 1
            return self.observer.call_unknown(self, unknown, args, kwargs, line)
        from pgolf.untrusted.intrinsics import call_dtype

        made = call_dtype(self, callee, args, kwargs, line)
        if made is not MISSING:
            self.may_raise += isinstance(made, Opaque)
            return made
        self.may_raise += 1
        return Opaque(f"call of a value of kind {type(callee).__name__}", line)

    def _given_with_a_function(self, name: str, given: list[Value], line: int) -> None:
        """A modelled callable that could not be followed was given tables and a function to call with them."""
        if any(type(value) in (Function, BoundMethod) for value in given):
            from pgolf.untrusted.changes import arrays_within
            from pgolf.untrusted.operators import spoil

            for array in (a for value in given for a in arrays_within(value)):
                if self.tables.holds(array):
                    spoil(array, f"given to {name}() with a function", line)

    def _of_losses(self, name: str, given: list[Value], result: Opaque, line: int) -> Opaque:
        """What a modelled function made of losses, or of texts with losses in them, and is not known."""
        kind = type(result)
        if kind is not Opaque and not (kind is TextOf and any(result is x for x in given)):
            return result
        if _LOSSES.isdisjoint(map(type, given)) or name in _KEEPS_TEXT:
            return result
        from pgolf.untrusted.written import altered, positions_in

        text = next((x for x in given if type(x) is TextOf), None)
        if text is not None:
            return altered(self, text, f"{name}()", line)
        return OfLosses(result.reason, line, frozenset().union(*map(positions_in, given)))

    def hand_on(self, value: Value, line: int) -> None:
        """Remember a function that something which is not followed may call."""
        if type(value) in (list, tuple):
            for item in value:
                if type(item) in _GIVEN:
                    self.hand_on(item, line)
            return
        function = value.function if type(value) is BoundMethod else value
        if type(function) is Function and id(function) not in self.handed:
            if len(self.handed) < 20_000:
                self.handed[id(function)] = function
            else:
                self.doubt("more functions are given away than are kept", line)

    def may_call(self, given: list[Value], line: int, args: list[Value] | None = None) -> None:
        """What a modelled callable gave is unknown: functions it was given ran an unknown number of times (`map`, `key=`),
        with `args` first, as far as they are known."""
        known = args or []
        for value in given:
            kind = type(value)
            if kind is Function or kind is BoundMethod:
                function = value if kind is Function else value.function
                code: Code = function.code
                wanted = len(code.params) - len(function.defaults) - (kind is BoundMethod)
                self._may_run(value, known, wanted, function.frame, line)
            elif kind is Intrinsic and (value.name == "partial" or type(value.receiver) is Tensor):
                self._may_run(value, known, 1, self.frame_of_import, line)
            elif kind is Instance:
                self.may_run_methods(value.cls, value, line)
            elif kind is ClassValue:
                self.may_run_methods(value, Opaque(f"an object of class {value.name}", line), line)
            elif kind is list or kind is tuple:
                self.may_call([x for x in value[:16] if type(x) is Instance], line, known)

    def may_run_methods(
        self, cls: ClassValue, receiver: Value, line: int, followed: frozenset[str] = _NEVER_IMPLIED
    ) -> None:
        """Methods that Python calls by itself (`__lt__`, `__fspath__`), where what was done with an object is not followed."""
        for name, method in list(cls.attributes.items())[:200]:
            if type(method) is Function and name.startswith("__") and name not in followed:
                self.may_call([method], line, [receiver])

    def _may_run(
        self, callee: Value, known: list[Value], wanted: int, frame: Frame | None, line: int
    ) -> None:
        from pgolf.untrusted.conditions import may_run

        missing = Opaque("an argument that nothing known was given for", line)
        args = known + [missing] * max(0, wanted - len(known))
        if frame is not None:
            may_run(frame, lambda: self.call(callee, args, {}, line), line)

    def _may_change(self, args: list[Value], reason: str, line: int) -> None:
        """Containers that a function of Python's own library was given, which is not modelled: it may change them."""
        from pgolf.untrusted.changes import arrays_within
        from pgolf.untrusted.operators import spoil

        for value in args:
            if type(value) in (list, dict, set):
                # Before the container forgets them: functions may be called, tables changed.
                self.hand_on(list(value.values()) if type(value) is dict else list(value), line)
                for array in arrays_within(value):
                    if self.tables.holds(array):
                        spoil(array, f"may be changed: {reason}", line)
                spoil(value, f"may be changed: {reason}", line)
            elif type(value) is bytearray:
                self.doubt(f"bytes may be changed: {reason}", line)

    def call_function(
        self, function: Function, args: list[Value], kwargs: dict[str, Value], line: int
    ) -> Value:
        """Bind arguments as Python does and run the body."""
        code: Code = function.code
        verdict = self.observer.before_call(self, function, args, kwargs, line)
        if verdict is not MISSING:
            return verdict
        try:
            if self.depth >= self.limits.interpreter_recursion:
                raise LimitTripped("interpreter_recursion", self.limits.interpreter_recursion, code.name)
            self.step(2)
            closure: Frame = function.frame
            frame = Frame(self, closure.module, closure, closure.offset)
            frame.function = function
            if self.fresh:
                self.register(frame)
            self._bind(function, code, frame, args, kwargs, line)
            body = code.body or code.compiled()
            if code.globals or code.nonlocals:
                frame.plain = False
            if code.is_generator:
                items = self.observer.generator(self, function, frame, body, line)
                self.observer.left(function)
                why = frame.ambiguous or next((way.why for way in frame.ways_out), None)
                if why is not None:
                    return Opaque(
                        f"what a generator gives depends on an unknown condition: {why.reason}",
                        why.line,
                        why.origin,
                    )
                return self.iterator(items) if type(items) is list else items
            self.depth += 1
            try:
                body(frame)
            finally:
                self.depth -= 1
        except Exception:
            self.observer.left(function)
            raise
        result = frame.returned
        if frame.ambiguous is None and frame.ways_out:
            result = _one_of_results(frame)
        if frame.ambiguous is not None:
            result = self.observer.ambiguous_result(result, frame.ambiguous)
        self.observer.after_call(self, function, args, kwargs, result, line)
        return result

    def _bind(
        self,
        function: Function,
        code: Code,
        frame: Frame,
        args: list[Value],
        kwargs: dict[str, Value],
        line: int,
    ) -> None:
        variables = frame.vars
        params = code.params
        n = len(args)
        if n > len(params):
            if code.vararg is None:
                raise Stuck(f"{code.name}() takes {len(params)} arguments, {n} were given", line)
            variables[code.vararg] = tuple(args[len(params) :])
            args = args[: len(params)]
        elif code.vararg is not None:
            variables[code.vararg] = ()
        for name, value in zip(params, args, strict=False):
            variables[name] = value
        if kwargs:
            extra: dict[str, Value] = {}
            for name, value in kwargs.items():
                if name in code.kwonly or name in params[code.posonly :]:
                    if name in variables:
                        raise Stuck(f"{code.name}() got two values for {name}", line)
                    variables[name] = value
                elif code.kwarg is not None:
                    extra[name] = value
                else:
                    raise Stuck(f"{code.name}() has no parameter {name}", line)
            if code.kwarg is not None:
                variables[code.kwarg] = extra
        elif code.kwarg is not None:
            variables[code.kwarg] = {}
        first_default = len(params) - len(function.defaults)
        for i in range(n, len(params)):
            name = params[i]
            if name not in variables:
                if i < first_default:
                    raise Stuck(f"{code.name}() misses argument {name}", line)
                variables[name] = function.defaults[i - first_default]
        for name in code.kwonly:
            if name not in variables:
                if name not in function.kw_defaults:
                    raise Stuck(f"{code.name}() misses argument {name}", line)
                variables[name] = function.kw_defaults[name]

    # -- truth and iteration --------------------------------------------------------------------------

    def truth(self, value: Value, line: int) -> bool | Opaque:
        """True, False, or the Opaque that keeps us from knowing."""
        kind = type(value)
        if kind is bool:
            return bool(value)
        if kind in SCALED:
            return scaled_truth(value, line)
        if isinstance(value, Opaque):
            return value.truth if isinstance(value, KnownTruth) else value
        if kind is Tensor:
            if len(value.data) != 1:
                return Opaque("truth of an array with several elements", line)
            return self.truth(value.data[0], line)
        if kind is Loss:
            return Opaque("truth of a loss", line, "model")
        if kind is Instance:
            from pgolf.untrusted.objects import get_attribute

            for name in ("__bool__", "__len__"):
                method = get_attribute(self, value, name, line, missing_ok=True)
                if method is not MISSING:
                    answer = self.call(method, [], {}, line)
                    fits = (
                        type(answer) is bool
                        if name == "__bool__"
                        else isinstance(answer, int) and answer >= 0
                    )
                    if not fits and not isinstance(answer, Opaque):
                        return Opaque(f"{name}() that gives something else", line)
                    return self.truth(answer, line)
            return True
        if value is None or isinstance(
            value, (int, float, str, bytes, list, tuple, dict, set, frozenset, range, bytearray)
        ):
            return bool(value)
        if kind is DictView:
            return bool(value.keys())
        if isinstance(value, NativeObject):
            from pgolf.untrusted.intrinsics import native_length

            length = native_length(value)
            return True if length is None else length > 0
        return True

    def iterate(self, value: Value, line: int) -> Any:
        """A host iterator over an iterable value, or Opaque."""
        kind = type(value)
        if kind in (list, tuple, range, str, bytes, set, frozenset, bytearray):
            return iter(value) if kind is not list else _live_list(value)
        if kind is dict:
            return iter(list(value))
        if kind is Tensor:
            if not value.shape:
                raise Stuck("iteration over a 0-d array", line)
            from pgolf.untrusted.tensor import get

            return (get(value, i) for i in range(value.shape[0]))
        if isinstance(value, Opaque):
            self.may_raise += 1
            return value
        from pgolf.untrusted.intrinsics import iterate_native

        return iterate_native(self, value, line)


def _one_of_results(frame: Frame) -> Value:
    """What a function returned that may have returned earlier: known where all its results are the same."""
    for way in frame.ways_out:
        if way.kind == RETURN and not _same_result(frame.returned, way.returned, way.why):
            frame.ambiguous = way.why
            break
    return frame.returned


def _same_result(a: Value, b: Value, why: Opaque) -> bool:
    if type(a) is tuple and type(b) is tuple:
        return len(a) == len(b) and all(_same_result(x, y, why) for x, y in zip(a, b, strict=True))
    if type(a) is Loss and type(b) is Loss:
        return a.weights == b.weights and a.late == b.late
    from pgolf.untrusted.expressions import merge

    return a is b or merge(a, b, why) is a


def _live_list(value: list[Value]) -> Any:
    i = 0
    while i < len(value):
        yield value[i]
        i += 1


class Enough(BaseException):
    """Raised by an observer to end an evaluation; no statement of a script and no model of ours catches it."""


class Observer:
    """What the audit wants to know while a script is evaluated; this one watches nothing."""

    def function_name(self) -> str:
        """The function that is being evaluated."""
        return ""

    def enters(self, function: Value, args: list[Value]) -> bool:
        """Whether a method of an unmodelled class (a module's `forward`) is worth evaluating."""
        return False

    def before_call(
        self, interp: Interp, function: Function, args: list[Value], kwargs: dict[str, Value], line: int
    ) -> Value:
        """MISSING to go on, or a value to return instead of calling."""
        return MISSING

    def before_instance(
        self, interp: Interp, cls: ClassValue, args: list[Value], kwargs: dict[str, Value], line: int
    ) -> Value:
        """MISSING to go on, or a value to use instead of making an object of the class."""
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
        """A function of the script has returned."""

    def left(self, function: Function) -> None:
        """A function of the script was left without a result: by an exception, or it is a generator."""

    def skipped(self, node: ast.stmt, line: int) -> None:
        """A statement could not be evaluated."""

    def read_sidecar(self, line: int) -> None:
        """A part of the byte sidecar was read, or something at an unknown place of it."""

    def read_unknown(self, container: Value, hint: str, line: int, why: Opaque) -> None:
        """`container[index]` was read, where one of the two is unknown: `why`."""

    def call_unknown(
        self, interp: Interp, callee: Opaque, args: list[Value], kwargs: dict[str, Value], line: int
    ) -> Value:
        """A call of something unknown: by default an unknown value, and arrays it may have changed are spoiled."""
        return Opaque(callee.reason, callee.line or line, callee.origin)

    def indexed(
        self, interp: Interp, container: Value, index: Value, result: Value, hint: str, line: int
    ) -> None:
        """`container[index]` was read."""

    def lost(self, interp: Interp, a: Value, b: Value, why: Opaque) -> None:
        """One of two values holds after an unknown condition; neither is known any more."""

    def formatted(self, interp: Interp, value: Value, before: str, line: int) -> None:
        """A value was formatted into text, after the literal text `before`."""

    def hinted(self, interp: Interp, receiver: Opaque, value: Value, line: int) -> None:
        """Something unknown was given a value without a call: as an attribute, or as the place of an item."""

    def altered(self, interp: Interp, text: TextOf, what: str, line: int) -> None:
        """Something was done to a text that may change the numbers in it."""

    def emitted(self, interp: Interp, pieces: list[Value], end: str, line: int) -> None:
        """Texts and values are written, one after another."""

    def graded(self, interp: Interp, targets: Tensor) -> dict[int, int] | None:
        """Losses of these targets were computed: which of them an optimiser step had used before."""
        return None

    def differentiated(self, interp: Interp, value: Value, line: int) -> None:
        """`value.backward()` was called."""

    def ambiguous_result(self, result: Value, why: Opaque) -> Value:
        """A function may have returned earlier, under an unknown condition."""
        return Opaque(f"may have returned earlier: {why.reason}", why.line, why.origin)

    def generator(self, interp: Interp, function: Function, frame: Frame, body: Stmt, line: int) -> Value:
        """A generator function was called: it is run to its end and its items are a list."""
        items: list[Value] = []
        frame.vars["%yields"] = items
        interp.register(items)
        interp.depth += 1
        before = next(SERIALS)
        interp.loops.append({})
        try:
            body(frame)
        finally:
            interp.depth -= 1
            stored = interp.leave_loop()
        interp.stored_ahead(stored, frame, before, line)
        return interp.made(items)


# ---------------------------------------------------------------------------------------------------------
# Names


def load_name(name: str) -> Expr:
    def load(fr: Frame) -> Value:
        variables = fr.vars
        if name in variables:
            found = variables[name]
            if found is not MISSING:
                return found
        return _outer_name(fr, name)

    return load


def _outer_name(fr: Frame, name: str) -> Value:
    up = fr.parent
    while up is not None:
        found = up.vars.get(name, MISSING)
        if found is not MISSING:
            return found
        up = up.parent
    found = fr.module.lookup(name)
    if found is not MISSING:
        return found
    found = fr.interp.builtins.get(name, MISSING)
    if found is not MISSING:
        return found
    fr.interp.surprises += 1
    fr.interp.may_raise += 1
    return Opaque(f"name {name} is not bound to anything that was evaluated", fr.offset, "unset")


def held_by(fr: Frame, name: str) -> Value:
    """What a name means in a frame, as far as it was evaluated: nothing is bound for the question. MISSING for nothing."""
    at: Frame | None = fr
    while at is not None:
        found = at.vars.get(name, MISSING)
        if found is not MISSING:
            return found
        at = at.parent
    return fr.module.vars.get(name, MISSING)


def store_name(fr: Frame, name: str, value: Value) -> None:
    if fr.plain:
        fr.vars[name] = value
        return
    function = fr.function
    if function is not None:
        code: Code = function.code
        if name in code.globals:
            if fr.interp.fresh:
                fr.interp.renames(fr.module, fr.module.vars, name, fr.module.lookup(name))
            fr.module.pending.pop(name, None)
            fr.module.vars[name] = value
            if fr.interp.loops:
                fr.interp.stored(fr.module.vars, name, fr.offset)
            return
        if name in code.nonlocals:
            up = fr.parent
            while up is not None:
                if name in up.vars:
                    if fr.interp.fresh:
                        fr.interp.renames(up, up.vars, name, up.vars[name])
                    up.vars[name] = value
                    if fr.interp.loops:
                        fr.interp.stored(up.vars, name, fr.offset)
                    return
                up = up.parent
    fr.vars[name] = value


def names_bound_by(node: Any) -> frozenset[str]:
    """`assigned_names` of one statement, or of a loop's body, kept on the node."""
    found: frozenset[str] | None = node.__dict__.get("_pgolf_names")
    if found is None:
        found = frozenset(
            assigned_names(list(node.body) if isinstance(node, (ast.For, ast.While)) else [node])
        )
        if isinstance(node, ast.For):
            found |= assigned_names([node.target])
        node.__dict__["_pgolf_names"] = found
    return found


_BINDING = frozenset({
    ast.Name, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs,
    ast.MatchStar, ast.MatchMapping,
})  # fmt: skip


def assigned_names(nodes: list[Any]) -> set[str]:
    """Names that statements may bind, nested functions left out."""
    names: set[str] = set()
    for node in own_nodes(nodes):
        kind = type(node)
        if kind not in _BINDING:
            continue
        if kind is ast.Name:
            if type(node.ctx) is not ast.Load:
                names.add(node.id)
        elif kind is ast.Import or kind is ast.ImportFrom:
            names.update((a.asname or a.name.split(".")[0]) for a in node.names)
        elif kind is ast.MatchMapping:
            if node.rest:
                names.add(node.rest)
        elif node.name:
            names.add(node.name)
    return names


# ---------------------------------------------------------------------------------------------------------
# Compilation is split over two files: expressions and statements.

# A closure is held by what compiled it, never by its node: trees and closures stay free of cycles.


def compile_expr(node: ast.expr) -> Expr:
    """The closure of an expression."""
    return _expression_builder()(node)


def compile_stmt(node: ast.stmt) -> Stmt:
    """The closure of a statement."""
    return _statement_builder()(node)


@lru_cache(maxsize=1)
def _expression_builder() -> Callable[[ast.expr], Expr]:
    from pgolf.untrusted.expressions import build

    return build


@lru_cache(maxsize=1)
def _statement_builder() -> Callable[[ast.stmt], Stmt]:
    from pgolf.untrusted.statements import build

    return build


def compile_block(body: list[ast.stmt]) -> Stmt:
    """A sequence of statements. One that gets stuck makes its targets unknown and the rest goes on."""
    from pgolf.untrusted.blocks import block

    return block(body)


__all__ = [
    "BREAK",
    "CONTINUE",
    "MAYBE",
    "NORMAL",
    "RETURN",
    "Code",
    "Enough",
    "ExceptionValue",
    "Frame",
    "Interp",
    "Module",
    "ModuleFrame",
    "Observer",
    "ScriptRaise",
    "assigned_names",
    "compile_block",
    "compile_expr",
    "compile_stmt",
    "load_name",
    "names_bound_by",
    "store_name",
]
