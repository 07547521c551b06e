"""A short token stream that puts every pair of token classes of a vocabulary next to each other."""

from __future__ import annotations

from functools import lru_cache

from pgolf.core.tokenizer import BOUNDARY_KINDS, MARKER, PieceKind, Vocabulary

STREAM_TOKENS = 132
"""Stored tokens: 131 scored targets, not a multiple of any small window, so that a dropped tail shows."""


_ODDS = {
    "boundary": {"boundary": 2, "byte": 3, "plain": 4, "space": 11},
    "byte": {"boundary": 5, "byte": 2, "plain": 8, "space": 5},
    "plain": {"boundary": 8, "byte": 4, "plain": 2, "space": 6},
    "space": {"boundary": 1, "byte": 6, "plain": 10, "space": 3},
}
"""Odds of the next token's class by the last one's."""


def class_of(vocabulary: Vocabulary, token: int) -> str:
    """The class that decides a token's bytes in context: boundary, byte, space or plain."""
    piece = vocabulary.pieces[token]
    if piece.kind in BOUNDARY_KINDS:
        return "boundary"
    if piece.kind is PieceKind.BYTE:
        return "byte"
    return "space" if piece.text.startswith(MARKER) else "plain"


@lru_cache(maxsize=64)
def probe_stream(vocabulary: Vocabulary, length: int = STREAM_TOKENS) -> tuple[int, ...]:
    """`length` token ids, deterministic, in which all ordered pairs of classes occur, early and late, with
    as many different tokens as fit."""
    by_class: dict[str, list[int]] = {}
    for token in range(len(vocabulary)):
        by_class.setdefault(class_of(vocabulary, token), []).append(token)
    names = sorted(by_class)
    # First a cycle through all ordered pairs of classes, then a walk with lopsided odds: were the pairs balanced,
    # swapping predecessor and target would leave the total as it is.
    order = [name for i, a in enumerate(names) for name in (a, *(n for b in names[i + 1 :] for n in (a, b)))]
    state = 12345
    while len(order) < length:
        state = (state * 1103515245 + 12345) % 2**31
        odds = [(name, _ODDS[order[-1]][name]) for name in names]
        pick = (state >> 8) % sum(weight for _, weight in odds)
        for name, weight in odds:
            pick -= weight
            if pick < 0:
                order.append(name)
                break
    used = dict.fromkeys(names, 0)
    stream: list[int] = []
    for name in order[:length]:
        pool = by_class[name]
        # A stride through the pool spreads the choice over different tokens.
        stream.append(pool[(used[name] * 7 + used[name] // len(pool)) % len(pool)])
        used[name] += 1
    special = next((t for t in by_class.get("boundary", ()) if vocabulary.pieces[t].text == "<s>"), None)
    if special is not None:
        stream[0] = special
    return tuple(stream)
