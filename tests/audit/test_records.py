"""Where submissions are found."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.audit.records import (
    find_pull_requests,
    find_records,
    group_submissions,
    parse_range,
    pull_request_heads,
    submission_root,
)
from pgolf.errors import UsageError
from tests.audit.conftest import Repository

A = "records/track_10min_16mb/2026-04-01_A"
B = "records/track_non_record_16mb/2026-04-02_B"
JSON = b'{"val_bpb": 1.2}'


def test_ranges() -> None:
    assert parse_range("1500-1600,1734") == ((1500, 1600), (1734, 1734))
    assert parse_range("#1700-") == ((1700, 1 << 31),)
    assert parse_range("-20") == ((0, 20),)
    assert parse_range("all") == parse_range("") == ((0, 1 << 31),)
    for wrong in ("x", "1-2-3", "9-3", "1,,2", "1 2", "-", "1;2"):
        with pytest.raises(UsageError):
            parse_range(wrong)


@given(st.text(alphabet="0123456789-,# x", max_size=20))
def test_any_range_text_is_ranges_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert all(low <= high for low, high in parse_range(text))


def test_layouts() -> None:
    assert submission_root(f"{A}/logs/x.log") == A
    assert submission_root(f"copy/{A}/train_gpt.py") == f"copy/{A}"
    assert submission_root("records/mine/train_gpt.py") == "records/mine"
    assert submission_root("track_10min_16mb/mine/train_gpt.py") == "track_10min_16mb/mine"
    assert submission_root("records/track_10min_16mb/README.md") is None
    assert submission_root("train_gpt.py") is None
    groups = group_submissions(
        [
            "x/submission.json",
            "x/logs/1.log",
            "y/train_gpt.py",
            "z/train_gpt.py",
            "z/run.log",
            "README.md",
            f"{A}/a.py",
        ]
    )
    assert {k: sorted(v) for k, v in groups.items()} == {
        "x": ["x/logs/1.log", "x/submission.json"],
        "z": ["z/run.log", "z/train_gpt.py"],
        A: [f"{A}/a.py"],
    }


def test_heads_of_bare_mirrors_and_of_fetched_remotes() -> None:
    refs = {
        "refs/pull/7/head": "a",
        "refs/pull/7/merge": "b",
        "refs/remotes/origin/pr/8": "c",
        "refs/remotes/origin/pull/9/head": "d",
        "refs/heads/pull/10/head": "e",
    }
    assert pull_request_heads(refs) == {7: "a", 8: "c", 9: "d"}


@pytest.fixture
def contest(repository: Repository) -> Repository:
    """Main with record A; pull requests: 1 adds B, 2 edits A, 3 a README only, 4 merged, 5 copies A, 6 broken."""
    root = repository.commit(
        {"README.md": b"x", f"{A}/submission.json": JSON, f"{A}/train_gpt.py": b"print(1)"}
    )
    base = {"README.md": b"x", f"{A}/submission.json": JSON, f"{A}/train_gpt.py": b"print(1)"}
    four = repository.commit(
        {**base, "records/track_10min_16mb/D/submission.json": b'{"val_bpb": 1.4}'}, root
    )
    merge = repository.commit(
        {**base, "records/track_10min_16mb/D/submission.json": b'{"val_bpb": 1.4}', "z": b"1"}, root, four
    )
    repository.ref("refs/heads/main", merge)
    b = {
        f"{B}/submission.json": b'{"val_bpb": 1.3}',
        f"{B}/train_gpt.py": b"print(2)",
        f"{B}/train.log": b"seed:1",
    }
    repository.ref("refs/pull/1/head", repository.commit({**base, **b}, root))
    repository.ref("refs/pull/2/head", repository.commit({**base, f"{A}/train_gpt.py": b"print(3)"}, root))
    repository.ref("refs/pull/3/head", repository.commit({**base, "README.md": b"y"}, root))
    repository.ref("refs/pull/4/head", four)
    copied = {f"copy/{path}": data for path, data in base.items()}
    repository.ref("refs/pull/5/head", repository.commit({**base, **copied, **b}, root))
    return repository


def test_each_pull_request_is_compared_with_its_own_base(contest: Repository) -> None:
    found = {(task.pr, task.folder): task for task in find_pull_requests(contest.path).tasks}
    assert {key for key in found if not found[key].problem} == {
        (1, B),
        (2, A),
        (4, "records/track_10min_16mb/D"),
        (5, B),
    }
    assert "no submission" in found[3, ""].problem
    # The whole folder is evidence, also what the pull request left as it was.
    assert {entry.path for entry in found[2, A].entries} == {"submission.json", "train_gpt.py"}
    assert "copies of merged records" in found[5, B].notes[0]
    assert found[1, B].committed == "2026-03-31T23:33:20Z"


def test_ranges_and_their_absence(contest: Repository) -> None:
    assert {task.pr for task in find_pull_requests(contest.path, "2-3").tasks} == {2, 3}
    with pytest.raises(UsageError, match="no pull request in 90"):
        find_pull_requests(contest.path, "90")


def test_a_clone_without_heads_says_how_to_fetch_them(repository: Repository) -> None:
    repository.ref("refs/heads/main", repository.commit({"a": b"1"}))
    with pytest.raises(UsageError, match="git fetch origin"):
        find_pull_requests(repository.path)


def test_a_head_whose_commit_or_tree_is_missing_costs_its_own_row(contest: Repository) -> None:
    sha = contest.git("rev-parse", "refs/pull/1/head")
    tree = contest.git("rev-parse", "refs/pull/2/head^{tree}")
    for lost in (sha, tree):
        (contest.path / "objects" / lost[:2] / lost[2:]).unlink()
    tasks = find_pull_requests(contest.path).tasks
    problems = {task.pr: task.problem for task in tasks if task.problem}
    assert set(problems) == {1, 2, 3}
    assert "missing" in problems[1] or "broken" in problems[1]
    assert {task.pr for task in tasks} == {1, 2, 3, 4, 5}


def test_records_of_a_bare_clone_at_main_and_at_a_revision(contest: Repository) -> None:
    assert {task.folder for task in find_records(contest.path).tasks} == {A, "records/track_10min_16mb/D"}
    head = contest.git("rev-parse", "refs/pull/1/head")
    assert {task.folder for task in find_records(contest.path, head).tasks} == {A, B}
    with pytest.raises(UsageError, match="no commit named"):
        find_records(contest.path, "nothing")


def test_records_on_disk_with_links_that_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / A
    folder.mkdir(parents=True)
    (folder / "submission.json").write_bytes(JSON)
    (folder / "up").symlink_to("/")
    (folder / "passwd.log").symlink_to("/etc/passwd")
    (task,) = find_records(tmp_path).tasks
    assert task.folder == A
    problems = {entry.path: entry.problem for entry in task.entries}
    assert problems["submission.json"] == ""
    assert "not followed" in problems["up"]
    assert "not followed" in problems["passwd.log"]


def test_folders_without_submissions_and_paths_that_do_not_exist_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no submission folder"):
        find_records(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        find_records(tmp_path / "nowhere")
