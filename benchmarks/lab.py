"""Speed of the lab: `pgolf --help`, what `status` imports, and `status` on 10,000 experiments.

Prints seconds and, because machines differ, ratios to a bare `python -c pass` measured in the same run.
"""

from __future__ import annotations

import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pgolf.lab.experiments import create_experiment
from pgolf.lab.ledger import Ledger
from pgolf.lab.settings import Workspace, load_workspace

SRC = Path(__file__).resolve().parents[1] / "src"
EXPERIMENTS, SEEDS_EACH, LEDGER_LINES = 10_000, 3, 100_000
REPEATS = 7


def main() -> None:
    """Build the large workspace, measure, print."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        workspace = build(Path(folder) / "ws")
        empty = seconds(workspace, "-c", "pass")
        rows = (
            ("python -c pass", ("-c", "pass")),
            ("pgolf --help", ("-m", "pgolf", "--help")),
            (
                "imports of status",
                ("-c", "import pgolf.cli.main, pgolf.cli.status, pgolf.lab.overview, pgolf.lab.documents"),
            ),
            ("status, 10,000 experiments, 30,000 seeds, 100,000 ledger lines", ("-m", "pgolf", "status")),
            ("status --json", ("-m", "pgolf", "status", "--json")),
            ("import sqlalchemy (writes only)", ("-c", "import sqlalchemy")),
        )
        for name, arguments in rows:
            took = seconds(workspace, *arguments)
            print(f"{name:<66} {took:7.3f} s  {took / empty:6.1f} x python")  # noqa: T201


def seconds(workspace: Workspace, *arguments: str) -> float:
    """Median wall time of a fresh interpreter in the workspace (the first run warms the bytecode)."""
    env = {**os.environ, "PYTHONPATH": str(SRC)}
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments], cwd=workspace.root, env=env, stdout=subprocess.DEVNULL, check=True
        )
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def build(root: Path) -> Workspace:
    """A workspace of the stated size; rows are written straight into the tables, which is not what is measured."""
    root.mkdir()
    (root / "pgolf.toml").write_text("[pgolf]\nbudget_usd = 1000000.0\n")
    workspace = load_workspace(root, environ={})
    create_experiment(workspace, "first", ["a"])
    rng = random.Random(1)  # noqa: S311 - sample data
    assert workspace.database_path is not None  # noqa: S101
    connection = sqlite3.connect(workspace.database_path)
    moment = "2026-04-01T00:00:{:02d}.{:06d}+00:00"
    statuses = ("planned", "registered", "running", "completed", "screened_out", "failed")
    with connection:
        for number in range(2, EXPERIMENTS + 1):
            parent = f"exp_{rng.randrange(max(1, number - 50), number):03d}"
            at = moment.format(number % 60, number)
            values = (
                f"exp_{number:03d}",
                number,
                f"hypothesis {number}",
                '["a"]',
                parent,
                rng.choice(statuses),
            )
            connection.execute(
                "INSERT INTO experiments VALUES (?,?,?,?,?,?,NULL,'[]',?,?,'bench')", (*values, at, at)
            )
        for number in range(1, EXPERIMENTS + 1):
            for seed in range(SEEDS_EACH):
                connection.execute(
                    "INSERT INTO seeds (experiment, seed, bpb, loss_nats, cost_usd, source, recorded_at, who, event_seq, "
                    "first_event_seq) VALUES (?,?,?,?,?,'run','2026-04-01','bench',1,1)",
                    (f"exp_{number:03d}", seed, rng.gauss(1.08, 0.01), 2.79, 1.0),
                )
    connection.close()
    fill_ledger(workspace)
    return workspace


def fill_ledger(workspace: Workspace) -> None:
    """Ledger lines through its own writer, with fsync turned off for the building only."""
    ledger = Ledger(workspace.ledger_path)
    ledger.create()
    sync, os.fsync = os.fsync, lambda _: None
    try:
        for number in range(LEDGER_LINES // 2):
            hold = ledger.hold(
                0.01, spendable_usd=1e6, experiment=f"exp_{number % 999:03d}", gpu="1xH100_SXM"
            )
            ledger.settle(hold.id, cost_usd=0.01)
    finally:
        os.fsync = sync


if __name__ == "__main__":
    main()
