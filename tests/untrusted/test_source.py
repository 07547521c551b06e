"""A script is cut into statements that parse as in the whole file, and what cannot be cut goes the general, guarded way."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.untrusted import source as source_module
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.source import Chunk, Piece, chunk_nodes, chunk_words, read_source, whole_source
from pgolf.untrusted.syntax import child_nodes, names_bound, nodes_outside, walk


def read(text: str | bytes) -> source_module.Source:
    return read_source(text.encode() if isinstance(text, str) else text, "a.py", DEFAULT_LIMITS)


def dumped(found: source_module.Source) -> list[str]:
    return [ast.dump(node) for chunk in found.chunks for node in chunk_nodes(chunk) or ()]


TEXTS = {
    "statements": "import a\nx = 1\n\n\ndef f():\n    return x\n\n\nclass C:\n    pass\nf()\n",
    "decorators": "@a\n@b(1)\ndef f():\n    pass\nx = 1\n",
    "decorated async": "@a\nasync def f():\n    await g()\n",
    "else and finally at the margin": "if a:\n    b\nelse:\n    c\ntry:\n    d\nexcept E:\n    e\nfinally:\n    f\n",
    "brackets at the margin": "x = [\n1,\n2,\n]\ny = f(\n)\nz = {\n}\n",
    "strings over lines": "x = '''\ndef f():\n'''\ny = \"\"\"a\nb\"\"\" + 'c'\n",
    "a string with a backslash": "x = 'a\\\nb'\ny = 1\n",
    "a continued line": "x = 1 + \\\n2\ny = 3\n",
    "comments": "# a\nx = 1  # 'b\n# c\ny = 2\n",
    "a byte-order mark": "\ufeffx = 1\ny = 2\n",
    "windows line ends": "x = 1\r\nif x:\r\n    y = 2\r\n",
    "old line ends": "x = 1\ry = 2\r",
    "formatted strings": "x = f'{a}'\ny = f'''{\nb\n}'''\nz = rf\"{c!r:>{d}}\"\n",
    "a t before a quote": "x = format\nprint('a')\nt = 1\n",
    "names of other alphabets": "def ﬁrst():\n    return 1\nx = ﬁrst()\n",
    "a cookie": "# -*- coding: latin-1 -*-\nx = 1\n",
    "a form feed": "x = 1\n\fy = 2\n",
    "nothing": "",
    "match": "match x:\n    case 1:\n        y = 2\nz = 3\n",
    "a minus in a row of comments": "# " + "-" * 200 + "\nx = 1\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_pieces_are_the_statements_of_the_whole_file(name: str) -> None:
    text = TEXTS[name]
    found = read(text)
    assert dumped(found) == [ast.dump(node) for node in ast.parse(text.removeprefix("\ufeff")).body]
    assert not found.partial


@pytest.mark.parametrize("name", TEXTS)
def test_a_piece_stands_at_its_line(name: str) -> None:
    found = read(TEXTS[name])
    whole = ast.parse(TEXTS[name].removeprefix("\ufeff")).body
    if found.chunks and found.chunks[0].text:
        lines = [
            chunk.first_line + node.lineno - 1 for chunk in found.chunks for node in chunk_nodes(chunk) or ()
        ]
        assert lines == [node.lineno for node in whole]


DEEP = {
    "brackets": "x = " + "(" * 300 + ")" * 300,
    "unmatched brackets": "x = '" + "(" * 1000 + "'",
    "minuses": "x = " + "-" * 5000 + "1",
    "mixed signs": "x = " + "-+~" * 5000 + "1",
    "spaced signs": "x = " + "- " * 5000 + "1",
    "signs over lines": "x = (" + "-\n" * 5000 + "1)",
    "signs over continued lines": "x = " + "-\\\n" * 5000 + "1",
    "nots": "x = " + "not " * 5000 + "1",
    "nots over lines": "x = (" + "not\n" * 5000 + "1)",
}


@pytest.mark.parametrize("name", DEEP)
def test_text_that_is_nested_deep_goes_the_guarded_way_and_ends(name: str) -> None:
    assert source_module._too_deep(DEEP[name], DEFAULT_LIMITS)
    found = read(DEEP[name])
    assert found.problem or dumped(found)


@pytest.mark.parametrize(
    "text", ["x = " + "-1 " * 3, "not_a_name = 'not ' * 2\n" * 100, "x = 1 - " + " " * 100 + "2"]
)
def test_ordinary_signs_are_not_deep(text: str) -> None:
    assert not source_module._too_deep(text * 40, DEFAULT_LIMITS)


def test_a_piece_that_its_parser_gives_up_on_has_no_tree() -> None:
    deep = Chunk(Piece("x = " + "-" * 200_000 + "1\n", "", ""), 1)
    assert chunk_nodes(deep) is None


BROKEN = {
    "a null byte": b"x = 1\0\n",
    "not utf-8": b"x = '\xff'\n",
    "utf-16": "x = 1".encode("utf-16"),
    "a conflict": b"<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_never_ran_has_no_chunks_and_its_reason(name: str) -> None:
    found = read(BROKEN[name])
    assert not found.chunks
    assert found.problem


def test_a_damaged_statement_leaves_the_rest() -> None:
    found = read("x = 1\ny = (\nz = 3\ndef f():\n    return x\n")
    assert found.partial
    assert found.via == "tree-sitter"
    assert "f" in {chunk.name for chunk in found.chunks}
    assert {chunk.kind for chunk in found.chunks if chunk.name == "f"} == {"def"}


def test_strings_of_a_later_python_are_read_piece_by_piece() -> None:
    text = "def f():\n    return f'{a['b']}'\nx = f'{\"\\n\".join(c)}'\n"
    found = read(text)
    assert [chunk.name for chunk in found.chunks] == ["f", ""]
    assert all(chunk_nodes(chunk) for chunk in found.chunks)
    assert "JoinedStr" in "".join(dumped(found))


@pytest.mark.parametrize(
    "text", ["x = t'{a}\n'\ny = 1\n", "x = f'{a\ny = 1\n", "x = f'{a:{b:{c:{d}}}}'\n\"'''\n"]
)
def test_where_a_string_ends_is_never_guessed(text: str) -> None:
    found = read(text)
    assert found.problem or found.partial or dumped(found)


def test_a_whole_source_knows_the_words_of_its_statements() -> None:
    found = whole_source(
        b"def f(a, *b):\n    '''uses tokenizer'''\n    return a.attr + glob\nimport x as y\n",
        "a.py",
        DEFAULT_LIMITS,
    )
    words = chunk_words(found.chunks[0])
    assert {"f", "a", "b", "attr", "glob", "tokenizer"} <= words
    assert [chunk.kind for chunk in found.chunks] == ["def", ""]
    assert chunk_nodes(found.chunks[0]) is not None


def test_words_are_those_that_python_would_read() -> None:
    chunk = Chunk(Piece("ﬁle = 'two words' # three\n", "", ""), 1)
    assert chunk_words(chunk) == {"file", "two", "words", "three"}
    assert chunk_words(chunk) is chunk_words(chunk)


# ---------------------------------------------------------------------------------------------------------------- walking

PROGRAM = """
import os.path, sys as system
from a import b as c, d
@deco
async def f(p, *q, r=1, **s) -> int:
    async with u as v: pass
    async for w in x: pass
    return [i for i in y if (j := i)]
