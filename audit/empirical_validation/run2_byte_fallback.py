"""Run 2: what byte-fallback tokens cost when they are sized by their spelling, or decoded one by one."""

from __future__ import annotations

import re

from validation_run import Data, Figures, PlainLoop, known_split, run, ten

from pgolf.audit.inflation import Inflation, measure_inflation
from pgolf.core.luts import LookupTables
from pgolf.core.tokenizer import PieceKind
from pgolf.errors import DataError

TITLE = "Run 2: byte-fallback tokens sized by spelling"


def spelled(text: str) -> int:
    """Bytes of the spelling `<0xNN>`."""
    return len(text.encode())


def decoded_alone(text: str) -> int:
    """Bytes of what one byte decodes to by itself: an ASCII byte stays, another becomes U+FFFD."""
    if not re.fullmatch("<0x[0-9A-F]{2}>", text):
        raise DataError(f"byte piece {text!r:.40} is not spelled <0xNN>: its byte is not known")
    return len(bytes([int(text[3:5], 16)]).decode("utf-8", "replace").encode())


def measure(data: Data) -> Figures:
    """Occurrences of byte tokens as targets, and the exact ratio of each way to size them."""
    pieces = data.vocabulary.pieces
    counts = data.count()
    times = [
        n if piece.kind is PieceKind.BYTE else 0
        for n, piece in zip(counts.targets.tolist(), pieces, strict=True)
    ]
    canonical_bytes = int(counts.total_bytes(data.canonical))
    ways, agree, expected = {}, True, True
    for name, size in (("spelling", spelled), ("decoded_alone", decoded_alone)):
        base = tuple(
            size(piece.text) if piece.kind is PieceKind.BYTE else canonical
            for piece, canonical in zip(pieces, data.canonical.base_bytes, strict=True)
        )
        tables = LookupTables(base, data.canonical.has_leading_space, data.canonical.is_boundary)
        inflation = measure_inflation(counts, data.canonical, tables)
        found = inflation.candidate_bytes if isinstance(inflation, Inflation) else None
        agree = agree and found == PlainLoop.of(tables).total(data)
        more = sum(n * (size(piece.text) - 1) for n, piece in zip(times, pieces, strict=True) if n)
        expected = expected and found == canonical_bytes + more
        ways[name] = {
            "candidate_bytes": found,
            "more_bytes": more,
            "ratio": ten(inflation.ratio) if isinstance(inflation, Inflation) else None,
        }
    validation, facts = known_split()
    byte_targets = facts.byte_targets or 0
    more = byte_targets * (spelled("<0x00>") - 1)
    return {
        "byte_pieces": sum(piece.kind is PieceKind.BYTE for piece in pieces),
        "byte_targets": sum(times),
        "share_of_targets": ten(sum(times) / max(1, counts.scored_tokens)),
        "canonical_bytes": canonical_bytes,
        "ways": ways,
        "known_split": {
            "tokenizer": facts.key,
            "byte_targets": byte_targets,
            "more_bytes": more,
            "ratio": ten(1 + more / validation.bytes),
        },
        "checks": {
            "pgolf and the plain loop count the same bytes": agree,
            "the difference is what the tokens' sizes add, occurrence by occurrence": expected,
        },
    }


def summarise(figures: Figures) -> list[str]:
    """The figures as text."""
    known = figures["known_split"]
    lines = [
        f"byte pieces of the vocabulary    {figures['byte_pieces']:,}",
        f"scored targets among them        {figures['byte_targets']:,} ({figures['share_of_targets']} of all)",
        f"canonical bytes, one each        {figures['canonical_bytes']:,}",
        "",
        f"{'sized by':<24}{'bytes':>14}{'more':>12}{'ratio':>15}",
    ]
    for name, way in figures["ways"].items():
        lines.append(
            f"{name:<24}{way['candidate_bytes']:>14,}{way['more_bytes']:>12,}{way['ratio'] or '-':>15}"
        )
    lines += [
        "",
        f"on the full {known['tokenizer']} split, from the profile: {known['byte_targets']:,} byte targets, "
        f"{known['more_bytes']:,} bytes more by spelling, ratio {known['ratio']}",
    ]
    return lines


if __name__ == "__main__":
    raise SystemExit(run("run2_byte_fallback", TITLE, measure, summarise))
