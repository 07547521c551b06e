"""Audit one script: what is proved about its byte tables, its eval loop, and where its bytes come from.

The script is unwrapped as data and evaluated (never run) with a tokenizer of ours and a short probe stream. The tables
that count are those that an eval path reads by stream tokens, as they are when they are read; if no eval path could be
followed that far, those that the tokenizer-asking functions return on the path from the entry point.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise, permutations
from typing import Any

from pgolf.audit.compare import compare, compare_probes, has_class, merge_structure
from pgolf.audit.constant_formula import constant_bytes, vocabulary_sizes
from pgolf.audit.evaluation import (
    BuilderCall,
    ConsumedTable,
    Score,
    Watcher,
    bytes_from_weight,
    flat_values,
    is_mean,
    losses_in,
)
from pgolf.audit.handed_on import may_change_tables
from pgolf.audit.model_losses import judge_model_call, leaves_training_mode
from pgolf.audit.probe_stream import probe_stream
from pgolf.audit.probes import EXOTIC, probe_vocabularies
from pgolf.audit.processes import PROCESSES, Evaluation, Sums, added, evaluate_together, losses_alike
from pgolf.audit.untabled import Untabled, bytes_without_table
from pgolf.core.bpb import LN2
from pgolf.core.deviation import Deviation
from pgolf.core.finding import Finding
from pgolf.core.luts import LookupTables, canonical_tables, pair_bytes
from pgolf.core.token_flow import NO_FLOW, TokenFlow
from pgolf.core.tokenizer import Vocabulary
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus
from pgolf.errors import DataError, LimitTripped
from pgolf.untrusted.intrinsics.library import environ_set
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.program import Program, run_program
from pgolf.untrusted.script import Script
from pgolf.untrusted.source import chunk_words, read_source
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Opaque, ScriptRaise, Stuck, Tok, Value

_SCORE_NAME = re.compile(r"bpb|bits[_ -]per[_ -]byte|bits/byte", re.IGNORECASE)
_BITS_FORMED = re.compile(
    r"log\(\s*2(?:\.0*)?\s*\)|log2\(|\bln_?2\b|\blog_?2\b|0\.693|1\.4426", re.IGNORECASE
)
_NAMES_NO_SCORE = (
    "it computes no bits per byte, nothing in it is named so; give the script that made the score"
)
_CALL = re.compile(r"^[\w.]+\(|__main__", re.MULTILINE)
MIN_SUBWORD_VOCABULARY = 512
"""Vocabularies from here on cannot be 256 bytes and a few special tokens."""
WINDOW = 16
"""Largest window that the scaled-down evaluation may use; a tail shorter than it may be dropped."""
OTHER_WINDOW = 20
"""The same where it is evaluated at other sizes."""


@dataclass(frozen=True, slots=True)
class ScriptAudit:
    """What is proved about one script. `evidence` says on what; `reason` says why something is UNKNOWN."""

    path: str
    sha256: str
    lut_status: LutStatus
    deviations: tuple[Deviation, ...]
    byte_source: ByteSource
    eval_status: EvalStatus
    packed_layers: tuple[str, ...]
    evidence: str
    tables: LookupTables | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    eval_reason: str = ""
    builder: str = ""
    builder_line: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    tokenizer_paths: tuple[str, ...] = ()
    flow: TokenFlow = NO_FLOW


@dataclass(slots=True)
class _Run:
    """One evaluation with one vocabulary."""

    vocabulary: Vocabulary
    watcher: Watcher
    program: Program
    stuck: str = ""
    window: int = WINDOW
    byte_level: bool = False
    """Whether bits per token are bits per byte."""
    special_ids: int = 0
    """Ids before those of the bytes, which count none."""


@dataclass(slots=True)
class _Found:
    """Tables of one evaluation: three columns as values, and how they were found."""

    base: list[Value]
    space: list[Value]
    boundary: list[Value]
    how: str
    name: str
    line: int
    missing: tuple[str, ...] = ()


def audit_script(
    script: Script,
    vocabulary: Vocabulary | None = None,
    limits: Limits = DEFAULT_LIMITS,
    settings: Mapping[str, str] | None = None,
) -> ScriptAudit:
    """Audit `script`, exhaustively on `vocabulary` when it is given, else on probe vocabularies.

    `settings` are environment variables of the run; all others are taken to be unset.
    """
    from pgolf.audit.unpacked import unpacked

    plain = unpacked(script, limits)
    if plain.obstacle:
        return _undecided(script, plain.layers, LutStatus.OBFUSCATED, plain.obstacle)
    auditor = _Auditor(
        script, plain.data, plain.layers, vocabulary, limits, plain.missing, settings or {}, plain.environment
    )
    try:
        return auditor.run()
    except (LimitTripped, Stuck, ScriptRaise) as stopped:
        reason = str(stopped) or "the evaluation stopped"
        return _undecided(script, plain.layers, LutStatus.UNKNOWN, reason)
    finally:
        for program in auditor.programs:
            program.release()


def _undecided(script: Script, layers: tuple[str, ...], status: LutStatus, why: str) -> ScriptAudit:
    return ScriptAudit(
        script.path, script.sha256, status, (), ByteSource.UNKNOWN, EvalStatus.UNKNOWN, layers, "", reason=why,
        eval_reason=why,
    )  # fmt: skip


class _Auditor:
    """The steps of one audit; each takes what the previous one found."""

    def __init__(
        self,
        script: Script,
        data: bytes,
        layers: tuple[str, ...],
        vocabulary: Vocabulary | None,
        limits: Limits,
        missing: str = "",
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str | None] | None = None,
    ) -> None:
        self.missing = missing
        self.environment = environment or {}
        self.settings = dict(settings or {})
        self.flow = NO_FLOW
        self.script = script
        self.data = data
        self.layers = layers
        self.vocabulary = vocabulary
        self.limits = limits
        self.notes: list[str] = []
        self.findings: list[Finding] = []
        self.programs: list[Program] = []

    # -- evaluation ----------------------------------------------------------------------------------

    def evaluate(
        self,
        vocabulary: Vocabulary,
        enough_tables: int = 0,
        for_the_order: bool = False,
        other_sizes: bool = False,
        process: tuple[int, int] | None = None,
        incoming: Sums = (),
    ) -> _Run:
        """Evaluate the whole script with one vocabulary, or until that many tables were read by tokens.

        `process`: as one process of several, given as its rank and their number; `incoming` is what the others hand to sums.

        `for_the_order` of steps and scores one process is followed that keeps what later rounds may change: it proves nothing.
        """
        stream = [Tok.at(t, i) for i, t in enumerate(probe_stream(vocabulary))]

        def prepare(program: Program) -> None:
            interp = program.interp
            interp.stream = list(stream)
            interp.sidecar = [1000 + 7 * i for i in range(len(stream))]
            interp.vocab_size = len(vocabulary)
            interp.read_npz = _read_npz
            interp.settings = self.settings
            interp.other_sizes = other_sizes
            if for_the_order:
                interp.process, interp.training_rounds, interp.forgets = (0, 1), 3, False
            if process is not None:
                interp.process, interp.incoming = process, list(incoming)
            for name, value in self.environment.items():
                unknown = Opaque(f"environment variable {name} is set to something unknown", 0, "config")
                environ_set(interp, name or None, unknown if value is None else value, 0)

        program, stuck = run_program(
            self.script, self.data, vocabulary, self.limits,
            lambda: Watcher(vocabulary, len(stream), enough_tables), prepare,
        )  # fmt: skip
        self.programs.append(program)
        watcher = program.interp.observer
        assert isinstance(watcher, Watcher)  # noqa: S101 - made three lines above
        return _Run(vocabulary, watcher, program, stuck, OTHER_WINDOW if other_sizes else WINDOW)

    def run(self) -> ScriptAudit:
        main = probe_vocabularies()[0]
        first = self.evaluate(main)
        self.flow = first.watcher.token_flow(first.program.interp, not first.stuck)
        if self.flow.late or first.program.interp.forgot_tokens:
            order = self.evaluate(main, for_the_order=True)
            self.flow = order.watcher.token_flow(order.program.interp, not order.stuck)
        followed = self._follow_launch(first)
        if followed is not None:
            return followed
        found = tables_of(first, first.program.interp.vocab_size)
        if found is None and bytes_without_table(first.watcher, first.program, self.data) is None:
            found = self._lone_builder(first)
        if found is None:
            return self._no_tables(first)
        interp = first.program.interp
        if not interp.tokenizer_calls and not interp.tables_read and not self.notes:
            return self._not_of_a_tokenizer(first, found)
        return self._judge(first, found)

    def _not_of_a_tokenizer(self, run: _Run, found: _Found) -> ScriptAudit:
        """Tables that were made without asking a tokenizer: those of a byte-level vocabulary, or not comparable."""
        size = len(run.vocabulary)
        problem = _unknown_in(found, size)
        sizes = set(found.base) - {0}
        sub_words = _is_sub_word(run)
        if problem is None and sizes == {1} and not any(found.space) and not sub_words:
            run.byte_level = True
            evaluation, why = self._eval_status(run, _tables(found))
            return self._answer(
                run, LutStatus.UNKNOWN, (), ByteSource.BYTE_LEVEL, evaluation, "", None,
                "no SentencePiece table: every token is one byte (or none)", why, found,
            )  # fmt: skip
        if sub_words and sizes == {1}:
            problem = (
                problem or "its tables give every token one byte, and its vocabulary is no byte vocabulary"
            )
        return self._unknown(run, found, problem or "its tables are not made from a SentencePiece tokenizer")

    def _lone_builder(self, run: _Run) -> _Found | None:
        """The only function of a script that makes tables out of a tokenizer, called by itself.

        For modules without an entry point, and for scripts whose way to it could not be followed. Several such
        functions with different tables decide nothing.
        """
        results: list[_Found] = []
        for name in lone_builders(run):
            call = call_builder(run, name)
            if call is not None:
                found = _from_builder(call, run.vocabulary)
                if found is not None and _unknown_in(found, len(run.vocabulary)) is None:
                    run.watcher.builders.append(call)
                    results.append(found)
        if not results or any(_tables(r) != _tables(results[0]) for r in results[1:]):
            return None
        self.notes.append(
            f"{results[0].name}() was not reached from an entry point; it was evaluated by itself"
        )
        return results[0]

    def _follow_launch(self, run: _Run) -> ScriptAudit | None:
        """A launcher: the sibling script that it starts is the one to audit."""
        if run.watcher.builders or run.watcher.tables:
            return None
        for line, name in run.program.launched:
            base = name.rsplit("/", 1)[-1]
            for candidate in (name.removeprefix("./"), base):
                if candidate == self.script.path.rsplit("/", 1)[-1]:
                    continue
                data = run.program.interp.written.get(candidate) or self.script.siblings.read(candidate)
                if isinstance(data, bytes):
                    own = {**run.program.interp.environment_set, **run.program.launch_environment}
                    settings = {name: value for name, value in own.items() if isinstance(value, str)}
                    inner = audit_script(
                        Script(candidate, data, self.script.siblings),
                        self.vocabulary,
                        self.limits,
                        {**self.settings, **settings},
                    )
                    note = f"started by {self.script.path}:{line}"
                    return _with(
                        inner,
                        path=f"{self.script.path} -> {candidate}",
                        sha256=self.script.sha256,
                        notes=(*inner.notes, note),
                    )
        return None

    # -- judgement -----------------------------------------------------------------------------------

    def _judge(self, first: _Run, found: _Found) -> ScriptAudit:
        problem = _unknown_in(found, len(first.vocabulary))
        if problem is None and first.watcher.unkept_table:
            problem = f"line {first.watcher.unkept_table}: more tables are read by tokens than are kept"
        if problem is not None:
            return self._unknown(first, found, problem)
        if self.vocabulary is not None:
            whole = self._on_given(first, found, self.vocabulary)
            if isinstance(whole, str):
                return self._unknown(first, found, whole)
            if compare(_tables(whole), self.vocabulary) and not compare(_tables(found), first.vocabulary):
                # Before a deviation is said that the whole script did not show, the whole script has to show it.
                whole = self._on_given(first, found, self.vocabulary, alone=False)
                if isinstance(whole, str):
                    return self._unknown(first, found, whole)
            tables = _tables(whole)
            of_tokenizer = _differ(_tables(found), tables)
            structure = (d for d in self._structure(first, found) if not has_class(d.name, self.vocabulary))
            deviations = merge_structure(structure, compare(tables, self.vocabulary))
            evidence = f"exhaustive, {len(self.vocabulary)} tokens"
        else:
            pairs = [(_tables(found), first.vocabulary)]
            for probe in probe_vocabularies()[1:]:
                other = self._same_builder(first, found, probe)
                if other is None:
                    _, other = self._again(first, found, probe)
                    if other is None:
                        return self._unknown(
                            first, found, "its tables could not be evaluated on every probe vocabulary"
                        )
                problem = _unknown_in(other, len(probe))
                if problem is not None:
                    return self._unknown(first, found, problem)
                pairs.append((_tables(other), probe))
            deviations = compare_probes(pairs)
            if deviations and not compare(*pairs[0]):
                # Nothing deviates on the vocabulary that the whole script was evaluated with: before it is said of
                # the others, where only the builder was, they are evaluated in full, too.
                pairs[1:] = []
                for probe in probe_vocabularies()[1:]:
                    _, other = self._again(first, found, probe)
                    problem = "not reached" if other is None else _unknown_in(other, len(probe))
                    if other is None or problem is not None:
                        return self._unknown(
                            first, found, f"its tables on {probe.name} are not known: {problem}"
                        )
                    pairs.append((_tables(other), probe))
                deviations = compare_probes(pairs)
            tables = pairs[0][0]
            of_tokenizer = any(_differ(tables, other) for other, _ in pairs[1:])
            evidence = f"probe, {sum(len(v) for _, v in pairs)} tokens of {len(pairs)} vocabularies"
        status = LutStatus.BUGGY if deviations else LutStatus.CORRECT
        unread = (
            self._unread(first)
            or _doubt(first)
            or may_change_tables(first.program, set(first.watcher.entered))
            or _unknown_reads(first, found)
            or ("" if self.vocabulary else _unseen_by_probes(first, found))
        )
        if status is LutStatus.BUGGY and first.stuck and not (first.watcher.scores or of_tokenizer):
            # What was read until a bound stopped the evaluation need not be what its score is made with.
            return self._unknown(first, found, first.stuck)
        if unread and status is LutStatus.CORRECT:
            return self._unknown(first, found, unread)
        evaluation, why = self._eval_status(first, _tables(found))
        source = ByteSource.NPZ if first.program.interp.tables_read else ByteSource.TABLE
        if first.watcher.sidecar_read:
            source = ByteSource.SIDECAR
        return self._answer(first, status, deviations, source, evaluation, evidence, tables, "", why, found)

    def _on_given(
        self, first: _Run, found: _Found, vocabulary: Vocabulary, alone: bool = True
    ) -> _Found | str:
        """The tables on every token of the given tokenizer, or why they are not known.

        The script was evaluated on a small vocabulary to find its builder and loops; where the builder can be called
        by itself, and nothing may change what it returned, only that is evaluated again, else the whole script.
        """
        calls = [call for call in first.watcher.builders if call.name == found.name]
        alone = alone and not _changed_after(first, calls)
        whole = self._same_builder(first, found, vocabulary) if alone else None
        if whole is None:
            run, repeated = self._again(first, found, vocabulary)
            if repeated is None:
                return run.stuck or "its tables could not be evaluated on the given tokenizer"
            whole = repeated
        return _unknown_in(whole, len(vocabulary)) or whole

    def _again(self, first: _Run, found: _Found, vocabulary: Vocabulary) -> tuple[_Run, _Found | None]:
        """The whole script on another vocabulary, for its tables: followed until those that `found` names were read.

        What comes later changes no table that was read; whether it reads others was `first`'s to see.
        """
        columns = (found.base, found.space, found.boundary)
        read = [table.values for _, table in first.watcher.tables.values()]
        last = [next((i for i, v in enumerate(read, 1) if _same(v, c)), len(read)) for c in columns]
        wanted = max(last)
        run = self.evaluate(vocabulary, wanted)
        again = tables_of(run, len(vocabulary))
        if again is None and wanted:
            run = self.evaluate(vocabulary)
            again = tables_of(run, len(vocabulary))
        if again is None and self.notes:
            again = self._lone_builder(run)
        return run, again

    def _unread(self, run: _Run) -> str:
        if run.program.unread:
            line, reason = run.program.unread[0]
            return f"line {line}: {reason}"
        for source in run.program.sources:
            if source.partial and not source.never_ran:
                return f"{source.path}: parsed in part only ({source.problem})"
        return ""

    def _same_builder(self, first: _Run, found: _Found, probe: Vocabulary) -> _Found | None:
        """Evaluate only the builder again, with another vocabulary, when its result is what the eval path read."""
        call = next(
            (b for b in reversed(first.watcher.builders) if b.name == found.name and found.how != "read"),
            None,
        )
        if (
            call is None
            or not call.is_unchanged(len(first.vocabulary))
            or not _returned_what_was_read(first, call)
        ):
            return None
        interp = first.program.interp
        size = len(first.vocabulary)
        args = [len(probe) if type(v) is int and v == size else v for v in call.args]
        kwargs = {k: len(probe) if type(v) is int and v == size else v for k, v in call.kwargs.items()}
        watcher = Watcher(probe, 0)
        kept = interp.observer, interp.vocab_size, interp.token_reads
        # Nothing was read by tokens when the builder ran: its own counters are no counts of a loop over the stream.
        interp.observer, interp.vocab_size, interp.token_reads = watcher, len(probe), 0
        interp.steps_left, interp.cells_left = self.limits.interpreter_steps, self.limits.interpreter_cells
        first.program.tokenizer.vocabulary = probe
        try:
            interp.call_function(call.function, args, kwargs, call.line)
        except (Stuck, ScriptRaise, LimitTripped):
            return None
        finally:
            first.program.tokenizer.vocabulary = first.vocabulary
            interp.observer, interp.vocab_size, interp.token_reads = kept
        if not watcher.builders:
            return None
        watcher.builders[-1].hints = call.hints
        again = _from_builder(watcher.builders[-1], probe)
        if again is None or _unknown_in(again, len(probe)) is not None:
            return None
        return again

    def _structure(self, first: _Run, found: _Found) -> tuple[Deviation, ...]:
        """Deviations that the same builder shows on the probes: for token classes that the given tokenizer lacks.

        None where the builder cannot be evaluated by itself; the proof on the given tokenizer stands without them.
        """
        pairs = []
        for probe in probe_vocabularies():
            if probe.name == EXOTIC:
                continue
            other = self._same_builder(first, found, probe)
            if other is None or _unknown_in(other, len(probe)) is not None:
                return ()
            pairs.append((_tables(other), probe))
        return compare_probes(pairs)

    def _eval_status(self, run: _Run, tables: LookupTables) -> tuple[EvalStatus, str]:
        status, why = judge_scores(run.watcher.scores, run, tables)
        if status is EvalStatus.CANONICAL:
            concerned = {key[-1] for key in run.watcher.readers if key} | run.watcher.loaders
            untabled = {call.function.name for call in run.watcher.untabled}
            if not run.watcher.tables:
                concerned |= untabled or {score.function for score in run.watcher.scores}
            # Ids before the bytes are told apart from them by a literal, which is the number that was found.
            explained = {f"compares with {n}" for n in (run.special_ids, run.special_ids - 1)}
            for function, line, what in run.program.interp.scale:
                cut = not run.watcher.tables and what.startswith("cuts ")
                if (function in concerned or function == "*" or cut) and what not in explained:
                    return (
                        EvalStatus.UNKNOWN,
                        f"{function} (line {line}): {what}, which the short probe stream does not reach",
                    )
            problem = _not_a_loss(run) or self._only_here(run, tables)
            if problem:
                return EvalStatus.UNKNOWN, problem
        return status, why

    def _only_here(self, run: _Run, tables: LookupTables) -> str:
        """Why the loop is not canonical where a run has several processes or windows of another size, or ''.

        `nll[-4:]` scores what a stride of 4 leaves, and not what one of 64 does: a literal that happens to be a size here.
        Both questions are asked at once; where that has no answer, one by one.
        """
        calls = run.watcher.evaluations or run.watcher.untabled
        left = [call for call in calls if not _holds_elsewhere(run, call, tables)]
        unshown = self._has_unshown_score(run, tables)
        if not left and not unshown:
            return ""
        problem = _not_together(run, tables, left) or (
            self._not_together_as_a_whole(run, tables) if unshown else ""
        )
        if problem:
            return problem
        other = self.evaluate(run.vocabulary, other_sizes=True)
        other.byte_level = run.byte_level
        status, why = judge_scores(other.watcher.scores, other, tables)
        return "" if status is EvalStatus.CANONICAL else f"only at one size of its windows: {why}"

    def _has_unshown_score(self, run: _Run, tables: LookupTables) -> bool:
        """Whether a canonical score is made outside the eval functions: in `main`, or by the module itself."""
        calls = [*run.watcher.evaluations, *run.watcher.untabled]
        shown = {id(form.weights) for call in calls for form in call.scores}
        covered: dict[str, int] = {}
        for call in calls:
            name = call.function.name
            covered[name] = max(covered.get(name, 0), *(len(form.weights) for form in call.scores))
        stream = run.program.interp.stream
        for score in run.watcher.scores:
            # What an eval function prints on its way comes before what it returns.
            if id(score.weights) in shown or covered.get(score.function, 0) >= len(score.weights):
                continue
            verdict = _judge_score(score, stream, tables, run)
            if verdict is not None and verdict[0] is EvalStatus.CANONICAL:
                return True
        return False

    def _not_together_as_a_whole(self, run: _Run, tables: LookupTables) -> str:
        """Why several processes together are not proved to score what one does, where no eval function alone shows it, or '':
        the whole script is evaluated as each of them."""
        if not run.program.interp.many_processes:
            return ""
        problem = ""
        for processes in PROCESSES:
            followed, problem = self._whole_problem(run, tables, processes)
            if followed:
                break
        return problem

    def _whole_problem(self, run: _Run, tables: LookupTables, processes: int) -> tuple[bool, str]:
        """Whether the script could be followed as so many processes, and why they do not score what one does, or ''."""
        incoming: Sums = []
        for rank in range(processes - 1, -1, -1):
            one = self.evaluate(
                run.vocabulary, process=(rank, processes), incoming=incoming if rank == 0 else ()
            )
            interp = one.program.interp
            if one.stuck or (rank == 0 and interp.incoming):
                why = one.stuck or "its first process takes part in fewer sums than the others"
                return False, f"what {processes} processes score together is not known: {why}"
            if rank == processes - 1:
                incoming = interp.reduced
            elif rank and [shape for _, shape in incoming] != [shape for _, shape in interp.reduced]:
                return (
                    False,
                    f"what {processes} processes score together is not known: they take part in different sums",
                )
            elif rank:
                incoming = added(interp, incoming, interp.reduced)
        status, why = judge_scores(one.watcher.scores, one, tables)
        if status is EvalStatus.CANONICAL:
            return True, ""
        return True, f"{processes} processes together do not score what one does: {why}"

    # -- answers -------------------------------------------------------------------------------------

    def _no_tables(self, run: _Run) -> ScriptAudit:
        answer = bytes_without_table(run.watcher, run.program, self.data)
        if answer is not None and answer[0] is ByteSource.BYTE_LEVEL and _is_sub_word(run):
            # Bits per token were printed as bits per byte, and one token is no byte.
            answer = None
        if answer is not None and "ids before them" in answer[2] and not _has_byte_vocabulary(run):
            answer = None
        if answer is not None and answer[0] in (ByteSource.CONSTANT, ByteSource.BYTE_LEVEL):
            # A constant is one whatever the tokens are: other tokens have to give the same number.
            other = self.evaluate(probe_vocabularies()[1])
            again = bytes_without_table(other.watcher, other.program, self.data)
            if again is None or again[2] != answer[2]:
                answer = None
        if answer is None and not run.program.unread and not run.program.missing_modules:
            answer = self._constant_in_text(run)
        if answer is not None:
            source, evaluation, why, special = answer
            if evaluation is EvalStatus.CANONICAL:
                # One score says where the bytes come from; whether the loops are canonical is asked as of any other.
                run.byte_level, run.special_ids = source is ByteSource.BYTE_LEVEL, special
                tables = _one_byte_each(run, special) if run.byte_level else canonical_tables(run.vocabulary)
                evaluation, problem = self._eval_status(run, tables)
                why = why if evaluation is EvalStatus.CANONICAL else problem
            return self._answer(run, LutStatus.UNKNOWN, (), source, evaluation, "", None, why, why, None)
        reason = self._unread(run) or self._scores_nothing(run) or run.stuck or self._why_nothing(run)
        return self._answer(
            run, LutStatus.UNKNOWN, (), ByteSource.UNKNOWN, EvalStatus.UNKNOWN, "", None, reason, reason, None
        )

    def _constant_in_text(self, run: _Run) -> Untabled | None:
        """A constant that every formula of the text divides by, where no evaluation reached one."""
        found = constant_bytes(run.program.sources)
        if found is None:
            return None
        where = f"{found.function or 'module'} (line {found.line})"
        if found.bytes_per_token != 1.0:
            why = f"{where}: divides by {found.bytes_per_token:.6g} bytes per token, whatever the tokens"
        elif _is_sub_word(run):
            why = f"{where}: calls the bits per token of a sub-word vocabulary bits per byte"
        else:
            return None
        return Untabled(ByteSource.CONSTANT, EvalStatus.DEVIATES, why)

    def _why_nothing(self, run: _Run) -> str:
        for source in run.program.sources:
            if source.problem and not source.chunks:
                return f"line {source.problem_line}: {source.problem}"
        if self.missing:
            return self.missing
        if run.program.missing_modules:
            return f"imports {run.program.missing_modules[0]}, which is neither beside the script nor a known package"
        npz = sorted(run.program.interp.tables_read)
        if npz:
            return f"its tables come from {npz[0]}, which is not beside the script"
        if run.program.launched:
            return f"line {run.program.launched[0][0]}: starts {run.program.launched[0][1]}, which is not beside the script"
        interp = run.program.interp
        if interp.stuck:
            line, reason = interp.stuck[0]
            return f"no byte table was reached; first obstacle at line {line}: {reason}"
        return self._what_it_is(run)

    def _scores_nothing(self, run: _Run) -> str:
        """What a script is whose text, imported files included, does not speak of bits per byte at all; or ''."""
        if not self.data.strip():
            return "the file is empty; give the script that made the score"
        if self.missing or run.program.missing_modules or run.program.launched:
            return ""
        texts = [
            self.data.decode("utf-8", "replace"),
            *(c.text for s in run.program.sources for c in s.chunks),
        ]
        if any(_SCORE_NAME.search(text) for text in texts):
            return ""
        return _NAMES_NO_SCORE

    def _what_it_is(self, run: _Run) -> str:
        """What a script is that scores nothing as far as it could be followed, and what to do about it."""
        lines = self.data.decode("utf-8", "replace").split("\n")
        named = next((n for n, line in enumerate(lines, 1) if _SCORE_NAME.search(line)), 0)
        if not named:
            return _NAMES_NO_SCORE
        formed = next((n for n, line in enumerate(lines, 1) if _BITS_FORMED.search(line)), 0)
        if not formed:
            return (
                f"line {named}: it names bits per byte and has no formula that makes bits of a loss; "
                "give the script that made the score"
            )
        if not run.watcher.entered and all(
            c.kind or not _CALL.search(c.text) for s in run.program.sources for c in s.chunks
        ):
            return "a module of functions that nothing calls; give the script that calls them"
        return f"no byte table is built or read on any path from its entry point; bits are formed at line {formed}"

    def _unknown(self, run: _Run, found: _Found, reason: str) -> ScriptAudit:
        source = ByteSource.NPZ if run.program.interp.tables_read else ByteSource.UNKNOWN
        return self._answer(
            run, LutStatus.UNKNOWN, (), source, EvalStatus.UNKNOWN, "", None, reason, reason, found
        )

    def _answer(
        self, run: _Run, status: LutStatus, deviations: tuple[Deviation, ...], source: ByteSource, evaluation: EvalStatus,
        evidence: str, tables: LookupTables | None, reason: str, eval_reason: str, found: _Found | None,
    ) -> ScriptAudit:  # fmt: skip
        interp = run.program.interp
        notes = list(self.notes)
        notes += [
            f"{read.path} cannot run as it is ({read.problem}); what remains without that text was audited"
            for read in run.program.sources
            if read.never_ran
        ]
        outside = [name for name in run.program.files if name.startswith("../")]
        if outside:
            notes.append(f"imports from outside its folder: {', '.join(outside[:4])}")
        for line, what in interp.assumptions[:8]:
            notes.append(f"line {line}: assumed that {what}")
        return ScriptAudit(
            path=self.script.path, sha256=self.script.sha256, lut_status=status, deviations=deviations, byte_source=source,
            eval_status=evaluation, packed_layers=self.layers or tuple(interp.layers), evidence=evidence, tables=tables,
            findings=tuple(self.findings), notes=tuple(notes), reason=reason, eval_reason=eval_reason,
            builder=found.name if found is not None else "", builder_line=found.line if found is not None else 0,
            environment=dict(interp.environment), tokenizer_paths=tuple(sorted(interp.tokenizer_paths)),
            flow=self.flow,
        )  # fmt: skip


def _unseen_by_probes(run: _Run, found: _Found) -> str:
    """What the builder depends on that only a real tokenizer can show, or ''."""
    from pgolf.audit.probe_reach import beyond_probes

    calls = [b for b in run.watcher.builders if b.name == found.name]
    call = calls[-1] if calls else None
    why = "which probe vocabularies cannot show; give a tokenizer"
    seen: set[int] = set()
    for built in calls or run.watcher.builders:
        if id(built.function.code) in seen:
            continue
        seen.add(id(built.function.code))
        asked = beyond_probes(built.function, _settings(built))
        if asked is not None:
            return f"line {asked[0]}: depends on {asked[1]}, {why}"
    if call is None:
        for function in run.watcher.askers.values():
            asked = beyond_probes(function, {})
            if asked is not None:
                return f"line {asked[0]}: depends on {asked[1]}, {why}"
        return ""
    line = _changed_after(run, calls)
    if line:
        return f"line {line}: changes a table after its builder, or may, {why}"
    return ""


def _changed_after(run: _Run, calls: list[BuilderCall]) -> int:
    """The line where a table is changed, made anew or might be changed after its builder returned it; 0 if nowhere."""
    interp = run.program.interp
    serials: set[int] = set()
    for call in calls:
        own = {array.serial for array in call.arrays if isinstance(array, Tensor)}
        for serial, line in interp.patches[call.patches :]:
            if serial in own:
                return line
        serials |= own
    size = len(run.vocabulary)
    for container, table in run.watcher.tables.values():
        if not isinstance(container, Tensor) or not serials or not _is_table_like(table, size):
            continue
        at: Tensor | None = container
        for _ in range(8):
            if at is None or at.serial in serials:
                break
            at = at.source
        if at is None or at.serial not in serials:
            return table.line
    return 0


def _unknown_reads(run: _Run, found: _Found) -> str:
    """Why tables that a builder returned are not known to be those that a loop reads, or ''."""
    reads = run.watcher.unknown_reads
    if found.how == "read" or not reads or any(not _flags(t) for _, t in run.watcher.tables.values()):
        return ""
    name, line, reason = reads[0]
    return f"line {line}: reads {name or 'a table'} by token, and what it holds is not known: {reason}"


def _one_byte_each(run: _Run, special_ids: int) -> LookupTables:
    """Tables of a byte vocabulary: one byte for each token, none for the ids before them."""
    size = len(run.vocabulary)
    none = (False,) * size
    return LookupTables(tuple(int(i >= special_ids) for i in range(size)), none, none)


def _is_sub_word(run: _Run) -> bool:
    """Whether every vocabulary size that the script names is too large for one of bytes."""
    return min(vocabulary_sizes(run.program.sources), default=0) >= MIN_SUBWORD_VOCABULARY


def _has_byte_vocabulary(run: _Run) -> bool:
    """Whether the script names a vocabulary of 256 bytes and a few special ids."""
    return any(256 <= size <= 320 for size in vocabulary_sizes(run.program.sources))


def _not_together(run: _Run, tables: LookupTables, calls: list[Evaluation]) -> str:
    """Why several processes together are not proved to score what one does in these calls, or ''."""
    if not run.program.interp.many_processes:
        return ""
    for call in calls:
        problem = ""
        for processes in PROCESSES:
            followed, problem = _problem_of_processes(run, call, processes, tables)
            if followed:
                break
        if problem:
            return problem
    return ""


def _holds_elsewhere(run: _Run, call: Evaluation, tables: LookupTables) -> bool:
    """Whether a call is seen to be canonical at other sizes, too, as several processes where the script has some."""
    length = run.watcher.stream_length
    interp = run.program.interp
    for processes in PROCESSES if interp.many_processes else (1,):
        together = evaluate_together(
            interp, call, lambda: Watcher(run.vocabulary, length), processes, other_sizes=True
        )
        found = losses_in(together.value)
        if isinstance(together.observer, Watcher) and found:
            scores = [Score(form.weights, call.function.name, call.line, not is_mean(form)) for form in found]
            other = _Run(run.vocabulary, together.observer, run.program, "", OTHER_WINDOW, run.byte_level)
            return judge_scores(scores, other, tables)[0] is EvalStatus.CANONICAL
    return False


def _problem_of_processes(
    run: _Run, call: Evaluation, processes: int, tables: LookupTables
) -> tuple[bool, str]:
    """Whether a call could be followed as so many processes, and why they do not score what one does, or ''."""
    length = run.watcher.stream_length
    interp = run.program.interp
    together = evaluate_together(interp, call, lambda: Watcher(run.vocabulary, length), processes)
    name, observer = call.function.name, together.observer
    if not isinstance(observer, Watcher):
        return False, f"{name}: what {processes} processes score together is not known: {together.why}"
    found = losses_in(together.value)
    if not found:
        return False, f"{name}: what {processes} processes score together could not be followed"
    if losses_alike(found, call.scores):
        return True, ""
    scores = [Score(form.weights, name, call.line, not is_mean(form)) for form in found]
    several = _Run(run.vocabulary, observer, run.program, byte_level=run.byte_level)
    status, why = judge_scores(scores, several, tables)
    if status is EvalStatus.CANONICAL:
        return True, ""
    return True, f"{name}: {processes} processes together do not score what one does: {why}"


def _not_a_loss(run: _Run) -> str:
    """Why what the script's own model returns is not proved to be the cross-entropy of its targets, or ''."""
    watcher, interp = run.watcher, run.program.interp
    calls = list(watcher.model_calls.values())
    if not calls:
        return ""
    readers = {name for stack in watcher.readers for name in stack}
    evaluates = any(leaves_training_mode(f.code.node) for f in watcher.entered.values() if f.name in readers)
    interp.observer = Watcher(run.vocabulary, 0)
    try:
        for call in calls:
            returned = judge_model_call(run.program, call, watcher.constructions, not evaluates)
            if not returned.proved:
                return returned.why
    finally:
        interp.observer = watcher
    return ""


