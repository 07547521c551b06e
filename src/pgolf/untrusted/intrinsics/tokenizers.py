"""Tokenizers as scripts see them: the SentencePiece API in both spellings, over a `Vocabulary` of ours."""

from __future__ import annotations

import re

from pgolf.core.tokenizer import MARKER, PieceKind, Vocabulary
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, NativeMethod, items_of, scalar
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import Module, NativeClass, NativeObject, Opaque, Value


class TokenizerState:
    """The vocabulary that every tokenizer of one evaluation stands for; it can be exchanged to evaluate a builder
    again on another one."""

    __slots__ = ("_index", "_indexed", "vocabulary")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._index: dict[str, int] = {}
        self._indexed: Vocabulary | None = None

    @property
    def index(self) -> dict[str, int]:
        """Ids by piece; of equal pieces the first."""
        if self._indexed is not self.vocabulary:
            self._index = {p.text: i for i, p in reversed(list(enumerate(self.vocabulary.pieces)))}
            self._indexed = self.vocabulary
        return self._index


def _vocabulary(target: NativeObject) -> Vocabulary:
    state: TokenizerState = target.state
    return state.vocabulary


def _piece_id(interp: Interp, target: NativeObject, value: Value, line: int) -> int | Opaque:
    state: TokenizerState = target.state
    interp.probe.tokenizer_calls += 1
    if type(value) is int and 0 <= value < len(state.vocabulary.pieces):
        return value
    value = scalar(value)
    if isinstance(value, Opaque):
        return value
    if isinstance(value, bool):
        return Opaque("a truth value as a piece's id", line)
    if not isinstance(value, int):
        raise raise_in_script("TypeError", "piece id must be an integer", line)
    if not 0 <= value < len(state.vocabulary.pieces):
        interp.probe.highest_piece_id = max(interp.probe.highest_piece_id, min(int(value), 1_000_000))
        raise raise_in_script("IndexError", "piece id is out of range.", line)
    return int(value)


