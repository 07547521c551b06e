"""The audit of one script, on scripts of our own."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import ByteSource, EvalStatus, LutStatus
from pgolf.untrusted.script import MappedSiblings, Script

REFERENCE = """
import glob, math, os
from pathlib import Path
import numpy as np
import sentencepiece as spm
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn


class Hyperparameters:
    val_files = os.environ.get("VAL_FILES", "data/fineweb_val_*.bin")
    tokenizer_path = os.environ.get("TOKENIZER_PATH", "data/tok.model")
    vocab_size = int(os.environ.get("VOCAB_SIZE", "1024"))
    train_seq_len = int(os.environ.get("TRAIN_SEQ_LEN", "1024"))
    eval_stride = int(os.environ.get("EVAL_STRIDE", "64"))


def build_luts(sp, vocab_size, device):
    n = int(sp.vocab_size())
    size = max(n, vocab_size)
    base = np.zeros((size,), dtype=np.int16)
    space = np.zeros((size,), dtype=np.bool_)
    boundary = np.ones((size,), dtype=np.bool_)
    for i in range(n):
        if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
            continue
        boundary[i] = False
        if sp.is_byte(i):
            base[i] = 1
            continue
        piece = sp.id_to_piece(i)
        if piece.startswith("\\u2581"):
            space[i] = True
            piece = piece[1:]
        base[i] = len(piece.encode("utf-8"))
    return (
        torch.tensor(base, dtype=torch.int16, device=device),
        torch.tensor(space, dtype=torch.bool, device=device),
        torch.tensor(boundary, dtype=torch.bool, device=device),
    )


def load_shard(file):
    header = np.fromfile(file, dtype="<i4", count=256)
    if int(header[0]) != 20240520:
        raise ValueError("bad magic")
    tokens = np.fromfile(file, dtype="<u2", count=int(header[2]), offset=1024)
    return torch.from_numpy(tokens.astype(np.uint16, copy=False))


