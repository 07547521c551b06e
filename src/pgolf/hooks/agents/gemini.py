"""Gemini CLI: BeforeTool and AfterTool for the tool `run_shell_command`.

A refusal is JSON on stdout with exit 0, and nothing else on stdout. There is no `ask`.
"""

from __future__ import annotations

from pgolf.hooks.agents import Call, fields_of, text_of

_TOOLS = ("run_shell_command", "ShellTool")


def read(payload: dict[str, object]) -> Call | None:
    """The command of this event; `directory` is relative to the project."""
    if payload.get("tool_name") not in _TOOLS:
        return None
    given = fields_of(payload.get("tool_input"))
    cwd = text_of(payload.get("cwd"))
    folder = text_of(given.get("directory")) or text_of(given.get("dir_path"))
    if folder:
        cwd = folder if folder.startswith("/") else f"{cwd}/{folder}"
    call = Call(text_of(given.get("command")), cwd, "")
    call.background = given.get("is_background") is True
    result = fields_of(payload.get("tool_response"))
    call.failed = bool(result.get("error"))
    return call


def refuse(reason: str) -> tuple[str, str, int]:
    """`decision: deny`, exit 0."""
    import json

    return json.dumps({"decision": "deny", "reason": reason}) + "\n", "", 0


def may_ask(payload: dict[str, object]) -> bool:
    """Never."""
    return False
