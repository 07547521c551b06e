"""A token stream: shards in order, read in pieces through one small buffer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pgolf.errors import DataError, UsageError
from pgolf.tokens.shard import HEADER_BYTES, TOKEN_BYTES, Shard, find_shards, read_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK_TOKENS = 1 << 16
"""Tokens per read: small enough that a chunk and its temporaries stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class TokenStream:
    """Checked shards read as one stream; `max_tokens` cuts it (None: all of it)."""

    shards: tuple[Shard, ...]
    max_tokens: int | None = None

    @property
    def stored_tokens(self) -> int:
        """Tokens of the stream after the cut."""
        total = sum(shard.tokens for shard in self.shards)
        return total if self.max_tokens is None else min(total, self.max_tokens)

    @property
    def truncated(self) -> bool:
        """Whether the cut left tokens out."""
        return self.stored_tokens < sum(shard.tokens for shard in self.shards)

    def chunks(self) -> Iterator[tuple[NDArray[np.uint16], Path, int]]:
        """Yield (`previous` and its chunk, file, byte offset of the chunk) until `stored_tokens` are out.

        Each array is uint16 of shape (1 + n,): element 0 is the token before the chunk (in the first chunk 0, which
        nothing precedes). The array is one buffer that the next step overwrites. Raises DataError when a file shrinks
        meanwhile.
        """
        import numpy as np

        buffer = np.zeros(1 + CHUNK_TOKENS, dtype="<u2")
        view = buffer.view(np.uint8).data
        left = self.stored_tokens
        for shard in self.shards:
            if left <= 0:
                return
            try:
                # Unbuffered, into one small buffer: no page of the file becomes resident in this process.
                with shard.path.open("rb", buffering=0) as stream:
                    stream.seek(HEADER_BYTES)
                    unread = min(shard.tokens, left)
                    left -= unread
                    offset = HEADER_BYTES
                    while unread:
                        count = min(unread, CHUNK_TOKENS)
                        _read_exactly(stream, view[TOKEN_BYTES : TOKEN_BYTES * (1 + count)], shard, offset)
                        yield buffer[: 1 + count], shard.path, offset
                        buffer[0] = buffer[count]
                        unread -= count
                        offset += TOKEN_BYTES * count
            except OSError as error:
                raise DataError(f"shard {shard.path}: cannot be read: {error.strerror}") from error


def _read_exactly(stream: object, target: memoryview, shard: Shard, offset: int) -> None:
    filled = 0
    while filled < len(target):
        count = stream.readinto(target[filled:])  # type: ignore[attr-defined]
        if not count:
            raise DataError(
                f"shard {shard.path}: offset {offset + filled}: the file ends here, its header states "
                f"{shard.tokens} tokens"
            )
        filled += count


def open_stream(val_data: str, max_tokens: int | None = None) -> TokenStream:
    """The stream that `val_data` (file, folder or glob) means, at most `max_tokens` tokens of it.

    Raises UsageError when nothing matches or `max_tokens` is not positive, DataError when a shard is broken.
    """
    if max_tokens is not None and max_tokens < 1:
        raise UsageError(
            f"at most {max_tokens} tokens were asked for; ask for at least 1, or leave the limit out"
        )
    return TokenStream(tuple(read_header(path) for path in find_shards(val_data)), max_tokens)
