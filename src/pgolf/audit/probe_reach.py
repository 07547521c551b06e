"""What a table builder depends on that probe vocabularies cannot show.

The probes hold every token class, but not every id, length or spelling: a builder that asks for id 700, for pieces of
13 characters or for `tion` could differ on real vocabularies only. Such a dependence is read off its code. It makes a
proof on probes impossible, never a proof on a given tokenizer, and accuses nobody.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from pgolf.core.tokenizer import MARKER
from pgolf.untrusted.syntax import parameters, walk
from pgolf.untrusted.values import MISSING, Function, Value

_SMALL = 3
_KNOWN_INTS = frozenset({6, 16, 255, 256})
"""A byte token has six characters, its digits are hexadecimal, and there are 256 of them."""
_KNOWN_TEXTS = frozenset(
    {
        "",
        " ",
        MARKER,
        "<",
        ">",
        "<0x",
        "</",
        "<s>",
        "</s>",
        "<unk>",
        "<pad>",
        "<mask>",
        "<bos>",
        "<eos>",
        "Ġ",
        "##",
        "_",
        "?",
    }
)
_TEXT_QUESTIONS = frozenset(
    {"startswith", "endswith", "removeprefix", "removesuffix", "replace", "find", "index", "rfind", "split", "get", "partition"}
)  # fmt: skip
_CHARACTER_QUESTIONS = frozenset(
    {
        "isupper", "islower", "isalpha", "isdigit", "isalnum", "isascii", "istitle", "isnumeric", "isdecimal", "isspace",
        "isidentifier", "isprintable", "count", "get_score", "GetScore", "fullmatch", "search", "match", "findall", "finditer",
        "hash", "ord", "crc32", "adler32", "md5", "sha1", "sha256", "getenv", "environ", "translate", "swapcase",
    }
)  # fmt: skip
_LONG_FUNCTION_LINES = 120
_TOKENIZER_WORDS = frozenset({"id_to_piece", "IdToPiece", "is_byte", "IsByte", "is_control", "IsControl"})


def beyond_probes(function: Function, settings: Mapping[str, Value] | None = None) -> tuple[int, str] | None:
    """(line, what the builder depends on), the first dependence that probe vocabularies cannot show; None if none.

    `settings` are parameters whose values were known texts or flags in the call: comparing one asks no tokenizer, and
    a branch that it does not take is never run.
    """
    return _of_function(function, set(), 0, settings or {})


def _of_function(
    function: Function, seen: set[int], depth: int, settings: Mapping[str, Value]
) -> tuple[int, str] | None:
    node = function.code.node
    if id(node) in seen or depth > 4:
        return None
    seen.add(id(node))
    offset: int = function.frame.offset
    fixed = _fixed(node, settings)
    exempt = _paddings(node)
    for part in _parts(node):
        for sub in _walk(part, fixed, exempt):
            said = "" if id(sub) in exempt else _question(sub)
            if said:
                return getattr(sub, "lineno", node.lineno) + offset, said
            if isinstance(sub, ast.Name) and isinstance(sub.ctx, ast.Load):
                held = _held(function, sub.id)
                if isinstance(held, Function):
                    found = _of_function(held, seen, depth + 1, {})
                    if found is not None:
                        return found
                elif _is_list_of_cases(held):
                    return sub.lineno + offset, f"{sub.id}, a collection of ids or spellings"
    return None


def _fixed(node: ast.AST, settings: Mapping[str, Value]) -> dict[str, Value]:
    """Settings that are bound nowhere else in the function."""
    bound = {n.id for n in walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    bound |= {n.arg for inner in walk(node) if inner is not node for n in parameters(inner)}
    bound |= {name for n in walk(node) if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}
    return {name: value for name, value in settings.items() if name not in bound}


def _walk(node: ast.AST, fixed: dict[str, Value], exempt: set[int]) -> Iterator[ast.AST]:
    """`ast.walk` without branches that a setting does not take; comparisons of settings go to `exempt`."""
    pending = [node]
    while pending:
        n = pending.pop()
        yield n
        truth = _truth(n.test, fixed) if isinstance(n, ast.If) else None
        if isinstance(n, ast.If) and truth is not None:
            exempt.update(id(inner) for inner in walk(n.test))
            pending.extend(n.body if truth else n.orelse)
        else:
            pending.extend(ast.iter_child_nodes(n))


def _truth(test: ast.expr, fixed: dict[str, Value]) -> bool | None:
    """What `setting`, `not setting`, `setting == "a"` or `setting in ("a", "b")` is; None for any other test."""
    if isinstance(test, ast.Name) and test.id in fixed:
        return bool(fixed[test.id])
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _truth(test.operand, fixed)
        return None if inner is None else not inner
    if not (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.left, ast.Name)
        and test.left.id in fixed
    ):
        return None
    value, right, op = fixed[test.left.id], test.comparators[0], test.ops[0]
    if isinstance(right, ast.Constant) and isinstance(op, (ast.Eq, ast.Is)):
        return bool(value == right.value)
    if isinstance(right, ast.Constant) and isinstance(op, (ast.NotEq, ast.IsNot)):
        return bool(value != right.value)
    if isinstance(right, (ast.Tuple, ast.Set, ast.List)) and all(
        isinstance(e, ast.Constant) for e in right.elts
    ):
        among = any(value == e.value for e in right.elts if isinstance(e, ast.Constant))
        return among if isinstance(op, ast.In) else not among if isinstance(op, ast.NotIn) else None
    return None


_MAKERS = frozenset({"zeros", "ones", "full", "empty"})


def _paddings(node: ast.AST) -> set[int]:
    """`size = max(a, b, 50257)` where the size does nothing but make arrays: padding that no stream can reach."""
    sizes: dict[str, list[ast.Call]] = {}
    for n in walk(node):
        if (
            isinstance(n, ast.Assign)
            and len(n.targets) == 1
            and isinstance(n.targets[0], ast.Name)
            and isinstance(n.value, ast.Call)
            and isinstance(n.value.func, ast.Name)
            and n.value.func.id == "max"
        ):
            sizes.setdefault(n.targets[0].id, []).append(n.value)
    if not sizes:
        return set()
    inside: set[int] = set()
    for n in walk(node):
        if (
            isinstance(n, ast.Call)
            and isinstance(n.func, ast.Attribute)
            and n.func.attr in _MAKERS
            and n.args
        ):
            first = n.args[0]
            parts = first.elts if isinstance(first, (ast.Tuple, ast.List)) else [first]
            inside.update(id(p) for p in parts)
    loads = [n for n in walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    bound = [n.id for n in walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return {
        id(calls[0])
        for name, calls in sizes.items()
        if bound.count(name) == 1 and all(id(n) in inside for n in loads if n.id == name)
    }


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The statements to look at: all of a builder, only the loops over pieces of a function that does much else."""
    body: list[ast.stmt] = node.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else []
    if not body:
        yield node
        return
    if (node.end_lineno or 0) - node.lineno <= _LONG_FUNCTION_LINES:  # type: ignore[attr-defined]
        yield from body
        return
    for sub in walk(node):
        if isinstance(sub, (ast.For, ast.While, ast.ListComp, ast.DictComp, ast.GeneratorExp)) and any(
            isinstance(n, ast.Attribute) and n.attr in _TOKENIZER_WORDS for n in walk(sub)
        ):
            yield sub


