"""One line of a log -> the bits-per-byte values it prints, with the loss that belongs to each.

A dialect is not a format here: every trainer invents labels. What is stable is `name separator number`, so a line is cut
into such tokens, each bits-per-byte token is paired with the loss token of the same stem, and the text in front is the
label. All patterns are bounded (no unbounded repetition inside another), hence linear on any input.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from pgolf.runlog.line_shape import LONGEST_SHAPE, SHAPES, shape_of
from pgolf.runlog.metrics import Printed, Reading, ReadingKind

METRIC_WORDS = (b"bpb", b"its_per_byte", b"its per byte", b"its/byte")
"""A line is looked at when it holds one of these, in any case."""

NUMBER = r"[-+]?(?:\d{1,30}(?:[,_]\d{3}){0,8}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,4})?|[-+]?(?:nan|inf(?:inity)?)"
"""A printed number: `1.08`, `1e-3`, `1,234`, `1_234`, `nan`, `-inf`."""

_TOKEN = re.compile(
    r"((?:(?:val|valid|validation|train|training|test|eval)[ \t])?[A-Za-z][\w./-]{0,79})"
    r"[\"'`*]{0,3}(?:[ \t]?\([^()\n]{0,60}\))?"
    r"(?:[ \t]{0,12}(?:[:=≈~|]{1,3}|->|→)[ \t]{0,16}|[ \t]{1,16}(?=[-+]?\d{1,6}\.\d|nan|[-+]?inf))"
    r"(?P<pre>[\"'`*~≈]{0,3})(?P<num>" + NUMBER + r")(?![\w%]|\.\d)",
    re.IGNORECASE,
)
_PLAIN_NUMBER = re.compile(r"[-+]?[0-9]*(?:\.([0-9]*))?$")
_LONGEST_LABEL = 200
_TELLING = 150
"""Characters of a label that tell its kind, at its beginning and its end; what is between is prose."""
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
_PROGRESS_SIGNS = ("[", "chunk", "batch", "progre", "ndow", "doc", "eta", "rank", "gpu")
"""Each alternative of `_PROGRESS` holds one of these, without letters that other characters stand for in any case."""
_PROGRESS_KEY = re.compile(
    r"^(?:run|running|cum|batch|chunk|marginal|sample_sw|b|r|avg_so_far)_?(?:val_)?bpb$|running"
)
_DERIVED_KEY = re.compile(
    r"delta|gap|gain|(?:^|_)diff(?:_|$)|improv|target|thresh|penalt|drop|std|stdev|sem$|margin|reduction|saving|best_|_best|worst|limit|ref"
)
_DERIVED_LABEL = re.compile(
    r"^(?:mean|avg|average|best)\b|\b(?:gain|gap|delta|target|improvement|threshold|best so far|quant_gap|ttt_gain)\b|Δ"
)
_DERIVED_SIGNS = ("mean", "av", "best", "gain", "gap", "delta", "target", "improv", "thresh", "Δ")
"""Each alternative of `_DERIVED_LABEL` holds one of these."""
_PARAMETER_KEY = re.compile(
    r"bpb_(?:weight|power|scale|lr|loss|temp|coef|alpha|lambda|every|freq|interval)|bpb_\w{0,20}(?:enabled|steps)"
)
_TRAINING_LABEL = re.compile(r"(?:train(?:ing)? )?loss\s?[:=]", re.IGNORECASE)
_DIAGNOSTIC = re.compile(
    r"diag|pre[-_ ]?quant|post[-_ ]?ema|post[-_ ]?swa|post[-_ ]?average|candidate|selected|neural_only|swa_eval|ablat|sweep"
    r"|baseline|unquant|raw[_ ]|(?<![a-z])ema(?![a-z])|epoch|loaded ckpt|best_ckpt|checkpoint|calib|warmup|temp_search|search"
    r"|no[-_ ]ttt|without|snapshot|prune|compare|control"
)
_DIAGNOSTIC_SIGNS = (
    *(
        "diag",
        "quant",
        "ema",
        "swa",
        "average",
        "candidate",
        "selected",
        "neural_only",
        "ablat",
        "sweep",
        "baseline",
    ),
    *(
        "raw",
        "epoch",
        "ckpt",
        "checkpoint",
        "calib",
        "warmup",
        "search",
        "ttt",
        "without",
        "snapshot",
        "prune",
    ),
    *("compare", "control"),
)
"""Each alternative of `_DIAGNOSTIC` holds one of these: looking for them costs less than the expression."""
_CODE_START = re.compile(r"\s{0,200}(?:def |return\b|class |assert |raise |import |print\(|\"\"\"|elif |@)")
_CODE_CALL = re.compile(r"(?:log0?|print0?|log_fn|logger\.\w{1,10}|eval_val\w{0,40}|getenv|get)\(")
_CODE_STRING = re.compile(r"\bf[\"']")
_CODE_FIELD = re.compile(r"\{[\w.]{1,40}(?:_bpb|bpb)[\w.]{0,20}[:}]")


@dataclass(slots=True)
class _Token:
    key: str
    stem: str
    start: int
    span: tuple[int, int]
    number: str
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one value of a line stands, and what does not depend on its digits. Spans are (start, end) in the line."""

    label: tuple[int, int] | None
    """None: the label is put together from the line (JSON)."""
    printed_label: tuple[int, int]
    kind: ReadingKind
    bpb: tuple[int, int]
    bpb_decimals: int | None
    """None: the number is not plain digits and a point."""
    loss: tuple[int, int] | None
    loss_decimals: int | None
    loss_key: str
    bpb_key: str
    approximate: bool
    seconds: tuple[int, int, float, float] | None
    """Span of the evaluation's time, what it is multiplied with and divided by to be seconds."""
    tokens: tuple[int, int] | None
    bytes: tuple[int, int] | None


