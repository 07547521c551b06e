"""Workspaces (empty, or with a registered experiment), a second contest, and a trainer that prints a log of our own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pgolf.core.profile import DEFAULT_PROFILE
from pgolf.lab.experiments import create_experiment
from pgolf.lab.ledger import Ledger
from pgolf.lab.preregistration import Terms, register
from pgolf.lab.settings import Workspace, load_workspace
from pgolf.report.schemas import load_schema

LOG = """Hyperparameters:
  seed: {seed}
  vocab_size: 8192
  max_wallclock_seconds: 600.0
Running PyTorch 2.9.1+cu128
| 0  NVIDIA H100 80GB HBM3          On  |   00000000:0F:00.0 Off |
500/20000 train_loss: 3.3445 train_time: 0.9m tok/s: 7700474
4000/20000 val_loss: 2.8741 val_bpb: 1.1127
stopping_early: wallclock_cap train_time: 588119ms step: 4557/20000
Serialized model: 135431033 bytes
Code size: 16594 bytes
Serialized model quantized+brotli: 15976325 bytes
Total submission size quantized+brotli: 15992919 bytes
quantized_sliding_window val_loss:{loss:.8f} val_bpb:{bpb:.8f} eval_time:121183ms
"""
BYTES_PER_TOKEN = 3.726637944

TRAINER = """
import os, sys, time
seed = int(os.environ["SEED"])
bpb = {bpb} + seed * 1e-4
sys.stdout.write({log!r}.format(seed=seed, bpb=bpb, loss=bpb * {factor!r}))
sys.stdout.flush()
{more}
"""


def checked_document(text: str, kind: str) -> dict[str, Any]:
    """The JSON a command printed, checked against the shipped schema of its kind; nan is no JSON."""
    loaded: dict[str, Any] = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    Draft202012Validator(load_schema(kind)).validate(loaded)
    return loaded


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with a ledger and `exp_001`, whose rule is registered; it is the working directory."""
    for name in (
        "PGOLF_BUDGET",
        "PGOLF_RESERVE",
        "PGOLF_FORCE",
        "PGOLF_CONFIRM_8XH100",
        "MAX_WALLCLOCK_SECONDS",
    ):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "pgolf.toml").write_text("[pgolf]\n")
    monkeypatch.chdir(folder)
    made = load_workspace(folder, {})
    Ledger(made.ledger_path).create()
    create_experiment(made, "it helps", ["muon"])
    register(made, "exp_001", Terms(seed1_continue_bpb=1.2, publish_margin=0.005, internal_margin=0.003))
    return made


@pytest.fixture
def trainer(workspace: Workspace) -> Callable[..., tuple[str, ...]]:
    """`trainer(bpb, more)` writes train_gpt.py, which prints our log and then runs `more`; its command."""

    def write(bpb: float = 1.05, more: str = "", log: str = LOG) -> tuple[str, ...]:
        factor = 0.6931471805599453 * BYTES_PER_TOKEN
        text = TRAINER.format(bpb=bpb, log=log, factor=factor, more=more)
        (workspace.root / "train_gpt.py").write_text(text)
        return sys.executable, "train_gpt.py"

    return write


SECOND_PROFILE = """
name = "byte-sprint"
title = "A contest made by the tests"
repository = "example/byte-sprint"
deadline = "2031-01-31"
[limits]
artifact_bytes = 4_000_000
train_seconds = 120
eval_seconds = 60
record_margin_nats = 0.02
record_alpha = 0.05
minimum_seeds = 4
record_gpu = "2xTestGPU"
[budget]
total_usd = 50.0
reserve_usd = 5.0
[gpu_usd_per_hour]
"1xTestGPU" = 1.0
"2xTestGPU" = 2.0
[validation]
documents = 10
bytes = 1_000_000
warn_fraction = 0.002
fail_fraction = 0.005
seq_len = 128
stride = 64
merged_sota_bpb = 1.5
[[validation.tokenizer]]
key = "tiny"
vocab_size = 512
bytes_per_token = 2.0
"""


def make_workspace(root: Path, settings: str = "[pgolf]\n") -> Workspace:
    """A workspace folder with that settings file."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "pgolf.toml").write_text(settings, encoding="utf-8")
    return load_workspace(root, environ={})


@pytest.fixture
def empty_workspace(tmp_path: Path) -> Workspace:
    """A workspace of the default contest that holds nothing, not even a ledger."""
    return make_workspace(tmp_path / "ws")


@pytest.fixture(params=[DEFAULT_PROFILE, "second.toml"])
def any_workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """An empty workspace, once per contest profile."""
    root = tmp_path / "ws"
    root.mkdir()
    (root / "second.toml").write_text(SECOND_PROFILE, encoding="utf-8")
    return make_workspace(root, f'[pgolf]\nprofile = "{request.param}"\n')
