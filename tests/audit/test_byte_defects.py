"""Table against logs: who is contradicted, and how severe it is."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pgolf.audit.evidence import SubmissionEvidence, collect_evidence
from pgolf.audit.folder import disk_folder
from pgolf.audit.judge import inflation, judge
from pgolf.audit.script_facts import ScriptFacts, facts_from_json
from pgolf.audit.submission import audit_submission
from pgolf.core.deviation import Deviation, DeviationName
from pgolf.core.finding import Confidence, Finding, Severity
from pgolf.core.profile import load_profile
from pgolf.core.script_report import SourceLayer
from pgolf.core.submission_report import SubmissionReport
from pgolf.core.tokenizer import Piece, PieceKind
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus, Verdict
from pgolf.untrusted.script import Script
from tests.tokens.model_writer import model_bytes

SAMPLES = Path(__file__).resolve().parent.parent / "checks"


def facts(
    lut_status: LutStatus = LutStatus.CORRECT,
    deviations: tuple[Deviation, ...] = (),
    byte_source: ByteSource = ByteSource.TABLE,
    eval_status: EvalStatus = EvalStatus.CANONICAL,
    findings: tuple[Finding, ...] = (),
    reason: str = "",
) -> ScriptFacts:
    """What the engine would say; everything right unless told otherwise."""
    return ScriptFacts(
        lut_status, deviations, byte_source, eval_status, evidence="probe", findings=findings, reason=reason
    )


def buggy(
    *names: DeviationName, effect: str = "", eval_status: EvalStatus = EvalStatus.CANONICAL
) -> ScriptFacts:
    deviations = tuple(Deviation(name, 7, f"example of {name.value}", effect) for name in names)
    return facts(LutStatus.BUGGY, deviations, eval_status=eval_status)


def evidence_of(sample: str, audit: ScriptFacts | None) -> SubmissionEvidence:
    def answer(script: Script) -> ScriptFacts | None:
        return audit

    return collect_evidence(disk_folder(SAMPLES / sample), load_profile(), audit=answer)


def report_of(sample: str, audit: ScriptFacts | None) -> SubmissionReport:
    return judge(evidence_of(sample, audit))


def errors(report: SubmissionReport) -> set[str]:
    return {
        f.rule
        for f in report.row.reasons
        if f.severity is Severity.ERROR and f.confidence is Confidence.PROVED
    }


RIGHT_LOGS = "fingerprint/clean_canonical"
PLUS_LOGS = "bytes-space-twice/flagged_table_and_loop_add_the_space"
NO_LOGS = "missing-evidence/flagged_no_logs"
PLUS = DeviationName.LEADING_SPACE_PLUS_ONE


def test_everything_agreeing_is_verified_and_keeps_its_value() -> None:
    report = report_of(RIGHT_LOGS, facts())
    assert report.row.verdict is Verdict.VERIFIED
    assert report.missing == ()
    assert report.row.inflation_ratio == 1.0
    assert report.row.corrected_bpb == report.row.reported_bpb


@pytest.mark.parametrize(
    "audit",
    [
        None,
        facts(lut_status=LutStatus.UNKNOWN, reason="no builder found"),
        facts(lut_status=LutStatus.OBFUSCATED),
        facts(eval_status=EvalStatus.UNKNOWN),
        facts(byte_source=ByteSource.UNKNOWN),
        buggy(DeviationName.MISSING_IS_UNUSED, effect="none on this tokenizer"),
    ],
)
def test_anything_not_proved_about_the_script_is_unverified(audit: ScriptFacts | None) -> None:
    report = report_of(RIGHT_LOGS, audit)
    assert report.row.verdict is Verdict.UNVERIFIED
    assert report.missing


def test_no_script_status_makes_up_for_missing_logs() -> None:
    assert report_of(NO_LOGS, facts()).row.verdict is Verdict.UNVERIFIED


def test_the_space_twice_in_code_and_logs_is_flagged_and_corrected_by_the_logs() -> None:
    report = report_of(PLUS_LOGS, buggy(PLUS))
    assert report.row.verdict is Verdict.FLAGGED
    assert errors(report) == {"bytes-space-twice"}
    assert report.row.inflation_ratio == pytest.approx(2.867 / 2.4359, rel=1e-3)
    assert report.row.corrected_bpb == pytest.approx(1.219823 * 2.867 / 2.4359, rel=1e-3)


def test_right_code_with_wrong_logs_is_a_mismatch() -> None:
    assert errors(report_of(PLUS_LOGS, facts())) == {"bytes-space-twice", "log-code-mismatch"}


def test_wrong_code_with_right_logs_is_a_mismatch_and_the_value_stands() -> None:
    report = report_of(RIGHT_LOGS, buggy(PLUS))
    assert errors(report) == {"log-code-mismatch"}
    assert report.row.inflation_ratio == 1.0


def test_the_table_alone_decides_where_logs_print_no_loss() -> None:
    assert errors(report_of(NO_LOGS, buggy(PLUS, DeviationName.BYTE_TOKEN_WRONG_SIZE))) == {
        "bytes-space-twice",
        "bytes-fallback-size",
    }


def test_one_of_two_places_is_not_proved_to_count_twice() -> None:
    report = report_of(NO_LOGS, buggy(PLUS, eval_status=EvalStatus.UNKNOWN))
    assert errors(report) == set()
    assert report.row.verdict is Verdict.UNVERIFIED


@pytest.mark.parametrize("sample", [RIGHT_LOGS, NO_LOGS])
@pytest.mark.parametrize(
    "audit",
    [
        buggy(PLUS, effect="none on this tokenizer"),
        buggy(DeviationName.MISSING_IS_UNUSED),
        buggy(DeviationName.BOUNDARY_BYTES_COUNTED, DeviationName.STRIPS_EVERY_MARKER),
    ],
)
def test_structure_without_effect_never_flags(sample: str, audit: ScriptFacts) -> None:
    report = report_of(sample, audit)
    assert errors(report) == set()
    assert [f for f in report.row.reasons if f.severity is Severity.WARNING]


def test_a_small_deviation_is_a_remark_where_the_logs_are_canonical_and_an_error_where_they_are_absent() -> (
    None
):
    audit = buggy(DeviationName.BYTE_TOKEN_WRONG_SIZE)
    assert errors(report_of(RIGHT_LOGS, audit)) == set()
    assert errors(report_of(NO_LOGS, audit)) == {"bytes-fallback-size"}


def test_a_loop_that_deviates_is_an_error_unless_the_logs_say_otherwise() -> None:
    assert errors(report_of(NO_LOGS, facts(eval_status=EvalStatus.DEVIATES))) == {"bytes-eval-loop"}
    assert errors(report_of(RIGHT_LOGS, facts(eval_status=EvalStatus.DEVIATES))) == set()


def test_a_constant_is_an_error_unless_it_gives_the_canonical_value() -> None:
    constant = facts(lut_status=LutStatus.UNKNOWN, byte_source=ByteSource.CONSTANT)
    assert errors(report_of(NO_LOGS, constant)) == {"bytes-hard-coded"}
    assert errors(report_of(RIGHT_LOGS, constant)) == set()


@pytest.mark.parametrize(
    "sample",
    [
        "val-subset/flagged_first_million_tokens",
        "val-other-set/flagged_other_documents",
        "log-stages-disagree/flagged_loss_of_one_stage_score_of_another",
    ],
)
def test_no_corrected_value_is_made_up_for_another_sample_of_documents(sample: str) -> None:
    evidence = evidence_of(sample, facts())
    assert inflation(evidence) is None
    assert judge(evidence).row.verdict is Verdict.FLAGGED


def test_byte_level_and_sidecar_sources_can_be_verified_without_a_table() -> None:
    for sample, source in (
        ("bytes-space-shattered/clean_byte_level", ByteSource.BYTE_LEVEL),
        ("bytes-transformed-text/clean_sidecar_bytes", ByteSource.SIDECAR),
    ):
        audit = facts(lut_status=LutStatus.UNKNOWN, byte_source=source, reason="no builder found")
        assert report_of(sample, audit).row.verdict is Verdict.VERIFIED


def test_remarks_of_the_script_audit_reach_the_row_but_not_as_errors() -> None:
    remark = Finding(
        "decoy-builder", Severity.WARNING, Confidence.LIKELY, "a second builder", "train_gpt.py", 3
    )
    report = report_of(RIGHT_LOGS, facts(findings=(remark,)))
    assert remark in report.row.reasons
    assert report.script is not None
    assert report.script.lut_status is LutStatus.CORRECT


def test_files_in_the_folder_decide_the_size(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    shutil.copytree(SAMPLES / RIGHT_LOGS, folder)
    with (folder / "final_model.int8.ptz").open("wb") as file:
        file.truncate(15_999_000)  # sparse: it fits alone, not with the script
    (folder / "README.md").write_text("| mean | 1.21982 |\n")
    report = judge(collect_evidence(disk_folder(folder), load_profile()))
    (finding,) = [f for f in report.row.reasons if f.rule == "size-cap"]
    assert finding.path == "final_model.int8.ptz"
    claims = {claim.name: claim for claim in report.claims}
    assert claims["val_bpb in the README"].agrees is True


def test_facts_survive_the_way_through_json() -> None:
    remark = Finding(
        "decoy-builder", Severity.WARNING, Confidence.LIKELY, "a second builder", "train_gpt.py", 3
    )
    original = replace(
        buggy(PLUS, DeviationName.OTHER_SIZE),
        findings=(remark,),
        layers=(SourceLayer("p", "lzma", "x = 1", "00"),),
    )
    assert facts_from_json(json.loads(json.dumps(original.to_json()))) == original


def test_a_loop_that_differs_a_little_on_rare_cases_only_is_a_remark() -> None:
    audit = replace(
        facts(eval_status=EvalStatus.DEVIATES),
        eval_reason="eval_val (line 190): counts 228 bytes where its own tables give 225 (x1.01333)",
    )
    assert errors(report_of(NO_LOGS, audit)) == set()
    large = replace(
        audit, eval_reason="eval_val (line 9): counts 270 bytes where its own tables give 225 (x1.20000)"
    )
    assert errors(report_of(NO_LOGS, large)) == {"bytes-eval-loop"}


def test_a_tokenizers_defect_is_no_mismatch_of_code_and_logs() -> None:
    for sample in (
        "bytes-space-shattered/flagged_no_marker_piece",
        "bytes-wrong-tokenizer/flagged_tables_of_another",
    ):
        assert "log-code-mismatch" not in {f.rule for f in report_of(sample, facts()).row.reasons}


def test_a_value_far_below_the_frontier_is_never_verified(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    shutil.copytree(SAMPLES / RIGHT_LOGS, folder)
    for path in [*folder.glob("*.log"), folder / "submission.json"]:
        path.write_text(re.sub(r"1\.2[12]\d{6}", "0.09900001", path.read_text()))
    evidence = collect_evidence(disk_folder(folder), load_profile(), audit=lambda script: facts())
    report = judge(evidence)
    assert report.row.reported_bpb == pytest.approx(0.099)
    assert report.row.verdict is not Verdict.VERIFIED
    assert any("frontier" in sentence for sentence in report.missing)


def test_the_ratio_of_a_known_table_corrects_where_no_log_does(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    shutil.copytree(SAMPLES / NO_LOGS, folder)
    script = folder / "train_gpt.py"
    script.write_text(script.read_text().replace("1024", "8192"))

    def ratio(audit: ScriptFacts) -> float | None:
        return inflation(collect_evidence(disk_folder(folder), load_profile(), audit=lambda _: audit))

    assert ratio(buggy(PLUS)) == pytest.approx(176_332_748 / 151_080_891, rel=1e-6)
    whole = (PLUS, DeviationName.BYTE_TOKEN_WRONG_SIZE, DeviationName.BOUNDARY_BYTES_COUNTED)
    assert ratio(buggy(*whole, DeviationName.MISSING_IS_UNUSED)) == pytest.approx(1.1770, abs=1e-4)
    assert ratio(buggy(DeviationName.OTHER_SIZE)) is None
    assert ratio(buggy(PLUS, eval_status=EvalStatus.UNKNOWN)) is None


def test_a_statement_that_is_corrected_already_is_not_corrected_again(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(SAMPLES / "bytes-transformed-text" / "flagged_bytes_of_the_transformed_text", folder)
    before = audit_submission(folder).row
    ratio, reported = before.inflation_ratio, before.reported_bpb
    assert ratio is not None
    assert reported is not None
    assert before.corrected_bpb == pytest.approx(reported * ratio)
    stated = json.loads((folder / "submission.json").read_text())
    stated["val_bpb"] = round(reported * ratio, 5)
    for seed in stated["seed_results"].values():
        seed["val_bpb"] = round(seed["val_bpb"] * ratio, 5)
    (folder / "submission.json").write_text(json.dumps(stated))
    after = audit_submission(folder).row
    assert after.corrected_bpb == stated["val_bpb"]
    said = [f for f in after.reasons if f.rule == "log-report-mismatch"]
    assert [f.severity for f in said] == [Severity.NOTE] * 3
    assert after.verdict is not Verdict.VERIFIED


@pytest.mark.parametrize(
    ("name", "severity"), [("fineweb_1024_bpe.model", "warning"), ("other.model", "note")]
)
def test_a_tokenizer_beside_the_script_is_read_and_weighs_as_a_warning_only_where_the_logs_use_it(
    tmp_path: Path, name: str, severity: str
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(SAMPLES / "significance" / "clean_three_seeds", folder)
    pieces = [Piece("<unk>", PieceKind.UNKNOWN, 0.0), Piece("\u2581the", PieceKind.NORMAL, -1.0)]
    (folder / name).write_bytes(model_bytes(pieces))
    (folder / "broken.model").write_bytes(b"\xff\x00 not a model")
    report = audit_submission(folder)
    said = {f.rule: f.severity.value for f in report.row.reasons if f.path == name}
    assert said == {"bytes-space-shattered": severity, "tokenizer-no-byte-fallback": severity}
    assert any(
        note.startswith(f"tokenizer {name}: 2 ids, no marker piece, 0 single") for note in report.notes
    )
    assert any(f.path == "broken.model" and f.rule == "missing-evidence" for f in report.row.reasons)
    assert (report.row.verdict is Verdict.VERIFIED) is (severity == "note")


def test_a_right_table_and_a_ratio_that_a_sample_of_tokens_gives_too_name_no_table_defect(
    tmp_path: Path,
) -> None:
    source = (
        Path(__file__).resolve().parent.parent
        / "checks"
        / "log-code-mismatch"
        / "flagged_right_code_wrong_logs"
    )
    folder = Path(shutil.copytree(source, tmp_path / "sample"))
    (folder / "submission.json").unlink()
    for number, log in enumerate(sorted(folder.glob("*.log"))):
        log.write_text(
            "val_bpb:enabled tokenizer_kind=sentencepiece tokenizer_path=./data/tokenizers/fineweb_8192_bpe.model\n"
            "val_loader:shards pattern=./data/datasets/fineweb10B_sp8192/fineweb_val_*.bin tokens:40540160\n"
            f"seed:{number}\nstep:20000/20000 val_loss:2.8{number}47 val_bpb:{(2.8047 + number / 100) / 2.60848:.6f}\n"
            f"final_exact val_loss:2.8{number}470000 val_bpb:{(2.8047 + number / 100) / 2.60848:.8f}\n",
            encoding="utf-8",
        )
    report = judge(
        replace(collect_evidence(disk_folder(folder), load_profile("parameter_golf")), audit=facts())
    )
    found = [f for f in report.row.reasons if f.severity is Severity.ERROR]
    assert {f.rule for f in found} == {"fingerprint"}
    assert "the script's table is canonical" in found[0].message
