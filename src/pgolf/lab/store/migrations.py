"""Numbered migrations, applied in order inside one write transaction; `schema_version` records each.

Plain SQL that SQLite and PostgreSQL both read; where they differ, `DIALECTS` names the word. A released
migration is never edited: a change is a new entry with the next number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

DIALECTS: Mapping[str, Mapping[str, str]] = {
    "sqlite": {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "bigint": "INTEGER"},
    "postgresql": {"serial": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "bigint": "BIGINT"},
}

_APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER events_never_updated BEFORE UPDATE ON events "
        "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
        "CREATE TRIGGER events_never_deleted BEFORE DELETE ON events "
        "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION pgolf_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$",
        "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events "
        "FOR EACH ROW EXECUTE FUNCTION pgolf_append_only()",
    ),
}


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: SQL for both dialects, then SQL for one of them."""

    version: int
    name: str
    statements: tuple[str, ...]
    dialect_statements: Mapping[str, tuple[str, ...]]

    def sql(self, dialect: str) -> list[str]:
        """The statements of this step for `sqlite` or `postgresql`, in order."""
        words = DIALECTS[dialect]
        common = [statement.format(**words) for statement in self.statements]
        return common + list(self.dialect_statements.get(dialect, ()))


VERSION_TABLE = (
    "CREATE TABLE IF NOT EXISTS schema_version "
    "(version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)"
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "experiments, seeds, registrations, decisions, events",
        (
            """CREATE TABLE events (
                seq {bigint} PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
                subject TEXT NOT NULL, payload TEXT NOT NULL,
                previous_hash TEXT NOT NULL, hash TEXT NOT NULL UNIQUE)""",
            "CREATE INDEX events_subject ON events (subject, seq)",
            """CREATE TABLE experiments (
                id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, hypothesis TEXT NOT NULL,
                techniques TEXT NOT NULL, parent TEXT REFERENCES experiments (id),
                status TEXT NOT NULL CHECK (status IN
                    ('planned', 'registered', 'running', 'completed', 'screened_out', 'failed')),
                reason TEXT, forced TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
                who TEXT NOT NULL)""",
            "CREATE INDEX experiments_status ON experiments (status, number)",
            """CREATE TABLE seeds (
                id {serial}, experiment TEXT NOT NULL REFERENCES experiments (id), seed {bigint} NOT NULL,
                bpb DOUBLE PRECISION NOT NULL, loss_nats DOUBLE PRECISION,
                artifact_bytes {bigint}, code_bytes {bigint}, model_bytes {bigint},
                train_seconds DOUBLE PRECISION, steps {bigint}, gpu TEXT, gpu_model TEXT,
                torch_version TEXT, pg_commit TEXT, cost_usd DOUBLE PRECISION, notes TEXT,
                log_path TEXT, log_sha256 TEXT, script_sha256 TEXT, manifest TEXT,
                source TEXT NOT NULL, recorded_at TEXT NOT NULL, who TEXT NOT NULL,
                event_seq {bigint} NOT NULL REFERENCES events (seq),
                first_event_seq {bigint} NOT NULL, superseded_by {bigint})""",
            "CREATE UNIQUE INDEX seeds_current ON seeds (experiment, seed) WHERE superseded_by IS NULL",
            """CREATE TABLE registrations (
                id {serial}, experiment TEXT NOT NULL REFERENCES experiments (id), version INTEGER NOT NULL,
                rule TEXT NOT NULL, rule_sha256 TEXT NOT NULL, reason TEXT,
                registered_at TEXT NOT NULL, who TEXT NOT NULL,
                event_seq {bigint} NOT NULL REFERENCES events (seq), UNIQUE (experiment, version))""",
            """CREATE TABLE decisions (
                id {serial}, experiment TEXT NOT NULL REFERENCES experiments (id), verdict TEXT NOT NULL,
                sentence TEXT NOT NULL, payload TEXT NOT NULL, decided_at TEXT NOT NULL, who TEXT NOT NULL,
                event_seq {bigint} NOT NULL REFERENCES events (seq))""",
            "CREATE INDEX decisions_experiment ON decisions (experiment, id)",
        ),
        _APPEND_ONLY,
    ),
)

LATEST = MIGRATIONS[-1].version


def apply(
    execute: Callable[[str], object], record: Callable[[Migration], object], current: int, dialect: str
) -> None:
    """Run every migration after `current` (0 for an empty database) with `execute`, noting each by `record`."""
    for migration in MIGRATIONS:
        if migration.version > current:
            for statement in migration.sql(dialect):
                execute(statement)
            record(migration)
