"""The documents of the validation show what their commands print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = ("audit/methodology.md", "audit/reviewer_readiness.md", "audit/changelog.md", "docs/validation.md")
BLOCK = re.compile(r"^```console\n\$ ([^\n]+)\n(.*?)^```$", re.M | re.S)
EXAMPLES = [
    pytest.param(command, shown.splitlines(), id=f"{Path(page).stem}-{number}")
    for page in PAGES
    for number, (command, shown) in enumerate(BLOCK.findall((ROOT / page).read_text("utf-8")), 1)
]


def run(command: str) -> str:
    """What a command of a page prints on both streams, run from the top of the checkout."""
    words = shlex.split(command)
    program = {"python": [sys.executable], "pgolf": [sys.executable, "-m", "pgolf"]}[words[0]]
    environment = {**os.environ, "PYTHONPATH": "src", "COLUMNS": "200", "NO_COLOR": "1"}
    environment.pop("PGOLF_DATA_URL", None)
    done = subprocess.run(
        [*program, *words[1:]],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


def missing(shown: list[str], printed: list[str]) -> str:
    """The first line shown that was not printed in that order, or ""; `…` stands for any lines, also none."""
    at, gap = 0, False
    for line in [*shown, None]:
        if line == "…":
            gap = True
            continue
        if line is None:
            return "" if gap or at == len(printed) else f"{printed[at]} (printed, not shown)"
        while gap and at < len(printed) and printed[at].rstrip() != line.rstrip():
            at += 1
        if at == len(printed) or printed[at].rstrip() != line.rstrip():
            return line
        at, gap = at + 1, False
    return ""


def test_a_shown_line_that_is_not_printed_is_found() -> None:
    printed = ["a", "b", "c"]
    assert missing(["a", "b", "c"], printed) == ""
    assert missing(["…", "c"], printed) == ""
    assert missing(["a", "…"], printed) == ""
    assert missing(["a", "c"], printed) == "c"
    assert missing(["…", "d", "…"], printed) == "d"
    assert missing(["a", "b"], printed) == "c (printed, not shown)"
    assert missing(["…", "c", "b"], printed) == "b"


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_a_page_shows_what_its_command_prints(command: str, shown: list[str]) -> None:
    printed = run(command).splitlines()
    assert missing(shown, printed) == "", "\n".join(printed)


def test_every_run_is_shown_and_every_command_in_a_table_exists() -> None:
    shown = " ".join(str(example.values[0]) for example in EXAMPLES)
    for script in sorted((ROOT / "audit" / "empirical_validation").glob("run*.py")):
        assert script.name in shown
    for page in PAGES:
        for path in re.findall(r"`python (\S+?)[` ]", (ROOT / page).read_text("utf-8")):
            assert (ROOT / path).exists(), (page, path)


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text("utf-8")):
            assert ((ROOT / page).parent / target).is_file(), (page, target)


def test_numbers_in_the_prose_are_printed_by_a_command_or_stated_in_the_profile() -> None:
    """Every number of four digits or more in the prose of the methodology also stands in one of its outputs."""
    text = (ROOT / "audit" / "methodology.md").read_text("utf-8")
    outputs = " ".join(shown for _, shown in BLOCK.findall(text))
    prose = BLOCK.sub("", text)
    for number in re.findall(r"(?<![\w#.])\d{1,3}(?:,\d{3})+|\d\.\d{3,}", prose):
        assert number in outputs, number
