"""Training logs: dialects, metrics, fingerprint; what a submission states against its logs."""

from pgolf.runlog.metrics import Reading, ReadingKind, RunMetrics
from pgolf.runlog.parse import parse_log

__all__ = ["Reading", "ReadingKind", "RunMetrics", "parse_log"]
