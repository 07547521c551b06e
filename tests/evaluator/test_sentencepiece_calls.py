"""The methods of a SentencePiece processor, in both spellings, with good and odd arguments: what the real library gives for
our example model, or "not known"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pgolf.core.tokenizer import Vocabulary
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.untrusted.interp import Observer
from pgolf.untrusted.limits import Limits
from pgolf.untrusted.program import run_program
from pgolf.untrusted.script import MappedSiblings, Script
from tests.evaluator.differential import cases, guarded, verdict

spm = pytest.importorskip("sentencepiece")
MODEL = Path(__file__).parents[2] / "examples" / "tokenizer.model"
_BEFORE = f"import sentencepiece as spm\nimport numpy as np\nsp = spm.SentencePieceProcessor(model_file={str(MODEL)!r})\n"
_CALLS = cases(
    """
sp.vocab_size()  sp.get_piece_size()  sp.piece_size()  len(sp)  sp.GetPieceSize()  sp.VocabSize()  sp.unk_id()  sp.bos_id()
sp.eos_id()  sp.pad_id()  sp.id_to_piece(0)  sp.id_to_piece(300)  sp.IdToPiece(5)  sp.id_to_piece([3, 4])  sp.id_to_piece(id=7)
sp.id_to_piece(-1)  sp.id_to_piece(10**6)  sp.id_to_piece('a')  sp.id_to_piece(1.5)  sp.id_to_piece([])  sp.id_to_piece((3, 9))
sp.id_to_piece(range(2))  sp.piece_to_id('a')  sp.piece_to_id('no such piece')  sp.PieceToId('▁the')  sp.piece_to_id(['a', 'b'])
sp.piece_to_id(b'a')  sp.piece_to_id('')  sp.piece_to_id(sp.id_to_piece(40))  sp.is_control(0)  sp.is_control(1)  sp.is_unknown(0)
sp.IsUnknown(2)  sp.is_byte(4)  sp.IsByte(300)  sp.is_unused(3)  sp.IsUnused(400)  sp.is_control(-1)  sp.is_byte(10**6)
sp.is_control('x')  sp.is_byte(id=5)  sp.get_score(300)  sp.GetScore(40)  sp.get_score(-5)  sp.decode([300])  sp.decode(300)
sp.decode([])  sp.Decode([301, 302])  sp.decode_ids([303])  sp.DecodeIds([304])  sp.decode([[300], [301]])  sp.decode([1, 300, 2])
sp.decode([10**6])  sp.decode([0])  sp.decode([0, 300])  sp.decode(['a'])  sp.decode([70, 71])  sp.decode([200, 300])
sp.encode('a')  sp.EncodeAsIds('a')  sp.encode_as_pieces('a')  sp.nope()  hasattr(sp, 'is_byte')
[sp.is_byte(i) for i in range(12)]  [sp.id_to_piece(i) for i in range(0, 400, 37)]  [sp.get_score(i) for i in range(0, 400, 61)]
sp.IdToPiece(int(np.int64(7)))  sp.id_to_piece(True)  isinstance(sp, spm.SentencePieceProcessor)  bool(sp)  sp == sp
spm.SentencePieceProcessor.id_to_piece(sp, 9)  sp.is_byte()
"""
)


def evaluated_with(vocabulary: Vocabulary, source: str) -> Any:
    script = Script("program.py", source.encode(), MappedSiblings({}))
    ran, stuck = run_program(script, source.encode(), vocabulary, Limits(), Observer, lambda program: None)
    assert not stuck
    assert ran.main is not None
    return ran.main.lookup("result")


def test_a_method_gives_what_sentencepiece_gives() -> None:
    source = guarded(_BEFORE, [f"result = {call}" for call in _CALLS])
    scope: dict[str, Any] = {}
    exec(compile(source, "ours", "exec", dont_inherit=True), scope)
    ours = evaluated_with(read_model_file(MODEL), source)
    said = {call: verdict(mine, real) for call, mine, real in zip(_CALLS, ours, scope["result"], strict=True)}
    wrong = {call: text for call, text in said.items() if text not in ("same", "unknown")}
    assert wrong == {}
    assert list(said.values()).count("same") > 0.6 * len(_CALLS)


def test_a_subclass_and_a_patched_method_are_followed() -> None:
    source = (
        "import sentencepiece as spm\n"
        "class Own(spm.SentencePieceProcessor):\n    def twice(self):\n        return 2 * self.vocab_size()\n"
        "own = Own()\nown.load('x.model')\n"
        "before = own.vocab_size()\n"
        "spm.SentencePieceProcessor.vocab_size = lambda self: 5\n"
        "sp = spm.SentencePieceProcessor()\n"
        "result = (own.twice(), before, sp.vocab_size())\n"
    )
    vocabulary = read_model_file(MODEL)
    value = evaluated_with(vocabulary, source)
    assert value == (10, len(vocabulary), 5)
