"""What `torch.distributed` tells of the other processes, and sums over them."""

from __future__ import annotations

from pgolf.untrusted import operators, scaled
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Module, OnProcess, Opaque, Value

MOST_DEVICES = 8
"""Devices of the machine that a record runs on; the evaluation has one."""


def all_reduce(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """Sums over processes: of a byte table, a multiple of it."""
    t = args[0] if args else kwargs.get("tensor")
    if (
        isinstance(t, Tensor)
        and len(t.shape) == 1
        and 1 < interp.probe.vocab_size <= len(t.data)
        and not interp.probe.token_reads
    ):
        operators.spoil(t, "added up over the processes", line)
    if interp.world.process is not None:
        _reduce_over_processes(interp, t, args, kwargs, line)
    return Opaque("a handle of a collective", line, "config")


def _reduce_over_processes(interp: Interp, t: Value, args: Args, kwargs: Kwargs, line: int) -> None:
    """A sum over the processes: what the others add is known where they were evaluated before."""
    op = args[1] if len(args) > 1 else kwargs.get("op", "SUM")
    if not isinstance(t, Tensor):
        return
    interp.world.reduced.append((list(t.data), t.shape))
    if not interp.world.incoming:
        return
    data, shape = interp.world.incoming.pop(0)
    if op not in ("SUM", "AVG") or shape != t.shape:
        operators.spoil(
            t, f"reduced over the processes by {op if isinstance(op, str) else 'something unknown'}", line
        )
        return
    n = interp.world.process[1] if interp.world.process and op == "AVG" else 1
    summed = [operators.binary(interp, "Add", x, y, line) for x, y in zip(t.data, data, strict=True)]
    t.data[:] = [operators.binary(interp, "Div", x, n, line) for x in summed] if n > 1 else summed


def rank(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.world.asked = True
    if interp.world.process is not None:
        return scaled.exactly(interp.world.process[0])
    return scaled.of_process(0, 0, MOST_DEVICES - 1, lambda rank, processes: rank)


def processes(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.world.asked = True
    if interp.world.process is not None:
        return scaled.exactly(interp.world.process[1])
    return scaled.of_process(1, 1, MOST_DEVICES, lambda rank, processes: processes)


def initialized(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.world.asked = True
    if interp.world.process is not None:
        return True
    return OnProcess("whether several processes run", line, lambda rank, processes: processes > 1)


def reductions() -> Module:
    module = Module("torch.distributed.ReduceOp")
    module.attributes.update({name: name for name in ("SUM", "AVG", "MAX", "MIN", "PRODUCT")})
    return module
