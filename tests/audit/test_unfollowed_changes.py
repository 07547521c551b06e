"""Changes that no evaluation meets: in rounds of loops that are not followed, in parts of expressions that an unknown condition
lets run or not, in calls of statements that could not be evaluated. None of them may be followed by a proof.

Each case changes the shipped canonical script before its evaluation is called.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLE = Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py"
_CALL = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"
_TRAINING = """    opt = torch.optim.Adam(model.parameters())
    for step in range(1000):
        loss = F.cross_entropy(model(val_tokens[:16][None]).view(16, -1), val_tokens[1:17])
        loss.backward()
        opt.step()
"""
_DOUBLED = "(luts[0] * 2, luts[1], luts[2])"


def _audit(before: str, call: str = _CALL) -> ScriptAudit:
    source = _EXAMPLE.read_text(encoding="utf-8")
    assert source.count(_CALL) == 1
    return audit_script(Script("train_gpt.py", source.replace(_CALL, before + call).encode(), NoSiblings()))


def _lines(*lines: str) -> str:
    return "".join(f"    {line}\n" for line in ("import extern", "import functools", *lines))


def _is_proved(audit: ScriptAudit) -> bool:
    return (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL)


def test_a_loop_of_training_before_the_evaluation_leaves_it_canonical() -> None:
    assert _is_proved(_audit(_TRAINING))


_LATER_ROUNDS = {
    "a name is bound to other tables": ("", f"luts = luts if step < 900 else {_DOUBLED}", _CALL),
    "a function gives other tables": (
        "late = lambda t, s: t if s < 900 else (t[0] * 2, t[1], t[2])",
        "luts = late(luts, step)",
        _CALL,
    ),
    "tables are chosen by index": ("", f"luts = [luts, {_DOUBLED}][step // 900]", _CALL),
    "a table grows": (
        "base = luts[0]",
        "base = base + step // 900",
        _CALL.replace("*luts", "base, luts[1], luts[2]"),
    ),
    "an attribute grows": (
        "args.base = luts[0]",
        "args.base = args.base + step // 900",
        _CALL.replace("*luts", "args.base, luts[1], luts[2]"),
    ),
    "an item grows": ("box = list(luts)", "box[0] = box[0] + step // 900", _CALL.replace("*luts", "*box")),
    "the stream is cut": ("", "val_tokens = val_tokens if step < 900 else val_tokens[:100]", _CALL),
    "the stream in an attribute is cut": (
        "args.val = val_tokens",
        "args.val = args.val if step < 900 else args.val[:100]",
        _CALL.replace("val_tokens", "args.val"),
    ),
    "the stream in a list is cut": (
        "box = [val_tokens]",
        "box[0] = box[0] if step < 900 else box[0][:100]",
        _CALL.replace("val_tokens", "box[0]"),
    ),
    "a list gets other tables": (
        "box = [luts]",
        "box.append((luts[0] * (1 + step // 900), luts[1], luts[2]))",
        _CALL.replace("*luts", "*box[-1]"),
    ),
    "a flag is raised": (
        "done = False",
        "done = step >= 900",
        f"    if done:\n        luts = {_DOUBLED}\n" + _CALL,
    ),
    "an attribute counts": (
        "args.count = 0",
        "args.count = step",
        f"    if args.count > 900:\n        luts = {_DOUBLED}\n" + _CALL,
    ),
}


@pytest.mark.parametrize("what", sorted(_LATER_ROUNDS))
def test_what_a_later_round_of_training_may_change_is_not_proved(what: str) -> None:
    before, body, call = _LATER_ROUNDS[what]
    start = f"    {before}\n" if before else ""
    assert not _is_proved(_audit(f"{start}{_TRAINING}        {body}\n", call))


@pytest.mark.parametrize(
    ("define", "call"),
    [
        (("def train(step):", f"    box[0] = box[0] if step < 900 else {_DOUBLED}"), "*box[0]"),
        (
            ("def train(step):", "    nonlocal luts", f"    luts = luts if step < 900 else {_DOUBLED}"),
            "*luts",
        ),
    ],
)
def test_a_function_that_trains_and_changes_tables_in_a_later_round_is_not_proved(
    define: tuple[str, ...], call: str
) -> None:
    head = _lines("box = [luts]", *define)
    head += (
        "        F.cross_entropy(model(val_tokens[:16][None]).view(16, -1), val_tokens[1:17]).backward()\n"
    )
    loop = "    for step in range(1000):\n        train(step)\n"
    assert not _is_proved(_audit(head + loop, _CALL.replace("*luts", call)))


_UNKNOWN_ROUNDS = {
    "while": ("n = 0", "while extern.more():", "    n += 1", f"    luts = luts if n < 900 else {_DOUBLED}"),
    "for": ("for n in extern.steps():", f"    luts = luts if n < 900 else {_DOUBLED}"),
    "for with a count": (
        "n = 0",
        "for _ in extern.steps():",
        "    n += 1",
        f"    luts = luts if n < 900 else {_DOUBLED}",
    ),
    "for over the stream": (
        "n = [0]",
        "for _ in extern.steps():",
        "    n[0] += 1",
        "    val_tokens = val_tokens if n[0] < 900 else val_tokens[:90]",
    ),
    "many rounds": (
        "for n in range(1000):",
        "    if extern.flag():",
        "        pass",
        f"    luts = luts if n < 900 else {_DOUBLED}",
    ),
    "a comprehension": (
        "n = [0]",
        "def shorter():",
        "    nonlocal val_tokens",
        "    n[0] += 1",
        "    val_tokens = val_tokens if n[0] < 900 else val_tokens[:90]",
        "[shorter() for _ in extern.steps()]",
    ),
    "recursion": (
        "def shorter(k, t):",
        "    if extern.more():",
        "        return shorter(k + 1, t)",
        "    return t if k < 900 else t[:90]",
        "val_tokens = shorter(0, val_tokens)",
    ),
}


@pytest.mark.parametrize("what", sorted(_UNKNOWN_ROUNDS))
def test_what_an_unknown_number_of_rounds_may_change_is_not_proved(what: str) -> None:
    assert not _is_proved(_audit(_lines(*_UNKNOWN_ROUNDS[what])))


_CHANGE = "luts[0].add_(1)"
_MAY_RUN = (
    f"[{_CHANGE} for _ in extern.x()]",
    f"list({_CHANGE} for _ in extern.x())",
    f"{{i: {_CHANGE} for i in extern.x()}}",
    f"[{_CHANGE} for _ in range(3) if extern.x()]",
    f"[1 for _ in range(3) if extern.x() and {_CHANGE} is None]",
    f"any({_CHANGE} is None for _ in extern.x())",
    f"{_CHANGE} if extern.x() else 0",
    f"{_CHANGE} if args.model_dim == 7 else 0",
    f"extern.x() and {_CHANGE}",
    f"args.model_dim == 7 and {_CHANGE}",
    f"extern.x() < 3 < {_CHANGE}",
    f"list(map(lambda i: {_CHANGE}, extern.x()))",
    f"list(filter(lambda i: {_CHANGE}, extern.x()))",
    f"sorted(extern.x(), key=lambda i: {_CHANGE})",
    f"max(extern.x(), key=lambda i: {_CHANGE})",
    f"functools.reduce(lambda a, i: {_CHANGE}, extern.x(), 0)",
    f"list(iter(lambda: {_CHANGE}, extern.x()))",
    "list(map(functools.partial(tamper, luts[0]), extern.x()))",
    "list(map(luts[0].add_, extern.x()))",
    "luts[0].add_(**extern.x())",
    "tamper(luts[0], *extern.x())",
    "tamper(luts[0], **extern.x())",
    "x = [*extern.x(), tamper(luts[0])]",
    "x = [*extern.x(), late()]",
    "x = (*extern.x(), (lambda: luts[0].add_(1))())",
    "x = (*extern.x(), Late().change(luts[0]))",
)


@pytest.mark.parametrize("statement", _MAY_RUN)
def test_a_change_that_may_or_may_not_be_made_leaves_the_tables_unknown(statement: str) -> None:
    head = _lines(
        "def tamper(t, *a, **k):", "    t.add_(1)", "def late():", "    luts[0].add_(1)",
        "class Late:", "    def change(self, t):", "        t.add_(1)", statement,
    )  # fmt: skip
    assert _audit(head).lut_status is LutStatus.UNKNOWN


@pytest.mark.parametrize(
    "statement",
    [
        "[(val_tokens := val_tokens[:90]) for _ in extern.x()]",
        "extern.x() and (val_tokens := val_tokens[:90])",
        "x = (*extern.x(), setattr(args, 'stride', 32))",
        "x = (*extern.x(), wider())",
        "val_tokens = {1: val_tokens, extern.x(): val_tokens[:90]}[1]",
    ],
)
def test_a_stream_or_setting_that_may_or_may_not_change_is_not_proved(statement: str) -> None:
    assert not _is_proved(_audit(_lines("def wider():", "    args.stride = 32", statement)))


def test_a_function_that_calls_itself_over_something_unknown_is_left() -> None:
    head = _lines(
        "def plain(x):",
        "    if isinstance(x, dict):",
        "        return {k: plain(v) for k, v in x.items()}",
        "    if isinstance(x, list):",
        "        return [plain(v) for v in x]",
        "    return tuple(plain(v) for v in x)",
        "plain(extern.x())",
    )
    assert _is_proved(_audit(head))
