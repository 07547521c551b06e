"""Registration before the first seed, and the mechanical decision after it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from pgolf.errors import Refused, UsageError
from pgolf.lab.decision import Decision, decide
from pgolf.lab.experiments import (
    create_experiment,
    experiment_dir,
    fail_experiment,
    get_experiment,
    record_seed,
)
from pgolf.lab.preregistration import (
    Terms,
    amend,
    margin_in_bpb,
    register,
    rule_from_dict,
    rule_sha256,
)
from pgolf.lab.settings import Workspace
from pgolf.lab.store.database import read
from pgolf.lab.store.events import events_of, verify_chain
from pgolf.lab.store.readonly import is_registered, registration_problem

SOTA = (1.0810, 1.0812, 1.0809)
TERMS = Terms(
    seed1_continue_bpb=1.085,
    publish_margin=0.005,
    internal_margin=0.003,
    alpha=0.01,
    seeds=3,
    reference_seeds_bpb=SOTA,
    bytes_per_token=3.7266379,
)


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    """These tests begin with nothing."""
    return empty_workspace


def registered(workspace: Workspace, terms: Terms = TERMS, **changes: Any) -> str:
    experiment = create_experiment(workspace, "h", ["a"])
    register(workspace, experiment.id, replace(terms, **changes))
    return experiment.id


def seeded(workspace: Workspace, values: tuple[float, ...], terms: Terms = TERMS, **changes: Any) -> Decision:
    name = registered(workspace, terms, **changes)
    for number, bpb in enumerate(values, start=1):
        record_seed(workspace, name, seed=number, bpb=bpb)
    return decide(workspace, name)


def test_registration_freezes_the_rule_with_its_hash(any_workspace: Workspace) -> None:
    name = registered(any_workspace)
    record = get_experiment(any_workspace, name)
    assert record.experiment.status == "registered"
    (registration,) = record.registrations
    rule = rule_from_dict(registration.rule)
    assert rule.reference.values_bpb == SOTA
    assert (rule.publish_margin, rule.internal_margin, rule.unit) == (0.005, 0.003, "nats")
    assert rule.config_sha256 is not None
    assert registration.rule_sha256 == rule_sha256(rule)
    assert is_registered(any_workspace, name)
    with read(any_workspace) as reader:
        assert events_of(reader)[-1].payload["rule_sha256"] == registration.rule_sha256


def test_what_is_not_said_comes_from_the_profile(any_workspace: Workspace) -> None:
    experiment = create_experiment(any_workspace, "h", ["a"])
    registration = register(any_workspace, experiment.id, Terms(publish_margin=0.005, internal_margin=0.003))
    rule = rule_from_dict(registration.rule)
    profile = any_workspace.profile
    assert rule.alpha == profile.limits.record_alpha
    assert rule.seeds == profile.limits.minimum_seeds
    assert rule.reference.kind == "value"
    assert rule.reference.values_bpb == (profile.validation.merged_sota_bpb,)
    assert rule.seed1_continue_bpb == profile.validation.merged_sota_bpb


def test_a_tokenizer_of_the_profile_freezes_its_bytes_per_token(any_workspace: Workspace) -> None:
    facts = any_workspace.profile.validation.tokenizers[0]
    name = registered(any_workspace, bytes_per_token=None, tokenizer=facts.key)
    rule = rule_from_dict(get_experiment(any_workspace, name).registrations[0].rule)
    assert rule.bytes_per_token == facts.bytes_per_token


def test_registration_after_a_seed_is_refused(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    record_seed(workspace, "exp_001", seed=1, bpb=1.08)
    with pytest.raises(Refused, match="already"):
        register(workspace, "exp_001", TERMS)
    with pytest.raises(Refused, match="no registered rule"):
        decide(workspace, "exp_001")
    assert "no registered decision rule" in (registration_problem(workspace, "exp_001") or "")


def test_a_second_registration_is_refused(workspace: Workspace) -> None:
    name = registered(workspace)
    with pytest.raises(Refused, match="--amend"):
        register(workspace, name, TERMS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"publish_margin": None}, "--publish"),
        ({"publish_margin": math.nan}, "publish"),
        ({"publish_margin": -0.005}, "publish"),
        ({"publish_margin": 5.0}, "publish"),
        ({"internal_margin": 0.006}, "--internal"),
        ({"seed1_continue_bpb": 0.002}, "not a margin"),
        ({"seed1_continue_bpb": math.inf}, "seed1-continue"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 1.0}, "alpha"),
        ({"seeds": 1}, "seeds"),
        ({"seeds": 10_000}, "seeds"),
        ({"unit": "bits"}, "--unit"),
        ({"reference_seeds_bpb": (1.08,)}, "--reference-value"),
        ({"reference_seeds_bpb": (1.08, math.nan)}, "reference"),
        ({"reference_value_bpb": 1.08}, "exclude each other"),
        ({"reference_seeds_bpb": None, "reference_experiment": "exp_009"}, "no seeds"),
        ({"reference_seeds_bpb": None, "reference_source": "a blog"}, "--reference-source"),
        ({"bytes_per_token": 0.0}, "bytes-per-token"),
        ({"bytes_per_token": None, "tokenizer": "sp9999"}, "sp9999"),
    ],
)
def test_absurd_terms_are_refused_in_one_sentence(
    workspace: Workspace, changes: dict[str, Any], words: str
) -> None:
    create_experiment(workspace, "h", ["a"])
    with pytest.raises(UsageError, match=words) as caught:
        register(workspace, "exp_001", replace(TERMS, **changes))
    assert "\n" not in str(caught.value)
    assert get_experiment(workspace, "exp_001").registrations == ()


def test_green_is_welch_against_the_reference_less_the_margin(workspace: Workspace) -> None:
    values = (1.0710, 1.0720, 1.0730)
    decision = seeded(workspace, values)
    margin = 0.005 / (math.log(2) * 3.7266379)
    theirs = stats.ttest_ind([one - margin for one in SOTA], values, equal_var=False, alternative="greater")
    assert decision.verdict == "GREEN"
    assert decision.publish_test is not None
    assert decision.publish_test.method == "welch"
    assert decision.publish_test.p_margin == pytest.approx(theirs.pvalue, abs=1e-12)
    assert decision.improvement_bpb == pytest.approx(sum(SOTA) / 3 - 1.072)
    assert decision.improvement_nats == pytest.approx((sum(SOTA) / 3 - 1.072) * math.log(2) * 3.7266379)
    assert f"p = {theirs.pvalue:.3g} < 0.01" in decision.sentence
    assert get_experiment(workspace, "exp_001").experiment.status == "completed"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        # publish margin 0.001936 bpb, internal 0.001161 bpb, reference mean 1.081033
        ((1.0790, 1.0791, 1.0792), "YELLOW"),
        ((1.0799, 1.0800, 1.0801), "RED"),
        ((1.0830, 1.0832, 1.0834), "RED"),
        ((1.0600, 1.0720, 1.0849), "RED"),
    ],
)
def test_yellow_and_red(workspace: Workspace, values: tuple[float, ...], verdict: str) -> None:
    decision = seeded(workspace, values)
    assert decision.verdict == verdict
    assert ">= 0.01 for the publish margin" in decision.sentence
    assert "for the internal margin" in decision.sentence


def test_a_certain_but_small_gain_is_not_green_although_the_difference_is_significant(
    workspace: Workspace,
) -> None:
    decision = seeded(workspace, (1.0799, 1.0800, 1.0801))
    test = decision.publish_test
    assert test is not None
    assert test.p_difference is not None
    assert test.p_difference < 0.01
    assert decision.verdict == "RED"


def test_the_unit_of_the_margin_changes_the_verdict(workspace: Workspace) -> None:
    values = (1.0770, 1.0772, 1.0771)
    assert seeded(workspace, values, unit="nats").verdict == "GREEN"
    assert seeded(workspace, values, unit="bpb").verdict == "YELLOW"


def test_the_first_seed_above_its_threshold_ends_the_experiment(workspace: Workspace) -> None:
    decision = seeded(workspace, (1.0851,))
    assert decision.verdict == "SCREENED_OUT"
    assert "1.085100" in decision.sentence
    assert "1.085000" in decision.sentence
    assert get_experiment(workspace, "exp_001").experiment.status == "screened_out"
    assert "screened_out" in (registration_problem(workspace, "exp_001") or "")
    record_seed(workspace, "exp_001", seed=2, bpb=1.0)
    record_seed(workspace, "exp_001", seed=3, bpb=1.0001)
    assert decide(workspace, "exp_001").verdict == "SCREENED_OUT"


def test_a_first_seed_exactly_at_the_threshold_goes_on(workspace: Workspace) -> None:
    assert seeded(workspace, (1.085,)).verdict == "PENDING"


def test_missing_seeds_are_pending_whatever_they_show(workspace: Workspace) -> None:
    decision = seeded(workspace, (1.01, 1.0101))
    assert decision.verdict == "PENDING"
    assert "2 of 3 registered seeds" in decision.sentence


def test_seeds_beyond_the_registered_number_do_not_count(workspace: Workspace) -> None:
    decision = seeded(workspace, (1.0799, 1.0800, 1.0801, 1.0500, 1.0500))
    assert decision.verdict == "RED"
    assert decision.seeds_used == (1, 2, 3)
    assert any("beyond the 3 registered: seed 4, 5" in note for note in decision.notes)


def test_a_reference_of_one_number_is_a_one_sample_test_and_says_so(workspace: Workspace) -> None:
    values = (1.0710, 1.0720, 1.0730)
    decision = seeded(workspace, values, reference_seeds_bpb=None, reference_value_bpb=1.081)
    margin = 0.005 / (math.log(2) * 3.7266379)
    theirs = stats.ttest_1samp(values, 1.081 - margin, alternative="less")
    assert decision.publish_test is not None
    assert decision.publish_test.method == "one_sample"
    assert decision.publish_test.p_margin == pytest.approx(theirs.pvalue, abs=1e-12)
    assert "one number, taken as exact" in decision.sentence


def test_equal_seeds_are_undecided_and_never_nan(workspace: Workspace) -> None:
    decision = seeded(workspace, (1.07, 1.07, 1.07), reference_seeds_bpb=None, reference_value_bpb=1.081)
    assert decision.verdict == "UNDECIDED"
    assert "all values are equal" in decision.sentence
    json.dumps(decision.as_dict(), allow_nan=False)


def test_nats_without_bytes_per_token_need_the_loss_of_every_seed(workspace: Workspace) -> None:
    name = registered(workspace, bytes_per_token=None)
    for seed in (1, 2, 3):
        record_seed(workspace, name, seed=seed, bpb=1.071 + seed / 1e4)
    assert decide(workspace, name).verdict == "UNDECIDED"
    for seed in (1, 2, 3):
        bpb = 1.071 + seed / 1e4
        record_seed(workspace, name, seed=seed, bpb=bpb, loss_nats=bpb * math.log(2) * 2.5, replace=True)
    decision = decide(workspace, name)
    assert decision.bytes_per_token == pytest.approx(2.5)
    assert decision.publish_margin_bpb == pytest.approx(0.005 / (math.log(2) * 2.5))
    assert decision.verdict == "GREEN"
    assert sum("was replaced" in note for note in decision.notes) == 3


def test_losses_that_imply_other_bytes_per_token_are_noted(workspace: Workspace) -> None:
    name = registered(workspace)
    for seed in (1, 2, 3):
        record_seed(workspace, name, seed=seed, bpb=1.071 + seed / 1e4, loss_nats=3.2)
    assert any("registered are 3.72664 bytes per token" in note for note in decide(workspace, name).notes)


def test_an_amendment_after_the_first_seed_can_make_the_verdict_worse_but_not_better(
    workspace: Workspace,
) -> None:
    decision = seeded(workspace, (1.0799, 1.0800, 1.0801))
    assert decision.verdict == "RED"
    amend(workspace, "exp_001", Terms(publish_margin=0.0, internal_margin=0.0), "the margin was too strict")
    softened = decide(workspace, "exp_001")
    assert softened.verdict == "RED"
    assert any("under it the verdict is GREEN" in note for note in softened.notes)

    green = seeded(workspace, (1.0710, 1.0720, 1.0730))
    assert green.verdict == "GREEN"
    amend(workspace, "exp_002", Terms(reference_value_bpb=1.0725), "the frontier moved")
    assert decide(workspace, "exp_002").verdict == "RED"


def test_an_amendment_before_the_first_seed_replaces_the_rule(workspace: Workspace) -> None:
    name = registered(workspace)
    amend(workspace, name, Terms(publish_margin=0.010, seeds=2), "fewer, larger")
    record_seed(workspace, name, seed=1, bpb=1.07)
    record_seed(workspace, name, seed=2, bpb=1.0701)
    decision = decide(workspace, name)
    assert (decision.rule_version, decision.seeds_registered, decision.publish_margin) == (2, 2, 0.010)
    assert [row.version for row in get_experiment(workspace, name).registrations] == [1, 2]


def test_amendments_need_a_registration_a_reason_and_a_change(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    with pytest.raises(Refused, match="no registration to amend"):
        amend(workspace, "exp_001", Terms(seeds=4), "why")
    register(workspace, "exp_001", TERMS)
    with pytest.raises(UsageError, match="reason"):
        amend(workspace, "exp_001", Terms(seeds=4), " ")
    with pytest.raises(UsageError, match="changes nothing"):
        amend(workspace, "exp_001", Terms(seeds=3), "no change")


def test_a_changed_config_or_script_is_noted(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    folder = experiment_dir(workspace, "exp_001")
    (folder / "train_gpt.py").write_text("print(1)\n")
    registration = register(workspace, "exp_001", TERMS)
    assert registration.rule["script"] == "experiments/exp_001/train_gpt.py"
    record_seed(workspace, "exp_001", seed=1, bpb=1.08)
    assert decide(workspace, "exp_001").notes == ()
    (folder / "train_gpt.py").write_text("print(2)\n")
    (folder / "config.json").unlink()
    notes = decide(workspace, "exp_001").notes
    assert any("script is another one" in note for note in notes)
    assert any("config.json is gone" in note for note in notes)


def test_the_parents_seeds_are_frozen_and_compared(workspace: Workspace) -> None:
    seeded(workspace, (1.0790, 1.0791, 1.0792))
    create_experiment(workspace, "child", ["b"], parent="exp_001")
    register(workspace, "exp_002", TERMS)
    record_seed(workspace, "exp_001", seed=9, bpb=1.2)
    for seed, bpb in enumerate((1.0710, 1.0720, 1.0730)):
        record_seed(workspace, "exp_002", seed=seed, bpb=bpb)
    test = decide(workspace, "exp_002").parent_test
    assert test is not None
    assert test.reference_n == 3
    assert test.p_difference == pytest.approx(
        stats.ttest_ind((1.0790, 1.0791, 1.0792), (1.0710, 1.0720, 1.0730), equal_var=False).pvalue, abs=1e-12
    )


def test_deciding_again_without_news_records_nothing(workspace: Workspace) -> None:
    decision = seeded(workspace, (1.0710, 1.0720, 1.0730))
    with read(workspace) as reader:
        before = len(events_of(reader))
    assert decide(workspace, "exp_001") == decision
    with read(workspace) as reader:
        assert len(events_of(reader)) == before
        assert verify_chain(reader).problems == ()


def test_nothing_to_decide_is_refused(workspace: Workspace) -> None:
    name = registered(workspace)
    with pytest.raises(Refused, match="no seed yet"):
        decide(workspace, name)
    fail_experiment(workspace, name, "diverged")
    with pytest.raises(Refused, match="diverged"):
        decide(workspace, name)
    with pytest.raises(UsageError, match="no experiment exp_077"):
        decide(workspace, "77")


def test_margins_convert_by_bits_per_nat_and_bytes_per_token() -> None:
    assert margin_in_bpb(0.005, "bpb", None) == 0.005
    assert margin_in_bpb(0.005, "nats", None) is None
    assert margin_in_bpb(math.log(2), "nats", 2.0) == pytest.approx(0.5, rel=1e-15)


def test_seeds_that_look_like_copies_are_noted(workspace: Workspace) -> None:
    name = registered(workspace)
    for seed in (1, 2, 3):
        record_seed(workspace, name, seed=seed, bpb=1.07, log_sha256="ab" * 32)
    notes = decide(workspace, name).notes
    assert any("share the same bpb" in note for note in notes)
    assert any("not separate runs" in note for note in notes)
