"""The leaderboard: pages, ETags, limits, errors; clones; what an audit flagged is no SOTA."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pgolf.audit.gitobjects import ObjectReader, find_git_dir
from pgolf.cli.main import cli, main
from pgolf.core.profile import load_profile
from pgolf.errors import DataError, UsageError
from pgolf.lab.leaderboard import github as github_module
from pgolf.lab.leaderboard.board import (
    BoardEntry,
    Leaderboard,
    carry_marks,
    load_board,
    mark_audited,
    read_audit_rows,
    save_board,
)
from pgolf.lab.leaderboard.clone import read_clone
from pgolf.lab.leaderboard.github import GitHub, fetch_board
from pgolf.lab.leaderboard.table import bpb_in_title, read_table
from pgolf.lab.preregistration import frontier_reference
from pgolf.lab.settings import load_workspace
from tests.lab.conftest import checked_document

PROFILE = load_profile()
RECORDS = PROFILE.leaderboard.records
README = f"""# The contest

## Other

| Run | Score |
|---|---|
| not this table | 0.5 |

## Leaderboard

| Run | Score | Author | Summary | Date | Info |
|-----|------:|--------|---------|------|------|
| Third | 1.0500 | c | On PR #30: more | 2026-04-20 | [info](https://github.com/o/r/pull/30), [x](https://e.org) |
| [Second](https://e.org) | **1.0600** | b | s | 2026-04-10 | [info]({RECORDS}/2026-04-10_Second/README.md) |
| broken | soon | b | s | 2026-04-10 | |
| First | 1.2000 | a | s \\| t | 2026-03-18 | [info]({RECORDS}/2026-03-18_First/README.md) |

text after it
| Not | 0.9 | in | the | table | |
"""


def pull(number: int, title: str, **more: Any) -> dict[str, Any]:
    """The shape of one item of GitHub's pulls endpoint, as far as it matters."""
    return {
        "number": number,
        "title": title,
        "state": "open",
        "user": {"login": f"user{number}"},
        "created_at": "2026-04-01T00:00:00Z",
        "merged_at": None,
        "html_url": f"https://github.com/o/r/pull/{number}",
        "head": {"sha": "0" * 40},
        **more,
    }


Route = Callable[["Server", BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]


class Server:
    """A local GitHub: `routes` answer by path with query; `seen` holds every request's path and headers."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                route = outer.routes.get(self.path)
                status, headers, body = route(outer, self) if route else (404, {}, b'{"message":"Not Found"}')
                self.send_response(status)
                headers.setdefault("Content-Length", str(len(body)))
                for key, value in headers.items():
                    self.send_header(key, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # a client that timed out has gone
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def page(self, path: str, body: bytes, etag: str = "", next_path: str = "") -> None:
        def route(server: Server, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
            headers = {"ETag": etag} if etag else {}
            if next_path:
                headers["Link"] = f'<{server.url}{next_path}>; rel="next", <{server.url}/x>; rel="last"'
            if etag and request.headers.get("If-None-Match") == etag:
                return 304, headers, b""
            return 200, headers, body

        self.routes[path] = route


BASE = f"/repos/{PROFILE.repository}"
FIRST = f"{BASE}/pulls?state=all&per_page=100&sort=created&direction=asc"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.page(f"{BASE}/readme", README.encode(), '"r1"')
    made.page(
        FIRST,
        json.dumps([pull(1, "Record: nice (val_bpb: 1.0421)"), pull(2, "Fix a typo")]).encode(),
        '"p1"',
        f"{FIRST}&page=2",
    )
    last = [
        pull(3, "1.04 bpb with 3 seeds", state="closed"),
        pull(30, "val_bpb 1.0500", merged_at="2026-04-20T00:00:00Z"),
    ]
    made.page(f"{FIRST}&page=2", json.dumps(last).encode(), '"p2"')
    yield made
    made.http.shutdown()
    made.http.server_close()


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def fetch(server: Server, folder: Path, clock: Clock | None = None, **environ: str) -> Leaderboard:
    clock = clock or Clock()
    client = GitHub(
        {"GITHUB_API_URL": server.url, **environ}, sleep=clock.sleep, clock=clock, timeout_seconds=5
    )
    try:
        return fetch_board(PROFILE, client, folder / "pages.json", "2026-05-01T00:00:00Z")
    finally:
        client.close()


def test_all_pages_and_the_readme_become_entries_with_source_and_time(server: Server, tmp_path: Path) -> None:
    board = fetch(server, tmp_path)
    assert [(e.bpb, e.status, e.pr) for e in board.accepted] == [
        (1.05, "accepted", 30),
        (1.06, "accepted", None),
        (1.2, "accepted", None),
    ]
    claims = [(1.04, "closed", 3), (1.0421, "open", 1), (1.05, "merged", 30)]
    assert [(e.bpb, e.status, e.pr) for e in board.claims] == claims
    assert board.sota is not None
    assert (board.sota.bpb, board.sota.source, board.sota.read_at) == (
        1.05,
        "README, line 13",
        "2026-05-01T00:00:00Z",
    )
    assert board.accepted[1].folder == f"{RECORDS}/2026-04-10_Second"
    assert any("line 15: no score" in note for note in board.notes)
    assert any("1 of 4 pull requests state no bits per byte" in note for note in board.notes)


def test_an_unchanged_page_is_asked_for_by_etag_and_answered_from_the_cache(
    server: Server, tmp_path: Path
) -> None:
    first = fetch(server, tmp_path)
    server.seen.clear()
    assert fetch(server, tmp_path) == first
    assert [headers.get("if-none-match") for _, headers in server.seen] == ['"r1"', '"p1"', '"p2"']
    (tmp_path / "pages.json").write_text("{broken")
    server.seen.clear()
    assert fetch(server, tmp_path) == first
    assert all("if-none-match" not in headers for _, headers in server.seen)


def test_the_token_goes_to_the_api_and_never_into_messages(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, GH_TOKEN="secret-token")
    assert {headers["authorization"] for _, headers in server.seen} == {"Bearer secret-token"}
    del server.routes[FIRST]
    with pytest.raises(UsageError) as error:
        fetch(server, tmp_path, GITHUB_TOKEN="secret-token")
    assert "secret" not in str(error.value)
    with pytest.raises(UsageError, match="characters that no token has"):
        fetch(server, tmp_path, GITHUB_TOKEN="two\nlines")


def test_a_next_page_on_another_host_is_not_followed(server: Server, tmp_path: Path) -> None:
    server.routes[FIRST] = lambda *_: (200, {"Link": '<http://evil.example/x>; rel="next"'}, b"[]")
    with pytest.raises(UsageError, match="another host"):
        fetch(server, tmp_path, GITHUB_TOKEN="t")


def test_pages_in_a_circle_end(server: Server, tmp_path: Path) -> None:
    server.page(FIRST, b"[]", "", FIRST)
    with pytest.raises(UsageError, match="circle"):
        fetch(server, tmp_path)


def limited(status: int, headers: dict[str, str], times: int = 10**9) -> Route:
    left = [times]

    def route(server: Server, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        left[0] -= 1
        return (status, dict(headers), b"{}") if left[0] >= 0 else (200, {}, b"[]")

    return route


@pytest.mark.parametrize("status", [403, 429])
def test_a_far_rate_limit_says_when_it_ends(server: Server, tmp_path: Path, status: int) -> None:
    clock = Clock()
    reset = str(int(clock.now) + 1800)
    server.routes[FIRST] = limited(status, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset})
    with pytest.raises(UsageError) as error:
        fetch(server, tmp_path, clock)
    when = time.strftime("%H:%M:%S UTC", time.gmtime(int(reset) + 1))
    assert f"rate limit reached (HTTP {status}), free again at {when}" in str(error.value)
    assert "GITHUB_TOKEN raises the limit" in str(error.value)
    assert clock.slept == []


def test_a_near_rate_limit_is_waited_for(server: Server, tmp_path: Path) -> None:
    clock = Clock()
    server.routes[FIRST] = limited(429, {"Retry-After": "7"}, times=1)
    assert fetch(server, tmp_path, clock).accepted
    assert 7.0 in clock.slept


def test_server_errors_are_retried_with_growing_pauses_then_told(server: Server, tmp_path: Path) -> None:
    clock = Clock()
    server.routes[FIRST] = limited(502, {}, times=2)
    assert fetch(server, tmp_path, clock).accepted
    assert clock.slept == [1.0, 2.0]
    server.routes[FIRST] = limited(503, {})
    with pytest.raises(UsageError, match=r"HTTP 503, 4 times; the old leaderboard is kept.*--from-git"):
        fetch(server, tmp_path)


def slow(server: Server, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
    time.sleep(0.4)
    return 200, {}, b"[]"


BAD_ANSWERS: dict[str, tuple[Route, str]] = {
    "garbage": (lambda *_: (200, {}, b"<html>"), "not JSON"),
    "cut JSON": (lambda *_: (200, {}, b'[{"number": 1'), "not JSON"),
    "deep JSON": (lambda *_: (200, {}, b"[" * 200_000), "not JSON"),
    "an object": (lambda *_: (200, {}, b'{"message": "hi"}'), "a list of pull requests was expected"),
    "no numbers": (lambda *_: (200, {}, b'[{"title": "x"}]'), "no pull request"),
    "null items": (lambda *_: (200, {}, b"[null]"), "no pull request"),
    "truncated body": (lambda *_: (200, {"Content-Length": "5000"}, b"[]"), "4 times"),
    "broken gzip": (lambda *_: (200, {"Content-Encoding": "gzip"}, b"[]"), "4 times"),
    "401": (lambda *_: (401, {}, b"{}"), "token"),
    "403": (lambda *_: (403, {}, b"{}"), "access is denied"),
    "404": (lambda *_: (404, {}, b"{}"), "no such repository"),
    "418": (lambda *_: (418, {}, b"{}"), "HTTP 418"),
    "redirect circle": (lambda *_: (302, {"Location": FIRST}, b""), "circles"),
    "too slow": (slow, "no answer in time"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_every_bad_answer_is_one_sentence_and_the_old_cache_stays(
    server: Server,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pgolf.toml").write_text("[pgolf]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_API_URL", server.url)
    fast = {"sleep": lambda _: None, "clock": time.time, "timeout_seconds": 0.2}
    monkeypatch.setattr(GitHub.__init__, "__kwdefaults__", fast)
    assert main(["leaderboard", "fetch"]) == 0
    kept = (tmp_path / "state" / "leaderboard.json").read_bytes()
    route, words = BAD_ANSWERS[name]
    server.routes[FIRST] = route
    capsys.readouterr()
    assert main(["leaderboard", "fetch"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
    assert (tmp_path / "state" / "leaderboard.json").read_bytes() == kept


def test_a_body_without_end_is_cut(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_module, "MAXIMUM_BODY_BYTES", 10_000)
    server.routes[FIRST] = lambda *_: (200, {}, b" " * 50_000)
    with pytest.raises(UsageError, match="more than 10000 bytes"):
        fetch(server, tmp_path)


def test_nobody_listening_is_one_sentence(tmp_path: Path) -> None:
    client = GitHub({"GITHUB_API_URL": "http://127.0.0.1:9"}, sleep=lambda _: None)
    with pytest.raises(UsageError, match="4 times"):
        client.get("http://127.0.0.1:9/x")
    with pytest.raises(UsageError, match="no http address"):
        GitHub({"GITHUB_API_URL": "file:///etc/passwd"})


@pytest.mark.parametrize(
    ("title", "bpb"),
    [
        ("Record: val_bpb: 1.0810 (3-seed mean)", 1.081),
        ("Record 1.12 bpb, was 1.3", 1.12),
        ("1.1307 by XSA", 1.1307),
        ("SP8192 v2.0 lr 0.02", None),
        ("1.1307 against 1.1428", None),
        ("Python 3.11.2", None),
        ("bpb 99.5", None),
        ("", None),
    ],
)
def test_a_title_claims_the_number_beside_bpb_or_nothing(title: str, bpb: float | None) -> None:
    assert bpb_in_title(title) == bpb


@given(st.text(max_size=300), st.text(max_size=2000))
def test_any_text_is_read_without_a_crash(title: str, readme: str) -> None:
    bpb_in_title(title)
    read_table(readme, "Leaderboard", "README", "", "records")
    read_table("# Leaderboard\n|Run|Score|\n" + readme, "Leaderboard", "README", "", "records")


@pytest.mark.parametrize(
    "readme", ["", "# Leaderboard", "# Leaderboard\n# Next\n|Run|Score|", "# Leaderboard\n|a|b|\n|1|2|"]
)
def test_a_readme_without_the_table_is_a_note_not_an_empty_success(readme: str) -> None:
    reading = read_table(readme, "Leaderboard", "README", "", "records")
    assert reading.entries == ()
    assert len(reading.notes) == 1


def board_of(*entries: BoardEntry) -> Leaderboard:
    return Leaderboard("o/r", "test", "2026-05-01T00:00:00Z", entries)


def accepted(bpb: float, date: str, **more: Any) -> BoardEntry:
    return BoardEntry(f"record {bpb}", bpb, "accepted", date, "README", "2026-05-01T00:00:00Z", **more)


def test_a_flagged_record_is_shown_as_such_and_is_not_sota() -> None:
    board = board_of(
        accepted(1.01, "2026-04-20", pr=7, folder="records/a/x"),
        accepted(1.05, "2026-04-10", pr=7),
        accepted(1.06, "2026-04-01", folder="records/a/y"),
    )
    rows = [
        {"pr": None, "folder": "records/a/x", "verdict": "FLAGGED", "corrected_bpb": 1.19},
        {"pr": None, "folder": "elsewhere/x", "verdict": "VERIFIED"},
        {"pr": None, "folder": "records/a/y", "verdict": "VERIFIED", "corrected_bpb": None},
        {"pr": 7, "folder": "other", "verdict": "UNVERIFIED", "reported_bpb": 1.0502},
        {"pr": 7, "folder": "another", "verdict": "FLAGGED", "reported_bpb": 1.3},
    ]
    marked = mark_audited(board, rows, "rows.jsonl")
    assert [entry.audit for entry in marked.accepted] == ["FLAGGED", "UNVERIFIED", "VERIFIED"]
    assert marked.accepted[0].corrected_bpb == 1.19
    assert marked.sota is not None
    assert marked.sota.bpb == 1.05
    assert [entry.bpb for entry in marked.frontier()] == [1.06, 1.05]


def test_another_folder_of_the_same_pull_request_flags_nobody() -> None:
    board = board_of(
        accepted(1.01, "2026-04-20", pr=7, folder="records/a/mine"), accepted(1.02, "2026-04-21", pr=7)
    )
    rows = [
        {"pr": 7, "folder": "records/a/other", "verdict": "FLAGGED", "reported_bpb": 1.4},
        {"pr": 7, "folder": "records/a/third", "verdict": "VERIFIED", "reported_bpb": 1.5},
    ]
    assert [entry.audit for entry in mark_audited(board, rows, "rows").accepted] == ["", ""]


def test_a_new_fetch_keeps_what_was_flagged() -> None:
    fresh = board_of(accepted(1.01, "2026-04-20", pr=7), accepted(1.05, "2026-04-10", pr=8))
    old = mark_audited(fresh, [{"pr": 7, "verdict": "FLAGGED", "corrected_bpb": 1.2}], "rows")
    kept = carry_marks(old, fresh)
    assert kept == old
    assert kept.sota is not None
    assert kept.sota.pr == 8
    changed = board_of(accepted(1.02, "2026-04-20", pr=7))
    assert carry_marks(old, changed) == changed, "another value is not what was audited"
    assert carry_marks(None, fresh) == fresh


def test_hidden_characters_of_a_title_are_made_visible(server: Server, tmp_path: Path) -> None:
    title = "val_bpb 1.01 \u202egnp.exe \x1b[31mred\nnext"
    server.page(FIRST, json.dumps([pull(1, title)]).encode())
    (claim,) = fetch(server, tmp_path).claims
    assert claim.name == "val_bpb 1.01 \\u{202e}gnp.exe \\u{001b}[31mred next"


def test_the_frontier_only_falls_and_skips_what_has_no_date() -> None:
    board = board_of(
        accepted(1.3, "2026-03-01"),
        accepted(1.1, "2026-03-03"),
        accepted(1.2, "2026-03-02"),
        accepted(1.15, "2026-03-04"),
        accepted(1.0, ""),
        accepted(1.05, "2026-03-05"),
        accepted(1.07, "2026-03-05"),
    )
    assert [entry.bpb for entry in board.frontier()] == [1.3, 1.2, 1.1, 1.07, 1.05]


def test_a_claim_is_never_sota() -> None:
    claim = BoardEntry("x", 0.5, "open", "", "title", "")
    assert board_of(claim).sota is None


WRONG_VALUE = {
    "board_version": 1,
    "repository": "r",
    "source": "s",
    "read_at": "",
    "entries": [{"name": "x", "bpb": "low", "status": "open", "date": "", "source": "", "read_at": ""}],
}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "nul", '{"board_version": 99}', "[" * 100_000, json.dumps(WRONG_VALUE)]
)
def test_a_broken_cache_says_how_to_mend_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "leaderboard.json"
    path.write_text(content)
    with pytest.raises(DataError, match="pgolf leaderboard fetch"):
        load_board(path)


def test_saving_and_loading_keeps_every_value(tmp_path: Path) -> None:
    board = board_of(accepted(1.05, "2026-04-01", seeds_bpb=(1.04, 1.06), val_loss_nats=2.7, pr=3))
    save_board(tmp_path / "state" / "l.json", board)
    assert load_board(tmp_path / "state" / "l.json") == board
    assert os.listdir(tmp_path / "state") == ["l.json"]


def test_a_cache_that_cannot_be_written_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.json"
    save_board(path, board_of(accepted(1.05, "2026-04-01")))
    kept = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pgolf.lab.leaderboard.board.os.fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        save_board(path, board_of())
    assert path.read_bytes() == kept
    assert os.listdir(tmp_path) == ["l.json"]


@pytest.mark.parametrize(("content", "line"), [("{}\n", 1), ('{"verdict":"FLAGGED"}\nx\n', 2), ("[1]\n", 1)])
def test_a_row_file_that_is_none_names_its_line(tmp_path: Path, content: str, line: int) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=f"line {line}: not a row"):
        read_audit_rows(path)


def git(folder: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.strip()


def write_record(folder: Path, name: str, **stated: Any) -> None:
    record = folder / RECORDS / name
    record.mkdir(parents=True)
    (record / "submission.json").write_text(json.dumps(stated))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "README.md").write_text(README)
    seeds = {str(s): {"val_bpb": v} for s, v in ((1, 1.0598), (2, 1.06), (3, 1.0602))}
    write_record(folder, "2026-04-10_Second", val_bpb=1.06, val_loss=2.75, seed_results=seeds)
    write_record(folder, "2026-04-20_Third", val_bpb=1.05001, seeds=[1, 2])
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "records")
    for number, stated in ((41, {"val_bpb": 1.01}), (42, {"val_bpb": "low"}), (43, {"val_bpb": 400.0})):
        git(folder, "checkout", "-q", "--detach", "main")
        write_record(folder, f"2026-05-01_New{number}", **stated)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "claim")
        git(folder, "update-ref", f"refs/pull/{number}/head", "HEAD")
    git(folder, "checkout", "-q", "main")
    return folder


def read(folder: Path) -> Leaderboard:
    with ObjectReader(find_git_dir(folder)) as objects:
        return read_clone(PROFILE, objects, str(folder), "2026-05-01T00:00:00Z")


def test_a_clone_gives_the_table_with_seeds_and_the_heads_claims(clone: Path) -> None:
    board = read(clone)
    assert [(e.bpb, e.pr, e.seeds_bpb) for e in board.accepted] == [
        (1.05, 30, ()),
        (1.06, None, (1.0598, 1.06, 1.0602)),
        (1.2, None, ()),
    ]
    assert board.accepted[0].folder == f"{RECORDS}/2026-04-20_Third", "the only folder that states 1.0500"
    assert [(e.bpb, e.pr, e.status) for e in board.claims] == [(1.01, 41, "unknown")]
    assert "submission.json (val_bpb)" in board.claims[0].source


def test_a_head_that_cannot_be_read_is_a_note(clone: Path) -> None:
    blob = git(clone, "hash-object", "-w", "README.md")
    (clone / ".git" / "refs" / "pull" / "44").mkdir(parents=True)
    (clone / ".git" / "refs" / "pull" / "44" / "head").write_text(blob + "\n")
    board = read(clone)
    assert [e.pr for e in board.claims] == [41]
    assert any("1 of 4 pull-request heads could not be read (#44)" in note for note in board.notes)


def test_what_is_no_clone_or_no_commit_is_one_sentence(tmp_path: Path, clone: Path) -> None:
    with pytest.raises(UsageError):
        read(tmp_path / "nowhere")
    with ObjectReader(find_git_dir(clone)) as objects, pytest.raises(DataError, match="no commit 'nope'"):
        read_clone(PROFILE, objects, "clone", "", "nope")
    git(clone, "rm", "-q", "README.md")
    git(clone, "commit", "-q", "-m", "no readme")
    with pytest.raises(DataError, match=r"no README\.md"):
        read(clone)


def test_from_git_to_current_and_the_frontier_reference(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pgolf.toml").write_text("[pgolf]\n")
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    workspace = load_workspace(tmp_path, {})
    assert frontier_reference(workspace).values_bpb == (PROFILE.validation.merged_sota_bpb,)
    assert main(["leaderboard", "current"]) == 2, "nothing fetched yet"
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"pr": 30, "folder": "", "verdict": "FLAGGED", "corrected_bpb": 1.2}) + "\n")
    done = runner.invoke(cli, ["leaderboard", "fetch", "--from-git", str(clone), "--audit-rows", str(rows)])
    assert "SOTA 1.06 bpb" in done.output
    assert "FLAGGED -> 1.2000" in done.output
    reference = frontier_reference(workspace)
    assert (reference.kind, reference.values_bpb) == ("seeds", (1.0598, 1.06, 1.0602))
    history = runner.invoke(cli, ["leaderboard", "current", "--history"])
    assert "2 steps" in history.output
    assert "left out, flagged by rows.jsonl" in history.output
    said = runner.invoke(cli, ["leaderboard", "current", "--history", "--json"]).output
    body = checked_document(said, "lab_leaderboard")
    assert (body["kind"], body["sota"]["bpb"], len(body["frontier"])) == ("lab_leaderboard", 1.06, 2)
