"""The fingerprint of a log: bytes per token implied by its pairs, against the known constants of the split.

    R = val_loss / (ln 2 x val_bpb)        and        R x scored tokens = bytes of the split, whatever the tokenizer

No code is needed, and no wrapper hides it. It cannot see numerator errors, leaked targets or lossy text: a fingerprint
that MATCHES says the denominator is right, nothing else.

How it decides. The tokenizer comes from the number of validation tokens, the tokenizer's name, the vocabulary size, in
this order. R is compared with that tokenizer's constant: off by more than `fail_fraction` DEVIATES, more than
`warn_fraction` is said. A tokenizer that is not known is judged by R x tokens, when the log prints its tokens; else it is
UNKNOWN. Every bound takes the rounding interval of the printed decimals into account.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product

from pgolf.core.bpb import LN2
from pgolf.core.deviation import DeviationName
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.profile import Profile, TokenizerFacts, load_profile
from pgolf.core.verdict import FingerprintStatus
from pgolf.runlog.metrics import Printed, Reading, ReadingKind, RunMetrics

TOKEN_SLACK = 65_536
"""Scored tokens of one tokenizer differ by at most this between scripts (cut to the sequence length or batch)."""
_EQUAL = 3e-4
"""Equal as far as printed decimals and dropped tails of chunks go."""
WIDEST_INTERVAL = 0.002
"""A pair whose decimals leave R more uncertain than this fraction is not judged."""
_SUBSET = 0.9
"""Fewer implied bytes than this share of the split: only part of it was scored."""
EXPLAINS_WITHIN = 0.0015
"""A known deviation explains a ratio when it is this close: a chunked evaluation moves R by as much."""
_CUSTOM_NAME = re.compile(
    r"scylla|gravity|casefold|unigram|superbpe|tokenmonster|tm\d{4}|custom|lower|hnet|morph|trie", re.I
)
_VOCAB_IN_NAME = re.compile(r"(?:sp|fineweb_|bpe_?|vocab_?)(\d{3,6})(?!\d)", re.I)
_BYTE_NAME = re.compile(r"byte(?:260|256|[_-]?level)|(?:fineweb10b_|_)bytes?(?![a-z])", re.I)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A known or computed deviation whose bytes per token fits."""

    what: str
    deviations: tuple[str, ...]
    bytes_per_token: float
    off: float
    """Relative distance to the implied value, signed."""
    source: str


@dataclass(frozen=True, slots=True)
class PairFingerprint:
    """One pair of the log: implied bytes per token, its rounding interval, and what it is next to the constant."""

    line: int
    label: str
    kind: str
    bytes_per_token: float
    low: float
    high: float
    status: FingerprintStatus
    ratio: float | None


