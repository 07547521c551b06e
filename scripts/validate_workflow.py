#!/usr/bin/env python3
"""Try the whole pipeline in a temporary workspace: no GPU, no money, under a minute. Exit 1 when any step fails.

    python scripts/validate_workflow.py [--verbose] [--no-network] [--keep-temp]

Every step runs the real command line as a user would. The network is touched by one step only, which asks for the
leaderboard and accepts an answer or a clear sentence; `--no-network` leaves it out and sends any other attempt nowhere.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SEEDS = (42, 0, 1234)
GPU = "8xH100_SXM"

# Shapes that the contest's logs have, written by us: (what, text, the score that counts).
LOGS = (
    (
        "first lineage, int8 round trip",
        "seed:1337\nstep:1000/20000 val_loss:2.3000 val_bpb:1.3622 train_time:30000ms step_avg:30.00ms\n"
        "Total submission size int8+zlib: 15863489 bytes\n"
        "final_int8_zlib_roundtrip val_loss:2.0727 val_bpb:1.2276 eval_time:1400ms\n"
        "final_int8_zlib_roundtrip_exact val_loss:2.07272000 val_bpb:1.22760000\n",
        1.2276,
    ),
    (
        "sliding window after a diagnostic line",
        "DIAGNOSTIC post_ema val_loss:1.9000 val_bpb:1.1253 eval_time:2000ms\n"
        "final_int6_sliding_window_exact val_loss:1.88220000 val_bpb:1.11474000\n",
        1.11474,
    ),
    (
        "SP8192, test-time training last",
        "quantized val_loss:2.81000000 val_bpb:1.08784000 eval_time:9000ms\n"
        "quantized_sliding_window val_loss:2.79790000 val_bpb:1.08315000 eval_time:91000ms\n"
        "legal_ttt_exact val_loss:2.79240000 val_bpb:1.08102000\n",
        1.08102,
    ),
    (
        "a log that echoes its own source",
        'def main():\n    log0(f"final val_loss:{loss:.8f} val_bpb:{bpb:.8f}")\n'
        "quantized_ttt_phased val_loss:2.77117000 val_bpb:1.07280600 eval_time:500104ms\n",
        1.072806,
    ),
)  # fmt: skip


class Failed(Exception):
    """A step that did not do what it must; the text says what was expected and what came."""


@dataclass
class Trial:
    """One validation: where it happens, and what each step answered."""

    folder: Path
    verbose: bool
    network: bool
    environ: dict[str, str]
    results: list[tuple[str, str, str, float]] = field(default_factory=list)

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def run(
        self, *words: str, code: int = 0, cwd: Path | None = None, stdin: str = "", **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; Failed unless it exits with `code`, and always when it shows a traceback."""
        done = subprocess.run(
            words,
            cwd=cwd or self.workspace,
            env=self.environ | extra,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if self.verbose:
            print(f"    $ {' '.join(words)}  -> {done.returncode}")
            for line in (done.stdout + done.stderr).splitlines()[:12]:
                print(f"      {line[:150]}")
        if done.returncode != code or "Traceback (most recent call last)" in done.stderr:
            said = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise Failed(
                f"`{' '.join(words[-6:])}` exits {done.returncode}, expected {code}: {' / '.join(said)}"
            )
        return done

    def pgolf(self, *words: str, code: int = 0, cwd: Path | None = None, **extra: str) -> str:
        """Run `pgolf …`; its standard output and error."""
        done = self.run(sys.executable, "-m", "pgolf", *words, code=code, cwd=cwd, **extra)
        return done.stdout + done.stderr

    def step(self, name: str, action: Callable[[Trial], str]) -> None:
        """Run one step and keep its answer; a failure does not stop the next."""
        started = time.monotonic()
        try:
            status, said = "ok", action(self)
        except Skipped as error:
            status, said = "skip", str(error)
        except (Failed, OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
            status, said = (
                "FAIL",
                f"{type(error).__name__}: {error}" if not isinstance(error, Failed) else str(error),
            )
        self.results.append((status, name, said, time.monotonic() - started))
        print(f"{status:5} {name:14} {said}", flush=True)


class Skipped(Exception):
    """A step that cannot be tried here, and why."""


def expect(text: str, *needles: str) -> None:
    """Failed unless every needle is in the text."""
    for needle in needles:
        if needle not in text:
            raise Failed(f"{needle!r} is not in: {text.strip()[:200]}")


def files(trial: Trial) -> str:
    """`init` writes a whole workspace, and refuses to make it twice."""
    trial.pgolf("init", str(trial.workspace), cwd=trial.folder)
    trial.pgolf("init", str(trial.workspace), cwd=trial.folder, code=1)
    wanted = [
        "pgolf.toml",
        "AGENTS.md",
        "CLAUDE.md",
        "WORKFLOW.md",
        "MILESTONE_MAP.md",
        "VALIDATION.md",
        "TEMPLATE.md",
        "practice/train_gpt.py",
        "knowledge/lessons_learned.md",
        "knowledge/sota_timeline.md",
        ".claude/settings.json",
        ".claude/hooks/pre-bash.sh",
        ".claude/hooks/post-bash.sh",
        ".claude/commands/morning.md",
        ".agents/skills/morning/SKILL.md",
    ]
    missing = [name for name in wanted if not (trial.workspace / name).is_file()]
    if missing:
        raise Failed(f"init did not write {', '.join(missing)}")
    expect(trial.pgolf("doctor"), "all well")
    return f"{len(wanted)} files named in the documents are there; doctor finds all well"


def command_line(trial: Trial) -> str:
    """Every command explains itself, and nonsense is one sentence and exit 2."""
    shown = trial.pgolf("--help")
    from pgolf.cli.main import COMMANDS

    expect(shown, *COMMANDS)
    for name in COMMANDS:
        trial.pgolf(name, "--help")
    trial.pgolf("nonsense", code=2)
    trial.pgolf("status", cwd=trial.folder, code=2)
    return f"{len(COMMANDS)} commands have help; a wrong one and a missing workspace exit 2"


def parser(trial: Trial) -> str:
    """The score that counts is found in each shape of log; a log without one says so."""
    for what, text, score in LOGS:
        log = trial.folder / "shape.log"
        log.write_text(text)
        found = json.loads(trial.pgolf("parse", str(log), cwd=trial.folder))["score"]["val_bpb"]
        if abs(found - score) > 1e-9:
            raise Failed(f"{what}: read {found}, expected {score}")
    return f"{len(LOGS)} shapes of logs, the right line in each"


def life_cycle(trial: Trial) -> str:
    """Create, refuse, register, three seeds, decide: the gates before, the chain after."""
    trainer = ("--", sys.executable, "practice/train_gpt.py")
    run = ("run", "exp_001", "--gpu", GPU, "--quiet", "--seed")
    confirmed = {"PGOLF_CONFIRM_8XH100": "1", "MAX_WALLCLOCK_SECONDS": "600"}
    bad = ("track", "create", "--hypothesis", "again", "--techniques")
    expect(trial.pgolf(*bad, "EMA, Ternary", code=1), "= BAD")
    trial.pgolf("track", "create", "--hypothesis", "a sparse gate helps", "--techniques", "sparse gate,lqer")
    if shutil.which("git"):
        identity = ("-c", "user.name=validation", "-c", "user.email=validation@example.org")
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "the script")):
            trial.run("git", *identity, *words)
    expect(trial.pgolf(*run, "42", *trainer, code=1, **confirmed), "register")
    rule = ("--seed1-continue", "--publish", "0.005", "--internal", "0.003", "--tokenizer", "sp8192")
    reference = ("--reference-seeds", "1.0710,1.0712,1.0714", "--script", "practice/train_gpt.py")
    trial.pgolf("register-thresholds", "exp_001", *rule, *reference)
    expect(trial.pgolf(*run, "42", *trainer, code=1), "CONFIRM")
    for seed in SEEDS:
        expect(trial.pgolf(*run, str(seed), *trainer, **confirmed), f"seed {seed} recorded")
    expect(trial.pgolf(*run, "42", *trainer, code=1, **confirmed), "--replace")
    expect(trial.pgolf("register-thresholds", "exp_001", *rule, *reference, code=1), "--amend")
    verdict = json.loads(trial.pgolf("decide", "exp_001", "--json"))["decision"]["verdict"]
    if verdict != "GREEN":
        raise Failed(f"decide says {verdict}, expected GREEN")
    for words in (("report",), ("blog", "exp_001"), ("checkpoint", "-m", "validated"), ("doctor",)):
        trial.pgolf(*words)
    expect(trial.pgolf("spend", "total"), "0.00 held")
    return "three seeds behind a registered rule: GREEN; five refusals on the way; the chain is whole"


