"""The grammar of evaluation loops: whole scripts with canonical tables that score a stream in many manners of writing, right ones and
wrong ones.

`loop(random)` writes one script. What it computes is for CPython to say: `main()` returns `(val_loss, val_bpb)` of each process.
"""

# ruff: noqa: E501 - programs as text
from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from random import Random

HEAD = """
import glob, math, os, sys
from dataclasses import dataclass
from functools import partial
import numpy as np
import sentencepiece as spm
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn


def build_luts(sp, vocab_size):
    base = np.zeros(vocab_size, dtype=np.int16)
    space = np.zeros(vocab_size, dtype=np.bool_)
    boundary = np.ones(vocab_size, dtype=np.bool_)
    for i in range(sp.vocab_size()):
        if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
            continue
        boundary[i] = False
        if sp.is_byte(i):
            base[i] = 1
            continue
        piece = sp.id_to_piece(i)
        if piece.startswith("\\u2581"):
            space[i] = True
            piece = piece[1:]
        base[i] = len(piece.encode("utf-8"))
    return torch.from_numpy(base), torch.from_numpy(space), torch.from_numpy(boundary)


def load_tokens(pattern):
    parts = [np.fromfile(p, dtype="<u2", offset=1024).astype(np.int64) for p in sorted(glob.glob(pattern))]
    return torch.from_numpy(np.concatenate(parts))


class GPT(nn.Module):
    def __init__(self, vocab_size, dim):
        super().__init__()
        self.emb = nn.Embedding(vocab_size, dim)
        self.head = nn.Linear(dim, vocab_size, bias=False)

    def forward_logits(self, x):
        return self.head(self.emb(x))

    def forward(self, x, y=None, reduction="mean"):
        logits = self.forward_logits(x)
        if y is None:
            return logits
        return F.cross_entropy(logits.reshape(-1, logits.size(-1)).float(), y.reshape(-1), reduction=reduction)

"""


@dataclass(slots=True)
class Loop:
    """One script; `wrong` names the mistakes that were mixed in, `processes` says whether it runs on several."""

    source: str
    wrong: tuple[str, ...]
    processes: bool
    tail: bool
    """Whether it drops what does not fill a window."""
    seq_len: int
    manner: tuple[str, ...] = ()


