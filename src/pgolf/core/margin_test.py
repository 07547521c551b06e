"""Does a candidate beat a reference by a margin? Welch's t-test and the one-sample t-test, lower is better.

Promise: every field of a `MarginTest` is a finite number or None; None always comes with a sentence in
`undecidable` (or, for `power`, when the test itself is undecidable). Nothing here is ever nan.

Definitions, with improvement d = mean(reference) - mean(candidate), so that positive d is better:

    H0: d <= margin   H1: d > margin          (one-sided; `p_margin`)
    t  = (d - margin) / se
    se = sqrt(s_c^2 / n_c + s_r^2 / n_r)      Welch: unequal variances, df by Welch and Satterthwaite
    se = s_c / sqrt(n_c), df = n_c - 1        one sample: the reference is one number, taken as exact

The margin test is not the plain difference test: a candidate can differ from the reference with certainty
(`p_difference` tiny) and still not be shown to beat it by the margin (`p_margin` large).

What it does not do: correct for seeds added after a look at the result (register their number first), and
test normality (with three seeds nothing can).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pgolf.errors import UsageError

# Below this relative spread the digits that differ are rounding of the floating-point format, not noise.
_SAME_VALUE_FRACTION = 1e-14
_MAX_PLANNED_SEEDS = 1000
_LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class MarginTest:
    """Outcome of one test; values, margin, effect and interval are all in the unit of the samples.

    `method` is `welch` or `one_sample`. `improvement` is mean(reference) - mean(candidate).
    `ci_low`, `ci_high`: two-sided interval of the improvement at `confidence`; with the default
    confidence 1 - 2 alpha its lower end exceeds the margin exactly when `p_margin < alpha`.
    `power`: probability that this test, at these sample sizes and this spread, is significant when the
    true improvement is the one observed (central-t critical value, noncentral-t alternative).
    `undecidable`: why there is no p-value, or None.
    """

    method: str
    candidate_n: int
    candidate_mean: float
    candidate_sd: float | None
    reference_n: int
    reference_mean: float
    reference_sd: float | None
    improvement: float
    margin: float
    alpha: float
    confidence: float
    standard_error: float | None = None
    degrees_of_freedom: float | None = None
    t: float | None = None
    p_margin: float | None = None
    p_difference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    power: float | None = None
    undecidable: str | None = None

    @property
    def significant(self) -> bool:
        """Is the improvement shown to exceed the margin at `alpha`? False when it cannot be told."""
        return self.p_margin is not None and self.p_margin < self.alpha

    def as_dict(self) -> dict[str, Any]:
        """All fields and `significant`, ready for JSON."""
        return {**asdict(self), "significant": self.significant}


def welch_test(
    candidate: Sequence[float],
    reference: Sequence[float],
    *,
    margin: float = 0.0,
    alpha: float = 0.01,
    confidence: float | None = None,
) -> MarginTest:
    """Welch's t-test that the candidate's mean is below the reference's by more than `margin`.

    Samples of at least two values each are needed for a p-value; with fewer, or with no spread in either
    sample, the result says `undecidable` and why. Raises UsageError on empty samples and on numbers that
    are not finite.
    """
    confidence = _checked_levels(margin, alpha, confidence)
    c_mean, c_sd = describe(candidate, "candidate")
    r_mean, r_sd = describe(reference, "reference")
    partial = MarginTest(
        "welch",
        len(candidate),
        c_mean,
        c_sd,
        len(reference),
        r_mean,
        r_sd,
        r_mean - c_mean,
        margin,
        alpha,
        confidence,
    )
    if c_sd is None or r_sd is None:
        name = "candidate" if c_sd is None else "reference"
        return _without_p(partial, f"the {name} has 1 value, and the spread of one value is unknown")
    se, df = _standard_error(c_sd, len(candidate), r_sd, len(reference))
    return _without_p(partial, _NO_SPREAD) if se == 0.0 else _with_p(partial, se, df)


def one_sample_test(
    candidate: Sequence[float],
    reference_value: float,
    *,
    margin: float = 0.0,
    alpha: float = 0.01,
    confidence: float | None = None,
) -> MarginTest:
    """One-sample t-test that the candidate's mean is below one number by more than `margin`.

    The number is taken as exact: its own noise is unknown, so this test is more lenient than Welch's
    against the seeds behind that number. Raises UsageError as `welch_test` does.
    """
    confidence = _checked_levels(margin, alpha, confidence)
    c_mean, c_sd = describe(candidate, "candidate")
    r_mean, _ = describe([reference_value], "reference")
    partial = MarginTest(
        "one_sample",
        len(candidate),
        c_mean,
        c_sd,
        1,
        r_mean,
        None,
        r_mean - c_mean,
        margin,
        alpha,
        confidence,
    )
    if c_sd is None:
        return _without_p(partial, "the candidate has 1 value, and the spread of one value is unknown")
    se, df = _standard_error(c_sd, len(candidate))
    return _without_p(partial, _NO_SPREAD) if se == 0.0 else _with_p(partial, se, df)


def seeds_needed(test: MarginTest, power: float = 0.8) -> int | None:
    """The smallest number of candidate seeds at which the test has that power, or None.

    Assumes the true improvement and spreads are the observed ones. None when the test is undecidable, the
    improvement does not exceed the margin, the reference's own noise forbids it, or more than 1000 seeds
    would be needed.
    """
    if test.p_margin is None or test.improvement <= test.margin:
        return None
    low, high = 2, _MAX_PLANNED_SEEDS
    if _power_at(test, high) < power:
        return None
    while low < high:
        middle = (low + high) // 2
        if _power_at(test, middle) >= power:
            high = middle
        else:
            low = middle + 1
    return low


def describe(values: Sequence[float], name: str = "sample") -> tuple[float, float | None]:
    """Mean, and standard deviation with n - 1 (None for one value; exactly 0.0 for equal values).

    Raises UsageError on an empty sample and on values that are not finite or above 1e100.
    """
    if not values:
        raise UsageError(f"the {name} has no value: at least one is needed")
    for value in values:
        if not math.isfinite(value) or abs(value) > _LARGEST:
            raise UsageError(
                f"the {name} holds {value!r}: every value must be a finite number of at most {_LARGEST:g}"
            )
    n = len(values)
    if max(values) - min(values) <= _SAME_VALUE_FRACTION * abs(values[0]):
        return float(values[0]), (0.0 if n > 1 else None)
    mean = math.fsum(value / n for value in values)
    variance = math.fsum((value - mean) * (value - mean) for value in values) / (n - 1)
    return mean, math.sqrt(variance)


_NO_SPREAD = (
    "all values are equal, so the noise between seeds cannot be estimated and no p-value exists "
    "(are these really separate runs?)"
)


def _checked_levels(margin: float, alpha: float, confidence: float | None) -> float:
    if not math.isfinite(margin):
        raise UsageError(f"the margin must be a finite number, got {margin!r}")
    if not 0.0 < alpha < 0.5:
        raise UsageError(f"alpha must lie between 0 and 0.5, got {alpha!r}")
    if confidence is None:
        return 1.0 - 2.0 * alpha
    if not 0.0 < confidence < 1.0:
        raise UsageError(f"the confidence must lie between 0 and 1, got {confidence!r}")
    return confidence


def _standard_error(c_sd: float, c_n: int, r_sd: float = 0.0, r_n: int | None = None) -> tuple[float, float]:
    """Standard error of the improvement and its degrees of freedom; `r_n` None means an exact reference.

    Written with ratios, so that no square leaves the floating-point range.
    """
    c_part = c_sd / math.sqrt(c_n)
    if r_n is None or (c_part == 0.0 and r_sd == 0.0):
        return c_part, float(c_n - 1)
    r_part = r_sd / math.sqrt(r_n)
    se = math.hypot(c_part, r_part)
    c_share, r_share = (c_part / se) ** 2, (r_part / se) ** 2
    return se, 1.0 / (c_share**2 / (c_n - 1) + r_share**2 / (r_n - 1))


def _without_p(partial: MarginTest, why: str) -> MarginTest:
    return MarginTest(**{**asdict(partial), "undecidable": why})


def _with_p(partial: MarginTest, se: float, df: float) -> MarginTest:
    # scipy.special, not scipy.stats: the same functions its tests use, at half the import time.
    from scipy.special import stdtr, stdtrit

    t = (partial.improvement - partial.margin) / se
    half_width = float(stdtrit(df, 0.5 + partial.confidence / 2.0)) * se
    numbers = {
        "standard_error": se,
        "degrees_of_freedom": df,
        "t": t,
        "p_margin": float(stdtr(df, -t)),
        "p_difference": 2.0 * float(stdtr(df, -abs(partial.improvement / se))),
        "ci_low": partial.improvement - half_width,
        "ci_high": partial.improvement + half_width,
    }
    if not all(math.isfinite(value) for value in numbers.values()):
        return _without_p(partial, "the numbers are too large or too close together for a t statistic")
    test = MarginTest(**{**asdict(partial), **numbers})
    return MarginTest(**{**asdict(test), "power": _power_at(test, test.candidate_n)})


def _power_at(test: MarginTest, candidate_n: int) -> float:
    """Power with `candidate_n` candidate seeds, the other quantities as observed."""
    from scipy.special import nctdtr, stdtr, stdtrit

    assert test.candidate_sd is not None  # noqa: S101 - callers hold a decidable test
    if test.method == "welch":
        assert test.reference_sd is not None  # noqa: S101 - a decidable Welch test has both spreads
        se, df = _standard_error(test.candidate_sd, candidate_n, test.reference_sd, test.reference_n)
    else:
        se, df = _standard_error(test.candidate_sd, candidate_n)
    shift = (test.improvement - test.margin) / se
    critical = float(stdtrit(df, 1.0 - test.alpha))
    power = 1.0 - float(nctdtr(df, shift, critical))
    if not 0.0 <= power <= 1.0:
        # The noncentral series gives up far from zero, where the normal shift of the central t is exact enough.
        power = float(stdtr(df, shift - critical))
    return power
