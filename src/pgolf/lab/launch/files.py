"""Reads local scripts: regular files only, bounded, never blocking on a pipe or a device."""

from __future__ import annotations

import os
import stat

from pgolf.core.frozen import dataclass

MAX_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class Found:
    """A file's text, or why there is none: `missing`, `binary` (nothing a shell would read) or `unreadable: …`."""

    text: str | None
    why: str = ""


def read(path: str) -> Found:
    """The text of a regular file of at most MAX_BYTES; symbolic links are followed to a regular file only."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except (FileNotFoundError, NotADirectoryError):
        return Found(None, "missing")
    except (OSError, ValueError) as error:
        return Found(None, f"unreadable: {getattr(error, 'strerror', None) or error}")
    try:
        info = os.fstat(handle)
        if stat.S_ISDIR(info.st_mode):
            return Found(None, "binary")
        if not stat.S_ISREG(info.st_mode):
            return Found(None, "unreadable: not a regular file")
        data = os.read(handle, MAX_BYTES + 1)
    except OSError as error:
        return Found(None, f"unreadable: {error.strerror}")
    finally:
        os.close(handle)
    if b"\0" in data[:1024]:
        return Found(None, "binary")
    if len(data) > MAX_BYTES:
        return Found(None, f"unreadable: more than {MAX_BYTES} bytes")
    return Found(data.decode("utf-8", "replace"))


def on_path(name: str, search: str, cwd: str) -> str | None:
    """Where a program of that name stands, outside the system's own folders; None when it is not there.

    System folders hold no user's launch scripts, and looking into them would slow every command down.
    """
    for folder in search.split(":")[:64]:
        if not folder or folder.startswith(("/usr/", "/bin", "/sbin", "/snap", "/opt/homebrew")):
            continue
        path = os.path.join(cwd, folder, name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None
