"""A small abstract interpreter that follows a wrapper to what it hands to `exec`, without running any of it.

It walks the wrapper's own statements in execution order over values that are either known constants or `Unknown` with
a reason. Decoders are pgolf's own (`codecs`), files are looked up beside the script or in a virtual file system that the
wrapper's own writes fill, environment variables have their defaults. Whatever it does not understand is Unknown, never
a guess; a branch on something unknown makes everything it touches unknown. What is executed is reported, in order, to
an `on_execute` callback; what cannot be followed is reported as an `Unfollowed` with the reason.

Not a boundary by itself: it allocates and loops under `Limits`, and runs in the worker like everything here.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import posixpath
import re
import shlex
import string
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pgolf.errors import LimitTripped
from pgolf.untrusted import codecs
from pgolf.untrusted.codecs import DecodeFailed
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.script import Script

ROOT = "/__checkout__"
_TEMPORARY = "/__temporary__"
_CALL_DEPTH = 40


# ---------------------------------------------------------------------------------------------------------------- values


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


@dataclass(eq=False, slots=True)
class File:
    """An open file, or a stream in memory when `path` is empty."""

    path: str
    data: Any
    text: bool
    writable: bool
    position: int = 0
    codec: str = ""


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


@dataclass(eq=False, slots=True)
class Scope:
    """One namespace. `names` is the very dict that `globals()` hands out."""

    names: dict[str, Any]
    parent: Scope | None = None
    top: Scope | None = None
    outer_names: set[str] = field(default_factory=set)
    is_class: bool = False

    @property
    def module(self) -> Scope:
        return self.top or self


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


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Stop(Exception):
    """The program ends here (`sys.exit`, `raise`)."""


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BUILTINS = _words(
    """exec eval compile open __import__ getattr setattr hasattr delattr globals locals vars print len range enumerate zip
    map filter reversed sorted sum min max abs any all divmod pow hex bin oct chr ord int str bytes bytearray float bool list
    tuple dict set frozenset iter next repr format isinstance issubclass callable type object super slice memoryview input
    exit quit id hash round staticmethod classmethod property ascii breakpoint help dir complex"""
)

_STRING_METHODS = _words(
    """encode decode replace strip lstrip rstrip split rsplit splitlines join format lower upper startswith endswith find
    index rfind rindex partition rpartition removeprefix removesuffix translate zfill ljust rjust center count title
    swapcase capitalize casefold isdigit isalpha isalnum isspace isupper islower isidentifier isascii hex"""
)
_CONTAINER_METHODS: dict[type, frozenset[str]] = {
    list: _words("append extend insert pop reverse sort index count copy clear remove"),
    tuple: _words("index count"),
    dict: _words("get items keys values update pop setdefault copy clear"),
    set: _words("add update copy discard union"),
    bytearray: _words("append extend insert pop reverse clear copy") | _STRING_METHODS,
}
_MUTATORS = _words("append extend insert pop reverse sort clear remove update setdefault add discard")
_INTEGER_METHODS = frozenset(("to_bytes", "bit_length", "conjugate", "bit_count"))

_SUBPROCESS = frozenset(
    f"{module}.{name}"
    for module, names in {
        "subprocess": "run call check_call check_output Popen getoutput getstatusoutput",
        "os": "system popen execv execve execvp execvpe execl execle execlp execlpe spawnv spawnl spawnvp spawnlp"
        " posix_spawn posix_spawnp",
        "pty": "spawn",
    }.items()
    for name in names.split()
)
_PYTHON = re.compile(r"(?:^|/)(?:python[\d.]*|torchrun|pypy[\d.]*)(?:\.exe)?$")

# Calls into these change nothing that inner code could notice (what matters in them has a meaning of its own below).
_QUIET_MODULES = _words(
    "os sys tempfile shutil time logging warnings io re json hashlib platform textwrap inspect"
)
_TEMPORARY_MAKERS = frozenset(
    ("tempfile.mkdtemp", "tempfile.gettempdir", "tempfile.mktemp", "os.getcwd", "tempfile.mkstemp")
)
_CWD = frozenset(("os.getcwd", "pathlib.Path.cwd", "os.curdir"))


def _native(value: Any) -> bool:
    return value is None or isinstance(
        value, (bool, int, float, str, bytes, bytearray, list, tuple, dict, set, range, slice)
    )


def _deep_unknown(value: Any, depth: int = 0) -> Unknown | None:
    """The first Unknown inside a container, or None when everything in it is known."""
    if isinstance(value, Unknown):
        return value
    if depth > 6:
        return Unknown("a container nested too deep")
    if isinstance(value, (list, tuple, set)):
        for each in value:
            if not isinstance(each, (str, bytes, int)) and (found := _deep_unknown(each, depth + 1)):
                return found
    elif isinstance(value, dict):
        for key, each in value.items():
            if found := _deep_unknown(key, depth + 1) or _deep_unknown(each, depth + 1):
                return found
    return None


# ----------------------------------------------------------------------------------------------------------- interpreter


class Interpreter:
    """Follows one script. `on_execute` is told of each execution and returns True when it wants the inner code followed
    too (it may define what later code executes); `on_unfollowed` is told of each one that cannot be followed."""

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
        self.line = 0
        self.visited: set[ast.AST] = set()
        self.relevant: set[ast.AST] = set()
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
        return Unknown(reason, self.line)

    # -- statements

    def run_module(self, tree: ast.Module, scope: Scope, note_statements: bool = True) -> None:
        """Follow a module's statements; `tops` keeps the one being followed, for each source inside a source."""
        try:
            for statement in tree.body:
                if note_statements:
                    self.tops[self.exec_depth] = statement
                try:
                    self.block([statement], scope)
                except _Uncertain:
                    continue
        except (_Stop, _Break, _Continue, _Return):
            return

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self.tick()
            self.line = getattr(statement, "lineno", self.line)
            handler = getattr(self, "do_" + type(statement).__name__.lower(), None)
            if handler is not None:
                handler(statement, scope)

    def do_expr(self, node: ast.Expr, scope: Scope) -> None:
        self.value(node.value, scope)

    def do_assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def do_annassign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value, scope), scope)

    def do_augassign(self, node: ast.AugAssign, scope: Scope) -> None:
        load = ast.copy_location(_as_load(node.target), node.target)
        left = self.value(load, scope)
        right = self.value(node.value, scope)
        if isinstance(left, list) and isinstance(node.op, ast.Add) and isinstance(right, (list, tuple)):
            self.mutate(left)
            self.grow(8 * (len(left) + len(right)))
            left.extend(right)
            return
        self.assign(node.target, self.operate(node.op, left, right), scope)

    def do_typealias(self, node: Any, scope: Scope) -> None:
        return

    def assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, value, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target.elts, value, scope)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, scope)
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value, scope)
            key = self.value(target.slice, scope)
            self.store_item(owner, key, value)
        elif isinstance(target, ast.Attribute):
            self.store_attribute(self.value(target.value, scope), target.attr, value)

    def bind(self, name: str, value: Any, scope: Scope) -> None:
        if name in scope.outer_names:
            where: Scope | None = scope.parent
            while where is not None and where.parent is not None and name not in where.names:
                where = where.parent
            (where or scope.module).names[name] = value
        else:
            scope.names[name] = value

    def unpack(self, targets: Sequence[ast.expr], value: Any, scope: Scope) -> None:
        if isinstance(value, (str, bytes, tuple, list, range)):
            items = list(value)
            starred = [i for i, each in enumerate(targets) if isinstance(each, ast.Starred)]
            if not starred and len(items) == len(targets):
                for target, item in zip(targets, items, strict=True):
                    self.assign(target, item, scope)
                return
            if len(starred) == 1 and len(items) >= len(targets) - 1:
                before = starred[0]
                after = len(targets) - before - 1
                middle = items[before : len(items) - after]
                flat = [*items[:before], middle, *items[len(items) - after :]]
                for target, item in zip(targets, flat, strict=True):
                    self.assign(target, item, scope)
                return
        reason = (
            value
            if isinstance(value, Unknown)
            else self.unknown("unpacking of a value that was not followed")
        )
        for target in targets:
            self.assign(target, reason, scope)

    def store_item(self, owner: Any, key: Any, value: Any) -> None:
        if isinstance(owner, (Host, Unknown)) and owner != Host("linecache.cache"):
            self.affect()
        if isinstance(owner, Host) and owner.name == "os.environ":
            if isinstance(key, str):
                self.environment[key] = self.unknown("set on an unknown path") if self.maybe else value
            else:
                self.environment_spoiled = True
        elif isinstance(owner, Host) and owner.name == "sys.modules":
            if isinstance(key, str):
                self.modules[key] = value
        elif isinstance(owner, Host) and owner.name == "builtins.__dict__":
            self.overrides[f"builtins.{key}"] = value
        elif isinstance(owner, (dict, list, bytearray)):
            self.mutate(owner)
            if isinstance(key, Unknown) or (
                isinstance(owner, bytearray) and not isinstance(value, (int, bytes))
            ):
                self.taint(owner)
                return
            try:
                owner[key] = value
            except (TypeError, ValueError, IndexError, KeyError):
                self.taint(owner)

    def store_attribute(self, owner: Any, name: str, value: Any) -> None:
        if isinstance(owner, (Module, Instance, ClassValue)):
            owner.names[name] = self.unknown("set on an unknown path") if self.maybe else value
        elif isinstance(owner, Host):
            full = f"{owner.name}.{name}"
            if full != "sys.argv":
                self.affect()
            self.overrides[full] = self.unknown("set on an unknown path") if self.maybe else value
            if full == "sys.argv" and isinstance(value, list):
                self.argv = value

    def do_delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                scope.names.pop(target.id, None)

    def do_import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            module = self.import_module(alias.name, node)
            if alias.asname:
                self.bind(alias.asname, module, scope)
            else:
                first = alias.name.partition(".")[0]
                self.bind(first, self.import_module(first, node) if "." in alias.name else module, scope)

    def do_importfrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        if node.module == "__future__":
            return
        module = (
            self.import_module(node.module or "", node) if node.module else self.unknown("relative import")
        )
        for alias in node.names:
            if alias.name == "*":
                self.star_import(module, scope)
                continue
            nested = f"{node.module}.{alias.name}"
            value = self.modules[nested] if nested in self.modules else self.attribute(module, alias.name)
            if isinstance(module, Unknown) and node.level and node.module is None:
                value = self.import_module(alias.name, node)
            self.bind(alias.asname or alias.name, value, scope)

    def star_import(self, module: Any, scope: Scope) -> None:
        if isinstance(module, Module):
            for name, value in list(module.names.items()):
                if not name.startswith("_"):
                    self.bind(name, value, scope)
        elif isinstance(module, Host):
            known = [n for n in (*codecs.DECODERS, *codecs.ALIASES) if n.rpartition(".")[0] == module.name]
            for full in known:
                self.bind(full.rpartition(".")[2], Host(full), scope)

    def import_module(self, name: str, node: ast.AST) -> Any:
        """What `import name` gives: a module the wrapper made, one it wrote to a file, a sibling, or the outside world."""
        if name in self.modules:
            return self.modules[name]
        relative = name.replace(".", "/")
        for base in [*self.sys_path, self.folder]:
            if not isinstance(base, str):
                continue
            for tail in (".py", "/__init__.py"):
                path = self.absolute(posixpath.join(base, relative + tail))
                if path in self.written:
                    module = Module(name, {"__name__": name, "__file__": path}, path)
                    self.modules[name] = module
                    self.execute(self.written[path], "import", node, module.names, name, path)
                    return module
        own = posixpath.relpath(self.folder, self.folder)
        for tail in (".py", "/__init__.py"):
            candidate = posixpath.normpath(posixpath.join(own, relative + tail))
            if candidate == self.script.name:
                continue
            data = self.script.siblings.read(candidate)
            if data is not None:
                return self.sibling_module(name, candidate, data)
        return Host(name)

    def sibling_module(self, name: str, file_name: str, data: bytes) -> Any:
        """A plain module beside the script, read for the constants that a wrapper may take from it."""
        module = Module(
            name, {"__name__": name, "__file__": posixpath.join(self.folder, file_name)}, file_name
        )
        self.modules[name] = module
        tree = self.parse(data) if len(data) <= self.limits.source_bytes else "too large"
        if isinstance(tree, str):
            return self.unknown(f"the sibling {file_name}: {tree}")
        scope = Scope(module.names)
        self.run_module(tree, scope, note_statements=False)
        return module

    def do_global(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        scope.outer_names.update(node.names)

    do_nonlocal = do_global

    def do_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        value: Any = self.function(node.name, node, scope)
        for decorator in reversed(node.decorator_list):
            made = self.value(decorator, scope)
            if isinstance(made, (Function, Partial, Bound)) or (
                isinstance(made, Host) and made.name.startswith("builtins.") and made.name not in _TRANSPARENT
            ):
                value = self.call(made, [value], {}, decorator)
        self.bind(node.name, value, scope)

    do_asyncfunctiondef = do_functiondef

    def function(self, name: str, node: Any, scope: Scope) -> Function:
        defaults = tuple(self.value(each, scope) for each in node.args.defaults)
        keywords = tuple(None if each is None else self.value(each, scope) for each in node.args.kw_defaults)
        return Function(name, node, scope, defaults, keywords)

    def do_classdef(self, node: ast.ClassDef, scope: Scope) -> None:
        inner = Scope({}, scope, scope.module, is_class=True)
        self.block(node.body, inner)
        value: Any = ClassValue(node.name, inner.names)
        for keyword in node.keywords:
            self.value(keyword.value, scope)
        for decorator in reversed(node.decorator_list):
            made = self.value(decorator, scope)
            if isinstance(made, (Function, Partial, Bound)) or (
                isinstance(made, Host) and made.name.startswith("builtins.")
            ):
                value = self.call(made, [value], {}, decorator)
        self.bind(node.name, value, scope)

    def do_return(self, node: ast.Return, scope: Scope) -> NoReturn:
        raise _Return(None if node.value is None else self.value(node.value, scope))

    def do_raise(self, node: ast.Raise, scope: Scope) -> NoReturn:
        raise _Stop

    def do_break(self, node: ast.Break, scope: Scope) -> NoReturn:
        raise _Break

    def do_continue(self, node: ast.Continue, scope: Scope) -> NoReturn:
        raise _Continue

    def do_if(self, node: ast.If, scope: Scope) -> None:
        test = self.truth(self.value(node.test, scope))
        if test is None:
            self.either(scope, node.body, node.orelse)
        else:
            self.block(node.body if test else node.orelse, scope)

    def do_match(self, node: ast.Match, scope: Scope) -> None:
        self.value(node.subject, scope)
        self.either(scope, *(case.body for case in node.cases), [])

    def either(self, scope: Scope, *bodies: Sequence[ast.stmt]) -> None:
        """Several bodies of which we do not know which one runs: what they leave different is unknown afterwards."""
        scopes = [scope] if scope.module is scope else [scope, scope.module]
        before = [dict(each.names) for each in scopes]
        outcomes: list[list[dict[str, Any]]] = []
        leaves: list[BaseException] = []
        for body in bodies:
            for each, names in zip(scopes, before, strict=True):
                each.names.clear()
                each.names.update(names)
            self.maybe += 1
            try:
                self.block(body, scope)
                outcomes.append([dict(each.names) for each in scopes])
            except _Stop:
                pass
            except (_Break, _Continue, _Return) as leave:
                leaves.append(leave)
                outcomes.append([dict(each.names) for each in scopes])
            finally:
                self.maybe -= 1
        if not outcomes:
            raise _Stop
        for index, each in enumerate(scopes):
            merged: dict[str, Any] = dict(outcomes[0][index])
            for other in outcomes[1:]:
                for name in merged.keys() | other[index].keys():
                    mine, theirs = merged.get(name, _MISSING), other[index].get(name, _MISSING)
                    if mine is not theirs and not _same(mine, theirs):
                        merged[name] = self.unknown(f"{name} depends on a condition that was not followed")
            each.names.clear()
            each.names.update(merged)
        if leaves and len(leaves) == len(outcomes):
            values = [leave.value for leave in leaves if isinstance(leave, _Return)]
            if len(values) == len(leaves) and all(_same(values[0], each) for each in values):
                raise _Return(values[0])
            if values:
                raise _Return(self.unknown("the returned value depends on a condition that was not followed"))
            raise leaves[0]
        if leaves:
            # The code below runs only on some paths; until the function or loop ends, nothing in it is certain.
            raise _Uncertain(leaves)

    def do_try(self, node: ast.Try, scope: Scope) -> None:
        stopped = False
        try:
            self.block(node.body, scope)
        except _Stop:
            stopped = True
        if stopped and node.handlers:
            self.either(scope, *(handler.body for handler in node.handlers))
        else:
            if node.handlers:
                self.either(scope, [], *(handler.body for handler in node.handlers))
            if not stopped:
                self.block(node.orelse, scope)
        self.block(node.finalbody, scope)
        if stopped and not node.handlers:
            raise _Stop

    do_trystar = do_try

    def do_with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in node.items:
            value = self.value(item.context_expr, scope)
            if item.optional_vars is not None:
                entered = value
                if isinstance(value, Host):
                    entered = self.unknown(f"{value.name} as a context")
                self.assign(item.optional_vars, entered, scope)
        self.block(node.body, scope)

    do_asyncwith = do_with

    def do_for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        items = self.iterate(self.value(node.iter, scope))
        if items is None:
            self.unknown_loop(node.body, scope, node.target)
            self.block(node.orelse, scope)
            return
        for item in items:
            self.tick()
            self.assign(node.target, item, scope)
            try:
                self.block(node.body, scope)
            except _Continue:
                continue
            except _Break:
                return
            except _Uncertain as uncertain:
                if any(isinstance(leave, _Return) for leave in uncertain.leaves):
                    raise
                self.unknown_loop(node.body, scope, node.target)
                return
        self.block(node.orelse, scope)

    do_asyncfor = do_for

    def do_while(self, node: ast.While, scope: Scope) -> None:
        # A service loop (`while True:`) need not be followed to the end of the budget: after a while it is unknown.
        last = self.steps + self.limits.constant_steps // (40 if isinstance(node.test, ast.Constant) else 2)
        while True:
            self.tick()
            test = self.truth(self.value(node.test, scope)) if self.steps < last else None
            if test is None:
                self.unknown_loop(node.body, scope, None)
                return
            if not test:
                self.block(node.orelse, scope)
                return
            try:
                self.block(node.body, scope)
            except _Continue:
                continue
            except _Break:
                return
            except _Uncertain as uncertain:
                if any(isinstance(leave, _Return) for leave in uncertain.leaves):
                    raise
                self.unknown_loop(node.body, scope, None)
                return

    def unknown_loop(self, body: Sequence[ast.stmt], scope: Scope, target: ast.expr | None) -> None:
        """A loop that runs an unknown number of times: its names are unknown before and after, its body runs once."""
        stored = {
            n.id
            for each in body
            for n in ast.walk(each)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        self.tick(len(stored))
        for name in stored:
            value = scope.names.get(name)
            if not isinstance(value, (Function, Host)):
                self.bind(name, self.unknown(f"{name} changes in a loop that was not followed"), scope)
        if target is not None:
            self.assign(target, self.unknown("the items of a loop that was not followed"), scope)
        self.maybe += 1
        try:
            self.block(body, scope)
        except (_Break, _Continue, _Stop):
            pass
        except _Return:
            raise _Uncertain([_Return(self.unknown("returned from a loop that was not followed"))]) from None
        except _Uncertain as uncertain:
            if any(isinstance(leave, _Return) for leave in uncertain.leaves):
                raise
        finally:
            self.maybe -= 1
        for name in stored:
            if not isinstance(scope.names.get(name), (Function, Host)):
                self.bind(name, self.unknown(f"{name} changes in a loop that was not followed"), scope)

    # -- expressions

    def value(self, node: ast.expr, scope: Scope) -> Any:
        self.tick()
        handler = getattr(self, "of_" + type(node).__name__.lower(), None)
        if handler is None:
            return self.unknown(f"an expression of kind {type(node).__name__}")
        return handler(node, scope)

    def of_constant(self, node: ast.Constant, scope: Scope) -> Any:
        return node.value if not isinstance(node.value, complex) else self.unknown("a complex number")

    def of_name(self, node: ast.Name, scope: Scope) -> Any:
        return self.lookup(node.id, scope)

    def lookup(self, name: str, scope: Scope) -> Any:
        where: Scope | None = scope
        while where is not None:
            if name in where.names and not (where.is_class and where is not scope):
                return self.checked(where.names[name]) if self.poison is None else self.poison
            where = where.parent
        if scope.module is not scope and name in scope.module.names:
            return self.checked(scope.module.names[name])
        full = f"builtins.{name}"
        if full in self.overrides:
            return self.overrides[full]
        if name in _BUILTINS:
            return Host(full)
        if name == "__builtins__":
            return Host("builtins")
        return self.unknown(f"the name {name[:60]} has no value here")

    def checked(self, value: Any) -> Any:
        if id(value) in self.tainted:
            return self.tainted[id(value)][1]
        return value

    def taint(self, value: Any) -> None:
        """A container changed in a way we could not follow."""
        if isinstance(value, (list, dict, bytearray, set)):
            self.tainted[id(value)] = (value, self.unknown("a container that changed on an unknown path"))

    def mutate(self, value: Any) -> None:
        if self.maybe:
            self.taint(value)

    def of_joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Any:
        pieces: list[str] = []
        hole: Unknown | None = None
        for part in node.values:
            if isinstance(part, ast.Constant):
                pieces.append(str(part.value))
                continue
            if not isinstance(part, ast.FormattedValue):
                hole = hole or self.unknown("an f-string part")
                continue
            value = self.value(part.value, scope)
            spec = "" if part.format_spec is None else self.value(part.format_spec, scope)
            text = self.formatted(value, spec, part.conversion)
            if isinstance(text, Unknown):
                hole = hole or text
                pieces.append("\ufffc")
            else:
                pieces.append(text)
        self.grow(sum(map(len, pieces)))
        if hole is not None:
            return Unknown(hole.reason, self.line, "".join(pieces))
        return "".join(pieces)

    def formatted(self, value: Any, spec: Any, conversion: int) -> Any:
        if isinstance(value, Unknown):
            return value
        if isinstance(value, PathValue):
            value = value.text
        if not isinstance(spec, str) or len(spec) > 30 or re.search(r"\d{5}", spec):
            return self.unknown("a format specification")
        if not _native(value) or _deep_unknown(value):
            return self.unknown("formatting a value that was not followed")
        if conversion in (ord("r"), ord("a")):
            value = self.represent(value)
            if isinstance(value, Unknown):
                return value
        elif conversion == ord("s"):
            value = str(value)
        try:
            return format(value, spec)
        except (ValueError, TypeError, OverflowError):
            return self.unknown("a format that fails")

    def represent(self, value: Any) -> Any:
        if isinstance(value, (str, bytes)):
            self.grow(10 * len(value))
        elif isinstance(value, int) and value.bit_length() > self.limits.int_bits:
            return self.unknown("a very large number")
        elif not isinstance(value, (int, float, type(None))):
            return self.unknown("repr of a container")
        return repr(value)

    def of_tuple(self, node: ast.Tuple, scope: Scope) -> Any:
        return tuple(self.elements(node.elts, scope))

    def of_list(self, node: ast.List, scope: Scope) -> Any:
        return self.elements(node.elts, scope)

    def of_set(self, node: ast.Set, scope: Scope) -> Any:
        try:
            return set(self.elements(node.elts, scope))
        except TypeError:
            return self.unknown("a set of unhashable values")

    def elements(self, nodes: Sequence[ast.expr], scope: Scope) -> list[Any]:
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                items = self.iterate(self.value(node.value, scope))
                found.extend([self.unknown("a starred value")] if items is None else items)
            else:
                found.append(self.value(node, scope))
        self.grow(8 * len(found))
        return found

    def of_dict(self, node: ast.Dict, scope: Scope) -> Any:
        made: dict[Any, Any] = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.value(value_node, scope)
            if key_node is None:
                if isinstance(value, Host) and value.name == "os.environ":
                    value = self.environment
                if not isinstance(value, dict):
                    return self.unknown("a dict merged from something that was not followed")
                made.update(value)
                continue
            key = self.value(key_node, scope)
            try:
                made[key] = value
            except TypeError:
                return self.unknown("an unhashable key")
        return made

    def of_starred(self, node: ast.Starred, scope: Scope) -> Any:
        return self.value(node.value, scope)

    def of_namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Any:
        value = self.value(node.value, scope)
        self.assign(node.target, value, scope)
        return value

    def of_lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        return self.function("<lambda>", node, scope)

    def of_await(self, node: ast.Await, scope: Scope) -> Any:
        return self.value(node.value, scope)

    def of_ifexp(self, node: ast.IfExp, scope: Scope) -> Any:
        test = self.truth(self.value(node.test, scope))
        if test is None:
            self.maybe += 1
            try:
                first, second = self.value(node.body, scope), self.value(node.orelse, scope)
            finally:
                self.maybe -= 1
            return (
                first if _same(first, second) else self.unknown("a conditional value that was not followed")
            )
        return self.value(node.body if test else node.orelse, scope)

    def of_boolop(self, node: ast.BoolOp, scope: Scope) -> Any:
        stop_on = isinstance(node.op, ast.Or)
        uncertain = False
        value: Any = None
        for each in node.values:
            if uncertain:
                self.maybe += 1
            try:
                value = self.value(each, scope)
            finally:
                if uncertain:
                    self.maybe -= 1
            test = self.truth(value)
            if test is None:
                uncertain = True
            elif test is stop_on and not uncertain:
                return value
        return self.unknown("a condition that was not followed") if uncertain else value

    def of_unaryop(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            test = self.truth(value)
            return self.unknown("a condition that was not followed") if test is None else not test
        if isinstance(value, (bool, int, float)):
            if isinstance(node.op, ast.USub):
                return -value
            if isinstance(node.op, ast.UAdd):
                return +value
            if isinstance(value, int):
                return ~int(value)
        return (
            value
            if isinstance(value, Unknown)
            else self.unknown("an operation on a value that was not followed")
        )

    def of_binop(self, node: ast.BinOp, scope: Scope) -> Any:
        # Left-deep chains ("a" + "b" + …, thousands long) are walked with a loop, not by recursion.
        chain: list[ast.BinOp] = []
        current: ast.expr = node
        while isinstance(current, ast.BinOp):
            chain.append(current)
            current = current.left
        left = self.value(current, scope)
        if (
            len(chain) > 2
            and isinstance(left, (str, bytes))
            and all(isinstance(c.op, ast.Add) for c in chain)
        ):
            rights = [self.value(each.right, scope) for each in reversed(chain)]
            if all(isinstance(each, type(left)) for each in rights):
                self.grow(len(left) + sum(map(len, rights)))
                joined: Any = type(left)()
                return self.track(joined.join([left, *rights]), left, *rights)
            for right in rights:
                left = self.operate(ast.Add(), left, right)
            return left
        for each in reversed(chain):
            self.tick()
            left = self.operate(each.op, left, self.value(each.right, scope))
        return left

    def track(self, made: Any, *sources: Any) -> Any:
        """Remember through which decoders a text came, across operations that are not decoders."""
        for each in sources:
            if isinstance(each, (str, bytes)) and each in self.chains and isinstance(made, (str, bytes)):
                self.chains.setdefault(made, self.chains[each])
                break
        return made

    def operate(self, operator: ast.operator, left: Any, right: Any) -> Any:
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            first = left if isinstance(left, Unknown) else right
            text = "".join(
                v.text if isinstance(v, Unknown) else v if isinstance(v, str) else "" for v in (left, right)
            )
            return Unknown(first.reason, self.line, text[:20_000])
        try:
            return self.track(self._operate(operator, left, right), left, right)
        except (TypeError, ValueError, ZeroDivisionError, OverflowError, MemoryError, KeyError, IndexError):
            return self.unknown(f"an operation {type(operator).__name__} that fails")

    def _operate(self, operator: ast.operator, left: Any, right: Any) -> Any:
        if (
            isinstance(operator, ast.Div)
            and isinstance(left, PathValue)
            and isinstance(right, (str, PathValue))
        ):
            return PathValue(posixpath.join(left.text, right if isinstance(right, str) else right.text))
        if isinstance(operator, ast.Div) and isinstance(right, PathValue) and isinstance(left, str):
            return PathValue(posixpath.join(left, right.text))
        if isinstance(operator, ast.Mod) and isinstance(left, (str, bytes)):
            return self.percent(left, right)
        if not (_native(left) and _native(right)):
            return self.unknown("an operation on a value that was not followed")
        sized = (str, bytes, bytearray, list, tuple)
        if isinstance(operator, ast.Add):
            if isinstance(left, sized) and isinstance(right, sized):
                self.grow(len(left) + len(right))
            return left + right
        if isinstance(operator, ast.Mult):
            for some, times in ((left, right), (right, left)):
                if isinstance(some, sized) and isinstance(times, int):
                    self.grow(len(some) * max(0, times))
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            return self.arithmetic(operator, left, right)
        if isinstance(operator, ast.Mult):
            return left * right
        if isinstance(operator, ast.BitOr) and isinstance(left, (dict, set)):
            return left | right
        return self.unknown(f"an operation {type(operator).__name__}")

    def arithmetic(self, operator: ast.operator, left: Any, right: Any) -> Any:
        big = self.limits.int_bits
        if isinstance(left, int) and isinstance(right, int):
            # Payloads are sometimes one huge integer, so the bound here is on the bytes it stands for.
            roof = max(big, 8 * self.limits.layer_input_bytes)
            bits = left.bit_length()
            if isinstance(operator, ast.Pow) and (right < 0 or bits * right > big):
                return self.unknown("a very large power")
            if isinstance(operator, ast.LShift) and (right < 0 or bits + right > roof):
                return self.unknown("a very large shift")
            if (
                isinstance(operator, (ast.Mult, ast.FloorDiv, ast.Mod))
                and bits + right.bit_length() > 64 * 1024
            ):
                return self.unknown("a very large product")
            self.grow((bits + right.bit_length()) // 8)
        elif isinstance(operator, ast.Pow):
            return self.unknown("a power of a float")
        operation = _ARITHMETIC.get(type(operator))
        return self.unknown("an arithmetic operation") if operation is None else operation(left, right)

    def percent(self, left: Any, right: Any) -> Any:
        if isinstance(right, PathValue):
            right = right.text
        if not _native(right) or _deep_unknown(right):
            return self.unknown("formatting a value that was not followed")
        marker = left if isinstance(left, str) else left.decode("latin-1")
        if re.search(r"%[-+ #0]*(?:\d{5}|\*|\d*\.\d{5}|\d*\.\*)", marker):
            return self.unknown("a format with a very large width")
        sizes = [
            len(each)
            for each in (right if isinstance(right, tuple) else (right,))
            if isinstance(each, (str, bytes))
        ]
        self.grow(10 * sum(sizes) + len(left))
        return left % right

    def of_compare(self, node: ast.Compare, scope: Scope) -> Any:
        left = self.value(node.left, scope)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node, scope)
            outcome = self.compare(operator, left, right)
            if outcome is None:
                return self.unknown("a comparison that was not followed")
            if not outcome:
                return False
            left = right
        return True

    def compare(self, operator: ast.cmpop, left: Any, right: Any) -> bool | None:
        if isinstance(operator, (ast.Is, ast.IsNot)) and (left is None or right is None):
            other = right if left is None else left
            if isinstance(other, (Unknown, Host, Partial)):
                return None
            return (other is None) is isinstance(operator, ast.Is)
        plain = (bool, int, float, str, bytes, list, tuple, dict, set, type(None), range)
        if (
            not isinstance(left, plain)
            or not isinstance(right, plain)
            or _deep_unknown(left)
            or _deep_unknown(right)
        ):
            return None
        operation = _COMPARISONS.get(type(operator))
        if operation is None:
            return None
        try:
            return bool(operation(left, right))
        except TypeError:
            return None

    def truth(self, value: Any) -> bool | None:
        if isinstance(value, (Function, Code, Module, PathValue, File, ClassValue)):
            return True
        if _native(value) and not isinstance(value, slice):
            return bool(value)
        return None

    def of_subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        owner = self.value(node.value, scope)
        key = self.value(node.slice, scope)
        return self.item(owner, key)

    def item(self, owner: Any, key: Any) -> Any:
        if isinstance(owner, Unknown):
            return owner
        if isinstance(owner, Host):
            return self.host_item(owner, key)
        if isinstance(key, Unknown):
            return key
        if isinstance(owner, PathParents) and isinstance(key, int):
            parents = _parents(owner.text)
            return (
                PathValue(parents[key])
                if -len(parents) <= key < len(parents)
                else self.unknown("no such parent folder")
            )
        if isinstance(owner, (str, bytes, bytearray, list, tuple, dict, range)):
            try:
                if isinstance(key, slice) and not isinstance(owner, (dict, range)):
                    self.grow(len(owner))
                made = owner[key]
            except (IndexError, KeyError, TypeError, ValueError):
                return self.unknown("an item that does not exist")
            return self.track(made, owner) if isinstance(owner, (str, bytes)) else self.checked(made)
        return self.unknown("an item of a value that was not followed")

    def host_item(self, owner: Host, key: Any) -> Any:
        if owner.name == "os.environ" and isinstance(key, str):
            return self.environment.get(key, self.unknown(f"the environment variable {key} has no default"))
        if owner.name == "sys.modules" and isinstance(key, str):
            return self.import_module(key, ast.Pass())
        if isinstance(key, str) and owner.name.endswith(".__dict__"):
            return self.attribute(Host(owner.name.removesuffix(".__dict__")), key)
        if isinstance(key, str) and owner.name == "builtins":
            return self.attribute(owner, key)
        return self.unknown(f"an item of {owner.name}")

    def of_slice(self, node: ast.Slice, scope: Scope) -> Any:
        parts = [
            None if each is None else self.value(each, scope) for each in (node.lower, node.upper, node.step)
        ]
        for each in parts:
            if isinstance(each, Unknown):
                return each
            if each is not None and not isinstance(each, int):
                return self.unknown("a slice that was not followed")
        return slice(*parts)

    def of_attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        return self.attribute(self.value(node.value, scope), node.attr)

    def attribute(self, owner: Any, name: str) -> Any:
        if isinstance(owner, Unknown):
            return owner
        if isinstance(owner, Host):
            return self.host_attribute(owner, name)
        if isinstance(owner, Module):
            if name == "__dict__":
                return owner.names
            if name == "__file__" and "__file__" not in owner.names:
                return owner.path
            return self.checked(
                owner.names.get(name, self.unknown(f"{owner.name}.{name} has no known value"))
            )
        if isinstance(owner, Instance):
            if name in owner.names:
                return owner.names[name]
            method = owner.kind.names.get(name)
            if isinstance(method, Function):
                return Partial(method, (owner,), {})
            return method if method is not None else self.unknown(f"the attribute {name}")
        if isinstance(owner, ClassValue):
            if name in owner.names:
                return owner.names[name]
            return owner.name if name == "__name__" else self.unknown(f"the attribute {name}")
        if isinstance(owner, PathValue):
            return self.path_attribute(owner, name)
        if isinstance(owner, Spec):
            return owner if name == "loader" else Bound(owner, name)
        if isinstance(owner, File) and name == "name":
            return owner.path
        if isinstance(owner, File) and name == "buffer":
            return owner
        if isinstance(owner, Function):
            if name in ("__name__", "__qualname__"):
                return owner.name
            if name == "__doc__" and not isinstance(owner.node, ast.Lambda):
                return ast.get_docstring(owner.node, clean=False)
            return (
                owner.scope.module.names
                if name == "__globals__"
                else self.unknown(f"the attribute {name} of a function")
            )
        return Bound(owner, name)

    def host_attribute(self, owner: Host, name: str) -> Any:
        full = f"{owner.name}.{name}"
        if full in self.overrides:
            return self.overrides[full]
        if owner.name == "lzma" or owner.name == "compression.lzma":
            number = codecs.lzma_constant(name)
        elif owner.name in ("zlib", "compression.zlib"):
            number = codecs.zlib_constant(name)
        else:
            number = None
        if number is not None:
            return number
        if full == "sys.argv":
            return self.argv
        if full == "sys.path":
            return self.sys_path
        if (
            owner.name == "string"
            and isinstance(getattr(string, name, None), str)
            and not name.startswith("_")
        ):
            return getattr(string, name)
        if full in ("os.sep", "os.path.sep", "posixpath.sep"):
            return "/"
        if full in ("os.linesep",):
            return "\n"
        if full == "sys.executable":
            return "/usr/bin/python3"
        return Host(full)

    def path_attribute(self, owner: PathValue, name: str) -> Any:
        text = owner.text
        if name == "parent":
            return PathValue(posixpath.dirname(text.rstrip("/")) or ".")
        if name == "parents":
            return PathParents(text)
        if name == "name":
            return posixpath.basename(text.rstrip("/"))
        if name in ("stem", "suffix"):
            stem, suffix = posixpath.splitext(posixpath.basename(text))
            return stem if name == "stem" else suffix
        return Bound(owner, name)

    # -- comprehensions

    def of_listcomp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, scope: Scope) -> Any:
        fast = self.byte_table(node, scope)
        if fast is not None:
            return fast
        inner = Scope({}, scope, scope.module)
        made: list[Any] = []
        failure = self.comprehend(node.generators, inner, lambda: made.append(self.value(node.elt, inner)))
        if failure is not None:
            return failure
        self.grow(8 * len(made))
        return set(made) if isinstance(node, ast.SetComp) and all(_hashable(each) for each in made) else made

    of_generatorexp = of_listcomp
    of_setcomp = of_listcomp

    def of_dictcomp(self, node: ast.DictComp, scope: Scope) -> Any:
        inner = Scope({}, scope, scope.module)
        made: dict[Any, Any] = {}

        def add() -> None:
            key = self.value(node.key, inner)
            value = self.value(node.value, inner)
            if _hashable(key):
                made[key] = value

        failure = self.comprehend(node.generators, inner, add)
        return made if failure is None else failure

    def comprehend(
        self,
        generators: Sequence[ast.comprehension],
        scope: Scope,
        emit: Callable[[], object],
        index: int = 0,
    ) -> Unknown | None:
        if index == len(generators):
            emit()
            return None
        generator = generators[index]
        items = self.iterate(self.value(generator.iter, scope))
        if items is None:
            # What the element does may still execute something; look at it once, as a maybe.
            self.assign(generator.target, self.unknown("an item that was not followed"), scope)
            self.maybe += 1
            try:
                self.comprehend(generators, scope, emit, index + 1)
            finally:
                self.maybe -= 1
            return self.unknown("a comprehension over something that was not followed")
        for item in items:
            self.tick()
            self.assign(generator.target, item, scope)
            keep = True
            for condition in generator.ifs:
                test = self.truth(self.value(condition, scope))
                if test is None:
                    return self.unknown("a condition in a comprehension that was not followed")
                keep = keep and test
            if keep and (failure := self.comprehend(generators, scope, emit, index + 1)):
                return failure
        return None

    def byte_table(
        self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, scope: Scope
    ) -> list[int] | None:
        """`b ^ KEY for b in data` over many bytes: evaluate the element once per byte value."""
        if len(node.generators) != 1 or node.generators[0].ifs or isinstance(node, ast.SetComp):
            return None
        target = node.generators[0].target
        pure = (ast.BinOp, ast.Name, ast.Constant, ast.operator, ast.expr_context, ast.UnaryOp, ast.unaryop)
        if not isinstance(target, ast.Name) or not all(isinstance(each, pure) for each in ast.walk(node.elt)):
            return None
        data = self.value(node.generators[0].iter, scope)
        if not isinstance(data, (bytes, bytearray)) or len(data) < 512:
            return None
        inner = Scope({}, scope, scope.module)
        table: dict[int, Any] = {}
        for each in set(data):
            inner.names[target.id] = each
            table[each] = self.value(node.elt, inner)
            if isinstance(table[each], Unknown):
                return None
        self.grow(8 * len(data))
        return [table[each] for each in data]

    def iterate(self, value: Any) -> Iterable[Any] | None:
        if isinstance(value, dict):
            return list(value)
        if isinstance(value, (list, tuple, str, bytes, bytearray, set)):
            return list(value)
        if isinstance(value, range):
            if len(value) > self.limits.constant_steps:
                raise LimitTripped(
                    "constant_steps", self.limits.constant_steps, f"a loop of {len(value):,} rounds"
                )
            return value
        if isinstance(value, File) and isinstance(value.data, (str, bytes)):
            rest = value.data[value.position :]
            value.position = len(value.data)
            return rest.splitlines(True)
        return None

    # -- calls

    def of_call(self, node: ast.Call, scope: Scope) -> Any:
        function = self.value(node.func, scope)
        args: list[Any] = []
        for each in node.args:
            if isinstance(each, ast.Starred):
                items = self.iterate(self.value(each.value, scope))
                args.extend([self.unknown("starred arguments")] if items is None else items)
            else:
                args.append(self.value(each, scope))
        options: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                options[keyword.arg] = value
            elif isinstance(value, dict):
                options.update({str(key): each for key, each in value.items()})
            else:
                options["**"] = self.unknown("keyword arguments that were not followed")
        self.line = node.lineno
        named = function.name if isinstance(function, Host) else ""
        if not args and named in ("builtins.globals", "builtins.locals", "builtins.vars"):
            return (scope.module if named == "builtins.globals" else scope).names
        if (
            isinstance(function, Host)
            and function.name in ("builtins.exec", "builtins.eval")
            and len(args) == 1
        ):
            return self.run_text(function.name, args[0], scope.module.names, node, scope)
        return self.call(function, args, options, node, scope)

    def call(
        self,
        function: Any,
        args: list[Any],
        options: dict[str, Any],
        node: ast.AST,
        scope: Scope | None = None,
    ) -> Any:
        self.tick()
        if isinstance(function, Partial):
            return self.call(
                function.function, [*function.args, *args], {**function.options, **options}, node, scope
            )
        if isinstance(function, Function):
            return self.call_function(function, args, options)
        if isinstance(function, ClassValue):
            made = Instance(function, {})
            maker = function.names.get("__init__")
            if isinstance(maker, Function):
                self.call_function(maker, [made, *args], options)
            return made
        try:
            if isinstance(function, Host):
                return self.call_host(function.name, args, options, node, scope)
            if isinstance(function, Bound):
                return self.call_bound(function, args, options, node)
        except DecodeFailed as failure:
            return self.unknown(str(failure))
        except (
            TypeError,
            ValueError,
            IndexError,
            KeyError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            return self.unknown(f"a call that fails ({type(error).__name__})")
        if isinstance(function, Unknown):
            self.affect()
            self.hand_over(args, "code that was not followed", node)
            self.escape(args, options)
            return function
        return self.unknown("a call of something that was not followed")

    def hand_over(self, args: Iterable[Any], receiver: str, node: ast.AST) -> None:
        """Decoded source text given to something we do not know may be executed there."""
        for each in args:
            if not isinstance(each, (str, bytes)) or len(each) < 200 or each not in self.chains:
                continue
            text = each if isinstance(each, str) else each.decode("utf-8", "replace")
            if any(step.codec != "file" for step in self.chains[each]) and re.search(
                r"\b(?:def|import) \w", text[:20_000]
            ):
                reason = f"decoded source text is handed to {receiver}"
                self.on_unfollowed(Unfollowed("not-constant", reason, getattr(node, "lineno", self.line)))

    def escape(self, args: Iterable[Any], options: dict[str, Any]) -> None:
        """Containers handed to unknown code may have changed afterwards."""
        for each in [*args, *options.values()]:
            if each is self.main.names:
                self.poison = self.unknown("the script's globals are handed to code that was not followed")
            elif isinstance(each, (list, dict, bytearray, set)):
                self.taint(each)

    def call_function(self, function: Function, args: list[Any], options: dict[str, Any]) -> Any:
        node = function.node
        if self.call_depth >= _CALL_DEPTH:
            self.escape(args, options)
            return self.unknown("calls nested too deep")
        if (
            node not in self.relevant
            and not isinstance(node, ast.Lambda)
            and self._has_unknown(args, options)
        ):
            self.escape(args, options)
            return self.unknown(
                f"the result of {function.name}(), which was given values that were not followed"
            )
        scope = Scope({}, function.scope, function.scope.module)
        self.bind_arguments(function, args, options, scope)
        self.visited.add(node)
        self.call_depth += 1
        raised = 0
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body, scope)
            body: Sequence[ast.stmt] = node.body
            result: list[Any] = []
            while True:
                try:
                    raised_here = self._body(body, scope)
                    if raised_here is None:
                        result.append(None)
                        break
                    result.extend(raised_here[0])
                    body = raised_here[1]
                    self.maybe += 1
                    raised += 1
                except _Return as leave:
                    result.append(leave.value)
                    break
            if all(_same(result[0], each) for each in result):
                return result[0]
            return self.unknown("the returned value depends on a condition that was not followed")
        except (_Break, _Continue):
            return self.unknown("a loop control outside a loop")
        finally:
            self.call_depth -= 1
            self.maybe -= raised

    def _body(self, body: Sequence[ast.stmt], scope: Scope) -> tuple[list[Any], Sequence[ast.stmt]] | None:
        """Run a function's statements; on a return on only some paths give those values and the statements left."""
        for index, statement in enumerate(body):
            try:
                self.block([statement], scope)
            except _Uncertain as uncertain:
                values = [leave.value for leave in uncertain.leaves if isinstance(leave, _Return)]
                return values, body[index + 1 :]
        return None

    def _has_unknown(self, args: list[Any], options: dict[str, Any]) -> bool:
        plain = (str, bytes, int, float, type(None), PathValue, Function, Code, Module, Host)
        return any(not isinstance(each, plain) and not _native(each) for each in args) or any(
            isinstance(each, (Unknown, Instance)) for each in options.values()
        )

    def try_function(self, function: Function, args: list[Any]) -> None:
        """Follow a function that is perhaps called, for what it executes; nothing it does counts as certain."""
        self.maybe += 1
        try:
            self.call_function(function, args, {})
        except (_Stop, _Break, _Continue, _Return, _Uncertain):
            return
        finally:
            self.maybe -= 1

    def bind_arguments(
        self, function: Function, args: list[Any], options: dict[str, Any], scope: Scope
    ) -> None:
        spec = function.node.args
        positional = [*spec.posonlyargs, *spec.args]
        for index, parameter in enumerate(positional):
            default = index - (len(positional) - len(function.defaults))
            if index < len(args):
                value = args[index]
            elif parameter.arg in options:
                value = options[parameter.arg]
            elif default >= 0:
                value = function.defaults[default]
            else:
                value = self.unknown(f"the argument {parameter.arg}")
            scope.names[parameter.arg] = value
        for index, parameter in enumerate(spec.kwonlyargs):
            default_value = (
                function.keyword_defaults[index]
                if index < len(function.keyword_defaults)
                else self.unknown(f"the argument {parameter.arg}")
            )
            scope.names[parameter.arg] = options.get(parameter.arg, default_value)
        if spec.vararg is not None:
            scope.names[spec.vararg.arg] = tuple(args[len(positional) :])
        if spec.kwarg is not None:
            known = {each.arg for each in [*positional, *spec.kwonlyargs]}
            scope.names[spec.kwarg.arg] = {
                name: value for name, value in options.items() if name not in known
            }

    # -- methods of known values

    def call_bound(self, function: Bound, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        owner, name = function.owner, function.name
        if isinstance(owner, PathValue):
            return self.call_path(owner.text, name, args, options)
        if isinstance(owner, File):
            return self.call_file(owner, name, args)
        if isinstance(owner, Decompressor):
            if name == "decompress" and args:
                return self.decode(owner.function, args[:1], owner.options)
            if name == "stream_reader" and args:
                return File(
                    "", self.decode(owner.function, [self.contents(args[0])], owner.options), False, False
                )
            return b"" if name == "flush" else self.unknown(f"the method {name}")
        if isinstance(owner, Archive):
            return self.call_archive(owner, name, args)
        if isinstance(owner, Spec):
            return self.call_loader(owner, name, args, node)
        if isinstance(owner, Hash):
            return (
                owner.digest
                if name == "digest"
                else owner.digest.hex()
                if name == "hexdigest"
                else self.unknown(name)
            )
        if isinstance(owner, Code):
            return self.unknown(f"the method {name} of a code object")
        unknown = next((found for each in [*args, *options.values()] if (found := _deep_unknown(each))), None)
        if isinstance(owner, (str, bytes, bytearray)) and name in _STRING_METHODS:
            if unknown is not None:
                return Unknown(unknown.reason, self.line, owner[:20_000] if isinstance(owner, str) else "")
            return self.call_string(owner, name, args, options)
        allowed = _CONTAINER_METHODS.get(type(owner), _words(""))
        if name in allowed:
            if name in _MUTATORS:
                self.mutate(owner)
                if name in ("extend", "update", "insert"):
                    args = [list(each) if isinstance(each, range) else each for each in args]
                    self.grow(
                        8
                        * (
                            len(owner)
                            + sum(len(each) for each in args if isinstance(each, (list, tuple, bytes, str)))
                        )
                    )
                if unknown is not None and name not in (
                    "append",
                    "add",
                    "setdefault",
                    "extend",
                    "update",
                    "insert",
                ):
                    self.taint(owner)
                    return unknown
                if (
                    isinstance(unknown, Unknown)
                    and any(isinstance(each, Unknown) for each in args)
                    and name != "append"
                ):
                    self.taint(owner)
                    return unknown
            if name == "sort" and options.keys() - {"reverse"}:
                self.taint(owner)
                return None
            if (
                name in ("get", "pop", "setdefault")
                and isinstance(owner, dict)
                and args
                and isinstance(args[0], Unknown)
            ):
                return args[0]
            made = getattr(owner, name)(*args, **options)
            if name in ("items", "keys", "values"):
                return [tuple(each) if isinstance(each, tuple) else each for each in made]
            return self.checked(made)
        if isinstance(owner, int) and name in _INTEGER_METHODS and unknown is None:
            if name == "to_bytes" and args and isinstance(args[0], int):
                self.grow(args[0])
            return getattr(owner, name)(*args, **options)
        return self.unknown(f"the method {name}")

    def call_string(self, owner: Any, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name == "encode" and isinstance(owner, str):
            encoding, errors = self.text_arguments(args, options)
            if codecs.transform_name(encoding):
                return self.unknown(f"str.encode({encoding!r})")
            return self.track(codecs.encode_text(owner, encoding, errors, self.limits), owner)
        if name == "decode" and isinstance(owner, (bytes, bytearray)):
            encoding, errors = self.text_arguments(args, options)
            return self.track(codecs.decode_text(bytes(owner), encoding, errors, self.limits), owner)
        if name == "format":
            return self.format_string(owner, args, options)
        if name in ("zfill", "ljust", "rjust", "center") and args and isinstance(args[0], int):
            self.grow(max(0, args[0]))
        elif name == "join":
            items = self.iterate(args[0])
            if items is None:
                return self.unknown("join of something that was not followed")
            pieces = list(items)
            self.grow(
                len(owner) * len(pieces) + sum(len(each) for each in pieces if isinstance(each, (str, bytes)))
            )
            return self.track(owner.join(pieces), *pieces[:8])
        elif name == "replace" and len(args) >= 2:
            found = owner.count(args[0])
            self.grow(len(owner) + found * max(0, len(args[1]) - len(args[0])))
        elif name == "translate" and isinstance(owner, str) and args and isinstance(args[0], dict):
            longest = max([1, *(len(v) for v in args[0].values() if isinstance(v, str))])
            self.grow(longest * len(owner))
        elif name == "hex":
            self.grow(3 * len(owner))
        elif name in ("split", "rsplit", "splitlines"):
            self.grow(
                60
                * (1 + (owner.count(args[0]) if args and isinstance(args[0], type(owner)) and args[0] else 0))
            )
            pieces = list(getattr(owner, name)(*args, **options))
            for each in pieces[:256]:
                self.track(each, owner)
            return pieces
        else:
            self.grow(3 * len(owner))
        made = getattr(owner, name)(*args, **options)
        if isinstance(made, tuple):
            for each in made:
                self.track(each, owner)
            return made
        return self.track(made, owner)

    def text_arguments(self, args: list[Any], options: dict[str, Any]) -> tuple[str, str]:
        encoding = args[0] if args else options.get("encoding", "utf-8")
        errors = args[1] if len(args) > 1 else options.get("errors", "strict")
        if not isinstance(encoding, str) or not isinstance(errors, str):
            raise DecodeFailed("a text encoding that is not a string")
        return encoding, errors

    def format_string(self, owner: str, args: list[Any], options: dict[str, Any]) -> Any:
        size = len(owner)
        for _, name, spec, _ in string.Formatter().parse(owner):
            if name is not None and not re.fullmatch(r"\w*", name):
                return self.unknown("a format string that reaches into its arguments")
            if spec and (re.search(r"\d{5}", spec) or "{" in spec):
                return self.unknown("a format with a very large width")
            size += max(
                (len(each) for each in [*args, *options.values()] if isinstance(each, (str, bytes))),
                default=40,
            )
        self.grow(size)
        values = [each.text if isinstance(each, PathValue) else each for each in args]
        named = {key: each.text if isinstance(each, PathValue) else each for key, each in options.items()}
        if not all(isinstance(each, (str, int, float, type(None))) for each in [*values, *named.values()]):
            return self.unknown("formatting a value that was not followed")
        return owner.format(*values, **named)

    # -- files

    def absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, path))

    def read_path(self, path: str) -> Any:
        """Bytes of a file: what the wrapper wrote, or a file of the submission."""
        full = self.absolute(path)
        if full in self.written:
            return self.written[full]
        if full == self.file_name:
            return self.script.data
        relative = posixpath.relpath(full, self.folder)
        data = self.script.siblings.read(relative)
        if data is None:
            where = (
                "is not in the submission's folder"
                if relative.startswith("..")
                else "is not beside the script"
            )
            shown = posixpath.relpath(full, ROOT) if full.startswith(ROOT + "/") else full
            return Unknown(f"the file {shown[:200]} {where}", self.line, "\0file:" + shown)
        self.chains.setdefault(data, (Step("file", len(data), len(data), relative),))
        return data

    def write_path(self, path: str, data: Any) -> None:
        full = self.absolute(path)
        self.written[full] = self.unknown("a file written on an unknown path") if self.maybe else data
        if isinstance(data, (str, bytes)):
            self.grow(len(data))

    def path_text(self, value: Any) -> str | None:
        if isinstance(value, PathValue):
            return value.text
        if isinstance(value, File):
            return value.path or None
        return value if isinstance(value, str) and "\0" not in value and len(value) < 4096 else None

    def as_text(self, data: Any, encoding: Any = "utf-8") -> Any:
        if not isinstance(data, bytes):
            return data
        text = codecs.decode_text(
            data, encoding if isinstance(encoding, str) else "utf-8", "strict", self.limits
        )
        return self.track(text.replace("\r\n", "\n").replace("\r", "\n"), data)

    def open_file(self, args: list[Any], options: dict[str, Any]) -> Any:
        path = self.path_text(args[0] if args else options.get("file"))
        mode = args[1] if len(args) > 1 else options.get("mode", "r")
        if path is None or not isinstance(mode, str):
            found = (
                args[0]
                if args and isinstance(args[0], Unknown)
                else self.unknown("a file name that was not followed")
            )
            return found
        text = "b" not in mode
        if any(letter in mode for letter in "wxa"):
            start: Any = "" if text else b""
            if "a" in mode:
                existing = self.read_path(path)
                start = self.as_text(existing) if text else existing
                start = ("" if text else b"") if isinstance(start, Unknown) else start
            self.write_path(path, start)
            return File(path, start, text, True)
        data = self.read_path(path)
        encoding = options.get("encoding") or (args[3] if len(args) > 3 else None) or "utf-8"
        return File(path, self.as_text(data, encoding) if text else data, text, False)

    def call_file(self, file: File, name: str, args: list[Any]) -> Any:
        data = file.data
        if name in ("write", "writelines"):
            piece = args[0] if args else self.unknown("nothing written")
            if name == "writelines":
                items = self.iterate(piece)
                joined: list[Any] = (
                    list(items) if items is not None else [self.unknown("lines that were not followed")]
                )
                wrong = _deep_unknown(joined)
                piece = wrong or ("" if file.text else b"").join(joined)
            if isinstance(data, Unknown) or isinstance(piece, Unknown) or self.maybe:
                file.data = (
                    piece if isinstance(piece, Unknown) else self.unknown("written on an unknown path")
                )
            else:
                if isinstance(piece, (bytes, bytearray)):
                    piece = bytes(piece)
                self.grow(len(data) + len(piece))
                file.data = self.track(data + piece, piece)
            if file.path:
                self.write_path(file.path, file.data)
            return len(piece) if isinstance(piece, (str, bytes)) else None
        if isinstance(data, Unknown):
            return (
                data
                if name in ("read", "readline", "readlines", "getvalue", "read_text", "read_bytes")
                else None
            )
        if name == "getvalue":
            return data
        if name == "read":
            size = args[0] if args and isinstance(args[0], int) and args[0] >= 0 else len(data)
            made = data[file.position : file.position + size]
            file.position += len(made)
            return self.track(made, data)
        if name in ("readline", "readlines"):
            lines = data[file.position :].splitlines(True)
            if name == "readlines":
                file.position = len(data)
                return lines
            made = lines[0] if lines else data[:0]
            file.position += len(made)
            return self.track(made, data)
        if name == "seek" and args and isinstance(args[0], int):
            whence = args[1] if len(args) > 1 and isinstance(args[1], int) else 0
            base = (0, file.position, len(data))[whence] if 0 <= whence <= 2 else 0
            file.position = max(0, min(len(data), base + args[0]))
            return file.position
        if name == "tell":
            return file.position
        if name in ("close", "flush", "truncate", "__exit__", "fileno"):
            return None
        return file if name in ("__enter__", "detach") else self.unknown(f"the file method {name}")

    def call_path(self, text: str, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name in ("resolve", "absolute", "expanduser"):
            return PathValue(self.absolute(text))
        if name == "as_posix" or name == "__str__" or name == "__fspath__":
            return text
        if name == "read_bytes":
            return self.read_path(text)
        if name == "read_text":
            return self.as_text(
                self.read_path(text), options.get("encoding") or (args[0] if args else None) or "utf-8"
            )
        if name in ("write_text", "write_bytes"):
            self.write_path(text, args[0] if args else options.get("data"))
            return None
        if name == "open":
            return self.open_file([PathValue(text), *args], options)
        if name in ("with_suffix", "with_name") and args and isinstance(args[0], str):
            folder, last = posixpath.split(text)
            new = args[0] if name == "with_name" else posixpath.splitext(last)[0] + args[0]
            return PathValue(posixpath.join(folder, new))
        if name == "with_stem" and args and isinstance(args[0], str):
            folder, last = posixpath.split(text)
            return PathValue(posixpath.join(folder, args[0] + posixpath.splitext(last)[1]))
        if name == "joinpath":
            parts = [self.path_text(each) for each in args]
            return (
                PathValue(posixpath.join(text, *[p for p in parts if p]))
                if all(parts)
                else self.unknown("a path")
            )
        if name in ("exists", "is_file"):
            return (
                True
                if not isinstance(self.read_path(text), Unknown)
                else self.unknown("whether a file exists")
            )
        if name in ("mkdir", "unlink", "touch", "chmod"):
            return None
        return self.unknown(f"the path method {name}")

    def call_archive(self, archive: Archive, name: str, args: list[Any]) -> Any:
        """`zipfile.ZipFile(...)`: members by name, each decoded under the same bounds as any layer."""
        try:
            with zipfile.ZipFile(io.BytesIO(archive.data)) as opened:
                if name in ("namelist", "infolist"):
                    return opened.namelist()[:10_000] if name == "namelist" else self.unknown("infolist")
                if name in ("read", "open") and args and isinstance(args[0], str):
                    member = opened.getinfo(args[0])
                    bound = self.limits.layer_output_bytes
                    with opened.open(member) as stream:
                        data = stream.read(bound + 1)
                    if len(data) > bound:
                        raise LimitTripped("layer_output_bytes", bound, f"zip member {args[0][:80]}")
                    self.decoded("zip", archive.data, data)
                    return data if name == "read" else File("", data, False, False)
        except (
            zipfile.BadZipFile,
            KeyError,
            RuntimeError,
            NotImplementedError,
            OSError,
            EOFError,
            ValueError,
        ) as error:
            return self.unknown(f"zip: {type(error).__name__}")
        except Exception as error:
            if isinstance(error, LimitTripped):
                raise
            return self.unknown(f"zip: {type(error).__name__}")
        return None if name in ("close", "__exit__") else self.unknown(f"the archive method {name}")

    def contents(self, value: Any) -> Any:
        """The bytes behind a file, a path or bytes."""
        if isinstance(value, File):
            if isinstance(value.data, (str, bytes)):
                return value.data[value.position :]
            return value.data
        path = self.path_text(value)
        return self.read_path(path) if path is not None else value

    # -- decoders

    def decode(self, dotted: str, args: list[Any], options: dict[str, Any]) -> Any:
        found = codecs.decoder_for(dotted)
        if found is None:
            return self.unknown(f"the result of {dotted}()")
        for each in [*args, *options.values()]:
            if wrong := _deep_unknown(each):
                return wrong
        args = list(args)
        for name in ("s", "data", "b", "hexstr", "string", "buf"):
            if not args and name in options:
                args = [options[name]]
                options = {key: value for key, value in options.items() if key != name}
        data = args[0]
        if isinstance(data, str):
            data = self.track(codecs.encode_text(data, "ascii", "strict", self.limits), data)
        if isinstance(data, bytearray):
            data = bytes(data)
        if not isinstance(data, bytes):
            return self.unknown(f"{dotted} of something that is not bytes")
        made = found[1](data, self.limits, *args[1:], **options)
        self.decoded(found[0], data, made)
        return made

    def decoded(self, codec: str, data: bytes, made: bytes) -> None:
        self.unpacked += len(made)
        if self.unpacked > self.limits.unpacked_bytes:
            raise LimitTripped("unpacked_bytes", self.limits.unpacked_bytes, "all layers together")
        self.chains[made] = (*self.chains.get(data, ()), Step(codec, len(data), len(made)))[-64:]

    # -- the outside world

    def call_host(
        self, name: str, args: list[Any], options: dict[str, Any], node: ast.AST, scope: Scope | None
    ) -> Any:
        if name in self.overrides:
            return self.call(self.overrides[name], args, options, node, scope)
        if codecs.decoder_for(name) is not None:
            return self.decode(name, args, options)
        if name in _SUBPROCESS:
            return self.start_process(name, args, options, node)
        handler = _HOST_CALLS.get(name)
        if handler is not None:
            return handler(self, args, options, node)
        if name.startswith(("os.path.", "posixpath.")):
            return self.call_os_path(name.rpartition(".")[2], args)
        if name.startswith("builtins."):
            return self.call_builtin(name.removeprefix("builtins."), args, options)
        if name in ("os.environ.get", "os.getenv", "os.environ.setdefault", "os.environ.pop"):
            return self.environ(name, args)
        if name in _TEMPORARY_MAKERS:
            return self.temporary(name, options)
        if name.partition(".")[0] not in _QUIET_MODULES:
            self.affect()
        self.hand_over(args, f"{name}(), which was not followed", node)
        self.escape(args, options)
        return self.unknown(f"the result of {name}()")

    def environ(self, name: str, args: list[Any]) -> Any:
        if not args or not isinstance(args[0], str):
            return self.unknown("an environment variable")
        value = self.environment.get(args[0], args[1] if len(args) > 1 else None)
        if name.endswith("setdefault"):
            self.affect()
            self.environment.setdefault(
                args[0], self.unknown("set on an unknown path") if self.maybe else value
            )
        return value

    def temporary(self, name: str, options: dict[str, Any]) -> Any:
        if name == "os.getcwd":
            return self.folder
        if name == "tempfile.gettempdir":
            return _TEMPORARY
        self.temporaries += 1
        suffix = options.get("suffix", "")
        path = f"{_TEMPORARY}/{self.temporaries}{suffix if isinstance(suffix, str) else ''}"
        return (self.temporaries + 100, path) if name == "tempfile.mkstemp" else path

    def call_os_path(self, name: str, args: list[Any]) -> Any:
        parts = [self.path_text(each) for each in args]
        wrong = next((each for each in args if isinstance(each, Unknown)), None)
        if wrong is not None or not parts or any(part is None for part in parts):
            return wrong or self.unknown(f"os.path.{name}")
        texts = [part for part in parts if part is not None]
        if name in ("abspath", "realpath"):
            return self.absolute(texts[0])
        if name in ("join", "dirname", "basename", "splitext", "normpath", "split"):
            return getattr(posixpath, name)(*texts)
        if name in ("expanduser", "expandvars", "normcase"):
            return texts[0]
        if name in ("exists", "isfile"):
            return (
                True
                if not isinstance(self.read_path(texts[0]), Unknown)
                else self.unknown("whether a file exists")
            )
        if name == "isabs":
            return texts[0].startswith("/")
        return self.unknown(f"os.path.{name}")

    def call_builtin(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name == "open":
            return self.open_file(args, options)
        if name in ("exit", "quit"):
            raise _Stop
        if name == "print":
            return None
        wrong = next((found for each in args if isinstance(found := each, Unknown)), None)
        if name in _PLAIN_BUILTINS:
            if wrong is not None:
                return wrong
            return self.plain_builtin(name, args, options)
        if name.startswith(("bytes.", "bytearray.", "str.", "int.", "dict.")):
            return self.call_type_method(name, args, options)
        self.escape(args, options)
        return wrong or self.unknown(f"the result of {name}()")

    def call_type_method(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        wrong = next((found for each in [*args, *options.values()] if (found := _deep_unknown(each))), None)
        if wrong is not None:
            return wrong
        if name in ("bytes.fromhex", "bytearray.fromhex"):
            data = bytes.fromhex(args[0])
            self.decoded("hex", args[0].encode("ascii", "replace"), data)
            return data
        if name in ("bytes.maketrans", "bytearray.maketrans"):
            return bytes.maketrans(*args)
        if name == "str.maketrans":
            return str.maketrans(*args)
        if name == "int.from_bytes":
            return int.from_bytes(*args, **options)
        if name == "dict.fromkeys":
            self.grow(60 * len(args[0]))
            return dict.fromkeys(*args)
        kind, _, method = name.partition(".")
        owner = args[0] if args else None
        if (
            type(owner).__name__ == kind
            and isinstance(owner, (str, bytes, bytearray))
            and method in _STRING_METHODS
        ):
            return self.call_string(owner, method, args[1:], options)
        return self.unknown(f"the result of {name}()")

    def plain_builtin(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name in ("str", "int", "float", "bool", "bytes", "bytearray", "repr", "format"):
            return self.convert(name, args, options)
        if name == "len":
            return (
                len(args[0])
                if isinstance(args[0], (str, bytes, bytearray, list, tuple, dict, set, range))
                else self.unknown("len")
            )
        if name in ("chr", "ord", "abs", "hex", "bin", "oct", "divmod", "round"):
            if any(isinstance(each, int) and each.bit_length() > self.limits.int_bits for each in args):
                return self.unknown("a very large number")
            return _PLAIN_FUNCTIONS[name](*args)
        if name == "pow":
            if len(args) == 2 and all(isinstance(each, int) for each in args):
                return self.arithmetic(ast.Pow(), *args)
            if len(args) == 3 and all(isinstance(each, int) and each.bit_length() <= 4096 for each in args):
                return pow(*args)
            return self.unknown("pow")
        if name == "range":
            return range(*args)
        if name == "slice":
            return slice(*args)
        if name in (
            "list",
            "tuple",
            "set",
            "frozenset",
            "iter",
            "reversed",
            "sorted",
            "enumerate",
            "sum",
            "min",
            "max",
            "any",
            "all",
        ):
            return self.sequence_builtin(name, args, options)
        if name == "dict":
            made = dict(args[0]) if args else {}
            made.update(options)
            return made
        if name == "zip":
            rows = [each if isinstance(each, Cycle) else self.iterate(each) for each in args]
            if any(each is None for each in rows) or all(isinstance(each, Cycle) for each in rows):
                return self.unknown("zip of something that was not followed")
            finite = min(len(list(each)) for each in rows if not isinstance(each, Cycle) and each is not None)
            self.tick(finite)
            columns: list[Iterator[Any]] = []
            for each in rows:
                if isinstance(each, Cycle):
                    if not each.items:
                        return []
                    columns.append(iter([each.items[i % len(each.items)] for i in range(finite)]))
                else:
                    columns.append(iter(each or ()))
            return [tuple(row) for row in zip(*columns, strict=False)]
        if name in ("map", "filter"):
            items = self.iterate(args[1]) if len(args) == 2 else None
            if items is None:
                return self.unknown(f"{name} over something that was not followed")
            made_list = [self.call(args[0], [each], {}, ast.Pass(lineno=self.line)) for each in items]
            if name == "map":
                return made_list
            return [each for each, keep in zip(items, made_list, strict=True) if self.truth(keep)]
        if name == "next":
            items = self.iterate(args[0])
            first = next(iter(items), _MISSING) if items is not None else _MISSING
            return first if first is not _MISSING else self.unknown("next")
        if name == "memoryview":
            return args[0] if isinstance(args[0], bytes) else self.unknown("memoryview")
        if name == "isinstance":
            return self.is_instance(args[0], args[1])
        if name == "getattr":
            return self.get_attribute(args)
        if name == "setattr":
            if len(args) == 3 and isinstance(args[1], str):
                self.store_attribute(args[0], args[1], args[2])
            return None
        if name == "vars":
            return self.attribute(args[0], "__dict__")
        return self.unknown(f"the result of {name}()")

    def get_attribute(self, args: list[Any]) -> Any:
        if len(args) < 2 or not isinstance(args[1], str):
            return self.unknown("getattr")
        found = self.attribute(args[0], args[1])
        if isinstance(found, Bound) and len(args) == 3 and isinstance(args[0], (int, float, type(None))):
            return args[2]
        return found

    def is_instance(self, value: Any, kind: Any) -> Any:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not _native(value) or not all(isinstance(each, Host) for each in kinds):
            return self.unknown("isinstance")
        names = {each.name.removeprefix("builtins.") for each in kinds}
        return any(base.__name__ in names for base in type(value).__mro__)

    def convert(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        value = args[0] if args else None
        if name == "repr":
            return self.represent(value)
        if name == "format":
            return self.formatted(value, args[1] if len(args) > 1 else "", -1)
        if name == "bool":
            test = self.truth(value)
            return self.unknown("bool") if test is None else test
        if name == "str":
            if not args:
                return ""
            if isinstance(value, PathValue):
                return value.text
            if isinstance(value, (bytes, bytearray)) and (len(args) > 1 or options):
                encoding, errors = self.text_arguments(args[1:], options)
                return self.track(codecs.decode_text(bytes(value), encoding, errors, self.limits), value)
            if isinstance(value, int) and value.bit_length() > self.limits.int_bits:
                return self.unknown("a very large number")
            return str(value) if isinstance(value, (str, int, float)) else self.unknown("str")
        if name in ("bytes", "bytearray"):
            return self.make_bytes(name, args, options)
        if name == "int":
            if isinstance(value, (str, bytes)) and len(value) > 4000:
                if len(args) > 1 and args[1] in (2, 4, 8, 16, 32):
                    self.grow(len(value))
                    return int(value, args[1])
                return self.unknown("a very large number")
            return (
                int(*args)
                if args and isinstance(value, (int, float, str, bytes))
                else (0 if not args else self.unknown("int"))
            )
        return (
            float(value)
            if isinstance(value, (int, float, str)) and len(str(value)[:100]) < 100
            else self.unknown("float")
        )

    def make_bytes(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if not args:
            return b"" if name == "bytes" else bytearray()
        value = args[0]
        if isinstance(value, str):
            encoding, errors = self.text_arguments(args[1:], options)
            made = codecs.encode_text(value, encoding, errors, self.limits)
        elif isinstance(value, int):
            self.grow(value)
            made = bytes(value)
        else:
            items = self.iterate(value)
            if items is None:
                return self.unknown("bytes of something that was not followed")
            listed = list(items)
            if wrong := _deep_unknown(listed):
                return wrong
            self.grow(len(listed))
            made = bytes(listed)
        self.track(made, value)
        return made if name == "bytes" else bytearray(made)

    def sequence_builtin(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name in ("min", "max") and len(args) > 1:
            args = [args]
        if not args:
            return {"list": [], "tuple": (), "set": set(), "frozenset": set()}.get(name, self.unknown(name))
        items = self.iterate(args[0])
        if items is None:
            return self.unknown(f"{name} of something that was not followed")
        listed = list(items)
        self.tick(len(listed) // 16)
        if name in ("list", "iter"):
            return listed
        if name == "tuple":
            return tuple(listed)
        if name == "reversed":
            return listed[::-1]
        if name == "enumerate":
            start = args[1] if len(args) > 1 else options.get("start", 0)
            return [tuple(pair) for pair in enumerate(listed, start)]
        if wrong := _deep_unknown(listed):
            return wrong
        if name in ("set", "frozenset"):
            return set(listed)
        if name in ("any", "all"):
            return (any if name == "any" else all)(listed)
        if name == "sorted":
            key = options.get("key")
            if key is None:
                return sorted(listed, reverse=bool(options.get("reverse", False)))
            keys = [self.call(key, [each], {}, ast.Pass(lineno=self.line)) for each in listed]
            if _deep_unknown(keys):
                return self.unknown("sorted by a key that was not followed")
            order = sorted(
                range(len(listed)), key=keys.__getitem__, reverse=bool(options.get("reverse", False))
            )
            return [listed[i] for i in order]
        if name == "sum":
            start = args[1] if len(args) > 1 else 0
            return (
                sum(listed, start)
                if all(isinstance(each, (int, float)) for each in [*listed, start])
                else self.unknown("sum")
            )
        return (min if name == "min" else max)(listed)

    # -- executing

    def run_text(
        self, how: str, source: Any, names: dict[str, Any], node: ast.AST, scope: Scope | None
    ) -> Any:
        """`exec(source, names)` or `eval(source, names)`."""
        filename = ""
        mode = "eval" if how.endswith("eval") else "exec"
        if isinstance(source, Code):
            source, filename, mode = source.source, source.filename, source.mode
        if mode == "eval":
            if not isinstance(source, (str, bytes)):
                self.report_unfollowed(source, how, node, names)
                return source if isinstance(source, Unknown) else self.unknown("eval")
            text = (
                source
                if isinstance(source, str)
                else codecs.decode_text(source, "utf-8", "strict", self.limits)
            )
            tree = self.parse(text.strip().join("()")) if len(text) < 1_000_000 else "too large"
            if isinstance(tree, str) or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
                self.report_unfollowed(self.unknown("eval of a text that is no expression"), how, node, names)
                return self.unknown("eval")
            target = scope if scope is not None and scope.names is names else Scope(names)
            self.eval_depth += 1
            try:
                if self.eval_depth > self.limits.layer_depth:
                    raise LimitTripped("layer_depth", self.limits.layer_depth, "eval inside eval")
                return self.value(tree.body[0].value, target)
            finally:
                self.eval_depth -= 1
        self.execute(
            source, how.removeprefix("builtins."), node, names, str(names.get("__name__", "")), filename
        )
        return None

    def report_unfollowed(self, source: Any, how: str, node: ast.AST, names: dict[str, Any]) -> None:
        line = getattr(node, "lineno", self.line)
        how = how.removeprefix("builtins.")
        confined = names is not self.main.names
        if isinstance(source, Unknown):
            if source.text.startswith("\0file:") or how not in ("exec", "eval", "types.FunctionType"):
                rule = "missing-file"
            elif "marshal" in source.reason or "pickle" in source.reason:
                rule = "bytecode"
            else:
                rule = "not-constant"
            reason = f"{how}() of something that could not be followed as data: {source.reason}"
            text = source.text.removeprefix("\0file:")
        else:
            rule, text = "not-constant", ""
            reason = f"{how}() of a {type(source).__name__}, which is not source text"
        self.on_unfollowed(Unfollowed(rule, reason, line, text[:20_000], confined, self.maybe == 0))

    def execute(
        self, source: Any, how: str, node: ast.AST, names: dict[str, Any], module_name: str, filename: str
    ) -> None:
        if isinstance(source, bytearray):
            source = bytes(source)
        if isinstance(source, Code):
            source = source.source
        if not isinstance(source, (str, bytes)):
            self.report_unfollowed(source, how, node, names)
            return
        if len(source) > self.limits.source_bytes:
            raise LimitTripped(
                "source_bytes", self.limits.source_bytes, f"unwrapped source of {len(source):,} bytes"
            )
        if self.exec_depth >= self.limits.layer_depth:
            raise LimitTripped("layer_depth", self.limits.layer_depth, "wrappers inside wrappers")
        namespace = "same" if names is self.main.names else "main" if module_name == "__main__" else "own"
        event = Execution(
            source,
            how,
            getattr(node, "lineno", self.line),
            namespace,
            module_name,
            names,
            self.maybe == 0,
            self.chains.get(source, ()),
            filename,
            node,
            self.exec_depth,
            self.call_depth > 0,
            self.tops.get(self.exec_depth),
        )
        self.exec_depth += 1
        saved = self.line
        try:
            if self.on_execute(event):
                tree = self.parse(source)
                if isinstance(tree, str):
                    self.on_unfollowed(
                        Unfollowed("unparsable", f"the code handed to {how}(): {tree}", event.line)
                    )
                else:
                    self.run_module(tree, Scope(names))
        finally:
            self.exec_depth -= 1
            self.line = saved

    def start_process(self, name: str, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        """A Python started on a file the wrapper wrote, on a sibling, or with `-c`: that is where the program goes on."""
        first = args[0] if args else options.get("args")
        if name.startswith(("os.exec", "os.spawn", "os.posix_spawn")):
            rest = args[2 if name.startswith("os.spawn") else 1 :]
            command = list(rest[0]) if rest and isinstance(rest[0], (list, tuple)) else list(rest)
        elif isinstance(first, (list, tuple)):
            command = list(first)
        elif isinstance(first, str):
            try:
                command = shlex.split(first[:20_000])
            except ValueError:
                return self.unknown(f"the result of {name}()")
            starts = [i for i, word in enumerate(command) if _PYTHON.search(word)]
            command = command[starts[0] :] if starts else []
        else:
            return self.unknown(f"the result of {name}()")
        words = [self.path_text(each) for each in command]
        if not words or words[0] is None or not _PYTHON.search(words[0]):
            return self.unknown(f"the result of {name}()")
        given = options.get("env")
        if isinstance(given, dict):
            self.environment.update({key: value for key, value in given.items() if isinstance(key, str)})
        elif given is not None and not (isinstance(given, Host) and given.name == "os.environ"):
            self.environment_spoiled = True
        for index, word in enumerate(words[1:], 1):
            if word == "-c" and index + 1 < len(words):
                self.execute(command[index + 1], name, node, {"__name__": "__main__"}, "__main__", "")
                break
            if word is not None and word.endswith(".py") and not word.startswith("-"):
                data = self.read_path(word)
                if isinstance(data, Unknown) or self.absolute(word) != self.file_name:
                    self.execute(data, name, node, {"__name__": "__main__"}, "__main__", word)
                break
        if name.startswith("os.exec"):
            raise _Stop
        return self.unknown(f"the result of {name}()")

    def call_loader(self, spec: Spec, name: str, args: list[Any], node: ast.AST) -> Any:
        if name in ("exec_module", "load_module"):
            module = (
                args[0]
                if args and isinstance(args[0], Module)
                else Module(spec.name, {"__name__": spec.name})
            )
            path = self.path_text(spec.path)
            data = (
                spec.path
                if isinstance(spec.path, Unknown)
                else self.read_path(path)
                if path
                else self.unknown("a path")
            )
            if "." not in spec.name and name == "load_module":
                self.modules[spec.name] = module
            self.execute(
                data, name, node, module.names, str(module.names.get("__name__", spec.name)), path or ""
            )
            return module if name == "load_module" else None
        return self.unknown(f"the loader method {name}")


@dataclass(frozen=True, slots=True)
class PathParents:
    text: str


@dataclass(frozen=True, slots=True)
class Hash:
    digest: bytes


class _Uncertain(Exception):
    """A `return`, `break` or `continue` on only some of the unknown paths."""

    def __init__(self, leaves: Sequence[BaseException]) -> None:
        self.leaves = leaves


_MISSING: Any = object()
_TRANSPARENT = frozenset(("builtins.staticmethod", "builtins.classmethod", "builtins.property"))
_PLAIN_BUILTINS = _words(
    """str int float bool bytes bytearray repr format len chr ord abs hex bin oct divmod round pow range slice list tuple set
    frozenset iter reversed sorted enumerate sum min max any all dict zip map filter next memoryview isinstance getattr
    setattr vars"""
)
_PLAIN_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "chr": chr,
    "ord": ord,
    "abs": abs,
    "hex": hex,
    "bin": bin,
    "oct": oct,
    "divmod": divmod,
    "round": round,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: a**b,
    ast.LShift: lambda a, b: a << b,
    ast.RShift: lambda a, b: a >> b,
    ast.BitXor: lambda a, b: a ^ b,
    ast.BitAnd: lambda a, b: a & b,
    ast.BitOr: lambda a, b: a | b,
}
_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}


def _hashable(value: Any) -> bool:
    return not isinstance(value, (list, dict, set, bytearray))


def _same(left: Any, right: Any) -> bool:
    if left is right:
        return True
    plain = (bool, int, float, str, bytes, type(None), Host, PathValue)
    return type(left) is type(right) and isinstance(left, plain) and left == right


def _parents(text: str) -> list[str]:
    found: list[str] = []
    current = text.rstrip("/")
    while (above := posixpath.dirname(current)) != current:
        found.append(above or ".")
        if not above:
            break
        current = above
    return found


def _as_load(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Name):
        return ast.Name(node.id, ast.Load())
    if isinstance(node, ast.Attribute):
        return ast.Attribute(node.value, node.attr, ast.Load())
    if isinstance(node, ast.Subscript):
        return ast.Subscript(node.value, node.slice, ast.Load())
    return node


# ------------------------------------------------------------------------------------- calls with a meaning of their own

_HostCall = Callable[[Interpreter, list[Any], dict[str, Any], ast.AST], Any]


def _argument(args: list[Any], options: dict[str, Any], index: int, name: str, default: Any = None) -> Any:
    return args[index] if len(args) > index else options.get(name, default)


def _exec(
    self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST, how: str = "builtins.exec"
) -> Any:
    names = _argument(args, options, 1, "globals")
    if names is None:
        names = self.main.names
    local = _argument(args, options, 2, "locals")
    if isinstance(names, Unknown):
        names = {}
    if isinstance(names, Host) and names.name.endswith("__main__.__dict__"):
        names = self.main.names
    if not isinstance(names, dict):
        names = {}
    if isinstance(local, dict) and local is not names and names is self.main.names:
        names = local
    return self.run_text(how, args[0] if args else None, names, node, None)


def _eval(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return _exec(self, args, options, node, "builtins.eval")


def _compile(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    source = _argument(args, options, 0, "source")
    filename = _argument(args, options, 1, "filename", "")
    mode = _argument(args, options, 2, "mode", "exec")
    return Code(
        source, filename if isinstance(filename, str) else "", mode if isinstance(mode, str) else "exec"
    )


def _import(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "name")
    if not isinstance(name, str):
        return (
            name if isinstance(name, Unknown) else self.unknown("an import by a name that was not followed")
        )
    whole = isinstance(node, ast.Call) and any(k.arg == "fromlist" for k in node.keywords)
    return self.import_module(name if whole or "." not in name else name.partition(".")[0], node)


def _import_module(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "name")
    return (
        self.import_module(name, node)
        if isinstance(name, str)
        else self.unknown("an import by an unknown name")
    )


def _run_path(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    where = _argument(args, options, 0, "path_name")
    run_name = _argument(args, options, 2, "run_name", "<run_path>")
    path = self.path_text(where)
    data = self.read_path(path) if path is not None else where
    given = _argument(args, options, 1, "init_globals")
    names: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    names["__name__"] = run_name if isinstance(run_name, str) else "<run_path>"
    self.execute(data, "runpy.run_path", node, names, names["__name__"], path or "")
    return names


def _run_module(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "mod_name")
    if not isinstance(name, str):
        self.execute(
            self.unknown("a module name that was not followed"), "runpy.run_module", node, {}, "", ""
        )
        return self.unknown("run_module")
    run_name = _argument(args, options, 2, "run_name", name)
    for tail in (".py", "/__main__.py"):
        for base in [*self.sys_path, self.folder]:
            path = posixpath.join(base, name.replace(".", "/") + tail) if isinstance(base, str) else ""
            data = self.read_path(path) if path else None
            if isinstance(data, (str, bytes)):
                names: dict[str, Any] = {"__name__": run_name if isinstance(run_name, str) else name}
                self.execute(data, "runpy.run_module", node, names, names["__name__"], path)
                return names
    missing = Unknown(f"the module {name[:80]} is not beside the script", self.line, f"\0file:{name}")
    self.execute(missing, "runpy.run_module", node, {}, "", "")
    return self.unknown("run_module")


def _spec(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "name")
    location = _argument(args, options, 1, "location", _argument(args, options, 1, "path"))
    return Spec(name if isinstance(name, str) else "", location)


def _spec_loader(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    loader = _argument(args, options, 1, "loader")
    return loader if isinstance(loader, Spec) else self.unknown("a loader that was not followed")


def _module_from_spec(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    spec = _argument(args, options, 0, "spec")
    if not isinstance(spec, Spec):
        return self.unknown("a module from a spec that was not followed")
    path = self.path_text(spec.path) or ""
    return Module(spec.name, {"__name__": spec.name, "__file__": path}, path)


def _module_type(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "name")
    text = name if isinstance(name, str) else ""
    return Module(text, {"__name__": text})


def _function_type(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    code, names = _argument(args, options, 0, "code"), _argument(args, options, 1, "globals")
    if not isinstance(code, Code):
        self.report_unfollowed(code, "types.FunctionType", node, {})
        return self.unknown("a function made from a code object")
    return Partial(Host("builtins.exec"), (code, names if isinstance(names, dict) else {}), {})


def _path(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    parts = [self.path_text(each) for each in args]
    if wrong := next((each for each in args if isinstance(each, Unknown)), None):
        return wrong
    if any(part is None for part in parts):
        return self.unknown("a path that was not followed")
    return PathValue(posixpath.join(*[part or "" for part in parts]) if parts else ".")


def _cwd(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return PathValue(self.folder)


def _named_temporary(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    mode = _argument(args, options, 0, "mode", "w+b")
    path = self.temporary("tempfile.mktemp", options)
    text = isinstance(mode, str) and "b" not in mode
    self.write_path(path, "" if text else b"")
    return File(path, "" if text else b"", text, True)


def _temporary_directory(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return self.temporary("tempfile.mkdtemp", {})


def _fdopen(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    number = _argument(args, options, 0, "fd")
    if isinstance(number, int) and 100 < number <= 100 + self.temporaries:
        made = next((p for p in self.written if p.startswith(f"{_TEMPORARY}/{number - 100}")), "")
        path = made or f"{_TEMPORARY}/{number - 100}"
        return self.open_file([path, *args[1:]], options)
    return self.unknown("a file descriptor")


def _bytes_io(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data = _argument(args, options, 0, "initial_bytes", b"")
    return File("", data, isinstance(data, str), True)


def _string_io(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return File("", _argument(args, options, 0, "initial_value", ""), True, True)


def _zip_file(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data = self.contents(_argument(args, options, 0, "file"))
    return Archive(data, "") if isinstance(data, bytes) else self.unknown("an archive that was not followed")


def _open_packed(dotted: str) -> _HostCall:
    def opened(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        data = self.contents(args[0] if args else options.get("filename", options.get("fileobj")))
        mode = _argument(args, options, 1, "mode", "rb")
        made = self.decode(dotted, [data], {k: v for k, v in options.items() if k in ("format", "filters")})
        text = isinstance(mode, str) and "t" in mode
        return File("", self.as_text(made) if text else made, text, False)

    return opened


def _decompressor(dotted: str) -> _HostCall:
    def made(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        named = dict(options)
        if dotted == "lzma.decompress":
            named |= dict(zip(("format", "memlimit", "filters"), args, strict=False))
        elif dotted == "zlib.decompress":
            named = {"wbits": args[0]} if args else {k: v for k, v in options.items() if k == "wbits"}
        else:
            named = {}
        return Decompressor(dotted, named)

    return made


def _codecs_decode(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data, encoding = _argument(args, options, 0, "obj"), _argument(args, options, 1, "encoding", "utf-8")
    if isinstance(data, Unknown) or not isinstance(encoding, str):
        return data if isinstance(data, Unknown) else self.unknown("codecs.decode")
    name = codecs.transform_name(encoding)
    if name is None:
        return self.track(codecs.decode_text(bytes(data), encoding, "strict", self.limits), data)
    raw = data.encode("utf-8") if isinstance(data, str) else bytes(data)
    self.track(raw, data)
    codec, made = codecs.decode_transform(raw, encoding, self.limits)
    self.decoded(codec, raw, made)
    return self.track(made.decode("utf-8"), made) if codec == "rot13" else made


def _json_loads(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data = self.contents(args[0]) if args else None
    if not isinstance(data, (str, bytes)):
        return data if isinstance(data, Unknown) else self.unknown("json")
    self.grow(8 * len(data))
    made = json.loads(data)

    def walk(value: Any) -> None:
        self.tick()
        if isinstance(value, str):
            self.track(value, data)
        elif isinstance(value, list):
            for each in value:
                walk(each)
        elif isinstance(value, dict):
            for each in value.values():
                walk(each)

    walk(made)
    return made


def _literal_eval(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    text = args[0] if args else None
    if not isinstance(text, str):
        return text if isinstance(text, Unknown) else self.unknown("literal_eval")
    tree = self.parse(text.strip())
    if isinstance(tree, str) or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return self.unknown("literal_eval of a text that is no expression")
    if any(isinstance(each, (ast.Call, ast.Name, ast.Attribute)) for each in ast.walk(tree)):
        return self.unknown("literal_eval of more than a literal")
    return self.value(tree.body[0].value, Scope({}))


def _partial(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return Partial(args[0], tuple(args[1:]), options)


def _reduce(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    items = self.iterate(args[1])
    if items is None:
        return self.unknown("reduce over something that was not followed")
    listed = list(items)
    value = args[2] if len(args) > 2 else listed.pop(0)
    for each in listed:
        value = self.call(args[0], [value, each], {}, node)
    return value


def _operator(kind: type[ast.operator]) -> _HostCall:
    def apply(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        return self.operate(kind(), args[0], args[1])

    return apply


def _cycle(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    items = self.iterate(args[0])
    return self.unknown("cycle") if items is None else Cycle(tuple(items))


def _chain(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    made: list[Any] = []
    for each in args:
        items = self.iterate(each)
        if items is None:
            return self.unknown("chain")
        made.extend(items)
    return made


def _hash(algorithm: str) -> _HostCall:
    def made(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        data = args[0] if args else b""
        if not isinstance(data, bytes):
            return self.unknown("a hash of something that was not followed")
        return Hash(hashlib.new(algorithm, data, usedforsecurity=False).digest())

    return made


def _attrgetter(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return self.unknown("operator.attrgetter")


def _itemgetter(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return self.unknown("operator.itemgetter")


def _exit(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    raise _Stop


def _nothing(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return None


def _environ_update(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    given = args[0] if args and isinstance(args[0], dict) else {}
    if args and not isinstance(args[0], (dict, Host)):
        self.environment_spoiled = True
    self.affect()
    for name, value in {**given, **options}.items():
        self.environment[name] = self.unknown("set on an unknown path") if self.maybe else value
    return None


def _interactive(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    names = _argument(args, options, 0, "locals")
    return Instance(_INTERPRETER_CLASS, {"names": names if isinstance(names, dict) else {}})


def _b64decode_altchars(self: Interpreter, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return self.decode("base64.b64decode", args, options)


_INTERPRETER_CLASS = ClassValue("InteractiveInterpreter", {})

_HOST_CALLS: dict[str, _HostCall] = {
    "builtins.exec": _exec,
    "builtins.eval": _eval,
    "builtins.compile": _compile,
    "builtins.__import__": _import,
    "importlib.__import__": _import,
    "importlib.import_module": _import_module,
    "runpy.run_path": _run_path,
    "runpy.run_module": _run_module,
    "importlib.util.spec_from_file_location": _spec,
    "importlib.util.spec_from_loader": _spec_loader,
    "importlib.machinery.SourceFileLoader": _spec,
    "importlib.machinery.ModuleSpec": _spec_loader,
    "imp.load_source": lambda self, args, options, node: self.call_loader(
        Spec(str(args[0]), args[1]), "load_module", [], node
    ),
    "importlib.util.module_from_spec": _module_from_spec,
    "types.ModuleType": _module_type,
    "imp.new_module": _module_type,
    "types.FunctionType": _function_type,
    "types.LambdaType": _function_type,
    "pathlib.Path": _path,
    "pathlib.PurePath": _path,
    "pathlib.PosixPath": _path,
    "pathlib.Path.cwd": _cwd,
    "tempfile.NamedTemporaryFile": _named_temporary,
    "tempfile.TemporaryFile": _named_temporary,
    "tempfile.TemporaryDirectory": _temporary_directory,
    "os.fdopen": _fdopen,
    "io.open": lambda self, args, options, node: self.open_file(args, options),
    "codecs.open": lambda self, args, options, node: self.open_file(args, options),
    "io.BytesIO": _bytes_io,
    "io.StringIO": _string_io,
    "zipfile.ZipFile": _zip_file,
    "lzma.open": _open_packed("lzma.decompress"),
    "lzma.LZMAFile": _open_packed("lzma.decompress"),
    "gzip.open": _open_packed("gzip.decompress"),
    "gzip.GzipFile": _open_packed("gzip.decompress"),
    "bz2.open": _open_packed("bz2.decompress"),
    "bz2.BZ2File": _open_packed("bz2.decompress"),
    "lzma.LZMADecompressor": _decompressor("lzma.decompress"),
    "bz2.BZ2Decompressor": _decompressor("bz2.decompress"),
    "zlib.decompressobj": _decompressor("zlib.decompress"),
    "zstandard.ZstdDecompressor": _decompressor("zstandard.decompress"),
    "compression.zstd.ZstdDecompressor": _decompressor("zstandard.decompress"),
    "codecs.decode": _codecs_decode,
    "json.loads": _json_loads,
    "json.load": _json_loads,
    "ast.literal_eval": _literal_eval,
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "operator.xor": _operator(ast.BitXor),
    "operator.add": _operator(ast.Add),
    "operator.concat": _operator(ast.Add),
    "operator.mod": _operator(ast.Mod),
    "operator.mul": _operator(ast.Mult),
    "operator.sub": _operator(ast.Sub),
    "itertools.cycle": _cycle,
    "itertools.chain": _chain,
    "hashlib.sha256": _hash("sha256"),
    "hashlib.sha1": _hash("sha1"),
    "hashlib.md5": _hash("md5"),
    "hashlib.sha512": _hash("sha512"),
    "sys.exit": _exit,
    "os._exit": _exit,
    "os.environ.update": _environ_update,
    "os.environ.copy": lambda self, args, options, node: dict(self.environment),
    "os.makedirs": _nothing,
    "os.mkdir": _nothing,
    "os.chdir": _nothing,
    "os.unlink": _nothing,
    "os.remove": _nothing,
    "os.chmod": _nothing,
    "sys.path.insert": _nothing,
    "atexit.register": lambda self, args, options, node: (
        self.call(args[0], args[1:], options, node) if args else None
    ),
    "threading.Thread": lambda self, args, options, node: Partial(
        options.get("target"), tuple(options.get("args", ())), {}
    ),
}
