"""The repository around a submission's folder: files outside it that its script imports or starts, as data.

Some submissions are a few lines that import the real program from the repository's root, or start another record's
script. Those files are part of what runs, so they are part of the evidence; nothing else of the repository is read. They
become siblings under the name that leads there from the script's own folder (`../../../kernels.py`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pgolf.audit.gitobjects import Commit, ObjectReader, Unreadable

MAX_OUTSIDE = 40
"""Files outside the folder that one script may bring in."""
MAX_TEXT_BYTES = 2_000_000
_MAX_PACKAGE_DEPTH = 2
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([A-Za-z_][\w.]{0,200})[ \t]+import|import[ \t]+([A-Za-z_][\w., \t]{0,400}))",
    re.MULTILINE,
)
_PATH = re.compile(rb"[\"']([\w./-]{1,200}\.py)[\"']")
_RECORD = re.compile(rb"[\"'/](\d{4}-?\d\d-?\d\d[\w.-]{1,160})[\"'/]")


class Surroundings(Protocol):
    """A repository, and where in it the submission's folder lies (`prefix`, "" for its root)."""

    @property
    def prefix(self) -> str: ...

    def names(self, folder: str) -> tuple[str, ...]:
        """Names in a folder of the repository, those of folders with a final `/`; none where there is no such folder."""
        ...

    def read(self, path: str, max_bytes: int) -> bytes | Unreadable:
        """One file by its path in the repository."""
        ...


@dataclass(frozen=True)
class GitSurroundings:
    """The tree of a commit."""

    reader: ObjectReader
    head: str
    prefix: str

    def _tree(self) -> str | Unreadable:
        commit = self.reader.commit(self.head)
        return commit.tree if isinstance(commit, Commit) else commit

    def names(self, folder: str) -> tuple[str, ...]:
        tree = self._tree()
        subtree = tree if isinstance(tree, Unreadable) else self.reader.subtree(tree, folder)
        entries = subtree if isinstance(subtree, Unreadable) else self.reader.tree(subtree)
        if isinstance(entries, Unreadable):
            return ()
        return tuple(
            f"{e.path}/" if e.is_tree else e.path for e in entries if not e.is_symlink and not e.is_submodule
        )

    def read(self, path: str, max_bytes: int) -> bytes | Unreadable:
        folder, _, name = path.rpartition("/")
        tree = self._tree()
        subtree = tree if isinstance(tree, Unreadable) else self.reader.subtree(tree, folder)
        entries = subtree if isinstance(subtree, Unreadable) else self.reader.tree(subtree)
        if isinstance(entries, Unreadable):
            return entries
        found = next((e for e in entries if e.path == name), None)
        if found is None or found.is_tree or found.is_symlink or found.is_submodule:
            return Unreadable("no such file")
        return self.reader.read(found.sha, max_bytes)


@dataclass(frozen=True)
class DiskSurroundings:
    """A checkout on disk; links are not followed."""

    root: Path
    prefix: str

    def names(self, folder: str) -> tuple[str, ...]:
        here = self._inside(folder)
        if here is None:
            return ()
        try:
            found = sorted(here.iterdir())[:20_000]
        except OSError:
            return ()
        return tuple(f"{p.name}/" if p.is_dir() else p.name for p in found if not p.is_symlink())

    def read(self, path: str, max_bytes: int) -> bytes | Unreadable:
        from pgolf.audit.folder import read_regular

        here = self._inside(path)
        return Unreadable("no such file") if here is None else read_regular(here, max_bytes)

    def _inside(self, path: str) -> Path | None:
        """The path below the root, None where a part of it is a link."""
        here = self.root
        for part in path.split("/") if path else ():
            here = here / part
            if part in ("", ".", "..") or here.is_symlink():
                return None
        return here


