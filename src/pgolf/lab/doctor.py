"""`pgolf doctor`: is everything that a number rests on still whole?

Each check answers with findings: `issue` (exit 1: mend it), `note` (worth knowing) or `ok`. Nothing is repaired
silently, and a check that breaks is itself an issue.
"""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pgolf.errors import PgolfError
from pgolf.lab.checkpoints import checkpoint_problems
from pgolf.lab.experiments import CONFIG_FILE
from pgolf.lab.frontier import show_frontier
from pgolf.lab.knowledge import LESSONS_FILE, parse_conflicts
from pgolf.lab.ledger import Ledger
from pgolf.lab.settings import Workspace
from pgolf.lab.store import decisions, experiments
from pgolf.lab.store.database import open_readonly, read
from pgolf.lab.store.events import verify_chain

STALE_PLAN_DAYS = 14
SILENT_RUN_DAYS = 2
HOOK_SECONDS = 20
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one check: `level` is ok, note or issue; `fix` says what to do about an issue."""

    check: str
    level: str
    message: str
    fix: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def examine(workspace: Workspace, *, run_hooks: bool = True) -> list[Finding]:
    """Run every check. Never raises: what breaks a check is reported as an issue of that check."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "store": lambda: _store(workspace),
        "events": lambda: _events(workspace),
        "ledger": lambda: _ledger(workspace),
        "experiments": lambda: _experiments(workspace),
        "plans": lambda: _plans(workspace),
        "knowledge": lambda: _knowledge(workspace),
        "leaderboard": lambda: _leaderboard(workspace),
        "hooks": lambda: _hooks(workspace, run_hooks),
    }
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            found = list(check())
        except PgolfError as error:
            found = [Finding(name, "issue", str(error), "see the message")]
        except Exception as error:  # noqa: BLE001 - a health check reports what it cannot examine
            found = [
                Finding(
                    name, "issue", f"could not be examined: {type(error).__name__}: {error}", "report this"
                )
            ]
        findings += found or [Finding(name, "ok", "whole")]
    return findings


def _store(workspace: Workspace) -> Iterator[Finding]:
    if workspace.database_path is None:
        with read(workspace):
            yield Finding("store", "ok", "PostgreSQL answers")
        return
    try:
        connection = open_readonly(workspace)
    except sqlite3.Error as error:
        yield Finding("store", "issue", f"{workspace.database_path}: {error}", "restore it from a checkpoint")
        return
    if connection is None:
        yield Finding("store", "note", f"{workspace.database_path.name} does not exist yet")
        return
    with_problem = [row[0] for row in connection.execute("PRAGMA quick_check(5)") if row[0] != "ok"]
    with_problem += [
        f"row {row[1]} of {row[0]} points to a missing row of {row[2]}"
        for row in connection.execute("PRAGMA foreign_key_check").fetchmany(5)
    ]
    connection.close()
    for problem in with_problem:
        yield Finding(
            "store", "issue", f"{workspace.database_path.name}: {problem}", "restore it from a checkpoint"
        )


def _events(workspace: Workspace) -> Iterator[Finding]:
    with read(workspace) as reader:
        report = verify_chain(reader)
        problems = list(report.problems) + checkpoint_problems(workspace, reader)
    fix = "compare with the last checkpoint (`state/checkpoints`); do not trust results recorded here until explained"
    for problem in problems:
        yield Finding("events", "issue", problem, fix)
    if not problems:
        yield Finding("events", "ok", f"{report.events} events chain to {report.head[:16]}")


