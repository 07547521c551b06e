"""What the methods of a script's own models return where an evaluation takes it for the cross-entropy of its targets.

An eval loop that calls `model(x, y)` is followed with the loss of each target as an unknown number. Whether the model
returns just those numbers is a question of its own: each such method is evaluated once, with weights and logits unknown, and
what it returns must be the mean of the losses of its targets, or each of them.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pgolf.errors import LimitTripped
from pgolf.untrusted.interp import Code, Interp
from pgolf.untrusted.operators import mean_loss
from pgolf.untrusted.program import Program
from pgolf.untrusted.syntax import walk
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    BoundMethod,
    ClassValue,
    Function,
    Instance,
    KnownTruth,
    Loss,
    ModelOutput,
    OfLosses,
    Opaque,
    ScriptRaise,
    Stuck,
    Tok,
    Value,
)

_CLASS = re.compile(r"(?:class|call of) (\w{1,200})$")
"""How an unknown value says that it is an object of a class of the script."""
_FORMS_LOSSES = re.compile(r"cross_?entropy|log_?softmax|logsumexp|nll", re.IGNORECASE)
_STEPS = 300_000
MOST_CONSTRUCTIONS = 8
"""Objects of one class of which it is kept what they were made with."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call whose result was taken for losses: what was called, by which method, with what, at which line."""

    reason: str
    method: str
    args: tuple[Value, ...]
    kwargs: dict[str, Value]
    targets: Tensor
    per_token: bool
    line: int


@dataclass(frozen=True, slots=True)
class Returned:
    """What a method was found to return: `proved`, or why not; `wrong` where it surely is another number."""

    proved: bool
    why: str = ""
    wrong: bool = False


Construction = tuple[tuple[Value, ...], dict[str, Value]]
"""Positional and named arguments that an object was made with."""


def judge_model_call(
    program: Program,
    call: ModelCall,
    constructions: Mapping[str, Sequence[Construction]],
    training_too: bool = False,
) -> Returned:
    """Evaluate the method behind a call, in every class that it may belong to.

    First with nothing known of the object; where its settings matter, with objects made as the script makes them. With
    `training_too` it must return no other number in training mode either.
    """
    call = _without_padding(call)
    found = False
    for cls in _classes(program, call):
        method = cls.lookup(call.method or "forward")
        if not isinstance(method, Function) or not _takes(cls, method, call):
            continue
        found = True
        for training in (False, True) if training_too else (False,):
            returned = _returned(program.interp, cls, method, call, constructions.get(cls.name, ()), training)
            if training and not returned.wrong:
                continue
            if not returned.proved:
                mode = " in training mode, which the evaluation does not leave" if training else ""
                return Returned(False, f"{cls.name}.{method.name}(){mode}: {returned.why}", returned.wrong)
    if not found:
        return Returned(False, f"the model called at line {call.line} is not known: {call.reason}")
    return Returned(True)


def _takes(cls: ClassValue, method: Function, call: ModelCall) -> bool:
    """Whether a method can be called with these arguments at all: the run that is audited did not end in a TypeError."""
    code: Code = method.code
    if code.vararg is not None or code.kwarg is not None or code.node.decorator_list:
        return True
    if not call.method and cls.lookup("__call__") is not MISSING:
        return True
    given = 1 + len(call.args)
    named = set(call.kwargs)
    if given > len(code.params) or not named <= {*code.params[max(given, code.posonly) :], *code.kwonly}:
        return False
    required = code.params[given : len(code.params) - len(method.defaults)]
    return named.issuperset(required) and named.issuperset(set(code.kwonly) - method.kw_defaults.keys())


def _returned(
    interp: Interp,
    cls: ClassValue,
    method: Function,
    call: ModelCall,
    constructions: Sequence[Construction],
    training: bool,
) -> Returned:
    returned = _judge(_evaluate(interp, Instance(cls), method, call, training), call)
    if returned.proved:
        return returned
    if len(constructions) > MOST_CONSTRUCTIONS:
        return Returned(False, "its object is made in more places than are kept")
    for args, kwargs in constructions:
        made = _made(interp, cls, args, kwargs, call.line)
        returned = _judge(_evaluate(interp, made, method, call, training), call)
        if not returned.proved:
            break
    return returned


def leaves_training_mode(node: ast.AST) -> bool:
    """Whether code calls `….eval()` or `….train(False)`."""
    return any(
        isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and (
            (n.func.attr == "eval" and not n.args)
            or (
                n.func.attr == "train"
                and any(isinstance(a, ast.Constant) and a.value is False for a in n.args)
            )
        )
        for n in walk(node)
    )


