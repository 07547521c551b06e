"""`match`: patterns and the names they bind."""

from __future__ import annotations

import ast
from collections.abc import Callable

from pgolf.untrusted import operators
from pgolf.untrusted.blocks import builds
from pgolf.untrusted.changes import left_out_names, note_left_out
from pgolf.untrusted.interp import NORMAL, Frame, Stmt, compile_block, compile_expr, store_name
from pgolf.untrusted.objects import get_attribute, is_set_late
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import MISSING, ClassValue, NativeClass, Opaque, Stuck, Value

# ---------------------------------------------------------------------------------------------------------
# match


@builds(ast.Match)
def _match(node: ast.Match) -> Stmt:
    subject = compile_expr(node.subject)
    cases = [
        (_pattern(c.pattern), compile_expr(c.guard) if c.guard is not None else None, compile_block(c.body))
        for c in node.cases
    ]
    line = node.lineno

    def run(fr: Frame) -> int:
        value = subject(fr)
        if fr.interp.tables.arrays:
            # Which case is taken may hang on the vocabulary; what the others change is noted as left out.
            note_left_out(fr, left_out_names([s for c in node.cases for s in c.body]), line + fr.offset)
        for test, guard, body in cases:
            matched = test(fr, value)
            if isinstance(matched, Opaque):
                raise Stuck(f"match on something unknown: {matched.reason}", line + fr.offset)
            if not matched:
                continue
            if guard is not None:
                truth = fr.interp.truth(guard(fr), line + fr.offset)
                if isinstance(truth, Opaque):
                    raise Stuck(f"match guard is unknown: {truth.reason}", line + fr.offset)
                if not truth:
                    continue
            return body(fr)
        return NORMAL

    return run


Test = Callable[[Frame, Value], Value]


def _pattern(node: ast.pattern) -> Test:
    line = node.lineno if hasattr(node, "lineno") else 0
    if isinstance(node, ast.MatchValue):
        value = compile_expr(node.value)
        return lambda fr, v: operators.compare(fr.interp, "Eq", v, value(fr), line + fr.offset)
    if isinstance(node, ast.MatchSingleton):
        single = node.value
        return lambda fr, v: v if isinstance(v, Opaque) else v is single
    if isinstance(node, ast.MatchAs):
        inner = _pattern(node.pattern) if node.pattern is not None else None
        name = node.name

        def match_as(fr: Frame, v: Value) -> Value:
            matched = True if inner is None else inner(fr, v)
            if matched is True and name is not None:
                store_name(fr, name, v)
            return matched

        return match_as
    if isinstance(node, ast.MatchOr):
        options = [_pattern(p) for p in node.patterns]

        def match_or(fr: Frame, v: Value) -> Value:
            for option in options:
                matched = option(fr, v)
                if isinstance(matched, Opaque) or matched:
                    return matched
            return False

        return match_or
    if isinstance(node, ast.MatchSequence):
        return _sequence_pattern(node, line)
    if isinstance(node, ast.MatchMapping):
        return _mapping_pattern(node)
    assert isinstance(node, ast.MatchClass)  # noqa: S101 - the only kind of pattern that is left
    return _class_pattern(node)


def _all_match(fr: Frame, parts: list[tuple[Test, Value]]) -> Value:
    for part, x in parts:
        matched = part(fr, x)
        if isinstance(matched, Opaque) or not matched:
            return matched
    return True


def _sequence_pattern(node: ast.MatchSequence, line: int) -> Test:
    star = next((i for i, p in enumerate(node.patterns) if isinstance(p, ast.MatchStar)), None)
    rest = node.patterns[star].name if star is not None else None  # type: ignore[attr-defined]
    parts = [_pattern(p) for p in node.patterns if not isinstance(p, ast.MatchStar)]

    def match_sequence(fr: Frame, v: Value) -> Value:
        if isinstance(v, (Opaque, Tensor)):
            return v if isinstance(v, Opaque) else Opaque("an array matched with a sequence", line)
        if (
            not isinstance(v, (list, tuple, range))
            or len(v) < len(parts)
            or (star is None and len(v) > len(parts))
        ):
            return False
        items = list(v)
        if star is not None:
            end = len(items) - (len(parts) - star)
            middle, items = items[star:end], [*items[:star], *items[end:]]
        matched = _all_match(fr, list(zip(parts, items, strict=True)))
        if matched is True and rest is not None:
            store_name(fr, rest, fr.interp.made(middle))
        return matched

    return match_sequence


def _mapping_pattern(node: ast.MatchMapping) -> Test:
    keys, parts, rest = [compile_expr(k) for k in node.keys], [_pattern(p) for p in node.patterns], node.rest

    def match_mapping(fr: Frame, v: Value) -> Value:
        if isinstance(v, Opaque):
            return v
        if not isinstance(v, dict):
            return False
        if any(isinstance(k, Opaque) for k in v):
            return Opaque("a dictionary with unknown keys, matched", node.lineno + fr.offset)
        wanted = [key(fr) for key in keys]
        if any(k not in v for k in wanted):
            return False
        matched = _all_match(fr, [(part, v[k]) for part, k in zip(parts, wanted, strict=True)])
        if matched is True and rest is not None:
            store_name(fr, rest, fr.interp.made({k: x for k, x in v.items() if k not in wanted}))
        return matched

    return match_mapping


_WHOLE = frozenset(
    {"bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"}
)
"""Types whose one positional pattern is matched with the value itself."""


def _class_pattern(node: ast.MatchClass) -> Test:
    cls, positional = compile_expr(node.cls), [_pattern(p) for p in node.patterns]
    named = list(zip(node.kwd_attrs, (_pattern(p) for p in node.kwd_patterns), strict=True))

    def match_class(fr: Frame, v: Value) -> Value:
        from pgolf.untrusted.intrinsics.builtin import is_instance

        at = node.lineno + fr.offset
        kind = cls(fr)
        if not isinstance(kind, (ClassValue, NativeClass)):
            raise Stuck("a pattern of a class that is not known", at)
        same = is_instance(fr.interp, [v, kind], {}, at)
        if same is not True:
            return same
        parts = []
        if isinstance(kind, NativeClass) and kind.name in _WHOLE and len(positional) == 1:
            parts.append((positional[0], v))
        elif positional:
            names = kind.lookup("__match_args__") if isinstance(kind, ClassValue) else MISSING
            fields = kind.lookup("%fields") if isinstance(kind, ClassValue) else MISSING
            if names is MISSING and fields is not MISSING:
                names = tuple(name for name, default in fields if not is_set_late(default))
            if not isinstance(names, tuple) or len(names) < len(positional):
                raise operators.raise_in_script("TypeError", "too many positional patterns", at)
            parts += [
                (p, get_attribute(fr.interp, v, n, at)) for p, n in zip(positional, names, strict=False)
            ]
        for name, part in named:
            found = get_attribute(fr.interp, v, name, at, missing_ok=True)
            if found is MISSING:
                return False
            parts.append((part, found))
        return _all_match(fr, parts)

    return match_class
