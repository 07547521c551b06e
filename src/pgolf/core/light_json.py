"""JSON by the interpreter's own scanner and encoder: what `json.loads` and `json.dumps` give, without importing `json`.

`json` imports `re`; together they cost more than a bare interpreter's start, before every command of an agent. The
C functions underneath are the same. Where they are missing, `json` itself is used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BLANKS = " \t\r\n"


class _Settings:
    """What the scanner asks of a decoder."""

    def __init__(self, parse_constant: Callable[[str], Any] | None) -> None:
        self.strict = True
        self.object_hook = None
        self.object_pairs_hook = None
        self.parse_float = float
        self.parse_int = int
        self.parse_constant = parse_constant or float
        self.memo: dict[str, str] = {}


class JSONDecoder:
    """`json.JSONDecoder` with `decode` only; made once, it reads many documents."""

    def __init__(self, *, parse_constant: Callable[[str], Any] | None = None) -> None:
        try:
            from _json import make_scanner
        except ImportError:
            from json.decoder import JSONDecoder as Standard

            self._scan: Callable[[str, int], tuple[Any, int]] = Standard(
                parse_constant=parse_constant
            ).raw_decode
        else:
            self._scan = make_scanner(_Settings(parse_constant))  # type: ignore[arg-type]

    def decode(self, text: str) -> Any:
        """The document in `text`. Raises ValueError (or RecursionError) when it is not exactly one."""
        start = 0 if text[:1] not in _BLANKS else len(text) - len(text.lstrip(_BLANKS))
        try:
            value, end = self._scan(text, start)
        except (StopIteration, SystemError):
            # SystemError: some versions' answer to a text that ends too early.
            raise ValueError("not JSON") from None
        if end != len(text) and text[end:].strip(_BLANKS):
            raise ValueError(f"more than one JSON document: character {end}")
        return value


def loads(data: bytes | str, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """The document in `data`. Raises ValueError (or RecursionError) when it is not exactly one."""
    return JSONDecoder(parse_constant=parse_constant).decode(
        data.decode() if isinstance(data, bytes) else data
    )


def dumps(value: Any, *, separators: tuple[str, str] = (", ", ": "), allow_nan: bool = True) -> str:
    """`value` as ASCII JSON on one line; TypeError and ValueError as `json.dumps` raises them."""
    try:
        from _json import encode_basestring_ascii, make_encoder
    except ImportError:
        import json

        return json.dumps(value, separators=separators, allow_nan=allow_nan)
    item, key = separators
    encode = make_encoder({}, _refuse, encode_basestring_ascii, None, key, item, False, False, allow_nan)
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    return "".join(encode(value, 0))


def _refuse(value: object) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


__all__ = ["JSONDecoder", "dumps", "loads"]
