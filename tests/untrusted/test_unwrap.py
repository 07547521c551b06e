"""Every packing form is undone as data, outer code is kept in its place, and what cannot be followed has a reason.

The oracle for the forms is CPython: each wrapper is our own program, run here, and must leave what the inner source says.
"""

# ruff: noqa: E501 - one packed form a line reads better than wrapped ones

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import subprocess
import sys
import textwrap
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import brotli
import pytest
import zstandard

from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.script import FolderSiblings, MappedSiblings, Script
from pgolf.untrusted.unwrap import Unwrapped, may_wrap, unwrap

INNER = "import math\n\n\ndef build_tables(n):\n    return [math.floor(i) for i in range(n)]\n\n\nprint('inner ran', build_tables(3))\n"
DATA = INNER.encode()
B85 = base64.b85encode(lzma.compress(DATA)).decode()
RAW_FILTERS = [{"id": lzma.FILTER_LZMA2}]
RAW85 = base64.b85encode(lzma.compress(DATA, format=lzma.FORMAT_RAW, filters=RAW_FILTERS)).decode()
Z64 = base64.b64encode(zlib.compress(DATA)).decode()
XOR = bytes(byte ^ 0x5A for byte in DATA)
HALF = len(B85) // 2


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("inner.py", DATA)
    return buffer.getvalue()


