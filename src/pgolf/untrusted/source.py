"""A script's text, cut into its top-level statements, each parsed only when it is needed and at most once.

Scripts of one contest share most of their functions word for word, and an audit reaches only some of them. So the
text is cut at lines that start a top-level statement; a piece is parsed by itself, and its tree is kept by content for
the scripts that follow (trees are never changed). Cutting is safe: a cut is made only where a line begins in column
0, outside every string literal and not after a backslash, and when a piece that is needed does not parse by itself,
the whole file is parsed instead.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted.fstrings import Unclear, literal_end, scan
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.syntax import walk

_LITERAL = re.compile(
    r"#[^\n]*"
    r'|"""(?:[^"\\]|\\.|"(?!""))*+"""'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+'''"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'(?:[^'\\\n]|\\.)*+'?",
    re.DOTALL,
)
_FORMATTED_PREFIX = re.compile(r"(?<!\w)(?:[fFtT][rR]?|[rR][fFtT])\Z")
_PREFIX_ENDS = frozenset("fFtTrR")
_PLAIN_FIELD = r"\{[^{}\"'\\#\n]*+(?:\{[^{}\"'\\#\n]*+\}[^{}\"'\\#\n]*+)*+\}"
_PLAIN_FORMATTED = re.compile(
    rf"\"\"\"(?:[^\"\\{{}}]|\"(?!\"\")|\\[^N{{}}]|\{{\{{|\}}\}}|{_PLAIN_FIELD})*+\"\"\""
    rf"|'''(?:[^'\\{{}}]|'(?!'')|\\[^N{{}}]|\{{\{{|\}}\}}|{_PLAIN_FIELD})*+'''"
    rf"|\"(?!\"\")(?:[^\"\\\n{{}}]|\\[^N{{}}]|\{{\{{|\}}\}}|{_PLAIN_FIELD})*+\""
    rf"|'(?!'')(?:[^'\\\n{{}}]|\\[^N{{}}]|\{{\{{|\}}\}}|{_PLAIN_FIELD})*+'",
    re.DOTALL,
)
"""A formatted string whose fields hold nothing that every version of Python would not read alike."""
_STATEMENT_START = re.compile(r"^(?=[^\s#)\]}])(?!(?:else|elif|except|finally|case)\b)", re.MULTILINE)
_HEAD = re.compile(r"(?:@[^\n]*+\n)*+(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
_WORD = re.compile(r"[^\W\d]\w*")
_KEPT_CHARS = 6_000_000
_KEPT_TREE_CHARS = 2_000_000


class Piece:
    """The text of a top-level statement (or a few), and what is known of it; shared by all scripts that have it.

    Everything here follows from the text alone and is never changed, so it may be kept from script to script. `kind` is
    "def", "class" or "" for the rest; `lines` counts line ends. The other fields are filled when they are asked for.
    """

    __slots__ = ("code", "is_relevant", "kind", "lines", "name", "nodes", "parsed", "text", "words")

    def __init__(self, text: str, kind: str, name: str) -> None:
        self.text = text
        self.kind = kind
        self.name = name
        self.lines = text.count("\n")
        self.parsed = False
        self.nodes: tuple[ast.stmt, ...] | None = None
        self.code: Any = None
        """The closure that executes `nodes` (`program.chunk_code`)."""
        self.words: frozenset[str] | None = None
        self.is_relevant: bool | None = None
        """Whether the text has to do with bytes, tokens or scores (`program`)."""


@dataclass(slots=True)
class Chunk:
    """A piece in its place: `first_line` is 1-based. `text` is "" where only a tree of the whole file exists."""

    piece: Piece
    first_line: int

    @property
    def text(self) -> str:
        return self.piece.text

    @property
    def kind(self) -> str:
        return self.piece.kind

    @property
    def name(self) -> str:
        return self.piece.name


@dataclass(slots=True)
class Source:
    """A whole script as chunks. `via` names the parser; `partial` says that damaged places were left out."""

    path: str
    chunks: tuple[Chunk, ...]
    via: str = "ast"
    partial: bool = False
    problem: str = ""
    problem_line: int = 0
    never_ran: bool = False
    """The damaged places are no Python of any version: the file cannot have run as it is."""


class Pieces:
    """Pieces by their text, for the scripts that follow in one process. Both bounds are characters of text: `chars` of
    all pieces, `tree_chars` of those with a tree (a tree with its closures takes some hundred times the memory of
    its text). What was not used for longest is forgotten first; trees and closures hold no cycles, so forgetting
    frees them."""

    def __init__(self, chars: int, tree_chars: int) -> None:
        self.bound = chars
        self.tree_bound = tree_chars
        self.chars = self.tree_chars = 0
        self._kept: OrderedDict[str, Piece] = OrderedDict()
        self._trees: OrderedDict[str, Piece] = OrderedDict()

    def piece(self, text: str) -> Piece:
        """The piece of that text."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        head = _HEAD.match(text)
        if head is None:
            found = Piece(text, "", "")
        else:
            found = Piece(text, head[1], unicodedata.normalize("NFKC", head[2]))
        self._kept[text] = found
        self.chars += len(text)
        while self.chars > self.bound and len(self._kept) > 1:
            self.chars -= len(self._kept.popitem(last=False)[0])
        return found

    def parse(self, piece: Piece) -> None:
        """Fill in the statements of a piece; None stays where it does not parse by itself."""
        try:
            piece.nodes = tuple(ast.parse(piece.text).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # MemoryError: the parser's own stack
            piece.nodes = _newer_nodes(piece.text)
        piece.parsed = True
        self._trees[piece.text] = piece
        self.tree_chars += len(piece.text)
        while self.tree_chars > self.tree_bound and len(self._trees) > 1:
            text, old = self._trees.popitem(last=False)
            self.tree_chars -= len(text)
            old.parsed, old.nodes, old.code = False, None, None

    def used(self, piece: Piece) -> None:
        """A tree was asked for: it is forgotten last."""
        if piece.text in self._trees:
            self._trees.move_to_end(piece.text)


def _newer_nodes(text: str) -> tuple[ast.stmt, ...] | None:
    from pgolf.untrusted.fallback import parse_newer_strings

    try:
        tree = parse_newer_strings(text, DEFAULT_LIMITS)
    except LimitTripped:
        return None
    return None if tree is None else tuple(tree.body)


PIECES = Pieces(_KEPT_CHARS, _KEPT_TREE_CHARS)


def chunk_nodes(chunk: Chunk) -> tuple[ast.stmt, ...] | None:
    """Statements of a chunk, parsed on first use; None when it does not parse by itself."""
    piece = chunk.piece
    if not piece.parsed:
        PIECES.parse(piece)
    elif piece.text:
        PIECES.used(piece)
    return piece.nodes


def chunk_words(chunk: Chunk) -> frozenset[str]:
    """Identifier-like words of a chunk, strings and comments included, as Python would normalise them."""
    piece = chunk.piece
    if piece.words is None:
        text = piece.text
        plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
        piece.words = frozenset(_WORD.findall(plain))
    return piece.words


_NO_BRACKET = bytes(set(range(256)) - set(b"()[]{}"))
_MAX_UNARY_RUN = 60
_SIGN_RUN = re.compile(rf"[-+~][-+~\\\s]{{{_MAX_UNARY_RUN - 1},}}+")
_NOT_RUN = re.compile(rf"not(?:[\\\s]++not\b){{{_MAX_UNARY_RUN - 1},}}+")


def _has_unary_run(text: str) -> bool:
    """Whether many unary operators stand in a row, outside a comment."""
    if text.count("not") >= _MAX_UNARY_RUN and _NOT_RUN.search(text):
        return True
    return any(
        sum(map(found[0].count, "-+~")) >= _MAX_UNARY_RUN
        and "#" not in text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        for found in _SIGN_RUN.finditer(text)
    )


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
    return _has_unary_run(text)


def read_source(data: bytes, path: str, limits: Limits) -> Source:
    """Cut a script into chunks; falls back to parsing it whole, whatever Python it is written for."""
    text = _plain_text(data)
    if text is not None and not _too_deep(text, limits):
        chunks = _cut(text)
        if chunks is not None and all(c.kind or chunk_nodes(c) is not None for c in chunks):
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
        piece = Piece("", kind, getattr(node, "name", ""))
        piece.parsed, piece.nodes, piece.words = True, (node,), words
        chunks.append(Chunk(piece, 1))
    return Source(
        path, tuple(chunks), parsed.via, parsed.partial, parsed.problem, parsed.line, parsed.never_ran
    )


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


def _long_literals(text: str) -> list[tuple[int, int]] | None:
    """Offsets of string literals over several lines, in order; None when it is not certain where a string ends.

    Before Python 3.12 a string ends at its first quote; since then the fields of a formatted one may hold the same quote.
    So each formatted string is followed through its fields, and where that gives another end, all strings are.
    """
    found = [m.span() for m in _LITERAL.finditer(text)]
    try:
        for begin, end in found:
            if text[begin - 1 : begin] not in _PREFIX_ENDS or not begin:
                continue
            prefix = _FORMATTED_PREFIX.search(text, max(0, begin - 3), begin)
            if prefix is None or text[begin] == "#":
                continue
            plain = _PLAIN_FORMATTED.match(text, begin)
            if plain is not None and plain.end() == end and "t" not in prefix[0].lower():
                continue
            quote = text[begin] * 3 if text.startswith(text[begin] * 3, begin) else text[begin]
            if literal_end(text, prefix.start(), prefix[0], quote) != end:
                found = [(span.start, span.end) for span in scan(text)[1]]
                break
    except (Unclear, RecursionError):
        return None
    return [span for span in found if text.find("\n", *span) >= 0 and text[span[0]] != "#"]


def _cut(text: str) -> tuple[Chunk, ...] | None:
    inside = _long_literals(text)
    if inside is None:
        return None
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
        chunks.append(Chunk(PIECES.piece(text[begin:end].rstrip() + "\n"), line))
        i = j + 1
    return tuple(chunks)
