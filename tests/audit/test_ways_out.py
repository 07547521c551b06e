# ruff: noqa: E501
"""A round or a function that may have been left under an unknown condition, and names that one may have set.

Each case changes the shipped canonical script in a line or two. Whether a file is there is what no evaluation knows.
"""

from __future__ import annotations

import pytest

from pgolf.audit.script_audit import ScriptAudit
from pgolf.core.verdict import EvalStatus, LutStatus
from tests.audit.variants import audit, changed

_UNKNOWN = 'os.path.exists("/data/flag")'
_MAIN = "def main():\n"
_EVAL = "def eval_val("
_CALL = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"
_PRINT = '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")\n'
_SCORED = "            scored = nll[s:].to(torch.float64)\n"
_LOSS_SUM = "            loss_sum += scored.sum()\n"
_WINDOWS = "        for ws in starts:\n"
_RETURN = "    return val_loss, bits_per_token * tokens_per_byte\n"
_TOTAL = "    total = val_tokens.numel() - 1\n"


def _audit(changes: list[tuple[str, str]]) -> ScriptAudit:
    return audit(changed(*(text for pair in changes for text in pair)))


def _times(factor: str) -> tuple[str, str]:
    return (_SCORED, _SCORED + f"            scored = scored * {factor}\n")


def _added_by(body: str) -> list[tuple[str, str]]:
    """The losses of a window are added up by a function with this body."""
    return [
        (_LOSS_SUM, "            put(loss_sum, scored)\n"),
        (_EVAL, f"def put(total, x):\n{body}\n\n{_EVAL}"),
    ]


