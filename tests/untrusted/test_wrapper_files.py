"""Files, streams, archives and decoders as a wrapper uses them: in memory and beside the script, never on a disk of ours.

Where a program can run as it is, CPython is the oracle; the rest says what a file beside the script means.
"""

# ruff: noqa: E501 - one program a line reads better than wrapped ones

from __future__ import annotations

import base64
import bz2
import gzip
import io
import itertools
import lzma
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.errors import LimitTripped
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.script import MappedSiblings, Script
from pgolf.untrusted.unwrap import unwrap
from tests.untrusted.wrappers import executed_by_cpython, follow

RAW = [{"id": lzma.FILTER_LZMA2}]
PACKERS: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "lzma": ("lzma.decompress({})", lzma.compress, "lzma"),
    "raw lzma2": (
        "lzma.decompress({}, format=lzma.FORMAT_RAW, filters=[{{'id': lzma.FILTER_LZMA2}}])",
        lambda data: lzma.compress(data, format=lzma.FORMAT_RAW, filters=RAW),
        "lzma",
    ),
    "alone": (
        "lzma.decompress({}, lzma.FORMAT_ALONE)",
        lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
        "lzma",
    ),
    "lzma object": ("lzma.LZMADecompressor().decompress({})", lzma.compress, "lzma"),
    "lzma file": ("lzma.open(io.BytesIO({})).read()", lzma.compress, "lzma"),
    "zlib": ("zlib.decompress({})", zlib.compress, "zlib"),
    "zlib object": ("zlib.decompressobj().decompress({})", zlib.compress, "zlib"),
    "raw deflate": ("zlib.decompress({}, -15)", lambda data: zlib.compress(data)[2:-4], "zlib"),
    "raw deflate object": (
        "zlib.decompressobj(wbits=-15).decompress({})",
        lambda data: zlib.compress(data)[2:-4],
        "zlib",
    ),
    "gzip": ("gzip.decompress({})", gzip.compress, "gzip"),
    "gzip through zlib": ("zlib.decompress({}, 31)", gzip.compress, "zlib"),
    "gzip file": ("gzip.GzipFile(fileobj=io.BytesIO({})).read()", gzip.compress, "gzip"),
    "bz2": ("bz2.decompress({})", bz2.compress, "bz2"),
    "bz2 object": ("bz2.BZ2Decompressor().decompress({})", bz2.compress, "bz2"),
    "bz2 file": ("bz2.BZ2File(io.BytesIO({})).read()", bz2.compress, "bz2"),
    "brotli": ("brotli.decompress({})", brotli.compress, "brotli"),
    "zstandard": ("zstandard.ZstdDecompressor().decompress({})", zstandard.compress, "zstandard"),
    "zstandard reader": (
        "zstandard.ZstdDecompressor().stream_reader(io.BytesIO({})).read()",
        zstandard.compress,
        "zstandard",
    ),
    "base64": ("base64.b64decode({})", base64.b64encode, "b64"),
    "urlsafe": ("base64.urlsafe_b64decode({})", base64.urlsafe_b64encode, "b64"),
    "base85": ("base64.b85decode({})", base64.b85encode, "b85"),
    "ascii85": ("base64.a85decode({})", base64.a85encode, "a85"),
    "base32": ("base64.b32decode({})", base64.b32encode, "b32"),
    "base16": ("base64.b16decode({})", base64.b16encode, "hex"),
    "hex": ("bytes.fromhex({}.decode())", lambda data: data.hex().encode(), "hex"),
    "unhexlify": ("binascii.unhexlify({})", lambda data: data.hex().encode(), "hex"),
    "codecs": ("codecs.decode({}, 'zlib_codec')", zlib.compress, "zlib"),
}
HEADER = "import base64, binascii, bz2, codecs, gzip, io, lzma, zlib, brotli, zstandard\n"


def packed(data: bytes, names: list[str]) -> str:
    """An expression that unpacks `data`, packed in that order, as text of Python."""
    for name in names:
        data = PACKERS[name][1](data)
    text = repr(data)
    for name in reversed(names):
        text = PACKERS[name][0].format(text)
    return text


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=300), st.lists(st.sampled_from(sorted(PACKERS)), min_size=1, max_size=3))
def test_whatever_cpython_packs_comes_back_with_its_codecs_and_sizes(data: bytes, names: list[str]) -> None:
    program = f"{HEADER}exec({packed(data, names)})\n"
    found = follow(program)
    assert found.certain == [data]
    steps = found.executed[0].steps
    assert [step.codec for step in steps[-len(names) :]] == [PACKERS[name][2] for name in reversed(names)]
    assert steps[-1].output_bytes == len(data)
    assert all(before.output_bytes == after.input_bytes for before, after in itertools.pairwise(steps))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=200), st.lists(st.sampled_from(sorted(PACKERS)), min_size=1, max_size=2))
