"""Numbers that are small in the evaluation and large in a real run, with the range of their real values.

The evaluation runs on a probe stream of some hundred tokens, with sequence lengths and strides to match. A script can
ask about such a number: `if total > 300`, `ws % 1000`, `min(loss, 10 / seq_len)`. Where the answer of a real run is another
one, or cannot be told, the answer here is unknown: both branches are followed, and what differs between them is
unknown. Progress lines stay harmless, a cut of the stream does not stay hidden.

Two numbers of this kind compare as they do in the probe (`ws + seq_len <= total` has the same meaning at any
scale) unless their real ranges say otherwise, and so does a small literal beside one (`ws == 0`).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from pgolf.untrusted.values import (
    MISSING,
    SCALED,
    OnProcess,
    Opaque,
    Process,
    Scaled,
    ScaledFloat,
    ScaledText,
    Tok,
    Value,
)

STREAM_TOKENS_LOW = 20_000_000
STREAM_TOKENS_HIGH = 200_000_000
"""The validation split, in tokens of any tokenizer: 40.5 million of 8,192 kinds, 151 million single bytes."""

Range = tuple[float, float]
_EVERYTHING: Range = (-math.inf, math.inf)
_HOMOGENEOUS = frozenset({-1, 0, 1})
_REACHED = 4
"""A count that has passed such a number in the probe passes it in a real run."""


class OtherAtScale(Opaque):
    """The truth of a comparison of settings, known here and in a real run, and not the same."""

    __slots__ = ("here",)

    def __init__(self, reason: str, line: int, here: bool) -> None:
        super().__init__(reason, line, "scale")
        self.here = here


def stream_length(n: int) -> Scaled:
    """The number of tokens of the validation stream."""
    return Scaled.of(n, STREAM_TOKENS_LOW, STREAM_TOKENS_HIGH)


def at_least(n: int) -> Scaled:
    """A count that grows with the stream or with a scaled setting."""
    return Scaled.of(n, n, math.inf)


def real_range(x: Any) -> Range:
    """What a number is in a real run."""
    kind = type(x)
    if kind is Scaled or kind is ScaledFloat:
        return (x.low, x.high)
    return (float(x), float(x)) if abs(x) < 1e300 else (x, x)


def _made(value: Any, bounds: Range, *sources: Any) -> Value:
    low, high = bounds
    if low != low or high != high:
        low, high = _EVERYTHING
    made: Any = (
        ScaledFloat.of(value, low, high) if isinstance(value, float) else Scaled.of(int(value), low, high)
    )
    _mark(made, sources)
    return made


def _corners(f: Callable[[float, float], float], a: Range, b: Range) -> Range:
    values = []
    for x in a:
        for y in b:
            try:
                values.append(f(x, y))
            except (OverflowError, ZeroDivisionError, ValueError):
                return _EVERYTHING
    if any(v != v for v in values):
        return _EVERYTHING
    return (min(values), max(values))


def _product(x: float, y: float) -> float:
    """An end of a range without bound, times zero, is zero."""
    return 0.0 if x == 0 or y == 0 else x * y


def _quotient(a: Range, b: Range, floor: bool) -> Range:
    if b[0] <= 0 <= b[1]:
        # A real divisor is not zero: the run would have ended.
        if b[0] == 0 < b[1]:
            b = (1.0, b[1])
        else:
            return _EVERYTHING

    def divide(x: float, y: float) -> float:
        if math.isinf(x) and math.isinf(y):
            return 0.0 if floor else math.copysign(0.0, x)
        q = x / y
        return math.floor(q) if floor and not math.isinf(q) else q

    low, high = _corners(divide, a, b)
    if math.isinf(a[1]) and math.isinf(b[1]):
        high = math.inf
    return low, high


TIMES = 100_003
"""How much longer the imagined stream is on which sums over it must give the same score."""


def added_up(value: Any) -> Value:
    """A number that was added up over the stream: `TIMES` as much on one that is `TIMES` as long."""
    made = _made(value, (float(value), math.inf) if value >= 0 else (-math.inf, math.inf))
    made.longer = float(value) * TIMES
    return made


def drifting(value: Any) -> Value:
    """A number that each round of a loop makes out of the last one: after millions of rounds it may be anything."""
    made = _made(value, _EVERYTHING)
    made.longer = math.nan
    return made


def drifts(x: Any) -> bool:
    """Whether a number is, or was made of, one that each round makes out of the last one."""
    return type(x) in SCALED and x.longer is not None and math.isnan(x.longer)


def _on_longer(x: Any) -> float:
    """What a number would be on the longer stream."""
    longer = x.longer if type(x) in SCALED else None
    return float(x) if longer is None else float(longer)


def sums(x: Any) -> bool:
    """Whether a number was added up over the stream, or made of one that was."""
    return type(x) in SCALED and x.longer is not None


def proportional(x: Any) -> bool:
    """Whether a number made of sums over the stream is a product of powers of them, so that a longer stream gives as good
    a factor: `tokens / bytes` is, `1 + tokens // 100_000` is not."""
    if x == 0 or not sums(x):
        return not sums(x)
    ratio = x.longer / float(x)
    return any(math.isclose(ratio, float(TIMES) ** power, rel_tol=1e-6) for power in (-2, -1, 0, 1, 2))


def binary(op: str, a: Any, b: Any, line: int) -> Value:
    """`a op b` where at least one of the two is scaled. Opaque where the probe cannot show what a real run does."""
    result = _binary(op, a, b, line)
    if type(result) in SCALED:
        _mark(result, (a, b))
        result.part = result.part or _share(op, a, b)
        if differs(a) or differs(b):
            operation = _ON_PROCESS.get(op)
            if operation is None:
                return hidden(f"{op} on a number that depends on the process", line)
            result.on = _combined(operation, a, b)
        if sums(a) or sums(b):
            return _longer_too(op, a, b, result, line)
    return result


def differs(x: Any) -> bool:
    """Whether a number is known to be another one on other processes of the run."""
    return type(x) in SCALED and x.on is not None


def on_process(x: Any, rank: int, processes: int) -> Any:
    """What a number is on one process of a run of so many."""
    return _plain(x) if not differs(x) else x.on(rank, processes)


def _combined(operation: Callable[[Any, Any], Any], a: Any, b: Any) -> Process:
    return lambda rank, processes: operation(on_process(a, rank, processes), on_process(b, rank, processes))


def of_process(here: int, low: float, high: float, on: Process) -> Scaled:
    """A number that each process has its own of: `here` on the only one of the evaluation."""
    made = Scaled.of(here, low, high)
    made.on = on
    return made


def exactly(value: Any) -> Value:
    """A number that is the same here and in a real run, and that no literal gives: a rank, a number of processes."""
    return _made(value, real_range(value))


def merged(a: Any, b: Any, why: OnProcess) -> Value:
    """`a` on the processes where a condition holds, `b` on the others; MISSING if that is no number and no truth."""

    def on(rank: int, processes: int) -> Any:
        x = a if why.holds(rank, processes) else b
        return x.holds(rank, processes) if type(x) is OnProcess else on_process(x, rank, processes)

    kinds = {type(a), type(b)}
    if kinds <= {bool, OnProcess}:
        return OnProcess(why.reason, why.line, on)
    if kinds <= {int, Scaled}:
        here = a if why.holds(0, 1) else b
        (low_a, high_a), (low_b, high_b) = real_range(a), real_range(b)
        return of_process(int(here), min(low_a, low_b), max(high_a, high_b), on)
    return MISSING


def _longer_too(op: str, a: Any, b: Any, result: Any, line: int) -> Value:
    """Note on a result what it would be on the longer stream."""
    x, y = _on_longer(a), _on_longer(b)
    try:
        if op in ("RShift", "LShift"):
            factor = 2.0 ** int(b)
            longer = x // factor if op == "RShift" else x * factor
        elif op in ("BitAnd", "BitOr", "BitXor"):
            longer = float(_BITS[op](int(x), int(y)))
        else:
            longer = float(_PLAIN_BINARY[op](x, y))
    except (KeyError, OverflowError, ZeroDivisionError, ValueError, TypeError):
        return hidden(f"{op} on a sum over the stream", line)
    result.longer = longer
    return result


_ON_PROCESS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv, "FloorDiv": operator.floordiv,
    "Mod": operator.mod, "BitAnd": operator.and_, "RShift": operator.rshift, "LShift": operator.lshift,
}  # fmt: skip
_BITS: dict[str, Callable[[int, int], int]] = {
    "BitAnd": operator.and_, "BitOr": operator.or_, "BitXor": operator.xor,
}  # fmt: skip
_PLAIN_BINARY: dict[str, Callable[[float, float], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod, "Pow": operator.pow,
}  # fmt: skip


def _mark(made: Any, sources: Sequence[Any]) -> None:
    """Carry over what is known of the numbers that one was made of."""
    for x in sources:
        if type(x) in SCALED:
            made.chosen = made.chosen or (x.chosen and made.low == made.high)
            made.part = made.part or x.part


def _share(op: str, a: Any, b: Any) -> bool:
    """Whether this takes a literal part of what grows with the stream: `len(windows) * 0.99`, `total - total // 50`."""
    if type(a) in SCALED and type(b) not in SCALED:
        number, literal = a, b
    elif op == "Mult" and type(b) in SCALED and type(a) not in SCALED:
        number, literal = b, a
    else:
        return False
    if number.low == number.high:
        return False
    if op in ("Div", "FloorDiv", "RShift"):
        return bool(abs(literal) > 1)
    return op == "Mult" and isinstance(literal, float) and not literal.is_integer()


def _binary(op: str, a: Any, b: Any, line: int) -> Value:
    ra, rb = real_range(a), real_range(b)
    if op in ("Add", "Sub", "Mult"):
        f = {"Add": operator.add, "Sub": operator.sub, "Mult": operator.mul}[op]
        return _made(f(_plain(a), _plain(b)), _corners(_product if op == "Mult" else f, ra, rb))
    if op == "Div":
        return _made(_plain(a) / _plain(b), _quotient(ra, rb, False))
    both = type(a) in SCALED and type(b) in SCALED
    if op == "FloorDiv":
        value, bounds = _plain(a) // _plain(b), _quotient(ra, rb, True)
        if type(b) not in SCALED and value == 0 and bounds != (0, 0) and abs(b) > 1:
            return hidden(f"a number that grows with the run, divided by {b!r}", line)
        return _made(value, bounds)
    if op == "RShift" and not both and isinstance(b, int) and 0 <= b < 64:
        return binary("FloorDiv", a, 1 << b, line)
    if op == "LShift" and not both and isinstance(b, int) and 0 <= b < 64:
        return binary("Mult", a, 1 << b, line)
    if op == "Mod":
        value = _plain(a) % _plain(b)
        if rb[0] <= 0:
            return _made(value, _EVERYTHING)
        if type(b) not in SCALED and b > 1 and _plain(a) < b and ra != (0, 0):
            return hidden(f"a number that grows with the run, modulo {b!r}", line)
        if ra[0] == ra[1] and rb[0] == rb[1]:
            return _made(value, (ra[0] % rb[0],) * 2)
        return _made(value, (0.0, rb[1]) if isinstance(value, float) else (0.0, max(0.0, rb[1] - 1)))
    if op == "BitAnd" and not both:
        mask = b if type(a) in SCALED else a
        if isinstance(mask, int) and 0 <= mask <= 3 and not isinstance(mask, bool):
            return _made(_plain(a) & _plain(b), (0.0, float(mask)))
    if op == "Pow" and isinstance(b, int) and type(b) not in SCALED and 0 <= b <= 8 and ra[0] >= 0:
        return _made(_plain(a) ** int(b), _corners(lambda x, y: x**y, ra, rb))
    return hidden(f"{op} on a number that grows with the run", line)


def _plain(x: Any) -> Any:
    return float(x) if isinstance(x, float) else int(x)


def hidden(what: str, line: int) -> Opaque:
    """Unknown because a real run meets other numbers than the probe."""
    return Opaque(f"{what}: the probe is too short to show it", line, "scale")


def _decided(op: str, a: Range, b: Range) -> bool | None:
    """What the ranges say about `a op b`, None where they leave it open."""
    if op in ("Lt", "GtE"):
        less = True if a[1] < b[0] else False if a[0] >= b[1] else None
        return less if op == "Lt" or less is None else not less
    if op in ("Gt", "LtE"):
        more = True if a[0] > b[1] else False if a[1] <= b[0] else None
        return more if op == "Gt" or more is None else not more
    equal = True if a[0] == a[1] == b[0] == b[1] else False if a[1] < b[0] or b[1] < a[0] else None
    return equal if op == "Eq" or equal is None else not equal


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Eq": operator.eq, "NotEq": operator.ne, "Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt,
    "GtE": operator.ge,
}  # fmt: skip


def compare(op: str, a: Any, b: Any, line: int) -> bool | Opaque:
    """`a op b` where at least one of the two is scaled."""
    here = bool(_COMPARE[op](_plain(a), _plain(b)))
    if drifts(a) or drifts(b):
        return hidden("comparison of a number that each round makes out of the last one", line)
    if (sums(a) or sums(b)) and bool(_COMPARE[op](_on_longer(a), _on_longer(b))) is not here:
        return hidden("comparison of a sum over the stream", line)
    ranges = real_range(a), real_range(b)
    real = _decided(op, *ranges)
    if (differs(a) or differs(b)) and real is not here:
        both_grow = all(high == math.inf for _, high in ranges) and op not in ("Eq", "NotEq")
        if not both_grow:
            return OnProcess(
                "comparison of a number that depends on the process", line, _combined(_COMPARE[op], a, b)
            )
    if cut(a) or cut(b):
        return hidden("comparison with a part of what grows with the run", line)
    if real is here:
        return here
    if real is None:
        both = type(a) in SCALED and type(b) in SCALED
        mine, other = (a, b) if type(a) in SCALED else (b, a)
        if both or other in _HOMOGENEOUS or (abs(other) <= _REACHED and mine >= other) or type(other) is Tok:
            return here
    plain = b if type(b) not in SCALED else a if type(a) not in SCALED else None
    what = (
        "two numbers that grow with the run"
        if plain is None
        else f"a number that grows with the run with {plain!r}"
    )
    said = hidden(f"comparison of {what}", line)
    if real is not None and all(low == high for low, high in ranges):
        return OtherAtScale(said.reason, line, here)
    return said


def compare_any(op: str, a: Any, b: Any, line: int) -> bool | Opaque:
    """`a op b` of any two numbers."""
    if type(a) in SCALED or type(b) in SCALED:
        return compare(op, a, b, line)
    return bool(_COMPARE[op](a, b))


def cut(x: Any) -> bool:
    """Whether a number is a literal part of what grows with the stream."""
    return type(x) in SCALED and bool(x.part)


def truth(x: Any, line: int) -> bool | Opaque:
    """Whether a scaled number counts as true."""
    if drifts(x):
        return hidden("truth of a number that each round makes out of the last one", line)
    return compare("NotEq", x, 0, line)


def extreme(op: str, values: Sequence[Any], line: int) -> Value:
    """The minimum (`Lt`) or maximum of numbers of which some are scaled.

    Its real range follows from theirs. A literal that a real run would choose and the probe does not, or the other way
    round, cuts what grows with the stream: that is unknown. Among settings both values are known.
    """
    if any(map(drifts, values)):
        return hidden("at most or at least a number that each round makes out of the last one", line)
    if any(cut(v) for v in values):
        return hidden("at most or at least a part of what grows with the run", line)
    ranges = [real_range(v) for v in values]
    pick = min if op == "Lt" else max
    chosen = pick(_plain(v) for v in values)
    if not all(low == high for low, high in ranges):
        for v in values:
            if type(v) not in SCALED and v not in _HOMOGENEOUS:
                for other in values:
                    if type(other) in SCALED and isinstance(compare(op, v, other, line), Opaque):
                        return hidden(f"at most or at least {v!r} of what grows with the run", line)
    made = _made(chosen, (pick(r[0] for r in ranges), pick(r[1] for r in ranges)), *values)
    literals = [v for v in values if type(v) not in SCALED]
    here = any(v == chosen for v in literals)
    if here != any(real_range(v) == (made.low, made.high) for v in literals):
        made.chosen = True
    if any(map(sums, values)):
        made.longer = pick(map(_on_longer, values))
    if any(map(differs, values)):
        kept = tuple(values)
        made.on = lambda rank, processes: pick(on_process(v, rank, processes) for v in kept)
    return made


def either(here: Value, there: Value) -> Value:
    """One value here, another in a real run, where a comparison of settings decides between them."""
    numbers = isinstance(here, (int, float)) and isinstance(there, (int, float))
    if numbers and not isinstance(here, bool) and not isinstance(there, bool):
        made = _made(_plain(here), real_range(there))
        made.chosen = True
        return made
    return MISSING


_MONOTONE = frozenset({"log", "log2", "log10", "log1p", "sqrt", "exp", "isqrt", "exp2", "expm1", "cbrt"})
_ROUNDING: dict[str, Callable[[float], int]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "trunc": math.trunc,
    "round": round,
}


def monotone(name: str, f: Callable[[float], Any], x: Any, line: int) -> Value:
    """A function of one number: rounding and increasing functions keep their range, others become unknown."""
    if drifts(x):
        return hidden(f"{name}() of a number that each round makes out of the last one", line)
    if name in _ROUNDING:
        rounding = _ROUNDING[name]
        ends = tuple(v if math.isinf(v) else float(rounding(v)) for v in (x.low, x.high))
        made = _made(rounding(_plain(x)), (ends[0], ends[1]), x)
        if sums(x):
            made.longer = float(rounding(x.longer))
        if differs(x):
            made.on = lambda rank, processes: rounding(x.on(rank, processes))
        return made
    if name in _MONOTONE:
        try:
            ends = tuple(
                v if v == math.inf else float(f(int(v) if name == "isqrt" else v)) for v in (x.low, x.high)
            )
        except (ValueError, OverflowError):
            ends = _EVERYTHING
        made = _made(f(_plain(x)), (ends[0], ends[1]), x)
        if sums(x):
            try:
                made.longer = float(f(int(x.longer) if name == "isqrt" else x.longer))
            except (ValueError, OverflowError):
                return hidden(f"{name}() of a sum over the stream", line)
        return made
    return hidden(f"{name}() of a number that grows with the run", line)


def counted(items: Sequence[Value]) -> bool:
    """Whether a collection has as many elements as the stream or a scaled setting makes, by its first and last one."""
    return bool(items) and (_scaled_item(items[0]) or _scaled_item(items[-1]))


def _scaled_item(item: Value) -> bool:
    if type(item) is Scaled or type(item) is Tok:
        return True
    elements = getattr(item, "data", None)  # an array's; `tensor.py` builds on this module
    if isinstance(elements, list):
        return bool(elements) and type(elements[0]) is Tok
    return isinstance(item, (tuple, list)) and any(type(x) is Scaled for x in item[:4])


def steps(values: range, bounds: Sequence[Any]) -> list[Value]:
    """The elements of a range whose ends or step are scaled: each may be any of the real range's later elements.

    The first one is the first of the real run too, as long as the start is not scaled.
    """
    start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    first, last, by = real_range(start), real_range(stop), real_range(step)
    out: list[Value] = []
    rising = values.step > 0
    stride, top = max(by[0], 1), last[1] - 1
    bottom, highest = last[0] + 1, first[1]
    for value in values:
        if not out:
            low, high = first if type(start) is Scaled else (float(value), float(value))
            out.append(Scaled.of(value, low, high))
            continue
        made = Scaled(value)
        if rising:
            low = first[0] + len(out) * stride
            made.low, made.high = low, top if top > low else low
        else:
            made.low = bottom if bottom < value else value
            made.high = highest if highest > value else value
        out.append(made)
    return out


def as_float(x: Any) -> Value:
    """`float(x)` of a scaled number."""
    made = ScaledFloat.of(float(x), x.low, x.high)
    made.longer, made.on = x.longer, x.on
    return made


def grows(value: Value) -> bool:
    """Whether a number or text is another one in a real run."""
    return type(value) in SCALED or type(value) is ScaledText


def grown_text(text: str) -> ScaledText:
    """A text that a number which grows with the run is part of: a real run has another one."""
    return ScaledText.of(text, *_EVERYTHING)


def text_method(method: Callable[..., Value], name: str) -> Callable[..., Value]:
    """A method of such a text gives such a text again; numbers, answers and parts of it are unknown."""

    def run(interp: Any, value: ScaledText, args: Any, kwargs: Any, line: int) -> Value:
        result = method(interp, str.__str__(value), args, kwargs, line)
        if isinstance(result, str):
            return grown_text(result)
        return hidden(f"{name}() of the text of a number that grows with the run", line)

    return run


def mixed_keys(container: Any, item: Value) -> bool:
    """Whether a scaled number is looked up among plain numbers, so that a real run may find another one or none."""
    if differs(item):
        return True
    if type(item) in SCALED or type(item) is ScaledText:
        return any(
            isinstance(k, (int, float, str))
            and type(k) not in SCALED
            and type(k) is not ScaledText
            and k not in _HOMOGENEOUS
            and not isinstance(k, bool)
            for k in container
        )
    return False