_WRONG: dict[str, list[tuple[str, str]]] = {
    "a helper that may return before it adds": _added_by(
        f"    if {_UNKNOWN}:\n        return\n    total += x.sum()\n"
    ),
    "a helper that may skip the round that adds": _added_by(
        f"    for _ in range(1):\n        if {_UNKNOWN}:\n            continue\n        total += x.sum()\n"
    ),
    "a helper that may break before it adds": _added_by(
        f"    for _ in range(1):\n        if {_UNKNOWN}:\n            break\n        total += x.sum()\n"
    ),
    "a helper whose first round may be the last": _added_by(
        f"    for part in (x[:1], x[1:]):\n        total += part.sum()\n        if {_UNKNOWN}:\n            break\n"
    ),
    "a helper that may return from its first round": _added_by(
        f"    for part in (x[:1], x[1:]):\n        total += part.sum()\n        if {_UNKNOWN}:\n            return\n"
    ),
    "a helper that may leave a while": _added_by(
        f"    i = 0\n    while i < 2:\n        if {_UNKNOWN}:\n            break\n        total += x[i::2].sum()\n        i += 1\n"
    ),
    "nested rounds": _added_by(
        f"    for _ in range(1):\n        for _ in range(1):\n            if {_UNKNOWN}:\n                continue\n            if {_UNKNOWN}:\n                break\n            total += x.sum()\n"
    ),
    "a handler that may skip the round": _added_by(
        "    import foo\n    for _ in range(1):\n        try:\n            foo.check(1)\n        except ValueError:\n            continue\n        total += x.sum()\n"
    ),
    "a statement that is not followed may skip the round": _added_by(
        "    import foo\n    for _ in range(1):\n        match foo.kind():\n            case 1:\n                continue\n        total += x.sum()\n"
    ),
    "the else of a loop that may have been left": _added_by(
        f"    for _ in range(1):\n        if {_UNKNOWN}:\n            break\n    else:\n        total += x.sum()\n"
    ),
    "both ways leave, one of them after adding": _added_by(
        f"    for _ in range(1):\n        if {_UNKNOWN}:\n            continue\n        else:\n            total += x.sum()\n            break\n"
    ),
    "a round of the windows": [(_WINDOWS, _WINDOWS + f"            if {_UNKNOWN}:\n                continue\n")],
    "a break of the windows": [(_WINDOWS, _WINDOWS + f"            if {_UNKNOWN}:\n                break\n")],
    "another result": [(_TOTAL, _TOTAL + f"    if {_UNKNOWN}:\n        return 1.0, 1.0\n")],
    "a result with a factor": [
        (_RETURN, f"    if {_UNKNOWN}:\n        return val_loss, 0.99 * bits_per_token * tokens_per_byte\n" + _RETURN)
    ],
    "windows that may not be given": [
        (
            _WINDOWS,
            f"        def given():\n            for a in starts:\n                if {_UNKNOWN}:\n                    yield a\n        for ws in given():\n",
        )
    ],
    "windows that may be skipped": [
        (
            _WINDOWS,
            f"        def given():\n            for a in starts:\n                if {_UNKNOWN}:\n                    continue\n                yield a\n        for ws in given():\n",
        )
    ],
    "windows of a generator that may end": [
        (
            _WINDOWS,
            f"        def given():\n            for a in starts:\n                yield a\n                if {_UNKNOWN}:\n                    return\n        for ws in given():\n",
        )
    ],
    "a global set by a function": [
        (_MAIN, "FACTOR = 0.9\n\n\ndef repair():\n    global FACTOR\n    FACTOR = 1.0\n\n\n" + _MAIN),
        (_CALL, f"    if {_UNKNOWN}:\n        repair()\n" + _CALL),
        _times("FACTOR"),
    ],
    "a global": [
        (_MAIN, "FACTOR = 0.9\n\n\n" + _MAIN + "    global FACTOR\n"),
        (_CALL, f"    if {_UNKNOWN}:\n        FACTOR = 1.0\n" + _CALL),
        _times("FACTOR"),
    ],
    "a global that was not there": [
        (_MAIN, _MAIN + "    global FACTOR\n"),
        (_CALL, f"    if {_UNKNOWN}:\n        FACTOR = 1.0\n" + _CALL),
        _times('globals().get("FACTOR", 0.9)'),
    ],
    "a name of the function around": [
        (
            _CALL,
            f"    factor = 0.9\n    def repair():\n        nonlocal factor\n        factor = 1.0\n    if {_UNKNOWN}:\n        repair()\n"
            + _CALL,
        ),
        (_PRINT, "    val_bpb = val_bpb * factor\n" + _PRINT),
    ],
    "an attribute of a class": [
        (_MAIN, "class Box:\n    factor = 0.9\n\n\n" + _MAIN),
        (_CALL, f"    if {_UNKNOWN}:\n        Box.factor = 1.0\n" + _CALL),
        _times("Box.factor"),
    ],
    "an attribute of a class that was not there": [
        (_MAIN, "class Box:\n    pass\n\n\n" + _MAIN),
        (_CALL, f"    if {_UNKNOWN}:\n        Box.factor = 1.0\n" + _CALL),
        _times('getattr(Box, "factor", 0.9)'),
    ],
    "an attribute of a function": [
        (_MAIN, "def box():\n    pass\n\n\nbox.factor = 0.9\n\n\n" + _MAIN),
        (_CALL, f"    if {_UNKNOWN}:\n        box.factor = 1.0\n" + _CALL),
        _times("box.factor"),
    ],
    "an attribute of a module": [
        (_CALL, f"    torch.factor = 0.9\n    if {_UNKNOWN}:\n        torch.factor = 1.0\n" + _CALL),
        _times("torch.factor"),
    ],
    "set after a way out": [
        (_MAIN, "FACTOR = 0.9\n\n\ndef repair():\n    global FACTOR\n    if " + _UNKNOWN + ":\n        return\n    FACTOR = 1.0\n\n\n" + _MAIN),
        (_CALL, "    repair()\n" + _CALL),
        _times("FACTOR"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(_WRONG))
def test_what_may_not_have_happened_is_not_taken_to_have_happened(name: str) -> None:
    audit = _audit(_WRONG[name])
    assert (audit.lut_status, audit.eval_status) != (LutStatus.CORRECT, EvalStatus.CANONICAL)


def test_a_table_that_a_helper_may_not_have_repaired_is_not_correct() -> None:
    sizes = '        base_bytes[token_id] = len(piece.encode("utf-8"))\n'
    audit = _audit([
        (sizes, sizes.replace("))\n", ")) - 1\n")),
        ("    return (\n        torch.tensor(base_bytes", "    repair(base_bytes)\n    return (\n        torch.tensor(base_bytes"),
        ("def build_sentencepiece_luts(", f"def repair(t):\n    if {_UNKNOWN}:\n        return\n    t += (t > 0) | (t == 0)\n\n\ndef build_sentencepiece_luts("),
    ])  # fmt: skip
    assert audit.lut_status is not LutStatus.CORRECT


_RIGHT: dict[str, list[tuple[str, str]]] = {
    "a round that touches no score": [
        (
            _LOSS_SUM,
            f"            for k in range(3):\n                if {_UNKNOWN}:\n                    continue\n                if ws > total and {_UNKNOWN}:\n                    break\n                model.train()\n"
            + _LOSS_SUM,
        )
    ],
    "a helper that prints, or not": [
        (_LOSS_SUM, '            say("progress")\n' + _LOSS_SUM),
        (_EVAL, f"def say(text):\n    if {_UNKNOWN}:\n        return\n    print(text)\n\n\n{_EVAL}"),
    ],
    "the same result on both ways": [
        (
            _RETURN,
            f"    if {_UNKNOWN}:\n        return val_loss, bits_per_token * tokens_per_byte\n" + _RETURN,
        )
    ],
    "a main that may end": [(_CALL, f"    if {_UNKNOWN}:\n        return\n" + _CALL)],
    "a loop of training that may end": [
        (
            _CALL,
            f"    for step in range(3):\n        model.zero_grad()\n        if {_UNKNOWN}:\n            break\n        model(step).backward()\n"
            + _CALL,
        )
    ],
    "a global that is set within the same way": [
        (_MAIN, "FIRST = None\n\n\n" + _MAIN),
        (_TOTAL, "    global FIRST\n    if FIRST is None:\n        FIRST = 1\n" + _TOTAL),
        (_CALL, f"    if {_UNKNOWN}:\n        return\n" + _CALL),
        _times("FIRST"),
    ],
}


@pytest.mark.parametrize("name", sorted(_RIGHT))
def test_a_way_out_that_changes_no_score_stays_canonical(name: str) -> None:
    audit = _audit(_RIGHT[name])
    assert (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL), (
        audit.eval_reason
    )


def test_a_known_key_that_is_set_under_an_unknown_condition_leaves_the_others_known() -> None:
    factor = (_MAIN, "FACTOR = 1.0\nOTHER = 1.0\n\n\n" + _MAIN)
    for name, status in (("OTHER", EvalStatus.CANONICAL), ("FACTOR", EvalStatus.UNKNOWN)):
        changed = (_CALL, f'    if {_UNKNOWN}:\n        globals()["{name}"] = 0.9\n' + _CALL)
        assert _audit([factor, changed, _times("FACTOR")]).eval_status is status


def test_bits_per_byte_of_the_training_are_no_score() -> None:
    for label, status in (("train_bpb", EvalStatus.CANONICAL), ("val_bpb", EvalStatus.UNKNOWN)):
        said = f'    print(f"{label}:{{model.loss():.4f}}")\n'
        assert _audit([(_PRINT, _PRINT + said)]).eval_status is status
