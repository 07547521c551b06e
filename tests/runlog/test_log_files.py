"""Logs as machines leave them: encodings, progress bars, echoed source, several runs, crashes, hostile bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.errors import DataError, UsageError
from pgolf.runlog import parse_log
from pgolf.runlog.limits import LogLimits
from pgolf.runlog.log_files import read_log_file, read_statement_file
from pgolf.runlog.metrics import Ending

FINAL = "final_exact val_loss:2.07269931 val_bpb:1.22756370"
TEXT = f"seed:7\nstep:1/2 train_loss:3.0 train_time:1000ms step_avg:5.00ms\n{FINAL}\n"
LISTING = "import os\nimport sys\nfrom math import log\n" + "".join(
    f"def part_{i}(x):\n    if x:\n        val_bpb = {i}.5\n    return x\n\n" for i in range(12)
)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("final_exact", "\x1b[1;32mfinal_exact\x1b[0m").encode(),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16-le", "utf-16-be", "crlf", "cr", "colour"],
)
def test_every_encoding_gives_the_same_score(data: bytes) -> None:
    metrics = parse_log(data)
    assert metrics.score is not None
    reading = metrics.score.reading
    assert (reading.line, reading.label, reading.val_bpb.value) == (3, "final_exact", 1.2275637)
    assert metrics.run.seed == 7


def test_a_progress_bar_before_the_result_on_its_line_is_no_obstacle() -> None:
    metrics = parse_log(f"eval: 10%\reval: 90%\r{FINAL}\n".encode())
    assert metrics.score is not None
    assert metrics.score.reading.label == "final_exact"


def test_an_echoed_script_is_skipped_and_line_numbers_stay() -> None:
    data = f"{LISTING}{'=' * 100}\n{FINAL}\n".encode()
    metrics = parse_log(data)
    assert [r.label for r in metrics.readings] == ["final_exact"]
    assert metrics.readings[0].line == data.count(b"\n")
    assert metrics.source_lines > 40


def test_results_between_two_echoed_scripts_are_read() -> None:
    run = f"{LISTING}{'=' * 100}\nstep:1/2 train_loss:3.0\n{FINAL}\n"
    metrics = parse_log((run + run.replace("1.2275", "1.1111")).encode())
    assert [r.val_bpb.value for r in metrics.finals] == [1.2275637, 1.1111637]


def test_the_last_of_several_runs_is_the_one_whose_facts_are_told() -> None:
    run = "train_loader:dataset:x train_shards:{0}\nseed:{0}\nstep:1/2 train_loss:3.0\nfinal_exact val_loss:2.0 val_bpb:1.{0}\n"
    metrics = parse_log((run.format(11) + run.format(22)).encode())
    assert (metrics.run.runs, metrics.run.seed, metrics.run.seeds, metrics.run.train_shards) == (
        2,
        22,
        (11, 22),
        22,
    )
    assert metrics.score is not None
    assert metrics.score.reading.val_bpb.value == 1.22


@pytest.mark.parametrize(
    ("tail", "ending", "reason"),
    [
        (FINAL, Ending.COMPLETE, "a final evaluation is printed"),
        ("", Ending.TRUNCATED, "no final evaluation"),
        (
            "Traceback (most recent call last):\n  File x\nValueError: no shard",
            Ending.CRASHED,
            "ValueError: no shard",
        ),
        ("torch.OutOfMemoryError: CUDA out of memory.", Ending.CRASHED, "out of memory"),
        ("W0405 Watchdog caught collective operation timeout", Ending.CRASHED, "NCCL timeout"),
        ("slurmstepd: JOB 1 CANCELLED DUE TO TIME LIMIT", Ending.CRASHED, "time limit"),
        ("Killed", Ending.CRASHED, "killed"),
        (
            f"{FINAL}\nTraceback (most recent call last):\nRuntimeError: teardown",
            Ending.COMPLETE,
            "below it: exception",
        ),
    ],
)
def test_how_a_run_ended_is_told(tail: str, ending: Ending, reason: str) -> None:
    metrics = parse_log(f"step:1/20000 train_loss:3.0 train_time:10ms\n{tail}\n".encode())
    assert metrics.ending is ending
    assert reason in metrics.ending_reason


def test_the_evaluation_of_training_stands_in_for_a_missing_result_and_says_so() -> None:
    metrics = parse_log(b"step:20000/20000 val_loss:2.0 val_bpb:1.2\n")
    assert metrics.score is not None
    assert "no final evaluation" in metrics.score.why


def test_more_lines_than_the_bound_are_left_out_and_that_is_said() -> None:
    data = (
        b"".join(b"step:%d/9 val_loss:2.0 val_bpb:1.%d\n" % (i, i) for i in range(100, 400)) + FINAL.encode()
    )
    metrics = parse_log(data, limits=LogLimits(lines=50))
    assert metrics.lines_dropped == 251
    assert len(metrics.readings) == 50
    assert metrics.score is not None
    assert metrics.score.reading.label == "final_exact"
    assert any("251" in note for note in metrics.notes)


def test_many_values_on_few_lines_are_bounded_too_and_the_first_and_last_are_read() -> None:
    many = b"".join(b"bits per byte %d: 1.%d bpb:2 bpb:3\n" % (i, i) for i in range(100, 300))
    metrics = parse_log(b"first bpb:4.25\n" + many + FINAL.encode(), limits=LogLimits(values=60))
    assert metrics.readings[0].val_bpb.value == 4.25
    assert metrics.readings[-1].label == "final_exact"
    assert len(metrics.readings) < 100
    assert len(metrics.readings) + metrics.lines_dropped >= 400
    lines = [r.line for r in metrics.readings]
    assert lines == sorted(lines)


def test_rows_of_all_tables_together_are_bounded_and_that_is_said() -> None:
    table = b"step,val_loss,val_bpb\n" + b"1,2.0,1.5\n" * 10
    metrics = parse_log(table * 20, limits=LogLimits(table_rows=55))
    assert 40 <= len(metrics.readings) <= 55
    assert any("more than 55 rows of tables" in note for note in metrics.notes)
    assert not any("rows" in note for note in parse_log(table * 20).notes)


def test_settings_and_sizes_below_a_listing_keep_their_line_numbers() -> None:
    head = f"{LISTING}{'=' * 100}\nlr: 0.5\nseed: 9\n"
    data = f"{head}step:1/2 train_loss:3.0\nTotal submission size: 1,234 bytes\n{FINAL}\n"
    metrics = parse_log(data.encode())
    lines = data.split("\n")
    assert {h.name: lines[h.line - 1] for h in metrics.run.hyperparameters} == {
        "lr": "lr: 0.5",
        "seed": "seed: 9",
    }
    assert lines[metrics.sizes[0].line - 1] == "Total submission size: 1,234 bytes"
    assert metrics.lines == data.count("\n")


def test_settings_of_the_last_run_are_read_not_those_of_the_run_above_its_listing() -> None:
    run = "lr: 0.{n}\ntrain_loader:dataset:x train_shards:1\nstep:1/2 train_loss:3.0 train_time:1ms\n"
    data = "".join(f"{LISTING}{'=' * 100}\n{run.format(n=n)}" for n in (1, 2)) + FINAL
    metrics = parse_log(data.encode())
    assert metrics.run.runs == 2
    assert [h.value for h in metrics.run.hyperparameters if h.name == "lr"] == ["0.2"]


def test_a_value_inside_an_over_long_line_is_found() -> None:
    metrics = parse_log(b"x" * 100_000 + b" final_eval val_loss:2.0 val_bpb:1.25 " + b"y" * 100_000)
    assert [r.val_bpb.value for r in metrics.readings] == [1.25]
    assert metrics.notes


def test_a_log_longer_than_the_bound_is_cut_and_that_is_said() -> None:
    metrics = parse_log(TEXT.encode() * 10, limits=LogLimits(log_bytes=200))
    assert "only the first 200" in metrics.notes[0]


@settings(max_examples=200)
@given(st.binary(max_size=2_000))
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    assert parse_log(data).lines >= 0


PIECES = (
    *(
        "val_loss",
        "val_bpb",
        ":",
        "=",
        " ",
        "1.5",
        "\n",
        "\r",
        "(",
        '"',
        "bpb",
        "step:1/2",
        "import ",
        "\ndef f():\n",
    ),
    *("seed:", "|", ",", "≈", "é", "\x1b[", "====", "total", "bytes"),
)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=200))
def test_no_mixture_of_the_dialects_words_makes_the_reader_fail(pieces: list[str]) -> None:
    metrics = parse_log("".join(pieces).encode())
    assert all(1 <= r.line <= metrics.lines for r in metrics.readings)


def test_a_file_that_is_no_log_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_log_file(tmp_path / "none.log")
    with pytest.raises(UsageError, match="no regular file"):
        read_log_file(tmp_path)
    (tmp_path / "poem.txt").write_text("no numbers here\n")
    with pytest.raises(DataError, match="no training log"):
        read_log_file(tmp_path / "poem.txt")
    (tmp_path / "submission.json").write_text("")
    with pytest.raises(DataError, match="is empty"):
        read_statement_file(tmp_path / "submission.json")
