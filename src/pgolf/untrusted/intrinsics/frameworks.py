"""numpy, torch and mlx as modules.

The three libraries are modelled together; where they differ (default element types), the module that a call came
from decides. Everything that is not listed is an unknown value.
"""

from __future__ import annotations

import math

from pgolf.untrusted import operators
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.arrays import TENSOR_METHODS, UNCHECKED, plain_call
from pgolf.untrusted.intrinsics.calls import Args, Call, Kwargs, none
from pgolf.untrusted.intrinsics.creation import (
    EMPTY,
    arange,
    array,
    filled,
    frombuffer,
    fromfile,
    fromiter,
    full,
    like,
    ndarray,
    np_load,
    random_numbers,
    same_array,
)
from pgolf.untrusted.intrinsics.element_types import DTYPES, dtype_object, iinfo
from pgolf.untrusted.intrinsics.elementwise import (
    array_equal,
    binary,
    comparison,
    down,
    elementwise_pick,
    isin,
    logical,
    logical_not,
    same_type,
    select,
    unary,
    up,
    where,
)
from pgolf.untrusted.intrinsics.files import saved_value, writes
from pgolf.untrusted.intrinsics.indexing import flatnonzero, np_nonzero
from pgolf.untrusted.intrinsics.models import cross_entropy, functional_calls, parameter
from pgolf.untrusted.intrinsics.processes import all_reduce, initialized, processes, rank, reductions
from pgolf.untrusted.intrinsics.reductions import argsort, bincount, np_sort
from pgolf.untrusted.intrinsics.shapes import (
    VIEWS,
    cat,
    hstack,
    np_append,
    np_repeat,
    np_tile,
    shape_of,
    stack,
    unmodelled_view,
)
from pgolf.untrusted.tensor import DTYPE_NAMES, Tensor, cast_to, from_nested
from pgolf.untrusted.values import MISSING, DType, Intrinsic, Module, NativeClass, Opaque, Value


def _as_function(name: str, torch_like: bool = False) -> Call:
    method = UNCHECKED[name]

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        first = args[0] if args else kwargs.pop("input", kwargs.pop("a", None))
        if isinstance(first, (list, tuple, range, int, float)) and not torch_like:
            first = from_nested(first, None, False, interp.limits.interpreter_cells)
            first.library = "numpy"
        if isinstance(first, Opaque):
            return interp.observer.call_unknown(
                interp, Opaque(first.reason, first.line, first.origin), args, kwargs, line
            )
        if not isinstance(first, Tensor):
            return Opaque(f"{name}() of something that is no array", line)
        return method(interp, first, args[1:], kwargs, line)

    return run


def _common(torch_like: bool) -> dict[str, Call]:
    functions: dict[str, Call] = {
        "zeros": filled(0, torch_like), "ones": filled(1, torch_like), "empty": filled(EMPTY, torch_like),
        "full": full(torch_like), "zeros_like": like(0), "ones_like": like(1), "full_like": like(None),
        "empty_like": like(EMPTY), "arange": arange, "where": where, "stack": stack, "minimum": elementwise_pick("minimum"),
        "maximum": elementwise_pick("maximum"), "logical_and": logical("and"), "logical_or": logical("or"),
        "logical_xor": logical("xor"), "logical_not": logical_not, "bitwise_and": binary("BitAnd"),
        "bitwise_or": binary("BitOr"), "bitwise_xor": binary("BitXor"), "add": binary("Add"), "subtract": binary("Sub"),
        "sub": binary("Sub"), "mul": binary("Mult"), "multiply": binary("Mult"), "divide": binary("Div"),
        "div": binary("Div"), "true_divide": binary("Div"), "floor_divide": binary("FloorDiv"), "mod": binary("Mod"),
        "remainder": binary("Mod"), "equal": comparison("Eq"), "eq": comparison("Eq"), "not_equal": comparison("NotEq"),
        "ne": comparison("NotEq"), "greater": comparison("Gt"), "gt": comparison("Gt"), "less": comparison("Lt"),
        "lt": comparison("Lt"), "ge": comparison("GtE"), "le": comparison("LtE"), "greater_equal": comparison("GtE"),
        "less_equal": comparison("LtE"), "exp": unary(math.exp, None), "log": unary(math.log, None),
        "log2": unary(math.log2, None), "sqrt": unary(math.sqrt, None), "floor": same_type(down),
        "ceil": same_type(up), "abs": same_type(abs), "absolute": same_type(abs),
        "isnan": unary(lambda x: x != x, "bool"), "isfinite": unary(math.isfinite, "bool"), "isinf": unary(math.isinf, "bool"),
        "iinfo": iinfo, "bincount": bincount, "frombuffer": frombuffer, "dot": _as_function("dot"),
        "bitwise_not": lambda i, a, k, ln: operators.unary(i, "Invert", a[0], ln),
        "invert": lambda i, a, k, ln: operators.unary(i, "Invert", a[0], ln),
    }  # fmt: skip
    for name in ("sum", "mean", "any", "all", "reshape", "squeeze", "clip", "cumsum", "take", "gather", "count_nonzero",
                 "nonzero", "flatten", "ravel", "unsqueeze", "index_select", "masked_select", "unique", "sort", "round", "numel",
                 "clamp", "repeat", "transpose", "permute", "clone", "amax", "amin", "masked_fill", "scatter_add", "split", "narrow",
                 "max", "min", "nansum"):  # fmt: skip
        if name in TENSOR_METHODS:
            functions.setdefault(name, _as_function(name, torch_like))
    return functions


