"""What a run was made of: script, config, data and tokenizer hashes, versions, machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pgolf import __version__

MAXIMUM_HASHED_BYTES = 1 << 30
"""Of one data folder; files beyond it are listed with their size and the hash of their first 64 KiB."""
MAXIMUM_FILES = 2_000
_HEAD_BYTES = 1 << 16
_TORCH = re.compile(
    rb"\b(?:PyTorch|Torch|torch)[ :=_]{1,3}(?:version[ :=]{1,2})?(\d{1,2}\.\d{1,3}[0-9A-Za-z.+]{0,24})"
)
_GPU = re.compile(rb"\bNVIDIA ([A-Z0-9][A-Za-z0-9]{1,12}(?: [A-Za-z0-9-]{1,12}){0,4})")
_PATHS = ("DATA_PATH", "TOKENIZER_PATH")


def hash_file(path: Path) -> str | None:
    """SHA-256 of a regular file, or None when it cannot be read."""
    digest = hashlib.sha256()
    try:
        if not path.is_file():
            return None
        with path.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def describe_path(path: Path, shown: str) -> dict[str, Any]:
    """A file with its hash, or a folder with one hash over names, sizes and contents.

    A folder's contents beyond 1 GiB count with size and first 64 KiB only; `whole_files` says how many were
    hashed in full. A path that is not there says so.
    """
    if path.is_file():
        return {"path": shown, "bytes": path.stat().st_size, "sha256": hash_file(path)}
    if not path.is_dir():
        return {"path": shown, "missing": True}
    files = sorted(p for p in path.rglob("*") if p.is_file())
    total, whole, left = 0, 0, MAXIMUM_HASHED_BYTES
    digest = hashlib.sha256()
    for each in files[:MAXIMUM_FILES]:
        try:
            size = each.stat().st_size
            if size <= left:
                left -= size
                whole += 1
                content = hash_file(each) or "unreadable"
            else:
                with each.open("rb") as handle:
                    content = hashlib.sha256(handle.read(_HEAD_BYTES)).hexdigest()
        except OSError:
            size, content = -1, "unreadable"
        total += max(size, 0)
        digest.update(f"{each.relative_to(path)}\0{size}\0{content}\n".encode("utf-8", "surrogateescape"))
    described = {"path": shown, "files": len(files), "bytes": total, "whole_files": whole}
    if len(files) > MAXIMUM_FILES:
        described["files_left_out"] = len(files) - MAXIMUM_FILES
    return {**described, "sha256": digest.hexdigest()}


def describe_inputs(
    environ: Mapping[str, str], folder: Path, script: Path | None, config: Path
) -> dict[str, Any]:
    """Hashes of what goes in, taken before the start: script, config.json, and data and tokenizer by
    DATA_PATH and TOKENIZER_PATH where they are set."""
    inputs: dict[str, Any] = {
        "script": None if script is None else describe_path(script, _shown(script, folder)),
        "config": describe_path(config, _shown(config, folder)),
    }
    for variable in _PATHS:
        value = environ.get(variable)
        if value:
            inputs[variable.removesuffix("_PATH").lower()] = describe_path(folder / value, value)
    return inputs


def _shown(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder) if path.is_relative_to(folder) else str(path)


def describe_machine() -> dict[str, Any]:
    """Python, platform, package versions, GPUs (nvidia-smi, at most 5 s); absent things are absent."""
    versions = {"pgolf": __version__, "python": platform.python_version()}
    for package in ("torch", "numpy", "sentencepiece", "triton"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    machine: dict[str, Any] = {"versions": versions, "platform": platform.platform()}
    if shutil.which("nvidia-smi"):
        try:
            done = subprocess.run(
                ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
                capture_output=True,
                text=True,
                timeout=5,
                check=False,
            )
            machine["gpus"] = [line.strip() for line in done.stdout.splitlines()[:64] if line.strip()]
        except (OSError, subprocess.TimeoutExpired):
            pass
    return machine


def commit_of(path: Path) -> str | None:
    """The git commit that `path`, a script or a folder, is at; None without one.

    `+changes` is appended when the script differs from that commit or is not in it. Other files do not count:
    the workspace's own records change with every run.
    """
    folder = path if path.is_dir() else path.parent
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    changed = (
        None
        if path.is_dir()
        else _git(folder, "status", "--porcelain", "--untracked-files=all", "--", path.name)
    )
    return head + ("+changes" if changed else "")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None when it fails, is not there, or takes longer than 30 s."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def torch_in_log(log: bytes) -> str | None:
    """The PyTorch version the log prints in its first MiB, if it prints exactly one."""
    found = {match.decode() for match in _TORCH.findall(log[: 1 << 20])}
    return found.pop() if len(found) == 1 else None


def gpu_in_log(log: bytes) -> str | None:
    """The GPU model the log prints in its first MiB (an nvidia-smi table), if it prints exactly one."""
    found = {match.decode().strip() for match in _GPU.findall(log[: 1 << 20])}
    found = {
        name.removesuffix(" On").removesuffix(" Off").strip()
        for name in found
        if any(c.isdigit() for c in name)
    }
    return found.pop() if len(found) == 1 else None
