"""Read a SentencePiece model file into a `Vocabulary`, without the sentencepiece library.

The file is a protocol buffer (`sentencepiece_model.proto`, message `ModelProto`); only the fields that the byte
rule and the tokenizer audit need are read, everything else is stepped over. The reader is bounded and treats the
file as hostile: a declared length never allocates, nothing is followed, every defect is a `DataError` with the
file's name and the offset.

| message          | fields read                                                                              |
|------------------|------------------------------------------------------------------------------------------|
| `ModelProto`     | 1 pieces, 2 trainer_spec, 3 normalizer_spec                                               |
| `SentencePiece`  | 1 piece, 2 score, 3 type (default NORMAL; an unknown number counts as the default)        |
| `TrainerSpec`    | 3 model_type, 24 treat_whitespace_as_suffix, 35 byte_fallback, 45–48 special pieces        |
| `NormalizerSpec` | 1 name, 2 precompiled_charsmap, 3–5 add_dummy_prefix, remove_extra_whitespaces, escape_…  |

Special ids are found as `SentencePieceProcessor` finds them: the piece named in the trainer spec, if its type is
UNKNOWN (`unk_id`) or CONTROL (the others), else -1; the ids written in the trainer spec are not asked.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary
from pgolf.errors import DataError

MAX_MODEL_BYTES = 64 << 20
"""No SentencePiece model in use is larger than a few megabytes."""
MAX_PIECES = 1 << 20
MAX_PIECE_BYTES = 1 << 16

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KINDS = {int(kind): kind for kind in PieceKind}
_FLOAT = struct.Struct("<f")
_MODEL_TYPES = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """What a model file says: its vocabulary, and how text is changed before it is split."""

    vocabulary: Vocabulary
    model_type: str = "unigram"
    byte_fallback: bool = False
    treat_whitespace_as_suffix: bool = False
    normalizer: str = ""
    charsmap_bytes: int = 0
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True


def read_model(data: bytes, name: str) -> Vocabulary:
    """The vocabulary of the SentencePiece model `data`; `name` is for error messages and reports.

    Raises DataError naming the file and the offset when `data` is not such a model.
    """
    return parse_model(data, name).vocabulary


def read_model_file(path: Path | str) -> Vocabulary:
    """The vocabulary of the model file at `path`. Raises DataError when it cannot be read or is no model."""
    return parse_model(read_bounded(Path(path), MAX_MODEL_BYTES, "tokenizer"), str(path)).vocabulary


def read_bounded(path: Path, limit: int, what: str) -> bytes:
    """The bytes of the regular file `path`, at most `limit` of them. Raises DataError in one sentence otherwise."""
    try:
        if not path.is_file():
            kind = "is a folder" if path.is_dir() else "there is no such file"
            raise DataError(f"{what} {path}: {kind}")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise DataError(f"{what} {path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the path
        raise DataError(f"{what} {path!s:.200}: not a usable path: {error}") from error
    if len(data) > limit:
        raise DataError(f"{what} {path}: larger than {limit} bytes")
    return data


def parse_model(data: bytes, name: str) -> SentencePieceModel:
    """Everything we read of the SentencePiece model `data`. Raises DataError as `read_model` does."""
    if len(data) > MAX_MODEL_BYTES:
        raise DataError(
            f"{name}: {len(data)} bytes are more than the {MAX_MODEL_BYTES} a SentencePiece model may have"
        )
    pieces: list[Piece] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    position, size = 0, len(data)
    while True:
        position = _read_plain_pieces(data, position, pieces)
        if len(pieces) > MAX_PIECES:
            raise DataError(f"{name}: offset {position}: more than {MAX_PIECES} pieces")
        if position >= size:
            break
        number, wire, start, end = _field(data, position, size, name)
        if number <= 3 and wire != _BYTES:
            raise DataError(
                f"{name}: offset {position}: field {number} has wire type {wire}, expected {_BYTES}"
            )
        if number == 1:
            pieces.append(_piece(data, start, end, len(pieces), name))
        elif number == 2:
            trainer.update(_scalars(data, start, end, name))
        elif number == 3:
            normalizer.update(_scalars(data, start, end, name))
        position = end
    if not pieces:
        raise DataError(f"{name}: offset {size}: no pieces in {size} bytes; not a SentencePiece model")

    vocabulary = Vocabulary(
        tuple(pieces),
        name=Path(name).name,
        unk_id=_special(pieces, trainer.get(45, b"<unk>"), PieceKind.UNKNOWN),
        bos_id=_special(pieces, trainer.get(46, b"<s>"), PieceKind.CONTROL),
        eos_id=_special(pieces, trainer.get(47, b"</s>"), PieceKind.CONTROL),
        pad_id=_special(pieces, trainer.get(48, b"<pad>"), PieceKind.CONTROL),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    charsmap = normalizer.get(2, b"")
    normalizer_name = normalizer.get(1, b"")
    return SentencePieceModel(
        vocabulary,
        model_type=_MODEL_TYPES.get(_number(trainer.get(3, 1)), "unknown"),
        byte_fallback=bool(_number(trainer.get(35, 0))),
        treat_whitespace_as_suffix=bool(_number(trainer.get(24, 0))),
        normalizer=normalizer_name.decode("utf-8", "replace")[:100]
        if isinstance(normalizer_name, bytes)
        else "",
        charsmap_bytes=len(charsmap) if isinstance(charsmap, bytes) else 0,
        add_dummy_prefix=bool(_number(normalizer.get(3, 1))),
        remove_extra_whitespaces=bool(_number(normalizer.get(4, 1))),
        escape_whitespaces=bool(_number(normalizer.get(5, 1))),
    )


def _read_plain_pieces(data: bytes, position: int, pieces: list[Piece]) -> int:
    """Read pieces that are encoded as every writer encodes them, and return the offset of the first that is not.

    The layout is `0A n 0A l <l bytes> 15 <float> [18 type]` with one-byte lengths; 8,192 of them cost under 15 ms.
    Whatever else may come (long pieces, other field orders, defects) is left to the general reader.
    """
    kinds = _KINDS
    unpack = _FLOAT.unpack_from
    append = pieces.append
    normal = PieceKind.NORMAL
    room = MAX_PIECES + 1 - len(pieces)
    try:
        while room:
            if data[position] != 0x0A or data[position + 2] != 0x0A:
                return position
            outer = data[position + 1]
            length = data[position + 3]
            score_at = position + 4 + length
            rest = outer - length - 2
            if outer > 0x7F or data[score_at] != 0x15:
                return position
            if rest == 5:
                kind = normal
            elif rest == 7 and data[score_at + 5] == 0x18:
                kind = kinds[data[score_at + 6]]
            else:
                return position
            score = unpack(data, score_at + 1)[0]
            append(Piece(data[position + 4 : score_at].decode(), kind, score))
            position += 2 + outer
            room -= 1
    except (IndexError, KeyError, UnicodeDecodeError, struct.error):
        # Past the end, or unusual: the general reader reads it again and says what is wrong.
        pass
    return position


def _piece(data: bytes, start: int, end: int, index: int, name: str) -> Piece:
    text, kind, score = b"", PieceKind.NORMAL, 0.0
    text_at = start
    for number, wire, low, high in _fields(data, start, end, name):
        if number == 1 and wire == _BYTES:
            text, text_at = data[low:high], low
        elif number == 2 and wire == _FIXED32:
            score = _FLOAT.unpack_from(data, low)[0]
        elif number == 3 and wire == _VARINT:
            # proto2: a number the enum does not have is kept aside, and the field reads as its default or the
            # value before it.
            kind = _KINDS.get(_varint(data, low, high, name)[0], kind)
    if len(text) > MAX_PIECE_BYTES:
        raise DataError(
            f"{name}: offset {text_at}: piece {index} has {len(text)} bytes, more than {MAX_PIECE_BYTES}"
        )
    try:
        return Piece(text.decode(), kind, score)
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: offset {text_at + error.start}: piece {index} is not UTF-8") from error


def _special(pieces: list[Piece], wanted: int | bytes, kind: PieceKind) -> int:
    text = wanted.decode("utf-8", "replace") if isinstance(wanted, bytes) else ""
    return next((i for i, piece in enumerate(pieces) if piece.kind is kind and piece.text == text), -1)


def _number(value: int | bytes) -> int:
    return value if isinstance(value, int) else 0


def _scalars(data: bytes, start: int, end: int, name: str) -> dict[int, int | bytes]:
    """Fields of a flat message by number, the last one of each winning; nested messages stay bytes."""
    out: dict[int, int | bytes] = {}
    for number, wire, low, high in _fields(data, start, end, name):
        out[number] = _varint(data, low, high, name)[0] if wire == _VARINT else data[low:high]
    return out


def _fields(data: bytes, start: int, end: int, name: str) -> Iterator[tuple[int, int, int, int]]:
    position = start
    while position < end:
        number, wire, low, position = _field(data, position, end, name)
        yield number, wire, low, position


def _field(data: bytes, position: int, end: int, name: str) -> tuple[int, int, int, int]:
    """(field number, wire type, offset of its value, offset after it) of the field at `position`."""
    tag, start = _varint(data, position, end, name)
    number, wire = tag >> 3, tag & 7
    if number == 0:
        raise DataError(f"{name}: offset {position}: field number 0; not a SentencePiece model")
    if wire == _VARINT:
        return number, wire, start, _varint(data, start, end, name)[1]
    if wire == _BYTES:
        length, start = _varint(data, start, end, name)
    elif wire == _FIXED64:
        length = 8
    elif wire == _FIXED32:
        length = 4
    else:
        raise DataError(f"{name}: offset {position}: wire type {wire} is not used by SentencePiece models")
    if length > end - start:
        raise DataError(
            f"{name}: offset {position}: field {number} needs {length} bytes, {end - start} are left"
        )
    return number, wire, start, start + length


def _varint(data: bytes, position: int, end: int, name: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise DataError(f"{name}: offset {position}: the file ends inside a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise DataError(f"{name}: offset {position}: a number longer than 10 bytes; not a SentencePiece model")
