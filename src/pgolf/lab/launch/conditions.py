"""What `test`, `[[`, arithmetic and patterns give for known values; None where the run itself decides."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pgolf.lab.launch.interpreter import State

_UNKNOWN = ("\x00", "\x01")
_OPERATORS = (
    "<<=", ">>=", "**", "++", "--", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "<<", ">>",
    "+", "-", "*", "/", "%", "<", ">", "=", "!", "~", "(", ")", "?", ":", ",", "&", "|", "^",
)  # fmt: skip
_LIMIT = 1 << 62


def matches(text: str, pattern: str) -> bool:
    """Whether a shell pattern (`*`, `?`, `[…]`) matches all of `text`; linear in time for a fixed pattern."""
    if not any(char in pattern for char in "*?["):
        return text == pattern
    states = {0}
    lexemes = _lexemes_of(pattern)
    for index, lexeme in enumerate(lexemes):
        if lexeme == "*" and index in states:
            states.add(index + 1)
    for char in text:
        following: set[int] = set()
        for state in states:
            if state >= len(lexemes):
                continue
            lexeme = lexemes[state]
            if lexeme == "*":
                following.add(state)
            elif (
                lexeme == "?"
                or (lexeme[0] == "[" and len(lexeme) > 1 and _in_class(char, lexeme))
                or lexeme == char
            ):
                following.add(state + 1)
        for index, lexeme in enumerate(lexemes):
            if lexeme == "*" and index in following:
                following.add(index + 1)
        states = following
        if not states:
            return False
    return len(lexemes) in states


def is_too_long(text: str, pattern: str) -> bool:
    """Whether matching would cost more than a gate can spend; then the answer is unknown, not no."""
    return len(text) > 2048 or len(pattern) > 256


def _lexemes_of(pattern: str) -> list[str]:
    lexemes: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            close = pattern.find("]", at + 2)
            if close > 0:
                lexemes.append(pattern[at:close])
                at = close + 1
                continue
        lexemes.append(char)
        at += 1
    return lexemes


def _in_class(char: str, lexeme: str) -> bool:
    body = lexeme[1:]
    negated = body[:1] in ("!", "^")
    if negated:
        body = body[1:]
    if body.startswith("[:"):
        return True
    found = False
    at = 0
    while at < len(body):
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            found = found or body[at] <= char <= body[at + 2]
            at += 3
        else:
            found = found or body[at] == char
            at += 1
    return found != negated


def evaluate_test(words: list[str], *, double: bool) -> int | None:
    """Exit status of `[ words ]` or `[[ words ]]`: 0, 1, or None when the run decides."""
    value = _Test(words, double).value()
    return None if value is None else (0 if value else 1)


class _Test:
    def __init__(self, words: list[str], double: bool) -> None:
        self.words = words
        self.at = 0
        self.double = double

    def value(self) -> bool | None:
        if not self.words:
            return False
        result = self.either()
        return result if self.at == len(self.words) else None

    def either(self) -> bool | None:
        left = self.both()
        while self.at < len(self.words) and self.words[self.at] in ("||", "-o"):
            self.at += 1
            right = self.both()
            left = True if left or right else (None if left is None or right is None else False)
        return left

    def both(self) -> bool | None:
        left = self.primary()
        while self.at < len(self.words) and self.words[self.at] in ("&&", "-a"):
            self.at += 1
            right = self.primary()
            left = (
                False
                if left is False or right is False
                else (None if left is None or right is None else True)
            )
        return left

    def primary(self) -> bool | None:
        words = self.words[self.at :]
        if not words:
            return None
        if words[0] == "!" and len(words) > 1:
            self.at += 1
            inner = self.primary()
            return None if inner is None else not inner
        if words[0] == "(" and self.double:
            self.at += 1
            inner = self.either()
            if self.at < len(self.words) and self.words[self.at] == ")":
                self.at += 1
                return inner
            return None
        if len(words) >= 3 and words[1] not in ("&&", "||", "-a", "-o", ")"):
            self.at += 3
            return self.binary(words[0], words[1], words[2])
        if words[0].startswith("-") and len(words) >= 2 and len(words[0]) == 2:
            self.at += 2
            if any(mark in words[1] for mark in _UNKNOWN):
                return None
            return {"-z": not words[1], "-n": bool(words[1])}.get(words[0])
        self.at += 1
        return None if any(mark in words[0] for mark in _UNKNOWN) else bool(words[0])

    def binary(self, left: str, operator: str, right: str) -> bool | None:
        if any(mark in left + right for mark in _UNKNOWN):
            return None
        if operator in ("=", "==", "!="):
            if self.double and is_too_long(left, right):
                return None
            same = matches(left, right) if self.double else left == right
            return same == (operator != "!=")
        if operator in ("-eq", "-ne", "-lt", "-le", "-gt", "-ge"):
            try:
                one, other = int(left.strip()), int(right.strip())
            except ValueError:
                return None
            return {
                "-eq": one == other,
                "-ne": one != other,
                "-lt": one < other,
                "-le": one <= other,
                "-gt": one > other,
                "-ge": one >= other,
            }[operator]
        return None


def arithmetic(text: str, state: State) -> int | None:
    """The value of a shell arithmetic expression; None when unknown, malformed or out of 63 bits."""
    if not text.strip():
        return 0
    if len(text) > 2000:
        return None
    lexemes = _split(text)
    if lexemes is None:
        return None
    try:
        reader = _Arithmetic(lexemes, state)
        value = reader.comma()
        return value if reader.at == len(lexemes) else None
    except (_Unknown, RecursionError, ZeroDivisionError):
        return None


class _Unknown(Exception):
    pass


def _split(text: str) -> list[str] | None:
    lexemes: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in " \t\n":
            at += 1
            continue
        if char.isalnum() or char in "_#":
            end = at
            while end < len(text) and (text[end].isalnum() or text[end] in "_#"):
                end += 1
            lexemes.append(text[at:end])
            at = end
            continue
        if char == "$":
            at += 1
            continue
        for operator in _OPERATORS:
            if text.startswith(operator, at):
                lexemes.append(operator)
                at += len(operator)
                break
        else:
            return None
    return lexemes


class _Arithmetic:
    """Precedence climbing over lexemes; assignments change the state."""

    _LEVELS = tuple(
        tuple(level.split())
        for level in ["||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %"]
    )

    def __init__(self, lexemes: list[str], state: State) -> None:
        self.lexemes = lexemes
        self.state = state
        self.at = 0

    def peek(self) -> str:
        return self.lexemes[self.at] if self.at < len(self.lexemes) else ""

    def comma(self) -> int:
        value = self.assignment()
        while self.peek() == ",":
            self.at += 1
            value = self.assignment()
        return value

    def assignment(self) -> int:
        name = self.peek()
        following = self.lexemes[self.at + 1] if self.at + 1 < len(self.lexemes) else ""
        if (name[:1].isalpha() or name[:1] == "_") and following in (
            "=",
            "+=",
            "-=",
            "*=",
            "/=",
            "%=",
            "<<=",
            ">>=",
        ):
            self.at += 2
            try:
                value = self.assignment()
                if following != "=":
                    value = _apply(following[:-1], self.number(name), value)
            except _Unknown:
                self.state.assign(name, "\x00")
                raise
            self.state.assign(name, str(value))
            return value
        return self.ternary()

    def ternary(self) -> int:
        condition = self.level(0)
        if self.peek() != "?":
            return condition
        self.at += 1
        yes = self.assignment()
        if self.peek() != ":":
            raise _Unknown
        self.at += 1
        no = self.assignment()
        return yes if condition else no

    def level(self, index: int) -> int:
        if index == len(self._LEVELS):
            return self.power()
        left = self.level(index + 1)
        while self.peek() in self._LEVELS[index]:
            operator = self.peek()
            self.at += 1
            left = _apply(operator, left, self.level(index + 1))
        return left

    def power(self) -> int:
        base = self.unary()
        if self.peek() == "**":
            self.at += 1
            return _apply("**", base, self.power())
        return base

    def unary(self) -> int:
        lexeme = self.peek()
        self.at += 1
        if lexeme == "(":
            value = self.comma()
            if self.peek() != ")":
                raise _Unknown
            self.at += 1
            return value
        if lexeme in ("++", "--"):
            name = self.peek()
            self.at += 1
            value = self.number(name) + (1 if lexeme == "++" else -1)
            self.state.assign(name, str(value))
            return value
        if lexeme == "-":
            return -self.unary()
        if lexeme == "+":
            return self.unary()
        if lexeme == "!":
            return int(not self.unary())
        if lexeme == "~":
            return ~self.unary()
        if not lexeme or not (lexeme[0].isalnum() or lexeme[0] == "_"):
            raise _Unknown
        value = self.number(lexeme)
        if self.peek() in ("++", "--"):
            self.state.assign(lexeme, str(value + (1 if self.peek() == "++" else -1)))
            self.at += 1
        return value

    def number(self, lexeme: str) -> int:
        if lexeme[:1].isdigit():
            try:
                if lexeme[:2].lower() == "0x":
                    return int(lexeme, 16)
                if "#" in lexeme:
                    base, _, digits = lexeme.partition("#")
                    return int(digits, int(base))
                return int(lexeme, 8) if lexeme.startswith("0") and len(lexeme) > 1 else int(lexeme)
            except ValueError:
                raise _Unknown from None
        text = self.state.vars.get(lexeme, "\x00" if self.state.remote else "0")
        if not isinstance(text, str):
            raise _Unknown
        text = text.strip()
        if not text:
            return 0
        digits = text.lstrip("-")
        if not digits.isdigit() or len(digits) > 18:
            raise _Unknown
        return int(text)


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "**": lambda left, right: int(left**right),
    "<<": lambda left, right: left << right,
    ">>": lambda left, right: left >> right,
    "<": lambda left, right: int(left < right),
    "<=": lambda left, right: int(left <= right),
    ">": lambda left, right: int(left > right),
    ">=": lambda left, right: int(left >= right),
    "==": lambda left, right: int(left == right),
    "!=": lambda left, right: int(left != right),
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
    "&&": lambda left, right: int(bool(left and right)),
    "||": lambda left, right: int(bool(left or right)),
}


def _apply(operator: str, left: int, right: int) -> int:
    if operator in ("/", "%") and right == 0:
        raise _Unknown
    if operator == "**" and not 0 <= right < 64:
        raise _Unknown
    if operator in ("<<", ">>") and not 0 <= right < 63:
        raise _Unknown
    quotient = (
        abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1) if operator in ("/", "%") else 0
    )
    value = _OPERATIONS[operator](left, right) if operator not in ("/", "%") else quotient
    if operator == "%":
        value = left - quotient * right
    if abs(value) > _LIMIT:
        raise _Unknown
    return value
