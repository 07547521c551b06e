"""What a script may call: tables of modelled functions and methods, and the small questions the interpreter asks
about values that are modelled rather than built in."""

from __future__ import annotations

import pathlib
import re
from typing import Any

from pgolf.untrusted import scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics import arrays, files, frameworks, library, models
from pgolf.untrusted.intrinsics.arithmetic import FLOAT_METHODS, INT_METHODS
from pgolf.untrusted.intrinsics.builtin import fresh_builtins
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, Method, items_of
from pgolf.untrusted.intrinsics.containers import (
    BYTEARRAY_METHODS,
    DICT_METHODS,
    FROZEN_METHODS,
    LIST_METHODS,
    QUEUE_METHODS,
    SET_METHODS,
    TUPLE_METHODS,
)
from pgolf.untrusted.intrinsics.indexing import at_method
from pgolf.untrusted.intrinsics.texts import BYTES_METHODS, STR_METHODS, UNKNOWN_TEXT_METHODS
from pgolf.untrusted.intrinsics.tokenizers import TokenizerState, sentencepiece_module
from pgolf.untrusted.objects import METHOD_TABLES
from pgolf.untrusted.operators import compare, contains, spoil
from pgolf.untrusted.tensor import Tensor, caster, get, plain_index
from pgolf.untrusted.values import (
    MISSING,
    SCALED,
    ClassValue,
    Cursor,
    DictView,
    DType,
    ExceptionValue,
    Intrinsic,
    Loss,
    ModelOutput,
    NativeClass,
    NativeObject,
    OfLosses,
    Opaque,
    Scaled,
    ScaledFloat,
    ScaledText,
    Stuck,
    TextOf,
    Tok,
    Value,
)


def _loss_method(name: str) -> Method:
    if name in (
        "item",
        "detach",
        "float",
        "double",
        "cpu",
        "to",
        "clone",
        "cuda",
        "mean",
        "sum",
        "numpy",
        "tolist",
        "squeeze",
    ):
        return lambda interp, value, args, kwargs, line: value
    if name == "backward":
        return lambda interp, value, args, kwargs, line: interp.observer.differentiated(interp, value, line)
    return lambda interp, value, args, kwargs, line: OfLosses(
        f"{name}() of a loss", line, frozenset(value.weights)
    )


_LOSS_METHODS: dict[str, Method] = {
    name: _loss_method(name)
    for name in ("item", "detach", "float", "double", "cpu", "to", "clone", "cuda", "mean", "sum", "numpy", "tolist", "squeeze",
                 "backward", "exp", "log", "view", "reshape")
}  # fmt: skip
_OUTPUT_NAMES = (
    "detach", "item", "float", "double", "cpu", "to", "clone", "mean", "contiguous", "cuda", "numpy", "type", "astype", "reshape",
    "view", "flatten", "squeeze", "sum", "gather", "unsqueeze", "log_softmax", "backward", "size", "dim",
)  # fmt: skip


def _output_method(name: str) -> Method:
    return lambda interp, value, args, kwargs, line: models.model_output_method(
        interp, value, name, args, kwargs, line
    )


METHODS: dict[type, dict[str, Method]] = {
    str: STR_METHODS, bytes: BYTES_METHODS, bytearray: BYTEARRAY_METHODS, list: LIST_METHODS, tuple: TUPLE_METHODS,
    dict: DICT_METHODS, set: SET_METHODS, frozenset: FROZEN_METHODS,
    int: INT_METHODS, bool: INT_METHODS, Tok: INT_METHODS, float: FLOAT_METHODS,
    Tensor: arrays.TENSOR_METHODS,
    Loss: _LOSS_METHODS,
    TextOf: UNKNOWN_TEXT_METHODS,
    ModelOutput: {name: _output_method(name) for name in _OUTPUT_NAMES},
}  # fmt: skip


_PLAIN_KIND: dict[type, type] = {Scaled: int, ScaledFloat: float, ScaledText: str}
METHOD_TABLES.update(METHODS)


