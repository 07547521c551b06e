"""Sizes, times, seeds and settings of a log: the lines beside the score.

Only lines that hold a word of some fact are read; which words a line holds is remembered by its shape.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

from pgolf.runlog.limits import LogLimits
from pgolf.runlog.line_shape import LONGEST_SHAPE, SHAPES, caseless_shape_of
from pgolf.runlog.metrics import Hyperparameter, RunFacts, SizeKind, SizeLine, UncountedWork
from pgolf.runlog.source_listing import Listings

_INT = r"(\d{1,3}(?:[,_]\d{3}){1,6}|\d{1,18})"
_FLOAT = r"(\d{1,12}(?:\.\d{0,12})?(?:[eE][-+]?\d{1,3})?)"

_SEED = re.compile(r"(?<![\w.])(?:random_|rng_)?seed[\"']?\s{0,2}[:=]\s{0,2}[\"']?(\d{1,10})\b", re.I)
_WORLD = re.compile(
    r"(?<!\w)(?:world[_ ]?size|n?gpus|num_gpus|nproc_per_node)[\"']?\s{0,2}[:=]\s{0,2}(\d{1,5})\b", re.I
)
_VOCAB = re.compile(r"(?<![\w.])(?:vocab_size|vocab)[\"']?\s{0,2}[:=]\s{0,2}" + _INT + r"\b", re.I)
_VAL_TOKENS = re.compile(
    r"val_loader[^\n]{0,300}?(?<!\w)tokens\s?[:=]\s?"
    + _INT
    + r"|(?<!\w)val(?:idation)?[_ ]tokens[\"']?\s{0,2}[:=]\s{0,4}"
    + _INT,
    re.I,
)
_VAL_BYTES = re.compile(r"(?<!\w)val(?:idation)?[_ ]bytes[\"']?\s{0,2}[:=]\s{0,4}" + _INT, re.I)
_SHARDS = re.compile(r"(?<!\w)train_shards\s?[:=]\s{0,4}" + _INT, re.I)
_DATASET = re.compile(
    r"train_loader:dataset:([^\s:]{1,120})|datasets_dir\s?[:=]\s{0,4}(\S{1,300})|data_path\s?[:=]\s{0,4}(\S{1,300})",
    re.I,
)
_TOKENIZER = re.compile(
    r"tokenizer(?:_path|_name)?\s{0,2}[\"']?\s{0,2}[:=]\s{0,2}[\"']?([^\s\"',;=]{1,300}\.(?:model|json|npz|pkl|tiktoken))",
    re.I,
)
_PARAMS = re.compile(
    r"(?<!\w)(?:model_params|n_params|params|total_params|parameters)\s{0,2}[:=]\s{0,2}" + _INT + r"\b", re.I
)
_PEAK = re.compile(r"peak memory(?: allocated)?\s?:\s{0,4}" + _INT + r"\s?MiB", re.I)
_WALL = re.compile(r"max_wallclock(?:_seconds)?\s{0,2}[:=]\s{0,2}" + _FLOAT, re.I)
_STOP = re.compile(
    r"stopping_early:\s?(\w{1,40})(?:\s{1,3}train_time:\s{0,3}"
    + _FLOAT
    + r"(ms|s|m)?)?(?:\s{1,3}step:\s{0,3}(\d{1,9})\s?/\s?(\d{1,9}))?",
    re.I,
)
_TRAIN_TIME = re.compile(r"train_time(?:_ms|_s)?\s?[:=]\s{0,3}" + _FLOAT + r"(ms|s|m)?\b", re.I)
_STEP_AVG = re.compile(r"step_avg\s?[:=]\s{0,3}" + _FLOAT + r"\s?ms", re.I)
_STEP_OF = re.compile(r"(?:^|\s|step[:= ]{0,3}|\bs:)(\d{1,9})\s?/\s?(\d{1,9})\b", re.I)

_SIZE_LINES: tuple[tuple[SizeKind, re.Pattern[str]], ...] = (
    (
        SizeKind.TOTAL,
        re.compile(
            r"(?:total[ _]?(?:trinity )?(?:submission|artifact|package|compressed)?[ _]?(?:size|bytes)(?:_bytes)?"
            r"|submission[ _]size|artifact[ _](?:size|bytes)|bytes_total|total_artifact_bytes|total_submission\w{0,20})"
            r"([^:=\n]{0,40}?)\s{0,2}[:=]\s{0,8}" + _INT + r"(?!\s?(?:\.\d|[KMG]i?B))",
            re.I,
        ),
    ),
    (SizeKind.TOTAL, re.compile(r"(?:^|[|,\s])total( artifact)?\s?:\s{0,4}" + _INT + r"\s?bytes", re.I)),
    (
        SizeKind.CODE,
        re.compile(
            r"(?<!\w)(?:code|script)(?:[ _]size|[ _]bytes)?([^:=\n]{0,30}?)\s?[:=]\s{0,8}"
            + _INT
            + r"(?:\s?bytes|\b(?![.\d]))",
            re.I,
        ),
    ),
    (
        SizeKind.MODEL,
        re.compile(
            r"(?:serialized[ _]model|compressed[ _]model(?:_bytes)?|serialized|compressed_blob_bytes)"
            r"([^:=\n]{0,50}?)\s?[:=]\s{0,8}" + _INT + r"(?!\s?(?:\.\d|[KMG]i?B))",
            re.I,
        ),
    ),
)
_SIZE_WORDS = (b"bytes", b"artifact", b"size:", b"total:")

_HYPER_LINE = re.compile(
    rb"[ \t]{0,12}[\"']?([A-Za-z_][\w.]{0,63})[\"']?\s?[:=]\s?[\"']?([^\"']{1,240}?)[\"']?,?\s{0,4}$"
)
_HYPER_PAIR = re.compile(rb"(?<![\w.:=/])([A-Za-z_][\w]{1,63})[:=]([^\s,;:=]{1,200})")
_LONGEST_SETTING = 2_000
_NO_SETTING_STARTS = frozenset(b"|+*=[#-<>(/{}")


_SettingSpans = tuple[tuple[int, int, int, int], ...]
_FACT_WORDS = (
    *_SIZE_WORDS,
    b"seed",
    b"world_size",
    b"world size",
    b"val_loader",
    b"val_tokens",
    b"val tokens",
    b"validation tokens",
    b"val_bytes",
    b"vocab_size",
    b"train_shards",
    b"train_loader:dataset",
    b"datasets_dir",
    b"tokenizer",
    b"params",
    b"peak memory",
    b"max_wallclock",
    b"stopping_early",
    b"timer",
    b"excluded from",
)
_RUN_STARTS = (b"train_loader:dataset", b"\nHyperparameters:")
_FIRST_STEPS = (b"\nstep:0/", b"\n0/20000 ")
_TRAINING_WORDS = (b"train_loss", b"\nstep:")


class Body:
    """A log without listings (`data`, lower-cased `low`), and the part of it where facts stand (`text`).

    Facts are printed before a run's first training line and after its last one. Only these parts of the last run are
    searched for them, up to a bound each.
    """

    def __init__(self, listings: Listings, limits: LogLimits) -> None:
        data = self.data = listings.data
        self.low = data.lower()
        self.limits = limits
        counts = [data.count(word) for word in _RUN_STARTS]
        self.runs = max(1, *counts, *(data.count(word) for word in _FIRST_STEPS))
        start = max(
            (data.rfind(word) for word, count in zip(_RUN_STARTS, counts, strict=True) if count > 1),
            default=-1,
        )
        self._cuts = listings.cuts
        self._start = self._run_start(start) if start > 0 else 0
        head_end, tail_start = self._training(self._start)
        head_end = min(head_end, self._start + limits.head_bytes)
        tail_start = max(tail_start, head_end, len(data) - limits.tail_bytes)
        tail_start = max(head_end, data.rfind(b"\n", head_end, tail_start) + 1)
        self._head_end, self._tail_start = head_end, tail_start
        head = data[self._start : head_end]
        self.text = head + b"\n" + data[tail_start:]
        self._cuts_passed = 0
        self._counted_to = 0
        self._counted = 0
        self._shapes = caseless_shape_of(self.text).split(b"\n")
        self._starts = [*accumulate(map(len, self._shapes), initial=0)]
        self._lines_of_word = self._find_words()

    def _run_start(self, sign: int) -> int:
        """Where the run begins whose first known line stands at `sign`: a few lines above, below the run or listing before it."""
        before = max(self.data.rfind(word, 0, sign) for word in _TRAINING_WORDS)
        floor = self.bounds(before + 1)[1] if before >= 0 else 0
        floor = max(floor, *(at for at, _ in self._cuts if at <= sign)) if self._cuts else floor
        return max(floor, self.data.rfind(b"\n", 0, max(0, sign - 4_096)) + 1)

    def _training(self, start: int) -> tuple[int, int]:
        """Offsets where training lines begin and where the last one begins."""
        firsts = {word: at for word in _TRAINING_WORDS if (at := self.data.find(word, start)) >= 0}
        if not firsts:
            return len(self.data), len(self.data)
        last = max(self.data.rfind(word, start) for word in firsts)
        return self.bounds(min(firsts.values()) + 1)[0], self.bounds(last)[0]

    def offset(self, at: int) -> int:
        """Offset in the log of an offset in `text`."""
        head = self._head_end - self._start
        return at + self._start if at <= head else at - head - 1 + self._tail_start

    def head_lines(self, stops: tuple[bytes, ...]) -> Iterator[tuple[int, bytes, _SettingSpans]]:
        """(number, line, its settings) of the run's lines before its training and before any of `stops`."""
        text = self.text
        end = self._head_end - self._start
        for word in stops:
            at = text.find(word, 0, end)
            end = text.rfind(b"\n", 0, at + 1) + 1 if at >= 0 else end
        count = text.count(b"\n", 0, end) + (end > 0 and text[end - 1 : end] != b"\n")
        shapes = self._shapes[:count]
        known = _known_settings
        first = self.line_number(self._start)
        cuts = [*self._cuts[self._cuts_passed :], (len(self.data), 0)]
        passed = 0
        for index, shape in enumerate(shapes):
            spans = known.get(shape)
            if spans is None:
                spans = settings_in(shape)
            if spans:
                start = self._starts[index] + index
                while cuts[passed][0] <= start + self._start:
                    first += cuts[passed][1]
                    passed += 1
                yield first + index, text[start : start + len(shape)], spans

    def _find_words(self) -> dict[bytes, list[tuple[int, bytes]]]:
        """{word: (start in `text`, shape) of the lines that hold it, in order}."""
        found: defaultdict[bytes, list[tuple[int, bytes]]] = defaultdict(list)
        known = _known_words
        unknown: dict[bytes, list[int]] = {}
        starts = self._starts
        for index, shape in enumerate(self._shapes):
            words = known.get(shape)
            if words:
                for word in words:
                    found[word].append((starts[index] + index, shape))
            elif words is None:
                unknown.setdefault(shape, []).append(index)
        for shape, words in _words_of_shapes(list(unknown)).items():
            for word in words:
                found[word] += [(starts[index] + index, shape) for index in unknown[shape]]
        for lines in found.values() if unknown else ():
            lines.sort()
        return found

    def lines_with(self, word: bytes) -> Iterator[tuple[int, str]]:
        """(offset in the log, text) of the lines that hold `word`, one of the words of facts, up to the bounds.

        In order; an over-long line is read in windows around the word.
        """
        for at, text, _ in self.shaped_lines_with(word):
            yield at, text

    def shaped_lines_with(self, word: bytes) -> Iterator[tuple[int, str, bytes]]:
        """`lines_with`, and the caseless shape of what is read."""
        text, longest = self.text, self.limits.fact_line_bytes
        left = self.limits.fact_hits
        for first, shape in self._lines_of_word.get(word, ()):
            if len(shape) <= longest:
                yield self.offset(first), text[first : first + len(shape)].decode("utf-8", "replace"), shape
                left -= 1
            else:
                for start, end in _windows(shape, word, longest, left):
                    window = text[first + start : first + end].decode("utf-8", "replace")
                    yield self.offset(first + start), window, shape[start:end]
                    left -= 1
            if left <= 0:
                break

    def last_line_with(self, word: bytes) -> str:
        """The last line of the whole log that holds `word` as it is spelt here, else ""."""
        at = self.data.rfind(word)
        if at < 0:
            return ""
        at += word.startswith(b"\n")
        first, last = self.bounds(at)
        reach = self.limits.fact_line_bytes
        first, last = max(first, at - reach), min(last, at + reach)
        return self.data[first:last].decode("utf-8", "replace")

    def bounds(self, at: int) -> tuple[int, int]:
        """Start and end (without newline) of the line of the log around an offset."""
        last = self.data.find(b"\n", at)
        return self.data.rfind(b"\n", 0, at) + 1, len(self.data) if last < 0 else last

    def line_number(self, at: int) -> int:
        """1-based line of an offset; cheap when asked in rising order."""
        if at < self._counted_to:
            self._counted_to = self._counted = self._cuts_passed = 0
        self._counted += self.data.count(b"\n", self._counted_to, at)
        self._counted_to = at
        cuts = self._cuts
        while self._cuts_passed < len(cuts) and cuts[self._cuts_passed][0] <= at:
            self._counted += cuts[self._cuts_passed][1]
            self._cuts_passed += 1
        return self._counted + 1

    @property
    def lines(self) -> int:
        """Lines of the log, listings included."""
        data = self.data
        whole = data.count(b"\n") + sum(lines for _, lines in self._cuts)
        return whole + (0 if data.endswith(b"\n") or not data else 1)


