"""Audit one script: what is proved about its byte tables, its eval loop, and where its bytes come from.

The script is unwrapped as data and evaluated (never run) with a tokenizer of ours and a short probe stream. The tables
that count are those that an eval path reads by stream tokens, as they are when they are read; if no eval path could be
followed that far, those that the tokenizer-asking functions return on the path from the entry point.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pgolf.audit.compare import compare, compare_probes, has_class, merge_structure
from pgolf.audit.constant_formula import constant_bytes, vocabulary_sizes
from pgolf.audit.evaluation import Score, Watcher, is_mean, losses_in
from pgolf.audit.found_tables import (
    WINDOW,
    Found,
    Run,
    call_builder,
    differ,
    from_builder,
    lone_builders,
    returned_what_was_read,
    same_values,
    tables_in,
    tables_of,
    unknown_in,
)
from pgolf.audit.handed_on import may_change_tables
from pgolf.audit.probe_stream import probe_stream
from pgolf.audit.probes import EXOTIC, probe_vocabularies
from pgolf.audit.processes import PROCESSES, Evaluation, Sums, evaluate_together, with_one_more
from pgolf.audit.proof_limits import (
    changed_after,
    doubt,
    not_a_loss,
    not_together,
    unknown_reads,
    unseen_by_probes,
)
from pgolf.audit.score_judgement import judge_score, judge_scores
from pgolf.audit.untabled import Untabled, bytes_without_table
from pgolf.core.deviation import Deviation
from pgolf.core.finding import Finding
from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.token_flow import NO_FLOW, TokenFlow
from pgolf.core.tokenizer import Vocabulary
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus
from pgolf.errors import DataError, LimitTripped
from pgolf.untrusted.intrinsics.library import environ_set
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.program import Program, run_program
from pgolf.untrusted.script import Script
from pgolf.untrusted.source import read_source
from pgolf.untrusted.values import Opaque, ScriptRaise, Stuck, Tok

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
    ) -> Run:
        """Evaluate the whole script with one vocabulary, or until that many tables were read by tokens.

        `process`: as one process of several, given as its rank and their number; `incoming` is what the others hand to sums.

        `for_the_order` of steps and scores one process is followed that keeps what later rounds may change: it proves nothing.
        """
        stream = [Tok.at(t, i) for i, t in enumerate(probe_stream(vocabulary))]

        def prepare(program: Program) -> None:
            interp = program.interp
            interp.probe.hold(stream)
            interp.probe.vocab_size = len(vocabulary)
            interp.around.read_npz = _read_npz
            interp.around.settings = self.settings
            interp.other_sizes = other_sizes
            if for_the_order:
                interp.world.process, interp.training_rounds, interp.forgets = (0, 1), 3, False
            if process is not None:
                interp.world.process, interp.world.incoming = process, list(incoming)
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
        return Run(vocabulary, watcher, program, stuck, OTHER_WINDOW if other_sizes else WINDOW)

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
        found = tables_of(first, first.program.interp.probe.vocab_size)
        if found is None and bytes_without_table(first.watcher, first.program, self.data) is None:
            found = self._lone_builder(first)
        if found is None:
            return self._no_tables(first)
        interp = first.program.interp
        if not interp.probe.tokenizer_calls and not interp.around.tables_read and not self.notes:
            return self._not_of_a_tokenizer(first, found)
        return self._judge(first, found)

    def _not_of_a_tokenizer(self, run: Run, found: Found) -> ScriptAudit:
        """Tables that were made without asking a tokenizer: those of a byte-level vocabulary, or not comparable."""
        size = len(run.vocabulary)
        problem = unknown_in(found, size)
        sizes = set(found.base) - {0}
        sub_words = _is_sub_word(run)
        if problem is None and sizes == {1} and not any(found.space) and not sub_words:
            run.byte_level = True
            evaluation, why = self._eval_status(run, tables_in(found))
            return self._answer(
                run, LutStatus.UNKNOWN, (), ByteSource.BYTE_LEVEL, evaluation, "", None,
                "no SentencePiece table: every token is one byte (or none)", why, found,
            )  # fmt: skip
        if sub_words and sizes == {1}:
            problem = (
                problem or "its tables give every token one byte, and its vocabulary is no byte vocabulary"
            )
        return self._unknown(run, found, problem or "its tables are not made from a SentencePiece tokenizer")

    def _lone_builder(self, run: Run) -> Found | None:
        """The only function of a script that makes tables out of a tokenizer, called by itself.

        For modules without an entry point, and for scripts whose way to it could not be followed. Several such
        functions with different tables decide nothing.
        """
        results: list[Found] = []
        for name in lone_builders(run):
            call = call_builder(run, name)
            if call is not None:
                found = from_builder(call, run.vocabulary)
                if found is not None and unknown_in(found, len(run.vocabulary)) is None:
                    run.watcher.builders.append(call)
                    results.append(found)
        if not results or any(tables_in(r) != tables_in(results[0]) for r in results[1:]):
            return None
        self.notes.append(
            f"{results[0].name}() was not reached from an entry point; it was evaluated by itself"
        )
        return results[0]

    def _follow_launch(self, run: Run) -> ScriptAudit | None:
        """A launcher: the sibling script that it starts is the one to audit."""
        if run.watcher.builders or run.watcher.tables:
            return None
        for line, name in run.program.launched:
            base = name.rsplit("/", 1)[-1]
            for candidate in (name.removeprefix("./"), base):
                if candidate == self.script.path.rsplit("/", 1)[-1]:
                    continue
                data = run.program.interp.around.written.get(candidate) or self.script.siblings.read(
                    candidate
                )
                if isinstance(data, bytes):
                    own = {**run.program.interp.around.environment_set, **run.program.launch_environment}
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

    def _judge(self, first: Run, found: Found) -> ScriptAudit:
        problem = unknown_in(found, len(first.vocabulary))
        if problem is None and first.watcher.unkept_table:
            problem = f"line {first.watcher.unkept_table}: more tables are read by tokens than are kept"
        if problem is not None:
            return self._unknown(first, found, problem)
        if self.vocabulary is not None:
            whole = self._on_given(first, found, self.vocabulary)
            if isinstance(whole, str):
                return self._unknown(first, found, whole)
            if compare(tables_in(whole), self.vocabulary) and not compare(tables_in(found), first.vocabulary):
                # Before a deviation is said that the whole script did not show, the whole script has to show it.
                whole = self._on_given(first, found, self.vocabulary, alone=False)
                if isinstance(whole, str):
                    return self._unknown(first, found, whole)
            tables = tables_in(whole)
            of_tokenizer = differ(tables_in(found), tables)
            structure = (d for d in self._structure(first, found) if not has_class(d.name, self.vocabulary))
            deviations = merge_structure(structure, compare(tables, self.vocabulary))
            evidence = f"exhaustive, {len(self.vocabulary)} tokens"
        else:
            pairs = [(tables_in(found), first.vocabulary)]
            for probe in probe_vocabularies()[1:]:
                other = self._same_builder(first, found, probe)
                if other is None:
                    _, other = self._again(first, found, probe)
                    if other is None:
                        return self._unknown(
                            first, found, "its tables could not be evaluated on every probe vocabulary"
                        )
                problem = unknown_in(other, len(probe))
                if problem is not None:
                    return self._unknown(first, found, problem)
                pairs.append((tables_in(other), probe))
            deviations = compare_probes(pairs)
            if deviations and not compare(*pairs[0]):
                # Nothing deviates on the vocabulary that the whole script was evaluated with: before it is said of
                # the others, where only the builder was, they are evaluated in full, too.
                pairs[1:] = []
                for probe in probe_vocabularies()[1:]:
                    _, other = self._again(first, found, probe)
                    problem = "not reached" if other is None else unknown_in(other, len(probe))
                    if other is None or problem is not None:
                        return self._unknown(
                            first, found, f"its tables on {probe.name} are not known: {problem}"
                        )
                    pairs.append((tables_in(other), probe))
                deviations = compare_probes(pairs)
            tables = pairs[0][0]
            of_tokenizer = any(differ(tables, other) for other, _ in pairs[1:])
            evidence = f"probe, {sum(len(v) for _, v in pairs)} tokens of {len(pairs)} vocabularies"
        status = LutStatus.BUGGY if deviations else LutStatus.CORRECT
        unread = (
            self._unread(first)
            or doubt(first)
            or may_change_tables(first.program, set(first.watcher.entered))
            or unknown_reads(first, found)
            or ("" if self.vocabulary else unseen_by_probes(first, found))
        )
        if status is LutStatus.BUGGY and first.stuck and not (first.watcher.scores or of_tokenizer):
            # What was read until a bound stopped the evaluation need not be what its score is made with.
            return self._unknown(first, found, first.stuck)
        if unread and status is LutStatus.CORRECT:
            return self._unknown(first, found, unread)
        evaluation, why = self._eval_status(first, tables_in(found))
        source = ByteSource.NPZ if first.program.interp.around.tables_read else ByteSource.TABLE
        if first.watcher.sidecar_read:
            source = ByteSource.SIDECAR
        return self._answer(first, status, deviations, source, evaluation, evidence, tables, "", why, found)

    def _on_given(self, first: Run, found: Found, vocabulary: Vocabulary, alone: bool = True) -> Found | str:
        """The tables on every token of the given tokenizer, or why they are not known.

        The script was evaluated on a small vocabulary to find its builder and loops; where the builder can be called
        by itself, and nothing may change what it returned, only that is evaluated again, else the whole script.
        """
        calls = [call for call in first.watcher.builders if call.name == found.name]
        alone = alone and not changed_after(first, calls)
        whole = self._same_builder(first, found, vocabulary) if alone else None
        if whole is None:
            run, repeated = self._again(first, found, vocabulary)
            if repeated is None:
                return run.stuck or "its tables could not be evaluated on the given tokenizer"
            whole = repeated
        return unknown_in(whole, len(vocabulary)) or whole

    def _again(self, first: Run, found: Found, vocabulary: Vocabulary) -> tuple[Run, Found | None]:
        """The whole script on another vocabulary, for its tables: followed until those that `found` names were read.

        What comes later changes no table that was read; whether it reads others was `first`'s to see.
        """
        columns = (found.base, found.space, found.boundary)
        read = [table.values for _, table in first.watcher.tables.values()]
        last = [next((i for i, v in enumerate(read, 1) if same_values(v, c)), len(read)) for c in columns]
        wanted = max(last)
        run = self.evaluate(vocabulary, wanted)
        again = tables_of(run, len(vocabulary))
        if again is None and wanted:
            run = self.evaluate(vocabulary)
            again = tables_of(run, len(vocabulary))
        if again is None and self.notes:
            again = self._lone_builder(run)
        return run, again

    def _unread(self, run: Run) -> str:
        if run.program.unread:
            line, reason = run.program.unread[0]
            return f"line {line}: {reason}"
        for source in run.program.sources:
            if source.partial and not source.never_ran:
                return f"{source.path}: parsed in part only ({source.problem})"
        return ""

    def _same_builder(self, first: Run, found: Found, probe: Vocabulary) -> Found | None:
        """Evaluate only the builder again, with another vocabulary, when its result is what the eval path read."""
        call = next(
            (b for b in reversed(first.watcher.builders) if b.name == found.name and found.how != "read"),
            None,
        )
        if (
            call is None
            or not call.is_unchanged(len(first.vocabulary))
            or not returned_what_was_read(first, call)
        ):
            return None
        interp = first.program.interp
        size = len(first.vocabulary)
        args = [len(probe) if type(v) is int and v == size else v for v in call.args]
        kwargs = {k: len(probe) if type(v) is int and v == size else v for k, v in call.kwargs.items()}
        watcher = Watcher(probe, 0)
        kept = interp.observer, interp.probe.vocab_size, interp.probe.token_reads
        # Nothing was read by tokens when the builder ran: its own counters are no counts of a loop over the stream.
        interp.observer, interp.probe.vocab_size, interp.probe.token_reads = watcher, len(probe), 0
        interp.steps_left, interp.cells_left = self.limits.interpreter_steps, self.limits.interpreter_cells
        first.program.tokenizer.vocabulary = probe
        try:
            interp.call_function(call.function, args, kwargs, call.line)
        except (Stuck, ScriptRaise, LimitTripped):
            return None
        finally:
            first.program.tokenizer.vocabulary = first.vocabulary
            interp.observer, interp.probe.vocab_size, interp.probe.token_reads = kept
        if not watcher.builders:
            return None
        watcher.builders[-1].hints = call.hints
        again = from_builder(watcher.builders[-1], probe)
        if again is None or unknown_in(again, len(probe)) is not None:
            return None
        return again

    def _structure(self, first: Run, found: Found) -> tuple[Deviation, ...]:
        """Deviations that the same builder shows on the probes: for token classes that the given tokenizer lacks.

        None where the builder cannot be evaluated by itself; the proof on the given tokenizer stands without them.
        """
        pairs = []
        for probe in probe_vocabularies():
            if probe.name == EXOTIC:
                continue
            other = self._same_builder(first, found, probe)
            if other is None or unknown_in(other, len(probe)) is not None:
                return ()
            pairs.append((tables_in(other), probe))
        return compare_probes(pairs)

    def _eval_status(self, run: Run, tables: LookupTables) -> tuple[EvalStatus, str]:
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
            problem = not_a_loss(run) or self._only_here(run, tables)
            if problem:
                return EvalStatus.UNKNOWN, problem
        return status, why

    def _only_here(self, run: Run, tables: LookupTables) -> str:
        """Why the loop is not canonical where a run has several processes or windows of another size, or ''.

        `nll[-4:]` scores what a stride of 4 leaves, and not what one of 64 does: a literal that happens to be a size here.
        Both questions are asked at once; where that has no answer, one by one.
        """
        calls = run.watcher.evaluations or run.watcher.untabled
        left = [call for call in calls if not _holds_elsewhere(run, call, tables)]
        unshown = self._has_unshown_score(run, tables)
        if not left and not unshown:
            return ""
        problem = not_together(run, tables, left) or (
            self._not_together_as_a_whole(run, tables) if unshown else ""
        )
        if problem:
            return problem
        other = self.evaluate(run.vocabulary, other_sizes=True)
        other.byte_level = run.byte_level
        status, why = judge_scores(other.watcher.scores, other, tables)
        return "" if status is EvalStatus.CANONICAL else f"only at one size of its windows: {why}"

    def _has_unshown_score(self, run: Run, tables: LookupTables) -> bool:
        """Whether a canonical score is made outside the eval functions: in `main`, or by the module itself."""
        calls = [*run.watcher.evaluations, *run.watcher.untabled]
        shown = {id(form.weights) for call in calls for form in call.scores}
        covered: dict[str, int] = {}
        for call in calls:
            name = call.function.name
            covered[name] = max(covered.get(name, 0), *(len(form.weights) for form in call.scores))
        stream = run.program.interp.probe.stream
        for score in run.watcher.scores:
            # What an eval function prints on its way comes before what it returns.
            if id(score.weights) in shown or covered.get(score.function, 0) >= len(score.weights):
                continue
            verdict = judge_score(score, stream, tables, run)
            if verdict is not None and verdict[0] is EvalStatus.CANONICAL:
                return True
        return False

    def _not_together_as_a_whole(self, run: Run, tables: LookupTables) -> str:
        """Why several processes together are not proved to score what one does, where no eval function alone shows it, or '':
        the whole script is evaluated as each of them."""
        if not run.program.interp.world.asked:
            return ""
        problem = ""
        for processes in PROCESSES:
            followed, problem = self._whole_problem(run, tables, processes)
            if followed:
                break
        return problem

    def _whole_problem(self, run: Run, tables: LookupTables, processes: int) -> tuple[bool, str]:
        """Whether the script could be followed as so many processes, and why they do not score what one does, or ''."""
        incoming: Sums | None = None
        for rank in range(processes - 1, -1, -1):
            one = self.evaluate(
                run.vocabulary, process=(rank, processes), incoming=incoming or () if rank == 0 else ()
            )
            interp = one.program.interp
            if one.stuck or (rank == 0 and interp.world.incoming):
                why = one.stuck or "its first process takes part in fewer sums than the others"
                return False, f"what {processes} processes score together is not known: {why}"
            if rank:
                incoming = with_one_more(interp, incoming)
                if incoming is None:
                    why = "they take part in different sums"
                    return False, f"what {processes} processes score together is not known: {why}"
        status, why = judge_scores(one.watcher.scores, one, tables)
        if status is EvalStatus.CANONICAL:
            return True, ""
        return True, f"{processes} processes together do not score what one does: {why}"

    # -- answers -------------------------------------------------------------------------------------

    def _no_tables(self, run: Run) -> ScriptAudit:
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

    def _constant_in_text(self, run: Run) -> Untabled | None:
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

    def _why_nothing(self, run: Run) -> str:
        for source in run.program.sources:
            if source.problem and not source.chunks:
                return f"line {source.problem_line}: {source.problem}"
        if self.missing:
            return self.missing
        if run.program.missing_modules:
            return f"imports {run.program.missing_modules[0]}, which is neither beside the script nor a known package"
        npz = sorted(run.program.interp.around.tables_read)
        if npz:
            return f"its tables come from {npz[0]}, which is not beside the script"
        if run.program.launched:
            return f"line {run.program.launched[0][0]}: starts {run.program.launched[0][1]}, which is not beside the script"
        interp = run.program.interp
        if interp.stuck:
            line, reason = interp.stuck[0]
            return f"no byte table was reached; first obstacle at line {line}: {reason}"
        return self._what_it_is(run)

    def _scores_nothing(self, run: Run) -> str:
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

    def _what_it_is(self, run: Run) -> str:
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

    def _unknown(self, run: Run, found: Found, reason: str) -> ScriptAudit:
        source = ByteSource.NPZ if run.program.interp.around.tables_read else ByteSource.UNKNOWN
        return self._answer(
            run, LutStatus.UNKNOWN, (), source, EvalStatus.UNKNOWN, "", None, reason, reason, found
        )

    def _answer(
        self, run: Run, status: LutStatus, deviations: tuple[Deviation, ...], source: ByteSource, evaluation: EvalStatus,
        evidence: str, tables: LookupTables | None, reason: str, eval_reason: str, found: Found | None,
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
            environment=dict(interp.around.environment), tokenizer_paths=tuple(sorted(interp.probe.tokenizer_paths)),
            flow=self.flow,
        )  # fmt: skip


def _one_byte_each(run: Run, special_ids: int) -> LookupTables:
    """Tables of a byte vocabulary: one byte for each token, none for the ids before them."""
    size = len(run.vocabulary)
    none = (False,) * size
    return LookupTables(tuple(int(i >= special_ids) for i in range(size)), none, none)


def _is_sub_word(run: Run) -> bool:
    """Whether every vocabulary size that the script names is too large for one of bytes."""
    return min(vocabulary_sizes(run.program.sources), default=0) >= MIN_SUBWORD_VOCABULARY


def _has_byte_vocabulary(run: Run) -> bool:
    """Whether the script names a vocabulary of 256 bytes and a few special ids."""
    return any(256 <= size <= 320 for size in vocabulary_sizes(run.program.sources))


def _holds_elsewhere(run: Run, call: Evaluation, tables: LookupTables) -> bool:
    """Whether a call is seen to be canonical at other sizes, too, as several processes where the script has some."""
    length = run.watcher.stream_length
    interp = run.program.interp
    for processes in PROCESSES if interp.world.asked else (1,):
        together = evaluate_together(
            interp, call, lambda: Watcher(run.vocabulary, length), processes, other_sizes=True
        )
        found = losses_in(together.value)
        if isinstance(together.observer, Watcher) and found:
            scores = [Score(form.weights, call.function.name, call.line, not is_mean(form)) for form in found]
            other = Run(run.vocabulary, together.observer, run.program, "", OTHER_WINDOW, run.byte_level)
            return judge_scores(scores, other, tables)[0] is EvalStatus.CANONICAL
    return False


def _with(audit: ScriptAudit, **changes: Any) -> ScriptAudit:
    from dataclasses import replace

    return replace(audit, **changes)


def _read_npz(data: bytes, name: str) -> dict[str, Any]:
    from pgolf.tokens.npz_tables import read_npz

    return dict(read_npz(data, name))


__all__ = ["DataError", "ScriptAudit", "audit_script", "read_source"]
