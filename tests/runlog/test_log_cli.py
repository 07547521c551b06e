"""`pgolf audit log` and `pgolf parse` as a user runs them: output, schemas, exit codes, bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pgolf.cli.main import main
from pgolf.report.schemas import load_schema
from tests.runlog.golden import FOLDER, SAMPLES, renderings


@pytest.mark.parametrize("name", renderings())
def test_the_output_is_the_golden_file(name: str) -> None:
    assert renderings()[name]() == (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("seed42.log", 0, ("VERIFIED", "quantized_ttt", "3.7266")),
        ("space_twice.log", 1, ("FLAGGED", "x1.1770", "1.190")),
        ("seed314_cut.log", 3, ("UNVERIFIED", "crashed", "out of memory")),
    ],
)
def test_exit_codes_are_those_of_the_verdict(
    name: str, code: int, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "log", str(SAMPLES / name)]) == code
    out = capsys.readouterr().out
    assert all(word in out for word in words), out


def test_json_follows_the_shipped_schema(capsys: pytest.CaptureFixture[str]) -> None:
    logs = [str(SAMPLES / name) for name in ("seed42.log", "space_twice.log", "seed314_cut.log")]
    main(["audit", "log", *logs, "--stated", str(SAMPLES / "submission.json"), "--json"])
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(load_schema("logs")).validate(document)
    assert [log["verdict"] for log in document["logs"]] == ["VERIFIED", "FLAGGED", "UNVERIFIED"]
    assert [claim["agreement"] for claim in document["statement"]["claims"]] == ["score", "no log"]


def test_metrics_follow_the_shipped_schema_and_are_written_beside_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "run.log"
    shutil.copy(SAMPLES / "seed42.log", log)
    assert main(["parse", str(log), "--write", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(load_schema("run_metrics")).validate(document)
    assert document == json.loads((tmp_path / "run_results.json").read_text())
    assert (document["score"]["label"], document["seed"], document["steps"]) == ("quantized_ttt", 42, 4550)
    assert document["hyperparameters"]["matrix_lr"] == "0.022"


def test_a_comparison_of_two_sets_of_seeds_is_welchs_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side, values in (("a", (1.0801, 1.0803, 1.0805)), ("b", (1.0901, 1.0903, 1.0907))):
        (tmp_path / side).mkdir()
        for seed, value in enumerate(values):
            text = f"seed:{seed}\nfinal_exact val_loss:2.7 val_bpb:{value}\n"
            (tmp_path / side / f"seed{seed}.log").write_text(text)
    sides = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(["parse", "--compare", *sides, "--threshold", "0.005", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(load_schema("comparison")).validate(document)
    assert document["improvement"] == pytest.approx(0.0100667, abs=1e-6)
    assert document["p_margin"] < 0.001
    assert main(["parse", "--compare", *reversed(sides)]) == 1
    assert "no" in capsys.readouterr().out.splitlines()[-1]


def test_one_log_a_side_is_compared_without_a_test(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["parse", "--compare", str(SAMPLES / "seed42.log"), str(SAMPLES / "space_twice.log")])
    assert code == 1
    assert "No test" in capsys.readouterr().out
    main(["parse", "--compare", str(SAMPLES / "seed42.log"), str(SAMPLES / "space_twice.log"), "--json"])
    document = json.loads(capsys.readouterr().out)
    schema = load_schema("comparison")
    Draft202012Validator(schema).validate(document)
    assert document["p_margin"] is None
    assert set(document) == set(schema["required"])
    del document["undecidable"]
    assert not Draft202012Validator(schema).is_valid(document)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["parse"], "give one LOG"),
        (["parse", "none.log"], "cannot read none.log"),
        (["audit", "log", "none.log"], "cannot read none.log"),
        (["audit", "log", str(SAMPLES)], "no regular file"),
        (["audit", "log", str(SAMPLES / "submission.json")], None),
        (["parse", "--compare", str(SAMPLES / "seed42.log"), "x"], "cannot read x"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], message: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(arguments)
    error = capsys.readouterr().err
    assert "Traceback" not in error
    if message is not None:
        assert code == 2
        assert message in error
        assert error.count("\n") == 1
