"""What the confined child does, called here: which rights it gives up, how it answers; and how a child may fail to serve."""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pgolf.errors import LimitTripped
from pgolf.untrusted import worker as worker_module
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.worker import _HEADER, _LENGTH, Answer, Stopped, Worker, WorkerError, perform, serve

PARSE = "pgolf.untrusted.isolated:parse_script"


def frame(target: str, payload: dict[str, Any], **blobs: bytes) -> bytes:
    message = json.dumps({"target": target, "payload": payload, "blobs": list(blobs)}).encode()
    body = b"".join(_LENGTH.pack(len(each)) + each for each in blobs.values())
    return _HEADER.pack(len(message), len(blobs)) + message + body


def served(monkeypatch: pytest.MonkeyPatch, *frames: bytes, **settings: Any) -> list[dict[str, Any]]:
    """What `serve` answers to these frames, without giving up this process's rights."""
    confined: list[int] = []
    monkeypatch.setattr(worker_module, "_confine", lambda limits, parent: confined.append(parent))
    monkeypatch.setattr(worker_module, "_allow_cpu_seconds", lambda seconds: confined.append(seconds))
    reads, to_child = os.pipe()
    from_child, writes = os.pipe()
    os.write(to_child, b"".join(frames))
    os.close(to_child)
    serve(reads, writes, {"parent": 7, **settings})
    with os.fdopen(from_child, "rb") as answers:
        assert answers.read(1) == b"!"
        found = []
        while head := answers.read(_HEADER.size):
            found.append(json.loads(answers.read(_HEADER.unpack(head)[0])))
    assert confined == [
        7,
        *[settings.get("worker_cpu_seconds", DEFAULT_LIMITS.worker_cpu_seconds)] * len(frames),
    ]
    return found


def test_the_child_answers_each_frame_and_ends_with_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = served(
        monkeypatch,
        frame(PARSE, {}, script=b"x = 1\ny = 2\n"),
        frame("os:system", {"command": "true"}),
        frame("pgolf.untrusted.isolated:unwrap_script", {"path": "a.py"}, script=b"exec('x = 1')"),
        worker_cpu_seconds=3,
        preload=("json",),
    )
    assert first["value"]["statements"] == 2
    assert first["seconds"] >= 0
    assert "is not a function that a worker may call" in second["stopped"]
    assert third["value"]["source"] == "x = 1"
    assert third["value"]["layers"][0]["how"] == "exec"


def test_a_frame_that_is_cut_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, to_child = os.pipe()
    from_child, writes = os.pipe()
    monkeypatch.setattr(worker_module, "_confine", lambda *_: None)
    os.write(to_child, b"\0\0\0")
    os.close(to_child)
    serve(reads, writes, {"parent": 0})
    assert os.read(from_child, 10) == b"!"
    assert os.read(from_child, 10) == b""
    os.close(from_child)


class _Heavy(dict[str, Any]):
    def items(self) -> Any:
        raise MemoryError


@pytest.mark.parametrize(
    ("value", "said", "limit"),
    [
        (object(), "the answer is not JSON", ""),
        (_Heavy(a=1), "the answer is too large", "worker_memory_bytes"),
    ],
)
def test_an_answer_that_cannot_be_sent_is_said(
    monkeypatch: pytest.MonkeyPatch, value: object, said: str, limit: str
) -> None:
    monkeypatch.setattr(worker_module, "perform", lambda *_: {"value": value})
    (answer,) = served(monkeypatch, frame(PARSE, {}))
    assert said in answer["stopped"]
    assert answer["limit"] == limit


def _raising(error: BaseException) -> Callable[..., Any]:
    def target(payload: dict[str, Any], blobs: dict[str, bytes]) -> dict[str, Any]:
        raise error

    return target


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (LimitTripped("layer_depth", 3, "too many"), "layer_depth"),
        (MemoryError(), "worker_memory_bytes"),
        (RecursionError(), "ast_depth"),
        (KeyError("a"), ""),
    ],
)
def test_every_way_to_fail_is_a_reply(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, limit: str
) -> None:
    monkeypatch.setattr(importlib.import_module("pgolf.untrusted.isolated"), "parse_script", _raising(error))
    reply = perform(PARSE, {}, {})
    assert reply["limit"] == limit
    assert reply["stopped"]
    assert "Traceback" not in reply["stopped"]


def test_wrong_use_of_a_worker_is_no_reply() -> None:
    with pytest.raises(WorkerError):
        perform("os:system", {}, {})


