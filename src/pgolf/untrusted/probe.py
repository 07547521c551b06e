"""The tokenizer and the token stream that a script is evaluated with, and what it did with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pgolf.untrusted.values import Value

SIDECAR_BASE = 1000
"""The bytes of the first target in the sidecar of the evaluation: more than any token of a vocabulary stands for."""
_SIDECAR_STEP = 7


@dataclass(slots=True)
class Probe:
    """What validation shards are said to hold, and how often tokens and tokenizer were asked for."""

    vocab_size: int = 0
    stream: list[Value] = field(default_factory=list)
    """The probe stream: `Tok` elements."""
    sidecar: list[Value] = field(default_factory=list)
    """Its bytes per token, as a file beside the shards would hold them."""
    shards_read: set[str] = field(default_factory=set)
    """"val" when tokens were read from a file whose name says so, "other" when the name was something else."""
    token_reads: int = 0
    """How often a table was read by stream tokens; a training loop that reads none is not followed for long."""
    tokenizer_calls: int = 0
    """Questions asked of tokenizers: what a function did between two readings is table building or not."""
    highest_piece_id: int = -1
    """Highest id past the vocabulary that a tokenizer was asked for."""
    tokenizer_paths: set[str] = field(default_factory=set)
    prefixes: dict[int, int] = field(default_factory=dict)
    """Literal numbers of tokens that the stream is cut to, with the line."""

    def hold(self, stream: Sequence[Value]) -> None:
        """Make this the probe stream; every target's bytes in the sidecar are other than all the others'."""
        self.stream = list(stream)
        self.sidecar = [SIDECAR_BASE + _SIDECAR_STEP * i for i in range(len(stream))]
