"""What the audit says of a generated builder, against the tables that CPython makes: disagreements in words."""

from __future__ import annotations

from dataclasses import dataclass

from pgolf.audit.probes import probe_vocabularies
from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.deviation import DeviationName as N
from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.tokenizer import BOUNDARY_KINDS, MARKER, Piece, PieceKind, Vocabulary
from pgolf.core.verdict import LutStatus
from pgolf.untrusted.script import NoSiblings, Script
from tests.grammar.builders import Program
from tests.grammar.cpython import equals_canonical, tables_in_cpython


@dataclass(frozen=True, slots=True)
class Agreement:
    """The audit's word, why not if it said UNKNOWN, and what contradicts CPython ("" for nothing)."""

    status: LutStatus
    reason: str
    problem: str
    right: bool | None
    """Whether CPython's tables are canonical on every vocabulary; None where the program raises on one."""


def audit(source: str, vocabulary: Vocabulary | None = None) -> ScriptAudit:
    return audit_script(Script("train_gpt.py", source.encode(), NoSiblings()), vocabulary)


def agreement(program: Program, given: Vocabulary | None = None) -> Agreement:
    """Audit one program on the probes (or on a given vocabulary) and in CPython on the same vocabularies."""
    vocabularies = (given,) if given is not None else probe_vocabularies()
    tables: list[LookupTables | None] = []
    raised = ""
    for vocabulary in vocabularies:
        try:
            tables.append(tables_in_cpython(program.source, vocabulary))
        except (ArithmeticError, LookupError, ValueError, RuntimeError) as error:
            tables.append(None)
            raised = raised or f"{vocabulary.name}: {type(error).__name__}: {error}"
    found = audit(program.source, given)
    known = [(t, v) for t, v in zip(tables, vocabularies, strict=True) if t is not None]
    differs = [v.name for t, v in known if not equals_canonical(t, v)]
    right = None if raised and not differs else not differs
    return Agreement(
        found.lut_status, found.reason, _problem(found, program, known, differs, raised, tables[0]), right
    )


def _problem(
    found: ScriptAudit, program: Program, known: list[tuple[LookupTables, Vocabulary]], differs: list[str], raised: str,
    first: LookupTables | None,
) -> str:  # fmt: skip
    if found.lut_status is LutStatus.CORRECT:
        if differs:
            return f"CORRECT, and CPython's tables differ on {differs}"
        if raised:
            return f"CORRECT, and CPython raises: {raised}"
    if found.lut_status is LutStatus.BUGGY:
        if not differs and not raised:
            return f"BUGGY by {_names(found)}, and CPython's tables are canonical"
        for deviation in found.deviations:
            if not any(_shows(deviation.name, t, v) for t, v in known):
                return f"names {deviation.name}, which CPython's tables do not show"
        names = {d.name for d in found.deviations}
        if len(program.intended) == 1 and not program.odd and not raised and names != program.intended:
            return f"names {_names(found)} where only {sorted(program.intended)} was mixed in"
    if found.tables is not None and first is not None:
        # Element by element, wraparound of narrow element types included.
        n = len(first)
        ours = (found.tables.base_bytes[:n], found.tables.has_leading_space[:n], found.tables.is_boundary[:n])
        for name, mine, real in zip(
            ("base_bytes", "has_leading_space", "is_boundary"), ours,
            (first.base_bytes, first.has_leading_space, first.is_boundary), strict=True,
        ):  # fmt: skip
            if list(mine) != list(real):
                at = next(i for i, (a, b) in enumerate(zip(mine, real, strict=True)) if a != b)
                return f"{name}[{at}] is {real[at]} in CPython, {mine[at]} here"
    return ""


def _names(found: ScriptAudit) -> list[str]:
    return sorted(d.name.value for d in found.deviations)


def _shows(name: N, tables: LookupTables, vocabulary: Vocabulary) -> bool:
    """Whether some token of the class that a deviation speaks of has another entry than the canonical one."""
    wanted = canonical_tables(vocabulary)
    for i, piece in enumerate(vocabulary.pieces):
        size = tables.base_bytes[i] != wanted.base_bytes[i]
        flag = tables.has_leading_space[i] != wanted.has_leading_space[i]
        mask = tables.is_boundary[i] != wanted.is_boundary[i]
        if _of_class(name, piece) and {N.SPACE_FLAG_WRONG: flag, N.BOUNDARY_MASK_WRONG: mask}.get(
            name, size or flag or mask
        ):
            return True
    return False


def _of_class(name: N, piece: Piece) -> bool:
    text = piece.kind in (PieceKind.NORMAL, PieceKind.USER_DEFINED)
    marked = piece.text.startswith(MARKER)
    classes = {
        N.BYTE_TOKEN_WRONG_SIZE: piece.kind is PieceKind.BYTE,
        N.MISSING_IS_UNUSED: piece.kind is PieceKind.UNUSED,
        N.BOUNDARY_BYTES_COUNTED: piece.kind in BOUNDARY_KINDS,
        # A text that is taken for a marked one, or a marked one that is not.
        N.MARKER_NOT_RECOGNISED: text,
        N.LEADING_SPACE_PLUS_ONE: marked,
        N.COUNTS_CHARACTERS: not piece.text.isascii(),
        N.STRIPS_EVERY_MARKER: MARKER in piece.text.removeprefix(MARKER),
    }
    return classes.get(name, True)
