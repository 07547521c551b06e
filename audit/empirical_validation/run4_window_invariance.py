"""Run 4: canonical bytes and ratios do not depend on the window, walked window by window."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from validation_run import Data, Figures, PlainLoop, builder_of_1734, run, ten

from pgolf.tokens.windows import Windows

TITLE = "Run 4: invariance to sequence length and stride"
SEQ_LENS = (1024, 2048)
STRIDES = (64, 1024)


def walk(
    tokens: NDArray[np.uint16], loops: tuple[PlainLoop, ...], seq_len: int, stride: int
) -> tuple[int, int, list[int]]:
    """(windows, scored targets, bytes under each of `loops`), one window after the other as the contest's script does."""
    total = len(tokens) - 1
    windows = scored = 0
    sums = [0] * len(loops)
    for start in range(0, total, stride):
        if start + seq_len - stride >= total:
            break
        end = min(start + seq_len, total)
        first = start if start == 0 else start + seq_len - stride
        x, y = tokens[first:end], tokens[first + 1 : end + 1]
        windows += 1
        scored += len(y)
        for index, loop in enumerate(loops):
            sums[index] += loop.bytes_of(x, y)
    return windows, scored, sums


def measure(data: Data) -> Figures:
    """Bytes under the canonical tables and under those of #1734, at every combination."""
    faulty = builder_of_1734(data.vocabulary)
    loops = (PlainLoop.of(data.canonical), PlainLoop.of(faulty))
    tokens = data.tokens()
    rows, agree = [], True
    for seq_len, stride in product(SEQ_LENS, STRIDES):
        windows, scored, (canonical, candidate) = walk(tokens, loops, seq_len, stride)
        counts = data.count(faulty, windows=Windows(seq_len, stride))
        agree = agree and (windows, scored, canonical, candidate) == (
            counts.num_windows,
            counts.scored_tokens,
            counts.total_bytes(data.canonical),
            counts.total_bytes(faulty),
        )
        rows.append(
            {
                "seq_len": seq_len,
                "stride": stride,
                "num_windows": windows,
                "scored_tokens": scored,
                "canonical_bytes": canonical,
                "candidate_bytes": candidate,
                "ratio": ten(candidate / canonical) if canonical else None,
            }
        )
    same = ("scored_tokens", "canonical_bytes", "candidate_bytes", "ratio")
    return {
        "rows": rows,
        "checks": {
            "pgolf's closed form equals the walk, window by window": agree,
            "tokens, bytes and ratio are the same in every combination": all(
                row[key] == rows[0][key] for row in rows for key in same
            ),
            "every target of the stream is scored once": all(
                row["scored_tokens"] == len(tokens) - 1 for row in rows
            ),
        },
    }


def summarise(figures: Figures) -> list[str]:
    """The figures as text."""
    lines = [
        f"{'seq_len':>8}{'stride':>8}{'windows':>10}{'scored':>12}{'canonical':>14}{'like #1734':>14}{'ratio':>15}"
    ]
    lines += [
        f"{row['seq_len']:>8}{row['stride']:>8}{row['num_windows']:>10,}{row['scored_tokens']:>12,}"
        f"{row['canonical_bytes']:>14,}{row['candidate_bytes']:>14,}{row['ratio'] or '-':>15}"
        for row in figures["rows"]
    ]
    return lines


if __name__ == "__main__":
    raise SystemExit(run("run4_window_invariance", TITLE, measure, summarise))
