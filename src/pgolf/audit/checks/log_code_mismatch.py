"""The logs do not come from this script.

The bytes per token of the logs cannot come from the script's table and loop.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding
from pgolf.runlog.seed_comparison import code_size_findings


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "log-code-mismatch")
    yield from code_size_findings([(log.path, log.metrics) for log in evidence.by_seed().values()])


LOG_CODE_MISMATCH = Check("log-code-mismatch", "The logs do not come from this script", inspect)
