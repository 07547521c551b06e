"""Rendering 2,000 rows in each format, in units of J: `json.dumps` of the same rows in the same run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.row import ResultRow
from pgolf.core.verdict import ByteSource, EvalStatus, FingerprintStatus, LutStatus, Verdict
from pgolf.report import ReportFormat, render_rows

ROWS = 2_000
ROUNDS = 5


def _row(number: int) -> ResultRow:
    folder = f"records/track_10min_16mb/2026-04-19_SP8192_Number{number}"
    reasons = (
        Finding(
            "bytes-space-twice",
            Severity.ERROR,
            Confidence.PROVED,
            "the space counts twice",
            f"{folder}/a.py",
            7,
        ),
        Finding("significance", Severity.WARNING, Confidence.PROVED, "p = 0.2 against the frontier", folder),
    )
    return ResultRow(
        pr=number,
        folder=folder,
        script="train_gpt.py",
        script_sha256=f"{number:064x}",
        lut_status=LutStatus.BUGGY,
        lut_bug_detections=("leading_space_plus_one",),
        byte_source=ByteSource.TABLE,
        eval_status=EvalStatus.CANONICAL,
        packed_layers=("lzma", "b85"),
        evidence="exhaustive, 8192 tokens",
        tokenizer="sp8192",
        reported_bpb=1.01 + number / 1e5,
        log_bpb=1.01,
        bytes_per_token=4.3864,
        fingerprint_status=FingerprintStatus.DEVIATES,
        inflation_ratio=1.177,
        corrected_bpb=1.19,
        verdict=Verdict.FLAGGED,
        reasons=reasons,
        extra={"date": "2026-04-19", "missing": []},
    )


def _best_seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print one line per format: ratio to J and the size of the report."""
    rows = [_row(number) for number in range(ROWS)]
    unit = _best_seconds(lambda: [json.dumps(row.to_json()) for row in rows])
    print(f"reports: {ROWS:,} rows, J = json.dumps of them")  # noqa: T201
    for name in ReportFormat:
        seconds = _best_seconds(lambda name=name: render_rows(rows, name))  # type: ignore[misc]
        size = len(render_rows(rows, name))
        print(f"  {name.value:<9} {seconds / unit:6.1f} J  {size / 1e6:5.1f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
