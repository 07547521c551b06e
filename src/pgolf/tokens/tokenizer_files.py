"""Tokenizer files of three kinds read by our own bounded readers: what each id is, and the byte tables that follow.

| kind            | file                                 | bytes of a token                                         |
|-----------------|--------------------------------------|----------------------------------------------------------|
| `sentencepiece` | a `ModelProto`                       | the canonical rule                                       |
| `huggingface`   | `tokenizer.json` (tokenizers)        | byte-level: its own bytes; with `▁`: the canonical rule  |
| `tiktoken`      | lines of `base64-token rank`         | the token's bytes                                        |

Nothing of a file is executed and no tokenizer library is imported here; encoding text is `pgolf.tokens.encoding`'s.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.tokenizer import MARKER, Piece, PieceKind, Vocabulary
from pgolf.errors import DataError
from pgolf.tokens.sentencepiece_model import SentencePieceModel, parse_model, read_bounded

MAX_TOKENIZER_BYTES = 128 << 20
MAX_TOKENS = 1 << 20
SENTENCEPIECE, HUGGINGFACE, TIKTOKEN = "sentencepiece", "huggingface", "tiktoken"


@dataclass(frozen=True, slots=True)
class TokenizerFile:
    """What a tokenizer file says of itself.

    `labels` holds a readable text per id ("" for an id that no token has). `byte_level` tokens are byte strings: no
    `▁`, no fallback needed. `single_bytes` counts the byte values that have a token of their own. `bos_id` is -1 where
    documents are not begun by a token.
    """

    kind: str
    path: str
    sha256: str
    tables: LookupTables
    labels: tuple[str, ...]
    byte_level: bool
    has_marker_piece: bool
    single_bytes: int
    unknown_ids: frozenset[int]
    bos_id: int = -1
    normaliser: str = ""
    dummy_prefix: bool = False
    unused_pieces: int = 0

    def __len__(self) -> int:
        return len(self.tables)


def read_tokenizer(path: Path) -> TokenizerFile:
    """Read the tokenizer file at `path`, whichever of the three kinds it is. Raises DataError otherwise."""
    return parse_tokenizer(read_bounded(path, MAX_TOKENIZER_BYTES, "tokenizer"), str(path))


def parse_tokenizer(data: bytes, name: str) -> TokenizerFile:
    """The same of a tokenizer's bytes; `name` stands in messages and as its path. Raises DataError."""
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return _huggingface(data, name)
    if _looks_like_ranks(data):
        return _tiktoken(data, name)
    return _sentencepiece(parse_model(data, name), name)


def _sentencepiece(model: SentencePieceModel, path: str) -> TokenizerFile:
    vocabulary = model.vocabulary
    changes = [model.normalizer] if model.normalizer and model.normalizer != "identity" else []
    changes += ["a character map of its own"] if model.charsmap_bytes and not changes else []
    changes += ["runs of spaces become one"] if model.remove_extra_whitespaces else []
    return TokenizerFile(
        SENTENCEPIECE,
        path,
        vocabulary.sha256,
        canonical_tables(vocabulary),
        tuple(piece.text for piece in vocabulary.pieces),
        byte_level=False,
        has_marker_piece=_has_marker(vocabulary),
        single_bytes=_byte_pieces(vocabulary),
        unknown_ids=frozenset(i for i, p in enumerate(vocabulary.pieces) if p.kind is PieceKind.UNKNOWN),
        bos_id=vocabulary.bos_id,
        normaliser=", ".join(changes),
        dummy_prefix=model.add_dummy_prefix,
        unused_pieces=sum(piece.kind is PieceKind.UNUSED for piece in vocabulary.pieces),
    )


def _has_marker(vocabulary: Vocabulary) -> bool:
    usable = (PieceKind.NORMAL, PieceKind.USER_DEFINED)
    return any(piece.text == MARKER and piece.kind in usable for piece in vocabulary.pieces)


