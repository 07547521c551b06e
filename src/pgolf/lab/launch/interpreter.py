"""Runs a shell command's syntax tree on paper: variables, functions, loops, substitutions, files it writes.

Every command that could run reaches `programs.dispatch` with its words expanded; nothing is executed. What
cannot be known is a marked character inside a string: BENIGN (a value, such as a date or an unset variable) or
OPAQUE (text that could be any code: decoded, downloaded, computed). Where bash would take one of two ways both are
followed; a loop is counted by running it, or it is uncountable.
"""

from __future__ import annotations

import os
import time

from pgolf.lab.launch import files as script_files
from pgolf.lab.launch.bounds import (
    MAX_DEPTH,
    MAX_ITERATIONS,
    MAX_OUTPUT,
    MAX_SECONDS,
    MAX_STEPS,
    MAX_WORDS,
    TooMuch,
)
from pgolf.lab.launch.expansion import (
    BENIGN,
    BREAK,
    EDGE,
    LIVE,
    OPAQUE,
    QUOTE,
    braces,
    escaped,
    plain,
    protect,
    split_fields,
    transform,
    visible,
)
from pgolf.lab.launch.shell import Node, Redirect, ShellSyntaxError, Word, parse
from pgolf.lab.launch.values import Launch, LaunchPlan, Rates, Unpriceable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Stream:
    """Standard input of known or unknown text; `read` takes lines from it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def line(self) -> str | None:
        """The next line, OPAQUE when unknown, None at the end."""
        if not self.text:
            return None
        if self.text in (OPAQUE, BENIGN):
            line, self.text = self.text, ""
            return line
        line, _, self.text = self.text.partition("\n")
        return line


class State:
    """The shell's variables, functions and folder at one moment."""

    def __init__(self, environ: Mapping[str, str], cwd: str) -> None:
        self.vars: dict[str, str | list[str]] = dict(environ)
        self.exported: set[str] = set(environ)
        self.functions: dict[str, Node] = {}
        self.aliases: dict[str, str] = {}
        self.args: list[str] = []
        self.name = "bash"
        self.cwd = cwd
        self.remote = False
        self.export_all = False
        self.status: int | None = 0
        self.flow = ""
        self.gate: dict[str, str] = {}

    def copy(self) -> State:
        """A subshell's state: the same values, changed apart."""
        other = State({}, self.cwd)
        other.vars = dict(self.vars)
        other.exported = set(self.exported)
        other.functions = dict(self.functions)
        other.aliases = dict(self.aliases)
        other.args = self.args
        other.name = self.name
        other.remote = self.remote
        other.export_all = self.export_all
        other.gate = self.gate
        return other

    def process(self, environ: Mapping[str, str] | None = None, *, remote: bool = False) -> State:
        """The state of a new program: it sees exported variables only, or `environ` instead."""
        known = self.environ() if environ is None else dict(environ)
        other = State(known, self.cwd)
        other.functions = dict(self.functions)
        other.remote = remote or self.remote
        other.gate = self.gate_variables()
        return other

    def environ(self) -> dict[str, str]:
        """Exported variables."""
        found = {}
        for name in self.exported:
            value = self.vars.get(name)
            if isinstance(value, str):
                found[name] = value
        return found

    def gate_variables(self) -> dict[str, str]:
        """The PGOLF_* settings in force here: they address the gate, so a clean environment does not drop them."""
        found = dict(self.gate)
        for name in self.exported:
            value = self.vars.get(name)
            if name.startswith("PGOLF_") and isinstance(value, str):
                found[name] = value
        return found

    def assign(self, name: str, value: str | list[str]) -> None:
        """Set a variable; it stays exported if it was."""
        self.vars[name] = value
        if self.export_all:
            self.exported.add(name)

    def text(self, name: str) -> str:
        """A variable as text, '' when unset."""
        value = self.vars.get(name, "")
        return value if isinstance(value, str) else (value[0] if value else "")


