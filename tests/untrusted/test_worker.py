"""A child that hangs, eats memory, crashes or babbles costs one call and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pgolf.untrusted import worker as worker_module
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.worker import Answer, InProcess, Stopped, Worker, WorkerError, resolve_target

HOSTILE = textwrap.dedent(
    """
    import os, sys, time, socket
    def echo(payload, blobs): return {"payload": payload, "sizes": {k: len(v) for k, v in blobs.items()}}
    def spin(payload, blobs):
        while True: pass
    def sleep(payload, blobs): time.sleep(60)
    def eat(payload, blobs): return {"n": len(bytearray(payload["bytes"]))}
    hoarded = []
    def hoard(payload, blobs): hoarded.append(bytearray(payload["bytes"])); return {"held": len(hoarded)}
    def die(payload, blobs): os.kill(os.getpid(), payload["signal"])
    def leave(payload, blobs): os._exit(3)
    def babble(payload, blobs):
        print("x" * 100000); sys.stdout.flush(); os.write(1, b"junk"); os.write(2, b"junk"); return {"fine": True}
    def huge(payload, blobs): return {"x": "y" * payload["bytes"]}
    def odd(payload, blobs): return {"x": object()}
    def fail(payload, blobs): raise KeyError("what")
    def deep(payload, blobs): return deep(payload, blobs)
    def write(payload, blobs):
        try:
            with open(payload["path"], "w") as f: f.write("x")
        except OSError as error: return {"refused": type(error).__name__}
        return {"refused": "" if os.path.getsize(payload["path"]) else "empty"}
    def files(payload, blobs):
        held = []
        try:
            for _ in range(1000): held.append(open("/dev/null"))
        except OSError: pass
        return {"open": len(held)}
    def session(payload, blobs): return {"pid": os.getpid(), "group": os.getpgid(0), "modules": sorted(sys.modules)}
    """
)


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker that may also call the functions above."""
    (tmp_path / "hostile_targets.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    allowed = (*worker_module.TARGETS, "hostile_targets:")
    monkeypatch.setattr(worker_module, "TARGETS", allowed)
    boot = worker_module._BOOT.replace(
        "serve(int", f"import pgolf.untrusted.worker as w; w.TARGETS = {allowed!r}; serve(int"
    )
    monkeypatch.setattr(worker_module, "_BOOT", boot)
    with Worker(
        replace(DEFAULT_LIMITS, worker_wall_seconds=1.5, worker_cpu_seconds=30), bubblewrap=False
    ) as made:
        yield made


def call(
    worker: Worker, name: str, blobs: dict[str, bytes] | None = None, **payload: object
) -> Answer | Stopped:
    return worker.call(f"hostile_targets:{name}", payload, blobs)


def still_works(worker: Worker) -> bool:
    return isinstance(call(worker, "echo"), Answer)


def test_payload_and_blobs_arrive_as_they_are(hostile: Worker) -> None:
    answer = call(hostile, "echo", {"a": bytes(range(256)) * 5000, "b": b""}, text="é\ud800", number=1)
    assert isinstance(answer, Answer)
    assert answer.value == {"payload": {"text": "é\ud800", "number": 1}, "sizes": {"a": 1_280_000, "b": 0}}
    assert hostile.starts == 1


@pytest.mark.parametrize("name", ["spin", "sleep"])
def test_a_call_that_hangs_is_stopped_and_the_next_one_works(hostile: Worker, name: str) -> None:
    start = time.monotonic()
    stopped = call(hostile, name)
    assert isinstance(stopped, Stopped)
    assert stopped.limit == "worker_wall_seconds"
    assert time.monotonic() - start < 8
    assert still_works(hostile)
    assert hostile.starts == 2


def test_cpu_time_is_bounded_even_before_the_wall(hostile: Worker) -> None:
    hostile.limits = replace(hostile.limits, worker_wall_seconds=20.0, worker_cpu_seconds=1)
    stopped = call(hostile, "spin")
    assert isinstance(stopped, Stopped)
    assert stopped.limit == "worker_cpu_seconds"


def test_memory_is_bounded(hostile: Worker) -> None:
    stopped = call(hostile, "eat", bytes=4 << 30)
    assert isinstance(stopped, Stopped)
    assert stopped.limit == "worker_memory_bytes"
    assert still_works(hostile)


def test_what_earlier_calls_left_behind_does_not_stop_a_later_one(hostile: Worker) -> None:
    hostile.limits = replace(hostile.limits, worker_memory_bytes=600 << 20)
    held = [call(hostile, "hoard", bytes=350 << 20) for _ in range(3)]
    assert [each.value for each in held if isinstance(each, Answer)] == [{"held": 1}] * 3
    assert hostile.starts == 3
    assert isinstance(call(hostile, "eat", bytes=4 << 30), Stopped)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_an_answer(hostile: Worker, number: signal.Signals) -> None:
    stopped = call(hostile, "die", signal=int(number))
    assert isinstance(stopped, Stopped)
    assert number.name in stopped.reason
    assert still_works(hostile)


def test_an_early_exit_is_an_answer(hostile: Worker) -> None:
    stopped = call(hostile, "leave")
    assert isinstance(stopped, Stopped)
    assert "code 3" in stopped.reason
    assert still_works(hostile)


def test_output_does_not_disturb_the_frames(hostile: Worker) -> None:
    answer = call(hostile, "babble")
    assert isinstance(answer, Answer)
    assert answer.value == {"fine": True}


def test_an_answer_that_is_too_large_or_no_json_is_stopped(hostile: Worker) -> None:
    hostile.limits = replace(hostile.limits, worker_frame_bytes=100_000)
    assert isinstance(call(hostile, "huge", bytes=1000), Answer)
    stopped = call(hostile, "huge", bytes=200_000)
    assert isinstance(stopped, Stopped)
    assert stopped.limit == "worker_frame_bytes"
    odd = call(hostile, "odd")
    assert isinstance(odd, Stopped)
    assert "not JSON" in odd.reason
    sent = call(hostile, "echo", {"a": bytes(200_000)})
    assert isinstance(sent, Stopped)
    assert sent.limit == "worker_frame_bytes"
    assert still_works(hostile)


def test_errors_inside_name_their_place_and_nothing_else(hostile: Worker) -> None:
    stopped = call(hostile, "fail")
    assert isinstance(stopped, Stopped)
    assert "KeyError" in stopped.reason
    assert "hostile_targets.py" in stopped.reason
    deep = call(hostile, "deep")
    assert isinstance(deep, Stopped)
    assert deep.limit == "ast_depth"
    assert hostile.starts == 1


def test_the_child_writes_no_files_and_opens_few(hostile: Worker, tmp_path: Path) -> None:
    answer = call(hostile, "write", path=str(tmp_path / "canary"))
    if isinstance(answer, Answer):  # else the kernel's SIGXFSZ ended it, which is as good
        assert answer.value["refused"]
    assert not (tmp_path / "canary").exists() or (tmp_path / "canary").stat().st_size == 0
    opened = call(hostile, "files")
    assert isinstance(opened, Answer)
    assert opened.value["open"] < DEFAULT_LIMITS.worker_open_files


def test_the_child_is_in_its_own_group_and_light(hostile: Worker) -> None:
    answer = call(hostile, "session")
    assert isinstance(answer, Answer)
    assert answer.value["group"] == answer.value["pid"] != os.getpgid(0)
    heavy = {"numpy", "libcst", "click", "rich", "sqlalchemy", "sentencepiece"}
    assert not heavy & set(answer.value["modules"])


def test_a_child_killed_while_idle_is_replaced_silently(hostile: Worker) -> None:
    assert still_works(hostile)
    assert hostile.child is not None
    os.kill(hostile.child.pid, signal.SIGKILL)
    hostile.child.wait(5)
    assert still_works(hostile)
    assert hostile.starts == 2


def test_a_child_that_was_started_early_takes_the_first_call(hostile: Worker) -> None:
    hostile.start()
    assert hostile.child is not None
    early = hostile.child.pid
    hostile.start()
    assert still_works(hostile)
    assert hostile.child.pid == early
    assert hostile.starts == 1


def test_a_child_that_was_started_early_and_died_since_is_replaced(hostile: Worker) -> None:
    assert still_works(hostile)
    hostile.close()
    hostile.start()
    assert hostile.child is not None
    hostile._ensure()
    hostile.child.kill()
    hostile.child.wait()
    assert still_works(hostile)
    assert hostile.starts == 3


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import os, sys, time
        from pgolf.untrusted.worker import Worker
        w = Worker(bubblewrap=False); w._ensure(); print(w.child.pid, flush=True); os._exit(0)
        """
    )
    source = str(Path(worker_module.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    pid = int(done.stdout)
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return
        if state in "ZX":
            return
        time.sleep(0.05)
    pytest.fail("the child outlived its parent")


@pytest.mark.parametrize(
    "target",
    [
        "os:system",
        "pgolf.untrusted.worker:serve",
        "pgolf.untrusted.isolated:_limits",
        "pgolf.untrusted.isolated:",
        "x",
    ],
)
def test_only_listed_functions_can_be_called(target: str) -> None:
    with pytest.raises(WorkerError):
        resolve_target(target)
    with Worker() as worker:
        if not target.startswith("pgolf.untrusted.isolated:"):
            with pytest.raises(WorkerError):
                worker.call(target, {})
        else:
            assert isinstance(worker.call(target, {}, {"script": b""}), Stopped)


def test_both_runners_give_the_same_answer() -> None:
    blobs = {"script": b"import zlib\nexec(open('b.py').read())\n", "sibling:b.py": b"x = 1\n"}
    here = InProcess().call("pgolf.untrusted.isolated:read_script", {"path": "a.py"}, blobs)
    with Worker() as worker:
        there = worker.call("pgolf.untrusted.isolated:read_script", {"path": "a.py"}, blobs)
    assert isinstance(here, Answer)
    assert isinstance(there, Answer)
    assert here.value == there.value
    assert here.value["path"] == "b.py"
    assert here.value["parsed"]["statements"] == 1


def test_in_process_maps_limits_and_failures_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    with InProcess() as runner:
        missing = runner.call("pgolf.untrusted.isolated:read_script", {}, {})
        assert isinstance(missing, Stopped)
        assert "KeyError" in missing.reason
        limits = {"source_bytes": 3}
        answer = runner.call(
            "pgolf.untrusted.isolated:read_script", {"limits": limits}, {"script": b"x = 1\n"}
        )
        assert isinstance(answer, Answer)
        assert answer.value["obstacle"]["limit"] == "source_bytes"
