"""Factors that are one on the short probe stream and another number on a real one.

What is added up over the stream has to enter a score in proportion: `tokens / bytes` does, `1 + tokens // 100_000` does not.
Each case changes lines of the shipped canonical script.
"""

from __future__ import annotations

import pytest

from pgolf.audit.script_audit import ScriptAudit
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted import scaled
from tests.audit.variants import audit, changed

_PER_BYTE = "    tokens_per_byte = token_count.item() / byte_count.item()\n"
_SCORED = "            scored = nll[s:].to(torch.float64)\n"
_VAL_LOSS = "    val_loss = (loss_sum / token_count).item()\n"
_WINDOWS = "        for ws in starts:\n"


def _audit(changes: list[tuple[str, str]]) -> ScriptAudit:
    return audit(changed(*(text for pair in changes for text in pair)))


_WRONG: dict[str, list[tuple[str, str]]] = {
    "tot//1e5+1 from count": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss / (token_count.item() // 100_000 + 1)\n")
    ],
    "count tensor //": [
        (_VAL_LOSS, "    val_loss = (loss_sum / token_count / (token_count // 100_000 + 1)).item()\n")
    ],
    "int(count/1e5)": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss / (int(token_count.item() / 100_000) + 1)\n")
    ],
    "round(x,1)": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss * round(1.0 - token_count.item() / 1e6, 1)\n")
    ],
    "round tensor": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss * torch.round(1.0 - token_count / 1e6).item()\n")
    ],
    "max(1,n//1000)": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss / max(1, int(token_count.item()) // 1000)\n")
    ],
    "max(1.,n/1e6)": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss / max(1.0, token_count.item() / 1e6)\n")
    ],
    "clamp": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss / (token_count / 1e6).clamp(min=1.0).item()\n")
    ],
    "pow tiny": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss / (1 + (token_count.item() * 1e-8) ** 4)\n")
    ],
    "pow tiny tensor": [
        (_VAL_LOSS, "    val_loss = (loss_sum / token_count / (1 + (token_count * 1e-8) ** 4)).item()\n")
    ],
    "exp tiny": [
        (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss * math.exp(-(token_count.item() * 1e-8) ** 4)\n")
    ],
    "mod": [
        (
            _VAL_LOSS,
            _VAL_LOSS + "    val_loss = val_loss * (token_count.item() % 1000) / token_count.item()\n",
        )
    ],
    "byte mod": [
        (_PER_BYTE, "    tokens_per_byte = token_count.item() / (byte_count.item() % 10_000_000)\n")
    ],
    "byte &": [
        (_PER_BYTE, "    tokens_per_byte = token_count.item() / (int(byte_count.item()) & 0xFFFFFF)\n")
    ],
    "byte min": [(_PER_BYTE, "    tokens_per_byte = token_count.item() / min(byte_count.item(), 1e6)\n")],
    "byte clamp": [
        (_PER_BYTE, "    tokens_per_byte = token_count.item() / byte_count.clamp(max=1e6).item()\n")
    ],
    "byte int16": [
        (_PER_BYTE, "    tokens_per_byte = token_count.item() / byte_count.to(torch.int16).item()\n")
    ],
    "byte float32 half": [
        (_PER_BYTE, "    tokens_per_byte = token_count.item() / byte_count.half().item()\n")
    ],
    "byte str": [
        (_PER_BYTE, "    tokens_per_byte = token_count.item() / float(str(int(byte_count.item()))[:7])\n")
    ],
    "byte len str": [
        (_PER_BYTE, _PER_BYTE + "    tokens_per_byte *= 1 - 0.1 * (len(str(int(byte_count.item()))) > 6)\n")
    ],
    "byte > 1e6": [(_PER_BYTE, _PER_BYTE + "    tokens_per_byte *= 1 - 0.1 * (byte_count.item() > 1e6)\n")],
    "byte > 1e6 t": [(_PER_BYTE, _PER_BYTE + "    tokens_per_byte *= 1 - 0.1 * float(byte_count > 1e6)\n")],
    "byte where": [
        (
            _PER_BYTE,
            "    byte_count = torch.where(byte_count > 1e6, byte_count * 1.1, byte_count)\n" + _PER_BYTE,
        )
    ],
    "per window": [
        (_SCORED, _SCORED + "            scored = scored * (1 - float(token_count) // 1_000_000)\n")
    ],
    "counter": [
        (_WINDOWS, "        k = 0\n" + _WINDOWS + "            k += 1\n"),
        (_SCORED, _SCORED + "            scored = scored / (1 + k // 100_000)\n"),
    ],
    "counter2": [
        (_WINDOWS, "        k = 0\n" + _WINDOWS + "            k += 1\n"),
        (_SCORED, _SCORED + "            scored = scored / max(1, k - 50_000)\n"),
    ],
    "counter3": [
        (_WINDOWS, "        for k, ws in enumerate(starts):\n"),
        (_SCORED, _SCORED + "            scored = scored / max(1, k - 50_000)\n"),
    ],
    "counter list": [
        (_WINDOWS, "        seen = []\n" + _WINDOWS + "            seen.append(ws)\n"),
        (_SCORED, _SCORED + "            scored = scored / max(1, len(seen) - 50_000)\n"),
    ],
    "counter str": [
        (_WINDOWS, "        seen = ''\n" + _WINDOWS + "            seen += 'x'\n"),
        (_SCORED, _SCORED + "            scored = scored / max(1, len(seen) - 50_000)\n"),
    ],
    "counter set": [
        (_WINDOWS, "        seen = set()\n" + _WINDOWS + "            seen.add(ws)\n"),
        (_SCORED, _SCORED + "            scored = scored / max(1, len(seen) // 50_000)\n"),
    ],
}


