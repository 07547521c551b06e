"""The seeds of one claim were run with different settings.

Compared are the hyperparameters that every claimed log prints; names that differ by nature (seeds, paths, run ids,
times, ranks) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Confidence, Finding, Severity

_BY_NATURE = re.compile(
    r"seed|path|dir|run_?id|logfile|log_file|file|time|date|rank|host|name|uuid|port|device|prefix|out|version|commit|cwd|wandb",
    re.IGNORECASE,
)


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    logs = [log for log in evidence.by_seed().values() if log.states]
    if len(logs) < 2:
        return
    settings = [
        {h.name: h.value for h in log.metrics.run.hyperparameters if not _BY_NATURE.search(h.name)}
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
