"""The one-script tool: classify a script's tables, count a stream, correct a reported score (SPEC 4).

The published keys and their meanings are kept stable. The older ones know the "+1" ratio only; `exact_…` are the correction
with the script's own tables, all deviations at once. What could not be proved is null, and `notes` say why.

Imports stay lean: this is a tool for a shell loop, and NumPy comes in only where tokens are counted.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from pgolf.audit.compare import NO_EFFECT
from pgolf.core.deviation import Deviation, DeviationName
from pgolf.core.finding import Finding
from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.profile import load_profile
from pgolf.core.tokenizer import Vocabulary
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus
from pgolf.errors import PgolfError, UsageError
from pgolf.exits import Exit
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.tokens.windows import ScoringMode, Windows

if TYPE_CHECKING:
    from pgolf.audit.inflation import Inflation, NotComputed
    from pgolf.tokens.statistics import StreamStatistics


class AuditedScript(Protocol):
    """What this tool needs of the audit of one script (`pgolf.audit.script_audit.ScriptAudit` has it)."""

    @property
    def lut_status(self) -> LutStatus: ...
    @property
    def deviations(self) -> tuple[Deviation, ...]: ...
    @property
    def byte_source(self) -> ByteSource: ...
    @property
    def eval_status(self) -> EvalStatus: ...
    @property
    def packed_layers(self) -> tuple[str, ...]: ...
    @property
    def evidence(self) -> str: ...
    @property
    def tables(self) -> LookupTables | None: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Request:
    """The tool's arguments. Raises UsageError for numbers that mean nothing."""

    train_script: Path
    tokenizer: Path
    val_data: str
    windows: Windows
    mode: ScoringMode = ScoringMode.SLIDING_WINDOW
    reported_bpb: float | None = None
    pr_number: int | None = None
    threshold: float | None = None
    max_val_tokens: int | None = None
    skip_byte_count: bool = False

    def __post_init__(self) -> None:
        for name, value in (("--reported-bpb", self.reported_bpb), ("--threshold", self.threshold)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"{name} {value}: expected a positive number of bits per byte")
        if self.max_val_tokens is not None and self.max_val_tokens < 1:
            raise UsageError(f"--max-val-tokens {self.max_val_tokens}: expected at least 1")


def rescore(
    request: Request,
    audited: AuditedScript,
    vocabulary: Vocabulary,
    counted: Callable[[], StreamStatistics] | None = None,
) -> dict[str, Any]:
    """The published JSON object for one audited script. Raises DataError or UsageError for unusable data.

    `counted` gives counts of the stream that somebody has made already.
    """
    threshold = load_profile().validation.merged_sota_bpb if request.threshold is None else request.threshold
    names = [deviation.name for deviation in audited.deviations]
    notes = list(audited.notes)
    if audited.reason:
        notes.insert(0, f"{audited.lut_status.value}: {audited.reason}")
    counts: dict[str, Any] = dict.fromkeys(
        (
            "canonical_byte_count",
            "buggy_byte_count",
            "leading_space_token_count",
            "scored_token_count",
            "num_windows",
        )
    )
    computed: float | None = None
    exact: Inflation | None = None
    if not request.skip_byte_count:
        counts, computed, exact = _count(request, audited, vocabulary, notes, counted)

    plus_one = DeviationName.LEADING_SPACE_PLUS_ONE in names
    ratio = 1.0 if audited.lut_status is LutStatus.CORRECT else computed if plus_one else None
    others = [name.value for name in names if name is not DeviationName.LEADING_SPACE_PLUS_ONE]
    if plus_one and others:
        notes.append(
            "inflation_ratio covers leading_space_plus_one only; exact_inflation_ratio covers it with "
            + ", ".join(others)
        )
    inferred = _times(request.reported_bpb, ratio)
    result: dict[str, Any] = {
        "pr_number": request.pr_number,
        "script_path": str(request.train_script),
        "lut_status": audited.lut_status.value,
        "lut_bug_detections": [name.value for name in names],
        "detected_bugs_description": "; ".join(_describe(deviation) for deviation in audited.deviations),
        "inflation_ratio_includes": [DeviationName.LEADING_SPACE_PLUS_ONE.value]
        if plus_one and ratio is not None
        else [],
        "reported_bpb": request.reported_bpb,
        "inflation_ratio": ratio,
        "computed_inflation_ratio": computed,
        "inferred_canonical_bpb": inferred,
        "passes_merged_sota_threshold": None if inferred is None else inferred <= threshold,
        "merged_sota_threshold": threshold,
        "seq_len": request.windows.seq_len,
        "stride": request.windows.stride,
        "scoring_mode": request.mode.value,
        **counts,
        "byte_source": audited.byte_source.value,
        "exact_inflation_ratio": None if exact is None else exact.ratio,
        "exact_inferred_canonical_bpb": None if exact is None else _times(request.reported_bpb, exact.ratio),
        "exact_includes": [] if exact is None else [name.value for name in names],
        "candidate_byte_count": None if exact is None else exact.candidate_bytes,
        "eval_status": audited.eval_status.value,
        "packed_layers": list(audited.packed_layers),
        "evidence": audited.evidence,
        "findings": [_finding(finding) for finding in audited.findings],
    }
    if notes:
        result["notes"] = "; ".join(dict.fromkeys(notes))
    return result


