"""Readings, facts and endings of logs written here in the contest's dialects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pgolf.runlog import ReadingKind, parse_log
from pgolf.runlog.metrics import Ending

BASELINE = b"""val_bpb:enabled tokenizer_kind=sentencepiece tokenizer_path=./data/tokenizers/fineweb_1024_bpe.model
train_loader:dataset:fineweb10B_sp1024 train_shards:80
val_loader:shards pattern=./data/datasets/fineweb10B_sp1024/fineweb_val_*.bin tokens:62021632
model_params:17059912
world_size:8 grad_accum_steps:1
train_batch_tokens:524288 train_seq_len:1024 iterations:20000 warmup_steps:20 max_wallclock_seconds:600.000
seed:1337
step:0/20000 val_loss:6.9357 val_bpb:4.1077 train_time:0ms step_avg:0.02ms
step:1/20000 train_loss:6.9370 train_time:32ms step_avg:32.11ms
step:13000/20000 val_loss:2.0800 val_bpb:1.2319 train_time:599000ms step_avg:46.08ms
stopping_early: wallclock_cap train_time:600038ms step:13780/20000
peak memory allocated: 10184 MiB reserved: 10200 MiB
Serialized model: 67224983 bytes
Code size: 47642 bytes
Total submission size: 67272625 bytes
Serialized model int8+zlib: 15815847 bytes (payload:17178912 raw_torch:17224025 payload_ratio:3.91x)
Total submission size int8+zlib: 15863489 bytes
final_int8_zlib_roundtrip val_loss:2.0727 val_bpb:1.2276 eval_time:1401ms
final_int8_zlib_roundtrip_exact val_loss:2.07269931 val_bpb:1.22756370
"""


def test_the_reference_dialect_is_read_whole() -> None:
    metrics = parse_log(BASELINE, "train.log")
    assert metrics.score is not None
    assert (metrics.score.reading.line, metrics.score.reading.label) == (
        19,
        "final_int8_zlib_roundtrip_exact",
    )
    assert metrics.score.reading.val_bpb.value == 1.2275637
    assert metrics.score.reading.val_bpb.decimals == 8
    run = metrics.run
    assert (run.seed, run.seed_source, run.world_size, run.steps, run.max_steps) == (
        1337,
        "log",
        8,
        13780,
        20000,
    )
    assert (run.val_tokens, run.train_shards, run.model_params) == (62021632, 80, 17059912)
    assert run.tokenizer_path == "./data/tokenizers/fineweb_1024_bpe.model"
    assert run.dataset == "fineweb10B_sp1024"
    assert run.train_seconds == pytest.approx(600.038)
    assert run.wallclock_cap_seconds == 600.0
    assert run.peak_memory_mib == 10184
    assert (metrics.total_bytes, metrics.code_bytes, metrics.model_bytes) == (15863489, 47642, 15815847)
    assert metrics.ending is Ending.COMPLETE
    kinds = [r.kind for r in metrics.readings]
    assert kinds == [ReadingKind.STEP, ReadingKind.STEP, ReadingKind.FINAL, ReadingKind.FINAL]


@pytest.mark.shared_data
def test_the_known_line_label_and_values_of_every_real_log_are_read(shared_data: Path) -> None:
    expected = json.loads((shared_data / "expected" / "logs.json").read_text())["logs"]
    assert len(expected) == 104
    for name, known in expected.items():
        metrics = parse_log((shared_data / "records" / name).read_bytes(), name)
        at_line = [
            (r.printed_label, r.val_loss.value, r.val_bpb.value)
            for r in metrics.readings
            if r.line == known["line"] and r.val_loss is not None
        ]
        assert (known["label"], known["val_loss"], known["val_bpb"]) in at_line, name


def test_work_that_a_log_says_is_outside_of_its_clock_is_read_with_its_seconds() -> None:
    data = (
        b"  ngram_hint_precompute_outside: True\n"
        b"hints:precompute_outside_timer_done elapsed=164.53s targets=5\n"
        b"hints:using them (precompute time excluded from eval)\n"
        b"log0(f'outside timer {x}')\ntimer started\nfinal val_loss:2.0 val_bpb:1.25 eval_time:1ms\n"
    )
    uncounted = parse_log(data).run.uncounted
    assert [(work.line, work.seconds) for work in uncounted] == [(2, 164.53), (3, None)]


def test_a_variational_bound_is_no_pair_with_the_loss_beside_it() -> None:
    line = b"final_exact val_loss:2.65530960 {}:1.62519980\n"
    bound = parse_log(line.replace(b"{}", b"val_var_bpb"), "train.log").readings
    plain = parse_log(line.replace(b"{}", b"val_bpb"), "train.log").readings
    assert [reading.is_pair for reading in plain] == [True]
    assert [reading.is_pair for reading in bound] == [False]
