"""Scripts through the confined child: what comes back, and what never can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pgolf.audit.script_facts import audit_script
from pgolf.core.deviation import DeviationName
from pgolf.core.verdict import EvalStatus, LutStatus
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.script import MappedSiblings, Script

SAMPLES = Path(__file__).resolve().parent.parent / "checks"
RIGHT = (SAMPLES / "fingerprint" / "clean_canonical" / "train_gpt.py").read_bytes()
PLUS = (SAMPLES / "bytes-space-twice" / "flagged_table_and_loop_add_the_space" / "train_gpt.py").read_bytes()


def test_a_right_and_a_wrong_table_are_told_apart_by_evaluation() -> None:
    right = audit_script(Script("train_gpt.py", RIGHT), DEFAULT_LIMITS)
    assert (right.lut_status, right.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL)
    wrong = audit_script(Script("train_gpt.py", PLUS), DEFAULT_LIMITS)
    assert wrong.lut_status is LutStatus.BUGGY
    assert DeviationName.LEADING_SPACE_PLUS_ONE in {d.name for d in wrong.deviations}


def test_a_launcher_is_followed_to_the_script_beside_it() -> None:
    launcher = b"import runpy\nrunpy.run_path('inner.py', run_name='__main__')\n"
    script = Script("train_gpt.py", launcher, MappedSiblings({"inner.py": PLUS, "train_gpt.py": launcher}))
    assert audit_script(script, DEFAULT_LIMITS).lut_status is not LutStatus.CORRECT


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\xff\xfe\x00",
        b"(" * 100_000,
        b"while True:\n    pass\n",
        b"x = 1\n" * 200_000,
        b"def f(:\n",
        b"\x00" * 1000,
    ],
    ids=["empty", "no text", "brackets", "endless", "long", "broken", "zeros"],
)
def test_hostile_text_is_an_unknown_with_a_reason_and_the_next_script_works(source: bytes) -> None:
    limits = replace(DEFAULT_LIMITS, worker_wall_seconds=20.0, worker_cpu_seconds=6)
    facts = audit_script(Script("train_gpt.py", source), limits)
    assert facts.lut_status in (LutStatus.UNKNOWN, LutStatus.OBFUSCATED)
    assert facts.reason
    assert audit_script(Script("train_gpt.py", RIGHT), limits).lut_status is LutStatus.CORRECT


def test_nothing_of_the_script_runs(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    hostile = (
        f"import os\nos.system('touch {witness}')\nopen({str(witness)!r}, 'w').write('x')\n".encode() + RIGHT
    )
    audit_script(Script("train_gpt.py", hostile), DEFAULT_LIMITS)
    assert not witness.exists()