def _describe(deviation: Deviation) -> str:
    from pgolf.report.explanations import find_explanation

    page = find_explanation(deviation.name.value)
    summary = deviation.name.value if page is None else page.summary.rstrip(".")
    effect = "; no effect on this tokenizer" if deviation.effect == NO_EFFECT else ""
    return f"{summary} ({deviation.example}{effect})"


def _times(reported: float | None, ratio: float | None) -> float | None:
    return None if reported is None or ratio is None else reported * ratio


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "path": finding.path,
        "line": finding.line,
        "message": finding.message,
    }


def _count(
    request: Request,
    audited: AuditedScript,
    vocabulary: Vocabulary,
    notes: list[str],
    counted: Callable[[], StreamStatistics] | None,
) -> tuple[dict[str, Any], float | None, Inflation | None]:
    from pgolf.audit.inflation import Inflation, plus_one

    canonical = canonical_tables(vocabulary)
    found = _count_stream(request, canonical) if counted is None else counted()
    if audited.tables is not None and not found.covers(audited.tables):
        # Tables with boundaries of their own: count again with predecessors told apart by them, too.
        found = _count_stream(request, canonical, audited.tables)
    if found.truncated:
        notes.append(
            f"only the first {found.stored_tokens} tokens were read (--max-val-tokens): not the score of the whole stream"
        )
    if not found.scored_tokens:
        notes.append(
            f"nothing is scored: {found.stored_tokens} tokens are too few for a window of {request.windows.seq_len} tokens at "
            f"stride {request.windows.stride}"
            if request.mode is ScoringMode.SLIDING_WINDOW
            else f"nothing is scored: the stream has {found.stored_tokens} tokens"
        )
    figures = plus_one(found, canonical)
    counts = {
        "canonical_byte_count": figures.canonical_bytes,
        "buggy_byte_count": figures.buggy_bytes,
        "leading_space_token_count": figures.leading_space_targets,
        "scored_token_count": found.scored_tokens,
        "num_windows": found.num_windows,
    }
    exact = _exact(found, canonical, audited)
    if isinstance(exact, Inflation):
        if audited.eval_status is EvalStatus.UNKNOWN:
            notes.append(
                "exact_inflation_ratio takes the script's tables under the reference loop; its own loop was not proved"
            )
        return counts, figures.ratio, exact
    notes.append(f"no exact ratio: {exact.reason}")
    return counts, figures.ratio, None


def _count_stream(request: Request, canonical: LookupTables, *candidates: LookupTables) -> StreamStatistics:
    from pgolf.tokens.statistics import count_tokens
    from pgolf.tokens.stream import open_stream

    stream = open_stream(request.val_data, request.max_val_tokens)
    return count_tokens(stream, canonical, candidates, windows=request.windows, mode=request.mode)


class _CountAhead:
    """Counts a stream in a thread, while the script is evaluated in its child process."""

    def __init__(self, request: Request, vocabulary: Vocabulary) -> None:
        self.found: StreamStatistics | None = None
        self.error: BaseException | None = None
        self.thread = Thread(target=self._work, args=(request, vocabulary), daemon=True)
        self.thread.start()

    def _work(self, request: Request, vocabulary: Vocabulary) -> None:
        try:
            self.found = _count_stream(request, canonical_tables(vocabulary))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            self.error = error

    def __call__(self) -> StreamStatistics:
        """The counts, or the error of counting, as soon as they are there."""
        self.thread.join()
        if self.found is None:
            raise self.error or RuntimeError("counting gave nothing")
        return self.found


