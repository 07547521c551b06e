"""A table that is changed after its builder returned it, with a tokenizer given: the builder alone is no proof then."""

from pathlib import Path

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import LutStatus
from pgolf.tokens.sentencepiece_model import read_model_file
from pgolf.untrusted.script import NoSiblings, Script

_EXAMPLES = Path(__file__).parents[2] / "examples"
_CALL = "    luts = build_sentencepiece_luts(sp, args.vocab_size, device)\n"


def _audit(patch: str, body: str) -> ScriptAudit:
    source = (_EXAMPLES / "scripts" / "canonical.py").read_text(encoding="utf-8")
    assert source.count(_CALL) == 1
    function = "def finish(tables):\n    base, space, boundary = tables\n" + body + "\n\n"
    source = source.replace(_CALL, _CALL + patch).replace("def main():", function + "def main():")
    script = Script("train_gpt.py", source.encode(), NoSiblings())
    return audit_script(script, read_model_file(_EXAMPLES / "tokenizer.model"))


WRONG = {
    "added in place": "    base[space] += 1\n    return tables\n",
    "one entry": "    base[2] = 9\n    return tables\n",
    "one entry of a large vocabulary": "    if len(base) > 900:\n        base[700] += 1\n    return tables\n",
    "one entry of a large vocabulary, caught": "    try:\n        base[700] += 1\n    except IndexError:\n        pass\n    return tables\n",
    "what no probe has": "    base[base > 290] = 5\n    base[512:] += 1\n    return tables\n",
    "made anew for long pieces": "    return torch.where(base > 9, 9, base), space, boundary\n",
    "the mask": "    boundary[10] = True\n    return tables\n",
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("patch", ["    luts = finish(luts)\n", "    finish(luts)\n"])
def test_a_patch_after_the_builder_is_never_proved_away(name: str, patch: str) -> None:
    if name == "made anew for long pieces" and patch == "    finish(luts)\n":
        assert _audit(patch, WRONG[name]).lut_status is LutStatus.CORRECT  # what it returns is dropped
        return
    found = _audit(patch, WRONG[name])
    assert found.lut_status is not LutStatus.CORRECT
    if name in ("added in place", "one entry", "the mask"):
        assert found.lut_status is LutStatus.BUGGY


HARMLESS = {
    "copied": "    return tuple(t.clone() for t in tables)\n",
    "written as they are": "    base[boundary] = 0\n    return tables\n",
    "converted": "    return base.to(torch.int32), space.bool(), boundary.bool()\n",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_changes_nothing_after_the_builder_keeps_the_proof(name: str) -> None:
    assert _audit("    luts = finish(luts)\n", HARMLESS[name]).lut_status is LutStatus.CORRECT


def test_a_wrong_column_has_the_role_that_the_loop_gives_it() -> None:
    source = (_EXAMPLES / "scripts" / "canonical.py").read_text(encoding="utf-8")
    old = "        piece = sp.id_to_piece(token_id)\n"
    assert source.count(old) == 1
    wrong = source.replace("has_leading_space[token_id] = True", "has_leading_space[token_id] = False")
    wrong = wrong.replace(old, old + "        has_leading_space[token_id] = True\n")
    found = audit_script(Script("train_gpt.py", wrong.encode(), NoSiblings()))
    assert found.tables is not None
    assert found.tables.has_leading_space[24]
    assert "boundary_mask_wrong" not in [d.name.value for d in found.deviations]


def test_right_columns_are_right_whatever_they_are_called() -> None:
    source = (_EXAMPLES / "scripts" / "canonical.py").read_text(encoding="utf-8")
    swapped = source.replace("has_leading_space_lut", "%").replace("is_boundary_lut", "has_leading_space_lut")
    found = audit_script(
        Script("train_gpt.py", swapped.replace("%", "is_boundary_lut").encode(), NoSiblings())
    )
    assert found.lut_status is LutStatus.CORRECT
    assert found.eval_status.value == "CANONICAL"


def test_roles_are_kept_where_a_wrapper_returns_what_its_function_made() -> None:
    source = (_EXAMPLES / "scripts" / "canonical.py").read_text(encoding="utf-8")
    wrapper = "def timed(function):\n    def inner(*args):\n        return function(*args)\n    return inner\n\n\n@timed\n"
    source = source.replace("def build_sentencepiece_luts", wrapper + "def build_sentencepiece_luts")
    wrong = source.replace(
        "    return (\n        torch.tensor(base_bytes",
        "    has_leading_space = ~has_leading_space\n    return (\n        torch.tensor(base_bytes",
    )
    wrong = wrong.replace(
        "def build_sentencepiece_luts(sp, vocab_size, device):\n",
        "def build_sentencepiece_luts(*given):\n    def inner(*a):\n        return made(*a)\n    return inner(*given)\n\n\n"
        "def made(sp, vocab_size, device):\n",
    )
    for vocabulary in (None, read_model_file(_EXAMPLES / "tokenizer.model")):
        found = audit_script(Script("train_gpt.py", wrong.encode(), NoSiblings()), vocabulary)
        assert found.tables is not None
        assert found.tables.has_leading_space[0]
        assert "boundary_mask_wrong" not in [d.name.value for d in found.deviations]


def test_two_flag_columns_that_hold_the_same_are_still_two() -> None:
    source = (_EXAMPLES / "scripts" / "canonical.py").read_text(encoding="utf-8")
    wrong = source.replace("has_leading_space[token_id] = True", "pass").replace(
        "np.ones((table_size,)", "np.zeros((table_size,)"
    )
    found = audit_script(Script("train_gpt.py", wrong.encode(), NoSiblings()))
    assert "boundary_mask_wrong" in [d.name.value for d in found.deviations]
