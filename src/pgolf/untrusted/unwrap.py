"""Undo packed scripts as data: from a `Script` to the source that runs, the layers around it, or a reason why not.

`unwrap` answers one question for the auditor: which text defines what this script does? An ordinary script is that text
itself, and a cheap look at its words proves it (no parsing). Otherwise `payload.Interpreter` follows the wrapper's own
statements; every `exec` and its relatives become an inner part, unwrapped in turn. The result keeps outer and inner code
in execution order: `source` is what runs in the script's own namespace, spliced into one text when the outer file has
code of its own, and byte for byte the inner source when the outer is nothing but wrapping.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted.codecs import DecodeFailed
from pgolf.untrusted.fallback import Parsed, decode_source, parse_whole
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.payload import Execution, Function, Interpreter, Module, Scope, Unfollowed, Unknown
from pgolf.untrusted.payload.words import ModuleWords, words_of
from pgolf.untrusted.script import Script


@dataclass(frozen=True, slots=True)
class Layer:
    """One wrapper that was undone.

    `codecs`: what was applied to the stored payload, outermost first (`("b85", "lzma")`; empty for plain text).
    `input_bytes`, `output_bytes`: the stored payload and the source that came out. `line`: of the executing call, in the
    enclosing source. `how`: that call (`exec`, `runpy.run_path`, …). `sibling`: the file it came from, if it did.
    `depth`: 1 for a layer in the script itself, 2 for a layer in that layer, and so on.
    """

    codecs: tuple[str, ...]
    input_bytes: int
    output_bytes: int
    line: int
    how: str
    depth: int = 1
    sibling: str | None = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why something that is executed could not be undone as data.

    `rule` is a slug: `limit` (with the bound's name in `limit`), `not-constant`, `bytecode`, `missing-file`,
    `unparsable`, `conditional` (only one of several unknown paths leads there), `order` (code runs after the inner code
    in a way that cannot be laid out), `namespaces`. `text`: the literal parts that are known, or the missing file's name.
    `confined`: the code runs in a namespace of its own. `certain`: False when it runs on some unknown paths only.
    """

    rule: str
    reason: str
    line: int
    limit: str = ""
    text: str = ""
    confined: bool = False
    certain: bool = True


@dataclass(frozen=True, slots=True)
class SourcePart:
    """One source in execution order. `role`: "script", "inner" (spliced into `Unwrapped.source`) or "module" (a
    namespace of its own: `name` is what it is imported as, `variable` what holds it in the enclosing source)."""

    path: str
    role: str
    data: bytes
    line: int = 0
    how: str = ""
    name: str = ""
    variable: str = ""
    parent: int = -1


@dataclass(frozen=True, slots=True)
class LineSpan:
    """Lines `first_line` … `first_line + lines - 1` of `Unwrapped.source` are lines `origin_line` … of `path`."""

    first_line: int
    lines: int
    path: str
    origin_line: int


