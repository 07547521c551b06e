"""Experiments and seeds: ids, conflicts, validation, replacement."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.errors import Refused, UsageError
from pgolf.lab.experiments import (
    append_event,
    create_experiment,
    experiment_dir,
    fail_experiment,
    get_experiment,
    list_experiments,
    normalise_id,
    record_seed,
    set_status,
)
from pgolf.lab.knowledge import normalise_technique, parse_conflicts
from pgolf.lab.settings import Workspace
from pgolf.lab.store import seeds
from pgolf.lab.store.database import read
from pgolf.lab.store.events import events_of, verify_chain


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    """These tests begin with nothing."""
    return empty_workspace


def lessons(workspace: Workspace, text: str) -> None:
    workspace.knowledge_dir.mkdir(exist_ok=True)
    (workspace.knowledge_dir / "lessons_learned.md").write_text(text, encoding="utf-8")


def test_create_gives_the_next_id_a_folder_and_its_config(any_workspace: Workspace) -> None:
    first = create_experiment(any_workspace, "wider MLP helps", ["muon", "MLP 3x"])
    second = create_experiment(any_workspace, "deeper", ["depth"], parent="exp_001")
    assert (first.id, second.id, second.parent) == ("exp_001", "exp_002", "exp_001")
    config = json.loads((experiment_dir(any_workspace, "exp_001") / "config.json").read_text())
    assert config["hypothesis"] == "wider MLP helps"
    assert config["techniques"] == ["muon", "MLP 3x"]
    assert config["profile"] == any_workspace.profile.name
    assert get_experiment(any_workspace, "exp_001").experiment == first


def test_an_id_is_not_given_again_after_failure_nor_after_the_store_is_lost(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    create_experiment(workspace, "h", ["a"])
    fail_experiment(workspace, "exp_002", "diverged")
    assert create_experiment(workspace, "h", ["a"]).id == "exp_003"
    assert workspace.database_path is not None
    for suffix in ("", "-wal", "-shm"):
        workspace.database_path.with_name(f"pgolf.db{suffix}").unlink(missing_ok=True)
    assert create_experiment(workspace, "h", ["a"]).id == "exp_004"


def test_concurrent_creators_get_distinct_consecutive_ids(workspace: Workspace) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda n: create_experiment(workspace, f"h{n}", ["a"]).id, range(18)))
    assert sorted(made) == [f"exp_{n:03d}" for n in range(1, 19)]


def test_a_refused_creation_leaves_no_folder(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no experiment exp_007"):
        create_experiment(workspace, "h", ["a"], parent="7")
    assert not workspace.experiments_dir.exists() or not list(workspace.experiments_dir.iterdir())
    assert create_experiment(workspace, "h", ["a"]).id == "exp_001"


@pytest.mark.parametrize(
    ("heading", "techniques"),
    [
        ("### Muon + Weight Decay = BAD", ["muon", "weight_decay"]),
        ("### weight-decay + MUON = BAD (diverges, lr = 0.02)", ["Weight  Decay", "Muon", "other"]),
        ("### **QAT** + `EMA` = **BAD**", ["qat", "ema"]),
        ("###  a_b + c = bad", ["A-B", "C"]),
    ],
)
def test_a_known_bad_pair_is_refused_unless_forced(
    workspace: Workspace, heading: str, techniques: list[str]
) -> None:
    lessons(workspace, f"# Lessons\n\n{heading}\n\nIt went wrong.\n")
    with pytest.raises(Refused, match=r"= BAD \(knowledge/lessons_learned.md, line 3\)"):
        create_experiment(workspace, "h", techniques)
    forced = create_experiment(workspace, "h", techniques, force=True)
    assert len(forced.forced) == 1
    with read(workspace) as reader:
        assert events_of(reader)[0].payload["forced"] == list(forced.forced)


@pytest.mark.parametrize(
    "text",
    [
        "### muon + ema = GOOD",
        "### muon + ema",
        "#### muon + ema = BAD",
        "muon + ema = BAD",
        "### muon = BAD",
        "### muon + ema + qat = BAD",
        "### muon + ema = BADLY documented",
        "```\n### muon + ema = BAD\n```",
        "### muon + = BAD",
        "### emamuon + muonema = BAD",
    ],
)
def test_other_headings_refuse_nothing(workspace: Workspace, text: str) -> None:
    lessons(workspace, text)
    assert create_experiment(workspace, "h", ["muon", "ema"]).forced == ()


@given(st.text(alphabet="abAB _-", min_size=1, max_size=12))
def test_case_spaces_underscores_and_hyphens_do_not_tell_techniques_apart(name: str) -> None:
    for variant in (name.upper(), name.replace(" ", "_"), name.replace("_", "-"), f" {name} "):
        assert normalise_technique(variant) == normalise_technique(name)


@settings(deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["###", "+", "=", "BAD", "a", " ", "`", "\n", "```"]), max_size=40).map(
        "".join
    )
)
def test_any_lessons_text_is_read(text: str) -> None:
    for conflict in parse_conflicts(text):
        assert len(conflict.techniques) >= 2


@pytest.mark.parametrize("hypothesis", ["", "   ", "bell \x07", "x" * 30_000])
def test_an_unusable_hypothesis_is_refused(workspace: Workspace, hypothesis: str) -> None:
    with pytest.raises(UsageError, match="hypothesis"):
        create_experiment(workspace, hypothesis, ["a"])


@pytest.mark.parametrize("techniques", [[], [""], ["  ", "-"]])
def test_no_technique_is_refused(workspace: Workspace, techniques: list[str]) -> None:
    with pytest.raises(UsageError, match="techniques"):
        create_experiment(workspace, "h", techniques)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("exp_001", "exp_001"), ("1", "exp_001"), ("EXP-12", "exp_012"), ("exp_1234", "exp_1234")],
)
def test_ids_are_read_in_their_usual_spellings(text: str, expected: str) -> None:
    assert normalise_id(text) == expected


@pytest.mark.parametrize("text", ["", "exp_", "exp_000", "../exp_001", "exp_001/..", "exp_9999999999", "x1"])
def test_other_ids_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="experiment id"):
        normalise_id(text)


def test_a_seed_keeps_every_field_and_starts_the_experiment(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    given_values: dict[str, Any] = {
        "seed": 42,
        "bpb": 1.0801,
        "loss_nats": 2.79,
        "artifact_bytes": 15_900_000,
        "code_bytes": 50_000,
        "model_bytes": 15_850_000,
        "train_seconds": 599.5,
        "steps": 4500,
        "gpu": "8xH100_SXM",
        "gpu_model": "NVIDIA H100 80GB HBM3",
        "torch_version": "2.9.1+cu128",
        "pg_commit": "abc123",
        "cost_usd": 4.12,
        "notes": "first\nsecond line",
        "manifest": {"versions": {"python": "3.11"}},
    }
    record_seed(workspace, "exp_001", **given_values)
    record = get_experiment(workspace, "exp_001")
    stored = record.seeds[0].as_dict()
    assert {key: stored[key] for key in given_values} == given_values
    assert record.experiment.status == "running"
    assert stored["bytes_per_token"] == pytest.approx(2.79 / (math.log(2) * 1.0801))


def test_the_same_seed_twice_needs_replace_and_both_stay_on_record(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    record_seed(workspace, "exp_001", seed=1, bpb=1.08)
    record_seed(workspace, "exp_001", seed=2, bpb=1.07)
    with pytest.raises(Refused, match="--replace"):
        record_seed(workspace, "exp_001", seed=1, bpb=1.05)
    record_seed(workspace, "exp_001", seed=1, bpb=1.06, replace=True)
    record = get_experiment(workspace, "exp_001")
    assert [(seed.seed, seed.bpb, seed.replaced) for seed in record.seeds] == [
        (1, 1.06, True),
        (2, 1.07, False),
    ]
    with read(workspace) as reader:
        assert [row.bpb for row in seeds.history(reader, "exp_001")] == [1.08, 1.07, 1.06]
        logged = [event.payload["bpb"] for event in events_of(reader) if event.what.startswith("seed ")]
    assert logged == [1.08, 1.07, 1.06]


@pytest.mark.parametrize(
    "bad",
    [
        {"bpb": math.nan},
        {"bpb": -1.0},
        {"bpb": 0.0},
        {"bpb": math.inf},
        {"bpb": 1e6},
        {"bpb": None},
        {"seed": -1},
        {"seed": 2**63},
        {"loss_nats": math.nan},
        {"loss_nats": -2.0},
        {"loss_nats": 0.3},
        {"artifact_bytes": 0},
        {"artifact_bytes": 100, "code_bytes": 200},
        {"artifact_bytes": 100, "code_bytes": 50, "model_bytes": 51},
        {"train_seconds": -1.0},
        {"steps": -1},
        {"cost_usd": math.nan},
        {"cost_usd": -0.01},
        {"gpu": "8x\x1b[31mH100"},
        {"notes": "\u202eevil"},
        {"notes": "lone \ud800 surrogate"},
        {"manifest": {"x": math.nan}},
    ],
)
def test_an_impossible_number_is_refused_in_one_sentence(workspace: Workspace, bad: dict[str, Any]) -> None:
    create_experiment(workspace, "h", ["a"])
    with pytest.raises(UsageError) as caught:
        record_seed(workspace, "exp_001", **{"seed": 1, "bpb": 1.08, **bad})
    assert "\n" not in str(caught.value)
    assert get_experiment(workspace, "exp_001").seeds == ()


def test_failure_keeps_its_reason_and_takes_no_more_seeds(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    with pytest.raises(UsageError, match="reason"):
        fail_experiment(workspace, "exp_001", "  ")
    assert (
        fail_experiment(workspace, "exp_001", "loss diverged at step 300").reason
        == "loss diverged at step 300"
    )
    with pytest.raises(Refused, match="diverged at step 300"):
        record_seed(workspace, "exp_001", seed=1, bpb=1.0)


def test_setting_the_same_status_again_records_no_event(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    set_status(workspace, "exp_001", "running")
    set_status(workspace, "exp_001", "running")
    with read(workspace) as reader:
        assert [event.what for event in events_of(reader)] == ["experiment created", "status changed"]
    with pytest.raises(UsageError, match="no status"):
        set_status(workspace, "exp_001", "finished")


def test_listing_summarises_current_seeds_only(workspace: Workspace) -> None:
    create_experiment(workspace, "h", ["a"])
    create_experiment(workspace, "other", ["b"])
    record_seed(workspace, "exp_001", seed=1, bpb=1.30, cost_usd=1.0)
    record_seed(workspace, "exp_001", seed=1, bpb=1.10, cost_usd=2.0, replace=True)
    record_seed(workspace, "exp_001", seed=2, bpb=1.20, cost_usd=3.0)
    listed = list_experiments(workspace)
    assert (listed[0].seeds, listed[0].mean_bpb, listed[0].best_bpb) == (2, pytest.approx(1.15), 1.10)
    assert listed[0].cost_usd == 5.0
    assert (listed[1].seeds, listed[1].mean_bpb, listed[1].verdict) == (0, None, None)
    assert [line.experiment.id for line in list_experiments(workspace, "running")] == ["exp_001"]


def test_what_a_run_read_from_its_log_is_made_visible_instead_of_losing_the_seed(
    workspace: Workspace,
) -> None:
    create_experiment(workspace, "h", ["a"])
    record_seed(
        workspace,
        "exp_001",
        seed=1,
        bpb=1.08,
        gpu_model="H100\x1b[2J",
        torch_version="2.9\udcff",
        manifest={"argv": ["python", "train\udcff.py"]},
        source="run",
    )
    seed = get_experiment(workspace, "exp_001").seeds[0]
    assert seed.gpu_model == "H100\\u{001b}[2J"
    assert seed.torch_version == "2.9\\u{dcff}"
    assert seed.manifest == {"argv": ["python", "train\udcff.py"]}
    assert set_status(workspace, "exp_001", "running", "killed\x00").reason == "killed\\u{0000}"


def test_undecodable_names_are_recorded(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOLF_USER", "j\udcfcrgen")
    append_event(workspace, "noted", "", {"path": "/data/\udcff"})
    with read(workspace) as reader:
        event = events_of(reader)[0]
        assert verify_chain(reader).problems == ()
    assert event.who == "j\\udcfcrgen"
    assert event.payload == {"path": "/data/\udcff"}
