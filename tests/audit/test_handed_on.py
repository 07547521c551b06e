"""Code that Python or a library calls by itself: special methods, callbacks, methods of subclasses of library classes, views of a
table, and expressions that are evaluated where a function or class is made. Each case changes a byte table of the shipped canonical
script before its evaluation; none may be called correct and canonical."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLE = Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py"
_CALL = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"


def _audit(lines: str) -> ScriptAudit:
    """The example with these lines before its evaluation is called."""
    source = _EXAMPLE.read_text(encoding="utf-8")
    assert source.count(_CALL) == 1
    body = "".join(f"    {line}\n" for line in lines.strip("\n").split("\n"))
    return audit_script(Script("train_gpt.py", source.replace(_CALL, body + _CALL).encode(), NoSiblings()))


def _is_proved(audit: ScriptAudit) -> bool:
    return (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL)


_CALLED_BY_PYTHON = {
    "bool": """\
class X:
    def __bool__(self):
        luts[0].add_(1)
        return True
if X():
    pass
""",
    "len": """\
class X:
    def __len__(self):
        luts[0].add_(1)
        return 1
len(X())
""",
    "lentruth": """\
class X:
    def __len__(self):
        luts[0].add_(1)
        return 1
if X(): pass
""",
    "str": """\
class X:
    def __str__(self):
        luts[0].add_(1)
        return 'a'
print(X())
""",
    "repr": """\
class X:
    def __repr__(self):
        luts[0].add_(1)
        return 'a'
print(X())
""",
    "fstr": """\
class X:
    def __str__(self):
        luts[0].add_(1)
        return 'a'
f'{X()}'
""",
    "format": """\
class X:
    def __format__(self, s):
        luts[0].add_(1)
        return 'a'
f'{X():>3}'
""",
    "formatm": """\
class X:
    def __format__(self, s):
        luts[0].add_(1)
        return 'a'
'{}'.format(X())
""",
    "percent": """\
class X:
    def __str__(self):
        luts[0].add_(1)
        return 'a'
'%s' % X()
""",
    "eq": """\
class X:
    def __eq__(self, o):
        luts[0].add_(1)
        return True
X() == 1
""",
    "ne": """\
class X:
    def __ne__(self, o):
        luts[0].add_(1)
        return True
X() != 1
""",
    "eq in": """\
class X:
    def __eq__(self, o):
        luts[0].add_(1)
        return True
1 in [X()]
""",
    "lt": """\
class X:
    def __lt__(self, o):
        luts[0].add_(1)
        return True
X() < 1
""",
    "lt sort": """\
class X:
    def __lt__(self, o):
        luts[0].add_(1)
        return True
sorted([X(), X()])
""",
    "min": """\
class X:
    def __lt__(self, o):
        luts[0].add_(1)
        return True
min([X(), X()])
""",
    "contains": """\
class X:
    def __contains__(self, o):
        luts[0].add_(1)
        return True
1 in X()
""",
    "hash": """\
class X:
    def __hash__(self):
        luts[0].add_(1)
        return 1
{X(): 1}
""",
    "hashset": """\
class X:
    def __hash__(self):
        luts[0].add_(1)
        return 1
{X()}
""",
    "index": """\
class X:
    def __index__(self):
        luts[0].add_(1)
        return 1
[1,2][X()]
""",
    "int": """\
class X:
    def __int__(self):
        luts[0].add_(1)
        return 1
int(X())
""",
    "float": """\
class X:
    def __float__(self):
        luts[0].add_(1)
        return 1.0
float(X())
""",
    "add": """\
class X:
    def __add__(self, o):
        luts[0].add_(1)
        return 1
X() + 1
""",
    "radd": """\
class X:
    def __radd__(self, o):
        luts[0].add_(1)
        return 1
1 + X()
""",
    "sum": """\
class X:
    def __radd__(self, o):
        luts[0].add_(1)
        return 1
sum([X()])
""",
    "iadd": """\
class X:
    def __iadd__(self, o):
        luts[0].add_(1)
        return 1
x = X()
x += 1
""",
    "neg": """\
class X:
    def __neg__(self):
        luts[0].add_(1)
        return 1
-X()
""",
    "call": """\
class X:
    def __call__(self):
        luts[0].add_(1)
        return 1
X()()
""",
    "iter": """\
for t in luts[0]:
    t.add_(1)
""",
    "iter list": """\
class X:
    def __iter__(self):
        luts[0].add_(1)
        return iter([1])
list(X())
""",
    "iter unpack": """\
class X:
    def __iter__(self):
        luts[0].add_(1)
        return iter([1])
