"""`--on slurm`: the same `pgolf run`, submitted as a batch job through submitit (extra `[slurm]`).

The money is held when the job is submitted; the job adopts that hold, so queueing costs nothing twice. Workspace
and ledger must lie on a file system that the nodes share. Slurm's own time limit is the cap, rounded up to minutes
and two more for the settlement.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pgolf.errors import UsageError
from pgolf.lab.run.pricing import PricedRun

SETTLE_MINUTES = 2


def job_argv(run: PricedRun, hold_id: str) -> list[str]:
    """The command of the job: this program again, on the node, with the hold that pays for it."""
    wanted = run.request
    argv = [sys.executable, "-m", "pgolf", "run", wanted.experiment, "--seed", str(wanted.seed)]
    argv.append(
        "--quiet"
    )  # the log is in the experiment's folder; submitit would keep a second copy in memory
    argv += ["--adopt-hold", hold_id, "--cap-seconds", f"{run.cap_seconds:g}"]
    if wanted.gpu is not None:
        argv += ["--gpu", wanted.gpu]
    if wanted.replace:
        argv.append("--replace")
    return [*argv, "--", *wanted.argv]


def job_parameters(run: PricedRun) -> dict[str, Any]:
    """submitit's parameters: wall clock, GPUs, one task. Raises UsageError for several nodes."""
    nodes = max((launch.nodes for launch in run.plan.launches), default=1)
    gpus = max((launch.gpus_per_node for launch in run.plan.launches), default=0)
    if nodes != 1:
        raise UsageError(f"--on slurm starts one node; this command asks for {nodes}")
    return {
        "name": f"pgolf-{run.request.experiment}-seed{run.request.seed}",
        "timeout_min": math.ceil(run.cap_seconds / 60) + SETTLE_MINUTES,
        "nodes": 1,
        "tasks_per_node": 1,
        "gpus_per_node": gpus,
    }


def render_job(run: PricedRun, folder: Path) -> str:
    """The batch script that `submit` would hand to sbatch, with `HOLD` where the hold's id will stand."""
    slurm = _submitit().slurm.slurm
    parameters = job_parameters(run)
    return str(
        slurm._make_sbatch_string(
            command=_join(job_argv(run, "HOLD")),
            folder=folder,
            job_name=parameters["name"],
            time=parameters["timeout_min"],
            nodes=parameters["nodes"],
            ntasks_per_node=parameters["tasks_per_node"],
            gpus_per_node=parameters["gpus_per_node"] or None,
        )
    )


def submit(run: PricedRun, hold_id: str, folder: Path, more: Mapping[str, Any] | None = None) -> str:
    """Submit the job; returns its id. Raises UsageError where there is no Slurm or it refuses."""
    submitit = _submitit()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster="slurm")
        executor.update_parameters(**job_parameters(run), **dict(more or {}))
        # Slurm hands the submitting shell's environment on; nothing of it is written into the job's files.
        function = submitit.helpers.CommandFunction(job_argv(run, hold_id), cwd=run.request.folder)
        return str(executor.submit(function).job_id)
    except (RuntimeError, OSError, submitit.core.utils.FailedJobError) as error:
        raise UsageError(f"--on slurm: the job was not submitted: {str(error).splitlines()[0]}") from error


def _submitit() -> Any:
    try:
        import submitit
        import submitit.slurm.slurm
    except ImportError as error:
        raise UsageError('--on slurm needs submitit: install "pgolf[slurm]"') from error
    return submitit


def _join(argv: list[str]) -> str:
    import shlex

    return shlex.join(argv)
