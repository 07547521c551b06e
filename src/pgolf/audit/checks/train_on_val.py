"""Optimiser steps on validation tokens before they are scored.

The model is trained on the tokens of the validation split, and scored on them afterwards. What the evaluation of the
script shows, with the settings of the run, comes first; words in code and log are a hint where it could not be followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.checks.check import Check
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.audit.source_lines import (
    claim_closes_its_logs,
    find_code_line,
    reach,
    setting_in_logs,
    setting_is_printed,
    stage_in_logs,
)
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.token_flow import LateKind, LateScore

_CODE = re.compile(
    r"\b(?:pre_?quant_?ttt|prequant_adapt|train_on_val\w{0,20}|val_finetune\w{0,20}|ttt_pre_?quant)\w{0,30}"
)
_SETTING = re.compile(r"^(?:pre_?quant_?ttt(?:_enabled)?|ttt_pre_?quant|train_on_val)$", re.IGNORECASE)
_DATASET = re.compile(
    r"val(?:id(?:ation)?)?[_-]?only|only[_-]?val|val[_-]?as[_-]?train|train[_-]?on[_-]?val", re.IGNORECASE
)
_EPOCHS = re.compile(r"^pre_?quant_?ttt_epochs$", re.IGNORECASE)
_STAGE = re.compile(r"pre-?_?quant-?_?ttt|post-prequant-ttt", re.IGNORECASE)
_WORDS = ("quant_ttt", "prequant", "train_on_val", "val_finetune", "ttt_pre")


def inspect(evidence: SubmissionEvidence) -> Iterator[Finding]:
    shown = next(
        (f for f in evidence.flow.late if f.kind is LateKind.TRAINED_FIRST and f.certain),
        None,
    )
    if shown is not None:
        yield _shown(evidence, shown)
        return
    line = find_code_line(evidence, _CODE, _WORDS)
    setting, path = setting_in_logs(evidence, _SETTING)
    if setting:
        message = (
            f"the model is trained on validation tokens before they are scored: the log prints {setting}"
        )
        yield Finding("train-on-val", Severity.WARNING, Confidence.LIKELY, message, path)
        return
    for log in evidence.claimed:
        if _DATASET.search(log.metrics.run.dataset or ""):
            message = f"the training set is named after the validation split: {log.metrics.run.dataset[:80]}"
            yield Finding("train-on-val", Severity.WARNING, Confidence.LIKELY, message, log.path)
            return
    # Epochs alone are a default that a switch may leave unused.
    epochs, path = setting_in_logs(evidence, _EPOCHS)
    if epochs and not setting_is_printed(evidence, _SETTING):
        message = (
            f"the model may be trained on validation tokens before they are scored: the log prints {epochs}"
        )
        yield Finding("train-on-val", Severity.WARNING, Confidence.POSSIBLE, message, path)
        return
    path, at = stage_in_logs(evidence, _STAGE)
    if path:
        message = (
            "the model is trained on validation tokens before they are scored: the log prints its evaluation"
        )
        yield Finding("train-on-val", Severity.WARNING, Confidence.LIKELY, message, path, at)
        return
    if line:
        where = reach(evidence, line)
        message = f"code that trains on validation tokens before the evaluation: present, not shown to run ({where})"
        yield Finding(
            "train-on-val", Severity.NOTE, Confidence.POSSIBLE, message, evidence.choice.path or "", line
        )


def _shown(evidence: SubmissionEvidence, fact: LateScore) -> Finding:
    """The evaluation followed steps on validation tokens to a score of the same tokens."""
    message = (
        f"{fact.late} of {fact.targets} targets of the probe stream that {_named(fact.scored_in)} scores (line "
        f"{fact.scored_line}) had been used by optimiser steps in {_named(fact.updated_in)}"
    )
    path, line = evidence.choice.path or "", fact.updated_line
    ran = any(text in evidence.steps_in_logs for text in fact.prints)
    given = [s for s in evidence.settings if not s.printed]
    if evidence.flow.other_files:
        message += "; the files' names do not say that they are the validation split"
        return Finding("train-on-val", Severity.WARNING, Confidence.POSSIBLE, message, path, line)
    if given:
        message += f"; with the settings of the command in {given[0].path}"
    if ran:
        message += "; the claimed logs hold what this code prints"
    if given or not ran or not claim_closes_its_logs(evidence):
        return Finding("train-on-val", Severity.WARNING, Confidence.LIKELY, message, path, line)
    return Finding("train-on-val", Severity.ERROR, Confidence.PROVED, message, path, line)


def _named(function: str) -> str:
    return f"{function}()" if function else "the script"


TRAIN_ON_VAL = Check("train-on-val", "Optimiser steps on validation tokens before they are scored", inspect)
