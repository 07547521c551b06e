"""Isolation: everything that reads a submission's code runs in a child process that cannot do much.

The child is `python -I -S` with resource limits (address space, open files, file size 0, no further processes), in a
session of its own, killed when its parent dies, without network where the kernel lets an ordinary user unshare it, and
inside bubblewrap when that is there and asked for. Parent and child speak length-prefixed frames over two pipes of their
own: JSON, then raw blobs; never pickle. Standard output of the child is /dev/null, so nothing can disturb the frames.

A call that takes too long, uses too much memory or crashes ends with `Stopped(reason, limit)`; the child is replaced and
the next call works. Only functions named in `TARGETS` can be called; they take `(payload, blobs)` and return a dict.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from pgolf.errors import LimitTripped, PgolfError
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits

# Dotted names inside pgolf that a child may be asked for. A prefix ends with "." and allows one module's functions.
TARGETS: tuple[str, ...] = (
    "pgolf.audit.isolated:",
    "pgolf.untrusted.isolated:",
)

_HEADER = struct.Struct("<II")  # length of the JSON, number of blobs
_LENGTH = struct.Struct("<Q")
_POLL_SECONDS = 0.25


class WorkerError(PgolfError):
    """The worker was used wrongly, or cannot be started at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the function returned, and how long it took in the child."""

    value: dict[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The call did not finish. `limit` is the bound's name, or empty for a crash."""

    reason: str
    limit: str = ""


class Runner(Protocol):
    """Where hostile code is read: a child process, or (tests, benchmarks) this one."""

    def call(
        self, target: str, payload: Mapping[str, Any], blobs: Mapping[str, bytes] | None = None
    ) -> Answer | Stopped: ...


def resolve_target(target: str) -> Callable[[dict[str, Any], dict[str, bytes]], dict[str, Any]]:
    """The function behind `pgolf.package.module:name`. Raises WorkerError for a name that is not allowed."""
    module_name, _, name = target.partition(":")
    if (
        not any(target.startswith(allowed) for allowed in TARGETS)
        or not name.isidentifier()
        or name.startswith("_")
    ):
        raise WorkerError(f"{target!r} is not a function that a worker may call")
    function: Callable[[dict[str, Any], dict[str, bytes]], dict[str, Any]] = getattr(
        importlib.import_module(module_name), name
    )
    return function


def perform(target: str, payload: dict[str, Any], blobs: dict[str, bytes]) -> dict[str, Any]:
    """Call a target and turn every way it can fail into a reply: `value`, or `stopped` with `reason` and `limit`."""
    try:
        function = resolve_target(target)
        return {"value": function(payload, blobs)}
    except LimitTripped as tripped:
        return {"stopped": str(tripped), "limit": tripped.limit}
    except MemoryError:
        return {"stopped": "it needs more memory than it may have", "limit": "worker_memory_bytes"}
    except RecursionError:
        return {"stopped": "it is nested too deep", "limit": "ast_depth"}
    except WorkerError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever hostile input provokes is an answer, never a crash
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = (
            "" if where is None else f" at {Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}"
        )
        return {"stopped": f"internal error {type(error).__name__}: {str(error)[:200]}{place}", "limit": ""}


