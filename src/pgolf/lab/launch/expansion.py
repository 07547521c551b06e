"""Expansion of words: quoting marks, fields, braces, ranges, and `${name…}` operators, on known text."""

from __future__ import annotations

from pgolf.lab.launch.bounds import TooMuch

BENIGN = "\x00"
OPAQUE = "\x01"
QUOTE = "\x02"
BREAK = "\x03"
EDGE = "\x04"
LIVE = frozenset("{}*?[]~,")


def visible(text: str) -> str:
    """Marked characters as a reader should see them."""
    return text.replace(BENIGN, "?").replace(OPAQUE, "???")


def protect(text: str) -> str:
    """Mark the live characters of quoted text; a leading blank mark keeps an empty word."""
    if not LIVE.intersection(text):
        return text if text else ""
    return "".join(QUOTE + char if char in LIVE else char for char in text)


def split_fields(values: list[str], *, quoted: bool, at: bool, ifs: str = "") -> str:
    """Values of an expansion: quoted they stay whole (each of `"$@"` apart), unquoted they split at blanks."""
    if quoted:
        return (BREAK if at else " ").join(protect(value) for value in values)
    fields: list[str] = []
    for value in values:
        if ifs:
            # Every separator counts as a blank: finer than bash where blanks are no separators, never coarser.
            value = "".join(" " if char in ifs else char for char in value)
        pieces = value.split()
        if pieces and value[:1].isspace():
            pieces[0] = BREAK + pieces[0]
        if pieces and value[-1:].isspace():
            pieces[-1] += BREAK
        fields.extend(pieces)
    # Braces are expanded before variables are, so those of a value are dead.
    return BREAK.join("".join(QUOTE + c if c in "{},~" else c for c in field) for field in fields)


def plain(text: str) -> str:
    return text.replace(QUOTE, "").replace(EDGE, "")


def escaped(text: str) -> str:
    """Marked text as a pattern: quoted live characters in brackets."""
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == QUOTE and at + 1 < len(text):
            char = text[at + 1]
            out.append(f"[{char}]" if char in "*?[" else char)
            at += 2
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def braces(text: str, budget: list[int] | None = None) -> list[str]:
    """Brace expansion of unquoted `{a,b}` and `{1..9}`, at most 4,096 words."""
    if "{" not in text:
        return [text]
    budget = budget if budget is not None else [4096]
    start = -1
    at = 0
    while True:
        start = text.find("{", at)
        if start < 0:
            return [text]
        if (start and text[start - 1] in (QUOTE, "$")) or text.startswith("{}", start):
            at = start + 1
            continue
        pieces, end = _alternatives(text, start)
        if pieces is not None:
            break
        at = start + 1
    prefix = text[:start]
    tails = braces(text[end:], budget)
    result: list[str] = []
    for piece in pieces:
        for middle in braces(piece, budget):
            for tail in tails:
                budget[0] -= 1
                if budget[0] < 0:
                    raise TooMuch("a brace expansion of more than 4096 words")
                result.append(prefix + middle + tail)
    return result


def _alternatives(text: str, start: int) -> tuple[list[str] | None, int]:
    depth = 0
    pieces: list[str] = []
    begin = start + 1
    at = start
    while at < len(text):
        char = text[at]
        if char == QUOTE:
            at += 2
            continue
        if char == BREAK:
            return None, at
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                pieces.append(text[begin:at])
                break
        elif char == "," and depth == 1:
            pieces.append(text[begin:at])
            begin = at + 1
        at += 1
    else:
        return None, at
    if len(pieces) > 1:
        return pieces, at + 1
    return _range(pieces[0]), at + 1


def _range(text: str) -> list[str] | None:
    ends = text.split("..")
    if len(ends) not in (2, 3):
        return None
    try:
        step = abs(int(ends[2])) or 1 if len(ends) == 3 else 1
        if ends[0].lstrip("-").isdigit() and ends[1].lstrip("-").isdigit():
            low, high = int(ends[0]), int(ends[1])
            width = max(len(ends[0]), len(ends[1])) if ends[0].startswith("0") and len(ends[0]) > 1 else 0
            count = abs(high - low) // step + 1
            if count > 100_000:
                raise TooMuch("a range of more than 100000 numbers")
            direction = step if high >= low else -step
            return [str(low + index * direction).zfill(width) for index in range(count)]
        if len(ends[0]) == len(ends[1]) == 1:
            low, high = ord(ends[0]), ord(ends[1])
            direction = step if high >= low else -step
            return [chr(low + index * direction) for index in range(abs(high - low) // step + 1)]
    except ValueError:
        return None
    return None


def transform(value: str, operator: str, pattern: str) -> str:
    """`${x%p}`, `${x/a/b}`, `${x:0:3}`, `${x^^}` and their kin on a known value."""
    from pgolf.lab.launch.conditions import matches

    if value in (BENIGN, OPAQUE):
        return value
    if OPAQUE in value or OPAQUE in pattern:
        return OPAQUE
    if BENIGN in value or BENIGN in pattern:
        return BENIGN
    if operator[0] in "#%" and len(value) ** 2 * (len(pattern) + 1) > 1_000_000:
        return OPAQUE
    if operator == "#" or operator == "##":
        cuts = range(len(value) + 1) if operator == "#" else range(len(value), -1, -1)
        return next((value[cut:] for cut in cuts if matches(value[:cut], pattern)), value)
    if operator in ("%", "%%"):
        cuts = range(len(value), -1, -1) if operator == "%" else range(len(value) + 1)
        return next((value[:cut] for cut in cuts if matches(value[cut:], pattern)), value)
    if operator in ("/", "//"):
        old, _, new = pattern.partition("/")
        if any(char in old for char in "*?["):
            return OPAQUE
        return value.replace(old, new, -1 if operator == "//" else 1) if old else value
    if operator == ":":
        first, _, length = pattern.partition(":")
        try:
            begin = int(first.strip() or "0")
            begin = max(len(value) + begin, 0) if begin < 0 else begin
            if not length.strip():
                return value[begin:]
            count = int(length)
            return value[begin : begin + count] if count >= 0 else value[begin : len(value) + count]
        except ValueError:
            return OPAQUE
    if operator in ("^^", ",,", "^", ","):
        if pattern:
            return OPAQUE
        return {
            "^^": value.upper(),
            ",,": value.lower(),
            "^": value[:1].upper() + value[1:],
            ",": value[:1].lower() + value[1:],
        }[operator]
    if operator == "@":
        return value if pattern in ("Q", "E", "P", "A", "a", "") else OPAQUE
    return OPAQUE
