"""Programs that carry a command elsewhere or run it again: ssh, tmux, containers, clusters, clouds, xargs, make."""

from __future__ import annotations

from pgolf.lab.launch.clouds import RENTING, run_modal, run_rents, run_runpod, run_sky
from pgolf.lab.launch.clusters import run_mpirun, run_slurm, run_trainer
from pgolf.lab.launch.containers import run_container, run_docker, run_kubectl
from pgolf.lab.launch.elsewhere import elsewhere, hand_over
from pgolf.lab.launch.expansion import OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream
from pgolf.lab.launch.repeaters import (
    run_entr,
    run_find,
    run_parallel,
    run_repeat,
    run_stdin_jobs,
    run_watch,
    run_xargs,
)
from pgolf.lab.launch.runners import (
    RUN_VALUED,
    run_coverage,
    run_just,
    run_make,
    run_package_scripts,
    tool_run,
)
from pgolf.lab.launch.terminals import run_screen, run_tmux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Interpreter, list[str], State, Stream | None], str]


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
                    value, elsewhere(state) if key.lower() == "remotecommand" else state.process(), None
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
    other = elsewhere(state)
    if rest:
        return shell.code(" ".join(rest), other, stdin, what=" ".join(argv))
    if stdin is not None:
        shell.code(stdin.text, other, None, what=" ".join(argv) + " (fed by a pipe or a here-document)")
    return OPAQUE


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
        return hand_over(shell, argv[argv.index("--") + 1 :], state.process(), stdin)
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
    return hand_over(shell, words[1:], state.process(), stdin)


def _flock(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.programs import inner

    words = inner(argv, "-w -E --timeout --wait --conflict-exit-code", 1)
    if words[:1] in (["-c"], ["--command"]):
        return shell.code(words[1] if len(words) > 1 else "", state.process(), stdin)
    return hand_over(shell, words, state.process(), stdin)


def handlers() -> dict[str, Handler]:
    """Every program of this module by name."""
    uv = RUN_VALUED
    table: dict[str, Handler] = {
        "ssh": _ssh,
        "mosh": _ssh,
        "autossh": _ssh,
        "tmux": run_tmux,
        "screen": run_screen,
        "docker": run_docker,
        "podman": run_docker,
        "nerdctl": run_docker,
        "docker-compose": run_docker,
        "kubectl": run_kubectl,
        "oc": run_kubectl,
        "singularity": run_container,
        "apptainer": run_container,
        "enroot": run_container,
        "su": _su,
        "runuser": _su,
        "script": _script,
        "flock": _flock,
        "at": run_stdin_jobs,
        "batch": run_stdin_jobs,
        "crontab": run_stdin_jobs,
        "watch": run_watch,
        "entr": run_entr,
        "repeat": run_repeat,
        "xargs": run_xargs,
        "parallel": run_parallel,
        "find": run_find,
        "fd": run_find,
        "fdfind": run_find,
        "uv": tool_run(uv, ("run", "tool", "x")),
        "uvx": tool_run(uv, ()),
        "pipx": tool_run(uv, ("run",)),
        "poetry": tool_run(uv, ("run",)),
        "pipenv": tool_run(uv, ("run",)),
        "pdm": tool_run(uv, ("run",)),
        "hatch": tool_run(uv, ("run",)),
        "rye": tool_run(uv, ("run",)),
        "pixi": tool_run(uv, ("run", "exec")),
        "conda": tool_run(uv, ("run",)),
        "mamba": tool_run(uv, ("run",)),
        "micromamba": tool_run(uv, ("run",)),
        "direnv": tool_run(uv, ("exec",)),
        "mise": tool_run(uv, ("exec", "x")),
        "coverage": run_coverage,
        "npm": run_package_scripts,
        "yarn": run_package_scripts,
        "pnpm": run_package_scripts,
        "npx": run_package_scripts,
        "make": run_make,
        "gmake": run_make,
        "just": run_just,
        "srun": run_slurm,
        "salloc": run_slurm,
        "sbatch": run_slurm,
        "mpirun": run_mpirun,
        "mpiexec": run_mpirun,
        "mpiexec.hydra": run_mpirun,
        "horovodrun": run_mpirun,
        "modal": run_modal,
        "sky": run_sky,
        "runpodctl": run_runpod,
        **dict.fromkeys(RENTING, run_rents),
        "composer": run_trainer,
        "fabric": run_trainer,
        "torchx": run_trainer,
        "lightning": run_trainer,
    }
    return table
