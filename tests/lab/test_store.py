"""The store: what was acknowledged stays, the event chain shows tampering, troubles are one sentence."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from pgolf.errors import DataError, UsageError
from pgolf.lab.decision import decide
from pgolf.lab.doctor import examine
from pgolf.lab.experiments import append_event, create_experiment, get_experiment, record_seed
from pgolf.lab.overview import survey
from pgolf.lab.preregistration import Terms, register
from pgolf.lab.settings import Workspace, load_workspace
from pgolf.lab.store import database, migrations, schema
from pgolf.lab.store.database import read, write
from pgolf.lab.store.events import GENESIS, append, events_of, verify_chain
from pgolf.lab.store.readonly import is_registered, registration_problem

SRC = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    """These tests begin with nothing."""
    return empty_workspace


def tamper(workspace: Workspace, *statements: str) -> None:
    assert workspace.database_path is not None
    with sqlite3.connect(workspace.database_path) as connection:
        for trigger in ("events_never_updated", "events_never_deleted"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def problems(workspace: Workspace) -> tuple[str, ...]:
    with read(workspace) as reader:
        return verify_chain(reader).problems


def test_every_event_chains_to_the_one_before(workspace: Workspace) -> None:
    for number in range(5):
        append_event(workspace, "noted", "", {"number": number})
    with read(workspace) as reader:
        log = events_of(reader)
        report = verify_chain(reader)
    assert [event.payload["number"] for event in log] == [0, 1, 2, 3, 4]
    assert log[0].previous_hash == GENESIS
    assert all(after.previous_hash == before.hash for before, after in itertools.pairwise(log))
    assert report.problems == ()
    assert (report.events, report.head) == (5, log[-1].hash)


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE events SET payload = '{\"number\":9}' WHERE seq = 2", "event 2 (noted ) was edited"),
        ("UPDATE events SET who = 'somebody else' WHERE seq = 3", "event 3 (noted ) was edited"),
        ("DELETE FROM events WHERE seq = 2", "event 2 is missing"),
        ("UPDATE events SET previous_hash = hash WHERE seq = 3", "event 3 does not follow event 2"),
    ],
)
def test_a_changed_event_is_named(workspace: Workspace, statement: str, complaint: str) -> None:
    for number in range(4):
        append_event(workspace, "noted", "", {"number": number})
    tamper(workspace, statement)
    assert any(problem.startswith(complaint) for problem in problems(workspace))


def test_a_seed_edited_in_its_table_disagrees_with_its_event(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    record_seed(workspace, "exp_001", seed=1, bpb=1.08)
    assert problems(workspace) == ()
    tamper(workspace, "UPDATE seeds SET bpb = 1.02")
    assert problems(workspace) == ("seeds: bpb of exp_001 is 1.02, event 2 recorded 1.08",)


def test_events_cut_off_at_the_end_leave_rows_without_their_event(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    record_seed(workspace, "exp_001", seed=1, bpb=1.08)
    tamper(workspace, "DELETE FROM events WHERE seq = 2")
    assert any("has no event 2" in problem for problem in problems(workspace))


def test_the_database_itself_refuses_to_change_events(workspace: Workspace) -> None:
    append_event(workspace, "noted")
    assert workspace.database_path is not None
    connection = sqlite3.connect(workspace.database_path)
    for statement in ("UPDATE events SET who = 'x'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_core_tables_have_exactly_the_columns_the_migrations_make(workspace: Workspace) -> None:
    append_event(workspace, "noted")
    engine = create_engine(f"sqlite:///{workspace.database_path}")
    found = {
        name: {column["name"] for column in inspect(engine).get_columns(name)}
        for name in inspect(engine).get_table_names()
        if not name.startswith("sqlite_")
    }
    assert found == {name: set(table.columns.keys()) for name, table in schema.metadata.tables.items()}


def test_migrations_are_numbered_without_gaps_and_recorded(workspace: Workspace) -> None:
    append_event(workspace, "noted")
    with read(workspace) as reader:
        recorded = [row["version"] for row in reader.rows("SELECT version FROM schema_version ORDER BY 1")]
    assert recorded == [step.version for step in migrations.MIGRATIONS]
    assert recorded == list(range(1, migrations.LATEST + 1))


def test_an_older_store_is_migrated_and_keeps_its_rows(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_event(workspace, "before")
    step = migrations.Migration(2, "a later column", ("ALTER TABLE seeds ADD COLUMN later TEXT",), {})
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    monkeypatch.setattr(migrations, "LATEST", 2)
    with read(workspace) as reader:
        assert reader.rows("SELECT later FROM seeds") == []
        assert [event.what for event in events_of(reader)] == ["before"]


def test_a_failing_migration_leaves_the_store_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_event(workspace, "before")
    statements = ("ALTER TABLE seeds ADD COLUMN later TEXT", "ALTER TABLE nothing ADD COLUMN x TEXT")
    step = migrations.Migration(2, "broken", statements, {})
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
        patch.setattr(migrations, "LATEST", 2)
        with pytest.raises(UsageError, match="nothing"):
            append_event(workspace, "after")
    with read(workspace) as reader:
        assert "later" not in {
            row["name"] for row in reader.rows("SELECT name FROM pragma_table_info('seeds')")
        }


def test_a_store_of_a_newer_pgolf_is_refused(workspace: Workspace) -> None:
    append_event(workspace, "noted")
    tamper(workspace, "INSERT INTO schema_version VALUES (99, 'later', '')")
    for attempt in (lambda: append_event(workspace, "x"), lambda: problems(workspace)):
        with pytest.raises(UsageError, match="newer pgolf"):
            attempt()


def test_a_block_that_raises_records_nothing(workspace: Workspace) -> None:
    def half() -> None:
        with write(workspace) as transaction:
            append(transaction, "half", "", {})
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        half()
    with read(workspace) as reader:
        assert events_of(reader) == []


def test_reading_an_empty_workspace_makes_no_file(workspace: Workspace) -> None:
    with read(workspace) as reader:
        assert events_of(reader) == []
    assert workspace.database_path is not None
    assert not workspace.database_path.exists()


def test_a_locked_store_is_one_sentence(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    append_event(workspace, "noted")
    assert workspace.database_path is not None
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    database._cached_engine.cache_clear()
    holder = sqlite3.connect(workspace.database_path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(UsageError, match="another process kept it locked") as caught:
            append_event(workspace, "noted")
        assert "\n" not in str(caught.value)
    finally:
        holder.close()
        database._cached_engine.cache_clear()


def test_a_file_that_is_no_database_is_one_sentence(workspace: Workspace) -> None:
    assert workspace.database_path is not None
    workspace.database_path.write_bytes(b"not a database, surely" * 100)
    for attempt in (lambda: append_event(workspace, "x"), lambda: problems(workspace)):
        with pytest.raises(UsageError, match="damaged"):
            attempt()


@pytest.mark.parametrize("url", ["mysql://u:secret@host/db", "sqlite:nothing", "nonsense"])
def test_an_unsupported_address_is_one_sentence_without_the_password(workspace: Workspace, url: str) -> None:
    other = load_workspace(workspace.root, environ={"PGOLF_DATABASE_URL": url})
    with pytest.raises(UsageError, match="only sqlite") as caught:
        append_event(other, "x")
    assert "secret" not in str(caught.value)


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Act as a user whom file permissions bind (root ignores them)."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """pytest's own folders are closed to other users."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(folder.anchor) or folder.name == "tmp":
            break
        folder.chmod(0o755)
    return tmp_path


