"""Small SVG plots of our own: a scatter of seeds with means, and a step line of money. No script, no font, no colour
that light or dark pages lose: a white ground is part of the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from pgolf.report.visible import visible

WIDTH, HEIGHT = 760, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 34, 64
_INK, _GRID, _DOT, _MEAN, _LINE = "#222222", "#dddddd", "#3366aa", "#bb5500", "#117733"


@dataclass(frozen=True, slots=True)
class SeedColumn:
    """One experiment's seeds, in bpb."""

    name: str
    values: tuple[float, ...]


def seeds_plot(columns: Sequence[SeedColumn], frontier_bpb: float | None, title: str) -> str:
    """SVG: a column per experiment (at least one), a dot per seed, a bar at the mean, a line at the frontier."""
    values = [value for column in columns for value in column.values]
    line = [] if frontier_bpb is None else [frontier_bpb]
    low, high = _padded(min(values + line), max([_highest_shown(values), *line]))
    step = (WIDTH - _LEFT - _RIGHT) / len(columns)
    parts = [_frame(title, low, high, "bpb")]
    if frontier_bpb is not None:
        y = _height(frontier_bpb, low, high)
        parts.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_LINE}" stroke-dasharray="6 4"/>'
        )
        parts.append(_text(WIDTH - _RIGHT - 4, y - 5, f"frontier {frontier_bpb:.5f}", "end", _LINE))
    every = max(1, math.ceil(len(columns) / 24))
    for index, column in enumerate(columns):
        x = round(_LEFT + (index + 0.5) * step, 1)
        mean = math.fsum(column.values) / len(column.values)
        for value in column.values:
            above = value > high
            y = _height(min(value, high), low, high)
            name = escape(visible(f"{column.name}: {value:.6f} bpb{', above the axis' if above else ''}"))
            if above:
                shape = f"{x - 4},{y + 9} {x + 4},{y + 9} {x},{y + 2}"
                parts.append(f'<polygon points="{shape}" fill="{_DOT}"><title>{name}</title></polygon>')
                continue
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="4" fill="{_DOT}" fill-opacity="0.7"><title>{name}</title></circle>'
            )
        half, y = round(min(14.0, step * 0.35), 1), _height(min(mean, high), low, high)
        parts.append(
            f'<line x1="{round(x - half, 1)}" x2="{round(x + half, 1)}" y1="{y}" y2="{y}" stroke="{_MEAN}" stroke-width="2.5"/>'
        )
        if index % every == 0:
            at = HEIGHT - _BOTTOM + 14
            parts.append(
                f'<text x="{x}" y="{at}" transform="rotate(35 {x} {at})" fill="{_INK}">{escape(visible(column.name))}</text>'
            )
    return _svg(parts, title)


def spend_plot(days: Sequence[tuple[str, float]], spendable_usd: float, title: str) -> str:
    """SVG: cumulative USD over at least one day (ISO date, USD of that day), with a line at what may be spent."""
    total, sums = 0.0, []
    for _, amount in days:
        total += amount
        sums.append(total)
    low, high = 0.0, max(*sums, spendable_usd, 0.01) * 1.08
    step = (WIDTH - _LEFT - _RIGHT) / len(days)
    parts = [_frame(title, low, high, "USD")]
    y = _height(spendable_usd, low, high)
    parts.append(
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_LINE}" stroke-dasharray="6 4"/>'
    )
    parts.append(_text(WIDTH - _RIGHT - 4, y - 5, f"spendable {spendable_usd:.2f}", "end", _LINE))
    path = [f"M {_LEFT} {_height(0.0, low, high)}"]
    every = max(1, math.ceil(len(days) / 8))
    for index, ((day, amount), value) in enumerate(zip(days, sums, strict=True)):
        x, y = round(_LEFT + (index + 0.5) * step, 1), _height(value, low, high)
        path.append(f"H {x} V {y}")
        name = escape(visible(f"{day}: {amount:.2f} USD, {value:.2f} so far"))
        parts.append(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{_DOT}"><title>{name}</title></circle>')
        if index % every == 0:
            parts.append(_text(x, HEIGHT - _BOTTOM + 16, day, "middle"))
    parts.append(f'<path d="{" ".join(path)}" fill="none" stroke="{_DOT}" stroke-width="2"/>')
    return _svg(parts, title)


def _highest_shown(values: Sequence[float]) -> float:
    """Top of the axis: a diverged run far above the others must not press them flat; it becomes a triangle there."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
    limit = high + 6.0 * (high - low)
    return max(value for value in ordered if value <= limit) if high > low else ordered[-1]


def _padded(low: float, high: float) -> tuple[float, float]:
    pad = (high - low) * 0.08 or max(abs(high) * 0.002, 1e-6)
    return low - pad, high + pad


def _height(value: float, low: float, high: float) -> float:
    room = HEIGHT - _TOP - _BOTTOM
    return round(_TOP + room * (1.0 - (value - low) / (high - low)), 1)


def _frame(title: str, low: float, high: float, unit: str) -> str:
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 20, title, "start", bold=True),
    ]
    digits = max(0, min(6, 2 - math.floor(math.log10(high - low))))
    for index in range(5):
        value = low + (high - low) * index / 4
        y = _height(value, low, high)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_GRID}"/>')
        parts.append(_text(_LEFT - 6, y + 4, f"{value:.{digits}f}", "end"))
    parts.append(_text(6, 20, unit, "start"))
    return "\n".join(parts)


def _text(x: float, y: float, text: str, anchor: str, colour: str = _INK, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(visible(text))}</text>'
    )


def _svg(parts: Sequence[str], title: str) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="12"><title>{escape(visible(title))}</title>'
    )
    return "\n".join((head, *parts, "</svg>")) + "\n"
