"""Compare a candidate's look-up tables with the canonical ones, and name every deviation by class.

The promise: the result of `compare` is empty exactly when the candidate agrees with the canonical tables on every id
of the vocabulary. Equality is decided on the numbers; names come afterwards and can hide nothing: each of the three
fields of each differing id has to be claimed by a name, and what no rule explains is `other_size`,
`space_flag_wrong` or `boundary_mask_wrong`.

Byte lengths of ordinary pieces are explained by one rule for the whole table, the one of a small family that fits
most pieces with the fewest deviations:

    size(piece) = factor x (measure(piece without the stripped markers) + (1 if it begins with a marker and plus_one))

where `measure` counts UTF-8 bytes or characters, and the markers stripped are one at the start (canonical), none, all
at the start, all at both ends, all anywhere, or one at the start with the others turned into spaces.

What it does not do: judge the tables together with an evaluation loop. A table that counts the space itself and sets
no flag deviates here twice, and may still be right with a loop that adds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from pgolf.core.deviation import Deviation, DeviationName
from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.tokenizer import BOUNDARY_KINDS, MARKER, PieceKind, Vocabulary

NO_EFFECT = "none on this tokenizer"

_MARKER_BYTES = len(MARKER.encode())
_HUGE = 2**53
_Name = DeviationName
_ORDER = {name: index for index, name in enumerate(DeviationName)}


def compare(candidate: LookupTables, vocabulary: Vocabulary) -> tuple[Deviation, ...]:
    """Every deviation of `candidate` from the canonical tables on the ids of `vocabulary`, in a fixed order.

    Empty exactly when the tables agree on all of them. Ids past the vocabulary are not looked at (`padding_note`).
    """
    return Comparison(candidate, vocabulary).deviations()


def compare_probes(pairs: Sequence[tuple[LookupTables, Vocabulary]]) -> tuple[Deviation, ...]:
    """Compare one builder's tables on several vocabularies as if they were one, so that names are told apart jointly.

    Empty exactly when every pair agrees on every id of its vocabulary.
    """
    if any(len(tables) < len(vocabulary) for tables, vocabulary in pairs):
        tables, vocabulary = next(pair for pair in pairs if len(pair[0]) < len(pair[1]))
        return (_too_short(tables, vocabulary),)
    joined = Vocabulary(
        tuple(piece for _, vocabulary in pairs for piece in vocabulary.pieces),
        name=", ".join(vocabulary.name for _, vocabulary in pairs),
    )
    return compare(
        LookupTables(
            tuple(size for tables, vocabulary in pairs for size in tables.base_bytes[: len(vocabulary)]),
            tuple(
                flag for tables, vocabulary in pairs for flag in tables.has_leading_space[: len(vocabulary)]
            ),
            tuple(flag for tables, vocabulary in pairs for flag in tables.is_boundary[: len(vocabulary)]),
        ),
        joined,
    )


def padding_note(candidate: LookupTables, vocabulary: Vocabulary) -> str:
    """A sentence when ids past the vocabulary differ from the canonical padding, else "".

    Such ids cannot occur in a stream of this vocabulary, so this is never a deviation.
    """
    past = range(len(vocabulary), len(candidate))
    canonical = (0, False, True)
    for token in past:
        entry = (
            candidate.base_bytes[token],
            candidate.has_leading_space[token],
            candidate.is_boundary[token],
        )
        if entry != canonical:
            return (
                f"ids past the vocabulary of {len(vocabulary)} differ from the canonical padding, id {token} first; "
                "no stream of this tokenizer can hold them"
            )
    return ""


def merge_structure(
    structure: Iterable[Deviation], on_vocabulary: Iterable[Deviation]
) -> tuple[Deviation, ...]:
    """Deviations proved on probes, with those measured on a real vocabulary taking their place.

    What only the probes show carries `effect` "none on this tokenizer".
    """
    merged = {deviation.name: replace(deviation, effect=NO_EFFECT) for deviation in structure}
    merged.update((deviation.name, deviation) for deviation in on_vocabulary)
    return tuple(sorted(merged.values(), key=lambda deviation: _ORDER[deviation.name]))


def has_class(name: DeviationName, vocabulary: Vocabulary) -> bool:
    """Whether `vocabulary` has a token on which the deviation `name` could show at all.

    False for unused tokens, byte tokens, several markers and characters of several bytes where there are none; a
    deviation of any other kind shows on every vocabulary.
    """
    pieces = vocabulary.pieces
    if name is _Name.MISSING_IS_UNUSED:
        return any(piece.kind is PieceKind.UNUSED for piece in pieces)
    if name is _Name.BYTE_TOKEN_WRONG_SIZE:
        return any(piece.kind is PieceKind.BYTE for piece in pieces)
    texts = (
        piece.text.removeprefix(MARKER)
        for piece in pieces
        if piece.kind in (PieceKind.NORMAL, PieceKind.USER_DEFINED)
    )
    if name is _Name.STRIPS_EVERY_MARKER:
        return any(MARKER in text for text in texts)
    if name is _Name.COUNTS_CHARACTERS:
        return any(not text.isascii() for text in texts)
    return True


def _too_short(candidate: LookupTables, vocabulary: Vocabulary) -> Deviation:
    return Deviation(
        _Name.OTHER_SIZE,
        len(vocabulary) - len(candidate),
        f"the tables have {len(candidate)} entries, the vocabulary {len(vocabulary)} pieces",
    )


class _Strip(Enum):
    """Which markers a builder takes off a piece before it measures it."""

    ONE = "one"
    NONE = "none"
    LEADING = "leading"
    BOTH_ENDS = "both ends"
    EVERY = "every"
    SPACES = "one, and the others become spaces"


class _Shape(NamedTuple):
    """What the family of rules needs to know of a piece's text. `end` counts trailing markers."""

    utf8_bytes: int
    characters: int
    lead: int
    end: int
    markers: int


