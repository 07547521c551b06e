"""Step and loss out of a trainer's output as it streams by, and the line that shows them."""

from __future__ import annotations

import re

_TAIL_BYTES = 4096
_STEP = re.compile(rb"(?:^|[\s\[(])(?:step|iter|iteration)?[:= ]{0,2}(\d{1,9})/(\d{1,9})\b")
_PLAIN_STEP = re.compile(rb"\b(?:step|iter|iteration)[:= ]{1,2}(\d{1,9})\b")
_LOSS = re.compile(rb"\b(train_loss|val_loss|loss)[:= ]{1,2}(\d{1,4}\.\d{1,8})")


class Progress:
    """The last step and loss seen. Reads whole lines only, and at most the last 4 KiB of one."""

    def __init__(self) -> None:
        self.step: int | None = None
        self.steps: int | None = None
        self.loss_name = ""
        self.loss: float | None = None
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Read the lines that `chunk` completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[-_TAIL_BYTES:]
        for line in lines:
            self._read(line[-_TAIL_BYTES:])

    def _read(self, line: bytes) -> None:
        if b"warmup" in line:
            return
        loss = _LOSS.search(line)
        if loss is None:
            return
        self.loss_name, self.loss = loss[1].decode(), float(loss[2])
        if step := _STEP.search(line):
            self.step, self.steps = int(step[1]), int(step[2])
        elif step := _PLAIN_STEP.search(line):
            self.step = int(step[1])

    def render(self, seconds: float, cap_seconds: float, usd_per_second: float, held_usd: float) -> str:
        """`step 500/20000 | train_loss 3.3445 | 0:52 of 10:00, 9:08 left | 0.36 of 4.12 USD`."""
        parts = []
        if self.step is not None:
            parts.append(f"step {self.step}" + (f"/{self.steps}" if self.steps else ""))
        if self.loss is not None:
            parts.append(f"{self.loss_name} {self.loss:.4f}")
        left = max(cap_seconds - seconds, 0.0)
        parts.append(f"{_clock(seconds)} of {_clock(cap_seconds)}, {_clock(left)} left")
        parts.append(f"{seconds * usd_per_second:.2f} of {held_usd:.2f} USD")
        return " | ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
