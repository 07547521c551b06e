"""Counts of a contest audit: `python audit/contest/summarise.py [ROWS.jsonl] [--section NAME] [--csv FILE]`.

Reads the result rows that `pgolf audit repo … --out DIR` writes and prints the tables that `audit/writeup.md` shows: `counts`, `order` (of
optimiser steps and scores), `packed` (what packed submissions turned out to be), `frontier` (the best verified value over time) or
`accepted` (records in the contest's main branch, with a remark).
"""

from __future__ import annotations

import argparse
import collections
import csv
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COLUMNS = (
    "pr", "folder", "script", "verdict", "lut_status", "byte_source", "eval_status", "fingerprint_status", "reported_bpb",
    "log_bpb", "bytes_per_token", "inflation_ratio", "corrected_bpb", "lut_bug_detections", "script_sha256",
)  # fmt: skip
PROVED_SOURCES = ("npz", "sidecar", "byte_level", "constant")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def proved_errors(row: dict[str, Any]) -> set[str]:
    """Rules that flag a row."""
    return {r["rule"] for r in row["reasons"] if r["severity"] == "error" and r["confidence"] == "proved"}


def table(title: str, counts: collections.Counter[str]) -> str:
    """One count a line, largest first."""
    lines = [title]
    lines += [
        f"  {n:>6,}  {name}" for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return "\n".join(lines)


def summary(rows: list[dict[str, Any]]) -> str:
    """All tables as text."""
    scripts = {row["script_sha256"]: row for row in rows if row["script_sha256"]}
    decided = [
        row
        for row in scripts.values()
        if row["lut_status"] in ("CORRECT", "BUGGY") or row["byte_source"] in PROVED_SOURCES
    ]
    wrapped = [row for row in scripts.values() if row["packed_layers"]]
    parts = [
        f"{len(rows):,} submissions of {len({row['pr'] for row in rows}):,} pull requests, {len(scripts):,} distinct scripts",
        table("verdict, by submission", collections.Counter(row["verdict"] for row in rows)),
        table(
            "proved errors, by submission (one may have several)",
            collections.Counter(rule for row in rows for rule in proved_errors(row)),
        ),
        table(
            "tables, by distinct script", collections.Counter(row["lut_status"] for row in scripts.values())
        ),
        table(
            "evaluation loop, by distinct script",
            collections.Counter(row["eval_status"] for row in scripts.values()),
        ),
        f"decided, by distinct script: {len(decided):,} of {len(scripts):,} ({len(decided) / max(1, len(scripts)):.1%})",
        table("packed scripts: tables", collections.Counter(row["lut_status"] for row in wrapped)),
    ]
    return "\n\n".join(parts) + "\n"


def packed(rows: list[dict[str, Any]]) -> str:
    """Submissions whose code was wrapped: how, and what lay inside."""
    wrapped = [row for row in rows if row["packed_layers"]]
    scripts = {row["script_sha256"]: row for row in wrapped}
    inside = [
        f"tables {row['lut_status']}, loop {row['eval_status']}, bytes from {row['byte_source']}"
        for row in scripts.values()
    ]
    parts = [
        f"{len(wrapped):,} submissions of {len({row['pr'] for row in wrapped}):,} pull requests, {len(scripts):,} distinct scripts",
        table("layers, by distinct script", collections.Counter(_layers(row) for row in scripts.values())),
        table("inside, by distinct script", collections.Counter(inside)),
        table("verdict, by submission", collections.Counter(row["verdict"] for row in wrapped)),
        table(
            "proved errors, by submission",
            collections.Counter(rule for row in wrapped for rule in proved_errors(row)),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _layers(row: dict[str, Any]) -> str:
    names = [name for name in row["packed_layers"] if "+" in name or name not in ("exec", "exec_module")]
    kinds = " + ".join(names[:2]) or "files run or imported as text"
    return kinds if len(names) <= 2 else f"{kinds} … ({len(names)} layers)"


def frontier(rows: list[dict[str, Any]]) -> str:
    """VERIFIED submissions of the ten-minute track that were the best so far, by the date of the head commit."""
    verified = [
        row
        for row in rows
        if row["verdict"] == "VERIFIED" and "track_10min" in row["folder"] and row["reported_bpb"] is not None
    ]
    verified.sort(key=lambda row: (row["committed"], row["reported_bpb"]))
    lines = ["date        bpb      pull request"]
    best = float("inf")
    for row in verified:
        if row["reported_bpb"] < best:
            best = row["reported_bpb"]
            lines.append(f"{row['committed'][:10]}  {best:.5f}  #{row['pr']}")
    return "\n".join(lines) + f"\n\n{len(verified):,} verified submissions of this track\n"


def accepted(rows: list[dict[str, Any]]) -> str:
    """Record folders of the contest's main branch: verdicts, and what is said of those not VERIFIED."""
    listed = (HERE / "accepted.txt").read_text(encoding="utf-8").splitlines()
    first: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["pr"]):
        if row["folder"] in listed:
            first.setdefault(row["folder"], row)
    counts = collections.Counter(first[folder]["verdict"] for folder in listed if folder in first)
    lines = [
        f"{len(listed)} folders, {len(first)} of them in a pull request",
        table("verdict", counts),
        "remarks",
    ]
    for folder in listed:
        row = first.get(folder)
        if row is None:
            continue
        worst = [r for r in row["reasons"] if r["severity"] != "note"]
        for rule in dict.fromkeys(r["rule"] for r in worst):
            said = next(r for r in worst if r["rule"] == rule)
            lines.append(
                f"  #{row['pr']}  {said['severity']} {said['confidence']}  {rule}: {said['message'][:150]}"
            )
    return "\n".join(lines) + "\n"


def write_csv(rows: list[dict[str, Any]], path: Path) -> None:
    """The published columns, with the rules that flag a row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*COLUMNS, "proved_errors"])
        for row in rows:
            cells = [";".join(map(str, v)) if isinstance(v := row.get(c), list) else v for c in COLUMNS]
            out.writerow([*cells, ";".join(sorted(proved_errors(row)))])


def order(rows: list[dict[str, Any]]) -> str:
    """Findings on what is scored, and when: submissions and distinct scripts by rule, severity and confidence."""
    rules = ("train-on-val", "slot", "two-pass", "target-in-key", "paid-prefix")
    where: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        for key in {
            (r["rule"], r["severity"], r["confidence"]) for r in row["reasons"] if r["rule"] in rules
        }:
            where.setdefault(key, []).append(row["script_sha256"])
    lines = ["submissions  scripts  rule, severity, confidence"]
    lines += [
        f"{len(where[key]):>11,}  {len(set(where[key])):>7,}  {', '.join(key)}"
        for key in sorted(where, key=lambda key: (rules.index(key[0]), key[1:]))
    ]
    return "\n".join(lines) + "\n"


SECTIONS = {"counts": summary, "order": order, "packed": packed, "frontier": frontier, "accepted": accepted}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=Path, default=HERE / "rows.jsonl")
    parser.add_argument("--section", choices=SECTIONS, default="counts", help="which tables to print")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows as CSV, too")
    given = parser.parse_args()
    try:
        rows = read_rows(given.rows)
        text = SECTIONS[given.section](rows)
        if given.csv is not None:
            write_csv(rows, given.csv)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(
            f"{given.rows}: cannot be read as result rows ({error}); give the rows.jsonl of an audit",
            file=sys.stderr,
        )
        return 2
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
