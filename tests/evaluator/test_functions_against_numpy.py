"""numpy's functions, indices and assignments with ordinary, odd and wrong arguments: numpy's values, or "not known"."""

from __future__ import annotations

import pytest

from tests.evaluator.differential import cases, differences, known

_BEFORE = """import numpy as np
a = np.array([3, 0, -2, 7, 5], dtype=np.int16)
b = np.array([1, 1, 2, 0, 4], dtype=np.int64)
m = np.array([True, False, True, False, True])
t = np.arange(12).reshape(3, 4)
c = np.arange(24).reshape(2, 3, 4)
f = np.array([0.5, -1.5, 2.0], dtype=np.float64)
u = np.array([250, 10, 0], dtype=np.uint8)
e = np.zeros(0)
"""
_CALLS = cases(
    """
np.zeros(3)  np.zeros((2,0))  np.zeros(-1)  np.zeros(2.5)  np.zeros('a')  np.zeros(3, np.int8)  np.zeros(shape=2)
np.zeros([2,2])  np.zeros(3, dtype='int16')  np.zeros(3, dtype='<u2')  np.zeros(3, dtype=int)
np.zeros(3, dtype=float)  np.zeros(3, dtype=bool)  np.zeros(2, dtype='nope')  np.zeros((), dtype=int)
np.zeros(np.int64(2))
np.ones(2)  np.ones((1,2), dtype=np.uint8)  np.empty(0)  np.full(2, 7)  np.full((2,2), 1.5)  np.full(2, True)
np.full(2, 300, dtype=np.uint8)  np.full(2, 7, np.int8)  np.full(shape=2, fill_value=3)  np.full(2, [1,2])
np.full(-2, 1)  np.zeros_like(a)  np.zeros_like(a, dtype=float)  np.ones_like(t)  np.full_like(a, 9)
np.full_like(a, 99999)  np.zeros_like([1,2])  np.empty_like(e)
np.arange(3)  np.arange(1,7,2)  np.arange(5,0,-2)  np.arange(0)  np.arange(3, dtype=np.int8)  np.arange(2.0)
np.arange(1, 2, 0)  np.arange(300, dtype=np.uint8)[:3]  np.arange(start=1, stop=3)  np.array([1,2,3])
np.array([1,2.5])  np.array([[1,2],[3,4]])  np.array([[1],[2,3]])  np.array([])  np.array(5)  np.array(True)
np.array([True, 2])  np.array([1, 300], dtype=np.uint8)  np.array([1.9, -1.9], dtype=int)  np.array((1,2))
np.array(range(3))  np.array(a)  np.array(a, dtype=float)  np.array([a, a])  np.array([a[0], 3])  np.array('ab')
np.array(None)  np.array([None])  np.array({1:2})  np.array(b'ab')  np.array([float('nan')])  np.array([1,2], ndmin=2)
np.array(a, copy=False) is a  np.asarray(a) is a  np.asarray([1])  np.asarray(a, dtype=np.int16)
np.asarray(a, np.float32)  np.ascontiguousarray(a)  np.fromiter([1,2], dtype=int)
np.fromiter((x for x in (1,2)), np.int8)
np.concatenate([a,b])  np.concatenate((a,))  np.concatenate([])  np.concatenate([t,t],axis=1)
np.concatenate([t,t],axis=0)  np.concatenate([t,t],axis=-1)  np.concatenate([t,a])  np.concatenate([a,u])
np.concatenate([[1],[2]])  np.concatenate([t,t],axis=5)  np.concatenate([t,t],axis=None)  np.concatenate([e,a])
np.hstack([a,b])  np.hstack([t,t])  np.hstack([1,2])  np.stack([a,b])  np.stack([a,b],axis=1)  np.stack([a,b],axis=-1)
np.stack([a,u])  np.stack([1,2])  np.stack([])  np.stack([[1,2],[3,4]],axis=1)  np.vstack([a,b])  np.append(a, 3)
np.append(a, [1,2])  np.append(t, t)  np.append(a, 2.5)  np.append([1], [2])
np.where(m)  np.where(a > 2, a, 0)  np.where(m, 1, 0)  np.where(m, 1.5, 0)  np.where(m, a, b)  np.where(m, a, 1.5)
np.where(m, u[0], a)  np.where(True, a, b)  np.where(m[:3], f, u)  np.where(m, 300, np.int8(1))
np.where(a > 2, 'a', 'b')  np.where(m, a, [1,2,3,4,5])  np.where(m[:, None], t[:1], -1)  np.where(m, True, False)
np.minimum(a, 3)  np.minimum(a, b)  np.maximum(a, 2.5)  np.maximum(3, 4)  np.minimum(f, float('nan'))
np.maximum(u, 300)  np.maximum(t, t[0])  np.clip(a, 0, 4)  np.clip(a, None, 4)  np.clip(a, a_min=1, a_max=5)
np.clip(u, 5, 300)  np.clip(f, 0, 1)  np.clip(5, 0, 3)  np.clip(a, b, 5)  np.clip(a, 0.5, 4)  np.abs(a)  np.abs(-3)
np.absolute(f)  np.abs(m)  np.negative(a)  np.sign(a)
np.logical_and(a, b)  np.logical_or(m, a > 0)  np.logical_xor(m, a)  np.logical_not(a)  np.logical_not(0)
np.logical_and(1, 0)  np.bitwise_and(a, 3)  np.bitwise_or(a, b)  np.bitwise_xor(m, m)  np.bitwise_not(u)  np.invert(m)
np.add(a, b)  np.add(1, 2)  np.subtract(u, 20)  np.multiply(a, 2)  np.divide(a, 2)  np.true_divide(1, 2)
np.floor_divide(a, 2)  np.mod(a, 3)  np.remainder(-7, 3)  np.power(a, 2)  np.power(2, 3)  np.equal(a, 3)
np.not_equal(a, b)  np.greater(a, 2)  np.less(a, 2)  np.greater_equal(a, 2)  np.less_equal(a, 2)  np.left_shift(a, 1)
np.right_shift(a, 1)
np.exp(f)  np.exp(a)  np.log(np.array([1.0, 2.0]))  np.log(0.0)  np.log2(8)  np.log2(b)  np.log1p(f)  np.sqrt(a)
np.sqrt(4)  np.sqrt(-1.0)  np.floor(f)  np.floor(a)  np.ceil(f)  np.isnan(f)  np.isnan(a)  np.isfinite(f)  np.isinf(f)
np.round(f)  np.round(f, 1)  np.round(2.5)  np.exp(u)  np.log(np.float32(3))  np.tanh(f)
np.sum(a)  np.sum(t, axis=0)  np.sum(t, 1)  np.sum(t, axis=(0,1))  np.sum(c, axis=(0,2))  np.sum([1,2])  np.sum([])
np.sum(m)  np.sum(u)  np.sum(u, dtype=np.uint8)  np.sum(3)  np.sum(t, keepdims=True)  np.mean(a)  np.mean(t, axis=0)
np.mean([1,2])  np.mean(u)  np.mean([])  np.any(m)  np.all(t)  np.any(t, axis=0)  np.all(t > 0, axis=1)  np.any([0,1])
np.max(a)  np.max(t, axis=1)  np.max([])  np.min([3,1])  np.amax(t, axis=0)  np.amin(t)
np.max(t, axis=1, keepdims=True)  np.cumsum(a)  np.cumsum(t)  np.cumsum(m)  np.cumsum([1,2])  np.cumsum(u)
np.count_nonzero(a)  np.count_nonzero(t, axis=0)  np.count_nonzero([])  np.prod(a)  np.median(a)  np.argmax(a)
np.std(f)
np.nonzero(a)  np.flatnonzero(a)  np.nonzero(t)  np.argwhere(a)  np.unique(a)  np.unique([3,1,3])
np.unique(a, return_counts=True)  np.sort(a)  np.sort(t)  np.sort([3,1])  np.argsort(a)  np.argsort(-a)
np.argsort([2,1])  np.isin(a, [3,7])  np.isin(a, b)  np.isin(3, [3])  np.take(a, [0,2])  np.take(a, 1)
np.take(t, [5])  np.take(t, [0], axis=1)  np.take(a, [9])  np.repeat(a, 2)  np.repeat(3, 2)  np.repeat([1,2], 2)
np.repeat(t, 2)  np.repeat(t, 2, axis=0)  np.repeat(a, b)  np.tile(a, 2)  np.tile(a, (2,1))  np.tile(t, 2)
np.tile([1,2], 2)  np.tile(t, (2, 1, 1))
np.reshape(a, (5,1))  np.reshape(t, -1)  np.reshape(t, (2, -1))  np.reshape(t, 12, order='F')  np.ravel(t)
np.squeeze(t[:1])  np.squeeze(t[None], axis=0)  np.expand_dims(a, 0)  np.expand_dims(a, -1)  np.expand_dims(a, axis=1)
np.transpose(t)  np.transpose(c, (2,0,1))  np.transpose(c)  np.copy(a)  np.size(a)  np.shape(a)  np.shape([1,2])
np.size([1,2])  np.ndim(a)  np.diff(a)  np.bincount([1,1,3])  np.bincount(b)  np.bincount([1], minlength=4)
np.bincount([0,1], weights=[0.5,2])  np.bincount([])  np.bincount([-1])  np.dot(b, b)  np.dot(t, t.T)  np.dot(2, 3)
a @ a  np.digitize(a, [1,4])  np.searchsorted([1,2,3], 2)  np.frombuffer(b'abcd', dtype=np.uint8)
np.frombuffer(b'abcd', dtype=np.int16)  np.frombuffer(b'abcd', np.uint16, offset=2)
np.frombuffer(b'abcd', dtype='<u4')  np.frombuffer(b'abcd', dtype=np.uint8, count=2)
np.frombuffer(b'abc', dtype=np.uint16)  np.frombuffer(bytes(8))  np.iinfo(np.int16).max  np.iinfo(np.uint8).min
np.iinfo('int32').bits  np.iinfo(np.int64).min  np.iinfo(float)  np.dtype('int16')  np.dtype(np.uint8).itemsize
np.dtype('<i2').name  np.int16 == np.dtype('int16')  a.dtype == np.int16  a.dtype == 'int16'  a.dtype is np.int16
a.dtype.name  a.dtype.kind  a.dtype.itemsize  np.pi  np.inf  np.newaxis  np.int16(70000)  np.int8(3.7)  np.bool_(2)
np.float32('1.5')  np.int64('3')  np.uint8(-1)  np.int32([1,2])  np.float64(3)  np.int16(a)  isinstance(a, np.ndarray)
isinstance(a[0], np.ndarray)  isinstance(a[0], int)  isinstance(np.float64(1), float)  isinstance(3, np.integer)
type(a) is np.ndarray
"""
)


