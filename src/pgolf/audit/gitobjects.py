"""Read a clone straight from git objects: no work tree, no checkout, nothing of the repository ever runs.

Two long-lived `git cat-file` processes answer every question (what is this object, give me its bytes).
Trees and commits are parsed here, so a missing subtree, a submodule or a path that is not UTF-8 costs one
entry and not the run. What cannot be read is a value, `Unreadable`, with a reason that reaches the report.

Not done here: following symlinks or submodules, fetching what a partial clone left out (forbidden by the
environment `git` is started with), reading a blob past a bound.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from pgolf.errors import UsageError

MAX_TREE_BYTES = 32_000_000
MAX_COMMIT_BYTES = 4_000_000
MAX_COMMITS = 5_000_000
MAX_DEPTH = 16
MAX_WALKED = 300_000
"""Files and folders of one walk through a tree."""
_MAX_KEPT_TREES = 20_000
_MAX_KEPT_BEFORE = 2_000
_MAX_PREFETCHED_BYTES = (
    256_000  # of one tree; a chunk of them is in memory at once, larger ones are read one by one
)
_CHUNK = 256  # requests in flight: 256 * 41 bytes fit a pipe, so writing never blocks
_SHA = re.compile(rb"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")

# The repository's own configuration must neither run a program nor reach for the network: no hooks, no file
# system monitor, no replaced objects, no lazy fetch of a partial clone (every transport is refused).
_SAFE_OPTIONS = (
    "--no-pager",
    "--no-replace-objects",
    "-c", "safe.directory=*",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.untrackedCache=false",
    "-c", "core.alternateRefsCommand=true",
    "-c", "core.sshCommand=false",
    "-c", "credential.helper=",
    "-c", "protocol.allow=never",
    "-c", "gc.auto=0",
)  # fmt: skip


_REMOTE_URL = r"^remote\.(upstream|origin)\.url$"
_OWNER_AND_NAME = re.compile(r"[/:]([A-Za-z0-9][\w.-]{0,99})/([\w.-]{1,99}?)(?:\.git)?/{0,4}$", re.ASCII)


def git_environment() -> dict[str, str]:
    """The environment git runs in: the user's, without system or global settings and without a network."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    }


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why bytes could not be had. `reason` is a short sentence for the report."""

    reason: str


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Kind (`blob`, `tree`, `commit`, `tag`) and size in bytes of one object."""

    kind: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a tree. `mode` is git's octal text; `path` is relative to the tree that was asked for."""

    path: str
    mode: str
    sha: str

    @property
    def is_tree(self) -> bool:
        return self.mode in ("40000", "040000")

    @property
    def is_symlink(self) -> bool:
        return self.mode == "120000"

    @property
    def is_submodule(self) -> bool:
        return self.mode == "160000"


RawEntry = tuple[bytes, bytes, bytes]
"""Mode, name and binary object id as a tree object holds them."""
RawTree = tuple[RawEntry, ...]
_TREE_MODES = (b"40000", b"040000")


@dataclass(frozen=True, slots=True)
class Commit:
    """What is needed of a commit: its tree, its parents and the committer's time (seconds since 1970)."""

    tree: str
    parents: tuple[str, ...]
    committed_seconds: int


def path_text(raw: bytes) -> str:
    """A path as text: UTF-8, with bytes that are not UTF-8 kept as `\\xNN` so that a report can print it."""
    return raw.decode("utf-8", "backslashreplace")


def find_git_dir(path: Path) -> Path:
    """The git directory of a bare or normal clone at `path`.

    Raises UsageError when there is none.
    """
    for candidate in (path, path / ".git"):
        if (candidate / "objects").is_dir() and (candidate / "HEAD").is_file():
            return candidate
    pointer = path / ".git"
    if pointer.is_file():  # a linked work tree: `gitdir: <path>`
        text = pointer.read_text(encoding="utf-8", errors="replace")[:4096].strip()
        if text.startswith("gitdir:"):
            target = (path / text.removeprefix("gitdir:").strip()).resolve()
            if (target / "HEAD").is_file():
                return target
    raise UsageError(f"{path} is not a git repository: no objects folder and no .git in it; name a clone")


