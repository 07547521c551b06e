#!/usr/bin/env python3
"""The pgolf command line from a plain checkout: `python scripts/pgolf.py …`, from any folder.

Uses this interpreter when it has pgolf's dependencies, else the checkout's own `.venv` (made by `make demo`).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("click", "sqlalchemy", "scipy", "rich")


def main() -> int:
    """Run the command line, in another interpreter where this one lacks a dependency."""
    if sys.version_info < (3, 11):  # noqa: UP036 - a plain checkout meets any interpreter
        print(f"pgolf needs Python 3.11 or newer; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        own = ROOT / ".venv" / "bin" / "python"
        if own.exists() and not os.environ.get("PGOLF_REEXECUTED"):
            os.environ["PGOLF_REEXECUTED"] = "1"
            os.execv(own, [str(own), *sys.argv])  # noqa: S606 - the checkout's own interpreter
        print(
            f"pgolf: {', '.join(missing)} not installed for {sys.executable}: "
            f"run `make -C {ROOT} demo` once, or pip install {ROOT}",
            file=sys.stderr,
        )
        return 2
    sys.path.insert(0, str(ROOT / "src"))
    from pgolf.cli.main import main as run

    return run()


if __name__ == "__main__":
    raise SystemExit(main())
