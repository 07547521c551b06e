"""What a script writes and sets itself is what it reads later: files, saved arrays, environment variables."""

from __future__ import annotations

import pytest

from pgolf.audit.script_audit import ScriptAudit, audit_script
from pgolf.core.verdict import LutStatus
from pgolf.untrusted.script import MappedSiblings, Script
from tests.audit.test_script_audit import REFERENCE

CALL = 'luts = build_luts(sp, args.vocab_size, "cuda")'
START, END = REFERENCE.index("def build_luts"), REFERENCE.index("def load_shard")
BUILDER = "import numpy as np\nimport torch\n\n" + REFERENCE[START:END]
WITHOUT = REFERENCE[:START] + REFERENCE[END:]
PLUS_ONE = BUILDER.replace('len(piece.encode("utf-8"))', 'len(piece.encode("utf-8")) + 1')


def audit(source: str, files: dict[str, bytes] | None = None) -> ScriptAudit:
    return audit_script(Script("train_gpt.py", source.encode(), MappedSiblings(files or {})))


def with_call(text: str, source: str = REFERENCE) -> str:
    assert CALL in source
    return source.replace(CALL, text)


def written(builder: str, how: str) -> str:
    head = f"CODE = {builder!r}\n{how}\n"
    return head + WITHOUT.replace("def main():", "from made_luts import build_luts\n\n\ndef main():")


@pytest.mark.parametrize(
    "how",
    [
        'open("made_luts.py", "w").write(CODE)',
        'with open("made_luts.py", "w") as f:\n    f.write(CODE[:100])\n    f.write(CODE[100:])',
        'from pathlib import Path\nPath("made_luts.py").write_text(CODE)',
        "import os, sys, tempfile\nd = tempfile.mkdtemp()\n"
        'open(os.path.join(d, "made_luts.py"), "wb").write(CODE.encode())\nsys.path.insert(0, d)',
        'import os\nopen("x.tmp", "w").write(CODE)\nos.replace("x.tmp", "made_luts.py")',
        'import shutil\nopen("x.tmp", "w").write(CODE)\nshutil.copy("x.tmp", "made_luts.py")',
    ],
)
def test_a_module_that_the_script_writes_is_the_one_it_imports(how: str) -> None:
    stale = {"made_luts.py": BUILDER.encode()}
    assert audit(written(BUILDER, how)).lut_status is LutStatus.CORRECT
    # The file beside the script, canonical as it is, was written over.
    assert audit(written(PLUS_ONE, how), stale).lut_status is LutStatus.BUGGY


@pytest.mark.parametrize(
    "how",
    [
        'open("made_luts.py", "w").write(mystery())',
        'f = open("made_luts.py", "r+")\nf.write(CODE)',
        'import json\njson.dump(CODE, open("made_luts.py", "w"))',
        'import os\nos.replace("elsewhere.py", "made_luts.py")',
        'open("sub/made_luts.py", "w").write(CODE)\nimport sys\nsys.path.append("sub")',
        'print(CODE, file=open("made_luts.py", "w"))',
    ],
)
def test_a_file_that_was_written_over_with_something_unknown_is_not_read_as_it_lay(how: str) -> None:
    stale = {"made_luts.py": BUILDER.encode()}
    result = audit(written(PLUS_ONE, how), stale)
    if (
        "sub/" in how
    ):  # the script's own folder comes first on the path: Python imports the file beside the script
        return
    assert result.lut_status is not LutStatus.CORRECT


def test_the_folder_that_was_put_first_on_the_path_is_searched_first() -> None:
    source = 'import sys\nsys.path.WHERE"lib")\n' + WITHOUT.replace(
        "def main():", "from made_luts import build_luts\n\n\ndef main():"
    )
    files = {"made_luts.py": BUILDER.encode(), "lib/made_luts.py": PLUS_ONE.encode()}
    assert audit(source.replace("WHERE", "insert(0, "), files).lut_status is LutStatus.BUGGY
    assert audit(source.replace("WHERE", "append("), files).lut_status is LutStatus.CORRECT


