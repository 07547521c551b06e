"""`pgolf spend`: what is left, where it went, how long it lasts, and no damage passed over in silence."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from pgolf.cli.main import main
from pgolf.lab.ledger import Ledger
from pgolf.lab.settings import Workspace, load_workspace
from pgolf.lab.spending import report_spending
from tests.lab.conftest import checked_document

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["spend", *arguments]) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


KINDS = {"status": "lab_spend", "total": "lab_spend_total", "hold": "lab_hold"}


def body(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["spend", *arguments, "--json"]) == code
    return checked_document(capsys.readouterr().out, KINDS[arguments[0]])


@pytest.fixture
def ledger(workspace: Workspace) -> Ledger:
    made = Ledger(workspace.ledger_path)
    hold = made.hold(4.12, spendable_usd=440, experiment="exp_001", gpu="8xH100_SXM", cap_seconds=600)
    made.settle(hold.id, seconds=300)
    made.adjust(0.1, "storage")
    made.hold(1.64, spendable_usd=440, gpu="1xA100_80GB", purpose="try")
    return made


def test_status_tells_money_by_gpu_day_and_experiment(ledger: Ledger, capsys: Capture) -> None:
    status = body(capsys, "status")
    assert (status["spent_usd"], status["held_usd"], status["left_usd"]) == (2.16, 1.64, 436.2)
    assert status["by_gpu"] == [
        {"gpu": None, "usd": 0.1, "hours": 0.0, "charges": 1},
        {"gpu": "8xH100_SXM", "usd": 2.06, "hours": 0.0833, "charges": 1},
    ]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    assert status["by_day"] == [{"day": today, "usd": 2.16, "hours": 0.0833, "charges": 2}]
    text = said(capsys, "status")
    assert "436.20 USD left of 440.00 spendable (500.00 budget - 60.00 reserve)" in text
    assert "1.64 held by 1 open hold," in text


def test_total_quiet_is_one_number_a_script_can_use(ledger: Ledger, capsys: Capture) -> None:
    assert said(capsys, "total", "--quiet") == "3.80\n"
    assert said(capsys, "total").startswith("2.16 USD spent + 1.64 held of 440.00 spendable; 436.20 left")
    assert body(capsys, "total")["left_usd"] == 436.2


def test_the_runway_counts_to_the_profiles_deadline(ledger: Ledger, workspace: Workspace) -> None:
    deadline = datetime.date.fromisoformat(workspace.profile.deadline)
    now = datetime.datetime.combine(deadline - datetime.timedelta(days=10), datetime.time(12), datetime.UTC)
    report = report_spending(workspace, now)
    assert report.days_left == 10
    assert report.allowance_usd_per_day == pytest.approx(43.62)
    later = report_spending(workspace, now + datetime.timedelta(days=20))
    assert (later.days_left, later.allowance_usd_per_day) == (-10, None)
    assert report.full_runs_left["8xH100_SXM"] == int(436.2 // 4.12)


def test_the_environment_moves_the_budget(ledger: Ledger, workspace: Workspace) -> None:
    report = report_spending(load_workspace(workspace.root, {"PGOLF_BUDGET": "10", "PGOLF_RESERVE": "8"}))
    assert report.left_microusd == 2_000_000 - 3_800_000
    assert set(report.full_runs_left.values()) == {0}


@pytest.mark.parametrize("command", [["status"], ["total"], ["total", "--quiet"]])
def test_damage_is_told_with_its_line_and_exit_code_by_every_command(
    ledger: Ledger, capsys: Capture, command: list[str]
) -> None:
    with ledger.path.open("ab") as handle:
        handle.write(b"scribble\n")
    assert "line 5: not a ledger line" in said(capsys, *command, code=1)
    assert "accept-damage" in said(capsys, "hold", "1", "--purpose", "x", code=2)
    said(capsys, "adjust", "0", "--reason", "a note of mine", "--accept-damage")
    assert "line 5" not in said(capsys, "total")
    assert "damage accepted earlier: line 5" in said(capsys, "status")


def test_a_missing_ledger_is_told_and_started_by_create(workspace: Workspace, capsys: Capture) -> None:
    ledger = Ledger(workspace.ledger_path)
    ledger.path.unlink()
    assert "pgolf spend create" in said(capsys, "status", code=1)
    assert "pgolf spend create" in said(capsys, "hold", "1", "--purpose", "x", code=2)
    said(capsys, "create")
    assert said(capsys, "total", "--quiet") == "0.00\n"


def test_hold_settle_release_adjust_by_hand(workspace: Workspace, capsys: Capture) -> None:
    first = said(capsys, "hold", "2.50", "--purpose", "x").split()[0]
    second = body(capsys, "hold", "1", "--purpose", "y")["hold"]
    assert "settled at 2.25 USD" in said(capsys, "settle", first, "--cost", "2.25")
    assert "not open" in said(capsys, "settle", first, code=1)
    assert "1.00 USD back" in said(capsys, "release", str(second), "--reason", "not needed")
    assert "-0.25 USD recorded" in said(capsys, "adjust", "--reason", "refund", "--", "-0.25")
    assert said(capsys, "total", "--quiet") == "2.00\n"
    assert "left" in said(capsys, "hold", "439", "--purpose", "x", code=1)
    assert "holds 439.00 USD" in said(capsys, "hold", "439", "--purpose", "x", "--force")
    assert "0 expired" in said(capsys, "settle", "--expired")
    assert "name one hold" in said(capsys, "settle", code=2)
    assert "amount in USD" in said(capsys, "hold", "much", "--purpose", "x", code=2)


def test_log_from_bash_settles_the_hold_or_charges_the_time(
    workspace: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=8 train_gpt.py"
    assert "2.06 USD: charged, no hold" in said(
        capsys, "log-from-bash", "--command", command, "--seconds", "300"
    )
    hold = Ledger(workspace.ledger_path).hold(4.12, spendable_usd=440, command=command, cap_seconds=600)
    assert f"2.06 USD: settled hold {hold.id}" in said(
        capsys, "log-from-bash", "--command", command, "--seconds", "300"
    )
    quiet = said(capsys, "log-from-bash", "--command", "grep torchrun notes.txt", "--seconds", "3")
    assert quiet == "0.00 USD: launches nothing\n"
    assert said(capsys, "total", "--quiet") == "4.12\n"
    assert "--seconds" in said(capsys, "log-from-bash", "--command", command, code=2)
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    assert "no JSON" in said(capsys, "log-from-bash", code=2)
