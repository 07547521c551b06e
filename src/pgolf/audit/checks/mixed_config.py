"""The seeds of one claim were run with different settings.

Compared are the settings that every claimed log prints and the script knows by name; what differs by nature (seeds,
paths, run ids, times, sizes) is left out, and so is what a log prints as a measurement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Confidence, Finding, Severity

_BY_NATURE = re.compile(
    r"^val_(?:bpb|loss)|batch_stride|kind|_id$|seed|path|dir|run_?id|logfile|log_file|file|time|date|rank|host|name|uuid|port|device|prefix|out|bytes|size_mb|version|commit|cwd|wandb",
    re.IGNORECASE,
)

_SETTING = re.compile(r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    logs = [log for log in evidence.by_seed().values() if log.states]
    if len(logs) < 2:
        return
    source = evidence.source
    settings = [
        {
            h.name: h.value
            for h in log.metrics.run.hyperparameters
            if _SETTING.match(h.name)
            and not _BY_NATURE.search(h.name)
            and (h.name in source or h.name.upper() in source)
        }
        for log in logs
    ]
    shared = set.intersection(*(set(s) for s in settings))
    different = sorted(name for name in shared if len({s[name] for s in settings}) > 1)
    if not different:
        return
    first = different[0]
    said = ", ".join(f"{s[first][:40]} ({log.path})" for s, log in zip(settings, logs, strict=True))
    message = (
        f"{len(different)} setting{'s differ' if len(different) > 1 else ' differs'} between the seeds: "
    )
    message += f"{', '.join(different[:8])}; {first} is {said}"
    yield Finding("mixed-config", Severity.WARNING, Confidence.PROVED, message[:1200])


MIXED_CONFIG = Check("mixed-config", "Seeds of different settings are put together", inspect)
