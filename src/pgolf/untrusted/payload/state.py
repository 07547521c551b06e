"""What is known while one script is followed, and what following it may still cost."""

from __future__ import annotations

import ast
import posixpath
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pgolf.errors import LimitTripped
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.payload.values import MISSING, Execution, Host, Module, Scope, Step, Unfollowed, Unknown
from pgolf.untrusted.script import Script

if TYPE_CHECKING:
    from pgolf.untrusted.payload.words import Words

ROOT = "/__checkout__"


class State(ABC):
    """One script being followed: its names, files and environment, and the budgets.

    `on_execute` is told of each execution and returns True when it wants the inner code followed too (it may define
    what later code executes); `on_unfollowed` is told of each one that cannot be followed.
    """

    def __init__(
        self,
        script: Script,
        limits: Limits,
        parse: Callable[[bytes | str], ast.Module | str],
        on_execute: Callable[[Execution], bool],
        on_unfollowed: Callable[[Unfollowed], None],
    ) -> None:
        self.script = script
        self.limits = limits
        self.parse = parse
        self.on_execute = on_execute
        self.on_unfollowed = on_unfollowed
        stored = script.path.replace("\\", "/").lstrip("/")
        self.file_name = posixpath.normpath(posixpath.join(ROOT, stored or "script.py"))
        self.folder = posixpath.dirname(self.file_name)
        self.written: dict[str, Any] = {}
        self.environment: dict[str, Any] = {}
        self.environment_spoiled = False
        """Whether a variable whose name is not known was set, or a program was given variables that are not known."""
        self.modules: dict[str, Any] = {}
        self.overrides: dict[str, Any] = {}
        self.sys_path: list[Any] = [self.folder]
        self.argv: list[Any] = [self.file_name]
        self.chains: dict[bytes | str, tuple[Step, ...]] = {}
        self.tainted: dict[int, Any] = {}
        self.poison: Unknown | None = None
        self.steps = 0
        self.allocated = 0
        self.unpacked = 0
        self.maybe = 0
        self.call_depth = 0
        self.exec_depth = 0
        self.eval_depth = 0
        self.tops: dict[int, ast.stmt] = {}
        self.temporaries = 0
        self.descriptors: dict[int, str] = {}
        self.line = 0
        # What tells a loop that makes a constant from one that does not: constants made, and values that are not known.
        self.made = 0
        self.doubts = 0
        # What was changed since a `try` or `with` began whose body may be cut short: a container, or a mapping and its key.
        self.guarded = 0
        self.journal: list[tuple[Any, Any]] = []
        self.handlers: dict[type, Callable[[Any, Scope], Any] | None] = {}
        self.visited: set[ast.AST] = set()
        # Functions that are followed whatever they are given, and what each function names.
        self.relevant: set[ast.AST] = set()
        self.words: dict[ast.FunctionDef | ast.AsyncFunctionDef, Words] = {}
        # Per depth of sources inside sources: how many things were done that inner code could notice.
        self.effects: dict[int, int] = {}
        self.main = Scope(
            {"__name__": "__main__", "__file__": self.file_name, "__builtins__": Host("builtins")}
        )
        self.modules["__main__"] = Module("__main__", self.main.names, self.file_name)

    # -- budgets

    def tick(self, amount: int = 1) -> None:
        self.steps += amount
        if self.steps > self.limits.constant_steps:
            raise LimitTripped(
                "constant_steps", self.limits.constant_steps, "following what the wrapper computes"
            )

    def grow(self, size: int) -> None:
        """Account for a value before it is made."""
        if size > self.limits.constant_bytes:
            raise LimitTripped("constant_bytes", self.limits.constant_bytes, f"a constant of {size:,} bytes")
        if size > 512:
            self.allocated += size
            if self.allocated > 8 * self.limits.constant_bytes:
                raise LimitTripped("constant_bytes", self.limits.constant_bytes, "all constants together")

    def affect(self) -> None:
        """Note that the source being followed did something beyond finding and starting its payload."""
        self.effects[self.exec_depth] = self.effects.get(self.exec_depth, 0) + 1

    def unknown(self, reason: str) -> Unknown:
        self.doubts += 1
        return Unknown(reason, self.line)

    # -- what is known of values

    def checked(self, value: Any) -> Any:
        if id(value) in self.tainted:
            return self.tainted[id(value)][1]
        return value

    def taint(self, value: Any) -> None:
        """A container changed in a way we could not follow."""
        if value is self.main.names:
            self.poison = self.unknown("the script's globals changed on an unknown path")
        elif isinstance(value, (list, dict, bytearray, set)):
            self.tainted[id(value)] = (value, self.unknown("a container that changed on an unknown path"))

    def taint_all(self, value: Any, depth: int = 0) -> None:
        """A container and those in it."""
        self.taint(value)
        if depth < 4 and isinstance(value, (list, tuple, dict)):
            for each in list(value.values() if isinstance(value, dict) else value)[:1000]:
                if isinstance(each, (list, tuple, dict, set, bytearray)):
                    self.taint_all(each, depth + 1)

    def mutate(self, value: Any) -> None:
        if self.maybe:
            self.taint(value)
        elif self.guarded:
            self.journal.append((value, MISSING))

    def put(self, names: dict[Any, Any], key: Any, value: Any) -> None:
        """Set one entry of a mapping that stands for something outside the current names (attributes, files, variables)."""
        if self.maybe:
            value = self.unknown("set on an unknown path")
        elif self.guarded:
            self.journal.append((names, key))
        names[key] = value

    def escape(self, args: Iterable[Any], options: dict[str, Any]) -> None:
        """Containers handed to unknown code may have changed afterwards."""
        for each in [*args, *options.values()]:
            if each is self.main.names:
                self.poison = self.unknown("the script's globals are handed to code that was not followed")
            else:
                self.taint_all(each)

    def track(self, made: Any, *sources: Any) -> Any:
        """Remember through which decoders a text came, across operations that are not decoders."""
        for each in sources:
            if isinstance(each, (str, bytes)) and each in self.chains and isinstance(made, (str, bytes)):
                self.chains.setdefault(made, self.chains[each])
                break
        return made

    # -- what the layers above this one know how to do

    @abstractmethod
    def value(self, node: ast.expr, scope: Scope) -> Any:
        """The value of an expression."""

    @abstractmethod
    def block(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        """Follow statements in order."""

    @abstractmethod
    def run_module(self, tree: ast.Module, scope: Scope, note_statements: bool = True) -> None:
        """Follow a module's statements; `tops` keeps the one being followed, for each source inside a source."""

    @abstractmethod
    def call(
        self,
        function: Any,
        args: list[Any],
        options: dict[str, Any],
        node: ast.AST,
        scope: Scope | None = None,
    ) -> Any:
        """What a call of any value gives."""

    @abstractmethod
    def execute(
        self, source: Any, how: str, node: ast.AST, names: dict[str, Any], module_name: str, filename: str
    ) -> None:
        """Report that a source is executed in the namespace `names`."""
