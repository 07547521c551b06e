"""Odd arguments of numpy (no numbers, empty, negative, several dimensions) and the containers, iterators and records of the
library that are close to plain ones and are none: CPython's and numpy's values, or "not known"."""

from __future__ import annotations

import pytest

from tests.evaluator.differential import cases, compared, differences, known

_ARRAYS = """import numpy as np
a = np.array([3, 0, -2, 7, 5], dtype=np.int16)
t = np.arange(12).reshape(3, 4)
c = np.arange(24).reshape(2, 3, 4)
n = np.array([1.0, float('nan'), -2.0, float('nan')])
k = np.array([float('nan'), 1.0, -0.0, 0.0])
q = np.array([float('inf'), 1.0, -float('inf')])
u = np.array([250, 10, 0], dtype=np.uint8)
m = np.array([True, False, True])
f = np.array([0.5, -1.5, 2.0, -0.2])
f4 = np.array([0.1, 0.2, 0.7], dtype=np.float32)
e = np.zeros(0)
"""
_ODD = cases(
    """
n.max()  n.min()  k.max()  k.min()  np.max(n)  np.amin(n)  np.max(k)  np.minimum(n, 0)  np.minimum(0, n)
np.maximum(n, 0)  np.maximum(0, n)  np.minimum(n, k)  np.maximum(k, n)  np.clip(n, 0, 1)  n.clip(0, 1)
n.clip(-1)  np.clip(n, None, 0.5)  np.clip(f, float('nan'), 1)  np.sort(n)  np.sort(k)  np.argsort(n)
np.argsort(k)  np.unique(n)  np.unique(k)  np.unique(t)  np.unique(m)  np.sort(m)  np.argsort(m)  np.sort(q)
q.max()  q.sum()  q.mean()  n.sum()  n.mean()  np.nansum(n)  np.nan_to_num(n)  np.nan_to_num(q)  n.any()
n.all()  np.any(n)  np.count_nonzero(n)  n.astype(int)  n.astype(bool)  q.astype(np.float16)  np.nonzero(n)
np.flatnonzero(n)  np.isnan(n)  np.isfinite(q)  np.isinf(q)  np.floor(f)  np.ceil(f)  np.floor(k)  np.ceil(k)
np.round(k)  np.round(f)  np.abs(k)  np.sqrt(k)  np.exp(q)  np.log(q)  np.log(k)  np.log2(k)  np.log1p(k)
np.log1p(np.array([-1.0, -2.0]))  np.exp(np.array([1000.0]))  np.exp(f4)  np.sqrt(f4)  np.exp(u)  np.log(u)
np.sqrt(m)  np.floor(m)  np.ceil(m)  np.abs(m)  np.abs(u)  np.floor(a)  np.isnan(a)  np.isfinite(u)  np.isinf(m)
np.isnan(3)  np.isnan(float('nan'))  np.floor(2.5)  np.floor(3)  np.ceil(-0.5)  np.abs(-2.5)  np.sqrt(2)
np.exp(0)  np.log(1)  np.log2(0)  np.log(-1)  np.sqrt(-1)  np.isin(t, [1, 5])  np.isin(a, [])
np.isin(n, [float('nan')])  np.isin(a, a)  np.isin([1,2], [2])  np.isin(a, 3)  np.isin(t, t[0])  np.isin(a, {3})
np.isin(a, [3.0])  np.isin(m, [1])  np.cumsum(f)  np.cumsum(n)  np.cumsum(t, axis=0)  np.cumsum(u)  np.cumsum(e)
np.cumsum(f4)  u.cumsum()  m.cumsum()  np.repeat(a, -1)  np.repeat(a, 0)  np.repeat(a, 2, axis=0)
np.repeat(t, 2, axis=1)  np.repeat(a, True)  np.repeat(a, 2.0)  np.repeat(a, np.array([2]))  np.tile(a, 0)
np.tile(a, (2, 2))  np.tile(t, (1, 2))  np.tile(3, 2)  np.tile(a, 2.0)  np.tile(a, -1)  np.tile(c, 2)
np.tile(t, [2])  np.append(a, [])  np.append([], 1)  np.append(t, [1])  np.append(a, a, axis=0)
np.append(u, 300)  np.append(u, -1)  np.append(m, 1)  np.append(f4, 1.5)  np.hstack([])
np.hstack([t, t[:, :1]])  np.hstack((1, 2))  np.hstack([a, 3])  np.hstack([t, a])  np.hstack([c, c])
np.hstack(a)  np.hstack(t)  np.stack([t, t], axis=1)  np.stack([t, t], 2)  np.stack((a, a), axis=-1)
np.stack([a, [1,2,3,4,5]])  np.stack([1.5, 2])  np.stack(t)  np.stack([a, t])  np.stack([m, m])
np.concatenate([c, c], axis=1)  np.concatenate([c, c], axis=2)  np.concatenate([a, [1.5]])
np.concatenate([m, u])  np.concatenate([f4, a])  np.concatenate([t, t], axis=-2)  np.concatenate(t)
np.concatenate([t, t[:1]])  np.concatenate([t, t[:, :1]], 1)  np.concatenate([e, e])  np.concatenate([[], a])
np.concatenate([a, 3])  np.concatenate([c, t])  np.array_equal(a, a)  np.array_equal(a, a[:2])
np.array_equal(a, [3,0,-2,7,5])  np.array_equal(n, n)  np.array_equal(3, 3)  np.array_equal(a, f)
np.array_equal(t, t.T)  np.array_equal([], e)  np.take(t, 3)  np.take(t, [[0, 1], [2, 3]])  np.take(a, -1)
np.take(a, [])  np.take(a, (1, 2))  np.take(a, m)  np.take([5, 6], [1])  np.take(a, [0.0])  np.bincount(u)[:11]
np.bincount([0, 2, 2], minlength=2)  np.bincount([], minlength=3)  np.bincount(m)
np.bincount([1, 2], [0.5, 0.25])  np.bincount(t)  np.bincount([1.0])  np.bincount(a)
np.bincount([1], minlength=-1)  np.bincount([0,1], weights=np.array([1,2]))  np.dot(a, a)  np.dot(f, f)
np.dot(u, u)  np.dot(m, m)  np.dot(f4, f4)  np.dot([1, 2], [3, 4])  np.dot(a, 2)  np.dot(a, u)  np.reshape(a, 5)
np.reshape(a, (6,))  np.reshape(t, (-1, -1))  np.reshape(t, [4, 3])  np.reshape(t, -2)  np.reshape(t, ())
np.reshape(3, 1)  np.reshape(e, (0, 3))  np.reshape(e, (-1, 2))  np.reshape(t, (5, -1))  np.reshape(t, 2.0)
np.squeeze(np.zeros((1, 2, 1)))  np.squeeze(np.zeros((1, 2, 1)), 0)  np.squeeze(np.zeros((1, 2, 1)), axis=2)
np.squeeze(np.zeros((1, 2, 1)), axis=1)  np.squeeze(np.zeros((1, 1)))
np.squeeze(np.zeros((1, 2, 1)), axis=(0, 2))  np.squeeze(3)  np.expand_dims(a, 1)  np.expand_dims(t, 1)
np.expand_dims(t, -2)  np.expand_dims(a, 5)  np.expand_dims(a, (0, 1))  np.expand_dims(3, 0)
np.transpose(c, (1, 2, 0))  np.transpose(c, (0, 1))  np.transpose(c, (0, 0, 1))  np.transpose(c, (-1, 0, 1))
np.transpose(a)  np.transpose(t, axes=(1, 0))  np.transpose(t, None)  c.transpose(2, 0, 1)
c.transpose((2, 0, 1))  c.transpose()  t.transpose(0, 1)  t.transpose(0, 0)  t.transpose(1)  a.transpose(0)
c.T.shape  c.T  t.T.T  t.mT  c.mT  c.mT.shape  a.T
"""
)