def hooks(trial: Trial) -> str:
    """The installed hook blocks launches, lets the rest pass, and blocks without a ledger."""
    expect(trial.pgolf("hook", "selftest"), "right")
    hook = str(trial.workspace / ".claude" / "hooks" / "pre-bash.sh")

    def ask(command: str, code: int) -> str:
        payload = {
            "hook_event_name": "PreToolUse",
            "tool_name": "Bash",
            "tool_input": {"command": command},
            "tool_use_id": f"validate-{time.monotonic_ns()}",
            "session_id": "validation",
            "cwd": str(trial.workspace),
        }
        return trial.run(hook, code=code, stdin=json.dumps(payload)).stderr

    launch = "torchrun --nproc_per_node=8 train_gpt.py"
    good = f"MAX_WALLCLOCK_SECONDS=600 PGOLF_CONFIRM_8XH100=1 {launch}"
    (trial.workspace / "train_gpt.py").write_text("print('stand-in')\n")
    ask("ls -la", 0)
    ask("grep -rn torchrun .", 0)
    expect(ask(launch, 2), "CONFIRM", "MAX_WALLCLOCK_SECONDS")
    expect(ask("N=8; env bash -c 'torch''run --nproc_per_node=$N train_gpt.py'", 2), "refused")
    ask(good, 0)
    expect(trial.pgolf("spend", "total"), "4.12 held")
    ledger = trial.workspace / "state" / "spending.jsonl"
    kept = ledger.with_suffix(".kept")
    ledger.rename(kept)
    try:
        expect(ask(good, 2), "budget", "missing")
        ask("ls -la", 0)
    finally:
        kept.rename(ledger)
    return "launches blocked: unconfirmed, disguised, without a ledger; a priced one holds 4.12 USD"


