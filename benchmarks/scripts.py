"""Classifying scripts: how many per second and core when nothing is cached, and a whole contest when one is at hand.

Our own scripts are the shipped ones and variants of them that differ in settings, comments and one function, as the scripts
of one contest do. U, the unit, is the time `ast.parse` takes for the same bytes. With `PGOLF_BENCH_CLONE` naming a clone of
a contest, the scripts of its main branch are classified too, and `pgolf audit repo --pull-requests` runs twice: with an
empty result cache and from it, with the memory of all its processes together.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.counting import ROOT
from tests.contest_script import BUGS, script

CLONE = "PGOLF_BENCH_CLONE"
MAX_CLONE_SCRIPTS = 150


@dataclass(frozen=True, slots=True)
class Speed:
    """Processor seconds of one child process for scripts one after the other."""

    seconds: tuple[float, ...]
    unit_seconds: float
    peak_bytes: int


def own_scripts() -> list[bytes]:
    """The shipped scripts, the deviations one by one, and 60 variants of the canonical one."""
    texts = [path.read_text("utf-8") for path in sorted((ROOT / "examples" / "scripts").rglob("*.py"))]
    texts += [script(name) for name in BUGS]
    plain = script()
    for number in range(60):
        helper = "\n".join(f"    x = x * {number} + {line}" for line in range(40))
        texts.append(
            f"# variant {number}\n{plain}\n\ndef schedule_{number}(x):\n{helper}\n    return x\n\n\nWARMUP = {number}\n"
        )
    return [text.encode() for text in texts]


def clone_scripts(clone: Path) -> list[bytes]:
    """Distinct training scripts of a clone's main branch, at most 150."""
    from pgolf.audit.gitobjects import ObjectReader, TreeEntry, Unreadable, find_git_dir
    from pgolf.audit.records import main_branch

    found: dict[str, bytes] = {}
    with ObjectReader(find_git_dir(clone)) as reader:
        commit = reader.commit(main_branch(reader.refs()[0], reader)[1])
        if isinstance(commit, Unreadable):
            raise SystemExit(f"{clone}: {commit.reason}")
        for item in reader.walk(commit.tree):
            if not isinstance(item, TreeEntry) or len(found) >= MAX_CLONE_SCRIPTS:
                continue
            name = item.path.rpartition("/")[2]
            if item.path.startswith("records/") and name.startswith("train") and name.endswith(".py"):
                data = reader.read(item.sha, 2_000_000)
                if isinstance(data, bytes):
                    found[item.sha] = data
    return list(found.values())


def measure(scripts: Sequence[bytes]) -> Speed:
    """Classify in this process as the confined child does; call it in a process of its own."""
    import resource

    from pgolf.audit.isolated import audit_script_facts

    audit_script_facts({"path": "warm.py"}, {"script": b"x = 1\n"})  # imports
    seconds = []
    for data in scripts:
        start = time.process_time()
        audit_script_facts({"path": "train_gpt.py"}, {"script": data})
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in scripts:
            try:
                ast.parse(data)
            except (SyntaxError, ValueError):
                continue
    return Speed(tuple(seconds), time.process_time() - start, peak)


def report(what: str, speed: Speed) -> None:
    """One line: scripts per second and core, in units of parsing, and the largest size the process had."""
    ordered = sorted(speed.seconds)
    total = sum(ordered)
    print(  # noqa: T201
        f"{what}: {len(ordered) / total:.0f} scripts per second and core ({1000 * total / len(ordered):.1f} ms each, median "
        f"{1000 * ordered[len(ordered) // 2]:.1f}, slowest {1000 * ordered[-1]:.0f}; {total / speed.unit_seconds:.1f} U), "
        f"peak {speed.peak_bytes / 1e6:.0f} MB  [at least 100]"
    )


def _tree(pid: int) -> list[int]:
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += _tree(int(child))
    except OSError:
        pass
    return found


def _together_bytes(pid: int) -> int:
    """Memory of a process and its children; pages they share count once."""
    total = 0
    for each in set(_tree(pid)):
        try:
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


def run_contest(clone: Path, folder: Path) -> None:
    """The whole contest twice, on two processes: an empty result cache, then the filled one."""
    command = [
        sys.executable,
        "-c",
        "from pgolf.cli.main import main; main()",
        "audit",
        "repo",
        str(clone),
        "--pull-requests",
    ]
    command += ["--jobs", "2", "--cache", str(folder / "cache")]
    for what, target in (("empty cache", "60 s, 1.5 GB"), ("from the cache", "5 s")):
        start = time.perf_counter()
        child = subprocess.Popen(
            [*command, "--out", str(folder / what)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        peak = 0
        while child.poll() is None:
            peak = max(peak, _together_bytes(child.pid))
            time.sleep(0.5)
        print(  # noqa: T201
            f"whole contest, {what}: {time.perf_counter() - start:.1f} s, {peak / 1e6:.0f} MB in all processes  [at most {target}]"
        )


def main() -> None:
    """Print the speed on our own scripts; on a clone's, where one is named."""
    if sys.argv[1:] == ["clone"]:
        report("scripts of the clone", measure(clone_scripts(Path(os.environ[CLONE]))))
        return
    report("our own scripts", measure(own_scripts()))
    clone = os.environ.get(CLONE)
    if not clone:
        print(f"whole contest: skipped, {CLONE} names no clone")  # noqa: T201
        return
    subprocess.run([sys.executable, "-m", "benchmarks.scripts", "clone"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="pgolf-bench-") as name:
        run_contest(Path(clone), Path(name))


if __name__ == "__main__":
    main()
