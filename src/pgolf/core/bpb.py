"""Bits per byte: the definition, on one screen.

    bpb = (sum of cross-entropy in nats over the scored tokens / ln 2) / (bytes those tokens stand for)

`val_loss` is nats per token, so `bytes per token = val_loss / (ln 2 * val_bpb)`: the one number about a
table that needs no code. It cannot see numerator errors, leaked targets or lossy text.
"""

from __future__ import annotations

import math

LN2 = math.log(2.0)


def bits_per_byte(loss_nats: float, scored_bytes: float) -> float:
    """Bits per byte of `loss_nats` (a sum, in nats) over `scored_bytes` bytes.

    Raises ValueError when `scored_bytes` is not positive: no bytes, no metric (never `inf`).
    """
    if not scored_bytes > 0:
        raise ValueError(f"bits per byte need a positive byte count, got {scored_bytes}")
    return loss_nats / LN2 / scored_bytes


def implied_bytes_per_token(loss_nats_per_token: float, bpb: float) -> float:
    """Bytes per token implied by a pair of `val_loss` (nats per token) and `val_bpb`.

    Raises ValueError when `bpb` is not positive.
    """
    if not bpb > 0:
        raise ValueError(f"implied bytes per token need a positive bpb, got {bpb}")
    return loss_nats_per_token / (LN2 * bpb)


def nats_per_token_to_bpb(loss_nats_per_token: float, bytes_per_token: float) -> float:
    """Convert nats per token to bits per byte, given the tokenizer's bytes per token."""
    if not bytes_per_token > 0:
        raise ValueError(f"bytes per token must be positive, got {bytes_per_token}")
    return loss_nats_per_token / LN2 / bytes_per_token


def bpb_to_nats_per_token(bpb: float, bytes_per_token: float) -> float:
    """Convert bits per byte to nats per token, given the tokenizer's bytes per token."""
    return bpb * LN2 * bytes_per_token