def submit_check(trial: Trial) -> str:
    """A sound experiment is accepted, one whose log was edited is refused with the reason."""
    log = trial.workspace / "experiments" / "exp_001" / "train_seed42.log"
    honest = log.read_bytes()
    log.write_bytes(honest.replace(b"1.0554", b"1.0454"))
    expect(trial.pgolf("submit-check", "exp_001", code=1), "FAIL", "log-integrity")
    log.write_bytes(honest)
    if not shutil.which("git"):
        raise Skipped("an edited log is refused; acceptance needs git, which is not here")
    expect(trial.pgolf("submit-check", "exp_001", "--prepare", "prepared"), "exp_001 is ready")
    missing = {"README.md", "submission.json", "train_gpt.py"} - {
        path.name for path in (trial.workspace / "prepared").iterdir()
    }
    if missing:
        raise Failed(f"the prepared folder lacks {', '.join(sorted(missing))}")
    return "an edited log is refused; the sound experiment is accepted and its folder prepared"


def audit(trial: Trial) -> str:
    """The shipped scripts: canonical verified, a copied bug flagged, the correction exact, nothing run."""
    examples = ROOT / "examples"
    if not examples.is_dir():
        raise Skipped("no examples here: run it from a checkout")
    tokenizer = ("--tokenizer", str(examples / "tokenizer.model"))
    for name, code in (("canonical", 0), ("like_1734", 1), ("packed_plus_one_two_layers", 1)):
        trial.pgolf("audit", "script", str(examples / "scripts" / f"{name}.py"), *tokenizer, code=code)
    rescore = json.loads(
        trial.run(
            sys.executable, str(ROOT / "scripts" / "canonical_rescore.py"), *tokenizer,
            "--train-script", str(examples / "scripts" / "like_1734.py"), "--val-data", str(examples / "val"),
            "--reported-bpb", "1.08",
        ).stdout
    )  # fmt: skip
    if rescore["lut_status"] != "BUGGY" or not 1.2 < rescore["exact_inflation_ratio"] < 1.25:
        raise Failed(f"canonical_rescore says {rescore['lut_status']}, {rescore['exact_inflation_ratio']}")
    trial.pgolf("audit", "log", str(trial.workspace / "experiments" / "exp_001" / "train_seed42.log"))
    trial.pgolf("audit", "submission", str(trial.workspace / "no-such-folder"), code=2)
    return f"canonical verified, two bugs flagged; exact ratio of the copied one {rescore['exact_inflation_ratio']:.4f}"


