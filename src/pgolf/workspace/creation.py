"""`pgolf init DIR`: a new workspace from the packaged templates.

A template's path is its path in the workspace, with a leading `dot_` of any part read as `.` (so that no template
acts on this repository itself). The documents an agent works with have their home at the repository's root, which is a
workspace too: a checkout takes them from there, and the build puts them into the package (pyproject.toml). Existing
files are kept, never overwritten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

from pgolf.core.profile import DEFAULT_PROFILE, load_profile
from pgolf.errors import Refused, UsageError
from pgolf.lab.experiments import append_event
from pgolf.lab.ledger import Ledger
from pgolf.lab.settings import SETTINGS_FILE, load_workspace

_SKIPPED = frozenset({"__pycache__", "__init__.py"})

DOCUMENTS = (
    "AGENTS.md",
    "CLAUDE.md",
    "MILESTONE_MAP.md",
    "TEMPLATE.md",
    "VALIDATION.md",
    "WORKFLOW.md",
    ".agents/skills",
    ".claude/commands",
    "knowledge",
    "practice",
)
"""Files and folders of the repository's root that every workspace gets."""


@dataclass(frozen=True, slots=True)
class CreatedWorkspace:
    """What `init` did; paths are relative to the root."""

    root: str
    profile: str
    written: tuple[str, ...]
    kept: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "root": self.root,
            "profile": self.profile,
            "written": list(self.written),
            "kept": list(self.kept),
        }


def create_workspace(
    folder: Path,
    *,
    profile: str | None = None,
    install_hooks: Callable[[Path], Sequence[str]] | None = None,
) -> CreatedWorkspace:
    """Make a workspace in `folder`.

    `install_hooks` writes the agent's hooks for this interpreter into the root and returns the paths it wrote
    (the hooks' package lies above this one). Raises Refused when the folder is a workspace already, UsageError
    when it cannot be made.
    """
    root = folder.resolve()
    name = profile or DEFAULT_PROFILE
    if (root / SETTINGS_FILE).exists():
        raise Refused(f"{root} is a workspace already: it holds {SETTINGS_FILE}")
    load_profile(str(root / name) if name.endswith(".toml") else name)
    written, kept = [], []
    try:
        root.mkdir(parents=True, exist_ok=True)
        for path, template in sorted(templates()):
            target = root / path
            if target.exists():
                kept.append(str(path))
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            content = template.read_bytes()
            if str(path) == SETTINGS_FILE:
                content = _with_profile(content, name)
            target.write_bytes(content)
            if content.startswith(b"#!"):
                target.chmod(0o755)
            written.append(str(path))
        if install_hooks is not None:
            written += [os.path.relpath(path, root) for path in install_hooks(root)]
    except OSError as error:
        raise UsageError(f"{error.filename or root}: cannot be written ({error.strerror})") from error
    workspace = load_workspace(root, environ={})
    Ledger(workspace.ledger_path).create()
    workspace.experiments_dir.mkdir(exist_ok=True)
    append_event(workspace, "workspace created", "", {"profile": workspace.profile.name})
    return CreatedWorkspace(str(root), workspace.profile.name, tuple(dict.fromkeys(written)), tuple(kept))


def templates() -> Iterator[tuple[PurePosixPath, Traversable]]:
    """Every template with its path in a workspace."""
    packaged = dict(_walk(files(__package__).joinpath("templates"), PurePosixPath()))
    checkout = Path(__file__).resolve().parents[3]
    if PurePosixPath(DOCUMENTS[0]) not in packaged and (checkout / "pyproject.toml").is_file():
        for name in DOCUMENTS:
            path = checkout / name
            found = _walk(path, PurePosixPath(name)) if path.is_dir() else [(PurePosixPath(name), path)]
            packaged.update(found)
    yield from packaged.items()


def _walk(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.name in _SKIPPED or entry.name.endswith(".pyc"):
            continue
        name = "." + entry.name[len("dot_") :] if entry.name.startswith("dot_") else entry.name
        if entry.is_dir():
            yield from _walk(entry, path / name)
        else:
            yield path / name, entry


def _with_profile(settings: bytes, profile: str) -> bytes:
    """The settings template with its `profile = …` line set; JSON strings of these names are TOML strings."""
    lines = settings.decode("utf-8").splitlines()
    return (
        "\n".join(
            f"profile = {json.dumps(profile)}" if line.startswith("profile =") else line for line in lines
        )
        + os.linesep
    ).encode()
