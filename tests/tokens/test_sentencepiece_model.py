"""Our SentencePiece reader, against the sentencepiece library and against broken files."""

from __future__ import annotations

import contextlib
import io
import struct
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary
from pgolf.errors import DataError
from pgolf.tokens.sentencepiece_model import MAX_MODEL_BYTES, parse_model, read_model, read_model_file
from tests.tokens.model_writer import field, model_bytes, piece_message


def agrees_with_sentencepiece(vocabulary: Vocabulary, data: bytes) -> None:
    oracle = sentencepiece.SentencePieceProcessor(model_proto=data)
    ids = range(oracle.vocab_size())
    assert len(vocabulary) == len(ids)
    assert [p.text for p in vocabulary.pieces] == [oracle.id_to_piece(i) for i in ids]
    assert [p.score for p in vocabulary.pieces] == [oracle.get_score(i) for i in ids]
    kinds = [p.kind for p in vocabulary.pieces]
    assert [k is PieceKind.CONTROL for k in kinds] == [oracle.is_control(i) for i in ids]
    assert [k is PieceKind.UNKNOWN for k in kinds] == [oracle.is_unknown(i) for i in ids]
    assert [k is PieceKind.UNUSED for k in kinds] == [oracle.is_unused(i) for i in ids]
    assert [k is PieceKind.BYTE for k in kinds] == [oracle.is_byte(i) for i in ids]
    assert (vocabulary.unk_id, vocabulary.bos_id, vocabulary.eos_id, vocabulary.pad_id) == (
        oracle.unk_id(), oracle.bos_id(), oracle.eos_id(), oracle.pad_id(),
    )  # fmt: skip


@pytest.mark.shared_data
def test_every_real_model_reads_as_sentencepiece_reads_it(shared_data: Path) -> None:
    models = sorted((shared_data / "tokenizers").glob("*.model"))
    assert len(models) == 12
    for path in models:
        agrees_with_sentencepiece(read_model_file(path), path.read_bytes())


@pytest.mark.shared_data
def test_normaliser_settings_are_read(shared_data: Path) -> None:
    folder = shared_data / "tokenizers"
    dummy = parse_model((folder / "bpe4096_dummy_prefix.model").read_bytes(), "dummy")
    plain = parse_model((folder / "sp4096_nofallback.model").read_bytes(), "plain")
    assert (dummy.add_dummy_prefix, dummy.byte_fallback, dummy.normalizer) == (True, True, "nmt_nfkc")
    assert (plain.add_dummy_prefix, plain.byte_fallback) == (False, False)
    assert plain.charsmap_bytes > 100_000


def test_a_model_trained_here_with_every_kind_reads_as_sentencepiece_reads_it() -> None:
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat é ü 日本", "a dog and a cat"] * 30),
        model_writer=out, vocab_size=320, byte_fallback=True, model_type="bpe", pad_id=5, bos_id=-1,
        user_defined_symbols=["<u>", "▁▁"], control_symbols=["<c>"], hard_vocab_limit=False, minloglevel=9,
    )  # fmt: skip
    agrees_with_sentencepiece(read_model(out.getvalue(), "here"), out.getvalue())


KINDS = st.sampled_from([PieceKind.NORMAL, PieceKind.USER_DEFINED, PieceKind.UNUSED, PieceKind.CONTROL])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, KINDS, st.floats(-1e4, 1e4, width=32)), max_size=20, unique_by=lambda p: p[0])
)
def test_generated_models_read_as_sentencepiece_reads_them(rows: list[tuple[str, PieceKind, float]]) -> None:
    pieces = [Piece("<unk>", PieceKind.UNKNOWN)]
    pieces += [Piece(text, kind, score) for text, kind, score in rows if text != "<unk>"]
    # sentencepiece wants at least one piece that text can be split into.
    pieces.append(Piece("\ue000", PieceKind.NORMAL))
    if len({p.text for p in pieces}) < len(pieces):
        return
    data = model_bytes(pieces)
    agrees_with_sentencepiece(read_model(data, "generated"), data)


def test_field_order_and_unknown_fields_do_not_matter() -> None:
    plain = Piece("▁a", PieceKind.USER_DEFINED, -1.5)
    shuffled = (
        field(3, 0, 4)
        + field(9, 2, b"later")
        + field(2, 5, struct.pack("<f", -1.5))
        + field(1, 2, "▁a".encode())
    )
    data = (
        field(2, 2, b"")
        + field(1, 2, shuffled)
        + field(200, 1, b"12345678")
        + field(1, 2, piece_message(plain))
    )
    assert read_model(data, "m").pieces == (plain, plain)


def test_a_piece_without_type_or_score_is_normal() -> None:
    assert read_model(field(1, 2, field(1, 2, b"x")), "m").pieces == (Piece("x", PieceKind.NORMAL, 0.0),)


def test_an_unknown_type_counts_as_the_default() -> None:
    message = field(1, 2, b"x") + field(2, 5, b"\0\0\0\0") + field(3, 0, 77)
    assert read_model(field(1, 2, message), "m").pieces[0].kind is PieceKind.NORMAL


def test_a_special_id_needs_the_right_type() -> None:
    data = model_bytes(
        [Piece("<unk>", PieceKind.NORMAL), Piece("<s>", PieceKind.CONTROL), Piece("</s>", PieceKind.NORMAL)]
    )
    vocabulary = read_model(data, "m")
    assert (vocabulary.unk_id, vocabulary.bos_id, vocabulary.eos_id, vocabulary.pad_id) == (-1, 1, -1, -1)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "offset 0: no pieces"),
        (b"\n", "ends inside a number"),
        (b"\x0a\xff\xff\xff\xff\x0f", "field 1 needs 4294967295 bytes, 0 are left"),
        (b"\x0a" + b"\xff" * 11, "longer than 10 bytes"),
        (b"\x03", "field number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x08\x01", "field 1 has wire type 0"),
        (b"#!/usr/bin/env python\nprint(1)\n", "m.model: offset"),
        (field(1, 2, field(1, 2, b"a\xffb")), "offset 5: piece 0 is not UTF-8"),
        (field(1, 2, field(1, 2, b"a" * 70_000)), "piece 0 has 70000 bytes"),
        (field(1, 2, field(1, 2, b"x")) + b"\x0a\x05ab", "field 1 needs 5 bytes, 2 are left"),
    ],
)
def test_a_broken_model_is_one_sentence_with_name_and_offset(data: bytes, says: str) -> None:
    with pytest.raises(DataError, match=r"m\.model") as caught:
        read_model(data, "m.model")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_many_bytes_or_pieces_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="more than the"):
        read_model(b"\0" * (MAX_MODEL_BYTES + 1), "m")
    monkeypatch.setattr("pgolf.tokens.sentencepiece_model.MAX_PIECES", 3)
    with pytest.raises(DataError, match="more than 3 pieces"):
        read_model(model_bytes([Piece(str(i), PieceKind.NORMAL) for i in range(4)]), "m")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_either_read_or_a_data_error(data: st.DataObject) -> None:
    good = model_bytes(
        [Piece("<unk>", PieceKind.UNKNOWN), Piece("▁a", PieceKind.NORMAL, -1.0), Piece("b", PieceKind.BYTE)]
    )
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        read_model(bytes(raw[: data.draw(st.integers(0, len(raw)))]), "damaged")


def test_a_path_that_is_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_model_file(tmp_path / "absent.model")
    with pytest.raises(DataError, match="is a folder"):
        read_model_file(tmp_path)
    with pytest.raises(DataError, match=r"null|no such file"):
        read_model_file("a\0b")
