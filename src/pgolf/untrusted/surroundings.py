"""What lies around a script while it is evaluated: environment variables, files beside it, files it writes.

Nothing here reaches the machine: files are those of the submission, kept as bytes; what the script writes stays here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pgolf.untrusted.script import Siblings
from pgolf.untrusted.values import Opaque, Value


@dataclass(slots=True)
class Surroundings:
    """Environment and files of one evaluation."""

    settings: dict[str, str] = field(default_factory=dict)
    """Environment variables that are given, as text; all others are unset."""
    environment: dict[str, str] = field(default_factory=dict)
    """Environment variables the script reads, and what they were taken to be."""
    environment_set: dict[str, Value] = field(default_factory=dict)
    """Environment variables that the script sets itself; `MISSING` for those it deletes."""
    environment_spoiled: str = ""
    """Why no environment variable is known any more, or ""."""
    saved: dict[str, Value] = field(default_factory=dict)
    """Arrays and objects that the script saved, by file name: what loading them gives back."""
    written: dict[str, bytes | Opaque] = field(default_factory=dict)
    """Files that the script writes, by name: reading one gives what was written, or something unknown."""
    siblings: Siblings | None = None
    """The other files of the submission."""
    read_npz: Callable[[bytes, str], dict[str, Any]] | None = None
    """Reads the arrays of an `.npz` file without pickle."""
    tables_read: set[str] = field(default_factory=set)
    """Files that tables were read from."""
