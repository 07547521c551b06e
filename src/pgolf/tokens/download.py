"""Download one file so that a broken transfer is resumed and a wrong file never stands under the right name.

Bytes go to `NAME.part` beside the target, which is renamed when size and hash are right. A transfer goes on where it broke
off only when that is safe: with the server's own mark of the version (ETag or date, sent as If-Range), or where a known
SHA-256 decides in the end. One process at a time writes a `.part`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import TYPE_CHECKING

from pgolf import __version__
from pgolf.errors import DataError, UsageError
from pgolf.tokens.manifest import sha256_of

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 5
"""Tries in a row that bring no byte; one that does starts the count anew."""
MOST_REQUESTS = 200
MAXIMUM_BYTES = 8 << 30
"""For files whose size is not known before."""
TIMEOUT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 30.0
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")

Progress = Callable[[int, int | None], None]
"""Told bytes so far and, where known, bytes in all."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to get: where from, where to, and what it must be where that is known.

    `check` looks at the finished file before it gets its name, and raises DataError when it is not what was wanted.
    """

    url: str
    target: Path
    size_bytes: int | None = None
    sha256: str = ""
    check: Callable[[Path], object] | None = None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that is in place. `resumed_from` counts bytes of an earlier call; `present` means nothing was fetched."""

    path: Path
    size_bytes: int
    sha256: str
    resumed_from: int = 0
    present: bool = False


