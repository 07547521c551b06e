"""Containers and pods: what runs inside them, with which environment."""

from __future__ import annotations

from pgolf.lab.launch.elsewhere import elsewhere, hand_over
from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream

_DOCKER_WORDS = """-i -t -d -it -ti -itd -dit -P -T --rm --init --privileged --detach --interactive --tty --read-only
    --no-healthcheck --publish-all --sig-proxy --no-deps --build --quiet -q --service-ports --oom-kill-disable -dt -td -di
    -id"""
_DOCKER_FLAGS = frozenset(_DOCKER_WORDS.split())


def run_docker(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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
    other = elsewhere(state, environ)
    before = len(shell.launches) + len(shell.problems)
    if rest:
        hand_over(shell, rest, other, stdin)
    if len(shell.launches) + len(shell.problems) == before:
        from pgolf.lab.launch.programs import search

        search(shell, argv, state)
    return OPAQUE


def run_kubectl(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    before = len(shell.launches) + len(shell.problems)
    if "--" in argv and any(word in argv for word in ("exec", "run", "debug", "create")):
        hand_over(shell, argv[argv.index("--") + 1 :], elsewhere(state), stdin)
    if len(shell.launches) + len(shell.problems) == before:
        from pgolf.lab.launch.programs import search

        search(shell, argv, state)
    return BENIGN


def run_container(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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
    return hand_over(shell, argv[at + 1 :], state.process(), stdin)
