"""Which line is the score: each clause of the rule alone."""

from __future__ import annotations

import pytest

from pgolf.runlog import parse_log

CASES = [
    (["final_int8_roundtrip_exact", 1.2], ["final_sliding_window_exact", 1.1], "final_sliding_window_exact"),
    (["legal_ttt_exact", 1.08], ["final_int6_roundtrip_exact", 1.09], "legal_ttt_exact"),
    (["final_int6_sliding_window", 1.0894], ["final_int6_ttt", 1.3360], "final_int6_sliding_window"),
    (["quantized", 1.10], ["DIAGNOSTIC post_ema", 1.05], "quantized"),
    (["legal_ttt_exact", 1.0872], ["ngram_two_pass_exact", 0.1734], "legal_ttt_exact"),
    (["Quantized", 1.02], ["XSA", 1.03], "Quantized"),
]


@pytest.mark.parametrize(
    ("first", "second", "expected"), CASES, ids=[case[2] + "/" + str(case[1][0]) for case in CASES]
)
def test_the_line_that_counts_of_two(first: list[object], second: list[object], expected: str) -> None:
    data = "".join(f"{label} val_loss:2.0 val_bpb:{bpb}\n" for label, bpb in (first, second))
    score = parse_log(data.encode()).score
    assert score is not None
    assert score.reading.label == expected
    assert score.why


def test_a_mixture_is_claimed_by_its_own_value() -> None:
    score = parse_log(
        b"ppm_mix bytes=151080891 mix_bpb=0.9705 nn_only=1.08\nquantized_ttt val_loss:2.8 val_bpb:1.07\n"
    ).score
    assert score is not None
    assert score.reading.bpb_key == "mix_bpb"


def test_lines_that_repeat_the_value_of_a_second_pass_are_set_aside_with_it() -> None:
    values = {"legal_ttt": 1.0872, "plain": 1.0950, "rescore_a": 0.4000, "rescore_b": 0.9000}
    lines = "".join(f"{label} val_loss:2.0 val_bpb:{bpb}\n" for label, bpb in values.items())
    again = "ttt_again val_loss:2.0 val_bpb:0.40005\nttt_near val_loss:2.0 val_bpb:0.89995\n"
    score = parse_log((lines + again).encode()).score
    assert score is not None
    assert score.reading.label == "legal_ttt"


def test_a_line_that_says_it_scored_a_part_is_set_aside() -> None:
    data = b"val_tokens: 40540160\nppm_mix bytes=27048621 mix_bpb=0.9018\nquantized_ttt_phased val_loss:2.77 val_bpb:1.0619\n"
    score = parse_log(data).score
    assert score is not None
    assert score.reading.label == "quantized_ttt_phased"


def test_a_mixture_named_by_its_label_is_claimed_before_a_later_evaluation() -> None:
    data = b"ppm_mixer val_bpb:0.9954\nquantized_ttt val_loss:2.8 val_bpb:1.07\n"
    score = parse_log(data).score
    assert score is not None
    assert score.reading.label == "ppm_mixer"


def test_bytes_below_what_the_split_has_by_its_own_bytes_per_token_are_a_part() -> None:
    data = (
        b"val_tokens: 9662464\nppm_mix bytes=13517716 mix_bpb=0.862121\n"
        b"quantized_ttt_phased val_loss:2.29665817 val_bpb:1.06893377\n"
    )
    score = parse_log(data).score
    assert score is not None
    assert score.reading.label == "quantized_ttt_phased"
    whole = data.replace(b"13517716", b"29951000")
    score = parse_log(whole).score
    assert score is not None
    assert score.reading.bpb_key == "mix_bpb"


def test_a_bare_value_stands_for_the_pair_that_prints_it_with_more_decimals() -> None:
    bare = b"cond_ppm tokens=47851520 cond_mix_bpb=0.979547\n"
    pair = b"quantized_cond_ppm val_loss:2.33537 val_bpb:0.97954725\n"
    score = parse_log(bare + pair + b"quantized val_loss:2.39 val_bpb:1.09\n").score
    assert score is not None
    assert (score.reading.label, score.reading.is_pair) == ("quantized_cond_ppm", True)
    score = parse_log(bare + pair.replace(b"0.97954725", b"0.97964725")).score
    assert score is not None
    assert score.reading.bpb_key == "cond_mix_bpb"


def test_a_candidate_is_the_score_only_where_nothing_else_is() -> None:
    data = b"control_s42 val_loss:3.48 val_bpb:1.366\ncandidate_e4_s42 val_loss:3.34 val_bpb:1.311\n"
    score = parse_log(data).score
    assert score is not None
    assert (score.reading.label, "candidate" in score.why) == ("candidate_e4_s42", True)
    score = parse_log(data + b"final val_loss:3.5 val_bpb:1.37\n").score
    assert score is not None
    assert score.reading.label == "final"


def test_the_same_value_with_its_loss_is_preferred_to_a_bare_summary() -> None:
    score = parse_log(b"final_exact val_loss:1.89576235 val_bpb:1.12278022\n\nval_bpb: 1.12278022\n").score
    assert score is not None
    assert score.reading.line == 1


def test_without_any_value_there_is_no_score_and_a_reason() -> None:
    metrics = parse_log(b"step:1/2 train_loss:3.0\n")
    assert metrics.score is None
    assert metrics.no_score == "no bits-per-byte value is printed"


def test_an_early_evaluation_of_a_run_that_went_on_is_no_score() -> None:
    data = b"0/20000 val_loss: 9.0 val_bpb: 3.4\n4000/20000 train_loss: 2.9 train_time: 9.8m\nKilled\n"
    metrics = parse_log(data)
    assert metrics.score is None
    assert "at step 0" in metrics.no_score