def read_line(text: str, line: int) -> list[Reading]:
    """Readings of one line of at most a few KB, in order; [] for prose and program text. Linear in the line."""
    text = _one_spelling(text)
    return _readings_at(places_in(text), text, line)


def read_shaped_line(raw: bytes, line: int) -> list[Reading]:
    """`read_line` of UTF-8 bytes; the places are remembered for lines that differ in digits only."""
    text = _one_spelling(raw.decode("utf-8", "replace"))
    places = _places_of_shape(shape_of(raw)) if len(raw) <= LONGEST_SHAPE else places_in(text)
    if places is None:
        places = places_in(text)
    return _readings_at(places, text, line) if places else []


@lru_cache(maxsize=SHAPES)
def _places_of_shape(shape: bytes) -> tuple[_Place, ...] | None:
    """Places of every line of a shape; None when names hold digits, because these decide which loss belongs to what."""
    text = _one_spelling(shape.decode("utf-8", "replace"))
    losses, bpbs = _tokens_in(text)
    if bpbs and any("0" in token.key for token in (*losses, *bpbs)):
        return None
    return _places_of_tokens(text, losses, bpbs)


_new = tuple.__new__
"""What a named tuple's own constructor calls: a log makes thousands of them."""


def _readings_at(places: tuple[_Place, ...], text: str, line: int) -> list[Reading]:
    readings: list[Reading] = []
    for place in places:
        start, end = place.printed_label
        span = place.label
        loss = place.loss
        seconds, tokens, count = place.seconds, place.tokens, place.bytes
        fields = (
            line,
            text[span[0] : span[1]] if span is not None else _json_label(text),
            text[start:end],
            place.kind,
            _printed(text, place.bpb, place.bpb_decimals),
            _printed(text, loss, place.loss_decimals) if loss is not None else None,
            place.loss_key,
            place.bpb_key,
            place.approximate,
            float(text[seconds[0] : seconds[1]]) * seconds[2] / seconds[3] if seconds is not None else None,
            _integer(text, tokens) if tokens is not None else None,
            _integer(text, count) if count is not None else None,
        )
        readings.append(_new(Reading, fields))
    return readings


def _printed(text: str, span: tuple[int, int], decimals: int | None) -> Printed:
    number = text[span[0] : span[1]]
    return read_number(number) if decimals is None else _new(Printed, (float(number), decimals))


def _integer(text: str, span: tuple[int, int]) -> int:
    return int(text[span[0] : span[1]].replace(",", "").replace("_", ""))


def _one_spelling(text: str) -> str:
    return _BITS_PER_BYTE.sub("bits_per_byte", text) if "its" in text or "ITS" in text else text


def places_in(text: str) -> tuple[_Place, ...]:
    """Where the values of a line stand; () for prose and program text."""
    return _places_of_tokens(text, *_tokens_in(text))


def _tokens_in(text: str) -> tuple[list[_Token], list[_Token]]:
    """(names of a loss with their numbers, names of bits per byte with theirs); none in program text."""
    losses: list[_Token] = []
    bpbs: list[_Token] = []
    if _is_code(text):
        return losses, bpbs
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
        soft = "~" in separator or "≈" in separator
        token = _Token(key, _stem(key), match.start(), match.span("num"), match.group("num"), soft)
        (bpbs if "bpb" in key or "bits_per_byte" in key else losses).append(token)
    return losses, bpbs


