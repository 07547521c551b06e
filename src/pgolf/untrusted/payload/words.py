"""What a module's code names, function by function: which functions execute something, write, or change what they reach."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from pgolf.untrusted.payload.texts import MUTATORS
from pgolf.untrusted.syntax import child_nodes, nodes_outside

_SINKS = frozenset(
    """exec eval compile __import__ runpy run_path run_module exec_module load_module import_module FunctionType builtins
    __builtins__ system popen Popen check_call check_output call run execv execve execvp execvpe execl execlp execle spawnv
    spawnl spawnvp posix_spawn posix_spawnp run_code runcode runsource globals vars locals modules __globals__
    __subclasses__ spawn""".split()  # noqa: SIM905 - a list of words reads better as words
)
_ATTRIBUTE_SINKS = _SINKS - {"compile", "eval", "call", "run", "modules", "vars"}


_WRITES = frozenset(
    ("write", "writelines", "write_text", "write_bytes", "setattr", "update", "decompress", "fromhex")
)


@dataclass(eq=False, slots=True)
class Words:
    """What a piece of code names. `executes`: something that executes text or starts a process. `writes`: files, globals.
    `mutates`: items or elements of containers. `attributes`: those it sets."""

    names: set[str] = field(default_factory=set)
    executes: bool = False
    writes: bool = False
    mutates: bool = False
    attributes: set[str] = field(default_factory=set)

    def read(self, nodes: list[Any]) -> None:
        """Take in what these nodes name themselves, without what is below them."""
        names = self.names
        for node in nodes:
            kind = type(node)
            if kind is ast.Name:
                names.add(node.id)
                if node.id in _SINKS:
                    self.executes = True
            elif kind is ast.Attribute:
                names.add(node.attr)
                owner = node.value.id if type(node.value) is ast.Name else ""
                if node.attr in _ATTRIBUTE_SINKS or (owner, node.attr) in _OWNED_SINKS:
                    self.executes = True
                elif node.attr in _WRITES:
                    self.writes = True
                if node.attr in MUTATORS:
                    self.mutates = True
                if type(node.ctx) is not ast.Load:
                    self.attributes.add(node.attr)
            elif kind is ast.Subscript:
                if type(node.ctx) is not ast.Load:
                    self.mutates = True
            elif kind is ast.Constant:
                if type(node.value) is str and len(node.value) < 80:
                    names.add(node.value)
            elif kind in (ast.Global, ast.Nonlocal):
                self.writes = True
            elif kind in (ast.Import, ast.ImportFrom):
                self.executes = self.executes or any(
                    each.name.partition(".")[0] in _SINK_IMPORTS for each in node.names
                )
            elif kind is ast.ClassDef:
                # A method may be reached through its class by protocols (`__init__`, `__call__`) that name nothing.
                names.update(
                    each.name
                    for each in node.body
                    if isinstance(each, ast.FunctionDef) and each.name[:2] == "__"
                )


_OWNED_SINKS = frozenset((("subprocess", "run"), ("subprocess", "call"), ("sys", "modules")))
_SINK_IMPORTS = frozenset(("runpy", "builtins", "imp", "code", "exec", "system"))
AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(eq=False, slots=True)
class ModuleWords:
    """What a module names, as a whole and function by function, from one walk over its tree."""

    whole: Words = field(default_factory=Words)
    functions: dict[AnyFunction, Words] = field(default_factory=dict)

    def relevant(self) -> set[ast.AST]:
        """Functions to follow even when their arguments are unknown: those that execute something, write files or change
        globals, and those that call one that executes."""
        executing = {function for function, words in self.functions.items() if words.executes}
        names = {function.name for function in executing}
        for _ in range(20):
            grown = {
                f
                for f, words in self.functions.items()
                if f not in executing and not words.names.isdisjoint(names)
            }
            if not grown:
                break
            executing |= grown
            names = {function.name for function in grown}
        return {*executing, *(function for function, words in self.functions.items() if words.writes)}


def words_of(tree: ast.AST) -> ModuleWords:
    """Each node is looked at once; what a nested function names, the functions around it name, too."""
    found = ModuleWords()
    around: list[tuple[Words, Words]] = []  # a function's words, those of what it stands in
    pending: list[tuple[Words, list[Any]]] = [(found.whole, [tree])]
    while pending:
        words, roots = pending.pop()
        nodes = nodes_outside(_FUNCTIONS, roots)
        words.read(nodes)
        for node in nodes:
            if type(node) in _FUNCTIONS:
                own = found.functions[node] = Words()
                around.append((own, words))
                pending.append((own, child_nodes(node)))
    for own, words in reversed(around):
        words.names |= own.names
        words.executes = words.executes or own.executes
        words.writes = words.writes or own.writes
        words.mutates = words.mutates or own.mutates
        words.attributes |= own.attributes
    return found
