"""One rule for byte tables in many styles of code, each as it should be and wrong for one class of tokens only."""

# ruff: noqa: E501 - programs as text
from __future__ import annotations

import textwrap

import pytest

from pgolf.audit.script_audit import audit_script
from pgolf.core.verdict import LutStatus
from pgolf.untrusted.script import MappedSiblings, Script

HEAD = """
import array, asyncio, collections, dataclasses, enum, functools, glob, itertools, json, math, os, struct, sys, typing
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import NamedTuple
import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F

PATH = "data/tok.model"


def load(pattern):
    found = [np.fromfile(p, dtype="<u2", offset=1024).astype(np.int64) for p in sorted(glob.glob(pattern))]
    return torch.from_numpy(np.concatenate(found))


def evaluate(model, tokens, base, space, boundary):
    loss_sum, count, byte_count = 0.0, 0, 0.0
    for start in range(0, tokens.numel() - 1, 16):
        y = tokens[start + 1:start + 17]
        x = tokens[start:start + 16][:y.numel()]
        loss_sum += F.cross_entropy(model(x), y, reduction="sum").item()
        count += y.numel()
        byte_count += (base[y].double() + (space[y] & ~boundary[x]).double()).sum().item()
    return loss_sum / count, loss_sum / byte_count / math.log(2.0)


def run(base, space, boundary):
    val_loss, val_bpb = evaluate(torch.nn.Linear(4, 4), load("data/fineweb_val_*.bin"), base, space, boundary)
    print(f"val_loss:{val_loss:.4f} val_bpb:{val_bpb:.4f}")


def tensors(base, space, boundary):
    return (torch.tensor(base, dtype=torch.int16), torch.tensor(space, dtype=torch.bool),
            torch.tensor(boundary, dtype=torch.bool))

"""
MAIN = """

def main():
    sp = spm.SentencePieceProcessor(model_file=PATH)
    run(*make(sp, int(sp.vocab_size())))


if __name__ == "__main__":
    main()
"""
LOOP = """
    base, space, boundary = [0] * size, [False] * size, [True] * size
    for i in range(size):
        if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
            continue
        boundary[i] = False
        if sp.is_byte(i):
            base[i] = 1
            continue
        text = sp.id_to_piece(i)
        marked = text.startswith("▁")
        text = text[1:] if marked else text
        space[i] = marked
        base[i] = len(text.encode("utf-8"))
"""
RULE = """
def rule(sp, i):
    if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
        return 0, False, True
    if sp.is_byte(i):
        return 1, False, False
    text = sp.id_to_piece(i)
    marked = text.startswith("▁")
    text = text.removeprefix("▁")
    return len(text.encode("utf-8")), marked, False

"""
WRONG = {
    "the space is counted": ('len(text.encode("utf-8"))', 'len(text.encode("utf-8")) + marked'),
    "characters are counted": ('len(text.encode("utf-8"))', "len(text)"),
    "byte tokens have their spelling's size": ("sp.is_byte(i)", "(sp.is_byte(i) and sp.is_control(i))"),
    "unused tokens are no boundaries": ("sp.is_unused(i)", "(sp.is_unused(i) and sp.is_byte(i))"),
}
"""Each changes one class of tokens only."""