def _settings(call: BuilderCall) -> dict[str, Value]:
    """Parameters of a builder that were given a text, a flag or nothing: settings, not pieces of a tokenizer."""
    code = call.function.code
    given = dict(zip(code.params, call.args, strict=False)) | call.kwargs
    first = len(code.params) - len(call.function.defaults)
    for name, default in zip(code.params[first:], call.function.defaults, strict=False):
        given.setdefault(name, default)
    for name, default in call.function.kw_defaults.items():
        given.setdefault(name, default)
    return {name: value for name, value in given.items() if value is None or isinstance(value, (str, bool))}


def _doubt(run: _Run) -> str:
    """Why nothing is proved about a script that does something which could change tables unseen."""
    doubts = run.program.interp.doubts
    return f"line {doubts[0][0]}: {doubts[0][1]}" if doubts else ""


def _differ(a: LookupTables, b: LookupTables) -> bool:
    """Whether tables on two vocabularies give other byte lengths where both have ids, and not one length for all."""
    return len(set(a.base_bytes)) > 1 and any(
        x != y for x, y in zip(a.base_bytes, b.base_bytes, strict=False)
    )


def _with(audit: ScriptAudit, **changes: Any) -> ScriptAudit:
    from dataclasses import replace

    return replace(audit, **changes)


