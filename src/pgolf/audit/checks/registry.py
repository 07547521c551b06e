"""Every check of a submission, in the order reports list their findings.

A check is one slug, one file of that name here, one page (`pgolf explain SLUG`), and one folder of samples under
`tests/checks/` with a case that must not be flagged. A test compares the four lists.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgolf.audit.checks.bytes_eval_loop import BYTES_EVAL_LOOP
from pgolf.audit.checks.bytes_fallback_size import BYTES_FALLBACK_SIZE
from pgolf.audit.checks.bytes_hard_coded import BYTES_HARD_CODED
from pgolf.audit.checks.bytes_space_marker import BYTES_SPACE_MARKER
from pgolf.audit.checks.bytes_space_shattered import BYTES_SPACE_SHATTERED
from pgolf.audit.checks.bytes_space_twice import BYTES_SPACE_TWICE
from pgolf.audit.checks.bytes_table import BYTES_TABLE
from pgolf.audit.checks.bytes_transformed_text import BYTES_TRANSFORMED_TEXT
from pgolf.audit.checks.bytes_wrong_tokenizer import BYTES_WRONG_TOKENIZER
from pgolf.audit.checks.check import Check
from pgolf.audit.checks.fingerprint import FINGERPRINT
from pgolf.audit.checks.log_arithmetic import LOG_ARITHMETIC
from pgolf.audit.checks.log_code_mismatch import LOG_CODE_MISMATCH
from pgolf.audit.checks.log_report_mismatch import LOG_REPORT_MISMATCH
from pgolf.audit.checks.log_stages_disagree import LOG_STAGES_DISAGREE
from pgolf.audit.checks.missing_evidence import MISSING_EVIDENCE
from pgolf.audit.checks.mixed_config import MIXED_CONFIG
from pgolf.audit.checks.network_calls import NETWORK_CALLS
from pgolf.audit.checks.paid_prefix import PAID_PREFIX
from pgolf.audit.checks.significance import SIGNIFICANCE
from pgolf.audit.checks.size_cap import SIZE_CAP
from pgolf.audit.checks.slot import SLOT
from pgolf.audit.checks.target_in_key import TARGET_IN_KEY
from pgolf.audit.checks.time_cap import TIME_CAP
from pgolf.audit.checks.timer_exclusion import TIMER_EXCLUSION
from pgolf.audit.checks.train_on_val import TRAIN_ON_VAL
from pgolf.audit.checks.two_pass import TWO_PASS
from pgolf.audit.checks.unit_mismatch import UNIT_MISMATCH
from pgolf.audit.checks.val_other_set import VAL_OTHER_SET
from pgolf.audit.checks.val_subset import VAL_SUBSET
from pgolf.audit.evidence import SubmissionEvidence
from pgolf.core.finding import Finding

CHECKS: tuple[Check, ...] = (
    BYTES_SPACE_TWICE,
    BYTES_SPACE_MARKER,
    BYTES_SPACE_SHATTERED,
    BYTES_FALLBACK_SIZE,
    BYTES_TABLE,
    BYTES_EVAL_LOOP,
    BYTES_HARD_CODED,
    BYTES_TRANSFORMED_TEXT,
    BYTES_WRONG_TOKENIZER,
    VAL_SUBSET,
    VAL_OTHER_SET,
    FINGERPRINT,
    LOG_STAGES_DISAGREE,
    LOG_CODE_MISMATCH,
    LOG_REPORT_MISMATCH,
    LOG_ARITHMETIC,
    UNIT_MISMATCH,
    TRAIN_ON_VAL,
    TWO_PASS,
    TARGET_IN_KEY,
    SLOT,
    PAID_PREFIX,
    NETWORK_CALLS,
    SIZE_CAP,
    TIME_CAP,
    TIMER_EXCLUSION,
    MIXED_CONFIG,
    SIGNIFICANCE,
    MISSING_EVIDENCE,
)


def run_checks(evidence: SubmissionEvidence) -> Iterator[Finding]:
    """Findings of every check, each at most `MAX_FINDINGS` times, in the registry's order."""
    for check in CHECKS:
        yield from check.findings(evidence)
