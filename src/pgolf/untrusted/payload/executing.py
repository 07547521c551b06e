"""Where text becomes code: `exec`, `eval`, loaders, and programs that are started. Reported, never run."""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import codecs
from pgolf.untrusted.payload.plain import Plain
from pgolf.untrusted.payload.values import (
    Code,
    Execution,
    Host,
    Module,
    Scope,
    Spec,
    Stop,
    Unfollowed,
    Unknown,
)

PROCESS_STARTERS = frozenset(
    f"{module}.{name}"
    for module, names in {
        "subprocess": "run call check_call check_output Popen getoutput getstatusoutput",
        "os": "system popen execv execve execvp execvpe execl execle execlp execlpe spawnv spawnl spawnvp spawnlp"
        " posix_spawn posix_spawnp",
        "pty": "spawn",
    }.items()
    for name in names.split()
)
_PYTHON = re.compile(r"(?:^|/)(?:python[\d.]*|torchrun|pypy[\d.]*)(?:\.exe)?$")


class Executing(Plain):
    """Reports what is executed, and what of it cannot be followed."""

    def run_text(
        self, how: str, source: Any, names: dict[str, Any], node: ast.AST, scope: Scope | None
    ) -> Any:
        """`exec(source, names)` or `eval(source, names)`."""
        filename = ""
        mode = "eval" if how.endswith("eval") else "exec"
        if isinstance(source, Code):
            source, filename, mode = source.source, source.filename, source.mode
        if mode == "eval":
            if not isinstance(source, (str, bytes)):
                self.report_unfollowed(source, how, node, names)
                return source if isinstance(source, Unknown) else self.unknown("eval")
            text = (
                source
                if isinstance(source, str)
                else codecs.decode_text(source, "utf-8", "strict", self.limits)
            )
            tree = self.parse(text.strip().join("()")) if len(text) < 1_000_000 else "too large"
            if isinstance(tree, str) or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
                self.report_unfollowed(self.unknown("eval of a text that is no expression"), how, node, names)
                return self.unknown("eval")
            target = Scope(names) if scope is None else scope
            self.eval_depth += 1
            try:
                if self.eval_depth > self.limits.layer_depth:
                    raise LimitTripped("layer_depth", self.limits.layer_depth, "eval inside eval")
                return self.value(tree.body[0].value, target)
            finally:
                self.eval_depth -= 1
        self.execute(
            source, how.removeprefix("builtins."), node, names, str(names.get("__name__", "")), filename
        )
        return None

    def report_unfollowed(self, source: Any, how: str, node: ast.AST, names: dict[str, Any]) -> None:
        line = getattr(node, "lineno", self.line)
        how = how.removeprefix("builtins.")
        confined = names is not self.main.names
        if isinstance(source, Unknown):
            if source.text.startswith("\0file:") or how not in ("exec", "eval", "types.FunctionType"):
                rule = "missing-file"
            elif "marshal" in source.reason or "pickle" in source.reason:
                rule = "bytecode"
            else:
                rule = "not-constant"
            reason = f"{how}() of something that could not be followed as data: {source.reason}"
            text = source.text.removeprefix("\0file:")
        else:
            rule, text = "not-constant", ""
            reason = f"{how}() of a {type(source).__name__}, which is not source text"
        self.on_unfollowed(Unfollowed(rule, reason, line, text[:20_000], confined, self.maybe == 0))

    def execute(
        self, source: Any, how: str, node: ast.AST, names: dict[str, Any], module_name: str, filename: str
    ) -> None:
        self.made += 1
        if isinstance(source, bytearray):
            source = bytes(source)
        if isinstance(source, Code):
            source = source.source
        if not isinstance(source, (str, bytes)):
            self.report_unfollowed(source, how, node, names)
            return
        if len(source) > self.limits.source_bytes:
            raise LimitTripped(
                "source_bytes", self.limits.source_bytes, f"unwrapped source of {len(source):,} bytes"
            )
        if self.exec_depth >= self.limits.layer_depth:
            raise LimitTripped("layer_depth", self.limits.layer_depth, "wrappers inside wrappers")
        if isinstance(names.get("__builtins__"), dict):
            reason = f"{how}() with functions of Python that the script made itself"
            self.on_unfollowed(Unfollowed("namespaces", reason, getattr(node, "lineno", self.line)))
        namespace = "same" if names is self.main.names else "main" if module_name == "__main__" else "own"
        event = Execution(
            source,
            how,
            getattr(node, "lineno", self.line),
            namespace,
            module_name,
            names,
            self.maybe == 0,
            self.chains.get(source, ()),
            filename,
            node,
            self.exec_depth,
            self.call_depth > 0,
            self.tops.get(self.exec_depth),
        )
        self.exec_depth += 1
        saved = self.line
        try:
            if self.on_execute(event):
                tree = self.parse(source)
                if isinstance(tree, str):
                    self.on_unfollowed(
                        Unfollowed("unparsable", f"the code handed to {how}(): {tree}", event.line)
                    )
                else:
                    self.run_module(tree, Scope(names))
        finally:
            self.exec_depth -= 1
            self.line = saved

    def start_process(self, name: str, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        """A Python started on a file the wrapper wrote, on a sibling, or with `-c`: that is where the program goes on."""
        first = args[0] if args else options.get("args")
        if name.startswith(("os.exec", "os.spawn", "os.posix_spawn")):
            rest = args[2 if name.startswith("os.spawn") else 1 :]
            command = list(rest[0]) if rest and isinstance(rest[0], (list, tuple)) else list(rest)
        elif isinstance(first, (list, tuple)):
            command = list(first)
        elif isinstance(first, str):
            try:
                command = shlex.split(first[:20_000])
            except ValueError:
                return self.unknown(f"the result of {name}()")
            starts = [i for i, word in enumerate(command) if _PYTHON.search(word)]
            command = command[starts[0] :] if starts else []
        else:
            return self.unknown(f"the result of {name}()")
        words = [self.path_text(each) for each in command]
        if not words or words[0] is None or not _PYTHON.search(words[0]):
            return self.unknown(f"the result of {name}()")
        given = options.get("env")
        if isinstance(given, dict):
            self.environment.update({key: value for key, value in given.items() if isinstance(key, str)})
        elif given is not None and not (isinstance(given, Host) and given.name == "os.environ"):
            self.environment_spoiled = True
        for index, word in enumerate(words[1:], 1):
            if word == "-c" and index + 1 < len(words):
                self.execute(command[index + 1], name, node, {"__name__": "__main__"}, "__main__", "")
                break
            if word is not None and word.endswith(".py") and not word.startswith("-"):
                data = self.read_path(word)
                if isinstance(data, Unknown) or self.absolute(word) != self.file_name:
                    self.execute(data, name, node, {"__name__": "__main__"}, "__main__", word)
                break
        if name.startswith("os.exec"):
            raise Stop
        return self.unknown(f"the result of {name}()")

    def call_loader(self, spec: Spec, name: str, args: list[Any], node: ast.AST) -> Any:
        if name in ("exec_module", "load_module"):
            module = (
                args[0]
                if args and isinstance(args[0], Module)
                else Module(spec.name, {"__name__": spec.name})
            )
            path = self.path_text(spec.path)
            data = (
                spec.path
                if isinstance(spec.path, Unknown)
                else self.read_path(path)
                if path
                else self.unknown("a path")
            )
            if "." not in spec.name and name == "load_module":
                self.modules[spec.name] = module
            self.execute(
                data, name, node, module.names, str(module.names.get("__name__", spec.name)), path or ""
            )
            return module if name == "load_module" else None
        return self.unknown(f"the loader method {name}")
