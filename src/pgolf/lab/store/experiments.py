"""Rows of `experiments`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from pgolf.lab.store.database import Reader, Row, Transaction, now, stored_json

STATUSES = ("planned", "registered", "running", "completed", "screened_out", "failed")


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment. `forced` lists technique conflicts that `--force` overrode; `reason` says why it failed."""

    id: str
    number: int
    hypothesis: str
    techniques: tuple[str, ...]
    parent: str | None
    status: str
    reason: str | None
    forced: tuple[str, ...]
    created_at: str
    updated_at: str
    who: str

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "techniques": list(self.techniques), "forced": list(self.forced)}


def insert(transaction: Transaction, experiment: Experiment) -> None:
    """One new row."""
    row = asdict(experiment)
    for name in ("techniques", "forced"):
        row[name] = json.dumps(row[name], ensure_ascii=False)
    transaction.insert("experiments", **row)


def set_status(transaction: Transaction, experiment_id: str, status: str, reason: str | None) -> None:
    """New status; the reason replaces the old one."""
    where = {"id": experiment_id}
    transaction.update("experiments", where, status=status, reason=reason, updated_at=now())


def get(reader: Reader, experiment_id: str) -> Experiment | None:
    """The experiment, or None."""
    found = reader.rows("SELECT * FROM experiments WHERE id = :id", id=experiment_id)
    return _experiment(found[0]) if found else None


def every(reader: Reader, status: str | None = None) -> list[Experiment]:
    """All experiments (of one status), oldest first."""
    if status is None:
        return [_experiment(row) for row in reader.rows("SELECT * FROM experiments ORDER BY number")]
    sql = "SELECT * FROM experiments WHERE status = :status ORDER BY number"
    return [_experiment(row) for row in reader.rows(sql, status=status)]


@dataclass(frozen=True, slots=True)
class LineageRow:
    """What the lineage tree needs of one experiment."""

    id: str
    parent: str | None
    status: str
    updated_at: str


def lineage(reader: Reader) -> list[LineageRow]:
    """Every experiment in short, oldest first."""
    sql = "SELECT id, parent, status, updated_at FROM experiments ORDER BY number"
    return [
        LineageRow(row["id"], row["parent"], row["status"], row["updated_at"]) for row in reader.rows(sql)
    ]


def highest_number(reader: Reader) -> int:
    """The largest number given so far, 0 when none."""
    return int(reader.rows("SELECT max(number) AS n FROM experiments")[0]["n"] or 0)


def count_by_status(reader: Reader) -> dict[str, int]:
    """Number of experiments in each status, zeros included."""
    found = reader.rows("SELECT status, count(*) AS n FROM experiments GROUP BY status")
    return {**dict.fromkeys(STATUSES, 0), **{row["status"]: int(row["n"]) for row in found}}


def unregistered_running(reader: Reader) -> list[str]:
    """Ids of experiments that run, or ran, without a registered rule."""
    sql = (
        "SELECT id FROM experiments e WHERE status IN ('running', 'completed') "
        "AND NOT EXISTS (SELECT 1 FROM registrations r WHERE r.experiment = e.id) ORDER BY number"
    )
    return [row["id"] for row in reader.rows(sql)]


def _experiment(row: Row) -> Experiment:
    values = {name: row[name] for name in ("id", "hypothesis", "parent", "status", "reason", "who")}
    return Experiment(
        number=int(row["number"]),
        techniques=tuple(stored_json(row, "techniques", list)),
        forced=tuple(stored_json(row, "forced", list)),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        **values,
    )
