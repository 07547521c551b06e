"""A cache built on the whole stream rescores earlier tokens.

Tokens are scored again with statistics of tokens that come after them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.source_lines import find_code_line, live_in_logs
from pgolf.core.finding import Confidence, Finding, Severity

_CODE = re.compile(r"\b(?:two_pass|second_pass|full_rescore|rescore_(?:all|pass)|pass2_\w{1,30})\b")
_SCORED = re.compile(r"two[_ -]?pass|full[_ -]?rescore|pass[_ ]?2", re.IGNORECASE)
_WORDS = ("two_pass", "second_pass", "rescore", "pass2_")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    line = find_code_line(evidence, _CODE, _WORDS)
    scored = live_in_logs(evidence, _SCORED)
    if scored and line:
        message = "tokens scored again after the whole stream was seen carry the claim: the scored line of the log names it"
        yield Finding("two-pass", Severity.WARNING, Confidence.LIKELY, message, scored)
        return
    if line:
        message = "code that scores the stream a second time: present, not shown to run"
        yield Finding(
            "two-pass", Severity.NOTE, Confidence.POSSIBLE, message, evidence.choice.path or "", line
        )


TWO_PASS = Check("two-pass", "A cache built on the whole stream rescores earlier tokens", inspect)
