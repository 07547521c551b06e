"""Results by content hash, kept between runs: append-only, safe under `kill -9` and with several writers.

SQLite in WAL mode is the file format (its journal survives a killed writer, its lock serialises two). A row is
never updated: the key holds what was read and the version of pgolf that read it, so a new version writes new
rows. Each payload carries a checksum; one that does not fit is treated as absent and reported, never used. A cache
can always be deleted: it holds nothing that cannot be computed again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zlib
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

FORMAT = 1
MAX_PAYLOAD_BYTES = 64_000_000


@lru_cache(maxsize=1)
def code_version() -> str:
    """A hash over pgolf's own code and profiles: results of other code are other results."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256(str(FORMAT).encode())
    for folder in ("core", "untrusted", "tokens", "runlog", "audit", "profiles"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".json") and path.is_file():
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


def result_key(kind: str, *parts: str) -> str:
    """The cache key of a result of this `kind` over these contents, for the running version of pgolf."""
    digest = hashlib.sha256()
    for part in (kind, code_version(), *parts):
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return f"{kind}:{digest.hexdigest()}"


class ResultCache:
    """`get` and `put` of JSON values. A cache that cannot be used says why in `problem` and stays empty."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.problem = ""
        self.damaged = 0
        self._memory: dict[str, Any] = {}
        self._connection = self._open(path) if path is not None else None

    def _open(self, path: Path) -> sqlite3.Connection | None:
        for attempt in (1, 2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS result (key TEXT PRIMARY KEY, payload BLOB NOT NULL, "
                    "crc INTEGER NOT NULL, written_seconds REAL NOT NULL) WITHOUT ROWID"
                )
                return connection
            except (sqlite3.DatabaseError, OSError) as error:
                if (
                    attempt == 1
                    and isinstance(error, sqlite3.DatabaseError)
                    and "not a database" in str(error)
                ):
                    aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
                    path.rename(aside)
                    self.problem = f"cache {path} was damaged; kept as {aside.name}, started a new one"
                    continue
                self.problem = f"cache {path} cannot be used ({error}); going on without"
                return None
        return None

    def __enter__(self) -> ResultCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was put is already in it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, key: str) -> Any:
        """The value put under `key`, or None. Values are JSON: a stored null is not distinguished from absence."""
        if self._connection is None:
            return self._memory.get(key)
        try:
            row = self._connection.execute("SELECT payload, crc FROM result WHERE key = ?", (key,)).fetchone()
        except sqlite3.DatabaseError as error:
            self._give_up(error)
            return None
        if row is None:
            return None
        payload, crc = row
        if not isinstance(payload, bytes) or zlib.crc32(payload) != crc:
            self.damaged += 1
            return None
        try:
            return json.loads(_inflated(payload))
        except (ValueError, zlib.error):
            self.damaged += 1
            return None

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON-ready value. The first writer of a key wins; a damaged row is replaced."""
        if self._connection is None:
            if len(self._memory) < 50_000:
                self._memory[key] = value
            return
        payload = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)
        row = (key, payload, zlib.crc32(payload), time.time())
        insert = "INSERT OR REPLACE" if self.damaged and self.get(key) is None else "INSERT OR IGNORE"
        try:
            self._connection.execute(f"{insert} INTO result VALUES (?, ?, ?, ?)", row)
        except sqlite3.DatabaseError as error:
            self._give_up(error)

    def _give_up(self, error: sqlite3.DatabaseError) -> None:
        # A full disk or a torn file costs the cache, not the run.
        self.problem = f"cache {self.path} stopped working ({error}); going on without"
        self.close()


def _inflated(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    data = inflater.decompress(payload, MAX_PAYLOAD_BYTES)
    if inflater.unconsumed_tail:
        raise ValueError("payload too large")
    return data
