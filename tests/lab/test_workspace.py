"""status, report, doctor, blog, checkpoint and init: what they promise of a whole workspace."""

from __future__ import annotations

import json
import random
import sqlite3
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgolf.cli.main import main
from pgolf.cli.status import status_lines
from pgolf.errors import Refused, UsageError
from pgolf.lab import lineage
from pgolf.lab.checkpoints import make_checkpoint
from pgolf.lab.decision import decide
from pgolf.lab.doctor import Finding, examine
from pgolf.lab.experiments import create_experiment, fail_experiment, record_seed, set_status
from pgolf.lab.leaderboard.board import BoardEntry, Leaderboard, save_board
from pgolf.lab.ledger import Ledger
from pgolf.lab.overview import days_left, survey
from pgolf.lab.plots import SeedColumn, seeds_plot, spend_plot
from pgolf.lab.post import write_post
from pgolf.lab.preregistration import Terms, register, rule_from_dict
from pgolf.lab.progress_report import write_report
from pgolf.lab.settings import Workspace, load_workspace
from pgolf.lab.store.experiments import LineageRow
from pgolf.lab.text_table import columns, cut, text_table
from pgolf.workspace.creation import create_workspace, templates

TERMS = Terms(
    seed1_continue_bpb=1.085,
    publish_margin=0.005,
    internal_margin=0.003,
    seeds=3,
    reference_seeds_bpb=(1.0810, 1.0812, 1.0809),
    bytes_per_token=3.7266,
)


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    """These tests begin with nothing."""
    return empty_workspace


def finished(workspace: Workspace, hypothesis: str = "wider MLP") -> str:
    """An experiment that is GREEN."""
    name = create_experiment(workspace, hypothesis, ["muon"]).id
    register(workspace, name, TERMS)
    for seed, bpb in ((1, 1.071), (2, 1.072), (3, 1.073)):
        record_seed(workspace, name, seed=seed, bpb=bpb, loss_nats=2.77, cost_usd=4.0, gpu="8xH100_SXM")
    assert decide(workspace, name).verdict == "GREEN"
    return name


def board(workspace: Workspace, *, days_old: float = 0.0, seeds: tuple[float, ...] = ()) -> None:
    moment = (datetime.now(UTC) - timedelta(days=days_old)).isoformat()
    entry = BoardEntry(
        "the record", 1.0611, "accepted", "2026-04-01", "README.md", moment, pr=77, seeds_bpb=seeds
    )
    save_board(workspace.leaderboard_path, Leaderboard("a/b", "test", moment, (entry,)))


def change(workspace: Workspace, statement: str) -> None:
    assert workspace.database_path is not None
    connection = sqlite3.connect(workspace.database_path)
    with connection:
        for trigger in ("events_never_updated", "events_never_deleted"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        connection.execute(statement)
    connection.close()


def issues(workspace: Workspace, *, run_hooks: bool = False) -> list[str]:
    found = examine(workspace, run_hooks=run_hooks)
    return [f"{one.check}: {one.message}" for one in found if one.level == "issue"]


@pytest.fixture
def healthy(workspace: Workspace) -> Workspace:
    """A workspace in which doctor finds nothing."""
    workspace.knowledge_dir.mkdir()
    (workspace.knowledge_dir / "lessons_learned.md").write_text("# Lessons\n### a + b = BAD\n")
    Ledger(workspace.ledger_path).create()
    hooks = workspace.root / ".claude" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "gate.sh").write_text('read -r line\ncase "$line" in *torchrun*) echo "no" >&2; exit 2;; esac\n')
    configure_hook(workspace, 'sh "$CLAUDE_PROJECT_DIR/.claude/hooks/gate.sh"')
    board(workspace)
    return workspace


def configure_hook(workspace: Workspace, command: str) -> None:
    group = {"matcher": "Bash", "hooks": [{"type": "command", "command": command}]}
    path = workspace.root / ".claude" / "settings.json"
    path.write_text(json.dumps({"hooks": {"PreToolUse": [group]}}))


# -- status -----------------------------------------------------------------------------------------------------


