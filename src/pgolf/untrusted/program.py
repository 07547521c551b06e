"""A script as a program of the evaluator: its module, the files it imports, runs or unpacks, its entry point.

Functions and classes are bound by name and parsed when somebody looks them up; everything else at module level is
evaluated in order, the call of `main()` included. Classes and long functions that have nothing to do with bytes,
tokens or scores (models, optimisers, kernels) stand for unknown values and are never parsed.
"""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Callable
from typing import Any

from pgolf.core.tokenizer import Vocabulary
from pgolf.errors import LimitTripped
from pgolf.untrusted.changes import arrays_within
from pgolf.untrusted.installed import INSTALLED_PACKAGES
from pgolf.untrusted.interp import Enough, Frame, Interp, ModuleFrame, Observer, Stmt, compile_block
from pgolf.untrusted.intrinsics import fresh_builtins, packages
from pgolf.untrusted.intrinsics.files import written_file
from pgolf.untrusted.intrinsics.tokenizers import TokenizerState
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.script import Script
from pgolf.untrusted.source import Chunk, Piece, Source, chunk_nodes, chunk_words, read_source, whole_source
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    STARTED,
    BoundMethod,
    ClassValue,
    Function,
    Instance,
    Intrinsic,
    ModelClass,
    Module,
    NativeObject,
    Opaque,
    ScriptRaise,
    Stuck,
    Value,
)

_RELEVANT_WORDS = (
    "lut", "bpb", "tokenizer", "byte_count", "token_bytes", "sentencepiece", "boundar", "leading_space", "val_tokens",
    "val_files", "fineweb", "tiktoken", "is_byte", "IsByte", ".npz", "setattr", "globals()", "__dict__", "20240520", "bits_per",
    "LN2", "0.693", "1.4426", "byte_len", "bytes_per", "n_bytes", "num_bytes", "total_bytes", "byte_sum", "id_to_piece",
    "IdToPiece",
)  # fmt: skip
"""What a piece mentions that has to do with bytes, tokens or scores; looked for one by one, which is faster than at once."""
_RELEVANT = re.compile(r"\b(?:spm?|exec)\b|log\(\s*2")
_MODEL_CLASS = re.compile(
    r"class\s+\w+\s*\([^)]*(?:Module|Optimizer|Function|Dataset|Loader|Parameter|Tensor|Adam|SGD|Linear|Embedding|Scheduler)\b"
)
_DECORATORS = re.compile(r"^@(\w+)", re.MULTILINE)
_LONG_FUNCTION_CHARS = 1200
_MAX_MODULES = 64


def _is_relevant(piece: Piece) -> bool:
    if piece.is_relevant is None:
        text = piece.text
        piece.is_relevant = (
            any(word in text for word in _RELEVANT_WORDS) or _RELEVANT.search(text) is not None
        )
    return piece.is_relevant


def chunk_code(chunk: Chunk) -> Stmt | None:
    """The closure that executes a chunk, kept with its tree; None when it does not parse by itself."""
    nodes = chunk_nodes(chunk)
    piece = chunk.piece
    if piece.code is None and nodes is not None:
        piece.code = compile_block(list(nodes))
    code: Stmt | None = piece.code
    return code


def _relevant_names(source: Source) -> set[str]:
    """Names of functions and classes that have to do with bytes, tokens or scores, or mention such a one."""
    relevant: set[str] = set()
    rest: list[Chunk] = []
    for chunk in source.chunks:
        if chunk.kind and chunk.name:
            if not chunk.text or _is_relevant(chunk.piece):
                relevant.add(chunk.name)
            else:
                rest.append(chunk)
    changed = True
    while changed and rest:
        changed = False
        for chunk in list(rest):
            if not relevant.isdisjoint(chunk_words(chunk)):
                relevant.add(chunk.name)
                rest.remove(chunk)
                changed = True
    return relevant


class NeedsWholeFile(Exception):
    """A piece of the source did not parse by itself; the whole file must be parsed."""


_evaluations: weakref.WeakSet[Interp] = weakref.WeakSet()


