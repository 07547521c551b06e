"""Bytes per token that stand in the formula: found in the text where no evaluation gets, and never guessed."""

from __future__ import annotations

import textwrap

import pytest

from pgolf.audit.constant_formula import ConstantBytes, constant_bytes, vocabulary_sizes
from pgolf.audit.script_audit import audit_script
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.script import Script
from pgolf.untrusted.source import read_source

LOOP = """
import math, os
import torch
import torch.nn.functional as F

vocab_size = int(os.environ.get("VOCAB_SIZE", 1024))
BYTES = 2.5

def evaluate(model, batches):
    total_loss, total_tokens = 0.0, 0
    for _ in range(20):
        x, y = batches.next()
        _, loss = model(x, y)
        n = y.numel()
        total_loss += loss.item() * n
        total_tokens += n
    avg_loss = total_loss / total_tokens
    val_bpb = FORMULA
    return avg_loss, val_bpb

def main():
    from mystery import model, batches
    for step in range(4):
        if step == 9:
            val_loss, val_bpb = evaluate(model, batches)
            print(f"val_loss:{val_loss:.4f} val_bpb:{val_bpb:.4f}")

if __name__ == "__main__":
    main()
"""


def found(text: str) -> ConstantBytes | None:
    return constant_bytes([read_source(text.encode(), "train_gpt.py", DEFAULT_LIMITS)])


def formula(text: str) -> str:
    return LOOP.replace("FORMULA", text)


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        ("avg_loss / math.log(2) / 3.5", 3.5),
        ("avg_loss / (math.log(2.0) * BYTES)", 2.5),
        ("float(avg_loss) * (1.0 / 2.35) / math.log(2)", 2.35),
        ("avg_loss * 1.4426950408889634 / 4.3", 4.3),
        ("avg_loss * math.log2(math.e) / 4.3", 4.3),
        ("total_loss / max(total_tokens, 1) / 0.6931 / 3", 3.0),
        ("total_loss / (total_tokens * 3.0) / math.log(2)", 3.0),
        ("avg_loss / math.log(2)", 1.0),
    ],
)
def test_a_literal_in_the_only_formula_is_the_bytes_per_token(text: str, constant: float) -> None:
    result = found(formula(text))
    assert result is not None
    assert result.bytes_per_token == pytest.approx(constant)
    assert result.function == "evaluate"


@pytest.mark.parametrize(
    "text",
    [
        "avg_loss / math.log(2) / ratio",  # a name that is bound nowhere
        "total_loss / total_bytes / math.log(2)",
        "avg_loss * total_tokens / byte_count / math.log(2)",
        "score(avg_loss, total_tokens)",
        "avg_loss / math.log(2) / 3.5 if avg_loss else avg_loss / math.log(2) / 2.5",
        "avg_loss / math.log(2) / math.log(2) / 3.5",
        "avg_loss / 3.5",  # not in bits at all
        "accuracy / math.log(2) / 3.5",
        "total_loss / other / math.log(2)",
        "avg_loss / math.log(2) / 0",
    ],
)
def test_any_other_form_says_nothing(text: str) -> None:
    assert found(formula(text)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("n = y.numel()", "n = sum(len(t.encode()) for t in decode(y))"),
        ("n = y.numel()", "n = lengths[y].sum()"),
        ("n = y.numel()", "n = byte_lut[y].sum()"),
        ("total_tokens += n", "total_tokens += len(text.encode('utf-8'))"),
        ("total_loss += loss.item() * n", "total_loss += loss.item() * n / bytes_of(y)"),
        ("avg_loss = total_loss / total_tokens", "avg_loss = total_loss / count_of(y)"),
        (
            "def main():",
            "def final_bpb(total, byte_total):\n    return total / byte_total / math.log(2)\n\ndef main():",
        ),
        ("def main():", "def lut(sp):\n    return [sp.is_byte(i) for i in range(9)]\n\ndef main():"),
        (
            "    avg_loss =",
            "    total_tokens = total_tokens * 2.5\n    total_tokens /= other\n    avg_loss =",
        ),
        ("BYTES = 2.5", "BYTES = 2.5\nBYTES = measure()"),
    ],
)
def test_what_could_count_bytes_elsewhere_says_nothing(old: str, new: str) -> None:
    source = formula("avg_loss / math.log(2) / BYTES")
    assert found(source) is not None
    changed = source.replace(old, new, 1)
    assert changed != source
    assert found(changed) is None


def test_two_constants_say_nothing_and_statistics_of_scores_do_not_disturb() -> None:
    source = formula("avg_loss / math.log(2) / 3.5")
    assert (
        found(source.replace("def main():", "def late_bpb(loss_sum, n_tokens):\n    return 1\n\ndef main():"))
        is not None
    )
    more = (
        "best_bpb = min(best_bpb, val_bpb)\n            mean_bpb = sum(bpbs) / len(bpbs)\n            print(f"
    )
    assert found(source.replace("print(f", more, 1)) is not None
    other = 'print("bpb", 1)\n            other_bpb = val_loss / math.log(2) / 2.0\n            print(f'
    assert found(source.replace("print(f", other, 1)) is None


def test_sums_that_pass_through_an_all_reduce_are_followed() -> None:
    reduced = (
        "    t = torch.tensor([total_loss, float(total_tokens)])\n"
        "    dist.all_reduce(t)\n"
        "    total_loss, total_tokens = t[0].item(), t[1].item()\n"
        "    avg_loss ="
    )
    assert found(formula("avg_loss / math.log(2) / 3.5").replace("    avg_loss =", reduced)) is not None
    swapped = reduced.replace("t[0].item(), t[1].item()", "t[0].item(), t[2].item()")
    assert found(formula("avg_loss / math.log(2) / 3.5").replace("    avg_loss =", swapped)) is None


def audit(source: str) -> tuple[ByteSource, EvalStatus]:
    result = audit_script(Script("train_gpt.py", textwrap.dedent(source).encode()))
    assert result.lut_status is LutStatus.UNKNOWN
    return result.byte_source, result.eval_status


def test_the_audit_says_constant_only_where_nothing_else_can_be_meant() -> None:
    known = formula("avg_loss / math.log(2) / 3.5").replace(
        "from mystery import model, batches", "import torch as model\n    batches = model"
    )
    assert audit(known) == (ByteSource.CONSTANT, EvalStatus.DEVIATES)
    # A module that is not there may do anything.
    assert audit(formula("avg_loss / math.log(2) / 3.5"))[0] is ByteSource.UNKNOWN
    bits = known.replace(" / 3.5", "")
    assert audit(bits) == (ByteSource.CONSTANT, EvalStatus.DEVIATES)
    # With a vocabulary of bytes, or of a size that is not said, bits per token may be bits per byte.
    assert audit(bits.replace("1024", "260"))[0] is ByteSource.UNKNOWN
    assert audit(bits.replace("vocab_size", "size"))[0] is ByteSource.UNKNOWN


def test_vocabulary_sizes_are_read_from_where_they_are_set() -> None:
    source = "class H:\n    vocab_size: int = 2048\n    def f(self, vocab_size=4096): pass\nx = Model(vocab_size=512)\n"
    assert vocabulary_sizes([read_source(source.encode(), "a.py", DEFAULT_LIMITS)]) == {2048, 4096, 512}
