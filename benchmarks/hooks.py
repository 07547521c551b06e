"""Latency of the agent hook, as ratios to a bare interpreter start measured in the same run.

Measured through the installed shell hook, as an agent calls it: a plain command, a command the shell reader has to
look at, and a launch that is priced, checked against a ledger and held. `-I -S` starts everywhere.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = int(os.environ.get("PGOLF_BENCH_ROUNDS", "60"))


def main() -> None:
    """Print medians, p95 and ratios."""
    from pgolf.hooks.install import install
    from pgolf.lab.ledger import Ledger

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "pgolf.toml").write_text("[pgolf]\nbudget_usd = 1000000.0\n", encoding="utf-8")
        Ledger(folder / "state" / "spending.jsonl").create()
        install(folder)
        hook = str(folder / ".claude" / "hooks" / "pre-bash.sh")
        launch = "MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=1 train_gpt.py"
        cases: dict[str, tuple[list[str], str]] = {
            "bare python3 -I -S -c pass": ([sys.executable, "-I", "-S", "-c", "pass"], ""),
            "plain command": ([hook], "git status --short && ls -la src"),
            "quoted mention": ([hook], 'git commit -m "torchrun was slow"'),
            "shell to read": ([hook], 'for f in *.txt; do wc -l "$f"; done | sort -n'),
            "launch, ledger, hold": ([hook], launch),
        }
        times: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(ROUNDS + 3):
            for name, (argv, command) in cases.items():
                payload = {
                    "hook_event_name": "PreToolUse",
                    "tool_name": "Bash",
                    "tool_input": {"command": command},
                    "cwd": scratch,
                    "tool_use_id": f"bench-{number}",
                }
                data = json.dumps(payload).encode()
                start = time.perf_counter()
                done = subprocess.run(argv, input=data, cwd=scratch, capture_output=True, check=False)
                elapsed = time.perf_counter() - start
                if done.returncode != 0:
                    raise SystemExit(f"{name}: exit {done.returncode}: {done.stderr.decode()}")
                if number >= 3:
                    times[name].append(elapsed)
        base = statistics.median(times["bare python3 -I -S -c pass"])
        for name, values in times.items():
            ordered = sorted(values)
            p95 = ordered[int(len(ordered) * 0.95) - 1]
            median = statistics.median(values)
            print(  # noqa: T201
                f"{name:28s} median {median * 1e3:6.1f} ms  p95 {p95 * 1e3:6.1f} ms  ratio {median / base:5.2f}"
            )


if __name__ == "__main__":
    main()
