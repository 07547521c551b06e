"""Whether the audit reports a rule at all: what the checks for forbidden code ask."""

from __future__ import annotations

from pgolf.core.verdict import LutStatus
from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, cannot_tell, fails, passes


def check_absent(candidate: Candidate, name: str, rules: tuple[str, ...], what: str, fix: str) -> CheckResult:
    """Fails on any finding of those rules, whatever its severity: a submission has no need of the code."""
    if candidate.audit is None:
        return cannot_tell(name, f"not audited: {candidate.audit_missing}", "mend that, then check again")
    found = [f for f in candidate.audit.reasons if f.rule in rules]
    if found:
        first = found[0]
        where = f" ({first.path}, line {first.line})" if first.line else ""
        return fails(name, f"{first.message}{where}", fix)
    if candidate.audit.lut_status is LutStatus.OBFUSCATED:
        return cannot_tell(
            name, "the script could not be unwrapped", "submit the script in a form that can be read"
        )
    if candidate.audit.script is None:
        return cannot_tell(name, "the audit found no script to look at", "the seeds need a recorded script")
    return passes(name, f"no {what} found")
