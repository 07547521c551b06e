"""Findings that were checked by hand: `python audit/contest/findings.py [--section checked|sample] [--draw ROWS.jsonl]`.

`checked` prints `findings.json`: what pgolf says, what was done, and whether it is right. `sample` prints `sample.json`: 25 FLAGGED and 25
VERIFIED rows drawn with `random.Random(2026)`, each read against its files. `--draw` draws such a sample from other rows.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import random
import sys
import textwrap
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SEED = 2026


def read(name: str) -> list[dict[str, Any]]:
    """The entries of one of the two files beside this script."""
    entries: list[dict[str, Any]] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return entries


def arithmetic(entry: dict[str, Any]) -> list[str]:
    """Bytes per token of the line that was read, its canonical value, and the bytes of the tokens it counts."""
    lines: list[str] = []
    loss, bpb, canonical = entry["loss"], entry["bpb"], entry["canonical"]
    if loss is not None:
        implied = loss / (math.log(2) * bpb)
        lines.append(
            f"{loss} / (ln 2 x {bpb}) = {implied:.4f} bytes per token, canonical {canonical} (x{implied / canonical:.4f})"
        )
        if entry["tokens"]:
            lines.append(
                f"{entry['tokens']:,} tokens x {implied:.4f} = {entry['tokens'] * implied / 1e6:.2f} million bytes"
            )
    return lines


def checked() -> str:
    """Every finding, and counts."""
    entries = read("findings.json")
    results = collections.Counter(entry["result"] for entry in entries)
    unreported = [
        entry
        for entry in entries
        if entry["reported"].startswith("no") and entry["reported"] != "not looked up"
    ]
    out = [
        f"{len(entries)} findings: " + ", ".join(f"{n} {name}" for name, n in sorted(results.items())),
        f"{len(unreported)} of them without a thread or README that says so, as far as was looked",
    ]
    for number, entry in enumerate(entries, 1):
        out.append("")
        out.append(f"{number}. #{entry['pr']}  {entry['rule']}  {entry['result']}")
        parts = [("pgolf", entry["says"]), ("checked", entry["checked"])]
        parts += [("number", line) for line in arithmetic(entry)]
        parts += [("command", entry["command"]), ("reported", entry["reported"])]
        for label, text in parts:
            out += textwrap.wrap(
                text,
                128,
                initial_indent=f"   {label + ':':<10}",
                subsequent_indent=" " * 13,
                break_long_words=False,
            )
    return "\n".join(out) + "\n"


def sample() -> str:
    """The drawn rows, by verdict: how many of those read are right."""
    entries = read("sample.json")
    out: list[str] = []
    for verdict in ("FLAGGED", "VERIFIED"):
        of = [entry for entry in entries if entry["verdict"] == verdict]
        right = sum(entry["result"] == "right" for entry in of)
        out.append(f"{verdict}: {right} of {len(of)} right")
        for entry in of:
            text = f"#{entry['pr']}  {entry['result']}: {entry['how']}"
            out += textwrap.wrap(text, 136, initial_indent="   ", subsequent_indent="      ")
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def draw(path: Path) -> str:
    """25 rows of each verdict, as pull request and folder."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows.sort(key=lambda row: (row["pr"], row["folder"]))
    chooser = random.Random(SEED)  # noqa: S311 - a sample that anybody can draw again
    out: list[str] = []
    for verdict in ("FLAGGED", "VERIFIED"):
        of = [row for row in rows if row["verdict"] == verdict]
        drawn = chooser.sample(of, min(25, len(of)))
        out += [f"{verdict}\t{row['pr']}\t{row['folder']}" for row in drawn]
    return "\n".join(out) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--section", choices=("checked", "sample"), default="checked")
    parser.add_argument("--draw", type=Path, metavar="ROWS")
    given = parser.parse_args()
    try:
        text = (
            draw(given.draw)
            if given.draw is not None
            else checked()
            if given.section == "checked"
            else sample()
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"the rows or entries cannot be read ({error})", file=sys.stderr)
        return 2
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
