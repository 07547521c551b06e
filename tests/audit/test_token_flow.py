"""Optimiser steps and scores on the same validation targets, in scripts of ours: what is shown and what is left alone."""

from __future__ import annotations

import pytest

from pgolf.audit.flow import FlowRecorder
from pgolf.audit.script_audit import audit_script
from pgolf.core.token_flow import LateKind, TokenFlow
from pgolf.core.verdict import LutStatus
from pgolf.untrusted.script import Script

HEAD = """
import glob, math, os, copy
import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F
from torch import nn

SEQ_LEN = int(os.environ.get("EVAL_SEQ_LEN", 1024))
STRIDE = int(os.environ.get("EVAL_STRIDE", 64))
CHUNK = int(os.environ.get("TTT_CHUNK_TOKENS", 32768))
EPOCHS = int(os.environ.get("TTT_EPOCHS", 3))
TTT = bool(int(os.environ.get("TTT_ENABLED", "1")))


def luts_of(sp, vocab_size, device):
    size = max(int(sp.vocab_size()), vocab_size)
    base = np.zeros((size,), dtype=np.int16)
    space = np.zeros((size,), dtype=np.bool_)
    boundary = np.ones((size,), dtype=np.bool_)
    for i in range(int(sp.vocab_size())):
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
    return torch.tensor(base), torch.tensor(space), torch.tensor(boundary)


def load(pattern):
    parts = []
    for path in sorted(glob.glob(pattern)):
        header = np.fromfile(path, dtype="<i4", count=256)
        parts.append(torch.from_numpy(np.fromfile(path, dtype="<u2", count=int(header[2]), offset=1024).astype(np.int64)))
    return torch.cat(parts).contiguous()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(1024, 1024)

    def forward(self, x, y):
        return F.cross_entropy(self.table(x).flatten(0, 1), y.flatten())

    def forward_logits(self, x):
        return self.table(x)


class Totals:
    def __init__(self, luts):
        self.luts = luts
        self.nats = torch.zeros((), dtype=torch.float64)
        self.tokens = torch.zeros((), dtype=torch.float64)
        self.bytes = torch.zeros((), dtype=torch.float64)

    def add(self, nll, x, y):
        base, space, boundary = self.luts
        self.nats += nll.to(torch.float64).sum()
        self.tokens += float(y.numel())
        counted = base[y].to(torch.float64)
        counted += (space[y] & ~boundary[x]).to(torch.float64)
        self.bytes += counted.sum()

    def result(self):
        loss = self.nats / self.tokens
        return loss.item(), (loss / math.log(2.0) * self.tokens / self.bytes).item()


def evaluate(model, val_tokens, luts):
    totals = Totals(luts)
    model.eval()
    with torch.inference_mode():
        for start in range(0, val_tokens.numel() - 1 - SEQ_LEN, SEQ_LEN):
            x = val_tokens[start : start + SEQ_LEN]
            y = val_tokens[start + 1 : start + SEQ_LEN + 1]
            logits = model.forward_logits(x[None])
            nll = F.cross_entropy(logits.reshape(-1, logits.size(-1)), y, reduction="none")
            totals.add(nll, x, y)
    return totals.result()
"""

MAIN = """

def main():
    sp = spm.SentencePieceProcessor(model_file="fineweb_1024_bpe.model")
    val_tokens = load(os.environ.get("VAL_FILES", "fineweb_val_*.bin"))
    luts = luts_of(sp, 1024, "cpu")
    model = Net()
    {body}
    print(f"final_exact val_loss:{{val_loss:.8f}} val_bpb:{{val_bpb:.8f}}")


if __name__ == "__main__":
    main()
"""

ADAPT = """

def adapt(model, val_tokens):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    for epoch in range(EPOCHS):
        for start in range(0, val_tokens.numel() - 1 - 4 * SEQ_LEN, 4 * SEQ_LEN):
            local = val_tokens[start : start + 4 * SEQ_LEN + 1]
            x, y = local[:-1].reshape(-1, SEQ_LEN), local[1:].reshape(-1, SEQ_LEN)
            optimizer.zero_grad(set_to_none=True)
            loss = model(x, y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
"""

SCORE_FIRST = """

def score_first(model, val_tokens, luts):
    totals = Totals(luts)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    last = val_tokens.numel() - 1
    for begin in range(0, last, CHUNK):
        end = min(begin + CHUNK, last)
        x, y = val_tokens[begin:end], val_tokens[begin + 1 : end + 1]
        with torch.inference_mode():
            logits = model.forward_logits(x[None])
            nll = F.cross_entropy(logits.reshape(-1, logits.size(-1)), y, reduction="none")
            totals.add(nll, x, y)
        for _ in range(EPOCHS):
            optimizer.zero_grad()
            loss = F.cross_entropy(model.forward_logits(x[None]).flatten(0, 1), y)
            loss.backward()
            optimizer.step()
    return totals.result()
"""

