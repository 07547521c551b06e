"""What a gate or hook may ask without SQLAlchemy: the standard library (and psycopg, for PostgreSQL) only."""

from __future__ import annotations

import re
import sqlite3

from pgolf.lab.settings import Workspace
from pgolf.lab.store.database import open_readonly

_ID = re.compile(r"exp_(\d{3,9})")
_QUESTION = (
    "SELECT e.status AS status, (SELECT count(*) FROM registrations r WHERE r.experiment = e.id) AS versions "
    "FROM experiments e WHERE e.id = {}"
)


def registration_problem(workspace: Workspace, experiment_id: str) -> str | None:
    """Why this experiment may not be launched by the registration gate, in one sentence; None: it may.

    It may when it exists, has a registered decision rule and is not failed or screened out. A store that
    cannot be read is a problem, never a pass. Raises nothing.
    """
    if not _ID.fullmatch(experiment_id):
        return f"{experiment_id!r} is no experiment id (they look like exp_001)"
    try:
        found = _ask(workspace, experiment_id)
    except Exception as error:  # noqa: BLE001 - a gate answers, whatever broke below it
        return f"{experiment_id}: the registration could not be read ({error})"
    if found is None:
        return f"{experiment_id} does not exist: `pgolf track create` makes an experiment"
    status, versions = found
    if versions == 0:
        return f"{experiment_id} has no registered decision rule: `pgolf register-thresholds {experiment_id} …` first"
    if status in ("failed", "screened_out"):
        return f"{experiment_id} is {status}: its registered rule allows no further seed"
    return None


def is_registered(workspace: Workspace, experiment_id: str) -> bool:
    """Whether `registration_problem` finds none."""
    return registration_problem(workspace, experiment_id) is None


def _ask(workspace: Workspace, experiment_id: str) -> tuple[str, int] | None:
    if workspace.database_path is None:
        return _ask_postgres(workspace.database_url, experiment_id)
    connection = open_readonly(workspace)
    if connection is None:
        return None
    try:
        row = connection.execute(_QUESTION.format("?"), (experiment_id,)).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    finally:
        connection.close()
    return None if row is None else (str(row[0]), int(row[1]))


def _ask_postgres(url: str, experiment_id: str) -> tuple[str, int] | None:
    import psycopg

    plain = re.sub(r"^postgres(?:ql)?(?:\+psycopg)?://", "postgresql://", url)
    with psycopg.connect(plain, connect_timeout=5) as connection:
        try:
            row = connection.execute(_QUESTION.format("%s"), (experiment_id,)).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return None if row is None else (str(row[0]), int(row[1]))
