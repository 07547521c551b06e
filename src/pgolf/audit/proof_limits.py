"""What keeps a proof open although tables or scores came out right: what probes cannot show, other processes, the model's own losses."""

from __future__ import annotations

from pgolf.audit.evaluation import BuilderCall, Score, Watcher, is_mean, losses_in
from pgolf.audit.found_tables import Found, Run, are_flags, is_table_like
from pgolf.audit.model_losses import judge_model_call, leaves_training_mode
from pgolf.audit.processes import PROCESSES, Evaluation, evaluate_together, losses_alike
from pgolf.audit.score_judgement import judge_scores
from pgolf.core.luts import LookupTables
from pgolf.core.verdict import EvalStatus
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Value


def unseen_by_probes(run: Run, found: Found) -> str:
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
    line = changed_after(run, calls)
    if line:
        return f"line {line}: changes a table after its builder, or may, {why}"
    return ""


def changed_after(run: Run, calls: list[BuilderCall]) -> int:
    """The line where a table is changed, made anew or might be changed after its builder returned it; 0 if nowhere."""
    interp = run.program.interp
    serials: set[int] = set()
    for call in calls:
        own = {array.serial for array in call.arrays if isinstance(array, Tensor)}
        for serial, line in interp.tables.patches[call.patches :]:
            if serial in own:
                return line
        serials |= own
    size = len(run.vocabulary)
    for container, table in run.watcher.tables.values():
        if not isinstance(container, Tensor) or not serials or not is_table_like(table, size):
            continue
        at: Tensor | None = container
        for _ in range(8):
            if at is None or at.serial in serials:
                break
            at = at.source
        if at is None or at.serial not in serials:
            return table.line
    return 0


def unknown_reads(run: Run, found: Found) -> str:
    """Why tables that a builder returned are not known to be those that a loop reads, or ''."""
    reads = run.watcher.unknown_reads
    if found.how == "read" or not reads or any(not are_flags(t) for _, t in run.watcher.tables.values()):
        return ""
    name, line, reason = reads[0]
    return f"line {line}: reads {name or 'a table'} by token, and what it holds is not known: {reason}"


def not_together(run: Run, tables: LookupTables, calls: list[Evaluation]) -> str:
    """Why several processes together are not proved to score what one does in these calls, or ''."""
    if not run.program.interp.world.asked:
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


def _problem_of_processes(
    run: Run, call: Evaluation, processes: int, tables: LookupTables
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
    several = Run(run.vocabulary, observer, run.program, byte_level=run.byte_level)
    status, why = judge_scores(scores, several, tables)
    if status is EvalStatus.CANONICAL:
        return True, ""
    return True, f"{name}: {processes} processes together do not score what one does: {why}"


def not_a_loss(run: Run) -> str:
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


def doubt(run: Run) -> str:
    """Why nothing is proved about a script that does something which could change tables unseen."""
    doubts = run.program.interp.doubts
    return f"line {doubts[0][0]}: {doubts[0][1]}" if doubts else ""
