"""TOML, read fast where it is plain: `loads` gives exactly what `tomllib.loads` gives.

`tomllib` costs three times the start of a bare interpreter to import, before every launch that an agent's hook
prices. Files like `pgolf.toml` and the shipped profiles use tables, arrays of tables, texts without escapes,
numbers, booleans and one-line arrays; those are read here. At the first thing else the whole text goes to `tomllib`,
which also raises its own error (`tomllib.TOMLDecodeError`, a ValueError).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class _NotPlain(Exception):
    pass


def loads(text: str) -> dict[str, Any]:
    """The document as nested dicts and lists; raises ValueError for what is not TOML."""
    try:
        return _plain(text)
    except _NotPlain:
        import tomllib

        return tomllib.loads(text)


def _plain(text: str) -> dict[str, Any]:
    root: dict[str, Any] = {}
    table = root
    seen: set[str] = set()
    if "\r" in text or '"""' in text or "'''" in text:
        raise _NotPlain
    for line in text.split("\n"):
        stripped = line.strip(" \t")
        if not stripped or stripped[0] == "#":
            _comment(stripped)
            continue
        if stripped.startswith("["):
            double = stripped.startswith("[[")
            head, close, rest = stripped.lstrip("[").partition("]]" if double else "]")
            if not close or (rest.strip() and not rest.strip().startswith("#")):
                raise _NotPlain
            _comment(rest.strip())
            path = [part.strip(" \t") for part in head.split(".")]
            if len(path) > 2 or not all(part and _KEY.issuperset(part) for part in path):
                raise _NotPlain
            table = root
            for part in path[:-1]:
                table = table.setdefault(part, {})
                if not isinstance(table, dict):
                    raise _NotPlain
            name = path[-1]
            if double:
                rows = table.setdefault(name, [])
                if not isinstance(rows, list) or ".".join(path) in seen:
                    raise _NotPlain
                table = {}
                rows.append(table)
            else:
                if ".".join(path) in seen or name in table:
                    raise _NotPlain
                seen.add(".".join(path))
                table[name] = table = {}
            continue
        key, equals, value = stripped.partition("=")
        key = key.rstrip(" \t")
        if len(key) > 1 and key[0] == key[-1] == '"' and '"' not in key[1:-1] and "\\" not in key:
            key = key[1:-1]
        elif not key or not _KEY.issuperset(key):
            raise _NotPlain
        if not equals or key in table:
            raise _NotPlain
        table[key], rest = _value(value.lstrip(" \t"))
        rest = rest.strip(" \t")
        if rest and rest[0] != "#":
            raise _NotPlain
        _comment(rest)
    return root


def _comment(text: str) -> None:
    if any(char < " " and char != "\t" for char in text) or "\x7f" in text:
        raise _NotPlain


def _value(text: str) -> tuple[Any, str]:
    """The value at the start of `text`, and what follows it."""
    if text[:1] == '"':
        body, close, rest = text[1:].partition('"')
        if not close or "\\" in body:
            raise _NotPlain
        _comment(body)
        return body, rest
    if text[:1] == "[":
        items: list[Any] = []
        rest = text[1:].lstrip(" \t")
        while not rest.startswith("]"):
            item, rest = _value(rest)
            items.append(item)
            rest = rest.lstrip(" \t")
            if rest.startswith(","):
                rest = rest[1:].lstrip(" \t")
            elif not rest.startswith("]"):
                raise _NotPlain
        return items, rest[1:]
    end = 0
    while end < len(text) and text[end] not in " \t,]#":
        end += 1
    word, rest = text[:end], text[end:]
    if word in ("true", "false"):
        return word == "true", rest
    digits = word.lstrip("-")
    if (
        len(word) - len(digits) > 1
        or not digits
        or "__" in digits
        or not digits[0].isdigit()
        or not digits[-1].isdigit()
    ):
        raise _NotPlain
    whole, dot, part = digits.partition(".")
    pieces = [whole.replace("_", ""), part.replace("_", "")]
    if not pieces[0].isascii() or not pieces[0].isdigit() or (len(pieces[0]) > 1 and pieces[0][0] == "0"):
        raise _NotPlain
    if whole[-1] == "_" or part[:1] == "_" or (dot and not (pieces[1].isascii() and pieces[1].isdigit())):
        raise _NotPlain
    return (float(word.replace("_", "")) if dot else int(word.replace("_", ""))), rest
