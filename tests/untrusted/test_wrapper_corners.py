"""Corners of following a wrapper: each says what is executed, what is unknown, and what that must not be taken for."""

# ruff: noqa: E501 - one program a line reads better than wrapped ones

from __future__ import annotations

from dataclasses import replace

import pytest

from pgolf.errors import LimitTripped
from pgolf.untrusted.limits import DEFAULT_LIMITS
from tests.untrusted.wrappers import executed_by_cpython, follow

SAME_AS_CPYTHON = {
    "an exit ends it behind a finally": "import sys\nexec('a')\nif 1:\n    try:\n        pass\n    finally:\n        exec('b')\nexec('c')",
    "exit() from the builtins of a function": "def f():\n    exec('a')\nf()\nexec('b')",
    "a loader given to a spec": "import codecs\nexec(codecs.decode(b'YQ==', 'base64'))",
    "named arguments of decoders": "import base64, binascii\nexec(base64.b64decode(s='YQ=='))\nexec(base64.b64decode(bytearray(b'Yg==')))\nexec(binascii.a2b_base64(b'Yw=='))",
    "a very long integer in hexadecimal": f"exec(int('{'61' * 3000}', 16).to_bytes(3000, 'big'))",
    "a long sum of texts with a number in it": "x = 'a' + 'b' + str(1) + 'c'\nexec(x)",
    "getattr with a default": "exec(getattr(5, 'nothing', 'a'))",
    "a decorator that names what it is": "import functools\ndef d(f): return lambda: 'b' + f()\n@d\ndef f(): return 'a'\nexec(f())",
    "classmethods": "class A:\n    x = 'a'\n    y = [x, 'b']\nexec(''.join(A.y))",
    "handlers in turn": "def f(x):\n    try:\n        if x:\n            raise ValueError\n        return 'a'\n    except ValueError:\n        return 'b'\nexec(f(0))\nexec(f(1))",
    "a loop that returns": "def f():\n    for x in 'abc':\n        if x == 'b':\n            return x\nexec(f())",
    "break in a finally": "for i in range(3):\n    try:\n        raise ValueError\n    finally:\n        exec('a')\n        break\nexec('b')",
    "an exception object is not the name before": "x = 'a'\ntry:\n    raise ValueError('b')\nexcept ValueError:\n    exec(x)",
    "both branches agree": "x = 'a'\nfor c in 'xy':\n    if c == 'x':\n        y = 'b'\n    else:\n        y = 'b'\nexec(x + y)",
    "json in a stream": "import json, io\nexec(json.load(io.StringIO('{\"a\": \"b\"}'))['a'])",
    "eval in a function's own names": "def f(x):\n    return eval('x + \"b\"')\nexec(f('a'))",
    "eval with names": "exec(eval('x', {'x': 'a'}))",
    "sorting by a key of its own": "x = ['bb', 'a']\ny = sorted(x, key=len)\nexec(''.join(y))",
    "methods of a class through its name": "class A:\n    def f(self, x): return x + 'b'\nexec(A.f(A(), 'a'))",
    "attributes of an object": "class A: pass\na = A()\na.x = 'a'\na.x += 'b'\nexec(a.x)\nexec(a.__dict__['x'])",
    "a class attribute behind an own one": "class A:\n    x = 'a'\na = A()\nexec(a.x)\na.x = 'b'\nexec(a.x + A.x)",
    "deleted attributes": "class A:\n    x = 'a'\na = A()\na.x = 'b'\nexec(a.x)",
    "nothing in an else": "for i in (): exec('a')\nelse: exec('b')",
    "star arguments": "def f(*a, **k): return ''.join(a) + k['x']\nexec(f(*['a', 'b'], **{'x': 'c'}))",
    "await in a coroutine that is run": "import asyncio\nasync def g(): return 'a'\nasync def f(): exec(await g())\nasyncio.run(f())",
    "a function's globals": "x = 'a'\ndef f(): pass\nexec(f.__globals__['x'])\nexec('b' if f else 'c')",
    "numbers with a point": "exec(str(1.5 + 2 * 0.5 - 1))",
    "a nested f-string": "x = 'a'\nexec(f\"{f'{x}b'}c\")",
    "environment of a dict display": "import os\nos.environ['PGOLF_Z'] = 'a'\nexec({**os.environ}['PGOLF_Z'])",
}  # fmt: skip


@pytest.mark.parametrize("name", SAME_AS_CPYTHON)
def test_a_program_executes_what_cpython_executes(name: str) -> None:
    expected = executed_by_cpython(SAME_AS_CPYTHON[name])
    found = follow(SAME_AS_CPYTHON[name])
    assert expected
    assert found.sources == expected
    assert not found.unfollowed


