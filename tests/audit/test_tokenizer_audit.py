"""Tokenizers on real text: raw, decoded and canonical-rule bytes, and what makes them part."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path

import pytest
import sentencepiece
from click.testing import CliRunner

from pgolf.audit.tokenizer_audit import _spread, audit_tokenizer
from pgolf.cli.audit_tokenizer import tokenizer as command
from pgolf.cli.main import main
from pgolf.core.tokenizer_report import TokenizerReport
from pgolf.core.verdict import Verdict
from pgolf.errors import DataError, LimitTripped, UsageError
from pgolf.report.tokenizer import TOKENIZER_FORMATS, render_tokenizer
from pgolf.tokens import encode_worker, encoding
from pgolf.tokens.tokenizer_files import HUGGINGFACE, TIKTOKEN, read_tokenizer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TEXT = "The café is open — 日本 🐇.\n  Two  spaces, naïve <s>."


def severities(report: TokenizerReport) -> dict[str, str]:
    return {finding.rule: finding.severity.value for finding in report.findings}


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        ("sp1024", Verdict.VERIFIED),
        ("bpe4096_dummy_prefix", Verdict.VERIFIED),
        ("gravity1024_no_marker_piece", Verdict.FLAGGED),
        ("sp4096_nofallback", Verdict.FLAGGED),
    ],
)
def test_real_tokenizers_have_their_known_bytes(shared_data: Path, model: str, verdict: Verdict) -> None:
    name = f"{model}.model"
    known = json.loads((shared_data / "expected" / "tokenizers.json").read_text())
    expected = known["tokenizers"][name]
    report = audit_tokenizer(shared_data / "tokenizers" / name, shared_data / "fineweb_docs.jsonl")
    counts = report.counts
    assert counts is not None
    assert counts.raw_bytes == known["raw_utf8_bytes"]
    assert counts.documents == known["documents"]
    assert counts.rule_bytes == expected["canonical_bytes"]
    assert counts.decoded_bytes == expected["decoded_bytes"]
    assert counts.unknown_tokens == expected["unknown_targets"]
    assert counts.tokens + counts.documents == expected["stored_tokens"]
    assert report.has_marker_piece == expected["has_marker_piece"]
    assert report.verdict is verdict
    found = severities(report)
    if model == "gravity1024_no_marker_piece":
        assert found["bytes-space-shattered"] == "error"
        assert counts.share(counts.rule_bytes) == pytest.approx(0.218, abs=5e-4)
        assert counts.decoded_bytes == counts.rule_bytes
        assert {row.text for row in counts.worst_by_rule[:2]} == {"<0xE2>", "<0x96>"}
    if model == "sp4096_nofallback":
        assert counts.rule_bytes < counts.raw_bytes
        assert found["tokenizer-no-byte-fallback"] == "warning"
        assert found["tokenizer-rule-differs-from-text"] == "error"
        assert counts.worst_by_rule[0].text == "<unk>"
    assert ("tokenizer-dummy-prefix" in found) == report.dummy_prefix


def test_the_example_tokenizer_counts_its_text() -> None:
    report = audit_tokenizer(EXAMPLES / "tokenizer.model", EXAMPLES / "documents.jsonl")
    counts = report.counts
    assert counts is not None
    assert counts.raw_bytes == counts.decoded_bytes == counts.normalised_bytes
    # Two pieces of several markers, used once each: three bytes for a marker that stands for one.
    assert counts.rule_bytes - counts.raw_bytes == 8
    assert {row.text for row in counts.worst_by_rule} == {"▁▁", "▁▁▁▁"}
    assert report.verdict is Verdict.VERIFIED
    assert severities(report) == {"bytes-fallback-size": "note"}


# --- tiktoken and tokenizer.json, made here -------------------------------------------------------------------------


def ranks_file(path: Path, extra: list[bytes], bytes_of: range = range(256)) -> Path:
    tokens = [bytes([byte]) for byte in bytes_of] + extra
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate(tokens)))
    return path


def text_file(path: Path, text: str = TEXT) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_tiktoken_ranks_count_the_raw_bytes(tmp_path: Path) -> None:
    model = ranks_file(tmp_path / "r.tiktoken", [b"Th", b"The", b"af", b" o"])
    report = audit_tokenizer(model, text_file(tmp_path / "t.txt"))
    counts = report.counts
    assert counts is not None
    assert (report.format, report.byte_level, report.single_byte_tokens) == (TIKTOKEN, True, 256)
    assert counts.rule_bytes == counts.raw_bytes == counts.decoded_bytes == len(TEXT.encode())
    # é, —, 日, 本, 🐇, ï: 2+3+3+3+4+2 byte tokens, each three bytes by itself.
    assert counts.alone_bytes - counts.raw_bytes == 2 * (2 + 3 + 3 + 3 + 4 + 2)
    assert report.verdict is Verdict.VERIFIED
    assert severities(report)["bytes-fallback-size"] == "note"


def test_ranks_without_all_bytes_are_said_and_text_they_lack_is_an_error(tmp_path: Path) -> None:
    model = ranks_file(tmp_path / "r.tiktoken", [], range(128))
    assert severities(audit_tokenizer(model))["tokenizer-no-byte-fallback"] == "warning"
    with pytest.raises(DataError, match="the tiktoken library cannot use it"):
        audit_tokenizer(model, text_file(tmp_path / "t.txt"))


def huggingface(tmp_path: Path, kind: str) -> Path:
    """A tokenizer.json trained here by the tokenizers library."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    lines = [TEXT, "the cat and the hat", "a cat sat"] * 20
    if kind == "byte-level":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|end|>"]
        )
    elif kind == "metaspace":
        tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
        tokenizer.decoder = decoders.Sequence(
            [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never"), decoders.Fuse()]
        )
        byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
        trainer = trainers.BpeTrainer(
            vocab_size=400, special_tokens=["<unk>", *byte_tokens], limit_alphabet=30
        )
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=120, unk_token="<unk>", special_tokens=["<unk>"])
    tokenizer.train_from_iterator(lines, trainer)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    if kind == "metaspace":
        # The trainer knows no byte tokens of its own: take them out of the added ones, as converted models have them.
        document = json.loads(path.read_text())
        document["added_tokens"] = [t for t in document["added_tokens"] if not t["content"].startswith("<0x")]
        path.write_text(json.dumps(document))
    return path


