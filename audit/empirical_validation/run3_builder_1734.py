"""Run 3: the table builder of pull request 1734 in full, and what the "+1 only" figure misses."""

from __future__ import annotations

from validation_run import EXAMPLES, Data, Figures, PlainLoop, builder_of_1734, known_split, run, ten

from pgolf.audit.inflation import Inflation, measure_inflation, plus_one
from pgolf.audit.script_facts import audit_script
from pgolf.errors import DataError
from pgolf.untrusted.limits import DEFAULT_LIMITS
from pgolf.untrusted.script import read_script

TITLE = "Run 3: the builder of #1734 in full"
SCRIPT = EXAMPLES / "scripts" / "like_1734.py"


def measure(data: Data) -> Figures:
    """The exact ratio of the whole builder against "+1 only", by our own builder and by the audit of a script."""
    tables = builder_of_1734(data.vocabulary)
    audited = audit_script(read_script(SCRIPT), DEFAULT_LIMITS, data.vocabulary)
    counts = data.count(tables)
    inflation = measure_inflation(counts, data.canonical, tables)
    if not isinstance(inflation, Inflation):
        raise DataError(f"no exact ratio: {inflation.reason}")
    older = plus_one(counts, data.canonical)
    older_ratio = older.buggy_bytes / older.canonical_bytes
    validation, facts = known_split()
    known_plus_one = validation.bytes + (facts.leading_space_targets or 0)
    known_bytes = (
        known_plus_one
        + (len("<0x00>") - 1) * (facts.byte_targets or 0)
        + len("<s>") * (facts.control_targets or 0)
    )
    return {
        "lut_status": audited.lut_status.value,
        "deviations": [
            {"name": deviation.name.value, "pieces": deviation.tokens} for deviation in audited.deviations
        ],
        "canonical_bytes": inflation.canonical_bytes,
        "candidate_bytes": inflation.candidate_bytes,
        "exact_ratio": ten(inflation.ratio),
        "plus_one_bytes": older.buggy_bytes,
        "plus_one_ratio": ten(older_ratio),
        "missed_bytes": inflation.candidate_bytes - older.buggy_bytes,
        "exact_over_plus_one": ten(inflation.ratio / older_ratio),
        "known_split": {
            "tokenizer": facts.key,
            "canonical_bytes": validation.bytes,
            "candidate_bytes": known_bytes,
            "exact_ratio": ten(known_bytes / validation.bytes),
            "plus_one_bytes": known_plus_one,
            "plus_one_ratio": ten(known_plus_one / validation.bytes),
        },
        "checks": {
            "the audit of a script with this builder finds the same tables": audited.tables == tables,
            "pgolf and the plain loop count the same bytes": inflation.candidate_bytes
            == PlainLoop.of(tables).total(data),
        },
    }


def summarise(figures: Figures) -> list[str]:
    """The figures as text."""
    known = figures["known_split"]
    lines = [f"examples/scripts/{SCRIPT.name}: {figures['lut_status']}"]
    lines += [f"  {row['name']:<26}{row['pieces']:>6} pieces" for row in figures["deviations"]]
    lines += ["", f"{'':<34}{'bytes':>14}{'ratio':>15}"]
    for label, size, ratio in (
        ("canonical", figures["canonical_bytes"], ten(1.0)),
        ("+1 only", figures["plus_one_bytes"], figures["plus_one_ratio"]),
        ("the builder in full", figures["candidate_bytes"], figures["exact_ratio"]),
        (f"full {known['tokenizer']} split: canonical", known["canonical_bytes"], ten(1.0)),
        (f"full {known['tokenizer']} split: +1 only", known["plus_one_bytes"], known["plus_one_ratio"]),
        (f"full {known['tokenizer']} split: in full", known["candidate_bytes"], known["exact_ratio"]),
    ):
        lines.append(f"{label:<34}{size:>14,}{ratio:>15}")
    lines += [
        "",
        f"+1 only misses {figures['missed_bytes']:,} bytes here: the exactly corrected score is "
        f"{figures['exact_over_plus_one']} times the one corrected by +1",
    ]
    return lines


if __name__ == "__main__":
    raise SystemExit(run("run3_builder_1734", TITLE, measure, summarise))
