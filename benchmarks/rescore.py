"""The whole one-script tool, proof on all 8,192 tokens included, in units of F (see `benchmarks.counting`).

At most 15 F and 120 MB in its largest process, on a shard of 40,540,803 tokens.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from pathlib import Path

from benchmarks.counting import ROOT, VOCAB_SIZE, build_floor, measure_floor, report, run, write_shard
from pgolf.core.deviation import DeviationName
from tests.contest_script import script

TOOL = ROOT / "scripts" / "canonical_rescore.py"


def model_bytes() -> bytes:
    """A SentencePiece model of 8,192 pieces: special ones, 256 byte tokens, word-like pieces, most with a marker."""
    pieces = [("<pad>", 3), ("<s>", 3), ("</s>", 3), ("<unk>", 2)]
    pieces += [(f"<0x{byte:02X}>", 6) for byte in range(256)]
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    for index in range(VOCAB_SIZE - len(pieces)):
        word, rest = "", index + 1
        while rest:
            rest, letter = divmod(rest, 26)
            word += letters[letter]
        pieces.append((word if index % 3 == 0 else "\u2581" + word, 1))
    out = bytearray()
    for index, (text, kind) in enumerate(pieces):
        encoded = text.encode()
        score = struct.pack("<f", -float(index))
        body = b"\x0a" + bytes([len(encoded)]) + encoded + b"\x15" + score + b"\x18" + bytes([kind])
        out += b"\x0a" + bytes([len(body)]) + body
    return bytes(out)


def main() -> None:
    """Print the ratios of one run, for a canonical script and for one with four deviations."""
    with tempfile.TemporaryDirectory(prefix="pgolf-bench-") as name:
        folder = Path(name)
        program = build_floor(folder)
        if program is None:
            print("rescore: skipped, no C compiler for the floor F")  # noqa: T201
            return
        shard, model, source = folder / "val_000000.bin", folder / "bench.model", folder / "train_gpt.py"
        write_shard(shard)
        model.write_bytes(model_bytes())
        floor = measure_floor(program, shard)
        four = (
            DeviationName.LEADING_SPACE_PLUS_ONE, DeviationName.BYTE_TOKEN_WRONG_SIZE, DeviationName.MISSING_IS_UNUSED,
            DeviationName.BOUNDARY_BYTES_COUNTED,
        )  # fmt: skip
        for what, bugs in (("canonical", ()), ("four deviations", four)):
            source.write_text(script(*bugs))
            arguments = [
                "--train-script",
                source,
                "--tokenizer",
                model,
                "--val-data",
                shard,
                "--reported-bpb",
                "1.1",
            ]
            measured = run([sys.executable, str(TOOL), *map(str, arguments)], rounds=3)
            found = json.loads(measured.output)
            status, evidence = found["lut_status"], found["evidence"]
            report(
                f"one-script tool, {what} ({status}, {evidence})", measured, floor, "at most 15 F and 120 MB"
            )


if __name__ == "__main__":
    main()