def test_status_counts_sums_and_advises(any_workspace: Workspace) -> None:
    ledger = Ledger(any_workspace.ledger_path)
    ledger.create()
    hold = ledger.hold(2.0, spendable_usd=any_workspace.spendable_usd, experiment="exp_001")
    ledger.settle(hold.id, cost_usd=1.25)
    ledger.hold(3.0, spendable_usd=any_workspace.spendable_usd)
    finished(any_workspace)
    create_experiment(any_workspace, "child", ["b"], parent="exp_001")
    overview = survey(any_workspace)
    assert (overview.total, overview.seeds) == (2, 3)
    assert overview.counts["completed"] == overview.counts["planned"] == 1
    assert overview.best == ("exp_001", pytest.approx(1.072))
    assert overview.money.spent_usd == 1.25
    assert overview.money.held_usd == 3.0
    assert overview.money.left_usd == pytest.approx(any_workspace.spendable_usd - 4.25)
    assert overview.frontier.bpb == any_workspace.profile.validation.merged_sota_bpb
    assert any("submit-check exp_001" in step for step in overview.advice)
    text = click.unstyle("\n".join(status_lines(overview)))
    assert "exp_001     GREEN" in text
    assert "└─ exp_002  planned" in text


@pytest.mark.parametrize(
    ("prepare", "advice"),
    [
        (lambda ws: None, "pgolf track create"),
        (lambda ws: create_experiment(ws, "h", ["a"]), "pgolf register-thresholds exp_001"),
        (
            lambda ws: (create_experiment(ws, "h", ["a"]), register(ws, "1", TERMS)),
            "pgolf run exp_001 --seed N",
        ),
        (
            lambda ws: (
                create_experiment(ws, "h", ["a"]),
                register(ws, "1", TERMS),
                record_seed(ws, "1", seed=1, bpb=1.0),
            ),
            "pgolf decide exp_001",
        ),
        (
            lambda ws: (create_experiment(ws, "h", ["a"]), record_seed(ws, "1", seed=1, bpb=1.0)),
            "without a registered",
        ),
        (lambda ws: ws.ledger_path.write_text("rubbish\n"), "no launch is allowed"),
        (lambda ws: ws.leaderboard_path.write_text("rubbish\n"), "not a leaderboard file"),
        (lambda ws: board(ws, days_old=5), "the leaderboard is 5 days old"),
    ],
)
def test_the_next_step_fits_the_state(workspace: Workspace, prepare: object, advice: str) -> None:
    Ledger(workspace.ledger_path).create()
    assert callable(prepare)
    prepare(workspace)
    steps = survey(workspace).advice
    assert any(advice in step for step in steps)
    assert not any("(" in step and "'" in step for step in steps)


def test_status_stays_on_one_screen_with_a_thousand_experiments(workspace: Workspace) -> None:
    create_experiment(workspace, "first", ["a"])
    rng = random.Random(3)
    assert workspace.database_path is not None
    connection = sqlite3.connect(workspace.database_path)
    with connection:
        for number in range(2, 1001):
            connection.execute(
                "INSERT INTO experiments VALUES (?,?,'h','[]',?,'running',NULL,'[]',?,?,'x')",
                (
                    f"exp_{number:03d}",
                    number,
                    f"exp_{rng.randrange(1, number):03d}",
                    f"{number:05d}",
                    f"{number:05d}",
                ),
            )
    connection.close()
    overview = survey(workspace)
    assert overview.total == 1000
    assert len(status_lines(overview)) <= 32
    assert len(overview.advice) <= 3


def test_hostile_text_cannot_forge_lines_of_the_screen(workspace: Workspace) -> None:
    create_experiment(workspace, "first line\nnext  run anything", ["a"])
    text = status_lines(survey(workspace))
    assert not any(line.startswith("next  run anything") for line in text)
    assert any("first line\\nnext  run anything" in line for line in text)


@pytest.mark.parametrize(("deadline", "days"), [("2026-04-30", 3), ("2026-04-26", -1), ("never", None)])
def test_days_left(deadline: str, days: int | None) -> None:
    assert days_left(deadline, date(2026, 4, 27)) == days


# -- lineage ----------------------------------------------------------------------------------------------------

forest = st.lists(st.integers(-1, 30), max_size=30).map(
    lambda parents: [
        LineageRow(f"e{n}", f"e{parent}" if 0 <= parent < n else None, "planned", f"{n:04d}")
        for n, parent in enumerate(parents)
    ]
)


