"""A corpus of commands with expected answer, price and reason; see commands.txt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pgolf.core.profile import load_profile
from pgolf.hooks.plain import is_plain
from pgolf.lab.launch import price

CORPUS = Path(__file__).with_name("commands.txt")
TORCHRUN = "torchrun --nproc_per_node=8 train_gpt.py\n"


def cases() -> list[tuple[str, str, str]]:
    found = []
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        if " :: " in line and not line.startswith("#"):
            expected, _, command = line.partition(" :: ")
            kind, _, detail = expected.strip().partition(" ")
            found.append((kind, detail.strip(), command.replace("⏎", "\n").replace("⇥", "\t")))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the scripts that the corpus names."""
    root = tmp_path_factory.mktemp("project")
    (root / "scripts").mkdir()
    (root / "shadow").mkdir()
    (root / ".git").mkdir()
    texts = {
        "run.sh": f"#!/bin/bash\nset -euo pipefail\n# trains\nN=8\n{TORCHRUN}",
        "param.sh": '#!/usr/bin/env bash\ntorchrun --nproc_per_node="${1:-8}" train_gpt.py\n',
        "plain.sh": "#!/bin/sh\n# would be torchrun elsewhere\necho torchrun\nls -la\n",
        "scripts/inner.sh": TORCHRUN,
        "scripts/outer.sh": '#!/bin/bash\ncd "$(dirname "$0")"\n./inner.sh\n',
        "scripts/Makefile": f"go:\n\t@{TORCHRUN}",
        "Makefile": (
            "NPROC ?= 8\nCMD = torchrun --nproc_per_node=$(NPROC)\n.PHONY: train lint\n"
            "train: data\n\t@echo training\n\t$(CMD) train_gpt.py\ndata:\n\t@ls data\nlint:\n\truff check .\n"
        ),
        "justfile": 'nproc := "8"\n\ntrain:\n    torchrun --nproc_per_node={{nproc}} train_gpt.py\n\nlint:\n    ruff check\n',
        "package.json": '{"scripts": {"train": "torchrun --nproc_per_node=8 train_gpt.py", "lint": "x", "test": "jest"}}',
        ".git/config": f'[core]\n\tbare = false\n[alias]\n\tst = status\n\tgo = "!{TORCHRUN.strip()}"\n',
        "shadow/pgolf": f"#!/bin/sh\n{TORCHRUN}",
        "args.txt": "--nproc_per_node=8 train_gpt.py\n",
        "payload.b64": "dG9yY2hydW4K\x01\n",
        "launch.py": f"#!/usr/bin/env python3\nimport os\n\nos.system({TORCHRUN.strip()!r})\n",
        "launch_list.py": (
            "import subprocess\nN = 8\n"
            "cmd = ['torchrun', f'--nproc_per_node={N}', 'train_gpt.py']\nsubprocess.run(cmd, check=True)\n"
        ),
        "run_variable.py": "import subprocess, sys\nsubprocess.run(build('torchrun', sys.argv[1]))\n",
        "wrap.py": "import subprocess, sys\nsubprocess.run(sys.argv[1:])\n",
        "mention.py": (
            '"""Usage: torchrun --nproc_per_node=8 train_gpt.py"""\nimport subprocess\n# torchrun\n'
            'print("torchrun --nproc_per_node=8")\nsubprocess.run(["ls"])\n'
        ),
        "trainer.py": "import torch\nmodel = torch.nn.Linear(2, 2).cuda()\nmodel(torch.ones(2).cuda()).sum().backward()\n",
        "app.py": "import modal\napp = modal.App()\ngpu = choose()\n\n@app.function(gpu=gpu)\ndef f(): ...\n",
        "cpu_app.py": "import modal\napp = modal.App()\n\n@app.function()\ndef f(): ...\n",
        "modal_app.py": 'import modal\napp = modal.App()\n\n@app.function(gpu="H100:8", timeout=600)\ndef f(): ...\n',
        "task.yaml": "resources:\n  accelerators: H100:8\nrun: |\n  torchrun --nproc_per_node=8 train_gpt.py\n",
        "bare.yaml": "run: |\n  python train_gpt.py\n",
        "job.sbatch": f"#!/bin/bash\n#SBATCH --nodes=1\n#SBATCH --gpus-per-node=8\n{TORCHRUN}",
        "config.json": "{}",
        "NOTES.md": "# notes\n",
        "README.md": "torchrun\n",
        "a.txt": "a\n",
        "b.txt": "b\n",
        "train_gpt_mlx.py": "import mlx.core as mx\nloss.backward()\n",
    }
    for name, text in texts.items():
        path = root / name
        path.write_text(text, encoding="utf-8")
        if name.endswith((".sh", ".py", "/pgolf")):
            path.chmod(0o755)
    (root / "huge.sh").write_text("#!/bin/sh\n" + "# torchrun\n" * 40_000, encoding="utf-8")
    os.mkfifo(root / "fifo.sh")
    (root / "link.sh").symlink_to("run.sh")
    return root


def test_the_corpus_is_large_and_has_every_kind() -> None:
    kinds = [kind for kind, _, _ in cases()]
    assert len(kinds) >= 300
    assert min(kinds.count(kind) for kind in ("launch", "unpriced", "innocent")) >= 30


@pytest.mark.parametrize(("kind", "detail", "command"), cases())
def test_command_gets_its_answer_price_and_reason(kind: str, detail: str, command: str, folder: Path) -> None:
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    plan = price(command, environ=environ, cwd=folder, profile=load_profile())
    reasons = "; ".join(problem.sentence() for problem in plan.problems)
    if kind == "innocent":
        assert not plan.is_launch, reasons or plan.launches
    elif kind == "launch":
        assert not plan.problems, reasons
        usd, gpus = detail.split()
        assert f"{plan.usd:.2f}" == f"{float(usd):.2f}"
        assert max(launch.gpus for launch in plan.launches) == int(gpus)
    else:
        assert detail in reasons, plan
        assert all(problem.instead for problem in plan.problems)
    if plan.is_launch:
        assert not is_plain(command), "the fast path would have let this pass"
