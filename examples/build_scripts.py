"""Write every example script from `scripts/canonical.py`: `python examples/build_scripts.py` (standard library only).

Each variant is the canonical script with a few lines replaced, so that what differs is exactly what its name says.
"""

import base64
import lzma
import zlib
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / "scripts"

SIZE = 'base_bytes[token_id] = len(piece.encode("utf-8"))'
BYTE_BRANCH = """        if sp.is_byte(token_id):
            base_bytes[token_id] = 1
            continue
"""
SKIPPED = "if sp.is_control(token_id) or sp.is_unknown(token_id) or sp.is_unused(token_id):"
GATED = "(has_leading_space_lut[tgt] & ~is_boundary_lut[prev])"
SPACE = f"            tb += {GATED}.to(torch.float64)\n"
RETURN = "    return (\n        torch.tensor(base_bytes"
STARTS = "range(0, total, args.stride) if ws"
PLUS_ONE = f"{SIZE} + int(has_leading_space[token_id])"

# One deviation of the table each: (name, lines replaced).
TABLES = {
    "leading_space_plus_one": [(SIZE, PLUS_ONE)],
    "byte_token_wrong_size": [(BYTE_BRANCH, "")],
    "missing_is_unused": [(" or sp.is_unused(token_id)", "")],
    "boundary_bytes_counted": [
        ("            continue\n        is_boundary", "            base_bytes[token_id] = len(sp.id_to_piece(token_id))\n            continue\n        is_boundary")
    ],
    "marker_not_recognised": [('startswith("\\u2581")', 'startswith("?")')],
    "counts_characters": [('len(piece.encode("utf-8"))', "len(piece)")],
    "strips_every_marker": [("piece = piece[1:]", 'piece = piece.lstrip("\\u2581")')],
    "boundary_mask_wrong": [("is_boundary[token_id] = False", "is_boundary[token_id] = token_id % 2 == 0")],
    "space_flag_wrong": [("has_leading_space[token_id] = True", "has_leading_space[token_id] = len(piece) > 2")],
    "table_rescaled": [(RETURN, "    base_bytes = base_bytes * 2\n" + RETURN)],
    # The builder that #1734 and its kin share: +1, no byte branch, unused pieces not skipped, `<s>` counted.
    "like_1734": [
        (SIZE, PLUS_ONE),
        (BYTE_BRANCH, ""),
        (f"        {SKIPPED}\n            continue\n        is_boundary[token_id] = False\n",
         "        is_boundary[token_id] = sp.is_control(token_id) or sp.is_unknown(token_id)\n"),
    ],
}

# The tables are canonical, the evaluation is not.
LOOPS = {
    "space_twice": [(SPACE, SPACE + SPACE)],
    "gate_forgotten": [(GATED, "has_leading_space_lut[tgt]")],
    "indices_swapped": [(GATED, "(has_leading_space_lut[prev] & ~is_boundary_lut[tgt])")],
    "bytes_rescaled": [("byte_count += tb.sum()", "byte_count += 1.02 * tb.sum()")],
    "part_of_the_stream": [
        ('    model_dim = ', '    val_max_tokens = int(os.environ.get("VAL_MAX_TOKENS", "40"))\n    model_dim = '),
        ("val_tokens = load_validation_tokens(args.val_files)", "val_tokens = load_validation_tokens(args.val_files)[: args.val_max_tokens]"),
    ],
}


def changed(source: str, changes: list[tuple[str, str]]) -> str:
    """`source` with each text replaced; every one must be there."""
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


def packed_lzma_b85(source: str) -> str:
    payload = base64.b85encode(lzma.compress(source.encode(), format=lzma.FORMAT_ALONE)).decode()
    return f'import lzma as L,base64 as B\nexec(L.decompress(B.b85decode("{payload}")))\n'


def packed_zlib_b64(source: str) -> str:
    payload = base64.b64encode(zlib.compress(source.encode(), 9)).decode()
    parts = "\n".join(f'    "{payload[i : i + 96]}"' for i in range(0, len(payload), 96))
    return f'import base64\nimport zlib\n\nPAYLOAD = (\n{parts}\n)\nexec(compile(zlib.decompress(base64.b64decode(PAYLOAD)), "train_gpt.py", "exec"))\n'


