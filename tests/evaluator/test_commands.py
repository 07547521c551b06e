"""Functions that a command line, a launcher, another process, a signal or the end of the script calls: what they are called
with, worked out by hand (the libraries parse the command line, which no evaluation has)."""

from __future__ import annotations

import pytest

from pgolf.untrusted.values import Opaque
from tests.evaluator.test_against_cpython import evaluated

_BY_HAND = {
    "an option with a default": (
        "import click\nout = []\n@click.command()\n@click.option('--size', default=3)\n@click.option('-n', '--long-name', default='x')\n"
        "def main(size, long_name):\n    out.append((size, long_name))\nmain()\nresult = out",
        [(3, "x")],
    ),
    "a flag and several": (
        "import click\nout = []\n@click.command\n@click.option('--on/--off', is_flag=True)\n@click.option('--many', multiple=True)\n"
        "def main(on, many):\n    out.append((on, many))\nmain()\nresult = out",
        [(False, ())],
    ),
    "an option called by hand": (
        "import click\n@click.command()\n@click.option('--size', default=3)\ndef main(size):\n    return size\nresult = main(7)",
        7,
    ),
    "a group": ("import click\n@click.group()\ndef cli():\n    return 5\nresult = cli()", 5),
    "fire": ("import fire\nout = []\ndef main(a=4):\n    out.append(a)\nfire.Fire(main)\nresult = out", [4]),
    "typer": (
        "import typer\nout = []\ndef main(a: int = typer.Option(6), b=typer.Argument(default=2)):\n    out.append((a, b))\n"
        "typer.run(main)\nresult = out",
        [(6, 2)],
    ),
    "spawned workers": (
        "import torch.multiprocessing as mp\nout = []\ndef worker(rank, k):\n    out.append((rank, k))\n"
        "mp.spawn(worker, args=(9,), nprocs=2)\nresult = out",
        [(0, 9)],
    ),
    "a process": (
        "import multiprocessing\nout = []\ndef worker(a, b=1):\n    out.append((a, b))\n"
        "p = multiprocessing.Process(target=worker, args=(3,), kwargs={'b': 4})\nbefore = list(out)\np.start()\np.join()\np.close()\n"
        "result = (before, out)",
        ([], [(3, 4)]),
    ),
    "a registered function": (
        "import atexit\nout = []\ndef last(x):\n    out.append(x)\natexit.register(last, 5)\nresult = list(out)",
        [],
    ),
    "a suppressed exit": (
        "import sys\nout = 1\ntry:\n    sys.exit(2)\nexcept SystemExit:\n    out = 3\nresult = out",
        3,
    ),
    "asyncio": (
        "import asyncio\nasync def one():\n    return 4\nasync def main():\n    await asyncio.sleep(0)\n    return await one()\n"
        "result = asyncio.run(main())",
        4,
    ),
}


@pytest.mark.parametrize("name", _BY_HAND)
def test_a_function_is_called_with_what_it_is_called_with_in_a_run(name: str) -> None:
    source, expected = _BY_HAND[name]
    value, stuck = evaluated(source + "\n")
    assert not stuck
    assert value == expected


_UNKNOWN = [
    "import click\nout = []\n@click.command()\n@click.option('--size')\ndef main(size):\n    out.append(size)\nmain()\nresult = out[0]",
    "import typer\nresult = typer.Argument(...)",
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('name')\nresult = p.parse_args().name",
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--name', required=True)\nresult = p.parse_args().name",
    "import torch.multiprocessing as mp\nresult = mp.spawn(lambda r: 3, args=5)",
    "import fire\nresult = fire.Fire()",
    "import os\nresult = os.getpid()",
    "import os\nresult = os.cpu_count()",
    "import sys\nresult = sys.version",
    "import sys\nresult = sys.argv[0]",
    "import sys\nresult = sys.executable",
    "import time\nresult = time.time()",
    "import random\nresult = random.random()",
    "import uuid\nresult = uuid.uuid4()",
    "import os\nos.environ[input()] = '1'\nresult = os.environ.get('A', '2')",
    "import os\nresult = os.environ['HOME']",
    "import os\nresult = os.listdir('.')",
]


@pytest.mark.parametrize("source", _UNKNOWN)
def test_what_only_the_run_knows_is_not_known(source: str) -> None:
    value, stuck = evaluated(source + "\n")
    assert stuck or isinstance(value, Opaque)