def value_attribute(interp: Interp, value: Value, name: str, line: int) -> Value:
    """Attributes of plain values, arrays and the like; MISSING where there is none."""
    if isinstance(value, Tensor):
        return arrays.tensor_attribute(interp, value, name, line)
    table = METHOD_TABLES.get(_PLAIN_KIND.get(type(value), type(value)))
    method = table.get(name) if table is not None else None
    if method is None and type(value) is dict and id(value) in interp.factories:
        return Opaque(f"attribute {name} of a counter or a dictionary with defaults", line)
    if type(value) is list and name in QUEUE_METHODS and not interp.is_deque(value):
        return MISSING
    if type(value) is list and name == "tolist" and interp.ranges_of(value) is None:
        return MISSING
    if method is None and type(value) is list and interp.is_special(value):
        return Opaque(f"attribute {name} of a deque or an array of numbers", line)
    if method is not None:
        if type(value) is ScaledText:
            method = scaled.text_method(method, name)
        elif type(value) in SCALED:
            return scaled.hidden(f"{name}() of a number that grows with the run", line)
        found = method
        return Intrinsic(name, lambda it, args, kwargs, ln: found(it, value, args, kwargs, ln))
    if isinstance(value, DType):
        if name == "itemsize":
            from pgolf.untrusted.tensor import item_bytes

            return item_bytes(value.name)
        if name == "name":
            return value.name
        return Opaque(f"attribute {name} of an element type", line)
    if isinstance(value, ExceptionValue):
        if name == "__class__":
            return interp.builtins.get(value.kind, Opaque("the class of an exception", line))
        return value.args if name == "args" else Opaque(f"attribute {name} of an exception", line)
    if isinstance(value, Loss):
        return Opaque(f"attribute {name} of a loss", line, "model")
    if isinstance(value, (int, float)) and (
        name == "real" or (name == "numerator" and isinstance(value, int))
    ):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, slice) and name in ("start", "stop", "step"):
        return getattr(value, name)
    if isinstance(value, range) and name in ("start", "stop", "step"):
        return getattr(value, name)
    if isinstance(value, Intrinsic):
        if name in ("__name__", "__doc__"):
            return value.name.rsplit(".", 1)[-1]
        if name == "at" and value.name.startswith("numpy."):
            return at_method(value.name)
        return Opaque(f"attribute {name} of {value.name}", line)
    return MISSING


def class_attribute(value: NativeClass, name: str) -> Value:
    """Attributes of modelled classes: `str.join`, `bytes.fromhex`, `dict.fromkeys`, `int.from_bytes`."""
    if value.name == "bytes" and name == "fromhex":
        return Intrinsic("bytes.fromhex", _fromhex)
    if value.name == "dict" and name == "fromkeys":
        return Intrinsic("dict.fromkeys", _fromkeys)
    if value.name == "int" and name == "from_bytes":
        return Intrinsic("int.from_bytes", _from_bytes)
    if value.name == "str" and name == "maketrans":
        return Intrinsic("str.maketrans", _maketrans)
    kinds = {"str": str, "bytes": bytes, "list": list, "dict": dict, "set": set, "int": int, "tuple": tuple}
    host = kinds.get(value.name)
    if host is not None and name in METHODS[host]:
        method = METHODS[host][name]
        return Intrinsic(
            f"{value.name}.{name}",
            lambda it, args, kwargs, ln: (
                method(it, args[0], args[1:], kwargs, ln)
                if args and isinstance(args[0], host)
                else Opaque(f"{value.name}.{name} of another kind of value", ln)
            ),
        )
    if value.name == "SentencePieceProcessor":
        from pgolf.untrusted.intrinsics.tokenizers import SENTENCEPIECE_METHODS

        native = SENTENCEPIECE_METHODS.get(name)
        if native is not None:
            return Intrinsic(
                name,
                lambda it, args, kwargs, ln: (
                    native(it, args[0], args[1:], kwargs, ln)
                    if args and isinstance(args[0], NativeObject) and args[0].kind == "SentencePieceProcessor"
                    else Opaque(f"{name} of something else", ln)
                ),
            )
    if name == "__name__":
        return value.name
    return MISSING