@settings(deadline=None)
@given(forest, st.integers(0, 12))
def test_the_tree_shows_each_chosen_experiment_once_below_its_parent(
    rows: list[LineageRow], most: int
) -> None:
    shown = lineage.select(rows, most)
    assert len(shown) <= most
    drawn = list(lineage.draw(rows, shown))
    assert sorted(line.id for line in drawn) == sorted(shown)
    parents = {row.id: row.parent for row in rows}
    assert all(parents[name] is None or parents[name] in shown for name in shown)
    assert sorted(line.id for line in lineage.draw(rows)) == sorted(row.id for row in rows)
    children = sum(1 for row in rows if row.parent in shown)
    hidden = sum(line.hidden_children for line in drawn)
    assert hidden == children - sum(1 for name in shown if parents[name] is not None)


def test_a_chain_of_ten_thousand_is_drawn_without_recursion() -> None:
    rows = [LineageRow(f"e{n}", f"e{n - 1}" if n else None, "planned", "") for n in range(10_000)]
    shown = {f"e{n}" for n in range(300)}
    assert len(list(lineage.draw(rows, shown))) == 300
    assert len(lineage.ancestry("e9999", {row.id: row.parent for row in rows})) == 10_000


def test_a_loop_in_damaged_data_ends() -> None:
    assert lineage.ancestry("a", {"a": "b", "b": "a"}) == ["a", "b"]


# -- frontier ---------------------------------------------------------------------------------------------------


def test_a_rule_freezes_the_leaderboards_seeds_where_it_knows_them(workspace: Workspace) -> None:
    board(workspace, seeds=(1.0610, 1.0612))
    create_experiment(workspace, "h", ["a"])
    terms = replace(TERMS, reference_seeds_bpb=None)
    rule = rule_from_dict(register(workspace, "1", terms).rule)
    assert rule.reference.kind == "seeds"
    assert rule.reference.values_bpb == (1.0610, 1.0612)
    assert "#77 the record" in rule.reference.source


def test_a_broken_leaderboard_is_not_silently_replaced_in_a_rule(workspace: Workspace) -> None:
    board(workspace)
    workspace.leaderboard_path.write_text("{}")
    create_experiment(workspace, "h", ["a"])
    with pytest.raises(UsageError, match="not a leaderboard file"):
        register(workspace, "1", replace(TERMS, reference_seeds_bpb=None))


# -- doctor -----------------------------------------------------------------------------------------------------


def test_a_healthy_workspace_has_no_issue(healthy: Workspace) -> None:
    finished(healthy)
    make_checkpoint(healthy)
    findings = examine(healthy)
    assert [finding for finding in findings if finding.level == "issue"] == []
    assert Finding("hooks", "ok", "the hook blocks an unconfirmed launch") in findings


def edit_hook(ws: Workspace, text: str) -> None:
    (ws.root / ".claude" / "hooks" / "gate.sh").write_text(text)