def _read_npz(data: bytes, name: str) -> dict[str, Any]:
    from pgolf.tokens.npz_tables import read_npz

    return dict(read_npz(data, name))


# ---------------------------------------------------------------------------------------------------------
# Tables


_BUILDER_WORDS = frozenset(
    {"is_byte", "IsByte", "id_to_piece", "IdToPiece", "is_control", "IsControl", "is_unknown", "is_unused"}
)
_MOST_LONE = 8
"""Builders that nothing calls and that are called each by itself; of more, none is."""
_TOKENIZER_NAMES = ("sp", "tok", "spm", "processor", "encoder")


def lone_builders(run: _Run) -> list[str]:
    """Names of top-level functions that ask a tokenizer about its pieces and are mentioned elsewhere in the script."""
    found: list[str] = []
    for source in run.program.sources:
        for chunk in source.chunks:
            if chunk.kind == "def" and chunk.name and not _BUILDER_WORDS.isdisjoint(chunk_words(chunk)):
                others = sum(1 for c in source.chunks if c is not chunk and chunk.name in chunk_words(c))
                if others or len(source.chunks) < 3:
                    found.append(chunk.name)
    return found if len(found) <= _MOST_LONE else []


def call_builder(run: _Run, name: str) -> BuilderCall | None:
    """Call a top-level function with a tokenizer, its size and a device, by the names of its parameters."""
    from pgolf.untrusted.values import Function

    program = run.program
    module = program.main
    function = module.lookup(name) if module is not None else None
    if not isinstance(function, Function):
        return None
    code = function.code
    args: list[Value] = []
    required = len(code.params) - len(function.defaults)
    for i, parameter in enumerate(code.params):
        lower = parameter.lower()
        if any(lower == n or lower.startswith(n) for n in _TOKENIZER_NAMES):
            spm = program.packages["sentencepiece"].attributes["SentencePieceProcessor"]
            args.append(program.interp.call(spm, [], {}, code.line))
        elif "vocab" in lower or "size" in lower:
            args.append(len(run.vocabulary))
        elif i >= required:
            break
        else:
            args.append(Opaque(f"argument {parameter}", code.line, "config"))
    watcher = Watcher(run.vocabulary, 0)
    before = program.interp.observer
    program.interp.observer = watcher
    program.interp.steps_left = program.interp.limits.interpreter_steps
    try:
        program.interp.call_function(function, args, {}, code.line)
    except (Stuck, ScriptRaise, LimitTripped):
        return None
    finally:
        program.interp.observer = before
    return watcher.builders[-1] if watcher.builders else None


