"""Losses and sums in 16 bits: three digits, and sums over millions of tokens that stop growing."""

from __future__ import annotations

import pytest

from tests.audit.variants import BYTE_COUNT, LOSS_SUM, SCORED, VAL_LOSS, canonical, changed, is_proved

_ACCUMULATOR = "    loss_sum = torch.zeros((), dtype=torch.float64, device=device)"
_WRONG = {
    "losses in half": (SCORED, "            scored = nll[s:].half()\n"),
    "losses in half and back": (SCORED, "            scored = nll[s:].half().to(torch.float64)\n"),
    "losses in bfloat16 and back": (
        SCORED,
        "            scored = nll[s:].to(torch.bfloat16).to(torch.float64)\n",
    ),
    "losses in the type of something else": (
        SCORED,
        "            scored = nll[s:].type_as(torch.zeros(1, dtype=torch.half)).double()\n",
    ),
    "losses in another type by name": (SCORED, "            scored = nll[s:].type(torch.float16).double()\n"),
    "a sum of losses in bfloat16": (VAL_LOSS, "    val_loss = (loss_sum.bfloat16() / token_count).item()\n"),
    "the mean in bfloat16": (VAL_LOSS, "    val_loss = (loss_sum / token_count).bfloat16().item()\n"),
    "an accumulator in bfloat16": (_ACCUMULATOR, _ACCUMULATOR.replace("float64", "bfloat16")),
    "a sum in half": (LOSS_SUM, "            loss_sum += scored.sum(dtype=torch.half)\n"),
    "a rounded accumulator": (
        LOSS_SUM,
        "            loss_sum = (loss_sum + scored.sum()).to(torch.bfloat16)\n",
    ),
    "rounded bytes": (BYTE_COUNT, "            byte_count = (byte_count + tb.sum()).to(torch.bfloat16)\n"),
    "bytes in half": (BYTE_COUNT, "            byte_count += tb.half().sum()\n"),
}


@pytest.mark.parametrize("name", _WRONG)
def test_what_is_added_up_in_16_bits_is_not_canonical(name: str) -> None:
    old, new = _WRONG[name]
    assert not is_proved(changed(old, new))


def test_32_bits_and_a_model_in_16_stay_canonical() -> None:
    assert is_proved(
        canonical().replace("dtype=torch.float64, device=device", "dtype=torch.float32, device=device")
    )
    assert is_proved(canonical().replace("torch.float64", "torch.float32"))
    model = "    model = GPT(args.vocab_size, args.model_dim).to(device)"
    assert is_proved(changed(model, model + ".bfloat16()"))
