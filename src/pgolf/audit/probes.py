"""Tiny vocabularies built to tell hypotheses about a table builder apart, for when no tokenizer is given.

Every token class that the byte rule distinguishes is there, and for every deviation of `DeviationName` at least one
piece on which it shows, alone and together with any others. The same classes come back under other ids, without byte
fallback and without unused pieces, so that a builder which hard-codes ids (`if id < 3`, bytes at 3 to 258) differs
somewhere unless it is right. Pieces that no trained model is likely to hold (a normal piece spelled like a byte token,
an empty piece, 300 bytes in one piece) are kept apart in the last vocabulary: a builder that differs on nothing else
differs in theory only.
"""

from __future__ import annotations

from functools import lru_cache

from pgolf.core.tokenizer import MARKER as M
from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary

EXOTIC = "probe-exotic"
"""Name of the vocabulary whose pieces no trained model is likely to hold."""

_N, _UNK, _CTL = PieceKind.NORMAL, PieceKind.UNKNOWN, PieceKind.CONTROL
_USER, _UNUSED, _BYTE = PieceKind.USER_DEFINED, PieceKind.UNUSED, PieceKind.BYTE

_CLASSES = (
    ("<unk>", _UNK), ("<s>", _CTL), ("</s>", _CTL), ("<pad>", _CTL), ("<0x00>", _BYTE), ("<0x41>", _BYTE),
    ("<0xFF>", _BYTE), ("<user>", _USER), (f"{M}user", _USER), ("unused", _UNUSED), (f"{M}unused", _UNUSED),
    (M, _N), (M * 3, _N), (f"a{M}b", _N), (f"{M}a{M}", _N), (f"{M}{M}b", _N), (f"{M}the", _N), (f"{M}a", _N),
    ("ing", _N), ("e", _N), ("é", _N), ("日", _N), ("😀", _N), (f"{M}é日", _N), ("e\u0301", _N), ("?", _N), ("?!", _N),
    ("Ġx", _N), ("_x", _N), ("7", _N), (f"{M}42", _N), ("long" * 30, _N),
)  # fmt: skip
_PERMUTED = (
    (f"{M}of", _N), ("s", _N), ("<0x0A>", _BYTE), ("ü", _N), ("<0x7F>", _BYTE), ("<pad>", _CTL), (M, _N),
    ("</s>", _CTL), ("unused2", _UNUSED), ("<s>", _CTL), (f"{M}{M}", _N), ("<unk>", _UNK),
)  # fmt: skip
_NO_FALLBACK = (("<pad>", _CTL), ("<s>", _CTL), ("x", _N), ("<unk>", _UNK), (M, _N), (f"{M}on", _N))
_EXOTIC = (
    ("<unk>", _UNK), ("<s>", _N), ("<0x41>", _N), ("", _N), (" x", _N), (f"{M}ctl", _CTL), (f"x{M}", _N),
    ("wide" * 75, _N), (M, _N),
)  # fmt: skip


@lru_cache(maxsize=1)
def probe_vocabularies() -> tuple[Vocabulary, ...]:
    """The probes, the exotic one (name `EXOTIC`) last; 59 pieces in all.

    Evaluate a builder on each, with a table size equal to the vocabulary for some and larger for others, and hand all
    tables to `pgolf.audit.compare.compare_probes` together.
    """
    return (
        _vocabulary("probe-classes", _CLASSES),
        _vocabulary("probe-permuted", _PERMUTED),
        _vocabulary("probe-no-fallback", _NO_FALLBACK),
        _vocabulary(EXOTIC, _EXOTIC),
    )


def _vocabulary(name: str, rows: tuple[tuple[str, PieceKind], ...]) -> Vocabulary:
    pieces = tuple(
        Piece(text, kind, 0.0 if kind is not _N else -float(i)) for i, (text, kind) in enumerate(rows)
    )

    def find(text: str, kind: PieceKind) -> int:
        return next((i for i, piece in enumerate(pieces) if piece.text == text and piece.kind is kind), -1)

    return Vocabulary(
        pieces,
        name=name,
        unk_id=find("<unk>", _UNK),
        bos_id=find("<s>", _CTL),
        eos_id=find("</s>", _CTL),
        pad_id=find("<pad>", _CTL),
    )
