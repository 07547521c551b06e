"""What code that nobody knows was given, it may change: tables and tokens inside objects, classes, functions, and the functions of modules."""

from __future__ import annotations

import pytest

from tests.audit.variants import CALL, LUTS, changed, in_main, is_proved

_BOX = """
    import extern, logging
    class Box:
        def __init__(self, luts):
            self.base, self.lead, self.bound = luts
    class Outer:
        pass
    box = Box(luts)
    outer = Outer()
    outer.held = [{{"box": (box,)}}]
    {}
"""
_GIVEN = {
    "an object": "extern.go(box)",
    "by name": "extern.go(x=box)",
    "in a list": "extern.go([box])",
    "in a dictionary": "extern.go({'a': box})",
    "in an object in an object": "extern.go(outer)",
    "to a constructor": "extern.Thing(box)",
    "as a default": "def f(b=box):\n        return 1\n    extern.go(f)",
    "from a lambda": "extern.go(lambda: box)",
    "from a function": "def f():\n        return box\n    extern.go(f)",
    "in a class": "class K:\n        b = box\n    extern.go(K)",
    "as its attribute": "extern.x = box\n    extern.run()",
    "as its attribute, by name": "setattr(extern, 'x', box)\n    extern.run()",
    "as its item": "extern.q['a'] = box\n    extern.run()",
    "to its method": "extern.x.register(box)",
}
_OTHER = {
    "the tokens": "import extern\nextern.go(val_tokens)",
    "the tokens in an object": "import extern\nclass B: pass\nb = B()\nb.v = val_tokens\nextern.go(b)",
    "a module": "import extern\nextern.patch(math)",
    "a library": "import extern\nextern.patch(torch)",
    "functions of a library": "import extern\nextern.patch(F)",
    "the class of tokenizers": "import extern\nextern.patch(spm.SentencePieceProcessor)",
}
_HARMLESS = {
    "a logger": "logging.getLogger().info('%s', box)",
    "nothing of it": "extern.go(args.seq_len)",
    "a print": "print(outer)",
}
_RIGHT = {
    "broadcast": "for t in luts:\n    torch.distributed.broadcast(t, 0)",
    "a compiled model": "model = torch.compile(model, dynamic=False)",
    "a wrapped model": (
        "from torch.nn.parallel import DistributedDataParallel as DDP\nmodel = DDP(model, device_ids=[0])"
    ),
    "an optimiser and its schedule": (
        "opt = torch.optim.AdamW(model.parameters(), lr=0.1)\n"
        "sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: 1.0)"
    ),
    "the source of a module": "import inspect\nprint(len(inspect.getsource(math)))",
}


def _with_box(code: str) -> str:
    called = CALL.replace("*luts", "box.base, box.lead, box.bound")
    return changed(CALL, in_main(_BOX.format(code)) + called)


@pytest.mark.parametrize("name", _GIVEN)
def test_tables_that_unknown_code_reaches_are_not_proved(name: str) -> None:
    assert not is_proved(_with_box(_GIVEN[name]))


@pytest.mark.parametrize("name", _OTHER)
def test_tokens_and_modules_that_unknown_code_is_given_are_not_trusted(name: str) -> None:
    assert not is_proved(changed(LUTS, in_main(_OTHER[name]) + LUTS))


@pytest.mark.parametrize("name", _HARMLESS)
def test_what_only_shows_an_object_leaves_it_proved(name: str) -> None:
    assert is_proved(_with_box(_HARMLESS[name]))


@pytest.mark.parametrize("name", _RIGHT)
def test_what_frameworks_are_given_stays_canonical(name: str) -> None:
    assert is_proved(changed(CALL, in_main(_RIGHT[name]) + CALL))
