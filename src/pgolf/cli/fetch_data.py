"""`pgolf fetch-data --variant sp8192`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgolf.errors import UsageError
from pgolf.exits import Exit

if TYPE_CHECKING:
    from pgolf.core.profile import DataFile
    from pgolf.tokens.download import Progress
    from pgolf.tokens.validation_data import FetchedSplit


@click.command("fetch-data")
@click.option("--variant", default="sp8192", show_default=True, help="Which tokenizer's files.")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    help="Folder to put them in, laid out as in the contest's `data/`.",
)
@click.option(
    "--base-url",
    envvar="PGOLF_DATA_URL",
    metavar="URL",
    help="Where the files are: the address that `datasets/` and `tokenizers/` lie below  [env: PGOLF_DATA_URL]",
)
@click.option(
    "--checksums",
    type=click.Path(path_type=Path, dir_okay=False),
    help="SHA-256 sums that the files must have, as `sha256sum` writes them.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def fetch_data(
    variant: str, folder: Path, base_url: str | None, checksums: Path | None, as_json: bool
) -> int:
    """Download the validation split and its tokenizer, and prove that they are the contest's.

    A broken transfer goes on where it stopped when the command is given again; files in place are not fetched again. Exit
    codes: 0 the files are the known split, 1 they are not, 2 they could not be fetched.
    """
    from pgolf.core.profile import load_profile
    from pgolf.tokens.download import Downloader
    from pgolf.tokens.manifest import manifest_document
    from pgolf.tokens.validation_data import fetch_split, files_of, read_checksums

    profile = load_profile()
    files = files_of(profile, variant)
    if not base_url:
        raise UsageError(
            f"no address to fetch {files[0].path} from: give --base-url or set PGOLF_DATA_URL to the place that "
            "the contest publishes its data at"
        )
    sums = None if checksums is None else read_checksums(checksums)
    with ExitStack() as stack:
        downloader = Downloader()
        stack.callback(downloader.close)
        progress = _progress(stack)
        split = fetch_split(profile, variant, base_url, folder, downloader, checksums=sums, progress=progress)
    if as_json:
        rows = [
            {
                "path": str(file.path),
                "size_bytes": file.size_bytes,
                "sha256": file.sha256,
                "present": file.present,
            }
            for file in split.files
        ]
        document = {
            "variant": variant,
            "verified": split.verified,
            "files": rows,
            "manifest": manifest_document(split.manifest),
        }
        click.echo(json.dumps(document, indent=2))
    else:
        _print(split)
    return Exit.OK if split.verified else Exit.FLAGGED


def _progress(stack: ExitStack) -> Callable[[DataFile], Progress]:
    """A bar per file on a terminal's standard error; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        return lambda file: lambda done, total: None
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    bars = stack.enter_context(
        Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
    )

    def of(file: DataFile) -> Progress:
        task = bars.add_task(file.path.rsplit("/", 1)[-1], total=file.size_bytes)
        return lambda done, total: bars.update(task, completed=done, total=total)

    return of


def _print(split: FetchedSplit) -> None:
    for file in split.files:
        how = "already there" if file.present else "fetched"
        if file.resumed_from:
            how = f"fetched, from byte {file.resumed_from:,} on"
        click.echo(f"{file.sha256}  {file.path}  {file.size_bytes:,} bytes, {how}")
    click.echo(split.manifest.known)
    if not split.verified:
        click.echo(f"NOT VERIFIED: these are not the files of the {split.variant} validation split")