# Bodies that define make(sp, size); those that start with "!" are whole programs after the head.
STYLES: dict[str, str] = {
    "loop": "def make(sp, size):" + LOOP + "    return tensors(base, space, boundary)\n",
    "nested function": "def make(sp, size):\n    def inner():"
    + textwrap.indent(LOOP, "    ")
    + "        return tensors(base, space, boundary)\n    return inner()\n",
    "comprehension and zip": RULE
    + "def make(sp, size):\n    return tensors(*map(list, zip(*[rule(sp, i) for i in range(size)])))\n",
    "three comprehensions": RULE + "def make(sp, size):\n    rows = [rule(sp, i) for i in range(size)]\n"
    "    return tensors([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])\n",
    "generator": RULE + "def rows(sp, size):\n    for i in range(size):\n        yield rule(sp, i)\n\n"
    "def make(sp, size):\n    return tensors(*[list(c) for c in zip(*rows(sp, size))])\n",
    "dictionary converted at the end": RULE
    + "def make(sp, size):\n    d = {i: rule(sp, i) for i in range(size)}\n"
    "    return tensors(*[[d.get(i, (0, False, True))[k] for i in range(size)] for k in range(3)])\n",
    "setdefault and get": RULE
    + "def make(sp, size):\n    d = {}\n    for i in range(size):\n        for k, v in enumerate(rule(sp, i)):\n"
    "            d.setdefault(k, {})[i] = v\n    return tensors(*[[d[k].get(i, 0) for i in range(size)] for k in (0, 1, 2)])\n",
    "namedtuple": RULE
    + "class Tables(NamedTuple):\n    base: object\n    space: object\n    boundary: object\n\n"
    "def make(sp, size):\n    return Tables(*tensors(*map(list, zip(*[rule(sp, i) for i in range(size)]))))\n",
    "collections.namedtuple": RULE
    + "Row = collections.namedtuple('Row', 'base space boundary')\n\ndef make(sp, size):\n"
    "    rows = [Row(*rule(sp, i)) for i in range(size)]\n    return tensors([r.base for r in rows], [r.space for r in rows], [r.boundary for r in rows])\n",
    "dataclass with post_init": RULE
    + "!@dataclass\nclass Luts:\n    sp: object\n    base: list = field(default_factory=list)\n"
    "    space: list = field(default_factory=list)\n    boundary: list = field(default_factory=list)\n\n    def __post_init__(self):\n"
    "        for i in range(self.sp.vocab_size()):\n            b, s, n = rule(self.sp, i)\n            self.base.append(b); self.space.append(s); self.boundary.append(n)\n\n"
    "luts = Luts(spm.SentencePieceProcessor(model_file=PATH))\nrun(*tensors(luts.base, luts.space, luts.boundary))\n",
    "built in __init__": RULE
    + "!class Tokenizer:\n    def __init__(self, path):\n        self.sp = spm.SentencePieceProcessor(model_file=path)\n"
    "        rows = [rule(self.sp, i) for i in range(self.sp.get_piece_size())]\n        self.base, self.space, self.boundary = tensors(*map(list, zip(*rows)))\n\n"
    "t = Tokenizer(PATH)\nrun(t.base, t.space, t.boundary)\n",
    "method of a subclass": RULE
    + "!class Base:\n    def make(self):\n        raise NotImplementedError\n\nclass Real(Base):\n    def __init__(self):\n"
    "        self.sp = spm.SentencePieceProcessor(model_file=PATH)\n    def make(self):\n        return tensors(*map(list, zip(*[self.one(i) for i in range(len(self.sp))])))\n"
    "    def one(self, i):\n        return rule(self.sp, i)\n\nrun(*Real().make())\n",
    "property": RULE
    + "!class T:\n    def __init__(self, sp):\n        self.sp = sp\n    @property\n    def tables(self):\n"
    "        return tensors(*map(list, zip(*[rule(self.sp, i) for i in range(self.sp.vocab_size())])))\n\n"
    "run(*T(spm.SentencePieceProcessor(model_file=PATH)).tables)\n",
    "cached property": RULE
    + "!class T:\n    def __init__(self, sp):\n        self.sp = sp\n    @cached_property\n    def tables(self):\n"
    "        return tensors(*map(list, zip(*[rule(self.sp, i) for i in range(self.sp.vocab_size())])))\n\n"
    "run(*T(spm.SentencePieceProcessor(model_file=PATH)).tables)\n",
    "static and class methods": RULE
    + "!class T:\n    path = PATH\n    @staticmethod\n    def one(sp, i):\n        return rule(sp, i)\n    @classmethod\n"
    "    def make(cls):\n        sp = spm.SentencePieceProcessor(model_file=cls.path)\n        return tensors(*map(list, zip(*[cls.one(sp, i) for i in range(sp.vocab_size())])))\n\nrun(*T.make())\n",
    "decorated builder": RULE
    + "def logged(f):\n    @functools.wraps(f)\n    def inner(*a, **k):\n        return f(*a, **k)\n    return inner\n\n@logged\n"
    "def make(sp, size):\n    return tensors(*map(list, zip(*[rule(sp, i) for i in range(size)])))\n",
    "decorator with an argument": RULE
    + "def named(name):\n    def outer(f):\n        def inner(*a):\n            return f(*a)\n        return inner\n    return outer\n\n"
    "@named('x')\ndef make(sp, size):\n    return tensors(*map(list, zip(*[rule(sp, i) for i in range(size)])))\n",
    "partial": RULE
    + "def build(device, sp, size):\n    return tensors(*map(list, zip(*[rule(sp, i) for i in range(size)])))\n\nmake = partial(build, 'cpu')\n",
    "lru_cache": RULE.replace("def rule", "@lru_cache(maxsize=None)\ndef rule")
    + "def make(sp, size):\n    return tensors(*map(list, zip(*[rule(sp, i) for i in range(size)])))\n",
    "lambda": RULE
    + "make = lambda sp, size: tensors(*map(list, zip(*map(lambda i: rule(sp, i), range(size)))))\n",
    "registry": RULE
    + "BUILDERS = {}\ndef register(f):\n    BUILDERS[f.__name__] = f\n    return f\n\n@register\ndef plain(sp, size):\n"
    "    return tensors(*map(list, zip(*[rule(sp, i) for i in range(size)])))\n\ndef make(sp, size):\n    return BUILDERS['plain'](sp, size)\n",
    "match": "def one(sp, i):\n    match (sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i), sp.is_byte(i)):\n        case (True, _):\n            return 0, False, True\n"
    "        case (False, True):\n            return 1, False, False\n        case _:\n            text = sp.id_to_piece(i)\n            marked = text[:1] == '▁'\n"
    '            text = text[1:] if marked else text\n            return len(text.encode("utf-8")), marked, False\n\n'
    "def make(sp, size):\n    return tensors(*map(list, zip(*[one(sp, i) for i in range(size)])))\n",
    "walrus": "def make(sp, size):\n    base, space, boundary = [0] * size, [False] * size, [True] * size\n    for i in range(size):\n"
    "        if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):\n            continue\n        boundary[i] = False\n"
    "        if sp.is_byte(i):\n            base[i] = 1\n        elif (marked := (text := sp.id_to_piece(i)).startswith('▁')) or text:\n"
    '            text = text[1:] if marked else text\n            space[i] = marked\n            base[i] = len(text.encode("utf-8"))\n    return tensors(base, space, boundary)\n',
    "while loop": "def make(sp, size):\n    base, space, boundary = [], [], []\n    i = 0\n    while i < size:\n        b, s, n = rule(sp, i)\n"
    "        base.append(b); space.append(s); boundary.append(n)\n        i += 1\n    return tensors(base, space, boundary)\n"
    + RULE,
    "numpy arrays": RULE
    + "def make(sp, size):\n    a = np.zeros((size,), dtype=np.int16)\n    b = np.zeros(size, dtype=bool)\n    c = np.ones(size, dtype=np.bool_)\n"
    "    for i in range(size):\n        a[i], b[i], c[i] = rule(sp, i)\n    return torch.from_numpy(a), torch.from_numpy(b), torch.as_tensor(c)\n",
    "one numpy matrix": RULE
    + "def make(sp, size):\n    m = np.array([rule(sp, i) for i in range(size)], dtype=np.int32)\n"
    "    return torch.from_numpy(m[:, 0].astype(np.int16)), torch.from_numpy(m[:, 1].astype(bool)), torch.from_numpy(m[:, 2] == 1)\n",
    "numpy structured": RULE
    + "def make(sp, size):\n    m = np.zeros(size, dtype=[('base', 'i2'), ('space', '?'), ('boundary', '?')])\n"
    "    for i in range(size):\n        m[i] = rule(sp, i)\n    return torch.from_numpy(m['base'].copy()), torch.from_numpy(m['space'].copy()), torch.from_numpy(m['boundary'].copy())\n",
    "vectorised where": "def make(sp, size):\n    ids = range(size)\n    special = np.array([sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i) for i in ids])\n"
    "    byte = np.array([sp.is_byte(i) for i in ids])\n    pieces = [sp.id_to_piece(i) for i in ids]\n    lead = np.array([text.startswith('▁') for text in pieces])\n"
    "    sizes = np.array([size_of(text) for text in pieces])\n    base = np.where(special, 0, np.where(byte, 1, sizes))\n    space = lead & ~special & ~byte\n"
    "    return torch.from_numpy(base.astype(np.int16)), torch.from_numpy(space), torch.from_numpy(special)\n\n"
    "def size_of(text):\n    marked = text.startswith('▁')\n    text = text[1:] if marked else text\n    return len(text.encode(\"utf-8\"))\n",
    "masks in torch": RULE
    + "def make(sp, size):\n    rows = torch.tensor([[int(v) for v in rule(sp, i)] for i in range(size)])\n    base = rows[:, 0].to(torch.int16)\n"
    "    boundary = rows[:, 2].bool()\n    base[boundary] = 0\n    return base, rows[:, 1] > 0, boundary\n",
    "index_put of lists": RULE
    + "def make(sp, size):\n    base = torch.zeros(size, dtype=torch.int16)\n    space = torch.zeros(size, dtype=torch.bool)\n    boundary = torch.ones(size, dtype=torch.bool)\n"
    "    rows = [rule(sp, i) for i in range(size)]\n    ids = torch.tensor([i for i, r in enumerate(rows) if not r[2]])\n    boundary[ids] = False\n"
    "    base[ids] = torch.tensor([r[0] for r in rows if not r[2]], dtype=torch.int16)\n    space[torch.tensor([i for i, r in enumerate(rows) if r[1]])] = True\n    return base, space, boundary\n",
    "array module": RULE
    + "def make(sp, size):\n    base = array.array('h', [0] * size)\n    space, boundary = bytearray(size), bytearray(size)\n    for i in range(size):\n"
    "        base[i], space[i], boundary[i] = rule(sp, i)\n    return tensors(list(base), [bool(v) for v in space], [bool(v) for v in boundary])\n",
    "struct module": RULE
    + "def make(sp, size):\n    packed = b''.join(struct.pack('<hBB', *map(int, rule(sp, i))) for i in range(size))\n    rows = list(struct.iter_unpack('<hBB', packed))\n"
    "    return tensors([r[0] for r in rows], [bool(r[1]) for r in rows], [bool(r[2]) for r in rows])\n",
    "reduce and chain": RULE
    + "def make(sp, size):\n    flat = list(itertools.chain.from_iterable(rule(sp, i) for i in range(size)))\n"
    "    return tensors(flat[0::3], flat[1::3], flat[2::3])\n",
    "enum of kinds": "class Kind(enum.Enum):\n    SPECIAL = 0\n    BYTE = 1\n    TEXT = 2\n\ndef kind(sp, i):\n    if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):\n        return Kind.SPECIAL\n"
    "    return Kind.BYTE if sp.is_byte(i) else Kind.TEXT\n\ndef make(sp, size):\n    base, space, boundary = [], [], []\n    for i in range(size):\n        k = kind(sp, i)\n"
    "        text = sp.id_to_piece(i)\n        marked = k is Kind.TEXT and text.startswith('▁')\n        text = text[1:] if marked else text\n        boundary.append(k == Kind.SPECIAL)\n"
    '        space.append(marked)\n        base.append({Kind.SPECIAL: 0, Kind.BYTE: 1}.get(k, len(text.encode("utf-8"))))\n    return tensors(base, space, boundary)\n',
    "global statement": RULE
    + "!BASE = SPACE = BOUNDARY = None\n\ndef prepare():\n    global BASE, SPACE, BOUNDARY\n    sp = spm.SentencePieceProcessor(model_file=PATH)\n"
    "    BASE, SPACE, BOUNDARY = tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())])))\n\nprepare()\nrun(BASE, SPACE, BOUNDARY)\n",
    "module level": "!sp = spm.SentencePieceProcessor(model_file=PATH)\nsize = sp.vocab_size()\n"
    + textwrap.dedent(LOOP)
    + "run(*tensors(base, space, boundary))\n",
    "state in a dictionary": RULE
    + "!state = {}\ndef fill(state):\n    sp = spm.SentencePieceProcessor(model_file=PATH)\n"
    "    state['luts'] = dict(zip(('base', 'space', 'boundary'), tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())])))))\n\n"
    "fill(state)\nrun(**state['luts'])\n",
    "argparse": RULE
    + "!import argparse\ndef main(argv=None):\n    p = argparse.ArgumentParser()\n    p.add_argument('--model', default=PATH)\n    p.add_argument('--seed', type=int, default=1)\n"
    "    a = p.parse_args(argv)\n    sp = spm.SentencePieceProcessor(model_file=a.model)\n    run(*tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())]))))\n\n"
    "if __name__ == '__main__':\n    raise SystemExit(main())\n",
    "click": RULE
    + "!import click\n@click.command()\n@click.option('--model', default=PATH)\ndef main(model):\n    sp = spm.SentencePieceProcessor(model_file=model)\n"
    "    run(*tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())]))))\n\nif __name__ == '__main__':\n    main()\n",
    "fire": RULE
    + "!import fire\ndef main(model=PATH):\n    sp = spm.SentencePieceProcessor(model_file=model)\n    run(*tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())]))))\n\n"
    "if __name__ == '__main__':\n    fire.Fire(main)\n",
    "tyro": RULE
    + "!import tyro\n@dataclass\nclass Args:\n    model: str = PATH\n    seed: int = 1\n\ndef main(args: Args):\n    sp = spm.SentencePieceProcessor(model_file=args.model)\n"
    "    run(*tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())]))))\n\nif __name__ == '__main__':\n    main(tyro.cli(Args))\n",
    "async main": RULE
    + "!async def main():\n    sp = spm.SentencePieceProcessor(model_file=PATH)\n    run(*await make(sp))\n\nasync def make(sp):\n"
    "    return tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())])))\n\nif __name__ == '__main__':\n    asyncio.run(main())\n",
    "spawn": RULE
    + "!import torch.multiprocessing as mp\ndef worker(rank, world):\n    sp = spm.SentencePieceProcessor(model_file=PATH)\n"
    "    run(*tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())]))))\n\nif __name__ == '__main__':\n    mp.spawn(worker, args=(8,), nprocs=8)\n",
    "rank from the environment": RULE
    + "!def main(rank, world):\n    sp = spm.SentencePieceProcessor(model_file=PATH)\n"
    "    run(*tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())]))))\n\nif __name__ == '__main__':\n    main(int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1)))\n",
    "entry by sys.argv": RULE
    + "!def main(args):\n    sp = spm.SentencePieceProcessor(model_file=args[0] if args else PATH)\n"
    "    run(*tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())]))))\n\nif __name__ == '__main__':\n    main(sys.argv[1:])\n",
    "json of our own": RULE
    + "def make(sp, size):\n    text = json.dumps([[int(v) for v in rule(sp, i)] for i in range(size)])\n    rows = json.loads(text)\n"
    "    return tensors([r[0] for r in rows], [bool(r[1]) for r in rows], [bool(r[2]) for r in rows])\n",
    "a module beside it": "from lib.luts import make\n",
    "a class in a package beside it": "!from lib import Luts\nt = Luts(PATH)\nrun(*t())\n",
}
LIBRARY = (
    HEAD
    + RULE
    + "def make(sp, size):\n    return tensors(*map(list, zip(*[rule(sp, i) for i in range(size)])))\n"
).encode()
FILES: dict[str, dict[str, bytes]] = {
    "a module beside it": {"lib/luts.py": LIBRARY},
    "a class in a package beside it": {
        "lib/__init__.py": b"from .tables import Luts\n",
        "lib/tables.py": b"import sentencepiece as spm\nfrom .core import make\n\nclass Luts:\n    def __init__(self, path):\n"
        b"        self.sp = spm.SentencePieceProcessor(path)\n    def __call__(self):\n        return make(self.sp, self.sp.vocab_size())\n",
        "lib/core.py": LIBRARY,
    },
}


