"""Evaluations that no function returns: in `main`, at module level, under `if __name__`. What several processes together score there is
asked of the whole script."""

from __future__ import annotations

import textwrap

import pytest

from tests.audit.variants import CALL, VAL_LOSS, WINDOWS, canonical, changed, is_proved

_RANKS = """    rank = int(os.environ.get("RANK", "0"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    starts = starts[len(starts) * rank // world : len(starts) * (rank + 1) // world]
"""
_SUMS = "    if world > 1:\n        for t in ({}):\n            torch.distributed.all_reduce(t)\n"
_ALL = _SUMS.format("loss_sum, token_count, byte_count")
_NO_BYTES = _SUMS.format("loss_sum, token_count")
_SHORT = _RANKS.replace("(rank + 1) // world]", "(rank + 1) // world - (rank > 2)]")


def _in_main() -> str:
    source = canonical()
    function = source[source.index("def eval_val") : source.index("def main")]
    body = function[function.index("    total =") : function.index("    return val_loss")]
    for i, name in enumerate(("base_bytes_lut", "has_leading_space_lut", "is_boundary_lut")):
        body = body.replace(name, f"luts[{i}]")
    formula = "    val_bpb = bits_per_token * tokens_per_byte\n"
    return changed(function, "", CALL, body + formula)


def _with(ranks: str, sums: str) -> str:
    return changed(WINDOWS, WINDOWS + ranks, VAL_LOSS, sums + VAL_LOSS, source=_in_main())


def _at_module_level(source: str) -> str:
    head, rest = source.split("def main():\n")
    return head + textwrap.dedent(rest.split("if __name__")[0])


def _under_the_name(source: str) -> str:
    head, rest = source.split("def main():\n")
    return head + 'if __name__ == "__main__":\n' + rest.split("if __name__")[0]


_PLACES = {"in main": str, "at module level": _at_module_level, "under __name__": _under_the_name}


@pytest.mark.parametrize("place", _PLACES)
def test_one_process_is_canonical_wherever_it_evaluates(place: str) -> None:
    assert is_proved(_PLACES[place](_in_main()))


@pytest.mark.parametrize("place", _PLACES)
def test_several_processes_that_add_up_everything_are_canonical(place: str) -> None:
    assert is_proved(_PLACES[place](_with(_RANKS, _ALL)))


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize(("ranks", "sums"), [(_RANKS, _NO_BYTES), (_SHORT, _ALL), (_RANKS, "")])
def test_several_processes_that_do_not_are_not(place: str, ranks: str, sums: str) -> None:
    assert not is_proved(_PLACES[place](_with(ranks, sums)))


def test_an_eval_function_that_prints_what_it_returns_is_asked_too() -> None:
    printed = '    print(f"val_bpb:{bits_per_token * tokens_per_byte:.6f}")\n'
    returned = "    bpb = bits_per_token * tokens_per_byte\n    print(f'val_bpb:{bpb:.6f}')\n    return val_loss, bpb\n"
    source = changed(WINDOWS, WINDOWS + _RANKS, VAL_LOSS, _NO_BYTES + VAL_LOSS)
    assert not is_proved(
        changed("    return val_loss, bits_per_token * tokens_per_byte\n", returned, source=source)
    )
    assert not is_proved(
        changed("    return val_loss, bits", printed + "    return val_loss, bits", source=source)
    )
    right = changed(WINDOWS, WINDOWS + _RANKS, VAL_LOSS, _ALL + VAL_LOSS)
    assert is_proved(
        changed("    return val_loss, bits_per_token * tokens_per_byte\n", returned, source=right)
    )


def test_numbers_of_the_process_in_lists_are_those_of_each_process() -> None:
    ranks = _RANKS.replace("* rank //", "* info[0] //").replace("(rank + 1)", "(info[0] + 1)")
    info = '    rank = int(os.environ.get("RANK", "0"))\n    info = [rank, [0] * 3]\n'
    source = changed(WINDOWS, WINDOWS + ranks, VAL_LOSS, _ALL + VAL_LOSS)
    source = changed("def eval_val(args,", "def eval_val(info, args,", source=source)
    given = info + CALL.replace("eval_val(args", "eval_val(info, args")
    assert is_proved(changed(CALL, given, source=source))
    assert not is_proved(changed(CALL, given, _ALL, _NO_BYTES, source=source))
    decoys = (
        "".join(f"    info.append([{i}])\n" for i in range(3))
        + "    info.append([[i] for i in range(4100)])\n"
    )
    assert not is_proved(
        changed(CALL, given.replace("    val_loss", decoys + "    val_loss"), _ALL, _NO_BYTES, source=source)
    )