def _byte_pieces(vocabulary: Vocabulary) -> int:
    return len({piece.text for piece in vocabulary.pieces if piece.kind is PieceKind.BYTE})


# --- tiktoken -------------------------------------------------------------------------------------------------------


def _looks_like_ranks(data: bytes) -> bool:
    first = data[:4096].split(b"\n", 1)[0].split()
    return len(first) == 2 and first[1].isdigit() and _unbase64(first[0]) is not None


def _unbase64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def read_ranks(data: bytes, name: str) -> dict[bytes, int]:
    """Tokens and ranks of a tiktoken file. Raises DataError naming the line."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        parts = line.split()
        token = _unbase64(parts[0]) if len(parts) == 2 else None
        if token is None or not parts[1].isdigit() or len(parts[1]) > 9:
            raise DataError(f"{name}: line {number}: not a base64 token and a rank: {line[:60]!r}")
        if int(parts[1]) >= MAX_TOKENS:
            raise DataError(f"{name}: line {number}: rank {int(parts[1])}, expected below {MAX_TOKENS}")
        if token in ranks:
            raise DataError(f"{name}: line {number}: token {token[:20]!r} for the second time")
        ranks[token] = int(parts[1])
    return ranks


def _tiktoken(data: bytes, path: str) -> TokenizerFile:
    ranks = read_ranks(data, path)
    size = max(ranks.values()) + 1
    tokens: list[bytes | None] = [None] * size
    for token, rank in ranks.items():
        tokens[rank] = token
    return TokenizerFile(
        TIKTOKEN,
        path,
        hashlib.sha256(data).hexdigest(),
        _byte_tables(tokens),
        tuple("" if token is None else token.decode("utf-8", "backslashreplace") for token in tokens),
        byte_level=True,
        has_marker_piece=False,
        single_bytes=sum(len(token) == 1 for token in ranks),
        unknown_ids=frozenset(),
    )


def _byte_tables(tokens: list[bytes | None]) -> LookupTables:
    """Tables of byte-string tokens; None (a hole or a special token) is a boundary."""
    return LookupTables(
        tuple(0 if token is None else len(token) for token in tokens),
        (False,) * len(tokens),
        tuple(token is None for token in tokens),
    )


# --- tokenizer.json -------------------------------------------------------------------------------------------------


def _huggingface(data: bytes, path: str) -> TokenizerFile:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON: {error!s:.200}") from error
    model = document.get("model") if isinstance(document, dict) else None
    if not isinstance(model, dict) or "vocab" not in model:
        raise DataError(f"{path}: no `model` with a `vocab`; not a tokenizer.json")
    texts = _vocab(model["vocab"], path)
    special = dict(_added_tokens(document.get("added_tokens"), path))
    size = 1 + max([*texts, *special], default=-1)
    if size == 0:
        raise DataError(f"{path}: the vocabulary is empty")
    kinds = {step.get("type") for step in _steps(document.get("pre_tokenizer"), document.get("decoder"))}
    unknown = {i for i, text in texts.items() if text == model.get("unk_token")}
    if isinstance(model.get("unk_id"), int):
        unknown.add(model["unk_id"])
    pieces = []
    for token in range(size):
        text, is_special = special.get(token, (texts.get(token), None))
        pieces.append(_piece(text, is_special, token in unknown, bool(model.get("byte_fallback"))))
    vocabulary = Vocabulary(tuple(pieces), name=Path(path).name)
    byte_level = "ByteLevel" in kinds
    strings = [_byte_string(piece) for piece in pieces]
    steps = [str(step.get("type"))[:40] for step in _steps(document.get("normalizer"))]
    return TokenizerFile(
        HUGGINGFACE,
        path,
        hashlib.sha256(data).hexdigest(),
        _byte_tables(strings) if byte_level else canonical_tables(vocabulary),
        tuple(texts.get(i, special.get(i, ("", False))[0]) for i in range(size)),
        byte_level=byte_level,
        has_marker_piece=_has_marker(vocabulary),
        single_bytes=len({s for s in strings if s and len(s) == 1})
        if byte_level
        else _byte_pieces(vocabulary),
        unknown_ids=frozenset(unknown),
        normaliser=", ".join(steps),
        dummy_prefix=any(
            _adds_prefix(step) for step in _steps(document.get("normalizer"), document.get("pre_tokenizer"))
        ),
    )


def _adds_prefix(step: dict[str, Any]) -> bool:
    scheme = step.get("prepend_scheme", "always" if step.get("add_prefix_space") else "never")
    kind = step.get("type")
    return (
        kind == "Prepend"
        or (kind == "Metaspace" and scheme != "never")
        or (kind == "ByteLevel" and step.get("add_prefix_space") is True)
    )


def _vocab(vocab: object, path: str) -> dict[int, str]:
    """Text by id, from a mapping (BPE, WordPiece, WordLevel) or a list of [piece, score] (Unigram)."""
    if isinstance(vocab, list):
        rows = [(row[0] if isinstance(row, list) and row else None, i) for i, row in enumerate(vocab)]
    elif isinstance(vocab, dict):
        rows = list(vocab.items())
    else:
        raise DataError(f"{path}: model.vocab is neither a list nor a mapping")
    out: dict[int, str] = {}
    for text, token in rows:
        if not isinstance(text, str) or not _is_id(token):
            raise DataError(
                f"{path}: model.vocab: {text!r:.60} has id {token!r:.40}, expected a text and an id below {MAX_TOKENS}"
            )
        out[token] = text
    return out


def _added_tokens(entries: object, path: str) -> Iterator[tuple[int, tuple[str, bool]]]:
    for entry in entries if isinstance(entries, list) else []:
        if (
            not isinstance(entry, dict)
            or not _is_id(entry.get("id"))
            or not isinstance(entry.get("content"), str)
        ):
            raise DataError(f"{path}: added_tokens: {entry!r:.80} has no usable id and content")
        yield entry["id"], (entry["content"], entry.get("special") is True)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_TOKENS


def _steps(*roots: object) -> Iterator[dict[str, Any]]:
    """The steps of normalizers, pre-tokenizers and decoders, sequences opened (to a fixed depth)."""
    level: list[object] = list(roots)
    for _ in range(8):
        deeper: list[object] = []
        for step in level:
            if isinstance(step, dict):
                yield step
                for key in ("normalizers", "pretokenizers", "decoders"):
                    if isinstance(step.get(key), list):
                        deeper += step[key]
        level = deeper


def _piece(text: str | None, is_special: bool | None, is_unknown: bool, byte_fallback: bool) -> Piece:
    if text is None:
        return Piece("", PieceKind.UNUSED)
    if is_unknown:
        return Piece(text, PieceKind.UNKNOWN)
    if is_special is not None:
        return Piece(text, PieceKind.CONTROL if is_special else PieceKind.USER_DEFINED)
    if byte_fallback and len(text) == 6 and text.startswith("<0x") and text.endswith(">"):
        return Piece(text, PieceKind.BYTE)
    return Piece(text, PieceKind.NORMAL)


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for bytes, as the byte-level tokenizers use them."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in kept}
    others = [byte for byte in range(256) if byte not in set(kept)]
    return {**alphabet, **{chr(256 + index): byte for index, byte in enumerate(others)}}


_BYTE_OF = _byte_alphabet()


def _byte_string(piece: Piece) -> bytes | None:
    """The bytes of a byte-level token; None for special tokens and holes."""
    if piece.kind in (PieceKind.CONTROL, PieceKind.UNKNOWN, PieceKind.UNUSED):
        return None
    if piece.kind is PieceKind.USER_DEFINED or any(character not in _BYTE_OF for character in piece.text):
        return piece.text.encode("utf-8", "surrogatepass")
    return bytes(_BYTE_OF[character] for character in piece.text)
