"""Money cannot be lost: the chain, the lock, the budget, damage, full disks, kills."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.errors import DataError, PgolfError, Refused, UsageError
from pgolf.lab import ledger as ledger_module
from pgolf.lab.ledger import GENESIS, Ledger, format_usd, to_microusd

RICH = 1_000_000.0


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "state" / "spending.jsonl")
    made.create()
    return made


def edit(ledger: Ledger, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(b"".join(change(lines)))


def test_a_hold_counts_in_full_until_it_is_settled_with_what_it_cost(ledger: Ledger) -> None:
    hold = ledger.hold(4.12, spendable_usd=440, experiment="exp_001", gpu="8xH100_SXM", cap_seconds=600)
    assert (ledger.read().held_usd, ledger.read().spent_usd, ledger.read().balance_usd) == (4.12, 0.0, 4.12)
    assert ledger.settle(hold.id, seconds=300) == 2_060_000
    state = ledger.read()
    assert (state.held_usd, state.spent_usd, state.balance_usd) == (0.0, 2.06, 2.06)
    assert state.summary.by_gpu == {"8xH100_SXM": [2_060_000, 300_000, 1]}
    assert state.summary.by_experiment == {"exp_001": [2_060_000, 300_000, 1]}
    assert [entry["kind"] for entry in state.entries] == ["hold", "settle"]


def test_the_last_dollars_are_held_once(ledger: Ledger) -> None:
    ledger.hold(6, spendable_usd=10)
    with pytest.raises(
        Refused, match=r"up to 6\.00 USD, but 4\.00 USD is left: 10\.00 spendable - 0\.00 spent"
    ):
        ledger.hold(6, spendable_usd=10)
    assert ledger.read().held_usd == 6


def test_a_forced_hold_leaves_an_override_in_the_same_write(ledger: Ledger) -> None:
    ledger.hold(6, spendable_usd=1, force=True, command="torchrun x")
    override, hold = ledger.read().entries
    assert (override["kind"], override["gate"], override["command"]) == ("override", "budget", "torchrun x")
    assert hold["kind"] == "hold"
    assert ledger.read().summary.overrides == 1


def test_nothing_is_charged_twice(ledger: Ledger) -> None:
    hold = ledger.hold(1, spendable_usd=10)
    ledger.settle(hold.id, cost_usd=0.5)
    for again in (lambda: ledger.settle(hold.id), lambda: ledger.release(hold.id)):
        with pytest.raises(Refused, match="not open"):
            again()
    assert ledger.read().balance_usd == 0.5


def test_release_gives_everything_back(ledger: Ledger) -> None:
    hold = ledger.hold(9, spendable_usd=10)
    assert ledger.release(hold.id, "never started").id == hold.id
    assert ledger.hold(10, spendable_usd=10).amount_usd == 10


def test_expiry_is_a_recorded_settlement_at_the_full_amount(ledger: Ledger) -> None:
    due = ledger.hold(2, spendable_usd=10, expires_at=1000.0)
    kept = ledger.hold(3, spendable_usd=10, expires_at=3000.0)
    assert [h.id for h in ledger.settle_expired(now=2000.0)] == [due.id]
    state = ledger.read()
    assert (state.spent_usd, state.held_usd) == (2, 3)
    assert list(state.summary.open_holds) == [kept.id]
    assert state.entries[-1]["reason"] == "expired"
    assert ledger.settle_expired(now=2000.0) == ()


def test_ten_thousand_cents_are_exactly_one_hundred_dollars(ledger: Ledger) -> None:
    records = [{"kind": "adjustment", "amount_microusd": 10_000, "reason": "a cent"} for _ in range(10_000)]
    with ledger._locked():
        ledger._append(ledger._intact_summary(), records)
    assert ledger.summarise().spent_microusd == 100_000_000
    assert sum([0.01] * 10_000) != 100.0  # what a float sum would have said


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=6))
def test_amounts_survive_text_exactly(amount: Decimal) -> None:
    assert Decimal(format_usd(to_microusd(str(amount)))) == amount


@pytest.mark.parametrize("amount", ["x", "nan", "inf", "1e99", None, []])
def test_what_is_no_amount_is_one_sentence(ledger: Ledger, amount: object) -> None:
    with pytest.raises(UsageError, match="amount"):
        ledger.hold(amount, spendable_usd=10)  # type: ignore[arg-type]
    assert ledger.read().entries == ()


def test_negative_holds_and_costs_and_times_are_refused(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="negative"):
        ledger.hold(-1, spendable_usd=10)
    hold = ledger.hold(1, spendable_usd=10, cap_seconds=10)
    for wrong in ({"cost_usd": -1}, {"seconds": -1.0}, {"seconds": float("nan")}, {"seconds": float("inf")}):
        with pytest.raises(UsageError):
            ledger.settle(hold.id, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="reason"):
        ledger.adjust(1, "  ")
    assert ledger.read().held_usd == 1


def test_every_line_is_chained_to_the_one_before(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.adjust(1, "bill")
    previous = GENESIS
    for line in ledger.path.read_bytes().splitlines():
        entry = json.loads(line)
        assert entry["prev"] == previous
        body = line[: line.rindex(b',"hash":"')]
        assert entry["hash"] == hashlib.sha256(body).hexdigest()
        previous = entry["hash"]


EDITS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int, str]] = {
    "amount changed": (lambda x: [x[0], x[1].replace(b"1000000", b"0000001"), *x[2:]], 2, "checksum"),
    "line removed": (lambda x: [x[0], *x[2:]], 2, "removed, inserted or reordered"),
    "lines swapped": (lambda x: [x[1], x[0], *x[2:]], 1, "removed, inserted or reordered"),
    "line repeated": (lambda x: [x[0], x[0], *x[1:]], 2, "removed, inserted or reordered"),
    "garbage inserted": (lambda x: [x[0], b"hello\n", *x[1:]], 2, "not a ledger line"),
    "blank line": (lambda x: [x[0], b"\n", *x[1:]], 2, "not a ledger line"),
    "line cut": (lambda x: [x[0], x[1][:50] + b"\n", *x[2:]], 2, "not a ledger line"),
    "last line torn": (lambda x: [*x[:-1], x[-1][:40]], 4, "torn"),
    "last line removed": (lambda x: x[:-1], 0, "missing at its end"),
    "emptied": (lambda x: [], 0, "missing at its end"),
    "not text": (
        lambda x: [x[0], bytes(range(256)).replace(b"\n", b"") + b"\n", *x[1:]],
        2,
        "not a ledger line",
    ),
    "overlong line": (lambda x: [x[0], b"x" * 200_000 + b"\n", *x[1:]], 2, "longer than"),
}


@pytest.mark.parametrize("name", EDITS)
def test_damage_is_reported_with_its_line_and_stops_all_money(ledger: Ledger, name: str) -> None:
    for _ in range(4):
        ledger.adjust(1, "bill")
    change, line, words = EDITS[name]
    edit(ledger, change)
    problem = ledger.read().problems[0]
    assert (problem.line, words in problem.message) == (line, True), problem
    assert ledger.summarise().problems[0].line == line
    before = ledger.path.read_bytes()
    for attempt in (
        lambda: ledger.hold(1, spendable_usd=RICH),
        lambda: ledger.hold(1, spendable_usd=RICH, force=True),
        lambda: ledger.adjust(1, "x"),
        lambda: ledger.record_override("budget", "x"),
        lambda: ledger.settle_expired(),
    ):
        with pytest.raises(DataError, match="accept-damage"):
            attempt()
    assert ledger.path.read_bytes() == before


@pytest.mark.parametrize("name", EDITS)
def test_accepted_damage_stays_in_the_file_and_money_moves_again(ledger: Ledger, name: str) -> None:
    for _ in range(4):
        ledger.adjust(1, "bill")
    edit(ledger, EDITS[name][0])
    damaged = ledger.path.read_bytes()
    ledger.adjust(0.25, "looked at the bill", accept_damage=True)
    assert ledger.path.read_bytes().startswith(damaged)
    state = ledger.read()
    assert state.problems == ()
    assert EDITS[name][1] == 0 or state.summary.accepted[0].line == EDITS[name][1]
    ledger.hold(1, spendable_usd=RICH)
    edit(ledger, lambda lines: [lines[0].replace(b"bill", b"bull"), *lines[1:]])
    assert ledger.read().problems[0].line == 1, "accepting one damage must not hide the next"


def test_a_torn_last_line_is_never_overwritten(ledger: Ledger) -> None:
    ledger.adjust(1, "bill")
    with ledger.path.open("ab") as handle:
        handle.write(b'{"v":1,"kind":"hold","amo')
    ledger.adjust(0, "the machine lost power", accept_damage=True)
    lines = ledger.path.read_bytes().split(b"\n")
    assert lines[1] == b'{"v":1,"kind":"hold","amo'
    assert json.loads(lines[2])["kind"] == "adjustment"


def test_an_intact_last_line_without_its_newline_counts(ledger: Ledger) -> None:
    ledger.adjust(1, "bill")
    ledger.adjust(2, "bill")
    ledger.head_path.unlink()
    ledger.path.write_bytes(ledger.path.read_bytes()[:-1])
    assert ledger.read().spent_usd == 3
    assert ledger.read().problems == ()
    ledger.adjust(4, "bill")
    assert (ledger.read().spent_usd, ledger.read().problems) == (7, ())


def test_a_missing_ledger_is_no_empty_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state" / "spending.jsonl")
    assert "no ledger" in str(ledger.read().problems[0])
    with pytest.raises(DataError, match="no ledger"):
        ledger.hold(1, spendable_usd=RICH)
    ledger.create()
    ledger.adjust(3, "bill")
    ledger.path.unlink()
    with pytest.raises(DataError, match="missing"):
        ledger.hold(1, spendable_usd=RICH)
    with pytest.raises(DataError, match="missing"):
        ledger.create()
    assert not ledger.path.exists()


def sealed(body: dict[str, object]) -> bytes:
    start = json.dumps(body, separators=(",", ":")).encode()[:-1]
    return start + b',"hash":"' + hashlib.sha256(start).hexdigest().encode() + b'"}\n'


SOUND = {"v": 1, "kind": "adjustment", "at": "2026", "prev": GENESIS, "amount_microusd": 1, "reason": "x"}


@pytest.mark.parametrize(
    "body",
    [
        {"v": 2, "kind": "hold"},
        {"v": 1, "kind": "gift"},
        {"v": 1, "kind": "hold", "at": "2026", "prev": GENESIS, "id": "h"},
        {"v": 1, "kind": "hold", "at": "2026", "prev": GENESIS, "id": "h", "amount_microusd": 1.5},
        {"v": 1, "kind": "hold", "at": "2026", "prev": GENESIS, "id": "h", "amount_microusd": True},
        {"v": 1, "kind": "hold", "at": "2026", "prev": GENESIS, "id": "h", "amount_microusd": 1, "expires_at": "x"},
        {"v": 1, "kind": "settle", "at": "2026", "prev": GENESIS, "hold": "h", "cost_microusd": 1},
        {"v": 1, "kind": "release", "at": "2026", "prev": GENESIS, "hold": "h"},
        {**SOUND, "seconds": float("nan")},
        {**SOUND, "seconds": True},
        {**SOUND, "accepts": {}},
        {"v": 1, "kind": [], "at": "2026"},
    ],
)  # fmt: skip
def test_a_well_sealed_line_of_nonsense_is_damage_not_a_crash(
    ledger: Ledger, body: dict[str, object]
) -> None:
    ledger.path.write_bytes(sealed(body))
    assert ledger.read().problems[0].line == 1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3))
def test_any_bytes_anywhere_are_reported_and_nothing_crashes(junk: bytes, where: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "state" / "spending.jsonl")
        ledger.create()
        for _ in range(3):
            ledger.adjust(1, "bill")
        edit(ledger, lambda lines: [*lines[:where], junk, *lines[where:]])
        problems = ledger.read().problems
        assert bool(problems) == bool(junk), "only an empty insertion is no damage"


def fill(ledger: Ledger, count: int) -> None:
    with ledger._locked():
        records = [{"kind": "adjustment", "amount_microusd": 1, "reason": "x"} for _ in range(count)]
        ledger._append(ledger._intact_summary(), records)


def test_a_checkpoint_is_used_only_for_exactly_its_bytes(ledger: Ledger) -> None:
    fill(ledger, 1200)
    ledger.summarise()
    assert ledger.checkpoint_path.exists()
    fill(ledger, 10)
    assert ledger.summarise() == ledger.read().summary
    edit(ledger, lambda lines: [lines[0].replace(b'd":1,', b'd":0,'), *lines[1:]])
    assert ledger.summarise().problems[0].line == 1


@pytest.mark.parametrize("damage", [b"", b"x\n{}", None])
def test_a_broken_checkpoint_changes_nothing(ledger: Ledger, damage: bytes | None) -> None:
    fill(ledger, 1200)
    ledger.summarise()
    good = ledger.checkpoint_path.read_bytes()
    ledger.checkpoint_path.write_bytes(good[:-9] if damage is None else damage)
    assert ledger.summarise().spent_microusd == 1200


def test_a_forged_checkpoint_is_found_by_the_full_reading(ledger: Ledger) -> None:
    fill(ledger, 1200)
    ledger.summarise()
    body = (
        ledger.checkpoint_path.read_bytes().split(b"\n", 1)[1].replace(b'microusd":1200', b'microusd":0001')
    )
    body = body.replace(b'microusd":0001', b'microusd":1')
    ledger.checkpoint_path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    problems = ledger.read().problems
    assert len(problems) == 1
    assert "disagrees" in problems[0].message


def test_a_held_lock_is_one_sentence_after_the_timeout(ledger: Ledger) -> None:
    impatient = Ledger(ledger.path, lock_timeout_seconds=0.05)
    with ledger.lock_path.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another process has held the ledger's lock"):
            impatient.hold(1, spendable_usd=RICH)
        assert impatient.read().problems == (), "readers do not wait"


def test_a_lock_file_that_was_removed_is_locked_anew(ledger: Ledger) -> None:
    impatient = Ledger(ledger.path, lock_timeout_seconds=0.05)
    with ledger._locked():
        ledger.lock_path.unlink()
        impatient.adjust(1, "bill")  # creates and locks a new file, which from now on is the lock
        with impatient._locked(), pytest.raises(UsageError, match="held the ledger's lock"):
            Ledger(ledger.path, lock_timeout_seconds=0.05).adjust(1, "bill")
    waiting = ledger._open_lock()
    ledger.lock_path.unlink()
    assert not ledger._is_lock_file(waiting)
    os.close(waiting)
    ledger.adjust(1, "bill")
    assert ledger.read().spent_usd == 2


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_one_sentence_and_does_not_hang(ledger: Ledger, kind: str) -> None:
    ledger.path.unlink()
    os.mkfifo(ledger.path) if kind == "pipe" else ledger.path.mkdir()
    for attempt in (ledger.read, lambda: ledger.hold(1, spendable_usd=RICH)):
        with pytest.raises(UsageError, match="no regular file"):
            attempt()


def test_two_folders_that_share_a_ledger_by_a_link_share_its_lock(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(ledger.path)
    assert Ledger(tmp_path / "link.jsonl").lock_path == ledger.lock_path


def in_child(work: Callable[[], str]) -> str:
    """Run `work` in a forked child (for limits and identities that cannot be taken back); its answer."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001 - the parent asserts on it
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer


