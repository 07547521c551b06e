"""A model that is handed the tokens it has to predict, as far as that shows without its weights."""

from __future__ import annotations

import pytest

from tests.audit.variants import FORWARD, LOGITS, canonical, changed, is_proved

_XY = "            x, y = window[:-1], window[1:]\n"
_PREVIOUS = "            tgt, prev = y[s:], x[s:]\n"
_SUM = "        return self.head(F.rms_norm(self.embed(x) + self.embed(self.hint), (self.embed.embedding_dim,)))\n"
_WRONG = {
    "inputs are the targets": (
        _XY, "            x, y = window[1:], window[1:]\n", _PREVIOUS, "            tgt, prev = y[s:], window[:-1][s:]\n"
    ),
    "the model is given the targets": (LOGITS, LOGITS.replace("x.unsqueeze", "y.unsqueeze")),
    "the model is given the window without its first token": (LOGITS, LOGITS.replace("x.unsqueeze", "window[1:].unsqueeze")),
    "the model is given later tokens": (
        "window = val_tokens[ws : end + 1]", "later = val_tokens[ws + 2 : end + 2]\n            window = val_tokens[ws : end + 1]",
        LOGITS, LOGITS.replace("x.unsqueeze", "torch.cat([later, later[-1:]])[: len(y)].unsqueeze"),
    ),
    "an attribute of the model": (LOGITS, "            model.hint = y\n" + LOGITS, FORWARD, _SUM),
    "logits at the targets grow": (LOGITS, LOGITS + "            logits[torch.arange(len(y)), y] += 5\n"),
    "logits are scattered into": (LOGITS, LOGITS + "            logits.scatter_add_(1, y[:, None], torch.ones(len(y), 1))\n"),
    "one-hot targets": (LOGITS, LOGITS + "            logits = logits + F.one_hot(y, args.vocab_size) * 5\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", _WRONG)
def test_targets_in_what_the_model_is_given_are_not_canonical(name: str) -> None:
    assert not is_proved(changed(*_WRONG[name]))


def test_a_model_that_is_given_what_comes_before_stays_canonical() -> None:
    assert is_proved(canonical())
    assert is_proved(changed("logits.float()", "30.0 * torch.tanh(logits.float() / 30.0)"))
    assert is_proved(changed(LOGITS, LOGITS.replace("x.unsqueeze(0)", "x[None, :].contiguous()")))
    again = LOGITS + "            hidden = model.embed(x)\n"
    assert is_proved(changed(LOGITS, again))
