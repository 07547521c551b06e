"""Corners of reading any Python: bounds are named, nothing raises, and what is not certain is never read as something else."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.untrusted.fallback import nesting_problem, parse_whole
from pgolf.untrusted.limits import DEFAULT_LIMITS

NEWER = "x = f'{a['b']}'\n"
needs_older_python = pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads it by itself")


def test_a_text_with_a_null_byte_is_a_stated_problem() -> None:
    found = parse_whole("x = 1\0")
    assert found.tree is None
    assert "null" in found.problem


@needs_older_python
def test_newer_syntax_in_a_text_beyond_half_the_bound_is_not_repaired() -> None:
    limits = replace(DEFAULT_LIMITS, source_bytes=1000)
    assert parse_whole(NEWER, limits).via == "libcst"
    large = parse_whole(NEWER + "# " + "x" * 600, limits)
    assert large.via != "libcst"
    assert large.partial


@needs_older_python
def test_the_bound_on_repairs_is_named_and_nothing_is_raised() -> None:
    text = "type A = int\n" * 5
    assert parse_whole(text).via == "libcst"
    found = parse_whole(text, replace(DEFAULT_LIMITS, repair_edits=3))
    assert found.tree is None
    assert "repair_edits" in found.problem


@needs_older_python
@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("type A = int\nx = 1\n", "A = int\nx = 1\n"),
        ("type A[T: int] = list[T]\n", "A = list[T]\n"),
        ("def f[T](x: T) -> T:\n    return x\n", "def f(x: T) -> T:\n    return x\n"),
        ("class C[T](B): pass\n", "class C(B): pass\n"),
        ("try:\n    pass\nexcept A, B:\n    pass\n", "try:\n    pass\nexcept (A, B):\n    pass\n"),
        (
            "type X = int\ntry:\n    pass\nexcept A, B:\n    pass\n",
            "X = int\ntry:\n    pass\nexcept (A, B):\n    pass\n",
        ),
        ("x = 'a' f'{b['c']}' 'd'\n", "x = 'a' f'{b[\"c\"]}' 'd'\n"),
        ("x = f'{a['b']:>{w['n']}}{c!r}'\n", 'x = f\'{a["b"]:>{w["n"]}}{c!r}\'\n'),
        ("x = f'{f'{1}'}'\n", "x = f'{f\"{1}\"}'\n"),
        ("x = rf'\\d{a['b']}\\n'\n", "x = rf'\\d{a[\"b\"]}\\n'\n"),
        ("x = f'{a['b']}\\n\\x41\\\\'\n", "x = f'{a[\"b\"]}\\n\\x41\\\\'\n"),
        ("x = f'''{a['''b''']}\n'c'\n'''\n", "x = f'''{a[\"b\"]}\n'c'\n'''\n"),
        ("x = f'{{{a['b']}}}'\n", "x = f'{{{a[\"b\"]}}}'\n"),
        ("x = f'{(i for i in a['b'])}'\n", "x = f'{(i for i in a[\"b\"])}'\n"),
    ],
)
def test_later_syntax_is_the_tree_of_its_older_spelling(text: str, same_as: str) -> None:
    found = parse_whole(text)
    assert found.via == "libcst"
    assert found.tree is not None
    assert [ast.dump(node) for node in found.tree.body] == [
        ast.dump(node) for node in ast.parse(same_as).body
    ]


@needs_older_python
def test_a_template_string_is_a_call_of_its_own() -> None:
    found = parse_whole("x = t'a{b}c'\n")
    assert found.tree is None or "__template_string__" in ast.dump(found.tree)


@needs_older_python
@pytest.mark.parametrize("mark", ["\ufdd0", "\\ufdd0"])
def test_a_text_that_holds_our_own_marks_is_not_repaired(mark: str) -> None:
    found = parse_whole(f"y = '{mark}0\ufdd1'\n{NEWER}")
    assert found.via != "libcst"
    assert found.partial


@needs_older_python
def test_a_broken_escape_in_a_newer_string_does_not_raise() -> None:
    found = parse_whole("x = f'\\x{a['b']}'\ny = 1\n")
    assert found.tree is not None


def test_operators_apart_by_blanks_are_counted_not_measured() -> None:
    spaced = "x = " + "-   " * (DEFAULT_LIMITS.unary_run - 10) + "1"
    assert not nesting_problem(spaced, DEFAULT_LIMITS)
    assert "unary_run" in nesting_problem(
        "x = " + "- " * (DEFAULT_LIMITS.unary_run + 1) + "1", DEFAULT_LIMITS
    )
    assert "unary_run" in nesting_problem("x = " + "not " * 1000 + "1", DEFAULT_LIMITS)


@pytest.mark.parametrize("ends", ["", "(", "'''", "\n\tx\n  y", "\n)", "if x:\n", "@\n"])
def test_damage_at_the_end_leaves_the_statements_before_it(ends: str) -> None:
    found = parse_whole("a = 1\nb = 2\n" + ends)
    assert found.tree is not None
    assert [ast.unparse(node) for node in found.tree.body][:2] == ["a = 1", "b = 2"]
    assert found.partial is bool(ends)


def test_damage_before_code_that_is_nested_too_deep_has_no_tree() -> None:
    deep = "".join(" " * depth + "if x:\n" for depth in range(120)) + " " * 120 + "pass\n"
    found = parse_whole("def (:\n" + deep)
    assert found.tree is None
    assert found.partial
    assert found.problem
    assert parse_whole(deep).tree is None


def test_damage_that_never_ends_is_given_up() -> None:
    found = parse_whole("".join(f"a{n} = = {n}\nb{n} = {n}\n" for n in range(60)))
    assert found.partial
    if found.tree is not None:
        assert all("=" in ast.unparse(node) for node in found.tree.body)


_PARTS = [
    "x = 1\n",
    "def f():\n",
    "    return 1\n",
    "\ty\n",
    "f'{a['b']}'\n",
    "(",
    ")",
    "'",
    '"""',
    "\\",
    "type X = 1\n",
    "except A, B:\n",
    "print 'a'\n",
    "<<<<<<< a\n",
    "@a\n",
    "class C:\n",
    "\x0c",
    "\r",
    "é",
    "{",
    "}",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_PARTS), max_size=12).map("".join))
def test_whatever_cpython_reads_is_read_alike_and_the_rest_is_said(text: str) -> None:
    found = parse_whole(text)
    try:
        expected = ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        assert found.tree is None or found.via != "ast"
        assert found.problem or found.via == "libcst"
        return
    assert found.via == "ast"
    assert found.tree is not None
    assert ast.dump(found.tree) == expected
    assert (found.problem, found.partial) == ("", False)
