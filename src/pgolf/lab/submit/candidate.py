"""Everything the checks look at, collected once: seeds, rule, logs, script, frontier, audit row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pgolf.core.profile import Profile
from pgolf.core.row import ResultRow
from pgolf.lab.experiments import ExperimentRecord, get_experiment
from pgolf.lab.frontier import Frontier, read_frontier
from pgolf.lab.preregistration import Rule, rule_from_dict
from pgolf.lab.settings import Workspace
from pgolf.lab.store.seeds import Seed
from pgolf.runlog.limits import DEFAULT_LIMITS
from pgolf.runlog.metrics import RunMetrics
from pgolf.runlog.parse import parse_log

MAXIMUM_LOG_BYTES = DEFAULT_LIMITS.log_bytes
MAXIMUM_SCRIPT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SeedLog:
    """The log of one seed as it lies on disk now; `problem` says why there is none."""

    seed: int
    path: Path | None
    data: bytes = b""
    sha256: str = ""
    metrics: RunMetrics | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One experiment before submission. `audit` None: not audited, `audit_missing` says why."""

    profile: Profile
    record: ExperimentRecord
    rule: Rule | None
    seeds: tuple[Seed, ...]
    logs: tuple[SeedLog, ...]
    script: Path | None
    script_data: bytes
    script_problem: str
    frontier: Frontier
    artifact: Path | None = None
    audit: ResultRow | None = None
    audit_missing: str = "no audit was made"

    @property
    def script_sha256(self) -> str | None:
        """Hash of the script as it lies on disk now."""
        return hashlib.sha256(self.script_data).hexdigest() if self.script is not None else None

    @property
    def values_bpb(self) -> tuple[float, ...]:
        """One value a seed, in the order they were recorded."""
        return tuple(seed.bpb for seed in self.seeds)

    def audited(self, row: ResultRow | None, missing: str = "") -> Candidate:
        """The same candidate with an audit row, or the reason for none."""
        return replace(self, audit=row, audit_missing=missing)


def collect_candidate(workspace: Workspace, experiment_id: str, artifact: Path | None = None) -> Candidate:
    """Read everything about an experiment. Raises UsageError when there is no such experiment.

    Only the first N seeds count, N as registered: seeds added until it fits are no evidence.
    """
    record = get_experiment(workspace, experiment_id)
    rule = rule_from_dict(record.registrations[-1].rule) if record.registrations else None
    seeds = record.seeds if rule is None else record.seeds[: max(rule.seeds, 1)]
    script, data, problem = _find_script(workspace, seeds, rule)
    return Candidate(
        profile=workspace.profile,
        record=record,
        rule=rule,
        seeds=tuple(seeds),
        logs=tuple(_read_log(workspace, seed) for seed in seeds),
        script=script,
        script_data=data,
        script_problem=problem,
        frontier=read_frontier(workspace),
        artifact=artifact,
    )


def _read_log(workspace: Workspace, seed: Seed) -> SeedLog:
    if not seed.log_path:
        return SeedLog(seed.seed, None, problem="no log is recorded")
    path = workspace.root / seed.log_path
    try:
        if not path.is_file():
            return SeedLog(seed.seed, None, problem=f"{seed.log_path} is not there")
        if path.stat().st_size > MAXIMUM_LOG_BYTES:
            return SeedLog(
                seed.seed, None, problem=f"{seed.log_path} is longer than {MAXIMUM_LOG_BYTES} bytes"
            )
        data = path.read_bytes()
    except OSError as error:
        return SeedLog(seed.seed, None, problem=f"{seed.log_path} cannot be read: {error.strerror}")
    return SeedLog(seed.seed, path, data, hashlib.sha256(data).hexdigest(), parse_log(data, path.name))


def _find_script(
    workspace: Workspace, seeds: Sequence[Seed], rule: Rule | None
) -> tuple[Path | None, bytes, str]:
    """The script that made the seeds: the file with their hash, else any that is there (with the problem)."""
    places: list[Path] = []
    for seed in seeds:
        described = ((seed.manifest or {}).get("inputs") or {}).get("script") or {}
        if isinstance(described.get("path"), str):
            places.append(workspace.root / str((seed.manifest or {}).get("folder", ".")) / described["path"])
    if rule is not None and rule.script:
        places.append(workspace.root / rule.script)
    hashes = {seed.script_sha256 for seed in seeds if seed.script_sha256}
    found: tuple[Path, bytes] | None = None
    for path in dict.fromkeys(places):
        try:
            if not path.is_file() or path.stat().st_size > MAXIMUM_SCRIPT_BYTES:
                continue
            data = path.read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data).hexdigest() in hashes:
            return path, data, ""
        found = found or (path, data)
    if found is not None:
        return *found, f"{found[0].name} is not the script that made the seeds (its hash differs)"
    return None, b"", "the script that made the seeds is not recorded, or its file is gone"
