"""What each program does with its words: launches, wrappers around other commands, shells, and mere mentions.

`dispatch` is called once per command that could run. A program that is neither a launcher, a known wrapper nor
known to treat its words as data is searched for a launch in its words; one that is found there cannot be
priced, because nobody here knows how often that program would run it.
"""

from __future__ import annotations

from pgolf.lab.launch import files as script_files
from pgolf.lab.launch import remote
from pgolf.lab.launch.bounds import TooMuch
from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream, may_launch
from pgolf.lab.launch.launchers import accelerate, deepspeed, torchrun
from pgolf.lab.launch.text_tools import TEXT_TOOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SCRIPT_DEPTH = 8

# Words of these programs are data, wherever a launcher's name stands in them.
_MENTIONED = """
    [ ag apropos apt apt-cache apt-get ack ansible-doc b2sum basename bat brew cal cd chgrp chmod chown clear cloc cmp
    comm cp curl cut date dd df diff dig dirname dirs dpkg du egrep emacs false fgrep file fmt fold free getconf gh
    grep groups gzip head help host hostname htop id info install ip join jobs jq kill killall less ln locate ls lsof
    man md5sum mkdir mkfifo mktemp more mv mypy nano nl nproc nvidia-smi nvtop od open paste patch pgrep ping pip pip3
    pkill popd printenv ps pushd pwd pylint pyright pytest readlink realpath rg rm rmdir rsync ruff scp seq sha1sum
    sha256sum shasum shellcheck shfmt shuf sleep sort split stat strings sum sync tac tail tar tee test tldr top touch
    tree true truncate tty type ulimit umask unalias uname uniq unlink unset unzip uptime vi view vim vmstat wait wc wget
    whatis whence where whereis which who whoami xdg-open xxd yq zcat zip code cargo conda mamba micromamba ffmpeg
    history fc disown bg fg set shopt shift times hash logout export declare typeset local readonly getopts
    printf echo exit return break continue let let: black isort pre-commit flake8 git-lfs isutf8 zstd unzstd xz bzip2
    """
MENTIONS = frozenset(_MENTIONED.split())

# Their output is a plain value (a date, a path, a count), not text somebody could have hidden a command in.
_VALUED = """
    basename date df dirname du free getconf git groups hostname id ls mktemp nproc nvidia-smi pgrep ps pwd readlink realpath
    sha256sum stat tty uname uptime wc which whoami npm yarn pnpm brew conda pip poetry find hash sha1sum md5sum grep rg
    jq uuidgen python-config tput command type kubectl docker gcloud aws rustc go
    ssh-agent starship zoxide dircolors pyenv rbenv direnv mise fnm opam keychain resize luarocks
    register-python-argcomplete thefuck node java cmake nproc arch lsb_release
    """
_VALUES = frozenset(_VALUED.split())

# program -> options that take a value, words before the command
_WRAPPERS: dict[str, tuple[str, int]] = {
    "nohup": ("", 0),
    "setsid": ("", 0),
    "nice": ("-n --adjustment", 0),
    "ionice": ("-c -n -p -P -u --class --classdata", 0),
    "chrt": ("-T -P -D -p", 1),
    "taskset": ("", 1),
    "numactl": ("-N -m -C -i -p -l --cpunodebind --membind --physcpubind --interleave --preferred", 0),
    "stdbuf": ("-i -o -e --input --output --error", 0),
    "unbuffer": ("", 0),
    "catchsegv": ("", 0),
    "time": ("-f -o --format --output", 0),
    "caffeinate": ("-t -w", 0),
    "command": ("", 0),
    "builtin": ("", 0),
    "noglob": ("", 0),
    "nocorrect": ("", 0),
    "-": ("", 0),
    "exec": ("-a", 0),
    "strace": ("-e -o -p -s -P -u -E -I -a -O -S -X -b", 0),
    "ltrace": ("-e -o -p -s -n -u -l -x", 0),
    "xvfb-run": ("-n -s -e -f -p -w --server-num --server-args --error-file --auth-file", 0),
    "dbus-run-session": ("--config-file --dbus-daemon", 0),
    "systemd-inhibit": ("--what --who --why --mode", 0),
    "systemd-run": ("-p -u -E --unit --property --setenv --slice --description -M -H", 0),
    "unshare": ("--map-user --map-group --mount-proc --setuid --setgid --root --wd -R -w -S -G", 0),
    "chroot": ("--userspec --groups", 1),
    "proxychains": ("-f", 0),
    "proxychains4": ("-f", 0),
    "torsocks": ("", 0),
    "fakeroot": ("-l -s -i -b", 0),
    "cpulimit": ("-l -p -e --limit", 0),
    "perf": ("", 0),
    "valgrind": ("", 0),
    "ddtrace-run": ("", 0),
    "opentelemetry-instrument": ("", 0),
    "py-spy": ("", 0),
    "coproc": ("", 0),
    "setarch": ("", 1),
    "linux64": ("", 0),
    "prlimit": ("", 0),
    "softlimit": ("", 0),
    "firejail": ("", 0),
    "tsp": ("-L -E -N -D -W -S", 0),
    "ts": ("-L -E -N -D -W -S", 0),
    "nsys": ("-o -t -s -c -d -y -w -f -e --output --trace --sample --capture-range --duration --delay", 0),
    "ncu": ("", 0),
    "rocprof": ("", 0),
    "doas": ("-u -C", 0),
    "busybox": ("", 0),
    "toybox": ("", 0),
}
_SUBCOMMANDS = {"perf": ("stat", "record", "trace"), "nsys": ("profile", "launch"), "py-spy": ("record",)}
_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ksh", "ash", "rbash", "mksh", "fish"})
_LAUNCH_FLAGS = (
    "--nproc",
    "--nnodes",
    "--num_processes",
    "--num-processes",
    "--num_gpus",
    "--num-gpus",
    "--standalone",
)


