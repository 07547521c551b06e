"""Markdown, terminal text and JSON hold for any string a submission can bring."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len

from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.row import ResultRow
from pgolf.core.verdict import Verdict
from pgolf.errors import UsageError
from pgolf.report import exit_code, render_rows, render_script, render_submission
from pgolf.report.json_document import finite, indented
from pgolf.report.markdown import escape
from pgolf.report.terminal import Page
from pgolf.report.visible import visible
from tests.report.samples import (
    BUGGY_SCRIPT,
    FLAGGED_ROW,
    HOSTILE,
    HOSTILE_ROW,
    HOSTILE_SCRIPT,
    HOSTILE_SUBMISSION,
    ROWS,
    SUBMISSION,
    UNKNOWN_SCRIPT,
    make_row,
)

ANY_TEXT = st.text(st.characters(), max_size=60) | st.text("|`*_[]()<>#-.!~=+&:/@\\1 \n\tw", max_size=40)
GITHUB = MarkdownIt("gfm-like", {"linkify": False})
INERT_TOKENS = {
    "heading_open", "heading_close", "table_open", "table_close", "thead_open", "thead_close", "tbody_open",
    "tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close", "paragraph_open",
    "paragraph_close", "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "inline",
}  # fmt: skip


def shown_text(token: Token) -> str:
    """The text of an inline token; fails on markup other than our own `<code>` and strong emphasis."""
    shown = ""
    for child in token.children or []:
        if child.type == "html_inline":
            assert child.content in ("<code>", "</code>")
        else:
            assert child.type in ("text", "text_special", "strong_open", "strong_close", "code_inline"), child
            shown += child.content
    return shown


@given(ANY_TEXT)
def test_a_markdown_cell_shows_exactly_the_visible_text(text: str) -> None:
    row = make_row(folder=f"x{text}", reasons=())
    tokens = GITHUB.parse(render_rows([row], "markdown"))
    cells = [shown_text(t) for t in tokens if t.type == "inline"]
    # Renderers trim a cell's edges and fold nothing else; one title, one summary, a 9-column header, one row of 9.
    assert len(cells) == 2 + 9 + 9
    assert cells[2 + 9 + 1] == visible(row.folder, 300).strip()


@given(ANY_TEXT)
def test_a_markdown_line_of_hostile_text_stays_one_paragraph(text: str) -> None:
    tokens = GITHUB.parse(escape(text) + "\n")
    assert [t.type for t in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    assert "".join(shown_text(t) for t in tokens if t.type == "inline").strip() == visible(text, 300).strip()


@pytest.mark.parametrize(
    "text", [render_script(HOSTILE_SCRIPT, "markdown"), render_submission(HOSTILE_SUBMISSION, "markdown"),
             render_rows([HOSTILE_ROW], "markdown")]
)  # fmt: skip
def test_hostile_values_bring_no_markup_into_markdown(text: str) -> None:
    tokens = GITHUB.parse(text)
    assert {t.type for t in tokens} <= INERT_TOKENS
    for token in tokens:
        if token.type == "inline":
            shown_text(token)
    headings = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    assert not [h for h in headings if h.strip() == "heading"]
    assert "@someone" not in text


@given(st.text(st.characters(), max_size=200))
def test_visible_text_has_no_control_format_or_line_breaking_character(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [
        c
        for c in shown
        if unicodedata.bidirectional(c) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    ]


def test_visible_text_keeps_ordinary_letters_and_says_where_it_cut() -> None:
    assert visible("Grüße ▁the 日本 🏆 é") == "Grüße ▁the 日本 🏆 é"
    assert visible("x" * 2_005) == "x" * 2_000 + "… (5 more characters)"


@given(ANY_TEXT, st.sampled_from([Page(80, True), Page(80, False), Page(40, False), Page()]))
def test_terminal_text_holds_no_escape_sequence_that_we_did_not_write(text: str, page: Page) -> None:
    row = make_row(folder=text, reasons=(Finding(text, Severity.ERROR, Confidence.PROVED, text, text, 1),))
    shown = render_rows([row], page=page) + render_script(HOSTILE_SCRIPT, page=page)
    if page.color:
        shown = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c != "\n"]


@pytest.mark.parametrize("rows", [ROWS, (HOSTILE_ROW,), (make_row(folder="日本" * 40),)])
def test_a_table_of_rows_fits_eighty_columns(rows: tuple[ResultRow, ...]) -> None:
    # Reasons are prose below the row: a word longer than the line is left whole there, so they are taken off here.
    bare = [replace(row, reasons=()) for row in rows]
    table = render_rows(bare, page=Page(80)).splitlines()
    assert max(map(cell_len, table)) <= 80


def test_a_pipe_gets_whole_paths_and_no_colour() -> None:
    text = render_rows([FLAGGED_ROW], page=Page())
    assert f"{FLAGGED_ROW.folder}  bytes-space-twice, fingerprint" in text
    assert "\x1b" not in text
    place = "train_gpt.py::exec@3:4"
    assert place in render_script(BUGGY_SCRIPT, page=Page(40))


def test_colour_only_repeats_what_words_say() -> None:
    colored = render_script(BUGGY_SCRIPT, page=Page(80, True))
    assert "\x1b[1;31mFLAGGED" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render_script(BUGGY_SCRIPT, page=Page(80, False))


@pytest.mark.parametrize(
    ("environment", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_follows_the_terminal_and_its_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colored: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert ("\x1b[" in render_script(UNKNOWN_SCRIPT)) is colored


def test_an_unknown_says_why_and_what_would_decide_it() -> None:
    text = render_script(UNKNOWN_SCRIPT, page=Page(80))
    assert text.index("UNVERIFIED") < text.index("Why") < text.index("What would decide it")


def test_numbers_that_json_cannot_say_are_null() -> None:
    row = json.loads(render_rows([HOSTILE_ROW], "jsonl"))
    assert row["reported_bpb"] is None
    assert row["log_bpb"] is None
    assert row["corrected_bpb"] == 1.07217


def test_json_lines_are_ascii_one_object_a_row_in_order() -> None:
    text = render_rows([*ROWS, HOSTILE_ROW], "jsonl")
    assert text.isascii()
    assert [json.loads(line)["pr"] for line in text.splitlines()] == [1734, 1727, None, 666]
    assert json.loads(text.splitlines()[3])["folder"] == HOSTILE.replace("\udc80", "\\udc80")


@given(
    st.recursive(
        st.none() | st.floats() | st.integers() | st.text(st.characters()),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_value_becomes_strict_json(value: object) -> None:
    text = json.dumps(finite(value), allow_nan=False)
    assert json.loads(text) == finite(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_documents_are_written_as_the_standard_library_writes_them(value: object) -> None:
    assert indented(value) == json.dumps(finite(value), ensure_ascii=True, allow_nan=False, indent=2) + "\n"


def test_bottomless_values_are_cut_with_a_remark() -> None:
    value: list[object] = []
    for _ in range(5_000):
        value = [value]
    assert "deeper than 40 levels" in json.dumps(finite(value))


def test_counts_name_every_verdict() -> None:
    assert json.loads(render_rows([], "json"))["counts"] == {v.value: 0 for v in Verdict}


@pytest.mark.parametrize("format_name", ["text", "markdown"])
def test_nothing_audited_is_said_as_such(format_name: str) -> None:
    assert "Nothing was audited" in render_rows([], format_name)


@pytest.mark.parametrize(
    "render",
    [
        lambda f: render_rows([], f),
        lambda f: render_script(BUGGY_SCRIPT, f),
        lambda f: render_submission(SUBMISSION, f),
    ],
)
def test_an_unknown_format_names_the_known_ones(render: object) -> None:
    with pytest.raises(UsageError, match="choose one of text, json"):
        render("pdf")  # type: ignore[operator]


def test_a_submission_as_json_lines_is_its_published_row() -> None:
    assert render_submission(SUBMISSION, "jsonl") == render_rows([SUBMISSION.row], "jsonl")


def test_a_script_as_json_lines_is_one_line_of_its_document() -> None:
    line = render_script(BUGGY_SCRIPT, "jsonl")
    assert line.count("\n") == 1
    assert json.loads(line) == json.loads(render_script(BUGGY_SCRIPT, "json"))


@pytest.mark.parametrize(
    ("verdicts", "format_name", "code"),
    [
        ([], "text", 0),
        ([Verdict.VERIFIED], "json", 0),
        ([Verdict.VERIFIED, Verdict.UNVERIFIED], "jsonl", 3),
        ([Verdict.UNVERIFIED, Verdict.FLAGGED], "markdown", 1),
        ([Verdict.FLAGGED], "sarif", 0),
    ],
)
def test_exit_codes_follow_the_worst_verdict_except_for_sarif(
    verdicts: list[Verdict], format_name: str, code: int
) -> None:
    assert exit_code(verdicts, format_name) == code


def test_prose_of_wide_letters_wraps_by_columns() -> None:
    words = " ".join(["日本語"] * 60)
    text = render_rows(
        [make_row(reasons=(Finding(words, Severity.NOTE, Confidence.PROVED, "m"),))], page=Page(80)
    )
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text.count("日本語") == 60


@pytest.mark.parametrize(("rule", "said"), [("val-subset", True), ("a-rule-without-a-page", False)])
def test_a_finding_says_where_to_read_on_when_there_is_a_page(rule: str, said: bool) -> None:
    finding = Finding(rule, Severity.WARNING, Confidence.LIKELY, "m")
    text = render_submission(
        replace(SUBMISSION, row=make_row(reasons=(finding,)), script=None), page=Page(80)
    )
    assert (f"pgolf explain {rule}" in text) is said
