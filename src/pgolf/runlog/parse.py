"""`parse_log`: bytes of a training log -> `RunMetrics`. No heavy imports; linear in the log's size."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator

from pgolf.runlog import facts
from pgolf.runlog.encoding import normalise
from pgolf.runlog.ending import read_ending
from pgolf.runlog.facts import Body
from pgolf.runlog.limits import DEFAULT_LIMITS, LogLimits
from pgolf.runlog.metrics import Reading, ReadingKind, RunMetrics, SizeKind
from pgolf.runlog.readings import METRIC_WORDS, read_shaped_line
from pgolf.runlog.score import choose_score
from pgolf.runlog.source_listing import cut_listings
from pgolf.runlog.table import TableHeader

_NOISE_REPEATS = 40
_RARE_END = b"byte"
"""How all metric words but the first one end."""
_DIGITS = re.compile(r"\d+")


def parse_log(data: bytes, name: str = "", limits: LogLimits = DEFAULT_LIMITS) -> RunMetrics:
    """Read a training log of any dialect. Never raises on content; what is absent is None.

    `name` is the file's name or path (a seed in it is used when the log prints none). Bounds are `limits`; a bound
    that was reached is named in `notes`.
    """
    notes: list[str] = []
    size = len(data)
    if size > limits.log_bytes:
        notes.append(f"only the first {limits.log_bytes:,} of {size:,} bytes were read")
        data = data[: limits.log_bytes]
    text = normalise(data)
    listings = cut_listings(text.data)
    body = Body(listings, limits)
    readings, starts, dropped = _read_all(body, limits, notes)
    sizes = facts.read_sizes(body)
    run = facts.read_run(body, name, limits)
    score, no_score = choose_score(readings, run.val_tokens, run.steps)
    end = read_ending(body, readings, run.steps, starts)
    evaluations = [r.eval_seconds for r in readings if r.eval_seconds and r.kind is not ReadingKind.PROGRESS]
    return RunMetrics(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=size,
        lines=body.lines,
        encoding=text.encoding,
        readings=readings,
        score=score,
        no_score=no_score,
        ending=end.ending,
        ending_reason=end.reason,
        ending_line=end.line,
        sizes=sizes,
        model_bytes=facts.chosen_size(sizes, SizeKind.MODEL),
        code_bytes=facts.chosen_size(sizes, SizeKind.CODE),
        total_bytes=facts.chosen_size(sizes, SizeKind.TOTAL),
        eval_seconds=score.reading.eval_seconds if score else None,
        eval_seconds_sum=sum(evaluations) if evaluations else None,
        run=run,
        nan_lines=sum(1 for r in readings if not math.isfinite(r.val_bpb.value)),
        lines_dropped=dropped,
        source_lines=listings.lines,
        notes=tuple(notes),
    )


def _read_all(
    body: Body, limits: LogLimits, notes: list[str]
) -> tuple[tuple[Reading, ...], dict[int, int], int]:
    """Every reading of the log in order, {line: its offset}, and how many values were left out by the bounds."""
    places, dropped = _chosen_places(body, limits)
    if dropped:
        notes.append(
            f"{dropped:,} bits-per-byte values in the middle of the log were not read (bounds {limits.lines:,} lines and"
            f" {limits.values:,} values): the first tenth and the last part were"
        )
    found: list[Reading] = []
    starts: dict[int, int] = {}
    long_lines = 0
    table = TableHeader(limits)
    data = body.data
    for start, end, hit in places:
        number = body.line_number(start)
        if end - start > limits.line_bytes:
            long_lines += 1
            readings = _read_windows(body, hit, end, number, limits)
        else:
            readings = read_text(data[start:end], number) or table.rows(body, start, end, number)
        if readings:
            starts[number] = start
            found += readings
    if long_lines:
        notes.append(
            f"{long_lines} lines longer than {limits.line_bytes:,} bytes were read in windows around their values"
        )
    if table.cut:
        notes.append(f"more than {limits.table_rows:,} rows of tables; the rest was not read")
    return tuple(_quiet_noise(found)), starts, dropped


def _chosen_places(body: Body, limits: LogLimits) -> tuple[list[tuple[int, int, int]], int]:
    """(start, end, first hit) of the lines to read, in order, and how many values the lines left out hold.

    All of them, or the first tenth and the last nine tenths of what the bounds allow; the middle is never visited line
    by line.
    """
    first: list[tuple[int, int, int]] = []
    most = limits.values
    for place in _metric_lines(body):
        if len(first) >= limits.lines or most <= 0:
            break
        first.append(place)
        most -= (place[1] - place[2]) // len(METRIC_WORDS[0]) + 1  # no line holds more values than this
    else:
        return first, 0
    first, values, tenth = [], 0, 0
    for place in _metric_lines(body):
        if len(first) >= limits.lines or values >= limits.values:
            break
        first.append(place)
        values += body.low.count(METRIC_WORDS[0], place[2], place[1]) or 1
        if len(first) <= limits.lines // 10 and values <= limits.values // 10:
            tenth = len(first)
    else:
        return first, 0
    tenth = max(1, tenth)
    end_of_first = first[tenth - 1][1]
    last: list[tuple[int, int, int]] = []
    values = 0
    start_of_last = len(body.low)
    for place in _metric_lines_backwards(body, end_of_first):
        if len(last) >= limits.lines - tenth or values >= limits.values - limits.values // 10:
            break
        last.append(place)
        start_of_last = place[0]
        values += body.low.count(METRIC_WORDS[0], place[2], place[1]) or 1
    dropped = sum(body.low.count(word, end_of_first, start_of_last) for word in METRIC_WORDS)
    return [*first[:tenth], *reversed(last)], dropped


def read_text(raw: bytes, number: int) -> list[Reading]:
    """Readings of one line; a carriage return inside it (progress bars) starts the line anew."""
    if b"\r" not in raw:
        return read_shaped_line(raw, number)
    return [reading for part in raw.split(b"\r") if part for reading in read_shaped_line(part, number)]


def _metric_lines(body: Body) -> Iterator[tuple[int, int, int]]:
    """(start, end, first hit) of every line that holds a metric word, in order, each once."""
    low = body.low
    find, rfind, size = low.find, low.rfind, len(low)
    word = METRIC_WORDS[0]
    hit = find(word)
    rare = _rare_hit(low, 0)
    while hit >= 0 or rare >= 0:
        place = hit if rare < 0 or 0 <= hit < rare else rare
        end = find(b"\n", place)
        end = size if end < 0 else end
        yield rfind(b"\n", 0, place) + 1, end, place
        if 0 <= hit < end:
            hit = find(word, end)
        if 0 <= rare < end:
            rare = _rare_hit(low, end)


def _rare_hit(low: bytes, start: int) -> int:
    """Where the first of the spelt-out metric words begins, at `start` or later, -1 without one: one search for them all."""
    at = low.find(_RARE_END, start)
    while at >= 0:
        for word in METRIC_WORDS[1:]:
            first = at + len(_RARE_END) - len(word)
            if first >= start and low.startswith(word, first):
                return first
        at = low.find(_RARE_END, at + 1)
    return -1


def _metric_lines_backwards(body: Body, floor: int) -> Iterator[tuple[int, int, int]]:
    """The lines of `_metric_lines` from the last one to the first one behind the offset `floor`."""
    low = body.low
    at = {word: hit for word in METRIC_WORDS if (hit := low.rfind(word, floor)) >= 0}
    while at:
        start, end = body.bounds(max(at.values()))
        hits = [hit for word in at if (hit := low.find(word, start, end)) >= 0]
        yield start, end, min(hits)
        for word, place in list(at.items()):
            if place >= start:
                place = low.rfind(word, floor, start)
                if place < 0:
                    del at[word]
                else:
                    at[word] = place


def _read_windows(body: Body, hit: int, end: int, number: int, limits: LogLimits) -> list[Reading]:
    """Readings of an over-long line: windows around its metric words, up to a bound."""
    found: list[Reading] = []
    low = body.low
    floor = body.data.rfind(b"\n", 0, hit) + 1
    at = {word: place for word in METRIC_WORDS if (place := low.find(word, hit, end)) >= 0}
    for _ in range(limits.windows_per_line):
        if not at:
            break
        hit = min(at.values())
        start, stop = max(floor, hit - 300), min(end, hit + 300)
        found += read_text(body.data[start:stop], number)
        floor = stop
        for word, place in list(at.items()):
            if place < stop:
                at[word] = low.find(word, stop, end)
                if at[word] < 0:
                    del at[word]
    return found


def _quiet_noise(readings: list[Reading]) -> list[Reading]:
    """Labels that repeat often are progress, whatever they are called."""
    if (
        len(readings) <= _NOISE_REPEATS
        or sum(r.kind is ReadingKind.FINAL for r in readings) <= _NOISE_REPEATS
    ):
        return readings
    shapes = [_shape(r) if r.kind is ReadingKind.FINAL else None for r in readings]
    counts = Counter(shape for shape in shapes if shape is not None)
    noisy = {shape for shape, count in counts.items() if count > _NOISE_REPEATS}
    if not noisy:
        return readings
    return [
        r._replace(kind=ReadingKind.PROGRESS) if shape in noisy else r
        for r, shape in zip(readings, shapes, strict=True)
    ]


def _shape(reading: Reading) -> tuple[str, str]:
    label = reading.label
    if not label.isascii():
        return _DIGITS.sub("#", label), reading.bpb_key
    label = label.translate(_MARKED_DIGITS)
    while "##" in label:
        label = label.replace("##", "#")
    return label, reading.bpb_key


_MARKED_DIGITS = str.maketrans("0123456789", "##########")
