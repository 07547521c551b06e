"""`pgolf demo`: audit the shipped example scripts and show what each finding means for a score."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pgolf.errors import UsageError
from pgolf.exits import Exit

if TYPE_CHECKING:
    from rich.table import Table

    from pgolf.audit.script_audit import ScriptAudit

REPORTED_BPB = 1.08
STEPS = 400_000
"""Evaluation steps per script: ten times what the examples need, and the endless one is stopped within a second."""
PIPE_WIDTH = 120
STYLES = {"CORRECT": "green", "CANONICAL": "green", "BUGGY": "red", "DEVIATES": "red"}


@dataclass(frozen=True, slots=True)
class DemoRow:
    """One audited example. `ratio` is candidate over canonical bytes on the example stream, None where not proved."""

    script: str
    lut_status: str
    deviations: tuple[str, ...]
    eval_status: str
    byte_source: str
    packed_layers: tuple[str, ...]
    ratio: float | None
    meaning: str

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


@click.command()
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    help="Folder with scripts/, tokenizer.model and val/; default: the checkout's examples/.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a script.")
def demo(examples: Path | None, as_json: bool) -> int:
    """Audit the example scripts on the example token stream. Nothing of them is run.

    Exit codes: 0 the table was made (most examples are wrong on purpose), 2 no examples there.
    """
    folder = examples if examples is not None else Path(__file__).resolve().parents[3] / "examples"
    if not (folder / "scripts").is_dir():
        raise UsageError(
            f"{folder}: no folder scripts/ here; run it from a checkout, or name one with --examples"
        )
    rows = audit_examples(folder)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row.as_dict()))
        return int(Exit.OK)
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(_table(rows, wide=console.width >= PIPE_WIDTH))
    console.print(
        "tables  the byte length of every token, compared with the contest's rule on the whole vocabulary\n"
        "loop    how the evaluation adds those bytes up\n"
        f"ratio   bytes this script counts / bytes there are, on {folder.name}/val; above 1 flatters the score\n"
        f"{REPORTED_BPB:<7} a reported {REPORTED_BPB} bits per byte comes to this by the contest's rule (?: not proved)\n"
        "More about a name: pgolf explain NAME",
        style="dim",
    )
    return int(Exit.OK)


def audit_examples(folder: Path) -> list[DemoRow]:
    """Audit every script of `folder`/scripts on its tokenizer, and count its stream once for all of them."""
    from pgolf.audit.script_audit import audit_script
    from pgolf.core.luts import canonical_tables
    from pgolf.tokens.sentencepiece_model import read_model_file
    from pgolf.tokens.statistics import count_tokens
    from pgolf.tokens.stream import open_stream
    from pgolf.untrusted.limits import DEFAULT_LIMITS
    from pgolf.untrusted.script import read_script

    vocabulary = read_model_file(folder / "tokenizer.model")
    limits = replace(DEFAULT_LIMITS, interpreter_steps=STEPS)
    paths = sorted((folder / "scripts").glob("*.py"), key=_order)
    audits = [(path.name, audit_script(read_script(path), vocabulary, limits)) for path in paths]
    canonical = canonical_tables(vocabulary)
    tables = [audit.tables for _, audit in audits if audit.tables is not None]
    counts = count_tokens(open_stream(str(folder / "val")), canonical, tables)
    return [_row(name, audit, _ratio(audit, counts, canonical)) for name, audit in audits]


_FAMILIES = ("canonical", "table_", "like_", "loop_", "packed_", "byte_", "launcher", "hostile_")


def _order(path: Path) -> tuple[int, str]:
    family = next((i for i, word in enumerate(_FAMILIES) if path.name.startswith(word)), len(_FAMILIES))
    return family, path.name


def _ratio(audit: ScriptAudit, counts: Any, canonical: Any) -> float | None:
    from pgolf.audit.inflation import Inflation, measure_inflation

    if audit.byte_source.value == "byte_level" and audit.eval_status.value == "CANONICAL":
        return 1.0
    if audit.tables is None or audit.eval_status.value != "CANONICAL":
        return None
    measured = measure_inflation(counts, canonical, audit.tables)
    return measured.ratio if isinstance(measured, Inflation) else None


def _row(name: str, audit: ScriptAudit, ratio: float | None) -> DemoRow:
    return DemoRow(
        script=name,
        lut_status=audit.lut_status.value,
        deviations=tuple(deviation.name.value for deviation in audit.deviations),
        eval_status=audit.eval_status.value,
        byte_source=audit.byte_source.value,
        packed_layers=audit.packed_layers,
        ratio=ratio,
        meaning=_meaning(audit, ratio),
    )


def _meaning(audit: ScriptAudit, ratio: float | None) -> str:
    """One sentence about what was proved, from the audit alone."""
    names = ", ".join(deviation.name.value for deviation in audit.deviations)
    through = f"; read through {' > '.join(audit.packed_layers)}" if audit.packed_layers else ""
    status, loop = audit.lut_status.value, audit.eval_status.value
    if loop == "DEVIATES":
        return f"the loop: {_after(audit.eval_reason, ': ')}{through}"
    if audit.byte_source.value == "byte_level" and loop == "CANONICAL":
        return f"needs no table: {_after(audit.eval_reason, ': ')}{through}"
    if status == "CORRECT" and loop == "CANONICAL":
        return f"measured as the contest defines it{through}"
    if status == "BUGGY":
        effect = "no effect on this stream"
        if ratio is not None and ratio > 1:
            effect = "too many bytes, looks too good"
        elif ratio is not None and ratio < 1:
            effect = "too few bytes, looks too bad"
        return f"{names}: {effect}{through}"
    return f"not proved: {_after(audit.reason or audit.eval_reason, ': ')}{through}"


def _after(text: str, separator: str) -> str:
    """`text` without a leading `place: `."""
    head, found, tail = text.partition(separator)
    return tail if found and "line" in head else text


def _table(rows: list[DemoRow], *, wide: bool) -> Table:
    """One line a script; on a narrow terminal what was found stands below the name."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("script", no_wrap=wide, ratio=None if wide else 1)
    table.add_column("tables", no_wrap=True)
    table.add_column("loop", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column(f"{REPORTED_BPB} is", justify="right", no_wrap=True)
    if wide:
        table.add_column("what was found", ratio=1)
    for row in rows:
        name = row.script.removesuffix(".py")
        cells = [
            Text(name) if wide else Text.assemble((name, "bold"), "\n", row.meaning),
            Text(row.lut_status, STYLES.get(row.lut_status, "bold")),
            Text(row.eval_status, STYLES.get(row.eval_status, "bold")),
            Text("" if row.ratio is None else f"{row.ratio:.4f}"),
            Text("?" if row.ratio is None else f"{row.ratio * REPORTED_BPB:.4f}"),
        ]
        table.add_row(*cells, *([Text(row.meaning)] if wide else []))
    return table
