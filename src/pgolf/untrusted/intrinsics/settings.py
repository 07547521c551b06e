"""Sizes of the evaluation that are scaled down for the probe stream."""

from __future__ import annotations

import re

from pgolf.untrusted.values import Scaled, ScaledText, Value

TOY_SETTINGS: tuple[tuple[re.Pattern[str], int], ...] = (
    (
        re.compile(
            r"(?i)^(?!.*(max_|num_)?doc).*(seq_?len|context_?len|ctx_?len|sequence_?length|block_?size|max_seqlen)(th)?$"
        ),
        16,
    ),
    (re.compile(r"(?i)^.*stride$"), 4),
    (re.compile(r"(?i)^.*min_doc_?(len|length|tokens)$"), 16),
    (re.compile(r"(?i)^.*(val|eval|sliding).*batch.*(tokens|size)$|^val_batch$|^.*batch_tokens$"), 128),
    (re.compile(r"(?i)^.*batch_seqs$|^.*(eval|ttt|slot|sw).*(batch(_size)?|bsz|batch_sz)$"), 4),
    (re.compile(r"(?i)^.*chunk_?(tokens|size|len|sz)$|^ttt_chunk$"), 32),
)
"""Sizes of the evaluation are scaled down for the probe stream; the per-token arithmetic does not depend on them."""

_LONG_CHUNK = 1024
"""A chunk shorter than this is a part of a sequence, here as in a real run; longer ones hold several."""


def toy_setting(name: str, value: Value) -> Value:
    """The scaled-down value of a setting of that name, or the value itself."""
    text = value if isinstance(value, str) else ""
    number = int(text) if text.isdigit() and len(text) < 12 else value
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        return value
    for pattern, small in TOY_SETTINGS:
        if len(name) < 60 and pattern.match(name):
            real = float(number)
            if small == 32 and number < _LONG_CHUNK:
                small = 8
            small = min(number, small)
            return ScaledText.of(str(small), real, real) if text else Scaled.of(small, real, real)
    return value