def tables_of(run: _Run, size: int) -> _Found | None:
    """The tables that count in one evaluation, or None."""
    consumed = list(run.watcher.tables.values())
    if consumed:
        found = _from_consumed([table for _, table in consumed], run)
        if found is not None:
            return found
    builders = [call for call in run.watcher.builders if _makes_tables(call, len(run.vocabulary))]
    return _from_builder(_outermost(builders), run.vocabulary) if builders else None


def _makes_tables(call: BuilderCall, size: int) -> bool:
    """Byte lengths and at least one column of flags, all of one length: not tokens, documents or counts."""
    lengths = {len(flat_values(a, size)) for a in call.arrays}
    flags = [a for a in call.arrays if all(isinstance(v, (bool, Opaque)) for v in flat_values(a, size))]
    return len(lengths) == 1 and 2 <= len(call.arrays) <= 6 and 0 < len(flags) < len(call.arrays)


def _outermost(builders: list[BuilderCall]) -> BuilderCall:
    """The last call with the most arrays (an outer call repeats what an inner one returned)."""
    most = max(len(b.arrays) for b in builders)
    return next(b for b in reversed(builders) if len(b.arrays) == most)


def _from_builder(call: BuilderCall, vocabulary: Vocabulary) -> _Found | None:
    size = len(vocabulary)
    hints = call.hints if len(call.hints) == len(call.arrays) else ("",) * len(call.arrays)
    tables = [
        ConsumedTable(
            list(flat_values(a, size)), a.dtype if isinstance(a, Tensor) else "list", hint, call.line
        )
        for a, hint in zip(call.arrays, hints, strict=True)
    ]
    return _assign(tables, vocabulary, "built", call.name, call.line)


