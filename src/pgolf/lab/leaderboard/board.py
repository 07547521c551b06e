"""The cached leaderboard as values: entries, the frontier over time, SOTA, and its file.

Promise: SOTA is the lowest accepted value that no audit FLAGGED. A pull request's own claim is never SOTA.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from pgolf.errors import DataError, UsageError
from pgolf.report.visible import visible

BOARD_VERSION = 1
MAXIMUM_FILE_BYTES = 64 * 1024 * 1024
MAXIMUM_ROW_BYTES = 4 * 1024 * 1024

Status = Literal["accepted", "merged", "open", "closed", "unknown"]


@dataclass(frozen=True, slots=True)
class BoardEntry:
    """One value on the board.

    `status`: `accepted` is a row of the repository's own table; `merged`, `open`, `closed` are pull requests;
    `unknown` is a head of a clone, which does not say. `date` is ISO (day or time, "" where the source has none).
    `source` says where the value was read, `read_at` when (UTC). `audit` is a verdict of an audit row, or "".
    """

    name: str
    bpb: float
    status: Status
    date: str
    source: str
    read_at: str
    author: str = ""
    pr: int | None = None
    folder: str = ""
    url: str = ""
    seeds_bpb: tuple[float, ...] = ()
    val_loss_nats: float | None = None
    audit: str = ""
    audit_source: str = ""
    corrected_bpb: float | None = None

    @property
    def flagged(self) -> bool:
        """Whether an audit proved this value wrong."""
        return self.audit == "FLAGGED"

    def label(self) -> str:
        """Short reference for sentences."""
        return f"#{self.pr} {self.name}" if self.pr else self.name


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """All entries of one reading; `notes` say what could not be read."""

    repository: str
    source: str
    read_at: str
    entries: tuple[BoardEntry, ...]
    notes: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[BoardEntry, ...]:
        """Accepted records, best first."""
        return tuple(sorted((e for e in self.entries if e.status == "accepted"), key=_best_first))

    @property
    def claims(self) -> tuple[BoardEntry, ...]:
        """Pull requests' own values, best first."""
        return tuple(sorted((e for e in self.entries if e.status != "accepted"), key=_best_first))

    @property
    def sota(self) -> BoardEntry | None:
        """The lowest accepted value that is not FLAGGED."""
        return next((entry for entry in self.accepted if not entry.flagged), None)

    def frontier(self) -> tuple[BoardEntry, ...]:
        """Accepted, unflagged, dated entries that were the best of their day, oldest first."""
        dated = [e for e in self.accepted if e.date and not e.flagged]
        steps: list[BoardEntry] = []
        for entry in sorted(dated, key=lambda e: (e.date[:10], -e.bpb)):
            if not steps or entry.bpb < steps[-1].bpb:
                steps.append(entry)
        return tuple(steps)

    def to_json(self) -> dict[str, Any]:
        """The published object; also the cache file's content."""
        sota = self.sota
        return {
            "board_version": BOARD_VERSION,
            "repository": self.repository,
            "source": self.source,
            "read_at": self.read_at,
            "sota": None if sota is None else asdict(sota),
            "entries": [asdict(entry) for entry in self.entries],
            "notes": list(self.notes),
        }


def _best_first(entry: BoardEntry) -> tuple[float, str, str]:
    return entry.bpb, entry.date, entry.name


def is_plausible_bpb(value: object) -> bool:
    """Whether a number can be bits per byte at all (0.1 to 10)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0.1 <= value <= 10.0


def save_board(path: Path, board: Leaderboard) -> None:
    """Replace the cache atomically and durably; on failure the old one stays. Raises UsageError."""
    replace_file(path, json.dumps(board.to_json(), indent=1, ensure_ascii=False).encode("utf-8", "replace"))


def replace_file(path: Path, content: bytes) -> None:
    """Write beside and rename. Raises UsageError; the old file is kept then."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(draft, path)
    except OSError as error:
        with suppress(OSError):  # the folder itself may be what is wrong
            draft.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written ({error.strerror}); the old file is kept") from error


def load_board(path: Path) -> Leaderboard | None:
    """The cached leaderboard, or None when none was read yet. Raises DataError when the file is broken."""
    try:
        with path.open("rb") as handle:
            raw = handle.read(MAXIMUM_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    hint = "read it anew with `pgolf leaderboard fetch`"
    if len(raw) > MAXIMUM_FILE_BYTES:
        raise DataError(f"{path}: longer than {MAXIMUM_FILE_BYTES} bytes, so it is no leaderboard; {hint}")
    try:
        data = json.loads(raw)
        if data["board_version"] != BOARD_VERSION:
            raise DataError(
                f"{path}: version {data['board_version']!r}, this pgolf reads {BOARD_VERSION}; {hint}"
            )
        entries = tuple(_entry(item) for item in data["entries"])
        return Leaderboard(
            str(data["repository"]),
            str(data["source"]),
            str(data["read_at"]),
            entries,
            tuple(str(note) for note in data.get("notes", ())),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path}: not a leaderboard file ({type(error).__name__}: {error}); {hint}"
        ) from error