def test_a_readonly_folder_is_one_sentence_and_can_still_be_read(
    workspace: Workspace, open_path: Path
) -> None:
    create_experiment(workspace, "h", ["a"])
    workspace.root.chmod(0o555)
    try:
        with bound_by_permissions():
            assert get_experiment(workspace, "exp_001").experiment.hypothesis == "h"
            assert "no registered" in (registration_problem(workspace, "exp_001") or "")
            for attempt in (
                lambda: append_event(workspace, "x"),
                lambda: create_experiment(workspace, "h2", ["a"]),
            ):
                with pytest.raises(UsageError, match=r"cannot be (written|made)") as caught:
                    attempt()
                assert "\n" not in str(caught.value)
    finally:
        workspace.root.chmod(0o755)
    assert get_experiment(workspace, "exp_001").experiment.id == "exp_001"


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    root = tmp_path / "small"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(root)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        (root / "pgolf.toml").write_text("[pgolf]\n")
        workspace = load_workspace(root, environ={})
        acknowledged = 0
        sentence = ""
        while not sentence and acknowledged < 500:
            try:
                append_event(workspace, "filling", "", {"text": "x" * 5000})
                acknowledged += 1
            except UsageError as error:
                sentence = str(error)
        assert "disk is full" in sentence.splitlines()[0]
        assert len(sentence.splitlines()) == 1
        assert acknowledged > 5
        with read(workspace) as reader:
            report = verify_chain(reader)
        assert (report.events, report.problems) == (acknowledged, ())
    finally:
        subprocess.run(["umount", str(root)], check=True)


