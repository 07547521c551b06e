"""Scripts without a look-up table: byte-level models, byte sidecars, constants."""

from __future__ import annotations

import math

from pgolf.audit.evaluation import Watcher, bytes_from_weight
from pgolf.core.bpb import LN2
from pgolf.core.verdict import ByteSource, EvalStatus
from pgolf.untrusted.program import Program


def bytes_without_table(
    watcher: Watcher, program: Program, data: bytes
) -> tuple[ByteSource, EvalStatus, str] | None:
    """Where the bytes come from when no table was found, proved from a score; None when nothing is proved."""
    interp = program.interp
    sidecar = interp.sidecar
    for score in watcher.scores:
        weight = score.uniform
        if weight is None or not score.weights:
            continue
        n = len(score.weights)
        counted = bytes_from_weight(weight)
        where = f"{score.function} (line {score.line})"
        from_sidecar = sum(sidecar[p] for p in score.weights if p < len(sidecar))
        if sidecar and math.isclose(counted, from_sidecar, rel_tol=1e-9):
            return (
                ByteSource.SIDECAR,
                EvalStatus.CANONICAL,
                f"{where}: the bytes of each target come from a sidecar file",
            )
        if not score.is_bpb:
            # Any loss, however scaled, is a linear form; only a value that is printed as bits per byte says more.
            continue
        if math.isclose(weight * n * LN2, 1.0, rel_tol=1e-9):
            if not interp.tokenizer_calls:
                return ByteSource.BYTE_LEVEL, EvalStatus.CANONICAL, f"{where}: one token is one byte"
            continue
        if math.isclose(weight * n, 1.0, rel_tol=1e-9) or math.isclose(weight, 1.0):
            continue
        ratio = counted / n
        return (
            ByteSource.CONSTANT,
            EvalStatus.DEVIATES,
            f"{where}: divides by {ratio:.6g} bytes per token, whatever the tokens",
        )
    return None
