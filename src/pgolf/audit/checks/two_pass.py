"""A cache built on the whole stream rescores earlier tokens.

Tokens are scored again with statistics of tokens that come after them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.source_lines import find_code_line, live_in_logs, reach
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.token_flow import LateKind

_CODE = re.compile(r"\b(?:two_pass|second_pass|full_rescore|rescore_(?:all|pass)|pass2_\w{1,30})\b")
_SCORED = re.compile(r"two[_ -]?pass|full[_ -]?rescore|pass[_ ]?2", re.IGNORECASE)
_WORDS = ("two_pass", "second_pass", "rescore", "pass2_")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    facts = [f for f in evidence.flow.late if f.kind is LateKind.RESCORED and f.certain]
    if facts:
        fact = facts[-1]
        message = (
            f"{fact.late} of {fact.targets} targets that {fact.scored_in or 'the script'} scores had been scored and then used "
            f"by optimiser steps in {fact.updated_in or 'the script'}; whether the weights were restored in between is not known"
        )
        severity = Severity.WARNING if fact.last else Severity.NOTE
        yield Finding(
            "two-pass",
            severity,
            Confidence.LIKELY if fact.last else Confidence.POSSIBLE,
            message,
            evidence.choice.path or "",
            fact.updated_line,
        )
    line = find_code_line(evidence, _CODE, _WORDS)
    scored = live_in_logs(evidence, _SCORED)
    if scored and line:
        message = "tokens scored again after the whole stream was seen carry the claim: the scored line of the log names it"
        yield Finding("two-pass", Severity.WARNING, Confidence.LIKELY, message, scored)
        return
    switched = next((s for s in evidence.settings if _SCORED.search(s.name) and s.value != "0"), None)
    if line and switched is not None:
        message = f"a second pass over scored tokens is switched on: {switched.name}={switched.value}"
        yield Finding("two-pass", Severity.WARNING, Confidence.LIKELY, message, switched.path)
        return
    if line:
        where = reach(evidence, line)
        message = f"code that scores the stream a second time: present, not shown to run ({where})"
        yield Finding(
            "two-pass", Severity.NOTE, Confidence.POSSIBLE, message, evidence.choice.path or "", line
        )


TWO_PASS = Check("two-pass", "A cache built on the whole stream rescores earlier tokens", inspect)
