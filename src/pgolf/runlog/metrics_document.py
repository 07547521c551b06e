"""`RunMetrics` as the versioned JSON document of `pgolf parse`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pgolf.runlog.metrics import Reading, RunMetrics

METRICS_VERSION = 1


def metrics_document(metrics: RunMetrics) -> dict[str, Any]:
    """A mapping for JSON: the score with its reason, every reading, sizes, times, settings. Not-finite values stay."""
    run = asdict(metrics.run)
    del run["hyperparameters"]
    run["uncounted"] = [work._asdict() for work in metrics.run.uncounted]
    score = metrics.score
    return {
        "version": METRICS_VERSION,
        "kind": "run_metrics",
        "log": metrics.name,
        "sha256": metrics.sha256,
        "bytes": metrics.size_bytes,
        "lines": metrics.lines,
        "encoding": metrics.encoding,
        "ending": {
            "status": metrics.ending.value,
            "reason": metrics.ending_reason,
            "line": metrics.ending_line,
        },
        "score": None if score is None else {**_reading(score.reading), "why": score.why},
        "no_score": metrics.no_score,
        "artifact_bytes": metrics.total_bytes,
        "model_bytes": metrics.model_bytes,
        "code_bytes": metrics.code_bytes,
        "sizes": [{**asdict(size), "kind": size.kind.value} for size in metrics.sizes],
        "eval_seconds": metrics.eval_seconds,
        "eval_seconds_sum": metrics.eval_seconds_sum,
        **run,
        "hyperparameters": {setting.name: setting.value for setting in metrics.run.hyperparameters},
        "readings": [_reading(reading) for reading in metrics.readings],
        "lines_dropped": metrics.lines_dropped,
        "not_finite": metrics.nan_lines,
        "source_lines_skipped": metrics.source_lines,
        "notes": list(metrics.notes),
    }


def _reading(reading: Reading) -> dict[str, Any]:
    loss = reading.val_loss
    return {
        "line": reading.line,
        "label": reading.label,
        "printed_label": reading.printed_label,
        "kind": reading.kind.value,
        "val_loss": loss.value if loss else None,
        "val_loss_decimals": loss.decimals if loss else None,
        "val_bpb": reading.val_bpb.value,
        "val_bpb_decimals": reading.val_bpb.decimals,
        "loss_key": reading.loss_key,
        "bpb_key": reading.bpb_key,
        "approximate": reading.approximate,
        "bytes_per_token": reading.bytes_per_token,
        "eval_seconds": reading.eval_seconds,
        "tokens": reading.tokens,
        "bytes": reading.bytes,
    }
