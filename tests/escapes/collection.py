"""Hostile submissions, built from readable parts; nothing packed is ever stored.

Each entry has the date it was added, what it proves, and a function that builds it for a canary path: the file that its
code would write if any of it ever ran. `expect` is what the reading must say: a slug of an obstacle's rule or limit, a
piece of the parser's problem, or "" when the input is readable after all.
"""

from __future__ import annotations

import base64
import bz2
import functools
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

BOMB_BYTES = 600 * 1024 * 1024
RAW = [{"id": lzma.FILTER_LZMA2, "preset": 1}]


@dataclass(frozen=True)
class Escape:
    name: str
    added: str
    proves: str
    build: Callable[[str], bytes]
    expect: str = ""
    siblings: Callable[[str], dict[str, bytes]] = field(default=lambda canary: {})


ESCAPES: list[Escape] = []


def escape(
    name: str,
    proves: str,
    expect: str = "",
    added: str = "2026-11-22",
    siblings: Callable[[str], dict[str, bytes]] | None = None,
) -> Callable[[Callable[[str], bytes | str]], Callable[[str], bytes | str]]:
    def add(function: Callable[[str], bytes | str]) -> Callable[[str], bytes | str]:
        def build(canary: str) -> bytes:
            made = function(canary)
            return made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")

        ESCAPES.append(Escape(name, added, proves, build, expect, siblings or (lambda canary: {})))
        return function

    return add


def simple(name: str, proves: str, text: str | bytes, expect: str = "") -> None:
    """An escape whose text needs the canary only as `CANARY`."""

    def function(canary: str) -> bytes | str:
        if isinstance(text, bytes):
            return text.replace(b"CANARY", canary.encode())
        return text.replace("CANARY", canary)

    escape(name, proves, expect)(function)


TOUCH = "open('CANARY','w').write('escaped')"

# ------------------------------------------------------------------------------------------------- code that must not run
simple("module level write", "nothing at module level runs", f"{TOUCH}\nx = 1\n")
simple("write inside exec", "what exec is given does not run", f"exec({TOUCH!r})\n")
simple("write inside eval", "what eval is given does not run", f"eval({TOUCH!r})\n")
simple("write inside compile", "compile is text to us", f"exec(compile({TOUCH!r}, 'x', 'exec'))\n")
simple(
    "write in a decorator",
    "decorators are not called",
    f"def d(f): {TOUCH}; return f\n@d\ndef build(): pass\nexec('x=1')\n",
)
simple("write in a default", "defaults are not evaluated by Python", f"def f(x={TOUCH}): pass\nexec('y=1')\n")
simple("write in a class body", "class bodies do not run", f"class A:\n    {TOUCH}\nexec('y=1')\n")
simple(
    "write in a metaclass",
    "metaclasses do not run",
    f"class M(type):\n    def __prepare__(n, b): {TOUCH}; return {{}}\nclass A(metaclass=M): pass\nexec('')\n",
)
simple(
    "write through os.system", "no process is started", "import os\nos.system('touch CANARY')\nexec('x=1')\n"
)
simple(
    "write through subprocess",
    "no process is started",
    "import subprocess,sys\nsubprocess.run([sys.executable,'-c','open(\"CANARY\",\"w\")'])\n",
)
simple(
    "write through dunders",
    "no host object is reachable",
    "exec('x=1')\n[c for c in ().__class__.__base__.__subclasses__() if c.__name__=='Popen'][0](['touch','CANARY'])\n",
)
simple(
    "globals of a function",
    "no host globals are reachable",
    f"def f(): pass\nf.__globals__['__builtins__'].exec({TOUCH!r})\n",
)
simple(
    "code replaced",
    "a function's code cannot be replaced",
    "def f(): pass\ndef g(): open('CANARY','w')\nf.__code__=g.__code__\nexec('f()')\nf()\n",
)
simple(
    "import hook",
    "import hooks are not installed",
    f"import sys\nclass H:\n    def find_spec(self,*a): {TOUCH}\nsys.meta_path.insert(0,H())\nimport nothing\nexec('')\n",
)
simple("atexit", "nothing is registered", f"import atexit\natexit.register(exec, {TOUCH!r})\n")
simple(
    "a del method", "no finaliser runs", f"class A:\n    def __del__(self): {TOUCH}\na=A(); del a\nexec('')\n"
)
simple(
    "format string",
    "format strings reach no attributes",
    "exec('x=1')\ny='{0.__class__.__mro__}'.format(1)\nexec(y)\n",
    "not-constant",
)
simple(
    "pickle",
    "pickle is never loaded",
    "import pickle,base64\nexec(pickle.loads(b'cos\\nsystem\\n(S\\'touch CANARY\\'\\ntR.'))\n",
    "bytecode",
)
simple(
    "marshal",
    "bytecode is never loaded",
    "import marshal\nexec(marshal.loads(b'\\xe3' + b'\\0'*100))\n",
    "bytecode",
)
simple(
    "encoding cookie", "no codec of the submission is looked up", f"# coding: os.path\n{TOUCH}\n", "encoding"
)
simple(
    "codecs lookup",
    "no codec by arbitrary name",
    "import codecs\nexec(codecs.decode('x','CANARY/../evil'))\n",
    "not-constant",
)

