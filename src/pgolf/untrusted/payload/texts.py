"""Methods of text, bytes, numbers and containers, and those of their types."""

from __future__ import annotations

import re
import string
from typing import Any

from pgolf.untrusted import codecs
from pgolf.untrusted.codecs import DecodeFailed
from pgolf.untrusted.payload.files import Files
from pgolf.untrusted.payload.values import PathValue, Unknown, first_unknown, words

STRING_METHODS = words(
    """encode decode replace strip lstrip rstrip split rsplit splitlines join format lower upper startswith endswith find
    index rfind rindex partition rpartition removeprefix removesuffix translate zfill ljust rjust center count title
    swapcase capitalize casefold isdigit isalpha isalnum isspace isupper islower isidentifier isascii hex"""
)
CONTAINER_METHODS: dict[type, frozenset[str]] = {
    list: words("append extend insert pop reverse sort index count copy clear remove"),
    tuple: words("index count"),
    dict: words("get items keys values update pop setdefault copy clear"),
    set: words("add update copy discard union"),
    bytearray: words("append extend insert pop reverse clear copy") | STRING_METHODS,
}
MUTATORS = words("append extend insert pop reverse sort clear remove update setdefault add discard")
# What may be put into a container although it holds something unknown: the rest of the container stays known.
_KEEPERS = words("append add setdefault extend update insert")
INTEGER_METHODS = frozenset(("to_bytes", "bit_length", "conjugate", "bit_count"))


class Texts(Files):
    """What methods of constants give."""

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

    def call_type_method(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        wrong = next((found for each in [*args, *options.values()] if (found := first_unknown(each))), None)
        if wrong is not None:
            return wrong
        if name in ("bytes.fromhex", "bytearray.fromhex"):
            data = bytes.fromhex(args[0])
            self.decoded("hex", args[0].encode("ascii", "replace"), data)
            return data if name.startswith("bytes.") else bytearray(data)
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
            and method in STRING_METHODS
        ):
            return self.call_string(owner, method, args[1:], options)
        return self.unknown(f"the result of {name}()")

    def call_container(
        self, owner: Any, name: str, args: list[Any], options: dict[str, Any], unknown: Unknown | None
    ) -> Any:
        """A method of a list, tuple, dict, set or bytearray; `unknown` is the first unknown value among its arguments."""
        if name in MUTATORS:
            self.mutate(owner)
            self.made += unknown is None
            if name in ("extend", "update", "insert"):
                args = [list(each) if isinstance(each, range) else each for each in args]
                added = sum(len(each) for each in args if isinstance(each, (list, tuple, bytes, str)))
                self.grow(8 * (len(owner) + added))
            if unknown is not None and (
                name not in _KEEPERS or (name != "append" and any(isinstance(each, Unknown) for each in args))
            ):
                self.taint(owner)
                return unknown
        elif name in ("copy", "union", "items", "keys", "values"):
            self.grow(8 * len(owner))
        if name == "sort" and options.keys() - {"reverse"}:
            self.taint(owner)
            return None
        if name == "get" and args and isinstance(args[0], Unknown):
            return args[0]
        made = getattr(owner, name)(*args, **options)
        if name in ("items", "keys", "values"):
            return list(made)
        return self.checked(made)
