"""`pgolf leaderboard fetch|current`: what must be beaten, where that is stated, and how it came about."""

from __future__ import annotations

import datetime
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgolf.cli.track import terminal_width
from pgolf.exits import Exit

if TYPE_CHECKING:
    from pgolf.lab.leaderboard.board import BoardEntry, Leaderboard

_audit_rows = click.option(
    "--audit-rows",
    type=click.Path(path_type=Path),
    help="Rows of `pgolf audit repo` (JSON lines): values they flag are no SOTA.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@click.group()
def leaderboard() -> None:
    """Accepted records and pull-request claims, each with its source and time."""


@leaderboard.command()
@click.option("--from-git", type=click.Path(path_type=Path), help="Read this clone instead of GitHub's API.")
@click.option(
    "--at", default="HEAD", show_default=True, help="With --from-git: the commit whose README counts."
)
@_audit_rows
@_as_json
def fetch(from_git: Path | None, at: str, audit_rows: Path | None, as_json: bool) -> int:
    """Read the leaderboard anew. On any failure the old one is kept."""
    from pgolf.errors import DataError
    from pgolf.lab.documents import document
    from pgolf.lab.leaderboard.board import (
        carry_marks,
        load_board,
        mark_audited,
        read_audit_rows,
        save_board,
    )
    from pgolf.lab.settings import load_workspace

    workspace = load_workspace()
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = read_audit_rows(audit_rows) if audit_rows else []
    if from_git is not None:
        from pgolf.audit.gitobjects import ObjectReader, find_git_dir
        from pgolf.lab.leaderboard.clone import read_clone

        with ObjectReader(find_git_dir(from_git)) as git:
            board = read_clone(workspace.profile, git, str(from_git), now, at)
    else:
        from pgolf.lab.leaderboard.github import GitHub, fetch_board

        github = GitHub(os.environ)
        try:
            pages = workspace.leaderboard_path.with_name("leaderboard_pages.json")
            board = fetch_board(workspace.profile, github, pages, now)
        finally:
            github.close()
    if audit_rows:
        board = mark_audited(board, rows, f"{audit_rows.name}, read {now}")
    with suppress(DataError):  # a broken cache has no marks to keep, and is replaced
        board = carry_marks(load_board(workspace.leaderboard_path), board)
    save_board(workspace.leaderboard_path, board)
    if as_json:
        click.echo(document("lab_leaderboard", board.to_json()), nl=False)
    else:
        _print_board(board)
    return Exit.OK


@leaderboard.command()
@click.option("--history", is_flag=True, help="The frontier over time.")
@click.option(
    "--claims", "claims", type=click.IntRange(0), default=5, show_default=True, help="Claims shown."
)
@_audit_rows
@_as_json
def current(history: bool, claims: int, audit_rows: Path | None, as_json: bool) -> int:
    """The cached leaderboard: SOTA, the accepted records behind it, the lowest claims."""
    from pgolf.errors import UsageError
    from pgolf.lab.documents import document
    from pgolf.lab.leaderboard.board import load_board, mark_audited, read_audit_rows
    from pgolf.lab.settings import load_workspace

    workspace = load_workspace()
    board = load_board(workspace.leaderboard_path)
    if board is None:
        raise UsageError(
            f"no leaderboard at {workspace.leaderboard_path}: read one with `pgolf leaderboard fetch` "
            "(or `fetch --from-git PATH`)"
        )
    if audit_rows:
        board = mark_audited(board, read_audit_rows(audit_rows), audit_rows.name)
    if as_json:
        body = board.to_json()
        if history:
            body["frontier"] = [asdict(entry) for entry in board.frontier()]
        click.echo(document("lab_leaderboard", body), nl=False)
    elif history:
        _print_frontier(board)
    else:
        _print_board(board, claims)
    return Exit.OK


def _print_board(board: Leaderboard, claims: int = 5) -> None:
    sota = board.sota
    if sota is None:
        click.echo(f"{board.repository}: no accepted record that is not flagged")
    else:
        click.secho(f"SOTA {sota.bpb:g} bpb", bold=True, nl=False)
        click.echo(f"  {sota.label()} ({sota.date[:10] or 'no date'}, {sota.author or 'no author'})")
        seeds = ", ".join(f"{value:.5f}" for value in sota.seeds_bpb)
        click.echo(f"  seeds {seeds}" if seeds else "  its seeds are not known: one number, taken as exact")
        audit = f"; audit: {sota.audit} ({sota.audit_source})" if sota.audit else "; not audited here"
        click.echo(f"  {sota.source}{audit}")
    click.echo(f"read {board.read_at} from {board.source}")
    for note in board.notes[:10]:
        click.echo(f"note: {note}")
    if board.accepted:
        click.echo()
        _print_entries("accepted", board.accepted[:10], len(board.accepted))
    lowest = board.claims[:claims]
    if lowest:
        click.echo()
        _print_entries("claimed, not accepted", lowest, len(board.claims))


def _print_frontier(board: Leaderboard) -> None:
    from pgolf.lab.text_table import text_table

    steps = board.frontier()
    rows = []
    previous: BoardEntry | None = None
    for step in steps:
        gain = "" if previous is None else f"-{previous.bpb - step.bpb:.4f}"
        rows.append((step.date[:10], f"{step.bpb:.4f}", gain, step.author, step.label()))
        previous = step
    head, *body = text_table(
        ("date", "bpb", "gain", "author", "record"), rows, frozenset({1, 2}), terminal_width()
    )
    click.secho(head, bold=True)
    for line in body:
        click.echo(line)
    flagged = [entry for entry in board.accepted if entry.flagged]
    for entry in flagged:
        corrected = "" if entry.corrected_bpb is None else f", corrected {entry.corrected_bpb:.4f}"
        click.echo(f"left out, flagged by {entry.audit_source}: {entry.bpb:g}{corrected} {entry.label()}")
    click.echo(f"{len(steps)} steps; read {board.read_at} from {board.source}")


def _print_entries(title: str, entries: tuple[BoardEntry, ...], count: int) -> None:
    from pgolf.lab.text_table import text_table

    rows = [
        (
            f"{entry.bpb:.4f}",
            entry.date[:10],
            f"{entry.audit} -> {entry.corrected_bpb:.4f}"
            if entry.flagged and entry.corrected_bpb
            else entry.audit or "-",
            entry.status,
            entry.author,
            entry.label(),
        )
        for entry in entries
    ]
    header = ("bpb", "date", "audit", "status", "author", title)
    head, *body = text_table(header, rows, frozenset({0}), terminal_width())
    click.secho(head, bold=True)
    for line in body:
        click.echo(line)
    if count > len(entries):
        click.echo(f"… {count - len(entries)} more (--json lists all)")
