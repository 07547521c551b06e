"""`--on skypilot`: a task YAML with a wall clock and auto-stop, started by SkyPilot's own command line.

The cluster is torn down three times over: the task's own `timeout`, auto-stop with `--down`, and `sky down` from
here when the run ends or reaches its cap. The ledger and the store stay on this machine.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping
from typing import Any

from pgolf.errors import UsageError
from pgolf.lab.run.pricing import PricedRun

IDLE_MINUTES = 5
_PASSED_ON = re.compile(
    r"^(?:SEED|MAX_WALLCLOCK_SECONDS|PGOLF_EXPERIMENT|RUN_ID|DATA_PATH|TOKENIZER_PATH|VOCAB_SIZE)$"
)


def cluster_name(run: PricedRun) -> str:
    """One cluster a run; letters, digits and dashes, as clouds want them."""
    return f"pgolf-{run.request.experiment}-seed{run.request.seed}".replace("_", "-").lower()


def render_task(run: PricedRun) -> str:
    """The task as YAML. Every scalar is written as JSON, which YAML reads as it stands.

    Raises UsageError when the run has no GPU to ask for.
    """
    count, _, model = run.gpu.partition("x")
    if not count.isdigit() or not model:
        raise UsageError("--on skypilot needs a GPU: name one with --gpu, as the profile does (8xH100_SXM)")
    seconds = math.ceil(run.cap_seconds)
    envs = {key: value for key, value in run.environ.items() if _PASSED_ON.match(key)}
    command = f"timeout --signal=TERM --kill-after=30 {seconds} {shlex.join(run.request.argv)}"
    task: dict[str, Any] = {
        "name": cluster_name(run),
        "workdir": ".",
        "num_nodes": 1,
        "resources": {
            "accelerators": f"{accelerator(model)}:{count}",
            "use_spot": False,
            "autostop": {"idle_minutes": IDLE_MINUTES, "down": True},
        },
        "envs": envs,
        "run": command,
    }
    return "\n".join(_yaml(task)) + "\n"


def accelerator(model: str) -> str:
    """SkyPilot's name of a profile's GPU model: `H100_SXM` -> `H100-SXM`, `A100_80GB` -> `A100-80GB`,
    `H100_PCIe` -> `H100`."""
    return model.removesuffix("_PCIe").replace("_", "-")


def launch_argv(run: PricedRun, task_path: str) -> tuple[str, ...]:
    """What starts the task and streams its log; returns when the task has ended."""
    return (
        "sky", "launch", "--yes", "--down", "--idle-minutes-to-autostop", str(IDLE_MINUTES),
        "--cluster", cluster_name(run), task_path,
    )  # fmt: skip


def teardown_argv(run: PricedRun) -> tuple[str, ...]:
    """What ends the cluster, whatever state it is in."""
    return ("sky", "down", "--yes", cluster_name(run))


def _yaml(value: Mapping[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines.append(f"{indent}{key}:" + ("" if item else " {}"))
            lines.extend(_yaml(item, indent + "  "))
        else:
            lines.append(f"{indent}{key}: {json.dumps(item)}")
    return lines