def network(trial: Trial) -> str:
    """The leaderboard is fetched, or a sentence says why not."""
    if not trial.network:
        raise Skipped("--no-network")
    words = (sys.executable, "-m", "pgolf", "leaderboard", "fetch")
    try:
        done = subprocess.run(
            words, cwd=trial.workspace, env=trial.environ, capture_output=True, text=True, timeout=15
        )
    except subprocess.TimeoutExpired:
        raise Skipped("no answer within 15 s") from None
    if done.returncode not in (0, 1, 2) or "Traceback" in done.stderr:
        raise Failed(done.stderr.strip()[-300:])
    return (
        "the leaderboard was read"
        if done.returncode == 0
        else f"refused in a sentence: {done.stderr.strip()[:90]}"
    )


STEPS: tuple[tuple[str, Callable[[Trial], str]], ...] = (
    ("files", files),
    ("command line", command_line),
    ("parser", parser),
    ("life cycle", life_cycle),
    ("submit-check", submit_check),
    ("hooks", hooks),
    ("audit", audit),
    ("network", network),
)


def main(arguments: list[str] | None = None) -> int:
    """Run every step; 0 when none failed."""
    options = argparse.ArgumentParser(description="Try the whole pipeline in a temporary workspace.")
    options.add_argument("--verbose", action="store_true", help="show each command and what it printed")
    options.add_argument(
        "--no-network", action="store_true", help="leave out the one step that uses the network"
    )
    options.add_argument("--keep-temp", action="store_true", help="keep the temporary folder, and name it")
    given = options.parse_args(arguments)
    sys.path.insert(0, str(ROOT / "src"))
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PGOLF_") and name not in ("MAX_WALLCLOCK_SECONDS", "CUDA_VISIBLE_DEVICES")
    }
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT / "src"), environ.get("PYTHONPATH"))))
    if given.no_network:
        environ |= dict.fromkeys(
            ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"
        )
    folder = Path(tempfile.mkdtemp(prefix="pgolf-validate-"))
    trial = Trial(folder, given.verbose, not given.no_network, environ)
    started = time.monotonic()
    try:
        for name, action in STEPS:
            trial.step(name, action)
    finally:
        if given.keep_temp:
            print(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    counts = {
        status: sum(1 for result in trial.results if result[0] == status) for status in ("ok", "skip", "FAIL")
    }
    print(
        f"{counts['ok']} ok, {counts['skip']} skipped, {counts['FAIL']} failed in {time.monotonic() - started:.0f} s: "
        + ("the pipeline works" if not counts["FAIL"] else "something is broken, see above")
    )
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
