"""Scripts whose every formula of bits per byte divides by a constant, read off the code where no evaluation got there.

`bpb = total_loss / total_tokens / math.log(2) / 3.5` says all there is to say, also inside a training loop that an
evaluation does not follow to its end. The claim is made only when the whole of it is in the text: every value that is named
as bits per byte is a loss over a count of tokens, over ln 2, over one constant; sums and counts are traced to where they
are added up; and nothing in the script asks a tokenizer about its pieces or counts bytes of text. One formula of
another form, or one name that cannot be traced, and nothing is said.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pgolf.core.bpb import LN2
from pgolf.untrusted.source import Source, chunk_nodes, chunk_words

_BPB = re.compile(r"bpb|bits_per_byte", re.IGNORECASE)
_BYTES = re.compile(r"byte|utf|encode|char", re.IGNORECASE)
_LOSS = re.compile(r"loss|nll|entropy|(?:^|_)ce(?:$|_)|^vl$|^rl$|bits", re.IGNORECASE)
_COUNT = re.compile(
    r"^n$|^_?n_|num|count|tok|batch|seq|len|stride|window|ctx|chunk|step|world|rank|size|total|^[btsx]$|^[bt]sz$",
    re.IGNORECASE,
)
_ASKS = frozenset(
    {"is_byte", "IsByte", "id_to_piece", "IdToPiece", "decode_single_token_bytes", "base_bytes", "is_control", "IsControl",
     "decode_ids", "decode_single_token"}
)  # fmt: skip
_WRAPPERS = frozenset(
    {"float", "round", "abs", "item", "max", "clamp", "clamp_min", "double", "cpu", "detach", "tensor"}
)
_MAX_FORMULAS = 200
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class ConstantBytes:
    """Bytes per token that every formula divides by, and where the last of them stands."""

    bytes_per_token: float
    function: str
    line: int
    formulas: int


class _Untraceable(Exception):
    """A formula of another form, or one whose parts cannot be followed in the text."""


@dataclass(slots=True)
class _Scope:
    """One function (or the module), the scopes around it, and what its own statements bind."""

    name: str
    node: ast.AST | None
    offset: int
    parent: _Scope | None
    params: frozenset[str] = frozenset()
    bound: dict[str, list[tuple[str, ast.expr]]] = field(default_factory=dict)
    own: list[ast.AST] = field(default_factory=list)


def constant_bytes(sources: Iterable[Source]) -> ConstantBytes | None:
    """The one constant of all formulas of bits per byte in these sources, or None where that is not certain."""
    try:
        return _Reader(list(sources)).read()
    except (_Untraceable, RecursionError):
        return None


def vocabulary_sizes(sources: Iterable[Source]) -> set[int]:
    """Numbers that are bound to a name `…vocab_size…`, defaults of environment variables included."""
    found: set[int] = set()
    for source in sources:
        for chunk in source.chunks:
            for node in chunk_nodes(chunk) or ():
                for name, value in _named_values(node):
                    if "vocab_size" in name.lower():
                        number = _number(value)
                        if number is not None:
                            found.add(int(number))
    return found


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    for n in ast.walk(node):
        if isinstance(n, ast.Assign):
            for target in n.targets:
                if isinstance(target, (ast.Name, ast.Attribute)):
                    yield target.id if isinstance(target, ast.Name) else target.attr, n.value
        elif isinstance(n, ast.AnnAssign) and n.value is not None and isinstance(n.target, ast.Name):
            yield n.target.id, n.value
        elif isinstance(n, ast.keyword) and n.arg:
            yield n.arg, n.value
        elif isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)):
            args = [*n.args.posonlyargs, *n.args.args]
            for arg, default in zip(args[len(args) - len(n.args.defaults) :], n.args.defaults, strict=True):
                yield arg.arg, default


def _number(node: ast.expr) -> float | None:
    """A literal number, also as the default of an environment variable or wrapped in `float()` or `int()`."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return float(node.value)
        except ValueError:
            return None
    if isinstance(node, ast.Call):
        name = _called(node)
        if name in ("float", "int") and len(node.args) == 1:
            return _number(node.args[0])
        if name in ("get", "getenv") and len(node.args) == 2:
            return _number(node.args[1])
    return None


def _called(node: ast.Call) -> str:
    f = node.func
    return f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""


def _words(node: ast.AST) -> Iterator[str]:
    for n in ast.walk(node):
        if isinstance(n, ast.Name):
            yield n.id
        elif isinstance(n, ast.Attribute):
            yield n.attr
        elif isinstance(n, ast.Constant) and isinstance(n.value, str):
            yield n.value


