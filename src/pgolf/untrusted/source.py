"""A script's text, cut into its top-level statements, each parsed only when it is needed and at most once.

Scripts of one contest share most of their functions word for word, and an audit reaches only some of them. So the
text is cut at lines that start a top-level statement; a piece is parsed by itself, and its tree is kept by content for
the scripts that follow (trees are never changed). Cutting is safe: a cut is made only where a line begins in column
0, outside every string literal and not after a backslash, and when a piece that is needed does not parse by itself,
the whole file is parsed instead.
"""

from __future__ import annotations

import ast
import gc
import re
import unicodedata
from dataclasses import dataclass, field

from pgolf.untrusted.limits import Limits
from pgolf.untrusted.syntax import walk

_LITERAL = re.compile(
    r"#[^\n]*"
    r'|"""(?:[^"\\]|\\.|"(?!""))*+"""'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+'''"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'(?:[^'\\\n]|\\.)*+'?",
    re.DOTALL,
)
_STATEMENT_START = re.compile(r"^(?=[^\s#)\]}])(?!(?:else|elif|except|finally|case)\b)", re.MULTILINE)
_HEAD = re.compile(r"(?:@[^\n]*+\n)*+(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
_WORD = re.compile(r"[^\W\d]\w*")
_KEPT_CHARS = 1_200_000


@dataclass(slots=True)
class Chunk:
    """One top-level statement, or a few. `first_line` is 1-based; `kind` is "def", "class" or "" for the rest."""

    text: str
    first_line: int
    kind: str
    name: str
    nodes: tuple[ast.stmt, ...] | None = field(default=None)
    words: frozenset[str] | None = field(default=None)


@dataclass(slots=True)
class Source:
    """A whole script as chunks. `via` names the parser; `partial` says that damaged places were left out."""

    path: str
    chunks: tuple[Chunk, ...]
    via: str = "ast"
    partial: bool = False
    problem: str = ""
    problem_line: int = 0


class _Trees:
    """Parsed pieces by their text, for the scripts that follow in one process; all forgotten at a bound of characters
    (a tree with its closures takes some hundred times the memory of its text)."""

    def __init__(self, bound_chars: int) -> None:
        self._bound = bound_chars
        self._chars = 0
        self._kept: dict[str, tuple[ast.stmt, ...] | None] = {}
        self._words: dict[str, frozenset[str]] = {}

    def _account(self, text: str) -> None:
        self._chars += len(text)
        if self._chars > self._bound:
            self._kept.clear()
            self._words.clear()
            self._chars = len(text)
            gc.collect()

    def parse(self, text: str) -> tuple[ast.stmt, ...] | None:
        """Statements of `text`, or None when it does not parse by itself."""
        try:
            return self._kept[text]
        except KeyError:
            pass
        try:
            found = tuple(ast.parse(text).body)
        except (SyntaxError, ValueError, RecursionError):
            found = None
        self._account(text)
        self._kept[text] = found
        return found

    def words(self, text: str) -> frozenset[str]:
        """Identifier-like words of `text`, strings and comments included, as Python would normalise them."""
        found = self._words.get(text)
        if found is None:
            plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
            found = frozenset(_WORD.findall(plain))
            self._words[text] = found
        return found


_TREES = _Trees(_KEPT_CHARS)


def chunk_nodes(chunk: Chunk) -> tuple[ast.stmt, ...] | None:
    """Statements of a chunk, parsed on first use; None when it does not parse by itself."""
    if chunk.nodes is None:
        chunk.nodes = _TREES.parse(chunk.text)
    return chunk.nodes


def chunk_words(chunk: Chunk) -> frozenset[str]:
    """All identifier-like words of a chunk."""
    if chunk.words is None:
        chunk.words = _TREES.words(chunk.text)
    return chunk.words


_NO_BRACKET = bytes(set(range(256)) - set(b"()[]{}"))
_UNARY_RUN = re.compile(r"[-+~](?:[ \t]*+[-+~]){3,}+|(?:\bnot[ \t]++){4,}+")
_MAX_UNARY_RUN = 60


def _has_unary_run(text: str) -> bool:
    """Whether many unary operators stand in a row, outside a comment."""
    for found in _UNARY_RUN.finditer(text):
        run = found[0]
        operators = run.count("not") if run[0] == "n" else sum(map(run.count, "-+~"))
        if (
            operators >= _MAX_UNARY_RUN
            and "#" not in text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        ):
            return True
    return False


def _too_deep(text: str, limits: Limits) -> bool:
    """Whether CPython's own parser might be driven too deep; such text goes the guarded way."""
    if len(text) < limits.bracket_depth:
        return False
    brackets = text.encode("utf-8", "surrogatepass").translate(None, _NO_BRACKET)
    # Innermost pairs vanish round by round; what is left after as many rounds as the bound is nested deeper.
    for _ in range(limits.bracket_depth):
        shorter = brackets.replace(b"()", b"").replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    else:
        return True
    # Unmatched openings (in strings, or in a broken file) count as if they were nested.
    if len(brackets) > limits.bracket_depth:
        return True
    runs = (
        "----" in text
        or "- -" in text
        or "~~" in text
        or "~ ~" in text
        or "++" in text
        or "+ +" in text
        or "not not" in text
    )
    return runs and _has_unary_run(text)


def read_source(data: bytes, path: str, limits: Limits) -> Source:
    """Cut a script into chunks; falls back to parsing it whole, whatever Python it is written for."""
    text = _plain_text(data)
    if text is not None and not _too_deep(text, limits):
        chunks = _cut(text)
        if all(c.kind or chunk_nodes(c) is not None for c in chunks):
            return Source(path, chunks)
    return whole_source(data, path, limits)


def whole_source(data: bytes, path: str, limits: Limits) -> Source:
    """Parse the whole file at once (the slow, general way)."""
    from pgolf.untrusted.fallback import parse_whole

    parsed = parse_whole(data, limits)
    if parsed.tree is None:
        return Source(path, (), parsed.via, parsed.partial, parsed.problem or "not Python", parsed.line)
    chunks = []
    for node in parsed.tree.body:
        kind = {"FunctionDef": "def", "AsyncFunctionDef": "def", "ClassDef": "class"}.get(
            type(node).__name__, ""
        )
        words = frozenset(
            w
            for n in walk(node)
            for w in (
                getattr(n, "id", None), getattr(n, "attr", None), getattr(n, "name", None), getattr(n, "arg", None),
            )
            if isinstance(w, str)
        ) | _string_words(node)  # fmt: skip
        chunks.append(Chunk("", 1, kind, getattr(node, "name", ""), (node,), words))
    return Source(path, tuple(chunks), parsed.via, parsed.partial, parsed.problem, parsed.line)


def _string_words(node: ast.AST) -> frozenset[str]:
    return frozenset(
        w
        for n in walk(node)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and len(n.value) < 2000
        for w in _WORD.findall(n.value)
    )


def _plain_text(data: bytes) -> str | None:
    """The text, when it is plain UTF-8 without a cookie that says otherwise; None sends it the general way."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    head = data[:400].split(b"\n", 2)[:2]
    if any(b"coding" in line and b"#" in line for line in head) or b"\0" in data or b"\f" in data:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _cut(text: str) -> tuple[Chunk, ...]:
    inside: list[tuple[int, int]] = [
        (m.start(), m.end()) for m in _LITERAL.finditer(text) if "\n" in m.group() and text[m.start()] != "#"
    ]
    starts: list[int] = []
    at = 0
    for match in _STATEMENT_START.finditer(text):
        pos = match.start()
        while at < len(inside) and inside[at][1] <= pos:
            at += 1
        if at < len(inside) and inside[at][0] < pos:
            continue
        if pos >= 2 and text[pos - 2] == "\\":
            continue
        starts.append(pos)
    chunks: list[Chunk] = []
    line = 1
    previous = 0
    i = 0
    while i < len(starts):
        begin = starts[i]
        # Decorators belong to what follows them.
        j = i
        while text[starts[j]] == "@" and j + 1 < len(starts):
            j += 1
        end = starts[j + 1] if j + 1 < len(starts) else len(text)
        line += text.count("\n", previous, begin)
        previous = begin
        body = text[begin:end].rstrip() + "\n"
        head = _HEAD.match(body)
        if head is not None:
            chunks.append(Chunk(body, line, head.group(1), unicodedata.normalize("NFKC", head.group(2))))
        else:
            chunks.append(Chunk(body, line, "", ""))
        i = j + 1
    return tuple(chunks)
