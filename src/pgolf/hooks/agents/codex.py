"""Codex CLI: PreToolUse and PostToolUse for the tool `Bash` (every shell of Codex goes by that name).

Exit 2 with the reason on stderr blocks. An `ask` is not implemented there and would let the command run: refused.
"""

from __future__ import annotations

from pgolf.hooks.agents import Call, fields_of, number_of, text_of

_TOOLS = ("Bash", "shell", "exec_command", "local_shell", "unified_exec")


def read(payload: dict[str, object]) -> Call | None:
    """The command of this event; a list of words is put back together."""
    if payload.get("tool_name") not in _TOOLS:
        return None
    given = fields_of(payload.get("tool_input"))
    command = given.get("command", given.get("cmd"))
    if isinstance(command, list):
        from pgolf.lab.launch.programs import quote

        command = " ".join(quote(text_of(word)) for word in command)
    cwd = text_of(given.get("workdir")) or text_of(payload.get("cwd"))
    call = Call(text_of(command), cwd, text_of(payload.get("tool_use_id")))
    result = fields_of(payload.get("tool_response"))
    status = number_of(result.get("exit_code"))
    call.status = int(status) if status is not None else None
    call.seconds = number_of(result.get("duration_seconds"))
    call.failed = result.get("timed_out") is True
    call.background = result.get("session_id") is not None
    return call


def refuse(reason: str) -> tuple[str, str, int]:
    """Exit 2; the model reads stderr."""
    return "", reason + "\n", 2


def may_ask(payload: dict[str, object]) -> bool:
    """Never: Codex runs the tool when a hook answers `ask`."""
    return False
