"""A submission's folder as a list of files that can be read, from disk or from git objects alike.

Links, submodules and special files are listed and never followed or opened. Every read is bounded; what could
not be read is an `Unreadable` with its reason.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pgolf.audit.gitobjects import ObjectReader, TreeEntry, Unreadable
from pgolf.audit.surroundings import (
    GitSurroundings,
    Surroundings,
    WatchedSurroundings,
    disk_surroundings,
)
from pgolf.errors import UsageError

MAX_FILES = 4_000
MAX_DEPTH = 6
MAX_HASHED_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a folder. `content_id` changes whenever the bytes do; `problem` says why it cannot be read."""

    path: str
    content_id: str
    size_bytes: int | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        stem, dot, suffix = self.name.rpartition(".")
        return f".{suffix.lower()}" if dot and stem else ""


class Folder(Protocol):
    """Files of one submission; `path` names the folder in reports, entry paths are relative to it."""

    @property
    def path(self) -> str: ...

    @property
    def entries(self) -> tuple[FileEntry, ...]: ...

    def read(self, path: str, max_bytes: int) -> bytes | Unreadable: ...

    def size_bytes(self, entry: FileEntry) -> int | None:
        """Size of a file without reading it, None where that cannot be told."""
        ...

    def surroundings(self) -> Surroundings | None:
        """The repository that the folder lies in, None where there is none."""
        ...


@dataclass(frozen=True)
class GitFolder:
    """A folder inside a commit's tree. Picklable but for the reader, which a worker process brings along."""

    path: str
    entries: tuple[FileEntry, ...]
    reader: ObjectReader
    head: str = ""
    """The commit it is a folder of, "" where that is not known."""

    def read(self, path: str, max_bytes: int) -> bytes | Unreadable:
        entry = next((e for e in self.entries if e.path == path), None)
        if entry is None:
            return Unreadable("no such file")
        if entry.problem:
            return Unreadable(entry.problem)
        return self.reader.read(entry.content_id, max_bytes)

    def size_bytes(self, entry: FileEntry) -> int | None:
        info = None if entry.problem else self.reader.info([entry.content_id])[0]
        return None if info is None or info.kind != "blob" else info.size_bytes

    def surroundings(self) -> Surroundings | None:
        return GitSurroundings(self.reader, self.head, self.path.strip("./")) if self.head else None


def git_entries(items: Iterable[TreeEntry | tuple[str, Unreadable]]) -> tuple[FileEntry, ...]:
    """File entries of a tree walk: blobs as they are, everything else with the reason it is not read."""
    found: list[FileEntry] = []
    for item in items:
        if isinstance(item, tuple):
            found.append(FileEntry(item[0], "", None, f"folder cannot be read: {item[1].reason}"))
        elif item.is_symlink:
            found.append(FileEntry(item.path, item.sha, None, "symbolic link, not followed"))
        elif item.is_submodule:
            found.append(FileEntry(item.path, item.sha, None, "submodule, not followed"))
        else:
            found.append(FileEntry(item.path, item.sha))
        if len(found) >= MAX_FILES:
            found.append(
                FileEntry("", "", None, f"more than {MAX_FILES:,} files; the rest was not looked at")
            )
            break
    return tuple(found)


@dataclass(frozen=True)
class DiskFolder:
    """A folder on disk, listed once."""

    root: Path
    path: str
    entries: tuple[FileEntry, ...]

    def read(self, path: str, max_bytes: int) -> bytes | Unreadable:
        entry = next((e for e in self.entries if e.path == path), None)
        if entry is None:
            return Unreadable("no such file")
        if entry.problem:
            return Unreadable(entry.problem)
        return read_regular(self.root / path, max_bytes)

    def size_bytes(self, entry: FileEntry) -> int | None:
        return entry.size_bytes

    def surroundings(self) -> Surroundings | None:
        return disk_surroundings(self.root)


class WatchedFolder:
    """A folder that notes whether anybody looked at the repository around it."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.looked_around = False

    @property
    def path(self) -> str:
        return self._folder.path

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        return self._folder.entries

    def read(self, path: str, max_bytes: int) -> bytes | Unreadable:
        return self._folder.read(path, max_bytes)

    def size_bytes(self, entry: FileEntry) -> int | None:
        return self._folder.size_bytes(entry)

    def surroundings(self) -> Surroundings | None:
        around = self._folder.surroundings()
        return None if around is None else WatchedSurroundings(around, self._note)

    def _note(self) -> None:
        self.looked_around = True


def read_regular(path: Path, max_bytes: int) -> bytes | Unreadable:
    """Bytes of a regular file, never through a link, never blocking on a pipe, never past `max_bytes`."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        return Unreadable(f"cannot be opened: {error.strerror or error}")
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        return Unreadable("not a regular file")
    with os.fdopen(handle, "rb") as file:
        if status.st_size > max_bytes:
            return Unreadable(f"{status.st_size:,} bytes, more than the {max_bytes:,} that are read")
        data = file.read(max_bytes + 1)
    return data if len(data) <= max_bytes else Unreadable("grew while it was read")


def disk_folder(root: Path, shown: str | None = None) -> DiskFolder:
    """List a folder on disk.

    Raises UsageError when it is no folder or cannot be listed.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder; name the folder that holds the submission's files")
    found: list[FileEntry] = []
    for here, folders, files in os.walk(root, followlinks=False):
        relative = os.path.relpath(here, root)
        prefix = "" if relative == "." else relative.replace(os.sep, "/") + "/"
        found += [
            FileEntry(_shown(prefix + name), "", None, "symbolic link, not followed")
            for name in sorted(folders)
            if (Path(here) / name).is_symlink()
        ]
        folders[:] = sorted(f for f in folders if f not in (".git", "__pycache__", ".venv", "node_modules"))
        if prefix.count("/") >= MAX_DEPTH:
            found += [FileEntry(_shown(prefix + n), "", None, "folders nested too deeply") for n in folders]
            folders[:] = []
        found += [_disk_entry(Path(here) / name, prefix + name) for name in sorted(files)]
        if len(found) >= MAX_FILES:
            found = found[:MAX_FILES]
            found.append(
                FileEntry("", "", None, f"more than {MAX_FILES:,} files; the rest was not looked at")
            )
            break
    return DiskFolder(root, shown if shown is not None else str(root), tuple(found))


def _disk_entry(path: Path, relative: str) -> FileEntry:
    shown = _shown(relative)
    try:
        status = path.lstat()
    except OSError as error:
        return FileEntry(shown, "", None, f"cannot be read: {error.strerror or error}")
    if stat.S_ISLNK(status.st_mode):
        return FileEntry(shown, "", None, "symbolic link, not followed")
    if not stat.S_ISREG(status.st_mode):
        return FileEntry(shown, "", None, "not a regular file")
    if shown != relative:
        return FileEntry(shown, "", status.st_size, "its name is not UTF-8")
    return FileEntry(shown, _disk_content_id(path, status), status.st_size)


def _disk_content_id(path: Path, status: os.stat_result) -> str:
    """git's blob id, so that disk and objects share a cache; size and time for what is too big to hash."""
    if status.st_size <= MAX_HASHED_BYTES:
        data = read_regular(path, MAX_HASHED_BYTES)
        if isinstance(data, bytes):
            return blob_id(data)
    return f"{status.st_size}@{status.st_mtime_ns}"


def blob_id(data: bytes) -> str:
    """git's id of a blob with these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
