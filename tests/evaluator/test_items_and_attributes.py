"""Attributes, items, places and views of modelled objects, and what stores into or deletes from them: what CPython and numpy
give, raise and leave, or "not known"."""

from __future__ import annotations

from tests.evaluator.differential import cases, compared, differences, known

_BEFORE = """import numpy as np
import re
r = np.zeros(3, dtype=[('a', np.int16), ('b', '?'), ('c', 'f4')])
m = re.match(r'(a)(b)?', 'a')
a = np.array([3, 0, -2], dtype=np.int16)
class K:
    def __init__(self):
        self.x = 1
"""
_READ = cases(
    """
r['a']  r['b']  r['c'].dtype  r[5]  r['z']  len(r)  r.shape  r.dtype  r.dtype.names  r['a'].shape  r[0:2]
r.size  np.zeros(2, dtype=[('a', 'i4')])['a']  np.ones(2, dtype=[('a', 'u1'), ('b', 'f8')])['b']
np.empty(2, dtype=[('a', 'i4')])['a'].shape  np.zeros(2, dtype=[('a', 'S3')])
np.zeros((2, 2), dtype=[('a', 'i4')])  np.zeros(2, dtype=[])  np.zeros(2, dtype=[('a',)])  m[0]  m[1]  m[2]
m[3]  m['x']  m.group(0, 1)  m.start()  m.span()  m.re  m.string  a.dtype.itemsize  a.dtype.name  a.dtype.str
np.dtype('i2').kind  np.dtype(np.float32).name  np.float64(2).dtype  np.int16(5)  np.int16([1, 2])  np.int16(a)
np.float32(0.1)  np.uint8(300 - 100)  np.bool_(3)  np.bool_([])  np.int64()  np.float64('2')  np.int32(True)
np.int8(-1)  np.uint16(2.7)  np.object_(3)  np.int64(None)  np.float16(1e6)  np.int64(float('nan'))  (3).real
(3).numerator  (2.5).real  True.real  True.numerator  (2.5).imag  slice(1, 2).stop  slice(3).start
range(2, 9).start  range(9).step  range(3).stop  len.__name__  np.sum.__name__  print.__doc__ is None
int.__name__  ValueError.__name__  ValueError('a').args  ValueError('a', 2).args  KeyError('k').args
ValueError().args  ValueError('a').nope  ValueError('a').__class__ is ValueError  np.add.reduce([1, 2])
str.join('-', ['a'])  str.upper(3)  bytes.fromhex('0g')  bytes.fromhex(b'00')  dict.fromkeys([1, 2], 0)
dict.fromkeys('ab')  dict.fromkeys([[1]])  dict.fromkeys(3)  int.from_bytes(b'ab', 'little')
int.from_bytes(b'ab')  int.from_bytes(b'ab', byteorder='big', signed=False)  int.from_bytes(b'', 'big')
int.from_bytes(b'ab', 'mid')  int.from_bytes('ab', 'big')  str.maketrans('ab', 'cd', 'e')
str.maketrans({1: 'a'})  str.maketrans(3)  str.maketrans('a', 'b') == {97: 98}  list.nope  list.index([1, 2], 2)
tuple.index((1, 2), 2)  int.bit_length('a')  str.__name__  int.nope  bytes.decode(b'a')  dict.get({1: 2}, 1)
K().x  K().__dict__  K().__class__ is K  K.__name__  K().y  K.z  vars(K())['x']  hasattr(K(), '__eq__')
{1: 2}.keys() & {1}  {1: 2}.items() | {3}  {1: 2}.keys() - {1}  {1: [2]}.items() & {1}
{1: 2}.values() == {1: 2}.values()  2 in {1: 2}.values()  (1, 2) in {1: 2}.items()  1 in {1: 2}.keys()
len({1: 2}.items())  list(reversed({1: 2, 3: 4}))  {1: 2}.keys() == {1}  {1: 2}.keys() == [1]
sorted({3: 1, 1: 2}.items())  {1: 2}.items() == {(1, 2)}  {1: 2}.keys().isdisjoint({2})
iter({1: 2}.keys()).__next__()  bool({}.keys())  2 in iter([1, 2])  5 in (x for x in [1])
list(zip([1], iter([2])))  'a' in 3  3 in iter([[1], 3])  next(iter({5: 1}))  next({5: 1}.values())
"""
)