class InProcess:
    """The same interface without isolation: for tests and benchmarks, never for a submission."""

    def call(
        self, target: str, payload: Mapping[str, Any], blobs: Mapping[str, bytes] | None = None
    ) -> Answer | Stopped:
        start = time.perf_counter()
        reply = perform(target, dict(payload), dict(blobs or {}))
        if "value" not in reply:
            return Stopped(str(reply["stopped"]), str(reply["limit"]))
        return Answer(reply["value"], time.perf_counter() - start)

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Worker:
    """A persistent child process. Use as a context manager; one call at a time.

    Raises WorkerError when no child can be started, KeyboardInterrupt as it comes (the child is killed).
    """

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        *,
        bubblewrap: bool | None = None,
        preload: tuple[str, ...] = (),
    ) -> None:
        self.limits = limits
        self.preload = preload
        self.bubblewrap = shutil.which("bwrap") is not None if bubblewrap is None else bubblewrap
        self.child: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self.to_child = self.from_child = -1
        self.starts = 0

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child, at once."""
        child, self.child = self.child, None
        self._is_ready = False
        for handle in (self.to_child, self.from_child):
            if handle >= 0:
                with contextlib.suppress(OSError):
                    os.close(handle)
        self.to_child = self.from_child = -1
        if child is not None:
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)

    def call(
        self, target: str, payload: Mapping[str, Any], blobs: Mapping[str, bytes] | None = None
    ) -> Answer | Stopped:
        """Run one allowed function in the child. A stopped call costs the child; the next call gets a new one."""
        if not any(target.startswith(allowed) for allowed in TARGETS):
            raise WorkerError(f"{target!r} is not a function that a worker may call")
        names = list(blobs or {})
        message = json.dumps({"target": target, "payload": payload, "blobs": names}).encode()
        body = [(blobs or {})[name] for name in names]
        size = len(message) + sum(map(len, body))
        if size > self.limits.worker_frame_bytes:
            bound = self.limits.worker_frame_bytes
            return Stopped(
                f"limit worker_frame_bytes={bound} reached: {size:,} bytes to send", "worker_frame_bytes"
            )
        # An idle child may have been killed by somebody else: that is not the submission's doing, so try a new one once.
        while True:
            fresh = self._ensure()
            try:
                answer = self._exchange(message, body)
                if isinstance(answer, Stopped) and answer.limit == "worker_memory_bytes" and not fresh:
                    self.close()
                    continue  # what earlier calls left in its heap must not decide about this one
                return answer
            except BrokenPipeError:
                self.close()
                if fresh:
                    return Stopped("the worker process ended before it took the work")
            except BaseException:
                self.close()
                raise

    def _exchange(self, message: bytes, body: list[bytes]) -> Answer | Stopped:
        limits = self.limits
        start = time.monotonic()
        deadline = start + limits.worker_wall_seconds
        frame = b"".join(
            [
                _HEADER.pack(len(message), len(body)),
                message,
                *(_LENGTH.pack(len(each)) + each for each in body),
            ]
        )
        reader = _Reader(self.from_child, limits.worker_frame_bytes)
        if not _write_all(self.to_child, frame, deadline):
            self.close()
            return self._too_slow()
        try:
            head = reader.take(_HEADER.size, deadline)
            reply = None if head is None else reader.take(_HEADER.unpack(head)[0], deadline)
        except LimitTripped as tripped:
            self.close()
            return Stopped(str(tripped), tripped.limit)
        except EOFError:
            return self._died()
        if reply is None:
            self.close()
            return self._too_slow()
        try:
            found = json.loads(reply)
        except ValueError:
            self.close()
            return Stopped("the worker process answered with something that is not JSON")
        if "value" in found and isinstance(found["value"], dict):
            return Answer(found["value"], float(found.get("seconds", 0.0)))
        if found.get("limit") == "worker_memory_bytes":
            self.close()  # a heap that has been full is not worth keeping
        return Stopped(str(found.get("stopped", "no answer")), str(found.get("limit", "")))

    def _too_slow(self) -> Stopped:
        bound = self.limits.worker_wall_seconds
        return Stopped(f"limit worker_wall_seconds={bound:g} reached", "worker_wall_seconds")

    def _died(self) -> Stopped:
        code: int | None = None
        if self.child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.child.wait(2)
        self.close()
        if code == -signal.SIGXCPU:
            bound = self.limits.worker_cpu_seconds
            return Stopped(f"limit worker_cpu_seconds={bound} reached", "worker_cpu_seconds")
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            memory = name in ("SIGKILL", "SIGABRT")
            detail = (
                " (out of memory, or nested too deep for the parser's stack)" if name != "SIGKILL" else ""
            )
            return Stopped(
                f"the worker process died of {name}{detail}", "worker_memory_bytes" if memory else ""
            )
        return Stopped(f"the worker process ended with code {code}")

    def start(self) -> None:
        """Start the child without waiting until it is ready: `call` waits.

        Raises WorkerError when no process can be made.
        """
        if self.child is None:
            self._spawn()

    def _ensure(self) -> bool:
        """Start a child when there is none, and wait until it is ready. Returns whether it is new."""
        if self._is_ready and self.child is not None and self.child.poll() is None:
            return False
        if self._is_ready or self.child is None:
            self.close()
            self._spawn()
        try:
            ready = _Reader(self.from_child, 64).take(1, time.monotonic() + self.limits.worker_start_seconds)
        except EOFError:
            ready = None
        if ready is None:
            wrapped = self.bubblewrap
            self.close()
            if wrapped:
                # bubblewrap is installed but may not be allowed to make namespaces here.
                self.bubblewrap = False
                return self._ensure()
            raise WorkerError(
                "the isolated worker process does not start; run `pgolf` with the Python it is installed in"
            )
        self._is_ready = True
        return True

    def _spawn(self) -> None:
        child_reads, parent_writes = os.pipe()
        parent_reads, child_writes = os.pipe()
        source = str(Path(__file__).resolve().parents[2])
        settings = json.dumps(
            {
                **asdict(self.limits),
                "parent": 0 if self.bubblewrap else os.getpid(),
                "paths": _search_path(source),
                "preload": self.preload,
            }
        )
        command = [
            sys.executable,
            "-I",
            "-S",
            "-X",
            "utf8",
            "-c",
            _BOOT,
            str(child_reads),
            str(child_writes),
            settings,
        ]
        if self.bubblewrap:
            command = [*_bubblewrap_prefix(), *command]
        try:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(child_reads, child_writes),
                start_new_session=True,
                close_fds=True,
                env={
                    "PATH": "/usr/bin:/bin",
                    "LC_ALL": "C.UTF-8",
                    "PYTHONHASHSEED": "0",
                    "MALLOC_ARENA_MAX": "1",
                },
            )
        except OSError as error:
            os.close(parent_writes)
            os.close(parent_reads)
            raise WorkerError(
                f"the isolated worker process cannot be started ({error.strerror or error})"
            ) from error
        finally:
            os.close(child_reads)
            os.close(child_writes)
        self.to_child, self.from_child = parent_writes, parent_reads
        os.set_blocking(self.to_child, False)
        self.starts += 1


def _search_path(source: str) -> list[str]:
    """Where the child finds pgolf and its dependencies: ours first, then the interpreter's own folders."""
    seen: dict[str, None] = {source: None}
    for entry in sys.path:
        if entry and os.path.isdir(entry):
            seen.setdefault(os.path.abspath(entry), None)
    return list(seen)


