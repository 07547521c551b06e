"""Settings of the run that was claimed, where they differ from the script's defaults: what was switched on or off.

Only settings that decide what happens to validation tokens (test-time training, per-window fits, caches) and where their bytes
come from: a log's own words first, then the commands of README and launchers. Sizes stay those of the scaled-down evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pgolf.runlog.metrics import RunMetrics

DECIDES = re.compile(
    r"ttt|slot|n_?gram|cache|adapt|two_?pass|rescore|mixer|hedge|prequant|lora|online|dyn_?eval|prefix",
    re.IGNORECASE,
)
"""Words of settings and labels that say what happens to validation tokens."""
COUNTS = re.compile(r"case_?ops|side_?car|val_?bytes|byte_?count", re.IGNORECASE)
"""Words of settings that say where the bytes of targets come from."""
_GIVEN = re.compile(r"(?<![\w.$-])([A-Z][A-Z0-9_]{2,60})=([\w.+-]{1,40})(?![\w=(\[])", re.ASCII)
_TRUTHS = {"true": "1", "false": "0", "yes": "1", "no": "0", "on": "1", "off": "0", "none": ""}
MAX_SETTINGS = 64


@dataclass(frozen=True, slots=True)
class RunSetting:
    """One environment variable of the run, as text, and the file that says so."""

    name: str
    value: str
    path: str
    printed: bool
    """Whether a log prints it; else a command in README or a launcher gives it."""


def plain_value(text: str) -> str:
    """A printed setting as an environment variable would hold it: `True` is `1`, `2.0` is `2`."""
    text = text.strip().strip("'\",")
    lowered = _TRUTHS.get(text.lower())
    if lowered is not None:
        return lowered
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else str(number)


def run_settings(
    environment: Sequence[tuple[str, str]],
    logs: Iterable[tuple[str, RunMetrics]],
    texts: Mapping[str, str],
) -> tuple[RunSetting, ...]:
    """Settings that the claimed logs print, or the commands give, with another value than the script's default.

    `environment`: variables the script reads, with their defaults. Where files disagree, nothing is taken.
    """
    defaults = {
        name: plain_value(value) for name, value in environment if DECIDES.search(name) or COUNTS.search(name)
    }
    if not defaults:
        return ()
    by_lower = {name.lower(): name for name in defaults}
    printed: dict[str, dict[str, str]] = {}
    for path, metrics in logs:
        for item in metrics.run.hyperparameters:
            name = by_lower.get(item.name.lower().rpartition(".")[2])
            if name is not None:
                printed.setdefault(name, {}).setdefault(plain_value(item.value), path)
    given: dict[str, dict[str, str]] = {}
    for path, text in texts.items():
        for match in _GIVEN.finditer(text):
            name = match[1]
            if name in defaults and name not in printed:
                given.setdefault(name, {}).setdefault(plain_value(match[2]), path)
    found: list[RunSetting] = []
    for name, default in defaults.items():
        for values, by_log in ((printed.get(name), True), (given.get(name), False)):
            if values is not None and len(values) == 1:
                value, path = next(iter(values.items()))
                # A README may show the command of a comparison with something left out; what a log prints is the run.
                if value != default and value and (by_log or value != "0"):
                    found.append(RunSetting(name, value, path, by_log))
    return tuple(found[:MAX_SETTINGS])
