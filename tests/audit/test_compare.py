"""Comparison with the canonical tables: every deviation gets its name, alone and in any mixture; nothing hides."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.audit.compare import (
    NO_EFFECT,
    Comparison,
    compare,
    compare_probes,
    has_class,
    merge_structure,
    padding_note,
    readable,
)
from pgolf.audit.probes import EXOTIC, probe_vocabularies
from pgolf.core.deviation import Deviation, DeviationName
from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary
from pgolf.tokens.sentencepiece_model import read_model_file

N = DeviationName
PROBES = probe_vocabularies()
TRAINABLE = tuple(v for v in PROBES if v.name != EXOTIC)


@dataclasses.dataclass(frozen=True)
class Builder:
    """A table builder in the manner of real scripts, with each deviation as a switch."""

    plus_one: bool = False
    byte_size: str = "one"  # one | spelling | three
    misses_unused: bool = False
    counts_boundary: bool = False
    marker: str = "▁"  # the character it tests for
    characters: bool = False
    every: str = ""  # "" | lstrip | replace | spaces
    mask: str = ""  # "" | none | bytes | user
    flags: str = ""  # "" | none | all | inside
    factor: float = 1.0

    def expected(self) -> set[DeviationName]:
        names = {
            N.BYTE_TOKEN_WRONG_SIZE: self.byte_size != "one",
            N.MISSING_IS_UNUSED: self.misses_unused,
            N.BOUNDARY_BYTES_COUNTED: self.counts_boundary,
            N.MARKER_NOT_RECOGNISED: self.marker != "▁",
            N.COUNTS_CHARACTERS: self.characters,
            N.STRIPS_EVERY_MARKER: bool(self.every),
            N.BOUNDARY_MASK_WRONG: bool(self.mask),
            N.SPACE_FLAG_WRONG: bool(self.flags),
            N.TABLE_RESCALED: self.factor != 1.0,
            N.LEADING_SPACE_PLUS_ONE: self.plus_one,
        }
        return {name for name, on in names.items() if on}

    def measure(self, text: str) -> int:
        return len(text) if self.characters else len(text.encode())

    def tables(self, vocabulary: Vocabulary, table_size: int = 0) -> LookupTables:
        size = max(table_size, len(vocabulary))
        base: list[float] = [0] * size
        space, boundary = [False] * size, [True] * size
        for token, piece in enumerate(vocabulary.pieces):
            kind, text = piece.kind, piece.text
            is_boundary = kind in (PieceKind.CONTROL, PieceKind.UNKNOWN)
            is_boundary |= kind is PieceKind.UNUSED and not self.misses_unused
            if is_boundary:
                boundary[token] = self.mask != "none" or kind is PieceKind.UNUSED
                base[token] = self.factor * self.measure(text) if self.counts_boundary else 0
                continue
            boundary[token] = (self.mask == "bytes" and kind is PieceKind.BYTE) or (
                self.mask == "user" and kind is PieceKind.USER_DEFINED
            )
            if kind is PieceKind.BYTE:
                base[token] = self.factor * {"one": 1, "three": 3, "spelling": len(text)}[self.byte_size]
                continue
            marked = text.startswith(self.marker)
            space[token] = {"none": False, "all": True, "inside": self.marker in text, "": marked}[self.flags]
            if marked:
                text = text.removeprefix(self.marker)
            if self.every == "lstrip":
                text = text.lstrip("▁")
            elif self.every == "replace":
                text = text.replace("▁", "")
            elif self.every == "spaces":
                text = text.replace("▁", " ")
            base[token] = self.factor * (self.measure(text) + (self.plus_one and marked))
        return LookupTables(tuple(base), tuple(space), tuple(boundary))


def names(deviations: tuple[Deviation, ...]) -> set[DeviationName]:
    found = [deviation.name for deviation in deviations]
    assert len(found) == len(set(found))
    return set(found)


def on_probes(builder: Builder, probes: tuple[Vocabulary, ...] = TRAINABLE) -> set[DeviationName]:
    return names(compare_probes([(builder.tables(v), v) for v in probes]))


SINGLES = [
    Builder(plus_one=True), Builder(byte_size="spelling"), Builder(byte_size="three"), Builder(misses_unused=True),
    Builder(counts_boundary=True), Builder(marker="?"), Builder(marker="Ġ"), Builder(marker="_"),
    Builder(characters=True), Builder(every="lstrip"), Builder(every="replace"), Builder(every="spaces"),
    Builder(mask="none"), Builder(mask="bytes"), Builder(mask="user"), Builder(flags="none"), Builder(flags="all"),
    Builder(flags="inside"), Builder(factor=2.0), Builder(factor=1.17), Builder(factor=0.5),
]  # fmt: skip


@pytest.mark.parametrize("builder", SINGLES, ids=lambda b: repr(b)[8:60])
def test_each_deviation_alone_gets_its_name_and_no_other(builder: Builder) -> None:
    assert len(builder.expected()) == 1
    assert on_probes(builder) == builder.expected()


def test_the_canonical_builder_has_no_deviation() -> None:
    assert on_probes(Builder(), PROBES) == set()
    for vocabulary in PROBES:
        assert compare(canonical_tables(vocabulary, 100), vocabulary) == ()


def test_every_mixture_gets_exactly_its_names() -> None:
    switches = {
        "plus_one": [False, True],
        "byte_size": ["one", "spelling"],
        "misses_unused": [False, True],
        "counts_boundary": [False, True],
        "characters": [False, True],
        "every": ["", "lstrip", "replace"],
        "mask": ["", "none"],
        "flags": ["", "none"],
        "factor": [1.0, 2.0],
    }
    wrong = []
    for values in itertools.product(*switches.values()):
        builder = Builder(**dict(zip(switches, values, strict=True)))
        if (found := on_probes(builder)) != builder.expected():
            wrong.append((builder, found))
    assert wrong == []


def test_another_marker_is_told_apart_in_every_mixture() -> None:
    switches = {
        "marker": ["?", "Ġ"],
        "byte_size": ["one", "three"],
        "misses_unused": [False, True],
        "counts_boundary": [False, True],
        "characters": [False, True],
        "every": ["", "replace"],
        "mask": ["", "user"],
        "factor": [1.0, 3.0],
    }
    wrong = []
    for values in itertools.product(*switches.values()):
        builder = Builder(**dict(zip(switches, values, strict=True)))
        if (found := on_probes(builder)) != builder.expected():
            wrong.append((builder, found))
    assert wrong == []


@settings(max_examples=100, deadline=None)
@given(
    st.builds(
        Builder,
        plus_one=st.booleans(),
        byte_size=st.sampled_from(["one", "spelling"]),
        misses_unused=st.booleans(),
        counts_boundary=st.booleans(),
        characters=st.booleans(),
        every=st.sampled_from(["", "lstrip", "replace"]),
        mask=st.sampled_from(["", "none"]),
        flags=st.sampled_from(["", "none"]),
        factor=st.sampled_from([1.0, 2.0]),
    ),
    st.data(),
)
def test_a_mixture_taken_apart_is_what_its_builder_makes_of_the_parts(
    builder: Builder, data: st.DataObject
) -> None:
    vocabulary = PROBES[0]
    comparison = Comparison(builder.tables(vocabulary), vocabulary)
    parts = names(comparison.deviations())
    if parts != builder.expected():
        return  # told apart on all probes only
    kept = data.draw(st.sets(st.sampled_from(sorted(parts)))) if parts else set()
    clean = Builder()
    fields = {
        "plus_one": N.LEADING_SPACE_PLUS_ONE, "byte_size": N.BYTE_TOKEN_WRONG_SIZE, "misses_unused": N.MISSING_IS_UNUSED,
        "counts_boundary": N.BOUNDARY_BYTES_COUNTED, "characters": N.COUNTS_CHARACTERS, "every": N.STRIPS_EVERY_MARKER,
        "mask": N.BOUNDARY_MASK_WRONG, "flags": N.SPACE_FLAG_WRONG, "factor": N.TABLE_RESCALED,
    }  # fmt: skip
    part = dataclasses.replace(
        builder, **{f: getattr(clean, f) for f, name in fields.items() if name not in kept}
    )
    found, expected = comparison.tables_with(kept), part.tables(vocabulary)
    byte_alone = (
        N.TABLE_RESCALED in kept and N.BYTE_TOKEN_WRONG_SIZE in parts and N.BYTE_TOKEN_WRONG_SIZE not in kept
    )
    for token, piece in enumerate(vocabulary.pieces):
        if piece.kind is PieceKind.BYTE and (byte_alone or builder.factor != 1.0):
            continue  # a byte token's wrong size is one number, of which the factor is no separate part
        if piece.kind is PieceKind.UNUSED and builder.counts_boundary:
            continue  # counted whole, marker included: no part of the rule for ordinary pieces
        assert found.base_bytes[token] == expected.base_bytes[token], (piece, kept)
        assert found.is_boundary[token] == expected.is_boundary[token], (piece, kept)
        if piece.kind is not PieceKind.UNUSED:
            assert found.has_leading_space[token] == expected.has_leading_space[token], (piece, kept)


def as_table(vocabulary: Vocabulary, **columns: list[float] | list[bool]) -> LookupTables:
    return dataclasses.replace(
        canonical_tables(vocabulary), **{key: tuple(value) for key, value in columns.items()}
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_empty_exactly_when_equal_on_every_id(data: st.DataObject) -> None:
    vocabulary = data.draw(st.sampled_from(PROBES))
    canonical = canonical_tables(vocabulary)
    base, space, mask = (
        list(canonical.base_bytes),
        list(canonical.has_leading_space),
        list(canonical.is_boundary),
    )
    for _ in range(data.draw(st.integers(0, 6))):
        token = data.draw(st.integers(0, len(vocabulary) - 1))
        base[token] = data.draw(
            st.one_of(st.integers(-3, 9), st.sampled_from([0.5, float("nan"), float("inf"), 10**400]))
        )
        space[token] = data.draw(st.booleans())
        mask[token] = data.draw(st.booleans())
    table = LookupTables(tuple(base), tuple(space), tuple(mask))
    comparison = Comparison(table, vocabulary)
    found = comparison.deviations()
    whole = comparison.tables_with(deviation.name for deviation in found)
    assert repr(whole) == repr(table)
    assert comparison.tables_with(()) == canonical
    differing = {
        i for i in range(len(vocabulary))
        if base[i] != canonical.base_bytes[i] or space[i] != canonical.has_leading_space[i]
        or mask[i] != canonical.is_boundary[i]
    }  # fmt: skip
    assert bool(found) == bool(differing)
    assert all(0 < deviation.tokens <= len(differing) for deviation in found)
    assert sum(deviation.tokens for deviation in found) >= len(differing)
    assert all(deviation.example for deviation in found)


@pytest.mark.parametrize("vocabulary", PROBES, ids=lambda v: v.name)
def test_one_wrong_number_anywhere_is_found(vocabulary: Vocabulary) -> None:
    canonical = canonical_tables(vocabulary)
    for token in range(len(vocabulary)):
        base, space, mask = (
            list(canonical.base_bytes),
            list(canonical.has_leading_space),
            list(canonical.is_boundary),
        )
        base[token] += 17
        assert compare(as_table(vocabulary, base_bytes=base), vocabulary)
        space[token] = not space[token]
        assert compare(as_table(vocabulary, has_leading_space=space), vocabulary)
        mask[token] = not mask[token]
        assert compare(as_table(vocabulary, is_boundary=mask), vocabulary)


def test_sizes_that_no_rule_explains_are_other_size() -> None:
    vocabulary = PROBES[0]
    fours = [4 if not flag else 0 for flag in canonical_tables(vocabulary).is_boundary]
    assert N.OTHER_SIZE in names(compare(as_table(vocabulary, base_bytes=fours), vocabulary))
    zeros = [0] * len(vocabulary)
    assert names(compare(as_table(vocabulary, base_bytes=zeros), vocabulary)) == {
        N.OTHER_SIZE,
        N.BYTE_TOKEN_WRONG_SIZE,
    }


def test_a_smallest_size_of_one_byte_is_no_space_counted_twice() -> None:
    """`max(1, len(...))` gives a byte to pieces of markers alone; every piece with text stays canonical."""

    def at_least_one(vocabulary: Vocabulary) -> LookupTables:
        canonical = canonical_tables(vocabulary)
        sizes = tuple(
            size if boundary else max(1, size)
            for size, boundary in zip(canonical.base_bytes, canonical.is_boundary, strict=True)
        )
        return dataclasses.replace(canonical, base_bytes=sizes)

    pairs = [(at_least_one(vocabulary), vocabulary) for vocabulary in PROBES]
    for found in (compare(*pairs[0]), compare_probes(pairs)):
        assert {deviation.name for deviation in found} == {N.OTHER_SIZE}


def test_a_space_counted_twice_on_one_piece_with_text_keeps_its_name() -> None:
    vocabulary = PROBES[0]
    canonical = canonical_tables(vocabulary)
    token = next(
        i
        for i, piece in enumerate(vocabulary.pieces)
        if canonical.has_leading_space[i] and piece.text.count("▁") == 1 and len(piece.text) > 1
    )
    sizes = list(canonical.base_bytes)
    sizes[token] += 1
    found = compare(dataclasses.replace(canonical, base_bytes=tuple(sizes)), vocabulary)
    assert [(d.name, d.tokens) for d in found] == [(N.LEADING_SPACE_PLUS_ONE, 1)]


def test_rescaling_in_whole_numbers_is_recognised() -> None:
    vocabulary = Vocabulary(tuple(Piece("x" * n, PieceKind.NORMAL) for n in range(1, 40)))
    for rounding in (int, round):
        sizes = [rounding(1.3 * n) for n in range(1, 40)]
        found = compare(as_table(vocabulary, base_bytes=sizes), vocabulary)
        assert names(found) == {N.TABLE_RESCALED}


def test_examples_are_readable() -> None:
    found = {d.name: d for d in compare(Builder(plus_one=True, flags="").tables(PROBES[0]), PROBES[0])}
    plus = found[N.LEADING_SPACE_PLUS_ONE]
    assert plus.example == "`▁the`: table 4, canonical 3 + 1 from the loop"
    assert plus.tokens == sum(p.text.startswith("▁") and p.kind in (1, 4) for p in PROBES[0].pieces)
    found = {
        d.name: d
        for d in compare(
            Builder(counts_boundary=True, flags="none", mask="none").tables(PROBES[0]), PROBES[0]
        )
    }
    assert found[N.BOUNDARY_BYTES_COUNTED].example == "`<s>` (control): table 3, canonical 0"
    assert found[N.SPACE_FLAG_WRONG].example == "`▁the`: leading-space flag False, canonical True"
    assert "no boundary in the table, canonical a boundary" in found[N.BOUNDARY_MASK_WRONG].example
    assert readable("a\nb\u202e") == "a\\nb\\u202e"
    assert readable("x" * 100).endswith("… (100 characters)")


def test_a_table_shorter_than_the_vocabulary_is_not_correct() -> None:
    vocabulary = PROBES[1]
    short = LookupTables((0,), (False,), (True,))
    assert "1 entries" in compare(short, vocabulary)[0].example
    assert (
        "1 entries"
        in compare_probes([(canonical_tables(PROBES[0]), PROBES[0]), (short, vocabulary)])[0].example
    )


def test_ids_past_the_vocabulary_are_a_note_and_no_deviation() -> None:
    vocabulary = PROBES[1]
    padded = canonical_tables(vocabulary, 20)
    assert padding_note(padded, vocabulary) == ""
    loose = dataclasses.replace(padded, is_boundary=(*padded.is_boundary[:-1], False))
    assert compare(loose, vocabulary) == ()
    assert "id 19 first" in padding_note(loose, vocabulary)


def test_structure_without_effect_is_said() -> None:
    structure = (Deviation(N.MISSING_IS_UNUSED, 2, "probe"), Deviation(N.LEADING_SPACE_PLUS_ONE, 3, "probe"))
    merged = merge_structure(structure, (Deviation(N.LEADING_SPACE_PLUS_ONE, 4000, "real"),))
    assert [(d.name, d.tokens, d.effect) for d in merged] == [
        (N.LEADING_SPACE_PLUS_ONE, 4000, ""),
        (N.MISSING_IS_UNUSED, 2, NO_EFFECT),
    ]


def sizes(vocabulary: Vocabulary, guess: Callable[[int, Piece], int | None]) -> list[float]:
    """Canonical sizes, except where `guess` gives another."""
    canonical = canonical_tables(vocabulary).base_bytes
    guesses = [guess(i, piece) for i, piece in enumerate(vocabulary.pieces)]
    return [size if guess is None else guess for size, guess in zip(canonical, guesses, strict=True)]


@pytest.mark.parametrize(
    "guess",
    [
        lambda i, p: 0 if i < 4 else None,
        lambda i, p: 1 if 3 <= i < 259 else None,
        lambda i, p: 0 if p.text in ("<s>", "</s>", "<unk>", "<pad>") else None,
        lambda i, p: 1 if p.text.startswith("<0x") else None,
    ],
    ids=["specials-first", "bytes-at-3", "specials-by-spelling", "bytes-by-spelling"],
)
def test_builders_that_guess_the_class_from_id_or_spelling_are_caught(
    guess: Callable[[int, Piece], int | None],
) -> None:
    pairs = [(as_table(v, base_bytes=sizes(v, guess)), v) for v in PROBES]
    assert compare_probes(pairs)


def test_probes_are_small_and_hold_every_kind() -> None:
    assert sum(len(v) for v in PROBES) <= 60
    assert {p.kind for v in PROBES for p in v.pieces} == set(PieceKind)
    assert {p.kind for v in TRAINABLE for p in v.pieces} == set(PieceKind)
    assert len({v.bos_id for v in PROBES}) > 1
    for vocabulary in TRAINABLE:
        assert any(p.text == "▁" for p in vocabulary.pieces)
        assert len({p.text for p in vocabulary.pieces}) == len(vocabulary)


@pytest.mark.shared_data
def test_the_deviations_of_a_real_family_on_a_real_vocabulary(shared_data: Path) -> None:
    vocabulary = read_model_file(shared_data / "tokenizers" / "sp8192_a.model")
    family = Builder(
        plus_one=True, byte_size="spelling", misses_unused=True, counts_boundary=True, mask="none"
    )
    found = names(compare(family.tables(vocabulary), vocabulary))
    assert found == family.expected() - {N.MISSING_IS_UNUSED}
    for builder in SINGLES:
        if builder.expected() <= {N.MISSING_IS_UNUSED} or builder.mask == "user" or builder.marker == "Ġ":
            continue
        assert names(compare(builder.tables(vocabulary), vocabulary)) <= builder.expected(), builder


def test_which_deviations_can_show_on_a_vocabulary() -> None:
    plain = Vocabulary((Piece("<s>", PieceKind.CONTROL), Piece("▁a", PieceKind.NORMAL)))
    blind = {N.MISSING_IS_UNUSED, N.BYTE_TOKEN_WRONG_SIZE, N.STRIPS_EVERY_MARKER, N.COUNTS_CHARACTERS}
    assert {name for name in N if not has_class(name, plain)} == blind
    assert all(has_class(name, PROBES[0]) for name in N)


def test_all_parts_together_are_the_candidate_where_a_rule_fits_one_piece_of_two() -> None:
    vocabulary = next(v for v in PROBES if v.name == "probe-no-fallback")
    marker = next(i for i, piece in enumerate(vocabulary.pieces) if piece.text == "▁")
    base = list(canonical_tables(vocabulary).base_bytes)
    base[marker] = 1
    table = as_table(vocabulary, base_bytes=base)
    comparison = Comparison(table, vocabulary)
    assert comparison.tables_with(d.name for d in comparison.deviations()) == table
