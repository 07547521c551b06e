"""Package managers and build files that run a command in an environment of their own."""

from __future__ import annotations

from pgolf.lab.launch.elsewhere import hand_over
from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream, may_launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Interpreter, list[str], State, Stream | None], str]


RUN_VALUED = """--with --with-requirements --with-editable --extra --group --python -p --env-file --project --directory
    --package --index --index-url --extra-index-url --cache-dir --from -n --name --prefix --cwd --no-group --only-group -w -C
    --config-file --color --refresh-package"""


def tool_run(valued: str, verbs: tuple[str, ...]) -> Handler:
    """`uv run`, `poetry run`, `conda run -n env`, …: the command behind the verb and its options."""

    def run(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
        from pgolf.lab.launch.programs import inner, search

        at = 1
        takes = valued.split()
        while at < len(argv) and argv[at].startswith("-"):
            at += 2 if argv[at] in takes else 1
        if verbs and (at >= len(argv) or argv[at] not in verbs):
            return BENIGN
        rest = argv[at:] if verbs else ["x", *argv[at:]]
        while len(rest) > 1 and rest[1] in verbs and rest[0] in ("tool", "x"):
            rest = rest[1:]
        module = any(word in ("-m", "--module") for word in rest[1 : len(rest) - len(inner(rest, valued, 0))])
        words = inner(rest, valued, 0)
        if not words:
            return BENIGN
        before = len(shell.launches) + len(shell.problems)
        if module:
            at = next(i for i, word in enumerate(rest) if word in ("-m", "--module"))
            hand_over(shell, ["python", "-m", *rest[at + 1 :]], state, stdin)
        elif words[0].endswith(".py") or words[0] == "-":
            hand_over(shell, ["python", *words], state, stdin)
        else:
            hand_over(shell, words, state, stdin)
        if len(shell.launches) + len(shell.problems) == before:
            search(shell, argv, state)
        return OPAQUE

    return run


def run_package_scripts(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`npm run NAME`, `yarn NAME`, `npx command`: package.json's scripts."""
    base = argv[0].rpartition("/")[2]
    words = [word for word in argv[1:] if not word.startswith("-")]
    if base in ("npx", "bunx"):
        return hand_over(shell, words, state.process(), stdin)
    if words[:1] in (["exec"], ["dlx"], ["x"]):
        return hand_over(shell, words[1:], state.process(), stdin)
    if words[:1] in (["run"], ["run-script"]):
        words = words[1:]
    if not words:
        return BENIGN
    text = shell.content("package.json", state)
    if '"scripts"' not in text or OPAQUE in text:
        return BENIGN
    import json

    try:
        scripts = json.loads(text).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        return BENIGN
    name = "test" if words[0] in ("t", "tst") else words[0]
    for key in (f"pre{name}", name, f"post{name}"):
        code = scripts.get(key) if isinstance(scripts, dict) else None
        if isinstance(code, str) and may_launch(code):
            shell.code(code, state.process(), None, what=" ".join(argv))
    return BENIGN


def run_make(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.makefiles import run_make

    return run_make(shell, argv, state, stdin)


def run_just(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    from pgolf.lab.launch.makefiles import run_just

    return run_just(shell, argv, state)


def run_coverage(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    if argv[1:2] == ["run"]:
        return hand_over(shell, ["python", "-m", "coverage", *argv[1:]], state, stdin)
    return BENIGN
