"""submit-check: each check refuses alone, says its fix, and a sound experiment passes all of them."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pgolf.cli.main import main
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.profile import load_profile
from pgolf.core.row import ResultRow
from pgolf.core.verdict import ByteSource, EvalStatus, FingerprintStatus, LutStatus, Verdict
from pgolf.errors import UsageError
from pgolf.lab.experiments import create_experiment, record_seed
from pgolf.lab.leaderboard.board import BoardEntry, Leaderboard, save_board
from pgolf.lab.preregistration import Terms, register
from pgolf.lab.settings import Workspace, load_workspace
from pgolf.lab.submit.candidate import Candidate, collect_candidate
from pgolf.lab.submit.check import CheckResult
from pgolf.lab.submit.checks import ALL, run_checks
from pgolf.lab.submit.folder import render_readme, write_folder
from pgolf.runlog.submission_json import read_submission_json
from tests.lab.conftest import BYTES_PER_TOKEN, LOG, checked_document

SCRIPT = b"import os\nprint('seed', os.environ['SEED'])\n"
VALUES = {1: 1.0501, 2: 1.0503, 3: 1.0502}


def row(verdict: Verdict = Verdict.VERIFIED, *reasons: Finding, **more: Any) -> ResultRow:
    values: dict[str, Any] = {
        "pr": None, "folder": "exp_001", "script": "train_gpt.py", "script_sha256": None,
        "lut_status": LutStatus.CORRECT, "lut_bug_detections": (), "byte_source": ByteSource.TABLE,
        "eval_status": EvalStatus.CANONICAL, "packed_layers": (), "evidence": "exhaustive", "tokenizer": None,
        "reported_bpb": None, "log_bpb": None, "bytes_per_token": None,
        "fingerprint_status": FingerprintStatus.MATCHES, "inflation_ratio": 1.0, "corrected_bpb": None,
        "verdict": verdict, "reasons": reasons,
    }  # fmt: skip
    return ResultRow(**{**values, **more})


def write_log(workspace: Workspace, seed: int, bpb: float, log: str = LOG) -> tuple[str, str]:
    name = f"experiments/exp_001/train_seed{seed}.log"
    text = log.format(seed=seed, bpb=bpb, loss=bpb * math.log(2) * BYTES_PER_TOKEN)
    (workspace.root / name).write_text(text)
    return name, hashlib.sha256(text.encode()).hexdigest()


def add_seed(workspace: Workspace, seed: int, printed: float, log: str = LOG, **more: Any) -> None:
    path, digest = write_log(workspace, seed, printed, log)
    script = workspace.root / "train_gpt.py"
    script.write_bytes(SCRIPT)
    values: dict[str, Any] = {
        "seed": seed, "bpb": round(printed, 8), "loss_nats": round(printed * math.log(2) * BYTES_PER_TOKEN, 8),
        "artifact_bytes": 15_992_919, "code_bytes": 16_594, "model_bytes": 15_976_325, "train_seconds": 588.119,
        "steps": 4557, "gpu": workspace.profile.limits.record_gpu, "gpu_model": "H100 80GB HBM3",
        "torch_version": "2.9.1", "pg_commit": "abc", "log_path": path, "log_sha256": digest,
        "script_sha256": hashlib.sha256(SCRIPT).hexdigest(), "source": "run",
        "manifest": {"folder": ".", "inputs": {"script": {"path": "train_gpt.py"}}},
    }  # fmt: skip
    record_seed(workspace, "exp_001", **{**values, **more})


def judged(candidate: Candidate, audit: ResultRow | None = None) -> dict[str, CheckResult]:
    return {result.name: result for result in run_checks(candidate.audited(audit or row()))}


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    for seed, bpb in VALUES.items():
        add_seed(workspace, seed, bpb)
    return workspace


def test_a_sound_experiment_passes_every_check(ready: Workspace) -> None:
    results = judged(collect_candidate(ready, "exp_001"))
    assert {name: result.state for name, result in results.items()} == {name: "pass" for name, _ in ALL}
    assert "nats" in results["frontier-margin"].found
    assert "bpb" in results["frontier-margin"].found


def test_an_experiment_without_seeds_fails_with_a_fix_everywhere(workspace: Workspace) -> None:
    results = run_checks(collect_candidate(workspace, "exp_001"))
    failed = [result for result in results if not result.passed]
    assert {result.name for result in results if result.passed} == {"registered-first"}
    assert all(result.fix for result in failed)


Break = Callable[[Workspace], None]


def replace_seed(**more: Any) -> Break:
    return lambda workspace: add_seed(workspace, 2, VALUES[2], replace=True, **more)


def edit_log(workspace: Workspace) -> None:
    path = workspace.root / "experiments/exp_001/train_seed2.log"
    path.write_text(path.read_text().replace("588119ms", "588118ms"))


def drop_log(workspace: Workspace) -> None:
    (workspace.root / "experiments/exp_001/train_seed2.log").unlink()


def log_of(old: str, new: str) -> str:
    assert old in LOG
    return LOG.replace(old, new)


def every_seed(values: dict[int, float], **more: Any) -> Break:
    def change(workspace: Workspace) -> None:
        for seed, bpb in values.items():
            add_seed(workspace, seed, bpb, replace=True, **more)

    return change


NO_TIMES = log_of("stopping_early: wallclock_cap train_time: 588119ms step: 4557/20000\n", "")
NO_TIMES = NO_TIMES.replace("train_time: 0.9m", "")
OTHER_SCORE = {"bpb": 1.0401, "loss_nats": 1.0401 * math.log(2) * BYTES_PER_TOKEN}
BARE_SIZES = {"code_bytes": None, "artifact_bytes": None}

BREAKS: dict[str, tuple[Break, dict[str, str]]] = {
    "too large on record": (
        replace_seed(artifact_bytes=16_000_001, code_bytes=None, model_bytes=None),
        {"artifact-size": "fail", "log-integrity": "fail"},
    ),
    "too large in the log": (
        replace_seed(log=log_of("15992919", "16000001"), artifact_bytes=None),
        {"artifact-size": "fail"},
    ),
    "too large on file": (
        every_seed(VALUES, model_bytes=15_999_990, **BARE_SIZES),
        {"artifact-size": "fail"},
    ),
    "trained too long": (
        replace_seed(train_seconds=600.2, log=log_of("588119ms", "600200ms")),
        {"training-time": "fail"},
    ),
    "log says too long": (replace_seed(log=log_of("588119ms", "600200ms")), {"training-time": "fail", "log-integrity": "fail"}),
    "no training time": (
        replace_seed(train_seconds=None, log=NO_TIMES),
        {"training-time": "unknown"},
    ),
    "evaluated too long": (replace_seed(log=log_of("121183ms", "700000ms")), {"evaluation-time": "fail"}),
    "other machine": (replace_seed(gpu="1xH100_SXM"), {"record-hardware": "fail"}),
    "no machine": (replace_seed(gpu=None), {"record-hardware": "fail"}),
    "other torch": (replace_seed(torch_version="2.8.0"), {"same-torch": "fail"}),
    "no torch": (replace_seed(torch_version=None), {"same-torch": "unknown"}),
    "other commit": (replace_seed(pg_commit="def"), {"same-commit": "fail"}),
    "other GPU model": (replace_seed(gpu_model="H200"), {"same-gpu-model": "fail"}),
    "other script": (replace_seed(script_sha256="0" * 64), {"same-script": "fail"}),
    "log edited": (edit_log, {"log-integrity": "fail"}),
    "log gone": (drop_log, {"log-integrity": "unknown"}),
    "no log": (replace_seed(log_path=None, log_sha256=None), {"log-integrity": "unknown"}),
    "no hash of the log": (replace_seed(log_sha256=None), {"log-integrity": "unknown"}),
    "record says another score": (replace_seed(**OTHER_SCORE), {"log-integrity": "fail"}),
    "one score twice": (
        lambda w: add_seed(w, 2, VALUES[1], replace=True),
        {"seed-count": "fail"},
    ),
    "no loss": (replace_seed(loss_nats=None), {"frontier-margin": "unknown"}),
    "too noisy": (
        every_seed({1: 1.03, 2: 1.07, 3: 1.10}),
        {"frontier-margin": "fail"},
    ),
    "better, but not by the margin": (
        every_seed({s: b + 0.0225 for s, b in VALUES.items()}),
        {"frontier-margin": "fail"},
    ),
    "all alike": (
        every_seed(dict.fromkeys(VALUES, 1.05)),
        {"frontier-margin": "unknown", "seed-count": "fail"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_each_defect_is_refused_by_its_own_check_and_no_other(ready: Workspace, name: str) -> None:
    change, expected = BREAKS[name]
    change(ready)
    results = judged(collect_candidate(ready, "exp_001"))
    bad = {result.name: result.state for result in results.values() if not result.passed}
    assert bad == expected
    assert all(results[check].fix for check in bad)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_seeds_are_counted(workspace: Workspace, count: int) -> None:
    for seed, bpb in list(VALUES.items())[:count]:
        add_seed(workspace, seed, bpb)
    result = judged(collect_candidate(workspace, "exp_001"))["seed-count"]
    assert (result.state, f"{count} of 3" in result.found) == ("fail", True)


def test_seeds_beyond_the_registered_number_do_not_count(ready: Workspace) -> None:
    add_seed(ready, 4, 0.9)
    assert [seed.seed for seed in collect_candidate(ready, "exp_001").seeds] == [1, 2, 3]


def test_seeds_before_the_rule_or_without_one_are_refused(workspace: Workspace) -> None:
    create_experiment(workspace, "another", ["x"])
    record_seed(workspace, "exp_002", seed=1, bpb=1.0)
    result = judged(collect_candidate(workspace, "exp_002"))["registered-first"]
    assert (result.state, "no decision rule" in result.found) == ("fail", True)


def test_a_seed_older_than_the_rule_in_the_chain_is_refused(ready: Workspace) -> None:
    candidate = collect_candidate(ready, "exp_001")
    late = dataclasses.replace(candidate.record.registrations[0], event_seq=10**6)
    record = dataclasses.replace(candidate.record, registrations=(late,))
    result = judged(dataclasses.replace(candidate, record=record))["registered-first"]
    assert (result.state, "seed 1, 2, 3 was recorded before" in result.found) == ("fail", True)


PROVED = (Severity.ERROR, Confidence.PROVED)


def test_the_audit_decides_three_checks(ready: Workspace) -> None:
    candidate = collect_candidate(ready, "exp_001")
    flagged = row(Verdict.FLAGGED, Finding("bytes-space-twice", *PROVED, "counts the space twice", "t.py", 3))
    assert judged(candidate, flagged)["audit"].state == "fail"
    assert "bytes-space-twice" in judged(candidate, flagged)["audit"].found
    network = row(
        Verdict.VERIFIED, Finding("network-calls", Severity.NOTE, Confidence.POSSIBLE, "urlopen", "t.py", 9)
    )
    assert judged(candidate, network)["no-network"].state == "fail"
    assert "line 9" in judged(candidate, network)["no-network"].found
    trains = row(
        Verdict.VERIFIED, Finding("train-on-val", Severity.WARNING, Confidence.LIKELY, "it does", "t.py")
    )
    assert judged(candidate, trains)["no-validation-training"].state == "fail"
    unverified = row(Verdict.UNVERIFIED, extra={"missing": ["the tokenizer"]})
    assert judged(candidate, unverified)["audit"].passed
    assert "the tokenizer" in judged(candidate, unverified)["audit"].found
    packed = judged(candidate, row(Verdict.UNVERIFIED, lut_status=LutStatus.OBFUSCATED))
    assert (packed["no-network"].state, packed["no-validation-training"].state) == ("unknown", "unknown")
    none = {r.name: r.state for r in run_checks(candidate.audited(None, "it rained"))}
    assert [none[n] for n in ("audit", "no-network", "no-validation-training")] == ["unknown"] * 3


def test_a_script_that_changed_since_the_seeds_is_refused(ready: Workspace) -> None:
    (ready.root / "train_gpt.py").write_bytes(SCRIPT + b"# better\n")
    result = judged(collect_candidate(ready, "exp_001"))["audit"]
    assert (result.state, "its hash differs" in result.found) == ("fail", True)


def test_the_artifact_is_measured_on_file_with_the_script(ready: Workspace, tmp_path: Path) -> None:
    artifact = tmp_path / "model.bin"
    with artifact.open("wb") as handle:
        handle.truncate(16_000_000 - len(SCRIPT))
    assert judged(collect_candidate(ready, "exp_001", artifact))["artifact-size"].passed
    with artifact.open("ab") as handle:
        handle.write(b"x")
    assert judged(collect_candidate(ready, "exp_001", artifact))["artifact-size"].state == "fail"
    assert judged(collect_candidate(ready, "exp_001", tmp_path / "no"))["artifact-size"].state == "unknown"


def test_the_frontiers_seeds_make_it_a_welch_test(ready: Workspace) -> None:
    entry = BoardEntry(
        "SOTA", 1.0533, "accepted", "2026-04-01", "README", "2026-05-01", seeds_bpb=(1.0527, 1.0533, 1.0539)
    )
    save_board(ready.leaderboard_path, Leaderboard("o/r", "t", "2026-05-01", (entry,)))
    alone = judged(collect_candidate(ready, "exp_001"))["frontier-margin"]
    assert "welch" in alone.found
    assert alone.state == "fail", "with its own noise the frontier is not beaten by the margin"
    save_board(
        ready.leaderboard_path,
        Leaderboard("o/r", "t", "2026-05-01", (dataclasses.replace(entry, seeds_bpb=()),)),
    )
    assert judged(collect_candidate(ready, "exp_001"))["frontier-margin"].passed, "as one exact number it is"


def test_another_contest_has_other_limits(ready: Workspace) -> None:
    shipped = (
        Path(load_profile.__wrapped__.__code__.co_filename).parent.parent / "profiles" / "parameter_golf.toml"
    )
    text = shipped.read_text()
    for old, new in (
        ("artifact_bytes = 16_000_000", "artifact_bytes = 1_000"),
        ("train_seconds = 600", "train_seconds = 60"),
        ("eval_seconds = 600", "eval_seconds = 60"),
        ("minimum_seeds = 3", "minimum_seeds = 5"),
        ('record_gpu = "8xH100_SXM"', 'record_gpu = "1xA100_80GB"'),
        ("merged_sota_bpb = 1.0738", "merged_sota_bpb = 0.9"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (ready.root / "other.toml").write_text(text)
    (ready.root / "pgolf.toml").write_text('[pgolf]\nprofile = "other.toml"\n')
    results = judged(collect_candidate(load_workspace(ready.root, {}), "exp_001"))
    failed = {name for name, result in results.items() if not result.passed}
    wanted = {
        "artifact-size",
        "training-time",
        "evaluation-time",
        "seed-count",
        "record-hardware",
        "frontier-margin",
    }
    assert failed == wanted


def test_the_record_folder_holds_what_was_measured_and_reads_back(ready: Workspace, tmp_path: Path) -> None:
    candidate = collect_candidate(ready, "exp_001").audited(row())
    target = tmp_path / "record"
    files = write_folder(candidate, target, author="somebody", name="A | <b>title</b>")
    assert [path.name for path in files] == [
        "README.md", "submission.json", "train_gpt.py", "train_seed1.log", "train_seed2.log", "train_seed3.log",
    ]  # fmt: skip
    stated = read_submission_json((target / "submission.json").read_bytes())
    assert stated.problems == ()
    assert stated.val_bpb is not None
    assert stated.val_bpb.value == pytest.approx(math.fsum(VALUES.values()) / 3, abs=1e-8)
    assert {s.seed: s.val_bpb.value for s in stated.per_seed if s.val_bpb} == VALUES
    assert (target / "train_gpt.py").read_bytes() == SCRIPT
    log = ready.root / "experiments/exp_001/train_seed1.log"
    assert (target / "train_seed1.log").read_bytes() == log.read_bytes()
    readme = (target / "README.md").read_text()
    assert readme == render_readme(candidate, "A | <b>title</b>")
    assert "<b>" not in readme.replace("\\<", "")
    with pytest.raises(UsageError, match="not empty"):
        write_folder(candidate, target, author="", name="x")


def test_a_folder_that_cannot_be_made_leaves_nothing_behind(
    ready: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = collect_candidate(ready, "exp_001")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "out" / "record"
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError, match="No space left"):
        write_folder(candidate, target, author="", name="x")
    assert list((tmp_path / "out").iterdir()) == []
    drop_log(ready)
    with pytest.raises(UsageError, match="is not there"):
        write_folder(collect_candidate(ready, "exp_001"), target, author="", name="x")


def test_the_command_refuses_with_every_reason_then_accepts_with_a_body(
    workspace: Workspace,
    trainer: Callable[..., tuple[str, ...]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = trainer(bpb=1.05)
    identity = {
        f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    for arguments in (("init", "-q"), ("add", "train_gpt.py"), ("commit", "-q", "-m", "x")):
        subprocess.run(["git", *arguments], cwd=workspace.root, check=True, env={**os.environ, **identity})
    assert main(["submit-check", "exp_001"]) == 1
    assert "0 of 3 distinct seeds" in capfd.readouterr().out
    monkeypatch.setenv("PGOLF_CONFIRM_8XH100", "1")
    for seed in VALUES:
        assert (
            main(["run", "exp_001", "--seed", str(seed), "--gpu", "8xH100_SXM", "--quiet", "--", *command])
            == 0
        )
    capfd.readouterr()
    code = main(["submit-check", "exp_001", "--json", "--prepare", "record"])
    body = checked_document(capfd.readouterr().out, "lab_submit_check")
    bad = [check for check in body["checks"] if check["state"] != "pass"]
    assert (code, bad, body["ready"]) == (0, [], True)
    notes = {check["name"]: check["found"] for check in body["checks"]}
    assert "seed 1, 2, 3 logs more training time than its run lasted" in notes["log-integrity"]
    assert body["pull_request_body"].startswith("# it helps")
    assert (workspace.root / "record" / "submission.json").is_file()
    assert main(["submit-check", "exp_001"]) == 0
    out = capfd.readouterr().out
    assert "all 15 checks pass" in out
    assert main(["submit-check", "exp_007"]) == 2


def test_register_terms_are_what_the_check_uses(workspace: Workspace) -> None:
    create_experiment(workspace, "another", ["x"])
    terms = Terms(seed1_continue_bpb=1.2, publish_margin=0.005, internal_margin=0.003, bytes_per_token=2.5)
    register(workspace, "exp_002", terms)
    for seed, bpb in VALUES.items():
        record_seed(workspace, "exp_002", seed=seed, bpb=bpb)
    found = judged(collect_candidate(workspace, "exp_002"))["frontier-margin"].found
    assert f"{0.005 / (math.log(2) * 2.5):.6f} bpb" in found