@pytest.mark.parametrize("name", sorted(_WRONG))
def test_a_factor_that_a_longer_stream_changes_is_not_called_canonical(name: str) -> None:
    assert _audit(_WRONG[name]).eval_status is not EvalStatus.CANONICAL


_RIGHT: dict[str, list[tuple[str, str]]] = {
    "whole numbers": [
        (_PER_BYTE, "    tokens_per_byte = int(token_count.item()) / int(byte_count.item())\n")
    ],
    "at least one": [(_PER_BYTE, "    tokens_per_byte = token_count.item() / max(byte_count.item(), 1.0)\n")],
    "clamped below": [(_PER_BYTE, "    tokens_per_byte = (token_count / byte_count.clamp(min=1)).item()\n")],
    "guarded": [
        (
            _PER_BYTE,
            "    tokens_per_byte = token_count.item() / byte_count.item() if byte_count.item() > 0 else 0.0\n",
        )
    ],
    "in millions": [
        (_PER_BYTE, "    tokens_per_byte = (token_count.item() / 1e6) / (byte_count.item() / 1e6)\n")
    ],
    "plain numbers": [
        (_WINDOWS, "        tokens, total_bytes = 0, 0.0\n" + _WINDOWS),
        (_SCORED, _SCORED + "            tokens += scored.numel()\n"),
        (
            "            byte_count += tb.sum()\n",
            "            byte_count += tb.sum()\n            total_bytes += tb.sum().item()\n",
        ),
        (_PER_BYTE, "    tokens_per_byte = tokens / total_bytes\n"),
    ],
    "progress": [
        (
            _WINDOWS,
            "        k = 0\n"
            + _WINDOWS
            + "            k += 1\n            if k % 100 == 0:\n                print(k)\n",
        )
    ],
}


@pytest.mark.parametrize("name", sorted(_RIGHT))
def test_factors_in_proportion_stay_canonical(name: str) -> None:
    audit = _audit(_RIGHT[name])
    assert (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL), (
        audit.eval_reason
    )


@pytest.mark.parametrize("power", [-2, -1, 0, 1, 2])
def test_powers_of_a_sum_are_in_proportion(power: int) -> None:
    total = scaled.added_up(131.0)
    made = 1.0
    for _ in range(abs(power)):
        made = scaled.binary("Mult" if power > 0 else "Div", made, total, 1)
    assert scaled.proportional(made) or power == 0


@pytest.mark.parametrize("op", ["FloorDiv", "Mod", "Sub", "Add"])
def test_what_a_longer_stream_makes_another_number_of_is_not_in_proportion(op: str) -> None:
    made = scaled.binary(op, scaled.added_up(131.0), 100_000.0, 1)
    assert not scaled.sums(made) or not scaled.proportional(made)


def test_a_sum_is_known_to_be_larger_than_nothing_and_not_compared_with_what_a_real_run_reaches() -> None:
    total = scaled.added_up(131.0)
    assert scaled.compare("Gt", total, 0, 1) is True
    assert not isinstance(scaled.compare("Gt", total, 1e6, 1), bool)