def _bubblewrap_prefix() -> list[str]:
    """Read-only view of the file system, no network, no other processes in sight."""
    return [
        "bwrap",
        *("--ro-bind", "/", "/"),
        *("--dev", "/dev"),
        *("--proc", "/proc"),
        *("--tmpfs", "/tmp"),  # noqa: S108 - a fresh, empty one inside the sandbox
        "--unshare-all",
        "--die-with-parent",
        "--",
    ]


class _Reader:
    def __init__(self, handle: int, bound: int) -> None:
        self.handle = handle
        self.bound = bound

    def take(self, size: int, deadline: float) -> bytes | None:
        """Exactly `size` bytes, or None when the deadline passes. Raises EOFError when the child is gone."""
        if size > self.bound:
            raise LimitTripped("worker_frame_bytes", self.bound, f"an answer of {size:,} bytes")
        pieces: list[bytes] = []
        missing = size
        while missing:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if not select.select([self.handle], [], [], min(left, _POLL_SECONDS))[0]:
                continue
            piece = os.read(self.handle, min(missing, 1 << 20))
            if not piece:
                raise EOFError
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)


def _write_all(handle: int, data: bytes, deadline: float) -> bool:
    view = memoryview(data)
    while view:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if not select.select([], [handle], [], min(left, _POLL_SECONDS))[1]:
            continue
        with contextlib.suppress(BlockingIOError):
            view = view[os.write(handle, view[: 1 << 16]) :]
    return True


