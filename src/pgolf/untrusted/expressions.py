"""Expressions: one builder function for each allowed node kind; every other kind is a stated unknown."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from pgolf.errors import LimitTripped
from pgolf.untrusted import operators, scaled, written
from pgolf.untrusted.interp import (
    Code,
    Expr,
    Frame,
    compile_expr,
    load_name,
    store_name,
)
from pgolf.untrusted.objects import call_method, get_attribute, get_item, written_object
from pgolf.untrusted.scaled import OtherAtScale
from pgolf.untrusted.scaled import either as scaled_either
from pgolf.untrusted.scaled import merged as scaled_merged
from pgolf.untrusted.syntax import parameters, walk
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    Function,
    Instance,
    KnownTruth,
    Loss,
    OfLosses,
    OnProcess,
    Opaque,
    ScaledText,
    ScriptRaise,
    Stuck,
    TextOf,
    UnknownItems,
    Value,
    both_late,
    unsure,
)

_BUILDERS: dict[type, Callable[[Any], Expr]] = {}


def build(node: ast.expr) -> Expr:
    """The closure that evaluates `node` in a frame."""
    builder = _BUILDERS.get(type(node))
    if builder is None:
        kind, line = type(node).__name__, node.lineno
        return lambda fr: Opaque(f"{kind} is outside the evaluated language", line + fr.offset)
    return builder(node)


def _for(kind: type) -> Callable[[Callable[[Any], Expr]], Callable[[Any], Expr]]:
    def register(builder: Callable[[Any], Expr]) -> Callable[[Any], Expr]:
        _BUILDERS[kind] = builder
        return builder

    return register


@_for(ast.Constant)
def _constant(node: ast.Constant) -> Expr:
    value = node.value
    if isinstance(value, complex):
        return lambda fr: Opaque("complex number", node.lineno + fr.offset)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 4096:
        return lambda fr: Opaque("huge integer", node.lineno + fr.offset)
    return lambda fr: value


@_for(ast.Name)
def _name(node: ast.Name) -> Expr:
    return load_name(node.id)


@_for(ast.Tuple)
def _tuple(node: ast.Tuple) -> Expr:
    items = _items(node.elts)
    return lambda fr: tuple(items(fr))


@_for(ast.List)
def _list(node: ast.List) -> Expr:
    items = _items(node.elts)
    return lambda fr: fr.interp.made(items(fr))


@_for(ast.Set)
def _set(node: ast.Set) -> Expr:
    items = _items(node.elts)

    def run(fr: Frame) -> Value:
        return make_set(fr, items(fr), node.lineno)

    return run


def make_set(fr: Frame, items: list[Value], line: int) -> Value:
    out: set[Value] = set()
    for x in items:
        if isinstance(x, Opaque):
            return x
        key = hashable(x)
        if key is None and x is not None:
            return Opaque("set of unhashable values", line + fr.offset)
        out.add(x)
    return fr.interp.made(out)


def hashable(value: Value) -> Value:
    """The value itself when it may be a key, else None."""
    if value is None or isinstance(value, (int, float, str, bytes, frozenset)):
        return value
    if isinstance(value, tuple):
        return value if all(x is None or hashable(x) is not None for x in value) else None
    if isinstance(value, (list, dict, set, Tensor, bytearray, Opaque)):
        return None
    if operators.has_own_equality(value):
        raise Stuck("an object with rules of its own as a key", 0)
    return value


def _items(nodes: list[ast.expr]) -> Callable[[Frame], list[Value]]:
    if any(isinstance(n, ast.Starred) for n in nodes):
        parts = [
            (isinstance(n, ast.Starred), compile_expr(n.value if isinstance(n, ast.Starred) else n))
            for n in nodes
        ]

        def run(fr: Frame) -> list[Value]:
            out: list[Value] = []
            for starred, part in parts:
                value = part(fr)
                if not starred:
                    out.append(value)
                    continue
                items = fr.interp.iterate(value, fr.offset)
                if isinstance(items, Opaque):
                    raise Stuck(f"unpacking of an unknown value: {items.reason}", items.line)
                for x in items:
                    fr.interp.cells(1)
                    out.append(x)
            return out

        return run
    closures = [compile_expr(n) for n in nodes]
    if not closures:
        return lambda fr: []
    if len(closures) == 1:
        only = closures[0]
        return lambda fr: [only(fr)]
    if len(closures) == 2:
        first, second = closures
        return lambda fr: [first(fr), second(fr)]
    return lambda fr: [c(fr) for c in closures]


@_for(ast.Dict)
def _dict(node: ast.Dict) -> Expr:
    pairs = [
        (compile_expr(k) if k is not None else None, compile_expr(v))
        for k, v in zip(node.keys, node.values, strict=True)
    ]

    def run(fr: Frame) -> Value:
        out: dict[Value, Value] = {}
        unknown: Opaque | None = None
        for key, value in pairs:
            v = value(fr)
            if key is None:
                if isinstance(v, dict):
                    out.update(v)
                    continue
                return (
                    v
                    if isinstance(v, Opaque)
                    else Opaque("** of something that is no dict", node.lineno + fr.offset)
                )
            k = key(fr)
            if isinstance(k, Opaque):
                unknown = unknown or k
                continue
            if hashable(k) is None and k is not None:
                return Opaque("unhashable key", node.lineno + fr.offset)
            out[k] = v
        if unknown is not None:
            return Opaque(f"dictionary with an unknown key: {unknown.reason}", unknown.line, unknown.origin)
        return fr.interp.made(out)

    return run


@_for(ast.UnaryOp)
def _unary(node: ast.UnaryOp) -> Expr:
    operand = compile_expr(node.operand)
    op, line = operators.op_name(node.op), node.lineno
    if op == "Not":

        def negate(fr: Frame) -> Value:
            truth = operand(fr)
            if truth is True:
                return False
            if truth is False:
                return True
            truth = fr.interp.truth(truth, line + fr.offset)
            if type(truth) is OnProcess:
                holds = truth.holds
                return OnProcess(truth.reason, truth.line, lambda rank, processes: not holds(rank, processes))
            return truth if isinstance(truth, Opaque) else not truth

        return negate
    return lambda fr: operators.unary(fr.interp, op, operand(fr), line + fr.offset)


@_for(ast.BinOp)
def _binop(node: ast.BinOp) -> Expr:
    op, line = operators.op_name(node.op), node.lineno
    # A long chain `a + b + c …` is a deep tree on its left side: walk it with a loop.
    chain: list[tuple[str, Expr]] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        chain.append((operators.op_name(left.op), compile_expr(left.right)))
        left = left.left
    first = compile_expr(left)
    if len(chain) == 1:
        right = chain[0][1]
        plain = operators.PLAIN_INTEGER_OPS.get(op)
        if plain is None:
            return lambda fr: operators.binary(fr.interp, op, first(fr), right(fr), line + fr.offset)
        quick = plain

        def run_two(fr: Frame) -> Value:
            a, b = first(fr), right(fr)
            if type(a) is int and type(b) is int:
                result = quick(a, b)
                if -operators.BIG <= result <= operators.BIG:
                    return result
            return operators.binary(fr.interp, op, a, b, line + fr.offset)

        return run_two
    chain.reverse()

    def run(fr: Frame) -> Value:
        value = first(fr)
        for name, part in chain:
            value = operators.binary(fr.interp, name, value, part(fr), line + fr.offset)
        return value

    return run


_ACTING = (ast.Call, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)


def _acts(node: ast.AST) -> bool:
    """Whether evaluating an expression may change something: it calls or binds."""
    return any(isinstance(n, _ACTING) for n in walk(node))


def _perhaps(node: ast.expr, part: Expr) -> Expr:
    """The closure of a part that an unknown condition lets run or not: what it changes is unknown, not changed."""
    if not _acts(node):
        return part
    names = tuple(n.target.id for n in walk(node) if isinstance(n, ast.NamedExpr))

    def run(fr: Frame) -> Value:
        from pgolf.untrusted.conditions import under_unknown

        before = [fr.vars.get(name, MISSING) for name in names]
        value: Value
        try:
            value = under_unknown(fr, part)
        except ScriptRaise as thrown:
            value = Opaque("an expression that may raise", thrown.line)
        for name, old in zip(names, before, strict=True):
            new = fr.vars.get(name, MISSING)
            if new is not old:
                fr.vars[name] = Opaque(f"{name} bound under an unknown condition", node.lineno + fr.offset)
        return value

    return run


class _LeftOut:
    """Parts of an expression that a condition left out, which would have changed what a builder returned."""

    __slots__ = ("names", "nodes")

    def __init__(self, nodes: list[ast.expr]) -> None:
        self.nodes = nodes
        self.names: tuple[tuple[ast.AST, str], ...] | None = None

    def note(self, fr: Frame, line: int) -> None:
        from pgolf.untrusted.changes import left_out_names, note_left_out

        if self.names is None:
            self.names = left_out_names([n for n in self.nodes if _acts(n)])
        if self.names:
            note_left_out(fr, self.names, line + fr.offset)


@_for(ast.BoolOp)
def _boolop(node: ast.BoolOp) -> Expr:
    parts = [compile_expr(v) for v in node.values]
    maybe = [_perhaps(v, part) for v, part in zip(node.values, parts, strict=True)]
    left_out = _LeftOut(node.values[1:])
    stop_on = isinstance(node.op, ast.Or)
    line = node.lineno

    def run(fr: Frame) -> Value:
        interp = fr.interp
        value: Value = None
        unknown: Opaque | None = None
        last = len(parts) - 1
        for i, part in enumerate(parts):
            value = part(fr) if unknown is None else maybe[i](fr)
            if i == last and unknown is None:
                return value
            truth = value if value is True or value is False else interp.truth(value, line + fr.offset)
            if truth is not True and truth is not False:
                unknown = truth if unknown is None else _two_unknown(unknown, truth, stop_on)
                continue
            if truth is stop_on:
                # False and unknown is False whatever the unknown is (likewise True or unknown).
                if interp.tables.arrays:
                    left_out.note(fr, line)
                if unknown is None:
                    return value
                return KnownTruth(unknown, stop_on)
        return unknown if unknown is not None else value

    return run


def _two_unknown(a: Opaque, b: Opaque, either: bool) -> Opaque:
    """What `a and b` (or, with `either`, `a or b`) of two unknown truths is."""
    if type(a) is not OnProcess or type(b) is not OnProcess:
        return a if type(a) is not OnProcess else Opaque(a.reason, a.line, a.origin)
    f, g = a.holds, b.holds
    if either:
        return OnProcess(a.reason, a.line, lambda rank, processes: f(rank, processes) or g(rank, processes))
    return OnProcess(a.reason, a.line, lambda rank, processes: f(rank, processes) and g(rank, processes))


_PLAIN_NUMBERS = frozenset({int, float})


def _is_small_literal(node: ast.expr) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, (int, float)) and value <= operators.SCALE


@_for(ast.Compare)
def _compare(node: ast.Compare) -> Expr:
    line = node.lineno
    first = compile_expr(node.left)
    if len(node.ops) == 1:
        op = operators.op_name(node.ops[0])
        second = compile_expr(node.comparators[0])
        order = operators.ORDER_OPS.get(op)
        if order is None:
            return lambda fr: operators.compare(fr.interp, op, first(fr), second(fr), line + fr.offset)
        compared = order
        # Beside a small literal the large number is no bound that a count is to reach: it is the setting that is asked about.
        counts = not any(map(_is_small_literal, (node.left, node.comparators[0])))

        def run_two(fr: Frame) -> Value:
            a, b = first(fr), second(fr)
            interp = fr.interp
            if type(a) is int and type(b) is int:
                if counts and (a > operators.SCALE) != (b > operators.SCALE):
                    interp.bound_met = f"compares with {max(a, b)!r}"
                return compared(a, b)
            met = interp.bound_met
            answer = operators.compare(interp, op, a, b, line + fr.offset)
            if not counts and type(a) in _PLAIN_NUMBERS and type(b) in _PLAIN_NUMBERS:
                interp.bound_met = met
            return answer

        return run_two
    rest = [(operators.op_name(o), compile_expr(c)) for o, c in zip(node.ops, node.comparators, strict=True)]
    maybe = [_perhaps(c, part) for c, (_, part) in zip(node.comparators, rest, strict=True)]

    def run(fr: Frame) -> Value:
        left = first(fr)
        result: Value = True
        for i, (op, part) in enumerate(rest, 1):
            right = part(fr)
            result = operators.compare(fr.interp, op, left, right, line + fr.offset)
            truth = fr.interp.truth(result, line + fr.offset)
            if isinstance(truth, Opaque):
                for later in maybe[i:]:
                    later(fr)
                return truth
            if not truth:
                return False
            left = right
        return result

    return run


@_for(ast.IfExp)
def _ifexp(node: ast.IfExp) -> Expr:
    test, body, orelse = compile_expr(node.test), compile_expr(node.body), compile_expr(node.orelse)
    maybe_body, maybe_orelse = _perhaps(node.body, body), _perhaps(node.orelse, orelse)
    not_body, not_orelse = _LeftOut([node.body]), _LeftOut([node.orelse])
    line = node.lineno

    def run(fr: Frame) -> Value:
        fr.interp.bound_met = ""
        truth = fr.interp.truth(test(fr), line + fr.offset)
        if fr.interp.bound_met:
            fr.interp.at_scale(fr.interp.bound_met, line + fr.offset)
        if truth is True:
            if fr.interp.tables.arrays:
                not_orelse.note(fr, line)
            return body(fr)
        if truth is False:
            if fr.interp.tables.arrays:
                not_body.note(fr, line)
            return orelse(fr)
        a, b = maybe_body(fr), maybe_orelse(fr)
        if type(truth) is OtherAtScale:
            known = scaled_either(a, b) if truth.here else scaled_either(b, a)
            if known is not MISSING:
                return known
        return merge_watched(fr, a, b, truth)

    return run


def merge_watched(fr: Frame, a: Value, b: Value, why: Opaque) -> Value:
    """`merge`, and the observer is told what is lost by it."""
    merged = merge(a, b, why)
    if merged is not a and merged is not b:
        fr.interp.observer.lost(fr.interp, a, b, why)
    return merged


def merge(a: Value, b: Value, why: Opaque) -> Value:
    """One value for "a or b, we could not tell which"."""
    if a is b:
        return a
    if type(a) is type(b) and (a is None or isinstance(a, (int, float, str, bytes))) and a == b:
        return a
    if type(why) is OnProcess:
        known = scaled_merged(a, b, why)
        if known is not MISSING:
            return known
    if isinstance(a, Opaque):
        return unsure(a) if type(a) is not OnProcess else Opaque(a.reason, a.line, a.origin)
    if isinstance(b, Opaque):
        return unsure(b) if type(b) is not OnProcess else Opaque(b.reason, b.line, b.origin)
    reason = f"depends on an unknown condition: {why.reason}"
    if isinstance(a, Loss) and isinstance(b, Loss) and a.weights == b.weights:
        return a if a.late == b.late else Loss(a.weights, both_late(a.late, b.late))
    if isinstance(a, Loss) or isinstance(b, Loss):
        held = frozenset(p for x in (a, b) if isinstance(x, Loss) for p in x.weights)
        return OfLosses(reason, why.line, held)
    return Opaque(reason, why.line, why.origin)


@_for(ast.Await)
def _await(node: ast.Await) -> Expr:
    # A coroutine is evaluated where it is called: what it gives is there when it is awaited.
    return compile_expr(node.value)


@_for(ast.NamedExpr)
def _walrus(node: ast.NamedExpr) -> Expr:
    value = compile_expr(node.value)
    name = node.target.id

    def run(fr: Frame) -> Value:
        v = value(fr)
        target = fr
        # A walrus inside a comprehension binds in the function around it.
        while target.vars.get("%comprehension") and target.parent is not None:
            target = target.parent
        store_name(target, name, v)
        return v

    return run


@_for(ast.Lambda)
def _lambda(node: ast.Lambda) -> Expr:
    return function_maker(node)


def compile_setting(name: str | None, node: ast.expr) -> Expr:
    """The closure of an expression that gives `name` its value: a literal size is scaled down, as a setting is."""
    if type(node) is not ast.Constant or type(node.value) is not int or name is None:
        return compile_expr(node)
    from pgolf.untrusted.intrinsics.settings import LEAST_LITERAL_SIZE, LITERAL_SIZE, toy_setting

    size = node.value
    if size < LEAST_LITERAL_SIZE or len(name) > 60 or not LITERAL_SIZE.match(name):
        return compile_expr(node)
    return lambda fr: toy_setting(name, size, fr.interp.other_sizes)


def function_maker(node: Any) -> Expr:
    """The closure that makes the function object of a `def` or `lambda` node."""
    code = Code(node)
    notes = [x.annotation for x in parameters(node)]
    # Annotations are evaluated where the function is made, or never (`from __future__ import annotations`).
    acting = [compile_expr(x) for x in (*notes, getattr(node, "returns", None)) if x is not None and _acts(x)]
    named = [*node.args.posonlyargs, *node.args.args]
    given = node.args.defaults
    defaults = [
        compile_setting(a.arg, d) for a, d in zip(named[len(named) - len(given) :], given, strict=True)
    ]
    kw_defaults = [
        (a.arg, compile_setting(a.arg, d))
        for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if d is not None
    ]

    def run(fr: Frame) -> Value:
        made = Function(
            code.name,
            code,
            _scope_of(fr),
            [d(fr) for d in defaults],
            {name: d(fr) for name, d in kw_defaults},
        )
        fr.interp.cells(4)
        fr.interp.register(made)
        if made.frame.vars is not made.frame.module.vars:
            fr.interp.cyclic.append(made.frame)
        if acting:
            from pgolf.untrusted.conditions import may_run

            for note in acting:
                may_run(fr, partial(note, fr), code.line + fr.offset)
        return made

    return run


@_for(ast.Attribute)
def _attribute(node: ast.Attribute) -> Expr:
    value, name, line = compile_expr(node.value), node.attr, node.lineno
    return lambda fr: get_attribute(fr.interp, value(fr), name, line + fr.offset)


@_for(ast.Slice)
def _slice(node: ast.Slice) -> Expr:
    parts = [compile_expr(p) if p is not None else None for p in (node.lower, node.upper, node.step)]

    def run(fr: Frame) -> Value:
        values = [p(fr) if p is not None else None for p in parts]
        for i, v in enumerate(values):
            if isinstance(v, Tensor) and len(v.data) == 1:
                values[i] = v.data[0]
            elif type(v) is float:
                raise operators.raise_in_script(
                    "TypeError", "slice indices must be integers", node.lineno + fr.offset
                )
        for v in values:
            if isinstance(v, (Opaque, Loss)):
                return Opaque(
                    v.reason if isinstance(v, Opaque) else "a loss as an index", node.lineno + fr.offset
                )
        return slice(*values)

    return run


@_for(ast.Subscript)
def _subscript(node: ast.Subscript) -> Expr:
    value, index, line = compile_expr(node.value), compile_expr(node.slice), node.lineno
    hint = _hint(node.value)
    return lambda fr: get_item(fr.interp, value(fr), index(fr), hint, line + fr.offset)


def _hint(node: ast.expr) -> str:
    """The name a table goes by where it is read, for reports."""
    while isinstance(node, (ast.Subscript, ast.Call)):
        node = node.value if isinstance(node, ast.Subscript) else node.func
        if isinstance(node, ast.Attribute) and node.attr in (
            "to",
            "long",
            "int",
            "float",
            "cpu",
            "view",
            "reshape",
        ):
            node = node.value
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


@_for(ast.Starred)
def _starred(node: ast.Starred) -> Expr:
    return compile_expr(node.value)


@_for(ast.Call)
def _call(node: ast.Call) -> Expr:
    line = node.lineno
    args = _items(node.args)
    keywords = [(k.arg, compile_setting(k.arg, k.value)) for k in node.keywords]
    method: str | None = None
    if isinstance(node.func, ast.Attribute):
        receiver = compile_expr(node.func.value)
        method = node.func.attr
    else:
        receiver = compile_expr(node.func)
    special = (
        node.func.id
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "globals")
        else ""
    )

    if not keywords and not special:
        called = method

        def run_plain(fr: Frame) -> Value:
            interp = fr.interp
            interp.steps_left -= 1
            if interp.steps_left < 0:
                raise LimitTripped("interpreter_steps", interp.limits.interpreter_steps)
            target = receiver(fr)
            if called is not None:
                return call_method(interp, target, called, args(fr), {}, line + fr.offset)
            return interp.call(target, args(fr), {}, line + fr.offset)

        return run_plain

    def run(fr: Frame) -> Value:
        interp = fr.interp
        interp.steps_left -= 1
        if interp.steps_left < 0:
            raise LimitTripped("interpreter_steps", interp.limits.interpreter_steps)
        target = receiver(fr)
        values = args(fr)
        kwargs: dict[str, Value] = {}
        for name, value in keywords:
            v = value(fr)
            if name is not None:
                kwargs[name] = v
            elif isinstance(v, dict):
                kwargs.update({k: x for k, x in v.items() if isinstance(k, str)})
            elif isinstance(v, Opaque):
                callee = target if method is None else get_attribute(interp, target, method, line + fr.offset)
                interp.may_call([callee], line + fr.offset, values)
                return interp.observer.call_unknown(interp, v, values, kwargs, line + fr.offset)
        out = kwargs.get("out")
        if isinstance(out, Tensor):
            # `out=` writes into an array; who models it says so by taking it out of the arguments.
            operators.spoil(out, "written through out=", line + fr.offset)
        if method is not None:
            return call_method(interp, target, method, values, kwargs, line + fr.offset)
        if special:
            found = _frame_builtin(fr, special, target, values, line)
            if found is not None:
                return found
        return interp.call(target, values, kwargs, line + fr.offset)

    return run


def _frame_builtin(fr: Frame, name: str, target: Value, args: list[Value], line: int) -> Value | None:
    from pgolf.untrusted.objects import super_object
    from pgolf.untrusted.values import Intrinsic

    if not isinstance(target, Intrinsic):
        return None
    if name == "super":
        return super_object(fr, args, line + fr.offset)
    if name == "locals":
        return fr.interp.made({k: v for k, v in fr.vars.items() if not k.startswith("%")})
    return globals_dict(fr)


def globals_dict(fr: Frame) -> Value:
    """`globals()`: the module's own dictionary, so that writes through it count."""
    for name in list(fr.module.pending):
        fr.module.lookup(name)
    return fr.module.vars


