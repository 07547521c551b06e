"""The tables as SQLAlchemy Core sees them, for writing. The DDL's home is `migrations`; a test compares both."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Table, Text

metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    *(Column(name, Text) for name in ("at", "who", "what", "subject", "payload", "previous_hash", "hash")),
)

experiments = Table(
    "experiments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer),
    *(
        Column(name, Text)
        for name in (
            "hypothesis",
            "techniques",
            "parent",
            "status",
            "reason",
            "forced",
            "created_at",
            "updated_at",
            "who",
        )
    ),
)

seeds = Table(
    "seeds",
    metadata,
    Column("id", BigInteger, primary_key=True),
    *(
        Column(name, Text)
        for name in ("experiment", "gpu", "gpu_model", "torch_version", "pg_commit", "notes")
    ),
    *(Column(name, Text) for name in ("log_path", "log_sha256", "script_sha256", "manifest", "source")),
    *(Column(name, Text) for name in ("recorded_at", "who")),
    *(Column(name, Float) for name in ("bpb", "loss_nats", "train_seconds", "cost_usd")),
    *(Column(name, BigInteger) for name in ("seed", "artifact_bytes", "code_bytes", "model_bytes", "steps")),
    *(Column(name, BigInteger) for name in ("event_seq", "first_event_seq", "superseded_by")),
)

registrations = Table(
    "registrations",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("version", Integer),
    *(Column(name, Text) for name in ("experiment", "rule", "rule_sha256", "reason", "registered_at", "who")),
    Column("event_seq", BigInteger),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", BigInteger, primary_key=True),
    *(Column(name, Text) for name in ("experiment", "verdict", "sentence", "payload", "decided_at", "who")),
    Column("event_seq", BigInteger),
)

schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("name", Text),
    Column("applied_at", Text),
)
