"""Decompressors and text decoders as a script calls them, each through pgolf's own bounded decoders."""

from __future__ import annotations

from collections.abc import Callable

from pgolf.untrusted import codecs
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, first_unknown
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.values import MISSING, Intrinsic, Module, Opaque, Stuck, Value

_PACKAGES = (
    "lzma", "zlib", "gzip", "bz2", "brotli", "zstandard", "zstd", "base64", "binascii", "codecs", "pyzstd",
    "brotlicffi",
)  # fmt: skip


_ERRORS = {"base64": "ValueError", "binascii": "ValueError"}
"""What a decoder raises for bad data; classes of their own (`zlib.error`) are exceptions that nothing else catches."""
_ERRORS_BY_CAUSE = frozenset({"gzip", "bz2"})
"""Decoders whose exception depends on what is wrong with the data."""


def _decoder(dotted: str) -> Value:
    found = codecs.decoder_for(dotted)
    if found is None:
        return MISSING
    label, decode = found
    package = dotted.split(".")[0]

    def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        unknown = first_unknown([*args, *kwargs.values()])
        if unknown is not None:
            return unknown
        data = args[0] if args else next(iter(kwargs.values()), None)
        if isinstance(data, str) and package in ("base64", "binascii", "codecs"):
            if not data.isascii():
                raise raise_in_script("ValueError", f"{dotted}() needs ASCII", line)
            data = data.encode("ascii")
        if not isinstance(data, (bytes, bytearray)):
            raise raise_in_script("TypeError", f"{dotted}() needs bytes", line)
        interp.step(len(data) >> 6)
        try:
            result = decode(bytes(data), interp.limits, *args[1:], **kwargs)
        except codecs.DecodeFailed as error:
            if package in _ERRORS_BY_CAUSE:
                raise Stuck(f"{dotted}() raises: {error}", line) from None
            raise raise_in_script(_ERRORS.get(package, "Exception"), str(error), line) from None
        except (TypeError, ValueError) as error:
            raise raise_in_script(type(error).__name__, f"{dotted}() failed", line) from None
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
