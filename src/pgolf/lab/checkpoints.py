"""Checkpoints: a consistent copy of store, events and ledger, and an anchor against rewriting them.

`state/checkpoints/<UTC time>/` holds `checkpoint.json` (number and hash of the last event, lines and last hash of
the ledger), `events.jsonl` (the whole log, from SQLite or PostgreSQL), and copies of `pgolf.db`, the ledger and the
leaderboard. `doctor` compares every checkpoint's event hash with the log: a log rewritten as a whole, with all its
hashes, no longer holds the hash that the checkpoint saw. Keep a copy elsewhere (version control) for that to bind.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pgolf.errors import UsageError
from pgolf.lab.experiments import append_event, checked_text
from pgolf.lab.ledger import Ledger
from pgolf.lab.settings import Workspace
from pgolf.lab.store.database import Reader, now, open_readonly, read
from pgolf.lab.store.events import GENESIS, canonical_json, verify_chain

CHECKPOINT_FILE = "checkpoint.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint pins."""

    folder: str
    at: str
    note: str
    events: int
    event_hash: str
    ledger_lines: int
    ledger_hash: str
    ledger_balance_usd: float
    problems: tuple[str, ...]
    files: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "problems": list(self.problems), "files": list(self.files)}


def make_checkpoint(workspace: Workspace, note: str = "") -> Checkpoint:
    """Copy everything that cannot be recomputed, and pin the hashes. Damage is copied too, and stated.

    Raises UsageError when the folder cannot be written.
    """
    note = checked_text("note", note) or ""
    moment = now()
    folder = checkpoints_dir(workspace) / moment.replace(":", "").replace("+0000", "Z")
    append_event(workspace, "checkpoint", "", {"folder": folder.name, "note": note})
    try:
        folder.mkdir(parents=True)
        checkpoint = _fill(workspace, folder, moment, note)
        text = json.dumps(checkpoint.as_dict(), indent=2) + "\n"
        (folder / CHECKPOINT_FILE).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror})") from error
    return checkpoint


def checkpoints_dir(workspace: Workspace) -> Path:
    """Where checkpoints lie."""
    return workspace.root / "state" / "checkpoints"


def checkpoint_problems(workspace: Workspace, reader: Reader) -> list[str]:
    """Checkpoints whose last event is no longer in the log as they saw it."""
    problems = []
    for path in sorted(checkpoints_dir(workspace).glob(f"*/{CHECKPOINT_FILE}")):
        try:
            pinned = json.loads(path.read_text(encoding="utf-8"))
            seq, digest = int(pinned["events"]), str(pinned["event_hash"])
        except (OSError, ValueError, KeyError, TypeError):
            problems.append(f"checkpoint {path.parent.name}: {CHECKPOINT_FILE} cannot be read")
            continue
        found = reader.rows("SELECT hash FROM events WHERE seq = :seq", seq=seq)
        if seq > 0 and (not found or found[0]["hash"] != digest):
            problems.append(
                f"checkpoint {path.parent.name} saw event {seq} with another hash: the log was rewritten since"
            )
    return problems


def _fill(workspace: Workspace, folder: Path, moment: str, note: str) -> Checkpoint:
    files = ["events.jsonl"]
    with read(workspace) as reader:
        chain = verify_chain(reader)
        last = reader.rows("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
        with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
            for row in reader.rows("SELECT * FROM events ORDER BY seq"):
                file.write(canonical_json(dict(row)) + "\n")
            file.flush()
            os.fsync(file.fileno())
    if workspace.database_path is not None:
        source = open_readonly(workspace)
        if source is not None:
            target = sqlite3.connect(folder / workspace.database_path.name)
            source.backup(target)
            target.close()
            source.close()
            files.append(workspace.database_path.name)
    for path in (workspace.ledger_path, workspace.leaderboard_path):
        if path.is_file():
            shutil.copy2(path, folder / path.name)
            files.append(path.name)
    ledger = Ledger(workspace.ledger_path).read()
    return Checkpoint(
        folder=str(folder.relative_to(workspace.root)),
        at=moment,
        note=note,
        events=int(last[0]["seq"]) if last else 0,
        event_hash=str(last[0]["hash"]) if last else GENESIS,
        ledger_lines=ledger.summary.lines,
        ledger_hash=ledger.summary.last_hash,
        ledger_balance_usd=ledger.balance_usd,
        problems=(*chain.problems, *(f"ledger: {problem}" for problem in ledger.problems)),
        files=tuple(files),
    )
