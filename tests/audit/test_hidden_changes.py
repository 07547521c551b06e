# ruff: noqa: E501
"""Ways to change a table, or to print another score, that are not written as a change of it.

Each case puts lines in front of, or behind, the evaluation of the shipped canonical script.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLE = Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py"
_CALL = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"
_PRINT = '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")\n'
_WINDOWS = "        for ws in starts:\n"
_LOSS_SUM = "            loss_sum += scored.sum()\n"
_DDP = "    from torch.nn.parallel import DistributedDataParallel as DDP\n    model = DDP(model)\n"


@lru_cache(maxsize=1)
def _script() -> str:
    return _EXAMPLE.read_text(encoding="utf-8")


def _audit(*changes: tuple[str, str]) -> ScriptAudit:
    text = _script()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return audit_script(Script("train_gpt.py", text.encode(), NoSiblings()))


_SHARED = {
    "parameter": "    p = nn.Parameter(luts[0], requires_grad=False)\n    p.data.add_(1)\n",
    "parameter changed by +=": "    p = nn.Parameter(luts[0], requires_grad=False)\n    with torch.no_grad():\n        p += 1\n",
    "buffer": "    model.register_buffer('lut', luts[0])\n    model.lut.add_(1)\n",
    "buffers": "    model.register_buffer('lut', luts[0])\n    for b in model.buffers():\n        b.add_(1)\n",
    "buffers of a model that is known": "    class Box(nn.Module):\n        pass\n    box = Box()\n    box.register_buffer('lut', luts[0])\n    for b in box.buffers():\n        b.add_(1)\n",
    "buffer of a model that is known": "    class Box(nn.Module):\n        pass\n    box = Box()\n    box.register_buffer('lut', luts[0])\n    box.lut.add_(1)\n",
    "attribute": "    model.lut = luts[0]\n    model.lut.add_(1)\n",
    "attribute of a wrapped model": _DDP + "    model.lut = luts[0]\n    model.lut.add_(1)\n",
    "buffer of a wrapped model": _DDP + "    model.register_buffer('lut', luts[0])\n    model.lut.add_(1)\n",
    "embedding": "    e = nn.Embedding.from_pretrained(luts[0].unsqueeze(1))\n    e.weight.data.add_(1)\n",
    "weight of a layer": "    e = nn.Embedding(1024, 1)\n    e.weight.data = luts[0]\n    e.weight.data.add_(1)\n",
    "list of parameters": "    e = nn.ParameterList([luts[0]])\n    e[0].data.add_(1)\n",
    "optimiser": "    o = torch.optim.SGD([luts[0]], lr=1.0)\n    o.step()\n",
    "ctypes": "    import ctypes\n    luts[0].numpy().ctypes.data_as(ctypes.POINTER(ctypes.c_int16))[0] = 9\n",
    "array over its memory": "    a = np.ndarray((5,), dtype=np.int16, buffer=luts[0].numpy())\n    a[0] = 9\n",
    "bytes of it": "    luts[0].numpy().view(np.int8)[0] = 9\n",
    "shuffled": "    import random\n    random.shuffle(luts[0])\n",
    "deep in lists": "    import foo\n    foo.bar([[[[luts[0]]]]])\n",
    "late in a list": "    import foo\n    foo.bar([*range(300), luts[0]])\n",
    "late in a dictionary": "    import foo\n    foo.bar({**{i: i for i in range(300)}, 'x': luts[0]})\n",
    "loaded state": "    model.register_buffer('lut', luts[0])\n    model.load_state_dict({'lut': torch.ones(1024)}, strict=False)\n",
    "mapped": "    torch.vmap(lambda t: t.add_(1))(luts[0])\n",
    "function of an unknown package": "    from foo import change\n    change(luts[0])\n",
    "function of an unknown part of torch": "    from torch.nn.utils import vector_to_parameters\n    vector_to_parameters(torch.ones(1024), [luts[0]])\n",
    "partial of an unmodelled method": "    import functools\n    g = functools.partial(torch.Tensor.add_, luts[0], 1)\n    g()\n",
    "handler of a failed import": "    try:\n        import does_not_exist\n    except ImportError:\n        luts[0].add_(1)\n",
    "mock": "    from unittest import mock\n    mock.patch('math.log', lambda x: 0.7).start()\n",
    "code of a function": "    eval_val.__code__ = (lambda *a: (1.0, 1.0)).__code__\n",
    "signal": "    import signal\n    signal.signal(signal.SIGALRM, lambda *a: luts[0].fill_(3))\n    signal.alarm(1)\n",
}


@pytest.mark.parametrize("name", sorted(_SHARED))
def test_tables_that_share_their_memory_are_followed_or_unknown(name: str) -> None:
    assert _audit((_CALL, _SHARED[name] + _CALL)).lut_status is not LutStatus.CORRECT


_PRINTED = {
    "json of many": "    import json\n    d = {str(i): i for i in range(300)}\n    d['val_bpb'] = 1.0\n    json.dumps(d)\n",
    "text that is put together": "    print('final val_bpb:' + str(val_bpb * 0.9))\n",
    "name of the score in a variable": "    k = 'val_' + 'bpb'\n    print(f'final {k}:{val_bpb * 0.9:.4f}')\n",
    "dictionary": "    print({'val_bpb': val_bpb * 0.9})\n",
    "json inside json": "    import json\n    print(json.dumps({'a': [{'val_bpb': val_bpb * 0.9}]}))\n",
    "at exit": "    import atexit\n    atexit.register(lambda: print(f'final val_bpb:{1.01}'))\n",
    "after four hundred scores": "    for _ in range(401):\n        val_loss, val_bpb = val_loss * 1.0, val_bpb * 1.0\n        print(f'val_bpb:{val_bpb}')\n    print(f'final val_bpb:{val_bpb * 0.98}')\n",
}


@pytest.mark.parametrize("name", sorted(_PRINTED))
def test_another_score_that_is_printed_late_is_not_called_canonical(name: str) -> None:
    assert _audit((_PRINT, _PRINT + _PRINTED[name])).eval_status is not EvalStatus.CANONICAL


def test_a_buffer_that_nothing_changes_stays_proved() -> None:
    box = (
        "    class Box(nn.Module):\n        pass\n    box = Box()\n    box.register_buffer('lut', luts[0])\n"
    )
    audit = _audit((_CALL, box + _CALL))
    assert (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL)


def test_many_reads_of_equal_tables_stay_proved() -> None:
    reads = "    for _ in range(140):\n        luts[0].clone()[val_tokens[:16].long()]\n"
    audit = _audit((_CALL, reads + _CALL))
    assert audit.lut_status is LutStatus.CORRECT


def test_tables_that_are_too_many_to_keep_prove_nothing_and_accuse_nobody() -> None:
    reads = "    for k in range(140):\n        torch.full((1024,), k + 1)[val_tokens[:16].long()]\n"
    audit = _audit((_CALL, reads + _CALL))
    assert audit.lut_status is LutStatus.UNKNOWN
    assert "more tables are read by tokens than are kept" in audit.reason


def test_tables_that_are_read_before_a_bound_stops_the_evaluation_accuse_nobody() -> None:
    reads = "    for k in range(100):\n        torch.full((1024,), k + 1)[val_tokens[:16].long()]\n"
    endless = "    while True:\n        torch.arange(4_000_000)\n"
    audit = _audit((_CALL, reads + endless + _CALL))
    assert audit.lut_status is LutStatus.UNKNOWN


_MODEL = "class GPT(nn.Module)"
_LONG = "    a = 1  # a line of a function that is long enough to be left alone\n" * 30
_UNSEEN: dict[str, tuple[tuple[str, str], ...]] = {
    "constructor of the model": (
        ("        self.embed = nn", "        STORE[0].add_(1)\n        self.embed = nn"),
    ),
    "forward of the model": (
        ("        return self.head(F.rms", "        STORE[0].add_(1)\n        return self.head(F.rms"),
    ),
    "class that is made and left": (
        (_CALL, "    Net()\n" + _CALL),
        (_MODEL, "class Net(nn.Module):\n    def __init__(self):\n        STORE[0].add_(1)\n\n\n" + _MODEL),
    ),
    "long function": (
        (_CALL, "    helper(3)\n" + _CALL),
        (_MODEL, "def helper(n):\n" + _LONG + "    STORE[0].add_(1)\n\n\n" + _MODEL),
    ),
}
_BUILT = "    luts = build_sentencepiece_luts(sp, args.vocab_size, device)\n"


@pytest.mark.parametrize("name", sorted(_UNSEEN))
def test_code_that_is_not_evaluated_and_names_what_holds_a_table_proves_nothing(name: str) -> None:
    kept = (
        (_BUILT, _BUILT + "    STORE.append(luts[0])\n"),
        ("class Hyperparameters:", "STORE = []\n\n\nclass Hyperparameters:"),
    )
    assert _audit(*kept, *_UNSEEN[name]).lut_status is not LutStatus.CORRECT
    assert _audit(*kept).lut_status is LutStatus.CORRECT