# program -> what may be executed, in order; a text stands for one that is not certain when it starts with "?".
PATHS = {
    "def f():\n    if u:\n        return 'a'\n    else:\n        return 'a'\nexec(f())": ["a"],
    "def f():\n    if u:\n        return 'a'\n    else:\n        return 'b'\nexec(f())": [],
    "def f():\n    if u: return 'a'\n    return 'a'\nexec(f())": ["a"],
    "def f():\n    if u: return 'a'\n    return 'b'\nexec(f())": [],
    "def f():\n    if u:\n        raise ValueError\n    else:\n        raise TypeError\n    exec('a')\nf()\nexec('b')": [],
    "for i in 'ab':\n    if u:\n        break\n    else:\n        break\nexec(i)": ["a"],
    "for i in 'ab':\n    if u: break\n    exec(i)\nexec('z')": ["?a", "z"],
    "while u:\n    exec('a')\nelse:\n    exec('b')\nexec('c')": ["?a", "?b", "c"],
    "def f():\n    while u:\n        return 'a'\n    return 'a'\nexec(f())": [],
    "def f():\n    for i in u:\n        if v: return 1\n    exec('a')\nf()\nexec('b')": ["?a", "b"],
    "try:\n    u()\n    x = 'a'\nexcept E:\n    x = 'a'\nexec(x)": ["a"],
    "x = 'b'\ntry:\n    u()\n    x = 'a'\nexcept E:\n    pass\nexec(x)": [],
    "x = 'b'\ntry:\n    u()\n    x = 'a'\nexcept E:\n    raise\nexec(x)": ["a"],
    "x = ['b']\ntry:\n    u()\n    x.append('a')\nexcept E:\n    pass\nexec(x[0])": [],
    "import os\ntry:\n    u()\n    os.environ['A'] = 'a'\nexcept E:\n    pass\nexec(os.environ['A'])": [],
    "try:\n    import nothing\nexcept ImportError:\n    exec('a')\nelse:\n    exec('b')\nexec('c')": ["?a", "b", "c"],
    "def f():\n    try:\n        return 'a'\n    except E:\n        return 'b'\nexec(f())": ["a"],
    "def f():\n    try:\n        u()\n        return 'a'\n    except E:\n        return 'b'\nexec(f())": [],
    "def f():\n    try:\n        u()\n        return 'a'\n    except E:\n        raise\nexec(f())": ["a"],
    "def f():\n    try:\n        if u: return 'a'\n    except E:\n        return 'a'\n    else:\n        exec('c')\n    return 'a'\nexec(f())": ["?c", "a"],
    "def f():\n    try:\n        raise E\n    except E:\n        return 'b'\nexec(f())": ["b"],
    "try:\n    raise E\nexcept E as x:\n    exec(x)": [],
    "with u as x:\n    exec('a')\nexec(x)": ["a"],
    "with u():\n    raise E\nexec('a')": ["?a"],
    "with open('made', 'w') as f:\n    raise E\nexec('a')": [],
    "import contextlib\nx = 'a'\nwith contextlib.suppress(E):\n    u()\n    x = 'b'\nexec(x)": [],
    "import contextlib\nwith contextlib.closing(zlib) as x:\n    exec(x)": [],
    "import zlib\nwith zlib as x:\n    exec(x)": [],
    "match u:\n    case 1 if exec('g'):\n        exec('a')\n    case [x, *y]:\n        exec(x)\n    case {'k': z, **w}:\n        exec(w)\nexec('b')": ["?g", "?a", "b"],
    "x = 'a'\nmatch 'b':\n    case x: pass\nexec(x)": [],
    "x = y = 'a'\nmatch {}:\n    case {**y}: pass\nexec(x)\nexec(y)": ["a"],
    "x = 'a'\nfor i in u:\n    x = 'a'\nexec(x)": [],
    "f = lambda: 'a'\nfor i in u:\n    def f(): return 'b'\nexec(f())": [],
    "for i in u:\n    import zlib\nexec(zlib.decompress(b'x\\x9cK\\x04\\x00\\x00b\\x00b'))": [b"a"],
    "x = 'a'\ndef f():\n    global x\n    x = 'b'\nfor i in u: f()\nexec(x)": [],
    "x = 'a'\ndef f():\n    global x\n    x = 'b'\nif u: f()\nexec(x)": [],
    "def f():\n    x = 'a'\n    def g():\n        nonlocal x\n        x = 'b'\n    if u: g()\n    exec(x)\nf()": [],
    "x = {}\nif u: x['k'] = 'a'\nexec(x['k'])": [],
    "x = []\nif u: x.append('a')\nexec(x[0])": [],
    "if u: globals()['x'] = 'a'\nexec(x)": [],
    "class A: x = 'a'\nif u: A.x = 'b'\nexec(A.x)": [],
    "class A: x = 'a'\ndel A.x\nexec(A.x)": [],
    "import sys, types\nm = types.ModuleType('m')\nif u: sys.modules['m'] = m\nimport m\nexec(m.x)": [],
    "import builtins\nif u: builtins.print = exec\nprint('a')": [],
    "import os\nif u: os.environ['A'] = 'a'\nexec(os.environ['A'])": [],
    "import os\nos.environ['A'] = 'a'\ndel os.environ['A']\nexec(os.environ['A'])": [],
    "if u: open('made', 'w').write('a')\nexec(open('made').read())": [],
    "f = open('made', 'w')\nif u: f.write('a')\nexec(open('made').read())": [],
    "x = ['a']\nx[u] = 'b'\nexec(x[0])": [],
    "x = ['a']\nx[7] = 'b'\nexec(x[0])": [],
    "x = ['a']\ndel x[u]\nexec(x[0])": [],
    "x = ['a']\ndel x[9]\nexec(x[0])": [],
    "x = bytearray(b'a')\nx[0] = u\nexec(bytes(x))": [],
    "x = bytearray(b'a')\nx += u\nexec(bytes(x))": [],
    "x = bytearray(b'a')\nx += 'b'\nexec(bytes(x))": [],
    "x = ['a']\nx *= 2\nexec(x[0])": [],
    "x = {'a'}\nx -= {'a'}\nexec(str(len(x)))": [],
    "x = {'a': 'b'}\nx |= u\nexec(x['a'])": [],
    "x = ['b', 'a']\nx.sort(key=u)\nexec(x[0])": [],
    "x = ['a']\nx.remove(u)\nexec(x[0])": [],
    "x = ['a']\nx.extend(u)\nexec(x[0])": [],
    "x = ['a']\nx.append(u)\nexec(x[0])": ["a"],
    "x = [['a']]\nu(x)\nexec(x[0][0])": [],
    "(a, b), c = u\nexec(a)": [],
    "a, b = 'abc'\nexec(a)": [],
    "a, *b = u\nexec(a)": [],
    "a, b = 5\nexec(a)": [],
    "def f(**k): return k['a']\nexec(f(**u))": [],
    "def f(a): return a\nexec(f(*u))": [],
    "def f(n): return f(n)\nexec(f(1))": [],
    "def f():\n    yield 'a'\nfor x in f(): exec(x)": ["?"],
    "exec('a', u)": ["a"],
    "eval(u)": [],
    "eval('a; b')": [],
    "eval(5)": [],
    "exec(bytearray(b'a'))": [b"a"],
    "import os\nos._exit(0)\nexec('a')": [],
    "exit()\nexec('a')": [],
    "import sys\nif u: sys.exit()\nexec('a')": ["a"],
    "import runpy\nrunpy.run_module(u)": [],
    "import importlib.util as i\nm = i.module_from_spec(u)\nexec(m.x)": [],
    "import importlib.util as i\ns = i.spec_from_loader('m', u)\nexec(s.x)": [],
    "import importlib.util as i\ns = i.spec_from_file_location('m', u)\ns.loader.exec_module(i.module_from_spec(s))": [],
    "import importlib.util as i\ns = i.spec_from_file_location('m', 'x.py')\ns.loader.nothing()": [],
    "setattr(u, 'x', 'a')\nexec('b')": ["b"],
    "setattr(5)\nexec('b')": ["b"],
    "x = [[[[[[[[['a', u]]]]]]]]]\nexec('%r' % x)": [],
    "import __main__\n__main__.x = 'a'\nexec(x)": ["a"],
    "def f(a, u): a.g(a)\nclass A:\n    x = 'a'\n    def g(self): box[0] = 'c'\nbox = ['a']\nf(A, unknown)\nexec(box[0])": [],
    "class A:\n    def g(self, v): box[0] = 'c'\nbox = ['a']\na = A()\na.g(unknown)\nexec(box[0])": [],
    "def f():\n    try:\n        u()\n    except E:\n        return 'a'\n    else:\n        exec('c')\n    return 'a'\nexec(f())": ["?c", "a"],
    "def f():\n    for i in 'ab':\n        if u: return 'a'\n    return 'a'\nexec(f())": ["a"],
    "def f():\n    for i in 'ab':\n        if u: return i\n    return 'b'\nexec(f())": [],
    "x = 'a'\nfrom . import *\nexec(x)": [],
    "import sys\nx = 'a'\nsys.modules[u] = 5\nexec(x)": [],
    "def f(): pass\nf.x = 'a'\nexec(f.x)": [],
    "exec(repr({[1]: 1 for i in 'a'}))": [],
    "exec(repr({[i] for i in 'a'}))": [],
    "exec([x for y in 'a' for x in undefined])": [],
    "exec({x: 1 for y in 'a' for x in undefined})": [],
    "exec(bytes([b ^ undefined for b in bytes(600)]))": [],
    "exec(print + 1)": [],
    "x = 'a'\nimport train_gpt\nexec(x)": ["a"],
    "break\nexec('a')": [],
    "def f():\n    break\nexec(f())": [],
    "@staticmethod\ndef f(): return 'a'\nexec(f())": ["a"],
    "@unknown\ndef f(): return 'a'\n@unknown\nclass A: pass\nexec('b')": ["b"],
    "class A:\n    with u():\n        raise E\nexec('a')": ["?a"],
    "async def f(): await g()\nasync def h():\n    async with u as x: pass\n    async for y in u: pass\nexec('a')": ["a"],
    "from nowhere import *\nfrom . import x\nexec(x)": [],
    "from .nothing import x\nexec(x)": [],
    "import sys\nsys.path.insert(0, u)\nsys.path.append(u)\nimport made\nexec('a')": ["a"],
    "import sys\nsys.argv = ['a']\nexec(sys.argv[0])": ["a"],
    "import sys\nexec(sys.executable)": ["/usr/bin/python3"],
    "exec(__builtins__.chr(97))": ["a"],
    "exec(__builtins__['chr'](97))": ["a"],
    "exec(__builtins__.__dict__['chr'](97))": ["a"],
}  # fmt: skip


