"""Names of the ways a table departs from the canonical one. Public API: reports and pages use these slugs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeviationName(StrEnum):
    """Structural deviations of a table builder (SPEC 2)."""

    LEADING_SPACE_PLUS_ONE = "leading_space_plus_one"
    BYTE_TOKEN_WRONG_SIZE = "byte_token_wrong_size"  # noqa: S105 - a slug, not a secret
    MISSING_IS_UNUSED = "missing_is_unused"
    BOUNDARY_BYTES_COUNTED = "boundary_bytes_counted"
    MARKER_NOT_RECOGNISED = "marker_not_recognised"
    COUNTS_CHARACTERS = "counts_characters"
    STRIPS_EVERY_MARKER = "strips_every_marker"
    BOUNDARY_MASK_WRONG = "boundary_mask_wrong"
    SPACE_FLAG_WRONG = "space_flag_wrong"
    TABLE_RESCALED = "table_rescaled"
    OTHER_SIZE = "other_size"
    """Byte lengths that differ from the rule in a way none of the named deviations explains."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One deviation as proved on a vocabulary.

    `tokens` counts the token ids it touches in the vocabulary that was evaluated; `example` is readable
    ("`▁the`: table 5, canonical 3 + 1 from the loop"); `effect` is "none on this tokenizer" for structure
    that this tokenizer has no token for, else "" until a stream tells the bytes.
    """

    name: DeviationName
    tokens: int
    example: str
    effect: str = ""
