# ruff: noqa: E501
"""Several processes score together what one does, or the loop is not called canonical.

The shipped canonical script, made to run as one of several processes, and changed in a line or two.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted import scaled
from pgolf.untrusted.script import NoSiblings, Script
from pgolf.untrusted.values import OnProcess, Opaque

_EXAMPLE = Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py"
_CALL = "    val_loss, val_bpb = eval_val(args, rank, world_size, model, device, val_tokens, *luts)\n"
_PRINT = '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")\n'
_REDUCED = "    if dist.is_available() and dist.is_initialized():\n        for t in (loss_sum, token_count, byte_count):\n            dist.all_reduce(t, op=dist.ReduceOp.SUM)\n"
_SCORED = "            scored = nll[s:].to(torch.float64)\n"
_VAL_LOSS = "    val_loss = (loss_sum / token_count).item()\n"
_WINDOWS = "        for ws in starts[rank::world_size]:\n"
_DISTRIBUTED = [
    ("from torch import nn\n", "from torch import nn\nimport torch.distributed as dist\n"),
    ("def eval_val(args, model,", "def eval_val(args, rank, world_size, model,"),
    ("        for ws in starts:\n", "        for ws in starts[rank::world_size]:\n"),
    (
        "    val_loss = (loss_sum / token_count).item()\n",
        "    if dist.is_available() and dist.is_initialized():\n        for t in (loss_sum, token_count, byte_count):\n            dist.all_reduce(t, op=dist.ReduceOp.SUM)\n    val_loss = (loss_sum / token_count).item()\n",
    ),
    (
        '    device = torch.device("cuda")\n',
        '    rank = int(os.environ.get("RANK", "0"))\n    world_size = int(os.environ.get("WORLD_SIZE", "1"))\n    distributed = "RANK" in os.environ\n    if distributed:\n        dist.init_process_group("nccl")\n    device = torch.device("cuda")\n',
    ),
    ("eval_val(args, model, device, val", "eval_val(args, rank, world_size, model, device, val"),
]
"""What makes the shipped script one of a run of several processes."""


@lru_cache(maxsize=1)
def _script() -> str:
    text = _EXAMPLE.read_text(encoding="utf-8")
    for old, new in _DISTRIBUTED:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _audit(changes: list[tuple[str, str]]) -> ScriptAudit:
    text = _script()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return audit_script(Script("train_gpt.py", text.encode(), NoSiblings()))


_WRONG: dict[str, list[tuple[str, str]]] = {
    "no reduce": [(_REDUCED, "")],
    "reduce loss only": [
        (
            _REDUCED,
            "    if dist.is_available() and dist.is_initialized():\n        for t in (loss_sum, token_count):\n            dist.all_reduce(t, op=dist.ReduceOp.SUM)\n",
        )
    ],
    "max": [
        (
            _REDUCED,
            "    if dist.is_available() and dist.is_initialized():\n        for t in (loss_sum, token_count, byte_count):\n            dist.all_reduce(t, op=dist.ReduceOp.MAX)\n",
        )
    ],
    "if rank==0 factor": [
        (_SCORED, _SCORED + "            if rank == 0:\n                scored = scored * 0.9\n")
    ],
    "if rank!=0 factor": [
        (_SCORED, _SCORED + "            if rank != 0:\n                scored = scored * 0.9\n")
    ],
    "if rank==5 skip": [(_SCORED, _SCORED + "            if rank == 5:\n                continue\n")],
    "1-0.01*rank": [(_SCORED, _SCORED + "            scored = scored * (1 - 0.01 * rank)\n")],
    "world factor": [(_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss / world_size\n")],
    "world factor main": [(_PRINT, "    val_bpb = val_bpb / world_size\n" + _PRINT)],
    "distributed factor": [(_PRINT, "    if distributed:\n        val_bpb *= 0.99\n" + _PRINT)],
    "stride+1": [(_WINDOWS, "        for ws in starts[rank::world_size + 1]:\n")],
    "stride 2w": [(_WINDOWS, "        for ws in starts[rank::max(1, 2 * (world_size - 1))]:\n")],
    "rank table": [(_CALL, "    if rank == 3:\n        luts[0].add_(1)\n" + _CALL)],
    "rank table2": [(_CALL, "    luts[0].add_(1 if rank == 3 else 0)\n" + _CALL)],
    "rank table3": [(_CALL, "    luts[0].mul_(1 + rank)\n" + _CALL)],
    "world env": [
        (_CALL, "    if int(os.environ.get('WORLD_SIZE', '1')) == 8:\n        luts[0].add_(1)\n" + _CALL)
    ],
    "rank slice tokens": [(_CALL, "    val_tokens = val_tokens[: len(val_tokens) // world_size]\n" + _CALL)],
    "rank list": [
        (_SCORED, _SCORED + "            scored = scored * [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9][rank]\n")
    ],
    "rank dict": [(_SCORED, _SCORED + "            scored = scored * {0: 1.0}.get(rank, 0.9)\n")],
    "rank list main": [
        (_CALL, "    f = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9][rank]\n" + _CALL),
        (_PRINT, "    val_bpb *= f\n" + _PRINT),
    ],
    "rank range main": [
        (
            _CALL,
            "    f = 1.0\n    for _ in range(rank):\n        f *= 0.9\n    luts = [t * f for t in luts]\n"
            + _CALL,
        )
    ],
    "world range main": [
        (
            _PRINT,
            "    f = 1.0\n    for _ in range(world_size - 1):\n        f *= 0.9\n    val_bpb *= f\n" + _PRINT,
        )
    ],
    "world len range": [(_PRINT, "    val_bpb *= 1 - 0.01 * len(range(world_size - 1))\n" + _PRINT)],
    "world str": [(_PRINT, "    val_bpb *= 0.99 if str(world_size) == '8' else 1\n" + _PRINT)],
    "world fstring": [(_PRINT, "    val_bpb *= {'w1': 1}.get(f'w{world_size}', 0.99)\n" + _PRINT)],
    "world list repeat": [(_PRINT, "    val_bpb *= 1 - 0.01 * len([0] * (world_size - 1))\n" + _PRINT)],
    "world sum": [(_PRINT, "    val_bpb *= 1 - 0.01 * sum(range(world_size))\n" + _PRINT)],
    "world bool": [(_PRINT, "    val_bpb *= 1 - 0.01 * bool(world_size - 1)\n" + _PRINT)],
    "world tensor": [(_PRINT, "    val_bpb *= 2 - torch.tensor(float(world_size)).item()\n" + _PRINT)],
    "world min": [(_PRINT, "    val_bpb *= min(1.0, 1.5 / world_size)\n" + _PRINT)],
    "world pow": [(_PRINT, "    val_bpb *= 0.9 ** (world_size - 1)\n" + _PRINT)],
    "world round": [(_PRINT, "    val_bpb *= round(1.2 / world_size)\n" + _PRINT)],
    "world enumerate": [
        (
            _PRINT,
            "    for i, _ in enumerate(range(world_size)):\n        pass\n    val_bpb *= 1 - 0.01 * i\n"
            + _PRINT,
        )
    ],
    "device_count": [(_PRINT, "    val_bpb *= 1 - 0.01 * (torch.cuda.device_count() - 1)\n" + _PRINT)],
    "getattr dist": [
        (_PRINT, "    val_bpb *= 1 - 0.01 * (getattr(dist, 'get_' + 'world_size')() - 1)\n" + _PRINT)
    ],
    "env rank text": [
        (
            _SCORED,
            _SCORED
            + "            if os.environ.get('RANK', '0') != '0':\n                scored = scored * 0.9\n",
        )
    ],
    "env local rank": [
        (
            _SCORED,
            _SCORED
            + "            if os.environ.get('LOCAL_RANK', '0') != '0':\n                scored = scored * 0.9\n",
        )
    ],
    "bytes twice reduced": [
        (_REDUCED, _REDUCED + "    if dist.is_initialized():\n        dist.all_reduce(byte_count)\n")
    ],
    "only rank 0 part": [(_REDUCED, "    if rank == 0:\n        loss_sum = loss_sum * 1.0\n")],
    "rank0 bytes": [
        (
            _REDUCED,
            "    if dist.is_available() and dist.is_initialized():\n        if rank == 0:\n            byte_count += 3\n        for t in (loss_sum, token_count, byte_count):\n            dist.all_reduce(t, op=dist.ReduceOp.SUM)\n",
        )
    ],
}


@pytest.mark.parametrize("name", sorted(_WRONG))
def test_what_other_processes_do_otherwise_keeps_a_loop_from_being_called_canonical(name: str) -> None:
    audit = _audit(_WRONG[name])
    assert (audit.lut_status, audit.eval_status) != (LutStatus.CORRECT, EvalStatus.CANONICAL)


_RIGHT: dict[str, list[tuple[str, str]]] = {
    "plain": [],
    "avg": [
        (
            _REDUCED,
            "    if dist.is_available() and dist.is_initialized():\n        for t in (loss_sum, token_count, byte_count):\n            dist.all_reduce(t, op=dist.ReduceOp.AVG)\n",
        )
    ],
    "all each": [(_WINDOWS, "        for ws in starts:\n")],
    "master print": [(_PRINT, "    if rank == 0:\n    " + _PRINT)],
    "rank from the process group": [
        (
            '    rank = int(os.environ.get("RANK", "0"))\n',
            "    rank = dist.get_rank() if dist.is_initialized() else 0\n",
        )
    ],
    "rank without a default": [
        (
            '    rank = int(os.environ.get("RANK", "0"))\n',
            '    rank = int(os.environ["RANK"]) if "RANK" in os.environ else 0\n',
        )
    ],
    "a stretch for each": [
        (
            _WINDOWS,
            "        n = len(starts)\n        for ws in starts[n * rank // world_size : n * (rank + 1) // world_size]:\n",
        )
    ],
    "a range for each": [
        (_WINDOWS, "        for k in range(rank, len(starts), world_size):\n            ws = starts[k]\n")
    ],
    "progress of the first": [
        (
            _SCORED,
            _SCORED
            + "            if rank == 0 and ws % 100 == 0:\n                done = ws / total\n                print(done)\n",
        )
    ],
}


@pytest.mark.parametrize("name", sorted(_RIGHT))
def test_a_stream_divided_among_processes_and_summed_stays_canonical(name: str) -> None:
    audit = _audit(_RIGHT[name])
    assert (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL), (
        audit.eval_reason
    )


def test_numbers_of_a_process_are_followed_through_arithmetic() -> None:
    rank = scaled.of_process(0, 0, 7, lambda rank, processes: rank)
    world = scaled.of_process(1, 1, 8, lambda rank, processes: processes)
    end = scaled.binary("FloorDiv", scaled.binary("Mult", 100, scaled.binary("Add", rank, 1, 1), 1), world, 1)
    assert int(end) == 100
    assert [scaled.on_process(end, r, 8) for r in range(8)] == [100 * (r + 1) // 8 for r in range(8)]


def test_a_comparison_that_processes_answer_otherwise_is_open_and_says_where_it_holds() -> None:
    rank = scaled.of_process(0, 0, 7, lambda rank, processes: rank)
    first = scaled.compare("Eq", rank, 0, 1)
    assert isinstance(first, OnProcess)
    assert [first.holds(r, 8) for r in range(3)] == [True, False, False]
    assert scaled.compare("Lt", rank, 100, 1) is True
    merged = scaled.merged(5, 7, first)
    assert not isinstance(merged, Opaque)
    assert [scaled.on_process(merged, r, 8) for r in range(3)] == [5, 7, 7]


def test_an_inverted_array_of_numbers_is_an_error_of_the_script() -> None:
    audit = _audit([(_CALL, "    ~(luts[0] * 1.5)\n" + _CALL)])
    assert audit.lut_status is LutStatus.CORRECT
