"""A generator runs when its consumer asks; a table that it stores into between two items is not known, and never proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgolf.audit.script_audit import audit_script
from pgolf.core.verdict import LutStatus
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLES = Path(__file__).parents[2] / "examples"
_CALL = "    luts = build_sentencepiece_luts(sp, args.vocab_size, device)\n"


def _status(definition: str, use: str) -> LutStatus:
    source = (_EXAMPLES / "scripts" / "canonical.py").read_text(encoding="utf-8")
    assert source.count(_CALL) == 1
    source = source.replace(_CALL, _CALL + use).replace("def main():", definition + "\n\ndef main():")
    script = Script("train_gpt.py", source.encode(), NoSiblings())
    return audit_script(script, read_model_file(_EXAMPLES / "tokenizer.model")).lut_status


PATCHES = "def patches(base):\n    yield 0\n    base[40] += 1\n    yield 1\n    base[40] -= 1\n"


@pytest.mark.parametrize(
    "use",
    [
        "    steps = patches(luts[0])\n    next(steps)\n    next(steps)\n",
        "    for _ in zip(range(2), patches(luts[0])):\n        pass\n",
        "    for step in patches(luts[0]):\n        if step == 1:\n            break\n",
    ],
)
def test_a_patch_that_a_generator_takes_back_later_is_not_proved_away(use: str) -> None:
    assert _status(PATCHES, use) is not LutStatus.CORRECT


def test_a_patch_that_a_generator_never_comes_to_accuses_nobody() -> None:
    late = "def patches(base):\n    yield 0\n    base[40] += 1\n    yield 1\n"
    assert _status(late, "    next(patches(luts[0]))\n") is not LutStatus.BUGGY


def test_a_generator_with_tables_of_its_own_keeps_the_proof() -> None:
    own = "def rows(n):\n    found = torch.zeros(n)\n    for i in range(n):\n        found[i] = i\n        yield i\n"
    assert _status(own, "    print(sum(rows(args.vocab_size)))\n") is LutStatus.CORRECT
