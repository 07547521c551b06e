"""Element types: for every pair of types, with numbers and with single elements, numpy's type and values (wrap-around, rounding,
errors), or "not known"."""

from __future__ import annotations

import pytest

from tests.evaluator.differential import cases, differences, known

_BEFORE = """import numpy as np
i8 = np.array([3, -100, 127, 0], dtype=np.int8)
u8 = np.array([250, 10, 0, 255], dtype=np.uint8)
i16 = np.array([300, -2, 32767, 7], dtype=np.int16)
u16 = np.array([65535, 1, 0, 9], dtype=np.uint16)
i32 = np.array([2147483647, -5, 0, 3], dtype=np.int32)
u32 = np.array([4294967295, 0, 1, 2], dtype=np.uint32)
i64 = np.array([5, -7, 0, 9], dtype=np.int64)
u64 = np.array([5, 7, 0, 18446744073709551615], dtype=np.uint64)
f16 = np.array([0.5, -1.5, 2048.0, 0.1], dtype=np.float16)
f32 = np.array([0.1, -1.5, 16777216.0, 3.0], dtype=np.float32)
f64 = np.array([0.1, -2.5, 2.0, float('inf')], dtype=np.float64)
bo = np.array([True, False, True, False])
t = np.arange(12).reshape(3, 4)
z = np.int16(7)
e = np.zeros(0, dtype=np.int64)
"""
_ARRAYS = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64", "bo"]
_NUMBERS = [
    "3", "-1", "300", "2.5", "True", "0", "z", "np.int8(5)", "np.float32(0.1)", "np.uint8(200)", "t[0,1]",
]  # fmt: skip
_OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "==", "<"]


@pytest.mark.parametrize("operator", _OPERATORS)
def test_arrays_of_two_types_give_what_numpy_gives(operator: str) -> None:
    expressions = [f"{a} {operator} {b}" for a in _ARRAYS for b in _ARRAYS]
    assert differences(_BEFORE, expressions, 144) == []


@pytest.mark.parametrize("operator", _OPERATORS)
def test_an_array_and_a_number_give_what_numpy_gives(operator: str) -> None:
    expressions = [f"{a} {operator} {n}" for a in _ARRAYS for n in _NUMBERS]
    expressions += [f"{n} {operator} {a}" for a in ("i8", "u8", "i64", "f32", "bo") for n in _NUMBERS]
    expressions += [f"{n} {operator} {m}" for n in _NUMBERS[6:] for m in _NUMBERS]
    assert differences(_BEFORE, expressions, 300) == []


@pytest.mark.parametrize("operator", ["+", "*", "//", "|"])
def test_a_change_in_place_gives_what_numpy_gives(operator: str) -> None:
    bodies = [
        f"v = {a}[1:]\nx = {a}\nx {operator}= {b}\nresult = (x, {a}, v)"
        for a in _ARRAYS
        for b in [*_ARRAYS, *_NUMBERS]
    ]
    assert differences(_BEFORE, bodies, 300) == []


def test_a_sign_or_cast_gives_what_numpy_gives() -> None:
    expressions = [f"{sign}({a})" for sign in ("-", "+", "~", "abs") for a in _ARRAYS]
    names = (
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float16",
        "float32",
        "float64",
        "bool_",
    )
    expressions += [f"{a}.astype(np.{name})" for a in _ARRAYS for name in names]
    assert differences(_BEFORE, expressions, 200) == []
    assert known(_BEFORE, expressions, 200) > 0.9 * len(expressions)


_METHODS = cases(
    """
sum()  sum(axis=0)  sum(dtype=np.int8)  sum(dtype=np.int64)  mean()  max()  min()  any()  all()  cumsum()
argmax()  argmin()  prod()  std()  var()  sum(axis=-1)  max(axis=0)  sum(axis=0,keepdims=True)  any(axis=0)
all(axis=0,keepdims=True)  nonzero()  copy()  tolist()  item()  item(0)  fill(3)  size  shape  ndim  dtype
nbytes  itemsize  T  flatten()  ravel()  reshape(-1)  reshape(2,2)  reshape((2,-1))  reshape(3,3)  squeeze()
transpose()  round()  clip(0,5)  clip(1,None)  clip(min=1)  clip(-1)  repeat(2)  take([0,-1])  tobytes()
view(np.uint8)  sort()  argsort()  astype(int)  astype(float)  astype(bool)  astype('int16')  astype('<i2')
astype(str)  astype(object)  swapaxes(0,0)  dot(i64)  diagonal()  trace()  searchsorted(3)  conj()  real  imag
to(3)  numel()  long()  size()  item(9)  itemset(0,1)  put([0],[1])  byteswap()  nope  sum(None)  sum(0)
sum(axis=None)  sum(axis=(0,))  sum(axis=5)  max(initial=3)  sum(initial=3)  sum(where=bo)  cumsum(axis=0)
cumsum(dtype=np.int8)  mean(axis=0)  mean(dtype=np.float64)  any(axis=-1)  max(keepdims=True)  min(axis=-1)
unsqueeze(0)  detach()  clamp(0)  float()  int()  view(-1)  bool()  cpu()  numpy()  expand(2,4)
masked_fill(bo,0)  add(3)  eq(3)  gt(1)  index_select(0,i64)  permute(0)  t()  dim()  contiguous()  nelement()
type()  unique()  scatter_(0,i64,3)  zero_()  half()  copy_(i64)  split(2)  chunk(2)  abs()  neg()
new_zeros(3)  amax()  count_nonzero()  gather(0,i64)  logical_not()  element_size()  is_floating_point()
stack()  concatenate()
"""
)


@pytest.mark.parametrize("array", ["i8", "u8", "u64", "f16", "f64", "bo", "t", "e", "t[0,1]"])
def test_a_method_of_an_array_gives_what_numpy_gives(array: str) -> None:
    assert differences(_BEFORE, [f"{array}.{call}" for call in _METHODS], 200) == []