def _shape(text: str) -> _Shape:
    markers = text.count(MARKER)
    lead = end = 0
    if markers:
        lead = len(text) - len(text.lstrip(MARKER))
        end = len(text) - len(text.rstrip(MARKER))
    return _Shape(len(text.encode("utf-8", "surrogatepass")), len(text), lead, end, markers)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One way to size an ordinary piece; the default is the canonical one."""

    strip: _Strip = _Strip.ONE
    characters: bool = False
    plus_one: bool = False
    factor: float = 1.0
    whole: str = ""
    """How a rescaled size is made whole: "" (kept), "floor" or "round"."""

    def size(self, shape: _Shape) -> float:
        if self.strip is _Strip.ONE or self.strip is _Strip.SPACES:
            removed = min(shape.lead, 1)
        elif self.strip is _Strip.NONE:
            removed = 0
        elif self.strip is _Strip.LEADING:
            removed = shape.lead
        elif self.strip is _Strip.BOTH_ENDS:
            removed = min(shape.lead + shape.end, shape.markers)
        else:
            removed = shape.markers
        if self.characters:
            size = shape.characters - removed
        else:
            size = shape.utf8_bytes - _MARKER_BYTES * removed
            if self.strip is _Strip.SPACES:
                size -= (_MARKER_BYTES - 1) * (shape.markers - removed)
        size += self.plus_one and shape.lead > 0
        if self.factor == 1.0:
            return size
        scaled = self.factor * size
        return math.floor(scaled + 1e-9) if self.whole == "floor" else round(scaled) if self.whole else scaled

    def fits(self, shape: _Shape, size: float) -> bool:
        return _close(self.size(shape), size) if self.factor != 1.0 else self.size(shape) == size

    @property
    def names(self) -> int:
        return (self.strip is not _Strip.ONE) + self.characters + self.plus_one + (self.factor != 1.0)

    def components(self) -> Iterable[tuple[DeviationName, _Rule]]:
        """Each deviation this rule holds, with the rule that lacks only it."""
        if self.strip is _Strip.NONE:
            yield _Name.MARKER_NOT_RECOGNISED, replace(self, strip=_Strip.ONE)
        elif self.strip is not _Strip.ONE:
            yield _Name.STRIPS_EVERY_MARKER, replace(self, strip=_Strip.ONE)
        if self.characters:
            yield _Name.COUNTS_CHARACTERS, replace(self, characters=False)
        if self.plus_one:
            yield _Name.LEADING_SPACE_PLUS_ONE, replace(self, plus_one=False)
        if self.factor != 1.0:
            yield _Name.TABLE_RESCALED, replace(self, factor=1.0)

    def only(self, names: frozenset[DeviationName]) -> _Rule:
        """This rule with the deviations in `names` and without its others."""
        strip = _Name.MARKER_NOT_RECOGNISED if self.strip is _Strip.NONE else _Name.STRIPS_EVERY_MARKER
        rescaled = _Name.TABLE_RESCALED in names
        return _Rule(
            self.strip if strip in names else _Strip.ONE,
            self.characters and _Name.COUNTS_CHARACTERS in names,
            self.plus_one and _Name.LEADING_SPACE_PLUS_ONE in names,
            self.factor if rescaled else 1.0,
            self.whole if rescaled else "",
        )


_UNSCALED = tuple(
    _Rule(strip, characters, plus_one)
    for characters in (False, True)
    for strip in _Strip
    for plus_one in (False, True)
    if not (strip is _Strip.NONE and plus_one)
)


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-6)


@dataclass(slots=True)
class _Group:
    """Ids that no rule can tell apart: same kind, same shape, same entry."""

    kind: PieceKind
    shape: _Shape
    size: float
    flag: bool
    boundary: bool
    first: str
    ids: list[int] = field(default_factory=list)
    mask_by: DeviationName | None = None
    flag_by: DeviationName | None = None
    size_by: tuple[DeviationName, ...] = ()
    """The names that claim each field; none where the field is canonical."""
    rule: _Rule | None = None
    """The rule that gives the size, where one does."""

    def size_with(self, names: frozenset[DeviationName], canonical: int | float) -> int | float | None:
        """The size when only `names` deviate; None for the candidate's own."""
        if self.rule is None:
            return None if names.issuperset(self.size_by) else canonical
        if self.kind in BOUNDARY_KINDS and not names.issuperset(self.size_by):
            return canonical
        kept = self.rule.only(names)
        return None if kept == self.rule else kept.size(self.shape)