@dataclass(frozen=True)
class WatchedSurroundings:
    """Surroundings that call `note` before each answer."""

    inner: Surroundings
    note: Callable[[], None]

    @property
    def prefix(self) -> str:
        return self.inner.prefix

    def names(self, folder: str) -> tuple[str, ...]:
        self.note()
        return self.inner.names(folder)

    def read(self, path: str, max_bytes: int) -> bytes | Unreadable:
        self.note()
        return self.inner.read(path, max_bytes)


def disk_surroundings(folder: Path) -> DiskSurroundings | None:
    """The checkout that a folder on disk lies in (six levels up at most), None where it lies in none."""
    here = folder.absolute()
    for above in [here, *here.parents][:7]:
        if (above / ".git").exists():
            return DiskSurroundings(above, here.relative_to(above).as_posix().removeprefix("."))
    return None


def outside_files(
    source: bytes, script: str, inside: frozenset[str], around: Surroundings, known: frozenset[str]
) -> dict[str, str]:
    """Sibling name to path in the repository, of files outside the folder that a script needs, transitively.

    `script` is the script's path in the folder, `inside` the folder's files, `known` the installed packages.
    """
    here = "/".join(part for part in (around.prefix, script.rpartition("/")[0]) if part)
    up = "../" * (here.count("/") + 1 if here else 0)
    found: dict[str, str] = {}
    queue = [source]
    while queue and len(found) < MAX_OUTSIDE:
        text = queue.pop(0)
        for path in _needed(text, inside, around, known, first=text is source):
            if path in found.values() or len(found) >= MAX_OUTSIDE:
                continue
            if around.prefix and path.startswith(f"{around.prefix}/"):
                continue
            found[up + path] = path
            data = around.read(path, MAX_TEXT_BYTES)
            if isinstance(data, bytes):
                queue.append(data)
    return found


def _needed(
    text: bytes, inside: frozenset[str], around: Surroundings, known: frozenset[str], first: bool
) -> Iterator[str]:
    names = {
        part
        for path in inside
        for part in (path.rpartition("/")[2].removesuffix(".py"), *path.split("/")[:-1])
    }
    for root in _imported_roots(text):
        if root in known or root in sys.stdlib_module_names or root in names:
            continue
        for folder in _above(around.prefix):
            listed = around.names(folder)
            if f"{root}.py" in listed:
                yield f"{folder}/{root}.py".lstrip("/")
                break
            if f"{root}/" in listed:
                yield from _package(around, f"{folder}/{root}".lstrip("/"), _MAX_PACKAGE_DEPTH)
                break
    if not first:
        return
    for name in dict.fromkeys(m.decode() for m in _PATH.findall(text)[:64]):
        plain = name.removeprefix("./")
        if plain not in inside and ".." not in plain and not plain.startswith("/"):
            folder, _, base = plain.rpartition("/")
            if base in around.names(folder):
                yield plain
    for record in dict.fromkeys(m.decode() for m in _RECORD.findall(text)[:16]):
        for track in around.names("records"):
            for name in around.names(f"records/{track}{record}"):
                if name.endswith(".py"):
                    yield f"records/{track}{record}/{name}"


def _imported_roots(text: bytes) -> dict[str, None]:
    roots: dict[str, None] = {}
    for match in _IMPORT.finditer(text):
        for part in (match[1] or match[2]).decode("ascii", "replace").split(","):
            root = part.split()[0].split(".")[0] if part.split() else ""
            if root and len(roots) < 200:
                roots[root] = None
    return roots


def _above(prefix: str) -> list[str]:
    """The folders above the submission's, nearest first, the repository's root last."""
    parts = prefix.split("/")[:-1] if prefix else []
    return ["/".join(parts[:n]) for n in range(len(parts), -1, -1)]


def _package(around: Surroundings, folder: str, depth: int) -> Iterator[str]:
    listed = around.names(folder)
    yield from (f"{folder}/{name}" for name in listed if name.endswith(".py"))
    if depth:
        for name in listed:
            if name.endswith("/"):
                yield from _package(around, f"{folder}/{name[:-1]}", depth - 1)
