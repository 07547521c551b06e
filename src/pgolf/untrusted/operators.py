"""Unary, binary and comparison operators over the evaluator's values, every growth bounded."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import scaled, written
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.tensor import Tensor, add, cast_to, caster, category, elementwise, from_nested
from pgolf.untrusted.values import (
    MISSING,
    SCALED,
    BoundMethod,
    ClassValue,
    DictView,
    DType,
    ExceptionValue,
    Instance,
    Intrinsic,
    Loss,
    ModelOutput,
    NativeClass,
    NativeObject,
    OfLosses,
    Opaque,
    RaisedText,
    Scaled,
    ScaledText,
    ScriptRaise,
    Stuck,
    TextOf,
    Tok,
    Value,
    unsure,
)

TYPE_UNION = "type union"
"""Why `A | B` of classes is unknown."""
_NUMBER = (int, float)
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod, "BitAnd": operator.and_, "BitOr": operator.or_,
    "BitXor": operator.xor, "LShift": operator.lshift, "RShift": operator.rshift, "Pow": operator.pow,
}  # fmt: skip
_PLAIN = (str, bytes, int, float, list, tuple, dict, set, frozenset, range, bytearray, type(None))
_SEQUENCES = frozenset({str, bytes, list, tuple, bytearray})
_CLASSES = (NativeClass, ClassValue, Intrinsic, DType)
_DUNDER = {
    "Add": "add", "Sub": "sub", "Mult": "mul", "Div": "truediv", "FloorDiv": "floordiv", "Mod": "mod",
    "BitAnd": "and", "BitOr": "or", "BitXor": "xor", "LShift": "lshift", "RShift": "rshift", "Pow": "pow",
    "MatMult": "matmul",
}  # fmt: skip
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq, "NotEq": operator.ne, "Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt,
    "GtE": operator.ge,
}  # fmt: skip


PLAIN_INTEGER_OPS = {
    name: _BINARY[name] for name in ("Add", "Sub", "Mult", "BitAnd", "BitOr", "BitXor")
}  # fmt: skip
"""Operators that two plain ints always have; a result beyond `BIG` still has to be checked by `binary`."""
ORDER_OPS = dict(_COMPARE)


def raise_in_script(kind: str, message: str, line: int) -> ScriptRaise:
    """An exception of the interpreted program, ready to be raised."""
    return ScriptRaise(ExceptionValue(kind, (RaisedText(message, line, "text"),) if message else ()), line)


def _check_int(value: Value, interp: Interp) -> Value:
    if type(value) is int and (value > BIG or value < -BIG) and value.bit_length() > interp.limits.int_bits:
        raise LimitTripped("int_bits", interp.limits.int_bits)
    return value


BIG = 1 << 256
SCALE = 400
"""More than the tokens of a probe stream and less than those of a real one; counts above it occur on real ones only."""


def binary(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    """`a op b`."""
    ka, kb = type(a), type(b)
    if ka is ScaledText or kb is ScaledText:
        a, b = (str.__str__(x) if type(x) is ScaledText else x for x in (a, b))
        result = binary(interp, op, a, b, line)
        return scaled.grown_text(result) if isinstance(result, str) else result
    if (ka is int or ka is float or ka is bool or ka is Tok) and (
        kb is int or kb is float or kb is bool or kb is Tok
    ):
        return _numbers(interp, op, a, b, line)
    if (ka in SCALED or kb in SCALED) and isinstance(a, _NUMBER) and isinstance(b, _NUMBER):
        return _scaled(op, a, b, line)
    if ka is Tensor or kb is Tensor:
        return _arrays(interp, op, a, b, line)
    if ka is Loss or kb is Loss or isinstance(a, ModelOutput) or isinstance(b, ModelOutput):
        return scalar_op(op)(a, b)
    if op == "Mod" and ka is str and isinstance(b, Opaque):
        return percent_format(interp, a, b, line)
    if (ka is TextOf or kb is TextOf) and op == "Add":
        sides = [x.decode("latin-1") if isinstance(x, (bytes, bytearray)) else x for x in (a, b)]
        if all(isinstance(x, (str, Opaque)) for x in sides):
            return written.joined(interp, sides, line)
    if isinstance(a, Opaque) or isinstance(b, Opaque):
        held = written.positions_in(a) | written.positions_in(b)
        if held:
            return OfLosses(f"operator {op} on something unknown", line, held)
        return unsure(a if isinstance(a, Opaque) else b)
    if ka is Instance or kb is Instance:
        return _instances(interp, op, a, b, line)
    if (ka is dict and id(a) in interp.factories) or (kb is dict and id(b) in interp.factories):
        return Opaque(f"operator {op} on a counter or a dictionary with defaults", line)
    if (ka is list and interp.is_special(a)) or (kb is list and interp.is_special(b)):
        return Opaque(f"operator {op} on a deque or an array of numbers", line)
    if ka is DictView or kb is DictView:
        return _views(interp, op, a, b, line)
    if op == "Add":
        if (
            (ka is str and kb is str)
            or (ka is bytes and kb is bytes)
            or (ka is list and kb is list)
            or (ka is tuple and kb is tuple)
        ):
            _room(interp, len(a) + len(b))
            return interp.made(a + b) if ka is list else a + b
        if ka in (bytes, bytearray) and kb in (bytes, bytearray):
            _room(interp, len(a) + len(b))
            return interp.made(a + b)
    if op == "Mult":
        if kb in _SEQUENCES and isinstance(a, int):
            a, b, ka, kb = b, a, kb, ka
        if scaled.differs(b):
            return scaled.hidden("repeated as often as the process says", line)
        if ka in _SEQUENCES and isinstance(b, int):
            _room(interp, len(a) * max(0, int(b)))
            return interp.made(a * int(b)) if ka in (list, bytearray) else a * int(b)
    if op == "Mod" and ka in (str, bytes, bytearray):
        return percent_format(interp, a, b, line)
    if op == "Div" and ka is NativeObject:
        from pgolf.untrusted.intrinsics import join_path

        return join_path(interp, a, b, line)
    if op == "BitOr" and ka is dict and kb is dict:
        return interp.made({**a, **b})
    if ka in (set, frozenset) and kb in (set, frozenset) and op in ("BitOr", "BitAnd", "Sub", "BitXor"):
        if op != "BitOr" and any(isinstance(x, Opaque) for x in (*a, *b)):
            return Opaque("a set with unknown elements beside another", line)
        if any(type(x) is Scaled for x in a) != any(type(x) is Scaled for x in b):
            return scaled.hidden("a set of numbers that grow with the run beside another", line)
        return interp.made(_BINARY[op](a, b))
    if op == "BitOr" and any(isinstance(x, _CLASSES) for x in (a, b)):
        return Opaque(TYPE_UNION, line)
    if not (isinstance(a, _PLAIN) and isinstance(b, _PLAIN)):
        return Opaque(f"operator {op} on values that are not modelled", line)
    raise raise_in_script("TypeError", f"unsupported operands for {op}", line)


def _as_set(x: Value) -> Value:
    """The keys or pairs of a dictionary, or a set, as a set; None for anything else, and for what is not hashable."""
    if isinstance(x, (set, frozenset)):
        return set(x)
    if not isinstance(x, DictView) or x.kind == "values":
        return None
    items = list(x)
    return set(items) if all(map(_is_host_hashable, items)) else None


def _views(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    """`keys & other`: views of dictionaries are sets to the operators of sets."""
    left, right = _as_set(a), _as_set(b)
    if op not in ("BitOr", "BitAnd", "Sub", "BitXor") or left is None or right is None:
        return Opaque(f"operator {op} on the view of a dictionary", line)
    return binary(interp, op, left, right, line)


def _scaled(op: str, a: Any, b: Any, line: int) -> Value:
    try:
        return scaled.binary(op, a, b, line)
    except ZeroDivisionError:
        raise raise_in_script("ZeroDivisionError", "division by zero", line) from None
    except OverflowError:
        raise raise_in_script("OverflowError", "number too large", line) from None
    except (TypeError, ValueError):
        raise raise_in_script("TypeError", f"unsupported operands for {op}", line) from None


def _room(interp: Interp, n: int) -> None:
    if n > interp.limits.string_chars:
        raise LimitTripped("string_chars", interp.limits.string_chars)
    interp.cells(n >> 3)


def _numbers(interp: Interp, op: str, a: Any, b: Any, line: int) -> Value:
    try:
        if op == "Pow":
            if isinstance(a, int) and isinstance(b, int):
                if b < 0:
                    return float(a) ** int(b)
                if abs(a) > 1 and b * a.bit_length() > interp.limits.int_bits:
                    raise LimitTripped("int_bits", interp.limits.int_bits)
                return int(a) ** int(b)
            result = float(a) ** float(b)
            return Opaque("complex number", line) if isinstance(result, complex) else result
        if op == "LShift":
            if not (isinstance(a, int) and isinstance(b, int)):
                raise raise_in_script("TypeError", "shift of a float", line)
            if b > interp.limits.int_bits:
                raise LimitTripped("int_bits", interp.limits.int_bits)
        function = _BINARY.get(op)
        if function is None:
            raise Stuck(f"operator {op}", line)
        if op in ("LShift", "RShift") and b < 0 and isinstance(a, int) and isinstance(b, int):
            raise raise_in_script("ValueError", "negative shift count", line)
        result = function(a, b)
        return _check_int(result, interp) if type(result) is int else result
    except ZeroDivisionError:
        raise raise_in_script("ZeroDivisionError", "division by zero", line) from None
    except OverflowError:
        raise raise_in_script("OverflowError", "number too large", line) from None
    except (TypeError, ValueError):
        raise raise_in_script("TypeError", f"unsupported operands for {op}", line) from None


_SCALAR_OPS: dict[str, Callable[[Value, Value], Value]] = {}


def scalar_op(op: str) -> Callable[[Value, Value], Value]:
    """The element function of an operator, for arrays: Loss, Opaque, division by zero as numpy and torch do."""
    found = _SCALAR_OPS.get(op)
    if found is None:
        found = _SCALAR_OPS[op] = _make_scalar(op)
    return found


def _make_scalar(op: str) -> Callable[[Value, Value], Value]:
    if op == "Add":

        def plus(x: Value, y: Value) -> Value:
            if type(x) is bool and type(y) is bool:
                return x or y
            return add(x, y)

        return plus
    raw = _BINARY.get(op)

    def run(x: Value, y: Value) -> Value:
        kx, ky = type(x), type(y)
        if kx is Loss or ky is Loss or kx is ModelOutput or ky is ModelOutput:
            return _loss_op(op, x, y)
        if isinstance(x, Opaque):
            return unsure(x)
        if isinstance(y, Opaque):
            return unsure(y)
        if raw is None:
            return Opaque(f"operator {op} on array elements")
        try:
            if kx in SCALED or ky in SCALED:
                return scaled.binary(op, x, y, 0)
            if op in ("Div", "FloorDiv", "Mod") and y == 0:
                if op == "Div":
                    return math.nan if x == 0 or x != x else math.copysign(math.inf, x)
                return Opaque("integer division by zero in an array")
            if op == "Pow" and abs(x) > 1 and isinstance(y, int) and abs(y) > 4096:
                return Opaque("huge power in an array")
            if op in ("LShift", "RShift") and y > 64:
                return Opaque("a shift by more bits than there are")
            if op == "Pow" and type(x) is int and type(y) is int and y < 0:
                return Opaque("a negative power of an integer in an array")
            result = raw(x, y)
        except (TypeError, ValueError, OverflowError):
            return Opaque(f"operator {op} failed on array elements")
        return Opaque("complex number") if isinstance(result, complex) else result

    return run


def _loss_op(op: str, x: Value, y: Value) -> Value:
    if isinstance(x, ModelOutput):
        mean = mean_loss(x)
        if mean is None:
            return Opaque("arithmetic on the model's output", x.line, "model")
        x = mean
    if isinstance(y, ModelOutput):
        mean = mean_loss(y)
        if mean is None:
            return Opaque("arithmetic on the model's output", y.line, "model")
        y = mean
    for other in (x, y):
        if type(other) in SCALED:
            kind = (
                "a comparison of settings chose"
                if other.chosen
                else "depends on the process"
                if scaled.differs(other)
                else ""
                if scaled.proportional(other)
                else "a longer stream changes"
            )
            if kind:
                return OfLosses(f"a loss with a factor that {kind}", 0, _positions_of(x, y))
    if op == "Sub" and isinstance(x, Loss) and isinstance(y, Loss):
        return x.plus(y.scaled(-1.0))
    if op == "Mult":
        if isinstance(x, Loss) and isinstance(y, _NUMBER):
            return x.scaled(float(y))
        if isinstance(y, Loss) and isinstance(x, _NUMBER):
            return y.scaled(float(x))
    if op == "Div" and isinstance(x, Loss) and isinstance(y, _NUMBER):
        return x.scaled(1.0 / y) if y else Opaque("division of a loss by zero")
    if op in ("Add", "Sub") and isinstance(x, Loss) and isinstance(y, _NUMBER) and y == 0:
        return x
    return OfLosses(f"operator {op} on a loss", 0, _positions_of(x, y))


def _positions_of(*values: Value) -> frozenset[int]:
    """The stream positions whose losses enter some of the values."""
    held: frozenset[int] = frozenset()
    for value in values:
        if isinstance(value, Loss):
            held |= value.weights.keys()
        elif isinstance(value, OfLosses):
            held |= value.positions
    return held


def mean_loss(output: ModelOutput) -> Loss | None:
    """The mean loss of a model call `model(inputs, targets)`, when the targets are stream tokens."""
    targets = output.targets
    if not isinstance(targets, Tensor):
        return None
    # -100 is the index that cross-entropy ignores; any other plain number is padding whose loss is not known.
    counted = [x for x in targets.data if isinstance(x, Tok)]
    if not counted or any(not isinstance(x, Tok) and x != -100 for x in targets.data):
        return None
    weight = 1.0 / len(counted)
    out: dict[int, float] = {}
    for tok in counted:
        out[tok.pos] = out.get(tok.pos, 0.0) + weight
    return Loss(out, output.late)


def _arrays(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    for x, other in ((a, b), (b, a)):
        if isinstance(x, (list, tuple)):
            converted = from_nested(x, None, False, interp.limits.interpreter_cells)
            converted.library = other.library if isinstance(other, Tensor) else ""
            a, b = (converted, other) if x is a else (other, converted)
        elif isinstance(x, Opaque) and not isinstance(x, ModelOutput):
            return unsure(x)
        elif x is None or isinstance(x, (str, bytes, dict, set, Instance, NativeObject)):
            raise raise_in_script("TypeError", f"unsupported operands for {op}", line)
    n = max(len(x.data) for x in (a, b) if isinstance(x, Tensor))
    interp.step(n >> 2)
    interp.cells(n)
    if op == "MatMult":
        return Opaque("matrix product", line, "model")
    ta, tb = _kind(a), _kind(b)
    if "object" in (ta, tb):
        return Opaque("operator on an array of objects", line)
    if "uint64" in (ta, tb) and any(isinstance(x, Tensor) and x.dtype in _SIGNED for x in (a, b)):
        return Opaque("a signed integer beside an unsigned one of 64 bits", line)
    floating = "float" in ta or "float" in tb
    if op == "Div" and not floating:
        return _divided(a, b)
    if ta == "bool" and tb == "bool" and op not in ("Add", "Mult", "BitAnd", "BitOr", "BitXor"):
        if op == "Sub":
            raise raise_in_script("TypeError", "subtraction of truth values", line)
        return Opaque(f"operator {op} on truth values", line)
    if op in _BIT_OPS and floating:
        raise raise_in_script("TypeError", f"{op} on floating-point arrays", line)
    return elementwise(scalar_op(op), a, b, None)


_SIGNED = frozenset({"int8", "int16", "int32", "int64"})
_BIT_OPS = frozenset({"BitAnd", "BitOr", "BitXor", "LShift", "RShift"})


def _kind(x: Value) -> str:
    if isinstance(x, Tensor):
        return x.dtype
    return "bool" if isinstance(x, bool) else "float" if isinstance(x, float) else "int"


def _divided(a: Value, b: Value) -> Tensor:
    """`a / b` of integers: 64 bits in numpy, 32 in torch."""
    library = next(x.library for x in (a, b) if isinstance(x, Tensor))
    if library == "torch":
        return elementwise(scalar_op("Div"), a, b, "float32")
    made = elementwise(scalar_op("Div"), a, b, "float64")
    if library != "numpy":
        single = caster("float32")
        made.data[:] = [
            x
            if not isinstance(x, float) or single(x) == x
            else Opaque("a quotient whose precision is not known")
            for x in made.data
        ]
    return made


def _instances(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    from pgolf.untrusted.objects import get_attribute

    name = _DUNDER.get(op, "")
    if op == "Mod" and isinstance(a, (str, bytes)):
        return Opaque("text made from an object", line, "text")
    if derived_from(b, a) and b.cls.lookup(f"__r{name}__") is not MISSING:
        return Opaque(f"operator {op} on an object and one of a class below its own", line)
    if isinstance(a, Instance):
        method = get_attribute(interp, a, f"__{name}__", line, missing_ok=True)
        if method is not MISSING:
            return interp.call(method, [b], {}, line)
    if isinstance(b, Instance):
        method = get_attribute(interp, b, f"__r{name}__", line, missing_ok=True)
        if method is not MISSING:
            return interp.call(method, [a], {}, line)
    return Opaque(f"operator {op} on an object", line)


def derived_from(below: Value, above: Value) -> bool:
    """Whether an object is of a class below that of another, so that Python asks it first."""
    return (
        isinstance(below, Instance)
        and isinstance(above, Instance)
        and below.cls is not above.cls
        and any(cls is above.cls for cls in below.cls.order())
    )


_EQUALITY = ("__eq__", "__ne__", "__hash__", "%fields")


_WRITTEN = frozenset({int, bool, float, str, bytes, type(None)})


def is_written_plainly(interp: Interp, value: Value) -> bool:
    """Whether the text of a container is that of Python's own: it holds plain values and lists, tuples and dictionaries."""
    waiting = [value]
    while waiting:
        held = waiting.pop()
        interp.step()
        if type(held) in _WRITTEN:
            continue
        if type(held) not in (list, tuple, dict) or id(held) in interp.factories or interp.is_special(held):
            return False
        waiting.extend(held)
        if type(held) is dict:
            waiting.extend(held.values())
    return True


