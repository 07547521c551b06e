"""What the audit of a whole submission needs of the audit of its script."""

from __future__ import annotations

from typing import Any, Protocol

from pgolf.core.deviation import Deviation
from pgolf.core.finding import Finding
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.script import Script


class ScriptAudit(Protocol):
    """The facts about a script that decide a submission."""

    @property
    def lut_status(self) -> LutStatus: ...
    @property
    def deviations(self) -> tuple[Deviation, ...]: ...
    @property
    def byte_source(self) -> ByteSource: ...
    @property
    def eval_status(self) -> EvalStatus: ...
    @property
    def packed_layers(self) -> tuple[str, ...]: ...
    @property
    def evidence(self) -> str: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def reason(self) -> str: ...


def audit_script(script: Script, vocabulary: Any, limits: Limits) -> ScriptAudit | None:
    """The audit of one script; None where the engine is not there."""
    return None
