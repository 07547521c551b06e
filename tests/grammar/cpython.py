"""Run a program of the grammar in CPython: our `torch`, a tokenizer stub, shards of ours, settings of ours."""

from __future__ import annotations

import builtins
import contextlib
import io
import itertools
import math
import threading
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.tokenizer import PieceKind, Vocabulary
from tests.grammar.fake_torch import Tensor, make_torch, weight

WIDTH = 8
"""Width of the models that the grammar writes."""


def sentencepiece_stub(vocabulary: Vocabulary) -> types.ModuleType:
    """A module `sentencepiece` whose every model is `vocabulary`, in both spellings of the interface."""

    class SentencePieceProcessor:
        def __init__(self, model_file: Any = None, model_proto: Any = None) -> None:
            pass

        def _piece(self, token: int) -> Any:
            if not 0 <= token < len(vocabulary):
                raise IndexError("piece id is out of range.")
            return vocabulary.pieces[token]

        def _each(self, token: Any, answer: Callable[[Any], Any]) -> Any:
            if isinstance(token, (list, tuple)):
                return [answer(self._piece(int(t))) for t in token]
            return answer(self._piece(token))

        def is_control(self, token: Any) -> Any:
            return self._each(token, lambda p: p.kind is PieceKind.CONTROL)

        def is_unknown(self, token: Any) -> Any:
            return self._each(token, lambda p: p.kind is PieceKind.UNKNOWN)

        def is_unused(self, token: Any) -> Any:
            return self._each(token, lambda p: p.kind is PieceKind.UNUSED)

        def is_byte(self, token: Any) -> Any:
            return self._each(token, lambda p: p.kind is PieceKind.BYTE)

        def id_to_piece(self, token: Any) -> Any:
            return self._each(token, lambda p: p.text)

        def piece_to_id(self, text: str) -> int:
            found = (i for i, p in enumerate(vocabulary.pieces) if p.text == text)
            return next(found, vocabulary.unk_id)

        def vocab_size(self) -> int:
            return len(vocabulary)

        def load(self, path: str) -> bool:
            return True

        __len__ = get_piece_size = GetPieceSize = piece_size = vocab_size
        Load = LoadFromFile = load
        IsControl, IsUnknown, IsUnused, IsByte = is_control, is_unknown, is_unused, is_byte
        IdToPiece, PieceToId = id_to_piece, piece_to_id

        def unk_id(self) -> int:
            return vocabulary.unk_id

        def bos_id(self) -> int:
            return vocabulary.bos_id

        def eos_id(self) -> int:
            return vocabulary.eos_id

        def pad_id(self) -> int:
            return vocabulary.pad_id

    module = types.ModuleType("sentencepiece")
    module.SentencePieceProcessor = SentencePieceProcessor  # type: ignore[attr-defined]
    return module


class _Files:
    """`glob`, `np.fromfile` and `os.environ` of one run: one validation shard in memory."""

    def __init__(self, tokens: list[int], environment: dict[str, str]) -> None:
        header = np.zeros(256, dtype="<i4")
        header[:3] = 20240520, 1, len(tokens)
        self.data = header.tobytes() + np.array(tokens, dtype="<u2").tobytes()
        self.environment = environment

    def modules(self) -> dict[str, Any]:
        import glob
        import os

        np_like = types.ModuleType("numpy")
        np_like.__dict__.update(np.__dict__)
        np_like.fromfile = self.fromfile  # type: ignore[attr-defined]
        fake_glob = types.ModuleType("glob")
        fake_glob.__dict__.update(glob.__dict__)
        fake_glob.glob = lambda pattern: ["val_000000.bin"]  # type: ignore[attr-defined]
        fake_os = types.ModuleType("os")
        fake_os.__dict__.update(os.__dict__)
        fake_os.environ = self.environment  # type: ignore[attr-defined]
        fake_os.getenv = self.environment.get  # type: ignore[attr-defined]
        return {"numpy": np_like, "glob": fake_glob, "os": fake_os}

    def fromfile(self, path: Any, dtype: Any = float, count: int = -1, offset: int = 0) -> Any:
        return np.frombuffer(self.data, dtype=dtype, count=count, offset=offset).copy()


def run_module(source: str, modules: dict[str, Any], name: str = "generated") -> dict[str, Any]:
    """The global names of `source` after CPython ran it with `modules` in the place of what it imports."""
    real = builtins.__import__

    def load(wanted: str, scope: Any = None, local: Any = None, names: Any = (), level: int = 0) -> Any:
        if wanted in modules:
            return modules[wanted] if names or "." not in wanted else modules[wanted.partition(".")[0]]
        return real(wanted, scope, local, names, level)

    own = types.ModuleType(name)
    own.__dict__["__builtins__"] = {**builtins.__dict__, "__import__": load}
    import sys

    sys.modules[name] = own  # dataclasses look their module up
    try:
        exec(compile(source, "generated.py", "exec"), own.__dict__)
    finally:
        del sys.modules[name]
    return own.__dict__


