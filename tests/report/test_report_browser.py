"""The page of 2,000 rows in headless Chromium, opened from disk: silent, sortable, filterable, linkable, inert."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgolf.core.profile import load_profile
from pgolf.report import render_rows, render_script, render_submission
from pgolf.report.visible import visible
from tests.report.contest import contest
from tests.report.samples import FLAGGED_ROW, HOSTILE, HOSTILE_ROW, HOSTILE_SCRIPT, SUBMISSION, make_row

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
         "--disable-component-update", "--disable-default-apps", "--disable-sync"]  # fmt: skip
FORMULA_ROW = make_row(pr=31337, folder="=HYPERLINK(1)", reasons=())
ROWS = [HOSTILE_ROW, *(row for row in contest(2000) if row.pr not in (666, 1734)), FLAGGED_ROW, FORMULA_ROW]


class Visit:
    """A page with everything it said, asked for, or tried to pop up."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.console: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))

    def assert_silent(self, url: str) -> None:
        assert self.console == []
        assert self.dialogs == []
        assert {request.split("#")[0] for request in self.requests} <= {url}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "audit.html"
    path.write_text(render_rows(ROWS, "html", title=f"All of it {HOSTILE}"), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    yield Visit(context.new_page())
    context.close()


def opened(visit: Visit, url: str, fragment: str = "") -> Any:
    visit.page.goto(url + fragment)
    visit.page.wait_for_selector("#time svg")
    return visit.page


def until(page: Any, expression: str) -> None:
    """Wait for a condition. Playwright's own wait evaluates a string inside the page, which the policy forbids."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def column(page: Any, number: int) -> list[str]:
    texts: list[str] = page.eval_on_selector_all(
        f"tr.row td:nth-child({number})", "cells => cells.map(c => c.textContent)"
    )
    return texts


def test_the_page_opens_silently_and_draws_only_what_is_near(visit: Visit, url: str, tmp_path: Path) -> None:
    page = opened(visit, url)
    assert page.inner_text("#shown") == f"{len(ROWS):,} submissions"
    assert 0 < page.locator("tr.row").count() < 700
    picture = page.screenshot(path=str(tmp_path / "audit.png"))
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    page.evaluate("document.getElementById('all').click()")
    assert page.locator("tr.row").count() == len(ROWS)
    visit.assert_silent(url)


def test_scrolling_to_the_end_draws_the_next_rows(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    before = page.locator("tr.row").count()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    until(page, f"document.querySelectorAll('tr.row').length > {before}")
    visit.assert_silent(url)


def test_sorting_orders_all_rows_by_value_and_puts_rows_without_one_last(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    values = sorted(row.corrected_bpb for row in ROWS if row.corrected_bpb is not None)
    page.click("th[data-key=corrected] button")
    assert page.get_attribute("th[data-key=corrected]", "aria-sort") == "ascending"
    assert column(page, 6)[:100] == [f"{value:.5f}" for value in values[:100]]
    page.click("th[data-key=corrected] button")
    assert page.get_attribute("th[data-key=corrected]", "aria-sort") == "descending"
    assert column(page, 6)[:100] == [f"{value:.5f}" for value in values[::-1][:100]]
    page.evaluate("document.getElementById('all').click()")
    empty = [row for row in ROWS if row.corrected_bpb is None]
    assert column(page, 6)[-len(empty) :] == ["–"] * len(empty)
    visit.assert_silent(url)


def test_filters_combine_and_can_be_cleared(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    page.click(".tile[data-verdict=FLAGGED]")
    page.select_option("#rule", "val-subset")
    page.fill("#search", "ema sp8192")
    page.keyboard.press("Enter")
    wanted = [r for r in ROWS if r.verdict.value == "FLAGGED" and any(x.rule == "val-subset" for x in r.reasons)
              and "ema" in r.folder.lower() and "sp8192" in r.folder.lower()]  # fmt: skip
    assert wanted
    until(page, f"document.getElementById('shown').textContent.startsWith('{len(wanted)} of ')")
    assert column(page, 1) == ["–" if row.pr is None else f"#{row.pr}" for row in wanted]
    page.click("#clear")
    assert page.inner_text("#shown") == f"{len(ROWS):,} submissions"
    page.fill("#search", "nothing has this name")
    page.wait_for_selector("#none-filtered", state="visible")
    page.click("#clear-too")
    assert page.locator("#none").is_hidden()
    visit.assert_silent(url)


def test_a_row_opens_its_evidence_and_escape_closes_it(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    page.fill("#search", "#1734")
    page.wait_for_selector("tr.row[data-index] >> text=#1734")
    page.click("tr.row .opener")
    section = page.locator("section#pr-1734")
    text = section.inner_text()
    for part in (
        "1.01080",
        "1.1770",
        "1.18976",
        "leading_space_plus_one",
        "bytes-space-twice",
        "train_gpt.py:213",
    ):
        assert part in text
    assert page.evaluate("location.hash") == "#pr-1734"
    assert page.get_attribute("tr.row .opener", "aria-expanded") == "true"
    page.focus("section#pr-1734")
    page.keyboard.press("Escape")
    assert section.count() == 0
    assert page.evaluate("document.activeElement.className") == "opener"
    visit.assert_silent(url)


def test_a_deep_link_opens_its_section_even_far_down_and_behind_a_filter(visit: Visit, url: str) -> None:
    page = opened(visit, url, "#pr-1734")
    assert page.locator("section#pr-1734").is_visible()
    # Only its neighbourhood is drawn; the rows above come on demand.
    assert page.locator("tr.row").count() < 700
    assert page.locator("tr.row.open").locator("xpath=preceding::tr[contains(@class, 'row')]").count() < 20
    page.evaluate("document.getElementById('earlier').click()")
    assert column(page, 1)[0] == "#666"
    assert page.locator("#above").is_hidden()
    page.click(".tile[data-verdict=VERIFIED]")
    assert page.locator("section#pr-1734").count() == 0
    page.evaluate("location.hash = ''")
    page.evaluate("location.hash = '#pr-1734'")
    page.wait_for_selector("section#pr-1734", state="visible")
    assert page.inner_text("#shown") == f"{len(ROWS):,} submissions"
    visit.assert_silent(url)


def test_marked_text_elsewhere_does_not_keep_a_row_shut(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    page.focus("tr.row:nth-of-type(2) .opener")
    page.keyboard.press("Enter")
    assert page.locator("tr.detail").count() == 1
    page.locator("tr.row:nth-of-type(1) .c-reasons").click()
    assert page.locator("tr.detail").count() == 2
    visit.assert_silent(url)


def test_a_deep_link_to_nothing_changes_nothing(visit: Visit, url: str) -> None:
    page = opened(visit, url, "#%E0%A4%A")
    assert page.locator("tr.detail").count() == 0
    visit.assert_silent(url)


def test_the_keyboard_reaches_search_sorting_and_evidence(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.focus("th[data-key=pr] button")
    page.keyboard.press("Enter")
    assert page.get_attribute("th[data-key=pr]", "aria-sort") == "ascending"
    page.focus("tr.row .opener")
    page.keyboard.press("Enter")
    assert page.locator("tr.detail").count() == 1
    visit.assert_silent(url)


def test_the_colour_scheme_follows_the_system_and_the_button(visit: Visit, url: str) -> None:
    page = opened(visit, url)

    def dark() -> bool:
        red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]")
        return int(red) < 100

    assert not dark()
    page.emulate_media(color_scheme="dark")
    assert dark()
    page.click(".scheme")
    assert page.inner_text(".scheme") == "Colours: light"
    assert not dark()
    page.emulate_media(color_scheme="light")
    page.click(".scheme")
    assert page.inner_text(".scheme") == "Colours: dark"
    assert dark()
    page.reload()
    assert dark()
    visit.assert_silent(url)


def test_hostile_strings_are_inert_and_their_hidden_characters_visible(visit: Visit, url: str) -> None:
    page = opened(visit, url, "#pr-666")
    assert page.locator("img, iframe, object").count() == 0
    assert page.locator("script").count() == 3
    assert page.title() == visible(f"All of it {HOSTILE}").strip()
    # The page's own script makes text visible by the same list as the package. JSON has said the lone surrogate already.
    shown = visible(HOSTILE.replace("\udc80", "\\udc80"))
    assert page.locator("section#pr-666 .message").text_content() == shown
    assert page.locator("section#pr-666 h2").text_content() == f"#666  {shown}"
    assert "– " not in page.locator("section#pr-666 .sum").inner_text()
    visit.assert_silent(url)


def test_injected_code_would_not_run(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    page.evaluate(
        """const code = document.createElement("script");
        code.textContent = "window.broken = 1";
        document.body.append(code);
        const box = document.createElement("div");
        box.innerHTML = "<b onclick='window.broken = 2'>";
        document.body.append(box);
        box.firstChild.click();"""
    )
    assert page.evaluate("window.broken === undefined")
    assert any("Content Security Policy" in line for line in visit.console)


def test_the_filtered_rows_download_as_csv_and_json(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    page.fill("#search", "HYPERLINK")
    until(page, "document.getElementById('shown').textContent.startsWith('1 of ')")
    with page.expect_download() as download:
        page.click("#csv")
    table = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert [(row["pr"], row["folder"], row["reported_bpb"]) for row in table] == [
        ("31337", "'=HYPERLINK(1)", "1.07217")
    ]
    page.fill("#search", "#1734")
    page.wait_for_selector("tr.row >> text=#1734")
    with page.expect_download() as download:
        page.click("#json")
    rows = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert rows == [json.loads(render_rows([FLAGGED_ROW], "jsonl"))]
    visit.assert_silent(url)


def test_the_plots_show_the_frontier_every_constant_and_open_a_submission(visit: Visit, url: str) -> None:
    page = opened(visit, url)
    assert page.locator("#time path.frontier").count() == 1
    assert page.locator("#time path.claimed").count() == 1
    labels = page.eval_on_selector_all("#bytes text.constant-label", "found => found.map(t => t.textContent)")
    known = sorted(load_profile().validation.tokenizers, key=lambda facts: facts.bytes_per_token)
    assert labels == [facts.key for facts in known]
    page.fill("#search", "#1734")
    until(page, "document.querySelectorAll('#time path.FLAGGED').length === 1")
    box = page.locator("#time path.FLAGGED").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "#1734" in page.inner_text("#time .tip")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("section#pr-1734", state="visible")
    visit.assert_silent(url)


@pytest.mark.parametrize("width", [360, 390, 768, 1024, 1440])
def test_nothing_overflows_sideways(visit: Visit, url: str, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 800})
    page = opened(visit, url, "#pr-666")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visit.assert_silent(url)


def test_printing_draws_every_row_and_hides_the_controls(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "small.html"
    path.write_text(render_rows(ROWS[:400], "html"), encoding="utf-8")
    page = opened(visit, path.as_uri())
    assert page.pdf()[:5] == b"%PDF-"
    assert page.locator("tr.row").count() == 400
    page.emulate_media(media="print")
    assert page.locator(".toolbar").is_hidden()
    visit.assert_silent(path.as_uri())


def test_an_empty_report_says_so(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "empty.html"
    path.write_text(render_rows([], "html"), encoding="utf-8")
    page = opened(visit, path.as_uri())
    assert page.locator("#none-at-all").is_visible()
    assert page.locator("#csv").is_disabled()
    visit.assert_silent(path.as_uri())


@pytest.mark.parametrize(
    "html", [render_script(HOSTILE_SCRIPT, "html"), render_submission(SUBMISSION, "html")]
)
def test_pages_of_one_script_or_submission_are_silent_and_fit(
    visit: Visit, tmp_path: Path, html: str
) -> None:
    path = tmp_path / "one.html"
    path.write_text(html, encoding="utf-8")
    visit.page.set_viewport_size({"width": 390, "height": 800})
    visit.page.goto(path.as_uri())
    visit.page.click(".scheme")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.assert_silent(path.as_uri())