FIT = """

def fit_each_window(model, val_tokens, luts):
    totals = Totals(luts)
    for begin in range(0, val_tokens.numel() - 1 - SEQ_LEN, SEQ_LEN):
        x, y = val_tokens[begin : begin + SEQ_LEN], val_tokens[begin + 1 : begin + SEQ_LEN + 1]
        with torch.no_grad():
            hidden = model.hidden(x[None])
        delta = torch.zeros(1, 1, hidden.size(-1), requires_grad=True)
        optimizer = torch.optim.AdamW([delta], lr=0.01)
        mask = torch.zeros(SEQ_LEN)
        mask[{fitted}] = 1.0
        for _ in range(8):
            logits = model.head(hidden + delta)
            nll = F.cross_entropy(logits.reshape(-1, logits.size(-1)), y, reduction="none")
            loss = (nll * mask).sum() / mask.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            logits = model.head(hidden + delta)
            nll = F.cross_entropy(logits.reshape(-1, logits.size(-1)), y, reduction="none")
        totals.add(nll{scored}, x{scored}, y{scored})
    return totals.result()
"""
PLAIN = "val_loss, val_bpb = evaluate(model, val_tokens, luts)"
FITTED_EVAL = "val_loss, val_bpb = fit_each_window(model, val_tokens, luts)"


def flow(parts: str, body: str, settings: dict[str, str] | None = None) -> TokenFlow:
    text = HEAD + parts + MAIN.format(body=body)
    found = audit_script(Script("train_gpt.py", text.encode()), settings=settings)
    assert found.lut_status is LutStatus.CORRECT, found.reason
    return found.flow


def kinds(found: TokenFlow) -> set[tuple[LateKind, bool]]:
    return {(fact.kind, fact.certain) for fact in found.late}


def test_an_evaluation_without_steps_has_no_late_targets() -> None:
    found = flow("", PLAIN)
    assert found.complete
    assert not found.late
    assert not found.score_first


def test_steps_over_the_split_before_it_is_scored_are_shown_with_their_lines() -> None:
    found = flow(ADAPT, f"if TTT:\n        adapt(model, val_tokens)\n    {PLAIN}")
    assert kinds(found) == {(LateKind.TRAINED_FIRST, True)}
    fact = found.late[-1]
    assert (fact.updated_in, fact.scored_in, fact.last) == ("adapt", "evaluate", True)
    text = (HEAD + ADAPT).splitlines()
    assert "optimizer.step()" in text[fact.updated_line - 1]
    assert fact.late == fact.targets


def test_a_diagnostic_evaluation_before_the_steps_does_not_excuse_the_one_after_them() -> None:
    found = flow(ADAPT, f"{PLAIN}\n    adapt(model, val_tokens)\n    {PLAIN}")
    assert kinds(found) == {(LateKind.TRAINED_FIRST, True)}
    assert found.late[0].last


def test_a_score_before_the_steps_is_not_late() -> None:
    found = flow(ADAPT, f"{PLAIN}\n    adapt(model, val_tokens)")
    assert not found.late


def test_what_is_switched_off_is_not_shown_and_the_settings_of_the_run_switch_it() -> None:
    body = f"if TTT:\n        adapt(model, val_tokens)\n    {PLAIN}"
    assert not flow(ADAPT, body, {"TTT_ENABLED": "0"}).late
    off = ADAPT.replace("EPOCHS", "EPOCHS").replace("adapt", "tune")
    body = f"if os.environ.get('TUNE', '0') == '1':\n        tune(model, val_tokens)\n    {PLAIN}"
    assert not flow(off, body).late
    assert kinds(flow(off, body, {"TUNE": "1"})) == {(LateKind.TRAINED_FIRST, True)}


