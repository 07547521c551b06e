"""What the five runs share: which data, the contest's loop written down plainly, and how a result is given.

Each run measures with `pgolf` and, besides, with the plain code below, and prints whether both agree. Without arguments the
shipped data in `examples/` are used; `--tokenizer` and `--val-data` name others, such as the real split.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from pgolf.core.luts import LookupTables, canonical_tables  # noqa: E402
from pgolf.core.profile import TokenizerFacts, Validation, load_profile  # noqa: E402
from pgolf.core.tokenizer import BOUNDARY_KINDS, MARKER, PieceKind, Vocabulary  # noqa: E402
from pgolf.errors import DataError, PgolfError, UsageError  # noqa: E402
from pgolf.exits import Exit  # noqa: E402
from pgolf.tokens.manifest import read_manifest  # noqa: E402
from pgolf.tokens.sentencepiece_model import read_model_file  # noqa: E402
from pgolf.tokens.statistics import StreamStatistics, count_tokens  # noqa: E402
from pgolf.tokens.stream import TokenStream, open_stream  # noqa: E402
from pgolf.tokens.windows import ScoringMode, Windows  # noqa: E402

EXAMPLES = ROOT / "examples"
EXPECTED = Path(__file__).parent / "expected"
Figures = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """A tokenizer and a stream of its tokens."""

    tokenizer: Path
    val_data: str
    shipped: bool

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Read once."""
        return read_model_file(self.tokenizer)

    @cached_property
    def canonical(self) -> LookupTables:
        """The canonical tables of the vocabulary."""
        return canonical_tables(self.vocabulary)

    @cached_property
    def stream(self) -> TokenStream:
        """All shards as one stream."""
        return open_stream(self.val_data)

    def count(
        self,
        *candidates: LookupTables,
        windows: Windows | None = None,
        mode: ScoringMode = ScoringMode.SLIDING_WINDOW,
    ) -> StreamStatistics:
        """Count the stream with `pgolf`."""
        return count_tokens(self.stream, self.canonical, candidates, windows=windows, mode=mode)

    def check(self) -> None:
        """Raise DataError when an id is past the vocabulary, or the stream is too short for a window."""
        counts = self.count()
        if not counts.scored_tokens:
            windows = counts.windows
            raise DataError(
                f"{self.val_data}: {counts.stored_tokens} tokens are too few for a window of {windows.seq_len} tokens "
                f"at stride {windows.stride}"
            )

    def pairs(self) -> Iterator[tuple[NDArray[np.uint16], NDArray[np.uint16]]]:
        """All (predecessors, targets) of the stream, in pieces."""
        first = True
        for chunk, _, _ in self.stream.chunks():
            piece = chunk[1:] if first else chunk
            first = False
            yield piece[:-1], piece[1:]

    def tokens(self) -> NDArray[np.uint16]:
        """The stream in memory (2 bytes a token)."""
        return np.concatenate([chunk[1:].copy() for chunk, _, _ in self.stream.chunks()])


@dataclass(frozen=True)
class PlainLoop:
    """The evaluation loop as the contest has it: look up every target, add the space unless a boundary precedes."""

    base: NDArray[np.int64]
    space: NDArray[np.bool_]
    boundary: NDArray[np.bool_]

    @classmethod
    def of(cls, tables: LookupTables) -> PlainLoop:
        """The tables as arrays."""
        return cls(
            np.array(tables.base_bytes, np.int64),
            np.array(tables.has_leading_space, np.bool_),
            np.array(tables.is_boundary, np.bool_),
        )

    def bytes_of(self, x: NDArray[np.uint16], y: NDArray[np.uint16], masked: bool = True) -> int:
        """Bytes of targets `y` after predecessors `x` (equal shapes)."""
        space = self.space[y] & ~self.boundary[x] if masked else self.space[y]
        return int(self.base[y].sum()) + int(space.sum())

    def total(self, data: Data, masked: bool = True) -> int:
        """Bytes of the whole stream."""
        return sum(self.bytes_of(x, y, masked) for x, y in data.pairs())


