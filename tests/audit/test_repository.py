"""Whole repositories: nothing is lost to a bad submission, a killed run goes on, a cached run is the same run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pgolf.audit import repository as module
from pgolf.audit.records import Found, find_pull_requests, find_records
from pgolf.audit.repository import Progress, RunOptions, audit_repository
from pgolf.audit.submission import row_from_json
from pgolf.cli.main import main
from pgolf.core.verdict import Verdict
from pgolf.errors import UsageError
from tests.audit.conftest import Repository

SAMPLES = Path(__file__).resolve().parent.parent / "checks"
TRACK = "records/track_10min_16mb"


def sample(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (SAMPLES / name).iterdir()}


def placed(folder: str, files: dict[str, bytes]) -> dict[str | bytes, bytes]:
    return {f"{folder}/{name}": data for name, data in files.items()}


@pytest.fixture
def contest(repository: Repository) -> Repository:
    root = repository.commit({"README.md": b"x"})
    repository.ref("refs/heads/main", root)
    good = sample("fingerprint/clean_canonical")
    bad = sample("bytes-space-twice/flagged_table_and_loop_add_the_space")
    repository.ref("refs/pull/1/head", repository.commit(placed(f"{TRACK}/good", good), root))
    repository.ref("refs/pull/2/head", repository.commit(placed(f"{TRACK}/bad", bad), root))
    repository.ref("refs/pull/3/head", repository.commit(placed(f"{TRACK}/same-again", good), root))
    hostile = {
        **placed(
            f"{TRACK}/<script>alert(1)",
            {"submission.json": b"{" * 5000, "train_gpt.py": b"\xff\x00("},
        ),
    }
    extra = {
        f"{TRACK}/<script>alert(1)/gone.log".encode(): ("100644", "blob", "0" * 39 + "1"),
        f"{TRACK}/<script>alert(1)/link.log".encode(): (
            "120000",
            "blob",
            repository.blob(b"/etc/passwd"),
        ),
        f"{TRACK}/<script>alert(1)/sub".encode(): ("160000", "commit", "0" * 39 + "2"),
        f"{TRACK}/<script>alert(1)/\xff.log".encode("latin-1"): (
            "100644",
            "blob",
            repository.blob(b"x"),
        ),
    }
    repository.ref("refs/pull/4/head", repository.commit(hostile, root, extra=extra))
    repository.ref("refs/pull/5/head", repository.commit({"README.md": b"y"}, root))
    return repository


def test_every_pull_request_has_its_row_and_the_bad_ones_cost_nothing(contest: Repository) -> None:
    result = audit_repository(find_pull_requests(contest.path), RunOptions(jobs=1))
    rows = {row.pr: row for row in result.rows}
    assert set(rows) == {1, 2, 3, 4, 5}
    assert rows[2].verdict is Verdict.FLAGGED
    assert rows[1].verdict is rows[3].verdict is not Verdict.FLAGGED
    assert rows[1].folder.endswith("good")
    assert rows[3].folder.endswith("same-again")
    assert rows[1].extra["content_sha256"] == rows[3].extra["content_sha256"]
    unread = {finding.path: finding.message for finding in rows[4].reasons if "not read" in finding.message}
    assert "missing" in unread["gone.log"], unread
    assert "link" in unread["link.log"]
    assert "submodule" in unread["sub"]
    assert rows[4].verdict is Verdict.UNVERIFIED
    assert rows[5].script is None
    assert all(json.dumps(row.to_json()) for row in result.rows)


def test_rows_survive_the_way_through_json(contest: Repository) -> None:
    for row in audit_repository(find_pull_requests(contest.path), RunOptions(jobs=1)).rows:
        assert row_from_json(json.loads(json.dumps(row.to_json()))) == row
    with pytest.raises(ValueError, match="no result row"):
        row_from_json({"pr": 1})


def test_a_cached_run_gives_the_same_rows_without_any_analysis(
    contest: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = RunOptions(jobs=1, cache=tmp_path / "cache" / "r.sqlite")
    found = find_pull_requests(contest.path)
    first = audit_repository(found, options)
    monkeypatch.setattr(module, "WorkPool", None)
    second = audit_repository(found, options)
    assert second.rows == first.rows
    assert (first.progress.from_cache, second.progress.from_cache) == (0, 4)


def test_a_row_that_depends_on_files_around_its_folder_is_kept_for_its_place_and_no_other(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = {"train_gpt.py": b"import real_trainer\nreal_trainer.main()\n", "submission.json": b"{}"}
    trainer = sample("fingerprint/clean_canonical")["train_gpt.py"]
    root = repository.commit({"README.md": b"x"})
    repository.ref("refs/heads/main", root)
    folder = placed(f"{TRACK}/launcher", launcher)
    for number, around in enumerate(({}, {"real_trainer.py": trainer}, {"real_trainer.py": b"pass\n"}), 1):
        repository.ref(f"refs/pull/{number}/head", repository.commit({**folder, **around}, root))
    options = RunOptions(jobs=1, cache=tmp_path / "r.sqlite")
    found = find_pull_requests(repository.path)
    first = audit_repository(found, options)
    rows = {row.pr: row for row in first.rows if row.folder.endswith("launcher")}
    assert [rows[n].lut_status.value for n in (1, 2, 3)] == ["UNKNOWN", "CORRECT", "UNKNOWN"]
    assert ["outside" in rows[n].extra for n in (1, 2, 3)] == [False, True, True]
    monkeypatch.setattr(module, "WorkPool", None)
    second = audit_repository(found, options)
    assert second.rows == first.rows
    assert second.progress.from_cache == len(first.rows)


def test_on_disk_nothing_is_kept_of_a_row_that_depends_on_files_around_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "clone" / TRACK / "launcher"
    folder.mkdir(parents=True)
    (tmp_path / "clone" / ".git").mkdir()
    (folder / "train_gpt.py").write_bytes(b"import real_trainer\nreal_trainer.main()\n")
    (folder / "submission.json").write_bytes(b"{}")
    options = RunOptions(jobs=1, cache=tmp_path / "r.sqlite")
    (before,) = audit_repository(find_records(tmp_path / "clone"), options).rows
    trainer = sample("fingerprint/clean_canonical")["train_gpt.py"]
    (tmp_path / "clone" / "real_trainer.py").write_bytes(trainer)
    (after,) = audit_repository(find_records(tmp_path / "clone"), options).rows
    assert (before.lut_status.value, after.lut_status.value) == ("UNKNOWN", "CORRECT")


def test_a_killed_run_goes_on_where_it_stood(
    contest: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    found = find_pull_requests(contest.path)
    whole = audit_repository(found, RunOptions(jobs=1, out=out))
    journal = out / "rows.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    # As `kill -9` leaves it: three whole lines, a torn fourth one.
    journal.write_bytes(b"".join(lines[:3]) + lines[3][: len(lines[3]) // 2])
    again = audit_repository(found, RunOptions(jobs=1, out=out, resume=True))
    assert again.progress.resumed == 3
    assert again.rows == whole.rows
    assert len(journal.read_bytes().splitlines()) == len(whole.rows)
    monkeypatch.setattr(module, "WorkPool", None)
    third = audit_repository(found, RunOptions(jobs=1, out=out, resume=True))
    assert third.progress.resumed == len(whole.rows)


def test_an_output_folder_that_cannot_be_written_is_a_usage_error(
    contest: Repository, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot write"):
        audit_repository(find_pull_requests(contest.path), RunOptions(jobs=1, out=tmp_path / "file"))


def test_progress_is_told_after_every_row(contest: Repository) -> None:
    seen: list[int] = []

    def note(progress: Progress) -> None:
        seen.append(progress.done)

    audit_repository(find_pull_requests(contest.path), RunOptions(jobs=1), note)
    assert seen == [1, 2, 3, 4, 5]


def test_a_task_whose_repository_is_gone_is_a_row(contest: Repository) -> None:
    found = find_pull_requests(contest.path)
    gone = tuple(replace(task, repository="/nowhere/at/all") for task in found.tasks if task.pr == 1)
    (row,) = audit_repository(Found(gone, ()), RunOptions(jobs=1)).rows
    assert row.verdict is Verdict.UNVERIFIED


def test_the_commands_write_every_format_and_return_their_codes(
    contest: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    args = [
        "audit",
        "repo",
        str(contest.path),
        "--pull-requests",
        "1-2",
        "--jobs",
        "1",
        "--cache",
        str(cache),
    ]
    assert main([*args, "--out", str(out)]) == 0
    assert "2 audited: 1 FLAGGED" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} >= {"rows.jsonl", "report.html", "report.md", "report.sarif"}
    assert main([*args, "--format", "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["pr"] for row in rows] == [1, 2]
    assert main(["audit", "repo", str(contest.path), "--records", "--pull-requests"]) == 2
    assert main(["audit", "repo", str(tmp_path / "nowhere")]) == 2
    assert main(["audit", "repo", str(contest.path), "--resume"]) == 2
    assert "--out" in capsys.readouterr().err


def test_a_report_is_titled_by_the_remote_of_the_clone(
    contest: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "audit",
        "repo",
        str(contest.path),
        "--pull-requests",
        "5",
        "--no-cache",
        "--quiet",
        "--jobs",
        "1",
    ]
    main([*arguments, "--format", "markdown"])
    assert "Audit of repo.git" in capsys.readouterr().out
    contest.git("config", "remote.origin.url", "https://example.com/owner/contest.git")
    main([*arguments, "--format", "markdown"])
    assert "Audit of owner/contest" in capsys.readouterr().out


def test_the_submission_command_returns_the_verdicts_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = SAMPLES / "bytes-space-twice" / "flagged_table_and_loop_add_the_space"
    assert main(["audit", "submission", str(bad)]) == 1
    assert "bytes-space-twice" in capsys.readouterr().out
    assert main(["audit", "submission", str(bad), "--format", "sarif"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"
    assert main(["audit", "submission", str(SAMPLES / "missing-evidence" / "flagged_no_logs")]) == 3
    assert (
        main(
            [
                "audit",
                "submission",
                str(SAMPLES / "missing-evidence" / "flagged_no_logs"),
                "--fail-on",
                "flagged",
            ]
        )
        == 0
    )
    assert main(["audit", "submission", str(bad), "--fail-on", "flagged"]) == 1
    assert main(["audit", "submission", str(bad), "--fail-on", "never"]) == 0
    assert main(["audit", "submission", str(tmp_path / "nowhere")]) == 2
    # A file stands for the submission it lies in, a log in a folder below included.
    copy = tmp_path / "copy"
    shutil.copytree(bad, copy)
    (copy / "logs").mkdir()
    (copy / "logs" / "x.log").write_text("")
    report = tmp_path / "r.json"
    files = [str(copy / "logs" / "x.log"), str(copy / "train_gpt.py")]
    assert main(["audit", "submission", *files, "--format", "json", "--output", str(report)]) == 1
    assert json.loads(report.read_text())["row"]["verdict"] == "FLAGGED"


@pytest.mark.shared_data
def test_of_the_merged_records_two_are_flagged_and_no_other(shared_data: Path) -> None:
    result = audit_repository(find_records(shared_data / "records"), RunOptions())
    flagged = {row.folder.rpartition("/")[2] for row in result.rows if row.verdict is Verdict.FLAGGED}
    assert flagged == {"2026-04-05_118M_XNOR-Net_FP8_1024D_10L", "2026-03-31_LegendreGPT"}
    assert len(result.rows) == 60
