"""Rebuild the example tokenizer and token shards: `python examples/build.py` (needs sentencepiece).

`documents.jsonl` (one JSON object per line, field `text`) is the twelve chapters of Lewis Carroll's "Alice's Adventures
in Wonderland" (1865, public domain) and five short notes of our own with characters that the vocabulary lacks. From it
come, deterministically,

- `tokenizer.model`: SentencePiece BPE, 1,024 pieces, byte fallback, no normalisation; then the last pieces of the
  vocabulary are retyped as unused, so that every kind of piece is there;
- `val/example_val_00000N.bin`: two shards, each document after a `<s>`.

`python examples/build.py --text alice29.txt` rebuilds `documents.jsonl` too, from the text as the Canterbury Corpus has
it (SHA-256 below; it is in the test data of brotli's source distribution).
"""

import argparse
import hashlib
import io
import json
import re
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ALICE_SHA256 = "7467306ee0feed4971260f3c87421154a05be571d944e9cb021a5713700c38f0"
VOCAB_SIZE = 1024
UNUSED = 6
NOTES = (
    "Prices in the café rose from 3.50 € to 4,20 € — a naïve reader might call it déjà vu.\nThe menu says: crème brûlée, "
    "smørrebrød, żurek, and señor Núñez's own jalapeño salsa.",
    "日本語の短い文です。东京和北京都很大。한국어 문장도 하나 있습니다.\nRabbits: 🐇 🐇🐇, a hat 🎩, a family 👨‍👩‍👧, a flag 🇮🇸.",
    "def bits_per_byte(nats, n_bytes):\n    return nats / (0.6931471805599453 * n_bytes)\n\n\nassert bits_per_byte(0.6931471805599453, 1) == 1.0",
    "Χαίρετε! Здравствуйте! שלום! नमस्ते!\nπ ≈ 3.14159; ∑ₖ 1/k² = π²/6; e\u0301 is two characters and é is one.",
    "What does the hatter ask?  \"Why is a raven like a writing-desk?\"\n\n\tNobody knows, and <s> is not a document here.",
)  # fmt: skip


def chapters(text: str) -> list[str]:
    """The chapters of alice29.txt, paragraphs on one line each, curly layout removed."""
    parts = re.split(r"\n +CHAPTER [IVXL]+\n", text.replace("\r\n", "\n").replace("\x1a", ""))[1:]
    out = []
    for part in parts:
        paragraphs = (" ".join(block.split()) for block in re.split(r"\n\s*\n", part))
        kept = [p for p in paragraphs if p and not set(p) <= {"*", " "}]
        out.append("\n".join(kept))
    return out


def retype_as_unused(model: bytes, count: int) -> bytes:
    """The model with its last `count` plain pieces of several characters typed UNUSED (5)."""
    pieces, position = [], 0
    while model[position] == 0x0A:  # field 1, length-delimited: a piece
        size = model[position + 1]
        assert size < 0x80, "pieces of this model are short"
        pieces.append(model[position : position + 2 + size])
        position += 2 + size
    left = count
    for index in reversed(range(len(pieces))):
        piece = pieces[index]
        text = piece[4 : 4 + piece[3]].decode()
        if left and len(piece) == 2 + 2 + piece[3] + 5 and len(text) > 2:
            pieces[index] = bytes([0x0A, piece[1] + 2]) + piece[2:] + b"\x18\x05"
            left -= 1
    assert left == 0
    return b"".join(pieces) + model[position:]


def train(texts: list[str]) -> bytes:
    import sentencepiece

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in texts[:12] for line in text.split("\n")]),
        model_writer=out, model_type="bpe", vocab_size=VOCAB_SIZE, byte_fallback=True, character_coverage=1.0,
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
        split_digits=True, pad_id=0, bos_id=1, eos_id=2, unk_id=3, user_defined_symbols=["▁▁", "▁▁▁▁", "——"],
        num_threads=1, minloglevel=2,
    )  # fmt: skip
    return retype_as_unused(out.getvalue(), UNUSED)


def shard(tokens: list[int]) -> bytes:
    header = struct.pack("<3i", 20240520, 1, len(tokens)).ljust(1024, b"\0")
    return header + struct.pack(f"<{len(tokens)}H", *tokens)


def build(texts: list[str]) -> dict[str, bytes]:
    """Every file this script makes from the documents, by its path below `examples/`."""
    import sentencepiece

    model = train(texts)
    encoder = sentencepiece.SentencePieceProcessor(model_proto=model)
    streams: list[list[int]] = [[], []]
    for index, text in enumerate(texts):
        streams[index * 2 // len(texts)] += [encoder.bos_id(), *encoder.encode(text)]
    files = {f"val/example_val_{i:06}.bin": shard(tokens) for i, tokens in enumerate(streams)}
    return {"tokenizer.model": model, **files}


def main() -> int:
    parser = argparse.ArgumentParser(description="Rebuild the example tokenizer and token shards.")
    parser.add_argument("--text", type=Path, help="alice29.txt: rebuild documents.jsonl from it first")
    args = parser.parse_args()
    documents = HERE / "documents.jsonl"
    if args.text:
        raw = args.text.read_bytes()
        if hashlib.sha256(raw).hexdigest() != ALICE_SHA256:
            print(f"{args.text}: not the alice29.txt of the Canterbury Corpus", file=sys.stderr)
            return 2
        texts = [*chapters(raw.decode("ascii")), *NOTES]
        documents.write_text("".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts), "utf-8")
    texts = [json.loads(line)["text"] for line in documents.read_text("utf-8").splitlines()]
    for name, content in build(texts).items():
        (HERE / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
