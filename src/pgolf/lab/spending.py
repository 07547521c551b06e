"""What the ledger means for the contest: what is left, where it went, how long it lasts."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgolf.errors import Refused
from pgolf.lab.launch import price
from pgolf.lab.ledger import Ledger, LedgerSummary, format_usd
from pgolf.lab.settings import Workspace

_SECONDS_PER_DAY = 86_400


def microusd_to_number(microusd: int) -> float:
    """For JSON: the double whose shortest text is the exact amount."""
    return float(format_usd(microusd))


@dataclass(frozen=True, slots=True)
class SpendReport:
    """One reading of the ledger against the budget. Money is in micro-dollars; `today` is a UTC date.

    `left_microusd` is spendable - spent - held and may be negative. `days_left` counts to the end of the
    profile's deadline (negative: it has passed; None: the deadline is no date).
    """

    budget_microusd: int
    reserve_microusd: int
    summary: LedgerSummary
    deadline: str
    days_left: int | None
    gpu_usd_per_hour: dict[str, float]
    cap_seconds: float
    days_active: float

    @property
    def spendable_microusd(self) -> int:
        """Budget less reserve."""
        return self.budget_microusd - self.reserve_microusd

    @property
    def left_microusd(self) -> int:
        """What a new hold may still take."""
        return self.spendable_microusd - self.summary.committed_microusd

    @property
    def burn_usd_per_day(self) -> float | None:
        """Mean spend a day since the first line; None before anything was spent."""
        return self.summary.spent_usd / self.days_active if self.summary.spent_microusd > 0 else None

    @property
    def days_of_money(self) -> float | None:
        """How long what is left lasts at that pace."""
        burn = self.burn_usd_per_day
        return None if burn is None else max(self.left_microusd, 0) / 1e6 / burn

    @property
    def allowance_usd_per_day(self) -> float | None:
        """What may be spent a day until the deadline; None when it has passed."""
        if self.days_left is None or self.days_left <= 0:
            return None
        return max(self.left_microusd, 0) / 1e6 / self.days_left

    @property
    def full_runs_left(self) -> dict[str, int]:
        """gpu -> how many runs at the contest's wall clock are still affordable."""
        left = max(self.left_microusd, 0)
        runs = {}
        for gpu, rate in self.gpu_usd_per_hour.items():
            price = round(rate * 1e6 * self.cap_seconds / 3600)
            runs[gpu] = left // price if price else 0
        return runs

    def to_json(self) -> dict[str, Any]:
        """The published object of `pgolf spend status --json`."""
        money = microusd_to_number
        summary = self.summary

        def table(rows: dict[str, list[int]], name: str) -> list[dict[str, Any]]:
            return [
                {
                    name: key or None,
                    "usd": money(row[0]),
                    "hours": round(row[1] / 3.6e6, 4),
                    "charges": row[2],
                }
                for key, row in sorted(rows.items())
            ]

        return {
            "budget_usd": money(self.budget_microusd),
            "reserve_usd": money(self.reserve_microusd),
            "spendable_usd": money(self.spendable_microusd),
            "spent_usd": money(summary.spent_microusd),
            "held_usd": money(summary.held_microusd),
            "left_usd": money(self.left_microusd),
            "by_gpu": table(summary.by_gpu, "gpu"),
            "by_day": table(summary.by_day, "day"),
            "by_experiment": table(summary.by_experiment, "experiment"),
            "open_holds": [
                {
                    "id": hold.id,
                    "usd": money(hold.amount_microusd),
                    "at": hold.at,
                    "experiment": hold.experiment or None,
                    "seed": hold.seed,
                    "gpu": hold.gpu or None,
                    "command": hold.command or None,
                    "expires_at": hold.expires_at,
                }
                for hold in summary.open_holds.values()
            ],
            "runway": {
                "deadline": self.deadline,
                "days_left": self.days_left,
                "usd_per_day_so_far": self.burn_usd_per_day,
                "usd_per_day_until_deadline": self.allowance_usd_per_day,
                "days_of_money": self.days_of_money,
                "full_runs_left": self.full_runs_left,
            },
            "overrides": summary.overrides,
            "problems": [{"line": p.line, "message": p.message} for p in summary.problems],
            "accepted_damage": [{"line": p.line, "message": p.message} for p in summary.accepted],
        }


def report_spending(workspace: Workspace, now: datetime.datetime | None = None) -> SpendReport:
    """Read the ledger (fast) and put it against budget and deadline. Damage is in `summary.problems`."""
    moment = now or datetime.datetime.now(datetime.UTC)
    summary = Ledger(workspace.ledger_path).summarise()
    try:
        days_left = (datetime.date.fromisoformat(workspace.profile.deadline) - moment.date()).days
    except ValueError:
        days_left = None
    days_active = 1.0
    if summary.first_at:
        try:
            since = moment - datetime.datetime.fromisoformat(summary.first_at)
            days_active = max(since.total_seconds() / _SECONDS_PER_DAY, 1.0)
        except (ValueError, TypeError):
            pass  # a time this version cannot read changes the pace, not the money
    return SpendReport(
        budget_microusd=round(workspace.budget_usd * 1e6),
        reserve_microusd=round(workspace.reserve_usd * 1e6),
        summary=summary,
        deadline=workspace.profile.deadline,
        days_left=days_left,
        gpu_usd_per_hour=workspace.profile.gpu_usd_per_hour,
        cap_seconds=workspace.profile.limits.train_seconds,
        days_active=days_active,
    )


def charge_command(
    workspace: Workspace, command: str, seconds: float, exit_status: int | None, folder: Path
) -> tuple[int, str]:
    """Charge a shell command that has already run for `seconds`; returns micro-dollars and what was done.

    An open hold of the very same command is settled; else a launch is charged as an adjustment; a command
    that launches nothing costs nothing. Raises Refused for a launch that cannot be priced.
    """
    plan = price(command, cwd=folder, profile=workspace.profile)
    if plan.problems:
        raise Refused(*(problem.sentence() for problem in plan.problems))
    rates = [x.usd / (x.cap_seconds * x.times) for x in plan.launches if x.cap_seconds and x.times]
    if not plan.launches:
        return 0, "launches nothing"
    ledger = Ledger(workspace.ledger_path)
    for hold in ledger.summarise().open_holds.values():
        if hold.command == command:
            charged = ledger.settle(hold.id, seconds=seconds, exit_status=exit_status, reason="log-from-bash")
            return charged, f"settled hold {hold.id}"
    first = plan.launches[0]
    charged = ledger.adjust(
        sum(rates) * seconds,
        f"ran without a hold: {command[:500]}",
        experiment=first.experiment or "",
        gpu=first.gpu,
        seconds=seconds,
    )
    return charged, "charged, no hold was open for it"