# ------------------------------------------------------------------------------------------------------- loops and numbers
simple("endless loop", "loops are bounded", "while True:\n    pass\nexec('x=1')\n")
simple("endless loop with state", "loops are bounded", "n=0\nwhile n>=0:\n    n+=1\nexec('x=1')\n")
simple("endless recursion", "calls are bounded", "def f(n): return f(n+1)\nexec(f(0))\n", "not-constant")
simple(
    "mutual recursion",
    "calls are bounded",
    "a=lambda n: b(n)+b(n)\nb=lambda n: a(n)+a(n)\nexec(a(0))\n",
    "limit",
)
simple("exec inside exec", "wrappers inside wrappers are bounded", "s='exec(s)'\nexec(s)\n")
simple("growing exec", "wrappers inside wrappers are bounded", "s='s=s+\" \";exec(s)'\nexec(s)\n", "limit")
simple("eval inside eval", "eval is bounded", "s='eval(s)'\neval(s)\n", "limit")
simple("a large range", "ranges are bounded", "exec(''.join(chr(97) for i in range(10**12)))\n", "limit")
simple(
    "nested loops",
    "work is bounded",
    "for a in range(9999):\n  for b in range(9999):\n    for c in range(9999):\n      x=a\nexec('x=1')\n",
    "limit",
)
simple("huge power", "integers are bounded", "exec(str(9**9**9))\n", "not-constant")
simple("huge shift", "integers are bounded", "exec(str(1<<10**12))\n", "not-constant")
simple(
    "repeated squaring",
    "integers are bounded",
    "n=3\nfor i in range(60):\n    n=n*n\nexec(str(n))\n",
    "not-constant",
)
simple(
    "factorial",
    "integers are bounded",
    "n=1\nfor i in range(1,100000):\n    n*=i\nexec(str(n))\n",
    "not-constant",
)
simple(
    "string doubling",
    "strings are bounded",
    "s='a'\nfor i in range(60):\n    s+=s\nexec(s)\n",
    "constant_bytes",
)
simple("string times a lot", "strings are bounded", "exec('a'*10**15)\n", "constant_bytes")
simple(
    "list doubling",
    "lists are bounded",
    "s=[1]\nfor i in range(60):\n    s=s+s\nexec(str(s))\n",
    "constant_bytes",
)
simple(
    "list extended by itself",
    "lists are bounded",
    "s=[1]\nfor i in range(60):\n    s.extend(s)\nexec(str(s))\n",
    "constant_bytes",
)
simple("list in itself", "cycles end", "s=[]\ns.append(s)\nexec(str(s))\n", "not-constant")
simple(
    "many large strings",
    "all values together are bounded",
    "L=['a'*10**6+str(i) for i in range(10**5)]\nexec(L[0])\n",
    "constant_bytes",
)
simple(
    "replace that explodes",
    "growth is foreseen",
    "exec(('a'*10**6).replace('a','b'*10**6))\n",
    "constant_bytes",
)
simple("join that explodes", "growth is foreseen", "exec(('a'*10**6).join(['b']*10**6))\n", "constant_bytes")
simple("wide format", "widths are bounded", "exec('%0999999999d' % 1)\n", "not-constant")
simple("wide f-string", "widths are bounded", "w=10**12\nexec(f'{1:{w}}')\n", "not-constant")
simple("wide ljust", "widths are bounded", "exec('a'.ljust(10**13))\n", "constant_bytes")
simple("large bytes", "allocations are bounded", "exec(bytes(10**13))\n", "constant_bytes")
simple("large to_bytes", "allocations are bounded", "exec((1).to_bytes(10**13,'big'))\n", "constant_bytes")
simple(
    "translate that explodes",
    "growth is foreseen",
    "exec(('a'*10**6).translate({97:'b'*10**6}))\n",
    "constant_bytes",
)
simple(
    "regular expression",
    "no pattern of the submission is matched",
    "import re\nexec(re.sub('(a+)+$','x','a'*50+'b'))\n",
    "not-constant",
)


