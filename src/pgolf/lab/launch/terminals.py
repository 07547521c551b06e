"""tmux and screen: commands and keys that are typed into other terminals."""

from __future__ import annotations

from pgolf.lab.launch.elsewhere import hand_over
from pgolf.lab.launch.expansion import BENIGN
from pgolf.lab.launch.interpreter import Interpreter, State, Stream


def run_tmux(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = argv[1:]
    while ";" in words or "\\;" in words:
        cut = next(i for i, word in enumerate(words) if word in (";", "\\;"))
        _tmux_command(shell, words[:cut], state)
        words = words[cut + 1 :]
    _tmux_command(shell, words, state)
    return BENIGN


def _tmux_command(shell: Interpreter, words: list[str], state: State) -> None:
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in ("-L", "-S", "-f", "-c") else words[1:]
    if not words:
        return
    command = words[0]
    if command in ("send-keys", "send"):
        keys = [word for at, word in enumerate(words[1:], 1) if not _is_key_option(words, at)]
        _typed(shell, "tmux", keys, state)
    elif command in ("new-session", "new", "new-window", "neww", "split-window", "splitw", "respawn-pane", "respawnp",
                     "respawn-window", "respawnw", "run-shell", "run", "pipe-pane", "pipep", "if-shell", "if", "popup",
                     "display-popup"):  # fmt: skip
        own = state.process()
        rest = words[1:]
        while rest and rest[0].startswith("-") and len(rest[0]) > 1:
            if rest[0] == "-e" and len(rest) > 1:
                name, _, value = rest[1].partition("=")
                own.vars[name] = value
                own.exported.add(name)
            rest = rest[2:] if rest[0][-1] in "censtxyFwhl" and rest[0] not in ("-d", "-h") else rest[1:]
        if rest and rest[0] == "--":
            rest = rest[1:]
        if command in ("if-shell", "if"):
            for text in rest[:1]:
                shell.code(text, own, None)
            for text in rest[1:]:
                _tmux_command(shell, text.split(), state)
        else:
            shell.code(" ".join(rest), own, None, what=" ".join(["tmux", *words]))


def _is_key_option(words: list[str], at: int) -> bool:
    word = words[at]
    if at > 1 and words[at - 1] in ("-t", "-N", "-c") and words[at - 1].startswith("-"):
        return True
    return word.startswith("-") and len(word) == 2 and word[1] in "tlRMXNHKFc"


def _typed(shell: Interpreter, where: str, keys: list[str], state: State) -> None:
    """Keys typed into another terminal: lines for the shell that waits there."""
    pieces: list[str] = []
    for key in keys:
        if key in ("Enter", "C-m", "KPEnter", "C-j"):
            pieces.append("\n")
        elif key == "Space":
            pieces.append(" ")
        elif key in ("Tab", "Escape", "BSpace", "Up", "Down", "Left", "Right") or (
            len(key) == 3 and key[1] == "-"
        ):
            continue
        else:
            pieces.append(key)
    before = shell.typed.get(where, "")
    text = "".join(pieces)
    shell.typed[where] = before + text
    other = state.process({"HOME": state.text("HOME"), "PATH": state.text("PATH")})
    found = len(shell.launches) + len(shell.problems)
    # screen reads `\n`, `\r` and `^M` as keys, tmux types them as they stand; and a line may come in several calls.
    as_keys = text.replace("\\n", "\n").replace("\\r", "\n").replace("^M", "\n").replace("\r", "\n")
    for reading in dict.fromkeys((text, as_keys, shell.typed[where])):
        if len(shell.launches) + len(shell.problems) == found:
            shell.code(reading, other.copy(), None, what=f"{where} types {reading!r}")


def run_screen(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        word = argv[at]
        if word == "-X":
            rest = argv[at + 1 :]
            if rest[:1] == ["stuff"]:
                _typed(shell, "screen", rest[1:], state)
            elif rest[:1] in (["exec"], ["screen"]):
                hand_over(
                    shell, [word for word in rest[1:] if word not in ("!", ".", "|", ":")], state.process()
                )
            return BENIGN
        at += 2 if word in ("-S", "-t", "-c", "-e", "-h", "-p", "-s", "-T", "-Logfile") else 1
        if word.endswith("S") and word not in ("-S",):
            at += 1
    return hand_over(shell, argv[at:], state.process(), stdin)