@pytest.mark.parametrize(
    "keep",
    [
        'np.savez("c.npz", a=t[0], b=t[1], c=t[2])\n    z = np.load("c.npz")\n'
        '    luts = tuple(torch.from_numpy(z[k]) for k in "abc")',
        'torch.save(t, "c.pt")\n    luts = torch.load("c.pt")',
        'torch.save({"t": t}, "c.pt")\n    luts = torch.load("c.pt", map_location="cpu")["t"]',
        'for i, x in enumerate(t):\n        np.save(f"c{i}.npy", x)\n'
        '    luts = tuple(torch.from_numpy(np.load(f"c{i}.npy")) for i in range(3))',
    ],
)
def test_tables_that_are_saved_and_loaded_again_are_the_same_tables(keep: str) -> None:
    text = f't = build_luts(sp, args.vocab_size, "cuda")\n    {keep}'
    good = audit(with_call(text))
    assert good.lut_status is LutStatus.CORRECT, good.reason
    bad = with_call(text, REFERENCE.replace('len(piece.encode("utf-8"))', 'len(piece.encode("utf-8")) + 1'))
    assert audit(bad).lut_status is LutStatus.BUGGY
    # Saved, then changed before it is loaded: what was saved counts.
    changed = text.replace("\n    luts", "\n    t[0][:] = 1\n    luts")
    assert audit(with_call(changed)).lut_status is LutStatus.CORRECT


SWITCH = (
    'luts = build_luts(sp, args.vocab_size, "cuda") if os.environ.get("BYTES", "good") == "good" else '
    + ('(build_luts(sp, args.vocab_size, "cuda")[0] + 1, *build_luts(sp, args.vocab_size, "cuda")[1:])')
)


@pytest.mark.parametrize(
    "setting",
    [
        'os.environ["BYTES"] = "more"',
        'os.environ.update(BYTES="more")',
        'os.environ.update({"BYTES": "more"})',
        'os.environ.setdefault("BYTES", "more")',
        'os.environ["BYTES"] = mystery()',
        "os.environ.update(mystery())",
        'os.environ[mystery()] = "more"',
        'if mystery():\n    os.environ["BYTES"] = "more"',
        'for k in ["BYTES"]:\n    os.environ[k] = "more"',
    ],
)
def test_a_variable_that_the_script_sets_has_that_value(setting: str) -> None:
    # 2026-11-23: every variable was taken to have its default, also one that the script had set.
    source = with_call(SWITCH)
    assert audit(source).lut_status is LutStatus.CORRECT
    result = audit(source.replace("class Hyperparameters", f"{setting}\n\n\nclass Hyperparameters"))
    assert result.lut_status is not LutStatus.CORRECT


@pytest.mark.parametrize(
    "setting",
    ['os.environ["OTHER"] = "more"', 'os.environ["BYTES"] = "more"\ndel os.environ["BYTES"]',
     'os.environ["BYTES"] = "more"\nos.environ.pop("BYTES", None)', 'os.environ["BYTES"] = "good"',
     'os.environ.setdefault("BYTES", "good")\nos.environ.setdefault("BYTES", "more")'],
)  # fmt: skip
def test_a_variable_that_is_deleted_or_set_to_its_default_changes_nothing(setting: str) -> None:
    source = with_call(SWITCH).replace("class Hyperparameters", f"{setting}\n\n\nclass Hyperparameters")
    assert audit(source).lut_status is LutStatus.CORRECT


@pytest.mark.parametrize(
    "start",
    [
        'os.environ["BYTES"] = "more"\nsubprocess.run([sys.executable, "real.py"])',
        'env = os.environ.copy()\nenv["BYTES"] = "more"\nsubprocess.run([sys.executable, "real.py"], env=env)',
        'subprocess.run([sys.executable, "real.py"], env={**os.environ, "BYTES": "more"})',
    ],
)
def test_a_started_script_gets_the_variables_of_its_launcher(start: str) -> None:
    launcher = f"import os, subprocess, sys\n{start}\n"
    files = {"real.py": with_call(SWITCH).encode()}
    assert audit(launcher, files).lut_status is not LutStatus.CORRECT
    plain = 'import subprocess, sys\nsubprocess.run([sys.executable, "real.py"])\n'
    assert audit(plain, files).lut_status is LutStatus.CORRECT
