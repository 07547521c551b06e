"""Arrays against numpy, decoding against sentencepiece."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.untrusted.intrinsics.tokenizers import decode_ids
from pgolf.untrusted.tensor import Tensor, cast_to, get, put

MODEL = Path(__file__).parents[2] / "examples" / "tokenizer.model"
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap_as_in_numpy(dtype: str) -> None:
    values = [-70_000, -129, -1, 0, 127, 128, 255, 256, 40_000, 2**31, 2**40 + 5]
    ours = cast_to(Tensor(list(values), (len(values),), "int64"), dtype)
    assert ours.data == np.array(values, dtype=np.int64).astype(dtype).tolist()


@pytest.mark.parametrize(
    "index", [slice(1, 3), slice(None, None, -1), (slice(None), 2), (1, slice(0, 4, 2)), (None, 0), (Ellipsis, -1), -1]
)  # fmt: skip
def test_indexing_gives_what_numpy_gives(index: object) -> None:
    ours = get(Tensor(list(range(12)), (3, 4), "int64"), index)
    theirs = np.arange(12).reshape(3, 4)[index]  # type: ignore[call-overload]
    assert (ours.shape, ours.data) == (theirs.shape, theirs.reshape(-1).tolist())


def test_storing_through_a_mask_gives_what_numpy_gives() -> None:
    theirs = np.arange(6, dtype=np.int8)
    mask = theirs % 2 == 0
    ours = Tensor(theirs.tolist(), (6,), "int8")
    theirs[mask] = 100
    put(ours, Tensor(mask.tolist(), (6,), "bool"), 100, 1)
    assert ours.data == theirs.tolist()


def test_decoding_gives_what_sentencepiece_gives() -> None:
    spm = pytest.importorskip("sentencepiece")
    theirs = spm.SentencePieceProcessor(model_file=str(MODEL))
    vocabulary = read_model_file(MODEL)
    draw = random.Random(5)
    for _ in range(300):
        ids = [draw.randrange(len(vocabulary)) for _ in range(1)]
        if vocabulary.pieces[ids[0]].text.startswith("▁"):
            continue  # depends on add_dummy_prefix, so the evaluator does not answer
        assert decode_ids(vocabulary, ids) == theirs.decode(ids), ids
