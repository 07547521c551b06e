"""What the tests of the wrapper follower share: what it reports of a program, and what CPython does with the same one."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import Any

from pgolf.untrusted.fallback import parse_whole
from pgolf.untrusted.limits import DEFAULT_LIMITS, Limits
from pgolf.untrusted.payload import Execution, Interpreter, Unfollowed
from pgolf.untrusted.payload.words import words_of
from pgolf.untrusted.script import MappedSiblings, Script

PATH = "records/demo/train_gpt.py"


@dataclass
class Followed:
    """What the follower told of one program, in order."""

    interpreter: Interpreter
    executed: list[Execution] = field(default_factory=list)
    unfollowed: list[Unfollowed] = field(default_factory=list)

    @property
    def certain(self) -> list[bytes | str]:
        return [each.source for each in self.executed if each.certain]

    @property
    def sources(self) -> list[bytes | str]:
        return [each.source for each in self.executed]

    @property
    def reasons(self) -> list[str]:
        return [each.reason for each in self.unfollowed]


def follow(program: str, limits: Limits = DEFAULT_LIMITS, path: str = PATH, **siblings: bytes) -> Followed:
    """Follow a program without looking into what it executes. A sibling is named with `__` for its dot and slashes `___`."""
    files = {name.replace("___", "/").replace("__", "."): data for name, data in siblings.items()}

    def parse(source: bytes | str) -> ast.Module | str:
        parsed = parse_whole(source, limits)
        if parsed.tree is None:
            return parsed.problem
        words = words_of(parsed.tree)
        interpreter.relevant |= words.relevant()
        interpreter.words |= words.functions
        return parsed.tree

    def on_execute(event: Execution) -> bool:
        found.executed.append(event)
        return False

    script = Script(path, program.encode("utf-8", "surrogatepass"), MappedSiblings(files))
    interpreter = Interpreter(script, limits, parse, on_execute, lambda each: found.unfollowed.append(each))
    found = Followed(interpreter)
    tree = parse(program)
    assert isinstance(tree, ast.Module), tree
    interpreter.run_module(tree, interpreter.main)
    return found


def executed_by_cpython(program: str) -> list[bytes | str]:
    """What a program of ours hands to `exec`, by running it here with an `exec` that only writes down."""
    found: list[bytes | str] = []

    def record(source: Any, *_: Any) -> None:
        found.append(bytes(source) if isinstance(source, bytearray) else source)

    names = {**vars(builtins), "exec": record}
    exec(compile(program, "<ours>", "exec"), {"__name__": "__main__", "__builtins__": names})
    return found
