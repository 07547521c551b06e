"""`pgolf manifest`: tokens, bytes and hashes of a split."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgolf.cli.main import main
from pgolf.core.profile import Profile, TokenizerFacts, load_profile
from pgolf.tokens.manifest import is_full_split, read_manifest
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.tokens.shard import shard_bytes
from tests.conftest import ROOT

VAL, MODEL = ROOT / "examples" / "val", ROOT / "examples" / "tokenizer.model"


def test_hashes_are_those_of_the_files_and_of_the_ids() -> None:
    found = read_manifest(str(VAL))
    paths = sorted(VAL.glob("*.bin"))
    assert [file.name for file in found.files] == [path.name for path in paths]
    assert [file.sha256 for file in found.files] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    ]
    ids = b"".join(path.read_bytes()[1024:] for path in paths)
    assert found.tokens_sha256 == hashlib.sha256(ids).hexdigest()
    assert found.tokens == len(ids) // 2
    assert found.largest_id == max(struct.unpack(f"<{len(ids) // 2}H", ids))


@given(tokens=st.lists(st.integers(0, 65535), min_size=1, max_size=40), cut=st.integers(0, 40))
def test_the_hash_of_a_stream_does_not_depend_on_its_shards(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[int], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    (folder / "whole.bin").write_bytes(shard_bytes(tokens))
    (folder / "part_0.bin").write_bytes(shard_bytes(tokens[:cut]))
    (folder / "part_1.bin").write_bytes(shard_bytes(tokens[cut:]))
    whole, parts = read_manifest(str(folder / "whole.bin")), read_manifest(str(folder / "part_*.bin"))
    assert whole.tokens_sha256 == parts.tokens_sha256
    assert (whole.tokens, whole.largest_id) == (parts.tokens, parts.largest_id) == (len(tokens), max(tokens))


def profile_with(facts: TokenizerFacts, total: int) -> Profile:
    profile = load_profile()
    return replace(profile, validation=replace(profile.validation, tokenizers=(facts,), bytes=total))


@pytest.mark.parametrize(
    ("stored", "total", "said", "full"),
    [
        (50_210, 142_853, "the full mine validation split", True),
        (50_210, 142_854, "NOT the mine validation split", False),
        (50_211, 142_853, "142,853 canonical bytes, as the full validation split has", False),
        (50_211, 1, "no known split", False),
    ],
)
def test_a_known_split_is_told_by_tokens_and_bytes(stored: int, total: int, said: str, full: bool) -> None:
    facts = TokenizerFacts("mine", 1024, 2.8, stored_tokens=stored)
    profile = profile_with(facts, total)
    found = read_manifest(str(VAL), read_model_file(MODEL), profile)
    assert found.known.startswith(said)
    assert is_full_split(found, facts, profile) is full
    assert not is_full_split(read_manifest(str(VAL)), facts, profile)


def test_json_and_text_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest", str(VAL), "--tokenizer", str(MODEL), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tokens"] == 50_210
    assert document["scored"]["canonical_bytes"] == 142_853
    assert document["scored"]["document_starts"] == 16
    assert document["size_bytes"] == sum(path.stat().st_size for path in VAL.glob("*.bin"))
    assert main(["manifest", str(VAL), "--tokenizer", str(MODEL)]) == 0
    text = capsys.readouterr().out
    for shown in ("50,210", "142,853", document["tokens_sha256"], document["files"][0]["sha256"]):
        assert shown in text


def test_a_stream_too_short_for_a_window_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.bin").write_bytes(shard_bytes([]))
    assert main(["manifest", str(tmp_path), "--tokenizer", str(MODEL)]) == 0
    assert "nothing is scored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the header has 0 bytes"),
        (b"\0" * 1024, "magic number 0"),
        (shard_bytes([1, 2, 3])[:-1], "is short"),
        (shard_bytes([1, 5000]), "token id 5000"),
    ],
)
def test_a_broken_shard_is_one_sentence_and_exit_2(
    data: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.bin").write_bytes(data)
    long_enough = shard_bytes([1, 5000] * 3000) if said == "token id 5000" else data
    (tmp_path / "a.bin").write_bytes(long_enough)
    assert main(["manifest", str(tmp_path), "--tokenizer", str(MODEL)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("given", ["", "fineweb_val_*.bin"])
def test_a_byte_sidecar_beside_the_shards_is_no_shard(given: str, tmp_path: Path) -> None:
    (tmp_path / "fineweb_val_000000.bin").write_bytes(shard_bytes([1, 5, 6]))
    (tmp_path / "fineweb_val_bytes_000000.bin").write_bytes(shard_bytes([0, 4, 2]))
    found = read_manifest(str(tmp_path / given))
    assert [file.name for file in found.files] == ["fineweb_val_000000.bin"]
    assert read_manifest(str(tmp_path / "fineweb_val_bytes_000000.bin")).tokens == 3
