"""Launchers' own arguments -> GPUs, nodes, cap, model; then the price."""

from __future__ import annotations

import math

from pgolf.lab.launch.expansion import BENIGN, OPAQUE, visible
from pgolf.lab.launch.interpreter import Interpreter, State
from pgolf.lab.launch.values import SECONDS_PER_HOUR, Launch

MAX_GPUS = 4096
CAP_VARIABLE = "MAX_WALLCLOCK_SECONDS"

# How people and clouds spell the models of the shipped profile; any other spelling is looked up as it stands.
_SPELLINGS = (
    ("H100", ("PCIE",), "H100_PCIe"),
    ("H100", (), "H100_SXM"),
    ("A100", (), "A100_80GB"),
)
_PRICED = "write it with numbers, e.g. `MAX_WALLCLOCK_SECONDS=600 torchrun --nproc_per_node=8 train_gpt.py`"


class Request:
    """What a launcher asks for; None means the launcher does not say."""

    __slots__ = ("argv", "environ", "gpus", "launcher", "model", "nodes", "notes", "script", "times", "total")

    def __init__(self, launcher: str, argv: list[str]) -> None:
        self.launcher = launcher
        self.argv = argv
        self.gpus: str | None = None
        self.nodes: str | None = None
        self.total: str | None = None
        self.model: str | None = None
        self.script: str | None = None
        self.times = 1
        self.notes: list[str] = []
        self.environ: dict[str, str] = {}


class Options:
    """`--name value`, `--name=value` (with `-` and `_` alike) and the first positional word."""

    def __init__(self, argv: list[str], flags: frozenset[str], *, short_values: str = "") -> None:
        self.values: dict[str, list[str]] = {}
        self.rest: list[str] = []
        self.position: int | None = None
        at = 0
        while at < len(argv):
            word = argv[at]
            if word == "--":
                self.rest = argv[at + 1 :]
                self.position = at + 1
                return
            if not word.startswith("-") or word == "-":
                self.rest = argv[at:]
                self.position = at
                return
            name, equals, value = word.partition("=")
            name = name.lstrip("-").replace("-", "_") if name.startswith("--") else name
            if not name.startswith("-") and equals:
                self.values.setdefault(name, []).append(value)
            elif name in flags:
                self.values.setdefault(name, []).append("")
            elif not word.startswith("--") and len(word) > 2 and word[1] in short_values:
                self.values.setdefault(word[:2], []).append(word[2:].lstrip("="))
            elif not word.startswith("--") and len(word) > 2 and word[1] not in short_values and short_values:
                self.values.setdefault(word, []).append("")
            else:
                self.values.setdefault(name, []).append(argv[at + 1] if at + 1 < len(argv) else "")
                at += 1
            at += 1

    def last(self, *names: str) -> str | None:
        """The last value given under any of these names; a name ending in `*` matches as a prefix."""
        found: str | None = None
        for key, values in self.values.items():
            for name in names:
                if key == name or (name.endswith("*") and key.startswith(name[:-1])):
                    found = values[-1]
        return found

    def has(self, *names: str) -> bool:
        return any(name in self.values for name in names)


_TORCHRUN_FLAGS = frozenset(
    {"standalone", "m", "module", "no_python", "run_path", "use_env", "help", "version", "-h", "-m"}
)
_HELP = ("help", "version", "-h", "-V", "v")


def torchrun(shell: Interpreter, name: str, argv: list[str], state: State) -> bool:
    """`torchrun`, `python -m torch.distributed.run|launch`; True when it is a launch."""
    options = Options(argv, _TORCHRUN_FLAGS, short_values="rt")
    if options.has(*_HELP) or not options.rest:
        if shell.outer.get("stdin_args"):
            shell.problem(
                " ".join([name, *argv]), "its arguments come from input that cannot be read", _PRICED, state
            )
            return True
        return False
    request = Request(name, argv)
    environ = state.environ()
    stated = options.last("np*")
    request.gpus = stated if stated is not None else environ.get("PET_NPROC_PER_NODE") or "1"
    stated = options.last("nn*")
    request.nodes = stated if stated is not None else environ.get("PET_NNODES") or "1"
    restarts = options.last("max_*") or environ.get("PET_MAX_RESTARTS") or "0"
    if restarts.isdigit():
        request.times = 1 + int(restarts)
        if request.times > 1:
            request.notes.append(f"may restart {restarts} times")
    request.script = options.rest[0]
    return charge(shell, request, state)


