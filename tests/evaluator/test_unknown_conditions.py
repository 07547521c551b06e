"""What a branch changes whose condition is not known is not known afterwards: each change runs in CPython with the condition
true and false, and where that makes a difference the evaluator must not know the value."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Instance, Opaque
from tests.evaluator.differential import difference
from tests.evaluator.test_against_cpython import evaluated_with_doubts

_CHANGES = {
    "[3, 1, 2]": [
        "x.append(4)", "x.extend([4])", "x.insert(0, 4)", "x.pop()", "x.pop(0)", "x.sort()", "x.reverse()", "x.clear()", "x.remove(1)",
        "x += [4]", "x *= 2", "x[0] = 9", "x[1:] = [5]", "del x[0]", "x = x + [1]", "x[0] += 1", "x, y = [5], 6", "x[-1], x[0] = 7, 8",
        "x[:] = []", "list.append(x, 4)", "for i in range(2): x.append(i)", "x = None",
    ],
    "{1: 2, 3: 4}": [
        "x[5] = 6", "x.update({1: 9})", "x.update(a=1)", "x.pop(1)", "x.popitem()", "x.setdefault(7, 8)", "x.clear()", "del x[1]", "x |= {9: 9}",
        "x[1] += 1", "x = dict(x, b=1)",
    ],
    "{1, 2}": [
        "x.add(5)", "x.discard(1)", "x.remove(2)", "x.update([7])", "x.clear()", "x.pop()", "x |= {9}", "x &= {1}", "x -= {1}", "x ^= {1, 5}",
        "x.intersection_update([1])", "x.difference_update([1])", "x.symmetric_difference_update([8])",
    ],
    "bytearray(b'ab')": ["x.append(99)", "x.extend(b'cd')", "x[0] = 100", "x.pop()", "x.reverse()", "x.clear()", "x += b'z'", "x.insert(0, 1)"],
    "np.array([3, 1, 2], dtype=np.int16)": [
        "x[0] = 9", "x += 1", "x[x > 1] = 0", "x.fill(7)", "x[:] = 5", "x *= 2", "x.sort()", "np.add.at(x, [0], 1)", "x[1:] -= 1", "x = x * 2",
        "v = x[1:]; v[0] = 8", "v = x.reshape(3, 1); v[0, 0] = 8", "x[[0, 1]] = 4", "np.random.shuffle(x)",
    ],
    "collections.deque([1, 2])": ["x.append(3)", "x.appendleft(3)", "x.popleft()", "x.rotate(1)", "x.extendleft([5])", "x[0] = 9"],
    "collections.Counter('aab')": ["x['a'] += 1", "x.update('b')", "del x['a']", "x['z'] = 5"],
    "types.SimpleNamespace(a=1)": ["x.a = 2", "setattr(x, 'a', 3)", "del x.a", "x.a += 1", "x.__dict__['a'] = 9"],
    "3": ["x = 4", "x += 1", "(x := 5)", "x, y = 6, 7", "for x in [8]: pass", "import math as x", "x = [x]"],
    "'a'": ["x += 'b'", "x = x.upper()", "x = f'{x}c'"],
}  # fmt: skip
_BEFORE = "import collections, math, types\nimport numpy as np\n"
_AFTER = "result = vars(x).get('a') if isinstance(x, types.SimpleNamespace) else x\n"
_CASES = [(value, change) for value, changes in _CHANGES.items() for change in changes]


def _in_cpython(value: str, change: str, condition: bool) -> Any:
    scope: dict[str, Any] = {"__name__": __name__}
    body = f"{_BEFORE}x = {value}\nif {condition}:\n    {change}\n{_AFTER}"
    exec(compile(body, "ours", "exec", dont_inherit=True), scope)
    return (
        copy.deepcopy(scope["result"]) if not isinstance(scope["result"], type(math_module())) else "module"
    )


def math_module() -> Any:
    import math

    return math


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, np.ndarray):
        known = isinstance(ours, Tensor) and not any(isinstance(x, Opaque) for x in ours.data)
        return known and ours.data == theirs.reshape(-1).tolist()
    if isinstance(ours, (Opaque, Tensor, Instance)):
        return False
    if type(theirs).__name__ in ("deque", "Counter"):
        theirs = list(theirs) if type(theirs).__name__ == "deque" else dict(theirs)
    return difference(ours, theirs) == "same"


@pytest.mark.parametrize(("value", "change"), _CASES)
def test_what_a_branch_of_an_unknown_condition_changes_is_not_known(value: str, change: str) -> None:
    outcomes = [_in_cpython(value, change, condition) for condition in (True, False)]
    if repr(outcomes[0]) == repr(outcomes[1]):
        pytest.fail("the change changes nothing")
    for body in (f"if input():\n    {change}\n", f"if not input():\n    pass\nelse:\n    {change}\n"):
        ours, stuck, doubts = evaluated_with_doubts(f"{_BEFORE}x = {value}\n{body}{_AFTER}")
        assert stuck or doubts or not any(_same(ours, outcome) for outcome in outcomes), (ours, outcomes)