def test_an_unwrapped_text_is_the_one_that_cpython_executes(text: str, names: list[str]) -> None:
    data = ("print('inner')\n# " + text.replace("\0", "").replace("\r", "")).encode("utf-8", "replace")
    program = f"{HEADER}exec({packed(data, names)})\n"
    assert executed_by_cpython(program) == [data]
    found = unwrap(Script("train_gpt.py", program.encode()))
    assert found.obstacle is None
    assert found.source == data
    assert found.layers[0].output_bytes == len(data)
    assert found.layers[0].line == 2


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


ARCHIVE = zipped(a=b"exec_a", b=b"exec_b")
IN_MEMORY = {
    "members by name": f"import zipfile, io\nz = zipfile.ZipFile(io.BytesIO({ARCHIVE!r}))\nexec(z.read('a'))\nexec(z.open('b').read())\nexec(z.namelist()[1])\nz.close()",
    "archive as a context": f"import zipfile, io\nwith zipfile.ZipFile(io.BytesIO({ARCHIVE!r})) as z:\n    exec(z.read('a'))",
    "text mode of a packed file": f"import gzip, io\nexec(gzip.open(io.BytesIO({gzip.compress(b'a')!r}), 'rt').read())",
    "flush gives nothing more": f"import zlib\nd = zlib.decompressobj()\nexec(d.decompress({zlib.compress(b'a')!r}) + d.flush())",
    "a stream read in parts": "import io\nf = io.BytesIO(b'abcdef')\nexec(f.read(2))\nexec(f.read())\nexec(f.read())",
    "an empty line at the end": "import io\nf = io.StringIO('a')\nf.readline()\nexec(f.readline() + 'end')",
    "a temporary file": "import tempfile, os\np = os.path.join(tempfile.mkdtemp(), 'x.txt')\nwith open(p, 'w') as f:\n    f.write('a')\nwith open(p, 'a') as f:\n    f.write('b')\nexec(open(p).read())\nexec(open(p, 'rb').read())\nexec(open(p, mode='r', encoding='utf-8').read())",
    "line ends of a text file": "import tempfile, os\np = os.path.join(tempfile.gettempdir(), 'pgolf-' + str(5))\nopen(p, 'wb').write(b'a\\r\\nb\\rc')\nexec(open(p).read())\nexec(open(p, 'rb').read())\nos.remove(p)",
    "a path object": "import tempfile, pathlib\np = pathlib.Path(tempfile.mkdtemp()) / 'x'\np.write_text('a')\nexec(p.read_text())\np.write_bytes(b'b')\nexec(p.read_bytes())\nwith p.open() as f: exec(f.read())\nexec('c' if p.exists() and p.is_file() else 'd')\np.unlink()",
    "a temporary folder": "import tempfile, os\nwith tempfile.TemporaryDirectory() as d:\n    p = os.path.join(d, 'x')\n    open(p, 'w').write('a')\n    exec(open(p).read())",
    "mkstemp": "import tempfile, os\nfd, p = tempfile.mkstemp(suffix='.py')\nwith os.fdopen(fd, 'w') as f: f.write('a')\nexec(open(p).read())\nos.unlink(p)",
    "a named temporary file": "import tempfile\nwith tempfile.NamedTemporaryFile('w', suffix='.py') as f:\n    f.write('a')\n    f.flush()\n    exec(open(f.name).read())",
    "a file that exists": "import os, tempfile\np = tempfile.mktemp()\nopen(p, 'w').write('a')\nexec('a' if os.path.exists(p) and os.path.isfile(p) else 'b')\nos.remove(p)",
    "a written file is a module": "import sys, tempfile, os\nd = tempfile.mkdtemp()\nopen(os.path.join(d, 'pgolf_made.py'), 'w').write('x = 1')\nsys.path.insert(0, d)\nexec('a')",
}  # fmt: skip


