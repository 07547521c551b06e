"""A fresh workspace per test, with a second contest's profile as an alternative."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgolf.core.profile import DEFAULT_PROFILE
from pgolf.lab.settings import Workspace, load_workspace

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
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace of the default contest."""
    return make_workspace(tmp_path / "ws")


@pytest.fixture(params=[DEFAULT_PROFILE, "second.toml"])
def any_workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """An empty workspace, once per contest profile."""
    root = tmp_path / "ws"
    root.mkdir()
    (root / "second.toml").write_text(SECOND_PROFILE, encoding="utf-8")
    return make_workspace(root, f'[pgolf]\nprofile = "{request.param}"\n')
