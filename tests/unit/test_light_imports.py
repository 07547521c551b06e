"""The light stand-ins agree with the standard library's modules."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pgolf.core import light_json, toml
from pgolf.core.frozen import dataclass, field
from pgolf.core.profile import load_profile

PROFILES = Path(toml.__file__).parents[1] / "profiles"


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2


@dataclass(slots=True)
class Bag:
    items: list[int] = field(default_factory=list)


def test_values_are_frozen_equal_hashable_and_copied() -> None:
    point = Point(1)
    assert point == Point(x=1, y=2) != Point(2)
    assert hash(point) == hash(Point(1, 2))
    assert repr(point) == "Point(x=1, y=2)"
    with pytest.raises(AttributeError):
        point.x = 5  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        point.z = 5  # type: ignore[attr-defined]
    assert copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point


def test_wrong_arguments_are_type_errors() -> None:
    for arguments, named in (((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1})):
        with pytest.raises(TypeError):
            Point(*arguments, **named)  # type: ignore[arg-type]


def test_factories_make_a_new_value_every_time() -> None:
    one, other = Bag(), Bag()
    one.items.append(1)
    assert other.items == []


def test_dataclasses_functions_work_on_them() -> None:
    assert dataclasses.replace(Point(1), y=9) == Point(1, 9)
    assert dataclasses.asdict(Bag([1])) == {"items": [1]}
    assert [f.name for f in dataclasses.fields(Point)] == ["x", "y"]
    assert dataclasses.replace(load_profile(), name="other").name == "other"


def test_the_shipped_profiles_are_read_as_tomllib_reads_them() -> None:
    for path in PROFILES.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        assert toml.loads(text) == tomllib.loads(text)
        toml._plain(text)  # read by the fast reader, not by its fallback


_LINES = """[a]|[a.b]|[[t]]|[[a.t]]|k = 1|k = -1.5|x = 1_000|q = "a # b"|b = true|l = [1, 2.5, ]|# c||m = "é"|n = 0x10|o = 01
d = 1979-05-27|e = 'lit'|f = "a\\nb"|a.b = 1|"q r" = 2|i = {a=1}|inf = inf|k = 1 2|[a|= 1|z = [|w = 1__0|v = 1.|u = +1|k =|[]
x = 1 # y|s = "a" "b"|p = [[1], []]|h = 1e5|k = "a|r = -0|y = 1_"""
_PIECES = st.sampled_from(_LINES.replace("\n", "|").split("|"))


@given(st.lists(_PIECES, max_size=8))
@example(["[a]", "k = 1", "[a]"])
@example(["[a.b]", "[a]", "b = 1"])
@example(["k = 1", "[k]"])
@example(["[[t]]", "[t]"])
@example(["[a]", "[[a]]"])
def test_any_document_is_read_or_refused_as_tomllib_does(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(tomllib.TOMLDecodeError):
            toml.loads(text)
    else:
        assert toml.loads(text) == expected


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_json_is_written_and_read_as_the_standard_library_does(value: object) -> None:
    text = light_json.dumps(value, separators=(",", ":"), allow_nan=False)
    assert text == json.dumps(value, separators=(",", ":"), allow_nan=False)
    assert light_json.loads(f" {text}\n".encode()) == value


@given(st.text(alphabet='[]{}",:0123456789.eE+-truefalsn \\u', max_size=20))
def test_what_is_not_json_is_a_value_error_here_too(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r".*"):
            light_json.loads(text)
    else:
        found = light_json.loads(text)
        assert found == expected or found != found


def test_json_refuses_what_the_standard_library_refuses() -> None:
    for value, error in ((float("nan"), ValueError), (object(), TypeError), ({1: {2}}, TypeError)):
        with pytest.raises(error):
            light_json.dumps(value, allow_nan=False)
    with pytest.raises(ValueError, match="NaN"):
        light_json.loads("[NaN]", parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