def _ledger(workspace: Workspace) -> Iterator[Finding]:
    from pgolf.lab.run.record import was_abandoned

    ledger = Ledger(workspace.ledger_path)
    state = ledger.read()
    fix = "look at the line; `pgolf spend adjust … --accept-damage` records what it was worth"
    if not ledger.path.exists() and not ledger.head_path.exists() and not _anything_ran(workspace):
        yield Finding("ledger", "note", "there is none yet, so no launch is allowed", "`pgolf spend create`")
        return
    for problem in state.problems[:_MOST_NAMED]:
        yield Finding("ledger", "issue", str(problem), fix)
    now = datetime.now(UTC).timestamp()
    expired = [
        hold for hold in state.summary.open_holds.values() if hold.expires_at and hold.expires_at < now
    ]
    if expired:
        names = ", ".join(hold.id for hold in expired[:_MOST_NAMED])
        yield Finding(
            "ledger",
            "issue",
            f"holds past their end are still open: {names}",
            "`pgolf spend settle --expired`",
        )
    dead = [hold for hold in state.summary.open_holds.values() if hold not in expired and was_abandoned(hold)]
    if dead:
        names = ", ".join(hold.id for hold in dead[:_MOST_NAMED])
        said = f"holds of runs whose pgolf is gone are still open: {names}"
        yield Finding("ledger", "issue", said, "`pgolf run --recover`")
    if state.balance_usd > workspace.spendable_usd:
        yield Finding(
            "ledger",
            "issue",
            f"{state.balance_usd:.2f} USD are spent or held, {workspace.spendable_usd:.2f} were spendable",
            "stop launching, or raise budget_usd in pgolf.toml knowingly",
        )
    if not state.problems:
        yield Finding("ledger", "ok", f"{state.summary.lines} lines add up to {state.balance_usd:.2f} USD")


def _anything_ran(workspace: Workspace) -> bool:
    with read(workspace) as reader:
        return bool(reader.rows("SELECT 1 FROM seeds WHERE source = 'run' LIMIT 1"))


def _experiments(workspace: Workspace) -> Iterator[Finding]:
    with read(workspace) as reader:
        known = experiments.every(reader)
        unregistered = experiments.unregistered_running(reader)
        outdated = decisions.outdated(reader)
    if outdated:
        yield Finding(
            "experiments",
            "note",
            f"seeds or rules newer than the verdict: {_names(outdated)}",
            "`pgolf decide ID`",
        )
    for name in unregistered[:_MOST_NAMED]:
        yield Finding(
            "experiments",
            "issue",
            f"{name} runs or ran without a registered rule",
            f"its result decides nothing: repeat it as a new, registered experiment, or `pgolf track fail {name}`",
        )
    missing, strange = [], []
    for experiment in known:
        path = workspace.experiments_dir / experiment.id / CONFIG_FILE
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            missing.append(experiment.id)
            continue
        except (OSError, ValueError):
            strange.append(experiment.id)
            continue
        if not isinstance(config, dict) or config.get("id") != experiment.id:
            strange.append(experiment.id)
    if missing:
        yield Finding(
            "experiments",
            "issue",
            f"no {CONFIG_FILE}: {_names(missing)}",
            "restore the folder from version control",
        )
    if strange:
        yield Finding(
            "experiments",
            "issue",
            f"{CONFIG_FILE} unreadable or of another id: {_names(strange)}",
            "mend the file",
        )
    ids = {experiment.id for experiment in known}
    if workspace.experiments_dir.is_dir():
        orphans = sorted(
            entry
            for entry in os.listdir(workspace.experiments_dir)
            if entry.startswith("exp_") and entry not in ids
        )
        if orphans:
            yield Finding("experiments", "note", f"folders the store does not know: {_names(orphans)}")


def _plans(workspace: Workspace) -> Iterator[Finding]:
    with read(workspace) as reader:
        rows = experiments.lineage(reader)
    now = datetime.now(UTC)
    for statuses, days, what, fix in (
        (
            ("planned", "registered"),
            STALE_PLAN_DAYS,
            "planned and untouched",
            "run it, or `pgolf track fail ID --reason …`",
        ),
        (
            ("running",),
            SILENT_RUN_DAYS,
            "running without news",
            "record its seeds, `pgolf decide ID`, or fail it",
        ),
    ):
        limit = (now - timedelta(days=days)).isoformat()
        old = [row.id for row in rows if row.status in statuses and row.updated_at < limit]
        if old:
            yield Finding("plans", "issue", f"{what} for {days} days: {_names(old)}", fix)


def _knowledge(workspace: Workspace) -> Iterator[Finding]:
    path = workspace.knowledge_dir / LESSONS_FILE
    fix = "write what was learned there; headings `### A + B = BAD` are enforced by `track create`"
    if not path.is_file():
        yield Finding("knowledge", "issue", f"knowledge/{LESSONS_FILE} is missing", fix)
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    if not text.strip():
        yield Finding("knowledge", "issue", f"knowledge/{LESSONS_FILE} is empty", fix)
    yield Finding("knowledge", "ok", f"{sum(1 for _ in parse_conflicts(text))} combinations are known bad")


