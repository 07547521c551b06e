"""What a command line would start, as frozen values: `Launch`, `Unpriceable`, `LaunchPlan`, and the rates."""

from __future__ import annotations

import math

from pgolf.core.frozen import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgolf.core.profile import Profile

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Rates:
    """The part of a contest's profile that prices a launch."""

    gpu_usd_per_hour: Mapping[str, float]
    train_seconds: float
    record_gpu: str

    @property
    def record_model(self) -> str:
        """The contest's GPU model, e.g. `H100_SXM`; assumed where a command names none."""
        return self.record_gpu.partition("x")[2]

    @property
    def record_count(self) -> int:
        """How many GPUs the contest's machine has; assumed for `gpu`, `auto` and "all"."""
        count = self.record_gpu.partition("x")[0]
        return int(count) if count.isdigit() else 1

    def usd_per_hour(self, model: str, gpus: int) -> float | None:
        """The rate of one machine with that many GPUs of that model; None when the profile knows no such model."""
        whole = self.gpu_usd_per_hour.get(f"{gpus}x{model}")
        if whole is not None:
            return whole
        single = self.gpu_usd_per_hour.get(f"1x{model}")
        if single is not None:
            return single * gpus
        larger: list[tuple[int, float]] = []
        for name, rate in self.gpu_usd_per_hour.items():
            count, _, other = name.partition("x")
            if other == model and count.isdigit() and int(count) > 0:
                larger.append((int(count), rate))
        if not larger:
            return None
        count_of, rate_of = max(larger)
        return rate_of * math.ceil(gpus / count_of)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have a rate."""
        return tuple(sorted({name.partition("x")[2] for name in self.gpu_usd_per_hour}))


def rates_of(profile: Profile | Rates) -> Rates:
    """The rates of a contest profile."""
    if isinstance(profile, Rates):
        return profile
    return Rates(
        gpu_usd_per_hour=profile.gpu_usd_per_hour,
        train_seconds=profile.limits.train_seconds,
        record_gpu=profile.limits.record_gpu,
    )


@dataclass(frozen=True, slots=True)
class Launch:
    """One GPU launch that a command would make, priced: gpus x nodes x cap x rate x times.

    `gpu` is the profile's name of one machine (`8xH100_SXM`). `cap_seconds` is what the price counts with;
    `capped` is False when the command states no MAX_WALLCLOCK_SECONDS. `times` counts loops and restarts; 0 is the
    branch of an `if` that costs less. `usd` is for all times together. `variables` are the PGOLF_* settings in force.
    `detached` means that it may outlive the command that starts it (`&`, tmux, sbatch, a cloud).
    """

    launcher: str
    argv: tuple[str, ...]
    nodes: int
    gpus_per_node: int
    gpu: str
    cap_seconds: float
    capped: bool
    times: int
    usd: float
    script: str | None = None
    experiment: str | None = None
    notes: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    detached: bool = False

    @property
    def gpus(self) -> int:
        """GPUs running at the same time."""
        return self.nodes * self.gpus_per_node

    def is_set(self, variable: str) -> bool:
        """Whether a PGOLF_* switch is on (`1`) for this launch, by environment or in front of the command."""
        return dict(self.variables).get(variable) == "1"


@dataclass(frozen=True, slots=True)
class Unpriceable:
    """What looks like a launch and cannot be priced: what, why, and what to write instead."""

    what: str
    reason: str
    instead: str
    variables: tuple[tuple[str, str], ...] = ()

    def sentence(self) -> str:
        """One line for a person."""
        return f"`{self.what}`: {self.reason}; {self.instead}"


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """Everything a command would start. No launches and no problems: nothing to gate."""

    launches: tuple[Launch, ...] = ()
    problems: tuple[Unpriceable, ...] = ()
    delegated: tuple[str, ...] = ()

    @property
    def is_launch(self) -> bool:
        """Whether a gate has to answer."""
        return bool(self.launches or self.problems)

    @property
    def usd(self) -> float:
        """The price of all launches together; meaningless while there are problems."""
        return sum(launch.usd for launch in self.launches)

    @property
    def cap_seconds(self) -> float:
        """Wall time of all launches one after the other."""
        return sum(launch.cap_seconds * launch.times for launch in self.launches)
