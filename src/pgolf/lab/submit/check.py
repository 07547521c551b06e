"""One check: a name, a sentence about what was found, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`unknown` means that the evidence is missing; like `fail` it stands in the way. A pass needs no fix."""

    name: str
    state: State
    found: str
    fix: str = ""

    @property
    def passed(self) -> bool:
        """Whether this check lets the submission through."""
        return self.state == "pass"

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def passes(name: str, found: str) -> CheckResult:
    """The check is satisfied."""
    return CheckResult(name, "pass", found)


def fails(name: str, found: str, fix: str) -> CheckResult:
    """The check is violated."""
    return CheckResult(name, "fail", found, fix)


def cannot_tell(name: str, found: str, fix: str) -> CheckResult:
    """The evidence is missing."""
    return CheckResult(name, "unknown", found, fix)
