"""Many small tasks on any `concurrent.futures.Executor`, where one bad task costs one result and not the run.

Local processes are the default. A task that kills its process (memory, a crash inside a decoder) breaks a process
pool and takes its neighbours down with it: the pool is made anew, everything that was under way runs again one by
one, and the task that breaks the pool alone is the culprit. It becomes a `Crashed` value.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from types import FrameType
from typing import Any, Generic, TypeVar

from pgolf.errors import UsageError

Task = TypeVar("Task")
Result = TypeVar("Result")

TASK_SECONDS = 400.0
WORKER_MEMORY_BYTES = 2_500_000_000
TASKS_PER_PROCESS = 500


@dataclass(frozen=True, slots=True)
class Crashed:
    """A task without a result; `reason` is a sentence for the report."""

    reason: str


class TaskTimeout(Exception):
    """A task took longer than its time."""


def default_jobs() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _limit_process(memory_bytes: int) -> None:
    # An interrupt belongs to the parent, which then ends the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        import resource
    except ImportError:  # not a POSIX system: the bounds inside the audit are all there is
        return
    # Not permitted to lower the limit: the bounds inside the audit remain.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def in_time(seconds: float, work: Callable[[], Result]) -> Result:
    """`work()` with a wall-clock bound, where the platform has one for this thread. Calls may be nested.

    Raises TaskTimeout.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        return work()

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TaskTimeout(f"took longer than {seconds:g} s")

    # Inside a C call the alarm is only noted; if it does not come back either, the process ends itself.
    guillotine = threading.Timer(2 * seconds + 5, os._exit, args=(71,)) if in_worker() else None
    previous = signal.signal(signal.SIGALRM, ring)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    started = time.monotonic()
    if guillotine is not None:
        guillotine.daemon = True
        guillotine.start()
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, outer - (time.monotonic() - started)))
        if guillotine is not None:
            guillotine.cancel()


def in_worker() -> bool:
    """Whether this is a process of a pool (it may end itself), not the user's own."""
    return multiprocessing.parent_process() is not None


def _guarded(work: Callable[[Task], Result], task: Task, seconds: float) -> Result | Crashed:
    try:
        return in_time(seconds, lambda: work(task))
    except TaskTimeout as error:
        return Crashed(str(error))
    except MemoryError:
        return Crashed("needed more memory than a worker may use")
    except RecursionError:
        return Crashed("nested too deeply")
    except Exception as error:  # noqa: BLE001 - a defect in one analysis must not cost the other results
        return Crashed(f"internal error, please report it: {type(error).__name__}: {str(error)[:300]}")


class WorkPool(Generic[Task, Result]):
    """Runs `work` over tasks. A context manager."""

    def __init__(
        self,
        work: Callable[[Task], Result],
        *,
        jobs: int,
        scheduler: str | None = None,
        task_seconds: float = TASK_SECONDS,
        memory_bytes: int = WORKER_MEMORY_BYTES,
    ) -> None:
        self._work = work
        self._jobs = max(1, jobs)
        self._scheduler = scheduler
        self._seconds = task_seconds
        self._memory = memory_bytes
        self._client: Any = None
        self._executor: Executor | None = None
        if scheduler is not None:
            self._client = connect_dask(scheduler)

    def __enter__(self) -> WorkPool[Task, Result]:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._discard(wait=kind is None)
        if self._client is not None:
            self._client.close()

    def _start(self, jobs: int) -> Executor:
        if self._client is not None:
            executor = self._client.get_executor(pure=False)
            assert isinstance(executor, Executor)  # noqa: S101 - the contract of that library
            return executor
        return ProcessPoolExecutor(
            jobs,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_limit_process,
            initargs=(self._memory,),
            max_tasks_per_child=TASKS_PER_PROCESS,
        )

    def map(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Crashed]]:
        """(task, result) as they finish, in any order; never more than a few tasks per process in flight."""
        window = 4 * self._jobs if self._client is None else 64
        waiting = iter(tasks)
        under_way: dict[Future[Result | Crashed], Task] = {}
        exhausted = False
        while under_way or not exhausted:
            broken: list[Task] = []
            while not exhausted and not broken and len(under_way) < window:
                try:
                    task = next(waiting)
                except StopIteration:
                    exhausted = True
                    break
                if self._executor is None:
                    self._executor = self._start(self._jobs)
                try:
                    under_way[self._executor.submit(_guarded, self._work, task, self._seconds)] = task
                except BrokenExecutor:
                    broken.append(task)
            if under_way:
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    task = under_way.pop(future)
                    try:
                        yield task, future.result()
                    except BrokenExecutor:
                        broken.append(task)
            if broken:
                # Everything in flight went down with the pool; find the culprit one by one.
                broken += under_way.values()
                under_way.clear()
                self._discard()
                for task in broken:
                    yield task, self._alone(task)

    def _alone(self, task: Task) -> Result | Crashed:
        executor = self._start(1)
        try:
            return executor.submit(_guarded, self._work, task, self._seconds).result()
        except BrokenExecutor:
            return Crashed("the process that analysed it died (memory, or a crash in a decoder)")
        finally:
            executor.shutdown(wait=False)

    def _discard(self, wait: bool = False) -> None:
        executor, self._executor = self._executor, None
        if isinstance(executor, ProcessPoolExecutor):
            executor.shutdown(wait=wait, cancel_futures=True)
        elif executor is not None:  # Dask's has no such argument
            executor.shutdown(wait=wait)


def connect_dask(address: str) -> Any:
    """A client of the Dask scheduler at `address` (`tcp://host:port`).

    Raises UsageError when the extra is not installed, or nothing answers within ten seconds.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "--scheduler needs the extra `distributed`: install it with pip install 'pgolf[distributed]'"
        ) from None
    try:
        client: Any = Client
        return client(address, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(f"no Dask scheduler answers at {address}: {str(error)[:200]}") from error
