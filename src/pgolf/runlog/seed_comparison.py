"""Logs of several seeds against each other: one claim means one script, one setting, one evaluation.

The sharpest of these needs no script: the same stage of the same script scores the same tokens in every seed, so its
implied bytes per token are equal to the last printed digit. Over the contest, 692 of 701 submissions with several logs
agree within 0.01 %.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.profile import Profile
from pgolf.runlog.metrics import Reading, RunMetrics

SAME_STAGE_FRACTION = 5e-4
"""Bytes per token of one stage differ by less between seeds, else a number was not computed from its neighbour."""
_BY_NATURE = re.compile(
    r"seed|path|dir|run_?id|log_?file|file|time|date|rank|host|name|uuid|port|device|prefix|out|version|commit|cwd|wandb",
    re.I,
)
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class _Stage:
    log: str
    reading: Reading
    low: float
    high: float


def compare_seeds(logs: Sequence[RunMetrics], profile: Profile) -> tuple[Finding, ...]:
    """Findings that only several logs together give; () for one log."""
    if len({log.sha256 for log in logs}) < 2:
        return ()
    return (*_stages(logs, profile), *_settings(logs), *_code_sizes(logs))


def _stages(logs: Sequence[RunMetrics], profile: Profile) -> list[Finding]:
    """Stages whose bytes per token differ between logs of the same validation tokens."""
    by_stage: dict[tuple[str, int | None], list[_Stage]] = {}
    for log in logs:
        for reading in log.finals:
            interval = reading.bytes_per_token_interval
            if interval is not None and interval[1] / interval[0] - 1 < SAME_STAGE_FRACTION / 2:
                key = _DIGITS.sub("#", reading.label), log.run.val_tokens
                by_stage.setdefault(key, []).append(_Stage(log.name, reading, *interval))
    findings: list[Finding] = []
    for (label, _), stages in by_stage.items():
        if len({stage.log for stage in stages}) < 2:
            continue
        lowest, highest = min(stages, key=lambda s: s.high), max(stages, key=lambda s: s.low)
        spread = highest.low / lowest.high - 1
        if spread <= SAME_STAGE_FRACTION or lowest.log == highest.log:
            continue
        rule = "log-stages-disagree" if spread > profile.validation.fail_fraction else "log-arithmetic"
        message = (
            f"{label}: {lowest.reading.bytes_per_token:.5f} bytes per token in {lowest.log} (line {lowest.reading.line}),"
            f" {highest.reading.bytes_per_token:.5f} in {highest.log} (line {highest.reading.line}),"
            f" {100 * spread:.3f} % apart; one stage on one split has one value"
        )
        findings.append(
            Finding(rule, Severity.WARNING, Confidence.PROVED, message, highest.log, highest.reading.line)
        )
    return findings[:10]


def _settings(logs: Sequence[RunMetrics]) -> list[Finding]:
    """Settings that every log prints and that differ, but for those that differ by nature."""
    printed = [
        {h.name: h for h in log.run.hyperparameters if not _BY_NATURE.search(h.name)}
        for log in logs
        if log.run.hyperparameters
    ]
    if len(printed) < 2:
        return []
    shared = [name for name in printed[0] if all(name in settings for settings in printed[1:])]
    different = [name for name in shared if len({settings[name].value for settings in printed}) > 1]
    if not different:
        return []
    shown = "; ".join(
        f"{name}: {', '.join(dict.fromkeys(settings[name].value[:40] for settings in printed))}"
        for name in different[:6]
    )
    message = f"{len(different)} printed setting{'s differ' if len(different) > 1 else ' differs'} between the logs ({shown})"
    line = printed[-1][different[0]].line
    return [Finding("mixed-config", Severity.WARNING, Confidence.PROVED, message[:1000], logs[-1].name, line)]


def _code_sizes(logs: Sequence[RunMetrics]) -> list[Finding]:
    sizes = {log.name: log.code_bytes for log in logs if log.code_bytes is not None}
    if len(set(sizes.values())) < 2:
        return []
    shown = ", ".join(f"{size:,} ({name})" for name, size in list(sizes.items())[:6])
    message = (
        f"the printed code size differs between the logs: {shown}; they were not made by the same script"
    )
    return [Finding("log-code-mismatch", Severity.WARNING, Confidence.PROVED, message, next(iter(sizes)))]
