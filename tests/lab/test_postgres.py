"""The same store on a real PostgreSQL, which this module starts itself as an unprivileged user."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from pgolf.errors import Refused, UsageError
from pgolf.lab.decision import decide
from pgolf.lab.experiments import (
    append_event,
    create_experiment,
    fail_experiment,
    get_experiment,
    list_experiments,
    record_seed,
)
from pgolf.lab.preregistration import Terms, amend, register
from pgolf.lab.settings import Workspace, load_workspace
from pgolf.lab.store import database, migrations, schema
from pgolf.lab.store.database import read
from pgolf.lab.store.events import events_of, verify_chain
from pgolf.lab.store.readonly import registration_problem

pytestmark = pytest.mark.postgres


def find_binaries() -> Path | None:
    """The folder of the newest PostgreSQL server programs, or None."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda path: float(path.parent.name), default=None)


def unprivileged_user() -> str | None:
    """Whom to run the server as: initdb refuses root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.skip("PostgreSQL refuses root, and there is no user postgres or nobody")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a running server without databases of ours."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'pgolf[postgres]'")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server programs are installed (initdb, pg_ctl)")
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="pgolf-pg-", dir="/tmp"))
    group = None
    if user is not None:
        group = pwd.getpwnam(user).pw_gid
        os.chown(folder, pwd.getpwnam(user).pw_uid, group)

    def run(*command: str) -> None:
        done = subprocess.run(
            command,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            cwd=folder,
            env={"PATH": str(binaries), "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    data = str(folder / "data")
    try:
        run(str(binaries / "initdb"), "-D", data, "-A", "trust", "-U", "pgolf", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c shared_buffers=16MB"
        log = str(folder / "log")
        run(str(binaries / "pg_ctl"), "-D", data, "-l", log, "-w", "-t", "30", "-o", options, "start")
        try:
            yield f"host={folder}&user=pgolf"
        finally:
            run(str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def team(server: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A workspace whose store is a fresh database of that server."""
    import psycopg

    name = f"lab_{abs(hash(request.node.name)) % 10**8}"
    with psycopg.connect(f"postgresql:///postgres?{server}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    (tmp_path / "pgolf.toml").write_text("[pgolf]\n")
    yield load_workspace(tmp_path, environ={"PGOLF_DATABASE_URL": f"postgresql:///{name}?{server}"})
    database._cached_engine.cache_clear()


def test_a_whole_experiment_is_kept_in_postgresql(team: Workspace) -> None:
    assert list_experiments(team) == []
    assert "does not exist" in (registration_problem(team, "exp_001") or "")
    create_experiment(team, "wider", ["muon", "MLP"])
    assert "no registered" in (registration_problem(team, "exp_001") or "")
    terms = Terms(
        publish_margin=0.005,
        internal_margin=0.003,
        reference_seeds_bpb=(1.0810, 1.0812, 1.0809),
        bytes_per_token=3.7266,
        seeds=3,
    )
    register(team, "exp_001", terms)
    assert registration_problem(team, "exp_001") is None
    amend(team, "exp_001", Terms(alpha=0.02), "as agreed in the team")
    for seed, bpb in enumerate((1.075, 1.072, 1.073), start=1):
        record_seed(team, "exp_001", seed=seed, bpb=bpb, artifact_bytes=15_999_999, manifest={"python": "3"})
    with pytest.raises(Refused, match="--replace"):
        record_seed(team, "exp_001", seed=1, bpb=1.071)
    record_seed(team, "exp_001", seed=1, bpb=1.071, replace=True)
    assert decide(team, "exp_001").verdict == "GREEN"
    record = get_experiment(team, "exp_001")
    assert [seed.bpb for seed in record.seeds] == [1.071, 1.072, 1.073]
    assert record.seeds[1].manifest == {"python": "3"}
    assert record.experiment.status == "completed"
    assert list_experiments(team, "completed")[0].verdict == "GREEN"
    create_experiment(team, "child", ["b"], parent="exp_001")
    assert fail_experiment(team, "exp_002", "out of memory").status == "failed"
    with read(team) as reader:
        assert verify_chain(reader).problems == ()


def test_concurrent_creators_and_writers_queue_on_one_lock(team: Workspace) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda n: create_experiment(team, f"h{n}", ["a"]).id, range(12)))
    assert sorted(made) == [f"exp_{n:03d}" for n in range(1, 13)]
    with read(team) as reader:
        assert verify_chain(reader).problems == ()


