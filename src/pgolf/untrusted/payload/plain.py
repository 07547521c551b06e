"""Builtins over known values (`bytes`, `zip`, `sorted`, …)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from pgolf.untrusted import codecs
from pgolf.untrusted.payload.modules import Modules
from pgolf.untrusted.payload.values import (
    MISSING,
    Bound,
    Cycle,
    Host,
    PathValue,
    Stop,
    Unknown,
    first_unknown,
    is_native,
    words,
)

_PLAIN_BUILTINS = words(
    """str int float bool bytes bytearray repr format len chr ord abs hex bin oct divmod round pow range slice list tuple set
    frozenset iter reversed sorted enumerate sum min max any all dict zip map filter next memoryview isinstance getattr
    setattr vars"""
)
_PLAIN_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "chr": chr,
    "ord": ord,
    "abs": abs,
    "hex": hex,
    "bin": bin,
    "oct": oct,
    "divmod": divmod,
    "round": round,
}


class Plain(Modules):
    """What the builtins make of values."""

    def call_builtin(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name == "open":
            return self.open_file(args, options)
        if name in ("exit", "quit"):
            raise Stop
        if name == "print":
            return None
        wrong = next((found for each in args if isinstance(found := each, Unknown)), None)
        if name in _PLAIN_BUILTINS:
            if wrong is not None:
                return wrong
            return self.plain_builtin(name, args, options)
        if name.startswith(("bytes.", "bytearray.", "str.", "int.", "dict.")):
            return self.call_type_method(name, args, options)
        self.escape(args, options)
        return wrong or self.unknown(f"the result of {name}()")

    def plain_builtin(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name in ("str", "int", "float", "bool", "bytes", "bytearray", "repr", "format"):
            return self.convert(name, args, options)
        if name == "len":
            return (
                len(args[0])
                if isinstance(args[0], (str, bytes, bytearray, list, tuple, dict, set, range))
                else self.unknown("len")
            )
        if name in ("chr", "ord", "abs", "hex", "bin", "oct", "divmod", "round"):
            if any(isinstance(each, int) and each.bit_length() > self.limits.int_bits for each in args):
                return self.unknown("a very large number")
            return _PLAIN_FUNCTIONS[name](*args)
        if name == "pow":
            if len(args) == 2 and all(isinstance(each, int) for each in args):
                return self.arithmetic(ast.Pow(), *args)
            if len(args) == 3 and all(isinstance(each, int) and each.bit_length() <= 4096 for each in args):
                return pow(*args)
            return self.unknown("pow")
        if name == "range":
            return range(*args)
        if name == "slice":
            return slice(*args)
        if name in (
            "list",
            "tuple",
            "set",
            "frozenset",
            "iter",
            "reversed",
            "sorted",
            "enumerate",
            "sum",
            "min",
            "max",
            "any",
            "all",
        ):
            return self.sequence_builtin(name, args, options)
        if name == "dict":
            made = dict(args[0]) if args else {}
            made.update(options)
            return made
        if name == "zip":
            rows = [each if isinstance(each, Cycle) else self.iterate(each) for each in args]
            if any(each is None for each in rows) or (rows and all(isinstance(each, Cycle) for each in rows)):
                return self.unknown("zip of something that was not followed")
            finite = min(
                (len(list(r)) for r in rows if r is not None and not isinstance(r, Cycle)), default=0
            )
            self.tick(finite)
            columns: list[Iterator[Any]] = []
            for each in rows:
                if isinstance(each, Cycle):
                    if not each.items:
                        return []
                    columns.append(iter([each.items[i % len(each.items)] for i in range(finite)]))
                else:
                    columns.append(iter(each or ()))
            return [tuple(row) for row in zip(*columns, strict=False)]
        if name in ("map", "filter"):
            items = self.iterate(args[1]) if len(args) == 2 else None
            if items is None:
                return self.unknown(f"{name} over something that was not followed")
            made_list = [self.call(args[0], [each], {}, ast.Pass(lineno=self.line)) for each in items]
            if name == "map":
                return made_list
            return [each for each, keep in zip(items, made_list, strict=True) if self.truth(keep)]
        if name == "next":
            items = self.iterate(args[0])
            first = next(iter(items), MISSING) if items is not None else MISSING
            return first if first is not MISSING else self.unknown("next")
        if name == "memoryview":
            # What is stored into a view is stored into what it shows.
            return args[0] if isinstance(args[0], (bytes, bytearray)) else self.unknown("memoryview")
        if name == "isinstance":
            return self.is_instance(args[0], args[1])
        if name == "getattr":
            return self.get_attribute(args)
        if name == "setattr":
            if len(args) == 3 and isinstance(args[1], str):
                self.store_attribute(args[0], args[1], args[2])
            return None
        if name == "vars":
            return self.attribute(args[0], "__dict__")
        return self.unknown(f"the result of {name}()")

    def get_attribute(self, args: list[Any]) -> Any:
        if len(args) < 2 or not isinstance(args[1], str):
            return self.unknown("getattr")
        found = self.attribute(args[0], args[1])
        if isinstance(found, Bound) and len(args) == 3 and isinstance(args[0], (int, float, type(None))):
            return args[2]
        return found

    def is_instance(self, value: Any, kind: Any) -> Any:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not is_native(value) or not all(isinstance(each, Host) for each in kinds):
            return self.unknown("isinstance")
        names = {each.name.removeprefix("builtins.") for each in kinds}
        return any(base.__name__ in names for base in type(value).__mro__)

    def convert(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        value = args[0] if args else None
        if name == "repr":
            return self.represent(value)
        if name == "format":
            return self.formatted(value, args[1] if len(args) > 1 else "", -1)
        if name == "bool":
            test = self.truth(value)
            return self.unknown("bool") if test is None else test
        if name == "str":
            if not args:
                return ""
            if isinstance(value, PathValue):
                return value.text
            if isinstance(value, (bytes, bytearray)) and (len(args) > 1 or options):
                encoding, errors = self.text_arguments(args[1:], options)
                return self.track(codecs.decode_text(bytes(value), encoding, errors, self.limits), value)
            if isinstance(value, int) and value.bit_length() > self.limits.int_bits:
                return self.unknown("a very large number")
            return str(value) if isinstance(value, (str, int, float)) else self.unknown("str")
        if name in ("bytes", "bytearray"):
            return self.make_bytes(name, args, options)
        if name == "int":
            if isinstance(value, (str, bytes)) and len(value) > 4000:
                if len(args) > 1 and args[1] in (2, 4, 8, 16, 32):
                    self.grow(len(value))
                    return int(value, args[1])
                return self.unknown("a very large number")
            return (
                int(*args)
                if args and isinstance(value, (int, float, str, bytes))
                else (0 if not args else self.unknown("int"))
            )
        return (
            float(value)
            if isinstance(value, (int, float, str)) and len(str(value)[:100]) < 100
            else self.unknown("float")
        )

    def make_bytes(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if not args:
            return b"" if name == "bytes" else bytearray()
        value = args[0]
        if isinstance(value, str):
            encoding, errors = self.text_arguments(args[1:], options)
            made = codecs.encode_text(value, encoding, errors, self.limits)
        elif isinstance(value, int):
            self.grow(value)
            made = bytes(value)
        else:
            items = self.iterate(value)
            if items is None:
                return self.unknown("bytes of something that was not followed")
            listed = list(items)
            if wrong := first_unknown(listed):
                return wrong
            self.grow(len(listed))
            made = bytes(listed)
        self.track(made, value)
        return made if name == "bytes" else bytearray(made)

    def sequence_builtin(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name in ("min", "max") and len(args) > 1:
            args = [args]
        if not args:
            return {"list": [], "tuple": (), "set": set(), "frozenset": set()}.get(name, self.unknown(name))
        items = self.iterate(args[0])
        if items is None:
            return self.unknown(f"{name} of something that was not followed")
        listed = list(items)
        self.tick(len(listed) // 16)
        if name in ("list", "iter"):
            return listed
        if name == "tuple":
            return tuple(listed)
        if name == "reversed":
            return listed[::-1]
        if name == "enumerate":
            start = args[1] if len(args) > 1 else options.get("start", 0)
            return [tuple(pair) for pair in enumerate(listed, start)]
        if wrong := first_unknown(listed):
            return wrong
        if name in ("set", "frozenset"):
            return set(listed)
        if name in ("any", "all"):
            return (any if name == "any" else all)(listed)
        if name == "sorted":
            key = options.get("key")
            if key is None:
                return sorted(listed, reverse=bool(options.get("reverse", False)))
            keys = [self.call(key, [each], {}, ast.Pass(lineno=self.line)) for each in listed]
            if first_unknown(keys):
                return self.unknown("sorted by a key that was not followed")
            order = sorted(
                range(len(listed)), key=keys.__getitem__, reverse=bool(options.get("reverse", False))
            )
            return [listed[i] for i in order]
        if name == "sum":
            start = args[1] if len(args) > 1 else 0
            return (
                sum(listed, start)
                if all(isinstance(each, (int, float)) for each in [*listed, start])
                else self.unknown("sum")
            )
        return (min if name == "min" else max)(listed)