def test_an_attribute_or_item_is_what_it_is_in_cpython() -> None:
    assert differences(_BEFORE, _READ) == []
    assert known(_BEFORE, _READ) > 0.6 * len(_READ)


_WHOLE = """
r['a'] = 5
result = r['a']


r[0] = (1, True)
result = 1


r[0] = 3
result = r['a']


r['a'] = [1, 2, 3]
result = r['a']


r['b'] = r['a'] == 0
result = r['b']


r['zz'] = 3
result = 1


v = r['a']
v[0] = 9
result = r['a']


r['a'] += 2
result = r['a']


r[5] = (1, True, 2.5)
result = 1


for x in r:
    pass
result = 1


np.add.at(a, [0, 0], 5)
result = a


np.add.at(a, 1, 5)
result = a


np.subtract.at(a, [0], 5)
result = a


np.add.at(a, [9], 1)
result = a


np.add.at(a, [0, 1], [5, 6])
result = a


np.random.shuffle(a)
result = a


k = K()
k.y = 2
result = vars(k)


k = K()
setattr(k, 'z', 3)
result = (k.z, getattr(k, 'q', 0))


K.w = 5
result = K().w


k = K()
del k.x
result = hasattr(k, 'x')


def f(): pass
f.a = 3
result = (f.a, f.__name__, hasattr(f, 'b'))


def f(): pass
result = f.b


def f(a, b=2): pass
result = f.__defaults__


x = [1, 2, 3, 4]
x[1:3] = [9]
result = x


x = [1, 2, 3, 4]
x[::2] = [9]
result = x


x = [1, 2, 3, 4]
x[::2] = [9, 8]
result = x


x = [1]
x[3] = 2
result = x


x = [1]
x['a'] = 2
result = x


x = [1]
x[0:1] = 3
result = x


x = {}
x[[1]] = 2
result = x


x = (1,)
x[0] = 2
result = x


x = 'a'
x[0] = 'b'
result = x


x = bytearray(b'ab')
x[0] = 300
result = x


x = bytearray(b'ab')
x[1] = 99
result = bytes(x)


x = bytearray(b'ab')
x[0:1] = b'zz'
result = bytes(x)


x = [1, 2]
del x[5]
result = x


x = {1: 2}
del x[3]
result = x


x = [1, 2, 3]
del x[::2]
result = x


x = {1: 2}
del x[1]
result = x


x = 3
x.y = 2
result = x


x = None
x[0] = 1
result = x


x = (i for i in [1])
x[0] = 1
result = x


x = [[1]] * 2
x[0].append(2)
result = x


x = [0] * 3
x[True] = 5
result = x


x = 'abc'
result = x[True]


x = {True: 1}
result = x[1.0]


x = [1, 2]
result = x[1.0]


x = [1, 2]
result = x['a']


x = {}
result = x[[]]


result = (1, 2)[np.int64(1)]


x = {np.int64(1): 5}
result = x[1]


x = [5, 6]
result = x[a[1]]


x = {0: 'q'}
result = x[a[1]]


result = 'abc'[a[1]]


result = 3[0]


result = None[0]


result = len[0]


result = (lambda: 1)[0]


result = list[int]


result = dict[str, int]
"""
_PROGRAMS = [part.strip("\n") for part in _WHOLE.split("\n\n\n")]


def test_what_is_stored_or_deleted_is_what_it_is_in_cpython() -> None:
    said = dict(zip(_PROGRAMS, compared(_BEFORE, _PROGRAMS), strict=True))
    assert {p: s for p, s in said.items() if s not in ("same", "unknown")} == {}
    assert list(said.values()).count("same") > 0.6 * len(said)
