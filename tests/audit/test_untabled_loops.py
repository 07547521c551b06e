"""Loops without a table: where one score says where the bytes come from, every loop still has to be canonical."""

from __future__ import annotations

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import ByteSource, EvalStatus
from pgolf.untrusted.script import Script

SOURCE = """
import glob, math, os
import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

class GPT(nn.Module):
    def forward(self, x, y):
        return F.cross_entropy(self.head(x).float(), y)

def load(path):
    return torch.from_numpy(np.fromfile(path, dtype="<u2", offset=1024).astype(np.int64))

def evaluate(seq_len, model, tokens, lengths, rank, world_size):
    loss_sum = torch.zeros((), dtype=torch.float64)
    count = torch.zeros((), dtype=torch.float64)
    byte_count = torch.zeros((), dtype=torch.float64)
    starts = list(range(0, tokens.numel() - 1, seq_len))
    for start in starts[rank::world_size]:
        x = tokens[start:start + seq_len]
        y = tokens[start + 1:start + seq_len + 1]
        x = x[:y.numel()]
        loss_sum += model(x, y) * y.numel()
        count += y.numel()
        byte_count += COUNTED
    for t in (loss_sum, count, byte_count):
        if world_size > 1:
            dist.all_reduce(t)
    val_loss = (loss_sum / count).item()
    return val_loss, val_loss * (count.item() / byte_count.item()) / math.log(2.0)

def main():
    seq_len = int(os.environ.get("SEQ_LEN", "64"))
    rank = int(os.environ.get("RANK", "0"))
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    vocab_size = HOW_MANY
    model = GPT()
    tokens = torch.cat([load(p) for p in sorted(glob.glob("data/fineweb_val_0*.bin"))])
    lengths = torch.cat([load(p) for p in sorted(glob.glob("data/fineweb_val_bytes_*.bin"))])
    val_loss, val_bpb = evaluate(seq_len, model, tokens, lengths, rank, world_size)
    print(f"val_loss:{val_loss:.4f} val_bpb:{val_bpb:.4f}")

if __name__ == "__main__":
    main()
"""
_COUNTED = {
    ByteSource.BYTE_LEVEL: ("y.numel()", 256),
    ByteSource.SIDECAR: ("lengths[start + 1:start + seq_len + 1].sum()", 8192),
}
_LOADED = "    val_loss, val_bpb = evaluate("
_SECOND = '    print(f"val_loss:{val_loss:.4f} val_bpb:{val_bpb:.4f}")\n'


def _audit(source: ByteSource, *changes: tuple[str, str]) -> ScriptAudit:
    counted, size = _COUNTED[source]
    text = SOURCE
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return audit_script(
        Script("train_gpt.py", text.replace("COUNTED", counted).replace("HOW_MANY", str(size)).encode())
    )


@pytest.mark.parametrize("source", list(_COUNTED))
def test_a_loop_without_tables_is_proved_like_any_other(source: ByteSource) -> None:
    audit = _audit(source)
    assert (audit.byte_source, audit.eval_status) == (source, EvalStatus.CANONICAL), audit.eval_reason


_WRONG: dict[str, tuple[tuple[str, str], ...]] = {
    "a cut of the stream": ((_LOADED, "    tokens = tokens[:500001]\n" + _LOADED),),
    "every second window": (("starts[rank::world_size]", "starts[rank::2 * world_size]"),),
    "no sum over the processes": (("if world_size > 1:", "if world_size > 99:"),),
    "a factor in other processes": (("loss_sum += model(x, y)", "loss_sum += (1 - 0.1 * rank) * model(x, y)"),),
    "a model that returns no loss": (("self.head(x).float(), y)", "self.head(x).float(), y) * 0.99"),),
    "windows of a literal size": (("y = tokens[start + 1:start + seq_len + 1]", "y = tokens[start + 1:start + 17]"),),
    "another evaluation that is not followed": (
        (
            _SECOND,
            _SECOND
            + "    import cache\n    val_bpb = cache.mix(cache.places())\n" + _SECOND,
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("source", list(_COUNTED))
@pytest.mark.parametrize("name", sorted(_WRONG))
def test_one_score_does_not_make_a_loop_without_tables_canonical(source: ByteSource, name: str) -> None:
    assert _audit(source, *_WRONG[name]).eval_status is not EvalStatus.CANONICAL


def test_bytes_of_a_sidecar_that_lead_to_no_score_leave_the_loops_open() -> None:
    phased = (
        "def adapted(model, tokens, lengths, places):\n"
        "    loss, size = 0.0, 0.0\n"
        "    for place in places:\n"
        "        loss += model(tokens[place:place + 4], tokens[place + 1:place + 5])\n"
        "        size += lengths[place + 1:place + 5].sum()\n"
        "    return loss, loss / size\n\n"
        "def main():\n"
    )
    call = (
        "    import queue_of_documents\n"
        "    loss, score = adapted(model, tokens, lengths, queue_of_documents.claimed())\n"
    )
    audit = _audit(ByteSource.SIDECAR, ("def main():\n", phased), (_SECOND, _SECOND + call))
    assert (audit.byte_source, audit.eval_status) == (ByteSource.SIDECAR, EvalStatus.UNKNOWN)
    assert "adapted" in audit.eval_reason


def test_a_limit_of_the_training_is_no_limit_of_a_loop_without_tables() -> None:
    training = (
        "    for step in range(10000):\n        if step >= 6000:\n            break\n        model.train()\n"
    )
    for source in _COUNTED:
        assert _audit(source, (_LOADED, training + _LOADED)).eval_status is EvalStatus.CANONICAL
