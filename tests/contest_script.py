"""A training script in the contest's manner, written by us, with each deviation of its table builder as a switch."""

from __future__ import annotations

from pgolf.core.deviation import DeviationName

N = DeviationName

SCRIPT = """
import glob
import math
import os

import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F


def build_sentencepiece_luts(sp, vocab_size, device):
    table_size = max(int(sp.vocab_size()), vocab_size)
    base_bytes = np.zeros((table_size,), dtype=np.int16)
    has_leading_space = np.zeros((table_size,), dtype=np.bool_)
    is_boundary = np.ones((table_size,), dtype=np.bool_)
    for token_id in range(int(sp.vocab_size())):
        if sp.is_control(token_id) or sp.is_unknown(token_id){UNUSED}:
            {BOUNDARY}continue
        is_boundary[token_id] = False
        {BYTE}
        piece = sp.id_to_piece(token_id)
        if piece.startswith("{MARKER}"):
            has_leading_space[token_id] = True
            piece = piece[1:]{PLUS}
        base_bytes[token_id] += len(piece{ENCODE})
    return (
        torch.tensor(base_bytes, dtype=torch.int16, device=device),
        torch.tensor(has_leading_space, dtype=torch.bool, device=device),
        torch.tensor(is_boundary, dtype=torch.bool, device=device),
    )


def load_validation_tokens(pattern, seq_len):
    parts = []
    for path in sorted(glob.glob(pattern)):
        header = np.fromfile(path, dtype="<i4", count=256)
        parts.append(torch.from_numpy(np.fromfile(path, dtype="<u2", count=int(header[2]), offset=1024).astype(np.int64)))
    tokens = torch.cat(parts).contiguous()
    usable = ((tokens.numel() - 1) // seq_len) * seq_len
    return tokens[: usable + 1]


def eval_val(model, tokens, seq_len, device, base_bytes_lut, has_leading_space_lut, is_boundary_token_lut):
    loss_sum = torch.zeros((), device=device, dtype=torch.float64)
    token_count = torch.zeros((), device=device, dtype=torch.float64)
    byte_count = torch.zeros((), device=device, dtype=torch.float64)
    model.eval()
    with torch.inference_mode():
        for start in range(0, tokens.numel() - 1, seq_len):
            local = tokens[start : start + seq_len + 1].to(device)
            x = local[:-1].reshape(-1, seq_len)
            y = local[1:].reshape(-1, seq_len)
            loss = model(x, y).detach()
            loss_sum += loss.to(torch.float64) * float(y.numel())
            token_count += float(y.numel())
            prev_ids = x.reshape(-1)
            tgt_ids = y.reshape(-1)
            token_bytes = base_bytes_lut[tgt_ids].to(torch.int16)
            token_bytes += (has_leading_space_lut[tgt_ids] & ~is_boundary_token_lut[prev_ids]).to(torch.int16)
            byte_count += token_bytes.to(torch.float64).sum()
    val_loss = loss_sum / token_count
    bits_per_token = val_loss.item() / math.log(2.0)
    tokens_per_byte = token_count.item() / byte_count.item()
    return float(val_loss.item()), float(bits_per_token * tokens_per_byte)


class GPT(torch.nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.emb = torch.nn.Embedding(vocab_size, 32)
        self.head = torch.nn.Linear(32, vocab_size)

    def forward(self, x, y):
        logits = self.head(self.emb(x))
        return F.cross_entropy(logits.reshape(-1, logits.size(-1)), y.reshape(-1))


def main():
    device = torch.device("cuda")
    seq_len = int(os.environ.get("TRAIN_SEQ_LEN", 1024))
    vocab_size = int(os.environ.get("VOCAB_SIZE", 1024))
    sp = spm.SentencePieceProcessor(model_file=os.environ.get("TOKENIZER_PATH", "./tokenizer.model"))
    tokens = load_validation_tokens("./data/fineweb_val_*.bin", seq_len)
    luts = build_sentencepiece_luts(sp, vocab_size, device)
    model = GPT(vocab_size).to(device)
    val_loss, val_bpb = eval_val(model, tokens, seq_len, device, *luts)
    print(f"val_loss:{val_loss:.4f} val_bpb:{val_bpb:.4f}")


if __name__ == "__main__":
    main()
"""
CANONICAL = {
    "UNUSED": " or sp.is_unused(token_id)",
    "BOUNDARY": "",
    "BYTE": "if sp.is_byte(token_id):\n            base_bytes[token_id] = 1\n            continue",
    "MARKER": "▁",
    "PLUS": "",
    "ENCODE": '.encode("utf-8")',
}
BUGS: dict[DeviationName, dict[str, str]] = {
    N.LEADING_SPACE_PLUS_ONE: {"PLUS": "\n            base_bytes[token_id] = 1"},
    N.BYTE_TOKEN_WRONG_SIZE: {"BYTE": "# no byte branch"},
    N.MISSING_IS_UNUSED: {"UNUSED": ""},
    N.BOUNDARY_BYTES_COUNTED: {
        "BOUNDARY": "base_bytes[token_id] = len(sp.id_to_piece(token_id))\n            "
    },
    N.MARKER_NOT_RECOGNISED: {"MARKER": "?"},
    N.COUNTS_CHARACTERS: {"ENCODE": ""},
}


def script(*bugs: DeviationName) -> str:
    parts = dict(CANONICAL)
    for bug in bugs:
        parts |= BUGS[bug]
    out = SCRIPT
    for key, value in parts.items():
        out = out.replace("{" + key + "}", value)
    return out