@_for(ast.JoinedStr)
def _joined(node: ast.JoinedStr) -> Expr:
    line = node.lineno
    parts: list[tuple[str, Expr | None, int, Expr | None]] = []
    for piece in node.values:
        if isinstance(piece, ast.Constant):
            parts.append((str(piece.value), None, -1, None))
        elif isinstance(piece, ast.FormattedValue):
            spec = compile_expr(piece.format_spec) if piece.format_spec is not None else None
            parts.append(("", compile_expr(piece.value), piece.conversion, spec))

    def run(fr: Frame) -> Value:
        out: list[Value] = []
        unknown: Value = None
        before = name = ""
        grown = False
        for text, value, conversion, spec in parts:
            if value is None:
                out.append(text)
                before, name = name + text, ""
                continue
            v = value(fr)
            fr.interp.observer.formatted(fr.interp, v, before, line + fr.offset)
            template = spec(fr) if spec is not None else ""
            shown = format_value(fr, v, conversion, template, line)
            if isinstance(shown, Opaque):
                unknown = unknown or shown
                part = written.shown(v)
                out.append(shown if isinstance(part, str) or type(shown) is TextOf else part)
                name = written.ending(shown)
            else:
                name = shown[-40:] if isinstance(v, str) else ""
                grown = grown or type(shown) is ScaledText
                out.append(shown)
        if unknown is not None:
            return written.text_of(out, line + fr.offset)
        result = "".join(out)
        if len(result) > fr.interp.limits.string_chars:
            raise LimitTripped("string_chars", fr.interp.limits.string_chars)
        return scaled.grown_text(result) if grown else result

    return run


