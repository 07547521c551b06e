"""Numbers that each round of the loop makes out of the last one: after millions of windows they are anything."""

from __future__ import annotations

import pytest

from tests.audit.variants import SCORED, WINDOWS, canonical, changed, in_loop, in_main, is_proved

_FAR = "if {} < 0.5:\n    continue"
_WRONG = {
    "a factor, in place": ("s = 1.0", "s *= 0.999999\n" + _FAR.format("s")),
    "a factor": ("s = 1.0", "s = s * 0.999999\n" + _FAR.format("s")),
    "a factor on the other side": ("s = 1.0", "s = 0.999999 * s\n" + _FAR.format("s")),
    "a quotient": ("s = 1.0", "s /= 1.000001\n" + _FAR.format("s")),
    "a difference": ("s = 1.0", "s -= 0.000001\n" + _FAR.format("s")),
    "a sum": ("s = 1.0", "s = s + -0.000001\n" + _FAR.format("s")),
    "an item of a list": ("s = [1.0]", "s[0] *= 0.999999\n" + _FAR.format("s[0]")),
    "an item of a list, assigned": ("s = [1.0]", "s[0] = s[0] * 0.999999\n" + _FAR.format("s[0]")),
    "an attribute": (
        "class Z:\n    pass\nz = Z()\nz.s = 1.0",
        "z.s = z.s * 0.999999\n" + _FAR.format("z.s"),
    ),
    "an array of one": ("s = torch.ones(())", "s *= 0.999999\n" + _FAR.format("s")),
    "rounded": ("s = 1.0", "s = s * 0.999999\nscored = scored * round(s)"),
    "as a truth": ("s = 1.0", "s = s * 0.999999\nscored = scored * (s > 0.5)"),
    "cut to an integer": ("s = 1.0", "s = s * 0.999999\nscored = scored * int(s + 0.5)"),
    "counting down": ("n = 1000", "n -= 1\nif n < 0:\n    continue"),
    "counting down to nothing": ("n = 1000", "n -= 1\nscored = scored * min(1, max(n, 0))"),
    "a generator of numbers": (
        "n = 1",
        "n = (n * 1103515245 + 12345) % 2**31\nif n % 100000 == 7:\n    continue",
    ),
}
_RIGHT = {
    "a counter that is printed": ("n = 0", "n += 1\nif n % 100 == 0:\n    print(n)"),
    "a mean for a progress bar": (
        "mean = 0.0",
        "mean = 0.9 * mean + 0.1 * float(scored.numel())\nprint(mean)",
    ),
    "a size made in each round": ("", "size = end - ws\nsize = size * 2\nprint(size)"),
}


@pytest.mark.parametrize("name", _WRONG)
def test_what_a_number_of_rounds_decides_is_not_canonical(name: str) -> None:
    before, inside = _WRONG[name]
    assert not is_proved(changed(WINDOWS, in_main(before) + WINDOWS, SCORED, SCORED + in_loop(inside)))


@pytest.mark.parametrize("name", _RIGHT)
def test_numbers_that_decide_nothing_stay_canonical(name: str) -> None:
    before, inside = _RIGHT[name]
    start = in_main(before) if before else ""
    assert is_proved(changed(WINDOWS, start + WINDOWS, SCORED, SCORED + in_loop(inside)))
    assert is_proved(canonical())
