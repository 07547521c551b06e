"""Every decoder returns what CPython returns, and a bomb meets a named bound instead of the machine's memory."""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs as stdlib_codecs
import contextlib
import gzip
import lzma
import zlib
from collections.abc import Callable
from dataclasses import replace

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pgolf.errors import LimitTripped
from pgolf.untrusted import codecs
from pgolf.untrusted.codecs import DecodeFailed
from pgolf.untrusted.limits import DEFAULT_LIMITS as LIMITS

RAW = {"format": lzma.FORMAT_RAW, "filters": [{"id": lzma.FILTER_LZMA2}]}
CHAIN = [
    {"id": lzma.FILTER_DELTA, "dist": 3},
    {"id": lzma.FILTER_X86},
    {"id": lzma.FILTER_LZMA2, "preset": 6},
]
LZMA1 = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 0, "lp": 2, "pb": 1}]
SMALL = replace(LIMITS, layer_output_bytes=2**20, expansion_floor_bytes=2**30)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


COMPRESSORS: dict[str, tuple[Callable[[bytes], bytes], Callable[..., bytes], dict[str, object]]] = {
    "xz": (lzma.compress, codecs.lzma_decompress, {}),
    "alone": (lambda d: lzma.compress(d, format=lzma.FORMAT_ALONE), codecs.lzma_decompress, {}),
    "raw LZMA2": (lambda d: lzma.compress(d, **RAW), codecs.lzma_decompress, RAW),
    "raw chain": (
        lambda d: lzma.compress(d, format=lzma.FORMAT_RAW, filters=CHAIN),
        codecs.lzma_decompress,
        {"format": lzma.FORMAT_RAW, "filters": CHAIN},
    ),
    "zlib": (zlib.compress, codecs.zlib_decompress, {}),
    "raw deflate": (raw_deflate, codecs.zlib_decompress, {"wbits": -15}),
    "gzip by wbits": (gzip.compress, codecs.zlib_decompress, {"wbits": 31}),
    "either by wbits": (gzip.compress, codecs.zlib_decompress, {"wbits": 47}),
    "gzip": (gzip.compress, codecs.gzip_decompress, {}),
    "bz2": (bz2.compress, codecs.bz2_decompress, {}),
    "brotli": (lambda d: brotli.compress(d, quality=4), codecs.brotli_decompress, {}),
    "zstandard": (zstandard.compress, codecs.zstd_decompress, {}),
}


@pytest.mark.parametrize("name", COMPRESSORS)
@given(data=st.binary(max_size=3000), times=st.integers(1, 200))
def test_what_was_packed_comes_back(name: str, data: bytes, times: int) -> None:
    pack, unpack, options = COMPRESSORS[name]
    assert unpack(pack(data * times), LIMITS, **options) == data * times


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_bomb_meets_the_output_bound(name: str) -> None:
    pack, unpack, options = COMPRESSORS[name]
    packed = pack(bytes(SMALL.layer_output_bytes + 1))
    with pytest.raises(LimitTripped) as tripped:
        unpack(packed, SMALL, **options)
    assert tripped.value.limit == "layer_output_bytes"
    assert len(unpack(pack(bytes(SMALL.layer_output_bytes)), SMALL, **options)) == SMALL.layer_output_bytes


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_bomb_meets_the_ratio_bound(name: str) -> None:
    pack, unpack, options = COMPRESSORS[name]
    limits = replace(LIMITS, expansion_ratio=20, expansion_floor_bytes=1000)
    with pytest.raises(LimitTripped) as tripped:
        unpack(pack(bytes(200_000)), limits, **options)
    assert tripped.value.limit == "expansion_ratio"


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_truncated_payload_is_a_reason_and_not_half_a_source(name: str) -> None:
    pack, unpack, options = COMPRESSORS[name]
    with pytest.raises(DecodeFailed):
        unpack(pack(bytes(range(256)) * 50)[:-5], LIMITS, **options)


@pytest.mark.parametrize("name", COMPRESSORS)
@given(data=st.binary(max_size=400))
def test_garbage_never_escapes_as_another_error(name: str, data: bytes) -> None:
    _, unpack, options = COMPRESSORS[name]
    with contextlib.suppress(DecodeFailed, LimitTripped):
        unpack(data, LIMITS, **options)


def test_too_large_an_input_trips_before_any_work() -> None:
    limits = replace(LIMITS, layer_input_bytes=10)
    for _, unpack, options in COMPRESSORS.values():
        with pytest.raises(LimitTripped) as tripped:
            unpack(bytes(11), limits, **options)
        assert tripped.value.limit == "layer_input_bytes"


