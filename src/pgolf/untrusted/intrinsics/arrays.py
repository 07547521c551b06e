"""Methods and attributes of arrays, and which library has which."""

from __future__ import annotations

import math
from typing import Any

from pgolf.untrusted import operators
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, Method, array_room
from pgolf.untrusted.intrinsics.creation import CREATION_METHODS
from pgolf.untrusted.intrinsics.element_types import CAST_METHODS
from pgolf.untrusted.intrinsics.elementwise import ELEMENTWISE_METHODS
from pgolf.untrusted.intrinsics.indexing import INDEXING_METHODS
from pgolf.untrusted.intrinsics.reductions import REDUCTION_METHODS
from pgolf.untrusted.intrinsics.shapes import SHAPE_METHODS, elements, tensor_dimensions
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import Tensor, cast_to, item_bytes, reshape, same_memory, transpose
from pgolf.untrusted.values import MISSING, DType, Intrinsic, Opaque, Value


def _identity(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return t


def _clone(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    array_room(interp, len(t.data))
    return cast_to(t, t.dtype)


def _nan_to_num(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    """Zero for what is no number; the largest numbers that stand for the infinite ones depend on the type."""
    if args or kwargs or any(type(x) is float and math.isinf(x) for x in t.data):
        return Opaque("nan_to_num() with options, or of infinite numbers", line)
    return Tensor([0.0 if type(x) is float and x != x else x for x in t.data], t.shape, t.dtype)


def _tobytes(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    if t.dtype == "uint8" and all(isinstance(x, int) for x in t.data):
        return bytes(t.data)
    return Opaque("bytes of an array", line)


def _element_size(interp: Interp, t: Tensor, args: Args, kwargs: Kwargs, line: int) -> Value:
    return item_bytes(t.dtype)


def _same_rules(method: Method, name: str) -> Method:
    """What a method of an array makes follows the rules that hold for the array; a method that the library does not have
    raises."""
    not_of = "torch" if name in _NUMPY_ONLY else "" if name in _NUMPY_NAMES else "numpy"

    def run(interp: Interp, t: Any, args: Args, kwargs: Kwargs, line: int) -> Value:
        if kwargs and not plain_call(kwargs):
            return Opaque(f"named arguments {', '.join(sorted(kwargs))[:60]}", line)
        if type(t) is Tensor and t.library and not_of == t.library:
            raise raise_in_script("AttributeError", "no such method of this library's arrays", line)
        made = method(interp, t, args, kwargs, line)
        if type(made) is Tensor:
            if not made.library and type(t) is Tensor:
                made.library = t.library
        elif type(made) is tuple and type(t) is Tensor:
            for x in made:
                if type(x) is Tensor and not x.library:
                    x.library = t.library
        return made

    return run


TENSOR_METHODS: dict[str, Method] = {
    **SHAPE_METHODS,
    **CAST_METHODS,
    **INDEXING_METHODS,
    **REDUCTION_METHODS,
    **ELEMENTWISE_METHODS,
    **CREATION_METHODS,
    **dict.fromkeys((
        "cpu", "cuda", "detach", "detach_", "contiguous", "requires_grad_", "pin_memory", "share_memory_", "resolve_conj", "block_until_ready",
        "mps", "view_as_real", "asnumpy", "wait", "data_ptr_guard"), _identity),
    "clone": _clone, "copy": _clone, "bitwise_not": lambda i, t, a, k, ln: operators.unary(i, "Invert", t, ln),
    "tobytes": _tobytes, "element_size": _element_size, "neg": lambda i, t, a, k, ln: operators.unary(i, "USub", t, ln),
    "argmax": lambda i, t, a, k, ln: Opaque("argmax()", ln), "setflags": lambda i, t, a, k, ln: None,
    "record_stream": lambda i, t, a, k, ln: None, "is_floating_point": lambda i, t, a, k, ln: "float" in t.dtype,
    "is_contiguous": lambda i, t, a, k, ln: True, "data_ptr": lambda i, t, a, k, ln: Opaque("address", ln),
    "nan_to_num": _nan_to_num, "backward": lambda i, t, a, k, ln: i.observer.differentiated(i, t, ln),
}  # fmt: skip

_NUMPY_NAMES = frozenset(
    {
        "all", "any", "argmax", "argmin", "argsort", "astype", "base", "byteswap", "choose", "clip", "compress", "conj", "conjugate",
        "copy", "ctypes", "cumprod", "cumsum", "data", "device", "diagonal", "dot", "dtype", "dump", "dumps", "fill", "flags",
        "flat", "flatten", "getfield", "imag", "item", "itemsize", "mT", "max", "mean", "min", "nbytes", "ndim", "nonzero",
        "partition", "prod", "put", "ravel", "real", "repeat", "reshape", "resize", "round", "searchsorted", "setfield",
        "setflags", "shape", "size", "sort", "squeeze", "std", "strides", "sum", "swapaxes", "take", "to_device", "tobytes",
        "tofile", "tolist", "trace", "transpose", "var", "view", "T",
    }
)  # fmt: skip

_NUMPY_ONLY = frozenset({"astype", "copy", "fill", "tobytes", "setflags", "flat"})

_OTHER_RESULTS = frozenset({"out", "where", "initial", "order", "casting", "subok", "like"})
"""Named arguments that change where a result goes or what it holds; none of them is followed, but for C's own order."""


def plain_call(kwargs: Kwargs) -> bool:
    return not kwargs or all(
        name not in _OTHER_RESULTS or (name == "order" and value in ("C", None))
        for name, value in kwargs.items()
    )


UNCHECKED = dict(TENSOR_METHODS)
"""The same without the look at which library has a method: as functions, most are in both."""

TENSOR_METHODS.update(
    {name: _same_rules(method, name) for name, method in TENSOR_METHODS.items()},
    numpy=_same_rules(lambda i, t, a, k, ln: same_memory(t, "numpy"), "numpy"),
)


def tensor_attribute(interp: Interp, t: Tensor, name: str, line: int) -> Value:
    """Properties of arrays, or MISSING."""
    if name == "shape":
        return tensor_dimensions(interp, t)
    if name == "dtype":
        return DType(t.dtype)
    if name in ("ndim",):
        return len(t.shape)
    if name == "size":
        return elements(interp, t)
    if name in ("data", "real"):
        return t
    if name == "mT":
        order = list(range(len(t.shape)))
        return transpose(t, [*order[:-2], *order[:-3:-1]]) if len(order) > 1 else Opaque("mT of a row", line)
    if name == "T":
        return transpose(t, list(range(len(t.shape)))[::-1])
    if name == "nbytes":
        return len(t.data) * item_bytes(t.dtype)
    if name == "itemsize":
        return item_bytes(t.dtype)
    if name == "device":
        return Opaque("device", line, "config")
    if name in ("is_cuda", "requires_grad", "is_sparse", "is_quantized"):
        return name == "is_cuda"
    if name == "grad":
        return Opaque("gradient", line, "model")
    if name == "flat":
        return reshape(t, [-1])
    if name in ("ctypes", "base", "__array_interface__", "__cuda_array_interface__"):
        operators.spoil(t, f"its memory is handed out as {name}", line)
    if (t.library == "numpy" and name not in _NUMPY_NAMES) or (t.library == "torch" and name in _NUMPY_ONLY):
        return MISSING
    method = TENSOR_METHODS.get(name)
    if method is not None:
        return Intrinsic(f"array.{name}", lambda it, args, kwargs, ln: method(it, t, args, kwargs, ln), t)
    return MISSING
