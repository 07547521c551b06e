"""Opening the store: writes through SQLAlchemy Core, reads through a plain reader.

Why two ways: SQLAlchemy costs about 300 ms to import, more than `status` may spend on all imports. Reading SQL is
written once, with `:name` parameters that both the standard library's sqlite3 and SQLAlchemy's `text` read; on
SQLite a read needs no SQLAlchemy at all.

A write is one short transaction (`BEGIN IMMEDIATE`; on PostgreSQL an advisory lock), so that writers queue and
each sees the newest event to chain to. What was acknowledged is on disk (WAL, `synchronous=FULL`).
"""

from __future__ import annotations

import getpass
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from pgolf.errors import DataError, UsageError
from pgolf.lab.settings import Workspace
from pgolf.lab.store import migrations

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

Row = Mapping[str, Any]

BUSY_SECONDS = 15.0
_POSTGRES_LOCK = 7_046_653  # any fixed number: all writers of one database take the same advisory lock


class Reader(Protocol):
    """Answers reading SQL with `:name` parameters."""

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """All rows, each a mapping from column name to value."""


class SqliteReader:
    """Reads a SQLite connection of the standard library."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        self._connection = connection

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        return self._connection.execute(sql, parameters).fetchall()


class Transaction:
    """One write transaction; also a `Reader` of its own state."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        from sqlalchemy import text

        return [dict(row) for row in self._connection.execute(text(sql), parameters).mappings()]

    def insert(self, table: str, **values: Any) -> None:
        """One new row."""
        from pgolf.lab.store import schema

        self._connection.execute(schema.metadata.tables[table].insert().values(**values))

    def update(self, table: str, where: Mapping[str, Any], **values: Any) -> int:
        """Set `values` where every column of `where` equals (None: is NULL); returns the number of rows."""
        from pgolf.lab.store import schema

        target = schema.metadata.tables[table]
        statement = target.update().values(**values)
        for column, value in where.items():
            statement = statement.where(target.c[column] == value)
        return int(self._connection.execute(statement).rowcount)


def stored_json(row: Row, column: str, kind: type) -> Any:
    """The JSON value in a text column. Raises DataError when the store was damaged or edited there."""
    try:
        value = json.loads(row[column])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise DataError(
            f"the store holds no {kind.__name__} in column {column} of a row: `pgolf doctor` names what was edited"
        )
    return value