FORMS: dict[str, str] = {
    "raw LZMA2 with aliases": f"import lzma as L,base64 as B\nexec(L.decompress(B.b85decode('{RAW85}'),format=L.FORMAT_RAW,filters=[{{'id':L.FILTER_LZMA2}}]))\n",
    "raw with preset": f"import lzma as L,base64 as B\nexec(L.decompress(B.b85decode('{RAW85}'),format=L.FORMAT_RAW,filters=[{{'id':L.FILTER_LZMA2,'preset':9|L.PRESET_EXTREME}}]).decode('utf-8'))\n",
    "one line": f"import lzma,base64;exec(lzma.decompress(base64.b85decode('{B85}')))",
    "from imports": f"from base64 import b85decode as d\nfrom lzma import decompress as u\nexec(u(d('{B85}')).decode())\n",
    "compile and exec": f"import lzma,base64 as b\np=b'{B85}'\nexec(compile(lzma.decompress(b.b85decode(p)),'train.py','exec'))\n",
    "eval of compile": f"import lzma,base64 as b\neval(compile(lzma.decompress(b.b85decode('{B85}')),'x','exec'))\n",
    "implicit concatenation": f"import lzma,base64\nexec(lzma.decompress(base64.b85decode(('{B85[:HALF]}'\n '{B85[HALF:]}'))))\n",
    "join": f"import lzma,base64\nP=''.join(['{B85[:HALF]}','{B85[HALF:]}'])\nexec(lzma.decompress(base64.b85decode(P)))\n",
    "plus": f"import lzma,base64\nP='{B85[:HALF]}'\nP+='{B85[HALF:]}'\nexec(lzma.decompress(base64.b85decode(P)))\n",
    "percent": f"import lzma,base64\nP='%s%s'%('{B85[:HALF]}','{B85[HALF:]}')\nexec(lzma.decompress(base64.b85decode(P)))\n",
    "format": f"import lzma,base64\nP='{{}}{{x}}'.format({B85[:HALF]!r},x={B85[HALF:]!r})\nexec(lzma.decompress(base64.b85decode(P)))\n",
    "f-string": f"import lzma,base64\nA={B85[:HALF]!r};B={B85[HALF:]!r}\nexec(lzma.decompress(base64.b85decode(f'{{A}}{{B}}')))\n",
    "reversed": f"import lzma,base64\nexec(lzma.decompress(base64.b85decode({B85[::-1]!r}[::-1])))\n",
    "strip and replace": f"import lzma,base64\nexec(lzma.decompress(base64.b85decode({(' ' + B85.replace('a', ' a'))!r}.replace(' ',''))))\n",
    "newlines in bytes": f"import zlib,base64\n_b=b'''\n{Z64[:40]}\n{Z64[40:]}\n'''\nexec(zlib.decompress(base64.b64decode(_b.replace(b'\\n',b''))).decode('utf-8'))\n",
    "translate": f"import zlib,base64\nexec(zlib.decompress(base64.b64decode({Z64.translate(str.maketrans('Aa', 'aA'))!r}.translate(str.maketrans('aA','Aa')))))\n",
    "__import__": f"exec(__import__('lzma').decompress(__import__('base64').b85decode('{B85}')))\n",
    "importlib": f"import importlib\nexec(importlib.import_module('lzma').decompress(importlib.import_module('base64').b85decode('{B85}')))\n",
    "getattr": f"import lzma,base64\nexec(getattr(lzma,'decom'+'press')(getattr(base64,'b85decode')('{B85}')))\n",
    "alias of exec": f"import lzma,base64\ne=exec\ne(lzma.decompress(base64.b85decode('{B85}')))\n",
    "exec from builtins": f"import lzma,base64,builtins\ngetattr(builtins,'ex'+'ec')(lzma.decompress(base64.b85decode('{B85}')))\n",
    "exec from a dict": f"import lzma,base64\n{{'r':exec}}['r'](lzma.decompress(base64.b85decode('{B85}')))\n",
    "exec through __builtins__": f"import lzma,base64\nvars(__builtins__)['exec'](lzma.decompress(base64.b85decode('{B85}')))\n",
    "walrus": f"import lzma,base64\nexec(s) if (s:=lzma.decompress(base64.b85decode('{B85}'))) else None\n",
    "lambda": f"import lzma,base64\nu=lambda x: lzma.decompress(base64.b85decode(x))\nexec(u('{B85}'))\n",
    "function": f"import lzma,base64\ndef load(x, *, decode=base64.b85decode):\n    return lzma.decompress(decode(x))\nexec(load('{B85}'))\n",
    "called function that executes": f"import lzma,base64\ndef run(x):\n    exec(lzma.decompress(base64.b85decode(x)), globals())\nrun('{B85}')\n",
    "map": f"import lzma,base64\nlist(map(exec,[lzma.decompress(base64.b85decode('{B85}'))]))\n",
    "partial": f"import lzma,base64,functools\nfunctools.partial(exec, lzma.decompress(base64.b85decode('{B85}')))()\n",
    "reduce": f"import lzma,base64,functools\nexec(functools.reduce(lambda x,f: f(x), [base64.b85decode, lzma.decompress], '{B85}'))\n",
    "decorator": f"import lzma,base64\n@exec\n@lambda f: lzma.decompress(base64.b85decode('{B85}'))\ndef nothing(): pass\n",
    "xor comprehension": f"exec(bytes(b ^ 0x5A for b in {XOR!r}))\n",
    "xor with a key": f"k=b'Z'\nd={XOR!r}\nexec(bytes(d[i]^k[i%len(k)] for i in range(len(d))).decode())\n",
    "xor with cycle": f"import itertools\nexec(bytes(a^b for a,b in zip({XOR!r}, itertools.cycle(b'Z'))))\n",
    "xor in a loop": f"out=bytearray()\nfor b in {XOR!r}:\n    out.append(b^0x5A)\nexec(bytes(out))\n",
    "list of integers": f"exec(bytes({list(DATA)!r}))\n",
    "chr join": f"exec(''.join(chr(c) for c in {list(DATA)!r}))\n",
    "one integer": f"N={int.from_bytes(DATA, 'big'):#x}\nexec(N.to_bytes((N.bit_length()+7)//8,'big'))\n",
    "fromhex": f"exec(bytes.fromhex('{DATA.hex()}'))\n",
    "unhexlify": f"import binascii\nexec(binascii.unhexlify('{DATA.hex()}'))\n",
    "b32": f"import base64\nexec(base64.b32decode('{base64.b32encode(DATA).decode()}'))\n",
    "a85": f"import base64\nexec(base64.a85decode({base64.a85encode(DATA)!r}))\n",
    "codecs": f"import codecs,base64\nexec(codecs.decode(codecs.decode({base64.encodebytes(zlib.compress(DATA))!r},'base64'),'zlib'))\n",
    "rot13": f"import codecs\nexec(codecs.decode({INNER.translate(str.maketrans('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', 'nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM'))!r},'rot13'))\n",
    "gzip": f"import gzip\nexec(gzip.decompress({gzip.compress(DATA)!r}))\n",
    "bz2": f"import bz2\nexec(bz2.decompress({bz2.compress(DATA)!r}))\n",
    "brotli": f"import brotli\nexec(brotli.decompress({brotli.compress(DATA)!r}))\n",
    "zstandard": f"import zstandard\nexec(zstandard.ZstdDecompressor().decompress({zstandard.compress(DATA)!r}))\n",
    "raw deflate": f"import zlib\nexec(zlib.decompressobj(-15).decompress({zlib.compress(DATA)[2:-4]!r}))\n",
    "LZMADecompressor": f"import lzma\nexec(lzma.LZMADecompressor().decompress({lzma.compress(DATA)!r}))\n",
    "LZMAFile over BytesIO": f"import lzma,io\nexec(lzma.LZMAFile(io.BytesIO({lzma.compress(DATA)!r})).read())\n",
    "zip in memory": f"import zipfile,io\nexec(zipfile.ZipFile(io.BytesIO({archive()!r})).read('inner.py'))\n",
    "two layers": f"import zlib\nexec(zlib.decompress({zlib.compress(f'import lzma,base64;exec(lzma.decompress(base64.b85decode({B85!r})))'.encode())!r}))\n",
    "linecache": f"import lzma as L,base64 as B,linecache as C\nS=L.decompress(B.b85decode('{B85}')).decode()\nF=__file__+'.x.py'\nC.cache[F]=(len(S),None,S.splitlines(True),F)\nexec(compile(S,F,'exec'))\n",
    "fresh main": f"import lzma,base64\nexec(lzma.decompress(base64.b85decode('{B85}')),{{'__name__':'__main__'}})\n",
    "runpy of a temporary file": f"import lzma,base64,tempfile,os,runpy\n_c=lzma.decompress(base64.b85decode('{B85}'))\n_d=tempfile.mkdtemp()\n_f=os.path.join(_d,'t.py')\nopen(_f,'wb').write(_c)\nrunpy.run_path(_f,run_name='__main__')\n",
    "with open and runpy": f"import lzma,base64,tempfile,os,runpy\np=os.path.join(tempfile.mkdtemp(),'x.py')\nwith open(p,'w') as f: f.write(lzma.decompress(base64.b85decode('{B85}')).decode())\nrunpy.run_path(p,run_name='__main__')\n",
    "named temporary file": f"import lzma,base64,tempfile,runpy\nf=tempfile.NamedTemporaryFile('wb',suffix='.py',delete=False)\nf.write(lzma.decompress(base64.b85decode('{B85}')))\nf.close()\nrunpy.run_path(f.name,run_name='__main__')\n",
    "pathlib write": f"import lzma,base64,tempfile,pathlib\np=pathlib.Path(tempfile.mkdtemp())/'m.py'\np.write_bytes(lzma.decompress(base64.b85decode('{B85}')))\nexec(compile(p.read_text(),str(p),'exec'))\n",
    "subprocess": f"import lzma,base64,tempfile,subprocess,sys,os\np=os.path.join(tempfile.mkdtemp(),'m.py')\nopen(p,'wb').write(lzma.decompress(base64.b85decode('{B85}')))\nsubprocess.run([sys.executable,p],check=True)\n",
    "python -c": f"import lzma,base64,subprocess,sys\nsubprocess.run([sys.executable,'-c',lzma.decompress(base64.b85decode('{B85}')).decode()],check=True)\n",
    "execv": f"import lzma,base64,tempfile,sys,os\np=os.path.join(tempfile.mkdtemp(),'m.py')\nwith open(p,'wb') as f: f.write(lzma.decompress(base64.b85decode('{B85}')))\nos.execv(sys.executable,[sys.executable,p])\n",
    "main guard": f"import lzma,base64\nif __name__ == '__main__':\n    exec(lzma.decompress(base64.b85decode('{B85}')))\n",
    "json bundle": f"import json,zlib\nbundle=json.loads(zlib.decompress({zlib.compress(('{' + repr('a.py').replace(chr(39), chr(34)) + ': ' + __import__('json').dumps(INNER) + '}').encode())!r}))\nfor name, code in bundle.items():\n    pass\nexec(compile(bundle['a.py'],'a.py','exec'))\n",
    "split bundle": f"import zlib\nparts=zlib.decompress({zlib.compress((INNER + '#==#other').encode())!r}).decode().split('#==#')\nfor N,C in zip(['run.py','other'],parts):\n    if N=='run.py': exec(C)\n",
    "while loop": f"import zlib\nN=2\ns={zlib.compress(zlib.compress(DATA))!r}\nwhile N:\n    s=zlib.decompress(s)\n    N-=1\nexec(s)\n",
    "own tail": f"import zlib,base64\nexec(zlib.decompress(base64.b64decode(open(__file__).read().split('#P'+'AYLOAD:')[1])))\n#PAYLOAD:{Z64}",
    "FunctionType": f"import types,lzma,base64\ntypes.FunctionType(compile(lzma.decompress(base64.b85decode('{B85}')),'x','exec'),globals())()\n",
}