def test_dead_code_shows_nothing() -> None:
    found = flow(ADAPT, PLAIN)
    assert not found.late
    line = next(i for i, text in enumerate((HEAD + ADAPT).splitlines(), 1) if "optimizer.step()" in text)
    assert not any(first <= line <= last for first, last in found.entered)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("adapt", "q"),
        ("torch.optim.AdamW", "Own"),
        ("loss.backward()", "def closure():\n                loss.backward()\n                return loss"),
        ("optimizer.step()", "torch.cuda.amp.GradScaler().step(optimizer)"),
        ("loss.backward()", "(loss / 2).backward()"),
        ("loss.backward()", "scaler = torch.amp.GradScaler()\n            scaler.scale(loss).backward()"),
        ("loss = model(x, y)", "loss = F.cross_entropy(model.forward_logits(x).flatten(0, 1), y.flatten())"),
        ("loss = model(x, y)", "loss = compute(model, x, y)"),
    ],
)
def test_other_names_optimisers_and_losses_do_not_hide_the_steps(old: str, new: str) -> None:
    extra = """

class Own(torch.optim.Optimizer):
    def step(self):
        for p in self.param_groups:
            p.add_(p.grad, alpha=-1.0)


def compute(model, x, y):
    return torch.compile(model)(x, y)
"""
    assert old in ADAPT
    name = "q" if new == "q" else "adapt"
    steps = ADAPT.replace(old, new)
    if "closure" in new:
        steps = steps.replace("optimizer.step()", "optimizer.step(closure)")
    found = flow(extra + steps, f"{name}(model, val_tokens)\n    {PLAIN}")
    assert kinds(found) == {(LateKind.TRAINED_FIRST, True)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("optimizer.step()", "pass"),
        ("loss.backward()", "pass"),
        ("optimizer.step()", "optimizer.zero_grad(); optimizer.step()"),
        ("loss.backward()", "(loss * 0.0).backward()"),
        ("val_tokens[start :", "torch.zeros_like(val_tokens)[start :"),
    ],
)
def test_gradients_that_change_nothing_are_no_training(old: str, new: str) -> None:
    assert old in ADAPT
    assert not flow(ADAPT.replace(old, new), f"adapt(model, val_tokens)\n    {PLAIN}").late


def test_a_step_under_a_condition_that_is_not_known_is_not_certain() -> None:
    maybe = ADAPT.replace("optimizer.step()", "if loss < 3: optimizer.step()")
    assert kinds(flow(maybe, f"adapt(model, val_tokens)\n    {PLAIN}")) == {(LateKind.TRAINED_FIRST, False)}


def test_score_first_training_is_left_alone_and_named() -> None:
    found = flow(SCORE_FIRST, "val_loss, val_bpb = score_first(model, val_tokens, luts)")
    assert not found.late
    assert [name for name, _ in found.score_first] == ["score_first"]


def test_score_first_training_split_over_helpers_is_left_alone() -> None:
    helpers = """

def grade(model, x, y, totals):
    with torch.inference_mode():
        logits = model.forward_logits(x[None])
        totals.add(F.cross_entropy(logits.reshape(-1, logits.size(-1)), y, reduction="none"), x, y)


def learn(model, optimizer, x, y):
    optimizer.zero_grad()
    model(x[None], y[None]).backward()
    optimizer.step()


def run(model, val_tokens, luts):
    totals = Totals(luts)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    last = val_tokens.numel() - 1
    for begin in range(0, last, CHUNK):
        end = min(begin + CHUNK, last)
        x, y = val_tokens[begin:end], val_tokens[begin + 1 : end + 1]
        grade(model, x, y, totals)
        learn(model, optimizer, x, y)
    return totals.result()
"""
    found = flow(helpers, "val_loss, val_bpb = run(model, val_tokens, luts)")
    assert not found.late
    assert [name for name, _ in found.score_first] == ["learn"]


def test_the_same_chunk_trained_and_then_scored_is_shown() -> None:
    marker = "        with torch.inference_mode():"
    start = SCORE_FIRST.index(marker)
    end = SCORE_FIRST.index("        for _ in range(EPOCHS):")
    stop = SCORE_FIRST.index("    return totals")
    swapped = SCORE_FIRST[:start] + SCORE_FIRST[end:stop] + SCORE_FIRST[start:end] + SCORE_FIRST[stop:]
    found = flow(swapped, "val_loss, val_bpb = score_first(model, val_tokens, luts)")
    assert (LateKind.FITTED, True) in kinds(found)
    assert found.late[0].last


def test_another_pass_after_score_first_training_is_a_second_pass_and_no_training_first() -> None:
    body = f"val_loss, val_bpb = score_first(model, val_tokens, luts)\n    {PLAIN}"
    assert kinds(flow(SCORE_FIRST, body)) == {(LateKind.RESCORED, True)}


def test_a_fit_on_the_window_it_scores_is_shown() -> None:
    found = flow(FIT.format(fitted=":", scored=""), FITTED_EVAL)
    assert (LateKind.FITTED, True) in kinds(found)
    assert found.late[0].late >= 0.5 * found.late[0].targets


def test_a_fit_on_the_context_of_what_it_scores_is_left_alone() -> None:
    found = flow(FIT.format(fitted=": SEQ_LEN // 2", scored="[SEQ_LEN // 2 :]"), FITTED_EVAL)
    assert not found.late


