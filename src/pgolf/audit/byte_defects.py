"""What is wrong with the bytes of a claim, from three sides: the table and loop of the script, the implied bytes per
token of the logs, and the two numbers of `submission.json`.

Each side yields `ByteDefect` values under the slug of one family; the checks hand them out as findings. The rules for
severity follow one principle: an error needs a number that was proved and that the claim rests on. A table that
deviates while the logs print canonical bytes contradicts the logs (`log-code-mismatch`) where the deviation would show,
and is a remark about structure where it would not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgolf.audit.evidence import LogRead, LogRole, SubmissionEvidence
from pgolf.core.bpb import LN2
from pgolf.core.deviation import Deviation, DeviationName
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.profile import Profile
from pgolf.core.verdict import ByteSource, EvalStatus, FingerprintStatus, LutStatus
from pgolf.runlog.fingerprint import LogFingerprint, PairFingerprint
from pgolf.runlog.metrics import ReadingKind

UNEXPLAINED = "fingerprint"
FAMILY_OF_DEVIATION = {
    DeviationName.LEADING_SPACE_PLUS_ONE: "bytes-space-twice",
    DeviationName.MARKER_NOT_RECOGNISED: "bytes-space-marker",
    DeviationName.BYTE_TOKEN_WRONG_SIZE: "bytes-fallback-size",
}
_TABLE_FAMILIES = ("bytes-space-twice", "bytes-space-marker", "bytes-fallback-size")
"""Families whose cause is a table: no tokenizer or shard can give their numbers with a canonical one."""
_LARGE = frozenset(
    {DeviationName.LEADING_SPACE_PLUS_ONE, DeviationName.MARKER_NOT_RECOGNISED, DeviationName.TABLE_RESCALED}
)
"""Deviations of more than ten per cent on any English text: a log with canonical bytes cannot come from such a table."""
_SMALL = frozenset(
    {
        DeviationName.MISSING_IS_UNUSED,
        DeviationName.BOUNDARY_BYTES_COUNTED,
        DeviationName.STRIPS_EVERY_MARKER,
        DeviationName.OTHER_SIZE,
    }
)
"""Deviations whose effect is nothing or about a thousandth on the contest's tokenizers."""
_CHANCE = 0.03
"""A ratio this near to one says that bytes per token are off, and not why."""
_FAMILY_IN_TEXT = re.compile(r"\((bytes-[a-z-]{3,30}|val-[a-z-]{3,30})\)\Z")
_RATIO_IN_TEXT = re.compile(r"\(x(\d{1,3}\.\d{1,8})\)")
_UNITS = (1.0, 1.0 / LN2)
_SUBSET_NAMES = re.compile(
    r"(?:VAL_MAX_TOKENS|MAX_VAL_TOKENS|VAL_TOKEN_LIMIT|VAL_TOKENS_LIMIT|MAX_EVAL_TOKENS|EVAL_MAX_TOKENS|VAL_LIMIT|VAL_DOCS)",
    re.IGNORECASE,
)


def byte_defects(evidence: SubmissionEvidence) -> tuple[Finding, ...]:
    """All byte defects of a submission, tables first; the `rule` is the family's slug."""
    return (*_of_script(evidence), *_of_logs(evidence), *_of_stated(evidence))


def claim_status(evidence: SubmissionEvidence) -> FingerprintStatus:
    """What the fingerprints of the claim say together: DEVIATES if one is proved to, MATCHES if every line that
    carries the claim does."""
    prints = [log.print for log in evidence.claimed]
    if not prints:
        if evidence.stated_print is None:
            return FingerprintStatus.UNKNOWN
        return _settled(evidence.stated_print, evidence.profile)
    statuses = {_settled(found, evidence.profile).value for found in prints}
    if FingerprintStatus.DEVIATES.value in statuses:
        return FingerprintStatus.DEVIATES
    if statuses == {FingerprintStatus.MATCHES.value} and all(log.direct for log in evidence.claimed):
        return FingerprintStatus.MATCHES
    return FingerprintStatus.UNKNOWN


