"""Rounds of loops that are not followed: what only a later one would store into a byte table, or return, is not known.

The branch that the followed rounds leave out decides; with a tokenizer given, nothing else keeps such a script from a proof.
"""

# ruff: noqa: E501 - programs as text
from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from pgolf.audit.script_audit import audit_script
from pgolf.core.verdict import LutStatus
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLES = Path(__file__).parents[2] / "examples"
_END_OF_LOOP = '        base_bytes[token_id] = len(piece.encode("utf-8"))\n'
_CALL = "    val_loss, val_bpb = eval_val("


def _status(old: str, new: str, before: str = "") -> LutStatus:
    source = (_EXAMPLES / "scripts" / "canonical.py").read_text(encoding="utf-8")
    assert source.count(old) == 1
    source = source.replace(
        "class Hyperparameters", "import itertools, time\n\n\n" + before + "class Hyperparameters"
    )
    script = Script("train_gpt.py", source.replace(old, new).encode(), NoSiblings())
    return audit_script(script, read_model_file(_EXAMPLES / "tokenizer.model")).lut_status


def _in_builder(lines: str, before: str = "") -> LutStatus:
    return _status(_END_OF_LOOP, _END_OF_LOOP + textwrap.indent(textwrap.dedent(lines), "    "), before)


IN_BUILDER = {
    "a counter of a while loop": "n = 0\nwhile time.time() < 5:\n    if n > 0:\n        base_bytes[n] += 1\n    n += 1",
    "a counter of a for loop": "n = 0\nfor _ in range(int(time.time()) % 7):\n    if n == 2:\n        base_bytes[40] += 1\n    n += 1",
    "a set": "seen = set()\nwhile time.time() < 5:\n    if 1 in seen:\n        base_bytes[40] += 1\n    seen.add(len(seen))",
    "an entry of a dictionary": "state = {'n': 0}\nwhile time.time() < 5:\n    if state['n'] == 3:\n        base_bytes[40] += 1\n    state['n'] += 1",
    "an attribute": "class S:\n    n = 0\nwhile time.time() < 5:\n    if S.n == 3:\n        base_bytes[40] += 1\n    S.n += 1",
    "an iterator": "it = itertools.count()\nwhile time.time() < 5:\n    if next(it) == 3:\n        base_bytes[40] += 1",
    "a return": "n = 0\nwhile time.time() < 5:\n    if n == 3:\n        return torch.tensor(base_bytes + 1), torch.tensor(has_leading_space), torch.tensor(is_boundary)\n    n += 1",
}


@pytest.mark.parametrize("name", IN_BUILDER)
def test_what_a_later_round_of_an_unknown_number_stores_is_not_known(name: str) -> None:
    assert _in_builder(IN_BUILDER[name]) is LutStatus.UNKNOWN


STEP = "    x = val_tokens[:16]\n    loss = F.cross_entropy(model(x), x)\n    loss.backward()\n    opt.step()\n    n += 1\n"
TRAINING = {
    "by the number of the step": "for step in range(20000):\n    if step == 100:\n        luts[0][40] += 1\n",
    "every so often": "for step in range(20000):\n    if step > 0 and step % 1000 == 0:\n        luts[0][40] += 1\n",
    "by a counter": "while True:\n    if n == 3:\n        luts[0].add_(1)\n    if n == 9000:\n        break\n",
    "in a function that is given the table": "for step in range(20000):\n    if step == 100:\n        patch(luts[0])\n",
    "in a function of a function": "for step in range(20000):\n    if step == 100:\n        outer(t=luts[0])\n",
    "in a function that knows the table": "for step in range(20000):\n    if step == 100:\n        late()\n",
}
FUNCTIONS = """
HELD = []


def patch(t):
    t[40] += 1


def outer(t):
    HELD.append(t)
    late()


def late():
    for t in HELD:
        t[40] += 1
    patch(HELD[0])


"""


@pytest.mark.parametrize("name", TRAINING)
def test_what_a_later_round_of_training_stores_is_not_known(name: str) -> None:
    setup = "HELD.append(luts[0])\nopt = torch.optim.Adam(model.parameters())\nn = 0\n"
    lines = textwrap.indent(setup + TRAINING[name] + STEP, "    ")
    assert _status(_CALL, lines + _CALL, FUNCTIONS) is LutStatus.UNKNOWN


def test_loops_that_leave_the_tables_alone_keep_the_proof() -> None:
    setup = "opt = torch.optim.Adam(model.parameters())\nn, log = 0, []\n"
    loop = "for step in range(20000):\n    if step == 100:\n        log.append(step)\n        show(luts[0])\n"
    lines = textwrap.indent(setup + loop + STEP, "    ")
    assert _status(_CALL, lines + _CALL, "def show(t):\n    print(t[40])\n\n\n") is LutStatus.CORRECT


def test_a_builder_with_a_counter_of_its_own_is_evaluated_alone_as_it_was_in_the_script() -> None:
    source = (_EXAMPLES / "scripts" / "canonical.py").read_text(encoding="utf-8")
    old = "    for token_id in range(sp_vocab_size):\n"
    source = source.replace(
        old, "    token_id = -1\n    while token_id + 1 < sp.get_piece_size():\n        token_id += 1\n"
    )
    wrong = source.replace('len(piece.encode("utf-8"))', '2 * len(piece.encode("utf-8"))').replace(
        "= 1\n            continue", "= 2\n            continue"
    )
    assert wrong.count("2 *") == 1
    found = audit_script(Script("train_gpt.py", wrong.encode(), NoSiblings()))
    assert [d.name.value for d in found.deviations] == ["table_rescaled"]
