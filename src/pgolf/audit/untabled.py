"""Scripts without a look-up table: byte-level models, byte sidecars, constants."""

from __future__ import annotations

import math
from typing import NamedTuple

from pgolf.audit.evaluation import Watcher, bytes_from_weight
from pgolf.core.bpb import LN2
from pgolf.core.verdict import ByteSource, EvalStatus
from pgolf.untrusted.program import Program
from pgolf.untrusted.values import Value

_MOST_SPECIAL_IDS = 8


class Untabled(NamedTuple):
    """Where the bytes come from, what is known of the loop by that alone, why; ids before the bytes that count none."""

    source: ByteSource
    evaluation: EvalStatus
    why: str
    special_ids: int = 0


def bytes_without_table(watcher: Watcher, program: Program, data: bytes) -> Untabled | None:
    """Where the bytes come from when no table was found, proved from a score; None when nothing is proved."""
    interp = program.interp
    sidecar = interp.probe.sidecar
    for score in watcher.scores:
        weight = score.uniform
        if weight is None or not score.weights:
            continue
        n = len(score.weights)
        counted = bytes_from_weight(weight)
        where = f"{score.function} (line {score.line})"
        from_sidecar = sum(sidecar[p] for p in score.weights if p < len(sidecar))
        if sidecar and math.isclose(counted, from_sidecar, rel_tol=1e-9):
            return Untabled(
                ByteSource.SIDECAR,
                EvalStatus.CANONICAL,
                f"{where}: the bytes of each target come from a sidecar file",
            )
        if not score.is_bpb:
            # Any loss, however scaled, is a linear form; only a value that is printed as bits per byte says more.
            continue
        if math.isclose(weight * n * LN2, 1.0, rel_tol=1e-9):
            if not interp.probe.tokenizer_calls:
                return Untabled(
                    ByteSource.BYTE_LEVEL, EvalStatus.CANONICAL, f"{where}: one token is one byte"
                )
            continue
        if math.isclose(weight * n, 1.0, rel_tol=1e-9) or math.isclose(weight, 1.0):
            continue
        special = _special_ids(counted, score.weights, interp.probe.stream)
        if special and not interp.probe.tokenizer_calls:
            why = f"{where}: one token is one byte, and the {special} ids before them are none"
            return Untabled(ByteSource.BYTE_LEVEL, EvalStatus.CANONICAL, why, special)
        ratio = counted / n
        return Untabled(
            ByteSource.CONSTANT,
            EvalStatus.DEVIATES,
            f"{where}: divides by {ratio:.6g} bytes per token, whatever the tokens",
        )
    return None


def _special_ids(counted: float, weights: dict[int, float], stream: list[Value]) -> int:
    """How many ids before the bytes count nothing, when exactly those explain the count; 0 when none do.

    The losses of those ids are counted, as in the rule for tables: a boundary token has a loss and no bytes.
    """
    for special in range(1, _MOST_SPECIAL_IDS + 1):
        if math.isclose(counted, sum(1 for p in weights if int(stream[p]) >= special), rel_tol=1e-9):
            return special
    return 0
