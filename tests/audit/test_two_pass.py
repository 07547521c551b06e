"""A second pass over cached counts: words in code, and a setting of the run that switches it on."""

from __future__ import annotations

import shutil
from pathlib import Path

from pgolf.audit.submission import audit_submission
from pgolf.core.finding import Finding, Severity

SAMPLE = Path(__file__).resolve().parent.parent / "checks" / "train-on-val" / "clean_scores_first"
CODE = """

def rescore_all(tokens):
    return tokens


if int(os.environ.get("NGRAM_TWO_PASS", "0")):
    rescore_all([])
"""


def found(folder: Path) -> list[Finding]:
    return [f for f in audit_submission(folder).row.reasons if f.rule == "two-pass"]


def test_a_setting_that_switches_it_on_is_a_warning_and_code_alone_a_note(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SAMPLE, tmp_path / "sample"))
    script = folder / "train_gpt.py"
    script.write_text(script.read_text(encoding="utf-8") + CODE, encoding="utf-8")
    assert [f.severity for f in found(folder)] == [Severity.NOTE]
    (folder / "README.md").write_text("NGRAM_TWO_PASS=1 torchrun train_gpt.py\n", encoding="utf-8")
    findings = found(folder)
    assert [f.severity for f in findings] == [Severity.WARNING]
    assert findings[0].path == "README.md"
    assert "NGRAM_TWO_PASS=1" in findings[0].message
