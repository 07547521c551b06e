"""submission.json in every schema seen, and in every broken form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.runlog.submission_json import MAX_BYTES, read_submission_json

TWO = {42: 1.0811, 1337: 1.0822}
SCHEMAS = {
    "seed_results:{N:dict}": {"seed_results": {"42": {"val_bpb": 1.0811}, "1337": {"val_bpb": 1.0822}}},
    "seed_results:{N:float}": {"seed_results": {"42": 1.0811, "1337": 1.0822}},
    "seeds:{N:dict}": {"seeds": {"42": {"val_bpb": 1.0811}, "1337": {"val_bpb": 1.0822}}},
    "seed_N:{}": {"seed_42": {"val_bpb": 1.0811}, "seed_1337": {"val_bpb": 1.0822}},
    "val_bpb_seeds:{N:str}": {"val_bpb_seeds": {"42": "1.0811", "1337": "1.0822"}},
    "val_bpb_per_seed": {"val_bpb_per_seed": {"42": 1.0811, "1337": 1.0822}},
    "seed_results:[{seed}]": {
        "seed_results": [{"seed": 42, "val_bpb": 1.0811}, {"seed": 1337, "val_bpb": 1.0822}]
    },
    "runs:[{seed}]": {"runs": [{"seed": 42, "bpb": 1.0811}, {"seed": 1337, "bpb": 1.0822}]},
    "seeds[]+val_bpb_seeds[]": {"seeds": [42, 1337], "val_bpb_seeds": [1.0811, 1.0822]},
    "seeds[]+seed_scores[]": {"seeds": [42, 1337], "seed_scores": [1.0811, 1.0822]},
    "val_bpb_seedN": {"val_bpb_seed42": 1.0811, "val_bpb_seed1337": 1.0822},
    "results.seed_N": {"results": {"seed_42": {"val_bpb": 1.0811}, "seed_1337": {"val_bpb": 1.0822}}},
    "by headline": {
        "val_bpb": 1.08165,
        "seeds": {
            "42": {"quantized_bpb": 1.1, "sliding_bpb": 1.09, "last_bpb": 1.0811},
            "1337": {"quantized_bpb": 1.1, "sliding_bpb": 1.09, "last_bpb": 1.0822},
        },
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_per_seed_values_are_read_from_every_schema(name: str) -> None:
    stated = read_submission_json(json.dumps(SCHEMAS[name]).encode())
    assert {s.seed: s.val_bpb.value for s in stated.per_seed if s.val_bpb} == TWO


def test_a_single_seed_at_the_top_is_a_table_of_one() -> None:
    stated = read_submission_json(b'{"seed": 7, "val_bpb": 1.2, "val_loss": 2.0}')
    assert [(s.seed, s.val_bpb and s.val_bpb.path) for s in stated.per_seed] == [(7, "val_bpb")]


def test_reruns_and_retractions_are_kept_apart_from_the_claim() -> None:
    tree = {
        "compliance_rerun": {"seed_results": {"1": {"val_bpb": 1.2}}},
        "seed_results": {"1": {"val_bpb": 1.1}},
        "original_seed_results_retracted": {"1": {"val_bpb": 0.9}},
    }
    stated = read_submission_json(json.dumps(tree).encode())
    assert [s.val_bpb.value for s in stated.per_seed if s.val_bpb] == [1.1]
    assert sorted(s.val_bpb.value for s in stated.other_seeds if s.val_bpb) == [0.9, 1.2]


def test_headline_sizes_times_and_implied_bytes_are_read() -> None:
    stated = read_submission_json(
        b'{"val_bpb": 1.0811, "val_loss": 2.7926, "val_bpb_std": 0.0002, "bytes_total": 15990000, "bytes_code": 16630,'
        b' "training_time_seconds": 588, "eval_time_ms": 366525, "hardware": "8xH100", "vocab_size": 8192, "seeds": [1, 2]}'
    )
    assert stated.bytes_per_token == pytest.approx(3.7267, abs=1e-3)
    assert (stated.artifact_bytes, stated.code_bytes, stated.train_seconds) == (15990000, 16630, 588)
    assert stated.eval_seconds == pytest.approx(366.525)
    assert (stated.hardware, stated.vocab_size, stated.listed_seeds) == ("8xH100", 8192, (1, 2))
    assert stated.std is not None
    assert stated.std.number.decimals == 4


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"[1, 2]", "not an object"),
        (b"{", "not valid JSON"),
        (b'{"a": NaN}', "no JSON number"),
        (b'{"val_bpb": 1.0, "val_bpb": 2.0}', "stands twice"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"val_bpb": "1.08 +- 0.01"}', "string, not a number"),
        (b'{"val_bpb": 1.0,}', "trailing commas"),
        (b'{"val_bpb": 1.0 // final\n}', "comments"),
        (b'{"val_bpb": 1.0} {"a": 2}', "only the first value"),
        (b"[" * 500 + b"]" * 500, "deeper"),
        (b" " * (MAX_BYTES + 1), "at most"),
        (b'{"a": "\xff"}', "not UTF-8"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, problem: str) -> None:
    stated = read_submission_json(data)
    assert any(problem in p for p in stated.problems), stated.problems


def test_comments_and_commas_do_not_hide_the_values_nor_touch_strings() -> None:
    stated = read_submission_json(b'{\n  // note\n  "date": "a // b, ]", "val_bpb": 1.25, /* x */\n}')
    assert stated.val_bpb is not None
    assert (stated.val_bpb.value, stated.date) == (1.25, "a // b, ]")


def test_huge_numbers_and_not_finite_headlines_are_no_values() -> None:
    stated = read_submission_json(b'{"val_bpb": 1e999999999, "val_loss": ' + b"9" * 5000 + b"}")
    assert stated.val_bpb is None
    assert stated.val_loss is None


KEYS = st.sampled_from(["seeds", "seed", "42", "val_bpb", "seed_results", "seed_7", "bpb"])
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
TREES = st.recursive(
    LEAVES, lambda c: st.lists(c, max_size=4) | st.dictionaries(KEYS, c, max_size=4), max_leaves=20
)


@given(TREES)
def test_no_tree_makes_the_reader_fail(tree: object) -> None:
    assert isinstance(read_submission_json(json.dumps(tree).encode()).readable, bool)


def test_of_several_results_per_seed_the_one_that_holds_the_headline_is_taken() -> None:
    tree = {
        "val_bpb": 1.0157,
        "seed_results": [
            {"seed": "42", "quantized_bpb": 1.0162, "xsa_bpb": 1.021202},
            {"seed": "1337", "quantized_bpb": 1.0157, "xsa_bpb": 1.020105},
        ],
    }
    per_seed = read_submission_json(json.dumps(tree).encode()).per_seed
    assert [s.val_bpb.path for s in per_seed if s.val_bpb] == [
        "seed_results[0].quantized_bpb",
        "seed_results[1].quantized_bpb",
    ]
