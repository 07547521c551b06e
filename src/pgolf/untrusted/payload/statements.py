"""Statements of a wrapper in execution order; a branch on something unknown makes all it touches unknown."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, NoReturn

from pgolf.untrusted import codecs
from pgolf.untrusted.payload.expressions import Expressions
from pgolf.untrusted.payload.values import (
    MISSING,
    Bound,
    Break,
    ClassValue,
    Continue,
    Function,
    Host,
    Module,
    Partial,
    Return,
    Scope,
    Stop,
    Uncertain,
    Unknown,
    same,
)

TRANSPARENT = frozenset(("builtins.staticmethod", "builtins.classmethod", "builtins.property"))


class Interpreter(Expressions):
    """Follows one script, statement by statement: each kind in `do_` and its name."""

    def run_module(self, tree: ast.Module, scope: Scope, note_statements: bool = True) -> None:
        """Follow a module's statements; `tops` keeps the one being followed, for each source inside a source."""
        try:
            for statement in tree.body:
                if note_statements:
                    self.tops[self.exec_depth] = statement
                try:
                    self.block([statement], scope)
                except Uncertain:
                    continue
        except (Stop, Break, Continue, Return):
            return

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self.tick()
            self.line = getattr(statement, "lineno", self.line)
            handler = getattr(self, "do_" + type(statement).__name__.lower(), None)
            if handler is not None:
                handler(statement, scope)

    def do_expr(self, node: ast.Expr, scope: Scope) -> None:
        self.value(node.value, scope)

    def do_assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def do_annassign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value, scope), scope)

    def do_augassign(self, node: ast.AugAssign, scope: Scope) -> None:
        load = ast.copy_location(_as_load(node.target), node.target)
        left = self.value(load, scope)
        right = self.value(node.value, scope)
        if isinstance(left, list) and isinstance(node.op, ast.Add) and isinstance(right, (list, tuple)):
            self.mutate(left)
            self.grow(8 * (len(left) + len(right)))
            left.extend(right)
            return
        self.assign(node.target, self.operate(node.op, left, right), scope)

    def do_delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                scope.names.pop(target.id, None)

    def do_import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            module = self.import_module(alias.name, node)
            if alias.asname:
                self.bind(alias.asname, module, scope)
            else:
                first = alias.name.partition(".")[0]
                self.bind(first, self.import_module(first, node) if "." in alias.name else module, scope)

    def do_importfrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        if node.module == "__future__":
            return
        module = (
            self.import_module(node.module or "", node) if node.module else self.unknown("relative import")
        )
        for alias in node.names:
            if alias.name == "*":
                self.star_import(module, scope)
                continue
            nested = f"{node.module}.{alias.name}"
            value = self.modules[nested] if nested in self.modules else self.attribute(module, alias.name)
            if isinstance(module, Unknown) and node.level and node.module is None:
                value = self.import_module(alias.name, node)
            self.bind(alias.asname or alias.name, value, scope)

    def star_import(self, module: Any, scope: Scope) -> None:
        if isinstance(module, Module):
            for name, value in list(module.names.items()):
                if not name.startswith("_"):
                    self.bind(name, value, scope)
        elif isinstance(module, Host):
            known = [n for n in (*codecs.DECODERS, *codecs.ALIASES) if n.rpartition(".")[0] == module.name]
            for full in known:
                self.bind(full.rpartition(".")[2], Host(full), scope)

    def do_global(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        scope.outer_names.update(node.names)

    do_nonlocal = do_global

    def do_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        value: Any = self.function(node.name, node, scope)
        for decorator in reversed(node.decorator_list):
            made = self.value(decorator, scope)
            if isinstance(made, (Function, Partial, Bound)) or (
                isinstance(made, Host) and made.name.startswith("builtins.") and made.name not in TRANSPARENT
            ):
                value = self.call(made, [value], {}, decorator)
        self.bind(node.name, value, scope)

    do_asyncfunctiondef = do_functiondef

    def do_classdef(self, node: ast.ClassDef, scope: Scope) -> None:
        inner = Scope({}, scope, scope.module, is_class=True)
        self.block(node.body, inner)
        value: Any = ClassValue(node.name, inner.names)
        for keyword in node.keywords:
            self.value(keyword.value, scope)
        for decorator in reversed(node.decorator_list):
            made = self.value(decorator, scope)
            if isinstance(made, (Function, Partial, Bound)) or (
                isinstance(made, Host) and made.name.startswith("builtins.")
            ):
                value = self.call(made, [value], {}, decorator)
        self.bind(node.name, value, scope)

    def do_return(self, node: ast.Return, scope: Scope) -> NoReturn:
        raise Return(None if node.value is None else self.value(node.value, scope))

    def do_raise(self, node: ast.Raise, scope: Scope) -> NoReturn:
        raise Stop

    def do_break(self, node: ast.Break, scope: Scope) -> NoReturn:
        raise Break

    def do_continue(self, node: ast.Continue, scope: Scope) -> NoReturn:
        raise Continue

    # -- branches and loops

    def do_if(self, node: ast.If, scope: Scope) -> None:
        test = self.truth(self.value(node.test, scope))
        if test is None:
            self.either(scope, node.body, node.orelse)
        else:
            self.block(node.body if test else node.orelse, scope)

    def do_match(self, node: ast.Match, scope: Scope) -> None:
        self.value(node.subject, scope)
        self.either(scope, *(case.body for case in node.cases), [])

    def either(self, scope: Scope, *bodies: Sequence[ast.stmt]) -> None:
        """Several bodies of which we do not know which one runs: what they leave different is unknown afterwards."""
        scopes = [scope] if scope.module is scope else [scope, scope.module]
        before = [dict(each.names) for each in scopes]
        outcomes: list[list[dict[str, Any]]] = []
        leaves: list[BaseException] = []
        for body in bodies:
            for each, names in zip(scopes, before, strict=True):
                each.names.clear()
                each.names.update(names)
            self.maybe += 1
            try:
                self.block(body, scope)
                outcomes.append([dict(each.names) for each in scopes])
            except Stop:
                pass
            except (Break, Continue, Return) as leave:
                leaves.append(leave)
                outcomes.append([dict(each.names) for each in scopes])
            finally:
                self.maybe -= 1
        if not outcomes:
            raise Stop
        for index, each in enumerate(scopes):
            merged: dict[str, Any] = dict(outcomes[0][index])
            for other in outcomes[1:]:
                for name in merged.keys() | other[index].keys():
                    mine, theirs = merged.get(name, MISSING), other[index].get(name, MISSING)
                    if mine is not theirs and not same(mine, theirs):
                        merged[name] = self.unknown(f"{name} depends on a condition that was not followed")
            each.names.clear()
            each.names.update(merged)
        if leaves and len(leaves) == len(outcomes):
            values = [leave.value for leave in leaves if isinstance(leave, Return)]
            if len(values) == len(leaves) and all(same(values[0], each) for each in values):
                raise Return(values[0])
            if values:
                raise Return(self.unknown("the returned value depends on a condition that was not followed"))
            raise leaves[0]
        if leaves:
            # The code below runs only on some paths; until the function or loop ends, nothing in it is certain.
            raise Uncertain(leaves)

    def do_try(self, node: ast.Try, scope: Scope) -> None:
        stopped = False
        try:
            self.block(node.body, scope)
        except Stop:
            stopped = True
        if stopped and node.handlers:
            self.either(scope, *(handler.body for handler in node.handlers))
        else:
            if node.handlers:
                self.either(scope, [], *(handler.body for handler in node.handlers))
            if not stopped:
                self.block(node.orelse, scope)
        self.block(node.finalbody, scope)
        if stopped and not node.handlers:
            raise Stop

    do_trystar = do_try

    def do_with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in node.items:
            value = self.value(item.context_expr, scope)
            if item.optional_vars is not None:
                entered = value
                if isinstance(value, Host):
                    entered = self.unknown(f"{value.name} as a context")
                self.assign(item.optional_vars, entered, scope)
        self.block(node.body, scope)

    do_asyncwith = do_with

    def do_for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        items = self.iterate(self.value(node.iter, scope))
        if items is None:
            self.unknown_loop(node.body, scope, node.target)
            self.block(node.orelse, scope)
            return
        for item in items:
            self.tick()
            self.assign(node.target, item, scope)
            try:
                self.block(node.body, scope)
            except Continue:
                continue
            except Break:
                return
            except Uncertain as uncertain:
                if any(isinstance(leave, Return) for leave in uncertain.leaves):
                    raise
                self.unknown_loop(node.body, scope, node.target)
                return
        self.block(node.orelse, scope)

    do_asyncfor = do_for

    def do_while(self, node: ast.While, scope: Scope) -> None:
        # A service loop (`while True:`) need not be followed to the end of the budget: after a while it is unknown.
        last = self.steps + self.limits.constant_steps // (40 if isinstance(node.test, ast.Constant) else 2)
        while True:
            self.tick()
            test = self.truth(self.value(node.test, scope)) if self.steps < last else None
            if test is None:
                self.unknown_loop(node.body, scope, None)
                return
            if not test:
                self.block(node.orelse, scope)
                return
            try:
                self.block(node.body, scope)
            except Continue:
                continue
            except Break:
                return
            except Uncertain as uncertain:
                if any(isinstance(leave, Return) for leave in uncertain.leaves):
                    raise
                self.unknown_loop(node.body, scope, None)
                return

    def unknown_loop(self, body: Sequence[ast.stmt], scope: Scope, target: ast.expr | None) -> None:
        """A loop that runs an unknown number of times: its names are unknown before and after, its body runs once."""
        stored = {
            n.id
            for each in body
            for n in ast.walk(each)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        self.tick(len(stored))
        for name in stored:
            value = scope.names.get(name)
            if not isinstance(value, (Function, Host)):
                self.bind(name, self.unknown(f"{name} changes in a loop that was not followed"), scope)
        if target is not None:
            self.assign(target, self.unknown("the items of a loop that was not followed"), scope)
        self.maybe += 1
        try:
            self.block(body, scope)
        except (Break, Continue, Stop):
            pass
        except Return:
            raise Uncertain([Return(self.unknown("returned from a loop that was not followed"))]) from None
        except Uncertain as uncertain:
            if any(isinstance(leave, Return) for leave in uncertain.leaves):
                raise
        finally:
            self.maybe -= 1
        for name in stored:
            if not isinstance(scope.names.get(name), (Function, Host)):
                self.bind(name, self.unknown(f"{name} changes in a loop that was not followed"), scope)


def _as_load(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Name):
        return ast.Name(node.id, ast.Load())
    if isinstance(node, ast.Attribute):
        return ast.Attribute(node.value, node.attr, ast.Load())
    if isinstance(node, ast.Subscript):
        return ast.Subscript(node.value, node.slice, ast.Load())
    return node