def test_files_that_do_not_name_the_validation_split_are_said() -> None:
    body = f"val_tokens = load('data/fineweb_*.bin')\n    adapt(model, val_tokens)\n    {PLAIN}"
    found = flow(ADAPT, body)
    assert found.late
    assert found.other_files
    assert not flow(ADAPT, f"adapt(model, val_tokens)\n    {PLAIN}").other_files


def test_training_shards_are_not_the_validation_split() -> None:
    body = f"adapt(model, load('fineweb_train_*.bin'))\n    {PLAIN}"
    assert not flow(ADAPT, body).late


def test_a_training_loader_that_reads_validation_shards_is_shown() -> None:
    body = f"adapt(model, load('fineweb_val_*.bin'))\n    {PLAIN}"
    assert kinds(flow(ADAPT, body)) == {(LateKind.TRAINED_FIRST, True)}


def test_the_step_that_is_named_is_the_one_that_trained_first() -> None:
    body = "adapt(model, val_tokens)\n    val_loss, val_bpb = score_first(model, val_tokens, luts)"
    found = flow(ADAPT + SCORE_FIRST, body)
    fact = next(f for f in found.late if f.kind is LateKind.TRAINED_FIRST)
    assert (fact.updated_in, fact.scored_in) == ("adapt", "score_first")


def test_a_fit_of_one_batch_that_is_the_whole_stream_is_a_fit_and_no_training_first() -> None:
    one = (
        FIT.format(fitted=":", scored="")
        .replace("SEQ_LEN", "BATCH")
        .replace("def fit", "BATCH = 128\n\n\ndef fit", 1)
    )
    found = flow(one, FITTED_EVAL)
    assert kinds(found) == {(LateKind.FITTED, True)}


def test_a_fit_in_helpers_is_a_fit() -> None:
    helpers = """

def fit(model, hidden, y):
    delta = torch.zeros(1, 1, hidden.size(-1), requires_grad=True)
    optimizer = torch.optim.AdamW([delta], lr=0.01)
    for _ in range(8):
        loss = F.cross_entropy(model.head(hidden + delta).flatten(0, 1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return delta


def score(model, hidden, delta, x, y, totals):
    nll = F.cross_entropy(model.head(hidden + delta).flatten(0, 1), y, reduction="none")
    totals.add(nll, x, y)


def run(model, val_tokens, luts):
    totals = Totals(luts)
    for begin in range(0, val_tokens.numel() - 1 - SEQ_LEN, SEQ_LEN):
        x, y = val_tokens[begin : begin + SEQ_LEN], val_tokens[begin + 1 : begin + SEQ_LEN + 1]
        hidden = model.hidden(x[None])
        score(model, hidden, fit(model, hidden, y), x, y, totals)
    return totals.result()
"""
    for text in (helpers, helpers.replace("SEQ_LEN", "128")):
        assert kinds(flow(text, "val_loss, val_bpb = run(model, val_tokens, luts)")) == {
            (LateKind.FITTED, True)
        }


def test_what_was_fitted_for_windows_does_not_outlive_their_evaluation() -> None:
    body = f"slot = fit_each_window(model, val_tokens, luts)\n    {PLAIN}"
    found = flow(FIT.format(fitted=":", scored=""), body)
    assert [(f.kind, f.scored_in, f.last) for f in found.late] == [
        (LateKind.FITTED, "fit_each_window", False)
    ]


def test_training_first_is_still_shown_when_each_window_is_fitted_afterwards() -> None:
    parts = ADAPT + FIT.format(fitted=":", scored="")
    found = flow(parts, f"adapt(model, val_tokens)\n    {FITTED_EVAL}")
    assert kinds(found) == {(LateKind.TRAINED_FIRST, True), (LateKind.FITTED, True)}


def test_a_copy_made_before_the_steps_has_no_second_pass() -> None:
    body = f"score_first(copy.deepcopy(model), val_tokens, luts)\n    {PLAIN}"
    assert not flow(SCORE_FIRST, body).late


def test_score_first_training_of_two_copies_has_no_second_pass() -> None:
    call = "score_first(copy.deepcopy(model), val_tokens, luts)"
    other = SCORE_FIRST.replace("score_first", "score_first_again")
    body = f"{call}\n    val_loss, val_bpb = {call.replace('score_first(', 'score_first_again(')}"
    assert not flow(SCORE_FIRST + other, body).late
    same = body.replace("copy.deepcopy(model)", "model")
    assert kinds(flow(SCORE_FIRST + other, same)) == {(LateKind.RESCORED, True)}