def format_value(fr: Frame, value: Value, conversion: int, template: Value, line: int) -> Value:
    """One `{value!c:template}` of an f-string, or Opaque."""
    if isinstance(value, Opaque):
        return value
    if type(value) is Instance:
        return written_object(fr.interp, value, template, line + fr.offset)
    if isinstance(template, Opaque):
        return template
    if isinstance(value, Tensor) and len(value.data) == 1 and not isinstance(value.data[0], (Opaque, Loss)):
        value = value.data[0]
    if not (value is None or isinstance(value, (int, float, str, bytes, list, tuple, dict, range))):
        return Opaque(f"text of a value of kind {type(value).__name__}", line + fr.offset, "text")
    if isinstance(value, (list, tuple, dict)) and len(value) <= 64 and written.positions_in(value):
        return TextOf((value,), line + fr.offset)
    if isinstance(value, (list, tuple, dict)) and len(value) > 1000:
        return Opaque("text of a large container", line + fr.offset, "text")
    if isinstance(value, (list, tuple, dict)) and not operators.is_written_plainly(fr.interp, value):
        return Opaque("text of a container of values that are not plain", line + fr.offset, "text")
    digits = "".join(c if c.isdigit() else " " for c in template).split()
    if any(int(d[:9]) > 100_000 for d in digits):
        raise LimitTripped("string_chars", fr.interp.limits.string_chars)
    grown = scaled.grows(value)
    if conversion in (ord("r"), ord("a")):
        value = ascii(value) if conversion == ord("a") else repr(value)
    elif conversion == ord("s"):
        value = str(value)
    try:
        shown = format(value, template)
        return scaled.grown_text(shown) if grown else shown
    except (ValueError, TypeError):
        raise operators.raise_in_script("ValueError", "bad format", line + fr.offset) from None