def _leaderboard(workspace: Workspace) -> Iterator[Finding]:
    frontier = show_frontier(workspace)
    if frontier.problem:
        yield Finding("leaderboard", "issue", frontier.problem, "`pgolf leaderboard fetch`")
    elif frontier.age_days is None:
        yield Finding(
            "leaderboard",
            "note",
            f"none is cached; rules use the {frontier.source}",
            "`pgolf leaderboard fetch`",
        )
    elif frontier.age_days > frontier.stale_after_days:
        yield Finding(
            "leaderboard",
            "issue",
            f"the cached leaderboard is {frontier.age_days:.1f} days old",
            "`pgolf leaderboard fetch`",
        )


def _hooks(workspace: Workspace, run: bool) -> Iterator[Finding]:
    """The agent's settings name hooks that exist and answer: a harmless command passes, a bare launch does not."""
    path = workspace.root / ".claude" / "settings.json"
    fix = "`pgolf hook install .` in the workspace"
    if not path.is_file():
        yield Finding(
            "hooks", "issue", ".claude/settings.json is missing: an agent here is not held by any gate", fix
        )
        return
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield Finding("hooks", "issue", f".claude/settings.json cannot be read: {error}", fix)
        return
    before = list(_commands(settings, "PreToolUse"))
    if not before:
        yield Finding(
            "hooks", "issue", "no PreToolUse hook for Bash is configured: launches are not gated", fix
        )
    for command in [*before, *_commands(settings, "PostToolUse")]:
        for file in _missing_files(command, workspace.root):
            yield Finding("hooks", "issue", f"the hook names {file}, which does not exist", fix)
    if not run:
        return
    for command in before:
        yield from _try_hook(command, workspace.root)


def _commands(settings: object, event: str) -> Iterator[str]:
    """Hook commands of an event that match Bash, in any of the shapes agents use."""
    hooks = settings.get("hooks") if isinstance(settings, dict) else None
    for group in hooks.get(event, ()) if isinstance(hooks, dict) else ():
        if not isinstance(group, dict) or "Bash" not in str(group.get("matcher", "Bash")).replace(
            "*", "Bash"
        ):
            continue
        for hook in group.get("hooks", ()):
            if isinstance(hook, dict) and isinstance(hook.get("command"), str):
                yield hook["command"]


def _missing_files(command: str, root: Path) -> Iterator[str]:
    """Paths of scripts in the command that are not there."""
    expanded = command.replace("${CLAUDE_PROJECT_DIR}", str(root)).replace("$CLAUDE_PROJECT_DIR", str(root))
    try:
        words = shlex.split(expanded)
    except ValueError:
        yield command
        return
    for word in words:
        if word.endswith((".py", ".sh")) and not (root / word).exists():
            yield word


def _try_hook(command: str, root: Path) -> Iterator[Finding]:
    launch = "torchrun --standalone --nproc_per_node=8 train_gpt.py"
    for sent, wanted, meaning in (
        ("ls", 0, "lets a harmless command pass"),
        (launch, 2, "blocks an unconfirmed launch"),
    ):
        code, said = _ask_hook(command, sent, root)
        if code != wanted:
            answer = "did not answer in time" if code is None else f"answered {code}"
            detail = f" ({said})" if said else ""
            yield Finding(
                "hooks",
                "issue",
                f"the hook {answer} to `{sent}`, where {wanted} {meaning}{detail}",
                f"run it by hand: {command}",
            )
        else:
            yield Finding("hooks", "ok", f"the hook {meaning}")


def _ask_hook(command: str, sent: str, root: Path) -> tuple[int | None, str]:
    """Exit code (None: too slow) and last line of the hook for one Bash call; no override variables are passed."""
    payload = {
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": sent},
        "cwd": str(root),
        "session_id": "doctor",
    }
    env = {name: value for name, value in os.environ.items() if not name.startswith("PGOLF_")}
    env["CLAUDE_PROJECT_DIR"] = str(root)
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            input=json.dumps(payload),
            cwd=root,
            env=env,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=HOOK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    lines = done.stderr.strip().splitlines()
    return done.returncode, lines[-1][:200] if lines else ""


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