def test_two_losses_that_are_differentiated_one_after_the_other_are_both_training() -> None:
    two = ADAPT.replace(
        "loss = model(x, y)\n            loss.backward()",
        "first, second = model(x[:2], y[:2]), model(x[2:], y[2:])\n            first.backward()\n            second.backward()",
    )
    assert two != ADAPT
    found = flow(two, f"adapt(model, val_tokens)\n    {PLAIN}")
    assert [(f.kind, f.late) for f in found.late] == [(LateKind.TRAINED_FIRST, found.late[0].targets)]


BATCHED = """

def fit_batches(model, val_tokens, luts):
    totals = Totals(luts)
    last = val_tokens.numel() - 1
    starts = [s for s in range(0, last - SEQ_LEN, STRIDE)]
    for b in range(0, len(starts), 4):
        rows = starts[b : b + 4]
        x = torch.stack([val_tokens[s : s + SEQ_LEN] for s in rows])
        y = torch.stack([val_tokens[s + 1 : s + SEQ_LEN + 1] for s in rows])
        hidden = model.hidden(x)
        mask = torch.zeros(len(rows), SEQ_LEN)
        for i, s in enumerate(rows):
            new = 0 if s == 0 else SEQ_LEN - STRIDE
            mask[i, {fitted}] = 1.0
        delta = torch.zeros({size}, 1, hidden.size(-1), requires_grad=True)
        optimizer = torch.optim.AdamW([delta], lr=0.01)
        for _ in range(8):
            nll = F.cross_entropy(model.head(hidden + delta).flatten(0, 1), y.reshape(-1), reduction="none")
            loss = (nll.reshape(len(rows), SEQ_LEN) * mask).sum() / mask.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        nll = F.cross_entropy(model.head(hidden + delta).flatten(0, 1), y.reshape(-1), reduction="none")
        nll = nll.reshape(len(rows), SEQ_LEN)
        for i, s in enumerate(rows):
            new = 0 if s == 0 else SEQ_LEN - STRIDE
            totals.add(nll[i, new:], x[i, new:], y[i, new:])
    return totals.result()
"""


@pytest.mark.parametrize(
    ("fitted", "size", "shown"),
    [
        ("new:", "len(rows)", True),  # each window on its own targets
        (":", "len(rows)", True),  # and on its context
        (
            ":new",
            "1",
            True,
        ),  # one delta for the batch, fitted on every context: one's context is another's target
        (":new", "len(rows)", False),  # each window on its own context
    ],
)
def test_overlapping_windows_of_a_batch(fitted: str, size: str, shown: bool) -> None:
    text = BATCHED.format(fitted=fitted, size=size)
    found = flow(text, "val_loss, val_bpb = fit_batches(model, val_tokens, luts)")
    assert ((LateKind.FITTED, True) in kinds(found)) is shown
    assert not any(kind is not LateKind.FITTED and certain for kind, certain in kinds(found))


def test_a_scheduler_that_steps_after_gradients_were_cleared_makes_no_evaluation_a_training_loop() -> None:
    steps = SCORE_FIRST.replace(
        "            optimizer.step()\n",
        "            optimizer.step()\n            optimizer.zero_grad()\n            scheduler.step()\n",
    ).replace(
        "    last = val",
        "    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)\n    last = val",
    )
    assert "scheduler.step()" in steps
    body = f"val_loss, val_bpb = score_first(model, val_tokens, luts)\n    {PLAIN}"
    assert kinds(flow(steps, body)) == {(LateKind.RESCORED, True)}


def test_training_on_other_tokens_in_main_does_not_hide_the_steps_on_the_split() -> None:
    train = """optimizer = torch.optim.AdamW(model.parameters())
    batch = load("fineweb_train_*.bin")
    for step in range(4):
        optimizer.zero_grad()
        model(batch[:-1], batch[1:]).backward()
        optimizer.step()
    """
    found = flow(ADAPT, f"{train}{PLAIN}\n    adapt(model, val_tokens)\n    {PLAIN}")
    assert kinds(found) == {(LateKind.TRAINED_FIRST, True)}


def test_only_so_many_steps_are_looked_around() -> None:
    recorder = FlowRecorder(64)
    recorder.enter("many", 0)
    for line in range(1_000):
        recorder.computed([1, 2])
        recorder.differentiated({1: True, 2: True}, certain=True)
        recorder.stepped(line, certain=True)
    assert len(recorder.prints) == 64
    recorder.scored(1, "many", 1, frozenset({1, 2}), recorder.computed([1, 2]))
    assert len(recorder.facts(True, ()).late) == 1
