"""Parse a script whatever Python it is written in: `ast`, then LibCST, then tree-sitter.

The interpreter that runs pgolf may be older than the script. Where f-strings of 3.12 are all that it cannot read,
`fstrings` finds them; other syntax of later Pythons (type parameters, `type` statements, template strings, `except A, B:`)
is located by LibCST. Either is replaced in the text, line for line, by something it can read; the f-strings are put back
into the tree as the nodes a later Python would have made. What no Python can read is cut out with tree-sitter and the
result says `partial`, with the damaged line ranges, so that nothing proved may rest on them. Merge-conflict markers and
null bytes give no tree at all: such a file never ran.

CPython's parser raises SyntaxError, RecursionError, MemoryError or ValueError on hostile text, and other parsers can
exhaust the C stack: call this in the worker (`pgolf.untrusted.worker`).
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pgolf.errors import LimitTripped
from pgolf.untrusted.codecs import DecodeFailed, decode_text
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    import libcst

Via = Literal["ast", "libcst", "tree-sitter"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A module's tree, and how it was got.

    `tree` is None when nothing could be read; `problem` says why, `line` where (1-based, 0 when the whole file).
    `partial` is True when statements were cut out; `damaged` lists their line ranges, both ends included. `never_ran`
    is True when what was cut out is no Python of any version (prose, a pasted log, a notebook's magic line): the file
    cannot have run as it is, and what is left of it is all the program there is.
    """

    tree: ast.Module | None
    via: Via
    partial: bool = False
    problem: str = ""
    line: int = 0
    damaged: tuple[tuple[int, int], ...] = ()
    never_ran: bool = False


_CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}$|\|{7} )", re.MULTILINE)
_UNARY_RUN = re.compile(r"(?:[-+~][ \t]*)+|(?:\bnot[ \t]+)+")
_PRINT_STATEMENT = re.compile(r"^[ \t]*(?:print|exec)[ \t]+(?!\()[\w\"'%]", re.MULTILINE)
_PYTHON_2 = re.compile(
    r"^[ \t]*except[ \t]+[\w.]+[ \t]*,[ \t]*\w+[ \t]*:|^[ \t]*raise[ \t]+[\w.]+[ \t]*,|(?<![\w'\"])0[0-7]+[ \t]*[,)]|<>",
    re.MULTILINE,
)
_BARE_EXCEPT_LIST = re.compile(
    r"^([ \t]*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)([ \t]*:)", re.MULTILINE
)
_MAX_ROUNDS = 40


