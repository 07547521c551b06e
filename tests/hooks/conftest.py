"""A workspace with money, and a way to call the hook as an agent does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pgolf.hooks import main as hook_main
from pgolf.lab.ledger import Ledger

RUN = Path(hook_main.__file__).with_name("run.py")
LAUNCH = "MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=1 train_gpt.py"
Answered = subprocess.CompletedProcess[bytes]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """`pgolf.toml`, and an empty ledger with 440 USD to spend."""
    (tmp_path / "pgolf.toml").write_text("[pgolf]\n", encoding="utf-8")
    Ledger(tmp_path / "state" / "spending.jsonl").create()
    return tmp_path


def payload_of(command: str, cwd: Path, **more: Any) -> bytes:
    base = {"tool_name": "Bash", "tool_input": {"command": command}, "cwd": str(cwd), "tool_use_id": "call-1"}
    return json.dumps({"hook_event_name": "PreToolUse", **base, **more}).encode()


@pytest.fixture
def call(workspace: Path) -> Callable[..., Answered]:
    """Run the hook in a process of its own: call("pre", payload, agent=…, environ=…)."""

    def run(
        event: str, data: bytes, *, agent: str = "claude", environ: dict[str, str] | None = None, **popen: Any
    ) -> Answered:
        known = {"PATH": os.environ["PATH"], "HOME": str(workspace), **(environ or {})}
        return subprocess.run(
            [sys.executable, "-I", "-S", str(RUN), event, "--agent", agent],
            input=data, capture_output=True, env=known, cwd=workspace, check=False, timeout=60, **popen,
        )  # fmt: skip

    return run
