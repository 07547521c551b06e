"""Losses and outputs of a model, which are followed as linear forms over positions of the stream."""

from __future__ import annotations

from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.arrays import TENSOR_METHODS
from pgolf.untrusted.intrinsics.calls import Args, Kwargs
from pgolf.untrusted.intrinsics.indexing import index_select
from pgolf.untrusted.operators import mean_loss
from pgolf.untrusted.tensor import Tensor, total
from pgolf.untrusted.values import Intrinsic, Loss, ModelOutput, OfLosses, Opaque, Tok, Value, token_loss


def _one_hot(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    made = Opaque("one_hot()", line, "model")
    interp.observer.hinted(interp, made, args[0] if args else kwargs.get("tensor"), line)
    return made


def cross_entropy(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """Losses per token (or their mean or sum) of stream targets: linear forms over their positions."""
    targets = args[1] if len(args) > 1 else kwargs.get("target", kwargs.get("targets"))
    reduction = kwargs.get("reduction", "mean")
    if not isinstance(targets, Tensor) or not any(isinstance(x, Tok) for x in targets.data):
        return Opaque("cross-entropy of something that is no stream target", line, "model")
    interp.cells(len(targets.data))
    weight = args[2] if len(args) > 2 else kwargs.get("weight")
    smoothing = kwargs.get("label_smoothing", 0.0)
    if weight is not None or isinstance(smoothing, Opaque) or smoothing:
        return OfLosses(
            "cross-entropy with weights or label smoothing",
            line,
            frozenset(x.pos for x in targets.data if isinstance(x, Tok)),
        )
    ignored = kwargs.get("ignore_index", -100)
    if isinstance(ignored, Opaque) or (isinstance(ignored, int) and 0 <= ignored < 1 << 31):
        return OfLosses(
            "cross-entropy that leaves a token out",
            line,
            frozenset(x.pos for x in targets.data if isinstance(x, Tok)),
        )
    late = interp.observer.graded(interp, targets)
    # Padding of a batch is no stream token; its loss is unknown and must not be counted.
    nll: list[Value] = [
        token_loss(x.pos, 1.0, late)
        if isinstance(x, Tok)
        else 0.0
        if x == ignored
        else Opaque("loss of padding", line, "model")
        for x in targets.data
    ]
    if reduction == "none":
        return Tensor(nll, targets.shape, "float32")
    counted = [x for x in nll if not isinstance(x, float)]
    summed = total(counted)
    if reduction == "sum":
        return Tensor([summed], (), "float32")
    if reduction != "mean" or not isinstance(summed, Loss):
        return Opaque("cross-entropy with an unknown reduction", line, "model")
    return Tensor([summed.scaled(1.0 / len(counted))], (), "float32")


def _embedding(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    index, table = args[0], args[1] if len(args) > 1 else kwargs.get("weight")
    if isinstance(table, Tensor) and isinstance(index, Tensor):
        return (
            index_select(interp, table, [0, index], {}, line)
            if len(table.shape) == 1
            else Opaque("embedding", line, "model")
        )
    return Opaque("embedding", line, "model")


def functional_calls() -> dict[str, Intrinsic]:
    return {
        "cross_entropy": Intrinsic("cross_entropy", cross_entropy),
        "embedding": Intrinsic("embedding", _embedding),
        "one_hot": Intrinsic("one_hot", _one_hot),
    }


def parameter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A parameter shares its memory with the array that it is made of; of other arrays than byte tables it is unknown."""
    value = args[0] if args else kwargs.get("data")
    if isinstance(value, Tensor) and interp.tables.holds(value):
        interp.tables.registered.append(value)
        return value
    return Opaque("torch.nn.Parameter", line, "model")


def model_output_method(
    interp: Interp, output: ModelOutput, name: str, args: Args, kwargs: Kwargs, line: int
) -> Value:
    """`model(x, y).name(…)`: a scalar loss stays one; anything else is the model's business."""
    if name == "backward":
        interp.observer.differentiated(interp, output, line)
        return None
    if name in (
        "detach",
        "item",
        "float",
        "double",
        "cpu",
        "to",
        "clone",
        "mean",
        "contiguous",
        "cuda",
        "numpy",
        "type",
        "astype",
    ):
        return output
    if name in ("reshape", "view", "flatten", "squeeze", "sum", "gather", "unsqueeze", "log_softmax"):
        targets = output.targets
        if (
            name == "gather"
            and len(args) > 1
            and isinstance(args[1], Tensor)
            and args[1].data
            and all(isinstance(x, Tok) for x in args[1].data)
        ):
            return Tensor(
                [token_loss(x.pos, -1.0, output.late) for x in args[1].data], args[1].shape, "float32"
            )
        if (
            isinstance(targets, Tensor)
            and name in ("reshape", "view", "flatten", "sum")
            and output_is_per_token(output)
        ):
            nll = Tensor(
                [token_loss(x.pos, 1.0, output.late) for x in targets.data], targets.shape, "float32"
            )
            return TENSOR_METHODS[name](interp, nll, args, kwargs, line)
    return Opaque(f"{name}() of the model's output", line, "model")


def output_is_per_token(output: ModelOutput) -> bool:
    """Whether the call asked for one loss per token (`reduction="none"`)."""
    return output.per_token and mean_loss(output) is not None