# ---------------------------------------------------------------------------------------------------------- in the child

_BOOT = (
    "import sys, json; s = json.loads(sys.argv[3]); sys.path[:] = s['paths'];"
    "from pgolf.untrusted.worker import serve; serve(int(sys.argv[1]), int(sys.argv[2]), s)"
)


def serve(reads: int, writes: int, settings: dict[str, Any]) -> None:
    """The child's main loop: confine, say ready, answer frames until the pipe closes."""
    known = {each.name for each in fields(Limits)}
    limits = Limits(**{name: value for name, value in settings.items() if name in known})
    for name in settings.get("preload", ()):
        # Our own modules, before this process may write nothing: so their bytecode is cached in a plain checkout.
        importlib.import_module(name)
    _confine(limits, int(settings["parent"]))
    import warnings

    warnings.simplefilter("ignore")
    os.write(writes, b"!")
    with (
        os.fdopen(reads, "rb", buffering=1 << 16) as incoming,
        os.fdopen(writes, "wb", buffering=0) as outgoing,
    ):
        while True:
            head = incoming.read(_HEADER.size)
            if len(head) < _HEADER.size:
                return
            size, count = _HEADER.unpack(head)
            request = json.loads(incoming.read(size))
            body = [incoming.read(_LENGTH.unpack(incoming.read(_LENGTH.size))[0]) for _ in range(count)]
            _allow_cpu_seconds(limits.worker_cpu_seconds)
            start = time.perf_counter()
            try:
                reply = perform(
                    request["target"], request["payload"], dict(zip(request["blobs"], body, strict=True))
                )
            except WorkerError as error:
                reply = {"stopped": str(error), "limit": ""}
            reply["seconds"] = time.perf_counter() - start
            try:
                answer = json.dumps(reply).encode()
            except (TypeError, ValueError, RecursionError) as error:
                answer = json.dumps({"stopped": f"the answer is not JSON: {error}", "limit": ""}).encode()
            except MemoryError:
                answer = json.dumps(
                    {"stopped": "the answer is too large", "limit": "worker_memory_bytes"}
                ).encode()
            del reply, request, body
            frame = memoryview(_HEADER.pack(len(answer), 0) + answer)
            while frame:
                frame = frame[outgoing.write(frame) or 0 :]


def _confine(limits: Limits, parent: int) -> None:
    """Give up what the work does not need. Each step is a best effort: some kernels and containers refuse some."""
    import resource

    def bound(name: str, value: int) -> None:
        kind = getattr(resource, name, None)
        if kind is None:
            return
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    with contextlib.suppress(OSError, AttributeError, ImportError):
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        if parent and os.getppid() != parent:
            os._exit(0)  # the parent died before the line above could take hold
        libc.unshare(0x10000000 | 0x40000000)  # CLONE_NEWUSER | CLONE_NEWNET: no network, where it is allowed
    bound("RLIMIT_AS", limits.worker_memory_bytes)
    bound("RLIMIT_NOFILE", limits.worker_open_files)
    bound("RLIMIT_FSIZE", 0)
    bound("RLIMIT_CORE", 0)
    bound("RLIMIT_NPROC", 0)


def _allow_cpu_seconds(seconds: int) -> None:
    """A soft limit that moves along: each call gets `seconds` of CPU from now."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
