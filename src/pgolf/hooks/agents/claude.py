"""Claude Code: PreToolUse, PostToolUse and PostToolUseFailure for the tool `Bash`.

Exit 2 with the reason on stderr blocks. Asking is JSON with exit 0, and only in permission mode `default`: in the
others nobody is there to answer, or the answer is yes.
"""

from __future__ import annotations

from pgolf.hooks.agents import Call, fields_of, number_of, text_of


def read(payload: dict[str, object]) -> Call | None:
    """The Bash command of this event."""
    if payload.get("tool_name") != "Bash":
        return None
    given = fields_of(payload.get("tool_input"))
    call = Call(
        text_of(given.get("command")), text_of(payload.get("cwd")), text_of(payload.get("tool_use_id"))
    )
    call.background = given.get("run_in_background") is True
    result = fields_of(payload.get("tool_response"))
    call.failed = result.get("interrupted") is True or payload.get("is_interrupt") is True
    call.background = call.background or bool(result.get("backgroundTaskId"))
    error = text_of(payload.get("error"))
    if "timed out" in error[:2000] or "interrupted" in error[:200]:
        call.failed = True
    milliseconds = number_of(payload.get("duration_ms"))
    call.seconds = milliseconds / 1000 if milliseconds is not None else None
    status = number_of(result.get("exit_code", result.get("exitCode")))
    if status is not None:
        call.status = int(status)
    elif payload.get("hook_event_name") == "PostToolUse":
        call.status = 0
    elif payload.get("hook_event_name") == "PostToolUseFailure":
        call.status = 1
    return call


def refuse(reason: str) -> tuple[str, str, int]:
    """Exit 2; the model reads stderr."""
    return "", reason + "\n", 2


def may_ask(payload: dict[str, object]) -> bool:
    """Only where a person answers."""
    return payload.get("permission_mode") == "default"


def ask(reason: str) -> tuple[str, str, int]:
    """A permission prompt that shows the reason."""
    import json

    answer = {
        "hookEventName": "PreToolUse",
        "permissionDecision": "ask",
        "permissionDecisionReason": reason,
    }
    return json.dumps({"hookSpecificOutput": answer}) + "\n", "", 0