# ---------------------------------------------------------------------------------------------------------
# Comprehensions


_Level = tuple[Expr, Callable[[Frame, Value], None], list[Expr]]


def _nested_loops(
    levels: list[_Level],
    emit: Callable[[Frame, Any], None],
    line: int,
    fr: Frame,
    inner: Frame,
    depth: int,
    out: Any,
) -> Opaque | None:
    """The loops of a comprehension from `depth` inwards; what keeps them from being followed, or None."""
    if depth == len(levels):
        emit(inner, out)
        return None
    source, assign, conditions = levels[depth]
    interp = fr.interp
    items = interp.iterate(source(fr if depth == 0 else inner), line + fr.offset)
    if isinstance(items, Opaque):
        return items
    for x in items:
        interp.steps_left -= 1
        if interp.steps_left < 0:
            raise LimitTripped("interpreter_steps", interp.limits.interpreter_steps)
        assign(inner, x)
        for condition in conditions:
            truth = interp.truth(condition(inner), line + fr.offset)
            if isinstance(truth, Opaque):
                return truth
            if not truth:
                break
        else:
            unknown = _nested_loops(levels, emit, line, fr, inner, depth + 1, out)
            if unknown is not None:
                return unknown
    return None


def _one_round(levels: list[_Level], emit: Callable[[Frame], Any], inner: Frame, item: Opaque) -> None:
    """What a comprehension does with one item of which nothing is known."""
    for _, assign, conditions in levels:
        assign(inner, item)
        for condition in conditions:
            condition(inner)
    emit(inner)