a, = X()
""",
    "iter star": """\
class X:
    def __iter__(self):
        luts[0].add_(1)
        return iter([1])
print(*X())
""",
    "getitem": """\
class X:
    def __getitem__(self, o):
        luts[0].add_(1)
        return 1
X()[1]
""",
    "getitem iter": """\
class X:
    def __getitem__(self, o):
        luts[0].add_(1)
        return 1
for a in X(): break
""",
    "setitem": """\
class X:
    def __setitem__(self, o, v):
        luts[0].add_(1)
        return None
X()[1] = 1
""",
    "delitem": """\
class X:
    def __delitem__(self, o):
        luts[0].add_(1)
        return None
x = X()
del x[1]
""",
    "getattr": """\
class X:
    def __getattr__(self, n):
        luts[0].add_(1)
        return 1
X().foo
""",
    "getattribute": """\
class X:
    def __getattribute__(self, n):
        luts[0].add_(1)
        return 1
X().foo
""",
    "setattr": """\
class X:
    def __setattr__(self, n, v):
        luts[0].add_(1)
        return None
X().foo = 1
""",
    "delattr": """\
class X:
    def __delattr__(self, n):
        luts[0].add_(1)
        return None
x = X()
del x.foo
""",
    "enter": """\
class X:
    def __enter__(self):
        luts[0].add_(1)
        return None
class Y(X):
    def __exit__(self, *a):
        return None
with Y(): pass
""",
    "exit": """\
class X:
    def __exit__(self, *a):
        luts[0].add_(1)
        return None
class Y(X):
    def __enter__(self):
        return None
with Y(): pass
""",
    "del": """\
class X:
    def __del__(self):
        luts[0].add_(1)
        return None
x = X()
del x
""",
    "new": """\
class X:
    def __new__(cls):
        luts[0].add_(1)
        return object.__new__(cls)
X()
""",
    "init": """\
class X:
    def __init__(self):
        luts[0].add_(1)
        return None
X()
""",
    "init_subclass": """\
class X:
    def __init_subclass__(cls):
        luts[0].add_(1)
        return None
class Y(X): pass
""",
    "set_name": """\
class X:
    def __set_name__(self, o, n):
        luts[0].add_(1)
        return None
class Y:
    a = X()
""",
    "get desc": """\
class X:
    def __get__(self, o, n):
        luts[0].add_(1)
        return 1
class Y:
    a = X()
Y().a
""",
    "set desc": """\
class X:
    def __set__(self, o, n):
        luts[0].add_(1)
        return None
class Y:
    a = X()
Y().a = 1
""",
    "reversed": """\
class X:
    def __reversed__(self):
        luts[0].add_(1)
        return iter([1])
list(reversed(X()))
""",
    "round": """\
class X:
    def __round__(self):
        luts[0].add_(1)
        return 1
round(X())
""",
    "abs": """\
class X:
    def __abs__(self):
        luts[0].add_(1)
        return 1
abs(X())
""",
    "array": """\
class X:
    def __array__(self, *a):
        luts[0].add_(1)
        return np.zeros(3)
np.asarray(X())
""",
    "len_hint": """\
class X:
    def __length_hint__(self):
        luts[0].add_(1)
        return 1
list(X())
""",
    "bytes": """\
class X:
    def __bytes__(self):
        luts[0].add_(1)
        return b''
bytes(X())
""",
    "torch_fn": """\
class X:
    def __torch_function__(self, *a):
        luts[0].add_(1)
        return 1
torch.add(X(), 1)
""",
    "reduce": """\
class X:
    def __reduce__(self):
        luts[0].add_(1)
        return (int, ())
import copy
copy.copy(X())
""",
    "deepcopy": """\
class X:
    def __deepcopy__(self, m):
        luts[0].add_(1)
        return 1
import copy
copy.deepcopy(X())
""",
    "copy": """\
class X:
    def __copy__(self):
        luts[0].add_(1)
        return 1
import copy
copy.copy(X())
""",
    "class_getitem": """\
class X:
    def __class_getitem__(cls, i):
        luts[0].add_(1)
        return 1
X[int]
""",
    "missing": """\
class X:
    def __missing__(self, k):
        luts[0].add_(1)
        return 1
class Y(dict):
    __missing__ = X.__missing__
Y()[1]
""",
    "post_init": """\
class X:
    def __post_init__(self):
        luts[0].add_(1)
        return None
from dataclasses import dataclass
@dataclass
class Y(X):
    a: int = 1
Y()
""",
    "property": """\
