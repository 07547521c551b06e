"""Audit every submission of a repository: in parallel, from a cache, resumable, with nothing lost to a bad one.

The output folder is written as the run goes: `rows.jsonl` gets a line for every finished submission (appended and
flushed, so a killed run loses at most the line that was being written), the other formats come at the end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pgolf.audit.cache import ResultCache
from pgolf.audit.records import Found, SubmissionTask
from pgolf.audit.script_choice import choose_script
from pgolf.audit.submission import (
    TaskResult,
    audit_task,
    empty_row,
    place_row,
    placed_key,
    row_from_json,
    task_key,
)
from pgolf.audit.workpool import Crashed, WorkPool, default_jobs
from pgolf.core.profile import DEFAULT_PROFILE
from pgolf.core.row import ResultRow
from pgolf.errors import UsageError

JOURNAL = "rows.jsonl"
_KEY = "_task"


@dataclass
class Progress:
    """Where a run stands; handed to the caller after every row."""

    total: int
    done: int = 0
    from_cache: int = 0
    resumed: int = 0
    crashed: int = 0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run: processes, a Dask scheduler instead, the cache's file (None: none), the output folder."""

    jobs: int = field(default_factory=default_jobs)
    scheduler: str | None = None
    cache: Path | None = None
    out: Path | None = None
    resume: bool = False
    profile: str = DEFAULT_PROFILE


@dataclass(frozen=True, slots=True)
class RepositoryAudit:
    """All rows in a stable order (pull request, folder), how they came about, and remarks about the run."""

    rows: tuple[ResultRow, ...]
    progress: Progress
    notes: tuple[str, ...]


def audit_repository(
    found: Found, options: RunOptions, on_progress: Callable[[Progress], None] | None = None
) -> RepositoryAudit:
    """Audit every task. Each gives one row, whatever happens to it.

    Raises UsageError when the output folder cannot be written or the scheduler does not answer.
    """
    tasks = found.tasks
    progress = Progress(len(tasks))
    tell = on_progress or (lambda _: None)
    rows: dict[int, ResultRow] = {}
    notes = list(found.notes)
    keys = [task_key(task, options.profile) for task in tasks]
    journal = Journal(options.out, options.resume) if options.out is not None else None
    with ResultCache(options.cache) as cache:
        try:
            for number, row, source in _rows(tasks, keys, options, cache, journal):
                rows[number] = row
                progress.done += 1
                progress.from_cache += source == "cache"
                progress.resumed += source == "journal"
                progress.crashed += source == "crashed"
                if journal is not None and source != "journal":
                    journal.append(_task_id(tasks[number], keys[number]), row)
                tell(progress)
        finally:
            if journal is not None:
                journal.close()
        if cache.problem:
            notes.append(cache.problem)
        if cache.damaged:
            notes.append(f"{cache.damaged} damaged results of the cache were computed again")
    ordered = tuple(rows[number] for number in range(len(tasks)))
    return RepositoryAudit(ordered, progress, tuple(notes))


def _rows(
    tasks: Sequence[SubmissionTask],
    keys: Sequence[str],
    options: RunOptions,
    cache: ResultCache,
    journal: Journal | None,
) -> Iterator[tuple[int, ResultRow, str]]:
    """(task number, row, where it came from); cached rows first, then the others as they finish."""
    waiting: dict[str, list[int]] = {}
    for number, task in enumerate(tasks):
        before = journal.known.get(_task_id(task, keys[number])) if journal is not None else None
        if before is not None:
            yield number, before, "journal"
            continue
        if task.problem:
            yield number, place_row(empty_row(task, task.problem), task), "fresh"
            continue
        key, row = _cached(cache, task, keys[number])
        if row is not None:
            yield number, place_row(row, task), "cache"
        else:
            waiting.setdefault(key, []).append(number)
    if not waiting:
        return
    work = partial(_audit_group, profile=options.profile)
    with WorkPool(work, jobs=options.jobs, scheduler=options.scheduler) as pool:
        while waiting:
            elsewhere: dict[str, list[int]] = {}
            failed: list[_Group] = []
            for group, result in pool.map(_groups(waiting, tasks)):
                if isinstance(result, Crashed) and len(group) > 1:
                    failed += [(item,) for item in group]
                else:
                    yield from _finished(group, result, waiting, elsewhere, tasks, keys, cache)
            for group, result in pool.map(failed):
                yield from _finished(group, result, waiting, elsewhere, tasks, keys, cache)
            waiting = elsewhere