def _kind_test(*kinds: PieceKind) -> NativeMethod:
    def run(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
        i = _piece_id(interp, target, args[0] if args else next(iter(kwargs.values()), None), line)
        if isinstance(i, Opaque):
            return i
        return _vocabulary(target).pieces[i].kind in kinds

    return run


def _id_to_piece(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0] if args else next(iter(kwargs.values()), None)
    if isinstance(value, (list, tuple, range)) or (isinstance(value, Tensor) and value.shape):
        return interp.made(
            [_id_to_piece(interp, target, [x], {}, line) for x in items_of(interp, value, line)]
        )
    i = _piece_id(interp, target, value, line)
    return i if isinstance(i, Opaque) else _vocabulary(target).pieces[i].text


def _piece_to_id(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    text = args[0] if args else next(iter(kwargs.values()), None)
    if isinstance(text, (list, tuple)):
        return interp.made([_piece_to_id(interp, target, [x], {}, line) for x in text])
    if not isinstance(text, (str, bytes)):
        return (
            text if isinstance(text, Opaque) else Opaque("piece_to_id() of something that is no text", line)
        )
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    state: TokenizerState = target.state
    return state.index.get(text, state.vocabulary.unk_id)


def _size(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    return len(_vocabulary(target))


def _special(name: str) -> NativeMethod:
    return lambda interp, target, args, kwargs, line: getattr(_vocabulary(target), name)


def _score(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    i = _piece_id(interp, target, args[0], line)
    return i if isinstance(i, Opaque) else float(_vocabulary(target).pieces[i].score)


_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def decode_ids(vocabulary: Vocabulary, ids: list[int]) -> str:
    """Text of a sequence of ids as SentencePiece decodes it (one leading space dropped, bytes joined)."""
    out: list[str] = []
    pending = bytearray()

    def flush() -> None:
        if pending:
            # SentencePiece turns every byte that is not part of valid UTF-8 into U+FFFD.
            at = 0
            data = bytes(pending)
            while at < len(data):
                for n in (4, 3, 2, 1):
                    try:
                        out.append(data[at : at + n].decode("utf-8"))
                    except UnicodeDecodeError:
                        continue
                    at += n if at + n <= len(data) else len(data) - at
                    break
                else:
                    out.append("\ufffd")
                    at += 1
            pending.clear()

    first = True
    for i in ids:
        piece = vocabulary.pieces[i]
        if piece.kind is PieceKind.BYTE:
            match = _BYTE_PIECE.fullmatch(piece.text)
            if match:
                pending.append(int(match.group(1), 16))
            first = False
            continue
        flush()
        if piece.kind is PieceKind.CONTROL:
            continue
        if piece.kind is PieceKind.UNKNOWN:
            out.append(" \u2047 ")
            first = False
            continue
        text = piece.text
        if first and text.startswith(MARKER):
            text = text[len(MARKER) :]
        first = False
        out.append(text.replace(MARKER, " "))
    flush()
    return "".join(out)


def _decode(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0] if args else kwargs.get("input", kwargs.get("ids"))
    if isinstance(value, Opaque):
        return value
    ids = [value] if isinstance(value, int) else items_of(interp, value, line)
    if ids and isinstance(ids[0], (list, tuple)):
        return interp.made([_decode(interp, target, [x], {}, line) for x in ids])
    if ids and isinstance(ids[0], str):
        return Opaque("decode() of pieces", line)
    plain: list[int] = []
    for x in ids:
        i = _piece_id(interp, target, x, line)
        if isinstance(i, Opaque):
            return i
        plain.append(i)
    vocabulary = _vocabulary(target)
    spoken = (vocabulary.pieces[i] for i in plain)
    first = next((p for p in spoken if p.kind is not PieceKind.CONTROL), None)
    if first is not None and first.text.startswith(MARKER):
        # Models trained without `add_dummy_prefix` keep that space, others drop it; a vocabulary does not say which.
        return Opaque(
            "decode() of a text that starts with a space depends on the model's add_dummy_prefix", line
        )
    return decode_ids(vocabulary, plain)


def _unmodelled(name: str) -> NativeMethod:
    return lambda interp, target, args, kwargs, line: Opaque(
        f"SentencePieceProcessor.{name}() is not modelled", line
    )


def _load(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    return True


_METHODS: dict[str, NativeMethod] = {
    "is_control": _kind_test(PieceKind.CONTROL), "is_unknown": _kind_test(PieceKind.UNKNOWN),
    "is_unused": _kind_test(PieceKind.UNUSED), "is_byte": _kind_test(PieceKind.BYTE), "id_to_piece": _id_to_piece,
    "piece_to_id": _piece_to_id, "vocab_size": _size, "get_piece_size": _size, "piece_size": _size, "__len__": _size,
    "unk_id": _special("unk_id"), "bos_id": _special("bos_id"), "eos_id": _special("eos_id"),
    "pad_id": _special("pad_id"), "get_score": _score, "decode": _decode, "decode_ids": _decode, "load": _load,
    "load_from_file": _load, "load_from_serialized_proto": _load, "LoadFromSerializedProto": _load,
    **{n: _unmodelled(n) for n in (
        "encode", "encode_as_ids", "encode_as_pieces", "serialized_model_proto", "sample_encode_as_ids", "decode_pieces",
        "set_encode_extra_options", "normalize",
    )},
}  # fmt: skip
_CAMEL = {
    "IsControl": "is_control", "IsUnknown": "is_unknown", "IsUnused": "is_unused", "IsByte": "is_byte",
    "IdToPiece": "id_to_piece", "PieceToId": "piece_to_id", "GetPieceSize": "get_piece_size",
    "GetScore": "get_score", "Decode": "decode", "DecodeIds": "decode", "Load": "load", "Encode": "encode",
    "EncodeAsIds": "encode", "LoadFromFile": "load", "Init": "load",
}  # fmt: skip
SENTENCEPIECE_METHODS = {**_METHODS, **{camel: _METHODS[plain] for camel, plain in _CAMEL.items()}}


def sentencepiece_module(state: TokenizerState) -> Module:
    """`import sentencepiece`: every processor it makes is the tokenizer under audit."""
    module = Module("sentencepiece")

    def make(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        interp.cells(64)
        made = NativeObject("SentencePieceProcessor", SENTENCEPIECE_METHODS, state, cls)
        interp.register(made)
        path = args[0] if args else kwargs.get("model_file", kwargs.get("model_proto"))
        if isinstance(path, str):
            interp.probe.tokenizer_paths.add(path)
        return made

    cls = NativeClass("SentencePieceProcessor", make)
    module.attributes["SentencePieceProcessor"] = cls
    module.resolve = lambda name: Opaque(f"sentencepiece.{name}", 0)
    return module