def _places_of_tokens(text: str, losses: list[_Token], bpbs: list[_Token]) -> tuple[_Place, ...]:
    if not bpbs:
        return ()
    times = _times(text) if "eval_" in text or "elapsed" in text else []
    tokens = _count(text, "tokens") if "tokens" in text else None
    count = _count(text, "bytes") if "bytes" in text else None
    starts = [at for at, _ in times]
    json_label: str | None = None
    by_stem = _Losses(losses)
    places: list[_Place] = []
    for token in bpbs:
        loss = by_stem.of(token) if losses else None
        start = token.start if loss is None or token.start < loss.start else loss.start
        first, last = _stripped(text, 0, start)
        label: tuple[int, int] | None = None
        if text.startswith("{", first, last):
            json_label = _json_label(text) if json_label is None else json_label
            name = json_label
        else:
            label = _label_span(text, first, last)
            name = text[label[0] : label[1]]
        loss_key = loss.key if loss else ""
        time = bisect_left(starts, token.start)
        places.append(
            _Place(
                label,
                (first, min(last, first + _LONGEST_LABEL)),
                kind_of(name, token.key, loss_key),
                token.span,
                _plain_decimals(token.number),
                loss.span if loss else None,
                _plain_decimals(loss.number) if loss else None,
                loss_key,
                token.key,
                token.soft,
                times[time][1] if time < len(times) else None,
                tokens,
                count,
            )
        )
    return tuple(places)


def _is_code(text: str) -> bool:
    """Whether a line is program text; each expression runs only where a character that it needs is there."""
    call, field = "(" in text, "{" in text
    if not (call or field or '"' in text or "'" in text):
        return False
    return bool(
        _CODE_START.match(text)
        or (call and (_CODE_CALL.search(text) or ".item()" in text))
        or (field and _CODE_FIELD.search(text))
        or (('f"' in text or "f'" in text) and _CODE_STRING.search(text))
        or "math.log" in text
    )


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


_NAME_CHARACTERS = "_./-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _key_start(text: str, at: int) -> int:
    """Start of the name that holds position `at`, with a word like `Val` in front of it."""
    floor = max(0, at - 80)
    start = floor + len(text[floor:at].rstrip(_NAME_CHARACTERS))
    while start > floor and (text[start - 1].isalnum() or text[start - 1] in "_./-"):
        start -= 1
    while start < at and not text[start].isalpha():
        start += 1
    if start >= 2 and text[start - 1] in " \t":
        word = _SPLIT_WORD.search(text, max(0, start - 12), start)
        if word:
            return word.start()
    return start