def _comprehension(
    node: Any,
    emit: Callable[[Frame, Any], None],
    start: Callable[[], Any],
    finish: Callable[[Frame, Any], Value],
) -> Expr:
    from pgolf.untrusted.assignments import assigner
    from pgolf.untrusted.conditions import may_run

    levels = [
        (compile_expr(g.iter), assigner(g.target), [compile_expr(c) for c in g.ifs]) for g in node.generators
    ]
    line = node.lineno
    acts = _acts(node)

    def run(fr: Frame) -> Value:
        inner = Frame(fr.interp, fr.module, _scope_of(fr), fr.offset)
        inner.vars["%comprehension"] = True
        out = start()
        unknown = _nested_loops(levels, emit, line, fr, inner, 0, out)
        if unknown is not None:
            if acts:
                item = Opaque(unknown.reason, unknown.line, unknown.origin)
                may_run(inner, lambda: _one_round(levels, lambda fr: emit(fr, start()), inner, item), line)
            return _over_unknown(unknown, line + fr.offset)
        return finish(fr, out)

    return run


def _scope_of(fr: Frame) -> Frame:
    """The frame whose names a function or comprehension inside another sees: those of a class body are left out."""
    return fr.parent if "%class" in fr.vars and fr.parent is not None else fr


@_for(ast.ListComp)
def _listcomp(node: ast.ListComp) -> Expr:
    element = compile_expr(node.elt)

    def emit(inner: Frame, out: list[Value]) -> None:
        out.append(element(inner))
        inner.interp.cells(1)

    return _comprehension(node, emit, list, lambda fr, out: fr.interp.made(out))