@dataclass(frozen=True, slots=True)
class LogFingerprint:
    """What implied bytes per token say about a log.

    `ratio` is implied bytes over canonical bytes: above 1 flatters the result, and `corrected_bpb` is the printed score
    times it. Both are None where the canonical value is not known. `reason` is one sentence.
    """

    status: FingerprintStatus
    reason: str
    bytes_per_token: float | None = None
    interval: tuple[float, float] | None = None
    tokenizer: str = ""
    tokenizer_by: str = ""
    canonical_bytes_per_token: float | None = None
    ratio: float | None = None
    corrected_bpb: float | None = None
    scored_tokens: int | None = None
    implied_bytes: float | None = None
    explanations: tuple[Explanation, ...] = ()
    pairs: tuple[PairFingerprint, ...] = ()
    stage_range: tuple[float, float] | None = None
    """Lowest and highest implied bytes per token of the log's judged pairs."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenizerGuess:
    """Tokenizers of the profile that come into question, and what says so. `custom`: certainly none of them."""

    candidates: tuple[TokenizerFacts, ...]
    by: str
    custom: bool = False


def fingerprint(
    metrics: RunMetrics, profile: Profile | None = None, tokenizer_hint: str = ""
) -> LogFingerprint:
    """Compare a log's pairs with the profile's constants.

    `tokenizer_hint` is any text that names the tokenizer (a path, a key like `sp8192`, a vocabulary size); the log's own
    tokenizer path, data set and vocabulary size are used besides. Never raises.
    """
    profile = profile or load_profile()
    run = metrics.run
    names = f"{tokenizer_hint} {run.tokenizer_path} {run.dataset}"
    guess = guess_tokenizer(names, run.vocab_size, run.val_tokens, profile)
    judged = [r for r in metrics.readings if _judged(r)]
    score = metrics.score.reading if metrics.score else None
    finals = [r for r in judged if r.kind is ReadingKind.FINAL]
    if score is not None and score in judged:
        main: Reading | None = score
    else:
        main = finals[-1] if finals else judged[-1] if judged else None
    if main is None:
        return LogFingerprint(FingerprintStatus.UNKNOWN, _why_no_pair(metrics), scored_tokens=run.val_tokens)
    result = _judge(main, guess, run.val_tokens, profile, metrics.name)
    return _with_stages(result, main, judged, guess, profile, metrics.name)


def fingerprint_stated(
    val_loss: Printed,
    val_bpb: Printed,
    profile: Profile | None = None,
    tokenizer_hint: str = "",
    vocab_size: int | None = None,
) -> LogFingerprint:
    """The same from two stated numbers alone, as in `submission.json`: there are no stages and no token counts."""
    profile = profile or load_profile()
    reading = Reading(0, "stated", "stated", ReadingKind.FINAL, val_bpb, val_loss)
    if not _judged(reading):
        why = "val_loss and val_bpb are no pair of positive numbers with enough decimals"
        return LogFingerprint(FingerprintStatus.UNKNOWN, why)
    return _judge(reading, guess_tokenizer(tokenizer_hint, vocab_size, None, profile), None, profile, "")


# --- which tokenizer ------------------------------------------------------------------------------------------------


def guess_tokenizer(
    names: str, vocab_size: int | None, tokens: int | None, profile: Profile
) -> TokenizerGuess:
    """Tokenizers that come into question, from names, vocabulary size and the number of validation tokens."""
    known = profile.validation.tokenizers
    by_key = {facts.key: facts for facts in known}
    by_tokens = [
        f for f in known if tokens and f.scored_tokens and abs(f.scored_tokens - tokens) <= TOKEN_SLACK
    ]
    if len(by_tokens) == 1:
        return TokenizerGuess((by_tokens[0],), f"{tokens:,} validation tokens")
    if _BYTE_NAME.search(names) or vocab_size in (256, 257, 258, 260):
        near = tokens is None or abs(tokens / profile.validation.bytes - 1) < profile.validation.fail_fraction
        if near and "bytes" in by_key:
            return TokenizerGuess((by_key["bytes"],), "a byte-level vocabulary")
    custom = _CUSTOM_NAME.search(names)
    if custom:
        return TokenizerGuess((), f"its name ({custom.group(0)})", custom=True)
    if "caseops" in names.lower() or "lossless_caps" in names.lower():
        found = tuple(f for f in known if "caseops" in f.key)
        if vocab_size in (None, *(f.vocab_size for f in found)):
            return TokenizerGuess(found, "its name (CaseOps)")
        return TokenizerGuess((), f"CaseOps with a vocabulary of {vocab_size:,}", custom=True)
    named = [int(n) for n in _VOCAB_IN_NAME.findall(names)]
    sizes = [*named, *([vocab_size] if vocab_size else [])]
    for size in dict.fromkeys(sizes):
        found = tuple(f for f in known if f.vocab_size == size and f.byte_source != "byte_level")
        if found:
            return TokenizerGuess(found, f"a vocabulary of {size:,}")
    if sizes:
        return TokenizerGuess((), f"a vocabulary of {sizes[0]:,}", custom=True)
    return TokenizerGuess((), "nothing in the log names it")


# --- judging one pair -----------------------------------------------------------------------------------------------


def _judged(reading: Reading) -> bool:
    """Whether a pair can be judged: an evaluation (not a running value), printed exactly enough."""
    if (
        reading.approximate
        or reading.kind in (ReadingKind.PROGRESS, ReadingKind.DERIVED)
        or "train" in reading.loss_key
    ):
        return False
    value, interval = reading.bytes_per_token, reading.bytes_per_token_interval
    return value is not None and interval is not None and interval[1] - interval[0] <= WIDEST_INTERVAL * value


def _why_no_pair(metrics: RunMetrics) -> str:
    if not metrics.readings:
        return f"no bits-per-byte value is printed ({metrics.ending_reason})"
    if not metrics.pairs:
        return "bits per byte are printed without a loss: nothing to divide"
    return "no evaluation prints a loss and bits per byte with enough decimals"


def _off(low: float, high: float, constants: tuple[float, ...]) -> tuple[float, float]:
    """(constant that is nearest, relative distance of the interval to it, 0 when inside)."""
    best = min(constants, key=lambda c: max(low / c - 1, 1 - high / c))
    return best, max(low / best - 1, 1 - high / best, 0.0)


def _judge(
    reading: Reading, guess: TokenizerGuess, tokens: int | None, profile: Profile, path: str
) -> LogFingerprint:
    value, interval = reading.bytes_per_token, reading.bytes_per_token_interval
    assert value is not None  # noqa: S101 - `_judged` checked it
    assert interval is not None  # noqa: S101
    low, high = interval
    split = profile.validation
    implied = value * tokens if tokens else None
    base = LogFingerprint(
        FingerprintStatus.UNKNOWN,
        "",
        value,
        interval,
        tokenizer_by=guess.by,
        scored_tokens=tokens,
        implied_bytes=implied,
    )
    unit = _unit_mismatch(reading, guess, path)
    if unit is not None:
        return replace(base, reason=unit.message, findings=(unit,))
    if guess.candidates:
        facts, constant, off = _nearest(low, high, guess.candidates)
        base = replace(
            base,
            tokenizer=facts.key,
            canonical_bytes_per_token=constant,
            ratio=value / constant,
            corrected_bpb=reading.val_bpb.value * value / constant,
        )
        if off <= split.fail_fraction:
            return _matching(base, reading, facts, constant, off, tokens, profile, path)
        if not (tokens and _far(tokens, facts.scored_tokens)):
            return _deviating(base, reading, facts, constant, profile, path, Confidence.PROVED)
    if tokens and implied:
        return _judge_by_bytes(base, reading, guess, implied, tokens, profile, path)
    return _judge_by_value(base, reading, guess, low, high, profile, path)


def _nearest(
    low: float, high: float, candidates: tuple[TokenizerFacts, ...]
) -> tuple[TokenizerFacts, float, float]:
    scored = [(f, *_off(low, high, (f.bytes_per_token, *f.also))) for f in candidates]
    return min(scored, key=lambda item: item[2])


def _far(tokens: int, expected: int | None) -> bool:
    return expected is not None and abs(tokens - expected) > TOKEN_SLACK


def _matching(
    base: LogFingerprint,
    reading: Reading,
    facts: TokenizerFacts,
    constant: float,
    off: float,
    tokens: int | None,
    profile: Profile,
    path: str,
) -> LogFingerprint:
    split = profile.validation
    findings: list[Finding] = []
    how = "is" if off <= _EQUAL else f"is within {100 * off:.2f} % of"
    reason = f"{_show(base)} {how} the canonical {constant:.4f} of {facts.key}"
    if off > split.warn_fraction:
        reason = (
            f"{_show(base)} is {100 * off:.2f} % off the canonical {constant:.4f} of {facts.key}:"
            " within the bound, but not equal"
        )
        findings.append(
            _finding("fingerprint", Severity.WARNING, Confidence.PROVED, reason, path, reading.line)
        )
    if tokens and _far(tokens, facts.scored_tokens) and facts.scored_tokens:
        rule = "val-subset" if tokens < facts.scored_tokens else "val-other-set"
        message = (
            f"{tokens:,} validation tokens are printed; the full split has {facts.scored_tokens:,} under {facts.key}"
            f" ({100 * (tokens / facts.scored_tokens - 1):+.1f} %)"
        )
        findings.append(_finding(rule, Severity.WARNING, Confidence.LIKELY, message, path, reading.line))
    return replace(base, status=FingerprintStatus.MATCHES, reason=reason, findings=tuple(findings))


def _deviating(
    base: LogFingerprint,
    reading: Reading,
    facts: TokenizerFacts,
    constant: float,
    profile: Profile,
    path: str,
    confidence: Confidence,
) -> LogFingerprint:
    assert base.bytes_per_token is not None  # noqa: S101
    explanations = explain(base.bytes_per_token, facts.key, profile)
    ratio = base.bytes_per_token / constant
    reason = f"{_show(base)} instead of the canonical {constant:.4f} of {facts.key}: x{ratio:.4f}"
    if explanations:
        reason += f", as with: {explanations[0].what}"
    finding = _finding("fingerprint", Severity.ERROR, confidence, reason, path, reading.line)
    return replace(
        base, status=FingerprintStatus.DEVIATES, reason=reason, explanations=explanations, findings=(finding,)
    )


def _judge_by_bytes(
    base: LogFingerprint,
    reading: Reading,
    guess: TokenizerGuess,
    implied: float,
    tokens: int,
    profile: Profile,
    path: str,
) -> LogFingerprint:
    """A tokenizer whose constant is not known: bytes per token times printed tokens must be the bytes of the split."""
    split = profile.validation
    if implied < _SUBSET * split.bytes:
        return _subset(base, reading, implied, tokens, profile, path)
    ratio = implied / split.bytes
    canonical = split.bytes / tokens
    base = replace(
        base,
        tokenizer="",
        canonical_bytes_per_token=canonical,
        ratio=ratio,
        corrected_bpb=reading.val_bpb.value * ratio,
    )
    text = f"{_show(base)} x {tokens:,} printed tokens is {implied / 1e6:,.2f} million bytes"
    if abs(ratio - 1) <= split.fail_fraction:
        reason = f"{text}, the split's {split.bytes / 1e6:,.2f} million"
        findings: tuple[Finding, ...] = ()
        if abs(ratio - 1) > split.warn_fraction:
            warned = f"{reason} but for {100 * (ratio - 1):+.2f} %"
            findings = (
                _finding("fingerprint", Severity.WARNING, Confidence.LIKELY, warned, path, reading.line),
            )
        return replace(base, status=FingerprintStatus.MATCHES, reason=reason, findings=findings)
    assert base.bytes_per_token is not None  # noqa: S101
    explanations = explain(base.bytes_per_token, "", profile)
    reason = (
        f"{text}; the split has {split.bytes / 1e6:,.2f} million (x{ratio:.4f}):"
        " other documents, a part of them, or wrong bytes"
    )
    if explanations:
        reason += f"; seen as: {explanations[0].what}"
    rule = "val-other-set" if not explanations else "fingerprint"
    finding = _finding(rule, Severity.ERROR, Confidence.PROVED, reason, path, reading.line)
    return replace(
        base, status=FingerprintStatus.DEVIATES, reason=reason, explanations=explanations, findings=(finding,)
    )


def _subset(
    base: LogFingerprint, reading: Reading, implied: float, tokens: int, profile: Profile, path: str
) -> LogFingerprint:
    """Part of the split: its own bytes per token are not known, so there is a deviation but no corrected value."""
    share = 100 * implied / profile.validation.bytes
    reason = (
        f"{_show(base)} x {tokens:,} printed tokens is {implied / 1e6:,.2f} million bytes, {share:.2g} % of the split:"
        " only part of it was scored"
    )
    finding = _finding("val-subset", Severity.ERROR, Confidence.PROVED, reason, path, reading.line)
    return replace(
        base, status=FingerprintStatus.DEVIATES, reason=reason, corrected_bpb=None, findings=(finding,)
    )


def _judge_by_value(
    base: LogFingerprint,
    reading: Reading,
    guess: TokenizerGuess,
    low: float,
    high: float,
    profile: Profile,
    path: str,
) -> LogFingerprint:
    """No constant and no token count: only a value that equals a known constant says something."""
    split = profile.validation
    known = tuple(f for f in split.tokenizers if f.byte_source != "byte_level")
    facts, constant, off = _nearest(low, high, known)
    if not guess.custom and off <= split.warn_fraction:
        base = replace(
            base, tokenizer=facts.key, canonical_bytes_per_token=constant, tokenizer_by="its bytes per token"
        )
        base = replace(base, ratio=1.0, corrected_bpb=reading.val_bpb.value)
        reason = f"{_show(base)} equals the canonical {constant:.4f} of {facts.key}; the log does not name its tokenizer"
        return replace(base, status=FingerprintStatus.MATCHES, reason=reason)
    assert base.bytes_per_token is not None  # noqa: S101
    explanations = explain(base.bytes_per_token, "", profile)
    reason = f"{_show(base)}: the tokenizer is not known ({guess.by}) and the log prints no validation tokens"
    findings: tuple[Finding, ...] = ()
    if explanations:
        best = explanations[0]
        reason += f"; the value is the one of: {best.what} ({best.source})"
        findings = (_finding("fingerprint", Severity.WARNING, Confidence.LIKELY, reason, path, reading.line),)
    return replace(base, reason=reason, explanations=explanations, findings=findings)


def _unit_mismatch(reading: Reading, guess: TokenizerGuess, path: str) -> Finding | None:
    """Nats per byte printed as loss per token, or one number printed under both names."""
    value, interval = reading.bytes_per_token, reading.bytes_per_token_interval
    if value is None or interval is None or any(f.byte_source == "byte_level" for f in guess.candidates):
        return None
    same = 1 / LN2
    if interval[0] * 0.9999 <= same <= interval[1] * 1.0001:
        what = "val_loss and val_bpb are the same number: one of the two has the wrong unit"
    elif guess.candidates and interval[0] * 0.9995 <= 1.0 <= interval[1] * 1.0005:
        what = "val_loss is in nats per byte, not per token (val_bpb = val_loss / ln 2)"
    else:
        return None
    return _finding("unit-mismatch", Severity.WARNING, Confidence.PROVED, what, path, reading.line)


# --- which deviation ------------------------------------------------------------------------------------------------


def explain(bytes_per_token: float, tokenizer: str, profile: Profile) -> tuple[Explanation, ...]:
    """Deviations whose bytes per token fit within `EXPLAINS_WITHIN`, nearest first; all tokenizers when none is named."""
    found: list[Explanation] = []
    for seen in profile.validation.known_deviations:
        off = bytes_per_token / seen.bytes_per_token - 1
        if abs(off) <= EXPLAINS_WITHIN and tokenizer in ("", seen.tokenizer):
            what = f"{seen.what} on {seen.tokenizer} ({seen.family})"
            found.append(Explanation(what, seen.deviations, seen.bytes_per_token, off, seen.source))
    for facts in profile.validation.tokenizers:
        if tokenizer in ("", facts.key):
            found += _computed(bytes_per_token, facts)
    unique = {(e.deviations or (e.what,)): e for e in sorted(found, key=lambda e: -abs(e.off))}
    return tuple(sorted(unique.values(), key=lambda e: (abs(e.off) > 0.0003, abs(e.off))))[:5]


def _computed(bytes_per_token: float, facts: TokenizerFacts) -> list[Explanation]:
    """Every combination of the counted deviations: doubled space, byte tokens of 3 or 6, counted `<s>`, the marker."""
    spaces, single, controls = facts.leading_space_targets, facts.byte_targets, facts.control_targets
    tokens = (facts.stored_tokens or 1) - 1
    if not (spaces and single and controls and tokens > 0):
        return []
    canonical = facts.bytes_per_token * tokens
    found: list[Explanation] = []
    for space, size, control in product((0, 1, 2), (1, 3, 6), (0, 3)):
        if (space, size, control) == (0, 1, 0):
            continue
        expected = (canonical + space * spaces + (size - 1) * single + control * controls) / tokens
        off = bytes_per_token / expected - 1
        if abs(off) > EXPLAINS_WITHIN:
            continue
        parts: list[str] = []
        names: list[str] = []
        if space:
            parts.append(
                "the leading space counted twice" if space == 1 else "the marker `▁` counted as its 3 bytes"
            )
            names.append(
                DeviationName.LEADING_SPACE_PLUS_ONE if space == 1 else DeviationName.MARKER_NOT_RECOGNISED
            )
        if size > 1:
            parts.append(f"byte tokens sized {size}")
            names.append(DeviationName.BYTE_TOKEN_WRONG_SIZE)
        if control:
            parts.append("`<s>` counted as 3 bytes")
            names.append(DeviationName.BOUNDARY_BYTES_COUNTED)
        what = f"{', '.join(parts)} on {facts.key}"
        found.append(
            Explanation(what, (*names, str(size)) if size == 3 else tuple(names), expected, off, "computed")
        )
    return found


# --- stages ---------------------------------------------------------------------------------------------------------


def _with_stages(
    result: LogFingerprint,
    main: Reading,
    judged: list[Reading],
    guess: TokenizerGuess,
    profile: Profile,
    path: str,
) -> LogFingerprint:
    """Every judged pair next to the constant; disagreement between the stages of one log."""
    split = profile.validation
    constants = (result.canonical_bytes_per_token,) if result.canonical_bytes_per_token else ()
    pairs: list[PairFingerprint] = []
    for reading in judged:
        value, interval = reading.bytes_per_token, reading.bytes_per_token_interval
        if value is None or interval is None:
            continue
        if _in_other_unit(value) and not _in_other_unit(result.bytes_per_token or 0):
            continue
        status, ratio = FingerprintStatus.UNKNOWN, None
        if constants:
            constant, off = _off(*interval, constants)
            status = FingerprintStatus.MATCHES if off <= split.fail_fraction else FingerprintStatus.DEVIATES
            ratio = value / constant
        pairs.append(
            PairFingerprint(reading.line, reading.label, reading.kind, value, *interval, status, ratio)
        )
    if not pairs:
        return result
    lowest = min(pairs, key=lambda p: p.high)
    highest = max(pairs, key=lambda p: p.low)
    result = replace(
        result, pairs=_bounded(pairs), stage_range=(lowest.bytes_per_token, highest.bytes_per_token)
    )
    spread = highest.low / lowest.high - 1
    if spread <= split.fail_fraction:
        return result
    message = (
        f"implied bytes per token change within the log: {lowest.bytes_per_token:.4f} at line {lowest.line}"
        f" ({lowest.label[:60]}), {highest.bytes_per_token:.4f} at line {highest.line} ({highest.label[:60]})"
    )
    severity = Severity.WARNING
    results = [p for p in pairs if p.kind not in (ReadingKind.STEP, ReadingKind.PROGRESS)]
    if results and max(p.low for p in results) / min(p.high for p in results) - 1 <= split.fail_fraction:
        # What watches training may score a part of the split on purpose; no claim rests on it.
        severity = Severity.NOTE
        message += "; only evaluations during training differ, the results after it agree with each other"
    finding = _finding("log-stages-disagree", severity, Confidence.PROVED, message, path, main.line)
    wrong = [p for p in pairs if p.status == FingerprintStatus.DEVIATES and p.kind == ReadingKind.STEP]
    near = result.status == FingerprintStatus.MATCHES and any(
        f.rule == "fingerprint" for f in result.findings
    )
    if near and len(wrong) >= 2:
        # The score alone is within the bound but not equal, and what guided training is outside of it: the evaluation
        # scores changing parts of the split. A score that equals the constant is not touched by how training was watched.
        finding = _finding("log-stages-disagree", Severity.ERROR, Confidence.PROVED, message, path, main.line)
        result = replace(result, status=FingerprintStatus.DEVIATES, reason=message, corrected_bpb=None)
    return replace(result, findings=(*result.findings, finding))


def _in_other_unit(value: float) -> bool:
    """Whether a pair is one number in nats and in bits per byte, or twice the same number."""
    return abs(value - 1) < 1e-3 or abs(value * LN2 - 1) < 1e-3


def _bounded(pairs: list[PairFingerprint], limit: int = 200) -> tuple[PairFingerprint, ...]:
    return tuple(pairs if len(pairs) <= limit else [*pairs[: limit // 2], *pairs[-limit // 2 :]])


def _show(result: LogFingerprint) -> str:
    assert result.interval is not None  # noqa: S101
    width = (result.interval[1] - result.interval[0]) / 2
    value = f"{result.bytes_per_token:.4f}"
    return f"{value} ± {width:.4f} bytes per token" if width >= 0.00005 else f"{value} bytes per token"


def _finding(
    rule: str, severity: Severity, confidence: Confidence, message: str, path: str, line: int
) -> Finding:
    return Finding(rule, severity, confidence, message, path, line)
