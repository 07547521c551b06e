"""What a worker may be asked to do with a submission's text, on its own: unwrap it, parse it, or both.

Each function takes (payload, blobs) and returns a JSON-able dict, as `worker` wants it. `blobs["script"]` is the script;
`payload["path"]` its name; every other blob named `sibling:NAME` is a file beside it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.script import MappedSiblings, Script

if TYPE_CHECKING:
    from pgolf.untrusted.unwrap import Unwrapped


def _limits(payload: dict[str, Any]) -> Limits:
    return Limits(**payload["limits"]) if "limits" in payload else DEFAULT_LIMITS


def script_of(payload: dict[str, Any], blobs: dict[str, bytes]) -> Script:
    """The script and its neighbours, as they came over the pipe."""
    limits = _limits(payload)
    beside = {
        name.removeprefix("sibling:"): data for name, data in blobs.items() if name.startswith("sibling:")
    }
    return Script(str(payload.get("path", "script.py")), blobs["script"], MappedSiblings(beside, limits))


def unwrap_script(payload: dict[str, Any], blobs: dict[str, bytes]) -> dict[str, Any]:
    """`unwrap`: layers, obstacles, and the unwrapped source as text."""
    found = _unwrapped(payload, blobs)
    return {**_described(found), "source": found.source.decode("utf-8", "backslashreplace")}


def parse_script(payload: dict[str, Any], blobs: dict[str, bytes]) -> dict[str, Any]:
    """`parse_whole`: how it was parsed, how many top-level statements, and what is wrong with it."""
    return _parsed(blobs["script"], _limits(payload))


def read_script(payload: dict[str, Any], blobs: dict[str, bytes]) -> dict[str, Any]:
    """Unwrap, then parse what came out."""
    found = _unwrapped(payload, blobs)
    return {**_described(found), "parsed": _parsed(found.source, _limits(payload))}


def _unwrapped(payload: dict[str, Any], blobs: dict[str, bytes]) -> Unwrapped:
    from pgolf.untrusted.unwrap import unwrap

    return unwrap(script_of(payload, blobs), _limits(payload))


def _described(found: Unwrapped) -> dict[str, Any]:
    return {
        "layers": [{**asdict(layer), "codecs": list(layer.codecs)} for layer in found.layers],
        "obstacles": [asdict(each) for each in found.obstacles],
        "obstacle": None if found.obstacle is None else asdict(found.obstacle),
        "packed_layers": found.packed_layers,
        "path": found.path,
    }


def _parsed(source: bytes, limits: Limits) -> dict[str, Any]:
    from pgolf.untrusted.fallback import parse_whole

    parsed = parse_whole(source, limits)
    return {
        "via": parsed.via,
        "partial": parsed.partial,
        "problem": parsed.problem,
        "line": parsed.line,
        "damaged": [list(each) for each in parsed.damaged],
        "statements": None if parsed.tree is None else len(parsed.tree.body),
    }