@pytest.mark.parametrize("part", range(2))
def test_a_function_gives_what_numpy_gives_for_odd_arguments(part: int) -> None:
    assert differences(_ARRAYS, _ODD[part::2]) == []
    assert known(_ARRAYS, _ODD[part::2]) > 0.7 * len(_ODD) / 2


_BEFORE = """import collections
import itertools
import functools
import operator
import copy
import dataclasses
import types
import json
import re
import struct
import array
import math
import random
import contextlib
import string
xs = [3, 1, 2]
dq = collections.deque([1, 2, 3])
C = collections.Counter('abca')
D = collections.defaultdict(list, {1: [2]})
"""
_LIKE_PLAIN = cases(
    """
dq.append(4)  list(dq)  len(dq)  dq.popleft()  dq.pop()  dq[0]  dq[-1]  dq[5]  dq[0:1]  dq == [1,2,3]
dq == collections.deque([1,2,3])  dq.count(2)  dq.index(2)  dq.index(9)  dq.copy() == dq  isinstance(dq, list)
isinstance(dq, collections.deque)  type(dq) is list  bool(dq)  1 in dq  sorted(dq)  list(reversed(dq))
dq.sort()  dq.maxlen  dq.remove(2)  sum(dq)  str(dq)  f'{dq}'  hash(dq)  dq < dq  [1] + dq  dq.insert(1, 5)
dq.reverse()  dq.clear()  dq.extendleft([1])  dq.extend(3)  dq.rotate('a')  collections.deque(3)
collections.deque([1], 0)  collections.deque([1,2,3], None)  C['a']  C['q']  C.get('q')  C.get('q', 5)
sorted(C)  list(C.items())  C.total()  C == {'a': 2, 'b': 1, 'c': 1}  len(C)  C.pop('a')  C.most_common()
C.elements()  C.update('a')  C.subtract('a')  C + C  C - C  C & C  C | C  -C  'a' in C
C.keys() == {'a', 'b', 'c'}  collections.Counter([1, 1.0, True])  collections.Counter([[1]])
collections.Counter(3)  collections.Counter({'a': 3})['a']  collections.Counter(None)
collections.Counter()['a']  max(C, key=C.get)  max(C.values())  sorted(C.items(), key=lambda p: (-p[1], p[0]))
isinstance(C, dict)  type(C) is dict  collections.Counter([(1,2)])  bool(collections.Counter())  D[1]  D[5]
D.get(5)  5 in D  len(D)  D.pop(5)  D.setdefault(5, 1)  D == {1: [2]}  D.default_factory
collections.defaultdict(lambda: 7)[0]  collections.defaultdict(5)  collections.defaultdict()[1]
collections.defaultdict(int, [(1, 2)])[1]  collections.defaultdict(int, 3)  copy.copy(D)[9]  D.copy()[9]
dict(D)  isinstance(D, dict)  type(D) is dict  list(itertools.chain([1], (2,), 'a'))  list(itertools.chain())
list(itertools.chain(3))  list(itertools.chain([1], 3))  list(itertools.product('ab', [1, 2]))
list(itertools.product())  list(itertools.product([1], repeat=0))  list(itertools.product([1], repeat=-1))
list(itertools.product('ab', repeat=20))[:1]  list(itertools.product(3))
list(itertools.islice(range(10), 2, 8, 3))  list(itertools.islice(range(10), None))
list(itertools.islice(range(10), 3, None))  list(itertools.islice(range(5), 'a'))
list(itertools.islice(range(5), 1, 2, 0))  list(itertools.islice(range(5), 1, 2, -1))
list(itertools.islice(range(5)))  list(itertools.islice(3, 1))  list(itertools.islice(itertools.count(), 3))
list(itertools.islice(itertools.count(2, 3), 3))  list(itertools.islice(itertools.count(1.5), 2))
list(itertools.islice(itertools.count(start=1), 2))  list(itertools.islice(itertools.count('a'), 2))
list(itertools.accumulate([1, 2, 3]))  list(itertools.accumulate([]))  list(itertools.accumulate(['a', 'b']))
list(itertools.accumulate([1, 'a']))  list(itertools.accumulate([1, 2], initial=5))
list(itertools.accumulate(3))  list(itertools.repeat(1, 3))  list(itertools.repeat(1, -3))
list(itertools.repeat(1, 'a'))  list(itertools.repeat(object=1, times=2))
list(itertools.islice(itertools.repeat(7), 2))  list(itertools.islice(itertools.cycle([1, 2]), 3))
next(itertools.chain([5]))  isinstance(itertools.chain([1]), list)  list(itertools.pairwise([1, 2, 3]))
functools.reduce(max, [1, 5, 2])  functools.reduce(max, [])  functools.reduce(max, [], 3)
functools.reduce(max, 3)  functools.reduce(lambda a, b: a + [b], [1, 2], [])  functools.reduce(3, [1, 2])
functools.partial(int, base=2)('101')  functools.partial(int, 'x')()  functools.partial(3)
functools.partial(sorted, reverse=True)([1, 2])  functools.partial(functools.partial(max, 1), 2)(3)
functools.partial(max, 3).func(1, 2)  functools.lru_cache(lambda x: x)(3)
functools.lru_cache(5)(lambda x: x)(3)  copy.copy(xs) is xs  copy.deepcopy(xs) == xs  copy.copy((1, [2]))
copy.deepcopy((1, [2]))  copy.copy({1, 2})  copy.deepcopy({1, 2})  copy.copy(3)  copy.deepcopy(None)
copy.deepcopy({'a': {'b': [1]}})  copy.copy(dq)[0]  copy.deepcopy(dq).popleft()
copy.copy(types.SimpleNamespace(a=1)).a  copy.deepcopy(types.SimpleNamespace(a=[1])).a  copy.copy(C)['q']
copy.deepcopy(C)['q']  copy.deepcopy(D)[7]  types.SimpleNamespace(a=1) == types.SimpleNamespace(a=1)
types.SimpleNamespace(3)  types.SimpleNamespace({'a': 1})  types.ModuleType('x').__name__
types.MethodType(lambda self, x: (self, x), 3)(4)  vars(types.SimpleNamespace(a=1, b=2))  types.FunctionType
json.loads('{"a": {"b": [1, 2]}}')['a']['b']  json.loads('1e400')  json.loads('NaN')  json.loads('')
json.loads('{"a": 1, "a": 2}')  json.loads(' [1] ')  json.loads('[1,]')  json.loads(None)
json.loads(bytearray(b'[1]'))  json.loads(b'\\xff')  json.loads('"\\ud800"')  json.loads('[1]', parse_int=float)
json.loads('[' * 20 + ']' * 20)  json.dumps({'a': float('inf')})  json.dumps([True, None])
json.dumps({'a': (1, 2)}, indent=2)  json.dumps({True: 1})  json.dumps({'a': 1}, indent='x')
json.dumps('\\u00e9')  json.dumps(2**70)  json.dumps(1e22)  json.dumps([1], default=str)  json.dumps(object())
json.dumps({'b': 1, 'a': {'d': 1, 'c': 2}}, sort_keys=True, indent=1)  json.dumps([], indent=4)
json.dumps([1], ensure_ascii=True)  json.dumps(b'a')  json.dumps({'a': {1, 2}})
json.dumps(types.SimpleNamespace())  struct.unpack('<HH', b'\\x01\\x00\\x02\\x00')
struct.unpack('<i', bytearray(b'\\x01\\x00\\x00\\x00'))  struct.unpack('>d', struct.pack('>d', 1.5))
struct.unpack('x', b'a')  struct.unpack('3s', b'abc')  struct.unpack('<', b'')  struct.unpack(b'<H', b'ab')
struct.pack('<e', 1.5)  struct.pack('?', True)  struct.pack('<Q', 2**64 - 1)  struct.pack('<Q', 2**64)
struct.pack('<Q', -1)  struct.pack('<2H', 1)  struct.pack('c', b'a')  struct.pack('c', 'a')
struct.pack('<d', True)  struct.pack('<I', 1.5)  struct.calcsize('<3H')  struct.calcsize('HI')
struct.calcsize(3)  struct.pack('5p', b'abc')  struct.pack('99999s', b'a')[:1]  struct.error
array.array('i', [1, 2])[0]  len(array.array('b'))  list(array.array('h', [1, -1]))  array.array('B', [256])
array.array('b', [-129])  array.array('u', 'ab')  array.array('q', 'ab')  array.array('f', [1.5])[0]
array.array('i', [1.5])  array.array('H', b'ab')[0]  array.array('z')  array.array('I', range(3)).tolist()
array.array('h', [1]).itemsize  array.array('h', [1]).tobytes()
array.array('h', [1, 2]) + array.array('h', [3])  array.array('h', [1]) == array.array('h', [1])
array.array('h', [1]) == [1]  array.array('h', [1]).append(70000)  isinstance(array.array('h'), list)
sum(array.array('h', [1, 2]))  array.array('h', [1,2])[::-1]  operator.add('a', 'b')  operator.add(1, 'b')
operator.mul(2, 3)  operator.itemgetter(0)([4])  string.ascii_letters  string.punctuation
"""
)


