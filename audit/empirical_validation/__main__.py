"""All five runs, compared with their expected output: `python audit/empirical_validation [--update]`.

Further arguments (`--tokenizer`, `--val-data`) run them on other data, without the comparison. `--update` rewrites the
expected output from the shipped data.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys

from validation_run import EXPECTED, run

RUNS = (
    "run1_boundary_mask",
    "run2_byte_fallback",
    "run3_builder_1734",
    "run4_window_invariance",
    "run5_decomposition",
)


def main(arguments: list[str]) -> int:
    """Run all; the worst exit code."""
    worst = 0
    for name in RUNS:
        module = importlib.import_module(name)
        if arguments == ["--update"]:
            target = EXPECTED / f"{name}.json"
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                status = run(name, module.TITLE, module.measure, module.summarise, ["--output", str(target)])
            target.with_suffix(".txt").write_text(out.getvalue(), encoding="utf-8")
            print(f"{name}: written")
        else:
            status = run(name, module.TITLE, module.measure, module.summarise, arguments or ["--check"])
            print()
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
