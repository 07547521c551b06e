"""Audit of a tokenizer on real text: do the bytes that the rule counts agree with the bytes that are there?

Four numbers, for the same documents: their raw UTF-8 bytes; those of what `decode(encode(document))` gives back; those
that the byte rule counts on the stream of ids; and those that sizing each token by `decode([id])` would count. A round trip
agrees with itself even where a space became three byte tokens, so the raw bytes are the judge.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

from pgolf.audit.compare import readable
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.luts import pair_bytes
from pgolf.core.profile import load_profile
from pgolf.core.tokenizer import MARKER
from pgolf.core.tokenizer_report import TextCounts, TokenizerReport, WorstToken
from pgolf.core.verdict import Verdict
from pgolf.tokens.encoding import EncodedText, encode_documents, read_documents
from pgolf.tokens.tokenizer_files import TokenizerFile, read_tokenizer

WORST = 8


def audit_tokenizer(path: Path, text: Path | None = None, field: str = "text") -> TokenizerReport:
    """Audit the tokenizer file at `path` on the documents of `text`; without text its structure only, UNVERIFIED.

    Raises DataError for broken input, LimitTripped when encoding takes too long.
    """
    tokenizer = read_tokenizer(path)
    findings = structure_findings(tokenizer)
    verdict, counts = Verdict.UNVERIFIED, None
    if text is not None:
        documents, truncated = read_documents(text, field)
        counts = _count(tokenizer, documents, encode_documents(tokenizer, documents), truncated)
        findings += _measured(tokenizer, counts)
        verdict = Verdict.FLAGGED if any(finding.flags for finding in findings) else Verdict.VERIFIED
    return TokenizerReport(
        tokenizer=tokenizer.path,
        tokenizer_sha256=tokenizer.sha256,
        verdict=verdict,
        format=tokenizer.kind,
        vocab_size=len(tokenizer),
        byte_level=tokenizer.byte_level,
        has_marker_piece=tokenizer.has_marker_piece,
        single_byte_tokens=tokenizer.single_bytes,
        unused_pieces=tokenizer.unused_pieces,
        bos_id=tokenizer.bos_id,
        dummy_prefix=tokenizer.dummy_prefix,
        normaliser=tokenizer.normaliser,
        findings=tuple(findings),
        text=None if text is None else str(text),
        counts=counts,
    )


def _finding(tokenizer: TokenizerFile, rule: str, severity: Severity, message: str) -> Finding:
    return Finding(rule, severity, Confidence.PROVED, message, tokenizer.path)


def structure_findings(tokenizer: TokenizerFile) -> list[Finding]:
    """What the file alone tells: marker piece, byte fallback, dummy prefix, normaliser."""
    found = []
    if not tokenizer.byte_level and not tokenizer.has_marker_piece:
        message = (
            f"no usable piece is `{MARKER}` alone: a space that no longer piece takes becomes unknown, or three byte tokens "
            "that the rule counts as three bytes"
        )
        found.append(_finding(tokenizer, "bytes-space-shattered", Severity.WARNING, message))
    if tokenizer.single_bytes < 256:
        lacks = (
            "no byte value has"
            if not tokenizer.single_bytes
            else f"{256 - tokenizer.single_bytes} of 256 byte values lack"
        )
        message = (
            f"no complete byte fallback: {lacks} a token of their own; text that no other piece covers becomes unknown or is "
            "lost, and unknown tokens count no bytes"
        )
        found.append(_finding(tokenizer, "tokenizer-no-byte-fallback", Severity.WARNING, message))
    if tokenizer.dummy_prefix:
        message = "a space is put before every document; the rule does not count it after a boundary token, and only there"
        found.append(_finding(tokenizer, "tokenizer-dummy-prefix", Severity.NOTE, message))
    if tokenizer.normaliser:
        message = (
            f"text is changed before it is split ({tokenizer.normaliser}); what that drops is in no count"
        )
        found.append(_finding(tokenizer, "tokenizer-normalises", Severity.NOTE, message))
    return found


def _measured(tokenizer: TokenizerFile, counts: TextCounts) -> list[Finding]:
    validation = load_profile().validation
    found = []
    share = counts.share(counts.rule_bytes)
    if abs(share) > validation.warn_fraction:
        rule = "tokenizer-rule-differs-from-text"
        shattered = share > 0 and not tokenizer.byte_level and not tokenizer.has_marker_piece
        if shattered:
            rule = "bytes-space-shattered"
        agrees = ", although decode agrees with the rule" if counts.decoded_bytes == counts.rule_bytes else ""
        message = (
            f"the rule counts {counts.rule_bytes:,} bytes for {counts.raw_bytes:,} bytes of text: {100 * share:+.2f} %"
            f"{agrees}; a result reported with it is {'too low' if share > 0 else 'too high'} by that share"
        )
        severity = Severity.ERROR if abs(share) > validation.fail_fraction else Severity.WARNING
        found.append(_finding(tokenizer, rule, severity, message))
    if counts.unknown_tokens:
        message = (
            f"{counts.unknown_tokens:,} of {counts.tokens:,} tokens are unknown: the text they stand for is lost and "
            "counts no bytes"
        )
        found.append(_finding(tokenizer, "tokenizer-unknown-tokens", Severity.WARNING, message))
    dropped = counts.raw_bytes - counts.normalised_bytes
    if counts.normalised_bytes >= 0 and counts.documents_changed and dropped:
        message = (
            f"normalisation changes the text: {counts.normalised_bytes:,} bytes of {counts.raw_bytes:,} are left "
            f"({-100 * dropped / counts.raw_bytes:+.3f} %); {counts.documents_changed} of {counts.documents} documents do not "
            "come back as they were"
        )
        lossy = abs(dropped) > validation.warn_fraction * counts.raw_bytes
        found.append(
            _finding(
                tokenizer,
                "tokenizer-lossy-normalisation",
                Severity.WARNING if lossy else Severity.NOTE,
                message,
            )
        )
    elif counts.documents_changed:
        message = f"{counts.documents_changed} of {counts.documents} documents do not come back from decode as they were"
        found.append(_finding(tokenizer, "tokenizer-lossy-decode", Severity.NOTE, message))
    if counts.alone_bytes != counts.rule_bytes:
        message = (
            f"sized by `decode([id])` the same tokens would count {counts.alone_bytes:,} bytes, "
            f"{100 * counts.share(counts.alone_bytes):+.2f} % against the text: by itself, part of a character decodes to "
            "U+FFFD (three bytes) and a special token to its name"
        )
        found.append(_finding(tokenizer, "bytes-fallback-size", Severity.NOTE, message))
    return found


def _count(
    tokenizer: TokenizerFile, documents: list[str], encoded: EncodedText, truncated: bool
) -> TextCounts:
    tables = tokenizer.tables
    rule_bytes = decoded = normalised = changed = 0
    counts: Counter[int] = Counter()
    stands_for: Counter[int] = Counter()
    ruled: Counter[int] = Counter()
    for document in encoded.documents:
        ids = document.ids
        counts.update(ids)
        # The stream is `<s>`, then the document; without a `<s>` its first token follows a boundary all the same.
        of_ids: list[int | float] = [tables.base_bytes[ids[0]]] if ids else []
        of_ids += [pair_bytes(tables, x, y) for x, y in pairwise(ids)]
        if ids and tokenizer.bos_id >= 0:
            of_ids[0] = pair_bytes(tables, tokenizer.bos_id, ids[0])
        rule_bytes += int(sum(of_ids))
        for token, size, covered in zip(ids, of_ids, _spread(of_ids, document.surfaces), strict=False):
            ruled[token] += int(size)
            stands_for[token] += covered
        decoded += document.decoded_bytes
        normalised += document.normalised_bytes
        changed += not document.agrees
    prefixed = len(documents) if tokenizer.dummy_prefix else 0
    alone: Counter[int] = Counter()
    table: Counter[int] = Counter()
    for token, count in counts.items():
        base, by_itself = int(tables.base_bytes[token]), encoded.alone_bytes[token]
        # Whether decode keeps the space of a lone token depends on the model; the loop counts it either way.
        if not (tables.has_leading_space[token] and by_itself in (base, base + 1)):
            alone[token], table[token] = count * by_itself, count * base
    return TextCounts(
        documents=len(documents),
        tokens=sum(counts.values()),
        raw_bytes=sum(len(document.encode()) for document in documents),
        decoded_bytes=decoded,
        normalised_bytes=normalised - prefixed,
        rule_bytes=rule_bytes,
        alone_bytes=rule_bytes + sum(alone.values()) - sum(table.values()),
        unknown_tokens=sum(counts[token] for token in tokenizer.unknown_ids),
        documents_changed=changed,
        truncated=truncated,
        worst_by_rule=_worst(tokenizer, counts, ruled, stands_for),
        worst_alone=_worst(tokenizer, counts, alone, table),
    )


def _spread(sizes: list[int | float], surfaces: tuple[int, ...]) -> list[int]:
    """Bytes of text that each token stands for, from what the library says each one covers.

    Of a character in several byte tokens it says that the last one covers all: give each of the run its counted bytes, from
    the last backwards, and what is left to the last.
    """
    out = list(surfaces)
    start = 0
    for index, covered in enumerate(surfaces):
        if not covered:
            continue
        left = covered
        for place in range(index, start - 1, -1):
            out[place] = min(left, int(sizes[place]))
            left -= out[place]
        out[index] += left
        start = index + 1
    return out


def _worst(
    tokenizer: TokenizerFile, counts: Counter[int], counted: Counter[int], covered: Counter[int]
) -> tuple[WorstToken, ...]:
    rows = [
        WorstToken(token, readable(tokenizer.labels[token]), counts[token], size, covered[token])
        for token, size in counted.items()
        if size != covered[token]
    ]
    return tuple(sorted(rows, key=lambda row: (-abs(row.surplus_bytes), row.token))[:WORST])
