"""`pgolf parse LOG`: metrics of a training log as JSON; `--compare A B`: two sets of seeds by Welch's t-test."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from pgolf.errors import UsageError
from pgolf.exits import Exit

_LOG_SUFFIXES = (".log", ".txt", ".out", ".stdout", ".jsonl")
_MOST_LOGS = 200


@click.command()
@click.argument("log", metavar="[LOG]", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON (for a LOG this is the default output).")
@click.option("--write", is_flag=True, help="Write the metrics beside the log as <stem>_results.json.")
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="Compare the scores of candidate A with reference B: each a log, a folder of logs, or logs joined by commas.",
)
@click.option(
    "--threshold",
    type=float,
    default=0.0,
    show_default=True,
    help="Margin in bpb that A has to be below B by.",
)
@click.option("--alpha", type=float, default=0.01, show_default=True, help="Level of the one-sided test.")
def parse(
    log: Path | None,
    as_json: bool,
    write: bool,
    compare: tuple[str, str] | None,
    threshold: float,
    alpha: float,
) -> int:
    """Metrics of a training LOG as JSON, or a comparison of two sets of logs.

    Exit codes: 0 done (with --compare: A is shown to be better by the threshold), 1 it is not shown, 2 unusable input.
    """
    if (log is None) == (compare is None):
        raise UsageError("give one LOG, or --compare A B")
    if compare is not None:
        return _compare(compare[0], compare[1], threshold, alpha, as_json)
    assert log is not None  # noqa: S101 - the line above
    from pgolf.cli.audit_submission import write_report
    from pgolf.report.json_document import finite, indented
    from pgolf.runlog.log_files import read_log_file
    from pgolf.runlog.metrics_document import metrics_document

    text = indented(finite(metrics_document(read_log_file(log))))
    if write:
        target = log.with_name(f"{log.stem}_results.json")
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise UsageError(f"{target} is no regular file; move it away first")
        write_report(text, target)
        if not as_json:
            click.echo(f"wrote {target}")
            return Exit.OK
    write_report(text, None)
    return Exit.OK


def _compare(candidate: str, reference: str, threshold: float, alpha: float, as_json: bool) -> int:
    from pgolf.core.margin_test import welch_test
    from pgolf.report.json_document import finite, indented

    ours, theirs = _scores(candidate), _scores(reference)
    test = welch_test([s for _, _, s in ours], [s for _, _, s in theirs], margin=threshold, alpha=alpha)
    spread = None
    if test.candidate_sd is not None and test.reference_sd is not None:
        spread = math.sqrt((test.candidate_sd**2 + test.reference_sd**2) / 2)
    effect = test.improvement / spread if spread else None
    document: dict[str, Any] = {
        "version": 1,
        "kind": "comparison",
        "candidate": [{"log": name, "line": line, "val_bpb": value} for name, line, value in ours],
        "reference": [{"log": name, "line": line, "val_bpb": value} for name, line, value in theirs],
        "effect_size": effect,
        **test.as_dict(),
    }
    if as_json:
        click.echo(indented(finite(document)), nl=False)
    else:
        for name, logs in (("A", ours), ("B", theirs)):
            for path, line, value in logs:
                click.echo(f"{name}  {value:.8g}  {path}:{line}")
        click.echo(
            f"\nA is {test.improvement:+.6f} bpb better than B (means {test.candidate_mean:.6f}, {test.reference_mean:.6f})"
        )
        if test.undecidable:
            click.echo(f"No test: {test.undecidable}.")
        elif test.p_margin is not None and test.ci_low is not None and test.ci_high is not None:
            click.echo(
                f"Welch: p = {test.p_margin:.3g} for better by more than {threshold:g}; "
                f"{100 * test.confidence:g} % interval {test.ci_low:+.6f} to {test.ci_high:+.6f}"
                + (f"; effect {effect:.2f} standard deviations" if effect is not None else "")
            )
        click.echo(
            f"Shown to be better by the threshold at alpha {alpha:g}: {'yes' if test.significant else 'no'}"
        )
    return Exit.OK if test.significant else Exit.FLAGGED


def _scores(source: str) -> list[tuple[str, int, float]]:
    """(log, line, score) of every log a side names."""
    from pgolf.errors import DataError
    from pgolf.runlog.log_files import read_log_file

    paths: list[Path] = []
    for part in source.split(","):
        path = Path(part)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix in _LOG_SUFFIXES and p.is_file())
            if not inside:
                raise UsageError(f"{path} holds no log ({', '.join(_LOG_SUFFIXES)})")
            paths += inside
        else:
            paths.append(path)
    if len(paths) > _MOST_LOGS:
        raise UsageError(f"{source[:80]} names {len(paths)} logs; compare at most {_MOST_LOGS}")
    scores: list[tuple[str, int, float]] = []
    seen: set[tuple[int | None, float, int | None]] = set()
    for path in paths:
        metrics = read_log_file(path)
        if metrics.score is None:
            raise DataError(f"{path} has no score: {metrics.no_score}")
        reading = metrics.score.reading
        run = metrics.run.seed, reading.val_bpb.value, metrics.run.steps
        if run in seen:
            click.echo(f"{path}: the same run as a log above (seed, steps and score), counted once", err=True)
            continue
        seen.add(run)
        scores.append((str(path), reading.line, reading.val_bpb.value))
    return scores