_known_words: dict[bytes, tuple[bytes, ...]] = {}


def _words_of_shapes(shapes: list[bytes]) -> dict[bytes, tuple[bytes, ...]]:
    """{shape: the words of facts in it} of the shapes that hold any; what is found is remembered for other logs."""
    # A search per word through all lines at once costs less than many through each line.
    text = b"\n".join(shapes)
    new: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for word in _FACT_WORDS:
        at = text.find(word)
        while at >= 0:
            end = text.find(b"\n", at)
            end = end if end >= 0 else len(text)
            new[text[text.rfind(b"\n", 0, at) + 1 : end]].append(word)
            at = text.find(word, end)
    found = {shape: tuple(words) for shape, words in new.items()}
    if len(_known_words) + len(shapes) > SHAPES:
        _known_words.clear()
    for shape in shapes[:SHAPES]:
        if len(shape) <= LONGEST_SHAPE:
            _known_words[shape] = found.get(shape, ())
    return found


def _windows(line: bytes, word: bytes, longest: int, most: int) -> Iterator[tuple[int, int]]:
    """(start, end) of at most `most` windows around a word in an over-long line."""
    at = line.find(word)
    floor = 0
    while at >= 0 and most > 0:
        start, end = max(floor, at - longest // 2), min(len(line), at + longest // 2)
        yield start, end
        most -= 1
        at = line.find(word, max(end, at + 1))


def to_int(text: str) -> int:
    """An integer with thousands separators."""
    return int(text.replace(",", "").replace("_", ""))


def to_seconds(value: str, unit: str | None, default: str = "ms") -> float:
    """Seconds of a printed time; `default` is the unit when none is printed."""
    scale = {"ms": 0.001, "s": 1.0, "m": 60.0}
    return float(value) * scale[(unit or default).lower()]


@lru_cache(maxsize=SHAPES)
def _group_span(pattern: re.Pattern[str], shape: bytes) -> tuple[int, int] | None:
    """The span of the first group that `pattern` fills in a line of this shape; None when it finds nothing there."""
    match = pattern.search(shape.decode("utf-8", "replace"))
    if match is None:
        return None
    return next((span for span in match.regs[1:] if span[1] > span[0]), (0, 0))


def _printed_with(body: Body, word: bytes, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """(offset, what the pattern's group holds) of every line with `word` where a caseless pattern finds something."""
    for at, text, shape in body.shaped_lines_with(word):
        span = _group_span(pattern, shape)
        if span is not None and not looks_like_code(text):
            yield at, text[span[0] : span[1]]


def all_ints(body: Body, word: bytes, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """(value, offset) of every match of `pattern` on lines that hold `word`."""
    return [(to_int(found), at) for at, found in _printed_with(body, word, pattern)]


def first_text(body: Body, word: bytes, pattern: re.Pattern[str]) -> str:
    """First group of the first match of `pattern` on a line that holds `word`, else ""."""
    return next((found for _, found in _printed_with(body, word, pattern)), "")


_CODE_START = re.compile(r"\s{0,60}(?:def|raise|return|assert|if|for|while|import)\b")
_CODE_WORD = re.compile(r"\bself\.|\bargs\.|\bf[\"']|#\s")


def looks_like_code(text: str) -> bool:
    """Whether a line is program text rather than something a program printed."""
    if "(" in text and ("log(" in text or "log0(" in text or "print(" in text):
        return True
    if "os.environ" in text or _CODE_START.match(text):
        return True
    signs = "self." in text or "args." in text or "f'" in text or 'f"' in text or "#" in text
    return signs and _CODE_WORD.search(text) is not None


def read_sizes(body: Body) -> tuple[SizeLine, ...]:
    """Printed sizes in order of appearance, each line once."""
    places: dict[int, tuple[str, _SizeSpans]] = {}
    for word in _SIZE_WORDS:
        for at, text, shape in body.shaped_lines_with(word):
            if at not in places:
                places[at] = (
                    text,
                    _sizes_of_shape(shape) if len(shape) <= LONGEST_SHAPE else _size_spans(shape),
                )
    sizes: list[SizeLine] = []
    for at in sorted(places):
        text, spans = places[at]
        if not spans or looks_like_code(text):
            continue
        line = body.line_number(at)
        for kind, (variant, variant_end), (value, value_end) in spans:
            name = text[variant:variant_end].strip(" ()_-\t")
            sizes.append(SizeLine(kind, name[:40], to_int(text[value:value_end]), line))
    return tuple(sizes)


_SizeSpans = tuple[tuple[SizeKind, tuple[int, int], tuple[int, int]], ...]


def _size_spans(shape: bytes) -> _SizeSpans:
    """(kind, span of the variant, span of the number) of the sizes that a line of this shape prints, one of each kind."""
    text = shape.decode("utf-8", "replace")
    found: dict[SizeKind, tuple[SizeKind, tuple[int, int], tuple[int, int]]] = {}
    for kind, pattern in _SIZE_LINES:
        match = None if kind in found else pattern.search(text)
        if match:
            found[kind] = kind, match.span(1) if match.group(1) else (0, 0), match.span(2)
    return tuple(found.values())


_sizes_of_shape = lru_cache(maxsize=SHAPES)(_size_spans)


def chosen_size(sizes: tuple[SizeLine, ...], kind: SizeKind) -> int | None:
    """The size that counts among several of one kind: the compressed one, and of these the last printed."""
    of_kind = [s for s in sizes if s.kind is kind]
    if kind is SizeKind.CODE:
        packed = [
            s
            for s in of_kind
            if "compressed" in s.variant.lower() and "uncompressed" not in s.variant.lower()
        ]
        of_kind = packed or of_kind
    else:
        packed = [
            s
            for s in of_kind
            if s.variant and "raw" not in s.variant.lower() and "uncompressed" not in s.variant.lower()
        ]
        of_kind = packed or of_kind
    return of_kind[-1].size_bytes if of_kind else None


def read_hyperparameters(body: Body, limits: LogLimits) -> tuple[Hyperparameter, ...]:
    """Settings printed before the first training line: `key: value` lines and rows of `key:value` pairs."""
    found: dict[bytes, Hyperparameter] = {}
    for number, raw, spans in body.head_lines((b"\nwarmup_step", b"val_loss:", b"\n0/")):
        for name, name_end, value, value_end in spans:
            key = raw[name:name_end]
            if key in found:
                continue
            if len(found) >= limits.hyperparameters:
                return tuple(found.values())
            found[key] = Hyperparameter(
                key.decode("ascii", "replace"),
                raw[value:value_end].strip().decode("utf-8", "replace"),
                number,
            )
    return tuple(found.values())


def settings_in(shape: bytes) -> _SettingSpans:
    """(start and end of the name, start and end of the value) of the settings that a line of this shape prints."""
    spans = _known_settings.get(shape)
    if spans is None:
        spans = _setting_spans(shape)
        if len(shape) <= LONGEST_SHAPE:
            if len(_known_settings) >= SHAPES:
                _known_settings.clear()
            _known_settings[shape] = spans
    return spans


_known_settings: dict[bytes, _SettingSpans] = {}


def _setting_spans(raw: bytes) -> _SettingSpans:
    if (
        not raw
        or raw[0] in _NO_SETTING_STARTS
        or len(raw) > _LONGEST_SETTING
        or (b":" not in raw and b"=" not in raw)
    ):
        return ()
    match = _HYPER_LINE.match(raw)
    if match and b":" not in match.group(2):
        return ((*match.span(1), *match.span(2)),)
    pairs = tuple((*pair.span(1), *pair.span(2)) for pair in _HYPER_PAIR.finditer(raw))
    if len(pairs) >= 2 or match is None:
        return pairs if len(pairs) >= 2 else ()
    return ((*match.span(1), *match.span(2)),)


_UNCOUNTED = re.compile(
    r"(?<![a-z])outside(?:[ _]of)?(?:[ _]the)?[ _](?:\w{1,12}[ _]){0,2}timer"
    r"|\btime (?:is )?excluded from (?:the )?(?:eval|train|timer|clock|total)",
    re.I,
)
_TOOK = re.compile(r"(?:elapsed|time|took|seconds)\s?[:=]?\s{0,2}(\d{1,7}(?:\.\d{1,9})?)\s?(ms|s|m)?\b", re.I)
_MOST_UNCOUNTED = 20


def _read_uncounted(body: Body) -> tuple[UncountedWork, ...]:
    """Lines that say of some work that the printed time does not hold it."""
    found: dict[int, UncountedWork] = {}
    for word in (b"timer", b"excluded from"):
        for at, text in body.lines_with(word):
            if not _UNCOUNTED.search(text) or looks_like_code(text) or len(found) >= _MOST_UNCOUNTED:
                continue
            took = _TOOK.search(text)
            seconds = to_seconds(took.group(1), took.group(2), "s") if took else None
            line = body.line_number(at)
            found[line] = UncountedWork(line, text.strip()[:200], seconds)
    return tuple(found[line] for line in sorted(found))


_SEED_LINE = re.compile(rb"\n[ \t]{0,8}seed: ?(\d{1,10})\b")
_NAME_SEED = re.compile(
    r"(?:seed|(?<![a-z0-9])s)[_=-]?(\d{1,6})(?!\d)|seeds[_=-]?(\d{1,6}(?:[_,-]\d{1,6}){0,9})(?!\d)", re.I
)


def seeds_in_name(name: str) -> tuple[int, ...]:
    """Seeds that a file's name or path says, in order: `seed42`, `s_314`, `seeds42_314`."""
    found: list[int] = []
    for one, several in _NAME_SEED.findall(name):
        found += [int(number) for number in re.findall(r"\d+", one or several)]
    return tuple(found)


def read_run(body: Body, name: str, limits: LogLimits) -> RunFacts:
    """Seed, steps, times, data and settings of the run (of the last one, where a log holds several)."""
    seeds = [value for value, _ in all_ints(body, b"seed", _SEED)]
    printed = seeds if body.runs == 1 else [int(n) for n in _SEED_LINE.findall(body.data)][:100] or seeds
    named = seeds_in_name(name)
    seed, source = (seeds[-1], "log") if seeds else (named[-1], "name") if named else (None, "")
    worlds = all_ints(body, b"world_size", _WORLD) or all_ints(body, b"world size", _WORLD)
    tokens: list[tuple[int, int]] = []
    for word in (b"val_loader", b"val_tokens", b"val tokens", b"validation tokens"):
        tokens = tokens or all_ints(body, word, _VAL_TOKENS)
    vocab = all_ints(body, b"vocab_size", _VOCAB)
    stop_reason, train_seconds, steps, max_steps = _stop(body)
    if train_seconds is None:
        train_seconds = _last_train_time(body)
    if steps is None:
        steps, max_steps = _last_step(body)
    match = _STEP_AVG.search(body.last_line_with(b"step_avg"))
    wall = first_text(body, b"max_wallclock", _WALL)
    return RunFacts(
        train_seconds=train_seconds,
        steps=steps,
        max_steps=max_steps,
        step_avg_ms=float(match.group(1)) if match else None,
        stop_reason=stop_reason,
        seed=seed,
        seed_source=source,
        seeds=tuple(dict.fromkeys(printed)),
        runs=body.runs,
        world_size=worlds[-1][0] if worlds else None,
        vocab_size=vocab[-1][0] if vocab else None,
        val_tokens=tokens[-1][0] if tokens else None,
        val_bytes=_last_int(all_ints(body, b"val_bytes", _VAL_BYTES)),
        train_shards=_last_int(all_ints(body, b"train_shards", _SHARDS)),
        dataset=first_text(body, b"train_loader:dataset", _DATASET)
        or first_text(body, b"datasets_dir", _DATASET),
        tokenizer_path=first_text(body, b"tokenizer", _TOKENIZER),
        model_params=_last_int(all_ints(body, b"params", _PARAMS)),
        peak_memory_mib=_last_int(all_ints(body, b"peak memory", _PEAK)),
        wallclock_cap_seconds=float(wall) if wall else None,
        hyperparameters=read_hyperparameters(body, limits),
        uncounted=_read_uncounted(body),
    )


def _last_int(found: list[tuple[int, int]]) -> int | None:
    return found[-1][0] if found else None


def _stop(body: Body) -> tuple[str, float | None, int | None, int | None]:
    last: tuple[str, float | None, int | None, int | None] = ("", None, None, None)
    for _, text in body.lines_with(b"stopping_early"):
        match = _STOP.search(text)
        if match and not looks_like_code(text):
            seconds = to_seconds(match.group(2), match.group(3)) if match.group(2) else None
            last = (
                match.group(1),
                seconds,
                int(match.group(4)) if match.group(4) else None,
                int(match.group(5)) if match.group(5) else None,
            )
    return last


def _last_train_time(body: Body) -> float | None:
    match = _TRAIN_TIME.search(body.last_line_with(b"train_time"))
    return to_seconds(match.group(1), match.group(2)) if match else None


def _last_step(body: Body) -> tuple[int | None, int | None]:
    """Steps of the last training line that counts `n/m`."""
    for word in (b"\nstep:", b"train_time", b"train_loss"):
        match = _STEP_OF.search(body.last_line_with(word).lstrip("\n"))
        if match:
            return int(match.group(1)), int(match.group(2))
    return None, None