class X:
    def p(self):
        luts[0].add_(1)
        return 1
class Y(X):
    p = property(X.p)
Y().p
""",
    "staticm": """\
class X:
    def p(self):
        luts[0].add_(1)
        return 1
X.p(1)
""",
    "cached": """\
class X:
    def p(self):
        luts[0].add_(1)
        return 1
import functools
class Y:
    p = functools.cached_property(X.p)
Y().p
""",
    "annotation": """\
def f(x: luts[0].add_(1)):
    pass
""",
    "return annotation": """\
def f(x) -> luts[0].add_(1):
    pass
""",
    "default": """\
def f(x=luts[0].add_(1)):
    pass
""",
    "kwdefault": """\
def f(*, x=luts[0].add_(1)):
    pass
""",
    "decorator": """\
def deco(f):
    luts[0].add_(1)
    return f
@deco
def f(x):
    pass
""",
    "class deco": """\
def deco(f):
    luts[0].add_(1)
    return f
@deco
class f:
    pass
""",
    "class body": """\
class f:
    luts[0].add_(1)
""",
    "class kw": """\
class f(metaclass=[luts[0].add_(1), type][1]):
    pass
""",
    "class base": """\
class f([luts[0].add_(1), object][1]):
    pass
""",
    "raise caught": """\
try:
    raise ValueError(luts[0].add_(1))
except ValueError:
    pass
""",
    "except expr": """\
try:
    1/0
except ([luts[0].add_(1), ZeroDivisionError][1]):
    pass
""",
    "finally": """\
try:
    pass
finally:
    luts[0].add_(1)
""",
    "try else": """\
try:
    pass
except Exception:
    pass
else:
    luts[0].add_(1)
""",
    "for else": """\
for _ in []:
    pass
else:
    luts[0].add_(1)
""",
    "while else": """\
while False:
    pass
else:
    luts[0].add_(1)
""",
    "contextmanager": """\
import contextlib
@contextlib.contextmanager
def cm():
    luts[0].add_(1)
    yield
with cm():
    pass
""",
    "contextmanager after": """\
import contextlib
@contextlib.contextmanager
def cm():
    yield
    luts[0].add_(1)
with cm():
    pass
""",
    "exitstack": """\
import contextlib
with contextlib.ExitStack() as st:
    st.callback(lambda: luts[0].add_(1))
""",
    "gen": """\
def g():
    luts[0].add_(1)
    yield 1
next(g())
""",
    "gen send": """\
def g():
    x = yield 1
    luts[0].add_(1)
    yield 2
it = g()
next(it)
it.send(1)
""",
    "gen close": """\
def g():
    try:
        yield 1
    finally:
        luts[0].add_(1)
it = g()
next(it)
it.close()
""",
    "async": """\
import asyncio
async def f():
    luts[0].add_(1)
asyncio.run(f())
""",
    "lru": """\
import functools
@functools.lru_cache
def f():
    luts[0].add_(1)
f()
""",
    "singledispatch": """\
import functools
@functools.singledispatch
def f(x):
    luts[0].add_(1)
f(1)
""",
    "match guard": """\
match 1:
    case _ if luts[0].add_(1) is None:
        pass
    case _:
        pass
""",
    "match class": """\
class P:
    __match_args__ = ('a',)
    @property
    def a(self):
        luts[0].add_(1)
        return 1
match P():
    case P(1):
        pass
""",
    "global fn": """\
globals()['luts'] = luts
exec('luts[0].add_(1)', globals())
""",
    "signal": """\
import signal
signal.signal(signal.SIGALRM, lambda *a: luts[0].add_(1))
signal.alarm(1)
""",
    "timer": """\
import threading
threading.Timer(0, lambda: luts[0].add_(1)).start()
""",
    "weakref": """\
import weakref
class Z: pass
z = Z()
weakref.finalize(z, lambda: luts[0].add_(1))
del z
""",
    "operator": """\
import operator
operator.iadd(luts[0], 1)
""",
    "operator setitem": """\
import operator
operator.setitem(luts[0], 5, 1)
""",
    "attrgetter": """\
import operator
operator.methodcaller('add_', 1)(luts[0])
""",
    "getattr str": """\
getattr(luts[0], 'ad' + 'd_')(1)
""",
    "getattr unknown": """\
import extern
getattr(luts[0], extern.name())(1)
""",
    "np view": """\
luts[0].numpy()[5] = 9
""",
    "data": """\
luts[0].data[5] = 9
""",
    "data ptr": """\
import ctypes
ctypes.memset(luts[0].data_ptr(), 1, 64)
""",
    "slice view": """\