def _held(function: Function, name: str) -> Value:
    frame = function.frame
    while frame is not None:
        found = frame.vars.get(name, MISSING)
        if found is not MISSING:
            return found
        if frame.parent is None:
            return frame.module.lookup(name)
        frame = frame.parent
    return MISSING


def _is_list_of_cases(value: Value) -> bool:
    if not isinstance(value, (dict, set, frozenset, list, tuple)) or not value:
        return False
    return any(map(_tells, value))


def _tells(value: Value) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return abs(value) > _SMALL and value not in _KNOWN_INTS
    return isinstance(value, str) and value not in _KNOWN_TEXTS


def _literals(node: ast.AST) -> Iterator[ast.Constant]:
    """Literals that an operand is made of, those in calls and subscripts left out."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        for item in node.elts:
            yield from _literals(item)
    elif isinstance(node, ast.Dict):
        for key in node.keys:
            if key is not None:
                yield from _literals(key)
    elif isinstance(node, ast.BinOp):
        yield from _literals(node.left)
        yield from _literals(node.right)
    elif isinstance(node, ast.UnaryOp):
        yield from _literals(node.operand)


def _question(node: ast.AST) -> str:
    """What one node asks about ids, lengths or spellings, or ''."""
    asked: list[ast.AST] = []
    if isinstance(node, ast.Compare):
        asked = [node.left, *node.comparators]
    elif isinstance(node, ast.BinOp):
        if isinstance(node.op, (ast.Mod, ast.FloorDiv, ast.RShift)) and not isinstance(
            node.left, (ast.Constant, ast.JoinedStr)
        ):
            return f"{type(node.op).__name__} of a value"
        asked = [node]
    elif isinstance(node, ast.Slice):
        # `piece[3:5]` are the digits of a byte token.
        asked = [
            p
            for p in (node.lower, node.upper, node.step)
            if p is not None and not (isinstance(p, ast.Constant) and p.value == 5)
        ]
    elif isinstance(node, ast.Subscript) and isinstance(node.value, (ast.Dict, ast.List, ast.Tuple)):
        asked = [node.value]
    elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        asked = [node.slice]
    elif isinstance(node, ast.Dict):
        asked = [k for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, int)]
    elif isinstance(node, (ast.Set,)):
        asked = [node]
    elif isinstance(node, ast.MatchValue):
        asked = [node.value]
    elif isinstance(node, ast.Attribute) and node.attr in _CHARACTER_QUESTIONS:
        return f"{node.attr}"
    elif isinstance(node, ast.Call):
        name = (
            node.func.attr
            if isinstance(node.func, ast.Attribute)
            else node.func.id
            if isinstance(node.func, ast.Name)
            else ""
        )
        if name in _CHARACTER_QUESTIONS:
            return f"{name}()"
        if name in _TEXT_QUESTIONS:
            asked = list(node.args)
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Dict):
                asked += [k for k in node.func.value.keys if k is not None]
        elif name in ("range", "arange", "min", "max", "clip", "minimum", "maximum", "clamp"):
            asked = [*node.args, *(k.value for k in node.keywords)]
    for operand in asked:
        for literal in _literals(operand):
            if _tells(literal.value):
                return f"the literal {literal.value!r}"[:60]
    return ""