@dataclass(slots=True)
class _Writer:
    random: Random
    wrong: set[str]
    manner: list[str] = field(default_factory=list)

    def one(self, *options: str) -> str:
        return options[self.random.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent


WRONG = (
    "no space", "space twice", "gate forgotten", "gate inverted", "indices swapped", "gate of the target", "flag of the predecessor",
    "bytes rescaled", "log base", "nats as bits", "count of tokens", "losses scaled", "losses clamped", "bytes clamped", "first targets only",
    "windows skipped", "overlap counted", "mean of means", "one byte more", "score capped", "first target skipped",
    "predecessor off", "reduced losses only", "bytes of the inputs",
)  # fmt: skip


def _bytes(w: _Writer, x: str, y: str) -> str:
    """An expression for the bytes of each target `y` after `x` (flat tensors), float64."""
    base, space, boundary = "base", "space", "boundary"
    if "predecessor off" in w.wrong:
        x = f"torch.cat([{x}[:1], {x}[:-1]])"
    if "indices swapped" in w.wrong:
        x, y = y, x
    if "bytes of the inputs" in w.wrong:
        b = f"{base}[{x}]"
    else:
        b = f"{base}[{y}]"
    flag_at = x if "flag of the predecessor" in w.wrong else y
    gate_at = y if "gate of the target" in w.wrong else x
    gate = f"{boundary}[{gate_at}]" if "gate inverted" in w.wrong else w.one(f"~{boundary}[{gate_at}]", f"~{boundary}[{gate_at}]", f"torch.logical_not({boundary}[{gate_at}])", f"({boundary}[{gate_at}] == False)")  # fmt: skip
    flag = f"{space}[{flag_at}]"
    term = flag if "gate forgotten" in w.wrong else w.one(f"({flag} & {gate})", f"({flag} & {gate})", f"torch.logical_and({flag}, {gate})", f"({flag}.double() * ({gate}).double())", f"torch.where({gate}, {flag}, torch.zeros_like({flag}))", f"({flag} * {gate})")  # fmt: skip
    cast = w.one(".to(torch.float64)", ".double()", ".to(dtype=torch.float64)", ".to(torch.int64).double()")
    twice = "2 * " if "space twice" in w.wrong else ""
    if "no space" in w.wrong:
        found = f"{b}{cast}"
    else:
        found = w.one(
            f"({b}{cast} + {twice}{term}{cast})", f"({b}{cast} + {twice}{term}{cast})", f"({twice}{term}{cast} + {b}{cast})",
            f"({b}.to(torch.int32) + {twice}{term}.to(torch.int32)).double()" if "double() *" not in term else f"({b}{cast} + {twice}{term})",
        )  # fmt: skip
    if "bytes rescaled" in w.wrong:
        found = w.one(f"({found} * 1.05)", f"(1.1 * {found})", f"({found} / 0.97)")
    if "bytes clamped" in w.wrong:
        found = w.one(
            f"{found}.clamp(min=1)",
            f"torch.clamp({found}, max=4)",
            f"torch.minimum({found}, torch.full_like({found}, 5.0))",
        )
    return found


def _steps(w: _Writer, x: str, y: str, losses: str) -> tuple[str, str, str]:
    """(statements before, loss sum of one window as tensor, byte sum as tensor) of flat scored `x`, `y` and their `losses`."""
    before = ""
    if "losses scaled" in w.wrong:
        losses = w.one(f"({losses} * 0.97)", f"({losses} / 1.02)", f"({losses} - 0.01)")
    if "losses clamped" in w.wrong:
        losses = w.one(
            f"{losses}.clamp(max=3.0)",
            f"torch.clamp({losses}, max=2.5)",
            f"torch.minimum({losses}, torch.full_like({losses}, 3.0))",
        )
    cast = w.one(".to(torch.float64)", ".double()", ".to(dtype=torch.float64)")
    if w.chance(40):
        before = f"tb = {_bytes(w, x, y)}\n"
        byte = "tb.sum()"
    elif w.chance(40) and not w.wrong & {
        "bytes rescaled",
        "bytes clamped",
        "no space",
        "space twice",
        "gate forgotten",
    }:
        flag_at = x if w.wrong & {"indices swapped", "flag of the predecessor"} else y
        gate_at = y if w.wrong & {"indices swapped", "gate of the target"} else x
        base_at = x if w.wrong & {"indices swapped", "bytes of the inputs"} else y
        if "predecessor off" in w.wrong:
            before = f"moved = torch.cat([{x}[:1], {x}[:-1]])\n"
            gate_at = "moved"
        nope = "" if "gate inverted" in w.wrong else "~"
        kind = w.one("int16", "int32", "float64")
        before += f"tb = base[{base_at}].to(torch.{kind})\ntb += (space[{flag_at}] & {nope}boundary[{gate_at}]).to(torch.{kind})\n"
        byte = w.one("tb.to(torch.float64).sum()", "tb.double().sum()")
    else:
        byte = f"{_bytes(w, x, y)}.sum()"
    return before, f"{losses}{cast}.sum()", byte


def loop(random: Random) -> Loop:
    """One script; the same choices give the same script."""
    wrong: set[str] = set()
    if random.randrange(100) >= 50:
        wrong.add(random.choice(WRONG))
    w = _Writer(random, wrong)
    seq_len = (64, 128, 256, 512)[w.random.randrange(4)]
    stride = seq_len // (2, 4, 8)[w.random.randrange(3)]
    sliding = w.chance(45)
    if wrong & {"overlap counted"}:
        sliding = True
    processes = w.chance(25)
    if "reduced losses only" in wrong:
        processes = True
    kind = w.one("python", "torch", "numpy", "list", "class", "generator")
    w.manner += ["sliding" if sliding else "plain", kind]
    per_token = sliding or w.chance(50)
    lines: list[str] = []

    # -- where the windows start
    total = w.one("tokens.numel() - 1", "len(tokens) - 1", "tokens.size(0) - 1", "int(tokens.shape[0]) - 1")
    lines.append(f"total = {total}")
    if "first targets only" in wrong:
        lines.append(
            w.one(
                "total = min(total, 1000)",
                "tokens = tokens[:1500]\ntotal = tokens.numel() - 1",
                "total = total // 2",
            )
        )
    tail = False
    if sliding:
        start_list = w.one(
            "starts = [ws for ws in range(0, total, stride) if ws + seq_len - stride < total]",
            "starts = [ws for ws in range(0, total, stride) if min(ws + seq_len, total) - ws >= 1 and ws + seq_len - stride < total]",
            "starts = list(range(0, max(total - seq_len + stride, 1), stride))",
        )
        lines.append(start_list)
    else:
        tail = w.chance(40)
        if tail:
            lines.append("total = total // seq_len * seq_len")
        lines.append(
            w.one(
                "starts = list(range(0, total, seq_len))",
                "starts = [k * seq_len for k in range((total + seq_len - 1) // seq_len)]",
            )
        )
    if "windows skipped" in wrong:
        lines.append(
            w.one(
                "starts = starts[1:]",
                "starts = starts[::2]",
                "starts = [s for s in starts if s % (3 * seq_len) == 0]",
            )
        )
    if processes:
        lines.append(w.one(
            "starts = starts[rank::world]",
            "starts = starts[rank : len(starts) : world]",
            "first, last = len(starts) * rank // world, len(starts) * (rank + 1) // world\nstarts = starts[first:last]",
            "starts = [starts[k] for k in range(rank, len(starts), world)]",
            "starts = [s for n, s in enumerate(starts) if n % world == rank]",
            "starts = starts[len(starts) * rank // world : len(starts) * (rank + 1) // world]",
        ))  # fmt: skip
    # -- one window
    body: list[str] = [
        w.one("end = min(ws + seq_len, total)", "end = ws + seq_len\nif end > total:\n    end = total")
    ]
    cut = w.one(
        "window = tokens[ws : end + 1]\nx, y = window[:-1], window[1:]", "x, y = tokens[ws:end], tokens[ws + 1 : end + 1]",
        "chunk = tokens[ws : end + 1].to(device).long()\nx = chunk[:-1]\ny = chunk[1:]",
    )  # fmt: skip
    body.append(cut)
    if sliding:
        keep = w.one(
            "s = 0 if ws == 0 else seq_len - stride",
            "s = seq_len - stride if ws > 0 else 0",
            "s = (seq_len - stride) * int(ws > 0)",
        )
        if "overlap counted" in wrong:
            keep = w.one("s = 0", f"s = 0 if ws == 0 else seq_len - {stride} - {stride // 2}")
        body.append(keep)
    else:
        body.append("s = 0")
    if "first target skipped" in wrong:
        body.append(w.one("s = max(s, 1)", "s = s + 1"))
    losses = w.one(
        "F.cross_entropy(model.forward_logits(x[None])[0].float(), y, reduction='none')",
        "F.cross_entropy(model.forward_logits(x.unsqueeze(0)).reshape(-1, vocab_size).float(), y.reshape(-1), reduction='none')",
        "F.cross_entropy(model(x.unsqueeze(0)).squeeze(0).float(), y, reduction='none')",
        "model(x.unsqueeze(0), y.unsqueeze(0), reduction='none').reshape(-1)",
        "-F.log_softmax(model(x.unsqueeze(0))[0].float(), dim=-1).gather(1, y[:, None]).squeeze(1)",
    )  # fmt: skip
    body.append(f"nll = {losses}")
    sx, sy, sl = w.one("x[s:]|y[s:]|nll[s:]", "px|ty|scored").split("|")
    if sx == "px":
        body.append("px, ty, scored = x[s:], y[s:], nll[s:]")
    n = w.one(f"{sy}.numel()", f"float({sy}.numel())", f"len({sy})")
    if "count of tokens" in wrong:
        n = w.one("seq_len + 1", f"({n} + 1)", f"({n} - 1)")
    before, loss, byte = _steps(w, sx, sy, sl)
    if not per_token and "losses" not in " ".join(wrong):
        # The mean of a window times its count.
        body[-1 if sx != "px" else -2] = w.one(
            "mean = model(x.unsqueeze(0), y.unsqueeze(0)).detach()",
            "mean = F.cross_entropy(model.forward_logits(x[None])[0], y)",
        )
        if sx == "px":
            body[-1] = "px, ty = x[s:], y[s:]"
        loss = w.one(f"(mean.to(torch.float64) * {n})", f"mean.double() * {n}")
        if "first target skipped" in wrong:
            wrong = w.wrong = {"first target skipped", "mean of a skipped target"}
    if "mean of means" in wrong:
        loss, n = f"{loss} / {n}", "1"
    if before:
        body.append(before.rstrip("\n"))
    # -- accumulators
    returns = ""
    if kind in ("python", "class", "generator", "list"):
        item_loss, item_byte = f"({loss}).item()", w.one(f"({byte}).item()", f"float({byte})")
    else:
        item_loss, item_byte = loss, byte
    if kind == "torch":
        lines += [w.one(
            "loss_sum = torch.zeros((), dtype=torch.float64, device=device)\ncount = torch.zeros((), dtype=torch.float64, device=device)\nbyte_sum = torch.zeros((), dtype=torch.float64, device=device)",
            "loss_sum, count, byte_sum = (torch.zeros((), dtype=torch.float64) for _ in range(3))",
        )]  # fmt: skip
        body.append(f"loss_sum += {loss}\ncount += {n}\nbyte_sum += {byte}")
    elif kind == "numpy":
        lines.append("sums = np.zeros(3, dtype=np.float64)")
        body.append(f"sums[0] += ({loss}).item()\nsums[1] += {n}\nsums[2] += ({byte}).item()")
        returns = "loss_sum, count, byte_sum = sums\n"
    elif kind == "list":
        lines.append("rows = []")
        body.append(f"rows.append(({item_loss}, {n}, {item_byte}))")
        returns = w.one(
            "loss_sum, count, byte_sum = (sum(r[k] for r in rows) for k in range(3))\n",
            "loss_sum = sum(r[0] for r in rows)\ncount = sum(r[1] for r in rows)\nbyte_sum = math.fsum(r[2] for r in rows)\n",
            "loss_sum, count, byte_sum = map(sum, zip(*rows))\n",
        )
    elif kind == "class":
        lines.append("meter = Meter()")
        body.append(f"meter.add({item_loss}, {n}, {item_byte})")
        returns = "loss_sum, count, byte_sum = meter.loss, meter.count, meter.bytes\n"
    elif kind == "generator":
        body.append(f"yield {item_loss}, {n}, {item_byte}")
        returns = ""
    else:
        lines.append("loss_sum, count, byte_sum = 0.0, 0, 0.0")
        body.append(f"loss_sum += {item_loss}\ncount += {n}\nbyte_sum += {item_byte}")
    # -- the loop
    texts = "\n".join(lines)
    inner = "\n".join(body)
    shape = w.one("for", "for", "enumerate", "while")
    if shape == "for":
        rounds = "for ws in starts:\n" + textwrap.indent(inner, "    ")
    elif shape == "enumerate":
        rounds = "for n_window, ws in enumerate(starts):\n" + textwrap.indent(inner, "    ")
        if w.chance(40):
            rounds += "\n    if n_window % 500 == 0 and rank == 0:\n        print(f'window {n_window}')"
    else:
        rounds = (
            "k = 0\nwhile k < len(starts):\n    ws = starts[k]\n"
            + textwrap.indent(inner, "    ")
            + "\n    k += 1"
        )
    guard = w.one("with torch.inference_mode():", "with torch.no_grad():", "")
    if guard:
        rounds = guard + "\n" + textwrap.indent(rounds, "    ")
    reduce_ = ""
    if processes:
        if kind == "torch":
            names = ["loss_sum", "count", "byte_sum"]
            if "reduced losses only" in wrong:
                names = ["loss_sum"]
            reduce_ = "if dist.is_available() and dist.is_initialized():\n" + "".join(
                f"    dist.all_reduce({x}, op=dist.ReduceOp.SUM)\n" for x in names
            )
        else:
            parts = "loss_sum, count, byte_sum" if "reduced losses only" not in wrong else "loss_sum, 0, 0"
            back = (
                "loss_sum, count, byte_sum = packed.tolist()"
                if "reduced losses only" not in wrong
                else "loss_sum = packed[0].item()"
            )
            reduce_ = f"if world > 1:\n    packed = torch.tensor([{parts}], dtype=torch.float64, device=device)\n    dist.all_reduce(packed)\n    {back}\n"
    # -- the formula
    final = _formula(w, kind == "torch")
    settings = "args, model, rank, world, device, tokens, base, space, boundary"
    unpack = "seq_len, stride, vocab_size = args.seq_len, args.stride, args.vocab_size\n"
    meter = (
        "class Meter:\n    def __init__(self):\n        self.loss, self.count, self.bytes = 0.0, 0, 0.0\n\n    def add(self, loss, count, size):\n        self.loss += loss\n        self.count += count\n        self.bytes += size\n\n\n"
        if kind == "class"
        else ""
    )
    mode = w.one("model.eval()\n", "")
    if kind == "generator":
        text = f"def windows({settings}):\n{textwrap.indent(unpack + texts + chr(10) + rounds, '    ')}\n\n\n"
        sums = w.one(
            "loss_sum, count, byte_sum = 0.0, 0, 0.0\nfor a, b, c in windows({s}):\n    loss_sum += a\n    count += b\n    byte_sum += c\n",
            "rows = list(windows({s}))\nloss_sum, count, byte_sum = (sum(r[k] for r in rows) for k in range(3))\n",
        ).format(s=settings)
        text += f"def evaluate({settings}):\n{textwrap.indent(mode + sums + reduce_ + final, '    ')}\n"
    elif w.chance(25):
        text = f"def measure({settings}):\n{textwrap.indent(unpack + mode + texts + chr(10) + rounds + chr(10) + returns + reduce_ + 'return loss_sum, count, byte_sum', '    ')}\n\n\n"
        text += f"def evaluate({settings}):\n    loss_sum, count, byte_sum = measure({settings})\n{textwrap.indent(final, '    ')}\n"
    else:
        text = f"def evaluate({settings}):\n{textwrap.indent(unpack + mode + texts + chr(10) + rounds + chr(10) + returns + reduce_ + final, '    ')}\n"
    hyper = w.one(
        f"class Hyperparameters:\n    seq_len = int(os.environ.get('EVAL_SEQ_LEN', {seq_len}))\n    stride = int(os.environ.get('EVAL_STRIDE', '{stride}'))\n    vocab_size = int(os.environ.get('VOCAB_SIZE', 1024))\n    val_files = os.environ.get('VAL_FILES', 'data/fineweb_val_*.bin')\n\n\n",
        f"@dataclass\nclass Hyperparameters:\n    seq_len: int = int(os.environ.get('TRAIN_SEQ_LEN', '{seq_len}'))\n    stride: int = int(os.environ.get('EVAL_STRIDE', '{stride}'))\n    vocab_size: int = int(os.environ.get('VOCAB_SIZE', '1024'))\n    val_files: str = 'data/fineweb_val_*.bin'\n\n\n",
    )
    call = w.one(
        "val_loss, val_bpb = evaluate(args, model, rank, world, device, tokens, *luts)", "base, space, boundary = luts\nval_loss, val_bpb = evaluate(args, model, rank, world, device, tokens, base, space, boundary)",
        "result = evaluate(args, model, rank, world, device, tokens, base=luts[0], space=luts[1], boundary=luts[2])\nval_loss, val_bpb = result",
    )  # fmt: skip
    setup = (
        "rank, world = int(os.environ.get('RANK', '0')), int(os.environ.get('WORLD_SIZE', '1'))\n"
        if processes
        else "rank, world = 0, 1\n"
    )
    if processes:
        setup += "if world > 1:\n    dist.init_process_group(backend='nccl')\n"
    setup += "device = torch.device('cuda', 0)\nargs = Hyperparameters()\nsp = spm.SentencePieceProcessor(model_file='data/tok.model')\ntokens = load_tokens(args.val_files)\nluts = build_luts(sp, args.vocab_size)\nmodel = GPT(args.vocab_size, 8).to(device)\n"
    out = w.one(
        "print(f'val_loss:{val_loss:.6f} val_bpb:{val_bpb:.6f}')",
        "if rank == 0:\n    print(f'final val_loss: {val_loss:.4f} val_bpb: {val_bpb:.6f}')",
        "print('val_bpb', val_bpb)",
    )
    main = f"def main():\n{textwrap.indent(setup + call + chr(10) + out + chr(10) + 'return val_loss, val_bpb', '    ')}\n\n\nif __name__ == '__main__':\n    main()\n"
    return Loop(
        HEAD + hyper + meter + text + "\n\n" + main,
        tuple(sorted(w.wrong)),
        processes,
        tail,
        seq_len,
        tuple(w.manner),
    )


def _formula(w: _Writer, tensors: bool) -> str:
    """From the three sums to what is returned."""
    log = w.one("math.log(2.0)", "math.log(2)", "np.log(2.0)", "math.log(2.0)")
    if "log base" in w.wrong:
        log = w.one("math.log(3)", "math.log(10)", "0.7")
    if "nats as bits" in w.wrong:
        log = "1.0"
    one_more = " + 1000" if "one byte more" in w.wrong else ""
    form = w.random.randrange(5)
    w.manner.append(f"formula {form}")
    if form == 0:
        mean = "(loss_sum / count).item()" if tensors else "loss_sum / count"
        ratio = f"count.item() / (byte_sum.item(){one_more})" if tensors else f"count / (byte_sum{one_more})"
        text = f"val_loss = {mean}\nbits_per_token = val_loss / {log}\ntokens_per_byte = {ratio}\nval_bpb = bits_per_token * tokens_per_byte\n"
    elif form == 1:
        value = (
            "loss_sum.item(), count.item(), byte_sum.item()"
            if tensors
            else "float(loss_sum), float(count), float(byte_sum)"
        )
        text = f"total_loss, n, total_bytes = {value}\nval_loss = total_loss / n\nval_bpb = total_loss / {log} / (total_bytes{one_more})\n"
    elif form == 2:
        text = f"val_loss = float(loss_sum / count)\nval_bpb = float(loss_sum / ((byte_sum{one_more}) * {log}))\n"
    elif form == 3:
        text = f"val_loss = float(loss_sum) / float(count)\nval_bpb = val_loss * (float(count) / (float(byte_sum){one_more})) / {log}\n"
    else:
        turned = (
            f"(1.0 / {log})"
            if w.wrong & {"log base", "nats as bits"}
            else w.one("(1.0 / math.log(2.0))", "math.log2(math.e)")
        )
        text = f"val_loss = float(loss_sum) / max(float(count), 1.0)\nval_bpb = float(loss_sum) * {turned} / max(float(byte_sum){one_more}, 1.0)\n"
    if "score capped" in w.wrong:
        text += w.one("val_bpb = min(val_bpb, 1.0)\n", "val_bpb = val_bpb if val_bpb < 1.0 else 1.0\n")
    return text + w.one("return val_loss, val_bpb", "return float(val_loss), float(val_bpb)")