class Interpreter:
    """One reading of one command."""

    def __init__(self, rates: Callable[[], Rates], cwd: str) -> None:
        self._rates = rates
        self.home = cwd
        self.launches: list[Launch] = []
        self.problems: list[Unpriceable] = []
        self.delegated: list[str] = []
        self.files: dict[str, str] = {}
        self.wrote_unknown: list[str] = []
        self.caps: list[float] = []
        self.uncountable: list[str] = []
        self.times = 1
        self.detached = 0
        self.maybe = 0
        self.depth = 0
        self.steps = 0
        self.substitutions = 0
        self.deadline = time.monotonic() + MAX_SECONDS
        self.reading: list[str] = []
        self.typed: dict[str, str] = {}
        self.outer: dict[str, int] = {}
        self.script_texts: list[str] = []

    @property
    def rates(self) -> Rates:
        """The profile's rates, looked up at the first launch only."""
        return self._rates()

    # -- budget -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Count a step; raises TooMuch when steps or time are used up."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooMuch(f"more than {MAX_STEPS} steps")
        if self.steps % 64 == 0 and time.monotonic() > self.deadline:
            raise TooMuch(f"longer than {MAX_SECONDS:g} s")

    def problem(self, what: str, reason: str, instead: str, state: State) -> None:
        """Note something that looks like a launch and cannot be priced."""
        shown = " ".join(visible(what).split())
        if len(shown) > 160:
            shown = shown[:157] + "..."
        found = Unpriceable(shown, reason, instead, tuple(sorted(state.gate_variables().items())))
        if found not in self.problems:
            self.problems.append(found)

    # -- code ---------------------------------------------------------------------------------------------

    def code(self, text: str, state: State, stdin: Stream | None = None, *, what: str = "") -> str:
        """Run shell text in `state`; returns its standard output as far as known."""
        if OPAQUE in text:
            self.problem(
                what or text,
                "a shell is given text that cannot be read from here",
                "write the commands themselves, or a script file in a command of its own first",
                state,
            )
            return OPAQUE
        if not text.strip():
            return ""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooMuch("nested too deeply")
        try:
            return self.run(parse(text, self.tick), state, stdin)
        except ShellSyntaxError as error:
            if may_launch(text):
                self.problem(
                    what or text,
                    f"it cannot be read as shell ({error})",
                    "write the launch as one plain command",
                    state,
                )
            state.status = None
            return OPAQUE
        finally:
            self.depth -= 1

    def run(self, node: Node, state: State, stdin: Stream | None) -> str:
        """Run one node; returns its output."""
        self.tick()
        kind = node.kind
        if kind == "command":
            return self.simple(node, state, stdin)
        if kind == "sequence":
            return self.sequence(node, state, stdin)
        self.depth += 1
        if self.depth > MAX_DEPTH * 4:
            raise TooMuch("nested too deeply")
        try:
            if not node.redirects or kind in ("andor", "pipeline"):
                return self.compound(node, state, stdin)
            stdin, sink = self.redirects(node.redirects, state, stdin)
            return self.deliver(self.compound(node, state, stdin), sink)
        finally:
            self.depth -= 1

    def compound(self, node: Node, state: State, stdin: Stream | None) -> str:
        kind = node.kind
        if kind == "andor":
            return self.and_or(node, state, stdin)
        if kind == "pipeline":
            return self.pipeline(node, state, stdin)
        if kind == "group":
            return self.run(_must(node.body), state, stdin)
        if kind == "subshell":
            return self.run(_must(node.body), state.copy(), stdin)
        if kind == "if":
            return self.branches(node, state, stdin)
        if kind in ("while", "until"):
            return self.while_loop(node, state, stdin)
        if kind in ("for", "select"):
            return self.for_loop(node, state, stdin)
        if kind == "cfor":
            return self.c_loop(node, state, stdin)
        if kind == "case":
            return self.case(node, state, stdin)
        if kind == "function":
            state.functions[node.name] = _must(node.body)
            state.status = 0
            return ""
        if kind == "test":
            words = [self.one(word, state) for word in node.words or []]
            from pgolf.lab.launch.conditions import evaluate_test

            state.status = evaluate_test(words, double=True)
            return ""
        if kind == "arith":
            text = self.one((node.words or [])[0], state)
            value = self.arithmetic(text, state)
            state.status = None if value is None else (0 if value else 1)
            return ""
        raise TooMuch(f"a {kind} cannot be followed")

    def sequence(self, node: Node, state: State, stdin: Stream | None) -> str:
        output = ""
        for item, operator in zip(node.items, node.ops, strict=True):
            assert isinstance(item, Node)  # noqa: S101 - the parser's shape
            if operator == "&":
                self.detached += 1
                output += self.run(item, state.copy(), None)
                self.detached -= 1
                state.status = 0
            else:
                output += self.run(item, state, stdin)
            if len(output) > MAX_OUTPUT:
                output = OPAQUE
            if state.flow:
                break
        return output

    def and_or(self, node: Node, state: State, stdin: Stream | None) -> str:
        first = node.items[0]
        assert isinstance(first, Node)  # noqa: S101
        output = self.run(first, state, stdin)
        maybe = 0
        try:
            for operator, item in zip(node.ops, node.items[1:], strict=True):
                assert isinstance(item, Node)  # noqa: S101
                if state.flow:
                    break
                status = state.status
                if status is not None and (status == 0) != (operator == "&&"):
                    continue
                if status is None:
                    self.maybe += 1
                    maybe += 1
                    before = dict(state.vars)
                    output += self.run(item, state, stdin)
                    self.merge(state, before)
                    state.status = None
                else:
                    output += self.run(item, state, stdin)
        finally:
            self.maybe -= maybe
        return output

    def pipeline(self, node: Node, state: State, stdin: Stream | None) -> str:
        if len(node.items) == 1:
            item = node.items[0]
            assert isinstance(item, Node)  # noqa: S101
            output = self.run(item, state, stdin)
        else:
            stream = stdin
            output = ""
            last: State = state
            for item in node.items:
                assert isinstance(item, Node)  # noqa: S101
                last = state.copy()
                output = self.run(item, last, stream)
                stream = Stream(output)
            state.status = last.status
        if node.flag and state.status is not None:
            state.status = 0 if state.status else 1
        return output

    def merge(self, state: State, before: dict[str, str | list[str]]) -> None:
        """A variable that only one of two ways set may hold either value."""
        for name, value in list(state.vars.items()):
            if name in before and before[name] != value:
                state.vars[name] = Either.of(before[name], value)
        for name, value in before.items():
            if name not in state.vars:
                state.vars[name] = value

    def branches(self, node: Node, state: State, stdin: Stream | None) -> str:
        """`if`: the branch that is known to be taken, or all of them with the dearest one counted."""
        outputs: list[str] = []
        ways: list[tuple[Node, State]] = []
        certain = False
        for pair in node.items:
            condition, body = _pair(pair)
            outputs.append(self.run(condition, state, stdin))
            if state.flow:
                return "".join(outputs)
            if state.status == 0 and not ways:
                return outputs[-1] + self.run(body, state, stdin)
            if state.status is None or state.status == 0:
                ways.append((body, state.copy()))
                if state.status == 0:
                    certain = True
                    break
        if not ways:
            return self.run(node.body, state, stdin) if node.body else ""
        if not certain:
            ways.append((node.body or Node("sequence"), state.copy()))
        return self.alternatives(ways, state, stdin)

    def alternatives(self, ways: list[tuple[Node, State]], state: State, stdin: Stream | None) -> str:
        outputs: list[str] = []
        found: list[list[Launch]] = []
        self.maybe += 1
        for body, way in ways:
            start = len(self.launches)
            outputs.append(self.run(body, way, Stream(stdin.text) if stdin else None))
            found.append(self.launches[start:])
            del self.launches[start:]
        self.maybe -= 1
        self.keep_dearest(found)
        state.vars = ways[0][1].vars
        state.exported = set().union(*(way.exported for _, way in ways))
        state.cwd = ways[0][1].cwd
        for _, way in ways[1:]:
            self.merge(state, way.vars)
            state.functions.update(way.functions)
        state.functions.update(ways[0][1].functions)
        state.status = None
        if len({*outputs}) == 1:
            return outputs[0]
        return OPAQUE if any(OPAQUE in text or may_launch(text) for text in outputs) else BENIGN

    def keep_dearest(self, found: list[list[Launch]]) -> None:
        """Of branches that exclude each other the dearest is charged; the others stay visible, at no cost."""
        costs = [sum(launch.usd for launch in launches) for launches in found]
        dearest = costs.index(max(costs))
        for index, launches in enumerate(found):
            for launch in launches:
                self.launches.append(launch if index == dearest else _without_cost(launch))

    # -- loops --------------------------------------------------------------------------------------------

    def while_loop(self, node: Node, state: State, stdin: Stream | None) -> str:
        output = ""
        wanted = 0 if node.kind == "while" else 1
        for _ in range(MAX_ITERATIONS):
            self.tick()
            before = len(self.launches)
            output += self.run(_must(node.cond), state, stdin)
            if state.status is None:
                if self.launches[before:]:
                    # The condition itself launches, and how often is not known.
                    del self.launches[before:]
                    self.uncountable.append(node.kind)
                    self.run(_must(node.cond), state, stdin)
                    self.uncountable.pop()
                return output + self.endless(node, state, stdin)
            if (state.status == 0) != (wanted == 0):
                state.status = 0
                return output
            launches = len(self.launches)
            output += self.run(_must(node.body), state, stdin)
            if self.left_loop(state):
                return output
            if len(output) > MAX_OUTPUT:
                return OPAQUE
            if self.launches[launches:] and node.cond and self.always(node.cond, wanted):
                del self.launches[launches:]
                return output + self.endless(node, state, stdin)
        return output + self.endless(node, state, stdin)

    def always(self, condition: Node, wanted: int) -> bool:
        """Whether a condition is the literal `true`, `:` or (for `until`) `false`."""
        if len(condition.items) != 1:
            return False
        item = condition.items[0]
        assert isinstance(item, Node)  # noqa: S101
        if item.kind != "command" or not item.words or len(item.words) != 1:
            return False
        return item.words[0].text in (("true", ":", "1") if wanted == 0 else ("false",))

    def left_loop(self, state: State) -> bool:
        """Handle `break` and `continue` after a loop's body; True ends the loop."""
        if state.flow in ("break", "continue"):
            left = state.flow == "break"
            state.flow = ""
            return left
        return bool(state.flow)

    def endless(self, node: Node, state: State, stdin: Stream | None) -> str:
        """Run a body once, as a loop whose iterations cannot be counted."""
        self.uncountable.append(node.kind)
        self.maybe += 1
        before = dict(state.vars)
        try:
            self.run(_must(node.body), state, stdin)
        finally:
            self.uncountable.pop()
            self.maybe -= 1
        self.merge(state, before)
        if state.flow in ("break", "continue"):
            state.flow = ""
        state.status = None
        return OPAQUE

    def for_loop(self, node: Node, state: State, stdin: Stream | None) -> str:
        values: list[str] = []
        if node.words is None:
            values = list(state.args)
        else:
            for word in node.words:
                values.extend(self.many(word, state))
        output = ""
        if any(value in (BENIGN, OPAQUE) for value in values) or node.kind == "select":
            state.assign(node.name, next((v for v in values if OPAQUE in v), BENIGN))
            return self.endless(node, state, stdin)
        if len(values) > MAX_ITERATIONS:
            state.assign(node.name, BENIGN)
            before = self.times
            self.times *= len(values)
            output = self.run(_must(node.body), state, stdin)
            self.times = before
            self.left_loop(state)
            return BENIGN if output else ""
        for value in values:
            state.assign(node.name, value)
            output = _bounded(output + self.run(_must(node.body), state, stdin))
            if self.left_loop(state):
                break
        return output

    def c_loop(self, node: Node, state: State, stdin: Stream | None) -> str:
        words = node.words or []
        start, condition, update = (words[0].text, words[1].text, words[2].text)
        self.arithmetic(start, state)
        output = ""
        for _ in range(MAX_ITERATIONS * 16):
            self.tick()
            value = self.arithmetic(condition, state) if condition.strip() else None
            if value is None:
                return output + self.endless(node, state, stdin)
            if not value:
                return output
            output = _bounded(output + self.run(_must(node.body), state, stdin))
            if self.left_loop(state):
                return output
            self.arithmetic(update, state)
        return output + self.endless(node, state, stdin)

    def case(self, node: Node, state: State, stdin: Stream | None) -> str:
        from pgolf.lab.launch.conditions import is_too_long, matches

        subject = self.one((node.words or [])[0], state)
        known = BENIGN not in subject and OPAQUE not in subject
        ways: list[tuple[Node, State]] = []
        for pair in node.items:
            patterns, body = _patterns(pair)
            shown = [self.one(pattern, state, keep_quotes=True) for pattern in patterns]
            certain = known and not any(BENIGN in text or OPAQUE in text for text in shown)
            if certain and not any(is_too_long(subject, text) for text in shown):
                if any(matches(subject, pattern) for pattern in shown):
                    if not ways:
                        return self.run(body, state, stdin)
                    ways.append((body, state.copy()))
                    break
                continue
            ways.append((body, state.copy()))
        if not ways:
            return ""
        ways.append((Node("sequence"), state.copy()))
        return self.alternatives(ways, state, stdin)

    # -- simple commands ----------------------------------------------------------------------------------

    def simple(self, node: Node, state: State, stdin: Stream | None) -> str:
        split = self.undecided(node, state)
        if split:
            return self.each_value(split, node, state, stdin)
        substitutions = self.substitutions
        argv: list[str] = []
        for index, word in enumerate(node.words or []):
            argv.extend(self.many(word, state, command=index == 0))
        assigned: list[tuple[str, str | list[str]]] = []
        saved: list[tuple[str, str | list[str] | None, bool]] = []
        for name, operator, value in node.assigns:
            new = self.assigned(name, operator, value, state)
            base = name.partition("[")[0]
            if argv:
                saved.append((base, state.vars.get(base), base in state.exported))
            self.store(name, new, state)
            if argv:
                state.exported.add(base)
            assigned.append((name, new))
        if not argv:
            self.redirects(node.redirects, state, stdin)
            if not node.words and self.substitutions == substitutions:
                state.status = 0
            else:
                state.status = None
            if node.redirects and not node.assigns and not node.words:
                return ""
            return ""
        for name, new in assigned:
            if name in _RUN_BY_OTHERS and isinstance(new, str) and may_launch(new):
                self.code(new, state.copy(), None)
        stdin, sink = self.redirects(node.redirects, state, stdin)
        from pgolf.lab.launch.programs import dispatch

        self.depth += 1
        if self.depth > MAX_DEPTH * 4:
            raise TooMuch("nested too deeply")
        try:
            output = dispatch(self, argv, state, stdin)
        finally:
            self.depth -= 1
        for base, old, exported in reversed(saved):
            if old is None:
                state.vars.pop(base, None)
            else:
                state.vars[base] = old
            if not exported:
                state.exported.discard(base)
        return self.deliver(output, sink)

    def undecided(self, node: Node, state: State) -> str:
        """A variable in this command that may hold one of several values, or ''."""
        for name, value in state.vars.items():
            if isinstance(value, Either) and any(_mentions(word, name) for word in _words_of(node)):
                return name
        return ""

    def each_value(self, name: str, node: Node, state: State, stdin: Stream | None) -> str:
        either = state.vars[name]
        assert isinstance(either, Either)  # noqa: S101
        ways: list[tuple[Node, State]] = []
        for value in either:
            way = state.copy()
            way.vars[name] = value
            ways.append((node, way))
        return self.alternatives(ways, state, stdin)

    def assigned(self, name: str, operator: str, value: Word | list[Word], state: State) -> str | list[str]:
        if isinstance(value, list):
            elements: list[str] = []
            for word in value:
                elements.extend(self.many(word, state))
            if operator == "+=":
                old = state.vars.get(name, [])
                return (old if isinstance(old, list) else [old]) + elements
            return elements
        text = self.one(value, state)
        if operator == "+=":
            return state.text(name) + text
        return text

    def store(self, name: str, value: str | list[str], state: State) -> None:
        """Assign `name` or `name[index]`."""
        base, bracket, index = name.partition("[")
        if not bracket:
            state.assign(name, value)
            return
        old = state.vars.get(base, [])
        elements = list(old) if isinstance(old, list) else [old]
        position = index.rstrip("]")
        if position.isdigit() and int(position) < 1000:
            while len(elements) <= int(position):
                elements.append("")
            elements[int(position)] = value if isinstance(value, str) else BENIGN
        else:
            elements.append(value if isinstance(value, str) else BENIGN)
        state.assign(base, elements)

    # -- files and streams --------------------------------------------------------------------------------

    def redirects(
        self, redirects: list[Redirect], state: State, stdin: Stream | None
    ) -> tuple[Stream | None, tuple[str, bool] | None]:
        """Where input comes from, and which file output goes to: (path, append), path '' for elsewhere."""
        sink: tuple[str, bool] | None = None
        for redirect in redirects:
            operator = redirect.op
            if operator == "<<":
                stdin = Stream(self.one(redirect.target, state))
            elif operator == "<<<":
                stdin = Stream(self.one(redirect.target, state) + "\n")
            elif operator in ("<", "<>"):
                path = self.one(redirect.target, state)
                if redirect.fd in ("", "0"):
                    stdin = Stream(self.content(path, state))
            elif operator in (">&", "<&"):
                target = self.one(redirect.target, state)
                if operator == ">&" and not (target.isdigit() or target in ("-", "")):
                    sink = (self.path(target, state), False)
            else:
                target = self.one(redirect.target, state)
                if redirect.fd in ("", "1") or operator.startswith("&"):
                    sink = (self.path(target, state), operator in (">>", "&>>"))
        return stdin, sink

    def deliver(self, output: str, sink: tuple[str, bool] | None) -> str:
        """Put a command's output where it was redirected to; what is left goes on."""
        if sink is None:
            return output
        path, append = sink
        if path.startswith("/dev/"):
            return output if path in ("/dev/stdout", "/dev/fd/1", "/dev/tty") else ""
        self.write(path, output, append)
        return ""

    def write(self, path: str, text: str, append: bool = False) -> None:
        """Remember what a file will hold."""
        if append:
            before = self.files.get(path)
            if before is None:
                before = script_files.read(path).text or ""
            text = before + text
        self.files[path] = text if len(text) <= MAX_OUTPUT else OPAQUE

    def path(self, name: str, state: State) -> str:
        """`name` as an absolute path, without touching the disk."""
        if name.startswith("~"):
            name = state.text("HOME") + name[1:] if name[1:2] in ("", "/") else name
        return os.path.normpath(os.path.join(state.cwd, name))

    def content(self, name: str, state: State) -> str:
        """A file's text as far as it can be known: written by this command, or on disk."""
        if OPAQUE in name or BENIGN in name:
            return OPAQUE
        path = self.path(name, state)
        if path in self.files:
            return self.files[path]
        if path == "/dev/null":
            return ""
        found = script_files.read(path)
        if found.text is not None:
            return found.text
        return OPAQUE

    # -- words --------------------------------------------------------------------------------------------

    def one(self, word: Word, state: State, *, keep_quotes: bool = False) -> str:
        """A word as one string, without splitting or globbing."""
        marked, _ = self.marked(word, state)
        if keep_quotes:
            return escaped(marked.replace(BREAK, " ").replace(EDGE, ""))
        return plain(marked.replace(BREAK, " "))

    def many(self, word: Word, state: State, *, command: bool = False) -> list[str]:
        """A word as the list of words it becomes."""
        literal = word.literal()
        if literal is not None and not LIVE.intersection(literal):
            return [literal]
        if word.parts and word.parts[-1][0] == "array":
            return [self.array_assignment(word, state)]
        marked, quoted = self.marked(word, state, command=command)
        if not marked:
            return [""] if quoted else []
        result: list[str] = []
        for expanded in braces(marked):
            for piece in expanded.split(BREAK):
                if not piece and not quoted:
                    continue
                result.extend(self.globbed(piece, state))
            if len(result) > MAX_WORDS:
                raise TooMuch(f"more than {MAX_WORDS} words")
        if not result and quoted:
            return [""]
        return result

    def array_assignment(self, word: Word, state: State) -> str:
        name = word.text.rstrip("=")
        elements: list[str] = []
        array = word.parts[-1][1]
        assert isinstance(array, list)  # noqa: S101
        for element in array:
            elements.extend(self.many(element, state))
        state.assign(name, elements)
        return name

    def globbed(self, piece: str, state: State) -> list[str]:
        if piece.startswith("~"):
            head, slash, tail = piece.partition("/")
            if head == "~":
                piece = state.text("HOME") + slash + tail
        if not any(char in piece for char in "*?["):
            return [plain(piece)]
        live = any(char in "*?[" and (at == 0 or piece[at - 1] != QUOTE) for at, char in enumerate(piece))
        if not live:
            return [plain(piece)]
        if BENIGN in piece or OPAQUE in piece or state.remote or "**" in piece:
            return [plain(piece)]
        import glob

        pattern = os.path.join(glob.escape(state.cwd), escaped(piece))
        found: list[str] = []
        for path in glob.iglob(pattern):
            self.tick()
            found.append(path if plain(piece).startswith("/") else os.path.relpath(path, state.cwd))
            if len(found) > 512:
                return [BENIGN]
        return sorted(found) or [plain(piece)]

    def marked(self, word: Word, state: State, *, command: bool = False) -> tuple[str, bool]:
        """A word's text with quoted live characters and field breaks marked, and whether anything was quoted."""
        out: list[str] = []
        quoted_any = False
        for part in word.parts:
            kind = part[0]
            if kind == "lit":
                text, quoted = str(part[1]), bool(part[2])
                quoted_any = quoted_any or quoted
                out.append(protect(text) if quoted else text)
            elif kind == "var":
                quoted = bool(part[4])
                quoted_any = quoted_any or quoted
                name, operator, argument = str(part[1]), str(part[2]), part[3]
                assert argument is None or isinstance(argument, Word)  # noqa: S101
                values = self.variable(name, operator, argument, state)
                if not values and command and not operator and len(word.parts) == 1:
                    values = [BENIGN]
                ifs = state.text("IFS") if "IFS" in state.vars else ""
                out.append(
                    split_fields(values, quoted=quoted, at=name == "@" or name.endswith("[@]"), ifs=ifs)
                )
            elif kind == "sub":
                quoted = bool(part[2])
                quoted_any = quoted_any or quoted
                body = part[1]
                assert isinstance(body, Node)  # noqa: S101
                out.append(split_fields([self.substitute(body, state)], quoted=quoted, at=False))
            elif kind == "arith":
                inner = part[1]
                assert isinstance(inner, Word)  # noqa: S101
                value = self.arithmetic(self.one(inner, state), state)
                out.append(BENIGN if value is None else str(value))
            elif kind == "proc":
                body = part[1]
                assert isinstance(body, Node)  # noqa: S101
                out.append(self.process_substitution(body, str(part[2]), state))
        text = "".join(out)
        if len(text) > MAX_OUTPUT:
            raise TooMuch(f"a word of more than {MAX_OUTPUT} characters")
        return text, quoted_any

    def substitute(self, body: Node, state: State) -> str:
        """`$( … )`: the output without its trailing newlines."""
        self.substitutions += 1
        self.depth += 1
        if self.depth > MAX_DEPTH * 4:
            raise TooMuch("nested too deeply")
        try:
            if len(body.items) == 1 and isinstance(body.items[0], Node):
                only = body.items[0]
                if only.kind == "command" and not only.words and not only.assigns and only.redirects:
                    return self.content(self.one(only.redirects[0].target, state), state).rstrip("\n")
            output = self.run(body, state.copy(), None)
        finally:
            self.depth -= 1
        return output.rstrip("\n")

    def process_substitution(self, body: Node, direction: str, state: State) -> str:
        self.substitutions += 1
        path = f"/dev/fd/pgolf-{self.substitutions}"
        if direction == "<":
            self.files[path] = self.run(body, state.copy(), None)
        else:
            # What is written there is not known before the command ran: run the reader on unknown text.
            self.run(body, state.copy(), Stream(OPAQUE))
            self.files[path] = OPAQUE
        return path

    def variable(self, name: str, operator: str, argument: Word | None, state: State) -> list[str]:
        """`$name`, `${name…}`: no element when unset."""
        if operator.startswith("!"):
            target = state.text(name)
            if not target or BENIGN in target or OPAQUE in target:
                return [OPAQUE] if target else []
            return self.variable(target, operator[1:], argument, state)
        values = self.elements(name, state)
        if operator in ("#",) and argument is not None and not argument.parts:
            return [str(len(values) if name.endswith("]") else len("".join(values)))]
        text = " ".join(values)
        if operator in (":-", "-", ":=", "=", ":?", "?"):
            empty = not values or (operator.startswith(":") and not text)
            if not empty:
                return values
            if operator.endswith("?"):
                return []
            default = self.one(argument, state) if argument else ""
            if operator.endswith("="):
                state.assign(name, default)
            return [default] if default else []
        if operator in (":+", "+"):
            alternative = self.one(argument, state) if argument else ""
            return [alternative] if values and (text or operator == "+") else []
        if not operator:
            return values
        pattern = self.one(argument, state, keep_quotes=True) if argument else ""
        if operator == "@" and pattern == "P":
            # Expanded like a prompt: substitutions in the value are run.
            return [
                self.code('echo "' + value.replace('"', "") + '"', state.copy(), None).rstrip("\n")
                for value in values
            ]
        return [transform(value, operator, pattern) for value in values]

    def elements(self, name: str, state: State) -> list[str]:
        if name in ("@", "*"):
            return list(state.args)
        if name == "#":
            return [str(len(state.args))]
        if name == "0":
            return [state.name]
        if name.isdigit():
            number_of = int(name) - 1
            return [state.args[number_of]] if number_of < len(state.args) else []
        if name in ("?", "$", "!", "-", "RANDOM", "SECONDS", "LINENO", "EPOCHSECONDS", "BASHPID", "SRANDOM"):
            return [BENIGN]
        if name == "PWD":
            return [state.cwd]
        if name == "IFS" and name not in state.vars:
            return [" "]
        base, bracket, index = name.partition("[")
        value = state.vars.get(base)
        if value is None:
            if "$(" in index or "`" in index:
                self.code(f"echo {index.removesuffix(']')}", state.copy(), None)
            return [BENIGN] if state.remote else []
        if not bracket:
            if isinstance(value, Either):
                return [OPAQUE if any(may_launch(str(way)) for way in value) else BENIGN]
            return [value] if isinstance(value, str) else value[:1]
        items = [value] if isinstance(value, str) else list(value)
        index = index.rstrip("]")
        if index in ("@", "*"):
            return items
        if index.lstrip("-").isdigit():
            place = int(index)
            return [items[place]] if -len(items) <= place < len(items) else []
        if "$(" in index or "`" in index:
            index = self.code(f"echo {index}", state.copy(), None).strip()
        number = self.arithmetic(index, state)
        if number is not None and -len(items) <= number < len(items):
            return [items[number]]
        return [OPAQUE]

    def arithmetic(self, text: str, state: State) -> int | None:
        """The value of an arithmetic expression, or None; assignments in it take effect."""
        from pgolf.lab.launch.conditions import arithmetic

        return arithmetic(text, state)

    # -- results ------------------------------------------------------------------------------------------

    def plan(self) -> LaunchPlan:
        """What was found, equal launches counted together."""
        merged: list[Launch] = []
        for launch in self.launches:
            for index, other in enumerate(merged):
                if _same(launch, other):
                    merged[index] = _with(other, times=other.times + launch.times, usd=other.usd + launch.usd)
                    break
            else:
                merged.append(launch)
        return LaunchPlan(tuple(merged), tuple(self.problems), tuple(dict.fromkeys(self.delegated)))


