"""Everything in the collection is read by the worker: nothing runs, nothing takes long, nothing ends in a traceback."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.worker import Answer, Stopped, Worker
from tests.escapes.collection import ESCAPES, Escape


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(DEFAULT_LIMITS) as made:
        yield made


def test_the_collection_is_large_and_each_entry_is_dated_and_explained() -> None:
    assert len(ESCAPES) >= 50
    assert len({each.name for each in ESCAPES}) == len(ESCAPES)
    for each in ESCAPES:
        assert len(each.added) == len("2026-11-22")
        assert each.proves


@pytest.mark.parametrize("case", ESCAPES, ids=lambda case: case.name)
def test_reading_a_hostile_script_is_harmless(case: Escape, worker: Worker, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    blobs = {"script": case.build(str(canary))}
    blobs |= {f"sibling:{name}": data for name, data in case.siblings(str(canary)).items()}
    start = time.monotonic()
    found = worker.call("pgolf.untrusted.isolated:read_script", {"path": "records/x/train_gpt.py"}, blobs)
    seconds = time.monotonic() - start
    assert not canary.exists()
    assert seconds < 10 + DEFAULT_LIMITS.worker_start_seconds
    if isinstance(found, Stopped):
        assert "internal error" not in found.reason
        assert found.limit
        return
    assert isinstance(found, Answer)
    obstacles = found.value["obstacles"]
    said = " ".join(
        [*(f"{each['rule']} {each['reason']}" for each in obstacles), found.value["parsed"]["problem"]]
    )
    assert case.expect in said
    if not case.expect and not said.strip():
        assert found.value["parsed"]["statements"] is not None


@pytest.mark.parametrize(
    "case", [each for each in ESCAPES if "run" in each.proves or "reach" in each.proves], ids=lambda c: c.name
)
def test_a_whole_audit_of_code_that_wants_out_runs_nothing_and_proves_nothing(
    case: Escape, worker: Worker, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    blobs = {"script": case.build(str(canary))}
    found = worker.call("pgolf.audit.isolated:audit_script_facts", {"path": "records/x/train_gpt.py"}, blobs)
    assert not canary.exists()
    if isinstance(found, Stopped):
        assert found.limit
    else:
        assert found.value["lut_status"] in ("UNKNOWN", "OBFUSCATED")
        assert found.value["reason"]


def test_no_child_ever_used_a_gigabyte() -> None:
    # Children that have ended count here; the largest of all of them.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1024 * 1024
