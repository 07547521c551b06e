"""`pgolf-hook pre|post --agent claude|codex|gemini|cursor`: an agent's JSON on stdin -> gates -> its answer.

The fast path imports nothing of the standard library: the payload is read by the interpreter's own scanner, and a command that
`plain` knows to be harmless is answered at once. Only the rest pays for the shell reader, the ledger and the gates.

Failure is closed for launches and open for everything else: a payload that cannot be read, a ledger that is
broken and an error in here refuse what could be a launch and let the rest pass.
"""

from __future__ import annotations

import sys

from pgolf.core.light_json import loads
from pgolf.hooks.plain import is_plain

MAX_PAYLOAD_BYTES = 8_000_000
_USAGE = "usage: pgolf-hook pre|post [--agent claude|codex|gemini|cursor]\n"


def main(argv: list[str]) -> int:
    """Answer one event; returns the exit code (0 lets the tool run, 2 blocks it)."""
    event = argv[0] if argv else ""
    agent = "claude"
    if len(argv) == 3 and argv[1] == "--agent":
        agent = argv[2]
    elif len(argv) == 2 and argv[1].startswith("--agent="):
        agent = argv[1][8:]
    elif len(argv) != 1:
        event = ""
    if event not in ("pre", "post") or agent not in ("claude", "codex", "gemini", "cursor"):
        # A misspelt configuration must not open the gate: exit 2 blocks.
        sys.stderr.write(_USAGE)
        return 2
    raw = sys.stdin.buffer.read(MAX_PAYLOAD_BYTES + 1)
    payload = parse(raw)
    if event == "pre" and payload is not None:
        command = _command(payload)
        if command is not None and is_plain(command):
            return 0
    from pgolf.hooks.answer import after, before

    out, err, code = (before if event == "pre" else after)(agent, payload, raw)
    if out:
        sys.stdout.write(out)
        sys.stdout.flush()
    if err:
        sys.stderr.write(err)
        sys.stderr.flush()
    return code


def parse(raw: bytes) -> dict[str, object] | None:
    """The payload as an object; None when it is not one, or too long."""
    if len(raw) > MAX_PAYLOAD_BYTES:
        return None
    try:
        value = loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _command(payload: dict[str, object]) -> str | None:
    """The command where Claude Code, Codex and Gemini CLI put it; Cursor's stands at the top."""
    given = payload.get("tool_input", payload)
    command = given.get("command") if isinstance(given, dict) else None
    return command if isinstance(command, str) else None


def entry() -> None:
    """Console script `pgolf-hook`."""
    raise SystemExit(main(sys.argv[1:]))
