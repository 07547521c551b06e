"""One program of ours, run by CPython (with real numpy) and by the evaluator; what differs is named.

"Not known" (`Opaque`, or a statement that got stuck) is an answer. Another value, another type, another element type, another
exception, and a value where Python raises are differences.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import DType, Opaque, Tok
from tests.evaluator.test_against_cpython import evaluated_with_doubts

KINDS = (
    "ZeroDivisionError", "OverflowError", "KeyError", "IndexError", "UnicodeDecodeError", "UnicodeEncodeError", "StopIteration",
    "AttributeError", "NameError", "TypeError", "ValueError", "RuntimeError", "AssertionError",
)  # fmt: skip


_KIND_OF = (
    "def kind_of(error):\n"
    + "".join(f"    if isinstance(error, {kind}):\n        return {kind!r}\n" for kind in KINDS)
    + "    return 'Exception'\n"
)


def guarded(before: str, bodies: list[str]) -> str:
    """A program that runs each body (statements that set `result`) in a function of its own, on fresh values of `before`,
    and keeps what it gives or raises: one tuple `(what, value)` for each, in the list `result`."""
    imports = [line for line in before.split("\n") if line.startswith(("import ", "from "))]
    values = "".join(f"    {line}\n" for line in before.split("\n") if line and line not in imports)
    parts = ["\n".join(imports), "\n", _KIND_OF]
    for i, body in enumerate(bodies):
        inner = "".join(f"    {line}\n" for line in body.split("\n"))
        parts.append(f"def case{i}():\n{values}{inner}    return result\n")
        parts.append(f"try:\n    out{i} = ('value', case{i}())\n")
        parts.append(f"except Exception as error:\n    out{i} = ('raised', kind_of(error))\n")
    parts.append("result = [" + ", ".join(f"out{i}" for i in range(len(bodies))) + "]\n")
    return "".join(parts)


def compared(before: str, bodies: list[str], files: dict[str, bytes] | None = None) -> list[str]:
    """For each body "same", "unknown", or what is different. `files` are those beside the program, for the evaluator."""
    source = guarded(before, bodies)
    scope: dict[str, Any] = {"__name__": __name__}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        exec(compile(source, "ours", "exec", dont_inherit=True), scope)
    ours, stuck, doubts = evaluated_with_doubts(source, files=files)
    if (stuck or doubts) and len(bodies) == 1:
        return ["unknown"]
    if stuck or not isinstance(ours, list):
        return [f"not evaluated: {stuck or ours}"] * len(bodies)
    return [verdict(mine, real) for mine, real in zip(ours, scope["result"], strict=True)]


def verdict(mine: Any, real: tuple[str, Any]) -> str:
    """What to say of one outcome `(what, value)`."""
    if isinstance(mine, Opaque):
        return "unknown"
    what, value = mine
    if isinstance(what, Opaque) or isinstance(value, Opaque):
        return "unknown"
    if what != real[0] and what == "value" and _holds_unknown(value):
        return "unknown"
    if what != real[0]:
        return f"{real[0]} {real[1]!r}, not {what} {shown(value)}"
    if what == "raised":
        related = {value, real[1]} <= {
            "ValueError",
            "RuntimeError",
            "UnicodeDecodeError",
            "UnicodeEncodeError",
        }
        return "same" if value == real[1] or related else f"raises {real[1]}, not {value}"
    return difference(value, real[1])


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, Tensor):
        value = value.data
    inner = (
        value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple, set)) else ()
    )
    return isinstance(value, Opaque) or any(map(_holds_unknown, inner))


def shown(value: Any) -> str:
    return f"{value!r} {value.data}" if isinstance(value, Tensor) else repr(value)


def difference(ours: Any, theirs: Any) -> str:
    """ "same", "unknown" (as a whole or in part), or both values."""
    if isinstance(ours, Opaque):
        return "unknown"
    if isinstance(theirs, (np.ndarray, np.generic)):
        return _arrays(ours, theirs)
    other = f"{theirs!r} ({type(theirs).__name__}), not {shown(ours)} ({type(ours).__name__})"
    if isinstance(ours, DType):
        return "same" if np.dtype(theirs).name == ours.name else other
    if isinstance(theirs, (list, tuple)):
        if type(ours) is not type(theirs) or len(ours) != len(theirs):
            inside = isinstance(ours, list) and any(isinstance(x, Opaque) for x in ours)
            return "unknown" if inside else other
        return _worst([difference(x, y) for x, y in zip(ours, theirs, strict=True)], other)
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return other
        if any(isinstance(k, Opaque) for k in ours):
            return "unknown"
        if list(ours) != list(theirs):
            return other
        return _worst([difference(ours[k], theirs[k]) for k in ours], other)
    if isinstance(theirs, float):
        if type(ours) is not float:
            return other
        close = math.isclose(ours, theirs, rel_tol=1e-12) and math.copysign(1, ours) == math.copysign(
            1, theirs
        )
        return "same" if close or (math.isnan(ours) and math.isnan(theirs)) else other
    if isinstance(ours, set) and _holds_unknown(ours):
        return "unknown"
    if type(ours) is not type(theirs) and type(ours) is not Tok:
        return other
    return "same" if ours == theirs else other


def _worst(parts: list[str], other: str) -> str:
    if any(p not in ("same", "unknown") for p in parts):
        return other
    return "unknown" if "unknown" in parts else "same"


def _arrays(ours: Any, theirs: Any) -> str:
    values = np.asarray(theirs)
    other = f"{theirs!r}, not {shown(ours)}"
    if not isinstance(ours, Tensor):
        # A number taken out of an array may be a plain one here.
        return "same" if values.shape == () and difference(ours, values.item()) == "same" else other
    if ours.shape != values.shape or ours.dtype != values.dtype.name:
        return other
    flat = values.reshape(-1).tolist()
    if any(isinstance(x, Opaque) for x in ours.data):
        known = [(x, y) for x, y in zip(ours.data, flat, strict=True) if not isinstance(x, Opaque)]
        return "unknown" if all(_element(x, y, ours.dtype) for x, y in known) else other
    return "same" if all(_element(x, y, ours.dtype) for x, y in zip(ours.data, flat, strict=True)) else other


def _element(x: Any, y: Any, dtype: str) -> bool:
    if isinstance(y, float):
        if type(x) is not float:
            return False
        tolerance = {"float64": 1e-12, "float32": 1e-6}.get(dtype, 1e-3)
        return math.isclose(x, y, rel_tol=tolerance, abs_tol=1e-30) or (math.isnan(x) and math.isnan(y))
    return bool(x == y) and type(x) is type(y)


def differences(
    before: str, expressions: list[str], batch: int = 100, files: dict[str, bytes] | None = None
) -> list[str]:
    """What differs among many expressions (or statements that set `result`), batch by batch."""
    found: list[str] = []
    bodies = [e if "result = " in e else f"result = {e}" for e in expressions]
    for start in range(0, len(bodies), batch):
        part = bodies[start : start + batch]
        answers = zip(part, compared(before, part, files), strict=True)
        found += [f"{body}: {said}" for body, said in answers if said not in ("same", "unknown")]
    return found


def known(
    before: str, expressions: list[str], batch: int = 100, files: dict[str, bytes] | None = None
) -> int:
    """How many of them have a known value, the same as in CPython."""
    bodies = [e if "result = " in e else f"result = {e}" for e in expressions]
    return sum(
        compared(before, bodies[start : start + batch], files).count("same")
        for start in range(0, len(bodies), batch)
    )


def cases(text: str) -> list[str]:
    """The parts of a text that newlines or two spaces separate."""
    return [part.strip() for line in text.splitlines() for part in line.split("  ") if part.strip()]


__all__ = ["cases", "compared", "differences", "known"]