def main_print(evidence: SubmissionEvidence) -> LogFingerprint | None:
    """The fingerprint that stands for the submission: of the claim's logs, one that deviates before one that matches."""
    prints = [log.print for log in evidence.claimed if log.print.bytes_per_token is not None]
    if not prints:
        return evidence.stated_print
    deviating = [p for p in prints if _settled(p, evidence.profile) is FingerprintStatus.DEVIATES]
    return (deviating or prints)[0]


def subset_tokens(found: LogFingerprint, profile: Profile) -> tuple[int, int] | None:
    """(printed, full) validation tokens where a log scored clearly less than the split, else None."""
    tokens = found.scored_tokens
    if not tokens:
        return None
    value = found.bytes_per_token
    facts = next((f for f in profile.validation.tokenizers if f.key == found.tokenizer), None)
    full = facts.scored_tokens if facts is not None else None
    if full is None:
        if value is None or not 0.8 < value < 12:
            return None
        full = round(profile.validation.bytes / value)
    return (tokens, full) if tokens < 0.9 * full else None


def is_unit(value: float | None) -> bool:
    """Whether R is a conversion of units (a loss in nats per byte, or bits under both names) and no byte count."""
    return value is not None and any(abs(value / unit - 1) < 1e-3 for unit in _UNITS)


def _settled(found: LogFingerprint, profile: Profile) -> FingerprintStatus:
    """The status of a fingerprint as evidence about the claim.

    Softer than the log's own in three cases: stages that differ while the claim's own line is canonical; a value that
    is canonical for another tokenizer than the one a mere name suggests (then the name is wrong, or the table); a
    tokenizer known by its vocabulary size alone, where another build of that size has another constant.
    """
    if found.status is not FingerprintStatus.DEVIATES:
        return found.status
    if is_unit(found.bytes_per_token) and found.tokenizer != "bytes":
        return FingerprintStatus.UNKNOWN
    drift = [p for p in found.pairs if p.status is FingerprintStatus.DEVIATES]
    if found.ratio is not None and abs(found.ratio - 1) <= profile.validation.fail_fraction and drift:
        # Cheap evaluations during training on a part of the split are common; they matter where the claim's own
        # line is not quite canonical either.
        others = [p for p in drift if not is_unit(p.bytes_per_token)]
        steps = sum(p.kind == ReadingKind.STEP for p in others)
        if steps < 2 or abs(found.ratio - 1) <= profile.validation.warn_fraction:
            return FingerprintStatus.MATCHES
        return FingerprintStatus.DEVIATES
    if not _is_certain(found, profile):
        return FingerprintStatus.UNKNOWN
    return FingerprintStatus.DEVIATES


def _is_certain(found: LogFingerprint, profile: Profile) -> bool:
    """Whether a deviation has a known cause, the token count of a known tokenizer, or other bytes than the split's."""
    if found.explanations or subset_tokens(found, profile) is not None:
        return True
    if "tokens" in found.tokenizer_by:
        return True
    return any(f.rule == "val-other-set" for f in found.findings)


def _other_tokenizer(found: LogFingerprint, profile: Profile) -> str:
    value = found.bytes_per_token
    for facts in profile.validation.tokenizers:
        if value is None or facts.key == found.tokenizer or facts.byte_source == "byte_level":
            continue
        if any(abs(value / c - 1) <= 5e-4 for c in (facts.bytes_per_token, *facts.also)):
            return facts.key
    return ""


# -- the script --------------------------------------------------------------------------------------------


