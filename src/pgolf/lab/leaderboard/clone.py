"""Read the leaderboard from a local clone: README table at a commit, record folders of pull-request heads.

Git objects arrive through `GitObjects`, which the command line hands in (this package does not read foreign
repositories itself). Nothing of the clone runs, and nothing is checked out.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from pgolf.core.profile import Profile
from pgolf.errors import DataError
from pgolf.lab.leaderboard.board import BoardEntry, Leaderboard, is_plausible_bpb, tidy
from pgolf.lab.leaderboard.table import read_table
from pgolf.runlog.submission_json import StatedResults, read_submission_json

MAXIMUM_BLOB_BYTES = 4 * 1024 * 1024
MAXIMUM_FOLDERS_PER_HEAD = 50
_PRINTED_HALF = 0.00006
"""Half of the last of the table's four decimals, and a little dust."""
_HEAD = re.compile(r"(?:^|/)(?:pull|pr)/(\d{1,7})(?:/head)?$")


class GitObjects(Protocol):
    """What is asked of a clone. A thing that cannot be read comes back as a value with a `reason`."""

    def resolve(self, name: str) -> str | None:
        """The commit id `name` stands for."""

    def refs(self) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """Reference names and object ids, and complaints."""

    def commit(self, sha: str) -> Any:
        """Has `tree` and `committed_seconds`."""

    def tree(self, sha: str) -> Any:
        """Entries with `path`, `sha`, `is_tree`."""

    def subtree(self, root: str, path: str) -> Any:
        """Id of the tree at `path` under tree `root`."""

    def read(self, sha: str, max_bytes: int) -> Any:
        """Bytes of a blob."""


def read_clone(profile: Profile, git: GitObjects, place: str, read_at: str, at: str = "HEAD") -> Leaderboard:
    """Accepted records of the README at commit `at`, claims of every pull-request head that adds a record folder.

    Raises DataError when the commit or its README cannot be read. A head that cannot be read is a note.
    """
    main = git.resolve(at)
    if main is None:
        raise DataError(f"{place}: there is no commit {at!r}")
    root = git.commit(main)
    entries_of_root = [] if _is_unreadable(root) else git.tree(root.tree)
    if _is_unreadable(root) or _is_unreadable(entries_of_root):
        raise DataError(f"{place}: commit {main[:12]} cannot be read")
    readme_sha = next((e.sha for e in entries_of_root if e.path.casefold() == "readme.md"), None)
    readme = git.read(readme_sha, MAXIMUM_BLOB_BYTES) if readme_sha else None
    if not isinstance(readme, bytes):
        raise DataError(f"{place}: commit {main[:12]} has no README.md that can be read")
    records = profile.leaderboard.records
    source = f"README.md at commit {main[:12]}"
    table = read_table(
        readme.decode("utf-8", "replace"), profile.leaderboard.heading, source, read_at, records
    )
    merged = _folders(git, root.tree, records)
    stated = {folder: found for folder, tree in merged.items() if (found := _stated(git, tree)) is not None}
    accepted = [_with_seeds(entry, stated, records) for entry in table.entries]
    notes = list(table.notes)
    claims, unreadable, heads = _read_heads(git, merged, records, read_at)
    if unreadable:
        shown = ", ".join(f"#{pr}" for pr in unreadable[:5])
        more = f" and {len(unreadable) - 5} more" if len(unreadable) > 5 else ""
        notes.append(f"{len(unreadable)} of {heads} pull-request heads could not be read ({shown}{more})")
    where = f"clone at commit {main[:12]}, {heads} pull-request heads"
    return Leaderboard(profile.repository, where, read_at, (*accepted, *claims), tuple(notes))


def _is_unreadable(value: object) -> bool:
    return hasattr(value, "reason")


def _folders(git: GitObjects, tree: str, records: str) -> dict[str, str]:
    """Record folder name -> tree id; empty when the commit has no records."""
    found = git.subtree(tree, records)
    entries = () if _is_unreadable(found) else git.tree(found)
    return {} if _is_unreadable(entries) else {e.path: e.sha for e in entries if e.is_tree}


def _read_heads(
    git: GitObjects, merged: Mapping[str, str], records: str, read_at: str
) -> tuple[list[BoardEntry], list[int], int]:
    """Claims of all heads, the pull requests that could not be read, and the number of heads."""
    refs, _ = git.refs()
    heads = {int(m[1]): sha for name, sha in sorted(refs.items()) if (m := _HEAD.search(name))}
    claims: list[BoardEntry] = []
    unreadable: list[int] = []
    for pr, sha in sorted(heads.items()):
        commit = git.commit(sha)
        if _is_unreadable(commit):
            unreadable.append(pr)
            continue
        date = datetime.datetime.fromtimestamp(min(max(commit.committed_seconds, 0), 2**33), datetime.UTC)
        new = [
            (folder, tree)
            for folder, tree in _folders(git, commit.tree, records).items()
            if folder not in merged
        ]
        for folder, tree in new[:MAXIMUM_FOLDERS_PER_HEAD]:
            stated = _stated(git, tree)
            if stated is None or stated.val_bpb is None or not is_plausible_bpb(stated.val_bpb.value):
                continue
            claims.append(
                BoardEntry(
                    name=tidy(folder),
                    bpb=stated.val_bpb.value,
                    status="unknown",
                    date=date.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    source=tidy(f"submission.json ({stated.val_bpb.path}) at {sha[:12]}"),
                    read_at=read_at,
                    pr=pr,
                    folder=tidy(f"{records}/{folder}"),
                    seeds_bpb=_seeds_bpb(stated),
                    val_loss_nats=_loss(stated),
                )
            )
    return claims, unreadable, len(heads)


def _stated(git: GitObjects, tree: str) -> StatedResults | None:
    entries = git.tree(tree)
    if _is_unreadable(entries):
        return None
    sha = next((e.sha for e in entries if e.path == "submission.json" and not e.is_tree), None)
    raw = git.read(sha, MAXIMUM_BLOB_BYTES) if sha else None
    return read_submission_json(raw) if isinstance(raw, bytes) else None


def _with_seeds(entry: BoardEntry, stated: Mapping[str, StatedResults], records: str) -> BoardEntry:
    """The entry with the seeds of its record folder, where their mean is the table's value.

    A row that links no folder gets the one record folder that states its value, if there is exactly one.
    """
    folder = entry.folder.rpartition("/")[2]
    if not folder:
        same = [
            name
            for name, s in stated.items()
            if s.val_bpb and abs(s.val_bpb.value - entry.bpb) < _PRINTED_HALF
        ]
        if len(same) != 1:
            return entry
        folder = same[0]
        note = f"; record folder {tidy(folder)}: the only one that states this value"
        entry = replace(entry, folder=f"{records}/{folder}", source=entry.source + note)
    found = stated.get(folder)
    if found is None:
        return entry
    seeds = _seeds_bpb(found)
    # Seeds of another run (a rerun, a retracted table) must not stand for this value.
    if seeds and abs(sum(seeds) / len(seeds) - entry.bpb) > 10 * _PRINTED_HALF:
        seeds = ()
    return replace(entry, seeds_bpb=seeds, val_loss_nats=_loss(found))


def _seeds_bpb(stated: StatedResults) -> tuple[float, ...]:
    values: Sequence[float] = [
        seed.val_bpb.value for seed in stated.per_seed[:100] if seed.val_bpb is not None
    ]
    return tuple(value for value in values if is_plausible_bpb(value))


def _loss(stated: StatedResults) -> float | None:
    loss = stated.val_loss
    return loss.value if loss is not None and 0.01 <= loss.value <= 100 else None
