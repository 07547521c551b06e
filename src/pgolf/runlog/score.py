"""Which line of a log is THE score, and why: a rule over labels, order and values, never over a stated value.

In this order:

1. Lines that cover only part of the split, second passes over scored text and ablations of the same run are set aside, as
   long as something else is left.
2. A mixture's own value (`mix_bpb`), where one is printed, is what such a submission claims.
3. The last evaluation with adaptation (test-time training, n-gram cache, ...) comes after the plain one and is claimed,
   unless it is clearly worse than the plain one: then it diverged.
4. Else the last final evaluation. Without any, the last evaluation of the quantised model, then the last one during
   training; the sentence says so.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from functools import lru_cache

from pgolf.runlog.metrics import Reading, ReadingKind, Score

DIVERGED = 0.006
"""Adaptation that ends this much (a fraction) above the plain evaluation is not claimed by anybody."""
_ADAPTIVE = re.compile(r"ttt|slot|n-?gram|ppm|knn|cache|hedge|mixer|lora|etlb|two_pass|backoff")
_SECOND_PASS = re.compile(r"two_pass|oracle|rescore")
_MIXTURE = re.compile(r"\bppm[_ ]mix(?:er|ture)?$")
_CANDIDATE = re.compile(r"\bcandidate_|\bselected_")
_VARIANT = re.compile(r"^xsa\b")
_PARTIAL = 0.9
_TELLING_DECIMALS = 5
"""A value with this many decimals is the same as another that it is a rounding of."""
_SAME = 1e-4
_NEARLY = 0.9
_STEP_OF = re.compile(r"(\d{1,9})\s?/\s?(\d{1,9})")


def choose_score(
    readings: tuple[Reading, ...], val_tokens: int | None = None, steps: int | None = None
) -> tuple[Score | None, str]:
    """(score, "") or (None, why there is none).

    `val_tokens` is the printed size of the split, `steps` how many steps the run made, where that is printed.
    """
    score, why_not = _choose(readings, val_tokens, steps)
    if score is None or score.reading.is_pair or score.reading.kind is not ReadingKind.FINAL:
        return score, why_not
    # The same number printed with its loss says more than a bare `val_bpb: …` summary below it.
    value = score.reading.val_bpb
    pairs = [
        r
        for r in readings
        if r.is_pair
        and r.kind is ReadingKind.FINAL
        and (r.val_bpb == value or (value.decimals >= _TELLING_DECIMALS and r.val_bpb.agrees(value)))
        and r.val_bpb.decimals >= value.decimals
    ]
    return (
        (Score(pairs[-1], f"{score.why}, where it stands with its loss"), "") if pairs else (score, why_not)
    )


def _choose(
    readings: tuple[Reading, ...], val_tokens: int | None, steps: int | None
) -> tuple[Score | None, str]:
    finals = [r for r in readings if r.kind is ReadingKind.FINAL and math.isfinite(r.val_bpb.value)]
    if not finals:
        return _without_final(readings, steps)
    split_bytes = _split_bytes(finals, val_tokens)
    finals = [r for r in finals if not _partial(r, val_tokens, split_bytes)] or finals
    finals = [r for r in finals if not _VARIANT.search(r.label.lower())] or finals
    finals = _first_passes(finals)
    mixed = [r for r in finals if "mix" in r.bpb_key or _MIXTURE.search(r.label.lower())]
    if mixed:
        return Score(mixed[-1], "the last value of the mixture itself"), ""
    adapts = [_is_adapted(r) for r in finals]
    adapted = [r for r, does in zip(finals, adapts, strict=True) if does]
    if not adapted:
        return Score(finals[-1], "the last final evaluation"), ""
    plain = [r for r, does in zip(finals, adapts, strict=True) if not does]
    if plain:
        best = min(r.val_bpb.value for r in plain)
        if adapted[-1].val_bpb.value > best * (1 + DIVERGED):
            chosen = [r for r in plain if abs(r.val_bpb.value - best) < _SAME][-1]
            worse = adapted[-1]
            why = f"the best plain evaluation: the adapted one ({worse.val_bpb.value:.4f}, line {worse.line}) is clearly worse"
            return Score(chosen, why), ""
    return Score(adapted[-1], "the last evaluation with adaptation"), ""


def _without_final(readings: tuple[Reading, ...], steps_made: int | None) -> tuple[Score | None, str]:
    finite = [r for r in readings if math.isfinite(r.val_bpb.value)]
    quantised = [
        r
        for r in finite
        if r.kind is ReadingKind.DIAGNOSTIC and "quant" in r.label.lower() and "pre" not in r.label.lower()
    ]
    if quantised:
        return Score(
            quantised[-1], "no final evaluation is printed; this is the last one of the quantised model"
        ), ""
    steps = [
        r
        for r in finite
        if r.kind is ReadingKind.STEP and "train" not in r.bpb_key and "train" not in r.loss_key
    ]
    if steps:
        place = _STEP_OF.search(steps[-1].label)
        if place and int(place.group(1)) < min(int(place.group(2)), steps_made or 0) * _NEARLY:
            return (
                None,
                f"no final evaluation is printed; the last one during training is at step {place.group(1)}",
            )
        return Score(steps[-1], "no final evaluation is printed; this is the last one during training"), ""
    candidates = [
        r for r in finite if r.kind is ReadingKind.DIAGNOSTIC and _CANDIDATE.search(r.label.lower())
    ]
    if candidates:
        return Score(candidates[-1], "no final evaluation is printed; this is the last candidate's"), ""
    if readings:
        return None, "none of the printed values is a result of a final evaluation"
    return None, "no bits-per-byte value is printed"


def _split_bytes(finals: list[Reading], val_tokens: int | None) -> float | None:
    """Bytes of the split, about: its tokens times the fewest bytes per token that a final line implies."""
    implied = [r.bytes_per_token for r in finals if r.bytes_per_token is not None]
    return val_tokens * min(implied) if val_tokens and implied else None


def _partial(reading: Reading, val_tokens: int | None, split_bytes: float | None) -> bool:
    """Whether the line itself says that it scored only part of the split (a token is at least one byte)."""
    if not val_tokens:
        return False
    tokens, scored_bytes = reading.tokens, reading.bytes
    fewest = max(val_tokens, _PARTIAL * (split_bytes or 0.0))
    return bool((tokens and tokens < _PARTIAL * val_tokens) or (scored_bytes and scored_bytes < fewest))


def _first_passes(finals: list[Reading]) -> list[Reading]:
    """Without second passes and the lines that repeat their value, when another adapted evaluation is printed."""
    second = [r for r in finals if _SECOND_PASS.search(r.label.lower())]
    if not second:
        return finals
    values = sorted(r.val_bpb.value for r in second)

    def repeats(value: float) -> bool:
        place = bisect_left(values, value)
        return any(abs(value - near) < _SAME for near in values[max(0, place - 1) : place + 1])

    first = [r for r in finals if not repeats(r.val_bpb.value)]
    return first if any(_is_adapted(r) for r in first) else finals


def _is_adapted(reading: Reading) -> bool:
    return _names_adaptation(reading.label, reading.bpb_key)


@lru_cache(maxsize=4096)
def _names_adaptation(label: str, bpb_key: str) -> bool:
    return _ADAPTIVE.search(f"{label} {bpb_key}".lower()) is not None