def _from_consumed(tables: list[ConsumedTable], run: _Run) -> _Found | None:
    vocabulary = run.vocabulary
    candidates = [t for t in tables if _is_table_like(t, len(vocabulary))]
    if not candidates:
        return None
    builders = run.watcher.builders
    size = len(vocabulary)
    whole: _Found | None = None
    for call in builders:
        contents = [list(flat_values(a, size)) for a in call.arrays]
        if all(any(_same(t.values, c) for c in contents) for t in candidates):
            # What the loop reads is what this call returned, so the call's other tables belong to it,
            # whether the loop reads them or not. Its names for them tell a wrong column's role.
            call.hints = _hints(contents, candidates)
            whole = whole or _from_builder(call, vocabulary)
    return whole or _assign(candidates, vocabulary, "read", "", candidates[0].line)


def _hints(contents: list[list[Value]], tables: list[ConsumedTable]) -> tuple[str, ...]:
    """For each content the name through which it is read; tables that hold the same are taken in turn."""
    left = list(tables)
    hints: list[str] = []
    for content in contents:
        found = next((t for t in (*left, *tables) if _same(t.values, content)), None)
        left = [t for t in left if t is not found]
        hints.append(found.hint if found is not None else "")
    return tuple(hints)


def _same(a: list[Value], b: list[Value]) -> bool:
    n = min(len(a), len(b))
    try:
        return a[:n] == b[:n]
    except TypeError:
        return False


