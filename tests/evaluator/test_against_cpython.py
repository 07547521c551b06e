"""The evaluator against CPython, on small programs that Hypothesis writes from a grammar of ours.

CPython runs OUR program with real numpy; the evaluator either gives the same values or says that it does not know.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgolf.audit.probes import probe_vocabularies
from pgolf.errors import LimitTripped
from pgolf.untrusted.interp import Observer
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.program import run_program
from pgolf.untrusted.script import MappedSiblings, Script
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Opaque

INTS = st.integers(-9, 40)
TEXTS = st.sampled_from(["", "a", "▁the", "▁▁x", "é日", "<0x41>", "ab▁", "Z9 "])


def number() -> st.SearchStrategy[str]:
    return st.recursive(
        st.one_of(
            INTS.map(str),
            st.sampled_from(
                ["a", "b", "len(s)", "len(s.encode('utf-8'))", "sum(xs)", "xs[0]", "d.get(a, 7)"]
            ),
        ),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "%", "&", "|", "^"]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            st.tuples(inner, condition(), inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
            inner.map(lambda x: f"abs({x})"),
            st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
            st.tuples(inner, inner).map(lambda t: f"({t[0]} or {t[1]})"),
            inner.map(lambda x: f"(w := {x})"),
        ),
        max_leaves=5,
    )


def condition() -> st.SearchStrategy[str]:
    atoms = st.one_of(
        st.tuples(
            st.sampled_from(["a", "b", "len(s)"]), st.sampled_from(["<", "<=", "==", "!=", ">"]), INTS
        ).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        TEXTS.map(lambda t: f"s.startswith({t!r})"),
        TEXTS.map(lambda t: f"{t!r} in s"),
        st.sampled_from(["a in xs", "s.isdigit()", "not xs", "a in d", "1 < a <= 9", "s[:1] == '▁'"]),
    )
    return st.one_of(
        atoms,
        st.tuples(atoms, st.sampled_from(["and", "or"]), atoms).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    )


def text() -> st.SearchStrategy[str]:
    return st.one_of(
        TEXTS.map(repr),
        st.sampled_from([
            "s[1:]", "s[::-1]", "s.lstrip('▁')", "s.replace('▁', ' ')", "s.upper()", "s.removeprefix('▁')", "s + 'q'", "s * 2",
            "f'{a:03d}{s!r}'", "'%s-%d' % (s, a)", "''.join(sorted(s))", "s.strip()", "s.split('▁')[-1]", "s.encode().decode('latin-1')",
        ]),
    )  # fmt: skip


def match_statement(bodies: tuple[str, str]) -> str:
    one, other = ("    " + body.replace("\n", "\n    ") for body in bodies)
    return f"match a:\n    case 1 | 2:\n{one}\n    case _:\n{other}"


def statement() -> st.SearchStrategy[str]:
    simple = st.one_of(
        st.tuples(st.sampled_from(["a", "b"]), number()).map(lambda t: f"{t[0]} = {t[1]}"),
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["+=", "-=", "|="]), number()).map(" ".join),
        text().map(lambda x: f"s = ({x})[:60]"),
        number().map(lambda x: f"xs.append({x})"),
        st.tuples(INTS, number()).map(lambda t: f"d[{t[0]}] = {t[1]}"),
        condition().map(lambda c: f"xs = [x + a for x in xs if {c}] or [3]"),
        st.sampled_from([
            "xs = list(reversed(xs))", "a, *rest = xs", "xs[:1] = [a, b]", "d = {x: i for i, x in enumerate(xs)}", "b = len({*xs})",
            "del xs[1:]", "xs = sorted(xs, key=lambda x: -x)", "a = sum(x for x, y in zip(xs, s))", "t[a % 5] = b % 100",
            "t[t > 3] = 1", "t = np.where(t == 1, 9, t)", "t[[0, 2]] += 1", "t = t[::-1].copy()", "u = (t > 2) & (t < 9)", "b = int(t.sum())",
            "t = t.astype(np.int64) * 2", "t = np.maximum(t, 1)", "t[1:3] = [4, 5]", "b = int(u.any()) + int(t.max())",
            "t = t.astype(np.int16)", "t = np.concatenate([t[2:], t[:2]])", "t[u] = 6", "t = np.arange(5) + t", "k = t[1:4]\nk[0] = 77",
        ]),
    )  # fmt: skip

    def block(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        body = st.lists(inner, min_size=1, max_size=2).map(
            lambda b: "\n".join("    " + line for s in b for line in s.split("\n"))
        )
        return st.one_of(
            st.tuples(condition(), body, body).map(lambda t: f"if {t[0]}:\n{t[1]}\nelse:\n{t[2]}"),
            st.tuples(st.integers(0, 3), body).map(lambda t: f"for i in range({t[0]}):\n{t[1]}\n    if a > 30:\n        break"),
            body.map(lambda b: f"try:\n{b}\n    a = d[a]\nexcept KeyError:\n    a = 2\nfinally:\n    b = 1"),
            st.tuples(body, body).map(match_statement),
        )  # fmt: skip

    return st.recursive(simple, block, max_leaves=4)


def program(lines: list[str]) -> str:
    body = "\n".join("    " + line for s in lines for line in s.split("\n"))
    return (
        "import numpy as np\n\ndef f(a, b, s):\n    w = 0\n    xs = [a, b, 5]\n    d = {1: 2, a: b}\n"
        "    t = np.zeros((5,), dtype=np.int16)\n    u = np.ones((5,), dtype=np.bool_)\n"
        f"{body}\n    return a, b, s, xs, d, t, u\n"
    )


def evaluated(source: str, limits: Limits | None = None) -> tuple[Any, str]:
    """What a program of ours leaves in `result`, and what stopped it."""
    value, stuck, _ = evaluated_with_doubts(source, limits)
    return value, stuck


def evaluated_with_doubts(
    source: str, limits: Limits | None = None, files: dict[str, bytes] | None = None
) -> tuple[Any, str, str]:
    """The same, and what makes the whole program doubtful; `files` lie beside the program."""
    siblings = MappedSiblings(files or {})
    script = Script("program.py", source.encode(), siblings)
    ran, stuck = run_program(
        script, source.encode(), probe_vocabularies()[0], limits or Limits(), Observer, lambda program: None
    )
    doubts = "; ".join(reason for _, reason in ran.interp.doubts)
    return ran.main.lookup("result") if ran.main is not None else None, stuck, doubts


def agrees(ours: Any, theirs: Any) -> bool:
    """Equal, or unknown wherever it is not."""
    if isinstance(ours, Opaque):
        return True
    if isinstance(theirs, np.ndarray):
        return (
            isinstance(ours, Tensor)
            and ours.shape == theirs.shape
            and all(agrees(x, y) for x, y in zip(ours.data, theirs.reshape(-1).tolist(), strict=True))
        )
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        known = any(isinstance(x, Opaque) for x in ours)
        return known or (
            len(ours) == len(theirs) and all(agrees(x, y) for x, y in zip(ours, theirs, strict=True))
        )
    if isinstance(ours, dict) and isinstance(theirs, dict):
        unknown = any(isinstance(x, Opaque) for x in ours.values())
        return unknown or (ours.keys() == theirs.keys() and all(agrees(ours[k], theirs[k]) for k in ours))
    if isinstance(ours, Tensor):
        return len(ours.data) == 1 and agrees(ours.data[0], theirs)
    return bool(ours == theirs)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(statement(), min_size=1, max_size=5), INTS, INTS, TEXTS)
def test_the_evaluator_gives_what_cpython_gives_or_says_unknown(
    lines: list[str], a: int, b: int, s: str
) -> None:
    source = program(lines)
    scope: dict[str, Any] = {}
    exec(compile(source, "ours", "exec"), scope)
    try:
        with np.errstate(all="ignore"):
            theirs = scope["f"](a, b, s)
    except (ArithmeticError, ValueError, IndexError, KeyError, TypeError, UnboundLocalError, MemoryError):
        return
    ours, stuck = evaluated(f"{source}\nresult = f({a}, {b}, {s!r})\n")
    assert stuck or agrees(ours, theirs), (source, ours, theirs)


BUDGETS = {
    "a loop without end": "while True:\n    pass",
    "doubling a text": "s = 'x'\nfor i in range(100):\n    s = s + s",
    "doubling a list": "s = [1]\nfor i in range(100):\n    s = s + s",
    "growing an integer": "n = 3\nfor i in range(100):\n    n = n * n",
    "a power": "n = 7 ** 99999999",
    "a shift": "n = 1 << 99999999",
    "recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "a huge array": "import numpy as np\nt = [np.zeros(60000000) for i in range(99)]\nu = np.arange(10**12)\nwhile True:\n    u = 1",
    "nested containers": "x = []\nwhile True:\n    x = [x, x]",
}


@pytest.mark.parametrize("name", BUDGETS)
def test_every_budget_ends_in_a_stated_limit(name: str) -> None:
    small = Limits(interpreter_steps=200_000, interpreter_cells=4_000_000)
    try:
        _, stuck = evaluated(BUDGETS[name] + "\nresult = 1\n", small)
    except LimitTripped as limit:
        stuck = str(limit)
    assert stuck
