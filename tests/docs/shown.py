"""Commands that a document shows: fenced `console` blocks, and indented lines that begin with `$ ` or `pgolf `.

In a `console` block `$ ` begins a command (`\\` continues it), `# exit N` behind it names its exit code, and what follows is its
output, in which `…` stands for anything; a line of `…` alone for any number of lines. A comment `<!-- needs a GPU -->` or
`<!-- needs the network -->` before a block says that it is only parsed.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

MARKERS = ("<!-- needs a GPU -->", "<!-- needs the network -->")
_EXIT = re.compile(r"\s+#\s*exit (\d)\s*$")
ENDS = ("|", ">", "&&", ";", "<", "||", "&", "2>")


@dataclass(frozen=True)
class Shown:
    """One command of a document, with what it should print and its exit code; `run` is False behind a marker."""

    place: str
    command: str
    output: tuple[str, ...]
    code: int
    run: bool
    console: bool = True


def commands(path: Path, root: Path) -> list[Shown]:
    """Every command that the document shows, in order."""
    found: list[Shown] = []
    lines = path.read_text("utf-8").splitlines()
    name = path.relative_to(root).as_posix()
    fence: str | None = None
    marked = False
    at = 0
    while at < len(lines):
        line = lines[at]
        stripped = line.strip()
        if stripped.startswith("```"):
            fence = None if fence is not None else stripped[3:].strip()
            marked = marked and fence is not None
            at += 1
            continue
        if stripped in MARKERS:
            marked = True
        elif fence is None and stripped and not line.startswith("    "):
            marked = False
        console = fence == "console"
        indented = fence is None and line.startswith("    ")
        shell = fence in ("", "sh", "bash")
        text = stripped
        is_command = (console and line.startswith("$ ")) or (
            (indented or shell) and (text.startswith(("$ ", "pgolf ", "python -m pgolf ")))
        )
        if not is_command:
            at += 1
            continue
        start = at
        text = text.removeprefix("$ ")
        while text.endswith("\\"):
            at += 1
            text = text[:-1].rstrip() + " " + lines[at].strip()
        at += 1
        code = int(match[1]) if (match := _EXIT.search(text)) else 0
        output = []
        while console and at < len(lines) and not lines[at].startswith(("$ ", "```")):
            output.append(lines[at].rstrip())
            at += 1
        while output and not output[-1]:
            output.pop()
        found.append(
            Shown(
                f"{name}:{start + 1}",
                _EXIT.sub("", text),
                tuple(output),
                code,
                console and not marked,
                console,
            )
        )
    return found


def matches(expected: tuple[str, ...], printed: str) -> str | None:
    """None when the output is the one shown, else what is missing."""
    got = [line.rstrip() for line in printed.splitlines()]
    at, anywhere = 0, False
    for line in expected:
        if line.strip() == "…":
            anywhere = True
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        end = len(got) if anywhere else min(at + 1, len(got))
        hit = next((i for i in range(at, end) if pattern.fullmatch(got[i])), None)
        if hit is None:
            return f"expected {line!r}, got {got[at : at + 6]!r}"
        at, anywhere = hit + 1, False
    if expected and not anywhere and any(got[at:]):
        return f"more was printed than is shown: {got[at : at + 3]!r}"
    return None


def pgolf_calls(command: str) -> list[list[str]]:
    """The argument lists of every `pgolf …` in a shell line; usage notation such as `[--x]` or `…` gives none."""
    if any(sign in command for sign in ("…", "...", "[", "|json")):
        return []
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return []
    calls: list[list[str]] = []
    current: list[str] | None = None
    for word in words:
        if word == "pgolf" and current is None:
            current = []
        elif current is not None and (word in ENDS or word.endswith(";")):
            calls.append(current)
            current = None
        elif current is not None:
            current.append(word)
    if current is not None:
        calls.append(current)
    return calls
