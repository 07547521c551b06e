"""Where outer and inner code meet: what is laid out, what cannot be, and which bound or reason is then named."""

# ruff: noqa: E501 - one program a line reads better than wrapped ones

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.untrusted import unwrap as unwrap_module
from pgolf.untrusted.isolated import parse_script, read_script, unwrap_script
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.script import MappedSiblings, Script
from pgolf.untrusted.unwrap import Unwrapped, may_wrap, unwrap
from tests.untrusted.wrappers import executed_by_cpython

INNER = "def build(n):\n    return n\n"
Z = f"zlib.decompress({zlib.compress(INNER.encode())!r})"


def unwrapped(text: str | bytes, limits: Limits = DEFAULT_LIMITS, **siblings: bytes) -> Unwrapped:
    data = text.encode() if isinstance(text, str) else text
    files = {name.replace("__", "."): each for name, each in siblings.items()}
    return unwrap(Script("train_gpt.py", data, MappedSiblings(files)), limits)


LAID_OUT = {
    "in a with": f"import zlib, engine, io\nwith io.BytesIO() as f:\n    A = engine.a()\n    exec({Z})\n    B = engine.b()\n",
    "in a try that only cleans up": f"import zlib, engine\ntry:\n    A = engine.a()\n    exec({Z})\n    B = engine.b()\nfinally:\n    print('done')\n",
    "in a try with a harmless handler": f"import zlib, engine\nA = engine.a()\ntry:\n    exec({Z})\nexcept Exception:\n    raise\nB = engine.b()\n",
    "in a constant condition": f"import zlib, engine\nif True:\n    A = engine.a()\n    exec({Z})\n    B = engine.b()\n",
    "in a main guard the other way round": f"import zlib, engine\nif '__main__' == __name__:\n    A = engine.a()\n    exec({Z})\n    B = engine.b()\n",
    "on one line": f"import zlib, engine; A = engine.a(); exec({Z}); B = engine.b()\n",
    "behind a decorated function": f"import zlib, engine\nA = engine.a()\n@staticmethod\ndef f():\n    'two\\n lines'\n    return 1\nexec({Z})\nB = engine.b(f)\n",
    "in an expression": f"import zlib, engine\nA = engine.a()\n_ = [exec({Z})]\nB = engine.b()\n",
    "with old line ends": f"import zlib, engine\rA = engine.a()\rexec({Z})\rB = engine.b()\r",
    "with windows line ends": f"import zlib, engine\r\nA = engine.a()\r\nexec({Z})\r\nB = engine.b()\r\n",
    "behind letters of other alphabets": f"import zlib, engine\nA = engine.a(); C = 'éü€'; exec({Z}); B = engine.b()\n",
    "in a called function": f"import zlib, engine\nA = engine.a()\ndef go():\n    exec({Z}, globals())\ngo()\nB = engine.b()\n",
}


@pytest.mark.parametrize("name", LAID_OUT)
def test_outer_code_stands_around_the_inner_code(name: str) -> None:
    found = unwrapped(LAID_OUT[name])
    assert found.obstacle is None
    text = found.source.decode()
    order = [text.index("A = "), text.index("def build(n):"), text.index("B = ")]
    assert order == sorted(order)
    compile(text, name, "exec")
    line = text[: order[1]].count("\n") + 1
    path, origin = found.origin(line)
    assert path.startswith("train_gpt.py::exec@")
    assert origin == 1


def test_a_line_outside_of_all_spans_is_the_sources_own() -> None:
    found = unwrapped(LAID_OUT["on one line"])
    assert found.origin(10_000) == (found.path, 10_000)


def test_code_behind_the_call_in_its_function_cannot_be_laid_out() -> None:
    found = unwrapped(
        f"import zlib\nA = 1\ndef go():\n    exec({Z}, globals())\n    build.x = 5\ngo()\nos = 2\n"
    )
    assert found.obstacle is not None
    assert found.obstacle.rule == "order"
    assert found.obstacle.line == 5
    harmless = unwrapped(
        f"import zlib\nA = 1\ndef go():\n    exec({Z}, globals())\n    print('done')\n    'text'\n    return 5\ngo()\n"
    )
    assert harmless.obstacle is None


