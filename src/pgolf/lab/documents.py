"""The lab's JSON documents: `version`, `kind`, `tool` and the body; their schemas ship in `pgolf.report.schemas`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pgolf import __version__
from pgolf.report.json_document import DOCUMENT_VERSION, indented


def document(kind: str, body: Mapping[str, Any]) -> str:
    """Strict ASCII JSON of kind `lab_…`, with a final newline; nan never appears."""
    head = {"version": DOCUMENT_VERSION, "kind": kind, "tool": {"name": "pgolf", "version": __version__}}
    return indented({**head, **body})
