"""What the documents show exists and does what it says: commands run, outputs match, links and paths are real."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pgolf.cli.main import cli, main
from pgolf.workspace.creation import DOCUMENTS
from tests.docs.shown import Shown, commands, matches, pgolf_calls

ROOT = Path(__file__).resolve().parents[2]
RUN = ["README.md", "WORKFLOW.md", "AGENTS.md", "CLAUDE.md", *(f".claude/commands/{name}.md" for name in (
    "morning", "plan-experiment", "run-experiment", "analyze-results", "synthesize", "blog", "checkpoint", "submit-check"
))]  # fmt: skip
WORKSPACE = [*RUN[1:], "MILESTONE_MAP.md", "VALIDATION.md", "TEMPLATE.md"]
PARSED = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
LINKED = sorted(
    {
        *RUN,
        *WORKSPACE,
        *PARSED,
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "examples/README.md",
        "scripts/README_canonical_rescore.md",
    }
    | {path.relative_to(ROOT).as_posix() for path in (ROOT / "knowledge").rglob("*.md")}
    | {path.relative_to(ROOT).as_posix() for path in (ROOT / ".agents").rglob("*.md")}
)
END = "@@end-of-command"
_CODE = re.compile(r"`[^`]*`(?!\]\()")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_PATH = re.compile(
    r"`((?:src|docs|tests|examples|knowledge|practice|scripts|benchmarks|\.claude|\.agents)/[\w./-]+)`"
)


def play(shown: list[Shown], folder: Path, bin_folder: Path) -> list[tuple[Shown, int, str]]:
    """Run the commands one after the other in one shell; each with its exit code and what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PGOLF_", "MAX_WALLCLOCK"))}
    environment |= {
        "PATH": f"{bin_folder}:{environment['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "COLUMNS": "200",
    }
    script = "".join(f"{{ {each.command}\n}} 2>&1\ncode=$?; echo; echo {END} $code\n" for each in shown)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )
    parts = re.split(rf"\n{END} (\d+)\n", done.stdout)
    assert len(parts) == 2 * len(shown) + 1, done.stderr
    return [(each, int(parts[2 * i + 1]), parts[2 * i]) for i, each in enumerate(shown)]


def complaints(played: list[tuple[Shown, int, str]]) -> list[str]:
    wrong = []
    for each, code, printed in played:
        if code != each.code:
            wrong.append(
                f"{each.place}: `{each.command}` exits {code}, the page says {each.code}: {printed.strip()[-400:]}"
            )
        elif each.output and (missing := matches(each.output, printed)):
            wrong.append(f"{each.place}: `{each.command}`: {missing}")
    return wrong


