"""Packed canonical scripts whose wrapper changes what runs: bytes between unpacking and execution, modules, names of Python."""

from __future__ import annotations

import base64
import zlib

import pytest

from tests.audit.variants import canonical, is_proved

_HEAD = "import base64, os, sys, zlib\n"
_EDIT = "i = d.find(b'piece[1:]') + 6\n"
_WRAPPERS = {
    "a view of memory": f"d = bytearray(code)\n{_EDIT}memoryview(d)[i : i + 1] = b'0'\nexec(bytes(d))",
    "a view of memory with a name": f"d = bytearray(code)\n{_EDIT}m = memoryview(d)\nm[i] = 48\nexec(bytes(d))",
    "an array of bytes": f"d = bytearray(code)\n{_EDIT}d[i] = 48\nexec(bytes(d))",
    "a stream in memory": f"import io\nd = code\n{_EDIT}f = io.BytesIO(d)\nf.seek(i)\nf.write(b'0')\nexec(f.getvalue())",
    "a stream written from its start": "import io\nf = io.BytesIO(code)\nf.write(b'x = 1   ')\nexec(f.getvalue())",
    "another module of the same name": (
        "import types\nm = types.ModuleType('math')\nm.log = lambda x: 0.7\nsys.modules['math'] = m\nexec(code)"
    ),
    "functions of Python": "exec(code, {'__name__': '__main__', '__builtins__': {'len': lambda x: 3}})",
    "an unknown namespace": "import extern\nexec(code, extern.names)\nextern.names['main']()",
    "a patched formula": "import math\nmath.log = lambda x: 0.7\nexec(code)",
    "text added in front": "exec('import math\\nmath.log = lambda x: 0.7\\n' + code.decode())",
    "a text replaced": "exec(code.decode().replace('piece[1:]', 'piece[0:]'))",
}


def _packed(wrapper: str) -> str:
    packed = base64.b64encode(zlib.compress(canonical().encode())).decode()
    return f"{_HEAD}code = zlib.decompress(base64.b64decode({packed!r}))\n{wrapper}\n"


@pytest.mark.parametrize("name", _WRAPPERS)
def test_what_runs_is_not_what_was_packed(name: str) -> None:
    assert not is_proved(_packed(_WRAPPERS[name]))


def test_what_runs_is_what_was_packed() -> None:
    assert is_proved(_packed("exec(code)"))
    assert is_proved(_packed("exec(compile(bytes(bytearray(code)), 'train_gpt.py', 'exec'))"))
    assert is_proved(_packed("import io\nf = io.BytesIO()\nf.write(code)\nf.seek(0)\nexec(f.read())"))
    assert is_proved(_packed("import io\nexec(io.BytesIO(code).getvalue())"))


def test_a_formula_that_is_patched_after_an_evaluation_is_not_proved() -> None:
    again = "\n\nmath.log = lambda x: 0.7\nmain()\n"
    assert not is_proved(canonical() + again)
