"""Gates: a yes or no before a launch, with reasons. One file and one page in `docs/gates/` for each.

A gate's `check` takes a `Request` and returns an `Answer`; it holds no money and writes nothing. `ask` puts them in
order, then `budget` holds the money in one locked step and overrides are recorded. Nothing here imports the audit:
the audit gate reads a recorded result row.
"""

from __future__ import annotations

from pgolf.core.frozen import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgolf.lab.launch.values import Launch, LaunchPlan
    from pgolf.lab.settings import Workspace

ALLOWED = "allowed"
REFUSED = "refused"
FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Request:
    """A launch that asks to be let through. `workspace` is None when there is none, and `trouble` says why."""

    command: str
    plan: LaunchPlan
    workspace: Workspace | None
    environ: Mapping[str, str]
    trouble: str = ""

    def setting(self, launch: Launch | None, name: str) -> bool:
        """Whether a PGOLF_* switch is on: in the environment, or in front of this launch."""
        if launch is not None:
            return launch.is_set(name)
        return self.environ.get(name) == "1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One gate's answer: `allowed`, `refused`, or `forced` (it would refuse; an override lets it through)."""

    gate: str
    verdict: str
    reason: str

    @property
    def lets_through(self) -> bool:
        """Allowed, or forced."""
        return self.verdict != REFUSED


def ask(request: Request) -> tuple[Answer, ...]:
    """Every gate's answer in order, the budget's last; writes and holds nothing."""
    from pgolf.lab.gates import budget

    answers = ask_before_budget(request)
    return answers if request.plan.problems else (*answers, budget.check(request))


def ask_before_budget(request: Request) -> tuple[Answer, ...]:
    """Every gate's answer but the budget's, which `budget.hold` gives in the same step as it reserves."""
    from pgolf.lab.gates import audit, confirmation, pricing, registration, wall_clock

    return tuple(gate.check(request) for gate in (pricing, confirmation, wall_clock, registration, audit))
