"""Programs whose output is computed here, so that what is piped into a shell or a file can be read."""

from __future__ import annotations

from pgolf.lab.launch import files as script_files
from pgolf.lab.launch.bounds import MAX_OUTPUT
from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream, may_launch
from pgolf.lab.launch.shell import unescape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Tool = Callable[[Interpreter, list[str], State, Stream | None], str]


def _echo(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = argv[1:]
    newline, escapes = "\n", False
    while words and len(words[0]) > 1 and words[0][0] == "-" and not words[0][1:].strip("neE"):
        newline = "" if "n" in words[0] else newline
        escapes = escapes or "e" in words[0]
        words = words[1:]
    text = " ".join(words)
    state.status = 0
    return (unescape(text) if escapes else text) + newline


def _printf(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = argv[1:]
    state.status = 0
    if words[:1] == ["-v"] and len(words) > 2:
        state.assign(words[1], _formatted(words[2], words[3:]))
        return ""
    if words[:1] == ["--"]:
        words = words[1:]
    return _formatted(words[0], words[1:]) if words else ""


def _formatted(pattern: str, values: list[str]) -> str:
    pieces: list[str] = []
    queue = list(values)
    for _ in range(256):
        taken = False
        at = 0
        start = 0
        while at < len(pattern):
            if pattern[at] != "%":
                at += 1
                continue
            pieces.append(unescape(pattern[start:at]))
            end = at + 1
            while end < len(pattern) and pattern[end] in "-+ 0#123456789.*'l":
                end += 1
            letter = pattern[end : end + 1]
            if letter == "%":
                pieces.append("%")
            else:
                value = queue.pop(0) if queue else ""
                taken = taken or bool(values)
                plain = end == at + 1
                if letter == "s" and plain:
                    pieces.append(value)
                elif letter == "b" and plain:
                    pieces.append(unescape(value))
                elif letter == "q" and plain:
                    from pgolf.lab.launch.programs import quote

                    pieces.append(quote(value))
                elif letter in "di" and plain and value.lstrip("-").isdigit():
                    pieces.append(value)
                elif letter in "dioufgexX" or not letter:
                    pieces.append(BENIGN)
                else:
                    pieces.append(OPAQUE)
            at = end + 1
            start = at
        pieces.append(unescape(pattern[start:]))
        if not queue or not taken:
            return "".join(pieces)
    return OPAQUE


def _cat(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    names = [word for word in argv[1:] if word == "-" or not word.startswith("-")]
    if not names:
        return stdin.text if stdin is not None else ""
    output = ""
    for name in names:
        if name in ("-", "/dev/stdin"):
            output += stdin.text if stdin is not None else ""
        elif state.remote:
            output += OPAQUE
        else:
            output += shell.content(name, state)
        if len(output) > MAX_OUTPUT:
            return OPAQUE
    return output


def _input(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None, valued: str = "") -> str:
    """The text a filter reads: its file arguments, or standard input."""
    names: list[str] = []
    at = 1
    while at < len(argv):
        word = argv[at]
        if word.startswith("-") and len(word) > 1:
            at += 2 if word in valued.split() else 1
            continue
        names.append(word)
        at += 1
    return _cat(shell, ["cat", *names], state, stdin)


def _base64(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    text = _input(shell, argv, state, stdin, "-w --wrap -i -o")
    if OPAQUE in text or BENIGN in text:
        return OPAQUE
    import binascii

    decodes = any(
        w in ("--decode", "-D") or (w.startswith("-") and not w.startswith("--") and "d" in w)
        for w in argv[1:]
    )
    try:
        if not decodes:
            return binascii.b2a_base64(text.encode()).decode()
        packed = "".join(text.split())
        return _clean(binascii.a2b_base64(packed + "=" * (-len(packed) % 4)))
    except (ValueError, binascii.Error):
        return OPAQUE


def _clean(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return OPAQUE
    return OPAQUE if any(char < "\t" for char in text) else text


def _xxd(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    text = _input(shell, argv, state, stdin, "-c -g -l -s")
    flags = "".join(word[1:] for word in argv[1:] if word.startswith("-"))
    if OPAQUE in text or "r" not in flags or "p" not in flags:
        return OPAQUE
    try:
        return _clean(bytes.fromhex("".join(text.split())))
    except ValueError:
        return OPAQUE


def _rev(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    text = _input(shell, argv, state, stdin)
    if OPAQUE in text:
        return OPAQUE
    return "".join(line[::-1] + "\n" for line in text.splitlines())


def _tac(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    text = _input(shell, argv, state, stdin)
    if OPAQUE in text:
        return OPAQUE
    return "".join(line + "\n" for line in reversed(text.splitlines()))


def _tr(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    text = stdin.text if stdin is not None else ""
    if OPAQUE in text:
        return OPAQUE
    words = argv[1:]
    deletes = squeezes = False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        deletes = deletes or "d" in words[0]
        squeezes = squeezes or "s" in words[0]
        if words[0].strip("-ds"):
            return OPAQUE
        words = words[1:]
    sets = [_set_of(word) for word in words]
    if not sets or squeezes or any(found is None for found in sets):
        return OPAQUE
    first = sets[0] or ""
    if deletes:
        return text.translate({ord(char): None for char in first})
    if len(sets) < 2:
        return OPAQUE
    second = sets[1] or ""
    if not second:
        return OPAQUE
    second = second.ljust(len(first), second[-1])
    return text.translate({ord(a): b for a, b in zip(first, second, strict=False)})


def _set_of(text: str) -> str | None:
    classes = {
        "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
        "[:digit:]": "0123456789",
        "[:space:]": " \t\n\r\v\f",
        "[:blank:]": " \t",
    }
    for name, value in classes.items():
        text = text.replace(name, value)
    if "[:" in text:
        return None
    text = unescape(text)
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            low, high = ord(text[at]), ord(text[at + 2])
            if high - low > 512 or high < low:
                return None
            out.extend(chr(code) for code in range(low, high + 1))
            at += 3
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def _seq(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    separator = "\n"
    words = argv[1:]
    if words[:1] == ["-s"] and len(words) > 1:
        separator, words = words[1], words[2:]
    words = [word for word in words if word != "-w"]
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        return BENIGN
    if not 1 <= len(numbers) <= 3:
        return BENIGN
    first, step, last = (1, 1, numbers[0]) if len(numbers) == 1 else (numbers[0], 1, numbers[-1])
    if len(numbers) == 3:
        step = numbers[1]
    if step == 0 or abs(last - first) // abs(step) > 100_000:
        return BENIGN
    values = range(first, last + (1 if step > 0 else -1), step)
    state.status = 0
    return separator.join(str(value) for value in values) + "\n"


def _tee(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    text = stdin.text if stdin is not None else ""
    append = any(word in ("-a", "--append") for word in argv[1:])
    for name in argv[1:]:
        if not name.startswith("-"):
            path = shell.path(name, state)
            if not path.startswith("/dev/"):
                shell.write(path, text, append)
    return text


def _copy(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`cp`, `mv`, `ln`, `install`: the target holds what the source held."""
    names = [word for word in argv[1:] if not word.startswith("-")]
    if len(names) < 2:
        return ""
    target = shell.path(names[-1], state)
    import os

    for name in names[:-1]:
        if BENIGN in name or OPAQUE in name:
            shell.wrote_unknown.append(argv[0])
            continue
        source = shell.path(name, state)
        goal = target
        if os.path.isdir(target) or names[-1].endswith("/") or len(names) > 2:
            goal = os.path.join(target, os.path.basename(source))
        if source in shell.files:
            shell.files[goal] = shell.files[source]
        else:
            found = script_files.read(source)
            if found.text is not None:
                shell.files[goal] = found.text
            elif os.path.isdir(source):
                shell.wrote_unknown.append(argv[0])
                _copy_folder(shell, source, goal)
    return ""


def _copy_folder(shell: Interpreter, source: str, goal: str) -> None:
    import os

    count = 0
    for folder, _, names in os.walk(source):
        for name in names:
            count += 1
            if count > 200:
                return
            if name.endswith((".sh", ".py")) or name in ("Makefile", "makefile"):
                path = os.path.join(folder, name)
                text = script_files.read(path).text
                if text is not None:
                    shell.files[os.path.normpath(os.path.join(goal, os.path.relpath(path, source)))] = text


def _filter(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`head`, `tail`, `sort`, `uniq`, `grep` …: lines of what they read. All of them are kept where that is safe."""
    text = (
        _input(shell, argv, state, stdin, "-n -c -k -t -A -B -C -m -e -f -d") if stdin is None else stdin.text
    )
    if OPAQUE in text or may_launch(text):
        return OPAQUE
    return BENIGN if text else ""


def _sed(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    in_place = False
    scripts: list[str] = []
    names: list[str] = []
    at = 1
    while at < len(argv):
        word = argv[at]
        if word in ("-e", "-f", "--expression", "--file") and at + 1 < len(argv):
            scripts.append(argv[at + 1])
            at += 2
            continue
        if word.startswith("-") and len(word) > 1:
            in_place = (
                in_place
                or word.startswith(("-i", "--in-place"))
                or ("i" in word and not word.startswith("--"))
            )
        elif not scripts:
            scripts.append(word)
        else:
            names.append(word)
        at += 1
    for script in scripts:
        if _executes(script):
            shell.problem(
                " ".join(argv), "sed's `e` runs a command", "run the launch as a plain command", state
            )
    if in_place:
        for name in names:
            shell.files[shell.path(name, state)] = OPAQUE
        return ""
    text = "".join(shell.content(name, state) for name in names) if names else (stdin.text if stdin else "")
    changed = _substituted(text, scripts)
    if changed is not None:
        return changed
    return OPAQUE


def _executes(script: str) -> bool:
    """Whether a sed script uses the `e` flag or command in a way that could start a launch."""
    body = script.strip()
    if body.startswith("e") and (len(body) == 1 or body[1] in " ;"):
        return True
    if body[:1] == "s" and len(body) > 3:
        pieces = body.split(body[1])
        return len(pieces) >= 4 and "e" in pieces[-1]
    if body.endswith((" e", ";e")):
        return True
    return any(_behind_address(piece)[:2] in ("e", "e ") for piece in body.replace(";", "\n").split("\n"))


def _behind_address(piece: str) -> str:
    """A sed command without the lines it is for: `1,/end/!e date` -> `e date`."""
    at = 0
    while at < len(piece):
        if piece[at] == "/":
            at = piece.find("/", at + 1)
            if at < 0:
                return ""
        elif not (piece[at].isdigit() or piece[at] in "$,!~+{ \t"):
            break
        at += 1
    return piece[at:]


def _substituted(text: str, scripts: list[str]) -> str | None:
    """`s/old/new/[g]` with literal `old`, applied; None for anything else."""
    if OPAQUE in text or len(scripts) != 1:
        return None
    script = scripts[0]
    if len(script) < 4 or script[0] != "s":
        return None
    pieces = script.split(script[1])
    if len(pieces) != 4 or pieces[3] not in ("", "g"):
        return None
    old, new = pieces[1], pieces[2]
    if not old or any(char in old for char in "\\^$.*[]") or any(char in new for char in "\\&"):
        return None
    count = -1 if pieces[3] else 1
    return "".join(line.replace(old, new, count) for line in text.splitlines(keepends=True))


def _download(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`curl`, `wget`: files and output of unknown text."""
    named = False
    for at, word in enumerate(argv[1:], 1):
        target = ""
        if word in ("-o", "--output", "-O", "--output-document") and at + 1 < len(argv):
            if word == "-O" and argv[0].endswith("curl"):
                continue
            target = argv[at + 1]
        elif word.startswith(("--output=", "--output-document=")):
            target = word.partition("=")[2]
        elif word.startswith("-O") and len(word) > 2 and argv[0].endswith("wget"):
            target = word[2:]
        if target and target != "-":
            shell.files[shell.path(target, state)] = OPAQUE
            named = True
    if not named:
        shell.wrote_unknown.append(argv[0])
    return OPAQUE


def _unpack(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`tar`, `unzip`, `scp`, `rsync`, `dd` …: may write files of unknown text."""
    shell.wrote_unknown.append(argv[0])
    runs = _RUN_BY.get(argv[0].rpartition("/")[2], ())
    for at, word in enumerate(argv[1:], 1):
        option = next((option for option in runs if word.startswith(option)), "")
        if option:
            given = word[len(option) :] or (argv[at + 1] if at + 1 < len(argv) else "")
            shell.code(given.removeprefix("=").removeprefix("exec="), state.process(), None)
        if word.startswith("of="):
            shell.files[shell.path(word[3:], state)] = stdin.text if stdin is not None else OPAQUE
    return OPAQUE


_RUN_BY = {
    "tar": (
        "--checkpoint-action", "--to-command", "--use-compress-program", "--info-script", "--new-volume-script", "--rsh-command",
        "-I", "-F",
    ),
    "rsync": ("-e", "--rsh", "--rsync-path"),
}  # fmt: skip
"""Options whose value a program runs as a command."""


def cloud_tool(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`aws`, `gcloud`, `az`: may fetch files, and may run a command on a machine of theirs."""
    from pgolf.lab.launch.programs import search

    search(shell, argv, state)
    return _unpack(shell, argv, state, stdin)


def _git(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`git` runs what its configuration, `bisect run`, `rebase --exec` and `submodule foreach` say."""
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        word = argv[at]
        value = argv[at + 1] if word in ("-c", "-C") and at + 1 < len(argv) else ""
        if word == "-c" and "=" in value:
            name, _, text = value.partition("=")
            key = name.lower()
            if key.startswith("alias.") and text.startswith("!"):
                if name[6:] in argv[at + 2 :]:
                    shell.code(text[1:], state.process(), None)
            elif key in (
                "core.editor",
                "core.pager",
                "core.sshcommand",
                "sequence.editor",
                "core.fsmonitor",
                "diff.external",
            ):
                shell.code(text, state.process(), None)
        at += 2 if word in ("-c", "-C", "--git-dir", "--work-tree") else 1
    rest = argv[at:]
    command = rest[0] if rest else ""
    if command in (
        "clone",
        "pull",
        "checkout",
        "switch",
        "restore",
        "reset",
        "merge",
        "rebase",
        "stash",
        "apply",
        "am",
        "cherry-pick",
        "worktree",
    ):
        shell.wrote_unknown.append("git " + command)
    if command == "config":
        words = [word for word in rest[1:] if not word.startswith("-")]
        if len(words) > 1 and words[0].lower().startswith("alias."):
            shell.files[f"git alias {words[0][6:]}"] = words[1]
    else:
        code = shell.files.get(f"git alias {command}", "") or _configured_alias(command, state)
        if code.startswith("!"):
            shell.code(code[1:] + "".join(f" {word}" for word in rest[1:]), state.process(), None)
    if command == "bisect" and rest[1:2] == ["run"]:
        shell.uncountable.append("git bisect run")
        _nested(shell, rest[2:], state)
        shell.uncountable.pop()
    if command in ("rebase", "submodule", "filter-branch"):
        for index, word in enumerate(rest):
            if word in (
                "-x",
                "--exec",
                "foreach",
                "--tree-filter",
                "--index-filter",
                "--msg-filter",
            ) and index + 1 < len(rest):
                shell.uncountable.append("git")
                tail = rest[index + 1 :]
                shell.code(" ".join(tail) if word == "foreach" else tail[0], state.process(), None)
                shell.uncountable.pop()
            elif word.startswith("--exec="):
                shell.uncountable.append("git")
                shell.code(word[7:], state.process(), None)
                shell.uncountable.pop()
    return BENIGN


def _configured_alias(command: str, state: State) -> str:
    """What `git command` stands for in the repository's or the user's configuration; '' when it is git's own."""
    import os

    if (
        not command
        or state.remote
        or command in ("status", "diff", "log", "show", "add", "commit", "push", "pull", "fetch")
    ):
        return ""
    folders: list[str] = []
    folder = state.cwd
    while folder not in folders and len(folders) < 40:
        folders.append(folder)
        folder = os.path.dirname(folder)
    paths = [os.path.join(folder, ".git", "config") for folder in folders]
    paths.append(os.path.join(state.text("HOME") or "/", ".gitconfig"))
    for path in paths:
        section = ""
        for line in (script_files.read(path).text or "").splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line.strip("[]").strip().lower()
            elif section == "alias":
                name, equals, value = line.partition("=")
                if equals and name.strip() == command:
                    return value.strip().strip('"').replace('\\"', '"')
    return ""


def _nested(shell: Interpreter, argv: list[str], state: State) -> None:
    from pgolf.lab.launch.programs import dispatch

    if argv:
        dispatch(shell, argv, state.process(), None)


def _which(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    names = [word for word in argv[1:] if not word.startswith("-")]
    state.status = None
    return "".join(name + "\n" for name in names)


def _basename(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = [word for word in argv[1:] if not word.startswith("-")]
    if not words:
        return ""
    base = words[0].rstrip("/").rpartition("/")[2]
    if len(words) > 1 and base.endswith(words[1]):
        base = base[: -len(words[1])]
    return base + "\n"


def _dirname(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = [word for word in argv[1:] if not word.startswith("-")]
    return ((words[0].rstrip("/").rpartition("/")[0] or ".") if words else "") + "\n"


def _pwd(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    state.status = 0
    return (BENIGN if state.remote else state.cwd) + "\n"


def _realpath(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = [word for word in argv[1:] if not word.startswith("-")]
    return "".join(shell.path(word, state) + "\n" for word in words)


def _printenv(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    return state.text(argv[1]) + "\n" if len(argv) == 2 else BENIGN


def _yes(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    return (" ".join(argv[1:]) or "y") + "\n" if not may_launch(" ".join(argv[1:])) else OPAQUE


def _editor(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`vim -c '!command'` and `ex` run shell commands."""
    for at, word in enumerate(argv[1:], 1):
        text = (
            argv[at + 1]
            if word in ("-c", "--cmd", "-S") and at + 1 < len(argv)
            else (word[1:] if word.startswith("+") else "")
        )
        body = text.lstrip(": ")
        if body.startswith("!") or "system(" in body:
            shell.code(body.lstrip("!"), state.process(), None) if body.startswith("!") else None
            if "system(" in body and may_launch(body):
                shell.problem(
                    " ".join(argv), "the editor runs a launch", "run the launch as a plain command", state
                )
    if stdin is not None:
        for line in stdin.text.splitlines()[:500]:
            if line.lstrip(": ").startswith("!"):
                shell.code(line.lstrip(": !"), state.process(), None)
    return OPAQUE


TEXT_TOOLS: dict[str, Tool] = {
    "echo": _echo,
    "printf": _printf,
    "print": _echo,
    "cat": _cat,
    "bat": _cat,
    "zcat": lambda s, a, t, i: OPAQUE,
    "base64": _base64,
    "xxd": _xxd,
    "rev": _rev,
    "tac": _tac,
    "tr": _tr,
    "seq": _seq,
    "tee": _tee,
    "cp": _copy,
    "mv": _copy,
    "ln": _copy,
    "install": _copy,
    "head": _filter,
    "tail": _filter,
    "sort": _filter,
    "uniq": _filter,
    "shuf": _filter,
    "sed": _sed,
    "gsed": _sed,
    "curl": _download,
    "wget": _download,
    "aria2c": _download,
    "tar": _unpack,
    "unzip": _unpack,
    "gunzip": _unpack,
    "scp": _unpack,
    "rsync": _unpack,
    "dd": _unpack,
    "gsutil": _unpack,
    "gh": _unpack,
    "patch": _unpack,
    "git": _git,
    "which": _which,
    "whence": _which,
    "basename": _basename,
    "dirname": _dirname,
    "pwd": _pwd,
    "realpath": _realpath,
    "readlink": _realpath,
    "printenv": _printenv,
    "yes": _yes,
    "vim": _editor,
    "vi": _editor,
    "nvim": _editor,
    "ex": _editor,
    "ed": _editor,
}
