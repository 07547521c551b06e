"""Fuzz of the launch reader: generated commands with a launch inside, and generated commands without one.

    python -m benchmarks.fuzz_hooks [--count 100000] [--seed 1] [--bash 2000]

With a launch: every command must be priced with the right number of launches, or refused; one that passes is printed.
Without one: none may be refused, none may be slower than the reader's own deadline. `--bash N` also runs N of the
commands in a real bash whose `torchrun` only counts how often it was started: the reader must never find fewer.
"""

from __future__ import annotations

import argparse
import base64
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pgolf.lab.launch import LaunchPlan, Rates, price
from pgolf.lab.launch.programs import quote

RATES = Rates(
    gpu_usd_per_hour={"1xH100_SXM": 3.30, "8xH100_SXM": 24.72}, train_seconds=600.0, record_gpu="8xH100_SXM"
)
DEADLINE_SECONDS = 2.0
NOUNS = ("data", "logs", "out", "notes", "run", "exp_x", "src", "build", "README.md", "config.json")

# A step takes (shell text, how often it launches) and gives the same again: what stands around the launch.
Step = Callable[[random.Random, str, int], tuple[str, int]]


def _mask_word(rng: random.Random, word: str) -> str:
    """The same word, written so that a search for it fails."""
    at = rng.randrange(1, len(word) - 1)
    head, tail = word[:at], word[at:]
    return rng.choice(
        [
            word,
            f'{head}""{tail}',
            f"{head}''{tail}",
            f"{head}\\{tail}",
            f"'{word}'",
            f'"{word}"',
            f"\\{word}",
            "$'" + "".join(f"\\x{ord(c):02x}" for c in word) + "'",
            head + "$'" + "".join(f"\\{ord(c):03o}" for c in tail) + "'",
            f"{head}$()" + tail,
            f"{head}${{nothing_here}}{tail}",
            f"$(echo {head}){tail}",
            f"$(printf %s {word})",
            f"`echo {word}`",
            f"{{{word},}}",
            f"${{nothing_here:-{word}}}",
            f"{head}\\\n{tail}",
        ]
    )


def launch(rng: random.Random) -> tuple[str, int]:
    """One launch, plainly or in disguise."""
    count = rng.choice([1, 2, 4, 8])
    option = rng.choice(
        [
            f"--nproc_per_node={count}",
            f"--nproc-per-node {count}",
            f"--nproc_per_node='{count}'",
            f"--nproc_per_node=$(({count}+0))",
        ]
    )
    program = rng.choice(
        [_mask_word(rng, "torchrun"), "torchrun", "python -m torch.distributed.run", "/opt/x/bin/torchrun"]
    )
    return f"{program} {rng.choice(['', '--standalone '])}{option} train_gpt.py", 1


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _double(text: str) -> str:
    for char in '\\"$`':
        text = text.replace(char, "\\" + char)
    return f'"{text}"'


def _delimiter(rng: random.Random) -> str:
    return f"EOF{rng.randrange(10**6)}"


def _heredoc(rng: random.Random, text: str, n: int) -> tuple[str, int]:
    word = _delimiter(rng)
    head = rng.choice(
        [f"bash <<'{word}'", f"sh -s <<'{word}'", f"cat <<'{word}' | bash", f"source /dev/stdin <<'{word}'"]
    )
    return f"{head}\n{text}\n{word}\n", n


def _repeated(rng: random.Random, text: str, n: int) -> tuple[str, int]:
    times = rng.randrange(1, 4)
    form = rng.randrange(4)
    name = f"v{rng.randrange(10**6)}"
    if form == 0:
        return f"for i in {' '.join(map(str, range(times)))}; do {text}\ndone", n * times
    if form == 1:
        return f"for i in {{1..{times}}}; do {text}\ndone", n * times
    if form == 2:
        return f"for (({name}=0; {name}<{times}; {name}++)); do {text}\ndone", n * times
    return f"{name}=0; while [ ${name} -lt {times} ]; do {text}\n{name}=$(({name}+1)); done", n * times


def _function(rng: random.Random, text: str, n: int) -> tuple[str, int]:
    name = f"f{rng.randrange(10**6)}"
    return f"{name}() {{ {text}\n}}; {name}", n


