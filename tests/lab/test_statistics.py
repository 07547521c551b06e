"""Welch and one-sample margin tests: against scipy, against cases computed by hand, and never nan."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from pgolf.core.margin_test import describe, one_sample_test, seeds_needed, welch_test
from pgolf.errors import UsageError

bpb = st.floats(0.9, 1.4).map(lambda value: round(value, 8))
sample = st.lists(bpb, min_size=2, max_size=12)
margins = st.floats(-0.02, 0.02)


def spread(values: list[float]) -> bool:
    return float(np.std(values)) > 1e-7


@settings(deadline=None, max_examples=150)
@given(sample, sample, margins)
def test_welch_equals_scipy_to_1e12(candidate: list[float], reference: list[float], margin: float) -> None:
    assume(spread(candidate) and spread(reference))
    ours = welch_test(candidate, reference, margin=margin, confidence=0.95)
    moved = [value - margin for value in reference]
    theirs = stats.ttest_ind(moved, candidate, equal_var=False, alternative="greater")
    plain = stats.ttest_ind(reference, candidate, equal_var=False)
    interval = plain.confidence_interval(0.95)
    assert ours.p_margin == pytest.approx(theirs.pvalue, abs=1e-12)
    assert ours.p_difference == pytest.approx(plain.pvalue, abs=1e-12)
    assert ours.degrees_of_freedom == pytest.approx(plain.df, rel=1e-10)
    assert ours.ci_low == pytest.approx(interval.low, rel=1e-9, abs=1e-12)
    assert ours.ci_high == pytest.approx(interval.high, rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=100)
@given(sample, bpb, margins)
def test_one_sample_equals_scipy_to_1e12(candidate: list[float], reference: float, margin: float) -> None:
    assume(spread(candidate))
    ours = one_sample_test(candidate, reference, margin=margin)
    theirs = stats.ttest_1samp(candidate, reference - margin, alternative="less")
    assert ours.p_margin == pytest.approx(theirs.pvalue, abs=1e-12)
    two_sided = stats.ttest_1samp(candidate, reference)
    assert ours.p_difference == pytest.approx(two_sided.pvalue, abs=1e-12)


def test_welch_on_a_case_computed_by_hand() -> None:
    # candidate 1, 2, 3: mean 2, s^2 = 1; reference 4, 6: mean 5, s^2 = 2
    # se = sqrt(1/3 + 1) = 1.1547..., df = (4/3)^2 / ((1/3)^2/2 + 1^2/1) = 1.68421..., t(margin 1) = 2/se = sqrt(3)
    test = welch_test([1.0, 2.0, 3.0], [4.0, 6.0], margin=1.0)
    assert test.improvement == 3.0
    assert test.standard_error == pytest.approx(math.sqrt(4 / 3), rel=1e-15)
    assert test.degrees_of_freedom == pytest.approx(32 / 19, rel=1e-14)
    assert test.t == pytest.approx(math.sqrt(3.0), rel=1e-14)


def test_one_sample_with_two_values_has_the_closed_form_of_the_cauchy_distribution() -> None:
    # df = 1: upper tail of t is 1/2 - atan(t)/pi. Values 1 and 3: mean 2, s = sqrt 2, se = 1; t = 5 - 2 - 1 = 2
    test = one_sample_test([1.0, 3.0], 5.0, margin=1.0)
    assert test.t == pytest.approx(2.0, rel=1e-15)
    assert test.p_margin == pytest.approx(0.5 - math.atan(2.0) / math.pi, abs=1e-14)


def test_margin_test_and_plain_difference_test_disagree_where_the_gain_is_certain_but_small() -> None:
    candidate = [1.0780, 1.0781, 1.0779]
    reference = [1.0800, 1.0801, 1.0799]
    test = welch_test(candidate, reference, margin=0.005)
    assert test.p_difference is not None
    assert test.p_difference < 0.001
    assert test.p_margin is not None
    assert test.p_margin > 0.99
    assert not test.significant


@settings(deadline=None, max_examples=100)
@given(sample, sample, margins, st.sampled_from([0.01, 0.05, 0.1]))
def test_interval_excludes_the_margin_exactly_when_significant(
    candidate: list[float], reference: list[float], margin: float, alpha: float
) -> None:
    assume(spread(candidate) and spread(reference))
    test = welch_test(candidate, reference, margin=margin, alpha=alpha)
    assert test.ci_low is not None
    assume(abs(test.ci_low - margin) > 1e-12)
    assert test.significant == (test.ci_low > margin)


def test_one_value_is_undecidable_and_says_so() -> None:
    for test in (
        welch_test([1.0], [1.1, 1.2]),
        welch_test([1.0, 1.1], [1.2]),
        one_sample_test([1.0], 1.2),
    ):
        assert test.p_margin is None
        assert not test.significant
        assert test.undecidable is not None
        assert "1 value" in test.undecidable


@pytest.mark.parametrize("value", [1.08, 1.0810063117, 0.1 + 0.2])
def test_equal_values_give_no_p_value_whatever_the_difference(value: float) -> None:
    for test in (
        welch_test([value] * 3, [value] * 3),
        welch_test([value] * 3, [value + 1.0] * 3),
        one_sample_test([value] * 3, value + 1.0),
    ):
        assert test.candidate_sd == 0.0
        assert test.p_margin is None
        assert "all values are equal" in (test.undecidable or "")
        assert seeds_needed(test) is None


@pytest.mark.filterwarnings("ignore:Precision loss")
def test_zero_spread_on_one_side_only_is_decidable_and_equals_scipy() -> None:
    test = welch_test([1.0, 1.0, 1.0], [1.1, 1.2, 1.3])
    theirs = stats.ttest_ind([1.1, 1.2, 1.3], [1.0, 1.0, 1.0], equal_var=False, alternative="greater")
    assert test.p_margin == pytest.approx(theirs.pvalue, abs=1e-12)


any_float = st.floats(-1e100, 1e100) | st.floats(-1e-200, 1e-200)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(any_float, min_size=1, max_size=5),
    st.lists(any_float, min_size=1, max_size=5),
)
def test_every_outcome_is_finite_json_and_a_missing_p_value_has_its_sentence(
    candidate: list[float], reference: list[float]
) -> None:
    for test in (welch_test, lambda c, r: one_sample_test(c, r[0])):
        result = test(candidate, reference)
        json.dumps(result.as_dict(), allow_nan=False)
        assert (result.p_margin is None) == (result.undecidable is not None)


@pytest.mark.parametrize("bad", [[], [math.nan], [1.0, math.inf], [1.0, -1e101]])
def test_unusable_samples_are_refused(bad: list[float]) -> None:
    with pytest.raises(UsageError):
        welch_test(bad, [1.0, 2.0])
    with pytest.raises(UsageError):
        describe(bad)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, math.nan, -0.01])
def test_unusable_alpha_is_refused(alpha: float) -> None:
    with pytest.raises(UsageError, match="alpha"):
        welch_test([1.0, 2.0], [1.0, 2.0], alpha=alpha)


def test_power_of_the_one_sample_test_equals_the_noncentral_t_distribution() -> None:
    candidate = [1.0701, 1.0712, 1.0695]
    test = one_sample_test(candidate, 1.08, margin=0.005, alpha=0.05)
    sd = float(np.std(candidate, ddof=1))
    shift = (1.08 - float(np.mean(candidate)) - 0.005) / (sd / math.sqrt(3))
    expected = stats.nct.sf(stats.t.isf(0.05, 2), 2, shift)
    assert test.power == pytest.approx(expected, rel=1e-9)


def test_power_agrees_with_simulation() -> None:
    rng = np.random.default_rng(7)
    # A sample constructed to have exactly mean 1.07 and standard deviation 0.002.
    base = np.array([-1.0, 0.0, 1.0, 0.5, -0.5])
    base = 1.07 + 0.002 * (base - base.mean()) / base.std(ddof=1)
    test = one_sample_test(base.tolist(), 1.078, margin=0.005, alpha=0.05)
    runs = rng.normal(1.07, 0.002, size=(20_000, 5))
    t = (1.078 - 0.005 - runs.mean(axis=1)) / (runs.std(axis=1, ddof=1) / math.sqrt(5))
    hits = float(np.mean(t > stats.t.isf(0.05, 4)))
    assert test.power is not None
    assert abs(test.power - hits) < 0.015


def test_seeds_needed_is_the_first_number_that_reaches_the_power() -> None:
    candidate = [1.0701, 1.0732, 1.0685]
    test = one_sample_test(candidate, 1.0775, margin=0.005)
    needed = seeds_needed(test)
    assert needed is not None
    sd = float(np.std(candidate, ddof=1))

    def power(n: int) -> float:
        shift = (test.improvement - 0.005) / (sd / math.sqrt(n))
        return float(stats.nct.sf(stats.t.isf(0.01, n - 1), n - 1, shift))

    assert power(needed) >= 0.8 > power(needed - 1)


def test_seeds_needed_is_none_where_the_gain_is_below_the_margin() -> None:
    assert seeds_needed(one_sample_test([1.0, 1.001], 1.002, margin=0.005)) is None
