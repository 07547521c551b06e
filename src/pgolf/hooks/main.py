"""`pgolf-hook pre|post --agent claude|codex|gemini|cursor`: an agent's JSON on stdin -> gates -> its answer.

The fast path imports nothing: the payload is read with the interpreter's own JSON scanner, and a command that
`plain` knows to be harmless is answered at once. Only the rest pays for the shell reader, the ledger and the gates.

Failure is closed for launches and open for everything else: a payload that cannot be read, a ledger that is
broken and an error in here refuse what could be a launch and let the rest pass.
"""

from __future__ import annotations

import sys

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
        text = raw.decode().strip(" \t\r\n\ufeff")
        import _json

        value, end = _json.make_scanner(_Scanner())(text, 0)  # type: ignore[arg-type]
    except ImportError:
        import json

        try:
            value, end, text = json.loads(raw), 0, ""
        except ValueError:
            return None
    except (ValueError, StopIteration, RecursionError, SystemError):
        # SystemError: the scanner's own answer to a text that ends too early.
        return None
    return value if isinstance(value, dict) and end == len(text) else None


class _Scanner:
    """Settings of the interpreter's JSON scanner; `json` itself would import `re`, a third of the fast path."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = float
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - the scanner's own protocol


def _command(payload: dict[str, object]) -> str | None:
    """The command where Claude Code, Codex and Gemini CLI put it; Cursor's stands at the top."""
    given = payload.get("tool_input", payload)
    command = given.get("command") if isinstance(given, dict) else None
    return command if isinstance(command, str) else None


def entry() -> None:
    """Console script `pgolf-hook`."""
    raise SystemExit(main(sys.argv[1:]))
