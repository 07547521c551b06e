"""Operators, comparisons and formatting over known values, each bounded before it is made."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted.payload.state import State
from pgolf.untrusted.payload.values import (
    ClassValue,
    Code,
    File,
    Function,
    Host,
    Module,
    Partial,
    PathValue,
    Unknown,
    first_unknown,
    is_native,
)

_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: a**b,
    ast.LShift: lambda a, b: a << b,
    ast.RShift: lambda a, b: a >> b,
    ast.BitXor: lambda a, b: a ^ b,
    ast.BitAnd: lambda a, b: a & b,
    ast.BitOr: lambda a, b: a | b,
}
_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}


class Operations(State):
    """What operators make of values."""

    def operate(self, operator: ast.operator, left: Any, right: Any) -> Any:
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            self.doubts += 1
            first = left if isinstance(left, Unknown) else right
            text = "".join(
                v.text if isinstance(v, Unknown) else v if isinstance(v, str) else "" for v in (left, right)
            )
            return Unknown(first.reason, self.line, text[:20_000])
        try:
            made = self._operate(operator, left, right)
            self.made += isinstance(made, (str, bytes, bytearray, list))
            return self.track(made, left, right)
        except (TypeError, ValueError, ZeroDivisionError, OverflowError, MemoryError, KeyError, IndexError):
            return self.unknown(f"an operation {type(operator).__name__} that fails")

    def _operate(self, operator: ast.operator, left: Any, right: Any) -> Any:
        if (
            isinstance(operator, ast.Div)
            and isinstance(left, PathValue)
            and isinstance(right, (str, PathValue))
        ):
            return PathValue(posixpath.join(left.text, right if isinstance(right, str) else right.text))
        if isinstance(operator, ast.Div) and isinstance(right, PathValue) and isinstance(left, str):
            return PathValue(posixpath.join(left, right.text))
        if isinstance(operator, ast.Mod) and isinstance(left, (str, bytes)):
            return self.percent(left, right)
        if not (is_native(left) and is_native(right)):
            return self.unknown("an operation on a value that was not followed")
        sized = (str, bytes, bytearray, list, tuple)
        if isinstance(operator, ast.Add):
            if isinstance(left, sized) and isinstance(right, sized):
                self.grow(len(left) + len(right))
            return left + right
        if isinstance(operator, ast.Mult):
            for some, times in ((left, right), (right, left)):
                if isinstance(some, sized) and isinstance(times, int):
                    self.grow(len(some) * max(0, times))
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            return self.arithmetic(operator, left, right)
        if isinstance(operator, ast.Mult):
            return left * right
        if isinstance(operator, ast.BitOr) and isinstance(left, (dict, set)):
            return left | right
        return self.unknown(f"an operation {type(operator).__name__}")

    def arithmetic(self, operator: ast.operator, left: Any, right: Any) -> Any:
        big = self.limits.int_bits
        if isinstance(left, int) and isinstance(right, int):
            # Payloads are sometimes one huge integer, so the bound here is on the bytes it stands for.
            roof = max(big, 8 * self.limits.layer_input_bytes)
            bits = left.bit_length()
            if isinstance(operator, ast.Pow) and (right < 0 or bits * right > big):
                return self.unknown("a very large power")
            if isinstance(operator, ast.LShift) and (right < 0 or bits + right > roof):
                return self.unknown("a very large shift")
            if (
                isinstance(operator, (ast.Mult, ast.FloorDiv, ast.Mod))
                and bits + right.bit_length() > 64 * 1024
            ):
                return self.unknown("a very large product")
            self.grow((bits + right.bit_length()) // 8)
        elif isinstance(operator, ast.Pow):
            return self.unknown("a power of a float")
        operation = _ARITHMETIC.get(type(operator))
        return self.unknown("an arithmetic operation") if operation is None else operation(left, right)

    def percent(self, left: Any, right: Any) -> Any:
        if isinstance(right, PathValue):
            right = right.text
        if not is_native(right) or first_unknown(right):
            return self.unknown("formatting a value that was not followed")
        marker = left if isinstance(left, str) else left.decode("latin-1")
        if re.search(r"%[-+ #0]*(?:\d{5}|\*|\d*\.\d{5}|\d*\.\*)", marker):
            return self.unknown("a format with a very large width")
        sizes = [
            len(each)
            for each in (right if isinstance(right, tuple) else (right,))
            if isinstance(each, (str, bytes))
        ]
        self.grow(10 * sum(sizes) + len(left))
        return left % right

    def compare(self, operator: ast.cmpop, left: Any, right: Any) -> bool | None:
        if isinstance(operator, (ast.Is, ast.IsNot)) and (left is None or right is None):
            other = right if left is None else left
            if isinstance(other, (Unknown, Host, Partial)):
                return None
            return (other is None) is isinstance(operator, ast.Is)
        plain = (bool, int, float, str, bytes, list, tuple, dict, set, type(None), range)
        if (
            not isinstance(left, plain)
            or not isinstance(right, plain)
            or first_unknown(left)
            or first_unknown(right)
        ):
            return None
        try:
            return bool(_COMPARISONS[type(operator)](left, right))
        except TypeError:
            return None

    def truth(self, value: Any) -> bool | None:
        if isinstance(value, (Function, Code, Module, PathValue, File, ClassValue)):
            return True
        if is_native(value):
            return bool(value)
        return None

    def formatted(self, value: Any, spec: Any, conversion: int) -> Any:
        if isinstance(value, Unknown):
            return value
        if isinstance(value, PathValue):
            value = value.text
        if not isinstance(spec, str) or len(spec) > 30 or re.search(r"\d{5}", spec):
            return self.unknown("a format specification")
        if not is_native(value) or first_unknown(value):
            return self.unknown("formatting a value that was not followed")
        if conversion in (ord("r"), ord("a")):
            value = self.represent(value)
            if isinstance(value, Unknown):
                return value
            if conversion == ord("a"):
                value = value.encode("ascii", "backslashreplace").decode("ascii")
        elif conversion == ord("s"):
            value = str(value)
        try:
            return format(value, spec)
        except (ValueError, TypeError, OverflowError):
            return self.unknown("a format that fails")

    def represent(self, value: Any) -> Any:
        if isinstance(value, (str, bytes)):
            self.grow(10 * len(value))
        elif isinstance(value, int) and value.bit_length() > self.limits.int_bits:
            return self.unknown("a very large number")
        elif not isinstance(value, (int, float, type(None))):
            return self.unknown("repr of a container")
        return repr(value)

    def iterate(self, value: Any, lazily: bool = False) -> Iterable[Any] | None:
        """The items of a value, None when they are not known. `lazily`: whoever asks counts a step for each."""
        if isinstance(value, dict):
            return list(value)
        if isinstance(value, (list, tuple, str, bytes, bytearray, set)):
            return list(value)
        if isinstance(value, range):
            if not lazily and len(value) > self.limits.constant_steps:
                raise LimitTripped(
                    "constant_steps", self.limits.constant_steps, f"a loop of {len(value):,} rounds"
                )
            return value
        if isinstance(value, File) and isinstance(value.data, (str, bytes)):
            rest = value.data[value.position :]
            value.position = len(value.data)
            return rest.splitlines(True)
        return None
