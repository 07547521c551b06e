"""Programs that carry a command elsewhere or run it again: ssh, tmux, containers, clusters, clouds, xargs, make."""

from __future__ import annotations

from pgolf.lab.launch.interpreter import BENIGN, OPAQUE, Interpreter, State, Stream, may_launch
from pgolf.lab.launch.launchers import CAP_VARIABLE, Options, Request, charge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Interpreter, list[str], State, Stream | None], str]

_NO_RATE = "say which machine in front of it, e.g. `PGOLF_GPU=8xH100_SXM MAX_WALLCLOCK_SECONDS=600 …`"

_DOCKER_WORDS = """-i -t -d -it -ti -itd -dit -P -T --rm --init --privileged --detach --interactive --tty --read-only
    --no-healthcheck --publish-all --sig-proxy --no-deps --build --quiet -q --service-ports --oom-kill-disable -dt -td -di
    -id"""
_DOCKER_FLAGS = frozenset(_DOCKER_WORDS.split())
_SLURM_WORDS = """pty exclusive label overlap unbuffered help version verbose -l -u -v -h -V -Q -s -O -E -H parsable wait
    requeue no_requeue hold quiet test_only"""
_SLURM_FLAGS = frozenset(_SLURM_WORDS.split())
_SKY_WORDS = """-y yes -d detach_run detach_setup -r retry_until_up down no_setup dryrun use_spot no_use_spot fast async help
    -h async_call"""
_SKY_FLAGS = frozenset(_SKY_WORDS.split())
_MPI_WORDS = """--map-by --bind-to -ppn -perhost -N --npernode -npernode --hostfile -hostfile -f -machinefile --machinefile
    -wdir --wdir --rank-by -p --output-filename --prefix --timeout --network-interface"""
_MPI_VALUED = frozenset(_MPI_WORDS.split())
_RUN_VALUED = """--with --with-requirements --with-editable --extra --group --python -p --env-file --project --directory
    --package --index --index-url --extra-index-url --cache-dir --from -n --name --prefix --cwd --no-group --only-group -w -C
    --config-file --color --refresh-package"""


def _run(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None = None) -> str:
    from pgolf.lab.launch.programs import dispatch

    return dispatch(shell, argv, state, stdin) if argv else ""


def _elsewhere(state: State, environ: dict[str, str] | None = None) -> State:
    """A shell on another machine: none of our variables, files we cannot see."""
    return state.process({"HOME": BENIGN, **(environ or {})}, remote=True)


# -- other machines and terminals ---------------------------------------------------------------------------