def decode_source(data: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    """Source bytes to text, by byte-order mark and encoding cookie. Raises DecodeFailed with a sentence."""
    if b"\0" in data:
        raise DecodeFailed(
            f"a null byte at line {data.count(bytes([10]), 0, data.index(0)) + 1}: this is not Python source"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DecodeFailed("UTF-16 text, which Python does not read as source")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        if not any(b"coding" in line for line in data.split(b"\n", 2)[:2]):
            raise _not_utf8(data) from error
        raise DecodeFailed(f"the encoding is not readable: {error.msg}") from error
    try:
        text = decode_text(data, encoding, "strict", replace(limits, layer_output_bytes=limits.source_bytes))
    except DecodeFailed as failure:
        if encoding.startswith("utf-8"):
            raise _not_utf8(data) from failure
        raise DecodeFailed(str(failure)) from failure
    return text.removeprefix("\ufeff")


def _not_utf8(data: bytes) -> DecodeFailed:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return DecodeFailed(f"byte 0x{data[error.start]:02x} at line {line} is not UTF-8")
    return DecodeFailed("the text is not UTF-8")


def parse_whole(source: bytes | str, limits: Limits = DEFAULT_LIMITS) -> Parsed:
    """Parse a whole script; never raises for what the script says."""
    if len(source) > limits.source_bytes:
        return Parsed(
            None,
            "ast",
            problem=str(LimitTripped("source_bytes", limits.source_bytes, f"{len(source):,} bytes")),
        )
    try:
        text = source if isinstance(source, str) else decode_source(source, limits)
    except (DecodeFailed, LimitTripped) as failure:
        found = re.search(r"at line (\d+)", str(failure))
        return Parsed(None, "ast", problem=str(failure), line=int(found[1]) if found else 0)
    tree, problem, line = _parse_text(text)
    if tree is not None:
        return Parsed(tree, "ast")
    if too_deep := nesting_problem(text, limits):
        return Parsed(None, "ast", problem=too_deep, line=line)
    if _is_resource_problem(problem):
        return Parsed(None, "ast", problem=problem, line=line)
    marker = _CONFLICT.search(text)
    if marker and marker[0].startswith(("<", ">", "|")):
        at = text.count("\n", 0, marker.start()) + 1
        return Parsed(
            None, "ast", problem=f"a merge-conflict marker at line {at}: the file never ran as it is", line=at
        )
    try:
        newer = _parse_newer(text, limits)
    except LimitTripped as tripped:
        return Parsed(None, "libcst", problem=str(tripped), line=line)
    if newer is not None:
        return Parsed(newer, "libcst")
    return _parse_damaged(text, problem, line, limits)


def _parse_text(text: str) -> tuple[ast.Module | None, str, int]:
    """`ast.parse` with every way it can fail turned into a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text), "", 0
    except SyntaxError as error:
        return None, f"{error.msg} at line {error.lineno or 0}", error.lineno or 0
    except RecursionError:
        return None, "limit ast_depth: the source is nested too deep to parse", 0
    except MemoryError:
        return None, "limit ast_depth: the source is nested too deep, or too large, to parse", 0
    except (ValueError, OverflowError, SystemError) as error:
        return None, f"the source cannot be parsed: {error}", 0


def _is_resource_problem(problem: str) -> bool:
    return problem.startswith("limit ") or "too many nested" in problem or "too many levels" in problem


def nesting_problem(text: str, limits: Limits) -> str:
    """Why this text must not reach a parser that recurses, or an empty string. Linear, and ignores what is quoted."""
    for run in _UNARY_RUN.finditer(text):
        if run.end() - run.start() > limits.unary_run:
            operators = len(re.findall(r"[-+~]|not", run[0]))
            if operators > limits.unary_run:
                return f"limit unary_run={limits.unary_run} reached: {operators:,} operators in a row"
    depth = deepest = 0
    for mark in _BRACKETS.finditer(text):
        sign = mark[0]
        if sign in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth = max(0, depth - 1)
    if deepest > limits.bracket_depth:
        return f"limit bracket_depth={limits.bracket_depth} reached: brackets nested {deepest:,} deep"
    return ""


_BRACKETS = re.compile(
    r"#[^\n]*+|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*+'''"
    r"|\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'|[()\[\]{}]",
    re.DOTALL,
)


# --------------------------------------------------------------------------------------------------- syntax of later Pythons


@dataclass(frozen=True, slots=True)
class _Edit:
    """Replace `text[start:end]`, offsets in characters."""

    start: int
    end: int
    replacement: str


def _parse_newer(text: str, limits: Limits) -> ast.Module | None:
    """The tree of a source that only a later Python reads, or None when LibCST does not read it either."""
    if len(text) > limits.source_bytes // 2:
        return None
    bracketed = _BARE_EXCEPT_LIST.sub(r"\1(\2)\3", text)
    if bracketed != text:
        tree, _, _ = _parse_text(bracketed)
        if tree is not None:
            return tree
    tree = parse_newer_strings(text, limits)
    if tree is not None:
        return tree
    import libcst

    for candidate in (text, bracketed) if bracketed != text else (text,):
        try:
            with _no_style_checks():
                made = _rewrite(candidate, libcst.parse_module(candidate), limits)
        except (libcst.ParserSyntaxError, RecursionError, ValueError, MemoryError):
            continue
        except Exception as error:
            if isinstance(error, LimitTripped):
                raise
            continue
        if made is not None:
            return made
    return None


def parse_newer_strings(text: str, limits: Limits) -> ast.Module | None:
    """The tree of a source whose formatted strings are all that this interpreter cannot read; None when there is more
    to it, or when it is not certain where they end (then LibCST has a look)."""
    from pgolf.untrusted.fstrings import FormattedString, Unclear, scan

    if _holds_marks(text):
        return None
    try:
        found, _ = scan(text)
    except (Unclear, RecursionError):
        return None
    strings = [string for string in found if string.newer]
    if not strings or len(strings) > limits.repair_edits:
        return None
    tree, _, _ = _parse_text(
        _apply(text, [_placeholder(text, n, s.start, s.end) for n, s in enumerate(strings)])
    )
    if tree is None:
        return None

    def span(node: FormattedString) -> tuple[int, int]:
        return node.start, node.end

    try:
        return _Restorer(text, strings, span, limits, parse_newer_strings).restore(tree)
    except (ValueError, RecursionError, MemoryError):
        return None


def _holds_marks(text: str) -> bool:
    """Whether a text could make a string that looks like one of our placeholders."""
    return "\ufdd0" in text or "fdd0" in text.lower()


def _placeholder(text: str, number: int, start: int, end: int) -> _Edit:
    newlines = "\n" * text.count("\n", start, end)
    return _Edit(start, end, f'"""\ufdd0{number}{newlines}\ufdd1"""')


@contextmanager
def _no_style_checks() -> Iterator[None]:
    """LibCST's nodes check themselves when they are made, and refuse some valid code (`"a"if b else c` in an f-string's
    braces) for its spacing; its parser has accepted the code by then."""
    from libcst import CSTNode

    kept = CSTNode.__post_init__
    CSTNode.__post_init__ = lambda self: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        CSTNode.__post_init__ = kept  # type: ignore[method-assign]


def _rewrite(text: str, module: libcst.Module, limits: Limits) -> ast.Module | None:
    """Replace what this interpreter cannot read and put the f-strings back as nodes."""
    import libcst
    from libcst.metadata import MetadataWrapper, PositionProvider

    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    places: Any = wrapper.resolve(PositionProvider)
    starts = [0]
    for line in text.splitlines(keepends=True) if "\f" not in text else re.findall(r"[^\n]*\n|[^\n]+", text):
        starts.append(starts[-1] + len(line))

    def span(node: libcst.CSTNode) -> tuple[int, int]:
        where = places[node]
        return starts[where.start.line - 1] + where.start.column, starts[
            where.end.line - 1
        ] + where.end.column

    edits: list[_Edit] = []
    strings: list[Any] = []

    def blank(start: int, end: int) -> None:
        edits.append(_Edit(start, end, re.sub(r"[^\n]", " ", text[start:end])))

    def visit(node: libcst.CSTNode) -> None:
        pending: list[libcst.CSTNode] = [node]
        while pending:
            current = pending.pop()
            if len(edits) > limits.repair_edits:
                raise LimitTripped("repair_edits", limits.repair_edits, "constructs of later Pythons")
            name = type(current).__name__
            if name in ("FormattedString", "TemplatedString"):
                start, end = span(current)
                strings.append(current)
                edits.append(_placeholder(text, len(strings) - 1, start, end))
                continue
            if name == "TypeParameters":
                blank(*span(current))
                continue
            if isinstance(current, libcst.TypeAlias):
                edits.append(_Edit(span(current)[0], span(current.name)[0], ""))
                if current.type_parameters is not None:
                    blank(*span(current.type_parameters))
                pending.append(current.value)
                continue
            pending.extend(current.children)

    visit(module)
    if not edits or (strings and _holds_marks(text)):
        return None
    tree, _, _ = _parse_text(_apply(text, edits))
    if tree is None:
        return None
    return _Restorer(text, strings, span, limits, _parse_newer).restore(tree)


def _apply(text: str, edits: list[_Edit]) -> str:
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda each: each.start):
        pieces += [text[position : edit.start], edit.replacement]
        position = edit.end
    pieces.append(text[position:])
    return "".join(pieces)


_PLACEHOLDER = re.compile("\ufdd0(\\d+)\n*\ufdd1")


class _Restorer(ast.NodeTransformer):
    """Put `JoinedStr` nodes in the place of the marked constants."""

    def __init__(
        self,
        text: str,
        strings: list[Any],
        span: Any,
        limits: Limits,
        newer: Callable[[str, Limits], ast.Module | None],
    ) -> None:
        self.text = text
        self.strings = strings
        self.span = span
        self.limits = limits
        self.newer = newer

    def restore(self, tree: ast.Module) -> ast.Module:
        restored: ast.Module = self.visit(tree)
        return ast.fix_missing_locations(restored)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str) or "\ufdd0" not in node.value:
            return node
        values: list[ast.expr] = []
        template = False
        position = 0
        for mark in _PLACEHOLDER.finditer(node.value):
            if mark.start() > position:
                values.append(ast.copy_location(ast.Constant(node.value[position : mark.start()]), node))
            formatted = self.strings[int(mark[1])]
            template = template or type(formatted).__name__ == "TemplatedString"
            values += self.parts(formatted.parts, "r" in formatted.prefix.lower(), node)
            position = mark.end()
        if position < len(node.value):
            values.append(ast.copy_location(ast.Constant(node.value[position:]), node))
        joined = ast.copy_location(ast.JoinedStr(values), node)
        if not template:
            return joined
        name = ast.copy_location(ast.Name("__template_string__", ast.Load()), node)
        return ast.copy_location(ast.Call(name, [joined], []), node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        values: list[ast.expr] = []
        for each in node.values:
            made = self.visit(each)
            values += (
                made.values if isinstance(made, ast.JoinedStr) and isinstance(each, ast.Constant) else [made]
            )
        return ast.copy_location(ast.JoinedStr(values), node)

    def parts(self, parts: Any, raw: bool, node: ast.expr) -> list[ast.expr]:
        made: list[ast.expr] = []
        for part in parts:
            if hasattr(part, "expression"):
                made.append(self.formatted(part, raw, node))
            else:
                made.append(ast.copy_location(ast.Constant(self.literal(part.value, raw)), node))
        return made

    def literal(self, written: str, raw: bool) -> str:
        plain = written.replace("{{", "{").replace("}}", "}")
        if raw or "\\" not in plain:
            return plain
        # Quotes and newlines may stand unescaped in the text of a longer-quoted string.
        quoted = re.sub(
            r"\\.|['\n]", lambda m: {"'": "\\'", "\n": "\\n"}.get(m[0], m[0]), plain, flags=re.DOTALL
        )
        quoted = quoted.replace("\\\n", "")
        tree, _, _ = _parse_text(f"'{quoted}'")
        if (
            tree is not None
            and isinstance(tree.body[0], ast.Expr)
            and isinstance(tree.body[0].value, ast.Constant)
        ):
            return str(tree.body[0].value.value)
        return plain

    def formatted(self, part: Any, raw: bool, node: ast.expr) -> ast.expr:
        start, end = self.span(part.expression)
        line = self.text.count("\n", 0, start)
        source = "(" + self.text[start:end] + ")"
        tree, _, _ = _parse_text(source)
        if tree is None:
            tree = self.newer(source, self.limits)
        if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
            raise ValueError("an f-string expression that is not readable")
        expression = tree.body[0].value
        if (
            self.newer is parse_newer_strings
            and isinstance(expression, ast.GeneratorExp)
            and self.text[start] != "("
        ):
            raise ValueError("a bare generator in the braces of a string")
        ast.increment_lineno(tree, line)
        conversion = ord(part.conversion) if part.conversion else -1
        spec: ast.expr | None = None
        if part.format_spec is not None:
            spec = ast.copy_location(ast.JoinedStr(self.parts(part.format_spec, raw, node)), node)
        made = ast.FormattedValue(expression, conversion, spec)
        return ast.copy_location(made, node)


# ------------------------------------------------------------------------------------------------------ what no Python reads


def _parse_damaged(text: str, problem: str, line: int, limits: Limits) -> Parsed:
    """Cut out the top-level statements that cannot be read; what is left is marked partial."""
    if found := _PRINT_STATEMENT.search(text) or _PYTHON_2.search(text):
        at = text.count("\n", 0, found.start()) + 1
        problem = f"Python 2 syntax at line {at}, or text that is no Python ({problem})"
    else:
        problem = f"not valid Python: {problem}"
    blocks = _top_level_blocks(text)
    lines = text.split("\n")
    damaged: list[tuple[int, int]] = []

    def cut(first: int, last: int) -> None:
        for number in range(first, last + 1):
            if 0 < number <= len(lines):
                lines[number - 1] = ""
        damaged.append((first, last))

    for first, last, broken in blocks:
        if broken:
            cut(first, last)
    whole = text.split("\n")
    for _ in range(_MAX_ROUNDS):
        tree, why, at = _parse_text("\n".join(lines))
        if tree is not None:
            if not tree.body:
                return Parsed(None, "tree-sitter", True, problem, line, tuple(sorted(damaged)))
            first, last = min(damaged)
            # What stands before has to be whole, so that the damage begins where a statement would.
            never = _is_no_python("\n".join(whole[first - 1 : last])) and (
                _parse_text("\n".join(whole[: first - 1]))[0] is not None
            )
            return Parsed(tree, "tree-sitter", True, problem, line, tuple(sorted(damaged)), never)
        if _is_resource_problem(why):
            break
        around = [
            (first, last)
            for first, last, _ in blocks
            if first <= at <= last and any(lines[n - 1] for n in range(first, last + 1))
        ]
        if around:
            cut(*around[0])
        elif 0 < at <= len(lines) and lines[at - 1]:
            cut(at, at)
        else:
            break
    return Parsed(None, "tree-sitter", True, problem, line, tuple(sorted(damaged)))


_FORMATTED = re.compile(r"(?i)(?<![\w])(?:[rb]?[ft][rb]?)[\"']")
_QUOTED = re.compile(
    r"#[^\n]*+|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*+'''"
    r"|\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'",
    re.DOTALL,
)
_NO_TOKEN = re.compile(r"^[ \t]*(?:%%|!)\w|[\"'?$]|(?<![\w.])\d+\.\d+\.\d", re.MULTILINE)


def _is_no_python(text: str) -> bool:
    """Whether a piece of text holds what no version of Python has as a token, outside quotes and comments.

    Text with formatted strings is left alone: what stands in their braces is read differently from version to version.
    """
    if _FORMATTED.search(text):
        return False
    plain = _QUOTED.sub(" ", text)
    if _NO_TOKEN.search(plain):
        return True
    return any(ord(c) > 127 and not ("a" + c).isidentifier() and not c.isspace() for c in plain)


def _top_level_blocks(text: str) -> list[tuple[int, int, bool]]:
    """(first line, last line, holds an error) of each top-level statement, by tree-sitter, which never gives up."""
    import tree_sitter
    import tree_sitter_python

    language = tree_sitter.Language(tree_sitter_python.language())
    root = tree_sitter.Parser(language).parse(text.encode("utf-8", "replace")).root_node
    return [(each.start_point[0] + 1, each.end_point[0] + 1, each.has_error) for each in root.children]
