"""Folders of submissions as an enemy leaves them: links, pipes, names that are no text, files that are too large or grow, depth, numbers."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

import pytest

from pgolf.audit import cache, folder
from pgolf.audit.cache import ResultCache
from pgolf.audit.folder import FileEntry, WatchedFolder, blob_id, disk_folder, git_entries, read_regular
from pgolf.audit.gitobjects import Commit, ObjectReader, Unreadable
from pgolf.errors import UsageError
from tests.audit.conftest import Repository


def _by_path(entries: tuple[FileEntry, ...]) -> dict[str, FileEntry]:
    return {entry.path: entry for entry in entries}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="is not a folder"):
        disk_folder(path)


def test_links_pipes_and_odd_names_are_listed_with_the_reason_and_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"secret")
    root = tmp_path / "sub"
    root.mkdir()
    (root / "train.py").write_bytes(b"x = 1\n")
    (root / "link.py").symlink_to(tmp_path / "secret" / "key")
    (root / "more").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "pipe.py")
    (Path(os.fsdecode(os.fsencode(root) + b"/bad\xff.py"))).write_bytes(b"y = 2\n")
    found = disk_folder(root, "shown")
    problems = {entry.path: entry.problem for entry in found.entries}
    assert found.path == "shown"
    assert problems["train.py"] == ""
    assert problems["link.py"] == problems["more"] == "symbolic link, not followed"
    assert problems["pipe.py"] == "not a regular file"
    assert "its name is not UTF-8" in problems.values()
    assert found.read("train.py", 100) == b"x = 1\n"
    assert found.read("train.py", 3) == Unreadable("6 bytes, more than the 3 that are read")
    assert found.read("link.py", 100) == Unreadable("symbolic link, not followed")
    assert found.read("nothing.py", 100) == Unreadable("no such file")
    assert found.size_bytes(_by_path(found.entries)["train.py"]) == 6
    assert _by_path(found.entries)["train.py"].content_id == blob_id(b"x = 1\n")


def test_reading_follows_no_link_and_waits_for_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    for name, said in (
        ("link", "cannot be opened"),
        ("pipe", "not a regular file"),
        (".", "not a regular file"),
        ("none", "cannot be opened"),
    ):
        found = read_regular(tmp_path / name, 10)
        assert isinstance(found, Unreadable), name
        assert said in found.reason


def test_a_file_that_grows_while_it_is_read_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"0123456789")
    real = os.fstat

    def before_it_grew(handle: int) -> os.stat_result:
        status = list(real(handle))
        status[stat.ST_SIZE] = 4
        return os.stat_result(status)

    monkeypatch.setattr(folder.os, "fstat", before_it_grew)
    assert read_regular(path, 5) == Unreadable("grew while it was read")


def test_depth_and_numbers_are_bounded_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "deep"
    at = deep
    for _ in range(folder.MAX_DEPTH + 3):
        at = at / "d"
    at.mkdir(parents=True)
    (at / "train.py").write_bytes(b"")
    assert [e.problem for e in disk_folder(deep).entries] == ["folders nested too deeply"]
    many = tmp_path / "many"
    many.mkdir()
    for i in range(9):
        (many / f"{i}.py").write_bytes(b"")
    monkeypatch.setattr(folder, "MAX_FILES", 4)
    entries = disk_folder(many).entries
    assert len(entries) == 5
    assert entries[-1].problem == "more than 4 files; the rest was not looked at"


def test_a_large_file_is_known_by_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_HASHED_BYTES", 3)
    (tmp_path / "model.bin").write_bytes(b"12345")
    (entry,) = disk_folder(tmp_path).entries
    assert entry.content_id == f"5@{(tmp_path / 'model.bin').lstat().st_mtime_ns}"


def test_a_git_tree_with_a_link_and_a_submodule_says_so(repository: Repository) -> None:
    link, own = repository.blob(b"/etc/passwd"), repository.blob(b"x = 1\n")
    head = repository.commit(
        {"sub/train.py": b"x = 1\n"},
        extra={b"sub/link.py": ("120000", "blob", link), b"sub/other": ("160000", "commit", "1" * 40)},
    )
    with ObjectReader(repository.path) as reader:
        commit = reader.commit(head)
        assert isinstance(commit, Commit)
        tree = reader.subtree(commit.tree, "sub")
        assert isinstance(tree, str)
        entries = _by_path(git_entries(reader.walk(tree)))
    problems = {path: entry.problem for path, entry in entries.items()}
    assert problems["link.py"] == "symbolic link, not followed"
    assert problems["other"] == "submodule, not followed"
    assert (problems["train.py"], entries["train.py"].content_id) == ("", own)
    gone = git_entries([("gone", Unreadable("missing object"))])
    assert gone[0].problem == "folder cannot be read: missing object"


def test_looking_around_is_noted(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes(b"x = 1\n")
    inner = disk_folder(tmp_path)
    watched = WatchedFolder(inner)
    assert (watched.path, watched.entries) == (inner.path, inner.entries)
    assert watched.read("train.py", 10) == b"x = 1\n"
    assert watched.size_bytes(inner.entries[0]) == 6
    watched.surroundings()
    assert not watched.looked_around


def test_a_cache_that_is_torn_in_use_costs_itself_and_not_the_run(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with ResultCache(path) as kept:
        kept.put("a", {"n": 1})
        assert kept.get("a") == {"n": 1}
        assert kept._connection is not None
        kept._connection.execute("DROP TABLE result")
        assert kept.get("a") is None
        assert "stopped working" in str(kept.problem)
        kept.put("b", [2])
        assert kept.get("b") == [2]  # in memory from here on
    with ResultCache(path) as kept:
        kept.put("c", 3)
        assert kept._connection is not None
        kept._connection.execute("DROP TABLE result")
        kept.put("d", 4)
        assert "stopped working" in str(kept.problem)


def test_a_stored_value_that_unpacks_to_too_much_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ResultCache(tmp_path / "cache.sqlite") as kept:
        kept.put("a", "x" * 5000)
        monkeypatch.setattr(cache, "MAX_PAYLOAD_BYTES", 100)
        assert kept.get("a") is None
        assert kept.damaged == 1
        assert kept._connection is not None
        bad = b"no zlib"
        kept._connection.execute("UPDATE result SET payload = ?, crc = ?", (bad, zlib.crc32(bad)))
        assert kept.get("a") is None
        assert kept.damaged == 2