def unwrapped(text: str | bytes, **siblings: bytes) -> Unwrapped:
    data = text.encode() if isinstance(text, str) else text
    return unwrap(Script("records/demo/train_gpt.py", data, MappedSiblings(siblings)))


@pytest.mark.parametrize("form", FORMS)
def test_a_packed_form_gives_back_its_inner_source(form: str) -> None:
    found = unwrapped(FORMS[form])
    assert found.obstacle is None
    assert found.source.decode().strip() == INNER.strip()
    assert found.layers
    assert found.layers[-1].output_bytes == len(DATA)


@pytest.mark.parametrize("form", FORMS)
def test_cpython_agrees_that_the_form_runs_the_inner_source(form: str, tmp_path: Path) -> None:
    # Our own wrappers: a form that CPython would not run proves nothing about unwrapping it.
    script = tmp_path / "train_gpt.py"
    script.write_text(FORMS[form])
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "inner ran [0, 1, 2]" in done.stdout


def test_layers_say_what_was_done() -> None:
    found = unwrapped(FORMS["two layers"])
    assert [layer.codecs for layer in found.layers] == [("zlib",), ("b85", "lzma")]
    assert [layer.depth for layer in found.layers] == [1, 2]
    assert found.layers[1].input_bytes == len(B85)
    assert found.packed_layers == 2
    assert found.layers[0].line == 2


