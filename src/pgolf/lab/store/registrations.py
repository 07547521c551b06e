"""Rows of `registrations`: version 1 is the registration, later ones are amendments with their reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pgolf.lab.store.database import Reader, Row, Transaction, stored_json
from pgolf.lab.store.events import canonical_json


@dataclass(frozen=True, slots=True)
class Registration:
    """One frozen rule: JSON values and the SHA-256 of their canonical text."""

    experiment: str
    version: int
    rule: dict[str, Any]
    rule_sha256: str
    reason: str | None
    registered_at: str
    who: str
    event_seq: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def insert(transaction: Transaction, registration: Registration) -> None:
    """One new row."""
    transaction.insert("registrations", **{**asdict(registration), "rule": canonical_json(registration.rule)})


def of(reader: Reader, experiment_id: str) -> list[Registration]:
    """All versions of one experiment's rule, oldest first."""
    sql = "SELECT * FROM registrations WHERE experiment = :id ORDER BY version"
    return [_registration(row) for row in reader.rows(sql, id=experiment_id)]


def registered_ids(reader: Reader) -> set[str]:
    """Ids of experiments that have a rule."""
    return {row["experiment"] for row in reader.rows("SELECT DISTINCT experiment FROM registrations")}


def _registration(row: Row) -> Registration:
    values = {
        name: row[name]
        for name in ("experiment", "version", "rule_sha256", "reason", "registered_at", "who", "event_seq")
    }
    return Registration(rule=stored_json(row, "rule", dict), **values)
