"""Shell text -> syntax tree: the bash language as bash reads it, bounded in length, depth and time.

Written by hand instead of built on tree-sitter-bash because a gate needs the reader to agree with bash where
they differ (`{torchrun,--x}`, `> f <<< "$h"`, escaped backticks come back as ERROR nodes there), needs a
deadline inside the parse, and cannot pay 13 ms for a grammar before every command. The tests hold this reader
against tree-sitter-bash and against bash itself.

What it does not do: expand anything (see `interpreter`), or judge commands (see `programs`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CHARS = 262_144
MAX_DEPTH = 60

_META = frozenset(" \t\n;&|<>()")
_NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_NAME = _NAME_START | frozenset("0123456789")
_SPECIAL = frozenset("@*#?-$!0123456789")
_CLOSERS = frozenset({"then", "do", "done", "fi", "elif", "else", "esac", "}"})
_REDIRECTS = ("&>>", "<<<", "<<-", "&>", "<<", ">>", ">&", "<&", "<>", ">|", ">", "<")
_ANSI = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "v": "\v",
}


class ShellSyntaxError(Exception):
    """The text is not shell, or is longer, deeper or slower to read than the bounds allow."""


class Word:
    """One word as parts: `("lit", text, quoted)`, `("var", name, operator, Word | None, quoted)`,
    `("sub", Sequence, quoted)`, `("arith", Word, quoted)`, `("proc", Sequence, direction)`."""

    __slots__ = ("parts", "text")

    def __init__(self, parts: list[tuple[object, ...]], text: str) -> None:
        self.parts = parts
        self.text = text

    def literal(self) -> str | None:
        """The word's text when nothing in it is quoted or expanded."""
        if all(part[0] == "lit" and not part[2] for part in self.parts):
            return "".join(str(part[1]) for part in self.parts)
        return None


class Redirect:
    """`fd op target`; a here-document's target is its body, expanded unless its delimiter was quoted."""

    __slots__ = ("fd", "op", "target")

    def __init__(self, fd: str, op: str, target: Word) -> None:
        self.fd = fd
        self.op = op
        self.target = target


class Node:
    """A piece of syntax. `kind` says which; the other fields are filled as that kind needs them.

    command: assigns, words, redirects; pipeline: items, flag (negated); andor: items, ops;
    sequence: items, ops ("&" marks a background job); subshell, group: body; if: items of (condition, body),
    body (else); while, until: cond, body; for: name, words or None, body; cfor: words (three), body;
    case: words (one), items of (patterns, body); function: name, body; test: words; arith: words (one).
    """

    __slots__ = ("assigns", "body", "cond", "flag", "items", "kind", "name", "ops", "redirects", "words")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.name = ""
        self.flag = False
        self.assigns: list[tuple[str, str, Word | list[Word]]] = []
        self.words: list[Word] | None = []
        self.redirects: list[Redirect] = []
        self.items: list[object] = []
        self.ops: list[str] = []
        self.cond: Node | None = None
        self.body: Node | None = None


def parse(text: str, tick: Callable[[], None] | None = None, depth: int = 0) -> Node:
    """The sequence of commands in `text`. `tick` is called once per command and may raise to stop.

    Raises ShellSyntaxError for what bash could not read either, and for a tripped bound.
    """
    if len(text) > MAX_CHARS:
        raise ShellSyntaxError(f"longer than {MAX_CHARS} characters")
    try:
        return _Parser(text, tick or _no_tick, depth).script()
    except RecursionError:
        raise ShellSyntaxError("nested too deeply") from None


def _no_tick() -> None:
    return None


