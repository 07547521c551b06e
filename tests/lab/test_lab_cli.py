"""The lab's commands as a user meets them: exit codes, one-sentence errors, JSON that fits its schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pgolf.cli.main import main
from pgolf.lab.settings import Workspace
from pgolf.report.schemas import SCHEMAS, load_schema

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    def document(self) -> dict[str, Any]:
        """The JSON on stdout, checked against the schema of its kind."""
        loaded: dict[str, Any] = json.loads(self.out, parse_constant=lambda name: pytest.fail(name))
        Draft202012Validator(load_schema(loaded["kind"])).validate(loaded)
        return loaded


# Kinds that other parts of the lab print; their own tests check them.
OF_OTHER_PARTS = {
    "lab_hold",
    "lab_leaderboard",
    "lab_run",
    "lab_spend",
    "lab_spend_total",
    "lab_submit_check",
}
Run = Callable[..., Answer]


@pytest.fixture
def pgolf(
    any_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command in a fresh workspace (once per contest profile) from a folder below its root."""
    below = any_workspace.root / "notes" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    for name in [name for name in os.environ if name.startswith("PGOLF_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> Answer:
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


def create(pgolf: Run, *more: str) -> Answer:
    return pgolf("track", "create", "--hypothesis", "wider MLP", "--techniques", "muon,mlp 3x", *more)


def register(pgolf: Run, *more: str) -> Answer:
    reference = ("--reference-seeds", "1.0810,1.0812,1.0809", "--bytes-per-token", "3.7266")
    margins = ("--publish", "0.005", "--internal", "0.003", "--seeds", "3", "--alpha", "0.01")
    return pgolf("register-thresholds", "exp_001", "--seed1-continue", "1.085", *margins, *reference, *more)


def test_a_story_by_hand_ends_in_a_verdict(pgolf: Run, any_workspace: Workspace) -> None:
    assert pgolf("spend", "create").code == 0
    assert create(pgolf).code == 0
    assert "rule version 1 frozen" in register(pgolf).out
    for seed, bpb in ((1, "1.071"), (2, "1.072"), (3, "1.073")):
        answer = pgolf("track", "result", "exp_001", "--seed", str(seed), "--bpb", bpb, "--loss", "2.77")
        assert (answer.code, answer.err) == (0, "")
    decided = pgolf("decide", "exp_001")
    assert decided.code == 0
    assert decided.out.startswith("GREEN  exp_001: the mean 1.072000 of 3 seeds")
    assert "0.001936 bpb" in decided.out
    listed = pgolf("track", "list").out.splitlines()
    assert listed[1].split()[:4] == ["exp_001", "completed", "GREEN", "3"]
    assert "exp_001 is GREEN" in pgolf("status").out
    assert pgolf("report").code == 0
    assert (any_workspace.root / "REPORT.md").read_text().count("GREEN") >= 2
    assert pgolf("blog", "1").code == 0
    assert pgolf("checkpoint", "-m", "day one").code == 0


def test_every_json_answer_fits_its_shipped_schema(pgolf: Run) -> None:
    seen = set()

    def check(*arguments: str) -> dict[str, Any]:
        answer = pgolf(*arguments, "--json")
        document = answer.document()
        assert answer.err == "" or "warning" in answer.err
        seen.add(document["kind"])
        return document

    check("track", "list")
    check("status")
    check("track", "create", "--hypothesis", "h", "--techniques", "a")
    check("track", "create", "--hypothesis", "child", "--techniques", "b", "--parent", "1")
    check(
        "register-thresholds",
        "1",
        "--seed1-continue",
        "--publish",
        "0.005",
        "--internal",
        "0.003",
        "--seeds",
        "2",
    )
    check("track", "result", "1", "--seed", "1", "--bpb", "1.01")
    assert check("decide", "1")["decision"]["verdict"] == "PENDING"
    check("track", "result", "1", "--seed", "2", "--bpb", "1.02", "--loss", "2.6")
    assert check("decide", "1")["decision"]["verdict"] == "UNDECIDED"
    check("track", "result", "1", "--seed", "1", "--bpb", "1.01", "--loss", "2.6", "--replace")
    assert check("decide", "1")["decision"]["publish_test"]["method"] == "one_sample"
    check("track", "show", "1")
    check("track", "list")
    assert [event["what"] for event in check("track", "events", "2")["events"]] == ["experiment created"]
    check("status")
    check("report")
    check("doctor", "--no-hooks")
    check("checkpoint")
    check("init", "fresh")
    assert seen >= {name for name in SCHEMAS if name.startswith("lab_")} - OF_OTHER_PARTS


def test_the_event_log_shows_both_records_of_a_replaced_seed(pgolf: Run) -> None:
    create(pgolf)
    for bpb in ("1.08", "1.07"):
        pgolf("track", "result", "1", "--seed", "7", "--bpb", bpb, "--replace")
    lines = pgolf("track", "events", "1").out.splitlines()
    assert "seed recorded" in lines[2]
    assert '"bpb":1.08' in lines[2]
    assert '"bpb":1.07' in lines[-1]
    assert "seed replaced" in lines[-1]
    assert pgolf("track", "events", "9").code == 2


def test_schemas_demand_their_fields(pgolf: Run) -> None:
    create(pgolf)
    document = pgolf("track", "list", "--json").document()
    validator = Draft202012Validator(load_schema("lab_experiments"))
    for change in ({"status": "done"}, {"id": "7"}, {"mean_bpb": "1.07"}):
        assert not validator.is_valid({**document, "experiments": [{**document["experiments"][0], **change}]})
    assert not validator.is_valid({**document, "kind": "rows"})


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("decide", "exp_001"), 1, "no registered rule"),
        (("decide", "exp_042"), 2, "no experiment exp_042"),
        (("decide", "../../x"), 2, "no experiment id"),
        (("track", "result", "1", "--seed", "1", "--bpb", "nan"), 2, "finite number"),
        (("track", "result", "1", "--seed", "1", "--bpb", "-1"), 2, "not plausible"),
        (("track", "result", "1", "--seed", "1", "--bpb", "much"), 2, "not a valid float"),
        (("track", "fail", "1", "--reason", " "), 2, "--reason is empty"),
        (("track", "create", "--hypothesis", "", "--techniques", "a"), 2, "--hypothesis is empty"),
        (("track", "list", "--status", "done"), 2, "no status"),
        (("register-thresholds", "1", "--publish", "1", "--internal", "0"), 2, "--seed1-continue is missing"),
        (("register-thresholds", "1", "--seed1-continue", "x"), 2, "no number"),
        (
            ("register-thresholds", "1", "--seed1-continue", "--reference-seeds", "1,b"),
            2,
            "separated by commas",
        ),
        (("register-thresholds", "1", "--seed1-continue", "--script", "none.py"), 2, "--publish is missing"),
        (("register-thresholds", "1", "--amend", "why", "--seeds", "4"), 1, "no registration to amend"),
    ],
)
def test_mistakes_are_one_sentence_with_their_exit_code(
    pgolf: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    create(pgolf)
    answer = pgolf(*arguments)
    assert answer.code == code
    assert words in answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err


def test_a_known_bad_pair_exits_1_and_force_goes_on(pgolf: Run, any_workspace: Workspace) -> None:
    any_workspace.knowledge_dir.mkdir()
    lessons = any_workspace.knowledge_dir / "lessons_learned.md"
    lessons.write_text("### Muon + MLP_3x = BAD\n", encoding="utf-8")
    refused = create(pgolf)
    assert (refused.code, refused.out) == (1, "")
    assert "Muon + MLP_3x = BAD" in refused.err
    assert "forced despite" in create(pgolf, "--force").out


def test_the_same_seed_twice_exits_1_unless_replaced(pgolf: Run) -> None:
    create(pgolf)
    result = ("track", "result", "1", "--seed", "7", "--bpb")
    first = pgolf(*result, "1.08")
    assert first.code == 0
    assert "no registered rule" in first.err
    again = pgolf(*result, "1.07")
    assert (again.code, "--replace" in again.err) == (1, True)
    assert pgolf(*result, "1.07", "--replace").code == 0
    shown = pgolf("track", "show", "1").out
    assert "1.07000" in shown
    assert "manual (replaced)" in shown


def test_outside_a_workspace_every_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["status"], ["track", "list"], ["doctor"], ["report"], ["decide", "1"], ["checkpoint"]):
        assert main(arguments) == 2
        assert "pgolf init DIR" in capsys.readouterr().err