@pytest.mark.parametrize(
    ("breakage", "complaint"),
    [
        (lambda ws: change(ws, "UPDATE events SET payload = '{}' WHERE seq = 2"), "events: event 2"),
        (lambda ws: change(ws, "UPDATE seeds SET bpb = 1.0"), "events: seeds: bpb of exp_001"),
        (lambda ws: change(ws, "DELETE FROM events WHERE seq = 3"), "events: event 3 is missing"),
        (lambda ws: ws.ledger_path.write_bytes(b"torn"), "ledger: "),
        (
            lambda ws: Ledger(ws.ledger_path).hold(1.0, spendable_usd=10.0) and ws.ledger_path.unlink(),
            "ledger: ",
        ),
        (lambda ws: ws.database_path.write_bytes(b"x" * 5000) if ws.database_path else None, "store: "),
        (
            lambda ws: (ws.experiments_dir / "exp_001" / "config.json").unlink(),
            "experiments: no config.json: exp_001",
        ),
        (
            lambda ws: (ws.experiments_dir / "exp_001" / "config.json").write_text("[]"),
            "experiments: config.json unreadable",
        ),
        (
            lambda ws: create_experiment(ws, "h", ["a"]) and set_status(ws, "2", "running"),
            "exp_002 runs or ran without",
        ),
        (
            lambda ws: (
                create_experiment(ws, "h", ["a"])
                and change(ws, "UPDATE experiments SET updated_at = '2020' WHERE id = 'exp_002'")
            ),
            "plans: planned and untouched for 14 days: exp_002",
        ),
        (
            lambda ws: (
                create_experiment(ws, "h", ["a"])
                and change(
                    ws, "UPDATE experiments SET updated_at = '2020', status = 'running' WHERE id = 'exp_002'"
                )
            ),
            "plans: running without news",
        ),
        (
            lambda ws: (ws.knowledge_dir / "lessons_learned.md").unlink(),
            "knowledge: knowledge/lessons_learned.md is missing",
        ),
        (lambda ws: (ws.knowledge_dir / "lessons_learned.md").write_text(" "), "is empty"),
        (lambda ws: board(ws, days_old=9), "leaderboard: the cached leaderboard is 9.0 days old"),
        (lambda ws: ws.leaderboard_path.write_text("nonsense"), "leaderboard: "),
        (
            lambda ws: (ws.root / ".claude" / "settings.json").unlink(),
            "hooks: .claude/settings.json is missing",
        ),
        (
            lambda ws: (ws.root / ".claude" / "settings.json").write_text("{"),
            "hooks: .claude/settings.json cannot be read",
        ),
        (lambda ws: (ws.root / ".claude" / "settings.json").write_text("{}"), "no PreToolUse hook"),
        (lambda ws: (ws.root / ".claude" / "hooks" / "gate.sh").unlink(), "gate.sh, which does not exist"),
        (lambda ws: edit_hook(ws, "exit 0\n"), "answered 0 to `torchrun"),
        (lambda ws: edit_hook(ws, "exit 1\n"), "answered 1 to `ls`"),
        (lambda ws: edit_hook(ws, "exit 2\n"), "answered 2 to `ls`"),
    ],
)
def test_doctor_names_each_breakage(healthy: Workspace, breakage: object, complaint: str) -> None:
    finished(healthy)
    assert issues(healthy, run_hooks=True) == []
    assert callable(breakage)
    breakage(healthy)
    found = issues(healthy, run_hooks=True)
    assert any(complaint in issue for issue in found), found


def test_doctor_shows_a_log_rewritten_with_all_its_hashes_to_be_another_than_the_checkpoint_saw(
    healthy: Workspace,
) -> None:
    create_experiment(healthy, "h", ["a"])
    make_checkpoint(healthy)
    assert issues(healthy) == []
    assert healthy.database_path is not None
    for suffix in ("", "-wal", "-shm"):
        healthy.database_path.with_name(f"pgolf.db{suffix}").unlink(missing_ok=True)
    for folder in healthy.experiments_dir.iterdir():
        (folder / "config.json").unlink()
        folder.rmdir()
    create_experiment(healthy, "another story", ["a"])
    create_experiment(healthy, "another story", ["a"])
    found = issues(healthy)
    assert len(found) == 1
    assert "the log was rewritten since" in found[0]


def test_doctor_reports_holds_past_their_end_and_an_overdrawn_budget(healthy: Workspace) -> None:
    Ledger(healthy.ledger_path).hold(500.0, spendable_usd=440.0, expires_at=1.0, force=True)
    found = issues(healthy)
    assert any("past their end" in issue for issue in found)
    assert any("500.00 USD are spent or held, 440.00 were spendable" in issue for issue in found)


def test_a_ledger_that_never_was_is_a_note_and_one_that_vanished_after_a_run_an_issue(
    healthy: Workspace,
) -> None:
    for path in healthy.ledger_path.parent.glob("spending*"):
        path.unlink()
    assert issues(healthy) == []
    create_experiment(healthy, "h", ["a"])
    register(healthy, "1", TERMS)
    record_seed(healthy, "1", seed=1, bpb=1.08, source="run")
    assert any("there is no ledger" in issue for issue in issues(healthy))


def test_a_verdict_older_than_its_seeds_is_noted(healthy: Workspace) -> None:
    finished(healthy)
    record_seed(healthy, "1", seed=2, bpb=1.3, replace=True)
    assert any("newer than the verdict: exp_001" in one.message for one in examine(healthy, run_hooks=False))
    decide(healthy, "1")
    assert not any("newer than the verdict" in one.message for one in examine(healthy, run_hooks=False))


def test_orphan_folders_are_noted(healthy: Workspace) -> None:
    create_experiment(healthy, "h", ["a"])
    (healthy.experiments_dir / "exp_077").mkdir()
    notes = [finding.message for finding in examine(healthy, run_hooks=False) if finding.level == "note"]
    assert notes == ["folders the store does not know: exp_077"]


# -- checkpoint -------------------------------------------------------------------------------------------------


