"""`pgolf fetch-data` against a local server: broken transfers, wrong content, resumption, hostile answers."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pgolf.cli.main import main
from pgolf.core.profile import DataFile, Profile, TokenizerFacts, load_profile
from pgolf.errors import DataError, UsageError
from pgolf.tokens.download import Downloaded, Downloader, Wanted
from pgolf.tokens.shard import shard_bytes
from pgolf.tokens.validation_data import address, fetch_split, files_of, read_checksums
from tests.conftest import ROOT

MODEL = (ROOT / "examples" / "tokenizer.model").read_bytes()
SHARD = (ROOT / "examples" / "val" / "example_val_000000.bin").read_bytes()
BODY = bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()


@dataclass
class Site:
    """What the server has, how it misbehaves, and what it was asked."""

    base: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"one"'
    ranges: bool = True
    break_after: list[int | None] = field(default_factory=list)
    """Bytes of the body after which each next answer breaks off; None: it does not."""
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    without_length: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(path, Range) of each request."""


class Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        wanted = self.headers.get("Range", "")
        site.asked.append((self.path, wanted))
        if site.statuses and (status := site.statuses.pop(0)) != 200:
            self.send_error(status)
            return
        if self.path == "/circle":
            self.send_response(302)
            self.send_header("Location", "/circle")
            self.end_headers()
            return
        body = site.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = 0
        if wanted and site.ranges and self.headers.get("If-Range", site.etag) == site.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        if not site.without_length:
            self.send_header("Content-Length", str(len(body) - start))
        if site.etag:
            self.send_header("ETag", site.etag)
        for name, value in site.headers.items():
            self.send_header(name, value)
        self.end_headers()
        stop = site.break_after.pop(0) if site.break_after else None
        self.wfile.write(body[start:] if stop is None else body[start : start + stop])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site(files={"/file.bin": BODY})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"site": state}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.base = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def downloader() -> Iterator[Downloader]:
    client = Downloader(sleep=lambda seconds: None, timeout_seconds=5)
    yield client
    client.close()