def test_a_full_disk_records_nothing_and_says_so(ledger: Ledger) -> None:
    ledger.adjust(1, "bill")
    before = ledger.path.read_bytes()

    def work() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, len(before) + 100))
        ledger.hold(1, spendable_usd=RICH)
        return "held"

    answer = in_child(work)
    assert answer.startswith("UsageError: ")
    assert "cannot be written" in answer
    assert ledger.path.read_bytes() == before
    assert ledger.read().problems == ()


def test_a_failed_fsync_is_no_acknowledgement(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ledger.path.read_bytes()

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(ledger_module.os, "fsync", broken)
    with pytest.raises(UsageError, match="Input/output error"):
        ledger.hold(1, spendable_usd=RICH)
    assert ledger.path.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="drops from root to a user without write permission")
def test_a_read_only_folder_is_one_sentence_and_still_readable_as_root_dropped() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        ledger = Ledger(folder / "state" / "spending.jsonl")
        ledger.create()
        ledger.adjust(1, "bill")
        folder.chmod(0o755)
        (folder / "state").chmod(0o555)

        def work() -> str:
            os.setgid(65534)
            os.setuid(65534)
            seen = ledger.read().spent_usd
            try:
                ledger.hold(1, spendable_usd=RICH)
            except PgolfError as error:
                return f"{seen} {type(error).__name__} {error}"
            return "held"

        answer = in_child(work)
        assert answer.startswith("1.0 UsageError")
        assert "cannot be written (Permission denied)" in answer
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_sentence_and_still_readable(ledger: Ledger) -> None:
    ledger.adjust(1, "bill")
    for path in (ledger.path, ledger.lock_path):
        path.chmod(stat.S_IRUSR)
    ledger.path.parent.chmod(0o555)
    try:
        assert ledger.read().spent_usd == 1
        with pytest.raises(UsageError, match="cannot be written"):
            ledger.hold(1, spendable_usd=RICH)
    finally:
        ledger.path.parent.chmod(0o755)


