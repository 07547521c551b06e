"""Attempts to be called CORRECT and CANONICAL with other bytes: each was tried on 2026-11-23, none may succeed.

Every case is the reference script of `tests/audit/test_script_audit.py` with one thing slipped in.
"""

from __future__ import annotations

import pytest

from pgolf.core.verdict import EvalStatus, LutStatus
from tests.audit.test_script_audit import REFERENCE, audit

_BUILDER = "def build_luts"
_LOAD = "    val_tokens = load"

BEFORE_THE_BUILDER = {
    "len rebound in the module": "len = lambda s: s.__len__() + 1",
    "len patched in builtins": "import builtins\n_l = builtins.len\nbuiltins.len = lambda s: _l(s) + 1",
    "len patched by setattr": 'import builtins\n_l = len\nsetattr(builtins, "len", lambda s: _l(s) + 1)',
    "len patched in __builtins__": "_l = len\n__builtins__.len = lambda s: _l(s) + 1",
    "zeros patched": "_z = np.zeros\nnp.zeros = lambda *a, **k: _z(*a, **k) + 1",
    "zeros patched through sys.modules": (
        'import sys\n_z = np.zeros\nsys.modules["numpy"].zeros = lambda *a, **k: _z(*a, **k) + 1'
    ),
    "zeros patched through importlib": (
        'import importlib\n_z = np.zeros\nimportlib.import_module("numpy").zeros = lambda *a, **k: _z(*a, **k) + 1'
    ),
    "range rebound": "_r = range\nrange = lambda n, *a: _r(n, *a) if a else _r(n - 1)",
}

