"""`pgolf register-thresholds ID` and `pgolf decide ID`: the rule before the seeds, the verdict after them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pgolf.errors import UsageError
from pgolf.exits import Exit

_NO_VALUE = "reference"


@click.command("register-thresholds")
@click.argument("experiment_id", metavar="ID")
@click.option(
    "--seed1-continue",
    is_flag=False,
    flag_value=_NO_VALUE,
    metavar="[BPB]",
    help="Highest bpb of seed 1 at which to go on; without a value: the reference's mean.",
)
@click.option("--publish", type=float, help="Margin for GREEN, in --unit.")
@click.option("--internal", type=float, help="Margin for YELLOW, in --unit.")
@click.option("--unit", type=click.Choice(["nats", "bpb"]), help="Of the margins; default nats (per token).")
@click.option("--alpha", type=float, help="Significance level; default: the profile's.")
@click.option("--seeds", type=int, help="Number of seeds that decide; default: the profile's minimum.")
@click.option("--reference-seeds", metavar="BPB,BPB,…", help="Seeds of what must be beaten.")
@click.option("--reference-value", type=float, metavar="BPB", help="The one number that must be beaten.")
@click.option("--reference-experiment", metavar="ID", help="Take that experiment's seeds as the reference.")
@click.option("--reference-source", metavar="TEXT", help="Where the reference comes from.")
@click.option("--tokenizer", metavar="KEY", help="Tokenizer of the profile, for nats to bpb.")
@click.option("--bytes-per-token", type=float, help="The same for a tokenizer the profile does not know.")
@click.option("--script", type=click.Path(path_type=Path), help="Training script to freeze by its hash.")
@click.option("--amend", metavar="REASON", help="Add a visible amendment to a registered rule.")
@click.option("--json", "as_json", is_flag=True, help="Print the registration as JSON.")
def register_thresholds(experiment_id: str, amend: str | None, as_json: bool, **options: Any) -> int:
    """Freeze the decision rule of experiment ID before its first seed.

    Without a --reference-… option the leaderboard's frontier is frozen, or, without a leaderboard, the profile's.
    """
    from pgolf.lab import preregistration
    from pgolf.lab.documents import document
    from pgolf.lab.settings import load_workspace

    workspace = load_workspace()
    terms = _terms(options)
    if amend is not None:
        registration = preregistration.amend(workspace, experiment_id, terms, amend)
    else:
        if options["seed1_continue"] is None:
            raise UsageError(
                "--seed1-continue is missing: state when to stop after seed 1 (a bpb, or no value)"
            )
        registration = preregistration.register(workspace, experiment_id, terms)
    if as_json:
        click.echo(document("lab_registration", {"registration": registration.as_dict()}), nl=False)
        return Exit.OK
    rule = preregistration.rule_from_dict(registration.rule)
    for line in rule_lines(registration.experiment, registration.version, rule, registration.rule_sha256):
        click.echo(line)
    return Exit.OK


@click.command()
@click.argument("experiment_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def decide(experiment_id: str, as_json: bool) -> int:
    """Apply the registered rule to the seeds of experiment ID: GREEN, YELLOW, RED or SCREENED_OUT.

    PENDING means that registered seeds are missing, UNDECIDED that the numbers cannot answer. The verdict is
    recorded.
    """
    from pgolf.lab.decision import decide as decide_experiment
    from pgolf.lab.documents import document
    from pgolf.lab.settings import load_workspace
    from pgolf.report.visible import visible

    decision = decide_experiment(load_workspace(), experiment_id)
    if as_json:
        click.echo(document("lab_decision", {"decision": decision.as_dict()}), nl=False)
        return Exit.OK
    colour = {"GREEN": "green", "RED": "red", "SCREENED_OUT": "red"}.get(decision.verdict)
    click.echo(
        f"{click.style(decision.verdict, fg=colour, bold=True)}  {decision.experiment}: {visible(decision.sentence)}."
    )
    test = decision.publish_test
    if test is not None and test.p_margin is not None:
        click.echo(
            f"  effect      {_both(decision.improvement_bpb, decision.improvement_nats)} better than the reference"
        )
        click.echo(
            f"  interval    [{test.ci_low:.6f}, {test.ci_high:.6f}] bpb at {test.confidence:.1%} (two-sided); "
            f"publish margin {test.margin:.6f} bpb"
        )
        click.echo(f"  t = {test.t:.4f}, df = {test.degrees_of_freedom:.3f}, p = {test.p_margin:.4g}")
        needed = (
            "not reachable by more seeds"
            if decision.seeds_for_80_percent is None
            else (f"80 % needs {decision.seeds_for_80_percent} seeds")
        )
        click.echo(
            f"  power       {test.power:.1%} for the publish margin if the true effect is the observed one ({needed})"
        )
    if decision.parent_test is not None and decision.parent_test.p_difference is not None:
        parent = decision.parent_test
        click.echo(
            f"  parent      {parent.improvement:+.6f} bpb better, p = {parent.p_difference:.3g} (two-sided, no margin)"
        )
    for note in decision.notes:
        click.echo(f"  note        {visible(note)}")
    click.echo(f"  rule        version {decision.rule_version}, sha256 {decision.rule_sha256[:16]}")
    return Exit.OK


def rule_lines(experiment_id: str, version: int, rule: Any, digest: str) -> list[str]:
    """The frozen rule for people."""
    from pgolf.lab.preregistration import margin_in_bpb
    from pgolf.report.visible import visible

    def margin(value: float) -> str:
        in_bpb = margin_in_bpb(value, rule.unit, rule.bytes_per_token)
        return f"{value:g} {rule.unit}" + (
            f" = {in_bpb:.6f} bpb" if rule.unit == "nats" and in_bpb is not None else ""
        )

    values = ", ".join(f"{value:.6f}" for value in rule.reference.values_bpb)
    kind = (
        "one number, taken as exact"
        if rule.reference.kind == "value"
        else f"{len(rule.reference.values_bpb)} seeds"
    )
    conversion = rule.bytes_per_token_source
    if rule.bytes_per_token is not None:
        conversion = f"{rule.bytes_per_token:.6f} ({conversion})"
    return [
        f"{experiment_id}: rule version {version} frozen, sha256 {digest[:16]}",
        f"  seed 1      go on at or below {rule.seed1_continue_bpb:.6f} bpb",
        f"  GREEN       beats the reference by more than {margin(rule.publish_margin)} at p < {rule.alpha:g}",
        f"  YELLOW      by more than {margin(rule.internal_margin)}",
        f"  seeds       the first {rule.seeds} recorded",
        f"  reference   {values} bpb ({kind}; {visible(rule.reference.source)})",
        f"  bytes/token {visible(conversion)}",
        f"  script      {visible(rule.script) if rule.script else 'none frozen'}",
    ]


def _both(value_bpb: float | None, value_nats: float | None) -> str:
    text = "–" if value_bpb is None else f"{value_bpb:+.6f} bpb"
    return text if value_nats is None else f"{text} ({value_nats:+.6f} nats per token)"


def _terms(options: dict[str, Any]) -> Any:
    from pgolf.lab.preregistration import Terms

    return Terms(
        seed1_continue_bpb=_seed1(options["seed1_continue"]),
        publish_margin=options["publish"],
        internal_margin=options["internal"],
        unit=options["unit"],
        alpha=options["alpha"],
        seeds=options["seeds"],
        reference_seeds_bpb=_numbers(options["reference_seeds"]),
        reference_value_bpb=options["reference_value"],
        reference_experiment=options["reference_experiment"],
        reference_source=options["reference_source"],
        tokenizer=options["tokenizer"],
        bytes_per_token=options["bytes_per_token"],
        script=options["script"],
    )


def _seed1(text: str | None) -> float | None:
    if text is None or text == _NO_VALUE:
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--seed1-continue {text!r} is no number: give a bpb, or no value") from None


def _numbers(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--reference-seeds {text!r}: numbers separated by commas are needed") from None
