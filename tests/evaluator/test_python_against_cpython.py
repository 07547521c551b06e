"""Python's own types and functions: what CPython gives for programs of ours, known, and the same exceptions."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pgolf.untrusted.values import Opaque
from tests.evaluator.test_against_cpython import evaluated

_TEXT = """
s.capitalize() | s.casefold() | s.swapcase() | s.title() | s.center(20, "*") | s.ljust(20)
s.rjust(20, "é") | s.zfill(20)
s.partition(" ") | s.rpartition(" ") | s.rsplit(" ", 1) | s.splitlines(True) | s.split(None, 1)
s.split(sep="l", maxsplit=1)
s.find("l", 4) | s.rfind("l", 0, 4) | s.index("l") | s.rindex("l") | s.count("l", 3)
s.startswith(("x", "H")) | s.endswith("d\\n")
s.expandtabs(4) | s.translate({108: "L", 111: None}) | s.removesuffix("\\n") | s.removeprefix("He")
s.isprintable() | s.istitle()
"12".isdecimal() | "½".isnumeric() | "a1".isidentifier() | " ".isspace() | "aB".islower()
s.replace("l", "", 2) | s.replace("", "-")
s[::2] | s[-3:] | s[10:2:-2] | s[100:] | "l" in s | s * 0 | -1 * s | "a" < "b" <= "b" | s.isascii()
"ÄÖ".lower() | "ß".upper()
"{:>8}|{!r}|{:.2f}".format("a", "b", 2.5) | "{0}{1}{0}".format(1, 2) | "{k:04d}".format(k=7)
"%s|%r|%5.1f|%x|%%" % (1, "a", 2.25, 255)
"%(a)s" % {"a": 3} | f"{3:>5}|{2.5:.3e}|{10:#x}|{10:b}|{1234567:,}|{-3:+d}|{True}|{None}|{'é'!a}"
f"{s!r:>20}" | f"{n=}" | f"{n:{w}d}"
"é日".encode() | "é".encode("latin-1") | "é".encode("ascii", "replace")
"é".encode("ascii", "backslashreplace") | "a".encode("utf-16-le")
b"\\xff".decode(errors="replace") | b"\\xe9".decode("latin1") | b"ab".hex() | b"abc".hex(" ")
b"abcd".hex("-", 2) | b"a,b".split(b",")
b"abc"[1] | b"abc"[1:] | 97 in b"abc" | b"ab" + b"c" | b"ab" * 2 | bytes([1, 2]) | bytes(3)
bytes("é", "utf-8") | bytearray(b"ab") + b"c"
b"aXb".replace(b"X", b"") | b"-".join([b"a", bytearray(b"b")]) | b"a".rjust(3, b"-")
b"ab".translate(bytes(range(256))) | b"ab".find(b"b")
repr("a'b") | repr(b"a") | repr(None) | str(1.5) | str(True) | str(None) | str(b"a")
str(b"a", "ascii") | ord("é") | chr(233)
len("é".encode()) | "".join(map(str, range(4))) | sorted("banana") | list("ab") | tuple(b"ab")
"a" "b" | max("ab") | min("b", "a")
"""
_NUMBERS = """
7 // -2 | -7 % 3 | 7.5 // 2 | -7.5 % 2 | 2 ** 10 | 2 ** -1 | 2.0 ** 0.5 | 1 << 5 | 255 >> 3 | ~5
-5 | +5 | 5 & 3 | 5 | 6 ^ 3 | 0x1F
divmod(-7, 2) | pow(3, 4) | pow(3, 4, 5) | round(2.5) | round(-1.5) | round(2.675, 2)
round(1234, -2) | abs(-3.5) | int("ff", 16) | int("0b11", 0)
int(-2.9) | int(" 12 ") | int("1_000") | int(True) | int() | float("1e3") | float("inf") | float()
bool([]) | bool("a") | bool() | complex
(255).bit_length() | (7).bit_count() | (258).to_bytes(2, "little")
(-2).to_bytes(2, "big", signed=True) | (2.0).is_integer() | hex(-255) | bin(5) | oct(8)
hash(-1) | hash(5) | sum([1, 2.5]) | sum([[1], [2]], []) | sum((), 5) | max(3, 9, key=lambda v: -v)
min([], default=4) | max([1, 3], [1, 2])
1 < 2 < 3 > 2 | 1 == 1.0 | True + True | 3 and 0 | 0 or "x" | not 3 | 1 if n else 2 | n is None
None is None | 3 is not None | 1 != 2
math.gcd(12, 18) | math.lcm(4, 6) | math.floor(-2.5) | math.ceil(2.1) | math.trunc(-2.9)
math.log(8, 2) | math.isclose(1, 1 + 1e-12) | math.prod([2, 3])
math.hypot(3, 4) | math.copysign(1, -0.0) | math.isinf(math.inf) | math.atan2(1, 1)
math.fmod(-7, 3) | math.sqrt(2) | math.tau
isinstance(3, (str, (bytes, int))) | isinstance(True, int) | isinstance("a", bytes)
isinstance([], (list, tuple)) | isinstance(3, object) | callable(len)
isinstance(ValueError("x"), Exception) | isinstance(KeyError("x"), LookupError)
isinstance(KeyError("x"), ValueError)
"""
_CONTAINERS = """
[1, 2, 3][-1] | [1, 2, 3][::-1] | [1, 2] + [3] | [0] * 3 | 3 * [1] | [1, 2] == [1, 2]
[1, 2] < [1, 3] | [1] != [2] | 2 in [1, 2] | (1, 2) + (3,)
[3, 1, 3].index(3, 1) | [3, 1, 3].index(3, -1) | [3, 1, 3].count(3) | (3, 1, 3).index(1)
(1, 2).count(2) | (1, 2)[1:] | (1,) * 2 | (1, "a") < (2, "a")
{1: 2} | {3: 4} | {1: 2} == {1: 2} | 1 in {1: 2} | {1: 2}.get(5) | {1: 2}.get(5, 6) | {1: 2}.get(1)
list({1: 2}.items()) | list({1: 2}) | dict([(1, 2)]) | dict(a=1)
dict({1: 2}, b=3) | {**{1: 2}, 3: 4} | [*range(3), *"ab"] | {k: v for k, v in zip("ab", (1, 2))}
{v % 3 for v in range(9)} | [x for x in range(9) if x % 2 if x > 3]
[(x, y) for x in range(3) for y in range(x)] | [[y for y in range(x)] for x in range(3)]
sum(x * x for x in range(5)) | any(x > 3 for x in range(5)) | all([])
{1, 2} | {3} | {1, 2} & {2} | {1, 2} - {2} | {1, 2} ^ {2, 3} | {1} <= {1, 2} | {1, 2} > {1}
{1} == {1} | {1, 2}.union([3]) | {1, 2}.intersection([2, 9], [2])
{1, 2}.difference([2]) | {1, 2}.symmetric_difference([2, 3]) | {1}.issubset([1, 2])
{1, 2}.issuperset([1]) | {1}.isdisjoint([2]) | frozenset([1, 2]) | frozenset([1]) | {2}
list(range(5, 0, -2)) | range(10)[3] | range(10)[2:8:3] == range(2, 8, 3) | len(range(0, 10, 3))
4 in range(0, 10, 3) | list(reversed([1, 2])) | list(enumerate("ab", 1))
list(zip([1, 2], "ab", (3, 4))) | list(map(lambda a, b: a + b, [1, 2], [3, 4]))
list(filter(None, [0, 1, "", 2])) | list(filter(lambda v: v > 1, [1, 2]))
sorted([3, 1, 2], reverse=True) | sorted(["bb", "a"], key=len) | sorted([(2, "a"), (1, "b")])
sorted({3: 1, 1: 2}) | min([3, 1], key=lambda v: -v) | next(iter([5])) | next(iter([]), 7)
(lambda a, *b, c=3, **d: (a, b, c, d))(1, 2, 5, c=4, e=6) | (lambda *, k: k)(k=2) | [*map(str, [1])]
(lambda: (yield_ := 3))() | [w := 3, w + 1] | (1, 2, 3)[slice(1, None)]
"""
EXPRESSIONS = [
    part.strip()
    for part in " ;; ".join(
        line.replace(" | ", " ;; ") for block in (_TEXT, _NUMBERS, _CONTAINERS) for line in block.splitlines()
    ).split(" ;; ")
    if part.strip() and part.strip() != "complex"
]
EXPRESSIONS += ["{1, 2} | {3}", "{1: 2} | {3: 4}", "5 | 6 ^ 3", "frozenset([1]) | {2}"]

_BEFORE = "import math\ns = 'Hello\\tworld\\n'\nn = 42\nw = 6\n"


def cpython(source: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec(compile(source, "ours", "exec"), scope)
    return scope


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_has_the_value_that_cpython_gives(expression: str) -> None:
    source = f"{_BEFORE}result = {expression}\n"
    theirs = cpython(source)["result"]
    ours, stuck = evaluated(source)
    assert not stuck
    assert not isinstance(ours, Opaque), ours.reason
    assert ours == theirs or (isinstance(theirs, float) and math.isclose(ours, theirs))
    assert type(ours) is type(theirs) or isinstance(theirs, (range, dict))


RAISING = """
[].pop() | [1].remove(2) | [1].index(2) | [1].index(1, 1) | {}["a"] | {1}.remove(2) | {}.pop("a")
[][0] | "".index("a") | (1,)[2] | 1 / 0 | 1 // 0 | 1 % 0
int("x") | int("12", 40) | float("x") | int(float("inf")) | int(float("nan")) | math.sqrt(-1)
math.exp(1e6) | math.log(0) | math.floor(float("inf")) | round(float("nan"))
1 << -1 | 1 >> -1 | 1 + "a" | "a" + 1 | [1] + (2,) | -"a" | len(3) | min([]) | max(1, "a")
sorted([1, "a"]) | range(1, 2, 0) | chr(-1) | ord("ab") | bytes(-1) | bytes([256])
"é".encode("ascii") | b"\\xff".decode() | "a".join([1]) | "a".replace(1, 2) | "abc".split("")
"%d" % "x" | "%d %d" % 1 | "%(a)s" % {} | "{}".format() | "{a}".format() | "{:q}".format(1)
format(1, "q") | f"{'a':d}" | next(iter([])) | (300).to_bytes(1, "big") | (-1).to_bytes(1, "big")
{[]: 1} | {1, []} | "a" in 3 | 1 in "a" | "a" < 1 | dict([1]) | iter(3)
b"ab".hex(1) | "a".center("b") | "a" * "b" | int([]) | float([]) | frozenset().add(1) | None.x
undefined_name | (lambda a: a)() | [1, 2][None] | abs("a") | "abc".startswith(1)
"""
KINDS = [part.strip() for line in RAISING.splitlines() for part in line.split(" | ") if part.strip()]


@pytest.mark.parametrize("expression", KINDS)
def test_an_expression_that_raises_in_cpython_gives_no_value(expression: str) -> None:
    caught = f"{_BEFORE}try:\n    result = ('value', {expression})\n"
    caught += "".join(
        f"except {kind}:\n    result = ('raised', {kind!r})\n"
        for kind in (
            "ZeroDivisionError", "OverflowError", "KeyError", "IndexError", "UnicodeError", "StopIteration", "AttributeError",
            "NameError", "TypeError", "ValueError", "Exception",
        )
    )  # fmt: skip
    theirs = cpython(caught)["result"]
    assert theirs[0] == "raised"
    ours, stuck = evaluated(caught)
    if stuck or ours is None or isinstance(ours, Opaque) or any(isinstance(x, Opaque) for x in ours):
        return  # "not known" is an answer
    assert ours == theirs


PROGRAMS = {
    "changing a list": """
