"""Where a workspace is and what its settings say. Standard library only: the hook's slow path imports this.

A workspace is the nearest folder upwards that holds `pgolf.toml`. Settings come from that file and are
overridden by the environment (`PGOLF_BUDGET`, `PGOLF_RESERVE`, `PGOLF_DATABASE_URL`, `PGOLF_PROFILE`).

    [pgolf]
    profile = "parameter_golf"     # a shipped profile's name, or a path to a .toml file
    budget_usd = 500.0             # overrides the profile's
    reserve_usd = 60.0
    database_url = "sqlite:///pgolf.db"
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from pgolf.core import toml
from pgolf.core.frozen import dataclass
from pgolf.core.profile import DEFAULT_PROFILE, Profile, load_profile
from pgolf.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_FILE = "pgolf.toml"
_KNOWN = frozenset({"profile", "budget_usd", "reserve_usd", "database_url"})


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace: its folder, its contest profile and its money."""

    root: Path
    profile: Profile
    budget_usd: float
    reserve_usd: float
    database_url: str

    @property
    def spendable_usd(self) -> float:
        """What may be spent before the reserve is touched."""
        return self.budget_usd - self.reserve_usd

    @property
    def ledger_path(self) -> Path:
        """Append-only money, one JSON object a line."""
        return self.root / "state" / "spending.jsonl"

    @property
    def leaderboard_path(self) -> Path:
        """The cached leaderboard (SOTA)."""
        return self.root / "state" / "leaderboard.json"

    @property
    def experiments_dir(self) -> Path:
        """`experiments/exp_NNN/` folders."""
        return self.root / "experiments"

    @property
    def knowledge_dir(self) -> Path:
        """Technique pages and lessons learned."""
        return self.root / "knowledge"

    @property
    def database_path(self) -> Path | None:
        """The SQLite file, or None when the store is another database."""
        prefix = "sqlite:///"
        if not self.database_url.startswith(prefix):
            return None
        return self.root / self.database_url[len(prefix) :]


def find_root(start: Path | None = None) -> Path | None:
    """The nearest folder from `start` (default: the working directory) upwards that holds `pgolf.toml`."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    return None


def load_workspace(start: Path | None = None, environ: Mapping[str, str] | None = None) -> Workspace:
    """The workspace that `start` lies in.

    Raises UsageError when there is none, or a setting (file or environment) is unknown or not usable.
    """
    env = os.environ if environ is None else environ
    root = find_root(start)
    if root is None:
        raise UsageError(
            f"no {SETTINGS_FILE} in {start or Path.cwd()} or any folder above: "
            "run this inside a workspace, or make one with `pgolf init DIR`"
        )
    path = root / SETTINGS_FILE
    try:
        data = toml.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from error
    section = data.get("pgolf", {})
    if not isinstance(section, dict):
        raise UsageError(f"{path}: [pgolf] must be a table")
    unknown = sorted(set(section) - _KNOWN)
    if unknown:
        raise UsageError(f"{path}: unknown setting {unknown[0]!r}; known are {', '.join(sorted(_KNOWN))}")
    profile_name = env.get("PGOLF_PROFILE") or section.get("profile", DEFAULT_PROFILE)
    if not isinstance(profile_name, str):
        raise UsageError(f"{path}: profile must be a name or a path, got {profile_name!r}")
    if profile_name.endswith(".toml"):
        profile_name = str(root / profile_name)
    profile = load_profile(profile_name)
    return Workspace(
        root=root,
        profile=profile,
        budget_usd=_money("PGOLF_BUDGET", "budget_usd", env, section, profile.budget_usd, path),
        reserve_usd=_money("PGOLF_RESERVE", "reserve_usd", env, section, profile.reserve_usd, path),
        database_url=str(
            env.get("PGOLF_DATABASE_URL") or section.get("database_url") or "sqlite:///pgolf.db"
        ),
    )


def _money(
    variable: str,
    key: str,
    env: Mapping[str, str],
    section: Mapping[str, object],
    default: float,
    path: Path,
) -> float:
    raw: object = env.get(variable) or section.get(key, default)
    where = f"environment variable {variable}" if env.get(variable) else f"{path}: {key}"
    try:
        value = float(raw)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"{where}: an amount in USD is needed, got {raw!r}") from None
    if not math.isfinite(value) or value < 0:
        raise UsageError(f"{where}: an amount in USD must be finite and not negative, got {raw!r}")
    return value