_Keyed = tuple[str, SubmissionTask]
_Group = tuple[_Keyed, ...]
_GROUP = 8
_LOOKS_AROUND = {"looks_around": True}
"""Kept under a task's key: its row depends on what is around its folder, and is kept under its `placed_key`."""


def _groups(waiting: dict[str, list[int]], tasks: Sequence[SubmissionTask]) -> list[_Group]:
    """The work to do. The same files in two pull requests are one piece of it, and submissions with one script lie in
    one group: the worker audits that script once."""
    groups: dict[str, list[_Keyed]] = {}
    for key, numbers in waiting.items():
        task = tasks[numbers[0]]
        groups.setdefault(_script_id(task), []).append((key, task))
    return [
        tuple(group[at : at + _GROUP]) for group in groups.values() for at in range(0, len(group), _GROUP)
    ]


def _finished(
    group: _Group,
    results: list[TaskResult] | Crashed,
    waiting: dict[str, list[int]],
    elsewhere: dict[str, list[int]],
    tasks: Sequence[SubmissionTask],
    keys: Sequence[str],
    cache: ResultCache,
) -> Iterator[tuple[int, ResultRow, str]]:
    """Rows of a group's tasks. Where the place matters, tasks with the same files in another place go to `elsewhere`."""
    for at, (key, task) in enumerate(group):
        numbers = waiting.pop(key)
        if isinstance(results, Crashed):
            row = empty_row(task, f"the analysis did not finish: {results.reason}", "analysis-aborted")
            for number in numbers:
                yield number, place_row(row, tasks[number]), "crashed"
            continue
        result = results[at]
        if result.looked_around:
            plain = keys[numbers[0]]
            key = placed_key(task, plain)
            for number in numbers.copy():
                place = placed_key(tasks[number], plain)
                if place != key:
                    numbers.remove(number)
                    elsewhere.setdefault(place, []).append(number)
            if task.head:
                cache.put(plain, _LOOKS_AROUND)
        if task.head or not result.looked_around:
            cache.put(key, result.row)
        row = row_from_json(result.row)
        for number in numbers:
            yield number, place_row(row, tasks[number]), "fresh"


def _audit_group(group: _Group, profile: str) -> list[TaskResult]:
    return [audit_task(task, profile) for _, task in group]


def _script_id(task: SubmissionTask) -> str:
    path = choose_script(task.entries, {}).path
    return next((e.content_id for e in task.entries if e.path == path), "") or f"{task.folder}/{task.pr}"


def _cached(cache: ResultCache, task: SubmissionTask, key: str) -> tuple[str, ResultRow | None]:
    """The key of a task as far as it is known, and its row where that is kept."""
    value = cache.get(key)
    if value == _LOOKS_AROUND:
        key = placed_key(task, key)
        value = cache.get(key)
    if not isinstance(value, dict):
        return key, None
    try:
        return key, row_from_json(value)
    except ValueError:
        cache.damaged += 1
        return key, None


def _task_id(task: SubmissionTask, key: str) -> str:
    return f"{task.pr}/{task.head}/{task.folder}/{key}"


class Journal:
    """`rows.jsonl` of an output folder: one row a line, appended as the run goes, sorted and rewritten at its end."""

    def __init__(self, folder: Path, resume: bool) -> None:
        self.path = folder / JOURNAL
        self.known: dict[str, ResultRow] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if resume and self.path.exists():
                self._read()
            # A torn last line of a killed run is cut off by writing the readable ones anew.
            temporary = self.path.with_suffix(".part")
            with temporary.open("w", encoding="utf-8") as file:
                for key, row in self.known.items():
                    file.write(_line(key, row))
            os.replace(temporary, self.path)
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write to {folder}: {error.strerror or error}; choose another --out"
            ) from error

    def _read(self) -> None:
        with self.path.open("rb") as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                try:
                    data = json.loads(raw)
                    key = data.pop(_KEY)
                    self.known[str(key)] = row_from_json(data)
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue

    def append(self, key: str, row: ResultRow) -> None:
        """Write one row through to the operating system."""
        self._file.write(_line(key, row))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(key: str, row: ResultRow) -> str:
    return json.dumps({**row.to_json(), _KEY: key}, ensure_ascii=True, separators=(",", ":")) + "\n"
