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

from pgolf.lab.store.database import Reader, Row, Transaction, current_user, now

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
    payloads: dict[int, tuple[str, str]] = {}
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
        payloads[seq] = (row["subject"], row["payload"])
        previous, expected_seq = row["hash"], seq + 1
    problems += _rows_against_events(reader, payloads)
    shown = problems[:most_problems]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    return ChainReport(len(found), previous, tuple(shown))


def _rows_against_events(reader: Reader, payloads: dict[int, tuple[str, str]]) -> list[str]:
    """Seeds and registrations whose event is gone, or says another number than the table."""
    problems: list[str] = []
    for table, columns in (
        ("seeds", ("seed", "bpb", "loss_nats", "train_seconds", "cost_usd", "log_sha256")),
        ("registrations", ("version", "rule_sha256")),
        ("decisions", ("verdict",)),
    ):
        sql = f"SELECT experiment, event_seq, {', '.join(columns)} FROM {table} ORDER BY id"  # noqa: S608
        for row in reader.rows(sql):
            subject, text = payloads.get(int(row["event_seq"]), ("", ""))
            if subject != row["experiment"]:
                problems.append(f"{table}: a row of {row['experiment']} has no event {row['event_seq']}")
                continue
            try:
                payload = json.loads(text)
            except ValueError:
                continue  # an edited event is already reported
            problems.extend(
                f"{table}: {column} of {row['experiment']} is {row[column]!r}, event {row['event_seq']} "
                f"recorded {payload.get(column)!r}"
                for column in columns
                if isinstance(payload, dict) and row[column] != payload.get(column)
            )
    return problems


def _event(row: Row) -> Event:
    fields = {name: row[name] for name in ("at", "who", "what", "subject", "previous_hash", "hash")}
    return Event(seq=int(row["seq"]), payload=json.loads(row["payload"]), **fields)


def _digest(seq: int, at: str, who: str, what: str, subject: str, payload: str, previous: str) -> str:
    body = canonical_json([seq, at, who, what, subject, payload, previous])
    return hashlib.sha256(body.encode("ascii")).hexdigest()
