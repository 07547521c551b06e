"""The processes of a distributed run, of which an evaluation follows all at once or one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from pgolf.untrusted.values import Value

Handed = tuple[list[Value], tuple[int, ...]]
"""Elements and shape of an array that a process hands to a sum over all processes."""


@dataclass(slots=True)
class World:
    """Which process is evaluated, what it exchanges with the others, and what depends on which one it is."""

    process: tuple[int, int] | None = None
    """The rank and the number of processes where one process of several is evaluated; None for the whole run."""
    reduced: list[Handed] = field(default_factory=list)
    """What the process has handed to sums over all processes, in order."""
    incoming: list[Handed] = field(default_factory=list)
    """What the other processes hand to those sums, added up, in order."""
    parts: dict[int, Value] = field(default_factory=dict)
    """Parts of tokens or windows whose ends depend on the process, by identity."""
    counts: dict[int, Value] = field(default_factory=dict)
    """Short ranges whose length depends on the process, by identity."""
    asked: bool = False
    """Whether the script asks which of several processes it is."""
