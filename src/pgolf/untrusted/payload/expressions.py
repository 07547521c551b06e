"""Expressions of a wrapper, as values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from pgolf.untrusted.payload.calls import Calls
from pgolf.untrusted.payload.values import MISSING, Function, Host, Scope, Unknown, same


class Expressions(Calls):
    """The value of each kind of expression, in `of_` and its name."""

    def value(self, node: ast.expr, scope: Scope) -> Any:
        self.tick()
        kind = type(node)
        if kind not in self.handlers:
            self.handlers[kind] = getattr(self, "of_" + kind.__name__.lower(), None)
        handler = self.handlers[kind]
        if handler is None:
            return self.unknown(f"an expression of kind {kind.__name__}")
        return handler(node, scope)

    def of_constant(self, node: ast.Constant, scope: Scope) -> Any:
        return node.value if not isinstance(node.value, complex) else self.unknown("a complex number")

    def of_name(self, node: ast.Name, scope: Scope) -> Any:
        return self.lookup(node.id, scope)

    def of_joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Any:
        pieces: list[str] = []
        hole: Unknown | None = None
        for part in node.values:
            if not isinstance(part, ast.FormattedValue):
                pieces.append(str(getattr(part, "value", "")))
                continue
            value = self.value(part.value, scope)
            spec = "" if part.format_spec is None else self.value(part.format_spec, scope)
            text = self.formatted(value, spec, part.conversion)
            if isinstance(text, Unknown):
                hole = hole or text
                pieces.append("\ufffc")
            else:
                pieces.append(text)
        self.grow(sum(map(len, pieces)))
        if hole is not None:
            return Unknown(hole.reason, self.line, "".join(pieces))
        return "".join(pieces)

    def of_tuple(self, node: ast.Tuple, scope: Scope) -> Any:
        return tuple(self.elements(node.elts, scope))

    def of_list(self, node: ast.List, scope: Scope) -> Any:
        return self.elements(node.elts, scope)

    def of_set(self, node: ast.Set, scope: Scope) -> Any:
        try:
            return set(self.elements(node.elts, scope))
        except TypeError:
            return self.unknown("a set of unhashable values")

    def elements(self, nodes: Sequence[ast.expr], scope: Scope) -> list[Any]:
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                items = self.iterate(self.value(node.value, scope))
                found.extend([self.unknown("a starred value")] if items is None else items)
            else:
                found.append(self.value(node, scope))
        self.grow(8 * len(found))
        return found

    def of_dict(self, node: ast.Dict, scope: Scope) -> Any:
        made: dict[Any, Any] = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.value(value_node, scope)
            if key_node is None:
                if isinstance(value, Host) and value.name == "os.environ":
                    value = self.environment
                if not isinstance(value, dict):
                    return self.unknown("a dict merged from something that was not followed")
                made.update(value)
                continue
            key = self.value(key_node, scope)
            try:
                made[key] = value
            except TypeError:
                return self.unknown("an unhashable key")
        return made

    def of_namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Any:
        value = self.value(node.value, scope)
        self.assign(node.target, value, scope)
        return value

    def of_lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        return self.function("<lambda>", node, scope)

    def function(self, name: str, node: Any, scope: Scope) -> Function:
        defaults = tuple(self.value(each, scope) for each in node.args.defaults)
        keywords = tuple(
            MISSING if each is None else self.value(each, scope) for each in node.args.kw_defaults
        )
        return Function(name, node, scope, defaults, keywords)

    def of_await(self, node: ast.Await, scope: Scope) -> Any:
        return self.value(node.value, scope)

    def of_ifexp(self, node: ast.IfExp, scope: Scope) -> Any:
        test = self.truth(self.value(node.test, scope))
        if test is None:
            self.maybe += 1
            try:
                first, second = self.value(node.body, scope), self.value(node.orelse, scope)
            finally:
                self.maybe -= 1
            return first if same(first, second) else self.unknown("a conditional value that was not followed")
        return self.value(node.body if test else node.orelse, scope)

    def of_boolop(self, node: ast.BoolOp, scope: Scope) -> Any:
        stop_on = isinstance(node.op, ast.Or)
        uncertain = False
        value: Any = None
        for each in node.values:
            if uncertain:
                self.maybe += 1
            try:
                value = self.value(each, scope)
            finally:
                if uncertain:
                    self.maybe -= 1
            test = self.truth(value)
            if test is None:
                uncertain = True
            elif test is stop_on and not uncertain:
                return value
        return self.unknown("a condition that was not followed") if uncertain else value

    def of_unaryop(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            test = self.truth(value)
            return self.unknown("a condition that was not followed") if test is None else not test
        if isinstance(value, (bool, int, float)):
            if isinstance(node.op, ast.USub):
                return -value
            if isinstance(node.op, ast.UAdd):
                return +value
            if isinstance(value, int):
                return ~int(value)
        return (
            value
            if isinstance(value, Unknown)
            else self.unknown("an operation on a value that was not followed")
        )

    def of_binop(self, node: ast.BinOp, scope: Scope) -> Any:
        # Left-deep chains ("a" + "b" + …, thousands long) are walked with a loop, not by recursion.
        chain: list[ast.BinOp] = []
        current: ast.expr = node
        while isinstance(current, ast.BinOp):
            chain.append(current)
            current = current.left
        left = self.value(current, scope)
        if (
            len(chain) > 2
            and isinstance(left, (str, bytes))
            and all(isinstance(c.op, ast.Add) for c in chain)
        ):
            rights = [self.value(each.right, scope) for each in reversed(chain)]
            if all(isinstance(each, type(left)) for each in rights):
                self.grow(len(left) + sum(map(len, rights)))
                joined: Any = type(left)()
                return self.track(joined.join([left, *rights]), left, *rights)
            for right in rights:
                left = self.operate(ast.Add(), left, right)
            return left
        for each in reversed(chain):
            self.tick()
            left = self.operate(each.op, left, self.value(each.right, scope))
        return left

    def of_compare(self, node: ast.Compare, scope: Scope) -> Any:
        left = self.value(node.left, scope)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node, scope)
            outcome = self.compare(operator, left, right)
            if outcome is None:
                return self.unknown("a comparison that was not followed")
            if not outcome:
                return False
            left = right
        return True

    def of_subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        owner = self.value(node.value, scope)
        key = self.value(node.slice, scope)
        return self.item(owner, key)

    def of_slice(self, node: ast.Slice, scope: Scope) -> Any:
        parts = [
            None if each is None else self.value(each, scope) for each in (node.lower, node.upper, node.step)
        ]
        for each in parts:
            if isinstance(each, Unknown):
                return each
            if each is not None and not isinstance(each, int):
                return self.unknown("a slice that was not followed")
        return slice(*parts)

    def of_attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        return self.attribute(self.value(node.value, scope), node.attr)

    def of_call(self, node: ast.Call, scope: Scope) -> Any:
        function = self.value(node.func, scope)
        args: list[Any] = []
        for each in node.args:
            if isinstance(each, ast.Starred):
                items = self.iterate(self.value(each.value, scope))
                args.extend([self.unknown("starred arguments")] if items is None else items)
            else:
                args.append(self.value(each, scope))
        options: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                options[keyword.arg] = value
            elif isinstance(value, dict):
                options.update({str(key): each for key, each in value.items()})
            else:
                options["**"] = self.unknown("keyword arguments that were not followed")
        self.line = node.lineno
        named = function.name if isinstance(function, Host) else ""
        if not args and named in ("builtins.globals", "builtins.locals", "builtins.vars"):
            return (scope.module if named == "builtins.globals" else scope).names
        if (
            isinstance(function, Host)
            and function.name in ("builtins.exec", "builtins.eval")
            and len(args) == 1
        ):
            return self.run_text(function.name, args[0], scope.module.names, node, scope)
        return self.call(function, args, options, node, scope)

    def assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, value, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target.elts, value, scope)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, scope)
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value, scope)
            key = self.value(target.slice, scope)
            self.store_item(owner, key, value)
        elif isinstance(target, ast.Attribute):
            self.store_attribute(self.value(target.value, scope), target.attr, value)

    def unpack(self, targets: Sequence[ast.expr], value: Any, scope: Scope) -> None:
        if isinstance(value, (str, bytes, tuple, list, range)):
            items = list(value)
            starred = [i for i, each in enumerate(targets) if isinstance(each, ast.Starred)]
            if not starred and len(items) == len(targets):
                for target, item in zip(targets, items, strict=True):
                    self.assign(target, item, scope)
                return
            if len(starred) == 1 and len(items) >= len(targets) - 1:
                before = starred[0]
                after = len(targets) - before - 1
                middle = items[before : len(items) - after]
                flat = [*items[:before], middle, *items[len(items) - after :]]
                for target, item in zip(targets, flat, strict=True):
                    self.assign(target, item, scope)
                return
        reason = (
            value
            if isinstance(value, Unknown)
            else self.unknown("unpacking of a value that was not followed")
        )
        for target in targets:
            self.assign(target, reason, scope)

    def bind(self, name: str, value: Any, scope: Scope) -> None:
        if name in scope.global_names:
            scope = scope.module
        elif name in scope.outer_names:
            where = scope.parent
            while where is not None and (where.is_class or name not in where.names):
                where = where.parent
            scope = where or scope
        scope.names[name] = value

    # -- comprehensions

    def of_listcomp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, scope: Scope) -> Any:
        fast = self.byte_table(node, scope)
        if fast is not None:
            return fast
        inner = Scope({}, scope, scope.module)
        made: list[Any] = []
        failure = self.comprehend(node.generators, inner, lambda: made.append(self.value(node.elt, inner)))
        if failure is not None:
            return failure
        self.grow(8 * len(made))
        if not isinstance(node, ast.SetComp):
            return made
        try:
            return set(made)
        except TypeError:
            return self.unknown("a set of unhashable values")

    of_generatorexp = of_listcomp

    of_setcomp = of_listcomp

    def of_dictcomp(self, node: ast.DictComp, scope: Scope) -> Any:
        inner = Scope({}, scope, scope.module)
        made: dict[Any, Any] = {}
        unhashable: list[Any] = []

        def add() -> None:
            key = self.value(node.key, inner)
            value = self.value(node.value, inner)
            try:
                made[key] = value
            except TypeError:
                unhashable.append(key)

        failure = self.comprehend(node.generators, inner, add)
        if unhashable:
            return self.unknown("an unhashable key")
        return made if failure is None else failure

    def comprehend(
        self,
        generators: Sequence[ast.comprehension],
        scope: Scope,
        emit: Callable[[], object],
        index: int = 0,
    ) -> Unknown | None:
        if index == len(generators):
            emit()
            return None
        generator = generators[index]
        items = self.iterate(self.value(generator.iter, scope), lazily=True)
        if items is None:
            # What the element does may still execute something; look at it once, as a maybe.
            self.assign(generator.target, self.unknown("an item that was not followed"), scope)
            self.maybe += 1
            try:
                self.comprehend(generators, scope, emit, index + 1)
            finally:
                self.maybe -= 1
            return self.unknown("a comprehension over something that was not followed")
        for item in items:
            self.tick()
            self.assign(generator.target, item, scope)
            keep = True
            for condition in generator.ifs:
                test = self.truth(self.value(condition, scope))
                if test is None:
                    return self.unknown("a condition in a comprehension that was not followed")
                keep = keep and test
            if keep and (failure := self.comprehend(generators, scope, emit, index + 1)):
                return failure
        return None

    def byte_table(
        self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, scope: Scope
    ) -> list[int] | None:
        """`b ^ KEY for b in data` over many bytes: evaluate the element once per byte value."""
        if len(node.generators) != 1 or node.generators[0].ifs or isinstance(node, ast.SetComp):
            return None
        target = node.generators[0].target
        pure = (ast.BinOp, ast.Name, ast.Constant, ast.operator, ast.expr_context, ast.UnaryOp, ast.unaryop)
        if not isinstance(target, ast.Name) or not all(isinstance(each, pure) for each in ast.walk(node.elt)):
            return None
        data = self.value(node.generators[0].iter, scope)
        if not isinstance(data, (bytes, bytearray)) or len(data) < 512:
            return None
        inner = Scope({}, scope, scope.module)
        table: dict[int, Any] = {}
        for each in set(data):
            inner.names[target.id] = each
            table[each] = self.value(node.elt, inner)
            if isinstance(table[each], Unknown):
                return None
        self.grow(8 * len(data))
        return [table[each] for each in data]