class _Parser:
    def __init__(self, text: str, tick: Callable[[], None], depth: int) -> None:
        self.text = text
        self.end = len(text)
        self.at = 0
        self.depth = depth
        self.tick = tick
        self.pending: list[tuple[Redirect, str, bool, bool]] = []

    # -- layout -------------------------------------------------------------------------------------------

    def script(self) -> Node:
        node = self.sequence(frozenset())
        if self.at < self.end:
            raise ShellSyntaxError(f"unexpected {self.text[self.at : self.at + 12]!r}")
        self.read_heredocs()
        return node

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ShellSyntaxError(f"nested more than {MAX_DEPTH} levels deep")

    def blanks(self, newlines: bool = False) -> None:
        """Skip blanks, line continuations, comments and, if wanted, newlines (reading here-documents)."""
        text, end = self.text, self.end
        while self.at < end:
            char = text[self.at]
            if char in " \t\r":
                self.at += 1
            elif char == "\\" and text.startswith("\\\n", self.at):
                self.at += 2
            elif char == "#":
                newline = text.find("\n", self.at)
                self.at = end if newline < 0 else newline
            elif char == "\n" and newlines:
                self.newline()
            else:
                return

    def newline(self) -> None:
        self.at += 1
        if self.pending:
            self.read_heredocs()

    def read_heredocs(self) -> None:
        pending, self.pending = self.pending, []
        for redirect, delimiter, quoted, strip in pending:
            lines: list[str] = []
            while self.at < self.end:
                newline = self.text.find("\n", self.at)
                stop = self.end if newline < 0 else newline
                line = self.text[self.at : stop]
                self.at = min(stop + 1, self.end)
                if strip:
                    line = line.lstrip("\t")
                if line == delimiter:
                    break
                lines.append(line + "\n")
            body = "".join(lines)
            if quoted:
                redirect.target = Word([("lit", body, True)], body)
            else:
                inner = _Parser(body, self.tick, self.depth)
                redirect.target = Word(inner.double_quoted(None), body)

    def peek_word(self) -> str:
        """The plain word at the cursor (no quotes, no expansion), or ''; used to see reserved words."""
        at = self.at
        while at < self.end and self.text[at] not in _META:
            if self.text[at] in "\\'\"$`":
                return ""
            at += 1
        return self.text[self.at : at]

    def take_word(self, word: str) -> None:
        self.blanks(newlines=True)
        if self.peek_word() != word:
            raise ShellSyntaxError(f"expected {word!r} at {self.text[self.at : self.at + 12]!r}")
        self.at += len(word)

    def take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    # -- lists --------------------------------------------------------------------------------------------

    def sequence(self, closers: frozenset[str]) -> Node:
        """Commands up to one of `closers` (reserved words, ')' or ';;'), which is left unread."""
        node = Node("sequence")
        while True:
            self.blanks(newlines=True)
            if self.at >= self.end:
                break
            text = self.text
            char = text[self.at]
            if char == ")":
                if ")" in closers:
                    break
                raise ShellSyntaxError("unexpected ')'")
            if char == ";" and ";;" in closers and text.startswith((";;", ";&"), self.at):
                break
            if char in "};tdfe":
                word = self.peek_word()
                if word in closers:
                    break
                if word in _CLOSERS:
                    raise ShellSyntaxError(f"unexpected {word!r}")
            if char == ";" or (char == "&" and not text.startswith(("&>",), self.at)):
                raise ShellSyntaxError(f"unexpected {char!r}")
            item = self.and_or()
            self.blanks()
            operator = ";"
            if self.at < self.end:
                char = self.text[self.at]
                if char == "&":
                    self.at += 1
                    operator = "&"
                elif char == ";" and not self.text.startswith((";;", ";&"), self.at):
                    self.at += 1
                elif char == "\n":
                    self.newline()
                elif char not in ");":
                    word = self.peek_word()
                    if word not in closers:
                        raise ShellSyntaxError(f"unexpected {self.text[self.at : self.at + 12]!r}")
            node.items.append(item)
            node.ops.append(operator)
        return node

    def and_or(self) -> Node:
        first = self.pipeline()
        node = Node("andor")
        node.items.append(first)
        while True:
            self.blanks()
            if self.take("&&"):
                operator = "&&"
            elif self.text.startswith("||", self.at):
                self.at += 2
                operator = "||"
            else:
                return node if node.ops else first
            self.blanks(newlines=True)
            node.ops.append(operator)
            node.items.append(self.pipeline())

    def pipeline(self) -> Node:
        node = Node("pipeline")
        while True:
            self.blanks()
            word = self.peek_word()
            if word == "!":
                self.at += 1
                node.flag = not node.flag
            elif word == "time":
                self.at += 4
                self.blanks()
                while self.peek_word() in ("-p", "--"):
                    self.at += 2
                    self.blanks()
                if self.at >= self.end or self.text[self.at] in ";\n&|)":
                    return Node("command")
            else:
                break
        while True:
            node.items.append(self.command())
            self.blanks()
            if self.text.startswith("||", self.at):
                break
            if self.take("|&") or self.take("|"):
                self.blanks(newlines=True)
                continue
            break
        if len(node.items) == 1 and not node.flag:
            only = node.items[0]
            assert isinstance(only, Node)  # noqa: S101 - built three lines above
            return only
        return node

    # -- commands -----------------------------------------------------------------------------------------

    def command(self) -> Node:
        self.tick()
        self.blanks()
        if self.at >= self.end:
            raise ShellSyntaxError("a command is missing at the end")
        text = self.text
        self.deeper()
        try:
            node: Node | None = None
            if text.startswith("((", self.at):
                node = self.arithmetic_command()
            if node is None and text[self.at] == "(":
                self.at += 1
                node = Node("subshell")
                node.body = self.sequence(frozenset({")"}))
                if not self.take(")"):
                    raise ShellSyntaxError("'(' is never closed")
            if node is None:
                node = self.compound(self.peek_word())
            if node is None:
                return self.simple()
            while True:
                self.blanks()
                if not self.redirect(node):
                    return node
        finally:
            self.depth -= 1

    def compound(self, word: str) -> Node | None:
        if word == "{":
            self.at += 1
            node = Node("group")
            node.body = self.sequence(frozenset({"}"}))
            self.take_word("}")
            return node
        if word == "if":
            return self.if_command()
        if word in ("while", "until"):
            self.at += 5
            node = Node(word)
            node.cond = self.sequence(frozenset({"do"}))
            node.body = self.do_group()
            return node
        if word in ("for", "select"):
            self.at += len(word)
            return self.for_command(word)
        if word == "case":
            return self.case_command()
        if word == "[[":
            return self.test_command()
        if word == "function":
            self.at += 8
            self.blanks()
            name = self.peek_word()
            if not name:
                raise ShellSyntaxError("a function needs a name")
            self.at += len(name)
            self.blanks()
            if self.take("("):
                self.blanks()
                if not self.take(")"):
                    raise ShellSyntaxError("expected ')'")
            return self.function(name)
        if word == "coproc":
            self.at += 6
            self.blanks()
            name = self.peek_word()
            after = self.text[self.at + len(name) :].lstrip(" \t")[:1]
            if (
                name
                and name not in ("{", "if", "while", "until", "for", "case", "[[")
                and after in "{("
                and after
            ):
                self.at += len(name)
            return self.command()
        return None

    def function(self, name: str) -> Node:
        node = Node("function")
        node.name = name
        self.blanks(newlines=True)
        node.body = self.command()
        return node

    def if_command(self) -> Node:
        self.at += 2
        node = Node("if")
        while True:
            condition = self.sequence(frozenset({"then"}))
            self.take_word("then")
            body = self.sequence(frozenset({"elif", "else", "fi"}))
            node.items.append((condition, body))
            self.blanks(newlines=True)
            word = self.peek_word()
            if word == "elif":
                self.at += 4
                continue
            if word == "else":
                self.at += 4
                node.body = self.sequence(frozenset({"fi"}))
            self.take_word("fi")
            return node

    def do_group(self) -> Node:
        self.blanks(newlines=True)
        if self.peek_word() == "{":
            return self.command()
        self.take_word("do")
        body = self.sequence(frozenset({"done"}))
        self.take_word("done")
        return body

    def for_command(self, word: str) -> Node:
        self.blanks()
        if self.text.startswith("((", self.at):
            end = self.matching("((", "))")
            pieces = ([*self.text[self.at + 2 : end - 2].split(";"), "", ""])[:3]
            self.at = end
            node = Node("cfor")
            node.words = [Word([("lit", piece, False)], piece) for piece in pieces]
        else:
            node = Node("for" if word == "for" else "select")
            node.name = self.peek_word()
            if not node.name:
                raise ShellSyntaxError("a loop needs a variable's name")
            self.at += len(node.name)
            self.blanks(newlines=True)
            node.words = None
            if self.peek_word() == "in":
                self.at += 2
                node.words = []
                while True:
                    self.blanks()
                    if self.at >= self.end or self.text[self.at] in ";\n&|)":
                        break
                    node.words.append(self.word())
        self.blanks()
        self.take(";")
        node.body = self.do_group()
        return node

    def case_command(self) -> Node:
        self.at += 4
        self.blanks()
        node = Node("case")
        node.words = [self.word()]
        self.take_word("in")
        while True:
            self.blanks(newlines=True)
            if self.at >= self.end:
                raise ShellSyntaxError("'case' is never closed")
            if self.peek_word() == "esac":
                self.at += 4
                return node
            self.take("(")
            patterns = []
            while True:
                self.blanks()
                patterns.append(self.word())
                self.blanks()
                if self.take("|"):
                    continue
                if not self.take(")"):
                    raise ShellSyntaxError("expected ')' after a case pattern")
                break
            body = self.sequence(frozenset({";;", "esac"}))
            node.items.append((patterns, body))
            if self.take(";;&") or self.take(";;") or self.take(";&"):
                pass

    def test_command(self) -> Node:
        self.at += 2
        node = Node("test")
        words: list[Word] = []
        while True:
            self.blanks(newlines=True)
            if self.at >= self.end:
                raise ShellSyntaxError("'[[' is never closed")
            if self.peek_word() == "]]":
                self.at += 2
                node.words = words
                return node
            for operator in ("&&", "||", "(", ")", "<", ">", "|", "&", ";"):
                if self.take(operator):
                    words.append(Word([("lit", operator, False)], operator))
                    break
            else:
                words.append(self.word())

    def arithmetic_command(self) -> Node | None:
        """`(( … ))`, or None when it turns out to be a subshell in a subshell."""
        try:
            end = self.matching("((", "))")
        except ShellSyntaxError:
            return None
        node = Node("arith")
        inner = _Parser(self.text[self.at + 2 : end - 2], self.tick, self.depth)
        node.words = [Word(inner.double_quoted(None), inner.text)]
        self.at = end
        return node

    def matching(self, opening: str, closing: str) -> int:
        """Where the text opened at the cursor by `((` or `$((` is closed by `))`, past it."""
        depth = 0
        at = self.at + len(opening)
        text = self.text
        while at < self.end:
            char = text[at]
            if char == "(":
                depth += 1
            elif char == ")":
                if depth == 0:
                    if text.startswith(closing, at):
                        return at + len(closing)
                    raise ShellSyntaxError("not arithmetic")
                depth -= 1
            elif char == "\\":
                at += 1
            elif char in "'`" or (char == '"' and opening != "(("):
                at = text.find(char, at + 1)
                if at < 0:
                    break
            at += 1
        raise ShellSyntaxError("arithmetic is never closed")

    def simple(self) -> Node:
        node = Node("command")
        words: list[Word] = []
        node.words = words
        start = self.at
        while True:
            self.blanks()
            if self.at >= self.end:
                break
            char = self.text[self.at]
            if char in "\n;|)" or (char == "&" and not self.text.startswith("&>", self.at)):
                break
            if self.redirect(node):
                continue
            if char == "(":
                name = words[-1].text if len(words) == 1 and not node.assigns else ""
                rest = self.text[self.at + 1 :].lstrip(" \t")
                if name and rest.startswith(")"):
                    self.at = self.end - len(rest) + 1
                    return self.function(name)
                raise ShellSyntaxError("unexpected '('")
            if not words and self.assignment(node):
                continue
            word = self.word()
            if words and words[0].text in _DECLARES:
                self.declaration(word, words)
            else:
                words.append(word)
        if self.at == start:
            raise ShellSyntaxError(f"unexpected {self.text[self.at : self.at + 12]!r}")
        return node

    def declaration(self, word: Word, words: list[Word]) -> None:
        """`export A=(x y)`: an array stands where no plain word could."""
        if word.text.endswith("=") and self.at < self.end and self.text[self.at] == "(":
            elements = self.array()
            word.parts.append(("array", elements))
        words.append(word)

    def assignment(self, node: Node) -> bool:
        text = self.text
        at = self.at
        if text[at] not in _NAME_START:
            return False
        while at < self.end and text[at] in _NAME:
            at += 1
        name = text[self.at : at]
        if at < self.end and text[at] == "[":
            close = text.find("]", at)
            if close < 0 or "\n" in text[at:close]:
                return False
            if not text.startswith(("]=", "]+="), close):
                return False
            name = text[self.at : close + 1]
            at = close + 1
        operator = "+=" if text.startswith("+=", at) else "="
        if not text.startswith(operator, at):
            return False
        self.at = at + len(operator)
        if self.at < self.end and text[self.at] == "(":
            node.assigns.append((name, operator, self.array()))
        elif self.at >= self.end or text[self.at] in _META:
            if text.startswith(("<(", ">("), self.at):
                node.assigns.append((name, operator, self.word()))
            else:
                node.assigns.append((name, operator, Word([], "")))
        else:
            node.assigns.append((name, operator, self.word()))
        return True

    def array(self) -> list[Word]:
        self.at += 1
        elements: list[Word] = []
        while True:
            self.blanks(newlines=True)
            if self.at >= self.end:
                raise ShellSyntaxError("an array is never closed")
            if self.take(")"):
                return elements
            if self.text[self.at] in ";&|":
                raise ShellSyntaxError("unexpected operator in an array")
            elements.append(self.word())

    def redirect(self, node: Node) -> bool:
        text = self.text
        if self.at >= self.end:
            return False
        start = at = self.at
        if text[at] == "{":
            close = text.find("}", at)
            if (
                close > 0
                and text[close + 1 : close + 2] in ("<", ">")
                and text[at + 1 : close].isidentifier()
            ):
                at = close + 1
        else:
            while at < self.end and text[at] in "0123456789" and at - start < 4:
                at += 1
        if text.startswith(("<(", ">("), at) or at >= self.end:
            return False
        for operator in _REDIRECTS:
            if text.startswith(operator, at):
                break
        else:
            return False
        fd = text[start:at]
        self.at = at + len(operator)
        self.blanks()
        if operator in ("<<", "<<-"):
            word = self.word()
            delimiter = "".join(str(part[1]) for part in word.parts if part[0] == "lit") if word.parts else ""
            quoted = any(part[0] == "lit" and part[2] for part in word.parts)
            if not all(part[0] == "lit" for part in word.parts):
                delimiter = word.text
            redirect = Redirect(fd, "<<", Word([], ""))
            self.pending.append((redirect, delimiter, quoted, operator == "<<-"))
        else:
            if self.at >= self.end or (
                self.text[self.at] in _META and not self.text.startswith(("<(", ">("), self.at)
            ):
                raise ShellSyntaxError(f"nothing stands after {operator!r}")
            redirect = Redirect(fd, operator, self.word())
        node.redirects.append(redirect)
        return True

    # -- words --------------------------------------------------------------------------------------------

    def word(self) -> Word:
        text, end = self.text, self.end
        start = self.at
        parts: list[tuple[object, ...]] = []
        plain = self.at  # start of a run of unquoted literal text
        while self.at < end:
            char = text[self.at]
            if char in _META:
                if char in "<>" and text.startswith("(", self.at + 1) and self.at == start:
                    direction = char
                    self.at += 2
                    parts.append(("proc", self.nested(), direction))
                    plain = self.at
                    continue
                if char == "(" and self.at > start and text[self.at - 1] in "?*+@!=":
                    if text[self.at - 1] == "=" and self.at - 1 != start:
                        break
                    self.skip_group()
                    continue
                break
            if char in "\\'\"$`":
                if self.at > plain:
                    parts.append(("lit", text[plain : self.at], False))
                self.special(char, parts, quoted=False)
                plain = self.at
            else:
                self.at += 1
        if self.at > plain:
            parts.append(("lit", text[plain : self.at], False))
        if self.at == start:
            raise ShellSyntaxError(f"unexpected {text[self.at : self.at + 12]!r}")
        return Word(parts, text[start : self.at])

    def skip_group(self) -> None:
        depth = 0
        while self.at < self.end:
            char = self.text[self.at]
            if char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
            self.at += 1
            if depth == 0:
                return
        raise ShellSyntaxError("'(' is never closed")

    def special(self, char: str, parts: list[tuple[object, ...]], *, quoted: bool) -> None:
        """One backslash, quote, dollar or backtick at the cursor."""
        text = self.text
        if char == "\\":
            following = text[self.at + 1 : self.at + 2]
            self.at = min(self.at + 2, self.end)
            if following != "\n":
                parts.append(("lit", following, True))
        elif char == "'":
            close = text.find("'", self.at + 1)
            if close < 0:
                raise ShellSyntaxError("a quote ' is never closed")
            parts.append(("lit", text[self.at + 1 : close], True))
            self.at = close + 1
        elif char == '"':
            self.at += 1
            parts.extend(self.double_quoted('"') or [("lit", "", True)])
        elif char == "`":
            self.backtick(parts, quoted)
        else:
            self.dollar(parts, quoted)

    def double_quoted(self, closing: str | None) -> list[tuple[object, ...]]:
        """Parts up to the closing quote (or, for here-documents and arithmetic, up to the end)."""
        text, end = self.text, self.end
        parts: list[tuple[object, ...]] = []
        plain = self.at
        while self.at < end:
            char = text[self.at]
            if char == closing:
                break
            if char == "\\":
                following = text[self.at + 1 : self.at + 2]
                if following and following in '$`"\\\n':
                    if self.at > plain:
                        parts.append(("lit", text[plain : self.at], True))
                    if following == '"' and closing is None:
                        parts.append(("lit", '\\"', True))
                    elif following != "\n":
                        parts.append(("lit", following, True))
                    self.at += 2
                    plain = self.at
                else:
                    self.at += 1
            elif char in "$`":
                if self.at > plain:
                    parts.append(("lit", text[plain : self.at], True))
                self.special(char, parts, quoted=True)
                plain = self.at
            else:
                self.at += 1
        if self.at > plain:
            parts.append(("lit", text[plain : self.at], True))
        if closing is not None:
            if self.at >= end:
                raise ShellSyntaxError('a quote " is never closed')
            self.at += 1
        return parts

    def backtick(self, parts: list[tuple[object, ...]], quoted: bool) -> None:
        text = self.text
        at = self.at + 1
        inner: list[str] = []
        while at < self.end and text[at] != "`":
            if text[at] == "\\" and at + 1 < self.end and text[at + 1] in ('$`\\"' if quoted else "$`\\"):
                at += 1
            inner.append(text[at])
            at += 1
        if at >= self.end:
            raise ShellSyntaxError("a backtick is never closed")
        self.at = at + 1
        parts.append(("sub", parse("".join(inner), self.tick, self.depth + 1), quoted))
        if self.depth + 1 > MAX_DEPTH:
            raise ShellSyntaxError(f"nested more than {MAX_DEPTH} levels deep")

    def nested(self) -> Node:
        """The commands up to the `)` that closes a substitution; the cursor ends behind it."""
        self.deeper()
        pending, self.pending = self.pending, []
        node = self.sequence(frozenset({")"}))
        if not self.take(")"):
            raise ShellSyntaxError("a substitution is never closed")
        self.pending = pending + self.pending
        self.depth -= 1
        return node

    def dollar(self, parts: list[tuple[object, ...]], quoted: bool) -> None:
        text = self.text
        following = text[self.at + 1 : self.at + 2]
        if following == "(":
            if text.startswith("$((", self.at):
                try:
                    end = self.matching("$((", "))")
                except ShellSyntaxError:
                    end = -1
                if end > 0:
                    inner = _Parser(text[self.at + 3 : end - 2], self.tick, self.depth)
                    parts.append(("arith", Word(inner.double_quoted(None), inner.text), quoted))
                    self.at = end
                    return
            self.at += 2
            parts.append(("sub", self.nested(), quoted))
        elif following == "{":
            self.braced(parts, quoted)
        elif following == "'" and not quoted:
            self.ansi(parts)
        elif following == '"' and not quoted:
            self.at += 1
        elif following == "[":
            close = text.find("]", self.at)
            if close < 0:
                raise ShellSyntaxError("'$[' is never closed")
            body = text[self.at + 2 : close]
            parts.append(("arith", Word([("lit", body, True)], body), quoted))
            self.at = close + 1
        elif following and following in _NAME_START:
            at = self.at + 1
            while at < self.end and text[at] in _NAME:
                at += 1
            parts.append(("var", text[self.at + 1 : at], "", None, quoted))
            self.at = at
        elif following and following in _SPECIAL:
            parts.append(("var", following, "", None, quoted))
            self.at += 2
        else:
            parts.append(("lit", "$", quoted))
            self.at += 1

    def braced(self, parts: list[tuple[object, ...]], quoted: bool) -> None:
        """`${name}`, `${name[i]}`, `${name<operator>word}`, `${#name}`, `${!name}`."""
        text = self.text
        self.deeper()
        at = self.at + 2
        prefix = ""
        if text[at : at + 1] in ("#", "!") and text[at + 1 : at + 2] not in ("}", ""):
            prefix = text[at]
            at += 1
        start = at
        if at < self.end and text[at] in _NAME_START:
            while at < self.end and text[at] in _NAME:
                at += 1
        elif at < self.end and text[at] in _SPECIAL:
            at += 1
            while at < self.end and text[at].isdigit() and text[at - 1].isdigit():
                at += 1
        name = text[start:at]
        if at < self.end and text[at] == "[":
            close = text.find("]", at)
            if close < 0:
                raise ShellSyntaxError("'${' is never closed")
            name = text[start : close + 1]
            at = close + 1
        operator = prefix
        self.at = at
        for candidate in (
            ":-",
            ":=",
            ":+",
            ":?",
            "##",
            "%%",
            "//",
            "^^",
            ",,",
            "-",
            "=",
            "+",
            "?",
            "#",
            "%",
            "/",
            "^",
            ",",
            "@",
            ":",
        ):
            if text.startswith(candidate, at):
                operator = prefix + candidate
                self.at += len(candidate)
                break
        inner: list[tuple[object, ...]] = []
        plain = self.at
        while self.at < self.end and text[self.at] != "}":
            char = text[self.at]
            if char in "\\'\"$`" and not (char == "'" and quoted):
                if self.at > plain:
                    inner.append(("lit", text[plain : self.at], quoted))
                self.special(char, inner, quoted=quoted)
                plain = self.at
            else:
                self.at += 1
        if self.at >= self.end:
            raise ShellSyntaxError("'${' is never closed")
        if self.at > plain:
            inner.append(("lit", text[plain : self.at], quoted))
        argument = Word(inner, text[plain : self.at])
        self.at += 1
        self.depth -= 1
        parts.append(("var", name, operator, argument, quoted))

    def ansi(self, parts: list[tuple[object, ...]]) -> None:
        """`$'…'`: C escapes."""
        text = self.text
        at = self.at + 2
        out: list[str] = []
        while at < self.end and text[at] != "'":
            if text[at] == "\\" and at + 1 < self.end:
                at, piece = _escape(text, at + 1)
                out.append(piece)
            else:
                out.append(text[at])
                at += 1
        if at >= self.end:
            raise ShellSyntaxError("a quote $' is never closed")
        self.at = at + 1
        parts.append(("lit", "".join(out), True))


