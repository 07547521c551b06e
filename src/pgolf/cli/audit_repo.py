"""`pgolf audit repo PATH`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgolf.cli.audit_submission import FORMATS, write_report
from pgolf.errors import UsageError
from pgolf.exits import Exit

if TYPE_CHECKING:
    from pgolf.audit.records import Found
    from pgolf.audit.repository import Progress, RepositoryAudit

_ENDINGS = {"html": "html", "markdown": "md", "sarif": "sarif", "json": "json"}


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/pgolf`, else `~/.cache/pgolf`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "pgolf"


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--records", is_flag=True, help="The record folders of a checkout, or of a commit in a bare clone."
)
@click.option(
    "--pull-requests",
    "pull_requests",
    metavar="[RANGE]",
    is_flag=False,
    flag_value="all",
    default=None,
    help="Every pull-request head against its merge base; RANGE is like 1500-1600,1734.",
)
@click.option("--revision", help="With --records: read this commit instead of the files on disk.")
@click.option("--main", "main_branch", help="With --pull-requests: the branch to compare with.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes (default: all processors).")
@click.option("--scheduler", metavar="ADDRESS", help="Run on the Dask cluster at this address instead.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for rows.jsonl, report.html, .md, .sarif, .json."
)
@click.option("--resume", is_flag=True, help="Keep the rows that an earlier, interrupted run left in --out.")
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Folder of the result cache. [default: ~/.cache/pgolf]"
)
@click.option("--no-cache", is_flag=True, help="Neither read nor write the result cache.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write the report there instead of standard output."
)
@click.option(
    "--profile", default="parameter_golf", show_default=True, help="Contest profile: a name or a .toml file."
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def repo(
    path: Path,
    records: bool,
    pull_requests: str | None,
    revision: str | None,
    main_branch: str | None,
    jobs: int | None,
    scheduler: str | None,
    out: Path | None,
    resume: bool,
    cache: Path | None,
    no_cache: bool,
    format_: str,
    output: Path | None,
    profile: str,
    quiet: bool,
) -> int:
    """Audit every submission of a repository: its record folders, or what its pull requests add.

    PATH is a checkout, a bare clone or a folder of records. Without --records or --pull-requests, pull requests are
    audited where the clone has their heads, else records. The exit code says that rows were made (0) or that the input
    is unusable (2): a contest has flagged submissions, that is no failure of the run.
    """
    from pgolf.audit.repository import RunOptions, audit_repository
    from pgolf.audit.workpool import default_jobs
    from pgolf.report import render_rows

    if records and pull_requests is not None:
        raise UsageError("--records and --pull-requests exclude each other; choose one")
    if resume and out is None:
        raise UsageError("--resume needs --out: the folder of the run to go on with")
    found = _find(path, records or revision is not None, pull_requests, revision, main_branch)
    options = RunOptions(
        jobs=jobs or default_jobs(),
        scheduler=scheduler,
        cache=None if no_cache else (cache or default_cache()) / "results.sqlite",
        out=out,
        resume=resume,
        profile=profile,
    )
    with _bar(len(found.tasks), quiet) as advance:
        result = audit_repository(found, options, advance)
    title = f"Audit of {_name(path)}"
    if out is not None:
        for name, ending in _ENDINGS.items():
            write_report(render_rows(result.rows, name, title=title), out / f"report.{ending}")
    if output is not None or out is None or format_ != "text":
        write_report(render_rows(result.rows, format_, title=title), output)
    else:
        click.echo(_summary(result, out))
    for note in result.notes:
        click.echo(f"pgolf: {note}", err=True)
    return Exit.OK


def _name(path: Path) -> str:
    """What a clone calls its remote, else the folder's name."""
    from pgolf.audit.gitobjects import ObjectReader, find_git_dir

    try:
        with ObjectReader(find_git_dir(path)) as reader:
            known = reader.name()
    except (UsageError, OSError):
        known = None
    return known or path.resolve().name


def _find(
    path: Path, records: bool, pull_requests: str | None, revision: str | None, main_branch: str | None
) -> Found:
    from pgolf.audit.gitobjects import ObjectReader, find_git_dir
    from pgolf.audit.records import find_pull_requests, find_records, pull_request_heads

    if records:
        return find_records(path, revision)
    if pull_requests is not None:
        return find_pull_requests(path, pull_requests, main_branch)
    try:
        with ObjectReader(find_git_dir(path)) as reader:
            has_heads = bool(pull_request_heads(reader.refs()[0]))
    except UsageError:
        has_heads = False
    return find_pull_requests(path, "all", main_branch) if has_heads else find_records(path)


@contextlib.contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on standard error with rate and time left; silent where that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: object) -> Text:
            speed = getattr(task, "finished_speed", None) or getattr(task, "speed", None)
            return Text(f"{speed:,.0f}/s" if speed else "", style="dim")

    console = Console(stderr=True)
    columns = (TextColumn("Auditing"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Bar(
        *columns, TextColumn("{task.fields[said]}"), console=console, disable=not console.is_terminal
    ) as bar:
        shown = bar.add_task("", total=total, said="")

        def advance(progress: Progress) -> None:
            said = f"{progress.from_cache:,} cached" if progress.from_cache else ""
            bar.update(shown, completed=progress.done, said=said)

        yield advance


def _summary(result: RepositoryAudit, out: Path) -> str:
    counts: dict[str, int] = {}
    for row in result.rows:
        counts[row.verdict.value] = counts.get(row.verdict.value, 0) + 1
    said = ", ".join(f"{counts[v]:,} {v}" for v in ("FLAGGED", "UNVERIFIED", "VERIFIED") if v in counts)
    progress = result.progress
    source = f"{progress.from_cache:,} from the cache, {progress.resumed:,} kept, {progress.crashed:,} not finished"
    return f"{len(result.rows):,} audited: {said} ({source})\nwritten to {out}: rows.jsonl, report.html, .md, .sarif, .json"
