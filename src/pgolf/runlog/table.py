"""Readings of tables: a header line that names columns, rows of numbers below it (CSV, TSV, aligned or `|` columns)."""

from __future__ import annotations

import re

from pgolf.runlog.facts import Body
from pgolf.runlog.limits import LogLimits
from pgolf.runlog.metrics import Printed, Reading
from pgolf.runlog.readings import kind_of, read_number

_NAME = re.compile(r"[A-Za-z_][\w ./()%-]{0,40}$")
_FULL_NUMBER = re.compile(
    r"[-+]?(?:\d{1,30}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,4})?$|[-+]?(?:nan|inf)$", re.I
)


class TableHeader:
    """Reads the rows below the header lines of one log, up to a bound for all of them together."""

    def __init__(self, limits: LogLimits) -> None:
        self._read_to = 0
        self._limits = limits
        self._rows_left = limits.table_rows
        self.cut = False
        """Whether rows were left out because of the bounds."""

    def rows(self, body: Body, start: int, end: int, number: int) -> list[Reading]:
        """Readings of the rows below the line `start:end`, [] when that line is no table header."""
        if start < self._read_to or end - start > 1_000:
            return []
        columns = self._columns(body.data[start:end])
        if columns is None:
            return []
        separator, names = columns
        bpb = next((i for i, n in enumerate(names) if "bpb" in n and "delta" not in n), None)
        if bpb is None:
            return []
        loss = next((i for i, n in enumerate(names) if n in ("val_loss", "loss", "val loss", "vl")), None)
        found: list[Reading] = []
        at = end + 1
        for row in range(self._limits.csv_rows):
            if self._rows_left <= 0:
                self.cut = True
                break
            self._rows_left -= 1
            stop = body.data.find(b"\n", at)
            stop = len(body.data) if stop < 0 else stop
            if stop - at > self._limits.line_bytes or at >= len(body.data):
                break
            cells = _cells(body.data[at:stop], separator)
            if len(cells) != len(names):
                if row == 0 and set(body.data[at:stop]) <= set(b"-|=+: \r"):
                    at = stop + 1
                    continue
                break
            value = _number(cells[bpb])
            if value is not None:
                label = " ".join(f"{n}:{c}" for n, c in zip(names, cells, strict=True) if _is_label(n))[:200]
                found.append(
                    Reading(
                        line=number + 1 + row,
                        label=label or "table",
                        printed_label=label,
                        kind=kind_of(label, names[bpb]),
                        val_bpb=value,
                        val_loss=_number(cells[loss]) if loss is not None else None,
                        loss_key=names[loss] if loss is not None else "",
                        bpb_key=names[bpb],
                    )
                )
            at = stop + 1
        self._read_to = at
        return found

    def _columns(self, raw: bytes) -> tuple[bytes, list[str]] | None:
        for separator in (b",", b"\t", b"|"):
            if raw.count(separator) >= 2:
                names = [c.lower() for c in _cells(raw, separator)]
                if len(names) >= 2 and all(_NAME.match(n) for n in names):
                    return separator, names
        return None


def _cells(raw: bytes, separator: bytes) -> list[str]:
    parts = [
        part.strip().strip('"*`').strip() for part in raw.decode("utf-8", "replace").split(separator.decode())
    ]
    if separator == b"|":
        parts = parts[
            1 if parts and not parts[0] else 0 : len(parts) - 1 if parts and not parts[-1] else len(parts)
        ]
    return parts


def _number(text: str) -> Printed | None:
    return read_number(text) if _FULL_NUMBER.match(text) else None


def _is_label(name: str) -> bool:
    return name in (
        "step",
        "iter",
        "stage",
        "name",
        "seed",
        "config",
        "run",
        "label",
        "method",
        "model",
        "eval",
    )