# ------------------------------------------------------------------------------------------------------------------- bombs
@functools.cache
def bomb(codec: str) -> bytes:
    """600 MB of zeros, packed piece by piece."""
    piece = bytes(1024 * 1024)
    if codec in ("zlib", "gzip"):
        # A full flush forgets what came before, so one piece of 10 MB repeated 60 times is a valid stream of 600 MB.
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        part = packer.compress(bytes(10 * 1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)
        head = b"\x78\x01" if codec == "zlib" else b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
        return head + part * 60
    if codec == "bz2":
        # 600 MB as 60 streams of 10 MB: the same bytes, a tenth of the time to build.
        return bz2.compress(bytes(10 * 1024 * 1024)) * 60
    if codec in ("xz", "raw"):
        format_ = lzma.FORMAT_XZ if codec == "xz" else lzma.FORMAT_RAW
        packer_ = lzma.LZMACompressor(format_, filters=RAW)
        # One run of 24 MB and then a bound is met already; the rest of the 600 MB is never looked at.
        return b"".join([packer_.compress(piece) for _ in range(64)]) + packer_.flush()
    if codec == "brotli":
        import brotli

        return bytes(brotli.compress(bytes(64 * 1024 * 1024), quality=1))
    if codec == "zstandard":
        import zstandard

        maker = zstandard.ZstdCompressor(level=1).compressobj()
        return b"".join([maker.compress(piece) for _ in range(BOMB_BYTES // len(piece))]) + maker.flush()
    raise ValueError(codec)


for _codec, _call in {
    "zlib": "__import__('zlib').decompress",
    "gzip": "__import__('gzip').decompress",
    "bz2": "__import__('bz2').decompress",
    "xz": "__import__('lzma').decompress",
    "brotli": "__import__('brotli').decompress",
    "zstandard": "__import__('zstandard').decompress",
}.items():

    @escape(f"{_codec} bomb", "a bomb meets the output or ratio bound", "limit")
    def _bomb(canary: str, codec: str = _codec, call: str = _call) -> str:
        return f"import base64\nexec({call}(base64.b85decode({base64.b85encode(bomb(codec)).decode()!r})))\n"


@escape("raw LZMA2 bomb", "a raw stream has no memory limit of its own and is bounded all the same", "limit")
def _raw_bomb(canary: str) -> str:
    payload = base64.b85encode(bomb("raw")).decode()
    return f"import lzma as L,base64 as B\nexec(L.decompress(B.b85decode({payload!r}),format=L.FORMAT_RAW,filters=[{{'id':L.FILTER_LZMA2}}]))\n"


@escape("raw LZMA2 with a huge dictionary", "the filter's dictionary size is capped", "dictionary_bytes")
def _dictionary(canary: str) -> str:
    return "import lzma as L\nexec(L.decompress(b'\\0',format=L.FORMAT_RAW,filters=[{'id':L.FILTER_LZMA2,'dict_size':1<<30}]))\n"


@escape("zip bomb", "an archive member is bounded", "limit")
def _zip_bomb(canary: str) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("a.py", bytes(64 * 1024 * 1024))
    return f"import zipfile,io\nexec(zipfile.ZipFile(io.BytesIO({buffer.getvalue()!r})).read('a.py'))\n"


@escape("eighty layers", "wrappers inside wrappers are bounded", "layer_depth")
def _eighty(canary: str) -> str:
    text = "x = 1\n"
    for _ in range(80):
        packed = base64.b64encode(
            zlib.compress(text.encode())
        ).decode()  # (a bytes literal would grow fourfold each time)
        text = f"import zlib,base64\nexec(zlib.decompress(base64.b64decode('{packed}')))\n"
    return text


@escape("a layer that doubles", "all layers together are bounded", "limit")
def _doubling(canary: str) -> str:
    return (
        "import zlib\np=zlib.decompress(zlib.decompress({!r}))\nwhile True:\n    exec(p)\n    p=p+p\n".format(
            zlib.compress(zlib.compress(b"x = 1\n" * 1000))
        )
    )


@escape("thousands of streams", "concatenated streams are bounded", "layer_streams")
def _streams(canary: str) -> str:
    return f"import lzma\nexec(lzma.decompress({lzma.compress(b'x=1')!r}*5000))\n"


@escape("truncated payload", "half a source is no source", "not-constant")
def _truncated(canary: str) -> str:
    return f"import zlib\nexec(zlib.decompress({zlib.compress(b'x = 1' * 100)[:-6]!r}))\n"


# ------------------------------------------------------------------------------------------------------------------ parser
simple(
    "parentheses",
    "brackets nested 5,000 deep do not reach a recursive parser",
    "x = " + "(" * 5000 + ")" * 5000,
    "bracket_depth",
)
simple(
    "open brackets", "100,000 open brackets do not reach a recursive parser", "[" * 100_000, "bracket_depth"
)
simple(
    "minuses",
    "200,000 unary minuses do not overflow the parser's stack",
    "x = " + "-" * 200_000 + "1",
    "unary_run",
)
simple("minuses in exec", "the same one layer down", "exec('x = ' + '-' * 200000 + '1')\n", "")
simple("a long sum", "a deep tree is stated", "x = " + "+".join(["1"] * 200_000), "ast_depth")
simple("a long attribute chain", "a deep tree is stated", "x" + ".a" * 100_000, "ast_depth")
simple(
    "many functions",
    "20,000 functions are read",
    "".join(f"def f{i}(x):\n    return x + {i}\n" for i in range(20_000)),
)
simple(
    "many functions and exec",
    "20,000 functions are followed",
    "".join(f"def f{i}(x):\n    return exec(x)\n" for i in range(20_000)),
    "",
)
simple("null bytes", "null bytes are stated", b"x = 1\n\0\0\0\n", "null byte")
simple("binary", "a binary file is stated", b"\x7fELF" + bytes(range(256)) * 200, "null byte")
simple(
    "merge markers",
    "a file that never ran is stated",
    "a=1\n<<<<<<< HEAD\nb=1\n=======\nb=2\n>>>>>>> x\n",
    "merge-conflict",
)
simple(
    "byte-order mark inside",
    "a mark in the wrong place is stated",
    b"x = 1\n\xef\xbb\xbfy = 2\n",
    "not valid Python",
)
simple(
    "utf-7",
    "code hidden by an encoding is read in that encoding",
    b"# coding: utf-7\n+AAo-exec('x=1')+AAo-\n",
)
simple("wrong utf-8", "undecodable bytes are stated", b"x = '\xff\xfe'\n", "not UTF-8")
simple("surrogates", "lone surrogates disturb nothing", "exec('x = \"\\udc80\"')\n")
simple(
    "full-width exec", "identifiers are compared as Python compares them", "\uff45\uff58\uff45\uff43('x=1')\n"
)
simple("f-string braces", "an f-string full of braces is stated", 'x = f"' + "{" * 50_000, "bracket_depth")
simple(
    "f-strings of later Pythons",
    "nested f-strings are bounded",
    "x = " + 'f"{' * 60 + "1" + '}"' * 60 + "\n",
    "",
)
simple(
    "deep indentation",
    "indentation is bounded",
    "".join(" " * i + "if x:\n" for i in range(500)) + " " * 500 + "pass",
    "too many levels",
)
simple("a very long line", "one line of 4 MB is read", "x = '" + "a" * (4 * 1024 * 1024) + "'\n")
simple("oversize", "the size bound is stated", b"#" * (9 * 1024 * 1024), "source_bytes")
simple("decorators", "100,000 decorators are read or stated", "@a\n" * 100_000 + "def f(): pass\n")
simple("empty", "an empty file is read", b"")
simple("carriage returns", "old line ends are read", b"x = 1\rexec('y=1')\r")

# ------------------------------------------------------------------------------------------------------------------- files
simple(
    "a path above",
    "nothing above the folder is read",
    "exec(open('../../../../etc/passwd').read())\n",
    "missing-file",
)
simple(
    "an absolute path",
    "nothing outside the folder is read",
    "exec(open('/etc/passwd').read())\n",
    "missing-file",
)
simple("a device", "no device is opened", "exec(open('/dev/zero').read())\n", "missing-file")
simple(
    "a process file", "no process file is opened", "exec(open('/proc/self/environ').read())\n", "missing-file"
)
simple("a null byte in a name", "odd names are stated", "exec(open('a\\0b').read())\n", "not-constant")
simple("a very long name", "odd names are stated", "exec(open('a'*100000).read())\n", "not-constant")


@escape(
    "zip-slip",
    "a member's name leads nowhere",
    "not-constant",
    siblings=lambda canary: {"x.zip": _slip(canary)},
)
def _zip_slip(canary: str) -> str:
    return "import zipfile\nz=zipfile.ZipFile('x.zip')\nz.extractall('/')\nexec(z.extract('../../evil.py'))\n"


def _slip(canary: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(f"../../../../..{canary}", "escaped")
    return buffer.getvalue()


@escape(
    "siblings that execute each other",
    "a ring of files ends",
    "",
    siblings=lambda c: {"a.py": b"exec(open('b.py').read())\n", "b.py": b"exec(open('a.py').read())\n"},
)
def _ring(canary: str) -> str:
    return "exec(open('a.py').read())\n"


@escape(
    "a sibling that imports itself",
    "a ring of imports ends",
    "",
    siblings=lambda c: {"a.py": b"import b\nP='x=1'\n", "b.py": b"import a\n"},
)
def _import_ring(canary: str) -> str:
    return "import a\nexec(a.P)\n"
