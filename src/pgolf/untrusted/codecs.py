"""pgolf's own bounded decoders: what a packed script says about its payload, done here as data and never by it.

Every decoder takes bytes and `Limits`, and returns bytes, or raises

- `LimitTripped` naming the bound that was met (`layer_input_bytes`, `layer_output_bytes`, `expansion_ratio`,
  `dictionary_bytes`): the output is produced in steps, so a bomb costs at most one step more than the bound;
- `DecodeFailed` with the decoder's own words, when the data are damaged or the format is not one we undo.

Semantics follow CPython's one-shot functions (`lzma.decompress` accepts several streams and ignores garbage behind the
first, `zlib.decompress` ignores a tail and refuses a truncated stream, …) because a payload that CPython reads and we
refuse would be a false OBFUSCATED, and one that we read differently a wrong verdict.

Not decoded, ever: `marshal` and `pickle` (they rebuild code and objects, not text).
"""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs
import lzma
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pgolf.errors import LimitTripped, PgolfError
from pgolf.untrusted.limits import Limits

_STEP = 64 * 1024
_LZMA_OVERHEAD = 8 * 1024 * 1024


class DecodeFailed(PgolfError):
    """The payload is damaged, or in a format that is not undone as data. The message is the reason."""


class _Output:
    """Collects decoder output under the size and ratio bounds."""

    def __init__(self, codec: str, input_bytes: int, limits: Limits) -> None:
        if input_bytes > limits.layer_input_bytes:
            raise LimitTripped(
                "layer_input_bytes", limits.layer_input_bytes, f"{codec} input of {input_bytes:,} bytes"
            )
        self.codec = codec
        self.input_bytes = max(1, input_bytes)
        self.limits = limits
        self.size = 0
        self.streams = 0
        self.pieces: list[bytes] = []

    def room(self) -> int:
        """How many bytes to ask the decoder for next: one more than the bound, so that passing it is seen."""
        return min(_STEP, self.limits.layer_output_bytes - self.size + 1)

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        bounds = self.limits
        if self.size > bounds.layer_output_bytes:
            raise LimitTripped(
                "layer_output_bytes", bounds.layer_output_bytes, f"{self.codec} of {self.input_bytes:,} bytes"
            )
        if self.size > bounds.expansion_floor_bytes and self.size > bounds.expansion_ratio * self.input_bytes:
            raise LimitTripped(
                "expansion_ratio", bounds.expansion_ratio, f"{self.codec} of {self.input_bytes:,} bytes"
            )
        self.pieces.append(piece)

    def end_of_stream(self) -> None:
        """One of possibly many concatenated streams is complete."""
        self.streams += 1
        if self.streams > self.limits.layer_streams:
            raise LimitTripped(
                "layer_streams", self.limits.layer_streams, f"{self.codec} of {self.input_bytes:,} bytes"
            )

    def result(self) -> bytes:
        return b"".join(self.pieces)


def _raw_filters(filters: object, limits: Limits) -> list[dict[str, int]]:
    """Check a liblzma filter chain; raw LZMA takes no memory limit, so the dictionary size is capped here."""
    if not isinstance(filters, Sequence) or not 1 <= len(filters) <= 4:
        raise DecodeFailed("lzma: a raw stream needs one to four filters")
    allowed = {
        lzma.FILTER_LZMA1: {"preset", "dict_size", "lc", "lp", "pb", "mode", "nice_len", "mf", "depth"},
        lzma.FILTER_LZMA2: {"preset", "dict_size", "lc", "lp", "pb", "mode", "nice_len", "mf", "depth"},
        lzma.FILTER_DELTA: {"dist"},
    }
    bcj = (
        lzma.FILTER_X86,
        lzma.FILTER_ARM,
        lzma.FILTER_ARMTHUMB,
        lzma.FILTER_IA64,
        lzma.FILTER_POWERPC,
        lzma.FILTER_SPARC,
    )
    allowed |= {identity: {"start_offset"} for identity in bcj}
    checked: list[dict[str, int]] = []
    for each in filters:
        if not isinstance(each, Mapping) or not all(
            isinstance(k, str) and isinstance(v, int) for k, v in each.items()
        ):
            raise DecodeFailed("lzma: a filter must be a dict of integers")
        entry: dict[str, int] = {str(k): int(v) for k, v in each.items()}
        keys = allowed.get(entry.get("id", -1))
        if keys is None or not set(entry) <= keys | {"id"}:
            raise DecodeFailed(f"lzma: unknown filter {entry!r}")
        if entry.get("dict_size", 0) > limits.dictionary_bytes:
            raise LimitTripped(
                "dictionary_bytes", limits.dictionary_bytes, f"lzma filter asks for {entry['dict_size']:,}"
            )
        checked.append(entry)
    return checked