def get(site: Site, downloader: Downloader, target: Path, **known: object) -> Downloaded:
    return downloader.download(Wanted(f"{site.base}/file.bin", target, **known))  # type: ignore[arg-type]


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_under_its_name_and_nothing_else_is_left(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    told: list[tuple[int, int | None]] = []
    wanted = Wanted(f"{site.base}/file.bin", tmp_path / "deep" / "file.bin", len(BODY), SHA)
    found = downloader.download(wanted, lambda done, total: told.append((done, total)))
    assert (found.size_bytes, found.sha256, found.present) == (len(BODY), SHA, False)
    assert found.path.read_bytes() == BODY
    assert left(tmp_path / "deep") == ["file.bin"]
    assert told[0] == (0, len(BODY))
    assert told[-1] == (len(BODY), len(BODY))


def test_a_broken_transfer_goes_on_where_it_broke(site: Site, downloader: Downloader, tmp_path: Path) -> None:
    site.break_after = [300_000, 200_000, None]
    assert get(site, downloader, tmp_path / "f").sha256 == SHA
    assert (tmp_path / "f").read_bytes() == BODY
    assert [asked for _, asked in site.asked] == ["", "bytes=300000-", "bytes=500000-"]


def test_a_later_call_goes_on_after_a_server_that_stayed_away(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    site.break_after, site.statuses = [123_456], [200, *([503] * 20)]
    with pytest.raises(UsageError, match=r"HTTP 503; 123,456 bytes are kept"):
        get(site, downloader, tmp_path / "f", sha256=SHA)
    assert left(tmp_path) == ["f.part", "f.part.json"]
    site.statuses.clear()
    found = get(site, downloader, tmp_path / "f", sha256=SHA)
    assert found.resumed_from == 123_456
    assert (tmp_path / "f").read_bytes() == BODY
    assert site.asked[-1] == ("/file.bin", "bytes=123456-")
    assert left(tmp_path) == ["f"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    site.break_after, site.statuses = [100_000], [200, *([503] * 20)]
    with pytest.raises(UsageError, match="HTTP 503"):
        get(site, downloader, tmp_path / "f")
    other = BODY[::-1]
    site.files["/file.bin"], site.etag = other, '"two"'
    site.statuses.clear()
    get(site, downloader, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == other


@pytest.mark.parametrize("ranges", [True, False])
def test_without_a_mark_nor_a_hash_nothing_is_resumed(
    ranges: bool, site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    site.etag, site.ranges, site.break_after = "", ranges, [100_000, None]
    get(site, downloader, tmp_path / "f")
    assert [asked for _, asked in site.asked] == ["", ""]
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_server_without_ranges_is_asked_from_the_start(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    site.ranges, site.break_after = False, [100_000, None]
    get(site, downloader, tmp_path / "f", sha256=SHA)
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_transfer_that_always_breaks_at_the_start_ends_with_a_sentence(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    site.break_after = [0] * 100
    with pytest.raises(UsageError, match="nothing has arrived"):
        get(site, downloader, tmp_path / "f")
    assert len(site.asked) == 5
    assert left(tmp_path) == []


def test_a_part_of_another_file_is_noticed_by_the_hash_and_fetched_anew(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    (tmp_path / "f.part").write_bytes(b"something else")
    found = get(site, downloader, tmp_path / "f", sha256=SHA)
    assert found.resumed_from == 0
    assert (tmp_path / "f").read_bytes() == BODY
    assert [asked for _, asked in site.asked] == ["bytes=14-", ""]


def test_a_complete_part_needs_no_byte_more(site: Site, downloader: Downloader, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(BODY)
    assert get(site, downloader, tmp_path / "f", sha256=SHA).sha256 == SHA
    (tmp_path / "g.part").write_bytes(BODY + b"more")
    assert get(site, downloader, tmp_path / "g", sha256=SHA).sha256 == SHA


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"sha256": "0" * 64}, f"its SHA-256 is {SHA}, expected {'0' * 64}; it was not kept"),
        ({"size_bytes": len(BODY) - 1}, "the server has 1,024,000 bytes, expected 1,023,999"),
        ({"size_bytes": len(BODY) + 1}, "the server has 1,024,000 bytes, expected 1,024,001"),
    ],
)
def test_wrong_content_never_stands_under_the_name(
    known: dict[str, object], said: str, site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as error:
        get(site, downloader, tmp_path / "f", **known)
    assert said in str(error.value)
    assert left(tmp_path) == []


def test_a_body_longer_than_expected_is_cut_off(site: Site, downloader: Downloader, tmp_path: Path) -> None:
    site.without_length = True
    with pytest.raises(DataError, match="more than the 1,000 bytes expected"):
        get(site, downloader, tmp_path / "f", size_bytes=1000)
    assert left(tmp_path) == []


def test_a_body_that_ends_early_without_a_stated_length_is_resumed(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    site.without_length, site.break_after = True, [400_000, None]
    get(site, downloader, tmp_path / "f", size_bytes=len(BODY))
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_compressed_transfer_is_refused(site: Site, downloader: Downloader, tmp_path: Path) -> None:
    site.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(UsageError, match="sent as gzip"):
        get(site, downloader, tmp_path / "f")


def test_what_check_refuses_is_not_kept(site: Site, downloader: Downloader, tmp_path: Path) -> None:
    from pgolf.tokens.shard import read_header

    with pytest.raises(DataError, match="magic number"):
        get(site, downloader, tmp_path / "f", check=read_header)
    assert left(tmp_path) == []


def test_a_file_in_place_is_not_fetched_again_and_a_wrong_one_is_not_overwritten(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(BODY)
    assert get(site, downloader, tmp_path / "f", sha256=SHA).present
    (tmp_path / "f").write_bytes(b"mine")
    with pytest.raises(DataError, match="move it away"):
        get(site, downloader, tmp_path / "f", sha256=SHA)
    assert (tmp_path / "f").read_bytes() == b"mine"
    assert site.asked == []
    (tmp_path / "d").mkdir()
    with pytest.raises(UsageError, match="in the way"):
        get(site, downloader, tmp_path / "d")


def test_two_processes_do_not_write_one_part(site: Site, downloader: Downloader, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "f.part").open("a+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another process"):
            get(site, downloader, tmp_path / "f")
    assert get(site, downloader, tmp_path / "f").sha256 == SHA


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("{base}/nothing", "HTTP 404"),
        ("{base}/circle", "redirected in circles"),
        ("http://127.0.0.1:1/x", "refused"),
        ("ftp://127.0.0.1/x", "not an http address"),
    ],
)
def test_an_address_that_gives_nothing_is_one_sentence(
    url: str, said: str, site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        downloader.download(Wanted(url.format(base=site.base), tmp_path / "f"))
    assert left(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(
    site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot be written"):
        get(site, downloader, tmp_path / "file" / "f")


# --- the split as a whole -------------------------------------------------------------------------------------------


def example_profile() -> Profile:
    """A contest whose validation split is the first example shard."""
    profile = load_profile()
    tokens = (len(SHARD) - 1024) // 2
    facts = TokenizerFacts("small", 1024, 2.8, stored_tokens=tokens)
    files = (
        DataFile("small", "datasets/small/val_0.bin", "validation", len(SHARD)),
        DataFile("small", "tokenizers/small.model", "tokenizer"),
    )
    from pgolf.tokens.manifest import read_manifest
    from pgolf.tokens.sentencepiece_model import read_model

    scored = read_manifest(
        str(ROOT / "examples" / "val" / "example_val_000000.bin"), read_model(MODEL, "m")
    ).scored
    assert scored is not None
    validation = replace(profile.validation, tokenizers=(facts,), bytes=scored.canonical_bytes)
    return replace(profile, validation=validation, data_files=files)


@pytest.fixture
def contest(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    site.files = {"/root/datasets/small/val_0.bin": SHARD, "/root/tokenizers/small.model": MODEL}
    profile = example_profile()
    monkeypatch.setattr("pgolf.core.profile.load_profile", lambda: profile)
    return site


def test_the_command_fetches_verifies_and_fetches_nothing_twice(
    contest: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOLF_DATA_URL", f"{contest.base}/root/")
    arguments = ["fetch-data", "--variant", "small", "--to", str(tmp_path / "data")]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verified"] is True
    assert [file["sha256"] for file in document["files"]] == [
        hashlib.sha256(SHARD).hexdigest(),
        hashlib.sha256(MODEL).hexdigest(),
    ]
    assert (tmp_path / "data" / "datasets" / "small" / "val_0.bin").read_bytes() == SHARD
    asked = len(contest.asked)
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert text.count("already there") == 2
    assert "the full small validation split" in text
    assert len(contest.asked) == asked


def test_another_split_of_the_same_size_is_told_from_the_known_one(
    contest: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contest.files["/root/datasets/small/val_0.bin"] = shard_bytes([5] * ((len(SHARD) - 1024) // 2))
    arguments = [
        "fetch-data",
        "--variant",
        "small",
        "--to",
        str(tmp_path),
        "--base-url",
        f"{contest.base}/root",
    ]
    assert main(arguments) == 1
    assert "NOT VERIFIED" in capsys.readouterr().out


@pytest.mark.parametrize("page", [b"<html>sign in</html>", b""])
def test_a_web_page_instead_of_the_tokenizer_is_not_kept(
    page: bytes, contest: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contest.files["/root/tokenizers/small.model"] = page
    arguments = [
        "fetch-data",
        "--variant",
        "small",
        "--to",
        str(tmp_path),
        "--base-url",
        f"{contest.base}/root",
    ]
    assert main(arguments) == 2
    assert "it was not kept" in capsys.readouterr().err
    assert list((tmp_path / "tokenizers").iterdir()) == []


def test_given_checksums_decide(contest: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sums = tmp_path / "SHA256SUMS"
    good = hashlib.sha256(SHARD).hexdigest()
    arguments = ["fetch-data", "--variant", "small", "--to", str(tmp_path / "d"), "--base-url"]
    arguments += [f"{contest.base}/root", "--checksums", str(sums)]
    sums.write_text(f"{'0' * 64}  datasets/small/val_0.bin\n")
    assert main(arguments) == 2
    assert good in capsys.readouterr().err
    sums.write_text(
        f"{good}  ./datasets/small/val_0.bin\n\n{hashlib.sha256(MODEL).hexdigest()} *small.model\n"
    )
    assert main(arguments) == 0
    sums.write_text(f"{good}  another.bin\n")
    assert main(arguments) == 2
    assert "no file of variant small" in capsys.readouterr().err
    sums.write_text("hello\n")
    assert main(arguments) == 2
    assert ":1: not a line of sha256sum" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--base-url or set PGOLF_DATA_URL"),
        (["--variant", "sp9999"], "it has: sp8192"),
        (["--base-url", "nowhere"], "not an http address"),
        (["--base-url", "http://h/?q=1"], "not an http address"),
        (["--base-url", "http://[bad"], "not an http address"),
        (["--base-url", "http://127.0.0.1:1", "--checksums", "absent"], "no such file"),
    ],
)
def test_unusable_arguments_are_one_sentence(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PGOLF_DATA_URL", raising=False)
    assert main(["fetch-data", "--to", str(tmp_path), *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("path", ["../out.bin", "/out.bin", ""])
def test_a_profile_cannot_name_a_file_outside_the_folder(
    path: str, site: Site, downloader: Downloader, tmp_path: Path
) -> None:
    profile = replace(example_profile(), data_files=(DataFile("small", path, "validation"),))
    with pytest.raises(UsageError, match="no path below a folder"):
        fetch_split(profile, "small", site.base, tmp_path, downloader)


def test_the_shipped_table_fits_the_known_split_and_names_no_host() -> None:
    profile = load_profile()
    facts = next(t for t in profile.validation.tokenizers if t.key == "sp8192")
    files = files_of(profile, "sp8192")
    assert facts.stored_tokens is not None
    assert {file.role: file.size_bytes for file in files} == {
        "validation": 1024 + 2 * facts.stored_tokens,
        "tokenizer": None,
    }
    assert not any("//" in file.path for file in files)
    assert address("https://example.org/a/", "b c/d") == "https://example.org/a/b%20c/d"


def test_checksums_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "sums").write_bytes(b"a" * (2 << 20))
    with pytest.raises(UsageError):
        read_checksums(tmp_path / "sums")


def test_a_terminal_gets_a_bar_and_a_resumed_file_says_so(
    contest: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    (tmp_path / "tokenizers").mkdir()
    (tmp_path / "tokenizers" / "small.model.part").write_bytes(MODEL[:5000])
    sums = tmp_path / "sums"
    sums.write_text(f"{hashlib.sha256(MODEL).hexdigest()}  small.model\n")
    arguments = [
        "fetch-data",
        "--variant",
        "small",
        "--to",
        str(tmp_path),
        "--base-url",
        f"{contest.base}/root",
    ]
    assert main([*arguments, "--checksums", str(sums)]) == 0
    captured = capsys.readouterr()
    assert "fetched, from byte 5,000 on" in captured.out
    assert "small.model" in captured.err
    assert contest.asked[-1] == ("/root/tokenizers/small.model", "bytes=5000-")


def test_a_note_that_is_no_note_is_not_relied_on(site: Site, downloader: Downloader, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"x" * 10)
    for note in (b"[", b"{}", b'{"url": 1, "mark": 2}', b"[1]", b"[" * 9000):
        (tmp_path / "f.part.json").write_bytes(note)
        site.asked.clear()
        get(site, downloader, tmp_path / "f")
        assert [asked for _, asked in site.asked] == [""]
        assert (tmp_path / "f").read_bytes() == BODY
        (tmp_path / "f").unlink()
        (tmp_path / "f.part").write_bytes(b"x" * 10)


def test_an_answer_that_begins_elsewhere_is_refused(
    site: Site, downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pgolf.tokens.download._content_range", lambda response: (7, len(BODY)))
    (tmp_path / "f.part").write_bytes(BODY[:10])
    with pytest.raises(UsageError, match="asked for bytes from 10, the answer begins at 7"):
        get(site, downloader, tmp_path / "f", sha256=SHA)
    assert (tmp_path / "f.part").read_bytes() == BODY[:10]
