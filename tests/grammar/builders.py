"""The grammar of byte-table builders: whole scripts in many manners of writing, right ones and wrong ones.

`builder(random)` writes one script from the choices that `random` makes: Hypothesis' own, so that a failure shrinks, or a
seeded one, for fixed samples. What the script's tables are is for CPython to say; `intended` only says which single
deviations were mixed in, for the names.
"""

# ruff: noqa: E501 - programs as text
from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from random import Random

from pgolf.core.deviation import DeviationName as N

HEAD = """
import argparse, collections, contextlib, dataclasses, enum, functools, glob, itertools, math, operator, os, sys
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial, reduce, wraps
from typing import NamedTuple
import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F


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
        byte_count += (base[y].double() + (space[y].bool() & ~boundary[x].bool()).double()).sum().item()
    return loss_sum / count, loss_sum / byte_count / math.log(2.0)


def run(base, space, boundary):
    val_loss, val_bpb = evaluate(torch.nn.Linear(4, 4), load("data/fineweb_val_*.bin"), base, space, boundary)
    print(f"val_loss:{val_loss:.4f} val_bpb:{val_bpb:.4f}")

"""


@dataclass(slots=True)
class Program:
    """One script, the deviations that were mixed in (with `odd` for one that has no name of its own), how it is written."""

    source: str
    intended: frozenset[N]
    odd: bool
    manner: tuple[str, ...] = ()