def evaluations_alive() -> int:
    """How many evaluations of this process are still held, be it only by themselves."""
    return len(_evaluations)


class Program:
    """One evaluation of one script with one vocabulary."""

    def __init__(self, script: Script, vocabulary: Vocabulary, limits: Limits, observer: Observer) -> None:
        self.script = script
        self.limits = limits
        self.interp = Interp(limits)
        _evaluations.add(self.interp)
        self.interp.observer = observer
        self.interp.builtins = fresh_builtins()
        self.interp.around.siblings = script.siblings
        self.interp.importer = self._import
        self.interp.text_runner = self._run_text
        self.tokenizer = TokenizerState(vocabulary)
        self.packages: dict[str, Any] = packages(self.interp, self.tokenizer)
        self._launchers()
        self.modules: dict[str, Module] = {}
        known = self.packages["sys"].attributes["modules"]
        self.interp.factories[id(known)] = (
            known,
            Intrinsic("module", lambda interp, args, kwargs, line: Opaque("a module", line)),
        )
        for name, package in self.packages.items():
            known[name] = package
        builtins = Module("builtins")
        builtins.attributes = self.interp.builtins
        self.packages["builtins"] = known["builtins"] = builtins

        def import_module(interp: Interp, args: list[Value], kwargs: dict[str, Value], line: int) -> Value:
            if args and isinstance(args[0], str) and interp.frame_of_import is not None:
                return interp.import_module(args[0].lstrip("."), interp.frame_of_import, line)
            return Opaque("import_module() of an unknown name", line)

        importlib = Module("importlib", lambda attribute: Opaque(f"importlib.{attribute}", 0, "config"))
        importlib.attributes["import_module"] = Intrinsic("importlib.import_module", import_module)
        self.packages.setdefault("importlib", importlib)
        self.module_count = 0
        self.unmade: list[tuple[Chunk, ModuleFrame]] = []
        """Classes of networks that were not evaluated."""
        self.unread: list[tuple[int, str]] = []
        """Code that is run but could not be read: (line, reason)."""
        self.launched: list[tuple[int, str]] = []
        """Sibling scripts that are started: (line, file name)."""
        self.launch_environment: dict[str, Value] = {}
        """Environment variables that a started script is given beside those of this one."""
        self.missing_modules: list[str] = []
        self.uncertain: set[str] = set()
        """Imported modules that a machine need not have."""
        self.files: dict[str, Module] = {}
        """Imported files by name."""
        self.main: ModuleFrame | None = None
        self.sources: list[Source] = []
        self.evaluated: list[tuple[Source, ModuleFrame]] = []
        """Sources with the globals that they were evaluated in."""
        self.exec_depth = 0
        self.whole = False

    def release(self) -> None:
        """Break the cycles by which an evaluation holds itself. It is of no use afterwards.

        What is freed at once need not be looked for among the trees and closures that are kept across scripts.
        """
        for held in self.interp.cyclic:
            if isinstance(held, Frame):
                held.vars.clear()
                held.ways_out.clear()
                held.returned = None
            else:
                held.clear()
        for _, module in self.evaluated:
            module.vars.clear()
            module.pending.clear()
        self.packages["sys"].attributes["modules"].clear()
        for package in self.packages.values():
            package.attributes.clear()
        self.packages.clear()
        self.interp.__dict__.clear()

    # -- loading -------------------------------------------------------------------------------------

    def run(self, data: bytes, path: str, name: str = "__main__") -> ModuleFrame:
        """Evaluate a module from its bytes; returns its globals."""
        self.module_count += 1
        if self.module_count > _MAX_MODULES:
            raise LimitTripped("layer_depth", _MAX_MODULES, "modules")
        source = whole_source(data, path, self.limits) if self.whole else read_source(data, path, self.limits)
        self.sources.append(source)
        module = ModuleFrame(name, path)
        self.main = self.main or module
        module.vars.update(__name__=name, __file__=path, __builtins__=self.packages["builtins"], __doc__=None)
        itself = Module(name, module.lookup)
        itself.attributes = module.vars
        self.packages["sys"].attributes["modules"][name] = itself
        self.evaluate(source, module)
        return module

    def evaluate(self, source: Source, module: ModuleFrame) -> None:
        """Evaluate the statements of `source` in a module."""
        self.evaluated.append((source, module))
        frame = Frame(self.interp, module, None, 0)
        frame.vars = module.vars
        relevant = _relevant_names(source)
        for chunk in source.chunks:
            if chunk.kind and chunk.name:
                self._bind(chunk, module, relevant)
                continue
            code = chunk_code(chunk)
            if code is None:
                raise NeedsWholeFile
            frame.offset = chunk.first_line - 1
            self.interp.frame_of_import = frame
            try:
                code(frame)
            except ScriptRaise as thrown:
                self.interp.note_stuck(
                    f"an exception of the script at module level: {thrown.value!r}"[:200], thrown.line
                )

    def _bind(self, chunk: Chunk, module: ModuleFrame, relevant: set[str]) -> None:
        module.vars.pop(chunk.name, None)
        if chunk.text and chunk.name not in relevant:
            if chunk.kind == "class" and _MODEL_CLASS.match(chunk.text):
                self.unmade.append((chunk, module))
                module.vars[chunk.name] = ModelClass(f"class {chunk.name}", chunk.first_line, "model")
                return
            if chunk.kind == "def" and len(chunk.text) > _LONG_FUNCTION_CHARS:
                module.vars[chunk.name] = self._deferred(chunk, module)
                return
        module.pending[chunk.name] = lambda: self._define(chunk, module)
        if chunk.text.startswith("@") and any(
            name in module.pending or isinstance(module.vars.get(name), (Function, Intrinsic, BoundMethod))
            for name in _DECORATORS.findall(chunk.text[:2000])
        ):
            # A decorator of the script's own may keep what it is given (`@register`).
            module.lookup(chunk.name)

    def _define(self, chunk: Chunk, module: ModuleFrame) -> Value:
        code = chunk_code(chunk)
        if code is None:
            raise NeedsWholeFile
        frame = Frame(self.interp, module, None, chunk.first_line - 1)
        frame.vars = module.vars
        # It was defined when the module was loaded, whatever condition it is first needed under.
        interp = self.interp
        conditions = interp.fresh, interp.renamed
        interp.fresh, interp.renamed = [], []
        try:
            code(frame)
        finally:
            interp.fresh, interp.renamed = conditions
        return module.vars.get(chunk.name, MISSING)

    def defined_class(self, chunk: Chunk) -> ClassValue | None:
        """The class that a chunk of the script itself defines, though the evaluation had no use for it; None if it is unknown.

        Classes of the script that it names as bases are made first. What the names stand for afterwards is left as it was.
        """
        module = self.main
        if module is None:
            return None
        held = module.lookup(chunk.name)
        if isinstance(held, ClassValue):
            return held
        kept = dict(module.vars)
        try:
            for base in self._bases_of(chunk):
                module.vars.pop(base.name, None)
                self._define(base, module)
            made = self._define(chunk, module)
        except (NeedsWholeFile, Stuck, ScriptRaise, LimitTripped):
            return None
        finally:
            module.vars.clear()
            module.vars.update(kept)
        return made if isinstance(made, ClassValue) else None

    def _bases_of(self, chunk: Chunk, depth: int = 0) -> list[Chunk]:
        """Chunks of the script that a class names as its bases, the bases of those first."""
        head = chunk.text.partition(":\n")[0]
        names = set(re.findall(r"\w+", head.partition("(")[2]))
        found: list[Chunk] = []
        for source in self.sources:
            for other in source.chunks:
                if other.kind == "class" and other.name in names and other is not chunk and depth < 8:
                    found += [*self._bases_of(other, depth + 1), other]
        return found

    def _mentions_tables(self, chunk: Chunk, module: ModuleFrame) -> bool:
        """Whether a piece of the script that is not evaluated names something of its module that holds a byte table."""
        interp = self.interp
        if not interp.tables.arrays:
            return False
        for name in chunk_words(chunk) & module.vars.keys():
            held = module.vars[name]
            if isinstance(held, (ClassValue, Function)):
                held = held.attributes
            if any(map(interp.tables.holds, arrays_within(held))):
                return True
        return False

    def note_unseen(self) -> None:
        """Networks that were not evaluated, and name what holds a byte table, may change it."""
        for chunk, module in self.unmade:
            if self._mentions_tables(chunk, module):
                self.interp.doubt(
                    f"class {chunk.name} names what holds a byte table, and is not followed", chunk.first_line
                )

    def _deferred(self, chunk: Chunk, module: ModuleFrame) -> Intrinsic:
        """A long function that mentions nothing of interest: evaluated only when it is given tokens or tables."""
        made: list[Value] = []

        def call(interp: Interp, args: list[Value], kwargs: dict[str, Value], line: int) -> Value:
            if not any(_interesting(v) for v in [*args, *kwargs.values()]) and not self._mentions_tables(
                chunk, module
            ):
                return Opaque(f"{chunk.name}()", line, "model")
            if not made:
                kept = module.vars.get(chunk.name)
                made.append(self._define(chunk, module))
                # The definition has bound its name; what stood there (this stand-in, or a later value) stays.
                if kept is not None:
                    module.vars[chunk.name] = kept
            return interp.call(made[0], args, kwargs, line)

        return Intrinsic(chunk.name, call)

    # -- imports -------------------------------------------------------------------------------------

    def _import(self, name: str, fr: Frame, line: int, level: int = 0) -> Value:
        if level == 0:
            known = self.packages.get(name)
            if known is not None:
                return known
        loaded = self.modules.get(f"{fr.module.path}:{level}:{name}" if level else name)
        if loaded is not None:
            self.interp.may_raise += loaded.name in self.uncertain
            return loaded
        found = self._sibling_source(name, fr.module.path, level)
        if found is not None:
            file, data = found
            module = Module(name)
            self.modules[f"{fr.module.path}:{level}:{name}" if level else name] = module
            again = self.files.get(file)
            if again is not None:
                # The same file under another name (`pkg.luts`, `.luts`) is the same module.
                self.modules[f"{fr.module.path}:{level}:{name}" if level else name] = again
                return again
            self.files[file] = module
            inner = ModuleFrame(name, file)

            def resolve(attribute: str) -> Value:
                return inner.lookup(attribute)

            module.resolve = resolve
            module.attributes = inner.vars

            def exported() -> list[tuple[str, Value]]:
                for pending in list(inner.pending):
                    inner.lookup(pending)
                return [(k, v) for k, v in inner.vars.items() if not k.startswith("_")]

            self.interp.starred[name] = exported
            self.module_count += 1
            if self.module_count > _MAX_MODULES:
                raise LimitTripped("layer_depth", _MAX_MODULES, "modules")
            source = read_source(data, file, self.limits)
            self.sources.append(source)
            inner.vars.update(__name__=name, __file__=file)
            self.evaluate(source, inner)
            return module
        root = name.split(".")[0]
        known = self.packages.get(root)
        if known is not None and level == 0 and root != name:
            value: Value = known
            for part in name.split(".")[1:]:
                if not isinstance(value, Module):
                    break
                found_part = value.attributes.get(part, MISSING)
                if found_part is MISSING:
                    self.uncertain.add(name)
                    self.interp.may_raise += 1
                    return Module(
                        name, lambda attribute: Opaque(f"{name}.{attribute} is not modelled", 0, "external")
                    )
                value = found_part
            return value
        nobodys = root not in INSTALLED_PACKAGES and root not in sys.stdlib_module_names
        module = Module(
            name, lambda attribute: Opaque(f"{name}.{attribute} is not modelled", 0, _origin(root)), nobodys
        )
        self.modules[name] = module
        if root not in sys.stdlib_module_names:
            self.uncertain.add(name)
            self.interp.may_raise += 1
        if root not in INSTALLED_PACKAGES and root not in sys.stdlib_module_names:
            self.missing_modules.append(name)
        return module

    def _sibling_source(self, name: str, importer: str = "", level: int = 0) -> tuple[str, bytes] | None:
        """The file that an import means, by name: beside the importing file for a relative one, else beside the script,
        in the folders that the script put on `sys.path`, and last wherever exactly one file answers to it."""
        base = name.replace(".", "/")
        folder = importer.rpartition("/")[0]
        if level:
            for _ in range(level - 1):
                folder = folder.rpartition("/")[0]
            tried = [f"{folder}/" if folder else ""]
        else:
            tried = [*self._search_path(), f"{folder}/" if folder else ""]
        files = [f"{at}{base}{end}" for at in tried for end in (".py", "/__init__.py")] if base else []
        if level and not base:
            files = [f"{tried[0]}__init__.py"]
        for file in dict.fromkeys([*files, f"{base.rsplit('/', 1)[-1]}.py"]):
            written = written_file(self.interp, file)
            if isinstance(written, Opaque) and file in self.interp.around.written:
                self.unread.append((0, f"imports {file}, which the script writes: {written.reason}"))
                return None
            data = written if isinstance(written, bytes) else self.script.siblings.read(file)
            if data is not None and len(data) <= self.limits.source_bytes:
                return file.removeprefix("./"), data
        return self._only_file(base) if base and not level else None

    def _search_path(self) -> list[str]:
        paths = self.packages["sys"].attributes.get("path")
        texts = paths if isinstance(paths, list) else ["."]
        folders = ["" if p in ("", ".") else f"{p.rstrip('/')}/" for p in texts if isinstance(p, str)][:32]
        return folders if "" in folders else [*folders, ""]

    def _only_file(self, base: str) -> tuple[str, bytes] | None:
        """The one file that an import can mean in sub-folders, or in the repository around the submission."""
        ends = (f"/{base}.py", f"/{base}/__init__.py")
        found = [name for name in self.script.siblings.names() if name.endswith(ends)]
        outside = [name for name in found if name.startswith("../")]
        inside = [name for name in found if not name.startswith("../")]
        for names in (inside, outside):
            contents = {data for name in names[:16] if (data := self.script.siblings.read(name)) is not None}
            if len(contents) == 1:
                data = contents.pop()
                return (names[0], data) if len(data) <= self.limits.source_bytes else None
            if contents:
                return None
        return None

    # -- code made of text ---------------------------------------------------------------------------

    def _run_text(self, args: list[Value], kwargs: dict[str, Value], line: int) -> Value:
        code = args[0] if args else None
        if isinstance(code, (bytes, bytearray)):
            data = bytes(code)
        elif isinstance(code, str):
            data = code.encode("utf-8", "surrogatepass")
        else:
            reason = code.reason if isinstance(code, Opaque) else type(code).__name__
            self.unread.append((line, f"exec() of text that is not known: {reason}"))
            return None
        if len(data) > self.limits.source_bytes:
            raise LimitTripped("source_bytes", self.limits.source_bytes, "exec() of a long text")
        if self.exec_depth >= self.limits.layer_depth:
            raise LimitTripped("layer_depth", self.limits.layer_depth)
        frame = self.interp.frame_of_import
        target = args[1] if len(args) > 1 else kwargs.get("globals")
        module = frame.module if frame is not None else ModuleFrame("__main__", self.script.path)
        if isinstance(target, dict) and "__builtins__" in target:
            self.interp.doubt("exec() with functions of Python of its own", line)
        if isinstance(target, Opaque):
            self.unread.append((line, f"exec() into a namespace that is not known: {target.reason}"))
        if isinstance(target, dict) and target is not module.vars:
            module = ModuleFrame(str(target.get("__name__", "__main__")), self.script.path)
            for key, value in target.items():
                if isinstance(key, str):
                    module.vars[key] = value
        source = read_source(data, f"{self.script.path} (unpacked)", self.limits)
        self.sources.append(source)
        if source.problem and not source.chunks:
            self.unread.append((line, f"exec() of text that is not Python: {source.problem}"))
            return None
        self.exec_depth += 1
        try:
            self.evaluate(source, module)
        finally:
            self.exec_depth -= 1
            self.interp.frame_of_import = frame
        if isinstance(target, dict) and target is not module.vars:
            for name in list(module.pending):
                module.lookup(name)
            target.update(module.vars)
        return None

    # -- started programs ----------------------------------------------------------------------------

    def _launchers(self) -> None:
        def started(interp: Interp, args: list[Value], kwargs: dict[str, Value], line: int) -> Value:
            for text in _texts([*args, *kwargs.values()], 0):
                for word in text.split():
                    word = word.strip("'\"")
                    if word.endswith(".py") and len(self.launched) < 16:
                        self.launched.append((line, word))
            given = kwargs.get("env")
            if isinstance(given, dict) and len(given) < 200:
                self.launch_environment.update({k: v for k, v in given.items() if isinstance(k, str)})
            return Opaque(STARTED, line, "config")

        def run_path(interp: Interp, args: list[Value], kwargs: dict[str, Value], line: int) -> Value:
            from pgolf.untrusted.intrinsics.files import path_text

            name = path_text(args[0]) if args else None
            if name is None:
                self.unread.append((line, "run_path() of a path that is not known"))
            else:
                self.launched.append((line, name))
            return Opaque("run_path()", line, "config")

        def module_of(name: str, names: tuple[str, ...], call: Callable[..., Value]) -> None:
            module = self.packages.get(name)
            if module is None:
                module = Module(name, lambda attribute: Opaque(f"{name}.{attribute}", 0, "config"))
                self.packages[name] = module
            for attribute in names:
                module.attributes[attribute] = Intrinsic(f"{name}.{attribute}", call)

        module_of("subprocess", ("run", "call", "check_call", "check_output", "Popen"), started)
        module_of(
            "os",
            ("system", "execv", "execvp", "execve", "execvpe", "execl", "execlp", "popen", "spawnv"),
            started,
        )
        module_of("runpy", ("run_path",), run_path)


