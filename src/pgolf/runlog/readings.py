"""One line of a log -> the bits-per-byte values it prints, with the loss that belongs to each.

A dialect is not a format here: every trainer invents labels. What is stable is `name separator number`, so a line is cut
into such tokens, each bits-per-byte token is paired with the loss token of the same stem, and the text in front is the
label. All patterns are bounded (no unbounded repetition inside another), hence linear on any input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pgolf.runlog.metrics import Printed, Reading, ReadingKind

METRIC_WORDS = (b"bpb", b"BPB", b"Bpb", b"its_per_byte", b"its per byte", b"its/byte")
"""A line is looked at when it holds one of these (spellings as seen; cheaper than lower-casing every log)."""

NUMBER = r"[-+]?(?:\d{1,30}(?:[,_]\d{3}){0,8}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,4})?|[-+]?(?:nan|inf(?:inity)?)"
"""A printed number: `1.08`, `1e-3`, `1,234`, `1_234`, `nan`, `-inf`."""

_TOKEN = re.compile(
    r"((?:(?:val|valid|validation|train|training|test|eval)[ \t])?[A-Za-z][\w./-]{0,79})"
    r"[\"'`*]{0,3}(?:[ \t]?\([^()\n]{0,60}\))?"
    r"(?:[ \t]{0,12}(?:[:=≈~|]{1,3}|->|→)[ \t]{0,16}|[ \t]{1,16}(?=[-+]?\d{1,6}\.\d|nan|[-+]?inf))"
    r"(?P<pre>[\"'`*~≈]{0,3})(?P<num>" + NUMBER + r")(?![\w%]|\.\d)",
    re.IGNORECASE,
)
MOST_PLACES = 64
"""Names looked at in one line (or in one window of an over-long line)."""
_RARE_WORD = re.compile(
    r"nll|\bt?vl\b|per_byte|\b(?:val_|validation_)?(?:ce|xent)\b|cross_entropy", re.IGNORECASE
)
_SPLIT_WORD = re.compile(r"(?<![\w./])(?:val|valid|validation|train|training|test|eval)[ \t]$", re.IGNORECASE)
_BITS_PER_BYTE = re.compile(r"bits[ _/-](?:per[ _/-])?byte", re.IGNORECASE)
_LOSS_WORDS = re.compile(r"loss|nll|vl|xent|cross_entropy|ce$|bpb|bits_per_byte|nats|[\s_./:-]")
_EVAL_TIME = re.compile(
    r"(?:eval_time|elapsed|eval_s|eval_seconds)\s?[:=]\s?([\d.]{1,20})\s?(ms|s|m)?\b", re.IGNORECASE
)
_COUNT = re.compile(
    r"(?<![\w])(tokens|scored_tokens|n_tokens|bytes|scored_bytes|n_bytes)\s?[:=]\s?(\d[\d,_]{0,20})", re.I
)

_PREFIX = re.compile(
    r"[ \t]*(?:"
    r"\[(?:rank|default|gpu)[ _]?\d{1,5}\]:?"
    r"|\[\d{4}-\d\d-\d\d[^\]\n]{0,24}\]"
    r"|\[\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,9})?\]"
    r"|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?=[ \t|-])"
    r"|\d{10}(?:\.\d{1,9})?(?=[ \t])"
    r"|\[?(?:INFO|DEBUG|WARNING|WARN|ERROR)\]?(?::[\w.]{0,40}:?)?(?=[ \t:])"
    r"|\[?[IWE]\d{4} [\d:.]{8,20} {1,3}\d{1,9} [^\]\n]{0,80}\]"
    r"|\([^()\n]{0,40}pid=\d{1,9}[^()\n]{0,24}\)"
    r"|wandb:"
    r")[ \t]*[|:–-]?[ \t]*",
    re.IGNORECASE,
)

_PREFIX_STARTS = frozenset("[(0123456789IiDdWwEe")

_STEP = re.compile(
    r"(?:\[[^\]\n]{0,40}\]\s{0,3})?"
    r"(?:(?:train|val|valid|eval)[ :_]{1,2})?"
    r"(?:(?:step|iter|iteration|epoch|it|upd|update)s?[\s:=#_]{0,4}\d|[su]\s?[:=]\s?\d|\d{1,9}\s?/\s?\d{1,9}(?!\s?(?:%|windows|batch|chunk)))",
    re.IGNORECASE,
)
_STEP_INSIDE = re.compile(
    r"^(?:>>>|→|=>)?\s{0,4}\[?(?:val|valid|validation|train|eval|evolve_val_checkpoint|checkpoint|validation-ema)\b"
    r"[\]:| -]{0,4}"
    r"\s{0,2}(?:at )?(?:step|iter|epoch)\b",
    re.IGNORECASE,
)
_PROGRESS = re.compile(
    r"\[\s{0,4}[\d.,]{1,9}\s?(?:/\s?\d{1,9}|%)"
    r"|\bchunk[s]?\s{0,2}[\[:=#]?\s{0,2}\d{1,9}\s?/"
    r"|\bbatch\s{0,2}[\[:=#]?\s{0,2}\d{1,9}\s?/"
    r"|progress|\d{1,9}/\d{1,9}\s{1,3}(?:windows|docs|chunks)|windows?[:=]\d{1,9}/\d{1,9}|docs[:=]\d{1,9}/\d{1,9}"
    r"|\bchunk[ _:]?\d{1,9}\b|\bETA[ =:]|\b(?:doc|docs|rank|gpu) ?\d{0,9}:? \w{0,9} ?\d{1,9}/\d{1,9}",
    re.IGNORECASE,
)
_PROGRESS_KEY = re.compile(
    r"^(?:run|running|cum|batch|chunk|marginal|sample_sw|b|r|avg_so_far)_?(?:val_)?bpb$|running"
)
_DERIVED_KEY = re.compile(
    r"delta|gap|gain|(?:^|_)diff(?:_|$)|improv|target|thresh|penalt|drop|std|stdev|sem$|margin|reduction|saving|best_|_best|worst|limit|ref"
)
_DERIVED_LABEL = re.compile(
    r"^(?:mean|avg|average|best)\b|\b(?:gain|gap|delta|target|improvement|threshold|best so far|quant_gap|ttt_gain)\b|Δ"
)
_PARAMETER_KEY = re.compile(
    r"bpb_(?:weight|power|scale|lr|loss|temp|coef|alpha|lambda|every|freq|interval)|bpb_\w{0,20}(?:enabled|steps)"
)
_TRAINING_LABEL = re.compile(r"(?:train(?:ing)? )?loss\s?[:=]", re.IGNORECASE)
_DIAGNOSTIC = re.compile(
    r"diag|pre[-_ ]?quant|post[-_ ]?ema|post[-_ ]?swa|post[-_ ]?average|candidate|selected|neural_only|swa_eval|ablat|sweep"
    r"|baseline|unquant|raw[_ ]|(?<![a-z])ema(?![a-z])|epoch|loaded ckpt|best_ckpt|checkpoint|calib|warmup|temp_search|search"
    r"|no[-_ ]ttt|without|snapshot|prune|compare|control"
)
_CODE = re.compile(
    r"^\s{0,200}(?:def |return\b|class |assert |raise |import |print\(|\"\"\"|elif |@)"
    r"|(?:log0?|print0?|log_fn|logger\.\w{1,10}|eval_val\w{0,40}|getenv|get)\("
    r"|\bf[\"']|\{[\w.]{1,40}(?:_bpb|bpb)[\w.]{0,20}[:}]|\.item\(\)|math\.log",
)


@dataclass(slots=True)
class _Token:
    key: str
    start: int
    number: Printed
    soft: bool


def read_number(text: str) -> Printed:
    """A number as printed. Raises ValueError on anything else."""
    clean = text.replace(",", "").replace("_", "")
    value = float(clean)
    low = clean.lower()
    if "n" in low:  # nan, inf
        return Printed(value, 0)
    mantissa, _, exponent = low.partition("e")
    point = mantissa.find(".")
    decimals = len(mantissa) - point - 1 if point >= 0 else 0
    return Printed(value, decimals - int(exponent or 0))


def read_line(text: str, line: int) -> list[Reading]:
    """Every bits-per-byte value of one line (without its newline), in order."""
    if ("(" in text or '"' in text or "{" in text or "'" in text) and _CODE.search(text):
        return []
    if "its" in text:
        text = _BITS_PER_BYTE.sub("bits_per_byte", text)
    losses: list[_Token] = []
    bpbs: list[_Token] = []
    at = 0
    for place in _metric_words(text):
        if place < at:
            continue
        match = _TOKEN.match(text, _key_start(text, place))
        if match is None:
            continue
        at = match.end()
        key = match.group(1).lower()
        separator = text[match.end(1) : match.start("num")]
        token = _Token(
            key, match.start(), read_number(match.group("num")), "~" in separator or "≈" in separator
        )
        (bpbs if "bpb" in key or "bits_per_byte" in key else losses).append(token)
    if not bpbs:
        return []
    has_time = "eval_" in text or "elapsed" in text
    has_count = "tokens" in text or "bytes" in text
    readings: list[Reading] = []
    for token in bpbs:
        loss = _loss_of(token, losses) if losses else None
        start = token.start if loss is None or token.start < loss.start else loss.start
        printed = text[:start].strip()
        label = clean_label(printed, text)
        loss_key = loss.key if loss else ""
        readings.append(
            Reading(
                line,
                label,
                printed[:200],
                kind_of(label, token.key, loss_key),
                token.number,
                loss.number if loss else None,
                loss_key,
                token.key,
                token.soft,
                _eval_seconds(text, token.start) if has_time else None,
                _count(text, "tokens") if has_count else None,
                _count(text, "bytes") if has_count else None,
            )
        )
    return readings


def _metric_words(text: str) -> list[int]:
    """Where a name may be that carries a loss or bits per byte, in order."""
    low = text.lower()
    places: list[int] = []
    for word in ("bpb", "loss"):
        at = low.find(word)
        while at >= 0 and len(places) < 2 * MOST_PLACES:
            places.append(at)
            at = low.find(word, at + 3)
    if "nll" in low or "vl" in low or "ce" in low or "xent" in low or "per_byte" in low:
        places += [match.start() for match in _RARE_WORD.finditer(text)]
    places.sort()
    return places[:MOST_PLACES]


def _key_start(text: str, at: int) -> int:
    """Start of the name that holds position `at`, with a word like `Val` in front of it."""
    floor = max(0, at - 80)
    start = at
    while start > floor and (text[start - 1].isalnum() or text[start - 1] in "_./-"):
        start -= 1
    while start < at and not text[start].isalpha():
        start += 1
    if start >= 2 and text[start - 1] in " \t":
        word = _SPLIT_WORD.search(text, max(0, start - 12), start)
        if word:
            return word.start()
    return start


def _loss_of(bpb: _Token, losses: list[_Token]) -> _Token | None:
    """The loss token that belongs to a bits-per-byte token: same stem, nearest in front, else behind."""
    if not losses:
        return None
    stem, train = _stem(bpb.key), "train" in bpb.key
    same = [t for t in losses if _stem(t.key) == stem]
    if not same:
        # `loss … bpb`, `loss … val_bpb`, `val_loss … bpb`: one of the two has no stem of its own.
        plain = ("", "val", "test", "train")
        same = [t for t in losses if _stem(t.key) in plain and (stem in plain or stem.startswith("val"))]
        same = [t for t in same if train == ("train" in t.key) or _stem(t.key) == ""]
    if not same and stem == "":
        same = [t for t in losses if t.start < bpb.start and "train" not in t.key]
    if not same:
        return None
    in_front = [t for t in same if t.start < bpb.start]
    return in_front[-1] if in_front else same[0]


def _stem(key: str) -> str:
    if key in ("vl", "val bpb", "val loss"):
        return "val"
    return _LOSS_WORDS.sub("", key)


def clean_label(printed: str, text: str = "") -> str:
    """A printed label without timestamps, rank prefixes and hanging punctuation; names the event of a JSON line."""
    if printed.startswith("{") or (not printed.strip("\"' ") and text.startswith("{")):
        return _json_label(text)
    label = printed
    for _ in range(6 if label[:1] in _PREFIX_STARTS else 0):
        match = _PREFIX.match(label)
        if not match or match.end() == 0:
            break
        label = label[match.end() :]
    return label.strip(" \t|,;:=-–—>→\"'`*({[")[:200]


_JSON_NAME = re.compile(r"\"(?:stage|event|name|tag|type|phase|kind|split|label)\"\s?:\s?\"([^\"\n]{1,80})\"")
_JSON_STEP = re.compile(r"\"(?:step|iter|iteration)\"\s?:\s?(\d{1,9})")


def _json_label(text: str) -> str:
    name, step = _JSON_NAME.search(text), _JSON_STEP.search(text)
    parts = ([f"step:{step.group(1)}"] if step else []) + ([name.group(1)] if name else [])
    return " ".join(parts) or "json"


_ANY_DIGIT = {ord(digit): "0" for digit in "0123456789"}


def kind_of(label: str, bpb_key: str, loss_key: str = "") -> ReadingKind:
    """What a reading is, by its label and keys alone."""
    # No pattern below asks for a particular digit, so labels that differ in digits only share one answer.
    return _kind_of_shape(label.translate(_ANY_DIGIT), bpb_key, loss_key)


@lru_cache(maxsize=4096)
def _kind_of_shape(label: str, bpb_key: str, loss_key: str) -> ReadingKind:
    low = label.lower()
    if _DERIVED_KEY.search(bpb_key) or _PARAMETER_KEY.search(bpb_key) or _DERIVED_LABEL.search(low):
        return ReadingKind.DERIVED
    if _STEP.match(label) or _STEP_INSIDE.match(label) or _TRAINING_LABEL.match(label):
        return ReadingKind.STEP
    if _PROGRESS_KEY.search(bpb_key) or _PROGRESS.search(label):
        return ReadingKind.PROGRESS
    if "train" in bpb_key or (loss_key and "train" in loss_key):
        return ReadingKind.STEP
    if _DIAGNOSTIC.search(low) or _DIAGNOSTIC.search(bpb_key):
        return ReadingKind.DIAGNOSTIC
    return ReadingKind.FINAL


def _eval_seconds(text: str, start: int) -> float | None:
    match = _EVAL_TIME.search(text, start)
    if not match:
        return None
    try:
        value = float(match.group(1))
    except ValueError:
        return None
    unit = (match.group(2) or "s").lower()
    return value / 1000 if unit == "ms" else value * 60 if unit == "m" else value


def _count(text: str, what: str) -> int | None:
    for match in _COUNT.finditer(text):
        if match.group(1).lower().endswith(what):
            return int(match.group(2).replace(",", "").replace("_", ""))
    return None
