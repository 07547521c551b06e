"""The frontier that a new rule is measured against: the cached leaderboard's, else the profile's."""

from __future__ import annotations

from pgolf.lab.preregistration import Reference, default_reference
from pgolf.lab.settings import Workspace


def frontier_reference(workspace: Workspace) -> Reference:
    """The reference of a rule that names none. A value without its seeds is one number."""
    return default_reference(workspace.profile)
