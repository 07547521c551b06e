"""The spend ledger: `state/spending.jsonl`, append-only, one JSON object a line, each line chained to the last.

Standard library only, and little of it: a hook imports this before every launch.

- Money is whole micro-dollars (`_microusd`), so sums are exact. The balance is a sum over lines, never stored.
- Kinds: `hold` reserves, `settle` charges what it cost, `release` gives back, `adjustment` is a signed
  charge with a reason, `override` says which gate was forced. A hold counts in full until it is settled
  or released; expiry is itself a line (`settle_expired`).
- A line ends in `,"hash":"<sha256 of the line's bytes before that>"}` and holds the hash of the line before as
  `prev`. An edited, removed, inserted or torn line is a problem with its line number; holds are refused until
  `adjust(…, accept_damage=True)` records that somebody looked and what the damage was worth.
- Writers take an exclusive `flock` on `spending.lock`, append with one `write`, `fsync`, and only then
  acknowledge. A failed write is cut off again. Readers take no lock.
- `spending.head` names the last acknowledged line, so a ledger cut at its end, emptied or deleted is noticed.
- `spending.checkpoint.json` caches a fold of the first N bytes. It is used only when the sha256 of those bytes
  and its own checksum agree; `read()` and `doctor` never use it, and compare it.

What this does not do: stop somebody who rewrites all three files consistently. It is evidence, not a vault.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from pgolf.core import light_json as json
from pgolf.core.frozen import dataclass, field
from pgolf.errors import DataError, Refused, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

GENESIS = "0" * 64
LINE_BYTES = 32_768
"""Longest line that is read or written; longer ones are damage."""
TEXT_CHARACTERS = 2_000
CHECKPOINT_LINES = 1_000
_HASH_MARK = b',"hash":"'
_TAIL_BYTES = len(_HASH_MARK) + 64 + 2
_MAXIMUM_MICROUSD = 10**15


def to_microusd(amount_usd: float | str, what: str = "amount") -> int:
    """An amount in USD as whole micro-dollars, rounded to the nearest. UsageError when it is no amount."""
    try:
        value = round(float(amount_usd) * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{what}: an amount in USD is needed, got {amount_usd!r}") from None
    if abs(value) > _MAXIMUM_MICROUSD:
        raise UsageError(f"{what}: {amount_usd!r} USD is beyond anything this ledger is for")
    return value


def format_usd(microusd: int) -> str:
    """Micro-dollars as text with at least two decimals, exact: `4.12`, `-0.000001`."""
    sign = "-" if microusd < 0 else ""
    whole, part = divmod(abs(microusd), 1_000_000)
    digits = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One damaged place. `line` is 1-based (0: the file as a whole), `sha256` that of the line without its end."""

    line: int
    message: str
    sha256: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


@dataclass(frozen=True, slots=True)
class Hold:
    """Money reserved for one launch. `key` is the caller's own identifier (a tool call's id, a run's id)."""

    id: str
    amount_microusd: int
    at: str
    line: int = 0
    experiment: str = ""
    seed: int | None = None
    gpu: str = ""
    purpose: str = ""
    command: str = ""
    cap_seconds: float | None = None
    expires_at: float | None = None
    key: str = ""
    pid: int | None = None

    @property
    def amount_usd(self) -> float:
        """For display and arithmetic that tolerates a float."""
        return self.amount_microusd / 1_000_000


