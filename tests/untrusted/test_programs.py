"""A script as a program of the evaluator: which files its imports mean, what it starts, what it executes, what it leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pgolf.audit.probes import probe_vocabularies
from pgolf.untrusted.interp import Observer
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.program import Program, run_program
from pgolf.untrusted.script import MappedSiblings, Script
from pgolf.untrusted.values import Opaque


def ran(
    text: str,
    files: dict[str, bytes | str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    path: str = "train_gpt.py",
    prepare: Callable[[Program], None] = lambda program: None,
) -> tuple[Program, str]:
    stored: dict[str, Any] = {
        name: data.encode() if isinstance(data, str) else data for name, data in (files or {}).items()
    }
    script = Script(path, text.encode(), MappedSiblings(stored))
    return run_program(script, script.data, probe_vocabularies()[0], limits, Observer, prepare)


def result(text: str, files: dict[str, bytes | str] | None = None, **options: Any) -> Any:
    program, stuck = ran(text, files, **options)
    assert not stuck
    assert program.main is not None
    return program.main.lookup("result")


IMPORTS: dict[str, tuple[str, dict[str, bytes | str], object]] = {
    "a file beside the script": ("import helper\nresult = helper.X", {"helper.py": "X = 5"}, 5),
    "a name from a file": ("from helper import X as y\nresult = y", {"helper.py": "X = 5"}, 5),
    "all names of a file": (
        "from helper import *\nresult = (X, f())",
        {"helper.py": "X = 5\ndef f(): return X + 1"},
        (5, 6),
    ),
    "a package": ("import pkg\nresult = pkg.X", {"pkg/__init__.py": "X = 5"}, 5),
    "a module of a package": ("from pkg.mod import X\nresult = X", {"pkg/mod.py": "X = 5"}, 5),
    "a relative import in a package": (
        "from pkg.mod import X\nresult = X",
        {"pkg/mod.py": "from .deep import X", "pkg/deep.py": "X = 7"},
        7,
    ),
    "a relative import of the package itself": (
        "from pkg.mod import Y\nresult = Y",
        {"pkg/mod.py": "from . import X\nY = X + 1", "pkg/__init__.py": "X = 1"},
        2,
    ),
    "two levels up": (
        "from pkg.sub.mod import X\nresult = X",
        {"pkg/sub/mod.py": "from ..top import X", "pkg/top.py": "X = 9"},
        9,
    ),
    "a file under two names is one module": (
        "import pkg.mod\nfrom pkg.user import mod\nmod.X = 3\nimport pkg.mod as again\nresult = again.X",
        {"pkg/mod.py": "X = 5", "pkg/user.py": "from . import mod"},
        3,
    ),
    "a folder on the path": (
        "import sys\nsys.path.insert(0, 'lib')\nimport helper\nresult = helper.X",
        {"lib/helper.py": "X = 5"},
        5,
    ),
    "the only file that answers to the name": (
        "import helper\nresult = helper.X",
        {"deep/er/helper.py": "X = 5"},
        5,
    ),
    "a file around the submission": ("import helper\nresult = helper.X", {"../../helper.py": "X = 5"}, 5),
    "a file inside before one around": (
        "import helper\nresult = helper.X",
        {"../../helper.py": "X = 1", "in/helper.py": "X = 5"},
        5,
    ),
    "by importlib": (
        "import importlib\nresult = importlib.import_module('helper').X",
        {"helper.py": "X = 5"},
        5,
    ),
    "a file that the script writes": (
        "with open('made.py', 'w') as f:\n    f.write('X = 5')\nimport made\nresult = made.X",
        {},
        5,
    ),
    "imported twice": (
        "import helper\nhelper.X += 1\nimport helper as h\nresult = h.X",
        {"helper.py": "X = 5"},
        6,
    ),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_an_import_means_the_file_that_python_would_take(name: str) -> None:
    text, files, expected = IMPORTS[name]
    found = result(text, files)
    assert found == expected


def test_of_two_files_that_may_be_meant_none_is_taken() -> None:
    program, _ = ran("import helper\nresult = helper.X", {"a/helper.py": "X = 1", "b/helper.py": "X = 2"})
    assert program.main is not None
    assert isinstance(program.main.lookup("result"), Opaque)
    assert program.missing_modules == ["helper"]
    same = result("import helper\nresult = helper.X", {"a/helper.py": "X = 1", "b/helper.py": "X = 1"})
    assert same == 1


def test_modules_that_are_neither_there_nor_known_are_listed() -> None:
    program, _ = ran(
        "import torch, numpy, json, nowhere.deep\nimport os.path\nfrom flash_attn import f\nx = f(1)"
    )
    assert set(program.missing_modules) == {"nowhere.deep", "nowhere"}


def test_a_package_attribute_that_is_not_modelled_is_unknown() -> None:
    assert isinstance(result("import numpy.nothing.more as n\nresult = n.x"), Opaque)
    assert isinstance(result("import importlib\nresult = importlib.import_module(unknown).x"), Opaque)
    assert isinstance(result("import importlib\nresult = importlib.nothing(1)"), Opaque)


def test_modules_without_end_are_a_bound() -> None:
    files: dict[str, bytes | str] = {f"m{n}.py": f"import m{n + 1}" for n in range(80)}
    _, stuck = ran("import m0\nresult = 1", files)
    assert "layer_depth" in stuck


def test_a_sibling_beyond_the_bound_on_sources_is_not_read() -> None:
    limits = replace(DEFAULT_LIMITS, source_bytes=100)
    found = result("import helper\nresult = helper.X", {"helper.py": "X = 5\n" + "#" * 200}, limits=limits)
    assert isinstance(found, Opaque)


EXECUTED = {
    "text": ("exec('X = 5')\nresult = X", 5),
    "bytes": ("exec(b'X = 5')\nresult = X", 5),
    "into the globals": ("exec('X = 5', globals())\nresult = X", 5),
    "into a namespace": (
        "ns = {'Y': 2}\nexec('X = Y + 3\\ndef f(): return X', ns)\nresult = (ns['X'], ns['f']())",
        (5, 5),
    ),
    "inside a function": ("def f():\n    exec('X = 5', globals())\nf()\nresult = X", 5),
    "an inner exec": ("exec('exec(\"X = 5\")')\nresult = X", 5),
}


@pytest.mark.parametrize("name", EXECUTED)
def test_text_that_is_executed_runs_in_its_namespace(name: str) -> None:
    text, expected = EXECUTED[name]
    assert result(text) == expected
    scope: dict[str, Any] = {}
    exec(compile(text, "ours", "exec"), scope)
    assert scope["result"] == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [("exec(unknown())", "text that is not known"), ("exec('def (')", "not Python"), ("exec(5)", "int")],
)
def test_text_that_cannot_be_read_is_listed_with_its_line(text: str, said: str) -> None:
    program, _ = ran(f"def unknown(): return open('nowhere').read()\n{text}\nresult = 1")
    assert len(program.unread) == 1
    assert program.unread[0][0] == 2
    assert said in program.unread[0][1]


def test_text_in_text_and_long_texts_are_bounds() -> None:
    _, stuck = ran("s = 'exec(s)'\nexec(s)", limits=replace(DEFAULT_LIMITS, layer_depth=5))
    assert "layer_depth" in stuck
    _, stuck = ran("exec('x = 1' + ' ' * 500)", limits=replace(DEFAULT_LIMITS, source_bytes=300))
    assert "source_bytes" in stuck


def test_started_scripts_are_listed_with_their_lines_and_variables() -> None:
    program, _ = ran(
        "import subprocess, os, sys, runpy\nfrom pathlib import Path\n"
        "subprocess.run([sys.executable, 'a.py', '--x'], env={'A': '1', 5: 2})\n"
        "os.system(\"python 'b.py'\")\n"
        "runpy.run_path('c.py')\nsubprocess.Popen(['python', Path('d.py')])\nsubprocess.run([['python', ['e.py']]])\n"
    )
    assert program.launched == [(3, "a.py"), (4, "b.py"), (5, "c.py"), (6, "d.py"), (7, "e.py")]
    assert program.launch_environment == {"A": "1"}
    program, _ = ran("import runpy\nrunpy.run_path(unknown)\n")
    assert program.launched == []
    assert "path that is not known" in program.unread[0][1]
    program, _ = ran("import os\n" + "os.system('python a.py')\n" * 40)
    assert len(program.launched) == 16


def test_models_and_long_functions_that_have_nothing_to_do_with_bytes_are_left_out() -> None:
    padding = "    y = 1\n" * 200
    text = (
        "import torch\nimport torch.nn as nn\n"
        "class Net(nn.Module):\n    def __init__(self): self.x = undefined_name\n"
        f"def long(x):\n{padding}    return x + 1\n"
        "def short(x): return x + 2\n"
        "a, b, c = Net(), long(1), short(1)\nresult = long(torch.zeros(3)).tolist()\n"
    )
    program, stuck = ran(text)
    assert not stuck
    assert program.main is not None
    assert isinstance(program.main.lookup("a"), Opaque)
    assert isinstance(program.main.lookup("b"), Opaque)  # nothing of interest was given to it
    assert program.main.lookup("c") == 3
    assert program.main.lookup("result") == [1.0, 1.0, 1.0]


def test_a_decorator_of_the_script_sees_what_it_decorates() -> None:
    text = "kept = {}\ndef register(f):\n    kept[f.__name__] = f\n    return f\n@register\ndef table(): return 5\nresult = kept['table']()"
    assert result(text) == 5


def test_an_exception_at_module_level_leaves_what_was_evaluated() -> None:
    program, stuck = ran("result = 5\nraise ValueError('no')\nresult = 6\n")
    assert not stuck
    assert program.main is not None
    assert program.main.lookup("result") in (5, 6)


def test_a_function_that_does_not_parse_by_itself_brings_the_whole_file() -> None:
    program, stuck = ran("def f():\n    return (\n\ndef g():\n    return 1\nresult = f\n")
    assert program.whole
    assert program.sources[0].partial
    assert not stuck


def test_work_without_end_is_a_bound_and_what_was_seen_stays() -> None:
    program, stuck = ran(
        "result = 5\nwhile True:\n    pass\n", limits=replace(DEFAULT_LIMITS, interpreter_steps=1000)
    )
    assert stuck
    assert program.main is not None
    assert program.main.lookup("result") == 5