x = [3, 1]
x += [2]
x.insert(1, 9)
x.sort()
x.reverse()
y = x.copy()
y.extend((7,))
y.append(x.pop(0))
del y[0]
result = (x, y)
""",
    "changing a set": """
a = {1, 2, 3}
b = a
a -= {1}
a |= {5}
a &= {2, 5}
a ^= {5, 6}
a.add(8)
a.discard(99)
a.update([10], (11,))
result = (a, b, a is b)
""",
    "changing a dictionary": """
d = {1: 2}
e = d
d |= {3: 4}
d.update({5: 6}, a=1)
d.setdefault(7, []).append(1)
d.setdefault(7, 3)
x = d.pop(1)
y = d.pop(99, 0)
del d[3]
result = (d, e, x, y)
""",
    "one list by two names": """
a = [1]
b = a
a *= 3
a += (2,)
result = (a, b)
""",
    "one bytearray by two names": """
a = bytearray(b'a')
b = a
a += b'bc'
a[0] = 122
result = (bytes(a), bytes(b))
""",
    "operators of a class": """
class C:
    def __init__(self, v):
        self.v = v
    def __add__(self, o):
        return C(self.v + o.v)
    def __rmul__(self, k):
        return C(k * self.v)
    def __eq__(self, o):
        return self.v == o.v
    def __lt__(self, o):
        return self.v < o.v
    def __len__(self):
        return self.v
    def __contains__(self, x):
        return x == self.v
    def __getitem__(self, i):
        return self.v + i
    def __call__(self, y):
        return y - self.v
    def __bool__(self):
        return False