def has_own_equality(value: Value) -> bool:
    """Whether an object of the script may be equal to another one, or hash like it."""
    if type(value) is not Instance:
        return False
    return _of_unknown_class(value) or any(value.cls.lookup(name) is not MISSING for name in _EQUALITY)


def _of_unknown_class(value: Instance) -> bool:
    """Whether what the class of an object inherits is not followed; members of an enumeration are only themselves."""
    return bool(value.cls.opaque_base) and "%members" not in value.cls.attributes


NARROW = frozenset({"float16", "bfloat16", "int8", "uint8", "int16", "uint16"})
"""Element types that hold a token's bytes and not those of a batch."""


def inplace(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    """`a op= b`; arrays and lists change in place, everything else gives a new value."""
    if isinstance(a, Tensor):
        if len(a.data) == 1 and a.dtype in NARROW and op == "Add":
            interp.at_scale(f"adds up in {a.dtype}", line)
        result = _arrays(interp, op, a, b, line)
        if not interp.changing(a, line):
            spoil(a, "changed under an unknown condition", line)
            return a
        if isinstance(result, Opaque):
            a.data[:] = [result] * len(a.data)
            return a
        if result.shape != a.shape:
            raise Stuck("in-place operation changes the shape", line)
        unsigned = a.library != "torch" and a.dtype[0] == "u" and result.dtype in _SIGNED
        if not a.shape and a.library == "numpy":
            return result  # a number of numpy, which does not change
        if category(result.dtype) > category(a.dtype) or unsigned:
            raise raise_in_script("TypeError", "in-place operation of another kind of number", line)
        a.data[:] = result.data if result.dtype == a.dtype else cast_to(result, a.dtype).data
        if interp.probe.token_reads and op == "Add" and len(a.data) == 1:
            a.data[0] = _added_up(a.data[0])
        elif (
            interp.probe.token_reads
            and op in _DRIFTING
            and len(a.data) == 1
            and interp.in_own_loop()
            and type(a.data[0]) in (int, float)
        ):
            a.data[0] = scaled.drifting(a.data[0])
        return a
    if type(a) is list and op == "Add":
        items = interp.iterate(b, line)
        if isinstance(items, Opaque):
            spoil(a, items.reason, line)
            return a
        if not interp.changing(a, line):
            spoil(a, "changed under an unknown condition", line)
            return a
        for x in items:
            interp.cells(1)
            a.append(x)
        return a
    if type(a) is set and type(b) in (set, frozenset) and op in ("BitOr", "BitAnd", "Sub", "BitXor"):
        if not interp.changing(a, line):
            spoil(a, "changed under an unknown condition", line)
            return a
        new = binary(interp, op, a, b, line)
        if isinstance(new, Opaque):
            raise Stuck(new.reason, line)
        a.clear()
        a.update(new)
        return a
    if type(a) is dict and op == "BitOr":
        if not interp.changing(a, line) or not isinstance(b, dict):
            spoil(a, "changed under an unknown condition or by something unknown", line)
            return a
        a.update(b)
        return a
    if type(a) is list and op == "Mult" and type(b) in (int, bool):
        if not interp.changing(a, line):
            spoil(a, "changed under an unknown condition", line)
            return a
        _room(interp, len(a) * max(0, b))
        a *= b
        return a
    if type(a) is bytearray and (
        (op == "Add" and isinstance(b, (bytes, bytearray))) or (op == "Mult" and type(b) in (int, bool))
    ):
        _room(interp, len(b) if op == "Add" else len(a) * max(0, b))
        if not interp.changing(a, line):
            raise Stuck("bytes changed under an unknown condition", line)
        if op == "Add":
            a += b
        else:
            a *= b
        return a
    result = binary(interp, op, a, b, line)
    if interp.probe.token_reads:
        if op == "Add" and isinstance(result, float):
            return _added_up(result)
        if op in _DRIFTING and interp.in_own_loop() and type(result) in (int, float) and result != a:
            return scaled.drifting(result)
        if type(result) is int and op in ("Add", "Mult", "LShift"):
            # A count of windows, or of anything else that the loop meets; what it is in the end a real run decides.
            return scaled.at_least(result) if result >= 0 else result
    return result


def added_over_the_run(value: Value) -> Value:
    """A plain sum of several numbers, in an evaluation that has read tokens: a real run has more of them."""
    if type(value) is int and value >= 0:
        return scaled.at_least(value)
    return _added_up(value) if type(value) is float else value


_DRIFTING = frozenset({"Sub", "Mult", "Div", "FloorDiv", "Mod", "Pow", "BitAnd", "BitOr", "BitXor", "RShift"})
"""Operators with which a number that is changed in each round goes anywhere."""


def changed_by_round(interp: Interp, old: Value, new: Value) -> Value:
    """A number that a statement of a loop makes out of its last value: `scale = scale * 0.99`."""
    if (
        interp.probe.token_reads
        and type(new) in (int, float)
        and type(old) in _NUMBERS_OF_ROUNDS
        and interp.in_own_loop()
    ):
        if new == old:
            return new
        return scaled.at_least(new) if type(new) is int and new > old >= 0 else scaled.drifting(new)
    return new


_NUMBERS_OF_ROUNDS = frozenset({int, float, *SCALED})


def _added_up(value: Value) -> Value:
    """What an accumulator of an evaluation holds is a sum over the stream."""
    return scaled.added_up(value) if type(value) in (int, float) or scaled.sums(value) else value


def spoil(target: Value, reason: str, line: int) -> None:
    """Make the content of a mutable value unknown."""
    unknown = Opaque(reason, line)
    if isinstance(target, Tensor):
        target.spoil_base(line)
        target.spoil_views(line)
        target.source = None
        target.data[:] = [unknown] * len(target.data)
    elif isinstance(target, list):
        target[:] = [unknown] * max(1, len(target))
    elif isinstance(target, dict):
        for key in target:
            target[key] = unknown
    elif isinstance(target, set):
        target.clear()
        target.add(unknown)
    elif isinstance(target, bytearray):
        target.clear()
    elif isinstance(target, Instance):
        for key in target.attributes:
            target.attributes[key] = unknown


def _like(a: Tensor, data: list[Value]) -> Tensor:
    made = Tensor(data, a.shape, a.dtype)
    made.library = a.library
    return made


def unary(interp: Interp, op: str, a: Value, line: int) -> Value:
    """`op a` for Invert, USub, UAdd (Not is handled with truth)."""
    if isinstance(a, Tensor):
        interp.cells(len(a.data))
        if op == "Invert":
            if a.dtype == "bool":
                return _like(a, [x if isinstance(x, Opaque) else not x for x in a.data])
            if "float" in a.dtype or a.dtype == "object":
                raise raise_in_script("TypeError", "~ of a floating-point array", line)
            cast = caster(a.dtype)
            return _like(a, [x if isinstance(x, Opaque) else cast(~x) for x in a.data])
        if a.dtype == "bool":
            raise raise_in_script("TypeError", f"{op} of truth values", line)
        if op == "USub":
            return elementwise(scalar_op("Mult"), a, -1, a.dtype)
        return _like(a, list(a.data))
    if isinstance(a, Loss):
        return a.scaled(-1.0) if op == "USub" else a
    if isinstance(a, ModelOutput) and op == "USub":
        mean = mean_loss(a)
        return mean.scaled(-1.0) if mean is not None else a
    if isinstance(a, Opaque):
        return unsure(a)
    if type(a) in SCALED:
        if op == "UAdd":
            return a
        return _scaled("Sub", 0 if op == "USub" else -1, a, line)
    if isinstance(a, (int, float)):
        if op == "USub":
            return -a
        if op == "UAdd":
            return +a
        if op == "Invert" and isinstance(a, int):
            return ~int(a)
    if not isinstance(a, _PLAIN) or id(a) in interp.factories:
        return Opaque(f"operator {op} on a value that is not modelled", line)
    raise raise_in_script("TypeError", f"bad operand for unary {op}", line)


def compare(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    """One comparison; arrays compare element by element."""
    ka, kb = type(a), type(b)
    if op == "Is":
        return _identical(a, b)
    if op == "IsNot":
        same = _identical(a, b)
        return same if isinstance(same, Opaque) else not same
    if op in ("In", "NotIn"):
        found = contains(interp, b, a, line)
        return found if isinstance(found, Opaque) or op == "In" else not found
    if ka is Tensor or kb is Tensor:
        if isinstance(a, Opaque):
            return unsure(a)
        if isinstance(b, Opaque):
            return unsure(b)
        if a is None or b is None:
            return op == "NotEq"
        raw = _COMPARE[op]
        for x, y in ((a, b), (b, a)):
            if isinstance(x, Tensor) and isinstance(y, (int, float)) and y > SCALE and x.data:
                if len(x.data) == 1:
                    interp.bound_met = f"compares with {y!r}"
                elif (
                    type(x.data[0]) is Tok
                    and y > interp.probe.vocab_size
                    and op in ("Eq", "Gt", "GtE")
                    and x is a
                ):
                    interp.at_scale(f"compares token ids with {y!r}", line, of_stream=True)
        n = max(len(x.data) for x in (a, b) if isinstance(x, Tensor))
        interp.cells(n)

        def element(x: Value, y: Value) -> Value:
            if isinstance(x, (Opaque, Loss)) or isinstance(y, (Opaque, Loss)):
                return (
                    x
                    if isinstance(x, Opaque)
                    else y
                    if isinstance(y, Opaque)
                    else Opaque("comparison of a loss")
                )
            try:
                if scaled.sums(x) or scaled.sums(y):
                    return scaled.compare(op, x, y, line)
                return bool(raw(x, y))
            except TypeError:
                return Opaque("comparison of unlike elements")

        if isinstance(a, (list, tuple)) or isinstance(b, (list, tuple)):
            bound = interp.limits.interpreter_cells
            a = a if isinstance(a, Tensor) else from_nested(a, None, False, bound)
            b = b if isinstance(b, Tensor) else from_nested(b, None, False, bound)
        a, b = _same_precision(a, b), _same_precision(b, a)
        if isinstance(a, Opaque) or isinstance(b, Opaque):
            return a if isinstance(a, Opaque) else b
        answer = elementwise(element, a, b, "bool")
        literal = b if ka is Tensor else a
        if type(literal) in _NUMBER and _unreached(interp, literal, answer):
            interp.at_scale(f"compares with {literal!r}", line, interp.is_of_stream(a if ka is Tensor else b))
        return answer
    if isinstance(a, Opaque):
        return unsure(a)
    if isinstance(b, Opaque):
        return unsure(b)
    if ka is Loss or kb is Loss:
        return Opaque("comparison of a loss", line, "model")
    if ka is Instance or kb is Instance:
        return _compare_objects(interp, op, a, b, line)
    if _holds_unknown(interp, a) or _holds_unknown(interp, b):
        return Opaque("comparison of containers with unknown elements", line)
    if _holds_scaled(a) or _holds_scaled(b):
        return _compare_sizes(interp, op, a, b, line)

    if (ka is list and interp.is_special(a)) or (kb is list and interp.is_special(b)):
        return Opaque("comparison of a deque or an array of numbers", line)
    if ka is dict and kb is dict and id(a) in interp.factories and id(b) in interp.factories:
        return Opaque("comparison of two counters or dictionaries with defaults", line)
    if ka is DType and kb is str and op in ("Eq", "NotEq"):
        from pgolf.untrusted.intrinsics.element_types import dtype_of

        return (a.name == dtype_of(b)) == (op == "Eq")
    if (ka is DictView or kb is DictView) and op in ("Eq", "NotEq"):
        same = _as_set(a) == _as_set(b) if _as_set(a) is not None and _as_set(b) is not None else a is b
        return same == (op == "Eq")
    if ka is DType and kb is DType:
        return (a.name == b.name) == (op == "Eq")
    if ka is BoundMethod and kb is BoundMethod and op in ("Eq", "NotEq"):
        same = a.receiver is b.receiver and a.function is b.function
        return same == (op == "Eq")
    if ka is Intrinsic and kb is Intrinsic and a is not b:
        return Opaque("comparison of modelled functions", line)
    if ka is NativeObject or kb is NativeObject:
        from pgolf.untrusted.intrinsics import compare_native

        return compare_native(op, a, b, line)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if ka in SCALED or kb in SCALED:
            return scaled.compare(op, a, b, line)
        if (a > SCALE) != (b > SCALE):
            interp.bound_met = f"compares with {max(a, b)!r}"
        return bool(_COMPARE[op](a, b))
    if ka is ScaledText or kb is ScaledText:
        return scaled.hidden("comparison of the text of a number that grows with the run", line)
    interp.step(_length(a) >> 4)
    try:
        return bool(_COMPARE[op](a, b))
    except TypeError:
        raise raise_in_script("TypeError", "comparison of unlike values", line) from None
    except RecursionError:
        return Opaque("comparison of deeply nested values", line)


def _same_precision(x: Value, beside: Value) -> Value:
    """A number as it is compared with an array of a floating type: rounded to that type."""
    if type(x) is float and isinstance(beside, Tensor) and "float" in beside.dtype:
        return caster(beside.dtype)(x)
    if (
        isinstance(x, Tensor)
        and not x.shape
        and isinstance(beside, Tensor)
        and beside.shape
        and beside.library != "numpy"
        and "float" in x.dtype
        and "float" in beside.dtype
        and cast_to(x, beside.dtype).data != x.data
    ):
        return Opaque("comparison of a number of another precision")
    return x


SPECIAL_IDS = 3
"""Ids up to this are pieces of every vocabulary: unknown, begin, end, padding."""


def _unreached(interp: Interp, literal: float, answer: Value) -> bool:
    """Whether a literal is past all that the probe has on one side of it, so that its effect does not show."""
    return (
        abs(literal) > SPECIAL_IDS
        and literal not in (-100, interp.probe.vocab_size, interp.probe.vocab_size - 1)
        and isinstance(answer, Tensor)
        and len(answer.data) > 1
        and type(answer.data[0]) is bool
        and all(x is answer.data[0] for x in answer.data)
    )


def _length(value: Value) -> int:
    return len(value) if isinstance(value, (str, bytes, list, tuple)) else 0


_CONTAINERS = (list, tuple, dict, set, frozenset)


def _holds_unknown(interp: Interp, value: Value) -> bool:
    """Whether a container has an element, at any depth, that the host would compare as an object of its own."""
    stack = [value] if isinstance(value, _CONTAINERS) else []
    seen: set[int] = set()
    while stack:
        container = stack.pop()
        interp.step(len(container) >> 4)
        for x in container.values() if isinstance(container, dict) else container:
            kind = type(x)
            if kind is int or kind is str or kind is bool or kind is float:
                continue
            if isinstance(x, (Opaque, Tensor, Loss, NativeObject, BoundMethod)) or has_own_equality(x):
                return True
            if isinstance(x, _CONTAINERS) and id(x) not in seen:
                seen.add(id(x))
                stack.append(x)
    return False


def _holds_scaled(value: Value) -> bool:
    return isinstance(value, (list, tuple)) and any(scaled.grows(x) for x in value)


def _compare_sizes(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    """Shapes and other sequences of numbers that grow with the run: equal element by element, in no known order."""
    if op not in ("Eq", "NotEq"):
        return scaled.hidden("order of sequences of numbers that grow with the run", line)
    if type(a) is not type(b) or len(a) != len(b):
        return op == "NotEq"
    unknown: Opaque | None = None
    for x, y in zip(a, b, strict=True):
        same = interp.truth(compare(interp, "Eq", x, y, line), line)
        if same is False:
            return op == "NotEq"
        if isinstance(same, Opaque):
            unknown = same
    return unknown if unknown is not None else op == "Eq"


def _identical(a: Value, b: Value) -> Value:
    if isinstance(a, Opaque) or isinstance(b, Opaque):
        unknown = a if isinstance(a, Opaque) else b
        other = b if unknown is a else a
        # A thing that a model, a device or a library gave is not None, True or False.
        if other is None and unknown.origin in ("model", "scale"):
            return False
        if isinstance(a, Opaque) and a is b:
            return True
        return unknown
    if type(a) in SCALED or type(b) in SCALED:
        return scaled.compare("Eq", a, b, 0) if isinstance(a, _NUMBER) and isinstance(b, _NUMBER) else False
    if type(a) is not type(b):
        return False
    if isinstance(a, bool) or a is b:
        return a is b
    if isinstance(a, (int, str, float, bytes, tuple)):
        if a != b:
            return False
        # Which equal numbers and texts are one object is the interpreter's own business, small numbers apart.
        small = isinstance(a, int) and -5 <= a <= 256
        return small or Opaque("whether two equal values are one object")
    if isinstance(a, DType):
        return a.name == b.name and Opaque("whether two element types are one object")
    return a is b


_REFLECTED = {"Lt": "Gt", "LtE": "GtE", "Gt": "Lt", "GtE": "LtE"}


def _compare_objects(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    from pgolf.untrusted.objects import get_attribute

    names = {
        "Eq": "__eq__",
        "NotEq": "__ne__",
        "Lt": "__lt__",
        "LtE": "__le__",
        "Gt": "__gt__",
        "GtE": "__ge__",
    }
    sides = [(a, b, op), (b, a, _REFLECTED.get(op, op))]
    for one, other, asked in sides[::-1] if derived_from(b, a) else sides:
        if not isinstance(one, Instance):
            continue
        method = get_attribute(interp, one, names[asked], line, missing_ok=True)
        if method is not MISSING:
            return interp.call(method, [other], {}, line)
        if asked == "NotEq" and one.cls.lookup("__eq__") is not MISSING:
            same = interp.truth(
                interp.call(get_attribute(interp, one, "__eq__", line), [other], {}, line), line
            )
            return same if isinstance(same, Opaque) else not same
    if any(isinstance(x, Instance) and _of_unknown_class(x) for x in (a, b)) and a is not b:
        return Opaque("comparison of objects whose classes are not followed", line)
    if any(isinstance(x, Instance) and x.cls.lookup("%fields") is not MISSING for x in (a, b)):
        return _compare_records(interp, op, a, b, line)
    if op == "Eq":
        return a is b
    if op == "NotEq":
        return a is not b
    return Opaque("ordering of objects", line)


def _compare_records(interp: Interp, op: str, a: Value, b: Value, line: int) -> Value:
    """Data classes and named tuples are equal by their fields."""
    if a is b and op in ("Eq", "NotEq"):
        return op == "Eq"
    if any(isinstance(x, Instance) and x.cls.lookup("%unequal") is True for x in (a, b)):
        return Opaque("comparison of records that are not equal by their fields", line)
    if op not in ("Eq", "NotEq") or not (
        isinstance(a, Instance) and isinstance(b, Instance) and a.cls is b.cls
    ):
        return Opaque("comparison of a record with something else", line)
    names = [name for name, _ in a.cls.lookup("%fields")]
    sides = [tuple(x.attributes.get(name) for name in names) for x in (a, b)]
    return compare(interp, op, sides[0], sides[1], line)


def contains(interp: Interp, container: Value, item: Value, line: int) -> Value:
    """`item in container`."""
    if isinstance(container, Opaque):
        return container
    if isinstance(item, Opaque):
        return item
    kind = type(container)
    interp.step((_length(container) >> 4) + 1)
    if type(item) is ScaledText and kind is str:
        return scaled.hidden("search for the text of a number that grows with the run", line)
    if kind in (str, bytes, bytearray):
        if kind is str:
            fits = type(item) is str
        else:
            fits = isinstance(item, (bytes, bytearray)) or (isinstance(item, int) and 0 <= item < 256)
        if not fits:
            error = "ValueError" if kind is not str and isinstance(item, int) else "TypeError"
            raise raise_in_script(error, "in <string> requires a string", line)
        return item in container
    if kind in (set, frozenset, dict):
        if isinstance(item, set) and kind is not dict:
            item = frozenset(item)
        if isinstance(item, (list, dict, set, bytearray, Tensor)):
            raise raise_in_script("TypeError", "unhashable", line)
        if _is_host_hashable(item):
            if scaled.mixed_keys(container, item):
                return scaled.hidden("look-up of a number that grows with the run", line)
            if item in container:
                return True
            if any(isinstance(x, Opaque) for x in container):
                return Opaque("membership in a set with unknown elements", line)
            return False
        if has_own_equality(item) or isinstance(item, (tuple, NativeObject)):
            return Opaque("look-up of an object with rules of its own", line)
        return any(x is item for x in container)
    if kind in (list, tuple, range):
        if kind is range:
            if type(item) in SCALED:
                return scaled.hidden("look-up of a number that grows with the run", line)
            return isinstance(item, _NUMBER) and item in container
        for x in container:
            same = compare(interp, "Eq", x, item, line)
            if isinstance(same, Opaque):
                return same
            if same is True:
                return True
        return False
    if kind is Tensor:
        same = compare(interp, "Eq", container, item, line)
        if isinstance(same, Tensor):
            if any(isinstance(x, Opaque) for x in same.data):
                return Opaque("membership in an array with unknown elements", line)
            return any(same.data)
        return same
    if kind is Instance:
        from pgolf.untrusted.objects import get_attribute

        method = get_attribute(interp, container, "__contains__", line, missing_ok=True)
        if method is MISSING:
            return Opaque(f"membership in an object of {container.cls.name}", line)
        return interp.truth(interp.call(method, [item], {}, line), line)
    from pgolf.untrusted.intrinsics import native_contains

    return native_contains(interp, container, item, line)


def _is_host_hashable(item: Value) -> bool:
    if isinstance(item, tuple):
        return all(_is_host_hashable(x) for x in item)
    return item is None or isinstance(item, (int, float, str, bytes))


def percent_format(interp: Interp, template: Value, values: Value, line: int) -> Value:
    """`template % values` for plain values; the width and precision of a field are bounded."""
    import re

    pieces = values if isinstance(values, tuple) else (values,)
    if any(
        not (p is None or isinstance(p, (int, float, str, bytes, list, tuple, dict)))
        or (isinstance(p, dict) and written.positions_in(p))
        for p in pieces
    ):
        fields = written.percent_fields(template, values) if isinstance(template, str) else None
        if fields is not None:
            return written.of_fields(interp, *fields, line)
        return written.joined(interp, pieces, line)
    text = template if isinstance(template, str) else template.decode("latin-1")
    for number in re.findall(r"\d{1,9}", text):
        if int(number) > 10_000:
            raise LimitTripped("string_chars", interp.limits.string_chars)
    if "*" in text:
        return Opaque("computed field width", line, "text")
    try:
        result = template % values
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise raise_in_script(type(error).__name__, "the template and its values do not fit", line) from None
    _room(interp, len(result))
    if isinstance(result, str) and any(map(scaled.grows, pieces)):
        return scaled.grown_text(result)
    return result


def op_name(node: ast.AST) -> str:
    """`Add`, `Eq`, … of an operator node."""
    return type(node).__name__