@pytest.fixture(scope="session")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pgolf` and `python3` of this interpreter."""
    folder = tmp_path_factory.mktemp("bin")
    for name, arguments in (("pgolf", "-m pgolf "), ("python3", ""), ("python", "")):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def day_one(
    tmp_path_factory: pytest.TempPathFactory, bin_folder: Path
) -> tuple[Path, list[tuple[Shown, int, str]]]:
    """WORKFLOW.md followed literally in an empty folder; the practice workspace that it leaves behind."""
    folder = tmp_path_factory.mktemp("sprint")
    played = play([each for each in commands(ROOT / "WORKFLOW.md", ROOT) if each.run], folder, bin_folder)
    return folder / "sprint-practice", played


def test_the_workflow_followed_literally_prints_what_it_shows(
    day_one: tuple[Path, list[tuple[Shown, int, str]]],
) -> None:
    assert not complaints(day_one[1])
    assert len(day_one[1]) >= 20


def test_the_readme_s_commands_print_what_it_shows(tmp_path: Path, bin_folder: Path) -> None:
    shown = []
    for each in commands(ROOT / "README.md", ROOT):
        command = re.sub("^(pgolf init|cd) sprint$", rf"\1 {tmp_path}/sprint", each.command)
        shown.append(Shown(each.place, command, each.output, each.code, each.run, each.console))
    assert not complaints(play([each for each in shown if each.run], ROOT, bin_folder))


def test_commands_of_the_agent_s_documents_run(
    day_one: tuple[Path, list[tuple[Shown, int, str]]], bin_folder: Path
) -> None:
    workspace = day_one[0]
    pages = [page for page in RUN if page not in ("README.md", "WORKFLOW.md")]
    shown = [Shown("prepare", "export PGOLF_CONFIRM_8XH100=1 MAX_WALLCLOCK_SECONDS=600", (), 0, True)]
    shown += [each for page in pages for each in commands(workspace / page, workspace) if each.run]
    assert len(shown) > 25
    assert not complaints(play(shown, workspace, bin_folder))


# What a page's example is about, where we have something like it.
STAND_INS = {
    "train_gpt.py": "practice/train_gpt.py",
    "replay.py": "practice/train_gpt.py",
    "my_submission": "tests/checks/fingerprint/clean_canonical",
    "gravity1024_no_marker_piece.model": "examples/tokenizer.model",
    "fineweb_docs.jsonl": "examples/documents.jsonl",
    **{name: name for name in ("examples", "tests", "scripts", "src", "benchmarks")},
}


@pytest.mark.parametrize("page", [page for page in PARSED if commands(ROOT / page, ROOT)])
def test_commands_of_the_pages_run(
    page: str, day_one: tuple[Path, list[tuple[Shown, int, str]]], bin_folder: Path, tmp_path: Path
) -> None:
    """Their output is of other data than ours, so only that they run is held: no usage error, no traceback."""
    workspace = tmp_path / "workspace"
    shutil.copytree(day_one[0], workspace)
    for name, target in STAND_INS.items():
        (workspace / name).symlink_to(ROOT / target)
    shown = [Shown("prepare", "export PGOLF_CONFIRM_8XH100=1 MAX_WALLCLOCK_SECONDS=600", (), 0, True)]
    for each in commands(ROOT / page, ROOT):
        if each.run and pgolf_calls(each.command):
            command = each.command.replace("&& cd sprint", "&& cd sprint && cp practice/train_gpt.py .")
            shown.append(Shown(each.place, command, (), each.code, True))
    wrong = [
        f"{each.place}: `{each.command}` exits {code}: {printed.strip()[-300:]}"
        for each, code, printed in play(shown, workspace, bin_folder)
        if (code != each.code if each.code else code not in (0, 1, 3)) or "Traceback (most recent" in printed
    ]
    assert not wrong


def parse_error(arguments: list[str]) -> str | None:
    """Why click refuses the arguments (a path that is not here is no reason), without running anything."""
    command: click.Command = cli
    context = click.Context(cli, info_name="pgolf")
    rest = arguments
    while isinstance(command, click.Group):
        if not rest or rest[0] in ("--help", "-h", "--version"):
            return None
        found = command.get_command(context, rest[0])
        if found is None:
            return f"no command {rest[0]!r}"
        context = click.Context(found, info_name=rest[0], parent=context)
        command, rest = found, rest[1:]
    try:
        command.make_context(command.name or "", list(rest))
    except click.exceptions.Exit:
        return None
    except click.BadParameter as error:
        return None if "does not exist" in error.message else error.format_message()
    except click.ClickException as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("page", sorted({*RUN, *PARSED}))
def test_every_command_shown_is_one_that_exists_with_those_options(page: str) -> None:
    calls = [(each.place, call) for each in commands(ROOT / page, ROOT) for call in pgolf_calls(each.command)]
    assert [f"{place}: {call}: {error}" for place, call in calls if (error := parse_error(call))] == []


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    assert parse_error(["nonsense"])
    assert parse_error(["decide", "exp_001", "--colour"])
    assert parse_error(["track", "result", "exp_001"])
    assert parse_error(["decide", "exp_001", "--json"]) is None
    assert matches(("a", "…", "b 1.…"), "a\nx\ny\nb 1.5\n") is None
    assert matches(("a", "b"), "a\nx\nb\n")
    assert matches(("a",), "a\nb\n")


def links(page: Path) -> Iterator[tuple[str, Path]]:
    fenced = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        if line.strip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for target in _LINK.findall(_CODE.sub("", line)):
            if not target.startswith(("http:", "https:", "#", "mailto:")):
                yield f"{page.name}:{number}: {target}", page.parent / target.split("#")[0]


@pytest.mark.parametrize("page", LINKED)
def test_every_internal_link_and_path_exists(page: str) -> None:
    path = ROOT / page
    assert [where for where, target in links(path) if not target.exists()] == []
    named = [name for name in _PATH.findall(path.read_text("utf-8")) if "NNN" not in name]
    places = (ROOT, ROOT / "src" / "pgolf", path.parent)
    missing = [name for name in named if not any((place / name).exists() for place in places)]
    assert missing == []


def test_a_new_workspace_has_every_document_and_all_their_links(
    day_one: tuple[Path, list[tuple[Shown, int, str]]],
) -> None:
    workspace = day_one[0]
    for name in DOCUMENTS:
        assert (workspace / name).exists(), name
    pages = [workspace / page for page in WORKSPACE] + sorted((workspace / "knowledge").rglob("*.md"))
    assert [where for page in pages for where, target in links(page) if not target.exists()] == []


def test_each_skill_says_what_its_command_says() -> None:
    folder = ROOT / ".claude" / "commands"
    names = sorted(path.stem for path in folder.glob("*.md"))
    assert names == sorted(path.name for path in (ROOT / ".agents" / "skills").iterdir())
    for name in names:
        bodies = [
            page.read_text("utf-8").split("---\n", 2)[2]
            for page in (folder / f"{name}.md", ROOT / ".agents" / "skills" / name / "SKILL.md")
        ]
        assert bodies[0] == bodies[1], name


def test_every_gate_is_named_where_enforcement_is_listed() -> None:
    gates = {path.stem for path in (ROOT / "src/pgolf/lab/gates").glob("*.py")} - {"__init__"}
    for page in ("README.md", "AGENTS.md"):
        text = (ROOT / page).read_text("utf-8")
        assert [gate for gate in sorted(gates) if f"`{gate}`" not in text] == [], page


def test_every_dependency_is_argued_for() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = list(project["dependencies"]) + [
        item for extra in project["optional-dependencies"].values() for item in extra
    ]
    table = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    names = [re.split(r"[\[<>=!~ ]", item)[0] for item in required]
    assert [name for name in names if not re.search(rf"\| [^|\n]*\b{re.escape(name)}\b", table)] == []


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    pages = [path for path in PARSED if path.count("/") == 1 or path.startswith("docs/gates/")]
    assert [page for page in pages if f"({page})" not in readme] == []


def test_the_knowledge_base_is_enforced(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pgolf.lab.knowledge import parse_conflicts

    conflicts = list(parse_conflicts((ROOT / "knowledge" / "lessons_learned.md").read_text("utf-8")))
    assert len(conflicts) >= 5
    monkeypatch.chdir(tmp_path)
    assert main(["init", "w"]) == 0
    monkeypatch.chdir(tmp_path / "w")
    for conflict in conflicts:
        assert (
            main(["track", "create", "--hypothesis", "again", "--techniques", ",".join(conflict.techniques)])
            == 1
        )
    assert capsys.readouterr().err.count("= BAD") == len(conflicts)


def test_technique_pages_have_papers_values_and_conflicts() -> None:
    pages = sorted((ROOT / "knowledge" / "techniques").glob("*.md"))
    assert len(pages) >= 8
    for page in pages:
        text = page.read_text("utf-8")
        papers, showed, conflicts = (
            text.index(f"**{t}**") for t in ("Papers", "What the contest showed", "Known conflicts and traps")
        )
        assert re.search(r"arXiv:\d{4}\.\d{5}", text[papers:showed]), page.name
        assert re.search(r"#\d+", text[showed:conflicts]), page.name
        assert re.search(r"\b1\.\d{2,4}", text[showed:conflicts]), page.name
        assert text[conflicts:].count("\n- ") >= 1, page.name
