"""One line of every dialect, written here in its shape: label, kind and both values."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.runlog import ReadingKind, parse_log
from pgolf.runlog.readings import read_line, read_number, read_shaped_line

FINAL, DIAGNOSTIC, STEP = ReadingKind.FINAL, ReadingKind.DIAGNOSTIC, ReadingKind.STEP
PROGRESS, DERIVED = ReadingKind.PROGRESS, ReadingKind.DERIVED

LINES = [
    ("final_int8_zlib_roundtrip_exact val_loss:2.07 val_bpb:1.22", "final_int8_zlib_roundtrip_exact", FINAL, 2.07, 1.22),
    ("final_int6_sliding_window val_loss:1.9092 val_bpb:1.1307 stride:64", "final_int6_sliding_window", FINAL, 1.9092, 1.1307),
    ("quantized_ttt_phased val_loss:2.33 val_bpb:1.06 eval_time:489ms", "quantized_ttt_phased", FINAL, 2.33, 1.06),
    ("1776144156.999 quantized_ttt_phased val_loss:2.76 val_bpb:1.07", "quantized_ttt_phased", FINAL, 2.76, 1.07),
    ("[2026-04-05 12:00:00] INFO: legal_ttt val_loss:2.76 val_bpb:1.07", "legal_ttt", FINAL, 2.76, 1.07),
    ("[rank0]: final_sliding val_loss:2.76 val_bpb:1.07", "final_sliding", FINAL, 2.76, 1.07),
    ("ttt_sliding:done val_loss=2.795 val_bpb=1.082 elapsed=366.5s", "ttt_sliding:done", FINAL, 2.795, 1.082),
    ("final_eval_exact stride:64 val_loss:1.96 val_bpb:1.16", "final_eval_exact stride:64", FINAL, 1.96, 1.16),
    ("q_rt vl:2.01 bpb:1.19", "q_rt", FINAL, 2.01, 1.19),
    ('{"event": "final_eval", "val_loss": 2.01, "val_bpb": 1.19}', "final_eval", FINAL, 2.01, 1.19),
    ("wandb:     val_bpb 1.19", "", FINAL, None, 1.19),
    ("Quantized BPB (no XSA): 1.0278", "Quantized", FINAL, None, 1.0278),
    ("final bits per byte: 1.19", "final", FINAL, None, 1.19),
    ("pre-quantization post-ema val_loss:2.80 val_bpb:1.08", "pre-quantization post-ema", DIAGNOSTIC, 2.80, 1.08),
    ("DIAGNOSTIC post_ema val_loss:1.9 val_bpb:1.1 eval_time:2ms", "DIAGNOSTIC post_ema", DIAGNOSTIC, 1.9, 1.1),
    ("step:13000/20000 val_loss:2.08 val_bpb:1.23 train_time:9ms", "step:13000/20000", STEP, 2.08, 1.23),
    ("4000/20000 val_loss: 3.05 val_bpb: 1.18", "4000/20000", STEP, 3.05, 1.18),
    ("s:4000/20000 vl:3.05 bpb:1.18 tt:9ms", "s:4000/20000", STEP, 3.05, 1.18),
    ("step  500 | val_loss 2.5 | val_bpb 1.4", "step  500", STEP, 2.5, 1.4),
    ("step:1/9 train_loss:2.3 val_bpb:1.4 val_loss:2.4 seq_len:1024", "step:1/9 train_loss:2.3", STEP, 2.4, 1.4),
    ("  ttt_chunk [1171/1238] bpb=1.012227 time=322.2s", "ttt_chunk [1171/1238]", PROGRESS, None, 1.012227),
    ("  sliding_eval [ 12.5%] 8/64 windows running_bpb=1.2", "sliding_eval [ 12.5%] 8/64 windows", PROGRESS, None, 1.2),
    ("ttt_gain: 0.01 bpb:0.0123 best_val_bpb:1.2", "ttt_gain: 0.01", DERIVED, None, 0.0123),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "label", "kind", "loss", "bpb"), LINES, ids=[line[0][:40] for line in LINES]
)
def test_each_dialect_gives_its_label_kind_and_values(
    text: str, label: str, kind: ReadingKind, loss: float | None, bpb: float
) -> None:
    reading = read_line(text, 1)[0]
    assert (reading.label, reading.kind, reading.val_bpb.value) == (label, kind, bpb)
    assert (reading.val_loss.value if reading.val_loss else None) == loss


@pytest.mark.parametrize(
    "code",
    [
        'log0(f"final_exact val_loss:{q_val_loss:.8f} val_bpb:{q_val_bpb:.8f}")',
        "    return val_loss, bpb",
        'print("val_bpb: 1.08")',
        "def eval_val_sliding(model, bpb=1.0):",
        "val_bpb = float(bpb.item()) * 1.0",
        "val_bpb:enabled tokenizer_kind=sentencepiece",
    ],
)
def test_program_text_is_not_read_as_a_result(code: str) -> None:
    assert read_line(code, 1) == []


def test_two_pairs_of_one_line_keep_their_own_losses() -> None:
    text = "compare a_loss:2.0 a_bpb:1.0 b_loss:3.0 b_bpb:1.5"
    assert [(r.val_loss and r.val_loss.value, r.val_bpb.value) for r in read_line(text, 1)] == [
        (2.0, 1.0),
        (3.0, 1.5),
    ]


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [
        ("1.080", 1.08, 3),
        ("1e-3", 0.001, 3),
        ("1.5E+2", 150.0, -1),
        ("1,234", 1234.0, 0),
        ("1_234.5", 1234.5, 1),
        ("-inf", -math.inf, 0),
    ],
)
def test_numbers_are_read_in_every_spelling(text: str, value: float, decimals: int) -> None:
    assert (read_number(text).value, read_number(text).decimals) == (value, decimals)


def test_nan_is_read_and_counted_and_never_the_score() -> None:
    metrics = parse_log(b"final_exact val_loss:nan val_bpb:nan\n")
    assert math.isnan(metrics.readings[0].val_bpb.value)
    assert (metrics.nan_lines, metrics.score) == (1, None)


@given(
    st.floats(0.01, 20, allow_nan=False),
    st.floats(0.01, 9, allow_nan=False),
    st.integers(2, 8),
    st.sampled_from(":= "),
)
def test_a_printed_pair_is_read_back_as_printed(loss: float, bpb: float, places: int, separator: str) -> None:
    text = f"final_eval val_loss{separator}{loss:.{places}f} val_bpb{separator}{bpb:.{places}f}"
    reading = read_line(text, 7)[0]
    assert reading.val_loss is not None
    assert (reading.val_loss.value, reading.val_bpb.value) == (
        float(f"{loss:.{places}f}"),
        float(f"{bpb:.{places}f}"),
    )
    assert reading.val_bpb.decimals == places


@given(st.floats(0.5, 9), st.floats(0.3, 3), st.integers(3, 8))
def test_the_rounding_interval_holds_the_unrounded_value(loss: float, bpb: float, places: int) -> None:
    reading = read_line(f"final val_loss:{loss:.{places}f} val_bpb:{bpb:.{places}f}", 1)[0]
    interval = reading.bytes_per_token_interval
    assert interval is not None
    exact = loss / (math.log(2) * bpb)
    assert interval[0] * (1 - 1e-12) <= exact <= interval[1] * (1 + 1e-12)


def test_json_lines_and_csv_tables_are_read() -> None:
    lines = [{"step": 100 * i, "val_loss": 3 - i / 10, "val_bpb": 1.8 - i / 20} for i in range(3)]
    data = (
        "\n".join(json.dumps(line) for line in lines)
        + '\n{"stage": "final", "val_loss": 2.5, "val_bpb": 1.5}\n'
    )
    metrics = parse_log(data.encode())
    assert [r.label for r in metrics.readings] == ["step:0", "step:100", "step:200", "final"]
    assert metrics.score is not None
    assert metrics.score.reading.line == 4
    table = parse_log(b"step,val_loss,val_bpb,lr\n100,3.0,1.8,1e-3\n200,2.9,1.7,1e-3\n")
    assert [(r.line, r.val_loss and r.val_loss.value, r.val_bpb.value) for r in table.readings] == [
        (2, 3.0, 1.8),
        (3, 2.9, 1.7),
    ]


def test_labels_that_repeat_are_progress_whatever_they_are_called() -> None:
    data = b"".join(b"probe %d bpb=1.2\n" % i for i in range(60)) + b"final_exact val_loss:2.0 val_bpb:1.1\n"
    metrics = parse_log(data)
    assert [r.label for r in metrics.finals] == ["final_exact"]


ODD_LINES = [
    "compare a1_loss:2.0 a1_bpb:1.0 a2_loss:3.0 a2_bpb:1.5",
    "final_int6 val_loss:1,234.5 val_bpb:1e-3 eval_time:12.5m tokens:1_024 bytes:2048",
    "final bits/byte: 1.25 val_loss:2.0 elapsed=1.2.3s",
    '{"step": 12, "event": "val", "val_loss": 2.5, "val_bpb": 1.25}',
    "2026-04-05 10:11:12 step 7/9 \N{GREEK CAPITAL LETTER DELTA} bpb: -0.25",
    "q\N{MIDDLE DOT}rt loss 3 bpb 1.25e+1 nan",
]


@given(
    st.sampled_from([text for text, *_ in LINES] + ODD_LINES),
    st.lists(st.integers(0, 9), max_size=40),
    st.integers(0, 9),
)
def test_a_line_is_read_the_same_whether_its_shape_was_seen_before_or_not(
    text: str, digits: list[int], rest: int
) -> None:
    stream = iter(digits)
    changed = "".join(str(next(stream, rest)) if c in "0123456789" else c for c in text)
    readings = read_shaped_line(changed.encode(), 3)
    assert repr(readings) == repr(read_line(changed, 3))
    assert repr(read_shaped_line(changed.encode(), 3)) == repr(readings)