def lzma_decompress(
    data: bytes,
    limits: Limits,
    format: int = lzma.FORMAT_AUTO,
    memlimit: object = None,
    filters: object = None,
) -> bytes:
    """`lzma.decompress`: xz, the older `.lzma`, or a raw stream with its filter chain."""
    if format not in (lzma.FORMAT_AUTO, lzma.FORMAT_XZ, lzma.FORMAT_ALONE, lzma.FORMAT_RAW):
        raise DecodeFailed(f"lzma: unknown format {format!r}")
    raw = format == lzma.FORMAT_RAW
    if filters is not None and not raw:
        raise DecodeFailed("lzma: filters are only for raw streams")
    chain = _raw_filters(filters, limits) if raw else None
    out = _Output("lzma", len(data), limits)
    memory = None if raw else limits.dictionary_bytes + _LZMA_OVERHEAD
    while True:
        try:
            decoder = lzma.LZMADecompressor(format, memory, chain)
            piece = decoder.decompress(data, max_length=out.room())
            out.add(piece)
            while not decoder.eof:
                if decoder.needs_input:
                    break
                out.add(decoder.decompress(b"", max_length=out.room()))
        except (lzma.LZMAError, ValueError, OverflowError) as error:
            if "emory usage limit" in str(error):
                raise LimitTripped("dictionary_bytes", limits.dictionary_bytes, "lzma window") from error
            if out.streams:
                return out.result()  # CPython: garbage behind a complete stream is ignored
            raise DecodeFailed(f"lzma: {error}") from error
        if not decoder.eof:
            raise DecodeFailed("lzma: the data end before the end-of-stream marker")
        out.end_of_stream()
        data = decoder.unused_data
        if not data:
            return out.result()


def _inflate(data: bytes, start: int, wbits: int, out: _Output) -> int:
    """One deflate stream from `start`; returns the offset behind it. Input goes in by steps, so no tail is copied twice."""
    position = start
    try:
        decoder = zlib.decompressobj(wbits)
        while not decoder.eof:
            chunk = data[position : position + _STEP]
            if not chunk:
                raise DecodeFailed(f"{out.codec}: incomplete or truncated stream")
            position += len(chunk)
            while chunk and not decoder.eof:
                out.add(decoder.decompress(chunk, out.room()))
                chunk = decoder.unconsumed_tail
    except (zlib.error, ValueError, OverflowError) as error:
        raise DecodeFailed(f"{out.codec}: {error}") from error
    return position - len(decoder.unused_data)


def zlib_decompress(data: bytes, limits: Limits, wbits: int = zlib.MAX_WBITS, bufsize: int = 0) -> bytes:
    """`zlib.decompress` with any `wbits` (negative: raw deflate, 16+: gzip, 32+: either); a tail is ignored."""
    del bufsize
    out = _Output("zlib", len(data), limits)
    _inflate(data, 0, wbits, out)
    return out.result()


def gzip_decompress(data: bytes, limits: Limits) -> bytes:
    """`gzip.decompress`: several members, zero padding between them."""
    out = _Output("gzip", len(data), limits)
    position = 0
    while position < len(data):
        position = _inflate(data, position, 16 + zlib.MAX_WBITS, out)
        out.end_of_stream()
        while data[position : position + 1] == b"\0":
            position += 1
    return out.result()