def write_events(workspace: Workspace, name: str, first: int, acknowledgements: Path) -> None:
    """What one writer process does: each number is noted in its file only after it was recorded."""
    out = os.open(acknowledgements, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(first, 200):
        append_event(workspace, "written", "", {"writer": name, "number": number})
        os.write(out, b"%d\n" % number)


def test_eight_writers_killed_at_random_lose_nothing_they_acknowledged(
    workspace: Workspace, tmp_path: Path
) -> None:
    """8 processes x 200 writes; each is killed with SIGKILL at a random moment, then continued."""
    rng = random.Random(4)
    fork = multiprocessing.get_context("fork")
    names = [f"w{n}" for n in range(8)]
    append_event(workspace, "opened")

    def acknowledged(name: str) -> list[int]:
        file = tmp_path / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def start(name: str) -> multiprocessing.process.BaseProcess:
        first = max(acknowledged(name), default=-1) + 1
        process = fork.Process(target=write_events, args=(workspace, name, first, tmp_path / name))
        process.start()
        return process

    killed = 0
    for _ in range(2):
        running = [start(name) for name in names]
        for process in rng.sample(running, len(running)):
            process.join(rng.uniform(0.0, 0.2))
            process.kill()
            process.join(30)
            killed += process.exitcode == -signal.SIGKILL
    assert killed >= 8
    for process in [start(name) for name in names]:
        process.join(90)
        assert process.exitcode == 0

    with read(workspace) as reader:
        log = [event.payload for event in events_of(reader, limit=10_000) if event.what == "written"]
        assert verify_chain(reader).problems == ()
    stored = {(payload["writer"], payload["number"]) for payload in log}
    for name in names:
        assert acknowledged(name) == list(range(200))
        assert {(name, number) for number in range(200)} <= stored
    # A write killed between its commit and its acknowledgement is repeated: at most one for each kill.
    assert 1600 <= len(log) <= 1600 + killed


def test_the_gate_reads_registrations_without_sqlalchemy(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from pgolf.lab.settings import load_workspace\n"
        "from pgolf.lab.store.readonly import registration_problem\n"
        "print(registration_problem(load_workspace(Path(sys.argv[1])), 'exp_001'))\n"
        "heavy = {'sqlalchemy', 'numpy', 'scipy', 'rich', 'click'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(workspace.root)],
        env={"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no registered decision rule" in done.stdout


def test_the_gate_refuses_what_it_cannot_read(workspace: Workspace) -> None:
    assert "does not exist" in (registration_problem(workspace, "exp_001") or "")
    assert "no experiment id" in (registration_problem(workspace, "../../etc") or "")
    assert workspace.database_path is not None
    workspace.database_path.write_bytes(b"broken" * 1000)
    assert "could not be read" in (registration_problem(workspace, "exp_001") or "")
    assert not is_registered(workspace, "exp_001")


def decided(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    register(workspace, "1", Terms(publish_margin=0.005, internal_margin=0.003))
    record_seed(workspace, "1", seed=1, bpb=1.0, manifest={"a": 1})
    decide(workspace, "1")
    assert problems(workspace) == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE experiments SET techniques = 'x'",
        "UPDATE seeds SET manifest = '[]'",
        "UPDATE registrations SET rule = '{}'",
        "UPDATE registrations SET rule = 'x'",
        "UPDATE registrations SET rule = replace(rule, '0.005', '0.001')",
        "UPDATE decisions SET payload = ''",
    ],
)
def test_a_damaged_cell_is_one_sentence_and_doctor_names_an_issue(
    workspace: Workspace, statement: str
) -> None:
    decided(workspace)
    tamper(workspace, statement)
    with pytest.raises(DataError, match="pgolf doctor") as caught:
        decide(workspace, "1")
    assert "\n" not in str(caught.value)
    assert any(finding.level == "issue" for finding in examine(workspace, run_hooks=False))
    if "techniques" not in statement and "rule = 'x'" not in statement:
        assert survey(workspace).total == 1


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        (
            "UPDATE registrations SET rule = replace(rule, '0.005', '0.001')",
            "registrations: the rule of exp_001",
        ),
        ("UPDATE registrations SET rule_sha256 = 'ab'", "registrations: rule_sha256 of exp_001"),
        ("UPDATE registrations SET version = 2", "registrations: version of exp_001"),
        ("UPDATE experiments SET hypothesis = 'as foreseen'", "experiments: hypothesis of exp_001"),
        ("UPDATE experiments SET forced = '[\"x\"]'", "experiments: forced of exp_001"),
        ("UPDATE seeds SET gpu = '8xH100_SXM'", "seeds: gpu of exp_001"),
        ("UPDATE seeds SET manifest = '{\"a\": 2}'", "seeds: manifest of exp_001"),
        ("UPDATE seeds SET artifact_bytes = 5", "seeds: artifact_bytes of exp_001"),
        ("UPDATE decisions SET verdict = 'GREEN'", "decisions: verdict of exp_001"),
        (
            "UPDATE decisions SET payload = replace(payload, 'PENDING', 'GREEN')",
            "decisions: payload of exp_001",
        ),
        ("UPDATE seeds SET superseded_by = 3", "seeds: seed 1 of exp_001 is wrongly marked"),
        ("DELETE FROM seeds", "seeds: event 3 recorded a row of exp_001 that is gone"),
        ("DELETE FROM registrations", "registrations: event 2 recorded a row of exp_001 that is gone"),
    ],
)
def test_an_edited_table_disagrees_with_its_events(
    workspace: Workspace, statement: str, complaint: str
) -> None:
    decided(workspace)
    tamper(workspace, statement)
    assert any(problem.startswith(complaint) for problem in problems(workspace)), problems(workspace)


def test_a_copied_store_reads_the_same(workspace: Workspace, tmp_path: Path) -> None:
    create_experiment(workspace, "h", ["a"])
    assert workspace.database_path is not None
    shutil.copytree(workspace.root, tmp_path / "copy")
    copy = load_workspace(tmp_path / "copy", environ={})
    assert get_experiment(copy, "1").experiment == get_experiment(workspace, "exp_001").experiment