AFTER_THE_BUILDER = {
    "alias": "b = luts[0]\nb += 1",
    "view": "v = luts[0].view(-1)\nv += 1",
    "slice": "v = luts[0][3:]\nv += 1",
    "numpy view": "luts[0].numpy()[5] = 9",
    "numpy out=": "np.add(luts[0].numpy(), 1, out=luts[0].numpy())",
    "sorted in place": "luts[0].numpy().sort()",
    "shuffled": "np.random.shuffle(luts[0].numpy())",
    "a positional out": "np.multiply(luts[0].numpy(), 2, luts[0].numpy())",
    "a positional out of clip": "np.clip(luts[0].numpy(), 0, 2, luts[0].numpy())",
    "a buffer": "np.frombuffer(luts[0].numpy(), dtype=np.int16)[5] = 3",
    "an array without a copy": "np.array(luts[0], copy=False)[5] = 8",
    "a storage": "luts[0].storage()[5] = 3",
    "torch's views": "torch.unbind(luts[0])[5].fill_(8)",
    "places": "np.add.at(luts[0].numpy(), [5], 1)",
    "torch out=": "torch.add(luts[0], 1, out=luts[0])",
    "index_fill_": "luts[0].index_fill_(0, torch.tensor([5]), 3)",
    "index_put_": "luts[0].index_put_((torch.tensor([5]),), torch.tensor(3))",
    "__iadd__": "luts[0].__iadd__(1)",
    "__setitem__": "luts[0].__setitem__(5, 9)",
    "data": "luts[0].data += 1",
    "eval": 'eval("luts[0].add_(1)")',
    "exec": 'exec("luts[0].add_(1)")',
    "clock": "import time\nif time.time() > 5:\n    luts[0].add_(1)",
    "clock and": "import time\ntime.time() > 5 and luts[0].add_(1)",
    "handler": 'try:\n    open("flag")\nexcept OSError:\n    luts[0].add_(1)',
    "thread": "import threading\nt = threading.Thread(target=lambda: luts[0].add_(1))\nt.start()\nt.join()",
    "pool": "from concurrent.futures import ThreadPoolExecutor as P\nwith P() as ex:\n    ex.submit(luts[0].add_, 1)",
    "a failing assertion": "try:\n    assert 1 == 2\nexcept AssertionError:\n    luts[0].add_(1)",
    "a failing assertion below": (
        "def f():\n    assert False\ntry:\n    f.x = f\n    f()\nexcept Exception:\n    luts[0].add_(1)"
    ),
    "a name that is not there": "try:\n    not_there\nexcept NameError:\n    luts[0].add_(1)",
    "a deleted name": "q = 1\ndel q\ntry:\n    q + 1\nexcept NameError:\n    luts[0].add_(1)",
    "a removed element": "try:\n    {1}.remove(2)\nexcept KeyError:\n    luts[0].add_(1)",
    "an unknown deque": (
        "import collections\nq = collections.deque(os.listdir('x'))\nif len(q):\n    luts[0].add_(1)"
    ),
    "a union of classes": "if isinstance(3, int | str):\n    luts[0].add_(1)",
    "classes in classes": "if isinstance(3, (str, (int,))):\n    luts[0].add_(1)",
    "an unknown direction": (
        "if sorted([1, 2], reverse=os.path.getmtime('x') > 5)[0] == 2:\n    luts[0].add_(1)"
    ),
    "a merged dictionary": (
        "d = {1: 2}\nif os.path.getmtime('x') > 5:\n    d |= {1: 3}\nif d[1] == 3:\n    luts[0].add_(1)"
    ),
    "an unknown among equals": (
        "if {1: os.path.getmtime('x')} != {1: 5}:\n    pass\nelse:\n    luts[0].add_(1)"
    ),
    "exit stack": "import contextlib\nwith contextlib.ExitStack() as st:\n    st.callback(luts[0].add_, 1)",
    "atexit of a library": "import foolib\nfoolib.run(lambda: luts[0].add_(1))",
    "hook": "hook = nn.Linear(3, 3)\nhook.register_forward_hook(lambda *a: luts[0].add_(1))",
    "context manager": (
        "import contextlib\n@contextlib.contextmanager\ndef cm():\n    yield\n    luts[0].add_(1)\nwith cm():\n    pass"
    ),
    "generator": "def g():\n    luts[0].add_(1)\n    yield 1\nfor _ in g():\n    pass",
    "sort key": "sorted([1, 2], key=lambda x: luts[0].add_(1) is None)",
    "__del__": "class D:\n    def __del__(self):\n        luts[0].add_(1)\nd = D()\ndel d",
    "__format__": 'class F:\n    def __format__(self, s):\n        luts[0].add_(1)\n        return ""\nf"{F()}"',
    "__setattr__": "class P:\n    def __setattr__(self, k, v):\n        luts[0].add_(1)\nq = P()\nq.p = 3",
    "__iadd__ of a class": (
        "class F:\n    def __iadd__(self, o):\n        luts[0].add_(1)\n        return self\nf = F()\nf += 1"
    ),
    "__init_subclass__": (
        "class A:\n    def __init_subclass__(cls):\n        luts[0].add_(1)\nclass B(A):\n    pass"
    ),
    "descriptor": (
        "class D:\n    def __get__(self, o, t):\n        luts[0].add_(1)\nclass B:\n    d = D()\nB().d"
    ),
    "metaclass": (
        "class M(type):\n    def __new__(m, *a):\n        luts[0].add_(1)\n        return type.__new__(m, *a)\n"
        "class B(metaclass=M):\n    pass"
    ),
    "setter": (
        "class P:\n    @property\n    def p(self):\n        return 1\n    @p.setter\n    def p(self, v):\n"
        "        luts[0].add_(1)\nq = P()\nq.p = 3"
    ),
    "the loop itself replaced": 'globals()["evaluate"] = lambda *a: (1.0, 1.0)',
}


def proved(source: str) -> bool:
    result = audit(source)
    return result.lut_status is LutStatus.CORRECT and result.eval_status is EvalStatus.CANONICAL


def replaced(old: str, new: str) -> str:
    assert old in REFERENCE
    return REFERENCE.replace(old, new, 1)


@pytest.mark.parametrize("name", BEFORE_THE_BUILDER)
def test_a_patched_name_is_never_proved(name: str) -> None:
    assert not proved(replaced(_BUILDER, BEFORE_THE_BUILDER[name] + "\n\n\n" + _BUILDER))


