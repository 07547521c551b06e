"""Lines of a script that match a pattern: whole words in code, comments left out.

Text, not meaning: a hit says that something is present, never that it runs. Every pattern used here is linear.
"""

from __future__ import annotations

import re

from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.run_settings import DECIDES
from pgolf.runlog.metrics import ReadingKind

MAX_LINE_CHARS = 2_000


def find_code_line(evidence: SubmissionEvidence, pattern: re.Pattern[str], words: tuple[str, ...]) -> int:
    """1-based line of the first match of `pattern` in the submission's code outside of comments, 0 without one.

    `words`: one of them is part of every match. Looking for them first is a hundred times cheaper.
    """
    source = evidence.source
    if not any(word in source for word in words):
        return 0
    for match in pattern.finditer(source):
        start = source.rfind("\n", 0, match.start()) + 1
        before = source[max(start, match.start() - MAX_LINE_CHARS) : match.start()]
        if "#" not in before:
            return source.count("\n", 0, start) + 1
    return 0


def reach(evidence: SubmissionEvidence, line: int) -> str:
    """Whether the evaluation, with the settings of the run, entered the function that holds a line: a half-sentence."""
    flow = evidence.flow
    if any(first <= line <= last for first, last in flow.entered):
        return "its function is reached with the settings of the run"
    if flow.complete:
        return "not reached with the settings of the run"
    return "the evaluation ended before it could be reached"


def unreached_claim(evidence: SubmissionEvidence) -> str:
    """The label of a claim whose printing statement stands in the script and was not come to, "" without one.

    Labels that the script puts together from parts are not found as literals and decide nothing.
    """
    flow = evidence.flow
    for log in evidence.claimed if flow.labels else ():
        words = log.reading.printed_label.split() if log.reading is not None else []
        label = next((w for w in words if sum(c.isalpha() for c in w) >= 6), "")[:80]
        if not label or any(label in text for text in flow.labels):
            continue
        if any(quote + label in evidence.source for quote in "\"'"):
            return label
    return ""


def unprinted_result(evidence: SubmissionEvidence) -> str:
    """The label of the last result that the script prints with the settings of the run, where no claimed log holds
    it: other settings or other code made the logs. "" where they do, or the evaluation did not come to the end."""
    flow = evidence.flow
    finals = [text.split()[0] for text in flow.labels if "loss" in text.lower() and text.startswith("final")]
    if not flow.complete or not finals or not evidence.claimed:
        return ""
    held = [r.printed_label for log in evidence.claimed for r in log.metrics.readings]
    # Labels are cut at the first word; `final_x` and `final_x_exact` are one result.
    last = finals[-1].removesuffix("_exact")
    # Sizes are scaled down in the evaluation, so that branches on a stride may go otherwise: only training, fits and
    # caches count, which a size does not switch.
    if not held or not DECIDES.search(last):
        return ""
    return "" if any(last in label for label in held) else last


def claim_closes_its_logs(evidence: SubmissionEvidence) -> bool:
    """Whether in every claimed log no other final result follows the line that carries the claim."""
    for log in evidence.claimed:
        if log.reading is None:
            return False
        for reading in log.metrics.readings:
            later = reading.kind is ReadingKind.FINAL and reading.line > log.reading.line
            if later and not reading.val_bpb.states(log.reading.val_bpb):
                return False
    return bool(evidence.claimed)


def live_in_logs(evidence: SubmissionEvidence, pattern: re.Pattern[str]) -> str:
    """Path of a claimed log whose scored line names what `pattern` stands for, "" without one."""
    for log in evidence.claimed:
        if log.reading is not None and pattern.search(log.reading.printed_label[:400]):
            return log.path
    return ""


def stage_in_logs(evidence: SubmissionEvidence, pattern: re.Pattern[str]) -> tuple[str, int]:
    """(path, line) of the first evaluation of a claimed log whose label matches, ("", 0) without one."""
    for log in evidence.claimed:
        for reading in log.metrics.readings:
            if pattern.search(reading.printed_label[:400]):
                return log.path, reading.line
    return "", 0


def setting_in_logs(evidence: SubmissionEvidence, pattern: re.Pattern[str]) -> tuple[str, str]:
    """(setting, path) of a hyperparameter that a claimed log prints as on (not 0, False, None or empty)."""
    for log in evidence.claimed:
        for item in log.metrics.run.hyperparameters:
            off = item.value.strip().strip("'\",").lower() in ("0", "false", "none", "", "0.0", "off", "no")
            if pattern.search(item.name) and not off:
                return f"{item.name}={item.value[:40]}", log.path
    return "", ""


def setting_is_printed(evidence: SubmissionEvidence, pattern: re.Pattern[str]) -> bool:
    """Whether a claimed log prints such a hyperparameter at all, on or off."""
    return any(
        pattern.search(item.name) for log in evidence.claimed for item in log.metrics.run.hyperparameters
    )
