"""Statements of a wrapper leave what CPython leaves: each program of ours is followed, and run with an `exec` that writes down."""

# ruff: noqa: E501 - one program a line reads better than wrapped ones

from __future__ import annotations

import pytest

from tests.untrusted.wrappers import executed_by_cpython, follow

PROGRAMS = {
    "annotated assignment": "x: str = 'a'\ny: int\nexec(x)",
    "several targets": "x = y = 'a'\nexec(x + y)",
    "starred targets": "a, *b, c = 'abcd'\nexec(repr(a) + ''.join(b) + c)",
    "list targets": "[a, (b, c)] = ['x', 'yz']\nexec(a + b + c)",
    "range targets": "a, b = range(2)\nexec(str(a) + str(b))",
    "augmented name": "x = 'a'\nx += 'b'\nx *= 2\nexec(x)",
    "augmented item": "x = ['a']\nx[0] += 'b'\nexec(x[0])",
    "augmented attribute": "class A:\n    x = 'a'\nA.x += 'b'\nexec(A.x)",
    "augmented list is the same list": "x = ['a']\ny = x\ny += ('b', 'c')\nexec(''.join(x))",
    "augmented bytearray is the same one": "x = bytearray(b'a')\ny = x\ny += b'b'\nexec(bytes(x))",
    "augmented set": "x = {'a'}\ny = x\ny |= {'b'}\nexec(str(len(x)))",
    "augmented dict": "x = {'a': '1'}\ny = x\ny |= {'b': '2'}\nexec(x['b'])",
    "slice assignment": "x = list('abcd')\nx[1:3] = ['X']\nexec(''.join(x))",
    "bytearray item": "x = bytearray(b'abc')\nx[0] = 88\nexec(bytes(x))",
    "nested items": "x = {'a': {'b': 'c'}}\nx['a']['b'] = 'd'\nexec(x['a']['b'])",
    "container methods": "x = ['c', 'a']\nx.append('b')\nx.extend('de')\nx.insert(0, 'z')\nx.sort()\nx.reverse()\nx.remove('d')\nexec(''.join(x) + x.pop() + x.pop(0))",
    "sorted in reverse": "x = [1, 3, 2]\nx.sort(reverse=True)\nexec(str(x[0]))",
    "dict methods": "x = {}\nx.update({'a': '1'}, b='2')\nx.setdefault('c', '3')\nexec(x.pop('a') + x.get('b') + x['c'] + x.get('d', '4'))",
    "set methods": "x = set()\nx.add('a')\nx.update('bc')\nx.discard('b')\nexec(''.join(sorted(x)) + str(len(x.union('xy'))))",
    "bytearray methods": "x = bytearray()\nx.append(97)\nx.extend(b'bc')\nx.insert(0, 65)\nx.reverse()\nexec(bytes(x) + bytes(x.copy()))",
    "range into a list": "x = []\nx.extend(range(3))\nexec(str(len(x)))",
    "cleared": "x = ['a']\ny = x\ny.clear()\nexec(str(len(x)))",
    "deleted item": "x = {'a': '1'}\ndel x['a']\nexec(x.get('a', 'none'))",
    "deleted list item": "x = ['a', 'b', 'c']\ndel x[0], x[1:]\nexec(''.join(x))",
    "deleted names": "x = y = 'a'\ndel (x, y)\nx = 'b'\nexec(x)",
    "assert": "assert 1, 'fine'\nexec('a')",
    "assert that fails": "exec('a')\ntry:\n    assert not 1\nexcept AssertionError:\n    exec('b')\n",
    "import as": "import base64 as b, zlib\nimport os.path as p\nexec(b.b64decode('YQ=='))\nexec(p.join('a', 'b'))",
    "import of a submodule binds the package": "import os.path\nexec(os.path.join('a', os.sep))",
    "from import": "from base64 import b64decode as d, b16decode\nfrom os import path\nexec(d('YQ=='))\nexec(b16decode('61'))\nexec(path.basename('a/b'))",
    "star import": "from base64 import *\nfrom zlib import decompress\nexec(b64decode('YQ=='))",
    "future import": "from __future__ import annotations\nexec('a')",
    "function": "def f(a, b='2', *c, d='4', **e):\n    'doc'\n    return a + b + ''.join(c) + d + e.get('x', '')\nexec(f('1'))\nexec(f('1', '3', '5', d='6', x='7'))\nexec(f(b='x', a='y'))\nexec(f.__name__ + f.__doc__)",
    "positional only": "def f(a, /, b): return a + b\nexec(f('x', b='y'))",
    "closure": "def f(a):\n    def g(b):\n        return a + b\n    return g\nexec(f('x')('y'))",
    "nonlocal": "def f():\n    x = 'a'\n    def g():\n        nonlocal x\n        x += 'b'\n    g()\n    return x\nx = 'c'\nexec(f() + x)",
    "nonlocal past a class": "def f():\n    x = 'a'\n    class C:\n        x = 'b'\n        def g(self):\n            nonlocal x\n            x = 'c'\n    C().g()\n    return x\nexec(f())",
    "global": "x = 'a'\ndef f():\n    global x, y\n    x = 'b'\n    y = 'c'\nf()\nexec(x + y)",
    "global inside a function with the same local": "x = 'a'\ndef f():\n    x = 'b'\n    def g():\n        global x\n        x = x + 'c'\n        return x\n    return g() + x\nexec(f() + x)",
    "recursion": "def f(n): return '' if n == 0 else 'a' + f(n - 1)\nexec(f(5))",
    "function without a return": "def f(): pass\nexec('a' if f() is None else 'b')",
    "finally runs behind a return": "def f():\n    try:\n        return 'a'\n    finally:\n        exec('b')\nexec(f())",
    "finally alone": "try:\n    exec('a')\nfinally:\n    exec('d')",
    "a raise that is handled": "try:\n    exec('a')\n    raise ValueError\n    exec('b')\nexcept ValueError:\n    pass\nexec('c')",
    "early return": "def f(x):\n    if x:\n        return 'a'\n    return 'b'\nexec(f(1) + f(0))",
    "decorators": "def twice(f): return lambda: f() + f()\n@twice\n@twice\ndef f(): return 'a'\nexec(f())",
    "builtin decorators": "class A:\n    @staticmethod\n    def f(): return 'a'\nexec(A.f())",
    "class": "class A:\n    x = 'a'\n    def __init__(self, y): self.y = y\n    def f(self, z): return self.x + self.y + z\na = A('b')\na.w = 'd'\nexec(a.f('c') + a.w + A.x + A.__name__)",
    "class scope is not seen by its methods": "x = 'a'\nclass A:\n    x = 'b'\n    y = x + 'c'\n    def f(self): return x\nexec(A.y + A().f())",
    "class decorator": "def d(c):\n    c.x = 'a'\n    return c\n@d\nclass A: pass\nexec(A.x)",
    "class keywords": "class A(metaclass=type): x = 'a'\nexec(A.x)",
    "if and elif": "x = 2\nif x == 1:\n    exec('a')\nelif x == 2:\n    exec('b')\nelse:\n    exec('c')",
    "for": "for a, b in [('x', 'y'), ('z', 'w')]:\n    if a == 'z': continue\n    exec(a + b)\nelse:\n    exec('end')",
    "for with break": "for a in 'abc':\n    if a == 'b': break\n    exec(a)\nelse:\n    exec('end')",
    "for over a dict": "for k in {'a': 1, 'b': 2}: exec(k)",
    "for over a file in memory": "import io\nfor line in io.StringIO('a\\nb'): exec(line)",
    "nested loops": "for a in 'ab':\n    for b in 'xy':\n        if b == 'y': break\n        exec(a + b)",
    "while": "n = 3\nwhile n:\n    n -= 1\n    if n == 1: continue\n    exec(str(n))\nelse:\n    exec('end')",
    "while with break": "n = 0\nwhile True:\n    n += 1\n    if n > 2: break\n    exec(str(n))",
    "finally in a loop": "for i in range(2):\n    try:\n        break\n    finally:\n        exec('b')\nexec(str(i))",
    "finally overrides": "def f():\n    try:\n        return 'a'\n    finally:\n        return 'b'\nexec(f())",
    "else of try": "try:\n    pass\nfinally:\n    exec('b')",
    "with": "import io\nwith io.StringIO('a') as f, io.BytesIO(b'b') as g:\n    exec(f.read())\n    exec(g.read())",
    "lambda defaults": "f = lambda x='a': x\nexec(f() + f('b'))",
    "walrus": "if (x := 'a') == 'a': exec(x)",
    "comprehension scope": "x = 'a'\ny = [x for x in 'bc']\nexec(x + ''.join(y))",
    "dict comprehension": "x = {k: v for k, v in [('a', 'b')]}\nexec(x['a'])",
    "globals": "globals()['x'] = 'a'\nexec(x)\nexec(globals()['x'])",
    "vars and locals": "x = 'a'\nexec(vars()['x'])\nexec(locals()['x'])",
    "setattr": "class A: pass\nsetattr(A, 'x', 'a')\nexec(getattr(A, 'x'))\nexec(vars(A)['x'])",
    "partial": "from functools import partial\nf = partial(exec, 'a')\nf()\npartial(partial(exec), 'b')()",
    "alias of exec": "e = exec\ne('a')\n(lambda f: f('b'))(exec)",
    "map of exec": "list(map(exec, ['a', 'b']))",
    "sorted by a key of ours": "def key(x): return -ord(x)\nexec(''.join(sorted('bca', key=key)))",
    "file in memory": "import io\nf = io.BytesIO()\nf.write(b'abc')\nf.seek(1)\nexec(f.read())\nf.seek(-1, 2)\nexec(f.read())\nf.seek(0)\nf.seek(1, 1)\nexec(str(f.tell()))",
    "text stream": "import io\nf = io.StringIO('a\\nb\\nc')\nexec(f.readline())\nexec(''.join(f.readlines()))\nexec(f.readline() + 'x')",
    "writelines": "import io\nf = io.StringIO()\nf.writelines(['a', 'b'])\nexec(f.getvalue())",
    "detached": "import io\nexec(io.BytesIO(b'a').__enter__().read())",
    "environment": "import os\nos.environ['PGOLF_A'] = 'a'\nos.environ.setdefault('PGOLF_A', 'b')\nos.environ.setdefault('PGOLF_C', 'c')\nexec(os.environ['PGOLF_A'] + os.environ.get('PGOLF_C') + os.getenv('PGOLF_D', 'd'))",
    "environment update": "import os\nos.environ.update({'PGOLF_A': 'a'}, PGOLF_B='b')\nexec(os.environ['PGOLF_A'] + os.environ['PGOLF_B'] + dict(os.environ.copy())['PGOLF_A'])",
    "literal of every kind": "exec(repr('a') + repr(1) + repr(2.5) + repr(None) + repr(True) + repr(b'x'))",
    "ellipsis of branches": "x = None\nif x is None: exec('a')\nif x is not None: exec('b')",
    "async function is only defined": "async def f():\n    exec('a')\nexec('b')",
    "type conversions": "exec(str(int('5')) + chr(int.from_bytes(b'a', 'big')))",
    "copy of a list": "x = ['a']\ny = x.copy()\ny.append('b')\nexec(''.join(x))",
    "bytes of a list": "x = [97]\nx += [98]\nexec(bytes(x))",
    "iterating a changed list": "x = ['a', 'b']\nfor y in list(x): x.append(y)\nexec(''.join(x))",
    "string building": "s = ''\nfor c in 'abc':\n    s = c + s\nexec(s)",
    "formatting": "exec('%s%s' % ('a', 'b'))\nexec('{}'.format('c'))\nexec(f\"{'d'}\")",
    "condition chains": "exec('a' if 1 < 2 < 3 and not 0 else 'b')",
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_executes_what_cpython_executes(name: str) -> None:
    found = follow(PROGRAMS[name])
    expected = executed_by_cpython(PROGRAMS[name])
    assert expected
    assert found.sources == expected
    assert found.certain == expected or name == "assert that fails"
    assert not found.unfollowed