def dispatch(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """Run one command on paper; returns its output as far as known."""
    if argv[0].rpartition("/")[2] in _DETACHING or (
        argv[0] in _MAY_DETACH and any(word in _DETACHED for word in argv)
    ):
        shell.detached += 1
        try:
            return _dispatch(shell, argv, state, stdin)
        finally:
            shell.detached -= 1
    return _dispatch(shell, argv, state, stdin)


# Programs that return before what they started has ended, always or with one of these options.
_DETACHING = frozenset(
    {
        "tmux",
        "screen",
        "at",
        "batch",
        "crontab",
        "sbatch",
        "setsid",
        "systemd-run",
        "tsp",
        "ts",
        "sky",
        "runpodctl",
    }
)
_MAY_DETACH = frozenset({"docker", "podman", "nerdctl", "ssh", "modal", "daemonize"})
_DETACHED = frozenset({"-d", "--detach", "-f", "-itd", "-dit", "-td", "-dt", "deploy"})


def _dispatch(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    shell.tick()
    name = argv[0]
    if BENIGN in name or OPAQUE in name:
        tail = name.rpartition("/")[2]
        if not tail or BENIGN in tail or OPAQUE in tail:
            return unknown_program(shell, argv, state)
    if name in state.aliases and name not in shell.reading:
        shell.reading.append(name)
        text = state.aliases[name] + "".join(" " + quote(word) for word in argv[1:])
        output = shell.code(text, state, stdin)
        shell.reading.pop()
        if name.rpartition("/")[2] not in _LAUNCHING:
            return output
    if name in state.functions:
        return call_function(shell, argv, state, stdin)
    base = name.rpartition("/")[2]
    if name.startswith("=") and base[1:] in _LAUNCHING:
        name = base = base[1:]  # zsh: the program's full path
    state.status = None
    handler = HANDLERS.get(base)
    if handler is None and base.startswith("python"):
        handler = _python if base[6:].replace(".", "").isdigit() or base[6:] == "w" else None
    if (
        "/" in name
        and base not in _LAUNCHING
        and (
            base not in HANDLERS
            or base in ("pgolf",)
            or not name.startswith(("/usr/", "/bin/", "/sbin/", "/opt/"))
        )
    ):
        ran, output = run_file(shell, argv, state, stdin, known=handler is not None)
        if ran:
            return output
    if handler is not None:
        return handler(shell, argv, state, stdin)
    if base in MENTIONS or base.startswith(("git-", "mkfs", "docker-credential")):
        state.status = None
        return BENIGN if base in _VALUES else OPAQUE
    if any(char in base for char in "*?["):
        from pgolf.lab.launch.conditions import matches

        if any(matches(launcher, base) for launcher in _LAUNCHING):
            shell.problem(
                " ".join(argv), "a pattern stands for the program", "write the program's name", state
            )
            return OPAQUE
    if "/" not in name:
        path = script_files.on_path(name, state.text("PATH"), state.cwd) if not state.remote else None
        if path:
            ran, output = run_file(shell, [path, *argv[1:]], state, stdin, known=False)
            if ran:
                return output
    if name.startswith(_LAUNCH_FLAGS):
        shell.problem(
            " ".join(argv), "the launcher's name is empty or unknown", "write the launcher's name", state
        )
        return OPAQUE
    search(shell, argv, state)
    return BENIGN if base in _VALUES else OPAQUE


def quote(word: str) -> str:
    """A word as shell text that means exactly that word."""
    if word and all(char.isalnum() or char in "_-./=:,+@%\x00\x01" for char in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def unknown_program(shell: Interpreter, argv: list[str], state: State) -> str:
    """The program's own name cannot be known."""
    name, rest = argv[0], argv[1:]
    text = " ".join(argv)
    suspicious = (
        OPAQUE in name
        or any(word.startswith(_LAUNCH_FLAGS) for word in rest)
        or any(word.rpartition("/")[2] in _LAUNCHING or word.startswith("torch.distributed") for word in rest)
        or any(is_trainer_name(word) for word in rest)
        or may_launch(text)
    )
    if not suspicious:
        from pgolf.lab.launch.conditions import matches

        pattern = name.rpartition("/")[2].replace(BENIGN, "*")
        suspicious = len(pattern) > 2 and any(matches(launcher, pattern) for launcher in _LAUNCHING)
    if suspicious:
        shell.problem(
            text, "which program this runs cannot be read from here", "write the program's name", state
        )
    search(shell, ["?", *rest], state)
    state.status = None
    return OPAQUE


def is_trainer_name(word: str) -> bool:
    """`train_gpt.py` and its kin by name; MLX runs on the local machine's own chip."""
    base = word.rpartition("/")[2]
    return base.startswith("train") and base.endswith(".py") and "mlx" not in base


def search(shell: Interpreter, argv: list[str], state: State) -> None:
    """Look for a launch among the words of a program that is not known here."""
    if len(argv) < 2 or not any(may_launch(word) for word in argv[1:]):
        return
    probe_from = len(shell.launches), len(shell.problems), len(shell.delegated)
    for at in range(1, min(len(argv), 200)):
        word = argv[at]
        base = word.rpartition("/")[2]
        if base in _LAUNCHING or base.startswith("python"):
            dispatch(shell, argv[at:], state.copy(), None)
        elif any(char in word for char in " \n;&|") and may_launch(word):
            shell.code(word, state.copy(), None)
            for mark in "=:":  # `--command=torchrun …`, `EXEC:torchrun …`
                shell.code(word.partition(mark)[2], state.copy(), None)
        if len(shell.launches) > probe_from[0] or len(shell.problems) > probe_from[1]:
            break
    found = len(shell.launches) > probe_from[0] or len(shell.problems) > probe_from[1]
    del shell.launches[probe_from[0] :], shell.problems[probe_from[1] :], shell.delegated[probe_from[2] :]
    if found:
        shell.problem(
            " ".join(argv),
            f"`{argv[0].rpartition('/')[2]}` may run the launch in its words, and how often is not known",
            "run the launch as a command of its own",
            state,
        )


def call_function(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    body = state.functions[argv[0]]
    old_args = state.args
    state.args = argv[1:]
    try:
        output = shell.run(body, state, stdin)
    finally:
        state.args = old_args
    if state.flow == "return":
        state.flow = ""
    return output


# -- files ------------------------------------------------------------------------------------------------


def run_file(
    shell: Interpreter, argv: list[str], state: State, stdin: Stream | None, *, known: bool
) -> tuple[bool, str]:
    """Run a program given by its path, if it is a script; (False, '') when its name has to decide instead."""
    name = argv[0]
    path = shell.path(name, state)
    if state.remote:
        base = name.rpartition("/")[2]
        if known or name.startswith(("/usr/", "/bin/", "/sbin/", "/opt/")) or base in MENTIONS:
            return False, ""
        shell.problem(
            " ".join(argv), "a script on another machine cannot be read from here",
            "write the launch itself instead of the script's name", state,
        )  # fmt: skip
        return True, OPAQUE
    text = written(shell, path)
    if text is None:
        found = script_files.read(path)
        if found.text is None:
            if found.why.startswith("unreadable"):
                shell.problem(
                    " ".join(argv),
                    f"{name} is {found.why}",
                    "run a script that can be read, or the launch itself",
                    state,
                )
                return True, OPAQUE
            if found.why == "missing" and name.endswith((".sh", ".bash")) and shell.wrote_unknown:
                unread(shell, argv, state)
                return True, OPAQUE
            return False, ""
        text = found.text
    if OPAQUE in text:
        unread(shell, argv, state)
        return True, OPAQUE
    first = text[: text.find("\n")] if "\n" in text else text[:200]
    if first.startswith("#!"):
        words = first[2:].split()
        while (words and words[0].rpartition("/")[2] in ("env", "-S")) or (
            words and words[0].startswith("-S")
        ):
            words.pop(0)
        program = words[0].rpartition("/")[2] if words else "sh"
        if program.startswith("python") or program == "uv":
            if "from torch.distributed.run import main" in text:
                torchrun(shell, "torchrun", argv[1:], state)
                return True, OPAQUE
            if "accelerate.commands" in text and "import main" in text:
                return True, HANDLERS["accelerate"](shell, ["accelerate", *argv[1:]], state, stdin)
            if "deepspeed.launcher.runner" in text:
                deepspeed(shell, argv[1:], state)
                return True, OPAQUE
            if "from pgolf.cli.main import" in text and len(text) < 2000:
                return True, _pgolf(shell, ["pgolf", *argv[1:]], state, stdin)
            from pgolf.lab.launch.python_code import run_python

            return True, run_python(shell, text, argv, name, state)
        if program == "make":
            return True, HANDLERS["make"](shell, ["make", "-f", name, *argv[1:]], state, stdin)
        if program not in _SHELLS:
            if may_launch(text):
                foreign(shell, " ".join(argv), text, state)
            return True, OPAQUE
    elif known:
        return False, ""
    return True, script(shell, text, argv, state.process(), stdin)


def written(shell: Interpreter, path: str) -> str | None:
    """What this same command has put into a file, if it has."""
    return shell.files.get(path)


def unread(shell: Interpreter, argv: list[str], state: State) -> None:
    shell.problem(
        " ".join(argv),
        "it runs text that this same command downloads, decodes or computes",
        "write the file in one command, and run it in the next",
        state,
    )


def script(shell: Interpreter, text: str, argv: list[str], state: State, stdin: Stream | None) -> str:
    """A shell script's text, with its arguments."""
    if shell.reading.count(argv[0]) > 1 or len(shell.reading) > MAX_SCRIPT_DEPTH:
        if may_launch(text):
            raise TooMuch("scripts that call each other too deeply")
        return OPAQUE
    state.args = argv[1:]
    state.name = argv[0]
    shell.reading.append(argv[0])
    try:
        output = shell.code(text, state, stdin, what=" ".join(argv))
    finally:
        shell.reading.pop()
    if state.flow in ("exit", "return"):
        state.flow = ""
    return output


def foreign(shell: Interpreter, what: str, text: str, state: State) -> None:
    """Code of another language that names a launcher and can start programs."""
    starts = (
        "system",
        "exec",
        "spawn",
        "popen",
        "`",
        "subprocess",
        "Command",
        "qx",
        "open3",
        "fork",
        "|&",
        "shell",
        "Bun.$",
        "$`",
    )
    plain = text.translate({ord(char): None for char in "'\"\\\n+. ,()[]{}"})
    named = any(hint in plain for hint in ("torchrun", "torchdistributed", "deepspeed", "acceleratelaunch"))
    hidden = any(
        word in text
        for word in ("pack", "atob", "base64", "decode", "fromCharCode", "chr(", "reverse", "hex")
    )
    if (named or hidden or "torch" in plain or may_launch(text)) and any(word in text for word in starts):
        shell.problem(
            what, "code of another language that starts a launch", "run the launch as a plain command", state
        )


# -- wrappers ---------------------------------------------------------------------------------------------


def inner(argv: list[str], valued: str, positional: int) -> list[str]:
    """The command behind a wrapper's own options."""
    takes = valued.split()
    at = 1
    while at < len(argv):
        word = argv[at]
        if word == "--":
            at += 1
            break
        if word.startswith("-") and len(word) > 1:
            at += 2 if word in takes else 1
            continue
        break
    return argv[at + positional :]


def _wrapper(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    base = argv[0].rpartition("/")[2]
    if base == "command" and len(argv) > 1 and argv[1] in ("-v", "-V"):
        state.status = None
        return "\n".join(argv[2:]) + "\n" if len(argv) > 2 else ""
    if base == "exec" and len(argv) == 1:
        return ""
    valued, positional = _WRAPPERS[base]
    if base in _SUBCOMMANDS:
        if len(argv) < 2 or argv[1] not in _SUBCOMMANDS[base]:
            return OPAQUE
        argv = [argv[0], *argv[2:]]
    words = inner(argv, valued, positional)
    own = argv[1 : len(argv) - len(words)]
    before = len(shell.launches) + len(shell.problems)
    if base in ("systemd-run", "tsp", "ts") or base in ("doas",):
        state = state.process()
    output = ""
    if words:
        output = dispatch(shell, words, state, stdin)
    if len(shell.launches) + len(shell.problems) == before and own:
        search(shell, argv, state)
    if base == "exec" and not shell.maybe and words:
        state.flow = state.flow or "exit"
    return output


def _env(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`env [-i] [-u NAME] [-C DIR] [-S STRING] NAME=VALUE… command`; also `sudo`'s leading assignments."""
    environ = state.environ()
    at = 1
    cwd = state.cwd
    gate = state.gate_variables()
    while at < len(argv):
        word = argv[at]
        if word in ("-i", "-", "--ignore-environment"):
            environ = {}
        elif word in ("-u", "--unset") and at + 1 < len(argv):
            at += 1
            environ.pop(argv[at], None)
            gate.pop(argv[at], None)
        elif word.startswith("--unset=") or (word.startswith("-u") and len(word) > 2):
            dropped = word.partition("=")[2] if "=" in word else word[2:]
            environ.pop(dropped, None)
            gate.pop(dropped, None)
        elif word in ("-C", "--chdir") and at + 1 < len(argv):
            at += 1
            cwd = shell.path(argv[at], state)
        elif word.startswith("--chdir="):
            cwd = shell.path(word[8:], state)
        elif word in ("-S", "--split-string") or word.startswith(("-S", "--split-string=")):
            text = word.partition("=")[2] if word.startswith("--") and "=" in word else word[2:]
            if not text or word in ("-S", "--split-string"):
                at += 1
                text = argv[at] if at < len(argv) else ""
            child = state.process(environ)
            child.cwd = cwd
            child.gate = gate
            return shell.code(
                "env " + text + "".join(" " + quote(word) for word in argv[at + 1 :]), child, stdin
            )
        elif word == "--":
            at += 1
            break
        elif word.startswith("-"):
            pass
        elif "=" in word:
            break
        else:
            break
        at += 1
    while at < len(argv) and "=" in argv[at] and not argv[at].startswith("="):
        variable, _, value = argv[at].partition("=")
        environ[variable] = value
        if variable.startswith("PGOLF_"):
            gate[variable] = value
        at += 1
    if at >= len(argv):
        return BENIGN
    child = state.process(environ)
    child.cwd = cwd
    child.gate = {**gate, **{k: v for k, v in environ.items() if k.startswith("PGOLF_")}}
    return dispatch(shell, argv[at:], child, stdin)


def _sudo(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = inner(argv, "-u -g -h -p -C -r -t -T -U -D -R --user --group --chdir --host --prompt", 0)
    own = argv[1 : len(argv) - len(words)]
    keeps = any(option in ("-E", "--preserve-env") for option in own)
    environ = state.environ() if keeps else {"PATH": state.text("PATH"), "HOME": state.text("HOME")}
    for option in own:
        if option.startswith("--preserve-env="):
            environ.update(
                {n: state.text(n) for n in option.partition("=")[2].split(",") if n in state.exported}
            )
    child = state.process(environ)
    if not words:
        # `sudo -s`, `sudo -i`: a shell that reads what is piped in.
        if stdin is not None and any(option in ("-s", "-i", "--shell", "--login") for option in own):
            return shell.code(stdin.text, child, None)
        return ""
    return _env(shell, ["env", *words], child, stdin)


def _timeout(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = inner(argv, "-k -s --kill-after --signal", 0)
    if len(words) < 2:
        return ""
    limit = duration(words[0])
    if limit is not None and limit > 0:
        shell.caps.append(limit)
    try:
        return dispatch(shell, words[1:], state, stdin)
    finally:
        if limit is not None and limit > 0:
            shell.caps.pop()


def duration(text: str) -> float | None:
    """coreutils' durations: `600`, `10m`, `1.5h`, `2d`; None when it is not one."""
    scale = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}.get(text[-1:], 0.0)
    number = text[:-1] if scale else text
    if not number or not all(char.isdigit() or char == "." for char in number):
        return None
    try:
        return float(number) * (scale or 1.0)
    except ValueError:
        return None


def _shell(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`bash [options] [-c code | script | -s] [arguments]`."""
    at = 1
    code: str | None = None
    wants_code = reads_stdin = dry = False
    startup = ""
    while at < len(argv):
        word = argv[at]
        if word == "--" or word == "-":
            at += 1
            break
        if word in ("--rcfile", "--init-file"):
            startup = argv[at + 1] if at + 1 < len(argv) else ""
            at += 2
            continue
        if word in ("-o", "+o", "-O", "+O"):
            at += 2
            continue
        if word.startswith("--"):
            if word in ("--version", "--help"):
                return BENIGN
            at += 1
            continue
        if word.startswith(("-", "+")) and len(word) > 1:
            wants_code = wants_code or (word.startswith("-") and "c" in word)
            reads_stdin = reads_stdin or "s" in word[1:]
            dry = dry or (word.startswith("-") and "n" in word[1:] and "c" not in word)
            at += 1
            if word.endswith("o") and at < len(argv):
                at += 1
            continue
        break
    if dry:
        return BENIGN
    child = state.process()
    output = ""
    named = state.text("BASH_ENV")
    if named and named in {state.text(name) for name in state.exported}:
        startup = named
    if startup:
        output += (
            shell.code(shell.content(startup, state), child.copy(), None)
            if _exists(shell, startup, state)
            else ""
        )
    if wants_code:
        code = argv[at] if at < len(argv) else ""
        child.args = argv[at + 2 :]
        child.name = argv[at + 1] if at + 1 < len(argv) else "bash"
        result = output + shell.code(code, child, stdin, what=" ".join(argv))
        state.status = child.status
        return result
    if at < len(argv) and not reads_stdin:
        return output + shell_script(shell, argv[at:], child, stdin)
    if stdin is None:
        return output
    child.args = argv[at:]
    return output + shell.code(
        stdin.text, child, None, what=" ".join(argv) + " (fed by a pipe or a here-document)"
    )


def _exists(shell: Interpreter, name: str, state: State) -> bool:
    path = shell.path(name, state)
    return path in shell.files or script_files.read(path).why != "missing"


def shell_script(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """A script given to a shell or `source` by name."""
    name = argv[0]
    if name in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        return script(shell, stdin.text if stdin else "", argv, state, None)
    if OPAQUE in name or BENIGN in name:
        shell.problem(
            " ".join(argv),
            "which script this runs cannot be read from here",
            "write the script's name",
            state,
        )
        return OPAQUE
    if state.remote:
        shell.problem(
            " ".join(argv), "a script on another machine cannot be read from here",
            "write the launch itself instead of the script's name", state,
        )  # fmt: skip
        return OPAQUE
    path = shell.path(name, state)
    text = written(shell, path)
    if text is None:
        found = script_files.read(path)
        if found.text is None and found.why == "missing" and "/" not in name:
            elsewhere = script_files.on_path(name, state.text("PATH"), state.cwd)
            found = script_files.read(elsewhere) if elsewhere else found
        if found.text is None:
            if found.why == "missing":
                if shell.wrote_unknown:
                    unread(shell, argv, state)
                return OPAQUE
            if found.why != "binary":
                shell.problem(
                    " ".join(argv), f"{name} is {found.why}", "run a script that can be read", state
                )
            return OPAQUE
        text = found.text
    if OPAQUE in text:
        unread(shell, argv, state)
        return OPAQUE
    return script(shell, text, argv, state, stdin)


def _source(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    if len(argv) < 2:
        return ""
    if argv[1].rpartition("/")[2] in (
        "activate",
        ".bashrc",
        ".zshrc",
        ".profile",
        ".bash_profile",
        "conda.sh",
        "nvm.sh",
    ):
        path = shell.path(argv[1], state)
        text = shell.files.get(path) or script_files.read(path).text
        if path not in shell.files and not (
            text and any(w in text for w in ("torchrun", "distributed", "deepspeed", "accelerate launch"))
        ):
            return ""
    old = state.args
    name = state.name
    output = shell_script(shell, argv[1:], state, stdin)
    state.args = old
    state.name = name
    return output


def _eval(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    text = " ".join(argv[1:])
    if text.strip() in (OPAQUE, BENIGN) and state.gate.get("__setup__"):
        return ""
    return shell.code(text, state, stdin, what=" ".join(argv))


def _alias(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if equals:
            state.aliases[name] = value
    state.status = 0
    return ""


def _export(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    base = argv[0]
    flags = "".join(word[1:] for word in argv[1:] if word.startswith("-"))
    if "n" in flags and base != "export":
        # A name that stands for another name: what it means is no longer followed.
        for word in argv[1:]:
            if not word.startswith("-"):
                state.assign(word.partition("=")[0], OPAQUE)
        return ""
    exports = base == "export" or (base in ("declare", "typeset", "local") and "x" in flags)
    for word in argv[1:]:
        if word.startswith(("-", "+")):
            continue
        name, equals, value = word.partition("=")
        if name.endswith("+"):
            name = name[:-1]
            value = state.text(name) + value
        if equals:
            shell.store(name, value, state)
        if base == "export" and "n" in flags:
            state.exported.discard(name)
        elif exports:
            state.exported.add(name)
    state.status = 0
    return ""


def _hash(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`hash -p PATH NAME`: from here on NAME is PATH."""
    if len(argv) == 4 and argv[1] == "-p":
        state.aliases[argv[3]] = argv[2]
    state.status = 0
    return OPAQUE


def _unset(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    functions = "-f" in argv
    for word in argv[1:]:
        if word.startswith("-"):
            continue
        if functions and not shell.maybe:
            state.functions.pop(word, None)
        if not functions:
            state.vars.pop(word, None)
            state.exported.discard(word)
    state.status = 0
    return ""


def _set(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    for at, word in enumerate(argv[1:], 1):
        if word == "--":
            state.args = argv[at + 1 :]
            break
        if word.startswith("-") and "a" in word[1:] and not word.startswith("--"):
            state.export_all = True
        elif word == "+a":
            state.export_all = False
        elif word == "allexport":
            state.export_all = argv[at - 1] == "-o"
    state.status = 0
    return ""


def _shift(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    count = int(argv[1]) if len(argv) > 1 and argv[1].isdigit() else 1
    state.args = state.args[count:]
    state.status = 0
    return ""


def _cd(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = [word for word in argv[1:] if not word.startswith("-")]
    target = words[0] if words else state.text("HOME")
    if target and BENIGN not in target and OPAQUE not in target:
        state.cwd = shell.path(target, state)
    state.status = None
    return ""


def _read(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    at = 1
    names: list[str] = []
    array = False
    while at < len(argv):
        word = argv[at]
        if word.startswith("-") and len(word) > 1:
            array = array or word in ("-a", "-A")
            at += 2 if word[-1] in "dinNptu" else 1
            continue
        names.append(word)
        at += 1
    line = stdin.line() if stdin is not None else None
    if stdin is None:
        for name in names:
            state.assign(name, BENIGN)
        state.status = None
        return ""
    state.status = 1 if line is None else (None if line in (OPAQUE, BENIGN) else 0)
    if line is None:
        line = ""
    if array and names:
        state.assign(names[0], line.split())
        return ""
    fields = line.strip().split(None, max(len(names) - 1, 0)) if names else []
    for index, name in enumerate(names or ["REPLY"]):
        if not names:
            state.assign(name, line)
        else:
            default = line if line in (OPAQUE, BENIGN) else ""
            state.assign(name, fields[index] if index < len(fields) else default)
    return ""


def _mapfile(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    name = argv[-1] if len(argv) > 1 and not argv[-1].startswith("-") else "MAPFILE"
    text = stdin.text if stdin is not None else OPAQUE
    state.assign(name, text.splitlines() if OPAQUE not in text else [OPAQUE])
    return ""


def _test(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.conditions import evaluate_test

    words = argv[1:]
    if argv[0].endswith("[") and words and words[-1] == "]":
        words = words[:-1]
    state.status = evaluate_test(words, double=False)
    return ""


def _true(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    state.status = 0
    return ""


def _false(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    state.status = 1
    return ""


def _leave(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`exit`, `return`, `break`, `continue`: followed only where it is certain to happen."""
    if not shell.maybe:
        state.flow = argv[0]
        state.status = 0 if len(argv) < 2 or argv[1] == "0" else 1
    return ""


def _let(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    value: int | None = None
    for word in argv[1:]:
        value = shell.arithmetic(word, state)
    state.status = None if value is None else (0 if value else 1)
    return ""


def _trap(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    words = [word for word in argv[1:] if word not in ("-l", "-p", "--")]
    if len(words) >= 2 and words[0] not in ("-", ""):
        shell.code(words[0], state.copy(), None)
    state.status = 0
    return ""


def _seconds_of_sleep(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    state.status = 0
    return ""


# -- launchers --------------------------------------------------------------------------------------------


def _torchrun(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    torchrun(shell, "torchrun", argv[1:], state)
    return OPAQUE


def _accelerate(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    if argv[0].rpartition("/")[2] == "accelerate-launch":
        accelerate(shell, argv[1:], state)
    elif len(argv) > 1 and (argv[1] in ("launch", "test") or BENIGN in argv[1] or OPAQUE in argv[1]):
        accelerate(shell, argv[2:] if argv[1] != "test" else ["test", *argv[2:]], state)
    return OPAQUE


def _deepspeed(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    deepspeed(shell, argv[1:], state)
    return OPAQUE


def _python(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.python_code import interpreter_call

    return interpreter_call(shell, argv, state, stdin)


def _pgolf(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`pgolf run … -- CMD` asks the same gates itself and holds the money itself: it is let through."""
    other = script_files.on_path("pgolf", state.text("PATH"), state.cwd) if not state.remote else None
    if other and "pgolf.cli.main" not in (script_files.read(other).text or ""):
        return run_file(shell, [other, *argv[1:]], state, stdin, known=False)[1]
    if len(argv) > 1 and argv[1] == "run" and "--" in argv:
        shell.delegated.append(" ".join(argv[:6]))
    return BENIGN


def _coded(flag: str) -> Callable[[Interpreter, list[str], State, Stream | None], str]:
    """Another language's interpreter: its code option, its script, or what is piped into it."""

    def run(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
        texts: list[str] = []
        for at, word in enumerate(argv[1:], 1):
            if word.startswith("-") and word.lstrip("-") in (
                *flag.split(),
                *(f"n{f}" for f in flag.split()),
                "le",
                "pe",
                "ne",
            ):
                texts.append(argv[at + 1] if at + 1 < len(argv) else "")
            elif not word.startswith("-") and not texts:
                path = shell.path(word, state)
                text = written(shell, path) or script_files.read(path).text
                if text and not state.remote:
                    texts.append(text)
        if stdin is not None and not texts:
            texts.append(stdin.text)
        for text in texts:
            if OPAQUE in text:
                shell.problem(" ".join(argv), "an interpreter is given text that cannot be read from here",
                              "run the launch as a plain command", state)  # fmt: skip
            else:
                foreign(shell, " ".join(argv), text, state)
        search(shell, argv, state)
        return OPAQUE

    return run


def _awk(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """awk runs commands by `system(…)`, `print | "sh"` and `"command" | getline`."""
    fed = stdin.text if stdin is not None else ""
    for word in argv[1:]:
        runs = any(mark in word for mark in ("system", '| "', '|"', "|&", "getline"))
        if runs and (may_launch(word) or may_launch(fed) or OPAQUE in fed):
            shell.problem(
                " ".join(argv),
                "awk runs a command that may be a launch",
                "run the launch as a plain command",
                state,
            )
            break
    return OPAQUE


def _build_handlers() -> dict[str, Callable[[Interpreter, list[str], State, Stream | None], str]]:
    handlers: dict[str, Callable[[Interpreter, list[str], State, Stream | None], str]] = {}
    for name in _WRAPPERS:
        handlers[name] = _wrapper
    for name in _SHELLS:
        handlers[name] = _shell
    handlers.update(TEXT_TOOLS)
    handlers.update(
        {
            "torchrun": _torchrun,
            "accelerate": _accelerate,
            "accelerate-launch": _accelerate,
            "deepspeed": _deepspeed,
            "python": _python,
            "python2": _python,
            "python3": _python,
            "pypy": _python,
            "pypy3": _python,
            "ipython": _python,
            "ipython3": _python,
            "pgolf": _pgolf,
            "env": _env,
            "sudo": _sudo,
            "timeout": _timeout,
            "gtimeout": _timeout,
            "source": _source,
            ".": _source,
            "eval": _eval,
            "alias": _alias,
            "export": _export,
            "declare": _export,
            "typeset": _export,
            "local": _export,
            "readonly": _export,
            "unset": _unset,
            "hash": _hash,
            "set": _set,
            "shift": _shift,
            "cd": _cd,
            "pushd": _cd,
            "read": _read,
            "mapfile": _mapfile,
            "readarray": _mapfile,
            "test": _test,
            "[": _test,
            "true": _true,
            ":": _true,
            "false": _false,
            "exit": _leave,
            "return": _leave,
            "break": _leave,
            "continue": _leave,
            "let": _let,
            "trap": _trap,
            "sleep": _seconds_of_sleep,
            "wait": _seconds_of_sleep,
            "perl": _coded("e E"),
            "ruby": _coded("e"),
            "node": _coded("e eval p print"),
            "deno": _coded("eval"),
            "bun": _coded("e"),
            "php": _coded("r"),
            "lua": _coded("e"),
            "luajit": _coded("e"),
            "Rscript": _coded("e"),
            "R": _coded("e"),
            "julia": _coded("e"),
            "tclsh": _coded("c"),
            "expect": _coded("c"),
            "osascript": _coded("e"),
            "awk": _awk,
            "gawk": _awk,
            "mawk": _awk,
            "nawk": _awk,
        }
    )
    handlers.update(remote.handlers())
    return handlers


HANDLERS = _build_handlers()
_LAUNCHING = frozenset(
    {"torchrun", "accelerate", "accelerate-launch", "deepspeed", "modal", "sky", "runpodctl", "srun", "sbatch", "salloc",
     "mpirun", "mpiexec", "horovodrun"}
)  # fmt: skip