@pytest.mark.parametrize("name", AFTER_THE_BUILDER)
def test_a_table_changed_on_the_side_is_never_proved(name: str) -> None:
    lines = "".join(f"    {line}\n" for line in AFTER_THE_BUILDER[name].split("\n"))
    assert not proved(replaced(_LOAD, lines + _LOAD))


def test_a_tokenizer_subclass_with_its_own_attribute_rule_is_never_proved() -> None:
    own = (
        "class SP(spm.SentencePieceProcessor):\n    def __getattribute__(self, n):\n"
        '        if n == "is_byte":\n            return lambda i: False\n        return super().__getattribute__(n)\n\n\n'
    )
    source = replaced(_BUILDER, own + _BUILDER).replace("= spm.SentencePieceProcessor(", "= SP(")
    assert not proved(source)


def test_a_second_evaluation_with_changed_tables_is_never_proved() -> None:
    call = "    val_loss, val_bpb = evaluate(args, model, val_tokens, *luts)\n"
    assert not proved(replaced(call, call + "    luts[0].mul_(2)\n" + call))


_SIZE = 'base[i] = len(piece.encode("utf-8"))'
ONLY_ON_REAL_VOCABULARIES = {
    "one id": "if i == 700:\n            base[i] += 1",
    "high ids": "if i > 900:\n            base[i] += 1",
    "some spellings": 'base[i] += piece in ("with", "and")',
    "a dictionary of spellings": 'base[i] += {"with": 1}.get(piece, 0)',
    "one length": "if len(piece) == 13:\n            base[i] += 1",
    "a cap below a length": "base[i] = min(base[i], 14) if len(piece) < 100 else base[i]",
    "a residue": "if i % 61 == 60:\n            base[i] += 1",
    "a checksum": "if sum(piece.encode()) % 251 == 17:\n            base[i] += 1",
    "the vocabulary's size": "if n > 1000:\n            base[i] += 1",
    "an ending": 'if piece.endswith("tion"):\n            base[i] += 1',
    "a pattern": 'import re\n        if re.fullmatch("[a-z]{5}ed", piece):\n            base[i] += 1',
    "one letter": 'base[i] += piece.count("q")',
    "capitals": "base[i] += piece.isupper()",
    "far characters": "base[i] += any(ord(c) > 0x1F700 for c in piece)",
    "scores": "base[i] += sp.get_score(i) < -500",
    "an id from the environment": 'base[i] += i == int(os.environ.get("BAD_ID", "777"))',
}


@pytest.mark.parametrize("name", ONLY_ON_REAL_VOCABULARIES)
def test_what_probe_vocabularies_cannot_show_is_not_proved_on_them(name: str) -> None:
    result = audit(replaced(_SIZE, f"{_SIZE}\n        {ONLY_ON_REAL_VOCABULARIES[name]}"))
    assert result.lut_status is not LutStatus.CORRECT
    if result.lut_status is LutStatus.UNKNOWN:
        assert "line " in result.reason


def test_ids_changed_after_the_loop_or_listed_in_a_constant_are_not_proved_on_probes() -> None:
    late = replaced("    return (\n", "    base[500:] += 1\n    return (\n")
    listed = replaced(_BUILDER, "BAD = {12: 1, 4999: 2}\n\n\n" + _BUILDER)
    listed = listed.replace(_SIZE, f"{_SIZE}\n        base[i] += BAD.get(i * 1, 0) if n > 40 else 0", 1)
    for source in (late, listed):
        assert audit(source).lut_status is not LutStatus.CORRECT


