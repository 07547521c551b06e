"""Where submissions lie in a repository: record folders of a tree, or what each pull request adds.

Nothing is read here but trees and commits; the files' bytes are read where the submission is audited.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pgolf.audit.folder import MAX_FILES, FileEntry, disk_folder, git_entries
from pgolf.audit.gitobjects import (
    Commit,
    History,
    ObjectReader,
    TreeEntry,
    Unreadable,
    find_git_dir,
)
from pgolf.errors import UsageError

SUBMISSION_FILE = "submission.json"
MAX_SUBMISSIONS_PER_PULL_REQUEST = 64
_PULL_HEAD = re.compile(r"^refs/(?:pull/(\d{1,9})/head|remotes/[^/]+/(?:pr|pull)/(\d{1,9})(?:/head)?)$")
_SCRIPT_NAME = re.compile(r"^(?:train|run_train|final|submission)[^/]{0,80}\.py$")
_LOG_SUFFIXES = frozenset({".log", ".txt", ".out", ".stdout"})
# A change to these alone changes no claim of a submission that code, logs or settings could show.
_DOCUMENT_SUFFIXES = frozenset(
    {".md", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf", ".tex", ".html", ".gitignore", ""}
)


@dataclass(frozen=True, slots=True)
class SubmissionTask:
    """One submission to audit: where it is and which files it has. Picklable, a few kilobytes.

    `repository` is a git directory (entries' content ids are blob ids) or, with `on_disk`, the folder itself.
    `problem` is set where there is nothing to audit, and says why.
    """

    repository: str
    folder: str
    entries: tuple[FileEntry, ...] = ()
    on_disk: bool = False
    pr: int | None = None
    head: str = ""
    base: str = ""
    committed: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Tasks of a repository, in a stable order, and what could not be looked at."""

    tasks: tuple[SubmissionTask, ...]
    notes: tuple[str, ...]


def parse_range(text: str) -> tuple[tuple[int, int], ...]:
    """`"1500-1600,1734,2000-"` as inclusive ranges; `""` and `"all"` are everything.

    Raises UsageError for anything else.
    """
    if text.strip() in ("", "all"):
        return ((0, 1 << 31),)
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*#?(\d{1,9})?\s*(-?)\s*#?(\d{1,9})?\s*", part)
        if (
            match is None
            or (match[1] is None and match[3] is None)
            or (not match[2] and match[3] is not None)
        ):
            raise UsageError(
                f"{part.strip()!r} is no range of pull requests; write for example 1500-1600,1734"
            )
        low = int(match[1]) if match[1] else 0
        high = int(match[3]) if match[3] else (1 << 31 if match[2] else low)
        if low > high:
            raise UsageError(f"the range {part.strip()!r} is empty: its end is before its start")
        ranges.append((low, high))
    return tuple(ranges)


def submission_root(path: str) -> str | None:
    """The record folder a path belongs to by the contest's layout, or None where only content can tell.

    `records/<track>/<name>/…` and, without a track, `records/<name>/…`; a copy of that layout below another
    folder counts as well.
    """
    parts = path.split("/")
    for at, part in enumerate(parts):
        if part == "records" and at + 2 < len(parts):
            depth = at + 3 if parts[at + 1].startswith("track") else at + 2
            if len(parts) > depth:
                return "/".join(parts[:depth])
            return None
        if part.startswith("track_") and at + 2 < len(parts):
            return "/".join(parts[: at + 2])
    return None


def group_submissions(paths: Iterable[str]) -> dict[str, list[str]]:
    """Paths by submission folder. Outside the contest's layout a folder counts when it holds a
    `submission.json`, or a training script and a log."""
    groups: dict[str, list[str]] = {}
    loose: dict[str, list[str]] = {}
    for path in paths:
        root = submission_root(path)
        if root is not None:
            groups.setdefault(root, []).append(path)
        else:
            loose.setdefault(path.rpartition("/")[0], []).append(path)
    roots = {folder for folder, files in loose.items() if _is_submission(files)}
    for folder, files in loose.items():
        # Logs in a sub-folder belong to the nearest submission above it; the top of a repository owns only its
        # own files.
        at = folder
        while at and at not in roots:
            at = at.rpartition("/")[0]
        if at in roots and (at or not folder):
            groups.setdefault(at, []).extend(files)
    return groups


def _is_submission(paths: Sequence[str]) -> bool:
    names = [path.rpartition("/")[2] for path in paths]
    if SUBMISSION_FILE in names:
        return True
    has_script = any(_SCRIPT_NAME.match(name) for name in names)
    has_log = any(
        os.path.splitext(name)[1].lower() in _LOG_SUFFIXES and "require" not in name for name in names
    )
    return has_script and has_log


def _changes_evidence(paths: Iterable[str]) -> bool:
    return any(os.path.splitext(path)[1].lower() not in _DOCUMENT_SUFFIXES for path in paths)


# -- record folders ----------------------------------------------------------------------------------------


def find_records(path: Path, revision: str | None = None) -> Found:
    """Every submission folder of a checkout's files, or of a commit's tree in a bare clone (or at `revision`).

    Raises UsageError when there is nothing of the kind.
    """
    if not path.exists():
        raise UsageError(f"{path} does not exist; name a clone or a folder of records")
    is_bare = (path / "objects").is_dir() and (path / "HEAD").is_file()
    if revision is not None or is_bare:
        return _records_of_tree(find_git_dir(path), revision)
    return _records_on_disk(path)


def _records_on_disk(path: Path) -> Found:
    top = path / "records" if (path / "records").is_dir() else path
    if not top.is_dir():
        raise UsageError(f"{path} is not a folder; name a clone or a folder of records")
    paths: list[str] = []
    notes: list[str] = []
    for here, folders, files in os.walk(top, followlinks=False):
        folders[:] = sorted(f for f in folders if f not in (".git", "node_modules", "__pycache__", ".venv"))
        relative = os.path.relpath(here, path)
        prefix = "" if relative == "." else relative.replace(os.sep, "/") + "/"
        if prefix.count("/") > 12:
            folders[:] = []
        paths += [prefix + name for name in sorted(files)]
        if len(paths) > 500_000:
            notes.append("more than 500,000 files; the rest was not looked at")
            break
    tasks = []
    for root in sorted(group_submissions(paths)):
        folder = path / root if root else path
        try:
            listed = disk_folder(folder, root)
        except UsageError as error:
            tasks.append(SubmissionTask(str(folder), _shown(root), on_disk=True, problem=str(error)))
            continue
        tasks.append(SubmissionTask(str(folder), _shown(root), listed.entries, on_disk=True))
    if not tasks:
        raise UsageError(
            f"{path}: no submission folder in it (a submission.json, or a training script with logs)"
        )
    return Found(tuple(tasks), tuple(notes))


def _records_of_tree(git_dir: Path, revision: str | None) -> Found:
    with ObjectReader(git_dir) as reader:
        refs, _ = reader.refs()
        sha = reader.resolve(revision) if revision is not None else main_branch(refs, reader)[1]
        if sha is None:
            raise UsageError(f"{git_dir}: no commit named {revision!r} in it")
        commit = reader.commit(sha)
        if isinstance(commit, Unreadable):
            raise UsageError(f"{git_dir}: commit {sha[:12]} cannot be read: {commit.reason}")
        items = list(reader.walk(commit.tree))
    tasks = _tree_tasks(git_dir, items, group_submissions(_paths(items)), commit, sha)
    if not tasks:
        raise UsageError(f"{git_dir}: no submission folder at {sha[:12]}")
    return Found(tuple(tasks), ())


def _paths(items: Iterable[TreeEntry | tuple[str, Unreadable]]) -> list[str]:
    return [item[0] if isinstance(item, tuple) else item.path for item in items]


def _tree_tasks(
    git_dir: Path,
    items: Sequence[TreeEntry | tuple[str, Unreadable]],
    groups: dict[str, list[str]],
    commit: Commit,
    sha: str,
) -> list[SubmissionTask]:
    by_path = {(item[0] if isinstance(item, tuple) else item.path): item for item in items}
    tasks = []
    for root in sorted(groups):
        entries = git_entries(by_path[path] for path in groups[root])
        tasks.append(
            SubmissionTask(str(git_dir), root, _inside(entries, root), head=sha, committed=_date(commit))
        )
    return tasks


def _inside(entries: Iterable[FileEntry], root: str) -> tuple[FileEntry, ...]:
    cut = len(root) + 1 if root else 0
    return tuple(replace(entry, path=entry.path[cut:]) for entry in entries)


def _date(commit: Commit) -> str:
    try:
        return datetime.fromtimestamp(commit.committed_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


# -- pull requests -----------------------------------------------------------------------------------------


def main_branch(refs: dict[str, str], reader: ObjectReader, name: str | None = None) -> tuple[str, str]:
    """(name, commit id) of the branch pull requests are compared with.

    Raises UsageError when there is none.
    """
    if name is not None:
        sha = reader.resolve(name)
        if sha is None:
            raise UsageError(f"{reader.git_dir}: no commit named {name!r}; name the branch of merged records")
        return name, sha
    # A remote's branch is newer than a local one that was checked out some time ago.
    for candidate in (
        "refs/remotes/upstream/main",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
        "refs/remotes/origin/master",
        "refs/heads/main",
        "refs/heads/master",
    ):
        if candidate in refs:
            return candidate, refs[candidate]
    sha = reader.resolve("HEAD")
    if sha is None:
        raise UsageError(f"{reader.git_dir}: no main branch found; name it with --main BRANCH")
    return "HEAD", sha


def pull_request_heads(refs: dict[str, str]) -> dict[int, str]:
    """`{number: commit id}` of every pull-request head among the references."""
    heads: dict[int, str] = {}
    for name, sha in refs.items():
        match = _PULL_HEAD.match(name)
        if match is not None:
            heads.setdefault(int(match[1] or match[2]), sha)
    return heads


def find_pull_requests(path: Path, wanted: str = "all", main: str | None = None) -> Found:
    """What every pull-request head adds or changes against its merge base, as submissions.

    Raises UsageError when the clone has no such heads, or none in the range.
    """
    git_dir = find_git_dir(path)
    ranges = parse_range(wanted)
    with ObjectReader(git_dir) as reader:
        refs, complaints = reader.refs()
        heads = pull_request_heads(refs)
        if not heads:
            raise UsageError(
                f"{path}: no pull-request heads in this clone; fetch them with "
                "git fetch origin '+refs/pull/*/head:refs/remotes/origin/pr/*'"
            )
        chosen = {n: heads[n] for n in sorted(heads) if any(low <= n <= high for low, high in ranges)}
        if not chosen:
            raise UsageError(
                f"{path}: no pull request in {wanted}; the clone has {min(heads)} to {max(heads)}"
            )
        main_name, main_sha = main_branch(refs, reader, main)
        commits = reader.commits([main_sha, *chosen.values()])
        history = History(commits, main_sha)
        tip = commits[main_sha]
        if isinstance(tip, Unreadable):
            raise UsageError(f"{path}: {main_name} cannot be read: {tip.reason}")
        merged = _merged_blobs(reader, tip)
        reader.prefetch_changes(
            (_base_tree(commits, history, tip, sha), commit.tree)
            for sha in chosen.values()
            if isinstance(commit := commits.get(sha), Commit)
        )
        tasks: list[SubmissionTask] = []
        for number, sha in chosen.items():
            tasks.extend(_pull_request_tasks(reader, commits, history, tip, merged, number, sha))
    notes = [f"compared with {main_name} at {main_sha[:12]}"]
    notes += [f"git: {line}" for line in complaints[:20]]
    for line in complaints:  # a head that git could not use still gets its row
        match = re.search(r"refs/(?:pull/(\d{1,9})/head)", line)
        if match and int(match[1]) not in chosen and any(a <= int(match[1]) <= b for a, b in ranges):
            tasks.append(
                SubmissionTask(str(git_dir), "", pr=int(match[1]), problem=f"broken reference: {line}")
            )
    return Found(tuple(tasks), tuple(notes))


def _merged_blobs(reader: ObjectReader, tip: Commit) -> dict[str, str]:
    """`{blob id: path}` of every training script and submission.json that main holds."""
    found: dict[str, str] = {}
    for item in reader.walk(tip.tree):
        if not isinstance(item, tuple) and _identifies(item.path):
            found.setdefault(item.sha, item.path)
    return found


def _identifies(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name == SUBMISSION_FILE or _SCRIPT_NAME.match(name) is not None


def _base_tree(commits: dict[str, Commit | Unreadable], history: History, tip: Commit, sha: str) -> str:
    """The tree that a head is compared with: that of its merge base, else of the main branch."""
    base_sha = history.base(sha)
    base = commits.get(base_sha) if base_sha else None
    return base.tree if isinstance(base, Commit) else tip.tree


def _pull_request_tasks(
    reader: ObjectReader,
    commits: dict[str, Commit | Unreadable],
    history: History,
    tip: Commit,
    merged: dict[str, str],
    number: int,
    sha: str,
) -> list[SubmissionTask]:
    git_dir = str(reader.git_dir)
    commit = commits.get(sha, Unreadable("commit missing from this clone"))
    if isinstance(commit, Unreadable):
        return [SubmissionTask(git_dir, "", pr=number, head=sha, problem=commit.reason)]
    base_sha = history.base(sha)
    base_tree = _base_tree(commits, history, tip, sha)
    changed = list(reader.changed(base_tree, commit.tree))
    groups = group_submissions(_paths(changed))
    known = SubmissionTask(git_dir, "", pr=number, head=sha, base=base_sha or "", committed=_date(commit))
    by_path = {item.path: item for item in changed if not isinstance(item, tuple)}
    tasks: list[SubmissionTask] = []
    copies = 0
    for root in sorted(groups):
        if not _changes_evidence(groups[root]):
            continue
        if _is_copy(root, [by_path[p] for p in groups[root] if p in by_path], merged):
            copies += 1
            continue
        if len(tasks) >= MAX_SUBMISSIONS_PER_PULL_REQUEST:
            known = replace(
                known,
                notes=(
                    f"more than {MAX_SUBMISSIONS_PER_PULL_REQUEST} submission folders; the rest was left out",
                ),
            )
            break
        tasks.append(
            replace(
                known, folder=root, entries=_folder_entries(reader, commit.tree, root, groups[root], changed)
            )
        )
    if copies:
        known = replace(
            known, notes=(*known.notes, f"{copies} folders are copies of merged records and were left out")
        )
    # Folders outside the contest's layout (experiments, copies of other projects) are submissions only where the
    # pull request has no record folder; the top of the repository only where there is nothing else.
    tasks = [task for task in tasks if submission_root(task.folder + "/x")] or tasks
    if len(tasks) > 1:
        tasks = [task for task in tasks if task.folder] or tasks
    if tasks:
        return [replace(task, notes=known.notes) for task in tasks]
    broken = [f"{item[0] or '.'}: {item[1].reason}" for item in changed if isinstance(item, tuple)]
    what = f"adds or changes no submission ({len(changed):,} files changed)" if changed else "changes no file"
    why = f"; not readable: {'; '.join(broken[:3])}" if broken else ""
    return [replace(known, problem=f"the pull request {what}{why}")]


def _is_copy(root: str, entries: Sequence[TreeEntry], merged: dict[str, str]) -> bool:
    """Whether a folder only repeats merged records under another path."""
    telling = [entry for entry in entries if _identifies(entry.path)]
    return bool(telling) and all(
        entry.sha in merged and not merged[entry.sha].startswith(root + "/" if root else "")
        for entry in telling
    )


def _folder_entries(
    reader: ObjectReader,
    tree: str,
    root: str,
    paths: Sequence[str],
    changed: Sequence[TreeEntry | tuple[str, Unreadable]],
) -> tuple[FileEntry, ...]:
    """The whole folder at the head: a submission's unchanged files are evidence as well."""
    if not root:  # the top of the repository: only what the pull request touches
        wanted = set(paths)
        items = [i for i in changed if (i[0] if isinstance(i, tuple) else i.path) in wanted]
        return git_entries(items)
    subtree = reader.subtree(tree, root)
    if isinstance(subtree, Unreadable):
        return (FileEntry("", "", None, f"folder cannot be read: {subtree.reason}"),)
    items = []
    for item in reader.walk(subtree):
        items.append(item)
        if len(items) > MAX_FILES:
            break
    return git_entries(items)