def load_validation_tokens(pattern, seq_len):
    files = [Path(p) for p in sorted(glob.glob(pattern))]
    if not files:
        raise FileNotFoundError(pattern)
    tokens = torch.cat([load_shard(f) for f in files]).contiguous()
    usable = ((tokens.numel() - 1) // seq_len) * seq_len
    return tokens[: usable + 1]


class GPT(nn.Module):
    def forward(self, x, y):
        return F.cross_entropy(self.head(x), y)


def evaluate(args, model, val_tokens, base_lut, space_lut, boundary_lut):
    seq_len = args.train_seq_len
    loss_sum = torch.zeros((), dtype=torch.float64)
    tokens = torch.zeros((), dtype=torch.float64)
    byte_count = torch.zeros((), dtype=torch.float64)
    with torch.inference_mode():
        for start in range(0, val_tokens.numel() - 1, seq_len):
            local = val_tokens[start : start + seq_len + 1].to(torch.int64)
            x, y = local[:-1], local[1:]
            loss = model(x, y).detach()
            loss_sum += loss.to(torch.float64) * float(y.numel())
            tokens += float(y.numel())
            b = base_lut[y].to(torch.int16)
            b += (space_lut[y] & ~boundary_lut[x]).to(torch.int16)
            byte_count += b.to(torch.float64).sum()
    val_loss = loss_sum / tokens
    return float(val_loss.item()), float(val_loss.item() / math.log(2.0) * tokens.item() / byte_count.item())


def main():
    args = Hyperparameters()
    sp = spm.SentencePieceProcessor(model_file=args.tokenizer_path)
    if int(sp.vocab_size()) != args.vocab_size:
        raise ValueError("vocab")
    luts = build_luts(sp, args.vocab_size, "cuda")
    val_tokens = load_validation_tokens(args.val_files, args.train_seq_len)
    model = torch.compile(GPT())
    val_loss, val_bpb = evaluate(args, model, val_tokens, *luts)
    print(f"val_loss:{val_loss:.4f} val_bpb:{val_bpb:.4f}")


if __name__ == "__main__":
    main()
"""


def audit(source: str, **files: str) -> ScriptAudit:
    siblings = MappedSiblings({k.replace("__", "."): v.encode() for k, v in files.items()})
    return audit_script(Script("train_gpt.py", textwrap.dedent(source).encode(), siblings))


def changed(old: str, new: str) -> str:
    assert old in REFERENCE
    return REFERENCE.replace(old, new)


def test_the_reference_is_proved_correct_and_canonical() -> None:
    result = audit(REFERENCE)
    assert result.lut_status is LutStatus.CORRECT, result.reason
    assert result.byte_source is ByteSource.TABLE
    assert result.eval_status is EvalStatus.CANONICAL, result.eval_reason
    assert result.builder == "build_luts"


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ('base[i] = len(piece.encode("utf-8"))', 'base[i] = len(piece.encode("utf-8")) + int(space[i])', "leading_space_plus_one"),
        ("if sp.is_byte(i):", "if False:", "byte_token_wrong_size"),
        (" or sp.is_unused(i)", "", "missing_is_unused"),
        ("if sp.is_control(i) or ", "if ", "boundary_bytes_counted"),
        ('startswith("\\u2581")', 'startswith("?")', "marker_not_recognised"),
        ('len(piece.encode("utf-8"))', "len(piece)", "counts_characters"),
        ("piece = piece[1:]", 'piece = piece.lstrip("\\u2581")', "strips_every_marker"),
        ("boundary[i] = False", "boundary[i] = i == 5", "boundary_mask_wrong"),
        ("space[i] = True", "space[i] = len(piece) > 2", "space_flag_wrong"),
        ("return (", "base = base * 2\n    return (", "table_rescaled"),
    ],
)  # fmt: skip
def test_each_deviation_is_proved_by_name(old: str, new: str, name: str) -> None:
    result = audit(changed(old, new))
    assert result.lut_status is LutStatus.BUGGY, (result.lut_status, result.reason)
    assert name in [d.name.value for d in result.deviations]


@pytest.mark.parametrize(
    ("old", "new", "needle"),
    [
        ("(space_lut[y] & ~boundary_lut[x])", "space_lut[y]", "after a boundary"),
        ("            b += (space_lut[y] & ~boundary_lut[x]).to(torch.int16)\n", "", "not added"),
        ("(space_lut[y] & ~boundary_lut[x])", "(space_lut[x] & ~boundary_lut[y])", "counts"),
        ("byte_count += b", "byte_count += 1.02 * b", "x1.02"),
    ],
)
def test_a_wrong_eval_loop_deviates(old: str, new: str, needle: str) -> None:
    result = audit(changed(old, new))
    assert result.lut_status is LutStatus.CORRECT, result.reason
    assert result.eval_status is EvalStatus.DEVIATES, result.eval_reason
    assert needle in result.eval_reason


def test_part_of_the_stream_is_not_canonical() -> None:
    result = audit(changed("val_tokens.numel() - 1, seq_len)", "(val_tokens.numel() - 1) // 2, seq_len)"))
    assert result.eval_status is not EvalStatus.CANONICAL


def test_a_patch_between_builder_and_loop_counts() -> None:
    result = audit(
        changed("    val_tokens = load", "    luts[0][40:] += 1\n    luts[0][7] = 9\n    val_tokens = load")
    )
    assert result.lut_status is not LutStatus.CORRECT


def test_a_patched_tokenizer_class_counts() -> None:
    patch = "spm.SentencePieceProcessor.is_byte = lambda self, i: False\n\n\ndef build_luts"
    result = audit(changed("def build_luts", patch))
    assert result.lut_status is LutStatus.BUGGY
    assert "byte_token_wrong_size" in [d.name.value for d in result.deviations]


def test_the_last_definition_wins() -> None:
    decoy = REFERENCE.replace('len(piece.encode("utf-8"))', "len(piece) + 7", 1)
    start, end = REFERENCE.index("def build_luts"), REFERENCE.index("def load_shard")
    good_after = decoy.replace("def load_shard", REFERENCE[start:end] + "def load_shard", 1)
    assert audit(good_after).lut_status is LutStatus.CORRECT


def test_a_decoy_in_a_string_decides_nothing() -> None:
    start, end = REFERENCE.index("def build_luts"), REFERENCE.index("def load_shard")
    good = REFERENCE[start:end].replace('"""', "'''")
    bad = REFERENCE[:start] + REFERENCE[start:end].replace("+= ", "+= ").replace(
        'len(piece.encode("utf-8"))', "3 * len(piece)"
    )
    source = bad + 'DECOY = """\n' + good + '"""\n' + REFERENCE[end:]
    assert audit(source).lut_status is LutStatus.BUGGY


def test_tables_of_a_sibling_module_are_followed() -> None:
    start, end = REFERENCE.index("def build_luts"), REFERENCE.index("def load_shard")
    lib = "import numpy as np\nimport torch\n\n" + REFERENCE[start:end]
    main = REFERENCE[:start] + "from lib import build_luts\n\n\n" + REFERENCE[end:]
    assert audit(main, lib__py=lib).lut_status is LutStatus.CORRECT


def test_a_launcher_is_followed_to_what_it_starts() -> None:
    launcher = 'import subprocess, sys\nsubprocess.run([sys.executable, "real.py"], check=True)\n'
    assert audit(launcher, real__py=REFERENCE).lut_status is LutStatus.CORRECT
    alone = audit(launcher)
    assert alone.lut_status is LutStatus.UNKNOWN
    assert "real.py" in alone.reason


def test_a_shard_that_is_mapped_into_memory_is_read_like_another() -> None:
    old = '    tokens = np.fromfile(file, dtype="<u2", count=int(header[2]), offset=256 * 4)\n'
    mapped = '    tokens = np.memmap(file, mode="r", dtype=np.dtype("<u2"), offset=1024, shape=(int(header[2]),), order="C")\n'
    source = (Path(__file__).parents[2] / "examples" / "scripts" / "canonical.py").read_text(encoding="utf-8")
    assert source.count(old) == 1
    result = audit(source.replace(old, mapped))
    assert (result.lut_status, result.eval_status) == (LutStatus.CORRECT, EvalStatus.CANONICAL)


def test_nothing_at_all_is_unknown_with_a_reason() -> None:
    result = audit("print('hello')\n")
    assert result.lut_status is LutStatus.UNKNOWN
    assert result.reason


def test_a_scaled_training_loss_is_no_constant_bytes_per_token() -> None:
    # 2026-11-22: a script whose table could not be reached was said to divide by a constant, because its
    # gradient-accumulated training loss was taken for bits per byte.
    source = REFERENCE.replace("luts = build_luts(sp", "luts = unknown_package_call(sp").replace(
        "val_loss, val_bpb = evaluate(args, model, val_tokens, *luts)",
        "x, y = val_tokens[:-1], val_tokens[1:]\n    loss = model(x, y) / 3.1\n    print(f'train_loss:{loss:.4f}')\n    return loss",
    )
    result = audit(source)
    assert result.byte_source is not ByteSource.CONSTANT


def test_a_constant_bytes_per_token_is_said_to_be_one() -> None:
    loop = REFERENCE[
        REFERENCE.index("            b = base_lut[y]") : REFERENCE.index("    val_loss = loss_sum")
    ]
    source = REFERENCE.replace(loop, "            byte_count += 2.4359 * y.numel()\n").replace(
        "val_loss:{val_loss:.4f} val_bpb", "val_loss:{val_loss:.4f} val_bpb"
    )
    source = source.replace('luts = build_luts(sp, args.vocab_size, "cuda")', "luts = (None, None, None)")
    result = audit(source)
    assert result.byte_source is ByteSource.CONSTANT, (result.byte_source, result.reason)
    assert result.eval_status is EvalStatus.DEVIATES


def test_a_builder_that_opens_its_own_tokenizer_is_evaluated_with_each_probe() -> None:
    # 2026-11-23: only the tokenizer among its arguments was exchanged, so its tables were compared with another
    # vocabulary's: a wrong BUGGY.
    source = REFERENCE.replace(
        "def build_luts(sp, vocab_size, device):\n",
        "def build_luts(tokenizer_model, vocab_size, device):\n    sp = spm.SentencePieceProcessor(model_file=tokenizer_model)\n",
    )
    source = source.replace(
        "build_luts(sp, args.vocab_size", "build_luts(args.tokenizer_path, args.vocab_size"
    )
    result = audit(source)
    assert result.lut_status is LutStatus.CORRECT, (result.reason, result.deviations)


def test_a_loop_that_is_called_and_not_followed_keeps_the_answer_open() -> None:
    source = REFERENCE.replace(
        "def main():",
        "def evaluate_again(args, model, val_tokens, base_lut, space_lut, boundary_lut):\n"
        "    import mystery\n"
        "    x, y = mystery.batches(val_tokens)\n"
        "    return mystery.score(model(x, y), base_lut[y], space_lut[y], boundary_lut[x])\n\n\ndef main():",
    ).replace(
        '    print(f"val_loss',
        '    val_loss, val_bpb = evaluate_again(args, model, val_tokens, *luts)\n    print(f"val_loss',
    )
    result = audit(source)
    assert result.eval_status is EvalStatus.UNKNOWN, result.eval_reason
    assert "evaluate_again" in result.eval_reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "byte_count += b.to(torch.float64).sum()",
            "byte_count += b.to(torch.float64).sum().clamp(max=4000)",
        ),
        ("sorted(glob.glob(pattern))]", "sorted(glob.glob(pattern))[:1]]"),
    ],
)
def test_what_only_a_real_run_would_cut_is_not_canonical(old: str, new: str) -> None:
    # 2026-11-23: a bound far above the probe stream's values, or one shard of many, changed nothing in the evaluation.
    result = audit(changed(old, new))
    assert result.eval_status is not EvalStatus.CANONICAL, result.eval_reason


