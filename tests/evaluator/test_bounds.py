"""Every bound of the evaluation is met by a program of ours, and ends it with the bound's name; nothing of it is a value."""

from __future__ import annotations

import pytest

from pgolf.errors import LimitTripped
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.values import Opaque
from tests.evaluator.test_against_cpython import evaluated

_SMALL = Limits(string_chars=20_000, interpreter_cells=200_000, interpreter_steps=300_000, int_bits=4_096)
_TRIPPED = {
    "string_chars": [
        "'a' * 30000", "b'a' * 30000", "'a'.ljust(30000)", "'a'.center(30000)", "'7'.zfill(30000)", "b'a'.rjust(30000)", "bytes(30000)",
        "'ab'.replace('b', 'c' * 19999).replace('c', 'dd')", "('a' * 15000) + ('b' * 15000)", "','.join(['a' * 9000] * 3)",
        "'\\t'.expandtabs(30000)", "('a' * 9000).encode('utf-32')", "format(1, '30000d')", "b''.join([b'a' * 9000] * 3)",
        "'%30000d' % 1", "f'{1:>200000}'", "('a' * 15000).translate({97: 'bc'})", "'{}{}{}'.format('a' * 9000, 'b' * 9000, 'c' * 9000)",
        "bytearray(b'a' * 15000) + bytearray(b'a' * 15000)", "__import__('os').path.join('a' * 9000, 'b')",
        "__import__('pathlib').Path('a' * 9000, 'b')", "__import__('json').dumps(['a' * 9000] * 3)", "(b'ab' * 9000).hex()",
        "[0] * 10 ** 7", "(0,) * 10 ** 7", "open('large').read()",
        "__import__('pathlib').Path('large').read_bytes()", "__import__('pathlib').Path('large').read_text()",
    ],
    "int_bits": [
        "7 ** 99999", "1 << 99999", "(1 << 4000) * (1 << 4000)", "int('1' * 1300)", "(1 << 4090) + (1 << 4096)", "int('f' * 1201, 16)",
    ],
    "interpreter_cells": [
        "list(range(10 ** 9))", "np.repeat(np.arange(10), 10 ** 6)", "np.tile(np.arange(10), 10 ** 6)",
        "torch.arange(10).repeat(10 ** 6)", "torch.zeros(1, 10).expand(10 ** 6, 10)", "list(itertools.product(range(100), repeat=5))",
        "np.zeros(300000)", "np.full(300000, 1)", "np.arange(300000)", "np.concatenate([np.zeros(90000)] * 9)",
        "np.zeros(90000).as_strided((90000, 9), (1, 0))", "[x for x in range(10 ** 7)]", "dict.fromkeys(range(10 ** 7))",
    ],
    "interpreter_steps": [
        "[0 for _ in range(10 ** 5) for _ in range(10 ** 5) if False]", "any(x < 0 for x in range(10 ** 7))",
    ],
}  # fmt: skip
_CASES = [(limit, call) for limit, calls in _TRIPPED.items() for call in calls]
_BEFORE = "import itertools\nimport numpy as np\nimport torch\n"


@pytest.mark.parametrize(("limit", "call"), _CASES)
def test_a_program_past_a_bound_ends_with_its_name(limit: str, call: str) -> None:
    value, stuck = _of(f"{_BEFORE}result = {call}\n")
    assert isinstance(value, Opaque) or not isinstance(value, (int, str, bytes, list, tuple, dict))
    assert limit in stuck or "interpreter_" in stuck or isinstance(value, Opaque)


def _of(source: str) -> tuple[object, str]:
    from tests.evaluator.test_against_cpython import evaluated_with_doubts

    try:
        value, stuck, _ = evaluated_with_doubts(source, _SMALL, {"large": b"a" * 30_000})
    except LimitTripped as tripped:
        return None, str(tripped)
    return value, stuck


_TOO_DEEP = {
    "copies": "x = []\nfor i in range(30):\n    x = [x]\nimport copy\ny = copy.deepcopy(x)\nfor i in range(21):\n    y = y[0]\nresult = y",
    "fields of fields": "from dataclasses import dataclass, asdict\n@dataclass\nclass A:\n    x: object\na = 1\nfor i in range(30):\n    a = A(a)\n"
    "y = asdict(a)\nfor i in range(21):\n    y = y['x']\nresult = y",
    "classes above a class": "class A: pass\nfor i in range(70):\n    class A(A): pass\nresult = A().x",
    "bases of a class": "class A: pass\nresult = type('B', tuple([A] * 9), {}).x",
}


@pytest.mark.parametrize("name", _TOO_DEEP)
def test_what_is_nested_too_deeply_is_not_known(name: str) -> None:
    value, stuck = evaluated(_TOO_DEEP[name] + "\n")
    assert stuck or not isinstance(value, (int, list, dict))