class _Losses:
    """The losses of a line, and which of them belongs to a bits-per-byte token: same stem, nearest in front, else behind."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._by_stem: dict[str, list[_Token]] = {}
        for token in tokens:
            self._by_stem.setdefault(token.stem, []).append(token)
        self._chosen: dict[tuple[str, bool], tuple[list[_Token], bool]] = {}

    def of(self, bpb: _Token) -> _Token | None:
        stem, train = bpb.stem, "train" in bpb.key
        chosen = self._chosen.get((stem, train))
        if chosen is None:
            chosen = self._chosen[stem, train] = self._candidates(stem, train)
        tokens, only_in_front = chosen
        if len(tokens) == 1:
            return tokens[0] if tokens[0].start < bpb.start or not only_in_front else None
        place = bisect_left(tokens, bpb.start, key=_start)
        if place:
            return tokens[place - 1]
        return tokens[0] if tokens and not only_in_front else None

    def _candidates(self, stem: str, train: bool) -> tuple[list[_Token], bool]:
        """(losses that may belong to names of this stem, whether they have to stand in front), in order."""
        same = self._by_stem.get(stem, [])
        # A variational bound (`val_var_bpb`) is not the quotient of the loss beside it.
        if not same and (stem in _PLAIN_STEMS or (stem.startswith("val") and "var" not in stem)):
            # `loss … bpb`, `loss … val_bpb`, `val_loss … bpb`: one of the two has no stem of its own.
            plain = (t for t in self._tokens if t.stem in _PLAIN_STEMS)
            same = [t for t in plain if train == ("train" in t.key) or t.stem == ""]
        if not same and stem == "":
            return [t for t in self._tokens if "train" not in t.key], True
        return same, False


_PLAIN_STEMS = ("", "val", "test", "train")


def _start(token: _Token) -> int:
    return token.start


@lru_cache(maxsize=4096)
def _stem(key: str) -> str:
    if key in ("vl", "val bpb", "val loss"):
        return "val"
    return _LOSS_WORDS.sub("", key)


def _plain_decimals(number: str) -> int | None:
    """Decimals of a number that is digits and a point, else None."""
    match = _PLAIN_NUMBER.match(number)
    return len(match.group(1) or "") if match else None


def _stripped(text: str, start: int, end: int, characters: str | None = None) -> tuple[int, int]:
    """The span that `str.strip` leaves of `text[start:end]`."""
    part = text[start:end].lstrip(characters)
    first = end - len(part)
    return first, first + len(part.rstrip(characters))


def _label_span(text: str, start: int, end: int) -> tuple[int, int]:
    """The span of a printed label without timestamps, rank prefixes and hanging punctuation."""
    label = text[start:end]
    for _ in range(6 if label[:1] in _PREFIX_STARTS else 0):
        match = _PREFIX.match(label)
        if not match or match.end() == 0:
            break
        label = label[match.end() :]
    first, last = _stripped(text, end - len(label), end, " \t|,;:=-–—>→\"'`*({[")
    return first, min(last, first + _LONGEST_LABEL)


_JSON_NAME = re.compile(r"\"(?:stage|event|name|tag|type|phase|kind|split|label)\"\s?:\s?\"([^\"\n]{1,80})\"")
_JSON_STEP = re.compile(r"\"(?:step|iter|iteration)\"\s?:\s?(\d{1,9})")


def _json_label(text: str) -> str:
    """The event of a JSON line, with its step."""
    name, step = _JSON_NAME.search(text), _JSON_STEP.search(text)
    parts = ([f"step:{step.group(1)}"] if step else []) + ([name.group(1)] if name else [])
    return " ".join(parts) or "json"


_ANY_DIGIT = {ord(digit): "0" for digit in "0123456789"}


_KINDS = (
    ReadingKind.DERIVED,
    ReadingKind.STEP,
    ReadingKind.PROGRESS,
    ReadingKind.STEP,
    ReadingKind.DIAGNOSTIC,
    ReadingKind.FINAL,
)
"""The first kind that the label or a name asks for counts; places 1 and 3 are steps by label and by name."""


def kind_of(label: str, bpb_key: str, loss_key: str = "") -> ReadingKind:
    """What a reading is, by its label and keys alone."""
    # No pattern below asks for a particular digit, so labels that differ in digits only share one answer.
    if len(label) > _TELLING:
        label = f"{label[: _TELLING - 100]} {label[-100:]}"
    place = min(_place_of_label(label.translate(_ANY_DIGIT)), _place_of_key(bpb_key))
    return _KINDS[min(place, 3) if "train" in loss_key else place]


@lru_cache(maxsize=4096)
def _place_of_label(label: str) -> int:
    low = label.lower()
    if any(map(low.__contains__, _DERIVED_SIGNS)) and _DERIVED_LABEL.search(low):
        return 0
    if _STEP.match(label) or _STEP_INSIDE.match(label) or _TRAINING_LABEL.match(label):
        return 1
    if any(map(low.__contains__, _PROGRESS_SIGNS)) and _PROGRESS.search(label):
        return 2
    return 4 if _is_diagnostic(low) else 5


@lru_cache(maxsize=4096)
def _place_of_key(key: str) -> int:
    if _DERIVED_KEY.search(key) or _PARAMETER_KEY.search(key):
        return 0
    if _PROGRESS_KEY.search(key):
        return 2
    if "train" in key:
        return 3
    return 4 if _is_diagnostic(key) else 5


def _is_diagnostic(low: str) -> bool:
    return any(map(low.__contains__, _DIAGNOSTIC_SIGNS)) and _DIAGNOSTIC.search(low) is not None


_UNITS = {"ms": (1.0, 1000.0), "m": (60.0, 1.0), "s": (1.0, 1.0)}


def _times(text: str) -> list[tuple[int, tuple[int, int, float, float] | None]]:
    """(offset, (span of the number, factor and divisor to seconds)) of a line's evaluation times; None where it is no number."""
    found: list[tuple[int, tuple[int, int, float, float] | None]] = []
    for match in islice(_EVAL_TIME.finditer(text), MOST_PLACES):
        is_number = match.group(1).count(".") < 2 and match.group(1) != "."
        unit = _UNITS[(match.group(2) or "s").lower()]
        found.append((match.start(), (*match.span(1), *unit) if is_number else None))
    return found


def _count(text: str, what: str) -> tuple[int, int] | None:
    for match in _COUNT.finditer(text):
        if match.group(1).lower().endswith(what):
            return match.span(2)
    return None