@pytest.mark.parametrize(
    "text",
    [
        "model.eval()\nx = torch.compile(model)\nimport re\nre.compile('x')\n",
        "import subprocess\nsubprocess.run(['nvidia-smi'])\n",
        "# exec(payload)\n'''exec(compile(x))'''\nprint('final eval (sliding window)')\n",
        'print(f"TTT eval (chunk {x}): {y}")\n',
        "def eval_val(): pass\nexecutor = 1\nargs.compile = True\n",
        "def f(x): return x if 'model' in locals() else None\n",
    ],
)
def test_an_ordinary_script_is_not_even_parsed(text: str) -> None:
    assert not may_wrap(text.encode())
    found = unwrapped(text)
    assert found.source == text.encode()
    assert (found.layers, found.obstacles) == ((), ())


@pytest.mark.parametrize(
    "text",
    [
        "exec(x)",
        "e = exec\n",
        "[exec][0](x)",
        "ｅｘｅｃ(x)",
        'f"{exec(x)}"',
        "eval (x)",
        "a=1;exec(x)",
        "import runpy",
        "getattr(__builtins__, 'x')",
        "globals()['__bu' 'iltins__']",
        "x = '''a''' ; exec(y)",
        "exec\\\n(x)",
    ],
)
def test_code_that_can_execute_text_is_never_passed_over(text: str) -> None:
    assert may_wrap(text.encode())