class Either(list[str]):
    """A variable that holds one of these values: which, only the run itself decides."""

    @classmethod
    def of(cls, *values: str | list[str]) -> str | list[str]:
        """The values that differ; more than six of them are no longer told apart."""
        ways: list[str] = []
        for value in values:
            for way in value if isinstance(value, Either) else [value]:
                if not isinstance(way, str):
                    return OPAQUE
                if way not in ways:
                    ways.append(way)
        if len(ways) == 1:
            return ways[0]
        if len(ways) > 6:
            return OPAQUE if any(may_launch(way) for way in ways) else BENIGN
        return cls(ways)


# Variables whose text other programs run.
_RUN_BY_OTHERS = frozenset(
    {"PROMPT_COMMAND", "PAGER", "GIT_PAGER", "MANPAGER", "EDITOR", "VISUAL", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_SSH_COMMAND",
     "GIT_EXTERNAL_DIFF", "LESSOPEN", "BROWSER", "PS1", "PS4", "FCEDIT"}
)  # fmt: skip


# Names that start GPU work, and words that stand beside them.
_HINTS = (
    "torchrun",
    "torch.distributed",
    "torch/distributed",
    "accelerate",
    "deepspeed",
    "train_gpt",
    "nproc_per_node",
    "nproc-per-node",
    "modal",
    "sky",
    "runpodctl",
    "srun",
    "sbatch",
    "mpirun",
    "mpiexec",
    "horovodrun",
    "composer",
)
_HIDERS = ("eval", "base64", "xxd", "$'", "\\x", "| bash", "|bash", "| sh", "|sh", "openssl", "<(")