def test_concatenated_streams_and_tails_are_read_as_cpython_reads_them() -> None:
    a, b = b"first part;" * 9, b"second part;" * 9
    assert codecs.lzma_decompress(lzma.compress(a) + lzma.compress(b), LIMITS) == a + b
    assert codecs.lzma_decompress(lzma.compress(a) + b"garbage", LIMITS) == lzma.decompress(
        lzma.compress(a) + b"garbage"
    )
    assert codecs.bz2_decompress(bz2.compress(a) + bz2.compress(b), LIMITS) == a + b
    assert codecs.bz2_decompress(bz2.compress(a) + b"garbage", LIMITS) == a
    assert codecs.gzip_decompress(gzip.compress(a) + bytes(9) + gzip.compress(b), LIMITS) == a + b
    assert codecs.zlib_decompress(zlib.compress(a) + b"garbage", LIMITS) == zlib.decompress(
        zlib.compress(a) + b"garbage"
    )
    assert codecs.zstd_decompress(zstandard.compress(a) + b"garbage", LIMITS) == a
    assert codecs.bz2_decompress(b"", LIMITS) == bz2.decompress(b"")
    assert codecs.gzip_decompress(b"", LIMITS) == gzip.decompress(b"")


@pytest.mark.parametrize(
    ("pack", "unpack"), [(lzma.compress, "lzma"), (bz2.compress, "bz2"), (gzip.compress, "gzip")]
)
def test_thousands_of_tiny_streams_meet_their_bound(pack: Callable[[bytes], bytes], unpack: str) -> None:
    with pytest.raises(LimitTripped) as tripped:
        codecs.DECODERS[f"{unpack}.decompress"][1](pack(b"x") * 1000, LIMITS)
    assert tripped.value.limit == "layer_streams"


def test_the_dictionary_of_a_raw_stream_is_capped() -> None:
    huge = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    with pytest.raises(LimitTripped) as tripped:
        codecs.lzma_decompress(b"\0", LIMITS, lzma.FORMAT_RAW, None, huge)
    assert tripped.value.limit == "dictionary_bytes"


def test_an_xz_header_that_asks_for_a_huge_window_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 256 << 20, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3}]
    packed = lzma.compress(b"x", filters=filters)
    with pytest.raises(LimitTripped) as tripped:
        codecs.lzma_decompress(packed, LIMITS)
    assert tripped.value.limit == "dictionary_bytes"


@pytest.mark.parametrize(
    "filters",
    [
        None,
        [],
        [{}],
        [{"id": 99}],
        [{"id": lzma.FILTER_LZMA2, "evil": 1}],
        ["x"],
        [{"id": "x"}],
        [{"id": 3}] * 5,
        7,
    ],
)
def test_an_odd_filter_chain_is_a_reason(filters: object) -> None:
    with pytest.raises(DecodeFailed):
        codecs.lzma_decompress(b"\0", LIMITS, lzma.FORMAT_RAW, None, filters)
    with pytest.raises(DecodeFailed):
        codecs.lzma_decompress(b"\0", LIMITS, 77)
    with pytest.raises(DecodeFailed):
        codecs.lzma_decompress(b"\0", LIMITS, lzma.FORMAT_XZ, None, [{"id": 33}])


def test_a_raw_lzma1_stream_is_read_when_it_carries_its_end_marker() -> None:
    packed = lzma.compress(b"print(1)" * 50, format=lzma.FORMAT_RAW, filters=LZMA1)
    expected = lzma.decompress(packed, format=lzma.FORMAT_RAW, filters=LZMA1)
    assert codecs.lzma_decompress(packed, LIMITS, lzma.FORMAT_RAW, None, LZMA1) == expected


def test_a_zstandard_frame_is_not_believed_about_its_size() -> None:
    packed = bytearray(zstandard.ZstdCompressor().compress(b"abc" * 1000))
    assert codecs.zstd_decompress(bytes(packed), LIMITS) == b"abc" * 1000
    streamed = zstandard.ZstdCompressor(write_content_size=False).compress(b"abc" * 1000)
    assert codecs.zstd_decompress(streamed, LIMITS) == b"abc" * 1000
    with pytest.raises(DecodeFailed):
        codecs.zstd_decompress(b"", LIMITS)


