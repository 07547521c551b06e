"""Operations on tables against real numpy: the same values, shape and element type, or said to be unknown."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Opaque
from tests.evaluator.test_against_cpython import evaluated

_BEFORE = """
import numpy as np
a = np.array([3, 0, -2, 7, 5], dtype=np.int16)
b = np.array([1, 1, 2, 0, 4], dtype=np.int64)
m = np.array([True, False, True, False, True])
t = np.arange(12).reshape(3, 4)
f = np.array([0.5, -1.5, 2.0], dtype=np.float64)
u = np.array([250, 10, 0], dtype=np.uint8)
"""
KNOWN = """
a + b | a - b | a * 2 | a // 2 | a % 3 | a / 2 | -a | ~m | m & m | m OR (a > 2) | m ^ (b > 0)
a == b | a != 3 | a < b | a >= b
np.zeros(3) | np.zeros((2, 2), dtype=np.int8) | np.ones(2, dtype=bool) | np.full((2, 3), 7)
np.full(2, 1.5) | np.zeros_like(a) | np.ones_like(f)
np.full_like(a, 4) | np.arange(5) | np.arange(2, 9, 3) | np.arange(4, 0, -1)
np.arange(3, dtype=np.int16) | np.array([[1, 2], [3, 4]]) | np.array([1, 2.5])
np.array([True, False]) | np.asarray([1, 2], dtype=np.uint8) | np.concatenate([a, b])
np.concatenate([t, t], axis=1) | np.stack([a, a]) | np.stack([a, b], axis=1)
np.where(a > 2, a, 0) | np.where(m, 1, -1) | np.nonzero(a)[0] | np.flatnonzero(m) | np.minimum(a, 3)
np.maximum(a, b) | np.clip(a, 0, 4) | np.abs(a)
np.logical_and(m, a > 0) | np.logical_or(m, a > 0) | np.logical_not(m) | np.cumsum(b) | np.sum(a)
np.sum(t, axis=0) | np.sum(t, axis=1) | np.any(m) | np.all(m)
a.sum() | t.sum(axis=0) | t.sum(axis=1, keepdims=True) | f.mean() | a.max() | a.min() | m.any()
m.all() | a.astype(np.int64) | a.astype(bool) | f.astype(np.int32)
t[1] | t[1, 2] | t[:, 1] | t[1:, ::2] | t[..., 0] | t[None].shape | t[::-1] | a[[0, 2]] | a[b]
a[m] | a[-1] | a[1:4:2] | a[~m] | t.T | t.reshape(-1) | t.reshape(2, 6)
t.flatten() | t.ravel() | t.transpose(1, 0) | t.size | t.ndim | t.shape | len(t) | a.copy()
a.tolist() | t.tolist() | a.item(0) | np.squeeze(t[:1]) | np.expand_dims(a, 0)
np.take(a, [0, 1]) | np.repeat(3, 2) | np.tile(a, 2) | u + u | u.astype(np.int8)
np.sqrt(np.array([4.0, 9.0])) | np.log2(np.array([8.0])) | np.exp(np.array([0.0])) | int(a[0]) + 1
np.count_nonzero(a) | np.array_equal(a, a) | np.array_equal(a, b) | t[[0, 2]] | t[m[:3]] | a * b[0]
t + a[:4] | t * t[:, :1] | a.dtype == np.int16 | a[2:].sum() | a.nbytes | a.itemsize
"""
OPERATIONS = [
    part.strip().replace("m OR ", "m | ")
    for line in KNOWN.splitlines()
    for part in line.split(" | ")
    if part.strip()
]


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, (np.ndarray, np.generic)):
        values = np.asarray(theirs)
        if isinstance(ours, Tensor):
            known = all(isinstance(x, (int, float)) for x in ours.data)
            assert known, ours.data
            return ours.shape == values.shape and np.allclose(
                np.array(ours.data, dtype=np.float64), values.reshape(-1).astype(np.float64)
            )
        return values.shape == () and bool(ours == values.item())
    return bool(ours == theirs)


def numpy_result(source: str) -> Any:
    scope: dict[str, Any] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        exec(compile(source, "ours", "exec"), scope)
    return scope["result"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_gives_what_numpy_gives(operation: str) -> None:
    source = f"{_BEFORE}result = {operation}\n"
    theirs = numpy_result(source)
    ours, stuck = evaluated(source)
    if stuck or isinstance(ours, Opaque):
        assert operation in MAY_BE_UNKNOWN, stuck or ours.reason
        return
    assert same(ours, theirs), (ours, theirs)


MAY_BE_UNKNOWN = frozenset({"np.repeat(3, 2)", "np.array_equal(a, a)", "np.array_equal(a, b)"})

CHANGES = {
    "an element": "a[1] = 9",
    "a slice": "a[1:3] = 8",
    "a slice from a list": "a[1:3] = [4, 6]",
    "a mask": "a[m] = -1",
    "a mask from an array": "a[m] = b[m]",
    "places": "a[[0, 4]] = 2",
    "places added to": "a[[0, 0]] += 1",
    "a row": "t[1] = 0",
    "a column": "t[:, 2] = t[:, 0]",
    "one of two": "t[0, 1] = 99",
    "in place": "a += 1\na *= 2\na -= b.astype(np.int16)",
    "a view": "v = a[1:4]\nv[0] = 77\nv += 1",
    "a reshaped view": "v = t.reshape(-1)\nv[5] = 55",
    "a transposed view": "v = t.T\nv[0, 1] = 66",
    "a copy": "v = a.copy()\nv[0] = 99",
    "fill": "a.fill(4)",
    "overflow": "u += 10",
    "overflow of a narrow one": "a[0] = 32767\na += 1",
    "np.add.at": "np.add.at(a, [0, 0, 1], 1)",
    "from a loop": "for i in range(len(a)):\n    a[i] = a[i] * i",
    "an assigned float": "a[0] = 2.9",
    "a swapped pair": "a[0], a[1] = int(a[1]), int(a[0])",
    "a stepped slice": "a[::2] = 0",
    "backwards": "a[::-1] = b",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_the_tables_as_in_numpy_or_unknown(name: str) -> None:
    source = f"{_BEFORE}{CHANGES[name]}\nresult = (a, t, u, b)\n"
    theirs = numpy_result(source)
    ours, stuck = evaluated(source)
    if stuck:
        return
    for mine, real in zip(ours, theirs, strict=True):
        assert isinstance(mine, Tensor)
        assert mine.shape == real.shape
        for x, y in zip(mine.data, real.reshape(-1).tolist(), strict=True):
            assert isinstance(x, Opaque) or x == y, (mine.data, real.tolist())