def _classes(program: Program, call: ModelCall) -> Iterator[ClassValue]:
    named = _CLASS.match(call.reason)
    for source in program.sources:
        for chunk in source.chunks:
            if chunk.kind != "class" or not chunk.name:
                continue
            if chunk.name != named[1] if named else not _FORMS_LOSSES.search(chunk.text):
                continue
            cls = program.defined_class(chunk)
            if cls is not None:
                yield cls


def _without_padding(call: ModelCall) -> ModelCall:
    """The same call with a token at each place, so that no loss is that of a place which the evaluation leaves out."""
    n = len(call.targets.data)
    targets = Tensor([Tok.at(3 + i % 200, i + 1) for i in range(n)], call.targets.shape, call.targets.dtype)

    def filled(value: Value) -> Value:
        if value is call.targets:
            return targets
        if type(value) is Tensor and len(value.data) == n and any(type(x) is Tok for x in value.data):
            return Tensor([Tok.at(3 + i % 199, i) for i in range(n)], value.shape, value.dtype)
        return value

    args = tuple(filled(v) for v in call.args)
    kwargs = {name: filled(v) for name, v in call.kwargs.items()}
    return ModelCall(call.reason, call.method, args, kwargs, targets, call.per_token, call.line)


def _made(
    interp: Interp, cls: ClassValue, args: Sequence[Value], kwargs: Mapping[str, Value], line: int
) -> Instance:
    """An object of the class, made as the script makes it, as far as that can be followed."""
    _refill(interp)
    try:
        made = interp.call(cls, list(args), dict(kwargs), line)
    except (Stuck, ScriptRaise, LimitTripped):
        made = None
    return made if isinstance(made, Instance) else Instance(cls)


def _refill(interp: Interp) -> None:
    interp.steps_left, interp.cells_left = _STEPS, max(interp.cells_left, _STEPS)


def _evaluate(interp: Interp, model: Instance, method: Function, call: ModelCall, training: bool) -> Value:
    """What the method returns, the model's arrays unknown."""
    model.attributes["training"] = training
    _refill(interp)
    args = [_true_if_object(v) for v in call.args]
    kwargs = {name: _true_if_object(v) for name, v in call.kwargs.items()}
    interp.any_shape = True
    try:
        return interp.call(BoundMethod(method, model), args, kwargs, call.line)
    except (Stuck, ScriptRaise, LimitTripped) as stopped:
        return Opaque(str(stopped), call.line)
    finally:
        interp.any_shape = False


def _true_if_object(value: Value) -> Value:
    """An object of a class of the script counts as true."""
    return KnownTruth(value, True) if type(value) is Opaque and _CLASS.match(value.reason) else value


def _judge(value: Value, call: ModelCall) -> Returned:
    answers = [_judge_one(x, call) for x in (value if isinstance(value, (tuple, list)) else (value,))]
    wrong = next((a for a in answers if a.wrong), None)
    if wrong is not None:
        return wrong
    return next(
        (a for a in answers if a.proved), answers[0] if answers else Returned(False, "returns nothing")
    )


def _judge_one(value: Value, call: ModelCall) -> Returned:
    if isinstance(value, ModelOutput):
        return (
            Returned(True)
            if value.targets is call.targets
            else Returned(False, "passes on another model's output")
        )
    losses = value.data if isinstance(value, Tensor) else [value]
    if any(isinstance(x, OfLosses) for x in losses):
        unsure = next(x for x in losses if isinstance(x, OfLosses))
        return Returned(False, f"returns no plain loss: {unsure.reason}", True)
    if not losses or not all(isinstance(x, Loss) for x in losses):
        unknown = next((x for x in losses if isinstance(x, Opaque)), None)
        return Returned(False, f"its loss is not followed: {unknown.reason if unknown else 'no losses'}")
    if len(losses) == 1:
        wanted = mean_loss(ModelOutput(call.targets))
        if wanted is not None and not call.per_token and _same(losses[0].weights, wanted.weights):
            return Returned(True)
        return Returned(False, "returns a sum of its losses with other weights than a mean's", True)
    positions = [x.pos if isinstance(x, Tok) else -1 for x in call.targets.data]
    each = [{p: 1.0} for p in positions]
    if len(losses) == len(each) and all(_same(x.weights, w) for x, w in zip(losses, each, strict=True)):
        return Returned(True)
    return Returned(False, "returns losses per token with other weights or in another order", True)


def _same(a: dict[int, float], b: dict[int, float]) -> bool:
    return a.keys() == b.keys() and all(math.isclose(w, b[p], rel_tol=1e-9) for p, w in a.items())
