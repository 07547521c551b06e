"""A small `torch` on numpy, ours, so that CPython can run the programs of the grammar: element types follow torch's rules.

Only what the grammar writes is here; anything else is an AttributeError, which a test reports as a gap of its own.
Source of the promotion rules: torch's documentation of `torch.result_type` and of in-place casts.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_FLOATS = "f"


def _category(dtype: np.dtype[Any]) -> int:
    return {"b": 0, "i": 1, "u": 1, "f": 2}[dtype.kind]


def _promote(a: np.dtype[Any] | None, b: np.dtype[Any] | None) -> np.dtype[Any] | None:
    if a is None or b is None:
        return a if b is None else b
    if (a.kind == _FLOATS) != (b.kind == _FLOATS):
        return a if a.kind == _FLOATS else b
    return np.promote_types(a, b)


def _combine(higher: np.dtype[Any] | None, lower: np.dtype[Any] | None) -> np.dtype[Any] | None:
    if higher is None or lower is None:
        return lower if higher is None else higher
    if higher.kind == _FLOATS:
        return higher
    if higher.kind == "b" or lower.kind == _FLOATS:
        return _promote(higher, lower)
    return higher


def result_type(*values: Any) -> np.dtype[Any]:
    dims: np.dtype[Any] | None = None
    zeros: np.dtype[Any] | None = None
    plain: np.dtype[Any] | None = None
    for v in values:
        if isinstance(v, Tensor):
            if v.a.ndim:
                dims = _promote(dims, v.a.dtype)
            else:
                zeros = _promote(zeros, v.a.dtype)
        else:
            own = np.dtype("bool" if isinstance(v, bool) else "int64" if isinstance(v, int) else "float32")
            plain = _promote(plain, own)
    found = _combine(dims, _combine(zeros, plain))
    assert found is not None
    return found


def _cast(v: Any, dtype: np.dtype[Any]) -> Any:
    array = v.a if isinstance(v, Tensor) else np.asarray(v)
    return array.astype(dtype)


def _array(data: Any, dtype: Any = None) -> Any:
    """The array of `torch.tensor(data, dtype)`: Python numbers that do not fit raise."""
    if isinstance(data, Tensor):
        data = data.a
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        data = [x.item() if isinstance(x, Tensor) else x for x in data]
    if isinstance(data, (np.ndarray, np.generic)):
        return np.array(data, dtype=dtype or data.dtype)
    found = np.array(data)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"new(): invalid data type {found.dtype}")
    if dtype is None:
        return found.astype(np.float32) if found.dtype.kind == "f" else found
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    if info is not None and found.size and (found.min() < info.min or found.max() > info.max):
        raise RuntimeError(f"value cannot be converted to type {dtype} without overflow")
    return found.astype(dtype)


def _index(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(_index(k) for k in key)
    if isinstance(key, Tensor):
        if key.a.dtype not in (np.int64, np.int32, np.bool_):
            raise IndexError("tensors used as indices must be long, int or bool tensors")
        return key.a if key.a.ndim or key.a.dtype == np.bool_ else int(key.a)
    return key


class Tensor:
    def __init__(self, a: Any) -> None:
        self.a = np.asarray(a)

    dtype = property(lambda self: self.a.dtype)
    shape = property(lambda self: self.a.shape)
    ndim = property(lambda self: self.a.ndim)
    device = property(lambda self: "cpu")
    T = property(lambda self: Tensor(self.a.T))

    # -- values
    def __len__(self) -> int:
        return len(self.a)

    def __iter__(self) -> Iterator[Tensor]:
        return (Tensor(x) for x in self.a)

    def __bool__(self) -> bool:
        return bool(self.a)

    def __int__(self) -> int:
        return int(self.a)

    def __index__(self) -> int:
        return int(self.a)

    def __float__(self) -> float:
        return float(self.a)

    def __format__(self, spec: str) -> str:
        return format(self.a.item(), spec) if self.a.ndim == 0 else repr(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.a if dtype is None else self.a.astype(dtype)

    def __getitem__(self, key: Any) -> Tensor:
        return Tensor(self.a[_index(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.a[_index(key)] = (
            _cast(value, self.a.dtype) if isinstance(value, Tensor) else _array(value, self.a.dtype)
        )

    def item(self) -> Any:
        return self.a.item()

    def tolist(self) -> Any:
        return self.a.tolist()

    def numpy(self) -> Any:
        return self.a

    # -- shapes
    def numel(self) -> int:
        return int(self.a.size)

    nelement = numel

    def dim(self) -> int:
        return self.a.ndim

    def size(self, at: int | None = None) -> Any:
        return self.a.shape if at is None else self.a.shape[at]

    def reshape(self, *shape: Any) -> Tensor:
        return Tensor(self.a.reshape(*shape))

    view = reshape

    def flatten(self, *at: int) -> Tensor:
        if at == (0, 1):
            return Tensor(self.a.reshape(-1, *self.a.shape[2:]))
        return Tensor(self.a.reshape(-1))

    def squeeze(self, at: int | None = None) -> Tensor:
        return Tensor(self.a.squeeze(at))

    def unsqueeze(self, at: int) -> Tensor:
        return Tensor(np.expand_dims(self.a, at))

    def transpose(self, a: int, b: int) -> Tensor:
        return Tensor(np.swapaxes(self.a, a, b))

    def narrow(self, at: int, start: int, length: int) -> Tensor:
        return Tensor(self.a[(slice(None),) * at + (slice(start, start + length),)])

    def unfold(self, at: int, size: int, step: int) -> Tensor:
        assert at == 0
        return Tensor(np.stack([self.a[i : i + size] for i in range(0, len(self.a) - size + 1, step)]))

    def split(self, size: int) -> tuple[Tensor, ...]:
        return tuple(Tensor(self.a[i : i + size]) for i in range(0, len(self.a), size))

    def chunk(self, n: int) -> tuple[Tensor, ...]:
        return self.split(-(-len(self.a) // n))

    # -- copies and element types
    def clone(self) -> Tensor:
        return Tensor(self.a.copy())

    def _same(self, *args: Any, **kwargs: Any) -> Tensor:
        return self

    contiguous = detach = cpu = cuda = pin_memory = requires_grad_ = _same

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: bool = False,
        copy: bool = False,
    ) -> Tensor:
        for arg in args:
            if isinstance(arg, np.dtype):
                dtype = arg
            elif isinstance(arg, Tensor):
                dtype = arg.a.dtype
        same = dtype is None or dtype == self.a.dtype
        return (self.clone() if copy else self) if same else Tensor(self.a.astype(dtype))

    def type(self, dtype: Any) -> Tensor:
        return self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.a.dtype)

    def double(self) -> Tensor:
        return self.to(np.dtype("float64"))

    def float(self) -> Tensor:
        return self.to(np.dtype("float32"))

    def long(self) -> Tensor:
        return self.to(np.dtype("int64"))

    def int(self) -> Tensor:
        return self.to(np.dtype("int32"))

    def short(self) -> Tensor:
        return self.to(np.dtype("int16"))

    def bool(self) -> Tensor:
        return self.to(np.dtype("bool"))

    # -- reductions
    def sum(self, dim: Any = None, dtype: Any = None) -> Tensor:
        kind = dtype or (self.a.dtype if self.a.dtype.kind == "f" else np.dtype("int64"))
        return Tensor(np.asarray(self.a.sum(axis=dim, dtype=kind)))

    def mean(self, dim: Any = None) -> Tensor:
        if self.a.dtype.kind != "f":
            raise RuntimeError("mean(): could not infer output dtype")
        return Tensor(np.asarray(self.a.mean(axis=dim)))

    def any(self, dim: Any = None) -> Tensor:
        return Tensor(np.asarray(self.a.any(axis=dim)))

    def all(self, dim: Any = None) -> Tensor:
        return Tensor(np.asarray(self.a.all(axis=dim)))

    def max(self) -> Tensor:
        return Tensor(np.asarray(self.a.max()))

    def min(self) -> Tensor:
        return Tensor(np.asarray(self.a.min()))

    def argmax(self, dim: Any = None) -> Tensor:
        return Tensor(np.asarray(self.a.argmax(axis=dim)))

    def nonzero(self, as_tuple: bool = False) -> Any:
        found = self.a.nonzero()
        return tuple(Tensor(x) for x in found) if as_tuple else Tensor(np.stack(found, axis=1))

    # -- arithmetic
    def _binary(self, other: Any, operation: Callable[[Any, Any], Any], swap: bool = False) -> Any:
        if not isinstance(other, (Tensor, bool, int, float, np.generic, np.ndarray)):
            return NotImplemented
        if isinstance(other, (np.generic, np.ndarray)):
            other = other.item() if np.ndim(other) == 0 else Tensor(other)
        kind = result_type(self, other)
        a, b = _cast(self, kind), _cast(other, kind)
        if operation is np.subtract and kind == np.bool_:
            raise RuntimeError("Subtraction, the `-` operator, with a bool tensor is not supported.")
        if operation is np.true_divide and kind.kind != "f":
            a, b = a.astype(np.float32), b.astype(np.float32)
        with np.errstate(all="ignore"):
            return Tensor(np.asarray(operation(b, a) if swap else operation(a, b)))

    def _inplace(self, other: Any, operation: Callable[[Any, Any], Any]) -> Tensor:
        found = self._binary(other, operation)
        if _category(found.a.dtype) > _category(self.a.dtype):
            raise RuntimeError(f"result type {found.a.dtype} can't be cast to {self.a.dtype}")
        self.a[...] = found.a.astype(self.a.dtype)
        return self

    def __invert__(self) -> Tensor:
        return Tensor(~self.a)

    def __neg__(self) -> Tensor:
        return Tensor(-self.a)

    def __hash__(self) -> int:
        return id(self)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        return Tensor(np.clip(self.a, min, max).astype(self.a.dtype))

    clip = clamp

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        self.a[...] = np.clip(self.a, min, max)
        return self

    def logical_not(self) -> Tensor:
        return Tensor(np.logical_not(self.a))

    def logical_and(self, other: Tensor) -> Tensor:
        return Tensor(np.logical_and(self.a, other.a))

    def logical_or(self, other: Tensor) -> Tensor:
        return Tensor(np.logical_or(self.a, other.a))

    # -- writes
    def fill_(self, v: Any) -> Tensor:
        self.a[...] = _array(v, self.a.dtype)
        return self

    def zero_(self) -> Tensor:
        return self.fill_(0)

    def copy_(self, other: Tensor) -> Tensor:
        self.a[...] = _cast(other, self.a.dtype)
        return self

    def masked_fill_(self, mask: Tensor, v: Any) -> Tensor:
        self[mask] = v
        return self

    def masked_fill(self, mask: Tensor, v: Any) -> Tensor:
        return self.clone().masked_fill_(mask, v)

    def index_fill_(self, dim: int, index: Tensor, v: Any) -> Tensor:
        self[index] = v
        return self

    def index_put_(self, index: Any, v: Any) -> Tensor:
        self[tuple(index)] = v
        return self

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        return Tensor(np.take(self.a, _index(index), axis=dim))

    def gather(self, dim: int, index: Tensor) -> Tensor:
        return Tensor(np.take_along_axis(self.a, index.a, axis=dim))

    def scatter_(self, dim: int, index: Tensor, v: Any) -> Tensor:
        self[index] = v
        return self

    def log_softmax(self, dim: int = -1) -> Tensor:
        return log_softmax(self, dim)

    def exp(self) -> Tensor:
        return Tensor(np.exp(self.a))

    def log(self) -> Tensor:
        return Tensor(np.log(self.a if self.a.dtype.kind == "f" else self.a.astype(np.float32)))


def _define() -> None:
    plain = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
        "mod": np.mod, "pow": np.power, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
        "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
    }  # fmt: skip
    for name, f in plain.items():
        setattr(Tensor, f"__{name}__", lambda self, other, f=f: self._binary(other, f))
        if name not in ("lt", "le", "gt", "ge", "eq", "ne"):
            setattr(Tensor, f"__r{name}__", lambda self, other, f=f: self._binary(other, f, swap=True))
            setattr(Tensor, f"__i{name}__", lambda self, other, f=f: self._inplace(other, f))
    for name in ("add", "sub", "mul"):
        f = plain[name]
        setattr(Tensor, name, lambda self, other, f=f: self._binary(other, f))
        setattr(Tensor, name + "_", lambda self, other, f=f: self._inplace(other, f))
    Tensor.div = lambda self, other: self._binary(other, np.true_divide)  # type: ignore[attr-defined]
    Tensor.div_ = lambda self, other: self._inplace(other, np.true_divide)  # type: ignore[attr-defined]


_define()


def log_softmax(logits: Tensor, dim: int = -1, dtype: Any = None) -> Tensor:
    a = logits.a.astype(np.float64)
    a = a - a.max(axis=dim, keepdims=True)
    return Tensor((a - np.log(np.exp(a).sum(axis=dim, keepdims=True))).astype(dtype or logits.a.dtype))


def cross_entropy(
    logits: Tensor, targets: Tensor, reduction: str = "mean", ignore_index: int = -100
) -> Tensor:
    axis = 1 if logits.a.ndim > 1 else 0
    logp = log_softmax(Tensor(logits.a.astype(np.float64)), axis).a
    found = -np.take_along_axis(logp, np.expand_dims(targets.a, axis), axis=axis).squeeze(axis)
    found = np.where(targets.a == ignore_index, 0.0, found)
    if reduction == "sum":
        found = found.sum()
    elif reduction == "mean":
        found = found.sum() / max(int((targets.a != ignore_index).sum()), 1)
    return Tensor(np.asarray(found, dtype=logits.a.dtype))


def weight(rows: int, columns: int) -> Any:
    """Weights of a layer, the same for every layer of one shape; float64 values that float32 holds."""
    draw = np.random.Generator(np.random.PCG64(rows * 1009 + columns))
    return draw.standard_normal((rows, columns)).astype(np.float32)


class Module:
    training = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)  # type: ignore[attr-defined]

    def _self(self, *args: Any, **kwargs: Any) -> Any:
        return self

    to = cuda = cpu = bfloat16 = float = double = eval = train = requires_grad_ = _self

    def parameters(self) -> list[Tensor]:
        return []


class Embedding(Module):
    def __init__(self, rows: int, columns: int) -> None:
        self.weight = Tensor(weight(rows, columns))

    def forward(self, x: Tensor) -> Tensor:
        return Tensor(self.weight.a[x.a])


class Linear(Module):
    def __init__(self, given: int, made: int, bias: bool = True) -> None:
        self.weight = Tensor(weight(made, given))

    def forward(self, x: Tensor) -> Tensor:
        return Tensor(x.a @ self.weight.a.T)


class _Context:
    """A context manager and decorator that does nothing: no_grad, inference_mode, autocast."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __enter__(self) -> None:
        return None

    def __exit__(self, *args: Any) -> None:
        return None

    def __call__(self, function: Any) -> Any:
        return function


