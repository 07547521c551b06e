"""Code and compressed model together stay under the contest's size: as recorded, as logged, and on file."""

from __future__ import annotations

from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.check import CheckResult, cannot_tell, fails, passes

NAME = "artifact-size"


def check(candidate: Candidate) -> CheckResult:
    """The largest figure of all seeds counts; the code counts as it lies on disk, not as the log sums it."""
    limit = candidate.profile.limits.artifact_bytes
    metrics = {log.seed: log.metrics for log in candidate.logs}
    figures: list[tuple[int, str]] = []
    for seed in candidate.seeds:
        logged = metrics.get(seed.seed)
        total = logged.total_bytes if logged else None
        if seed.artifact_bytes is None and total is None:
            return cannot_tell(
                NAME,
                f"seed {seed.seed} has no size, neither recorded nor logged",
                "let the script print `Total submission size: N bytes`, or record --size, --code-size, --model-size",
            )
        if seed.artifact_bytes is not None:
            figures.append((seed.artifact_bytes, f"recorded for seed {seed.seed}"))
        if total is not None:
            figures.append((total, f"logged for seed {seed.seed}"))
        if seed.model_bytes is not None and candidate.script is not None:
            on_file = seed.model_bytes + len(candidate.script_data)
            figures.append((on_file, f"model of seed {seed.seed} and script on file"))
    if candidate.artifact is not None:
        try:
            size = candidate.artifact.stat().st_size
        except OSError as error:
            return cannot_tell(
                NAME, f"{candidate.artifact}: {error.strerror}", "name the compressed model with --artifact"
            )
        figures.append((size + len(candidate.script_data), f"{candidate.artifact.name} and script on file"))
    if not figures:
        return cannot_tell(NAME, "no seed is recorded", "run the seeds first")
    largest, where = max(figures)
    if largest > limit:
        return fails(
            NAME,
            f"{largest:,} bytes ({where}), {largest - limit:,} more than {limit:,}",
            "make the model or the code smaller and run the seeds again",
        )
    return passes(NAME, f"at most {largest:,} of {limit:,} bytes ({where})")