def _fromhex(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.operators import raise_in_script

    if not isinstance(args[0], str):
        return args[0] if isinstance(args[0], Opaque) else Opaque("fromhex()", line)
    try:
        return bytes.fromhex(args[0])
    except ValueError:
        raise raise_in_script("ValueError", "fromhex()", line) from None


def _fromkeys(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    from pgolf.untrusted.expressions import hashable

    keys = items_of(interp, args[0], line)
    if any(isinstance(k, Opaque) or (hashable(k) is None and k is not None) for k in keys):
        raise Stuck("dictionary with unknown keys", line)
    return interp.made(dict.fromkeys(keys, args[1] if len(args) > 1 else None))


def _from_bytes(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    order = args[1] if len(args) > 1 else kwargs.get("byteorder", "big")
    if (
        isinstance(args[0], (bytes, bytearray))
        and order in ("big", "little")
        and len(args[0]) <= interp.limits.int_bits // 8
    ):
        return int.from_bytes(bytes(args[0]), order, signed=bool(kwargs.get("signed", False)))
    return Opaque("int.from_bytes()", line)


def _maketrans(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    try:
        return (
            interp.made(str.maketrans(*args))
            if all(isinstance(a, (str, dict)) for a in args)
            else Opaque("maketrans()", line)
        )
    except (ValueError, TypeError):
        return Opaque("maketrans()", line)


_HOSTS: dict[str, type] = {"Path": pathlib.PosixPath, "match": re.Match, "pattern": re.Pattern}


def _exists_at_least(kind: str, name: str) -> Value:
    """An attribute that the real class has, and that is not modelled."""
    return Opaque(f"{kind}.{name} is not modelled") if name in dir(_HOSTS[kind]) else MISSING


def native_property(interp: Interp, value: NativeObject, name: str) -> Value:
    """Attributes of modelled objects that are no methods, or MISSING."""
    if value.kind == "Path":
        found = files.path_attribute(value, name)
        return found if found is not MISSING else _exists_at_least(value.kind, name)
    if value.kind in ("match", "pattern"):
        return _exists_at_least(value.kind, name)
    if value.kind == "npz" and name == "files":
        return list(value.state)
    if value.kind in ("input file", "output file", "shard file") and name == "name":
        return value.state[-1] if isinstance(value.state, list) else value.state
    if value.kind == "SentencePieceProcessor" and not name.startswith("__"):
        return Opaque(f"SentencePieceProcessor.{name} is not modelled")
    return Opaque(f"{value.kind}.{name} is not modelled")


def native_length(value: NativeObject) -> int | None:
    """`len()` of a modelled object, or None."""
    if value.kind == "SentencePieceProcessor":
        return len(value.state.vocabulary)
    if value.kind == "npz":
        return len(value.state)
    return None


def iterate_native(interp: Interp, value: Value, line: int) -> Any:
    """Iteration over anything that is no plain container."""
    if isinstance(value, DictView):
        interp.cells(len(value.source) >> 2)
        return iter(value)
    if isinstance(value, Cursor):
        if value.lost is None and not interp.changing(value, line):
            value.seen()  # what making its items changes is changed under the condition
            value.lost = Opaque("an iterator that is drawn from under an unknown condition", line)
        return iter(value) if value.lost is None else value.lost
    if isinstance(value, NativeObject):
        if value.kind == "npz":
            return iter(list(value.state))
        if value.kind == "input file" and isinstance(value.state[0], str):
            return iter(value.state[0].splitlines(True))
        return Opaque(f"iteration over a {value.kind}", line)
    from pgolf.untrusted.objects import get_attribute
    from pgolf.untrusted.values import Instance

    if isinstance(value, Instance):
        fields = value.cls.lookup("%fields")
        method = get_attribute(interp, value, "__iter__", line, missing_ok=True)
        if method is not MISSING:
            return interp.iterate(interp.call(method, [], {}, line), line)
        if fields is not MISSING and value.cls.lookup("%annotations") is not MISSING:
            return iter([value.attributes.get(name) for name, _ in fields])
        interp.may_call([value], line)
        return Opaque(f"iteration over an object of {value.cls.name}", line)
    if isinstance(value, Loss):
        raise Stuck("iteration over a loss", line)
    if isinstance(value, ClassValue):
        return Opaque("iteration over a class", line)
    from pgolf.untrusted.operators import raise_in_script

    raise raise_in_script("TypeError", f"{type(value).__name__} is not iterable", line)


def join_path(interp: Interp, a: NativeObject, b: Value, line: int) -> Value:
    """`path / part`."""
    text = files.path_text(b)
    if a.kind != "Path":
        return Opaque(f"division of a {a.kind}", line)
    if text is None:
        return b if isinstance(b, Opaque) else Opaque("path from something that is no text", line)
    return files.path_object(files.join_text([str(a.state), text]))


def compare_native(op: str, a: Value, b: Value, line: int) -> Value:
    """Comparison of modelled objects: paths by their text."""
    left, right = files.path_text(a), files.path_text(b)
    if left is not None and right is not None:
        if op in ("Eq", "NotEq"):
            paths = isinstance(a, NativeObject) and isinstance(b, NativeObject)
            if (
                paths
                and left != right
                and (".." in left + right or left.startswith("/") != right.startswith("/"))
            ):
                return Opaque("comparison of paths that may be resolved", line)
            both = isinstance(a, NativeObject) and isinstance(b, NativeObject)
            return (both and left == right) == (op == "Eq")
        return Opaque("ordering of paths", line)
    return Opaque("comparison of objects", line)


def native_contains(interp: Interp, container: Value, item: Value, line: int) -> Value:
    """`item in container` for modelled objects."""
    if isinstance(container, NativeObject):
        if container.kind == "npz":
            return item in container.state if isinstance(item, str) else False
        if container.kind == "environ":
            return library.environ_contains(interp, item, line)
    if isinstance(container, DictView):
        return contains(interp, container.source if container.kind == "keys" else list(container), item, line)
    if isinstance(container, Cursor):
        items = interp.iterate(container, line)
        if isinstance(items, Opaque):
            return items
        for x in items:
            same = compare(interp, "Eq", x, item, line)
            if same is True or isinstance(same, Opaque):
                return same
        return False
    return Opaque(f"membership in a {type(container).__name__}", line)


def _records_item(interp: Interp, container: NativeObject, index: Value, line: int) -> Value:
    """A field of a structured array by its name, or a row by its number."""
    from pgolf.untrusted.tensor import get

    columns: dict[str, Tensor] = container.state
    if isinstance(index, str):
        return columns[index] if index in columns else Opaque("no such field", line)
    if isinstance(index, int):
        size = next(iter(columns.values())).shape[0]
        if -size <= index < size:
            return tuple(get(column, index) for column in columns.values())
    return Opaque("part of a structured array", line)


def _set_records_item(interp: Interp, container: NativeObject, index: Value, value: Value, line: int) -> None:
    from pgolf.untrusted.objects import set_item

    columns: dict[str, Tensor] = container.state
    if (isinstance(index, str) and index not in columns) or (
        isinstance(index, int) and isinstance(value, tuple) and len(value) != len(columns)
    ):
        from pgolf.untrusted.operators import raise_in_script

        raise raise_in_script("ValueError", "no field of that name, or another number of fields", line)
    if isinstance(index, str) and index in columns:
        set_item(interp, columns[index], slice(None), value, line)
    elif isinstance(index, int) and isinstance(value, tuple) and len(value) == len(columns):
        for column, part in zip(columns.values(), value, strict=True):
            set_item(interp, column, index, part, line)
    else:
        for column in columns.values():
            spoil(column, "an element of a structured array was set in a way that is not followed", line)


def native_item(interp: Interp, container: Value, index: Value, line: int) -> Value:
    """`container[index]` for modelled objects."""
    if isinstance(container, NativeObject):
        if container.kind == "npz" and isinstance(index, str):
            found = container.state.get(index, MISSING)
            if found is MISSING:
                from pgolf.untrusted.operators import raise_in_script

                raise raise_in_script("KeyError", f"no array {index}", line)
            return found
        if container.kind == "environ":
            return library.environ_item(interp, index, line)
        if container.kind == "records":
            return _records_item(interp, container, index, line)
        if container.kind == "parents" and type(index) is int and 0 <= index < len(container.state):
            return container.state[index]
        if container.kind == "match" and isinstance(index, int) and abs(index) < len(container.state):
            return container.state[index]
        return Opaque(f"item of a {container.kind}", line)
    return Opaque(f"item of a {type(container).__name__}", line)


def set_native_item(interp: Interp, container: NativeObject, index: Value, value: Value, line: int) -> None:
    """`container[index] = value` for modelled objects; nothing of it is kept."""
    if container.kind in ("npz",):
        container.state[index] = value
    elif container.kind == "environ":
        library.environ_set(interp, index, value, line)
    elif container.kind == "records":
        _set_records_item(interp, container, index, value, line)


def native_text(value: NativeObject, line: int) -> Value:
    """`str(value)`."""
    if value.kind == "Path":
        return str(value.state)
    return Opaque(f"text of a {value.kind}", line, "text")


def native_sort_key(value: Value) -> Value:
    """A host key to sort modelled values by, or MISSING."""
    text = files.path_text(value)
    return text if text is not None else MISSING


def model_output_item(interp: Interp, output: ModelOutput, index: Value, line: int) -> Value:
    """`model(x, y)[i]`: the first of several results may be the loss.

    With a row and a stretch of it, as in `losses[b, start:end]`, the result can only be the losses per token: a mean has
    no rows, and logits have a third dimension.
    """
    targets = output.targets
    if (
        isinstance(index, tuple)
        and len(index) == 2
        and isinstance(targets, Tensor)
        and len(targets.shape) == 2
        and all(isinstance(i, (int, slice)) for i in index)
    ):
        losses: list[Value] = [
            Loss({x.pos: 1.0}) if isinstance(x, Tok) else Opaque("loss of padding", line, "model")
            for x in targets.data
        ]
        return get(Tensor(losses, targets.shape, "float32"), plain_index(index))
    if isinstance(index, (slice, tuple, Tensor)):
        return Opaque("part of the model's output", line, "model")
    return Opaque("one of the model's outputs", line, "model")


def call_dtype(interp: Interp, callee: Value, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`np.int16(5)`: a scalar of that type."""
    if not isinstance(callee, DType):
        return MISSING
    value = args[0] if args else 0
    if isinstance(value, Tensor):
        from pgolf.untrusted.tensor import cast_to

        return cast_to(value, callee.name)
    if isinstance(value, (list, tuple)):
        from pgolf.untrusted.tensor import from_nested

        made = from_nested(value, callee.name, False, interp.limits.interpreter_cells)
        made.library = "numpy"
        return made
    from pgolf.untrusted.tensor import storer

    if isinstance(value, (Opaque, Loss)) or type(value) in SCALED or callee.name == "object":
        return caster(callee.name)(value)
    if not isinstance(value, (int, float)):
        return Opaque(f"{callee.name}() of something that is no number", line)
    made = Tensor([storer(callee.name)(value)], (), callee.name)
    made.library = "numpy"
    return made


def packages(interp: Interp, tokenizer: TokenizerState) -> dict[str, Any]:
    """All modelled modules of one evaluation, made anew (scripts may patch them)."""
    out: dict[str, Any] = dict(library.standard_modules(interp))
    out["numpy"] = frameworks.numpy_module()
    torch = frameworks.torch_module()
    out.update({
        "torch": torch, "torch.nn": torch.attributes["nn"], "torch.nn.functional": torch.attributes["nn"].attributes["functional"],
        "torch.distributed": torch.attributes["distributed"], "torch.cuda": torch.attributes["cuda"],
        "sentencepiece": sentencepiece_module(tokenizer), "mlx.core": frameworks.mlx_module(), "mlx.nn": frameworks.mlx_nn_module(),
    })  # fmt: skip
    return out


__all__ = ["METHODS", "fresh_builtins", "packages"]