def test_a_byte_level_tokenizer_json_counts_the_raw_bytes(tmp_path: Path) -> None:
    report = audit_tokenizer(huggingface(tmp_path, "byte-level"), text_file(tmp_path / "t.txt"))
    counts = report.counts
    assert counts is not None
    assert (report.format, report.byte_level, report.single_byte_tokens) == (HUGGINGFACE, True, 256)
    assert counts.rule_bytes == counts.raw_bytes == counts.decoded_bytes
    assert report.verdict is Verdict.VERIFIED


def test_a_normalising_tokenizer_json_is_measured_against_the_raw_text(tmp_path: Path) -> None:
    text = "THE CAFÉ ﬁne 日本"
    report = audit_tokenizer(huggingface(tmp_path, "unigram"), text_file(tmp_path / "t.txt", text))
    counts = report.counts
    assert counts is not None
    assert report.dummy_prefix
    assert report.normaliser == "Sequence, NFKC, Lowercase"
    assert counts.documents_changed == 1
    found = severities(report)
    assert found["tokenizer-no-byte-fallback"] == "warning"
    assert "tokenizer-lossy-normalisation" in found
    assert counts.rule_bytes < counts.raw_bytes
    assert report.verdict is Verdict.FLAGGED


def test_a_metaspace_tokenizer_json_with_byte_fallback(tmp_path: Path) -> None:
    model = huggingface(tmp_path, "metaspace")
    tokenizer = read_tokenizer(model)
    assert tokenizer.single_bytes == 256
    assert tokenizer.has_marker_piece
    report = audit_tokenizer(model, text_file(tmp_path / "t.txt", "the cat and the hat"))
    assert report.counts is not None
    assert report.counts.rule_bytes == report.counts.raw_bytes


