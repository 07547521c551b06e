"""Small repositories made by the tests themselves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.invalid",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.invalid",
    "GIT_AUTHOR_DATE": "1775000000 +0000",
    "GIT_COMMITTER_DATE": "1775000000 +0000",
}


class Repository:
    """A bare repository built with plumbing: commits from mappings of path to content, no work tree."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "-q", "--bare", "-b", "main", str(path), at=False)

    def git(self, *args: str, data: bytes = b"", at: bool = True) -> str:
        where = [f"--git-dir={self.path}"] if at else []
        done = subprocess.run(
            ["git", *where, *args], input=data, capture_output=True, check=True, env=ENVIRONMENT
        )
        return done.stdout.decode().strip()

    def blob(self, data: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", data=data)

    def tree(self, files: Mapping[bytes, tuple[str, str, str]]) -> str:
        """A flat or nested tree from `{path: (mode, kind, id)}`."""
        direct: dict[bytes, tuple[str, str, str]] = {}
        nested: dict[bytes, dict[bytes, tuple[str, str, str]]] = {}
        for path, entry in files.items():
            top, slash, rest = path.partition(b"/")
            if slash:
                nested.setdefault(top, {})[rest] = entry
            else:
                direct[top] = entry
        for top, below in nested.items():
            direct[top] = ("040000", "tree", self.tree(below))
        listing = b"".join(
            f"{mode} {kind} {sha}\t".encode() + name + b"\0" for name, (mode, kind, sha) in direct.items()
        )
        return self.git("mktree", "-z", "--missing", data=listing)

    def commit(
        self,
        files: Mapping[str | bytes, bytes],
        *parents: str,
        extra: Mapping[bytes, tuple[str, str, str]] | None = None,
    ) -> str:
        entries = {
            (path.encode() if isinstance(path, str) else path): ("100644", "blob", self.blob(data))
            for path, data in files.items()
        }
        entries.update(extra or {})
        options = [option for parent in parents for option in ("-p", parent)]
        return self.git("commit-tree", self.tree(entries), *options, "-m", "commit")

    def ref(self, name: str, sha: str) -> None:
        self.git("update-ref", name, sha)


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[[], Repository]:
    return lambda: Repository(tmp_path / "repo.git")


@pytest.fixture
def repository(make_repository: Callable[[], Repository]) -> Repository:
    return make_repository()