def test_a_namespace_held_by_a_variable_is_laid_out_with_its_uses() -> None:
    found = unwrapped(f"import zlib\nns = {{}}\nexec({Z}, ns)\nbuild2 = ns['build']\nx = ns.get\n")
    assert found.obstacle is not None or b"build2 = build" in found.source
    found = unwrapped(f"import zlib\nns = {{}}\nexec({Z}, ns)\nuse = ns['build'](3)\n")
    assert found.obstacle is None
    assert b"use = build(3)" in found.source
    module = unwrapped(
        f"import zlib, types\nm = types.ModuleType('m')\nexec({Z}, m.__dict__)\nuse = m.build(4)\n"
    )
    assert b"use = build(4)" in module.source


def test_a_namespace_that_is_used_as_a_whole_is_a_stated_gap() -> None:
    found = unwrapped(f"import zlib\nns = {{}}\nexec({Z}, ns)\nconsume(ns)\n")
    assert found.obstacle is not None
    assert found.obstacle.rule == "namespaces"
    assert "ns is used as a whole" in found.obstacle.reason


def test_two_namespaces_that_define_the_same_name_are_a_stated_gap() -> None:
    found = unwrapped(f"import zlib\nns = {{}}\nexec({Z}, ns)\ndef build(n): return ns['build'](n) + 1\n")
    assert found.obstacle is not None
    assert found.obstacle.rule == "namespaces"
    assert "both define build" in found.obstacle.reason


def test_an_inner_module_that_is_registered_stays_a_module() -> None:
    text = f"import zlib, sys, types\nm = types.ModuleType('m')\nsys.modules['m'] = m\nexec({Z}, m.__dict__)\nuse = m.build(4)\n"
    found = unwrapped(text)
    assert found.source == text.encode()
    assert [(part.role, part.name, part.variable) for part in found.modules] == [("module", "m", "m")]


def test_a_wrapper_that_does_nothing_else_gives_the_inner_source_byte_for_byte() -> None:
    found = unwrapped(
        f"import zlib as z\ns = z.{Z[5:]}\ntry:\n    exec(s)\nfinally:\n    import os, sys\n    sys.exit(0)\n"
    )
    assert found.source.decode() == INNER or found.source.decode().startswith("import zlib")
    kept = unwrapped(f"import zlib\nn = 5\nexec(zlib.decompress({zlib.compress(b'x = n + 1')!r}))\n")
    assert "n = 5" in kept.source.decode()  # the inner source reads it
    dropped = unwrapped(f"import zlib\nn = 5\nexec(zlib.decompress({zlib.compress(b'n = 1')!r}))\n")
    assert dropped.source == b"n = 1"
    behind = unwrapped(f"import zlib, os\nexec({Z})\nos.unlink('x')\n")
    assert behind.source.decode() == INNER
    patched = unwrapped(f"import zlib\nexec({Z})\nbuild.table = 5\n")
    assert b"build.table = 5" in patched.source
    changes = unwrapped(f"import zlib\nexec({Z})\nbuild = None\n")
    assert b"build = None" in changes.source


def test_a_script_that_executes_itself_again_is_one_source() -> None:
    text = "X = 1\nif 'again' not in globals():\n    again = 1\n    exec(open(__file__).read())\n"
    found = unwrapped(text)
    assert found.layers == ()


def test_too_many_executed_sources_are_a_bound() -> None:
    found = unwrapped("for i in range(3000):\n    exec('x = ' + str(i))\n")
    assert found.obstacle is not None
    assert found.obstacle.limit == "layer_depth"
    assert "2,000" in found.obstacle.reason


def test_many_executed_sources_in_one_script_take_linear_work() -> None:
    found = unwrapped("".join(f"exec('x{i} = {i}')\n" for i in range(1500)))
    assert found.obstacle is None
    assert len(found.layers) == 1500
    assert found.source.decode().split("\n")[700] == "x700 = 700"


