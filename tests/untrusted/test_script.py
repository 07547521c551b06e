"""A script's neighbours are evidence; nothing outside the submission's folder is ever read."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pgolf.errors import DataError, LimitTripped
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.script import (
    FolderSiblings,
    MappedSiblings,
    NoSiblings,
    Script,
    read_script,
    relative_name,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "submission"
    (inside / "parts").mkdir(parents=True)
    (inside / "train.py").write_bytes(b"x = 1\n")
    (inside / "parts" / "a.bin").write_bytes(b"\x00\x01")
    (tmp_path / "secret.txt").write_bytes(b"not for you")
    return inside


def test_a_sibling_is_read_by_its_relative_name(folder: Path) -> None:
    siblings = FolderSiblings(folder)
    assert siblings.read("parts/a.bin") == b"\x00\x01"
    assert siblings.read("./parts/../train.py") == b"x = 1\n"
    assert siblings.names() == ("parts/a.bin", "train.py")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "parts/../../secret.txt",
        "/etc/passwd",
        "",
        ".",
        "..",
        "a\0b",
        "C:/x",
        "..\\secret.txt",
        "x" * 2000,
    ],
)
def test_a_name_that_leaves_the_folder_is_nothing(folder: Path, name: str) -> None:
    assert relative_name(name) is None
    assert FolderSiblings(folder).read(name) is None
    assert MappedSiblings({"x": b""}).read(name) is None


def test_a_link_out_of_the_folder_is_nothing(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "up").symlink_to(folder.parent, target_is_directory=True)
    (folder / "loop").symlink_to(folder / "loop")
    siblings = FolderSiblings(folder)
    assert siblings.read("link.txt") is None
    assert siblings.read("up/secret.txt") is None
    assert siblings.read("loop") is None


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "alias.py").symlink_to(folder / "train.py")
    assert FolderSiblings(folder).read("alias.py") == b"x = 1\n"


def test_a_named_pipe_does_not_block_and_a_folder_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert FolderSiblings(folder).read("pipe") is None
    assert FolderSiblings(folder).read("parts") is None


def test_a_large_sibling_trips_its_bound(folder: Path) -> None:
    limits = replace(DEFAULT_LIMITS, sibling_bytes=4)
    with pytest.raises(LimitTripped) as tripped:
        FolderSiblings(folder, limits).read("train.py")
    assert tripped.value.limit == "sibling_bytes"
    with pytest.raises(LimitTripped):
        MappedSiblings({"a": b"12345"}, limits).read("a")


def test_mapped_siblings_are_fetched_when_asked(folder: Path) -> None:
    asked: list[str] = []

    def fetch() -> bytes:
        asked.append("b")
        return b"B"

    siblings = MappedSiblings({"a": b"A", "sub/b": fetch})
    assert siblings.names() == ("a", "sub/b")
    assert asked == []
    assert siblings.read("./sub/b") == b"B"
    assert siblings.read("c") is None
    assert NoSiblings().read("a") is None
    assert NoSiblings().names() == ()


def test_a_script_knows_its_name_and_hash() -> None:
    script = Script("records/x/train.py", b"abc")
    assert script.name == "train.py"
    assert script.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_read_script_says_what_is_wrong(folder: Path) -> None:
    assert read_script(folder / "train.py").siblings.read("train.py") == b"x = 1\n"
    for bad in (folder / "missing.py", folder):
        with pytest.raises(DataError, match="give the path of a Python script"):
            read_script(bad)
    with pytest.raises(DataError, match="source_bytes"):
        read_script(folder / "train.py", replace(DEFAULT_LIMITS, source_bytes=3))


def test_a_file_that_holds_more_than_its_size_says_trips_the_bound() -> None:
    # Files of /proc say 0 bytes.
    with pytest.raises(LimitTripped) as tripped:
        FolderSiblings(Path("/proc/self"), replace(DEFAULT_LIMITS, sibling_bytes=10)).read("status")
    assert tripped.value.limit == "sibling_bytes"


def test_a_folder_of_very_many_files_is_listed_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / f"d{number}").mkdir()
        (tmp_path / f"d{number}" / "a.py").write_text("")
    monkeypatch.setattr("pgolf.untrusted.script._MAX_LISTED_NAMES", 3)
    assert FolderSiblings(tmp_path).names() == ("d0/a.py", "d1/a.py", "d2/a.py")


def test_a_device_is_no_script() -> None:
    with pytest.raises(DataError, match="not a regular file"):
        read_script(Path("/dev/null"))
