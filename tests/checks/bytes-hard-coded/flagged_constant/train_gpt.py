"""Bits per byte from a constant."""

import math

BYTES_PER_TOKEN = 2.5


def eval_val(model, val_tokens, seq_len):
    loss_sum = 0.0
    token_count = 0
    for start in range(0, val_tokens.numel() - 1 - seq_len + 1, seq_len):
        x = val_tokens[start : start + seq_len]
        y = val_tokens[start + 1 : start + seq_len + 1]
        loss_sum += model(x, y).item() * y.numel()
        token_count += y.numel()
    val_loss = loss_sum / token_count
    return val_loss, val_loss / math.log(2.0) / BYTES_PER_TOKEN
