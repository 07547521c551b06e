"""Slurm, MPI and training front ends: how many GPUs a job asks for."""

from __future__ import annotations

from pgolf.lab.launch.elsewhere import hand_over
from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream, may_launch
from pgolf.lab.launch.launchers import Options, Request, charge

_SLURM_WORDS = """pty exclusive label overlap unbuffered help version verbose -l -u -v -h -V -Q -s -O -E -H parsable wait
    requeue no_requeue hold quiet test_only"""
_SLURM_FLAGS = frozenset(_SLURM_WORDS.split())
_MPI_WORDS = """--map-by --bind-to -ppn -perhost -N --npernode -npernode --hostfile -hostfile -f -machinefile --machinefile
    -wdir --wdir --rank-by -p --output-filename --prefix --timeout --network-interface"""
_MPI_VALUED = frozenset(_MPI_WORDS.split())


def run_trainer(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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


def run_slurm(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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
            hand_over(shell, words, own, stdin)
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


def run_mpirun(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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
        hand_over(shell, words, own, stdin)
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
