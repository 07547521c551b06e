"""Puts the hooks into a project for an agent, and proves that what is installed blocks.

Claude Code gets two shell scripts in `.claude/hooks/` and entries in `.claude/settings.json`; other agents get the
same scripts in their own folder, and their own configuration file. Existing settings are kept and added to.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

from pgolf.core.frozen import dataclass
from pgolf.errors import UsageError
from pgolf.hooks.agents import AGENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
PRE_SECONDS = 30
POST_SECONDS = 30

_FOLDERS = {"claude": ".claude", "codex": ".codex", "gemini": ".gemini", "cursor": ".cursor"}

# What an agent may do unasked must not lead around the gate: no interpreter, no shell, no launcher, no editing of the
# gate itself.
PERMISSIONS: dict[str, list[str]] = {
    "allow": [
        "Bash(git status)",
        "Bash(git diff)",
        "Bash(git log --oneline)",
        "Bash(pgolf status)",
        "Bash(pgolf spend status)",
        "Bash(pgolf hook explain:*)",
    ],
    "ask": [],
    "deny": [
        "Edit(.claude/hooks/**)",
        "Write(.claude/hooks/**)",
        "Edit(.claude/settings.json)",
        "Write(.claude/settings.json)",
        "Edit(.claude/settings.local.json)",
        "Write(.claude/settings.local.json)",
        "Edit(state/**)",
        "Write(state/**)",
        "Edit(pgolf.db)",
        "Write(pgolf.db)",
    ],
}


@dataclass(frozen=True, slots=True)
class Installed:
    """The files that an installation wrote."""

    agent: str
    files: tuple[str, ...]


def script_text(name: str, agent: str, python: str, package: str) -> str:
    """One of the shell hooks with its places filled in; empty places are found beside the script."""
    for value in (python, package):
        if "'" in value or "\n" in value:
            raise UsageError(f"{value!r}: a path with a quote or a newline cannot stand in a shell hook")
    text = (Path(__file__).parent / "shell" / name).read_text(encoding="utf-8")
    return text.replace("@PYTHON@", python).replace("@PACKAGE@", package).replace("@AGENT@", agent)


def claude_settings() -> dict[str, Any]:
    """Hooks and permissions for Claude Code; a hook that crashes or is too slow blocks."""

    def entry(script: str, seconds: int, failure: str) -> dict[str, Any]:
        return {
            "type": "command",
            "command": f'"$CLAUDE_PROJECT_DIR"/.claude/hooks/{script}',
            "timeout": seconds,
            "onFailure": failure,
        }

    pre = {"matcher": "Bash", "hooks": [entry("pre-bash.sh", PRE_SECONDS, "block")]}
    post = {"matcher": "Bash", "hooks": [entry("post-bash.sh", POST_SECONDS, "block")]}
    return {
        "permissions": PERMISSIONS,
        "hooks": {"PreToolUse": [pre], "PostToolUse": [post], "PostToolUseFailure": [post]},
    }


def _other_settings(agent: str, folder: Path) -> tuple[str, dict[str, Any]]:
    pre, post = str(folder / "hooks" / "pre-bash.sh"), str(folder / "hooks" / "post-bash.sh")
    if agent == "codex":

        def command(path: str) -> list[dict[str, Any]]:
            return [
                {
                    "matcher": "Bash",
                    "hooks": [{"type": "command", "command": _quoted(path), "timeout": PRE_SECONDS}],
                }
            ]

        return "hooks.json", {"hooks": {"PreToolUse": command(pre), "PostToolUse": command(post)}}
    if agent == "gemini":

        def tool(path: str) -> list[dict[str, Any]]:
            hook = {
                "type": "command",
                "name": "pgolf",
                "command": _quoted(path),
                "timeout": PRE_SECONDS * 1000,
            }
            return [{"matcher": "run_shell_command", "hooks": [hook]}]

        return "settings.json", {"hooks": {"BeforeTool": tool(pre), "AfterTool": tool(post)}}
    return "hooks.json", {
        "version": 1,
        "hooks": {
            "beforeShellExecution": [{"command": _quoted(pre), "failClosed": True, "timeout": PRE_SECONDS}],
            "afterShellExecution": [{"command": _quoted(post), "timeout": POST_SECONDS}],
        },
    }


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def install(
    folder: Path, agent: str = "claude", *, python: str | None = None, package: str | None = None
) -> Installed:
    """Write hooks and settings for one agent into a project folder; running it again changes nothing.

    `python` and `package` default to this interpreter and this package; '' leaves them to be found beside the script.
    Raises UsageError when existing settings are not JSON.
    """
    if agent not in AGENTS:
        raise UsageError(f"no agent {agent!r}: known are {', '.join(AGENTS)}")
    base = folder.resolve() / _FOLDERS[agent]
    hooks = base / "hooks"
    hooks.mkdir(parents=True, exist_ok=True)
    interpreter = sys.executable if python is None else python
    root = str(PACKAGE_ROOT) if package is None else package
    written: list[str] = []
    for name in ("pre-bash.sh", "post-bash.sh"):
        path = hooks / name
        path.write_text(script_text(name, agent, interpreter, root), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        written.append(str(path))
    name, wanted = ("settings.json", claude_settings()) if agent == "claude" else _other_settings(agent, base)
    path = base / name
    existing: Any = {}
    if path.exists():
        try:
            existing = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: not valid JSON, so nothing was added to it: {error}") from error
        if not isinstance(existing, dict):
            raise UsageError(f"{path}: a JSON object is needed, so nothing was added to it")
    merged = _merged(existing, wanted)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(merged, indent=2) + "\n", encoding="utf-8")
    os.replace(draft, path)
    return Installed(agent, (*written, str(path)))


def _merged(existing: Any, wanted: Any) -> Any:
    """`wanted` added to `existing`: objects key by key, lists by their missing elements."""
    if isinstance(existing, dict) and isinstance(wanted, dict):
        result = dict(existing)
        for key, value in wanted.items():
            result[key] = _merged(existing[key], value) if key in existing else value
        return result
    if isinstance(existing, list) and isinstance(wanted, list):
        return existing + [value for value in wanted if value not in existing]
    return existing