c, d = C(2), C(3)
result = ((c + d).v, (4 * c).v, c == C(2), c < d, len(c), 2 in c, 3 in c, c[10], c(10), not c)
""",
    "properties and class methods": """
class A:
    k = 1
    def __init__(self):
        self._x = 2
    @property
    def x(self):
        return self._x + self.k
    @classmethod
    def make(cls):
        return cls()
    def two(self):
        return 2
class B(A):
    k = 10
    def two(self):
        return super().two() + 5
result = (A.make().x, B.make().x, A().two(), B().two(), isinstance(B(), A))
""",
    "clean-up order": """
log = []
def f(k):
    try:
        log.append('try')
        if k == 1:
            raise KeyError('a')
        if k == 2:
            return 'r'
    except LookupError as e:
        log.append(e.args)
    else:
        log.append('else')
    finally:
        log.append('finally')
    return 'end'
result = ([f(0), f(1), f(2)], log)
""",
    "raising again": """
def f():
    try:
        raise ValueError('a')
    except ValueError as e:
        raise RuntimeError('b') from e
try:
    f()
except (KeyError, RuntimeError) as e:
    result = str(e)
""",
    "loops with else": """
out = []
for i in range(3):
    if i == 5:
        break
else:
    out.append('for')
j = 0
while j < 4:
    j += 1
    if j == 2:
        continue
    if j == 4:
        break
    out.append(j)
