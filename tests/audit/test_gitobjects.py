"""Reading objects: the same answers as git's own commands, and no answer costs the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.audit import gitobjects
from pgolf.audit.gitobjects import (
    Commit,
    History,
    ObjectReader,
    TreeEntry,
    Unreadable,
    find_git_dir,
    git_environment,
    parse_commit,
    parse_tree,
    path_text,
)
from pgolf.errors import UsageError
from tests.audit.conftest import Repository

ZEROS = "0" * 39 + "1"


def test_a_blob_is_read_back_byte_for_byte_and_never_past_the_bound(repository: Repository) -> None:
    data = bytes(range(256)) * 40 + b"\nend without newline"
    sha = repository.blob(data)
    with ObjectReader(repository.path) as reader:
        assert reader.read(sha, len(data)) == data
        refused = reader.read(sha, len(data) - 1)
        assert isinstance(refused, Unreadable)
        assert "more than" in refused.reason
        assert reader.read(sha, len(data)) == data


def test_missing_objects_and_words_that_are_no_id_are_values_and_the_reader_goes_on(
    repository: Repository,
) -> None:
    sha = repository.blob(b"here")
    with ObjectReader(repository.path) as reader:
        for wrong in (ZEROS, "HEAD", "--batch-all-objects", "main:x", "", "a b", "g" * 40):
            assert isinstance(reader.read(wrong, 100), Unreadable)
        infos = reader.info([sha, ZEROS, sha])
        assert [i is not None for i in infos] == [True, False, True]
        assert reader.read(sha, 100) == b"here"


def test_a_reader_whose_git_died_starts_another_one(repository: Repository) -> None:
    sha = repository.blob(b"here")
    with ObjectReader(repository.path) as reader:
        assert reader.read(sha, 100) == b"here"
        for process in (reader._check, reader._batch):
            assert process is not None
            process.kill()
            process.wait()
        assert reader.read(sha, 100) == b"here"


def test_a_tree_is_no_blob(repository: Repository) -> None:
    commit = repository.commit({"a/b": b"x"})
    with ObjectReader(repository.path) as reader:
        found = reader.commit(commit)
        assert isinstance(found, Commit)
        wrong = reader.read(found.tree, 100)
        assert isinstance(wrong, Unreadable)
        assert "found a tree" in wrong.reason


def test_changed_lists_what_git_diff_tree_lists(repository: Repository) -> None:
    old = repository.commit({"same": b"1", "edit": b"1", "gone": b"1", "d/x": b"1", "d/e/y": b"1", "f": b"1"})
    new = repository.commit(
        {"same": b"1", "edit": b"2", "d/x": b"1", "d/e/y": b"2", "d/e/z": b"3", "f/now-a-folder": b"1"}, old
    )
    expected = repository.git("diff-tree", "-r", "--no-renames", "--diff-filter=d", "--name-only", old, new)
    with ObjectReader(repository.path) as reader:
        a, b = reader.commit(old), reader.commit(new)
        assert isinstance(a, Commit)
        assert isinstance(b, Commit)
        found = sorted(e.path for e in reader.changed(a.tree, b.tree) if isinstance(e, TreeEntry))
        everything = sorted(e.path for e in reader.walk(b.tree) if isinstance(e, TreeEntry))
    assert found == sorted(expected.splitlines())
    assert everything == sorted(repository.git("ls-tree", "-r", "--name-only", new).splitlines())


def test_trees_read_ahead_are_those_that_changed_asks_for(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = repository.commit({"a/b/c/x": b"1", "a/same/y": b"1", "f": b"1", "gone/z": b"1"})
    new = repository.commit(
        {"a/b/c/x": b"2", "a/same/y": b"1", "f/g/h": b"1", "new/n": b"1"},
        old,
        extra={b"absent": ("040000", "tree", ZEROS)},
    )
    with ObjectReader(repository.path) as reader:
        a, b = reader.commit(old), reader.commit(new)
        assert isinstance(a, Commit)
        assert isinstance(b, Commit)
        expected = list(reader.changed(a.tree, b.tree))
    with ObjectReader(repository.path) as reader:
        reader.prefetch_changes([(a.tree, b.tree), (None, a.tree), (b.tree, b.tree)])
        asked: list[str] = []
        read = reader._read
        monkeypatch.setattr(reader, "_read", lambda sha, *rest: asked.append(sha) or read(sha, *rest))
        assert list(reader.changed(a.tree, b.tree)) == expected
        assert asked == [ZEROS]


def test_a_tree_too_large_to_read_ahead_is_read_when_it_is_asked_for(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitobjects, "_MAX_PREFETCHED_BYTES", 40)
    sha = repository.commit({"a/x": b"1", "a/y": b"2"})
    with ObjectReader(repository.path) as reader:
        commit = reader.commit(sha)
        assert isinstance(commit, Commit)
        reader.prefetch_changes([(None, commit.tree)])
        assert sorted(e.path for e in reader.changed(None, commit.tree) if isinstance(e, TreeEntry)) == [
            "a/x",
            "a/y",
        ]


def test_hostile_names_links_submodules_and_missing_subtrees_are_entries(repository: Repository) -> None:
    link = ("120000", "blob", repository.blob(b"/etc/passwd"))
    module = ("160000", "commit", ZEROS)
    missing = ("040000", "tree", ZEROS)
    sha = repository.commit(
        {"<script>alert(1)</script>.py": b"x", "new\nline": b"x", b"\xff\xfe.log": b"x"},
        extra={b"link": link, b"module": module, b"absent": missing},
    )
    with ObjectReader(repository.path) as reader:
        commit = reader.commit(sha)
        assert isinstance(commit, Commit)
        items = list(reader.walk(commit.tree))
    entries = {item.path: item for item in items if isinstance(item, TreeEntry)}
    assert {"<script>alert(1)</script>.py", "new\nline", "\\xff\\xfe.log", "link", "module"} == set(entries)
    assert entries["link"].is_symlink
    assert entries["module"].is_submodule
    assert [item for item in items if isinstance(item, tuple)] == [
        ("absent", Unreadable("object missing from this clone"))
    ]


def test_trees_that_hold_each_other_many_times_over_end_with_a_remark(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitobjects, "MAX_WALKED", 500)
    names = [b"%d" % n for n in range(10)]
    tree = repository.tree({name: ("100644", "blob", repository.blob(b"x")) for name in names})
    for _ in range(9):
        tree = repository.tree(dict.fromkeys(names, ("040000", "tree", tree)))
    with ObjectReader(repository.path) as reader:
        *files, last = reader.walk(tree)
    assert 400 < len(files) <= 500
    assert isinstance(last, tuple)
    assert "more than 500 files and folders" in last[1].reason


def test_folders_nested_without_end_are_cut(repository: Repository) -> None:
    sha = repository.commit({"/".join(["d"] * 40) + "/x": b"1"})
    with ObjectReader(repository.path) as reader:
        commit = reader.commit(sha)
        assert isinstance(commit, Commit)
        (item,) = reader.walk(commit.tree)
        assert isinstance(item, tuple)
        assert item[1].reason == "folders nested too deeply"


def test_the_base_is_gits_merge_base_and_for_a_merged_head_the_one_before_the_merge(
    repository: Repository,
) -> None:
    root = repository.commit({"a": b"0"})
    early = repository.commit({"a": b"0", "e": b"1"}, root)
    merged_head = repository.commit({"a": b"0", "m": b"1"}, root)
    merge = repository.commit({"a": b"0", "e": b"1", "m": b"1"}, early, merged_head)
    open_head = repository.commit({"a": b"0", "e": b"1", "o": b"1"}, early)
    # This one took main in once, so that its merge base is the newer of two.
    synced = repository.commit({"a": b"0", "e": b"1", "m": b"1", "o": b"2"}, open_head, merge)
    tip = repository.commit({"a": b"1", "e": b"1", "m": b"1"}, merge)
    stranger = repository.commit({"z": b"1"})
    repository.ref("refs/heads/main", tip)
    with ObjectReader(repository.path) as reader:
        history = History(reader.commits([tip, merged_head, open_head, synced, stranger]), tip)
    assert history.base(open_head) == repository.git("merge-base", tip, open_head) == early
    assert history.base(synced) == repository.git("merge-base", tip, synced) == merge
    assert history.base(merged_head) == root
    assert history.base(tip) == merge
    assert history.base(stranger) is None


def test_history_ends_where_commits_are_missing(repository: Repository) -> None:
    root = repository.commit({"a": b"0"})
    head = repository.git(
        "commit-tree", repository.git("rev-parse", f"{root}^{{tree}}"), "-p", root, "-m", "x"
    )
    (repository.path / "objects" / root[:2] / root[2:]).unlink()
    with ObjectReader(repository.path) as reader:
        commits = reader.commits([head])
    assert isinstance(commits[head], Commit)
    assert isinstance(commits[root], Unreadable)
    assert History(commits, head).base(head) == root


def test_hooks_filters_and_network_of_the_repository_never_run(
    repository: Repository, tmp_path: Path
) -> None:
    witness = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {witness}\n")
    script.chmod(0o755)
    sha = repository.blob(b"data")
    repository.commit({"a": b"0"})
    with (repository.path / "config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = {script}\n\thooksPath = {tmp_path}\n\tsshCommand = {script}\n\tpager = {script}\n"
            f'\talternateRefsCommand = {script}\n[diff "x"]\n\ttextconv = {script}\n[credential]\n\thelper = !{script}\n'
            f'[remote "origin"]\n\turl = ext::{script}\n\tpromisor = true\n\tpartialclonefilter = blob:none\n'
            "[extensions]\n\tpartialClone = origin\n[protocol]\n\tallow = always\n"
        )
    with ObjectReader(repository.path) as reader:
        reader.refs()
        assert isinstance(reader.read(ZEROS, 10), Unreadable)
        assert reader.read(sha, 10) == b"data"
        assert reader.info([ZEROS, sha, ZEROS])[1] is not None
        assert reader.resolve("HEAD") is None
    assert not witness.exists()


def test_the_environment_of_git_keeps_no_git_variable_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "evil")
    environment = git_environment()
    assert "GIT_DIR" not in environment
    assert "GIT_EXTERNAL_DIFF" not in environment
    assert environment["GIT_ALLOW_PROTOCOL"] == "none"


def test_a_folder_that_is_no_clone_is_a_usage_error(tmp_path: Path, repository: Repository) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        find_git_dir(tmp_path)
    assert find_git_dir(repository.path) == repository.path
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".git").write_text(f"gitdir: {repository.path}\n")
    assert find_git_dir(linked) == repository.path
    (linked / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(UsageError):
        find_git_dir(linked)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/owner/some-contest.git", "owner/some-contest"),
        ("git@example.com:owner/some.contest", "owner/some.contest"),
        ("https://example.com/a/b/owner/name/", "owner/name"),
        ("../elsewhere", None),
        ("https://example.com/<b>/x y", None),
        ("", None),
    ],
)
def test_a_clone_is_called_what_its_remote_is(repository: Repository, url: str, expected: str | None) -> None:
    with ObjectReader(repository.path) as reader:
        assert reader.name() is None
        repository.git("config", "remote.origin.url", url)
        assert reader.name() == expected
        repository.git("config", "remote.upstream.url", "https://example.com/first/one.git")
        assert reader.name() == "first/one"


def test_resolve_takes_names_but_no_options(repository: Repository) -> None:
    sha = repository.commit({"a": b"0"})
    repository.ref("refs/heads/main", sha)
    with ObjectReader(repository.path) as reader:
        assert reader.resolve("main") == sha
        assert reader.resolve("--all") is None
        assert reader.resolve("nothing") is None


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_as_tree_or_commit_give_a_value(raw: bytes) -> None:
    assert isinstance(parse_tree(raw, 20), tuple | Unreadable)
    assert isinstance(parse_commit(raw), Commit | Unreadable)
    path_text(raw).encode("utf-8")