def test_functions_that_nobody_was_seen_to_call_are_looked_into() -> None:
    text = f"import zlib, engine\ndef hook(u, *, k):\n    exec({Z})\nengine.register(hook)\n"
    found = unwrapped(text)
    assert [layer.how for layer in found.layers] == ["exec"]
    assert found.obstacle is not None
    assert found.obstacle.rule == "conditional"
    inside = unwrapped(f"import zlib, engine\nexec({text!r})\n")
    assert [layer.depth for layer in inside.layers] == [1, 2]
    protocol = unwrapped(
        f"import zlib, engine\nclass A:\n    def __call__(self):\n        exec({Z})\nengine.register(A())\n"
    )
    assert len(protocol.layers) == 1


def test_what_an_inner_source_prepares_for_a_later_one_is_followed() -> None:
    text = "exec('import zlib\\nP = 5')\nexec('Q = ' + str(P))\n"
    found = unwrapped(text)
    assert found.obstacle is None
    assert [part.data for part in found.parts[1:]] == [b"import zlib\nP = 5", b"Q = 5"]
    nested = unwrapped("exec('exec(\"R = 1\")\\nS = 2')\nexec('T = ' + str(S))\n")
    assert [part.data for part in nested.parts[1:]] == [b'exec("R = 1")\nS = 2', b"R = 1", b"T = 2"]
    assert executed_by_cpython("exec('T = ' + str(2))") == ["T = 2"]


def test_a_script_that_is_no_python_is_left_to_the_auditor() -> None:
    for text in ("exec(x\n", "def (:\n  exec(y)", "<<<<<<< HEAD\nexec(x)\n"):
        found = unwrapped(text)
        assert found.layers == ()
        assert found.source == text.encode()


def test_a_damaged_script_is_followed_as_far_as_it_is_read() -> None:
    found = unwrapped(f"import zlib\nx = (\nexec({Z})\ny = )\n")
    assert found.script.data
    whole = unwrapped(f"import zlib\nexec({Z})\ndef broken(:\n    pass\n")
    assert whole.layers or whole.source


@pytest.mark.parametrize(
    ("error", "limit"), [(RecursionError(), "ast_depth"), (MemoryError(), "worker_memory_bytes")]
)
def test_a_wrapper_that_exhausts_its_follower_is_a_named_bound(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, limit: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(unwrap_module.Interpreter, "run_module", fail)
    found = unwrapped("exec('x = 1')")
    assert found.obstacle is not None
    assert found.obstacle.limit == limit


def test_a_large_script_is_a_named_bound() -> None:
    found = unwrapped("x = 1\n" * 100, replace(DEFAULT_LIMITS, source_bytes=100))
    assert found.obstacle is not None
    assert found.obstacle.limit == "source_bytes"


def test_variables_of_unknown_value_or_name_are_listed() -> None:
    found = unwrapped(
        "import os\nos.environ['A'] = engine()\nos.environ['B'] = 'b'\nos.environ[c] = 'c'\nexec('x = 1')\n"
    )
    assert found.environment == {"B": "b"}
    assert found.unknown_environment == ("A", "")


def test_a_cookie_that_hides_words_does_not_hide_them() -> None:
    hidden = b"# coding: utf-7\n" + b"+AGUAeABlAGM-('x = 1')\n"  # "exec"
    assert not may_wrap(hidden)
    found = unwrapped(hidden)
    assert [layer.how for layer in found.layers] == ["exec"]


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("'''a \\''' exec(x) '''", False),
        ("'''a \\\\''' ; exec(x)", True),
        ("x = 'unclosed\nexec(x)", True),
        ("x = '''unclosed exec(x)", True),
        ("f'{{exec(x)}}'", False),
        ("f'''{\nexec(x)}'''", True),
        ("# exec(x)", False),
        ("x = 1 # exec(x)\n", False),
        ("rb'exec(x)'", False),
        ("spawnv(x)", True),
        ("os.execve (a, b, c)", True),
        ("sys.modules['a'].x = 1", True),
        ("sys.modules['a'] = b", False),
        ("from imp import load_source", True),
        ("import importlib", False),
        ("globals()['x'] = 1", False),
        ("globals()['x'](1)", True),
        ("locals().get('x')", False),
        ("vars(x)", False),
        ("subprocess.run([sys.executable, 'a.py'])", True),
        ("subprocess.run(['nvidia-smi'])  # python\n", False),
        ("subprocess.run(['/usr/bin/python3.11', 'a.py'])", True),
    ],
)
def test_words_count_where_they_are_code(text: str, may: bool) -> None:
    assert may_wrap(text.encode()) is may


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="exc(){}'\"#\\\nf =:", max_size=40))
def test_a_text_that_calls_exec_as_code_is_never_passed_over(prefix: str) -> None:
    """What CPython reads as a call of `exec` has the word in code, whatever stands before it."""
    import ast

    text = prefix + "\nexec(x)\n"
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    if any(isinstance(node, ast.Name) and node.id == "exec" for node in ast.walk(tree)):
        assert may_wrap(text.encode())