@pytest.mark.parametrize("part", range(2))
def test_what_is_like_a_plain_value_is_what_it_is_in_cpython(part: int) -> None:
    assert differences(_BEFORE, _LIKE_PLAIN[part::2]) == []
    assert known(_BEFORE, _LIKE_PLAIN[part::2]) > 0.5 * len(_LIKE_PLAIN) / 2


_WHOLE = """
y = dq.rotate(1)
result = list(dq)


y = dq.rotate(-1)
result = list(dq)


dq.rotate(5)
result = list(dq)


dq.rotate()
result=0
result = list(dq)


e = collections.deque()
e.rotate(3)
result = list(e)


dq.appendleft(0)
dq.extendleft([8, 9])
result = list(dq)


dq.extendleft('ab')
result = list(dq)


dq.insert(-1, 7)
result = list(dq)


del dq[0]
result = list(dq)


dq[1] = 9
result = list(dq)


dq += [1]
result = list(dq)


d = dq.copy()
d.append(1)
result = (list(dq), list(d), d.popleft())


e = dq
e.append(4)
result = list(dq)


C.update('ab')
result = dict(C)


C.update({'a': 5})
result = dict(C)


C['z'] += 1
result = dict(C)


x = C['z']
result = 'z' in C


C.update(a=3)
result = C['a']


D[7].append(1)
result = dict(D)


D[7] += [1]
result = dict(D)


C.subtract('aab')
result = dict(C)


del C['q']
result = dict(C)


C.setdefault('q', 3)
result = C['q']


P = collections.namedtuple('P', 'x y', defaults=[5])
result = P(1).y


P = collections.namedtuple('P', 'x y')
result = P(1, 2)._asdict()


P = collections.namedtuple('P', 'x y')
result = P(1, 2)._replace(x=5).x


P = collections.namedtuple('P', 'x y')
result = P._fields


P = collections.namedtuple('P', 'x y')
a, b = P(1, 2)
result = (a, b)


P = collections.namedtuple('P', 'x y')
result = P(1, 2) < P(1, 3)


P = collections.namedtuple('P', 'x y')
p = P(1, 2)
p.x = 3
result = p


P = collections.namedtuple('P', 'x y')
result = isinstance(P(1, 2), tuple)


P = collections.namedtuple('P', 'x x')
result = 1


P = collections.namedtuple('P', 3)
result = 1


P = collections.namedtuple('P', 'x y')
result = P(1, 2) + (3,)


P = collections.namedtuple('P', 'x y')
result = P(1, 2)[0:1]


P = collections.namedtuple('P', 'x y')
result = P(1, 2)[-1]


P = collections.namedtuple('P', 'x y')
result = P(1, 2)[2]


P = collections.namedtuple('P', 'x y')
result = {P(1, 2): 3}[(1, 2)]


P = collections.namedtuple('P', 'x y')
result = P(1, 2).index(2)


P = collections.namedtuple('P', 'x y')
result = str(P(1, 2))


P = collections.namedtuple('P', 'x y')
result = list(P._make([1, 2]))


P = collections.namedtuple('P', ('x', 'y'))
result = P(y=1, x=2)[0]


P = collections.namedtuple('P', 'x y')
result = tuple(P(1, 2)) == P(1, 2)


P = collections.namedtuple('P', 'x y')
result = 2 in P(1, 2)


P = collections.namedtuple('P', 'x y')
result = (1, 2) == P(1, 2)


P = collections.namedtuple('P', 'x y')
result = P(1, 2) != (1, 2)


P = collections.namedtuple('P', 'x y')
result = len(P)


P = collections.namedtuple('P', 'x y')
result = P(1, 2).z


P = collections.namedtuple('P', 'x y')
result = P(1, 2, 3)


P = collections.namedtuple('P', 'x y')
result = sorted([P(2, 1), P(1, 2)])[0].y


@dataclasses.dataclass
class Q:
    a: int
    b: int = 3
q = Q(1)
result = (dataclasses.asdict(q), dataclasses.replace(q, a=5).a, dataclasses.replace(q, b=1).b)


@dataclasses.dataclass
class Q:
    a: int = dataclasses.field(default=4)
    b: list = dataclasses.field(default_factory=list)
q, r = Q(), Q()
q.b.append(1)
result = (q.a, q.b, r.b, q == r)


@dataclasses.dataclass
class Q:
    a: int = dataclasses.field(init=False, default=4)
result = Q().a


@dataclasses.dataclass
class Q:
    a: int = dataclasses.field(init=False, default=4)
result = Q(3).a


@dataclasses.dataclass
class Q:
    a: int
result = dataclasses.replace(Q(1), z=3)


@dataclasses.dataclass
class Q:
    a: int
result = dataclasses.replace(3, z=3)


@dataclasses.dataclass
class Q:
    a: int
result = dataclasses.asdict(3)


@dataclasses.dataclass
class Q:
    a: list
q = Q([1])
d = dataclasses.asdict(q)
d['a'].append(2)
result = q.a


@dataclasses.dataclass
class R:
    x: int
@dataclasses.dataclass
class Q:
    a: R
result = dataclasses.asdict(Q(R(1)))


@dataclasses.dataclass(frozen=True)
class Q:
    a: int
q = Q(1)
q.a = 3
result = q.a


@dataclasses.dataclass(order=True)
class Q:
    a: int
result = Q(1) < Q(2)


@dataclasses.dataclass
class Q:
    a: int
result = Q(1) < Q(2)


@dataclasses.dataclass(eq=False)
class Q:
    a: int
result = Q(1) == Q(1)


@dataclasses.dataclass
class Q:
    a: int
    def __post_init__(self):
        self.a += 1
result = Q(1).a


@dataclasses.dataclass
class Q:
    a: int = 1
    b: int
result = 3


@dataclasses.dataclass
class Q:
    a: int
result = repr(Q(1))


@dataclasses.dataclass
class Q:
    a: list = []
result = 3


@dataclasses.dataclass
class Q:
    a: int
@dataclasses.dataclass
class S(Q):
    b: int = 2
result = (S(1).a, S(1).b, S(1) == Q(1))


@dataclasses.dataclass
class Q:
    a: int
result = [f.name for f in dataclasses.fields(Q)]


@dataclasses.dataclass
class Q:
    a: int
result = hash(Q(1))


@dataclasses.dataclass(kw_only=True)
class Q:
    a: int
result = Q(1)


@dataclasses.dataclass
class Q:
    a: int
    k = 5
result = (Q(1).k, Q(1, 2))


@dataclasses.dataclass(slots=True)
class Q:
    a: int
q = Q(1)
q.b = 2
result = q.b


@dataclasses.dataclass
class Q:
    a: int
    def __eq__(self, o):
        return True
result = Q(1) == Q(2)


@dataclasses.dataclass
class Q:
    a: int
    def __init__(self):
        self.a = 7
result = Q().a


@dataclasses.dataclass
class Q:
    a: dataclasses.InitVar[int]
    b: int = 0
    def __post_init__(self, a):
        self.b = a
result = Q(4).b


with contextlib.nullcontext(3) as x:
    result = x


with contextlib.suppress(KeyError):
    {}[1]
result = 1


with contextlib.suppress(KeyError):
    1 / 0
result = 1


with contextlib.suppress(KeyError, ValueError):
    int('a')
result = 1


@contextlib.contextmanager
def f():
    yield 3
with f() as x:
    result = x
"""
_PROGRAMS = [part.strip("\n") for part in _WHOLE.split("\n\n\n")]


def test_a_program_leaves_what_cpython_leaves() -> None:
    said = {program: compared(_BEFORE, [program])[0] for program in _PROGRAMS}
    assert {p: s for p, s in said.items() if s not in ("same", "unknown")} == {}
    assert list(said.values()).count("same") > 0.5 * len(said)
