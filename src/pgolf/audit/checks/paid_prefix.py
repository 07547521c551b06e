"""Validation tokens lie inside the artifact.

A prefix of the validation split is stored with the model and read back at its price in bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.source_lines import find_code_line, reach, setting_in_logs
from pgolf.core.finding import Confidence, Finding, Severity

_CODE = re.compile(
    r"\b(?:paid_prefix|PAID_PREFIX\w{0,20}|prefix_blob\w{0,20}|val_prefix_(?:blob|path|file)|PREFIX_BLOB\w{0,20})\b"
)
_SETTING = re.compile(r"^(?:paid_prefix\w*|prefix_blob\w*|val_prefix_\w+)$", re.IGNORECASE)
_WORDS = ("paid_prefix", "PAID_PREFIX", "prefix_blob", "PREFIX_BLOB", "val_prefix")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    line = find_code_line(evidence, _CODE, _WORDS)
    setting, path = setting_in_logs(evidence, _SETTING)
    if setting:
        message = f"validation tokens stored in the artifact are used: the log prints {setting}"
        yield Finding("paid-prefix", Severity.WARNING, Confidence.LIKELY, message, path)
        return
    if line:
        where = reach(evidence, line)
        message = f"code that reads stored validation tokens: present, not shown to run ({where})"
        yield Finding(
            "paid-prefix", Severity.NOTE, Confidence.POSSIBLE, message, evidence.choice.path or "", line
        )


PAID_PREFIX = Check("paid-prefix", "Validation tokens lie inside the artifact", inspect)
