"""The files of a contest's validation split: fetch them, and prove that they are that split."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pgolf.core.profile import DataFile, Profile
from pgolf.errors import UsageError
from pgolf.tokens.manifest import Manifest, is_full_split, read_manifest
from pgolf.tokens.sentencepiece_model import read_bounded, read_model_file
from pgolf.tokens.shard import read_header

if TYPE_CHECKING:
    from pgolf.tokens.download import Downloaded, Downloader, Progress

_CHECKS: dict[str, Callable[[Path], object]] = {"validation": read_header, "tokenizer": read_model_file}
"""What a finished file must be readable as; a page of a web server is not."""
MAX_CHECKSUMS_BYTES = 1 << 20
_CHECKSUM = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


@dataclass(frozen=True, slots=True)
class FetchedSplit:
    """Files in place. `verified`: tokens, vocabulary and canonical bytes are those of the known split."""

    variant: str
    files: tuple[Downloaded, ...]
    manifest: Manifest
    verified: bool


def files_of(profile: Profile, variant: str) -> tuple[DataFile, ...]:
    """The files of a variant. Raises UsageError naming the variants there are."""
    found = tuple(file for file in profile.data_files if file.variant == variant)
    if not found:
        known = ", ".join(dict.fromkeys(file.variant for file in profile.data_files)) or "none"
        raise UsageError(f"variant {variant!r:.80}: not in the profile {profile.name}; it has: {known}")
    return found


def read_checksums(path: Path) -> dict[str, str]:
    """{path: SHA-256} of a file as `sha256sum` writes it. Raises UsageError for any other line."""
    sums: dict[str, str] = {}
    text = read_bounded(path, MAX_CHECKSUMS_BYTES, "checksums").decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = _CHECKSUM.fullmatch(line)
        if not found:
            raise UsageError(
                f"{path}:{number}: not a line of sha256sum (64 hexadecimal digits, two spaces, a path)"
            )
        sums[found[2].removeprefix("./")] = found[1].lower()
    return sums


def address(base_url: str, path: str) -> str:
    """The address of `path` below `base_url`. Raises UsageError when that is no http address."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            f"{base_url!r:.200}: not an http address to put a path behind; give --base-url or set PGOLF_DATA_URL"
        )
    return f"{base_url.rstrip('/')}/{quote(path)}"


def _inside(folder: Path, file: DataFile) -> Path:
    parts = PurePosixPath(file.path).parts
    if not parts or PurePosixPath(file.path).is_absolute() or ".." in parts:
        raise UsageError(f"profile: data file {file.path!r:.200} is no path below a folder")
    return folder.joinpath(*parts)


def fetch_split(
    profile: Profile,
    variant: str,
    base_url: str,
    folder: Path,
    downloader: Downloader,
    *,
    checksums: Mapping[str, str] | None = None,
    progress: Callable[[DataFile], Progress] = lambda file: lambda done, total: None,
) -> FetchedSplit:
    """Fetch every file of `variant` below `folder` and measure the split. Raises UsageError or DataError."""
    from pgolf.tokens.download import Wanted

    files = files_of(profile, variant)
    sums = checksums or {}
    for given in sums:
        if not any(given in (file.path, PurePosixPath(file.path).name) for file in files):
            raise UsageError(f"checksums: {given!r:.200} is no file of variant {variant}")
    wanted = [
        Wanted(
            address(base_url, file.path),
            _inside(folder, file),
            file.size_bytes,
            sums.get(file.path) or sums.get(PurePosixPath(file.path).name) or file.sha256,
            _CHECKS.get(file.role),
        )
        for file in files
    ]
    fetched = tuple(
        downloader.download(want, progress(file)) for want, file in zip(wanted, files, strict=True)
    )
    by_role = {file.role: want.target for file, want in zip(files, wanted, strict=True)}
    shards = by_role["validation"]
    facts = next(facts for facts in profile.validation.tokenizers if facts.key == variant)
    manifest = read_manifest(str(shards), read_model_file(by_role["tokenizer"]), profile)
    return FetchedSplit(variant, fetched, manifest, is_full_split(manifest, facts, profile))
