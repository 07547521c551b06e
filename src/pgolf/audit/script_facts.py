"""What the audit of a whole submission needs of the audit of its script, fetched from a confined child process.

The child (`pgolf.untrusted.worker`) unwraps and evaluates; here its answer becomes `ScriptFacts`. A child that is stopped
by a bound or dies is an UNKNOWN with that reason, and the next script gets a new child.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pgolf.core.deviation import Deviation, DeviationName
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.luts import LookupTables
from pgolf.core.script_report import SourceLayer
from pgolf.core.token_flow import NO_FLOW, LateKind, LateScore, TokenFlow
from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus
from pgolf.errors import LimitTripped
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.script import Script
from pgolf.untrusted.worker import Answer, Worker, WorkerError

TARGET = "pgolf.audit.isolated:audit_script_facts"
PRELOAD = (
    "pgolf.audit.isolated",
    "pgolf.audit.script_audit",
    "pgolf.audit.unpacked",
    "pgolf.untrusted.expressions",
    "pgolf.untrusted.statements",
)
"""What the child needs for nearly every script."""
MAX_SIBLINGS = 64
MAX_SIBLING_BYTES = 48_000_000


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """The facts about a script that decide a submission; `reason` and `eval_reason` say why something is UNKNOWN."""

    lut_status: LutStatus
    deviations: tuple[Deviation, ...] = ()
    byte_source: ByteSource = ByteSource.UNKNOWN
    eval_status: EvalStatus = EvalStatus.UNKNOWN
    packed_layers: tuple[str, ...] = ()
    evidence: str = ""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    eval_reason: str = ""
    line: int = 0
    """Line of the builder, 0 where none was found."""
    source: str = ""
    """The code as it runs, where the script was packed; "" where it lies open."""
    layers: tuple[SourceLayer, ...] = ()
    tables: LookupTables | None = None
    """The script's own tables, where they were evaluated on a vocabulary that was given."""
    flow: TokenFlow = NO_FLOW
    environment: tuple[tuple[str, str], ...] = ()
    """Environment variables that the script reads, with their defaults as text."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return {
            **{name: getattr(self, name) for name in ("evidence", "reason", "eval_reason", "line", "source")},
            "lut_status": self.lut_status.value,
            "byte_source": self.byte_source.value,
            "eval_status": self.eval_status.value,
            "packed_layers": list(self.packed_layers),
            "notes": list(self.notes),
            "deviations": [{**asdict(d), "name": d.name.value} for d in self.deviations],
            "findings": [asdict(finding) for finding in self.findings],
            "layers": [asdict(layer) for layer in self.layers],
            "tables": None if self.tables is None else _tables_to_json(self.tables),
            "flow": {
                **asdict(self.flow),
                "late": [{**asdict(f), "kind": f.kind.value} for f in self.flow.late],
            },
            "environment": [list(item) for item in self.environment],
        }


def _tables_to_json(tables: LookupTables) -> dict[str, Any]:
    return {
        "base_bytes": tables.base_bytes,
        "has_leading_space": [int(flag) for flag in tables.has_leading_space],
        "is_boundary": [int(flag) for flag in tables.is_boundary],
    }


def _tables_from_json(data: dict[str, Any]) -> LookupTables:
    sizes = tuple(data["base_bytes"])
    if any(type(size) not in (int, float) for size in sizes):
        raise ValueError("a byte length is no number")
    flags = [tuple(bool(flag) for flag in data[name]) for name in ("has_leading_space", "is_boundary")]
    return LookupTables(sizes, *flags)


def _flow_from_json(data: dict[str, Any]) -> TokenFlow:
    return TokenFlow(
        late=tuple(
            LateScore(**{**f, "kind": LateKind(f["kind"]), "prints": tuple(map(str, f["prints"]))})
            for f in data["late"]
        ),
        score_first=tuple((str(name), int(line)) for name, line in data["score_first"]),
        entered=tuple((int(first), int(last)) for first, last in data["entered"]),
        complete=bool(data["complete"]),
        labels=tuple(map(str, data["labels"])),
        other_files=bool(data["other_files"]),
    )


def _vocabulary_to_json(vocabulary: Vocabulary) -> dict[str, Any]:
    special = {
        name: getattr(vocabulary, name) for name in ("name", "unk_id", "bos_id", "eos_id", "pad_id", "sha256")
    }
    return {**special, "pieces": [(piece.text, piece.kind, piece.score) for piece in vocabulary.pieces]}


def vocabulary_from_json(data: dict[str, Any]) -> Vocabulary:
    """The vocabulary that `audit_script` sent to the child."""
    kinds = {int(kind): kind for kind in PieceKind}
    pieces = tuple(Piece(text, kinds[kind], score) for text, kind, score in data["pieces"])
    return Vocabulary(**{**data, "pieces": pieces})


def facts_from_json(data: dict[str, Any]) -> ScriptFacts:
    """The inverse of `ScriptFacts.to_json`."""
    return ScriptFacts(
        lut_status=LutStatus(data["lut_status"]),
        deviations=tuple(Deviation(**{**d, "name": DeviationName(d["name"])}) for d in data["deviations"]),
        byte_source=ByteSource(data["byte_source"]),
        eval_status=EvalStatus(data["eval_status"]),
        packed_layers=tuple(data["packed_layers"]),
        evidence=data["evidence"],
        findings=tuple(
            Finding(**{**f, "severity": Severity(f["severity"]), "confidence": Confidence(f["confidence"])})
            for f in data["findings"]
        ),
        notes=tuple(data["notes"]),
        reason=data["reason"],
        eval_reason=data["eval_reason"],
        line=data["line"],
        source=data["source"],
        layers=tuple(SourceLayer(**layer) for layer in data["layers"]),
        tables=_tables_from_json(data["tables"]) if data.get("tables") else None,
        flow=_flow_from_json(data["flow"]) if data.get("flow") else NO_FLOW,
        environment=tuple((str(name), str(value)) for name, value in data.get("environment", ())),
    )


_here = threading.local()


def _worker(limits: Limits) -> Worker:
    """This thread's child process, made when it is first needed and ended with the process."""
    kept: tuple[Limits, Worker] | None = getattr(_here, "worker", None)
    if kept is not None and kept[0] == limits:
        return kept[1]
    if kept is not None:
        kept[1].close()
    worker = Worker(limits, preload=PRELOAD)
    atexit.register(worker.close)
    _here.worker = (limits, worker)
    return worker


