"""Cursor: beforeShellExecution and afterShellExecution.

A refusal is JSON on stdout with exit 0. Cursor's allow-list may answer an `ask` by itself, so asking is refused.
"""

from __future__ import annotations

from pgolf.hooks.agents import Call, number_of, text_of


def read(payload: dict[str, object]) -> Call | None:
    """The command of this event."""
    if "command" not in payload:
        return None
    roots = payload.get("workspace_roots")
    first = text_of(roots[0]) if isinstance(roots, list) and roots else ""
    call = Call(text_of(payload.get("command")), text_of(payload.get("cwd")) or first, "")
    milliseconds = number_of(payload.get("duration"))
    call.seconds = milliseconds / 1000 if milliseconds is not None else None
    return call


def refuse(reason: str) -> tuple[str, str, int]:
    """`permission: deny`, exit 0; both spellings of the message fields are in use."""
    import json

    answer = {
        "permission": "deny",
        "user_message": reason,
        "agent_message": reason,
        "userMessage": reason,
        "agentMessage": reason,
    }
    return json.dumps(answer) + "\n", "", 0


def may_ask(payload: dict[str, object]) -> bool:
    """Never."""
    return False