def now() -> str:
    """The current time, UTC, ISO 8601 with microseconds: sorts as text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def current_user() -> str:
    """Who acts: `PGOLF_USER`, else the login name, else the numeric id."""
    name = os.environ.get("PGOLF_USER", "").strip()
    if name:
        return name[:200].encode("utf-8", "backslashreplace").decode()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@contextmanager
def write(workspace: Workspace) -> Iterator[Transaction]:
    """A write transaction: all of the block is recorded, or none of it.

    Raises UsageError with one sentence when the store is locked, read-only, full, damaged or not reachable;
    nothing of the block is recorded then.
    """
    from sqlalchemy.exc import DBAPIError

    engine = _engine(workspace)
    try:
        with engine.begin() as connection:
            _migrate(connection, workspace)
            yield Transaction(connection)
    except DBAPIError as error:
        raise UsageError(_sentence(workspace, error.orig or error)) from error


@contextmanager
def read(workspace: Workspace) -> Iterator[Reader]:
    """A consistent view for reading; a workspace without a store yet reads as an empty one.

    Raises UsageError with one sentence when the store cannot be read.
    """
    if workspace.database_path is None:
        yield from _read_engine(workspace)
        return
    try:
        connection = _open_sqlite(workspace)
    except sqlite3.Error as error:
        raise UsageError(_sentence(workspace, error)) from error
    try:
        yield SqliteReader(connection)
    except sqlite3.Error as error:
        raise UsageError(_sentence(workspace, error)) from error
    finally:
        connection.close()


def open_readonly(workspace: Workspace) -> sqlite3.Connection | None:
    """The SQLite file, opened read-only; None when it does not exist. Raises sqlite3.Error.

    A write-ahead log needs its shared-memory file; in a folder where that cannot be made, the file is read as
    immutable, but only when no log with unread writes lies beside it.
    """
    path = workspace.database_path
    assert path is not None  # noqa: S101 - callers asked before
    if not path.is_file():
        return None
    uri = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > 0:
            raise
        connection = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def _open_sqlite(workspace: Workspace) -> sqlite3.Connection:
    connection = open_readonly(workspace)
    version = 0 if connection is None else _sqlite_version(connection)
    if connection is None or version == 0:
        if connection is not None:
            connection.close()
        empty = sqlite3.connect(":memory:", isolation_level=None)
        migrations.apply(empty.execute, lambda _: None, 0, "sqlite")
        return empty
    if version != migrations.LATEST:
        connection.close()
        with write(workspace):
            pass  # opening for writing migrates, or says that a newer pgolf wrote this
        connection = open_readonly(workspace)
        assert connection is not None  # noqa: S101 - it existed a moment ago
    connection.execute("BEGIN")  # one snapshot for all queries of a command
    return connection


def _sqlite_version(connection: sqlite3.Connection) -> int:
    try:
        row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return 0
        raise
    return int(row[0] or 0)


def _read_engine(workspace: Workspace) -> Iterator[Reader]:
    from sqlalchemy.exc import DBAPIError

    try:
        with _engine(workspace).connect() as connection:
            # One snapshot for all queries of a command, as on SQLite.
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
            if _postgres_version(connection) == migrations.LATEST:
                yield Transaction(connection)
                return
        with write(workspace):
            pass  # makes a new database, migrates an old one, or refuses a newer one
        with _engine(workspace).connect() as connection:
            yield Transaction(connection.execution_options(isolation_level="REPEATABLE READ"))
    except DBAPIError as error:
        raise UsageError(_sentence(workspace, error.orig or error)) from error


def _postgres_version(connection: Connection) -> int:
    reader = Transaction(connection)
    if reader.rows("SELECT to_regclass('schema_version') AS name")[0]["name"] is None:
        return 0
    return int(reader.rows("SELECT max(version) AS version FROM schema_version")[0]["version"] or 0)


def _engine(workspace: Workspace) -> Engine:
    url = workspace.database_url
    if workspace.database_path is not None:
        return _cached_engine(f"sqlite:///{workspace.database_path}")
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url[len(prefix) :]
    if not url.startswith("postgresql+psycopg://"):
        raise UsageError(
            f"database_url {_without_password(url)}: only sqlite:///FILE and postgresql://… are supported"
        )
    return _cached_engine(url)


@lru_cache(maxsize=8)
def _cached_engine(url: str) -> Engine:
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import ArgumentError
    from sqlalchemy.pool import NullPool

    if url.startswith("sqlite"):
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine
    try:
        return create_engine(url, poolclass=NullPool)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the database is PostgreSQL, and the module {error.name} for it is not installed: pip install 'pgolf[postgres]'"
        ) from error
    except (ArgumentError, ValueError) as error:
        raise UsageError(f"database_url {_without_password(url)}: not a usable address") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves; the driver's own would come too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection, workspace: Workspace) -> None:
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})")
    transaction = Transaction(connection)
    connection.exec_driver_sql(migrations.VERSION_TABLE)
    current = int(transaction.rows("SELECT max(version) AS version FROM schema_version")[0]["version"] or 0)
    if current > migrations.LATEST:
        raise UsageError(
            f"{_place(workspace)}: written by a newer pgolf (schema {current}, this one knows "
            f"{migrations.LATEST}); update pgolf"
        )
    migrations.apply(
        connection.exec_driver_sql,
        lambda step: transaction.insert(
            "schema_version", version=step.version, name=step.name, applied_at=now()
        ),
        current,
        dialect,
    )


def _place(workspace: Workspace) -> str:
    path = workspace.database_path
    return str(path) if path is not None else f"database {_without_password(workspace.database_url)}"


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.split('://')[0]}://…@{tail}" if at else url


def _sentence(workspace: Workspace, error: BaseException) -> str:
    """One sentence for the user: what, where, what to do."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    low = text.lower()
    place = _place(workspace)
    if "locked" in low or "busy" in low:
        return (
            f"{place}: another process kept it locked for {BUSY_SECONDS:g} s; nothing was recorded, try again"
        )
    if "full" in low or "no space" in low:
        return f"{place}: the disk is full; nothing of this command was recorded, free space and repeat it"
    if "readonly" in low or "read-only" in low or "unable to open" in low:
        return (
            f"{place}: cannot be written (read-only file or folder, or no such folder); nothing was recorded"
        )
    if "malformed" in low or "not a database" in low:
        return f"{place}: damaged or no SQLite database ({text}); restore it from a backup, `pgolf doctor` tells more"
    if workspace.database_path is None and "connect" in low:
        return f"{place}: cannot be reached ({text}); is the server running?"
    return f"{place}: {text}; nothing was recorded"
