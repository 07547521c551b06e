"""Gate `budget`: a launch is let through when the spendable budget can pay its price, and the price is held.

Spendable = budget - reserve - spent - held. `hold` checks and reserves in one locked step, so two sessions cannot
both spend the last dollars. PGOLF_FORCE=1 goes beyond the budget and leaves a record; a ledger that is missing,
damaged, locked or on a full disk lets no launch through, forced or not.
"""

from __future__ import annotations

import time

from pgolf.lab.gates import ALLOWED, FORCED, REFUSED, Answer, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pgolf.lab.ledger import Hold, Ledger
    from pgolf.lab.settings import Workspace

NAME = "budget"
OVERRIDE = "PGOLF_FORCE"
LOCK_SECONDS = 3.0
GRACE_SECONDS = 3600.0


def check(request: Request) -> Answer:
    """What `hold` would say now, without holding."""
    if request.workspace is None:
        return Answer(NAME, REFUSED, request.trouble)
    try:
        spendable = spendable_usd(request)
        summary = open_ledger(request.workspace).summarise()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the ledger, no launch passes
        return Answer(NAME, REFUSED, _why(error))
    if summary.problems:
        return Answer(NAME, REFUSED, f"the ledger is damaged: {summary.problems[0]}")
    left = spendable - summary.committed_microusd / 1e6
    price = request.plan.usd
    if price <= left + 5e-7:
        return Answer(NAME, ALLOWED, f"{price:.2f} of {left:.2f} USD left")
    reason = f"this costs up to {price:.2f} USD, but {left:.2f} USD is left of {spendable:.2f} spendable"
    if is_forced(request):
        return Answer(NAME, FORCED, f"{OVERRIDE}=1: {reason}")
    return Answer(NAME, REFUSED, f"{reason}; ask for money, shorten the run, or {OVERRIDE}=1")


def is_forced(request: Request) -> bool:
    """Whether every launch that costs something stands under PGOLF_FORCE=1."""
    paid = [launch for launch in request.plan.launches if launch.usd > 0]
    return bool(paid) and all(launch.is_set(OVERRIDE) for launch in paid)


def spendable_usd(request: Request) -> float:
    """Budget less reserve; PGOLF_BUDGET and PGOLF_RESERVE in front of the command count like the environment's.

    Raises ValueError when one of them is not an amount.
    """
    workspace = request.workspace
    assert workspace is not None  # noqa: S101 - callers looked
    amounts = {"PGOLF_BUDGET": workspace.budget_usd, "PGOLF_RESERVE": workspace.reserve_usd}
    for launch in request.plan.launches[:1]:
        for name, text in launch.variables:
            if name in amounts and request.environ.get(name) != text:
                value = float(text)
                if not 0 <= value < 1e9:
                    raise ValueError(f"{name}={text} is not an amount in USD")
                amounts[name] = value
    return amounts["PGOLF_BUDGET"] - amounts["PGOLF_RESERVE"]


def open_ledger(workspace: Workspace) -> Ledger:
    """The workspace's ledger, with a hook's patience."""
    from pgolf.lab.ledger import Ledger

    return Ledger(workspace.ledger_path, lock_timeout_seconds=LOCK_SECONDS)


def hold(request: Request, answers: tuple[Answer, ...], key: str) -> tuple[Answer, Hold | None]:
    """Reserve the price under `key`, and record every override among `answers`. Refuses on any trouble."""
    workspace = request.workspace
    if workspace is None:
        return Answer(NAME, REFUSED, request.trouble), None
    plan = request.plan
    experiments = sorted({launch.experiment for launch in plan.launches if launch.experiment})
    try:
        ledger = open_ledger(workspace)
        for held in ledger.summarise().open_holds.values():
            if key and held.key == key:
                return Answer(NAME, ALLOWED, f"{held.amount_usd:.2f} USD already held for this call"), held
        changed = sorted(
            f"{name}={text}"
            for launch in plan.launches[:1]
            for name, text in launch.variables
            if name in ("PGOLF_BUDGET", "PGOLF_RESERVE") and request.environ.get(name) != text
        )
        overrides = [(a.gate, a.reason) for a in answers if a.verdict == FORCED and a.gate != NAME]
        overrides += [(NAME, f"set in front of the command: {setting}") for setting in changed]
        for gate, reason in overrides:
            ledger.record_override(gate, reason, request.command, experiments[0] if experiments else "")
        held = ledger.hold(
            plan.usd,
            spendable_usd=spendable_usd(request),
            experiment=experiments[0] if len(experiments) == 1 else "",
            gpu=plan.launches[0].gpu if plan.launches else "",
            purpose="agent (detached)" if any(launch.detached for launch in plan.launches) else "agent",
            command=request.command,
            cap_seconds=plan.cap_seconds or None,
            expires_at=time.time() + plan.cap_seconds + GRACE_SECONDS,
            key=key,
            force=is_forced(request),
        )
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the ledger, no launch passes
        return Answer(NAME, REFUSED, _why(error)), None
    return Answer(NAME, ALLOWED, f"{held.amount_usd:.2f} USD held"), held


def _why(error: Exception) -> str:
    text = str(error).removeprefix("budget: ") or type(error).__name__
    return (
        text
        if isinstance(error, ValueError) or type(error).__module__.startswith("pgolf.")
        else f"the ledger: {text}"
    )