@pytest.mark.parametrize("name", IN_MEMORY)
def test_files_in_memory_read_as_cpython_reads_them(name: str) -> None:
    found = follow(IN_MEMORY[name])
    assert found.certain == executed_by_cpython(IN_MEMORY[name])
    assert not found.unfollowed


def test_a_sibling_is_read_from_the_folder_of_the_script_only() -> None:
    found = follow(
        "exec(open('a.txt').read())\nexec(open('sub/b.txt', 'rb').read())", a__txt=b"A", sub___b__txt=b"B"
    )
    assert found.certain == ["A", b"B"]
    assert [each.steps[0].sibling for each in found.executed] == ["a.txt", "sub/b.txt"]
    away = follow("exec(open('/etc/passwd').read())\nexec(open('../x.txt').read())", x__txt=b"X")
    assert not away.executed
    assert [each.rule for each in away.unfollowed] == ["missing-file", "missing-file"]
    assert "/etc/passwd" in away.reasons[0]


@pytest.mark.parametrize(
    "where",
    [
        "__file__.replace('train_gpt.py', 'a.txt')",
        "__import__('os').path.join(__import__('os').path.dirname(__import__('os').path.abspath(__file__)), 'a.txt')",
        "__import__('pathlib').Path(__file__).resolve().parent / 'a.txt'",
        "__import__('pathlib').Path(__file__).parents[0] / 'a.txt'",
        "__import__('pathlib').Path.cwd() / 'a.txt'",
        "__import__('os').getcwd() + '/a.txt'",
        "__import__('sys').path[0] + '/a.txt'",
        "__import__('sys').argv[0].replace('train_gpt.py', 'a.txt')",
        "__import__('os').path.expanduser('a.txt')",
        "__import__('os').path.realpath('./sub/../a.txt')",
        "b'a.txt'.decode()",
    ],
)
def test_every_way_to_name_the_folder_finds_the_file_beside_the_script(where: str) -> None:
    found = follow(f"exec(open({where}).read())", a__txt=b"A")
    assert found.certain == ["A"]


def test_a_script_reads_itself() -> None:
    program = "exec(open(__file__).read().split('#' + 'P:')[1])\n#P:print(1)"
    assert follow(program).certain == ["print(1)"]


def test_a_damaged_archive_and_a_missing_member_have_their_reason() -> None:
    for program, reason in (
        ("z.read('nothing')", "zip: KeyError"),
        ("z.infolist()", "infolist"),
        ("z.printdir()", "the archive method printdir"),
        (f"zipfile.ZipFile(io.BytesIO({ARCHIVE[:40]!r})).read('a')", "zip: BadZipFile"),
    ):
        found = follow(f"import zipfile, io\nz = zipfile.ZipFile(io.BytesIO({ARCHIVE!r}))\nexec({program})")
        assert not found.executed
        assert reason in found.reasons[0]


def test_an_archive_beside_the_script_is_read_by_its_name() -> None:
    found = follow("import zipfile\nexec(zipfile.ZipFile('a.zip').read('b'))", a__zip=ARCHIVE)
    assert found.certain == [b"exec_b"]
    assert found.executed[0].steps[-1].codec == "zip"


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({"layer_output_bytes": 1000}, "layer_output_bytes"),
        ({"layer_input_bytes": 10}, "layer_input_bytes"),
        ({"expansion_floor_bytes": 100, "expansion_ratio": 2}, "expansion_ratio"),
        ({"unpacked_bytes": 1000}, "unpacked_bytes"),
        ({"source_bytes": 1000}, "source_bytes"),
    ],
)
def test_a_bound_that_a_payload_meets_is_named(change: dict[str, int], limit: str) -> None:
    program = f"import zlib\nexec(zlib.decompress({zlib.compress(bytes(5000))!r}))"
    with pytest.raises(LimitTripped) as tripped:
        follow(program, replace(DEFAULT_LIMITS, **change))
    assert tripped.value.limit == limit


def test_a_zip_bomb_is_a_tripped_bound() -> None:
    bomb = zipped(a=bytes(200_000))
    with pytest.raises(LimitTripped) as tripped:
        follow(
            f"import zipfile, io\nexec(zipfile.ZipFile(io.BytesIO({bomb!r})).read('a'))",
            replace(DEFAULT_LIMITS, layer_output_bytes=100_000),
        )
    assert tripped.value.limit == "layer_output_bytes"