def _returned_what_was_read(run: _Run, call: BuilderCall) -> bool:
    size = len(run.vocabulary)
    contents = [list(flat_values(a, size)) for a in call.arrays]
    tables = [t for _, t in run.watcher.tables.values() if _is_table_like(t, size)]
    return all(any(_same(t.values, c) for c in contents) for t in tables)


def _is_table_like(table: ConsumedTable, size: int) -> bool:
    """Numbers or flags per token; not embeddings, bigram counts, hashes of the model's world."""
    kinds = set(map(type, table.values[:size]))
    if kinds <= {bool}:
        return True
    if not all(issubclass(k, (int, float, bool, Opaque)) for k in kinds):
        return False
    numbers = [v for v in table.values[:size] if isinstance(v, (int, float))]
    return not numbers or any(numbers) or "byte" in table.hint or "lut" in table.hint


_HINTS = (
    ("space", ("space", "lead", "has_sp", "_ls", "hs_", "hls", "ws_")),
    ("boundary", ("bound", "bd", "special", "is_b", "ibt", "control")),
    ("base", ("byte", "base", "len", "bb", "size", "nb")),
)


def _assign(
    tables: list[ConsumedTable], vocabulary: Vocabulary, how: str, name: str, line: int
) -> _Found | None:
    """Give each table its role: by what it holds, then by its name, then by its place."""
    size = len(vocabulary)
    unique: list[ConsumedTable] = []
    for t in tables:
        same = next(
            (u for u in unique if _same(u.values, t.values) and _flags(u) == _flags(t) and not _apart(u, t)),
            None,
        )
        if same is None:
            unique.append(t)
    numeric = [t for t in unique if not _flags(t)]
    flags = [t for t in unique if _flags(t)]
    if not numeric:
        return None
    canonical = canonical_tables(vocabulary)
    base = min(
        numeric, key=lambda t: (_hint_role(t) not in ("base", ""), _distance(t, canonical.base_bytes, size))
    )
    space: ConsumedTable | None = None
    boundary: ConsumedTable | None = None
    pool = flags + [t for t in numeric if t is not base and _binary(t, size)]
    if pool:
        options: list[tuple[float, int, tuple[ConsumedTable | None, ConsumedTable | None]]] = []
        exact = False
        padded: list[ConsumedTable | None] = [*pool[:8], None, None]
        for a, b in permutations(range(len(padded)), 2):
            s, b_ = padded[a], padded[b]
            if s is None and b_ is None:
                continue
            cost = 0.0
            if s is not None:
                cost += _distance(s, canonical.has_leading_space, size) + 3.0 * size * (
                    _hint_role(s) == "boundary"
                )
                cost -= 2.0 * size * (_hint_role(s) == "space")
            else:
                cost += 0.5 * size
            if b_ is not None:
                cost += _distance(b_, canonical.is_boundary, size) + 3.0 * size * (_hint_role(b_) == "space")
                cost -= 2.0 * size * (_hint_role(b_) == "boundary")
            else:
                cost += 0.5 * size
            if s is not None and b_ is not None and not exact:
                exact = (
                    _distance(s, canonical.has_leading_space, size)
                    == 0
                    == _distance(b_, canonical.is_boundary, size)
                )
                cost = -math.inf if exact else cost  # whatever their names say
            options.append((cost, a * 16 + b, (s, b_)))
        options.sort(key=lambda o: (o[0], o[1]))
        space, boundary = options[0][2]
    missing = tuple(n for n, t in (("has_leading_space", space), ("is_boundary", boundary)) if t is None)
    length = len(base.values)
    return _Found(
        base.values,
        space.values if space is not None else [False] * length,
        boundary.values if boundary is not None else list(canonical.is_boundary) + [True] * (length - size),
        how, name, line or base.line, missing,
    )  # fmt: skip


