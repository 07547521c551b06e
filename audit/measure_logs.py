"""How well the log reader does on every log of a contest clone.

    python audit/measure_logs.py CLONE        (a bare or normal clone with refs/pull/*/head)

Prints the throughput, the share of printed pairs that are read (against an independent, liberal scan), the share of stated
per-seed values found on a final line and on the line named as the score, and the fingerprints' statuses. A stated value
counts when the folder of its submission.json (as changed by the pull request) holds a log of its seed; it agrees when it
equals the printed value to four decimals.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

from pgolf.runlog import RunMetrics, parse_log
from pgolf.runlog.facts import seeds_in_name
from pgolf.runlog.fingerprint import fingerprint
from pgolf.runlog.metrics import Printed
from pgolf.runlog.statement_match import agrees
from pgolf.runlog.submission_json import read_submission_json

LOG_NAME = re.compile(r"\.(log|txt|out|stdout)$")
NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|nan|[-+]?inf"
PAIR = re.compile(
    r"(?<![a-z0-9])((?:[a-z0-9]+_)*?val_loss\w*|(?<!_)loss|vl|val/loss|val_ce|nll)\s*[\"']?\s*[:=]\s*("
    + NUMBER
    + r")(?!\w)"
    r"[^\n]{0,60}?\b(\w*bpb\w*|val/bpb|bits_per_byte)\s*[\"']?\s*[:=]\s*(" + NUMBER + r")(?!\w)",
    re.IGNORECASE,
)
CODE = re.compile(r"print\(|log0\(|\bdef |return |eval_val|\{[^}]*bpb[^}]*\}|^\s*#|f\"")


def git(clone: str, *arguments: str) -> bytes:
    """Output of a git command."""
    return subprocess.run(["git", "-C", clone, *arguments], capture_output=True, check=False).stdout


def changed_files(clone: str) -> dict[int, dict[str, str]]:
    """{pull request: {path: blob}} of what each head adds or changes since its merge base with main."""
    found: dict[int, dict[str, str]] = {}
    refs = (
        git(clone, "for-each-ref", "--format=%(objectname) %(refname)", "refs/pull/*/head")
        .decode()
        .splitlines()
    )
    for head, ref in (line.split() for line in refs):
        base = git(clone, "merge-base", "refs/heads/main", head).decode().strip()
        if base == head:
            merges = git(
                clone,
                "rev-list",
                "--ancestry-path",
                "--merges",
                "--first-parent",
                "--reverse",
                f"{head}..refs/heads/main",
            )
            first = merges.decode().split()[:1]
            parent = f"{first[0]}^1" if first else f"{head}^"
            base = (
                git(clone, "merge-base", git(clone, "rev-parse", parent).decode().strip(), head)
                .decode()
                .strip()
            )
        if not base:
            continue
        fields = git(clone, "diff-tree", "-r", "-z", "--raw", "--no-renames", base, head).split(b"\0")
        files = {}
        for meta, path in zip(fields[0::2], fields[1::2], strict=False):
            parts = meta.split()
            if len(parts) >= 5 and parts[4] != b"D":
                files[path.decode("utf-8", "replace")] = parts[3].decode()
        found[int(ref.split("/")[2])] = files
    return found


def blobs(clone: str, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the blobs that are there, through one git process."""
    process = subprocess.Popen(
        ["git", "-C", clone, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("git gave no pipes")
    for name in names:
        process.stdin.write(name.encode() + b"\n")
        process.stdin.flush()
        header = process.stdout.readline().split()
        if len(header) == 3:
            data = process.stdout.read(int(header[2]))
            process.stdout.read(1)
            yield name, data
    process.stdin.close()
    process.wait()


def printed_pairs(data: bytes) -> Iterator[tuple[int, str, str, str]]:
    """(line, loss, bpb, text) of every pair the liberal scan finds outside of code."""
    for number, text in enumerate(data.decode("utf-8", "replace").split("\n"), start=1):
        if "bpb" not in text.lower() or len(text) > 4_000 or CODE.search(text):
            continue
        for match in PAIR.finditer(text):
            yield number, match.group(2), match.group(4), text


def seeds_of(metrics: RunMetrics, path: str, folder: str) -> set[int]:
    """The seed a log prints, and the ones its name (or its subfolder) says."""
    named = seeds_in_name(posixpath.basename(path)) or seeds_in_name(path[len(folder) :])
    printed = metrics.run.seed if metrics.run.seed_source == "log" else None
    return {*named, *(() if printed is None else (printed,))}


def main() -> None:
    """Measure and print."""
    clone = sys.argv[1]
    requests = changed_files(clone)
    log_names = {blob for files in requests.values() for path, blob in files.items() if LOG_NAME.search(path)}
    metrics: dict[str, RunMetrics] = {}
    size = seconds = 0.0
    pairs = missed = 0
    examples: list[str] = []
    for name, data in blobs(clone, sorted(log_names)):
        start = time.process_time()
        found = metrics[name] = parse_log(data)
        seconds += time.process_time() - start
        size += len(data)
        read = {
            (r.line, str(r.val_loss.value if r.val_loss else ""), str(r.val_bpb.value))
            for r in found.readings
        }
        for number, loss, bpb, text in printed_pairs(data):
            pairs += 1
            if (number, str(float(loss)), str(float(bpb))) not in read:
                missed += 1
                examples.append(f"{name[:10]}:{number}: {text[:120]}")
    print(f"{len(metrics):,} logs, {size / 1e6:.0f} MB, {size / 1e6 / seconds:.1f} MB/s")
    print(f"pairs: {pairs - missed:,} of {pairs:,} read ({100 * (pairs - missed) / max(1, pairs):.3f} %)")
    for example in examples[:: max(1, len(examples) // 10)][:10]:
        print("   not as the scan pairs it:", example)
    statement_names = {
        b
        for files in requests.values()
        for p, b in files.items()
        if posixpath.basename(p) == "submission.json"
    }
    statements = {name: read_submission_json(data) for name, data in blobs(clone, sorted(statement_names))}
    outcomes: Counter[str] = Counter()
    distinct: dict[tuple[tuple[str, ...], float], str] = {}
    by_name = defaultdict(list)
    for number, files in requests.items():
        for path, blob in files.items():
            by_name[number].append((path, blob))
            if blob not in statements:
                continue
            folder = posixpath.dirname(path)
            logs = [
                (p, b)
                for p, b in files.items()
                if p.startswith(f"{folder}/") and b in metrics and metrics[b].readings
            ]
            for seed in statements[blob].per_seed:
                mine = [b for p, b in logs if seed.seed in seeds_of(metrics[b], p, folder)]
                if seed.val_bpb is None or not mine:
                    continue
                value = seed.val_bpb.value
                outcome = agreement(seed.val_bpb.number, [metrics[b] for b in mine])
                outcomes[outcome] += 1
                distinct[(tuple(sorted(mine)), value)] = outcome
    for title, counts in (
        ("stated per-seed values with a log", outcomes),
        ("... each log and value once", Counter(distinct.values())),
    ):
        total = sum(counts.values())
        final = counts["score"] + counts["final"]
        print(
            f"{title}: {total:,}; on the score line {100 * counts['score'] / max(1, total):.1f} %, on a final line "
            f"{100 * final / max(1, total):.1f} %, on any line {100 * (final + counts['other']) / max(1, total):.1f} %"
        )
    statuses = Counter(fingerprint(m).status.value for m in metrics.values() if m.pairs)
    print("fingerprints of logs with pairs:", dict(statuses))


def agreement(value: Printed, logs: list[RunMetrics]) -> str:
    """Where the stated value stands."""
    if any(log.score and agrees(value, log.score.reading.val_bpb) for log in logs):
        return "score"
    if any(agrees(value, r.val_bpb) for log in logs for r in log.finals):
        return "final"
    return "other" if any(agrees(value, r.val_bpb) for log in logs for r in log.readings) else "none"


if __name__ == "__main__":
    main()