def _write(team: Workspace, name: str, acknowledgements: Path) -> None:
    database._cached_engine.cache_clear()
    out = os.open(acknowledgements, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(25):
        append_event(team, "written", "", {"writer": name, "number": number})
        os.write(out, b"%d\n" % number)


def test_a_killed_writer_loses_nothing_it_acknowledged(team: Workspace, tmp_path: Path) -> None:
    append_event(team, "opened")
    fork = multiprocessing.get_context("fork")
    names = [f"w{n}" for n in range(4)]
    running = [fork.Process(target=_write, args=(team, name, tmp_path / name)) for name in names]
    for process in running:
        process.start()
    running[0].join(0.15)
    running[0].kill()
    for process in running:
        process.join(60)
        assert process.exitcode in (0, -signal.SIGKILL)
    with read(team) as reader:
        log = [event.payload for event in events_of(reader) if event.what == "written"]
        assert verify_chain(reader).problems == ()
    stored = {(payload["writer"], payload["number"]) for payload in log}
    for name in names:
        file = tmp_path / name
        acknowledged = [int(line) for line in file.read_text().split()] if file.exists() else []
        assert {(name, number) for number in acknowledged} <= stored
    assert [(tmp_path / name).read_text().count("\n") for name in names[1:]] == [25, 25, 25]


def test_postgresql_refuses_to_change_events(team: Workspace) -> None:
    import psycopg

    append_event(team, "noted")
    with psycopg.connect(team.database_url, autocommit=True) as connection:
        for statement in ("UPDATE events SET who = 'x'", "DELETE FROM events"):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                connection.execute(statement)
        connection.execute("ALTER TABLE events DISABLE TRIGGER ALL")
        connection.execute("UPDATE events SET who = 'x'")
    with read(team) as reader:
        assert verify_chain(reader).problems == ("event 1 (noted ) was edited: its hash does not fit",)


def test_core_tables_have_exactly_the_columns_the_migrations_make_there(team: Workspace) -> None:
    append_event(team, "noted")
    engine = create_engine(team.database_url.replace("postgresql:", "postgresql+psycopg:"))
    found = {
        name: {column["name"] for column in inspect(engine).get_columns(name)}
        for name in inspect(engine).get_table_names()
    }
    engine.dispose()
    assert found == {name: set(table.columns.keys()) for name, table in schema.metadata.tables.items()}


def test_a_failing_migration_leaves_postgresql_as_it_was(
    team: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_event(team, "before")
    statements = ("ALTER TABLE seeds ADD COLUMN later TEXT", "ALTER TABLE nothing ADD COLUMN x TEXT")
    step = migrations.Migration(2, "broken", statements, {})
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
        patch.setattr(migrations, "LATEST", 2)
        with pytest.raises(UsageError, match="nothing") as caught:
            append_event(team, "after")
        assert "\n" not in str(caught.value)
    with read(team) as reader:
        sql = "SELECT column_name FROM information_schema.columns WHERE table_name = 'seeds'"
        assert "later" not in {row["column_name"] for row in reader.rows(sql)}
        assert [event.what for event in events_of(reader)] == ["before"]


def test_a_server_that_is_not_there_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'pgolf[postgres]'")
    (tmp_path / "pgolf.toml").write_text("[pgolf]\n")
    url = "postgresql://someone:secret@127.0.0.1:9/nothing"
    workspace = load_workspace(tmp_path, environ={"PGOLF_DATABASE_URL": url})
    for attempt in (lambda: append_event(workspace, "x"), lambda: list_experiments(workspace)):
        with pytest.raises(UsageError, match="cannot be reached") as caught:
            attempt()
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert "secret" not in (registration_problem(workspace, "exp_001") or "secret")
