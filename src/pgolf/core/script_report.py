"""What the audit of one script hands to a renderer: plain values, no engine types."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pgolf.core.deviation import Deviation
from pgolf.core.finding import Finding
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus, Verdict

SCRIPT_REPORT_VERSION = 1


@dataclass(frozen=True, slots=True)
class CodeLocation:
    """A place in the code: what is there (`builder`, `eval loop`, …), the path as shown, and the 1-based line."""

    role: str
    path: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class SourceLayer:
    """Code that came out of a wrapper: the path findings use for it, how it was packed, its text and hash.

    Renderers show locations inside it; SARIF carries the text as a virtual artifact so that lines can be read.
    """

    path: str
    packing: str
    text: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """The exact correction on a token stream: reported bpb x candidate bytes / canonical bytes (SPEC 2).

    `includes` says what the ratio covers; `scored_tokens` counts targets. None where it was not measured.
    """

    ratio: float
    reported_bpb: float | None = None
    corrected_bpb: float | None = None
    candidate_bytes: float | None = None
    canonical_bytes: float | None = None
    scored_tokens: int | None = None
    stream: str = ""
    includes: str = ""


@dataclass(frozen=True, slots=True)
class ScriptReport:
    """The audit of one script. `reason` says why a status is UNKNOWN, `undecided_by` what would decide it."""

    script: str
    script_sha256: str | None
    verdict: Verdict
    lut_status: LutStatus
    deviations: tuple[Deviation, ...]
    byte_source: ByteSource
    eval_status: EvalStatus
    packed_layers: tuple[str, ...]
    evidence: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    undecided_by: str = ""
    tokenizer: str | None = None
    locations: tuple[CodeLocation, ...] = ()
    layers: tuple[SourceLayer, ...] = ()
    correction: Correction | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Added fields; merged into the JSON object beside the published ones."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping. The text of packed layers stays out (SARIF carries it); their hashes stay in."""
        out: dict[str, Any] = {
            "version": SCRIPT_REPORT_VERSION,
            "kind": "script",
            "script": self.script,
            "script_sha256": self.script_sha256,
            "verdict": self.verdict.value,
            "lut_status": self.lut_status.value,
            "lut_bug_detections": [deviation.name.value for deviation in self.deviations],
            "byte_source": self.byte_source.value,
            "eval_status": self.eval_status.value,
            "packed_layers": list(self.packed_layers),
            "evidence": self.evidence,
            "tokenizer": self.tokenizer,
            "reason": self.reason,
            "undecided_by": self.undecided_by,
            "deviations": [
                {**asdict(deviation), "name": deviation.name.value} for deviation in self.deviations
            ],
            "correction": None if self.correction is None else asdict(self.correction),
            "locations": [asdict(location) for location in self.locations],
            "layers": [{"path": x.path, "packing": x.packing, "sha256": x.sha256} for x in self.layers],
            "findings": [asdict(finding) for finding in self.findings],
            "notes": list(self.notes),
        }
        for key, value in self.extra.items():
            out.setdefault(key, value)
        return out
