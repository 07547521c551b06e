"""What a script's own model returns is a loss only where its method is proved to return one.

Each case gives the model of the shipped canonical script a method that returns the losses of its targets, or does not quite.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLE = Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py"
_EVAL = "\n\ndef eval_val("
_LOGITS = "            logits = model.forward_logits(x.unsqueeze(0))[0]\n"
_LOSSES = '            nll = F.cross_entropy(logits.float(), y, reduction="none")\n'
_ASKED = '            nll = model(x.unsqueeze(0), y.unsqueeze(0), reduction="none").reshape(-1)\n'
_FORWARD = """
    def forward(self, input_ids, target_ids, reduction="mean"):
        logits = self.forward_logits(input_ids)
        logits = 30.0 * torch.tanh(logits / 30.0)
        flat, targets = logits.float().reshape(-1, logits.size(-1)), target_ids.reshape(-1)
"""
_PLAIN = "        return F.cross_entropy(flat, targets, reduction=reduction)\n"
_CONTEXT = "    with torch.inference_mode():\n"


@lru_cache(maxsize=1)
def _script() -> str:
    return _EXAMPLE.read_text(encoding="utf-8")


def _audit(body: str, *changes: tuple[str, str]) -> ScriptAudit:
    text = _script().replace(_EVAL, _FORWARD + body + _EVAL, 1)
    for old, new in ((_LOGITS, ""), (_LOSSES, _ASKED), *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return audit_script(Script("train_gpt.py", text.encode(), NoSiblings()))


_LOSS = "        loss = F.cross_entropy(flat, targets, reduction=reduction)\n"
_WRONG = {
    "factor": _LOSS + "        return loss * 0.99\n",
    "factor in training mode, which is not left": _LOSS
    + "        return loss * 0.99 if self.training else loss\n",
    "factor when not training": _LOSS
    + "        if not self.training:\n            loss = loss * 0.99\n        return loss\n",
    "less a bit": _LOSS + "        return loss - 0.01\n",
    "power": _LOSS + "        return loss ** 0.99\n",
    "clamped": _LOSS + "        return loss.clamp(max=9.0)\n",
    "label smoothing": "        return F.cross_entropy(flat, targets, reduction=reduction, label_smoothing=0.1)\n",
    "a token left out": "        return F.cross_entropy(flat, targets, reduction=reduction, ignore_index=5)\n",
    "class weights": "        return F.cross_entropy(flat, targets, weight=self.w, reduction=reduction)\n",
    "last target twice": "        return F.cross_entropy(flat, torch.cat([targets[1:], targets[-1:]]), reduction=reduction)\n",
    "shifted": "        return F.cross_entropy(flat, targets.roll(1), reduction=reduction)\n",
    "targets sorted": "        return F.cross_entropy(flat, targets.sort().values, reduction=reduction)\n",
    "its inputs": "        return F.cross_entropy(flat, input_ids.reshape(-1), reduction=reduction)\n",
    "reversed": _LOSS + "        return loss.flip(0)\n",
    "focal": _LOSS + "        return (1 - torch.exp(-loss)) ** 2 * loss\n",
    "unknown weights": _LOSS + "        return loss * self.weights\n",
    "difficult ones left out": _LOSS + "        return torch.where(loss < 9, loss, torch.zeros_like(loss))\n",
    "masked": _LOSS + "        loss[loss > 9] = 9.0\n        return loss\n",
    "helper": _LOSS
    + "        return self.shrunk(loss)\n\n    def shrunk(self, loss):\n        return loss * 0.99\n",
    "another mean": _LOSS + "        return loss.mean().expand(loss.shape)\n",
    "no cross-entropy": "        return torch.sigmoid(flat[:, 0])\n",
    "unknown code": "        import foo\n        return foo.loss(flat, targets)\n",
}


@pytest.mark.parametrize("name", sorted(_WRONG))
def test_a_model_that_returns_another_number_than_the_loss_is_not_called_canonical(name: str) -> None:
    audit = _audit(_WRONG[name])
    assert audit.lut_status is LutStatus.CORRECT
    assert audit.eval_status is not EvalStatus.CANONICAL
    assert "GPT.forward()" in audit.eval_reason


_LEFT = (_CONTEXT, "    model.eval()\n" + _CONTEXT)
_RIGHT: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "plain": (_PLAIN, ()),
    "reshaped": (_LOSS + "        return loss.view(target_ids.shape)\n", ()),
    "reshaped by the logits": (
        _LOSS + "        b, n, v = logits.shape\n        return loss.reshape(b, n)\n",
        (),
    ),
    "temperature": ("        flat = flat / self.temperature\n" + _PLAIN, ()),
    "auxiliary loss in training": (
        _LOSS
        + "        if self.training:\n            loss = loss + 0.1 * self.auxiliary()\n        return loss\n",
        (_LEFT,),
    ),
    "method of another name": (
        _PLAIN + "\n    def losses(self, x, y):\n        return self(x, y, reduction='none')\n",
        (),
    ),
    "padding ignored": (
        "        return F.cross_entropy(flat, targets, ignore_index=-100, reduction=reduction)\n",
        (),
    ),
}


@pytest.mark.parametrize("name", sorted(_RIGHT))
def test_a_model_that_returns_the_losses_of_its_targets_stays_canonical(name: str) -> None:
    body, changes = _RIGHT[name]
    audit = _audit(body, *changes)
    assert (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL), (
        audit.eval_reason
    )


def test_settings_of_the_model_are_those_that_it_is_made_with() -> None:
    body = (
        _LOSS
        + "        if self.gamma > 0:\n            loss = (1 - torch.exp(-loss)) ** self.gamma * loss\n        return loss\n"
    )
    init = "    def __init__(self, vocab_size, dim):\n        super().__init__()\n"
    for gamma, status in ((0.0, EvalStatus.CANONICAL), (1.0, EvalStatus.UNKNOWN)):
        changed = init.replace("dim):", "dim, gamma=0.5):") + "        self.gamma = gamma\n"
        made = "GPT(args.vocab_size, args.model_dim)"
        audit = _audit(body, (init, changed), (made, f"{made[:-1]}, gamma={gamma})"))
        assert audit.eval_status is status, audit.eval_reason


def test_the_model_inside_a_wrapper_of_a_library_is_looked_at() -> None:
    wrap = "    from torch.nn.parallel import DistributedDataParallel\n    model = DistributedDataParallel(model)\n"
    call = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"
    assert _audit(_PLAIN, (call, wrap + call)).eval_status is EvalStatus.CANONICAL
    assert _audit(_WRONG["factor"], (call, wrap + call)).eval_status is EvalStatus.UNKNOWN


_OTHER = """

class Dispersion(nn.Module):
    def forward(self, HIDDEN):
        return F.cross_entropy(hidden.float(), hidden.argmax(-1)) * 0.1
"""


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ("hidden", EvalStatus.CANONICAL),
        ("hidden, scale, size, reduction", EvalStatus.CANONICAL),
        ("hidden, size, *, reduction, scale", EvalStatus.CANONICAL),
        ("hidden, size", EvalStatus.CANONICAL),
        ("hidden, size=1, reduction=None", EvalStatus.UNKNOWN),
        ("hidden, *rest, **named", EvalStatus.UNKNOWN),
    ],
)
def test_a_class_that_cannot_take_the_arguments_is_not_the_model(parameters: str, status: EvalStatus) -> None:
    call = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"
    wrap = "    import wrappers\n    model = wrappers.wrapped(model)\n"
    changes = ((_EVAL, _OTHER.replace("HIDDEN", parameters) + _EVAL), (call, wrap + call))
    assert _audit(_PLAIN, *changes).eval_status is status
