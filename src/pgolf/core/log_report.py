"""What the audit of training logs hands to a renderer: plain values, no parser types."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pgolf.core.finding import Finding
from pgolf.core.verdict import FingerprintStatus, Verdict

LOGS_REPORT_VERSION = 1


@dataclass(frozen=True, slots=True)
class PairSummary:
    """One line with a loss and bits per byte: what it is, and the bytes per token it implies (None: not judged)."""

    line: int
    label: str
    kind: str
    val_loss_nats: float
    val_bpb: float
    bytes_per_token: float | None
    bytes_per_token_low: float | None
    bytes_per_token_high: float | None


@dataclass(frozen=True, slots=True)
class LogSummary:
    """One log. `why` says why the score line is the score; None where the log does not say."""

    log: str
    sha256: str
    verdict: Verdict
    ending: str
    ending_reason: str
    ending_line: int
    score_label: str
    score_line: int
    val_loss_nats: float | None
    val_bpb: float | None
    why: str
    fingerprint_status: FingerprintStatus
    fingerprint_reason: str
    bytes_per_token: float | None
    bytes_per_token_low: float | None
    bytes_per_token_high: float | None
    tokenizer: str
    canonical_bytes_per_token: float | None
    ratio: float | None
    corrected_bpb: float | None
    explanations: tuple[str, ...]
    artifact_bytes: int | None
    model_bytes: int | None
    code_bytes: int | None
    train_seconds: float | None
    eval_seconds: float | None
    steps: int | None
    max_steps: int | None
    step_avg_ms: float | None
    seed: int | None
    world_size: int | None
    val_tokens: int | None
    train_shards: int | None
    tokenizer_path: str
    peak_memory_mib: int | None
    runs: int
    pairs: tuple[PairSummary, ...]
    """Evaluations after training first; at most a few hundred are kept, `pairs_printed` counts all."""
    pairs_printed: int
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeedClaim:
    """A stated value of one seed against the logs: the line that prints it, or why none does.

    `agreement` is "score" (the line we name), "final" (another final line), "other" (a line that is no result), "none"
    (printed nowhere) or "no log".
    """

    seed: int
    path: str
    stated: float
    agreement: str
    log: str = ""
    line: int = 0
    label: str = ""
    printed: float | None = None


@dataclass(frozen=True, slots=True)
class StatementSummary:
    """Stated values against logs: every seed, and the mean and deviation recomputed from the stated seeds.

    `std_kind` is "sample", "population", "both" (not told apart at the printed digits), "neither" or "" (not stated).
    """

    claims: tuple[SeedClaim, ...]
    stated_mean: float | None
    mean: float | None
    mean_agrees: bool | None
    stated_std: float | None
    sample_std: float | None
    population_std: float | None
    std_kind: str


@dataclass(frozen=True, slots=True)
class LogsReport:
    """The audit of one or several logs, together with what is stated about them."""

    verdict: Verdict
    logs: tuple[LogSummary, ...]
    findings: tuple[Finding, ...] = ()
    """Findings that need more than one log, or the statement."""
    statement: StatementSummary | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return {
            "version": LOGS_REPORT_VERSION,
            "kind": "logs",
            "verdict": self.verdict.value,
            "logs": [
                {
                    **asdict(log),
                    "verdict": log.verdict.value,
                    "fingerprint_status": log.fingerprint_status.value,
                }
                for log in self.logs
            ],
            "findings": [asdict(finding) for finding in self.findings],
            "statement": None if self.statement is None else asdict(self.statement),
        }