def test_a_checkpoint_can_stand_in_for_the_store(healthy: Workspace, tmp_path: Path) -> None:
    finished(healthy)
    made = make_checkpoint(healthy, "before the holidays")
    folder = healthy.root / made.folder
    assert made.problems == ()
    log = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert (log[-1]["seq"], log[-1]["hash"]) == (made.events, made.event_hash)
    restored = tmp_path / "restored"
    restored.mkdir()
    (restored / "pgolf.toml").write_text("[pgolf]\n")
    (restored / "pgolf.db").write_bytes((folder / "pgolf.db").read_bytes())
    assert survey(load_workspace(restored, environ={})).best == ("exp_001", pytest.approx(1.072))


def test_a_checkpoint_of_damage_says_so(healthy: Workspace) -> None:
    finished(healthy)
    change(healthy, "UPDATE seeds SET bpb = 1.0 WHERE seed = 2")
    assert any("bpb of exp_001" in problem for problem in make_checkpoint(healthy).problems)


# -- report and blog --------------------------------------------------------------------------------------------


def test_the_report_holds_everything_and_its_plots_are_svg(any_workspace: Workspace) -> None:
    ledger = Ledger(any_workspace.ledger_path)
    ledger.create()
    hold = ledger.hold(2.0, spendable_usd=any_workspace.spendable_usd, experiment="exp_001", gpu="1xH100_SXM")
    ledger.settle(hold.id, cost_usd=1.25, seconds=360)
    finished(any_workspace, "wider | MLP <b>&")
    create_experiment(any_workspace, "child", ["b"], parent="exp_001")
    fail_experiment(any_workspace, "exp_002", "diverged at step 3")
    written = write_report(any_workspace)
    assert set(written.files) == {"REPORT.md", "report/seeds.svg", "report/spend.svg"}
    text = (any_workspace.root / "REPORT.md").read_text(encoding="utf-8")
    for words in (
        "└─ exp_002  failed",
        "1.072000",
        "**GREEN**",
        "diverged at step 3",
        "1.25 USD spent",
        "unbroken",
    ):
        assert words in text
    assert "<b>" not in text
    for name in ("seeds", "spend"):
        root = ElementTree.parse(any_workspace.root / "report" / f"{name}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
    circles = (any_workspace.root / "report" / "seeds.svg").read_text().count("<circle")
    assert circles == 3


def test_a_report_of_nothing_and_one_of_damage_are_honest(workspace: Workspace) -> None:
    assert write_report(workspace).files == ("REPORT.md",)
    assert "None yet." in (workspace.root / "REPORT.md").read_text()
    finished(workspace)
    change(workspace, "UPDATE seeds SET bpb = 1.0 WHERE seed = 2")
    write_report(workspace)
    assert "do not rely on the numbers below" in (workspace.root / "REPORT.md").read_text()


def test_a_report_that_cannot_be_written_is_one_sentence(workspace: Workspace) -> None:
    (workspace.root / "taken").write_text("a file")
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(workspace, workspace.root / "taken")


plausible = st.floats(0.5, 3.0)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.text(max_size=12), st.lists(plausible, min_size=1, max_size=4)), min_size=1, max_size=70
    ),
    st.none() | plausible,
)
def test_any_seeds_make_a_plot_inside_its_frame(
    columns: list[tuple[str, list[float]]], frontier: float | None
) -> None:
    svg = seeds_plot([SeedColumn(name, tuple(values)) for name, values in columns], frontier, "t <&>")
    for circle in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 <= float(circle.attrib["cx"]) <= 760
        assert 0 <= float(circle.attrib["cy"]) <= 320


def test_a_diverged_run_does_not_press_the_others_flat() -> None:
    columns = [SeedColumn(f"exp_{n:03d}", (1.08 + n * 1e-3, 1.081 + n * 1e-3)) for n in range(8)]
    svg = seeds_plot([*columns, SeedColumn("exp_009", (9.0,))], None, "t")
    root = ElementTree.fromstring(svg)
    heights = [float(one.attrib["cy"]) for one in root.iter("{http://www.w3.org/2000/svg}circle")]
    assert max(heights) - min(heights) > 30
    assert "exp_009: 9.000000 bpb, above the axis" in svg


def test_the_spend_plot_ends_at_the_sum() -> None:
    svg = spend_plot([("2026-04-01", 1.5), ("2026-04-02", 2.25)], 440.0, "Money")
    assert "2026-04-02: 2.25 USD, 3.75 so far" in svg
    ElementTree.fromstring(svg)


