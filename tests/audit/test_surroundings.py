"""Files outside a submission's folder: which of them a script needs, and that nothing else is read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pgolf.audit.evidence import collect_evidence
from pgolf.audit.folder import GitFolder, disk_folder, git_entries
from pgolf.audit.gitobjects import Commit, ObjectReader
from pgolf.audit.records import SubmissionTask
from pgolf.audit.submission import audit_task
from pgolf.audit.surroundings import DiskSurroundings, GitSurroundings, disk_surroundings, outside_files
from pgolf.core.profile import DEFAULT_PROFILE, load_profile
from pgolf.untrusted.script import MappedSiblings, outside_name
from tests.audit.conftest import Repository
from tests.audit.test_script_audit import REFERENCE

RECORD = "records/track_10min_16mb/2026-04-01_Record"
LAUNCHER = b"""
import sys
from pathlib import Path
root = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(root))
from real_trainer import main
if __name__ == "__main__":
    main()
"""
STARTER = b"""
import runpy
from pathlib import Path
root = Path(__file__).resolve().parent.parent.parent.parent
runpy.run_path(str(root / "records" / "track_10min_16mb" / "2026-04-01_Record" / "train_gpt.py"), run_name="__main__")
"""
PACKAGED = b"from trainer.loop import main\nmain()\n"


def files() -> dict[str | bytes, bytes]:
    reference = REFERENCE.encode()
    return {
        f"{RECORD}/train_gpt.py": reference,
        "records/track_10min_16mb/2026-04-02_Import/train_gpt.py": LAUNCHER,
        "records/track_10min_16mb/2026-04-03_Start/train_gpt.py": STARTER,
        "records/track_10min_16mb/2026-04-04_Package/train_gpt.py": PACKAGED,
        "real_trainer.py": reference,
        "trainer/__init__.py": b"",
        "trainer/loop.py": b"from .core import main\n",
        "trainer/core.py": reference,
        "secret.py": b"token = 1\n",
    }


@pytest.fixture
def head(repository: Repository) -> str:
    sha = repository.commit(files())
    repository.ref("refs/heads/main", sha)
    return sha


@pytest.mark.parametrize("name", ["2026-04-02_Import", "2026-04-03_Start", "2026-04-04_Package"])
def test_a_launcher_is_followed_out_of_its_folder(repository: Repository, head: str, name: str) -> None:
    with ObjectReader(repository.path) as reader:
        commit = reader.commit(head)
        assert isinstance(commit, Commit)
        folder = f"records/track_10min_16mb/{name}"
        subtree = reader.subtree(commit.tree, folder)
        assert isinstance(subtree, str)
        entries = git_entries(reader.walk(subtree))
    task = SubmissionTask(str(repository.path), folder, entries, head=head)
    result = audit_task(task)
    row = result.row
    assert result.looked_around
    assert (row["lut_status"], row["byte_source"]) == ("CORRECT", "table")
    assert row["outside"]
    alone = audit_task(SubmissionTask(str(repository.path), folder, entries))
    assert not alone.looked_around
    assert alone.row["lut_status"] == "UNKNOWN"


def test_only_what_the_script_names_is_brought_in(repository: Repository, head: str) -> None:
    with ObjectReader(repository.path) as reader:
        around = GitSurroundings(reader, head, RECORD)
        known = frozenset({"torch"})

        def needed(source: bytes, inside: frozenset[str] = frozenset()) -> dict[str, str]:
            return outside_files(source, "train_gpt.py", inside, around, known)

        assert needed(b"import torch, os\nimport nowhere\n") == {}
        assert needed(b"import real_trainer\n") == {"../../../real_trainer.py": "real_trainer.py"}
        assert needed(b"import real_trainer\n", frozenset({"sub/real_trainer.py"})) == {}
        assert set(needed(b"from trainer.loop import main\n").values()) == {
            "trainer/__init__.py",
            "trainer/loop.py",
            "trainer/core.py",
        }
        assert needed(b"run('python', 'real_trainer.py')") == {"../../../real_trainer.py": "real_trainer.py"}
        assert needed(b"run('../../../secret.py', '/etc/passwd.py', 'a/../secret.py')") == {}
        folder = GitFolder(RECORD, (), reader, head)
        assert folder.surroundings() == around
        assert GitFolder(RECORD, (), reader).surroundings() is None


def test_a_checkout_on_disk_is_known_by_its_git_folder_and_links_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    for path, data in files().items():
        target = root / str(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    submission = root / "records/track_10min_16mb/2026-04-02_Import"
    assert disk_surroundings(submission) is None
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    around = disk_surroundings(submission)
    assert around == DiskSurroundings(root, "records/track_10min_16mb/2026-04-02_Import")
    (root / "linked.py").symlink_to(root / "secret.py")
    assert "linked.py" not in around.names("")
    assert not isinstance(around.read("linked.py", 100), bytes)
    assert not isinstance(around.read("../checkout/secret.py", 100), bytes)
    assert around.names("nowhere") == ()
    evidence = collect_evidence(disk_folder(submission), load_profile(DEFAULT_PROFILE))
    assert evidence.audit is not None
    assert evidence.audit.lut_status.value == "CORRECT"


def test_names_that_lead_out_are_plain_and_only_those_that_were_put_there_exist() -> None:
    assert outside_name("../../a/./b.py") == "../../a/b.py"
    assert outside_name("../x/../b.py") == "../b.py"
    for refused in ("a.py", "/a.py", "x/../a.py", "..", "../\0a", "..\\a.py"):
        assert outside_name(refused) is None
    siblings = MappedSiblings({"../a.py": b"1"})
    assert siblings.read("../a.py") == b"1"
    assert siblings.read("../x/../a.py") == b"1"
    assert siblings.read("../b.py") is None
