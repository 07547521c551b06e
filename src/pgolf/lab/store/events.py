"""The append-only event log: who, when, what, and the hash of the previous event.

    hash = sha256(canonical JSON of {seq, at, who, what, subject, payload, previous_hash})

Promise: changing, removing or reordering any event but the last ones breaks the chain at a number that
`verify_chain` names; removing the last ones leaves table rows without their event, which it names too. What it
cannot see: somebody who rewrites the whole log and the tables together; keep a copy of the last hash elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pgolf.lab.store.database import Reader, Row, Transaction, current_user, now, stored_json

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `payload` holds only JSON values."""

    seq: int
    at: str
    who: str
    what: str
    subject: str
    payload: dict[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """Result of `verify_chain`: how many events were read, the last hash, and what is wrong (empty: nothing)."""

    events: int
    head: str
    problems: tuple[str, ...]


def canonical_json(value: object) -> str:
    """One ASCII text per value: sorted keys, no spaces, no nan. Raises ValueError on nan and infinity.

    ASCII, so that undecodable bytes of an argument or a path (lone surrogates) can be stored everywhere.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def append(transaction: Transaction, what: str, subject: str, payload: dict[str, Any]) -> int:
    """Append one event inside a write transaction; returns its number. `subject` is an experiment id or ''."""
    last = transaction.rows("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
    seq, previous = (int(last[0]["seq"]) + 1, str(last[0]["hash"])) if last else (1, GENESIS)
    at, who, text = now(), current_user(), canonical_json(payload)
    transaction.insert(
        "events",
        seq=seq,
        at=at,
        who=who,
        what=what,
        subject=subject,
        payload=text,
        previous_hash=previous,
        hash=_digest(seq, at, who, what, subject, text, previous),
    )
    return seq


def events_of(reader: Reader, subject: str | None = None, limit: int = 1000) -> list[Event]:
    """The newest `limit` events (of one experiment, or all), oldest first."""
    where = "" if subject is None else "WHERE subject = :subject "
    sql = f"SELECT * FROM events {where}ORDER BY seq DESC LIMIT :limit"  # noqa: S608 - no user text in it
    found = reader.rows(sql, limit=limit, **({} if subject is None else {"subject": subject}))
    return [_event(row) for row in reversed(found)]


def verify_chain(reader: Reader, most_problems: int = 20) -> ChainReport:
    """Recompute every hash and compare the tables with the events that made their rows."""
    problems: list[str] = []
    previous, expected_seq = GENESIS, 1
    found = reader.rows("SELECT * FROM events ORDER BY seq")
    for row in found:
        seq = int(row["seq"])
        if seq != expected_seq:
            problems.append(f"event {expected_seq} is missing: the next one is {seq}")
        elif row["previous_hash"] != previous:
            problems.append(f"event {seq} does not follow event {seq - 1}: its previous hash is another one")
        digest = _digest(
            seq, row["at"], row["who"], row["what"], row["subject"], row["payload"], row["previous_hash"]
        )
        if digest != row["hash"]:
            problems.append(f"event {seq} ({row['what']} {row['subject']}) was edited: its hash does not fit")
        previous, expected_seq = row["hash"], seq + 1
    problems += _rows_against_events(reader, found)
    problems += _replacements(reader)
    shown = problems[:most_problems]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    return ChainReport(len(found), previous, tuple(shown))


_COMPARED = {
    # table: (what its rows' events are, columns that the event's payload holds, those that are JSON)
    "seeds": (
        ("seed recorded", "seed replaced"),
        (
            *(
                "seed",
                "bpb",
                "loss_nats",
                "artifact_bytes",
                "code_bytes",
                "model_bytes",
                "train_seconds",
                "steps",
            ),
            *(
                "gpu",
                "gpu_model",
                "torch_version",
                "pg_commit",
                "cost_usd",
                "notes",
                "log_path",
                "log_sha256",
            ),
            *("script_sha256", "source", "manifest"),
        ),
        ("manifest",),
    ),
    "registrations": (
        ("thresholds registered", "registration amended"),
        ("version", "rule_sha256", "reason", "rule"),
        ("rule",),
    ),
    "decisions": (("decided",), ("verdict", "sentence", "payload"), ("payload",)),
    "experiments": (
        ("experiment created",),
        ("hypothesis", "techniques", "parent", "forced", "number"),
        ("techniques", "forced"),
    ),
}


def _rows_against_events(reader: Reader, log: list[Row]) -> list[str]:
    """Rows whose event is gone or says something else than the table, and events whose row is gone."""
    problems: list[str] = []
    for table, (kinds, columns, as_json) in _COMPARED.items():
        made = {int(event["seq"]): event for event in log if event["what"] in kinds}
        by_subject = {event["subject"]: seq for seq, event in made.items()}
        key = "id AS experiment" if table == "experiments" else "experiment, event_seq"
        sql = f"SELECT {key}, {', '.join(columns)} FROM {table} ORDER BY id"  # noqa: S608 - no user text in it
        for row in reader.rows(sql):
            name = row["experiment"]
            seq = by_subject.get(name, 0) if table == "experiments" else int(row["event_seq"])
            event = made.pop(seq, None)
            if event is None or event["subject"] != name:
                problems.append(f"{table}: a row of {name} has no event {seq or 'that created it'}")
                continue
            problems += _differences(table, row, seq, event, columns, as_json)
        problems += [
            f"{table}: event {seq} recorded a row of {event['subject']} that is gone"
            for seq, event in made.items()
        ]
    return problems


def _replacements(reader: Reader) -> list[str]:
    """Seeds whose mark of replacement does not follow from the order of their events."""
    sql = "SELECT experiment, seed, event_seq, superseded_by FROM seeds ORDER BY experiment, seed, event_seq DESC"
    problems, newer = [], None
    for row in reader.rows(sql):
        same = newer is not None and (newer["experiment"], newer["seed"]) == (row["experiment"], row["seed"])
        expected: int | None = newer["event_seq"] if newer is not None and same else None
        if row["superseded_by"] != expected:
            problems.append(
                f"seeds: seed {row['seed']} of {row['experiment']} is wrongly marked as replaced or current"
            )
        newer = row
    return problems


def _differences(
    table: str, row: Row, seq: int, event: Row, columns: tuple[str, ...], as_json: tuple[str, ...]
) -> list[str]:
    try:
        payload = json.loads(event["payload"])
        recorded = {column: payload.get(column) for column in columns}
    except (ValueError, AttributeError, RecursionError):
        return []  # an edited event is already reported
    found: list[str] = []
    for column in columns:
        value = row[column]
        if column in as_json and value is not None:
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = "(no JSON)"
        if value != recorded[column]:
            shown = f"{column} of {row['experiment']}"
            detail = "" if column in as_json else f" is {value!r}, event {seq} recorded {recorded[column]!r}"
            found.append(
                f"{table}: {'the ' if column == 'rule' else ''}{shown}{detail or f' is not what event {seq} recorded'}"
            )
    return found


def _event(row: Row) -> Event:
    fields = {name: row[name] for name in ("at", "who", "what", "subject", "previous_hash", "hash")}
    return Event(seq=int(row["seq"]), payload=stored_json(row, "payload", dict), **fields)


def _digest(seq: int, at: str, who: str, what: str, subject: str, payload: str, previous: str) -> str:
    body = canonical_json([seq, at, who, what, subject, payload, previous])
    return hashlib.sha256(body.encode("ascii")).hexdigest()