def bz2_decompress(data: bytes, limits: Limits) -> bytes:
    """`bz2.decompress`: several streams, garbage behind the first ignored."""
    out = _Output("bz2", len(data), limits)
    while data:
        decoder = bz2.BZ2Decompressor()
        try:
            out.add(decoder.decompress(data, max_length=out.room()))
            while not decoder.eof and not decoder.needs_input:
                out.add(decoder.decompress(b"", max_length=out.room()))
        except (OSError, ValueError) as error:
            if out.streams:
                break
            raise DecodeFailed(f"bz2: {error}") from error
        if not decoder.eof:
            raise DecodeFailed("bz2: the data end before the end-of-stream marker")
        out.end_of_stream()
        data = decoder.unused_data
    return out.result()


def brotli_decompress(data: bytes, limits: Limits) -> bytes:
    """`brotli.decompress`, fed in small steps: the decoder's own output bound overshoots."""
    import brotli

    out = _Output("brotli", len(data), limits)
    decoder = brotli.Decompressor()
    position = 0
    try:
        while not decoder.is_finished():
            chunk = data[position : position + 4096] if decoder.can_accept_more_data() else b""
            position += len(chunk)
            piece = decoder.process(chunk, output_buffer_limit=out.room())
            if not piece and not chunk and not decoder.is_finished():
                raise DecodeFailed("brotli: the data end before the last block")
            out.add(piece)
    except brotli.error as error:
        raise DecodeFailed(f"brotli: {error}") from error
    if position < len(data):
        raise DecodeFailed("brotli: data behind the last block")
    return out.result()


def zstd_decompress(data: bytes, limits: Limits, *_ignored: object, **_options: object) -> bytes:
    """`zstandard` one-shot decompression of the first frame, through a reader: the frame's own size is not believed."""
    import zstandard

    out = _Output("zstandard", len(data), limits)
    window = 1 << (limits.dictionary_bytes.bit_length() - 1)
    try:
        parameters = zstandard.get_frame_parameters(data)
        if parameters.window_size > window and parameters.content_size > window:
            raise LimitTripped(
                "dictionary_bytes", limits.dictionary_bytes, f"zstandard window {parameters.window_size:,}"
            )
        reader = zstandard.ZstdDecompressor(max_window_size=window).stream_reader(
            data, read_across_frames=False
        )
        # A stated size only ever shortens a read: the reader would run into whatever lies behind the frame.
        while wanted := min(out.room(), parameters.content_size - out.size):
            piece = reader.read(wanted)
            if not piece:
                break
            out.add(piece)
    except zstandard.ZstdError as error:
        if "too much memory" in str(error) or "window" in str(error).lower():
            raise LimitTripped("dictionary_bytes", limits.dictionary_bytes, f"zstandard: {error}") from error
        raise DecodeFailed(f"zstandard: {error}") from error
    known = parameters.content_size
    if known not in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR) and known != out.size:
        raise DecodeFailed(f"zstandard: the frame promises {known:,} bytes and has {out.size:,}")
    return out.result()


_Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_B85 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_Z85_TO_B85 = bytes.maketrans(_Z85, _B85)


def _z85decode(data: bytes) -> bytes:
    strange = set(data) - set(_Z85)
    if strange:
        raise ValueError(f"bad z85 character {chr(min(strange))!r}")
    return base64.b85decode(data.translate(_Z85_TO_B85))


def _rot13(data: bytes) -> bytes:
    return codecs.encode(data.decode("utf-8"), "rot13").encode("utf-8")


def _text_decoder(codec: str, function: Callable[..., bytes]) -> Callable[..., bytes]:
    """Wrap a linear decoder whose output is at most a few times its input."""

    def decode(data: bytes, limits: Limits, *args: object, **options: object) -> bytes:
        out = _Output(codec, len(data), limits)
        try:
            out.add(bytes(function(data, *args, **options)))
        except (ValueError, TypeError, binascii.Error, OverflowError, UnicodeError, AttributeError) as error:
            raise DecodeFailed(f"{codec}: {error}") from error
        return out.result()

    decode.__name__ = f"{codec}_decode"
    return decode


