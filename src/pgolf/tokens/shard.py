"""One token shard: 256 little-endian int32 (magic, version, token count, zeros), then that many little-endian uint16.

Source: `load_data_shard` of the contest's reference script. A shard is data from outside: every defect is a
`DataError` that names the file, the offset and both numbers, and nothing is allocated from what a header claims.
"""

from __future__ import annotations

import glob
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pgolf.errors import DataError, UsageError

MAGIC = 20240520
VERSION = 1
HEADER_INTS = 256
HEADER_BYTES = 4 * HEADER_INTS
TOKEN_BYTES = 2
MAX_TOKEN_ID = 0xFFFF
MAX_SHARDS = 100_000


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard whose header and length were checked; `tokens` ids begin at byte `HEADER_BYTES`."""

    path: Path
    tokens: int


def read_header(path: Path) -> Shard:
    """Check the header and the length of the shard at `path`. Raises DataError as the module says."""
    try:
        if path.is_dir():
            raise DataError(f"shard {path}: is a folder")
        if path.exists() and not path.is_file():
            raise DataError(f"shard {path}: not a regular file")
        with path.open("rb") as stream:
            header = stream.read(HEADER_BYTES)
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise DataError(f"shard {path}: cannot be read: {error.strerror}") from error
    if len(header) < HEADER_BYTES:
        raise DataError(
            f"shard {path}: offset {len(header)}: the header has {len(header)} bytes, expected {HEADER_BYTES}"
        )
    magic, version, tokens = struct.unpack_from("<3i", header)
    if magic != MAGIC:
        raise DataError(f"shard {path}: offset 0: magic number {magic}, expected {MAGIC}")
    if version != VERSION:
        raise DataError(f"shard {path}: offset 4: version {version}, expected {VERSION}")
    if tokens < 0:
        raise DataError(f"shard {path}: offset 8: token count {tokens}, expected 0 or more")
    expected = HEADER_BYTES + TOKEN_BYTES * tokens
    if size != expected:
        what = "is short" if size < expected else "has bytes after its tokens"
        raise DataError(
            f"shard {path}: offset {min(size, expected)}: the file {what}: {size} bytes, "
            f"expected {expected} for the {tokens} tokens its header states"
        )
    return Shard(path, tokens)


def find_shards(val_data: str) -> tuple[Path, ...]:
    """The shard files that `val_data` (a file, a folder, or a glob) means, sorted by path.

    A folder means its `*_val_*.bin`, or all its `*.bin` when there are none of those. A byte sidecar
    (`fineweb_val_bytes_*.bin`, of CaseOps) has the form of a shard and holds no tokens: it is left out unless named
    itself. Raises UsageError when nothing matches.
    """
    try:
        path = Path(val_data)
        if path.is_file():
            return (path,)
        if path.is_dir():
            every = sorted(p for p in path.glob("*.bin") if p.is_file())
            chosen = [p for p in every if "_val_" in p.name] or every
            missing = f"no *.bin file in folder {val_data}"
        else:
            chosen = sorted(
                Path(match) for match in glob.glob(val_data, recursive=True) if os.path.isfile(match)
            )
            missing = f"no file matches {val_data}"
    except (OSError, ValueError) as error:
        raise UsageError(f"validation data {val_data!r:.200}: not a usable path or glob: {error}") from error
    chosen = [p for p in chosen if "_bytes_" not in p.name] or chosen
    if not chosen:
        raise UsageError(
            f"{missing}: give a shard, a folder of shards or a glob such as 'data/fineweb_val_*.bin'"
        )
    if len(chosen) > MAX_SHARDS:
        raise UsageError(f"{val_data} matches {len(chosen)} files, more than {MAX_SHARDS}")
    return tuple(chosen)


def shard_bytes(tokens: Sequence[int]) -> bytes:
    """The file of a shard that holds `tokens` (ids 0 to 65,535). Raises ValueError for other ids."""
    header = struct.pack("<3i", MAGIC, VERSION, len(tokens)).ljust(HEADER_BYTES, b"\0")
    try:
        return header + struct.pack(f"<{len(tokens)}H", *tokens)
    except struct.error as error:
        raise ValueError(f"token ids must lie in 0 to {MAX_TOKEN_ID}") from error
