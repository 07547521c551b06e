"""A training script, cut down to what decides the bytes: the tables and the evaluation loop."""

import glob
import math
import os

import numpy as np
import sentencepiece as spm
import torch

VOCAB_SIZE = int(os.environ.get("VOCAB_SIZE", 1024))
EVAL_SEQ_LEN = int(os.environ.get("EVAL_SEQ_LEN", 1024))


def build_sentencepiece_luts(sp, vocab_size, device):
    table_size = max(int(sp.vocab_size()), vocab_size)
    base_bytes = np.zeros((table_size,), dtype=np.int16)
    has_leading_space = np.zeros((table_size,), dtype=np.bool_)
    is_boundary = np.ones((table_size,), dtype=np.bool_)
    for token_id in range(int(sp.vocab_size())):
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


def eval_val(model, val_tokens, seq_len, luts):
    base_bytes, has_leading_space, is_boundary = luts
    loss_sum = torch.zeros((), dtype=torch.float64)
    token_count = torch.zeros((), dtype=torch.float64)
    byte_count = torch.zeros((), dtype=torch.float64)
    with torch.inference_mode():
        for start in range(0, val_tokens.numel() - seq_len, seq_len):
            x = val_tokens[start : start + seq_len].reshape(1, seq_len)
            y = val_tokens[start + 1 : start + seq_len + 1].reshape(1, seq_len)
            loss = model(x, y)
            loss_sum += loss.to(torch.float64) * float(y.numel())
            token_count += float(y.numel())
            prev_ids = x.reshape(-1)
            tgt_ids = y.reshape(-1)
            token_bytes = base_bytes[tgt_ids].to(dtype=torch.int16)
            token_bytes += (has_leading_space[tgt_ids] & ~is_boundary[prev_ids]).to(dtype=torch.int16)
            byte_count += token_bytes.to(torch.float64).sum()
    val_loss = loss_sum / token_count
    bits_per_token = val_loss.item() / math.log(2.0)
    tokens_per_byte = token_count.item() / byte_count.item()
    return val_loss.item(), bits_per_token * tokens_per_byte


def load_shard(path):
    header = np.fromfile(path, dtype="<i4", count=256)
    if header[0] != 20240520 or header[1] != 1:
        raise ValueError(f"unexpected shard header: {path}")
    tokens = np.fromfile(path, dtype="<u2", count=int(header[2]), offset=256 * 4)
    return torch.from_numpy(tokens.astype(np.int64))


def load_validation_tokens(pattern):
    return torch.cat([load_shard(path) for path in sorted(glob.glob(pattern))]).contiguous()


class Bigram(torch.nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.logits = torch.nn.Embedding(vocab_size, vocab_size)

    def forward(self, x, y):
        return torch.nn.functional.cross_entropy(self.logits(x).flatten(0, 1), y.flatten())


def main():
    sp = spm.SentencePieceProcessor(model_file=os.environ.get("TOKENIZER_PATH", "fineweb_1024_bpe.model"))
    val_tokens = load_validation_tokens(os.environ.get("VAL_FILES", "fineweb_val_*.bin"))
    model = Bigram(VOCAB_SIZE)
    luts = build_sentencepiece_luts(sp, VOCAB_SIZE, "cpu")
    val_loss, val_bpb = eval_val(model, val_tokens, EVAL_SEQ_LEN, luts)
    print(f"final_int8_zlib_roundtrip_exact val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")


if __name__ == "__main__":
    main()
