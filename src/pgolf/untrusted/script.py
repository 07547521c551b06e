"""The noun everything starts from: one script as bytes, and the files that lie beside it.

A submission's code may read its neighbours (`exec(open("payload.bin").read())`), so they belong to the evidence; but
only files inside the submission's own folder are ever read, whatever the script or a symbolic link asks for.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from pgolf.errors import DataError, LimitTripped
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits

_MAX_LISTED_NAMES = 10_000
_MAX_LISTING_DEPTH = 8


def relative_name(name: str) -> str | None:
    """The plain form `a/b.py` of a name relative to the submission folder, or None when it leaves the folder.

    Refused: absolute names, drive letters, back slashes, null bytes, `..` that climbs above the folder, over-long names.
    """
    if (
        not name
        or len(name) > 1024
        or "\0" in name
        or "\\" in name
        or name.startswith("/")
        or name[1:2] == ":"
    ):
        return None
    parts: list[str] = []
    for part in name.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or None


def outside_name(name: str) -> str | None:
    """The plain form `../../a.py` of a name that leads out of the submission's folder, or None for any other."""
    if len(name) > 1024 or not name.isprintable() or "\\" in name or name.startswith("/"):
        return None
    ups, parts = 0, list[str]()
    for part in name.split("/"):
        if part == ".." and not parts:
            ups += 1
        elif part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "../" * ups + "/".join(parts) if ups and parts else None


class Siblings(Protocol):
    """Files of the submission folder, by name relative to the script's own folder.

    Where the folder lies in a repository that is audited, files around it that the script imports or starts are there, too,
    under names like `../../kernels.py`: whoever makes the siblings has chosen them, a script cannot ask for others.
    """

    def read(self, name: str) -> bytes | None:
        """The bytes of one file; None when there is none of that name inside the folder.

        Raises LimitTripped("sibling_bytes", …) for a larger file.
        """
        ...

    def names(self) -> tuple[str, ...]:
        """Sorted relative names, at most 10,000, sub-folders included."""
        ...


class NoSiblings:
    """A script that came alone."""

    def read(self, name: str) -> bytes | None:
        return None

    def names(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class MappedSiblings:
    """Files held as a mapping from relative name to bytes, or to a function that fetches them (git objects)."""

    files: Mapping[str, bytes | Callable[[], bytes]]
    limits: Limits = DEFAULT_LIMITS

    def read(self, name: str) -> bytes | None:
        plain = relative_name(name) or outside_name(name)
        found = None if plain is None else self.files.get(plain)
        if found is None:
            return None
        data = found if isinstance(found, bytes) else found()
        if len(data) > self.limits.sibling_bytes:
            raise LimitTripped("sibling_bytes", self.limits.sibling_bytes, f"{plain} has {len(data):,} bytes")
        return data

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))[:_MAX_LISTED_NAMES]


@dataclass(frozen=True)
class FolderSiblings:
    """Files of a folder on disk. Links that lead out of the folder, devices and pipes do not exist here."""

    folder: Path
    limits: Limits = DEFAULT_LIMITS

    def read(self, name: str) -> bytes | None:
        plain = relative_name(name)
        if plain is None:
            return None
        try:
            root = os.path.realpath(self.folder)
            target = os.path.realpath(os.path.join(root, plain))
            if os.path.commonpath([root, target]) != root:
                return None
            # O_NONBLOCK: a named pipe must not hang us; O_NOFOLLOW: `target` is already resolved, so a link
            # here was put in place after the check.
            handle = os.open(
                target, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
            )
        except (OSError, ValueError):
            return None
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            os.close(handle)
            return None
        with os.fdopen(handle, "rb") as file:
            bound = self.limits.sibling_bytes
            if status.st_size > bound:
                raise LimitTripped("sibling_bytes", bound, f"{plain} has {status.st_size:,} bytes")
            data = file.read(bound + 1)
        if len(data) > bound:
            raise LimitTripped("sibling_bytes", bound, f"{plain} grew while it was read")
        return data

    def names(self) -> tuple[str, ...]:
        found: list[str] = []
        root = os.path.realpath(self.folder)
        for here, folders, files in os.walk(root):
            inside = os.path.relpath(here, root)
            prefix = "" if inside == "." else inside.replace(os.sep, "/") + "/"
            folders[:] = (
                sorted(f for f in folders if f != ".git") if prefix.count("/") < _MAX_LISTING_DEPTH else []
            )
            found.extend(prefix + name for name in sorted(files))
            if len(found) >= _MAX_LISTED_NAMES:
                break
        return tuple(sorted(found)[:_MAX_LISTED_NAMES])


@dataclass(frozen=True)
class Script:
    """One Python file of a submission: its name (for messages), its bytes as stored, its neighbours."""

    path: str
    data: bytes
    siblings: Siblings = field(default_factory=NoSiblings, repr=False, compare=False)

    @cached_property
    def sha256(self) -> str:
        """Lower-case hexadecimal SHA-256 of the stored bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def name(self) -> str:
        """Last component of the path."""
        return self.path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def read_script(path: Path, limits: Limits = DEFAULT_LIMITS) -> Script:
    """Read a script from disk with its folder as siblings.

    Raises DataError when it cannot be read, or is larger than `limits.source_bytes`.
    """
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DataError(f"{path} is not a regular file; give the path of a Python script.")
            data = file.read(limits.source_bytes + 1)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}); give the path of a Python script."
        ) from error
    if len(data) > limits.source_bytes:
        raise DataError(
            f"{path} has more than {limits.source_bytes:,} bytes, the bound on one script (source_bytes); "
            "is it really a Python script?"
        )
    return Script(str(path), data, FolderSiblings(path.parent, limits))