luts[0][3:9].fill_(7)
""",
    "view": """\
luts[0].view(-1)[5] = 7
""",
    "T": """\
luts[0].T[5] = 7
""",
    "chunk": """\
for c in luts[0].chunk(4):
    c.add_(1)
""",
    "split": """\
luts[0].split(4)[0].add_(1)
""",
    "unbind": """\
luts[0].unbind()[5].add_(1)
""",
    "narrow": """\
luts[0].narrow(0, 2, 3).add_(1)
""",
    "expand": """\
luts[0].expand(2, -1)[0].add_(1)
""",
    "swap": """\
torch.utils.swap_tensors(luts[0], luts[0] * 2)
""",
    "set_": """\
luts[0].set_(luts[0] * 2)
""",
    "out": """\
torch.add(luts[0], 1, out=luts[0])
""",
    "np out": """\
np.add(luts[0], 1, luts[0])
""",
    "where_": """\
luts[0].masked_fill_(luts[1], 9)
""",
    "index_put": """\
luts[0].index_put_((torch.tensor([5]),), torch.tensor([9], dtype=torch.int16))
""",
    "scatter": """\
luts[0].scatter_(0, torch.tensor([5]), 9)
""",
    "foreach": """\
torch._foreach_add_([luts[0]], 1)
""",
}

_CALLBACK = """\
def f(*a, **k):
    luts[0].add_(1)
    return 1
"""
_CALLED_BY_LIBRARIES = {
    "singledispatch": """\
import functools
functools.singledispatch(f)(1)
""",
    "sd deco": """\
import functools
@functools.singledispatch
def g(x):
    luts[0].add_(1)
g(1)
""",
    "wraps": """\
import functools
@functools.wraps(f)
def g(x):
    luts[0].add_(1)
g(1)
""",
    "cmp": """\
import functools
sorted([2,1], key=functools.cmp_to_key(f))
""",
    "partialmethod": """\
import functools
class Y:
    g = functools.partialmethod(f)
Y().g()
""",
    "timeit": """\
import timeit
timeit.timeit(f)
""",
    "bisect": """\
import bisect
bisect.bisect([1,2], 1, key=f)
""",
    "heapq": """\
import heapq
heapq.nlargest(1, [1,2], key=f)
""",
    "starmap": """\
import itertools
list(itertools.starmap(f, [(1,)]))
""",
    "accumulate": """\
import itertools
list(itertools.accumulate([1,2], f))
""",
    "takewhile": """\
import itertools
list(itertools.takewhile(f, [1]))
""",
    "groupby": """\
import itertools
list(itertools.groupby([1], f))
""",
    "filterfalse": """\
import itertools
list(itertools.filterfalse(f, [1]))
""",
    "methodtype": """\
import types
types.MethodType(f, 1)()
""",
    "functiontype": """\
import types
types.FunctionType(f.__code__, globals())()
""",
    "defaultdict": """\
import collections
collections.defaultdict(f)[1]
""",
    "operator.call": """\
import operator
operator.call(f)
""",
    "json default": """\
import json
json.dumps(args, default=f)
""",
    "json hook": """\
import json
json.loads('{}', object_hook=f)
""",
    "resub": """\
import re
re.sub('a', f, 'a')
""",
    "asyncio": """\
import asyncio
loop = asyncio.new_event_loop()
loop.call_soon(f)
loop.run_forever()
""",
    "contextvars": """\
import contextvars
contextvars.copy_context().run(f)
""",
    "sched": """\
import sched
s = sched.scheduler()
s.enter(0, 1, f)
s.run()
""",
    "mp": """\
import multiprocessing.dummy as d
d.Pool(1).map(f, [1])
""",
    "apply": """\
import torch
nn.Linear(1,1).apply(f)
""",
    "vmap": """\
torch.vmap(f)(luts[1])
""",
    "compile": """\
torch.compile(f)()
""",
    "checkpoint": """\
from torch.utils.checkpoint import checkpoint
checkpoint(f, luts[1])
""",
    "jit": """\
torch.jit.script(f)()
""",
    "np.vectorize": """\
np.vectorize(f)(np.zeros(2))
""",
    "np.frompyfunc": """\
np.frompyfunc(f, 1, 1)(np.zeros(2))
""",
    "np.fromfunction": """\
np.fromfunction(f, (2,))
""",
    "np.apply": """\
np.apply_along_axis(f, 0, np.zeros(2))
""",
    "np.piecewise": """\
np.piecewise(np.zeros(2), [True], [f])
""",
    "lambda default": """\
