"""Rows of `seeds`: one current row per experiment and seed; a replaced row stays, marked `superseded_by`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from pgolf.lab.store.database import Reader, Row, Transaction, stored_json


@dataclass(frozen=True, slots=True)
class Seed:
    """One measured seed; units end the names. `source` is `manual` (typed in) or `run` (`pgolf run`).

    `event_seq` is the event that recorded it, `first_event_seq` that of the first row of this seed (they
    differ after a replacement), `superseded_by` the event of the row that replaced this one, or None.
    """

    experiment: str
    seed: int
    bpb: float
    loss_nats: float | None
    artifact_bytes: int | None
    code_bytes: int | None
    model_bytes: int | None
    train_seconds: float | None
    steps: int | None
    gpu: str | None
    gpu_model: str | None
    torch_version: str | None
    pg_commit: str | None
    cost_usd: float | None
    notes: str | None
    log_path: str | None
    log_sha256: str | None
    script_sha256: str | None
    manifest: dict[str, Any] | None
    source: str
    recorded_at: str
    who: str
    event_seq: int
    first_event_seq: int
    superseded_by: int | None = None

    @property
    def bytes_per_token(self) -> float | None:
        """Implied by loss and bpb: nats / (ln 2 x bpb); None when no loss is recorded."""
        return None if self.loss_nats is None else self.loss_nats / (math.log(2) * self.bpb)

    @property
    def replaced(self) -> bool:
        """Whether this seed was recorded before with other numbers."""
        return self.event_seq != self.first_event_seq

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "bytes_per_token": self.bytes_per_token, "replaced": self.replaced}


_FIELDS = tuple(field.name for field in fields(Seed))


def insert(transaction: Transaction, seed: Seed) -> None:
    """One new row."""
    row = asdict(seed)
    row["manifest"] = None if seed.manifest is None else json.dumps(seed.manifest, sort_keys=True)
    transaction.insert("seeds", **row)


def supersede(transaction: Transaction, experiment_id: str, seed: int, by_event: int) -> None:
    """Mark the current row of a seed as replaced."""
    where = {"experiment": experiment_id, "seed": seed, "superseded_by": None}
    transaction.update("seeds", where, superseded_by=by_event)


def of(reader: Reader, experiment_id: str) -> list[Seed]:
    """Current seeds of one experiment in the order they were first recorded."""
    sql = "SELECT * FROM seeds WHERE experiment = :id AND superseded_by IS NULL ORDER BY first_event_seq"
    return [_seed(row) for row in reader.rows(sql, id=experiment_id)]


def history(reader: Reader, experiment_id: str) -> list[Seed]:
    """All rows of one experiment, replaced ones included, in the order they were recorded."""
    sql = "SELECT * FROM seeds WHERE experiment = :id ORDER BY event_seq"
    return [_seed(row) for row in reader.rows(sql, id=experiment_id)]


def current(reader: Reader, experiment_id: str, seed: int) -> Seed | None:
    """The current row of one seed, or None."""
    sql = "SELECT * FROM seeds WHERE experiment = :id AND seed = :seed AND superseded_by IS NULL"
    found = reader.rows(sql, id=experiment_id, seed=seed)
    return _seed(found[0]) if found else None


@dataclass(frozen=True, slots=True)
class Summary:
    """Seeds of one experiment in one line."""

    count: int
    mean_bpb: float
    best_bpb: float
    cost_usd: float


def summaries(reader: Reader) -> dict[str, Summary]:
    """Experiment id -> summary of its current seeds; experiments without seeds are absent."""
    sql = (
        "SELECT experiment, count(*) AS n, avg(bpb) AS mean, min(bpb) AS best, sum(coalesce(cost_usd, 0)) AS cost "
        "FROM seeds WHERE superseded_by IS NULL GROUP BY experiment"
    )
    return {
        row["experiment"]: Summary(int(row["n"]), float(row["mean"]), float(row["best"]), float(row["cost"]))
        for row in reader.rows(sql)
    }


def _seed(row: Row) -> Seed:
    values = {name: row[name] for name in _FIELDS}
    values["manifest"] = None if row["manifest"] is None else stored_json(row, "manifest", dict)
    return Seed(**values)
