"""The contract of `scripts/canonical_rescore.py`: keys, statuses, counts, modes, corrections, exit codes."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import lzma
import math
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from pgolf.audit.rescore import Request, main, rescore
from pgolf.core.deviation import Deviation, DeviationName
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.luts import LookupTables, canonical_tables
from pgolf.core.tokenizer import Piece, PieceKind, Vocabulary
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus
from pgolf.errors import UsageError
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.tokens.shard import shard_bytes
from pgolf.tokens.windows import ScoringMode, Windows
from tests.contest_script import BUGS, script
from tests.tokens.model_writer import model_bytes

ROOT = Path(__file__).resolve().parents[1]
TOOL = ROOT / "scripts" / "canonical_rescore.py"
MODEL = ROOT / "examples" / "tokenizer.model"
VAL = ROOT / "examples" / "val"
N = DeviationName

PUBLISHED = {
    "pr_number", "script_path", "lut_status", "lut_bug_detections", "detected_bugs_description", "inflation_ratio_includes",
    "reported_bpb", "inflation_ratio", "computed_inflation_ratio", "inferred_canonical_bpb", "passes_merged_sota_threshold",
    "merged_sota_threshold", "seq_len", "stride", "scoring_mode", "canonical_byte_count", "buggy_byte_count",
    "leading_space_token_count", "scored_token_count", "num_windows", "byte_source", "exact_inflation_ratio",
    "exact_inferred_canonical_bpb", "exact_includes", "candidate_byte_count", "eval_status", "packed_layers", "evidence",
    "findings",
}  # fmt: skip

# --- the arithmetic, with an audit of our own making ---------------------------------------------------------------

# <s>, ▁a, b, ▁cd, <0x41>, <unused>
VOCABULARY = Vocabulary(
    (
        Piece("<s>", PieceKind.CONTROL), Piece("▁a", PieceKind.NORMAL), Piece("b", PieceKind.NORMAL),
        Piece("▁cd", PieceKind.NORMAL), Piece("<0x41>", PieceKind.BYTE), Piece("▁u", PieceKind.UNUSED),
    ),
)  # fmt: skip
STREAM = [0, 1, 2, 3, 4, 1, 5, 1, 0, 3]
# targets   1  2  3  4  1  5  1  0  3   after   0  1  2  3  4  1  5  1  0
# bases     1  1  2  1  1  0  1  0  2 = 9
# spaces    -  .  +  .  +  .  -  .  -  = 2 of the 5 leading-space targets; three follow <s> or the unused piece
CANONICAL_BYTES, SPACES = 11, 5


@dataclasses.dataclass(frozen=True)
class Audited:
    """An audit as the tool sees it."""

    lut_status: LutStatus
    deviations: tuple[Deviation, ...] = ()
    byte_source: ByteSource = ByteSource.TABLE
    eval_status: EvalStatus = EvalStatus.CANONICAL
    packed_layers: tuple[str, ...] = ()
    evidence: str = "exhaustive, 6 tokens"
    tables: LookupTables | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""


def deviations(*names: DeviationName) -> tuple[Deviation, ...]:
    return tuple(Deviation(name, 1, f"example of {name}") for name in names)


def tables(**changes: dict[int, Any]) -> LookupTables:
    """The canonical tables with entries changed by column and id."""
    canonical = canonical_tables(VOCABULARY)
    columns = {
        name: list(getattr(canonical, name)) for name in ("base_bytes", "has_leading_space", "is_boundary")
    }
    for name, entries in changes.items():
        for token, value in entries.items():
            columns[name][token] = value
    return LookupTables(**{name: tuple(values) for name, values in columns.items()})


CORRECT = Audited(LutStatus.CORRECT, tables=canonical_tables(VOCABULARY))
PLUS_ONE = Audited(
    LutStatus.BUGGY, deviations(N.LEADING_SPACE_PLUS_ONE), tables=tables(base_bytes={1: 2, 3: 3})
)


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "val.bin"
    path.write_bytes(shard_bytes(STREAM))
    return path


def run(audited: Audited, stream: Path, **changes: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"windows": Windows(4, 2), "reported_bpb": 1.1}
    request = Request(Path("train_gpt.py"), Path("m.model"), str(stream), **{**defaults, **changes})
    result = rescore(request, audited, VOCABULARY)
    assert set(result) - {"notes"} == PUBLISHED
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    return result


def test_a_hand_computed_stream(stream: Path) -> None:
    found = run(CORRECT, stream)
    assert found["canonical_byte_count"] == CANONICAL_BYTES
    assert found["leading_space_token_count"] == SPACES
    assert found["buggy_byte_count"] == CANONICAL_BYTES + SPACES
    assert found["computed_inflation_ratio"] == (CANONICAL_BYTES + SPACES) / CANONICAL_BYTES
    assert found["scored_token_count"] == 9
    assert found["num_windows"] == 4  # starts 0, 2, 4, 6: ws + 4 - 2 < 9
    assert (found["seq_len"], found["stride"]) == (4, 2)


def test_correct_keeps_the_reported_score(stream: Path) -> None:
    found = run(CORRECT, stream, reported_bpb=1.07217)
    assert found["lut_status"] == "CORRECT"
    assert found["lut_bug_detections"] == []
    assert found["inflation_ratio_includes"] == []
    assert found["inflation_ratio"] == found["exact_inflation_ratio"] == 1.0
    assert found["inferred_canonical_bpb"] == found["exact_inferred_canonical_bpb"] == 1.07217
    assert found["passes_merged_sota_threshold"] is True
    assert found["merged_sota_threshold"] == 1.0738
    assert found["candidate_byte_count"] == CANONICAL_BYTES
    assert "notes" not in found


def test_plus_one_alone_is_the_same_in_both_corrections(stream: Path) -> None:
    found = run(PLUS_ONE, stream, reported_bpb=1.0)
    ratio = (CANONICAL_BYTES + SPACES) / CANONICAL_BYTES
    assert found["lut_bug_detections"] == found["exact_includes"] == ["leading_space_plus_one"]
    assert found["inflation_ratio_includes"] == ["leading_space_plus_one"]
    assert found["inflation_ratio"] == found["exact_inflation_ratio"] == ratio
    assert found["inferred_canonical_bpb"] == found["exact_inferred_canonical_bpb"] == ratio
    assert found["passes_merged_sota_threshold"] is False
    assert "example of leading_space_plus_one" in found["detected_bugs_description"]


@pytest.mark.parametrize(
    ("name", "changes", "bytes_"),
    [
        (N.BYTE_TOKEN_WRONG_SIZE, {"base_bytes": {4: 6}}, CANONICAL_BYTES + 5),
        (N.BOUNDARY_BYTES_COUNTED, {"base_bytes": {0: 3}}, CANONICAL_BYTES + 3),
        # The unused piece once: its byte, its space after ▁a, and the space of the ▁a after it.
        (
            N.MISSING_IS_UNUSED,
            {"base_bytes": {5: 1}, "has_leading_space": {5: True}, "is_boundary": {5: False}},
            CANONICAL_BYTES + 3,
        ),
        (N.SPACE_FLAG_WRONG, {"has_leading_space": {1: False, 3: False}}, CANONICAL_BYTES - 2),
        (N.BOUNDARY_MASK_WRONG, {"is_boundary": {0: False}}, CANONICAL_BYTES + 2),
        (
            N.MARKER_NOT_RECOGNISED,
            {"base_bytes": {1: 4, 3: 5}, "has_leading_space": {1: False, 3: False}},
            CANONICAL_BYTES + 15 - 2,
        ),
        (N.TABLE_RESCALED, {"base_bytes": {1: 2, 2: 2, 3: 4, 4: 2}}, CANONICAL_BYTES + 9),
    ],
)
def test_each_deviation_alone_has_its_exact_bytes(
    stream: Path, name: N, changes: dict[str, Any], bytes_: int
) -> None:
    found = run(
        Audited(LutStatus.BUGGY, deviations(name), tables=tables(**changes)), stream, reported_bpb=2.0
    )
    assert found["candidate_byte_count"] == bytes_
    assert found["exact_inflation_ratio"] == bytes_ / CANONICAL_BYTES
    assert found["exact_inferred_canonical_bpb"] == 2.0 * bytes_ / CANONICAL_BYTES
    assert found["exact_includes"] == [name.value]
    # The older figures know "+1" only.
    assert found["inflation_ratio"] is None
    assert found["inferred_canonical_bpb"] is None
    assert found["passes_merged_sota_threshold"] is None
    assert found["inflation_ratio_includes"] == []
    assert found["computed_inflation_ratio"] == (CANONICAL_BYTES + SPACES) / CANONICAL_BYTES


def test_all_deviations_together_are_one_exact_ratio_and_the_older_one_says_what_it_leaves_out(
    stream: Path,
) -> None:
    names = (N.LEADING_SPACE_PLUS_ONE, N.BYTE_TOKEN_WRONG_SIZE, N.BOUNDARY_BYTES_COUNTED)
    audited = Audited(LutStatus.BUGGY, deviations(*names), tables=tables(base_bytes={0: 3, 1: 2, 3: 3, 4: 6}))
    found = run(audited, stream)
    assert found["exact_inflation_ratio"] == (CANONICAL_BYTES + SPACES + 5 + 3) / CANONICAL_BYTES
    assert found["inflation_ratio"] == (CANONICAL_BYTES + SPACES) / CANONICAL_BYTES
    assert found["inflation_ratio_includes"] == ["leading_space_plus_one"]
    assert found["exact_includes"] == [name.value for name in names]
    assert "byte_token_wrong_size, boundary_bytes_counted" in found["notes"]


@pytest.mark.parametrize(
    ("mode", "bytes_", "windows"),
    [
        ("sliding-window-boundary-masked", CANONICAL_BYTES, 4),
        ("all-tokens-boundary-masked", CANONICAL_BYTES, 0),
        ("all-tokens-no-mask", 9 + SPACES, 0),
    ],
)
def test_the_three_scoring_modes(stream: Path, mode: str, bytes_: int, windows: int) -> None:
    found = run(CORRECT, stream, mode=ScoringMode(mode))
    assert found["scoring_mode"] == mode
    assert found["canonical_byte_count"] == bytes_
    assert found["buggy_byte_count"] == bytes_ + SPACES
    assert found["num_windows"] == windows


@pytest.mark.parametrize("status", [LutStatus.OBFUSCATED, LutStatus.UNKNOWN])
def test_what_is_not_proved_has_no_ratio_and_says_why(stream: Path, status: LutStatus) -> None:
    audited = Audited(
        status, byte_source=ByteSource.UNKNOWN, eval_status=EvalStatus.UNKNOWN, reason="a bound was met"
    )
    found = run(audited, stream)
    assert found["lut_status"] == status.value
    for key in ("inflation_ratio", "inferred_canonical_bpb", "passes_merged_sota_threshold", "exact_inflation_ratio",
                "exact_inferred_canonical_bpb", "candidate_byte_count"):  # fmt: skip
        assert found[key] is None, key
    assert found["canonical_byte_count"] == CANONICAL_BYTES
    assert found["computed_inflation_ratio"] is not None
    assert f"{status.value}: a bound was met" in found["notes"]


def test_a_loop_that_deviates_has_no_exact_ratio_from_tables_alone(stream: Path) -> None:
    found = run(dataclasses.replace(CORRECT, eval_status=EvalStatus.DEVIATES), stream)
    assert found["exact_inflation_ratio"] is None
    assert "evaluation loop is not the reference one" in found["notes"]


def test_a_loop_that_is_not_proved_is_said(stream: Path) -> None:
    found = run(dataclasses.replace(PLUS_ONE, eval_status=EvalStatus.UNKNOWN), stream)
    assert found["exact_inflation_ratio"] is not None
    assert "its own loop was not proved" in found["notes"]


def test_bytes_of_a_sidecar_are_not_those_of_the_tables(stream: Path) -> None:
    found = run(dataclasses.replace(CORRECT, byte_source=ByteSource.SIDECAR), stream)
    assert found["byte_source"] == "sidecar"
    assert found["exact_inflation_ratio"] is None


def test_tables_too_short_for_the_stream_give_no_ratio(stream: Path) -> None:
    short = LookupTables((1, 1), (False, False), (False, False))
    found = run(Audited(LutStatus.BUGGY, deviations(N.OTHER_SIZE), tables=short), stream)
    assert found["exact_inflation_ratio"] is None
    assert "2 entries, the stream holds id 5" in found["notes"]


def test_tables_that_give_no_byte_count_give_no_ratio(stream: Path) -> None:
    audited = Audited(
        LutStatus.BUGGY, deviations(N.OTHER_SIZE), tables=tables(base_bytes={1: math.inf, 2: -math.inf})
    )
    assert "no byte count" in run(audited, stream)["notes"]


def test_without_a_reported_score_there_is_none_to_correct(stream: Path) -> None:
    found = run(PLUS_ONE, stream, reported_bpb=None)
    assert found["inflation_ratio"] == found["exact_inflation_ratio"]
    assert found["inferred_canonical_bpb"] is None
    assert found["exact_inferred_canonical_bpb"] is None
    assert found["passes_merged_sota_threshold"] is None


def test_skipping_the_count_classifies_only(stream: Path) -> None:
    found = run(PLUS_ONE, Path("no such data"), skip_byte_count=True)
    assert found["lut_status"] == "BUGGY"
    for key in (
        "canonical_byte_count",
        "num_windows",
        "computed_inflation_ratio",
        "inflation_ratio",
        "exact_inflation_ratio",
    ):
        assert found[key] is None, key
    assert run(CORRECT, stream, skip_byte_count=True)["inflation_ratio"] == 1.0


def test_a_cut_stream_and_a_stream_without_a_window_are_said(stream: Path) -> None:
    cut = run(CORRECT, stream, max_val_tokens=5)
    assert cut["scored_token_count"] == 4
    assert "first 5 tokens" in cut["notes"]
    assert "notes" not in run(CORRECT, stream, max_val_tokens=10)
    empty = run(CORRECT, stream, windows=Windows(2048, 64))
    assert (empty["scored_token_count"], empty["num_windows"], empty["canonical_byte_count"]) == (0, 0, 0)
    assert empty["computed_inflation_ratio"] is None
    assert "too few for a window of 2048 tokens" in empty["notes"]


def test_findings_notes_and_layers_are_passed_on(stream: Path) -> None:
    finding = Finding("val-subset", Severity.ERROR, Confidence.PROVED, "says", "train_gpt.py", 7)
    found = run(
        dataclasses.replace(CORRECT, findings=(finding,), notes=("n1", "n1"), packed_layers=("lzma", "b85")),
        stream,
        pr_number=7,
    )
    assert found["findings"] == [
        {
            "rule": "val-subset",
            "severity": "error",
            "confidence": "proved",
            "path": "train_gpt.py",
            "line": 7,
            "message": "says",
        }
    ]
    assert (found["notes"], found["packed_layers"], found["pr_number"]) == ("n1", ["lzma", "b85"], 7)


@pytest.mark.parametrize(
    "changes",
    [{"reported_bpb": 0.0}, {"reported_bpb": math.nan}, {"threshold": math.inf}, {"max_val_tokens": 0}],
)
def test_numbers_that_mean_nothing_are_refused(stream: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected"):
        run(CORRECT, stream, **changes)


# --- end to end -----------------------------------------------------------------------------------------------------


def execute(tmp_path: Path, source: str | bytes, *arguments: str) -> dict[str, Any]:
    """Run the tool in a process of its own, without the package installed, and return its report."""
    path = tmp_path / "train_gpt.py"
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    command = [
        sys.executable,
        str(TOOL),
        "--train-script",
        str(path),
        "--tokenizer",
        str(MODEL),
        "--val-data",
        str(VAL),
    ]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert set(report) - {"notes"} == PUBLISHED
    return report


def bytes_on_example(*bugs: DeviationName) -> int:
    """Bytes of the example stream under the builder with `bugs`, summed the long way."""
    tokens: list[int] = []
    for shard in sorted(VAL.glob("*.bin")):
        data = shard.read_bytes()
        tokens += struct.unpack(f"<{(len(data) - 1024) // 2}H", data[1024:])
    pieces = read_model_file(MODEL).pieces
    total = 0
    special = {PieceKind.CONTROL, PieceKind.UNKNOWN} | (
        set() if N.MISSING_IS_UNUSED in bugs else {PieceKind.UNUSED}
    )
    marker = "?" if N.MARKER_NOT_RECOGNISED in bugs else "▁"
    for before, token in itertools.pairwise(tokens):
        piece = pieces[token]
        if piece.kind in special:
            total += len(piece.text) if N.BOUNDARY_BYTES_COUNTED in bugs else 0
        elif piece.kind is PieceKind.BYTE and N.BYTE_TOKEN_WRONG_SIZE not in bugs:
            total += 1
        else:
            text = piece.text.removeprefix(marker)
            total += len(text) if N.COUNTS_CHARACTERS in bugs else len(text.encode())
            if piece.text.startswith(marker):
                total += (N.LEADING_SPACE_PLUS_ONE in bugs) + (pieces[before].kind not in special)
    return total


def test_a_canonical_script_end_to_end(tmp_path: Path) -> None:
    found = execute(tmp_path, script(), "--reported-bpb", "1.0", "--pr-number", "12")
    assert found["lut_status"] == "CORRECT", found.get("notes")
    assert found["lut_bug_detections"] == []
    assert found["canonical_byte_count"] == found["candidate_byte_count"] == bytes_on_example()
    assert found["inflation_ratio"] == found["exact_inflation_ratio"] == 1.0
    assert found["eval_status"] == "CANONICAL", found.get("notes")
    assert found["byte_source"] == "table"
    assert found["evidence"].startswith("exhaustive")
    assert "1024" in found["evidence"]
    assert found["pr_number"] == 12
    assert found["passes_merged_sota_threshold"] is True


@pytest.mark.parametrize("bug", list(BUGS), ids=str)
def test_each_deviation_end_to_end(tmp_path: Path, bug: DeviationName) -> None:
    found = execute(tmp_path, script(bug), "--reported-bpb", "1.0")
    assert found["lut_status"] == "BUGGY", found.get("notes")
    assert found["lut_bug_detections"] == [bug.value]
    expected = bytes_on_example(bug)
    assert found["candidate_byte_count"] == expected
    assert found["exact_inflation_ratio"] == expected / bytes_on_example()
    assert found["exact_inferred_canonical_bpb"] == expected / bytes_on_example()
    plus_one = bug is N.LEADING_SPACE_PLUS_ONE
    assert found["inflation_ratio"] == (found["computed_inflation_ratio"] if plus_one else None)


def test_all_deviations_end_to_end(tmp_path: Path) -> None:
    bugs = (N.LEADING_SPACE_PLUS_ONE, N.BYTE_TOKEN_WRONG_SIZE, N.MISSING_IS_UNUSED, N.BOUNDARY_BYTES_COUNTED)
    found = execute(tmp_path, script(*bugs), "--reported-bpb", "1.0108")
    assert found["lut_status"] == "BUGGY", found.get("notes")
    assert set(found["lut_bug_detections"]) == {bug.value for bug in bugs}
    assert found["candidate_byte_count"] == bytes_on_example(*bugs)
    assert found["exact_inflation_ratio"] > found["inflation_ratio"] > 1


def test_structure_without_effect_on_this_tokenizer_is_still_named(tmp_path: Path) -> None:
    kinds = (PieceKind.UNKNOWN, PieceKind.CONTROL)
    pieces = [
        Piece("<unk>", kinds[0]),
        Piece("<s>", kinds[1]),
        Piece("▁a", PieceKind.NORMAL),
        Piece("▁", PieceKind.NORMAL),
    ]
    model, val = tmp_path / "plain.model", tmp_path / "val.bin"
    model.write_bytes(model_bytes(pieces))
    val.write_bytes(shard_bytes([1, 2, 2, 3, 2] * 20))
    arguments = ("--tokenizer", str(model), "--val-data", str(val), "--seq-len", "16", "--stride", "8")
    # Neither unused nor byte tokens, nor characters of several bytes: three deviations that change nothing here.
    found = execute(
        tmp_path,
        script(N.MISSING_IS_UNUSED, N.BYTE_TOKEN_WRONG_SIZE, N.COUNTS_CHARACTERS),
        *arguments,
        "--reported-bpb",
        "1",
    )
    assert found["lut_status"] == "BUGGY", found.get("notes")
    assert set(found["lut_bug_detections"]) == {
        "missing_is_unused",
        "byte_token_wrong_size",
        "counts_characters",
    }
    assert found["exact_inflation_ratio"] == found["exact_inferred_canonical_bpb"] == 1.0
    assert found["inflation_ratio"] is None
    assert "no effect on this tokenizer" in found["detected_bugs_description"]
    assert execute(tmp_path, script(), *arguments)["lut_status"] == "CORRECT"


PACKED = {
    "zlib-b64": lambda source: (
        "import zlib, base64\nexec(zlib.decompress(base64.b64decode(" + repr(base64.b64encode(zlib.compress(source)))
        + ")).decode())\n"
    ),
    "lzma-b85": lambda source: (
        "import lzma as L, base64 as B\nexec(L.decompress(B.b85decode(" + repr(base64.b85encode(lzma.compress(source)))
        + ")))\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("packing", sorted(PACKED))
@pytest.mark.parametrize("bugs", [(), (N.LEADING_SPACE_PLUS_ONE,)], ids=["canonical", "plus-one"])
def test_a_packed_script_is_unwrapped_and_classified(
    tmp_path: Path, packing: str, bugs: tuple[DeviationName, ...]
) -> None:
    found = execute(tmp_path, PACKED[packing](script(*bugs).encode()))
    assert found["lut_status"] == ("BUGGY" if bugs else "CORRECT"), found.get("notes")
    assert found["packed_layers"]
    assert found["lut_bug_detections"] == [bug.value for bug in bugs]


def test_a_script_packed_beyond_undoing_is_obfuscated(tmp_path: Path) -> None:
    source = "import zlib, base64, os\nexec(zlib.decompress(base64.b64decode(os.environ['CODE_THAT_IS_NOT_HERE'])))\n"
    broken = "import zlib, base64\nexec(zlib.decompress(base64.b64decode('bm90IHpsaWIgYXQgYWxs')))\n"
    assert execute(tmp_path, broken)["lut_status"] == "OBFUSCATED"
    assert execute(tmp_path, source)["lut_status"] in ("OBFUSCATED", "UNKNOWN")


def test_a_script_without_tables_is_unknown_and_says_why(tmp_path: Path) -> None:
    found = execute(tmp_path, "print('hello')\n")
    assert found["lut_status"] == "UNKNOWN"
    assert found["inflation_ratio"] is None
    assert found["notes"]


def test_nothing_of_the_script_runs(tmp_path: Path) -> None:
    marker = tmp_path / "it_ran"
    execute(
        tmp_path,
        f"open({str(marker)!r}, 'w').write('x')\nimport os\nos.system('touch {marker}')\n" + script(),
    )
    assert not marker.exists()


def test_the_report_is_written_to_a_file_too(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    found = execute(tmp_path, script(), "--skip-byte-count", "--output", str(out))
    assert json.loads(out.read_text()) == found
    assert found["canonical_byte_count"] is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"--train-script": "absent.py"}, "absent.py"),
        ({"--tokenizer": "absent.model"}, "absent.model"),
        ({"--tokenizer": str(TOOL)}, "offset"),
        ({"--val-data": "absent_*.bin"}, "no file matches absent_*.bin"),
        ({"--val-data": str(MODEL)}, "magic number"),
        ({"--stride": "0"}, "stride"),
        ({"--stride": "4096"}, "stride"),
        ({"--reported-bpb": "nan"}, "--reported-bpb"),
        ({"--max-val-tokens": "-1"}, "--max-val-tokens"),
        ({"--output": "/no/such/folder/x.json"}, "cannot write"),
    ],
)
def test_unusable_input_is_one_sentence_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], says: str
) -> None:
    path = tmp_path / "train_gpt.py"
    path.write_text("print('hello')\n")
    arguments = {"--train-script": str(path), "--tokenizer": str(MODEL), "--val-data": str(VAL), **changes}
    assert main([item for pair in arguments.items() for item in pair]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert says in printed.err
    assert printed.err.count("\n") == 1


def test_unusable_arguments_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--scoring-mode", "other"], ["--seq-len", "x"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_package_is_importable_without_numpy_click_or_rich() -> None:
    code = (
        "import sys; sys.path.insert(0, 'src'); import pgolf.audit.rescore; "
        "print([m for m in ('numpy', 'click', 'rich', 'scipy', 'sentencepiece') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