@dataclass(frozen=True)
class Unwrapped:
    """What a script runs, as text.

    `source`: what runs in the script's own namespace, in execution order (bytes as stored, or UTF-8 when spliced).
    `path`: where `source` comes from: the script, or `script::exec@LINE`. `layers`: outermost first, execution order.
    `parts`: every source, the script first. `obstacles`: everything executed that could not be undone; `obstacle`: the
    first that makes the script OBFUSCATED (a file that is not there and would run in a namespace or process of its own
    is not one: what is there can still be judged, and the reason is listed).
    `environment`: variables that outer code sets before the inner
    code runs, with values that are known; `unknown_environment`: those whose values are not, "" for one whose name
    is not. `script`: what was unwrapped.
    """

    script: Script
    source: bytes
    path: str
    layers: tuple[Layer, ...] = ()
    parts: tuple[SourcePart, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    spans: tuple[LineSpan, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    unknown_environment: tuple[str, ...] = ()

    @property
    def obstacle(self) -> Obstacle | None:
        """The first obstacle that makes the script OBFUSCATED, or None."""
        return next(
            (each for each in self.obstacles if each.rule != "missing-file" or not each.confined), None
        )

    @property
    def packed_layers(self) -> int:
        """Layers that went through a decoder or another file (an executed plain string is not packed)."""
        return sum(1 for layer in self.layers if layer.codecs or layer.sibling)

    @property
    def modules(self) -> tuple[SourcePart, ...]:
        """Inner sources with a namespace of their own."""
        return tuple(part for part in self.parts if part.role == "module")

    def origin(self, line: int) -> tuple[str, int]:
        """(path, line) where a line of `source` comes from."""
        for span in self.spans:
            if span.first_line <= line < span.first_line + span.lines:
                return span.path, span.origin_line + line - span.first_line
        return self.path, line


# ------------------------------------------------------------------------------------------------- is anything wrapped?

# Words that execute text, start another file, or make the way there indirect, and what must surround each for it to be
# more than prose or a method: the first must not stand behind a letter or a dot (`model.eval()`, `torch.compile`).
_BARE = rb"(?<![\w.])"
_AS_CODE = rb"(?=\s*(?:[(=,)\]}:;\\#]|\.\s*\w|$|\r?\n|(?:if|or|and|as|is|in|else|for)\b))"
_NAMES_PYTHON = re.compile(rb"sys\.executable\b|[\"'](?:[^\"'\n ]*/)?(?:python[\d.]*|torchrun)[\"' ]")
_INDEXED = rb"\s*\(\s*\)\s*(?:\[(?![^\]\n]*\]\s*=[^=])|\.(?!(?:get|setdefault)\(\s*[\"']\w+[\"']|items|keys))"
_WORDS: tuple[tuple[bytes, re.Pattern[bytes]], ...] = tuple(
    (word, re.compile(before + word + after))
    for before, words, after in (
        (_BARE, (b"exec", b"eval", b"compile"), rb"\b" + _AS_CODE),
        (_BARE, (b"__import__",), rb"\b"),
        (_BARE, (b"locals", b"vars", b"globals"), _INDEXED),
        (
            rb"\b",
            (b"runpy", b"builtins", b"load_module", b"exec_module", b"FunctionType", b"CodeType"),
            rb"\b",
        ),
        (rb"", (b"__globals__", b"__subclasses__", b"__loader__", b"__builtins__", b"_run_code"), rb"\b"),
        (
            rb"\b",
            (b"SourceFileLoader", b"InteractiveInterpreter", b"InteractiveConsole", b"import_module"),
            rb"\b",
        ),
        (rb"\b", (b"spec_from_",), rb""),
        (
            rb"\b",
            (b"sys.modules",),
            rb"\s*(?:\[[^\]\n]*\]\s*[.\[]|(?!\s*(?:\[|[:)\n]|$|\.(?:get|pop|setdefault)\b)))",
        ),
        (rb"\b", (b"execv", b"execl", b"spawnv", b"spawnl", b"posix_spawn"), rb"\w*\s*\("),
        (rb"(?<=import )", (b"imp",), rb"\b"),
        (rb"(?<=from )", (b"imp",), rb"\b"),
    )
    for word in words
)
_PROCESS_WORDS = (b"subprocess", b"Popen", b"check_call", b"check_output", b"os.system", b"os.popen")
_ASCII = bytes(range(128))
_MARK = re.compile(rb"[#\"']")
_SHORT = {
    b'"': re.compile(rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"', re.DOTALL),
    b"'": re.compile(rb"'[^'\\\n]*(?:\\.[^'\\\n]*)*'", re.DOTALL),
}


def may_wrap(data: bytes) -> bool:
    """False when the words of a source prove that nothing in it can execute text or start another Python file.

    Linear and without parsing; comments and plain strings do not count, f-strings do. True decides nothing.
    """
    text = data if data.isascii() else _fold_identifiers(data)
    hits: list[int] = []
    for word, pattern in _WORDS:
        if word in text:
            hits.extend(found.start() for found in _occurrences(text, word, pattern))
    processes = [word for word in _PROCESS_WORDS if word in text]
    if (
        processes
        and (b"python" in text or b"torchrun" in text or b"executable" in text)
        and _NAMES_PYTHON.search(text)
    ):
        for word in processes:
            hits.extend(found.start() for found in re.finditer(re.escape(word), text))
    return bool(hits) and _any_in_code(text, sorted(hits))


def _occurrences(text: bytes, word: bytes, pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    position = text.find(word)
    while position >= 0:
        found = pattern.match(text, position)
        if found is not None:
            yield found
        position = text.find(word, position + 1)


def _any_in_code(text: bytes, hits: list[int]) -> bool:
    """Whether one of the offsets lies outside comments and plain strings. Unclear quoting counts as code."""
    position = index = 0
    while True:
        mark = _MARK.search(text, position)
        start = len(text) if mark is None else mark.start()
        if hits[index] < start:
            return True
        sign = text[start : start + 1]
        if sign == b"#":
            end = text.find(b"\n", start)
            end = len(text) if end < 0 else end
        elif text[start : start + 3] == sign * 3:
            end = _end_of_long_string(text, start + 3, sign * 3)
        else:
            match = _SHORT[sign].match(text, start)
            end = -1 if match is None else match.end()
        if end < 0:
            return True
        formatted = sign != b"#" and re.search(rb"[fFtT]", text[max(0, start - 2) : start]) is not None
        while index < len(hits) and hits[index] < end:
            if formatted and _in_braces(text[start : hits[index]]):
                return True
            index += 1
        if index == len(hits):
            return False
        position = end


def _in_braces(head: bytes) -> bool:
    """Whether an f-string that starts so is inside an expression; in doubt, yes."""
    plain = head.replace(b"{{", b"").replace(b"}}", b"")
    return plain.count(b"{") > plain.count(b"}") or plain.rfind(b"{") > plain.rfind(b"}")


def _end_of_long_string(text: bytes, position: int, quotes: bytes) -> int:
    while (end := text.find(quotes, position)) >= 0:
        slashes = end - len(text[position:end].rstrip(b"\\")) - position
        if slashes % 2 == 0:
            return end + 3
        position = end + 1
    return -1


def _fold_identifiers(data: bytes) -> bytes:
    """NFKC, as Python applies it to identifiers (`ｅｘｅｃ` is `exec`), where a character asks for it."""
    strange = set(data.translate(None, _ASCII).decode("utf-8", "replace"))
    if not re.search(r"[A-Za-z0-9_]", unicodedata.normalize("NFKC", "".join(sorted(strange)))):
        return data
    return unicodedata.normalize("NFKC", data.decode("utf-8", "replace")).encode("utf-8", "replace")


# ------------------------------------------------------------------------------------------------------------ unwrapping


@dataclass(eq=False)
class _Unit:
    """One source on the way: the script, or (as `_Inner`) what an `exec` was given."""

    path: str
    data: bytes
    tree: ast.Module | None = None
    parsed: Parsed | None = None
    names: ModuleWords | None = None
    inner: list[_Inner] = field(default_factory=list)

    @cached_property
    def last_executing(self) -> int:
        """Position of the last top-level statement that may execute something, -1 for none."""
        body = [] if self.tree is None else self.tree.body
        return next((i for i in reversed(range(len(body))) if words_of(body[i]).whole.executes), -1)


@dataclass(eq=False, kw_only=True)
class _Inner(_Unit):
    """What an executing call in `parent` was given."""

    parent: _Unit
    event: Execution


def unwrap(script: Script, limits: Limits = DEFAULT_LIMITS) -> Unwrapped:
    """Undo every layer of a script as data. Never raises for what the script says or contains."""
    if len(script.data) > limits.source_bytes:
        tripped = LimitTripped("source_bytes", limits.source_bytes, f"{len(script.data):,} bytes")
        return _plain(script, (Obstacle("limit", str(tripped), 0, "source_bytes"),))
    if not _needs_following(script.data):
        return _plain(script)
    return _Unwrapping(script, limits).result()


def _needs_following(data: bytes) -> bool:
    # A cookie may hide words from a look at the bytes (UTF-7, UTF-16): such a file is followed by its text.
    head = data[:400].split(b"\n", 2)[:2]
    if any(
        b"coding" in line and re.search(rb"coding[=:]\s*(?!utf-?8|latin|ascii|iso-8859)", line)
        for line in head
    ):
        return True
    return may_wrap(data)


def _plain(script: Script, obstacles: tuple[Obstacle, ...] = ()) -> Unwrapped:
    part = SourcePart(script.path, "script", script.data)
    return Unwrapped(script, script.data, script.path, parts=(part,), obstacles=obstacles)


class _Unwrapping:
    """State of one call of `unwrap`."""

    def __init__(self, script: Script, limits: Limits) -> None:
        self.script = script
        self.limits = limits
        self.root = _Unit(script.path, script.data)
        self.stack: list[_Unit] = [self.root]
        self.units: list[_Inner] = []
        self.obstacles: list[Obstacle] = []
        self.interpreter = Interpreter(script, limits, self.parse, self.on_execute, self.on_unfollowed)
        self.pending: _Unit | None = None

    def parse(self, source: bytes | str) -> ast.Module | str:
        parsed = parse_whole(source, self.limits)
        unit, self.pending = self.pending, None
        if unit is not None:
            unit.parsed = parsed
            unit.tree = parsed.tree
        if parsed.tree is None or parsed.partial:
            return parsed.problem or "it could not be parsed"
        names = words_of(parsed.tree)
        self.interpreter.relevant |= names.relevant()
        self.interpreter.words |= names.functions
        if unit is not None:
            unit.names = names
        return parsed.tree

    def on_execute(self, event: Execution) -> bool:
        del self.stack[event.depth + 1 :]
        parent = self.stack[-1]
        data = (
            event.source if isinstance(event.source, bytes) else event.source.encode("utf-8", "surrogatepass")
        )
        if any(each.data == data for each in _ancestors(parent)):
            return False  # a script that executes itself again
        sibling = event.steps[0].sibling if event.steps else None
        path = sibling if sibling and len(event.steps) == 1 else f"{parent.path}::{event.how}@{event.line}"
        unit = _Inner(path, data, parent=parent, event=event)
        parent.inner.append(unit)
        self.units.append(unit)
        if len(self.units) > 2000:
            raise LimitTripped("layer_depth", self.limits.layer_depth, "more than 2,000 executed sources")
        self.stack.append(unit)
        self.pending = unit
        follow = may_wrap(data) or self.more_to_come(parent, event)
        if not follow:
            self.pending = None
        return follow

    def more_to_come(self, parent: _Unit, event: Execution) -> bool:
        """Whether the enclosing source may execute something else later, which this inner code could prepare."""
        body: list[Any] = [] if parent.tree is None else parent.tree.body
        return event.statement not in body or body.index(event.statement) < parent.last_executing

    def on_unfollowed(self, found: Unfollowed) -> None:
        if len(self.obstacles) < 100:
            self.obstacles.append(
                Obstacle(found.rule, found.reason, found.line, "", found.text, found.confined, found.certain)
            )

    def result(self) -> Unwrapped:
        tree = None
        try:
            self.pending = self.root
            outcome = self.parse(self.script.data)
            if isinstance(outcome, str):
                # Not Python: the auditor's own parse says so better. Nothing in it can be shown to execute anything.
                if self.root.parsed is not None and self.root.parsed.tree is None:
                    return _plain(self.script)
                tree = self.root.tree
            else:
                tree = outcome
            if tree is None or self.root.names is None or not self.root.names.whole.executes:
                return _plain(self.script)
            self.interpreter.run_module(tree, self.interpreter.main)
            self.look_into_unreached()
        except LimitTripped as tripped:
            self.obstacles.insert(0, Obstacle("limit", str(tripped), self.interpreter.line, tripped.limit))
        except RecursionError:
            reason = "limit ast_depth: the wrapper's code is nested too deep to follow"
            self.obstacles.insert(0, Obstacle("limit", reason, self.interpreter.line, "ast_depth"))
        except MemoryError:
            reason = "limit worker_memory_bytes: following the wrapper took too much memory"
            self.obstacles.insert(0, Obstacle("limit", reason, self.interpreter.line, "worker_memory_bytes"))
        return self.assemble()

    # -- functions that nobody was seen to call

    def look_into_unreached(self) -> None:
        """Functions that execute something, were never reached, and are mentioned: perhaps called, so looked at."""
        for unit in [self.root, *self.units]:
            if unit.names is None:
                continue
            for node, words in unit.names.functions.items():
                if (
                    node in self.interpreter.visited
                    or not words.executes
                    or node.name not in unit.names.whole.names
                ):
                    continue
                names = unit.event.names if isinstance(unit, _Inner) else self.interpreter.main.names
                function = Function(node.name, node, Scope(names))
                arguments = [Unknown(f"the argument of {node.name}()", node.lineno)] * 20
                del self.stack[1:]
                if unit is not self.root:
                    self.stack.append(unit)
                self.interpreter.exec_depth = len(self.stack) - 1
                try:
                    self.interpreter.try_function(function, list(arguments))
                finally:
                    self.interpreter.exec_depth = 0

    # -- putting the parts together

    def assemble(self) -> Unwrapped:
        parts = self.collect_parts()
        layers = tuple(_layer(unit) for unit in self.units)
        if not layers:
            return replace(_plain(self.script), obstacles=tuple(self.obstacles))
        spliced = self.splice(self.root)
        for unit in self.units:
            event = unit.event
            if not event.certain and event.namespace != "own" and not _is_process(event):
                reason = f"{event.how}() at line {event.line} runs on some paths only, and which could not be followed"
                self.obstacles.append(Obstacle("conditional", reason, event.line))
        environment = {k: v for k, v in self.interpreter.environment.items() if isinstance(v, str)}
        unknown = tuple(k for k, v in self.interpreter.environment.items() if not isinstance(v, str))
        if self.interpreter.environment_spoiled:
            unknown = (*unknown, "")
        source, spans, path = spliced
        return Unwrapped(
            self.script,
            source,
            path,
            layers,
            parts,
            tuple(self.obstacles),
            tuple(spans),
            environment,
            unknown,
        )

    def collect_parts(self) -> tuple[SourcePart, ...]:
        parts = [SourcePart(self.root.path, "script", self.root.data)]
        index = {id(unit): number for number, unit in enumerate([self.root, *self.units])}
        for unit in self.units:
            event = unit.event
            parts.append(
                SourcePart(
                    unit.path,
                    "inner" if self.runs_here(unit) else "module",
                    unit.data,
                    event.line,
                    event.how,
                    event.name,
                    self.variable_of(event),
                    index[id(unit.parent)],
                )
            )
        return tuple(parts)

    def variable_of(self, event: Execution) -> str:
        """The module-level name that holds an inner namespace."""
        for name, value in self.interpreter.main.names.items():
            if value is event.names or (isinstance(value, Module) and value.names is event.names):
                return name
        return ""

    def splice(self, unit: _Unit) -> tuple[bytes, list[LineSpan], str]:
        """(source, where its lines come from, path) of one unit with its inner sources in their places."""
        inner = [each for each in unit.inner if each.event.certain]
        same = [each for each in inner if self.runs_here(each)]
        own = [each for each in inner if each.event.namespace == "own"]
        merged = self.mergeable(own) if not same else None
        if merged is not None:
            same = [merged]
        if not same or unit.tree is None:
            return unit.data, [LineSpan(1, unit.data.count(b"\n") + 1, unit.path, 1)], unit.path
        return _Splicer(self, unit, unit.tree, same, merged).run()

    def runs_here(self, inner: _Inner) -> bool:
        """Whether an inner source is the program that goes on, and not a module or a helper process beside it."""
        event = inner.event
        if event.namespace == "own":
            return False
        if not _is_process(event) or event.how.startswith(("os.exec", "os.spawn", "os.posix")):
            return True
        packed = any(step.codec != "file" for step in event.steps)
        return packed or len(inner.data) > 2 * _code_bytes(inner.parent.tree)

    def mergeable(self, own: list[_Inner]) -> _Inner | None:
        """The one inner source with its own namespace held by a variable, when it can be laid out with the outer code."""
        if len(own) != 1:
            return None
        event = own[0].event
        if event.in_function or event.how == "import" or not self.variable_of(event):
            return None
        modules = [each for each in self.interpreter.modules.values() if isinstance(each, Module)]
        return None if any(each.names is event.names for each in modules) else own[0]

    def obstruct(self, rule: str, reason: str, line: int) -> None:
        self.obstacles.append(Obstacle(rule, reason, line))


def _is_process(event: Execution) -> bool:
    return event.how.startswith(("subprocess.", "os.", "pty."))


def _code_bytes(tree: ast.Module | None) -> int:
    """About how much code a source has of its own, without imports and literals."""
    body = [] if tree is None else tree.body
    code = (node for each in body if not _is_import(each) for node in ast.walk(each))
    return sum(8 for node in code if not isinstance(node, ast.Constant)) // 2


def _ancestors(unit: _Unit) -> list[_Unit]:
    """A unit, what executes it, and so on up to the script."""
    found = [unit]
    while isinstance(unit, _Inner):
        unit = unit.parent
        found.append(unit)
    return found


def _layer(unit: _Inner) -> Layer:
    event = unit.event
    steps = event.steps
    sibling = steps[0].sibling if steps else None
    codecs = tuple(step.codec for step in steps if step.codec != "file")
    return Layer(
        codecs,
        steps[0].input_bytes if steps else len(unit.data),
        len(unit.data),
        event.line,
        event.how,
        len(_ancestors(unit)) - 1,
        sibling,
    )


# --------------------------------------------------------------------------------------------------------------- splicing


class _Splicer:
    """Lays out one unit: outer statements and inner sources in execution order, with a map back to their lines."""

    def __init__(
        self, owner: _Unwrapping, unit: _Unit, tree: ast.Module, inner: list[_Inner], merged: _Inner | None
    ) -> None:
        self.owner = owner
        self.unit = unit
        self.tree = tree
        self.inner = inner
        self.merged = merged
        self.text = _text_of(unit.data)
        self.lines = self.text.split("\n")
        self.pieces: list[tuple[str, str, int]] = []  # text, path, line
        self.kept: list[ast.stmt] = []
        self.placed: set[int] = set()
        self.numbered = {f"\0{number}": each for number, each in enumerate(inner)}
        self.marks = {id(each): mark for mark, each in self.numbered.items()}
        self.at: dict[int, list[_Inner]] = {}  # by the statement that executes them
        for each in inner:
            self.at.setdefault(id(each.event.statement), []).append(each)
        self.later: dict[int, list[tuple[str, ast.stmt]]] = {}
        self.behind: set[int] = set()  # kept statements that stand behind the first inner source

    def run(self) -> tuple[bytes, list[LineSpan], str]:
        self.lay_out(self.tree.body)
        for each in self.inner:
            if id(each) not in self.placed:
                self.place(each)
        self.check_merged()
        if len(self.inner) == 1 and self.droppable(self.inner[0]):
            return self.owner.splice(self.inner[0])
        made: list[str] = []
        spans: list[LineSpan] = []
        line = 1
        for text, path, origin in self.pieces:
            if path.startswith("\0"):
                inner = self.numbered[path]
                data, inner_spans, _ = self.owner.splice(inner)
                text = _text_of(data)
                spans += [replace(span, first_line=span.first_line + line - 1) for span in inner_spans]
            else:
                spans.append(LineSpan(line, text.count("\n") + 1, path, origin))
            made.append(text)
            line += text.count("\n") + 1
        return "\n".join(made).encode("utf-8", "surrogatepass"), spans, self.unit.path

    def lay_out(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            here = self.at.get(id(statement), [])
            if not here:
                self.keep(statement)
                continue
            calls = [each.event.call for each in here]
            if isinstance(statement, ast.Expr) and len(here) == 1 and statement.value is calls[0]:
                self.place(here[0])
                continue
            flat = _flattened(statement)
            inside = {id(node) for node in ast.walk(statement)}
            if flat is not None and all(id(call) in inside for call in calls):
                self.relocate(here, flat)
                self.lay_out(flat)
                continue
            self.keep(statement)
            for each in here:
                self.place(each)
            self.check_order(here)

    def relocate(self, here: list[_Inner], flat: list[ast.stmt]) -> None:
        """Statements inside a compound one take over its inner sources."""
        owners = {id(node): statement for statement in flat for node in ast.walk(statement)}
        for each in here:
            statement = owners[id(each.event.call)]
            each.event = replace(each.event, statement=statement)
            self.at.setdefault(id(statement), []).append(each)

    def keep(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Pass):
            return
        self.kept.append(statement)
        if self.placed:
            self.behind.add(id(statement))
        text = _segment(self.lines, statement)
        if self.merged is not None:
            text = self.rewritten(statement, text, self.owner.variable_of(self.merged.event))
        self.pieces.append((text, self.unit.path, _first_line(statement)))

    def place(self, inner: _Inner) -> None:
        if id(inner) not in self.placed:
            self.placed.add(id(inner))
            self.pieces.append(("", self.marks[id(inner)], 1))

    def check_order(self, here: list[_Inner]) -> None:
        """Code behind the executing call, in the function that holds it, would be laid out in front of the inner code."""
        for each in here:
            event = each.event
            if not event.in_function or event.namespace != "same":
                continue
            for name, later in self.code_behind(event.call):
                reason = (
                    f"{name}() goes on after {event.how}() at line {event.line}, so outer and inner code"
                    " cannot be laid out one after the other"
                )
                self.owner.obstruct("order", reason, later.lineno)

    def code_behind(self, call: ast.AST) -> list[tuple[str, ast.stmt]]:
        """(function, first statement behind the call that matters) for each function that holds a call."""
        if id(call) not in self.later:
            found = self.later[id(call)] = []
            for function in ast.walk(self.tree):
                if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                held = [any(node is call for node in ast.walk(s)) for s in function.body]
                behind = function.body[held.index(True) + 1 :] if True in held else []
                found += [(function.name, s) for s in behind if not _harmless(s)][:1]
        return self.later[id(call)]

    def droppable(self, inner: _Inner) -> bool:
        """The outer statements do nothing but find and start the payload, and the inner source uses none of them."""
        depth = len(_ancestors(self.unit)) - 1
        if self.owner.interpreter.effects.get(depth) or self.merged is not None:
            return False
        text = _text_of(inner.data)
        for statement in self.kept:
            for name in _bound_names(statement):
                if not re.search(rf"(?<![\w.]){re.escape(name)}\b", text):
                    continue
                if id(statement) in self.behind or not re.search(
                    rf"\bimport\b[^\n]*\b{re.escape(name)}\b|^[ \t]*{re.escape(name)}[ \t]*(?::[^=\n]*)?=(?!=)"
                    rf"|\b(?:def|class|for|as)[ \t]+{re.escape(name)}\b",
                    text,
                    re.MULTILINE,
                ):
                    return False
        return all(_is_import(each) or _quiet(each) for each in self.kept if id(each) in self.behind)

    # -- an inner namespace held by a variable

    def rewritten(self, statement: ast.stmt, text: str, variable: str) -> str:
        """`inner.name` and `inner["name"]` become `name` once both namespaces are one text."""
        if not any(isinstance(node, ast.Name) and node.id == variable for node in ast.walk(statement)):
            return text
        if not any(path.startswith("\0") for _, path, _ in self.pieces):
            return text  # in front of the inner code: the variable is only being made
        changed = _Flattener(variable).visit(ast.parse(text).body[0])
        remaining = [node for node in ast.walk(changed) if isinstance(node, ast.Name) and node.id == variable]
        if remaining:
            reason = f"the inner namespace {variable} is used as a whole after the inner code ran"
            self.owner.obstruct("namespaces", reason, statement.lineno)
            return text
        return ast.unparse(ast.fix_missing_locations(changed))

    def check_merged(self) -> None:
        if self.merged is None:
            return
        parsed = self.merged.parsed or parse_whole(self.merged.data, self.owner.limits)
        if parsed.tree is None:
            return
        inside = {name for each in parsed.tree.body for name in _bound_names(each) if not _is_import(each)}
        outside = {name for each in self.kept for name in _bound_names(each) if not _is_import(each)}
        both = sorted(name for name in inside & outside if not name.startswith("__"))
        if both:
            reason = f"outer and inner code are two namespaces and both define {', '.join(both[:5])}"
            self.owner.obstruct("namespaces", reason, self.merged.event.line)


class _Flattener(ast.NodeTransformer):
    def __init__(self, variable: str) -> None:
        self.variable = variable

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == self.variable and node.attr != "__dict__":
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        key = node.slice
        if (
            isinstance(node.value, ast.Name)
            and node.value.id == self.variable
            and isinstance(key, ast.Constant)
            and isinstance(key.value, str)
            and key.value.isidentifier()
        ):
            return ast.copy_location(ast.Name(key.value, node.ctx), node)
        return self.generic_visit(node)


def _text_of(data: bytes) -> str:
    """A source's text, with the line ends that Python counts."""
    try:
        text = decode_source(data)
    except (DecodeFailed, LimitTripped):
        text = data.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(int(each.lineno) for each in decorators)])


def _segment(lines: list[str], statement: ast.stmt) -> str:
    """The text of one statement, moved to the left margin."""
    first, last = _first_line(statement), statement.end_lineno or statement.lineno
    column = _column(lines[statement.lineno - 1], statement.col_offset)
    found = lines[first - 1 : last]
    found[-1] = found[-1][: _column(found[-1], statement.end_col_offset or 0)]
    moved = [found[0][column:]]
    for line in found[1:]:
        margin = min(column, len(line) - len(line.lstrip(" \t")))
        moved.append(line[margin:])
    return "\n".join(moved)


def _column(line: str, offset: int) -> int:
    """A UTF-8 offset, as `ast` counts columns, in characters."""
    return len(line.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace"))


def _flattened(statement: ast.stmt) -> list[ast.stmt] | None:
    """The statements of a compound statement that certainly runs once, in order, or None when it is not that simple."""
    if isinstance(statement, ast.If) and _is_main_guard(statement.test):
        return list(statement.body)
    if isinstance(statement, ast.With):
        return [
            ast.copy_location(ast.Expr(item.context_expr), item.context_expr) for item in statement.items
        ] + list(statement.body)
    if isinstance(statement, ast.Try) and all(all(_harmless(s) for s in h.body) for h in statement.handlers):
        return [*statement.body, *statement.orelse, *statement.finalbody]
    return None


def _is_main_guard(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    return (
        isinstance(test, ast.Compare)
        and len(test.comparators) == 1
        and isinstance(test.ops[0], ast.Eq)
        and {getattr(test.left, "id", ""), getattr(test.comparators[0], "id", "")} >= {"__name__"}
        and "__main__" in (getattr(test.left, "value", ""), getattr(test.comparators[0], "value", ""))
    )


def _harmless(statement: ast.stmt) -> bool:
    """Nothing that could change what earlier code defined."""
    if isinstance(statement, (ast.Pass, ast.Return, ast.Raise, ast.Delete)):
        return True
    if isinstance(statement, ast.Expr):
        if isinstance(statement.value, ast.Constant):
            return True
        called = statement.value.func if isinstance(statement.value, ast.Call) else None
        return isinstance(called, ast.Name) and called.id == "print"
    return False


def _quiet(statement: ast.stmt) -> bool:
    """Code behind the inner source that calls nothing, or only cleans up."""
    if _harmless(statement):
        return True
    called = [ast.unparse(node.func) for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return all(
        name in ("os.unlink", "os.remove", "shutil.rmtree", "sys.exit", "exit", "quit") for name in called
    )


def _bound_names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [each.asname or each.name.partition(".")[0] for each in statement.names]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    return [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Import, ast.ImportFrom))