def start_child(limits: Limits) -> None:
    """Start this thread's child process, so that it is ready when `audit_script` has work for it."""
    # What keeps it from starting is said where it is needed.
    with contextlib.suppress(WorkerError):
        _worker(limits).start()


def audit_script(
    script: Script,
    limits: Limits,
    vocabulary: Vocabulary | None = None,
    settings: Mapping[str, str] | None = None,
) -> ScriptFacts:
    """The audit of one script in a confined child, on every token of `vocabulary` where one is given.

    `settings`: environment variables of the run. Never raises on content.
    """
    try:
        blobs = {"script": script.data, **_siblings(script)}
        payload: dict[str, Any] = {"path": script.path, "limits": asdict(limits)}
        if settings:
            payload["settings"] = dict(settings)
        if vocabulary is not None:
            payload["vocabulary"] = _vocabulary_to_json(vocabulary)
        answer = _worker(limits).call(TARGET, payload, blobs)
    except WorkerError as error:
        return ScriptFacts(LutStatus.UNKNOWN, reason=f"no isolated process could be started: {error}")
    if not isinstance(answer, Answer):
        return ScriptFacts(LutStatus.UNKNOWN, reason=f"its evaluation was stopped: {answer.reason}")
    try:
        return facts_from_json(answer.value)
    except (KeyError, TypeError, ValueError) as error:
        return ScriptFacts(LutStatus.UNKNOWN, reason=f"the isolated process gave no usable answer: {error}")


def _siblings(script: Script) -> dict[str, bytes]:
    """Files beside the script that it may import, execute or load: Python, and what it names."""
    found: dict[str, bytes] = {}
    total = 0
    for name in script.siblings.names():
        base = name.rpartition("/")[2]
        if name == script.path or not base or len(found) >= MAX_SIBLINGS:
            continue
        if not base.endswith(".py") and base.encode("utf-8", "replace") not in script.data:
            continue
        try:
            data = script.siblings.read(name)
        except LimitTripped:
            continue
        if data is None or total + len(data) > MAX_SIBLING_BYTES:
            continue
        total += len(data)
        found[f"sibling:{name}"] = data
    return found