def _file_functions() -> dict[str, Call]:
    return {
        "save": writes(0, 1, ".npy"), "savez": writes(0, None, ".npz"), "savez_compressed": writes(0, None, ".npz"),
    }  # fmt: skip


def _torch_files() -> dict[str, Call]:
    def load(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        found = saved_value(interp, args[0] if args else None, line)
        return found if found is not MISSING else Opaque("torch.load", line)

    return {"save": writes(1, 0), "load": load}


def _made_by(library: str, function: Call) -> Call:
    """What a library's function makes follows that library's rules."""

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        if kwargs and not plain_call(kwargs):
            return Opaque(f"named arguments {', '.join(sorted(kwargs))[:60]}", line)
        made = function(interp, args, kwargs, line)
        for t in made if type(made) is tuple else (made,):
            if type(t) is Tensor and t.library != library and not any(t is a for a in args):
                t.library = library
        if type(made) is float and library == "numpy":
            made = Tensor([made], (), "float64")
            made.library = library
        return made

    return run


_OPEN_KIND = frozenset(
    {"array", "zeros", "ones", "full", "empty", "asarray", "asanyarray", "reshape", "squeeze"}
)
"""Functions of numpy that may give an array without dimensions, which changes in place, where others give a number."""


def _may_change_in_place(function: Call) -> Call:
    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        made = function(interp, args, kwargs, line)
        if type(made) is Tensor and not made.shape and not any(made is a for a in args):
            made.library = ""
        return made

    return run


def numpy_module() -> Module:
    """numpy, as far as it is modelled."""
    module = Module("numpy")
    functions = _common(False)
    functions.update(
        array=array(False), asarray=same_array(False), ascontiguousarray=same_array(False), asanyarray=same_array(False),
        concatenate=cat, hstack=hstack, nonzero=np_nonzero, flatnonzero=flatnonzero, fromfile=fromfile, load=np_load,
        sort=np_sort, argsort=argsort, expand_dims=_as_function("unsqueeze"), copy=_as_function("clone"),
        dtype=dtype_object, repeat=np_repeat, tile=np_tile, append=np_append, memmap=fromfile,
        fromiter=fromiter, select=select, log1p=unary(math.log1p, None), size=_as_function("numel"), isin=isin, power=binary("Pow"),
        diff=lambda i, a, k, ln: Opaque("diff()", ln), shape=shape_of,
    )  # fmt: skip
    functions.update(_file_functions(), array_equal=array_equal)
    ruled = {name: _made_by("numpy", f) for name, f in functions.items()}
    ruled.update({name: _may_change_in_place(ruled[name]) for name in _OPEN_KIND})
    module.attributes.update({name: Intrinsic(f"numpy.{name}", f) for name, f in ruled.items()})
    for name, plain in DTYPES.items():
        if name not in ("long", "short", "float", "double", "half", "int", "bool"):
            module.attributes[name] = DType(plain)
    for name, plain in (
        ("float", "float64"),
        ("bool", "bool"),
        ("int", "int64"),
        ("double", "float64"),
        ("short", "int16"),
    ):
        module.attributes[name] = DType(plain)
    module.attributes.update(pi=math.pi, e=math.e, inf=math.inf, nan=math.nan, newaxis=None)
    module.attributes["ndarray"] = NativeClass("ndarray", ndarray)
    module.attributes["random"] = Module(
        "numpy.random",
        lambda name: Intrinsic(f"numpy.random.{name}", random_numbers),
    )
    return module


def _torch_where(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`torch.where`: of two plain numbers it makes an array of the default type."""
    made = where(interp, args, kwargs, line)
    if type(made) is Tensor and made.dtype == "float64" and not any(isinstance(a, Tensor) for a in args[1:]):
        return cast_to(made, "float32")
    return made


def torch_module() -> Module:
    """torch, as far as it is modelled."""
    module = Module("torch")
    functions = _common(True)
    functions.update(
        tensor=array(True), as_tensor=same_array(True), asarray=same_array(True), from_numpy=same_array(True),
        cat=cat, concat=cat, concatenate=cat, isin=isin, argsort=argsort, where=_torch_where,
        scalar_tensor=lambda i, a, k, ln: array(True)(i, a[:1], {"dtype": DType("float32"), **k}, ln),
        IntTensor=lambda i, a, k, ln: array(True)(i, [a[0]], {"dtype": DType("int32")}, ln),
        LongTensor=lambda i, a, k, ln: array(True)(i, [a[0]], {"dtype": DType("int64")}, ln),
        FloatTensor=lambda i, a, k, ln: array(True)(i, [a[0]], {"dtype": DType("float32")}, ln),
        BoolTensor=lambda i, a, k, ln: array(True)(i, [a[0]], {"dtype": DType("bool")}, ln),
        compile=lambda i, a, k, ln: a[0] if a else Intrinsic("torch.compile", lambda i2, a2, k2, l2: a2[0]),
        is_tensor=lambda i, a, k, ln: a[0] if isinstance(a[0], Opaque) else isinstance(a[0], Tensor),
        no_grad=_context, inference_mode=_context, autocast=_context, enable_grad=_context, set_grad_enabled=_context,
        set_float32_matmul_precision=none, manual_seed=none, set_num_threads=none, use_deterministic_algorithms=none,
    )  # fmt: skip
    for name in VIEWS:
        functions.setdefault(name, unmodelled_view)
    functions.update(_torch_files(), equal=array_equal)
    module.attributes.update(
        {name: Intrinsic(f"torch.{name}", _made_by("torch", f)) for name, f in functions.items()}
    )
    for name, plain in DTYPES.items():
        if not name.endswith("_") and name not in (
            "byte",
            "ubyte",
            "ushort",
            "single",
            "longlong",
            "uint",
            "intp",
            "intc",
            "object",
        ):
            module.attributes[name] = DType(plain)
    module.attributes["int"] = DType("int32")
    module.attributes["Tensor"] = NativeClass("Tensor", lambda i, a, k, ln: Opaque("Tensor()", ln))
    module.attributes.update(pi=math.pi, inf=math.inf, nan=math.nan)
    functional = Module("torch.nn.functional")
    functional.attributes.update(
        {name: Intrinsic(f.name, _made_by("torch", f.call)) for name, f in functional_calls().items()}
    )
    nn = Module("torch.nn", lambda name: Opaque(f"torch.nn.{name}", 0, "model"))
    nn.attributes["functional"] = functional
    for name in ("Parameter", "Buffer"):
        nn.attributes[name] = Intrinsic(f"torch.nn.{name}", parameter)
    module.attributes["nn"] = nn
    distributed = Module("torch.distributed", lambda name: Opaque(f"torch.distributed.{name}", 0, "config"))
    distributed.attributes.update(
        is_available=Intrinsic("dist.is_available", lambda i, a, k, ln: True),
        is_initialized=Intrinsic("dist.is_initialized", initialized), get_rank=Intrinsic("dist.get_rank", rank),
        get_world_size=Intrinsic("dist.get_world_size", processes), ReduceOp=reductions(),
        all_reduce=Intrinsic("dist.all_reduce", all_reduce), barrier=Intrinsic("dist.barrier", none),
        broadcast=Intrinsic("dist.broadcast", none), reduce=Intrinsic("dist.reduce", none),
        init_process_group=Intrinsic("dist.init_process_group", none),
        destroy_process_group=Intrinsic("dist.destroy_process_group", none),
        broadcast_object_list=Intrinsic("dist.broadcast_object_list", none),
    )  # fmt: skip
    module.attributes["distributed"] = distributed
    cuda = Module("torch.cuda", lambda name: Opaque(f"torch.cuda.{name}", 0, "config"))
    cuda.attributes.update(
        is_available=Intrinsic("cuda.is_available", lambda i, a, k, ln: True),
        device_count=Intrinsic("cuda.device_count", processes),
        synchronize=Intrinsic("cuda.synchronize", none), empty_cache=Intrinsic("cuda.empty_cache", none),
        set_device=Intrinsic("cuda.set_device", none), manual_seed_all=Intrinsic("cuda.manual_seed_all", none),
        manual_seed=Intrinsic("cuda.manual_seed", none), reset_peak_memory_stats=Intrinsic("cuda.reset", none),
    )  # fmt: skip
    module.attributes["cuda"] = cuda
    module.resolve = lambda name: Opaque(
        f"torch.{name}", 0, "config" if name in ("backends", "device", "version", "__version__") else "model"
    )
    return module


def mlx_module() -> Module:
    """mlx.core."""
    module = Module("mlx.core")
    functions = _common(False)
    functions.update(
        array=array(True),
        concatenate=cat,
        eval=none,
        synchronize=none,
        compile=lambda i, a, k, ln: a[0] if a else Opaque("compile", ln),
    )
    module.attributes.update({name: Intrinsic(f"mlx.{name}", f) for name, f in functions.items()})
    for name in DTYPE_NAMES:
        module.attributes[name] = DType(name)
    module.attributes["bool_"] = DType("bool")
    module.resolve = lambda name: Opaque(f"mlx.core.{name}", 0, "model")
    return module


def mlx_nn_module() -> Module:
    """mlx.nn."""
    module = Module("mlx.nn", lambda name: Opaque(f"mlx.nn.{name}", 0, "model"))
    losses = Module("mlx.nn.losses")
    losses.attributes["cross_entropy"] = Intrinsic(
        "cross_entropy", lambda i, a, k, ln: cross_entropy(i, a, {"reduction": "none", **k}, ln)
    )
    module.attributes["losses"] = losses
    return module


def _context(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A context manager or decorator that changes no value."""
    if args and not isinstance(args[0], (bool, str, Opaque)):
        return args[0]
    return Intrinsic("context", lambda i, a, k, ln: a[0] if a else None)