@dataclass(slots=True)
class LedgerSummary:
    """A fold over lines: sums, open holds and problems. Mutable only while folding."""

    lines: int = 0
    offset: int = 0
    last_hash: str = GENESIS
    spent_microusd: int = 0
    open_lines: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """Hold id -> line number and entry; `open_holds` is what to use."""
    by_gpu: dict[str, list[int]] = field(default_factory=dict)
    """gpu -> [micro-dollars, milliseconds, runs]; likewise by experiment and by UTC day."""
    by_experiment: dict[str, list[int]] = field(default_factory=dict)
    by_day: dict[str, list[int]] = field(default_factory=dict)
    overrides: int = 0
    first_at: str = ""
    problems: list[Problem] = field(default_factory=list)
    accepted: list[Problem] = field(default_factory=list)

    @property
    def open_holds(self) -> dict[str, Hold]:
        """Holds that nothing has settled or released, by id, oldest first."""
        return {
            hold_id: Hold(line=line, **{key: entry[key] for key in _HOLD_KEYS if key in entry})
            for hold_id, (line, entry) in self.open_lines.items()
        }

    @property
    def held_microusd(self) -> int:
        """Sum of open holds, in full."""
        return sum(entry["amount_microusd"] for _, entry in self.open_lines.values())

    @property
    def spent_usd(self) -> float:
        """Settlements and adjustments."""
        return self.spent_microusd / 1_000_000

    @property
    def held_usd(self) -> float:
        """Open holds, in full."""
        return self.held_microusd / 1_000_000

    @property
    def committed_microusd(self) -> int:
        """What the budget no longer has: spent and held."""
        return self.spent_microusd + self.held_microusd

    @property
    def balance_usd(self) -> float:
        """The sum of all lines: spent and held."""
        return self.committed_microusd / 1_000_000