def test_the_child_gives_up_what_it_does_not_need(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[int, tuple[int, int]] = {}
    ignored: list[tuple[Any, Any]] = []
    calls: list[tuple[Any, ...]] = []

    class Library:
        def prctl(self, *arguments: int) -> None:
            calls.append(("prctl", *arguments))

        def unshare(self, flags: int) -> None:
            calls.append(("unshare", flags))

    def hard(kind: int) -> tuple[int, int]:
        return (0, 100) if kind == resource.RLIMIT_NOFILE else (0, resource.RLIM_INFINITY)

    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: given.__setitem__(kind, pair))
    monkeypatch.setattr(resource, "getrlimit", hard)
    monkeypatch.setattr(signal, "signal", lambda *pair: ignored.append(pair))
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library())
    limits = replace(DEFAULT_LIMITS, worker_open_files=500)
    worker_module._confine(limits, os.getppid())
    assert given[resource.RLIMIT_AS] == (limits.worker_memory_bytes,) * 2
    assert given[resource.RLIMIT_NOFILE] == (100, 100)  # never more than the process was given
    assert (
        given[resource.RLIMIT_FSIZE] == given[resource.RLIMIT_NPROC] == given[resource.RLIMIT_CORE] == (0, 0)
    )
    assert ignored == [(signal.SIGINT, signal.SIG_IGN)]
    assert ("prctl", 1, signal.SIGKILL, 0, 0, 0) in calls  # dies with its parent
    assert ("prctl", 38, 1) in [each[:3] for each in calls]  # gains no rights
    assert ("unshare", 0x10000000 | 0x40000000) in calls  # no network
    # What a system does not have is not asked of it.
    monkeypatch.delattr(resource, "RLIMIT_NPROC")
    given.clear()
    worker_module._confine(limits, 0)
    assert resource.RLIMIT_AS in given
    assert len(given) == 4


def test_a_child_whose_parent_is_gone_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: None

    class Left(Exception):
        pass

    def leave(code: int) -> None:
        raise Left

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library())
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(Left):
        worker_module._confine(DEFAULT_LIMITS, os.getppid() + 1)


def test_each_call_gets_its_own_seconds_of_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: given.append(pair))
    worker_module._allow_cpu_seconds(5)
    used = resource.getrusage(resource.RUSAGE_SELF)
    assert abs(given[0][0] - (used.ru_utime + used.ru_stime + 6)) <= 1


# ------------------------------------------------------------------------------------------- children that do not serve

_CHILD = "import sys, os, time; reads, writes = int(sys.argv[1]), int(sys.argv[2]);"
_ANSWER = "os.read(reads, 1 << 16); os.write(writes, __import__('struct').pack('<II', 4, 0) + b'junk'); time.sleep(20)"


@pytest.mark.parametrize(
    ("code", "said", "limit"),
    [
        ("os.write(writes, b'!');" + _ANSWER, "something that is not JSON", ""),
        ("os.close(reads); os.write(writes, b'!'); time.sleep(20)", "ended before it took the work", ""),
        ("os.write(writes, b'!'); time.sleep(20)", "worker_wall_seconds", "worker_wall_seconds"),
    ],
)
def test_a_child_that_does_not_serve_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, code: str, said: str, limit: str
) -> None:
    monkeypatch.setattr(worker_module, "_BOOT", _CHILD + code)
    with Worker(replace(DEFAULT_LIMITS, worker_wall_seconds=1.0), bubblewrap=False) as worker:
        found = worker.call(PARSE, {}, {"script": b"x = 1\n" * (1 if "junk" in code else 100_000)})
        assert isinstance(found, Stopped)
        assert said in found.reason
        assert found.limit == limit
        assert worker.child is None


def test_a_child_that_never_starts_is_the_users_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_BOOT", "raise SystemExit(1)")
    with (
        Worker(DEFAULT_LIMITS, bubblewrap=False) as worker,
        pytest.raises(WorkerError, match="does not start"),
    ):
        worker.call(PARSE, {}, {"script": b""})
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with (
        Worker(DEFAULT_LIMITS, bubblewrap=False) as worker,
        pytest.raises(WorkerError, match="cannot be started"),
    ):
        worker.call(PARSE, {}, {"script": b""})


def test_a_sandbox_that_is_not_allowed_here_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = worker_module._bubblewrap_prefix()
    assert prefix[0] == "bwrap"
    assert "--unshare-all" in prefix
    monkeypatch.setattr(worker_module, "_bubblewrap_prefix", lambda: ["/bin/false"])
    with Worker(DEFAULT_LIMITS, bubblewrap=True) as worker:
        found = worker.call(PARSE, {}, {"script": b"x = 1"})
        assert isinstance(found, Answer)
        assert found.value["statements"] == 1
        assert not worker.bubblewrap


def test_an_interrupt_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with Worker(DEFAULT_LIMITS, bubblewrap=False) as worker:
        monkeypatch.setattr(worker, "_exchange", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.call(PARSE, {}, {"script": b""})
        assert worker.child is None
