"""What an evaluation made is freed when its script is judged, without a search for cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgolf.audit import isolated
from pgolf.audit.script_audit import audit_script
from pgolf.untrusted.program import evaluations_alive
from pgolf.untrusted.script import NoSiblings, Script

SCRIPTS = Path(__file__).parents[2] / "examples" / "scripts"

HOLDS_ITSELF = b"""
class Node:
    def __init__(self):
        self.me = self
        self.all = [self]

def outer():
    def again(n):
        return again(n - 1) if n else 0
    def maker():
        return again
    return maker

kept = outer()
kept()(3)
node = Node()
ring = []
ring.append(ring)
"""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "name", ["canonical.py", "like_1734.py", "loop_space_twice.py", "hostile_infinite_loop.py"]
)
def test_no_evaluation_is_left_of_an_audited_script(name: str) -> None:
    before = evaluations_alive()
    audit_script(Script(name, (SCRIPTS / name).read_bytes(), NoSiblings()))
    assert evaluations_alive() == before


@pytest.mark.usefixtures("no_collector")
def test_functions_and_classes_that_hold_themselves_hold_no_evaluation() -> None:
    before = evaluations_alive()
    audit_script(Script("train_gpt.py", HOLDS_ITSELF, NoSiblings()))
    assert evaluations_alive() == before


def test_a_worker_sets_aside_what_it_keeps_and_collects_what_is_left() -> None:
    payload = {"path": "train_gpt.py"}
    script = (SCRIPTS / "canonical.py").read_bytes()
    try:
        first = isolated.audit_script_facts(payload, {"script": script})
        frozen = gc.get_freeze_count()
        second = isolated.audit_script_facts(payload, {"script": script + b"\n# another\n"})
        assert gc.get_freeze_count() > frozen
        assert {**first, "line": 0} == {**second, "line": 0}
    finally:
        gc.unfreeze()