@dataclass(frozen=True, slots=True)
class LedgerState:
    """A full, checkpoint-free reading: every intact line, the fold over them, and what is damaged."""

    entries: tuple[dict[str, Any], ...]
    summary: LedgerSummary

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Damage that nobody has accepted yet, by line."""
        return tuple(self.summary.problems)

    @property
    def balance_usd(self) -> float:
        """The sum of all lines: spent and held."""
        return self.summary.balance_usd

    @property
    def spent_usd(self) -> float:
        """Settlements and adjustments."""
        return self.summary.spent_usd

    @property
    def held_usd(self) -> float:
        """Open holds, in full."""
        return self.summary.held_usd


class Ledger:
    """One ledger file. Holds no state between calls, so any number of processes and threads may use it."""

    def __init__(self, path: Path, lock_timeout_seconds: float = 10.0) -> None:
        # The real file: two folders that share a ledger by a link must share its lock too.
        self.path = Path(os.path.realpath(path))
        self.lock_path = self.path.with_name("spending.lock")
        self.head_path = self.path.with_name("spending.head")
        self.checkpoint_path = self.path.with_name("spending.checkpoint.json")
        self.lock_timeout_seconds = lock_timeout_seconds

    # -- reading -------------------------------------------------------------------------------------------

    def read(self) -> LedgerState:
        """Every line, verified one by one without the checkpoint. Damage is returned, never raised.

        Raises UsageError when the file exists and cannot be opened.
        """
        entries: list[dict[str, Any]] = []
        cached = self._load_checkpoint()
        summary = self._settled_fold(entries.append, use_checkpoint=False)
        if cached is not None and not summary.problems and cached[0].offset <= summary.offset:
            again = self._fold_prefix(cached[0].offset)
            if again is None or _to_json(again) != _to_json(cached[0]):
                name = self.checkpoint_path.name
                summary.problems.append(
                    Problem(
                        0, f"{name} disagrees with the lines it stands for: delete it, it is only a cache"
                    )
                )
        return LedgerState(tuple(entries), summary)

    def summarise(self) -> LedgerSummary:
        """The fold, quickly: a verified checkpoint is used where there is one. Damage is returned."""
        return self._settled_fold(None, use_checkpoint=True)

    def find_entries(self, hold_id: str) -> list[dict[str, Any]]:
        """Every intact line about one hold, oldest first."""
        return [entry for entry in self.read().entries if hold_id in (entry.get("id"), entry.get("hold"))]

    # -- writing -------------------------------------------------------------------------------------------

    def create(self) -> None:
        """An empty ledger with its folder, made durable; nothing happens where one exists (or existed)."""
        with self._locked():
            if self.path.exists():
                return
            if self._load_head() is not None:
                raise DataError(_missing(self.path, self.head_path.name))
            self._append_bytes(b"")

    def hold(
        self,
        amount_usd: float,
        *,
        spendable_usd: float,
        experiment: str = "",
        seed: int | None = None,
        gpu: str = "",
        purpose: str = "",
        command: str = "",
        cap_seconds: float | None = None,
        expires_at: float | None = None,
        key: str = "",
        force: bool = False,
    ) -> Hold:
        """Reserve money: check and append in one locked step.

        `spendable_usd` is the budget less the reserve. Raises Refused when spendable - spent - held < amount
        (with `force` the hold is written nevertheless, and an `override` line with it), DataError when the
        ledger is missing or damaged, UsageError when it cannot be locked or written.
        """
        amount = to_microusd(amount_usd)
        if amount < 0:
            raise UsageError(f"amount: a hold must not be negative, got {amount_usd!r}")
        spendable = to_microusd(spendable_usd, "spendable")
        with self._locked():
            summary = self._intact_summary()
            left = spendable - summary.committed_microusd
            records: list[dict[str, Any]] = []
            if left < amount:
                why = (
                    f"this costs up to {format_usd(amount)} USD, but {format_usd(left)} USD is left: "
                    f"{format_usd(spendable)} spendable - {format_usd(summary.spent_microusd)} spent "
                    f"- {format_usd(summary.held_microusd)} held"
                )
                if not force:
                    raise Refused(f"budget: {why}")
                records.append(
                    {"kind": "override", "gate": "budget", "reason": why, "command": _cut(command)}
                )
            record = {
                "kind": "hold",
                "id": f"h{os.urandom(8).hex()}",
                "amount_microusd": amount,
                "experiment": _cut(experiment),
                "seed": seed,
                "gpu": _cut(gpu),
                "purpose": _cut(purpose),
                "command": _cut(command),
                "cap_seconds": cap_seconds,
                "expires_at": expires_at,
                "key": _cut(key),
                "pid": os.getpid(),
            }
            records.append({k: v for k, v in record.items() if v not in (None, "")})
            written = self._append(summary, records)
        return written.open_holds[str(record["id"])]

    def settle(
        self,
        hold_id: str,
        *,
        cost_usd: float | None = None,
        seconds: float | None = None,
        exit_status: int | None = None,
        reason: str = "",
    ) -> int:
        """Charge what a hold cost and close it; returns the charge in micro-dollars.

        Without `cost_usd` the charge is the hold's full amount, scaled by `seconds / cap_seconds` when both are
        known (never below zero; above the cap it is more than was held, because that is what it cost).
        Raises Refused when the hold is not open: nothing is charged twice.
        """
        with self._locked():
            summary = self._intact_summary()
            hold = self._open(summary, hold_id)
            cost = hold.amount_microusd
            if cost_usd is not None:
                cost = to_microusd(cost_usd, "cost")
            elif (measured := _seconds(seconds)) is not None and hold.cap_seconds:
                cost = round(cost * measured / hold.cap_seconds)
            if cost < 0:
                raise UsageError(
                    f"cost: must not be negative, got {cost_usd!r}; use an adjustment for refunds"
                )
            self._append(summary, [_settlement(hold, cost, seconds, exit_status, reason)])
        return cost

    def settle_expired(self, now: float | None = None) -> tuple[Hold, ...]:
        """Settle at the full amount every hold past its `expires_at`, one recorded line each."""
        moment = time.time() if now is None else now
        with self._locked():
            summary = self._intact_summary()
            due = [
                h for h in summary.open_holds.values() if h.expires_at is not None and h.expires_at <= moment
            ]
            if due:
                self._append(summary, [_settlement(h, h.amount_microusd, None, None, "expired") for h in due])
        return tuple(due)

    def release(self, hold_id: str, reason: str = "") -> Hold:
        """Give a hold back, because nothing was started. Raises Refused when the hold is not open."""
        with self._locked():
            summary = self._intact_summary()
            hold = self._open(summary, hold_id)
            self._append(summary, [{"kind": "release", "hold": hold.id, "reason": _cut(reason)}])
        return hold

    def adjust(
        self,
        amount_usd: float,
        reason: str,
        *,
        experiment: str = "",
        gpu: str = "",
        seconds: float | None = None,
        key: str = "",
        accept_damage: bool = False,
    ) -> int:
        """Record a signed charge (a bill, a refund, spend made elsewhere); returns it in micro-dollars.

        `accept_damage` also records the damaged lines as seen, after which holds are possible again; the
        lines stay in the file and in every report. Without it, damage raises DataError.
        """
        amount = to_microusd(amount_usd)
        if not reason.strip():
            raise UsageError("an adjustment needs a reason")
        with self._locked(create=accept_damage):
            summary = self._fold(None, use_checkpoint=True)
            if summary.problems and not accept_damage:
                raise DataError(self._damage(summary))
            record: dict[str, Any] = {
                "kind": "adjustment",
                "amount_microusd": amount,
                "reason": _cut(reason),
                "experiment": _cut(experiment),
                "gpu": _cut(gpu),
                "seconds": _seconds(seconds),
                "key": _cut(key),
            }
            record = {k: v for k, v in record.items() if v not in (None, "")}
            if accept_damage:
                record["accepts"] = [[p.line, p.sha256] for p in summary.problems[:200]]
            self._append(summary, [record])
        return amount

    def record_override(self, gate: str, reason: str, command: str = "", experiment: str = "") -> None:
        """Record that a gate was forced; costs nothing."""
        with self._locked():
            record = {"kind": "override", "gate": gate, "reason": _cut(reason), "command": _cut(command)}
            if experiment:
                record["experiment"] = _cut(experiment)
            self._append(self._intact_summary(), [record])

    # -- inside --------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, create: bool = True) -> Iterator[None]:
        """The exclusive lock; waits at most `lock_timeout_seconds`."""
        deadline = time.monotonic() + self.lock_timeout_seconds
        try:
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = self._open_lock()
        except OSError as error:
            raise UsageError(self._unwritable(error)) from error
        try:
            pause = 0.001
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if self._is_lock_file(descriptor):
                        break
                    # Somebody removed the lock file meanwhile: this lock is on a file that nobody else sees.
                    os.close(descriptor)
                    descriptor = self._open_lock()
                    continue
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR):
                        raise UsageError(f"{self.lock_path}: cannot be locked: {error.strerror}") from error
                if time.monotonic() >= deadline:
                    raise UsageError(
                        f"{self.lock_path}: another process has held the ledger's lock for more than "
                        f"{self.lock_timeout_seconds:g} s; try again, or end that process"
                    )
                time.sleep(pause)
                pause = min(pause * 1.5, 0.02)
            yield
        finally:
            os.close(descriptor)

    def _open_lock(self) -> int:
        return os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _is_lock_file(self, descriptor: int) -> bool:
        try:
            there = os.stat(self.lock_path)
        except FileNotFoundError:
            return False
        mine = os.fstat(descriptor)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)

    def _intact_summary(self) -> LedgerSummary:
        summary = self._fold(None, use_checkpoint=True)
        if summary.problems:
            raise DataError(self._damage(summary))
        return summary

    def _damage(self, summary: LedgerSummary) -> str:
        count = len(summary.problems)
        more = f" (and {count - 1} more)" if count > 1 else ""
        return (
            f"{self.path}: {summary.problems[0]}{more}. No money moves until that is looked at: restore the file, "
            "or record what it was worth with `pgolf spend adjust --accept-damage`"
        )

    def _open(self, summary: LedgerSummary, hold_id: str) -> Hold:
        hold = summary.open_holds.get(hold_id)
        if hold is None:
            raise Refused(f"hold {hold_id} is not open: unknown, or settled or released before")
        return hold

    def _unwritable(self, error: OSError) -> str:
        return f"{self.path}: the ledger cannot be written ({error.strerror}); nothing was recorded or spent"

    def _settled_fold(
        self, keep: Callable[[dict[str, Any]], None] | None, use_checkpoint: bool
    ) -> LedgerSummary:
        """A lock-free fold. A last line without its end may be a write in progress: look again first."""
        for _ in range(5):
            kept: list[dict[str, Any]] = []
            summary = self._fold(kept.append if keep else None, use_checkpoint)
            if not (summary.problems and summary.problems[-1].message.startswith(_TORN)):
                break
            time.sleep(0.01)
        if keep:
            for entry in kept:
                keep(entry)
        return summary

    def _fold(self, keep: Callable[[dict[str, Any]], None] | None, use_checkpoint: bool) -> LedgerSummary:
        head = self._load_head()  # before the lines: a head is written after its line
        cached = self._load_checkpoint() if use_checkpoint else None
        try:
            # Without blocking: a pipe in the ledger's place must not hold up a hook.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            summary = LedgerSummary()
            text = (
                _missing(self.path, self.head_path.name)
                if head
                else f"there is no ledger at {self.path}: start one with `pgolf spend create`"
            )
            summary.problems.append(Problem(0, text))
            return summary
        except OSError as error:
            raise UsageError(f"{self.path}: the ledger cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UsageError(f"{self.path}: the ledger is no regular file")
        with open(descriptor, "rb") as handle:
            digest = hashlib.sha256()
            summary = LedgerSummary()
            if cached is not None and _hash_prefix(handle, cached[0].offset, digest) == cached[1]:
                summary = cached[0]
            else:
                handle.seek(0)
                digest = hashlib.sha256()
            start_lines = summary.lines
            try:
                for raw, skipped in _read_lines(handle, digest):
                    _fold_line(summary, raw, skipped, keep)
            except OSError as error:
                raise UsageError(f"{self.path}: the ledger cannot be read: {error.strerror}") from error
            if head is not None:
                self._check_head(handle, summary, head)
        if use_checkpoint and summary.lines - start_lines >= CHECKPOINT_LINES and not summary.problems:
            self._save_checkpoint(summary, digest.hexdigest())
        return summary

    def _fold_prefix(self, offset: int) -> LedgerSummary | None:
        """The fold of the first `offset` bytes, or None when no line ends there."""
        summary = LedgerSummary()
        with self.path.open("rb") as handle:
            for raw, skipped in _read_lines(handle):
                _fold_line(summary, raw, skipped, None)
                if summary.offset >= offset:
                    break
        return summary if summary.offset == offset else None

    def _check_head(self, handle: Any, summary: LedgerSummary, head: tuple[int, str]) -> None:
        offset, line_hash = head
        handle.seek(max(offset - 67, 0))
        if handle.read(67) != line_hash.encode() + b'"}\n' and not any(p.line for p in summary.problems):
            summary.problems.append(
                Problem(
                    0,
                    "the ledger does not contain the last line it acknowledged "
                    f"({line_hash[:12]}… ending at byte {offset}): lines are missing at its end",
                )
            )

    def _append(self, summary: LedgerSummary, records: list[dict[str, Any]]) -> LedgerSummary:
        """Write `records` behind `summary` with one write and one fsync; the caller holds the lock."""
        now = time.time()
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        previous = summary.last_hash
        lines: list[bytes] = []
        for record in records:
            body = json.dumps(
                {"v": 1, "at": at, **record, "prev": previous}, separators=(",", ":"), allow_nan=False
            )
            start = body.encode("ascii")[:-1]
            previous = hashlib.sha256(start).hexdigest()
            line = start + _HASH_MARK + previous.encode() + b'"}\n'
            if len(line) > LINE_BYTES:
                raise UsageError(f"a ledger line of {len(line)} bytes is too long; shorten its texts")
            lines.append(line)
        end = self._append_bytes(b"".join(lines))
        for line in lines:
            _fold_line(summary, line, 0, None)
        head = json.dumps({"v": 1, "offset": end, "hash": previous})
        self._replace(self.head_path, head.encode())
        return summary

    def _append_bytes(self, payload: bytes) -> int:
        """Append, on a fresh line; returns the file's new size. A failed write is cut off again."""
        try:
            existed = self.path.exists()
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(self._unwritable(error)) from error
        try:
            size = os.fstat(descriptor).st_size
            if size and payload and os.pread(descriptor, 1, size - 1) != b"\n":
                payload = b"\n" + payload
            try:
                written = os.write(descriptor, payload) if payload else 0
                if written != len(payload):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
                if not existed:
                    _sync_folder(self.path.parent)
            except OSError as error:
                # What was not acknowledged must not stay behind half-written.
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise UsageError(self._unwritable(error)) from error
            return size + len(payload)
        finally:
            os.close(descriptor)

    def _load_head(self) -> tuple[int, str] | None:
        try:
            data = json.loads(self.head_path.read_bytes()[:1000])
            offset, line_hash = data["offset"], data["hash"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (offset, line_hash) if isinstance(offset, int) and isinstance(line_hash, str) else None

    def _load_checkpoint(self) -> tuple[LedgerSummary, str] | None:
        """The cached fold and the sha256 of the bytes it stands for; None when absent or damaged."""
        try:
            raw = self.checkpoint_path.read_bytes()
        except OSError:
            return None
        checksum, _, body = raw.partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != checksum:
            return None
        try:
            data = json.loads(body)
            return _from_json(data["summary"]), str(data["prefix_sha256"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def _save_checkpoint(self, summary: LedgerSummary, prefix_sha256: str) -> None:
        document = {"v": 1, "prefix_sha256": prefix_sha256, "summary": _to_json(summary)}
        body = json.dumps(document, separators=(",", ":")).encode()
        self._replace(self.checkpoint_path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)

    def _replace(self, path: Path, content: bytes) -> None:
        """Best effort: head and checkpoint are aids; the ledger's own line is already durable."""
        draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            draft.write_bytes(content)
            os.replace(draft, path)
        except OSError:
            with suppress(OSError):
                draft.unlink()


_TORN = "torn: the line has no end"


def _read_lines(handle: Any, digest: Any = None) -> Iterator[tuple[bytes, int]]:
    """Each line with its newline, cut at LINE_BYTES + 1, and the number of bytes that were cut off."""
    while raw := handle.readline(LINE_BYTES + 1):
        if digest is not None:
            digest.update(raw)
        skipped, end = 0, raw
        while len(raw) > LINE_BYTES and end and not end.endswith(b"\n"):
            end = handle.readline(LINE_BYTES)
            skipped += len(end)
            if digest is not None:
                digest.update(end)
        yield raw, skipped


def _fold_line(
    summary: LedgerSummary, raw: bytes, skipped: int, keep: Callable[[dict[str, Any]], None] | None
) -> None:
    """Verify one line and add it. An intact last line that only lacks its newline counts."""
    summary.lines += 1
    summary.offset += len(raw) + skipped
    text = raw.rstrip(b"\n")
    entry: dict[str, Any] | None = None
    message = ""
    if len(raw) > LINE_BYTES:
        message = f"longer than {LINE_BYTES} bytes"
    elif text[-_TAIL_BYTES : -_TAIL_BYTES + len(_HASH_MARK)] != _HASH_MARK or text[-2:] != b'"}':
        message = "not a ledger line (torn by a crash, or edited)" if raw.endswith(b"\n") else _TORN
    else:
        stated = text[-66:-2].decode("ascii", "replace")
        if hashlib.sha256(text[:-_TAIL_BYTES]).hexdigest() != stated:
            message = "edited: its checksum does not match its content"
        else:
            message, entry = _parse(text)
            if entry is not None and entry["prev"] != summary.last_hash:
                damaged_before = summary.problems and summary.problems[-1].line == summary.lines - 1
                if not damaged_before:
                    message = "does not follow the line before: lines were removed, inserted or reordered"
        summary.last_hash = stated
    if entry is not None:
        if keep is not None:
            keep(entry)
        message = _add(summary, entry) or message
    if message:
        summary.problems.append(Problem(summary.lines, message, hashlib.sha256(text).hexdigest()))


def _parse(text: bytes) -> tuple[str, dict[str, Any] | None]:
    try:
        entry = _DECODER.decode(text.decode("ascii"))
    except (ValueError, RecursionError):
        return "not JSON", None
    if type(entry) is not dict or entry.get("v") != 1 or type(entry.get("kind")) is not str:
        return "not a kind of line this version knows", None
    required = _REQUIRED.get(entry["kind"])
    if required is None:
        return "not a kind of line this version knows", None
    for key in required:
        if key not in entry:
            return f"lacks {key}", None
    for key, value in entry.items():
        kind = type(value)  # not isinstance: True is no number of micro-dollars
        if kind not in _TYPES.get(key, _TEXT) or (kind is float and value - value != 0.0):
            return f"{key} is not of its type", None
    return "", entry


def _reject_constant(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_reject_constant)
_TEXT = (str,)
_WHOLE = (int,)
_NUMBER = (float, int)
_TYPES: dict[str, tuple[type, ...]] = {
    "v": _WHOLE,
    "amount_microusd": _WHOLE,
    "cost_microusd": _WHOLE,
    "seed": _WHOLE,
    "pid": _WHOLE,
    "exit_status": _WHOLE,
    "seconds": _NUMBER,
    "cap_seconds": _NUMBER,
    "expires_at": _NUMBER,
    "accepts": (list,),
}
"""Types of the fields that are not texts."""
_REQUIRED: dict[str, tuple[str, ...]] = {
    "hold": ("at", "prev", "id", "amount_microusd"),
    "settle": ("at", "prev", "hold", "cost_microusd"),
    "release": ("at", "prev", "hold"),
    "adjustment": ("at", "prev", "amount_microusd", "reason"),
    "override": ("at", "prev", "gate", "reason"),
}


def _add(summary: LedgerSummary, entry: dict[str, Any]) -> str:
    """Add one intact line to the sums; returns what is wrong with it, or nothing."""
    kind = entry["kind"]
    summary.first_at = summary.first_at or entry["at"]
    if kind == "hold":
        if entry["id"] in summary.open_lines:
            return f"hold {entry['id']} is already open"
        summary.open_lines[entry["id"]] = (summary.lines, entry)
    elif kind == "settle":
        _, hold = summary.open_lines.pop(entry["hold"], (0, None))
        known = hold or {}
        _charge(summary, entry, entry["cost_microusd"], known.get("gpu", ""), known.get("experiment", ""))
        if hold is None:
            return f"settles hold {entry['hold']}, which is not open"
    elif kind == "release":
        if summary.open_lines.pop(entry["hold"], None) is None:
            return f"releases hold {entry['hold']}, which is not open"
    elif kind == "adjustment":
        _charge(
            summary,
            entry,
            entry["amount_microusd"],
            str(entry.get("gpu", "")),
            str(entry.get("experiment", "")),
        )
        if accepts := entry.get("accepts"):
            seen = [p for p in summary.problems if [p.line, p.sha256] in accepts]
            summary.accepted.extend(seen)
            summary.problems = [p for p in summary.problems if p not in seen]
    else:
        summary.overrides += 1
    return ""


def _charge(summary: LedgerSummary, entry: Mapping[str, Any], cost: int, gpu: str, experiment: str) -> None:
    summary.spent_microusd += cost
    seconds = entry.get("seconds")
    milliseconds = 0 if seconds is None else round(seconds * 1000)
    day = entry["at"][:10]
    for table, key in (
        (summary.by_gpu, gpu),
        (summary.by_experiment, experiment),
        (summary.by_day, day),
    ):
        row = table.setdefault(key, [0, 0, 0])
        row[0] += cost
        row[1] += milliseconds
        row[2] += 1


_HOLD_KEYS = tuple(name for name in Hold.__slots__ if name != "line")


def _settlement(
    hold: Hold, cost: int, seconds: float | None, exit_status: int | None, reason: str
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "kind": "settle",
        "hold": hold.id,
        "cost_microusd": cost,
        "seconds": _seconds(seconds),
        "exit_status": exit_status,
        "reason": _cut(reason),
    }
    return {k: v for k, v in record.items() if v not in (None, "")}


def _seconds(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"seconds: a finite number, not negative, is needed; got {seconds!r}")
    return round(float(seconds), 3)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…"


def _missing(path: Path, head_name: str) -> str:
    return f"{path} is missing, although {head_name} says lines were recorded: restore it"


def _hash_prefix(handle: Any, length: int, digest: Any) -> str:
    """sha256 of the first `length` bytes, leaving `digest` and the file position behind them."""
    left = length
    while left and (chunk := handle.read(min(left, 1 << 20))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest() if not left else ""


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _to_json(summary: LedgerSummary) -> dict[str, Any]:
    """A summary without problems, for the checkpoint."""
    out = {name: getattr(summary, name) for name in LedgerSummary.__slots__}
    del out["problems"]
    out["accepted"] = [[p.line, p.message, p.sha256] for p in summary.accepted]
    out["open_lines"] = {key: list(value) for key, value in summary.open_lines.items()}
    return out


def _from_json(data: dict[str, Any]) -> LedgerSummary:
    open_lines = {key: (int(line), dict(entry)) for key, (line, entry) in data.pop("open_lines").items()}
    accepted = [Problem(*row) for row in data.pop("accepted")]
    return LedgerSummary(open_lines=open_lines, accepted=accepted, **data)