@pytest.mark.parametrize(
    ("program", "limit"),
    [
        ("x = 'a' * (1 << 40)", "constant_bytes"),
        ("x = ['a'] * (1 << 30)", "constant_bytes"),
        ("x = 'ab'\nwhile True:\n    x = x + x", "constant_bytes"),
        ("x = ['a']\nwhile True:\n    x += x", "constant_bytes"),
        ("x = ['a']\nwhile True:\n    x[0:0] = x", "constant_bytes"),
        ("x = ['a']\nwhile True:\n    x.extend(x)", "constant_bytes"),
        ("x = bytes(1 << 34)", "constant_bytes"),
        ("x = (1).to_bytes(1 << 34, 'big')", "constant_bytes"),
        ("x = 'a'.zfill(1 << 34)", "constant_bytes"),
        ("x = 'a'.replace('a', 'b' * 1000000)\nwhile True:\n    x = x.replace('b', 'bb')", "constant_bytes"),
        ("for i in range(1 << 60): pass", "constant_steps"),
        ("n = 0\nwhile n < 10 ** 9:\n    n += 1\nexec(n)", ""),
        ("x = ','.join(['a' * 1000000] * 1000)", "constant_bytes"),
        ("x = list(range(20000))\ny = [x.copy() for i in range(1000)]", "constant_bytes"),
        ("x = 'x'\nfor i in range(100): x = f'{x}{x}'", "constant_bytes"),
        ("x = 'x'\nfor i in range(100): x = '%s%s' % (x, x)", "constant_bytes"),
        ("x = 'x'\nfor i in range(100): x = '{}{}'.format(x, x)", "constant_bytes"),
        ("x = [1]\nfor i in range(100): x = [*x, *x]", "constant_bytes"),
        ("def f(n):\n    return eval('f(n)')\nf(1)\nx = 'eval(x)'\neval(x)", "layer_depth"),
    ],
)
def test_work_and_memory_of_a_wrapper_are_bounded(program: str, limit: str) -> None:
    small = replace(DEFAULT_LIMITS, constant_steps=30_000, constant_bytes=1 << 20)
    if not limit:
        assert not follow(program, small).executed
        return
    with pytest.raises(LimitTripped) as tripped:
        follow(program, small)
    assert tripped.value.limit == limit


RUNNERS = {
    "run_path": "import runpy\nrunpy.run_path('inner.py')",
    "run_path as main": "import runpy\nrunpy.run_path('inner.py', run_name='__main__')",
    "run_module": "import runpy\nrunpy.run_module('inner')",
    "a spec": "import importlib.util as u\ns = u.spec_from_file_location('m', 'inner.py')\nm = u.module_from_spec(s)\ns.loader.exec_module(m)",
    "a loader": "from importlib.machinery import SourceFileLoader\nm = SourceFileLoader('m', 'inner.py').load_module()",
    "compile": "exec(compile(open('inner.py').read(), 'inner.py', 'exec'))",
    "compile of bytes into a module": "import types\nm = types.ModuleType('m')\nexec(compile(open('inner.py', 'rb').read(), 'x', 'exec'), m.__dict__)",
    "subprocess": "import subprocess, sys\nsubprocess.run([sys.executable, 'inner.py'])",
    "torchrun": "import subprocess\nsubprocess.check_call(['torchrun', '--nproc_per_node=1', 'inner.py'])",
    "a shell line": "import os\nos.system('python3 inner.py --x 1')",
    "execv": "import os, sys\nos.execv(sys.executable, [sys.executable, 'inner.py'])",
    "execl": "import os, sys\nos.execl(sys.executable, sys.executable, 'inner.py')",
    "python -c": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', open('inner.py').read()])",
    "function type": "import types\ntypes.FunctionType(compile(open('inner.py').read(), 'x', 'exec'), {})()",
    "at exit": "import atexit\natexit.register(exec, open('inner.py').read())",
    "at exit, with names": "import atexit\natexit.register(exec, open('inner.py').read(), {})",
}  # fmt: skip


@pytest.mark.parametrize("name", RUNNERS)
def test_a_file_that_is_run_is_executed_source(name: str) -> None:
    found = follow(RUNNERS[name], inner__py=b"INNER = 1\n")
    assert [each.encode() if isinstance(each, str) else each for each in found.sources] == [b"INNER = 1\n"]
    assert not found.unfollowed


