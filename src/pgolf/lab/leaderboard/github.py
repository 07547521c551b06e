"""Read the leaderboard from GitHub's REST API: README and every page of pull requests.

Each page keeps its ETag, so an unchanged page costs no rate limit. A failure is one UsageError that names the
address, what came back and what to do; the caller's cache is untouched then. The token (GITHUB_TOKEN or
GH_TOKEN) is sent to the API's own host only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pgolf import __version__
from pgolf.core.profile import Profile
from pgolf.errors import UsageError
from pgolf.lab.leaderboard.board import BoardEntry, Leaderboard, Status, replace_file, tidy
from pgolf.lab.leaderboard.table import bpb_in_title, read_table

if TYPE_CHECKING:
    import httpx

API = "https://api.github.com"
MAXIMUM_PAGES = 300
MAXIMUM_BODY_BYTES = 32 * 1024 * 1024
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 30.0
_TRANSIENT = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered request: the body (None: unchanged since the ETag), its ETag and the next page."""

    body: bytes | None
    etag: str
    next_url: str


class GitHub:
    """A polite client: conditional requests, retries with backoff, rate limits obeyed."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        import httpx

        self.api = (environ.get("GITHUB_API_URL") or API).rstrip("/")
        if urlsplit(self.api).scheme not in ("http", "https"):
            raise UsageError(f"GITHUB_API_URL: {self.api!r} is no http address")
        self.sleep, self.clock = sleep, clock
        token = (environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or "").strip()
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise UsageError("GITHUB_TOKEN (or GH_TOKEN) holds characters that no token has; set it again")
        self.has_token = bool(token)
        headers = {"User-Agent": f"pgolf/{__version__}", "X-GitHub-Api-Version": "2022-11-28"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.client = httpx.Client(
            headers=headers, timeout=timeout_seconds, follow_redirects=True, max_redirects=5
        )

    def close(self) -> None:
        """Close connections."""
        self.client.close()

    def get(self, url: str, accept: str = "application/vnd.github+json", etag: str = "") -> Answer:
        """One GET, tried up to ATTEMPTS times. Raises UsageError."""
        import httpx

        headers = {"Accept": accept}
        if etag:
            headers["If-None-Match"] = etag
        trouble = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.sleep(min(2.0 ** (attempt - 1), LONGEST_WAIT_SECONDS))
            try:
                with self.client.stream("GET", url, headers=headers) as response:
                    wait = self._wait_seconds(response)
                    if wait is not None:
                        self._refuse_long_wait(url, response.status_code, wait)
                        trouble = f"rate limit (HTTP {response.status_code})"
                        self.sleep(wait)
                        continue
                    if response.status_code in _TRANSIENT:
                        trouble = f"HTTP {response.status_code}"
                        continue
                    if response.status_code == 304 and etag:
                        return Answer(None, etag, self._next(url, response))
                    self._refuse_status(url, response)
                    return Answer(
                        self._body(url, response), response.headers.get("etag", ""), self._next(url, response)
                    )
            except httpx.TimeoutException:
                trouble = "no answer in time"
            except httpx.TooManyRedirects as error:
                raise UsageError(f"{url}: redirected in circles; nothing was changed") from error
            except (httpx.TransportError, httpx.DecodingError) as error:
                trouble = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            except httpx.InvalidURL as error:
                raise UsageError(f"{url[:200]}: not an address: {error}") from error
        raise UsageError(
            f"{url}: {trouble}, {ATTEMPTS} times; the old leaderboard is kept. Try later, or read a clone with "
            "`pgolf leaderboard fetch --from-git PATH`"
        )

    def _wait_seconds(self, response: httpx.Response) -> float | None:
        """How long a rate limit asks to wait; None when the answer is no rate limit."""
        if response.status_code not in (403, 429):
            return None
        after = response.headers.get("retry-after", "")
        if after.isdigit():
            return float(after[:9])
        if response.headers.get("x-ratelimit-remaining") == "0":
            reset = response.headers.get("x-ratelimit-reset", "")
            return max(float(reset[:12]) - self.clock(), 0.0) + 1.0 if reset.isdigit() else 60.0
        return 30.0 if response.status_code == 429 else None

    def _refuse_long_wait(self, url: str, status: int, wait: float) -> None:
        if wait <= LONGEST_WAIT_SECONDS:
            return
        at = time.strftime("%H:%M:%S UTC", time.gmtime(min(self.clock() + wait, 4e9)))
        hint = "" if self.has_token else "; a token in GITHUB_TOKEN raises the limit"
        raise UsageError(
            f"{url}: rate limit reached (HTTP {status}), free again at {at}; the old leaderboard is kept{hint}"
        )

    def _refuse_status(self, url: str, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        hints = {
            401: "the token in GITHUB_TOKEN (or GH_TOKEN) is not accepted: renew or unset it",
            403: "access is denied: the token lacks the right to read this repository",
            404: "there is no such repository, or the token may not see it: check `repository` in the profile",
        }
        hint = hints.get(status, "try later")
        raise UsageError(f"{url}: HTTP {status}; {hint}. The old leaderboard is kept")

    def _body(self, url: str, response: httpx.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAXIMUM_BODY_BYTES:
                raise UsageError(f"{url}: more than {MAXIMUM_BODY_BYTES} bytes; the old leaderboard is kept")
        return bytes(body)

    def _next(self, url: str, response: httpx.Response) -> str:
        """The next page's address; one on another host is refused, since the token would follow it."""
        link = response.links.get("next", {}).get("url", "")
        if not link:
            return ""
        target = urljoin(url, link)
        if urlsplit(target)[:2] != urlsplit(self.api)[:2]:
            raise UsageError(f"{url}: its next page is on another host ({target[:200]}); not followed")
        return target


