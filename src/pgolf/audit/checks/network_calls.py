"""The script reaches for the network.

A run that downloads something while it is timed or scored cannot be repeated from the artifact alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.source_lines import find_code_line
from pgolf.core.finding import Confidence, Finding, Severity

_CODE = re.compile(
    r"(?m)^[ \t]{0,40}(?:import|from)[ \t]{1,4}"
    r"(?:requests|urllib\.request|http\.client|aiohttp|httpx|socket|ftplib|paramiko|boto3)\b"
    r"|\b(?:hf_hub_download|snapshot_download|urlretrieve|urlopen)[ \t]{0,4}\("
)
_WORDS = (
    "requests",
    "urllib",
    "http.client",
    "aiohttp",
    "httpx",
    "socket",
    "ftplib",
    "paramiko",
    "boto3",
    "_download",
    "urlretrieve",
    "urlopen",
)


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    line = find_code_line(evidence, _CODE, _WORDS)
    if line:
        message = "code that can reach the network: present, not shown to run"
        yield Finding(
            "network-calls", Severity.NOTE, Confidence.POSSIBLE, message, evidence.choice.path or "", line
        )


NETWORK_CALLS = Check("network-calls", "The script reaches for the network", inspect)
