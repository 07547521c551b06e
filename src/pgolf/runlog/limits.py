"""Bounds on what one log may cost. A tripped bound is stated in `RunMetrics.notes`, never hidden."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogLimits:
    """Bounds of `parse_log`. Sizes in bytes, the rest are counts."""

    log_bytes: int = 256 * 1024 * 1024
    """A longer log is read up to here."""
    lines: int = 12_000
    """Lines with a bits-per-byte word read per log; of more, the first tenth and the last nine tenths."""
    values: int = 12_000
    """Bits-per-byte words read per log, about; of more, likewise. A contest's largest log prints 10,053."""
    line_bytes: int = 4_096
    """A longer line is read in windows of this size around its metric words."""
    windows_per_line: int = 64
    """Windows read in one over-long line."""
    fact_line_bytes: int = 1_024
    """A longer line is searched for facts in a window of this size around the word."""
    fact_hits: int = 400
    """Lines looked at per kind of fact (seed, size, ...)."""
    hyperparameters: int = 600
    """Hyperparameters kept."""
    head_bytes: int = 256 * 1024
    """Bytes before the training lines searched for settings."""
    tail_bytes: int = 1024 * 1024
    """Bytes after the training lines searched for sizes and times."""
    csv_rows: int = 5_000
    """Rows read below one table header."""
    table_rows: int = 12_000
    """Rows read below all table headers of a log."""


DEFAULT_LIMITS = LogLimits()