Decoder = Callable[..., bytes]

# What a script calls -> (name of the codec in reports, our decoder). Arguments follow the original's order after data.
DECODERS: dict[str, tuple[str, Decoder]] = {
    "lzma.decompress": ("lzma", lzma_decompress),
    "zlib.decompress": ("zlib", zlib_decompress),
    "gzip.decompress": ("gzip", gzip_decompress),
    "bz2.decompress": ("bz2", bz2_decompress),
    "brotli.decompress": ("brotli", brotli_decompress),
    "zstandard.decompress": ("zstandard", zstd_decompress),
    "base64.b85decode": ("b85", _text_decoder("b85", base64.b85decode)),
    "base64.a85decode": ("a85", _text_decoder("a85", base64.a85decode)),
    "base64.z85decode": ("z85", _text_decoder("z85", _z85decode)),
    "base64.b64decode": ("b64", _text_decoder("b64", base64.b64decode)),
    "base64.standard_b64decode": ("b64", _text_decoder("b64", base64.standard_b64decode)),
    "base64.urlsafe_b64decode": ("b64", _text_decoder("b64", base64.urlsafe_b64decode)),
    "base64.decodebytes": ("b64", _text_decoder("b64", base64.decodebytes)),
    "base64.b32decode": ("b32", _text_decoder("b32", base64.b32decode)),
    "base64.b32hexdecode": ("b32", _text_decoder("b32", base64.b32hexdecode)),
    "base64.b16decode": ("hex", _text_decoder("hex", base64.b16decode)),
    "binascii.a2b_base64": ("b64", _text_decoder("b64", binascii.a2b_base64)),
    "binascii.unhexlify": ("hex", _text_decoder("hex", binascii.unhexlify)),
    "binascii.a2b_hex": ("hex", _text_decoder("hex", binascii.a2b_hex)),
    "binascii.a2b_uu": ("uu", _text_decoder("uu", binascii.a2b_uu)),
    "binascii.a2b_qp": ("quopri", _text_decoder("quopri", binascii.a2b_qp)),
    "quopri.decodestring": ("quopri", _text_decoder("quopri", binascii.a2b_qp)),
}

# Other spellings of the same functions: Python 3.14's `compression` package, and packages with the same interface.
ALIASES: dict[str, str] = {
    "compression.lzma.decompress": "lzma.decompress",
    "compression.zlib.decompress": "zlib.decompress",
    "compression.gzip.decompress": "gzip.decompress",
    "compression.bz2.decompress": "bz2.decompress",
    "compression.zstd.decompress": "zstandard.decompress",
    "backports.lzma.decompress": "lzma.decompress",
    "backports.zstd.decompress": "zstandard.decompress",
    "pyzstd.decompress": "zstandard.decompress",
    "zstd.decompress": "zstandard.decompress",
    "brotlicffi.decompress": "brotli.decompress",
    "isal.igzip.decompress": "gzip.decompress",
    "isal.isal_zlib.decompress": "zlib.decompress",
    "zlib_ng.zlib_ng.decompress": "zlib.decompress",
    "pybase64.b64decode": "base64.b64decode",
    "base64.decodestring": "base64.decodebytes",
}

# `codecs.decode(x, NAME)`: byte transforms by their registered names.
_TRANSFORMS: dict[str, tuple[str, Decoder]] = {
    "zlib": DECODERS["zlib.decompress"],
    "zip": DECODERS["zlib.decompress"],
    "bz2": DECODERS["bz2.decompress"],
    "base64": DECODERS["base64.decodebytes"],
    "base_64": DECODERS["base64.decodebytes"],
    "hex": DECODERS["binascii.unhexlify"],
    "quopri": DECODERS["quopri.decodestring"],
    "quoted_printable": DECODERS["quopri.decodestring"],
    "rot13": ("rot13", _text_decoder("rot13", _rot13)),
    "rot_13": ("rot13", _text_decoder("rot13", _rot13)),
}

