"""Encode documents with a native tokenizer library, in a process of its own: run as a script, never imported.

The libraries parse hostile files in C++ and Rust; a crash, a hang or a run on memory ends this process and nothing else.
It imports the standard library and one tokenizer library, and nothing of pgolf.

standard input:  one JSON line {"kind", "path", "ids", "surface_bytes", "memory_bytes", "cpu_seconds"}, then one JSON
                 string a line for each document
standard output: one JSON line a document {"ids", "decoded_bytes", "agrees", "normalised_bytes", "surfaces"}, then one
                 JSON line {"alone": [...]}: for each id the UTF-8 length of what it decodes to by itself
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

# The split of GPT-4's tokenizer. A ranks file does not name its own; bytes in total do not depend on it.
_PATTERN = "|".join(
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+|\s+(?!\S)|\s+",
    )
)

Encoded = tuple[list[int], str, int, list[int]]
"""(ids, decoded text, bytes after normalisation or -1, bytes of text each id covers or nothing)."""


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    try:
        import resource
    except ImportError:  # no such limits on this system; the parent's clock remains
        return
    for name, value in (
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_CPU", cpu_seconds),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 1 << 30),
    ):
        if hasattr(resource, name):
            resource.setrlimit(getattr(resource, name), (value, value))


def _sentencepiece(path: str) -> tuple[Callable[[str, bool], Encoded], Callable[[int], str]]:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=path)

    def encode(text: str, with_surfaces: bool) -> Encoded:
        normalised = processor.normalize(text).replace("\u2581", " ")
        surfaces: list[int] = []
        if with_surfaces:
            found = processor.encode(text, out_type="offset_mapping")
            ids = found["ids"]
            surfaces = [len(text[start:end].encode()) for start, end in found["offsets"]]
        else:
            ids = processor.encode(text)
        return ids, processor.decode(ids), len(normalised.encode("utf-8", "surrogatepass")), surfaces

    return encode, lambda token: processor.decode([token]) if token < processor.vocab_size() else ""


def _huggingface(path: str) -> tuple[Callable[[str, bool], Encoded], Callable[[int], str]]:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(text: str, with_surfaces: bool) -> Encoded:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        changed = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer is not None else text
        changed_bytes = len(changed.replace("\u2581", " ").encode("utf-8", "surrogatepass"))
        return ids, tokenizer.decode(ids, skip_special_tokens=False), changed_bytes, []

    return encode, lambda token: tokenizer.decode([token], skip_special_tokens=False)


def _tiktoken(path: str) -> tuple[Callable[[str, bool], Encoded], Callable[[int], str]]:
    import tiktoken

    with open(path, "rb") as stream:
        rows = [line.split() for line in stream if line.strip()]
    ranks = {base64.b64decode(token): int(rank) for token, rank in rows}
    encoding = tiktoken.Encoding("audited", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})
    known = set(ranks.values())

    def encode(text: str, with_surfaces: bool) -> Encoded:
        ids = encoding.encode_ordinary(text)
        return ids, encoding.decode(ids), len(text.encode("utf-8", "surrogatepass")), []

    return encode, lambda token: encoding.decode([token]) if token in known else ""


_LIBRARIES = {"sentencepiece": _sentencepiece, "huggingface": _huggingface, "tiktoken": _tiktoken}


def _answers(request: dict[str, Any], documents: Iterator[str]) -> Iterator[dict[str, Any]]:
    encode, alone = _LIBRARIES[request["kind"]](request["path"])
    budget = request["surface_bytes"]
    for line in documents:
        text = json.loads(line)
        raw = len(text.encode("utf-8", "surrogatepass"))
        budget -= raw
        ids, decoded, normalised, surfaces = encode(text, budget >= 0)
        yield {
            "ids": ids,
            "decoded_bytes": len(decoded.encode("utf-8", "surrogatepass")),
            "agrees": decoded == text,
            "normalised_bytes": normalised,
            "surfaces": surfaces,
        }
    yield {"alone": [len(alone(token).encode("utf-8", "surrogatepass")) for token in range(request["ids"])]}


def main() -> int:
    request = json.loads(sys.stdin.readline())
    _limit(request["memory_bytes"], request["cpu_seconds"])
    for answer in _answers(request, iter(sys.stdin)):
        sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(3)
