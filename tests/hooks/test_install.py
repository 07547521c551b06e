"""Installing the hooks, proving that they block, and explaining a command."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from pgolf.cli.main import main
from pgolf.errors import UsageError
from pgolf.hooks import selftest as trials
from pgolf.hooks.install import install, script_text

from .conftest import LAUNCH, payload_of

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_installed_hook_blocks_launches_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path)
    assert main(["hook", "selftest", str(tmp_path)]) == 0
    assert "FAIL" not in capsys.readouterr().out


def test_selftest_notices_a_hook_that_lets_launches_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path)
    hook = tmp_path / ".claude" / "hooks" / "pre-bash.sh"
    hook.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    assert main(["hook", "selftest", str(tmp_path), "--json"]) == 1
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(not result["passed"] for result in results) >= 5


def test_selftest_without_a_hook_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pgolf hook install"):
        trials.selftest(tmp_path)


def test_this_repository_ships_the_hooks_that_install_would_write() -> None:
    for name in ("pre-bash.sh", "post-bash.sh"):
        path = REPOSITORY / ".claude" / "hooks" / name
        assert path.read_text(encoding="utf-8") == script_text(name, "claude", "", "")
        assert os.access(path, os.X_OK)


def test_settings_block_on_failure_and_open_no_way_around_the_gate() -> None:
    settings = json.loads((REPOSITORY / ".claude" / "settings.json").read_text(encoding="utf-8"))
    (pre,) = settings["hooks"]["PreToolUse"][0]["hooks"]
    assert pre["onFailure"] == "block"
    assert pre["timeout"] > 0
    allowed = settings["permissions"]["allow"]
    opened = (
        "python",
        "bash",
        "sh",
        "torchrun",
        "env",
        "uv",
        "make",
        "ssh",
        "xargs",
        "find",
        "git",
        "pgolf",
        "*",
    )
    assert not [rule for rule in allowed if rule in ("Bash", "Bash(*)")]
    assert not [rule for rule in allowed for name in opened if rule.startswith(f"Bash({name}:")]
    # `git diff --output=…` and the like write files: only whole commands are allowed.
    assert [rule for rule in allowed if "*" in rule] == ["Bash(pgolf hook explain:*)"]
    assert "Edit(.claude/hooks/**)" in settings["permissions"]["deny"]


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "cursor"])
def test_installing_twice_changes_nothing_and_keeps_what_was_there(agent: str, tmp_path: Path) -> None:
    name = "settings.json" if agent in ("claude", "gemini") else "hooks.json"
    path = tmp_path / f".{agent}" / name
    path.parent.mkdir()
    path.write_text('{"model": "x", "hooks": {"Stop": []}}', encoding="utf-8")
    install(tmp_path, agent)
    once = path.read_text(encoding="utf-8")
    install(tmp_path, agent)
    assert path.read_text(encoding="utf-8") == once
    assert json.loads(once)["model"] == "x"
    assert "pre-bash.sh" in once


def test_settings_that_are_not_json_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match="not valid JSON"):
        install(tmp_path)
    assert path.read_text(encoding="utf-8") == "{"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (LAUNCH, 2),
        ("echo dG9y | base64 -d | sh", 2),
        ("t''orchrun x.py", 2),
        ("./run.sh", 2),
        ("ls -la", 0),
        ("cat notes.md", 0),
    ],
)
def test_without_an_interpreter_the_words_decide(command: str, code: int, tmp_path: Path) -> None:
    hook = tmp_path / ".claude" / "hooks" / "pre-bash.sh"
    install(tmp_path, python="/nonexistent", package="/nonexistent")
    stubs = tmp_path / "bin"
    stubs.mkdir()
    for name in ("tr", "sh"):
        (stubs / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        [hook],
        input=payload_of(command, Path("/work")),
        env={"PATH": str(stubs)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == code, done.stderr


def test_explain_shows_price_and_gates(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hook", "explain", LAUNCH, "--cwd", str(workspace)]) == 0
    shown = capsys.readouterr().out
    assert "= 0.55 USD" in shown
    assert (
        main(["hook", "explain", "torchrun --nproc_per_node=8 t.py", "--cwd", str(workspace), "--json"]) == 1
    )
    document = json.loads(capsys.readouterr().out)
    verdicts = {answer["gate"]: answer["verdict"] for answer in document["gates"]}
    assert verdicts["confirmation"] == verdicts["wall_clock"] == "refused"
    assert document["usd"] == 4.12
    assert main(["hook", "explain", "ls", "--cwd", str(workspace)]) == 0


def test_every_gate_has_one_file_and_one_page() -> None:
    files = {p.stem for p in (REPOSITORY / "src/pgolf/lab/gates").glob("*.py")} - {"__init__"}
    pages = {p.stem for p in (REPOSITORY / "docs/gates").glob("*.md")} - {"README"}
    assert files == pages


def test_a_folder_where_the_interpreter_should_be_is_no_interpreter(tmp_path: Path) -> None:
    install(tmp_path)
    script = tmp_path / ".claude" / "hooks" / "pre-bash.sh"
    folder = tmp_path / "a folder"
    folder.mkdir()
    lines = script.read_text(encoding="utf-8").splitlines()
    script.write_text("\n".join(f"python='{folder}'" if "python=" in line else line for line in lines) + "\n")

    def answer(command: str) -> int:
        call = json.dumps({"tool_name": "Bash", "tool_input": {"command": command}})
        return subprocess.run(
            ["sh", str(script)], input=call, text=True, capture_output=True, check=False
        ).returncode

    assert answer("ls") == 0
    assert answer("torchrun --nproc_per_node=8 train_gpt.py") == 2
