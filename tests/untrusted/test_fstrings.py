"""Where strings of later Pythons end, and what they mean, without a Python that reads them."""

from __future__ import annotations

import ast
import io
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.audit.script_audit import audit_script
from pgolf.core.deviation import DeviationName
from pgolf.core.verdict import LutStatus
from pgolf.untrusted.fallback import parse_newer_strings, parse_whole
from pgolf.untrusted.fstrings import Unclear, scan
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.script import Script
from pgolf.untrusted.source import read_source
from tests.contest_script import script

NEWER = [
    ('f"{x["a"]}"', "f\"{x['a']}\""),
    ("f'{x['a']}'", "f'{x[\"a\"]}'"),
    ('f"{x["a"]["b"]:>{w["c"]}}"', "f\"{x['a']['b']:>{w['c']}}\""),
    ('f"{x["a"]!r}{{}}"', "f\"{x['a']!r}{{}}\""),
    ('f"a{f"b{f"c{x}"}"}"', "f\"a{f'b{x}'}\"".replace("f'b{x}'", "f'''b{f'c{x}'}'''")),
    ('f"""{x["""a"""]}"""', 'f"""{x[\'a\']}"""'),
    ('"l" f"{x["a"]}" "r{}"', '"l" f"{x[\'a\']}" "r{}"'),
    ('f"{(x["a"], 1)}"', "f\"{(x['a'], 1)}\""),
    ('f"{x["a"]:%H:%M}"', "f\"{x['a']:%H:%M}\""),
    ('f"{a != b["c"]}"', "f\"{a != b['c']}\""),
    ('f"\\N{EM DASH}{x["a"]}\\t"', "f\"\\N{EM DASH}{x['a']}\\t\""),
    ('rf"\\d{x["a"]}"', "rf\"\\d{x['a']}\""),
    ('"a"if f"{x["a"]}"else"b"', '"a"if f"{x[\'a\']}"else"b"'),
]


@pytest.mark.parametrize(("newer", "older"), NEWER)
def test_a_string_of_python_3_12_gives_the_tree_of_its_older_spelling(newer: str, older: str) -> None:
    found = parse_newer_strings(newer, DEFAULT_LIMITS)
    assert found is not None
    assert ast.dump(found) == ast.dump(ast.parse(older))


@pytest.mark.parametrize(
    "text",
    [
        'f"{x["a"]=}"', 'f"{x["a"]', 'f"{["a"}"]}"', 'f"{"a"!q}"', 'f"{}{x["a"]}"', 'f"{x["a"]}}"', 't"{x["a"]}"',
        'f"{x["a"] for x in y}"', 'f"{x["a"]) + (y}"', 'y = "\ufdd00\ufdd1" f"{x["a"]}"', r'y = "\ufdd00\uFDD1", f"{x["a"]}"',
    ],
)  # fmt: skip
def test_what_is_not_certain_is_left_to_the_slower_way(text: str) -> None:
    assert parse_newer_strings(text, DEFAULT_LIMITS) is None


def test_a_string_that_looks_like_a_placeholder_is_never_taken_for_one() -> None:
    found = parse_whole('a = f"{x["k"]}"\nb = "\\ufdd00\\ufdd1"\n')
    assert found.tree is None or "fdd0" in ast.dump(found.tree) or found.partial


names = st.sampled_from(
    ["x", "y[0]", "z.a", "f(x)", "(a, b)", "a if b else c", "lambda_", "x == y", "{**d}", "[i for i in r]"]
)
text_parts = st.text(alphabet="ab {}:!=#\n\\'\"", max_size=6)


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """A formatted string that this interpreter reads."""
    quote = draw(st.sampled_from(['"', "'", '"""', "'''"]))
    other = "'" if quote[0] == '"' else '"'
    out = []
    for _ in range(draw(st.integers(0, 4))):
        plain = draw(text_parts).replace("\\", "").replace(quote[0], "").replace("{", "{{").replace("}", "}}")
        out.append(plain if len(quote) == 3 else plain.replace("\n", ""))
        field = draw(st.sampled_from(["", f"d[{other}k{other}]", f"{other}:}}{{{other}"])) or draw(names)
        out.append("{ " + field + draw(st.sampled_from(["", "!r", ":>{w}", ":.2f", "!s:{w}.{p}"])) + "}")
    return draw(st.sampled_from(["f", "F"])) + quote + "".join(out) + quote


@given(st.lists(spellings(), min_size=1, max_size=4), st.sampled_from(["\n", " # it's\n", '\nx = "a" # "\n']))
@settings(max_examples=150)
def test_strings_end_where_this_interpreter_says(strings: list[str], between: str) -> None:
    text = between.join(strings) + "\n"
    ast.parse(text)
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    expected = [
        (starts[t.start[0] - 1] + t.start[1], starts[t.end[0] - 1] + t.end[1])
        for t in tokenize.generate_tokens(io.StringIO(text).readline)
        if t.type == tokenize.STRING
    ]
    formatted, literals = scan(text)
    assert [(s.start, s.end) for s in literals] == expected
    assert not any(s.newer for s in formatted)


@given(st.text(alphabet="fFrtx{}[]()\"'\\\n#:!= \x00é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        formatted, literals = scan(text)
    except Unclear:
        return
    assert all(text[s.end - 1] in "\"'" for s in [*formatted, *literals])


def test_a_builder_hidden_in_a_string_of_python_3_12_is_no_builder() -> None:
    """Quotes inside the braces end no string there: what follows is text, however much it looks like code."""
    wrong = script(DeviationName.LEADING_SPACE_PLUS_ONE)
    right = script()
    name = "build_sentencepiece_luts"
    assert f"def {name}(" in right
    start = right.index(f"def {name}(")
    decoy = right[start : right.index("\ndef ", start + 1)]
    assert "'''" not in decoy
    hidden = f"def unused():\n    return f\"{{'''\n{decoy}\ndef unused2(): '''}}\"\n"
    at = wrong.index("\ndef ", wrong.index(f"def {name}(") + 1) + 1
    hostile = wrong[:at] + hidden + wrong[at:]
    assert audit_script(Script("train_gpt.py", hostile.encode())).lut_status is not LutStatus.CORRECT
    names = [c.name for c in read_source(hostile.encode(), "s.py", DEFAULT_LIMITS).chunks]
    assert names.count(name) == 1


def test_long_runs_of_braces_and_quotes_are_read_in_linear_time() -> None:
    for text in (
        'f"{' * 20_000,
        "f'{x[" + "f" * 50_000,
        'f"' + "{{" * 50_000,
        "f'''{" + "(" * 50_000,
        'f"{x:' * 9_000,
    ):
        with pytest.raises(Unclear):
            scan(text)
