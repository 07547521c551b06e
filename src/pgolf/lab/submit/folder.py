"""The record folder of a submission: README.md, submission.json, the script, one log a seed. Never pushed."""

from __future__ import annotations

import datetime
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

from pgolf.errors import UsageError
from pgolf.lab.submit.candidate import Candidate
from pgolf.lab.submit.checks.frontier_margin import margin_test


def stated_results(candidate: Candidate, author: str, name: str, today: datetime.date) -> dict[str, Any]:
    """`submission.json`: what the logs prove, as numbers, and nothing else."""
    seeds = candidate.seeds
    values = candidate.values_bpb
    mean = math.fsum(values) / len(values)
    spread = (
        math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else None
    )
    losses = [seed.loss_nats for seed in seeds if seed.loss_nats is not None]
    results: dict[str, Any] = {}
    for seed in seeds:
        one = {
            "val_bpb": seed.bpb,
            "val_loss": seed.loss_nats,
            "artifact_bytes": seed.artifact_bytes,
            "train_time_s": seed.train_seconds,
            "steps": seed.steps,
            "log": log_name(seed.seed),
            "log_sha256": seed.log_sha256,
        }
        results[str(seed.seed)] = {key: value for key, value in one.items() if value is not None}
    first = seeds[0]
    sizes = [seed.artifact_bytes for seed in seeds if seed.artifact_bytes is not None]
    stated: dict[str, Any] = {
        "author": author,
        "name": name,
        "date": today.isoformat(),
        "val_bpb": round(mean, 8),
        "val_bpb_std": None if spread is None else round(spread, 8),
        "val_loss": round(math.fsum(losses) / len(losses), 8) if len(losses) == len(seeds) else None,
        "seeds": [seed.seed for seed in seeds],
        "seed_results": results,
        "artifact_bytes": max(sizes) if sizes else None,
        "code_bytes": len(candidate.script_data) or None,
        "hardware": first.gpu,
        "gpu_model": first.gpu_model,
        "pytorch_version": first.torch_version,
        "commit": first.pg_commit,
        "script_sha256": candidate.script_sha256,
        "techniques": list(candidate.record.experiment.techniques),
    }
    return {key: value for key, value in stated.items() if value is not None}


def log_name(seed: int) -> str:
    """The log's name in the record folder."""
    return f"train_seed{seed}.log"


def script_name(candidate: Candidate) -> str:
    """The script's own name."""
    return candidate.script.name if candidate.script is not None else "train_gpt.py"


def render_readme(candidate: Candidate, name: str) -> str:
    """README.md of the record folder; also the body of the pull request."""
    experiment = candidate.record.experiment
    limits = candidate.profile.limits
    values = candidate.values_bpb
    mean = math.fsum(values) / len(values)
    lines = [f"# {_plain(name)}", "", f"**{mean:.6f} bpb** (mean of {len(values)} seeds).", ""]
    lines += [_plain(experiment.hypothesis), "", f"Techniques: {', '.join(experiment.techniques)}.", ""]
    lines += [
        "| seed | bpb | val loss (nats/token) | artifact bytes | training s | steps | log |",
        "|---:|---:|---:|---:|---:|---:|---|",
    ]
    for seed in candidate.seeds:
        lines.append(
            f"| {seed.seed} | {seed.bpb:.8g} | {_number(seed.loss_nats)} | {_number(seed.artifact_bytes)} "
            f"| {_number(seed.train_seconds)} | {_number(seed.steps)} | `{log_name(seed.seed)}` |"
        )
    first = candidate.seeds[0]
    test = margin_test(candidate)
    lines.append("")
    if test is not None and test.p_margin is not None:
        lines += [
            f"Against {_plain(candidate.frontier.source)} ({test.reference_mean:.6f} bpb): better by "
            f"{test.improvement:.6f} bpb, {test.confidence:.0%} interval {test.ci_low:.6f} to {test.ci_high:.6f}; "
            f"p = {test.p_margin:.4g} that the improvement is not above {limits.record_margin_nats:g} nats "
            f"({test.margin:.6f} bpb), {test.method.replace('_', '-')} one-sided.",
            "",
        ]
    if candidate.record.registrations:
        rule = candidate.record.registrations[0]
        lines += [
            f"The decision rule was registered at {rule.registered_at[:19]} (SHA-256 `{rule.rule_sha256}`), "
            "before the first seed.",
            "",
        ]
    lines += [
        f"Hardware: {first.gpu or 'not recorded'} ({first.gpu_model or 'model not recorded'}); "
        f"PyTorch {first.torch_version or 'not recorded'}; commit {first.pg_commit or 'not recorded'}.",
        "",
        f"Script: `{script_name(candidate)}`, SHA-256 `{candidate.script_sha256}`.",
    ]
    if candidate.audit is not None:
        lines += ["", f"Audit (`pgolf audit submission`): {candidate.audit.verdict.value}."]
    return "\n".join(lines) + "\n"


def write_folder(
    candidate: Candidate, target: Path, *, author: str, name: str, today: datetime.date | None = None
) -> list[Path]:
    """Write the record folder as a whole or not at all; returns its files.

    Raises UsageError when the target holds something, or a log or the script is missing.
    """
    if not candidate.seeds:
        raise UsageError(
            f"{candidate.record.experiment.id} has no seed: there is nothing to put into a record folder"
        )
    missing = [f"seed {log.seed}: {log.problem}" for log in candidate.logs if log.path is None]
    if candidate.script is None:
        missing.append(candidate.script_problem)
    if missing:
        raise UsageError(f"the record folder cannot be made: {'; '.join(missing)}")
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UsageError(f"{target}: exists and is not empty; name a new folder")
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        draft.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{target}: cannot be made: {error.strerror}") from error
    today = today or datetime.datetime.now(datetime.UTC).date()
    try:
        stated = stated_results(candidate, author, name, today)
        (draft / "README.md").write_text(render_readme(candidate, name), encoding="utf-8")
        (draft / "submission.json").write_text(json.dumps(stated, indent=2) + "\n", encoding="utf-8")
        (draft / script_name(candidate)).write_bytes(candidate.script_data)
        for log in candidate.logs:
            (draft / log_name(log.seed)).write_bytes(log.data)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from error
    return sorted(target.iterdir())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _plain(text: str) -> str:
    """One line of text without Markdown's or HTML's own characters."""
    return " ".join(text.translate({ord(c): f"\\{c}" for c in "|<>`*_[]#"}).split())