# --- broken and hostile input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no pieces"),
        (b"{", "not valid JSON"),
        (b"[" * 10, "offset"),
        (b'{"a":' * 100_000, "not valid JSON"),
        (b"{}", "not a tokenizer.json"),
        (b'{"model": {"vocab": 3}}', "neither a list nor a mapping"),
        (b'{"model": {"vocab": {}}}', "the vocabulary is empty"),
        (b'{"model": {"vocab": {"a": -1}}}', "'a' has id -1"),
        (b'{"model": {"vocab": {"a": 99999999999}}}', "has id 99999999999"),
        (b'{"model": {"vocab": {"a": true}}}', "has id True"),
        (b'{"model": {"vocab": [[3, 0.0]]}}', "None|3 has id"),
        (b'{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": "x"}]}', "no usable id"),
        (b"YQ== 0\nYQ== 1\n", "for the second time"),
        (b"YQ== 0\nnonsense\n", "line 2: not a base64 token"),
        (b"YQ== 99999999\n", "rank 99999999"),
    ],
)
def test_a_broken_tokenizer_is_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        read_tokenizer(path)
    assert str(path) in str(caught.value)


def test_a_tokenizer_its_library_refuses_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text('{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}')
    with pytest.raises(DataError, match="the huggingface library cannot use it") as caught:
        audit_tokenizer(path, text_file(tmp_path / "t.txt"))
    assert "\n" not in str(caught.value)


