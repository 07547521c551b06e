"""The byte tables of one evaluation: found by what eval paths read by tokens, or by what tokenizer-asking functions return."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from pgolf.audit.evaluation import BuilderCall, ConsumedTable, Watcher, flat_values
from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.tokenizer import Vocabulary
from pgolf.errors import LimitTripped
from pgolf.untrusted.program import Program
from pgolf.untrusted.source import chunk_words
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Opaque, ScriptRaise, Stuck, Tok, Value

WINDOW = 16
"""Largest window that the scaled-down evaluation may use; a tail shorter than it may be dropped."""


@dataclass(slots=True)
class Run:
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
class Found:
    """Tables of one evaluation: three columns as values, and how they were found."""

    base: list[Value]
    space: list[Value]
    boundary: list[Value]
    how: str
    name: str
    line: int
    missing: tuple[str, ...] = ()


def differ(a: LookupTables, b: LookupTables) -> bool:
    """Whether tables on two vocabularies give other byte lengths where both have ids, and not one length for all."""
    return len(set(a.base_bytes)) > 1 and any(
        x != y for x, y in zip(a.base_bytes, b.base_bytes, strict=False)
    )


# ---------------------------------------------------------------------------------------------------------
# Tables


_BUILDER_WORDS = frozenset(
    {"is_byte", "IsByte", "id_to_piece", "IdToPiece", "is_control", "IsControl", "is_unknown", "is_unused"}
)
_MOST_LONE = 8
"""Builders that nothing calls and that are called each by itself; of more, none is."""


_TOKENIZER_NAMES = ("sp", "tok", "spm", "processor", "encoder")


def lone_builders(run: Run) -> list[str]:
    """Names of top-level functions that ask a tokenizer about its pieces and are mentioned elsewhere in the script."""
    found: list[str] = []
    for source in run.program.sources:
        for chunk in source.chunks:
            if chunk.kind == "def" and chunk.name and not _BUILDER_WORDS.isdisjoint(chunk_words(chunk)):
                others = sum(1 for c in source.chunks if c is not chunk and chunk.name in chunk_words(c))
                if others or len(source.chunks) < 3:
                    found.append(chunk.name)
    return found if len(found) <= _MOST_LONE else []


def call_builder(run: Run, name: str) -> BuilderCall | None:
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


def tables_of(run: Run, size: int) -> Found | None:
    """The tables that count in one evaluation, or None."""
    consumed = list(run.watcher.tables.values())
    if consumed:
        found = _from_consumed([table for _, table in consumed], run)
        if found is not None:
            return found
    builders = [call for call in run.watcher.builders if _makes_tables(call, len(run.vocabulary))]
    return from_builder(_outermost(builders), run.vocabulary) if builders else None


def _makes_tables(call: BuilderCall, size: int) -> bool:
    """Byte lengths and at least one column of flags, all of one length: not tokens, documents or counts."""
    lengths = {len(flat_values(a, size)) for a in call.arrays}
    flags = [a for a in call.arrays if all(isinstance(v, (bool, Opaque)) for v in flat_values(a, size))]
    return len(lengths) == 1 and 2 <= len(call.arrays) <= 6 and 0 < len(flags) < len(call.arrays)


def _outermost(builders: list[BuilderCall]) -> BuilderCall:
    """The last call with the most arrays (an outer call repeats what an inner one returned)."""
    most = max(len(b.arrays) for b in builders)
    return next(b for b in reversed(builders) if len(b.arrays) == most)


def from_builder(call: BuilderCall, vocabulary: Vocabulary) -> Found | None:
    size = len(vocabulary)
    hints = call.hints if len(call.hints) == len(call.arrays) else ("",) * len(call.arrays)
    tables = [
        ConsumedTable(
            list(flat_values(a, size)), a.dtype if isinstance(a, Tensor) else "list", hint, call.line
        )
        for a, hint in zip(call.arrays, hints, strict=True)
    ]
    return _assign(tables, vocabulary, "built", call.name, call.line)


def _from_consumed(tables: list[ConsumedTable], run: Run) -> Found | None:
    vocabulary = run.vocabulary
    candidates = [t for t in tables if is_table_like(t, len(vocabulary))]
    if not candidates:
        return None
    builders = run.watcher.builders
    size = len(vocabulary)
    whole: Found | None = None
    for call in builders:
        contents = [list(flat_values(a, size)) for a in call.arrays]
        if all(any(same_values(t.values, c) for c in contents) for t in candidates):
            # What the loop reads is what this call returned, so the call's other tables belong to it,
            # whether the loop reads them or not. Its names for them tell a wrong column's role.
            call.hints = _hints(contents, candidates)
            whole = whole or from_builder(call, vocabulary)
    return whole or _assign(candidates, vocabulary, "read", "", candidates[0].line)


def _hints(contents: list[list[Value]], tables: list[ConsumedTable]) -> tuple[str, ...]:
    """For each content the name through which it is read; tables that hold the same are taken in turn."""
    left = list(tables)
    hints: list[str] = []
    for content in contents:
        found = next((t for t in (*left, *tables) if same_values(t.values, content)), None)
        left = [t for t in left if t is not found]
        hints.append(found.hint if found is not None else "")
    return tuple(hints)


def same_values(a: list[Value], b: list[Value]) -> bool:
    n = min(len(a), len(b))
    try:
        return a[:n] == b[:n]
    except TypeError:
        return False


def returned_what_was_read(run: Run, call: BuilderCall) -> bool:
    size = len(run.vocabulary)
    contents = [list(flat_values(a, size)) for a in call.arrays]
    tables = [t for _, t in run.watcher.tables.values() if is_table_like(t, size)]
    return all(any(same_values(t.values, c) for c in contents) for t in tables)


def is_table_like(table: ConsumedTable, size: int) -> bool:
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
) -> Found | None:
    """Give each table its role: by what it holds, then by its name, then by its place."""
    size = len(vocabulary)
    unique: list[ConsumedTable] = []
    for t in tables:
        same = next(
            (
                u
                for u in unique
                if same_values(u.values, t.values) and are_flags(u) == are_flags(t) and not _apart(u, t)
            ),
            None,
        )
        if same is None:
            unique.append(t)
    numeric = [t for t in unique if not are_flags(t)]
    flags = [t for t in unique if are_flags(t)]
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
    return Found(
        base.values,
        space.values if space is not None else [False] * length,
        boundary.values if boundary is not None else list(canonical.is_boundary) + [True] * (length - size),
        how, name, line or base.line, missing,
    )  # fmt: skip


def _apart(a: ConsumedTable, b: ConsumedTable) -> bool:
    """Whether two columns of flags stand for different things by their names, whatever they hold."""
    roles = {_hint_role(a), _hint_role(b)}
    return are_flags(a) and roles == {"space", "boundary"}


def are_flags(table: ConsumedTable) -> bool:
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


def unknown_in(found: Found, size: int) -> str | None:
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


def tables_in(found: Found) -> LookupTables:
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