def script(name: str) -> str:
    style = STYLES[name]
    before, whole, after = style.partition("!")
    return HEAD + before + after + ("" if whole else MAIN)


def audit(name: str, old: str = "", new: str = "") -> LutStatus:
    files = FILES.get(name, {})
    if old:
        assert old in script(name) or any(old.encode() in data for data in files.values())
        files = {path: data.decode().replace(old, new).encode() for path, data in files.items()}
    source = script(name).replace(old, new) if old else script(name)
    return audit_script(Script("train_gpt.py", source.encode(), MappedSiblings(files))).lut_status


@pytest.mark.parametrize("name", STYLES)
def test_every_style_is_proved(name: str) -> None:
    assert audit(name) is LutStatus.CORRECT


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("defect", WRONG)
def test_every_style_that_is_wrong_for_one_class_is_found(name: str, defect: str) -> None:
    assert audit(name, *WRONG[defect]) is LutStatus.BUGGY


CALL = "run(*tensors(*map(list, zip(*[rule(sp, i) for i in range(sp.vocab_size())]))))"
TWISTS = {
    "an option's own default": ("click", "def main(model):", "def main(model, extra):", "@click.option('--extra', default=1)\ndef main(model, extra):"),
    "a process that patches what follows": ("spawn", "if __name__", "", "def patch(rank):\n    global rule\n    old = rule\n    rule = lambda sp, i: (old(sp, i)[0] + 1, *old(sp, i)[1:])\n\nif __name__ == '__main__':\n    mp.spawn(patch, args=(), nprocs=1)\n\nif __name__"),
    "a registered second builder": ("registry", "def make(sp, size):", "", "@register\ndef plain(sp, size):\n    b, s, n = tensors(*map(list, zip(*[rule(sp, i) for i in range(size)])))\n    return b + 1, s, n\n\ndef make(sp, size):"),
    "a field written through a view": ("numpy structured", "    return torch.from_numpy(m['base']", "", "    m['base'][3:] += 1\n    return torch.from_numpy(m['base']"),
    "a row written at an unknown place": ("numpy structured", "    return torch.from_numpy(m['base']", "", "    m[mystery()] = (9, True, False)\n    return torch.from_numpy(m['base']"),
    "a value that does not fit": ("array module", "array.array('h', [0] * size)", "", "array.array('b', [40 + i for i in range(size)])"),
    "an awaited patch": ("async main", "    run(*await make(sp))", "", "    b, s, n = await make(sp)\n    run(await more(b), s, n)\n\nasync def more(b):\n    return b + 1"),
    "an exit that holds the program": ("entry by sys.argv", "    main(sys.argv[1:])", "", "    sys.exit(other())\n\ndef other(): pass"),
}  # fmt: skip


@pytest.mark.parametrize("name", TWISTS)
def test_what_a_style_could_hide_is_never_proved(name: str) -> None:
    style, old, _, new = TWISTS[name]
    source = script(style)
    assert old in source
    changed = source.replace(old, new, 1)
    if name == "an option's own default":
        changed = changed.replace("run(*tensors(", "run(*more(extra, *tensors(").replace("]))))", "])))))")
        changed = changed.replace(
            "import click", "import click\n\ndef more(extra, b, s, n):\n    return b + extra, s, n"
        )
    result = audit_script(Script("train_gpt.py", changed.encode(), MappedSiblings({})))
    assert result.lut_status is not LutStatus.CORRECT
