"""Calls: of the wrapper's own functions, of methods, of the outside world, and of what is not known."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pgolf.untrusted import codecs
from pgolf.untrusted.codecs import DecodeFailed
from pgolf.untrusted.payload.executing import PROCESS_STARTERS, Executing
from pgolf.untrusted.payload.files import TEMPORARY_MAKERS
from pgolf.untrusted.payload.outside import HOST_CALLS
from pgolf.untrusted.payload.texts import CONTAINER_METHODS, INTEGER_METHODS, STRING_METHODS
from pgolf.untrusted.payload.values import (
    MISSING,
    Archive,
    Bound,
    Break,
    ClassValue,
    Code,
    Continue,
    Decompressor,
    File,
    Function,
    Hash,
    Host,
    Instance,
    Module,
    Partial,
    PathValue,
    Return,
    Scope,
    Spec,
    Stop,
    Uncertain,
    Unfollowed,
    Unknown,
    first_unknown,
    is_native,
    same,
    words,
)

_CALL_DEPTH = 40
# Calls into these change nothing that inner code could notice (what matters in them has a meaning of its own below).
_QUIET_MODULES = words(
    "os sys tempfile shutil time logging warnings io re json hashlib platform textwrap inspect"
)


class Calls(Executing):
    """Where a call leads."""

    def call(
        self,
        function: Any,
        args: list[Any],
        options: dict[str, Any],
        node: ast.AST,
        scope: Scope | None = None,
    ) -> Any:
        self.tick()
        if isinstance(function, Partial):
            return self.call(
                function.function, [*function.args, *args], {**function.options, **options}, node, scope
            )
        if isinstance(function, Function):
            return self.call_function(function, args, options)
        if isinstance(function, ClassValue):
            made = Instance(function, {})
            maker = function.names.get("__init__")
            if isinstance(maker, Function):
                self.call_function(maker, [made, *args], options)
            return made
        try:
            if isinstance(function, Host):
                return self.call_host(function.name, args, options, node, scope)
            if isinstance(function, Bound):
                return self.call_bound(function, args, options, node)
        except DecodeFailed as failure:
            return self.unknown(str(failure))
        except (
            TypeError,
            ValueError,
            IndexError,
            KeyError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            return self.unknown(f"a call that fails ({type(error).__name__})")
        if isinstance(function, Unknown):
            self.affect()
            self.hand_over(args, "code that was not followed", node)
            self.escape(args, options)
            return function
        return self.unknown("a call of something that was not followed")

    def call_function(self, function: Function, args: list[Any], options: dict[str, Any]) -> Any:
        node = function.node
        if self.call_depth >= _CALL_DEPTH:
            if not isinstance(node, ast.Lambda) and node in self.words and self.words[node].executes:
                reason = f"{function.name}() executes something, in calls nested deeper than {_CALL_DEPTH}"
                self.on_unfollowed(Unfollowed("not-constant", reason, self.line, certain=self.maybe == 0))
            self.spoil(function, [*args, *options.values()])
            return self.unknown("calls nested too deep")
        if (
            node not in self.relevant
            and not isinstance(node, ast.Lambda)
            and self._has_unknown(args, options)
        ):
            self.spoil(function, [*args, *options.values()])
            return self.unknown(
                f"the result of {function.name}(), which was given values that were not followed"
            )
        scope = Scope({}, function.scope, function.scope.module)
        self.bind_arguments(function, args, options, scope)
        self.visited.add(node)
        self.call_depth += 1
        raised = 0
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body, scope)
            body: Sequence[ast.stmt] = node.body
            result: list[Any] = []
            while True:
                try:
                    raised_here = self._body(body, scope)
                    if raised_here is None:
                        result.append(None)
                        break
                    result.extend(raised_here[0])
                    body = raised_here[1]
                    self.maybe += 1
                    raised += 1
                except Return as leave:
                    result.append(leave.value)
                    break
            if all(same(result[0], each) for each in result):
                return result[0]
            return self.unknown("the returned value depends on a condition that was not followed")
        except (Break, Continue):
            return self.unknown("a loop control outside a loop")
        finally:
            self.call_depth -= 1
            self.maybe -= raised

    def spoil(self, function: Function, given: list[Any]) -> None:
        """A function that is not followed may change what it is given, and what it and the functions it calls name."""
        self.escape(given, {})
        pending: list[Function] = [function]
        seen: set[ast.AST] = set()
        reached: list[Any] = list(given)
        attributes: set[str] = set()
        names: set[str] = set()
        mutates = False
        while pending:
            each = pending.pop()
            words = None if isinstance(each.node, ast.Lambda) else self.words.get(each.node)
            if words is None or each.node in seen:
                continue
            seen.add(each.node)
            self.tick(len(words.names) // 8)
            attributes |= words.attributes
            names |= words.names
            mutates = mutates or words.mutates
            for name in words.names:
                value = _resolved(name, each.scope)
                if isinstance(value, Function):
                    pending.append(value)
                elif isinstance(value, (list, dict, set, bytearray, Instance, ClassValue, Module)):
                    reached.append(value)
            for value in reached:
                kind = value.kind if isinstance(value, Instance) else value
                if isinstance(kind, ClassValue):
                    pending += [m for n, m in kind.names.items() if n in names and isinstance(m, Function)]
        for value in reached:
            if isinstance(value, (Instance, ClassValue, Module)):
                for name in attributes & (value.names.keys() | _class_names(value)):
                    value.names[name] = self.unknown(f"{name}, which code that was not followed sets")
            elif mutates:
                self.taint_all(value)

    def _body(self, body: Sequence[ast.stmt], scope: Scope) -> tuple[list[Any], Sequence[ast.stmt]] | None:
        """Run a function's statements; on a return on only some paths give those values and the statements left."""
        for index, statement in enumerate(body):
            try:
                self.block([statement], scope)
            except Uncertain as uncertain:
                values = [leave.value for leave in uncertain.leaves if isinstance(leave, Return)]
                return values, body[index + 1 :]
        return None

    def _has_unknown(self, args: list[Any], options: dict[str, Any]) -> bool:
        plain = (
            str,
            bytes,
            int,
            float,
            type(None),
            PathValue,
            Function,
            Code,
            Module,
            Host,
            Instance,
            ClassValue,
        )
        return any(not isinstance(each, plain) and not is_native(each) for each in args) or any(
            isinstance(each, Unknown) for each in options.values()
        )

    def try_function(self, function: Function, args: list[Any]) -> None:
        """Follow a function that is perhaps called, for what it executes; nothing it does counts as certain."""
        self.maybe += 1
        try:
            self.call_function(function, args, {})
        except (Stop, Break, Continue, Return, Uncertain):
            return
        finally:
            self.maybe -= 1

    def bind_arguments(
        self, function: Function, args: list[Any], options: dict[str, Any], scope: Scope
    ) -> None:
        spec = function.node.args
        positional = [*spec.posonlyargs, *spec.args]
        for index, parameter in enumerate(positional):
            default = index - (len(positional) - len(function.defaults))
            if index < len(args):
                value = args[index]
            elif parameter.arg in options:
                value = options[parameter.arg]
            elif default >= 0:
                value = function.defaults[default]
            else:
                value = self.unknown(f"the argument {parameter.arg}")
            scope.names[parameter.arg] = value
        for index, parameter in enumerate(spec.kwonlyargs):
            value = options.get(parameter.arg, MISSING)
            if value is MISSING and index < len(function.keyword_defaults):
                value = function.keyword_defaults[index]
            if value is MISSING:
                value = self.unknown(f"the argument {parameter.arg}")
            scope.names[parameter.arg] = value
        if spec.vararg is not None:
            scope.names[spec.vararg.arg] = tuple(args[len(positional) :])
        if spec.kwarg is not None:
            known = {each.arg for each in [*positional, *spec.kwonlyargs]}
            scope.names[spec.kwarg.arg] = {
                name: value for name, value in options.items() if name not in known
            }

    def call_bound(self, function: Bound, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        owner, name = function.owner, function.name
        if isinstance(owner, PathValue):
            return self.call_path(owner.text, name, args, options)
        if isinstance(owner, File):
            return self.call_file(owner, name, args)
        if isinstance(owner, Decompressor):
            if name == "decompress" and args:
                return self.decode(owner.function, args[:1], owner.options)
            if name == "stream_reader" and args:
                return File(
                    "", self.decode(owner.function, [self.contents(args[0])], owner.options), False, False
                )
            return b"" if name == "flush" else self.unknown(f"the method {name}")
        if isinstance(owner, Archive):
            return self.call_archive(owner, name, args)
        if isinstance(owner, Spec):
            return self.call_loader(owner, name, args, node)
        if isinstance(owner, Hash):
            return (
                owner.digest
                if name == "digest"
                else owner.digest.hex()
                if name == "hexdigest"
                else self.unknown(name)
            )
        if isinstance(owner, Code):
            return self.unknown(f"the method {name} of a code object")
        unknown = next((found for each in [*args, *options.values()] if (found := first_unknown(each))), None)
        if isinstance(owner, (str, bytes, bytearray)) and name in STRING_METHODS:
            if unknown is not None:
                return Unknown(unknown.reason, self.line, owner[:20_000] if isinstance(owner, str) else "")
            return self.call_string(owner, name, args, options)
        if name in CONTAINER_METHODS.get(type(owner), ()):
            return self.call_container(owner, name, args, options, unknown)
        if isinstance(owner, int) and name in INTEGER_METHODS and unknown is None:
            if name == "to_bytes" and args and isinstance(args[0], int):
                self.grow(args[0])
            return getattr(owner, name)(*args, **options)
        return self.unknown(f"the method {name}")

    def call_host(
        self, name: str, args: list[Any], options: dict[str, Any], node: ast.AST, scope: Scope | None
    ) -> Any:
        if name in self.overrides:
            return self.call(self.overrides[name], args, options, node, scope)
        if codecs.decoder_for(name) is not None:
            return self.decode(name, args, options)
        if name in PROCESS_STARTERS:
            return self.start_process(name, args, options, node)
        handler = HOST_CALLS.get(name)
        if handler is not None:
            return handler(self, args, options, node)
        if name.startswith(("os.path.", "posixpath.")):
            return self.call_os_path(name.rpartition(".")[2], args)
        if name.startswith("builtins."):
            return self.call_builtin(name.removeprefix("builtins."), args, options)
        if name in ("os.environ.get", "os.getenv", "os.environ.setdefault", "os.environ.pop"):
            return self.environ(name, args)
        if name in TEMPORARY_MAKERS:
            return self.temporary(name, options)
        if name.partition(".")[0] not in _QUIET_MODULES:
            self.affect()
        self.hand_over(args, f"{name}(), which was not followed", node)
        self.escape(args, options)
        return self.unknown(f"the result of {name}()")

    def hand_over(self, args: Iterable[Any], receiver: str, node: ast.AST) -> None:
        """Decoded source text given to something we do not know may be executed there."""
        for each in args:
            if not isinstance(each, (str, bytes)) or len(each) < 200 or each not in self.chains:
                continue
            text = each if isinstance(each, str) else each.decode("utf-8", "replace")
            if any(step.codec != "file" for step in self.chains[each]) and re.search(
                r"\b(?:def|import) \w", text[:20_000]
            ):
                reason = f"decoded source text is handed to {receiver}"
                self.on_unfollowed(Unfollowed("not-constant", reason, getattr(node, "lineno", self.line)))


def _resolved(name: str, scope: Scope) -> Any:
    """What a name means in a function, without asking whether it is still certain."""
    where: Scope | None = scope
    while where is not None:
        if name in where.names:
            return where.names[name]
        where = where.parent
    return scope.module.names.get(name)


def _class_names(value: Instance | ClassValue | Module) -> set[str]:
    return set(value.kind.names) if isinstance(value, Instance) else set()