class Comparison:
    """A candidate against the canonical tables of one vocabulary, with each difference attributed to its names."""

    def __init__(self, candidate: LookupTables, vocabulary: Vocabulary) -> None:
        self.candidate = candidate
        self.vocabulary = vocabulary
        self.canonical = canonical_tables(vocabulary)
        self.found: dict[DeviationName, list[int]] = {}
        self.groups: list[_Group] = []
        size = len(vocabulary)
        self.too_short = len(candidate) < size
        if not self.too_short and not (
            candidate.base_bytes[:size] == self.canonical.base_bytes
            and candidate.has_leading_space[:size] == self.canonical.has_leading_space
            and candidate.is_boundary[:size] == self.canonical.is_boundary
        ):
            self._name_all()

    def deviations(self) -> tuple[Deviation, ...]:
        """As `compare` returns them."""
        if self.too_short:
            return (_too_short(self.candidate, self.vocabulary),)
        return tuple(
            Deviation(name, len(ids), self._example(name, ids))
            for name, ids in sorted(self.found.items(), key=lambda item: _ORDER[item[0]])
        )

    def tables_with(self, names: Iterable[DeviationName]) -> LookupTables:
        """Tables of the vocabulary's length that deviate by `names` only, as the candidate does.

        With all names of `deviations` they are the candidate's own, with none the canonical ones. Raises ValueError
        when the candidate is shorter than the vocabulary.
        """
        if self.too_short:
            raise ValueError("tables shorter than the vocabulary have no parts")
        chosen = frozenset(names)
        if chosen and chosen.issuperset(self.found):
            # A rule that most pieces follow may size one piece otherwise than the candidate does; the whole is the candidate.
            n = len(self.vocabulary)
            own = self.candidate
            return LookupTables(own.base_bytes[:n], own.has_leading_space[:n], own.is_boundary[:n])
        base: list[int | float] = list(self.canonical.base_bytes)
        space, boundary = list(self.canonical.has_leading_space), list(self.canonical.is_boundary)
        for group in self.groups:
            for token in group.ids if group.size_by or group.rule else ():
                size = group.size_with(chosen, self.canonical.base_bytes[token])
                base[token] = self.candidate.base_bytes[token] if size is None else size
            if group.flag_by in chosen:
                for token in group.ids:
                    space[token] = self.candidate.has_leading_space[token]
            if group.mask_by in chosen:
                for token in group.ids:
                    boundary[token] = self.candidate.is_boundary[token]
        return LookupTables(tuple(base), tuple(space), tuple(boundary))

    def _groups(self) -> list[_Group]:
        groups: dict[tuple[object, ...], _Group] = {}
        columns = zip(
            self.vocabulary.pieces,
            self.candidate.base_bytes,
            self.candidate.has_leading_space,
            self.candidate.is_boundary,
            strict=False,
        )
        for token, (piece, size, flag, boundary) in enumerate(columns):
            shape = _shape(piece.text)
            if not -_HUGE < size < _HUGE:
                size = math.inf  # no rule sizes a piece so, and it shall not overflow one
            # The first character matters only where another one may have been taken for the marker.
            first = piece.text[:1] if shape.lead == 0 else ""
            if first.isascii() and first.isalnum():
                first = ""
            key = (piece.kind, shape, size, bool(flag), bool(boundary), first)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(piece.kind, shape, size, bool(flag), bool(boundary), first)
            group.ids.append(token)
        return list(groups.values())

    def _name_all(self) -> None:
        groups = self.groups = self._groups()
        ordinary = [
            group
            for group in groups
            if group.kind in (PieceKind.NORMAL, PieceKind.USER_DEFINED)
            and not (group.boundary and group.size == 0)
        ]
        rule = _best_rule([group for group in ordinary if not (group.flag and group.shape.lead == 0)])
        other = _other_markers(ordinary, rule)
        marked = [group for group in ordinary if group.shape.lead]
        swapped = bool(other) and bool(marked) and not any(group.flag for group in marked)
        if not swapped and rule.strip is _Strip.NONE and rule.characters:
            # As characters, a marker that stays and a space that is counted are the same number.
            rule = replace(rule, strip=_Strip.ONE, plus_one=True)
        elif swapped and rule.characters and rule.plus_one and rule.strip is _Strip.ONE:
            rule = replace(rule, strip=_Strip.NONE, plus_one=False)
        unflagged = bool(marked) and not any(group.flag for group in marked)
        for group in groups:
            if group.kind in BOUNDARY_KINDS:
                self._name_boundary(group, rule)
            elif group.kind is PieceKind.BYTE:
                self._name_byte(group, rule)
            else:
                self._name_ordinary(group, rule, other, swapped, unflagged)

    def _claim(self, name: DeviationName, group: _Group, aspect: str) -> None:
        ids = self.found.setdefault(name, [])
        if not ids or ids[-1] != group.ids[-1]:
            ids.extend(group.ids)
        if aspect == "mask":
            group.mask_by = name
        elif aspect == "flag":
            group.flag_by = name
        else:
            group.size_by = (*group.size_by, name)

    def _name_boundary(self, group: _Group, rule: _Rule) -> None:
        if not group.boundary:
            unused = group.kind is PieceKind.UNUSED
            self._claim(_Name.MISSING_IS_UNUSED if unused else _Name.BOUNDARY_MASK_WRONG, group, "mask")
        as_ordinary = rule.fits(group.shape, group.size)
        missing = group.kind is PieceKind.UNUSED and not group.boundary
        # Counted as if it were an ordinary piece: its size, and its flag with it, follow the table's rule.
        counted = _Name.MISSING_IS_UNUSED if missing and as_ordinary else _Name.BOUNDARY_BYTES_COUNTED
        if group.size != 0:
            if missing and not as_ordinary:
                counted = _Name.OTHER_SIZE
            self._claim(counted, group, "size")
            if as_ordinary:
                group.rule = rule
        if group.flag:
            follows = as_ordinary and group.shape.lead and (missing or group.size != 0)
            self._claim(counted if follows else _Name.SPACE_FLAG_WRONG, group, "flag")

    def _name_byte(self, group: _Group, rule: _Rule) -> None:
        if group.boundary:
            self._claim(_Name.BOUNDARY_MASK_WRONG, group, "mask")
        if group.size != 1:
            scaled = _Rule(factor=rule.factor, whole=rule.whole)
            if group.boundary and group.size == 0:
                name = _Name.BOUNDARY_MASK_WRONG
            elif rule.factor != 1.0 and scaled.fits(_Shape(1, 1, 0, 0, 0), group.size):
                name = _Name.TABLE_RESCALED
            else:
                name = _Name.BYTE_TOKEN_WRONG_SIZE
            self._claim(name, group, "size")
        if group.flag:
            self._claim(_Name.SPACE_FLAG_WRONG, group, "flag")

    def _name_ordinary(
        self, group: _Group, rule: _Rule, other: frozenset[str], swapped: bool, unflagged: bool
    ) -> None:
        marked = group.shape.lead > 0
        dropped = group.boundary and group.size == 0
        if group.boundary:
            self._claim(_Name.BOUNDARY_MASK_WRONG, group, "mask")
        taken = not marked and group.flag and group.first in other
        if group.flag != marked:
            if dropped and not group.flag:
                name = _Name.BOUNDARY_MASK_WRONG  # treated as a boundary throughout
            elif taken:
                name = _Name.MARKER_NOT_RECOGNISED if swapped else _Name.SPACE_FLAG_WRONG
            else:
                explained = marked and (swapped or (unflagged and rule.strip is _Strip.NONE))
                name = _Name.MARKER_NOT_RECOGNISED if explained else _Name.SPACE_FLAG_WRONG
            self._claim(name, group, "flag")
        if group.size == _Rule().size(group.shape):
            if rule.names and rule.fits(group.shape, group.size):
                group.rule = rule  # deviations that cancel here, and would not one by one
            return
        if dropped:
            self._claim(_Name.BOUNDARY_MASK_WRONG, group, "size")
        elif taken and group.flag_by is not None and _fits_taken(group, rule):
            shape = _without_first(group)
            self._claim(group.flag_by, group, "size")
            for name, without in rule.components():
                if name is not group.flag_by and without.size(shape) != rule.size(shape):
                    self._claim(name, group, "size")
        else:
            self._name_size(group, rule)

    def _name_size(self, group: _Group, rule: _Rule) -> None:
        if rule.fits(group.shape, group.size):
            for name, without in rule.components():
                if without.size(group.shape) != rule.size(group.shape):
                    self._claim(name, group, "size")
            if group.size_by:
                group.rule = rule
                return
        self._claim(_exception(group, rule), group, "size")

    def _example(self, name: DeviationName, ids: list[int]) -> str:
        pieces = self.vocabulary.pieces
        token = min(
            ids[:2000], key=lambda i: (pieces[i].kind is PieceKind.UNUSED, *_readability(pieces[i].text))
        )
        piece = pieces[token]
        size, canonical = self.candidate.base_bytes[token], self.canonical.base_bytes[token]
        flag, canonical_flag = (
            self.candidate.has_leading_space[token],
            self.canonical.has_leading_space[token],
        )
        label = f"`{readable(piece.text)}`"
        if piece.kind is not PieceKind.NORMAL:
            label += f" ({piece.kind.name.lower().replace('_', '-')})"
        if name is _Name.BOUNDARY_MASK_WRONG or (name is _Name.MISSING_IS_UNUSED and size == 0):
            is_boundary = self.candidate.is_boundary[token]
            found, expected = ("a", "no") if is_boundary else ("no", "a")
            return f"{label}: {found} boundary in the table, canonical {expected} boundary"
        if name is _Name.SPACE_FLAG_WRONG or (size == canonical and flag != canonical_flag):
            return f"{label}: leading-space flag {bool(flag)}, canonical {canonical_flag}"
        text = f"{label}: table {_plain(size)}, canonical {canonical}"
        return text + (" + 1 from the loop" if canonical_flag else "")