@pytest.mark.parametrize("program", PATHS)
def test_only_what_is_known_is_executed_and_only_what_is_certain_is_called_so(program: str) -> None:
    found = follow(program)
    expected = PATHS[program]
    if expected == ["?"]:
        assert not found.certain
        return
    texts: list[bytes | str] = []
    for each in found.executed:
        assert isinstance(each.source, (str, bytes))
        texts.append(each.source if each.certain or isinstance(each.source, bytes) else "?" + each.source)
    shown = [text for index, text in enumerate(texts) if text not in texts[:index]]
    assert shown == expected


@pytest.mark.parametrize("kind", ["exec", "eval"])
def test_text_that_is_no_python_is_a_stated_gap(kind: str) -> None:
    from pgolf.untrusted.script import Script
    from pgolf.untrusted.unwrap import unwrap

    found = unwrap(Script("train_gpt.py", f"{kind}('def (')\n{kind}('1 +')\n".encode()))
    assert found.obstacle is not None
    assert found.obstacle.rule in ("unparsable", "not-constant")


def test_evaluations_inside_evaluations_are_bounded() -> None:
    with pytest.raises(LimitTripped) as tripped:
        follow("x = 'eval(x)'\neval(x)", replace(DEFAULT_LIMITS, layer_depth=5))
    assert tripped.value.limit == "layer_depth"