def _apart(a: ConsumedTable, b: ConsumedTable) -> bool:
    """Whether two columns of flags stand for different things by their names, whatever they hold."""
    roles = {_hint_role(a), _hint_role(b)}
    return _flags(a) and roles == {"space", "boundary"}


def _flags(table: ConsumedTable) -> bool:
    return table.dtype == "bool" or all(isinstance(v, bool) for v in table.values)


def _binary(table: ConsumedTable, size: int) -> bool:
    return all(isinstance(v, Opaque) or v in (0, 1) for v in table.values[:size])


def _hint_role(table: ConsumedTable) -> str:
    hint = table.hint.lower()
    for role, words in _HINTS:
        if any(w in hint for w in words):
            return role
    return ""


def _distance(table: ConsumedTable, wanted: tuple[Any, ...], size: int) -> float:
    return float(
        sum(
            1
            for v, w in zip(table.values[:size], wanted[:size], strict=False)
            if isinstance(v, Opaque) or v != w
        )
    )


_WHOLE = frozenset({int, bool})
"""Types of which no value is unknown or not finite."""


def _unknown_in(found: _Found, size: int) -> str | None:
    """Why the tables are not fully known, or None."""
    for column, label in (
        (found.base, "base_bytes"),
        (found.space, "has_leading_space"),
        (found.boundary, "is_boundary"),
    ):
        if len(column) < size:
            return f"{label} has {len(column)} entries for {size} tokens"
        if set(map(type, column)) <= _WHOLE:
            continue
        for v in column[:size]:
            if isinstance(v, Opaque):
                where = f"line {v.line}: " if v.line else ""
                return f"{label} holds values that could not be evaluated: {where}{v.reason}"
            if isinstance(v, float) and not math.isfinite(v):
                return f"{label} holds {v}"
    return None


def _tables(found: _Found) -> LookupTables:
    n = min(len(found.base), len(found.space), len(found.boundary))
    base = found.base[:n]
    if set(map(type, base)) != {int}:
        padding = [0 if isinstance(v, Opaque) else v for v in base]
        base = [int(v) if isinstance(v, (bool, Tok)) else v for v in padding]
    return LookupTables(tuple(base), _truths(found.space[:n], False), _truths(found.boundary[:n], True))


def _truths(column: list[Value], unknown: bool) -> tuple[bool, ...]:
    if set(map(type, column)) == {bool}:
        return tuple(column)
    return tuple(bool(v) if not isinstance(v, Opaque) else unknown for v in column)


# ---------------------------------------------------------------------------------------------------------
# Scores


def judge_scores(scores: list[Score], run: _Run, tables: LookupTables) -> tuple[EvalStatus, str]:
    """What the scores prove about the eval loops, given the tables they read."""
    stream = run.program.interp.stream
    if not stream:
        return EvalStatus.UNKNOWN, "no token stream was loaded"
    judged: dict[str, tuple[int, EvalStatus, str]] = {}
    own: list[tuple[int, Score]] = []
    known: set[int] = set()
    for number, score in enumerate(scores):
        verdict = _judge_score(score, stream, tables, run)
        if verdict is None:
            continue
        # A caller that passes on what its callee returned has followed nothing itself.
        if id(score.weights) not in known:
            known.add(id(score.weights))
            own.append((number, score))
        covered = len(score.weights)
        # A function may print intermediate scores; the one with the most targets is its result.
        known_one = judged.get(score.function)
        if known_one is None or covered > known_one[0]:
            judged[score.function] = (covered, *verdict)
        elif covered == known_one[0] and score.is_bpb and verdict[0] is not known_one[1]:
            where = f"{score.function or 'module'} (line {score.line})"
            judged[score.function] = (
                covered,
                EvalStatus.UNKNOWN,
                f"{where}: reports two values as bits per byte",
            )
    if not judged:
        if not run.watcher.tables:
            why = "no eval loop was followed to where it reads the tables"
            return EvalStatus.UNKNOWN, f"{why}{_first_obstacle(run)}"
        why = "no score of scored targets could be followed to the final formula"
        return EvalStatus.UNKNOWN, f"{why}{_because(run, '') or _ended(run)}"
    for stack, (line, before) in run.watcher.readers.items():
        # Every loop that reads the tables must have been followed to a score of its own, in it or in one of its callers.
        if not _followed(stack, before, own):
            name = stack[-1] if stack else "module"
            why = f"{name} (line {line}): reads the tables, and its score could not be followed{_because(run, name)}"
            judged[f"{name} "] = (0, EvalStatus.UNKNOWN, why)
    if run.watcher.crowded:
        why = f"line {run.watcher.crowded}: more scores than are kept"
        judged["  "] = (0, EvalStatus.UNKNOWN, why)
    readers = {name for stack in run.watcher.readers for name in stack}
    for name, line in run.watcher.peeks:
        if not name or name in readers:
            why = f"line {line}: what the model is given holds the targets that it predicts"
            judged["    "] = (0, EvalStatus.UNKNOWN, why)
    for name, why in _unfollowed(run, set(judged), own):
        judged[f"{name} "] = (0, EvalStatus.UNKNOWN, why)
    unlike = run.watcher.unlike if run.watcher.tables else run.watcher.unlike_untabled
    for line, what in unlike[:1]:
        judged[" "] = (
            0,
            EvalStatus.UNKNOWN,
            f"line {line}: reports as bits per byte what no evaluation gave: {what}",
        )
    for wanted in (EvalStatus.DEVIATES, EvalStatus.UNKNOWN, EvalStatus.CANONICAL):
        for _, status, why in judged.values():
            if status is wanted:
                return status, why
    return EvalStatus.UNKNOWN, ""


def _first_obstacle(run: _Run) -> str:
    """What kept the evaluation from reading tables by known tokens, as far as one thing did."""
    for name, (line, unknown) in run.watcher.unknown_indices.items():
        return f"; line {line} reads {name or 'a table'} at places that are not known: {_said(unknown)}"
    if run.stuck:
        return _ended(run)
    stuck = run.program.interp.stuck
    return f"; first obstacle at line {stuck[0][0]}: {stuck[0][1]}" if stuck else ""


def _because(run: _Run, function: str) -> str:
    """Why a function's score is not known: what it returned instead; of the first one where no function is named."""
    results = run.watcher.unknown_results
    unknown = results.get(function) if function else next(iter(results.values()), None)
    return f": {_said(unknown)}" if unknown is not None else ""


