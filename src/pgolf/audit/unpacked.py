"""The source that a script really is, for the audit: unwrapped text, the layers around it, or what was in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pgolf.errors import LimitTripped
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.script import Script
from pgolf.untrusted.unwrap import unwrap


@dataclass(frozen=True, slots=True)
class Plain:
    """Source bytes, names of the layers that were undone, and the obstacle (a sentence) or ""."""

    data: bytes
    layers: tuple[str, ...]
    obstacle: str
    missing: str = ""
    """A file that it runs and that does not lie beside it (an evidence gap, not obfuscation)."""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """Variables that the wrapper sets before the code runs; None for a value, "" for a name, that is not known."""


def unpacked(script: Script, limits: Limits) -> Plain:
    """Unwrap as data. A tripped bound is an obstacle that names it."""
    try:
        result = unwrap(script, limits)
    except LimitTripped as limit:
        return Plain(script.data, (), str(limit))
    layers = tuple("+".join(layer.codecs) or layer.how for layer in result.layers)
    environment = {**result.environment, **dict.fromkeys(result.unknown_environment)}
    obstacle = result.obstacle
    if obstacle is not None and obstacle.rule == "missing-file":
        return Plain(result.source, layers, "", f"line {obstacle.line}: {obstacle.reason}", environment)
    if obstacle is not None:
        return Plain(result.source, layers, f"line {obstacle.line}: {obstacle.reason}")
    return Plain(result.source, layers, "", "", environment)
