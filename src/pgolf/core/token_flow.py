"""What the evaluation of a script showed about the order of optimiser steps and scores on validation tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LateKind(StrEnum):
    """How a score came after an optimiser step that had used the same targets."""

    TRAINED_FIRST = "trained-first"
    """The steps ran over the stream before the evaluation began, on targets without a score."""
    FITTED = "fitted"
    """Steps and scores alternate inside one evaluation: each window is fitted, then scored."""
    RESCORED = "rescored"
    """The steps used targets that had their score; this is another score of the same targets."""


@dataclass(frozen=True, slots=True)
class LateScore:
    """One score whose targets were used by optimiser steps before their loss was computed."""

    kind: LateKind
    certain: bool
    """False where a step or its loss stands under a condition that is not known."""
    updated_in: str
    updated_line: int
    scored_in: str
    scored_line: int
    targets: int
    """Targets of the probe stream that the score counts."""
    late: int
    """How many of them had been used."""
    last: bool
    """Whether no other evaluation follows it in the script."""
    prints: tuple[str, ...] = ()
    """Literal texts that the code around the steps prints: what a log of the run would hold."""


@dataclass(frozen=True, slots=True)
class TokenFlow:
    """Facts of one evaluation, under the script's own default settings."""

    late: tuple[LateScore, ...] = ()
    score_first: tuple[tuple[str, int], ...] = ()
    """(function, line) of steps on targets all of which had their score."""
    entered: tuple[tuple[int, int], ...] = ()
    """First and last lines of the functions that the evaluation entered."""
    complete: bool = False
    """Whether the evaluation came to the script's end."""
    labels: tuple[str, ...] = ()
    """Literal texts in front of losses and bits per byte that the evaluation came to print, the latest last."""
    other_files: bool = False
    """Whether tokens were read from files whose names do not say that they are the validation split."""


NO_FLOW = TokenFlow()
"""Nothing was evaluated."""

__all__ = ["NO_FLOW", "LateKind", "LateScore", "TokenFlow"]
