"""The cache: what was put comes back, whatever happens to writers; what is damaged is not used."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from pathlib import Path

from pgolf.audit.cache import ResultCache, code_version, result_key


def _write_many(path: Path, start: int, count: int) -> None:
    with ResultCache(path) as cache:
        for number in range(start, start + count):
            cache.put(f"k:{number}", {"n": number})


def _write_until_killed(path: Path) -> None:
    with ResultCache(path) as cache:
        for number in range(10_000_000):
            cache.put(f"k:{number}", {"n": number})
            if number == 50:
                os.kill(os.getpid(), signal.SIGKILL)


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(path, start, 120)) for start in (0, 60, 180)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with ResultCache(path) as cache:
        assert all(cache.get(f"k:{n}") == {"n": n} for n in range(300))
        assert cache.get("k:300") is None


def test_what_a_killed_writer_had_put_is_there(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    writer = multiprocessing.get_context("spawn").Process(target=_write_until_killed, args=(path,))
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    with ResultCache(path) as cache:
        assert all(cache.get(f"k:{n}") == {"n": n} for n in range(51))
        cache.put("k:new", 1)
        assert cache.get("k:new") == 1


def test_a_damaged_row_is_not_used_is_counted_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with ResultCache(path) as cache:
        cache.put("k", [1, 2, 3])
    connection = sqlite3.connect(path)
    connection.execute("UPDATE result SET payload = X'00112233'")
    connection.commit()
    connection.close()
    with ResultCache(path) as cache:
        assert cache.get("k") is None
        assert cache.damaged == 1
        cache.put("k", [4])
        assert cache.get("k") == [4]


def test_the_first_writer_of_a_key_wins(tmp_path: Path) -> None:
    with ResultCache(tmp_path / "c.sqlite") as cache:
        cache.put("k", "first")
        cache.put("k", "second")
        assert cache.get("k") == "first"


def test_a_file_that_is_no_database_is_kept_aside_and_said(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(b"not a database at all" * 400)
    with ResultCache(path) as cache:
        assert "damaged" in cache.problem
        cache.put("k", 1)
        assert cache.get("k") == 1
    assert len(list(tmp_path.glob("c.sqlite.damaged-*"))) == 1


def test_a_place_that_cannot_be_written_costs_the_cache_and_not_the_run(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with ResultCache(blocked / "c.sqlite") as cache:
        assert "cannot be used" in cache.problem
        cache.put("k", 1)
        assert cache.get("k") == 1


def test_keys_depend_on_kind_parts_and_their_borders() -> None:
    keys = {result_key("a", "b", "c"), result_key("a", "bc", ""), result_key("ab", "c"), result_key("a", "b")}
    assert len(keys) == 4
    assert len(code_version()) == 24
