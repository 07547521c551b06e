"""What the nouns and the arithmetic refuse, and what they read the long way round."""

from __future__ import annotations

import builtins
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.core import light_json, toml
from pgolf.core.bpb import implied_bytes_per_token, nats_per_token_to_bpb
from pgolf.core.luts import LookupTables
from pgolf.core.margin_test import one_sample_test, seeds_needed, welch_test
from pgolf.core.profile import load_profile
from pgolf.errors import UsageError


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_ratio_needs_a_positive_number_below_it(value: float) -> None:
    with pytest.raises(ValueError, match="positive bpb"):
        implied_bytes_per_token(1.0, value)
    with pytest.raises(ValueError, match="must be positive"):
        nats_per_token_to_bpb(1.0, value)


def test_tables_of_different_lengths_are_no_tables() -> None:
    with pytest.raises(ValueError, match="different lengths: 2, 1, 2"):
        LookupTables((1, 2), (True,), (True, False))


def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="profile nowhere: cannot read"):
        load_profile("nowhere")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = [", "not valid TOML"),
        ("[budget]\n", "missing or malformed constant"),
        ("name = 3", "missing or malformed"),
    ],
)
def test_a_profile_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        load_profile(str(path))


LINES = st.sampled_from([
    'a = 1', 'b = -1_000', 'c = 1.5', 'd = true', 'e = [1, 2,]', 'f = [ [1], ["x"] ] # c', 'g = "text" # note', '[t]', '[t.u]', '[[rows]]',
    '[[rows]] # x', '# comment', '', '   ', "h = '''x'''", 'i = 0x10', 'j = 1e5', 'k = 2024-01-01', 'l = "a\\nb"', 'm = {x = 1}',
    '[v.w.x]', 'n.o = 1', 'p = 01', 'q = 1__0', 'r = [1 2]', 's = nan', '[t', 'u = "open', 'v = 1.', 'w = +5', 'x =', '= 1', 'y = 1 2',
    'z = [1,', 'a\x01 = 1', '# bad \x01', '[a] x', 'aa = "tab\there"', 'ab = .5', 'ac = 1._5', 'ad = -0.0', 'ae = --1', 'af = 1_',
    '[ t2 ]', '["quoted"]', 'ag = []', 'ah = false#x', 'ai = [true, -2.5]',
])  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=6))
def test_the_light_toml_reader_reads_and_refuses_as_tomllib_does(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        wanted = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(tomllib.TOMLDecodeError):
            toml.loads(text)
        return
    assert repr(toml.loads(text)) == repr(wanted)


def _without_c(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def load(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "_json":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", load)


def test_json_is_read_and_written_without_the_compiled_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"a": [1, 2.5, None, True], "é": "\u2581x"}
    text = light_json.dumps(value, separators=(",", ":"))
    assert text == json.dumps(value, separators=(",", ":"))
    _without_c(monkeypatch)
    assert light_json.dumps(value, separators=(",", ":")) == text
    assert light_json.loads(text) == value
    with pytest.raises(ValueError, match="NaN"):
        light_json.loads("[NaN]", parse_constant=_refused)


def _refused(name: str) -> Any:
    raise ValueError(name)


def test_levels_of_a_test_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="finite"):
        welch_test([1.0, 2.0], [3.0, 4.0], margin=math.inf)
    with pytest.raises(UsageError, match="alpha must lie"):
        welch_test([1.0, 2.0], [3.0, 4.0], margin=0.0, alpha=0.5)
    with pytest.raises(UsageError, match="confidence must lie"):
        one_sample_test([1.0, 2.0], 3.0, margin=0.0, confidence=1.0)


def test_no_number_of_seeds_is_planned_for_a_gain_that_drowns() -> None:
    test = one_sample_test([1.0, 1000.0, -990.0], 4.0, margin=0.0)
    assert test.improvement > 0
    assert seeds_needed(test) is None