@_for(ast.GeneratorExp)
def _genexp(node: ast.GeneratorExp) -> Expr:
    """Its first source is evaluated at once, all else when an item is asked for."""
    from pgolf.untrusted.assignments import assigner
    from pgolf.untrusted.conditions import may_run

    element = compile_expr(node.elt)
    acts = _acts(node)
    levels: list[_Level] = [
        (compile_expr(g.iter), assigner(g.target), [compile_expr(c) for c in g.ifs]) for g in node.generators
    ]
    line = node.lineno

    def lost(inner: Frame, unknown: Opaque) -> Opaque:
        if acts:
            item = Opaque(unknown.reason, unknown.line, unknown.origin)
            may_run(inner, lambda: _one_round(levels, element, inner, item), line)
        return _over_unknown(unknown, line + inner.offset)

    def run(fr: Frame) -> Value:
        items = fr.interp.iterate(levels[0][0](fr), line + fr.offset)
        inner = Frame(fr.interp, fr.module, _scope_of(fr), fr.offset)
        inner.vars["%comprehension"] = True
        if isinstance(items, Opaque):
            return lost(inner, items)
        return fr.interp.iterator(_lazy_loops(levels, element, line, inner, 0, items, lost))

    return run


def _lazy_loops(
    levels: list[_Level],
    element: Expr,
    line: int,
    inner: Frame,
    depth: int,
    items: Iterable[Value],
    lost: Callable[[Frame, Opaque], Opaque],
) -> Iterator[Value]:
    """The items of a generator expression, from loop number `depth` inwards."""
    _, assign, conditions = levels[depth]
    interp = inner.interp
    last = depth + 1 == len(levels)
    for x in items:
        interp.step()
        assign(inner, x)
        for condition in conditions:
            truth = interp.truth(condition(inner), line + inner.offset)
            if isinstance(truth, Opaque):
                raise UnknownItems(lost(inner, truth))
            if not truth:
                break
        else:
            if last:
                yield element(inner)
                continue
            found = interp.iterate(levels[depth + 1][0](inner), line + inner.offset)
            if isinstance(found, Opaque):
                raise UnknownItems(lost(inner, found))
            yield from _lazy_loops(levels, element, line, inner, depth + 1, found, lost)