def test_a_library_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "WALL_SECONDS", 0.01)
    with pytest.raises(LimitTripped, match="encoding_seconds"):
        audit_tokenizer(EXAMPLES / "tokenizer.model", text_file(tmp_path / "t.txt"))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.txt", b"a\xffb", "offset 1: not UTF-8"),
        ("t.txt", b"", "holds no text"),
        ("t.jsonl", b'{"text": "a"}\nnot json\n', "line 2: not valid JSON"),
        ("t.jsonl", b'{"text": 3}\n', "line 1: no text in field 'text'"),
        ("t.jsonl", b'{"text": "a\\ud800"}\n', "line 1: a lone surrogate"),
        ("t.jsonl", b"[" * 100_000, "line 1: not valid JSON"),
    ],
)
def test_a_broken_text_is_one_sentence(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        audit_tokenizer(EXAMPLES / "tokenizer.model", path)


def test_text_is_cut_at_the_bound_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MAX_TEXT_BYTES", 10)
    assert encoding.read_documents(text_file(tmp_path / "t.txt", "123456789é")) == (["123456789"], True)
    lines = tmp_path / "t.jsonl"
    lines.write_text('{"t": "ab"}\n\n{"t": "cd"}\n')
    monkeypatch.setattr(encoding, "MAX_TEXT_BYTES", 20)
    assert encoding.read_documents(lines, "t") == (["ab"], True)
    monkeypatch.setattr(encoding, "MAX_LINE_BYTES", 5)
    with pytest.raises(DataError, match="longer than 5 bytes"):
        encoding.read_documents(lines, "t")


@pytest.mark.parametrize("kind", ["sentencepiece", "huggingface", "tiktoken"])
def test_the_worker_answers_as_its_libraries_do(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = {
        "sentencepiece": lambda: EXAMPLES / "tokenizer.model",
        "huggingface": lambda: huggingface(tmp_path, "byte-level"),
        "tiktoken": lambda: ranks_file(tmp_path / "r", [b"The"]),
    }[kind]()
    request = {
        "kind": kind,
        "path": str(path),
        "ids": 5,
        "surface_bytes": 10,
        "memory_bytes": 1,
        "cpu_seconds": 1,
    }
    monkeypatch.setattr(encode_worker, "_limit", lambda memory_bytes, cpu_seconds: None)
    monkeypatch.setattr(
        sys, "stdin", io.StringIO("\n".join(map(json.dumps, (request, "The é", TEXT))) + "\n")
    )
    assert encode_worker.main() == 0
    short, long, alone = map(json.loads, capsys.readouterr().out.splitlines())
    assert (short["agrees"], long["agrees"]) == (True, True)
    assert (short["decoded_bytes"], long["decoded_bytes"]) == (6, len(TEXT.encode()))
    assert len(alone["alone"]) == 5
    assert bool(short["surfaces"]) == (kind == "sentencepiece")
    assert long["surfaces"] == []  # beyond the bound


def test_surfaces_are_spread_over_the_byte_tokens_of_a_character() -> None:
    assert _spread([1, 1, 1], (0, 0, 3)) == [1, 1, 1]
    assert _spread([1, 1, 1], (0, 0, 1)) == [0, 0, 1]
    assert _spread([1, 1, 4], (0, 2, 4)) == [1, 1, 4]
    assert _spread([1, 2], (5, 0)) == [5, 0]


# --- the command ----------------------------------------------------------------------------------------------------


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(EXAMPLES / "tokenizer.model")
    assert main(["audit", "tokenizer", model, "--text", str(EXAMPLES / "documents.jsonl")]) == 0
    assert main(["audit", "tokenizer", model]) == 3
    assert "structure only" in capsys.readouterr().out
    unknown = ranks_file(tmp_path / "r.tiktoken", [b"xx"])
    assert main(["audit", "tokenizer", str(unknown), "--text", str(tmp_path / "absent")]) == 2
    assert "no such file" in capsys.readouterr().err
    report = tmp_path / "out" / "report.json"
    assert main(["audit", "tokenizer", model, "--json", "--output", str(report)]) == 3
    assert json.loads(report.read_text())["verdict"] == "UNVERIFIED"


def test_a_flagged_tokenizer_exits_with_1_except_in_sarif(tmp_path: Path) -> None:
    out = tmp_path / "m.model"
    with out.open("wb") as stream:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["aaabbb"] * 50), model_writer=stream, vocab_size=262, byte_fallback=True,
            model_type="bpe", hard_vocab_limit=False, add_dummy_prefix=False, minloglevel=9,
        )  # fmt: skip
    text = text_file(tmp_path / "t.txt", "aaa bbb " * 100)
    report = audit_tokenizer(out, text)
    assert not report.has_marker_piece
    assert severities(report)["bytes-space-shattered"] == "error"
    runner = CliRunner()
    for format_ in TOKENIZER_FORMATS:
        result = runner.invoke(
            command, [str(out), "--text", str(text), "--format", format_], standalone_mode=False
        )
        assert result.return_value == (0 if format_ == "sarif" else 1), format_
        assert "bytes-space-shattered" in result.output


def test_every_format_holds_the_numbers() -> None:
    report = audit_tokenizer(EXAMPLES / "tokenizer.model", EXAMPLES / "documents.jsonl")
    assert report.counts is not None
    document = json.loads(render_tokenizer(report, "json"))
    assert document["counts"]["rule_bytes"] == report.counts.rule_bytes
    assert document["counts"]["rule_over_raw"] == report.counts.rule_bytes / report.counts.raw_bytes
    assert json.loads(render_tokenizer(report, "jsonl")) == document
    assert "142,853" in render_tokenizer(report, "text")
    assert "142,853" in render_tokenizer(report, "markdown")
    assert json.loads(render_tokenizer(report, "sarif"))["version"] == "2.1.0"
    page = render_tokenizer(report, "html")
    assert "142,853" in page
    assert "▁▁▁▁" in page
    assert "structure only" in render_tokenizer(audit_tokenizer(EXAMPLES / "tokenizer.model"), "html")
    with pytest.raises(UsageError, match="no format"):
        render_tokenizer(report, "xml")