def _of_script(evidence: SubmissionEvidence) -> Iterator[Finding]:
    audit, path = evidence.audit, evidence.choice.path or ""
    if audit is None:
        return
    status = claim_status(evidence)
    line = audit.line or next((f.line for f in audit.findings if f.line), 0)
    if audit.byte_source is ByteSource.CONSTANT:
        severity = Severity.WARNING if status is FingerprintStatus.MATCHES else Severity.ERROR
        message = "bytes per token are a constant written into the code, not counted from the tokens that are scored"
        yield Finding("bytes-hard-coded", severity, Confidence.PROVED, message, path, line)
    if audit.lut_status is LutStatus.BUGGY:
        yield from _of_table(evidence, status, path, line)
    if audit.eval_status is EvalStatus.DEVIATES:
        known = next(
            (f for f in audit.findings if f.rule.startswith("eval") or f.rule.startswith("bytes")), None
        )
        says = (
            known.message
            if known is not None
            else audit.eval_reason
            or "the loop that adds the bytes, or the final formula, is not the canonical one"
        )
        # The probe stream is made of rare cases: a ratio near one there says little about the split. One far from any
        # text's bytes means that the bytes came from elsewhere (a sidecar of the probe), not that they are wrong.
        ratio = _RATIO_IN_TEXT.search(says)
        telling = ratio is None or 0.05 <= abs(float(ratio[1]) - 1) <= 4
        # In the contest's streams no document begins with a leading-space piece: what only happens after a boundary
        # token changes nothing there.
        nothing = says.endswith("the space after a boundary token is counted")
        mild = (
            status is FingerprintStatus.MATCHES
            or nothing
            or (not telling and status is FingerprintStatus.UNKNOWN)
        )
        severity = Severity.WARNING if mild else Severity.ERROR
        where = known.line if known is not None else line
        yield Finding("bytes-eval-loop", severity, Confidence.PROVED, says, path, where)


def _of_table(
    evidence: SubmissionEvidence, status: FingerprintStatus, path: str, line: int
) -> Iterator[Finding]:
    audit = evidence.audit
    assert audit is not None  # noqa: S101 - the caller looked
    effective = [d for d in audit.deviations if not d.effect.startswith("none")]
    balanced = _balanced(audit.deviations)
    for deviation in audit.deviations:
        family = FAMILY_OF_DEVIATION.get(deviation.name, "bytes-table")
        if family == "bytes-space-marker" and DeviationName.LEADING_SPACE_PLUS_ONE in {
            d.name for d in effective
        }:
            family = "bytes-space-twice"
        says = f"the table deviates ({deviation.name.value}): {deviation.example}"
        if deviation in balanced:
            says += "; the table holds the space and no loop adds it: together it is counted once, after a boundary token too"
            yield Finding("bytes-table", Severity.WARNING, Confidence.PROVED, says, path, line)
        elif deviation not in effective:
            says += "; this tokenizer has no such token, so nothing changes"
            yield Finding(family, Severity.WARNING, Confidence.PROVED, says, path, line)
        elif deviation.name in _SMALL and not any(d.name not in _SMALL for d in effective):
            says += "; by itself a thousandth or less on the contest's tokenizers"
            yield Finding(family, Severity.WARNING, Confidence.PROVED, says, path, line)
        elif status is FingerprintStatus.MATCHES:
            if deviation.name in _LARGE and audit.eval_status is EvalStatus.CANONICAL:
                says += "; the logs print canonical bytes per token, which this table cannot give: they come from other code"
                yield Finding("log-code-mismatch", Severity.ERROR, Confidence.PROVED, says, path, line)
            else:
                says += "; no effect is visible in the bytes per token of its logs"
                yield Finding(family, Severity.WARNING, Confidence.PROVED, says, path, line)
        elif deviation.name in _LARGE and audit.eval_status is not EvalStatus.CANONICAL:
            # Either of the two places may add the space once; together they decide.
            proved = status is FingerprintStatus.DEVIATES or audit.eval_status is EvalStatus.DEVIATES
            confidence = Confidence.PROVED if proved else Confidence.LIKELY
            yield Finding(family, Severity.ERROR, confidence, says, path, line)
        else:
            severity = Severity.WARNING if deviation.name in _SMALL else Severity.ERROR
            yield Finding(family, severity, Confidence.PROVED, says, path, line)


def _balanced(deviations: tuple[Deviation, ...]) -> tuple[Deviation, ...]:
    """A space in the table, and what keeps every loop from adding it again: no flag on those tokens, or all tokens
    boundaries. One table without flags is a way to count that is wrong after boundary tokens only."""
    by_name = {d.name: d for d in deviations}
    space = by_name.get(DeviationName.LEADING_SPACE_PLUS_ONE)
    if space is None:
        return ()
    flags, mask = (
        by_name.get(name) for name in (DeviationName.SPACE_FLAG_WRONG, DeviationName.BOUNDARY_MASK_WRONG)
    )
    stops = tuple(
        d
        for d, says in ((flags, "flag False"), (mask, "a boundary in the table"))
        if d is not None and d.tokens >= space.tokens and says in d.example
    )
    return (space, *stops) if stops else ()