def _ssh(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    at = 1
    while at < len(argv):
        word = argv[at]
        if word == "--":
            at += 1
            break
        if not word.startswith("-") or len(word) < 2:
            break
        if word[1] == "o":
            option = argv[at + 1] if len(word) == 2 and at + 1 < len(argv) else word[2:]
            key, _, value = option.replace("=", " ", 1).partition(" ")
            if key.lower() in ("proxycommand", "localcommand", "remotecommand"):
                shell.code(
                    value, _elsewhere(state) if key.lower() == "remotecommand" else state.process(), None
                )
        at += 2 if word[-1] in "BbcDEeFIiJLlmOopQRSWw" and len(word) == 2 else 1
    rest = argv[at + 1 :]
    # OpenSSH takes options behind the host, too.
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        ended = rest[0] == "--"
        rest = (
            rest[2:]
            if rest[0][-1] in "BbcDEeFIiJLlmOopQRSWw" and len(rest[0]) == 2 and not ended
            else rest[1:]
        )
        if ended:
            break
    other = _elsewhere(state)
    if rest:
        return shell.code(" ".join(rest), other, stdin, what=" ".join(argv))
    if stdin is not None:
        shell.code(stdin.text, other, None, what=" ".join(argv) + " (fed by a pipe or a here-document)")
    return OPAQUE


def _tmux(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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


def _screen(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        word = argv[at]
        if word == "-X":
            rest = argv[at + 1 :]
            if rest[:1] == ["stuff"]:
                _typed(shell, "screen", rest[1:], state)
            elif rest[:1] in (["exec"], ["screen"]):
                _run(shell, [word for word in rest[1:] if word not in ("!", ".", "|", ":")], state.process())
            return BENIGN
        at += 2 if word in ("-S", "-t", "-c", "-e", "-h", "-p", "-s", "-T", "-Logfile") else 1
        if word.endswith("S") and word not in ("-S",):
            at += 1
    return _run(shell, argv[at:], state.process(), stdin)


def _docker(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = argv[1:]
    while words and words[0].startswith("-"):
        words = (
            words[2:]
            if words[0] in ("-c", "-H", "--context", "--host", "--config", "-l", "-f", "--file", "-p")
            else words[1:]
        )
    if words[:1] in (["compose"], ["container"]):
        words = words[1:]
        while words and words[0].startswith("-"):
            words = (
                words[2:]
                if words[0] in ("-f", "--file", "-p", "--project-name", "--env-file", "--profile")
                else words[1:]
            )
    if not words or words[0] not in ("run", "exec", "create"):
        return BENIGN
    flags = _DOCKER_FLAGS
    at = 1
    environ: dict[str, str] = {}
    entry: list[str] = []
    while at < len(words) and words[at].startswith("-"):
        word = words[at]
        name, equals, value = word.partition("=")
        if name in flags:
            at += 1
            continue
        if not equals:
            value = words[at + 1] if at + 1 < len(words) else ""
            if name.startswith("-e") and len(name) > 2 and not name.startswith("--"):
                name, value, equals = "-e", name[2:], "="
        if name in ("-e", "--env"):
            if word.startswith("-e") and "=" in word[2:] and not word.startswith("-e="):
                value, equals = word[2:], "="
            key, given, text = value.partition("=")
            if given or key in state.exported:
                environ[key] = text if given else state.text(key)
        elif name == "--entrypoint":
            entry = [value]
        at += 1 if equals else 2
    rest = [*entry, *words[at + 1 :]]
    other = _elsewhere(state, environ)
    before = len(shell.launches) + len(shell.problems)
    if rest:
        _run(shell, rest, other, stdin)
    if len(shell.launches) + len(shell.problems) == before:
        from pgolf.lab.launch.programs import search

        search(shell, argv, state)
    return OPAQUE


def _kubectl(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    before = len(shell.launches) + len(shell.problems)
    if "--" in argv and any(word in argv for word in ("exec", "run", "debug", "create")):
        _run(shell, argv[argv.index("--") + 1 :], _elsewhere(state), stdin)
    if len(shell.launches) + len(shell.problems) == before:
        from pgolf.lab.launch.programs import search

        search(shell, argv, state)
    return BENIGN


def _trainer(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`composer -n 8 script`, `fabric run --devices 8 script`, `torchx run … -j 1x8`."""
    words = argv[1:]
    while words and words[0] in ("run", "model"):
        words = words[1:]
    options = Options(words, frozenset({"-h", "help", "version", "-v", "verbose"}), short_values="njs")
    if options.has("help", "-h", "version") or not any(word.endswith(".py") for word in argv):
        return OPAQUE
    request = Request(argv[0].rpartition("/")[2], argv[1:])
    request.script = next(word for word in argv if word.endswith(".py"))
    request.gpus = options.last("-n", "nproc", "devices") or "all"
    request.nodes = options.last("num_nodes") or "1"
    if "-j" in argv[:-1]:
        request.nodes, _, request.gpus = argv[argv.index("-j") + 1].partition("x")
    charge(shell, request, state)
    return OPAQUE


def _container(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`singularity|apptainer|enroot exec IMAGE command`; the environment is handed through."""
    if len(argv) < 3 or argv[1] not in ("exec", "run", "shell", "start"):
        return BENIGN
    at = 2
    while at < len(argv) and argv[at].startswith("-"):
        takes = argv[at] in (
            "-B",
            "--bind",
            "-H",
            "--home",
            "--pwd",
            "--env",
            "--overlay",
            "-W",
            "--workdir",
            "-m",
            "--mount",
            "-e",
        )
        at += 2 if takes else 1
    return _run(shell, argv[at + 1 :], state.process(), stdin)


def _su(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    for at, word in enumerate(argv[1:-1], 1):
        if word in ("-c", "--command", "--session-command") or (
            word.startswith("-") and word.endswith("c") and not word.startswith("--")
        ):
            return shell.code(argv[at + 1], state.process(), stdin)
    for word in argv[1:]:
        if word.startswith("--command="):
            return shell.code(word[10:], state.process(), stdin)
    if "--" in argv:
        return _run(shell, argv[argv.index("--") + 1 :], state.process(), stdin)
    if stdin is not None:
        return shell.code(stdin.text, state.process(), None)
    return ""


def _script(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`script -c 'command' file`, and BSD's `script file command`."""
    for at, word in enumerate(argv[1:], 1):
        if word in ("-c", "--command") or (
            word.startswith("-") and not word.startswith("--") and word.endswith("c")
        ):
            return shell.code(argv[at + 1] if at + 1 < len(argv) else "", state.process(), stdin)
        if word.startswith("--command="):
            return shell.code(word[10:], state.process(), stdin)
    words = [word for word in argv[1:] if not word.startswith("-")]
    return _run(shell, words[1:], state.process(), stdin)


def _flock(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.programs import inner

    words = inner(argv, "-w -E --timeout --wait --conflict-exit-code", 1)
    if words[:1] in (["-c"], ["--command"]):
        return shell.code(words[1] if len(words) > 1 else "", state.process(), stdin)
    return _run(shell, words, state.process(), stdin)


def _stdin_jobs(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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


# -- again and again ----------------------------------------------------------------------------------------


def _endless(shell: Interpreter, argv: list[str], state: State, why: str, *, code: bool) -> str:
    shell.uncountable.append(why)
    try:
        if code:
            shell.code(" ".join(argv), state.process(), None)
        else:
            _run(shell, argv, state.process(), None)
    finally:
        shell.uncountable.pop()
    return OPAQUE


def _watch(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.programs import inner

    return _endless(shell, inner(argv, "-n --interval -q --equexit", 0), state, "watch", code=True)


def _entr(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = argv[1:]
    while words and words[0].startswith("-"):
        if words[0].endswith("s"):
            return _endless(shell, words[1:2], state, "entr", code=True)
        words = words[1:]
    return _endless(shell, words, state, "entr", code=False)


def _repeat(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """zsh's `repeat N command`."""
    if len(argv) < 3 or not argv[1].isdigit():
        return _endless(shell, argv[2:], state, "repeat", code=False)
    before = shell.times
    shell.times *= int(argv[1])
    _run(shell, argv[2:], state, None)
    shell.times = before
    return OPAQUE


def _xargs(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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
            return _run(shell, words, state.process(), None)
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
        _run(
            shell,
            [*command, BENIGN] if not replace else [w.replace(replace, BENIGN) for w in command],
            state.process(),
        )
        shell.times //= len(groups)
        return OPAQUE
    output = ""
    for group in groups:
        words = [word.replace(replace, group[0]) for word in command] if replace else [*command, *group]
        output += _run(shell, words, state.process(), None)
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


def _parallel(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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


def _find(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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
                _run(shell, words, state.process(), None)
            shell.uncountable.pop()
            at = end
        at += 1
    return BENIGN


# -- project tools ------------------------------------------------------------------------------------------


def _tool_run(valued: str, verbs: tuple[str, ...]) -> Handler:
    """`uv run`, `poetry run`, `conda run -n env`, …: the command behind the verb and its options."""

    def run(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
        from pgolf.lab.launch.programs import inner, search

        at = 1
        takes = valued.split()
        while at < len(argv) and argv[at].startswith("-"):
            at += 2 if argv[at] in takes else 1
        if verbs and (at >= len(argv) or argv[at] not in verbs):
            return BENIGN
        rest = argv[at:] if verbs else ["x", *argv[at:]]
        while len(rest) > 1 and rest[1] in verbs and rest[0] in ("tool", "x"):
            rest = rest[1:]
        module = any(word in ("-m", "--module") for word in rest[1 : len(rest) - len(inner(rest, valued, 0))])
        words = inner(rest, valued, 0)
        if not words:
            return BENIGN
        before = len(shell.launches) + len(shell.problems)
        if module:
            at = next(i for i, word in enumerate(rest) if word in ("-m", "--module"))
            _run(shell, ["python", "-m", *rest[at + 1 :]], state, stdin)
        elif words[0].endswith(".py") or words[0] == "-":
            _run(shell, ["python", *words], state, stdin)
        else:
            _run(shell, words, state, stdin)
        if len(shell.launches) + len(shell.problems) == before:
            search(shell, argv, state)
        return OPAQUE

    return run


def _package_scripts(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`npm run NAME`, `yarn NAME`, `npx command`: package.json's scripts."""
    base = argv[0].rpartition("/")[2]
    words = [word for word in argv[1:] if not word.startswith("-")]
    if base in ("npx", "bunx"):
        return _run(shell, words, state.process(), stdin)
    if words[:1] in (["exec"], ["dlx"], ["x"]):
        return _run(shell, words[1:], state.process(), stdin)
    if words[:1] in (["run"], ["run-script"]):
        words = words[1:]
    if not words:
        return BENIGN
    text = shell.content("package.json", state)
    if '"scripts"' not in text or OPAQUE in text:
        return BENIGN
    import json

    try:
        scripts = json.loads(text).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        return BENIGN
    name = "test" if words[0] in ("t", "tst") else words[0]
    for key in (f"pre{name}", name, f"post{name}"):
        code = scripts.get(key) if isinstance(scripts, dict) else None
        if isinstance(code, str) and may_launch(code):
            shell.code(code, state.process(), None, what=" ".join(argv))
    return BENIGN


def _make(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.makefiles import run_make

    return run_make(shell, argv, state, stdin)


def _just(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.makefiles import run_just

    return run_just(shell, argv, state)


# -- clusters -----------------------------------------------------------------------------------------------


def _gres(text: str | None) -> tuple[str | None, str | None]:
    """`gpu:h100:8`, `gpu:8`, `h100:8`, `8` -> (count, model)."""
    if not text:
        return None, None
    pieces = text.split(",")[0].split(":")
    if pieces[0] in ("gpu", "gres/gpu", "gres"):
        pieces = pieces[1:]
    if not pieces:
        return "1", None
    if pieces[-1].isdigit():
        return pieces[-1], pieces[0] if len(pieces) > 1 else None
    if BENIGN in pieces[-1] or OPAQUE in pieces[-1]:
        return pieces[-1], None
    return "1", pieces[0]


_SRUN_SHORT = "NnwxptJoeiDcAdmMqaICGbSTWK"


def _slurm(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`srun`, `salloc`, `sbatch`: nodes and GPUs of the allocation, then the command or the script."""
    base = argv[0].rpartition("/")[2]
    flags = _SLURM_FLAGS
    options = Options(argv[1:], flags, short_values=_SRUN_SHORT)
    if options.has("help", "version", "-h", "-V"):
        return BENIGN
    words = options.rest
    directives: list[str] = []
    text: str | None = None
    if base == "sbatch":
        text = options.last("wrap")
        if text is None:
            text = (
                stdin.text
                if not words and stdin is not None
                else (shell.content(words[0], state) if words else "")
            )
        for line in text.splitlines()[:200]:
            if line.startswith("#SBATCH"):
                directives.extend(line[7:].split("#")[0].split())
    stated = Options(directives, flags, short_values=_SRUN_SHORT)

    def value(*names: str) -> str | None:
        return options.last(*names) or stated.last(*names)

    nodes = (value("-N", "nodes") or "1").rpartition("-")[2]
    count, model = _gres(value("gpus_per_node") or value("gres"))
    total, total_model = _gres(value("gpus", "-G"))
    per_task = value("gpus_per_task")
    tasks = value("-n", "ntasks") or "1"
    per_node_tasks = value("ntasks_per_node")
    node_count = int(nodes) if nodes.isdigit() and 0 < int(nodes) < 10_000 else None
    if count is None and total is not None and total.isdigit() and node_count:
        count = str(-(-int(total) // node_count))
    if count is None and per_task is not None:
        spread = int(per_node_tasks) if per_node_tasks and per_node_tasks.isdigit() else None
        if spread is None and tasks.isdigit() and node_count:
            spread = -(-int(tasks) // node_count)
        count = (
            str(int(_gres(per_task)[0] or "1") * (spread or 1))
            if (_gres(per_task)[0] or "1").isdigit()
            else BENIGN
        )
    own = state.process()
    chosen = model or total_model
    if chosen and not own.environ().get("PGOLF_GPU"):
        own.vars["PGOLF_GPU"] = chosen
        own.exported.add("PGOLF_GPU")
    exports = value("export")
    if exports and exports not in ("ALL", "NONE"):
        for pair in exports.split(","):
            name, equals, given = pair.partition("=")
            if equals:
                own.vars[name] = given
                own.exported.add(name)
    before = len(shell.launches) + len(shell.problems)
    saved = dict(shell.outer)
    if node_count is None:
        if count is not None or may_launch(" ".join(argv)):
            shell.problem(
                " ".join(argv), "the number of nodes is not a fixed number", "write --nodes=1", state
            )
        return OPAQUE
    shell.outer["nodes"] = max(node_count, shell.outer.get("nodes", 1))
    if count is not None and count.isdigit():
        shell.outer["gpus_per_node"] = int(count)
    if count is None:
        spread_tasks = (
            int(per_node_tasks) * node_count
            if per_node_tasks and per_node_tasks.isdigit()
            else (int(tasks) if tasks.isdigit() else 1)
        )
        if spread_tasks > 1:
            shell.outer["total"] = spread_tasks
    elif count.isdigit():
        shell.outer["total"] = int(count) * node_count
    try:
        if text is not None:
            shell.code(text, own, None, what=" ".join(argv))
        elif words:
            _run(shell, words, own, stdin)
        elif stdin is not None:
            shell.code(stdin.text, own, None)
    finally:
        shell.outer = saved
    if len(shell.launches) + len(shell.problems) == before and count not in (None, "0"):
        program = words[0].rpartition("/")[2] if words else ""
        if base == "srun" and program in (
            "nvidia-smi",
            "hostname",
            "echo",
            "ls",
            "env",
            "true",
            "sleep",
            "date",
            "cat",
        ):
            return OPAQUE
        request = Request(base, argv[1:])
        request.nodes = nodes
        request.gpus = count
        request.model = chosen
        request.notes.append("the allocation itself asks for GPUs")
        charge(shell, request, own)
    return OPAQUE


def _mpirun(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`mpirun -np 16 -H a:8,b:8 program`: processes are GPUs when the program trains."""
    own = state.process()
    count = "1"
    hosts = 1
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        word = argv[at]
        following = argv[at + 1] if at + 1 < len(argv) else ""
        if word in ("-np", "-n", "--np", "-c", "--n"):
            count = following
            at += 2
        elif word in ("-H", "-host", "--host", "-hosts"):
            hosts = max(hosts, len({host.partition(":")[0] for host in following.split(",")}))
            if count == "1":
                slots = [host.partition(":")[2] for host in following.split(",")]
                count = str(sum(int(slot) if slot.isdigit() else 1 for slot in slots))
            at += 2
        elif word == "-x":
            name, equals, value = following.partition("=")
            if equals:
                own.vars[name] = value
                own.exported.add(name)
            at += 2
        elif word in ("-env", "-genv"):
            own.vars[following] = argv[at + 2] if at + 2 < len(argv) else ""
            own.exported.add(following)
            at += 3
        elif word in ("-mca", "--mca", "-gmca", "--gmca"):
            at += 3
        elif word.startswith("--") and "=" in word:
            at += 1
        elif word in _MPI_VALUED:
            at += 2
        else:
            at += 1
    words = argv[at:]
    if not words:
        return BENIGN
    saved = dict(shell.outer)
    program = words[0].rpartition("/")[2]
    if count.isdigit() and 0 < int(count) < 100_000:
        if program in ("torchrun", "accelerate", "deepspeed") or (
            "torch.distributed.run" in words or "torch.distributed.launch" in words
        ):
            shell.outer["nodes"] = int(count)
        else:
            shell.outer["total"] = int(count)
            shell.outer["nodes"] = hosts
    elif may_launch(" ".join(words)) or any(word.endswith(".py") for word in words):
        shell.problem(
            " ".join(argv), "the number of processes is not a fixed number", "write -np with a number", state
        )
        return OPAQUE
    before = len(shell.launches) + len(shell.problems)
    try:
        _run(shell, words, own, stdin)
        if (
            len(shell.launches) + len(shell.problems) == before
            and program.startswith("python")
            and any(word.rpartition("/")[2].startswith("train") and word.endswith(".py") for word in words)
        ):
            request = Request(argv[0], argv[1:])
            request.total = count
            request.nodes = str(hosts)
            request.script = next(word for word in words if word.endswith(".py"))
            charge(shell, request, own)
    finally:
        shell.outer = saved
    return OPAQUE


# -- clouds -------------------------------------------------------------------------------------------------


def _modal(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`modal run|deploy|serve|shell file.py`: the GPUs stand in the file (`gpu="H100:8"`) or in PGOLF_GPU."""
    options = Options(
        argv[2:], frozenset({"detach", "-d", "quiet", "-q", "interactive", "-i", "help", "-m", "stream_logs"})
    )
    if len(argv) < 2 or argv[1] not in ("run", "deploy", "serve", "shell", "launch") or options.has("help"):
        return BENIGN
    request = Request(f"modal {argv[1]}", argv[2:])
    request.script = options.rest[0].partition("::")[0] if options.rest else None
    gpu = options.last("gpu")
    if gpu is None and request.script:
        text = shell.content(request.script, state)
        if OPAQUE not in text:
            gpus = _gpu_keywords(text)
            if gpus == []:
                return OPAQUE
            gpu = gpus[0] if gpus and len(gpus) == 1 else None
    return _cloud(shell, request, gpu, state, None)


def _gpu_keywords(text: str) -> list[str] | None:
    """Every `gpu=…` of a modal program; [] when it asks for none, None when one is not a plain text."""
    if "gpu" not in text.lower():
        return []
    import ast

    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = {
        node.targets[0].id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "gpu":
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found.append(value.value)
            elif isinstance(value, ast.Name) and value.id in names:
                found.append(names[value.id])
            elif isinstance(value, ast.Constant) and value.value is None:
                continue
            elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                count = next((k.value for k in value.keywords if k.arg == "count"), None)
                number = str(count.value) if isinstance(count, ast.Constant) else "1"
                found.append(f"{value.func.attr}:{number}")
            else:
                return None
    return list(dict.fromkeys(found))


def _cloud(shell: Interpreter, request: Request, gpu: str | None, state: State, nodes: str | None) -> str:
    """Price a cloud job by its own GPU option, else by PGOLF_GPU; refuse when neither is there."""
    from pgolf.lab.launch.launchers import model_and_count

    environ = state.environ()
    setting = gpu or environ.get("PGOLF_GPU") or state.gate_variables().get("PGOLF_GPU")
    if not setting or BENIGN in setting or OPAQUE in setting:
        shell.problem(
            " ".join([request.launcher, *request.argv]), "which GPUs this rents is not stated where it can be read",
            _NO_RATE, state,
        )  # fmt: skip
        return OPAQUE
    model, count = model_and_count(setting)
    request.model = model
    request.gpus = count or "1"
    request.nodes = nodes or "1"
    charge(shell, request, state)
    return OPAQUE


def _sky(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`sky launch|exec|jobs launch [--gpus H100:8] [--num-nodes N] task.yaml`."""
    words = argv[1:]
    if words[:1] in (["jobs"], ["spot"], ["managed"], ["serve"]):
        words = words[1:]
    if words[:1] not in (["launch"], ["exec"], ["up"], ["start"]):
        return BENIGN
    flags = _SKY_FLAGS
    options = Options(words[1:], flags)
    if options.has("help", "-h", "dryrun"):
        return BENIGN
    request = Request(f"sky {words[0]}", words[1:])
    gpu = options.last("gpus")
    nodes = options.last("num_nodes")
    for pair in options.values.get("env", []):
        name, _, value = pair.partition("=")
        request.environ[name] = value
    task = next((word for word in options.rest if word.endswith((".yaml", ".yml"))), None)
    if task:
        request.script = task
        for line in shell.content(task, state).splitlines():
            key, colon, value = line.strip().partition(":")
            value = value.split("#")[0].strip().strip("\"'{}")
            if colon and key == "accelerators" and gpu is None:
                gpu = value
            elif colon and key == "num_nodes" and nodes is None:
                nodes = value
            elif colon and key == CAP_VARIABLE:
                request.environ.setdefault(CAP_VARIABLE, value)
    return _cloud(shell, request, gpu, state, nodes)


def _runpod(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`runpodctl create pod --gpuType … --gpuCount N`, `start pod ID`, `exec`."""
    words = [word for word in argv[1:] if word not in ("pod", "pods")]
    if not words or words[0] not in ("create", "start", "exec", "resume"):
        return BENIGN
    options = Options(words[1:], frozenset({"secureCloud", "communityCloud", "help", "-h", "startSSH"}))
    if options.has("help", "-h"):
        return BENIGN
    request = Request(f"runpodctl {words[0]}", words[1:])
    kind = options.last("gpuType", "gpu_type", "gpu_id")
    count = options.last("gpuCount", "gpu_count") or "1"
    for pair in options.values.get("env", []):
        name, _, value = pair.partition("=")
        request.environ[name] = value
    gpu = f"{kind}:{count}" if kind else None
    times = options.last("podCount")
    if times and times.isdigit() and int(times) > 0:
        request.times = int(times)
    return _cloud(shell, request, gpu, state, None)


_RENTING = {
    "aws": (("run-instances", "request-spot-instances", "create-fleet", "create-training-job", "submit-job"),
            ("p2.", "p3.", "p3dn.", "p4d.", "p4de.", "p5.", "p5e.", "p5en.", "p6-", "g4dn.", "g5.", "g6.", "g6e.")),
    "gcloud": (("create", "create-with-container", "bulk", "submit"),
               ("=a2-", "=a3-", "=a4-", "=g2-", "--accelerator", "nvidia", "--gpu")),
    "az": (("create", "submit"), ("standard_n", "nvidia")),
    "oci": (("launch", "create"), (".gpu", "gpu.")),
    "vastai": (("create", "start", "launch"), ("",)),
    "lambda": (("create", "launch", "up"), ("",)),
    "dstack": (("run", "apply"), ("",)),
    "prime": (("create",), ("",)),
    "vessl": (("run", "create"), ("",)),
}  # fmt: skip
"""Programs that rent machines: the verbs that do, and what in their words says that GPUs are meant."""


def _rents(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """A cloud's own tool: machines with GPUs that it starts are priced by PGOLF_GPU, else refused."""
    from pgolf.lab.launch.text_tools import cloud_tool

    base = argv[0].rpartition("/")[2]
    verbs, signs = _RENTING[base]
    words = [word.lower() for word in argv[1:]]
    verb = next((word for word in words if word in verbs), None)
    asks = any(word in ("--help", "help", "--dry-run", "--dryrun", "--validate-only") for word in words)
    marked = ["=" + word if not word.startswith("-") else word for word in words]
    if verb is not None and not asks and any(sign in word for word in marked for sign in signs):
        return _cloud(shell, Request(f"{base} {verb}", argv[1:]), None, state, None)
    return cloud_tool(shell, argv, state, stdin)


def handlers() -> dict[str, Handler]:
    """Every program of this module by name."""
    uv = _RUN_VALUED
    table: dict[str, Handler] = {
        "ssh": _ssh,
        "mosh": _ssh,
        "autossh": _ssh,
        "tmux": _tmux,
        "screen": _screen,
        "docker": _docker,
        "podman": _docker,
        "nerdctl": _docker,
        "docker-compose": _docker,
        "kubectl": _kubectl,
        "oc": _kubectl,
        "singularity": _container,
        "apptainer": _container,
        "enroot": _container,
        "su": _su,
        "runuser": _su,
        "script": _script,
        "flock": _flock,
        "at": _stdin_jobs,
        "batch": _stdin_jobs,
        "crontab": _stdin_jobs,
        "watch": _watch,
        "entr": _entr,
        "repeat": _repeat,
        "xargs": _xargs,
        "parallel": _parallel,
        "find": _find,
        "fd": _find,
        "fdfind": _find,
        "uv": _tool_run(uv, ("run", "tool", "x")),
        "uvx": _tool_run(uv, ()),
        "pipx": _tool_run(uv, ("run",)),
        "poetry": _tool_run(uv, ("run",)),
        "pipenv": _tool_run(uv, ("run",)),
        "pdm": _tool_run(uv, ("run",)),
        "hatch": _tool_run(uv, ("run",)),
        "rye": _tool_run(uv, ("run",)),
        "pixi": _tool_run(uv, ("run", "exec")),
        "conda": _tool_run(uv, ("run",)),
        "mamba": _tool_run(uv, ("run",)),
        "micromamba": _tool_run(uv, ("run",)),
        "direnv": _tool_run(uv, ("exec",)),
        "mise": _tool_run(uv, ("exec", "x")),
        "coverage": _coverage,
        "npm": _package_scripts,
        "yarn": _package_scripts,
        "pnpm": _package_scripts,
        "npx": _package_scripts,
        "make": _make,
        "gmake": _make,
        "just": _just,
        "srun": _slurm,
        "salloc": _slurm,
        "sbatch": _slurm,
        "mpirun": _mpirun,
        "mpiexec": _mpirun,
        "mpiexec.hydra": _mpirun,
        "horovodrun": _mpirun,
        "modal": _modal,
        "sky": _sky,
        "runpodctl": _runpod,
        **dict.fromkeys(_RENTING, _rents),
        "composer": _trainer,
        "fabric": _trainer,
        "torchx": _trainer,
        "lightning": _trainer,
    }
    return table


def _coverage(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    if argv[1:2] == ["run"]:
        return _run(shell, ["python", "-m", "coverage", *argv[1:]], state, stdin)
    return BENIGN