DEAD = "import zlib,base64\n%s\nKEEP = 1\n"


@pytest.mark.parametrize(
    "dead",
    [
        f"if False:\n    exec(zlib.decompress(base64.b64decode('{Z64}')))",
        f"if 0:\n    exec(zlib.decompress(base64.b64decode('{Z64}')))",
        f"def never():\n    exec(zlib.decompress(base64.b64decode('{Z64}')))",
        f"# exec(zlib.decompress(base64.b64decode('{Z64}')))",
        f"'''\nexec(zlib.decompress(base64.b64decode({Z64!r})))\n'''",
        f"DOC = \"exec(zlib.decompress(base64.b64decode('{Z64}')))\"",
        f"import sys\nif len(sys.argv) > 5:\n    exec(zlib.decompress(base64.b64decode('{Z64}')))",
        f"exec = print\nexec(zlib.decompress(base64.b64decode('{Z64}')))",
        f"def exec(x): return None\nexec(zlib.decompress(base64.b64decode('{Z64}')))",
    ],
)
def test_a_decoy_that_never_runs_is_no_layer(dead: str) -> None:
    text = DEAD % dead
    found = unwrapped(text)
    assert found.layers == ()
    assert found.source == text.encode()


def test_a_sibling_that_is_executed_is_the_source() -> None:
    found = unwrapped(
        "exec(open(__file__.replace('train_gpt.py','decode.py')).read())\n", **{"decode.py": DATA}
    )
    assert found.source == DATA
    assert found.path == "decode.py"
    assert found.layers[0].sibling == "decode.py"
    assert found.obstacle is None


def test_a_packed_sibling_is_read_by_path_arithmetic() -> None:
    texts = [
        "import lzma,pathlib\nexec(lzma.decompress(pathlib.Path(__file__).with_suffix('.py.lzma').read_bytes()))\n",
        "import lzma,os\nexec(lzma.open(os.path.join(os.path.dirname(os.path.abspath(__file__)),'train_gpt.py.lzma')).read())\n",
        "import lzma\nfrom pathlib import Path\nexec(lzma.decompress((Path(__file__).resolve().parent/'train_gpt.py.lzma').open('rb').read()))\n",
    ]
    for text in texts:
        found = unwrapped(text, **{"train_gpt.py.lzma": lzma.compress(DATA)})
        assert found.source == DATA, text
        assert found.layers[0].sibling == "train_gpt.py.lzma"


def test_a_payload_may_be_imported_from_a_sibling_module() -> None:
    found = unwrapped(
        "import zlib, payload\nexec(zlib.decompress(payload.P))\n",
        **{"payload.py": f"P = {zlib.compress(DATA)!r}\n".encode()},
    )
    assert found.source == DATA


def test_a_launcher_of_a_sibling_is_followed() -> None:
    for text in (
        "import runpy, os\nHERE=os.path.dirname(os.path.abspath(__file__))\nif __name__=='__main__':\n    runpy.run_path(os.path.join(HERE,'real.py'),run_name='__main__')\n",
        "import subprocess,sys\nsubprocess.run(['torchrun','--nproc_per_node=8','real.py'],check=True)\n",
        "import os\nos.system('python3 real.py')\n",
        "import runpy\nrunpy.run_module('real',run_name='__main__')\n",
    ):
        found = unwrapped(text, **{"real.py": DATA})
        assert found.source == DATA, text
        assert found.path == "real.py"


