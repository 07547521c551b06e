"""The seeds of one claim were run with different settings.

Compared are the settings that every claimed log prints and the script knows by name; what differs by nature (seeds,
paths, run ids, times, sizes) is left out, and so is what a log prints as a measurement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding
from pgolf.runlog.seed_comparison import differing_settings, settings_finding

_SETTING = re.compile(r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    logs = [log for log in evidence.by_seed().values() if log.states]
    source = evidence.source

    def known(name: str) -> bool:
        return _SETTING.match(name) is not None and (name in source or name.upper() in source)

    different = differing_settings([log.metrics for log in logs], known)
    yield from settings_finding(different, [log.path for log in logs])


MIXED_CONFIG = Check("mixed-config", "Seeds of different settings are put together", inspect)