@given(data=st.binary(max_size=500))
def test_text_codecs_agree_with_the_standard_library(data: bytes) -> None:
    pairs: list[tuple[str, bytes]] = [
        ("base64.b85decode", base64.b85encode(data)),
        ("base64.a85decode", base64.a85encode(data)),
        ("base64.b64decode", base64.b64encode(data)),
        ("base64.standard_b64decode", base64.b64encode(data)),
        ("base64.urlsafe_b64decode", base64.urlsafe_b64encode(data)),
        ("base64.decodebytes", base64.encodebytes(data)),
        ("base64.b32decode", base64.b32encode(data)),
        ("base64.b32hexdecode", base64.b32hexencode(data)),
        ("base64.b16decode", base64.b16encode(data)),
        ("binascii.unhexlify", data.hex().encode()),
        ("binascii.a2b_hex", data.hex().encode()),
        ("binascii.a2b_base64", binascii.b2a_base64(data)),
        ("binascii.a2b_qp", binascii.b2a_qp(data)),
    ]
    for name, packed in pairs:
        found = codecs.decoder_for(name)
        assert found is not None
        assert found[1](packed, LIMITS) == (binascii.a2b_qp(packed) if name.endswith("_qp") else data)


def test_z85_is_zeromqs_alphabet() -> None:
    # The specification's own example (ZeroMQ RFC 32).
    found = codecs.decoder_for("base64.z85decode")
    assert found is not None
    assert found[1](b"HelloWorld", LIMITS) == bytes([0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B])
    with pytest.raises(DecodeFailed, match="z85"):
        found[1](b"He lo", LIMITS)


def test_transforms_by_registered_name() -> None:
    text = b"print('hello')"
    assert codecs.decode_transform(stdlib_codecs.encode(text, "zlib"), "zlib_codec", LIMITS) == ("zlib", text)
    assert codecs.decode_transform(stdlib_codecs.encode(text, "bz2"), "bz2", LIMITS) == ("bz2", text)
    assert codecs.decode_transform(stdlib_codecs.encode(text, "base64"), "base64", LIMITS) == ("b64", text)
    assert codecs.decode_transform(stdlib_codecs.encode(text, "hex"), "hex-codec", LIMITS) == ("hex", text)
    assert codecs.decode_transform(b"cevag('uryyb')", "rot13", LIMITS) == ("rot13", text)
    with pytest.raises(DecodeFailed):
        codecs.decode_transform(text, "utf-8", LIMITS)
    assert codecs.transform_name("utf-8") is None


@pytest.mark.parametrize(
    "encoding", ["idna", "punycode", "mbcs", "undefined", "os.path", "x" * 50, "utf-9", "cp9999"]
)
def test_unlisted_text_encodings_are_not_looked_up(encoding: str) -> None:
    with pytest.raises(DecodeFailed):
        codecs.decode_text(b"x", encoding, "strict", LIMITS)
    with pytest.raises(DecodeFailed):
        codecs.encode_text("x", encoding, "strict", LIMITS)


def test_text_goes_both_ways() -> None:
    assert codecs.decode_text("é".encode("latin-1"), "latin-1", "strict", LIMITS) == "é"
    assert codecs.encode_text("é", "UTF-8", "strict", LIMITS) == "é".encode()
    assert codecs.decode_text(b"\xff", "utf8", "replace", LIMITS) == "\ufffd"
    with pytest.raises(DecodeFailed):
        codecs.decode_text(b"\xff", "utf8", "strict", LIMITS)
    with pytest.raises(DecodeFailed):
        codecs.decode_text(b"x", "utf8", "evil.handler", LIMITS)
    with pytest.raises(DecodeFailed):
        codecs.encode_text("x", "utf8", "evil.handler", LIMITS)
    with pytest.raises(DecodeFailed):
        codecs.encode_text("\ud800", "utf8", "strict", LIMITS)
    tiny = replace(LIMITS, layer_output_bytes=3)
    with pytest.raises(LimitTripped):
        codecs.decode_text(b"xxxx", "utf8", "strict", tiny)
    with pytest.raises(LimitTripped):
        codecs.encode_text("xxxx", "utf8", "strict", tiny)


def test_constants_come_from_the_format_modules_only() -> None:
    assert codecs.lzma_constant("FORMAT_RAW") == lzma.FORMAT_RAW
    assert codecs.zlib_constant("MAX_WBITS") == 15
    for name in ("__name__", "compress", "LZMAError", "NOPE"):
        assert codecs.lzma_constant(name) is None
        assert codecs.zlib_constant(name) is None
    assert codecs.decoder_for("compression.zstd.decompress") == codecs.DECODERS["zstandard.decompress"]
    assert codecs.decoder_for("marshal.loads") is None