def _exact(
    found: StreamStatistics, canonical: LookupTables, audited: AuditedScript
) -> Inflation | NotComputed:
    from pgolf.audit.inflation import NotComputed, measure_inflation

    if audited.tables is None:
        return NotComputed("the script's tables are not known")
    if audited.eval_status is EvalStatus.DEVIATES:
        return NotComputed(
            "the script's evaluation loop is not the reference one, so its tables alone do not give its bytes"
        )
    if audited.byte_source not in (ByteSource.TABLE, ByteSource.NPZ):
        return NotComputed(f"the script's bytes come from {audited.byte_source.value}, not from its tables")
    return measure_inflation(found, canonical, audited.tables)


# --- command line ---------------------------------------------------------------------------------------------------


def parse_arguments(arguments: list[str] | None = None) -> tuple[Request, Path | None]:
    """(request, where to write the report too). Exits with 2 for unusable arguments, as argparse does."""
    validation = load_profile().validation
    parser = argparse.ArgumentParser(
        prog="canonical_rescore.py",
        description="Classify a script's byte tables and correct its reported bits per byte on a token stream.",
        epilog="Exit codes: 0 with a report on standard output, 2 for unusable arguments or data.",
    )
    add = parser.add_argument
    add(
        "--train-script",
        type=Path,
        required=True,
        metavar="PATH",
        help="the script to audit; it is never run",
    )
    add(
        "--tokenizer", type=Path, required=True, metavar="MODEL", help="the SentencePiece model of the stream"
    )
    add("--val-data", required=True, metavar="GLOB", help="token shards: a glob, a file or a folder")
    add(
        "--seq-len",
        type=int,
        default=validation.seq_len,
        metavar="N",
        help="window length in tokens (default %(default)s)",
    )
    add(
        "--stride",
        type=int,
        default=validation.stride,
        metavar="N",
        help="window stride in tokens (default %(default)s)",
    )
    add("--reported-bpb", type=float, metavar="F", help="the score to correct")
    add("--pr-number", type=int, metavar="N", help="copied into the report")
    add(
        "--threshold",
        type=float,
        default=validation.merged_sota_bpb,
        metavar="F",
        help="passes_merged_sota_threshold compares with it (default %(default)s)",
    )
    add(
        "--max-val-tokens",
        type=int,
        metavar="N",
        help="read only the first N tokens (a quick look, no audit)",
    )
    add("--skip-byte-count", action="store_true", help="classify only; read no token")
    add(
        "--scoring-mode",
        choices=[mode.value for mode in ScoringMode],
        default=ScoringMode.SLIDING_WINDOW.value,
        help="which targets count, and whether a space after a boundary does (default %(default)s)",
    )
    add("--output", type=Path, metavar="FILE", help="write the report there, too")
    given = parser.parse_args(arguments)
    request = Request(
        train_script=given.train_script,
        tokenizer=given.tokenizer,
        val_data=given.val_data,
        windows=Windows(given.seq_len, given.stride),
        mode=ScoringMode(given.scoring_mode),
        reported_bpb=given.reported_bpb,
        pr_number=given.pr_number,
        threshold=given.threshold,
        max_val_tokens=given.max_val_tokens,
        skip_byte_count=given.skip_byte_count,
    )
    return request, given.output


def main(arguments: list[str] | None = None) -> int:
    """Run the tool; returns the exit code. Unusable arguments or data are one sentence on standard error and 2."""
    try:
        request, output = parse_arguments(arguments)
        text = json.dumps(_run(request), indent=2, allow_nan=False)
        if output is not None:
            _write(output, text + "\n")
    except PgolfError as error:
        print(f"canonical_rescore.py: {error}", file=sys.stderr)  # noqa: T201
        return Exit.UNUSABLE
    print(text)  # noqa: T201
    return Exit.OK


def _run(request: Request) -> dict[str, Any]:
    from pgolf.audit.script_facts import audit_script, start_child
    from pgolf.untrusted.limits import DEFAULT_LIMITS
    from pgolf.untrusted.script import read_script

    start_child(DEFAULT_LIMITS)
    vocabulary = read_model_file(request.tokenizer)
    script = read_script(request.train_script)
    counted = None if request.skip_byte_count else _CountAhead(request, vocabulary)
    return rescore(request, audit_script(script, DEFAULT_LIMITS, vocabulary), vocabulary, counted)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error
