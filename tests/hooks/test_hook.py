"""The hook as an agent calls it: answers, agents, failure of everything around it, settling."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pgolf.lab.ledger import Ledger

from .conftest import LAUNCH, RUN, Answered, payload_of

Call = Callable[..., Answered]


def ledger_of(workspace: Path) -> Ledger:
    return Ledger(workspace / "state" / "spending.jsonl")


def entries(workspace: Path) -> list[dict[str, object]]:
    return list(ledger_of(workspace).read().entries)


# -- answers ----------------------------------------------------------------------------------------------


def test_a_plain_command_passes_in_silence_without_any_workspace(call: Call, tmp_path: Path) -> None:
    done = call("pre", payload_of("git status && ls -la", tmp_path / "nowhere"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_affordable_launch_passes_and_its_price_is_held(call: Call, workspace: Path) -> None:
    assert call("pre", payload_of(LAUNCH, workspace)).returncode == 0
    (hold,) = ledger_of(workspace).summarise().open_holds.values()
    assert hold.amount_microusd == 550_000
    assert hold.cap_seconds == 600
    assert hold.key == "claude:call-1"
    assert hold.gpu == "1xH100_SXM"


@pytest.mark.parametrize(
    ("command", "gate"),
    [
        ("torchrun --nproc_per_node=1 t.py", b"wall_clock"),
        ("MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=8 t.py", b"confirmation"),
        ("MAX_WALLCLOCK_SECONDS=600 torchrun --nnodes=2 --nproc_per_node=4 t.py", b"confirmation"),
        ("MAX_WALLCLOCK_SECONDS=999999 torchrun --nproc_per_node=4 t.py", b"budget"),
        ("torchrun --nproc_per_node=$UNKNOWN t.py", b"pricing"),
        ("RUN_ID=exp_042 " + LAUNCH, b"registration"),
    ],
)
def test_a_refusal_names_its_gate_and_holds_nothing(
    command: str, gate: bytes, call: Call, workspace: Path
) -> None:
    done = call("pre", payload_of(command, workspace))
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"gate `" + gate + b"`" in done.stderr
    assert entries(workspace) == []


@pytest.mark.parametrize("place", ["environment", "in front"])
def test_overrides_count_in_the_environment_and_in_front_and_leave_a_record(
    place: str, call: Call, workspace: Path
) -> None:
    switches = {
        "PGOLF_FORCE": "1",
        "PGOLF_NO_WALLCLOCK": "1",
        "PGOLF_CONFIRM_8XH100": "1",
        "PGOLF_BUDGET": "1",
    }
    command = "torchrun --nproc_per_node=8 t.py"
    environ = {}
    if place == "environment":
        environ = switches
    else:
        command = " ".join(f"{k}={v}" for k, v in switches.items()) + " " + command
    done = call("pre", payload_of(command, workspace), environ={**environ, "PGOLF_RESERVE": "0"})
    assert done.returncode == 0, done.stderr
    forced = {str(entry["gate"]) for entry in entries(workspace) if entry["kind"] == "override"}
    assert {"wall_clock", "budget"} <= forced


def test_a_switch_in_front_of_another_command_does_not_count(call: Call, workspace: Path) -> None:
    command = "PGOLF_CONFIRM_8XH100=1 ls; MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=8 t.py"
    assert call("pre", payload_of(command, workspace)).returncode == 2
    quoted = "echo PGOLF_CONFIRM_8XH100=1; MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=8 t.py"
    assert call("pre", payload_of(quoted, workspace)).returncode == 2


def test_a_confirmed_record_run_passes(call: Call, workspace: Path) -> None:
    command = "PGOLF_CONFIRM_8XH100=1 MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=8 train_gpt.py"
    assert call("pre", payload_of(command, workspace)).returncode == 0
    (hold,) = ledger_of(workspace).summarise().open_holds.values()
    assert hold.amount_microusd == 4_120_000


def test_a_flagged_script_is_refused_and_can_be_forced(call: Call, workspace: Path) -> None:
    import hashlib

    script = workspace / "train_gpt.py"
    script.write_text("print()\n", encoding="utf-8")
    digest = hashlib.sha256(script.read_bytes()).hexdigest()
    row = {"script_sha256": digest, "verdict": "FLAGGED", "reasons": [{"message": "counts the space twice"}]}
    rows = workspace / "state" / "audits.jsonl"
    rows.write_text("not json " + digest + "\n" + json.dumps(row) + "\n", encoding="utf-8")
    done = call("pre", payload_of(LAUNCH, workspace))
    assert done.returncode == 2
    assert b"counts the space twice" in done.stderr
    assert call("pre", payload_of("PGOLF_FORCE=1 " + LAUNCH, workspace)).returncode == 0
    assert [entry["gate"] for entry in entries(workspace) if entry["kind"] == "override"] == ["audit"]
    rows.write_text(rows.read_text() + json.dumps({**row, "verdict": "VERIFIED"}) + "\n", encoding="utf-8")
    assert call("pre", payload_of(LAUNCH, workspace, tool_use_id="call-2")).returncode == 0


def test_another_tool_and_an_empty_command_pass(call: Call, workspace: Path) -> None:
    data = json.dumps({"tool_name": "Write", "tool_input": {"content": "torchrun t.py"}, "cwd": "/"}).encode()
    assert call("pre", data).returncode == 0
    assert call("pre", payload_of("  ", workspace)).returncode == 0


def test_a_misspelt_configuration_blocks(workspace: Path, call: Call) -> None:
    assert call("before", payload_of("ls", workspace)).returncode == 2
    assert call("pre", payload_of("ls", workspace), agent="clod").returncode == 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", 0),
        (b"not json", 0),
        (b"[1, 2]", 0),
        (b'{"tool_name": "Bash", "tool_input": {"command": "ls -la"', 0),
        (b'{"tool_name": "Bash", "tool_input": {"command": "torchrun t.py"', 2),
        (b'{"tool_input": {"command": "\\u0074orchrun t.py"', 2),
        (b"\xff\xfe torchrun", 2),
        (b"[" * 100_000, 0),
        (b'{"tool_name": "Bash", "tool_input": {"command": 7}, "cwd": []}', 0),
    ],
)
def test_an_unreadable_payload_refuses_launches_and_lets_the_rest_pass(
    data: bytes, code: int, call: Call
) -> None:
    assert call("pre", data).returncode == code


# -- agents -----------------------------------------------------------------------------------------------


def test_each_agent_is_refused_in_its_own_format(call: Call, workspace: Path) -> None:
    command = "torchrun t.py"
    codex = call("pre", payload_of(command, workspace), agent="codex")
    assert (codex.returncode, codex.stdout) == (2, b"")
    data = json.dumps(
        {"tool_name": "run_shell_command", "tool_input": {"command": command}, "cwd": str(workspace)}
    ).encode()
    gemini = call("pre", data, agent="gemini")
    assert (gemini.returncode, gemini.stderr) == (0, b"")
    assert json.loads(gemini.stdout)["decision"] == "deny"
    data = json.dumps({"command": command, "cwd": str(workspace), "conversation_id": "c"}).encode()
    cursor = call("pre", data, agent="cursor")
    assert (cursor.returncode, cursor.stderr) == (0, b"")
    assert json.loads(cursor.stdout)["permission"] == "deny"


def test_asking_is_chosen_and_only_where_somebody_answers(call: Call, workspace: Path) -> None:
    command = "MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=8 t.py"
    choose = {"PGOLF_HOOK_ASK": "1"}
    asked = call("pre", payload_of(command, workspace, permission_mode="default"), environ=choose)
    assert asked.returncode == 0
    assert json.loads(asked.stdout)["hookSpecificOutput"]["permissionDecision"] == "ask"
    for mode in ("bypassPermissions", "acceptEdits", "dontAsk", None):
        done = call(
            "pre", payload_of(command, workspace, permission_mode=mode, tool_use_id="x"), environ=choose
        )
        assert (done.returncode, done.stdout) == (2, b"")
    codex = call(
        "pre", payload_of(command, workspace, permission_mode="default"), agent="codex", environ=choose
    )
    assert (codex.returncode, codex.stdout) == (2, b"")


def test_codex_gives_words_and_gemini_a_folder(call: Call, workspace: Path) -> None:
    (workspace / "sub").mkdir()
    (workspace / "sub" / "go.sh").write_text("torchrun t.py\n", encoding="utf-8")
    words = json.dumps(
        {"tool_name": "shell", "tool_input": {"command": ["bash", "-lc", "torchrun t.py"]}}
    ).encode()
    assert call("pre", words, agent="codex").returncode == 2
    given = {"command": "bash go.sh", "directory": "sub"}
    data = json.dumps({"tool_name": "run_shell_command", "tool_input": given, "cwd": str(workspace)}).encode()
    assert b"deny" in call("pre", data, agent="gemini").stdout


# -- no money, no launch ----------------------------------------------------------------------------------


def damage(workspace: Path, kind: str) -> None:
    path = workspace / "state" / "spending.jsonl"
    ledger = ledger_of(workspace)
    if kind == "exhausted":
        ledger.adjust(440.0, "all of it")
    elif kind == "missing":
        path.unlink()
    elif kind == "deleted after use":
        ledger.adjust(1.0, "a bill")
        path.unlink()
    elif kind == "edited":
        ledger.adjust(400.0, "a bill")
        path.write_bytes(path.read_bytes().replace(b"400000000", b"100000000"))
    elif kind == "torn":
        ledger.adjust(1.0, "a bill")
        path.write_bytes(path.read_bytes()[:-20])
    elif kind == "not a file":
        path.unlink()
        path.mkdir()
    elif kind == "broken settings":
        (workspace / "pgolf.toml").write_text("[pgolf\n", encoding="utf-8")
    elif kind == "no workspace":
        (workspace / "pgolf.toml").unlink()


@pytest.mark.parametrize(
    "kind",
    [
        "exhausted",
        "missing",
        "deleted after use",
        "edited",
        "torn",
        "not a file",
        "broken settings",
        "no workspace",
    ],
)
def test_no_money_no_launch_and_everything_else_passes(kind: str, call: Call, workspace: Path) -> None:
    damage(workspace, kind)
    done = call("pre", payload_of(LAUNCH, workspace))
    assert done.returncode == 2, done
    assert b"budget" in done.stderr
    assert b"Traceback" not in done.stderr
    for other in ("ls", "python3 -c 'print(1)'", 'git commit -m "torchrun"'):
        assert call("pre", payload_of(other, workspace)).returncode == 0


def test_force_does_not_get_around_a_broken_ledger(call: Call, workspace: Path) -> None:
    damage(workspace, "edited")
    assert call("pre", payload_of("PGOLF_FORCE=1 " + LAUNCH, workspace)).returncode == 2


def test_a_locked_ledger_refuses_in_time(call: Call, workspace: Path) -> None:
    ledger_of(workspace).adjust(1.0, "a bill")
    with (workspace / "state" / "spending.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        done = call("pre", payload_of(LAUNCH, workspace))
        assert done.returncode == 2
        assert b"lock" in done.stderr
        assert time.monotonic() - began < 20


def test_a_full_disk_refuses(call: Call, workspace: Path) -> None:
    def no_space() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = call("pre", payload_of(LAUNCH, workspace), preexec_fn=no_space)
    assert done.returncode == 2
    assert entries(workspace) == []


def test_a_killed_hook_blocks_through_its_shell_script(workspace: Path) -> None:
    from pgolf.hooks.install import install

    killer = workspace / "python"
    killer.write_text("#!/bin/sh\nkill -9 $$\n", encoding="utf-8")
    killer.chmod(0o755)
    install(workspace, python=str(killer))
    hook = workspace / ".claude" / "hooks" / "pre-bash.sh"
    done = subprocess.run([hook], input=payload_of(LAUNCH, workspace), capture_output=True, check=False)
    assert done.returncode == 2
    assert b"before it answered" in done.stderr


def test_two_sessions_cannot_both_spend_the_last_dollars(call: Call, workspace: Path) -> None:
    def session(number: int) -> int:
        data = payload_of(LAUNCH, workspace, tool_use_id=f"session-{number}")
        return call("pre", data, environ={"PGOLF_BUDGET": "61.0"}).returncode

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(session, range(4)))
    assert sorted(codes) == [0, 2, 2, 2]


# -- after the call ---------------------------------------------------------------------------------------


def test_measured_time_is_charged_once(call: Call, workspace: Path) -> None:
    assert call("pre", payload_of(LAUNCH, workspace)).returncode == 0
    ended = payload_of(
        LAUNCH,
        workspace,
        hook_event_name="PostToolUse",
        duration_ms=60_000,
        tool_response={"interrupted": False},
    )
    assert call("post", ended).returncode == 0
    assert call("post", ended).returncode == 0
    summary = ledger_of(workspace).summarise()
    assert summary.spent_microusd == 55_000
    assert summary.open_holds == {}
    assert [entry["kind"] for entry in entries(workspace)] == ["hold", "settle"]
    assert entries(workspace)[1]["exit_status"] == 0


@pytest.mark.parametrize(
    "more",
    [
        {"hook_event_name": "PostToolUse", "tool_response": {"interrupted": True}, "duration_ms": 1000},
        {
            "hook_event_name": "PostToolUseFailure",
            "error": "Command timed out after 2m",
            "duration_ms": 120_000,
        },
        {"hook_event_name": "PostToolUseFailure", "is_interrupt": True},
    ],
)
def test_an_interrupted_or_timed_out_call_is_charged_at_its_cap(
    more: dict[str, object], call: Call, workspace: Path
) -> None:
    call("pre", payload_of(LAUNCH, workspace))
    call("post", payload_of(LAUNCH, workspace, **more))
    assert ledger_of(workspace).summarise().spent_microusd == 550_000


@pytest.mark.parametrize(
    "form", [LAUNCH + " &", "nohup env " + LAUNCH + " > log 2>&1 &", f"tmux new -d '{LAUNCH}'"]
)
def test_what_runs_on_in_the_background_is_charged_at_its_cap(form: str, call: Call, workspace: Path) -> None:
    assert call("pre", payload_of(form, workspace)).returncode == 0
    call("post", payload_of(form, workspace, hook_event_name="PostToolUse", duration_ms=30))
    assert ledger_of(workspace).summarise().spent_microusd == 550_000


def test_a_failed_call_is_charged_for_the_time_it_took(call: Call, workspace: Path) -> None:
    call("pre", payload_of(LAUNCH, workspace))
    call(
        "post",
        payload_of(LAUNCH, workspace, hook_event_name="PostToolUseFailure", duration_ms=6000, error="exit 1"),
    )
    assert ledger_of(workspace).summarise().spent_microusd == 5_500
    assert entries(workspace)[-1]["exit_status"] == 1


def test_a_call_without_an_id_is_matched_by_session_and_command(call: Call, workspace: Path) -> None:
    data = json.dumps({"command": LAUNCH, "cwd": str(workspace), "conversation_id": "c"}).encode()
    assert call("pre", data, agent="cursor").returncode == 0
    ended = json.dumps(
        {"command": LAUNCH, "cwd": str(workspace), "conversation_id": "c", "duration": 60_000}
    ).encode()
    assert call("post", ended, agent="cursor").returncode == 0
    assert ledger_of(workspace).summarise().spent_microusd == 55_000


def test_the_same_call_held_twice_is_held_once(call: Call, workspace: Path) -> None:
    for _ in range(2):
        assert call("pre", payload_of(LAUNCH, workspace)).returncode == 0
    assert len(ledger_of(workspace).summarise().open_holds) == 1


def test_the_post_hook_of_other_calls_says_and_does_nothing(call: Call, workspace: Path) -> None:
    for command in ("ls", "python3 -c 'print(1)'", LAUNCH):
        done = call("post", payload_of(command, workspace, hook_event_name="PostToolUse"))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# -- the fast path ----------------------------------------------------------------------------------------


def test_the_fast_path_imports_nothing(workspace: Path) -> None:
    program = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1]); "
        "from pgolf.hooks.main import main; code = main(['pre']); "
        "print(sorted(set(sys.modules) - before), code)"
    )
    source = str(RUN.parents[2])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, source],
        input=payload_of("git status && ls", workspace), capture_output=True, check=True,
    )  # fmt: skip
    names, code = done.stdout.decode().rsplit(" ", 1)
    assert int(code) == 0
    own = {
        "pgolf",
        "pgolf.core",
        "pgolf.core.light_json",
        "pgolf.hooks",
        "pgolf.hooks.main",
        "pgolf.hooks.plain",
    }
    allowed = own | {"_json", "__future__"}
    assert set(eval(names)) <= allowed


def test_the_gates_import_neither_the_audit_nor_anything_heavy(workspace: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pgolf.hooks.main import main; code = main(['pre']); "
        "heavy = {'dataclasses', 'json', 're', 'urllib.parse', 'tomllib', 'typing'}; "
        "heavy |= {'sqlalchemy', 'click', 'numpy', 'tree_sitter', 'sqlite3'}; "
        "print(sorted(n for n in sys.modules if n in heavy or n.startswith('pgolf.audit')), code)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(RUN.parents[2])],
        input=payload_of(LAUNCH, workspace), capture_output=True, check=True, cwd=workspace,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stdout == b"[] 0\n", done.stderr


def test_pathlib_works_as_ever_after_its_light_import() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pgolf.hooks.answer import import_pathlib; import_pathlib(); "
        "import pathlib, re, fnmatch, urllib.parse; p = pathlib.Path('/a b/c.py'); "
        "assert p.match('*.py') and not p.match('*.sh') and p.as_uri() == 'file:///a%20b/c.py'; "
        "assert sorted(pathlib.Path(sys.argv[1]).glob('pgolf/hooks/ma*n.py')); "
        "assert re.match('a+', 'aa') and fnmatch.fnmatch('x.py', '*.py') and urllib.parse.quote(' ') == '%20'"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", program, str(RUN.parents[2])], check=True)
