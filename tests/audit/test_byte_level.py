"""Byte-level scripts: one token is one byte, special ids are none, and a sub-word vocabulary is neither."""

from __future__ import annotations

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import ByteSource, EvalStatus
from pgolf.untrusted.script import Script

SOURCE = """
import glob, math, os
from dataclasses import dataclass, field, replace
import numpy as np
import torch
import torch.nn.functional as F

@dataclass
class Settings:
    vocab_size: int = 260
    seq_len: int = 64
    windows: list = field(init=False)
    name: str = field(default="x", init=False)

    def __post_init__(self):
        self.windows = [self.seq_len]

def load(path):
    return torch.from_numpy(np.fromfile(path, dtype="<u2", offset=1024).astype(np.int64))

def evaluate(settings, model, tokens):
    loss_sum, count, byte_count = 0.0, 0, 0
    for start in range(0, tokens.numel() - 1, settings.seq_len):
        x = tokens[start:start + settings.seq_len]
        y = tokens[start + 1:start + settings.seq_len + 1]
        x = x[:y.numel()]
        loss_sum += F.cross_entropy(model(x), y, reduction="sum").item()
        count += y.numel()
        byte_count += BYTES
    return loss_sum / count, loss_sum / byte_count / math.log(2.0)

def main():
    settings = replace(Settings(seq_len=32), seq_len=16)
    model = torch.nn.Linear(settings.vocab_size, settings.vocab_size)
    tokens = torch.cat([load(p) for p in sorted(glob.glob("data/fineweb_val_*.bin"))])
    val_loss, val_bpb = evaluate(settings, model, tokens)
    print(f"val_loss:{val_loss:.4f} val_bpb:{val_bpb:.4f}")

if __name__ == "__main__":
    main()
"""


def audit(count: str, vocabulary: int = 260) -> ScriptAudit:
    source = SOURCE.replace("BYTES", count).replace("260", str(vocabulary))
    return audit_script(Script("train_gpt.py", source.encode()))


@pytest.mark.parametrize("count", ["y.numel()", "int((y >= 4).sum())", "(y > 3).sum().item()"])
def test_bytes_and_bytes_without_special_ids_are_byte_level(count: str) -> None:
    result = audit(count)
    assert (result.byte_source, result.eval_status) == (ByteSource.BYTE_LEVEL, EvalStatus.CANONICAL), (
        result.reason
    )


@pytest.mark.parametrize(
    ("count", "vocabulary"),
    [
        ("y.numel()", 1024),
        ("int((y >= 4).sum())", 1024),
        ("int((y >= 4).sum())", 8),
        ("int((y >= 20).sum())", 260),
        ("int((y < 200).sum()) - 7", 260),
        ("2 * y.numel()", 260),
        ("int((y % 2).sum())", 260),
    ],
)
def test_nothing_else_is(count: str, vocabulary: int) -> None:
    assert audit(count, vocabulary).byte_source is not ByteSource.BYTE_LEVEL