class _Reader:
    def __init__(self, sources: list[Source]) -> None:
        self.scopes: list[_Scope] = []
        self.functions: dict[str, list[_Scope]] = {}
        self.constants: dict[str, list[ast.expr]] = {}
        for source in sources:
            if source.partial or (source.problem and not source.chunks):
                raise _Untraceable
            for chunk in source.chunks:
                if not _ASKS.isdisjoint(chunk_words(chunk)):
                    raise _Untraceable
            top = _Scope("", None, 0, None)
            self.scopes.append(top)
            for chunk in source.chunks:
                nodes = chunk_nodes(chunk)
                if nodes is None:
                    raise _Untraceable
                for node in nodes:
                    self._enter(node, top, chunk.first_line - 1)

    def _enter(self, node: ast.AST, scope: _Scope, offset: int) -> None:
        """Sort a statement's nodes into the scopes they belong to."""
        for name, value in _named_values(node) if scope.parent is None else ():
            self.constants.setdefault(name, []).append(value)
        pending: list[tuple[ast.AST, _Scope]] = [(node, scope)]
        while pending:
            n, at = pending.pop()
            if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)):
                a = n.args
                params = frozenset(x.arg for x in [*a.posonlyargs, *a.args, *a.kwonlyargs])
                inner = _Scope(n.name, n, offset, at, params)
                self.scopes.append(inner)
                self.functions.setdefault(n.name, []).append(inner)
                pending.extend((child, inner) for child in n.body)
                continue
            at.own.append(n)
            if isinstance(n, ast.Assign):
                for target in n.targets:
                    self._bind(at, target, n.value, "=")
            elif isinstance(n, (ast.AnnAssign, ast.NamedExpr)):
                if n.value is not None:
                    self._bind(at, n.target, n.value, "=")
            elif isinstance(n, ast.AugAssign):
                self._bind(at, n.target, n.value, type(n.op).__name__)
            elif isinstance(n, (ast.For, ast.AsyncFor)):
                self._bind(at, n.target, n.iter, "for")
            pending.extend((child, at) for child in ast.iter_child_nodes(n))

    def _bind(self, scope: _Scope, target: ast.expr, value: ast.expr, how: str) -> None:
        if isinstance(target, ast.Name):
            scope.bound.setdefault(target.id, []).append((how, value))
        elif isinstance(target, (ast.Tuple, ast.List)):
            same = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
            listed = (
                value.func.value
                if isinstance(value, ast.Call)
                and isinstance(value.func, ast.Attribute)
                and value.func.attr == "tolist"
                else None
            )
            for i, part in enumerate(target.elts):
                if isinstance(listed, ast.Name) and how == "=":
                    # `total, count = t.tolist()` are `t[0]` and `t[1]`.
                    self._bind(scope, part, ast.Subscript(listed, ast.Constant(i), ast.Load()), how)
                    continue
                if same and isinstance(value, (ast.Tuple, ast.List)):
                    self._bind(scope, part, value.elts[i], how)
                else:
                    self._bind(scope, part, value, "part" if how == "=" else how)

    # -- formulas --------------------------------------------------------------------------------------

    def read(self) -> ConstantBytes | None:
        found: list[tuple[float, str, int]] = []
        sites = 0
        for scope in self.scopes:
            for value in self._sites(scope):
                sites += 1
                if sites > _MAX_FORMULAS:
                    raise _Untraceable
                constant = self._constant_of(value, scope, 0)
                if constant is not None:
                    found.append((constant, scope.name, getattr(value, "lineno", 0) + scope.offset))
        if not found or any(not math.isclose(k, found[0][0], rel_tol=1e-9) for k, _, _ in found):
            return None
        constant, name, line = max(found, key=lambda item: item[2])
        return ConstantBytes(constant, name, line, len(found))

    def _sites(self, scope: _Scope) -> Iterator[ast.expr]:
        """Expressions whose value is named as bits per byte."""
        for name, values in scope.bound.items():
            if _BPB.search(name):
                yield from (value for how, value in values if how in ("=", "part"))
        for n in scope.own:
            if isinstance(n, ast.Return) and n.value is not None and _BPB.search(scope.name):
                parts = n.value.elts if isinstance(n.value, ast.Tuple) else [n.value]
                yield from (p for p in parts if _is_arithmetic(p))
            elif isinstance(n, ast.keyword) and n.arg and _BPB.search(n.arg):
                yield n.value
            elif isinstance(n, ast.Dict):
                for key, value in zip(n.keys, n.values, strict=True):
                    if (
                        isinstance(key, ast.Constant)
                        and isinstance(key.value, str)
                        and _BPB.search(key.value)
                    ):
                        yield value
            elif isinstance(n, ast.JoinedStr):
                before = ""
                for part in n.values:
                    if isinstance(part, ast.Constant):
                        before = str(part.value)[-24:]
                    elif isinstance(part, ast.FormattedValue):
                        if _BPB.search(before) and _is_arithmetic(part.value):
                            yield part.value
                        before = ""

    def _constant_of(self, value: ast.expr, scope: _Scope, depth: int) -> float | None:
        """The constant of one formula; None for a copy, a literal or a statistic of such values."""
        if depth > _MAX_DEPTH:
            raise _Untraceable
        value = _unwrapped(value)
        if _number(value) is not None or isinstance(value, (ast.Constant, ast.List, ast.Dict, ast.ListComp)):
            return None
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
            return None  # a stretch of something is no score
        if any(_BPB.search(w) for w in _words(value) if not w.isspace() and len(w) < 200):
            return None
        if isinstance(value, ast.IfExp):
            branches = [self._constant_of(v, scope, depth + 1) for v in (value.body, value.orelse)]
            known = {b for b in branches if b is not None}
            if len(known) > 1:
                raise _Untraceable
            return known.pop() if known else None
        if isinstance(value, ast.Call):
            return self._constant_of_call(value, depth)
        if not _is_arithmetic(value):
            raise _Untraceable
        return self._constant_of_product(value, scope, depth)

    def _constant_of_call(self, call: ast.Call, depth: int) -> float | None:
        name = _called(call)
        if name in ("get", "getenv", "loads", "load", "read_text"):
            return None
        functions = self.functions.get(name, [])
        if len(functions) != 1:
            raise _Untraceable
        inner = functions[0]
        if any(True for _ in self._sites(inner)):
            return None  # its own formulas are looked at where they stand
        constants = set()
        for n in inner.own:
            if isinstance(n, ast.Return) and n.value is not None:
                constants.add(self._constant_of(n.value, inner, depth + 1))
        constants.discard(None)
        if len(constants) != 1:
            raise _Untraceable
        return constants.pop()

    def _constant_of_product(self, value: ast.expr, scope: _Scope, depth: int) -> float | None:
        over: list[ast.expr] = []
        under: list[ast.expr] = []
        _factors(value, over, under)
        constant, bits = 1.0, False
        tops: list[ast.expr] = []
        bottoms: list[ast.expr] = []
        for parts, sign, rest in ((over, -1, tops), (under, 1, bottoms)):
            for part in parts:
                part = _unwrapped(part)
                if _is_ln2(part):
                    if sign < 0 or bits:
                        raise _Untraceable
                    bits = True
                elif _is_log2_e(part):
                    if sign > 0 or bits:
                        raise _Untraceable
                    bits = True
                elif (number := self._known(part, scope)) is not None:
                    constant *= number**sign
                elif isinstance(part, ast.Call) and _called(part) in ("log", "log2"):
                    return None  # the bits of a uniform guess: no loss in it
                else:
                    rest.append(part)
        if len(tops) != 1 or len(bottoms) > 1 or not math.isfinite(constant) or constant <= 0:
            raise _Untraceable
        if bottoms:
            self._is_count(bottoms[0], scope, depth + 1)
            bits = self._is_sum_of_losses(tops[0], scope, depth + 1) or bits
        else:
            bits = self._is_mean_loss(tops[0], scope, depth + 1) or bits
        if not bits:
            raise _Untraceable
        return constant

    # -- tracing ---------------------------------------------------------------------------------------

    def _known(self, node: ast.expr, scope: _Scope) -> float | None:
        """A number that is written in the text: literally, or under a name that is bound to nothing else."""
        number = (
            _number(node) if not isinstance(node, ast.Constant) or type(node.value) in (int, float) else None
        )
        if number is not None:
            return number
        if isinstance(node, ast.Name):
            at: _Scope | None = scope
            while at is not None:
                if node.id in at.bound:
                    values = at.bound[node.id]
                    return _number(values[0][1]) if len(values) == 1 and values[0][0] == "=" else None
                if node.id in at.params:
                    return None
                at = at.parent
            return None
        if isinstance(node, ast.Attribute) and re.search(r"byte", node.attr, re.IGNORECASE):
            numbers = {_number(value) for value in self.constants.get(node.attr, [])}
            return numbers.pop() if len(numbers) == 1 else None
        return None

    def _values(self, name: str, scope: _Scope) -> list[tuple[str, ast.expr]]:
        at: _Scope | None = scope
        while at is not None:
            if name in at.bound:
                return at.bound[name]
            if name in at.params:
                return []
            at = at.parent
        return []

    def _element(self, node: ast.Subscript, scope: _Scope) -> ast.expr:
        """`t[1]` of `t = torch.tensor([losses, tokens])`, as it is made for an all-reduce."""
        if isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
            values = self._values(node.value.id, scope)
            if len(values) == 1 and values[0][0] == "=" and isinstance(values[0][1], ast.Call):
                call = values[0][1]
                if _called(call) in ("tensor", "array") and call.args and isinstance(call.args[0], ast.List):
                    parts = call.args[0].elts
                    at = node.slice.value
                    if type(at) is int and 0 <= at < len(parts):
                        return parts[at]
        raise _Untraceable

    def _is_count(self, node: ast.expr, scope: _Scope, depth: int) -> None:
        """Raises unless an expression counts tokens, targets or batches."""
        if depth > _MAX_DEPTH:
            raise _Untraceable
        node = _unwrapped(node)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return
        if any(_BYTES.search(w) for w in _words(node)):
            raise _Untraceable
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Add, ast.Sub, ast.FloorDiv)):
            self._is_count(node.left, scope, depth)
            self._is_count(node.right, scope, depth)
            return
        if isinstance(node, ast.Call):
            if _called(node) in ("numel", "len", "size", "nelement") or _counts_a_mask(node):
                return
            if _called(node) in ("zeros", "min", "int") and node.args:
                for arg in node.args if _called(node) != "zeros" else []:
                    self._is_count(arg, scope, depth + 1)
                return
            raise _Untraceable
        if isinstance(node, ast.Subscript):
            if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
                return
            self._is_count(self._element(node, scope), scope, depth + 1)
            return
        if isinstance(node, ast.Attribute):
            if _COUNT.search(node.attr):
                return
            raise _Untraceable
        if isinstance(node, ast.Name):
            values = self._values(node.id, scope)
            if not values:
                if _COUNT.search(node.id):
                    return
                raise _Untraceable
            for how, value in values:
                if how not in ("=", "Add", "for"):
                    raise _Untraceable
                if how == "for":
                    continue
                if isinstance(_unwrapped(value), ast.Subscript):
                    element = self._element(_unwrapped(value), scope)  # type: ignore[arg-type]
                    if isinstance(_unwrapped(element), ast.Name) and _unwrapped(element).id == node.id:  # type: ignore[attr-defined]
                        continue
                if not any(isinstance(n, ast.Name) and n.id == node.id for n in ast.walk(value)):
                    self._is_count(value, scope, depth + 1)
            return
        raise _Untraceable

    def _is_sum_of_losses(self, node: ast.expr, scope: _Scope, depth: int) -> bool:
        """Whether an expression adds up bits (True) or nats (False) of targets; raises where it is neither."""
        node = _unwrapped(node)
        if isinstance(node, ast.Call) and _called(node) == "sum":
            whole = node.args[0] if isinstance(node.func, ast.Name) and len(node.args) == 1 else None
            node = node.func.value if isinstance(node.func, ast.Attribute) else whole or node
        if not isinstance(node, ast.Name) or depth > _MAX_DEPTH:
            raise _Untraceable
        added = False
        for how, value in self._values(node.id, scope):
            value = _unwrapped(value)
            if how == "=" and isinstance(value, ast.Subscript):
                element = _unwrapped(self._element(value, scope))
                if not (isinstance(element, ast.Name) and element.id == node.id):
                    self._is_sum_of_losses(element, scope, depth + 1)
                    added = True
                continue
            if how == "=" and (
                (isinstance(value, ast.Constant) and value.value in (0, 0.0))
                or isinstance(value, ast.List)
                or (isinstance(value, ast.Call) and _called(value) in ("zeros", "tensor"))
            ):
                continue
            if how not in ("=", "Add") or any(_BYTES.search(w) for w in _words(value)):
                raise _Untraceable
            if not any(_LOSS.search(w) for w in _words(value)):
                raise _Untraceable
            added = True
        added = added or self._appended(node.id, scope)
        if not added or not _LOSS.search(node.id):
            raise _Untraceable
        return "bits" in node.id.lower()

    def _appended(self, name: str, scope: _Scope) -> bool:
        """Whether losses are appended to a list of that name, and nothing else is."""
        calls = [
            n
            for n in scope.own
            if isinstance(n, ast.Call)
            and isinstance(n.func, ast.Attribute)
            and isinstance(n.func.value, ast.Name)
            and n.func.value.id == name
        ]
        return bool(calls) and all(
            _called(n) in ("append", "extend")
            and any(_LOSS.search(w) for a in n.args for w in _words(a))
            and not any(_BYTES.search(w) for a in n.args for w in _words(a))
            for n in calls
        )

    def _is_mean_loss(self, node: ast.expr, scope: _Scope, depth: int) -> bool:
        """Whether an expression is a mean of bits (True) or nats (False) per token; raises where it is neither."""
        if depth > _MAX_DEPTH:
            raise _Untraceable
        node = _unwrapped(node)
        if any(_BYTES.search(w) for w in _words(node)):
            raise _Untraceable
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            self._is_count(node.right, scope, depth + 1)
            return self._is_sum_of_losses(node.left, scope, depth + 1)
        if isinstance(node, ast.IfExp):
            if _number(node.orelse) is None:
                raise _Untraceable
            return self._is_mean_loss(node.body, scope, depth + 1)
        if isinstance(node, ast.Call):
            name = _called(node)
            if name == "mean" and any(_LOSS.search(w) for w in _words(node)):
                return False
            functions = self.functions.get(name, [])
            if len(functions) == 1:
                returned = [
                    n.value for n in functions[0].own if isinstance(n, ast.Return) and n.value is not None
                ]
                if not returned:
                    raise _Untraceable
                answers = {
                    self._is_mean_loss(r, functions[0], depth + 1) for r in returned if _number(r) is None
                }
                if len(answers) == 1:
                    return answers.pop()
            raise _Untraceable
        if not isinstance(node, ast.Name):
            raise _Untraceable
        values = self._values(node.id, scope)
        if not values:
            raise _Untraceable
        divided = any(how == "Div" for how, _ in values)
        bits = False
        for how, value in values:
            plain = _unwrapped(value)
            if _number(plain) is not None and how == "=":
                continue
            if how == "Div":
                self._is_count(value, scope, depth + 1)
            elif how == "Add" and divided:
                if not any(_LOSS.search(w) for w in _words(value)) or any(
                    _BYTES.search(w) for w in _words(value)
                ):
                    raise _Untraceable
            elif how == "part":
                # One of several results of a network: `_, loss = model(x, y)`.
                if not (
                    _LOSS.search(node.id)
                    and isinstance(value, ast.Call)
                    and _called(value) not in self.functions
                ):
                    raise _Untraceable
            elif how == "=" and isinstance(plain, ast.Call) and _is_mean_of_a_network(plain):
                continue
            elif how == "=":
                bits = self._is_mean_loss(plain, scope, depth + 1) or bits
            else:
                raise _Untraceable
        return bits


