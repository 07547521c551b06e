"""The composite action: its steps run in bash with the variables a runner gives them, against this very program."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ROOT / "tests" / "checks"
FLAGGED = (
    CHECKS
    / "bytes-space-twice"
    / next(path.name for path in (CHECKS / "bytes-space-twice").iterdir() if path.name.startswith("flagged_"))
)
ODD = (
    CHECKS
    / "missing-evidence"
    / next(path.name for path in (CHECKS / "missing-evidence").iterdir() if path.name.startswith("flagged_"))
)


def action() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    document: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return document


def resolve(text: str, inputs: dict[str, str], action_path: Path) -> str:
    """What a runner makes of the expressions in an `env` value; any other expression is an error here."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "github.action_path":
            return str(action_path)
        return inputs[name.removeprefix("inputs.")]

    return re.sub(r"\$\{\{ ?([\w.-]+) ?\}\}", value, text)


def run_audit_step(tmp_path: Path, **given: str) -> tuple[int, dict[str, str], str]:
    """(exit code, outputs, summary) of the step `audit`, with a `pgolf` that runs this checkout."""
    document = action()
    inputs = {name: str(spec.get("default", "")) for name, spec in document["inputs"].items()}
    inputs |= {name.replace("_", "-"): value for name, value in given.items()}
    temporary, output, summary = tmp_path / "temp dir", tmp_path / "output", tmp_path / "summary"
    program = temporary / "pgolf" / "bin" / "pgolf"
    program.parent.mkdir(parents=True)
    program.write_text(
        f'#!/usr/bin/env bash\nPYTHONPATH="{ROOT / "src"}" exec "{sys.executable}" -m pgolf "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    step = next(step for step in document["runs"]["steps"] if step.get("id") == "audit")
    assert step["shell"] == "bash"
    assert "${{" not in step["run"], "inputs must not become text of the script"
    environment = {name: resolve(text, inputs, ROOT) for name, text in step["env"].items()}
    # How a runner starts `shell: bash`.
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "RUNNER_TEMP": str(temporary),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines()) if output.exists() else {}
    return done.returncode, outputs, summary.read_text() if summary.exists() else done.stderr


@pytest.mark.parametrize(
    ("fail_on", "folder", "code", "outcome"),
    [
        ("flagged", FLAGGED, 1, "1"),
        ("never", FLAGGED, 0, "1"),
        ("flagged", ODD, 0, "3"),
        ("unverified", ODD, 3, "3"),
    ],
)
def test_the_step_fails_when_it_is_told_to_and_says_the_outcome(
    tmp_path: Path, fail_on: str, folder: Path, code: int, outcome: str
) -> None:
    found, outputs, summary = run_audit_step(tmp_path, path=str(folder), fail_on=fail_on)
    assert (found, outputs) == (code, {"exit-code": outcome}), summary
    assert ("FLAGGED" if outcome == "1" else "UNVERIFIED") in summary


def test_folders_with_odd_names_stay_data_and_the_report_is_written(tmp_path: Path) -> None:
    hostile = tmp_path / "--output x; touch owned $(touch owned)"
    shutil.copytree(FLAGGED, hostile)
    sarif = tmp_path / "out.sarif"
    code, outputs, summary = run_audit_step(tmp_path, path=f"\n{hostile}\n\n{ODD}\n", sarif=str(sarif))
    assert (code, outputs) == (1, {"exit-code": "1"}), summary
    assert json.loads(sarif.read_text())["version"] == "2.1.0"
    assert not list(tmp_path.rglob("owned"))


def test_a_folder_that_is_not_there_fails_whatever_was_asked(tmp_path: Path) -> None:
    code, outputs, _ = run_audit_step(tmp_path, path=str(tmp_path / "none"), fail_on="never")
    assert (code, outputs) == (2, {"exit-code": "2"})


def test_the_action_names_inputs_outputs_and_steps_that_exist() -> None:
    document = action()
    assert document["runs"]["using"] == "composite"
    said = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert said <= set(document["inputs"])
    steps = {step["id"] for step in document["runs"]["steps"] if "id" in step}
    assert {
        re.findall(r"steps\.(\w+)\.", output["value"])[0] for output in document["outputs"].values()
    } <= steps
    install = next(step["run"] for step in document["runs"]["steps"] if "pip" in step.get("run", ""))
    assert subprocess.run(["bash", "-n", "-c", install], check=False).returncode == 0
    for name in re.findall(r"\$ACTION_PATH/([\w.]+)", install):
        assert (ROOT / name).is_file()