def _file(rng: random.Random, text: str, n: int) -> tuple[str, int]:
    name, word = f"s{rng.randrange(10**6)}.sh", _delimiter(rng)
    run = rng.choice(
        [f"bash {name}", f"sh ./{name}", f"source ./{name}", f"chmod +x {name} && ./{name}", f"bash < {name}"]
    )
    return f"cat > {name} <<'{word}'\n{text}\n{word}\n{run}", n


def _variable(rng: random.Random, text: str, n: int) -> tuple[str, int]:
    name = f"v{rng.randrange(10**6)}"
    return f'{name}={_quoted(text)}; eval "${name}"', n


def _simple(pattern: str) -> Step:
    return lambda rng, text, n: (
        pattern.replace("§D", _double(text)).replace("§Q", _quoted(text)).replace("§", text),
        n,
    )


STEPS: tuple[Step, ...] = (
    _simple("bash -c §Q"),
    _simple("sh -c §D"),
    _simple("bash -lc §Q"),
    _simple("env A=1 bash -c §Q"),
    _simple("nohup bash -c §Q"),
    _simple("timeout 600 bash -c §Q"),
    _simple("nice -n 5 sh -c §Q"),
    _simple("eval §Q"),
    _simple("eval §D"),
    _simple("( §\n)"),
    _simple("{ §\n}"),
    _simple("true && { §\n}"),
    _simple("false || { §\n}"),
    _simple("if true; then §\nfi"),
    _simple("if [ -d . ]; then §\nfi"),
    _simple("! { §\n}"),
    _simple("x=$(§\n)"),
    _simple('echo "$(§\n)"'),
    _simple("cat <(§\n) > /dev/null"),
    _simple("{ §\n} | cat"),
    _simple("{ §\n} & wait"),
    _simple("{ §\n} > /dev/null 2>&1"),
    _simple("echo §Q | bash"),
    _simple("bash <<< §Q"),
    _simple("bash <(echo §Q)"),
    _simple("echo ok; §"),
    _simple("ls > /dev/null\n§"),
    _simple("# a comment ' \"\n§"),
    _simple("case a in (a) §\n;; esac"),
    _simple("trap §Q EXIT"),
    _simple("printf '%s\\n' §Q | sh"),
    _simple('python3 -c "import os; os.system(open(0).read())" < /dev/null; §'),
    lambda rng, text, n: (f"echo {base64.b64encode(text.encode()).decode()} | base64 -d | bash", n),
    lambda rng, text, n: (f"A={rng.choice(NOUNS)} B=2; export A; §".replace("§", text), n),
    lambda rng, text, n: (f"cd . && {{ {text}\n}}", n),
    _heredoc,
    _repeated,
    _function,
    _file,
    _variable,
)

# Wrappers whose programs are not there to be run against bash.
ELSEWHERE: tuple[Step, ...] = (
    _simple("ssh -p 22 gpu1 §Q"),
    _simple("ssh gpu1 <<< §Q"),
    _simple("tmux new-session -d -s run §Q"),
    _simple("tmux send-keys -t run §Q Enter"),
    _simple("screen -dmS run bash -c §Q"),
    _simple("docker run --rm --gpus all -e A=1 image bash -c §Q"),
    _simple("docker exec -it box sh -c §Q"),
    _simple("sudo -u me bash -c §Q"),
    _simple("su -c §Q me"),
    _simple("env -i bash -c §Q"),
    _simple("uv run bash -c §Q"),
    _simple("conda run -n pg bash -c §Q"),
    _simple("flock /tmp/lock -c §Q"),
    _simple("script -qc §Q /dev/null"),
    _simple("stdbuf -oL setsid bash -c §Q"),
    _simple("kubectl exec pod -- bash -c §Q"),
    _simple("echo §Q | at now"),
    _simple("echo §Q | ssh gpu1 bash -s"),
    _simple("taskset -c 0-3 numactl -N 0 bash -c §Q"),
    lambda rng, text, n: (f"python3 -c {_double(f'import os; os.system({text!r})')}", n),
    lambda rng, text, n: (
        f"python3 - <<'PY'\nimport subprocess\nsubprocess.run({text!r}, shell=True)\nPY",
        n,
    ),
    lambda rng, text, n: (
        "python3 -c " + _quoted(f"import os; c = {text!r}; os.execvp('bash', ['bash', '-c', c])"),
        n,
    ),
)


