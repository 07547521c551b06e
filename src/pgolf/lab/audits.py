"""Recorded audits of a workspace: `state/audits.jsonl`, appended by `pgolf audit`, read by the gate `audit`."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from pgolf.errors import UsageError
from pgolf.lab.gates.audit import ROWS_FILE
from pgolf.lab.settings import find_root


def record_audit(row: dict[str, Any], near: Path) -> Path | None:
    """Append a result row to the workspace that `near` (or the working directory) lies in; None outside of one.

    One line, one write, under a lock and synced: two audits at once lose nothing. Raises UsageError when the file
    cannot be written, since a gate that is to read it would otherwise miss a FLAGGED script.
    """
    root = find_root(near) or find_root()
    if root is None:
        return None
    path = root / "state" / ROWS_FILE
    line = (
        json.dumps(row, ensure_ascii=False, allow_nan=False, default=str).encode("utf-8", "replace") + b"\n"
    )
    try:
        path.parent.mkdir(exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise UsageError(f"{path}: the audit cannot be recorded for the gate: {error.strerror}") from error
    return path
