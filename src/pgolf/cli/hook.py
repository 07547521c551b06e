"""`pgolf hook explain|install|selftest`: what the gates would say, and whether they stand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from pgolf.exits import Exit


@click.group()
def hook() -> None:
    """The gates in front of an agent's shell: explain, install, selftest."""


@hook.command()
@click.argument("command")
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
@click.option(
    "--cwd", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Read it as run there."
)
def explain(command: str, as_json: bool, cwd: Path | None) -> int:
    """How COMMAND is read, what it would cost, and what each gate says. Holds nothing; exit 1 when refused."""
    from pgolf.hooks.answer import request_of
    from pgolf.hooks.plain import is_plain
    from pgolf.lab import gates

    request = request_of(command, str(cwd or Path.cwd()), dict(os.environ))
    plan = request.plan
    answers = gates.ask(request) if plan.is_launch else ()
    refused = any(not answer.lets_through for answer in answers)
    if as_json:
        document = {
            "command": command,
            "is_launch": plan.is_launch,
            "fast_path": is_plain(command),
            "usd": round(plan.usd, 6) if not plan.problems else None,
            "launches": [
                {
                    "launcher": launch.launcher,
                    "argv": list(launch.argv),
                    "nodes": launch.nodes,
                    "gpus_per_node": launch.gpus_per_node,
                    "gpu": launch.gpu,
                    "cap_seconds": launch.cap_seconds,
                    "capped": launch.capped,
                    "times": launch.times,
                    "usd": round(launch.usd, 6),
                    "script": launch.script,
                    "experiment": launch.experiment,
                    "detached": launch.detached,
                    "variables": dict(launch.variables),
                    "notes": list(launch.notes),
                }
                for launch in plan.launches
            ],
            "problems": [
                {"what": problem.what, "reason": problem.reason, "instead": problem.instead}
                for problem in plan.problems
            ],
            "delegated": list(plan.delegated),
            "gates": [
                {"gate": answer.gate, "verdict": answer.verdict, "reason": answer.reason}
                for answer in answers
            ],
            "answer": "refused" if refused else "allowed",
        }
        click.echo(json.dumps(document, indent=2))
        return int(Exit.REFUSED if refused else Exit.OK)
    for line in _lines(command, request, answers):
        click.echo(line)
    return int(Exit.REFUSED if refused else Exit.OK)


def _lines(command: str, request: object, answers: tuple[object, ...]) -> list[str]:
    """The explanation as text."""
    from pgolf.lab.gates import Answer, Request

    assert isinstance(request, Request)  # noqa: S101 - built by the caller
    plan = request.plan
    lines: list[str] = []
    if plan.delegated:
        lines.append(f"gated by itself: {', '.join(plan.delegated)}")
    if not plan.is_launch:
        return [*lines, "no GPU launch: the hook lets it pass"]
    for launch in plan.launches:
        times = "" if launch.times == 1 else f" x {launch.times} times"
        lines.append(
            f"launch    {launch.launcher}: {launch.nodes} x {launch.gpu} for {launch.cap_seconds:g} s{times}"
            f" = {launch.usd:.2f} USD"
        )
        for label, value in (("script", launch.script), ("experiment", launch.experiment)):
            if value:
                lines.append(f"  {label:<10} {value}")
        if launch.times == 0:
            lines.append("  note       the other branch costs more and is the one charged")
        lines.extend(f"  note       {note}" for note in launch.notes)
    for problem in plan.problems:
        lines.append(f"unpriced  {problem.what}")
        lines.append(f"  why        {problem.reason}")
        lines.append(f"  instead    {problem.instead}")
    refused = False
    for answer in answers:
        assert isinstance(answer, Answer)  # noqa: S101 - built by the caller
        refused = refused or not answer.lets_through
        lines.append(f"gate      {answer.gate:<13} {answer.verdict:<8} {answer.reason}")
    lines.append("answer    refused" if refused else "answer    allowed; the hook would hold the price")
    return lines


@hook.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".")
@click.option(
    "--agent",
    "agents",
    multiple=True,
    type=click.Choice(["claude", "codex", "gemini", "cursor"]),
    help="Repeatable; default: claude.",
)
def install(folder: Path, agents: tuple[str, ...]) -> int:
    """Write the hooks and the agent's settings into a project FOLDER; existing settings are kept."""
    from pgolf.hooks.install import install as write

    for agent in agents or ("claude",):
        done = write(folder, agent)
        for path in done.files:
            click.echo(f"{agent}: {path}")
    return int(Exit.OK)


@hook.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per trial.")
def selftest(folder: Path, as_json: bool) -> int:
    """Run the hook installed in FOLDER against launches and harmless commands; exit 1 when it fails to block."""
    from pgolf.hooks.selftest import selftest as run

    trials = run(folder)
    for trial in trials:
        if as_json:
            click.echo(
                json.dumps(
                    {
                        "trial": trial.name,
                        "expected": trial.expected,
                        "got": trial.got,
                        "passed": trial.passed,
                        "message": trial.message,
                    }
                )
            )
        else:
            click.echo(f"{'ok  ' if trial.passed else 'FAIL'} {trial.name}")
            if not trial.passed:
                click.echo(f"     exit {trial.got}, expected {trial.expected}: {trial.message[:300]}")
    failed = sum(not trial.passed for trial in trials)
    if not as_json:
        click.echo(f"{len(trials) - failed} of {len(trials)} right")
    return int(Exit.REFUSED if failed else Exit.OK)