def _column(value: Any, size: int) -> list[Any]:
    if isinstance(value, dict):
        return [value.get(i, 0) for i in range(size)]
    if isinstance(value, (Tensor, np.ndarray)):
        value = value.tolist()
    return [v.item() if isinstance(v, (np.generic, Tensor)) else v for v in value]


def tables_in_cpython(source: str, vocabulary: Vocabulary, tokenizer: Any = None) -> LookupTables:
    """The three tables that the program hands to its `evaluate` when CPython runs it on `vocabulary`.

    Raises whatever the program raises.
    """
    files = _Files([0], {"VOCAB_SIZE": str(len(vocabulary))})
    modules = {
        **files.modules(),
        **make_torch(),
        "sentencepiece": tokenizer or sentencepiece_stub(vocabulary),
    }
    caught: list[Any] = []

    def evaluate(model: Any, tokens: Any, base: Any, space: Any, boundary: Any) -> tuple[float, float]:
        caught.extend(_column(c, len(vocabulary)) for c in (base, space, boundary))
        return 0.0, 0.0

    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        scope = run_module(source, modules)
        scope["evaluate"] = evaluate
        scope["main"]()
    base, space, boundary = caught
    return LookupTables(tuple(base), tuple(map(bool, space)), tuple(map(bool, boundary)))


def equals_canonical(tables: LookupTables, vocabulary: Vocabulary) -> bool:
    """Whether the tables are canonical on every token of the vocabulary; by the definition, not by the audit's comparison."""
    n = len(vocabulary)
    wanted = canonical_tables(vocabulary)
    return (
        list(tables.base_bytes[:n]) == list(wanted.base_bytes)
        and tables.has_leading_space[:n] == wanted.has_leading_space
        and tables.is_boundary[:n] == wanted.is_boundary
    )


def scores_in_cpython(
    source: str,
    vocabulary: Vocabulary,
    tokens: list[int],
    world: int = 1,
    environment: dict[str, str] | None = None,
) -> list[Any]:
    """What `main()` of the program returns in each of `world` processes when CPython runs it on a stream."""
    barrier = threading.Barrier(world, timeout=60)
    slots: list[Any] = [None] * world
    results: list[Any] = [None] * world
    errors: list[BaseException] = []

    def process(rank: int) -> None:
        def exchange(value: Any) -> list[Any]:
            slots[rank] = value
            barrier.wait()
            parts = list(slots)
            barrier.wait()
            return parts

        own = {"RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_RANK": str(rank)} if world > 1 else {}
        settings = {"VOCAB_SIZE": str(len(vocabulary)), **own, **(environment or {})}
        modules = {
            **_Files(tokens, settings).modules(),
            **make_torch(rank, world, exchange),
            "sentencepiece": sentencepiece_stub(vocabulary),
        }
        try:
            scope = run_module(source, modules, f"generated_{rank}")
            results[rank] = scope["main"]()
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            errors.append(error)
            barrier.abort()

    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        if world == 1:
            process(0)
        else:
            threads = [threading.Thread(target=process, args=(rank,)) for rank in range(world)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    if errors:
        raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
    return results


def known_losses(vocabulary: Vocabulary, tokens: list[int]) -> Any:
    """Nats of each target `tokens[1:]` under the model that the grammar writes, float64."""
    size = len(vocabulary)
    logits = weight(size, WIDTH) @ weight(size, WIDTH).T
    logits = logits.astype(np.float64)
    logp = (
        logits
        - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True))
        - logits.max(1, keepdims=True)
    )
    stream = np.array(tokens)
    return -logp[stream[:-1], stream[1:]]


def exact_bits_per_byte(vocabulary: Vocabulary, tokens: list[int], targets: int) -> float:
    """Bits per byte over the first so many targets, by the definition."""
    tables = canonical_tables(vocabulary)
    counted = sum(
        tables.base_bytes[y] + (tables.has_leading_space[y] and not tables.is_boundary[x])
        for x, y in itertools.pairwise(tokens[: targets + 1])
    )
    return float(known_losses(vocabulary, tokens)[:targets].sum()) / math.log(2.0) / counted


__all__ = [
    "WIDTH",
    "equals_canonical",
    "exact_bits_per_byte",
    "run_module",
    "scores_in_cpython",
    "sentencepiece_stub",
    "tables_in_cpython",
]
