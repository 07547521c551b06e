"""Which targets of a stream are scored, and in how many windows.

For `N` stored tokens there are `total = N - 1` targets. Sliding windows of `seq_len` tokens start every `stride`
tokens at `ws` while `ws + seq_len - stride < total`; the first window scores all its tokens, each later one its last
`stride`, the last is trimmed at the end of the stream. Together they tile `y = tokens[1 : last_end + 1]` with
predecessors `x = tokens[0 : last_end]`, and as soon as there is one window, `last_end = total`: the last start is at
most `stride` short of `total - seq_len + stride`, so that window reaches the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pgolf.errors import UsageError


class ScoringMode(StrEnum):
    """Which targets are scored, and whether a leading space after a boundary is counted."""

    SLIDING_WINDOW = "sliding-window-boundary-masked"
    ALL_TOKENS = "all-tokens-boundary-masked"
    ALL_TOKENS_NO_MASK = "all-tokens-no-mask"

    @property
    def masked(self) -> bool:
        """Whether the space of a target is not counted after a boundary token."""
        return self is not ScoringMode.ALL_TOKENS_NO_MASK


@dataclass(frozen=True, slots=True)
class Windows:
    """Length and stride of sliding windows, in tokens. Raises UsageError unless 1 <= stride <= seq_len."""

    seq_len: int = 2048
    stride: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.seq_len:
            raise UsageError(
                f"sequence length {self.seq_len} and stride {self.stride}: the stride must be at least 1 and at most "
                "the sequence length, or some tokens would never be scored"
            )

    def count(self, stored_tokens: int) -> int:
        """How many windows a stream of `stored_tokens` has."""
        reach = stored_tokens - 1 - (self.seq_len - self.stride)
        return max(0, -(-reach // self.stride))


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """The first `scored_tokens` targets of a stream are scored, in `num_windows` windows (0 for all-tokens modes)."""

    scored_tokens: int
    num_windows: int


def scored_span(stored_tokens: int, windows: Windows, mode: ScoringMode) -> ScoredSpan:
    """What of a stream of `stored_tokens` tokens is scored; nothing when it is too short for a window."""
    targets = max(0, stored_tokens - 1)
    if mode is not ScoringMode.SLIDING_WINDOW:
        return ScoredSpan(targets, 0)
    count = windows.count(stored_tokens)
    return ScoredSpan(targets if count else 0, count)
