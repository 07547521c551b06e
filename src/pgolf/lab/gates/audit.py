"""Gate `audit`: a script whose recorded audit says FLAGGED is not trained again, unless PGOLF_FORCE=1.

Reads result rows that `pgolf audit` wrote (JSON lines in `state/audits.jsonl`); it never audits by itself.
"""

from __future__ import annotations

import os

from pgolf.lab.gates import ALLOWED, FORCED, REFUSED, Answer, Request

NAME = "audit"
OVERRIDE = "PGOLF_FORCE"
ROWS_FILE = "audits.jsonl"
MAX_SCRIPT_BYTES = 32_000_000
MAX_ROWS_BYTES = 16_000_000


def check(request: Request) -> Answer:
    """Refuses a launch of a script whose bytes have a FLAGGED row; the last row about those bytes counts."""
    if request.workspace is None:
        return Answer(NAME, ALLOWED, "no workspace, no recorded audit")
    path = os.path.join(os.fspath(request.workspace.root), "state", ROWS_FILE)
    try:
        with open(path, "rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(handle.tell() - MAX_ROWS_BYTES, 0))
            rows = handle.read(MAX_ROWS_BYTES)
    except FileNotFoundError:
        return Answer(NAME, ALLOWED, "no audit recorded")
    except OSError as error:
        return Answer(NAME, REFUSED, f"{path}: the recorded audits cannot be read: {error.strerror}")
    forced = ""
    for launch in request.plan.launches:
        flagged = _flagged(launch.script, rows) if launch.script else ""
        if flagged and not launch.is_set(OVERRIDE):
            return Answer(NAME, REFUSED, f"{launch.script}: {flagged}; mend the script, or {OVERRIDE}=1")
        forced = forced or flagged
    if forced:
        return Answer(NAME, FORCED, f"{OVERRIDE}=1: {forced}")
    return Answer(NAME, ALLOWED, "no script of this launch is recorded as FLAGGED")


def _flagged(script: str, rows: bytes) -> str:
    """Why this script is flagged, or ''."""
    import hashlib

    try:
        handle = os.open(script, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as stream:
        digest = hashlib.sha256(stream.read(MAX_SCRIPT_BYTES)).hexdigest().encode()
    verdict = ""
    for line in rows.split(b"\n"):
        if digest not in line:
            continue
        import json

        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and row.get("script_sha256") == digest.decode():
            verdict = ""
            if row.get("verdict") == "FLAGGED":
                found = row.get("reasons")
                first = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
                verdict = f"its audit is FLAGGED ({str(first.get('message') or row.get('lut_status'))[:200]})"
    return verdict