WRITER = """
import random, sys
from pathlib import Path
from pgolf.errors import Refused
from pgolf.lab.ledger import Ledger
ledger, name, count, budget = Ledger(Path(sys.argv[1]), 60.0), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
rng = random.Random(name)
open_holds = []
for number in range(count):
    roll = rng.random()
    try:
        if roll < 0.6 or not open_holds:
            hold = ledger.hold(1.0, spendable_usd=budget, key=f"{name}-{number}")
            open_holds.append(hold.id)
            print("hold", hold.id, flush=True)
        elif roll < 0.8:
            hold_id = open_holds.pop(rng.randrange(len(open_holds)))
            ledger.settle(hold_id, cost_usd=0.5)
            print("settle", hold_id, flush=True)
        else:
            hold_id = open_holds.pop(rng.randrange(len(open_holds)))
            ledger.release(hold_id)
            print("release", hold_id, flush=True)
    except Refused:
        pass
"""


def test_eight_writers_with_random_kills_lose_nothing_acknowledged_and_never_pass_the_budget(
    ledger: Ledger, tmp_path: Path
) -> None:
    budget, rng = 120.0, random.Random(7)
    command = [sys.executable, "-c", WRITER, str(ledger.path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    acknowledged: list[tuple[str, str]] = []
    running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(name: str) -> None:
        out = tmp_path / f"{name}.out"
        with out.open("wb") as handle:
            process = subprocess.Popen([*command, name, "200", str(budget)], stdout=handle, env=environment)
        running.append((process, out))

    for number in range(8):
        start(f"writer{number}")
    killed = 0
    while killed < 4 and any(process.poll() is None for process, _ in running):
        time.sleep(rng.uniform(0.05, 0.4))
        alive = [process for process, out in running if process.poll() is None and out.stat().st_size]
        if alive:
            os.kill(rng.choice(alive).pid, signal.SIGKILL)
            killed += 1
            start(f"second{killed}")
    for process, _ in running:
        process.wait(timeout=120)
    for _, out in running:
        lines = [line.split() for line in out.read_text().splitlines()]
        acknowledged.extend(
            (words[0], words[1]) for words in lines if len(words) == 2 and len(words[1]) == 17
        )
    assert killed == 4
    assert {process.returncode for process, _ in running} == {0, -signal.SIGKILL}

    state = ledger.read()
    assert state.problems == ()
    recorded = {(entry["kind"], entry.get("id") or entry.get("hold")) for entry in state.entries}
    assert len(acknowledged) > 200
    assert set(acknowledged) <= recorded
    committed, peak = 0, 0
    amounts: dict[str, int] = {}
    for entry in state.entries:  # an oracle of its own: replay in file order
        if entry["kind"] == "hold":
            amounts[entry["id"]] = entry["amount_microusd"]
            committed += entry["amount_microusd"]
        else:
            committed += entry.get("cost_microusd", 0) - amounts.pop(entry["hold"])
        peak = max(peak, committed)
    assert peak <= budget * 1_000_000
    assert committed == state.summary.committed_microusd == ledger.summarise().committed_microusd
