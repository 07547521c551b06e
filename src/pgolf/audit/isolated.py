"""What a worker may be asked about a script for the audit: runs in the confined child, answers JSON."""

from __future__ import annotations

import gc
import importlib
from typing import Any

from pgolf.audit.script_facts import ScriptFacts, vocabulary_from_json
from pgolf.audit.source_layers import source_layers
from pgolf.core.script_report import SourceLayer
from pgolf.core.verdict import LutStatus
from pgolf.untrusted.isolated import script_of
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.unwrap import may_wrap, unwrap

MAX_SOURCE_CHARS = 4_000_000
MAX_SETTINGS = 1_000

# What one evaluation leaves behind are cycles for the collector; what is kept (trees and closures) has none and would
# only be looked through again and again. So it is set aside every few scripts, when the garbage has just been collected.
gc.set_threshold(200_000, 20, 50)
_SCRIPTS_BETWEEN_COLLECTIONS = 4
_scripts = 0


def _collect() -> None:
    global _scripts
    _scripts += 1
    if _scripts % _SCRIPTS_BETWEEN_COLLECTIONS == 0:
        gc.collect()
        gc.freeze()


def audit_script_facts(payload: dict[str, Any], blobs: dict[str, bytes]) -> dict[str, Any]:
    """`ScriptFacts` of `blobs["script"]` as a mapping: tables, loop, byte source, and the code that packing hid.

    With `payload["vocabulary"]` the proof is over its every token, and the script's tables are part of the answer.
    """
    limits = Limits(**payload["limits"]) if "limits" in payload else DEFAULT_LIMITS
    script = script_of(payload, blobs)
    try:
        engine = importlib.import_module("pgolf.audit.script_audit")
    except ModuleNotFoundError:
        return ScriptFacts(
            LutStatus.UNKNOWN, reason="this build has no engine that evaluates scripts"
        ).to_json()
    vocabulary = vocabulary_from_json(payload["vocabulary"]) if "vocabulary" in payload else None
    found = engine.audit_script(script, vocabulary, limits, payload.get("settings"))
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
