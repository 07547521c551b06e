"""torch, which is not installed where the tests run: what its documentation says each call gives, worked out by hand.

Shape, element type and elements of arrays are written as `T[shape] type [elements]`.
"""

from __future__ import annotations

from typing import Any

import pytest

from pgolf.untrusted.tensor import Tensor
from tests.evaluator.test_against_cpython import evaluated

_BEFORE = """import torch
import torch.nn.functional as F
a = torch.tensor([3, -1, 2])
f = torch.tensor([0.5, -1.5, 2.0])
t = torch.arange(6).reshape(2, 3)
m = torch.tensor([True, False, True])
b = torch.zeros(3, dtype=torch.int16)
"""
_BY_HAND = """
a.max() => T[] int64 [3]
a.min().item() => -1
t.max(dim=1)[0] => T[2] int64 [2, 5]
t.amax(dim=0) => T[3] int64 [3, 4, 5]
t.sum(dim=1) => T[2] int64 [3, 12]
t.sum(0) => T[3] int64 [3, 5, 7]
t.sum() => T[] int64 [15]
f.mean() => T[] float32 [0.3333333432674408]
a.float().mean() => T[] float32 [1.3333333730697632]
a.mean() => 'raises'
a.sort()[0] => T[3] int64 [-1, 2, 3]
a.sort(descending=True)[0] => T[3] int64 [3, 2, -1]
torch.sort(a)[0] => T[3] int64 [-1, 2, 3]
torch.argsort(a) => T[3] int64 [1, 2, 0]
a.clamp(0, 2) => T[3] int64 [2, 0, 2]
a.clamp(min=0) => T[3] int64 [3, 0, 2]
a.clamp_min(0) => T[3] int64 [3, 0, 2]
a.clamp_max(1) => T[3] int64 [1, -1, 1]
torch.clamp(f, 0) => T[3] float32 [0.5, 0.0, 2.0]
a.long().dtype => int64
f.int() => T[3] int32 [0, -1, 2]
f.half().dtype => float16
a.to(torch.float32) => T[3] float32 [3.0, -1.0, 2.0]
a.to(f) => T[3] float32 [3.0, -1.0, 2.0]
a.to('cpu') => T[3] int64 [3, -1, 2]
a.type(torch.uint8) => T[3] uint8 [3, 255, 2]
a.type_as(f).dtype => float32
a.bool() => T[3] bool [True, True, True]
a.view(3, 1) => T[3, 1] int64 [3, -1, 2]
t.view(-1) => T[6] int64 [0, 1, 2, 3, 4, 5]
t.t() => T[3, 2] int64 [0, 3, 1, 4, 2, 5]
t.T => T[3, 2] int64 [0, 3, 1, 4, 2, 5]
t.transpose(0, 1) => T[3, 2] int64 [0, 3, 1, 4, 2, 5]
t.permute(1, 0) => T[3, 2] int64 [0, 3, 1, 4, 2, 5]
t.unsqueeze(0).shape => tuple(1, 2, 3)
t.unsqueeze(-1).shape => tuple(2, 3, 1)
a.unsqueeze(0).expand(2, 3) => T[2, 3] int64 [3, -1, 2, 3, -1, 2]
a.repeat(2) => T[6] int64 [3, -1, 2, 3, -1, 2]
a.repeat(2, 1) => T[2, 3] int64 [3, -1, 2, 3, -1, 2]
t.flatten() => T[6] int64 [0, 1, 2, 3, 4, 5]
t.squeeze() => T[2, 3] int64 [0, 1, 2, 3, 4, 5]
torch.zeros(1, 3).squeeze(0) => T[3] float32 [0.0, 0.0, 0.0]
torch.zeros(2, 3).squeeze(0).shape => tuple(2, 3)
a.index_select(0, torch.tensor([2, 0])) => T[2] int64 [2, 3]
torch.index_select(a, 0, torch.tensor([1])) => T[1] int64 [-1]
torch.gather(t, 1, torch.tensor([[0], [2]])) => T[2, 1] int64 [0, 5]
t.gather(0, torch.tensor([[1, 0, 1]])) => T[1, 3] int64 [3, 1, 5]
torch.take(t, torch.tensor([0, 5])) => T[2] int64 [0, 5]
a.masked_fill(m, 0) => T[3] int64 [0, -1, 0]
a.masked_select(m) => T[2] int64 [3, 2]
torch.masked_select(a, m) => T[2] int64 [3, 2]
a.nonzero() => T[3, 1] int64 [0, 1, 2]
m.nonzero(as_tuple=True) => tuple(T[2] int64 [0, 2])
torch.nonzero(m).squeeze() => T[2] int64 [0, 2]
torch.where(m, a, 0) => T[3] int64 [3, 0, 2]
torch.where(m, 1.0, 0.0) => T[3] float32 [1.0, 0.0, 1.0]
torch.cat([a, b]) => T[6] int64 [3, -1, 2, 0, 0, 0]
torch.cat([t, t], dim=1) => T[2, 6] int64 [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]
torch.stack([a, a]) => T[2, 3] int64 [3, -1, 2, 3, -1, 2]
torch.stack([a, a], dim=1) => T[3, 2] int64 [3, 3, -1, -1, 2, 2]
a.cumsum(0) => T[3] int64 [3, 2, 4]
a.unique() => T[3] int64 [-1, 2, 3]
a.any() => T[] bool [True]
m.all() => T[] bool [False]
m.any(dim=0) => T[] bool [True]
t.all(dim=1) => T[2] bool [False, True]
a.eq(3) => T[3] bool [True, False, False]
a.ne(3) => T[3] bool [False, True, True]
a.gt(0) => T[3] bool [True, False, True]
a.le(2) => T[3] bool [False, True, True]
a.add(1) => T[3] int64 [4, 0, 3]
a.sub(a) => T[3] int64 [0, 0, 0]
a.mul(2) => T[3] int64 [6, -2, 4]
a.div(2) => T[3] float32 [1.5, -0.5, 1.0]
a // 2 => T[3] int64 [1, -1, 1]
f // 1 => T[3] float32 [0.0, -2.0, 2.0]
a % 2 => T[3] int64 [1, 1, 0]
-a => T[3] int64 [-3, 1, -2]
~m => T[3] bool [False, True, False]
m & m => T[3] bool [True, False, True]
m | ~m => T[3] bool [True, True, True]
m.logical_not() => T[3] bool [False, True, False]
m.logical_and(~m) => T[3] bool [False, False, False]
a.abs() => T[3] int64 [3, 1, 2]
f.round() => T[3] float32 [0.0, -2.0, 2.0]
f.exp() => T[3] float32 [1.6487212181091309, 0.22313016653060913, 7.389056205749512]
f.neg() => T[3] float32 [-0.5, 1.5, -2.0]
a.split(2) => tuple(T[2] int64 [3, -1], T[1] int64 [2])
a.chunk(2) => tuple(T[2] int64 [3, -1], T[1] int64 [2])
a.narrow(0, 1, 2) => T[2] int64 [-1, 2]
a.dot(a) => T[] int64 [14]
f.dot(f) => T[] float32 [6.5]
a.numel() => 3
t.size() => tuple(2, 3)
t.size(1) => 3
t.size(5) => 'raises'
t.dim() => 2
t.ndim => 2
a.element_size() => 8
a.is_floating_point() => False
a.new_zeros(2) => T[2] int64 [0, 0]
a.new_ones(2, dtype=torch.bool) => T[2] bool [True, True]
torch.full((2,), 7) => T[2] int64 [7, 7]
torch.full((2,), 1.5) => T[2] float32 [1.5, 1.5]
torch.zeros(2, 2, dtype=torch.bool) => T[2, 2] bool [False, False, False, False]
torch.ones_like(a) => T[3] int64 [1, 1, 1]
torch.full_like(a, 5) => T[3] int64 [5, 5, 5]
torch.arange(0, 6, 2) => T[3] int64 [0, 2, 4]
torch.arange(3, dtype=torch.float32) => T[3] float32 [0.0, 1.0, 2.0]
torch.equal(a, a) => True
torch.isin(a, torch.tensor([3])) => T[3] bool [True, False, False]
torch.bincount(torch.tensor([0, 2])) => T[3] int64 [1, 0, 1]
torch.minimum(a, a) => T[3] int64 [3, -1, 2]
torch.maximum(a, -a) => T[3] int64 [3, 1, 2]
torch.tensor(3).item() => 3
a.item() => 'raises'
a[0].item() => 3
a.tolist() => list(3, -1, 2)
t.tolist() => list(list(0, 1, 2), list(3, 4, 5))
a.numpy() => T[3] int64 [3, -1, 2]
torch.from_numpy(a.numpy()) => T[3] int64 [3, -1, 2]
torch.iinfo(torch.int16).max => 32767
torch.LongTensor([1]) => T[1] int64 [1]
torch.IntTensor([1]).dtype => int32
torch.FloatTensor([1]) => T[1] float32 [1.0]
torch.BoolTensor([1]) => T[1] bool [True]
torch.scalar_tensor(3) => T[] float32 [3.0]
torch.is_tensor(a) => True
torch.is_tensor(3) => False
a.astype('int8') => 'raises'
a.copy() => 'raises'
F.embedding(torch.tensor([1]), a) => T[1] int64 [-1]
torch.add(a, 1) => T[3] int64 [4, 0, 3]
torch.logical_xor(m, m) => T[3] bool [False, False, False]
torch.bitwise_not(m) => T[3] bool [False, True, False]
torch.floor(f) => T[3] float32 [0.0, -2.0, 2.0]
torch.ceil(f) => T[3] float32 [1.0, -1.0, 2.0]
torch.sqrt(torch.tensor([4.0])) => T[1] float32 [2.0]
torch.log2(torch.tensor([8])) => T[1] float32 [3.0]
torch.numel(a) => 3
torch.sum(t, dim=1) => T[2] int64 [3, 12]
torch.mean(f) => T[] float32 [0.3333333432674408]
torch.flatten(t) => T[6] int64 [0, 1, 2, 3, 4, 5]
torch.transpose(t, 0, 1) => T[3, 2] int64 [0, 3, 1, 4, 2, 5]
torch.unsqueeze(a, 0) => T[1, 3] int64 [3, -1, 2]
torch.squeeze(t) => T[2, 3] int64 [0, 1, 2, 3, 4, 5]
torch.count_nonzero(a) => T[] int64 [3]
a.scatter_(0, torch.tensor([1]), 7) => T[3] int64 [3, 7, 2]
a.scatter_add_(0, torch.tensor([1, 1]), torch.tensor([5, 6])) => T[3] int64 [3, 10, 2]
a.index_add_(0, torch.tensor([1, 1]), torch.tensor([5, 6])) => T[3] int64 [3, 10, 2]
a.fill_(3) => T[3] int64 [3, 3, 3]
a.zero_() => T[3] int64 [0, 0, 0]
a.copy_(torch.tensor([7, 8, 9])) => T[3] int64 [7, 8, 9]
a.add_(1) => T[3] int64 [4, 0, 3]
a.mul_(2) => T[3] int64 [6, -2, 4]
a.sub_(1) => T[3] int64 [2, -2, 1]
f.div_(2) => T[3] float32 [0.25, -0.75, 1.0]
a.add_(1, alpha=3) => T[3] int64 [6, 2, 5]
a.masked_fill_(m, 9) => T[3] int64 [9, -1, 9]
a.as_strided((2, 2), (1, 1)) => T[2, 2] int64 [3, -1, -1, 2]
a.nbytes => 24
a.itemsize => 8
a.sort(stable=True)[1] => T[3] int64 [1, 2, 0]
torch.stack([a, b]).dtype => int64
(a + f).dtype => float32
(b + 1).dtype => int16
(b + 1.5).dtype => float32
(m + m).dtype => bool
m.sum() => T[] int64 [2]
(a / 2).dtype => float32
b.sum().dtype => int64
torch.tensor([1.5]).dtype => float32
torch.tensor([True]).dtype => bool
torch.as_tensor([1, 2]).dtype => int64
torch.tensor([[1, 2], [3, 4]]).sum(dim=(0, 1)) => T[] int64 [10]
"""
_CASES = dict(line.split(" => ", 1) for line in _BY_HAND.strip().splitlines())


def written(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"T{list(value.shape)} {value.dtype} {value.data}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(map(written, value))})"
    return repr(value)


@pytest.mark.parametrize("call", _CASES)
def test_a_call_gives_what_torch_documents(call: str) -> None:
    body = f"try:\n    result = {call}\nexcept Exception:\n    result = 'raises'\n"
    value, stuck = evaluated(_BEFORE + body)
    assert not stuck
    assert written(value) == _CASES[call]


_UNKNOWN = [
    "t.cumsum(dim=0)", "F.one_hot(a)", "torch.unbind(t)", "torch.randn(2)", "torch.nn.Parameter(a)", "a.storage()", "a.data_ptr()",
    "a.device", "a.grad", "t.max(dim=1)[1]", "a.view(torch.uint8)", "torch.argsort(torch.tensor([1, 1]))[0]",
]  # fmt: skip


@pytest.mark.parametrize("call", _UNKNOWN)
def test_what_is_not_followed_is_not_known(call: str) -> None:
    value, _ = evaluated(f"{_BEFORE}result = {call}\n")
    known = value.data if isinstance(value, Tensor) else [value]
    assert not any(isinstance(x, (int, float, str)) for x in known)
