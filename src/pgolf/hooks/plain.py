"""The fast path: commands that cannot be a launch, told apart without parsing shell.

Sufficient, not necessary: a command is plain when every program in it stands on a short list of programs that
start no others, and nothing in it could define, compute or feed a command. Everything else goes to the
reader in `pgolf.lab.launch`. No imports: this runs before every command of an agent.
"""

from __future__ import annotations

MAX_CHARS = 8192

_WORDS = """cd ls cat head tail grep egrep fgrep echo pwd wc uniq cut mkdir rmdir rm cp mv touch true false date which du df
    stat file tree diff cmp ps test [ basename dirname realpath readlink sleep sha256sum md5sum hostname whoami id uname
    uptime free nproc nvidia-smi printf rg sort pytest ruff mypy jq column nl tac wait kill type export git lsof printenv"""
_PROGRAMS = frozenset(_WORDS.split())
_GIT_WORDS = """status diff log show add commit branch push fetch rev-parse blame remote tag ls-files shortlog describe
    cat-file config reflog mv rm stash checkout switch restore init merge-base rev-list ls-tree grep"""
_GIT = frozenset(_GIT_WORDS.split())
# Options by which a listed program would start another one.
_STARTS = (
    "--pre", "--compress-program", "--ext", "--open-files-in-pager", "-O", "--files0-from", "--upload-pack",
    "--receive-pack", "--exec",
)  # fmt: skip
_OPERATORS = ";|&\n"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_LITERAL = _LETTERS | frozenset("0123456789-./:=,+@%^*?[]~ \t")


def is_plain(command: str) -> bool:
    """Whether this command certainly launches nothing."""
    end = len(command)
    if end > MAX_CHARS:
        return False
    words: list[str] = []
    word: list[str] | None = None
    skip = False  # the next word is a redirection's target
    at = 0
    while at < end:
        char = command[at]
        if char in " \t":
            if word is not None:
                if not skip:
                    words.append("".join(word))
                skip = False
                word = None
        elif char in _OPERATORS:
            if word is not None:
                if not skip:
                    words.append("".join(word))
                skip = False
                word = None
            if skip or (words and not _harmless(words)):
                return False
            words = []
        elif char == "'":
            close = command.find("'", at + 1)
            if close < 0 or not words:
                return False
            word = word or []
            word.append(command[at + 1 : close])
            at = close
        elif char == '"':
            close = command.find('"', at + 1)
            if close < 0 or not words:
                return False
            text = command[at + 1 : close]
            if "`" in text or "\\" in text or "!" in text or _computes(text):
                return False
            word = word or []
            word.append(text)
            at = close
        elif char in "<>":
            if skip or command.startswith(("<<", "<(", ">(", "<>"), at):
                return False
            if word is not None:
                if "".join(word) not in ("1", "2", "0"):
                    words.append("".join(word))
                word = None
            if command.startswith(">>", at):
                at += 1
            if command.startswith("&", at + 1):
                # `2>&1`
                if command[at + 2 : at + 3] not in ("1", "2"):
                    return False
                at += 2
            else:
                skip = True
        elif char == "$":
            if not words or command[at + 1 : at + 2] not in _LETTERS:
                return False
            word = word or []
            word.append(char)
        elif char in _LITERAL:
            if word is None:
                word = []
            word.append(char)
        else:
            return False
        at += 1
    if word is not None and not skip:
        words.append("".join(word))
    elif skip and word is None:
        return False
    return not words or _harmless(words)


def _computes(text: str) -> bool:
    at = text.find("$")
    while at >= 0:
        if text[at + 1 : at + 2] not in _LETTERS:
            return True
        at = text.find("$", at + 1)
    return False


def _harmless(words: list[str]) -> bool:
    name = words[0]
    if name not in _PROGRAMS:
        return False
    if name == "git" and (len(words) < 2 or words[1] not in _GIT):
        return False
    if name == "export" and len(words) > 1:
        return False
    return all(not word.startswith(_STARTS) for word in words)
