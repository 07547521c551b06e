"""The published result row, one per audited script or submission (JSON lines; fields may be added, not changed)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from pgolf.core.finding import Finding
from pgolf.core.verdict import ByteSource, EvalStatus, FingerprintStatus, LutStatus, Verdict

ROW_VERSION = 1


_FINDING_FIELDS = tuple(each.name for each in fields(Finding))


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One line of `pgolf audit … --format jsonl`; SPEC 4 names the fields."""

    pr: int | None
    folder: str
    script: str | None
    script_sha256: str | None
    lut_status: LutStatus
    lut_bug_detections: tuple[str, ...]
    byte_source: ByteSource
    eval_status: EvalStatus
    packed_layers: tuple[str, ...]
    evidence: str
    tokenizer: str | None
    reported_bpb: float | None
    log_bpb: float | None
    bytes_per_token: float | None
    fingerprint_status: FingerprintStatus
    inflation_ratio: float | None
    corrected_bpb: float | None
    verdict: Verdict
    reasons: tuple[Finding, ...]
    extra: dict[str, Any] = field(default_factory=dict)
    """Added fields (dates, titles, hashes); merged into the JSON object beside the published ones."""

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON-ready mapping; enums become their values, `reasons` a list of mappings."""
        out: dict[str, Any] = {"version": ROW_VERSION}
        for name in self.__slots__:
            if name in ("reasons", "extra"):
                continue
            value = getattr(self, name)
            out[name] = list(value) if isinstance(value, tuple) else value
        out["reasons"] = [
            {name: getattr(reason, name) for name in _FINDING_FIELDS} for reason in self.reasons
        ]
        for key, value in self.extra.items():
            out.setdefault(key, value)
        return out