def _counts_a_mask(call: ast.Call) -> bool:
    """`(targets != pad).sum()`."""
    return (
        _called(call) in ("sum", "count_nonzero")
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Compare)
    )


def _is_mean_of_a_network(call: ast.Call) -> bool:
    """`F.cross_entropy(logits, y)` with the mean that is its default."""
    return _called(call) == "cross_entropy" and not any(k.arg == "reduction" for k in call.keywords)


def _is_arithmetic(node: ast.expr) -> bool:
    node = _unwrapped(node)
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Mult))


def _unwrapped(node: ast.expr) -> ast.expr:
    """Without `float(…)`, `round(…, 4)`, `max(…, 1)` and `….item()` around it."""
    while isinstance(node, ast.Call) and _called(node) in _WRAPPERS:
        if isinstance(node.func, ast.Attribute) and not (
            isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("torch", "np", "numpy", "math", "mx")
        ):
            node = node.func.value
        elif node.args and all(isinstance(a, ast.Constant) for a in node.args[1:]):
            node = node.args[0]
        else:
            break
    return node


def _factors(node: ast.expr, over: list[ast.expr], under: list[ast.expr]) -> None:
    node = _unwrapped(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        _factors(node.left, over, under)
        _factors(node.right, over, under)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        _factors(node.left, over, under)
        _factors(node.right, under, over)
    else:
        over.append(node)


def _is_ln2(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and _called(node) == "log" and len(node.args) == 1:
        return isinstance(node.args[0], ast.Constant) and node.args[0].value in (2, 2.0)
    if isinstance(node, ast.Constant) and type(node.value) is float:
        return math.isclose(node.value, LN2, abs_tol=2e-4)
    return isinstance(node, (ast.Name, ast.Attribute)) and (
        (node.id if isinstance(node, ast.Name) else node.attr).upper().strip("_")
        in ("LN2", "LN_2", "LOG2", "LOG_2")
    )


def _is_log2_e(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant) and type(node.value) is float:
        return math.isclose(node.value, 1 / LN2, abs_tol=2e-4)
    return isinstance(node, ast.Call) and _called(node) == "log2" and any(w == "e" for w in _words(node))