def test_a_truth_that_is_known_of_an_unknown_value_is_not_handed_on_to_what_is_made_of_it() -> None:
    # 2026-11-23: `files = training_files or val_files` is true whatever the first is; what was read from its first file
    # was then taken to be true as well, and the branch of another tokenizer was followed alone.
    source = REFERENCE.replace(
        'luts = build_luts(sp, args.vocab_size, "cuda")',
        'shards = sorted(glob.glob("data/fineweb_train_*.bin")) or sorted(glob.glob(args.val_files))\n'
        '    odd = int(np.fromfile(shards[0], dtype="<i4", count=4)[1]) == 2\n'
        "    if odd:\n"
        "        n = args.vocab_size\n"
        "        luts = (torch.ones(n, dtype=torch.int16), torch.zeros(n, dtype=torch.bool), torch.zeros(n, dtype=torch.bool))\n"
        "    else:\n"
        '        luts = build_luts(sp, args.vocab_size, "cuda")',
    )
    assert "odd" in source
    result = audit(source)
    assert result.byte_source is not ByteSource.BYTE_LEVEL
    assert result.eval_status is not EvalStatus.CANONICAL


def test_a_pasted_cell_magic_is_left_out_and_said() -> None:
    result = audit("%%writefile train_gpt.py\n" + REFERENCE)
    assert result.lut_status is LutStatus.CORRECT
    assert any("cannot run as it is" in note for note in result.notes)
    newer = audit("lazy import mystery\n" + REFERENCE)
    assert newer.lut_status is LutStatus.UNKNOWN
    assert "parsed in part only" in newer.reason


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "the file is empty"),
        (
            "import torch\nloss = torch.nn.Linear(1, 1)(2)\nprint('val_loss', loss)\n",
            "computes no bits per byte",
        ),
        ("print('Final val_bpb: 0.9980')\n", "line 1: it names bits per byte and has no formula"),
        (
            "import math\n\ndef score(loss, n_bytes):\n    bpb = loss / math.log(2) / n_bytes\n    return bpb\n",
            "nothing calls",
        ),
        ("import math, mystery\nval_bpb = mystery.loss() / math.log(2)\n", "imports mystery"),
    ],
)
def test_what_a_script_is_that_scores_nothing_is_said(source: str, said: str) -> None:
    result = audit(source)
    assert result.lut_status is LutStatus.UNKNOWN
    assert result.byte_source is ByteSource.UNKNOWN
    assert said in result.reason


def test_the_first_tokens_of_the_stream_and_no_more_are_said_to_be_just_them() -> None:
    source = (Path(__file__).parents[2] / "examples/scripts/loop_part_of_the_stream.py").read_bytes()
    result = audit_script(Script("train_gpt.py", source, MappedSiblings({})))
    assert result.lut_status is LutStatus.CORRECT
    assert result.eval_status is EvalStatus.DEVIATES
    assert "scores the first 39 targets" in result.eval_reason
    assert "40 tokens" in result.eval_reason
