"""`pgolf run`: priced, gated, held, capped, logged, settled, recorded; and what happens when it is not."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pgolf.cli.main import cli, main
from pgolf.core.profile import load_profile
from pgolf.errors import Refused, UsageError
from pgolf.lab.experiments import create_experiment, get_experiment
from pgolf.lab.ledger import Ledger
from pgolf.lab.run import record as record_module
from pgolf.lab.run.manifest import commit_of, describe_path, gpu_in_log, torch_in_log
from pgolf.lab.run.pricing import PricedRun, RunRequest, price_run
from pgolf.lab.run.progress import Progress
from pgolf.lab.run.record import RunOutcome, parse_run_id, recover, run_seed
from pgolf.lab.run.skypilot import accelerator, render_task
from pgolf.lab.run.slurm import job_parameters, render_job
from pgolf.lab.settings import Workspace
from tests.lab.conftest import checked_document

Trainer = Callable[..., tuple[str, ...]]
RATE = load_profile().gpu_usd_per_hour["1xH100_SXM"] / 3600


def priced(workspace: Workspace, argv: tuple[str, ...], **more: Any) -> PricedRun:
    values: dict[str, Any] = {
        "experiment": "exp_001",
        "seed": 42,
        "gpu": "1xH100_SXM",
        "folder": workspace.root,
    }
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PGOLF_")}
    environ.update(more.pop("environ", {}))
    return price_run(workspace, RunRequest(argv=argv, **{**values, **more}), environ)


def start(workspace: Workspace, argv: tuple[str, ...], **more: Any) -> RunOutcome:
    return run_seed(workspace, priced(workspace, argv, **more), sink=lambda _: None, tick=lambda _: None)


def ledger_of(workspace: Workspace) -> Ledger:
    return Ledger(workspace.ledger_path)


def test_a_run_is_held_logged_settled_parsed_and_recorded(workspace: Workspace, trainer: Trainer) -> None:
    outcome = start(workspace, trainer(bpb=1.05))
    seed = outcome.seed
    assert seed is not None
    assert (seed.seed, seed.bpb, seed.source, seed.gpu) == (42, 1.0542, "run", "1xH100_SXM")
    assert (seed.artifact_bytes, seed.code_bytes, seed.train_seconds, seed.steps) == (
        15_992_919,
        16_594,
        588.119,
        4557,
    )
    assert (seed.torch_version, seed.gpu_model) == ("2.9.1+cu128", "H100 80GB HBM3")
    log = workspace.root / "experiments" / "exp_001" / "train_seed42.log"
    assert seed.log_sha256 == hashlib.sha256(log.read_bytes()).hexdigest()
    script = workspace.root / "train_gpt.py"
    assert seed.script_sha256 == hashlib.sha256(script.read_bytes()).hexdigest()
    manifest = json.loads(log.with_suffix(".manifest.json").read_text())
    assert manifest == seed.manifest
    state = ledger_of(workspace).read()
    hold, settled = state.entries
    assert hold["amount_microusd"] == round(RATE * 1200 * 1e6)
    assert settled["cost_microusd"] == pytest.approx(outcome.ending.seconds * RATE * 1e6, abs=1)
    assert (state.held_usd, hold["experiment"], hold["seed"]) == (0, "exp_001", 42)
    assert seed.cost_usd == state.spent_usd


def test_the_command_finds_its_seed_and_its_cap(workspace: Workspace, trainer: Trainer) -> None:
    more = (
        "print(os.environ['MAX_WALLCLOCK_SECONDS'], os.environ['PGOLF_EXPERIMENT'], file=open('seen', 'w'))"
    )
    start(workspace, trainer(more=more), cap_seconds=50.0)
    assert (workspace.root / "seen").read_text().split() == ["50", "exp_001"]


@pytest.mark.parametrize("stubborn", [False, True])
def test_the_cap_ends_the_whole_process_tree_daemons_included(
    workspace: Workspace, trainer: Trainer, monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    monkeypatch.setattr(record_module, "execute", execute_fast)
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" if stubborn else "pass"
    more = f"""
{ignore}
BARE = "import os, time; open('pid-2', 'w').write(str(os.getpid())); time.sleep(60)"
for plan in (0, 1, 2):
    if os.fork() == 0:
        if plan:
            os.setsid()
            if os.fork():
                os._exit(0)
        if plan == 2:
            os.execve(sys.executable, [sys.executable, "-c", BARE], {{}})
        open(f"pid-{{plan}}", "w").write(str(os.getpid()))
        time.sleep(60)
