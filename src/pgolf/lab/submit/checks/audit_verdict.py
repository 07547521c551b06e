"""The audit of the script and logs is not FLAGGED, and it is of this very script."""

from __future__ import annotations

from pgolf.core.verdict import Verdict
from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, cannot_tell, fails, passes

NAME = "audit"


def check(candidate: Candidate) -> CheckResult:
    """UNVERIFIED is let through, and said with what is missing."""
    row = candidate.audit
    if row is None:
        return cannot_tell(NAME, f"not audited: {candidate.audit_missing}", "mend that, then check again")
    if candidate.script_problem:
        return fails(
            NAME,
            candidate.script_problem,
            "put back the script that made the seeds, or run them again with this one",
        )
    if row.verdict is Verdict.FLAGGED:
        proved = [f for f in row.reasons if f.flags] or list(row.reasons)
        what = "; ".join(f"{f.rule}: {f.message[:200]}" for f in proved[:3])
        return fails(
            NAME,
            f"FLAGGED: {what}",
            "mend the script (`pgolf explain RULE` says how) and run the seeds again",
        )
    missing = row.extra.get("missing") or ()
    gaps = f"; undecided: {str(missing[0])[:200]}" if row.verdict is Verdict.UNVERIFIED and missing else ""
    return passes(
        NAME,
        f"{row.verdict.value}: byte tables {row.lut_status.value}, evaluation {row.eval_status.value}, "
        f"bytes per token {row.fingerprint_status.value}{gaps}",
    )
