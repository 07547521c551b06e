"""Python on a command line: which module or script runs, and which programs that code starts."""

from __future__ import annotations

from pgolf.lab.launch import files as script_files
from pgolf.lab.launch.bounds import TooMuch
from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream, may_launch
from pgolf.lab.launch.launchers import plain_python, torchrun

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast

_TORCH_MODULES = (
    "torch.distributed.run",
    "torch.distributed.launch",
    "torch.distributed.elastic.multiprocessing",
)
_RUN_PACKAGES = (
    "torch.distributed.run",
    "torch.distributed.launch",
    "torch.distributed.launcher",
    "accelerate.commands",
)
_RUNNERS = frozenset(
    {"pdb", "cProfile", "profile", "trace", "coverage", "torch.utils.bottleneck", "runpy", "ipdb", "debugpy", "viztracer",
     "kernprof", "line_profiler", "memory_profiler", "scalene", "timeit", "faulthandler", "pudb", "doctest"}
)  # fmt: skip
_STARTERS = (
    "system", "popen", "Popen", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "run", "spawn", "spawnl",
    "spawnlp", "spawnv", "spawnvp", "execv", "execvp", "execl", "execlp", "execve", "execvpe", "execle", "execlpe", "spawnve",
    "create_subprocess_shell", "create_subprocess_exec", "posix_spawn", "posix_spawnp",
)  # fmt: skip
_TRAINING_CALLS = frozenset(
    {"main", "train", "run", "fit", "run_training", "train_model", "train_and_eval", "training_loop"}
)
"""Functions of a local module that train when they are called; that they are imported starts nothing."""
_HIDING = (
    "b64decode",
    "fromhex",
    "unhexlify",
    "decompress",
    "codecs",
    "marshal",
    "rot13",
    "chr(",
    "[::-1]",
    "b85decode",
    "a2b_",
)