else:
    out.append('never')
result = out
""",
    "patterns": """
def f(x):
    match x:
        case 0 | 1:
            return 'small'
        case 'a' | 'b':
            return 'text'
        case None:
            return 'none'
        case k:
            return k
result = [f(0), f(1), f('b'), f(None), f(3)]
""",
    "unpacking": """
a, (b, *c), d = 1, (2, 3, 4), 5
*e, f = 'xyz'
[g, h] = {7: 0, 8: 0}
result = (a, b, c, d, e, f, g, h)
""",
    "scopes": """
x = 1
def f():
    x = 2
    def g():
        nonlocal x
        x += 10
        return x
    def h():
        global x
        x = 77
    g()
    h()
    return x
y = f()
z = [x for x in range(3)]
result = (x, y, z)
""",
    "late binding and defaults": """
fs = [lambda: i for i in range(3)]
gs = [lambda i=i: i for i in range(3)]
def acc(v, to=[]):
    to.append(v)
    return to
acc(1)
result = ([f() for f in fs], [g() for g in gs], acc(2))
""",
    "generators": """
def g(n):
    for i in range(n):
        yield i
    yield from (10, 11)
result = (list(g(2)), sum(g(3)), [x for x in g(1)], dict(zip(g(2), 'ab')))
""",
    "decorators": """
def twice(f):
    def inner(*a, **k):
        return f(*a, **k) * 2
    return inner
@twice
def h(a, b=1):
    return a + b
result = (h(1), h(1, b=4))
""",
    "slices as targets": """
x = list(range(8))
x[1:3] = [9, 9, 9]
x[::4] = [0, 0, 0]
del x[-2:]
x[len(x):] = [5]
result = x
""",
    "removal in a handler": """
s = {1, 2}
try:
    s.remove(3)
    hit = 1
except KeyError:
    hit = 2
result = (hit, s)
""",
    "overflow in a handler": """
try:
    v = math.exp(5000)
except OverflowError:
    v = -1.0
except ValueError:
    v = -2.0
result = v
""",
    "text of exceptions": """
result = [str(ValueError()), str(ValueError('a')), str(ValueError(3))]
""",
    "chained assignment": """
a = b = [1]
a.append(2)
c = d = 3
c += 1
result = (a, b, c, d)
""",
    "with": """
class M:
    def __enter__(self):
        log.append('in')
        return 5
    def __exit__(self, *a):
        log.append('out')
        return True
log = []
with M() as m:
    log.append(m)
result = log
""",
    "data class": """
from dataclasses import dataclass, field
@dataclass
class P:
    a: int
    b: list = field(default_factory=list)
    c: str = 'x'
p = P(1)
p.b.append(2)
result = (p.a, p.b, p.c, P(3, [4], 'z').c)
""",
    "named tuple": """
from collections import namedtuple
P = namedtuple('P', 'a b')
p = P(1, 2)
result = (p.a, p.b)
""",
    "collections": """
from collections import Counter, defaultdict, OrderedDict
c = Counter('banana')
d = defaultdict(int, [('k', 2)], j=3)
d['z'] += 1
e = dict(d)
d = defaultdict(list)
d['k'].append(1)
o = OrderedDict([(1, 2)])
result = (e, dict(d), o[1], c['a'], c['x'])
""",
    "iteration tools": """
import itertools
result = (list(itertools.chain([1], (2,))), list(itertools.accumulate([1, 2, 3])), list(itertools.islice(range(9), 2, 5)))
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_leaves_what_it_leaves_in_cpython(name: str) -> None:
    source = f"{_BEFORE}{PROGRAMS[name]}\n"
    theirs = cpython(source)["result"]
    ours, stuck = evaluated(source)
    assert not stuck
    assert not isinstance(ours, Opaque), ours.reason
    assert ours == theirs
