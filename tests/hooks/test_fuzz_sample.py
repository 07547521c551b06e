"""A seeded sample of the fuzz in benchmarks/fuzz_hooks.py, and what hostile text costs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fuzz_hooks
from pgolf.hooks.plain import is_plain


def test_no_launch_passes_unpriced(tmp_path: Path) -> None:
    wrong, _, slowest = fuzz_hooks.problems_with_launch(1500, 20261122, str(tmp_path))
    assert wrong == []
    assert slowest < fuzz_hooks.DEADLINE_SECONDS + 1


def test_no_innocent_command_is_refused(tmp_path: Path) -> None:
    wrong, slowest = fuzz_hooks.problems_without_launch(1500, 20261122, str(tmp_path))
    assert wrong == []
    assert slowest < fuzz_hooks.DEADLINE_SECONDS + 1


def test_bash_starts_no_more_launches_than_were_found() -> None:
    assert fuzz_hooks.bash_disagreements(60, 20261122) == []


@pytest.mark.parametrize(
    "text",
    [
        "a=(" * 5000, "$(" * 20_000, "x=`" * 3000, "{ " * 20_000, "if a; then " * 5000, "(((" * 10_000, "<<A " * 3000,
        'echo "' * 9999, "a " * 100_000, "{a,b}" * 40, "{1..99999999}", "x=" + "a" * 250_000, "((" * 9000, "${" * 9000,
        "f() { f; f; }; f", ":(){ :|:& };:", "for i in {1..100000}; do for j in {1..100000}; do ls; done; done",
        "while :; do while :; do while :; do ls; done; done; done", "[[ " * 9000, "case x in " * 4000, "$((" * 9000,
        "x=aa; for i in {1..60}; do x=$x$x; done; echo $x", 'a=(1 2); for i in {1..60}; do a+=("${a[@]}"); done',
        "x=" + "a" * 8000 + "; echo ${x#" + "*a" * 60 + "b}", "case " + "a" * 9000 + " in " + "*a" * 2000 + "b) ls;; esac",
        "for i in {1..60}; do for j in {1..60}; do echo " + "a" * 2000 + "; done; done | cat",
        "x" * 300_000, "'" * 99_999, "\\" * 99_999, "&&" * 9999, "echo $((2**2**2**2**99))",
        "((i=0)); while ((i<1)); do ls; done",
    ],
)  # fmt: skip
@pytest.mark.parametrize("tail", ["", "; torchrun --nproc_per_node=8 t.py"])
def test_hostile_text_is_answered_in_time(text: str, tail: str, tmp_path: Path) -> None:
    began = time.monotonic()
    plan, _ = fuzz_hooks.read(text + tail, str(tmp_path))
    assert time.monotonic() - began < 15  # a hang, not a speed: the reader's own deadline is 2 s
    if tail:
        assert plan.is_launch
    else:
        assert not plan.is_launch, plan.problems


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=" torchun-=8;&|<>(){}$'\"`\\\n#!*?[]~@abxEOF/", max_size=60))
def test_any_text_is_answered_and_plain_means_no_launch(text: str) -> None:
    plan, _ = fuzz_hooks.read(text, "/")
    if is_plain(text):
        assert not plan.is_launch


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**9))
def test_the_fast_path_never_knows_better_than_the_reader(seed: int) -> None:
    import random

    rng = random.Random(seed)
    command, _ = fuzz_hooks.with_launch(rng)
    assert not is_plain(command)
