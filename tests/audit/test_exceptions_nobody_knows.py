"""Exceptions that something unknown raises in the real run, or does not: what a handler would do instead of the rest of the body
is as possible as the body."""

from __future__ import annotations

import pytest

from tests.audit.variants import LUTS, SCORED, changed, in_loop, in_main, is_proved

_GUARD = """
    import extern
    try:
        if extern.flag():
            raise ValueError("x")
    except ValueError:
        {}
"""
_BASE = """
    import contextlib, extern
    luts = build_sentencepiece_luts(sp, args.vocab_size, device)
    base = luts[0] * 2
    {}
    luts = (base, luts[1], luts[2])
"""
_WRONG_BEFORE = {
    "a guard raises and its handler binds other tables": _GUARD.format(
        "luts = (luts[0] * 2, luts[1], luts[2])"
    ),
    "a guard raises and its handler changes a table": _GUARD.format("luts[0][5] += 2"),
    "a guard raises and its handler cuts the tokens": _GUARD.format("val_tokens = val_tokens[:100]"),
    "a function raises and the handler cuts the tokens": """
    import extern
    def check():
        if extern.flag():
            raise ValueError("x")
    try:
        check()
    except ValueError:
        val_tokens = val_tokens[:100]
""",
    "a function that returns from its handler": """
    import extern
    def pick(luts):
        try:
            extern.flag()
            return luts
        except ValueError:
            return (luts[0] * 2, luts[1], luts[2])
    luts = pick(luts)
""",
    "something unknown is called": """
    import extern
    try:
        extern.flag()
    except ValueError:
        val_tokens = val_tokens[:100]
""",
    "a module is imported that may be missing": """
    try:
        import extern
    except ImportError:
        val_tokens = val_tokens[:100]
""",
    "a module is imported again that may be missing": """
    try:
        import extern
    except ImportError:
        pass
    try:
        import extern
    except ImportError:
        val_tokens = val_tokens[:100]
""",
    "an assertion about something unknown": """
    import extern
    try:
        assert extern.flag()
    except AssertionError:
        val_tokens = val_tokens[:100]
""",
    "a finally that looks how far the body came": """
    import extern
    done = False
    try:
        try:
            if extern.flag():
                raise ValueError("x")
            done = True
        finally:
            if not done:
                val_tokens = val_tokens[:100]
    except ValueError:
        pass
""",
    "an attribute is set in the handler": _GUARD.format("args.stride, args.seq_len = 8, 4"),
}
_WRONG_INSTEAD = {
    "the rest of the body is skipped": _BASE.format(
        "try:\n        extern.flag()\n        base = luts[0]\n    except ValueError:\n        pass"
    ),
    "the else is skipped": _BASE.format(
        "try:\n        extern.flag()\n    except ValueError:\n        pass\n    else:\n        base = luts[0]"
    ),
    "an exception is suppressed": _BASE.format(
        "with contextlib.suppress(ValueError):\n        extern.flag()\n        base = luts[0]"
    ),
    "a change in place is skipped": _BASE.format(
        "base = luts[0] + 1\n    try:\n        extern.flag()\n        base -= 1\n    except ValueError:\n        pass"
    ),
}
_WRONG_IN_LOOP = {
    "a window counts nothing": """
        try:
            if torch.cuda.memory_allocated() > 5:
                raise ValueError("x")
        except ValueError:
            scored = scored * 0
    """,
    "a window is skipped": """
        try:
            if torch.cuda.memory_allocated() > 5:
                raise ValueError("x")
        except ValueError:
            continue
    """,
    "a sum is left in the middle": """
        try:
            loss_sum += scored.sum()
            torch.cuda.memory_allocated()
            loss_sum -= scored.sum()
        except ValueError:
            pass
    """,
}
_RIGHT = {
    "a handler that prints": _GUARD.format("print('failed')"),
    "a handler that raises": _GUARD.format("luts = None\n        raise"),
    "a module that may be missing": """
    try:
        import flash_attn_interface
        HAS = True
    except ImportError:
        HAS = False
    print(HAS)
""",
    "somebody stops the program by hand": """
    import extern
    try:
        extern.flag()
    except KeyboardInterrupt:
        val_tokens = val_tokens[:100]
""",
    "nothing unknown in the body": """
    try:
        n = int(os.environ.get("NOT_SET", "5"))
    except ValueError:
        val_tokens = val_tokens[:100]
""",
}


@pytest.mark.parametrize("name", _WRONG_BEFORE)
def test_what_a_handler_does_before_the_evaluation_may_have_been_done(name: str) -> None:
    assert not is_proved(changed(LUTS, LUTS + in_main(_WRONG_BEFORE[name])))


@pytest.mark.parametrize("name", _WRONG_INSTEAD)
def test_what_an_exception_leaves_out_may_have_been_left_out(name: str) -> None:
    assert not is_proved(changed(LUTS, in_main(_WRONG_INSTEAD[name])))


@pytest.mark.parametrize("name", _WRONG_IN_LOOP)
def test_what_a_handler_does_in_the_loop_may_have_been_done(name: str) -> None:
    assert not is_proved(changed(SCORED, SCORED + in_loop(_WRONG_IN_LOOP[name])))


@pytest.mark.parametrize("name", _RIGHT)
def test_handlers_that_change_nothing_leave_a_script_canonical(name: str) -> None:
    assert is_proved(changed(LUTS, LUTS + in_main(_RIGHT[name])))