def fetch_board(profile: Profile, github: GitHub, pages_path: Path, read_at: str) -> Leaderboard:
    """README table and all pull requests; pages that did not change come from `pages_path`.

    Raises UsageError; nothing is written then.
    """
    old = _load_pages(pages_path)
    new: dict[str, Any] = {}
    base = f"{github.api}/repos/{profile.repository}"
    notes: list[str] = []

    readme_url = f"{base}/readme"
    readme = _conditional(github, readme_url, old, new, _decode_readme, "application/vnd.github.raw+json")
    table = read_table(
        readme["items"], profile.leaderboard.heading, "README", read_at, profile.leaderboard.records
    )
    notes.extend(table.notes)

    pulls: list[dict[str, Any]] = []
    url = f"{base}/pulls?state=all&per_page=100&sort=created&direction=asc"
    for _ in range(MAXIMUM_PAGES):
        page = _conditional(github, url, old, new, _decode_pulls)
        pulls.extend(page["items"])
        url = page["next"]
        if not url:
            break
        if url in new:
            raise UsageError(f"{url}: the pages lead in a circle; the old leaderboard is kept")
    else:
        notes.append(f"more than {MAXIMUM_PAGES} pages of pull requests: the rest was not read")

    entries = list(table.entries)
    silent = 0
    for pull in pulls:
        entry = _pull_entry(pull, read_at)
        if entry is None:
            silent += 1
        else:
            entries.append(entry)
    if silent:
        notes.append(f"{silent} of {len(pulls)} pull requests state no bits per byte in their title")
    replace_file(pages_path, json.dumps({"version": 1, "pages": new}).encode())
    source = f"GitHub API, {len(pulls)} pull requests"
    return Leaderboard(profile.repository, source, read_at, tuple(entries), tuple(notes))


def _conditional(
    github: GitHub,
    url: str,
    old: dict[str, Any],
    new: dict[str, Any],
    decode: Callable[[str, bytes], Any],
    accept: str = "application/vnd.github+json",
) -> dict[str, Any]:
    known = old.get(url)
    answer = github.get(url, accept, str(known["etag"]) if known else "")
    if answer.body is None and known:
        # A 304 may come without Link; the page it stands for had one.
        page = {"etag": known["etag"], "items": known["items"], "next": answer.next_url or known["next"]}
    else:
        page = {"etag": answer.etag, "items": decode(url, answer.body or b""), "next": answer.next_url}
    new[url] = page
    return page


def _decode_readme(_url: str, body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _decode_pulls(url: str, body: bytes) -> list[dict[str, Any]]:
    """The fields we keep of each pull request. Raises UsageError when the page is not a list of them."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{url}: answered with {len(body)} bytes that are not JSON ({str(error)[:80]}); the old leaderboard is kept"
        ) from error
    if not isinstance(data, list):
        raise UsageError(f"{url}: a list of pull requests was expected; the old leaderboard is kept")
    kept = []
    for item in data:
        if not isinstance(item, dict) or not isinstance(item.get("number"), int):
            raise UsageError(
                f"{url}: an item without a number is no pull request; the old leaderboard is kept"
            )
        user = item.get("user")
        kept.append(
            {
                "number": item["number"],
                "title": str(item.get("title") or "")[:500],
                "author": str(user.get("login", "")) if isinstance(user, dict) else "",
                "state": str(item.get("state") or ""),
                "created_at": str(item.get("created_at") or ""),
                "merged_at": str(item.get("merged_at") or ""),
                "url": str(item.get("html_url") or ""),
            }
        )
    return kept


def _pull_entry(pull: dict[str, Any], read_at: str) -> BoardEntry | None:
    bpb = bpb_in_title(pull["title"])
    if bpb is None:
        return None
    states: dict[str, Status] = {"open": "open", "closed": "closed"}
    status = "merged" if pull["merged_at"] else states.get(pull["state"], "unknown")
    return BoardEntry(
        name=tidy(pull["title"]),
        bpb=bpb,
        status=status,
        date=tidy(pull["merged_at"] or pull["created_at"], 32),
        source=f"title of pull request #{pull['number']}",
        read_at=read_at,
        author=tidy(pull["author"]),
        pr=pull["number"],
        url=tidy(pull["url"]),
    )


def _load_pages(path: Path) -> dict[str, Any]:
    """Pages of the last fetch by address; a broken file only costs the saved requests."""
    try:
        pages = json.loads(path.read_bytes())["pages"]
        return {url: page for url, page in pages.items() if _is_page(page)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _is_page(page: dict[str, Any]) -> bool:
    items = page["items"]
    known = isinstance(items, str) or all(
        set(item) == _PULL_FIELDS and isinstance(item["number"], int) for item in items
    )
    return known and bool(page["etag"]) and isinstance(page["etag"], str) and isinstance(page["next"], str)


_PULL_FIELDS = {"number", "title", "author", "state", "created_at", "merged_at", "url"}