@pytest.mark.parametrize("name", RUNNERS)
def test_a_file_that_is_run_and_is_not_there_is_a_stated_gap(name: str) -> None:
    found = follow(RUNNERS[name])
    assert not found.executed
    assert len(found.unfollowed) == 1
    assert "inner" in found.unfollowed[0].text + found.unfollowed[0].reason


@pytest.mark.parametrize(
    ("program", "namespace"),
    [
        ("exec('a = 1')", "same"),
        ("exec('a = 1', globals())", "same"),
        ("exec('a = 1', {'__name__': '__main__'})", "main"),
        ("exec('a = 1', {})", "own"),
        ("exec('a = 1', globals(), {})", "own"),
        ("n = {}\nexec('a = 1', n)", "own"),
        ("import __main__\nexec('a = 1', __main__.__dict__)", "same"),
        ("import sys\nexec('a = 1', sys.modules['__main__'].__dict__)", "same"),
        ("exec('a = 1', undefined)", "own"),
        ("import runpy\nrunpy.run_path('i.py', {}, '__main__')", "main"),
        ("def f():\n    exec('a = 1', globals())\nf()", "same"),
    ],
)
def test_an_execution_says_in_which_namespace(program: str, namespace: str) -> None:
    found = follow(program, i__py=b"a = 1")
    assert [each.namespace for each in found.executed] == [namespace]


def test_names_that_an_inner_source_would_set_are_not_guessed() -> None:
    found = follow("exec('x = \"safe\"')\nexec(x)")
    assert found.sources == ['x = "safe"']
    assert "the name x has no value here" in found.reasons[0]


def test_replaced_builtins_are_followed_to_what_replaces_them() -> None:
    found = follow("import builtins\ndef mine(x): exec(x + '!')\nbuiltins.print = mine\nprint('a')")
    assert found.certain == ["a!"]
    found = follow("import zlib\nzlib.decompress = lambda x: 'b'\nexec(zlib.decompress(5))")
    assert found.certain == ["b"]
    found = follow("import builtins\nbuiltins.__dict__['print'] = exec\nprint('c')")
    assert found.certain == ["c"]


def test_a_module_that_the_wrapper_makes_is_imported_from_there() -> None:
    program = "import sys, types\nm = types.ModuleType('made')\nm.x = 'a'\nsys.modules['made'] = m\nimport made\nfrom made import x as y\nexec(made.x + y)"
    assert follow(program).certain == ["aa"]
    written = "open('made.py', 'w').write('x = 1')\nimport made\n"
    found = follow(written)
    assert [(each.how, each.name, each.source) for each in found.executed] == [("import", "made", "x = 1")]
    beside = follow(
        "from data import PAYLOAD\nfrom data import *\nexec(PAYLOAD)\nexec(OTHER)",
        data__py=b"PAYLOAD = 'p'\nOTHER = 'o'\n_hidden = 1\n",
    )
    assert beside.certain == ["p", "o"]
    broken = follow("from data import PAYLOAD\nexec(PAYLOAD)", data__py=b"def (")
    assert "the sibling data.py" in broken.reasons[0]


def test_a_relative_import_of_a_sibling_is_that_sibling() -> None:
    found = follow("from . import data\nexec(data.PAYLOAD)", data__py=b"PAYLOAD = 'p'")
    assert found.certain == ["p"]


def test_unknown_calls_may_change_what_they_are_given() -> None:
    found = follow("x = ['safe']\nundefined(x)\nexec(x[0])")
    assert not found.executed
    found = follow("x = [['safe']]\nundefined(x)\nexec(x[0][0])")
    assert not found.executed
    found = follow("x = 'safe'\nundefined(globals())\nexec(x)")
    assert not found.executed
    found = follow("x = 'safe'\nglobals().update(undefined)\nexec(x)")
    assert not found.executed
    found = follow("box = ['safe']\ndef f(u):\n    box[0] = 'evil'\nf(undefined)\nexec(box[0])")
    assert not found.executed
    found = follow("class A: x = 'safe'\ndef f(a, u):\n    a.x = 'evil'\nf(A, undefined)\nexec(A.x)")
    assert not found.executed
    found = follow(
        "class A:\n    x = 'safe'\n    def __init__(self, u): self.x = 'evil'\nexec(A(undefined).x)"
    )
    assert not found.executed
    found = follow("box = ['safe']\ndef g(): box.append('evil')\ndef f(u): g()\nf(undefined)\nexec(box[-1])")
    assert not found.executed