def _texts(values: list[Value], depth: int) -> list[str]:
    out: list[str] = []
    for v in values:
        if isinstance(v, str):
            out.append(v)
        elif isinstance(v, NativeObject) and v.kind == "Path":
            out.append(str(v.state))
        elif isinstance(v, (list, tuple)) and depth < 3:
            out.extend(_texts(list(v), depth + 1))
    return out


def _interesting(value: Value) -> bool:
    """Whether a value could be a table, tokens or a tokenizer."""
    if isinstance(value, Tensor):
        return True
    if isinstance(value, NativeObject):
        return value.kind in ("SentencePieceProcessor", "npz")
    if isinstance(value, Instance):
        return any(isinstance(v, (Tensor, NativeObject)) for v in value.attributes.values())
    return isinstance(value, (Function, ClassValue)) or (
        isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value[:64])
    )


def _origin(root: str) -> str:
    if root in (
        "flash_attn",
        "flash_attn_interface",
        "triton",
        "fla",
        "mamba_ssm",
        "causal_conv1d",
        "torchao",
        "apex",
        "wandb",
    ):
        return "model"
    return "external"


def _call_at_exit(
    interp: Interp, function: Value, args: list[Value], kwargs: dict[str, Value], line: int
) -> None:
    try:
        interp.call(function, args, kwargs, line)
    except (Stuck, ScriptRaise) as stopped:
        interp.note_stuck(str(stopped), line)


def run_program(
    script: Script,
    data: bytes,
    vocabulary: Vocabulary,
    limits: Limits,
    observer: Callable[[], Observer],
    prepare: Callable[[Program], None],
) -> tuple[Program, str]:
    """Evaluate a script; starts over on the whole file when a piece of it does not parse by itself.

    Returns the program and, when a bound stopped it, which one. What was noticed until then stays.
    """
    for whole in (False, True):
        program = Program(script, vocabulary, limits, observer())
        program.whole = whole
        prepare(program)
        try:
            program.run(data, script.path)
            program.note_unseen()
            for call in reversed(program.interp.at_exit):
                _call_at_exit(program.interp, *call)
        except NeedsWholeFile:
            if whole:
                return program, "a piece of the script does not parse"
            continue
        except Enough:
            return program, ""
        except LimitTripped as limit:
            return program, str(limit)
        except RecursionError:
            return program, "nested too deeply"
        break
    return program, ""
