"""Findings: what was expected, what was found, where, what it costs. They speak of code, never of people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad, if true. ERROR: by itself FLAGS a submission. WARNING: a reader should look. NOTE: context."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Confidence(StrEnum):
    """How sure. PROVED: by evaluation or arithmetic. Only a proved ERROR may turn a verdict to FLAGGED."""

    PROVED = "proved"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding with one primary location (`line` is 1-based, 0 where a file as a whole is meant)."""

    rule: str
    severity: Severity
    confidence: Confidence
    message: str
    path: str = ""
    line: int = 0

    @property
    def flags(self) -> bool:
        """Whether this finding alone is enough for FLAGGED."""
        return self.severity is Severity.ERROR and self.confidence is Confidence.PROVED
