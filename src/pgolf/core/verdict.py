"""Status words of the published formats. A verdict has no truth value: compare it, never test it."""

from __future__ import annotations

from enum import StrEnum
from typing import NoReturn


class _Status(StrEnum):
    def __bool__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} has no truth value; compare it with a member")


class LutStatus(_Status):
    """What is proved about the byte tables of a script (structure, not effect)."""

    CORRECT = "CORRECT"
    BUGGY = "BUGGY"
    OBFUSCATED = "OBFUSCATED"
    UNKNOWN = "UNKNOWN"


class ByteSource(_Status):
    """Where a script's bytes come from."""

    TABLE = "table"
    NPZ = "npz"
    SIDECAR = "sidecar"
    BYTE_LEVEL = "byte_level"
    CONSTANT = "constant"
    UNKNOWN = "unknown"


class EvalStatus(_Status):
    """What is proved about the accumulation and the final formula."""

    CANONICAL = "CANONICAL"
    DEVIATES = "DEVIATES"
    UNKNOWN = "UNKNOWN"


class FingerprintStatus(_Status):
    """Implied bytes per token against the known constants."""

    MATCHES = "MATCHES"
    DEVIATES = "DEVIATES"
    UNKNOWN = "UNKNOWN"


class Verdict(_Status):
    """A whole submission."""

    VERIFIED = "VERIFIED"
    FLAGGED = "FLAGGED"
    UNVERIFIED = "UNVERIFIED"
