"""The frontier that a new rule is measured against: the cached leaderboard's, else the profile's."""

from __future__ import annotations

from pgolf.lab.leaderboard.board import load_board
from pgolf.lab.preregistration import Reference, default_reference
from pgolf.lab.settings import Workspace


def frontier_reference(workspace: Workspace) -> Reference:
    """The reference of a rule that names none: SOTA with its seeds where at least two are known.

    A value without its seeds is one number. Raises DataError when the cached leaderboard is broken.
    """
    board = load_board(workspace.leaderboard_path)
    sota = board.sota if board else None
    if board is None or sota is None:
        return default_reference(workspace.profile)
    source = f"leaderboard: {sota.label()}, {sota.source}, read {sota.read_at}"
    if len(sota.seeds_bpb) >= 2:
        return Reference("seeds", sota.seeds_bpb, source)
    return Reference("value", (sota.bpb,), source)
