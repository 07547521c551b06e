"""Is a score what the contest defines: which targets it counts, how often, and by which bytes it divides."""

from __future__ import annotations

import math
from itertools import pairwise

from pgolf.audit.evaluation import Score, bytes_from_weight
from pgolf.audit.found_tables import Run, are_flags, same_values
from pgolf.core.bpb import LN2
from pgolf.core.luts import LookupTables, pair_bytes
from pgolf.core.verdict import EvalStatus
from pgolf.untrusted.source import chunk_words
from pgolf.untrusted.values import Opaque, Value

# ---------------------------------------------------------------------------------------------------------
# Scores


def judge_scores(scores: list[Score], run: Run, tables: LookupTables) -> tuple[EvalStatus, str]:
    """What the scores prove about the eval loops, given the tables they read."""
    stream = run.program.interp.probe.stream
    if not stream:
        return EvalStatus.UNKNOWN, "no token stream was loaded"
    judged: dict[str, tuple[int, EvalStatus, str]] = {}
    own: list[tuple[int, Score]] = []
    known: set[int] = set()
    for number, score in enumerate(scores):
        verdict = judge_score(score, stream, tables, run)
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
            return EvalStatus.UNKNOWN, f"{why}{first_obstacle(run)}"
        why = "no score of scored targets could be followed to the final formula"
        return EvalStatus.UNKNOWN, f"{why}{because(run, '') or ended(run)}"
    for stack, (line, before) in run.watcher.readers.items():
        # Every loop that reads the tables must have been followed to a score of its own, in it or in one of its callers.
        if not _followed(stack, before, own):
            name = stack[-1] if stack else "module"
            why = f"{name} (line {line}): reads the tables, and its score could not be followed{because(run, name)}"
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


def first_obstacle(run: Run) -> str:
    """What kept the evaluation from reading tables by known tokens, as far as one thing did."""
    for name, (line, unknown) in run.watcher.unknown_indices.items():
        return f"; line {line} reads {name or 'a table'} at places that are not known: {said(unknown)}"
    if run.stuck:
        return ended(run)
    stuck = run.program.interp.stuck
    return f"; first obstacle at line {stuck[0][0]}: {stuck[0][1]}" if stuck else ""


def because(run: Run, function: str) -> str:
    """Why a function's score is not known: what it returned instead; of the first one where no function is named."""
    results = run.watcher.unknown_results
    unknown = results.get(function) if function else next(iter(results.values()), None)
    return f": {said(unknown)}" if unknown is not None else ""


def ended(run: Run) -> str:
    return f"; the evaluation ended before ({run.stuck})" if run.stuck else ""


def said(unknown: Opaque) -> str:
    return f"line {unknown.line}: {unknown.reason}" if unknown.line else unknown.reason


def _followed(stack: tuple[str, ...], before: int, own: list[tuple[int, Score]]) -> bool:
    """Whether a read of the tables led to a score: of the function that reads, of one that it calls, or of a caller itself."""
    inner = stack[-1] if stack else ""
    return any(
        number >= before and (score.function in (stack or ("",)) or inner in score.callers)
        for number, score in own
    )


def _unfollowed(run: Run, judged: set[str], own: list[tuple[int, Score]]) -> list[tuple[str, str]]:
    """Functions that index a table where the evaluation knew too little, without a score that was followed later."""
    watcher = run.watcher
    # Models read flags as features, too; who counts bytes reads their lengths.
    lengths = [(container, table) for container, table in watcher.tables.values() if not are_flags(table)]
    hints = {table.hint for _, table in lengths if table.hint}
    known = {id(container) for container, _ in lengths}
    builders = {call.name for call in watcher.builders}
    reads = [
        (stack, line, before) for (stack, name), (line, before) in watcher.unread.items() if name in hints
    ]
    reads += [
        (stack, line, before)
        for (_, stack), (array, line, before) in watcher.unread_arrays.items()
        if id(array) in known or any(same_values(array.data, table.values) for _, table in lengths)
    ]
    found: list[tuple[str, str]] = []
    if watcher.overflow:
        found.append(("module", f"line {watcher.overflow}: more reads at unknown places than are kept"))
    for stack, line, before in reads:
        if stack and stack[-1] in builders:
            continue
        if not _followed(stack, before, own):
            name = stack[-1] if stack else "module"
            why = f"reads a table, and its score could not be followed{because(run, name)}"
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


def judge_score(
    score: Score, stream: list[Value], tables: LookupTables, run: Run
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
    sidecar = run.program.interp.probe.sidecar
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
        cut = run.program.interp.probe.prefixes.get(last + 1)
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
