"""What the audit of a tokenizer hands to a renderer: plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pgolf.core.finding import Finding
from pgolf.core.verdict import Verdict

TOKENIZER_REPORT_VERSION = 1


@dataclass(frozen=True, slots=True)
class WorstToken:
    """A token whose counted bytes differ from the bytes of text it stands for, over all its occurrences."""

    token: int
    text: str
    occurrences: int
    counted_bytes: int
    text_bytes: int

    @property
    def surplus_bytes(self) -> int:
        """Counted bytes less the bytes of text."""
        return self.counted_bytes - self.text_bytes


@dataclass(frozen=True, slots=True)
class TextCounts:
    """Bytes of the same documents counted in several ways, and the tokens behind the differences.

    `rule_bytes`: by the byte rule on the stream; `alone_bytes`: each token sized by `decode([id])`; `normalised_bytes`:
    left after normalisation.
    """

    documents: int
    tokens: int
    raw_bytes: int
    decoded_bytes: int
    normalised_bytes: int
    rule_bytes: int
    alone_bytes: int
    unknown_tokens: int
    documents_changed: int
    truncated: bool
    worst_by_rule: tuple[WorstToken, ...]
    worst_alone: tuple[WorstToken, ...]

    def share(self, counted: int) -> float:
        """`counted` bytes relative to the raw ones, minus 1: +0.218 is 21.8 % over."""
        return counted / self.raw_bytes - 1

    def to_json(self) -> dict[str, Any]:
        """The counts, with each one's ratio to the raw bytes and the rule's bytes per token."""
        out = asdict(self)
        for name in ("decoded", "normalised", "rule", "alone"):
            out[f"{name}_over_raw"] = out[f"{name}_bytes"] / self.raw_bytes
        out["rule_bytes_per_token"] = self.rule_bytes / max(1, self.tokens)
        return out


@dataclass(frozen=True, slots=True)
class TokenizerReport:
    """The audit of one tokenizer file; `counts` is None when no text was given."""

    tokenizer: str
    tokenizer_sha256: str
    verdict: Verdict
    format: str
    vocab_size: int
    byte_level: bool
    has_marker_piece: bool
    single_byte_tokens: int
    unused_pieces: int
    bos_id: int
    dummy_prefix: bool
    normaliser: str
    findings: tuple[Finding, ...]
    text: str | None = None
    counts: TextCounts | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping of kind "tokenizer"."""
        out: dict[str, Any] = {"version": TOKENIZER_REPORT_VERSION, "kind": "tokenizer"}
        out |= {name: getattr(self, name) for name in self.__slots__ if name not in ("findings", "counts")}
        out["verdict"] = self.verdict.value
        out["counts"] = None if self.counts is None else self.counts.to_json()
        out["findings"] = [asdict(finding) for finding in self.findings]
        return out