class Downloader:
    """A client for files, with retries and resumption."""

    def __init__(
        self, *, sleep: Callable[[float], None] = time.sleep, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        import httpx

        self.sleep = sleep
        # Ranges count the bytes that are stored; a compressed transfer would not be those.
        headers = {"User-Agent": f"pgolf/{__version__}", "Accept-Encoding": "identity"}
        self.client = httpx.Client(
            headers=headers, timeout=timeout_seconds, follow_redirects=True, max_redirects=5
        )

    def close(self) -> None:
        """Close connections."""
        self.client.close()

    def download(self, wanted: Wanted, progress: Progress = lambda done, total: None) -> Downloaded:
        """Get the file, or accept the one in place. Raises UsageError (network, disk), DataError (wrong content).

        A `.part` is kept when the transfer broke, so that the next call goes on; it is removed when its content is wrong.
        """
        try:
            present = self._present(wanted)
            if present is not None:
                return present
            wanted.target.parent.mkdir(parents=True, exist_ok=True)
            with _locked(_part(wanted.target)) as part:
                try:
                    return self._into(part, wanted, progress)
                finally:
                    _drop_empty(part, wanted.target)
        except OSError as error:
            where = error.filename or wanted.target
            raise UsageError(f"{where}: cannot be written: {error.strerror or error}") from error

    def _present(self, wanted: Wanted) -> Downloaded | None:
        if not wanted.target.exists():
            return None
        if not wanted.target.is_file():
            raise UsageError(f"{wanted.target}: is in the way and no file; move it away")
        size, digest = wanted.target.stat().st_size, sha256_of(wanted.target)
        trouble = _wrong(size, digest, wanted)
        if trouble:
            raise DataError(f"{wanted.target}: {trouble}; move it away to fetch it again")
        return Downloaded(wanted.target, size, digest, present=True)

    def _into(self, part: BufferedRandom, wanted: Wanted, progress: Progress) -> Downloaded:
        began = os.fstat(part.fileno()).st_size
        digest = self._transfer(part, wanted, progress)
        size = os.fstat(part.fileno()).st_size
        trouble = _wrong(size, digest, wanted) or _refused(wanted)
        if trouble and began:
            # What an earlier call left may be of another file: once more from the start.
            began = 0
            self._forget(part, wanted)
            digest = self._transfer(part, wanted, progress)
            size = os.fstat(part.fileno()).st_size
            trouble = _wrong(size, digest, wanted) or _refused(wanted)
        if trouble:
            self._forget(part, wanted)
            raise DataError(f"{wanted.url}: {trouble}; it was not kept")
        part.flush()
        os.fsync(part.fileno())
        _part(wanted.target).replace(wanted.target)
        _note(wanted.target).unlink(missing_ok=True)
        _sync_folder(wanted.target.parent)
        return Downloaded(wanted.target, size, digest, resumed_from=began)

    def _forget(self, part: BufferedRandom, wanted: Wanted) -> None:
        part.seek(0)
        part.truncate()
        _note(wanted.target).unlink(missing_ok=True)

    def _transfer(self, part: BufferedRandom, wanted: Wanted, progress: Progress) -> str:
        """Fill `part` to the end; the SHA-256 of all of it. Raises UsageError when the server does not answer."""
        import httpx

        idle, trouble = 0, ""
        for _ in range(MOST_REQUESTS):
            before = os.fstat(part.fileno()).st_size
            try:
                trouble = self._request(part, wanted, progress)
                if not trouble:
                    part.seek(0)
                    return hashlib.file_digest(part, "sha256").hexdigest()
            except httpx.TimeoutException:
                trouble = "no answer in time"
            except httpx.TooManyRedirects as error:
                raise UsageError(f"{wanted.url}: redirected in circles") from error
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise UsageError(f"{wanted.url}: not an http address: {error}") from error
            except httpx.TransportError as error:
                trouble = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            part.flush()
            idle = 0 if os.fstat(part.fileno()).st_size > before else idle + 1
            if idle >= ATTEMPTS:
                break
            self.sleep(min(2.0 ** max(idle - 1, 0), LONGEST_WAIT_SECONDS))
        kept = os.fstat(part.fileno()).st_size
        goes_on = f"{kept:,} bytes are kept in {_part(wanted.target)}, the same command goes on from there"
        raise UsageError(f"{wanted.url}: {trouble}; {goes_on if kept else 'nothing has arrived, try later'}")

    def _request(self, part: BufferedRandom, wanted: Wanted, progress: Progress) -> str:
        """One request, appended to `part`. "" when the file is complete, else what was the trouble this time."""
        have = part.seek(0, os.SEEK_END)
        mark = _read_note(_note(wanted.target), wanted.url)
        if have and (not (mark or wanted.sha256) or have > _most(wanted)):
            self._forget(part, wanted)
            have = 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and mark:
            headers["If-Range"] = mark
        with self.client.stream("GET", wanted.url, headers=headers) as response:
            status = response.status_code
            if status in _TRANSIENT:
                return f"HTTP {status}"
            if status == 416 and have:
                _, total = _content_range(response)
                if total == have:
                    return ""
                self._forget(part, wanted)
                return "HTTP 416 for what an earlier call left"
            if status not in (200, 206):
                raise UsageError(f"{wanted.url}: HTTP {status}; is the address right?")
            encoding = response.headers.get("content-encoding", "identity")
            if encoding != "identity":
                raise UsageError(f"{wanted.url}: sent as {encoding}, which was not asked for")
            total = self._total(response, have, wanted)
            if status == 200 and have:
                self._forget(part, wanted)
                have = 0
            _write_note(_note(wanted.target), wanted.url, _mark(response))
            progress(have, total)
            for chunk in response.iter_raw():
                have += len(chunk)
                if have > min(_most(wanted), total if total is not None else MAXIMUM_BYTES):
                    self._forget(part, wanted)
                    raise DataError(
                        f"{wanted.url}: more than the {_most(wanted):,} bytes expected; it was not kept"
                    )
                part.write(chunk)
                progress(have, total)
            part.flush()
            whole = wanted.size_bytes if total is None else total
            return (
                ""
                if whole is None or have == whole
                else f"the transfer ended after {have:,} of {whole:,} bytes"
            )

    def _total(self, response: httpx.Response, have: int, wanted: Wanted) -> int | None:
        """Bytes of the whole file as the answer states them. Raises DataError when they are not those expected."""
        if response.status_code == 206:
            start, total = _content_range(response)
            if start != have:
                raise UsageError(f"{wanted.url}: asked for bytes from {have}, the answer begins at {start}")
        else:
            length = response.headers.get("content-length", "")
            total = int(length) if re.fullmatch(r"\d{1,18}", length) else None
        if total is not None and wanted.size_bytes is not None and total != wanted.size_bytes:
            raise DataError(
                f"{wanted.url}: the server has {total:,} bytes, expected {wanted.size_bytes:,}; nothing was kept of it"
            )
        return total


def _most(wanted: Wanted) -> int:
    return MAXIMUM_BYTES if wanted.size_bytes is None else wanted.size_bytes


def _wrong(size: int, digest: str, wanted: Wanted) -> str:
    """What is wrong with a file of this size and hash, or ""."""
    if wanted.size_bytes is not None and size != wanted.size_bytes:
        return f"{size:,} bytes, expected {wanted.size_bytes:,}"
    if wanted.sha256 and digest != wanted.sha256.lower():
        return f"its SHA-256 is {digest}, expected {wanted.sha256.lower()}"
    return ""


def _refused(wanted: Wanted) -> str:
    """What `wanted.check` says against the finished `.part`, or ""."""
    if wanted.check is None:
        return ""
    try:
        wanted.check(_part(wanted.target))
    except DataError as error:
        return str(error)
    return ""


def _drop_empty(part: BufferedRandom, target: Path) -> None:
    """Leave no empty `.part` behind, nor the note of one."""
    path = _part(target)
    if path.exists() and os.path.samestat(os.fstat(part.fileno()), path.stat()) and not path.stat().st_size:
        path.unlink()
        _note(target).unlink(missing_ok=True)


def _content_range(response: httpx.Response) -> tuple[int | None, int | None]:
    found = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if not found:
        return None, None
    start, _, total = found.groups()
    return (None if start is None else int(start)), (None if total == "*" else int(total))


def _mark(response: httpx.Response) -> str:
    """What If-Range may hold: a strong ETag, else the date of the last change, else ""."""
    etag = response.headers.get("etag", "")
    if etag and not etag.startswith("W/"):
        return str(etag)
    return str(response.headers.get("last-modified", ""))


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _note(target: Path) -> Path:
    return target.with_name(target.name + ".part.json")


def _read_note(path: Path, url: str) -> str:
    """The mark under which the `.part` was begun from `url`, or "" when there is none to rely on."""
    try:
        note = json.loads(path.read_bytes()[:10_000])
        mark = note["mark"] if note["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return mark if isinstance(mark, str) and mark.isprintable() and mark.isascii() else ""


def _write_note(path: Path, url: str, mark: str) -> None:
    path.write_text(json.dumps({"url": url, "mark": mark}), encoding="utf-8")


def _locked(path: Path) -> BufferedRandom:
    """`path` open for reading and appending, for this process alone. Raises UsageError when another one has it."""
    while True:
        stream = path.open("a+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The process before may have renamed the file between opening and locking.
            if path.exists() and os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                return stream
        except BlockingIOError as error:
            stream.close()
            raise UsageError(f"{path}: another process is downloading this file; wait for it") from error
        except OSError:
            stream.close()
            raise
        stream.close()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