class ObjectReader:
    """Objects of one repository. A context manager; close it to end its processes."""

    def __init__(self, git_dir: Path) -> None:
        self.git_dir = git_dir
        self._check: subprocess.Popen[bytes] | None = None
        self._batch: subprocess.Popen[bytes] | None = None
        self._trees: dict[str, RawTree | Unreadable] = {}
        self._before: dict[str, tuple[frozenset[RawEntry], dict[bytes, str]]] = {}

    def __enter__(self) -> ObjectReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End both processes."""
        for process in (self._check, self._batch):
            if process is None:
                continue
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        continue
            process.kill()
            process.wait()
        self._check = self._batch = None

    # -- references ------------------------------------------------------------------------------------

    def refs(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """`{ref name: object id}`, and complaints of git about references it could not use."""
        done = subprocess.run(
            [*self._git(), "for-each-ref", "--format=%(objectname) %(refname)"],
            capture_output=True,
            env=git_environment(),
            check=False,
        )
        if done.returncode and not done.stdout:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise UsageError(
                f"{self.git_dir}: git cannot list references: {said[-1] if said else 'no reason'}"
            )
        found: dict[str, str] = {}
        for line in done.stdout.splitlines():
            sha, _, name = line.partition(b" ")
            found[path_text(name)] = sha.decode("ascii", "replace")
        complaints = tuple(path_text(line)[:300] for line in done.stderr.splitlines()[:1000])
        return found, complaints

    def name(self) -> str | None:
        """`owner/name` as the clone's own configuration gives it for the remote `upstream`, else `origin`; None without."""
        done = subprocess.run(
            [*self._git(), "config", "--local", "--no-includes", "--null", "--get-regexp", _REMOTE_URL],
            capture_output=True,
            env=git_environment(),
            check=False,
        )
        found: dict[str, str] = {}
        for item in done.stdout.split(b"\0"):
            key, _, url = item.decode("utf-8", "replace").partition("\n")
            match = _OWNER_AND_NAME.search(url[:2_000])
            if match is not None:
                found[key.split(".")[1]] = f"{match[1]}/{match[2]}"
        return found.get("upstream") or found.get("origin")

    def resolve(self, name: str) -> str | None:
        """The commit id that `name` (a branch, tag, HEAD or id) stands for, or None."""
        if name.startswith("-"):
            return None
        done = subprocess.run(
            [*self._git(), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"],
            capture_output=True,
            env=git_environment(),
            check=False,
        )
        sha = done.stdout.strip()
        return sha.decode() if done.returncode == 0 and _SHA.match(sha) else None

    # -- objects ---------------------------------------------------------------------------------------

    def info(self, shas: Sequence[str]) -> list[ObjectInfo | None]:
        """Kind and size of each object, None where it is missing; order kept."""
        found: list[ObjectInfo | None] = []
        for start in range(0, len(shas), _CHUNK):
            found.extend(self._info_chunk(shas[start : start + _CHUNK]))
        return found

    def _info_chunk(self, shas: Sequence[str]) -> list[ObjectInfo | None]:
        found: list[ObjectInfo | None] = []
        while len(found) < len(shas):
            process = self._start("--batch-check")
            assert process.stdin is not None  # noqa: S101
            assert process.stdout is not None  # noqa: S101
            pending = shas[len(found) :]
            try:
                process.stdin.write(b"".join(_checked(sha) + b"\n" for sha in pending))
                process.stdin.flush()
                before = len(found)
                for _ in pending:
                    line = process.stdout.readline()
                    if not line:
                        break
                    found.append(_parse_info(line))
            except (BrokenPipeError, OSError):
                before = len(found)
            if len(found) - before < len(pending):
                # git died on the next object (a partial clone that may not fetch, a broken pack): it counts
                # as missing, and a fresh process goes on behind it.
                found.append(None)
                self._stop("--batch-check")
        return found

    def read(self, sha: str, max_bytes: int) -> bytes | Unreadable:
        """The bytes of one blob, or why not: missing, of another kind, larger than `max_bytes`, broken."""
        return self._read(sha, "blob", max_bytes)

    def _read(self, sha: str, kind: str, max_bytes: int) -> bytes | Unreadable:
        info = self.info([sha])[0]
        if info is None:
            return Unreadable("object missing from this clone")
        if info.kind != kind:
            return Unreadable(f"expected a {kind}, found a {info.kind}")
        if info.size_bytes > max_bytes:
            return Unreadable(f"{info.size_bytes:,} bytes, more than the {max_bytes:,} that are read")
        return self._contents([sha])[0]

    def _contents(self, shas: Sequence[str]) -> list[bytes | Unreadable]:
        """Bytes of objects whose size is already known to be bounded."""
        found: list[bytes | Unreadable] = []
        while len(found) < len(shas):
            process = self._start("--batch")
            assert process.stdin is not None  # noqa: S101
            assert process.stdout is not None  # noqa: S101
            pending = shas[len(found) :][:_CHUNK]
            before = len(found)
            try:
                process.stdin.write(b"".join(_checked(sha) + b"\n" for sha in pending))
                process.stdin.flush()
                for _ in pending:
                    item = _read_batch_item(process.stdout)
                    if item is None:
                        break
                    found.append(item)
            except (BrokenPipeError, OSError):
                pass
            if len(found) - before < len(pending):
                found.append(Unreadable("object cannot be read: git gave up on it"))
                self._stop("--batch")
        return found

    def commits(self, shas: Iterable[str]) -> dict[str, Commit | Unreadable]:
        """All commits reachable from `shas`; a missing one is an `Unreadable` and its history ends there."""
        known: dict[str, Commit | Unreadable] = {}
        wave = list(dict.fromkeys(shas))
        while wave:
            following: dict[str, None] = {}
            for start in range(0, len(wave), _CHUNK):
                chunk = wave[start : start + _CHUNK]
                infos = self.info(chunk)
                readable = []
                for sha, info in zip(chunk, infos, strict=True):
                    if info is None:
                        known[sha] = Unreadable("commit missing from this clone")
                    elif info.kind != "commit" or info.size_bytes > MAX_COMMIT_BYTES:
                        known[sha] = Unreadable(
                            f"not a readable commit ({info.kind}, {info.size_bytes:,} bytes)"
                        )
                    else:
                        readable.append(sha)
                for sha, raw in zip(readable, self._contents(readable), strict=True):
                    commit = parse_commit(raw) if isinstance(raw, bytes) else raw
                    known[sha] = commit
                    if isinstance(commit, Commit):
                        following.update(dict.fromkeys(p for p in commit.parents if p not in known))
            if len(known) > MAX_COMMITS:
                raise UsageError(f"{self.git_dir}: more than {MAX_COMMITS:,} commits; narrow the range")
            wave = [sha for sha in following if sha not in known]
        return known

    def commit(self, sha: str) -> Commit | Unreadable:
        """One commit, without its history."""
        raw = self._read(sha, "commit", MAX_COMMIT_BYTES)
        return parse_commit(raw) if isinstance(raw, bytes) else raw

    def tree(self, sha: str) -> tuple[TreeEntry, ...] | Unreadable:
        """Entries of one tree (not recursive)."""
        raw = self._tree(sha)
        return raw if isinstance(raw, Unreadable) else tuple(_entry(item) for item in raw)

    def _tree(self, sha: str) -> RawTree | Unreadable:
        """One tree as it is stored, kept in memory for the next question: most of its entries never become more."""
        cached = self._trees.get(sha)
        if cached is None:
            raw = self._read(sha, "tree", MAX_TREE_BYTES)
            cached = split_tree(raw, len(sha) // 2) if isinstance(raw, bytes) else raw
            if len(self._trees) > _MAX_KEPT_TREES:
                self._trees.clear()
            self._trees[sha] = cached
        return cached

    def prefetch_changes(self, pairs: Iterable[tuple[str | None, str]], depth: int = MAX_DEPTH) -> None:
        """Read the trees that `changed(old, new)` of all pairs will ask for, level by level and many at a time."""
        wave = dict.fromkeys(pairs)
        for _ in range(depth + 1):
            wave = {(old, new): None for old, new in wave if old != new}
            self._read_trees([sha for pair in wave for sha in pair if sha is not None])
            following: dict[tuple[str | None, str], None] = {}
            for old, new in wave:
                changes = self._changes(old, new) if new in self._trees else []
                for item, previous in changes if not isinstance(changes, Unreadable) else ():
                    if item[0] in _TREE_MODES:
                        following[(previous, item[2].hex())] = None
            if not following or len(self._trees) > _MAX_KEPT_TREES // 2:
                return
            wave = following

    def _read_trees(self, shas: Iterable[str]) -> None:
        wanted = [sha for sha in dict.fromkeys(shas) if sha not in self._trees]
        readable = [
            sha
            for sha, info in zip(wanted, self.info(wanted), strict=True)
            if info is not None and info.kind == "tree" and info.size_bytes <= _MAX_PREFETCHED_BYTES
        ]
        for start in range(0, len(readable), _CHUNK):
            chunk = readable[start : start + _CHUNK]
            for sha, raw in zip(chunk, self._contents(chunk), strict=True):
                if isinstance(raw, bytes):
                    self._trees[sha] = split_tree(raw, len(sha) // 2)

    def walk(
        self, sha: str, prefix: str = "", depth: int = MAX_DEPTH
    ) -> Iterator[TreeEntry | tuple[str, Unreadable]]:
        """Every non-tree entry under a tree, with whole paths; `(path, Unreadable)` for a subtree that is
        missing or nested deeper than `depth`, and where `MAX_WALKED` ends the walk."""
        return self.changed(None, sha, prefix, depth)

    def changed(
        self, old: str | None, new: str, prefix: str = "", depth: int = MAX_DEPTH
    ) -> Iterator[TreeEntry | tuple[str, Unreadable]]:
        """Entries that tree `new` adds or changes against tree `old` (no rename detection, deletions left out)."""
        # A few small trees that hold each other many times over are billions of paths.
        left = MAX_WALKED
        found = self._changes(old, new)
        if isinstance(found, Unreadable):
            yield prefix.rstrip("/"), found
            return
        stack = [(prefix, iter(found))]
        while stack:
            prefix, entries = stack[-1]
            for (mode, name, raw), previous in entries:
                path = prefix + path_text(name)
                left -= 1
                if left < 0:
                    yield (
                        path,
                        Unreadable(f"more than {MAX_WALKED:,} files and folders; the rest was not looked at"),
                    )
                    return
                if mode not in _TREE_MODES:
                    yield TreeEntry(path, mode.decode("ascii", "replace"), raw.hex())
                elif len(stack) > depth:
                    yield path, Unreadable("folders nested too deeply")
                else:
                    found = self._changes(previous, raw.hex())
                    if isinstance(found, Unreadable):
                        yield path, found
                    else:
                        stack.append((path + "/", iter(found)))
                        break
            else:
                stack.pop()

    def _changes(self, old: str | None, new: str) -> list[tuple[RawEntry, str | None]] | Unreadable:
        """Entries of tree `new` that tree `old` has not, each with the id of the tree that had its name there."""
        if old == new:
            return []
        after = self._tree(new)
        if isinstance(after, Unreadable):
            return after
        if old is None:
            return [(item, None) for item in after]
        before = self._before.get(old)
        if before is None:
            raw = self._tree(old)
            known = () if isinstance(raw, Unreadable) else raw
            trees = {name: sha.hex() for mode, name, sha in known if mode in _TREE_MODES}
            before = (frozenset(known), trees)
            if len(self._before) > _MAX_KEPT_BEFORE:
                self._before.clear()
            self._before[old] = before
        known_entries, known_trees = before
        return [(item, known_trees.get(item[1])) for item in after if item not in known_entries]

    def subtree(self, root: str, path: str) -> str | Unreadable:
        """The id of the tree at `path` (`""` is the root) under tree `root`."""
        sha = root
        for name in path.split("/") if path else ():
            entries = self._tree(sha)
            if isinstance(entries, Unreadable):
                return entries
            for mode, raw, found in entries:
                if mode in _TREE_MODES and path_text(raw) == name:
                    sha = found.hex()
                    break
            else:
                return Unreadable(f"no folder {name!r}")
        return sha

    # -- processes -------------------------------------------------------------------------------------

    def _git(self) -> list[str]:
        return ["git", f"--git-dir={self.git_dir}", *_SAFE_OPTIONS]

    def _start(self, mode: str) -> subprocess.Popen[bytes]:
        process = self._check if mode == "--batch-check" else self._batch
        if process is None or process.poll() is not None:
            try:
                process = subprocess.Popen(
                    [*self._git(), "cat-file", mode],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=git_environment(),
                )
            except FileNotFoundError:
                raise UsageError("git is not installed: reading a clone needs the `git` program") from None
            if mode == "--batch-check":
                self._check = process
            else:
                self._batch = process
        return process

    def _stop(self, mode: str) -> None:
        process = self._check if mode == "--batch-check" else self._batch
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        continue
        if mode == "--batch-check":
            self._check = None
        else:
            self._batch = None


def _checked(sha: str) -> bytes:
    raw = sha.encode("ascii", "replace")
    # Anything but a full object id could be an option or a revision expression to git.
    return raw if _SHA.match(raw) else b"0" * 40


def _parse_info(line: bytes) -> ObjectInfo | None:
    parts = line.split()
    if len(parts) == 3 and parts[2].isdigit():
        return ObjectInfo(parts[1].decode("ascii", "replace"), int(parts[2]))
    return None


def _read_batch_item(stream: IO[bytes]) -> bytes | Unreadable | None:
    header = stream.readline()
    if not header:
        return None
    info = _parse_info(header)
    if info is None:
        return Unreadable("object missing from this clone")
    body = stream.read(info.size_bytes + 1)
    if len(body) != info.size_bytes + 1:
        return None
    return body[:-1]


def parse_commit(raw: bytes) -> Commit | Unreadable:
    """Tree, parents and time of a raw commit object."""
    tree, parents, seconds = "", [], 0
    for line in raw.split(b"\n\n", 1)[0].split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"tree" and _SHA.match(value):
            tree = value.decode()
        elif key == b"parent" and _SHA.match(value):
            parents.append(value.decode())
        elif key == b"committer":
            numbers = value.rsplit(b" ", 2)
            if len(numbers) == 3 and numbers[1].isdigit() and len(numbers[1]) < 14:
                seconds = int(numbers[1])
    return Commit(tree, tuple(parents), seconds) if tree else Unreadable("broken commit object")


_RAW_ENTRIES = {size: re.compile(rb"([^ \0]{0,7}) ([^\0]*)\0(.{%d})" % size, re.DOTALL) for size in (20, 32)}


def split_tree(raw: bytes, hash_bytes: int) -> RawTree | Unreadable:
    """The entries of a raw tree object as they are stored."""
    entries = tuple(_RAW_ENTRIES[hash_bytes].findall(raw))
    known = sum(len(mode) + len(name) for mode, name, _ in entries) + len(entries) * (hash_bytes + 2)
    return entries if known == len(raw) else Unreadable("broken tree object")


def parse_tree(raw: bytes, hash_bytes: int) -> tuple[TreeEntry, ...] | Unreadable:
    """Entries of a raw tree object; names are single path components (`/`, `.` and `..` are refused by git,
    and a name that still holds one is shown but never joined to a file-system path)."""
    entries = split_tree(raw, hash_bytes)
    return entries if isinstance(entries, Unreadable) else tuple(_entry(item) for item in entries)


def _entry(item: RawEntry) -> TreeEntry:
    mode, name, sha = item
    return TreeEntry(path_text(name), mode.decode("ascii", "replace"), sha.hex())


class History:
    """Commits of a repository and the one question asked of them: where did a head leave the main line?"""

    def __init__(self, commits: dict[str, Commit | Unreadable], main: str) -> None:
        self._commits = commits
        self._introduced = self._number_main_line(main)
        self._bases: dict[str, str | None] = {}

    def _parents(self, sha: str) -> tuple[str, ...]:
        commit = self._commits.get(sha)
        return commit.parents if isinstance(commit, Commit) else ()

    def _number_main_line(self, main: str) -> dict[str, int]:
        """For every commit of main, the number of the first-parent commit that brought it in (oldest is 0)."""
        line = []
        seen: set[str] = set()
        at: str | None = main
        while at is not None and at not in seen:
            seen.add(at)
            line.append(at)
            parents = self._parents(at)
            at = parents[0] if parents else None
        introduced: dict[str, int] = {}
        for number, tip in enumerate(reversed(line)):
            stack = [tip]
            while stack:
                sha = stack.pop()
                if sha not in introduced:
                    introduced[sha] = number
                    stack.extend(self._parents(sha))
        return introduced

    def base(self, head: str) -> str | None:
        """The commit to compare `head` with, or None when it shares nothing with main.

        Usually the merge base with main. For a head that main has merged, the merge base with main as it was
        before that merge (the merge base with today's main would be the head itself, and the difference empty).
        """
        if head not in self._bases:
            self._bases[head] = self._find_base(head)
        return self._bases[head]

    def _find_base(self, head: str) -> str | None:
        limit = self._introduced.get(head)
        if limit is None:
            limit = 1 << 62
        best: tuple[int, int, str] | None = None
        seen = {head}
        wave = [head]
        distance = 0
        while wave:
            following = []
            for sha in wave:
                number = self._introduced.get(sha)
                if number is not None and number < limit:
                    # Brought in later means not an ancestor of the others; among equals the nearest.
                    if best is None or (number, -distance) > best[:2]:
                        best = (number, -distance, sha)
                    continue
                for parent in self._parents(sha):
                    if parent not in seen:
                        seen.add(parent)
                        following.append(parent)
            wave = following
            distance += 1
        return best[2] if best else None
