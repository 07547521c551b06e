"""Code that came out of wrappers, as reports show it: path, how it was packed, text and hash."""

from __future__ import annotations

import hashlib

from pgolf.core.script_report import SourceLayer
from pgolf.untrusted.unwrap import Unwrapped


def source_layers(unwrapped: Unwrapped) -> tuple[SourceLayer, ...]:
    """The unpacked sources in execution order. A layer that is a file of its own beside the script is left out.

    Line N of a finding at a layer's path is line N of its text: newlines are kept, bytes that are not UTF-8 become
    U+FFFD.
    """
    packings = {(layer.line, layer.how): " of ".join(reversed(layer.codecs)) for layer in unwrapped.layers}
    return tuple(
        SourceLayer(
            path=part.path,
            packing=packings.get((part.line, part.how)) or part.how,
            text=part.data.decode("utf-8-sig", "replace"),
            sha256=hashlib.sha256(part.data).hexdigest(),
        )
        for part in unwrapped.parts
        if part.role != "script" and "::" in part.path
    )
