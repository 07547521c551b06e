"""Members of enumerations, counts of `np.fromiter`, `np.select` and views of bytes, as CPython has them."""

from __future__ import annotations

import pytest

from tests.evaluator.differential import compared, differences, known

_CLASS = (
    "class K(enum.Enum):\n    A = 0\n    B = 1\n    C = 1\n    def is_a(self):\n        return self is K.A\n"
)
MEMBERS = [
    "K.A == 0", "bool(K.A)", "K.A in (0, 1)", "5 if K.A else 6", "{0: 'x'}.get(K.A)", "{K.A: 1, K.B: 2}[K.C]", "K.A is 0", "K(1) is K.B",
    "isinstance(K.A, int)", "isinstance(K.A, K)", "K.A.value", "K.B.name", "K.C.name", "K.A.is_a()", "K.B.is_a()", "K.C is K.B", "K.A != K.B",
    "K.A in (K.B, K.A)", "[k.value for k in K]", "len(K)", "K(7)", "K.A + 1", "max(K.A, 1)", "not K.A", "K.A == 'A'",
]  # fmt: skip


def test_members_are_equal_to_nothing_but_themselves_and_true() -> None:
    bodies = [f"{_CLASS}result = {e}" for e in MEMBERS]
    assert differences("import enum\n", bodies) == []
    assert known("import enum\n", bodies) >= 20


@pytest.mark.parametrize(
    "body",
    [
        "class K(enum.Enum):\n    A = enum.auto()\n    B = enum.auto()\nresult = (K.A.value, K.B.value, K.A == K.B, {K.A: 1}.get(K.B, 5))",
        "class K(enum.Enum):\n    A = 3\n    B = enum.auto()\nresult = K.B.value",
        "class K(enum.IntEnum):\n    A = 0\n    B = 1\nresult = (K.A == 0, bool(K.A), K.B == 1)",
        "class K(str, enum.Enum):\n    A = 'x'\nresult = K.A == 'x'",
    ],
)
def test_kinds_of_enumerations(body: str) -> None:
    assert compared("import enum\n", [body]) == ["same"]


def test_what_is_no_plain_member_is_not_known_as_another_value() -> None:
    bodies = [
        "class K(enum.Enum):\n    A = [1]\n    B = 2\nresult = K.A == [1]",
        "class K(enum.Flag):\n    A = 1\n    B = 2\nresult = (K.A & K.B) == 0",
        "class K(enum.Enum):\n    A = 1\n    B = True\nresult = K.A is K.B",
        "result = memoryview('é'.encode()).nbytes",
        "try:\n    result = memoryview(b'abc').nbytes\nexcept AttributeError:\n    result = 9",
    ]
    assert differences("import enum\n", bodies) == []


def test_fromiter_takes_a_count_and_raises_for_too_few() -> None:
    bodies = [
        "np.fromiter((i > 2 for i in range(5)), dtype=np.bool_, count=5)",
        "np.fromiter((i for i in range(5)), np.int32, 3)",
        "np.fromiter([1, 2, 3], np.int16, -1)",
        "np.fromiter([1, 2, 3], dtype=np.int64, count=9)",
        "np.fromiter([300, 70000], dtype=np.int32)",
    ]
    assert differences("import numpy as np\n", bodies) == []
    assert known("import numpy as np\n", bodies) == 5


def test_select_takes_the_first_condition_that_holds() -> None:
    before = "import numpy as np\na = np.array([1, 2, 3, 4])\nm = a > 1\nk = a > 2\n"
    bodies = [
        "np.select([m, k], [a * 10, a * 100])",
        "np.select([k, m], [0, 1], default=a)",
        "np.select([k, m], [a.astype(np.int16), 7], 5)",
        "np.select([m], [300], a.astype(np.int8))",
        "np.select([m, k], [a])",
        "np.select([a, k], [a, a])",
        "np.select([], [])",
        "np.select([m, k], [a, 2.5])",
        "np.select([m], [a], default=2.5)",
    ]
    assert differences(before, bodies) == []
    assert known(before, bodies) >= 3
