"""The audit of generated evaluation loops against the score that CPython gets with a model of known losses.

CANONICAL only where every process's score is the bits per byte of the definition, DEVIATES only where it is not.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgolf.core.verdict import EvalStatus
from tests.grammar.loops import WRONG, loop
from tests.grammar.scoring import Scored, scored

SAMPLE = 100


@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_a_loop_is_never_judged_against_what_cpython_scores(random: Random) -> None:
    program = loop(random)
    found = scored(program)
    assert found.problem == "", (program.wrong, program.source)


@lru_cache(maxsize=1)
def _sample() -> tuple[tuple[tuple[str, ...], Scored], ...]:
    programs = [loop(Random(seed)) for seed in range(SAMPLE)]
    return tuple((program.wrong, scored(program)) for program in programs)


def test_right_loops_are_exact_in_cpython_and_nearly_all_are_canonical() -> None:
    right = [found for wrong, found in _sample() if not wrong]
    assert all(found.exact for found in right)
    canonical = sum(found.status is EvalStatus.CANONICAL for found in right)
    assert canonical >= 0.85 * len(right), [f.reason for f in right if f.status is not EvalStatus.CANONICAL]


def test_wrong_loops_are_never_canonical_where_their_score_is_another() -> None:
    judged = [found for wrong, found in _sample() if wrong]
    other = [found for found in judged if not found.exact]
    assert len(other) >= 0.9 * len(judged)
    assert all(found.problem == "" for found in judged)
    assert sum(found.status is EvalStatus.DEVIATES for found in other) >= 0.4 * len(other)


def test_each_mistake_is_written_and_shows_in_cpython() -> None:
    shown: set[str] = set()
    for seed in range(2000):
        program = loop(Random(seed))
        if len(shown) == len(WRONG):
            break
        new = [wrong for wrong in program.wrong if wrong in WRONG and wrong not in shown]
        if new and not scored(program).exact:
            shown.update(new)
    assert shown == set(WRONG)
