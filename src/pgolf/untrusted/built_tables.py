"""Arrays that functions returned which had asked a tokenizer about its pieces, and what happens to them afterwards."""

from __future__ import annotations

from collections.abc import Callable

from pgolf.untrusted.tensor import Tensor

_MOST_ARRAYS = 400
_MOST_PATCHES = 1000
_MOST_SOURCES = 16


class BuiltTables:
    """The watched arrays. `doubt(reason, line)` is told when there are too many of them: then nothing is proved."""

    def __init__(self, doubt: Callable[[str, int], None]) -> None:
        self._doubt = doubt
        self.arrays: dict[int, Tensor] = {}
        """By serial number."""
        self.registered: list[Tensor] = []
        """Those of them that are buffers or parameters of a model, which hands them out again."""
        self.patches: list[tuple[int, int]] = []
        """Changes of such arrays afterwards, made or left out by a condition: serial number and line."""
        self.left_out = 0
        """How often containers were looked through for such arrays where a condition left statements out."""

    def keep(self, array: Tensor, line: int) -> None:
        """Watch an array that a builder returned; with too many of them nothing is proved."""
        if len(self.arrays) < _MOST_ARRAYS:
            self.arrays[array.serial] = array
        else:
            self._doubt("more arrays come from the tokenizer's pieces than are watched", line)

    def holds(self, array: Tensor) -> bool:
        """Whether an array is one that a builder returned, a view of it, or it in another memory or element type."""
        at: Tensor | None = array
        for _ in range(_MOST_SOURCES):
            if at is None:
                return False
            if at.serial in self.arrays:
                return True
            at = at.base or at.source
        return True

    def note_patch(self, serial: int, line: int) -> None:
        """A watched array changes, or would on another condition; with too many such places nothing is proved."""
        if len(self.patches) < _MOST_PATCHES:
            self.patches.append((serial, line))
        else:
            self._doubt("tables change at more places than are kept", line)
