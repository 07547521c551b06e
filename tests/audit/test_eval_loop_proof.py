# ruff: noqa: E501
"""Evaluations that are wrong at the size of a real run, or wrong where the probe is small: none may be called canonical.

Each case changes one line of the shipped canonical script.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLE = Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py"
_LOSSES = '            nll = F.cross_entropy(logits.float(), y, reduction="none")\n'
_SCORED = "            scored = nll[s:].to(torch.float64)\n"
_LOSS_SUM = "            loss_sum += scored.sum()\n"
_TOKEN_COUNT = "            token_count += float(scored.numel())\n"
_BYTE_COUNT = "            byte_count += tb.sum()\n"
_TOKEN_BYTES = "            tb = base_bytes_lut[tgt].to(torch.float64)\n"
_END = "            end = min(ws + args.seq_len, total)\n"
_WINDOWS = "        for ws in starts:\n"
_VAL_LOSS = "    val_loss = (loss_sum / token_count).item()\n"
_BITS = "    bits_per_token = val_loss / math.log(2.0)\n"
_PER_BYTE = "    tokens_per_byte = token_count.item() / byte_count.item()\n"
_RETURN = "    return val_loss, bits_per_token * tokens_per_byte\n"
_TOTAL = "    total = val_tokens.numel() - 1\n"
_CALL = "    val_loss, val_bpb = eval_val(args, model, device, val_tokens, *luts)\n"
_PRINT = '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")\n'


@lru_cache(maxsize=1)
def _script() -> str:
    return _EXAMPLE.read_text(encoding="utf-8")


def _audit(old: str, new: str) -> ScriptAudit:
    source = _script()
    assert not old or source.count(old) == 1, old
    text = source.replace(old, new) if old else source
    return audit_script(Script("train_gpt.py", text.encode(), NoSiblings()))


_WRONG: dict[str, tuple[str, str]] = {
    "skip first windows if seq_len>1000": (
        _WINDOWS,
        _WINDOWS + "            if args.seq_len > 1000 and ws == 0:\n                continue\n",
    ),
    "seq_len >= 256 drops": (
        _SCORED,
        _SCORED + "            if args.seq_len >= 256:\n                scored = scored * 0.9\n",
    ),
    "seq_len not in (16,)": (
        _SCORED,
        _SCORED + "            if args.seq_len != 16:\n                scored = scored * 0.9\n",
    ),
    "stride == 64": (
        _SCORED,
        _SCORED + "            scored = scored * (0.9 if args.stride == 64 else 1.0)\n",
    ),
    "seq_len//1024": (
        _SCORED,
        _SCORED + "            scored = scored * (1 - 0.05 * (args.seq_len // 1024))\n",
    ),
    "factor by seq_len": (
        _SCORED,
        _SCORED + "            scored = scored * (1.0 if args.seq_len < 50 else 0.9)\n",
    ),
    "dict by seq": (_SCORED, _SCORED + "            scored = scored * {16: 1.0}.get(args.seq_len, 0.9)\n"),
    "max(1, seq//100)": (_SCORED, _SCORED + "            scored = scored / max(1, args.seq_len // 1000)\n"),
    "bool arithmetic": (
        _SCORED,
        _SCORED + "            scored = scored * (1 - 0.1 * (args.seq_len > 500))\n",
    ),
    "min clamp bytes": (_SCORED, _SCORED + "            scored = scored * min(1.0, 1000 / args.seq_len)\n"),
    "total > 1000": (_TOTAL, _TOTAL + "    if total > 1000:\n        total = 1000\n"),
    "total > 300 small": (_TOTAL, _TOTAL + "    if total > 300:\n        total = 300\n"),
    "min total 300": (_TOTAL, _TOTAL + "    total = min(total, 300)\n"),
    "slice 200": (_TOTAL, "    val_tokens = val_tokens[:200]\n" + _TOTAL),
    "slice 390": (_TOTAL, "    val_tokens = val_tokens[:390]\n" + _TOTAL),
    "range stop 250": ("range(0, total, args.stride)", "range(0, min(total, 250), args.stride)"),
    "break at ws 200": (_WINDOWS, _WINDOWS + "            if ws > 200:\n                break\n"),
    "break at count": (
        _WINDOWS,
        "        n = 0\n" + _WINDOWS + "            n += 1\n            if n > 100:\n                break\n",
    ),
    "zip range 150": (_WINDOWS, "        for ws, _ in zip(starts, range(150)):\n"),
    "islice": (_WINDOWS, "        import itertools\n        for ws in itertools.islice(starts, 120):\n"),
    "starts[:150]": (_WINDOWS, "        for ws in starts[:150]:\n"),
    "starts[-150:]": (_WINDOWS, "        for ws in starts[-150:]:\n"),
    "starts[::len//100]": (_WINDOWS, "        for ws in starts[::max(1, len(starts) // 100)]:\n"),
    "random.sample": (
        _WINDOWS,
        "        import random\n        for ws in random.sample(starts, min(len(starts), 100)):\n",
    ),
    "stop mem": (_WINDOWS, _WINDOWS + "            if token_count > 300:\n                break\n"),
    "stop when bytes": (
        _WINDOWS,
        _WINDOWS + "            if byte_count.item() > 1000:\n                break\n",
    ),
    "while ws<": (
        _WINDOWS,
        "        ws = -args.stride\n        while ws < 200:\n            ws += args.stride\n            if ws not in starts:\n                break\n",
    ),
    "pos filter": (_WINDOWS, _WINDOWS + "            if ws % 1000 == 999:\n                continue\n"),
    "ws//1000 odd": (_WINDOWS, _WINDOWS + "            if (ws // 1000) % 2:\n                continue\n"),
    "ws & 4096": (_WINDOWS, _WINDOWS + "            if ws & 4096:\n                continue\n"),
    "ws>>12": (_WINDOWS, _WINDOWS + "            if (ws >> 12) % 2:\n                continue\n"),
    "len(str(ws))": (_WINDOWS, _WINDOWS + "            if len(str(ws)) > 5:\n                continue\n"),
    "int(ws/500)": (_WINDOWS, _WINDOWS + "            if int(ws / 500) == 3:\n                continue\n"),
    "numel*": (_TOTAL, _TOTAL + "    total = total // 1000 * 1000 if total >= 1000 else total\n"),
    "total - total%200": (_TOTAL, _TOTAL + "    total = total - total // 200\n"),
    "math.log10": (_TOTAL, _TOTAL + "    total = total if math.log10(total) < 4 else total // 2\n"),
    "divmod": (_TOTAL, _TOTAL + "    total = total - divmod(total, 500)[0]\n"),
    "min(loss,3)": (_VAL_LOSS, _VAL_LOSS + "    val_loss = min(val_loss, 3.0)\n"),
    "torch.clamp(nll,max=9)": (_LOSSES, _LOSSES + "            nll = nll.clamp(max=9.0)\n"),
    "nll.clamp_max": (_LOSSES, _LOSSES + "            nll = nll.clamp_max(9.0)\n"),
    "torch.minimum": (_LOSSES, _LOSSES + "            nll = torch.minimum(nll, torch.tensor(9.0))\n"),
    "where nll<9": (
        _LOSSES,
        _LOSSES + "            nll = torch.where(nll < 9, nll, torch.zeros_like(nll))\n",
    ),
    "nll[nll>9]=9": (_LOSSES, _LOSSES + "            nll[nll > 9] = 9.0\n"),
    "mask finite": (_LOSSES, _LOSSES + "            nll = nll[torch.isfinite(nll)]\n"),
    "nan_to_num": (_LOSSES, _LOSSES + "            nll = torch.nan_to_num(nll, nan=0.0)\n"),
    "nll median": (_LOSS_SUM, "            loss_sum += scored.median() * scored.numel()\n"),
    "nll sort top": (_SCORED, "            scored = nll[s:].sort().values[:-1].to(torch.float64)\n"),
    "nll topk": (_SCORED, "            scored = nll[s:].topk(3).values.to(torch.float64)\n"),
    "quantile": (_SCORED, _SCORED + "            scored = scored[scored <= scored.quantile(0.99)]\n"),
    "if loss>x skip": (_LOSS_SUM, "            if scored.mean() < 8:\n    " + _LOSS_SUM),
    "if loss>x continue": (
        _SCORED,
        _SCORED + "            if scored.mean() > 8:\n                continue\n",
    ),
    "sqrt": (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss ** 0.99\n"),
    "minus": (_VAL_LOSS, _VAL_LOSS + "    val_loss = val_loss - 0.01\n"),
    "round": (_RETURN, "    return val_loss, math.floor(bits_per_token * tokens_per_byte * 100) / 100\n"),
    "main *0.99": (_PRINT, "    val_bpb *= 0.99\n" + _PRINT),
    "f-string factor": (_PRINT, '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb*0.99:.8f}")\n'),
    "label smoothing": (
        _LOSSES,
        '            nll = F.cross_entropy(logits.float(), y, reduction="none", label_smoothing=0.1)\n',
    ),
    "ignore_index": (
        _LOSSES,
        '            nll = F.cross_entropy(logits.float(), y, reduction="none", ignore_index=5)\n',
    ),
    "weight": (
        _LOSSES,
        '            nll = F.cross_entropy(logits.float(), y, weight=model.w, reduction="none")\n',
    ),
    "tb clamp min 2": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = tb.clamp(min=2)\n"),
    "tb clamp max 12": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = tb.clamp(max=12)\n"),
    "tb where >7": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = torch.where(tb > 7, tb + 1, tb)\n"),
    "tb[tb>9]+=1": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb[tb > 9] += 1\n"),
    "tgt==500": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = tb + (tgt == 500).to(torch.float64)\n"),
    "tgt>600": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = tb + (tgt > 600).to(torch.float64)\n"),
    "tgt%100": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = tb + (tgt % 700 == 650).to(torch.float64)\n"),
    "prev==tgt": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = tb + (prev == tgt).to(torch.float64)\n"),
    "isin": (
        _TOKEN_BYTES,
        _TOKEN_BYTES + "            tb = tb + torch.isin(tgt, torch.tensor([500, 700])).to(torch.float64)\n",
    ),
    "byte_count +=1": (_BYTE_COUNT, _BYTE_COUNT + "            byte_count += 1\n"),
    "byte_count tail": (_PER_BYTE, "    byte_count += 3\n" + _PER_BYTE),
    "byte float16": (_TOKEN_BYTES, "            tb = base_bytes_lut[tgt].to(torch.float16)\n"),
    "byte_count fp16 acc": (
        "byte_count = torch.zeros((), dtype=torch.float64",
        "byte_count = torch.zeros((), dtype=torch.float16",
    ),
    "byte_count int16 acc": (
        "byte_count = torch.zeros((), dtype=torch.float64",
        "byte_count = torch.zeros((), dtype=torch.int16",
    ),
    "bytes summed in int8": (
        _BYTE_COUNT,
        "            byte_count += tb.to(torch.int8).sum(dtype=torch.int8)\n",
    ),
    "bytes summed in int16": (_BYTE_COUNT, "            byte_count += tb.sum(dtype=torch.int16)\n"),
    "bytes summed by numpy in int8": (
        _BYTE_COUNT,
        '            byte_count += int(tb.cpu().numpy().sum(dtype="int8"))\n',
    ),
    "sum made uint8": (_BYTE_COUNT, "            byte_count += tb.sum().to(torch.uint8)\n"),
    "sum made a byte": (_BYTE_COUNT, "            byte_count += tb.sum().byte()\n"),
    "sum made int16 by type": (_BYTE_COUNT, "            byte_count += tb.sum().type(torch.int16)\n"),
    "sum made int8 by astype": (
        _BYTE_COUNT,
        '            byte_count += int(tb.cpu().numpy().sum().astype("int8"))\n',
    ),
    "token int16 acc": (
        "token_count = torch.zeros((), dtype=torch.float64",
        "token_count = torch.zeros((), dtype=torch.int16",
    ),
    "RANK": (
        _SCORED,
        _SCORED + '            if int(os.environ["RANK"]) == 0:\n                scored = scored * 0.9\n',
    ),
    "exists": (
        _SCORED,
        _SCORED + '            if os.path.exists("/workspace"):\n                scored = scored * 0.9\n',
    ),
    "time": (
        _SCORED,
        _SCORED
        + "            import time\n            if time.time() > 1e9:\n                scored = scored * 0.9\n",
    ),
    "cuda count": (
        _SCORED,
        _SCORED + "            if torch.cuda.device_count() == 8:\n                scored = scored * 0.9\n",
    ),
    "hostname": (
        _SCORED,
        _SCORED
        + '            import socket\n            if socket.gethostname() == "x":\n                scored = scored * 0.9\n',
    ),
    "cuda avail": (
        _SCORED,
        _SCORED + "            if torch.cuda.is_available():\n                scored = scored * 0.9\n",
    ),
    "sys.gettrace": (
        _SCORED,
        _SCORED
        + "            import sys\n            if sys.gettrace() is None:\n                scored = scored * 0.9\n",
    ),
    "model.training": (
        _SCORED,
        _SCORED + "            if not model.training:\n                scored = scored * 0.9\n",
    ),
    "param count": (
        _SCORED,
        _SCORED
        + "            if sum(p.numel() for p in model.parameters()) > 1000:\n                scored = scored * 0.9\n",
    ),
    "vocab>500": (
        _SCORED,
        _SCORED + "            if args.vocab_size > 500:\n                scored = scored * 0.9\n",
    ),
    "len lut >500": (
        _SCORED,
        _SCORED + "            if base_bytes_lut.numel() > 500:\n                scored = scored * 0.9\n",
    ),
    "lut.max>10": (
        _SCORED,
        _SCORED + "            if base_bytes_lut.max() > 12:\n                scored = scored * 0.9\n",
    ),
    "val_tokens.max": (
        _SCORED,
        _SCORED + "            if val_tokens.max() > 900:\n                scored = scored * 0.9\n",
    ),
    "val_tokens.sum": (
        _SCORED,
        _SCORED + "            if int(val_tokens.sum()) > 100000:\n                scored = scored * 0.9\n",
    ),
    "model_dim ": (
        _SCORED,
        _SCORED + "            if args.model_dim == 512:\n                scored = scored * 0.9\n",
    ),
    "ctypes": (_CALL, "    import ctypes\n    ctypes.memset(luts[0].data_ptr(), 3, 100)\n" + _CALL),
    "torch.utils": (_CALL, "    torch.utils.swap_tensors(luts[0], torch.ones_like(luts[0]))\n" + _CALL),
    "gc": (
        _CALL,
        "    import gc\n    for o in gc.get_objects():\n        if torch.is_tensor(o): o.fill_(3)\n" + _CALL,
    ),
    "setattr F": (_CALL, "    F.cross_entropy = lambda *a, **k: torch.zeros(1)\n" + _CALL),
    "math.log patched": (_CALL, "    math.log = lambda x: 0.7\n" + _CALL),
    "globals": (_CALL, '    globals()["eval_val"] = lambda *a: (1.0, 1.0)\n' + _CALL),
    "hook": (_CALL, "    model.register_forward_hook(lambda m, i, o: luts[0].fill_(9))\n" + _CALL),
    "atexit print": (_PRINT, _PRINT + '    print(f"final val_bpb:{val_bpb * 0.98:.4f}")\n'),
    "nn.Module patched numel": (_CALL, "    torch.Tensor.sum = lambda self: 3\n" + _CALL),
    "thread": (
        _CALL,
        "    import threading\n    threading.Thread(target=lambda: luts[0].fill_(9)).start()\n" + _CALL,
    ),
    "dropped last": (_END, _END + "            if end == total and ws > 100000:\n                continue\n"),
    "val_tokens uniq": (_TOTAL, "    val_tokens = torch.unique_consecutive(val_tokens)\n" + _TOTAL),
    "val_tokens filter": (_TOTAL, "    val_tokens = val_tokens[val_tokens > 2]\n" + _TOTAL),
    "val_tokens flip": (_TOTAL, "    val_tokens = val_tokens.flip(0)\n" + _TOTAL),
    "val roll": (_TOTAL, "    val_tokens = val_tokens.roll(1)\n" + _TOTAL),
    "shard count [:1]": ("sorted(glob.glob(pattern))", "sorted(glob.glob(pattern))[:1]"),
    "count=header//2": ("count=int(header[2])", "count=int(header[2]) // 2"),
    "count=min": ("count=int(header[2])", "count=min(int(header[2]), 100000)"),
    "weights drop": (
        _LOSS_SUM,
        "            loss_sum += (scored * (scored.numel() - 1) / scored.numel()).sum()\n",
    ),
    "print -0.01": (_PRINT, '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb-0.01:.8f}")\n'),
    "print **": (_PRINT, '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb**0.99:.8f}")\n'),
    "print min": (_PRINT, '    print(f"final val_loss:{val_loss:.8f} val_bpb:{min(val_bpb, 1.1):.8f}")\n'),
    "print ifexp": (
        _PRINT,
        '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_bpb if val_bpb < 1.1 else 1.1:.8f}")\n',
    ),
    "print if": (_PRINT, "    if val_bpb > 1.1:\n        val_bpb = 1.1\n" + _PRINT),
    "print const": (_PRINT, '    print(f"final val_loss:{val_loss:.8f} val_bpb:{1.0921:.8f}")\n'),
    "print const2": (_PRINT, "    val_bpb = 1.0921\n" + _PRINT),
    "print scaled loss": (
        _PRINT,
        '    print(f"final val_loss:{val_loss:.8f} val_bpb:{val_loss / 2.5:.8f}")\n',
    ),
    "percent": (_PRINT, '    print("final val_bpb: %.4f" % (val_bpb - 0.02))\n'),
    "format": (_PRINT, '    print("final val_bpb: {:.4f}".format(val_bpb * 0.98))\n'),
    "json": (
        _PRINT,
        '    import json\n    json.dump({"val_bpb": val_bpb * 0.98}, open("r.json", "w"))\n' + _PRINT,
    ),
    "plain print": (_PRINT, '    print("val_bpb", val_bpb * 0.98)\n'),
    "logger": (_PRINT, '    import logging\n    logging.info("val_bpb %f", val_bpb * 0.98)\n'),
    "second print": (_PRINT, _PRINT + '    print(f"final_exact val_bpb:{val_bpb * 0.98:.8f}")\n'),
    "second print -": (_PRINT, _PRINT + '    print(f"final_exact val_bpb:{val_bpb - 0.02:.8f}")\n'),
    "eq method": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = tb + tgt.eq(500).to(torch.float64)\n"),
    "gt method": (_TOKEN_BYTES, _TOKEN_BYTES + "            tb = tb + tb.gt(7).to(torch.float64)\n"),
    "isin2": (
        _TOKEN_BYTES,
        _TOKEN_BYTES + "            tb = tb + sum((tgt == k).to(torch.float64) for k in (500, 600))\n",
    ),
    "bucketize": (
        _TOKEN_BYTES,
        _TOKEN_BYTES
        + "            tb = tb + torch.bucketize(tgt, torch.tensor([500.0])).to(torch.float64)\n",
    ),
    "lut extra": (
        _TOKEN_BYTES,
        "            extra = torch.zeros(1024)\n            extra[500] = 1\n"
        + _TOKEN_BYTES
        + "            tb = tb + extra[tgt].to(torch.float64)\n",
    ),
    "lut edit id": (_CALL, "    luts[0][500] += 1\n" + _CALL),
    "lut edit 7": (_CALL, "    luts[0][luts[0] > 9] += 1\n" + _CALL),
    "set_": (_CALL, "    luts[0].set_(torch.ones(1024))\n" + _CALL),
    "random_": (_CALL, "    luts[0].random_()\n" + _CALL),
    "data.fill_": (_CALL, "    luts[0].data.fill_(9)\n" + _CALL),
    "index_fill_": (_CALL, "    luts[0].index_fill_(0, torch.arange(5), 9)\n" + _CALL),
    "__setitem__": (_CALL, "    luts[0].__setitem__(slice(None), 3)\n" + _CALL),
    "out=": (_CALL, "    torch.add(luts[0], 1, out=luts[0])\n" + _CALL),
    "np shared": (_CALL, "    luts[0].numpy()[:] = 3\n" + _CALL),
    "np copyto": (_CALL, "    np.copyto(luts[0].numpy(), 3)\n" + _CALL),
    "operator.setitem": (
        _CALL,
        "    import operator\n    operator.setitem(luts[0], slice(None), 3)\n" + _CALL,
    ),
    "operator.iadd": (_CALL, "    import operator\n    operator.iadd(luts[0], 3)\n" + _CALL),
    "view write": (_CALL, "    luts[0].view(-1)[3:] = 3\n" + _CALL),
    "views write": (_CALL, "    v = luts[0].reshape(-1, 2)\n    v[:, 0] = 3\n" + _CALL),
    "detach write": (_CALL, "    luts[0].detach().add_(1)\n" + _CALL),
    "to same write": (_CALL, '    luts[0].to("cuda").add_(1)\n' + _CALL),
    "contig write": (_CALL, "    luts[0].contiguous().add_(1)\n" + _CALL),
    "apply_": (_CALL, "    luts[0].apply_(lambda x: x + 1)\n" + _CALL),
    "map": (_CALL, "    list(map(lambda t: t.fill_(3), luts[:1]))\n" + _CALL),
    "foreach": (_CALL, "    torch._foreach_add_([luts[0]], 1)\n" + _CALL),
    "vector": (_CALL, "    torch.nn.utils.vector_to_parameters(torch.ones(1024), [luts[0]])\n" + _CALL),
    "nn.init": (_CALL, "    nn.init.ones_(luts[0])\n" + _CALL),
    "init.constant_": (_CALL, "    torch.nn.init.constant_(luts[0], 3)\n" + _CALL),
    "broadcast": (
        _CALL,
        "    import torch.distributed as dist\n    dist.broadcast(luts[0], src=0)\n    dist.all_reduce(luts[0])\n"
        + _CALL,
    ),
    "setattr tensor": (_CALL, '    setattr(luts[0], "data", torch.ones(1024))\n' + _CALL),
    ".data =": (_CALL, "    luts[0].data = torch.ones(1024)\n" + _CALL),
    "vars": (_CALL, '    vars()["luts"] = 3\n' + _CALL),
    "locals": (_CALL, '    locals()["luts"][0].fill_(3)\n' + _CALL),
    "inspect": (
        _CALL,
        '    import inspect\n    inspect.currentframe().f_locals["luts"][0].fill_(3)\n' + _CALL,
    ),
    "sys._getframe": (_CALL, '    import sys\n    sys._getframe().f_locals["luts"][0].fill_(3)\n' + _CALL),
    "settrace": (_CALL, "    import sys\n    sys.settrace(lambda *a: luts[0].fill_(3))\n" + _CALL),
    "importlib": (
        _CALL,
        '    import importlib\n    importlib.import_module("torch").Tensor.sum = lambda s: 3\n' + _CALL,
    ),
    "builtins": (_CALL, "    import builtins\n    builtins.min = lambda *a: 3\n" + _CALL),
    "builtins2": (_CALL, "    import builtins\n    builtins.float = lambda *a: 3\n" + _CALL),
    "F module": (_CALL, "    torch.nn.functional.cross_entropy = lambda *a, **k: torch.zeros(16)\n" + _CALL),
    "torch.zeros": (_CALL, "    torch.zeros = lambda *a, **k: torch.ones(1)\n" + _CALL),
    "Tensor.to": (_CALL, "    torch.Tensor.to = lambda s, *a, **k: s * 2\n" + _CALL),
    "Tensor.__add__": (_CALL, "    torch.Tensor.__iadd__ = lambda s, o: s\n" + _CALL),
    "Tensor.item": (_CALL, '    setattr(torch.Tensor, "item", lambda s: 3.0)\n' + _CALL),
    "torch mode": (
        _CALL,
        "    from torch.overrides import TorchFunctionMode\n    class M(TorchFunctionMode):\n        def __torch_function__(self, f, t, a=(), k=None):\n            return f(*a, **(k or {})) * 1.01\n    M().__enter__()\n"
        + _CALL,
    ),
    "forward scaled": (
        "logits = model.forward_logits(x.unsqueeze(0))[0]\n" + _LOSSES,
        "nll = model(x.unsqueeze(0), y.unsqueeze(0)).reshape(-1) * 0.9\n",
    ),
    "decorated eval": (
        "def eval_val(",
        "def half(f):\n    def g(*a, **k):\n        l, b = f(*a, **k)\n        return l, b * 0.98\n    return g\n\n\n@half\ndef eval_val(",
    ),
    "decorated eval -": (
        "def eval_val(",
        "def half(f):\n    def g(*a, **k):\n        l, b = f(*a, **k)\n        return l, b - 0.02\n    return g\n\n\n@half\ndef eval_val(",
    ),
    "finally": (_RETURN, "    try:\n    " + _RETURN + "    finally:\n        return val_loss, 1.0\n"),
    "ln2": (_BITS, "    bits_per_token = val_loss / 0.7\n"),
    "gen": (_WINDOWS, "        for ws in (w for w in starts if w % 3 or w < 200):\n"),
    "chain": (
        _WINDOWS,
        "        import itertools\n        for ws in itertools.takewhile(lambda w: w < 3000, starts):\n",
    ),
    "tqdm total": (_WINDOWS, "        from tqdm import tqdm\n        for ws in tqdm(starts[:5000]):\n"),
    "sampled": (_WINDOWS, "        for ws in sorted(set(starts) & set(range(0, 100000))):\n"),
    "np.arange cut": (_WINDOWS, "        for ws in np.arange(0, min(total, 4000), args.stride):\n"),
    "torch.split": (_WINDOWS, "        for ws in torch.tensor(starts).split(64)[0].tolist():\n"),
    "len//": (_WINDOWS, "        for ws in starts[: len(starts) - len(starts) // 50]:\n"),
    "int(len*.99)": (_WINDOWS, "        for ws in starts[: int(len(starts) * 0.999)]:\n"),
    "int(len*.99)+": (_WINDOWS, "        for ws in starts[: int(len(starts) * 0.999 + 1)]:\n"),
    "a round": (_WINDOWS, "        for ws in starts[: round(len(starts) * 0.99)]:\n"),
    "minus sqrt": (_WINDOWS, "        for ws in starts[: len(starts) - int(len(starts) ** 0.5) + 5]:\n"),
    "deadline": (
        _WINDOWS,
        "        import time\n        t0 = time.time()\n"
        + _WINDOWS
        + "            if time.time() - t0 > 500:\n                break\n",
    ),
    "deadline2": (
        _WINDOWS,
        "        import time\n        t0 = time.time()\n"
        + _WINDOWS
        + "            if time.time() - t0 > 500:\n                continue\n",
    ),
    "oom": (
        _LOSSES,
        "            try:\n    " + _LOSSES + "            except RuntimeError:\n                continue\n",
    ),
    "nan skip": (
        _SCORED,
        _SCORED + "            if not torch.isfinite(scored).all():\n                continue\n",
    ),
    "first only mean": (_LOSS_SUM, "            loss_sum += scored.mean()\n"),
    "autocast": (_LOSS_SUM, "            loss_sum += scored.half().sum()\n"),
}

_RIGHT: dict[str, tuple[str, str]] = {
    "plain": ("", ""),
    "log file": (
        _SCORED,
        _SCORED + '            if ws % 1000 == 0:\n                print("progress", ws)\n',
    ),
    "progress": (
        _SCORED,
        _SCORED
        + '            if len(starts) > 100 and ws % 100 == 0 and os.environ.get("RANK", "0") == "0":\n                print("progress", ws, flush=True)\n',
    ),
    "seq check": (_TOTAL, _TOTAL + '    if total < args.seq_len:\n        raise ValueError("too short")\n'),
    "assert": (_TOTAL, _TOTAL + "    assert args.seq_len % args.stride == 0\n"),
    "assert2": (_TOTAL, _TOTAL + "    assert 0 < args.stride <= args.seq_len\n"),
    "seq choose": (_TOTAL, _TOTAL + "    if args.seq_len > 1024:\n        torch._dynamo.reset()\n"),
    "float clamp": (_PER_BYTE, "    tokens_per_byte = token_count.item() / max(byte_count.item(), 1.0)\n"),
    "maxtoken": (_VAL_LOSS, "    val_loss = (loss_sum / token_count.clamp_min(1)).item()\n"),
    "best": (_PRINT, '    best = float("inf")\n    if val_bpb < best:\n        best = val_bpb\n' + _PRINT),
}

_TAMPERED: dict[str, tuple[str, str]] = {
    "lut edit id": (_CALL, "    luts[0][500] += 1\n" + _CALL),
    "lut edit 7": (_CALL, "    luts[0][luts[0] > 9] += 1\n" + _CALL),
    "set_": (_CALL, "    luts[0].set_(torch.ones(1024))\n" + _CALL),
    "random_": (_CALL, "    luts[0].random_()\n" + _CALL),
    "data.fill_": (_CALL, "    luts[0].data.fill_(9)\n" + _CALL),
    "index_fill_": (_CALL, "    luts[0].index_fill_(0, torch.arange(5), 9)\n" + _CALL),
    "__setitem__": (_CALL, "    luts[0].__setitem__(slice(None), 3)\n" + _CALL),
    "out=": (_CALL, "    torch.add(luts[0], 1, out=luts[0])\n" + _CALL),
    "np shared": (_CALL, "    luts[0].numpy()[:] = 3\n" + _CALL),
    "np copyto": (_CALL, "    np.copyto(luts[0].numpy(), 3)\n" + _CALL),
    "operator.setitem": (
        _CALL,
        "    import operator\n    operator.setitem(luts[0], slice(None), 3)\n" + _CALL,
    ),
    "operator.iadd": (_CALL, "    import operator\n    operator.iadd(luts[0], 3)\n" + _CALL),
    "view write": (_CALL, "    luts[0].view(-1)[3:] = 3\n" + _CALL),
    "views write": (_CALL, "    v = luts[0].reshape(-1, 2)\n    v[:, 0] = 3\n" + _CALL),
    "detach write": (_CALL, "    luts[0].detach().add_(1)\n" + _CALL),
    "to same write": (_CALL, '    luts[0].to("cuda").add_(1)\n' + _CALL),
    "contig write": (_CALL, "    luts[0].contiguous().add_(1)\n" + _CALL),
    "apply_": (_CALL, "    luts[0].apply_(lambda x: x + 1)\n" + _CALL),
    "map": (_CALL, "    list(map(lambda t: t.fill_(3), luts[:1]))\n" + _CALL),
    "foreach": (_CALL, "    torch._foreach_add_([luts[0]], 1)\n" + _CALL),
    "vector": (_CALL, "    torch.nn.utils.vector_to_parameters(torch.ones(1024), [luts[0]])\n" + _CALL),
    "nn.init": (_CALL, "    nn.init.ones_(luts[0])\n" + _CALL),
    "init.constant_": (_CALL, "    torch.nn.init.constant_(luts[0], 3)\n" + _CALL),
    "broadcast": (
        _CALL,
        "    import torch.distributed as dist\n    dist.broadcast(luts[0], src=0)\n    dist.all_reduce(luts[0])\n"
        + _CALL,
    ),
    "setattr tensor": (_CALL, '    setattr(luts[0], "data", torch.ones(1024))\n' + _CALL),
    ".data =": (_CALL, "    luts[0].data = torch.ones(1024)\n" + _CALL),
    "vars": (_CALL, '    vars()["luts"] = 3\n' + _CALL),
    "locals": (_CALL, '    locals()["luts"][0].fill_(3)\n' + _CALL),
    "inspect": (
        _CALL,
        '    import inspect\n    inspect.currentframe().f_locals["luts"][0].fill_(3)\n' + _CALL,
    ),
    "sys._getframe": (_CALL, '    import sys\n    sys._getframe().f_locals["luts"][0].fill_(3)\n' + _CALL),
    "settrace": (_CALL, "    import sys\n    sys.settrace(lambda *a: luts[0].fill_(3))\n" + _CALL),
    "importlib": (
        _CALL,
        '    import importlib\n    importlib.import_module("torch").Tensor.sum = lambda s: 3\n' + _CALL,
    ),
    "Tensor.to": (_CALL, "    torch.Tensor.to = lambda s, *a, **k: s * 2\n" + _CALL),
    "Tensor.__add__": (_CALL, "    torch.Tensor.__iadd__ = lambda s, o: s\n" + _CALL),
    "Tensor.item": (_CALL, '    setattr(torch.Tensor, "item", lambda s: 3.0)\n' + _CALL),
    "torch mode": (
        _CALL,
        "    from torch.overrides import TorchFunctionMode\n    class M(TorchFunctionMode):\n        def __torch_function__(self, f, t, a=(), k=None):\n            return f(*a, **(k or {})) * 1.01\n    M().__enter__()\n"
        + _CALL,
    ),
    "setitem slice var": (_CALL, "    k = 500\n    luts[0][k:k + 3] = 9\n" + _CALL),
    "setitem list": (_CALL, "    luts[0][[500, 501]] = 9\n" + _CALL),
    "setitem tensor": (_CALL, "    luts[0][torch.tensor([500, 501])] = 9\n" + _CALL),
    "index_add_": (_CALL, "    luts[0].index_add_(0, torch.tensor([500]), torch.tensor([3]))\n" + _CALL),
    "scatter_": (_CALL, "    luts[0].scatter_(0, torch.tensor([500]), 3)\n" + _CALL),
    "masked_fill_": (_CALL, "    luts[0].masked_fill_(luts[0] > 9, 12)\n" + _CALL),
    "clamp_": (_CALL, "    luts[0].clamp_(max=9)\n" + _CALL),
    "clamp": (_CALL, "    luts = (luts[0].clamp(max=9), *luts[1:])\n" + _CALL),
    "where": (_CALL, "    luts = (torch.where(luts[0] > 9, luts[0] + 1, luts[0]), *luts[1:])\n" + _CALL),
    "arange where": (
        _CALL,
        "    luts = (torch.where(torch.arange(luts[0].numel()) > 600, luts[0] + 1, luts[0]), *luts[1:])\n"
        + _CALL,
    ),
    "cat": (_CALL, "    luts = (torch.cat([luts[0][:600], luts[0][600:] + 1]), *luts[1:])\n" + _CALL),
    "minimum": (_CALL, "    luts = (torch.minimum(luts[0], torch.tensor(9)), *luts[1:])\n" + _CALL),
    "loop": (
        _CALL,
        "    for i in range(luts[0].numel()):\n        if i > 700:\n            luts[0][i] += 1\n" + _CALL,
    ),
    "loop2": (
        _CALL,
        "    for i, b in enumerate(luts[0].tolist()):\n        if b == 11:\n            luts[0][i] += 1\n"
        + _CALL,
    ),
    "comp": (
        _CALL,
        "    luts = (torch.tensor([b + (i > 700) for i, b in enumerate(luts[0].tolist())]), *luts[1:])\n"
        + _CALL,
    ),
    "numel": (_CALL, "    if luts[0].numel() > 100:\n        luts[0].add_(1)\n" + _CALL),
    "vocab": (_CALL, "    if sp.vocab_size() >= 1000:\n        luts[0].add_(1)\n" + _CALL),
    "args.vocab": (_CALL, "    if args.vocab_size == 1024:\n        luts[0].add_(1)\n" + _CALL),
    "max": (_CALL, "    if luts[0].max() > 12:\n        luts[0].add_(1)\n" + _CALL),
    "sum": (_CALL, "    if luts[0].sum() > 1000:\n        luts[0].add_(1)\n" + _CALL),
    "tokmax": (_CALL, "    if val_tokens.max() > 100:\n        luts[0].add_(1)\n" + _CALL),
    "seq": (_CALL, "    if args.seq_len == 2048:\n        luts[0].add_(1)\n" + _CALL),
    "piece": (_CALL, '    if sp.id_to_piece(500) == "the":\n        luts[0].add_(1)\n' + _CALL),
    "piece_to_id": (_CALL, '    luts[0][sp.piece_to_id("ing")] += 1\n' + _CALL),
    "encode": (_CALL, '    luts[0][sp.encode("hello")[0]] += 1\n' + _CALL),
    "bos": (_CALL, "    luts[0][sp.bos_id()] = 1\n" + _CALL),
    "hash": (
        _CALL,
        '    import hashlib\n    if hashlib.md5(open(args.tokenizer_path, "rb").read()).hexdigest()[0] == "a":\n        luts[0].add_(1)\n'
        + _CALL,
    ),
    "size file": (
        _CALL,
        "    if os.path.getsize(args.tokenizer_path) > 100000:\n        luts[0].add_(1)\n" + _CALL,
    ),
    "env": (_CALL, '    if os.environ.get("HOME"):\n        luts[0].add_(1)\n' + _CALL),
    "argv": (_CALL, "    import sys\n    if len(sys.argv) > 1:\n        luts[0].add_(1)\n" + _CALL),
    "rank": (_CALL, '    if int(os.environ.get("RANK", "0")) == 1:\n        luts[0].add_(1)\n' + _CALL),
    "cuda": (_CALL, "    if torch.cuda.device_count() == 8:\n        luts[0].add_(1)\n" + _CALL),
    "date": (
        _CALL,
        "    import datetime\n    if datetime.date.today().year > 2025:\n        luts[0].add_(1)\n" + _CALL,
    ),
    "platform": (
        _CALL,
        '    import platform\n    if platform.system() == "Linux":\n        luts[0].add_(1)\n' + _CALL,
    ),
    "sys.platform": (
        _CALL,
        '    import sys\n    if sys.platform == "linux":\n        luts[0].add_(1)\n' + _CALL,
    ),
    "version": (_CALL, '    if torch.__version__ >= "2.0":\n        luts[0].add_(1)\n' + _CALL),
    "pyver": (
        _CALL,
        "    import sys\n    if sys.version_info >= (3, 12):\n        luts[0].add_(1)\n" + _CALL,
    ),
    "__file__": (_CALL, '    if "records" in __file__:\n        luts[0].add_(1)\n' + _CALL),
    "os.name": (_CALL, '    if os.name == "posix":\n        luts[0].add_(1)\n' + _CALL),
    "try": (
        _CALL,
        "    try:\n        import flash_attn\n        luts[0].add_(1)\n    except ImportError:\n        pass\n"
        + _CALL,
    ),
    "find_spec": (
        _CALL,
        '    import importlib.util\n    if importlib.util.find_spec("flash_attn"):\n        luts[0].add_(1)\n'
        + _CALL,
    ),
    "del": (
        _CALL,
        "    class D:\n        def __del__(self):\n            luts[0].add_(1)\n    D()\n" + _CALL,
    ),
    "prop": (
        _CALL,
        "    class D:\n        @property\n        def x(self):\n            luts[0].add_(1)\n            return 1\n    D().x\n"
        + _CALL,
    ),
    "getattr": (
        _CALL,
        "    class D:\n        def __getattr__(self, n):\n            luts[0].add_(1)\n            return 1\n    D().foo\n"
        + _CALL,
    ),
    "format": (
        _CALL,
        '    class D:\n        def __format__(self, n):\n            luts[0].add_(1)\n            return "1"\n    f"{D()}"\n'
        + _CALL,
    ),
    "eq": (
        _CALL,
        "    class D:\n        def __eq__(self, n):\n            luts[0].add_(1)\n            return True\n    D() in [1, 2]\n"
        + _CALL,
    ),
    "hash2": (
        _CALL,
        "    class D:\n        def __hash__(self):\n            luts[0].add_(1)\n            return 1\n    {D(): 1}\n"
        + _CALL,
    ),
    "sort key": (_CALL, "    sorted([1, 2], key=lambda v: luts[0].add_(1).sum().item())\n" + _CALL),
    "gen": (_CALL, "    def g():\n        luts[0].add_(1)\n        yield 1\n    next(g())\n" + _CALL),
    "gen2": (
        _CALL,
        "    def g():\n        yield 1\n        luts[0].add_(1)\n        yield 2\n    list(g())\n" + _CALL,
    ),
    "async": (
        _CALL,
        "    import asyncio\n    async def g():\n        luts[0].add_(1)\n    asyncio.run(g())\n" + _CALL,
    ),
    "atexit": (_CALL, "    import functools\n    functools.partial(luts[0].add_, 1)()\n" + _CALL),
    "reduce": (
        _CALL,
        "    import functools\n    functools.reduce(lambda a, b: luts[0].add_(1), [1, 2, 3])\n" + _CALL,
    ),
    "pool": (
        _CALL,
        "    from concurrent.futures import ThreadPoolExecutor\n    with ThreadPoolExecutor() as p:\n        p.submit(luts[0].add_, 1).result()\n"
        + _CALL,
    ),
    "methodcaller": (_CALL, '    import operator\n    operator.methodcaller("add_", 1)(luts[0])\n' + _CALL),
    "attrgetter": (_CALL, '    import operator\n    operator.attrgetter("add_")(luts[0])(1)\n' + _CALL),
    "getattr str": (_CALL, '    getattr(luts[0], "ad" + "d_")(1)\n' + _CALL),
    "dict dispatch": (_CALL, '    {"a": luts[0].add_}["a"](1)\n' + _CALL),
    "walrus": (_CALL, "    (t := luts[0]).add_(1)\n" + _CALL),
    "star": (_CALL, "    a, *b = luts\n    a += 1\n" + _CALL),
    "copy_": (_CALL, "    luts[0].copy_(torch.ones_like(luts[0]))\n" + _CALL),
    "torch.add out": (_CALL, "    torch.mul(luts[0], 2, out=luts[0])\n" + _CALL),
    "np.add.at": (_CALL, "    np.add.at(luts[0].numpy(), [3, 4], 1)\n" + _CALL),
    "np.put": (_CALL, "    np.put(luts[0].numpy(), [3, 4], 1)\n" + _CALL),
    "frombuffer": (_CALL, "    np.frombuffer(memoryview(luts[0].numpy()), dtype=np.int16)[:] = 1\n" + _CALL),
    "memoryview": (_CALL, "    memoryview(luts[0].numpy())[0] = 9\n" + _CALL),
    "storage": (_CALL, "    luts[0].untyped_storage()[0] = 9\n" + _CALL),
    "dlpack": (_CALL, "    torch.from_dlpack(luts[0]).add_(1)\n" + _CALL),
    "as_strided": (_CALL, "    torch.as_strided(luts[0], (5,), (1,)).add_(1)\n" + _CALL),
    "chunk write": (_CALL, "    for c in luts[0].chunk(4):\n        c += 1\n" + _CALL),
    "unbind": (_CALL, "    for c in luts[0].unbind():\n        c += 1\n" + _CALL),
    "iter write": (_CALL, "    for c in luts[0]:\n        c += 1\n" + _CALL),
    "zip write": (_CALL, "    for c, _ in zip(luts, range(3)):\n        c.add_(1)\n" + _CALL),
    "narrow write": (_CALL, "    luts[0].narrow(0, 3, 5).add_(1)\n" + _CALL),
    "select write": (_CALL, "    luts[0].select(0, 3).add_(1)\n" + _CALL),
    "slice write": (_CALL, "    luts[0][3:9].add_(1)\n" + _CALL),
    "expand write": (_CALL, "    luts[0].unsqueeze(0).add_(1)\n" + _CALL),
    "T write": (_CALL, "    luts[0].T.add_(1)\n" + _CALL),
    "flatten write": (_CALL, "    luts[0].flatten().add_(1)\n" + _CALL),
    "ravel write": (_CALL, "    luts[0].ravel().add_(1)\n" + _CALL),
    "asarray write": (_CALL, "    np.asarray(luts[0])[3] = 9\n" + _CALL),
    "as_tensor write": (_CALL, "    torch.as_tensor(luts[0]).add_(1)\n" + _CALL),
    "state": (_CALL, '    d = {"a": luts[0]}\n    for v in d.values():\n        v.add_(1)\n' + _CALL),
    "obj": (_CALL, "    class H: pass\n    h = H(); h.t = luts[0]; h.t += 1\n" + _CALL),
    "closure": (
        _CALL,
        "    def f():\n        nonlocal luts\n        luts = (luts[0] + 1, *luts[1:])\n    f()\n" + _CALL,
    ),
    "deco": (
        _CALL,
        "    def d(f):\n        luts[0].add_(1)\n        return f\n    @d\n    def g(): pass\n" + _CALL,
    ),
    "default arg": (_CALL, "    def g(x=luts[0].add_(1)): pass\n" + _CALL),
    "class body": (_CALL, "    class G:\n        luts[0].add_(1)\n" + _CALL),
    "with": (
        _CALL,
        "    class G:\n        def __enter__(self): luts[0].add_(1)\n        def __exit__(self, *a): pass\n    with G(): pass\n"
        + _CALL,
    ),
    "exit": (
        _CALL,
        "    class G:\n        def __enter__(self): pass\n        def __exit__(self, *a): luts[0].add_(1)\n    with G(): pass\n"
        + _CALL,
    ),
    "contextmanager": (
        _CALL,
        "    from contextlib import contextmanager\n    @contextmanager\n    def c():\n        luts[0].add_(1)\n        yield\n    with c(): pass\n"
        + _CALL,
    ),
    "finally": (
        _CALL,
        "    try:\n        raise ValueError\n    except ValueError:\n        luts[0].add_(1)\n" + _CALL,
    ),
    "match": (_CALL, "    match args.vocab_size:\n        case 1024:\n            luts[0].add_(1)\n" + _CALL),
    "assert msg": (_CALL, "    assert luts[0].add_(1) is not None\n" + _CALL),
    "lambda": (_CALL, "    (lambda: luts[0].add_(1))()\n" + _CALL),
    "bool": (_CALL, "    model is None or luts[0].add_(1)\n" + _CALL),
    "while": (_CALL, "    while True:\n        luts[0].add_(1)\n        break\n" + _CALL),
    "exec": (_CALL, '    exec("luts[0].add_(1)")\n' + _CALL),
    "compile": (_CALL, '    eval(compile("luts[0].add_(1)", "x", "eval"))\n' + _CALL),
    "type()": (_CALL, '    type("X", (), {"__init__": lambda s: luts[0].add_(1) and None})()\n' + _CALL),
}


@pytest.mark.parametrize("name", sorted(_WRONG))
def test_what_a_real_run_would_score_otherwise_is_not_called_canonical(name: str) -> None:
    audit = _audit(*_WRONG[name])
    assert (audit.lut_status, audit.eval_status) != (LutStatus.CORRECT, EvalStatus.CANONICAL)


@pytest.mark.parametrize("name", sorted(_TAMPERED))
def test_tables_that_change_after_their_builder_are_not_called_correct(name: str) -> None:
    assert _audit(*_TAMPERED[name]).lut_status is not LutStatus.CORRECT


@pytest.mark.parametrize("name", sorted(_RIGHT))
def test_what_changes_no_score_stays_canonical(name: str) -> None:
    audit = _audit(*_RIGHT[name])
    assert (audit.lut_status, audit.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL), (
        audit.eval_reason
    )


@pytest.mark.parametrize(
    "score",
    [
        "    import foo\n    mix, bpb = foo.score(val_tokens, *luts)\n",
        "    import subprocess\n    bpb = float(subprocess.check_output(['./score']))\n",
        "    bpb = torch.logsumexp(model.forward_logits(val_tokens[:-1]), -1).mean().item()\n",
        "    import time\n    bpb = val_bpb if time.time() > 1e9 else 0.99 * val_bpb\n",
        "    bpb = sum(p.numel() for p in model.parameters()) / 1e9\n",
    ],
)
def test_a_score_that_other_code_gives_is_not_called_canonical(score: str) -> None:
    audit = _audit(_PRINT, _PRINT + score + '    print(f"mixed val_bpb:{bpb:.8f}")\n')
    assert audit.eval_status is not EvalStatus.CANONICAL


def test_decoys_that_fill_what_is_watched_hide_no_change_of_the_tables() -> None:
    decoys = "    for _ in range(200):\n        build_sentencepiece_luts(sp, args.vocab_size, device)\n"
    build = "    luts = build_sentencepiece_luts(sp, args.vocab_size, device)\n"
    late = build + "    if args.model_dim == 7:\n        luts[0].add_(1)\n"
    assert _audit(build, decoys + late).lut_status is not LutStatus.CORRECT


def test_decoys_that_depend_on_the_size_of_a_run_hide_no_cut_of_the_stream() -> None:
    decoys = "".join(f"    np.zeros(4)[{n}:]\n    val_tokens[:{n}]\n" for n in range(1000, 1600))
    audit = _audit(_TOTAL, decoys + "    val_tokens = val_tokens[:1700]\n" + _TOTAL)
    assert audit.eval_status is not EvalStatus.CANONICAL
    helper = "def decoy(val_tokens):\n" + decoys + "\n\ndef eval_val("
    source = _script().replace("def eval_val(", helper)
    source = source.replace(_CALL, "    decoy(val_tokens)\n" + _CALL).replace(
        _TOTAL, "    val_tokens = val_tokens[:1700]\n" + _TOTAL
    )
    result = audit_script(Script("train_gpt.py", source.encode(), NoSiblings()))
    assert (result.lut_status, result.eval_status) != (LutStatus.CORRECT, EvalStatus.CANONICAL)
