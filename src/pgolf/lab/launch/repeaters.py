"""Programs that run a command later, again, or once for each of many words."""

from __future__ import annotations

from pgolf.lab.launch.elsewhere import hand_over
from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream, may_launch


def run_stdin_jobs(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`at`, `batch`, `crontab -`: commands for later, read from standard input or a file."""
    base = argv[0].rpartition("/")[2]
    if base == "crontab":
        text = ""
        if any(word in ("-l", "-r", "-e") for word in argv[1:]):
            return OPAQUE
        names = [word for word in argv[1:] if not word.startswith("-")]
        if names:
            text = shell.content(names[0], state)
        elif stdin is not None:
            text = stdin.text
        if OPAQUE in text or may_launch(text):
            shell.problem(
                " ".join(argv), "a timetable starts it again and again", "run the launch itself", state
            )
        return ""
    for at, word in enumerate(argv[1:], 1):
        if word == "-f" and at + 1 < len(argv):
            shell.code(shell.content(argv[at + 1], state), state.process(), None)
            return ""
    if stdin is not None:
        shell.code(stdin.text, state.process(), None, what=" ".join(argv))
    return ""


def _endless(shell: Interpreter, argv: list[str], state: State, why: str, *, code: bool) -> str:
    shell.uncountable.append(why)
    try:
        if code:
            shell.code(" ".join(argv), state.process(), None)
        else:
            hand_over(shell, argv, state.process(), None)
    finally:
        shell.uncountable.pop()
    return OPAQUE


def run_watch(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.programs import inner

    return _endless(shell, inner(argv, "-n --interval -q --equexit", 0), state, "watch", code=True)


def run_entr(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = argv[1:]
    while words and words[0].startswith("-"):
        if words[0].endswith("s"):
            return _endless(shell, words[1:2], state, "entr", code=True)
        words = words[1:]
    return _endless(shell, words, state, "entr", code=False)


def run_repeat(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """zsh's `repeat N command`."""
    if len(argv) < 3 or not argv[1].isdigit():
        return _endless(shell, argv[2:], state, "repeat", code=False)
    before = shell.times
    shell.times *= int(argv[1])
    hand_over(shell, argv[2:], state, None)
    shell.times = before
    return OPAQUE


def run_xargs(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    at = 1
    per_line: int | None = None
    replace = ""
    null = False
    delimiter = ""
    text = stdin.text if stdin is not None else ""
    while at < len(argv) and argv[at].startswith("-") and len(argv[at]) > 1:
        word = argv[at]
        value = word[2:] or (argv[at + 1] if at + 1 < len(argv) else "")
        step = 1 if word[2:] else 2
        if word.startswith("--"):
            name, equals, given = word.partition("=")
            if name in ("--max-args", "--max-lines"):
                per_line = int(given) if given.isdigit() else 1
            elif name == "--replace":
                replace = given or "{}"
            elif name == "--arg-file":
                text = shell.content(given, state)
            elif name == "--null":
                null = True
            elif name == "--delimiter":
                delimiter = given
            at += (
                1
                if equals
                or name
                in ("--null", "--no-run-if-empty", "--verbose", "--interactive", "--exit", "--replace")
                else 2
            )
            continue
        letter = word[1]
        if letter == "I":
            replace = value
        elif letter == "i":
            replace, step = word[2:] or "{}", 1
        elif letter in "nL":
            per_line = int(value) if value.isdigit() else 1
        elif letter == "a":
            text = shell.content(value, state)
        elif letter == "d":
            delimiter = value
        elif letter in "Psl" or letter == "E":
            pass
        else:
            null = null or "0" in word
            step = 1
        at += step
    command = argv[at:] or ["echo"]
    if OPAQUE in text or BENIGN in text or (stdin is None and not text):
        shell.uncountable.append("xargs")
        shell.outer["stdin_args"] = 1
        mark = (
            OPAQUE
            if OPAQUE in text
            or command[0].rpartition("/")[2] in ("bash", "sh", "zsh", "env", "sudo", "python", "python3")
            else BENIGN
        )
        if stdin is None:
            mark = BENIGN
        words = [word.replace(replace, mark) for word in command] if replace else [*command, mark]
        if command[0].rpartition("/")[2] in ("bash", "sh") and "-c" not in command:
            words = [*command, OPAQUE]
        elif command[0].rpartition("/")[2] in ("bash", "sh", "zsh") and not replace:
            words = [*command, BENIGN]
        elif replace and command[0].rpartition("/")[2] not in ("bash", "sh", "zsh", "eval"):
            words = [word.replace(replace, BENIGN) for word in command]
        elif mark == OPAQUE and command[0].rpartition("/")[2] not in ("bash", "sh", "zsh", "env", "sudo"):
            words = [*command, BENIGN] if not replace else words
        if command[0].rpartition("/")[2] in ("env", "sudo", "nice", "timeout", "nohup") and len(command) == 1:
            words = [*command, OPAQUE]
        try:
            return hand_over(shell, words, state.process(), None)
        finally:
            shell.uncountable.pop()
            shell.outer.pop("stdin_args", None)
    items: list[str]
    if null:
        items = [item for item in text.split("\0") if item]
    elif delimiter:
        items = [
            item
            for item in text.rstrip("\n").split({"\\n": "\n", "\\t": "\t"}.get(delimiter, delimiter))
            if item
        ]
    elif replace:
        items = [line.strip() for line in text.splitlines() if line.strip()]
    else:
        items = _unquoted(text)
    groups: list[list[str]]
    if replace:
        groups = [[item] for item in items]
    elif per_line:
        groups = [items[i : i + per_line] for i in range(0, len(items), per_line)]
    else:
        groups = [items]
    if len(groups) > 64:
        shell.times *= len(groups)
        hand_over(
            shell,
            [*command, BENIGN] if not replace else [w.replace(replace, BENIGN) for w in command],
            state.process(),
        )
        shell.times //= len(groups)
        return OPAQUE
    output = ""
    for group in groups:
        words = [word.replace(replace, group[0]) for word in command] if replace else [*command, *group]
        output += hand_over(shell, words, state.process(), None)
    return output


def _unquoted(text: str) -> list[str]:
    """xargs' own splitting: blanks, quotes and backslashes."""
    items: list[str] = []
    word: list[str] = []
    started = False
    at = 0
    while at < len(text):
        char = text[at]
        if char in " \t\n":
            if started:
                items.append("".join(word))
            word, started = [], False
        elif char in "'\"":
            close = text.find(char, at + 1)
            close = len(text) if close < 0 else close
            word.append(text[at + 1 : close])
            started = True
            at = close
        elif char == "\\" and at + 1 < len(text):
            word.append(text[at + 1])
            started = True
            at += 1
        else:
            word.append(char)
            started = True
        at += 1
    if started:
        items.append("".join(word))
    return items


def run_parallel(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    marks = (":::", "::::", ":::+")
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        takes = argv[at] in (
            "-j",
            "--jobs",
            "-P",
            "--delay",
            "--timeout",
            "--retries",
            "--colsep",
            "-I",
            "--joblog",
            "-N",
            "-n",
            "-S",
            "--sshlogin",
            "--results",
            "-a",
        )
        at += 2 if takes else 1
    cut = next((i for i, word in enumerate(argv) if word in marks), len(argv))
    command = argv[at:cut]
    groups: list[list[str]] = []
    for word in argv[cut:]:
        if word in marks:
            groups.append([])
            if word == "::::":
                groups[-1].append(BENIGN)
        elif groups:
            groups[-1].append(word)
    if groups and not any(BENIGN in g for group in groups for g in group):
        combinations = [""]
        for group in groups:
            combinations = [(f"{before} {item}").strip() for before in combinations for item in group]
            if len(combinations) > 64:
                return _endless(shell, command, state, "parallel", code=True)
        for combination in combinations:
            text = " ".join(command)
            text = text.replace("{}", combination) if "{}" in text else f"{text} {combination}"
            shell.code(text, state.process(), None, what=" ".join(argv))
        return OPAQUE
    if stdin is not None and OPAQUE not in stdin.text and BENIGN not in stdin.text and not groups:
        for line in stdin.text.splitlines()[:64]:
            text = " ".join(command)
            text = text.replace("{}", line) if "{}" in text else f"{text} {line}"
            shell.code(text, state.process(), None, what=" ".join(argv))
        return OPAQUE
    if not command and stdin is not None:
        return shell.code(stdin.text, state.process(), None, what=" ".join(argv))
    return _endless(shell, [word.replace("{}", BENIGN) for word in command], state, "parallel", code=True)


def run_find(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    at = 1
    while at < len(argv):
        if argv[at] in ("-exec", "-execdir", "-ok", "-okdir", "-x", "-X", "--exec", "--exec-batch"):
            end = at + 1
            while end < len(argv) and argv[end] not in (";", "+", "\\;"):
                end += 1
            words = [word.replace("{}", BENIGN) for word in argv[at + 1 : end]]
            if argv[0].rpartition("/")[2] != "find" and not any(BENIGN in word for word in words):
                words.append(BENIGN)
            shell.uncountable.append("find -exec")
            if words:
                hand_over(shell, words, state.process(), None)
            shell.uncountable.pop()
            at = end
        at += 1
    return BENIGN
