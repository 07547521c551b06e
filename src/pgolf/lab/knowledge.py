"""Technique pairs that lessons learned call bad: headings `### A + B = BAD` of `knowledge/lessons_learned.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pgolf.errors import UsageError
from pgolf.lab.settings import Workspace

LESSONS_FILE = "lessons_learned.md"
_MAX_BYTES = 8 * 1024 * 1024
_SEPARATORS = re.compile(r"[\s_\-]+")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Techniques that were found bad together, as the heading writes them, and its line number."""

    techniques: tuple[str, ...]
    line: int

    def __str__(self) -> str:
        return f"{' + '.join(self.techniques)} = BAD (knowledge/{LESSONS_FILE}, line {self.line})"


def normalise_technique(name: str) -> str:
    """Case, spaces, `_` and `-` do not tell two techniques apart; Markdown emphasis is no part of a name."""
    return _SEPARATORS.sub("-", name.strip().strip("*`").strip().casefold()).strip("-")


def find_conflicts(workspace: Workspace, techniques: Iterable[str]) -> list[Conflict]:
    """The recorded bad combinations that are all among `techniques`.

    A workspace without that file has none. Raises UsageError when the file is there and cannot be read.
    """
    path = workspace.knowledge_dir / LESSONS_FILE
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}), so conflicts cannot be checked"
        ) from error
    if len(raw) > _MAX_BYTES:
        raise UsageError(f"{path}: larger than {_MAX_BYTES} bytes, so conflicts cannot be checked; split it")
    wanted = {normalise_technique(name) for name in techniques}
    return [
        conflict
        for conflict in parse_conflicts(raw.decode("utf-8", "replace"))
        if {normalise_technique(name) for name in conflict.techniques} <= wanted
    ]


def parse_conflicts(text: str) -> Iterator[Conflict]:
    """Every `### A + B = BAD` heading outside code fences; more than two names mean all of them together."""
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith(("```", "~~~")):
            fenced = not fenced
        if fenced or not stripped.startswith("###") or stripped.startswith("####"):
            continue
        left, equals, right = stripped[3:].partition("=")
        word = right.strip().strip("*`").lstrip()[:4].casefold()
        if not equals or not word.startswith("bad") or word[3:].isalnum():
            continue
        names = tuple(name.strip().strip("*`").strip() for name in left.split("+"))
        if len({normalise_technique(name) for name in names} - {""}) >= 2 and all(names):
            yield Conflict(names, number)
