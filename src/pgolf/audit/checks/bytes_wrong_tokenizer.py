"""Shards of one tokenizer, tables of another. The tokens were made by one vocabulary and sized by another."""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.byte_defects import byte_defects
from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    yield from (f for f in byte_defects(evidence) if f.rule == "bytes-wrong-tokenizer")


BYTES_WRONG_TOKENIZER = Check("bytes-wrong-tokenizer", "Shards of one tokenizer, tables of another", inspect)
