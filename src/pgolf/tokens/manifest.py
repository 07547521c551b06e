"""What a split of token shards is: files, tokens and hashes, and with its tokenizer the canonical bytes.

Two people who print the same manifest hold the same validation split. `tokens_sha256` hashes the little-endian uint16
ids of all shards in order without their headers, so the same stream cut into other shards has the same hash.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgolf.core.luts import canonical_tables
from pgolf.core.profile import Profile, TokenizerFacts, load_profile
from pgolf.core.tokenizer import BOUNDARY_KINDS, PieceKind, Vocabulary
from pgolf.errors import DataError
from pgolf.tokens.shard import HEADER_BYTES, TOKEN_BYTES, Shard
from pgolf.tokens.statistics import count_tokens
from pgolf.tokens.stream import TokenStream, open_stream
from pgolf.tokens.windows import Windows

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One file: its name (no folder), size, tokens, and the SHA-256 of the whole file."""

    name: str
    size_bytes: int
    tokens: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ScoredBytes:
    """Canonical figures of a split under its tokenizer, at the contest's windows.

    The `…_targets` count scored targets by class: with a leading `▁`, byte fallback, boundary tokens, and of the
    latter the document starts (`bos_id`).
    """

    tokenizer_sha256: str
    vocab_size: int
    seq_len: int
    stride: int
    num_windows: int
    scored_tokens: int
    canonical_bytes: int
    leading_space_targets: int
    byte_targets: int
    boundary_targets: int
    document_starts: int

    @property
    def bytes_per_token(self) -> float | None:
        """Canonical bytes per scored token; None where nothing is scored."""
        return self.canonical_bytes / self.scored_tokens if self.scored_tokens else None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A split. `scored` is None when no tokenizer was given; `known` says which known split it is, or why none."""

    files: tuple[ShardFile, ...]
    tokens: int
    tokens_sha256: str
    largest_id: int | None
    scored: ScoredBytes | None = None
    known: str = ""


def read_manifest(
    val_data: str, vocabulary: Vocabulary | None = None, profile: Profile | None = None
) -> Manifest:
    """The manifest of the shards that `val_data` (file, folder or glob) means.

    Raises UsageError when nothing matches, DataError for a broken shard or an id past the vocabulary.
    """
    profile = profile or load_profile()
    stream = open_stream(val_data)
    together = hashlib.sha256()
    read = [_read_file(shard, together) for shard in stream.shards]
    files = tuple(file for file, _ in read)
    largest = max((top for _, top in read if top is not None), default=None)
    scored = None
    known = ""
    if vocabulary is not None:
        scored = _scored(stream, vocabulary, Windows(profile.validation.seq_len, profile.validation.stride))
        known = _known(stream.stored_tokens, scored, profile)
    return Manifest(files, stream.stored_tokens, together.hexdigest(), largest, scored, known)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_file(shard: Shard, together: hashlib._Hash) -> tuple[ShardFile, int | None]:
    import numpy as np

    own = hashlib.sha256()
    largest: int | None = None
    try:
        with shard.path.open("rb") as stream:
            own.update(stream.read(HEADER_BYTES))
            left = TOKEN_BYTES * shard.tokens
            while left:
                data = stream.read(min(READ_BYTES, left))
                if not data or len(data) % TOKEN_BYTES:
                    raise DataError(f"shard {shard.path}: it became shorter while it was read")
                own.update(data)
                together.update(data)
                largest = max(largest or 0, int(np.frombuffer(data, dtype="<u2").max()))
                left -= len(data)
    except OSError as error:
        raise DataError(f"shard {shard.path}: cannot be read: {error.strerror}") from error
    size = HEADER_BYTES + TOKEN_BYTES * shard.tokens
    return ShardFile(shard.path.name, size, shard.tokens, own.hexdigest()), largest


def _scored(stream: TokenStream, vocabulary: Vocabulary, windows: Windows) -> ScoredBytes:
    canonical = canonical_tables(vocabulary)
    counts = count_tokens(stream, canonical, windows=windows)
    targets = counts.targets.tolist()

    def of(kinds: frozenset[PieceKind]) -> int:
        return sum(n for n, piece in zip(targets, vocabulary.pieces, strict=True) if piece.kind in kinds)

    bos = vocabulary.bos_id
    return ScoredBytes(
        vocabulary.sha256,
        len(vocabulary),
        windows.seq_len,
        windows.stride,
        counts.num_windows,
        counts.scored_tokens,
        int(counts.total_bytes(canonical)),
        counts.space_targets(canonical),
        of(frozenset({PieceKind.BYTE})),
        of(BOUNDARY_KINDS),
        targets[bos] if 0 <= bos < len(targets) else 0,
    )


def _known(stored: int, scored: ScoredBytes, profile: Profile) -> str:
    """A sentence: the known split this is, by tokens and bytes, or that it is none."""
    total = profile.validation.bytes
    for facts in profile.validation.tokenizers:
        if facts.stored_tokens == stored and facts.vocab_size == scored.vocab_size:
            if scored.canonical_bytes == total:
                return (
                    f"the full {facts.key} validation split: {stored:,} tokens and {total:,} canonical bytes"
                )
            return (
                f"NOT the {facts.key} validation split: as many tokens ({stored:,}), but {scored.canonical_bytes:,} "
                f"canonical bytes where it has {total:,}"
            )
    if scored.canonical_bytes == total:
        return f"{total:,} canonical bytes, as the full validation split has"
    return f"no known split: the full validation split has {total:,} canonical bytes"


def is_full_split(manifest: Manifest, facts: TokenizerFacts, profile: Profile) -> bool:
    """Whether tokens, vocabulary and canonical bytes are those of the split that `facts` describes."""
    scored = manifest.scored
    return (
        scored is not None
        and scored.vocab_size == facts.vocab_size
        and manifest.tokens == facts.stored_tokens
        and scored.canonical_bytes == profile.validation.bytes
    )


def manifest_document(manifest: Manifest) -> dict[str, Any]:
    """The manifest as a JSON object."""
    from dataclasses import asdict

    document = {
        "files": [asdict(file) for file in manifest.files],
        "size_bytes": sum(file.size_bytes for file in manifest.files),
        "tokens": manifest.tokens,
        "tokens_sha256": manifest.tokens_sha256,
        "largest_id": manifest.largest_id,
        "scored": None,
        "known": manifest.known,
    }
    if manifest.scored is not None:
        document["scored"] = {**asdict(manifest.scored), "bytes_per_token": manifest.scored.bytes_per_token}
    return document