_ACCELERATE_FLAGS = frozenset(
    {
        "cpu", "multi_gpu", "tpu", "ipex", "mps", "use_deepspeed", "use_fsdp", "use_megatron_lm", "use_xpu",
        "module", "no_python", "debug", "quiet", "same_network", "enable_cpu_affinity", "help", "-m", "-q", "-h",
        "main_training_function", "tpu_cluster", "no_tpu_cluster", "tpu_use_sudo", "dynamo_use_fullgraph", "dynamo_use_dynamic",
        "use_parallelism_config", "dynamo_use_regional_compilation", "fp8_override_linear_precision",
    }
)  # fmt: skip


def accelerate(shell: Interpreter, argv: list[str], state: State) -> bool:
    """`accelerate launch …`; without --num_processes its configuration file decides: the whole machine is assumed."""
    options = Options(argv, _ACCELERATE_FLAGS)
    if options.has(*_HELP) or not options.rest:
        return False
    request = Request("accelerate launch", argv)
    request.nodes = options.last("num_machines") or "1"
    request.script = options.rest[0]
    processes = options.last("num_processes")
    gpu_ids = options.last("gpu_ids")
    if processes is not None:
        request.total = processes
    elif gpu_ids and gpu_ids != "all":
        request.gpus = str(len(gpu_ids.split(",")))
    else:
        request.gpus = "all"
    return charge(shell, request, state)


_DEEPSPEED_FLAGS = frozenset(
    {"help", "-h", "module", "no_python", "no_local_rank", "force_multi", "bind_cores_to_rank", "enable_each_rank_log",
     "save_pid", "no_ssh_check", "no_ssh", "ds_report"}
)  # fmt: skip


def deepspeed(shell: Interpreter, argv: list[str], state: State) -> bool:
    """`deepspeed [--num_gpus N] [--num_nodes N] [--include host:0,1] script`."""
    options = Options(argv, _DEEPSPEED_FLAGS)
    if options.has(*_HELP) or not options.rest:
        return False
    request = Request("deepspeed", argv)
    request.gpus = options.last("num_gpus", "num_accelerators") or "all"
    request.nodes = options.last("num_nodes") or "1"
    request.script = options.rest[0]
    include = options.last("include", "-i")
    if include:
        hosts = include.split("@")
        widest = max(len(host.partition(":")[2].split(",")) if ":" in host else 0 for host in hosts)
        request.gpus = str(widest) if widest else "all"
        request.nodes = str(len(hosts))
    return charge(shell, request, state)


def plain_python(shell: Interpreter, argv: list[str], script: str, state: State, note: str) -> bool:
    """One training process without a launcher: the GPUs that it can see, or one."""
    request = Request("python", argv)
    request.script = script
    devices = state.environ().get("CUDA_VISIBLE_DEVICES")
    world = state.environ().get("WORLD_SIZE")
    if shell.outer.get("total"):
        request.total = str(shell.outer["total"])
    elif world and world != "1":
        request.total = world
    elif devices:
        request.gpus = BENIGN if BENIGN in devices or OPAQUE in devices else str(len(devices.split(",")))
    else:
        request.gpus = "1"
    request.notes.append(note)
    return charge(shell, request, state)


def model_and_count(text: str) -> tuple[str, str | None]:
    """`8xH100_SXM`, `H100:8`, `NVIDIA H100 80GB HBM3`, `h100` -> the profile's model name and a count."""
    text = text.strip().strip("\"'")
    count: str | None = None
    head, x, tail = text.partition("x")
    if x and head.isdigit():
        count, text = head, tail
    elif ":" in text:
        text, _, number = text.rpartition(":")
        count = number.strip()
        text = text.rpartition(":")[2]
    upper = text.upper().replace("!", "").strip()
    for model, needs, name in _SPELLINGS:
        if model in upper and "NVL" not in upper and all(word in upper for word in needs):
            return name, count
    return text.replace("!", "").strip(), count


