"""Speed of the ledger with 100,000 lines: full reading, first and later sums, one hold, as ratios in one run."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pgolf.lab.ledger import Ledger, LedgerSummary

LINES = 100_000


def main() -> None:
    """Build the ledger, measure, print milliseconds and ratios to parsing the same lines with `json` alone."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "state" / "spending.jsonl")
        ledger.create()
        records: list[dict[str, object]] = []
        for number in range(LINES // 2):
            hold = f"h{number:016x}"
            records.append(
                {
                    "kind": "hold",
                    "id": hold,
                    "amount_microusd": 4_120_000,
                    "experiment": f"exp_{number % 10_000:03d}",
                    "gpu": "8xH100_SXM",
                    "cap_seconds": 600,
                    "command": "torchrun --nproc_per_node=8 train_gpt.py",
                }
            )
            records.append({"kind": "settle", "hold": hold, "cost_microusd": 4_000_000, "seconds": 583.2})
        ledger._append(LedgerSummary(), records)
        lines = ledger.path.read_bytes().splitlines()
        unit = _seconds(lambda: [json.loads(line) for line in lines])
        print(f"{'json.loads of the lines':<40} {unit * 1e3:8.1f} ms")  # noqa: T201
        for name, work in (
            ("read (every line verified)", ledger.read),
            ("summarise, first time", ledger.summarise),
            ("summarise, verified checkpoint", ledger.summarise),
            ("hold (check, append, fsync)", lambda: ledger.hold(1, spendable_usd=1e9)),
        ):
            took = _seconds(work)
            print(f"{name:<40} {took * 1e3:8.1f} ms  {took / unit:6.2f} x json.loads")  # noqa: T201


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
