"""What a script unpacks while it is evaluated: each call of a decoder by CPython and by ours, with good, damaged, empty and
foreign data, and the bound on what comes out."""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import zlib

import pytest

from pgolf.untrusted.limits import Limits
from tests.evaluator.differential import cases, differences, known
from tests.evaluator.test_against_cpython import evaluated

_PLAIN = b"tables " * 40
_BEFORE = f"""import base64
import binascii
import bz2
import codecs
import gzip
import lzma
import zlib
z = {zlib.compress(_PLAIN)!r}
raw = {zlib.compress(_PLAIN)[2:-4]!r}
g = {gzip.compress(_PLAIN, mtime=0)!r}
b = {bz2.compress(_PLAIN)!r}
x = {lzma.compress(_PLAIN)!r}
alone = {lzma.compress(_PLAIN, format=lzma.FORMAT_ALONE)!r}
b64 = {base64.b64encode(_PLAIN)!r}
b85 = {base64.b85encode(_PLAIN)!r}
a85 = {base64.a85encode(_PLAIN)!r}
b32 = {base64.b32encode(_PLAIN)!r}
b16 = {base64.b16encode(_PLAIN)!r}
"""
_CALLS = cases(
    r"""
zlib.decompress(z)  zlib.decompress(raw, -15)  zlib.decompress(raw, wbits=-15)  zlib.decompress(raw, -zlib.MAX_WBITS)
zlib.decompress(g, 31)  zlib.decompress(z[:-1])  zlib.decompress(z + b'x')  zlib.decompress(b'')  zlib.decompress(b'abc')
zlib.decompress(raw)  zlib.decompress('abc')  zlib.decompress(3)  zlib.decompress(None)  zlib.decompress()  zlib.decompress(bytearray(z))
zlib.decompress(z, 15, 100)  zlib.decompress(z, 'a')  zlib.MAX_WBITS  zlib.Z_BEST_SPEED  zlib.NOPE  zlib.nope
gzip.decompress(g)  gzip.decompress(g + g)  gzip.decompress(z)  gzip.decompress(g[:9])  gzip.decompress(b'')
bz2.decompress(b)  bz2.decompress(b + b)  bz2.decompress(b[:-3])  bz2.decompress(b'')  bz2.decompress(z)
lzma.decompress(x)  lzma.decompress(alone)  lzma.decompress(x[:-5])  lzma.decompress(b'')  lzma.decompress(x, format=lzma.FORMAT_XZ)
lzma.decompress(alone, lzma.FORMAT_ALONE)  lzma.decompress(x, format=lzma.FORMAT_ALONE)  lzma.FORMAT_RAW  lzma.FILTER_LZMA2
base64.b64decode(b64)  base64.b64decode(b64.decode())  base64.b64decode(b64 + b'\n')  base64.b64decode(b'a')  base64.b64decode('é')
base64.b64decode(b'ab!d')  base64.b64decode(b'ab!d', validate=True)  base64.b64decode(b'-_-_', b'-_')  base64.b64decode(b'')
base64.b64decode(b'YQ==')  base64.b64decode(b'YQ')  base64.standard_b64decode(b64)  base64.urlsafe_b64decode(b'-_-_')
base64.b85decode(b85)  base64.b85decode(b85.decode())  base64.b85decode(b'"')  base64.b85decode(b'')  base64.b85decode(b'~~~~~')
base64.a85decode(a85)  base64.a85decode(b'<~' + a85 + b'~>', adobe=True)  base64.a85decode(b'z')  base64.a85decode(b'v')
base64.b32decode(b32)  base64.b32decode(b32.lower())  base64.b32decode(b32.lower(), casefold=True)  base64.b32decode(b'A')
base64.b16decode(b16)  base64.b16decode(b'0a')  base64.b16decode(b'0a', True)  base64.b16decode(b'G0')  base64.decodebytes(b64)
bytes.fromhex('61 62')  bytes.fromhex('6')  bytes.fromhex('zz')  binascii.unhexlify(b'6162')  binascii.unhexlify(b'616')
binascii.a2b_base64(b64)  binascii.unhexlify('6162')  binascii.a2b_hex(b'zz')  codecs.decode(b'6162', 'hex')  codecs.decode(b64, 'base64')
codecs.decode(z, 'zlib')  codecs.decode(b'abc', 'utf-8')  codecs.decode(b'\xff', 'utf-8')  codecs.decode(b'\xff', 'latin-1')
codecs.decode('nop', 'rot13')  codecs.decode(b'a', 'nope')  codecs.nope  base64.nope(b'a')  base64.b64encode(b'ab')
zlib.decompress(base64.b85decode({'x': b85}.get('y', b85)))  zlib.decompress(gzip.decompress(gzip.decompress(g)))
"""
)


@pytest.mark.parametrize("part", range(2))
def test_a_decoder_gives_what_cpython_gives(part: int) -> None:
    assert differences(_BEFORE, _CALLS[part::2]) == []
    assert known(_BEFORE, _CALLS[part::2]) > 0.6 * len(_CALLS) / 2


@pytest.mark.parametrize(
    "call", ["zlib.decompress(z)", "gzip.decompress(g)", "bz2.decompress(b)", "lzma.decompress(x)"]
)
def test_what_unpacks_to_more_than_the_bound_stops_the_evaluation(call: str) -> None:
    big = b"\0" * (1 << 20)
    before = (
        f"import bz2, gzip, lzma, zlib\nz = {zlib.compress(big)!r}\ng = {gzip.compress(big, mtime=0)!r}\n"
        f"b = {bz2.compress(big)!r}\nx = {lzma.compress(big)!r}\n"
    )
    value, stuck = evaluated(f"{before}result = len({call})\n", Limits())
    assert (value, stuck) == (1 << 20, "")
    value, stuck = evaluated(f"{before}result = len({call})\n", Limits(layer_output_bytes=1 << 16))
    assert not isinstance(value, int)
    assert "layer_output_bytes" in stuck
