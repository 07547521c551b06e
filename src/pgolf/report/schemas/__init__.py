"""JSON Schemas (2020-12) of every JSON output; they ship with the package."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

SCHEMAS: Final = (
    "row",
    "rows",
    "script",
    "submission",
    "logs",
    "run_metrics",
    "comparison",
    "lab_checkpoint",
    "lab_decision",
    "lab_doctor",
    "lab_events",
    "lab_experiment",
    "lab_experiments",
    "lab_hold",
    "lab_leaderboard",
    "lab_record",
    "lab_registration",
    "lab_report",
    "lab_run",
    "lab_seed",
    "lab_spend",
    "lab_spend_total",
    "lab_status",
    "lab_submit_check",
    "lab_workspace",
)


def load_schema(name: str) -> dict[str, Any]:
    """The schema of that name. References between them are their `$id`s; load all into one registry.

    Raises KeyError for a name that is not in SCHEMAS.
    """
    if name not in SCHEMAS:
        raise KeyError(name)
    schema: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.schema.json").read_text("utf-8"))
    return schema