def test_code_in_calls_nested_too_deep_is_a_stated_gap() -> None:
    found = follow("def f(n):\n    if n == 0:\n        exec('deep')\n    else:\n        f(n - 1)\nf(60)")
    assert not found.executed
    assert "calls nested deeper than 40" in found.reasons[0]


def test_decoded_source_that_is_handed_to_unknown_code_is_a_stated_gap() -> None:
    text = "import os\n" + "def f(): pass\n" * 30
    program = f"import zlib, engine\nengine.start(zlib.decompress({zlib.compress(text.encode())!r}))"
    found = follow(program)
    assert found.reasons == ["decoded source text is handed to engine.start(), which was not followed"]
    found = follow(program.replace("engine.start(", "undefined("))
    assert found.reasons == ["decoded source text is handed to code that was not followed"]


def test_a_training_loop_over_a_known_range_costs_little() -> None:
    program = (
        "import engine\ntotal = 0\nfor i in range(10_000_000):\n    total += engine.step(i).item()\n"
        "    if engine.stop(): break\nexec('after')"
    )
    found = follow(program)
    assert found.sources == ["after"]
    assert found.interpreter.steps < DEFAULT_LIMITS.constant_steps // 10
    assert follow(program.replace("'after'", "str(total)")).sources == []


def test_environment_variables_of_a_started_program_are_kept() -> None:
    found = follow(
        "import subprocess, os\nsubprocess.run(['python', 'a.py'], env={'A': '1', **os.environ})", a__py=b"x"
    )
    assert found.interpreter.environment == {"A": "1"}
    found = follow("import subprocess, os\nsubprocess.run(['python', 'a.py'], env=undefined)", a__py=b"x")
    assert found.interpreter.environment_spoiled
    found = follow("import subprocess, os\nsubprocess.run(['python', 'a.py'], env=os.environ)", a__py=b"x")
    assert not found.interpreter.environment_spoiled
    found = follow("import os\nos.environ[undefined] = '1'")
    assert found.interpreter.environment_spoiled
    found = follow("import os\nos.environ.update(undefined)")
    assert found.interpreter.environment_spoiled


@pytest.mark.parametrize(
    "command",
    [
        "['ls', '-l']",
        "'ls -l'",
        "undefined",
        "[undefined]",
        "'unclosed \"'",
        "[]",
        "5",
        "['python', '--version']",
    ],
)
def test_a_command_that_starts_no_file_of_the_script_executes_nothing(command: str) -> None:
    found = follow(f"import subprocess\nsubprocess.run({command})", a__py=b"x")
    assert not found.executed
    assert not found.unfollowed


def test_a_script_that_starts_itself_again_is_not_another_program() -> None:
    found = follow("import subprocess, sys\nsubprocess.run([sys.executable, __file__])")
    assert not found.executed


@pytest.mark.parametrize(
    "path", ["", "train_gpt.py", "/abs/train_gpt.py", "a\\b\\train_gpt.py", "./x/../train_gpt.py"]
)
def test_a_script_may_have_any_path(path: str) -> None:
    found = follow("exec(open('a.txt').read())", path=path, a__txt=b"A")
    assert found.certain == ["A"]


def test_the_oracle_runs_the_whole_script_in_a_process_of_its_own(tmp_path: Path) -> None:
    # One wrapper that uses most of it, as a script on a disk: what it prints is what the unwrapped source prints.
    inner = "print('inner', 6 * 7)\n"
    payload = base64.b85encode(lzma.compress(inner.encode()))
    script = tmp_path / "train_gpt.py"
    script.write_text(
        "import base64, lzma, os\nfrom functools import reduce\n"
        f"PARTS = {[payload[i : i + 20] for i in range(0, len(payload), 20)]!r}\n"
        "def unpack(parts, *, join=b''.join):\n    try:\n        return lzma.decompress(base64.b85decode(join(parts)))\n"
        "    finally:\n        os.environ['SEEN'] = '1'\n"
        "exec(compile(unpack(PARTS).decode(), 'inner', 'exec'))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "inner 42\n"
    found = unwrap(Script(str(script), script.read_bytes(), MappedSiblings({})))
    assert found.source.decode().endswith("\n" + inner)  # behind the outer code: it sets a variable
    assert found.layers[0].codecs == ("b85", "lzma")
    assert found.environment == {"SEEN": "1"}
    assert os.environ.get("SEEN") is None
