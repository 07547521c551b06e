"""The slow path: a command that is not plain. Reads it, asks the gates, holds the money; settles it afterwards."""

from __future__ import annotations

import os
import sys

from pgolf.hooks.agents import Call
from pgolf.lab.gates import REFUSED, Answer, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pgolf.core.profile import Profile
    from pgolf.lab.ledger import Hold, Ledger
    from pgolf.lab.settings import Workspace

Reply = tuple[str, str, int]
PASS: Reply = ("", "", 0)


def import_pathlib() -> None:
    """`pathlib` without the modules that it needs for patterns and URIs only, and that cost more than it does.

    While it is imported, `re`, `fnmatch` and `urllib.parse` are stand-ins that import the real module when they are used.
    """
    if "pathlib" in sys.modules:
        return
    stand_ins = {name: _later(name) for name in ("re", "fnmatch", "urllib.parse") if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        import pathlib  # noqa: F401
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


def _later(name: str) -> ModuleType:
    """A stand-in for a module, which imports it at the first use."""

    def real() -> ModuleType:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        __import__(name)
        return sys.modules[name]

    class Later(type(sys)):  # type: ignore[misc]
        def __getattr__(self, attribute: str) -> object:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            if attribute == "quote_from_bytes":
                return lambda *arguments: real().quote_from_bytes(*arguments)
            return getattr(real(), attribute)

    stand_in: ModuleType = Later(name)
    return stand_in


def before(agent: str, payload: dict[str, object] | None, raw: bytes) -> Reply:
    """A tool call that is about to run."""
    adapter = _adapter(agent)
    if payload is None:
        return _unreadable(adapter, raw)
    call = _read(adapter, payload)
    if call is None or not call.command.strip():
        return PASS
    try:
        return _gated(adapter, payload, call, agent)
    except Exception as error:  # noqa: BLE001 - a fault of ours must not let a launch through
        from pgolf.lab.launch.interpreter import may_launch

        if not may_launch(call.command):
            return PASS
        reply: Reply = adapter.refuse(
            f"pgolf: refused: the gate itself failed ({type(error).__name__}: {error})"
        )
        return reply


def _gated(adapter: ModuleType, payload: dict[str, object], call: Call, agent: str) -> Reply:
    request = request_of(call.command, call.cwd, dict(os.environ))
    if not request.plan.is_launch:
        return PASS
    from pgolf.lab import gates
    from pgolf.lab.gates import budget

    answers = gates.ask_before_budget(request)
    refusals = [answer for answer in answers if not answer.lets_through]
    if refusals and _asks(request, refusals) and adapter.may_ask(payload):
        held, _ = budget.hold(request, answers, key_of(agent, payload, call))
        if held.lets_through:
            reply: Reply = adapter.ask(refusal(request, refusals))
            return reply
        refusals = [held]
    if not refusals:
        held, _ = budget.hold(request, answers, key_of(agent, payload, call))
        if held.lets_through:
            return PASS
        refusals = [held]
    reply = adapter.refuse(refusal(request, refusals))
    return reply


def _asks(request: Request, refusals: list[Answer]) -> bool:
    """Asking a person is an option somebody has to choose, and only for the confirmation gate."""
    return request.environ.get("PGOLF_HOOK_ASK") == "1" and [r.gate for r in refusals] == ["confirmation"]


def request_of(command: str, cwd: str, environ: dict[str, str]) -> Request:
    """The launch request that a command makes in a folder; a missing or broken workspace is a stated trouble."""
    from pgolf.lab.launch import price

    folder = cwd if cwd and os.path.isdir(cwd) else os.getcwd()
    found: list[tuple[Workspace | None, str]] = []

    def workspace() -> tuple[Workspace | None, str]:
        if not found:
            found.append(_workspace(folder, environ))
        return found[0]

    def profile() -> Profile:
        known = workspace()[0]
        if known is not None:
            return known.profile
        from pgolf.core.profile import load_profile

        return load_profile()

    plan = price(command, environ=environ, cwd=folder, profile=profile)
    if not plan.is_launch:
        return Request(command, plan, None, environ)
    return Request(command, plan, workspace()[0], environ, workspace()[1])


def _workspace(folder: str, environ: dict[str, str]) -> tuple[Workspace | None, str]:
    """The workspace around a folder, or why there is none."""
    import_pathlib()
    from pathlib import Path

    from pgolf.errors import PgolfError
    from pgolf.lab import settings

    try:
        return settings.load_workspace(Path(folder), environ), ""
    except (PgolfError, OSError, ValueError) as error:
        return None, str(error)


def refusal(request: Request, refusals: list[Answer]) -> str:
    """The reason as the agent reads it: one line a gate."""
    lines = [f"pgolf: refused by gate `{answer.gate}`: {answer.reason}" for answer in refusals]
    lines.append("(`pgolf hook explain 'CMD'` shows how a command is read and priced.)")
    return "\n".join(lines)


def _unreadable(adapter: ModuleType, raw: bytes) -> Reply:
    from pgolf.lab.launch.interpreter import may_launch

    text = raw.decode("utf-8", "replace")
    if may_launch(text) or "\\u00" in text or "torch" in text:
        reply: Reply = adapter.refuse(
            "pgolf: refused: the tool call cannot be read as JSON, and could be a GPU launch"
        )
        return reply
    return PASS


def _adapter(agent: str) -> ModuleType:
    name = f"pgolf.hooks.agents.{agent}"
    __import__(name)
    return sys.modules[name]


def _read(adapter: ModuleType, payload: dict[str, object]) -> Call | None:
    call = adapter.read(payload)
    return call if isinstance(call, Call) else None


def key_of(agent: str, payload: dict[str, object], call: Call) -> str:
    """What names this tool call in both events: its id, or else session, folder and command."""
    if call.key:
        return f"{agent}:{call.key}"[:200]
    import hashlib

    session = payload.get("session_id") or payload.get("conversation_id") or ""
    turn = payload.get("generation_id") or payload.get("turn_id") or ""
    text = "\0".join((str(session), str(turn), call.cwd, call.command))
    return f"{agent}:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:32]}"


def after(agent: str, payload: dict[str, object] | None, raw: bytes) -> Reply:
    """A tool call that has ended: its hold is settled, once. Never blocks; what goes wrong is said on stderr."""
    if payload is None:
        return PASS
    adapter = _adapter(agent)
    call = _read(adapter, payload)
    if call is None or not call.command.strip():
        return PASS
    from pgolf.hooks.plain import is_plain

    if is_plain(call.command):
        return PASS
    try:
        from pathlib import Path

        from pgolf.lab.gates.budget import open_ledger
        from pgolf.lab.settings import find_root, load_workspace

        folder = Path(call.cwd) if call.cwd and os.path.isdir(call.cwd) else Path.cwd()
        if find_root(folder) is None:
            return PASS
        workspace = load_workspace(folder)
        if not workspace.ledger_path.exists():
            return PASS
        ledger = open_ledger(workspace)
        key = key_of(agent, payload, call)
        holds = [held for held in ledger.summarise().open_holds.values() if held.key == key]
        if not holds:
            return PASS
        said = _settle(ledger, holds, call)
        ledger.settle_expired()
    except Exception as error:  # noqa: BLE001 - the command has run; the hold stays and still counts
        return "", f"pgolf: the hold could not be settled and still counts in full: {error}\n", 1
    return "", said, 0


def _settle(ledger: Ledger, holds: list[Hold], call: Call) -> str:
    """Charge the first hold with measured time (or its cap), give back any second hold of the same call."""
    first, *rest = holds
    detached = first.purpose.endswith("(detached)") or call.background
    seconds = call.seconds if call.seconds is not None else _elapsed(first)
    if call.failed or detached or seconds is None:
        # What was started may still be running, or nobody measured it: the cap is charged, unless more is known.
        cap = first.cap_seconds or 0.0
        seconds = max(seconds or 0.0, cap) if not detached else cap
        reason = (
            "interrupted or timed out: settled at the cap" if call.failed else "runs on: settled at the cap"
        )
        cost = ledger.settle(first.id, seconds=seconds or None, exit_status=call.status, reason=reason)
    else:
        reason = "agent's command ended"
        cost = ledger.settle(first.id, seconds=seconds, exit_status=call.status, reason=reason)
    for other in rest:
        ledger.release(other.id, "the same tool call was held twice")
    return f"pgolf: {cost / 1e6:.2f} USD charged ({reason})\n"


def _elapsed(hold: Hold) -> float | None:
    """Seconds since the hold was written."""
    import time
    from calendar import timegm

    try:
        stamp, _, fraction = hold.at.rstrip("Z").partition(".")
        began = timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")
    except ValueError:
        return None
    return max(time.time() - began, 0.0)


__all__ = ["REFUSED", "after", "before", "key_of", "refusal", "request_of"]
