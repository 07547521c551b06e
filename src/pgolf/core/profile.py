"""A contest's constants, read from its profile file; another contest is another file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pgolf.core import toml
from pgolf.core.frozen import dataclass
from pgolf.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_PROFILE = "parameter_golf"


@dataclass(frozen=True, slots=True)
class TokenizerFacts:
    """Known constants of the validation split under one tokenizer family."""

    key: str
    vocab_size: int
    bytes_per_token: float
    scored_tokens: int | None = None
    stored_tokens: int | None = None
    also: tuple[float, ...] = ()
    byte_source: str = "table"
    leading_space_targets: int | None = None
    byte_targets: int | None = None
    control_targets: int | None = None


@dataclass(frozen=True, slots=True)
class KnownDeviation:
    """Bytes per token seen where the denominator was wrong: under which tokenizer, what it means, who showed it."""

    tokenizer: str
    bytes_per_token: float
    family: str
    deviations: tuple[str, ...]
    what: str
    source: str


@dataclass(frozen=True, slots=True)
class Validation:
    """The validation split and the slack allowed on implied bytes per token (fractions)."""

    documents: int
    bytes: int
    warn_fraction: float
    fail_fraction: float
    seq_len: int
    stride: int
    merged_sota_bpb: float
    tokenizers: tuple[TokenizerFacts, ...]
    known_deviations: tuple[KnownDeviation, ...] = ()
    merged_sota_seeds_bpb: tuple[float, ...] = ()
    """The frontier's seeds, where a profile knows them."""


@dataclass(frozen=True, slots=True)
class ContestLimits:
    """What a record must satisfy; units end the names."""

    artifact_bytes: int
    train_seconds: float
    eval_seconds: float
    record_margin_nats: float
    record_alpha: float
    minimum_seeds: int
    record_gpu: str


@dataclass(frozen=True, slots=True)
class LeaderboardSource:
    """Where the contest's repository states its records: the README heading, and the folder of record folders."""

    heading: str = "Leaderboard"
    records: str = "records"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of the validation split: its path below the address given, what it is (`validation` or `tokenizer`), and
    what it must be where that is known. `variant` is the key of its `TokenizerFacts`."""

    variant: str
    path: str
    role: str
    size_bytes: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One contest."""

    name: str
    title: str
    repository: str
    deadline: str
    limits: ContestLimits
    budget_usd: float
    reserve_usd: float
    gpu_usd_per_hour: dict[str, float]
    validation: Validation
    leaderboard: LeaderboardSource = LeaderboardSource()
    data_files: tuple[DataFile, ...] = ()


@lru_cache(maxsize=8)
def load_profile(name_or_path: str = DEFAULT_PROFILE) -> Profile:
    """The profile of that name (shipped), or at that path (ends in `.toml`).

    Raises UsageError when there is none, or a constant is missing or of the wrong type.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = Path(__file__).parent.parent / "profiles" / f"{name_or_path}.toml"
    try:
        data = toml.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"profile {name_or_path}: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"profile {path}: not valid TOML: {error}") from error
    try:
        return _profile(data)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"profile {path}: missing or malformed constant: {error}") from error


def _profile(data: dict[str, Any]) -> Profile:
    validation = dict(data["validation"])
    tokenizers = tuple(
        TokenizerFacts(**{**facts, "also": tuple(facts.get("also", ()))})
        for facts in validation.pop("tokenizer", ())
    )
    known = tuple(
        KnownDeviation(**{**seen, "deviations": tuple(seen["deviations"])})
        for seen in validation.pop("known_deviation", ())
    )
    return Profile(
        name=str(data["name"]),
        title=str(data["title"]),
        repository=str(data["repository"]),
        deadline=str(data["deadline"]),
        limits=ContestLimits(**data["limits"]),
        budget_usd=float(data["budget"]["total_usd"]),
        reserve_usd=float(data["budget"]["reserve_usd"]),
        gpu_usd_per_hour={str(k): float(v) for k, v in data["gpu_usd_per_hour"].items()},
        validation=Validation(
            tokenizers=tokenizers,
            known_deviations=known,
            merged_sota_seeds_bpb=tuple(validation.pop("merged_sota_seeds_bpb", ())),
            **validation,
        ),
        leaderboard=LeaderboardSource(**data.get("leaderboard", {})),
        data_files=tuple(DataFile(**file) for file in data.get("data", {}).get("file", ())),
    )
