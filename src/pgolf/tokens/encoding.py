"""Real text through a tokenizer, in a child process with limits; and reading that text."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pgolf.errors import DataError, LimitTripped, UsageError
from pgolf.tokens.tokenizer_files import TokenizerFile

MAX_TEXT_BYTES = 32 << 20
"""Text beyond this is left out, and that is said: the shares do not change with more of the same."""
MAX_LINE_BYTES = 16 << 20
SURFACE_BYTES = 4 << 20
MEMORY_BYTES = 4 << 30
CPU_SECONDS = 240
WALL_SECONDS = 300.0
_WORKER = Path(__file__).with_name("encode_worker.py")


@dataclass(frozen=True, slots=True)
class Encoded:
    """One document: its ids, the UTF-8 length of the text it decodes to and whether that is the document.

    `normalised_bytes` is the length after normalisation (a marker counted as the space it stands for). `surfaces`, where
    the library tells, is the length of the text that each id covers.
    """

    ids: tuple[int, ...]
    decoded_bytes: int
    agrees: bool
    normalised_bytes: int
    surfaces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EncodedText:
    """All documents, and for each id the UTF-8 length of what it decodes to by itself."""

    documents: tuple[Encoded, ...]
    alone_bytes: tuple[int, ...]


def read_documents(path: Path, field: str = "text") -> tuple[list[str], bool]:
    """(documents, whether some were left out) of a plain text file (one document) or of JSON lines with `field`.

    JSON lines are recognised by the suffix `.jsonl` or by a first line that is an object. Raises DataError naming the
    line, UsageError when there is no text.
    """
    try:
        if not path.is_file():
            raise DataError(f"text {path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
        with path.open("rb") as stream:
            first = stream.readline(MAX_LINE_BYTES + 1)
            stream.seek(0)
            if path.suffix == ".jsonl" or _is_object(first):
                documents, cut = _json_lines(stream, path, field)
            else:
                documents, cut = _plain(stream, path)
    except OSError as error:
        raise DataError(f"text {path}: cannot be read: {error.strerror}") from error
    if not any(documents):
        raise UsageError(
            f"text {path}: holds no text; give a text file, or JSON lines with a field {field!r}"
        )
    return documents, cut


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _json_lines(stream: IO[bytes], path: Path, field: str) -> tuple[list[str], bool]:
    documents: list[str] = []
    used = number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise DataError(f"text {path}: line {number}: longer than {MAX_LINE_BYTES} bytes")
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"text {path}: line {number}: not valid JSON: {error!s:.120}") from error
        text = row.get(field) if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise DataError(f"text {path}: line {number}: no text in field {field!r}")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise DataError(f"text {path}: line {number}: a lone surrogate, which no UTF-8 text holds")
        used += len(line)
        if used > MAX_TEXT_BYTES:
            return documents, True
        documents.append(text)
    return documents, False


def _plain(stream: IO[bytes], path: Path) -> tuple[list[str], bool]:
    data = stream.read(MAX_TEXT_BYTES + 1)
    cut = len(data) > MAX_TEXT_BYTES
    data = data[:MAX_TEXT_BYTES]
    try:
        return [data.decode("utf-8")], cut
    except UnicodeDecodeError as error:
        if cut and error.start > len(data) - 4:
            return [data[: error.start].decode("utf-8")], cut
        raise DataError(f"text {path}: offset {error.start}: not UTF-8") from error


def encode_documents(tokenizer: TokenizerFile, documents: Sequence[str]) -> EncodedText:
    """Encode and decode `documents` with the tokenizer's own library, in a child process with limits.

    Raises DataError when the library refuses the file or the process dies, LimitTripped when its time is over.
    """
    request = {
        "kind": tokenizer.kind,
        "path": str(Path(tokenizer.path).absolute()),
        "ids": len(tokenizer),
        "surface_bytes": SURFACE_BYTES,
        "memory_bytes": MEMORY_BYTES,
        "cpu_seconds": CPU_SECONDS,
    }
    with (
        tempfile.TemporaryFile() as question,
        tempfile.TemporaryFile() as answer,
        tempfile.TemporaryFile() as complaint,
    ):
        for item in (request, *documents):
            question.write(json.dumps(item).encode() + b"\n")
        question.seek(0)
        # Files instead of pipes: nothing the child says can fill this process's memory, or block it.
        with subprocess.Popen(
            [sys.executable, "-I", str(_WORKER)], stdin=question, stdout=answer, stderr=complaint
        ) as child:
            try:
                status = child.wait(WALL_SECONDS)
            except subprocess.TimeoutExpired as error:
                child.kill()
                raise LimitTripped("encoding_seconds", WALL_SECONDS, f"tokenizer {tokenizer.path}") from error
            except BaseException:
                child.kill()
                raise
        if status != 0:
            complaint.seek(0)
            raise DataError(_complaint(tokenizer, status, complaint.read(4096)))
        answer.seek(0)
        return _read_answers(answer, tokenizer)


def _complaint(tokenizer: TokenizerFile, status: int, said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    reason = lines[-1][:200] if lines else f"the process ended with status {status}"
    return f"tokenizer {tokenizer.path}: the {tokenizer.kind} library cannot use it: {reason}"


def _read_answers(answer: IO[bytes], tokenizer: TokenizerFile) -> EncodedText:
    documents = []
    alone: tuple[int, ...] = ()
    for line in answer:
        row = json.loads(line)
        if "alone" in row:
            alone = tuple(row["alone"])
            continue
        ids = tuple(row["ids"])
        if any(token >= len(tokenizer) for token in ids):
            raise DataError(
                f"tokenizer {tokenizer.path}: the library gives id {max(ids)}, the file has {len(tokenizer)} tokens"
            )
        documents.append(
            Encoded(ids, row["decoded_bytes"], row["agrees"], row["normalised_bytes"], tuple(row["surfaces"]))
        )
    return EncodedText(tuple(documents), alone)
