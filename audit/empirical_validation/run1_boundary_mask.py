"""Run 1: how often the boundary mask does anything, and what the three scoring modes give."""

from __future__ import annotations

import json

from validation_run import EXAMPLES, Data, Figures, PlainLoop, run, ten

from pgolf.audit.inflation import plus_one
from pgolf.core.tokenizer import BOUNDARY_KINDS, MARKER, PieceKind
from pgolf.tokens.windows import ScoringMode

TITLE = "Run 1: boundary mask and scoring modes"


def measure(data: Data) -> Figures:
    """Predecessors that are boundaries, targets with a leading space among them, bytes in each mode."""
    plain = PlainLoop.of(data.canonical)
    pairs = boundaries = masked = 0
    for x, y in data.pairs():
        before = plain.boundary[x]
        pairs += len(y)
        boundaries += int(before.sum())
        masked += int((before & plain.space[y]).sum())
    modes: dict[str, Figures] = {}
    agree = True
    for mode in ScoringMode:
        counts = data.count(mode=mode)
        figures = plus_one(counts, data.canonical)
        agree = agree and figures.canonical_bytes == plain.total(data, masked=mode.masked)
        modes[mode.value] = {
            "scored_tokens": counts.scored_tokens,
            "num_windows": counts.num_windows,
            "canonical_bytes": figures.canonical_bytes,
            "bytes_per_token": ten(figures.canonical_bytes / max(1, counts.scored_tokens)),
            "plus_one_ratio": None if figures.ratio is None else ten(figures.ratio),
        }
    no_mask = modes[ScoringMode.ALL_TOKENS_NO_MASK.value]["canonical_bytes"]
    with_mask = modes[ScoringMode.ALL_TOKENS.value]["canonical_bytes"]
    checks = {
        "pgolf and the plain loop count the same bytes in every mode": agree,
        "without the mask there is one byte more for each masked space": no_mask - with_mask == masked,
    }
    text = _text(data)
    if text is not None:
        checks["canonical bytes = bytes of the text + 2 for each marker inside a piece"] = (
            with_mask == text["text_bytes"] + text["markers_inside_pieces_bytes"]
        )
    kinds = {
        kind.name.lower(): sum(piece.kind is kind for piece in data.vocabulary.pieces)
        for kind in sorted(BOUNDARY_KINDS)
    }
    return {
        "predecessors": pairs,
        "boundary_predecessors": boundaries,
        "followed_by_leading_space": masked,
        "boundary_pieces": kinds,
        "modes": modes,
        "text": text,
        "checks": checks,
    }


def _text(data: Data) -> dict[str, int] | None:
    """Bytes of the documents themselves; known for the shipped data only. A marker that is not the first of its piece is
    a space of one byte that the rule counts as three."""
    if not data.shipped:
        return None
    lines = (EXAMPLES / "documents.jsonl").read_text("utf-8").splitlines()
    inside = [
        2 * piece.text[1:].count(MARKER) if piece.kind in (PieceKind.NORMAL, PieceKind.USER_DEFINED) else 0
        for piece in data.vocabulary.pieces
    ]
    return {
        "text_bytes": sum(len(json.loads(line)["text"].encode()) for line in lines),
        "markers_inside_pieces_bytes": sum(inside[token] for _, y in data.pairs() for token in y.tolist()),
    }


def summarise(figures: Figures) -> list[str]:
    """The figures as text."""
    kinds = ", ".join(f"{n} {kind}" for kind, n in figures["boundary_pieces"].items())
    lines = [
        f"boundary pieces of the vocabulary       {kinds}",
        f"predecessors                            {figures['predecessors']:,}",
        f"  that are boundaries                   {figures['boundary_predecessors']:,}",
        f"    followed by a leading-space piece   {figures['followed_by_leading_space']:,}",
        "",
        f"{'mode':<34}{'scored':>12}{'windows':>9}{'bytes':>13}{'bytes per token':>17}{'+1 ratio':>14}",
    ]
    for mode, row in figures["modes"].items():
        lines.append(
            f"{mode:<34}{row['scored_tokens']:>12,}{row['num_windows']:>9,}{row['canonical_bytes']:>13,}"
            f"{row['bytes_per_token']:>17}{row['plus_one_ratio'] or '-':>14}"
        )
    if figures["text"]:
        lines += [
            "",
            f"bytes of the documents                  {figures['text']['text_bytes']:,}",
            f"two more per marker inside a piece      {figures['text']['markers_inside_pieces_bytes']:,}",
        ]
    return lines


if __name__ == "__main__":
    raise SystemExit(run("run1_boundary_mask", TITLE, measure, summarise))
