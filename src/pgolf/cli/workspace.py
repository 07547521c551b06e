"""`pgolf report`, `doctor`, `blog`, `checkpoint`, `init`: a workspace as a whole."""

from __future__ import annotations

from pathlib import Path

import click

from pgolf.exits import Exit

_LEVEL_COLOURS = {"issue": "red", "note": "magenta", "ok": "green"}


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder; default: the workspace."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def report(output: Path | None, as_json: bool) -> int:
    """Write REPORT.md: lineage, seeds, rules, decisions, spend, with SVG plots."""
    from pgolf.lab.documents import document
    from pgolf.lab.progress_report import write_report
    from pgolf.lab.settings import load_workspace

    written = write_report(load_workspace(), output)
    if as_json:
        click.echo(document("lab_report", {"report": written.as_dict()}), nl=False)
    else:
        click.echo(f"wrote {', '.join(written.files)} in {written.folder}")
    return Exit.OK


@click.command()
@click.option(
    "--no-hooks", is_flag=True, help="Do not start the configured hooks to see whether they answer."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def doctor(no_hooks: bool, as_json: bool) -> int:
    """Check store, event chain, ledger, plans, knowledge, leaderboard and hooks; exit 1 when something needs mending."""
    from pgolf.lab.doctor import examine
    from pgolf.lab.documents import document
    from pgolf.lab.settings import load_workspace
    from pgolf.report.visible import visible

    findings = examine(load_workspace(), run_hooks=not no_hooks)
    issues = sum(finding.level == "issue" for finding in findings)
    if as_json:
        body = {"issues": issues, "findings": [finding.as_dict() for finding in findings]}
        click.echo(document("lab_doctor", body), nl=False)
    else:
        for finding in findings:
            level = click.style(f"{finding.level:<5}", fg=_LEVEL_COLOURS[finding.level])
            click.echo(f"{level}  {finding.check:<12} {visible(finding.message)}")
            if finding.fix and finding.level != "ok":
                click.echo(f"{'':<20}mend: {visible(finding.fix)}")
        click.echo(f"{issues} issue(s)" if issues else "all well")
    return Exit.FLAGGED if issues else Exit.OK


@click.command()
@click.argument("experiment_id", metavar="ID")
@click.option("--force", is_flag=True, help="Replace an existing post.")
def blog(experiment_id: str, force: bool) -> int:
    """Write the scaffold of a post about experiment ID to blog/ID.md."""
    from pgolf.lab.post import write_post
    from pgolf.lab.settings import load_workspace

    click.echo(f"wrote {write_post(load_workspace(), experiment_id, force=force)}")
    return Exit.OK


@click.command()
@click.option("-m", "--note", default="", help="Why this checkpoint.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def checkpoint(note: str, as_json: bool) -> int:
    """Copy store, events and ledger to state/checkpoints/, and pin their hashes; exit 1 when they are damaged."""
    from pgolf.lab.checkpoints import make_checkpoint
    from pgolf.lab.documents import document
    from pgolf.lab.settings import load_workspace
    from pgolf.report.visible import visible

    made = make_checkpoint(load_workspace(), note)
    if as_json:
        click.echo(document("lab_checkpoint", {"checkpoint": made.as_dict()}), nl=False)
    else:
        click.echo(f"checkpoint {made.folder}: {', '.join(made.files)}")
        click.echo(f"  events  {made.events}, last hash {made.event_hash[:16]}")
        click.echo(
            f"  ledger  {made.ledger_lines} lines, {made.ledger_balance_usd:.2f} USD, last hash {made.ledger_hash[:16]}"
        )
        for problem in made.problems:
            click.echo(f"  damaged {visible(problem)}")
    return Exit.FLAGGED if made.problems else Exit.OK


def _install_hooks(root: Path) -> tuple[str, ...]:
    from pgolf.hooks.install import install

    return install(root).files


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--profile", metavar="NAME", help="Contest profile: a shipped name, or a .toml inside DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def init(folder: Path, profile: str | None, as_json: bool) -> int:
    """Make a workspace in DIR: settings, agent hooks and commands, knowledge, an empty ledger and store.

    Files that are there already are kept.
    """
    from pgolf.lab.documents import document
    from pgolf.report.visible import visible
    from pgolf.workspace.creation import create_workspace

    made = create_workspace(folder, profile=profile, install_hooks=_install_hooks)
    if as_json:
        click.echo(document("lab_workspace", {"workspace": made.as_dict()}), nl=False)
        return Exit.OK
    click.echo(f"workspace {visible(made.root)}: {len(made.written)} files written, {len(made.kept)} kept")
    for name in made.kept:
        click.echo(f"  kept {visible(name)}")
    click.echo("next: pgolf doctor; pgolf status")
    return Exit.OK