@pytest.mark.parametrize("name", ["../other/train.py", "/etc/passwd", "real.py/../../../secret.py"])
def test_nothing_outside_the_folder_is_read(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "a" / "other").mkdir()
    (tmp_path / "a" / "other" / "train.py").write_bytes(DATA)
    script = Script("train_gpt.py", f"exec(open({name!r}).read())\n".encode(), FolderSiblings(folder))
    found = unwrap(script)
    assert found.obstacle is not None
    assert found.obstacle.rule == "missing-file"
    assert found.layers == ()


def test_outer_code_stays_around_the_inner_code_in_execution_order() -> None:
    text = f"import os\nos.environ.setdefault('VOCAB_SIZE','8192')\nimport zlib\nexec(zlib.decompress({zlib.compress(DATA)!r}))\nbuild_tables = lambda n: []\n"
    found = unwrapped(text)
    lines = found.source.decode().split("\n")
    assert found.environment == {"VOCAB_SIZE": "8192"}
    order = [
        next(i for i, line in enumerate(lines) if key in line)
        for key in ("setdefault", "def build_tables", "lambda n")
    ]
    assert order == sorted(order)
    assert found.origin(order[1] + 1) == (found.parts[1].path, 4)
    assert found.origin(order[2] + 1) == ("records/demo/train_gpt.py", 5)
    compile(found.source, "spliced", "exec")


def test_code_inside_a_main_guard_is_laid_out_too() -> None:
    text = f"import zlib\nif __name__ == '__main__':\n    BEFORE = 1\n    exec(zlib.decompress({zlib.compress(DATA)!r}))\n    build_tables = None\n"
    lines = unwrapped(text).source.decode().split("\n")
    assert (
        lines.index("BEFORE = 1") < lines.index("def build_tables(n):") < lines.index("build_tables = None")
    )


def test_a_small_helper_that_is_executed_is_an_inner_part() -> None:
    text = "def build_tables(n):\n    return n\n\nexec('def build_tables(n):\\n    return n + 1\\n')\nprint(build_tables(1))\n"
    found = unwrapped(text)
    assert found.packed_layers == 0
    assert [part.role for part in found.parts] == ["script", "inner"]
    names: dict[str, object] = {}
    exec(compile(found.source, "spliced", "exec"), names)  # our own text: the last definition wins
    assert names["build_tables"](1) == 2  # type: ignore[operator]


def test_a_bundle_of_modules_keeps_its_namespaces() -> None:
    text = textwrap.dedent(
        """
        import sys, types
        def install(name, source):
            module = types.ModuleType(name)
            sys.modules[name] = module
            exec(compile(source, name, 'exec'), module.__dict__)
        install('pkg.tables', 'def build(n):\\n    return n\\n')
        install('pkg.loop', 'from pkg.tables import build\\n')
        from pkg.tables import build
        """
    )
    found = unwrapped(text)
    assert found.obstacle is None
    assert [(part.name, part.role) for part in found.modules] == [
        ("pkg.tables", "module"),
        ("pkg.loop", "module"),
    ]
    assert found.source == text.encode()


def test_an_inner_namespace_in_a_variable_becomes_one_text() -> None:
    text = f"import types, zlib\nm = types.ModuleType('m')\nexec(zlib.decompress({zlib.compress(DATA)!r}), m.__dict__)\nprint(m.build_tables(4))\nm.build_tables = None\n"
    found = unwrapped(text)
    assert found.obstacle is None
    assert "print(build_tables(4))" in found.source.decode()
    assert "\nbuild_tables = None" in found.source.decode()


