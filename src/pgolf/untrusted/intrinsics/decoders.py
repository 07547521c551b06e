"""Decompressors and text decoders as a script calls them, each through pgolf's own bounded decoders."""

from __future__ import annotations

from collections.abc import Callable

from pgolf.untrusted import codecs
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, first_unknown
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.values import MISSING, Intrinsic, Module, Opaque, Value

_PACKAGES = (
    "lzma", "zlib", "gzip", "bz2", "brotli", "zstandard", "zstd", "base64", "binascii", "codecs", "pyzstd",
    "brotlicffi",
)  # fmt: skip


def _decoder(dotted: str) -> Value:
    found = codecs.decoder_for(dotted)
    if found is None:
        return MISSING
    label, decode = found

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        unknown = first_unknown([*args, *kwargs.values()])
        if unknown is not None:
            return unknown
        data = args[0] if args else next(iter(kwargs.values()), None)
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        if not isinstance(data, (bytes, bytearray)):
            raise raise_in_script("TypeError", f"{dotted}() needs bytes", line)
        interp.step(len(data) >> 6)
        try:
            result = decode(bytes(data), interp.limits, *args[1:], **kwargs)
        except codecs.DecodeFailed as error:
            raise raise_in_script("ValueError", str(error), line) from None
        except (TypeError, ValueError):
            raise raise_in_script("ValueError", f"{dotted}() failed", line) from None
        interp.cells(len(result) >> 3)
        interp.layers.append(label)
        return result

    return Intrinsic(dotted, run)


def _constant(package: str, name: str) -> Value:
    if package == "lzma":
        found = codecs.lzma_constant(name)
    elif package == "zlib":
        found = codecs.zlib_constant(name)
    else:
        found = None
    return MISSING if found is None else found


def _resolver(package: str) -> Callable[[str], Value]:
    def resolve(name: str) -> Value:
        made = _decoder(f"{package}.{name}")
        if made is MISSING:
            made = _constant(package, name)
        return made if made is not MISSING else Opaque(f"{package}.{name} is not modelled")

    return resolve


def decoder_modules() -> dict[str, Module]:
    """The modules that packed scripts unpack themselves with."""
    return {name: Module(name, _resolver(name)) for name in _PACKAGES}
