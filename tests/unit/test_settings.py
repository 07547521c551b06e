"""A workspace is found upwards; the environment overrides the file; nonsense is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgolf.errors import UsageError
from pgolf.lab.settings import find_root, load_workspace


def test_the_workspace_is_the_nearest_folder_upwards(tmp_path: Path) -> None:
    (tmp_path / "pgolf.toml").write_text("[pgolf]\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path
    workspace = load_workspace(inner, {})
    assert (workspace.budget_usd, workspace.reserve_usd, workspace.spendable_usd) == (500.0, 60.0, 440.0)
    assert workspace.database_path == tmp_path / "pgolf.db"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "pgolf.toml").write_text("[pgolf]\nbudget_usd = 100\nreserve_usd = 10\n")
    workspace = load_workspace(tmp_path, {"PGOLF_BUDGET": "20", "PGOLF_DATABASE_URL": "postgresql://db/x"})
    assert (workspace.budget_usd, workspace.reserve_usd) == (20.0, 10.0)
    assert workspace.database_path is None


@pytest.mark.parametrize(
    ("text", "environ", "needle"),
    [
        ("[pgolf]\nbugdet = 3\n", {}, "unknown setting 'bugdet'"),
        ("[pgolf]\nbudget_usd = 'x'\n", {}, "budget_usd"),
        ("[pgolf]\n", {"PGOLF_BUDGET": "nan"}, "PGOLF_BUDGET"),
        ("[pgolf]\n", {"PGOLF_RESERVE": "-1"}, "PGOLF_RESERVE"),
        ("pgolf = 3", {}, "must be a table"),
        ("[pgolf", {}, "TOML"),
        ("[pgolf]\nprofile = 'nowhere'\n", {}, "nowhere"),
    ],
)
def test_unusable_settings_are_one_sentence(
    tmp_path: Path, text: str, environ: dict[str, str], needle: str
) -> None:
    (tmp_path / "pgolf.toml").write_text(text)
    with pytest.raises(UsageError, match=needle):
        load_workspace(tmp_path, environ)


def test_no_workspace_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pgolf init"):
        load_workspace(tmp_path, {})
