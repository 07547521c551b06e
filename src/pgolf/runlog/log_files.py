"""Log and submission files from disk: bounded reads, and one clear sentence for what cannot be read."""

from __future__ import annotations

import stat
from pathlib import Path

from pgolf.errors import DataError, UsageError
from pgolf.runlog.limits import DEFAULT_LIMITS, LogLimits
from pgolf.runlog.metrics import Ending, RunMetrics
from pgolf.runlog.parse import parse_log
from pgolf.runlog.submission_json import MAX_BYTES, StatedResults, read_submission_json


def read_log_file(path: Path, limits: LogLimits = DEFAULT_LIMITS) -> RunMetrics:
    """The metrics of a log on disk; at most `limits.log_bytes` are read.

    Raises UsageError when there is no such regular file, DataError when it holds no training log.
    """
    data = _read(path, limits.log_bytes + 1, "log")
    metrics = parse_log(data, str(path), limits)
    if metrics.ending is Ending.NO_RUN:
        raise DataError(
            f"{path} ({len(data):,} bytes) is no training log: it holds no training line and no bits-per-byte value"
        )
    return metrics


def read_statement_file(path: Path) -> StatedResults:
    """What a `submission.json` on disk states. Raises UsageError or DataError when nothing can be read from it."""
    stated = read_submission_json(_read(path, MAX_BYTES + 1, "submission.json"))
    if not stated.readable:
        raise DataError(f"{path}: {'; '.join(stated.problems)}")
    return stated


def _read(path: Path, most: int, what: str) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path} is no regular file; give a {what} file")
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
