"""Proves that the hooks installed in a project block: runs them as the agent would, with launches and with others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pgolf.core.frozen import dataclass
from pgolf.errors import UsageError

_TORCH = "torchrun --nproc_per_node=8 train_gpt.py"
_LAUNCHES = (
    _TORCH,
    "MAX_WALLCLOCK_SECONDS=600 PGOLF_CONFIRM_8XH100=1 " + _TORCH,
    "N=8; env MAX_WALLCLOCK_SECONDS=600 bash -c \"torch''run --nproc_per_node=$N train_gpt.py\"",
    "python3 -m torch.distributed.run --nproc-per-node 8 train_gpt.py",
    "echo dG9yY2hydW4geC5weQo= | base64 -d | sh",
)
_OTHERS = (
    "ls -la",
    'git commit -m "torchrun is slow"',
    "grep -rn torchrun .",
    "echo 'torchrun x.py'",
    "python3 -c 'print(1)'",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One command given to an installed hook."""

    name: str
    expected: int
    got: int
    message: str

    @property
    def passed(self) -> bool:
        """Whether the hook answered as it must."""
        return self.expected == self.got


def selftest(folder: Path) -> tuple[Trial, ...]:
    """Run `.claude/hooks/pre-bash.sh` of a project with no money at all: launches must block, others must pass.

    Raises UsageError when no hook is installed there.
    """
    hook = folder.resolve() / ".claude" / "hooks" / "pre-bash.sh"
    if not hook.is_file():
        raise UsageError(f"{hook}: no hook is installed; `pgolf hook install {folder}` installs it")
    with tempfile.TemporaryDirectory(prefix="pgolf-selftest-") as scratch:
        # A workspace without a ledger: whatever is a launch has to be refused there.
        (Path(scratch) / "pgolf.toml").write_text("[pgolf]\n", encoding="utf-8")
        trials = [_trial(hook, command, scratch, 2, f"blocks: {command}") for command in _LAUNCHES]
        trials += [_trial(hook, command, scratch, 0, f"lets pass: {command}") for command in _OTHERS]
        copy = Path(scratch) / ".claude" / "hooks" / "pre-bash.sh"
        copy.parent.mkdir(parents=True)
        lines = hook.read_text(encoding="utf-8").splitlines()
        lines = ["python=/nonexistent" if "python=" in line else line for line in lines]
        copy.write_text("\n".join(lines) + "\n", encoding="utf-8")
        shutil.copymode(hook, copy)
        trials += [
            _raw(hook, b"torchrun, but no JSON", scratch, 2, "blocks an unreadable launch"),
            _raw(hook, b"not JSON", scratch, 0, "lets an unreadable other thing pass"),
            _trial(copy, _TORCH, scratch, 2, "blocks a launch without an interpreter"),
            _trial(copy, "ls -la", scratch, 0, "lets `ls` pass without an interpreter"),
        ]
    return tuple(trials)


def _trial(hook: Path, command: str, cwd: str, expected: int, name: str) -> Trial:
    payload = {
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command},
        "cwd": cwd,
        "tool_use_id": f"selftest-{abs(hash(command))}",
    }
    return _raw(hook, json.dumps(payload).encode(), cwd, expected, name)


def _raw(hook: Path, data: bytes, cwd: str, expected: int, name: str) -> Trial:
    environ = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": os.environ.get("HOME", "/")}
    try:
        done = subprocess.run(
            [str(hook)], input=data, cwd=cwd, env=environ, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Trial(name, expected, -1, str(error))
    return Trial(name, expected, done.returncode, done.stderr.decode("utf-8", "replace").strip())