class K(base, metaclass=m):
    k: int = 0
try: pass
except* E as e: pass
match t:
    case {"n": n, **rest}: pass
    case [first, *others] | (first as others): pass
    case Point(x=0, y=value): pass
    case None | 1: pass
z = {**a, 1: lambda g=0, *, h: g}
del z
"""


def test_walking_sees_the_nodes_that_cpython_walks_but_contexts_and_operators() -> None:
    tree = ast.parse(PROGRAM)
    left_out = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
    expected = [node for node in ast.walk(tree) if not isinstance(node, left_out)]
    assert sorted(map(id, walk(tree))) == sorted(map(id, expected))
    below = [child for node in walk(tree) for child in child_nodes(node)]
    assert sorted(map(id, below)) == sorted(id(node) for node in expected if node is not tree)


def test_names_that_a_program_may_bind_are_those_that_its_symbol_tables_say() -> None:
    import symtable

    def assigned(table: symtable.SymbolTable) -> set[str]:
        found = {
            s.get_name()
            for s in table.get_symbols()
            if s.is_assigned() or s.is_imported() or s.is_namespace()
        }
        found -= {s.get_name() for s in table.get_symbols() if s.is_parameter()}
        return found.union(*(assigned(child) for child in table.get_children()))

    expected = {name for name in assigned(symtable.symtable(PROGRAM, "a.py", "exec")) if name[0] not in ".<l"}
    assert names_bound([ast.parse(PROGRAM)]) - {"lambda", "listcomp"} == expected - {"listcomp", "lambda"}


def test_nodes_outside_functions_stop_at_each_function() -> None:
    tree = ast.parse("x = 1\ndef f():\n    y = 2\n    def g(): pass\n")
    functions = [
        node for node in nodes_outside((ast.FunctionDef,), [tree]) if isinstance(node, ast.FunctionDef)
    ]
    assert [node.name for node in functions] == ["f"]
    assert not any(
        isinstance(node, ast.Constant) and node.value == 2
        for node in nodes_outside((ast.FunctionDef,), [tree])
    )


@given(st.lists(st.sampled_from([*TEXTS.values()]), min_size=1, max_size=4))
def test_texts_behind_each_other_are_cut_alike(texts: list[str]) -> None:
    text = "\n".join(each.removeprefix("\ufeff") for each in texts if "coding" not in each)
    assert dumped(read(text)) == [ast.dump(node) for node in ast.parse(text).body]
