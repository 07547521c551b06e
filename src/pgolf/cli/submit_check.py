"""`pgolf submit-check ID`: every check with its fix; on success the pull request's body. Never pushes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgolf.exits import Exit

if TYPE_CHECKING:
    from pgolf.lab.settings import Workspace
    from pgolf.lab.submit.candidate import Candidate
    from pgolf.lab.submit.check import CheckResult


@click.command()
@click.argument("experiment_id", metavar="ID")
@click.option(
    "--prepare", type=click.Path(path_type=Path), metavar="DIR", help="Write the record folder there."
)
@click.option(
    "--artifact", type=click.Path(path_type=Path), help="The compressed model, to be measured on file."
)
@click.option("--author", default="", help="For submission.json.")
@click.option("--name", default="", help="The record's title; default: the hypothesis.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def submit_check(
    experiment_id: str, prepare: Path | None, artifact: Path | None, author: str, name: str, as_json: bool
) -> int:
    """May experiment ID be submitted? Exit 0: yes, 1: no, with every reason and its fix."""
    from pgolf.lab.documents import document
    from pgolf.lab.settings import load_workspace
    from pgolf.lab.submit.candidate import collect_candidate
    from pgolf.lab.submit.checks import run_checks
    from pgolf.lab.submit.folder import render_readme, write_folder

    workspace = load_workspace()
    candidate = collect_candidate(workspace, experiment_id, artifact)
    title = name or candidate.record.experiment.hypothesis
    candidate = _audited(workspace, candidate, author, title)
    results = run_checks(candidate)
    ready = all(result.passed for result in results)
    body = render_readme(candidate, title) if ready else None
    files = []
    if prepare is not None:
        files = write_folder(candidate, prepare, author=author, name=title)
    if as_json:
        out = {
            "experiment": candidate.record.experiment.id,
            "ready": ready,
            "checks": [result.as_dict() for result in results],
            "pull_request_body": body,
            "folder": [str(path) for path in files] or None,
        }
        click.echo(document("lab_submit_check", out), nl=False)
    else:
        _print(candidate.record.experiment.id, results, body)
        for path in files:
            click.echo(f"wrote {path}")
        if files and not ready:
            click.echo("the folder is written, but it is not ready to be submitted")
    return Exit.OK if ready else Exit.REFUSED


def _audited(workspace: Workspace, candidate: Candidate, author: str, title: str) -> Candidate:
    """The candidate with the audit of the folder that would be submitted."""
    from pgolf.audit.evidence import collect_evidence
    from pgolf.audit.folder import disk_folder
    from pgolf.audit.judge import judge
    from pgolf.audit.submission import SUBMISSION_LIMITS
    from pgolf.errors import PgolfError
    from pgolf.lab.submit.folder import write_folder

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / candidate.record.experiment.id
        try:
            write_folder(candidate, folder, author=author, name=title)
            shown = disk_folder(folder, candidate.record.experiment.id)
            report = judge(collect_evidence(shown, workspace.profile, SUBMISSION_LIMITS))
        except PgolfError as error:
            return candidate.audited(None, str(error))
    return candidate.audited(report.row)


def _print(experiment: str, results: tuple[CheckResult, ...], body: str | None) -> None:
    from pgolf.report.visible import visible

    marks = {"pass": ("ok     ", "green"), "fail": ("FAIL   ", "red"), "unknown": ("UNKNOWN", "yellow")}
    for result in results:
        mark, colour = marks[result.state]
        click.secho(mark, fg=colour, bold=True, nl=False)
        click.echo(f"  {result.name}: {visible(result.found)}")
        if result.fix:
            click.echo(f"         fix: {visible(result.fix)}")
    failed = sum(1 for result in results if not result.passed)
    if body is None:
        click.echo(f"{experiment} is not ready: {failed} of {len(results)} checks stand in the way")
    else:
        click.echo(f"{experiment} is ready: all {len(results)} checks pass. Body of the pull request:\n")
        click.echo(body, nl=False)
