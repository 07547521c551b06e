"""Clouds: jobs and machines that are rented, priced by the GPUs they state."""

from __future__ import annotations

from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream
from pgolf.lab.launch.launchers import CAP_VARIABLE, Options, Request, charge

_NO_RATE = "say which machine in front of it, e.g. `PGOLF_GPU=8xH100_SXM MAX_WALLCLOCK_SECONDS=600 …`"
_SKY_WORDS = """-y yes -d detach_run detach_setup -r retry_until_up down no_setup dryrun use_spot no_use_spot fast async help
    -h async_call"""
_SKY_FLAGS = frozenset(_SKY_WORDS.split())


def run_modal(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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


def run_sky(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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


def run_runpod(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
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


RENTING = {
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


def run_rents(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """A cloud's own tool: machines with GPUs that it starts are priced by PGOLF_GPU, else refused."""
    from pgolf.lab.launch.text_tools import cloud_tool

    base = argv[0].rpartition("/")[2]
    verbs, signs = RENTING[base]
    words = [word.lower() for word in argv[1:]]
    verb = next((word for word in words if word in verbs), None)
    asks = any(word in ("--help", "help", "--dry-run", "--dryrun", "--validate-only") for word in words)
    marked = ["=" + word if not word.startswith("-") else word for word in words]
    if verb is not None and not asks and any(sign in word for word in marked for sign in signs):
        return _cloud(shell, Request(f"{base} {verb}", argv[1:]), None, state, None)
    return cloud_tool(shell, argv, state, stdin)
