"""What deviating tables cost in bytes, exactly, from one stream's counts: dot products, no second pass.

    inflation ratio = candidate bytes / canonical bytes          (above 1 flatters the result)
    corrected bpb   = reported bpb x inflation ratio

The candidate's own tables under the loop that consumed them give the candidate bytes, all deviations at once. The
"+1" ratio of a stream is that of the canonical tables with one byte more for every leading-space target, whatever the
tables audited do; it is kept for comparison with older figures.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from pgolf.audit.compare import Comparison
from pgolf.core.deviation import DeviationName
from pgolf.core.luts import LookupTables
from pgolf.tokens.statistics import StreamStatistics


@dataclass(frozen=True, slots=True)
class Inflation:
    """Bytes of one stream under a candidate's tables and under the canonical ones."""

    canonical_bytes: int
    candidate_bytes: int | float

    @property
    def ratio(self) -> float:
        """Candidate bytes / canonical bytes."""
        return self.candidate_bytes / self.canonical_bytes

    def corrected_bpb(self, reported_bpb: float) -> float:
        """The bits per byte that the same nats give with canonical bytes."""
        return reported_bpb * self.ratio


CORRECTED_SLACK_BPB = 2e-4
"""A stated value this close to the corrected one of its log is the corrected one: four decimals, rounded twice."""


def is_corrected(stated_bpb: float, logged_bpb: float, ratio: float | None) -> bool:
    """Whether a stated value is the logged one with the correction already in it."""
    if ratio is None or abs(ratio - 1) * logged_bpb <= 2 * CORRECTED_SLACK_BPB:
        return False
    return abs(stated_bpb - logged_bpb * ratio) <= CORRECTED_SLACK_BPB


@dataclass(frozen=True, slots=True)
class NotComputed:
    """No exact ratio, because of `reason` (a sentence)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Share:
    """The ratio when only `names` deviate."""

    names: tuple[DeviationName, ...]
    candidate_bytes: int | float
    ratio: float


@dataclass(frozen=True, slots=True)
class PlusOne:
    """Canonical bytes of a stream and what "+1" per leading-space target makes of them."""

    canonical_bytes: int
    leading_space_targets: int

    @property
    def buggy_bytes(self) -> int:
        """Canonical bytes and one more for each leading-space target, after a boundary or not."""
        return self.canonical_bytes + self.leading_space_targets

    @property
    def ratio(self) -> float | None:
        """The "+1" ratio; None where nothing is scored."""
        return self.buggy_bytes / self.canonical_bytes if self.canonical_bytes else None


def plus_one(statistics: StreamStatistics, canonical: LookupTables) -> PlusOne:
    """The "+1" figures of a stream, whatever tables are audited."""
    return PlusOne(int(statistics.total_bytes(canonical)), statistics.space_targets(canonical))


Loop = Callable[[StreamStatistics, LookupTables], int | float]
"""Total bytes of a stream under tables and one particular evaluation loop."""


def measure_inflation(
    statistics: StreamStatistics,
    canonical: LookupTables,
    candidate: LookupTables,
    loop: Loop = StreamStatistics.total_bytes,
) -> Inflation | NotComputed:
    """The exact bytes of `candidate` on the counted stream, under the reference loop unless `loop` is another."""
    reference = int(statistics.total_bytes(canonical))
    if reference <= 0:
        return NotComputed(
            f"the {statistics.scored_tokens} scored tokens of this stream stand for no bytes, so there is no ratio"
        )
    last = int(statistics.targets.nonzero()[0][-1])
    if last >= len(candidate):
        return NotComputed(f"the audited tables have {len(candidate)} entries, the stream holds id {last}")
    if not statistics.covers(candidate):
        return NotComputed("the stream was counted without the boundaries that the audited tables set")
    total = loop(statistics, candidate)
    if not (isinstance(total, int) or math.isfinite(total)) or abs(total) > 2**62:
        return NotComputed(f"the audited tables give {total} bytes, which is no byte count")
    return Inflation(reference, total)


def decompose(statistics: StreamStatistics, comparison: Comparison) -> tuple[Share, ...]:
    """The ratio of each deviation alone, of each pair, and of all together, in that order.

    Bytes of deviations need not add up: two may touch the same token. Empty when there is none, when the tables are
    too short to be taken apart, or when nothing is scored.
    """
    names = tuple(deviation.name for deviation in comparison.deviations())
    canonical_bytes = int(statistics.total_bytes(comparison.canonical))
    if not names or comparison.too_short or canonical_bytes <= 0:
        return ()
    subsets = [*itertools.combinations(names, 1), *itertools.combinations(names, 2)]
    if names not in subsets:
        subsets.append(names)
    shares = []
    for subset in subsets:
        tables = comparison.tables_with(subset)
        if statistics.covers(tables):
            total = statistics.total_bytes(tables)
            shares.append(Share(subset, total, total / canonical_bytes))
    return tuple(shares)