(lambda x=f(): 1)
""",
    "dc factory": """\
import dataclasses
@dataclasses.dataclass
class Y:
    a: int = dataclasses.field(default_factory=f)
Y()
""",
    "enum": """\
import enum
class Y(enum.Enum):
    A = f()
""",
    "namedtuple": """\
import collections
collections.namedtuple('A', 'x', defaults=[f()])
""",
    "suppress": """\
import contextlib
with contextlib.suppress(Exception):
    f()
""",
    "closing": """\
import contextlib
class Y:
    close = f
with contextlib.closing(Y()):
    pass
""",
    "nullcontext": """\
import contextlib
with contextlib.nullcontext(f()):
    pass
""",
    "redirect": """\
import contextlib
class W:
    write = f
with contextlib.redirect_stdout(W()):
    print(1)
""",
    "sys.stdout": """\
import sys
class W:
    write = f
sys.stdout = W()
print(1)
""",
    "print file": """\
class W:
    write = f
print(1, file=W())
""",
    "builtins": """\
import builtins
builtins.len = f
len([1])
""",
    "displayhook": """\
import sys
sys.excepthook = f
""",
    "profile": """\
import sys
sys.setprofile(f)
""",
    "addaudithook": """\
import sys
sys.addaudithook(f)
""",
    "warn": """\
import warnings
warnings.showwarning = f
warnings.warn('a')
""",
    "log filter": """\
import logging
logging.getLogger().addFilter(f)
logging.warning('a')
""",
    "log handler": """\
import logging
class H(logging.Handler):
    emit = f
logging.getLogger().addHandler(H())
logging.warning('a')
""",
    "gc": """\
import gc
gc.callbacks.append(f)
gc.collect()
""",
    "del hook": """\
class Y:
    __del__ = f
y = Y()
y = None
""",
    "thread sub": """\
import threading
class Y(threading.Thread):
    run = f
Y().start()
""",
    "process": """\
import concurrent.futures as c
with c.ThreadPoolExecutor() as e:
    list(e.map(f, [1]))
""",
    "module getattr": """\
import sys
sys.modules[__name__].eval_val = f
""",
    "autograd fn": """\
class Y(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        luts[0].add_(1)
        return x
Y.apply(luts[1])
""",
    "module fwd": """\
class Y(nn.Module):
    def forward(self, x):
        luts[0].add_(1)
        return x
Y()(luts[1])
""",
    "module call any": """\
class Y(nn.Module):
    def forward(self, x):
        luts[0].add_(1)
        return x
Y()(1)
""",
    "hookpre": """\
model.register_forward_pre_hook(f)
""",
    "dataset": """\
class D(torch.utils.data.Dataset):
    def __getitem__(self, i):
        luts[0].add_(1)
        return i
    def __len__(self):
        return 1
for x in torch.utils.data.DataLoader(D()):
    pass
""",
    "optim closure": """\
torch.optim.SGD(model.parameters(), lr=1).step(f)
""",
    "lr lambda": """\
torch.optim.lr_scheduler.LambdaLR(torch.optim.SGD(model.parameters(), lr=1), f)
""",
    "tensor hook": """\
luts[0].register_hook(f)
""",
    "opt hook": """\
torch.optim.SGD(model.parameters(), lr=1).register_step_post_hook(f)
""",
}


@pytest.mark.parametrize("what", sorted(_CALLED_BY_PYTHON))
def test_a_change_in_what_python_calls_by_itself_is_seen(what: str) -> None:
    assert not _is_proved(_audit(_CALLED_BY_PYTHON[what]))


@pytest.mark.parametrize("what", sorted(_CALLED_BY_LIBRARIES))
def test_a_change_in_what_a_library_may_call_is_not_proved(what: str) -> None:
    assert not _is_proved(_audit(_CALLBACK + _CALLED_BY_LIBRARIES[what]))


@pytest.mark.parametrize(
    "lines",
    [
        "def f(x):\n    return x.clone()\nlist(map(f, luts))",
        "class Y(nn.Module):\n    def forward(self, x):\n        self.seen = x\n        x = x + 1\n        return x\nY()(val_tokens[:4])",
        "import sys\nclass Tee:\n    def write(self, text):\n        self.last = text\nsys.stdout = Tee()",
        "x: luts[0].add_(1) = 1",
        "luts = tuple(t.requires_grad_(False) for t in luts)",
    ],
)
def test_code_that_changes_nothing_of_the_tables_leaves_the_proof(lines: str) -> None:
    assert _is_proved(_audit(lines))
