"""What a worker may be asked about a script for the audit: runs in the confined child, answers JSON."""

from __future__ import annotations

import gc
from typing import Any

from pgolf.audit.script_facts import ScriptFacts, vocabulary_from_json
from pgolf.audit.source_layers import source_layers
from pgolf.core.script_report import SourceLayer
from pgolf.untrusted.isolated import script_of
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.unwrap import may_wrap, unwrap

MAX_SOURCE_CHARS = 4_000_000
MAX_SETTINGS = 1_000

# Trees and closures are kept across scripts and hold no cycle; evaluations are taken apart when they are done. So there is
# next to nothing for the collector to find, and much to look through: what is kept is set aside after each script.
gc.set_threshold(200_000, 20, 50)
_MOST_NEW_OBJECTS = 120_000
"""From here on it is worth to look for cycles of a script's own."""


_audited = False


def _set_aside() -> None:
    """Before a script, what the ones before it have left: a process that audits one script alone pays nothing."""
    global _audited
    if _audited:
        from pgolf.untrusted.program import evaluations_alive

        if evaluations_alive() or gc.get_count()[0] > _MOST_NEW_OBJECTS:
            gc.collect()
        gc.freeze()
    _audited = True


def audit_script_facts(payload: dict[str, Any], blobs: dict[str, bytes]) -> dict[str, Any]:
    """`ScriptFacts` of `blobs["script"]` as a mapping: tables, loop, byte source, and the code that packing hid.

    With `payload["vocabulary"]` the proof is over its every token, and the script's tables are part of the answer.
    """
    from pgolf.audit.script_audit import audit_script

    _set_aside()
    limits = Limits(**payload["limits"]) if "limits" in payload else DEFAULT_LIMITS
    script = script_of(payload, blobs)
    vocabulary = vocabulary_from_json(payload["vocabulary"]) if "vocabulary" in payload else None
    found = audit_script(script, vocabulary, limits, payload.get("settings"))
    source = ""
    layers: tuple[SourceLayer, ...] = ()
    if found.packed_layers and may_wrap(script.data):
        unwrapped = unwrap(script, limits)
        source = unwrapped.source.decode("utf-8", "replace")[:MAX_SOURCE_CHARS]
        layers = source_layers(unwrapped)
    return ScriptFacts(
        lut_status=found.lut_status,
        deviations=found.deviations,
        byte_source=found.byte_source,
        eval_status=found.eval_status,
        packed_layers=found.packed_layers,
        evidence=found.evidence,
        findings=found.findings,
        notes=found.notes,
        reason=found.reason,
        eval_reason=found.eval_reason,
        line=found.builder_line,
        source=source,
        layers=layers,
        tables=None if vocabulary is None else found.tables,
        flow=found.flow,
        environment=tuple(sorted(found.environment.items()))[:MAX_SETTINGS],
    ).to_json()
