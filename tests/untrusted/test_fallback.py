"""Whatever the Python: the tree a later interpreter would make, or a stated problem with its line; never an exception."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.untrusted.codecs import DecodeFailed
from pgolf.untrusted.fallback import decode_source, nesting_problem, parse_whole
from pgolf.untrusted.limits import DEFAULT_LIMITS

# (newer spelling, what any Python 3.11 makes of the same program)
NEWER = {
    "the same quotes inside": ('x = f"{d["a"]}"', "x = f\"{d['a']}\""),
    "nested f-strings": ('x = f"{f"{y!r:>{w}}"}"', "x = f\"{f'{y!r:>{w}}'}\""),
    "a backslash in the expression": ('x = f"{"\\n".join(l)}\\n{{}}"', "x = f'{a}\\n{{}}'.replace('', '')"),
    "concatenated": ('x = "a" f"{d["k"]}" f"{q}" "z"', 'x = "a" f"{d[\'k\']}" f"{q}" "z"'),
    "a type statement": ("type X[T] = list[T]", "X = list[T]"),
    "a generic function": ("def f[T: int](x: T) -> T:\n    return x", "def f(x: T) -> T:\n    return x"),
    "a generic class": ("class A[T](B):\n    pass", "class A(B):\n    pass"),
    "except without brackets": (
        "try:\n    pass\nexcept A, B:\n    pass",
        "try:\n    pass\nexcept (A, B):\n    pass",
    ),
}


@pytest.mark.parametrize("name", NEWER)
def test_later_syntax_gives_the_tree_of_the_same_program(name: str) -> None:
    newer, older = NEWER[name]
    found = parse_whole(f"before = 1\n{newer}\nafter = 2\n".encode())
    assert found.tree is not None
    assert not found.partial
    if sys.version_info < (3, 12):
        assert found.via == "libcst"
    assert [each.lineno for each in found.tree.body][-1] == newer.count("\n") + 3
    if name != "a backslash in the expression" and sys.version_info < (3, 12):
        assert ast.dump(found.tree.body[1]) == ast.dump(ast.parse(older).body[0])


def test_lines_inside_a_multi_line_f_string_are_kept() -> None:
    found = parse_whole('a = 1\nx = f"{\n  b +\n  c["k"] # why\n}"\nz = f"{q["r"]}"\n')
    assert found.tree is not None
    names = {node.id: node.lineno for node in ast.walk(found.tree) if isinstance(node, ast.Name)}
    assert names == {"a": 1, "x": 2, "b": 3, "c": 4, "z": 6, "q": 6}


@pytest.mark.parametrize(
    "text",
    [
        "match x:\n    case [1, *_]:\n        pass\n",
        "try:\n    pass\nexcept* ValueError:\n    pass\n",
        "a = 1\n\x0cb = 2\n",
        "a = 1\r\nb = 2\r\n",
        "\ufeffa = 1\n",
        "# -*- coding: latin-1 -*-\na = 1\n",
        "x = '\\d'\n",
        "",
        "\n\n# only a comment\n",
        "x = (1,\n  2)\\\n  + (3,)\n",
    ],
)
def test_what_this_python_reads_is_read_by_ast(text: str) -> None:
    found = parse_whole(text.encode("utf-8"))
    assert (found.via, found.partial, found.problem) == ("ast", False, "")
    assert found.tree is not None


def test_an_encoding_cookie_is_obeyed() -> None:
    latin = "# coding: latin-1\nx = 'é'\n"
    tree = parse_whole(latin.encode("latin-1")).tree
    assert tree is not None
    assert isinstance(tree.body[0], ast.Assign)
    assert ast.literal_eval(tree.body[0].value) == "é"
    utf7 = b"# coding: utf-7\n#" + "\nx = 5\n".encode("utf-7").replace(b"\n", b"+AAo-")
    assert decode_source(utf7).endswith("x = 5\n")


REFUSED: dict[str, tuple[bytes, str, int]] = {
    "null byte": (b"a = 1\nb = \0\n", "null byte at line 2", 2),
    "utf-16": ("a = 1\n".encode("utf-16"), "null byte", 1),
    "not utf-8": (b"a = 1\nb = '\xff'\n", "line 2 is not UTF-8", 2),
    "unknown cookie": (b"# coding: klingon\na = 1\n", "encoding", 0),
    "odd cookie": (b"# coding: idna\na = 1\n", "not undone", 0),
    "bom against cookie": (b"\xef\xbb\xbf# coding: latin-1\na = 1\n", "encoding", 0),
    "merge markers": (
        b"a = 1\n<<<<<<< HEAD\nb = 1\n=======\nb = 2\n>>>>>>> other\n",
        "merge-conflict marker at line 2",
        2,
    ),
    "brackets": (b"x = " + b"(" * 5000 + b")" * 5000, "bracket_depth", 1),
    "unclosed brackets": (b"[" * 100_000, "bracket_depth", 1),
    "minuses": (b"-" * 200_000 + b"1", "unary_run", 0),
    "nots": (b"x = " + b"not " * 100_000 + b"1", "unary_run", 0),
    "sum": (b"x = " + b"+".join([b"1"] * 200_000), "ast_depth", 0),
    "attributes": (b"x" + b".a" * 100_000, "ast_depth", 0),
    "lambdas": (b"x = " + b"lambda: " * 50_000 + b"1", "ast_depth", 0),
    "indentation": (
        "".join(" " * i + "if x:\n" for i in range(150)).encode() + b" " * 150 + b"pass",
        "too many levels",
        101,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_a_stated_problem(name: str) -> None:
    data, expected, line = REFUSED[name]
    found = parse_whole(data)
    assert found.tree is None
    assert expected in found.problem
    if name not in ("brackets", "unclosed brackets"):
        assert found.line == line


def test_the_size_bound_is_named() -> None:
    found = parse_whole(b"x = 1\n" * 10, replace(DEFAULT_LIMITS, source_bytes=10))
    assert found.tree is None
    assert "source_bytes=10" in found.problem


def test_python_2_is_named_and_the_rest_is_partial() -> None:
    found = parse_whole(b"import os\nprint 'hello'\ndef f():\n    return 1\n")
    assert found.partial
    assert found.via == "tree-sitter"
    assert "Python 2 syntax at line 2" in found.problem
    assert found.damaged == ((2, 2),)
    assert found.tree is not None
    assert [type(each).__name__ for each in found.tree.body] == ["Import", "FunctionDef"]


def test_a_truncated_file_keeps_its_whole_statements_at_their_lines() -> None:
    found = parse_whole(b"a = 1\n\ndef whole():\n    return 2\n\ndef cut(x):\n    y = [1, 2\n    for")
    assert found.partial
    assert found.tree is not None
    assert [(type(each).__name__, each.lineno) for each in found.tree.body] == [
        ("Assign", 1),
        ("FunctionDef", 3),
    ]
    assert all(first >= 6 for first, _ in found.damaged)


def test_nothing_but_damage_has_no_tree() -> None:
    found = parse_whole(b"this is not python at all\n")
    assert found.tree is None
    assert found.problem


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    parse_whole(text)


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    parse_whole(data)


@given(st.integers(1, 300))
def test_brackets_in_strings_and_comments_do_not_count(depth: int) -> None:
    text = f"x = '{'(' * depth}' # {'[' * depth}\ny = '''\n{'{' * depth}'''\n"
    assert nesting_problem(text, DEFAULT_LIMITS) == ""
    assert bool(nesting_problem("(" * depth, DEFAULT_LIMITS)) is (depth > DEFAULT_LIMITS.bracket_depth)


def test_decode_source_says_what_is_wrong() -> None:
    with pytest.raises(DecodeFailed, match="UTF-16"):
        decode_source(b"\xff\xfea")


def test_minified_code_in_braces_is_read_although_libcst_objects_to_its_spacing() -> None:
    source = "x = f\"{','.join(str(a)for a in[1,2])}\"\ny = f\"{'a'if 1 else'b'} {\"q\"}\"\n"
    parsed = parse_whole(source)
    assert parsed.tree is not None
    assert not parsed.partial
    assert "GeneratorExp" in ast.dump(parsed.tree)
    assert "IfExp" in ast.dump(parsed.tree)


@pytest.mark.parametrize(
    "source",
    [
        "%%writefile train.py\nx = 1\n",
        "A title — and a second line\n\nx = 1\n",
        "x = 1\nprint('done)\n",
        "def f():\n    return 1\n\nRunning Python 3.12.3 (main, Nov  6 2025)\n",
    ],
)
def test_what_no_version_reads_is_told_from_what_a_later_one_may(source: str) -> None:
    parsed = parse_whole(source)
    assert parsed.partial
    assert parsed.never_ran


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\nlazy import y\n",
        "x = 1\nlazy import y; z = f\"{'a—b'}\"\n",
        'text = """a\nlazy — b"""; lazy import y\n',
        "x = [*a for a in b]\n",
        "lazy import y\nA title — here\n",
        "x = '''\n%%writefile a\n''' lazy\n",
    ],
)
def test_syntax_that_a_later_python_might_have_is_never_called_damage(source: str) -> None:
    parsed = parse_whole(source)
    assert parsed.partial
    assert not parsed.never_ran
