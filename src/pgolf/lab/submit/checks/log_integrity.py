"""Every seed's log is the one that was recorded, byte for byte, and says what the record says."""

from __future__ import annotations

from pgolf.lab.store.seeds import Seed
from pgolf.lab.submit.candidate import Candidate, SeedLog
from pgolf.lab.submit.check import CheckResult, cannot_tell, fails, passes

NAME = "log-integrity"
_TOLERANCE = 5e-9
"""Scores are stored as printed; only the conversion of the text can move the last bit."""


def check(candidate: Candidate) -> CheckResult:
    """The hash first, then every value the log prints against the record."""
    experiment = candidate.record.experiment.id
    if not candidate.seeds:
        return cannot_tell(NAME, "no seed is recorded", "run the seeds first")
    for seed, log in zip(candidate.seeds, candidate.logs, strict=True):
        if log.path is None:
            return cannot_tell(
                NAME,
                f"seed {seed.seed}: {log.problem}",
                f"put the log back, or run the seed again: `pgolf run {experiment} --seed {seed.seed} --replace -- …`",
            )
        if not seed.log_sha256:
            return cannot_tell(
                NAME,
                f"seed {seed.seed}: its log's hash was never recorded",
                "record seeds with `pgolf run`, which hashes the log",
            )
        if log.sha256 != seed.log_sha256:
            return fails(
                NAME,
                f"seed {seed.seed}: {log.path.name} was changed after it was recorded "
                f"({log.sha256[:12]}…, recorded {seed.log_sha256[:12]}…)",
                "put the original back, or run the seed again with --replace",
            )
        difference = _difference(seed, log)
        if difference:
            return fails(
                NAME,
                f"seed {seed.seed}: {difference}",
                "the record must say what the log says: run the seed again with --replace",
            )
    found = f"{len(candidate.seeds)} logs unchanged, and they say what the record says"
    faster = [seed for seed in candidate.seeds if _is_faster_than_it_says(seed)]
    if faster:
        numbers = ", ".join(str(seed.seed) for seed in faster)
        found += f"; note: seed {numbers} logs more training time than its run lasted (a replayed log?)"
    return passes(NAME, found)


def _is_faster_than_it_says(seed: Seed) -> bool:
    """Whether the measured wall time of the run is below the training time its log states."""
    wall = ((seed.manifest or {}).get("ending") or {}).get("seconds")
    return isinstance(wall, int | float) and seed.train_seconds is not None and wall < seed.train_seconds


def _difference(seed: Seed, log: SeedLog) -> str:
    metrics = log.metrics
    if metrics is None or metrics.score is None:
        return "the log holds no score"
    reading = metrics.score.reading
    printed = metrics.run.seed if metrics.run.seed_source == "log" else None
    pairs: tuple[tuple[str, float | None, float | None], ...] = (
        ("seed", seed.seed, printed),
        ("bpb", seed.bpb, reading.val_bpb.value),
        ("loss", seed.loss_nats, None if reading.val_loss is None else reading.val_loss.value),
        ("size", seed.artifact_bytes, metrics.total_bytes),
        ("training time", seed.train_seconds, metrics.run.train_seconds),
    )
    for name, recorded, logged in pairs:
        if recorded is None or logged is None:
            continue
        if abs(recorded - logged) > _TOLERANCE * max(1.0, abs(recorded)):
            return f"{name} is recorded as {recorded:.10g}, the log (line {reading.line}) says {logged:.10g}"
    return ""
