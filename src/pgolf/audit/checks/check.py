"""What a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice

from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding

MAX_FINDINGS = 12
"""Findings of one check on one submission; a hundred logs with one defect are one defect."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `inspect` looks at the evidence and yields findings; it never raises on content."""

    slug: str
    title: str
    inspect: Callable[[SubmissionEvidence], Iterable[Finding]]

    def findings(self, evidence: SubmissionEvidence) -> tuple[Finding, ...]:
        """The check's findings under its own slug, repeated messages joined."""
        found = islice(dict.fromkeys(self.inspect(evidence)), MAX_FINDINGS)
        return tuple(replace(finding, rule=self.slug) for finding in found)