@pytest.mark.parametrize("part", range(4))
def test_a_function_gives_what_numpy_gives(part: int) -> None:
    calls = _CALLS[part::4]
    assert differences(_BEFORE, calls) == []
    assert known(_BEFORE, calls) > 0.6 * len(calls)


_INDICES = cases(
    """
0  -1  5  -6  1:3  ::2  ::-1  3:1  -2:  :-1  1:100  ...  None  [0]  [0,2]  [-1,0]  (0,)  ()  True  False
[True,False,True,False,True]  m  ~m  m[:3]  b  b[:2]  [9]  [[0,1],[1,0]]  1.0  'a'  0,1  1,-1  :,1  1,:  ...,0  0,...
:,None  None,0  :,[0,2]  [0,1],[1,2]  [0,1],1  1,[1,2]  [0,1],:  :,::-1  ::2,1:  0,1,2  :,:,1  0,:,[1,2]
[0,1],:,[1,2]  :,[0,1],1  t > 4  c > 5  a > 2  1:3,[True,False,True,False]  np.array(1)  np.int64(2)  slice(1,3)
slice(None)  [[0]]  (slice(0,1),0)  2.5  [1.5]  []  b''
"""
)


@pytest.mark.parametrize("array", ["a", "t", "c"])
def test_an_index_selects_what_numpy_selects(array: str) -> None:
    assert differences(_BEFORE, [f"{array}[{index}]" for index in _INDICES]) == []


_PLACES = cases("0  -1  1:3  ::2  ...  [0,2]  m  m[:3]  0,1  :,1  9  [0,0]  None  t > 4")
_STORED = cases("7  [1,2]  a[:2]  2.9  True  99999  t[0]  np.float64(1.5)  None  'x'  -1  b")


@pytest.mark.parametrize("array", ["a", "t"])
@pytest.mark.parametrize("operator", ["=", "+="])
def test_an_assignment_stores_what_numpy_stores(array: str, operator: str) -> None:
    bodies = [
        f"{array}[{place}] {operator} {value}\nresult = (a, t)" for place in _PLACES for value in _STORED
    ]
    assert differences(_BEFORE, bodies, 200) == []
