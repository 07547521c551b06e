"""What the audit of one submission folder hands to a renderer: its row, and the evidence the row rests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pgolf.core.row import ResultRow
from pgolf.core.script_report import ScriptReport
from pgolf.core.verdict import FingerprintStatus

SUBMISSION_REPORT_VERSION = 1


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """One training log: its score line and what else counts. None where the log does not say."""

    path: str
    seed: int | None = None
    score_label: str = ""
    score_line: int = 0
    val_loss_nats: float | None = None
    val_bpb: float | None = None
    bytes_per_token: float | None = None
    fingerprint_status: FingerprintStatus = FingerprintStatus.UNKNOWN
    artifact_bytes: int | None = None
    train_seconds: float | None = None
    eval_seconds: float | None = None
    complete: bool | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A value as stated in one place against the same value as found in another.

    `agrees` is None where the evidence to compare with is missing; `where` names both places.
    """

    name: str
    stated: str
    found: str
    agrees: bool | None
    where: str = ""


@dataclass(frozen=True, slots=True)
class SubmissionReport:
    """The audit of one submission: the published row, the script, every log, every claim, what is missing."""

    row: ResultRow
    script: ScriptReport | None = None
    logs: tuple[LogEvidence, ...] = ()
    claims: tuple[Claim, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping; `row` and `script` have the published shapes of their own."""
        return {
            "version": SUBMISSION_REPORT_VERSION,
            "kind": "submission",
            "row": self.row.to_json(),
            "script": None if self.script is None else self.script.to_json(),
            "logs": [
                {**asdict(log), "fingerprint_status": log.fingerprint_status.value} for log in self.logs
            ],
            "claims": [asdict(claim) for claim in self.claims],
            "missing": list(self.missing),
            "notes": list(self.notes),
        }
