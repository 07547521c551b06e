"""One submission, from its folder to its report, and from a task of a repository to its row."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pgolf.audit.cache import result_key
from pgolf.audit.folder import DiskFolder, Folder, GitFolder, WatchedFolder, disk_folder
from pgolf.audit.gitobjects import ObjectReader
from pgolf.audit.records import SubmissionTask
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.profile import DEFAULT_PROFILE, load_profile
from pgolf.core.row import ResultRow
from pgolf.core.submission_report import SubmissionReport
from pgolf.core.verdict import ByteSource, EvalStatus, FingerprintStatus, LutStatus, Verdict
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits

SUBMISSION_LIMITS = replace(DEFAULT_LIMITS, worker_wall_seconds=40.0)
"""The bound on processor time decides, not on wall time: a busy machine must not change a verdict."""


def audit_submission(
    path: Path, profile: str = DEFAULT_PROFILE, limits: Limits = SUBMISSION_LIMITS, shown: str | None = None
) -> SubmissionReport:
    """Audit a submission's folder on disk.

    Raises UsageError when `path` is no folder; content never raises.
    """
    return audit_folder(disk_folder(path, shown), profile, limits)


def audit_folder(
    folder: Folder, profile: str = DEFAULT_PROFILE, limits: Limits = SUBMISSION_LIMITS
) -> SubmissionReport:
    """Audit a folder of either kind."""
    # What analyses is loaded where something is analysed: a run over kept results needs none of it.
    from pgolf.audit.evidence import collect_evidence
    from pgolf.audit.judge import judge

    return judge(collect_evidence(folder, load_profile(profile), limits))


def task_key(task: SubmissionTask, profile: str) -> str:
    """The cache key of a task: what its files are, not where they were found or in which pull request."""
    files = "\0".join(
        f"{e.path}\1{e.content_id}\1{e.problem}" for e in sorted(task.entries, key=lambda e: e.path)
    )
    track = "non_record" if "non_record" in task.folder else ""
    return result_key("row", profile, track, files)


def placed_key(task: SubmissionTask, key: str) -> str:
    """The key of a task with `task_key` `key` whose result depends on the repository around its folder.

    A commit and a path in it fix all that can be found there, in every clone. On disk nothing does: a result with this
    key is not for the next run.
    """
    return result_key("placed-row", key, task.head or task.repository, task.folder)


_readers = threading.local()


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The row of one task as a JSON-ready mapping, without what is the task's own (`place_row` adds that).

    `looked_around`: files of the repository outside the folder were asked for, so the row belongs to this place.
    """

    row: dict[str, Any]
    looked_around: bool


def audit_task(task: SubmissionTask, profile: str = DEFAULT_PROFILE) -> TaskResult:
    """The result of one task.

    Runs in a worker process or on another machine; keeps one object reader per repository and thread.
    """
    folder: Folder
    if task.on_disk:
        folder = DiskFolder(Path(task.repository), task.folder, task.entries)
    else:
        readers: dict[str, ObjectReader] = _readers.__dict__.setdefault("by_repository", {})
        reader = readers.get(task.repository)
        if reader is None:
            reader = readers[task.repository] = ObjectReader(Path(task.repository))
        folder = GitFolder(task.folder, task.entries, reader, task.head)
    watched = WatchedFolder(folder)
    row = audit_folder(watched, profile).row.to_json()
    return TaskResult(row, watched.looked_around)


def place_row(row: ResultRow, task: SubmissionTask) -> ResultRow:
    """A row put in its place: pull request, folder, commit, date and remarks about the place."""
    place: dict[str, Any] = {"head": task.head, "base": task.base, "committed": task.committed}
    remarks = tuple(
        Finding("missing-evidence", Severity.NOTE, Confidence.PROVED, note) for note in task.notes
    )
    return replace(
        row,
        pr=task.pr,
        folder=task.folder or ".",
        reasons=(*row.reasons, *remarks),
        extra={**row.extra, **{k: v for k, v in place.items() if v}},
    )


def empty_row(task: SubmissionTask, reason: str, rule: str = "missing-evidence") -> ResultRow:
    """The row of a task that could not be audited at all: UNVERIFIED, with the reason."""
    return ResultRow(
        pr=None,
        folder="",
        script=None,
        script_sha256=None,
        lut_status=LutStatus.UNKNOWN,
        lut_bug_detections=(),
        byte_source=ByteSource.UNKNOWN,
        eval_status=EvalStatus.UNKNOWN,
        packed_layers=(),
        evidence="",
        tokenizer=None,
        reported_bpb=None,
        log_bpb=None,
        bytes_per_token=None,
        fingerprint_status=FingerprintStatus.UNKNOWN,
        inflation_ratio=None,
        corrected_bpb=None,
        verdict=Verdict.UNVERIFIED,
        reasons=(Finding(rule, Severity.NOTE, Confidence.PROVED, reason),),
        extra={"files": len(task.entries), "missing": [reason]},
    )


def row_from_json(data: dict[str, Any]) -> ResultRow:
    """The inverse of `ResultRow.to_json`.

    Raises ValueError (KeyError and TypeError included as its causes) when the mapping is no row.
    """
    fields = dict(data)
    fields.pop("version", None)
    try:
        known = {name: fields.pop(name) for name in ResultRow.__slots__ if name not in ("reasons", "extra")}
        reasons = tuple(
            Finding(
                rule=item["rule"],
                severity=Severity(item["severity"]),
                confidence=Confidence(item["confidence"]),
                message=item["message"],
                path=item["path"],
                line=item["line"],
            )
            for item in fields.pop("reasons")
        )
        known["lut_status"] = LutStatus(known["lut_status"])
        known["byte_source"] = ByteSource(known["byte_source"])
        known["eval_status"] = EvalStatus(known["eval_status"])
        known["fingerprint_status"] = FingerprintStatus(known["fingerprint_status"])
        known["verdict"] = Verdict(known["verdict"])
        known["lut_bug_detections"] = tuple(known["lut_bug_detections"])
        known["packed_layers"] = tuple(known["packed_layers"])
        return ResultRow(**known, reasons=reasons, extra=fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no result row: {error}") from error
