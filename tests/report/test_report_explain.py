"""`pgolf explain`: a page for each deviation and each check, found by the names people type."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import pgolf
from pgolf.cli.main import main
from pgolf.core.deviation import DeviationName
from pgolf.errors import UsageError
from pgolf.report.explanations import all_slugs, explain, find_explanation
from pgolf.report.terminal import Page, explanation_text

FAMILIES = {
    "bytes-space-twice", "bytes-space-marker", "bytes-space-shattered", "bytes-fallback-size", "bytes-transformed-text",
    "bytes-hard-coded", "bytes-wrong-tokenizer", "val-subset", "val-other-set", "log-stages-disagree", "log-code-mismatch",
    "log-report-mismatch", "log-arithmetic", "unit-mismatch", "train-on-val", "two-pass", "target-in-key", "target-gate",
    "slot", "paid-prefix", "size-cap", "time-cap", "timer-exclusion", "missing-evidence", "mixed-config", "significance",
}  # fmt: skip


def test_every_deviation_and_every_family_has_a_page() -> None:
    assert set(all_slugs()) >= set(DeviationName) | FAMILIES


def test_every_check_has_a_page_and_every_page_a_deviation_a_family_or_a_check() -> None:
    registry = pytest.importorskip(
        "pgolf.audit.checks.registry", reason="the registry of checks is not here yet"
    )
    slugs = {check.slug for check in registry.CHECKS}
    assert slugs <= set(all_slugs())
    assert set(all_slugs()) <= set(DeviationName) | FAMILIES | slugs | rules_in_source()


def rules_in_source() -> set[str]:
    """The rules that any command can print: slugs that stand where a finding is made, in the source itself."""
    rules: set[str] = set()
    for path in sorted(Path(pgolf.__file__).parent.rglob("*.py")):
        if "untrusted" in path.relative_to(Path(pgolf.__file__).parent).parts:
            continue  # its obstacles have a `rule` of their own kind; no finding is made there
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                made = [*node.args, *(k.value for k in node.keywords if k.arg in ("rule", "slug"))]
                if name not in ("Finding", "_finding", "warn", "Check", "empty_row"):
                    continue
            elif isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == "rule" for target in node.targets
            ):
                made = [node.value]
            else:
                continue
            constants = [c for part in made for c in ast.walk(part) if isinstance(c, ast.Constant)]
            rules |= {c.value for c in constants if isinstance(c.value, str) and _RULE.fullmatch(c.value)}
    return rules


_RULE = re.compile(r"[a-z]+(?:-[a-z]+)+")


def test_every_rule_that_a_command_can_print_has_a_page() -> None:
    rules = rules_in_source()
    assert {"tokenizer-lossy-decode", "log-arithmetic", "analysis-aborted", "train-on-val"} <= rules
    assert rules <= set(all_slugs())


@pytest.mark.parametrize("slug", all_slugs())
def test_a_page_begins_with_its_name_and_one_sentence_and_says_how_to_mend(slug: str) -> None:
    page = find_explanation(slug)
    assert page is not None
    assert page.markdown.startswith(f"# {slug}\n\n{page.summary.split()[0]}")
    assert page.summary.endswith(".")
    assert "## How to mend it" in page.markdown
    assert "## Known cases" in page.markdown or slug.startswith(("fingerprint", "tokenizer-", "analysis-"))
    if page.is_deviation:
        assert "## What it costs" in page.markdown
        assert "```python" in page.markdown


@pytest.mark.parametrize("name", ["val-subset", "VAL_SUBSET", " Val Subset ", "val subset"])
def test_names_are_found_as_people_type_them(name: str) -> None:
    assert explain(name).slug == "val-subset"


@pytest.mark.parametrize("name", ["val-subsets", "../row", "", "x" * 100_000, "\x1b[31m"])
def test_an_unknown_name_is_one_clear_sentence(name: str) -> None:
    with pytest.raises(UsageError, match="no page about") as caught:
        explain(name)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_nearest_pages_are_offered() -> None:
    with pytest.raises(UsageError, match="did you mean val-subset"):
        explain("val-subsets")


@pytest.mark.parametrize("slug", ["../schemas/row.schema", "Slot", "a" * 500, "nothing-by-this-name"])
def test_a_rule_of_hostile_name_has_no_page(slug: str) -> None:
    assert find_explanation(slug) is None


def test_a_page_on_a_terminal_keeps_its_code_and_wraps_its_prose() -> None:
    text = explanation_text(explain("leading_space_plus_one"), Page(80))
    assert '        base_bytes[i] = len(piece[1:].encode("utf-8")) + 1' in text
    assert "\n#1545" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_list_names_every_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    printed = capsys.readouterr().out
    assert [slug for slug in all_slugs() if f"\n  {slug}\n" not in printed] == []


@pytest.mark.parametrize("arguments", [["--json"], ["--format", "json"]])
def test_the_list_as_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *arguments]) == 0
    listed: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [page["name"] for page in listed] == list(all_slugs())


def test_a_page_in_each_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "slot", "--format", "markdown"]) == 0
    assert capsys.readouterr().out == explain("slot").markdown
    assert main(["explain", "slot", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["markdown"] == explain("slot").markdown
    assert main(["explain", "slot"]) == 0
    assert capsys.readouterr().out.startswith("slot\n")
    assert main(["explain", "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("- `leading_space_plus_one`: ")


def test_an_unknown_page_ends_with_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nothing"]) == 2
    assert "`pgolf explain` lists all pages" in capsys.readouterr().err
