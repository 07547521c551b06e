"""A training script as submissions have it, cut down to what decides a score: tables, shards, evaluation, one final line.

Ours, written for this folder. The byte tables and the evaluation are canonical; every other script here differs from
this one in the way that its name says.
"""

import glob
import math
import os
from pathlib import Path

import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F
from torch import nn


class Hyperparameters:
    val_files = os.environ.get("VAL_FILES", "data/fineweb_val_*.bin")
    tokenizer_path = os.environ.get("TOKENIZER_PATH", "data/tokenizer.model")
    vocab_size = int(os.environ.get("VOCAB_SIZE", "1024"))
    seq_len = int(os.environ.get("EVAL_SEQ_LEN", "2048"))
    stride = int(os.environ.get("EVAL_STRIDE", "64"))
    model_dim = int(os.environ.get("MODEL_DIM", "512"))


def build_sentencepiece_luts(sp, vocab_size, device):
    sp_vocab_size = int(sp.vocab_size())
    table_size = max(sp_vocab_size, vocab_size)
    base_bytes = np.zeros((table_size,), dtype=np.int16)
    has_leading_space = np.zeros((table_size,), dtype=np.bool_)
    is_boundary = np.ones((table_size,), dtype=np.bool_)
    for token_id in range(sp_vocab_size):
        if sp.is_control(token_id) or sp.is_unknown(token_id) or sp.is_unused(token_id):
            continue
        is_boundary[token_id] = False
        if sp.is_byte(token_id):
            base_bytes[token_id] = 1
            continue
        piece = sp.id_to_piece(token_id)
        if piece.startswith("\u2581"):
            has_leading_space[token_id] = True
            piece = piece[1:]
        base_bytes[token_id] = len(piece.encode("utf-8"))
    return (
        torch.tensor(base_bytes, dtype=torch.int16, device=device),
        torch.tensor(has_leading_space, dtype=torch.bool, device=device),
        torch.tensor(is_boundary, dtype=torch.bool, device=device),
    )


def load_data_shard(file):
    header = np.fromfile(file, dtype="<i4", count=256)
    if int(header[0]) != 20240520 or int(header[1]) != 1:
        raise ValueError(f"{file}: not a token shard")
    tokens = np.fromfile(file, dtype="<u2", count=int(header[2]), offset=256 * 4)
    return torch.from_numpy(tokens.astype(np.uint16, copy=False))


def load_validation_tokens(pattern):
    files = [Path(p) for p in sorted(glob.glob(pattern))]
    if not files:
        raise FileNotFoundError(pattern)
    return torch.cat([load_data_shard(file) for file in files]).contiguous()


class GPT(nn.Module):
    def __init__(self, vocab_size, dim):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim)
        self.head = nn.Linear(dim, vocab_size, bias=False)

    def forward_logits(self, x):
        return self.head(F.rms_norm(self.embed(x), (self.embed.embedding_dim,)))


def eval_val(args, model, device, val_tokens, base_bytes_lut, has_leading_space_lut, is_boundary_lut):
    total = val_tokens.numel() - 1
    loss_sum = torch.zeros((), dtype=torch.float64, device=device)
    token_count = torch.zeros((), dtype=torch.float64, device=device)
    byte_count = torch.zeros((), dtype=torch.float64, device=device)
    starts = [ws for ws in range(0, total, args.stride) if ws + args.seq_len - args.stride < total]
    with torch.inference_mode():
        for ws in starts:
            end = min(ws + args.seq_len, total)
            window = val_tokens[ws : end + 1].to(device=device, dtype=torch.int64)
            x, y = window[:-1], window[1:]
            logits = model.forward_logits(x.unsqueeze(0))[0]
            nll = F.cross_entropy(logits.float(), y, reduction="none")
            s = 0 if ws == 0 else args.seq_len - args.stride
            scored = nll[s:].to(torch.float64)
            loss_sum += scored.sum()
            token_count += float(scored.numel())
            tgt, prev = y[s:], x[s:]
            tb = base_bytes_lut[tgt].to(torch.float64)
            tb += (has_leading_space_lut[tgt] & ~is_boundary_lut[prev]).to(torch.float64)
            tb += (has_leading_space_lut[tgt] & ~is_boundary_lut[prev]).to(torch.float64)
            byte_count += tb.sum()
    val_loss = (loss_sum / token_count).item()
    bits_per_token = val_loss / math.log(2.0)
    tokens_per_byte = token_count.item() / byte_count.item()
    return val_loss, bits_per_token * tokens_per_byte


def main():
    args = Hyperparameters()
    device = torch.device("cuda")
    sp = spm.SentencePieceProcessor(model_file=args.tokenizer_path)
    if int(sp.vocab_size()) != args.vocab_size:
        raise ValueError(f"VOCAB_SIZE={args.vocab_size} does not match the tokenizer")
    val_tokens = load_validation_tokens(args.val_files)
    luts = build_sentencepiece_luts(sp, args.vocab_size, device)
    model = GPT(args.vocab_size, args.model_dim).to(device)
    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)
    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")


if __name__ == "__main__":
    main()