def builder_of(source: str) -> str:
    """The text of the table builder."""
    return source[source.index("def build_sentencepiece_luts") : source.index("def load_data_shard")]


def hostile(source: str) -> dict[str, str]:
    """Scripts that would hurt whoever ran or imported them, or that show a good builder and use another."""
    builder = builder_of(source)
    wrong = changed(builder, TABLES["leading_space_plus_one"])
    entry = 'if __name__ == "__main__":'
    return {
        "infinite_loop": changed(source, [("def build_sentencepiece_luts", "while True:\n    pass\n\n\ndef build_sentencepiece_luts")]),
        "recursion_bomb": changed(source, [("    sp_vocab_size = int(", "    build_sentencepiece_luts(sp, vocab_size, device)\n    sp_vocab_size = int(")]),
        "side_effect": changed(source, [("import sentencepiece as spm\n", 'import sentencepiece as spm\n\nPath("CANARY").write_text("this script was run")\nos.system("touch CANARY")\n')]),
        "decoy_in_a_string": changed(source, [(builder, f"GOOD = '''\n{builder.rstrip()}\n'''\n\n\n{wrong}")]),
        "shadowed_builder": changed(source, [(entry, f"{wrong}{entry}")]),
    }


def byte_level(source: str) -> str:
    """No tokenizer and no table: a token is a byte, so bits per token are bits per byte."""
    tables = source[source.index("            tgt, prev = ") : source.index("    val_loss = (loss_sum")]
    final = source[source.index("    bits_per_token =") : source.index("def main")]
    return changed(
        source.replace(builder_of(source), ""),
        [
            ("import sentencepiece as spm\n", ""),
            ('    tokenizer_path = os.environ.get("TOKENIZER_PATH", "data/tokenizer.model")\n', ""),
            ('"VOCAB_SIZE", "1024"', '"VOCAB_SIZE", "256"'),
            (tables, ""),
            ("    byte_count = torch.zeros((), dtype=torch.float64, device=device)\n", ""),
            (", base_bytes_lut, has_leading_space_lut, is_boundary_lut):", "):"),
            (final, "    return val_loss, val_loss / math.log(2.0)  # one token is one byte\n\n\n"),
            ("    sp = spm.SentencePieceProcessor(model_file=args.tokenizer_path)\n", ""),
            ("    if int(sp.vocab_size()) != args.vocab_size:\n", ""),
            ('        raise ValueError(f"VOCAB_SIZE={args.vocab_size} does not match the tokenizer")\n', ""),
            ("    luts = build_sentencepiece_luts(sp, args.vocab_size, device)\n", ""),
            (", val_tokens, *luts)", ", val_tokens)"),
        ],
    )


def build(source: str) -> dict[str, str]:
    """Every script but the canonical one, by its path below `examples/scripts/`."""
    wrong = changed(source, TABLES["leading_space_plus_one"])
    files = {("" if name == "like_1734" else "table_") + f"{name}.py": changed(source, changes) for name, changes in TABLES.items()}
    files |= {f"loop_{name}.py": changed(source, changes) for name, changes in LOOPS.items()}
    files |= {f"hostile_{name}.py": text for name, text in hostile(source).items()}
    return files | {
        "packed_canonical_lzma_b85.py": packed_lzma_b85(source),
        "packed_plus_one_zlib_b64.py": packed_zlib_b64(wrong),
        "packed_plus_one_two_layers.py": packed_lzma_b85(packed_zlib_b64(wrong)),
        "byte_level.py": byte_level(source),
        "launcher.py": 'import os\nimport subprocess\nimport sys\n\nos.environ.setdefault("VOCAB_SIZE", "1024")\nsubprocess.run([sys.executable, "launched/train_gpt.py"], check=True)\n',
        "launched/train_gpt.py": wrong,
    }


def main() -> None:
    for name, text in build((SCRIPTS / "canonical.py").read_text("utf-8")).items():
        path = SCRIPTS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        print(name)


if __name__ == "__main__":
    main()
