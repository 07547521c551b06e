"""Numbers with a range of real values: what the range promises holds for every real value in it."""

from __future__ import annotations

import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.untrusted import scaled
from pgolf.untrusted.values import SCALED, Opaque, Scaled

_OPERATORS = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod,
}  # fmt: skip
_COMPARE = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
}

counts = st.one_of(st.just(0), st.integers(min_value=0, max_value=5000))


@st.composite
def numbers(draw: st.DrawFn) -> tuple[Scaled, int]:
    """A scaled number and one of the real values that it allows."""
    here, low, width = draw(counts), draw(counts), draw(counts)
    high = draw(st.sampled_from([low + width, math.inf]))
    return Scaled.of(here, low, high), draw(st.integers(min_value=low, max_value=low + width))


@given(numbers(), numbers(), st.sampled_from(sorted(_OPERATORS)), st.booleans())
def test_the_range_of_a_result_holds_every_real_result(
    first: tuple[Scaled, int], second: tuple[Scaled, int], op: str, plain: bool
) -> None:
    (a, real_a), (b, real_b) = first, second
    if plain:
        b = real_b  # type: ignore[assignment]
    if op in ("Div", "FloorDiv", "Mod") and (b == 0 or real_b == 0):
        return
    result = scaled.binary(op, a, b, 1)
    if isinstance(result, Opaque):
        return
    assert type(result) in SCALED
    assert result == _OPERATORS[op](int(a), int(b))
    real = _OPERATORS[op](real_a, real_b)
    assert result.low - 1e-6 <= real <= result.high + 1e-6


@given(numbers(), st.integers(min_value=5, max_value=5000), st.sampled_from(sorted(_COMPARE)))
def test_an_answer_beside_a_literal_is_the_real_answer(
    number: tuple[Scaled, int], literal: int, op: str
) -> None:
    a, real = number
    answer = scaled.compare(op, a, literal, 1)
    if not isinstance(answer, Opaque):
        assert answer == _COMPARE[op](real, literal)


@given(st.lists(numbers(), min_size=1, max_size=4), st.sampled_from(["Lt", "Gt"]))
def test_the_range_of_an_extreme_holds_every_real_one(values: list[tuple[Scaled, int]], op: str) -> None:
    pick = min if op == "Lt" else max
    result = scaled.extreme(op, [a for a, _ in values], 1)
    assert result == pick(int(a) for a, _ in values)
    assert result.low <= pick(real for _, real in values) <= result.high


def test_a_literal_that_a_real_run_would_choose_is_unknown() -> None:
    assert isinstance(scaled.extreme("Lt", [scaled.stream_length(132), 300], 1), Opaque)
    assert isinstance(scaled.extreme("Lt", [scaled.at_least(33), 100], 1), Opaque)


def test_of_settings_both_values_are_known() -> None:
    seq_len = Scaled.of(16, 2048, 2048)
    chosen = scaled.extreme("Lt", [seq_len, 64], 1)
    assert (int(chosen), chosen.low, chosen.high, chosen.chosen) == (16, 64, 64, True)


@pytest.mark.parametrize(("value", "literal"), [(5, 1000), (0, 500)])
def test_a_quotient_or_remainder_that_the_probe_cannot_show_is_unknown(value: int, literal: int) -> None:
    number = Scaled.of(value, value, 1e7)
    assert isinstance(scaled.binary("FloorDiv", number, literal, 1), Opaque)
    assert isinstance(scaled.binary("Mod", number, literal, 1), Opaque)


def test_elements_of_a_range_start_where_the_real_one_starts() -> None:
    made = scaled.steps(range(0, 131, 4), [0, scaled.stream_length(131), Scaled.of(4, 64, 64)])
    assert [int(x) for x in made] == list(range(0, 131, 4))
    assert (made[0].low, made[0].high) == (0, 0)
    assert (made[3].low, made[3].high) == (192, scaled.STREAM_TOKENS_HIGH - 1)
    assert scaled.compare("Gt", made[3], 200, 1) is not True
    assert isinstance(scaled.compare("Gt", made[3], 200, 1), Opaque)
    assert scaled.compare("Eq", made[3], 0, 1) is False