_COUNT = "byte_count += b.to(torch.float64).sum()"
_RETURN = "    return tokens[: usable + 1]"
_RANGE = "range(0, val_tokens.numel() - 1, seq_len)"
_START = "    loss_sum = torch"
ONLY_ON_LONG_STREAMS = {
    "bytes after 100,000 tokens": (_COUNT, f"{_COUNT}\n            if tokens > 100000:\n                byte_count += 5"),
    "bytes after a position": (_COUNT, f"{_COUNT}\n            if start > 100000:\n                byte_count += 5"),
    "the first tokens": (_RETURN, _RETURN + "[:500000]"),
    "the first tokens, from the environment": (
        _RETURN, '    return tokens[: int(os.environ.get("VAL_MAX_TOKENS", "500000"))]'
    ),
    "a minimum": ("((tokens.numel() - 1)", "((min(tokens.numel(), 500000) - 1)"),
    "a choice": (_RETURN, f"{_RETURN} if usable < 500000 else tokens[:500001]"),
    "leaving after windows": (_COUNT, f"{_COUNT}\n            if start // seq_len >= 500:\n                break"),
    "leaving after few windows": (_COUNT, f"{_COUNT}\n            if start // seq_len >= 50:\n                break"),
    "the first windows": (_RANGE, _RANGE + "[:3000]"),
    "a header's minimum": ("count=int(header[2])", "count=min(int(header[2]), 1000000)"),
    "high ids in the loop": (_COUNT, f"b = b + (y > 700)\n            {_COUNT}"),
    "a last correction": (
        "    return float(val_loss.item()), float",
        "    if tokens.item() > 1e6:\n        byte_count *= 1.1\n    return float(val_loss.item()), float",
    ),
    "other tables on long streams": (
        _START, "    if val_tokens.numel() > 10**6:\n        base_lut = base_lut * 2\n" + _START
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONLY_ON_LONG_STREAMS)
def test_what_only_a_long_stream_meets_is_not_canonical(name: str) -> None:
    result = audit(replaced(*ONLY_ON_LONG_STREAMS[name]))
    assert result.eval_status is not EvalStatus.CANONICAL


_SIZE_IN_DISGUISE = {
    "plus nothing": "(n + 0) > 10**6",
    "a sum of one": "sum([n]) > 10**6",
    "inverted": "-(~n) > 10**6",
    "a tuple": "(n,) > (10**6,)",
    "a list": "[n] > [10**6]",
    "a range from a literal": "list(range(10**6, n))",
    "a field's text": 'f"{n:012d}" > "000001000000"',
    "padded text": 'str(n).zfill(12) > "000001000000"',
    "the length of digits": 'str(n).count("") > 7',
    "the last digit": 'str(n).endswith("0")',
    "a digit": '"0" in str(n)',
    "text in another": 'str(n) not in "132 131 130 129 128 127 126"',
    "encoded text": "len(str(n).encode()) > 6",
    "joined text": 'len("".join(["a", str(n)])) > 6',
    "formatted text": 'len(format(n, "d")) > 6',
    "str.format": 'len("{}".format(n)) > 6',
    "percent": 'len("%d" % n) > 6',
    "repr": "len(repr(n)) > 6",
    "text of another base": "int(str(n), 16) > 10**6",
    "hexadecimal": "len(hex(n)) > 8",
    "binary": "len(bin(n)) > 22",
    "bits": "n.bit_length() > 20",
    "bytes of it": 'n.to_bytes(8, "little")[2] > 0',
    "a hash": "hash(n) % 1000000 != n",
    "a power": "pow(n, 1, 1000) != n",
}


def _counted_when(condition: str) -> str:
    lines = f"n = val_tokens.numel()\n            if {condition}:\n                byte_count += 5"
    return replaced(_COUNT, f"{_COUNT}\n            {lines}")


@pytest.mark.parametrize("name", _SIZE_IN_DISGUISE)
def test_the_size_of_a_real_stream_is_recognised_in_any_disguise(name: str) -> None:
    assert audit(_counted_when(_SIZE_IN_DISGUISE[name])).eval_status is not EvalStatus.CANONICAL


@pytest.mark.parametrize("condition", ["n < 0", "n + 0 == 0", 'f"{n}" is None'])
def test_what_no_stream_meets_is_no_obstacle(condition: str) -> None:
    assert audit(_counted_when(condition)).eval_status is EvalStatus.CANONICAL