def test_a_post_is_scaffolded_once(workspace: Workspace) -> None:
    finished(workspace)
    path = write_post(workspace, "1")
    text = path.read_text(encoding="utf-8")
    assert "**GREEN**" in text
    assert "12.00 USD over 3 seeds" in text
    with pytest.raises(Refused, match="--force"):
        write_post(workspace, "1")
    assert write_post(workspace, "1", force=True) == path
    create_experiment(workspace, "nothing registered", ["a"])
    assert "exploratory" in write_post(workspace, "2").read_text()


# -- init -------------------------------------------------------------------------------------------------------


def test_init_writes_every_template_and_a_workspace_that_works(tmp_path: Path) -> None:
    made = create_workspace(tmp_path / "new")
    assert set(made.written) == {str(path) for path, _ in templates()}
    assert ".gitignore" in made.written
    workspace = load_workspace(tmp_path / "new", environ={})
    assert create_experiment(workspace, "h", ["a"]).id == "exp_001"
    assert not any(
        issue.startswith(("store", "events", "ledger", "experiments", "knowledge"))
        for issue in issues(workspace)
    )


def test_init_on_the_command_line_installs_hooks_that_block(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "new")]) == 0
    workspace = load_workspace(tmp_path / "new", environ={})
    findings = examine(workspace)
    assert [finding for finding in findings if finding.level == "issue"] == []
    assert Finding("hooks", "ok", "the hook blocks an unconfirmed launch") in findings


def test_init_keeps_what_is_there_and_refuses_a_workspace(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    made = create_workspace(tmp_path)
    assert made.kept == (".gitignore",)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    with pytest.raises(Refused, match="a workspace already"):
        create_workspace(tmp_path)


def test_init_takes_another_contest(tmp_path: Path, any_workspace: Workspace) -> None:
    target = tmp_path / "other"
    target.mkdir()
    (target / "mine.toml").write_text(
        Path(any_workspace.root / "second.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    made = create_workspace(target, profile="mine.toml")
    assert made.profile == "byte-sprint"
    assert load_workspace(target, environ={}).profile.name == "byte-sprint"
    with pytest.raises(UsageError, match="nowhere"):
        create_workspace(tmp_path / "third", profile="nowhere")
    assert not (tmp_path / "third").exists()


def test_init_into_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"):
        create_workspace(tmp_path / "file")


# -- tables and frontier ----------------------------------------------------------------------------------------


@given(st.text(max_size=30), st.integers(1, 30))
def test_a_cut_line_fits_its_width_and_shows_the_cut(text: str, width: int) -> None:
    shown = cut(text, width)
    assert columns(shown) <= max(width, 1)
    assert shown == text or shown.endswith("…")


def test_wide_characters_keep_columns_aligned() -> None:
    lines = text_table(("a", "b"), [("漢字", "1"), ("e\u0301x", "22")], frozenset({1}))
    assert len({columns(line) for line in lines}) == 1
    assert text_table(("a", "b"), [("x" * 50, "y")], width=20)[1].endswith("…")


@pytest.mark.parametrize("moment", ["yesterday", "2020-01-01T00:00:00"])
def test_a_leaderboard_of_unknown_or_naive_time_counts_as_old(workspace: Workspace, moment: str) -> None:
    entry = BoardEntry("r", 1.06, "accepted", "2026-04-01", "README.md", moment)
    save_board(workspace.leaderboard_path, Leaderboard("a/b", "test", moment, (entry,)))
    age = survey(workspace).frontier.age_days
    assert age is not None
    assert age > 365


def test_a_leaderboard_without_a_record_leaves_the_profiles_frontier(workspace: Workspace) -> None:
    moment = datetime.now(UTC).isoformat()
    save_board(workspace.leaderboard_path, Leaderboard("a/b", "test", moment, ()))
    frontier = survey(workspace).frontier
    assert frontier.bpb == workspace.profile.validation.merged_sota_bpb
    assert "has no record" in frontier.source


def test_lessons_that_cannot_be_read_refuse_rather_than_pass(workspace: Workspace) -> None:
    (workspace.knowledge_dir / "lessons_learned.md").mkdir(parents=True)
    with pytest.raises(UsageError, match="conflicts cannot be checked"):
        create_experiment(workspace, "h", ["a"])