def _plain(size: float) -> str:
    if not -_HUGE < size < _HUGE:
        return "not a byte length" if size != size else "beyond 2^53"
    return str(int(size)) if float(size).is_integer() else f"{size:g}"


def readable(text: str, limit: int = 40) -> str:
    """`text` for a report: control and other unprintable characters escaped, long text cut with its length."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: limit + 1])
    return shown if len(text) <= limit else f"{shown[:limit]}… ({len(text)} characters)"


def _readability(text: str) -> tuple[bool, int, int]:
    word = text.lstrip(MARKER)
    return not (word.isascii() and word.isalpha()), abs(len(word) - 3), len(text)


def _best_rule(groups: list[_Group]) -> _Rule:
    """The rule of the family that fits most ids, then with the fewest deviations, then the first listed."""
    if not groups:
        return _Rule()
    total = sum(len(group.ids) for group in groups)

    def score(rule: _Rule) -> tuple[int, int]:
        return sum(len(g.ids) for g in groups if rule.fits(g.shape, g.size)), -rule.names

    best = max(_UNSCALED, key=score)
    reached = score(best)
    if reached[0] < total:
        for plain in _UNSCALED:
            for rule in _rescaled(plain, groups):
                if score(rule) > reached:
                    best, reached = rule, score(rule)
    # A rule that most ids contradict explains nothing; then every difference is named by itself.
    return best if 2 * reached[0] > total else _Rule()


def _rescaled(plain: _Rule, groups: list[_Group]) -> Iterable[_Rule]:
    """`plain` times the factor that most sizes agree on, and times factors whose products were made whole."""
    ratios: dict[float, int] = {}
    floor_low, floor_high, round_low, round_high = 0.0, math.inf, 0.0, math.inf
    for group in groups:
        size = plain.size(group.shape)
        if size <= 0 or not math.isfinite(group.size):
            continue
        ratio = group.size / size
        ratios[ratio] = ratios.get(ratio, 0) + len(group.ids)
        floor_low, floor_high = max(floor_low, ratio), min(floor_high, (group.size + 1) / size)
        round_low, round_high = (
            max(round_low, (group.size - 0.5) / size),
            min(round_high, (group.size + 0.5) / size),
        )
    if not ratios:
        return
    factor = max(ratios, key=lambda ratio: ratios[ratio])
    if factor > 0 and not _close(factor, 1.0):
        yield replace(plain, factor=factor)
    for low, high, whole in ((floor_low, floor_high, "floor"), (round_low, round_high, "round")):
        if 0 < low <= high < math.inf and not low <= 1.0 <= high:
            yield replace(plain, factor=(low + high) / 2, whole=whole)


def _other_markers(ordinary: list[_Group], rule: _Rule) -> frozenset[str]:
    """First characters that the builder takes for the marker: every piece beginning with one is flagged."""
    flagged = {group.first for group in ordinary if group.flag and group.shape.lead == 0 and group.first}
    if not 0 < len(flagged) <= 3:
        return frozenset()
    for group in ordinary:
        if group.shape.lead == 0 and group.first in flagged and not (group.flag and _fits_taken(group, rule)):
            return frozenset()
    return frozenset(flagged)


def _without_first(group: _Group) -> _Shape:
    shape = group.shape
    width = len(group.first.encode("utf-8", "surrogatepass"))
    return shape._replace(utf8_bytes=shape.utf8_bytes - width, characters=shape.characters - 1)


def _fits_taken(group: _Group, rule: _Rule) -> bool:
    """Whether the size is that of a piece whose first character was taken for the marker: off, replaced by one, or kept."""
    shape = _without_first(group)
    return (
        rule.fits(shape, group.size)
        or rule.fits(
            shape._replace(utf8_bytes=shape.utf8_bytes + 1, characters=shape.characters + 1), group.size
        )
        or rule.fits(group.shape, group.size)
    )


def _exception(group: _Group, rule: _Rule) -> DeviationName:
    """The name for a size that the table's own rule does not explain.

    A piece of markers alone that has one byte shows a smallest size (`max(1, ...)`), not a space counted twice.
    """
    shape = group.shape
    has_text = shape.utf8_bytes > _MARKER_BYTES * shape.markers
    if shape.lead and has_text and group.flag and rule.fits(shape, group.size - 1):
        return _Name.LEADING_SPACE_PLUS_ONE
    if group.shape.markers > 1:
        for strip in (_Strip.LEADING, _Strip.EVERY, _Strip.SPACES):
            if group.size and replace(rule, strip=strip).fits(group.shape, group.size):
                return _Name.STRIPS_EVERY_MARKER
    return _Name.OTHER_SIZE
