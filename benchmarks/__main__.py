"""`python -m benchmarks [NAME…]`: run every benchmark of this folder (or those named) and print what each measures.

Each module has `main()`, prints ratios measured within its own run, and takes its options on its own command line
(`python -m benchmarks.hooks --help`). Exit 1 when one fails.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def modules() -> list[str]:
    """Names of the benchmark modules, sorted; the fuzz run of the hooks measures no speed and is left out."""
    return sorted(
        path.stem
        for path in FOLDER.glob("*.py")
        if not path.stem.startswith(("_", "fuzz")) and "def main(" in path.read_text("utf-8")
    )


def main(names: list[str]) -> int:
    """Run the named benchmarks, each in a fresh interpreter so that none warms another up."""
    known = modules()
    if {"-h", "--help"} & set(names):
        print(f"usage: python -m benchmarks [{' | '.join(known)}]...")  # noqa: T201
        return 0
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"benchmarks: no {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)  # noqa: T201
        return 2
    failed = []
    for name in names or known:
        print(f"\n== {name}", flush=True)  # noqa: T201
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=FOLDER.parent).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
