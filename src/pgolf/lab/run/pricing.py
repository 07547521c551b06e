"""A command line for one seed -> what it may cost at most, or a refusal. Same code as the hooks' gates."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pgolf.core.profile import Profile
from pgolf.errors import UsageError
from pgolf.lab.launch import Launch, LaunchPlan, price_argv
from pgolf.lab.settings import Workspace

CAP_VARIABLE = "MAX_WALLCLOCK_SECONDS"
LONGEST_CAP_SECONDS = 30 * 86_400.0
NO_GPU = "none"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asks for. `gpu` None: as the command says; `none`: nothing is charged.

    `cap_seconds` is the wall clock of the whole process (training, evaluation and start-up); None: the
    command's training cap plus the contest's evaluation time.
    """

    experiment: str
    seed: int
    argv: tuple[str, ...]
    folder: Path
    gpu: str | None = None
    cap_seconds: float | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True)
class PricedRun:
    """A request with its price: `usd` is what `cap_seconds` of wall time cost, the amount that is held."""

    request: RunRequest
    plan: LaunchPlan
    environ: dict[str, str]
    gpu: str
    cap_seconds: float
    usd_per_second: float
    script: Path | None
    start_argv: tuple[str, ...] = ()
    """What is really started, where that is not the request's own command."""

    @property
    def usd(self) -> float:
        """What is held: the whole process up to the cap."""
        return self.usd_per_second * self.cap_seconds

    @property
    def command(self) -> str:
        """The command line as one text."""
        return shlex.join(self.request.argv)


def price_run(workspace: Workspace, request: RunRequest, environ: Mapping[str, str]) -> PricedRun:
    """Price a run and prepare its environment (SEED, PGOLF_EXPERIMENT, MAX_WALLCLOCK_SECONDS).

    A plan with problems comes back as it is (the pricing gate refuses it). Raises UsageError for an unusable
    cap, an unknown GPU, or a command that is no recognised launch and names no GPU.
    """
    profile = workspace.profile
    if not request.argv:
        raise UsageError(
            "no command: write it behind `--`, as in `pgolf run exp_001 --seed 42 -- torchrun …`"
        )
    cap = request.cap_seconds
    if cap is not None and not 1 <= cap <= LONGEST_CAP_SECONDS:
        raise UsageError(f"--cap-seconds must lie between 1 and {LONGEST_CAP_SECONDS:g}, got {cap:g}")
    known = (*profile.gpu_usd_per_hour, NO_GPU)
    if request.gpu is not None and request.gpu not in known:
        raise UsageError(f"--gpu {request.gpu}: the {profile.name} profile knows {', '.join(known)}")
    environment = {**environ, "SEED": str(request.seed), "PGOLF_EXPERIMENT": request.experiment}
    environment.setdefault("PYTHONUNBUFFERED", "1")
    training_cap = _training_cap(environment, profile, cap)
    environment[CAP_VARIABLE] = f"{training_cap:g}"
    if request.gpu is not None and request.gpu != NO_GPU:
        environment["PGOLF_GPU"] = request.gpu
    plan = price_argv(request.argv, environ=environment, cwd=request.folder, profile=profile)
    if cap is None:
        training = max((launch.cap_seconds for launch in plan.launches), default=training_cap)
        cap = training + profile.limits.eval_seconds
    if plan.problems:
        return PricedRun(request, plan, environment, "", cap, 0.0, None)
    if plan.launches:
        if request.gpu == NO_GPU:
            raise UsageError("--gpu none, but the command is a GPU launch: leave the option out")
        launches = tuple(_whole_process(x, cap, request.gpu, profile) for x in plan.launches)
        per_second = sum(x.usd for x in launches) / cap
        gpu = launches[0].gpu
    else:
        if request.gpu is None:
            raise UsageError(
                "this command is no launch that can be priced: say what it runs on with --gpu "
                f"({', '.join(known)})"
            )
        per_second = 0.0 if request.gpu == NO_GPU else profile.gpu_usd_per_hour[request.gpu] / 3600
        gpu = "" if request.gpu == NO_GPU else request.gpu
        launches = () if not gpu else (_plain_launch(request, gpu, cap, per_second * cap, environment),)
    script = _script(request, launches)
    return PricedRun(request, LaunchPlan(launches=launches), environment, gpu, cap, per_second, script)


def redirect(run: PricedRun, argv: tuple[str, ...]) -> PricedRun:
    """The same run, price and gates, started through another command (a cloud's)."""
    return replace(run, start_argv=argv)


def _training_cap(environ: Mapping[str, str], profile: Profile, cap: float | None) -> float:
    """The training's own wall clock: the environment's, else the contest's; never above the process's."""
    text = environ.get(CAP_VARIABLE)
    try:
        training = float(text) if text else profile.limits.train_seconds
    except ValueError:
        raise UsageError(f"{CAP_VARIABLE}: a number of seconds is needed, got {text!r}") from None
    if not 0 < training <= LONGEST_CAP_SECONDS:
        raise UsageError(f"{CAP_VARIABLE}: must lie between 0 and {LONGEST_CAP_SECONDS:g}, got {text!r}")
    return training if cap is None else min(training, cap)


def _whole_process(launch: Launch, cap_seconds: float, machine: str | None, profile: Profile) -> Launch:
    """The launch priced for the whole process under our own cap, which is the one that is enforced.

    A machine the user names is what is billed, however few of its GPUs the command uses.
    """
    values = {name: getattr(launch, name) for name in Launch.__slots__}
    per_second = (
        launch.usd / (launch.cap_seconds * launch.times) if launch.cap_seconds and launch.times else 0.0
    )
    if machine is not None:
        count = int(machine.partition("x")[0])
        if launch.gpus_per_node > count:
            raise UsageError(
                f"--gpu {machine}: the command starts {launch.gpus_per_node} GPU processes on one machine"
            )
        per_second = profile.gpu_usd_per_hour[machine] * launch.nodes / 3600
        values.update(gpu=machine, gpus_per_node=count)
    values.update(cap_seconds=cap_seconds, usd=per_second * cap_seconds, times=1, capped=True)
    return Launch(**values)


def _plain_launch(
    request: RunRequest, gpu: str, cap_seconds: float, usd: float, environ: Mapping[str, str]
) -> Launch:
    """A command that the parser does not know as a launcher, on the machine the user named."""
    count = gpu.partition("x")[0]
    script = _script(request, ())
    return Launch(
        launcher=request.argv[0],
        argv=request.argv,
        nodes=1,
        gpus_per_node=int(count) if count.isdigit() else 1,
        gpu=gpu,
        cap_seconds=cap_seconds,
        capped=True,
        times=1,
        usd=usd,
        script=None if script is None else str(script),
        experiment=request.experiment,
        variables=tuple(sorted((k, v) for k, v in environ.items() if k.startswith("PGOLF_"))),
    )


def _script(request: RunRequest, launches: Sequence[Launch]) -> Path | None:
    """The script that the launch names, else the first word of the command that is a Python file."""
    named = [launch.script for launch in launches if launch.script]
    for word in (*named, *request.argv):
        if word.endswith(".py") and (path := request.folder / word).is_file():
            return Path(os.path.abspath(path))
    return None