def test_the_targets_of_the_worker_say_the_same_as_the_functions() -> None:
    data = f"import zlib\nexec({Z})\n".encode()
    blobs = {"script": data, "sibling:a.txt": b"A"}
    found = unwrap(Script("a.py", data))
    said = unwrap_script({"path": "a.py"}, blobs)
    assert said["source"] == found.source.decode()
    assert said["layers"][0]["codecs"] == ["zlib"]
    assert said["packed_layers"] == 1
    assert said["obstacle"] is None
    assert parse_script({}, blobs)["statements"] == 2
    assert read_script({"path": "a.py"}, blobs)["parsed"]["statements"] == 1
    assert parse_script({"limits": {"source_bytes": 3}}, blobs)["statements"] is None
    beside = unwrap_script(
        {"path": "b.py"}, {"script": b"exec(open('a.txt').read())", "sibling:a.txt": b"A = 1"}
    )
    assert beside["source"] == "A = 1"


def test_a_fresh_namespace_has_the_builtins() -> None:
    found = unwrapped("exec('__builtins__.exec(\"x = 1\")', {'__name__': '__main__'})\n")
    assert [part.data for part in found.parts[1:]] == [b'__builtins__.exec("x = 1")', b"x = 1"]


def test_a_namespace_inside_a_function_stays_a_module_of_its_own() -> None:
    found = unwrapped(f"import zlib\ndef go():\n    ns = {{}}\n    exec({Z}, ns)\n    return ns\nX = go()\n")
    assert [part.role for part in found.parts] == ["script", "module"]
    assert b"X = go()" in found.source


def test_inner_code_that_is_no_python_is_named_however_it_is_held() -> None:
    for text in (
        "ns = {}\nexec('def (', ns)\nuse = ns['f']\n",
        "exec('# coding: nonsense\\nx = 1'.encode())\nexec('y')\n",
    ):
        found = unwrapped(text)
        assert found.source
        assert found.layers or found.obstacle is not None


def test_obstacles_are_listed_up_to_a_bound() -> None:
    found = unwrapped("exec(u)\n" * 300)
    assert len(found.obstacles) == 100
    assert found.obstacle is not None
    assert found.obstacle.line == 1


def test_uses_of_a_namespace_beside_other_subscripts_are_laid_out() -> None:
    found = unwrapped(f"import zlib\nns = {{}}\nexec({Z}, ns)\nuse = ns['build'](other[0], ns['n' 'ame'])\n")
    assert b"use = build(other[0], name)" in found.source


def test_a_function_that_executes_for_many_statements_takes_linear_work() -> None:
    calls = "".join(f"go({i})\n" for i in range(800))
    found = unwrapped(f"def go(i):\n    exec('x = ' + str(i), globals())\n    note(i)\n{calls}")
    assert len(found.layers) == 800
    assert found.obstacle is not None
    assert found.obstacle.rule == "order"
