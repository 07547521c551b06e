"""The key of an n-gram cache holds the token being scored.

Only the scored token is re-weighted then, and the probabilities need not sum to one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.source_lines import find_code_line, live_in_logs, reach
from pgolf.core.finding import Confidence, Finding, Severity

_CODE = re.compile(
    r"\b(?:ctx_hash|ctx_key|context_hash|ctx_h)\b[^\n#]{0,40}\^[^\n#]{0,40}\b(?:tgt|target|y)\w{0,12}\b"
)
_SCORED = re.compile(r"n-?gram|cache|hedge|mixer|backoff", re.IGNORECASE)
_WORDS = ("ctx_hash", "ctx_key", "context_hash", "ctx_h")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    line = find_code_line(evidence, _CODE, _WORDS)
    scored = live_in_logs(evidence, _SCORED)
    if scored and line:
        message = (
            "an n-gram key that holds the scored token carries the claim: the scored line of the log names it"
        )
        yield Finding("target-in-key", Severity.WARNING, Confidence.LIKELY, message, scored)
        return
    if line:
        where = reach(evidence, line)
        message = f"a hash of the context mixed with the target: present, not shown to run ({where})"
        yield Finding(
            "target-in-key", Severity.NOTE, Confidence.POSSIBLE, message, evidence.choice.path or "", line
        )


TARGET_IN_KEY = Check("target-in-key", "The key of an n-gram cache holds the token being scored", inspect)
