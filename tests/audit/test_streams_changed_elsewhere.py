"""What happens to the tokens, and to tables, outside the functions that score and load: a literal that the probe does not reach counts
there, too."""

from __future__ import annotations

import pytest

from tests.audit.variants import LUTS, canonical, changed, in_main, is_proved

_TOKENS = {
    "a literal end in numpy": "val_tokens = torch.from_numpy(val_tokens.numpy()[:500])",
    "a literal end of a list": "val_tokens = torch.tensor(val_tokens.tolist()[:500])",
    "the first part of a split": "val_tokens = val_tokens.split(500)[0]",
    "islice": "import itertools\nval_tokens = torch.tensor(list(itertools.islice(val_tokens, 500)))",
    "places below a literal": "pos = torch.arange(val_tokens.numel())\nval_tokens = val_tokens[pos < 500]",
    "the first documents": "docs = (val_tokens == 1).cumsum(0)\nval_tokens = val_tokens[docs <= 100]",
    "an id that the probe does not have": "val_tokens[val_tokens == 700] = 5",
    "where an id": "val_tokens = torch.where(val_tokens == 700, 5, val_tokens)",
    "ids cut off": "val_tokens = val_tokens.clamp(max=500)",
    "if ids are large": "if int(val_tokens.max()) > 500:\n    val_tokens = val_tokens[:100]",
    "if tables are large": "if luts[0].sum() > 1000:\n    val_tokens = val_tokens[:100]",
    "if there are many pieces": "if args.vocab_size > 500:\n    val_tokens = val_tokens[:100]",
    "if the process has a number": "if os.getpid() % 2:\n    val_tokens = val_tokens[:100]",
    "if there are many processors": "if os.cpu_count() > 8:\n    val_tokens = val_tokens[:100]",
}
_TABLES = {
    "another type that is the same": "a = luts[0].type(torch.int16)\na[5] = 9",
    "the type of itself": "a = luts[0].type_as(luts[0])\na[5] = 9",
    "the cause of an exception": "try:\n    raise ValueError from KeyError(luts[0].mul_(2))\nexcept ValueError:\n    pass",
    "an unknown mapping": "import weakref\nd = weakref.WeakValueDictionary()\nd['a'] = luts[0]\nd['a'].add_(1)",
    "itemgetter": "import operator\noperator.itemgetter(0)(luts).mul_(2)",
    "accumulate with a function": "import itertools\nlist(itertools.accumulate(luts, lambda a, b: a.add_(1)))",
    "a method of all arrays": "type(torch.zeros(1)).item = lambda self: 3.0",
    "a method of the class of an array": "torch.zeros(1).__class__.item = lambda self: 3.0",
}
_RIGHT = {
    "contiguous": "val_tokens = val_tokens.contiguous()",
    "one part of one": "val_tokens = val_tokens.chunk(1)[0]",
    "itemgetter to read": "import operator\nprint(max([(1, 2), (3, 1)], key=operator.itemgetter(1)))",
    "a number for a log": "if args.vocab_size > 500:\n    size = 'large'\nelse:\n    size = 'small'\nprint(size)",
    "the number of the process": "print(os.getpid(), os.cpu_count())",
}


@pytest.mark.parametrize("name", _TOKENS)
def test_tokens_that_are_others_in_a_real_run_are_not_canonical(name: str) -> None:
    assert not is_proved(changed(LUTS, LUTS + in_main(_TOKENS[name])))


@pytest.mark.parametrize("name", _TABLES)
def test_tables_that_change_on_the_way_are_not_canonical(name: str) -> None:
    assert not is_proved(changed(LUTS, LUTS + in_main(_TABLES[name])))


@pytest.mark.parametrize("name", _RIGHT)
def test_what_changes_nothing_stays_canonical(name: str) -> None:
    assert is_proved(canonical())
    assert is_proved(changed(LUTS, LUTS + in_main(_RIGHT[name])))


@pytest.mark.parametrize("wrapped", ["glob.glob = lambda p: _kept(p)[:1]"])
def test_a_loader_that_is_wrapped_to_keep_one_shard_is_not_canonical(wrapped: str) -> None:
    source = changed(
        "class Hyperparameters:\n", f"_kept = glob.glob\n{wrapped}\n\n\nclass Hyperparameters:\n"
    )
    assert not is_proved(source)