def with_launch(rng: random.Random, *, local: bool = False) -> tuple[str, int]:
    """A command that launches, and how often; `local` ones a bash can run here."""
    steps = STEPS if local else STEPS + ELSEWHERE
    text, n = launch(rng)
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3])):
        text, n = rng.choice(steps)(rng, text, n)
        if len(text) > 4000:
            break
    return text, n


_MENTIONS = (
    "echo {q}",
    "printf '%s\\n' {q}",
    "git commit -m {q}",
    "git log --grep={q}",
    "grep -rn {q} .",
    "rg {q} src | head -5",
    "cat <<'EOF' > notes.md\n{t}\nEOF",
    "cat > {n}.sh <<'EOF'\n{t}\nEOF",
    "echo {q} >> README.md",
    "ls # {t}",
    "# {t}\nls",
    'X={q}; echo "$X"',
    "tee {n} <<< {q}",
    "which torchrun",
    "man torchrun",
    "pip show accelerate",
    "ls torchrun.log {n}",
    "pgrep -f {q}",
    "f() {{ {t}\n}}",
    "false && {t}",
    "if false; then {t}\nfi",
    "wc -l train_gpt.py",
    "python3 -c \"print('torchrun')\"",
    "sed -n '/torchrun/p' {n}",
    "awk '/torchrun/ {{print $1}}' {n}",
    "gh pr comment 3 --body {q}",
)
_WORK = (
    "ls -la {n}",
    "cd {n} && git status --short",
    "mkdir -p {n}/{n}",
    "python3 -c 'print(1+1)'",
    "for f in a b c; do echo $f; done",
    'while read -r l; do echo "$l"; done < {n}',
    "find . -name '*.py' | xargs wc -l",
    "X=$(date +%s); echo $X",
    "cargo build && ./target/debug/{n}",
    "npm run lint",
    "tar xzf {n}.tgz",
    "(cd {n}; ls) | sort | uniq -c",
    "test -f {n} && echo yes || echo no",
    "diff <(ls) <(ls {n})",
    "jq '.a | .b' config.json",
    "echo $((1 + 2))",
    "case {n} in d*) echo d;; *) echo o;; esac",
    "curl -s https://example.org/{n} -o {n}.json",
    "docker ps -a --format '{{{{.Names}}}}'",
    "ssh host 'ls {n}'",
    "sleep 1 & wait",
    "bash -c 'ls {n}'",
    "x=(1 2 3); echo ${{x[@]}}",
    "printf '%03d\\n' 7",
    '"$EDITOR" {n}',
    "kill %1 2> /dev/null",
)
_AROUND = (
    "§",
    "§",
    "( §\n)",
    "{ §\n}",
    "§ && ls",
    "ls; §",
    "bash -c §Q",
    "if [ -d {n} ]; then §\nfi",
    "for i in 1 2; do §\ndone",
    "time { §\n}",
    "{ §\n} 2>&1 | tail -3",
    "timeout 60 bash -c §Q",
    "g() { §\n}; g",
)


def without_launch(rng: random.Random) -> str:
    """A command that launches nothing, though it may speak of launches."""
    text = _filled(rng, rng.choice(_MENTIONS + _WORK))
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        pattern = rng.choice(_AROUND).replace("{n}", rng.choice(NOUNS))
        if "\n" not in pattern and ("EOF" in text or text.lstrip().startswith("#") or " # " in text):
            pattern = "{ §\n}"
        text = pattern.replace("§Q", _quoted(text)).replace("§", text)
    return text


def _filled(rng: random.Random, pattern: str) -> str:
    text = "torchrun --nproc_per_node=8 train_gpt.py"
    text = rng.choice(
        [text, f"MAX_WALLCLOCK_SECONDS=600 {text}", "deepspeed --num_gpus 8 t.py", "accelerate launch t.py"]
    )
    filled = pattern.format(q=quote(text), t=text, n=rng.choice(NOUNS))
    return filled


