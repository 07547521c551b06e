"""What a training log says, as values: readings, sizes, times, how the run ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pgolf.core.bpb import LN2


class ReadingKind(StrEnum):
    """What a line with a bits-per-byte value is."""

    FINAL = "final"
    """A result of the run's evaluation: the score is one of these."""
    DIAGNOSTIC = "diagnostic"
    """An evaluation that is not of the artifact: before quantisation, a baseline, an ablation, a sweep."""
    STEP = "step"
    """An evaluation during training."""
    PROGRESS = "progress"
    """A running value inside one evaluation."""
    DERIVED = "derived"
    """A difference, gain, target or best-of, computed from other values."""


# The three values that a log holds by the thousand are named tuples: as immutable as the others, and cheap to make.


class Printed(NamedTuple):
    """A number as printed: its value and how many decimals stood in the text (negative for `12e3`)."""

    value: float
    decimals: int

    @property
    def half_unit(self) -> float:
        """Half of the last printed place: the true value lies within `value ± half_unit`."""
        return 0.5 * 10.0 ** (-self.decimals)

    def agrees(self, other: Printed) -> bool:
        """Whether both can be printings of one number, at the coarser of the two precisions."""
        # 1.01 instead of 1: 0.5 units of the last place, plus floating-point dust of the subtraction.
        return abs(self.value - other.value) <= 1.01 * max(self.half_unit, other.half_unit)

    def states(self, printed: Printed) -> bool:
        """Whether a person who states this number can have taken it from `printed`: rounded, cut off, or a digit lost."""
        if self.agrees(printed) or abs(self.value - printed.value) <= SAME_VALUE:
            return True
        unit = 2 * self.half_unit
        return 4 <= self.decimals < printed.decimals and -1e-9 <= printed.value - self.value < unit


SAME_VALUE = 2e-6
"""Two printings this close are one value: a digit lost or rounded twice is no contradiction."""


class Reading(NamedTuple):
    """One printed bits-per-byte value, with the loss of the same line where there is one.

    `label` is the stage, without timestamps and rank prefixes; `printed_label` is the text in front of the pair as
    it stands. `line` is 1-based. `val_loss` is in nats per token as far as the log is right.
    """

    line: int
    label: str
    printed_label: str
    kind: ReadingKind
    val_bpb: Printed
    val_loss: Printed | None
    loss_key: str = ""
    bpb_key: str = ""
    approximate: bool = False
    """Printed with `≈` or `~`: an estimate, no evidence about bytes."""
    eval_seconds: float | None = None
    tokens: int | None = None
    """Scored tokens printed on the same line."""
    bytes: int | None = None
    """Scored bytes printed on the same line."""

    @property
    def is_pair(self) -> bool:
        """Whether the line holds a loss and a bits-per-byte value."""
        return self.val_loss is not None

    @property
    def diagnostic(self) -> bool:
        """Whether this line can not be the score by what it says of itself."""
        return self.kind is not ReadingKind.FINAL

    @property
    def bytes_per_token(self) -> float | None:
        """`val_loss / (ln 2 x val_bpb)`, None without a pair of positive finite numbers."""
        loss = self.val_loss
        if loss is None or not 0 < loss.value < 1e6 or not 0 < self.val_bpb.value < 1e6:
            return None
        return loss.value / (LN2 * self.val_bpb.value)

    @property
    def bytes_per_token_interval(self) -> tuple[float, float] | None:
        """Lowest and highest bytes per token the printed decimals allow."""
        loss, bpb = self.val_loss, self.val_bpb
        if loss is None or self.bytes_per_token is None:
            return None
        low = max(loss.value - loss.half_unit, 0.0) / (LN2 * (bpb.value + bpb.half_unit))
        smallest = bpb.value - bpb.half_unit
        high = (loss.value + loss.half_unit) / (LN2 * smallest) if smallest > 0 else float("inf")
        return low, high


class SizeKind(StrEnum):
    """What a printed size is the size of."""

    MODEL = "model"
    CODE = "code"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class SizeLine:
    """One printed size. `variant` names the compressor or form ("int6+zstd", "uncompressed"), "" when plain."""

    kind: SizeKind
    variant: str
    size_bytes: int
    line: int


class Ending(StrEnum):
    """How the run in the log ended."""

    COMPLETE = "complete"
    """A final evaluation is printed."""
    CRASHED = "crashed"
    """An exception, a signal or lack of memory, and no final evaluation after it."""
    TRUNCATED = "truncated"
    """Training lines, then nothing: no final evaluation."""
    NO_RUN = "no_run"
    """No training line and no evaluation: not a training log, or an empty one."""


class Hyperparameter(NamedTuple):
    """One printed setting; `value` is the text as printed."""

    name: str
    value: str
    line: int


class UncountedWork(NamedTuple):
    """A line which says that work is not in the time that is printed; `seconds` where it says how much."""

    line: int
    text: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """The line that counts, and why that one; `alternatives` are lines with as good a claim, or nearly."""

    reading: Reading
    why: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a log says of its run beside scores and sizes."""

    train_seconds: float | None = None
    steps: int | None = None
    max_steps: int | None = None
    step_avg_ms: float | None = None
    stop_reason: str = ""
    seed: int | None = None
    seed_source: str = ""
    """"log" or "name"; "" when there is no seed."""
    seeds: tuple[int, ...] = ()
    """Every seed printed, in order: more than one means several runs in one log."""
    runs: int = 1
    """Runs found in the log."""
    world_size: int | None = None
    vocab_size: int | None = None
    val_tokens: int | None = None
    val_bytes: int | None = None
    train_shards: int | None = None
    dataset: str = ""
    tokenizer_path: str = ""
    model_params: int | None = None
    peak_memory_mib: int | None = None
    wallclock_cap_seconds: float | None = None
    hyperparameters: tuple[Hyperparameter, ...] = ()
    uncounted: tuple[UncountedWork, ...] = ()
    """Work that the log itself says is outside of its clock."""


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """Everything `parse_log` reads. Absent facts are None or empty, never guessed."""

    name: str
    sha256: str
    """Of the bytes that were read."""
    size_bytes: int
    lines: int
    encoding: str
    readings: tuple[Reading, ...]
    score: Score | None
    no_score: str
    """Why there is no score line ("" when there is one)."""
    ending: Ending
    ending_reason: str
    ending_line: int
    sizes: tuple[SizeLine, ...] = ()
    model_bytes: int | None = None
    code_bytes: int | None = None
    total_bytes: int | None = None
    eval_seconds: float | None = None
    """Seconds of the evaluation that gave the score, where its line says so."""
    eval_seconds_sum: float | None = None
    """Seconds of all printed evaluations after training."""
    run: RunFacts = RunFacts()
    nan_lines: int = 0
    """Readings whose value is not a finite number."""
    lines_dropped: int = 0
    """Bits-per-byte values that the bounds left out."""
    source_lines: int = 0
    """Lines of source listing that were skipped."""
    notes: tuple[str, ...] = ()
    """Tripped bounds and oddities of the file."""

    @property
    def pairs(self) -> tuple[Reading, ...]:
        """Readings that hold both a loss and a bits-per-byte value."""
        return tuple(r for r in self.readings if r.is_pair)

    @property
    def finals(self) -> tuple[Reading, ...]:
        """Readings that can be the score by what they say of themselves."""
        return tuple(r for r in self.readings if r.kind is ReadingKind.FINAL)