def builder_of_1734(
    vocabulary: Vocabulary,
    *,
    plus_one: bool = True,
    no_byte_branch: bool = True,
    boundaries_counted: bool = True,
) -> LookupTables:
    """The table builder of pull request 1734, in our words, each of its three deviations with a switch.

    With all switches off these are the canonical tables but for one thing that it always has: unused pieces are no
    boundaries and carry their spelling (`missing_is_unused`).
    """
    base, space, boundary = [], [], []
    for piece in vocabulary.pieces:
        is_boundary = piece.kind in BOUNDARY_KINDS - {PieceKind.UNUSED}
        text, marked = piece.text, piece.text.startswith(MARKER)
        if marked:
            text = text[1:]
        size = len(text.encode())
        if piece.kind is PieceKind.BYTE and not no_byte_branch:
            size = 1
        if is_boundary and not boundaries_counted:
            size, marked = 0, False
        base.append(size + (1 if marked and plus_one else 0))
        space.append(marked)
        boundary.append(is_boundary)
    return LookupTables(tuple(base), tuple(space), tuple(boundary))


def known_split() -> tuple[Validation, TokenizerFacts]:
    """The contest's validation split and its SP8192 constants, from the profile. Nothing of it is written down here."""
    validation = load_profile().validation
    return validation, next(facts for facts in validation.tokenizers if facts.leading_space_targets)


def ten(ratio: float) -> str:
    """A number to ten decimals."""
    return f"{ratio:.10f}"


def run(
    name: str,
    title: str,
    measure: Callable[[Data], Figures],
    summarise: Callable[[Figures], list[str]],
    arguments: list[str] | None = None,
) -> int:
    """Measure, print the summary (or JSON), compare with the expected output. Returns the exit code.

    0: every check of the run holds, and with `--check` its figures equal the committed ones; 1: not; 2: unusable input.
    """
    parser = argparse.ArgumentParser(prog=f"{name}.py", description=title)
    parser.add_argument(
        "--tokenizer", type=Path, metavar="MODEL", help="SentencePiece model (default: shipped)"
    )
    parser.add_argument("--val-data", metavar="PATH", help="shard, folder or glob (default: shipped)")
    parser.add_argument(
        "--json", action="store_true", help="print the figures as JSON instead of the summary"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--check", action="store_true", help="compare with the committed expected output")
    given = parser.parse_args(arguments)
    try:
        if (given.tokenizer is None) != (given.val_data is None):
            raise UsageError("--tokenizer and --val-data belong together: give both or none")
        shipped = given.tokenizer is None
        if given.check and not shipped:
            raise UsageError("--check compares with the figures of the shipped data: leave --tokenizer out")
        data = Data(
            given.tokenizer or EXAMPLES / "tokenizer.model",
            given.val_data or str(EXAMPLES / "val"),
            shipped,
        )
        data.check()
        document = _document(name, data, measure(data))
        text = json.dumps(document, indent=2, allow_nan=False) + "\n"
        if given.output is not None:
            given.output.write_text(text, encoding="utf-8")
    except PgolfError as error:
        print(f"{name}.py: {error}", file=sys.stderr)
        return Exit.UNUSABLE
    except OSError as error:
        print(f"{name}.py: {error.filename}: {error.strerror}", file=sys.stderr)
        return Exit.UNUSABLE
    figures = document["figures"]
    lines = [title, "", *summarise(figures), "", *_verdicts(figures["checks"])]
    print(text if given.json else "\n".join(lines), end="" if given.json else "\n")
    holds = all(figures["checks"].values())
    if given.check:
        same = _matches(name, text, "\n".join(lines) + "\n")
        if not given.json:
            print("equals the expected output" if same else "DIFFERS from the expected output")
        holds = holds and same
    return Exit.OK if holds else Exit.FLAGGED


def _document(name: str, data: Data, figures: Figures) -> dict[str, Any]:
    manifest = read_manifest(data.val_data)
    return {
        "run": name,
        "tokenizer_sha256": data.vocabulary.sha256,
        "vocab_size": len(data.vocabulary),
        "shards": [{"name": file.name, "sha256": file.sha256} for file in manifest.files],
        "stored_tokens": manifest.tokens,
        "figures": figures,
    }


def _verdicts(checks: dict[str, bool]) -> list[str]:
    return [f"{'holds' if held else 'FAILS'}: {what}" for what, held in checks.items()]


def _matches(name: str, document: str, summary: str) -> bool:
    try:
        return (EXPECTED / f"{name}.json").read_text("utf-8") == document and (
            EXPECTED / f"{name}.txt"
        ).read_text("utf-8") == summary
    except OSError:
        return False