def interpreter_call(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`python [options] [-c code | -m module | script | -] arguments`."""
    at = 1
    while at < len(argv):
        word = argv[at]
        if word == "-":
            break
        if word.startswith("--"):
            if word in ("--version", "--help"):
                return BENIGN
            at += 2 if word == "--check-hash-based-pycs" else 1
            continue
        if not word.startswith("-"):
            break
        letters = word[1:]
        for index, letter in enumerate(letters):
            if letter in "cm":
                value = letters[index + 1 :]
                rest = argv[at + 1 :]
                if not value:
                    value, rest = (rest[0] if rest else ""), rest[1:]
                if letter == "m":
                    return module(shell, value, rest, argv, state, stdin)
                if argv[0].rpartition("/")[2].startswith("ipython"):
                    value = _without_magics(shell, value, argv, state)
                return run_python(shell, value, [argv[0], *rest], "-c", state)
            if letter in "XWQ":
                if not letters[index + 1 :]:
                    at += 1
                break
            if letter in "Vh?":
                return BENIGN
        at += 1
    if at >= len(argv) or argv[at] in ("-", "/dev/stdin"):
        if stdin is None:
            return OPAQUE
        return run_python(shell, stdin.text, argv[at:] or ["-"], "-", state)
    return script_call(shell, argv[at:], argv, state, stdin)


def _without_magics(shell: Interpreter, text: str, argv: list[str], state: State) -> str:
    """IPython's own lines (`!command`, `%run script.py`) are followed; what is left is Python."""
    python = []
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith(("!", "%sx ", "%system ")):
            shell.code(bare.lstrip("!").removeprefix("%sx ").removeprefix("%system "), state.process(), None)
        elif bare.startswith("%run "):
            words = [word for word in bare.split()[1:] if not word.startswith("-")]
            if words:
                script_call(shell, words, [argv[0], *words], state, None)
        else:
            python.append(line)
    return "\n".join(python)


def module(
    shell: Interpreter, name: str, rest: list[str], argv: list[str], state: State, stdin: Stream | None
) -> str:
    """`python -m name …`."""
    from pgolf.lab.launch.programs import HANDLERS, search

    if name.startswith(_TORCH_MODULES) or name == "torchrun":
        torchrun(shell, f"python -m {name}", rest, state)
        return OPAQUE
    if name in ("accelerate.commands.launch", "accelerate.launch"):
        return HANDLERS["accelerate-launch"](shell, ["accelerate-launch", *rest], state, stdin)
    if name in ("accelerate", "accelerate.commands.accelerate_cli"):
        return HANDLERS["accelerate"](shell, ["accelerate", *rest], state, stdin)
    if name in ("deepspeed", "deepspeed.launcher.runner", "deepspeed.launcher.launch"):
        return HANDLERS["deepspeed"](shell, ["deepspeed", *rest], state, stdin)
    if name in ("modal", "modal.cli"):
        return HANDLERS["modal"](shell, ["modal", *rest], state, stdin)
    if name in ("sky", "sky.cli"):
        return HANDLERS["sky"](shell, ["sky", *rest], state, stdin)
    if name in ("pgolf", "pgolf.cli.main"):
        return HANDLERS["pgolf"](shell, ["pgolf", *rest], state, stdin)
    if name in _RUNNERS:
        words = list(rest)
        while words and (words[0].startswith("-") or words[0] == "run"):
            if words[0] == "-m" and len(words) > 1:
                return module(shell, words[1], words[2:], argv, state, stdin)
            words.pop(0)
        # An option's value may stand before the script (`-o out.prof train_gpt.py`).
        for at, word in enumerate(words):
            if word.endswith(".py"):
                return script_call(shell, words[at:], argv, state, stdin)
        return OPAQUE
    if OPAQUE in name or BENIGN in name:
        if any(word.startswith(("--nproc", "--nnodes")) for word in rest) or may_launch(" ".join(argv)):
            shell.problem(
                " ".join(argv), "which module this runs is not fixed", "write the module's name", state
            )
        return OPAQUE
    relative = name.replace(".", "/")
    for candidate in (f"{relative}.py", f"{relative}/__main__.py"):
        if (
            shell.path(candidate, state) in shell.files
            or script_files.read(shell.path(candidate, state)).text is not None
        ):
            return script_call(shell, [candidate, *rest], argv, state, stdin)
    if state.remote and name.rpartition(".")[2].startswith("train"):
        plain_python(shell, argv[1:], relative + ".py", state, "a training module on another machine")
        return OPAQUE
    if name not in (
        "pytest",
        "pip",
        "mypy",
        "ruff",
        "http.server",
        "json.tool",
        "venv",
        "unittest",
        "py_compile",
        "compileall",
    ):
        search(shell, ["python -m " + name, *rest], state)
    return OPAQUE


def script_call(
    shell: Interpreter, words: list[str], argv: list[str], state: State, stdin: Stream | None
) -> str:
    """`python script.py …`: the script's text, if it can be read."""
    from pgolf.lab.launch.programs import HANDLERS, is_trainer_name, run_file, search

    name = words[0]
    if OPAQUE in name or BENIGN in name:
        if may_launch(" ".join(argv)) or _gpu_setting(words, state) or OPAQUE in name:
            shell.problem(
                " ".join(argv), "which script this runs is not fixed", "write the script's name", state
            )
        return OPAQUE
    base = name.rpartition("/")[2]
    if base in ("torchrun", "accelerate", "deepspeed", "accelerate-launch", "modal", "sky"):
        return HANDLERS[base](shell, words, state, stdin)
    path = shell.path(name, state)
    text = shell.files.get(path)
    if text is None and not state.remote:
        found = script_files.read(path)
        if found.text is None and found.why == "binary":
            import os

            if os.path.isdir(path):
                path = os.path.join(path, "__main__.py")
                found = script_files.read(path)
        if found.text is None and found.why.startswith("unreadable"):
            shell.problem(" ".join(argv), f"{name} is {found.why}", "run a script that can be read", state)
            return OPAQUE
        text = found.text
    if text is None:
        if is_trainer_name(name) and (state.remote or _gpu_setting(words, state)):
            plain_python(shell, argv[1:], name, state, "a training script run without a launcher")
        elif shell.wrote_unknown and not state.remote and is_trainer_name(name):
            plain_python(shell, argv[1:], name, state, "a training script that this command fetches")
        else:
            search(shell, ["python", *words[1:]], state)
        return OPAQUE
    if name.endswith((".sh", ".bash")):
        return run_file(shell, words, state, stdin, known=False)[1]
    if base == "pgolf.py" and "pgolf.cli.main" in text and len(text) < 4000:
        return HANDLERS["pgolf"](shell, ["pgolf", *words[1:]], state, stdin)
    return run_python(shell, text, argv[1:], name, state, words)


def _gpu_setting(words: list[str], state: State) -> bool:
    """Whether the environment or the script's arguments ask for a GPU."""
    environ = state.environ()
    devices = environ.get("CUDA_VISIBLE_DEVICES")
    if devices is not None and devices.strip() not in ("", "-1"):
        return True
    if environ.get("PGOLF_GPU") or any(environ.get(name) for name in ("WORLD_SIZE", "LOCAL_RANK", "RANK")):
        return True
    for at, word in enumerate(words[1:], 1):
        name, _, value = word.lstrip("-").partition("=")
        value = value or (words[at + 1] if at + 1 < len(words) else "")
        if word.startswith("-") and name.replace("-", "_") in (
            "gpu",
            "gpus",
            "cuda",
            "num_gpus",
            "n_gpus",
            "gpu_ids",
            "gpu_id",
        ):
            return value not in ("0", "false", "False") or name == "gpu"
        if word.startswith("-") and name in ("device", "accelerator") and value.startswith(("cuda", "gpu")):
            return True
    return False


def _hides_gpus(state: State) -> bool:
    devices = state.environ().get("CUDA_VISIBLE_DEVICES")
    return devices is not None and devices.strip() in ("", "-1")


def run_python(
    shell: Interpreter, text: str, argv: list[str], name: str, state: State, words: list[str] | None = None
) -> str:
    """Python source: what it starts through `os.system`, `subprocess` and their kin, and whether it trains."""
    from pgolf.lab.launch.programs import is_trainer_name, search

    words = words or argv
    if OPAQUE in text:
        shell.problem(
            f"{argv[0]} {name}",
            "python is given text that cannot be read from here",
            "write a script first",
            state,
        )
        return OPAQUE
    inline = name in ("-", "-c")
    before = len(shell.launches) + len(shell.problems)
    wrote = any(word in text for word in ("open(", "write_text", "urlretrieve", "shutil", "extractall"))
    if wrote and inline:
        shell.wrote_unknown.append("python")
    if any(
        word in text
        for word in (
            "system",
            "popen",
            "Popen",
            "subprocess",
            "spawn",
            "exec",
            "eval",
            "runpy",
            "pty",
            "import_module",
            "__import__",
            "torch.distributed",
            "accelerate",
            "deepspeed",
            *(("import",) if inline else ()),
        )
    ):
        started(shell, text, argv, name, state, inline)
    if len(shell.launches) + len(shell.problems) == before and not _hides_gpus(state):
        trains = ".backward(" in text and ("cuda" in text or "nccl" in text)
        packed = "exec(" in text and ("decompress" in text or "b85decode" in text or "b64decode" in text)
        if (
            (not inline or trains)
            and "mlx" not in name.rpartition("/")[2]
            and (trains or (is_trainer_name(name) and (packed or _gpu_setting(words, state) or state.remote)))
        ):
            plain_python(
                shell,
                argv if inline else words,
                "" if inline else name,
                state,
                "a training script run without a launcher",
            )
            return OPAQUE
    if len(shell.launches) + len(shell.problems) == before:
        search(shell, ["python", *words[1:]], state)
    return OPAQUE


def started(shell: Interpreter, text: str, argv: list[str], name: str, state: State, inline: bool) -> None:
    """Follow calls that start programs."""
    named = any(
        word in text
        for word in (
            "torch",
            "deepspeed",
            "accelerate",
            "nproc",
            "modal",
            "srun",
            "mpirun",
            "sbatch",
            "runpod",
            "bash",
            ".sh",
            "sky ",
            *((".py", "train", "run_module") if inline else ()),
        )
    )
    hidden = any(word in text for word in _HIDING)
    if not named and not hidden:
        return
    import ast

    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Written for another Python, perhaps: then the words decide.
        squeezed = text.translate({ord(char): None for char in "'\"+ ,"})
        if any(
            word in squeezed for word in ("torchrun", "torch.distributed.run", "torch.distributed.launch")
        ) and any(word in text for word in ("subprocess", "os.system", "Popen", "execv")):
            shell.problem(
                f"{argv[0]} {name}",
                "it starts a launch, and its Python cannot be read",
                "run the launch itself",
                state,
            )
        return
    finder = _Finder(shell, argv, name, state, inline, hidden)
    try:
        finder.walk(tree)
    except RecursionError:
        shell.problem(
            f"{argv[0]} {name}", "its Python is nested too deeply to read", "run the launch itself", state
        )


class _Finder:
    """Finds calls that start programs and folds their arguments as far as they are constant."""

    def __init__(
        self, shell: Interpreter, argv: list[str], name: str, state: State, inline: bool, hidden: bool
    ) -> None:
        self.shell = shell
        self.argv = argv
        self.name = name
        self.state = state
        self.inline = inline
        self.hidden = hidden
        self.values: dict[str, object] = {}
        self.names: set[str] = set()
        self.aliases: dict[str, str] = {}
        self.launchers: set[str] = set()
        self.imported: dict[str, str] = {}
        self.loops = 0

    def walk(self, tree: ast.AST) -> None:
        import ast

        for node in ast.walk(tree):
            if self.inline and isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    module = alias.name if isinstance(node, ast.Import) else node.module or ""
                    if not module.startswith(_RUN_PACKAGES):
                        self.imported[alias.asname or alias.name.partition(".")[0]] = module
                        if alias.asname and isinstance(node, ast.ImportFrom):
                            self.aliases[alias.asname] = alias.name
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_RUN_PACKAGES):
                self.launchers.update(alias.asname or alias.name for alias in node.names)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.startswith(_RUN_PACKAGES):
                        self.launchers.add(alias.asname or alias.name)
            elif isinstance(node, ast.ImportFrom) and node.module in (
                "os",
                "subprocess",
                "pty",
                "asyncio",
                "runpy",
            ):
                for alias in node.names:
                    self.aliases[alias.asname or alias.name] = alias.name
            elif (
                isinstance(node, ast.Assign)
                and len(node.targets) == 1
                and isinstance(node.targets[0], ast.Name)
            ):
                target = node.targets[0].id
                value = self.fold(node.value)
                self.values[target] = value if target not in self.values else None
                if isinstance(node.value, ast.Attribute):
                    self.aliases[target] = node.value.attr
                elif isinstance(node.value, ast.Call) and _called(node.value) == "getattr":
                    self.aliases[target] = (
                        str(self.fold(node.value.args[1])) if len(node.value.args) > 1 else ""
                    )
        self.visit(tree)

    def visit(self, node: ast.AST) -> None:
        import ast

        loops = isinstance(node, (ast.While, ast.For, ast.comprehension, ast.ListComp))
        self.loops += loops
        if isinstance(node, ast.Call):
            self.call(node)
        for child in ast.iter_child_nodes(node):
            self.visit(child)
        self.loops -= loops

    def call(self, node: ast.Call) -> None:
        import ast

        called = _called(node)
        called = self.aliases.get(called, called)
        value: object
        if isinstance(node.func, ast.Call) and _called(node.func) == "getattr" and len(node.func.args) > 1:
            called = str(self.fold(node.func.args[1]) or "system")
        if called in ("exec", "eval"):
            value = self.fold(node.args[0]) if node.args else None
            opened = _opened(node.args[0]) if node.args else None
            if isinstance(value, str):
                run_python(self.shell, value, self.argv, "-c", self.state)
            elif self.inline and opened is not None and isinstance(name := self.fold(opened), str):
                self.runs_file(name)
            elif self.inline and self.hidden:
                self.unread()
            return
        if called in ("run_module", "run_path") and node.args:
            value = self.fold(node.args[0])
            if isinstance(value, str) and value.startswith(_TORCH_MODULES):
                self.unread()
            elif isinstance(value, str) and self.inline:
                self.runs_file(value if called == "run_path" else value.replace(".", "/") + ".py")
            return
        spelled = ast.unparse(node.func)
        if self.inline and called in _TRAINING_CALLS:
            module = self.imported.get(spelled.partition(".")[0])
            name = (module or "").replace(".", "/") + ".py"
            path = self.shell.path(name, self.state)
            if path in self.shell.files or script_files.read(path).text is not None:
                self.runs_file(name)
                return
        if spelled in self.launchers or (
            called in ("main", "run") and spelled.rpartition(".")[0] in self.launchers
        ):
            words = self.fold(node.args[0]) if node.args else None
            if isinstance(words, list) and all(isinstance(word, str) for word in words):
                torchrun(
                    self.shell, "torch.distributed.run", [str(word) for word in words], self.state.process()
                )
            else:
                self.unread()
            return
        if called not in _STARTERS or (not node.args and not node.keywords):
            return
        argument = (
            node.args[0]
            if node.args
            else next((k.value for k in node.keywords if k.arg in ("args", "cmd")), None)
        )
        if argument is None:
            return
        if called.startswith(("execl", "spawnl")) or called in ("create_subprocess_exec",):
            values = [self.fold(item) for item in node.args]
            value = values
            if called != "create_subprocess_exec":
                value = values[2 if called.startswith("spawn") else 1 :]
        elif (
            called in ("execv", "execvp", "execve", "execvpe", "posix_spawn", "posix_spawnp")
            and len(node.args) > 1
        ):
            value = self.fold(node.args[1])
        elif called.startswith("spawnv") and len(node.args) > 2:
            value = self.fold(node.args[2])
        else:
            value = self.fold(argument)
        environ = next((k.value for k in node.keywords if k.arg == "env"), None)
        self.start(value, argument, environ)

    def runs_file(self, name: str) -> None:
        """Code given in the command itself runs a Python file of this folder."""
        from pgolf.lab.launch.programs import MAX_SCRIPT_DEPTH

        if name in self.shell.reading:
            return
        if len(self.shell.reading) > MAX_SCRIPT_DEPTH:
            raise TooMuch("files that run each other too deeply")
        self.shell.reading.append(name)
        try:
            script_call(self.shell, [name], [self.argv[0], name], self.state, None)
        finally:
            self.shell.reading.pop()

    def start(self, value: object, argument: ast.AST, environ: ast.AST | None) -> None:
        import ast

        from pgolf.lab.launch.programs import dispatch

        if self.loops:
            self.shell.uncountable.append("python loop")
        try:
            state = self.state.process()
            if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
                dispatch(self.shell, [str(item) for item in value], state, None)
            elif isinstance(value, str) and OPAQUE not in value:
                self.shell.code(value, state, None)
            elif isinstance(value, list) and value:
                words = [item if isinstance(item, str) else BENIGN for item in value]
                if may_launch(" ".join(words)):
                    dispatch(self.shell, words, state, None)
            elif self.hidden and self.inline:
                self.unread()
            else:
                text = ast.unparse(argument)
                if may_launch(text) or (isinstance(value, str) and may_launch(value)):
                    self.unread()
        finally:
            if self.loops:
                self.shell.uncountable.pop()

    def unread(self) -> None:
        self.shell.problem(
            f"{self.argv[0]} {self.name}",
            "its Python starts a launch whose words cannot be read from here",
            "run the launch as a plain command",
            self.state,
        )

    def fold(self, node: ast.AST, depth: int = 0) -> object:
        """A constant string or list of strings, or None; unknown pieces of text become marks."""
        import ast

        if depth > 40:
            return None
        again = depth + 1
        if isinstance(node, ast.Constant):
            if isinstance(node.value, (str, bytes, int)):
                return node.value
            return None
        if isinstance(node, ast.Name):
            return self.values.get(node.id)
        if isinstance(node, (ast.List, ast.Tuple)):
            items: list[object] = []
            for element in node.elts:
                if isinstance(element, ast.Starred):
                    inner = self.fold(element.value, again)
                    items.extend(inner if isinstance(inner, list) else [None])
                else:
                    value = self.fold(element, again)
                    items.append(
                        str(value) if isinstance(value, int) and not isinstance(node, ast.Tuple) else value
                    )
            return items
        if isinstance(node, ast.JoinedStr):
            return "".join(_text(self.fold(value, again)) for value in node.values)
        if isinstance(node, ast.FormattedValue):
            return self.fold(node.value, again)
        if isinstance(node, ast.BinOp):
            left, right = self.fold(node.left, again), self.fold(node.right, again)
            if isinstance(node.op, ast.Add):
                if isinstance(left, list) or isinstance(right, list):
                    return [
                        *(left if isinstance(left, list) else [None]),
                        *(right if isinstance(right, list) else [None]),
                    ]
                if isinstance(left, bytes) and isinstance(right, bytes):
                    return left + right
                if isinstance(left, str) or isinstance(right, str):
                    return _text(left) + _text(right)
            if isinstance(node.op, ast.Mod) and isinstance(left, str):
                parts = right if isinstance(right, list) else [right]
                pieces = left.replace("%d", "%s").split("%s")
                if len(pieces) == len(parts) + 1:
                    return pieces[0] + "".join(_text(p) + q for p, q in zip(parts, pieces[1:], strict=True))
            return None
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            value = self.fold(node.value, again)
            step = node.slice.step
            if isinstance(value, (str, bytes)) and step is not None and ast.unparse(step) == "-1":
                return value[::-1]
            return None
        if isinstance(node, ast.Call):
            return self.fold_call(node, again)
        return None

    def fold_call(self, node: ast.Call, depth: int) -> object:
        import ast

        called = _called(node)
        owner = self.fold(node.func.value, depth) if isinstance(node.func, ast.Attribute) else None
        values = [self.fold(value, depth) for value in node.args]
        first = values[0] if values else None
        if called == "join" and isinstance(owner, str) and isinstance(first, list):
            return owner.join(_text(item) for item in first)
        if called == "format" and isinstance(owner, str) and not node.keywords:
            pieces = owner.split("{}")
            if len(pieces) == len(values) + 1:
                return pieces[0] + "".join(_text(v) + p for v, p in zip(values, pieces[1:], strict=True))
            return BENIGN + owner
        if (
            called == "replace"
            and isinstance(owner, str)
            and len(values) == 2
            and all(isinstance(v, str) for v in values)
        ):
            return owner.replace(str(values[0]), str(values[1]))
        if called in ("decode", "encode", "strip", "rstrip", "lower", "upper") and isinstance(
            owner, (str, bytes)
        ):
            try:
                if called == "decode" and isinstance(owner, bytes):
                    return owner.decode()
                if called == "encode" and isinstance(owner, str):
                    return owner.encode()
                return getattr(owner, called)() if called not in ("decode", "encode") else owner
            except ValueError:
                return None
        if called == "split" and isinstance(first if called == "split" and owner is None else owner, str):
            text = owner if isinstance(owner, str) else str(first)
            return text.split()
        if called == "chr" and isinstance(first, int) and 0 <= first < 0x110000:
            return chr(first)
        if called == "str":
            return _text(first)
        if called in (
            "b64decode",
            "fromhex",
            "unhexlify",
            "b32decode",
            "b85decode",
            "a85decode",
        ) and isinstance(first, (str, bytes)):
            import base64
            import binascii

            try:
                if called in ("fromhex", "unhexlify"):
                    return bytes.fromhex(first if isinstance(first, str) else first.decode())
                decoded = getattr(base64, called)(first)
                return decoded if isinstance(decoded, bytes) else None
            except (ValueError, binascii.Error):
                return None
        return None


def _opened(node: ast.AST) -> ast.AST | None:
    """The file's name in `open(NAME).read()`, `Path(NAME).read_text()` and `compile(open(NAME).read(), …)`."""
    import ast

    for _ in range(8):
        if not isinstance(node, ast.Call):
            return None
        if _called(node) in ("open", "Path") and node.args:
            return node.args[0]
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("read", "read_text", "read_bytes"):
            node = node.func.value
        elif _called(node) in ("compile", "str") and node.args:
            node = node.args[0]
        else:
            return None
    return None


def _called(node: ast.Call) -> str:
    function = node.func
    name = getattr(function, "attr", None) or getattr(function, "id", None)
    return name if isinstance(name, str) else ""


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (str, int)):
        return str(value)
    return BENIGN
