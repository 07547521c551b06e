"""Rows of `decisions`: every verdict that `decide` ever gave; the newest one counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pgolf.lab.store.database import Reader, Row, Transaction, current_user, now, stored_json
from pgolf.lab.store.events import append, canonical_json


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """One verdict as it was given; `payload` is the whole decision."""

    experiment: str
    verdict: str
    sentence: str
    payload: dict[str, Any]
    decided_at: str
    who: str


def record(
    transaction: Transaction, experiment_id: str, verdict: str, sentence: str, payload: dict[str, Any]
) -> None:
    """Append a verdict and its event."""
    recorded = {"verdict": verdict, "sentence": sentence, "payload": payload}
    event = append(transaction, "decided", experiment_id, recorded)
    transaction.insert(
        "decisions",
        experiment=experiment_id,
        verdict=verdict,
        sentence=sentence,
        payload=canonical_json(payload),
        decided_at=now(),
        who=current_user(),
        event_seq=event,
    )


def latest(reader: Reader, experiment_id: str) -> RecordedDecision | None:
    """The newest verdict of one experiment, or None."""
    sql = "SELECT * FROM decisions WHERE experiment = :id ORDER BY id DESC LIMIT 1"
    found = reader.rows(sql, id=experiment_id)
    return _decision(found[0]) if found else None


def outdated(reader: Reader) -> list[str]:
    """Ids of experiments with a seed or rule newer than their newest verdict."""
    sql = (
        "SELECT d.experiment AS id, max(d.event_seq) AS decided FROM decisions d GROUP BY d.experiment "
        "HAVING max(d.event_seq) < (SELECT max(s.event_seq) FROM seeds s WHERE s.experiment = d.experiment) "
        "OR max(d.event_seq) < (SELECT max(r.event_seq) FROM registrations r WHERE r.experiment = d.experiment) "
        "ORDER BY d.experiment"
    )
    return [row["id"] for row in reader.rows(sql)]


def every_verdict(reader: Reader) -> dict[str, str]:
    """Experiment id -> its newest verdict."""
    sql = (
        "SELECT experiment, verdict FROM decisions "
        "WHERE id IN (SELECT max(id) FROM decisions GROUP BY experiment)"
    )
    return {row["experiment"]: row["verdict"] for row in reader.rows(sql)}


def _decision(row: Row) -> RecordedDecision:
    values = {name: row[name] for name in ("experiment", "verdict", "sentence", "decided_at", "who")}
    return RecordedDecision(payload=stored_json(row, "payload", dict), **values)
