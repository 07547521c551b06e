"""Whatever an unknown condition decides, the follower has seen what CPython then executes, or says that it has not.

Hypothesis writes programs of branches, loops, exceptions, functions and assignments around `exec`, with conditions that
nobody can know. CPython runs each of them here under every outcome of the conditions, with an `exec` that writes down.
"""

from __future__ import annotations

import builtins
import itertools
import textwrap
import zlib
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.untrusted.wrappers import follow

FLAGS = 3
NAMES = ("x", "y")
_TEXTS = [f"T{number} = {number}" for number in range(6)]


def _indent(*blocks: str) -> str:
    return textwrap.indent("\n".join(blocks), "    ")


_flags = st.integers(0, FLAGS - 1).map("flag({})".format)
_expressions = st.one_of(
    st.sampled_from([repr(text) for text in _TEXTS]),
    st.sampled_from(NAMES),
    st.sampled_from(["f()", "g()", "box[0]", "table.get('k', 'T9 = 9')", "box[-1]"]),
    st.builds("({} if {} else {})".format, st.sampled_from(NAMES), _flags, st.sampled_from(NAMES)),
    st.builds("({} + ' # {}')".format, st.sampled_from(NAMES), st.sampled_from("ab")),
)
_simple = st.one_of(
    st.builds("exec({})".format, _expressions),
    st.builds("{} = {}".format, st.sampled_from(NAMES), _expressions),
    st.builds("{} += ' #'".format, st.sampled_from(NAMES)),
    st.builds("box[0] = {}".format, _expressions),
    st.builds("box += [{}]".format, _expressions),
    st.builds("box.append({})".format, _expressions),
    st.builds("table['k'] = {}".format, _expressions),
    st.builds("table |= {{'k': {}}}".format, _expressions),
    st.builds("globals()['x'] = {}".format, _expressions),
    st.sampled_from(
        [
            "pass",
            "del table['k']",
            "raise ValueError",
            "box.clear()",
            "assert flag(0)",
            "del x",
            "box = list(box)",
        ]
    ),
)


def _while(body: str, condition: str) -> str:
    """A loop with a counter of its own, that no loop inside it has."""
    counter = f"n{zlib.crc32(body.encode())}"
    return f"{counter} = 0\nwhile {condition.format(counter)}:\n{_indent(f'{counter} += 1', body)}"


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda c, a: f"if {c}:\n{_indent(a)}", _flags, inner),
        st.builds(lambda c, a, b: f"if {c}:\n{_indent(a)}\nelse:\n{_indent(b)}", _flags, inner, inner),
        st.builds(lambda a: f"for i in range(2):\n{_indent(a)}", inner),
        st.builds(lambda n, a: f"for i in items({n}):\n{_indent(a)}", st.integers(0, FLAGS - 1), inner),
        st.builds(lambda a, b: f"for i in (1, 2):\n{_indent(a)}\nelse:\n{_indent(b)}", inner, inner),
        st.builds(
            lambda n, a, b: f"for y in items({n}):\n{_indent(a)}\nelse:\n{_indent(b)}",
            st.integers(0, FLAGS - 1),
            inner,
            inner,
        ),
        st.builds(lambda a: _while(a, "{} < 2"), inner),
        st.builds(lambda c, a: _while(a, f"{{}} < 2 and {c}"), _flags, inner),
        st.builds(
            lambda a, b: f"try:\n{_indent(a)}\nexcept (ValueError, NameError, KeyError):\n{_indent(b)}",
            inner,
            inner,
        ),
        st.builds(
            lambda a, b, c: f"try:\n{_indent(a)}\nexcept Exception as x:\n{_indent(b)}\nelse:\n{_indent(c)}",
            inner,
            inner,
            inner,
        ),
        st.builds(lambda a, b: f"try:\n{_indent(a)}\nfinally:\n{_indent(b)}", inner, inner),
        st.builds(lambda a: f"with suppress(Exception):\n{_indent(a)}", inner),
        st.builds(
            lambda c, a, b: (
                f"match {c}:\n    case True:\n{_indent(_indent(a))}\n    case y:\n{_indent(_indent(b))}"
            ),
            _flags,
            inner,
            inner,
        ),
    )


