"""Which line of a log is THE score, and why: a rule over labels and order, never over a stated value."""

from __future__ import annotations

import math
import re

from pgolf.runlog.metrics import Reading, ReadingKind, Score

_ADAPTIVE = re.compile(r"ttt|slot|n-?gram|ppm|knn|cache|hedge|mixer|lora|etlb|two_pass|backoff")


def choose_score(readings: tuple[Reading, ...]) -> tuple[Score | None, str]:
    """(score, "") or (None, why there is none)."""
    finals = [r for r in readings if r.kind is ReadingKind.FINAL and math.isfinite(r.val_bpb.value)]
    adaptive = [r for r in finals if _ADAPTIVE.search(r.label.lower())]
    if adaptive:
        return Score(adaptive[-1], "the last evaluation with adaptation"), ""
    if finals:
        return Score(finals[-1], "the last final evaluation"), ""
    return None, "no final evaluation is printed"