def _escape(text: str, at: int) -> tuple[int, str]:
    """The C escape whose letter stands at `at` (behind the backslash): where it ends, what it means."""
    char = text[at]
    if char in _ANSI:
        return at + 1, _ANSI[char]
    if char in "xuU":
        width = {"x": 2, "u": 4, "U": 8}[char]
        digits = ""
        while len(digits) < width and text[at + 1 + len(digits) : at + 2 + len(digits)] in tuple(
            "0123456789abcdefABCDEF"
        ):
            digits += text[at + 1 + len(digits)]
        if not digits:
            return at + 1, "\\" + char
        value = int(digits, 16)
        return at + 1 + len(digits), chr(value) if 8 < value < 0x110000 else ""
    if char in "01234567":
        digits = ""
        while len(digits) < 3 and text[at + len(digits) : at + len(digits) + 1] in tuple("01234567"):
            digits += text[at + len(digits)]
        value = int(digits, 8) & 255
        return at + len(digits), chr(value) if value > 8 else ""
    if char == "c":
        return at + 2, ""
    if char in "\\'\"?":
        return at + 1, char
    return at + 1, "\\" + char


def unescape(text: str) -> str:
    """What `echo -e` or `printf` makes of backslash escapes."""
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            if text[at + 1] == "0" and text[at + 2 : at + 3] in tuple("01234567"):
                at += 1
            at, piece = _escape(text, at + 1)
            out.append(piece)
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


_DECLARES = frozenset({"export", "declare", "typeset", "local", "readonly", "alias"})