def _ended(run: _Run) -> str:
    return f"; the evaluation ended before ({run.stuck})" if run.stuck else ""


def _said(unknown: Opaque) -> str:
    return f"line {unknown.line}: {unknown.reason}" if unknown.line else unknown.reason


def _followed(stack: tuple[str, ...], before: int, own: list[tuple[int, Score]]) -> bool:
    """Whether a read of the tables led to a score: of the function that reads, of one that it calls, or of a caller itself."""
    inner = stack[-1] if stack else ""
    return any(
        number >= before and (score.function in (stack or ("",)) or inner in score.callers)
        for number, score in own
    )


def _unfollowed(run: _Run, judged: set[str], own: list[tuple[int, Score]]) -> list[tuple[str, str]]:
    """Functions that index a table where the evaluation knew too little, without a score that was followed later."""
    watcher = run.watcher
    # Models read flags as features, too; who counts bytes reads their lengths.
    lengths = [(container, table) for container, table in watcher.tables.values() if not _flags(table)]
    hints = {table.hint for _, table in lengths if table.hint}
    known = {id(container) for container, _ in lengths}
    builders = {call.name for call in watcher.builders}
    reads = [
        (stack, line, before) for (stack, name), (line, before) in watcher.unread.items() if name in hints
    ]
    reads += [
        (stack, line, before)
        for (_, stack), (array, line, before) in watcher.unread_arrays.items()
        if id(array) in known or any(_same(array.data, table.values) for _, table in lengths)
    ]
    found: list[tuple[str, str]] = []
    if watcher.overflow:
        found.append(("module", f"line {watcher.overflow}: more reads at unknown places than are kept"))
    for stack, line, before in reads:
        if stack and stack[-1] in builders:
            continue
        if not _followed(stack, before, own):
            name = stack[-1] if stack else "module"
            why = f"reads a table, and its score could not be followed{_because(run, name)}"
            found.append((name, f"{name} (line {line}): {why}"))
    if run.stuck:
        found.extend(
            (chunk.name, f"{chunk.name}: the evaluation ended before it ({run.stuck})")
            for source in run.program.sources
            for chunk in source.chunks
            if chunk.kind == "def"
            and chunk.name not in judged | builders
            and not hints.isdisjoint(chunk_words(chunk))
        )
    return found


def _multiplicities(score: Score) -> tuple[float, dict[int, int]] | None:
    """(weight of one count, counts by position), or None when the weights are no multiples of one."""
    values = [w for w in score.weights.values() if w]
    if not values or min(values) <= 0:
        return None
    unit = min(values)
    counts: dict[int, int] = {}
    for position, weight in score.weights.items():
        count = round(weight / unit)
        if not math.isclose(count * unit, weight, rel_tol=1e-6):
            return None
        counts[position] = count
    return unit, counts


def _judge_score(
    score: Score, stream: list[Value], tables: LookupTables, run: _Run
) -> tuple[EvalStatus, str] | None:
    found = _multiplicities(score)
    if found is None:
        return None
    unit, counts = found
    where = f"{score.function or 'module'} (line {score.line})"
    positions = sorted(counts)
    n = sum(counts.values())
    per_token = unit * n
    if math.isclose(per_token, 1.0, rel_tol=1e-6):
        return None
    if math.isclose(per_token * LN2, 1.0, rel_tol=1e-6) and not run.byte_level:
        return None
    if math.isclose(unit, 1.0) or positions[0] < 1:
        return None
    counted = bytes_from_weight(unit)
    expected = sum(m * pair_bytes(tables, int(stream[p - 1]), int(stream[p])) for p, m in counts.items())
    total = len(stream) - 1
    last = positions[-1]
    sidecar = run.program.interp.sidecar
    if sidecar and math.isclose(counted, sum(m * sidecar[p] for p, m in counts.items()), rel_tol=1e-9):
        run.watcher.sidecar_read = True
        expected = counted
    if not math.isclose(counted, expected, rel_tol=1e-9):
        # Only a value that stands for bits per byte, over one stretch of targets each counted once, accuses anybody.
        if not score.is_bpb:
            return None
        if positions != list(range(positions[0], last + 1)) or set(counts.values()) != {1}:
            return (
                EvalStatus.UNKNOWN,
                f"{where}: the targets whose losses and whose bytes are counted could not be matched",
            )
        return EvalStatus.DEVIATES, f"{where}: {_byte_difference(counted, expected, counts, stream, tables)}"
    twice = [p for p, m in counts.items() if m > 1]
    first = positions[0]
    if (
        positions != list(range(first, last + 1))
        or first > run.window
        or total - last >= run.window
        or any(last - p >= run.window for p in twice)
    ):
        cut = run.program.interp.prefixes.get(last + 1)
        if cut is not None and positions == list(range(1, last + 1)) and not twice:
            return (
                EvalStatus.DEVIATES,
                f"{where}: scores the first {last:,} targets of the stream and no more: line {cut} cuts it at {last + 1:,} tokens",
            )
        left_out = _left_out(positions, total)
        return (
            EvalStatus.UNKNOWN,
            f"{where}: scores {len(positions)} of {total} targets of the probe stream{left_out}",
        )
    head = f" from number {first} on (less than one window is left out)" if first > 1 else ""
    again = f"; the last {len(twice)} more than once (windows cut at the end of the stream)" if twice else ""
    return (
        EvalStatus.CANONICAL,
        f"{where}: {len(positions)} targets of the probe stream{head}{again}, {expected:g} bytes",
    )


def _left_out(positions: list[int], total: int) -> str:
    """Which targets before the last that is scored are not, the first stretch of them."""
    missing = sorted(set(range(1, positions[-1])) - set(positions))
    if not missing:
        return "" if positions[-1] == total else f": none after number {positions[-1]}"
    end = next((a for a, b in pairwise(missing) if b != a + 1), missing[-1])
    return f": not {missing[0]} to {end}" + (" and others" if end != missing[-1] else "")


def _byte_difference(
    counted: float, expected: float, counts: dict[int, int], stream: list[Value], tables: LookupTables
) -> str:
    """What a wrong byte count is explained by, as far as a known mistake gives it exactly."""
    base = tables.base_bytes
    pairs = [(int(stream[p - 1]), int(stream[p]), m) for p, m in counts.items()]
    space, boundary = tables.has_leading_space, tables.is_boundary
    hypotheses = {
        "the leading spaces are not added": sum(m * base[y] for _, y, m in pairs),
        "the space after a boundary token is counted": sum(m * (base[y] + space[y]) for _, y, m in pairs),
        "the space is added twice": sum(
            m * (base[y] + 2 * (space[y] and not boundary[x])) for x, y, m in pairs
        ),
        "predecessor and target are swapped": sum(
            m * (base[x] + (space[x] and not boundary[y])) for x, y, m in pairs
        ),
        "the gate is the target, not the predecessor": sum(
            m * (base[y] + (space[y] and not boundary[y])) for _, y, m in pairs
        ),
        "the flag is the predecessor's, not the target's": sum(
            m * (base[y] + (space[x] and not boundary[x])) for x, y, m in pairs
        ),
        "the boundary gate is inverted": sum(m * (base[y] + (space[y] and boundary[x])) for x, y, m in pairs),
    }
    text = f"counts {counted:g} bytes where its own tables give {expected:g}"
    for name, value in hypotheses.items():
        if math.isclose(counted, value, rel_tol=1e-9):
            return f"{text}: {name}"
    return f"{text} (x{counted / expected:.6g})" if expected else text


__all__ = ["DataError", "ScriptAudit", "audit_script", "read_source"]
