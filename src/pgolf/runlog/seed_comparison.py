"""Logs of several seeds against each other: one claim means one script, one setting, one evaluation.

The sharpest of these needs no script: the same stage of the same script scores the same tokens in every seed, so its
implied bytes per token are equal to the last printed digit. Over the contest, 692 of 701 submissions with several logs
agree within 0.01 %.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.profile import Profile
from pgolf.runlog.metrics import Hyperparameter, Reading, RunMetrics

SAME_STAGE_FRACTION = 5e-4
"""Bytes per token of one stage differ by less between seeds, else a number was not computed from its neighbour."""
_BY_NATURE = re.compile(
    r"^val_(?:bpb|loss)|batch_stride|kind|_id$|seed|path|dir|run_?id|log_?file|file|time|date|rank|host|name|uuid|port"
    r"|device|prefix|out|bytes|size_mb|version|commit|cwd|wandb",
    re.I,
)
"""Names of what differs between runs by nature: seeds, paths, times, sizes, measurements."""
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
    return (*_stages(logs, profile), *_settings(logs), *code_size_findings([(log.name, log) for log in logs]))


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


def differing_settings(
    logs: Sequence[RunMetrics], known: Callable[[str], bool] = lambda _: True
) -> dict[str, tuple[Hyperparameter, ...]]:
    """{name: the setting in each log} of the settings that all logs print and that differ, but for what does by nature."""
    printed = [
        {h.name: h for h in log.run.hyperparameters if not _BY_NATURE.search(h.name) and known(h.name)}
        for log in logs
    ]
    if len(printed) < 2:
        return {}
    shared = [name for name in printed[0] if all(name in settings for settings in printed[1:])]
    return {
        name: tuple(settings[name] for settings in printed)
        for name in shared
        if len({settings[name].value for settings in printed}) > 1
    }


def settings_finding(
    different: dict[str, tuple[Hyperparameter, ...]], paths: Sequence[str]
) -> tuple[Finding, ...]:
    """One finding that names the first settings which differ, with the values of the first one in every log."""
    if not different:
        return ()
    name, values = next(iter(different.items()))
    said = ", ".join(f"{h.value[:40]} ({path})" for h, path in zip(values, paths, strict=True))
    message = (
        f"{len(different)} printed setting{'s differ' if len(different) > 1 else ' differs'} between the logs: "
        f"{', '.join(list(different)[:8])}; {name} is {said}"
    )
    return (
        Finding(
            "mixed-config", Severity.WARNING, Confidence.PROVED, message[:1200], paths[-1], values[-1].line
        ),
    )


def _settings(logs: Sequence[RunMetrics]) -> tuple[Finding, ...]:
    printing = [log for log in logs if log.run.hyperparameters]
    return settings_finding(differing_settings(printing), [log.name for log in printing])


def code_size_findings(logs: Sequence[tuple[str, RunMetrics]]) -> tuple[Finding, ...]:
    """One finding where logs, given with their paths, print different code sizes."""
    sizes: dict[int, str] = {}
    for path, log in logs:
        if log.code_bytes is not None:
            sizes.setdefault(log.code_bytes, path)
    if len(sizes) < 2:
        return ()
    shown = ", ".join(f"{size:,} ({path})" for size, path in list(sizes.items())[:6])
    message = f"the logs print different code sizes: {shown}; not all come from one script"
    return (
        Finding(
            "log-code-mismatch", Severity.WARNING, Confidence.PROVED, message, next(iter(sizes.values()))
        ),
    )
