"""Experiments, seeds, registrations, decisions and the event log, in SQLite or PostgreSQL.

`database` opens it (writes through SQLAlchemy Core, reads through a plain reader), `migrations` versions it, one
query module per noun, `events` the append-only log beside the tables, `readonly` what a hook may ask.
"""