def test_an_empty_list_and_a_failed_experiment_are_shown(pgolf: Run) -> None:
    assert "no experiments" in pgolf("track", "list").out
    create(pgolf)
    assert pgolf("track", "fail", "1", "--reason", "loss diverged").code == 0
    assert "failed: loss diverged" in pgolf("track", "list").out
    assert "loss diverged" in pgolf("track", "show", "1").out
    assert "no experiments with status running" in pgolf("track", "list", "--status", "running").out


def run_script(cwd: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "pgolf.py"), *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_script_in_a_checkout_runs_the_same_commands_from_any_folder(empty_workspace: Workspace) -> None:
    workspace = empty_workspace
    below = workspace.root / "a" / "b"
    below.mkdir(parents=True)
    made = run_script(below, "track", "create", "--hypothesis", "h", "--techniques", "a")
    assert made.returncode == 0, made.stderr
    assert (workspace.root / "experiments" / "exp_001" / "config.json").is_file()
    assert run_script(below, "track", "show", "9").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_standard_output_is_one_sentence(empty_workspace: Workspace) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "pgolf.py"), "status"],
            cwd=empty_workspace.root,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_repository_itself_is_a_workspace() -> None:
    done = run_script(ROOT / "docs" if (ROOT / "docs").is_dir() else ROOT, "status", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"]["root"] == str(ROOT)


@pytest.mark.parametrize(
    ("shell", "words"), [("bash", "complete "), ("zsh", "compdef"), ("fish", "complete ")]
)
def test_shell_completion_is_printed(tmp_path: Path, shell: str, words: str) -> None:
    done = run_script(tmp_path, _PGOLF_COMPLETE=f"{shell}_source")
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


def test_shell_completion_knows_commands_and_options(tmp_path: Path) -> None:
    def complete(words: str, word: int) -> str:
        return run_script(
            tmp_path, _PGOLF_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(word)
        ).stdout

    assert "plain,track" in complete("pgolf tr", 1)
    assert "plain,create" in complete("pgolf track cr", 2)
    assert "plain,--hypothesis" in complete("pgolf track create --hy", 3)
