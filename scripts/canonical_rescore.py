#!/usr/bin/env python3
"""Rescore one submission by the canonical byte rule, from a plain checkout: see README_canonical_rescore.md.

Needs Python 3.11 or newer; counting tokens needs NumPy (`--skip-byte-count` does not).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run `pgolf.audit.rescore` of this checkout."""
    if sys.version_info < (3, 11):  # noqa: UP036 - a plain checkout meets any interpreter
        print(
            f"canonical_rescore.py needs Python 3.11 or newer; this is {sys.version.split()[0]}",
            file=sys.stderr,
        )
        return 2
    sys.path.insert(0, str(ROOT / "src"))
    # One thread is what this tool uses; a linear-algebra library that starts more only takes memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from pgolf.audit.rescore import main as run

        return run()
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "pgolf":
            raise
        print(
            f"canonical_rescore.py: {error.name} is not installed for {sys.executable}: "
            f"run `make -C {ROOT} demo` once and use {ROOT}/.venv/bin/python, or pip install {error.name}",
            file=sys.stderr,
        )
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