def read(command: str, folder: str) -> tuple[LaunchPlan, float]:
    """The plan for a command, and the seconds that reading took."""
    began = time.perf_counter()
    plan = price(command, environ={"PATH": "/usr/bin:/bin", "HOME": folder}, cwd=folder, profile=RATES)
    return plan, time.perf_counter() - began


def problems_with_launch(count: int, seed: int, folder: str) -> tuple[list[str], int, float]:
    """Commands that passed unpriced or with too few launches; how many were refused instead of priced; slowest."""
    rng = random.Random(seed)  # noqa: S311
    wrong: list[str] = []
    refused = 0
    slowest = 0.0
    for _ in range(count):
        command, expected = with_launch(rng)
        plan, seconds = read(command, folder)
        slowest = max(slowest, seconds)
        if plan.problems:
            refused += 1
        elif sum(item.times for item in plan.launches) < expected or plan.usd <= 0:
            wrong.append(command)
    return wrong, refused, slowest


def problems_without_launch(count: int, seed: int, folder: str) -> tuple[list[str], float]:
    """Commands that were refused though they launch nothing; the slowest reading in seconds."""
    rng = random.Random(seed)  # noqa: S311
    wrong: list[str] = []
    slowest = 0.0
    for _ in range(count):
        command = without_launch(rng)
        plan, seconds = read(command, folder)
        slowest = max(slowest, seconds)
        if plan.is_launch:
            wrong.append(command)
    return wrong, slowest


def bash_disagreements(count: int, seed: int) -> list[str]:
    """Commands that a real bash runs, whose counting `torchrun` starts more often than the reader found."""
    rng = random.Random(seed)  # noqa: S311
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        stubs = Path(scratch) / "bin"
        work = Path(scratch) / "work"
        stubs.mkdir()
        work.mkdir()
        counter = Path(scratch) / "count"
        for name in ("torchrun", "python"):
            stub = stubs / name
            stub.write_text(f"#!/bin/sh\necho x >> {counter}\n", encoding="utf-8")
            stub.chmod(0o755)
        for _ in range(count):
            command, _expected = with_launch(rng, local=True)
            if "/opt/x" in command or "python3" in command:
                continue
            counter.write_text("", encoding="utf-8")
            environ = {"PATH": f"{stubs}:/usr/bin:/bin", "HOME": str(work)}
            plan, _ = read(command, str(work))
            try:
                subprocess.run(
                    ["bash", "-c", command], cwd=work, env=environ, capture_output=True, timeout=20, check=False,
                    stdin=subprocess.DEVNULL,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                continue
            started = counter.read_text(encoding="utf-8").count("x")
            if not plan.problems and sum(item.times for item in plan.launches) < started:
                wrong.append(command)
    return wrong


def main() -> None:
    """Run both halves and print the counts; exit 1 on the first kind of wrong answer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bash", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        wrong, refused, slowest = problems_with_launch(arguments.count, arguments.seed, folder)
        seconds = time.perf_counter() - began
        print(  # noqa: T201
            f"with a launch: {arguments.count} commands, {len(wrong)} passed unpriced, "
            f"{refused} refused, slowest {slowest:.3f} s, {seconds:.0f} s in all"
        )
        for command in wrong[:10]:
            print("  PASSED:", repr(command))  # noqa: T201
        innocent, slowest = problems_without_launch(arguments.count, arguments.seed, folder)
        print(  # noqa: T201
            f"without one: {arguments.count} commands, {len(innocent)} refused, slowest {slowest:.3f} s "
            f"(deadline {DEADLINE_SECONDS:g} s)"
        )
        for command in innocent[:10]:
            print("  REFUSED:", repr(command))  # noqa: T201
    apart = bash_disagreements(arguments.bash, arguments.seed) if arguments.bash else []
    if arguments.bash:
        print(f"against bash: {arguments.bash} commands, {len(apart)} with fewer launches than bash started")  # noqa: T201
        for command in apart[:10]:
            print("  FEWER:", repr(command))  # noqa: T201
    if wrong or innocent or apart or slowest > DEADLINE_SECONDS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