# -- the logs ----------------------------------------------------------------------------------------------


def _of_logs(evidence: SubmissionEvidence) -> Iterator[Finding]:
    claimed = evidence.claimed
    # Nothing states these runs: one of them alone is no contradiction, all of them are.
    loose = [log for log in claimed if log.role is LogRole.CANDIDATE]
    wrong = [log for log in loose if _settled(log.print, evidence.profile) is FingerprintStatus.DEVIATES]
    for log in claimed:
        yield from _of_log(evidence, log, claims=log not in loose or len(wrong) == len(loose))
    if claimed and claimed[0].role is LogRole.CLAIMED:
        # Runs beside the claimed ones: another R between seeds is a contradiction only if it has a known cause.
        for log in evidence.logs:
            if log.role is LogRole.CANDIDATE and log.print.explanations:
                yield from _of_log(evidence, log, claims=True)


def _of_log(evidence: SubmissionEvidence, log: LogRead, claims: bool) -> Iterator[Finding]:
    """Defects of one log; errors only where it `claims` (the submission's value rests on it)."""
    found, profile = log.print, evidence.profile
    settled = _settled(found, profile)
    line = log.reading.line if log.reading is not None else 0
    if found.status is not FingerprintStatus.DEVIATES:
        yield from (f for f in found.findings if f.rule not in ("unit-mismatch", "log-stages-disagree"))
        return
    if settled is FingerprintStatus.UNKNOWN and not is_unit(found.bytes_per_token):
        other = _other_tokenizer(found, profile)
        if other:
            message = (
                f"{found.bytes_per_token:.4f} bytes per token is canonical for {other}, while {found.tokenizer} is named: "
                "one of the two is not what was used"
            )
            yield Finding(
                "bytes-wrong-tokenizer", Severity.WARNING, Confidence.LIKELY, message, log.path, line
            )
        else:
            message = f"{found.reason}; only {found.tokenizer_by} says so, another build of that size has another constant"
            yield Finding(UNEXPLAINED, Severity.WARNING, Confidence.LIKELY, message, log.path, line)
        return
    if settled is not FingerprintStatus.DEVIATES:
        return
    slug, message = explain_log(evidence, log)
    audit = evidence.audit
    sound = audit is not None and audit.lut_status is LutStatus.CORRECT
    if slug in _TABLE_FAMILIES and sound and found.ratio is not None and abs(found.ratio - 1) < _CHANCE:
        # Another sample of tokens comes as near as a table would; with a table that is right, it is the likelier.
        slug = UNEXPLAINED
        message += (
            "; the script's table is canonical: a part of the tokens, or another loop, may give the same"
        )
    primary = claims and _states_the_claim(evidence, log)
    confidence = Confidence.PROVED if log.direct else Confidence.LIKELY
    if not log.direct:
        message += "; the line that carries the claim prints no loss, this is another stage of the same log"
        confidence = Confidence.PROVED if slug == "val-other-set" or slug == "val-subset" else confidence
    severity = Severity.ERROR if primary else Severity.WARNING
    yield Finding(slug, severity, confidence, message, log.path, line)
    if claims:
        yield from _other_code(evidence, slug, found, confidence, severity, log.path, line)


def _other_code(
    evidence: SubmissionEvidence,
    slug: str,
    found: LogFingerprint,
    confidence: Confidence,
    severity: Severity,
    path: str,
    line: int,
) -> Iterator[Finding]:
    """Numbers that only a defective table gives, beside a script whose table is right."""
    audit = evidence.audit
    if audit is None or audit.lut_status is not LutStatus.CORRECT or slug not in _TABLE_FAMILIES:
        return
    if audit.byte_source is not ByteSource.TABLE or audit.eval_status is EvalStatus.DEVIATES:
        return
    if audit.eval_status is not EvalStatus.CANONICAL:
        confidence = Confidence.LIKELY  # the loop, which could not be followed, may be what is wrong
    message = (
        f"the script's table is canonical, and the numbers imply {found.bytes_per_token:.4f} bytes per token: "
        "they come from other code"
    )
    yield Finding("log-code-mismatch", severity, confidence, message, path, line)


