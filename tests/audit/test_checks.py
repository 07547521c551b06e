"""Every check: one slug, one file, one page, one folder of samples with a case that must not be flagged."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from pathlib import Path

import pytest

import pgolf.audit.checks as package
from pgolf.audit.checks import significance
from pgolf.audit.checks.registry import CHECKS
from pgolf.audit.evidence import collect_evidence
from pgolf.audit.folder import disk_folder
from pgolf.audit.submission import audit_submission
from pgolf.core.finding import Severity
from pgolf.core.profile import load_profile
from pgolf.core.verdict import Verdict

SAMPLES = Path(__file__).resolve().parent.parent / "checks"
NEED_THE_SCRIPT = ("bytes-eval-loop", "bytes-hard-coded", "bytes-table", "log-code-mismatch")
CASES = sorted(path for slug in SAMPLES.iterdir() for path in slug.iterdir() if path.is_dir())


def test_registry_files_pages_and_samples_are_the_same_list() -> None:
    slugs = {check.slug for check in CHECKS}
    assert len(slugs) == len(CHECKS)
    modules = {name for _, name, _ in pkgutil.iter_modules(package.__path__)} - {"check", "registry"}
    pages = {path.stem for path in (Path(package.__path__[0]).parents[1] / "report" / "pages").glob("*.md")}
    assert {slug.replace("-", "_") for slug in slugs} == modules
    assert slugs <= pages
    assert slugs == {path.name for path in SAMPLES.iterdir() if path.is_dir()}
    for check in CHECKS:
        module = importlib.import_module(f"pgolf.audit.checks.{check.slug.replace('-', '_')}")
        assert getattr(module, check.slug.replace("-", "_").upper()) is check
        names = [path.name for path in (SAMPLES / check.slug).iterdir()]
        assert any(name.startswith("flagged_") for name in names), check.slug
        assert any(name.startswith("clean_") for name in names), check.slug


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_check_speaks_about_its_flagged_samples_and_not_about_its_clean_ones(case: Path) -> None:
    report = audit_submission(case)
    absent = report.script is not None and "no engine" in report.script.reason
    if absent and case.parent.name in NEED_THE_SCRIPT:
        pytest.skip("the engine that reads scripts is not installed in this build")
    about = [finding for finding in report.row.reasons if finding.rule == case.parent.name]
    assert bool(about) is case.name.startswith("flagged_")
    if any(f.severity is not Severity.NOTE for f in about):
        assert report.row.verdict is not Verdict.VERIFIED
    if case.name.startswith("clean_"):
        assert report.row.verdict is not Verdict.FLAGGED
        assert not [f for f in report.row.reasons if f.severity is Severity.ERROR]


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_locations_of_findings_name_files_of_the_folder(case: Path) -> None:
    for finding in audit_submission(case).row.reasons:
        assert finding.message
        if finding.path:
            assert (case / finding.path).is_file(), finding
            lines = (case / finding.path).read_text(encoding="utf-8").count("\n") + 1
            assert 0 <= finding.line <= lines


def test_a_gain_is_tested_by_welch_where_the_profile_knows_the_frontiers_seeds() -> None:
    case = SAMPLES / "significance" / "flagged_gain_that_three_seeds_do_not_show"
    evidence = collect_evidence(disk_folder(case), load_profile())
    (alone,) = significance.inspect(evidence)
    assert "0.005 nats (0.002961 bpb) is not shown: p = 0.99" in alone.message
    validation = replace(evidence.profile.validation, merged_sota_seeds_bpb=(1.0803, 1.0809, 1.0812))
    known = replace(evidence, profile=replace(evidence.profile, validation=validation))
    assert list(significance.inspect(known)) == []
    validation = replace(validation, merged_sota_seeds_bpb=(1.0703, 1.0809, 1.0912))
    noisy = replace(evidence, profile=replace(evidence.profile, validation=validation))
    assert "is not shown" in next(significance.inspect(noisy)).message