UNDOABLE: dict[str, tuple[str, str]] = {
    "network": ("import urllib.request\nexec(urllib.request.urlopen('http://x').read())\n", "not-constant"),
    "environment without default": ("import os\nexec(os.environ['CODE'])\n", "not-constant"),
    "marshal": ("import marshal\nexec(marshal.loads(b'abc'))\n", "bytecode"),
    "pickle": ("import pickle\nexec(pickle.loads(b'abc'))\n", "bytecode"),
    "missing file": ("exec(open('gone.py').read())\n", "missing-file"),
    "damaged payload": ("import zlib\nexec(zlib.decompress(b'x\\x9cgarbage'))\n", "not-constant"),
    "unknown branch": (
        f"import zlib,random\nif random.random() < 0.5:\n    P={zlib.compress(DATA)!r}\nelse:\n    P={zlib.compress(b'evil()')!r}\nexec(zlib.decompress(P))\n",
        "not-constant",
    ),
    "exec on an unknown branch": (
        f"import zlib,random\nif random.random() < 0.5:\n    exec(zlib.decompress({zlib.compress(DATA)!r}))\n",
        "conditional",
    ),
    "handler that replaces": (
        f"import zlib\nP={zlib.compress(DATA)!r}\ntry:\n    int('x')\nexcept ValueError:\n    P={zlib.compress(b'evil()')!r}\nexec(zlib.decompress(P))\n",
        "not-constant",
    ),
    "changed by unknown code": (
        f"import zlib,evil\nL=[{zlib.compress(DATA)!r}]\nevil.change(L)\nexec(zlib.decompress(L[0]))\n",
        "not-constant",
    ),
    "globals handed out": (
        f"import zlib,evil\nP={zlib.compress(DATA)!r}\nevil.change(globals())\nexec(zlib.decompress(P))\n",
        "not-constant",
    ),
    "replaced decoder": (
        f"import zlib\nimport evil\nzlib.decompress = evil.other\nexec(zlib.decompress({zlib.compress(DATA)!r}))\n",
        "not-constant",
    ),
    "inner is not Python": ("exec('def (:')\n", "ok"),
    "template": (
        "def make(depth):\n    exec(f'def run_{depth}(): pass')\nimport torch\nmake(torch.depth)\n",
        "not-constant",
    ),
    "namespace handed on": (
        "import helper\nns = {}\nexec('def build_tables(n): return n', ns)\nhelper.patch(ns)\nprint(ns['build_tables'](1))\n",
        "namespaces",
    ),
    "code after in the function": (
        "def run(source):\n    exec(source, globals())\n    globals()['build_tables'] = None\nrun('def build_tables(n): return n')\n",
        "order",
    ),
}


@pytest.mark.parametrize("name", UNDOABLE)
def test_what_cannot_be_undone_has_a_precise_reason(name: str) -> None:
    text, rule = UNDOABLE[name]
    obstacle = unwrapped(text).obstacle
    if rule == "ok":
        assert obstacle is None
        return
    assert obstacle is not None
    assert obstacle.rule == rule
    assert obstacle.line > 0
    assert len(obstacle.reason) > 20


def test_a_script_that_executes_itself_does_not_loop() -> None:
    assert unwrapped("exec(open(__file__).read())\n").obstacle is None
    assert unwrapped("s='exec(s)'\nexec(s)\n").obstacle is None


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("layer_output_bytes", 50, FORMS["one line"]),
        ("layer_depth", 1, FORMS["two layers"]),
        ("unpacked_bytes", 50, FORMS["one line"]),
        ("constant_steps", 50, FORMS["xor in a loop"]),
        ("constant_bytes", 10_000, "exec('a' * 10**9)\n"),
        ("source_bytes", 30, FORMS["one line"]),
    ],
)
def test_a_tripped_cap_is_named(field: str, value: int, text: str) -> None:
    limits = replace(DEFAULT_LIMITS, **{field: value})
    found = unwrap(Script("t.py", text.encode()), limits)
    assert found.obstacle is not None
    assert (found.obstacle.rule, found.obstacle.limit) == ("limit", field)
    assert f"{field}=" in found.obstacle.reason