def explain_log(evidence: SubmissionEvidence, log: LogRead) -> tuple[str, str]:
    """(slug, message) for a log whose bytes per token deviate."""
    found, profile = log.print, evidence.profile
    stages = [p for p in found.pairs if p.kind != ReadingKind.STEP and not is_unit(p.bytes_per_token)]
    canonical = [p for p in stages if p.status is FingerprintStatus.MATCHES]
    here = found.bytes_per_token or 0.0
    subset = subset_tokens(found, profile)
    if subset is not None:
        return (
            "val-subset",
            f"{found.reason}; {subset[0]:,} validation tokens were scored where the split has about {subset[1]:,}",
        )
    for explanation in found.explanations:
        match = _FAMILY_IN_TEXT.search(explanation.what)
        if match is not None:
            return match[1], found.reason
        families = [
            FAMILY_OF_DEVIATION[name] for name in FAMILY_OF_DEVIATION if name.value in explanation.deviations
        ]
        if families and abs(explanation.off) < 5e-4:
            return families[0], found.reason
    if canonical and found.canonical_bytes_per_token and found.status is FingerprintStatus.DEVIATES:
        other: PairFingerprint = canonical[-1]
        if abs(here / found.canonical_bytes_per_token - 1) > profile.validation.fail_fraction:
            return "log-stages-disagree", (
                f"the scored line implies {here:.4f} bytes per token, line {other.line} of the same log "
                f"{other.bytes_per_token:.4f} (canonical {found.canonical_bytes_per_token:.4f}): val_loss and val_bpb of the "
                "scored line are not one measurement over the same bytes"
            )
    if any(f.rule == "log-stages-disagree" and f.flags for f in found.findings):
        return "log-stages-disagree", found.reason
    if any(f.rule == "val-other-set" for f in found.findings):
        return "val-other-set", found.reason
    limit = _SUBSET_NAMES.search(evidence.source)
    if limit is not None and found.ratio is not None and abs(found.ratio - 1) < 0.08:
        return (
            "val-subset",
            f"{found.reason}; the script has a setting {limit.group()} that scores a part of the split",
        )
    return UNEXPLAINED, found.reason


def _states_the_claim(evidence: SubmissionEvidence, log: LogRead) -> bool:
    """Whether the headline or its seeds rest on this log, not a rerun or a retracted table beside them."""
    if log.role is not LogRole.CLAIMED or evidence.stated is None:
        return True  # nothing is stated: the finished runs are the claim
    secondary = {s.val_bpb.path for s in evidence.stated.other_seeds if s.val_bpb is not None}
    return log.states not in secondary


# -- submission.json ---------------------------------------------------------------------------------------


def _of_stated(evidence: SubmissionEvidence) -> Iterator[Finding]:
    found = evidence.stated_print
    if found is None or found.status is not FingerprintStatus.DEVIATES or is_unit(found.bytes_per_token):
        return
    # Two numbers alone: any tokenizer's constant clears them, and only a known cause makes them more than a remark.
    cause = next((m[1] for e in found.explanations if (m := _FAMILY_IN_TEXT.search(e.what))), "")
    has_logs = any(log.role is LogRole.CLAIMED for log in evidence.logs)
    message = f"val_loss and val_bpb of submission.json: {found.reason}"
    if cause and not has_logs:
        yield Finding(cause, Severity.ERROR, Confidence.PROVED, message, "submission.json")
        yield from _other_code(
            evidence, cause, found, Confidence.PROVED, Severity.ERROR, "submission.json", 0
        )
    else:
        message += (
            "; the two numbers are not of one evaluation of canonical bytes, or the tokenizer is another one"
        )
        yield Finding("log-arithmetic", Severity.WARNING, Confidence.LIKELY, message, "submission.json")