_TEXT_ENCODING = re.compile(
    r"(?:utf_?(?:8|7|16|32)(?:_?(?:sig|le|be))?|u8|ascii|us_ascii|latin_?1|l1|iso_?8859(?:_\d{1,2})?|cp\d{3,4}"
    r"|windows_\d{4}|raw_unicode_escape|unicode_escape|koi8_[rtu]|mac_?roman|gbk|gb2312|gb18030|big5|shift_jis|euc_(?:jp|kr))"
)


def transform_name(encoding: str) -> str | None:
    """The registered byte transform that `codecs.decode(data, encoding)` names, or None for a text encoding."""
    plain = encoding.lower().replace("-", "_").replace(" ", "_").removesuffix("_codec")
    return plain if plain in _TRANSFORMS else None


def decode_transform(data: bytes, encoding: str, limits: Limits) -> tuple[str, bytes]:
    """`codecs.decode(data, "zlib" | "bz2" | "base64" | "hex" | "rot13" | …)` -> (codec name, output)."""
    name = transform_name(encoding)
    if name is None:
        raise DecodeFailed(f"codecs: {encoding!r} is not a byte transform")
    codec, function = _TRANSFORMS[name]
    return codec, function(data, limits)


def decode_text(data: bytes, encoding: str, errors: str, limits: Limits) -> str:
    """`bytes.decode` for the text encodings that are linear and import nothing surprising."""
    if len(data) > limits.layer_output_bytes:
        raise LimitTripped("layer_output_bytes", limits.layer_output_bytes, f"text of {len(data):,} bytes")
    plain = encoding.lower().replace("-", "_").replace(" ", "_")
    if len(plain) > 40 or not _TEXT_ENCODING.fullmatch(plain):
        raise DecodeFailed(f"text encoding {encoding[:40]!r} is not undone")
    if errors not in ("strict", "ignore", "replace", "surrogateescape", "surrogatepass", "backslashreplace"):
        raise DecodeFailed(f"error handler {errors[:40]!r} is not undone")
    try:
        return data.decode(plain, errors)
    except (UnicodeError, LookupError) as error:
        raise DecodeFailed(f"text: {error}") from error


def encode_text(text: str, encoding: str, errors: str, limits: Limits) -> bytes:
    """`str.encode`, under the same terms as `decode_text`."""
    if len(text) > limits.layer_output_bytes:
        raise LimitTripped(
            "layer_output_bytes", limits.layer_output_bytes, f"text of {len(text):,} characters"
        )
    plain = encoding.lower().replace("-", "_").replace(" ", "_")
    if len(plain) > 40 or not _TEXT_ENCODING.fullmatch(plain):
        raise DecodeFailed(f"text encoding {encoding[:40]!r} is not undone")
    if errors not in ("strict", "ignore", "replace", "surrogateescape", "surrogatepass", "backslashreplace"):
        raise DecodeFailed(f"error handler {errors[:40]!r} is not undone")
    try:
        return text.encode(plain, errors)
    except (UnicodeError, LookupError) as error:
        raise DecodeFailed(f"text: {error}") from error


def decoder_for(dotted: str) -> tuple[str, Decoder] | None:
    """Our decoder for a function by its full name (`lzma.decompress`), or None."""
    return DECODERS.get(ALIASES.get(dotted, dotted))


def lzma_constant(name: str) -> int | None:
    """`lzma.FORMAT_RAW` and the like as numbers, for a filter chain written in the script."""
    value: Any = getattr(lzma, name, None) if name.isupper() else None
    return value if isinstance(value, int) else None


def zlib_constant(name: str) -> int | None:
    """`zlib.MAX_WBITS` and the like."""
    value: Any = getattr(zlib, name, None) if name.isupper() else None
    return value if isinstance(value, int) else None
