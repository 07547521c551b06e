"""A literal that happens to be a size of the scaled-down evaluation is another thing in a real run.

Each case changes a line or two of the shipped canonical script, whose windows of 2,048 tokens every 64 are evaluated as 16 every 4.
"""

from __future__ import annotations

import pytest

from pgolf.audit.script_audit import ScriptAudit
from pgolf.core.verdict import EvalStatus, LutStatus
from tests.audit.variants import audit, changed

_FIRST = "            s = 0 if ws == 0 else args.seq_len - args.stride\n"
_END = "            end = min(ws + args.seq_len, total)\n"
_STARTS = (
    "    starts = [ws for ws in range(0, total, args.stride) if ws + args.seq_len - args.stride < total]\n"
)
_CALL = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"
_EVAL = "def eval_val(args, model,"
_MAIN = "def main():\n"


def _audit(changes: list[tuple[str, str]]) -> ScriptAudit:
    return audit(changed(*(text for pair in changes for text in pair)))


_WRONG: dict[str, list[tuple[str, str]]] = {
    "four of each stride": [(_FIRST, _FIRST.replace("args.stride", "4"))],
    "from the twelfth": [(_FIRST, "            s = 0 if ws == 0 else 12\n")],
    "four by an argument": [
        (_EVAL, "def eval_val(last, args, model,"),
        (_CALL, _CALL.replace("eval_val(", "eval_val(4, ")),
        (_FIRST, _FIRST.replace("args.stride", "last")),
    ],
    "four by a constant": [
        (_MAIN, "LAST = 4\n\n\n" + _MAIN),
        (_FIRST, _FIRST.replace("args.stride", "LAST")),
    ],
    "four by a helper": [
        (_EVAL, "def first_scored(ws, size):\n    return 0 if ws == 0 else size - 4\n\n\n" + _EVAL),
        (_FIRST, "            s = first_scored(ws, args.seq_len)\n"),
    ],
    "a quarter of the window": [(_FIRST, _FIRST.replace("args.stride", "args.seq_len // 4"))],
    "steps of four": [(_STARTS, _STARTS.replace("range(0, total, args.stride)", "range(0, total, 4)"))],
    "windows of sixteen": [(_END, _END.replace("args.seq_len", "16"))],
    "four windows of four": [(_END, _END.replace("args.seq_len", "4 * args.stride"))],
    "starts made outside, four of each": [
        (_STARTS, ""),
        (_EVAL, "def eval_val(starts, args, model,"),
        (_CALL, "    total = val_tokens.numel() - 1\n" + _STARTS + _CALL.replace("eval_val(", "eval_val(starts, ")),
        (_FIRST, _FIRST.replace("args.stride", "4")),
    ],
    "a hundredth of the stream at its start": [
        (_STARTS, "    val_tokens = val_tokens[total // 100 :]\n    total = val_tokens.numel() - 1\n" + _STARTS)
    ],
    "a twentieth of the windows at the start": [("        for ws in starts:\n", "        for ws in starts[len(starts) // 20 :]:\n")],
    "windows of the start that a part of the stream counts": [
        ("        for ws in starts:\n", "        for ws in starts:\n            if ws < total // 40:\n                continue\n")
    ],
    "targets before a number of tokens": [
        ("        for ws in starts:\n", "        for ws in starts:\n            if ws < 3:\n                continue\n")
    ],
    "windows in the middle": [
        ("        for ws in starts:\n", "        for ws in starts:\n            if ws == 8 * args.stride:\n                continue\n")
    ],
    "a stride by a literal setting, four by another": [
        ('    stride = int(os.environ.get("EVAL_STRIDE", "64"))\n', "    stride = 64\n"),
        (_FIRST, _FIRST.replace("args.stride", "4")),
    ],
    "a stride that is the literal, not the setting": [(_FIRST, _FIRST.replace("args.stride", "64"))],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(_WRONG))
def test_a_literal_that_is_a_size_only_here_keeps_a_loop_from_being_called_canonical(name: str) -> None:
    audit = _audit(_WRONG[name])
    assert audit.lut_status is LutStatus.CORRECT
    assert audit.eval_status is not EvalStatus.CANONICAL


_RIGHT: dict[str, list[tuple[str, str]]] = {
    "as it is": [],
    "starts made outside": [
        (_STARTS, ""),
        (_EVAL, "def eval_val(starts, args, model,"),
        (_CALL, "    total = val_tokens.numel() - 1\n" + _STARTS + _CALL.replace("eval_val(", "eval_val(starts, ")),
    ],
    "sizes as arguments": [
        (_EVAL, "def eval_val(size, step, args, model,"),
        (_CALL, _CALL.replace("eval_val(", "eval_val(args.seq_len, args.stride, ")),
        (_FIRST, "            s = 0 if ws == 0 else size - step\n"),
    ],
    "sizes in the text of a class": [
        ('    seq_len = int(os.environ.get("EVAL_SEQ_LEN", "2048"))\n', "    seq_len: int = 2048\n"),
        ('    stride = int(os.environ.get("EVAL_STRIDE", "64"))\n', "    stride = 64\n"),
    ],
    "a stride by a default": [
        (_EVAL, "def eval_val(args, model,"),
        ("has_leading_space_lut, is_boundary_lut):", "has_leading_space_lut, is_boundary_lut, stride=64):"),
        (_STARTS, _STARTS.replace("args.stride", "stride")),
        (_FIRST, _FIRST.replace("args.stride", "stride")),
    ],
    "a stride by a named argument": [
        ("has_leading_space_lut, is_boundary_lut):", "has_leading_space_lut, is_boundary_lut, stride):"),
        (_CALL, _CALL.replace("*luts)", "*luts, stride=64)")),
        (_STARTS, _STARTS.replace("args.stride", "stride")),
        (_FIRST, _FIRST.replace("args.stride", "stride")),
    ],
    "the first window scores its last tokens only": [(_FIRST, "            s = args.seq_len - args.stride\n")],
    "a setting compared with a small literal": [
        (_STARTS, "    limit = 600.0\n    deadline = 1000 * limit if limit > 0 else None\n" + _STARTS)
    ],
    "settings of a class": [
        ("    args = Hyperparameters()\n", "    args = Hyperparameters\n"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(_RIGHT))
def test_windows_of_any_size_stay_canonical(name: str) -> None:
    audit = _audit(_RIGHT[name])
    assert (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL), (
        audit.eval_reason
    )
