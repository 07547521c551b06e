"""The frontier that work is measured against: the cached leaderboard's SOTA, else the profile's merged one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pgolf.errors import DataError
from pgolf.lab.leaderboard.board import load_board
from pgolf.lab.settings import Workspace

STALE_AFTER_DAYS = 3.0


@dataclass(frozen=True, slots=True)
class Frontier:
    """The number to beat, in bpb, its seeds where they are known, and where it comes from.

    `age_days` None: no leaderboard is cached and the profile's number stands in. `problem`: why a cached
    leaderboard could not be used.
    """

    bpb: float
    seeds_bpb: tuple[float, ...]
    source: str
    age_days: float | None
    problem: str = ""
    stale_after_days: float = STALE_AFTER_DAYS


def read_frontier(workspace: Workspace) -> Frontier:
    """The frontier to freeze into a rule. Raises DataError when the cached leaderboard is broken."""
    board = load_board(workspace.leaderboard_path)
    profile = workspace.profile
    fallback = f"merged frontier of the {profile.name} profile"
    if board is None:
        return Frontier(profile.validation.merged_sota_bpb, (), fallback, None)
    age = _age_days(board.read_at)
    if board.sota is None:
        return Frontier(
            profile.validation.merged_sota_bpb, (), f"{fallback}; the leaderboard has no record", age
        )
    sota = board.sota
    source = f"leaderboard: {sota.label()}, {sota.source}, read {sota.read_at}"
    return Frontier(sota.bpb, tuple(sota.seeds_bpb), source, age)


def show_frontier(workspace: Workspace) -> Frontier:
    """The frontier to look at: a broken leaderboard is its `problem`, and the profile's number stands in."""
    try:
        return read_frontier(workspace)
    except DataError as error:
        profile = workspace.profile
        source = f"merged frontier of the {profile.name} profile"
        return Frontier(profile.validation.merged_sota_bpb, (), source, None, str(error))


def _age_days(read_at: str) -> float:
    """Days since that moment; a moment that cannot be read is infinitely long ago, so that it is refreshed."""
    try:
        moment = datetime.fromisoformat(read_at)
    except ValueError:
        return 1e6
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (datetime.now(UTC) - moment).total_seconds() / 86_400
