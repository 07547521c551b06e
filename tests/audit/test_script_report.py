"""One script's report: what it asks for, the code that came out of wrappers, and the exact correction on shards."""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path

import pytest

from pgolf.audit.script_document import gate_row, report_script
from pgolf.audit.source_layers import source_layers
from pgolf.core.verdict import Verdict
from pgolf.errors import UsageError
from pgolf.untrusted.script import NoSiblings, Script
from pgolf.untrusted.unwrap import unwrap

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = EXAMPLES / "scripts"
MODEL = EXAMPLES / "tokenizer.model"
SHARDS = str(EXAMPLES / "val" / "*.bin")


def test_shards_need_a_tokenizer_and_a_score_needs_shards() -> None:
    with pytest.raises(UsageError, match="--val-data needs --tokenizer"):
        report_script(SCRIPTS / "canonical.py", val_data=SHARDS)
    with pytest.raises(UsageError, match="--reported-bpb needs --val-data"):
        report_script(SCRIPTS / "canonical.py", MODEL, reported_bpb=1.0)


def test_a_right_script_is_verified_and_its_ratio_on_a_stream_is_one() -> None:
    report = report_script(SCRIPTS / "canonical.py", MODEL, SHARDS, 1.25)
    assert report.verdict is Verdict.VERIFIED
    assert report.correction is not None
    assert (report.correction.ratio, report.correction.corrected_bpb) == (1.0, 1.25)
    assert report.correction.candidate_bytes == report.correction.canonical_bytes
    assert gate_row(report)["reasons"][0]["message"]


def test_a_wrong_script_is_flagged_with_its_correction() -> None:
    report = report_script(SCRIPTS / "table_leading_space_plus_one.py", MODEL, SHARDS, 1.0)
    assert report.verdict is Verdict.FLAGGED
    assert report.correction is not None
    assert report.correction.ratio > 1.0
    assert report.correction.corrected_bpb == pytest.approx(report.correction.ratio)
    assert "leading_space_plus_one" in gate_row(report)["reasons"][0]["message"]


def test_what_changes_no_byte_of_a_stream_flags_nobody() -> None:
    report = report_script(SCRIPTS / "table_missing_is_unused.py", MODEL, SHARDS)
    assert [d.name.value for d in report.deviations] == ["missing_is_unused"]
    assert report.correction is not None
    assert report.correction.ratio == 1.0
    assert report.verdict is Verdict.UNVERIFIED


def test_a_script_that_misses_a_file_says_what_would_decide_it(tmp_path: Path) -> None:
    source = (SCRIPTS / "canonical.py").read_text(encoding="utf-8")
    start, end = source.index("def build_sentencepiece_luts"), source.index("def load_data_shard")
    path = tmp_path / "train_gpt.py"
    path.write_text(
        source[:start] + "from own_tables import build_sentencepiece_luts\n\n\n" + source[end:],
        encoding="utf-8",
    )
    report = report_script(path)
    assert report.verdict is Verdict.UNVERIFIED
    assert report.undecided_by == "the missing file, placed beside the script"


def test_layers_carry_the_text_that_was_unpacked_its_packing_and_hash() -> None:
    inner = "x = 1\n" * 30
    packed = base64.b64encode(zlib.compress(inner.encode())).decode()
    source = f"import base64, zlib\nexec(zlib.decompress(base64.b64decode('{packed}')))\n"
    (layer,) = source_layers(unwrap(Script("train_gpt.py", source.encode(), NoSiblings())))
    assert layer.text == inner
    assert layer.sha256 == hashlib.sha256(inner.encode()).hexdigest()
    assert "zlib" in layer.packing
    assert layer.path.startswith("train_gpt.py::")
