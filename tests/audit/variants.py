"""Variants of the shipped canonical script, one change each, and what is proved about them."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from pathlib import Path

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLE = Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py"

WINDOWS = (
    "    starts = [ws for ws in range(0, total, args.stride) if ws + args.seq_len - args.stride < total]\n"
)
LOOP = "        for ws in starts:\n"
LOGITS = "            logits = model.forward_logits(x.unsqueeze(0))[0]\n"
LOSSES = '            nll = F.cross_entropy(logits.float(), y, reduction="none")\n'
SCORED = "            scored = nll[s:].to(torch.float64)\n"
LOSS_SUM = "            loss_sum += scored.sum()\n"
BYTE_COUNT = "            byte_count += tb.sum()\n"
VAL_LOSS = "    val_loss = (loss_sum / token_count).item()\n"
PER_BYTE = "    tokens_per_byte = token_count.item() / byte_count.item()\n"
FORWARD = "        return self.head(F.rms_norm(self.embed(x), (self.embed.embedding_dim,)))\n"
LUTS = "    luts = build_sentencepiece_luts(sp, args.vocab_size, device)\n"
CALL = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"
PRINT = '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")\n'


@lru_cache(maxsize=1)
def canonical() -> str:
    """The shipped canonical script."""
    return _EXAMPLE.read_text(encoding="utf-8")


def changed(*pairs: str, source: str = "") -> str:
    """The script with each text (that must be there once) replaced by the one after it."""
    source = source or canonical()
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def in_main(code: str) -> str:
    """Statements for the body of `main()`."""
    return textwrap.indent(textwrap.dedent(code).strip("\n"), "    ") + "\n"


def in_loop(code: str) -> str:
    """Statements for the body of the loop over windows."""
    return textwrap.indent(textwrap.dedent(code).strip("\n"), " " * 12) + "\n"


def audit(source: str) -> ScriptAudit:
    compile(source, "train_gpt.py", "exec")
    return audit_script(Script("train_gpt.py", source.encode(), NoSiblings()))


def is_proved(source: str) -> bool:
    """Whether tables and evaluation are both called right."""
    found = audit(source)
    return (found.lut_status, found.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL)
