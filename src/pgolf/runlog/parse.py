"""`parse_log`: bytes of a training log -> `RunMetrics`. No heavy imports; linear in the log's size."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from pgolf.runlog import facts
from pgolf.runlog.encoding import normalise
from pgolf.runlog.ending import read_ending
from pgolf.runlog.facts import Body
from pgolf.runlog.limits import DEFAULT_LIMITS, LogLimits
from pgolf.runlog.metrics import Reading, ReadingKind, RunMetrics, SizeKind
from pgolf.runlog.readings import METRIC_WORDS, read_line
from pgolf.runlog.score import choose_score
from pgolf.runlog.source_listing import blank_listings
from pgolf.runlog.table import TableHeader

_NOISE_REPEATS = 40
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
    listings = blank_listings(text.data)
    body = Body(listings.data, limits)
    readings, dropped_lines = _read_all(body, limits, notes)
    sizes = facts.read_sizes(body)
    run = facts.read_run(body, name, limits)
    score, no_score = choose_score(readings, run.val_tokens, run.steps)
    end = read_ending(body, readings, run.steps)
    evaluations = [r.eval_seconds for r in readings if r.eval_seconds and r.kind is not ReadingKind.PROGRESS]
    return RunMetrics(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=size,
        lines=body.data.count(b"\n") + (0 if body.data.endswith(b"\n") or not body.data else 1),
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
        lines_dropped=dropped_lines,
        source_lines=listings.lines,
        notes=tuple(notes),
    )


def _read_all(body: Body, limits: LogLimits, notes: list[str]) -> tuple[tuple[Reading, ...], int]:
    """Every reading of the log in order, and how many lines were left out by the bound."""
    places = list(_metric_lines(body))
    dropped = max(0, len(places) - limits.lines)
    if dropped:
        first = limits.lines // 10
        notes.append(
            f"{dropped:,} of {len(places):,} lines with bits per byte were not read (bound {limits.lines:,}):"
            " the first tenth and the last part were"
        )
        places = [*places[:first], *places[first - limits.lines :]]
    found: list[Reading] = []
    long_lines = 0
    table = TableHeader()
    for start, end, hit in places:
        number = body.line_number(start)
        if end - start > limits.line_bytes:
            long_lines += 1
            found += _read_windows(body, hit, end, number, limits)
        else:
            found += read_text(body.data[start:end], number) or table.rows(body, start, end, number, limits)
    if long_lines:
        notes.append(
            f"{long_lines} lines longer than {limits.line_bytes:,} bytes were read in windows around their values"
        )
    return tuple(_quiet_noise(found)), dropped


def read_text(raw: bytes, number: int) -> list[Reading]:
    """Readings of one line; a carriage return inside it (progress bars) starts the line anew."""
    text = raw.decode("utf-8", "replace")
    if "\r" not in text:
        return read_line(text, number)
    return [reading for part in text.split("\r") if part for reading in read_line(part, number)]


def _metric_lines(body: Body) -> Iterator[tuple[int, int, int]]:
    """(start, end, first hit) of every line that holds a metric word, in order, each once."""
    data = body.data
    at = {word: hit for word in METRIC_WORDS if (hit := data.find(word)) >= 0}
    while at:
        hit = min(at.values())
        start, end = body.bounds(hit)
        yield start, end, hit
        for word, place in list(at.items()):
            if place < end:
                place = data.find(word, end)
                if place < 0:
                    del at[word]
                else:
                    at[word] = place


def _read_windows(body: Body, hit: int, end: int, number: int, limits: LogLimits) -> list[Reading]:
    """Readings of an over-long line: windows around its metric words, up to a bound."""
    found: list[Reading] = []
    floor = body.data.rfind(b"\n", 0, hit) + 1
    for _ in range(limits.windows_per_line):
        if hit < 0:
            break
        start, stop = max(floor, hit - 300), min(end, hit + 300)
        found += read_text(body.data[start:stop], number)
        floor = stop
        hit = min((at for word in METRIC_WORDS if (at := body.data.find(word, stop, end)) >= 0), default=-1)
    return found


def _quiet_noise(readings: list[Reading]) -> list[Reading]:
    """Labels that repeat often are progress, whatever they are called."""
    shapes = Counter(_shape(r) for r in readings if r.kind is ReadingKind.FINAL)
    noisy = {shape for shape, count in shapes.items() if count > _NOISE_REPEATS}
    if not noisy:
        return readings
    return [
        replace(r, kind=ReadingKind.PROGRESS) if r.kind is ReadingKind.FINAL and _shape(r) in noisy else r
        for r in readings
    ]


def _shape(reading: Reading) -> tuple[str, str]:
    return _DIGITS.sub("#", reading.label), reading.bpb_key
