"""Start a command, stream what it prints into a log and a sink, and end all of it at the cap.

The command gets a session of its own. At the cap, on Ctrl-C or on SIGTERM, its whole process group, everything
that descends from it and everything that carries its mark in the environment gets SIGTERM and, after a grace
period, SIGKILL; daemonised grandchildren are found by mark and by re-parenting (child subreaper, Linux). A lost
terminal (SIGHUP) does not end a paid run. If this process itself is killed, the kernel sends SIGTERM to the
command (parent-death signal, Linux).

Not covered: a descendant of another user, or one that re-executes without environment before it is re-parented
on systems without a subreaper.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from types import FrameType

from pgolf.errors import UsageError

MARK = "PGOLF_RUN_ID"
GRACE_SECONDS = 10.0
_CHUNK = 1 << 16
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended. `exit_status` is the shell's convention (128 + signal).

    `reason`: `finished`, `cap` (the wall clock), `interrupted` (Ctrl-C or SIGTERM to us). `stragglers` counts
    processes that were still there after the command itself had ended. `log_trouble` says why the log is
    incomplete, or is empty.
    """

    exit_status: int
    seconds: float
    reason: str
    stragglers: int
    log_trouble: str = ""


def execute(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    log: RawIOBase,
    cap_seconds: float,
    run_id: str,
    sink: Callable[[bytes], None],
    tick: Callable[[float], None],
    grace_seconds: float = GRACE_SECONDS,
) -> Ending:
    """Run `argv` to its end or to the cap; every byte it prints goes to `log` (unbuffered) and `sink`.

    `tick(seconds)` is called about twice a second. Raises UsageError when the command cannot be started.
    """
    before = _children(os.getpid())
    _set_subreaper()
    started = time.monotonic()
    with _signals() as interrupts:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**environ, MARK: run_id},
                start_new_session=True,
                preexec_fn=_die_with_parent(os.getpid()),
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"{argv[0]}: cannot be started: {reason}") from error
        tree = _Tree(process, run_id, before)
        pump = _Pump(process, log, sink)
        reason = "finished"
        ending_since: float | None = None
        killed = False
        last_tick = 0.0
        while True:
            pump.turn(0.2)
            now = time.monotonic()
            if now - last_tick >= 0.5:
                last_tick = now
                tick(now - started)
            if process.poll() is not None:
                break
            if ending_since is None:
                if now - started >= cap_seconds:
                    reason = "cap"
                elif interrupts:
                    reason = "interrupted"
                if reason != "finished":
                    ending_since = now
                    tree.signal(signal.SIGTERM)
            elif not killed and (now - ending_since >= grace_seconds or len(interrupts) > 1):
                killed = True
                tree.signal(signal.SIGKILL)
        seconds = time.monotonic() - started
        stragglers = _end_stragglers(tree, pump, grace_seconds, reason != "finished")
        if stragglers:
            seconds = time.monotonic() - started
        pump.drain()
    status = process.returncode
    return Ending(status if status >= 0 else 128 - status, seconds, reason, stragglers, pump.trouble)


def _end_stragglers(tree: _Tree, pump: _Pump, grace_seconds: float, hurry: bool) -> int:
    """End what outlived the command: it holds the GPU, and nobody waits for it. How many there were."""
    found = tree.alive()
    if not found:
        return 0
    tree.signal(signal.SIGTERM)
    deadline = time.monotonic() + (1.0 if hurry else grace_seconds)
    while tree.alive() and time.monotonic() < deadline:
        pump.turn(0.1)
    for _ in range(50):
        if not tree.alive():
            break
        tree.signal(signal.SIGKILL)
        pump.turn(0.02)
    return len(found)


class _Pump:
    """The command's output, into the log first and then to the sink."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: RawIOBase, sink: Callable[[bytes], None]
    ) -> None:
        assert process.stdout is not None  # noqa: S101 - opened as a pipe
        self.pipe = process.stdout
        self.log, self.sink = log, sink
        self.open = True
        self.trouble = ""
        os.set_blocking(self.pipe.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.pipe, selectors.EVENT_READ)

    def turn(self, seconds: float) -> bool:
        """Wait at most `seconds` for output and pass it on; False when there was none."""
        if not self.open:
            time.sleep(min(seconds, 0.05))
            return False
        if not self.selector.select(seconds):
            return False
        try:
            chunk = os.read(self.pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            self.open = False
            self.selector.unregister(self.pipe)
            return False
        self._keep(chunk)
        self.sink(chunk)
        return True

    def _keep(self, chunk: bytes) -> None:
        """Into the log. A full disk must not end a paid run: it goes on, and is not recorded as a result."""
        left = memoryview(chunk)
        try:
            while left and not self.trouble:
                left = left[self.log.write(left) or 0 :]
        except OSError as error:
            self.trouble = f"the log could not be written: {error.strerror}"

    def drain(self) -> None:
        """What is still in the pipe; a stranger that holds the other end open is not waited for."""
        while self.turn(0.0):
            pass
        self.selector.close()
        self.pipe.close()


class _Tree:
    """Everything that belongs to one run."""

    def __init__(self, process: subprocess.Popen[bytes], run_id: str, before: set[int]) -> None:
        self.process, self.before = process, before
        self.mark = f"{MARK}={run_id}".encode()

    def signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
        for pid in self.alive():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def alive(self) -> set[int]:
        """Living processes of the run other than the command itself."""
        own = os.getpid()
        parents = dict(_processes())
        found = {pid for pid in parents if pid != own and _has_mark(pid, self.mark)}
        roots = {pid for pid, parent in parents.items() if parent == own and pid not in self.before}
        wave = found | roots
        while wave:
            wave = {pid for pid, parent in parents.items() if parent in wave and pid not in found}
            found |= wave
        found |= roots
        with suppress(ChildProcessError):
            for pid in roots - {self.process.pid}:  # re-parented to us: nobody else reaps them
                os.waitpid(pid, os.WNOHANG)
        found.discard(self.process.pid)
        return {pid for pid in found if _is_running(pid)}


def find_marked(run_id: str) -> set[int]:
    """Living processes that carry a run's mark (for `run --recover`); empty where there is no /proc."""
    mark = f"{MARK}={run_id}".encode()
    return {pid for pid, _ in _processes() if pid != os.getpid() and _has_mark(pid, mark)}


def _processes() -> Iterator[tuple[int, int]]:
    """(pid, parent) of every living process; nothing where there is no /proc."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as handle:
                fields = handle.read().rpartition(b")")[2].split()
        except OSError:
            continue
        yield int(name), int(fields[1])


def _children(pid: int) -> set[int]:
    return {child for child, parent in _processes() if parent == pid}


def _has_mark(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as handle:
            return mark in handle.read(1 << 20).split(b"\0")
    except OSError:
        return False


def _is_running(pid: int) -> bool:
    """Alive and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as handle:
            return handle.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def _prctl(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _set_subreaper() -> None:
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _die_with_parent(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)

    def prepare() -> None:
        library.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(143)

    return prepare


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying, ignore SIGHUP; the old handlers come back."""
    seen: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        seen.append(number)

    old: dict[signal.Signals, object] = {}
    with suppress(ValueError):  # not the main thread: signals stay as they are
        for number in (signal.SIGINT, signal.SIGTERM):
            old[number] = signal.signal(number, note)
        old[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield seen
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