time.sleep(60)
"""
    outcome = start(workspace, trainer(more=more), cap_seconds=2.5)
    assert outcome.ending.reason == "cap"
    assert outcome.ending.exit_status in (128 + signal.SIGTERM, 128 + signal.SIGKILL)
    assert outcome.seed is None
    assert "wall-clock cap" in outcome.not_recorded
    for plan in (0, 1, 2):
        pid = int((workspace.root / f"pid-{plan}").read_text())
        assert not is_alive(pid), f"process {plan} outlived the cap"
    assert ledger_of(workspace).read().held_usd == 0
    assert ledger_of(workspace).read().spent_usd == pytest.approx(outcome.ending.seconds * RATE, abs=2e-6)


def execute_fast(*arguments: Any, **named: Any) -> Any:
    from pgolf.lab.run.process import execute

    return execute(*arguments, **named, grace_seconds=0.3)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_finished_command_leaves_behind_is_ended_and_counted(
    workspace: Workspace, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_module, "execute", execute_fast)
    more = """
if os.fork() == 0:
    os.setsid()
    open("daemon", "w").write(str(os.getpid()))
    time.sleep(60)
while not os.path.exists("daemon"): time.sleep(0.01)
"""
    outcome = start(workspace, trainer(more=more))
    assert outcome.ending.stragglers == 1
    assert not is_alive(int((workspace.root / "daemon").read_text()))
    assert outcome.seed is not None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("sys.exit(3)", "ended with status 3"),
        ("os.kill(os.getpid(), 11)", "ended with status 139"),
    ],
)
def test_a_run_that_fails_is_paid_for_and_no_result(
    workspace: Workspace, trainer: Trainer, more: str, why: str
) -> None:
    outcome = start(workspace, trainer(more=more))
    assert outcome.seed is None
    assert why in outcome.not_recorded
    assert get_experiment(workspace, "exp_001").seeds == ()
    assert ledger_of(workspace).read().spent_usd > 0


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ("hello\n", "no score"),
        ("", "no score"),
        ("seed: 7\nquantized val_loss:2.7 val_bpb:1.05\n", "the log says seed 7"),
    ],
)
def test_a_log_without_this_seeds_score_is_no_result(
    workspace: Workspace, trainer: Trainer, log: str, why: str
) -> None:
    outcome = start(workspace, trainer(log=log.replace("{", "{{")))
    assert outcome.seed is None
    assert why in outcome.not_recorded


def test_a_second_attempt_never_overwrites_a_log(workspace: Workspace, trainer: Trainer) -> None:
    start(workspace, trainer(more="sys.exit(1)"))
    outcome = start(workspace, trainer())
    assert outcome.log_path.name == "train_seed42.2.log"
    with pytest.raises(Refused, match="--replace"):
        start(workspace, trainer())
    replaced = start(workspace, trainer(bpb=1.04), replace=True).seed
    assert replaced is not None
    assert replaced.replaced
    assert len(list((workspace.root / "experiments" / "exp_001").glob("train_seed42*.log"))) == 3


def test_what_the_gates_refuse_is_not_started_and_holds_nothing(
    workspace: Workspace, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = trainer(more="open('started', 'w')")
    with pytest.raises(Refused, match="confirmation"):
        start(workspace, command, gpu="8xH100_SXM")
    Ledger(workspace.ledger_path).adjust(439.5, "bill")
    with pytest.raises(Refused, match="budget"):
        start(workspace, command)
    create_experiment(workspace, "another", ["x"])
    with pytest.raises(Refused, match="register-thresholds"):
        start(workspace, command, experiment="exp_002")
    with pytest.raises(UsageError, match="exp_009"):
        start(workspace, command, experiment="exp_009")
    assert not (workspace.root / "started").exists()
    assert list((workspace.root / "experiments" / "exp_001").glob("*.log")) == []
    assert ledger_of(workspace).read().held_usd == 0


def test_a_confirmed_or_forced_run_passes_and_leaves_its_record(
    workspace: Workspace, trainer: Trainer
) -> None:
    confirmed = start(workspace, trainer(), gpu="8xH100_SXM", environ={"PGOLF_CONFIRM_8XH100": "1"})
    assert confirmed.seed is not None
    Ledger(workspace.ledger_path).adjust(439.9, "bill")
    forced = start(workspace, trainer(), seed=43, environ={"PGOLF_FORCE": "1"})
    assert forced.seed is not None
    assert ledger_of(workspace).read().summary.overrides == 1


def test_a_command_that_does_not_exist_gives_the_money_back(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="cannot be started"):
        start(workspace, ("/no/such/thing",))
    state = ledger_of(workspace).read()
    assert [entry["kind"] for entry in state.entries] == ["hold", "release"]
    assert list((workspace.root / "experiments" / "exp_001").glob("*.log")) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"gpu": "9xB300"}, "knows 1xA100"),
        ({"gpu": None}, "--gpu"),
        ({"argv": ("torchrun", "--nproc_per_node=8", "t.py")}, "starts 8 GPU processes"),
        ({"cap_seconds": 0.1}, "--cap-seconds"),
        ({"cap_seconds": float("nan")}, "--cap-seconds"),
        ({"environ": {"MAX_WALLCLOCK_SECONDS": "soon"}}, "MAX_WALLCLOCK_SECONDS"),
        ({"environ": {"MAX_WALLCLOCK_SECONDS": "-1"}}, "MAX_WALLCLOCK_SECONDS"),
        ({"environ": {"MAX_WALLCLOCK_SECONDS": "inf"}}, "MAX_WALLCLOCK_SECONDS"),
    ],
)
def test_unusable_terms_are_one_sentence(workspace: Workspace, more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        priced(workspace, **{"argv": ("true",), **more})


def test_a_launch_is_priced_for_training_and_evaluation_together(workspace: Workspace) -> None:
    (workspace.root / "train_gpt.py").write_text("pass\n")
    run = priced(workspace, ("torchrun", "--nproc_per_node=8", "train_gpt.py"), gpu=None)
    limits, rates = workspace.profile.limits, workspace.profile.gpu_usd_per_hour
    assert run.cap_seconds == limits.train_seconds + limits.eval_seconds
    assert run.usd == pytest.approx(rates["8xH100_SXM"] * run.cap_seconds / 3600)
    assert run.script == workspace.root / "train_gpt.py"


def test_another_contest_has_other_prices_and_caps(tmp_path: Path, workspace: Workspace) -> None:
    shipped = (
        Path(load_profile.__wrapped__.__code__.co_filename).parent.parent / "profiles" / "parameter_golf.toml"
    )
    text = shipped.read_text().replace("train_seconds = 600", "train_seconds = 90")
    text = text.replace("eval_seconds = 600", "eval_seconds = 30").replace("= 3.30", "= 36.0")
    (workspace.root / "other.toml").write_text(text)
    (workspace.root / "pgolf.toml").write_text('[pgolf]\nprofile = "other.toml"\n')
    from pgolf.lab.settings import load_workspace

    run = priced(load_workspace(workspace.root, {}), ("true",))
    assert (run.cap_seconds, run.usd, run.environ["MAX_WALLCLOCK_SECONDS"]) == (
        120.0,
        pytest.approx(1.2),
        "90",
    )


def pgolf(workspace: Workspace, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "pgolf", "run", *arguments],
        cwd=workspace.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for(path: Path, seconds: float = 30.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.02)
    raise AssertionError(f"{path} did not appear")


SLEEPER = "open('pid', 'w').write(str(os.getpid())); time.sleep(60)"


def test_ctrl_c_ends_the_run_settles_it_and_keeps_the_log(workspace: Workspace, trainer: Trainer) -> None:
    process = pgolf(workspace, "exp_001", "--seed", "42", "--gpu", "1xH100_SXM", "--", *trainer(more=SLEEPER))
    child = int(wait_for(workspace.root / "pid"))
    process.send_signal(signal.SIGHUP)  # a lost terminal is survived
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"interrupted after" in error
    assert b"Traceback" not in error
    assert not is_alive(child)
    state = ledger_of(workspace).read()
    assert (state.held_usd, state.entries[-1]["reason"]) == (0, "interrupted")
    assert b"val_bpb" in (workspace.root / "experiments" / "exp_001" / "train_seed42.log").read_bytes()


def test_a_killed_pgolf_leaves_its_hold_and_recover_settles_it_once(
    workspace: Workspace, trainer: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    process = pgolf(workspace, "exp_001", "--seed", "42", "--gpu", "1xH100_SXM", "--", *trainer(more=SLEEPER))
    child = int(wait_for(workspace.root / "pid"))
    assert recover(workspace, kill=lambda _: None) == [], "a living run is left alone"
    with pytest.raises(Refused, match="is running already"):
        start(workspace, trainer())
    (hold_id,) = ledger_of(workspace).summarise().open_holds
    for words in (["release", hold_id], ["settle", hold_id, "--cost", "0"]):
        assert main(["spend", *words]) == 1, "nor can its hold be taken from under it"
    process.kill()
    process.communicate(timeout=30)
    assert main(["doctor", "--no-hooks"]) == 1
    assert "pgolf run --recover" in capsys.readouterr().out
    held = ledger_of(workspace).read().held_usd
    assert held == pytest.approx(RATE * 1200, abs=1e-6)
    deadline = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child), "the kernel ends the command with its pgolf"
    done = CliRunner().invoke(cli, ["run", "--recover"])
    assert "1 runs recovered" in done.output
    assert "0 runs recovered" in CliRunner().invoke(cli, ["run", "--recover"]).output
    state = ledger_of(workspace).read()
    assert (state.held_usd, state.spent_usd) == (0, held)


def test_a_run_of_another_host_is_left_until_it_expires(workspace: Workspace) -> None:
    ledger = ledger_of(workspace)
    ledger.hold(1, spendable_usd=10, purpose="run", key="elsewhere/1/2/x", expires_at=time.time() + 100)
    assert recover(workspace, kill=lambda _: None) == []
    ledger.hold(1, spendable_usd=10, purpose="run", key="elsewhere/1/2/y", expires_at=1.0)
    ledger.hold(1, spendable_usd=10, purpose="agent", expires_at=1.0)
    assert [hold.key for hold, _ in recover(workspace, kill=lambda _: None)] == ["elsewhere/1/2/y"]


@pytest.mark.parametrize("key", ["", "x", "a/b/c", "host/99999999999999/1/z", "////"])
def test_a_strange_run_id_is_a_dead_run(key: str) -> None:
    assert parse_run_id(key)[1] == -1


def test_the_command_line_streams_reports_and_refuses(
    workspace: Workspace, trainer: Trainer, capfd: pytest.CaptureFixture[str]
) -> None:
    command = trainer()
    assert main(["run", "exp_001", "--seed", "42", "--gpu", "1xH100_SXM", "--", *command]) == 0
    out, error = capfd.readouterr()
    assert "4557/20000" in out
    assert "exp_001 seed 42 recorded: 1.054200 bpb" in out
    assert "at most 1200 s and 1.1 USD" in error
    assert main(["run", "exp_001", "--seed", "42", "--gpu", "1xH100_SXM", "--", *command]) == 1
    assert "--replace" in capfd.readouterr().err
    assert main(["run", "exp_001", "--seed", "43", "--gpu", "1xH100_SXM", "--json", "--", *command]) == 0
    body = checked_document(capfd.readouterr().out, "lab_run")
    assert (body["kind"], body["recorded"], body["ended_by"]) == ("lab_run", True, "finished")
    assert main(["run", "exp_001"]) == 2


def test_a_ledger_that_cannot_be_written_after_the_run_keeps_the_hold(
    workspace: Workspace, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> int:
        raise UsageError("locked")

    monkeypatch.setattr(Ledger, "settle", busy)
    monkeypatch.setattr(record_module.time, "sleep", lambda _: None)
    outcome = start(workspace, trainer())
    assert outcome.seed is not None
    assert outcome.cost_microusd is None
    assert "was not settled and counts in full" in outcome.not_recorded
    assert ledger_of(workspace).read().held_usd > 0


class FullDisk(io.FileIO):
    """A file on a disk that has room for 100 bytes, and takes 7 at a time."""

    def write(self, data: Any, /) -> int:
        if self.tell() > 100:
            raise OSError(28, "No space left on device")
        return super().write(bytes(data)[:7])


def test_a_full_disk_under_the_log_does_not_end_a_paid_run_and_makes_no_result(
    workspace: Workspace, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workspace.root / "experiments" / "exp_001" / "train_seed42.log"
    monkeypatch.setattr(record_module, "_open_log", lambda *_: (FullDisk(path, "x"), path))
    seen: list[bytes] = []
    run = priced(workspace, trainer())
    outcome = run_seed(workspace, run, sink=seen.append, tick=lambda _: None)
    assert outcome.ending.exit_status == 0
    assert "No space left" in outcome.not_recorded
    assert b"val_bpb" in b"".join(seen)
    assert b"".join(seen).startswith(path.read_bytes())
    state = ledger_of(workspace).read()
    assert (state.held_usd, state.entries[-1]["kind"]) == (0, "settle")


def test_an_adopted_hold_is_used_once(workspace: Workspace, trainer: Trainer) -> None:
    run = priced(workspace, trainer())
    hold = record_module.hold_for_batch(workspace, run)
    quiet: dict[str, Any] = {"sink": lambda _: None, "tick": lambda _: None}
    assert run_seed(workspace, run, adopt=hold.id, **quiet).seed is not None
    state = ledger_of(workspace).read()
    assert [entry["kind"] for entry in state.entries] == ["hold", "settle"]
    again = priced(workspace, trainer(), replace=True)
    with pytest.raises(Refused, match="not open"):
        run_seed(workspace, again, adopt=hold.id, **quiet)


def test_a_hold_made_for_something_else_cannot_be_adopted(workspace: Workspace, trainer: Trainer) -> None:
    quiet: dict[str, Any] = {"sink": lambda _: None, "tick": lambda _: None}
    command = trainer(more="open('started', 'w')")
    dear = priced(workspace, command, gpu="8xH100_SXM", environ={"PGOLF_CONFIRM_8XH100": "1"})
    ledger = ledger_of(workspace)
    cheap = ledger.hold(
        0.01,
        spendable_usd=440,
        purpose="batch",
        experiment="exp_001",
        seed=42,
        gpu=dear.gpu,
        command=dear.command,
    )
    other = record_module.hold_for_batch(workspace, priced(workspace, command, seed=41))
    for hold in (cheap, other):
        with pytest.raises(Refused, match="not made for this run"):
            run_seed(workspace, dear, adopt=hold.id, **quiet)
    unconfirmed = priced(workspace, command, gpu="8xH100_SXM")
    with pytest.raises(Refused, match="confirmation"):
        run_seed(workspace, unconfirmed, adopt=cheap.id, **quiet)
    assert not (workspace.root / "started").exists()


@pytest.mark.parametrize("how", ["release", "settle"])
def test_closing_the_hold_under_a_run_does_not_make_it_free(
    workspace: Workspace, trainer: Trainer, how: str
) -> None:
    run = priced(workspace, trainer())
    ledger = ledger_of(workspace)

    def close(_: bytes) -> None:
        for hold_id in ledger.summarise().open_holds:
            ledger.release(hold_id) if how == "release" else ledger.settle(hold_id, cost_usd=0)

    outcome = run_seed(workspace, run, sink=close, tick=lambda _: None)
    assert "closed while the run went on" in outcome.not_recorded
    state = ledger.read()
    assert state.spent_usd == pytest.approx(outcome.ending.seconds * RATE, abs=2e-6)
    assert state.entries[-1]["kind"] == "adjustment"


def test_progress_reads_step_and_loss_of_several_dialects() -> None:
    progress = Progress()
    progress.feed(b"warmup_step: 1/20 loss: 9.0\n500/20000 train_loss: 3.3445 train_time: 0.9m\nhalf a li")
    assert (progress.step, progress.steps, progress.loss_name, progress.loss) == (
        500,
        20000,
        "train_loss",
        3.3445,
    )
    progress.feed(b"ne\nstep:1000/20000 val_loss:2.5 val_bpb:1.1\n")
    assert (progress.step, progress.loss) == (1000, 2.5)
    assert progress.render(52.4, 600, 0.006867, 4.12) == (
        "step 1000/20000 | val_loss 2.5000 | 0:52 of 10:00, 9:07 left | 0.36 of 4.12 USD"
    )
    progress.feed(b"x" * 10_000_000 + b"\nstep: 7 loss: 1.25\n")
    assert (progress.step, progress.loss) == (7, 1.25)
    assert "1:00:00" in Progress().render(0, 3600, 0, 0)


def test_versions_are_read_from_a_log_only_when_it_prints_one() -> None:
    assert torch_in_log(b"Running PyTorch 2.9.1+cu128\n") == "2.9.1+cu128"
    assert torch_in_log(b"PyTorch 2.9.1\nPyTorch 2.8.0\n") is None
    assert gpu_in_log(b"|   0  NVIDIA H100 80GB HBM3          On  |\n" * 8) == "H100 80GB HBM3"
    assert gpu_in_log(b"NVIDIA-SMI 570\n") is None


def test_the_commit_is_the_scripts_and_the_workspaces_own_records_do_not_dirty_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    script, records = tmp_path / "train.py", tmp_path / "pgolf.db"
    assert commit_of(script) is None
    git("init", "-q")
    script.write_text("pass")
    records.write_text("1")
    git("add", "-A")
    git("commit", "-q", "-m", "x")
    head = git("rev-parse", "HEAD")
    records.write_text("2")
    assert commit_of(script) == commit_of(tmp_path) == head
    script.write_text("pass  # changed")
    assert commit_of(script) == f"{head}+changes"
    (tmp_path / "new.py").write_text("pass")
    assert commit_of(tmp_path / "new.py") == f"{head}+changes"


def test_a_data_folder_has_one_hash_that_every_change_moves(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("x.bin", "a/y.bin"):
        (tmp_path / name).write_bytes(b"0123")
    first = describe_path(tmp_path, "data")
    assert (first["files"], first["bytes"], first["whole_files"]) == (2, 8, 2)
    (tmp_path / "a" / "y.bin").write_bytes(b"0124")
    assert describe_path(tmp_path, "data")["sha256"] != first["sha256"]
    assert describe_path(tmp_path / "no", "no") == {"path": "no", "missing": True}


def test_the_sky_task_has_wall_clock_auto_stop_and_survives_yaml(workspace: Workspace) -> None:
    run = priced(workspace, ("torchrun", "--nproc_per_node=8", "train_gpt.py", "--note=a: 'b' #c"), gpu=None)
    text = render_task(run)
    assert 'accelerators: "H100-SXM:8"' in text
    assert "timeout --signal=TERM --kill-after=30 1200 torchrun" in text
    assert "idle_minutes: 5" in text
    assert "down: true" in text
    values = [line.partition(": ")[2] for line in text.splitlines() if line.partition(": ")[2]]
    assert all(json.loads(value) is not None for value in values), (
        "every scalar is JSON, which YAML reads as it is"
    )
    assert accelerator("A100_80GB") == "A100-80GB"
    with pytest.raises(UsageError, match="needs a GPU"):
        render_task(priced(workspace, ("true",), gpu="none"))


def fake_program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_on_skypilot_runs_the_cli_records_its_log_and_always_tears_down(
    workspace: Workspace, trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    trainer()
    fake_program(
        programs,
        "sky",
        f'echo "$@" >> {tmp_path}/calls\n[ "$1" = launch ] && {sys.executable} train_gpt.py; true',
    )
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    command = [
        "run",
        "exp_001",
        "--seed",
        "42",
        "--on",
        "skypilot",
        "--",
        "torchrun",
        "--nproc_per_node=1",
        "train_gpt.py",
    ]
    assert main(command) == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0].startswith(
        "launch --yes --down --idle-minutes-to-autostop 5 --cluster pgolf-exp-001-seed42 "
    )
    assert calls[1] == "down --yes pgolf-exp-001-seed42"
    (seed,) = get_experiment(workspace, "exp_001").seeds
    assert (seed.bpb, seed.gpu) == (1.0542, "1xH100_SXM")


def test_on_skypilot_without_its_cli_starts_and_holds_nothing(
    workspace: Workspace,
    trainer: Trainer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trainer()
    monkeypatch.setenv("PATH", "/nonexistent")
    command = ["--on", "skypilot", "--", "torchrun", "--nproc_per_node=1", "train_gpt.py"]
    assert main(["run", "exp_001", "--seed", "42", *command]) == 2
    assert "sky check" in capsys.readouterr().err
    assert ledger_of(workspace).read().entries == ()


def test_on_slurm_submits_the_same_run_with_its_hold(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("submitit", reason="the [slurm] extra is not installed")
    (workspace.root / "train_gpt.py").write_text("pass\n")
    argv = ("torchrun", "--nproc_per_node=1", "train_gpt.py")
    run = priced(workspace, argv, gpu=None)
    text = render_job(run, tmp_path / "jobs")
    assert "#SBATCH --time=22" in text
    assert "#SBATCH --gpus-per-node=1" in text
    assert "--adopt-hold HOLD --cap-seconds 1200 -- torchrun" in text
    assert job_parameters(run)["timeout_min"] == 22
    command = ["run", "exp_001", "--seed", "42", "--on", "slurm", "--", *argv]
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert main(command) == 2
    assert "not submitted" in capsys.readouterr().err
    assert ledger_of(workspace).read().held_usd == 0
    fake_program(programs, "srun", "exit 0")
    fake_program(programs, "sbatch", 'cp "$1" sbatch.seen\necho "Submitted batch job 77"')
    assert main(command) == 0
    assert "job 77 submitted" in capsys.readouterr().out
    assert ledger_of(workspace).read().held_usd == pytest.approx(RATE * 1200, abs=1e-6)
    assert "#SBATCH --time=22" in (workspace.root / "sbatch.seen").read_text()
    assert main([*command[:6], "--dry-run", *command[6:]]) == 0


def test_a_dry_run_starts_and_holds_nothing(
    workspace: Workspace, trainer: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    command = trainer(more="open('started', 'w')")
    assert main(["run", "exp_001", "--seed", "1", "--gpu", "8xH100_SXM", "--dry-run", "--", *command]) == 1
    assert "refused: confirmation" in capsys.readouterr().out
    assert not (workspace.root / "started").exists()
    assert ledger_of(workspace).read().entries == ()
