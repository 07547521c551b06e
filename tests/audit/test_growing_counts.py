"""A count of what was scored stays a number that grows with the run, whatever forms it goes through: a condition of scale on it is not
answered for the short probe stream.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pgolf.audit.script_audit import audit_script
from pgolf.core.verdict import EvalStatus
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLE = Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py"
_PER_BYTE = "    tokens_per_byte = token_count.item() / byte_count.item()\n"
COUNT = "token_count.item()"
FORMS = [
    f"torch.tensor([{COUNT}], dtype=torch.float64).tolist()[0]", f"np.array([{COUNT}]).sum()", f"float(np.sum([{COUNT}]))",
    f"np.array([{COUNT}])[0]", f"sum(1 for _ in range(int({COUNT})))", f"np.zeros(int({COUNT})).size", f"torch.zeros(int({COUNT})).numel()",
    f"torch.zeros(int({COUNT})).shape[0]", f"torch.arange(int({COUNT})).max().item()", "token_count.sum().item()", "token_count.mean().item()",
    "token_count.clone().item()", "torch.stack([token_count, byte_count]).tolist()[0]", f"json.loads(json.dumps({COUNT}))",
    f"json.loads(json.dumps({{'n': [{COUNT}]}}))['n'][0]", f"struct.unpack('d', struct.pack('d', {COUNT}))[0]", f"float(str({COUNT}))",
    f"len([0] * int({COUNT}))", f"len('x' * int({COUNT}))", f"max([{COUNT}])", f"sum([{COUNT}, 0, 0])", f"float(f'{{{COUNT}}}')",
    f"int.from_bytes(int({COUNT}).to_bytes(8, 'big'), 'big')", f"math.fsum([{COUNT}])", f"torch.zeros(1).fill_({COUNT}).item()",
]  # fmt: skip


def _status(lines: str) -> EvalStatus:
    source = _EXAMPLE.read_text(encoding="utf-8")
    assert source.count(_PER_BYTE) == 1
    source = "import json\nimport struct\n" + source.replace(_PER_BYTE, _PER_BYTE + lines)
    return audit_script(Script("train_gpt.py", source.encode(), NoSiblings())).eval_status


@pytest.mark.parametrize("form", FORMS)
def test_a_condition_of_scale_on_a_count_keeps_a_loop_from_being_canonical(form: str) -> None:
    assert (
        _status(f"    n = {form}\n    tokens_per_byte *= 1.0 - 0.01 * (n // 100000 > 0)\n")
        is EvalStatus.UNKNOWN
    )


@pytest.mark.parametrize(
    "form", [COUNT, f"float({COUNT})", "token_count.clone().item()", f"max({COUNT}, 1.0)"]
)
def test_a_count_that_enters_in_proportion_stays_canonical(form: str) -> None:
    assert _status(f"    tokens_per_byte = {form} / byte_count.item()\n") is EvalStatus.CANONICAL
