"""Sizes of the evaluation that are scaled down for the probe stream."""

from __future__ import annotations

import re

from pgolf.untrusted.values import Scaled, ScaledText, Value

TOY_SETTINGS: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (
        re.compile(
            r"(?i)^(?!.*(max_|num_)?doc).*(seq_?len|context_?len|ctx_?len|sequence_?length|block_?size|max_seqlen)(th)?$"
        ),
        16,
        20,
    ),
    (re.compile(r"(?i)^.*stride$"), 4, 6),
    (re.compile(r"(?i)^.*min_doc_?(len|length|tokens)$"), 16, 20),
    (re.compile(r"(?i)^.*(val|eval|sliding).*batch.*(tokens|size)$|^val_batch$|^.*batch_tokens$"), 128, 160),
    (re.compile(r"(?i)^.*batch_seqs$|^.*(eval|ttt|slot|sw).*(batch(_size)?|bsz|batch_sz)$"), 4, 5),
    (re.compile(r"(?i)^.*chunk_?(tokens|size|len|sz)$|^ttt_chunk$"), 32, 40),
)
"""Sizes of the evaluation are scaled down for the probe stream; the per-token arithmetic does not depend on them.

The second size is that of an evaluation at other sizes: a literal of the script that happens to be one is not the other,
nor is a part of one size (a quarter of a window) that happens to be another.
"""

LITERAL_SIZE = re.compile(
    r"(?i)^(?!.*doc).*(seq_?len|context_?len|ctx_?len|sequence_?length|max_seqlen)(th)?$|^.*stride$"
)
"""Names that a script gives a size to in its text: as an attribute of a class of settings, a default, a named argument."""
LEAST_LITERAL_SIZE = 32
"""Smaller ones are strides of convolutions and the like."""

_LONG_CHUNK = 1024
"""A chunk shorter than this is a part of a sequence, here as in a real run; longer ones hold several."""


def toy_setting(name: str, value: Value, other: bool = False) -> Value:
    """The scaled-down value of a setting of that name, or the value itself; `other`: where it is evaluated at other sizes."""
    text = value if isinstance(value, str) else ""
    number = int(text) if text.isdigit() and len(text) < 12 else value
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        return value
    for pattern, small, larger in TOY_SETTINGS:
        if len(name) < 60 and pattern.match(name):
            real = float(number)
            if small == 32 and number < _LONG_CHUNK:
                small, larger = 8, 10
            here = min(int(number), larger if other else small)
            made: Value = ScaledText.of(str(here), real, real) if text else Scaled.of(here, real, real)
            made.other = min(int(number), larger)
            return made
    return value
