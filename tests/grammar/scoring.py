"""What the audit says of a generated evaluation loop, against the score that CPython gets with a model of known losses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from pgolf.audit.probes import probe_vocabularies
from pgolf.audit.script_audit import audit_script
from pgolf.core.tokenizer import Vocabulary
from pgolf.core.verdict import EvalStatus
from pgolf.untrusted.script import NoSiblings, Script
from tests.grammar.cpython import exact_bits_per_byte, scores_in_cpython
from tests.grammar.loops import Loop

TOKENS = 3_001


@dataclass(frozen=True, slots=True)
class Scored:
    """The audit's word and why, whether CPython's score is exact, and what contradicts it ("" for nothing)."""

    status: EvalStatus
    reason: str
    exact: bool
    problem: str


@lru_cache(maxsize=1)
def stream() -> tuple[Vocabulary, tuple[int, ...]]:
    """A vocabulary with tokens of every class, and a stream in which what follows depends on what went before: were it not
    lopsided, predecessors and targets could be swapped unseen."""
    vocabulary = probe_vocabularies()[0]
    draw = Random(7)
    tokens = [1]
    while len(tokens) < TOKENS:
        near = (tokens[-1] * 5 + draw.randrange(7)) % len(vocabulary)
        tokens.append(near if draw.random() < 0.6 else draw.randrange(len(vocabulary)))
    for targets in (TOKENS - 1, *((TOKENS - 1) // n * n for n in (64, 128, 256, 512))):
        tokens[targets] = (
            len(vocabulary) - 1
        )  # a long piece at each end, so that the bytes of the inputs are not those of the targets
    return vocabulary, tuple(tokens)


def is_exact(program: Loop) -> bool:
    """Whether every process of CPython's run returns the bits per byte of the definition.

    All targets of the stream, each once; a program that drops what fills no window is held to those that do, and the very first
    target may be left out, which is less than a window too.
    """
    vocabulary, tokens = stream()
    targets = TOKENS - 1
    if program.tail:
        targets = targets // program.seq_len * program.seq_len
    wanted = [exact_bits_per_byte(vocabulary, list(tokens[first:]), targets - first) for first in (0, 1)]
    found = []
    for world in (1, 3) if program.processes else (1,):
        found += scores_in_cpython(program.source, vocabulary, list(tokens), world)
    return any(all(math.isclose(score[1], exact, rel_tol=1e-5) for score in found) for exact in wanted)


def scored(program: Loop) -> Scored:
    """Audit one program, and run it in CPython."""
    exact = is_exact(program)
    audit = audit_script(Script("train_gpt.py", program.source.encode(), NoSiblings()))
    status, problem = audit.eval_status, ""
    if status is EvalStatus.CANONICAL and not exact:
        problem = "CANONICAL, and CPython's score is another than the definition's"
    if status is EvalStatus.DEVIATES and exact:
        problem = f"DEVIATES ({audit.eval_reason}), and CPython's score is that of the definition"
    return Scored(status, audit.eval_reason, exact, problem)