def may_launch(text: str) -> bool:
    """Whether text that could not be read could still be a launch: launch words, or ways of hiding them."""
    squeezed = text.translate(_SQUEEZE)
    return any(hint in squeezed for hint in _HINTS) or any(hider in text for hider in _HIDERS)


_SQUEEZE = {ord(char): None for char in "'\"\\\n"}


def _bounded(output: str) -> str:
    return output if len(output) <= MAX_OUTPUT else OPAQUE


def _without_cost(launch: Launch) -> Launch:
    return _with(launch, times=0, usd=0.0)


def _with(launch: Launch, *, times: int, usd: float) -> Launch:
    return Launch(
        launch.launcher, launch.argv, launch.nodes, launch.gpus_per_node, launch.gpu, launch.cap_seconds,
        launch.capped, times, usd, launch.script, launch.experiment, launch.notes, launch.variables,
        launch.detached,
    )  # fmt: skip


def _same(one: Launch, other: Launch) -> bool:
    return _without_cost(one) == _without_cost(other) and bool(one.times) == bool(other.times)


def _must(node: Node | None) -> Node:
    assert node is not None  # noqa: S101 - the parser's shape
    return node


def _pair(item: object) -> tuple[Node, Node]:
    """A branch of an `if`: condition and body."""
    assert isinstance(item, tuple)  # noqa: S101 - the parser's shape
    return item[0], item[1]


def _patterns(item: object) -> tuple[list[Word], Node]:
    """A branch of a `case`: patterns and body."""
    assert isinstance(item, tuple)  # noqa: S101 - the parser's shape
    return item[0], item[1]


def _words_of(node: Node) -> list[Word]:
    words = list(node.words or [])
    words.extend(redirect.target for redirect in node.redirects)
    for _, _, value in node.assigns:
        words.extend(value if isinstance(value, list) else [value])
    return words


def _mentions(word: Word, name: str) -> bool:
    for part in word.parts:
        if part[0] == "var":
            if str(part[1]).partition("[")[0] == name:
                return True
            if isinstance(part[3], Word) and _mentions(part[3], name):
                return True
        elif part[0] == "arith" and isinstance(part[1], Word) and name in part[1].text:
            return True
    return False