def make_torch(
    rank: int = 0, world: int = 1, exchange: Callable[[Any], list[Any]] | None = None
) -> dict[str, Any]:
    """The modules `torch…` of one process; `exchange` hands each process the values of all."""
    torch = types.ModuleType("torch")
    t: Any = torch
    for name in (
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "float16",
        "float32",
        "float64",
        "bool",
    ):
        setattr(torch, name, np.dtype(name))
    t.long, t.short, t.int, t.float, t.double, t.half = (
        t.int64,
        t.int16,
        t.int32,
        t.float32,
        t.float64,
        t.float16,
    )
    t.bfloat16 = np.dtype("float32")

    def filled(value: Any) -> Callable[..., Tensor]:
        def make(*shape: Any, dtype: Any = None, device: Any = None) -> Tensor:
            flat = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
            return Tensor(np.full(flat, value, dtype=dtype or np.float32))

        return make

    def full(shape: Any, value: Any, dtype: Any = None, device: Any = None) -> Tensor:
        return Tensor(np.full(shape, _array(value, dtype)))

    def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
        if isinstance(data, Tensor):
            return data.to(dtype)
        if isinstance(data, np.ndarray):
            return Tensor(data if dtype is None else data.astype(dtype, copy=False))
        return Tensor(_array(data, dtype))

    def where(mask: Tensor, a: Any, b: Any) -> Tensor:
        kind = result_type(a, b)
        return Tensor(np.where(mask.a, _cast(a, kind), _cast(b, kind)))

    def arange(*bounds: int, dtype: Any = None, device: Any = None) -> Tensor:
        return Tensor(np.arange(*bounds, dtype=dtype or np.int64))

    t.Tensor, t.tensor, t.as_tensor, t.full, t.where, t.arange = (
        Tensor, lambda data, dtype=None, device=None: Tensor(_array(data, dtype)), as_tensor, full, where, arange,
    )  # fmt: skip
    t.zeros, t.ones, t.empty = filled(0), filled(1), filled(0)
    t.zeros_like = lambda x, dtype=None: Tensor(np.zeros_like(x.a, dtype=dtype))
    t.ones_like = lambda x, dtype=None: Tensor(np.ones_like(x.a, dtype=dtype))
    t.full_like = lambda x, v, dtype=None: Tensor(np.full(x.shape, _array(v, dtype or x.dtype)))
    t.from_numpy = Tensor
    t.stack = lambda xs, dim=0: Tensor(np.stack([x.a for x in xs], axis=dim))
    t.cat = lambda xs, dim=0: Tensor(np.concatenate([x.a for x in xs], axis=dim))
    t.logical_not, t.logical_and, t.logical_or = Tensor.logical_not, Tensor.logical_and, Tensor.logical_or
    t.logical_xor = lambda a, b: Tensor(np.logical_xor(a.a, b.a))
    t.sum, t.mean, t.nonzero, t.clamp = Tensor.sum, Tensor.mean, Tensor.nonzero, Tensor.clamp
    t.minimum, t.maximum = (
        lambda a, b: a._binary(b, np.minimum), lambda a, b: a._binary(b, np.maximum),
    )  # fmt: skip
    t.log_softmax, t.gather = log_softmax, Tensor.gather
    t.no_grad = t.inference_mode = t.autocast = t.enable_grad = _Context
    t.device = lambda *names: "cpu"
    t.manual_seed = lambda seed: None
    t.is_tensor = lambda v: isinstance(v, Tensor)
    t.compile = lambda model=None, **kwargs: model
    t.cuda = types.SimpleNamespace(
        is_available=lambda: True,
        set_device=lambda d: None,
        synchronize=lambda: None,
        device_count=lambda: world,
    )
    t.numel = Tensor.numel

    nn, functional, dist = (
        types.ModuleType(n) for n in ("torch.nn", "torch.nn.functional", "torch.distributed")
    )
    n: Any = nn
    n.Module, n.Embedding, n.Linear, n.functional = Module, Embedding, Linear, functional
    f: Any = functional
    f.cross_entropy, f.log_softmax = cross_entropy, log_softmax
    f.nll_loss = lambda logp, y, reduction="mean": _nll(logp, y, reduction)
    f.rms_norm = lambda x, shape: x
    d: Any = dist

    def all_reduce(value: Tensor, op: str = "sum") -> None:
        parts = exchange(value.a.copy()) if exchange is not None else [value.a]
        found = (
            np.sum(parts, axis=0)
            if op in ("sum", "avg")
            else np.max(parts, axis=0)
            if op == "max"
            else np.min(parts, axis=0)
        )
        value.a[...] = found / world if op == "avg" else found

    d.ReduceOp = types.SimpleNamespace(SUM="sum", AVG="avg", MAX="max", MIN="min")
    d.all_reduce = all_reduce
    d.is_available = lambda: True
    d.is_initialized = lambda: world > 1
    d.init_process_group = d.barrier = d.destroy_process_group = lambda *a, **k: None
    d.get_rank, d.get_world_size = lambda: rank, lambda: world
    t.nn, t.distributed = nn, dist
    return {"torch": torch, "torch.nn": nn, "torch.nn.functional": functional, "torch.distributed": dist}


def _nll(logp: Tensor, y: Tensor, reduction: str) -> Tensor:
    found = -np.take_along_axis(logp.a, y.a[:, None], axis=1)[:, 0]
    return Tensor(
        np.asarray(found.sum() if reduction == "sum" else found.mean() if reduction == "mean" else found)
    )