def charge(shell: Interpreter, request: Request, state: State) -> bool:
    """Price a request and note the launch, or why it cannot be priced. Always True: it is a launch."""
    shown = " ".join([request.launcher, *request.argv[:24]])
    environ = state.environ()
    gate = state.gate_variables()
    rates = shell.rates
    notes = list(request.notes)

    def refuse(reason: str, instead: str = _PRICED) -> bool:
        shell.problem(shown, reason, instead, state)
        return True

    if shell.uncountable:
        return refuse(
            "it stands in a loop whose iterations cannot be counted",
            "write the launches one after the other, or loop over a fixed list",
        )
    setting = environ.get("PGOLF_GPU") or gate.get("PGOLF_GPU") or ""
    if BENIGN in setting or OPAQUE in setting:
        return refuse("PGOLF_GPU is not a fixed value")
    set_model, set_count = model_and_count(setting) if setting else ("", None)
    model = model_and_count(request.model)[0] if request.model else set_model
    if not model:
        model = rates.record_model
        notes.append(f"GPU model not stated: {model} assumed (PGOLF_GPU says another)")

    nodes = _count(_elastic(request.nodes if request.nodes is not None else "1"))
    outer = shell.outer.get("nodes", 1)
    if nodes is None:
        return refuse(f"the number of nodes {visible(request.nodes or '')!r} is not a fixed number")
    nodes = max(nodes, outer)
    if request.total is not None:
        total = _count(request.total)
        if total is None:
            return refuse(f"the number of processes {visible(request.total)!r} is not a fixed number")
        per_node = math.ceil(total / nodes)
    else:
        wanted = request.gpus if request.gpus is not None else "1"
        if wanted in ("gpu", "auto", "all"):
            devices = environ.get("CUDA_VISIBLE_DEVICES")
            if devices and BENIGN not in devices and OPAQUE not in devices:
                wanted = str(len(devices.split(",")))
                notes.append(f"CUDA_VISIBLE_DEVICES names {wanted} GPUs")
            elif set_count:
                wanted = set_count
            else:
                wanted = str(rates.record_count)
                notes.append(
                    f"number of GPUs not stated: the contest's {wanted} assumed (PGOLF_GPU says another)"
                )
        counted = _count(wanted)
        if counted is None:
            return refuse(f"the number of GPUs {visible(wanted)!r} is not a fixed number")
        per_node = max(counted, shell.outer.get("gpus_per_node", 0))
    if nodes * per_node > MAX_GPUS:
        return refuse(f"{nodes * per_node} GPUs are more than {MAX_GPUS}")
    rate = rates.usd_per_hour(model, per_node)
    if rate is None:
        return refuse(
            f"the profile has no rate for GPU model {visible(model)!r}",
            f"set PGOLF_GPU to one of {', '.join(rates.models)}, or add the rate to the profile",
        )

    stated = request.environ.get(CAP_VARIABLE, environ.get(CAP_VARIABLE))
    cap: float | None = None
    if stated is not None and stated.strip():
        cap = _seconds(stated)
        if cap is None:
            return refuse(
                f"{CAP_VARIABLE}={visible(stated)} is not a fixed number of seconds above 0",
                f"write {CAP_VARIABLE}={rates.train_seconds:g} in front of the command",
            )
        if cap > rates.train_seconds:
            notes.append(f"cap of {cap:g} s is beyond the contest's {rates.train_seconds:g} s")
    capped = cap is not None
    if shell.caps:
        limit = min(shell.caps)
        if cap is None or limit < cap:
            notes.append(f"`timeout` ends it after {limit:g} s")
            cap = limit
    if cap is None:
        cap = rates.train_seconds
        notes.append(f"{CAP_VARIABLE} not set: priced at the contest's {cap:g} s")

    times = request.times * shell.times
    name = f"{per_node}x{model}"
    usd = rate * nodes * cap / SECONDS_PER_HOUR * times
    if not math.isfinite(usd):
        return refuse("its price is not a finite number")
    script = None
    if request.script and BENIGN not in request.script and OPAQUE not in request.script:
        script = shell.path(request.script, state)
    shell.launches.append(
        Launch(
            launcher=request.launcher,
            argv=tuple(visible(word) for word in request.argv[:64]),
            nodes=nodes,
            gpus_per_node=per_node,
            gpu=name,
            cap_seconds=cap,
            capped=capped,
            times=times,
            usd=usd,
            script=script,
            experiment=experiment_of(shell, request, state),
            notes=tuple(notes),
            variables=tuple(sorted(gate.items())),
            detached=bool(shell.detached),
        )
    )
    state.status = None
    return True


def experiment_of(shell: Interpreter, request: Request, state: State) -> str | None:
    """The experiment a launch names: PGOLF_EXPERIMENT, RUN_ID, or a path with `exp_NNN` in it."""
    environ = {**state.environ(), **request.environ}
    for variable in ("PGOLF_EXPERIMENT", "RUN_ID"):
        found = find_experiment(environ.get(variable, ""))
        if found:
            return found
    for word in (*request.argv, state.cwd, *shell.reading):
        found = find_experiment(word)
        if found:
            return found
    return None


def find_experiment(text: str) -> str | None:
    """The first `exp_NNN` in a text that stands as a word of its own."""
    at = text.find("exp_")
    while at >= 0:
        end = at + 4
        while end < len(text) and text[end].isdigit():
            end += 1
        before = text[at - 1] if at else "/"
        if end - at >= 7 and not (before.isalnum() or before == "_"):
            return text[at:end]
        at = text.find("exp_", end)
    return None


def _elastic(text: str) -> str:
    """torchrun's `--nnodes=1:4`: the larger end."""
    return text.rpartition(":")[2]


def _count(text: str) -> int | None:
    text = text.strip()
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return int(text) or None


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