def _over_unknown(unknown: Opaque, line: int) -> Opaque:
    reason = f"comprehension over something unknown: {unknown.reason}"
    return Opaque(reason, unknown.line or line, unknown.origin)


@_for(ast.SetComp)
def _setcomp(node: ast.SetComp) -> Expr:
    element = compile_expr(node.elt)

    def emit(inner: Frame, out: list[Value]) -> None:
        out.append(element(inner))
        inner.interp.cells(1)

    return _comprehension(node, emit, list, lambda fr, out: make_set(fr, out, node.lineno))


@_for(ast.DictComp)
def _dictcomp(node: ast.DictComp) -> Expr:
    key, value = compile_expr(node.key), compile_expr(node.value)

    def emit(inner: Frame, out: dict[Value, Value]) -> None:
        k = key(inner)
        v = value(inner)
        inner.interp.cells(2)
        if isinstance(k, Opaque):
            raise Stuck(f"dictionary with an unknown key: {k.reason}", k.line)
        if hashable(k) is None and k is not None:
            raise Stuck("dictionary with an unhashable key", node.lineno + inner.offset)
        out[k] = v

    return _comprehension(node, emit, dict, lambda fr, out: fr.interp.made(out))


@_for(ast.Yield)
def _yield(node: ast.Yield) -> Expr:
    value = compile_expr(node.value) if node.value is not None else None

    def run(fr: Frame) -> Value:
        items = fr.vars.get("%yields")
        if not isinstance(items, list):
            raise Stuck("yield outside a generator", node.lineno + fr.offset)
        fr.interp.cells(1)
        items.append(value(fr) if value is not None else None)
        _given_for_sure(fr, items, node.lineno)
        return None

    return run


def _given_for_sure(fr: Frame, items: list[Value], line: int) -> None:
    """What a generator gives under an unknown condition it may not give: then nothing is known of its items."""
    fresh = fr.interp.fresh
    if fresh and id(items) not in fresh[-1][1]:
        fr.ambiguous = fr.ambiguous or Opaque("given under an unknown condition", line + fr.offset)


@_for(ast.YieldFrom)
def _yield_from(node: ast.YieldFrom) -> Expr:
    value = compile_expr(node.value)

    def run(fr: Frame) -> Value:
        items = fr.vars.get("%yields")
        source = fr.interp.iterate(value(fr), node.lineno + fr.offset)
        if not isinstance(items, list) or isinstance(source, Opaque):
            raise Stuck("yield from something unknown", node.lineno + fr.offset)
        for x in source:
            fr.interp.cells(1)
            items.append(x)
        _given_for_sure(fr, items, node.lineno)
        return None

    return run