def _blocks(leaves: tuple[str, ...]) -> st.SearchStrategy[str]:
    simple = st.one_of(_simple, st.sampled_from(leaves)) if leaves else _simple

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.lists(st.one_of(simple, _compound(inner)), min_size=1, max_size=3).map("\n".join)

    return st.recursive(simple, extend, max_leaves=8)


def _looped(block: str) -> str:
    """`break` and `continue` stand in a loop."""
    return f"for j in range(2):\n{_indent(block)}"


_in_loops = _blocks(("break", "continue")).map(_looped)
_bodies = st.one_of(_blocks(("return x", "return 'T7 = 7'", "return")), _in_loops, _blocks(()))


@st.composite
def programs(draw: st.DrawFn) -> str:
    declared = draw(st.sampled_from(["", "global x\n", "global x, y, box, table\n"]))
    # Calls go one way only: recursion is another matter.
    body, other_body = (
        draw(_bodies).replace("f()", "x").replace("g()", "y"),
        draw(_bodies).replace("g()", "f()"),
    )
    function = f"def f():\n{_indent(declared + body)}"
    other = f"def g(x='T8 = 8'):\n{_indent(other_body)}"
    main = [draw(st.one_of(_blocks(()), _in_loops)) for _ in range(draw(st.integers(1, 3)))]
    start = "x = 'X = 1'\ny = 'Y = 1'\nbox = ['B = 1']\ntable = {}"
    return "\n".join([start, function, other, *main, "exec(x)", "exec(box[0])"]) + "\n"


_HEADER = "from contextlib import suppress\n"


def _run(program: str, outcome: tuple[bool, ...]) -> tuple[list[Any], bool]:
    """(what CPython executes, whether certainly nothing was raised on the way) when `flag(n)` is `outcome[n]`."""
    found: list[Any] = []

    def record(source: Any, *_: Any) -> None:
        found.append(source)
        if not isinstance(source, str):
            raise TypeError

    names = {
        "__name__": "__main__",
        "__builtins__": {**vars(builtins), "exec": record},
        "flag": lambda n: outcome[n],
        "items": lambda n: [1, 2] if outcome[n] else [],
    }
    try:
        exec(compile(_HEADER + program, "<ours>", "exec"), names)
    except Exception:  # noqa: BLE001 - however it ends
        return found, False
    return found, "try:" not in program and "with " not in program


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
@example(
    "x = 'a'\ndef f():\n    if flag(0):\n        if flag(1):\n            return\n        exec('b')\nf()\nexec(x)\n"
)
@example("x = 'a'\ndef f():\n    try:\n        return 1\n    finally:\n        exec('b')\nf()\nexec(x)\n")
@example("x = 'a'\nwith suppress(ValueError):\n    raise ValueError\nexec('b')\nexec(x)\n")
@example("x = 'a'\nmatch flag(0):\n    case x:\n        exec('b')\nexec(str(x))\n")
@example(
    "x = 'a'\ndef f():\n    x = 'b'\n    def h():\n        global x\n        x = 'c'\n    h()\nf()\nexec(x)\n"
)
@example("x = bytearray(b'a')\ny = x\ny += b'b'\nexec(x.decode())\n")
@example("x = {'a': 'b'}\ndel x['a']\nexec(x.get('a', 'c'))\n")
@example("x = 'a'\nfor i in items(0):\n    pass\nelse:\n    exec('b')\nexec(x)\n")
@example("x = 'a'\nassert [exec('b')] or 1\nexec(x)\n")
@example("x = lambda: 'a'\nfor i in items(0):\n    x = lambda: 'b'\nexec(x())\n")
@example(
    "def f():\n    for i in items(0):\n        if flag(0):\n            return\n        else:\n            break\n    exec('b')\nf()\n"
)
def test_no_path_of_a_program_is_missed(program: str) -> None:
    found = follow(_HEADER + program)
    seen = set(found.sources)
    for outcome in itertools.product((False, True), repeat=FLAGS):
        executed, quiet = _run(program, outcome)
        for source in executed:
            assert source in seen or found.unfollowed, f"{source!r} is executed when {outcome}"
        if quiet:
            missing = set(found.certain) - set(executed)
            assert not missing, f"{missing} was called certain, and is not executed when {outcome}"
        if not found.unfollowed and all(each.certain for each in found.executed) and quiet:
            assert executed == found.sources
