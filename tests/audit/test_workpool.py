"""The pool: every task comes back with a result or a reason."""

from __future__ import annotations

import os
import time

import pytest

from pgolf.audit.workpool import Crashed, WorkPool, default_jobs
from pgolf.errors import UsageError


def _work(task: int) -> int:
    if task == 7:
        os._exit(9)
    if task == 8:
        raise ValueError("a defect")
    if task == 9:
        return len(bytearray(1 << 62))
    if task == 10:
        time.sleep(30)
    return task * task


def test_a_task_that_kills_its_process_costs_only_its_own_result() -> None:
    with WorkPool(_work, jobs=2, task_seconds=2.0) as pool:
        results = dict(pool.map(iter([1, 2, 3, 7, 8, 9, 10, 11, 12])))
    assert {task: results[task] for task in (1, 2, 3, 11, 12)} == {1: 1, 2: 4, 3: 9, 11: 121, 12: 144}
    reasons = {task: results[task].reason for task in (7, 8, 9, 10) if isinstance(results[task], Crashed)}
    assert "died" in reasons[7]
    assert "ValueError" in reasons[8]
    assert "memory" in reasons[9]
    assert "longer than 2 s" in reasons[10]


def test_no_task_no_process() -> None:
    with WorkPool(_work, jobs=2) as pool:
        assert list(pool.map([])) == []


def test_a_dask_cluster_gives_the_same_results() -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `distributed` is not installed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        WorkPool(_work, jobs=1, scheduler=cluster.scheduler_address) as pool,
    ):
        results = dict(pool.map(iter([1, 2, 8, 3])))
    assert (results[1], results[2], results[3]) == (1, 4, 9)
    assert isinstance(results[8], Crashed)


def test_a_scheduler_that_does_not_answer_is_a_usage_error() -> None:
    pytest.importorskip("distributed", reason="the extra `distributed` is not installed")
    with pytest.raises(UsageError, match="Dask"):
        WorkPool(_work, jobs=1, scheduler="tcp://127.0.0.1:1")


def test_there_is_a_processor() -> None:
    assert default_jobs() >= 1
