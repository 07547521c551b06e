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
from typing import Any

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
            if arguments == ("-m", "pgolf", "status"):
                cold = [once_without_checkpoint(workspace) for _ in range(3)]
                print(f"{'the same, ledger never summed before':<66} {min(cold):7.3f} s")  # noqa: T201
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


def once_without_checkpoint(workspace: Workspace) -> float:
    """Wall time of `status` when the ledger's cached sum is not there."""
    Ledger(workspace.ledger_path).checkpoint_path.unlink(missing_ok=True)
    env = {**os.environ, "PYTHONPATH": str(SRC)}
    start = time.perf_counter()
    command = [sys.executable, "-m", "pgolf", "status"]
    subprocess.run(command, cwd=workspace.root, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


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
    """Chained ledger lines as its writer makes them, all in one append."""
    ledger = Ledger(workspace.ledger_path)
    ledger.create()
    records: list[dict[str, Any]] = []
    for number in range(LEDGER_LINES // 2):
        name, experiment = f"h{number:016x}", f"exp_{number % 999 + 1:03d}"
        hold = {"kind": "hold", "id": name, "amount_microusd": 10_000, "experiment": experiment}
        records.append({**hold, "gpu": "1xH100_SXM", "cap_seconds": 600, "command": "torchrun train.py"})
        records.append({"kind": "settle", "hold": name, "cost_microusd": 9_000, "seconds": 540.0})
    with ledger._locked():
        ledger._append(ledger._intact_summary(), records)


if __name__ == "__main__":
    main()