def test_a_source_that_executes_itself_under_other_text_is_bounded() -> None:
    from pgolf.untrusted.script import Script
    from pgolf.untrusted.unwrap import unwrap

    program = "s = 's = {!r}\\nn = {}\\nexec(s.format(s, n + 1))'\nexec(s.format(s, 0))"
    found = unwrap(Script("train_gpt.py", program.encode()), replace(DEFAULT_LIMITS, layer_depth=6))
    assert found.obstacle is not None
    assert (
        found.obstacle.limit in ("layer_depth", "constant_bytes", "source_bytes", "constant_steps")
        or found.layers
    )


def test_the_literal_parts_of_a_text_with_holes_are_kept() -> None:
    found = follow("exec('import a\\n' + 'x = 1\\n' + undefined + 'y = 2')")
    assert found.unfollowed[0].text == "import a\nx = 1\ny = 2"
    assert follow("exec(f'x = {undefined} + 1')").unfollowed[0].text == "x = \ufffc + 1"


def test_a_loop_that_waits_for_something_unknown_costs_little() -> None:
    found = follow(
        "import engine\nstep = 0\nwhile step < 10_000_000:\n    engine.train(step)\n    step += 1\nexec('after')"
    )
    assert found.sources == ["after"]
    assert found.interpreter.steps < DEFAULT_LIMITS.constant_steps // 10


def test_a_list_of_a_very_long_range_is_a_bound() -> None:
    with pytest.raises(LimitTripped) as tripped:
        follow("x = list(range(10 ** 9))")
    assert tripped.value.limit == "constant_steps"
