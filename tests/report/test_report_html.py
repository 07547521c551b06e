"""The HTML pages: nothing hostile comes alive (parsed without a browser), and the policy allows exactly what is inlined."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.profile import load_profile
from pgolf.errors import UsageError
from pgolf.report import render_rows, render_script, render_submission
from pgolf.report.visible import visible
from tests.report.samples import (
    BUGGY_SCRIPT,
    HOSTILE,
    HOSTILE_ROW,
    HOSTILE_SCRIPT,
    HOSTILE_SUBMISSION,
    ROWS,
    SUBMISSION,
    UNKNOWN_SCRIPT,
    make_row,
)

TEXTS = st.text(st.characters(), max_size=50) | st.sampled_from(
    [
        "</script>",
        "<!--",
        "]]>",
        "</style>",
        "<script",
        "</title>",
        "&lt;",
        "\u2028",
        '" onload="x',
        "' x='",
        "<!--<script>",
    ]
)


class Page(HTMLParser):
    """Tags with their attributes, and the text of each `<script>`, `<style>`, `<title>`, and of all else together."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.comments: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        self.open.append(tag)
        if tag in ("script", "style"):
            self.texts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside in ("script", "style") and self.texts and self.texts[-1][0] == inside:
            self.texts[-1] = (inside, self.texts[-1][1] + data)
        else:
            self.texts.append((inside, data))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    @property
    def data(self) -> object:
        blocks = [text for tag, text in self.texts if tag == "script"]
        return json.loads(blocks[0])


def html_of_rows(text: str) -> str:
    row = make_row(folder=text, tokenizer=text, evidence=text, script=text, extra={"title": text, text: text},
                   reasons=(Finding(text, Severity.NOTE, Confidence.PROVED, text, text, 1),))  # fmt: skip
    return render_rows([row], "html", title=text)


def html_of_script(text: str) -> str:
    deviation = replace(BUGGY_SCRIPT.deviations[0], example=text, effect=f"x{text}")
    finding = replace(BUGGY_SCRIPT.findings[0], rule=text, message=text, path=f"x{text}")
    report = replace(
        BUGGY_SCRIPT,
        script=f"x{text}",
        reason=f"x{text}",
        notes=(text,),
        deviations=(deviation,),
        findings=(finding,),
    )
    return render_script(report, "html")


def html_of_submission(text: str) -> str:
    report = replace(SUBMISSION, row=make_row(folder=f"x{text}"), missing=(text,), notes=(text,), script=None)
    return render_submission(report, "html")


@pytest.mark.parametrize("render", [html_of_rows, html_of_script, html_of_submission])
def test_no_string_adds_an_element_an_attribute_or_a_comment(render: Callable[[str], str]) -> None:
    plain = Page(render("plain"))

    @settings(max_examples=40, deadline=None)
    @given(TEXTS)
    def holds(text: str) -> None:
        page = Page(render(text))
        assert page.tags == plain.tags
        assert page.comments == []
        assert [t for tag, t in page.texts if tag == "style"] == [
            t for tag, t in plain.texts if tag == "style"
        ]

    holds()


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_the_data_block_gives_back_every_string_as_it_was(text: str) -> None:
    data = Page(html_of_rows(text)).data
    assert isinstance(data, dict)
    assert data["rows"][0]["folder"] == text
    assert data["rows"][0]["reasons"][0]["message"] == text


@pytest.mark.parametrize(
    "html",
    [
        render_rows(ROWS, "html"),
        render_rows([], "html"),
        render_rows([HOSTILE_ROW], "html", title=HOSTILE),
        render_script(BUGGY_SCRIPT, "html"),
        render_script(UNKNOWN_SCRIPT, "html"),
        render_script(HOSTILE_SCRIPT, "html"),
        render_submission(SUBMISSION, "html"),
        render_submission(HOSTILE_SUBMISSION, "html"),
    ],
)
def test_the_policy_allows_exactly_the_inlined_code_and_the_page_asks_for_nothing(html: str) -> None:
    page = Page(html)
    policy = next(dict(attrs)["content"] for tag, attrs in page.tags if dict(attrs).get("http-equiv"))
    assert policy is not None
    directives = {part.split()[0]: part.split()[1:] for part in policy.split("; ")}

    def hashes(tag: str) -> list[str]:
        codes = [text for kind, text in page.texts if kind == tag and not text.startswith("{")]
        return [
            f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'" for code in codes
        ]

    assert directives == {
        "default-src": ["'none'"],
        "script-src": hashes("script"),
        "style-src": hashes("style"),
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    for tag, attributes in page.tags:
        names = dict(attributes)
        assert tag not in ("iframe", "object", "embed", "img", "video", "audio", "base", "form")
        assert "src" not in names
        assert "style" not in names
        assert not [name for name in names if name.startswith("on")]
        assert str(names.get("href", "#")).startswith(("#", "data:,"))
    styles = "".join(text for tag, text in page.texts if tag == "style")
    assert "url(" not in styles
    assert "@import" not in styles


def test_hostile_text_is_shown_with_its_hidden_characters_visible() -> None:
    page = Page(render_script(HOSTILE_SCRIPT, "html"))
    shown = [text for tag, text in page.texts if tag not in ("script", "style")]
    assert visible(HOSTILE) in shown
    assert not re.search("[\u202a-\u202e\u2028\u2029\x00-\x08\x1b]", "".join(shown))


def test_the_histogram_gets_the_constants_of_the_profile() -> None:
    data = Page(render_rows(ROWS, "html")).data
    assert isinstance(data, dict)
    known = load_profile().validation.tokenizers
    assert data["constants"] == [{"label": t.key, "bytes_per_token": t.bytes_per_token} for t in known]


def test_an_unknown_profile_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match="profile nothing"):
        render_rows(ROWS, "html", profile="nothing")


def test_a_script_page_says_what_the_terminal_says() -> None:
    shown = " ".join(" ".join(text for _, text in Page(render_script(BUGGY_SCRIPT, "html")).texts).split())
    for part in (
        "leading_space_plus_one",
        "4,991 tokens",
        "1.18976",
        "177,828,848 bytes by this script",
        "train_gpt.py::exec@3",
    ):
        assert part in shown


def test_a_submission_page_shows_logs_and_claims_and_what_is_missing() -> None:
    shown = " ".join(" ".join(text for _, text in Page(render_submission(SUBMISSION, "html")).texts).split())
    for part in (
        "train_seed42.log",
        "disagrees",
        "no evidence",
        "train_seed314.log has no score line",
        "Script: train_gpt.py",
    ):
        assert part in shown


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_colour_is_readable_on_every_background_it_has(scheme: int) -> None:
    style = files("pgolf.report.templates").joinpath("report.css").read_text("utf-8")
    pairs = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", style)
    colors = {name: (light, dark)[scheme] for name, light, dark in pairs}
    texts = ("ink", "muted", "accent", "verified", "flagged", "unverified", "warning")
    grounds = {text: ["paper", "card", "raised"] for text in texts}
    for verdict in ("verified", "flagged", "unverified"):
        grounds[verdict].append(f"{verdict}-soft")
    for text, behind in grounds.items():
        for ground in behind:
            low, high = sorted((luminance(colors[text]), luminance(colors[ground])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)