_ENTRY_FIELDS = frozenset(f.name for f in fields(BoardEntry))


def _entry(item: dict[str, Any]) -> BoardEntry:
    entry = BoardEntry(**{key: value for key, value in item.items() if key in _ENTRY_FIELDS})
    if not is_plausible_bpb(entry.bpb):
        raise ValueError(f"bpb {entry.bpb!r} of {entry.name!r}")
    return replace(entry, seeds_bpb=tuple(float(value) for value in entry.seeds_bpb))


def mark_audited(board: Leaderboard, rows: Iterable[dict[str, Any]], source: str) -> Leaderboard:
    """The board with the verdicts of audit rows (`pgolf audit repo`, JSON lines).

    A row belongs to an entry of the same record folder; where either states none, of the same pull request. Of
    several such rows the nearest count (same path, same pull request, same reported value), and those must agree:
    another folder of the same pull request flags nobody.
    """
    known = list(rows)
    by_name: dict[str, list[dict[str, Any]]] = {}
    by_pr: dict[int, list[dict[str, Any]]] = {}
    for row in known:
        by_name.setdefault(_folder_name(row.get("folder")), []).append(row)
        if isinstance(row.get("pr"), int):
            by_pr.setdefault(row["pr"], []).append(row)
    marked = []
    for entry in board.entries:
        found = by_name.get(_folder_name(entry.folder), []) if entry.folder else []
        if not found and entry.pr is not None:
            found = by_pr.get(entry.pr, [])
            if entry.folder:
                found = [row for row in found if not _folder_name(row.get("folder"))]
        nearest = _nearest(entry, found)
        if nearest is not None:
            corrected = nearest.get("corrected_bpb")
            entry = replace(
                entry,
                audit=str(nearest.get("verdict", "")),
                audit_source=source,
                corrected_bpb=float(corrected) if is_plausible_bpb(corrected) else None,  # type: ignore[arg-type]
            )
        marked.append(entry)
    return replace(board, entries=tuple(marked))


def _folder_name(path: object) -> str:
    return str(path or "").rstrip("/").rpartition("/")[2]


def _nearest(entry: BoardEntry, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The row about this entry, or None when rows that are equally near disagree."""
    tests: tuple[Callable[[dict[str, Any]], bool], ...] = (
        lambda row: bool(entry.folder) and row.get("folder") == entry.folder,
        lambda row: entry.pr is not None and row.get("pr") == entry.pr,
        lambda row: (
            is_plausible_bpb(row.get("reported_bpb")) and abs(row["reported_bpb"] - entry.bpb) < 0.0006
        ),
    )
    for is_nearer in tests:
        rows = [row for row in rows if is_nearer(row)] or rows
    return rows[0] if len({str(row.get("verdict")) for row in rows}) == 1 else None


def carry_marks(old: Leaderboard | None, new: Leaderboard) -> Leaderboard:
    """The new board with the old one's audit marks: a value once FLAGGED does not become SOTA by a new fetch."""
    if old is None:
        return new
    known = {(e.pr, e.folder, e.bpb): e for e in old.entries if e.audit}
    entries = []
    for entry in new.entries:
        seen = known.get((entry.pr, entry.folder, entry.bpb))
        if seen is not None and not entry.audit:
            entry = replace(
                entry, audit=seen.audit, audit_source=seen.audit_source, corrected_bpb=seen.corrected_bpb
            )
        entries.append(entry)
    return replace(new, entries=tuple(entries))


def tidy(text: str, most: int = 300) -> str:
    """Somebody else's text on one line, hidden and control characters made visible."""
    return " ".join(visible(" ".join(text[:most].split())).split())


def read_audit_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of `pgolf audit repo --format jsonl`. Raises DataError naming the line that is none."""
    rows = []
    number = 0
    try:
        with path.open("rb") as handle:
            while line := handle.readline(MAXIMUM_ROW_BYTES):
                number += 1
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict) or "verdict" not in row:
                    raise ValueError("no verdict")
                rows.append(row)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, line {number}: not a row of `pgolf audit repo` ({error})") from error
    return rows
