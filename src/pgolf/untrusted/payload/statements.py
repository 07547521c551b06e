"""Statements of a wrapper in execution order; a branch on something unknown makes all it touches unknown."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, NoReturn

from pgolf.untrusted import codecs
from pgolf.untrusted.payload.expressions import Expressions
from pgolf.untrusted.payload.values import (
    MISSING,
    Archive,
    Bound,
    Break,
    ClassValue,
    Continue,
    File,
    Function,
    Host,
    Instance,
    Module,
    Partial,
    Return,
    Scope,
    Stop,
    Uncertain,
    Unknown,
    first_unknown,
    is_identical,
    same,
)
from pgolf.untrusted.syntax import names_bound

TRANSPARENT = frozenset(("builtins.staticmethod", "builtins.classmethod", "builtins.property"))


class Interpreter(Expressions):
    """Follows one script, statement by statement: each kind in `do_` and its name."""

    def run_module(self, tree: ast.Module, scope: Scope, note_statements: bool = True) -> None:
        """Follow a module's statements; `tops` keeps the one being followed, for each source inside a source."""
        doubted = 0
        try:
            for statement in tree.body:
                if note_statements:
                    self.tops[self.exec_depth] = statement
                try:
                    self.block([statement], scope)
                except Uncertain:
                    self.maybe += 1
                    doubted += 1
        except (Stop, Break, Continue, Return):
            return
        finally:
            self.maybe -= doubted

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        for index, statement in enumerate(body):
            self.tick()
            self.line = getattr(statement, "lineno", self.line)
            kind = type(statement)
            if kind not in self.handlers:
                self.handlers[kind] = getattr(self, "do_" + kind.__name__.lower(), None)
            handler = self.handlers[kind]
            if handler is None:
                continue
            try:
                handler(statement, scope)
            except Uncertain as uncertain:
                raise Uncertain([*uncertain.leaves, *self.perhaps(body[index + 1 :], scope)]) from None

    def perhaps(self, body: Sequence[ast.stmt], scope: Scope) -> list[BaseException]:
        """Follow statements that run on some unknown paths only; returns how they may leave."""
        self.maybe += 1
        try:
            self.block(body, scope)
        except (Break, Continue, Return, Stop) as leave:
            return [leave]
        except Uncertain as uncertain:
            return list(uncertain.leaves)
        finally:
            self.maybe -= 1
        return []

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
        if isinstance(left, (list, bytearray, set, dict)):
            self.change_in_place(node.op, left, right)
            return
        self.assign(node.target, self.operate(node.op, left, right), scope)

    def change_in_place(self, operator: ast.operator, owner: Any, right: Any) -> None:
        """`owner += right` and the like: whoever else holds the container sees it, too."""
        self.mutate(owner)
        if isinstance(operator, ast.Add) and isinstance(owner, (list, bytearray)):
            items = self.iterate(right)
            listed = None if items is None else list(items)
            if listed is not None and (isinstance(owner, list) or not first_unknown(listed)):
                self.made += 1
                self.grow((8 if isinstance(owner, list) else 1) * (len(owner) + len(listed)))
                try:
                    owner.extend(listed)
                except (TypeError, ValueError):
                    self.taint(owner)
                return
        elif isinstance(operator, ast.BitOr) and type(owner) is type(right) and not first_unknown(right):
            self.made += 1
            self.grow(60 * len(right))
            owner.update(right)
            return
        self.taint(owner)

    def do_delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            self.delete(target, scope)

    def delete(self, target: ast.expr, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope.names.pop(target.id, None)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                self.delete(each, scope)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value, scope)
            self.store_attribute(owner, target.attr, self.unknown(f"the deleted attribute {target.attr}"))
        else:
            assert isinstance(target, ast.Subscript)  # noqa: S101 - the grammar has no other
            owner, key = self.value(target.value, scope), self.value(target.slice, scope)
            if owner == Host("os.environ") and isinstance(key, str):
                self.store_item(owner, key, self.unknown(f"the deleted environment variable {key}"))
            self.mutate(owner)
            try:
                del owner[key]
            except (TypeError, ValueError, IndexError, KeyError):
                self.taint(owner)

    def do_assert(self, node: ast.Assert, scope: Scope) -> None:
        if self.truth(self.value(node.test, scope)) is False:
            raise Stop

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
        else:
            self.poison = self.unknown("all names of a module that was not followed are imported")

    def do_global(self, node: ast.Global, scope: Scope) -> None:
        scope.global_names.update(node.names)

    def do_nonlocal(self, node: ast.Nonlocal, scope: Scope) -> None:
        scope.outer_names.update(node.names)

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
        left = self.left_by(node.body, inner)
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
        if left is not None:
            raise left

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
        for name in names_bound([case.pattern for case in node.cases]):
            self.bind(name, self.unknown(f"{name}, which a pattern binds"), scope)
        bodies: list[Sequence[ast.stmt]] = []
        for case in node.cases:
            guard = [] if case.guard is None else [ast.copy_location(ast.Expr(case.guard), case.guard)]
            bodies.append([*guard, *case.body])
        self.either(scope, *bodies, [])

    def scopes_around(self, scope: Scope) -> list[Scope]:
        """A scope and those whose names it may set."""
        found = [scope]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found

    def either(
        self,
        scope: Scope,
        *bodies: Sequence[ast.stmt],
        names: list[list[dict[str, Any]]] | None = None,
    ) -> None:
        """Several bodies of which we do not know which one runs: what they leave different is unknown afterwards.
        `names`: the names each one starts with, where that is not the same for all."""
        scopes = self.scopes_around(scope)
        before = [dict(each.names) for each in scopes]
        outcomes: list[list[dict[str, Any]]] = []
        leaves: list[BaseException] = []
        goes_on = False
        for number, body in enumerate(bodies):
            if names is not None:
                self.put_back(scopes, names[number])
            self.maybe += 1
            try:
                self.block(body, scope)
                goes_on = True
                outcomes.append(self.put_back(scopes, before))
            except Stop:
                self.put_back(scopes, before)
            except (Break, Continue, Return) as leave:
                leaves.append(leave)
                outcomes.append(self.put_back(scopes, before))
            except Uncertain as uncertain:
                leaves.extend(uncertain.leaves)
                goes_on = True
                outcomes.append(self.put_back(scopes, before))
            finally:
                self.maybe -= 1
        if not outcomes:
            raise Stop
        for index, each in enumerate(scopes):
            self.merge(each.names, [outcome[index] for outcome in outcomes])
        if not goes_on and len({type(leave) for leave in leaves}) == 1:
            values = [leave.value for leave in leaves if isinstance(leave, Return)]
            if not values:
                raise leaves[0]
            if all(same(values[0], each) for each in values):
                raise Return(values[0])
            raise Return(self.unknown("the returned value depends on a condition that was not followed"))
        if leaves:
            # The code below runs only on some paths; until the function or loop ends, nothing in it is certain.
            raise Uncertain(leaves)

    def put_back(self, scopes: list[Scope], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Restore the names of some scopes; returns what they were. A dict that did not change stands for itself."""
        found: list[dict[str, Any]] = []
        for scope, names in zip(scopes, before, strict=True):
            if is_identical(scope.names, names):
                found.append(names)
                continue
            found.append(dict(scope.names))
            scope.names.clear()
            scope.names.update(names)
        return found

    def merge(self, names: dict[str, Any], outcomes: list[dict[str, Any]]) -> None:
        """Leave in `names` what all outcomes have in common."""
        merged = dict(outcomes[0])
        for other in outcomes[1:]:
            if other is outcomes[0]:
                continue
            for name in [*merged, *(each for each in other if each not in merged)]:
                mine, theirs = merged.get(name, MISSING), other.get(name, MISSING)
                if mine is not theirs and not same(mine, theirs):
                    merged[name] = self.unknown(f"{name} depends on a condition that was not followed")
        if not is_identical(names, merged):
            names.clear()
            names.update(merged)

    def do_try(self, node: ast.Try, scope: Scope) -> None:
        doubts = self.doubts
        if node.handlers:
            left, journal = self.guard(node.body, scope)
            left = self.handle(node, scope, left, journal if self.doubts != doubts else None)
        else:
            left = self.left_by(node.body, scope)
        # Whatever leaves, the last part runs first.
        last = self.left_by(node.finalbody, scope)
        if last is not None or left is not None:
            raise last or left or Stop

    do_trystar = do_try

    def left_by(self, body: Sequence[ast.stmt], scope: Scope) -> BaseException | None:
        """Follow statements; returns how they leave, None when they run to their end."""
        try:
            self.block(body, scope)
        except (Stop, Break, Continue, Return, Uncertain) as leave:
            return leave
        return None

    def guard(
        self, body: Sequence[ast.stmt], scope: Scope
    ) -> tuple[BaseException | None, list[tuple[Any, Any]]]:
        """Follow statements that an exception may cut short; returns how they leave, and what they changed."""
        self.guarded += 1
        start = len(self.journal)
        try:
            return self.left_by(body, scope), self.journal[start:]
        finally:
            self.guarded -= 1
            if not self.guarded:
                self.journal.clear()

    def cut_short(self, body: Sequence[ast.stmt], scope: Scope, journal: list[tuple[Any, Any]]) -> None:
        """The body was left by an exception, who knows where: all that it sets and changes is unknown."""
        for name in names_bound(body):
            if name in scope.names or name in scope.global_names or name in scope.outer_names:
                self.bind(name, self.unknown(f"{name} is set where an exception may come before"), scope)
        for owner, key in journal:
            if key is MISSING:
                self.taint(owner)
            else:
                owner[key] = self.unknown("set where an exception may come before")

    def handle(
        self,
        node: ast.Try,
        scope: Scope,
        left: BaseException | None,
        journal: list[tuple[Any, Any]] | None,
    ) -> BaseException | None:
        """The `except` parts, and `else`; returns how the statement leaves after them. `left`: how its body did;
        `journal`: what it changed, when it did something that was not followed and that may have raised."""
        bodies: list[Sequence[ast.stmt]] = [each.body for each in node.handlers]
        handled = any(not isinstance(body[-1], ast.Raise) for body in bodies)
        scopes = self.scopes_around(scope)
        after = [dict(each.names) for each in scopes]
        if journal is not None and handled:
            self.cut_short(node.body, scope, journal)
        for each in node.handlers:
            if each.name:
                self.bind(each.name, self.unknown(f"the exception {each.name}"), scope)
        if isinstance(left, Stop):
            return self.left_by_either(scope, bodies)
        # The path without an exception goes on from what the body left.
        caught = [dict(each.names) for each in scopes]
        self.put_back(scopes, after)
        leaves: list[BaseException] = []
        try:
            self.either(scope, [], *bodies, names=[after] + [caught] * len(bodies))
        except Uncertain as uncertain:
            leaves = list(uncertain.leaves)
        if left is None:
            if not leaves:
                return self.left_by(node.orelse, scope)
            return Uncertain([*leaves, *self.perhaps(node.orelse, scope)])
        if isinstance(left, Uncertain):
            return Uncertain([*left.leaves, *leaves, *self.perhaps(node.orelse, scope)])
        return Uncertain([left, *leaves]) if journal is not None and (leaves or handled) else left

    def left_by_either(self, scope: Scope, bodies: list[Sequence[ast.stmt]]) -> BaseException | None:
        """Follow several bodies of which one runs; returns how that leaves."""
        try:
            self.either(scope, *bodies)
        except (Stop, Break, Continue, Return, Uncertain) as leave:
            return leave
        return None

    def do_with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        known, swallows = True, False
        for item in node.items:
            value = self.value(item.context_expr, scope)
            known = known and isinstance(value, (File, Archive, str))
            swallows = (
                swallows
                or (isinstance(value, Unknown) and "suppress" in value.reason)
                or isinstance(value, Instance)
            )
            if item.optional_vars is not None:
                entered = value
                if isinstance(value, Host):
                    entered = self.unknown(f"{value.name} as a context")
                self.assign(item.optional_vars, entered, scope)
        if known:
            self.block(node.body, scope)
            return
        doubts = self.doubts
        left, journal = self.guard(node.body, scope)
        # The context may swallow an exception (`contextlib.suppress`), and what follows still runs.
        if swallows and (isinstance(left, Stop) or self.doubts != doubts):
            self.cut_short(node.body, scope, journal)
        if left is not None:
            raise Uncertain([left]) if isinstance(left, Stop) else left

    do_asyncwith = do_with

    # -- loops

    def do_for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        items = self.iterate(self.value(node.iter, scope), lazily=True)
        if items is None:
            self.unknown_loop(node, scope)
            return
        rounds = _Rounds(self)
        for item in items:
            self.tick()
            if rounds.are_idle():
                self.unknown_loop(node, scope)
                return
            self.assign(node.target, item, scope)
            if self.round_leaves(node, scope):
                return
        self.block(node.orelse, scope)

    do_asyncfor = do_for

    def do_while(self, node: ast.While, scope: Scope) -> None:
        # A service loop (`while True:`) need not be followed to the end of the budget: after a while it is unknown.
        last = self.steps + self.limits.constant_steps // (40 if isinstance(node.test, ast.Constant) else 2)
        rounds = _Rounds(self)
        while True:
            self.tick()
            idle = rounds.are_idle() or self.steps >= last
            test = None if idle else self.truth(self.value(node.test, scope))
            if test is None:
                self.unknown_loop(node, scope)
                return
            if not test:
                self.block(node.orelse, scope)
                return
            if self.round_leaves(node, scope):
                return

    def round_leaves(self, node: ast.For | ast.AsyncFor | ast.While, scope: Scope) -> bool:
        """Follow one round of a loop; True when the loop is over with it."""
        try:
            self.block(node.body, scope)
        except Continue:
            return False
        except Break:
            return True
        except Uncertain as uncertain:
            if any(isinstance(leave, Return) for leave in uncertain.leaves):
                raise
            self.unknown_loop(node, scope)
            return True
        return False

    def unknown_loop(self, node: ast.For | ast.AsyncFor | ast.While, scope: Scope) -> None:
        """A loop that runs an unknown number of times: its names are unknown before and after, its body runs once."""
        stored = names_bound(node.body)
        self.tick(len(stored))
        scopes = self.scopes_around(scope)
        around = [dict(each.names) for each in scopes]
        before = {name: scope.names.get(name, MISSING) for name in stored}
        for name, value in before.items():
            if not isinstance(value, (Function, Host)):
                self.bind(name, self.unknown(f"{name} changes in a loop that was not followed"), scope)
        if not isinstance(node, ast.While):
            self.assign(node.target, self.unknown("the items of a loop that was not followed"), scope)
        leaves = self.perhaps(node.body, scope)
        for name, value in before.items():
            now = scope.names.get(name)
            if not isinstance(now, (Function, Host)) or not (value is MISSING or same(value, now)):
                self.bind(name, self.unknown(f"{name} changes in a loop that was not followed"), scope)
        for each, names in zip(scopes, around, strict=True):
            if not is_identical(each.names, names):
                for name, value in names.items():
                    now = each.names.get(name, MISSING)
                    if now is not value and not same(value, now) and not isinstance(now, Unknown):
                        each.names[name] = self.unknown(f"{name} changes in a loop that was not followed")
        returns: list[BaseException] = [
            Return(self.unknown("returned from a loop that was not followed"))
            for leave in leaves
            if isinstance(leave, Return)
        ]
        if node.orelse:
            returns += [leave for leave in self.perhaps(node.orelse, scope) if not isinstance(leave, Stop)]
        if returns:
            raise Uncertain(returns)


class _Rounds:
    """Whether a loop makes any constant: rounds that do much, yield nothing and meet what is unknown are idle. A training
    loop over a known range is, one that decodes a payload or computes a key is not."""

    def __init__(self, state: Interpreter) -> None:
        self.state = state
        self.made = state.made
        self.since = state.steps
        self.doubts = state.doubts

    def are_idle(self) -> bool:
        state = self.state
        if state.made != self.made:
            self.made, self.since, self.doubts = state.made, state.steps, state.doubts
        return state.doubts != self.doubts and state.steps - self.since > state.limits.constant_steps // 50


def _as_load(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Name):
        return ast.Name(node.id, ast.Load())
    if isinstance(node, ast.Attribute):
        return ast.Attribute(node.value, node.attr, ast.Load())
    assert isinstance(node, ast.Subscript)  # noqa: S101 - the grammar has no other
    return ast.Subscript(node.value, node.slice, ast.Load())