@dataclass(slots=True)
class _Writer:
    """The choices of one script, and the lines that stand before its builder."""

    random: Random
    wrong: set[str]
    odd: set[str]
    before: list[str] = field(default_factory=list)
    manner: list[str] = field(default_factory=list)
    camel: bool = False
    marker: str = ""
    sp: str = "sp"

    def one(self, *options: str) -> str:
        return options[self.random.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    # -- the tokenizer

    def ask(self, question: str, argument: str) -> str:
        names = {"is_control": "IsControl", "is_unknown": "IsUnknown", "is_unused": "IsUnused", "is_byte": "IsByte", "id_to_piece": "IdToPiece"}  # fmt: skip
        return f"{self.sp}.{names[question] if self.camel else question}({argument})"

    def size(self) -> str:
        return self.one(f"{self.sp}.vocab_size()", f"int({self.sp}.vocab_size())", f"{self.sp}.get_piece_size()", f"{self.sp}.GetPieceSize()", f"len({self.sp})", f"{self.sp}.piece_size()")  # fmt: skip

    def piece(self, i: str) -> str:
        return self.ask("id_to_piece", i)

    # -- the classes of tokens

    def special(self, i: str) -> str:
        kinds = ["is_control", "is_unknown", "is_unused"]
        if "unused" in self.wrong:
            kinds.remove("is_unused")
        self.random.shuffle(kinds)
        asked = [self.ask(k, i) for k in kinds]
        bound = [self.ask(k, "")[:-2] for k in kinds]
        form = self.random.randrange(9)
        if form == 0:
            return f"any(({', '.join(asked)}))"
        if form == 1:
            return f"any(ask({i}) for ask in ({', '.join(bound)}))"
        if form == 2:
            return f"not ({' and '.join('not ' + a for a in asked)})"
        if form == 3:
            return f"True in [{', '.join(asked)}]"
        if form == 4:
            return f"bool({' | '.join(f'int({a})' for a in asked)})"
        if form == 5 and not self.camel:
            self.define("KINDS", "KINDS = " + repr(tuple(k.removeprefix("is_") for k in kinds)))
            return f"any(getattr({self.sp}, 'is_' + kind)({i}) for kind in KINDS)"
        if form == 6:
            return f"sum(map(int, ({', '.join(asked)}))) > 0"
        if form == 7:
            return f"max({', '.join(asked)})"
        return " or ".join(asked)

    def byte(self, i: str) -> str:
        return self.ask("is_byte", i)

    def define(self, name: str, line: str) -> str:
        if all(known != line for known in self.before):
            self.before.append(line)
        return name

    def mark(self) -> str:
        """An expression for the marker; the same in the whole script."""
        if not self.marker:
            character = self.one("?", "Ġ", "_") if "marker" in self.wrong else "▁"
            code = f"\\u{ord(character):04x}"
            self.marker = self.one(
                repr(character), repr(character), f'"{code}"', f"chr({ord(character)})", "MARKER", "MARKER", "MARKER",
                "Settings.marker", "ARGS.marker", "CONFIG.marker", f'{character.encode()!r}.decode("utf-8")',
            )  # fmt: skip
            if self.marker == "MARKER":
                self.define("MARKER", self.one(
                    f'MARKER = "{code}"', f'MARKER = os.environ.get("SPACE_MARKER", "{character}")', f'MARKER = os.getenv("SPACE_MARKER", "{code}")',
                    f'MARKER, PADDING = "{character}", 0', f"MARKER = {character.encode()!r}.decode()",
                ))  # fmt: skip
            elif self.marker == "Settings.marker":
                self.define(
                    "",
                    f'class Settings:\n    marker = os.environ.get("MARKER", "{character}")\n    seed = int(os.environ.get("SEED", 1337))',
                )
            elif self.marker == "ARGS.marker":
                self.define(
                    "",
                    f'PARSER = argparse.ArgumentParser()\nPARSER.add_argument("--marker", default="{code}")\nPARSER.add_argument("--seed", type=int, default=3)\nARGS = PARSER.parse_args([])',
                )
            elif self.marker == "CONFIG.marker":
                self.define(
                    "",
                    f'@dataclass\nclass Config:\n    seed: int = 7\n    marker: str = "{character}"\n\nCONFIG = Config()',
                )
        return self.marker

    def marked(self, t: str) -> str:
        m = self.mark()
        return "(" + self.one(f"{t}.startswith({m})", f"{t}.startswith({m})", f"{t}[:1] == {m}", f"{t}.find({m}) == 0", f"{t}.startswith(({m},))", f"bool({t}) and {t}[0] == {m}", f"{t}.removeprefix({m}) != {t}", f"{t}.encode().startswith({m}.encode())", f"{t}[0:1] in ({m},)", f"{t} != '' and ord({t}[0]) == ord({m})") + ")"  # fmt: skip

    def bare(self, t: str) -> str:
        """A piece that is known to be marked, without what is stripped."""
        m = self.mark()
        if "strips" in self.wrong:
            return self.one(f"{t}.lstrip({m})", f"{t}.replace({m}, '')", f"{t}.strip({m})", f"''.join({t}.split({m}))")  # fmt: skip
        return self.one(f"{t}[1:]", f"{t}[1:]", f"{t}[len({m}):]", f"{t}.removeprefix({m})", f"{t}.replace({m}, '', 1)", f"{t}.partition({m})[2]", f"{t}.split({m}, 1)[1]", f"''.join({t}[k] for k in range(1, len({t})))", f"({t}[-len({t}) + 1:] if len({t}) > 1 else '')")  # fmt: skip

    def measure(self, t: str) -> str:
        if "latin" in self.odd:
            return self.one(
                f"len({t}.encode('ascii', 'ignore'))",
                f"len({t}.encode('utf-16-le')) // 2",
                f"min(len({t}.encode()), 16)",
            )
        if "characters" in self.wrong:
            return self.one(
                f"len({t})",
                f"len(list({t}))",
                f"sum(1 for c in {t})",
                f"len({t}.encode('latin-1', 'replace'))",
            )
        return self.one(f"len({t}.encode('utf-8'))", f"len({t}.encode('utf-8'))", f"len({t}.encode())", f"len(bytes({t}, 'utf-8'))", f"len(bytearray({t}, 'utf8'))", f"len({t}.encode(encoding='UTF-8'))", f"sum(1 for b in {t}.encode())", f"sum(len(c.encode()) for c in {t})", f"len(list({t}.encode('utf-8', 'strict')))", f"len({t}.encode('utf-8', errors='replace'))", f"sum(1 + (ord(c) > 0x7f) + (ord(c) > 0x7ff) + (ord(c) > 0xffff) for c in {t})", f"len(memoryview({t}.encode()))")  # fmt: skip

    def counted(self, t: str, marked: str) -> str:
        """The size of a stripped piece, as the table says it."""
        size = self.measure(t)
        if "plus" in self.wrong:
            size = self.one(
                f"({size} + {marked})", f"({size} + int({marked}))", f"(({size}) + (1 if {marked} else 0))"
            )
        if "rescaled" in self.wrong:
            size = self.one(f"2 * ({size})", f"({size}) * 2", f"(({size}) << 1)")
        return size

    def byte_size(self) -> str:
        if "bytesize" in self.wrong:
            return self.one("6", "3", "2", "len('<0x41>')")
        if "rescaled" in self.wrong:
            return "2"
        return self.one("1", "1", "True + 0", "len(b'x')", "int(True)")

    def special_size(self, i: str) -> str:
        if "specials" in self.wrong:
            return self.one("3", f"len({self.piece(i)})", "1")
        return "0"

    def flag(self, marked: str) -> str:
        if "flag" in self.odd:
            return self.one("False", f"not ({marked})", "True")
        return marked

    def mask(self) -> str:
        """The mask of a special token."""
        return self.one("False", "0") if "mask" in self.odd else self.one("True", "True", "1 == 1")

    # -- a rule: one token's three values

    def rule(self) -> str:
        """`def rule(sp, i)`, in one of the manners of writing."""
        old, self.sp = self.sp, "sp"
        special, byte, text = self.special("i"), self.byte("i"), self.piece("i")
        three = f"{self.special_size('i')}, {self.flag('False') if 'flag' in self.odd and self.chance(30) else 'False'}, {self.mask()}"
        branch = (
            "" if "nobyte" in self.wrong else f"if {byte}:\n    return {self.byte_size()}, False, False\n"
        )
        kind = self.random.randrange(7)
        marked, flag = self.marked("t"), self.flag("m")
        if kind == 0:
            body = f"if {special}:\n    return {three}\n{branch}t = {text}\nm = {marked}\nif m:\n    t = {self.bare('t')}\nreturn {self.counted('t', 'm')}, {flag}, False"
        elif kind == 1:
            inner = f"elif {byte}:\n    out = ({self.byte_size()}, False, False)\n" if branch else ""
            body = f"if {special}:\n    out = ({three})\n{inner}else:\n    t = {text}\n    m = {marked}\n    t = {self.bare('t')} if m else t\n    out = {self.counted('t', 'm')}, {flag}, False\nreturn out"
        elif kind == 2:
            arm = f"    case (_, True):\n        return {self.byte_size()}, False, False\n" if branch else ""
            body = f"match (bool({special}), bool({byte})):\n    case (True, _):\n        return {three}\n{arm}    case _:\n        t = {text}\nm = {marked}\nu = {self.bare('t')} if m else t\nreturn {self.counted('u', 'm')}, {flag}, False"
        elif kind == 3:
            middle = f"({self.byte_size()}, False, False) if {byte} else " if branch else ""
            self.define(
                "",
                f"def plain(t):\n    if m := {marked}:\n        t = {self.bare('t')}\n    return {self.counted('t', 'bool(m)')}, {self.flag('bool(m)')}, False",
            )
            body = f"return ({three}) if {special} else {middle}plain({text})"
        elif kind == 4:
            body = f"base, space, boundary = {three}\nif not ({special}):\n    boundary = False\n"
            if branch:
                body += f"    if {byte}:\n        base, space = {self.byte_size()}, False\n    else:\n"
            else:
                body += "    if True:\n"
            body += f"        t = {text}\n        space = {marked}\n        if space:\n            t = {self.bare('t')}\n        base = {self.counted('t', 'space')}\n        space = {self.flag('bool(space)')}\n"
            if branch and "flag" not in self.odd:
                pass
            body += "return base, space, boundary"
        elif kind == 5:
            self.define(
                "",
                "class Kind(enum.Enum):\n    SPECIAL = enum.auto()\n    BYTE = enum.auto()\n    TEXT = enum.auto()",
            )
            second = f"\n    if {byte}:\n        return Kind.BYTE" if branch else ""
            sizes = (
                f"{{Kind.SPECIAL: lambda: ({three}), Kind.BYTE: lambda: ({self.byte_size()}, False, False)}}"
            )
            body = f"def kind():\n    if {special}:\n        return Kind.SPECIAL{second}\n    return Kind.TEXT\nfixed = {sizes}.get(kind())\nif fixed is not None:\n    return fixed()\nt = {text}\nm = {marked}\nif not m:\n    return {self.counted('t', 'False')}, {self.flag('False')}, False\nt = {self.bare('t')}\nreturn {self.counted('t', 'True')}, {self.flag('True')}, False"
        else:
            bytes_part = (
                f"if {byte}:\n        return {self.byte_size()}, False, False\n    " if branch else ""
            )
            body = f"try:\n    if {special}:\n        return {three}\n    {bytes_part}t = {text}\nexcept (IndexError, AttributeError):\n    return 0, False, True\nm = {marked}\nreturn (lambda u: ({self.counted('u', 'm')}, {flag}, False))({self.bare('t')} if m else t)"
        self.manner.append(f"rule {kind}")
        self.sp = old
        return f"def rule(sp, i):\n{textwrap.indent(body, '    ')}\n\n"

    # -- conversion and element types

    def narrow(self) -> str:
        if "narrow" in self.odd:
            return self.one("int8", "uint8")
        return self.one("int16", "int16", "int32", "int64", "float32")

    def columns(self, base: str, space: str, boundary: str, kind: str) -> str:
        """Three tensors out of three columns: `list`, `numpy` or `torch`."""
        narrow = self.narrow()
        if kind == "torch":
            made = self.one(
                base, f"{base}.to(torch.{narrow})", f"{base}.to(dtype=torch.{narrow}, device='cpu')"
            )
            return f"{made}, {space}, {boundary}"
        if kind == "numpy":
            form = self.random.randrange(4)
            if form == 0:
                return f"torch.tensor({base}, dtype=torch.{self.one('int16', 'int32', 'int64')}), torch.tensor({space}, dtype=torch.bool), torch.tensor({boundary}, dtype=torch.bool)"
            if form == 1:
                return f"torch.from_numpy({base}.astype(np.{narrow})), torch.from_numpy({space}), torch.from_numpy({boundary})"
            if form == 2:
                return f"*(torch.as_tensor(c) for c in ({base}, {space}, {boundary})),"
            return f"torch.from_numpy({base}).to(torch.{narrow}), torch.from_numpy({space}).bool(), torch.from_numpy({boundary}).bool()"
        form = self.random.randrange(4)
        if form == 0:
            return f"torch.tensor({base}, dtype=torch.{self.one('int16', 'int32', 'int64', 'float32')}), torch.tensor({space}, dtype=torch.bool), torch.tensor({boundary}, dtype=torch.bool)"
        if form == 1:
            return f"torch.from_numpy(np.array({base}, dtype=np.int64).astype(np.{narrow})), torch.from_numpy(np.array({space}, dtype=np.bool_)), torch.from_numpy(np.asarray({boundary}, dtype=bool))"
        if form == 2:
            return f"torch.tensor({base}).to(torch.{narrow}), torch.tensor({space}).bool(), torch.as_tensor({boundary}).to(torch.bool)"
        return f"*[torch.tensor(c, dtype=d) for c, d in zip(({base}, {space}, {boundary}), (torch.int32, torch.bool, torch.bool))],"


def _loop(w: _Writer) -> str:
    """A loop that writes into three columns, in one of many shapes."""
    kind = w.one("numpy", "numpy", "list", "torch", "dict", "bytearray")
    w.manner.append(f"loop {kind}")
    size = w.one("size", "size", "max(size, sp.vocab_size())")
    dtype = w.one("int16", "int32", "int64", "float64") if "narrow" not in w.odd else "int64"
    if kind == "numpy":
        start = w.one(
            f"base = np.zeros(({size},), dtype=np.{dtype})\nspace = np.zeros({size}, dtype=np.bool_)\nboundary = np.ones({size}, dtype=bool)",
            f"base, space = np.zeros({size}, np.{dtype}), np.full({size}, False)\nboundary = np.full(({size},), True)",
            f"base = np.full({size}, 0, dtype=np.{dtype})\nspace = np.zeros_like(base, dtype=bool)\nboundary = ~space",
        )
    elif kind == "torch":
        start = f"base = torch.zeros({size}, dtype=torch.{dtype})\nspace = torch.zeros({size}, dtype=torch.bool)\nboundary = torch.ones(({size},), dtype=torch.bool)"
    elif kind == "list":
        start = f"n = {size}\nbase, space, boundary = [0] * n, [False] * n, [True for _ in range(n)]"
    elif kind == "dict":
        start = w.one(
            f"base, space, boundary = {{}}, dict.fromkeys(range({size}), False), dict.fromkeys(range({size}), True)\nfor i in range({size}):\n    base.setdefault(i, 0)",
            f"base, space = collections.defaultdict(int), collections.defaultdict(bool)\nboundary = {{i: True for i in range({size})}}",
        )
    else:
        start = f"base, space, boundary = [0] * {size}, bytearray({size}), bytearray(b'\\x01' * ({size}))"
    special, byte = w.special("i"), w.byte("i")
    extra = f"base[i] = {w.special_size('i')}\n    " if "specials" in w.wrong else ""
    keep_mask = "mask" in w.odd
    skip = f"if {special}:\n    {extra}{'boundary[i] = False' + chr(10) + '    ' if keep_mask else ''}"
    text, marked, flag = w.piece("i"), w.marked("t"), w.flag("m")
    add = w.one("base[i] = ", "base[i] += ")
    tail = f"t = {text}\nm = {marked}\nif m:\n    t = {w.bare('t')}\nspace[i] = {flag}\n{add}{w.counted('t', 'int(m)')}\n"
    shape = w.random.randrange(6)
    w.manner.append(f"shape {shape}")
    no_byte = "nobyte" in w.wrong
    if shape == 5 and kind in ("numpy", "list", "torch"):
        # Texts first, then one pass over them.
        begin = f"texts = [{w.piece('k')} for k in range({w.size()})]\nfor i, t in enumerate(texts):"
        middle = "" if no_byte else f"if {byte}:\n    base[i] = {w.byte_size()}\n    continue\n"
        tail = tail.split("\n", 1)[1]
        body = f"{skip}continue\nboundary[i] = False\n{middle}{tail}"
        loop = f"{begin}\n{textwrap.indent(body, '    ')}"
    elif shape in (0, 5):
        middle = "" if no_byte else f"if {byte}:\n    base[i] = {w.byte_size()}\n    continue\n"
        body = f"{skip}continue\nboundary[i] = False\n{middle}{tail}"
        loop = f"for i in range({w.size()}):\n{textwrap.indent(body, '    ')}"
    elif shape == 1:
        middle = "" if no_byte else f"elif {byte}:\n    boundary[i] = False\n    base[i] = {w.byte_size()}\n"
        body = f"{skip}pass\n{middle}else:\n    boundary[i] = False\n{textwrap.indent(tail, '    ')}"
        loop = f"for i in range({w.size()}):\n{textwrap.indent(body, '    ')}else:\n    done = True\n"
    elif shape == 2:
        middle = "" if no_byte else f"if {byte}:\n    base[i] = {w.byte_size()}\n    continue\n"
        body = f"i += 1\nif i >= {w.size()}:\n    break\n{skip}continue\nboundary[i] = 0 > 1\n{middle}{tail}"
        loop = f"i = -1\nwhile True:\n{textwrap.indent(body, '    ')}"
    elif shape == 3:
        middle = "" if no_byte else f"if {byte}:\n    base[i] = {w.byte_size()}\nelse:\n"
        inner = tail if no_byte else textwrap.indent(tail, "    ")
        body = f"if not ({special}):\n    boundary[i] = False\n{textwrap.indent(middle + inner, '    ')}"
        if extra or keep_mask:
            body += f"else:\n    {extra}{'boundary[i] = False' if keep_mask else 'pass'}\n"
        body += "i += 1\n"
        loop = f"i = 0\nwhile i < {w.size()}:\n{textwrap.indent(body, '    ')}"
    else:
        middle = (
            ""
            if no_byte
            else f"    case (False, True):\n        boundary[i] = False\n        base[i] = {w.byte_size()}\n"
        )
        body = f"match (bool({special}), bool({byte})):\n    case (True, _):\n        {extra.replace(chr(10), chr(10) + '    ')}{'boundary[i] = False' if keep_mask else 'pass'}\n{middle}    case _:\n        boundary[i] = False\n{textwrap.indent(tail, '        ')}"
        loop = f"for i in range({w.size()}):\n{textwrap.indent(body, '    ')}"
    if kind == "dict":
        n = w.one("size", "len(boundary)")
        end = f"base, space, boundary = ([c[i] for i in range({n})] for c in (base, space, boundary))\n"
        columns = w.columns("base", "space", "boundary", "list")
    elif kind == "bytearray":
        end = "space, boundary = [bool(v) for v in space], list(map(bool, boundary))\n"
        columns = w.columns("base", "space", "boundary", "list")
    else:
        end = ""
        columns = w.columns("base", "space", "boundary", kind)
    return f"{start}\n{loop}\n{end}return {columns}"


def _rows(w: _Writer) -> str:
    """Three columns out of `rule`, by comprehensions, generators, maps, arrays of rows."""
    w.before.append(w.rule())
    n = w.size()
    form = w.random.randrange(12)
    w.manner.append(f"rows {form}")
    three = w.columns("base", "space", "boundary", "list")
    if form == 0:
        return f"base, space, boundary = map(list, zip(*[rule(sp, i) for i in range({n})]))\nreturn {three}"
    if form == 1:
        return f"rows = [rule(sp, i) for i in range({n})]\nbase, space, boundary = [r[0] for r in rows], [r[1] for r in rows], [r[-1] for r in rows]\nreturn {three}"
    if form == 2:
        w.before.append("def each(sp, n):\n    for i in range(n):\n        yield rule(sp, i)\n")
        return f"base, space, boundary = (list(c) for c in zip(*each(sp, {n})))\nreturn {three}"
    if form == 3:
        return f"found = {{i: rule(sp, i) for i in range({n})}}\nbase, space, boundary = ([found.get(i, (0, False, True))[k] for i in range({n})] for k in range(3))\nreturn {three}"
    if form == 4:
        return f"rows = np.array([[int(v) for v in rule(sp, i)] for i in range({n})])\nbase, space, boundary = rows[:, 0].copy(), rows[:, 1] == 1, rows[:, 2].astype(bool)\nreturn {w.columns('base', 'space', 'boundary', 'numpy')}"
    if form == 5:
        return f"rows = list(map(partial(rule, sp), range({n})))\nbase, space, boundary = [], [], []\nfor b, s, *rest in rows:\n    base.append(b)\n    space += [s]\n    boundary.extend(rest)\nreturn {three}"
    if form == 6:
        return f"flat = list(itertools.chain.from_iterable(rule(sp, i) for i in range({n})))\nbase, space, boundary = flat[0::3], flat[1::3], flat[2::3]\nreturn {three}"
    if form == 7:
        w.before.append("class Row(NamedTuple):\n    base: int\n    space: bool\n    boundary: bool = True\n")
        return f"rows = [Row(*rule(sp, i)) for i in range({n})]\nbase, space, boundary = [r.base for r in rows], [r.space for r in rows], [r.boundary for r in rows]\nreturn {three}"
    if form == 8:
        w.before.append(
            "@dataclass(frozen=True)\nclass Row:\n    base: int = 0\n    space: bool = False\n    boundary: bool = True\n"
        )
        return f"rows = tuple(Row(**dict(zip(('base', 'space', 'boundary'), rule(sp, i)))) for i in range({n}))\nbase, space, boundary = ([getattr(r, k) for r in rows] for k in ('base', 'space', 'boundary'))\nreturn {three}"
    if form == 9:
        return f"out = reduce(lambda acc, row: [acc[k] + [row[k]] for k in range(3)], (rule(sp, i) for i in range({n})), [[], [], []])\nbase, space, boundary = out\nreturn {three}"
    if form == 10:
        return f"base = np.fromiter((rule(sp, i)[0] for i in range({n})), dtype=np.int32, count={n})\nspace = np.fromiter((rule(sp, i)[1] for i in range({n})), dtype=bool)\nboundary = np.array([rule(sp, i)[2] for i in range({n})], dtype=bool)\nreturn {w.columns('base', 'space', 'boundary', 'numpy')}"
    return f"ids = iter(range({n}))\nbase, space, boundary = [], [], []\nwhile (i := next(ids, None)) is not None:\n    b, s, e = rule(sp, i)\n    base, space, boundary = [*base, b], [*space, s], [*boundary, e]\nreturn {three}"


def _vectorised(w: _Writer) -> str:
    """Masks and sizes of all tokens at once, in numpy or torch."""
    lib = w.one("np", "np", "torch")
    w.manner.append(f"vectorised {lib}")
    n = w.size()
    special = w.special("i")
    lines = [f"n = {n}", w.one(f"pieces = [{w.piece('i')} for i in range(n)]", f"pieces = list(map({w.ask('id_to_piece', '')[:-2]}, range(n)))", f"pieces = {w.ask('id_to_piece', 'list(range(n))')}")]  # fmt: skip

    def flags(expression: str, over: str) -> str:
        if lib == "torch":
            return w.one(f"torch.tensor([bool({expression}) for {over}], dtype=torch.bool)", f"torch.tensor([1 if {expression} else 0 for {over}]).bool()", f"(torch.tensor([float(bool({expression})) for {over}]) > 0.5)")  # fmt: skip
        return w.one(f"np.array([{expression} for {over}], dtype=bool)", f"np.fromiter(({expression} for {over}), dtype=np.bool_, count=n)", f"np.asarray([bool({expression}) for {over}])", f"(np.array([1 if {expression} else 0 for {over}]) == 1)")  # fmt: skip

    lines.append(f"special = {flags(special, 'i in range(n)')}")
    lines.append(
        f"is_byte = {flags(w.byte('i'), 'i in range(n)') if 'nobyte' not in w.wrong else flags('False', 'i in range(n)')}"
    )
    lines.append(f"marked = {flags(w.marked('t'), 't in pieces')} & ~special & ~is_byte")
    stripped = f"[{w.bare('t')} if m else t for t, m in zip(pieces, marked.tolist())]"
    size = w.measure("t")
    if lib == "np":
        lines.append(w.one(f"sizes = np.array([{size} for t in {stripped}], dtype=np.int64)", f"sizes = np.fromiter(({size} for t in {stripped}), dtype=np.int32, count=n)", f"texts = {stripped}\nsizes = np.asarray([{size} for t in texts])"))  # fmt: skip
    else:
        lines.append(
            w.one(
                f"sizes = torch.tensor([{size} for t in {stripped}])",
                f"sizes = torch.tensor([{size} for t in {stripped}], dtype=torch.int64)",
            )
        )
    if "plus" in w.wrong:
        lines.append(
            w.one(
                "sizes = sizes + marked",
                f"sizes = {lib}.where(marked, sizes + 1, sizes)",
                "sizes[marked] += 1",
            )
        )
    if "rescaled" in w.wrong:
        lines.append("sizes = sizes * 2")
    one = w.byte_size()
    form = w.random.randrange(5)
    w.manner.append(f"form {form}")
    if form == 0:
        lines.append(f"base = {lib}.where(special, 0, {lib}.where(is_byte, {one}, sizes))")
    elif form == 1:
        lines.append(
            f"base = sizes{'.copy()' if lib == 'np' else '.clone()'}\nbase[is_byte] = {one}\nbase[special] = 0"
        )
    elif form == 2:
        cast = ".astype(sizes.dtype)" if lib == "np" else ".to(sizes.dtype)"
        lines.append(f"base = sizes * (~special & ~is_byte) + is_byte{cast} * ({one})")
    elif form == 3 and lib == "np":
        lines.append(f"base = np.select([special, is_byte], [0, {one}], default=sizes)")
    elif form == 3:
        lines.append(f"base = sizes.masked_fill(is_byte, {one}).masked_fill(special, 0)")
    elif lib == "np":
        lines.append(
            f"base = np.zeros(n, dtype=np.int64)\nplain = np.flatnonzero(~(special | is_byte))\nbase[plain] = sizes[plain]\nbase[np.where(is_byte)[0]] = {one}"
        )
    else:
        lines.append(
            f"base = torch.zeros_like(sizes)\nplain = torch.nonzero(~(special | is_byte)).flatten()\nbase[plain] = sizes[plain]\nbase.masked_fill_(is_byte, {one})"
        )
    if "specials" in w.wrong:
        lines.append(
            w.one("base[special] = 3", f"base = {lib}.where(special, 2, base)", "base = base + 3 * special")
        )
    if "flag" in w.odd:
        lines.append(w.one("marked = ~marked", "marked = marked & False", "marked = marked | is_byte"))
    if "mask" in w.odd:
        lines.append(
            w.one(
                "special = special & False",
                "special = special | is_byte",
                f"special = {lib}.zeros_like(special)",
            )
        )
    return (
        "\n".join(lines)
        + f"\nreturn {w.columns('base', 'marked', 'special', 'numpy' if lib == 'np' else 'torch')}"
    )


def _class(w: _Writer) -> tuple[str, str]:
    """Tables as a class makes them: (definitions, expression of the three tables)."""
    w.before.append(w.rule())
    form = w.random.randrange(6)
    w.manner.append(f"class {form}")
    n = w.one("self.sp.vocab_size()", "len(self.sp)", "self.sp.GetPieceSize()")
    three = w.columns("base", "space", "boundary", "list")
    rows = f"base, space, boundary = map(list, zip(*[rule(self.sp, i) for i in range({n})]))"
    if form == 0:
        text = f"class Tables:\n    def __init__(self, sp):\n        self.sp = sp\n        {rows}\n        self.base, self.space, self.boundary = {three}\n"
        return text, "(lambda t: (t.base, t.space, t.boundary))(Tables(sp))"
    if form == 1:
        text = f"class Tables:\n    def __init__(self, sp):\n        self.sp = sp\n\n    @property\n    def all(self):\n        {rows}\n        return {three}\n"
        return text, "Tables(sp).all"
    if form == 2:
        text = f"class Tables:\n    def __init__(self, sp, **options):\n        self.sp = sp\n        self.options = dict(options)\n\n    @cached_property\n    def rows(self):\n        return [rule(self.sp, i) for i in range({n})]\n\n    def column(self, k=0, *, cast=None):\n        found = [r[k] for r in self.rows]\n        return found if cast is None else [cast(v) for v in found]\n\n    def __call__(self):\n        base, space, boundary = self.column(), self.column(1, cast=bool), self.column(k=2)\n        return {three}\n"
        return text, "Tables(sp, name='x')()"
    if form == 3:
        text = f"@dataclass\nclass Tables:\n    sp: object\n    base: list = field(default_factory=list)\n    space: list = field(default_factory=list)\n    boundary: list = field(default_factory=list)\n\n    def __post_init__(self):\n        for i in range({n}):\n            b, s, e = rule(self.sp, i)\n            self.base.append(b)\n            self.space.append(s)\n            self.boundary.append(e)\n\n    def tensors(self):\n        base, space, boundary = self.base, self.space, self.boundary\n        return {three}\n"
        return text, "Tables(sp=sp).tensors()"
    if form == 4:
        text = f"class Base:\n    cells = ('base', 'space', 'boundary')\n\n    def __init__(self, sp):\n        self.sp = sp\n        for k, name in enumerate(self.cells):\n            setattr(self, name, [self.row(i)[k] for i in range({n})])\n\n    def row(self, i):\n        raise NotImplementedError\n\n    def tensors(self):\n        base, space, boundary = (getattr(self, name) for name in self.cells)\n        return {three}\n\n\nclass Tables(Base):\n    def row(self, i):\n        return rule(self.sp, i)\n"
        return text, "Tables(sp).tensors()"
    text = f"class Tables:\n    made = None\n\n    def __init__(self, sp):\n        self.sp = sp\n\n    @classmethod\n    def of(cls, sp):\n        cls.made = cls(sp)\n        return cls.made.build()\n\n    @staticmethod\n    def row(sp, i):\n        return rule(sp, i)\n\n    def build(self):\n        base, space, boundary = map(list, zip(*(self.row(self.sp, i) for i in range({n}))))\n        return {three}\n"
    return text, "Tables.of(sp)"


def _wrap(w: _Writer, name: str) -> str:
    """A decorator for the builder, with its definition."""
    form = w.random.randrange(6)
    if form == 0:
        w.before.append(
            "def timed(function):\n    @wraps(function)\n    def inner(*args, **kwargs):\n        found = function(*args, **kwargs)\n        return found\n    return inner\n"
        )
        return "@timed\n"
    if form == 1:
        w.before.append(
            "def logged(label='tables', *, quiet=True):\n    def wrap(function):\n        def inner(sp, size, device='cpu'):\n            if not quiet:\n                print(label)\n            return function(sp, size, device)\n        return inner\n    return wrap\n"
        )
        return "@logged(quiet=True)\n"
    if form == 2:
        return "@torch.no_grad()\n"
    if form == 3:
        w.before.append(
            "REGISTRY = {}\n\ndef register(function):\n    REGISTRY[function.__name__] = function\n    return function\n"
        )
        return "@register\n"
    if form == 4:
        return w.one("@lru_cache(maxsize=None)\n", "@functools.cache\n")
    return ""


def _patch(w: _Writer, call: str) -> tuple[str, str]:
    """A second function that changes what the first one built: harmless, mending, or wrong."""
    form = w.random.randrange(7)
    w.manner.append(f"patch {form}")
    if form == 0:
        return (
            "def finish(base, space, boundary):\n    return base.clone(), space.clone(), boundary.clone()\n",
            f"finish(*{call})",
        )
    if form == 1:
        return (
            "def finish(tables):\n    base, space, boundary = tables\n    base[boundary] = base[boundary] * 1\n    return base, space & True, ~(~boundary)\n",
            f"finish({call})",
        )
    if form == 2:
        w.odd.add("patched")
        return (
            "def finish(tables):\n    base, space, boundary = tables\n    base[space] += 1\n    return tables\n",
            f"finish({call})",
        )
    if form == 3:
        w.odd.add("patched")
        return (
            "def finish(tables):\n    base, space, boundary = tables\n    return torch.where(base > 5, 5, base), space, boundary\n",
            f"finish({call})",
        )
    if form == 4:
        return (
            "def finish(tables):\n    named = dict(zip(('base', 'space', 'boundary'), tables))\n    return named['base'].to(torch.int32), named.pop('space'), named['boundary']\n",
            f"finish({call})",
        )
    if form == 5:
        w.odd.add("patched")
        return (
            "def finish(tables, first=2):\n    tables[0][first] = 9\n    return tables\n",
            f"finish({call})",
        )
    return (
        "def finish(tables):\n    out = []\n    for t in tables:\n        u = torch.zeros_like(t)\n        u[:] = t\n        out.append(u)\n    return tuple(out)\n",
        f"finish({call})",
    )


_NAMES = {
    "plus": N.LEADING_SPACE_PLUS_ONE, "bytesize": N.BYTE_TOKEN_WRONG_SIZE, "nobyte": N.BYTE_TOKEN_WRONG_SIZE,
    "unused": N.MISSING_IS_UNUSED, "specials": N.BOUNDARY_BYTES_COUNTED, "marker": N.MARKER_NOT_RECOGNISED,
    "characters": N.COUNTS_CHARACTERS, "strips": N.STRIPS_EVERY_MARKER, "rescaled": N.TABLE_RESCALED,
}  # fmt: skip
_ODD = ("latin", "flag", "mask", "narrow")


def builder(random: Random) -> Program:
    """One script; the same choices give the same script."""
    draw = random.randrange(100)
    wrong: set[str] = set()
    odd: set[str] = set()
    if draw >= 40:
        wrong.add(random.choice(sorted(_NAMES)))
    if draw >= 75:
        wrong.add(random.choice(sorted(_NAMES)))
    if draw >= 90:
        odd.add(random.choice(_ODD))
        if draw >= 95:
            wrong.clear()
    w = _Writer(random, wrong, odd)
    w.camel = w.chance(30)
    extra = ""
    style = w.one("loop", "loop", "loop", "rows", "rows", "vectorised", "vectorised", "class")
    if style == "class":
        text, call = _class(w)
    else:
        body = {"loop": _loop, "rows": _rows, "vectorised": _vectorised}[style](w)
        parameters = w.one(
            "sp, size, device='cpu'",
            "sp, size, device='cpu'",
            "sp, size, device='cpu', *, strict=True, **options",
        )
        nesting = w.random.randrange(5)
        if nesting == 0:
            text = f"def make(sp, size, device='cpu'):\n    def inner():\n{textwrap.indent(body, '        ')}\n\n    return inner()\n"
            text = _wrap(w, "make") + text
            call = "make(sp, size)"
        elif nesting == 1:
            text = f"def factory(size, device='cpu'):\n    def build(sp):\n{textwrap.indent(body, '        ')}\n\n    return build\n"
            call = "factory(size)(sp)"
        elif nesting == 2:
            text = f"def make({parameters}):\n{textwrap.indent(body, '    ')}\n"
            call = w.one(
                "make(sp, size)",
                "make(size=size, sp=sp)",
                "make(*(sp, size))",
                "make(**{'sp': sp, 'size': size})",
                "partial(make, sp)(size)",
            )
        else:
            text = _wrap(w, "make") + f"def make(sp, size, device='cpu'):\n{textwrap.indent(body, '    ')}\n"
            call = w.one("make(sp, size)", "make(sp, size, 'cpu')")
            if "REGISTRY" in "".join(w.before) and w.chance(50):
                call = "REGISTRY['make'](sp, size)"
    if w.chance(25):
        extra, call = _patch(w, call)
    size = w.one(
        "int(os.environ.get('VOCAB_SIZE', 1024))",
        "sp.vocab_size()",
        "int(os.environ.get('VOCAB_SIZE', '1024'))",
        "len(sp)",
    )
    opened = w.one(
        "sp = spm.SentencePieceProcessor(model_file='data/tok.model')", "sp = spm.SentencePieceProcessor('data/tok.model')",
        "sp = spm.SentencePieceProcessor()\n    sp.Load('data/tok.model')", "sp = spm.SentencePieceProcessor()\n    sp.load('data/tok.model')",
        "sp = spm.SentencePieceProcessor(model_file=os.environ.get('TOKENIZER_PATH', 'data/tok.model'))",
    )  # fmt: skip
    end = w.one(
        f"run(*{call})", f"base, space, boundary = {call}\n    run(base, space, boundary)", f"luts = {call}\n    run(base=luts[0], space=luts[1], boundary=luts[2])",
        f"state = dict(zip(('base', 'space', 'boundary'), {call}))\n    run(**state)",
    )  # fmt: skip
    main = f"def main():\n    {opened}\n    size = {size}\n    {end}\n\n\nif __name__ == '__main__':\n    main()\n"
    source = HEAD + "\n\n".join([*w.before, text, *([extra] if extra else []), main])
    intended = frozenset(_NAMES[d] for d in w.wrong)
    return Program(source, intended, bool(w.odd), (style, *w.manner))
