"""Counting a token stream, in units of F measured in the same run.

F is a bare interpreter start plus a compiled histogram over the same shard in the page cache: about the least that any
Python program which looks at every token can cost. The shard has 40,540,803 tokens, the size of the SP8192 validation
split; counting alone should stay within 6 F and 40 MB, the same for a shard four times as long.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOKENS = 40_540_803
VOCAB_SIZE = 8192
ROUNDS = 7

HISTOGRAM_C = r"""
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>
static uint64_t counts[65536];
static uint16_t tokens[1 << 16];
int main(int argc, char **argv) {
    ssize_t got;
    int file = open(argv[1], O_RDONLY);
    if (argc < 2 || file < 0 || lseek(file, 1024, SEEK_SET) < 0) return 1;
    while ((got = read(file, tokens, sizeof tokens)) > 0)
        for (ssize_t i = 0; i < got / 2; i++) counts[tokens[i]]++;
    printf("%lu\n", (unsigned long)counts[1]);
    return 0;
}
"""

COUNT = """
import sys
from pgolf.core.luts import LookupTables
from pgolf.tokens.statistics import count_tokens
from pgolf.tokens.stream import open_stream
size = int(sys.argv[2])
boundary = tuple(i < 4 for i in range(size))
tables = LookupTables(tuple(i % 12 for i in range(size)), tuple(i % 3 == 0 and i > 3 for i in range(size)), boundary)
found = count_tokens(open_stream(sys.argv[1]), tables)
print(found.scored_tokens, found.num_windows, found.total_bytes(tables))
"""


LAUNCHER = """
import json, os, resource, subprocess, sys, time
best, cpu = float("inf"), float("inf")
for _ in range(int(sys.argv[1])):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE)
    best = min(best, time.perf_counter() - start)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = min(cpu, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    if done.returncode:
        sys.exit(done.returncode)
peak = after.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"seconds": best, "cpu_seconds": cpu, "peak_bytes": peak, "output": done.stdout.decode().strip()}))
"""
# A process of its own, and a small one: a child's peak memory counts that of the process it was started from.


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall and processor time of the fastest of several runs, and the peak memory of the largest process in any."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def run(command: list[str], rounds: int = ROUNDS) -> Measured:
    """Run `command` several times, from a cold process each time."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "pgolf-bench-pycache")
    launcher = [sys.executable, "-S", "-E", "-c", LAUNCHER, str(rounds), *command]
    done = subprocess.run(launcher, stdout=subprocess.PIPE, env=environment)
    if done.returncode:
        raise SystemExit(f"benchmark command failed: {' '.join(command)[:200]}")
    return Measured(**json.loads(done.stdout))


def write_shard(path: Path, tokens: int = TOKENS) -> None:
    """A shard of pseudo-random ids in word-like proportions, a `<s>` (id 1) every 811 tokens."""
    import numpy as np

    rng = np.random.default_rng(8192)
    weights = 1.0 / np.arange(1, VOCAB_SIZE - 3)
    block = rng.choice(len(weights), size=1 << 20, p=weights / weights.sum()).astype("<u2") + 4
    block[::811] = 1
    header = np.zeros(256, dtype="<i4")
    header[:3] = 20240520, 1, tokens
    with path.open("wb") as out:
        out.write(header.tobytes())
        left = tokens
        while left:
            count = min(left, len(block))
            out.write(block[:count].tobytes())
            left -= count


def build_floor(folder: Path) -> Path | None:
    """The compiled histogram, or None when no C compiler is here."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    source, program = folder / "histogram.c", folder / "histogram"
    source.write_text(HISTOGRAM_C)
    subprocess.run([compiler, "-O2", "-o", program, source], check=True)
    return program


def measure_floor(program: Path, shard: Path) -> Measured:
    """F: a bare interpreter start plus the compiled histogram over `shard`."""
    run([str(program), str(shard)], rounds=2)  # into the page cache
    bare, histogram = run([sys.executable, "-I", "-c", "pass"]), run([str(program), str(shard)])
    return Measured(bare.seconds + histogram.seconds, bare.cpu_seconds + histogram.cpu_seconds, 0, "")


def report(what: str, measured: Measured, floor: Measured, target: str) -> None:
    """One line: ratios to F in wall and processor time, and peak memory."""
    print(  # noqa: T201
        f"{what}: {measured.seconds / floor.seconds:.2f} F ({1000 * measured.seconds:.0f} ms; "
        f"processor time {measured.cpu_seconds / floor.cpu_seconds:.2f} F), "
        f"peak {measured.peak_bytes / 1e6:.1f} MB  [{target}]"
    )


def main() -> None:
    """Print the ratios of one run."""
    with tempfile.TemporaryDirectory(prefix="pgolf-bench-") as name:
        folder = Path(name)
        program = build_floor(folder)
        if program is None:
            print("counting: skipped, no C compiler for the floor F")  # noqa: T201
            return
        shard = folder / "val_000000.bin"
        write_shard(shard)
        floor = measure_floor(program, shard)
        print(  # noqa: T201
            f"F: {1000 * floor.seconds:.1f} ms (bare interpreter start + compiled histogram over {TOKENS:,} tokens)"
        )
        count = [sys.executable, "-c", COUNT]
        report(
            "counting, one shard", run([*count, str(shard), str(VOCAB_SIZE)]), floor, "at most 6 F and 40 MB"
        )
        for index in range(1, 4):
            os.link(shard, folder / f"val_{index:06}.bin")
        report(
            "counting, four shards",
            run([*count, str(folder), str(VOCAB_SIZE)], rounds=3),
            floor,
            "same memory",
        )


if __name__ == "__main__":
    main()
